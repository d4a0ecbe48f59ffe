"""Derivations by differentials, as Magnus and Neudecker write them: ``df = G : dX``, from which the gradient is read off.

Forward, the differential of every variable follows from those of its parts. Back, each stands in ``G : dV`` and is
replaced by what it is; factors move across the Frobenius product until only ``dX`` is left on the right.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.derivations.coefficients import tidied, tidy_pair
from matcalc.derivations.derivation import Derivation
from matcalc.derivations.derive_lines import fraction, name_of
from matcalc.derivations.differentials import NO_INDEX, NOTHING
from matcalc.derivations.forms import Change, Form, Pairing, Slope, holds_change
from matcalc.derivations.scalar_differentials import ScalarDifferentials
from matcalc.derivations.steps import Step
from matcalc.derivations.variables import free_name, is_region
from matcalc.differentiate import change_of, differential
from matcalc.errors import MatcalcError
from matcalc.expr import (
    ONE,
    DifferentialSymbol,
    Expr,
    Let,
    Operator,
    Symbol,
    add,
    hadamard,
)
from matcalc.ops.matrix_functions import commutes
from matcalc.printing import latex, text
from matcalc.printing.forms import form_latex, form_text

LONG = 14  # a coefficient that costs more gets a name before it is carried on
WISHES = ("c", "g", "G")  # for such names, by the number of axes


class DifferentialGradient(ScalarDifferentials):
    """The lines of a gradient, or of a pulled-back one where ``seed`` is not 1."""

    def __init__(self, e: Expr, w: Symbol, seed: Expr, result: Expr) -> None:
        super().__init__(e, w, None, [s.name for s in seed.symbols])
        self.seed, self.result = seed, result
        self.loss = self.top.name if seed is ONE else free_name(e, "L", self.taken)
        self.shown = Form(())  # the whole differential as the lines last wrote it
        self.visible: set[Pairing] = set()  # what stands in some line
        self.pending: list[str] = []  # the differentials put in since
        self.back: list[Step] = []
        self.scalar_forms: dict[Let, Form] = {}
        self.whole = self.d_label(self.top)  # what the lines are about: the differential of the function, or of the loss

    def run(self) -> Derivation:
        """All lines: the differentials of the variables, that of the function, and the gradient."""
        form = self.start()
        for u in reversed(self.variables):
            if u is self.top and self.seed is ONE:
                continue
            mine = [p for p in form.pairs if p.right is self.symbols.get(u)]
            if len(mine) > 1:
                form = self.collected(form)
                mine = [p for p in form.pairs if p.right is self.symbols[u]]
            if mine:
                form = self.replaced(form, mine[0], u)
        self.finish(self.collected(form))
        self.steps = [s for u in self.variables for s in self.forward.get(u, ())] + self.back
        return self.derivation(self.seed, self.loss, self.result)

    # -------------------------------------------------------------- the function
    def start(self) -> Form:
        """The differential of the function in those of its parts, or of the loss in that of the function."""
        if self.seed is ONE:
            self.shown = self.scalar_lines(self.top, self.back)
            self.visible.update(self.shown.pairs)
            return self.shown
        d = self.d(self.top)
        symbol = DifferentialSymbol(f"d{self.loss}", (1, 1), (), self.loss, self.w.name)
        self.changes[symbol] = Change(self.opened(self.top), self.w, self.direction, self.seed)
        self.whole = latex(symbol), text(symbol)
        self.shown = Form((Pairing(self.seed, d),))
        self.visible.update(self.shown.pairs)
        why = f"{text(self.seed)} is the gradient of {self.loss} by {self.top.name}"
        self.line(self.back, "upstream", why, (symbol, self.shown), self.whole)
        return self.shown

    # -------------------------------------------------------------- back
    def replaced(self, form: Form, mine: Pairing, u: Let) -> Form:
        """``G : dU`` with the differential of ``U`` put in and worked off."""
        at = next(k for k, p in enumerate(form.pairs) if p is mine)
        earlier, later = form.pairs[:at], form.pairs[at + 1 :]
        others = (*earlier, *later)
        known = self.special(u, mine.left)
        if u.is_scalar and known is None:  # its own lines end in a form, which is put in
            self.pending.append(self.d_label(u)[1])
            return Form((*earlier, *self.scaled(mine.left, u), *later))
        if mine not in self.visible:
            self.show(form)
        mine = self.named(mine, earlier, later)
        before = self.shown if self.shown.pairs == (mine,) else Form((mine,))
        label = (form_latex(before), form_text(before)) if others else self.whole
        if known is not None:
            pairs, why = known
            after = Form(tuple(pairs))
            self.line(self.back, "pullback", why, (before, after), label)
        else:
            whole = self.matrix_line(u)
            after = Form((tidy_pair(mine.left, whole),) if holds_change(whole) else ())
            self.line(self.back, "substitute", f"put in {self.d_label(u)[1]}", (before, after), label)
        after = self.settled(after, self.back, label)
        self.visible.update(after.pairs)
        if others:
            return Form((*earlier, *after.pairs, *later))
        self.shown = after
        return after

    def scaled(self, scale: Expr, u: Let) -> list[Pairing]:
        """``s dU`` of a scalar variable, with what ``dU`` is by its own lines."""
        if u not in self.scalar_forms:
            self.forward[u] = []
            self.scalar_forms[u] = self.scalar_lines(u, self.forward[u])
        return [tidy_pair(tidied(hadamard(scale, p.left)), p.right) for p in self.scalar_forms[u].pairs]

    def show(self, form: Form) -> None:
        """The whole differential as it is now, where the lines have not written it."""
        if form != self.shown:
            rule, why = "gather", "the parts together"
            if self.pending:
                rule, why = "substitute", f"put in {' and '.join(reversed(self.pending))}"
            self.line(self.back, rule, why, (self.shown, form), self.whole)
            self.shown = form
        self.pending.clear()
        self.visible.update(form.pairs)

    def special(self, u: Let, upstream: Expr) -> tuple[list[Pairing], str] | None:
        """``G : dU`` at once, where the operator knows a shorter pullback than its differential gives; with the reason."""
        op = u.arg
        if not isinstance(op, Operator) or is_region(op) or type(op).pullback is Operator.pullback or is_linear(op):
            return None
        if op.is_matrix_function and not commutes(self.opened(upstream), self.opened(op.operands[0]).T):
            return None
        pairs: list[Pairing] = []
        whole = self.opened(op)
        assert isinstance(whole, Operator)
        for leaf in self.parts[u]:
            at = places(op, leaf)
            found = [whole.pullback(k, self.opened(upstream)) for k in at]
            if not at or any(g is None for g in found):
                return None
            kept = [op.pullback(k, upstream) for k in at]  # over the variables' names, where it applies to those as well
            best = kept if all(g is not None for g in kept) else found
            pairs.append(tidy_pair(tidied(add(*(g for g in best if g is not None))), self.d(leaf)))
        if op.is_matrix_function:
            why = f"what stands on the left commutes with {text(op.operands[0])}, so {op.name} changes as one of a number does"
        else:
            why = f"the pullback of {op.name}: the adjoint of its differential, at {u.name}"
        return pairs, why

    def named(self, mine: Pairing, earlier: Sequence[Pairing], later: Sequence[Pairing]) -> Pairing:
        """The same with a long coefficient under a name."""
        if mine.left.cost <= LONG:
            return mine
        self.show(Form((*earlier, mine, *later)))
        name = free_name(self.original, WISHES[mine.left.ndim], self.taken)
        self.taken.add(name)
        short = Let(name, mine.left)
        why = f"a name for what stands before {text(mine.right)}"
        self.line(self.back, "notation", why, (short, short.arg), (latex(short), name))
        after = Pairing(short, mine.right)
        form = Form((*earlier, after, *later))
        self.line(self.back, "notation", "with that name", (self.shown, form), self.whole)
        self.shown = form
        self.visible.add(after)
        return after

    def collected(self, form: Form) -> Form:
        """The whole differential again, where parts of it were worked on, and what belongs together added up."""
        self.show(form)
        self.shown = self.merged(form, self.back, self.whole)
        self.visible.update(self.shown.pairs)
        return self.shown

    def finish(self, form: Form) -> None:
        """The last lines: the coefficient of ``dX`` is the gradient."""
        before = Slope(self.opened(self.top), self.w, None if self.seed is ONE else self.seed)
        label = self.quotient()
        if not form.pairs:
            why = f"{self.top.name} does not change with {self.w.name}, to first order"
            self.back.append(Step("constant", why, before, self.result, *label, NO_INDEX, NOTHING))
            return
        (pair,) = form.pairs
        why = f"{self.whole[1]} = G : {text(pair.right)} says that G is the gradient"
        self.back.append(Step("read-off", why, before, pair.left, *label, NO_INDEX, NOTHING))
        if pair.left is not self.result:
            why = "put the variables in, and simplify"
            self.back.append(Step("insert", why, pair.left, self.result, *label, NO_INDEX, NOTHING))

    def quotient(self, leaf: Expr | None = None) -> tuple[str, str]:
        """``d f / d X``, in LaTeX and in text."""
        by = self.w if leaf is None else leaf
        return fraction(latex(Symbol(self.loss, (1, 1), ())), latex(by)), f"d{self.loss}/d{name_of(by)}"


def places(op: Expr, leaf: Expr) -> list[int]:
    """Every place of ``leaf`` among the operands."""
    return [k for k, c in enumerate(op.operands) if c is leaf]


def is_linear(op: Operator) -> bool:
    """Whether an operator is its own differential, in every operand."""
    for k, c in enumerate(op.operands):
        operands = list(op.operands)
        operands[k] = change_of(c, "D")
        try:
            if differential(op, k, operands[k]) is not op.rebuild(operands):
                return False
        except MatcalcError:  # it has none there
            return False
    return True
