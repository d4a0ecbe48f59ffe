"""Expressions as rational functions of one unknown, such as ``s.*(1 - s)`` of ``s = sigmoid(x)``: their signs are exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from matcalc.curvature.polynomials import MAX_DEGREE, Coefficients, plus, times
from matcalc.expr import Add, BroadcastAdd, Expr, Hadamard, Ones, Power, Quotient, rational

ARITHMETIC = (Add, BroadcastAdd, Hadamard, Quotient, Power)
ONE: Coefficients = (Fraction(1),)


@dataclass(frozen=True)
class RationalFunction:
    """``above/below``, polynomials in the entries of ``unknown``; a constant has no unknown."""

    unknown: Expr | None
    above: Coefficients
    below: Coefficients = ONE


def rational_function(e: Expr, known: Mapping[Expr, RationalFunction | None]) -> RationalFunction | None:
    """An expression as a function of one unknown, given its operands; anything that is not arithmetic is an unknown itself."""
    value = rational(e)
    if value is not None:
        return RationalFunction(None, (Fraction(int(value.p), int(value.q)),) if value else ())
    if isinstance(e, Ones):
        return RationalFunction(None, ONE)
    found = None
    if isinstance(e, ARITHMETIC):
        found = _arithmetic(e, known)
    return found or RationalFunction(e, (Fraction(0), Fraction(1)))


def _arithmetic(e: Expr, known: Mapping[Expr, RationalFunction | None]) -> RationalFunction | None:
    if isinstance(e, Power):
        p, base = rational(e.exponent), known[e.base]
        if p is None or not p.is_Integer or abs(p) > MAX_DEGREE or base is None or (p < 0 and not base.above):
            return None
        above, below = (base.above, base.below) if p >= 0 else (base.below, base.above)
        result = RationalFunction(base.unknown, ONE)
        for _ in range(abs(int(p))):
            result = RationalFunction(base.unknown, times(result.above, above), times(result.below, below))
        return _small(result)
    parts = [known[c] for c in e.operands]
    unknowns = {p.unknown for p in parts if p is not None and p.unknown is not None}
    if None in parts or len(unknowns) != 1:
        return None
    (unknown,) = unknowns
    first = parts[0]
    assert first is not None
    result = RationalFunction(unknown, first.above, first.below)
    for part in parts[1:]:
        assert part is not None
        if isinstance(e, (Add, BroadcastAdd)):
            above = plus(times(result.above, part.below), times(part.above, result.below))
            below = times(result.below, part.below)
            if result.below == part.below:
                above, below = plus(result.above, part.above), result.below
        elif isinstance(e, Hadamard):
            above, below = times(result.above, part.above), times(result.below, part.below)
        elif not part.above:
            return None
        else:
            above, below = times(result.above, part.below), times(result.below, part.above)
        result = RationalFunction(unknown, above, below)
    return _small(result)


def _small(f: RationalFunction) -> RationalFunction | None:
    return f if max(len(f.above), len(f.below)) <= MAX_DEGREE + 1 else None
