"""Functions that can be undone: ``f(X) = C`` becomes ``X = g(C)``. One row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from matcalc.expr import (
    ONE,
    Expr,
    Number,
    Operator,
    Power,
    Quotient,
    Transpose,
    add,
    brief,
    hadamard,
    power,
    product,
    quotient,
    rational,
    transpose,
)
from matcalc.ops.elementwise import Abs, Atan, Exp, Expm1, Log, Log1p, Sigmoid, Sign, Sinh, Softplus, Sqrt, Tan, Tanh
from matcalc.ops.linalg import Inverse, inv
from matcalc.ops.matrix_functions import Expm, Logm, Sqrtm
from matcalc.ops.spectral import EigMin
from matcalc.ops.structure import Diag, Diagonal, Reshape, Vec, Zeros, reshape
from matcalc.solving.equations import Unsolved

HALF = Number(sp.Rational(1, 2))
MINUS = Number(sp.Integer(-1))


@dataclass(frozen=True)
class Undo:
    """How a function is undone.

    ``undo`` takes the right side and the node, and gives the argument. ``needs`` is what must not be negative, where the
    answer has a value but the function does not take the right side.
    """

    undo: Callable[[Expr, Operator], Expr]
    why: str
    needs: Callable[[Expr, Operator], Expr | None] = lambda c, e: None


def undo_power(c: Expr, e: Operator) -> Expr:
    """The root that a power has, where it has one."""
    assert isinstance(e, Power)
    p = rational(e.exponent)
    outer = Number(1 / p) if p is not None else quotient(ONE, e.exponent)
    if e.base.sign == 2 or p is None or not p.is_Integer:
        return Sqrt(c) if p == 2 else power(c, outer)
    value = rational(c)
    if p % 2 == 0 and value is not None and value < 0:
        raise Unsolved(f"{brief(e)} = {brief(c)} has no solution")
    if p % 2 == 0:
        raise Unsolved(f"{brief(e)} = {brief(c)} has two roots: declare what stands in the power positive")
    if p == -1:
        return quotient(ONE, c)
    return hadamard(Sign(c), power(Abs(c), outer))


def undo_exponent(c: Expr, e: Operator) -> Expr:
    """``log(c)/log(a)``."""
    assert isinstance(e, Power)
    return quotient(Log(c), Log(e.base))


def undo_inverse(c: Expr, e: Operator) -> Expr:
    """``inv(c)``."""
    if isinstance(c, Zeros):
        raise Unsolved(f"{brief(e)} = 0 has no solution")
    return inv(c)


def not_negative_power(c: Expr, e: Operator) -> Expr | None:
    """A power of something positive is positive, though its root may be there for other numbers."""
    assert isinstance(e, Power)
    p = rational(e.exponent)
    return None if p is not None and p.is_Integer and e.base.sign != 2 else c


def within_quarter(c: Expr, e: Operator) -> Expr:
    """``pi/2 - abs(c)``."""
    return add(Number(sp.pi / 2), hadamard(MINUS, Abs(c)))


UNDONE: dict[tuple[type[Operator], int], Undo] = {
    (Exp, 0): Undo(lambda c, e: Log(c), "the logarithm undoes the exponential"),
    (Log, 0): Undo(lambda c, e: Exp(c), "the exponential undoes the logarithm"),
    (Sqrt, 0): Undo(lambda c, e: power(c, Number(sp.Integer(2))), "a square undoes the root", lambda c, e: c),
    (Power, 0): Undo(undo_power, "the root undoes the power", not_negative_power),
    (Power, 1): Undo(undo_exponent, "the logarithm undoes the power"),
    (Quotient, 1): Undo(lambda c, e: quotient(e.operands[0], c), "what is divided by is what was divided, over the quotient"),
    (Sigmoid, 0): Undo(lambda c, e: Log(quotient(c, add(ONE, hadamard(MINUS, c)))), "the log-odds undo the logistic function"),
    (Tanh, 0): Undo(
        lambda c, e: hadamard(HALF, Log(quotient(add(ONE, c), add(ONE, hadamard(MINUS, c))))),
        "log((1 + c)/(1 - c))/2 undoes tanh",
    ),
    (Sinh, 0): Undo(
        lambda c, e: Log(add(c, Sqrt(add(ONE, power(c, Number(sp.Integer(2))))))), "log(c + sqrt(1 + c^2)) undoes sinh"
    ),
    (Atan, 0): Undo(lambda c, e: Tan(c), "the tangent undoes the arc tangent", within_quarter),
    (Softplus, 0): Undo(lambda c, e: Log(Expm1(c)), "log(exp(c) - 1) undoes softplus"),
    (Log1p, 0): Undo(lambda c, e: Expm1(c), "exp(c) - 1 undoes log1p"),
    (Expm1, 0): Undo(lambda c, e: Log1p(c), "log(1 + c) undoes expm1"),
    (Inverse, 0): Undo(undo_inverse, "inverting twice changes nothing"),
    (Expm, 0): Undo(lambda c, e: Logm(c), "the matrix logarithm undoes the exponential"),
    (Logm, 0): Undo(lambda c, e: Expm(c), "the matrix exponential undoes the logarithm"),
    (Sqrtm, 0): Undo(lambda c, e: product(c, c), "a square undoes the root", lambda c, e: EigMin(c)),
    (Transpose, 0): Undo(lambda c, e: transpose(c), "transposing twice changes nothing"),
    (Vec, 0): Undo(lambda c, e: reshape(c, e.operands[0].rows, e.operands[0].cols), "columns are stacked again"),
    (Reshape, 0): Undo(lambda c, e: reshape(c, e.operands[0].rows, e.operands[0].cols), "columns are stacked again"),
    (Diag, 0): Undo(lambda c, e: Diagonal(c), "the diagonal of a diagonal matrix"),
}
