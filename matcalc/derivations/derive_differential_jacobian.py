"""Jacobians and directional derivatives by differentials: ``vec(dF) = J vec(dX)``, and ``dF`` itself."""

from __future__ import annotations

import sympy as sp

from matcalc.derivations.coefficients import tidied
from matcalc.derivations.derive_differential import DifferentialGradient
from matcalc.derivations.derive_jacobian import JacobianLines
from matcalc.derivations.derive_lines import Lines
from matcalc.derivations.differentials import NOTHING, DifferentialLines, shorter
from matcalc.derivations.forms import Change, Form, Pairing, Slope, holds_change
from matcalc.derivations.steps import Arranged, Side, Step
from matcalc.differentiate import addends
from matcalc.dims import is_unit
from matcalc.errors import UnsupportedError
from matcalc.expr import (
    DifferentialSymbol,
    Expr,
    Hadamard,
    Let,
    Number,
    Product,
    Symbol,
    Transpose,
    add,
    coefficient,
    hadamard,
    matmul,
    power,
    product,
    substitute,
    transpose,
)
from matcalc.jacobian import stacked_jacobian
from matcalc.node import postorder
from matcalc.ops.structure import Diag, Vec, vec, zeros
from matcalc.printing import latex, text
from matcalc.rules.closed_form import NoMatrixForm

MOST_SIMPLIFIED = 60  # a differential that costs more is not simplified as variables are put in
MOST_TERMS = 40  # of a differential that is made a matrix term by term


class WholeDifferential(DifferentialLines):
    """The differential of a function in that of ``wrt`` alone, variables put in one after the other."""

    def inserted(self) -> Expr:
        """``dF`` in ``dX``, with the lines of every variable and those that put them in."""
        if not self.parts.get(self.top):
            return zeros(self.top.rows, self.top.cols)
        inner = [u for u in self.variables if u is not self.top and self.parts[u]]
        for u in inner:
            self.matrix_line(u)
        form = self.matrix_line(self.top)
        self.steps.extend(s for u in self.variables if u not in self.said for s in self.forward.get(u, ()))
        for u in reversed(inner):
            if self.symbols[u] in form.symbols:
                after = substitute(form, {self.symbols[u]: self.found[u]})
                after = shorter(after) if after.cost <= MOST_SIMPLIFIED else after
                self.line(self.steps, "substitute", f"put in {self.d_label(u)[1]}", (form, after), self.d_label(self.top))
                form = after
        return form


class DifferentialJacobian(WholeDifferential, JacobianLines):
    """The lines of ``d vec(F) / d vec(X)'``, read off ``vec(dF) = J vec(dX)``."""

    def __init__(self, e: Expr, w: Symbol, stacked: Expr, earlier: Lines | None = None) -> None:
        super().__init__(e, w, stacked, earlier)
        self.gradient_of = earlier.top if isinstance(earlier, DifferentialGradient) and earlier.w is w else None

    def run(self) -> list[Step]:
        """All lines, from the first variable that depends on ``wrt`` to the Jacobian."""
        form = self.whole_differential()
        free = self.free(self.top, self.w)
        label = self.label(self.symbol)
        before: Side = Slope(self.opened(self.top), self.w)
        if form is None:
            why = f"{self.top.name} does not change with {self.w.name}, to first order"
            self.steps.append(Step("constant", why, before, Arranged(self.stacked, "stacked"), *label, free, NOTHING))
            return self.steps
        matrix = self.stacked_lines(form)
        if matrix is None:
            why = "taken from this differential as a whole: its terms are many, or have no matrices of their own"
            self.steps.append(Step("jacobian", why, before, Arranged(self.stacked, "stacked"), *label, free, NOTHING))
            return self.steps
        if self.gradient_of is not None:
            self.second_lines(self.gradient_of, matrix)
        d = self.d_label(self.w)[1]
        told = f"vec({d})" if self.w.ndim == 2 else d
        after = Arranged(matrix, "stacked")
        self.steps.append(Step("read-off", f"the Jacobian is the matrix before {told}", before, after, *label, free, NOTHING))
        if matrix is not self.stacked:
            why = "put the variables in, and simplify"
            last = Arranged(self.stacked, "stacked")
            self.steps.append(Step("insert", why, after, last, *label, free, NOTHING))
        return self.steps

    def second_lines(self, f: Let, matrix: Expr) -> None:
        """The second differential of the function that has this gradient: a quadratic form in ``dX``."""
        d = self.d(self.w)
        symbol = DifferentialSymbol(f"d2{f.name}", (1, 1), (), f.name, self.w.name)
        self.changes[symbol] = Change(self.opened(f), self.w, d, order=2)
        form = Form((Pairing(self.d(self.top), d),))
        by = vec(d) if self.w.ndim == 2 else d
        square = power(d, Number(sp.Integer(2)))
        quadratic = product(transpose(by), matrix, by) if self.w.ndim else hadamard(matrix, square)
        label = rf"\mathrm{{d}}^{{2}}{latex(f)}", symbol.name
        told = f"d{f.name} = {self.top.name} : {text(d)}, in which {text(d)} is held fixed"
        self.line(self.steps, "second-differential", told, (symbol, form), label)
        why = f"put in {self.d_label(self.top)[1]}"
        self.line(self.steps, "substitute", why, (form, quadratic), label)

    def whole_differential(self) -> Expr | None:
        """``dF`` in ``dX`` alone; None where it vanishes."""
        form = self.inserted()
        return form if holds_change(form) else None

    def stacked_lines(self, form: Expr) -> Expr | None:
        """The lines from ``dF`` to ``J vec(dX)``; the answer is ``J``, or None where it is not found term by term."""
        d = self.d(self.w)
        terms = addends(form, d)
        if len(terms) > MOST_TERMS:
            return None
        try:
            matrices = [stacked_jacobian(t, d) for t in terms]
        except (NoMatrixForm, UnsupportedError):
            return None
        by = vec(d) if self.w.ndim == 2 else d
        over = vec(self.d(self.top))
        label = latex(over), text(over)
        split = [coefficient(m) for m in matrices]
        shown = add(*(hadamard(Number(c), matmul(body, by)) for c, body in split))
        already = self.top.ndim < 2 and self.w.ndim < 2 and shown is form
        if not already:
            start = form if over is self.d(self.top) else vec(form)
            self.line(self.steps, "vec", stacking_rules(terms), (start, shown), label)
        if len(matrices) == 1:
            return matrices[0]
        total = tidied(add(*matrices))
        self.line(self.steps, "collect", "A*x + B*x = (A + B)*x", (shown, matmul(total, by)), label)
        return total


class DifferentialPush(WholeDifferential):
    """The lines of a directional derivative: ``dF`` with the direction put in."""

    def __init__(self, e: Expr, w: Symbol, tangent: Expr, result: Expr, earlier: Lines | None = None) -> None:
        super().__init__(e, w, earlier, [s.name for s in tangent.symbols if s is not w])
        self.result = result
        self.along(tangent)

    def run(self) -> list[Step]:
        """All lines, ending in the result."""
        form = self.inserted()
        why = f"put in {self.d_label(self.w)[1]} and the variables, and simplify"
        if not holds_change(form):
            why, form = f"{self.top.name} does not change with {self.w.name}, to first order", self.d(self.top)
        self.line(self.steps, "insert", why, (form, self.result), self.d_label(self.top))
        return self.steps


def stacking_rules(terms: list[Expr]) -> str:
    """The rules by which these terms become matrices on a stacked differential."""
    found: dict[str, None] = {}
    for term in terms:
        for node in postorder([term], lambda x: x.operands):
            inside = [c for c in node.operands if holds_change(c)]
            if inside and (rule := stacking_rule(node, inside[0])):
                found[rule] = None
    return "; ".join(found) or "vec stacks columns, and is linear"


def stacking_rule(node: Expr, inside: Expr) -> str:
    """The rule for one operator around the differential; none where the operands of a product by a vector say it."""
    vector = is_unit(inside.cols)
    match node:
        case Vec():
            return ""
        case Product() if is_unit(node.cols) and (vector or is_unit(inside.rows)):
            return ""
        case Product():
            return "vec(A*X*B) = kron(B',A)*vec(X)"
        case Transpose() if vector or is_unit(inside.rows):
            return ""
        case Transpose():
            return "vec(X') = K*vec(X)"
        case Hadamard() if inside.is_scalar and not node.is_scalar:
            return "the number that changes is written last: s*y = y*s"
        case Hadamard(args) if all(a.is_scalar or holds_change(a) for a in args):
            return ""
        case Hadamard():
            return "a.*x = diag(a)*x" if vector else "vec(A.*X) = diag(vec(A))*vec(X)"
        case Diag():
            return "diag(x) has the entries of x on its diagonal, and vec(diag(x)) stacks them"
    return ""
