"""Linear algebra: inverses, determinants, powers, and the functions of singular values and eigenvalues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import Dim
from matcalc.errors import LimitError, UnsupportedError
from matcalc.expr import (
    ONE,
    Expr,
    Number,
    Operator,
    add,
    apply,
    brief,
    hadamard,
    match_signature,
    matmul,
    negate,
    power,
    product,
    quotient,
    rational,
    transpose,
)
from matcalc.ops.matrix_functions import commutes
from matcalc.ops.reductions import Trace, total, trace
from matcalc.ops.structure import eye

MAX_POWER = 64  # a numeric power's gradient is a sum of so many products


@dataclass(frozen=True, eq=False, repr=False)
class Inverse(Operator):
    """Inverse of a square matrix [Matrix Cookbook, 2012, eq. 59]."""

    arg: Expr
    analytic = True
    name = "inv"
    latex = r"@1^{-1}"
    code = "np.linalg.inv(#1)"
    signature = "n,n -> n,n"
    is_matrix_function = True

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric

    def differential(self, k: int, d: Expr) -> Expr:
        return negate(product(self, d, self))

    def conditions_here(self) -> tuple[str, ...]:
        return (f"{brief(self.arg)} invertible",)


def inv(x: Expr) -> Expr:
    """``inv(A)``: the inverse of a square matrix."""
    return quotient(ONE, x) if x.is_scalar else Inverse(x)


def solve(a: Expr, b: Expr) -> Expr:
    """``solve(A, B)``: the solution of ``A X = B``, that is ``inv(A)*B``; code solves and forms no inverse."""
    return inv(a) @ b


@dataclass(frozen=True, eq=False, repr=False)
class Det(Operator):
    """Determinant [Matrix Cookbook, 2012, eq. 41]."""

    arg: Expr
    analytic = True
    name = "det"
    latex = r"\det(#1)"
    code = "np.linalg.det(#1)"
    signature = "n,n -> 1,1"

    def differential(self, k: int, d: Expr) -> Expr:
        return hadamard(self, trace(matmul(inv(self.arg), d)))


@dataclass(frozen=True, eq=False, repr=False)
class LogDet(Operator):
    """Logarithm of the absolute value of the determinant [Matrix Cookbook, 2012, eq. 43]."""

    arg: Expr
    name = "logdet"
    latex = r"\log\det(#1)"
    code = "np.linalg.slogdet(#1)[1]"
    signature = "n,n -> 1,1"

    def infer_complex(self) -> bool:
        return False

    def differential(self, k: int, d: Expr) -> Expr:
        return trace(matmul(inv(self.arg), d))

    def conditions_here(self) -> tuple[str, ...]:
        return (f"{brief(self.arg)} invertible",)


def det(x: Expr) -> Expr:
    """``det(A)``: the determinant."""
    return x if x.is_scalar else Det(x)


def logdet(x: Expr) -> Expr:
    """``logdet(A)``: the logarithm of the absolute value of the determinant."""
    return apply("Log", apply("Abs", x)) if x.is_scalar else LogDet(x)


@dataclass(frozen=True, eq=False, repr=False)
class Pinv(Operator):
    """Moore-Penrose inverse; its derivative needs a constant rank [Golub and Pereyra, 1973]."""

    arg: Expr
    name = "pinv"
    latex = r"@1^{+}"
    code = "np.linalg.pinv(#1)"
    signature = "m,n -> n,m"

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric

    def differential(self, k: int, d: Expr) -> Expr:
        a, p = self.arg, self
        left = add(eye(a.rows), negate(product(a, p)))
        right = add(eye(a.cols), negate(product(p, a)))
        return add(
            negate(product(p, d, p)),
            product(p, transpose(p), transpose(d), left),
            product(right, transpose(d), transpose(p), p),
        )

    def conditions_here(self) -> tuple[str, ...]:
        return (f"the rank of {brief(self.arg)} constant",)


def pinv(x: Expr) -> Expr:
    """``pinv(A)``: the Moore-Penrose inverse."""
    return Pinv(x)


@dataclass(frozen=True, eq=False, repr=False)
class Adjugate(Operator):
    """Adjugate ``det(A) inv(A)``, the transposed matrix of cofactors; its derivative needs ``A`` invertible."""

    arg: Expr
    name = "adj"
    latex = r"\operatorname{adj}(#1)"
    code = "adjugate(#1)"
    signature = "n,n -> n,n"
    is_matrix_function = True

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric

    def differential(self, k: int, d: Expr) -> Expr:
        inverse = Inverse(self.arg)
        return add(hadamard(Trace(product(inverse, d)), self), negate(product(self, d, inverse)))


@dataclass(frozen=True, eq=False, repr=False)
class MatrixPower(Operator):
    """Integer power of a square matrix."""

    base: Expr
    exponent: Expr
    analytic = True
    name = "^"
    latex = "@1^{#2}"
    code = "np.linalg.matrix_power(#1, #2)"
    signature = "n,n; 1,1 -> n,n"
    is_matrix_function = True

    def infer_symmetric(self) -> bool:
        return self.base.symmetric

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return matrix_power(*operands)

    def differential(self, k: int, d: Expr) -> Expr:
        if k == 1:
            raise UnsupportedError(f"the derivative of the matrix power {brief(self)} by its exponent is not supported")
        r = rational(self.exponent)
        if r is None:
            raise UnsupportedError(
                f"the derivative of the matrix power {brief(self)} is a sum of {brief(self.exponent)} products, "
                "which has a closed form only under a trace or a determinant"
            )
        if abs(r) > MAX_POWER:
            raise LimitError(f"the derivative of {brief(self)} is a sum of {abs(r)} products; the limit is {MAX_POWER}")
        if r == 0:
            return hadamard(Number(sp.Integer(0)), d)
        base = self.base if r > 0 else Inverse(self.base)
        step = d if r > 0 else negate(product(base, d, base))
        n = int(abs(r))
        return add(*(_chain(base, left, step, n - 1 - left) for left in range(n)))

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        if k == 0 and commutes(upstream, self.base.T):
            one_less = matrix_power(self.base, add(self.exponent, Number(sp.Integer(-1))))
            return product(hadamard(self.exponent, transpose(one_less)), upstream)
        return None

    def conditions_here(self) -> tuple[str, ...]:
        r = rational(self.exponent)
        return (f"{brief(self.base)} invertible",) if r is None or r < 0 else ()


def _chain(base: Expr, left: int, middle: Expr, right: int) -> Expr:
    """``base^left * middle * base^right``."""
    return product(*([base] * left), middle, *([base] * right))


def matrix_power(base: Expr, exponent: Expr) -> Expr:
    """``A^k`` of a square matrix: ``A^-1`` is the inverse, ``A^0`` the identity, ``A^1`` the matrix itself."""
    match_signature(MatrixPower.signature, "a matrix power", [base, exponent])
    r = rational(exponent)
    if base.is_scalar:
        return power(base, exponent)
    if r is None:
        if isinstance(exponent, Number) and not exponent.value.is_integer:
            raise UnsupportedError(f"the matrix power {brief(base)}^({brief(exponent)}) needs an integer exponent")
        return MatrixPower(base, exponent)
    if not r.is_Integer:
        raise UnsupportedError(
            f"the matrix power {brief(base)}^({r}) needs an integer exponent; the square root is sqrtm({brief(base)})"
        )
    if r == -1:
        return Inverse(base)
    return base if r == 1 else MatrixPower(base, exponent)


# ------------------------------------------------------------------ singular values and eigenvalues
@dataclass(frozen=True, eq=False, repr=False)
class Nuclear(Operator):
    """Nuclear norm, the sum of the singular values; its derivative needs full rank."""

    arg: Expr
    name = "nuclear"
    latex = r"\left\|#1\right\|_*"
    code = "np.linalg.norm(#1, 'nuc')"
    signature = "m,n -> 1,1"

    def infer_complex(self) -> bool:
        return False

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
        raise UnsupportedError(f"the derivative of {brief(self)} (second derivatives of the nuclear norm) is not supported")

    def conditions_here(self) -> tuple[str, ...]:
        return (f"{brief(self.arg)} of full rank",)


@dataclass(frozen=True, eq=False, repr=False)
class Spectral(Operator):
    """Spectral norm, the largest singular value; its derivative needs that value to be simple."""

    arg: Expr
    name = "spectral"
    latex = r"\left\|#1\right\|_2"
    code = "np.linalg.norm(#1, 2)"
    signature = "m,n -> 1,1"

    def infer_complex(self) -> bool:
        return False

    def differential(self, k: int, d: Expr) -> Expr:
        v = EigVecMax(product(transpose(self.arg), self.arg))
        return quotient(product(transpose(v), transpose(self.arg), d, v), self)


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
    """A unit eigenvector of a symmetric matrix."""

    arg: Expr

    def differential(self, k: int, d: Expr) -> Expr:
        raise UnsupportedError(f"the derivative of the eigenvector {brief(self)} is not supported")

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
