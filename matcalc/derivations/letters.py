"""The letters that mathematicians give to a part of a formula: a residual ``r``, a layer ``H``, probabilities ``p``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from matcalc.dims import is_unit
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Let,
    Number,
    Ones,
    Operator,
    Power,
    Product,
    Quotient,
    coefficient,
    is_negative,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Exp, Sqrt
from matcalc.ops.reductions import AxisReduction, Norm1, Norm2, NormF, NormInf, Softmax, Total
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient

LAYERS = {"tanh", "sigmoid", "relu", "softplus", "silu", "gelu", "softsign", "leaky_relu", "elu", "selu", "sin", "cos"}
POOLS = {"scalar": "stchgpq", "vector": "zuvqwpr", "matrix": "ZYVUTQPR"}  # for what has no letter of its own


def letters(e: Expr) -> Iterator[str]:
    """Names for a part of a formula, the best first, without end."""
    yield from custom(e)
    yield from pool(e)


def pool(e: Expr) -> Iterator[str]:
    """Names for what has no letter of its own: those of its kind, then those with a number behind, without end."""
    bases = POOLS[kind_of(e)]
    yield from bases
    for k in count(1):
        yield from (f"{base}{k}" for base in bases)


def kind_of(e: Expr) -> str:
    """``"scalar"``, ``"vector"`` for a column or a row, or ``"matrix"``."""
    if e.axes is None and (is_unit(e.rows) or is_unit(e.cols)):
        return "scalar" if e.is_scalar else "vector"
    return "matrix"


def custom(e: Expr) -> tuple[str, ...]:
    """The letters of what has some by custom."""
    kind = kind_of(e)
    match e:
        case Entrywise() if e.name in LAYERS:
            return _by_kind(kind, "s", "h", "H")
        case Softmax():
            return _by_kind(kind, "p", "p", "P")
        case Exp():
            return _by_kind(kind, "t", "k", "K")
        case Sqrt():
            return custom(e.arg) if is_distance(e.arg) else ("s",) if kind != "matrix" else ()
        case Norm1() | Norm2() | NormF() | NormInf():
            return ("rho",)
        case Quotient(Total() | AxisReduction() as total, below) if below.is_scalar and kind != "matrix":
            return ("v",) if isinstance(total.arg, Power) else ("mu",)  # a variance, or a mean
        case Add() | BroadcastAdd() if is_distance(e):
            return ("D",)
        case Add() | BroadcastAdd() if is_residual(e) and kind != "scalar":
            return _by_kind(kind, "r", "r", "R")
        case _:
            return ()


def _by_kind(kind: str, scalar: str, vector: str, matrix: str) -> tuple[str, ...]:
    return ({"scalar": scalar, "vector": vector, "matrix": matrix}[kind],)


def is_residual(e: Expr) -> bool:
    """Whether something is subtracted from something that is not constant, as in ``A*x - b``."""
    first, *rest = terms_of_sum(e)
    return not isinstance(first, (Number, Ones)) and any(map(is_negative, rest)) and not is_negative(first)


def is_distance(e: Expr) -> bool:
    """Whether a matrix is ``u .+ v' - 2*X*Y'``: the squared distances of points."""
    bodies = [coefficient(t)[1] for t in terms_of_sum(e)]
    column = any(is_unit(t.cols) and not is_unit(t.rows) for t in bodies)
    row = any(is_unit(t.rows) and not is_unit(t.cols) for t in bodies)
    return kind_of(e) == "matrix" and column and row and any(isinstance(t, Product) and kind_of(t) == "matrix" for t in bodies)


def terms_of_sum(e: Expr) -> list[Expr]:
    """The terms of a sum, those of sums in it too, in reading order."""
    found: list[Expr] = []
    stack = [e]
    while stack:
        t = stack.pop()
        if isinstance(t, (Add, BroadcastAdd)):
            stack.extend(reversed(t.operands))
        else:
            found.append(t)
    return found


def taken_names(roots: Iterable[Expr]) -> set[str]:
    """Every name that expressions use: of symbols, dimensions, variables and functions."""
    taken: set[str] = set()
    for e in postorder(list(roots), lambda x: x.operands):
        if isinstance(e, Let):
            taken.add(e.name)
        elif isinstance(e, (Unspecified, UnspecifiedGradient)):
            taken.update((e.function, f"d{e.function}"))
        elif isinstance(e, Operator):
            taken.add(e.name)
        elif isinstance(e, Number):
            taken.update(str(s) for s in e.value.free_symbols)
        if not e.operands:
            taken.update(str(s) for d in (e.rows, e.cols, *(e.axes or ())) if not isinstance(d, int) for s in d.free_symbols)
    return taken | {s.name for r in roots for s in r.symbols}
