"""Simplification move by move: what ``simplify_all`` does at once, as whole expressions with a reason each."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.expr import Add, BroadcastAdd, Expr, Let, Operator, add, spread, substitute
from matcalc.node import postorder
from matcalc.present import joined, shown
from matcalc.rewrite import first_match
from matcalc.rules.matrix import MATRIX, SHORT
from matcalc.rules.naming import recognised
from matcalc.scalar import is_arithmetic
from matcalc.simplify import Addend, Simplifier, is_dissolving, simplify_all

Move = tuple[str, str, Expr]  # a rule, a sentence why, and what the whole expression is then
REGION = "read as sums over indices, the factors of each term in order"
NAMED = "what has a name is called by it"
TIDY = "powers, transposes outside, broadcast sums"


def simplification(e: Expr) -> list[Move]:
    """The moves from an expression to its simplified form, which is the last; none if it is simplified already."""
    (target,) = simplify_all([e])
    if target is e:
        return []
    traced = Traced(e)
    traced.run()
    moves = traced.moves
    form = traced.form(e)
    moves.extend(_presented(form))
    before = moves[-1][2] if moves else e
    (called,) = recognised([before])
    if called is not before:
        moves.append(("name", NAMED, called))
    if called is not target:
        moves.append(("expand", "simplified once more, which is shorter", target))
    return moves


class Traced(Simplifier):
    """A simplifier that keeps the whole expression as it is after each region."""

    def __init__(self, e: Expr) -> None:
        super().__init__([e])
        self.whole = self.latest = e
        self.moves: list[Move] = []

    def simplified(self, e: Expr) -> Expr:
        """The simplified form of a node, with the moves that lead to it."""
        if isinstance(e, (Add, BroadcastAdd)) and not e.is_scalar:
            terms = self.addends(e)
            self.note(e, self.total(terms, e), "expand", REGION)
            merged = self.merge(terms)
            self.note(e, self.total(merged, e), "merge", "like terms are added up")
            form = self.assemble_sum(merged, e)
            self.note(e, form, "factor", "common factors are taken out")
            return form
        form = super().simplified(e)
        if is_arithmetic(e):
            self.note(e, form, "arithmetic", "numbers and scalars are collected")
            return form
        known = isinstance(e, Operator) and not is_dissolving(e)
        hit = first_match(e.rebuild([self.form(c) for c in e.operands]), MATRIX) if known else None
        rule, why = ("region", REGION) if hit is None else (hit[0].name, hit[0].why)
        self.note(e, form, rule, why)
        return form

    def note(self, node: Expr, form: Expr, rule: str, why: str) -> None:
        """Keep the whole expression with ``form`` in the place of a node, if it differs from what it was."""
        after = substitute(self.whole, {**self.forms, node: form})
        if after is not self.latest:
            self.moves.append((rule, why, after))
            self.latest = after

    def total(self, terms: Sequence[Addend], like: Expr) -> Expr:
        """Addends as a sum in the shape of ``like``."""
        bodies = [self.scaled(c, b) for c, b in terms if c != 0]
        return add(*(spread(b, (like.rows, like.cols)) for b in bodies)) if bodies else self.assemble_sum([], like)


def _presented(form: Expr) -> list[Move]:
    """The moves that write an expression as a reader wants it."""
    moves: list[Move] = []
    done: dict[Expr, Expr] = {}
    latest = form
    for node in postorder([form], lambda x: () if isinstance(x, Let) else x.operands):
        ready = node if isinstance(node, Let) else node.rebuild([done[c] for c in node.operands])
        done[node] = joined(shown(ready)) if node.is_complex else shown(ready)
        if done[node] is ready:
            continue
        after = substitute(form, dict(done))
        hit = first_match(ready, SHORT)
        if after is not latest:
            moves.append((hit[0].name, hit[0].why, after) if hit else ("tidy", TIDY, after))
            latest = after
    return moves
