"""Traces, diagonals and totals, of products without the entries that nobody needs."""

from __future__ import annotations

from collections import Counter

from matcalc.dims import is_unit
from matcalc.emit.chain import multiply_chain, runs_of, split_chain
from matcalc.emit.forms import Form
from matcalc.emit.lowering.chains import chain_factors, loose_scalars, only_product
from matcalc.emit.lowering.sums import times
from matcalc.emit.planner import Planner, lowers
from matcalc.emit.values import Value
from matcalc.expr import Expr, Hadamard, coefficient
from matcalc.ops.reductions import Total, Trace
from matcalc.ops.structure import Diagonal


@lowers(Trace)
def lower_trace(planner: Planner, e: Trace) -> Form:
    scalars, arg = loose_scalars(planner, e.arg)
    if not only_product(planner, arg):
        return planner.shaped(planner.b.fold(planner.b.mul, [*scalars, planner.f.trace(planner.form[arg])]), e)
    factors, origin = chain_factors(planner, arg)
    cut = next((k + 1 for k, f in enumerate(factors[:-1]) if is_unit(f.cols)), 0)
    if cut:  # a trace may start anywhere in its chain: here at a row
        factors, origin = factors[cut:] + factors[:cut], origin[cut:] + origin[:cut]
        shared = {**planner.segments, **{run: k for run, k in Counter(runs_of(origin)).items() if k > 1}}
        turned = multiply_chain(planner.f, factors, origin, shared)
    else:
        turned = planner.f.diagonal_of_product(*split_chain(planner.f, factors, origin, planner.segments), sum_it=True)
    return planner.shaped(planner.b.fold(planner.b.mul, [*scalars, planner.f.full(turned)]), e)


@lowers(Diagonal)
def lower_diagonal(planner: Planner, e: Diagonal) -> Form:
    if e.arg.is_scalar:
        return planner.form[e.arg]
    if not only_product(planner, e.arg):
        return planner.f.diagonal(planner.form[e.arg])
    left, right = split_chain(planner.f, *chain_factors(planner, e.arg), planner.segments)
    return planner.f.diagonal_of_product(left, right, sum_it=False)


@lowers(Total)
def lower_total(planner: Planner, e: Total) -> Form:
    scalars, arg = loose_scalars(planner, e.arg)
    if only_product(planner, arg):
        factors, origin = chain_factors(planner, arg)
        one = planner.b.const(1)
        if e.axis != 1:
            factors, origin = [Form("all", one, 1, arg.rows), *factors], [None, *origin]
        if e.axis != 0:
            factors, origin = [*factors, Form("all", one, arg.cols, 1)], [*origin, None]
        f = multiply_chain(planner.f, factors, origin, planner.segments)
    elif isinstance(arg, Hadamard) and planner.uses[arg] <= 1 and arg.ndim == 1 and e.axis is None:
        *rest, last = arg.args
        f = planner.f.multiply(planner.f.transpose(times(planner, 1, rest, arg)), planner.form[last])
        if not f.is_scalar:  # rows
            f = planner.f.total(planner.form[arg], None)
    elif e.axis is None and (found := _sum_of_products(planner, arg)) is not None:
        f = planner.shaped(found, e)
    else:
        f = planner.f.total(planner.form[arg], e.axis)
    return planner.f.scale(planner.b.fold(planner.b.mul, scalars), f) if scalars else f


def _sum_of_products(planner: Planner, e: Expr) -> Value | None:
    """The sum of all entries of an entrywise product of matrices without that product, where the library has it."""
    if not isinstance(e, Hadamard) or planner.uses[e] > 1 or not planner.backend.blas or not planner.f.bounds.real:
        return None
    *rest, last = [a for a in e.args if not a.is_scalar]
    if not rest or coefficient(e)[0] != 1 or len(rest) + 1 < len(e.args):
        return None
    p, q = times(planner, 1, rest, e), planner.form[last]
    if not p.kind == q.kind == "full" or "#1.T" in (p.value.code, q.value.code):
        return None
    return planner.f.sum_of_products(p.value, q.value, planner.f.entries(p))
