"""The graphs of the entrywise functions: where they rise and fall, where they bend up and down, what values they take.

One row a function. A function of the user's own, and every formula in one unknown, is judged by its derivatives instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from matcalc.curvature.interval import (
    EVERYTHING,
    INFINITY,
    NEGATIVE,
    NONNEGATIVE,
    NONPOSITIVE,
    POSITIVE,
    End,
    Interval,
    between,
)

HALF = Fraction(1, 2)
Landmarks = tuple[tuple[End, End], ...]


@dataclass(frozen=True)
class Piece:
    """What a function does on an interval.

    ``trend`` is 1 where it rises, -1 where it falls, 0 where it does both; ``bend`` 1 convex, -1 concave, 0 affine; ``strict``
    where the bend and, if there is one, the trend are strict.
    """

    where: Interval
    trend: int
    bend: int
    strict: bool = True


@dataclass(frozen=True)
class Graph:
    """A function of one real number.

    ``landmarks`` are points of the graph, in order, between which it strictly rises or falls; ``values`` bounds it where it
    has none. ``domain`` is where it is defined, and ``smooth`` says that it has two continuous derivatives there.
    """

    pieces: tuple[Piece, ...]
    landmarks: Landmarks = ()
    values: Interval = EVERYTHING
    domain: Interval = EVERYTHING
    smooth: bool = True

    def image(self, x: Interval) -> Interval:
        """The values it takes on an interval."""
        return x.through(self.landmarks) if self.landmarks else self.values


def _points(*pairs: tuple[End, End]) -> Landmarks:
    return tuple(tuple(float(v) if v in (INFINITY, -INFINITY) else Fraction(v) for v in pair) for pair in pairs)  # type: ignore[misc]


def _s_shaped(low: End, high: End, middle: Fraction = Fraction(0), smooth: bool = True) -> Graph:
    """Convex up to 0, concave from 0, rising from one bound to the other."""
    pieces = (Piece(NONPOSITIVE, 1, 1), Piece(NONNEGATIVE, 1, -1))
    return Graph(pieces, _points((-INFINITY, low), (0, middle), (INFINITY, high)), smooth=smooth)


def _rising(bend: int, *points: tuple[End, End], domain: Interval = EVERYTHING) -> Graph:
    return Graph((Piece(domain, 1, bend),), _points(*points), domain=domain)


ABOVE_MINUS_ONE = between(-1, None, "()")
UPTO_ONE = between(-1, 1)
RIGHT, LEFT = between(0, 1), between(-1, 0)

GRAPHS: dict[str, Graph] = {
    "Exp": _rising(1, (-INFINITY, 0), (0, 1), (INFINITY, INFINITY)),
    "Log": _rising(-1, (0, -INFINITY), (1, 0), (INFINITY, INFINITY), domain=POSITIVE),
    "Sqrt": _rising(-1, (0, 0), (1, 1), (INFINITY, INFINITY), domain=NONNEGATIVE),
    "Abs": Graph(
        (Piece(NONNEGATIVE, 1, 0), Piece(NONPOSITIVE, -1, 0), Piece(EVERYTHING, 0, 1, strict=False)),
        values=NONNEGATIVE, smooth=False,
    ),
    "Relu": Graph(
        (Piece(NONNEGATIVE, 1, 0), Piece(EVERYTHING, 1, 1, strict=False)), values=NONNEGATIVE, smooth=False,
    ),
    "Sign": Graph((), values=between(-1, 1), smooth=False),
    "Step": Graph((), values=between(0, 1), smooth=False),
    "Sin": Graph((), values=between(-1, 1)),
    "Cos": Graph((), values=between(-1, 1)),
    "Asin": Graph((Piece(RIGHT, 1, 1), Piece(LEFT, 1, -1)), domain=UPTO_ONE),
    "Acos": Graph((Piece(RIGHT, -1, -1), Piece(LEFT, -1, 1)), values=NONNEGATIVE, domain=UPTO_ONE),
    "Atan": _s_shaped(-2, 2),
    "Sinh": Graph(
        (Piece(NONNEGATIVE, 1, 1), Piece(NONPOSITIVE, 1, -1)), _points((-INFINITY, -INFINITY), (0, 0), (INFINITY, INFINITY)),
    ),
    "Cosh": Graph((Piece(NONNEGATIVE, 1, 1), Piece(NONPOSITIVE, -1, 1), Piece(EVERYTHING, 0, 1)), values=between(1, None)),
    "Tanh": _s_shaped(-1, 1),
    "Erf": _s_shaped(-1, 1),
    "Sigmoid": _s_shaped(0, 1, HALF),
    "Softsign": _s_shaped(-1, 1, smooth=False),
    "Softplus": _rising(1, (-INFINITY, 0), (INFINITY, INFINITY)),
    "Log1p": _rising(-1, (-1, -INFINITY), (0, 0), (INFINITY, INFINITY), domain=ABOVE_MINUS_ONE),
    "Expm1": _rising(1, (-INFINITY, -1), (0, 0), (INFINITY, INFINITY)),
    "Gamma": Graph((Piece(between(2, None), 1, 1), Piece(POSITIVE, 0, 1)), values=POSITIVE, domain=POSITIVE),
    "LogGamma": Graph((Piece(between(2, None), 1, 1), Piece(POSITIVE, 0, 1)), domain=POSITIVE),
    "Digamma": Graph((Piece(POSITIVE, 1, -1),), domain=POSITIVE),
    "Trigamma": Graph((Piece(POSITIVE, -1, 1),), values=POSITIVE, domain=POSITIVE),
    "Silu": Graph(()),
    "Gelu": Graph(()),
}  # fmt: skip


def power_graph(p: Fraction) -> Graph:
    """The graph of ``t^p``."""
    if p.denominator == 1 and p > 0:
        n = int(p)
        if n == 1:
            return Graph((Piece(EVERYTHING, 1, 0),))
        if n % 2 == 0:
            return Graph((Piece(NONNEGATIVE, 1, 1), Piece(NONPOSITIVE, -1, 1), Piece(EVERYTHING, 0, 1)))
        return Graph((Piece(NONNEGATIVE, 1, 1), Piece(NONPOSITIVE, 1, -1)))
    bend = -1 if 0 < p < 1 else 1
    right = Piece(NONNEGATIVE if p > 0 else POSITIVE, 1 if p > 0 else -1, bend)
    if p.denominator != 1:
        return Graph((right,), domain=right.where)
    even = int(p) % 2 == 0
    return Graph((right, Piece(NEGATIVE, 1 if even else -1, 1 if even else -1)))
