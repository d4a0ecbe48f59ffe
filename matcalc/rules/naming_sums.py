"""Sums that have a name: ``tanh``, ``cosh``, one log-determinant or trace for two."""

from __future__ import annotations

import sympy as sp

from matcalc.dims import same_dim
from matcalc.expr import (
    Expr,
    Number,
    add,
    coefficient,
    hadamard,
    negate,
)
from matcalc.ops.elementwise import Cos, Cosh, Exp, Sigmoid, Sin, Sinh, Tanh
from matcalc.ops.linalg import LogDet
from matcalc.ops.reductions import Total, Trace
from matcalc.rules.chain import entrywise_powers, product_of
from matcalc.rules.naming_parts import (
    factors,
    half,
    is_number,
    joined,
    sum_like,
    terms_of_two,
)


def circles(e: Expr) -> Expr | None:
    """``r`` for ``r*sin(u)^2 + r*cos(u)^2``, and for ``r*cosh(u)^2 - r*sinh(u)^2``."""
    terms = list(e.operands)
    split = [(coefficient(t)[0], entrywise_powers([coefficient(t)[1]])) for t in terms]
    for k, (a, left) in enumerate(split):
        for base, p in left.items():
            if not isinstance(base, (Cos, Cosh)) or p != 2:
                continue
            partner, b = (Sin(base.arg), a) if isinstance(base, Cos) else (Sinh(base.arg), -a)
            rest = {q: r for q, r in left.items() if q is not base}
            other = {**rest, partner: rest.get(partner, 0) + p}
            for i, (number, right) in enumerate(split):
                if i != k and number == b and right == other:
                    others = [t for place, t in enumerate(terms) if place not in (i, k)]
                    return sum_like(e, [*others, hadamard(Number(a), joined(rest, terms[k]))])
    return None


def hyperbolic_sum(e: Expr) -> Expr | None:
    """``2*cosh(u)`` for ``exp(u) + exp(-u)``, and ``2*sinh(u)`` for the difference."""
    terms = list(e.operands)
    for k, t in enumerate(terms):
        a, up = coefficient(t)
        if not isinstance(up, Exp):
            continue
        for i, other in enumerate(terms):
            b, down = coefficient(other)
            if i != k and isinstance(down, Exp) and down.arg is negate(up.arg) and abs(a) == abs(b):
                name = hadamard(Number(2 * a), (Cosh if a == b else Sinh)(up.arg))
                return sum_like(e, [name if place == min(i, k) else x for place, x in enumerate(terms) if place != max(i, k)])
    return None


def shifted_sigmoid(e: Expr) -> Expr | None:
    """``tanh(u)`` for ``2*sigmoid(2*u) - 1``."""
    terms = terms_of_two(e)
    if terms is None:
        return None
    for t, other in (terms, terms[::-1]):
        number, body = coefficient(t)
        if isinstance(body, Sigmoid) and is_number(other, -number / 2):
            return hadamard(Number(number / 2), Tanh(half(body.arg)))
    return None


def log_determinants(e: Expr) -> Expr | None:
    """``logdet(A*B)`` for ``logdet(A) + logdet(B)``."""
    terms = list(e.operands)
    found = [(k, *coefficient(t)) for k, t in enumerate(terms)]
    for i, a, left in found:
        for k, b, right in found[i + 1 :]:
            if isinstance(left, LogDet) and isinstance(right, LogDet) and a == b and same_dim(left.arg.rows, right.arg.rows):
                name = hadamard(Number(a), LogDet(product_of([*factors(left.arg), *factors(right.arg)])))
                return add(*(name if place == i else t for place, t in enumerate(terms) if place != k))
    return None


def totals(e: Expr) -> Expr | None:
    """``sum(x + y)`` for ``sum(x) + sum(y)``, and the same of traces, where the numbers before them agree."""
    terms = list(e.operands)
    groups: dict[object, list[tuple[int, Expr, sp.Rational]]] = {}
    for k, t in enumerate(terms):
        number, body = coefficient(t)
        if isinstance(body, Total) and body.axis is None:
            groups.setdefault((Total, body.arg.shape, abs(number)), []).append((k, body.arg, number))
        elif isinstance(body, Trace):
            groups.setdefault((Trace, body.arg.shape, abs(number)), []).append((k, body.arg, number))
    for key, members in groups.items():
        if len(members) > 1:
            assert isinstance(key, tuple)
            first = members[0][2]
            inside = add(*(arg if number == first else negate(arg) for _, arg, number in members))
            name = hadamard(Number(first), Total(inside, None) if key[0] is Total else Trace(inside))
            gone = {k for k, _, _ in members[1:]}
            return add(*(name if k == members[0][0] else t for k, t in enumerate(terms) if k not in gone))
    return None


SUMS = (circles, hyperbolic_sum, shifted_sigmoid, log_determinants, totals)
