"""Factors that the addends of a sum have in common: on the left, on the right, entrywise, or in Kronecker products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import sympy as sp

from matcalc.dims import is_unit
from matcalc.expr import Expr, Hadamard, Power, Product, Quotient, Transpose, rational
from matcalc.network import outer_parts
from matcalc.ops.stacking import Commutation
from matcalc.ops.structure import Eye, Kron, Vec
from matcalc.rules.chain import chain, commuted, entrywise_powers, join_entrywise, product_of, turn
from matcalc.scalar import root

MANY_FACTORS = 12  # common entrywise factors are looked for in products of up to this many
Place = tuple[str, Expr]  # a side and the factor that stands there


@dataclass(frozen=True)
class Common:
    """What addends share: the addends without it, and how it is put back; the body None is the scalar 1."""

    rest: list[Expr | None]
    put_back: Callable[[Expr | None], Expr]


def places(body: Expr) -> list[Place]:
    """The factors of a body that could be taken out of a sum, each with its side."""
    if isinstance(body, Product):
        return [("left", body.args[0]), ("right", body.args[-1])]
    if isinstance(body, (Hadamard, Quotient)):
        powers = entrywise_powers([body])
        if len(powers) > MANY_FACTORS:
            return []
        return [("times" if p > 0 else "over", root(b, min(abs(p), sp.Integer(1)))) for b, p in powers.items()]
    if isinstance(body, Power) and rational(body.exponent) is not None:
        return [("times", body.base), ("left", body), ("right", body)]
    own = [("left", body), ("right", body), ("times", body)] if not body.is_scalar else []
    if isinstance(body, Kron):
        own += [("kron-left", body.left), ("kron-right", body.right)]
    return own


def common(side: str, bodies: Sequence[Expr]) -> Common | None:
    """What bodies that share a factor on this side have in common there, as much of it as there is."""
    if side in ("left", "right"):
        return common_chain(bodies, side)
    if side in ("kron-left", "kron-right"):
        return common_kron(bodies, side)
    return common_powers(bodies)


def common_chain(bodies: Sequence[Expr], side: str) -> Common | None:
    """The longest run of factors with which all chains begin (left) or end (right)."""
    chains = [list(b.args) if isinstance(b, Product) else [b] for b in bodies]
    if side == "right":
        chains = [c[::-1] for c in chains]
    shared: list[Expr] = []
    for factors in zip(*chains, strict=False):
        if any(f is not factors[0] for f in factors):
            break
        shared.append(factors[0])
    if not shared:
        return None
    if side == "right":
        shared.reverse()

    def without(body: Expr) -> Expr | None:
        args = body.args if isinstance(body, Product) else (body,)
        rest = args[len(shared) :] if side == "left" else args[: len(args) - len(shared)]
        if not rest:
            dim = shared[-1].cols if side == "left" else shared[0].rows
            return None if is_unit(dim) else Eye(dim)
        return product_of(rest)

    def put_back(body: Expr | None) -> Expr:
        if body is None:
            return product_of(shared)
        return product_of([*shared, body] if side == "left" else [body, *shared])

    return Common([without(b) for b in bodies], put_back)


def common_kron(bodies: Sequence[Expr], side: str) -> Common | None:
    """The factor that Kronecker products share."""
    krons = [b for b in bodies if isinstance(b, Kron)]
    if len(krons) < len(bodies):
        return None
    if side == "kron-left":
        left = krons[0].left
        return Common([b.right for b in krons], lambda body: left if body is None else Kron(left, body))
    right = krons[0].right
    return Common([b.left for b in krons], lambda body: right if body is None else Kron(body, right))


def common_powers(bodies: Sequence[Expr]) -> Common | None:
    """The entrywise factors that all bodies share, to the power that they share."""
    shared = entrywise_powers([bodies[0]])
    for b in bodies[1:]:
        other = entrywise_powers([b])
        shared = {e: min(p, other[e], key=abs) for e, p in shared.items() if e in other and p * other[e] > 0}
    if not shared:
        return None

    def without(body: Expr) -> Expr:
        left = entrywise_powers([body])
        for e, p in shared.items():
            left[e] = left[e] - p
        return join_entrywise({e: p for e, p in left.items() if p != 0}, body)

    def put_back(body: Expr | None) -> Expr:
        powers = entrywise_powers([body]) if body is not None else {}
        for e, p in shared.items():
            powers[e] = powers.get(e, sp.Integer(0)) + p
        return join_entrywise({e: p for e, p in powers.items() if p != 0}, bodies[0])

    return Common([without(b) for b in bodies], put_back)


def writings(bodies: Sequence[Expr | None]) -> list[list[Expr | None]]:
    """Other ways to write addends with Kronecker products, in which they may have more in common."""
    found = []
    for way in (partial(commuted_writing, left=True), partial(commuted_writing, left=False), kron_writing):
        other = [None if b is None else way(b) for b in bodies]
        if other != bodies and other not in found:
            found.append(other)
    return found


def commuted_writing(body: Expr, left: bool) -> Expr:
    """A chain with each commutation matrix on the left, or on the right, of the Kronecker product next to it."""
    if not isinstance(body, Product):
        return body
    out = list(body.args)
    for k in range(len(out) - 1) if not left else reversed(range(len(out) - 1)):
        match out[k], out[k + 1]:
            case (Commutation() as first, Kron() as kron) if not left and (other := commuted(first, kron)) is not None:
                out[k : k + 2] = other
            case (Kron(a, b), Commutation(dims)) if left and dims == (a.cols, b.cols):
                out[k : k + 2] = [Commutation((a.rows, b.rows)), Kron(b, a)]
    return product_of(out)


def kron_writing(body: Expr) -> Expr:
    """``kron(v*z',u*w')`` for ``vec(u*v')*vec(w*z')'``."""
    match body:
        case Product((Vec(Product() as left), Transpose(Vec(Product() as right)))):
            one, two = outer_parts(left), outer_parts(right)
            if one is not None and two is not None:
                (u, v), (w, z) = one, two
                return Kron(product_of(chain([turn(v), z])), product_of(chain([u, turn(w)])))
    return body
