"""What is known of the signs of weights: what a node shows by itself, else a proof."""

from __future__ import annotations

from matcalc.curvature.prover import Prover
from matcalc.expr import Expr

MOST_NODES = 400  # larger expressions are not proved anything of, as code is made for them in milliseconds


class Signs:
    """Answers for one plan, each found once."""

    def __init__(self) -> None:
        self._prover = Prover()
        self._found: dict[Expr, bool] = {}

    def nonnegative(self, e: Expr) -> bool:
        """Whether no entry of ``e`` is negative, as far as is known."""
        if e.sign >= 1:
            return True
        found = self._found.get(e)
        if found is None:
            small = not e.is_complex and e.node_count() <= MOST_NODES
            found = self._found[e] = small and self._prover.range(e).interval.is_nonnegative
        return found
