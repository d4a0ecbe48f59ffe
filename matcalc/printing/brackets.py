"""How tightly each node binds when it is written: the one place that decides on brackets."""

from __future__ import annotations

from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    GradientSymbol,
    Hadamard,
    JacobianSymbol,
    Number,
    Power,
    Product,
    Quotient,
    Transpose,
    rational,
)
from matcalc.ops.linalg import MatrixPower

SUM, TERM, PREFIX, POWER, POSTFIX, ATOM = range(1, 7)

_BINDS: dict[type[Expr], int] = {
    Add: SUM,
    BroadcastAdd: SUM,
    Product: TERM,
    Hadamard: TERM,
    Quotient: TERM,
    GradientSymbol: TERM,
    JacobianSymbol: TERM,
    Power: POWER,
    MatrixPower: POWER,
    Transpose: POSTFIX,
}


def binds(e: Expr) -> int:
    """The level of ``e``: from SUM, the loosest, to ATOM."""
    if isinstance(e, Number):
        value = rational(e)
        return ATOM if value is None or (value.is_Integer and value >= 0) else TERM
    if isinstance(e, Transpose) and e.arg.joins_transpose:  # A^H
        return POWER
    return _BINDS.get(type(e), ATOM)
