"""Composition: how every part of an expression bends, operands first, by the tables of rules."""

from __future__ import annotations

from collections.abc import Iterable

from matcalc.curvature import bend_forms, bend_logs, bend_matrices, bend_pieces, bend_rules
from matcalc.curvature.bend_logs import LOG_RULES
from matcalc.curvature.bend_matrices import FORM_RULES
from matcalc.curvature.bends import AFFINE, CONSTANT, Bend, BendRule
from matcalc.curvature.facts import Fact
from matcalc.curvature.prover import Prover
from matcalc.expr import Expr, Symbol, apply, brief
from matcalc.node import postorder
from matcalc.ops.elementwise import Log

TABLES = (bend_rules, bend_forms, bend_matrices, bend_pieces)
RULES: tuple[BendRule, ...] = tuple(rule for table in TABLES for rule in table.RULES)
DEEPEST = 12  # expressions that rules make up, within one another
FIXED = Bend(CONSTANT)


class Curvatures:
    """How expressions bend in some variables, each settled once."""

    def __init__(self, variables: Iterable[Symbol], prover: Prover | None = None) -> None:
        self.variables = frozenset(variables)
        self.prover = prover or Prover()
        self.moving: dict[Expr, bool] = {}
        self.bends: dict[Expr, Bend | None] = {}
        self.logs: dict[Expr, Bend | None] = {}
        self.forms: dict[Expr, Bend | None] = {}
        self.depth = 0

    def depends(self, e: Expr) -> bool:
        """Whether an expression holds one of the variables."""
        if e not in self.moving:
            for node in postorder([e], lambda x: () if x in self.moving else x.operands):
                if node not in self.moving:
                    self.moving[node] = node in self.variables or any(self.moving[c] for c in node.operands)
        return self.moving[e]

    def of(self, e: Expr) -> Bend | None:
        """How the entries bend; None where no rule says."""
        self.settle(e)
        return self.bends.get(e)

    def log_of(self, e: Expr) -> Bend | None:
        """How the logarithms of the entries, which are positive, bend."""
        self.settle(e)
        return self.logs.get(e)

    def form(self, e: Expr) -> Bend | None:
        """How ``v'*e*v`` bends for every ``v``, for a square matrix."""
        self.settle(e)
        return self.forms.get(e)

    def settle(self, e: Expr) -> None:
        """Apply the rules to everything below that is new, operands first."""
        if e in self.bends or self.depth > DEEPEST:
            return
        self.depth += 1
        try:
            for node in postorder([e], lambda x: () if x in self.bends else x.operands):
                if node not in self.bends:
                    self.settle_one(node)
        finally:
            self.depth -= 1

    def settle_one(self, e: Expr) -> None:
        """The three answers for one node whose operands are settled."""
        self.bends[e] = self.logs[e] = self.forms[e] = None
        if e.is_complex:
            return
        positive = self.prover.range(e)
        if not self.depends(e):
            self.bends[e] = FIXED
            self.logs[e] = FIXED if positive.interval.is_positive else None
            self.forms[e] = FIXED if e.is_square else None
            return
        self.bends[e] = self.bend(e)
        self.logs[e] = self.first(LOG_RULES, e, "", apply("Log", e) if e.axes is None else None)
        if self.bends[e] is None:
            self.bends[e] = self.logs.get(e.arg) if isinstance(e, Log) else self.first(bend_logs.RULES, e, "", None)
        if e.is_square and not e.is_scalar:
            self.forms[e] = self.first(FORM_RULES, e, "matrix ", None)

    def bend(self, e: Expr) -> Bend | None:
        """How the entries of one node bend."""
        if e in self.variables:
            assert isinstance(e, Symbol)
            return Bend(AFFINE, Fact(e, AFFINE, "variable", "it is the variable"), frozenset((e,)))
        best: Bend | None = None
        for rule in RULES:
            found = rule.apply(e, self)
            if found is None:
                continue
            if found.kind == AFFINE:
                why = (
                    f"linear in {', '.join(sorted(s.name for s in self.variables))} with constant coefficients, plus constants"
                )
                return Bend(AFFINE, Fact(e, AFFINE, "affine", why), found.pins)
            if best is None or len(found.pins) > len(best.pins):
                best = found
        return best

    def first(self, rules: Iterable[BendRule], e: Expr, prefix: str, subject: Expr | None) -> Bend | None:
        """The first rule that applies."""
        for rule in rules:
            found = rule.apply(e, self, subject, prefix)
            if found is not None:
                return found
        return None

    def obstacle(self, e: Expr) -> str:
        """A smallest part of which no rule says how it bends."""
        for node in postorder([e], lambda x: x.operands):
            if self.bends.get(node) is None and all(self.bends.get(c) is not None for c in node.operands):
                return brief(node)
        return brief(e)
