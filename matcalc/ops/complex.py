"""Complex conjugates, real and imaginary parts, and the conjugate of a whole expression."""

from __future__ import annotations

import sympy as sp

from matcalc.errors import NotDifferentiableError
from matcalc.expr import SLOTS, Expr, Let, Number, Operator, Symbol, brief, transpose
from matcalc.node import postorder
from matcalc.ops.elementwise import Unary
from matcalc.ops.structure import zeros

t = SLOTS[0]  # real, as every slot is: what is differentiated by something complex has no conj in it any more


class Conj(Unary):
    """Complex conjugate of every entry; of something real, itself."""

    name, formula, head = "conj", sp.conjugate(t), sp.conjugate
    latex, code = r"\overline{#1}", "np.conj(#1)"
    joins_transpose = True

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric

    def infer_sign(self) -> int:
        return self.arg.sign


class Real(Unary):
    """Real part of every entry."""

    name, formula, head = "real", sp.re(t), sp.re
    latex, code = r"\operatorname{Re}(#1)", "np.real(#1)"

    def infer_complex(self) -> bool:
        return False

    def infer_sign(self) -> int:
        return self.arg.sign


class Imag(Unary):
    """Imaginary part of every entry."""

    name, formula, head = "imag", sp.im(t), sp.im
    latex, code = r"\operatorname{Im}(#1)", "np.imag(#1)"

    def infer_complex(self) -> bool:
        return False


def conjugate(e: Expr) -> Expr:
    """The conjugate with ``conj`` on symbols alone.

    Raises
    ------
    NotDifferentiableError
        If an operator on the way does not let a conjugate pass.
    """
    return _settled(Conj(e), strict=True)


def settled(e: Expr) -> Expr:
    """The same expression with every ``conj`` moved to the symbols, as far as operators let it pass."""
    return _settled(e, strict=False)


def _settled(root: Expr, *, strict: bool) -> Expr:
    plain: dict[Expr, Expr] = {}
    turned: dict[Expr, Expr] = {}
    for node in postorder([root], lambda e: e.operands):
        if isinstance(node, Conj):
            plain[node] = turned[node.arg]
            turned[node] = plain[node.arg]
            continue
        plain[node] = node.rebuild([plain[c] for c in node.operands]) if node.operands else node
        turned[node] = _turned(node, turned, plain, strict)
    return plain[root]


def _turned(node: Expr, turned: dict[Expr, Expr], plain: dict[Expr, Expr], strict: bool) -> Expr:
    """The conjugate of one node, given those of its operands."""
    if not node.is_complex:
        return plain[node]
    match node:
        case Symbol():
            return transpose(node) if node.is_hermitian else Conj(node)
        case Number(value):
            return Number(value.xreplace({sp.I: -sp.I})) if value is not sp.I else -Number(value)
        case Let():
            return turned[node.arg]
    if isinstance(node, Operator) and node.analytic:
        return node.rebuild([turned[c] for c in node.operands])
    if strict:
        assert isinstance(node, Operator)
        raise NotDifferentiableError(
            f"{node.name} of something complex, in {brief(node)}, has no conjugate in closed form here"
        )
    return Conj(plain[node])


def conj(x: Expr) -> Expr:
    """``conj(A)``: the complex conjugate of every entry."""
    return Conj(x)


def real(x: Expr) -> Expr:
    """``real(A)``: the real part of every entry."""
    return Real(x)


def imag(x: Expr) -> Expr:
    """``imag(A)``: the imaginary part of every entry."""
    return Imag(x)


def simpler_conj(e: Expr) -> Expr | None:
    """What is left of ``conj(e)`` where it can be moved inside."""
    if not e.is_complex:
        return e
    if isinstance(e, Symbol) and not e.is_hermitian:
        return None
    if isinstance(e, Operator) and not e.analytic and not isinstance(e, Conj):
        return None
    return settled(Conj(e))


def simpler_real(e: Expr) -> Expr | None:
    """The real part of what is real, or of a conjugate."""
    if not e.is_complex:
        return e
    return Real(e.arg) if isinstance(e, Conj) else None


def simpler_imag(e: Expr) -> Expr | None:
    """The imaginary part of what is real, or of a conjugate."""
    if not e.is_complex:
        return zeros(e.rows, e.cols)
    return -Imag(e.arg) if isinstance(e, Conj) else None


def are_conjugates(a: Expr, b: Expr) -> bool:
    """Whether one is the other's complex conjugate, by the way they are written."""
    if not (a.is_complex and b.is_complex):
        return False
    return settled(Conj(a)) is settled(b)
