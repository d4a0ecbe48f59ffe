"""Derivations in index notation: define, differentiate with deltas, contract, back to matrices.

The function is cut into named variables at the operators that do not dissolve into indices. Each
variable is differentiated by what it is made of, in its own four lines; the sweep from the last
variable to ``wrt`` chains them. The last line is what ``grad`` answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from matcalc.calculus import pulled_back, scalar_function, target, upstream_of
from matcalc.conjugates import has_complex
from matcalc.derivation import Chained, Derivation, Partial, Step
from matcalc.differentiate import addends, change_of, differential, pull
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import (
    ONE,
    Entrywise,
    Expr,
    GradientSymbol,
    Let,
    Operator,
    Symbol,
    add,
    as_expr,
    brief,
)
from matcalc.index import At, Entry, Index, Num, Plus, Term, axis, indices_of
from matcalc.index_form import collected, contracted_term, copied, define, network_term, plus
from matcalc.network import Lowering, Network, contract
from matcalc.node import postorder
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient
from matcalc.printing import latex, text
from matcalc.printing.index_terms import IndexNames, term_latex, term_text
from matcalc.rules.closed_form import NoMatrixForm, closed_form
from matcalc.scalar import Scalars
from matcalc.simplify import simplify_all
from matcalc.variables import Variables, dim_names, free_name, is_region

STYLES = ("index",)
KINDS = ("grad", "vjp")


def derive(f: object, wrt: object, *, kind: str = "grad", style: str = "index", upstream: object = None) -> Derivation:
    """A gradient with its derivation, line by line.

    Parameters
    ----------
    f : Expr
        A scalar, or any shape for ``kind="vjp"``.
    wrt : Symbol or str
    kind : {"grad", "vjp"}
    style : {"index"}
        Index notation with explicit sums and Kronecker deltas.
    upstream : Expr or str, optional
        For ``kind="vjp"``: the gradient of the loss by ``f``; by default that of an unspecified loss ``L``.

    Returns
    -------
    Derivation

    Examples
    --------
    >>> import matcalc as mc
    >>> W, X, b = mc.symbols("W[m,n] X[n,p] b[m]")
    >>> f = mc.let("f", W @ X + b)
    >>> d = mc.derive(mc.function("L")(f), b)
    >>> d.result
    dL(f)*ones(p)
    >>> d.check().passed
    True
    """
    if style not in STYLES:
        raise UnsupportedError(f"derivations in style {style!r} are not supported; what is: {', '.join(STYLES)}")
    if kind not in KINDS:
        raise UnsupportedError(f"derivations of kind {kind!r} are not supported; what is: {', '.join(KINDS)}")
    if isinstance(wrt, (list, tuple, dict)):
        raise OperandError("derive takes one symbol at a time: call it for each")
    e = as_expr(f) if kind == "vjp" else scalar_function(f, "derive")
    w = target(e, wrt)
    if kind == "vjp" and upstream is None:
        named = e if isinstance(e, Let) else Let(free_name(e, "f", set()), e)
        e, kind = Unspecified("L", named), "grad"
    if has_complex(e) or w.is_complex:
        raise UnsupportedError(
            f"derivations of complex functions, here of {brief(e)}, are not supported; grad and wirtinger are"
        )
    seed = upstream_of(e, upstream) if kind == "vjp" else ONE
    (result,) = pulled_back(e, seed, [w])
    return Deriver(e, w, seed, result).run()


class Deriver:
    """The state of one derivation."""

    def __init__(self, e: Expr, w: Symbol, seed: Expr, result: Expr) -> None:
        self.original, self.w, self.seed, self.result = e, w, seed, result
        cut = Variables(e, w)
        self.variables, self.top = cut.all, cut.top
        self.steps: list[Step] = []
        self.gradients: dict[Expr, Expr] = {}
        self.meaning: dict[Expr, Expr] = {}
        self.defined: set[Expr] = set()
        self.active: set[Expr] = {*cut.all, w}
        self.parts = {u: self.leaves(u) for u in cut.all}
        self.uses = Counter(leaf for leaves in self.parts.values() for leaf in leaves)
        self.loss = self.top.name if seed is ONE else free_name(e, "L", cut.taken)

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
        conditions = dict.fromkeys((*self.original.conditions, *self.result.conditions))
        heading = f"{text(self.top)} = {text(self.top.arg)}, by {self.w.name}"
        if self.seed is not ONE:
            given = f"{text(self.seed)} = d{self.loss}/d{self.top.name}"
            heading = f"{self.loss} by {self.w.name}, where {given} and {text(self.top)} = {text(self.top.arg)}"
        others = [f"{v.name} = {text(v.arg)}" for v in self.variables if v is not self.top]
        if others:
            heading += "\nwhere " + ", ".join(others)
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
        )

    def leaves(self, u: Let) -> list[Expr]:
        """The variables and the ``wrt`` that a variable is made of, in reading order."""
        found = postorder([u.arg], lambda x: () if isinstance(x, Let) else x.operands)
        return [n for n in found if n in self.active and n is not u]

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
                "sum", f"{_name(u)} is used in {len(parts)} places, whose contributions add up",
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
            special = whole.pullback(op.operands.index(leaf), self.opened(upstream))
            if special is not None:
                return self.pullback_line(u, leaf, upstream, special)
        try:
            return self.block(u, leaf, upstream)
        except NoMatrixForm:
            assert isinstance(whole, Operator)
            return self.pullback_line(u, leaf, upstream, pull(whole, op.operands.index(leaf), self.opened(upstream)))

    def opened(self, e: Expr) -> Expr:
        """An expression with the names of variables and of gradients replaced by what they stand for."""
        for node in postorder([e], lambda x: (self.gradients[x],) if x in self.gradients else x.operands):
            if node not in self.meaning:
                if node in self.gradients:
                    self.meaning[node] = self.meaning[self.gradients[node]]
                elif isinstance(node, Let):
                    self.meaning[node] = self.meaning[node.arg]
                else:
                    self.meaning[node] = node.rebuild([self.meaning[c] for c in node.operands]) if node.operands else node
        return self.meaning[e]

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
        forbidden = {s.name for s in self.original.symbols} | {v.name for v in self.variables} | dim_names(self.original)
        own = tuple(x for x in (i, j) if x is not None)
        at = _at(u, i, j)
        first = IndexNames(own, forbidden)
        lines: list[Step] = []
        how = f"the entries of {u.name}, in index notation"
        free = ((i, j), (u.rows, u.cols))
        meaning = define(u.arg, i, j)
        first.share(meaning.terms if isinstance(meaning, Plus) else [meaning])
        if u not in self.defined and indices_of(meaning) and not isinstance(meaning, Entry):
            self.defined.add(u)
            lines.append(Step("definition", how, Entry(u, i, j), meaning, at.latex(first), at.text(first), free, first))
        names = IndexNames(order, forbidden)
        linear = self.linear(u.arg, leaf)
        d = change_of(leaf, _name(leaf))
        scalars = Scalars()
        lowering = Lowering(scalars, opaque=lambda x: x is d or isinstance(x, (Let, Symbol)))
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
        by = _at(leaf, k, l)
        free4 = ((i, j, k, l), (u.rows, u.cols, leaf.rows, leaf.cols))
        free2 = ((k, l), (leaf.rows, leaf.cols))
        slope = plus(slopes)
        label = _fraction(at.latex(names), by.latex(names)), f"d{at.text(names)}/d{by.text(names)}"
        mark, plain = self.via(leaf, u)
        if u is self.top:
            label = mark(label[0]), label[1] + plain
        why = self.reason(u, leaf)
        lines.append(Step("differentiate", why, Partial(u, leaf), slope, *label, free4, names))
        last: Term = slope
        loss = latex(Symbol(self.loss, (1, 1), ()))
        total_label = mark(_fraction(loss, by.latex(names))), f"d{self.loss}/d{by.text(names)}{plain}"
        if upstream is not ONE:
            last = plus(chained)
            through = f"sum over every entry of {u.name}, by the chain rule"
            lines.append(Step("chain-rule", through, Chained(u, upstream, leaf), last, *total_label, free2, names))
            label = total_label
        short = plus(collected(contracted))
        if short != last:
            over = free2 if upstream is not ONE else free4
            lines.append(Step("contract", "a delta sums to the one index that it ties", last, short, *label, over, names))
        form = simplify_all([add(*forms)])[0] if len(forms) > 1 else forms[0]
        rule = "sums over shared indices are matrix products, traces and entrywise products"
        if order or text(form) != term_text(short, names):  # else the line before says it
            lines.append(Step("matrix-form", rule, short, form, *self.quotient(leaf, u), free2, names))
        self.steps.extend(lines)
        return form

    def reason(self, u: Let, leaf: Expr) -> str:
        """Why the derivative of a variable by one of its parts is what it is."""
        op = u.arg
        if isinstance(op, Operator) and leaf in op.operands and type(op).entry is Operator.entry:
            shown = Symbol(f"d{_name(leaf)}", (leaf.rows, leaf.cols), ())
            change = text(op.differential(op.operands.index(leaf), shown))
            return (
                f"the differential of {op.name} is {change}, and d{_name(leaf)} by an entry of {_name(leaf)} is made of deltas"
            )
        if any(
            isinstance(x, Entrywise) and not x.structural for x in postorder([op], lambda x: () if x is leaf else x.operands)
        ):
            each = "" if op.is_scalar and leaf.is_scalar else " at each entry, times deltas that match the places"
            return f"the derivative of the function{each}"
        return (
            f"the derivative of an entry of {_name(leaf)} by another is 1 where their indices agree, else 0: a delta for each"
        )

    def linear(self, e: Expr, leaf: Expr) -> list[Expr]:
        """The differential of a variable's definition by one of its parts: a term for each place it is used."""
        d = change_of(leaf, _name(leaf))
        terms: dict[Expr, list[Expr]] = {leaf: [d]}
        for node in postorder([e], lambda x: () if x is leaf or isinstance(x, Let) else x.operands):
            if node is leaf:
                continue
            found: list[Expr] = []
            for k, c in enumerate(node.operands):
                for t in terms.get(c, ()):
                    if isinstance(node, Operator):
                        found.extend(addends(differential(node, k, t), d))
            if found:
                terms[node] = found
        return terms[e]

    def without(
        self, term: Expr, d: Symbol, i: At, j: At, k: Index | None, l: Index | None,  # noqa: E741
        lowering: Lowering, upstream: Expr | None,
    ) -> Network:  # fmt: skip
        """The network of one term with the differential taken out and the deltas put in."""
        net = Network(bound=[x for x in (i, j) if isinstance(x, Index)] if upstream is not None else [])
        if upstream is not None:
            lowering.lower(upstream, i, j, net)
        lowering.lower(term, i, j, net)
        rest = net.without(d, k, l)
        if rest is None:
            raise NoMatrixForm(f"{text(term)} holds the block structure of a Kronecker product")
        return rest

    def matrix_form(
        self, net: Network, k: Index | None, l: Index | None, leaf: Expr, scalars: Scalars, lowering: Lowering  # noqa: E741
    ) -> Expr:  # fmt: skip
        """The matrix form of one contracted network."""
        value, body = closed_form(contract(copied(net), k, l, lowering), leaf.rows, leaf.cols, scalars)
        scale = scalars.back(value)
        return scale if body is None else simplify_all([scale * body])[0]

    def quotient(self, leaf: Expr, u: Let | None = None) -> tuple[str, str]:
        """``d f / d leaf``, in LaTeX and in text; what comes by way of ``u`` alone, where that is not all."""
        mark, plain = self.via(leaf, u)
        return mark(_fraction(latex(Symbol(self.loss, (1, 1), ())), latex(leaf))), f"d{self.loss}/d{_name(leaf)}{plain}"

    def via(self, leaf: Expr, u: Let | None) -> tuple[Callable[[str], str], str]:
        """How a label says that it holds by way of ``u`` alone, where ``leaf`` is used elsewhere too."""
        if u is None or self.uses[leaf] < 2:
            return (lambda label: label), ""
        return (lambda label: rf"\left.{label}\right|_{{{latex(u)}}}"), f"|{u.name}"


def _name(e: Expr) -> str:
    return e.name if isinstance(e, (Symbol, Let)) else text(e)


def _fraction(above: str, below: str) -> str:
    return rf"\frac{{\partial {above}}}{{\partial {below}}}"


@dataclass(frozen=True)
class _at:  # noqa: N801 - reads as a function
    """An entry of a variable, as a label."""

    e: Expr
    i: At
    j: At

    def latex(self, names: IndexNames) -> str:
        return term_latex(Entry(self.e, self.i, self.j), names)

    def text(self, names: IndexNames) -> str:
        return term_text(Entry(self.e, self.i, self.j), names)
