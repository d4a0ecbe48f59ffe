"""Derivations by differentials, as Magnus and Neudecker write them: ``df = G : dX``, from which the gradient is read off.

Forward, the differential of every variable follows from those of its parts. Back, each stands in ``G : dV`` and is
replaced by what it is; factors move across the Frobenius product until only ``dX`` is left on the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matcalc.coefficients import tidied, tidied_lightly
from matcalc.derivation import Derivation
from matcalc.derive_lines import Lines, fraction, name_of
from matcalc.differentiate import change_of, differential
from matcalc.errors import MatcalcError, UnsupportedError
from matcalc.expr import (
    ONE,
    ZERO,
    Add,
    DifferentialSymbol,
    Entrywise,
    Expr,
    Let,
    Number,
    Operator,
    Symbol,
    add,
    coefficient,
    hadamard,
    rational,
    substitute,
)
from matcalc.forms import Change, Form, Pairing, Slope, holds_change, paired
from matcalc.moves import is_settled, moved
from matcalc.node import postorder
from matcalc.ops.matrix_functions import commutes
from matcalc.ops.structure import Zeros, zeros
from matcalc.pairings import pairings_of
from matcalc.printing import latex, text
from matcalc.printing.forms import form_latex, form_text
from matcalc.printing.index_terms import IndexNames
from matcalc.steps import Step
from matcalc.variables import free_name, is_region

NOTHING = IndexNames(())
NO_INDEX: tuple[tuple[()], tuple[()]] = ((), ())
LONG = 14  # a coefficient that costs more gets a name before it is carried on
WISHES = ("c", "g", "G")  # for such names, by the number of axes
FROBENIUS = "written as a Frobenius product, A : B = tr(A'*B) = sum(A.*B)"


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
            return rule_of_operator(op)
        inner = list(postorder([op], lambda x: () if isinstance(x, (Let, Symbol)) else x.operands))
        if any(isinstance(x, Entrywise) and not x.structural for x in inner):
            return "each entry changes by the derivative of the function there times its own change"
        leaves = self.parts[u]
        if len(leaves) > 1 or sum(x is leaves[0] for n in inner for x in n.operands) > 1:
            return "the product rule: each place that changes contributes, the others held fixed; constants do not change"
        return "a linear function changes by the same function of the change; constants do not change"


class DifferentialGradient(DifferentialLines):
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
        conditions = dict.fromkeys((*self.original.conditions, *self.result.conditions))
        heading = self.heading()
        if self.seed is not ONE:
            given = f"{text(self.seed)} = d{self.loss}/d{self.top.name}"
            heading = f"{self.loss} by {self.w.name}, where {given} and {text(self.top)} = {text(self.top.arg)}{self.where()}"
        return Derivation(
            self.original,
            self.w,
            self.result,
            self.steps,
            self.variables,
            self.gradients,
            heading,
            None if self.seed is ONE else self.seed,
            tuple(conditions),
            changes=self.changes,
        )

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

    def is_active(self, e: Expr) -> bool:
        """Whether an expression depends on ``wrt``."""
        return bool(self.leaves_of(e))

    def scalar_lines(self, u: Let, out: list[Step]) -> Form:
        """The differential of a scalar variable as a sum of Frobenius products with those of its parts."""
        products = pairings_of(u.arg, self.is_active)
        if not self.parts[u]:
            return Form(())
        if products is not None:
            self.line(out, "frobenius", FROBENIUS, (u, Form(tuple(products))), (latex(u), text(u)))
            form = self.by_product_rule(products)
            rule, why = "product-rule", self.product_reason(products)
        else:
            form = self.by_parts(u)
            rule, why = "differential", self.why(u)
        if not form.pairs:
            return form
        self.line(out, rule, why, (self.d(u), form), self.d_label(u))
        return self.settled(form, out, self.d_label(u))

    def by_parts(self, u: Let) -> Form:
        """The differential of a scalar variable, a term for each part; by a part that is a number, the slope."""
        pairs: list[Pairing] = []
        for leaf in self.parts[u]:
            terms = self.terms(u.arg, [leaf])
            if leaf.is_scalar:
                slope = tidied(add(*(substitute(t, {self.d(leaf): ONE}) for t in terms)))
                pairs.extend([Pairing(slope, self.d(leaf))] if not is_zero(slope) else [])
            elif terms:
                pairs.extend(form_of_terms(summed(terms)).pairs)
        return Form(tuple(pairs))

    def product_reason(self, products: Sequence[Pairing]) -> str:
        """Which form of the product rule gives the differential of a sum of Frobenius products."""
        found: dict[str, None] = {}
        for p in products:
            sides = self.is_active(p.left), self.is_active(p.right)
            if p.left is ONE:
                continue
            if coefficient(p.left)[1] is p.right:
                found["d(A : A) = 2*A : dA"] = None
            elif all(sides):
                found["d(A : B) = dA : B + A : dB, and A : B = B : A"] = None
            elif sides[1]:
                found["d(A : B) = A : dB where A does not change"] = None
            elif sides[0]:
                found["d(A : B) = B : dA where B does not change"] = None
        return f"the product rule: {'; '.join(found)}"

    def by_product_rule(self, products: Sequence[Pairing]) -> Form:
        """The differential of a sum of Frobenius products."""
        pairs: list[Pairing] = []
        for p in products:
            number, body = coefficient(p.left)
            sides = [(p.left, p.right), (p.right, p.left)]
            if body is p.right:
                sides = [(hadamard(Number(2 * number), body), body)]
            for fixed, changing in sides:
                change = summed(self.terms(changing)) if self.is_active(changing) else ZERO
                if holds_change(change):
                    pairs.append(paired(tidied(fixed), change))
        return Form(tuple(pairs))

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
            put = paired(mine.left, whole)
            left = mine.left if put.left is mine.left else tidied(put.left)
            after = Form((Pairing(left, put.right),) if holds_change(whole) else ())
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
        return [paired(tidied(hadamard(scale, p.left)), p.right) for p in self.scalar_forms[u].pairs]

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
            pairs.append(paired(tidied(add(*(g for g in best if g is not None))), self.d(leaf)))
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

    def settled(self, form: Form, out: list[Step], label: tuple[str, str]) -> Form:
        """The form with factors moved to the left until differentials stand alone on the right."""
        while not all(is_settled(p) for p in form.pairs):
            pairs: list[Pairing] = []
            reasons: dict[tuple[str, str], list[str]] = {}
            for p in form.pairs:
                if is_settled(p):
                    pairs.append(p)
                    continue
                move = moved(p)
                pairs.extend(self.without_einsum(p) for p in move.pairs if not is_zero(p.left))
                formulas = reasons.setdefault((move.rule, move.why), [])
                if move.formula and move.formula not in formulas:
                    formulas.append(move.formula)
            after = Form(tuple(pairs))
            why = "; ".join(f"{told}: {', '.join(found)}" if found else told for (_, told), found in reasons.items())
            self.line(out, " and ".join(dict.fromkeys(rule for rule, _ in reasons)), why, (form, after), label)
            form = after
        return merged_with_line(self, form, out, label)

    def without_einsum(self, p: Pairing) -> Pairing:
        """The same with variables put in, where the left side has a matrix form only then."""
        if p.left.why_not_matrix is None:
            return p
        left = tidied(self.opened(p.left))
        return Pairing(left, p.right) if left.why_not_matrix is None else p

    def collected(self, form: Form) -> Form:
        """The whole differential again, where parts of it were worked on, and what belongs together added up."""
        self.show(form)
        self.shown = merged_with_line(self, form, self.back, self.whole)
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


def merged_with_line(lines: DifferentialLines, form: Form, out: list[Step], label: tuple[str, str]) -> Form:
    """A form with the coefficients of each differential added up."""
    groups: dict[Expr, list[Expr]] = {}
    for p in form.pairs:
        groups.setdefault(p.right, []).append(p.left)
    if len(groups) == len(form.pairs):
        return form
    sums = {d: tidied(add(*parts)) for d, parts in groups.items()}
    after = Form(tuple(Pairing(g, d) for d, g in sums.items() if not is_zero(g)))
    lines.line(out, "collect", "the Frobenius product is linear: A : D + B : D = (A + B) : D", (form, after), label)
    return after


def form_of_terms(whole: Expr) -> Form:
    """A scalar linear in differentials, as a form with a pairing for each term."""
    terms = whole.args if isinstance(whole, Add) else (whole,)
    pairs = [paired(ONE, t) for t in terms if holds_change(t)]
    return Form(tuple(Pairing(tidied(p.left), p.right) for p in pairs))


def summed(terms: Sequence[Expr]) -> Expr:
    """Terms of a differential added up: simplified, but with no sum inside a sum."""
    whole = shorter(add(*terms))
    if sum(isinstance(n, Add) and holds_change(n) for n in postorder([whole], lambda x: x.operands)) > 1:
        whole = add(*map(shorter, terms))
    return whole


def shorter(e: Expr) -> Expr:
    """An expression simplified, where that makes it shorter: else the order of factors stays as the rules gave it."""
    form, light = tidied(e), tidied_lightly(e)
    return form if form.cost < light.cost or not holds_change(form) else light


def is_zero(e: Expr) -> bool:
    """Whether a coefficient vanishes."""
    return isinstance(e, Zeros) or rational(e) == 0


def places(op: Expr, leaf: Expr) -> list[int]:
    """Every place of ``leaf`` among the operands."""
    return [k for k, c in enumerate(op.operands) if c is leaf]


def holders_of(op: Operator) -> list[Symbol]:
    """Letters for the operands of an operator."""
    return [Symbol(name, (c.rows, c.cols), ()) for name, c in zip("ABCDEFGH", op.operands, strict=False)]


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


def rule_of_operator(op: Operator) -> str:
    """The differential of an operator as a formula, on letters where it takes them."""
    try:
        bare = op.rebuild([c if isinstance(c, Number) else s for c, s in zip(op.operands, holders_of(op), strict=True)])
        assert isinstance(bare, Operator)
        first, letter = next((k, c) for k, c in enumerate(bare.operands) if isinstance(c, Symbol))
        told = text(bare.differential(first, Symbol(f"d{letter.name}", letter.dims, ())))
    except (AssertionError, StopIteration, ValueError, MatcalcError):
        return f"the differential of {op.name}"
    return f"the differential of {op.name}: d {text(bare)} = {told}"
