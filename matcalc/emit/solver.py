"""Inverses that are not formed: which factorisation serves a matrix, and what is read off it.

Every use of one matrix names the same factor, so a solve, an inverse and a determinant share it. A symmetric matrix
is given to Cholesky, which says at run time whether it is positive definite; if not, the helper falls back on LU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from matcalc.emit.backends import Backend
from matcalc.emit.values import Builder, Value
from matcalc.emit.work import Ledger
from matcalc.node import postorder

SOLVE, INVERSE, LOGDET, DET = "np.linalg.solve(#1, #2)", "np.linalg.inv(#1)", "np.linalg.slogdet(#1)[1]", "np.linalg.det(#1)"
ALONE = {  # by a factor that nothing else uses: the template that factors by itself
    "lu_solve(#1, #2)": SOLVE,
    "lu_solve(#1, #2, trans=1)": SOLVE,
    "lu_inverse(#1)": INVERSE,
    "factor_logdet(#1)": LOGDET,
    "lu_det(#1)": DET,
}


class Solver:
    """Solves with matrices, by the facts that are known of them.

    Attributes
    ----------
    symmetric, lower : set of Value
        The matrices that are known to be real and symmetric, or lower triangular.
    """

    def __init__(self, b: Builder, backend: Backend, ledger: Ledger) -> None:
        self.b, self.backend, self.ledger = b, backend, ledger
        self.symmetric: set[Value] = set()
        self.lower: set[Value] = set()

    def factor(self, m: Value, n: float) -> Value:
        """The factor of an n x n matrix."""
        if m in self.symmetric:
            return self.ledger.note(self.b.make("cho_factor(#1)", m), slow=n**3 / 3, passed=n * n)
        return self.ledger.note(self.b.make("lu_factor(#1)", m), slow=2 * n**3 / 3, passed=n * n)

    def solve(self, m: Value, rhs: Value, n: float, columns: float) -> Value:
        """``inv(m) @ rhs`` for an n x n matrix, which may be a transpose, and that many right-hand sides."""
        v = self._solve(m, rhs, n)
        work = 2 * n * n * columns
        if not self.backend.factors:
            work += 2 * n**3 / 3
        elif v.args[0] is m:  # triangular
            work /= 2
        return self.ledger.note(v, slow=work, read=n * n, passed=n * columns)

    def _solve(self, m: Value, rhs: Value, n: float) -> Value:
        make = self.b.make
        base, flipped = (m.args[0], True) if m.code == "#1.T" else (m, False)
        if not self.backend.factors:
            return make(SOLVE, m, rhs)
        if base in self.lower:
            return make("solve_triangular(#1, #2)" if flipped else "solve_triangular(#1, #2, lower=True)", m, rhs)
        if base in self.symmetric:
            return make("cho_solve(#1, #2)", self.factor(base, n), rhs)
        return make("lu_solve(#1, #2, trans=1)" if flipped else "lu_solve(#1, #2)", self.factor(base, n), rhs)

    def inverse(self, m: Value, n: float) -> Value:
        """All entries of the inverse of an n x n matrix."""
        base, flipped = (m.args[0], True) if m.code == "#1.T" else (m, False)
        if not self.backend.factors or base in self.lower:
            return self.ledger.note(self.b.make(INVERSE, m), slow=2 * n**3, passed=n * n)
        if base in self.symmetric:
            return self.ledger.note(self.b.make("cho_inverse(#1)", self.factor(base, n)), slow=2 * n**3 / 3, passed=n * n)
        v = self.ledger.note(self.b.make("lu_inverse(#1)", self.factor(base, n)), slow=4 * n**3 / 3, passed=n * n)
        return self.b.transpose(v) if flipped else v

    def trace_inverse(self, m: Value, n: float) -> Value | None:
        """The trace of the inverse, where the factor gives it for less than the inverse does."""
        if not self.backend.factors or m not in self.symmetric:
            return None
        factor = self.factor(m, n)
        if ("cho_inverse(#1)", id(factor)) in self.b.known:
            return None
        return self.ledger.note(self.b.make("cho_trace_inverse(#1)", factor), slow=n**3 / 3, read=n * n)

    def logdet(self, m: Value, n: float) -> Value:
        """The logarithm of the absolute value of the determinant."""
        return self.b.make("factor_logdet(#1)", self.factor(m, n)) if self.backend.factors else self.b.make(LOGDET, m)

    def det(self, m: Value, n: float) -> Value:
        """The determinant; by the LU factors, which are more exact than a Cholesky factor's square."""
        if not self.backend.factors or m in self.symmetric:
            return self.b.make(DET, m)
        return self.b.make("lu_det(#1)", self.factor(m, n))

    def settle(self, outputs: Sequence[Value]) -> None:
        """Write factors that have one use only as NumPy's own functions, which factor by themselves."""
        order = list(postorder(outputs, lambda v: v.args))
        uses = Counter(a for v in order for a in set(v.args) if a.code == "lu_factor(#1)")
        for v in order:
            if v.code in ALONE and v.args[0].code == "lu_factor(#1)" and uses[v.args[0]] == 1:
                m = v.args[0].args[0]
                flipped = v.code == "lu_solve(#1, #2, trans=1)"
                v.code, v.args = ALONE[v.code], (self.b.transpose(m) if flipped else m, *v.args[1:])
