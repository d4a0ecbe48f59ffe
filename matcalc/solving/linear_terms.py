"""What an equation that is linear in the unknown is made of: its terms by their form, and the right side.

An expression is affine in ``X`` where its differential does not depend on ``X``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from matcalc.differentiate import addends, push
from matcalc.errors import NotDifferentiableError, UnsupportedError
from matcalc.expr import (
    ONE,
    Entrywise,
    Expr,
    Hadamard,
    Product,
    Quotient,
    Symbol,
    Transpose,
    brief,
    hadamard,
    negate,
    product,
    quotient,
    substitute,
    transpose,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Abs, Elu, LeakyRelu, Maximum, Minimum, Relu, Where
from matcalc.ops.structure import Zeros, eye, zeros
from matcalc.simplify import simplify_all
from matcalc.solving.equations import Unsolved, apart, over, simplified

JUMPS = (Where, Maximum, Minimum, Abs, Relu, LeakyRelu, Elu)  # pieces of lines, which differences cannot tell from one


@dataclass(frozen=True)
class TwoSided:
    """The term ``left X right``."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class EntryByEntry:
    """The term ``weights .* X``; the weights may be a scalar."""

    weights: Expr


@dataclass(frozen=True)
class Transposed:
    """The term ``scale * X'`` of a square ``X``."""

    scale: Expr


@dataclass(frozen=True)
class OtherTerm:
    """A linear term of another form."""


Term: TypeAlias = TwoSided | EntryByEntry | Transposed | OtherTerm


@dataclass(frozen=True)
class Affine:
    """``sum of terms = right``, which is linear in the unknown; ``left`` is the sum as it is written."""

    terms: tuple[Term, ...]
    left: Expr
    right: Expr
    divisors: tuple[Expr, ...] = ()  # what both sides have been divided by


def affine(g: Expr, x: Symbol) -> Affine | None:
    """``g = 0`` as a linear equation for ``x``, or None where ``g`` is not affine in it."""
    d = Symbol(f"d {x.name}", x.dims, tuple(f for f in ("skew", "symmetric") if x.has(f)))  # it moves as x may
    try:
        change = simplified(push(g, {x: d}))
    except (UnsupportedError, NotDifferentiableError):
        return None
    if x in change.symbols:
        return None
    if isinstance(change, Zeros) or d not in change.symbols:
        raise Unsolved(f"the derivative of {brief(g)} by {x.name} is zero wherever there is one")
    if not has_no_jumps(g, x):
        return None
    right = simplified(negate(substitute(g, {x: zeros(x.rows, x.cols)})))
    change, right, divisors = without_common_scalar(change, right, d)
    terms = [term_of(t, d) for t in simplify_all(addends(change, d))]
    if x.is_square and not x.is_scalar and all(isinstance(t, (Transposed, OtherTerm)) for t in terms):
        turned = [term_of(t, d) for t in simplify_all(addends(simplified(transpose(change)), d))]
        if not any(isinstance(t, (Transposed, OtherTerm)) for t in turned):
            left = simplified(substitute(transpose(change), {d: x}))
            return Affine(tuple(turned), left, simplified(transpose(right)), divisors)
    return Affine(tuple(terms), substitute(change, {d: x}), right, divisors)


def has_no_jumps(g: Expr, x: Symbol) -> bool:
    """Whether nothing in ``g`` hides the unknown from the derivative, as a sign or a step of it does."""
    d = Symbol("d inside", x.dims, ())
    for node in postorder([g], lambda e: e.operands):
        if not isinstance(node, Entrywise) or node.structural or x not in node.symbols:
            continue
        if isinstance(node, JUMPS) or d not in simplified(push(node, {x: d})).symbols:
            return False
    return True


def without_common_scalar(change: Expr, right: Expr, d: Symbol) -> tuple[Expr, Expr, tuple[Expr, ...]]:
    """Both sides divided by the scalars in front of the left one, and those that it is divided by."""
    above, body, below = apart(change)
    if d not in body.symbols or not (above or below):
        return change, right, ()
    return body, simplified(over(right, below, above)), tuple(above)


def term_of(term: Expr, d: Symbol) -> Term:
    """A term linear in ``d``, by its form."""
    above, body, below = apart(term)
    if isinstance(body, Transpose) and isinstance(body.arg, Product):
        body = product(*(transpose(a) for a in reversed(body.arg.args)))
    if d.has("skew"):
        sign, body, _ = apart(substitute(body, {transpose(d): negate(d)}))
        above = [*above, *sign]
    if body is d:
        return EntryByEntry(over(ONE, above, below))
    if isinstance(body, Transpose) and body.arg is d:
        return Transposed(over(ONE, above, below))
    if isinstance(body, Product) and body.args.count(d) == 1:
        k = body.args.index(d)
        before, after = body.args[:k], body.args[k + 1 :]
        left = product(*before) if before else eye(d.rows)
        return TwoSided(over(left, above, below), product(*after) if after else eye(d.cols))
    if isinstance(body, Hadamard) and body.args.count(d) == 1:
        return EntryByEntry(over(hadamard(*(a for a in body.args if a is not d)), above, below))
    if isinstance(body, Quotient) and d in body.above.symbols:
        weights = term_of(body.above, d)
        if isinstance(weights, EntryByEntry):
            return EntryByEntry(over(quotient(weights.weights, body.below), above, below))
    return OtherTerm()
