"""How sums over named indices and arrays with more than two axes are written in SymPy."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.tensor.array.expressions import (
    ArrayAdd,
    ArrayContraction,
    ArrayDiagonal,
    ArrayElementwiseApplyFunc,
    ArrayTensorProduct,
    OneArray,
    PermuteDims,
    Reshape,
)

from matcalc.dims import is_unit
from matcalc.errors import UnsupportedError
from matcalc.expr import Entrywise, Expr, Power, Symbol, brief
from matcalc.interop.matrix_rows import Write, filled, formula_of, write_unspecified
from matcalc.interop.pieces import SLOT, Context, as_matrix, is_matrix
from matcalc.ops import OPERATORS
from matcalc.ops.reductions import NormF
from matcalc.ops.structure import Kron, several
from matcalc.ops.tensors import Einsum, Unstacked, is_tensor


def write_einsum(w: Context, e: Einsum, args: list[Any]) -> Any:
    """A sum over entries, or a table of them; a contraction of arrays where an operand has no entries in SymPy."""
    if is_tensor(e) or not all(is_matrix(x) or o.is_scalar or isinstance(o, Symbol) for o, x in zip(e.args, args, strict=True)):
        return _contraction(w, e, args)
    _require_plain(e, e.is_plain)
    index = {c: sp.Dummy(c, integer=True, nonnegative=True) for c in e.sizes}
    entries = [
        _entry(x, [index[c] for c in e.shown_letters(pair, o)], o) for x, pair, o in zip(args, e.inputs, e.args, strict=True)
    ]
    limits = [(index[c], 0, w.size(e.sizes[c]) - 1) for c in e.summed]
    value = sp.Sum(sp.Mul(*entries), *limits) if limits else sp.Mul(*entries)
    if e.is_scalar:
        return value
    at = tuple(index[side] if side else sp.Dummy("one", integer=True) for side in e.output)
    return sp.FunctionMatrix(w.size(e.rows), w.size(e.cols), sp.Lambda(at, value))


def _require_plain(e: Einsum, plain: bool) -> None:
    if not plain or any(max(map(len, pair)) > 1 for pair, o in zip(e.inputs, e.args, strict=True) if not is_tensor(o)):
        raise UnsupportedError(f"SymPy has no exact form of an einsum with stacked axes, in {brief(e)}")


def _entry(x: Any, at: list[Any], e: Expr) -> Any:
    if e.is_scalar:
        return x
    if is_tensor(e):
        return x[tuple(at)]
    places = at if not is_unit(e.rows) else [sp.S.Zero, *at]
    return x[(*places, sp.S.Zero)[:2]]


def _contraction(w: Context, e: Einsum, args: list[Any], letters: str | None = None) -> Any:
    """A contraction of the tensor product of the operands, its axes in the order of the letters."""
    _require_plain(e, letters is not None or e.is_plain)
    axes: list[str] = []
    for pair, o in zip(e.inputs, e.args, strict=True):
        own = list(e.shown_letters(pair, o))
        if not is_tensor(o) and not o.is_scalar:  # a letter is missing where SymPy has an axis of length 1
            own = ["", *own] if is_unit(o.rows) else [*own, ""] if is_unit(o.cols) else own
        axes.extend(own)
    out = letters if letters is not None else e.output[0][::-1] + e.output[1][::-1]
    return _arranged(ArrayTensorProduct(*args) if len(args) > 1 else args[0], axes, out)


def _arranged(x: Any, axes: list[str], out: str) -> Any:
    """An array whose axes have letters: those that are not in ``out`` are summed, the others put in its order."""
    places: dict[str, list[int]] = {}
    for k, c in enumerate(axes):
        places.setdefault(c, []).append(k)
    tied = [tuple(v) for c, v in places.items() if c and c in out and len(v) > 1]
    if tied:  # SymPy puts the axes of a diagonal last
        x = ArrayDiagonal(x, *tied)
        gone = {k for group in tied for k in group}
        axes = [c for k, c in enumerate(axes) if k not in gone] + [axes[group[0]] for group in tied]
    groups: dict[object, list[int]] = {}
    for k, c in enumerate(axes):
        if not c or c not in out:
            groups.setdefault(c or k, []).append(k)
    if groups:
        x = ArrayContraction(x, *map(tuple, groups.values()))
        axes = [c for c in axes if c and c in out]
    order = [axes.index(c) for c in out]
    return x if order == sorted(order) else PermuteDims(x, order)


def apart(e: Unstacked) -> tuple[Expr, ...] | None:
    """The operands of an einsum or a Kronecker product whose parts of stacked axes are the axes of the array."""
    if e.letters is not None:
        return e.arg.operands
    if not isinstance(e.arg, Kron):
        return None
    a, b = e.arg.left, e.arg.right
    fits = (e.rows_as, e.cols_as) == (several(b.rows, a.rows), several(b.cols, a.cols))
    return e.arg.operands if fits else None


def _tensor_product(args: list[Any], a: Expr, b: Expr) -> Any:
    """A Kronecker product with the axes of both factors apart, those of the second before those of the first."""
    axes = ["" if is_unit(d) else c for c, d in zip("abcd", (a.rows, a.cols, b.rows, b.cols), strict=True)]
    out = "".join(axes[k] for k in (2, 0, 3, 1))
    return _arranged(ArrayTensorProduct(*map(as_matrix, args)), axes, out)


def _unstacked(w: Context, e: Unstacked, args: list[Any]) -> Any:
    """A matrix as the array that it holds: SymPy runs the last axis fastest, so each side is read backwards and turned."""
    if e.letters is not None and isinstance(e.arg, Einsum):
        return _contraction(w, e.arg, args, e.letters)
    if isinstance(e.arg, Kron) and apart(e) is not None:
        return _tensor_product(args, e.arg.left, e.arg.right)
    first, second = len(e.rows_as), len(e.cols_as)
    backwards = [w.size(d) for d in (*e.rows_as[::-1], *e.cols_as[::-1])]
    order = [*reversed(range(first)), *reversed(range(first, first + second))]
    return PermuteDims(Reshape(as_matrix(args[0]) if e.arg.is_scalar else args[0], tuple(backwards)), order)


def _reshaped(w: Context, e: Expr, args: list[Any]) -> Any:
    """Our first axis runs fastest and SymPy's last: it is the other way round with the axes reversed."""
    backwards = PermuteDims(args[0], list(reversed(range(len(e.operands[0].shape)))))
    if is_unit(e.cols):
        return Reshape(backwards, (w.size(e.rows),))
    return PermuteDims(Reshape(backwards, (w.size(e.cols), w.size(e.rows))), [1, 0])


def _broadcast(w: Context, e: Expr, args: list[Any]) -> Any:
    ones = OneArray(*(w.size(d) for d in e.shape))
    return ArrayAdd(*(x if is_tensor(o) else ArrayTensorProduct(x, ones) for o, x in zip(e.operands, args, strict=True)))


def _hadamard(w: Context, e: Expr, args: list[Any]) -> Any:
    """An entrywise product of arrays and numbers."""
    arrays = [x for o, x in zip(e.operands, args, strict=True) if not o.is_scalar]
    scalars = [x for o, x in zip(e.operands, args, strict=True) if o.is_scalar]
    product = ArrayTensorProduct(*scalars, *arrays) if len(args) > 1 else args[0]
    if len(arrays) == 1:
        return product
    count = len(e.shape)
    return ArrayDiagonal(product, *(tuple(range(k, count * len(arrays), count)) for k in range(count)))


def _quotient(w: Context, e: Any, args: list[Any]) -> Any:
    if not e.below.is_scalar:
        raise UnsupportedError(f"SymPy has no exact form of a quotient of arrays, in {brief(e)}")
    return ArrayTensorProduct(1 / args[1], args[0])


def _power(w: Context, e: Power, args: list[Any]) -> Any:
    if not e.exponent.is_scalar or e.base.is_scalar:
        raise UnsupportedError(f"SymPy has no exact form of a power by an array, in {brief(e)}")
    slot = sp.Dummy("t", real=True)
    return ArrayElementwiseApplyFunc(sp.Lambda(slot, slot ** args[1]), args[0])


def write_applied(w: Context, e: Entrywise, args: list[Any]) -> Any:
    """A function of every entry of an array."""
    return ArrayElementwiseApplyFunc(sp.Lambda(SLOT, filled(formula_of(e), [SLOT])), args[0])


def _total(w: Context, e: Any, args: list[Any]) -> Any:
    if e.axis is not None:
        raise UnsupportedError(f"SymPy has no exact form of {brief(e)}")
    return ArrayContraction(args[0], *((k,) for k in range(len(e.arg.shape))))


def _norm(w: Context, e: NormF, args: list[Any]) -> Any:
    count = len(e.arg.shape)
    return sp.sqrt(ArrayContraction(ArrayTensorProduct(args[0], args[0]), *((k, k + count) for k in range(count))))


OF_ARRAYS: dict[str, Write] = {
    "Add": lambda w, e, a: ArrayAdd(*a),
    "BroadcastAdd": _broadcast,
    "Hadamard": _hadamard,
    "Quotient": _quotient,
    "Power": _power,
    "Einsum": write_einsum,
    "Unstacked": _unstacked,
    "Reshape": _reshaped,
    "Vec": _reshaped,
    "Total": _total,
    "NormF": _norm,
    "Unspecified": write_unspecified,
}
ARRAY_ROWS: dict[type[Expr], Write] = {OPERATORS[name]: row for name, row in OF_ARRAYS.items()}
