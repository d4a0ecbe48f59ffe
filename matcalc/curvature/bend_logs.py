"""Logarithms: which expressions are log-convex or log-concave [Boyd and Vandenberghe, 2004, section 3.5].

A rule here answers for ``log(e)``. Every ``e`` that one applies to is positive.
"""

from __future__ import annotations

from matcalc.curvature.bends import CONCAVE, CONSTANT, CONVEX, NONE, OPPOSITE, Bend, BendRule, Curves, Found, summed
from matcalc.curvature.facts import Fact
from matcalc.curvature.interval import point
from matcalc.expr import (
    MINUS_ONE,
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Item,
    Let,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    apply,
    rational,
)
from matcalc.ops.blocks import Slice
from matcalc.ops.elementwise import Erf, Exp, Gamma, Log1p, Maximum, Sigmoid, Sqrt
from matcalc.ops.linalg import Det
from matcalc.ops.reductions import Prod, Softmax, Total, Trace
from matcalc.ops.structure import Diagonal, Reshape, Vec

SAME = (Transpose, Vec, Reshape, Let)
SOME = (Item, Slice, Diagonal)


def _of_exponential(e: Expr, curves: Curves) -> Found | None:
    inner = curves.of(e.operands[0])
    return None if inner is None else Found(inner.kind, inner.pins, (inner.fact,))


def _of_product(e: Expr, curves: Curves) -> Found | None:
    assert isinstance(e, Hadamard)
    return summed([curves.log_of(a) for a in e.args])


def _of_quotient(e: Expr, curves: Curves) -> Found | None:
    assert isinstance(e, Quotient)
    above, below = curves.log_of(e.above), curves.log_of(e.below)
    return None if below is None else summed([above, Bend(OPPOSITE[below.kind], below.fact, below.pins)])


def _of_power(e: Expr, curves: Curves) -> Found | None:
    p = rational(e.exponent) if isinstance(e, Power) else 1
    inner = curves.log_of(e.operands[0])
    if inner is None or p is None or p == 0:
        return None
    return Found(inner.kind, inner.pins, (inner.fact,)).turned(1 if p > 0 else -1)


def of_sum(e: Expr, curves: Curves) -> Found | None:
    """A sum of log-convex terms and positive constants."""
    fixed = [a for a in e.operands if not curves.depends(a)]
    bounds = [curves.prover.range(a) for a in fixed]
    parts = [curves.log_of(a) for a in e.operands if curves.depends(a)]
    if not all(b.interval.is_nonnegative for b in bounds) or any(p is None or not p.is_convex for p in parts):
        return None
    found = [p for p in parts if p is not None]
    pins: frozenset[Symbol] = frozenset().union(*(p.pins for p in found if p.kind == CONVEX))
    if any(b.interval.is_positive for b in bounds):  # the probabilities of the others then sum to less than 1
        terms = [a.arg if isinstance(a, Total) and a.axis is None else a for a in e.operands if curves.depends(a)]
        pins |= frozenset().union(*(p.pins for a in terms if (p := curves.log_of(a)) is not None))
    return Found(CONVEX, pins, tuple(p.fact for p in found))


def _of_total(e: Expr, curves: Curves) -> Found | None:
    inner = curves.log_of(e.operands[0])
    if inner is None or not inner.is_convex:
        return None
    return Found(CONVEX, inner.pins if inner.kind == CONVEX and isinstance(e, Total) else NONE, (inner.fact,))


def of_weighted_sum(e: Expr, curves: Curves) -> Found | None:
    """``c'*g`` with constants that are not negative."""
    assert isinstance(e, Product)
    moving = [a for a in e.args if curves.depends(a)]
    inner = curves.log_of(moving[0]) if len(moving) == 1 else None
    if inner is None or not inner.is_convex or not curves.prover.range(e).interval.is_positive:
        return None
    by = point(1)
    facts: list[Fact | None] = []
    for a in e.args:
        if a is not moving[0]:
            bound = curves.prover.range(a)
            by, facts = by * bound.interval, [*facts, bound.fact]
    return Found(CONVEX, NONE, (*facts, inner.fact)) if by.is_nonnegative else None


def _of_softmax(e: Expr, curves: Curves) -> Found | None:
    inner = curves.of(e.operands[0])
    return Found(CONCAVE, NONE, (inner.fact,)) if inner is not None and inner.is_affine else None


def _of_sigmoid(e: Expr, curves: Curves) -> Found | None:
    inner = curves.of(e.operands[0])
    return Found(CONCAVE, inner.pins, (inner.fact,)) if inner is not None and inner.is_concave else None


def of_complement(e: Expr, curves: Curves) -> Found | None:
    """``1 - sigmoid(g) = sigmoid(-g)``."""
    if len(e.operands) != 2:
        return None
    for one, rest in (e.operands, e.operands[::-1]):
        bound = curves.prover.range(one).interval
        if bound.low != 1 or bound.high != 1 or not isinstance(rest, Hadamard) or rest.args[0] is not MINUS_ONE:
            continue
        if len(rest.args) == 2 and isinstance(rest.args[1], Sigmoid):
            inner = curves.of(rest.args[1].arg)
            if inner is not None and inner.is_convex:
                return Found(CONCAVE, inner.pins, (inner.fact,))
    return None


def of_distribution(e: Expr, curves: Curves) -> Found | None:
    """``1 + erf(g)`` and ``1 - erf(g)``: twice the normal distribution function, which is log-concave, or its complement."""
    if len(e.operands) != 2:
        return None
    for one, rest in (e.operands, e.operands[::-1]):
        bound = curves.prover.range(one).interval
        rising = isinstance(rest, Erf)
        inside = rest if rising else rest.args[1] if isinstance(rest, Hadamard) and rest.args[0] is MINUS_ONE else None
        if bound.low != 1 or bound.high != 1 or not isinstance(inside, Erf):
            continue
        inner = curves.of(inside.arg)
        if inner is not None and (inner.is_concave if rising else inner.is_convex):
            return Found(CONCAVE, inner.pins, (inner.fact,))
    return None


def _of_all_factors(e: Expr, curves: Curves) -> Found | None:
    inner = curves.log_of(e.operands[0])
    return None if inner is None else Found(inner.kind, NONE if inner.is_affine else inner.pins, (inner.fact,))


def _of_determinant(e: Expr, curves: Curves) -> Found | None:
    inner = curves.of(apply("LogDet", e.operands[0])) if curves.prover.range(e).interval.is_positive else None
    return None if inner is None else Found(inner.kind, inner.pins, (inner.fact,))


def _of_gamma(e: Expr, curves: Curves) -> Found | None:
    inner = curves.of(apply("LogGamma", e.operands[0]))
    return None if inner is None else Found(inner.kind, inner.pins, (inner.fact,))


def _of_entries(e: Expr, curves: Curves) -> Found | None:
    inner = curves.log_of(e.operands[0])
    return None if inner is None else Found(inner.kind, inner.pins if isinstance(e, SAME) else NONE, (inner.fact,))


def _of_larger(e: Expr, curves: Curves) -> Found | None:
    parts = [curves.log_of(a) for a in e.operands]
    if any(p is None or not p.is_convex for p in parts):
        return None
    return Found(CONVEX, NONE, tuple(p.fact for p in parts if p is not None))


def of_concave(e: Expr, curves: Curves) -> Found | None:
    """What is positive and concave."""
    inner, bound = curves.of(e), curves.prover.range(e)
    if inner is None or not inner.is_concave or not bound.interval.is_positive:
        return None
    return Found(CONCAVE, inner.pins, (inner.fact, bound.fact))


LOG_RULES: tuple[BendRule, ...] = (
    BendRule("log-of-exp", (Exp,), _of_exponential, "log(exp(g)) = g"),
    BendRule("log-of-product", (Hadamard,), _of_product, "the logarithm of a product of positive factors is a sum"),
    BendRule("log-of-quotient", (Quotient,), _of_quotient, "the logarithm of a quotient is a difference"),
    BendRule("log-of-power", (Power, Sqrt), _of_power, "log(g^p) = p*log(g)"),
    BendRule("log-of-sum", (Add, BroadcastAdd), of_sum, "a sum of log-convex terms is log-convex, by log-sum-exp"),
    BendRule("log-of-total", (Total, Trace), _of_total, "a sum of log-convex entries is log-convex, by log-sum-exp"),
    BendRule(
        "log-of-weighted-sum", (Product,), of_weighted_sum, "a sum of log-convex entries with positive weights is log-convex"
    ),
    BendRule("log-softmax", (Softmax,), _of_softmax, "log(softmax(g)) = g - logsumexp(g)"),
    BendRule("log-sigmoid", (Sigmoid,), _of_sigmoid, "log(sigmoid(g)) = -softplus(-g), which is concave and rises"),
    BendRule(
        "log-sigmoid", (Add, BroadcastAdd), of_complement, "log(1 - sigmoid(g)) = -softplus(g), which is concave and falls"
    ),
    BendRule("log-normal-distribution", (Add, BroadcastAdd), of_distribution, "the normal distribution is log-concave"),
    BendRule("log-of-factors", (Prod,), _of_all_factors, "the logarithm of a product is a sum"),
    BendRule("log-det", (Det,), _of_determinant, "log(det(G)) = logdet(G) for a pd G"),
    BendRule("log-gamma", (Gamma,), _of_gamma, "the logarithm of the gamma function"),
    BendRule("log-of-entries", (*SAME, *SOME), _of_entries, "its entries are entries of the operand"),
    BendRule("log-of-larger", (Maximum,), _of_larger, "the logarithm of the larger is the larger logarithm"),
    BendRule("log-of-concave", (Expr,), of_concave, "log is concave and rises, and what is inside is concave and positive"),
)


# ------------------------------------------------------------------ what follows for the expressions themselves
def log_convex(e: Expr, curves: Curves) -> Found | None:
    """``exp(log(e))`` of a log-convex ``e``."""
    inner = curves.log_of(e) if curves.prover.range(e).interval.is_positive else None
    if inner is None or not inner.is_convex or inner.kind == CONSTANT:
        return None
    return Found(CONVEX, inner.pins, (inner.fact,))


def log_one_plus(e: Expr, curves: Curves) -> Found | None:
    """``log(1 + g)`` of a log-convex ``g``."""
    inner = curves.log_of(e.operands[0])
    if inner is None or not inner.is_convex or inner.kind == CONSTANT:
        return None
    return Found(CONVEX, inner.pins, (inner.fact,))


RULES: tuple[BendRule, ...] = (
    BendRule("log-convex", (Hadamard, Quotient, Prod, Power), log_convex, "what is log-convex is convex"),
    BendRule("log-one-plus", (Log1p,), log_one_plus, "log(1 + g) is convex for a log-convex g, by log-sum-exp"),
)
