"""Convex of convex: the rules of composition, entry by entry, one row each [Grant, Boyd and Ye, 2006].

Every rule answers for an operator whose operands are settled. ``matcalc.curvature.compositions`` applies them in this order.
"""

from __future__ import annotations

from fractions import Fraction

from matcalc.curvature.bends import (
    AFFINE,
    CONCAVE,
    CONSTANT,
    CONVEX,
    NONE,
    Bend,
    BendRule,
    Curves,
    Found,
    composed,
    scaled,
    summed,
)
from matcalc.curvature.definite_sums import is_invertible
from matcalc.curvature.facts import Fact
from matcalc.curvature.graphs import GRAPHS, Graph, Piece, power_graph
from matcalc.curvature.interval import EVERYTHING, between, point
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Hadamard,
    Item,
    Let,
    Operator,
    Power,
    Product,
    Quotient,
    Transpose,
    hadamard,
    rational,
)
from matcalc.ops.blocks import HStack, Slice, VStack
from matcalc.ops.cross import Axial, Cross, CrossMatrix
from matcalc.ops.elementwise import Elu, LeakyRelu, Maximum, Minimum, Where
from matcalc.ops.reductions import LogSumExp, Norm1, Norm2, NormF, NormInf, Total, Trace, has_one_entry
from matcalc.ops.stacking import Vech
from matcalc.ops.structure import Diag, Diagonal, KhatriRao, Kron, Reshape, Vec
from matcalc.ops.tensors import Einsum
from matcalc.ops.triangles import Cumsum, RevCumsum, SelfAdjoint, Tril, Triu

RIGID = (Transpose, Vec, Reshape, Diag, HStack, VStack, Let)  # keep every entry
GATHERING = (Total, Trace, Diagonal, Item, Slice, Tril, Triu, Cumsum, RevCumsum)  # sums of entries, each taken at most once
ADDING = (Total, Cumsum, RevCumsum)  # of which every entry is in one at least
MULTILINEAR = (Kron, Einsum)
LINEAR = (SelfAdjoint, Vech, KhatriRao, Cross, CrossMatrix, Axial)  # in each operand, besides what says so itself
NORMS = (Norm1, Norm2, NormF, NormInf)
RECTIFIED = Graph((Piece(EVERYTHING, 1, 1, strict=False),), smooth=False)


def _added(e: Expr, curves: Curves) -> Found | None:
    return summed([curves.of(a) for a in e.operands])


def kept(e: Expr, curves: Curves) -> Found | None:
    """Operators whose entries are those of the operands."""
    found = summed([curves.of(a) for a in e.operands])
    if found is None or found.kind != AFFINE:
        return found
    pins = frozenset().union(*(b.pins for a in e.operands if (b := curves.of(a)) is not None))
    return Found(AFFINE, pins)


def _gathered(e: Expr, curves: Curves) -> Found | None:
    inner = curves.of(e.operands[0])
    if inner is None:
        return None
    strict = isinstance(e, ADDING) and not inner.is_affine
    return Found(inner.kind, inner.pins if strict else NONE, (inner.fact,))


def linear(e: Expr, curves: Curves) -> Found | None:
    """Products of constants and one operand that is not."""
    moving = [a for a in e.operands if curves.depends(a)]
    inner = curves.of(moving[0]) if len(moving) == 1 else None
    if inner is None:
        return None
    by = point(1)
    facts: list[Fact | None] = []
    for a in e.operands:
        if not curves.depends(a):
            bound = curves.prover.range(a)
            by, facts = by * bound.interval, [*facts, bound.fact]
    found = scaled(inner, by, None)
    return None if found is None else Found(found.kind, NONE, (*facts, *found.used) if found.kind != AFFINE else ())


def linear_operator(e: Expr, curves: Curves) -> Found | None:
    """Any operator that is linear in the one operand that varies, which is affine."""
    assert isinstance(e, Operator)
    moving = [k for k, a in enumerate(e.operands) if curves.depends(a)]
    inner = curves.of(e.operands[moving[0]]) if len(moving) == 1 else None
    if inner is None or not inner.is_affine:
        return None
    is_linear = e.structural or isinstance(e, LINEAR) or e.stacked(moving[0]) is not None
    return Found(AFFINE) if is_linear else None


def multiplied(e: Expr, curves: Curves) -> Found | None:
    """Matrix products with one factor that is not constant."""
    assert isinstance(e, Product)
    moving = [a for a in e.args if curves.depends(a)]
    inner = curves.of(moving[0]) if len(moving) == 1 else None
    if inner is None:
        return None
    if inner.is_affine:
        regular = all(a is moving[0] or (a.is_square and is_regular(a, curves)) for a in e.args)
        return Found(AFFINE, inner.pins if regular else NONE)
    by = point(1)
    facts: list[Fact | None] = []
    for a in e.args:
        if a is not moving[0]:
            bound = curves.prover.range(a)
            by, facts = by * bound.interval, [*facts, bound.fact]
    found = scaled(inner, by, None)
    return None if found is None else Found(found.kind, found.pins, (*facts, inner.fact))


def is_regular(a: Expr, curves: Curves) -> bool:
    """Whether a constant square matrix is known to be invertible."""
    return is_invertible(a, curves.prover)


def times_constants(e: Expr, curves: Curves) -> Found | None:
    """Entrywise products with one factor, or one factor to a power, that is not constant."""
    assert isinstance(e, Hadamard)
    moving = [a for a in e.args if curves.depends(a)]
    if len(set(moving)) != 1:
        return None
    inner = curves.of(moving[0])
    if inner is None:
        return None
    if len(moving) > 1:
        bound = curves.prover.range(moving[0])
        found = composed(
            power_name(Fraction(len(moving))), power_graph(Fraction(len(moving))), inner, bound.interval, bound.fact
        )
        if found is None:
            return None
        inner = Bend(found.kind, None, found.pins)
        used = found.used
    else:
        used = (inner.fact,)
    fixed = [a for a in e.args if not curves.depends(a)]
    if not fixed:
        return Found(inner.kind, inner.pins, used)
    bound = curves.prover.range(hadamard(*fixed))
    result = scaled(inner, bound.interval, None)
    if result is None:
        return None
    pins = result.pins
    if all(rational(a) is not None for a in fixed):
        return Found(result.kind, pins, used)
    return Found(result.kind, pins, (bound.fact, *used) if result.kind != AFFINE else ())


def _divided(e: Expr, curves: Curves) -> Found | None:
    assert isinstance(e, Quotient)
    if not curves.depends(e.below):
        inner = curves.of(e.above)
        bound = curves.prover.range(e.below)
        found = None if inner is None else scaled(inner, bound.interval.inverse(), bound.fact)
        if found is None and inner is not None and inner.is_affine:
            found = Found(AFFINE, NONE)
        return found
    inner = curves.of(e.below)
    if inner is None or curves.depends(e.above):
        return None
    bound, above = curves.prover.range(e.below), curves.prover.range(e.above)
    found = composed("1/t", power_graph(Fraction(-1)), inner, bound.interval, bound.fact)
    result = None if found is None else scaled(Bend(found.kind, None, found.pins), above.interval, None)
    if found is None or result is None:
        return None
    return Found(result.kind, result.pins, (*found.used, above.fact), found.why)


def _powered(e: Expr, curves: Curves) -> Found | None:
    assert isinstance(e, Power)
    p = rational(e.exponent)
    if p is None:
        return exponential(e, curves)
    inner, bound = curves.of(e.base), curves.prover.range(e.base)
    if inner is None:
        return None
    degree = Fraction(int(p.p), int(p.q))
    found = composed(power_name(degree), power_graph(degree), inner, bound.interval, bound.fact)
    if found is not None and p > 1 and isinstance(e.base, (Norm2, NormF)):  # the ball is round
        at = curves.of(e.base.arg)
        if at is not None and at.is_affine:
            return Found(found.kind, at.pins, found.used, found.why)
    return found


def exponential(e: Power, curves: Curves) -> Found | None:
    """``b^g = exp(g*log(b))`` for a positive constant ``b``."""
    base = curves.prover.range(e.base)
    inner = curves.of(e.exponent)
    if curves.depends(e.base) or inner is None or not base.interval.is_positive:
        return None
    above, below = base.interval.within(between(1, None)), base.interval.within(between(0, 1))
    sure = base.interval.within(between(1, None, "()")) or base.interval.within(between(0, 1, "()"))
    if inner.is_affine or (inner.kind == CONVEX and above) or (inner.kind == CONCAVE and below):
        return Found(CONVEX, inner.pins if sure else NONE, (base.fact, inner.fact))
    return None


def mapped(e: Expr, curves: Curves) -> Found | None:
    """An entrywise function with a known graph."""
    graph = GRAPHS.get(type(e).__name__)
    if isinstance(e, (LeakyRelu, Elu)):
        slope = curves.prover.range(e.operands[1])
        graph = RECTIFIED if not curves.depends(e.operands[1]) and slope.interval.within(between(0, 1)) else None
    if graph is None:
        return None
    x = e.operands[0]
    inner, bound = curves.of(x), curves.prover.range(x)
    return None if inner is None else composed(str(getattr(e, "name", "")), graph, inner, bound.interval, bound.fact)


def power_name(p: Fraction) -> str:
    """A power as sentences write it."""
    return f"t^{p}" if p.denominator == 1 and p > 0 else f"t^({p})"


def _extremum(e: Expr, curves: Curves) -> Found | None:
    wanted = CONVEX if isinstance(e, Maximum) else CONCAVE
    parts = [curves.of(a) for a in e.operands]
    if any(p is None or p.kind == OTHER[wanted] for p in parts):
        return None
    known = [p for p in parts if p is not None]
    if all(p.kind == CONSTANT for p in known):
        return Found(CONSTANT)
    strict = all(p.kind == wanted for p in known)
    pins = frozenset.intersection(*(p.pins for p in known)) if strict else NONE
    return Found(wanted, pins, tuple(p.fact for p in known))


OTHER = {CONVEX: CONCAVE, CONCAVE: CONVEX}


def _chosen(e: Expr, curves: Curves) -> Found | None:
    assert isinstance(e, Where)
    if curves.depends(e.mask):
        return None
    found = summed([curves.of(e.then), curves.of(e.other)])
    return None if found is None else Found(found.kind, NONE, found.used)


def user_defined(e: Expr, curves: Curves) -> Found | None:
    """A function of the user's own, by the formula that defines it."""
    assert isinstance(e, Entrywise)
    if e.definition is None:
        return None
    inner = curves.of(e.definition)
    return None if inner is None else Found(inner.kind, inner.pins, (inner.fact,))


# ------------------------------------------------------------------ norms and log-sum-exp
def _norm(e: Expr, curves: Curves) -> Found | None:
    x = e.operands[0]
    inner, bound = curves.of(x), curves.prover.range(x)
    if inner is None:
        return None
    if isinstance(e, Norm1) and bound.interval.is_nonnegative:  # a sum
        return Found(inner.kind, NONE if inner.is_affine else inner.pins, (bound.fact, inner.fact))
    if inner.is_affine:
        return Found(CONVEX, NONE, (inner.fact,))
    if inner.kind == CONVEX and bound.interval.is_nonnegative:
        return Found(CONVEX, inner.pins if isinstance(e, Norm1) else NONE, (bound.fact, inner.fact))
    if inner.kind == CONCAVE and bound.interval.is_nonpositive:
        return Found(CONVEX, inner.pins if isinstance(e, Norm1) else NONE, (bound.fact, inner.fact))
    return None


def _log_sum_exp(e: Expr, curves: Curves) -> Found | None:
    assert isinstance(e, LogSumExp)
    inner = curves.of(e.operands[0])
    if inner is not None and has_one_entry(e.arg, e.axis):
        return Found(inner.kind, inner.pins, (inner.fact,))
    if inner is None or not inner.is_convex:
        return None
    return Found(CONVEX, NONE if inner.is_affine else inner.pins, (inner.fact,))


RULES: tuple[BendRule, ...] = (
    BendRule("sum", (Add, BroadcastAdd), _added, "sums keep affine, convex and concave"),
    BendRule("entries", RIGID, kept, "its entries are entries of the operands"),
    BendRule("sum-of-entries", GATHERING, _gathered, "its entries are sums of entries of the operand"),
    BendRule("linear", MULTILINEAR, linear, "it is linear in the one operand that varies, with constants of one sign"),
    BendRule(
        "matrix-product", (Product,), multiplied, "linear in the factor that varies; constants of one sign keep convexity"
    ),
    BendRule("scaling", (Hadamard,), times_constants, "constants that are not negative keep convexity, negative ones turn it"),
    BendRule("quotient", (Quotient,), _divided, "a quotient in which one side is constant, and what is below keeps its sign"),
    BendRule("power", (Power,), _powered, "the graph of a power, composed with what it is applied to"),
    BendRule(
        "composition",
        (Entrywise,),
        mapped,
        "a convex function of an affine one, or a convex and rising (falling) one of a convex (concave) one; likewise concave",
    ),
    BendRule(
        "larger-of-two",
        (Maximum, Minimum),
        _extremum,
        "the larger of convex functions is convex, the smaller of concave ones concave",
    ),
    BendRule("choice", (Where,), _chosen, "a constant choice between entries"),
    BendRule("definition", (Entrywise,), user_defined, "by its definition"),
    BendRule("norm", NORMS, _norm, "a norm is convex, and rises with entries that are not negative"),
    BendRule("log-sum-exp", (LogSumExp,), _log_sum_exp, "log-sum-exp is convex and rises with every entry"),
    BendRule("linear-operator", (Operator,), linear_operator, "it is linear in the one operand that varies, which is affine"),
)
