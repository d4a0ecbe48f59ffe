"""What shows that a matrix is positive (semi)definite: one row a rule.

``psd`` is ``v'*M*v >= 0`` for every ``v``, ``pd`` the same with ``> 0`` for ``v`` not 0; both mean a symmetric ``M``. In
declarations, ``psd`` promises pd. The closure rules are those of [Boyd and Vandenberghe, 2004, appendix A] and
[Horn and Johnson, 2013, chapter 7].
"""

from __future__ import annotations

from matcalc.curvature.definite_sums import (
    block_sum,
    definite_sum,
    inner_sum,
    is_invertible,
    minus_projection,
    minus_rank_one,
    weaker,
)
from matcalc.curvature.known import PD, PSD, DefiniteRule, Knows, Shown
from matcalc.curvature.words import letters_of, mirrored, scalars_out, transposed
from matcalc.dims import same_dim
from matcalc.expr import (
    ONE,
    Add,
    Expr,
    Hadamard,
    Let,
    Number,
    Ones,
    Product,
    Quotient,
    Symbol,
    Transpose,
    add,
    negate,
    product,
    rational,
)
from matcalc.ops.blocks import Slice, VStack
from matcalc.ops.linalg import Adjugate, Inverse, MatrixPower, Pinv
from matcalc.ops.matrix_functions import Expm, Sqrtm
from matcalc.ops.structure import Diag, Eye, Kron, Zeros


# ------------------------------------------------------------------ leaves
def _declared(e: Expr, known: Knows) -> Shown | None:
    assert isinstance(e, Symbol)
    return (PD, ()) if e.has("psd") and not e.is_complex else None


def _constant(e: Expr, known: Knows) -> Shown | None:
    if isinstance(e, Eye):
        return PD, ()
    return (PSD, ()) if same_dim(e.rows, e.cols) else None


def _diagonal(e: Expr, known: Knows) -> Shown | None:
    assert isinstance(e, Diag)
    bound = known.range(e.arg)
    if bound.interval.is_positive:
        return PD, (bound.fact,)
    return (PSD, (bound.fact,)) if bound.interval.is_nonnegative else None


# ------------------------------------------------------------------ products
def gram(e: Expr, known: Knows) -> Shown | None:
    """``A'*A``, an even palindrome."""
    letters = letters_of(e)
    if len(letters) < 2 or len(letters) % 2 or not mirrored(letters, 0):
        return None
    half = letters[len(letters) // 2 :]
    return (PD if all(a.is_square and is_invertible(a, known) for a in half) else PSD), ()


def congruence(e: Expr, known: Knows) -> Shown | None:
    """``A'*M*A`` with the largest psd middle."""
    letters = letters_of(e)
    for half in range(1, (len(letters) + 1) // 2):
        if not transposed(letters[half - 1], letters[-half]):
            return None
        middle = product(*letters[half : len(letters) - half])
        proof = known.definite(middle)
        if proof is not None:
            regular = all(a.is_square and is_invertible(a, known) for a in letters[len(letters) - half :])
            return (PD if proof.claim == PD and regular else PSD), (proof,)
    return None


def _scaling(e: Expr, known: Knows) -> Shown | None:
    scalar, body = scalars_out(e)
    if scalar is ONE or body.is_scalar:
        return None
    bound = known.range(scalar)
    if bound.interval.is_nonnegative:
        proof = known.definite(body)
        if proof is None:
            return None
        return (proof.claim if bound.interval.is_positive else PSD), (bound.fact, proof)
    if bound.interval.is_nonpositive:
        opposite = negated(body)
        proof = None if opposite is None else known.definite(opposite)
        if proof is None:
            return None
        return (proof.claim if bound.interval.is_negative else PSD), (bound.fact, proof)
    return None


def negated(e: Expr) -> Expr | None:
    """The negative with the sign taken inside, where that makes another expression."""
    if isinstance(e, Add):
        return add(*(negate(a) for a in e.args))
    return Diag(negate(e.arg)) if isinstance(e, Diag) else None


def _is_number(e: Expr) -> bool:
    return isinstance(e, Number)


def _schur_product(e: Expr, known: Knows) -> Shown | None:
    assert isinstance(e, Hadamard)
    if e.args[0].is_scalar:
        return None
    proofs = [known.definite(a) for a in e.args]
    found = [p for p in proofs if p is not None]
    if len(found) < len(proofs):
        return None
    return weaker(*found), found


def _kronecker(e: Expr, known: Knows) -> Shown | None:
    a, b = (known.definite(x) for x in e.operands)
    return None if a is None or b is None else (weaker(a, b), (a, b))


# ------------------------------------------------------------------ functions of a matrix
def _of_definite(e: Expr, known: Knows) -> Shown | None:
    proof = known.definite(e.operands[0])
    if proof is None:
        return None
    if isinstance(e, Inverse):  # a psd matrix that has an inverse is pd
        return PD, (proof,)
    return (PSD if isinstance(e, Pinv) and proof.claim == PSD else proof.claim), (proof,)


def _matrix_power(e: Expr, known: Knows) -> Shown | None:
    assert isinstance(e, MatrixPower)
    p = rational(e.exponent)
    proof = known.definite(e.base)
    if proof is not None:
        return (proof.claim if proof.claim == PD or p is None or p > 0 else PD), (proof,)
    if p is not None and p % 2 == 0 and e.base.symmetric:
        return (PD if p < 0 or is_invertible(e.base, known) else PSD), ()
    return None


def _exponential(e: Expr, known: Knows) -> Shown | None:
    return (PD, ()) if e.operands[0].symmetric and not e.is_complex else None


def _principal(e: Expr, known: Knows) -> Shown | None:
    assert isinstance(e, Slice)
    if e.rows_taken != e.cols_taken or not e.arg.is_square:
        return None
    proof = known.definite(e.arg)
    return None if proof is None else (proof.claim, (proof,))


def _same(e: Expr, known: Knows) -> Shown | None:
    proof = known.definite(e.operands[0])
    return None if proof is None else (proof.claim, (proof,))


RULES: tuple[DefiniteRule, ...] = (
    DefiniteRule("declared", (Symbol,), _declared, "it is declared psd, which promises positive definite"),
    DefiniteRule("constant", (Eye, Ones, Zeros), _constant, "v'*I*v = norm2(v)^2, v'*1*1'*v = sum(v)^2"),
    DefiniteRule("diagonal", (Diag,), _diagonal, "a diagonal matrix is psd where its entries are not negative"),
    DefiniteRule("scaling", (Hadamard, Quotient), _scaling, "a psd matrix times a number that is not negative"),
    DefiniteRule("schur-product", (Hadamard,), _schur_product, "entrywise products of psd matrices are psd (Schur)"),
    DefiniteRule("gram", (Product, MatrixPower), gram, "v'*A'*A*v = norm2(A*v)^2"),
    DefiniteRule("congruence", (Product,), congruence, "v'*A'*M*A*v = (A*v)'*M*(A*v)"),
    DefiniteRule("kronecker", (Kron,), _kronecker, "the eigenvalues of a Kronecker product are products of eigenvalues"),
    DefiniteRule(
        "inverse",
        (Inverse, Pinv, Adjugate, Sqrtm),
        _of_definite,
        "its eigenvalues are functions of those of a psd matrix, not negative",
    ),
    DefiniteRule("matrix-power", (MatrixPower,), _matrix_power, "its eigenvalues are powers of real eigenvalues"),
    DefiniteRule(
        "exponential", (Expm,), _exponential, "the eigenvalues of a symmetric matrix are real, their exponentials positive"
    ),
    DefiniteRule("principal-part", (Slice,), _principal, "a principal part of a psd matrix is psd"),
    DefiniteRule("same", (Transpose, Let), _same, "it has the same quadratic form"),
    DefiniteRule("sum", (Add,), definite_sum, "quadratic forms add up"),
    DefiniteRule("common-factor", (Add,), inner_sum, "A'*M*A + A'*N*A = A'*(M + N)*A, a congruence"),
    DefiniteRule(
        "minus-rank-one", (Add,), minus_rank_one, "P - c*v*v' is psd for a pd P where c*v'*inv(P)*v <= 1 (Cauchy and Schwarz)"
    ),
    DefiniteRule("minus-projection", (Add,), minus_projection, "the eigenvalues of a projection are 0 and 1"),
    DefiniteRule("blocks", (VStack,), block_sum, "a pd block and a psd Schur complement make a psd matrix"),
)
