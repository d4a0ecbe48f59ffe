"""What kind of stationary point: by convexity, by parts, in another variable, or by the second derivative at the point.

A verdict is a proof. Without one it is ``unknown``, and the sentence says what would decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from matcalc.calculus import grad
from matcalc.curvature.bends import CONCAVE, CONVEX
from matcalc.curvature.certify import convexity
from matcalc.curvature.prover import Prover
from matcalc.errors import LimitError, MatcalcError
from matcalc.expand import terms_of
from matcalc.expr import (
    MINUS_ONE,
    ONE,
    Expr,
    Operator,
    Power,
    Product,
    Symbol,
    add,
    brief,
    negate,
    product,
    quotient,
    substitute,
    symbol,
)
from matcalc.jacobian import hessian
from matcalc.node import postorder
from matcalc.ops.elementwise import Exp
from matcalc.ops.linalg import Inverse, MatrixPower
from matcalc.ops.reductions import Norm2, NormF
from matcalc.ops.stacking import Commutation
from matcalc.ops.structure import Kron, Zeros, eye, zeros
from matcalc.simplify import simplify_all
from matcalc.solving.equations import Unsolved, apart, depends, over, simplified
from matcalc.solving.linear_terms import affine

Verdict = tuple[str, str]
MOST_TERMS = 64  # of a Hessian that is taken apart
POLYNOMIAL = (Power, MatrixPower, Norm2, NormF)  # of even powers of the norms the gradient is affine, of others it is not
KINDS = {CONVEX: "minimum", CONCAVE: "maximum"}


@dataclass(frozen=True)
class Question:
    """A function, its unknowns in the order in which they were eliminated, and their values.

    ``eliminated`` holds each unknown with its value in terms of those after it, and whether its own derivative gave that;
    ``constrained`` says whether there are (affine) constraints.
    """

    function: Expr
    unknowns: tuple[Symbol, ...]
    values: Mapping[Symbol, Expr]
    eliminated: tuple[tuple[Symbol, Expr, bool], ...]
    constrained: bool


def verdict(q: Question) -> Verdict:
    """``minimum``, ``maximum``, ``saddle`` or ``unknown``, and why."""
    if q.function.is_complex or any(w.is_complex for w in q.unknowns):
        return "unknown", "the second derivative by complex unknowns is not examined"
    for way in (_whole, _by_parts, _in_another_variable, _saddle, _at_the_point):
        found = way(q)
        if found is not None:
            return found
    return "unknown", _open(q)


def _names(unknowns: Sequence[Symbol]) -> str:
    return ", ".join(w.name for w in unknowns)


def bend(f: Expr, unknowns: Sequence[Symbol]) -> tuple[str, bool]:
    """``convex``, ``concave``, ``affine`` or ``unknown``, and whether strictly so."""
    found = convexity(f, list(unknowns))
    return found.verdict, found.strict


def _whole(q: Question) -> Verdict | None:
    """By convexity in all unknowns together; affine constraints leave a convex set."""
    kind, strict = bend(q.function, q.unknowns)
    if kind not in KINDS:
        return None
    only = f", the only {KINDS[kind]}" if strict else ""
    there = " where the constraints hold" if q.constrained else ""
    return KINDS[kind], f"f is {'strictly ' * strict}{kind} in {_names(q.unknowns)}, so it is global{there}{only}"


def _by_parts(q: Question) -> Verdict | None:
    """One unknown after the other: the smallest value over one of them, then over the next."""
    if q.constrained or len(q.unknowns) < 2 or not all(own for _, _, own in q.eliminated):
        return None
    rest, kinds, reasons = q.function, set(), []
    for w, value, _ in q.eliminated:
        kind, reason = _one(rest, w)
        if kind not in KINDS.values():
            return None
        kinds.add(kind)
        reasons.append(f"{reason} in {w.name}")
        rest = simplified(substitute(rest, {w: value}))
    if len(kinds) != 1:
        return None
    return kinds.pop(), f"f is {'; with that put in, '.join(reasons)}: so it is global"


def _one(f: Expr, w: Symbol) -> tuple[str, str]:
    """The kind of a stationary point of one unknown by convexity, in it or in another variable, and what shows it."""
    kind, _ = bend(f, [w])
    if kind in KINDS:
        return KINDS[kind], kind
    for body, y, written in other_variables(f, w):
        kind, _ = bend(body, [y])
        if kind in KINDS:
            return KINDS[kind], f"{kind} in {written}"
    return "unknown", ""


def other_variables(f: Expr, w: Symbol) -> Iterator[tuple[Expr, Symbol, str]]:
    """The function of a variable that runs over an open convex set, and of which ``w`` is an invertible function."""
    changes: list[tuple[Callable[[Expr], Expr], list[str], str]] = []
    if not w.is_scalar and w.has("psd"):
        changes.append((Inverse, ["psd"], f"inv({w.name})"))
    if w.has("positive") and w.axes is None:
        changes.append((lambda y: quotient(ONE, y), ["positive"], f"1/{w.name}" if w.is_scalar else f"1./{w.name}"))
        changes.append((Exp, [], f"log({w.name})"))
    for change, facts, written in changes:
        y = symbol(w.name, w.shape, facts)
        yield simplified(substitute(f, {w: change(y)})), y, written


def _in_another_variable(q: Question) -> Verdict | None:
    """By convexity in an invertible function of the unknown."""
    if q.constrained or len(q.unknowns) != 1:
        return None
    kind, reason = _one(q.function, q.unknowns[0])
    return None if kind == "unknown" else (kind, f"f is {reason}, so it is global")


def _saddle(q: Question) -> Verdict | None:
    """By a direction in which the function rises and one in which it falls."""
    if q.constrained or len(q.unknowns) < 2:
        return None
    bends = {w: bend(q.function, [w]) for w in q.unknowns}
    up = [w.name for w, found in bends.items() if found == (CONVEX, True)]
    down = [w.name for w, found in bends.items() if found == (CONCAVE, True)]
    if up and down:
        return "saddle", f"f is strictly convex in {up[0]} and strictly concave in {down[0]}"
    flat = [w for w, (kind, _) in bends.items() if kind == "affine"]
    for k, a in enumerate(flat):
        for b in flat[k + 1 :]:
            slope = grad(q.function, a)
            if depends(slope, b):
                what = brief(slope)
                return (
                    "saddle",
                    f"f is affine in {a.name} and in {b.name}, and its slope by {a.name}, {what}, depends on {b.name}",
                )
    return None


def _at_the_point(q: Question) -> Verdict | None:
    """By the definiteness of the Hessian there, on the directions in which the unknown may move."""
    if len(q.unknowns) != 1:
        return None
    (w,) = q.unknowns
    h = hessian_at(q, w)
    if h is None:
        return None
    where = "everywhere" if is_quadratic(q.function, w) else "there"
    extent = "global, the only one" if where == "everywhere" else "local"
    prover = Prover()
    for kind, matrix in (("minimum", h), ("maximum", simplified(negate(h)))):
        proof = prover.definite(matrix)
        if proof is not None and proof.claim == "pd":
            sign = "positive" if kind == "minimum" else "negative"
            return kind, f"the second derivative {where}, {brief(h)}, is {sign} definite, so the {kind} is {extent}"
    return None


def is_quadratic(f: Expr, w: Symbol) -> bool:
    """Whether a function is a polynomial of degree two at most, without kinks."""
    for node in postorder([f], lambda e: e.operands):
        if depends(node, w) and isinstance(node, Operator) and not (node.structural or isinstance(node, POLYNOMIAL)):
            return False
    try:
        return affine(grad(f, w), w) is not None
    except Unsolved:
        return False


def hessian_at(q: Question, w: Symbol) -> Expr | None:
    """The Hessian in vec form at the point, as a form on the directions in which the unknown may move."""
    try:
        h = hessian(q.function, w, layout="numerator" if w.is_scalar or w.ndim == 1 else "vec")
    except MatcalcError:
        return None
    assert isinstance(h, Expr)
    h = simplified(substitute(h, dict(q.values.items())))
    nothing: dict[Expr, Expr] = {
        node: zeros(node.rows, node.cols)
        for node in postorder([h], lambda e: e.operands)
        if isinstance(node, Kron) and any(isinstance(c, Zeros) for c in node.operands)
    }
    h = simplified(substitute(h, nothing)) if nothing else h
    return on_own_transposes(h, w) if w.is_square and not w.is_scalar and (w.has("symmetric") or w.has("skew")) else h


def on_own_transposes(h: Expr, w: Symbol) -> Expr:
    """A form on vectors with ``K*v = v``, or ``-v`` where ``w`` is skew: ``K`` at either end of a term is left out."""
    try:
        terms = terms_of(h, MOST_TERMS, inside=False)
    except LimitError:
        return h
    found = []
    for term in simplify_all(terms):
        above, body, below = apart(term)
        chain = list(body.args if isinstance(body, Product) else (body,))
        for place in (0, -1):
            while chain and isinstance(chain[place], Commutation) and chain[place].rows == h.rows:
                del chain[place]
                above = [*above, ONE if w.has("symmetric") else MINUS_ONE]
        found.append(over(product(*chain) if chain else eye(h.rows), above, below))
    return simplified(add(*found))


def _open(q: Question) -> str:
    """What would decide, where nothing is proved."""
    what = f"f is not shown to be convex or concave in {_names(q.unknowns)}"
    h = hessian_at(q, q.unknowns[0]) if len(q.unknowns) == 1 else None
    if h is None or isinstance(h, Zeros):
        return what
    definite = "" if h.is_scalar else " definite"
    both = "" if h.is_scalar or q.constrained else ", a saddle where it has eigenvalues of both signs"
    return (
        f"{what}; its second derivative there is {brief(h)}: a minimum where that is positive{definite}, a maximum where it is "
        f"negative{definite}{both}"
    )
