"""Matrices with stacked axes, and arrays that such a matrix holds, made of their factors without forming those."""

from __future__ import annotations

from matcalc.dims import is_unit
from matcalc.emit.forms import Form
from matcalc.emit.networks.arrays import Made, reshaped, turned
from matcalc.emit.networks.assemble import assembled
from matcalc.emit.networks.read import Term, at_split, dissolves, holds_factors, read_terms, splits, tied_axes
from matcalc.emit.planner import ASKED_FIRST, Planner
from matcalc.expr import Expr, Product, product
from matcalc.index import Index, flat
from matcalc.ops.linalg import Inverse
from matcalc.ops.tensors import Unstacked, paired


def tensor_of_factors(planner: Planner, e: Unstacked) -> Form | None:
    """An array whose entries are sums of products of factors, straight with its own axes; None where nothing is gained."""
    if any(is_unit(d) for d in e.shape):
        return None
    rows, cols = ([Index.fresh(d) for d in side] for side in (e.rows_as, e.cols_as))
    terms = read_terms(e.arg, paired(rows[::-1]), paired(cols[::-1]))
    order = [*reversed(range(len(rows))), *(len(rows) + k for k in reversed(range(len(cols))))]
    terms = [Term(t.factor, t.pieces, tuple(t.places[k] for k in order)) for t in terms]
    return planner.shaped(assembled(planner, terms).value, e) if all(map(_gains, terms)) else None


def _gains(t: Term) -> bool:
    """Whether a term is more than an array with all axes of the result."""
    return len(t.free) < len(t.places) or not any(set(p.letters) >= set(t.free) for p in t.pieces)


def matrix_of_factors(planner: Planner, e: Expr) -> Form | None:
    """A matrix with stacked axes, made with all its axes and put together by a view."""
    if e not in planner.stacks or e.axes is not None:
        return None
    rows, cols = splits(e)
    terms = read_terms(e, at_split(rows, e.rows), at_split(cols, e.cols))
    whole = assembled(planner, terms)
    if len(whole.axes) == len([d for d in (e.rows, e.cols) if not is_unit(d)]):
        return planner.shaped(whole.value, e)
    shape = planner.b.size(e.rows, e.cols)
    if len(shape) < 2:
        return planner.shaped(planner.b.make("#1.reshape(-1)", whole.value), e)
    return planner.shaped(planner.b.make("#1.reshape(#2, #3)", whole.value, *shape), e)


def solved_by_blocks(planner: Planner, e: Expr) -> Form | None:
    """``inv(H)*B`` for a matrix with blocks on a diagonal once its axes are taken apart: each block is solved with by itself."""
    if not isinstance(e, Product) or not isinstance(e.args[0], Inverse) or dissolves(e.args[0]):
        return None
    matrix = e.args[0].arg
    if not holds_factors(matrix):
        return None
    row, col = (at_split(s, d) for s, d in zip(splits(matrix), (matrix.rows, matrix.cols), strict=True))
    terms = read_terms(matrix, row, col)
    count = len(flat(row))
    tied, rows, cols = tied_axes(terms, count)
    if not tied:
        return None
    side = None if is_unit(e.cols) else Index.fresh(e.cols)
    right = product(*e.args[1:])
    order = [*(r for r, _ in tied), *rows]
    wanted = [
        Term(t.factor, t.pieces, tuple(t.places[k] for k in [*order, *range(count, len(t.places))]))
        for t in read_terms(right, row, side)
    ]
    b = planner.b
    one = b.const(-1)
    stack = b.fold(b.mul, [b.dim(terms[0].places[r].dim) for r, _ in tied])
    inside = b.fold(b.mul, [b.dim(terms[0].places[r].dim) for r in rows]) if rows else b.const(1)
    blocks = assembled(planner, [Term(t.factor, t.pieces, tuple(t.places[k] for k in [*order, *cols])) for t in terms])
    given = assembled(planner, wanted)
    width = b.const(1) if side is None else b.dim(side.dim)
    x = b.make(
        "np.linalg.solve(#1, #2)",
        b.make("#1.reshape(#2, #3, #4)", blocks.value, stack, inside, one),
        b.make("#1.reshape(#2, #3, #4)", given.value, stack, inside, width),
    )
    ends = [terms[0].places[r] for r, _ in tied] + [terms[0].places[c] for c in cols] + ([] if side is None else [side])
    into = [c for _, c in tied] + cols + ([] if side is None else [len(terms[0].places)])
    fresh = {c: Index.fresh(i.dim) for c, i in zip(into, ends, strict=True)}
    whole = turned(
        planner,
        Made(reshaped(planner, x, [fresh[c] for c in into]), tuple(fresh[c] for c in into)),
        [fresh[c] for c in sorted(into)],
    )
    shape = b.size(e.rows, e.cols)
    code = "#1.reshape(-1)" if len(shape) == 1 else "#1.reshape(#2, #3)"
    return planner.shaped(b.make(code, whole.value, *(shape if len(shape) > 1 else [])), e)


ASKED_FIRST.extend((matrix_of_factors, solved_by_blocks))
