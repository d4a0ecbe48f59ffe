"""How each operator on matrices is written in SymPy: a row for each that SymPy expresses exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import sympy as sp
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice

from matcalc.dims import is_unit
from matcalc.errors import UnsupportedError
from matcalc.expr import SLOTS, Entrywise, Expr, brief
from matcalc.interop.pieces import (
    COL,
    COMPLEX_SLOT,
    ROW,
    SLOT,
    Context,
    added,
    applied,
    as_matrix,
    entrywise_product,
    is_matrix,
    reciprocal,
    scalar_of,
    times,
)
from matcalc.ops import OPERATORS
from matcalc.ops.blocks import HStack, Selector, Slice, VStack
from matcalc.ops.complex import Conj
from matcalc.ops.reductions import LogSumExp, Prod, Softmax, Total
from matcalc.ops.stacking import Commutation
from matcalc.ops.structure import UnitVector
from matcalc.ops.triangles import Cumulative
from matcalc.ops.unspecified import Unspecified

Write: TypeAlias = Callable[[Context, Any, list[Any]], Any]  # given the node and its operands, written


def _broadcast(w: Context, e: Expr, args: list[Any]) -> Any:
    return added(*(w.stretched(o, x, e) for o, x in zip(e.operands, args, strict=True)))


def _power(w: Context, e: Expr, args: list[Any]) -> Any:
    base, exponent = args
    return sp.HadamardPower(base, exponent) if is_matrix(base) or is_matrix(exponent) else base**exponent


def _transpose(w: Context, e: Expr, args: list[Any]) -> Any:
    (x,) = args
    if isinstance(e.operands[0], Conj) and isinstance(x, sp.Adjoint) and isinstance(x.args[0], sp.Transpose):
        return sp.Adjoint(x.args[0].args[0])
    return sp.Transpose(x).doit(deep=False)


def _item(w: Context, e: Any, args: list[Any]) -> Any:
    (x,) = args
    rows, cols = ((k - 1, k) if k else (0, w.size(d)) for k, d in ((e.row, e.arg.rows), (e.col, e.arg.cols)))
    if e.is_scalar and isinstance(x, sp.MatrixSymbol):
        return MatrixElement(x, rows[0], cols[0])
    return MatrixSlice(x, rows, cols)


def _slice(w: Context, e: Slice, args: list[Any]) -> Any:
    ends = []
    for taken, whole in ((e.rows_taken, e.arg.rows), (e.cols_taken, e.arg.cols)):
        first = w.size(taken[0]) - 1 if taken else sp.S.Zero
        ends.append((first, sp.expand(first + w.size(taken[1] if taken else whole))))
    if e.is_scalar and isinstance(args[0], (sp.MatrixSymbol, MatrixSlice)):
        return args[0][ends[0][0], ends[1][0]]
    return MatrixSlice(args[0], *ends)


def _total(w: Context, e: Total, args: list[Any]) -> Any:
    return w.summed(e.arg, args[0], down=e.axis != 1, across=e.axis != 0)


def _logsumexp(w: Context, e: LogSumExp, args: list[Any]) -> Any:
    sums = w.summed(e.arg, applied(sp.exp, args[0]), down=e.axis != 1, across=e.axis != 0)
    return applied(sp.log, scalar_of(sums) if e.is_scalar else sums)


def _softmax(w: Context, e: Softmax, args: list[Any]) -> Any:
    exponentials = applied(sp.exp, args[0])
    sums = w.summed(e.arg, exponentials, down=e.axis != 1, across=e.axis != 0)
    if e.axis is None:
        return times(1 / scalar_of(sums), exponentials)
    rows, cols = w.size(e.rows), w.size(e.cols)
    repeated = times(sp.OneMatrix(rows, 1), sums) if e.axis == 0 else times(sums, sp.OneMatrix(1, cols))
    return sp.HadamardProduct(exponentials, reciprocal(repeated))


def _norm(w: Context, e: Expr, args: list[Any]) -> Any:
    (x,) = args
    return sp.sqrt(sp.Trace(times(sp.Adjoint(x) if e.operands[0].is_complex else sp.Transpose(x), x)))


def _norm1(w: Context, e: Any, args: list[Any]) -> Any:
    slot = COMPLEX_SLOT if e.arg.is_complex else SLOT
    return w.summed(e.arg, applied(sp.Abs, args[0], slot), down=True, across=True)


def _khatri_rao(w: Context, e: Any, args: list[Any]) -> Any:
    """Each column of one beside the ones of the other, entry by entry."""
    m, p = w.size(e.left.rows), w.size(e.right.rows)
    a, b = args
    return sp.HadamardProduct(sp.KroneckerProduct(a, sp.OneMatrix(p, 1)), sp.KroneckerProduct(sp.OneMatrix(m, 1), b))


def _hstack(w: Context, e: HStack, args: list[Any]) -> Any:
    if not any(map(is_matrix, args)):
        return sp.ImmutableMatrix([args])
    return sp.BlockMatrix([[as_matrix(x) for x in args]])


def _vstack(w: Context, e: VStack, args: list[Any]) -> Any:
    """Rows of blocks are one block matrix where their columns stand below each other."""
    if not any(map(is_matrix, args)):
        return sp.ImmutableMatrix([[x] for x in args])
    widths = [[b.cols for b in o.operands] if isinstance(o, HStack) else [] for o in e.args]
    if not widths[0] or any(row != widths[0] for row in widths):
        return sp.BlockMatrix([[as_matrix(x)] for x in args])
    if all(isinstance(x, sp.ImmutableMatrix) for x in args):
        return sp.ImmutableMatrix([x.flat() for x in args])
    return sp.BlockMatrix(
        [[as_matrix(b) for b in (x.flat() if isinstance(x, sp.ImmutableMatrix) else x.args[0])] for x in args]
    )


def _unit_vector(w: Context, e: UnitVector, args: list[Any]) -> Any:
    n = w.size(e.dim)
    return MatrixSlice(sp.Identity(n), (0, n), (e.position - 1, e.position))


def _selector(w: Context, e: Selector, args: list[Any]) -> Any:
    n, first = w.size(e.total), w.size(e.start) - 1
    return MatrixSlice(sp.Identity(n), (0, n), (first, sp.expand(first + w.size(e.count))))


def _cumulative(w: Context, e: Cumulative, args: list[Any]) -> Any:
    """``cumsum``: a product with a triangle of ones."""
    (x,) = args
    ones = w.lower_ones(w.size(e.rows if e.axis == 0 else e.cols))
    turned = sp.Transpose(ones) if e.backward == (e.axis == 0) else ones
    return times(turned, x) if e.axis == 0 else times(x, turned)


def _triangle(*, upper: bool, half: bool = False) -> Write:
    def write_triangle(w: Context, e: Expr, args: list[Any]) -> Any:
        n = w.size(e.rows)
        mask = sp.Transpose(w.lower_ones(n)) if upper else w.lower_ones(n)
        if half:
            mask = sp.MatAdd(mask, sp.MatMul(-sp.S.Half, sp.Identity(n)))
        return sp.HadamardProduct(mask, args[0])

    return write_triangle


def _reshaped(w: Context, e: Expr, args: list[Any]) -> Any:
    """Entries read and written column by column: ``P[Mod(k, m), floor(k/m)]`` with ``k = i + rows*j``."""
    m = w.size(e.operands[0].rows)
    k = ROW if is_unit(e.cols) else ROW + w.size(e.rows) * COL
    entry = MatrixElement(args[0], sp.Mod(k, m), sp.floor(k / m))
    return sp.FunctionMatrix(w.size(e.rows), w.size(e.cols), sp.Lambda((ROW, COL), entry))


def _commutation(w: Context, e: Commutation, args: list[Any]) -> Any:
    """``vec(A')`` has at ``i`` the entry of ``vec(A)`` at ``floor(i/n) + m*Mod(i, n)``."""
    m, n = map(w.size, e.dims)
    entry = sp.KroneckerDelta(COL, sp.floor(ROW / n) + m * sp.Mod(ROW, n))
    return sp.FunctionMatrix(m * n, m * n, sp.Lambda((ROW, COL), entry))


def _prod(w: Context, e: Prod, args: list[Any]) -> Any:
    (x,) = args
    if e.axis is not None:
        raise UnsupportedError(f"SymPy has no exact form of prod over one axis, in {brief(e)}")
    i, j = sp.Dummy("i", integer=True), sp.Dummy("j", integer=True)
    return sp.Product(x[i, j], (i, 0, w.size(e.arg.rows) - 1), (j, 0, w.size(e.arg.cols) - 1))


def _cross_matrix(w: Context, e: Expr, args: list[Any]) -> Any:
    a, b, c = (args[0][k, 0] for k in range(3))
    return sp.ImmutableMatrix([[0, -c, b], [c, 0, -a], [-b, a, 0]])


def _cross(w: Context, e: Expr, args: list[Any]) -> Any:
    return times(_cross_matrix(w, e, args[:1]), args[1])


def _axial(w: Context, e: Expr, args: list[Any]) -> Any:
    a = args[0]
    return sp.ImmutableMatrix([[a[2, 1] - a[1, 2]], [a[0, 2] - a[2, 0]], [a[1, 0] - a[0, 1]]])


def _conj(w: Context, e: Expr, args: list[Any]) -> Any:
    (x,) = args
    return sp.Adjoint(sp.Transpose(x)) if is_matrix(x) else sp.conjugate(x)


def write_unspecified(w: Context, e: Unspecified, args: list[Any]) -> Any:
    """An undefined function of SymPy's."""
    return sp.Function(e.function)(args[0])


# ------------------------------------------------------------------ functions of entries
def write_entrywise(w: Context, e: Entrywise, args: list[Any]) -> Any:
    """A function of every entry: SymPy applies one of one matrix; of several it is a table of entries."""
    formula = formula_of(e)
    at = [k for k, x in enumerate(args) if is_matrix(x)]
    if not at:
        return filled(formula, args)
    if len(at) == 1:
        slot = COMPLEX_SLOT if e.operands[at[0]].is_complex else SLOT if len(args) == 1 else sp.Dummy("t", real=True)
        return applied(lambda v: filled(formula, [v if k in at else x for k, x in enumerate(args)]), args[at[0]], slot)
    entries = [x[ROW, COL] if k in at else x for k, x in enumerate(args)]
    return sp.FunctionMatrix(w.size(e.rows), w.size(e.cols), sp.Lambda((ROW, COL), filled(formula, entries)))


def formula_of(e: Entrywise) -> Any:
    """What a function does to its slots."""
    return type(e).formula if e.own_formula is None else e.own_formula


def filled(formula: Any, given: Sequence[Any]) -> Any:
    """A formula at what stands in its slots."""
    return formula.xreplace(dict(zip(SLOTS, given, strict=False)))


def _complex_part(head: Any) -> Write:
    return lambda w, e, args: applied(head, args[0], COMPLEX_SLOT)


AS_THEY_ARE: dict[str, Write] = {  # these take scalars as scalars
    "Add": lambda w, e, a: added(*a),
    "BroadcastAdd": _broadcast,
    "Product": lambda w, e, a: times(*a),
    "Hadamard": lambda w, e, a: entrywise_product(*a),
    "Quotient": lambda w, e, a: entrywise_product(a[0], reciprocal(a[1])),
    "Power": _power,
    "HStack": _hstack,
    "VStack": _vstack,
    "Conj": _conj,
    "Real": _complex_part(sp.re),
    "Imag": _complex_part(sp.im),
}
OF_MATRICES: dict[str, Write] = {  # these take matrices, a scalar as one with one entry
    "Transpose": _transpose,
    "Item": _item,
    "Slice": _slice,
    "Trace": lambda w, e, a: sp.Trace(a[0]),
    "Total": _total,
    "Det": lambda w, e, a: sp.Determinant(a[0]),
    "LogDet": lambda w, e, a: sp.log(sp.Abs(sp.Determinant(a[0]))),
    "Inverse": lambda w, e, a: sp.Inverse(a[0]).doit(deep=False),
    "MatrixPower": lambda w, e, a: sp.MatPow(a[0], scalar_of(a[1])),
    "Sqrtm": lambda w, e, a: sp.MatPow(a[0], sp.S.Half),
    "Diag": lambda w, e, a: DiagMatrix(a[0]),
    "Diagonal": lambda w, e, a: DiagonalOf(a[0]),
    "Kron": lambda w, e, a: sp.KroneckerProduct(*a),
    "KhatriRao": _khatri_rao,
    "Norm1": _norm1,
    "Norm2": _norm,
    "NormF": _norm,
    "LogSumExp": _logsumexp,
    "Softmax": _softmax,
    "Prod": _prod,
    "Vec": _reshaped,
    "Reshape": _reshaped,
    "Commutation": _commutation,
    "Cumsum": _cumulative,
    "RevCumsum": _cumulative,
    "Tril": _triangle(upper=False),
    "Triu": _triangle(upper=True),
    "HalfTril": _triangle(upper=False, half=True),
    "LowerOnes": lambda w, e, a: w.lower_ones(w.size(e.dim)),
    "Eye": lambda w, e, a: sp.Identity(w.size(e.dim)),
    "Ones": lambda w, e, a: sp.OneMatrix(w.size(e.rows), w.size(e.cols)),
    "Zeros": lambda w, e, a: sp.ZeroMatrix(w.size(e.rows), w.size(e.cols)),
    "UnitVector": _unit_vector,
    "Selector": _selector,
    "CrossMatrix": _cross_matrix,
    "Cross": _cross,
    "Axial": _axial,
    "Unspecified": write_unspecified,
}
SCALAR_ROWS: dict[type[Expr], Write] = {OPERATORS[name]: row for name, row in AS_THEY_ARE.items()}
MATRIX_ROWS: dict[type[Expr], Write] = {OPERATORS[name]: row for name, row in OF_MATRICES.items()}
