"""Scalars as Frobenius products ``A : B = tr(A'*B)``: what a quadratic form, a trace or a sum of entries is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from matcalc.derivations.forms import Pairing, scaled
from matcalc.expr import (
    ONE,
    Add,
    Expr,
    Hadamard,
    Product,
    Quotient,
    Transpose,
    are_transposes,
    hadamard,
    ones,
    product,
    quotient,
    transpose,
)
from matcalc.ops.reductions import Total, Trace, total, trace
from matcalc.ops.structure import eye


def pairings_of(e: Expr, active: Callable[[Expr], bool]) -> list[Pairing] | None:
    """The terms of a scalar as Frobenius products; None where no term that is ``active`` is one."""
    found: list[Pairing] = []
    written = False
    for scale, body in scalar_terms(e, active):
        pair = pairing(body, active) if active(body) else None
        written = written or pair is not None
        if pair is None:
            found.append(Pairing(ONE, scaled(scale, body)))
        else:
            found.append(Pairing(hadamard(scale, pair.left), pair.right) if scale is not ONE else pair)
    return found if written else None


def scalar_terms(e: Expr, active: Callable[[Expr], bool]) -> list[tuple[Expr, Expr]]:
    """The terms of a scalar, each as what does not change in it and the rest; traces and sums of sums are taken apart."""
    found: list[tuple[Expr, Expr]] = []
    stack: list[tuple[Expr, Expr]] = [(ONE, e)]
    while stack:
        outside, term = stack.pop()
        scale, body = without_scalars(term, active)
        scale = scale if outside is ONE else outside if scale is ONE else hadamard(outside, scale)
        inside: tuple[Expr, ...] = ()
        match body:
            case Add(args):
                inside = args
            case Trace(Add(args)) if active(body):
                inside = tuple(trace(a) for a in args)
            case Total(Add(args), None) if active(body):
                inside = tuple(total(a) for a in args)
            case Trace(Hadamard(args)) | Total(Hadamard(args), None) if any(a.is_scalar and not active(a) for a in args):
                fixed = [a for a in args if a.is_scalar and not active(a)]
                rest = hadamard(*(a for a in args if not a.is_scalar or active(a)))
                scale, inside = hadamard(scale, *fixed), (body.rebuild([rest]),)
        stack.extend((scale, a) for a in reversed(inside))
        if not inside:
            found.append((scale, body))
    return found


def without_scalars(term: Expr, active: Callable[[Expr], bool]) -> tuple[Expr, Expr]:
    """A scalar as what does not change in it, times the rest."""
    scale: Expr = ONE
    while True:
        match term:
            case Hadamard(args) if any(not active(a) for a in args):
                scale = hadamard(scale, *(a for a in args if not active(a)))
                term = hadamard(*(a for a in args if active(a)))
            case Quotient(above, below) if not active(below):
                scale, term = quotient(scale, below), above
            case _:
                return scale, term


def pairing(e: Expr, active: Callable[[Expr], bool]) -> Pairing | None:
    """One scalar as a Frobenius product; None where it is not written as one."""
    match e:
        case Product(args) if e.is_scalar and (half := square_root(args)) is not None:
            return Pairing(half, half)
        case Product(args) if e.is_scalar:
            k = next((k for k, a in enumerate(args) if active(a)), 0)
            middle = len(args) - 1 if k == len(args) - 1 else 1
            return Pairing(turned(args[:middle], active), product(*args[middle:]))
        case Trace(Product(args)):
            return traced(args, active)
        case Trace(arg):
            return Pairing(eye(arg.rows), arg)
        case Total(Hadamard(args), None) if sum(not a.is_scalar for a in args) > 1:
            scalars = [a for a in args if a.is_scalar]
            first, *rest = arrays = [a for a in args if not a.is_scalar]
            if all(n % 2 == 0 for n in Counter(arrays).values()):
                half = hadamard(*(a for a, n in Counter(arrays).items() for _ in range(n // 2)))
                return Pairing(hadamard(*scalars, half), half)
            return Pairing(hadamard(*scalars, first), hadamard(*rest))
        case Total(arg, None) if arg.axes is None:
            return Pairing(ones(arg.rows, arg.cols), arg)
    return None


def square_root(args: tuple[Expr, ...]) -> Expr | None:
    """``y`` where a product is ``y'*y``, written as one."""
    n = len(args)
    if n % 2 or not all(are_transposes(args[k], args[n - 1 - k]) for k in range(n // 2)):
        return None
    return product(*args[n // 2 :])


def traced(args: tuple[Expr, ...], active: Callable[[Expr], bool]) -> Pairing:
    """``tr(A*B)`` as ``A' : B``, cut so that what changes stays whole and no transpose is left over."""
    places = [k for k, a in enumerate(args) if active(a)]
    if len(places) == 1:
        (k,) = places
        if isinstance(args[k], Transpose):
            return Pairing(product(*args[k + 1 :], *args[:k]), args[k].operands[0])
        return Pairing(turned((*args[k + 1 :], *args[:k]), active), args[k])
    if isinstance(args[-1], Transpose) and not isinstance(args[0], Transpose):
        return Pairing(args[-1].arg, product(*args[:-1]))
    return Pairing(turned(args[:1], active), product(*args[1:]))


def turned(args: tuple[Expr, ...], active: Callable[[Expr], bool]) -> Expr:
    """The transpose of a product, written out; a symmetric factor is its own where it does not change.

    The symmetry of what changes is a fact of the point: its differential has none.
    """
    return product(*(a if a.symmetric and not active(a) else untransposed(transpose(a)) for a in reversed(args)))


def untransposed(e: Expr) -> Expr:
    """A transpose without one upon another."""
    return e.arg.arg if isinstance(e, Transpose) and isinstance(e.arg, Transpose) else e
