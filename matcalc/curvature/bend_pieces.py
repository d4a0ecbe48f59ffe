"""Convexity of piecewise polynomials of something affine: Huber losses, hinges, dead zones, however they are written."""

from __future__ import annotations

from fractions import Fraction

from matcalc.curvature.bends import AFFINE, CONCAVE, CONVEX, NONE, BendRule, Curves, Found
from matcalc.curvature.piecewise import (
    Piecewise,
    absolute,
    bending,
    chosen,
    constant,
    larger,
    multiple,
    signed,
    step,
    straight,
    total,
)
from matcalc.expr import Add, BroadcastAdd, Entrywise, Expr, Hadamard, Let, Ones, Power, Quotient, rational
from matcalc.node import postorder
from matcalc.ops.elementwise import Abs, LeakyRelu, Maximum, Minimum, Relu, Sign, Step, Where

KINKED = (Abs, Relu, Sign, Step, Maximum, Minimum, Where, LeakyRelu)
MOST_NODES = 60
MINUS = constant(Fraction(-1))


def piecewise_function(e: Expr, curves: Curves) -> Found | None:
    """A function of one affine expression that is polynomial between rational breaks."""
    if e.node_count() > MOST_NODES:
        return None
    inside = list(postorder([e], lambda x: () if is_leaf(x, curves) else x.operands))
    if not any(isinstance(x, KINKED) for x in inside):
        return None
    leaves = [x for x in inside if is_leaf(x, curves) and curves.depends(x)]
    lines = [straight_line(x) for x in leaves]
    cores = {core for _, core, _ in lines}
    if len(cores) != 1:
        return None
    (unknown,) = cores
    known: dict[Expr, Piecewise | None] = {}
    for x in inside:
        if is_leaf(x, curves):
            known[x] = straight(*line_of(x, unknown)) if curves.depends(x) else fixed(x)
        else:
            parts = [known[c] for c in x.operands]
            known[x] = None if None in parts else applied(x, [p for p in parts if p is not None])
    f, at = known[e], curves.of(unknown)
    if f is None or at is None or at.kind != AFFINE:
        return None
    bound = curves.prover.range(unknown)
    found = bending(f, bound.interval)
    if found is None:
        return None
    kind, strict = found
    used = (at.fact, bound.fact if f.breaks else None)
    return Found({1: CONVEX, -1: CONCAVE, 0: AFFINE}[kind], at.pins if strict else NONE, used)


def is_leaf(x: Expr, curves: Curves) -> bool:
    """Whether a part is taken as a whole: a constant, or affine in the variables."""
    if not curves.depends(x):
        return True
    bend = curves.of(x) if not isinstance(x, KINKED) else None
    return bend is not None and bend.is_affine


def fixed(x: Expr) -> Piecewise | None:
    """A rational number, also spread to every entry."""
    value = rational(x)
    if isinstance(x, Ones):
        return constant(Fraction(1))
    if isinstance(x, Hadamard) and all(rational(a) is not None or isinstance(a, Ones) for a in x.args):
        value = rational(x.args[0])
    return None if value is None else constant(Fraction(int(value.p), int(value.q)))


def straight_line(x: Expr) -> tuple[Fraction, Expr, Fraction]:
    """``(a, u, b)`` with ``x = a*u + b`` for rational numbers and the shortest ``u``."""
    slope, offset = Fraction(1), Fraction(0)
    while True:
        if isinstance(x, Let):
            x = x.arg
        elif isinstance(x, (Add, BroadcastAdd)) and len(x.operands) == 2:
            values = [fixed(c) for c in x.operands]
            if (values[0] is None) == (values[1] is None):
                return slope, x, offset
            k = 0 if values[0] is not None else 1
            number, rest = values[k], x.operands[1 - k]
            if number is None or (rest.rows, rest.cols) != (x.rows, x.cols):
                return slope, x, offset
            offset += slope * number.at(Fraction(0))
            x = rest
        elif isinstance(x, Hadamard) and len(x.args) == 2 and (c := rational(x.args[0])) is not None:
            slope *= Fraction(int(c.p), int(c.q))
            x = x.args[1]
        else:
            return slope, x, offset


def line_of(x: Expr, unknown: Expr) -> tuple[Fraction, Fraction]:
    """Slope and offset of a leaf in the unknown."""
    slope, core, offset = straight_line(x)
    assert core is unknown
    return slope, offset


def applied(x: Expr, parts: list[Piecewise]) -> Piecewise | None:
    """One operator on piecewise polynomials."""
    match x:
        case Add() | BroadcastAdd():
            return folded(total, parts)
        case Hadamard():
            return folded(multiple, [parts[x.operands.index(a)] for a in x.args])
        case Quotient():
            below = parts[1]
            if below.breaks or len(below.pieces[0]) != 1:
                return None
            return multiple(constant(1 / below.pieces[0][0]), parts[0])
        case Power():
            p = rational(x.exponent)
            return folded(multiple, [parts[0]] * int(p)) if p is not None and p.is_Integer and 0 < p <= 8 else None
        case Abs():
            return absolute(parts[0])
        case Sign():
            return signed(parts[0])
        case Step():
            return step(parts[0])
        case Relu():
            return larger(parts[0], constant(Fraction(0)))
        case Maximum():
            return larger(*parts)
        case Minimum():
            negative = [multiple(MINUS, p) for p in parts]
            found = None if None in negative else larger(*[p for p in negative if p is not None])
            return None if found is None else multiple(MINUS, found)
        case Where():
            return chosen(*parts)
        case LeakyRelu():
            positive, scaled = step(parts[0]), multiple(parts[1], parts[0])
            return None if positive is None or scaled is None else chosen(positive, parts[0], scaled)
        case Let():
            return parts[0]
        case _:
            return None


def folded(act: object, parts: list[Piecewise]) -> Piecewise | None:
    """An operation on several, from the left."""
    assert callable(act)
    found: Piecewise | None = parts[0]
    for p in parts[1:]:
        found = None if found is None else act(found, p)
    return found


RULES: tuple[BendRule, ...] = (
    BendRule(
        "piecewise-polynomial",
        (Entrywise, Add, BroadcastAdd),
        piecewise_function,
        "one function of what is affine: polynomial between breaks, where it does not jump, with slopes in order",
    ),
)
