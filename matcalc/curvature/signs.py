"""What intervals hold the entries of an expression: rules from the operands' intervals, one row each.

A rule answers with an interval and what it used; ``matcalc.curvature.prover`` applies them, operands first.
"""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from matcalc.curvature.facts import TRIVIAL
from matcalc.curvature.graphs import GRAPHS
from matcalc.curvature.interval import (
    EVERYTHING,
    NONNEGATIVE,
    POSITIVE,
    UNIT,
    Interval,
    added_up,
    between,
    point,
    repeated,
)
from matcalc.curvature.known import Bound, Knows, Ranged, RangeRule
from matcalc.curvature.sign_forms import (
    corner_range,
    cyclic_range,
    form_range,
    norm_range,
    simplex_total,
    spectrum_range,
    unit_length,
)
from matcalc.dims import Dim, DimSymbol
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Hadamard,
    Item,
    Let,
    Number,
    Ones,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    rational,
)
from matcalc.ops.blocks import HStack, Slice, VStack
from matcalc.ops.elementwise import Maximum, Minimum, Where
from matcalc.ops.linalg import Det
from matcalc.ops.reductions import LogSumExp, Norm1, Norm2, NormF, NormInf, Prod, Softmax, Total, Trace
from matcalc.ops.spectral import Eig, EigMax, EigMin, Nuclear, Spectral, SvdVals
from matcalc.ops.structure import Diag, Diagonal, Eye, Kron, Reshape, UnitVector, Vec, Zeros
from matcalc.ops.triangles import Tril, Triu

NEARLY = Fraction(1, 10**4)  # how far the ends of an interval for pi lie from it


# ------------------------------------------------------------------ leaves
def _declared_range(e: Expr, known: Knows) -> Ranged | None:
    assert isinstance(e, Symbol)
    if e.has("simplex"):
        return UNIT, ()
    if e.has("positive") or (e.is_scalar and e.has("psd")):
        return POSITIVE, ()
    return (between(-1, 1), ()) if e.has("unit") else None


def _number_range(e: Expr, known: Knows) -> Ranged | None:
    assert isinstance(e, Number)
    value = e.value
    if isinstance(value, sp.Rational):
        return point(Fraction(int(value.p), int(value.q))), ()
    if value.is_number and value.is_real:
        near = Fraction(round(float(value) / NEARLY)) * NEARLY
        return Interval(near - NEARLY, near + NEARLY, True, True), ()
    return None


def _dimension_range(e: Expr, known: Knows) -> Ranged | None:
    assert isinstance(e, Number)
    return (between(1, None), ()) if isinstance(e.value, DimSymbol) else None


def _constant_range(e: Expr, known: Knows) -> Ranged | None:
    if isinstance(e, Ones):
        return point(1), ()
    return (point(0), ()) if isinstance(e, Zeros) else (between(0, 1), ())


# ------------------------------------------------------------------ arithmetic
def _sum_range(e: Expr, known: Knows) -> Ranged | None:
    bounds = [known.range(a) for a in e.operands]
    return added_up(b.interval for b in bounds), [b.fact for b in bounds]


def _hadamard_range(e: Expr, known: Knows) -> Ranged | None:
    assert isinstance(e, Hadamard)
    powers: dict[Expr, int] = {}
    for a in e.args:
        powers[a] = powers.get(a, 0) + 1
    total = point(1)
    for a, count in powers.items():
        total = total * known.range(a).interval.power(Fraction(count))
    return total, [known.range(a).fact for a in powers]


def _quotient_range(e: Expr, known: Knows) -> Ranged | None:
    assert isinstance(e, Quotient)
    above, below = known.range(e.above), known.range(e.below)
    return above.interval * below.interval.inverse(), (above.fact, below.fact)


def _power_range(e: Expr, known: Knows) -> Ranged | None:
    assert isinstance(e, Power)
    p = rational(e.exponent)
    base = known.range(e.base)
    if p is not None:
        return base.interval.power(Fraction(int(p.p), int(p.q))), (base.fact,)
    return (POSITIVE, (base.fact,)) if base.interval.is_positive else None


def _entrywise_range(e: Expr, known: Knows) -> Ranged | None:
    graph = GRAPHS.get(type(e).__name__)
    if graph is None or len(e.operands) != 1:
        return None
    inner = known.range(e.operands[0])
    if not inner.interval.within(graph.domain):
        inner = Bound(inner.interval.meet(graph.domain), inner.fact)
    if inner.interval.low > inner.interval.high:  # outside the domain
        return None
    image = graph.image(inner.interval)
    if image == graph.image(graph.domain):
        return image, ()
    return image, (inner.fact,)


def _absolute_range(e: Expr, known: Knows) -> Ranged | None:
    inner = known.range(e.operands[0])
    if inner.interval.is_everything:
        return None
    up = inner.interval.largest(-inner.interval)
    low = inner.interval if inner.interval.is_nonnegative else -inner.interval if inner.interval.is_nonpositive else None
    if type(e).__name__ == "Relu":
        return inner.interval.largest(point(0)), (inner.fact,)
    return (low if low is not None else NONNEGATIVE.meet(up)), (inner.fact,)


def _extremum_range(e: Expr, known: Knows) -> Ranged | None:
    a, b = (known.range(x) for x in e.operands)
    if isinstance(e, Maximum):
        return a.interval.largest(b.interval), (a.fact, b.fact)
    return -(-a.interval).largest(-b.interval), (a.fact, b.fact)


def _where_range(e: Expr, known: Knows) -> Ranged | None:
    assert isinstance(e, Where)
    a, b = known.range(e.then), known.range(e.other)
    return a.interval.hull(b.interval), (a.fact, b.fact)


# ------------------------------------------------------------------ entries moved and added up
def _moved_range(e: Expr, known: Knows) -> Ranged | None:
    inner = known.range(e.operands[0])
    return inner.interval, (inner.fact,)


def _padded_range(e: Expr, known: Knows) -> Ranged | None:
    inner = known.range(e.operands[0])
    return inner.interval.hull(point(0)), (inner.fact,)


def _stacked_range(e: Expr, known: Knows) -> Ranged | None:
    bounds = [known.range(a) for a in e.operands]
    total = bounds[0].interval
    for b in bounds[1:]:
        total = total.hull(b.interval)
    return total, [b.fact for b in bounds]


def _total_range(e: Expr, known: Knows) -> Ranged | None:
    assert isinstance(e, (Total, Trace))
    inner = known.range(e.arg)
    count: Dim = e.arg.rows
    if isinstance(e, Total):
        count = e.arg.cols if e.axis == 1 else e.arg.rows
        if e.axis is None and isinstance(count, int) and isinstance(e.arg.cols, int):
            count = count * e.arg.cols
        elif e.axis is None and not isinstance(e.arg.cols, int):
            count = e.arg.cols
    return repeated(inner.interval, count if isinstance(count, int) else None), (inner.fact,)


def _product_range(e: Expr, known: Knows) -> Ranged | None:
    assert isinstance(e, Product)
    first = known.range(e.args[0])
    total, facts = first.interval, [first.fact]
    for before, a in zip(e.args, e.args[1:], strict=False):
        b = known.range(a)
        facts.append(b.fact)
        one = total * b.interval
        if isinstance(before, (Diag, Eye)) or isinstance(a, (Diag, Eye)):
            total = one.hull(point(0))
        else:
            total = repeated(one, before.cols if isinstance(before.cols, int) else None)
    return total, facts


def _kron_range(e: Expr, known: Knows) -> Ranged | None:
    a, b = (known.range(x) for x in e.operands)
    return a.interval * b.interval, (a.fact, b.fact)


def _if_positive(x: Expr, known: Knows) -> Ranged | None:
    inner = known.range(x)
    if inner.interval.is_positive:
        return POSITIVE, (inner.fact,)
    return (NONNEGATIVE, (inner.fact,)) if inner.interval.is_nonnegative else None


def _at_least(x: Expr, known: Knows) -> Ranged | None:
    inner = known.range(x)
    return Interval(inner.interval.low, EVERYTHING.high, inner.interval.low_open), (inner.fact,)


NORMS = (Norm1, Norm2, NormF, NormInf, Nuclear, Spectral, SvdVals)
MOVED = (Transpose, Vec, Reshape, Item, Slice, Diagonal, Let)
RULES: tuple[RangeRule, ...] = (
    RangeRule("declared", (Symbol,), _declared_range, "it is declared so"),
    RangeRule(TRIVIAL, (Number,), _number_range, "it is a number"),
    RangeRule("dimension", (Number,), _dimension_range, "a dimension is at least 1"),
    RangeRule("constant", (Ones, Zeros, Eye, UnitVector), _constant_range, "its entries are zeros and ones"),
    RangeRule("sum", (Add, BroadcastAdd), _sum_range, "intervals add up"),
    RangeRule("entrywise-product", (Hadamard,), _hadamard_range, "intervals multiply, and even powers are not negative"),
    RangeRule("quotient", (Quotient,), _quotient_range, "intervals divide where the denominator keeps its sign"),
    RangeRule("power", (Power,), _power_range, "powers of an interval; even ones are not negative"),
    RangeRule("function", (Entrywise,), _entrywise_range, "these are the values that the function takes"),
    RangeRule(
        "absolute-value",
        (Entrywise,),
        lambda e, p: _absolute_range(e, p) if type(e).__name__ in ("Abs", "Relu") else None,
        "an absolute value or a positive part of numbers in an interval",
    ),
    RangeRule("larger-of-two", (Maximum, Minimum), _extremum_range, "the larger of two is at least each"),
    RangeRule("choice", (Where,), _where_range, "each entry is one of the two"),
    RangeRule("entries", MOVED, _moved_range, "its entries are entries of the operand"),
    RangeRule("padded", (Diag, Tril, Triu), _padded_range, "its entries are entries of the operand and zeros"),
    RangeRule("stack", (HStack, VStack), _stacked_range, "its entries are those of its blocks"),
    RangeRule("probabilities", (Total,), simplex_total, "probabilities sum to 1"),
    RangeRule("total", (Total, Trace), _total_range, "a sum of entries, of which there is at least one"),
    RangeRule("unit-length", (Product,), unit_length, "a unit vector has norm 1; squares of probabilities sum to at most 1"),
    RangeRule("quadratic-form", (Product,), form_range, "v'*P*v is not negative for a psd P"),
    RangeRule("product", (Product,), _product_range, "an entry is a sum of products"),
    RangeRule("kronecker", (Kron,), _kron_range, "its entries are products"),
    RangeRule("products", (Prod,), lambda e, p: _if_positive(e.operands[0], p), "a product of such entries"),
    RangeRule("probability", (Softmax,), lambda e, p: (UNIT, ()), "a softmax gives probabilities"),
    RangeRule("norm", NORMS, norm_range, "a norm is not negative, and 0 at 0 alone"),
    RangeRule("log-sum-exp", (LogSumExp,), lambda e, p: _at_least(e.operands[0], p), "it is at least each of its arguments"),
    RangeRule("trace", (Trace,), cyclic_range, "tr(P*B*Q*B') is the squared norm of sqrt(P)*B*sqrt(Q) for psd P and Q"),
    RangeRule(
        "spectrum",
        (Det, EigMax, EigMin, Eig, Diagonal),
        spectrum_range,
        "a psd matrix has no negative eigenvalue and no negative diagonal entry, a pd matrix positive ones",
    ),
    RangeRule(
        "diagonal-entry", (Item,), corner_range, "a psd matrix has no negative diagonal entry, a pd matrix positive ones"
    ),
)
