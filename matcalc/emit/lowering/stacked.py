"""Matrices with stacked axes, and arrays that such a matrix holds, made of their factors without forming those."""

from __future__ import annotations

from matcalc.dims import is_unit
from matcalc.emit.forms import Form
from matcalc.emit.networks.arrays import turned
from matcalc.emit.networks.assemble import assembled
from matcalc.emit.networks.read import Term, at_split, read_terms, splits
from matcalc.emit.planner import ASKED_FIRST, Planner
from matcalc.expr import Expr
from matcalc.index import Index, flat
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
    """Whether a term is more than a whole array, or a sum that only an einsum writes."""
    return not any(set(p.letters) >= set(t.free) for p in t.pieces)


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


ASKED_FIRST.append(matrix_of_factors)
