"""Sums of closed terms: squares that complete to the square of one norm, and the factors that traces share."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from matcalc.dims import is_unit
from matcalc.expr import Expr, Number, Product, add, hadamard, power, sort_key
from matcalc.ops.reductions import Norm2, NormF, Trace
from matcalc.ops.structure import Eye
from matcalc.rules.chain import chain, product_of, trace_of, turn

Addend = tuple[sp.Expr, Expr | None]  # a coefficient and a closed term
LONGEST_RING = 12  # factors of a trace up to which its rotations are looked at
TWO = Number(sp.Integer(2))


# ------------------------------------------------------------------ squares
def square_of(norm: Norm2 | NormF) -> Expr:
    """``v'*v`` for ``norm2(v)``, ``tr(V'*V)`` for ``normf(V)``."""
    factors = chain([turn(norm.arg), norm.arg])
    return product_of(factors) if isinstance(norm, Norm2) else trace_of(factors)


def root_of(body: Expr) -> Expr | None:
    """``v`` for ``v'*v`` and ``V`` for ``tr(V'*V)``, whose factors may be rotated."""
    inside = body.arg if isinstance(body, Trace) else body
    if not isinstance(inside, Product) or len(inside.args) % 2 or body.is_complex or inside.axes is not None:
        return None
    middle = len(inside.args) // 2
    rotations = middle if isinstance(body, Trace) and middle * 2 <= LONGEST_RING else 1
    for k in range(rotations):
        ring = inside.args[k:] + inside.args[:k]
        left, right = product_of(ring[:middle]), product_of(ring[middle:])
        if turn(left) is right and (isinstance(body, Trace) or is_unit(right.cols)):
            return right
    return None


def mixed(u: Expr, v: Expr, matrices: bool) -> tuple[Expr, ...]:
    """The ways to write the inner product of two roots."""
    if u.shape != v.shape:
        return ()
    if matrices:
        return (trace_of(chain([turn(u), v])),)
    return product_of(chain([turn(u), v])), product_of(chain([turn(v), u]))


def completed(addends: Sequence[Addend]) -> list[Addend]:
    """Addends with ``u'*u - 2*u'*v + v'*v`` written ``norm2(u - v)^2``, for two roots or more."""
    place = {b: k for k, (_, b) in enumerate(addends) if b is not None}
    squares = [(k, root_of(b), c) for k, (c, b) in enumerate(addends) if b is not None]
    roots = [(k, v, c) for k, v, c in squares if v is not None]
    gone: set[int] = set()
    made: list[Addend] = []
    for i, u, a in roots:
        if i in gone:
            continue
        matrices = isinstance(addends[i][1], Trace)
        taken: list[tuple[Expr, sp.Expr]] = [(u, sp.Integer(1))]  # roots with their factors in the sum that is squared
        used = {i}
        for k, v, b in roots:
            size = sp.sqrt(b / a)
            if k in used | gone or not size.is_Rational or isinstance(addends[k][1], Trace) != matrices:
                continue
            crossed = [next((place[w] for w in mixed(t, v, matrices) if w in place), None) for t, _ in taken]
            found = [x for x in crossed if x is not None]
            factors = [addends[x][0] / (2 * a * r) for x, (_, r) in zip(found, taken, strict=False)]
            if len(found) == len(taken) and len(set(factors)) == 1 and abs(factors[0]) == size and not set(found) & used:
                taken.append((v, factors[0]))
                used |= {k, *found}
        if len(taken) > 1:
            gone |= used
            inside = add(*(hadamard(Number(r), t) for t, r in taken))
            norm = NormF(min(inside, turn(inside), key=lambda e: e.cost)) if matrices else Norm2(inside)
            made.append((a, power(norm, TWO)))
    return [t for k, t in enumerate(addends) if k not in gone] + made


# ------------------------------------------------------------------ traces
def shared_factors(traces: Sequence[Expr]) -> list[tuple[Expr, dict[int, Expr]]]:
    """Each factor that two traces or more have, with what is left of each trace after it, the longest factor first.

    A trace may be rotated and transposed, so that the factor stands first.
    """
    groups: dict[Expr, dict[int, Expr]] = {}
    for k, t in enumerate(traces):
        if not isinstance(t, Trace):
            continue
        ring = list(t.arg.args) if isinstance(t.arg, Product) else [t.arg]
        if len(ring) > LONGEST_RING:
            continue
        for cycle in (ring, [turn(f) for f in reversed(ring)]):
            for p, f in enumerate(cycle):
                rest = [*cycle[p + 1 :], *cycle[:p]]
                groups.setdefault(f, {}).setdefault(k, product_of(chain(rest)) if rest else Eye(f.rows))
    many = [(f, members) for f, members in groups.items() if len(members) > 1]
    return sorted(many, key=lambda g: (-(len(g[1]) - 1) * (g[0].cost + 1), sort_key(g[0])))
