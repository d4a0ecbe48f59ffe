"""What is known of an expression without being declared: whether it has an attribute, by what it is made of."""

from __future__ import annotations

from collections.abc import Callable

from matcalc.dims import is_unit, same_dim
from matcalc.expr import (
    Add,
    Expr,
    Hadamard,
    Let,
    Number,
    Ones,
    Product,
    Quotient,
    Symbol,
    Transpose,
    are_transposes,
    coefficient,
    rational,
)
from matcalc.ops.linalg import Inverse, MatrixPower
from matcalc.ops.reductions import Norm2, Softmax
from matcalc.ops.structure import Diag, Eye, Kron, UnitVector, Zeros
from matcalc.ops.triangles import Tril

UNCONSTRAINING = ("complex",)  # a complex symbol may be replaced by something real


def unknown_facts(e: Expr, s: Symbol) -> list[str]:
    """The declared attributes of a symbol that ``e`` is not known to have."""
    return [fact for fact in s.facts if fact not in UNCONSTRAINING and not has_fact(e, fact)]


def has_fact(e: Expr, fact: str) -> bool:
    """Whether ``e`` is known to have an attribute; False where that is not known."""
    if isinstance(e, Let):
        return has_fact(e.arg, fact)
    if isinstance(e, Symbol) and e.has(fact):
        return True
    if e.is_scalar and fact in ("symmetric", "diagonal", "lower_triangular", "toeplitz"):
        return True
    return fact in KNOWN and KNOWN[fact](e)


def _scaled(e: Expr) -> tuple[int, Expr] | None:
    """The sign of a scalar factor, where it is known and not 0, and the one array that it multiplies."""
    if isinstance(e, Quotient) and e.below.is_scalar and e.below.sign == 2:
        return 2, e.above
    if not isinstance(e, Hadamard) or e.args[-1].is_scalar or any(not f.is_scalar for f in e.args[:-1]):
        return None
    signs = [2 if (r := rational(f)) is not None and r > 0 else f.sign for f in e.args[:-1]]
    return min(signs), e.args[-1]


def _psd(e: Expr) -> bool:
    """Positive definite: the identity, positive multiples, inverses, and sums with something positive semidefinite."""
    if isinstance(e, Add):
        return all(_semidefinite(t) for t in e.args) and any(_psd(t) for t in e.args)
    if isinstance(e, Inverse):
        return has_fact(e.arg, "psd")
    if isinstance(e, Diag):
        return e.arg.sign == 2
    if isinstance(e, Kron):
        return all(has_fact(f, "psd") for f in e.operands)
    if (scaled := _scaled(e)) is not None:
        return scaled[0] == 2 and has_fact(scaled[1], "psd")
    return isinstance(e, Eye) or (isinstance(e, Symbol) and e.has("psd")) or (e.is_scalar and e.sign == 2)


def _semidefinite(e: Expr) -> bool:
    if isinstance(e, Product):
        half = len(e.args) // 2
        outer = all(are_transposes(e.args[k], e.args[-1 - k]) for k in range(half))
        return outer and (len(e.args) % 2 == 0 or has_fact(e.args[half], "psd"))
    if (scaled := _scaled(e)) is not None:
        return scaled[0] >= 1 and _semidefinite(scaled[1])
    return isinstance(e, Zeros) or (isinstance(e, Diag) and e.arg.sign >= 1) or _psd(e)


def _invertible(e: Expr) -> bool:
    if isinstance(e, (Inverse, Transpose)):
        return isinstance(e, Inverse) or has_fact(e.arg, "invertible")
    if isinstance(e, Product):
        return all(e.is_square and f.is_square and has_fact(f, "invertible") for f in e.args)
    if isinstance(e, MatrixPower):
        return has_fact(e.base, "invertible")
    if isinstance(e, Number):
        return bool(e.value.is_nonzero)
    return _psd(e) or _orthogonal(e)


def _orthogonal(e: Expr) -> bool:
    if isinstance(e, Product):
        return all(has_fact(f, "orthogonal") for f in e.args)
    if isinstance(e, (Transpose, Inverse)):
        return has_fact(e.arg, "orthogonal")
    return isinstance(e, Eye) or (isinstance(e, Symbol) and e.has("orthogonal"))


def _diagonal(e: Expr) -> bool:
    if isinstance(e, (Product, Add)):
        return all(has_fact(f, "diagonal") for f in e.operands)
    if isinstance(e, Hadamard):
        return any(has_fact(f, "diagonal") for f in e.args if not f.is_scalar)
    if isinstance(e, (Inverse, Transpose)):
        return has_fact(e.arg, "diagonal")
    return isinstance(e, (Diag, Eye)) or (isinstance(e, Zeros) and same_dim(e.rows, e.cols))


def _lower(e: Expr) -> bool:
    if isinstance(e, (Product, Add)):
        return all(has_fact(f, "lower_triangular") for f in e.operands)
    return isinstance(e, Tril) or _diagonal(e)


def _skew(e: Expr) -> bool:
    if isinstance(e, Add) and len(e.args) == 2:
        for one, other in (e.args, e.args[::-1]):
            number, body = coefficient(other)
            if number == -1 and are_transposes(one, body) and one is not body:
                return True
    return isinstance(e, Zeros) and same_dim(e.rows, e.cols)


def _unit(e: Expr) -> bool:
    if isinstance(e, Quotient) and isinstance(e.below, Norm2):
        return e.below.arg is e.above
    if isinstance(e, Product) and len(e.args) == 2:
        return has_fact(e.args[0], "orthogonal") and has_fact(e.args[1], "unit")
    return isinstance(e, UnitVector)


def _hermitian(e: Expr) -> bool:
    return (not e.is_complex and e.symmetric) or (isinstance(e, Symbol) and e.is_hermitian) or isinstance(e, Eye)


def _integer(e: Expr) -> bool:
    return isinstance(e, Number) and bool(e.value.is_integer)


KNOWN: dict[str, Callable[[Expr], bool]] = {
    "symmetric": lambda e: e.symmetric or _diagonal(e) or _psd(e),
    "psd": _psd,
    "diagonal": _diagonal,
    "orthogonal": _orthogonal,
    "invertible": _invertible,
    "lower_triangular": _lower,
    "skew": _skew,
    "toeplitz": lambda e: isinstance(e, (Eye, Ones, Zeros)),
    "zero_diagonal": lambda e: isinstance(e, Zeros) or _skew(e),
    "positive": lambda e: e.sign == 2,
    "unit": _unit,
    "simplex": lambda e: isinstance(e, Softmax) and (e.axis is None or (e.axis == 1 and not is_unit(e.cols))),
    "integer": _integer,
    "hermitian": _hermitian,
}
