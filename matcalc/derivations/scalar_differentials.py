"""The differential of a scalar as a sum of Frobenius products, worked off until differentials stand alone."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from matcalc.derivations.coefficients import has_einsum, tidied, tidy_pair
from matcalc.derivations.differentials import DifferentialLines, summed
from matcalc.derivations.forms import Form, Pairing, holds_change
from matcalc.derivations.moves import is_settled, moved
from matcalc.derivations.pairings import pairings_of
from matcalc.derivations.steps import Step
from matcalc.expr import (
    ONE,
    ZERO,
    Add,
    Expr,
    Hadamard,
    Let,
    Number,
    Quotient,
    add,
    hadamard,
    quotient,
    rational,
    substitute,
)
from matcalc.ops.structure import Zeros
from matcalc.printing import latex, text

TWO = Number(sp.Integer(2))
FROBENIUS = "written as a Frobenius product, A : B = tr(A'*B) = sum(A.*B)"


class ScalarDifferentials(DifferentialLines):
    """The lines of scalars: ``f = A : B``, the product rule, and factors moved to the left."""

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
            if multiple(p) is not None:
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
            sides = [(p.left, p.right), (p.right, p.left)]
            if (scale := multiple(p)) is not None:
                sides = [(hadamard(TWO, scale, p.right), p.right)]
            for fixed, changing in sides:
                change = summed(self.terms(changing)) if self.is_active(changing) else ZERO
                if holds_change(change):
                    pairs.append(tidy_pair(tidied(fixed), change))
        return Form(tuple(pairs))

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
        return self.merged(form, out, label)

    def without_einsum(self, p: Pairing) -> Pairing:
        """The same with variables put in, where the left side has a matrix form only then."""
        if not has_einsum(p.left):
            return p
        left = tidied(self.opened(p.left))
        return p if has_einsum(left) else Pairing(left, p.right)

    def merged(self, form: Form, out: list[Step], label: tuple[str, str]) -> Form:
        """A form with the coefficients of each differential added up."""
        groups: dict[Expr, list[Expr]] = {}
        for p in form.pairs:
            groups.setdefault(p.right, []).append(p.left)
        if len(groups) == len(form.pairs):
            return form
        sums = {d: tidied(add(*parts)) for d, parts in groups.items()}
        after = Form(tuple(Pairing(g, d) for d, g in sums.items() if not is_zero(g)))
        self.line(out, "collect", "the Frobenius product is linear: A : D + B : D = (A + B) : D", (form, after), label)
        return after


def multiple(p: Pairing) -> Expr | None:
    """The number ``c`` where the pairing is ``c*A : A``, its changing scalars apart; None where it is not."""
    scale: Expr = ONE
    left = p.left
    while left is not p.right:
        match left:
            case Quotient(above, below) if below.is_scalar:
                scale, left = quotient(scale, below), above
            case Hadamard(args) if any(a.is_scalar for a in args) and not left.is_scalar:
                scale = hadamard(scale, *(a for a in args if a.is_scalar))
                left = hadamard(*(a for a in args if not a.is_scalar))
            case _:
                return None
    return scale


def form_of_terms(whole: Expr) -> Form:
    """A scalar linear in differentials, as a form with a pairing for each term."""
    terms = whole.args if isinstance(whole, Add) else (whole,)
    return Form(tuple(tidy_pair(ONE, t) for t in terms if holds_change(t)))


def is_zero(e: Expr) -> bool:
    """Whether a coefficient vanishes."""
    return isinstance(e, Zeros) or rational(e) == 0
