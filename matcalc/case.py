"""An answer that is wrong beside the right one, with their values at points of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matcalc.emit import compile as compile_expr
from matcalc.errors import MatcalcError
from matcalc.expr import Expr
from matcalc.factors import named, ratio
from matcalc.points import Evaluator, arrays_at, random_points, value_at
from matcalc.question import Question
from matcalc.sampling import Point
from matcalc.slopes import np_array
from matcalc.words import shape_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

POINTS = 6
CLOSE = 1e-8  # of the largest entry, where the right answer is a formula
ROUGH = 1e-5  # where it is known by differences alone
HUGE = 1e8  # values beyond are left out: rounding in them hides what differs


@dataclass(frozen=True, eq=False)
class Proposal:
    """What an answer may be: the diagnosis, and the test that it must pass."""

    kind: str
    text: str
    holds: Callable[[], bool]


class Case:
    """An answer, the right answer, and their values at points of several sizes."""

    def __init__(self, q: Question, claim: Expr, measured: Sequence[tuple[Point, Array]], seed: int) -> None:
        self.q, self.claim, self.seed = q, claim, seed
        self.truth = self._truth(measured)
        self.tolerance = CLOSE if self.truth is not None else ROUGH
        self.points: list[Point] = []
        self.want: list[Array] = []
        self.have: list[Array] = []
        if self.truth is not None:
            self.points, (self.want, self.have) = common_values([self.truth, claim], [*q.roots, self.truth, claim], seed)
        else:
            evaluate = Evaluator([claim])
            for point, array in measured:
                found = evaluate(point)
                if found is not None:
                    self.points.append(point)
                    self.want.append(array)
                    self.have.append(found[0])

    def _truth(self, measured: Sequence[tuple[Point, Array]]) -> Expr | None:
        """The right answer as a formula, if there is one and differences bear it out."""
        try:
            truth = self.q.truth()
        except MatcalcError:
            return None
        call = compile_expr([truth])
        for point, array in measured:
            found = arrays_at(call, point.given)
            if found is None or not close(found[0].reshape(array.shape), array, ROUGH):
                return None
        return truth

    @property
    def parts(self) -> list[Expr]:
        """The function, the right answer and the answer: what a factor or a term may be made of."""
        return [self.q.f, *([] if self.truth is None else [self.truth]), self.claim]

    def values(self, e: Expr) -> list[Array] | None:
        """The values of an expression at all points; None where it lacks one."""
        with suppress(MatcalcError):
            call = compile_expr([e])
            found = [arrays_at(call, p.given) for p in self.points]
            return None if any(f is None for f in found) else [f[0] for f in found if f is not None]
        return None

    def matches(self, e: Expr, wanted: Sequence[Array]) -> bool:
        """Whether an expression has these values at all points; the first point that says no settles it."""
        if not self.points:
            return False
        with suppress(MatcalcError):  # what an edit makes need not be an expression of any use
            call = compile_expr(e)
            for point, array, scale in zip(self.points, wanted, self.scales, strict=True):
                found = value_at(call, point.given)
                if found is None or np_array(found).shape != array.shape or not close(found, array, self.tolerance, scale):
                    return False
            return True
        return False

    @cached_property
    def scales(self) -> list[float]:
        """The largest entry of the two answers, at each point."""
        return [max(largest(a), largest(b)) for a, b in zip(self.want, self.have, strict=True)]

    @cached_property
    def difference(self) -> list[Array] | None:
        """The answer less the right answer; None where their shapes differ."""
        if any(a.shape != b.shape for a, b in zip(self.have, self.want, strict=True)):
            return None
        return [a - b for a, b in zip(self.have, self.want, strict=True)]

    def factor(self, parts: Sequence[Array], wholes: Sequence[Array]) -> Expr | None:
        """The formula of the number by which values are a multiple of others."""
        numbers = ratio(parts, wholes, self.tolerance)
        return None if numbers is None else named(numbers, self.parts, self.points, self.tolerance)


def shapes_of(case: Case) -> str:
    """The two shapes, in words."""
    return f"it is {shape_of(case.claim)}, and the {case.q.noun} is {case.q.shape_words}"


# ------------------------------------------------------------------ values
def common_values(
    exprs: Sequence[Expr], roots: Sequence[Expr], seed: int, count: int = POINTS, **how: Any
) -> tuple[list[Point], tuple[list[Array], ...]]:
    """Points at which all expressions have a value, and the values of each."""
    evaluate = Evaluator(exprs)
    points, values = [], []
    for attempts in random_points(roots, count, seed, **how):
        for point in attempts:
            found = evaluate(point)
            if found is not None and max(map(largest, found)) < HUGE:
                points.append(point)
                values.append(found)
                break
    return points, tuple([v[k] for v in values] for k in range(len(exprs)))


def largest(a: Array) -> float:
    """The largest absolute value of an array."""
    import numpy as np

    return float(np.max(np.abs(a), initial=0.0))


def close(a: Any, b: Array, tolerance: float, scale: float = 0.0) -> bool:
    """Whether two arrays agree, relative to their largest entry, or to a trace of ``scale``."""
    import numpy as np

    with np.errstate(all="ignore"):
        gap = float(np.max(np.abs(a - b), initial=0.0))
    return gap <= tolerance * max(largest(np.asarray(a)), largest(b)) + 1e-12 * scale


def all_close(a: Sequence[Array], b: Sequence[Array], tolerance: float) -> bool:
    """Whether arrays agree at every point; there must be some."""
    return bool(a) and all(x.shape == y.shape and close(x, y, tolerance) for x, y in zip(a, b, strict=True))
