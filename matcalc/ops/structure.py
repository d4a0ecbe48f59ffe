"""Constant matrices, and operators that only move entries: diag, vec, kron, reshape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import Dim, Shape, as_dim, is_unit, same_dim, shape_text, times_dim
from matcalc.errors import OperandError, ShapeError
from matcalc.expr import ONE, Constant, Expr, Number, Operator, hadamard, named_shape, ones, product, transpose
from matcalc.index import At, Delta, Entry, Num, Pair, Term, Times


@dataclass(frozen=True, eq=False, repr=False)
class Eye(Constant):
    """Identity matrix."""

    dim: Dim
    name = "eye"
    latex = "I"
    code = "np.eye"
    structural = True

    def infer_shape(self) -> Shape:
        return (self.dim, self.dim)

    def dimensions(self) -> tuple[Dim, ...]:
        return (self.dim,)

    def infer_symmetric(self) -> bool:
        return True

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return eye(dim(self.dim))

    def entry(self, row: At, col: At) -> Term:
        return Delta(row, col)


def eye(n: object) -> Expr:
    """Identity matrix ``eye(n)``."""
    dim = as_dim(n, "eye")
    return ONE if is_unit(dim) else Eye(dim)


@dataclass(frozen=True, eq=False, repr=False)
class Zeros(Constant):
    """Matrix or vector of zeros."""

    dims: Shape
    name = "zeros"
    latex = r"\mathbf{0}"
    code = "np.zeros"
    structural = True

    def infer_shape(self) -> Shape:
        return self.dims

    def infer_symmetric(self) -> bool:
        return same_dim(*self.dims)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return zeros(dim(self.dims[0]), dim(self.dims[1]))

    def entry(self, row: At, col: At) -> Term:
        return Num(sp.Integer(0))


def zeros(rows: object, cols: object = 1) -> Expr:
    """Vector ``zeros(n)`` or matrix ``zeros(m, n)`` of zeros."""
    shape = (as_dim(rows, "zeros"), as_dim(cols, "zeros"))
    return Number(sp.Integer(0)) if is_unit(shape[0]) and is_unit(shape[1]) else Zeros(shape)


@dataclass(frozen=True, eq=False, repr=False)
class UnitVector(Constant):
    """The unit vector with 1 at ``position``, counted from 1."""

    position: int
    dim: Dim
    name = "e"
    latex = "e"
    code = "unit_vector"
    structural = True

    def infer_shape(self) -> Shape:
        return (self.dim, 1)

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (str(self.position), str(self.dim))

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return unit_vector(self.position, dim(self.dim))

    def entry(self, row: At, col: At) -> Term:
        return Delta(row, self.position)


def unit_vector(position: object, n: object) -> Expr:
    """Unit vector ``e(i, n)``: 1 at position ``i``, counted from 1, of ``n``."""
    dim = as_dim(n, "e")
    place = as_dim(position, "e")
    if not isinstance(place, int) or (isinstance(dim, int) and place > dim):
        raise ShapeError(f"e({place}, {dim}): the position is a number from 1 to {dim}")
    return ONE if is_unit(dim) else UnitVector(place, dim)


@dataclass(frozen=True, eq=False, repr=False)
class Diag(Operator):
    """Diagonal matrix with a vector on its diagonal."""

    arg: Expr
    name = "diag"
    latex = r"\operatorname{diag}(#1)"
    code = "np.diag(#1)"
    signature = "n,1 -> n,n"
    structural = True

    def infer_symmetric(self) -> bool:
        return True

    def entry(self, row: At, col: At) -> Term:
        return Times((Delta(row, col), Entry(self.arg, row, None)))


@dataclass(frozen=True, eq=False, repr=False)
class Diagonal(Operator):
    """Diagonal of a square matrix, as a vector."""

    arg: Expr
    name = "diag"
    latex = r"\operatorname{diag}(#1)"
    code = "np.diag(#1)"
    signature = "n,n -> n,1"
    structural = True

    def entry(self, row: At, col: At) -> Term:
        return Entry(self.arg, row, row)


def diag(x: Expr) -> Expr:
    """Diagonal matrix of a vector (a column or a row), or the diagonal of a square matrix as a vector."""
    if x.is_scalar:
        return x
    if is_unit(x.rows):
        return Diag(x.T)
    if not is_unit(x.cols) and not x.is_square:
        raise ShapeError(f"diag takes a vector or a square matrix, but {named_shape(x)} is neither")
    return Diag(x) if is_unit(x.cols) else Diagonal(x)


def diag_signature(shapes: Sequence[Shape]) -> str:
    """Which of its two ways ``diag`` goes for an operand of this shape."""
    rows, cols = shapes[0]
    if is_unit(rows) and not is_unit(cols):
        return "1,n -> n,n"
    return "n,1 -> n,n" if is_unit(cols) else "n,n -> n,1"


@dataclass(frozen=True, eq=False, repr=False)
class Vec(Operator):
    """Columns of a matrix stacked into one vector."""

    arg: Expr
    takes_tensors = True
    analytic = True
    name = "vec"
    latex = r"\operatorname{vec}(#1)"
    code = "#1.reshape(-1, order='F')"
    signature = "m,n -> n*m,1"

    def composite_axes(self) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
        """The dimensions that the rows and the columns are made of, the last running fastest."""
        return several(self.arg.cols, self.arg.rows), ()

    def entry(self, row: At, col: At) -> Term:
        j, i = split(row, (self.arg.cols, self.arg.rows))
        return Entry(self.arg, i, j)

    def differential(self, k: int, d: Expr) -> Expr:
        return vec(d)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return reshape(upstream, self.arg.rows, self.arg.cols)


def vec(x: Expr) -> Expr:
    """``vec(A)``: the columns of ``A`` stacked; a column is its own."""
    return x if is_unit(x.cols) and x.axes is None else Vec(x)


def several(*dims: Dim) -> tuple[Dim, ...]:
    """The dimensions other than 1."""
    return tuple(d for d in dims if not is_unit(d))


def split(at: At, dims: tuple[Dim, Dim]) -> tuple[At, At]:
    """The two parts of an index along a composite axis; a unit part carries none."""
    if is_unit(dims[1]):
        return at, None
    if is_unit(dims[0]):
        return None, at
    assert isinstance(at, Pair), "a composite axis takes a pair of indices"
    return at.left, at.right


@dataclass(frozen=True, eq=False, repr=False)
class Kron(Operator):
    """Kronecker product."""

    left: Expr
    right: Expr
    analytic = True
    name = "kron"
    latex = r"@1 \otimes @2"
    code = "np.kron(#1, #2)"
    signature = "m,n; p,q -> m*p,n*q"

    def composite_axes(self) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
        """The dimensions that the rows and the columns are made of, the last running fastest."""
        return several(self.left.rows, self.right.rows), several(self.left.cols, self.right.cols)

    def infer_symmetric(self) -> bool:
        return self.left.symmetric and self.right.symmetric

    def entry(self, row: At, col: At) -> Term:
        i, p = split(row, (self.left.rows, self.right.rows))
        j, q = split(col, (self.left.cols, self.right.cols))
        return Times((Entry(self.left, i, j), Entry(self.right, p, q)))

    def differential(self, k: int, d: Expr) -> Expr:
        return Kron(d, self.right) if k == 0 else Kron(self.left, d)


@dataclass(frozen=True, eq=False, repr=False)
class KhatriRao(Operator):
    """Kronecker products of the columns of one matrix with those of another, side by side."""

    left: Expr
    right: Expr
    analytic = True
    name = "khatrirao"
    latex = r"@1 \odot_{\mathrm{KR}} @2"
    code = "khatrirao(#1, #2)"
    signature = "m,n; p,n -> m*p,n"

    def composite_axes(self) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
        """The dimensions that the rows and the columns are made of, the last running fastest."""
        return several(self.left.rows, self.right.rows), several(self.left.cols)

    def entry(self, row: At, col: At) -> Term:
        i, p = split(row, (self.left.rows, self.right.rows))
        return Times((Entry(self.left, i, col), Entry(self.right, p, col)))

    def differential(self, k: int, d: Expr) -> Expr:
        return KhatriRao(d, self.right) if k == 0 else KhatriRao(self.left, d)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        m, p = self.left.rows, self.right.rows
        repeated = Kron(self.left, ones(p)) if k else Kron(ones(m), self.right)
        summed = Kron(transpose(ones(m)), eye(p)) if k else Kron(eye(m), transpose(ones(p)))
        return product(summed, hadamard(upstream, repeated))


@dataclass(frozen=True, eq=False, repr=False)
class Reshape(Operator):
    """Entries of a matrix, read and written column by column, in another shape."""

    arg: Expr
    dims: Shape
    takes_tensors = True
    analytic = True
    name = "reshape"
    latex = r"\operatorname{reshape}#dims(#1)"
    code = "#1.reshape(#rows, #cols, order='F')"

    def infer_shape(self) -> Shape:
        count = times_dim(self.arg.rows, self.arg.cols)
        if not same_dim(count, times_dim(*self.dims)):
            raise ShapeError(
                f"cannot reshape {named_shape(self.arg)} to {shape_text(self.dims)}: the numbers of entries differ"
            )
        return self.dims

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (self.arg, *(str(d) for d in self.dims))

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return Reshape(operands[0], (dim(self.dims[0]), dim(self.dims[1])))

    def differential(self, k: int, d: Expr) -> Expr:
        return Reshape(d, self.dims)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return reshape(upstream, self.arg.rows, self.arg.cols)


def reshape(x: Expr, rows: object, cols: object = 1) -> Expr:
    """``reshape(x, m, n)``: the entries of ``x`` column by column, as an ``m`` by ``n`` matrix (undoes ``vec``)."""
    if isinstance(rows, tuple):
        if not 1 <= len(rows) <= 2:
            raise OperandError(f"reshape takes one or two dimensions, not {rows!r}")
        rows, cols = (*rows, 1)[:2]
    dims = (as_dim(rows, "reshape"), as_dim(cols, "reshape"))
    if same_dim(x.rows, dims[0]) and same_dim(x.cols, dims[1]) and x.axes is None:
        return x
    return Reshape(x, dims)
