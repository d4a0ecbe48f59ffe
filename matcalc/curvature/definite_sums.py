"""Definiteness of sums, differences and blocks."""

from __future__ import annotations

from matcalc.curvature.facts import Fact
from matcalc.curvature.known import PD, PSD, Knows, Shown
from matcalc.curvature.words import common_ends, mirrored, outer_part, scalars_out, transposed
from matcalc.dims import same_dim
from matcalc.expr import (
    ONE,
    Add,
    Expr,
    Product,
    Symbol,
    Transpose,
    add,
    hadamard,
    negate,
    product,
    quotient,
    rational,
)
from matcalc.ops.blocks import HStack, VStack
from matcalc.ops.linalg import Inverse, Pinv, inv
from matcalc.ops.reductions import total
from matcalc.ops.structure import Diag, Eye, Zeros
from matcalc.simplify import simplify_all

MOST_TERMS = 24


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


def definite_sum(e: Expr, known: Knows) -> Shown | None:
    """Terms that are psd each."""
    assert isinstance(e, Add)
    if len(e.args) > MOST_TERMS:
        return None
    proofs = [known.definite(a) for a in e.args]
    found = [p for p in proofs if p is not None]
    if len(found) < len(proofs):
        return None
    return (PD if any(p.claim == PD for p in found) else PSD), found


def inner_sum(e: Expr, known: Knows) -> Shown | None:
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


def minus_rank_one(e: Expr, known: Knows) -> Shown | None:
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


def minus_projection(e: Expr, known: Knows) -> Shown | None:
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


def block_sum(e: Expr, known: Knows) -> Shown | None:
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
