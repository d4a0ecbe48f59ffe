"""Constants, parts and stacks of matrices, and the matrices that permute their entries."""

from __future__ import annotations

from matcalc.dims import is_unit, plus_dim
from matcalc.emit.forms import Form, Kind
from matcalc.emit.planner import Planner, lowers
from matcalc.emit.values import Value
from matcalc.expr import Item, Ones
from matcalc.ops.blocks import HStack, Range, Selector, Slice, VStack
from matcalc.ops.stacking import Commutation, Duplication, Elimination, ToeplitzBasis, Vech
from matcalc.ops.structure import Diag, Eye, Kron, Reshape, UnitVector, Vec, Zeros
from matcalc.ops.triangles import LowerOnes


@lowers(Diag)
def lower_diag(planner: Planner, e: Diag) -> Form:
    if e.is_scalar:
        return planner.form[e.arg]
    return Form("diag", planner.value(e.arg), e.rows, e.cols)


@lowers(Ones, Zeros, Eye)
def lower_constant(planner: Planner, e: Ones | Zeros | Eye) -> Form:
    """Ones, zeros, the identity."""
    kind: Kind = "eye" if isinstance(e, Eye) else "all"
    return Form(kind, planner.b.const(0 if isinstance(e, Zeros) else 1), e.rows, e.cols)


@lowers(UnitVector)
def lower_unit(planner: Planner, e: UnitVector) -> Form:
    return Form("unit", planner.b.const(e.position - 1), e.rows, e.cols)


@lowers(Item)
def lower_item(planner: Planner, e: Item) -> Form:
    f = planner.f.dense(planner.form[e.arg])
    places = [planner.b.const(p - 1) for p in (e.row, e.col) if p]
    if f.is_vector or (e.row and not e.col):
        code = "#1[#2]"
    else:
        code = "#1[#2, #3]" if e.row else "#1[:, #2]"
    if f.is_scalar or (f.is_vector and not (e.row if is_unit(f.cols) else e.col)):
        return Form("full", f.value, e.rows, e.cols)
    if f.is_vector:
        places = [planner.b.const((e.row if is_unit(f.cols) else e.col) - 1)]
    return planner.shaped(planner.b.make(code, f.value, *places), e)


@lowers(Slice)
def lower_slice(planner: Planner, e: Slice) -> Form:
    f = planner.f.dense(planner.form[e.arg])
    ends = [slice_ends(planner, r) for r in (e.rows_taken, e.cols_taken) if r]
    values = [v for pair in ends for v in pair]
    if len(ends) == 2:
        code = "#1[#2:#3, #4:#5]"
    else:
        code = "#1[#2:#3]" if e.rows_taken or f.is_vector else "#1[:, #2:#3]"
    v = planner.b.make(code, planner.f.full(f), *values)
    if f.is_vector and e.is_scalar:
        v = planner.b.make("#1[0]", v)
    elif not f.is_vector and (is_unit(e.rows) or is_unit(e.cols)):
        v = planner.b.make("#1.reshape(-1)", v)
    if not f.is_vector and e.is_scalar:
        v = planner.b.make("#1[0]", v)
    return planner.shaped(v, e)


def slice_ends(planner: Planner, taken: Range) -> tuple[Value, Value]:
    """The ends of a range as a slice counted from 0 has them."""
    return planner.b.dim(plus_dim(taken[0], -1)), planner.b.dim(plus_dim(*taken, -1))


@lowers(Selector)
def lower_selector(planner: Planner, e: Selector) -> Form:
    first, last = slice_ends(planner, (e.start, e.count))
    code = "np.eye(#1)[:, #2]" if is_unit(e.count) else "np.eye(#1)[:, #2:#3]"
    return planner.shaped(planner.b.make(code, planner.b.dim(e.total), first, *([] if is_unit(e.count) else [last])), e)


@lowers(HStack, VStack)
def lower_stack(planner: Planner, e: HStack | VStack) -> Form:
    """Blocks along an axis; those of a vector have one axis."""
    flat = is_unit(e.rows) or is_unit(e.cols)
    values = [planner.f.plane(planner.form[c]) for c in e.args]
    if flat:
        values = [planner.b.make("np.reshape(#1, 1)", planner.value(c)) if c.is_scalar else planner.value(c) for c in e.args]
    axis = "" if flat or isinstance(e, VStack) else ", axis=1"
    code = f"np.concatenate(({', '.join(f'#{k}' for k in range(1, len(values) + 1))}){axis})"
    return planner.shaped(planner.b.make(code, *values), e)


@lowers(Vec)
def lower_vec(planner: Planner, e: Vec) -> Form:
    if e.is_scalar:
        return planner.form[e.arg]
    return planner.shaped(_columns(planner, planner.form[e.arg]), e)


def _columns(planner: Planner, f: Form) -> Value:
    """The entries column by column."""
    v = planner.f.full(f)
    if f.is_scalar:
        return planner.b.make("np.reshape(#1, 1)", v)
    return v if f.is_vector else planner.b.make("#1.reshape(-1)", planner.b.transpose(v))


@lowers(Reshape)
def lower_reshape(planner: Planner, e: Reshape) -> Form:
    v = _columns(planner, planner.form[e.arg])
    if not (is_unit(e.rows) or is_unit(e.cols)):
        v = planner.b.transpose(planner.b.make("#1.reshape(#2, #3)", v, planner.b.dim(e.cols), planner.b.dim(e.rows)))
    return planner.shaped(planner.b.make("#1[0]", v) if e.is_scalar else v, e)


@lowers(Kron)
def lower_kron(planner: Planner, e: Kron) -> Form:
    x, y = planner.form[e.left], planner.form[e.right]
    if x.is_scalar or y.is_scalar:
        return planner.f.multiply(x, y)
    if x.is_vector and y.is_vector and is_unit(x.cols) != is_unit(y.cols):
        column, row = (x, y) if is_unit(x.cols) else (y, x)
        return planner.f.multiply(column, row)
    if x.is_vector and y.is_vector:
        return planner.shaped(planner.b.make(Kron.code, planner.f.full(x), planner.f.full(y)), e)
    return planner.shaped(planner.b.make(Kron.code, planner.f.plane(x), planner.f.plane(y)), e)


@lowers(Commutation)
def lower_commutation(planner: Planner, e: Commutation) -> Form:
    return planner.shaped(planner.b.make("commutation(#1, #2)", *(planner.b.dim(d) for d in e.dims)), e)


@lowers(Duplication)
def lower_duplication(planner: Planner, e: Duplication) -> Form:
    return planner.shaped(planner.b.make("duplication(#1)", planner.b.dim(e.dim)), e)


@lowers(Elimination)
def lower_elimination(planner: Planner, e: Elimination) -> Form:
    return planner.shaped(planner.b.make("elimination(#1)", planner.b.dim(e.dim)), e)


@lowers(LowerOnes)
def lower_lower_ones(planner: Planner, e: LowerOnes) -> Form:
    return planner.shaped(planner.b.make(e.code, planner.b.dim(e.dim)), e)


@lowers(ToeplitzBasis)
def lower_toeplitz(planner: Planner, e: ToeplitzBasis) -> Form:
    return planner.shaped(planner.b.make("toeplitz_basis(#1)", planner.b.dim(e.dim)), e)


@lowers(Vech)
def lower_vech(planner: Planner, e: Vech) -> Form:
    return planner.shaped(planner.b.make(e.code, planner.f.plane(planner.form[e.arg])), e)
