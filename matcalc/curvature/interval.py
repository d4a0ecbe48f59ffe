"""Intervals of real numbers with rational ends, each open or closed: what is known of the values of an expression."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

End: TypeAlias = Fraction | float  # a float is an infinity
INFINITY = float("inf")
TIGHT = 10**24  # ends with larger numerators or denominators are given up: they come from powers of powers


@dataclass(frozen=True)
class Interval:
    """All numbers from ``low`` to ``high``; an end that is open is not reached, and an infinite one is open."""

    low: End
    high: End
    low_open: bool = False
    high_open: bool = False

    def __post_init__(self) -> None:
        for side, worst in (("low", -INFINITY), ("high", INFINITY)):
            end = getattr(self, side)
            if isinstance(end, Fraction) and max(abs(end.numerator), end.denominator) > TIGHT:
                object.__setattr__(self, side, worst)
            if isinstance(getattr(self, side), float):
                object.__setattr__(self, f"{side}_open", True)

    # ------------------------------------------------------------------ questions
    @property
    def is_nonnegative(self) -> bool:
        """Whether no number in it is negative."""
        return self.low >= 0

    @property
    def is_positive(self) -> bool:
        """Whether all its numbers are positive."""
        return self.low > 0 or (self.low == 0 and self.low_open)

    @property
    def is_nonpositive(self) -> bool:
        """Whether no number in it is positive."""
        return self.high <= 0

    @property
    def is_negative(self) -> bool:
        """Whether all its numbers are negative."""
        return self.high < 0 or (self.high == 0 and self.high_open)

    @property
    def is_zero(self) -> bool:
        """Whether it is the number 0 alone."""
        return self.low == 0 == self.high

    @property
    def is_everything(self) -> bool:
        """Whether it says nothing."""
        return self.low == -INFINITY and self.high == INFINITY

    def within(self, other: Interval) -> bool:
        """Whether every number of it is in the other."""
        low = self.low > other.low or (self.low == other.low and (self.low_open or not other.low_open))
        high = self.high < other.high or (self.high == other.high and (self.high_open or not other.high_open))
        return low and high

    # ------------------------------------------------------------------ arithmetic
    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low, self.high_open, self.low_open)

    def __add__(self, other: Interval) -> Interval:
        return Interval(
            self.low + other.low, self.high + other.high, self.low_open or other.low_open, self.high_open or other.high_open
        )

    def __mul__(self, other: Interval) -> Interval:
        corners = [
            _corner(a, a_open, b, b_open)
            for a, a_open in ((self.low, self.low_open), (self.high, self.high_open))
            for b, b_open in ((other.low, other.low_open), (other.high, other.high_open))
        ]
        low, low_open = min(corners)
        high, high_open = max(corners, key=lambda c: (c[0], not c[1]))
        return Interval(low, high, low_open, high_open)

    def inverse(self) -> Interval:
        """The reciprocals; everything, where 0 is among the numbers or between them."""
        if not (self.is_positive or self.is_negative):
            return EVERYTHING
        low, high = (_reciprocal(self.high, -1), _reciprocal(self.low, -1))
        if self.is_positive:
            low, high = (_reciprocal(self.high, 1), _reciprocal(self.low, 1))
        return Interval(low, high, self.high_open, self.low_open)

    def power(self, p: Fraction) -> Interval:
        """The powers, where they are real: an exponent that is not whole takes what is not negative alone."""
        if p == 0:
            return point(1)
        if p < 0:
            return self.power(-p).inverse()
        if p.denominator != 1:
            return self.through(((Fraction(0), Fraction(0)), (Fraction(1), Fraction(1)), (INFINITY, INFINITY)))
        n = int(p)
        if n > 64:
            return NONNEGATIVE if n % 2 == 0 or self.is_nonnegative else EVERYTHING
        if n % 2 == 1 or self.is_nonnegative:
            return Interval(_power(self.low, n), _power(self.high, n), self.low_open, self.high_open)
        if self.is_nonpositive:
            return (-self).power(p)
        top = self.largest(-self)
        return Interval(Fraction(0), _power(top.high, n), False, top.high_open)

    def through(self, landmarks: Sequence[tuple[End, End]]) -> Interval:
        """The image under a function that strictly rises, or strictly falls, along points that are known exactly.

        What lies before the first point or behind the last is outside the function's domain.
        """
        before = [k for k, (t, _) in enumerate(landmarks) if t <= self.low]
        behind = [k for k, (t, _) in enumerate(landmarks) if t >= self.high]
        first, last = max(before, default=0), min(behind, default=len(landmarks) - 1)
        (t, low), (u, high) = landmarks[first], landmarks[last]
        low_open, high_open = (self.low_open or t != self.low), (self.high_open or u != self.high)
        if low <= high:
            return Interval(low, high, low_open, high_open)
        return Interval(high, low, high_open, low_open)

    def hull(self, other: Interval) -> Interval:
        """The smallest interval that holds both."""
        low, low_open = min((self.low, self.low_open), (other.low, other.low_open))
        high, high_open = max((self.high, self.high_open), (other.high, other.high_open), key=lambda c: (c[0], not c[1]))
        return Interval(low, high, low_open, high_open)

    def meet(self, other: Interval) -> Interval:
        """What both say."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, high_open = min((self.high, self.high_open), (other.high, other.high_open), key=lambda c: (c[0], not c[1]))
        return Interval(low, high, low_open, high_open)

    def largest(self, other: Interval) -> Interval:
        """The values of the larger of two numbers."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, high_open = max((self.high, self.high_open), (other.high, other.high_open), key=lambda c: (c[0], not c[1]))
        return Interval(low, high, low_open, high_open)

    def __str__(self) -> str:
        """The claim, such as ``>= 0`` or ``in (0, 1]``."""
        if self.low == self.high:
            return f"= {self.low}"
        if self.high == INFINITY:
            return f"{'>' if self.low_open else '>='} {self.low}"
        if self.low == -INFINITY:
            return f"{'<' if self.high_open else '<='} {self.high}"
        return f"in {'(' if self.low_open else '['}{self.low}, {self.high}{')' if self.high_open else ']'}"


EVERYTHING = Interval(-INFINITY, INFINITY)
NONNEGATIVE, POSITIVE = Interval(Fraction(0), INFINITY), Interval(Fraction(0), INFINITY, True)
NONPOSITIVE, NEGATIVE = -NONNEGATIVE, -POSITIVE
UNIT = Interval(Fraction(0), Fraction(1), True)  # (0, 1]: probabilities


def point(value: int | Fraction) -> Interval:
    """One number."""
    return Interval(Fraction(value), Fraction(value))


def between(low: int | None, high: int | None, ends: str = "[]") -> Interval:
    """From two whole numbers, None for no bound; ``ends`` shows which are open, as in ``"(]"``."""
    return Interval(
        -INFINITY if low is None else Fraction(low),
        INFINITY if high is None else Fraction(high),
        ends[0] == "(",
        ends[1] == ")",
    )


def added_up(parts: Iterable[Interval]) -> Interval:
    """The sum of numbers, one from each."""
    total = point(0)
    for part in parts:
        total = total + part
    return total


def repeated(one: Interval, count: int | None) -> Interval:
    """The sum of so many numbers of an interval; None for an unknown count from 1."""
    if count is not None:
        return one * point(count)
    low: End = one.low if one.low >= 0 else -INFINITY
    high: End = one.high if one.high <= 0 else INFINITY
    return Interval(low, high, one.low_open, one.high_open)


def _corner(a: End, a_open: bool, b: End, b_open: bool) -> tuple[End, bool]:
    if a == 0 or b == 0:
        reached = (a == 0 and not a_open) or (b == 0 and not b_open)
        return Fraction(0), not reached
    return a * b, a_open or b_open


def _power(x: End, n: int) -> End:
    return x**n if isinstance(x, Fraction) else (INFINITY if x > 0 or n % 2 == 0 else -INFINITY)


def _reciprocal(x: End, side: int) -> End:
    if isinstance(x, float):
        return Fraction(0)
    return 1 / x if x != 0 else side * INFINITY
