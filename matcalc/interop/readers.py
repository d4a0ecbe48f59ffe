"""What each of SymPy's classes is read as: a row for each, and which of its arguments are expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.companion import CompanionMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.fourier import DFT
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.permutation import MatrixPermute, PermutationMatrix
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import GenericIdentity, GenericZeroMatrix
from sympy.tensor.array.expressions import ArrayElement, ArraySymbol

from matcalc.dims import Dim, is_unit, plus_dim, same_dim
from matcalc.errors import ShapeError, UnsupportedError
from matcalc.expr import (
    ONE,
    Entrywise,
    Expr,
    ScalarAtom,
    Transpose,
    add,
    apply,
    entry_at,
    hadamard,
    matmul,
    named_shape,
    ones,
    power,
    product,
    quotient,
    transpose,
)
from matcalc.functions import ENTRYWISE, FUNCTIONS
from matcalc.interop.sums import read_indexed, read_product, read_table
from matcalc.interop.written_out import read_constant, read_explicit, read_explicit_array
from matcalc.jacobian import jacobian
from matcalc.ops import OPERATORS
from matcalc.ops.blocks import block, slice_of, vstack
from matcalc.ops.elementwise import Unary
from matcalc.ops.linalg import det, inv, matrix_power
from matcalc.ops.reductions import trace
from matcalc.ops.structure import Diag, Diagonal, diag, eye, unit_vector, zeros
from matcalc.ops.unspecified import Unspecified
from matcalc.scalar import root

if TYPE_CHECKING:
    from matcalc.interop.reading import Reader


def _added(r: Reader, e: sp.Basic, parts: list[Expr]) -> Expr:
    first = parts[0]
    for p in parts[1:]:
        if not (same_dim(p.rows, first.rows) and same_dim(p.cols, first.cols)):
            raise ShapeError(f"cannot add {named_shape(first)} and {named_shape(p)}, in SymPy's {type(e).__name__}")
    return add(*parts)


def _times(r: Reader, e: sp.Basic, parts: list[Expr]) -> Expr:
    return product(*parts)


def _to_power(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    base, exponent = parts
    if e.exp == sp.S.Half and not base.is_scalar:
        return apply("Sqrtm", base)
    if e.exp == -sp.S.Half and not base.is_scalar:
        return inv(apply("Sqrtm", base))
    return matrix_power(base, exponent)


def _to_entry_power(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    base, exponent = parts
    p = e.exp
    if isinstance(p, sp.Rational):
        return quotient(ONE, root(base, -p)) if p < 0 else root(base, p)
    return power(base, exponent)


def _adjoint(r: Reader, e: sp.Basic, parts: list[Expr]) -> Expr:
    (x,) = parts
    if x.is_complex:
        return x.H
    return x.arg if isinstance(x, Transpose) else transpose(x)


def _hadamard(r: Reader, e: sp.Basic, parts: list[Expr]) -> Expr:
    """An entrywise product, in which a reciprocal divides."""
    above = [p for p in parts if not _is_reciprocal(p)]
    below = [p.below for p in parts if _is_reciprocal(p)]  # type: ignore[attr-defined]
    if not above or not below:
        return hadamard(*parts)
    return quotient(hadamard(*above), hadamard(*below))


def _is_reciprocal(e: Expr) -> bool:
    return isinstance(e, OPERATORS["Quotient"]) and e.operands[0] is ONE and not e.is_scalar


def _kron(r: Reader, e: sp.Basic, parts: list[Expr]) -> Expr:
    return reduce(lambda a, b: hadamard(a, b) if a.is_scalar or b.is_scalar else apply("Kron", a, b), parts)


def _blocks(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    rows, cols = e.blocks.shape
    return block([parts[k * cols : (k + 1) * cols] for k in range(rows)])


def _block_diagonal(r: Reader, e: sp.Basic, parts: list[Expr]) -> Expr:
    return block([[p if i == j else zeros(p.rows, q.cols) for j, q in enumerate(parts)] for i, p in enumerate(parts)])


def _slice(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    x = parts[0]
    taken = [_range(r, e, s, whole) for s, whole in zip((e.rowslice, e.colslice), (x.rows, x.cols), strict=True)]
    for axis, t in enumerate(taken):
        if isinstance(t, range):
            lines = [entry_at(x, k + 1, 0) if axis == 0 else transpose(entry_at(x, 0, k + 1)) for k in t]
            x = vstack(*lines) if axis == 0 else transpose(vstack(*lines))
    rows, cols = (None if isinstance(t, range) else t for t in taken)
    return slice_of(x, rows, cols)


def _range(r: Reader, e: sp.Basic, ends: Sequence[Any], whole: Dim) -> Any:
    """The first position from 1 and the number of them; a range of positions from 0 where every other one is left out."""
    start, stop, step = ends
    if step != 1:
        numbers = [int(v) for v in (start, stop, step) if getattr(v, "is_Integer", isinstance(v, int))]
        if len(numbers) < 3 or not range(*numbers):
            raise UnsupportedError(f"{e}: a slice with the step {step} needs numbers as its ends")
        return range(*numbers)
    count = r.names.dim(stop - start, str(e))
    return plus_dim(_offset(r, start), 1), count


def _offset(r: Reader, start: Any) -> Dim:
    """A position counted from 0."""
    if start == 0:
        return 0
    return r.names.dim(start, "a slice")


def _element(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    (x,) = parts
    places: list[Any] = []
    for at, whole in zip(e.args[1:], (x.rows, x.cols), strict=True):
        if not at.is_Integer and at.free_symbols <= r.names.sizes:
            places.append(plus_dim(r.names.dim(at, str(e)), 1))
            continue
        if not at.is_Integer:
            raise UnsupportedError(f"the index of {e} is not a number: name it in from_sympy(..., free=...), or sum over it")
        if at < 0 or (isinstance(whole, int) and at >= whole):
            raise ShapeError(f"{e}: {named_shape(x)} has no entry there")
        places.append(int(at) + 1)
    if all(isinstance(p, int) for p in places):
        return entry_at(x, *places)
    return slice_of(x, *((p, 1) for p in places))


def _diagonal_matrix(r: Reader, e: sp.Basic, parts: list[Expr]) -> Expr:
    (x,) = parts
    if not x.is_square:
        raise UnsupportedError(f"DiagonalMatrix of {named_shape(x)}: only that of a square matrix has a counterpart")
    return x if x.is_scalar else Diag(Diagonal(x))


def _diagonal_of(r: Reader, e: sp.Basic, parts: list[Expr]) -> Expr:
    (x,) = parts
    if not x.is_square:
        raise UnsupportedError(f"DiagonalOf {named_shape(x)}: only that of a square matrix has a counterpart")
    return x if x.is_scalar else Diagonal(x)


def _dot(r: Reader, e: sp.Basic, parts: list[Expr]) -> Expr:
    x, y = (p if is_unit(p.cols) else transpose(p) for p in parts)
    return matmul(transpose(x), y)


def _permutation(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    """Row ``i`` is the unit row at the image of ``i``."""
    images = e.args[0].array_form
    return vstack(*(transpose(unit_vector(k + 1, len(images))) for k in images))


def _permuted(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    """SymPy's ``MatrixPermute``: rows (axis 0) ``P*A``, columns (axis 1) ``A*P'``."""
    (x,) = parts
    size = x.rows if e.args[2] == 0 else x.cols
    if not isinstance(size, int):
        raise UnsupportedError(f"{type(e).__name__} of {named_shape(x)} needs dimensions that are numbers")
    images = [e.args[1].apply(k) for k in range(size)]
    p = vstack(*(transpose(unit_vector(int(k) + 1, size)) for k in images))
    return product(p, x) if e.args[2] == 0 else product(x, transpose(p))


def _applied(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    return r.applied(e.function, parts[0])


def _formulas() -> dict[sp.Basic, type[Entrywise]]:
    return {
        cls.formula: cls for name, cls in OPERATORS.items() if issubclass(cls, Unary) and name not in ("Conj", "Real", "Imag")
    }


FORMULAS = _formulas()  # what every named function of one argument does


def _undefined(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    """An undefined function: a known one by its name, else a function that nothing is known of."""
    name = str(e.func)
    known = FUNCTIONS.get(name)
    if known is not None:
        if known.signature == ENTRYWISE and all(p.is_scalar for p in parts) and set(known.letters) == {"x"}:
            return known(*parts)
        raise UnsupportedError(f"SymPy's undefined function {name} has the name of a function of matcalc: call it otherwise")
    if len(parts) != 1:
        raise UnsupportedError(f"SymPy's undefined function {name} of {len(parts)} arguments has no counterpart: one is taken")
    return Unspecified(name, parts[0])


def _derivative(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    """A derivative, worked out; the axes of the variable come first, as in SymPy."""
    result: Any = r.walk(e.expr, r.done)
    for w, count in e.variable_count:
        if not count.is_Integer:
            raise UnsupportedError(f"the order {count} of a derivative is not a number")
        for _ in range(int(count)):
            by = r.walk(w, r.done)
            if result.axes is not None:
                raise UnsupportedError(f"{e} is the derivative of an array with {len(result.shape)} axes")
            result = jacobian(result, by, layout="denominator")
    found: Expr = result
    return found


def _refused(why: str) -> Callable[[Reader, Any, list[Expr]], Expr]:
    def refuse(r: Reader, e: Any, parts: list[Expr]) -> Expr:
        raise UnsupportedError(f"SymPy's {type(e).__name__} has no counterpart in matcalc, in {e}: {why}")

    return refuse


def _none(e: sp.Basic) -> Sequence[sp.Basic]:
    return ()


def _first(e: sp.Basic) -> Sequence[sp.Basic]:
    return e.args[:1]


def _flat(e: Any) -> Sequence[sp.Basic]:
    return tuple(e.flat())


READERS: dict[Any, Callable[[Reader, Any, list[Expr]], Expr]] = {
    ScalarAtom: lambda r, e, _: e.expr,
    sp.Symbol: lambda r, e, _: r.names.scalar(e),
    sp.MatrixSymbol: lambda r, e, _: r.names.matrix(e),
    ArraySymbol: lambda r, e, _: r.names.array(e),
    sp.MatAdd: _added,
    sp.MatMul: _times,
    sp.MatPow: _to_power,
    sp.Inverse: lambda r, e, parts: inv(parts[0]),
    sp.Transpose: lambda r, e, parts: transpose(parts[0]),
    sp.Adjoint: _adjoint,
    sp.Trace: lambda r, e, parts: trace(parts[0]),
    sp.Determinant: lambda r, e, parts: det(parts[0]),
    sp.HadamardProduct: _hadamard,
    sp.HadamardPower: _to_entry_power,
    sp.KroneckerProduct: _kron,
    sp.BlockMatrix: _blocks,
    sp.BlockDiagMatrix: _block_diagonal,
    MatrixSlice: _slice,
    MatrixElement: _element,
    ArrayElement: lambda r, e, _: read_indexed(e, (), r),
    GenericIdentity: _refused("its size is not known"),
    GenericZeroMatrix: _refused("its shape is not known"),
    sp.Identity: lambda r, e, _: eye(r.names.dim(e.shape[0], str(e))),
    sp.ZeroMatrix: lambda r, e, _: zeros(*(r.names.dim(d, "ZeroMatrix") for d in e.shape)),
    sp.OneMatrix: lambda r, e, _: ones(*(r.names.dim(d, "OneMatrix") for d in e.shape)),
    DiagMatrix: lambda r, e, parts: diag(parts[0]),
    DiagonalMatrix: _diagonal_matrix,
    DiagonalOf: _diagonal_of,
    ElementwiseApplyFunction: _applied,
    sp.FunctionMatrix: lambda r, e, _: read_table(e, r),
    sp.DotProduct: _dot,
    PermutationMatrix: _permutation,
    MatrixPermute: _permuted,
    sp.Permanent: _refused("there is no operator for a permanent"),
    CompanionMatrix: read_constant,
    DFT: read_constant,
    sp.MatrixBase: read_explicit,
    sp.NDimArray: read_explicit_array,
    sp.Sum: lambda r, e, _: read_indexed(e, (), r),
    sp.Product: lambda r, e, _: read_product(e, r),
    sp.Derivative: _derivative,
    AppliedUndef: _undefined,
}
PARTS: dict[Any, Callable[[Any], Sequence[sp.Basic]]] = {
    **dict.fromkeys(
        (
            sp.Symbol, sp.MatrixSymbol, ArraySymbol, GenericIdentity, GenericZeroMatrix, sp.Identity, sp.ZeroMatrix,
            sp.OneMatrix, sp.FunctionMatrix, PermutationMatrix, CompanionMatrix, DFT, sp.Sum, sp.Product, sp.Derivative,
            ArrayElement,
        ),
        _none,
    ),
    **dict.fromkeys((MatrixSlice, MatrixPermute, MatrixElement), _first),
    ElementwiseApplyFunction: lambda e: (e.expr,),
    sp.BlockMatrix: lambda e: _flat(e.blocks),
    sp.MatrixBase: _flat,
    sp.NDimArray: lambda e: tuple(sp.flatten(e.tolist())) if e.shape else (e[()],),
}  # fmt: skip
