"""Several equations by elimination: one solved for one unknown, that put into the others, and so on."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.dims import same_dim
from matcalc.expr import (
    Expr,
    Symbol,
    substitute,
)
from matcalc.solving.equations import (
    Equation,
    Unsolved,
    Working,
    depends,
    equals_zero,
    simplified,
    without_minus,
)
from matcalc.solving.exponentials import tidied
from matcalc.solving.solve_equation import solved


def eliminated(unknowns: Sequence[Symbol], equations: Sequence[Expr], working: Working) -> dict[Symbol, Expr]:
    """As many equations as unknowns, by elimination: one is solved for one unknown, that put into the others, and so on.

    Raises
    ------
    Unsolved
        If no order of elimination gets through; it says why the first did not.
    """
    if not unknowns:
        return {}
    reason: Unsolved | None = None
    pairs = sorted(((i, j) for i in range(len(unknowns)) for j in range(len(equations))), key=lambda p: p[0] != p[1])
    for i, j in pairs:
        x, g = unknowns[i], equations[j]
        if i != j and not (depends(g, x) and same_dim(g.rows, x.rows) and same_dim(g.cols, x.cols)):
            continue
        try:
            with working.attempt():
                value = tidied(solved(g, x, working))
                working.eliminated.append((x, value, i == j))
                others = [h for k, h in enumerate(equations) if k != j]
                put_in = [tidied(simplified(substitute(h, {x: value}))) for h in others]
                for before, after in zip(others, put_in, strict=True):
                    if depends(before, x):
                        working.step("substitute", f"{x.name} is put in", equals_zero(before), equals_zero(after))
                found = eliminated([y for k, y in enumerate(unknowns) if k != i], put_in, working)
                values: dict[Expr, Expr] = dict(found.items())
                whole = without_minus(tidied(simplified(substitute(value, values))))
                working.step("substitute", "the other solutions are put in", Equation(x, value), Equation(x, whole))
                return {**found, x: whole}
        except Unsolved as caught:
            reason = reason or caught
    raise reason if reason is not None else Unsolved("no equation holds the unknown")
