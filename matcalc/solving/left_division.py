"""A right side with the inverse of a matrix in front, without the inverse where a short formula is known."""

from __future__ import annotations

from matcalc.dims import is_unit
from matcalc.expr import (
    ONE,
    Add,
    Expr,
    Product,
    Symbol,
    Transpose,
    add,
    matmul,
    negate,
    product,
    quotient,
)
from matcalc.ops.linalg import inv
from matcalc.ops.structure import Diag, Vec
from matcalc.solving.equations import Working, apart, over, simplified
from matcalc.solving.regularity import diagonal_of, require_regular


def product_with_inverse(matrix: Expr, column: Expr, x: Symbol, working: Working) -> Expr:
    """``inv(matrix) * column``, where the matrix can be inverted."""
    require_regular(matrix, x, working)
    return divided(matrix, column)


def divided(matrix: Expr, right: Expr) -> Expr:
    """``inv(matrix) * right``; where the matrix is a diagonal one and a column times a row, without the inverse if shorter.

    That is the formula of Sherman and Morrison (1950): ``inv(D + u*v') = inv(D) - inv(D)*u*v'*inv(D)/(1 + v'*inv(D)*u)``.
    """
    plain = simplified(matmul(inv(matrix), right))
    parts = diagonal_and_outer(matrix)
    if parts is None:
        return plain
    weights, column, row = parts
    if weights.is_scalar:
        rest = quotient(matmul(row, right), add(weights, matmul(row, column)))
        other = quotient(add(right, negate(matmul(column, rest))), weights)
    else:
        inside = inv(Diag(weights))
        moved = product(inside, right)
        rest = quotient(matmul(row, moved), add(ONE, product(row, inside, column)))
        other = add(moved, negate(matmul(product(inside, column), rest)))
    other = simplified(other)
    return other if other.cost < plain.cost else plain


def stacked_outer(matrix: Expr) -> tuple[Expr, Expr, Expr] | None:
    """``c``, ``U`` and ``V`` where a matrix is ``c*eye + vec(U)*vec(V)'``."""
    parts = diagonal_and_outer(matrix)
    if parts is None or not parts[0].is_scalar:
        return None
    above, column, below = apart(parts[1])
    row = parts[2].arg if isinstance(parts[2], Transpose) else parts[2]
    if not (isinstance(column, Vec) and isinstance(row, Vec)):
        return None
    return parts[0], over(column.arg, above, below), row.arg


def diagonal_and_outer(matrix: Expr) -> tuple[Expr, Expr, Expr] | None:
    """A sum of diagonal terms and one column times a row: the diagonal, the column and the row."""
    above, body, below = apart(matrix)
    if not isinstance(body, Add):
        return None
    outer = [t for t in body.args if diagonal_of(t) is None]
    if len(outer) != 1:
        return None
    inside, chain, divisors = apart(outer[0])
    if not isinstance(chain, Product):
        return None
    k = next((k for k, a in enumerate(chain.args) if is_unit(a.cols) and k + 1 < len(chain.args)), None)
    weights = diagonal_of(add(*(t for t in body.args if t is not outer[0])))
    if k is None or weights is None:
        return None
    column, row = product(*chain.args[: k + 1]), product(*chain.args[k + 1 :])
    return over(weights, above, below), over(column, [*above, *inside], [*below, *divisors]), row
