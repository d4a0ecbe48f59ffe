"""What SymPy's expressions are put together from: products with scalars in front, functions of entries, sums by ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from matcalc.dims import is_unit
from matcalc.expr import Expr
from matcalc.interop.names import Names

SLOT = sp.Dummy("t", real=True)
COMPLEX_SLOT = sp.Dummy("t")
ROW, COL = sp.Dummy("i", integer=True, nonnegative=True), sp.Dummy("j", integer=True, nonnegative=True)


class Context:
    """The names under which an expression is written, and what needs dimensions."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.size = names.sympy_dim

    def summed(self, e: Expr, x: Any, *, down: bool, across: bool) -> Any:
        """``1' x 1``: the sums of the matrix ``x``, written for ``e``, down its columns, along its rows, or both."""
        if down and not is_unit(e.rows):
            x = times(sp.OneMatrix(1, self.size(e.rows)), x)
        if across and not is_unit(e.cols):
            x = times(x, sp.OneMatrix(self.size(e.cols), 1))
        return x

    def stretched(self, e: Expr, x: Any, like: Expr) -> Any:
        """A scalar, a column or a row repeated to the shape of ``like``."""
        rows, cols = self.size(like.rows), self.size(like.cols)
        if e.is_scalar:
            return x if like.is_scalar else times(x, sp.OneMatrix(rows, cols))
        if is_unit(e.cols) and not is_unit(like.cols):
            return times(x, sp.OneMatrix(1, cols))
        return times(sp.OneMatrix(rows, 1), x) if is_unit(e.rows) and not is_unit(like.rows) else x

    def lower_ones(self, n: Any) -> Any:
        """Ones on and below the diagonal."""
        return sp.FunctionMatrix(n, n, sp.Lambda((ROW, COL), sp.Piecewise((1, sp.Ge(ROW, COL)), (0, True))))


def is_matrix(x: Any) -> bool:
    """Whether a SymPy object is a matrix."""
    return isinstance(x, (sp.MatrixExpr, sp.MatrixBase))


def as_matrix(x: Any) -> Any:
    """A scalar as a matrix with one entry."""
    return x if is_matrix(x) else sp.ImmutableMatrix([[x]])


def scalar_of(x: Any) -> Any:
    """The entry of a matrix with one."""
    if isinstance(x, sp.MatrixBase):
        return x[0, 0]
    return sp.Trace(x) if is_matrix(x) else x


def times(*factors: Any) -> Any:
    """A product of scalars and matrices, flattened; scalars in front."""
    flat: list[Any] = []
    for f in factors:
        flat.extend(f.args if isinstance(f, sp.MatMul) else (f,))
    matrices = [f for f in flat if is_matrix(f)]
    scalar = sp.Mul(*(f for f in flat if not is_matrix(f)))
    if not matrices:
        return scalar
    if scalar == 1 and len(matrices) == 1:
        return matrices[0]
    return sp.MatMul(*([] if scalar == 1 else [scalar]), *matrices).doit(deep=False)  # as SymPy's own * gives it


def added(*terms: Any) -> Any:
    """A sum of scalars, or of matrices of one shape."""
    return sp.MatAdd(*terms).doit(deep=False) if is_matrix(terms[0]) else sp.Add(*terms)


def entrywise_product(*factors: Any) -> Any:
    """An entrywise product; scalars in front."""
    matrices = [f for f in factors if is_matrix(f)]
    body = sp.HadamardProduct(*matrices) if len(matrices) > 1 else matrices[0] if matrices else sp.S.One
    return times(*(f for f in factors if not is_matrix(f)), body)


def reciprocal(x: Any) -> Any:
    """One over every entry."""
    return sp.HadamardPower(x, -1) if is_matrix(x) else 1 / x


def applied(f: Callable[[Any], Any], x: Any, slot: sp.Dummy = SLOT) -> Any:
    """A scalar function of every entry."""
    return ElementwiseApplyFunction(sp.Lambda(slot, f(slot)), x) if is_matrix(x) else f(x)
