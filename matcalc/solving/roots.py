"""Equations for one entry at a time: SymPy's algebra on what stands at an entry of scalars and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.curvature.prover import Prover
from matcalc.dims import same_dim
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Number,
    Power,
    Quotient,
    Symbol,
    brief,
    negate,
    power,
    spread,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Sqrt
from matcalc.ops.structure import Zeros
from matcalc.scalar import Scalars
from matcalc.solving.equations import Equation, Unsolved, depends

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
    unknown, value = scalars.symbol(u), known[g]
    signs = {s for p in value.atoms(sp.Pow) if (s := sign_under_root(p, unknown))}
    if len(signs) == 1:  # a root is there for one sign of the unknown only
        (sign,) = signs
        positive = sp.Dummy(positive=True)
        value, unknown = value.subs(unknown, sign * positive), positive
        u = u if sign == 1 else negate(u)
    polynomial = by_exponents(value, unknown)
    if polynomial is None:
        return None
    nonzero = u.sign == 2 or polynomial.divided
    if len(polynomial.terms) == 2:
        (p, a), (q, b) = polynomial.terms
        if p != 0 and q != 0 and not nonzero:
            raise Unsolved(f"{brief(u)} = 0 is one of several solutions")
        left = u if q - p == 1 else power(u, scalars.back(q - p))
        return Equation(left, spread(scalars.back(_short(-a / b)), (left.rows, left.cols)))
    exponents = [p for p, _ in polynomial.terms]
    if len(exponents) == 3 and exponents[1] - exponents[0] == exponents[2] - exponents[1] == 1:
        c, b, a = (coefficient for _, coefficient in polynomial.terms)
        return _positive_root(u, b / a, c / a, scalars)
    return None


def _positive_root(u: Expr, b: sp.Expr, c: sp.Expr, scalars: Scalars) -> Equation:
    """The one positive root of ``u^2 + b*u + c = 0``, which there is where ``c`` is negative."""
    last = scalars.back(_short(-c))
    if not (u.sign == 2 and Prover().range(last).interval.is_positive):
        raise Unsolved(
            f"a quadratic equation for {brief(u)} may have two roots: there is one if {brief(u)} is declared positive and "
            f"{brief(last)} is known to be"
        )
    value = (sp.sqrt(sp.factor(b**2 - 4 * c)) - b) / 2
    return Equation(u, spread(scalars.back(value), (u.rows, u.cols)))


def _short(value: sp.Expr) -> sp.Expr:
    return sp.factor(value) if len(sp.Add.make_args(sp.fraction(value)[0])) <= MOST_FACTORED else value


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


@dataclass(frozen=True)
class ByExponents:
    """An equation as a sum of coefficients times powers of the unknown, which is 0.

    ``divided`` says whether something was divided by the unknown, so that it is not 0.
    """

    terms: list[tuple[sp.Expr, sp.Expr]]
    divided: bool


def by_exponents(value: sp.Expr, u: sp.Symbol) -> ByExponents | None:
    """``value = 0`` with denominators cleared, by the exponents of ``u``; None where it is no sum of powers."""
    numerator, denominator = sp.fraction(sp.together(value))
    terms = sp.Add.make_args(sp.expand(numerator))
    if len(terms) > MOST_TERMS:
        return None
    found: dict[sp.Expr, sp.Expr] = {}
    for term in terms:
        rest, power_of_u = term.as_independent(u, as_Add=False)
        base, exponent = power_of_u.as_base_exp()
        if power_of_u == 1:
            exponent = sp.Integer(0)
        elif base != u or exponent.has(u):
            return None
        found[exponent] = found.get(exponent, sp.Integer(0)) + rest
    kept = [(p, c) for p, c in found.items() if sp.expand(c) != 0]
    kept.sort(key=lambda t: sp.default_sort_key(t[0]))
    return ByExponents(kept, denominator.subs(u, 0) == 0)


def sign_under_root(p: sp.Pow, u: sp.Symbol) -> int:
    """The sign that ``u`` must have where a power is a root of a number times ``u`` or ``1/u``; 0 where it is no such root."""
    if not p.exp.is_Rational or p.exp.is_Integer:
        return 0
    number, rest = p.base.as_independent(u, as_Add=False)
    return int(sp.sign(number)) if rest in (u, 1 / u) and number.is_Rational else 0
