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


def expand(e: object) -> Expr:
    """Products multiplied out over sums, and sums taken out of transposes, traces, sums and diagonals.

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
    terms: dict[Expr, list[Expr]] = {}
    for node in postorder([root], lambda x: x.operands):
        terms[node] = _terms(node, [terms[c] for c in node.operands])
    return add(*terms[root])


def _terms(e: Expr, parts: list[list[Expr]]) -> list[Expr]:
    """The terms of a node, given those of its operands."""
    if isinstance(e, Add):
        return [t for p in parts for t in p]
    if isinstance(e, BroadcastAdd):
        return [spread(t, (e.rows, e.cols)) for p in parts for t in p]
    if isinstance(e, (Product, Hadamard)):
        count = prod(len(p) for p in parts)
        if count > MAX_TERMS:
            raise LimitError(f"{brief(e)} multiplies out to {count} terms; the limit is {MAX_TERMS}")
        return [e.rebuild(choice) for choice in choices(*parts)]
    if isinstance(e, Quotient):
        return [e.rebuild([t, add(*parts[1])]) for t in parts[0]]
    if isinstance(e, LINEAR):
        return [e.rebuild([t]) for t in parts[0]]
    return [e.rebuild([add(*p) for p in parts])] if parts else [e]
