"""A number that was measured at several points, as a formula: ``2``, ``1/n``, ``lam^2``, ``1/(2*norm2(x))``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Any

import sympy as sp

from matcalc.expr import Expr, Number, dim_number, hadamard, power, quotient
from matcalc.judging.points import Evaluator
from matcalc.node import postorder
from matcalc.sampling import Point

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

EXACT = 1e-8
MOST = 24  # scalar parts that a factor may be made of
POWERS = (sp.Integer(1), sp.Integer(-1), sp.Integer(2), sp.Integer(-2), sp.Rational(1, 2), -sp.Rational(1, 2))


def ratio(parts: Sequence[Array], wholes: Sequence[Array], tolerance: float = EXACT) -> list[float] | None:
    """The number at each point by which an array is a multiple of another; None where it is not one."""
    import numpy as np

    found = []
    for a, b in zip(parts, wholes, strict=True):
        if a.shape != b.shape:
            return None
        square = float(np.real(np.vdot(b, b)))
        if not square > 0.0:
            return None
        r = complex(np.vdot(b, a)) / square
        if abs(r.imag) > EXACT * abs(r) or r == 0 or not np.all(np.isfinite(a)):
            return None
        largest = max(float(np.max(np.abs(a))), float(np.max(np.abs(r * b))))
        if float(np.max(np.abs(a - r.real * b))) > tolerance * largest:
            return None
        found.append(r.real)
    return found or None


def constant(numbers: Sequence[float], tolerance: float = EXACT) -> float | None:
    """The one number that all of these are."""
    first = numbers[0]
    return first if all(abs(x - first) <= tolerance * abs(first) for x in numbers) else None


def named(numbers: Sequence[float], roots: Sequence[Expr], points: Sequence[Point], tolerance: float = EXACT) -> Expr | None:
    """A formula for numbers at points: a plain number, or one times powers of dimensions and scalar parts of ``roots``.

    Of a ``root`` that is a scalar itself only the symbols count: any number is a multiple of it.
    """
    whole = constant(numbers, tolerance)
    if whole is not None and (found := plain(whole, tolerance)) is not None:
        return found
    atoms = [(e, values) for e, values in scalar_parts(roots, points) if constant(values) is None]
    for chosen in _products(len(atoms)):
        rest = list(numbers)
        for k, p in chosen:
            rest = [r / _power(v, p) if v > 0 or p.is_Integer else 0.0 for r, v in zip(rest, atoms[k][1], strict=True)]
        c = constant(rest, tolerance) if all(rest) else None
        if c is not None and (number := plain(c, tolerance)) is not None:
            return _formula(number, [(atoms[k][0], p) for k, p in chosen])
    return None


def plain(x: float, tolerance: float = EXACT) -> Number | None:
    """A float as the short fraction that it is."""
    near = Fraction(x).limit_denominator(60)
    if near and abs(float(near) - x) <= tolerance * abs(x) and abs(near.numerator) < 10_000:
        return Number(sp.Rational(near.numerator, near.denominator))
    return None


def scalar_parts(roots: Sequence[Expr], points: Sequence[Point]) -> list[tuple[Expr, list[float]]]:
    """Dimensions, and scalar parts of expressions, with their values; the short ones first."""
    dims = sorted({d for p in points for d in p.sizes}, key=str)
    numbers = [dim_number(d) for d in dims] + [dim_number(d + k) for d in dims for k in (-1, 1)]
    nodes: set[Expr] = {s for r in roots for s in r.symbols if s.is_scalar}
    nodes |= {n for n in postorder([r for r in roots if not r.is_scalar], lambda e: e.operands) if n.is_scalar}
    nodes = {n for n in nodes if not isinstance(n, Number)}
    parts = sorted((n for n in nodes if not n.is_complex), key=lambda n: (n.cost, str(n)))[:MOST]
    found = []
    for e in [*numbers, *parts]:
        evaluate = Evaluator([e])
        values = [evaluate(p) for p in points]
        if all(v is not None and float(v[0]) != 0 for v in values):
            found.append((e, [float(v[0]) for v in values if v is not None]))
    return found


def _products(count: int) -> Iterator[list[tuple[int, Any]]]:
    """Which atoms, each with its power: one, then two."""
    for k in range(count):
        for p in POWERS:
            yield [(k, p)]
    for k, j in combinations(range(count), 2):
        for p in POWERS[:2]:
            for q in POWERS[:2]:
                yield [(k, p), (j, q)]


def _power(value: float, p: Any) -> float:
    return float(value ** float(p))


def _formula(number: Number, factors: Sequence[tuple[Expr, Any]]) -> Expr:
    """A number times powers, with what has a negative power below."""
    above: list[Expr] = [e if p == 1 else power(e, Number(p)) for e, p in factors if p > 0]
    below = [e if p == -1 else power(e, Number(-p)) for e, p in factors if p < 0]
    value = number.value
    q = sp.Integer(value.q) if isinstance(value, sp.Rational) else sp.Integer(1)
    top = hadamard(Number(value * q), *above)
    bottom = ([Number(q)] if q != 1 else []) + below
    return quotient(top, hadamard(*bottom)) if bottom else top
