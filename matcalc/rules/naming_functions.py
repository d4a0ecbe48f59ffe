"""Functions of functions that have a name: the logarithm of a determinant, the root of a sum of squares, ..."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from matcalc.dims import DimSymbol, is_unit
from matcalc.expr import (
    ZERO,
    Expr,
    Hadamard,
    Number,
    Power,
    coefficient,
    negate,
    power,
    rational,
)
from matcalc.ops.elementwise import Abs, Exp, Log, Maximum, Relu, Sigmoid, Softplus, Sqrt
from matcalc.ops.linalg import Det, Inverse, LogDet
from matcalc.ops.matrix_functions import Expm
from matcalc.ops.reductions import LogSumExp, Norm1, Norm2, NormF, Softmax, Total
from matcalc.rewrite import Rule, wild
from matcalc.rules.chain import chain, trace_of, turn
from matcalc.rules.naming_parts import (
    exponents,
    is_one,
    norm_of,
    terms_of_two,
    unspread,
)

n, m = DimSymbol("n"), DimSymbol("m")
A, X = wild("A", (n, n)), wild("X", (m, n))
c = wild("c", (1, 1))


def softplus_of(e: Expr) -> Expr | None:
    """``softplus(u)`` for the logarithm of ``1 + exp(u)``, and minus that for the logarithm of ``1 - sigmoid(u)``."""
    pair = exponents(e)
    if pair is not None and pair[0] is None and pair[1] is not None:
        return Softplus(pair[1])
    if isinstance(e, Sigmoid):
        return negate(Softplus(negate(e.arg)))
    terms = terms_of_two(e)
    if terms is not None and is_one(terms[0]) and isinstance(terms[1], Hadamard):
        number, s = coefficient(terms[1])
        if number == -1 and isinstance(s, Sigmoid):
            return negate(Softplus(s.arg))
    return None


def normalised_exponential(e: Expr) -> Expr | None:
    """What ``exp(e)`` is called: ``softmax(u)`` for ``u - logsumexp(u)``, ``sigmoid(-u)`` for ``-softplus(u)``."""
    number, body = coefficient(e)
    if number == -1 and isinstance(body, Softplus):
        return Sigmoid(negate(body.arg))
    terms = terms_of_two(e)
    if terms is None:
        return None
    for u, other in (terms, terms[::-1]):
        number, total = coefficient(unspread(other))
        if number == -1 and isinstance(total, LogSumExp) and total.arg is u:
            return Softmax(u, total.axis)
    return None


def root_name(e: Expr) -> Expr | None:
    """What the square root of ``e`` is called: an absolute value, or the norm of something whose squares are summed."""
    match e:
        case Power(base, exponent) if rational(exponent) == 2:
            return Abs(base)
        case Total(Power(base, exponent), None) if rational(exponent) == 2:
            return Norm2(base) if is_unit(base.cols) else NormF(base)
    return None


def sum_norm(e: Expr) -> Expr | None:
    """``normf(A*B)^2`` for the sum of ``A.*(A*B*B')``."""
    if not isinstance(e, Hadamard) or len(e.args) != 2 or any(a.is_scalar or a.axes is not None for a in e.args):
        return None
    norm = norm_of(trace_of(chain([turn(e.args[0]), e.args[1]])))
    return None if norm is None else power(norm, Number(sp.Integer(2)))


def applied(change: Callable[[Expr], Expr | None], v: Expr) -> Callable[[dict[Expr, Expr]], Expr | None]:
    """A change of what a placeholder stands for."""
    return lambda found: change(found[v])


def both(name: str, function: Callable[[Expr], Expr], change: Callable[[Expr], Expr | None], why: str) -> tuple[Rule, Rule]:
    """A rule for a function of arrays, and the same for scalars."""
    return (
        Rule(name, function(X), applied(change, X), why=why),
        Rule(f"{name}-scalar", function(c), applied(change, c), why=why),
    )


NAMES = (
    Rule("logdet-name", Log(Det(A)), LogDet(A), why="this is the log-determinant"),
    *(
        Rule(f"logsumexp-name-{place}", Log(Total(Exp(X), k)), LogSumExp(X, k), why="this is the log-sum-exp")
        for place, k in (("all", None), ("columns", 0), ("rows", 1))
    ),
    *both("softplus-name", Log, softplus_of, why="log(1 + exp(u)) is softplus(u)"),
    *both("exponential-name", Exp, normalised_exponential, why="the exponential undoes the logarithm"),
    *both("root-name", Sqrt, root_name, why="the root of a square is an absolute value, of a sum of squares a norm"),
    Rule(
        "det-name",
        Exp(LogDet(A)),
        lambda found: Det(found[A]) if Det(found[A]).sign == 2 else None,
        why="a positive determinant is the exponential of its logarithm",
    ),
    Rule("exp-log", Exp(Log(X)), X, why="the exponential undoes the logarithm"),
    Rule("exp-log-scalar", Exp(Log(c)), c, why="the exponential undoes the logarithm"),
    Rule("relu-name", Maximum(X, ZERO), Relu(X), why="the larger of something and 0 is its positive part"),
    Rule("relu-name-scalar", Maximum(c, ZERO), Relu(c), why="the larger of something and 0 is its positive part"),
    Rule("normf-total", Total(X, None), applied(sum_norm, X), why="this is the square of the Frobenius norm"),
    Rule("norm1-name", Total(Abs(X), None), Norm1(X), why="this is the 1-norm of the entries"),
    Rule("inverse-expm", Inverse(Expm(A)), applied(lambda a: Expm(negate(a)), A), why="exp(A) exp(-A) is the identity"),
)
