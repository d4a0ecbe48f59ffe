"""Products of matrices, transposes and inverses."""

from __future__ import annotations

from matcalc.emit.chain import multiply_chain
from matcalc.emit.contractions.halves import multiply_halves
from matcalc.emit.contractions.known_halves import by_known_half
from matcalc.emit.forms import Form
from matcalc.emit.lowering.chains import chain_factors
from matcalc.emit.planner import Planner, lowers
from matcalc.expr import Product, Transpose
from matcalc.ops.linalg import Det, Inverse, LogDet


@lowers(Product)
def lower_product(planner: Planner, e: Product) -> Form:
    if (known := by_known_half(planner, e)) is not None:
        return known
    factors, origin = chain_factors(planner, e)
    return multiply_halves(planner, factors, origin) or multiply_chain(planner.f, factors, origin, planner.segments)


@lowers(Transpose)
def lower_transpose(planner: Planner, e: Transpose) -> Form:
    return planner.form[e.arg] if e.arg.symmetric else planner.f.transpose(planner.form[e.arg])


@lowers(Inverse)
def lower_inverse(planner: Planner, e: Inverse) -> Form:
    f = planner.form[e.arg]
    if f.kind == "eye":
        return f
    if f.kind == "diag" or e.is_scalar:
        return Form(f.kind, planner.b.div(planner.b.const(1), f.value), e.rows, e.cols)
    lazy = Form("inverse", planner.square(e.arg), e.rows, e.cols)
    return planner.f.dense(lazy) if e in planner.formed else lazy


@lowers(LogDet)
def lower_logdet(planner: Planner, e: LogDet) -> Form:
    return planner.shaped(planner.f.solver.logdet(planner.square(e.arg), planner.sizes.of(e.arg.rows)), e)


@lowers(Det)
def lower_det(planner: Planner, e: Det) -> Form:
    return planner.shaped(planner.f.solver.det(planner.square(e.arg), planner.sizes.of(e.arg.rows)), e)
