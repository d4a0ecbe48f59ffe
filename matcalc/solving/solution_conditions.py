"""What a solution assumes, in words."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.expr import (
    Expr,
    Hadamard,
    Quotient,
    brief,
    hadamard,
    quotient,
    substitute,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Log, Sqrt
from matcalc.ops.linalg import Inverse, LogDet, Pinv
from matcalc.simplify import simplify_all
from matcalc.solving.equations import apart, over
from matcalc.solving.regularity import regular


def conditions_at(roots: Sequence[Expr], values: dict[Expr, Expr]) -> list[str]:
    """What the parts of expressions assume where the unknowns have these values, said of the simplified parts."""
    found: list[str] = []
    for node in postorder(roots, lambda e: e.operands):
        if isinstance(node, Pinv) or not node.conditions_here():
            continue  # a rank need not be constant where nothing is differentiated
        operands = simplify_all([substitute(c, values) for c in node.operands]) if values else list(node.operands)
        here = node.rebuild(operands)
        match here:
            case Inverse(arg) | LogDet(arg):
                found += regular(apart(arg)[1])
            case Log(arg) | Sqrt(arg):
                found += positive(arg)
            case _:
                found += here.conditions_here()
    return found


def weakest(conditions: Sequence[str]) -> tuple[str, ...]:
    """Conditions without those that another one implies."""
    implied = (" nonzero in every entry", " nonzero", " not negative")
    given = {c.removesuffix(" positive") for c in conditions if c.endswith(" positive")}
    kept = [c for c in dict.fromkeys(conditions) if not any(c.endswith(e) and c.removesuffix(e) in given for e in implied)]
    return tuple(kept)


def positive(e: Expr) -> tuple[str, ...]:
    """The condition that an expression is positive, in words, without factors that are known to be."""
    above, body, below = apart(e) if not e.is_scalar else ([], e, [])
    if isinstance(body, Sqrt):
        return positive(body.arg)
    if isinstance(body, Hadamard):
        body = hadamard(*(a for a in body.args if a.sign != 2))
    if isinstance(body, Quotient):
        parts = [a for a in (body.above.args if isinstance(body.above, Hadamard) else (body.above,)) if a.sign != 2]
        body = quotient(hadamard(*parts), body.below) if body.below.sign != 2 else hadamard(*parts)
    rest = over(body, [a for a in above if a.sign != 2], [a for a in below if a.sign != 2])
    return () if rest.sign == 2 else (f"{brief(rest)} positive",)
