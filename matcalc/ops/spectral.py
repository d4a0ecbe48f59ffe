"""Singular values and eigenvalues, and what their derivatives are made of.

``eigmax eigmin eigvecmax eigvecmin`` take the symmetric part of a matrix that is not symmetric; ``eig`` and ``eigvecs``
do not, and need real eigenvalues. All derivatives need the values concerned to be simple.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import Dim, Shape, is_unit, same_dim
from matcalc.errors import ShapeError, UnsupportedError
from matcalc.expr import (
    Expr,
    Number,
    Operator,
    add,
    apply,
    brief,
    hadamard,
    named_shape,
    negate,
    ones,
    product,
    quotient,
    transpose,
)
from matcalc.ops.linalg import Sylvester, inv
from matcalc.ops.reductions import Norm2, total
from matcalc.ops.structure import diag, eye

HALF = Number(sp.Rational(1, 2))


# ------------------------------------------------------------------ singular values
@dataclass(frozen=True, eq=False, repr=False)
class Nuclear(Operator):
    """Nuclear norm, the sum of the singular values; its derivative needs full rank."""

    arg: Expr
    name = "nuclear"
    latex = r"\left\|#1\right\|_*"
    code = "np.linalg.norm(#1, 'nuc')"
    signature = "m,n -> 1,1"

    def differential(self, k: int, d: Expr) -> Expr:
        return total(hadamard(Polar(self.arg), d))


@dataclass(frozen=True, eq=False, repr=False)
class Polar(Operator):
    """Orthogonal factor ``U V'`` of the polar decomposition, from the thin ``A = U S V'``."""

    arg: Expr
    name = "polar"
    latex = r"\operatorname{polar}(#1)"
    code = "polar(#1)"
    signature = "m,n -> m,n"

    def differential(self, k: int, d: Expr) -> Expr:
        """By ``A = Q H``: ``Q' dQ`` is skew and solves a Sylvester equation [Higham, 2008, chapter 8]."""
        q, a = self, self.arg
        if a.is_scalar:
            return hadamard(Number(sp.Integer(0)), d)
        if same_dim(a.rows, a.cols):
            return product(q, _turning(product(transpose(q), a), product(transpose(q), d)))
        if not isinstance(a.rows, int) or not isinstance(a.cols, int):
            raise UnsupportedError(
                f"the derivative of {brief(self)} (second derivatives of the nuclear norm) has one form for tall matrices and "
                f"another for wide ones, and {named_shape(a)} could be either: give its dimensions as numbers"
            )
        if a.rows > a.cols:
            h = product(transpose(q), a)
            outside = add(d, negate(product(q, transpose(q), d)))
            return add(_times(q, _turning(h, product(transpose(q), d))), _times(outside, inv(h)))
        h = product(a, transpose(q))
        outside = add(d, negate(product(d, transpose(q), q)))
        return add(negate(_times(_turning(h, product(q, transpose(d))), q)), _times(inv(h), outside))

    def conditions_here(self) -> tuple[str, ...]:
        return (f"{brief(self.arg)} of full rank",)


def _turning(h: Expr, moved: Expr) -> Expr:
    """The skew ``W`` with ``h W + W h = moved - moved'``, for a symmetric ``h``."""
    if h.is_scalar:
        return Number(sp.Integer(0))
    return Sylvester(h, h, add(moved, negate(transpose(moved))))


def _times(a: Expr, b: Expr) -> Expr:
    return hadamard(a, b) if a.is_scalar or b.is_scalar else product(a, b)


@dataclass(frozen=True, eq=False, repr=False)
class Spectral(Operator):
    """Spectral norm, the largest singular value; its derivative needs that value to be simple."""

    arg: Expr
    name = "spectral"
    latex = r"\left\|#1\right\|_2"
    code = "np.linalg.norm(#1, 2)"
    signature = "m,n -> 1,1"

    def differential(self, k: int, d: Expr) -> Expr:
        v = EigVecMax(product(transpose(self.arg), self.arg))
        return quotient(product(transpose(v), transpose(self.arg), d, v), self)


class Singular(Operator, abstract=True):
    """A part of the thin singular value decomposition ``A = svd_u(A)*diag(svdvals(A))*svd_v(A)'``."""

    arg: Expr
    pulled_in_place = True

    @property
    def count(self) -> Dim:
        """The number of singular values, the smaller dimension."""
        rows, cols = self.arg.rows, self.arg.cols
        if same_dim(rows, cols) or is_unit(rows):
            return rows
        if is_unit(cols):
            return cols
        if isinstance(rows, int) and isinstance(cols, int):
            return min(rows, cols)
        raise ShapeError(
            f"{self.name} of {named_shape(self.arg)} has as many singular values as the smaller dimension, which is not known: "
            "give the dimensions as numbers, or take a square matrix"
        )

    def conditions_here(self) -> tuple[str, ...]:
        return (f"{brief(self.arg)} with distinct and nonzero singular values",)


@dataclass(frozen=True, eq=False, repr=False)
class SvdVals(Singular):
    """Singular values in descending order; their derivative needs them distinct and nonzero."""

    arg: Expr
    name = "svdvals"
    latex = r"\operatorname{svdvals}(#1)"
    code = "np.linalg.svd(#1, compute_uv=False)"

    def infer_shape(self) -> Shape:
        return (self.count, 1)

    def infer_sign(self) -> int:
        return 1

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return svdvals(operands[0])

    def differential(self, k: int, d: Expr) -> Expr:
        """``diag(U' dA V)`` [Petersen and Pedersen, The Matrix Cookbook, 2012, section 5.2]."""
        u, v = SvdU(self.arg), SvdV(self.arg)
        return diag(product(transpose(u), d, v))


def svdvals(a: Expr) -> Expr:
    """``svdvals(A)``: the singular values in descending order; the norm of a vector."""
    if is_unit(a.rows) or is_unit(a.cols):
        return apply("Abs", a) if a.is_scalar else Norm2(a if is_unit(a.cols) else transpose(a))
    return SvdVals(a)


@dataclass(frozen=True, eq=False, repr=False)
class SvdU(Singular):
    """Left singular vectors as columns, in the order of ``svdvals``; their signs are arbitrary."""

    arg: Expr
    name = "svd_u"
    latex = r"\operatorname{svd}_{U}(#1)"
    code = "np.linalg.svd(#1, full_matrices=False)[0]"

    def infer_shape(self) -> Shape:
        return (self.arg.rows, self.count)

    def differential(self, k: int, d: Expr) -> Expr:
        raise _no_second(self)


@dataclass(frozen=True, eq=False, repr=False)
class SvdV(Singular):
    """Right singular vectors as columns, in the order of ``svdvals``; their signs are those that fit ``svd_u``."""

    arg: Expr
    name = "svd_v"
    latex = r"\operatorname{svd}_{V}(#1)"
    code = "np.linalg.svd(#1, full_matrices=False)[2].T"

    def infer_shape(self) -> Shape:
        return (self.arg.cols, self.count)

    def differential(self, k: int, d: Expr) -> Expr:
        raise _no_second(self)


def _no_second(e: Singular) -> UnsupportedError:
    return UnsupportedError(
        f"the derivative of the singular vectors {brief(e)} (second derivatives of singular values) is not supported; nuclear "
        f"and spectral have second derivatives, and the eigenvalues of {brief(e.arg)}'*{brief(e.arg)} are the squares"
    )


# ------------------------------------------------------------------ all eigenvalues
@dataclass(frozen=True, eq=False, repr=False)
class Eig(Operator):
    """Eigenvalues in ascending order, of a symmetric matrix or another one whose eigenvalues are real (else NaN)."""

    arg: Expr
    name = "eig"
    latex = r"\operatorname{eig}(#1)"
    code = "eig(#1)"
    signature = "n,n -> n,1"

    def differential(self, k: int, d: Expr) -> Expr:
        v = eigvecs(self.arg)
        return diag(product(_left(self.arg, v), d, v)) if not d.is_scalar else d

    def conditions_here(self) -> tuple[str, ...]:
        return (_distinct(self.arg),)


@dataclass(frozen=True, eq=False, repr=False)
class EigVecs(Operator):
    """Unit eigenvectors as columns, in the order of ``eig``; orthogonal for a symmetric matrix; signs are arbitrary."""

    arg: Expr
    name = "eigvecs"
    latex = r"\operatorname{eigvecs}(#1)"
    code = "eigvecs(#1)"
    signature = "n,n -> n,n"

    def differential(self, k: int, d: Expr) -> Expr:
        """``V (F .* (inv(V) dX V))``, kept at unit length [Magnus, 1985]."""
        if self.is_scalar:
            return hadamard(Number(sp.Integer(0)), d)
        inner = hadamard(EigGaps(Eig(self.arg)), product(_left(self.arg, self), d, self))
        moved = product(self, inner)
        if self.arg.symmetric:
            return moved
        return add(moved, negate(product(self, diag(diag(product(transpose(self), moved))))))

    def conditions_here(self) -> tuple[str, ...]:
        return (_distinct(self.arg),)


def eigvecs(a: Expr) -> Expr:
    """``eigvecs(A)``: unit eigenvectors as columns, in the order of ``eig(A)``."""
    return EigVecs(a)


def _left(a: Expr, v: Expr) -> Expr:
    """The inverse of the matrix of eigenvectors."""
    return transpose(v) if a.symmetric else inv(v)


def _distinct(a: Expr) -> str:
    return f"{brief(a)} with real and distinct eigenvalues"


@dataclass(frozen=True, eq=False, repr=False)
class EigGaps(Operator):
    """Matrix with ``1/(x_j - x_i)`` at ``(i, j)`` and zeros on the diagonal, which derivatives of eigenvectors hold."""

    arg: Expr
    name = "eiggaps"
    latex = r"\operatorname{eiggaps}(#1)"
    code = "eiggaps(#1)"
    signature = "n,1 -> n,n"

    def differential(self, k: int, d: Expr) -> Expr:
        if d.is_scalar:
            return hadamard(Number(sp.Integer(0)), d)
        one = ones(d.rows)
        return negate(hadamard(self, self, add(product(one, transpose(d)), negate(product(d, transpose(one))))))


# ------------------------------------------------------------------ the largest and the smallest
@dataclass(frozen=True, eq=False, repr=False)
class EigMax(Operator):
    """Largest eigenvalue of a symmetric matrix (of the symmetric part, where it is not)."""

    arg: Expr
    name = "eigmax"
    latex = r"\lambda_{\max}(#1)"
    code = "eigmax(#1)"
    signature = "n,n -> 1,1"

    def differential(self, k: int, d: Expr) -> Expr:
        v = EigVecMax(self.arg)
        return product(transpose(v), d, v)


@dataclass(frozen=True, eq=False, repr=False)
class EigMin(Operator):
    """Smallest eigenvalue of a symmetric matrix (of the symmetric part, where it is not)."""

    arg: Expr
    name = "eigmin"
    latex = r"\lambda_{\min}(#1)"
    code = "eigmin(#1)"
    signature = "n,n -> 1,1"

    def differential(self, k: int, d: Expr) -> Expr:
        v = EigVecMin(self.arg)
        return product(transpose(v), d, v)


class Eigenvector(Operator, abstract=True):
    """A unit eigenvector of a symmetric matrix (of the symmetric part, where it is not)."""

    arg: Expr

    def value(self) -> Expr:
        """The eigenvalue."""
        return EigMax(self.arg) if isinstance(self, EigVecMax) else EigMin(self.arg)

    def differential(self, k: int, d: Expr) -> Expr:
        """``pinv(R) dX v`` with ``R = lambda I - X`` [Magnus, On differentiating eigenvalues and eigenvectors, 1985].

        ``R`` is singular by construction, which rounding hides from a pseudoinverse; as ``R v = 0`` for the unit vector
        ``v``, ``pinv(R) = inv(R + v v') - v v'``, which inverts a regular matrix.
        """
        if self.is_scalar:
            return hadamard(Number(sp.Integer(0)), d)
        a = self.arg
        symmetric = a if a.symmetric else hadamard(HALF, add(a, transpose(a)))
        along = product(self, transpose(self))
        regular = add(hadamard(self.value(), eye(a.rows)), negate(symmetric), along)
        return product(add(inv(regular), negate(along)), hadamard(HALF, add(d, transpose(d))), self)

    def conditions_here(self) -> tuple[str, ...]:
        which = "largest" if isinstance(self, EigVecMax) else "smallest"
        return (f"{brief(self.arg)} symmetric with a simple {which} eigenvalue",)


@dataclass(frozen=True, eq=False, repr=False)
class EigVecMax(Eigenvector):
    """Unit eigenvector of the largest eigenvalue of a symmetric matrix; its sign is arbitrary."""

    arg: Expr
    name = "eigvecmax"
    latex = r"v_{\max}(#1)"
    code = "eigvecmax(#1)"
    signature = "n,n -> n,1"


@dataclass(frozen=True, eq=False, repr=False)
class EigVecMin(Eigenvector):
    """Unit eigenvector of the smallest eigenvalue of a symmetric matrix; its sign is arbitrary."""

    arg: Expr
    name = "eigvecmin"
    latex = r"v_{\min}(#1)"
    code = "eigvecmin(#1)"
    signature = "n,n -> n,1"
