"""Convexity of forms that composition alone does not show: squares, entropies, perspectives, geometric means."""

from __future__ import annotations

import sympy as sp

from matcalc.curvature.bends import AFFINE, CONCAVE, CONSTANT, CONVEX, NONE, Bend, BendRule, Curves, Found, scaled
from matcalc.curvature.facts import Fact
from matcalc.curvature.interval import between
from matcalc.curvature.words import letters_of, mirrored, turned
from matcalc.dims import is_unit
from matcalc.expr import (
    ONE,
    Add,
    Expr,
    Hadamard,
    Number,
    Power,
    Product,
    Quotient,
    Symbol,
    apply,
    dim_number,
    hadamard,
    negate,
    product,
    quotient,
    rational,
)
from matcalc.ops.elementwise import Abs, Exp, Log, Sqrt
from matcalc.ops.reductions import Norm1, Norm2, NormF, NormInf, Prod, Total, Trace
from matcalc.simplify import simplify_all

NORMS = (Norm1, Norm2, NormF, NormInf)
HALF = Number(sp.Rational(1, 2))


# ------------------------------------------------------------------ squares
def quadratic(e: Expr, curves: Curves) -> Found | None:
    """``g'*P*g`` with ``g`` affine and a constant semidefinite ``P``."""
    if not isinstance(e, Product) or not e.is_scalar:
        return None
    n = len(e.args)
    for half in range(1, n // 2 + 1):
        if not mirrored(e.args[:half] + e.args[n - half :], 0):
            return None
        at = curves.of(product(*e.args[n - half :]))
        middle = e.args[half : n - half]
        if at is None or at.kind != AFFINE or any(curves.depends(a) for a in middle):
            continue
        if not middle:
            return Found(CONVEX, at.pins, (at.fact,))
        whole = product(*middle)
        for sign, m in ((1, whole), (-1, negate(whole))):
            proof = curves.prover.definite(m)
            if proof is not None:
                return Found(CONVEX, at.pins if proof.claim == "pd" else NONE, (proof, at.fact)).turned(sign)
    return None


def cyclic_quadratic(e: Expr, curves: Curves) -> Found | None:
    """``tr(P*G*Q*G')`` with ``G`` affine and constant psd ``P`` and ``Q``, or one of them the inverse of what is affine."""
    assert isinstance(e, Trace)
    word = letters_of(e.arg)
    n = len(word)
    if n < 2 or n > 32 or sum(curves.depends(a) for a in word) < 2:
        return None
    for start in range(n):
        around = word[start:] + word[:start]
        for axis in (0, 1) if n % 2 == 0 else (1,):
            rest = around[axis:]
            middle = len(rest) % 2
            if not mirrored(rest, middle):
                continue
            half = len(rest) // 2
            on_axis = [*around[:axis], *rest[half : half + middle]]
            at = curves.of(product(*rest[half + middle :]))
            proofs = [curves.prover.definite(x) for x in on_axis]
            if at is None or at.kind != AFFINE or any(p is None for p in proofs):
                continue
            moving = [x for x in on_axis if curves.depends(x)]
            if not moving:
                sure = all(p is not None and p.claim == "pd" for p in proofs)
                return Found(CONVEX, at.pins if sure else NONE, (*proofs, at.fact))
    return None


def is_square(e: Expr, curves: Curves) -> Found | None:
    """That an expression is the square of a seminorm of something affine, or a sum of such squares with positive factors."""
    if isinstance(e, Power) and rational(e.exponent) == 2:
        at = curves.of(e.base.operands[0]) if isinstance(e.base, (Norm2, NormF, Norm1, NormInf)) else curves.of(e.base)
        if at is None or not at.is_affine:
            return None
        return Found(CONVEX, NONE if isinstance(e.base, (Norm1, NormInf)) else at.pins, (at.fact,))
    if isinstance(e, Hadamard):
        moving = [a for a in e.args if curves.depends(a)]
        fixed = [a for a in e.args if not curves.depends(a)]
        bound = curves.prover.range(hadamard(*fixed))
        if fixed and not bound.interval.is_nonnegative:
            return None
        if len(moving) == 2 and moving[0] is moving[1]:
            at = curves.of(moving[0])
            inner = Found(CONVEX, at.pins, (at.fact,)) if at is not None and at.is_affine else None
        else:
            inner = is_square(moving[0], curves) if len(moving) == 1 else None
        if inner is None or not fixed:
            return inner
        return Found(CONVEX, inner.pins if bound.interval.is_positive else NONE, inner.used)
    if isinstance(e, Quotient) and not curves.depends(e.below):
        bound, inner = curves.prover.range(e.below), is_square(e.above, curves)
        return inner if bound.interval.is_positive else None
    if isinstance(e, Total):
        inner = is_square(e.arg, curves)
        return inner if inner is None or e.axis is None else Found(CONVEX, NONE, inner.used)
    if isinstance(e, Add):
        parts = [is_square(a, curves) for a in e.args]
        found = [p for p in parts if p is not None]
        if len(found) < len(parts):
            return None
        return Found(CONVEX, frozenset().union(*(p.pins for p in found)), tuple(f for p in found for f in p.used))
    if isinstance(e, (Product, Trace)):
        form = quadratic(e, curves) if isinstance(e, Product) else cyclic_quadratic(e, curves)
        return form if form is not None and form.kind == CONVEX else None
    return None


def root_of_squares(e: Expr, curves: Curves) -> Found | None:
    """``sqrt(g'*P*g + c)``, the norm of a stacked vector, for affine ``g`` and a constant ``c`` that is not negative."""
    if isinstance(e, Power) and rational(e.exponent) != sp.Rational(1, 2):
        return None
    inside = e.operands[0]
    terms = inside.args if isinstance(inside, Add) else (inside,)
    fixed = [t for t in terms if not curves.depends(t)]
    bounds = [curves.prover.range(t) for t in fixed]
    squares = [is_square(t, curves) for t in terms if curves.depends(t)]
    if not squares or any(s is None for s in squares) or not all(b.interval.is_nonnegative for b in bounds):
        return None
    found = [s for s in squares if s is not None]
    pins: frozenset[Symbol] = frozenset().union(*(s.pins for s in found))
    sure = any(b.interval.is_positive for b in bounds)
    used = [*(f for s in found for f in s.used), *(b.fact for b, t in zip(bounds, fixed, strict=True) if rational(t) is None)]
    return Found(CONVEX, pins if sure else NONE, tuple(used))


def over_linear(e: Expr, curves: Curves) -> Found | None:
    """``g'*g/h`` for affine ``g`` and a positive concave ``h``: the perspective of a square [Boyd and Vandenberghe, 3.2.6]."""
    assert isinstance(e, Quotient)
    below, bound = curves.of(e.below), curves.prover.range(e.below)
    if below is None or not below.is_concave or below.kind == CONSTANT or not bound.interval.is_positive:
        return None
    square = is_square(e.above, curves)
    return None if square is None else Found(CONVEX, NONE, (*square.used, below.fact, bound.fact))


# ------------------------------------------------------------------ entropies and products
def inner_product(e: Expr, curves: Curves) -> Found | None:
    """``a'*b = sum(a.*b)`` of two columns that both vary."""
    assert isinstance(e, Product)
    if not e.is_scalar or sum(curves.depends(a) for a in e.args) < 2:
        return None
    for cut in range(1, len(e.args)):
        left, right = turned(product(*e.args[:cut])), product(*e.args[cut:])
        if is_unit(left.cols) and is_unit(right.cols) and curves.depends(left) and curves.depends(right):
            inner = curves.of(apply("Total", hadamard(left, right), None))
            if inner is not None:
                return Found(inner.kind, inner.pins, (inner.fact,))
    return None


def entropy(e: Expr, curves: Curves) -> Found | None:
    """``g.*log(g)`` and ``g.*log(g./h)`` for affine ``g`` and ``h``, times constants of one sign."""
    assert isinstance(e, Hadamard)
    moving = [a for a in e.args if curves.depends(a)]
    fixed = [a for a in e.args if not curves.depends(a)]
    logs = [a for a in moving if isinstance(a, Log)]
    if len(moving) != 2 or len(logs) != 1:
        return None
    g = next(a for a in moving if a is not logs[0])
    at, inside = curves.of(g), logs[0].arg
    if at is None or not at.is_affine:
        return None
    pins, used = at.pins, [at.fact]
    if isinstance(inside, Quotient) and inside.above is g:
        below, bounds = curves.of(inside.below), [curves.prover.range(x) for x in (g, inside.below)]
        if below is None or not below.is_affine or not all(b.interval.is_positive for b in bounds):
            return None
        pins = pins if below.kind == CONSTANT else NONE
        used += [below.fact, *(b.fact for b in bounds)]
    elif inside is not g:
        return None
    if not fixed:
        return Found(CONVEX, pins, tuple(used))
    by = curves.prover.range(hadamard(*fixed))
    found = scaled(Bend(CONVEX, None, pins), by.interval, None if all(rational(a) is not None for a in fixed) else by.fact)
    return None if found is None else Found(found.kind, found.pins, (*found.used, *used))


def geometric_mean(e: Expr, curves: Curves) -> Found | None:
    """``prod(x)^p`` with ``p`` at most one over the number of factors, and ``sqrt(x*y)``, of concave factors, not negative."""
    base = e.operands[0]
    p = e.exponent if isinstance(e, Power) else HALF
    if isinstance(e, Exp):  # exp(c*sum(log(x)))
        scalar, logs = mean_of_logs(base)
        if logs is None:
            return None
        factors: tuple[Expr, ...] = (logs,)
        p, count = scalar, hadamard(dim_number(logs.rows), dim_number(logs.cols))
    elif isinstance(base, Prod) and base.axis is None:
        factors = (base.arg,)
        count = hadamard(dim_number(base.arg.rows), dim_number(base.arg.cols))
    elif isinstance(base, Hadamard):
        factors = base.args
        count = dim_number(sum(curves.depends(f) for f in factors))
    else:
        return None
    if curves.depends(p):
        return None
    (weight,) = simplify_all([hadamard(count, p)])
    if not curves.prover.range(weight).interval.within(between(0, 1)):
        return None
    used: list[Fact | None] = []
    for x in factors:
        inner, bound = curves.of(x), curves.prover.range(x)
        positive = bound.interval.is_nonnegative or isinstance(e, Exp)  # a logarithm is of what is positive, a convex set
        if inner is None or not inner.is_concave or not positive:
            return None
        used += [inner.fact, bound.fact]
    return Found(CONCAVE, NONE, tuple(used))


def mean_of_logs(e: Expr) -> tuple[Expr, Expr | None]:
    """``(c, x)`` where an expression is ``c*sum(log(x))``."""
    scalar: Expr = ONE
    while isinstance(e, (Quotient, Hadamard)):
        if isinstance(e, Quotient):
            scalar, e = quotient(scalar, e.below), e.above
        else:
            scalar, e = hadamard(scalar, *e.args[:-1]), e.args[-1]
    return scalar, e.arg.arg if isinstance(e, Total) and e.axis is None and isinstance(e.arg, Log) else None


def weighted_geometric_mean(e: Expr, curves: Curves) -> Found | None:
    """``exp(w'*log(x))`` with probabilities ``w``, constant."""
    inside = e.operands[0]
    if not isinstance(inside, Product) or len(inside.args) != 2 or not isinstance(inside.args[1], Log):
        return None
    w, x = turned(inside.args[0]), inside.args[1].arg
    weights, (whole,) = curves.prover.range(w), simplify_all([apply("Total", w, None)])
    at, bound = curves.of(x), curves.prover.range(whole)
    if curves.depends(w) or not weights.interval.is_nonnegative or not bound.interval.within(between(0, 1)):
        return None
    if at is None or not at.is_concave or at.kind == CONSTANT:
        return None
    return Found(CONCAVE, NONE, (weights.fact, bound.fact, at.fact))


def p_norm(e: Expr, curves: Curves) -> Found | None:
    """``sum(abs(g).^p)^(1/p)`` with ``p >= 1`` and an affine ``g``."""
    assert isinstance(e, Power)
    inside = e.base
    if not isinstance(inside, Total) or inside.axis is not None or not isinstance(inside.arg, Power):
        return None
    p, root = rational(inside.arg.exponent), rational(e.exponent)
    if p is None or root is None or p < 1 or p * root != 1:
        return None
    base = inside.arg.base
    g = base.arg if isinstance(base, Abs) else base
    at, bound = curves.of(g), curves.prover.range(base)
    even = bool(p.is_Integer and p % 2 == 0)
    if at is None or at.kind != AFFINE or not (even or bound.interval.is_nonnegative):
        return None
    return Found(CONVEX, NONE, (at.fact, None if even else bound.fact))


RULES: tuple[BendRule, ...] = (
    BendRule("quadratic-form", (Product,), quadratic, "g'*P*g with g affine and P semidefinite"),
    BendRule(
        "quadratic-form", (Trace,), cyclic_quadratic, "tr(P*G*Q*G') is the squared norm of sqrt(P)*G*sqrt(Q), and G is affine"
    ),
    BendRule("inner-product", (Product,), inner_product, "a'*b = sum(a.*b)"),
    BendRule("entropy", (Hadamard,), entropy, "t*log(t) is convex for t > 0, and t*log(t/u) in t and u together"),
    BendRule(
        "root-of-squares",
        (Sqrt, Power),
        root_of_squares,
        "the root of a sum of squares is the norm of a vector, and the vector is affine",
    ),
    BendRule(
        "quadratic-over-linear", (Quotient,), over_linear, "g'*g/h is convex in g and h > 0 together, and falls as h rises"
    ),
    BendRule("p-norm", (Power,), p_norm, "the p-norm of what is affine, for p at least 1"),
    BendRule("geometric-mean", (Exp,), weighted_geometric_mean, "a weighted geometric mean is concave and rises"),
    BendRule("geometric-mean", (Power, Sqrt, Exp), geometric_mean, "a geometric mean is concave and rises with every factor"),
)
