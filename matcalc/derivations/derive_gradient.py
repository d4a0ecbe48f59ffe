"""Derivations of gradients: the sweep from the last variable to ``wrt``, four lines for each part of a variable."""

from __future__ import annotations

import sympy as sp

from matcalc.derivations.derivation import Derivation
from matcalc.derivations.derive_lines import EntryLabel, Lines, fraction, name_of
from matcalc.derivations.index_form import collected, contracted_term, copied, network_term, plus
from matcalc.derivations.steps import Chained, Partial, Step
from matcalc.derivations.variables import free_name, is_region
from matcalc.differentiate import change_of, pull
from matcalc.expr import ONE, Expr, GradientSymbol, Let, Operator, Symbol, add
from matcalc.index import Index, Num, Term, axis
from matcalc.network import Lowering, Network, contract
from matcalc.ops.structure import zeros
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient
from matcalc.printing import latex, text
from matcalc.printing.index_terms import IndexNames, term_text
from matcalc.rules.closed_form import NoMatrixForm, closed_form
from matcalc.scalar import Scalars
from matcalc.simplify import simplify_all


class GradientLines(Lines):
    """The lines of a gradient, or of a pulled-back one where ``seed`` is not 1."""

    def __init__(self, e: Expr, w: Symbol, seed: Expr, result: Expr) -> None:
        super().__init__(e, w, None, [s.name for s in seed.symbols])
        self.seed, self.result = seed, result
        self.loss = self.top.name if seed is ONE else free_name(e, "L", self.taken)

    # -------------------------------------------------------------- the sweep
    def run(self) -> Derivation:
        """All lines, from the last variable to ``wrt``."""
        gathered: dict[Expr, list[Expr]] = {}
        for u in reversed(self.variables):
            if u is self.top:
                upstream = self.seed
            elif u in gathered:
                upstream = self.total(u, gathered[u])
            else:
                continue
            for leaf in self.parts[u]:
                gathered.setdefault(leaf, []).append(self.contribution(u, leaf, upstream))
        if self.w in gathered:
            self.finish(gathered[self.w])
        else:
            self.constant()
        return self.derivation(self.seed, self.loss, self.result)

    def total(self, u: Let, parts: list[Expr]) -> Expr:
        """The gradient by a variable under a name, its contributions added up."""
        if self.is_loss_gradient(parts):
            return parts[0]
        whole = simplify_all([add(*parts)])[0]
        name = GradientSymbol(f"d{self.loss}/d{u.name}", (u.rows, u.cols), (), self.loss, u.name)
        self.gradients[name] = whole
        if len(parts) > 1:
            self.sum_line(u, parts, whole)
        return name

    def is_loss_gradient(self, parts: list[Expr]) -> bool:
        """Whether the only contribution is the gradient of an unspecified function, which has a name already."""
        return len(parts) == 1 and isinstance(parts[0], UnspecifiedGradient)

    def sum_line(self, u: Expr, parts: list[Expr], whole: Expr) -> None:
        """The line that adds the contributions up."""
        self.steps.append(
            Step(
                "sum", f"{name_of(u)} is used in {len(parts)} places, whose contributions add up",
                add(*parts), whole, *self.quotient(u), ((), ()), IndexNames(()),
            )
        )  # fmt: skip

    def finish(self, parts: list[Expr]) -> None:
        """The last lines: contributions added, intermediate gradients and variables put in, simplified."""
        whole = simplify_all([add(*parts)])[0] if len(parts) > 1 else parts[0]
        if len(parts) > 1:
            self.sum_line(self.w, parts, whole)
        if whole is not self.result:
            self.steps.append(
                Step(
                    "insert", "put the intermediate gradients and variables in, and simplify",
                    whole, self.result, *self.quotient(self.w), ((), ()), IndexNames(()),
                )
            )  # fmt: skip

    def constant(self) -> None:
        """The only line where the function does not depend on ``wrt``."""
        zero = Partial(self.top, self.w)
        rows, cols = axis(self.w.rows), axis(self.w.cols)
        self.steps.append(
            Step(
                "constant", f"{self.top.name} does not depend on {self.w.name}", zero, Num(sp.Integer(0)),
                *self.quotient(self.w), ((None, None, rows, cols), (1, 1, self.w.rows, self.w.cols)), IndexNames(()),
            )
        )  # fmt: skip

    # -------------------------------------------------------------- one variable by one of its parts
    def contribution(self, u: Let, leaf: Expr, upstream: Expr) -> Expr:
        """What ``leaf`` contributes to the gradient by way of ``u``, with the lines that say so."""
        op = u.arg
        if isinstance(op, Unspecified) and upstream is ONE:
            known = UnspecifiedGradient(op.function, leaf)
            why = f"d{op.function} is the gradient of the unspecified function {op.function}"
            return known if leaf is not self.w else self.pullback_line(u, leaf, upstream, known, why)
        whole = self.opened(op)
        if isinstance(whole, Operator) and leaf in op.operands and not is_region(op):
            found = [whole.pullback(k, self.opened(upstream)) for k in places(op, leaf)]
            special = [g for g in found if g is not None]
            if len(special) == len(found):
                return self.pullback_line(u, leaf, upstream, add(*special))
        try:
            return self.block(u, leaf, upstream)
        except NoMatrixForm:
            assert isinstance(whole, Operator)
            every = [pull(whole, k, self.opened(upstream)) for k in places(op, leaf)]
            return self.pullback_line(u, leaf, upstream, add(*every))

    def pullback_line(self, u: Let, leaf: Expr, upstream: Expr, gradient: Expr, why: str = "") -> Expr:
        """One line for an operator whose pullback is known as a whole."""
        (form,) = simplify_all([gradient])
        (i, j), by = (axis(u.rows), axis(u.cols)), (axis(leaf.rows), axis(leaf.cols))
        before = Partial(u, leaf) if upstream is ONE else Chained(u, upstream, leaf)
        name = u.arg.name if isinstance(u.arg, Operator) else u.name
        free = ((i, j, *by), (u.rows, u.cols, leaf.rows, leaf.cols))
        why = why or f"the pullback of {name}, at {u.name}"
        self.steps.append(Step("pullback", why, before, form, *self.quotient(leaf, u), free, IndexNames(())))
        return form

    def block(self, u: Let, leaf: Expr, upstream: Expr) -> Expr:
        """The lines for ``d u / d leaf``: define, differentiate, chain, contract, and the matrix form."""
        i, j = axis(u.rows), axis(u.cols)
        k, l = axis(leaf.rows), axis(leaf.cols)  # noqa: E741 - the field's own letter
        order = tuple(x for x in (i, j, k, l) if x is not None)
        at = EntryLabel(u, i, j)
        lines = self.definition(u, i, j)
        names = IndexNames(order, self.forbidden)
        linear = self.linear(u.arg, leaf)
        d = change_of(leaf, name_of(leaf))
        scalars, lowering = self.lowering(d)
        slopes: list[Term] = []
        chained: list[Term] = []
        contracted: list[Term] = []
        forms: list[Expr] = []
        for term in linear:
            slope_net = self.without(term, d, i, j, k, l, lowering, None)
            slopes.append(network_term(slope_net, scalars, keep=(i, j, k, l)))
            if upstream is not ONE:
                net = self.without(term, d, i, j, k, l, lowering, upstream)
                chained.append(network_term(net, scalars, keep=(k, l)))
            else:
                net = slope_net
            done = contract(copied(net), k, l, lowering)
            contracted.append(contracted_term(done, scalars, k, l))
            forms.append(self.matrix_form(net, k, l, leaf, scalars, lowering))
        names.share([*slopes, *chained, *contracted])
        by = EntryLabel(leaf, k, l)
        free4 = ((i, j, k, l), (u.rows, u.cols, leaf.rows, leaf.cols))
        free2 = ((k, l), (leaf.rows, leaf.cols))
        slope = plus(slopes)
        label = fraction(at.latex(names), by.latex(names)), f"d{at.text(names)}/d{by.text(names)}"
        mark, plain = self.via(leaf, u)
        if u is self.top:
            label = mark(label[0]), label[1] + plain
        why = self.reason(u, leaf)
        lines.append(Step("differentiate", why, Partial(u, leaf), slope, *label, free4, names))
        last: Term = slope
        loss = latex(Symbol(self.loss, (1, 1), ()))
        total_label = mark(fraction(loss, by.latex(names))), f"d{self.loss}/d{by.text(names)}{plain}"
        if upstream is not ONE:
            last = plus(chained)
            through = f"sum over every entry of {u.name}, by the chain rule"
            lines.append(Step("chain-rule", through, Chained(u, upstream, leaf), last, *total_label, free2, names))
            label = total_label
        short = plus(collected(contracted))
        if short == last:
            short = last  # the very term, so that the next line goes on from it
        else:
            over = free2 if upstream is not ONE else free4
            lines.append(Step("contract", "a delta sums to the one index that it ties", last, short, *label, over, names))
        form = simplify_all([add(*forms)])[0] if len(forms) > 1 else forms[0]
        rule = "sums over shared indices are matrix products, traces and entrywise products"
        if order or text(form) != term_text(short, names):  # else the line before says it
            lines.append(Step("matrix-form", rule, short, form, *self.quotient(leaf, u), free2, names))
        self.steps.extend(lines)
        return form

    def matrix_form(
        self, net: Network, k: Index | None, l: Index | None, leaf: Expr, scalars: Scalars, lowering: Lowering  # noqa: E741
    ) -> Expr:  # fmt: skip
        """The matrix form of one contracted network."""
        value, body = closed_form(contract(copied(net), k, l, lowering), leaf.rows, leaf.cols, scalars)
        if value == 0:
            return zeros(leaf.rows, leaf.cols)
        scale = scalars.back(value)
        return scale if body is None else simplify_all([scale * body])[0]

    def quotient(self, leaf: Expr, u: Let | None = None) -> tuple[str, str]:
        """``d f / d leaf``, in LaTeX and in text; what comes by way of ``u`` alone, where that is not all."""
        mark, plain = self.via(leaf, u)
        return mark(fraction(latex(Symbol(self.loss, (1, 1), ())), latex(leaf))), f"d{self.loss}/d{name_of(leaf)}{plain}"


def places(op: Expr, leaf: Expr) -> list[int]:
    """Every place of ``leaf`` among the operands: it may stand in several."""
    return [k for k, c in enumerate(op.operands) if c is leaf]
