"""Proofs of signs and of definiteness, operands first: the rules of ``signs`` and ``definite`` over a shared graph."""

from __future__ import annotations

from matcalc.curvature.definite import RULES as DEFINITE
from matcalc.curvature.facts import Fact
from matcalc.curvature.interval import EVERYTHING
from matcalc.curvature.known import PD, PSD, Bound
from matcalc.curvature.one_unknown import RationalFunction, rational_function
from matcalc.curvature.polynomials import sign_on
from matcalc.curvature.signs import RULES as RANGES
from matcalc.dims import shape_text
from matcalc.errors import ShapeError
from matcalc.expr import Expr, as_expr, brief
from matcalc.node import postorder
from matcalc.simplify import simplify_all

NOTHING = Bound(EVERYTHING, None)
DEEPEST = 12  # expressions that a rule makes up, such as Schur complements, within one another


class Prover:
    """What is known of expressions, each settled once."""

    def __init__(self) -> None:
        self.ranges: dict[Expr, Bound] = {}
        self.forms: dict[Expr, Fact | None] = {}
        self.functions: dict[Expr, RationalFunction | None] = {}
        self.depth = 0

    def range(self, e: Expr) -> Bound:
        """The interval of the entries."""
        self.settle(e)
        return self.ranges.get(e, NOTHING)

    def definite(self, e: Expr) -> Fact | None:
        """That the matrix is psd or pd; of a scalar, that it is not negative or positive."""
        self.settle(e)
        return self.forms.get(e)

    def settle(self, e: Expr) -> None:
        """Apply the rules to everything below that is new, operands first."""
        if e in self.forms or self.depth > DEEPEST:
            return
        self.depth += 1
        try:
            for node in postorder([e], lambda x: () if x in self.forms else x.operands):
                if node not in self.forms:
                    self.settle_one(node)
        finally:
            self.depth -= 1

    def settle_one(self, e: Expr) -> None:
        """The range and the form of one node whose operands are settled."""
        self.ranges[e], self.forms[e] = NOTHING, None
        if e.is_complex or e.axes is not None:
            return
        self.functions[e] = rational_function(e, self.functions)
        best = NOTHING
        for rule in RANGES:
            found = rule.apply(e, self)
            if found is not None and not best.interval.within(found.interval):
                best = both(e, best, found)
        self.ranges[e] = best
        if best.interval.is_everything or (best.interval.low < 0 < best.interval.high):
            self.ranges[e] = best = self.exact(e) or best
        if e.is_scalar:
            if best.interval.is_nonnegative and best.fact is not None:
                claim = PD if best.interval.is_positive else PSD
                self.forms[e] = Fact(e, claim, "scalar", "a 1 x 1 matrix that is not negative", (best.fact,))
        elif e.is_square:
            proofs = (proof for rule in DEFINITE if (proof := rule.apply(e, self)) is not None)
            first = next(proofs, None)
            self.forms[e] = next((p for p in proofs if p.claim == PD), first) if first and first.claim == PSD else first

    def exact(self, e: Expr) -> Bound | None:
        """The sign of a rational function of one unknown in the unknown's interval."""
        f = self.functions.get(e)
        if f is None or f.unknown is None or f.unknown is e:
            return None
        unknown = self.range(f.unknown)
        sign = sign_on(f.above, unknown.interval) * sign_on(f.below, unknown.interval).inverse()
        if sign.is_everything:
            return None
        why = f"in {brief(f.unknown)} it is a rational function without a change of sign there (Sturm)"
        used = () if unknown.fact is None else (unknown.fact,)
        return Bound(sign, Fact(e, str(sign), "one-unknown", why, used))


def both(e: Expr, first: Bound, second: Bound) -> Bound:
    """What two bounds say together."""
    if first.fact is None or second.interval.within(first.interval):
        return second
    assert second.fact is not None
    meet = first.interval.meet(second.interval)
    why = "both bounds hold"
    return Bound(meet, Fact(e, str(meet), "both-bounds", why, (*first.fact.premises, *second.fact.premises)))


def is_psd(e: object) -> Fact | None:
    r"""A proof that a matrix is positive semidefinite (``claim`` "psd") or positive definite ("pd"); None where none is found.

    Parameters
    ----------
    e : Expr, shape (n, n)

    Returns
    -------
    Fact or None
        Its ``steps`` are the proof, line by line. None says nothing about the matrix.

    Raises
    ------
    ShapeError
        If ``e`` is not square.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, p = mc.symbols("A[m,n] p[m](positive)")
    >>> print(*is_psd(A.T @ mc.diag(p) @ A).steps, sep="\n")
    (1) p > 0
          declared: it is declared so
    (2) diag(p) is pd
          diagonal by (1): a diagonal matrix is psd where its entries are not negative
    (3) A'*diag(p)*A is psd
          congruence by (2): v'*A'*M*A*v = (A*v)'*M*(A*v)
    """
    m = as_expr(e)
    if not m.is_square:
        raise ShapeError(f"is_psd needs a square matrix, but {brief(m)} is {shape_text((m.rows, m.cols))}")
    prover = Prover()
    (short,) = simplify_all([m])
    found = [p for x in dict.fromkeys((m, short)) if (p := prover.definite(x)) is not None]
    return next((p for p in found if p.claim == PD), found[0] if found else None)


def sign_of(e: object) -> Fact | None:
    """An interval that holds every entry of an expression, with its proof; None where nothing is known.

    Returns
    -------
    Fact or None
        Its ``claim`` is such as ``> 0``, ``<= 0``, ``= 1`` or ``in (0, 1]``, its ``steps`` the proof.

    Parameters
    ----------
    e : Expr, any shape

    Raises
    ------
    OperandError
        If it is no expression.

    Examples
    --------
    >>> import matcalc as mc
    >>> s = mc.sigmoid(mc.vector("x", 3))
    >>> sign_of(mc.multiply(s, 1 - s))
    sigmoid(x).*(1 .- sigmoid(x)) is in (0, 1)
    """
    return Prover().range(as_expr(e)).fact
