"""What complex variables need before anything is differentiated: ``conj`` on symbols alone, as variables of their own.

Wirtinger calculus: a function of ``z`` is differentiated as if ``z`` and ``conj(z)`` were two independent
variables, in both of which it is holomorphic [Kreutz-Delgado, The Complex Gradient Operator, 2009].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.differentiate import require_analytic
from matcalc.errors import NotDifferentiableError
from matcalc.expr import (
    IMAGINARY_UNIT,
    Expr,
    Number,
    Operator,
    Power,
    Symbol,
    add,
    brief,
    hadamard,
    negate,
    power,
    product,
    rational,
    substitute,
    substitute_all,
    transpose,
)
from matcalc.node import postorder
from matcalc.ops.complex import Conj, Imag, Real, conjugate
from matcalc.ops.elementwise import Abs, Log, Sqrt
from matcalc.ops.linalg import Det, LogDet
from matcalc.ops.reductions import Norm1, Norm2, NormF, total
from matcalc.ops.structure import zeros
from matcalc.simplify import Simplifier, simplify_all

HALF = Number(sp.Rational(1, 2))


@dataclass(frozen=True)
class Independent:
    """A function in which each complex variable and its conjugate are two variables of their own.

    ``free`` holds the variables in order, ``partners`` what stands for their conjugates (a real variable is its own).
    """

    body: Expr
    free: list[Symbol]
    partners: list[Symbol]
    meaning: dict[Expr, Expr]

    def back(self, results: Sequence[Expr]) -> list[Expr]:
        """Results with the variables and their conjugates put back."""
        return substitute_all(results, self.meaning) if self.meaning else list(results)

    def require_holomorphic(self, e: Expr) -> None:
        """Refuse a function that depends on the conjugate of one of its complex variables."""
        inside = set(self.body.symbols)
        for w, partner in zip(self.free, self.partners, strict=True):
            if partner is not w and partner in inside:
                raise NotDifferentiableError(
                    f"{brief(e)} depends on conj({w.name}), so it has no complex derivative by {w.name}: mc.wirtinger gives "
                    f"the derivatives by {w.name} and by conj({w.name}), mc.grad the gradient of a real scalar"
                )


def has_complex(e: Expr) -> bool:
    """Whether anything complex is in an expression."""
    return any(x.is_complex for x in postorder([e], lambda x: x.operands))


def independent(e: Expr, targets: Sequence[Symbol]) -> Independent:
    """``e`` with the conjugates of ``targets`` as variables of their own; a real expression as it is.

    Raises
    ------
    NotDifferentiableError
        If a conjugate cannot be moved to the symbols.
    """
    if not has_complex(e):
        return Independent(e, list(targets), list(targets), {})
    free = {w: w.free if w.is_complex else w for w in targets}
    partner = {w: Symbol(f"conj {w.name}", w.dims, ("complex",)) if w.is_complex else w for w in targets}
    body = by_conjugates(substitute(e, dict(free.items())))
    body = substitute(body, {Conj(free[w]): partner[w] for w in targets if w.is_complex})
    require_analytic_in(body, {*free.values(), *partner.values()})
    (body,) = Simplifier([body]).run()
    meaning: dict[Expr, Expr] = {free[w]: w for w in targets} | {partner[w]: Conj(w) for w in targets if w.is_complex}
    return Independent(body, list(free.values()), list(partner.values()), meaning)


def require_analytic_in(e: Expr, variables: set[Symbol]) -> None:
    """Refuse an expression where a variable is below something that has no complex derivative."""
    active: set[Expr] = set()
    for node in postorder([e], lambda x: x.operands):
        if node in variables:
            active.add(node)
        for k, c in enumerate(node.operands):
            if c in active:
                active.add(node)
                if isinstance(node, Operator):
                    require_analytic(node, k)


def by_conjugates(e: Expr) -> Expr:
    """An expression with absolute values, norms, real and imaginary parts written by conjugates of symbols."""
    if not has_complex(e):
        return e
    done: dict[Expr, Expr] = {}
    for node in postorder([e], lambda x: x.operands):
        new = node.rebuild([done[c] for c in node.operands]) if node.operands else node
        if isinstance(node, (Conj, Real)) and not node.arg.is_complex:
            new = done[node.arg]
        elif isinstance(node, Imag) and not node.arg.is_complex:
            new = zeros(node.rows, node.cols)
        elif any(c.is_complex for c in new.operands) and not isinstance(node, Power):
            new = _written_out(new)
        elif isinstance(node, Power):
            new = _even_power(node, new)
        done[node] = new
    return done[e]


def _even_power(node: Power, new: Expr) -> Expr:
    """An even power of a norm or an absolute value without the root in it."""
    p = rational(node.exponent)
    if isinstance(new, Power) and isinstance(new.base, Sqrt) and p is not None and p.is_Integer and p % 2 == 0:
        half = p / 2
        return new.base.arg if half == 1 else power(new.base.arg, Number(half))
    return new


def _written_out(e: Expr) -> Expr:
    """One function of something complex by conjugates."""
    match e:
        case Conj(arg):
            return conjugate(arg)
        case Real(arg):
            return hadamard(HALF, add(arg, conjugate(arg)))
        case Imag(arg):
            return hadamard(negate(HALF), IMAGINARY_UNIT, add(arg, negate(conjugate(arg))))
        case Abs(arg):
            return Sqrt(hadamard(arg, conjugate(arg)))
        case Norm1(arg):
            return total(Sqrt(hadamard(arg, conjugate(arg))))
        case Norm2(arg):
            return Sqrt(product(transpose(conjugate(arg)), arg))
        case NormF(arg):
            return Sqrt(total(hadamard(conjugate(arg), arg)))
        case LogDet(arg):
            return hadamard(HALF, add(Log(Det(arg)), Log(Det(conjugate(arg)))))
    return e


def is_real(e: Expr) -> bool:
    """Whether an expression is shown to be real: by what it is made of, or by being its own conjugate."""
    if not e.is_complex:
        return True
    body = by_conjugates(e)
    first, second = simplify_all([body, conjugate(body)])
    return first is second
