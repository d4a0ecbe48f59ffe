"""Simplification, by regions of the shared graph.

A region is a maximal piece that dissolves into indices; its leaves are atoms. Atoms are simplified
first, then the region is lowered once, each addend is read back, like addends are merged (equal
trees are equal addends), and common factors are taken out. ``present`` finishes what only a reader
needs: powers, transposes outside, broadcast sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from matcalc.errors import LimitError
from matcalc.expand import terms_of
from matcalc.expr import (
    ONE,
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Item,
    Operator,
    Power,
    Product,
    Quotient,
    Transpose,
    add,
    hadamard,
    quotient,
    sort_key,
    spread,
)
from matcalc.index import axis
from matcalc.network import Lowering, contract
from matcalc.node import postorder
from matcalc.ops.blocks import Slice
from matcalc.ops.elementwise import Sqrt
from matcalc.ops.reductions import Norm2, NormF, Total, Trace
from matcalc.ops.structure import Diag, Diagonal, Eye, Zeros, zeros
from matcalc.ops.tensors import Einsum, with_axes_of
from matcalc.ops.triangles import Cumsum, RevCumsum, Tril, Triu
from matcalc.present import present
from matcalc.rewrite import first_match
from matcalc.rules.chain import chain, trace_of
from matcalc.rules.closed_form import NoMatrixForm, closed_form
from matcalc.rules.common import common, places, writings
from matcalc.rules.einsum_form import einsum_form
from matcalc.rules.matrix import MATRIX
from matcalc.rules.naming import recognised
from matcalc.rules.rational import cancelled
from matcalc.rules.squares import completed, shared_factors, square_of
from matcalc.scalar import Scalars, is_arithmetic, spread_out

DISSOLVING = (
    Product, Transpose, Trace, Total, Diag, Diagonal, Hadamard, Item, Slice, Tril, Triu, Cumsum, RevCumsum, Einsum,
)  # fmt: skip
LONG_CHAIN = 12  # factors of a chain beyond which it is kept whole where it is used more than once
EXPAND_LIMIT = 60  # expressions up to this many symbols are tried multiplied out too
TIDY_LIMIT = 60  # SymPy's factor is tried on scalars of up to this many terms when multiplied out
Addend = tuple[sp.Expr, Expr | None]  # coefficient and body; a scalar has no body


def simplify_all(roots: Sequence[Expr]) -> list[Expr]:
    """Several expressions simplified together, sharing the work on what they share."""
    shown = shortest_forms(roots)
    called = recognised(shown)
    changed = [c for c, s in zip(called, shown, strict=True) if c is not s]
    if not changed:
        return shown
    # what has a name now may cancel or have factors in common
    anew = dict(zip(changed, recognised(shortest_forms(changed)), strict=True))
    return [min(c, anew.get(c, c), key=lambda e: e.cost) for c in called]


def shortest_forms(roots: Sequence[Expr]) -> list[Expr]:
    """Expressions simplified together, each multiplied out first where that is shorter."""
    forms = Simplifier(roots).run()
    shown = present(forms)
    return [shorter_expanded(f, s) if 1 < f.leaves <= EXPAND_LIMIT else s for f, s in zip(forms, shown, strict=True)]


def shorter_expanded(form: Expr, shown: Expr) -> Expr:
    """An expression as it is shown, or multiplied out and factored anew, whichever is shorter."""
    try:
        terms = terms_of(form, EXPAND_LIMIT, inside=False)
    except LimitError:
        return shown
    if len(terms) == 1:
        return shown
    (other,) = present(Simplifier([add(*terms)]).run())
    return other if other.cost < shown.cost else shown


class Simplifier:
    """The simplified forms of the nodes of one shared graph."""

    def __init__(self, roots: Sequence[Expr]) -> None:
        self.roots = list(roots)
        self.scalars = Scalars()
        self.forms: dict[Expr, Expr] = {}
        self.kept: set[Expr] = set()  # forms that stay atoms wherever they are used
        self.lowering = Lowering(self.scalars, self.form, self.kept.__contains__)
        self.tidied: dict[sp.Expr, sp.Expr] = {}
        self.order = list(postorder(self.roots, lambda e: e.operands))
        self.uses: dict[Expr, int] = dict.fromkeys(self.order, 0)
        self.heads = set(self.roots)
        for node in self.order:
            for child in node.operands:
                self.uses[child] += 1
                if not _dissolves_into(child, node):
                    self.heads.add(child)
        self.shared = self._shared()
        self.heads |= self.shared

    def _shared(self) -> set[Expr]:
        """Entrywise products and long chains that are used more than once: taken apart at each use, they grow as depth^2."""
        found: set[Expr] = set()
        length: dict[Expr, int] = {}
        for node in self.order:
            inside = [c for c in node.operands if _dissolves_into(c, node) and c not in found]
            length[node] = sum(length[c] for c in inside) + len(node.operands) - len(inside)
            if self.uses[node] > 1 and (_is_entrywise_product(node) or _is_long_chain(node, length[node])):
                found.add(node)
        return found

    def run(self) -> list[Expr]:
        """Simplify every node that is the head of a region, operands first."""
        for node in self.order:
            if node in self.heads:
                form = with_axes_of(self.simplified(node), node)
                self.forms[node] = form
                self.forms.setdefault(form, form)
                if node in self.shared and (_is_entrywise_product(form) or isinstance(form, Product)):
                    self.kept.add(form)
        return [self.forms[r] for r in self.roots]

    def form(self, e: Expr) -> Expr:
        """The simplified form of a node that has one, else the node."""
        return self.forms.get(e, e)

    # -------------------------------------------------------------- one node
    def simplified(self, e: Expr) -> Expr:
        """The simplified form of a node whose region's atoms are done."""
        if isinstance(e, (Add, BroadcastAdd)) and not e.is_scalar:
            return self.assemble_sum(self.merge(self.addends(e)), e)
        if is_arithmetic(e):
            value = self.scalars.lower(e, self.closed_scalar)
            return self.scalars.back(self.collected(self.tidy(value)))
        if is_dissolving(e) or isinstance(e, (Quotient, Power, Sqrt)):
            return self.assemble_sum([self.addend(e)], e)
        if isinstance(e, Operator) and e.operands:
            return self.function(e)
        return e

    def closed_scalar(self, e: Expr) -> sp.Expr:
        """A scalar that SymPy does not compute with, as SymPy sees it: a coefficient times a closed network."""
        form = self.forms.get(e)
        if form is None:
            return self.addend(e)[0] if is_dissolving(e) else self.scalars.symbol(e)
        return self.scalars.lower(form, self.scalars.symbol) if is_arithmetic(form) else self.scalars.symbol(form)

    def function(self, e: Operator) -> Expr:
        """An operator that does not dissolve: its operands simplified, then the table of cancellations."""
        result = e.rebuild([self.form(c) for c in e.operands])
        hit = first_match(result, MATRIX)
        if hit is None:
            return result
        # what a rule makes may simplify again, on operands that are forms already
        after = hit[1]
        for node in postorder([after], lambda x: () if x in self.forms else x.operands):
            if node not in self.forms:
                self.forms[node] = self.simplified(node)
        return self.forms[after]

    def addend(self, e: Expr) -> Addend:
        """A region without sums as a coefficient and a body."""
        row, col = axis(e.rows), axis(e.cols)
        net = contract(self.lowering.lower(e, row, col), row, col, self.lowering)
        try:
            value, body = closed_form(net, e.rows, e.cols, self.scalars)
        except NoMatrixForm as reason:
            g = reason.rest
            rest = einsum_form(g, [net.row], [net.col])
            return (g.coefficient * self.scalars.symbol(rest), None) if e.is_scalar else (g.coefficient, rest)
        return self.resolve(value), body

    def resolve(self, value: sp.Expr) -> sp.Expr:
        """A coefficient with the symbols of closed networks that a rule knows replaced."""
        changes = {}
        for s in value.free_symbols:
            e = self.scalars.expr_of.get(s)
            if e is None or e in self.forms:
                continue
            hit = first_match(e, MATRIX)
            self.forms[e] = e if hit is None else self.simplified(hit[1])
            if hit is not None:
                form = self.forms[e]
                changes[s] = self.scalars.lower(form, self.scalars.symbol)
        return value.subs(list(changes.items())) if changes else value

    # -------------------------------------------------------------- sums
    def addends(self, e: Expr) -> list[Addend]:
        """The addends of a sum: nested sums opened, stretched operands spread."""
        out: list[Addend] = []
        stack = [(sp.Integer(1), e, False)]
        while stack:
            c, node, done = stack.pop()
            if isinstance(node, Add):
                stack.extend((c, a, done) for a in reversed(node.args))
                continue
            if isinstance(node, BroadcastAdd):
                stack.extend((c, spread(a, (node.rows, node.cols)), done) for a in reversed(node.operands))
                continue
            known = None if done else self.forms.get(node)  # a form is not simplified again
            if known is not None and known is not node:
                stack.append((c, known, True))
                continue
            value, body = self.addend(node)
            if isinstance(body, Add):
                stack.append((c * value, body, True))
            elif value != 0:
                out.append((c * value, body))
        return out

    def merge(self, addends: Sequence[Addend]) -> list[Addend]:
        """Like addends together: those with the same body."""
        total: dict[Expr | None, sp.Expr] = {}
        for c, body in addends:
            total[body] = total[body] + c if body in total else c
        return [(self.tidy(c), body) for body, c in total.items() if c != 0]

    def assemble_sum(self, addends: Sequence[Addend], like: Expr) -> Expr:
        """A sum of addends as an expression, with common factors taken out."""
        content, body = self.factored(addends)
        if content == 0:
            return zeros(like.rows, like.cols)
        return cancelled(self.scaled(self.tidy(content), body))

    def scaled(self, c: sp.Expr, body: Expr | None) -> Expr:
        """A coefficient times a body."""
        if body is None or c == 1:
            return self.scalars.back(c) if body is None else body
        scale = self.scalars.back(c)
        if isinstance(scale, Quotient):
            return quotient(hadamard(scale.above, body), scale.below)
        return hadamard(scale, body)

    def factored(self, addends: Sequence[Addend]) -> Addend:
        """A sum as one coefficient and one body."""
        terms = [(c, b) for c, b in addends if c != 0]
        if not terms:
            return sp.Integer(0), None
        if len(terms) == 1:
            return terms[0]
        number, factor = _content([c for c, _ in terms])
        inner = [(c / number / factor, b) for c, b in terms]  # apart: SymPy multiplies a number into a sum, which then stays
        content = number * factor
        inner = self.grouped(inner)
        if not inner:
            return sp.Integer(0), None
        if len(inner) == 1:
            return content * inner[0][0], inner[0][1]
        inner.sort(key=lambda t: _term_key(*t))
        if content != 1 and all(c.could_extract_minus_sign() for c, _ in inner):
            content, inner = -content, [(-c, b) for c, b in inner]
        whole = cancelled(add(*(self.scaled(c, b) for c, b in inner)))
        if isinstance(whole, Zeros):
            return sp.Integer(0), None
        if content.is_Rational and content not in (1, -1):
            apart = add(*(self.scaled(content * c, b) for c, b in inner))
            if apart.cost < self.weight((content, whole)):
                return sp.Integer(1), apart
        return content, whole

    def grouped(self, terms: list[Addend]) -> list[Addend]:
        """Take common factors out, those that save most first, while the sum shrinks."""
        options = [self.grouped_as_written(terms)]
        for bodies in writings([b for _, b in terms]):
            options.append(self.grouped_as_written(self.merge([(c, b) for (c, _), b in zip(terms, bodies, strict=True)])))
        return min(options, key=lambda ts: sum(map(self.weight, ts)) + len(ts))

    def grouped_as_written(self, terms: list[Addend]) -> list[Addend]:
        """Take common factors out that stand on the same side, the one that saves most first."""
        while len(terms) > 1:
            best = self.best_group(terms)
            if best is None:
                return terms
            terms = best
        return terms

    def best_group(self, terms: list[Addend]) -> list[Addend] | None:
        """The terms with one common factor taken out, if that makes them shorter."""
        groups: dict[tuple[str, Expr], list[int]] = {}
        for k, (c, body) in enumerate(terms):
            if body is None:
                continue
            scale = c.as_coeff_Mul()[1]
            if scale != 1:
                groups.setdefault(("scale", self.scalars.back(scale)), []).append(k)
            for place in places(body):
                groups.setdefault(place, []).append(k)
        chances = sorted(
            ((len(ks) - 1) * (place[1].cost + 1), sort_key(place[1]), place[0], place, ks)
            for place, ks in groups.items()
            if len(ks) > 1
        )
        for _, _, _, (side, _), ks in reversed(chances[-4:]):
            members = [terms[k] for k in ks]
            bodies = [b for _, b in members if b is not None]
            if side == "scale":
                factor = members[0][0].as_coeff_Mul()[1]
                content, whole = self.factored(self.merge(self.opened([(c / factor, b) for c, b in members])))
                content = content * factor
            else:
                shared = common(side, bodies)
                if shared is None:
                    continue
                inside = [(c, b) for (c, _), b in zip(members, shared.rest, strict=True)]
                content, body = self.factored(self.merge(self.opened(inside)))
                whole = shared.put_back(body) if content != 0 else None
            before = sum(self.weight(t) for t in members) + len(members) - 1
            after = self.weight((content, whole))
            if after < before:
                rest = [t for k, t in enumerate(terms) if k not in set(ks)]
                return self.merge([*rest, (content, whole)]) if content != 0 else rest
        return None

    def opened(self, addends: Sequence[Addend]) -> list[Addend]:
        """Addends with those that are sums themselves taken apart."""
        out: list[Addend] = []
        for c, body in addends:
            if isinstance(body, Add):
                out.extend((c * value, b) for value, b in map(self.addend, body.args))
            else:
                out.append((c, body))
        return out

    def weight(self, term: Addend) -> int:
        """The cost of a term as it would be written."""
        return 0 if term[0] == 0 else self.scaled(abs(term[0]) if term[0].is_Rational else term[0], term[1]).cost

    # -------------------------------------------------------------- scalars
    def collected(self, value: sp.Expr) -> sp.Expr:
        """A scalar with sums of inner products put under common vectors, as ``x'*(y - z)``, and the like of traces."""
        changes = {total: new for total in value.atoms(sp.Add) if (new := self.collected_sum(total)) is not None}
        return value.xreplace(changes) if changes else value

    def collected_sum(self, total: sp.Add) -> sp.Expr | None:
        """One sum with its squares completed and its inner products and traces put together; None if that does nothing."""
        split = [self.closed_factor(t) for t in total.args]
        addends = [(c, b) for c, b in split if b is not None]
        if len(addends) < 2:
            return None
        done = completed(addends)
        inner = self.grouped(self.merge([(c, b) for c, b in done if isinstance(b, Product)]))
        rings = self.grouped_traces(self.merge([(c, b) for c, b in done if isinstance(b, Trace)]))
        others = [(c, b) for c, b in done if not isinstance(b, (Product, Trace))]
        new = [*inner, *rings, *others]
        if len(new) == len(addends):
            return None
        rest = [t for t, (_, b) in zip(total.args, split, strict=True) if b is None]
        return sp.Add(*rest, *(c * self.scalars.lower(b, self.scalars.symbol) for c, b in new if b is not None))

    def closed_factor(self, term: sp.Expr) -> Addend:
        """A term as a coefficient and the one inner product, trace or squared norm in it, if there is one."""
        found: list[tuple[sp.Expr, Expr]] = []
        for f in sp.Mul.make_args(term):
            base, p = f.as_base_exp()
            e = self.scalars.expr_of.get(base)
            if p == 1 and isinstance(e, (Product, Trace)):
                found.append((f, e))
            elif p == 2 and isinstance(e, (Norm2, NormF)) and not e.arg.is_complex:
                found.append((f, square_of(e)))
        return (term / found[0][0], found[0][1]) if len(found) == 1 else (term, None)

    def grouped_traces(self, terms: list[Addend]) -> list[Addend]:
        """Traces that share a factor under one, as ``tr(A*(B + C))``, while the sum shrinks."""
        while len(terms) > 1:
            for factor, members in shared_factors([b for _, b in terms if b is not None]):
                content, body = self.factored(self.merge(self.opened([(terms[k][0], rest) for k, rest in members.items()])))
                parts = [factor] if body is None else [factor, *chain([body])]
                new = (content, trace_of(chain(parts))) if content != 0 else (content, None)
                if self.weight(new) < sum(self.weight(terms[k]) for k in members) + len(members) - 1:
                    kept = [t for k, t in enumerate(terms) if k not in members]
                    terms = [*kept, new] if content != 0 else kept
                    break
            else:
                break
        return terms

    def tidy(self, value: sp.Expr) -> sp.Expr:
        """The shortest of a scalar and its factored form."""
        if value.is_Atom or not value.has(sp.Add):
            return value
        found = self.tidied.get(value)
        if found is None:
            found = value
            if spread_out(value) <= TIDY_LIMIT:
                options = [value, sp.factor(value)]
                if any(not p.exp.is_number for p in value.atoms(sp.Pow)):
                    options.append(sp.powsimp(value))
                found = min(options, key=lambda v: self.scalars.back(v).cost)
            self.tidied[value] = found
        return found


def is_dissolving(e: Expr) -> bool:
    """Whether a node is taken apart into indices with what it stands in."""
    return isinstance(e, DISSOLVING) and not (isinstance(e, Einsum) and not e.is_plain)


def _dissolves_into(child: Expr, parent: Expr) -> bool:
    """Whether lowering the parent takes the child apart, so that the child needs no form of its own."""
    if is_arithmetic(parent):
        return is_arithmetic(child) or is_dissolving(child)
    return is_dissolving(parent) and is_dissolving(child)


def _is_entrywise_product(e: Expr) -> bool:
    return isinstance(e, Hadamard) and sum(not a.is_scalar for a in e.args) > 1


def _is_long_chain(e: Expr, length: int) -> bool:
    return isinstance(e, Product) and not e.is_scalar and length > LONG_CHAIN


def _content(coefficients: Sequence[sp.Expr]) -> tuple[Any, Any]:
    """What all coefficients share: a rational number, and powers of common factors."""
    numbers, parts = zip(*(c.as_coeff_Mul() for c in coefficients), strict=True)
    content = sp.Integer(1)
    if all(x.is_Rational for x in numbers):
        content = sp.Rational(sp.igcd(*(x.p for x in numbers)), sp.ilcm(*(x.q for x in numbers)))
        if all(x < 0 for x in numbers):
            content = -content
    common = dict(parts[0].as_powers_dict())
    for p in parts[1:]:
        other = p.as_powers_dict()
        kept = {}
        for base, e in common.items():
            f = other.get(base, sp.Integer(0))
            if e.is_Rational and isinstance(f, sp.Rational) and e * f > 0:
                kept[base] = min(e, f, key=abs)
        common = kept
    return content, sp.Mul(*(b**e for b, e in common.items() if b != 1))


def _term_key(c: sp.Expr, body: Expr | None) -> tuple[bool, int, bool, tuple[int, str, str]]:
    """Positive terms first, those with more symbols before those with fewer."""
    body = body if body is not None else ONE
    return c.could_extract_minus_sign(), -body.leaves, not isinstance(body, Eye), sort_key(body)
