"""What goes with ``vec``: commutation and duplication matrices, ``vech``, and arrays with more than two axes.

A derivative of a matrix by a matrix is kept as the matrix of its vec form; ``Unstacked`` shows it
with its own axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import Dim, Shape, as_dim, same_dim, times_dim
from matcalc.errors import OperandError, ShapeError, UnsupportedError
from matcalc.expr import Constant, Expr, Operator, named_shape, product, transpose
from matcalc.ops.structure import eye, reshape, vec


@dataclass(frozen=True, eq=False, repr=False)
class Commutation(Constant):
    """Commutation matrix: ``K(m,n)*vec(A) = vec(A')`` for an ``m`` by ``n`` matrix [Magnus and Neudecker, 1979]."""

    dims: Shape
    name = "K"
    latex = "K"
    code = "commutation"

    def infer_shape(self) -> Shape:
        size = times_dim(*self.dims)
        return (size, size)

    def infer_symmetric(self) -> bool:
        return same_dim(*self.dims)

    def dimensions(self) -> tuple[Dim, ...]:
        return self.dims

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, tuple(str(d) for d in self.dims)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return commutation(dim(self.dims[0]), dim(self.dims[1]))


def commutation(m: object, n: object) -> Expr:
    """Commutation matrix ``K(m, n)``, with ``K(m,n)*vec(A) = vec(A')`` for an ``m`` by ``n`` matrix ``A``."""
    dims = (as_dim(m, "K"), as_dim(n, "K"))
    return eye(times_dim(*dims)) if 1 in dims else Commutation(dims)


@dataclass(frozen=True, eq=False, repr=False)
class Duplication(Constant):
    """Duplication matrix: ``Dup(n)*vech(S) = vec(S)`` for a symmetric ``S`` [Magnus and Neudecker, 1980]."""

    dim: Dim
    name = "Dup"
    latex = "D"
    code = "duplication"

    def infer_shape(self) -> Shape:
        return (times_dim(self.dim, self.dim), triangle(self.dim))

    def dimensions(self) -> tuple[Dim, ...]:
        return (self.dim,)

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (str(self.dim),)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return duplication(dim(self.dim))


def duplication(n: object) -> Expr:
    """Duplication matrix ``Dup(n)``, with ``Dup(n)*vech(S) = vec(S)`` for a symmetric ``n`` by ``n`` matrix ``S``."""
    dim = as_dim(n, "Dup")
    return eye(1) if dim == 1 else Duplication(dim)


def triangle(n: Dim) -> Dim:
    """The number of entries on and below the diagonal."""
    count = sp.expand(sp.sympify(n) * (n + 1) / 2)
    return int(count) if isinstance(count, sp.Integer) else count


@dataclass(frozen=True, eq=False, repr=False)
class Elimination(Constant):
    """Elimination matrix: ``Elim(n)*vec(A) = vech(A)`` for an ``n`` by ``n`` matrix [Magnus and Neudecker, 1980]."""

    dim: Dim
    name = "Elim"
    latex = "L"
    code = "elimination"

    def infer_shape(self) -> Shape:
        return (triangle(self.dim), times_dim(self.dim, self.dim))

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (str(self.dim),)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return elimination(dim(self.dim))


def elimination(n: object) -> Expr:
    """Elimination matrix ``Elim(n)``, with ``Elim(n)*vec(A) = vech(A)`` for an ``n`` by ``n`` matrix ``A``."""
    dim = as_dim(n, "Elim")
    return eye(1) if dim == 1 else Elimination(dim)


@dataclass(frozen=True, eq=False, repr=False)
class Vech(Operator):
    """Entries on and below the diagonal of a square matrix, column by column."""

    arg: Expr
    name = "vech"
    latex = r"\operatorname{vech}(#1)"
    code = "vech(#1)"

    def infer_shape(self) -> Shape:
        if not self.arg.is_square:
            raise ShapeError(f"vech needs a square matrix, but {named_shape(self.arg)} is not one")
        return (triangle(self.arg.rows), 1)

    def differential(self, k: int, d: Expr) -> Expr:
        return product(Elimination(self.arg.rows), vec(d))

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        n = self.arg.rows
        return reshape(product(transpose(Elimination(n)), upstream), n, n)


def vech(x: Expr) -> Expr:
    """``vech(A)``: the entries on and below the diagonal, column by column."""
    return x if x.is_scalar else Vech(x)


@dataclass(frozen=True, eq=False, repr=False)
class Unstacked(Operator):
    """An array with three or four axes, held as the matrix of its vec form.

    ``rows_as`` are the axes that its rows stack column by column, ``cols_as`` those that its columns stack.
    """

    arg: Expr
    rows_as: tuple[Dim, ...]
    cols_as: tuple[Dim, ...]
    name = "tensor"
    latex = r"\operatorname{tensor}(#1)"
    code = "unstacked(#1)"

    def infer_shape(self) -> Shape:
        for dims, size, what in ((self.rows_as, self.arg.rows, "rows"), (self.cols_as, self.arg.cols, "columns")):
            count: Dim = 1
            for d in dims:
                count = times_dim(count, d)
            if not same_dim(count, size):
                raise ShapeError(f"cannot unstack {named_shape(self.arg)}: its {what} are not {' x '.join(map(str, dims))}")
        return (self.arg.rows, self.arg.cols)

    def own_cost(self) -> int:
        return 0

    @property
    def shape(self) -> tuple[Dim, ...]:
        """All axes: those of the rows, then those of the columns."""
        return (*self.rows_as, *self.cols_as)

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (self.arg, *(str(d) for d in self.shape))

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return Unstacked(operands[0], tuple(dim(d) for d in self.rows_as), tuple(dim(d) for d in self.cols_as))

    def differential(self, k: int, d: Expr) -> Expr:
        raise UnsupportedError("derivatives of arrays with more than two axes are not supported: use the vec form")


def unstacked(matrix: Expr, *dims: object) -> Expr:
    """``tensor(V, m, n, p, q)``: the array whose first axes are stacked in the rows of ``V`` and the others in its columns."""
    sizes = tuple(as_dim(d, "tensor") for d in dims)
    if not 3 <= len(sizes) <= 4:
        raise OperandError(f"tensor takes a matrix and three or four dimensions, not {len(sizes)}")
    for k in (1, 2, 3):
        count: Dim = 1
        for d in sizes[:k]:
            count = times_dim(count, d)
        if same_dim(count, matrix.rows) and len(sizes) - k <= 2 and k <= 2:
            return Unstacked(matrix, sizes[:k], sizes[k:])
    raise ShapeError(f"tensor: {named_shape(matrix)} does not unstack to {' x '.join(map(str, sizes))}")
