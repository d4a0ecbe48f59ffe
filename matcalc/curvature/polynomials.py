"""The sign of a polynomial in one unknown on an interval, exactly: Sturm's theorem over the rationals."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from matcalc.curvature.interval import EVERYTHING, NEGATIVE, NONNEGATIVE, NONPOSITIVE, POSITIVE, Interval

Coefficients = tuple[Fraction, ...]  # of 1, t, t^2, ...
MAX_DEGREE = 24


def sign_on(p: Sequence[Fraction], where: Interval) -> Interval:
    """``>= 0``, ``> 0``, ``<= 0`` or ``< 0``, whichever holds on the whole interval; else everything.

    A polynomial keeps its sign where it has no root of odd multiplicity inside; it is strict where it has none at all.
    """
    p = trimmed(p)
    if not p:
        return Interval(Fraction(0), Fraction(0))
    if len(p) - 1 > MAX_DEGREE or where.low == where.high:
        value = horner(p, where.low) if where.low == where.high and isinstance(where.low, Fraction) else None
        return EVERYTHING if value is None else Interval(value, value)
    low, high = bounds(p, where)
    whole = squarefree(p)
    odd = odd_part(p)
    if roots_inside(odd, low, high):
        return EVERYTHING
    sign = next(v for v in (horner(p, low + (high - low) * Fraction(k, len(p) + 1)) for k in range(1, len(p) + 1)) if v)
    strict = not roots_inside(whole, low, high)
    for end, given, is_open in ((low, where.low, where.low_open), (high, where.high, where.high_open)):
        if end == given and not is_open and horner(p, end) == 0:
            strict = False
    if sign > 0:
        return POSITIVE if strict else NONNEGATIVE
    return NEGATIVE if strict else NONPOSITIVE


def bounds(p: Coefficients, where: Interval) -> tuple[Fraction, Fraction]:
    """Finite ends, between which all roots in the interval lie (Cauchy's bound)."""
    largest = 2 + max(abs(c / p[-1]) for c in p)
    low = where.low if isinstance(where.low, Fraction) else -largest
    high = where.high if isinstance(where.high, Fraction) else largest
    if isinstance(where.low, float):
        low = min(low, high - 1)
    if isinstance(where.high, float):
        high = max(high, low + 1)
    return Fraction(low), Fraction(high)


def roots_inside(p: Coefficients, low: Fraction, high: Fraction) -> int:
    """The number of distinct roots strictly between two numbers."""
    p = squarefree(p)
    for end in (low, high):
        while len(p) > 1 and horner(p, end) == 0:
            p = divided(p, (-end, Fraction(1)))[0]
    if len(p) < 2:
        return 0
    chain = [p, derivative(p)]
    while len(chain[-1]) > 1:
        rest = divided(chain[-2], chain[-1])[1]
        if not rest:
            break
        chain.append(tuple(-c for c in rest))
    return _changes(chain, low) - _changes(chain, high)


def _changes(chain: list[Coefficients], t: Fraction) -> int:
    signs = [v > 0 for v in (horner(p, t) for p in chain) if v]
    return sum(a != b for a, b in pairwise(signs))


def odd_part(p: Coefficients) -> Coefficients:
    """A polynomial with the roots of odd multiplicity of ``p`` (Yun's square-free decomposition)."""
    result: Coefficients = (Fraction(1),)
    common = gcd(p, derivative(p))
    b, c = divided(p, common)[0], divided(derivative(p), common)[0]
    k = 1
    while len(b) > 1:
        d = subtracted(c, derivative(b))
        factor = gcd(b, d) if d else b
        if k % 2:
            result = times(result, factor)
        b = divided(b, factor)[0]
        c = divided(d, factor)[0] if d else ()
        k += 1
    return result


def squarefree(p: Coefficients) -> Coefficients:
    """A polynomial with the same roots, each once."""
    return divided(p, gcd(p, derivative(p)))[0] if len(p) > 1 else p


# ------------------------------------------------------------------ arithmetic
def trimmed(p: Sequence[Fraction]) -> Coefficients:
    """Without leading zeros; zero is empty."""
    n = len(p)
    while n and not p[n - 1]:
        n -= 1
    return tuple(p[:n])


def horner(p: Coefficients, t: Fraction) -> Fraction:
    """The value at a number."""
    total = Fraction(0)
    for c in reversed(p):
        total = total * t + c
    return total


def derivative(p: Coefficients) -> Coefficients:
    """The derivative."""
    return tuple(k * c for k, c in enumerate(p))[1:]


def plus(a: Coefficients, b: Coefficients) -> Coefficients:
    """The sum."""
    n = max(len(a), len(b))
    pad = (Fraction(0),) * n
    return trimmed([x + y for x, y in zip((*a, *pad)[:n], (*b, *pad)[:n], strict=True)])


def subtracted(a: Coefficients, b: Coefficients) -> Coefficients:
    """The difference."""
    return plus(a, tuple(-c for c in b))


def times(a: Coefficients, b: Coefficients) -> Coefficients:
    """The product."""
    if not a or not b:
        return ()
    out = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return trimmed(out)


def divided(a: Coefficients, b: Coefficients) -> tuple[Coefficients, Coefficients]:
    """Quotient and remainder."""
    rest = list(a)
    out = [Fraction(0)] * max(len(a) - len(b) + 1, 0)
    for k in range(len(out) - 1, -1, -1):
        out[k] = rest[k + len(b) - 1] / b[-1]
        for j, y in enumerate(b):
            rest[k + j] -= out[k] * y
    return trimmed(out), trimmed(rest)


def gcd(a: Coefficients, b: Coefficients) -> Coefficients:
    """The greatest common divisor, with leading coefficient 1."""
    while b:
        a, b = b, divided(a, b)[1]
    return tuple(c / a[-1] for c in a)
