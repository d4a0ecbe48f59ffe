"""Equations for one entry at a time: SymPy's algebra on what stands at an entry of scalars and arrays."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from matcalc.dims import same_dim
from matcalc.equations import Equation, Unsolved, depends
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Number,
    Power,
    Quotient,
    Symbol,
    power,
    spread,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Sqrt
from matcalc.ops.structure import Zeros
from matcalc.scalar import Scalars

ARITHMETIC = (Add, BroadcastAdd, Hadamard, Quotient, Power, Sqrt)
MOST_FACTORED = 12  # terms of an equation whose solution is factored
MOST_TERMS = 200  # of an equation whose denominators are cleared


def entry_unknowns(g: Expr, x: Symbol) -> list[Expr]:
    """What holds ``x`` among the things that the entries of ``g`` are computed from: ``x`` itself, or a function of it."""
    return [e for e in _leaves(g, x) if depends(e, x)]


def _is_inside(e: Expr, x: Symbol) -> bool:
    return isinstance(e, ARITHMETIC) and depends(e, x)


def _leaves(g: Expr, x: Symbol) -> list[Expr]:
    inside = postorder([g], lambda e: e.operands if _is_inside(e, x) else ())
    return [e for e in inside if not _is_inside(e, x)]


def entry_root(g: Expr, u: Expr, x: Symbol) -> Equation | None:
    """``u = value``, or a power of ``u``, as what ``g = 0`` says of every entry; None where it says nothing of that kind.

    Raises
    ------
    Unsolved
        If there are several solutions.
    """
    if not (same_dim(u.rows, g.rows) and same_dim(u.cols, g.cols)):
        return None
    scalars = Scalars()
    known: dict[Expr, sp.Expr] = {}
    for node in postorder([g], lambda e: e.operands if _is_inside(e, x) else ()):
        if _is_inside(node, x):
            known[node] = _computed(node, [known[c] for c in node.operands])
        elif isinstance(node, Zeros):
            known[node] = sp.Integer(0)
        elif isinstance(node, Number):
            known[node] = node.value
        else:
            known[node] = scalars.symbol(node if node is u or node.is_scalar else spread(node, (g.rows, g.cols)))
    found = power_equation(known[g], scalars.symbol(u), positive=u.sign == 2)
    if found is None:
        return None
    exponent, value = found
    left = u if exponent == 1 else power(u, scalars.back(exponent))
    return Equation(left, spread(scalars.back(value), (left.rows, left.cols)))


def _computed(e: Expr, parts: Sequence[sp.Expr]) -> sp.Expr:
    match e:
        case Add() | BroadcastAdd():
            found = sp.Add(*parts)
        case Hadamard():
            found = sp.Mul(*parts)
        case Quotient():
            found = parts[0] / parts[1]
        case Power():
            found = parts[0] ** parts[1]
        case _:
            found = sp.sqrt(parts[0])
    return found


def power_equation(value: sp.Expr, u: sp.Symbol, *, positive: bool) -> tuple[sp.Expr, sp.Expr] | None:
    """``p`` and ``c`` where ``value = 0`` says ``u^p = c``; None where it says something else."""
    numerator, denominator = sp.fraction(sp.together(value))
    numerator = sp.expand(numerator)
    terms = sp.Add.make_args(numerator)
    if len(terms) > MOST_TERMS:
        return None
    by_exponent: dict[sp.Expr, sp.Expr] = {}
    for term in terms:
        rest, power = term.as_independent(u, as_Add=False)
        exponent = power.as_base_exp()[1] if power.as_base_exp()[0] == u else sp.Integer(0) if power == 1 else None
        if exponent is None or exponent.has(u):
            return None
        by_exponent[exponent] = by_exponent.get(exponent, sp.Integer(0)) + rest
    by_exponent = {p: c for p, c in by_exponent.items() if sp.expand(c) != 0}
    if len(by_exponent) != 2:
        return None
    (p, a), (q, b) = sorted(by_exponent.items(), key=lambda t: sp.default_sort_key(t[0]))
    nonzero = positive or denominator.subs(u, 0) == 0
    if p != 0 and q != 0 and not nonzero:
        raise Unsolved("0 is one of several solutions")
    ratio = -a / b
    return q - p, sp.factor(ratio) if len(terms) <= MOST_FACTORED else ratio
