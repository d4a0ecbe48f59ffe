"""What derivations by differentials share: a symbol for the differential of each variable, and the line that gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matcalc.derivations.coefficients import nodes_of, tidied, tidied_lightly
from matcalc.derivations.derive_lines import Lines, name_of
from matcalc.derivations.forms import Change, Form, holds_change
from matcalc.derivations.steps import Step
from matcalc.derivations.variables import free_name, is_region
from matcalc.differentiate import change_of
from matcalc.errors import MatcalcError, UnsupportedError
from matcalc.expr import (
    Add,
    DifferentialSymbol,
    Entrywise,
    Expr,
    Let,
    Number,
    Operator,
    Symbol,
    add,
    substitute,
)
from matcalc.node import postorder
from matcalc.ops.structure import zeros
from matcalc.printing import latex, text
from matcalc.printing.index_terms import IndexNames

NOTHING = IndexNames(())
NO_INDEX: tuple[tuple[()], tuple[()]] = ((), ())


class DifferentialLines(Lines):
    """A function cut into variables, each with its differential."""

    def __init__(self, e: Expr, w: Symbol, *others: Any) -> None:
        super().__init__(e, w, *others)
        self.symbols: dict[Expr, Symbol] = {}
        self.forward: dict[Let, list[Step]] = {}
        self.found: dict[Let, Expr] = {}
        self.said = {u for e in others if isinstance(e, DifferentialLines) and e.w is w for u in e.found}
        self.known: dict[Expr, Expr] = {v.arg: v for v in self.variables if v is not self.top and v.arg.operands}
        self.known |= {v: v for v in self.variables}  # nothing is replaced inside a variable
        self.direction: Expr = self.d(w)

    def along(self, tangent: Expr) -> None:
        """Let ``wrt`` change by ``tangent`` in the check, not by something at random."""
        self.direction = tangent
        self.changes[self.d(self.w)] = Change(self.w, self.w, tangent)

    def d(self, v: Expr) -> Symbol:
        """The differential of a variable or of ``wrt``, as a symbol."""
        if v not in self.symbols:
            if v.axes is not None:
                raise UnsupportedError(
                    f"{name_of(v)} has {len(v.shape)} axes, and style 'differential' writes matrices: style 'index' may do"
                )
            name = free_name(self.original, f"d{name_of(v)}", self.taken)
            symbol = DifferentialSymbol(name, (v.rows, v.cols), (), name[1:], self.w.name)
            self.symbols[v] = symbol
            of = self.opened(v)
            self.changes[symbol] = Change(of, self.w, symbol if v is self.w else self.direction)
        return self.symbols[v]

    def d_label(self, v: Expr) -> tuple[str, str]:
        """``dV``, in LaTeX and in text."""
        return latex(self.d(v)), text(self.d(v))

    def line(
        self, out: list[Step], rule: str, why: str, sides: tuple[Expr | Form, Expr | Form], label: tuple[str, str]
    ) -> None:
        """One more line without indices."""
        out.append(Step(rule, why, *sides, *label, NO_INDEX, NOTHING))

    # -------------------------------------------------------------- forward
    def leaves_of(self, e: Expr) -> list[Expr]:
        """The variables and the ``wrt`` that an expression is made of."""
        found = postorder([e], lambda x: () if isinstance(x, Let) else x.operands)
        return [n for n in found if n in self.active]

    def is_active(self, e: Expr) -> bool:
        """Whether an expression depends on ``wrt``."""
        return bool(self.leaves_of(e))

    def terms(self, e: Expr, leaves: Sequence[Expr] | None = None) -> list[Expr]:
        """The differential of an expression in those of its parts, a term for each place of one; variables by name."""
        found: list[Expr] = []
        for leaf in self.leaves_of(e) if leaves is None else leaves:
            holder = change_of(leaf, name_of(leaf))
            found.extend(substitute(t, {holder: self.d(leaf), **self.known}) for t in self.linear(e, leaf))
        return found

    def differential_of(self, u: Let) -> Expr:
        """The differential of a variable in those of its parts."""
        found = self.terms(u.arg)
        return summed(found) if found else zeros(u.rows, u.cols)

    def matrix_line(self, u: Let) -> Expr:
        """The same, with the line that says so, once."""
        if u not in self.found:
            self.found[u] = self.differential_of(u)
            self.forward[u] = []
            sides = (self.d(u), self.found[u])
            self.line(self.forward[u], "differential", self.why(u), sides, self.d_label(u))
        return self.found[u]

    def why(self, u: Let) -> str:
        """Why the differential of a variable is what it is."""
        op = u.arg
        if isinstance(op, Operator) and not is_region(op) and not isinstance(op, Entrywise):
            return rule_of_operator(op, self.is_active)
        inner = list(postorder([op], lambda x: () if isinstance(x, (Let, Symbol)) else x.operands))
        if any(isinstance(x, Entrywise) and not x.structural for x in inner):
            return "each entry changes by the derivative of the function there times its own change"
        leaves = self.parts[u]
        if len(leaves) > 1 or sum(x is leaves[0] for n in inner for x in n.operands) > 1:
            return "the product rule: each place that changes contributes, the others held fixed; constants do not change"
        return "a linear function changes by the same function of the change; constants do not change"


def summed(terms: Sequence[Expr]) -> Expr:
    """Terms of a differential added up: simplified, but with no sum inside a sum."""
    whole = shorter(add(*terms))
    if sum(isinstance(n, Add) and holds_change(n) for n in nodes_of(whole)) > 1:
        whole = add(*map(shorter, terms))
    return whole


def shorter(e: Expr) -> Expr:
    """An expression simplified, where that makes it shorter: else the order of factors stays as the rules gave it."""
    form, light = tidied(e), tidied_lightly(e)
    return form if form.cost < light.cost or not holds_change(form) else light


def rule_of_operator(op: Operator, active: Callable[[Expr], bool]) -> str:
    """The differential of an operator as a formula on letters, by its first operand that is ``active``."""
    told = f"the differential of {op.name}"
    letters = [Symbol("ABCDEFGH"[k] if k < 8 else f"A{k}", (c.rows, c.cols), ()) for k, c in enumerate(op.operands)]
    place = next((k for k, c in enumerate(op.operands) if active(c)), 0)
    try:
        bare = op.rebuild([c if isinstance(c, Number) else s for c, s in zip(op.operands, letters, strict=True)])
        if type(bare) is not type(op) or not isinstance(bare.operands[place], Symbol):
            return told
        change = Symbol(f"d{letters[place].name}", letters[place].dims, ())
        return f"{told}: d {text(bare)} = {text(bare.differential(place, change))}"
    except MatcalcError:  # on letters it has none, though it has one here
        return told
