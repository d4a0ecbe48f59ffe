"""Derivations of differentials, jvps and hvps: each variable's change from the changes before it."""

from __future__ import annotations

from matcalc.derivations.derivation import Derivation
from matcalc.derivations.derive_jacobian import NOTHING
from matcalc.derivations.derive_lines import Lines, Style, name_of
from matcalc.derivations.steps import Pushed, Step
from matcalc.derivations.variables import free_name, is_region
from matcalc.differentiate import change_of, reverse_sweep
from matcalc.expr import ONE, Entrywise, Expr, Let, Operator, Symbol, add, substitute
from matcalc.jacobian import hvp, jvp
from matcalc.node import postorder
from matcalc.printing import latex, text
from matcalc.simplify import simplify_all


class PushLines(Lines):
    """The lines of a forward push: ``dR = ...`` for every variable, in the changes of those before it."""

    def __init__(self, e: Expr, w: Symbol, tangent: Expr, result: Expr, earlier: Lines | None = None) -> None:
        super().__init__(e, w, earlier, [s.name for s in tangent.symbols if s is not w])
        self.tangent, self.result = tangent, result

    def run(self) -> list[Step]:
        """All lines, ending in ``result``."""
        changes: dict[Expr, Expr] = {self.w: self.tangent}
        taken = {*self.taken, *(s.name for s in self.tangent.symbols)}
        form: Expr | None = None
        for u in self.variables:
            pairs = tuple((leaf, changes[leaf]) for leaf in self.parts[u] if leaf in changes)
            if not pairs:
                continue
            name = free_name(self.original, f"d{u.name}", taken)
            symbol = Symbol(name, (u.rows, u.cols), ())
            taken.add(name)
            (form,) = simplify_all([add(*(self.moved(u, leaf, change) for leaf, change in pairs))])
            label = latex(symbol), text(symbol)
            self.steps.append(Step("differential", self.rule(u, pairs), Pushed(u, pairs), form, *label, ((), ()), NOTHING))
            self.gradients[symbol] = form
            changes[u] = symbol
        name = free_name(self.original, f"d{self.top.name}", {*self.taken, *(s.name for s in self.tangent.symbols)})
        label = latex(Symbol(name, (1, 1), ())), name
        if form is None:
            why = f"{self.top.name} does not depend on {self.w.name}"
            before = Pushed(self.top, ((self.w, self.tangent),))
            self.steps.append(Step("constant", why, before, self.result, *label, ((), ()), NOTHING))
        elif form is not self.result:
            why = "put the variables and their changes in, and simplify"
            self.steps.append(Step("insert", why, form, self.result, *label, ((), ()), NOTHING))
        return self.steps

    def moved(self, u: Let, leaf: Expr, change: Expr) -> Expr:
        """What a variable changes by when one part does."""
        d = change_of(leaf, name_of(leaf))
        return add(*(substitute(term, {d: change}) for term in self.linear(u.arg, leaf)))

    def rule(self, u: Let, pairs: tuple[tuple[Expr, Expr], ...]) -> str:
        """Why the differential is what it is."""
        op = u.arg
        inner = list(postorder([op], lambda x: () if isinstance(x, (Let, Symbol)) else x.operands))
        if isinstance(op, Operator) and not is_region(op) and not isinstance(op, Entrywise):
            return f"the differential of {op.name}"
        if any(isinstance(x, Entrywise) and not x.structural for x in inner):
            return "each entry changes by the derivative of the function there times its own change"
        if len(pairs) > 1 or sum(x is pairs[0][0] for n in inner for x in n.operands) > 1:
            return "the product rule: each place that changes contributes, the others held fixed"
        return "a linear function changes by the same function of the change"


def push_derivation(e: Expr, w: Symbol, tangent: Expr, style: Style) -> Derivation:
    """The derivation of what ``jvp`` answers."""
    result = jvp(e, w, tangent)
    lines = style.push(e, w, tangent, result)
    steps = lines.run()
    conditions = dict.fromkeys((*e.conditions, *result.conditions))
    heading = lines.heading().replace(f", by {w.name}", f", when {w.name} changes by {text(tangent)}", 1)
    return Derivation(
        e, w, result, steps, lines.variables, lines.gradients, heading, None, tuple(conditions), (tangent,),
        lines.changes,
    )  # fmt: skip


def hvp_derivation(e: Expr, w: Symbol, direction: Expr, style: Style) -> Derivation:
    """The derivation of what ``hvp`` answers: the change of the gradient along ``direction``."""
    result = hvp(e, w, direction)
    free = Symbol(w.name, w.dims, ())
    bare = substitute(e, {w: free})
    (gradient,) = simplify_all(reverse_sweep(bare, ONE, [free]))
    first = style.gradient(bare, free, ONE, gradient)
    steps = first.run().steps
    top = Let(free_name(bare, "g", {v.name for v in first.variables} | {s.name for s in direction.symbols}), gradient)
    second = style.push(top, free, direction, result, first)
    lines = second.run()
    why = f"the gradient: what it changes by along {text(direction)} is the Hessian times {text(direction)}"
    steps.extend(second.notation_lines(why, first))
    steps.extend(lines)
    conditions = dict.fromkeys((*e.conditions, *result.conditions))
    heading = first.heading().replace(f", by {w.name}", f", by {w.name} twice, the second time along {text(direction)}", 1)
    return Derivation(
        e, w, result, steps, first.variables, {**first.gradients, **second.gradients}, heading, None,
        tuple(conditions), (direction,), {**first.changes, **second.changes},
    )  # fmt: skip
