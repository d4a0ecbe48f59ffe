"""What shows that a matrix is positive (semi)definite: one row a rule.

``psd`` is ``v'*M*v >= 0`` for every ``v``, ``pd`` the same with ``> 0`` for ``v`` not 0; both mean a symmetric ``M``. In
declarations, ``psd`` promises pd. The closure rules are those of [Boyd and Vandenberghe, 2004, appendix A] and
[Horn and Johnson, 2013, chapter 7].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    hadamard,
    negate,
    product,
    quotient,
    rational,
)
from matcalc.facts import Fact, premises
from matcalc.ops.blocks import HStack, Slice, VStack
from matcalc.ops.linalg import Adjugate, Inverse, MatrixPower, Pinv, inv
from matcalc.ops.matrix_functions import Expm, Sqrtm
from matcalc.ops.reductions import total
from matcalc.ops.structure import Diag, Eye, Kron, Zeros
from matcalc.signs import Knows
from matcalc.simplify import simplify_all
from matcalc.words import common_ends, letters_of, mirrored, outer_part, scalars_out, transposed

MOST_TERMS = 24
Found = tuple[str, Sequence[Fact | None]]  # "psd" or "pd", and what was used
PSD, PD = "psd", "pd"


@dataclass(frozen=True)
class DefiniteRule:
    """A rule for operators of these classes."""

    name: str
    classes: tuple[type[Expr], ...]
    find: Callable[[Expr, Knows], Found | None]
    why: str

    def apply(self, e: Expr, known: Knows) -> Fact | None:
        """The fact by this rule, if it applies."""
        if not isinstance(e, self.classes):
            return None
        found = self.find(e, known)
        return None if found is None else Fact(e, found[0], self.name, self.why, premises(found[1]))


def weaker(*facts: Fact) -> str:
    """What holds of all: pd only where each is."""
    return PD if all(f.claim == PD for f in facts) else PSD


def is_invertible(e: Expr, known: Knows) -> bool:
    """Whether a square matrix is known to be invertible."""
    if isinstance(e, Symbol):
        return e.is_square and e.has("invertible")
    if isinstance(e, (Transpose, Inverse)):
        return isinstance(e, Inverse) or is_invertible(e.arg, known)
    if isinstance(e, Diag):
        bound = known.range(e.arg).interval
        return bound.is_positive or bound.is_negative
    if isinstance(e, Product):
        return all(a.is_square and is_invertible(a, known) for a in e.args)
    proof = known.definite(e) if e.is_square else None
    return proof is not None and proof.claim == PD


# ------------------------------------------------------------------ leaves
def _declared(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Symbol)
    return (PD, ()) if e.has("psd") and not e.is_complex else None


def _constant(e: Expr, known: Knows) -> Found | None:
    if isinstance(e, Eye):
        return PD, ()
    return (PSD, ()) if same_dim(e.rows, e.cols) else None


def _diagonal(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Diag)
    bound = known.range(e.arg)
    if bound.interval.is_positive:
        return PD, (bound.fact,)
    return (PSD, (bound.fact,)) if bound.interval.is_nonnegative else None


# ------------------------------------------------------------------ products
def gram(e: Expr, known: Knows) -> Found | None:
    """``A'*A``, an even palindrome."""
    letters = letters_of(e)
    if len(letters) < 2 or len(letters) % 2 or not mirrored(letters, 0):
        return None
    half = letters[len(letters) // 2 :]
    return (PD if all(a.is_square and is_invertible(a, known) for a in half) else PSD), ()


def congruence(e: Expr, known: Knows) -> Found | None:
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


def _scaling(e: Expr, known: Knows) -> Found | None:
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


def _schur_product(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Hadamard)
    if e.args[0].is_scalar:
        return None
    proofs = [known.definite(a) for a in e.args]
    found = [p for p in proofs if p is not None]
    if len(found) < len(proofs):
        return None
    return weaker(*found), found


def _kronecker(e: Expr, known: Knows) -> Found | None:
    a, b = (known.definite(x) for x in e.operands)
    return None if a is None or b is None else (weaker(a, b), (a, b))


# ------------------------------------------------------------------ functions of a matrix
def _of_definite(e: Expr, known: Knows) -> Found | None:
    proof = known.definite(e.operands[0])
    if proof is None:
        return None
    if isinstance(e, Inverse):  # a psd matrix that has an inverse is pd
        return PD, (proof,)
    return (PSD if isinstance(e, Pinv) and proof.claim == PSD else proof.claim), (proof,)


def _matrix_power(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, MatrixPower)
    p = rational(e.exponent)
    proof = known.definite(e.base)
    if proof is not None:
        return (proof.claim if proof.claim == PD or p is None or p > 0 else PD), (proof,)
    if p is not None and p % 2 == 0 and e.base.symmetric:
        return (PD if p < 0 or is_invertible(e.base, known) else PSD), ()
    return None


def _exponential(e: Expr, known: Knows) -> Found | None:
    return (PD, ()) if e.operands[0].symmetric and not e.is_complex else None


def _principal(e: Expr, known: Knows) -> Found | None:
    assert isinstance(e, Slice)
    if e.rows_taken != e.cols_taken or not e.arg.is_square:
        return None
    proof = known.definite(e.arg)
    return None if proof is None else (proof.claim, (proof,))


def _same(e: Expr, known: Knows) -> Found | None:
    proof = known.definite(e.operands[0])
    return None if proof is None else (proof.claim, (proof,))


# ------------------------------------------------------------------ sums
def definite_sum(e: Expr, known: Knows) -> Found | None:
    """Terms that are psd each."""
    assert isinstance(e, Add)
    if len(e.args) > MOST_TERMS:
        return None
    proofs = [known.definite(a) for a in e.args]
    found = [p for p in proofs if p is not None]
    if len(found) < len(proofs):
        return None
    return (PD if any(p.claim == PD for p in found) else PSD), found


def inner_sum(e: Expr, known: Knows) -> Found | None:
    """``A'*M*A + A'*N*A = A'*(M + N)*A``."""
    assert isinstance(e, Add)
    found = common_ends(e.args)
    if found is None:
        return None
    outside, middles = found
    proof = known.definite(add(*middles))
    if proof is None:
        return None
    return (PD if proof.claim == PD and outside.is_square and is_invertible(outside, known) else PSD), (proof,)


def minus_rank_one(e: Expr, known: Knows) -> Found | None:
    """``P - c*v*v'`` with a pd ``P`` and ``c*v'*inv(P)*v <= 1``; the other terms psd."""
    assert isinstance(e, Add)
    if len(e.args) > MOST_TERMS:
        return None
    proofs = [known.definite(a) for a in e.args]
    bad = [a for a, p in zip(e.args, proofs, strict=True) if p is None]
    good = [(a, p) for a, p in zip(e.args, proofs, strict=True) if p is not None]
    if len(bad) != 1 or not good:
        return None
    part = outer_part(bad[0])
    if part is None:
        return None
    c, v = negate(part[0]), part[1]
    for a, proof in good:
        left = remainder(a, c, v) if proof.claim == PD else None
        if left is None:
            continue
        bound = known.range(left)
        if bound.interval.is_nonnegative:
            others = [p for b, p in good if b is not a]
            strict = bound.interval.is_positive or any(p.claim == PD for p in others)
            return (PD if strict else PSD), (proof, bound.fact, *others)
    return None


def remainder(p: Expr, c: Expr, v: Expr) -> Expr | None:
    """``1 - c*v'*inv(P)*v``, times what is positive."""
    scalar, body = scalars_out(p)
    if isinstance(body, Eye):
        form = product(v.T, v)
    elif isinstance(body, Diag):
        form = total(quotient(hadamard(v, v), body.arg))
    else:
        form = product(v.T, inv(body), v)
    (left,) = simplify_all([add(ONE, negate(quotient(hadamard(c, form), scalar)))])
    return left


def minus_projection(e: Expr, known: Knows) -> Found | None:
    """``c*I - P`` with a projection ``P`` and ``c >= 1``; the other terms psd."""
    assert isinstance(e, Add)
    if len(e.args) > MOST_TERMS:
        return None
    proofs = [known.definite(a) for a in e.args]
    bad = [a for a, p in zip(e.args, proofs, strict=True) if p is None]
    if len(bad) != 1:
        return None
    scalar, body = scalars_out(bad[0])
    if not is_projection(body):
        return None
    for a, proof in zip(e.args, proofs, strict=True):
        own, eye = scalars_out(a)
        if proof is None or not isinstance(eye, Eye):
            continue
        (left,) = simplify_all([add(own, scalar)])
        bound = known.range(left)
        if bound.interval.is_nonnegative:
            others = [p for p in proofs if p is not None and p is not proof]
            strict = (bound.interval.is_positive and proof.claim == PD) or any(p.claim == PD for p in others)
            return (PD if strict else PSD), (proof, bound.fact, *others)
    return None


def is_projection(e: Expr) -> bool:
    """Whether a matrix is an orthogonal projection: ``A*inv(A'*A)*A'``, ``A*pinv(A)`` or ``pinv(A)*A``."""
    if not isinstance(e, Product):
        return False
    letters = e.args
    if len(letters) == 2:
        a, b = letters
        return (isinstance(b, Pinv) and b.arg is a) or (isinstance(a, Pinv) and a.arg is b)
    middle = letters[len(letters) // 2]
    if len(letters) % 2 == 0 or not mirrored(letters, 1) or not isinstance(middle, Inverse):
        return False
    half = len(letters) // 2
    return middle.arg is product(*letters[half + 1 :], *letters[:half])


def block_sum(e: Expr, known: Knows) -> Found | None:
    """``[A, B; B', C]`` by its Schur complement, or block diagonal."""
    assert isinstance(e, VStack)
    rows = [r.args if isinstance(r, HStack) else (r,) for r in e.args]
    n = len(rows)
    if any(len(r) != n for r in rows) or any(not same_dim(rows[i][i].rows, rows[i][i].cols) for i in range(n)):
        return None
    if any(not _are_transposes(rows[i][j], rows[j][i]) for i in range(n) for j in range(i)):
        return None
    if all(_is_zero(rows[i][j]) for i in range(n) for j in range(n) if i != j):
        proofs = [known.definite(rows[i][i]) for i in range(n)]
        found = [p for p in proofs if p is not None]
        return (weaker(*found), found) if len(found) == n else None
    if n != 2:
        return None
    (a, b), (c, d) = rows
    for pivot, other, side in ((a, d, b), (d, a, c)):
        proof = known.definite(pivot)
        if proof is None or proof.claim != PD:
            continue
        inner = quotient(hadamard(side.T, side), pivot) if pivot.is_scalar and other.is_scalar else None
        if inner is None:
            inner = quotient(product(side.T, side), pivot) if pivot.is_scalar else product(side.T, inv(pivot), side)
        (complement,) = simplify_all([add(other, negate(inner))])
        rest = known.definite(complement)
        if rest is not None:
            return rest.claim, (proof, rest)
    return None


def _are_transposes(a: Expr, b: Expr) -> bool:
    return transposed(a, b) or (a.is_scalar and a is b) or (_is_zero(a) and _is_zero(b))


def _is_zero(e: Expr) -> bool:
    value = rational(e)
    return isinstance(e, Zeros) or (value is not None and value == 0)


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
