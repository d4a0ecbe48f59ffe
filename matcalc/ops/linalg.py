"""Linear algebra: inverses, determinants, powers, Sylvester equations, the Cholesky factor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import Dim, same_dim
from matcalc.errors import LimitError, ShapeError, UnsupportedError
from matcalc.expr import (
    ONE,
    Expr,
    Number,
    Operator,
    Symbol,
    add,
    apply,
    are_transposes,
    brief,
    hadamard,
    match_signature,
    matmul,
    named_shape,
    negate,
    power,
    product,
    quotient,
    rational,
    transpose,
)
from matcalc.ops.matrix_functions import commutes
from matcalc.ops.reductions import Trace, trace
from matcalc.ops.structure import Kron, eye, reshape, vec
from matcalc.ops.tensors import stacked, stacks_of
from matcalc.ops.triangles import HalfTril

HALF = Number(sp.Rational(1, 2))
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

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return inv(operands[0])

    def differential(self, k: int, d: Expr) -> Expr:
        return negate(product(self, d, self))

    def conditions_here(self) -> tuple[str, ...]:
        return (f"{brief(self.arg)} invertible",)


def inv(x: Expr) -> Expr:
    """``inv(A)``: the inverse of a square matrix."""
    return quotient(ONE, x) if x.is_scalar else Inverse(x)


def solve(a: Expr, b: Expr) -> Expr:
    """``solve(A, B)``: the solution of ``A X = B``, that is ``inv(A)*B``; code solves and forms no inverse.

    Of an array with four axes, such as a Hessian by a matrix, the matrix ``X`` that it maps to ``B``:
    ``sum_kl A[i,j,k,l]*X[k,l] = B[i,j]``.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    """
    return inv(a) @ b if a.axes is None else _solve_map(a, b)


def _solve_map(a: Expr, b: Expr) -> Expr:
    """The matrix that an array with four axes maps to ``b``, by vec forms."""
    assert a.axes is not None
    rows, cols = stacks_of(a.axes, a.rows)
    if len(rows) != 2 or len(cols) != 2 or b.axes is not None or not all(map(same_dim, rows[::-1], (b.rows, b.cols))):
        wanted = " x ".join(map(str, rows[::-1]))
        raise ShapeError(
            f"solve of {named_shape(a)}: the other side is {named_shape(b)}, and what the array maps to is {wanted}"
            if len(rows) == len(cols) == 2
            else f"solve takes an array that maps matrices to matrices, and {named_shape(a)} does not"
        )
    return reshape(inv(stacked(a, (a.rows, a.cols))) @ vec(b), cols[1], cols[0])


@dataclass(frozen=True, eq=False, repr=False)
class Det(Operator):
    """Determinant [Matrix Cookbook, 2012, eq. 41]."""

    arg: Expr
    analytic = True
    name = "det"
    latex = r"\det(#1)"
    code = "np.linalg.det(#1)"
    signature = "n,n -> 1,1"

    def infer_sign(self) -> int:
        return 2 if isinstance(self.arg, Symbol) and self.arg.has("psd") else 0

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


@dataclass(frozen=True, eq=False, repr=False)
class Sylvester(Operator):
    """Solution ``X`` of ``A*X + X*B = C`` [Bartels and Stewart, 1972].

    It is unique where no eigenvalue of ``A`` is minus one of ``B``.
    """

    left: Expr
    right: Expr
    total: Expr
    analytic = True
    name = "sylvester"
    latex = r"\operatorname{sylvester}(#1, #2, #3)"
    code = "solve_sylvester(#1, #2, #3)"
    signature = "m,m; n,n; m,n -> m,n"

    def infer_symmetric(self) -> bool:
        return self.total.symmetric and (are_transposes(self.left, self.right) or self.left is transpose(self.right))

    def differential(self, k: int, d: Expr) -> Expr:
        if k < 2:
            d = negate(product(d, self) if k == 0 else product(self, d))
        return Sylvester(self.left, self.right, d)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        solved = Sylvester(transpose(self.left), transpose(self.right), upstream)
        if k == 2:
            return solved
        return negate(product(solved, transpose(self)) if k == 0 else product(transpose(self), solved))

    def stacked(self, k: int) -> Expr | None:
        if k < 2:
            return None
        m, n = self.rows, self.cols
        return Inverse(add(_kron(eye(n), transpose(self.left)), _kron(self.right, eye(m))))

    def conditions_here(self) -> tuple[str, ...]:
        return (f"no eigenvalue of {brief(self.left)} is minus one of {brief(self.right)}",)


def _kron(a: Expr, b: Expr) -> Expr:
    return hadamard(a, b) if a.is_scalar or b.is_scalar else Kron(a, b)


def sylvester(a: Expr, b: Expr, c: Expr) -> Expr:
    """``sylvester(A, B, C)``: the solution ``X`` of ``A*X + X*B = C``."""
    if c.is_scalar:
        return quotient(c, add(a, b))
    return Sylvester(a, b, c)


@dataclass(frozen=True, eq=False, repr=False)
class Cholesky(Operator):
    """Lower triangular ``L`` with ``L*L' = A``, positive on the diagonal, of a positive definite ``A`` [Murray, 2016].

    Of a matrix that is not symmetric it takes the symmetric part, so that gradients by ``A`` come out symmetric.
    """

    arg: Expr
    name = "cholesky"
    latex = r"\operatorname{chol}(#1)"
    code = "cholesky(#1)"
    signature = "n,n -> n,n"

    def infer_complex(self) -> bool:
        return False

    def differential(self, k: int, d: Expr) -> Expr:
        inverse = inv(self)
        middle = product(inverse, hadamard(HALF, add(d, transpose(d))), transpose(inverse))
        return product(self, HalfTril(middle))

    def conditions_here(self) -> tuple[str, ...]:
        return (f"{brief(self.arg)} positive definite",)
