"""To SymPy: every operator that it can express exactly; the others are refused by name."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import PermuteDims

from matcalc.errors import MatcalcError, UnsupportedError
from matcalc.expr import Entrywise, Expr, Let, Number, Operator, Symbol, Transpose, as_expr, brief
from matcalc.interop.array_rows import ARRAY_ROWS, apart, write_applied
from matcalc.interop.matrix_rows import MATRIX_ROWS, SCALAR_ROWS, Write, write_entrywise
from matcalc.interop.names import Names
from matcalc.interop.pieces import Context, as_matrix, is_matrix, scalar_of
from matcalc.node import postorder
from matcalc.ops.tensors import Einsum, Unstacked, is_tensor


def to_sympy(e: object, *, like: object = None) -> Any:
    """The SymPy form of an expression.

    Parameters
    ----------
    e : Expr
        A scalar becomes a SymPy scalar, a vector a matrix expression with one column, a matrix a matrix expression, and
        an array with more axes one of SymPy's array expressions.
    like : SymPy object or a list or dict of them, optional
        The SymPy symbols to write, found by their names, such as those of the expression that ``e`` came from. Others are
        made: scalars are real (positive, integer, complex where they are so), dimensions are those of ``mc.dims``. The
        attributes of matrices are not written.

    Raises
    ------
    UnsupportedError
        If SymPy has no exact form of an operator, such as ``nuclear`` or ``sylvester``; the message names it.
    OperandError
        If a symbol has the name of another one in ``like``.

    Examples
    --------
    >>> import matcalc as mc, sympy as sp
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> mc.to_sympy(mc.grad(mc.norm2(A @ x - b) ** 2, x))
    2*A.T*(A*x - b)
    >>> mc.to_sympy(mc.tr(A.T @ A) / 2)
    Trace(A.T*A)/2
    >>> m, n = mc.dims("m n")
    >>> mc.to_sympy(A @ x) == sp.MatrixSymbol("A", m, n) * sp.MatrixSymbol("x", n, 1)
    True
    """
    names = Names()
    names.remember(like)
    return write(as_expr(e), names)


def write(root: Expr, names: Names) -> Any:
    """The SymPy form, under names that are known already."""
    done: dict[Expr, Any] = {}
    context = Context(names)
    for node in postorder([root], _parts):
        try:
            done[node] = _node(context, node, [done[c] for c in _parts(node)])
        except (TypeError, ValueError) as reason:  # SymPy's own, such as about symbols that it cannot compare
            if isinstance(reason, MatcalcError):
                raise
            raise UnsupportedError(f"SymPy cannot build its form of {brief(node)}: {reason}") from None
    return done[root]


def _parts(e: Expr) -> tuple[Expr, ...]:
    """The operands; of what is unstacked those of the inner product, whose stacked axes SymPy does not have."""
    return (apart(e) if isinstance(e, Unstacked) else None) or e.operands


def _node(w: Context, e: Expr, args: list[Any]) -> Any:
    """The SymPy form of a node, given those of its operands."""
    match e:
        case Symbol():
            found: Any = w.names.sympy_symbol(e)
            return MatrixElement(found, 0, 0) if e.is_scalar and isinstance(found, sp.MatrixSymbol) else found
        case Number(value):
            return w.size(value)
        case Let():
            return args[0]
    row: Write | None
    if is_tensor(e) or isinstance(e, Einsum) or any(is_tensor(o) for o in e.operands):
        row = ARRAY_ROWS.get(type(e)) or (write_applied if isinstance(e, Entrywise) and len(args) == 1 else None)
        return _known(row, e)(w, e, args)
    if isinstance(e, Transpose) and not is_matrix(args[0]) and len(args[0].shape) == 2:
        return PermuteDims(args[0], [1, 0])
    for o, x in zip(e.operands, args, strict=True):
        if not (o.is_scalar or is_matrix(x)):
            raise UnsupportedError(f"SymPy has {brief(o)} as an array expression only, which no matrix expression takes")
    if type(e) in MATRIX_ROWS:
        value = MATRIX_ROWS[type(e)](w, e, [as_matrix(x) for x in args])
    else:
        row = SCALAR_ROWS.get(type(e)) or (write_entrywise if isinstance(e, Entrywise) else None)
        value = _known(row, e)(w, e, args)
    return scalar_of(value) if e.is_scalar else value


def _known(row: Write | None, e: Expr) -> Write:
    if row is None:
        raise UnsupportedError(f"SymPy has no exact form of {e.name if isinstance(e, Operator) else e}, in {brief(e)}")
    return row
