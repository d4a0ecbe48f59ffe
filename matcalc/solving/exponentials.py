"""Exponentials, logarithms and what they make together: ``exp(log(u))``, ``softmax``, ``logsumexp``."""

from __future__ import annotations

from matcalc.curvature.prover import Prover
from matcalc.errors import LimitError
from matcalc.expand import terms_of
from matcalc.expr import (
    MINUS_ONE,
    ONE,
    ZERO,
    Expr,
    Hadamard,
    Number,
    Ones,
    Power,
    Product,
    Quotient,
    Transpose,
    add,
    dim_number,
    hadamard,
    negate,
    ones,
    power,
    quotient,
    rational,
    spread,
    substitute,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Abs, Exp, Log, Sqrt
from matcalc.ops.reductions import LogSumExp, Softmax, Total
from matcalc.ops.structure import Zeros, zeros
from matcalc.solving.equations import apart, over, simplified

MOST_TERMS = 32  # of an exponent that is taken apart


def tidied(e: Expr) -> Expr:
    """``e`` with logarithms taken out of exponents, and softmax and logsumexp by their names; simplified."""
    if not any(isinstance(node, (Exp, Log, Sqrt, Abs)) for node in postorder([e], lambda x: x.operands)):
        return e
    first = _named(e)
    second = _named(simplified(_shifts_outside(first)))
    return second if second.cost < first.cost else first


def _named(e: Expr) -> Expr:
    done: dict[Expr, Expr] = {}
    for node in postorder([e], lambda x: x.operands):
        whole = node.rebuild([done[c] for c in node.operands]) if node.operands else node
        match whole:
            case Exp(arg):
                whole = without_logarithms(arg)
            case Log(arg):
                whole = logarithm(arg)
            case Sqrt(arg):
                whole = square_root(arg)
            case Abs(arg) if Prover().range(arg).interval.is_nonnegative:
                whole = arg
            case Total(Transpose(arg), None):
                whole = Total(arg, None)
            case Quotient() | Hadamard():
                whole = as_softmax(whole)
        done[node] = whole
    return e if done[e] is e else simplified(done[e])


def _shifts_outside(e: Expr) -> Expr:
    """``exp(c)*exp(a)`` for every ``exp(a .+ c)``, so that the number may cancel."""
    changes: dict[Expr, Expr] = {}
    for node in postorder([e], lambda x: x.operands):
        if isinstance(node, Exp):
            kept, shift = without_shift(node.arg)
            if shift is not ZERO:
                changes[node] = hadamard(Exp(shift), Exp(kept))
    return substitute(e, changes) if changes else e


def without_logarithms(exponent: Expr) -> Expr:
    """``u^k .* exp(rest)`` for ``exp(k*log(u) + rest)``."""
    factors: list[Expr] = []
    rest: list[Expr] = []
    try:
        terms = terms_of(exponent, MOST_TERMS, inside=False)
    except LimitError:
        return Exp(exponent)
    for term in terms:
        found = _power_of(simplified(term))
        if found is None:
            rest.append(term)
        else:
            factors.append(found)
    return hadamard(*factors, exponential(simplified(add(*rest)) if factors else exponent)) if rest else hadamard(*factors)


def exponential(exponent: Expr) -> Expr:
    """``exp(exponent)``; ``softmax(a)`` for ``exp(a .- logsumexp(a))``, and a number times ones for ``exp(c*ones(n))``."""
    kept, shift = without_shift(exponent)
    if isinstance(kept, Zeros):
        return hadamard(Exp(shift), ones(kept.rows, kept.cols))
    for node in postorder([exponent], lambda x: x.operands):
        if isinstance(node, LogSumExp) and node.arg.shape == exponent.shape:
            difference = add(exponent, spread(node, (exponent.rows, exponent.cols)), negate(node.arg))
            try:
                rest = simplified(add(*terms_of(difference, MOST_TERMS, inside=False)))
            except LimitError:
                continue
            named = Softmax(node.arg, node.axis)
            if isinstance(rest, Zeros):
                return named
            if rest.cost < exponent.cost - node.cost:
                return hadamard(exponential(rest), named)
    return Exp(exponent)


def _power_of(term: Expr) -> Expr | None:
    """``u^k`` for a term ``k*log(u)``; of a scalar term that is stretched, a scalar."""
    above, body, below = apart(term)
    if isinstance(body, Ones) or term.is_scalar:
        whole = over(ONE, above, below) if isinstance(body, Ones) else term
        above, below = _factors(whole)
        logs = [a for a in above if isinstance(a, Log)]
        if len(logs) != 1:
            return None
        above.remove(logs[0])
        body = logs[0]
    if not isinstance(body, Log):
        return None
    return _raised(body.arg, simplified(over(ONE, above, below)))


def _factors(e: Expr) -> tuple[list[Expr], list[Expr]]:
    """A scalar as factors and divisors."""
    if isinstance(e, Quotient):
        above, below = _factors(e.above)
        return above, [*below, e.below]
    return (list(e.args), []) if isinstance(e, Hadamard) else ([e], [])


def _raised(u: Expr, k: Expr) -> Expr:
    if k is ONE:
        return u
    return quotient(ONE, u) if k is MINUS_ONE else power(u, k)


def square_root(e: Expr) -> Expr:
    """``sqrt(a)/s`` for ``sqrt(a/s^2)`` with a scalar ``s`` that is not negative."""
    if e.is_scalar:
        return Sqrt(e)
    sides = apart(e)
    out: list[list[Expr]] = [[], []]
    kept: list[list[Expr]] = [[], []]
    for k, side in enumerate((sides[0], sides[2])):
        for s in side:
            square = isinstance(s, Power) and rational(s.exponent) == 2 and Prover().range(s.base).interval.is_nonnegative
            (out if square else kept)[k].append(s.operands[0] if square else s)
    if not (out[0] or out[1]):
        return Sqrt(e)
    return over(Sqrt(over(sides[1], *kept)), *out)


def logarithm(e: Expr) -> Expr:
    """``log(e)``, shorter where it is that of 1, of a reciprocal, of an exponential or of a sum of exponentials."""
    if e is ONE:
        return ZERO
    if isinstance(e, Ones):
        return zeros(e.rows, e.cols)
    match e:
        case Quotient(above, below) if above is ONE:
            return negate(logarithm(below))
        case Exp(arg):
            return arg
        case Total(Exp(arg), axis):
            kept, shift = without_shift(arg)
            if isinstance(kept, Zeros) and axis is None:
                return add(Log(hadamard(dim_number(arg.rows), dim_number(arg.cols))), shift)
            return add(LogSumExp(kept, axis), shift) if shift is not ZERO else LogSumExp(kept, axis)
        case Product((Exp(arg), Ones())):
            kept, shift = without_shift(arg)
            return add(LogSumExp(kept, 1), shift) if shift is not ZERO else LogSumExp(kept, 1)
    return Log(e)


def without_shift(e: Expr) -> tuple[Expr, Expr]:
    """An array as one without terms that are the same in every entry, and the sum of those."""
    if e.is_scalar:
        return e, ZERO
    try:
        terms = terms_of(e, MOST_TERMS, inside=False)
    except LimitError:
        return e, ZERO
    kept: list[Expr] = []
    shift: list[Expr] = []
    for term in terms:
        above, body, below = apart(simplified(term))
        if isinstance(body, Ones):
            shift.append(over(ONE, above, below))
        else:
            kept.append(term)
    if not shift:
        return e, ZERO
    return simplified(add(*kept)) if kept else zeros(e.rows, e.cols), simplified(add(*shift))


def as_softmax(e: Expr) -> Expr:
    """``softmax(a)`` for ``exp(a)./sum(exp(a))``, with any factors there are."""
    above, below = factors_and_divisors(e)
    exponential = next((a for a in above if isinstance(a, Exp) and not a.is_scalar and Total(a, None) in below), None)
    if exponential is None:
        return e
    above.remove(exponential)
    below.remove(Total(exponential, None))
    kept, _ = without_shift(exponential.arg)
    named: Expr = Softmax(kept, None)
    if isinstance(kept, Zeros):
        named = quotient(ones(kept.rows, kept.cols), hadamard(dim_number(kept.rows), dim_number(kept.cols)))
    whole = hadamard(*above, named)
    return quotient(whole, hadamard(*below)) if below else whole


def factors_and_divisors(e: Expr) -> tuple[list[Expr], list[Expr]]:
    """The factors and the divisors of a product of arrays and scalars."""
    if isinstance(e, Quotient):
        (above, below), (over_below, under_below) = factors_and_divisors(e.above), factors_and_divisors(e.below)
        return above + under_below, below + over_below
    if isinstance(e, Hadamard):
        parts = [factors_and_divisors(a) for a in e.args]
        return [a for up, _ in parts for a in up], [b for _, down in parts for b in down]
    value = rational(e)
    if value is not None and value.q != 1:
        return [Number(value)], []
    return [e], []
