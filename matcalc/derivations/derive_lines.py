"""What derivations by gradients, Jacobians and differentials share: variables, definitions, changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from matcalc.derivations.derivation import Derivation
from matcalc.derivations.forms import Change
from matcalc.derivations.index_form import define
from matcalc.derivations.steps import Step
from matcalc.derivations.variables import Variables, dim_names, written_out
from matcalc.differentiate import addends, change_of, differential
from matcalc.expr import ONE, Entrywise, Expr, Let, Operator, Symbol
from matcalc.index import At, Entry, Index, Pair, Plus, indices_of
from matcalc.network import Lowering, Network
from matcalc.node import postorder
from matcalc.ops.complex import Conj
from matcalc.printing import latex, text
from matcalc.printing.index_terms import IndexNames, term_latex, term_text
from matcalc.rules.closed_form import NoMatrixForm
from matcalc.scalar import Scalars


class Style(NamedTuple):
    """What makes the lines of a gradient, of a Jacobian, and of a directional derivative."""

    gradient: Callable[..., Any]
    jacobian: Callable[..., Any]
    push: Callable[..., Any]
    most_steps: int  # a gradient with more steps than this is one line of a Hessian


class Lines:
    """A function cut into variables, and the lines made of it so far."""

    def __init__(self, e: Expr, w: Symbol, earlier: Lines | None = None, avoid: Iterable[str] = ()) -> None:
        self.original, self.w = e, w
        cut = Variables(e, w, earlier.variables if earlier else (), avoid)
        self.variables: list[Let] = cut.all
        self.top, self.taken = cut.top, cut.taken
        self.steps: list[Step] = []
        self.gradients: dict[Expr, Expr] = {}
        self.changes: dict[Expr, Change] = {}  # the symbols of differentials, in style "differential"
        self.meaning: dict[Expr, Expr] = {}
        self.defined: set[Expr] = set(earlier.defined if earlier else ())
        self.active: set[Expr] = {*cut.all, w}
        self.parts = {u: self.leaves(u) for u in cut.all}
        self.uses = Counter(leaf for leaves in self.parts.values() for leaf in leaves)
        self.forbidden = {s.name for s in e.symbols} | {v.name for v in self.variables} | dim_names(e)

    def where(self) -> str:
        """What the variables other than the function itself stand for, as the second line of a heading."""
        others = [f"{v.name} = {text(v.arg)}" for v in self.variables if v is not self.top]
        return "\nwhere " + ", ".join(others) if others else ""

    def heading(self) -> str:
        """The function and what it is differentiated by; it says where norms are written out."""
        given, e = self.original, self.top.arg
        told = "" if written_out(given) is given else f"{text(given.arg if isinstance(given, Let) else given)} = "
        return f"{self.top.name} = {told}{text(e)}, by {self.w.name}{self.where()}"

    def derivation(self, seed: Expr, loss: str, result: Expr) -> Derivation:
        """The lines of a gradient as a whole, or of one that is pulled back from ``seed``, a loss's gradient."""
        heading = self.heading()
        if seed is not ONE:
            given = f"{text(seed)} = d{loss}/d{self.top.name}"
            heading = f"{loss} by {self.w.name}, where {given} and {text(self.top)} = {text(self.top.arg)}{self.where()}"
        return Derivation(
            self.original, self.w, result, self.steps, self.variables, self.gradients, heading,
            None if seed is ONE else seed,
            tuple(dict.fromkeys((*self.original.conditions, *result.conditions))),
            changes=self.changes,
        )  # fmt: skip

    def definition(self, u: Let, i: Index | None, j: Index | None) -> list[Step]:
        """The line that gives a variable's entries in index notation, once."""
        first = IndexNames([x for x in (i, j) if x is not None], self.forbidden)
        meaning = define(u.arg, i, j)
        first.share(meaning.terms if isinstance(meaning, Plus) else [meaning])
        if u in self.defined or not indices_of(meaning) or isinstance(meaning, Entry):
            return []
        self.defined.add(u)
        at, free = EntryLabel(u, i, j), ((i, j), (u.rows, u.cols))
        how = f"the entries of {u.name}, in index notation"
        return [Step("definition", how, Entry(u, i, j), meaning, at.latex(first), at.text(first), free, first)]

    def lowering(self, d: Symbol) -> tuple[Scalars, Lowering]:
        """What turns terms linear in ``d`` into networks, variables kept whole."""
        scalars = Scalars()
        return scalars, Lowering(scalars, opaque=lambda x: x is d or isinstance(x, (Let, Symbol)))

    def leaves(self, u: Let) -> list[Expr]:
        """The variables and the ``wrt`` that a variable is made of, in reading order."""
        found = postorder([u.arg], lambda x: () if isinstance(x, Let) else x.operands)
        return [n for n in found if n in self.active and n is not u]

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

    def notation_lines(self, why: str, earlier: Lines) -> list[Step]:
        """The lines that name the function and its parts, in the middle of a derivation that named others earlier."""
        names = [self.top, *(v for v in reversed(self.variables) if v is not self.top and v not in earlier.variables)]
        part, none = f"a name for a part of {self.top.name}", IndexNames(())
        return [Step("notation", why if v is self.top else part, v, v.arg, latex(v), v.name, ((), ()), none) for v in names]

    def reason(self, u: Let, leaf: Expr) -> str:
        """Why the derivative of a variable by one of its parts is what it is."""
        op = u.arg
        if isinstance(op, Operator) and leaf in op.operands and type(op).entry is Operator.entry:
            shown = Symbol(f"d{name_of(leaf)}", (leaf.rows, leaf.cols), ())
            change = text(op.differential(op.operands.index(leaf), shown))
            return (
                f"the differential of {op.name} is {change}, "
                f"and d{name_of(leaf)} by an entry of {name_of(leaf)} is made of deltas"
            )
        if any(
            isinstance(x, Entrywise) and not x.structural and not isinstance(x, Conj)
            for x in postorder([op], lambda x: () if x is leaf else x.operands)
        ):
            each = "" if op.is_scalar and leaf.is_scalar else " at each entry, times deltas that match the places"
            return f"the derivative of the function{each}"
        return (
            f"the derivative of an entry of {name_of(leaf)} by another is 1 where their indices agree, else 0: a delta for each"
        )

    def linear(self, e: Expr, leaf: Expr) -> list[Expr]:
        """The differential of a variable's definition by one of its parts: a term for each place it is used."""
        d = change_of(leaf, name_of(leaf))
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
        if any(f[0] is d and any(isinstance(at, Pair) for at in f[1:]) for f in net.factors):
            raise NoMatrixForm(f"{text(term)} reads an axis that is stacked from several")
        rest = net.without(d, k, l)
        if rest is None:
            raise NoMatrixForm(f"{text(term)} holds the block structure of a Kronecker product")
        return rest

    def via(self, leaf: Expr, u: Let | None) -> tuple[Callable[[str], str], str]:
        """How a label says that it holds by way of ``u`` alone, where ``leaf`` is used elsewhere too."""
        if u is None or self.uses[leaf] < 2:
            return (lambda label: label), ""
        return (lambda label: rf"\left.{label}\right|_{{{latex(u)}}}"), f"|{u.name}"


def name_of(e: Expr) -> str:
    """The name of a symbol or variable, or else the text."""
    return e.name if isinstance(e, (Symbol, Let)) else text(e)


def fraction(above: str, below: str) -> str:
    """A partial derivative in LaTeX."""
    return rf"\frac{{\partial {above}}}{{\partial {below}}}"


@dataclass(frozen=True)
class EntryLabel:
    """An entry of a variable, as a label."""

    e: Expr
    i: At
    j: At

    def latex(self, names: IndexNames) -> str:
        """In LaTeX."""
        return term_latex(Entry(self.e, self.i, self.j), names)

    def text(self, names: IndexNames) -> str:
        """In text."""
        return term_text(Entry(self.e, self.i, self.j), names)
