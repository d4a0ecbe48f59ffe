"""Random segments in the domain of a function: the judge of convexity, which shares nothing with the proofs.

A convex function lies nowhere above its chords, a concave one nowhere below, an affine one on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matcalc.emit import compile_plainly
from matcalc.errors import MatcalcError
from matcalc.expr import Expr, Symbol
from matcalc.node import postorder
from matcalc.ops.elementwise import Polygamma, Unary
from matcalc.sampling import INVERTING, Point, draw_sizes, draw_symbol, is_regular, require_seed, size_of, unspecified_functions

SIZES = (3, 4, 2, 5, 1, 6)
SCALES = (1.0, 0.3, 3.0)
ATTEMPTS = 12
BARREN = 3  # seeds in turn that give no segment: more would not either
LARGEST = 1e8  # values beyond are drawn again: their rounding says nothing
SURE = 100  # times the tolerance: a difference that no rounding makes
LONGEST = 200  # a numeric dimension with which functions are still evaluated unasked
TOLERANCE = 1e-7  # of the largest of the three values


@dataclass(frozen=True)
class Segment:
    """Two points, one between them at a share of the way, and the values at the three.

    ``height`` is how far the chord lies above the function, relative to the largest value: negative where it lies below.
    """

    sizes: dict[str, int]
    seed: int
    ends: tuple[dict[str, Any], dict[str, Any]]
    share: float
    values: tuple[float, float, float]  # at the first end, between, at the second end

    @property
    def height(self) -> float:
        """The chord's height above the function."""
        first, between, second = self.values
        if between != between or abs(between) == float("inf"):
            return float("nan")
        scale = max(1.0, abs(first), abs(second), abs(between))
        return ((1 - self.share) * first + self.share * second - between) / scale

    def __str__(self) -> str:
        first, between, second = (f"{v:.6g}" for v in self.values)
        sizes = f"{', '.join(f'{k}={v}' for k, v in self.sizes.items())}, " if self.sizes else ""
        return f"{sizes}seed {self.seed}: {first} and {second} at the ends, {between} at {self.share:.3g} of the way"


def segments(f: Expr, variables: Sequence[Symbol], trials: int, seed: int) -> Iterator[Segment]:
    """A random segment for each trial at which the ends have finite values."""
    require_seed(seed)
    call = compile_plainly(f)
    nodes = list(postorder([f], lambda e: e.operands))
    inverses = compile_plainly([n.operands[0] for n in nodes if isinstance(n, INVERTING)])
    positive = compile_plainly([n.operands[-1] for n in nodes if _needs_positive(n)])
    without = 0
    for k in range(trials):
        if without == BARREN:
            return
        drawn = (_segment(f, call, inverses, positive, variables, seed + k, attempt) for attempt in range(ATTEMPTS))
        found = next((s for s in drawn if s is not None), None)
        without = without + 1 if found is None else 0
        if found is not None:
            yield found


def _needs_positive(e: Expr) -> bool:
    """Whether code has values outside of the function's domain, as for the logarithm of the gamma function."""
    return isinstance(e, Polygamma) or (isinstance(e, Unary) and e.domain == "positive")


def _segment(
    f: Expr, call: Any, inverses: Any, above_zero: Any, variables: Sequence[Symbol], seed: int, attempt: int
) -> Segment | None:
    import numpy as np

    rng = np.random.default_rng([seed, attempt, 7])
    sizes = draw_sizes([f, *variables], rng, SIZES)
    positive = attempt % 3 == 2
    fixed = {
        s.name: draw_symbol(s, [size_of(d, sizes) for d in s.shape], rng, 1.0, attempt % 2 == 1)
        for s in f.symbols
        if s not in variables
    }
    scale = SCALES[int(rng.integers(len(SCALES)))]
    ends = [
        {s.name: np.asarray(draw_symbol(s, [size_of(d, sizes) for d in s.shape], rng, scale, positive)) for s in variables}
        for _ in range(2)
    ]
    if rng.random() < 0.3:  # a short one
        ends[1] = {name: ends[0][name] + 0.2 * (ends[1][name] - ends[0][name]) for name in ends[0]}
    share = 0.5 if rng.random() < 0.5 else float(rng.uniform(0.1, 0.9))
    middle = {name: (1 - share) * ends[0][name] + share * ends[1][name] for name in ends[0]}
    points = [Point(sizes, fixed | at, unspecified_functions([f], seed), seed) for at in (ends[0], middle, ends[1])]
    if not all(is_regular(inverses, p) and _is_positive(above_zero, p) for p in points[::2]):
        return None
    with np.errstate(all="ignore"):
        try:
            values = [np.asarray(call(**{k: v for k, v in p.given.items() if k in call.names})).item() for p in points]
        except (np.linalg.LinAlgError, ValueError):
            return None
    if not all(np.isfinite(values[k]) and abs(values[k]) < LARGEST for k in (0, 2)):
        return None
    return Segment({d.name: n for d, n in sizes.items()}, seed, (ends[0], ends[1]), share, (values[0], values[1], values[2]))


def _is_positive(operands: Any, point: Point) -> bool:
    """Whether what must be positive is."""
    import numpy as np

    with np.errstate(all="ignore"):
        try:
            found = operands(**{k: v for k, v in point.given.items() if k in operands.names})
        except np.linalg.LinAlgError:
            return False
    return all(bool(np.all(np.asarray(a) > 0)) for a in found)


def breaks(segment: Segment, verdict: str) -> bool:
    """Whether a segment shows that a verdict is wrong."""
    height = segment.height
    if height != height:
        return True
    if verdict == "convex":
        return height < -TOLERANCE
    return height > TOLERANCE if verdict == "concave" else abs(height) > TOLERANCE


@dataclass(frozen=True)
class Evidence:
    """A segment whose chord lies below the function, which is then not convex, and one above, so that it is not concave."""

    below: Segment | None = None
    above: Segment | None = None

    def against(self, verdict: str) -> bool:
        """Whether a verdict is known to be wrong."""
        return bool((self.below and verdict != "concave") or (self.above and verdict != "convex"))


def evidence(f: Expr, variables: Sequence[Symbol], trials: int = 24, seed: int = 0) -> Evidence:
    """What some random segments show."""
    below: Segment | None = None
    above: Segment | None = None
    if any(isinstance(d, int) and d > LONGEST for node in postorder([f], lambda e: e.operands) for d in (node.rows, node.cols)):
        return Evidence()
    try:
        for s in segments(f, variables, trials, seed):
            below = below or (s if s.height < -SURE * TOLERANCE else None)  # False of a height that is not a number
            above = above or (s if s.height > SURE * TOLERANCE else None)
            if below and above:
                break
    except MatcalcError:  # what cannot be evaluated here shows nothing
        return Evidence(below, above)
    return Evidence(below, above)
