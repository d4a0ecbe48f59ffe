"""Entrywise quotients of sums, cancelled: what holds for numbers holds for every entry."""

from __future__ import annotations

import sympy as sp

from matcalc.expr import SLOTS, Add, BroadcastAdd, Expr, Hadamard, Number, Ones, Power, Quotient, Transpose, hadamard, rational
from matcalc.node import postorder
from matcalc.ops.structure import zeros
from matcalc.scalar import raise_scalar, spread_out

MOST_COST = 80  # of an expression that is tried
MOST_ATOMS = len(SLOTS)
MOST_TERMS = 60  # when multiplied out


def cancelled(e: Expr) -> Expr:
    """An entrywise rational expression with common factors cancelled, if that is shorter; else as it is."""
    if e.is_scalar or e.cost > MOST_COST or not has_sum_below(e):
        return e
    slots: dict[Expr, sp.Symbol] = {}
    value = lowered(e, slots)
    if value is None or spread_out(value) > MOST_TERMS:
        return e
    back: dict[sp.Basic, Expr] = {s: atom for atom, s in slots.items()}
    found: list[Expr] = []
    for form in (sp.cancel(value), sp.factor(value)):
        if form == 0:
            return zeros(e.rows, e.cols)
        above, below = sp.fraction(form)
        for written in (form, sp.expand(-above) / sp.expand(-below)):
            raised = raise_scalar(written, back)
            found.append(hadamard(raised, Ones((e.rows, e.cols))) if raised.is_scalar else raised)
    shorter = [o for o in found if o.cost < e.cost and o.rows == e.rows and o.cols == e.cols]
    return min(shorter, key=lambda o: (o.cost, signs(o)), default=e)


def signs(e: Expr) -> int:
    """How many places of an expression have a negative number in front."""
    return sum(any(isinstance(a, Number) and a.value < 0 for a in x.operands) for x in postorder([e], lambda x: x.operands))


def has_sum_below(e: Expr) -> bool:
    """Whether an array is divided by a sum somewhere in the entrywise part of an expression."""
    stack = [e]
    while stack:
        x = stack.pop()
        if isinstance(x, Quotient) and isinstance(x.below, (Add, BroadcastAdd, Hadamard, Power)) and not x.below.is_scalar:
            return True
        if is_entrywise(x):
            stack.extend(x.operands)
    return False


def is_entrywise(e: Expr) -> bool:
    """Whether a node computes each entry from the entries at the same place, by arithmetic."""
    if isinstance(e, Power):
        p = rational(e.exponent)
        return p is not None and bool(p.is_Integer)
    return isinstance(e, (Add, BroadcastAdd, Hadamard, Quotient)) and not e.is_scalar


def lowered(e: Expr, slots: dict[Expr, sp.Symbol]) -> sp.Expr | None:
    """The expression of one entry, a slot for each array or scalar that is not taken apart; None if there are too many."""
    if isinstance(e, Ones) or (isinstance(e, Transpose) and isinstance(e.arg, Ones)):
        one: sp.Expr = sp.Integer(1)
        return one
    value = rational(e)
    if value is not None:
        return value
    if not is_entrywise(e) or (isinstance(e, BroadcastAdd) and any(not stretches(a, e) for a in e.operands)):
        if e not in slots:
            if len(slots) == MOST_ATOMS:
                return None
            slots[e] = SLOTS[len(slots)]
        slot: sp.Expr = slots[e]
        return slot
    parts: list[sp.Expr] = []
    for a in e.operands:
        part = lowered(a, slots)
        if part is None:
            return None
        parts.append(part)
    match e:
        case Add() | BroadcastAdd():
            return sp.Add(*parts)
        case Hadamard():
            return sp.Mul(*parts)
        case Quotient():
            return None if parts[1] == 0 else parts[0] / parts[1]
        case _:
            return parts[0] ** parts[1]


def stretches(a: Expr, whole: Expr) -> bool:
    """Whether an operand of a broadcast sum is a scalar, or of the full shape."""
    return a.is_scalar or (a.rows == whole.rows and a.cols == whole.cols)
