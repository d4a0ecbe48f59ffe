"""How an expression bends: constant, affine, convex or concave in the variables, entry by entry, with its proof.

What is strict is kept as a set of variables, the ``pins``: of an affine expression those whose every change changes it, of a
convex or a concave one those along whose every change some entry bends strictly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from matcalc.curvature.facts import Fact, premises
from matcalc.curvature.graphs import Graph, Piece
from matcalc.curvature.interval import INFINITY, Interval
from matcalc.curvature.known import Knows
from matcalc.expr import Expr, Symbol

CONSTANT, AFFINE, CONVEX, CONCAVE = "constant", "affine", "convex", "concave"
OPPOSITE = {CONSTANT: CONSTANT, AFFINE: AFFINE, CONVEX: CONCAVE, CONCAVE: CONVEX}
NONE: frozenset[Symbol] = frozenset()


@dataclass(frozen=True, eq=False)
class Bend:
    """One of the four, with the fact (none of a constant) and the pins."""

    kind: str
    fact: Fact | None = None
    pins: frozenset[Symbol] = NONE

    @property
    def is_affine(self) -> bool:
        """Whether it is affine, or constant."""
        return self.kind in (CONSTANT, AFFINE)

    @property
    def is_convex(self) -> bool:
        """Whether it is convex, which an affine one is too."""
        return self.kind != CONCAVE

    @property
    def is_concave(self) -> bool:
        """Whether it is concave, which an affine one is too."""
        return self.kind != CONVEX


@dataclass(frozen=True)
class Found:
    """What a rule says: the kind, the pins, what was used, and a sentence, where the rule's own is too general."""

    kind: str
    pins: frozenset[Symbol] = NONE
    used: tuple[Fact | None, ...] = ()
    why: str = ""

    def turned(self, sign: int) -> Found:
        """Times a number of that sign."""
        return self if sign > 0 else Found(OPPOSITE[self.kind], self.pins, self.used, self.why)


class Curves(Protocol):
    """What rules ask about other expressions."""

    variables: frozenset[Symbol]

    @property
    def prover(self) -> Knows: ...

    def of(self, e: Expr) -> Bend | None: ...

    def form(self, e: Expr) -> Bend | None: ...

    def log_of(self, e: Expr) -> Bend | None: ...

    def depends(self, e: Expr) -> bool: ...


@dataclass(frozen=True)
class BendRule:
    """A rule for operators of these classes."""

    name: str
    classes: tuple[type[Expr], ...]
    find: Callable[[Expr, Curves], Found | None]
    why: str

    def apply(self, e: Expr, curves: Curves, subject: Expr | None = None, prefix: str = "") -> Bend | None:
        """The bend by this rule, if it applies."""
        if not isinstance(e, self.classes):
            return None
        found = self.find(e, curves)
        if found is None or found.kind == CONSTANT:
            return None
        about = e if subject is None else subject
        claim = prefix + ("strictly " if is_strict(about, found, curves) else "") + found.kind
        return Bend(found.kind, Fact(about, claim, self.name, found.why or self.why, premises(found.used)), found.pins)


def is_strict(e: Expr, found: Found, curves: Curves) -> bool:
    """Whether a scalar is shown to bend strictly along every change of the variables."""
    return e.is_scalar and found.kind != AFFINE and found.pins >= curves.variables


def summed(parts: Sequence[Bend | None]) -> Found | None:
    """The bend of a sum."""
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        return None
    bent = [p for p in known if not p.is_affine]
    moving = [p for p in known if p.kind != CONSTANT]
    if not moving:
        return Found(CONSTANT)
    if not bent:
        return Found(AFFINE, moving[0].pins if len(moving) == 1 else NONE)
    if len({p.kind for p in bent}) > 1:
        return None
    pins = frozenset().union(*(p.pins for p in bent))
    return Found(bent[0].kind, pins, tuple(p.fact for p in moving))


def scaled(inner: Bend, by: Interval, fact: Fact | None) -> Found | None:
    """The bend of a product with constants in that interval; affine whatever they are."""
    sure = by.is_positive or by.is_negative
    pins = inner.pins if sure else NONE
    if inner.is_affine:
        return Found(inner.kind, pins)
    sign = 1 if by.is_nonnegative else -1 if by.is_nonpositive else 0
    if not sign:
        return None
    return Found(inner.kind, pins, (fact, inner.fact)).turned(sign)


def composed(name: str, graph: Graph, inner: Bend, values: Interval, fact: Fact | None) -> Found | None:
    """A function of one number of an expression with values in an interval [Boyd and Vandenberghe, 2004, section 3.2.4]."""
    if not values.within(graph.domain):
        lower = graph.domain.high == INFINITY  # then the domain, where the expression exceeds a bound, is convex
        if not (inner.is_affine or (lower and inner.kind == CONCAVE)):
            return None
        values, fact = values.meet(graph.domain), None
        if values.low > values.high:
            return None
    best: Found | None = None
    for piece in graph.pieces:
        found = _on_piece(piece, inner, fact, name) if values.within(piece.where) else None
        if found is None or (best is not None and best.kind == AFFINE):
            continue
        if best is None or found.kind == AFFINE or len(found.pins) > len(best.pins):
            best = found
    return best


def _on_piece(piece: Piece, inner: Bend, fact: Fact | None, name: str) -> Found | None:
    everywhere = piece.where.is_everything
    pins = inner.pins if piece.strict else NONE
    used = (None if everywhere else fact, inner.fact)
    own = (CONCAVE, AFFINE, CONVEX)[piece.bend + 1]
    place = "" if everywhere else f" where its argument is {piece.where}"
    if inner.is_affine:
        return Found(own, pins, used, f"{name} is {own}{place}, and the argument is affine")
    up = inner.kind == CONVEX
    why = f"{name} is {own} and {'rises' if piece.trend > 0 else 'falls'}{place}, and the argument is {inner.kind}"
    if piece.trend == (1 if up else -1) and piece.bend >= 0:
        return Found(CONVEX, pins, used, why)
    if piece.trend == (-1 if up else 1) and piece.bend <= 0:
        return Found(CONCAVE, pins, used, why)
    return None
