"""What the terms, factors and exponents of an expression are, for the names that it may have."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from matcalc.dims import is_unit
from matcalc.expr import (
    ONE,
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Number,
    Ones,
    Product,
    Transpose,
    add,
    broadcast_add,
    coefficient,
    hadamard,
    negate,
)
from matcalc.ops.elementwise import Exp
from matcalc.ops.reductions import Norm2, NormF, Total, Trace
from matcalc.rules.chain import turn
from matcalc.rules.squares import root_of
from matcalc.scalar import quotient_of_powers

Powers = dict[Expr, sp.Expr]  # bases with their exponents


def norm_of(e: Expr) -> Expr | None:
    """The norm whose square a scalar is written as: ``norm2(v)`` of ``v'*v``, ``normf(V)`` of ``tr(V'*V)``."""
    root = root_of(e) if e.is_scalar else None
    if root is None:
        return None
    return NormF(min(root, turn(root), key=lambda x: x.cost)) if isinstance(e, Trace) else Norm2(root)


def exponents(e: Expr, sign: int = 1) -> tuple[Expr | None, Expr | None] | None:
    """``(u, v)`` for ``exp(u) + exp(v)`` (``- exp(v)`` for ``sign=-1``); None stands for the exponent of a 1."""
    terms = terms_of_two(e)
    if terms is None:
        return None
    for a, b in (terms, terms[::-1]):
        number, body = coefficient(b)
        if (isinstance(a, Exp) or is_one(a)) and number == sign and (isinstance(body, Exp) or is_one(body)):
            u, v = (x.arg if isinstance(x, Exp) else None for x in (a, body))
            if (u is None and v is None) or (u is not None and v is not None and u.shape != v.shape):
                return None
            if sign == 1 and v is None:
                u, v = v, u
            return u, v
    return None


def terms_of_two(e: Expr) -> tuple[Expr, Expr] | None:
    """The two terms of a sum of two."""
    if isinstance(e, (Add, BroadcastAdd)) and len(e.operands) == 2:
        a, b = e.operands
        return a, b
    return None


def is_one(e: Expr) -> bool:
    """Whether every entry is 1."""
    return is_number(e, sp.Integer(1))


def is_number(e: Expr, value: sp.Rational) -> bool:
    """Whether every entry is this number."""
    number, body = coefficient(e)
    return number == value and (body is ONE or isinstance(body, Ones))


def unspread(e: Expr) -> Expr:
    """The sums that are repeated in every column, or in every row."""
    if isinstance(e, Product) and len(e.args) == 2:
        a, b = e.args
        if isinstance(b, Ones) and is_unit(b.rows):
            return a
        if isinstance(b, Transpose) and isinstance(b.arg, Ones):
            return a
        if isinstance(a, Ones) and is_unit(a.cols):
            return b
    if isinstance(e, Hadamard):
        number, body = coefficient(e)
        return e if number == 1 else hadamard(Number(number), unspread(body))
    return e


def row_sums(e: Expr) -> Expr:
    """``sum(X,2)`` for ``X*ones(n)``; else the expression."""
    if isinstance(e, Product) and len(e.args) == 2 and isinstance(e.args[1], Ones) and is_unit(e.args[1].cols):
        return Total(e.args[0], 1)
    return e


def factors(e: Expr) -> tuple[Expr, ...]:
    """The factors of a product of matrices."""
    return e.args if isinstance(e, Product) else (e,)


def minus(u: Expr | None, v: Expr | None) -> Expr:
    """The difference of two exponents; None is 0."""
    if v is None:
        assert u is not None
        return u
    return negate(v) if u is None else add(u, negate(v)) if not is_negation(u, v) else hadamard(Number(sp.Integer(2)), u)


def is_negation(u: Expr, v: Expr) -> bool:
    """Whether one is minus the other."""
    return negate(v) is u


def half(e: Expr) -> Expr:
    """Half of an expression, its numbers worked out."""
    number, body = coefficient(e)
    return hadamard(Number(number / 2), body)


def pop_power(powers: Powers, u: Expr | None) -> sp.Expr:
    """The power of ``exp(u)`` among others, which is taken out; ``exp(k*u)`` counts as its power."""
    found: sp.Expr = sp.Integer(0)
    if u is None:
        return found
    once, body = coefficient(u)
    for base, p in list(powers.items()):
        if isinstance(base, Exp) and isinstance(p, sp.Integer):
            times, other = coefficient(base.arg)
            if other is body and (times / once).is_Integer:
                found = found + p * (times / once)
                del powers[base]
    return found


def joined(powers: Powers, like: Expr) -> Expr:
    """The product of bases with exponents, in the shape of ``like``."""
    kept = [(b, p) for b, p in powers.items() if p != 0]
    if not kept:
        return ONE if like.is_scalar else Ones((like.rows, like.cols))
    whole = quotient_of_powers(kept)
    return whole if whole.shape == like.shape else hadamard(whole, Ones((like.rows, like.cols)))


def sum_like(e: Expr, terms: Sequence[Expr]) -> Expr:
    """A sum of terms, some stretched where ``e`` was a broadcast sum."""
    whole = terms[0]
    for t in terms[1:]:
        whole = broadcast_add(whole, t) if isinstance(e, BroadcastAdd) else add(whole, t)
    return whole if whole.shape == e.shape else hadamard(whole, Ones((e.rows, e.cols)))
