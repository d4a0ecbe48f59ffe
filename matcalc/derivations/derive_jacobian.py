"""Derivations of Jacobians: each variable by its parts, then the chain rule as a product of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matcalc.derivations.derive_lines import EntryLabel, Lines, fraction
from matcalc.derivations.index_form import collected, contracted_freely, copied, network_term, plus
from matcalc.derivations.steps import Arranged, Partial, Step
from matcalc.differentiate import change_of
from matcalc.dims import Dim, times_dim
from matcalc.errors import UnsupportedError
from matcalc.expr import Expr, JacobianSymbol, Let, Operator, Symbol, add, product, substitute
from matcalc.index import At, Index, Num, Term, axis
from matcalc.jacobian import stacked_form, stacked_jacobian
from matcalc.network import contract_all
from matcalc.ops.tensors import Unstacked
from matcalc.printing import latex, text
from matcalc.printing.index_terms import IndexNames
from matcalc.rules.closed_form import NoMatrixForm
from matcalc.simplify import simplify_all

NOTHING = IndexNames(())


class JacobianLines(Lines):
    """The lines of ``d vec(F) / d vec(X)'``, which are those of ``d F / d x'`` for vectors."""

    def __init__(self, e: Expr, w: Symbol, stacked: Expr, earlier: Lines | None = None) -> None:
        super().__init__(e, w, earlier)
        self.stacked = stacked
        self.symbol = self.symbol_of(self.top, w)

    def run(self) -> list[Step]:
        """All lines, from the first variable that depends on ``wrt`` to the function."""
        whole = self.chained()
        if self.steps and whole is self.stacked:
            return self.steps
        free = self.free(self.top, self.w)
        if whole is None:
            partial = Partial(self.whole(self.top), self.w)
            why = "taken as a whole: some part has no matrix form of its own"
            if self.w not in self.top.arg.symbols:
                why = f"{self.top.name} does not depend on {self.w.name}"
            self.steps.append(
                Step("jacobian", why, partial, Arranged(self.stacked, "stacked"), *self.label(self.symbol), free, NOTHING)
            )
            return self.steps
        last = self.steps[-1].after
        before = last if isinstance(last, Arranged) and last.form is whole else Arranged(whole, "stacked")
        why = "put the variables and their Jacobians in, and simplify"
        self.steps.append(
            Step("insert", why, before, Arranged(self.stacked, "stacked"), *self.label(self.symbol), free, NOTHING)
        )
        return self.steps

    def chained(self) -> Expr | None:
        """The Jacobian of the function, each variable's by ``wrt`` found from those before; None where one has no form."""
        totals: dict[Expr, Expr] = {}
        if not self.parts.get(self.top):
            return None
        try:
            for u in self.variables:
                parts: list[Expr] = []
                for leaf in self.parts[u]:
                    local = self.local(u, leaf)
                    if leaf is self.w:
                        parts.append(local)
                    elif leaf in totals:
                        parts.append(product(self.named(self.symbol_of(u, leaf), local), totals[leaf]))
                totals[u] = self.total(u, parts)
        except (NoMatrixForm, UnsupportedError):
            self.steps.clear()
            return None
        return self.gradients.get(self.symbol, totals[self.top])

    def total(self, u: Let, parts: list[Expr]) -> Expr:
        """The Jacobian of a variable by ``wrt`` under a name, with the line that adds its parts up where there are several."""
        symbol = self.symbol_of(u, self.w)
        direct = self.parts[u] == [self.w]
        whole = parts[0] if direct else add(*parts)
        if not direct:
            free = self.free(u, self.w)
            why = "the chain rule: Jacobians are multiplied along each way, and the ways added up"
            if len(parts) == 1:
                why = "the chain rule: the Jacobian of a composition is the product of the Jacobians"
            partial = Partial(self.whole(u), self.w)
            self.steps.append(Step("chain-rule", why, partial, Arranged(whole, "stacked"), *self.label(symbol), free, NOTHING))
        return self.named(symbol, whole)

    def named(self, symbol: JacobianSymbol, value: Expr) -> Expr:
        """A Jacobian under its name."""
        self.gradients[symbol] = value
        return symbol

    def whole(self, u: Let) -> Let:
        """A variable as a function of symbols alone."""
        return Let(u.name, self.opened(u.arg))

    # -------------------------------------------------------------- one variable by one of its parts
    def local(self, u: Let, leaf: Expr) -> Expr:
        """``d vec(u) / d vec(leaf)'``, other parts held fixed, with the lines that say so."""
        try:
            return self.block(u, leaf)
        except NoMatrixForm:
            return self.at_once(u, leaf)

    def block(self, u: Let, leaf: Expr) -> Expr:
        """Define, differentiate with deltas, contract, and the matrix form."""
        i, j, k, l = free = (axis(u.rows), axis(u.cols), axis(leaf.rows), axis(leaf.cols))  # noqa: E741 - the field's letter
        names = IndexNames([x for x in free if x is not None], self.forbidden)
        d = change_of(leaf, leaf.name if isinstance(leaf, (Let, Symbol)) else text(leaf))
        scalars, lowering = self.lowering(d)
        slopes: list[Term] = []
        contracted: list[Term] = []
        forms: list[Expr] = []
        for term in self.linear(u.arg, leaf):
            net = self.without(term, d, i, j, k, l, lowering, None)
            slopes.append(network_term(net, scalars, keep=free))
            done, became = contract_all(copied(net), free, lowering)
            contracted.append(contracted_freely(done, scalars, free, became))
            forms.append(stacked_form(net, i, j, k, l, lowering))
        (form,) = simplify_all([add(*forms)])
        lines = self.definition(u, i, j)
        names.share([*slopes, *contracted])
        at, by = EntryLabel(u, i, j), EntryLabel(leaf, k, l)
        mark, plain = self.fixed(u, leaf)
        label = mark(fraction(at.latex(names), by.latex(names))), f"d{at.text(names)}/d{by.text(names)}{plain}"
        dims = self.free(u, leaf)[1]
        slope, short = plus(slopes), plus(collected(contracted))
        lines.append(Step("differentiate", self.reason(u, leaf), Partial(u, leaf), slope, *label, (free, dims), names))
        if short == slope:
            short = slope  # the very term, so that the next line goes on from it
        else:
            lines.append(
                Step("contract", "a delta sums to the one index that it ties", slope, short, *label, (free, dims), names)
            )
        if any(x is not None for x in free) or not isinstance(short, Num) or text(form) != str(short.value):
            named = self.local_label(u, leaf)
            lines.append(
                Step("matrix-form", _order(u, leaf, free, names), short, Arranged(form, "stacked"), *named, (free, dims), names)
            )
        self.steps.extend(lines)
        return form

    def at_once(self, u: Let, leaf: Expr) -> Expr:
        """One line for a variable whose Jacobian has no form term by term."""
        holders = {v: Symbol(v.name, (v.rows, v.cols), ()) for v in (*self.parts[u], leaf) if isinstance(v, Let)}
        bare = substitute(u.arg, dict(holders.items()))
        by = holders[leaf] if isinstance(leaf, Let) else leaf
        assert isinstance(by, Symbol)
        form = substitute(stacked_jacobian(bare, by), {s: v for v, s in holders.items()})
        why = f"the Jacobian of {u.arg.name if isinstance(u.arg, Operator) else u.name}, columns stacked"
        free = self.free(u, leaf)
        label = self.local_label(u, leaf)
        self.steps.append(Step("jacobian", why, Partial(u, leaf), Arranged(form, "stacked"), *label, free, NOTHING))
        return form

    # -------------------------------------------------------------- labels
    def free(self, u: Expr, leaf: Expr) -> tuple[tuple[At, ...], tuple[Dim, ...]]:
        """No letters: the free indices of a line in matrix notation, with their dimensions."""
        return (None, None, None, None), (u.rows, u.cols, leaf.rows, leaf.cols)

    def symbol_of(self, u: Let, leaf: Expr) -> JacobianSymbol:
        """The name of ``d vec(u) / d vec(leaf)'``."""
        assert isinstance(leaf, (Let, Symbol))
        above = f" vec({u.name})" if u.ndim == 2 else u.name
        below = (f" vec({leaf.name})'", f"{leaf.name}'", leaf.name)[2 - leaf.ndim]
        dims = (times_dim(u.rows, u.cols), times_dim(leaf.rows, leaf.cols))
        return JacobianSymbol(f"d{above}/d{below}", dims, (), u.name, leaf.name, (u.ndim, leaf.ndim))

    def local_label(self, u: Let, leaf: Expr) -> tuple[str, str]:
        """The name of a variable's Jacobian by one of its parts, the others held fixed."""
        mark, plain = self.fixed(u, leaf)
        written, told = self.label(self.symbol_of(u, leaf))
        return mark(written), told + plain

    def fixed(self, u: Let, leaf: Expr) -> tuple[Callable[[str], str], str]:
        """How a label says which variables are held fixed, where they depend on ``wrt`` too."""
        others = [v for v in self.parts[u] if v is not leaf and isinstance(v, Let)]
        if leaf is not self.w or not others:
            return (lambda label: label), ""
        below = ",".join(latex(v) for v in others)
        return (lambda label: rf"\left.{label}\right|_{{{below}}}"), f"|{','.join(v.name for v in others)}"

    def label(self, symbol: Expr) -> tuple[str, str]:
        """A Jacobian's name in LaTeX and in text."""
        return latex(symbol), text(symbol)


def _order(u: Expr, leaf: Expr, free: Sequence[Index | None], names: IndexNames) -> str:
    """Why a table of partial derivatives is this matrix: which index runs fastest."""
    sides = (("row", free[:2]), ("column", free[2:]))
    pairs = [(what, names[a], names[b]) for what, (a, b) in sides if a is not None and b is not None]
    if not pairs:
        there = [(f"{what}s", *(names[x] for x in pair if x is not None)) for what, pair in sides]
        shown = ", ".join(f"{what} by {letter[0]}" for what, *letter in there if letter)
        return f"as a matrix: {shown}" if shown else "the same, more briefly"
    told = ", ".join(f"{a} runs fastest in {what} ({a},{b})" for what, a, b in pairs)
    return f"vec stacks columns: {told}"


def laid_out(stacked: Expr, result: Expr, e: Expr, w: Symbol, layout: str, label: tuple[str, str]) -> list[Step]:
    """The line from the stacked form to the layout asked for; none where they are the same."""
    if result is stacked:
        return []
    dims = (e.rows, e.cols, w.rows, w.cols)
    after = Arranged(result, "stacked")
    why = "the same numbers as an array, the axes of the function first"
    if layout == "denominator":
        why = "the denominator layout is the transpose"
    if not isinstance(result, Unstacked) and (e.is_scalar or w.is_scalar):
        after, why = Arranged(result, "plain"), "unstacked, in the shape of what is differentiated by"
        if not e.is_scalar:
            why = "unstacked, in the shape of the function"
    elif layout == "denominator":
        after = Arranged(result, "transposed")
    return [Step("layout", why, Arranged(stacked, "stacked"), after, *label, ((None,) * 4, dims), NOTHING)]
