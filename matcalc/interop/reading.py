"""From SymPy: its matrix, array and scalar expressions as ours, node by node over the shared graph."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import MutableMapping, Sequence
from typing import Any, TypeAlias

import sympy as sp

from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import (
    SLOTS,
    Expr,
    Product,
    Transpose,
    apply,
    as_expr,
    named_shape,
    product,
    spread,
)
from matcalc.interop.arrays import ARRAYS, read_array
from matcalc.interop.names import Names, basics
from matcalc.interop.readers import FORMULAS, PARTS, READERS
from matcalc.interop.sums import read_indexed
from matcalc.node import postorder
from matcalc.ops.elementwise import Abs, Log, Sqrt
from matcalc.ops.linalg import Det, LogDet
from matcalc.ops.reductions import Norm2, NormF, Trace
from matcalc.scalar import arguments_of, raise_node

Done: TypeAlias = MutableMapping[sp.Basic, Expr]


def from_sympy(value: object, *, assumptions: object = None, free: object = ()) -> Expr:
    """A matcalc expression from a SymPy scalar, matrix or array expression.

    Parameters
    ----------
    value : sympy.Basic or sympy.MatrixBase
        Matrix expressions, explicit matrices, array expressions, sums over entries, unevaluated derivatives, and scalars
        made of all these. Symbols keep their names; a symbol that is a dimension anywhere is one everywhere. A matrix with
        one column becomes a vector, and axes of length 1 of an array are left out.
    assumptions : sympy predicate or list of them, optional
        Such as ``Q.symmetric(X) & Q.invertible(Y)``: attributes of the symbols. Those in SymPy's ``global_assumptions``
        hold as well, and a scalar symbol's own: positive, integer, complex. Everything else is real.
    free : SymPy symbols, or a mapping from them to dimensions
        Free indices of a sum over entries: none for a scalar, one for a vector, two for a matrix, more for a tensor.

    Returns
    -------
    Expr

    Raises
    ------
    UnsupportedError
        For a SymPy class that has no counterpart here; the message names it.
    OperandError
        If two different SymPy symbols have one name, or ``value`` is nothing of SymPy's.
    ShapeError
        If operands do not fit.

    Examples
    --------
    >>> import matcalc as mc, sympy as sp
    >>> n = sp.Symbol("n")
    >>> A, x = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("x", n, 1)
    >>> mc.from_sympy(sp.sqrt(sp.Trace(x.T * A * x)) + n)
    n + sqrt(x'*A*x)
    >>> mc.from_sympy(A.I * x, assumptions=sp.Q.symmetric(A)).symbols[0].facts
    ('symmetric',)
    >>> i, j, k = sp.symbols("i j k")
    >>> mc.from_sympy(sp.Sum(A[i, k] * A[j, k], (k, 0, n - 1)), free=(i, j))
    A*A'
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, (int, float, complex)):
        return as_expr(value)
    found = list(basics(value))
    if len(found) != 1 or isinstance(value, (list, tuple, set, dict)):
        raise OperandError(f"{value!r} ({type(value).__name__}) is not a SymPy expression")
    if not isinstance(free, (sp.Symbol, tuple, list, dict)):
        raise OperandError(f"free is different SymPy symbols, such as (i, j) for rows and columns, not {free!r}")
    return Reader(Names(found, assumptions)).read(found[0], free)


Expr.hooks["from_sympy"] = from_sympy


class Reader:
    """Reads SymPy objects that share their names."""

    names: Names
    done: Done

    def __init__(self, names: Names) -> None:
        self.names = names
        self.done = {}

    def read(self, value: sp.Basic, free: object = ()) -> Expr:
        """One SymPy object; ``free`` are the indices that a sum leaves free."""
        if free:
            return read_indexed(value, free, self)
        return self.walk(value, self.done)

    def walk(self, value: sp.Basic, done: Done, *, entrywise: bool = False) -> Expr:
        """The expression of ``value``, given some of its parts; ``entrywise`` where scalar functions may meet arrays."""
        for node in postorder([value], lambda e: () if e in done else _parts(e)):
            if node not in done:
                try:
                    done[node] = self.node(node, done, entrywise)
                except RecursionError:
                    raise UnsupportedError(f"a SymPy {type(node).__name__} is nested too deeply for SymPy itself") from None
        return done[value]

    def node(self, e: sp.Basic, done: Done, entrywise: bool) -> Expr:
        """One node, given its parts."""
        for cls in type(e).__mro__:
            if cls in READERS:
                return READERS[cls](self, e, [done[p] for p in _parts(e)])
            if cls in ARRAYS:
                return read_array(e, self)
        if isinstance(e, (sp.MatrixExpr, sp.MatrixBase, sp.NDimArray)):
            raise UnsupportedError(f"SymPy's {type(e).__name__} has no counterpart in matcalc, in {e}")
        parts = [done[p] for p in _parts(e)]
        wide = next((p for p in parts if not p.is_scalar), None)
        if wide is not None and not entrywise:
            return self.of_matrix(e, parts, wide)
        return _by_name(raise_node(e, done))

    def applied(self, function: Any, x: Expr) -> Expr:
        """A function of every entry, by its own name where its formula is a known one."""
        (slot,) = function.variables
        known = FORMULAS.get(function.expr.xreplace({slot: SLOTS[0]}))
        if known is not None:
            return known(x)  # type: ignore[call-arg]
        result = self.walk(function.expr, ChainMap({slot: x}, self.done), entrywise=True)
        return result if x.axes is not None and result.axes is not None else spread(result, (x.rows, x.cols))

    def of_matrix(self, e: sp.Basic, parts: Sequence[Expr], wide: Expr) -> Expr:
        """A scalar operation on a matrix, which SymPy has for the exponential alone."""
        if isinstance(e, sp.exp):
            return apply("Expm", wide)
        name = type(e).__name__
        raise UnsupportedError(
            f"SymPy's {name} of the matrix {named_shape(wide)} has no meaning here: of every entry it is written "
            f"applyfunc({name})"
        )


def _by_name(e: Expr) -> Expr:
    """``logdet``, ``norm2`` and ``normf`` for the formulas that SymPy has instead of them."""
    match e:
        case Log(Abs(Det(x))):
            return LogDet(x)
        case Sqrt(Product((Transpose(x), *rest))) if product(*rest) is x and not x.is_complex:
            return Norm2(x)
        case Sqrt(Trace(Product((Transpose(x), *rest)))) if product(*rest) is x and not x.is_complex:
            return NormF(x)
    return e


def _parts(e: sp.Basic) -> Sequence[sp.Basic]:
    """The operands of a SymPy node that are expressions."""
    for cls in type(e).__mro__:
        if cls in PARTS:
            return PARTS[cls](e)
        if cls in READERS:
            return e.args
        if cls in ARRAYS:
            return ()
    if e.args and not isinstance(e, (sp.Add, sp.Mul, sp.Pow, sp.Function, sp.Max, sp.Min, sp.NumberSymbol)):
        raise UnsupportedError(f"SymPy's {type(e).__name__} has no counterpart in matcalc, in {e}")
    return arguments_of(e)
