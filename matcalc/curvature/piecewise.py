"""Piecewise polynomials in one unknown with rational breaks: what ``abs``, ``max``, ``where`` and the like make of it.

So a Huber loss or a hinge, however it is written, is seen as one function, and its convexity is decided exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from matcalc.curvature.interval import INFINITY, End, Interval
from matcalc.curvature.polynomials import Coefficients, derivative, horner, plus, sign_on, subtracted, times

MOST_PIECES, MOST_DEGREE = 24, 12
ZERO, ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True)
class Piecewise:
    """Polynomials between breaks, one more than there are breaks, and the values at the breaks."""

    breaks: tuple[Fraction, ...]
    pieces: tuple[Coefficients, ...]
    values: tuple[Fraction, ...]

    def intervals(self) -> list[Interval]:
        """The open intervals of the pieces."""
        ends: list[End] = [-INFINITY, *self.breaks, INFINITY]
        return [Interval(a, b, True, True) for a, b in pairwise(ends)]

    def at(self, t: Fraction) -> Fraction:
        """The value at a number."""
        if t in self.breaks:
            return self.values[self.breaks.index(t)]
        return horner(self.pieces[sum(b < t for b in self.breaks)], t)

    def refined(self, breaks: tuple[Fraction, ...]) -> Piecewise:
        """The same function with more breaks."""
        every = tuple(sorted({*self.breaks, *breaks}))
        lefts: list[End] = [-INFINITY, *every]
        pieces = tuple(self.pieces[sum(b <= left for b in self.breaks)] for left in lefts)
        return Piecewise(every, pieces, tuple(self.at(t) for t in every))


def constant(value: Fraction) -> Piecewise:
    """One number everywhere."""
    return Piecewise((), ((value,) if value else (),), ())


def straight(slope: Fraction, offset: Fraction) -> Piecewise:
    """``slope*t + offset``."""
    return Piecewise((), ((offset, slope) if slope else (offset,),), ())


def combined(
    a: Piecewise,
    b: Piecewise,
    pieces: Callable[[Coefficients, Coefficients], Coefficients],
    values: Callable[[Fraction, Fraction], Fraction],
) -> Piecewise | None:
    """Two functions put together piece by piece."""
    a, b = a.refined(b.breaks), b.refined(a.breaks)
    found = tuple(pieces(p, q) for p, q in zip(a.pieces, b.pieces, strict=True))
    if len(found) > MOST_PIECES or max(map(len, found)) > MOST_DEGREE + 1:
        return None
    return Piecewise(a.breaks, found, tuple(values(x, y) for x, y in zip(a.values, b.values, strict=True)))


def total(a: Piecewise, b: Piecewise) -> Piecewise | None:
    """The sum."""
    return combined(a, b, plus, lambda x, y: x + y)


def multiple(a: Piecewise, b: Piecewise) -> Piecewise | None:
    """The product."""
    return combined(a, b, times, lambda x, y: x * y)


def chosen(mask: Piecewise, then: Piecewise, other: Piecewise) -> Piecewise | None:
    """``then`` where the mask is not 0, else ``other``; the mask must not vanish inside of a piece but everywhere on it."""
    split = signed(mask)
    if split is None:
        return None
    breaks = tuple(sorted({*split.breaks, *then.breaks, *other.breaks}))
    split, then, other = split.refined(breaks), then.refined(breaks), other.refined(breaks)
    pieces = tuple(p if m else q for m, p, q in zip(split.pieces, then.pieces, other.pieces, strict=True))
    values = tuple(p if m else q for m, p, q in zip(split.values, then.values, other.values, strict=True))
    return Piecewise(breaks, pieces, values)


def signed(f: Piecewise) -> Piecewise | None:
    """The sign of a function: -1, 0 or 1; None where a root is not rational."""
    roots = [r for p, where in zip(f.pieces, f.intervals(), strict=True) for r in _roots(p, where)]
    if any(r is None for r in roots):
        return None
    f = f.refined(tuple(r for r in roots if r is not None))
    pieces: list[Coefficients] = []
    for p, where in zip(f.pieces, f.intervals(), strict=True):
        sign = sign_on(p, where)
        if not p:
            pieces.append(())
        elif sign.is_nonnegative or sign.is_nonpositive:
            pieces.append((ONE if sign.is_nonnegative else -ONE,))
        else:
            return None
    return Piecewise(f.breaks, tuple(pieces), tuple(Fraction((v > 0) - (v < 0)) for v in f.values))


def _roots(p: Coefficients, where: Interval) -> list[Fraction | None]:
    """The roots inside an interval, of a straight line or a polynomial that has none; else a None."""
    if len(p) == 2:
        crossing = -p[0] / p[1]
        return [crossing] if where.low < crossing < where.high else []
    if len(p) < 2:
        return []
    sign = sign_on(p, where)
    if sign.is_positive or sign.is_negative:
        return []
    if len(p) == 3:  # c (t - r)^2, or two rational roots
        square = p[1] ** 2 - 4 * p[0] * p[2]
        root = _rational_root(square)
        if root is not None:
            found = {(-p[1] - root) / (2 * p[2]), (-p[1] + root) / (2 * p[2])}
            return [r for r in found if where.low < r < where.high]
    return [None]


def _rational_root(x: Fraction) -> Fraction | None:
    """The square root, if it is rational."""
    if x < 0:
        return None
    above, below = (round(v**0.5) for v in (x.numerator, x.denominator))
    return Fraction(above, below) if above**2 == x.numerator and below**2 == x.denominator else None


def absolute(f: Piecewise) -> Piecewise | None:
    """The absolute value."""
    sign = signed(f)
    return None if sign is None else multiple(sign, f)


def larger(f: Piecewise, g: Piecewise) -> Piecewise | None:
    """The larger of two."""
    minus = combined(f, g, subtracted, lambda x, y: x - y)
    sign = None if minus is None else signed(minus)
    positive = None if sign is None else step(sign)
    return None if positive is None else chosen(positive, f, g)


def step(f: Piecewise) -> Piecewise | None:
    """1 where a function is positive, else 0."""
    sign = signed(f)
    if sign is None:
        return None
    pieces = tuple((ONE,) if p and p[0] > 0 else () for p in sign.pieces)
    return Piecewise(sign.breaks, pieces, tuple(ONE if v > 0 else ZERO for v in sign.values))


def bending(f: Piecewise, where: Interval) -> tuple[int, bool] | None:
    """``(1, strict)`` if a function is convex on an interval, ``(-1, strict)`` if concave, ``(0, False)`` if affine."""
    kinds: set[int] = set()
    strict = True
    for p, own in zip(f.pieces, f.intervals(), strict=True):
        inside = own.meet(where)
        if inside.low >= inside.high:
            continue
        second = derivative(derivative(p))
        strict = strict and bool(second)
        if second:
            sign = sign_on(second, inside)
            if not (sign.is_nonnegative or sign.is_nonpositive):
                return None
            kinds.add(1 if sign.is_nonnegative else -1)
    for k, t in enumerate(f.breaks):
        if not (where.low < t < where.high):
            if t in (where.low, where.high) and _jumps(f, k, where):
                return None
            continue
        left, right = f.pieces[k], f.pieces[k + 1]
        if not horner(left, t) == f.values[k] == horner(right, t):
            return None
        turn = horner(derivative(right), t) - horner(derivative(left), t)
        if turn:
            kinds.add(1 if turn > 0 else -1)
    if len(kinds) > 1:
        return None
    return (kinds.pop(), strict) if kinds else (0, False)


def _jumps(f: Piecewise, k: int, where: Interval) -> bool:
    """Whether the value at a break on the edge of an interval is not that of the piece inside."""
    t = f.breaks[k]
    inner = f.pieces[k + 1] if t == where.low else f.pieces[k]
    reached = not (where.low_open if t == where.low else where.high_open)
    return reached and horner(inner, t) != f.values[k]
