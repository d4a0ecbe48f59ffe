"""Exponentials that are only used over their own sum: the largest exponent is taken out first, which changes nothing.

In ``exp(Z)./(sum(exp(Z),2)*ones(n)')`` a factor of row ``i`` cancels. Where every output stays the same if the rows
(the columns, all entries) of ``exp(Z)`` are multiplied by positive numbers, and only their sums are divided by,
``exp(Z - max)`` stands for ``exp(Z)``: no number is larger than 1, and no sum is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from matcalc.dims import is_unit
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Let,
    Ones,
    Power,
    Product,
    Quotient,
    Transpose,
    rational,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Exp
from matcalc.ops.reductions import Total, Trace
from matcalc.ops.structure import Diag, Diagonal

Degree = tuple[sp.Rational, sp.Rational]  # the powers of the factors of its row and its column in an entry
NONE: Degree = (sp.Integer(0), sp.Integer(0))


def shifted_exponentials(outputs: Sequence[Expr]) -> dict[Expr, int | None]:
    """The exponentials whose largest exponent may be taken out, with the axis it is the largest along (None: all)."""
    order = list(postorder(outputs, lambda e: e.operands))
    exponentials = [e for e in order if isinstance(e, Exp) and not e.is_scalar and not e.arg.is_complex and e.axes is None]
    found: dict[Expr, int | None] = {}
    for e in exponentials:
        axes: tuple[int | None, ...] = (None,) if is_unit(e.rows) or is_unit(e.cols) else (1, 0, None)
        for axis in axes:
            if _cancels(order, outputs, e, axis):
                found[e] = axis
                break
    return found


def _cancels(order: Sequence[Expr], outputs: Sequence[Expr], e: Expr, axis: int | None) -> bool:
    """Whether factors of the rows of ``e`` (axis 1), its columns (0) or all of it (None) leave the outputs as they are."""
    one = sp.Integer(1)
    degree: dict[Expr, Degree] = {e: (one, sp.Integer(0)) if axis != 0 else (sp.Integer(0), one)}
    sums: set[Expr] = set()  # what may be divided by: sums of exponentials, and their powers
    for node in order:
        if node is e:
            continue
        touched = [c for c in node.operands if c in degree]
        if not touched:
            continue
        known = _degree(node, degree, overall=axis is None)
        if known is None:
            return False
        if isinstance(node, Quotient) and node.below in degree and degree[node.below] != NONE and node.below not in sums:
            return False
        if isinstance(node, Power):
            exponent = rational(node.exponent)
            if exponent is None or (exponent < 0 and degree[touched[0]] != NONE and node.base not in sums):
                return False
        if _is_sum_of(node, e, axis, sums):
            sums.add(node)
        if known != NONE or any(c in sums for c in touched):
            degree[node] = known
    return bool(sums) and all(degree.get(o, NONE) == NONE for o in outputs)


def _is_sum_of(node: Expr, e: Expr, axis: int | None, sums: set[Expr]) -> bool:
    """Whether a node is the sum of the exponentials along the axis, or made of such sums alone."""
    match node:
        case Total(arg, along):
            return arg is e and along == axis
        case Product((a, Ones() as b)) if a is e:
            return axis == 1 and is_unit(b.cols)
        case Product(args):
            rest = [a for a in args if not _is_ones(a)]
            return len(rest) == 1 and (
                (rest[0] in sums) or (rest[0] is e and axis == 0 and _is_ones(args[0]) and len(args) == 2)
            )
        case Transpose(arg) | Diag(arg):
            return arg in sums
        case Power(base, exponent):
            power = rational(exponent)
            return base in sums and power is not None and power > 0
        case Hadamard(args):
            return all(a in sums or rational(a) is not None for a in args)
    return False


def _is_ones(e: Expr) -> bool:
    return isinstance(e, Ones) or (isinstance(e, Transpose) and isinstance(e.arg, Ones))


def _degree(node: Expr, degree: dict[Expr, Degree], *, overall: bool) -> Degree | None:
    """The degree of a node, or None where it has none; ``overall``: one factor for all entries, kept in the first number."""
    of = [degree.get(c, NONE) for c in node.operands]
    match node:
        case Let():
            return of[0]
        case Transpose():
            return of[0] if overall else of[0][::-1]
        case Add() | BroadcastAdd():
            full = [d for c, d in zip(node.operands, of, strict=True)]
            return full[0] if all(d == full[0] for d in full) else None
        case Hadamard():
            return (sum((d[0] for d in of), sp.Integer(0)), sum((d[1] for d in of), sp.Integer(0)))
        case Quotient():
            return (of[0][0] - of[1][0], of[0][1] - of[1][1])
        case Power():
            p = rational(node.exponent)
            return None if p is None or of[1] != NONE else (of[0][0] * p, of[0][1] * p)
        case Total():
            if overall:
                return of[0]
            row, col = of[0]
            if node.axis == 1:
                return (row, col) if col == 0 else None
            if node.axis == 0:
                return (row, col) if row == 0 else None
            return NONE if of[0] == NONE else None
        case Trace():
            return of[0] if overall else (NONE if sum(of[0]) == 0 else None)
        case Diagonal():
            return of[0] if overall else (sum(of[0], sp.Integer(0)), sp.Integer(0))
        case Diag():
            return of[0]  # in the row for now; products may move it to the column
        case Product():
            if overall:
                return (sum((d[0] for d in of), sp.Integer(0)), sp.Integer(0))
            return _of_product(node, of)
    return NONE if all(d == NONE for d in of) else None


def _of_product(node: Product, of: Sequence[Degree]) -> Degree | None:
    """Of a chain, where a diagonal matrix hands the factors of its rows on to its columns."""
    row: sp.Rational | None = None
    col = sp.Integer(0)
    pending = sp.Integer(0)  # of diagonal matrices at the start
    for a, (r, c) in zip(node.args, of, strict=True):
        if isinstance(a, Diag):
            if row is None:
                pending = pending + r + c
            else:
                col = col + r + c
        elif row is None:
            row, col = r + pending, c
        else:
            if col + r != 0:
                return None
            col = c
    return (pending, sp.Integer(0)) if row is None else (row, col)
