"""What goes with ``vec``: commutation and duplication matrices, and ``vech``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import Dim, Shape, as_dim, map_dim, plus_dim, same_dim, times_dim
from matcalc.errors import ShapeError
from matcalc.expr import Constant, Expr, Operator, named_shape, product, transpose
from matcalc.ops.structure import eye, reshape, vec


@dataclass(frozen=True, eq=False, repr=False)
class Commutation(Constant):
    """Commutation matrix: ``K(m,n)*vec(A) = vec(A')`` for an ``m`` by ``n`` matrix [Magnus and Neudecker, 1979]."""

    dims: Shape
    name = "K"
    latex = "K^{(#sizes)}"
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


class OfOneSize(Constant, abstract=True):
    """A constant matrix that one dimension determines, in text by that dimension alone; for 1 it is the number 1."""

    dim: Dim

    def dimensions(self) -> tuple[Dim, ...]:
        return (self.dim,)

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (str(self.dim),)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return sized(type(self), map_dim(self.dim, dim))


def sized(cls: type[OfOneSize], n: object) -> Expr:
    """The constant of that class for the dimension ``n``."""
    dim = as_dim(n, cls.name)
    made: Expr = eye(1) if dim == 1 else cls(dim)  # type: ignore[call-arg]  # each has this one field
    return made


@dataclass(frozen=True, eq=False, repr=False)
class Duplication(OfOneSize):
    """Duplication matrix: ``Dup(n)*vech(S) = vec(S)`` for a symmetric ``S`` [Magnus and Neudecker, 1980]."""

    dim: Dim
    name = "Dup"
    latex = "D^{(#sizes)}"
    code = "duplication"

    def infer_shape(self) -> Shape:
        return (times_dim(self.dim, self.dim), triangle(self.dim))


def duplication(n: object) -> Expr:
    """Duplication matrix ``Dup(n)``, with ``Dup(n)*vech(S) = vec(S)`` for a symmetric ``n`` by ``n`` matrix ``S``."""
    return sized(Duplication, n)


@dataclass(frozen=True, eq=False, repr=False)
class ToeplitzBasis(OfOneSize):
    """Basis of the Toeplitz matrices: ``Toep(n)*t = vec(T)``, where ``t`` holds the diagonals of ``T`` from the lowest up."""

    dim: Dim
    name = "Toep"
    latex = "B^{(#sizes)}"
    code = "toeplitz_basis"

    def infer_shape(self) -> Shape:
        return (times_dim(self.dim, self.dim), plus_dim(self.dim, self.dim, -1))

    def infer_sign(self) -> int:
        return 1


def toeplitz_basis(n: object) -> Expr:
    """Basis matrix ``Toep(n)`` of the ``n`` by ``n`` Toeplitz matrices: ``Toep(n)*t = vec(T)``, ``t`` the diagonals upwards."""
    return sized(ToeplitzBasis, n)


def triangle(n: Dim) -> Dim:
    """The number of entries on and below the diagonal."""
    count = sp.expand(sp.sympify(n) * (n + 1) / 2)
    return int(count) if isinstance(count, sp.Integer) else count


@dataclass(frozen=True, eq=False, repr=False)
class Elimination(OfOneSize):
    """Elimination matrix: ``Elim(n)*vec(A) = vech(A)`` for an ``n`` by ``n`` matrix [Magnus and Neudecker, 1980]."""

    dim: Dim
    name = "Elim"
    latex = "L^{(#sizes)}"
    code = "elimination"

    def infer_shape(self) -> Shape:
        return (triangle(self.dim), times_dim(self.dim, self.dim))


def elimination(n: object) -> Expr:
    """Elimination matrix ``Elim(n)``, with ``Elim(n)*vec(A) = vech(A)`` for an ``n`` by ``n`` matrix ``A``."""
    return sized(Elimination, n)


@dataclass(frozen=True, eq=False, repr=False)
class Vech(Operator):
    """Entries on and below the diagonal of a square matrix, column by column."""

    arg: Expr
    analytic = True
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
