"""How the coefficients of differentials are written: simplified, but as the moves left them where that reads as well."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from matcalc.derivations.forms import Pairing, paired
from matcalc.expr import (
    ONE,
    Entrywise,
    Expr,
    Hadamard,
    Let,
    Number,
    Ones,
    Power,
    Product,
    Symbol,
    Transpose,
    coefficient,
    hadamard,
    product,
    substitute,
    transpose,
)
from matcalc.node import postorder
from matcalc.ops.structure import Diag, Diagonal, Eye
from matcalc.simplify import simplify_all


def tidied(e: Expr) -> Expr:
    """A coefficient simplified; but ``B'*A'`` does not become ``(A*B)'``, nor ``diag(A*B')`` the row sums ``(A.*B)*1``."""
    light = tidied_lightly(e)
    form = tidied_lightly(simplified(e))
    better = turned_products(light) < turned_products(form) or diagonals(light) > diagonals(form)
    return light if better and cost_without_transposes(light) <= cost_without_transposes(form) else form


def tidy_pair(left: Expr, right: Expr) -> Pairing:
    """``left : right`` with numbers and fixed scalars on the left, which is simplified where some came over."""
    p = paired(left, right)
    return p if p.left is left else Pairing(tidied(p.left), p.right)


def simplified(e: Expr) -> Expr:
    """An expression simplified with its variables as symbols, of which only signs and symmetry are known."""
    variables = dict.fromkeys(n for n in nodes_of(e) if isinstance(n, Let))
    holders: dict[Expr, Expr] = {}
    for k, v in enumerate(variables):
        facts = [f for f, known in (("positive", v.sign == 2), ("symmetric", v.symmetric and not v.is_scalar)) if known]
        holders[v] = Symbol(f"{v.name} {k}", (v.rows, v.cols), tuple(facts))  # a name that no user's symbol has
    (form,) = simplify_all([substitute(e, holders)])
    return substitute(form, {s: v for v, s in holders.items()})


def nodes_of(e: Expr) -> Iterator[Expr]:
    """The nodes of an expression, operands first, without what its variables stand for."""
    return postorder([e], lambda x: () if isinstance(x, Let) else x.operands)


def has_einsum(e: Expr) -> bool:
    """Whether something in it has no form in matrix notation."""
    return any(n.obstacle() is not None for n in nodes_of(e))


def diagonals(e: Expr) -> int:
    """The number of diagonals of products."""
    return sum(isinstance(n, Diagonal) and isinstance(n.arg, Product) for n in nodes_of(e))


def turned_products(e: Expr) -> int:
    """The number of transposes of products."""
    return sum(isinstance(n, Transpose) and isinstance(n.arg, Product) for n in nodes_of(e))


def tidied_lightly(e: Expr) -> Expr:
    """An expression without transposes of transposes, of products or of symmetric matrices, and without factors 1."""
    done: dict[Expr, Expr] = {}
    for node in nodes_of(e):
        new = node.rebuild([done[c] for c in node.operands]) if node.operands and not isinstance(node, Let) else node
        match new:
            case Transpose():
                new = turned(new.arg)
            case Diagonal(Hadamard(args)) | Diag(Hadamard(args)) if any(a.is_scalar for a in args):
                arrays = hadamard(*(a for a in args if not a.is_scalar))
                new = hadamard(*(a for a in args if a.is_scalar), new.rebuild([arrays]))
            case Power(base, exponent) if exponent is ONE:
                new = base
            case Product(args) if any(isinstance(a, Eye) for a in args):
                new = product(*([a for a in args if not isinstance(a, Eye)] or args[:1]))
            case Hadamard(args) if any(isinstance(a, Ones) for a in args):
                others = [a for a in args if not isinstance(a, Ones)]
                new = hadamard(*others) if any(not a.is_scalar for a in others) else new
        if isinstance(new, Product) and (number := prod(coefficient(a)[0] for a in new.args)) != 1:
            new = hadamard(Number(number), product(*(coefficient(a)[1] for a in new.args)))
        done[node] = new
    return done[e]


def turned(e: Expr) -> Expr:
    """The transpose of an expression, of a product factor by factor."""
    if e.symmetric:
        return e
    match e:
        case Transpose(arg):
            return arg
        case Product(args):
            return product(*map(turned, reversed(args)))
        case Hadamard(args) if sum(not a.is_scalar for a in args) == 1:
            return hadamard(*(a if a.is_scalar else turned(a) for a in args))
        case Entrywise() if all(a.is_scalar or isinstance(a, Transpose) or a.symmetric for a in e.operands):
            return e.rebuild([turned(a) for a in e.operands])
        case _:
            return transpose(e)


def cost_without_transposes(e: Expr) -> int:
    """What a reader sees of an expression, transposes aside."""
    count: dict[Expr, int] = {}
    for node in nodes_of(e):
        inside = () if isinstance(node, Let) else node.operands
        count[node] = sum(count[c] for c in inside) + (isinstance(node, Transpose) and node.own_cost())
    return e.cost - count[e]
