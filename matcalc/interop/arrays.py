"""From SymPy's array expressions: tensor products, contractions, diagonals and permuted axes as one einsum.

SymPy keeps axes of length 1, which our arrays leave out; ``Array`` knows both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

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
    ZeroArray,
)

from matcalc.dims import Dim, is_unit, same_dim, times_dim
from matcalc.errors import ShapeError
from matcalc.expr import ONE, Expr, add, brief, hadamard, ones, transpose
from matcalc.node import postorder
from matcalc.ops.structure import reshape, zeros
from matcalc.ops.tensors import Unstacked, einsum, fresh_letters, split_axes
from matcalc.readable import simplify

if TYPE_CHECKING:
    from matcalc.interop.reading import Reader

_FRESH = count()
Axis = int | None  # the number of an axis's index; None on an axis of length 1
Operands = Callable[[Any], Sequence[sp.Basic]]


@dataclass(frozen=True)
class Array:
    """A sum of products of entries: factors with an index for each axis that is not of length 1, and the axes left."""

    factors: tuple[tuple[Expr, tuple[int, ...]], ...]
    axes: tuple[Axis, ...]
    sizes: dict[int, Dim]

    def renamed(self, new: dict[int, int]) -> Array:
        """The same under other indices; several may become one."""
        sizes = {new.get(i, i): d for i, d in self.sizes.items()}
        factors = tuple((e, tuple(new.get(i, i) for i in ids)) for e, ids in self.factors)
        return Array(factors, tuple(a if a is None else new.get(a, a) for a in self.axes), sizes)

    def fresh(self) -> Array:
        """The same under indices of its own."""
        return self.renamed({i: next(_FRESH) for i in self.sizes})


Build = Callable[[Any, list[Array], "Reader"], Array]


def read_array(value: sp.Basic, reader: Reader) -> Expr:
    """An array expression: a scalar, vector, matrix or tensor by its axes that are not of length 1."""
    built: dict[sp.Basic, Array] = {}
    for node in postorder([value], _operands):
        built[node] = _node(node, [built[a] for a in _operands(node)], reader)
    return closed(built[value])


def _operands(e: sp.Basic) -> Sequence[sp.Basic]:
    for cls, (_, operands) in ARRAYS.items():
        if isinstance(e, cls):
            return operands(e)
    return ()


def _node(e: sp.Basic, operands: list[Array], reader: Reader) -> Array:
    for cls, (build, _) in ARRAYS.items():
        if isinstance(e, cls):
            return build(e, operands, reader)
    return with_shape(reader.walk(e, reader.done), tuple(getattr(e, "shape", ())), reader)


def with_shape(e: Expr, shape: Sequence[Any], reader: Reader) -> Array:
    """An expression as an array with SymPy's axes."""
    dims = [reader.names.dim(d, brief(e)) for d in shape]
    axes = tuple(None if is_unit(d) else next(_FRESH) for d in dims)
    ids = tuple(a for a in axes if a is not None)
    return Array(((e, ids),), axes, {a: d for a, d in zip(axes, dims, strict=True) if a is not None})


def closed(a: Array) -> Expr:
    """The matrix notation of an array, an einsum where there is none."""
    out = [i for i in a.axes if i is not None]
    scalars = [e for e, ids in a.factors if not ids]
    arrays = [(e, ids) for e, ids in a.factors if ids]
    if len(arrays) == 1 and list(arrays[0][1]) == out:
        body = arrays[0][0]
    elif not arrays:
        return hadamard(*scalars) if scalars else ONE
    else:
        names = fresh_letters()
        letter = {i: next(names) for i in dict.fromkeys(i for _, ids in arrays for i in ids)}
        inputs = ",".join("".join(letter[i] for i in ids) for _, ids in arrays)
        body = simplify(einsum(f"{inputs}->{''.join(letter[i] for i in out)}", *(e for e, _ in arrays)))
    if len(out) == 1:
        row = len(a.axes) == 2 and a.axes[0] is None
        body = transpose(body) if row == is_unit(body.cols) else body
    return hadamard(*scalars, body) if scalars else body


# ------------------------------------------------------------------ one class of SymPy's each
def _product(e: Any, parts: list[Array], reader: Reader) -> Array:
    parts = [p.fresh() for p in parts]
    sizes = {i: d for p in parts for i, d in p.sizes.items()}
    return Array(tuple(f for p in parts for f in p.factors), tuple(i for p in parts for i in p.axes), sizes)


def _tied(e: Any, a: Array, groups: Sequence[Sequence[int]]) -> tuple[Array, list[Axis]]:
    """The array with the axes of each group under one index, and those indices."""
    new: dict[int, int] = {}
    tied: list[Axis] = []
    for group in groups:
        ids = [a.axes[int(k)] for k in group]
        known = [i for i in ids if i is not None]
        if (known and len(known) < len(ids)) or any(not same_dim(a.sizes[i], a.sizes[known[0]]) for i in known):
            raise ShapeError(f"{type(e).__name__}: the axes {', '.join(map(str, group))} of {e.args[0]} have different lengths")
        new.update(dict.fromkeys(known, known[0]))
        tied.append(known[0] if known else None)
    return a.renamed(new), tied


def _contracted(e: Any, parts: list[Array], reader: Reader) -> Array:
    a, _ = _tied(e, parts[0], e.contraction_indices)
    gone = {int(k) for group in e.contraction_indices for k in group}
    return Array(a.factors, tuple(i for k, i in enumerate(a.axes) if k not in gone), a.sizes)


def _diagonal(e: Any, parts: list[Array], reader: Reader) -> Array:
    a, tied = _tied(e, parts[0], e.diagonal_indices)
    gone = {int(k) for group in e.diagonal_indices for k in group}
    return Array(a.factors, (*(i for k, i in enumerate(a.axes) if k not in gone), *tied), a.sizes)


def _permuted(e: Any, parts: list[Array], reader: Reader) -> Array:
    (a,) = parts
    return Array(a.factors, tuple(a.axes[k] for k in e.permutation.array_form), a.sizes)


def _added(e: Any, parts: list[Array], reader: Reader) -> Array:
    return with_shape(add(*(closed(p) for p in parts)), e.shape, reader)


def _applied(e: Any, parts: list[Array], reader: Reader) -> Array:
    return with_shape(reader.applied(e.args[0], closed(parts[0])), e.shape, reader)


def _reshaped(e: Any, parts: list[Array], reader: Reader) -> Array:
    """SymPy runs the last axis fastest, ours the first: it is the other way round with the axes reversed."""
    (a,) = parts
    shape = tuple(e.args[1])
    dims = [d for d in (reader.names.dim(d, "Reshape") for d in shape) if not is_unit(d)]
    flat = closed(Array(a.factors, a.axes[::-1], a.sizes))
    turned = dims[::-1]
    if len(dims) <= 2:
        body = reshape(transpose(flat) if is_unit(flat.rows) else flat, *(turned or [1]))
        return with_shape(transpose(body) if len(dims) == 2 else body, shape, reader)
    first, second = split_axes(tuple(turned))
    body = Unstacked(reshape(flat, times_dim(*first), times_dim(*second)), first, second)
    back = with_shape(body, shape[::-1], reader)
    return Array(back.factors, back.axes[::-1], back.sizes)


def _constant(fill: Callable[[object, object], Expr]) -> Build:
    """The array of zeros, or of ones."""

    def build(e: Any, parts: list[Array], reader: Reader) -> Array:
        dims = tuple(d for d in (reader.names.dim(d, type(e).__name__) for d in e.shape) if not is_unit(d))
        first, second = split_axes(dims)
        if len(dims) <= 2:
            return with_shape(fill(*(*dims, 1, 1)[:2]), e.shape, reader)
        held = fill(times_dim(*first), times_dim(*second))
        return with_shape(Unstacked(held, first, second), e.shape, reader)

    return build


ARRAYS: dict[Any, tuple[Build, Operands]] = {
    ArrayTensorProduct: (_product, lambda e: e.args),
    ArrayContraction: (_contracted, lambda e: e.args[:1]),
    ArrayDiagonal: (_diagonal, lambda e: e.args[:1]),
    PermuteDims: (_permuted, lambda e: e.args[:1]),
    ArrayAdd: (_added, lambda e: e.args),
    ArrayElementwiseApplyFunc: (_applied, lambda e: e.args[1:2]),
    Reshape: (_reshaped, lambda e: e.args[:1]),
    ZeroArray: (_constant(zeros), lambda e: ()),
    OneArray: (_constant(ones), lambda e: ()),
}
