"""Signs of norms, quadratic forms, traces and spectra: what definiteness shows of numbers."""

from __future__ import annotations

from matcalc.curvature.interval import (
    NONNEGATIVE,
    POSITIVE,
    UNIT,
    point,
)
from matcalc.curvature.known import Knows, Ranged
from matcalc.curvature.words import letters_of, mirrored
from matcalc.expr import (
    Expr,
    Item,
    Product,
    Symbol,
    are_transposes,
    product,
)
from matcalc.ops.reductions import Norm1, Norm2, NormF, NormInf, Softmax, Total, Trace
from matcalc.ops.structure import UnitVector


def norm_range(e: Expr, known: Knows) -> Ranged | None:
    """A norm: not negative, and positive of what is."""
    inner = known.range(e.operands[0])
    if isinstance(e, (Norm1, Norm2, NormF, NormInf)) and (inner.interval.is_positive or inner.interval.is_negative):
        return POSITIVE, (inner.fact,)
    return NONNEGATIVE, ()


def simplex_total(e: Expr, known: Knows) -> Ranged | None:
    """The sum of probabilities."""
    assert isinstance(e, Total)
    x = e.arg
    whole = e.axis is None
    if isinstance(x, Softmax) and x.axis == e.axis:
        return point(1), ()
    if isinstance(x, Symbol) and x.has("simplex") and (e.axis == 1 or (whole and x.ndim == 1)):
        return point(1), ()
    return None


def form_range(e: Expr, known: Knows) -> Ranged | None:
    """``b' P b`` and ``b' b``."""
    assert isinstance(e, Product)
    if not e.is_scalar:
        return None
    if len(e.args) % 2 == 0 and mirrored(e.args, 0):
        return NONNEGATIVE, ()
    for half in range((len(e.args) - 1) // 2, 0, -1):
        if not mirrored(e.args, len(e.args) - 2 * half):
            continue
        proof = known.definite(product(*e.args[half : len(e.args) - half]))
        if proof is not None:
            sure = proof.claim == "pd" and half == 1 and nonzero(e.args[-1], known)
            return (POSITIVE if sure else NONNEGATIVE), (proof,)
    return None


def nonzero(e: Expr, known: Knows) -> bool:
    """Whether a vector is known not to be zero."""
    bound = known.range(e).interval
    return bound.is_positive or bound.is_negative or (isinstance(e, Symbol) and e.has("unit")) or isinstance(e, UnitVector)


def unit_length(e: Expr, known: Knows) -> Ranged | None:
    """``u'*u`` of a unit vector, and ``q'*q`` of probabilities."""
    assert isinstance(e, Product)
    x = e.args[-1]
    square = len(e.args) == 2 and are_transposes(*e.args) and x.ndim == 1
    unit = square and (isinstance(x, UnitVector) or (isinstance(x, Symbol) and x.has("unit")))
    if unit:
        return point(1), ()
    probabilities = square and known.range(x).interval.within(UNIT) and sums_to_one(x)
    return (UNIT, ()) if probabilities else None


def sums_to_one(x: Expr) -> bool:
    """Whether a column is known to hold probabilities that sum to 1."""
    return x.ndim == 1 and ((isinstance(x, Softmax) and x.axis is None) or (isinstance(x, Symbol) and x.has("simplex")))


def cyclic_range(e: Expr, known: Knows) -> Ranged | None:
    """``tr(P B Q B')`` for psd ``P`` and ``Q``: a cyclic word that a reflection leaves as it is."""
    assert isinstance(e, Trace)
    proof = known.definite(e.arg)
    if proof is not None:
        return (POSITIVE if proof.claim == "pd" else NONNEGATIVE), (proof,)
    word = letters_of(e.arg)
    n = len(word)
    if n < 2 or n > 64:
        return None
    for start in range(n):
        turned = word[start:] + word[:start]
        for axis in (0, 1) if n % 2 == 0 else (1,):
            # with ``axis`` 1 the first letter is on the axis itself, with 0 the gap before it
            rest = turned[axis:]
            middle = len(rest) % 2
            if not mirrored(rest, middle):
                continue
            on_axis = [*turned[:axis], *rest[len(rest) // 2 : len(rest) // 2 + middle]]
            proofs = [known.definite(x) for x in on_axis]
            if all(p is not None for p in proofs):
                return NONNEGATIVE, proofs
    return None


def spectrum_range(e: Expr, known: Knows) -> Ranged | None:
    """Eigenvalues, a determinant or the diagonal of a psd matrix."""
    proof = known.definite(e.operands[0])
    if proof is None:
        return None
    return (POSITIVE if proof.claim == "pd" else NONNEGATIVE), (proof,)


def corner_range(e: Expr, known: Knows) -> Ranged | None:
    """A diagonal entry of a psd matrix."""
    assert isinstance(e, Item)
    if not e.row or e.row != e.col or not e.arg.is_square:
        return None
    return spectrum_range(e, known)
