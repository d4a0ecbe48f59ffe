"""Whether two expressions have the same value at a point, beyond rounding.

Rounding is not guessed from the size of the result: every node is multiplied by random factors close to 1, and the
change of the result, scaled down, is what rounding could have done (the stochastic arithmetic of Vignes, 1993).
So a difference that cancellation leaves is no difference, and one that is small because the values are is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matcalc.emit import compile_plainly
from matcalc.errors import MatcalcError
from matcalc.expr import Expr, Number, Power, Symbol, hadamard
from matcalc.judging.points import Evaluator, arrays_at, symbols_of
from matcalc.node import postorder
from matcalc.ops.linalg import MatrixPower
from matcalc.sampling import Point, size_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

CLOSE = 1e-9  # of an entry
JITTER = 1e-11  # of every intermediate value: about 1e5 times what one rounding does
UNSTEADY = 1e-3  # what changes more than that by rounding has no value to compare
DRAWS = 3


@dataclass(frozen=True)
class Compared:
    """The values of two expressions at a point, whether they agree, and their largest difference relative to the values."""

    left: Array
    right: Array
    agree: bool
    error: float


class Comparison:
    """Two expressions of one shape, to be compared at points."""

    def __init__(self, left: Expr, right: Expr) -> None:
        self.pair = [left, right]
        self.evaluator = Evaluator(self.pair)

    def at(self, point: Point) -> Compared | None:
        """The comparison at a point; None where one of the two has no value there."""
        import numpy as np

        found = self.evaluator(point)
        if found is None:
            return None
        a, b = found[0], found[1].reshape(found[0].shape)
        difference, size = np.abs(a - b), np.maximum(np.abs(a), np.abs(b))
        largest = float(np.max(size, initial=0.0))
        error = float(np.max(difference, initial=0.0)) / largest if largest else 0.0
        if np.all(difference <= CLOSE * size):
            return Compared(a, b, True, error)
        noise = self.noise(point, found)
        if noise is None:
            return None
        noise = noise.reshape(a.shape)
        if np.any((difference > CLOSE * size) & (noise > UNSTEADY * np.maximum(size, 1.0))):
            return None  # such as the sign of an eigenvector, which rounding decides
        same = bool(np.all(difference <= CLOSE * size + 1e-13 * largest + noise))
        return Compared(a, b, same, min(error, CLOSE) if same else error)

    def noise(self, point: Point, values: Sequence[Array]) -> Array | None:
        """What rounding can change in each entry of the two values together, at most; None where that is not found."""
        import numpy as np

        call, factors = self.jittered
        total = np.zeros(values[0].shape)
        for k in range(DRAWS):
            rng = np.random.default_rng([point.seed, 7, k])
            given = dict(point.given)
            for f in factors:
                shape = [size_of(d, point.sizes) for d in f.shape]
                given[f.name] = 1 + JITTER * rng.normal(size=shape)
            found = arrays_at(call, given)
            if found is None:
                return None
            moved = sum(np.abs(x - y).reshape(total.shape) for x, y in zip(found, values, strict=True))
            total = np.maximum(total, moved)
        return total if np.all(np.isfinite(total)) else None

    @cached_property
    def jittered(self) -> tuple[Any, list[Symbol]]:
        """The two expressions with a factor at every node, compiled; and those factors."""
        nodes = list(postorder(self.pair, lambda e: e.operands))
        taken = {s.name for s in symbols_of(self.pair)}
        names = (f"jitter{'_' * k}" for k in range(len(taken) + 1))
        prefix = next(name for name in names if not any(t.startswith(name) for t in taken))
        factors: list[Symbol] = []
        done: dict[Expr, Expr] = {}
        for node in nodes:
            made = _rebuilt(node, done)
            plain = isinstance(node, Number) or node.axes is not None or (isinstance(node, Symbol) and node.has("integer"))
            if not plain:
                factor = Symbol(f"{prefix}{len(factors)}", (node.rows, node.cols), ())
                factors.append(factor)
                made = hadamard(factor, made)
            done[node] = made
        return compile_plainly([done[e] for e in self.pair]), factors


def _rebuilt(node: Expr, done: dict[Expr, Expr]) -> Expr:
    """A node on its operands with factors; exponents, and what refuses such operands, stay as they are."""
    if not node.operands:
        return node
    operands = [done[c] for c in node.operands]
    if isinstance(node, (Power, MatrixPower)):
        operands[1] = node.operands[1]
    try:
        return node.rebuild(operands)
    except MatcalcError:
        return node
