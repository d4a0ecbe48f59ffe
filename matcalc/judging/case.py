"""An answer that is wrong beside the right one, with their values at points of several sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from matcalc.emit import compile_plainly
from matcalc.errors import MatcalcError
from matcalc.expr import Expr
from matcalc.judging.factors import named, ratio
from matcalc.judging.points import Evaluator, arrays_at, random_points
from matcalc.judging.question import Question
from matcalc.judging.shared_values import SharedValues
from matcalc.judging.words import shape_of
from matcalc.sampling import Point

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

POINTS = 6
CLOSE = 1e-8  # of the largest entry, where the right answer is a formula
ROUGH = 1e-5  # where it is known by differences alone
TRACE = 1e-12  # of the largest entry of the two answers, is nothing
SMALL = 1e-8  # a derivative by differences that is smaller may be nothing
MILD = (1.0, 0.8, 0.6)  # scales of values at which functions such as tanh still move
HUGE = 1e8  # values beyond are left out: rounding in them hides what differs


@dataclass(frozen=True, eq=False)
class Proposal:
    """What an answer may be: the diagnosis, and the test that it must pass."""

    kind: str
    text: str | Callable[[], str]
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
            self.points, (self.want, self.have) = common_values(
                Evaluator([self.truth, claim]), [*q.roots, self.truth, claim], seed
            )
        else:
            evaluate = Evaluator([claim])
            for point, array in measured:
                found = evaluate(point)
                if found is not None:
                    self.points.append(point)
                    self.want.append(array)
                    self.have.append(found[0])
        self.want, self.have = ([self.plain(a) for a in found] for found in (self.want, self.have))
        self._drop_nothing()
        self.shared = SharedValues(self.points)

    def _drop_nothing(self) -> None:
        """Leave out the points at which both answers are nothing but rounding, such as ``A*pinv(A) - eye(n)`` if m < n."""
        sizes = [max(largest(a), largest(b)) for a, b in zip(self.want, self.have, strict=True)]
        kept = [k for k, size in enumerate(sizes) if size > SMALL * max(sizes) or not max(sizes)]
        self.points = [self.points[k] for k in kept]
        self.want, self.have = ([found[k] for k in kept] for found in (self.want, self.have))

    def _truth(self, measured: Sequence[tuple[Point, Array]]) -> Expr | None:
        """The right answer as a formula, if there is one and differences bear it out."""
        try:
            truth = self.q.truth()
        except MatcalcError:
            return None
        call = compile_plainly([truth])
        for point, array in measured:
            found = arrays_at(call, point.given)
            if found is None or not close(found[0].reshape(array.shape), array, ROUGH, SMALL / TRACE):
                return None
        return truth

    @property
    def parts(self) -> list[Expr]:
        """The function, the right answer and the answer: what a factor or a term may be made of."""
        return [self.q.f, *([] if self.truth is None else [self.truth]), self.claim]

    def plain(self, a: Array) -> Array:
        """A value; of a derivative with more than two axes without the axes of length 1, which a person leaves out."""
        return a.reshape([n for n in a.shape if n != 1]) if len(self.q.shape) > 2 else a

    def values(self, e: Expr) -> list[Array] | None:
        """The values of an expression at all points; None where it lacks one."""
        found = []
        for k in range(len(self.points)):
            value = self.shared.at(k, e)
            if value is None:
                return None
            found.append(self.plain(value))
        return found

    def matches(self, e: Expr, wanted: Sequence[Array]) -> bool:
        """Whether an expression has these values at all points; the first point that says no settles it."""
        for k, (array, scale) in enumerate(zip(wanted, self.scales, strict=True)):
            value = self.shared.at(k, e)
            if value is None:
                return False
            value = self.plain(value)
            if value.shape != array.shape or not close(value, array, self.tolerance, scale):
                return False
        return bool(self.points)

    @cache  # noqa: B019 - a case lives as long as one diagnosis
    def beside(self, other: Expr) -> Evaluator:
        """Another expression and the answer, as one function."""
        return Evaluator([other, self.claim])

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
    evaluate: Evaluator, roots: Sequence[Expr], seed: int, count: int = POINTS, **how: Any
) -> tuple[list[Point], tuple[list[Array], ...]]:
    """Points at which all expressions of an evaluator have a value, and the values of each."""
    points, values = [], []
    for attempts in random_points(roots, count, seed, scales=MILD, **how):
        for point in attempts:
            found = evaluate(point)
            if found is not None and max(map(largest, found)) < HUGE:
                points.append(point)
                values.append(found)
                break
    return points, tuple([v[k] for v in values] for k in range(len(evaluate.real)))


def largest(a: Array) -> float:
    """The largest absolute value of an array."""
    import numpy as np

    return float(np.max(np.abs(a), initial=0.0))


def close(a: Any, b: Array, tolerance: float, scale: float = 0.0) -> bool:
    """Whether two arrays agree, relative to their largest entry, or to a trace of ``scale``."""
    import numpy as np

    with np.errstate(all="ignore"):
        gap = float(np.max(np.abs(a - b), initial=0.0))
    return gap <= tolerance * max(largest(np.asarray(a)), largest(b)) + TRACE * scale


def all_close(a: Sequence[Array], b: Sequence[Array], tolerance: float) -> bool:
    """Whether arrays agree at every point; there must be some."""
    return bool(a) and all(x.shape == y.shape and close(x, y, tolerance) for x, y in zip(a, b, strict=True))
