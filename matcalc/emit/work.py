"""What values cost, roughly: arithmetic, entries moved and calls, in nanoseconds of one core of a usual machine.

Only ratios matter: a plan is compared with another plan for the same result. The rates were measured with
OpenBLAS on arrays that do not fit into the cache.
"""

from __future__ import annotations

from collections.abc import Iterable

from matcalc.emit.values import Value
from matcalc.node import postorder

FLOP = 1 / 80  # a product of large matrices does so many of them a nanosecond
SLOW_FLOP = 1 / 50  # of factorisations and triangular solves
READ, PASS = 0.4, 1.2  # an entry that is read; one that is read, computed with and written
CALL = 1000.0  # a call of the library


class Ledger:
    """The cost of every value that was made."""

    def __init__(self) -> None:
        self.cost: dict[Value, float] = {}

    def note(self, v: Value, *, flops: float = 0, slow: float = 0, read: float = 0, passed: float = 0) -> Value:
        """Remember what a value costs by itself; it is handed back."""
        if not v.is_leaf and v not in self.cost:
            self.cost[v] = CALL + FLOP * flops + SLOW_FLOP * slow + READ * read + PASS * passed
        return v

    def total(self, outputs: Iterable[Value]) -> float:
        """The cost of all that outputs need, each value once."""
        return sum(self.cost.get(v, 0.0) for v in postorder(list(outputs), lambda v: v.args))
