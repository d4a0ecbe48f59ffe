"""Matrices with stacked axes, and arrays that such a matrix holds, made of their factors without forming those."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.dims import is_unit
from matcalc.emit.forms import Form
from matcalc.emit.networks.arrays import Made, reshaped, turned
from matcalc.emit.networks.assemble import assembled
from matcalc.emit.networks.read import Term, at_split, dissolves, holds_factors, read_terms, splits, tensor_terms, tied_axes
from matcalc.emit.planner import ASKED_FIRST, Planner
from matcalc.emit.values import Value
from matcalc.expr import Expr, Product, product
from matcalc.index import Index, flat
from matcalc.ops.linalg import Inverse


def tensor_of_factors(planner: Planner, e: Expr) -> Form | None:
    """An array whose entries are sums of products of factors, straight with its own axes; None where nothing is gained."""
    assert e.axes is not None
    if any(is_unit(d) for d in e.axes):
        return None
    _, _, terms = tensor_terms(e)
    return planner.shaped(assembled(planner, terms).value, e) if all(map(_gains, terms)) else None


def _gains(t: Term) -> bool:
    """Whether a term is more than an array with all axes of the result."""
    return len(t.free) < len(t.places) or not any(set(p.letters) >= set(t.free) for p in t.pieces)


def matrix_of_factors(planner: Planner, e: Expr) -> Form | None:
    """A matrix with stacked axes, made with all its axes and put together by a view."""
    if e not in planner.stacks:
        return None
    planner.stacks.discard(e)  # a term may turn out to be the matrix itself, which is then made as any other
    if e.axes is not None:
        return tensor_of_factors(planner, e)
    rows, cols = splits(e)
    terms = read_terms(e, at_split(rows, e.rows), at_split(cols, e.cols))
    whole = assembled(planner, terms)
    if len(whole.axes) == len([d for d in (e.rows, e.cols) if not is_unit(d)]):
        return planner.shaped(whole.value, e)
    return planner.shaped(stacked_axes(planner, whole.value, e), e)


def solved_by_blocks(planner: Planner, e: Expr) -> Form | None:
    """``inv(H)*B`` for a matrix with blocks on a diagonal once its axes are taken apart: every block is solved with alone."""
    if (
        not planner.backend.many_axes
        or not isinstance(e, Product)
        or not isinstance(e.args[0], Inverse)
        or dissolves(e.args[0])
    ):
        return None
    matrix = e.args[0].arg
    if not holds_factors(matrix):
        return None
    row, col = (at_split(s, d) for s, d in zip(splits(matrix), (matrix.rows, matrix.cols), strict=True))
    terms = read_terms(matrix, row, col)
    tied, rows, cols = tied_axes(terms, len(flat(row)))
    if not tied:
        return None
    b, side = planner.b, None if is_unit(e.cols) else Index.fresh(e.cols)
    from_axes, to_axes = [*(r for r, _ in tied), *rows], [*(c for _, c in tied), *cols]
    count = b.fold(b.mul, [b.const(1), *(b.dim(flat(row)[r].dim) for r, _ in tied)])
    height = b.fold(b.mul, [b.const(1), *(b.dim(flat(row)[r].dim) for r in rows)])

    def stack(made_of: Sequence[Term], order: Sequence[int], width: Value) -> Value:
        """Terms with their axes in this order, as a stack of matrices."""
        whole = assembled(planner, [Term(t.factor, t.pieces, tuple(t.places[k] for k in order)) for t in made_of])
        return b.make("#1.reshape(#2, #3, #4)", whole.value, count, height, width)

    blocks = stack(terms, [*from_axes, *cols], height)
    last = [] if side is None else [len(flat(row))]
    given = stack(
        read_terms(product(*e.args[1:]), row, side), [*from_axes, *last], b.const(1) if side is None else b.dim(e.cols)
    )
    solved = b.make("np.linalg.solve(#1, #2)", blocks, given)
    axes = {k: Index.fresh(i.dim) for k, i in enumerate([*flat(row), *flat(col)]) if k in to_axes}
    ends = [axes[c] for c in to_axes] + ([] if side is None else [side])
    whole = Made(reshaped(planner, solved, ends), tuple(ends))
    value = turned(planner, whole, [*axes.values(), *([] if side is None else [side])]).value
    return planner.shaped(stacked_axes(planner, value, e), e)


def stacked_axes(planner: Planner, v: Value, e: Expr) -> Value:
    """The entries of an array with all axes as those of a matrix or a vector."""
    shape = planner.b.size(e.rows, e.cols)
    return planner.b.make("#1.reshape(-1)", v) if len(shape) < 2 else planner.b.make("#1.reshape(#2, #3)", v, *shape)


ASKED_FIRST.extend((matrix_of_factors, solved_by_blocks))
