"""Cancellations of matrix functions, as a table; products cancel in ``chain``, sums in ``simplify``."""

from __future__ import annotations

from collections.abc import Callable

from matcalc.dims import DimSymbol
from matcalc.expr import (
    ONE,
    Expr,
    Hadamard,
    Product,
    Quotient,
    Symbol,
    Transpose,
    add,
    dim_number,
    hadamard,
    quotient,
    sort_key,
    transpose,
)
from matcalc.ops.complex import Conj, Imag, Real, are_conjugates, simpler_conj, simpler_imag, simpler_real
from matcalc.ops.elementwise import Abs, Exp, Log, Relu, Sqrt
from matcalc.ops.linalg import Adjugate, Det, Inverse, LogDet, Pinv
from matcalc.ops.matrix_functions import Expm, Logm
from matcalc.ops.reductions import Norm1, Norm2, NormF, Softmax, Total, Trace
from matcalc.ops.structure import Diag, Eye, Kron, Vec, Zeros, zeros
from matcalc.rewrite import Rule, wild
from matcalc.rules.chain import is_orthogonal, turn

n, m = DimSymbol("n"), DimSymbol("m")
A, B, X = wild("A", (n, n)), wild("B", (m, m)), wild("X", (m, n))
x = wild("x", (n, 1))
c = wild("c", (1, 1))

Found = dict[Expr, Expr]


def scaled_inverse(found: Found) -> Expr | None:
    """``inv(A)/c`` for a scalar multiple ``c*A``."""
    e = found[A]
    if isinstance(e, Quotient) and e.below.is_scalar:
        return hadamard(e.below, Inverse(e.above))
    if not isinstance(e, Hadamard) or not e.args[0].is_scalar:
        return None
    scalars = [a for a in e.args if a.is_scalar]
    return quotient(Inverse(hadamard(*(a for a in e.args if not a.is_scalar))), hadamard(*scalars))


def orthogonal_inverse(found: Found) -> Expr | None:
    """``Q'`` for an orthogonal symbol ``Q``."""
    return transpose(found[A]) if is_orthogonal(found[A]) else None


def simplex_sum(found: Found) -> Expr | None:
    """1 for a vector of probabilities."""
    e = found[x]
    return ONE if isinstance(e, Symbol) and e.has("simplex") and e.cols == 1 else None


def unit_norm(found: Found) -> Expr | None:
    """1 for a unit vector."""
    e = found[x]
    return ONE if isinstance(e, Symbol) and e.has("unit") else None


def identity_value(found: Found) -> Expr | None:
    """A function of the identity that is the identity."""
    return found[A] if isinstance(found[A], Eye) else None


def identity_one(found: Found) -> Expr | None:
    """The determinant of the identity."""
    return ONE if isinstance(found[A], Eye) else None


def kron_logdet(found: Found) -> Expr | None:
    """``n logdet(A) + m logdet(B)`` for square factors."""
    a, b = found[A], found[B]
    if not (a.is_square and b.is_square):
        return None
    return add(hadamard(dim_number(b.rows), LogDet(a)), hadamard(dim_number(a.rows), LogDet(b)))


def kron_inverse(found: Found) -> Expr | None:
    """``kron(inv(A), inv(B))`` for square factors."""
    a, b = found[A], found[B]
    return Kron(Inverse(a), Inverse(b)) if a.is_square and b.is_square else None


def zeros_like(e: Expr, *factors: Expr) -> Expr | None:
    """Zeros in the shape of a product, where one of its factors is zero."""
    return zeros(e.rows, e.cols) if any(isinstance(f, Zeros) for f in factors) else None


def softmax_sum(found: Found) -> Expr | None:
    """1 in all."""
    return ONE


def turned(function: Callable[[Expr], Expr], e: Expr) -> Expr | None:
    """``inv(X^H*X)'`` for ``inv(X'*conj(X))``, and the like: of a complex product the way of writing that is shorter."""
    if not (e.is_complex and isinstance(e, Product)):
        return None
    other = turn(e)
    return transpose(function(other)) if sort_key(other) < sort_key(e) else None


def named(name: str, v: Expr) -> str:
    """The name of one of two equal rules, for arrays and for scalars."""
    return f"{name}-scalar" if v.is_scalar else name


def if_real(v: Expr) -> Callable[[Found], Expr | None]:
    """What a placeholder stands for, where that is real."""
    return lambda found: None if found[v].is_complex else found[v]


def applied(change: Callable[[Expr], Expr | None], v: Expr) -> Callable[[Found], Expr | None]:
    """A change of what a placeholder stands for."""
    return lambda found: change(found[v])


def euclidean(found: Found) -> Expr | None:
    """``norm2(x)`` for ``sqrt(x'*x)`` of something real."""
    return None if found[x].is_complex else Norm2(found[x])


def frobenius(found: Found) -> Expr | None:
    """``normf(X)`` for ``sqrt(tr(X'*X))`` of something real."""
    return None if found[X].is_complex else NormF(found[X])


def modulus(found: Found) -> Expr | None:
    """The norm or the absolute value that is the root of something times its conjugate."""
    e = found[X] if X in found else found[c]
    match e:
        case Hadamard((a, b)) if are_conjugates(a, b):
            return Abs(b if isinstance(a, Conj) else a)
        case Product((a, b)) if e.is_scalar and are_conjugates(a, transpose(b)):
            if isinstance(a, Transpose):
                return Norm2(b if isinstance(a.arg, Conj) else a.arg)
        case Total(Hadamard((a, b)), None) if are_conjugates(a, b):
            plain = b if isinstance(a, Conj) else a
            return Norm2(plain) if plain.cols == 1 else NormF(plain)
        case Trace(Product((a, b))) if are_conjugates(a, transpose(b)):
            return NormF(_plainest(a, b))
    return None


def _plainest(a: Expr, b: Expr) -> Expr:
    """The one of two factors that is written without a conjugate, if there is one."""
    return b if isinstance(a, Transpose) and isinstance(a.arg, Conj) else a


MATRIX = (
    Rule("inverse-twice", Inverse(Inverse(A)), A, why="inverting twice changes nothing"),
    Rule(
        "inverse-transpose",
        Inverse(Transpose(A)),
        Transpose(Inverse(A)),
        why="the inverse of a transpose is the transposed inverse",
    ),
    Rule("inverse-scaled", Inverse(A), scaled_inverse, why="a scalar leaves an inverse inverted"),
    Rule("inverse-identity", Inverse(A), identity_value, why="the identity is its own inverse"),
    Rule("inverse-orthogonal", Inverse(A), orthogonal_inverse, why="an orthogonal matrix is inverted by its transpose"),
    Rule(
        "inverse-turned",
        Inverse(A),
        lambda found: turned(Inverse, found[A]),
        why="the inverse of a transpose is the transposed inverse",
    ),
    Rule("inverse-diagonal", Inverse(Diag(x)), Diag(quotient(ONE, x)), why="a diagonal matrix is inverted entry by entry"),
    Rule("inverse-kron", Inverse(Kron(A, B)), kron_inverse, why="a Kronecker product is inverted factor by factor"),
    Rule(
        "kron-zero",
        Kron(A, B),
        lambda found: zeros_like(Kron(found[A], found[B]), found[A], found[B]),
        why="a product with zero is zero",
    ),
    Rule("vec-zero", Vec(X), lambda found: zeros_like(Vec(found[X]), found[X]), why="zeros stacked are zeros"),
    Rule("det-transpose", Det(Transpose(A)), Det(A), why="a determinant ignores a transpose"),
    Rule("det-turned", Det(A), lambda found: turned(Det, found[A]), why="a determinant ignores a transpose"),
    Rule("det-identity", Det(A), identity_one, why="the identity has determinant 1"),
    Rule("logdet-transpose", LogDet(Transpose(A)), LogDet(A), why="a determinant ignores a transpose"),
    Rule("logdet-inverse", LogDet(Inverse(A)), -LogDet(A), why="the determinant of an inverse is inverted"),
    Rule("logdet-kron", LogDet(Kron(A, B)), kron_logdet, why="det(kron(A, B)) = det(A)^n det(B)^m for A m x m and B n x n"),
    Rule("adjugate-transpose", Adjugate(Transpose(A)), Transpose(Adjugate(A)), why="cofactors transpose with the matrix"),
    Rule("pinv-twice", Pinv(Pinv(X)), X, why="inverting twice changes nothing"),
    Rule("pinv-transpose", Pinv(Transpose(X)), Transpose(Pinv(X)), why="the pseudoinverse of a transpose is its transpose"),
    Rule("log-exp", Log(Exp(X)), if_real(X), why="the logarithm undoes the exponential"),
    Rule("log-exp-scalar", Log(Exp(c)), if_real(c), why="the logarithm undoes the exponential"),
    Rule("abs-twice", Abs(Abs(X)), Abs(X), why="an absolute value is not negative"),
    Rule("relu-twice", Relu(Relu(X)), Relu(X), why="a positive part is not negative"),
    Rule("logm-expm", Logm(Expm(A)), if_real(A), why="the logarithm undoes the exponential"),
    Rule("norm1-transpose", Norm1(Transpose(X)), Norm1(X), why="the entries are the same"),
    Rule("normf-transpose", NormF(Transpose(X)), NormF(X), why="the entries are the same"),
    Rule("norm1-negative", Norm1(-X), Norm1(X), why="a norm ignores a sign"),
    Rule("norm2-negative", Norm2(-x), Norm2(x), why="a norm ignores a sign"),
    Rule("normf-negative", NormF(-X), NormF(X), why="a norm ignores a sign"),
    Rule("norm2-unit", Norm2(x), unit_norm, why="a unit vector has norm 1"),
    Rule("sum-softmax", Total(Softmax(X, None), None), softmax_sum, why="the entries of a softmax sum to 1"),
    *(
        Rule(named("conj", v), Conj(v), applied(simpler_conj, v), why="a conjugate goes inside; of something real it is itself")
        for v in (X, c)
    ),
    *(Rule(named("real", v), Real(v), applied(simpler_real, v), why="what is real is its own real part") for v in (X, c)),
    *(Rule(named("imag", v), Imag(v), applied(simpler_imag, v), why="what is real has no imaginary part") for v in (X, c)),
    *(Rule(named("abs-conj", v), Abs(Conj(v)), Abs(v), why="a conjugate is as long") for v in (X, c)),
    Rule("norm2-conj", Norm2(Conj(x)), Norm2(x), why="a conjugate is as long"),
    Rule("normf-conj", NormF(Conj(X)), NormF(X), why="a conjugate is as long"),
    Rule("norm1-conj", Norm1(Conj(X)), Norm1(X), why="a conjugate is as long"),
    Rule("sum-simplex", Total(x, None), simplex_sum, why="probabilities sum to 1"),
)

SHORT = (
    Rule("norm2-name", Sqrt(Product((Transpose(x), x))), euclidean, why="this is the Euclidean norm"),
    Rule("normf-name", Sqrt(Trace(Product((Transpose(X), X)))), frobenius, why="this is the Frobenius norm"),
    Rule("normf-name-2", Sqrt(Trace(Product((X, Transpose(X))))), frobenius, why="this is the Frobenius norm"),
    *(Rule(named("modulus-name", v), Sqrt(v), modulus, why="this is an absolute value or a norm") for v in (X, c)),
)
