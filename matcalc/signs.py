"""What intervals hold the entries of an expression: rules from the operands' intervals, one row each.

A rule answers with an interval and what it used; ``matcalc.prover`` applies them, operands first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import sympy as sp

from matcalc.dims import Dim, DimSymbol
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Hadamard,
    Item,
    Let,
    Number,
    Ones,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    are_transposes,
    product,
    rational,
)
from matcalc.facts import TRIVIAL, Fact, premises
from matcalc.graphs import GRAPHS
from matcalc.interval import (
    EVERYTHING,
    NONNEGATIVE,
    POSITIVE,
    UNIT,
    Interval,
    added_up,
    between,
    point,
    repeated,
)
from matcalc.ops.blocks import HStack, Slice, VStack
from matcalc.ops.elementwise import Maximum, Minimum, Where
from matcalc.ops.linalg import Det
from matcalc.ops.reductions import LogSumExp, Norm1, Norm2, NormF, NormInf, Prod, Softmax, Total, Trace
from matcalc.ops.spectral import Eig, EigMax, EigMin, Nuclear, Spectral, SvdVals
from matcalc.ops.structure import Diag, Diagonal, Eye, Kron, Reshape, UnitVector, Vec, Zeros
from matcalc.ops.triangles import Tril, Triu
from matcalc.words import letters_of, mirrored

NEARLY = Fraction(1, 10**4)  # how far the ends of an interval for pi lie from it


@dataclass(frozen=True)
class Bound:
    """An interval that holds every entry, and the fact that says so; None where nothing is known."""

    interval: Interval
    fact: Fact | None


class Knows(Protocol):
    """What rules ask about other expressions."""

    def range(self, e: Expr) -> Bound: ...

    def definite(self, e: Expr) -> Fact | None: ...


Found = tuple[Interval, Sequence[Fact | None]]
Ranger = Callable[[Expr, Knows], Found | None]


@dataclass(frozen=True)
class RangeRule:
    """A rule for operators of these classes (empty for all)."""

    name: str
    classes: tuple[type[Expr], ...]
    find: Ranger
    why: str

    def apply(self, e: Expr, known: Knows) -> Bound | None:
        """The bound by this rule, if it says anything."""
        if self.classes and not isinstance(e, self.classes):
            return None
        found = self.find(e, known)
        if found is None or found[0].is_everything:
            return None
        return Bound(found[0], Fact(e, str(found[0]), self.name, self.why, premises(found[1])))


# ------------------------------------------------------------------ leaves
def _declared_range(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Symbol)
    if e.has("simplex"):
        return UNIT, ()
    if e.has("positive") or (e.is_scalar and e.has("psd")):
        return POSITIVE, ()
    return (between(-1, 1), ()) if e.has("unit") else None


def _number_range(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Number)
    value = e.value
    if isinstance(value, sp.Rational):
        return point(Fraction(int(value.p), int(value.q))), ()
    if value.is_number and value.is_real:
        near = Fraction(round(float(value) / NEARLY)) * NEARLY
        return Interval(near - NEARLY, near + NEARLY, True, True), ()
    return None


def _dimension_range(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Number)
    return (between(1, None), ()) if isinstance(e.value, DimSymbol) else None


def _constant_range(e: Expr, known: Knows) -> Found | None:
    if isinstance(e, Ones):
        return point(1), ()
    return (point(0), ()) if isinstance(e, Zeros) else (between(0, 1), ())


# ------------------------------------------------------------------ arithmetic
def _sum_range(e: Expr, known: Knows) -> Found | None:
    bounds = [known.range(a) for a in e.operands]
    return added_up(b.interval for b in bounds), [b.fact for b in bounds]


def _hadamard_range(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Hadamard)
    powers: dict[Expr, int] = {}
    for a in e.args:
        powers[a] = powers.get(a, 0) + 1
    total = point(1)
    for a, count in powers.items():
        total = total * known.range(a).interval.power(Fraction(count))
    return total, [known.range(a).fact for a in powers]


def _quotient_range(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Quotient)
    above, below = known.range(e.above), known.range(e.below)
    return above.interval * below.interval.inverse(), (above.fact, below.fact)


def _power_range(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Power)
    p = rational(e.exponent)
    base = known.range(e.base)
    if p is not None:
        return base.interval.power(Fraction(int(p.p), int(p.q))), (base.fact,)
    return (POSITIVE, (base.fact,)) if base.interval.is_positive else None


def _entrywise_range(e: Expr, known: Knows) -> Found | None:
    graph = GRAPHS.get(type(e).__name__)
    if graph is None or len(e.operands) != 1:
        return None
    inner = known.range(e.operands[0])
    if not inner.interval.within(graph.domain):
        inner = Bound(inner.interval.meet(graph.domain), inner.fact)
    if inner.interval.low > inner.interval.high:  # outside the domain
        return None
    image = graph.image(inner.interval)
    if image == graph.image(graph.domain):
        return image, ()
    return image, (inner.fact,)


def _absolute_range(e: Expr, known: Knows) -> Found | None:
    inner = known.range(e.operands[0])
    if inner.interval.is_everything:
        return None
    up = inner.interval.largest(-inner.interval)
    low = inner.interval if inner.interval.is_nonnegative else -inner.interval if inner.interval.is_nonpositive else None
    if type(e).__name__ == "Relu":
        return inner.interval.largest(point(0)), (inner.fact,)
    return (low if low is not None else NONNEGATIVE.meet(up)), (inner.fact,)


def _extremum_range(e: Expr, known: Knows) -> Found | None:
    a, b = (known.range(x) for x in e.operands)
    if isinstance(e, Maximum):
        return a.interval.largest(b.interval), (a.fact, b.fact)
    return -(-a.interval).largest(-b.interval), (a.fact, b.fact)


def _where_range(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Where)
    a, b = known.range(e.then), known.range(e.other)
    return a.interval.hull(b.interval), (a.fact, b.fact)


# ------------------------------------------------------------------ entries moved and added up
def _moved_range(e: Expr, known: Knows) -> Found | None:
    inner = known.range(e.operands[0])
    return inner.interval, (inner.fact,)


def _padded_range(e: Expr, known: Knows) -> Found | None:
    inner = known.range(e.operands[0])
    return inner.interval.hull(point(0)), (inner.fact,)


def _stacked_range(e: Expr, known: Knows) -> Found | None:
    bounds = [known.range(a) for a in e.operands]
    total = bounds[0].interval
    for b in bounds[1:]:
        total = total.hull(b.interval)
    return total, [b.fact for b in bounds]


def _total_range(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, (Total, Trace))
    inner = known.range(e.arg)
    count: Dim = e.arg.rows
    if isinstance(e, Total):
        count = e.arg.cols if e.axis == 1 else e.arg.rows
        if e.axis is None and isinstance(count, int) and isinstance(e.arg.cols, int):
            count = count * e.arg.cols
        elif e.axis is None and not isinstance(e.arg.cols, int):
            count = e.arg.cols
    return repeated(inner.interval, count if isinstance(count, int) else None), (inner.fact,)


def _product_range(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Product)
    first = known.range(e.args[0])
    total, facts = first.interval, [first.fact]
    for before, a in zip(e.args, e.args[1:], strict=False):
        b = known.range(a)
        facts.append(b.fact)
        one = total * b.interval
        if isinstance(before, (Diag, Eye)) or isinstance(a, (Diag, Eye)):
            total = one.hull(point(0))
        else:
            total = repeated(one, before.cols if isinstance(before.cols, int) else None)
    return total, facts


def _kron_range(e: Expr, known: Knows) -> Found | None:
    a, b = (known.range(x) for x in e.operands)
    return a.interval * b.interval, (a.fact, b.fact)


# ------------------------------------------------------------------ norms, forms and spectra
def _norm_range(e: Expr, known: Knows) -> Found | None:
    inner = known.range(e.operands[0])
    if isinstance(e, (Norm1, Norm2, NormF, NormInf)) and (inner.interval.is_positive or inner.interval.is_negative):
        return POSITIVE, (inner.fact,)
    return NONNEGATIVE, ()


def _simplex_total(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Total)
    x = e.arg
    whole = e.axis is None
    if isinstance(x, Softmax) and x.axis == e.axis:
        return point(1), ()
    if isinstance(x, Symbol) and x.has("simplex") and (e.axis == 1 or (whole and x.ndim == 1)):
        return point(1), ()
    return None


def form_range(e: Expr, known: Knows) -> Found | None:
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


def _unit_length(e: Expr, known: Knows) -> Found | None:
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


def cyclic_range(e: Expr, known: Knows) -> Found | None:
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


def _spectrum_range(e: Expr, known: Knows) -> Found | None:
    proof = known.definite(e.operands[0])
    if proof is None:
        return None
    return (POSITIVE if proof.claim == "pd" else NONNEGATIVE), (proof,)


def corner_range(e: Expr, known: Knows) -> Found | None:
    """A diagonal entry of a psd matrix."""
    assert isinstance(e, Item)
    if not e.row or e.row != e.col or not e.arg.is_square:
        return None
    return _spectrum_range(e, known)


NORMS = (Norm1, Norm2, NormF, NormInf, Nuclear, Spectral, SvdVals)
MOVED = (Transpose, Vec, Reshape, Item, Slice, Diagonal, Let)
RULES: tuple[RangeRule, ...] = (
    RangeRule("declared", (Symbol,), _declared_range, "it is declared so"),
    RangeRule(TRIVIAL, (Number,), _number_range, "it is a number"),
    RangeRule("dimension", (Number,), _dimension_range, "a dimension is at least 1"),
    RangeRule("constant", (Ones, Zeros, Eye, UnitVector), _constant_range, "its entries are zeros and ones"),
    RangeRule("sum", (Add, BroadcastAdd), _sum_range, "intervals add up"),
    RangeRule("entrywise-product", (Hadamard,), _hadamard_range, "intervals multiply, and even powers are not negative"),
    RangeRule("quotient", (Quotient,), _quotient_range, "intervals divide where the denominator keeps its sign"),
    RangeRule("power", (Power,), _power_range, "powers of an interval; even ones are not negative"),
    RangeRule("function", (Entrywise,), _entrywise_range, "these are the values that the function takes"),
    RangeRule(
        "absolute-value",
        (Entrywise,),
        lambda e, p: _absolute_range(e, p) if type(e).__name__ in ("Abs", "Relu") else None,
        "an absolute value or a positive part of numbers in an interval",
    ),
    RangeRule("larger-of-two", (Maximum, Minimum), _extremum_range, "the larger of two is at least each"),
    RangeRule("choice", (Where,), _where_range, "each entry is one of the two"),
    RangeRule("entries", MOVED, _moved_range, "its entries are entries of the operand"),
    RangeRule("padded", (Diag, Tril, Triu), _padded_range, "its entries are entries of the operand and zeros"),
    RangeRule("stack", (HStack, VStack), _stacked_range, "its entries are those of its blocks"),
    RangeRule("probabilities", (Total,), _simplex_total, "probabilities sum to 1"),
    RangeRule("total", (Total, Trace), _total_range, "a sum of entries, of which there is at least one"),
    RangeRule("unit-length", (Product,), _unit_length, "a unit vector has norm 1; squares of probabilities sum to at most 1"),
    RangeRule("quadratic-form", (Product,), form_range, "v'*P*v is not negative for a psd P"),
    RangeRule("product", (Product,), _product_range, "an entry is a sum of products"),
    RangeRule("kronecker", (Kron,), _kron_range, "its entries are products"),
    RangeRule("products", (Prod,), lambda e, p: _if_positive(e.operands[0], p), "a product of such entries"),
    RangeRule("probability", (Softmax,), lambda e, p: (UNIT, ()), "a softmax gives probabilities"),
    RangeRule("norm", NORMS, _norm_range, "a norm is not negative, and 0 at 0 alone"),
    RangeRule("log-sum-exp", (LogSumExp,), lambda e, p: _at_least(e.operands[0], p), "it is at least each of its arguments"),
    RangeRule("trace", (Trace,), cyclic_range, "tr(P*B*Q*B') is the squared norm of sqrt(P)*B*sqrt(Q) for psd P and Q"),
    RangeRule(
        "spectrum",
        (Det, EigMax, EigMin, Eig, Diagonal),
        _spectrum_range,
        "a psd matrix has no negative eigenvalue and no negative diagonal entry, a pd matrix positive ones",
    ),
    RangeRule(
        "diagonal-entry", (Item,), corner_range, "a psd matrix has no negative diagonal entry, a pd matrix positive ones"
    ),
)


def _if_positive(x: Expr, known: Knows) -> Found | None:
    inner = known.range(x)
    if inner.interval.is_positive:
        return POSITIVE, (inner.fact,)
    return (NONNEGATIVE, (inner.fact,)) if inner.interval.is_nonnegative else None


def _at_least(x: Expr, known: Knows) -> Found | None:
    inner = known.range(x)
    return Interval(inner.interval.low, EVERYTHING.high, inner.interval.low_open), (inner.fact,)
