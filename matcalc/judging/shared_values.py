"""Values of many expressions that share most of their parts: every part is worked out once at each point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matcalc.emit import compile_plainly
from matcalc.errors import MatcalcError
from matcalc.expr import Expr, Number, Symbol
from matcalc.judging.points import value_at
from matcalc.node import postorder
from matcalc.sampling import Point

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class SharedValues:
    """The values of expressions at a few points, kept by part.

    An operator is compiled once for the shapes of its operands, which stand in it as symbols.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = list(points)
        self.known: list[dict[Expr, Any]] = [{} for _ in points]
        self.calls: dict[Expr, Any] = {}

    def at(self, k: int, e: Expr) -> Array | None:
        """The value of an expression at point ``k``, as a compiled one gives it; None where it has none."""
        import numpy as np

        known = self.known[k]
        for node in postorder([e], lambda x: () if x in known else x.operands):
            if node not in known:
                known[node] = self._node(k, node)
        return None if known[e] is None else np.asarray(known[e])

    def _node(self, k: int, e: Expr) -> Any:
        known, point = self.known[k], self.points[k]
        if isinstance(e, Symbol):
            return point.values[e.name]
        if any(c.axes is not None for c in (e, *e.operands)):
            return self._given(e, point.given)
        if any(known[c] is None for c in e.operands):
            return None
        given, holders = dict(point.given), []
        for j, c in enumerate(e.operands):
            if isinstance(c, Number) or (isinstance(c, Symbol) and c.has("integer")):
                holders.append(c)
                continue
            facts = tuple(
                f for f, holds in (("complex", c.is_complex), ("symmetric", c.symmetric and not c.is_scalar)) if holds
            )
            holder = Symbol(f"operand {j}", (c.rows, c.cols), facts)
            holders.append(holder)
            given[holder.name] = known[c]
        try:
            return self._given(e.rebuild(holders), given)
        except MatcalcError:
            return None

    def _given(self, e: Expr, given: dict[str, Any]) -> Any:
        """The value of an expression for these values of its symbols."""
        if e not in self.calls:
            try:
                self.calls[e] = compile_plainly(e)
            except MatcalcError:
                self.calls[e] = None
        call = self.calls[e]
        return None if call is None else value_at(call, given)
