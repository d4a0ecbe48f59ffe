"""Functions along an axis, of a matrix, and by the user."""

from __future__ import annotations

from matcalc.dims import is_unit
from matcalc.emit.forms import Form
from matcalc.emit.planner import Planner, lowers
from matcalc.emit.values import Value
from matcalc.expr import Expr, Operator, Symbol
from matcalc.matrix_formulas import FormulaFrechet, FormulaMatrixFunction, on_eigenvalues, slopes_of
from matcalc.node import postorder
from matcalc.ops.cross import Axial, Cross, CrossMatrix
from matcalc.ops.elementwise import Polygamma
from matcalc.ops.linalg import MatrixPower
from matcalc.ops.matrix_functions import Frechet
from matcalc.ops.reductions import IsLargest, LogSumExp, Norm1, Norm2, NormF, NormInf, Prod, ProdOthers, Softmax
from matcalc.ops.spectral import SvdU, SvdV, SvdVals
from matcalc.ops.triangles import Cumsum, RevCumsum
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient


@lowers(Softmax, LogSumExp, Prod, ProdOthers)
def lower_over_axis(planner: Planner, e: Softmax | LogSumExp | Prod | ProdOthers) -> Form:
    """Softmax, logsumexp and products."""
    f = planner.f.dense(planner.form[e.arg])
    if f.is_scalar or (f.is_vector and e.axis is not None and is_unit(f.rows if e.axis == 0 else f.cols)):
        return f if isinstance(e, (LogSumExp, Prod)) else Form("all", planner.b.const(1), e.rows, e.cols)
    if f.is_vector or e.axis is None:
        return planner.shaped(planner.b.make(e.code, f.value), e)
    return planner.shaped(planner.b.make(e.code.replace(")", ", axis=#2)"), f.value, planner.b.const(e.axis)), e)


@lowers(SvdVals, SvdU, SvdV)
def lower_singular(planner: Planner, e: SvdVals | SvdU | SvdV) -> Form:
    """Singular values, or singular vectors, both of which come from one decomposition."""
    a = planner.f.plane(planner.form[e.arg])
    if isinstance(e, SvdVals):
        return planner.shaped(planner.b.make(e.code, a), e)
    both = planner.b.make("np.linalg.svd(#1, full_matrices=False)", a)
    v = planner.b.make("#1[0]" if isinstance(e, SvdU) else "#1[2].T", both)
    if e.is_scalar or is_unit(e.rows) or is_unit(e.cols):
        v = planner.b.make("np.reshape(#1, ())" if e.is_scalar else "#1.reshape(-1)", v)
    return planner.shaped(v, e)


@lowers(Polygamma)
def lower_polygamma(planner: Planner, e: Polygamma) -> Form:
    order = planner.b.const(e.order)
    return planner.f.entrywise(lambda vs: planner.b.make(e.code, *vs, order), [planner.form[e.arg]], e.rows, e.cols)


@lowers(Cumsum, RevCumsum)
def lower_cumulative(planner: Planner, e: Cumsum | RevCumsum) -> Form:
    f = planner.f.dense(planner.form[e.arg])
    v = planner.f.full(f)
    if f.is_scalar or (f.is_vector and is_unit(f.rows if e.axis == 0 else f.cols)):
        return f
    turned, axis = ("[::-1]", ", axis=0") if e.axis == 0 or f.is_vector else ("[:, ::-1]", ", axis=1")
    code = f"np.cumsum(#1{'' if f.is_vector else axis})"
    if isinstance(e, RevCumsum):
        code = code.replace("#1", f"#1{turned}") + turned
    return planner.shaped(planner.b.make(code, v), e)


@lowers(MatrixPower)
def lower_matrix_power(planner: Planner, e: MatrixPower) -> Form:
    exponent = planner.value(e.exponent)
    return planner.shaped(planner.b.make(e.code, planner.f.plane(planner.form[e.base]), exponent), e)


@lowers(Frechet)
def lower_frechet(planner: Planner, e: Frechet) -> Form:
    """A Frechet derivative, of as many directions as there are."""
    places = ", ".join(f"#{k + 1}" for k in range(len(e.operands)))
    v = planner.b.make(f"{e.label}({places})", *(planner.f.plane(planner.form[c]) for c in e.operands))
    return planner.shaped(planner.b.make("np.reshape(#1, ())", v) if e.is_scalar else v, e)


@lowers(FormulaMatrixFunction, FormulaFrechet)
def lower_by_eigenvalues(planner: Planner, e: FormulaMatrixFunction | FormulaFrechet) -> Form:
    """A function of a matrix by a formula, or its derivative: the formula and its slopes at the eigenvalues."""
    directions = [planner.f.plane(planner.form[c]) for c in e.operands[1:]]
    system = planner.b.make(
        "eigensystem(#1)" if e.takes_complex else "real_eigensystem(#1)", planner.f.plane(planner.form[e.arg])
    )
    values = Symbol(f"eigenvalues {len(planner.form)}", (e.rows, 1), ("complex",) if e.takes_complex else ())
    planner.form[values] = Form("full", planner.b.make("#1[1]", system), e.rows, 1)
    tables = [at_eigenvalues(planner, on_eigenvalues(f, values), e) for f in slopes_of(e.function, e.scalar, len(directions))]
    count = len(tables)
    inside = ", ".join(f"#{k + 2}" for k in range(count))
    after = "".join(f", #{k + 2 + count}" for k in range(len(directions)))
    return planner.shaped(planner.b.make(f"by_eigenvalues(#1, ({inside},){after})", system, *tables, *directions), e)


def at_eigenvalues(planner: Planner, formula: Expr, e: Expr) -> Value:
    """A formula on the eigenvalues, as a vector."""
    for node in postorder([formula], lambda x: x.operands):
        if node not in planner.form:
            planner.form[node] = planner.lower(node)
    f = planner.form[formula]
    return planner.f.full(f if not f.is_scalar else Form("all", f.value, e.rows, 1))


@lowers(Unspecified, UnspecifiedGradient)
def lower_unspecified(planner: Planner, e: Unspecified | UnspecifiedGradient) -> Form:
    name = e.function if isinstance(e, Unspecified) else f"d{e.function}"
    if name not in planner.functions:
        planner.functions.append(name)
    f = planner.form[e.arg]
    given = planner.f.plane(f) if f.is_vector and is_unit(f.rows) else planner.f.full(f)
    v = planner.b.make("#1(#2)", planner.b.leaf("function", name), given)
    if isinstance(e, UnspecifiedGradient) and f.is_vector:
        v = planner.b.make("#1.reshape(-1)", v)
    return planner.shaped(v, e)


@lowers(Norm1, Norm2, NormF, NormInf, IsLargest, Cross, CrossMatrix, Axial)
def lower_any_axes(planner: Planner, e: Operator) -> Form:
    """An operator by its template, which takes arrays of any number of axes."""
    return planner.shaped(planner.b.make(e.code, *(planner.value(c) for c in e.operands)), e)
