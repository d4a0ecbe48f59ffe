"""Linear operators on the triangles and the diagonals of a square matrix; each is its own adjoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from matcalc.dims import Dim, Shape, is_unit, map_dim
from matcalc.errors import OperandError
from matcalc.expr import ONE, Constant, Expr, Ones, Operator, apply, ones, product, transpose
from matcalc.index import At, Entry, Sum, Term, Times, axis
from matcalc.ops.stacking import toeplitz_basis
from matcalc.ops.structure import Diag, vec


class SelfAdjoint(Operator, abstract=True):
    """A linear operator ``S`` with ``sum(G.*S(D)) = sum(S(G).*D)``."""

    arg: Expr
    analytic = True

    def differential(self, k: int, d: Expr) -> Expr:
        return self.rebuild([d])

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return self.rebuild([upstream])


@dataclass(frozen=True, eq=False, repr=False)
class Tril(SelfAdjoint):
    """Lower triangle of a square matrix, zeros above the diagonal."""

    arg: Expr
    name = "tril"
    latex = r"\operatorname{tril}(#1)"
    code = "np.tril(#1)"
    signature = "n,n -> n,n"
    structural = True

    def entry(self, row: At, col: At) -> Term:
        return Times((Entry(triangle_of_ones(self.rows), row, col), Entry(self.arg, row, col)))


@dataclass(frozen=True, eq=False, repr=False)
class HalfTril(SelfAdjoint):
    """Lower triangle of a square matrix with its diagonal halved, zeros above; derivatives of Cholesky factors hold it."""

    arg: Expr
    name = "halftril"
    latex = r"\operatorname{halftril}(#1)"
    code = "half_tril(#1)"
    signature = "n,n -> n,n"

    def stacked(self, k: int) -> Expr | None:
        return Diag(vec(HalfTril(ones(self.rows, self.cols))))


def tril(x: Expr) -> Expr:
    """``tril(A)``: the lower triangle of a square matrix, zeros above the diagonal."""
    return triangle_of_ones(x.rows) if isinstance(x, Ones) and x.is_square else Tril(x)


@dataclass(frozen=True, eq=False, repr=False)
class LowerOnes(Constant):
    """Ones on and below the diagonal, ``tril(ones(n,n))``: a triangle is an entrywise product with it."""

    dim: Dim
    name = "tril(ones)"
    latex = r"\operatorname{tril}(\mathbf{1} \mathbf{1}^{\top})"
    code = "np.tri(#1)"

    def infer_shape(self) -> Shape:
        return (self.dim, self.dim)

    def infer_sign(self) -> int:
        return 1

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return triangle_of_ones(map_dim(self.dim, dim))


def triangle_of_ones(n: Dim) -> Expr:
    """``tril(ones(n,n))``; the number 1 for a scalar."""
    return ONE if is_unit(n) else LowerOnes(n)


@dataclass(frozen=True, eq=False, repr=False)
class Triu(SelfAdjoint):
    """Upper triangle of a square matrix, zeros below the diagonal."""

    arg: Expr
    name = "triu"
    latex = r"\operatorname{triu}(#1)"
    code = "np.triu(#1)"
    signature = "n,n -> n,n"
    structural = True

    def entry(self, row: At, col: At) -> Term:
        return Times((Entry(triangle_of_ones(self.rows), col, row), Entry(self.arg, row, col)))


class Cumulative(Operator, abstract=True):
    """Sums along an axis, of all entries up to each one or from each one on."""

    arg: Expr
    axis: int
    backward: ClassVar[bool] = False
    structural = True

    def infer_shape(self) -> Shape:
        return (self.arg.rows, self.arg.cols)

    def infer_sign(self) -> int:
        return self.arg.sign

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (self.arg,) if self.axis == 0 and is_unit(self.cols) else (self.arg, str(self.axis + 1))

    def entry(self, row: At, col: At) -> Term:
        length = self.rows if self.axis == 0 else self.cols
        i = axis(length)
        if i is None:
            return Times((Entry(self.arg, row, col),))
        here = row if self.axis == 0 else col
        ends = (i, here) if self.backward else (here, i)
        at = (i, col) if self.axis == 0 else (row, i)
        return Sum(i, Times((Entry(triangle_of_ones(length), *ends), Entry(self.arg, *at))))


@dataclass(frozen=True, eq=False, repr=False)
class Cumsum(Cumulative):
    """Cumulative sums down columns (axis 0) or along rows (axis 1)."""

    arg: Expr
    axis: int
    name = "cumsum"
    latex = r"\operatorname{cumsum}#axis(#1)"
    code = "np.cumsum(#1)"


@dataclass(frozen=True, eq=False, repr=False)
class RevCumsum(Cumulative):
    """Cumulative sums from the end: up columns (axis 0) or back along rows (axis 1); the adjoint of ``cumsum``."""

    arg: Expr
    axis: int
    name = "revcumsum"
    latex = r"\operatorname{revcumsum}#axis(#1)"
    code = "np.cumsum(#1)"
    backward = True


def cumsum(x: Expr, axis: int | None = None) -> Expr:
    """``cumsum(x)``: cumulative sums of a vector; of a matrix over ``axis`` 0 down columns, over 1 along rows."""
    return _cumulative(Cumsum, x, axis)


def revcumsum(x: Expr, axis: int | None = None) -> Expr:
    """``revcumsum(x)``: cumulative sums from the end; the adjoint of ``cumsum``."""
    return _cumulative(RevCumsum, x, axis)


def _cumulative(cls: type[Cumulative], x: Expr, axis: int | None) -> Expr:
    if axis is None:
        if not is_unit(x.rows) and not is_unit(x.cols):
            raise OperandError(f"{cls.name} of a matrix needs an axis: 0 (down columns) or 1 (along rows)")
        axis = 0 if is_unit(x.cols) else 1
    return x if is_unit((x.rows, x.cols)[axis]) else cls(x, axis)  # type: ignore[call-arg]


@dataclass(frozen=True, eq=False, repr=False)
class DiagonalSums(SelfAdjoint):
    """Every entry of a square matrix replaced by the sum along its diagonal: a Toeplitz matrix."""

    arg: Expr
    name = "diagsums"
    latex = r"\operatorname{diagsums}(#1)"
    code = "diagonal_sums(#1)"
    signature = "n,n -> n,n"

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric

    def stacked(self, k: int) -> Expr | None:
        basis = toeplitz_basis(self.rows)
        return product(basis, transpose(basis))


@dataclass(frozen=True, eq=False, repr=False)
class DiagonalMeans(SelfAdjoint):
    """Every entry of a square matrix replaced by the mean along its diagonal: the nearest Toeplitz matrix."""

    arg: Expr
    name = "diagmeans"
    latex = r"\operatorname{diagmeans}(#1)"
    code = "diagonal_means(#1)"
    signature = "n,n -> n,n"

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric

    def stacked(self, k: int) -> Expr | None:
        basis = toeplitz_basis(self.rows)
        return product(basis, apply("Pinv", basis))
