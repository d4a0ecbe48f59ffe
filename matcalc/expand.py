"""Multiplying out: products over sums, and nothing else."""

from __future__ import annotations

from itertools import product as choices
from math import prod

from matcalc.errors import LimitError
from matcalc.expr import Add, BroadcastAdd, Expr, Hadamard, Product, Quotient, Transpose, add, as_expr, brief, spread
from matcalc.node import postorder
from matcalc.ops.reductions import Total, Trace
from matcalc.ops.structure import Diag, Diagonal

MAX_TERMS = 10_000
LINEAR = (Transpose, Trace, Total, Diag, Diagonal)
OPENED = (*LINEAR, Add, BroadcastAdd, Product, Hadamard, Quotient)


def expand(e: object) -> Expr:
    """Products multiplied out over sums, and sums taken out of transposes, traces, sums and diagonals.

    Parameters
    ----------
    e : Expr, any shape

    Raises
    ------
    LimitError
        If the result would have more than 10,000 terms.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, B, x = mc.symbols("A[n,n] B[n,n] x[n]")
    >>> mc.expand((A + B) @ x)
    A*x + B*x
    """
    root = as_expr(e)
    return add(*terms_of(root, MAX_TERMS, inside=True))


def terms_of(root: Expr, most: int, *, inside: bool) -> list[Expr]:
    """The terms of an expression multiplied out; ``inside`` works within the arguments of functions too.

    Raises
    ------
    LimitError
        If there would be more than ``most``.
    """

    def open_(x: Expr) -> tuple[Expr, ...]:
        return x.operands if inside or isinstance(x, OPENED) else ()

    terms: dict[Expr, list[Expr]] = {}
    for node in postorder([root], open_):
        terms[node] = _terms(node, [terms[c] for c in node.operands], most) if open_(node) else [node]
    return terms[root]


def _terms(e: Expr, parts: list[list[Expr]], most: int) -> list[Expr]:
    """The terms of a node, given those of its operands."""
    if isinstance(e, Add):
        return [t for p in parts for t in p]
    if isinstance(e, BroadcastAdd):
        return [spread(t, (e.rows, e.cols)) for p in parts for t in p]
    if isinstance(e, (Product, Hadamard)):
        count = prod(len(p) for p in parts)
        if count > most:
            raise LimitError(f"{brief(e)} multiplies out to {count} terms; the limit is {most}")
        return [e.rebuild(choice) for choice in choices(*parts)]
    if isinstance(e, Quotient) and len(parts[0]) > 1:
        return [e.rebuild([t, add(*parts[1])]) for t in parts[0]]
    if isinstance(e, LINEAR):
        return [e.rebuild([t]) for t in parts[0]]
    return [e.rebuild([add(*p) for p in parts])] if parts else [e]
