"""Formulas that lose accuracy or overflow as they are written, and what is computed instead: one row each.

Every row keeps the value where the plain formula has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.expr import (
    SLOTS,
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Hadamard,
    Number,
    Power,
    Product,
    Quotient,
    Transpose,
    broadcast_add,
    coefficient,
    hadamard,
    negate,
    rational,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Exp, Expm1, Log, Log1p, Sigmoid, Sqrt
from matcalc.ops.reductions import LogSumExp, Norm2, Softmax, Total
from matcalc.rules.naming_entrywise import logistic, norm_powers, normalised
from matcalc.rules.naming_functions import normalised_exponential, softplus_of
from matcalc.rules.naming_parts import is_number, norm_of, sum_like

t, u = SLOTS[:2]
Change = Callable[[Expr], Expr | None]


@dataclass(frozen=True, eq=False, repr=False)
class XLogY(Entrywise, abstract=True):
    """``x*log(y)``, which is 0 where ``x`` is; it stands in programs alone."""

    x: Expr
    y: Expr
    name, formula = "xlogy", t * sp.log(u)
    latex = r"#1 \log(#2)"
    code = "np.where(#1 == 0, 0.0, #1 * np.log(np.where(#1 == 0, 1.0, #2)))"


@dataclass(frozen=True)
class StableForm:
    """A row: expressions of these kinds, what they become if ``change`` finds something, and both in words."""

    name: str
    kinds: tuple[type[Expr], ...]
    change: Change
    written: str
    runs: str


def stable_forms(outputs: Sequence[Expr]) -> list[Expr]:
    """The outputs in forms that neither overflow nor cancel where they need not; over their shared graph."""
    done: dict[Expr, Expr] = {}
    for node in postorder(outputs, lambda e: e.operands):
        new = node.rebuild([done[k] for k in node.operands]) if node.operands else node
        done[node] = new if new.is_complex or any(k.is_complex for k in new.operands) else _settled(new)
    return [done[e] for e in outputs]


def _settled(e: Expr) -> Expr:
    """A node in its stable form."""
    changed = True
    while changed:
        changed = False
        for row in TABLE:
            if isinstance(e, row.kinds):
                new = row.change(e)
                if new is not None and new is not e and (new.rows, new.cols) == (e.rows, e.cols):
                    e, changed = new, True
    return e


def _of_log(change: Change) -> Change:
    return lambda e: change(e.arg) if isinstance(e, Log) else None


def _log_of_softmax(e: Expr) -> Expr | None:
    if not isinstance(e, Log) or not isinstance(e.arg, Softmax):
        return None
    inner = e.arg
    return broadcast_add(inner.arg, negate(LogSumExp(inner.arg, inner.axis)))


def _log_of_total(e: Expr) -> Expr | None:
    if isinstance(e, Log) and isinstance(e.arg, Total) and isinstance(e.arg.arg, Exp):
        return LogSumExp(e.arg.arg.arg, e.arg.axis)
    return None


def _log_of_one_more(e: Expr) -> Expr | None:
    if not isinstance(e, Log) or not isinstance(e.arg, (Add, BroadcastAdd)):
        return None
    for k, one in enumerate(e.arg.operands):
        if is_number(one, sp.Integer(1)):
            rest = _sum_without(e.arg, {k})
            return None if rest is None else Log1p(rest)
    return None


def _sum_without(e: Expr, gone: set[int], instead: Expr | None = None) -> Expr | None:
    """A sum without some of its terms, with another one; None if it has another shape then."""
    terms = [a for k, a in enumerate(e.operands) if k not in gone]
    terms = terms if instead is None else [instead, *terms]
    if not terms or not any(a.shape == e.shape for a in terms):
        return None
    return sum_like(e, terms) if len(terms) > 1 else terms[0]


def _with_number(found: Callable[[Expr], Expr | None]) -> Change:
    """``c*found(f)`` for ``c*f - c`` in a sum."""

    def change(e: Expr) -> Expr | None:
        for k, a in enumerate(e.operands):
            c, body = coefficient(a)
            name = found(body)
            if name is None:
                continue
            for j, b in enumerate(e.operands):
                if j != k and is_number(b, -c):
                    return _sum_without(e, {k, j}, hadamard(Number(c), name))
        return None

    return change


def _expm1_of(e: Expr) -> Expr | None:
    return Expm1(e.arg) if isinstance(e, Exp) else None


def _complement(e: Expr) -> Expr | None:
    """``f - 1`` for a sigmoid."""
    return negate(Sigmoid(negate(e.arg))) if isinstance(e, Sigmoid) else None


def _entropy(e: Expr) -> Expr | None:
    """``xlogy`` for an entrywise product with a logarithm of one of its other factors, or of its multiple."""
    for k, f in enumerate(e.operands):
        if not isinstance(f, Log):
            continue
        for j, x in enumerate(e.operands):
            if j != k and rational(x) is None and x.shape == f.shape and x.sign != 2 and _vanishes_with(f.arg, x):
                rest = [a for i, a in enumerate(e.operands) if i not in (j, k)]
                return hadamard(*rest, XLogY(x, f.arg)) if rest else XLogY(x, f.arg)
    return None


def _entropy_total(e: Expr) -> Expr | None:
    """The same of an inner product ``x'*log(x)``."""
    if not isinstance(e, Product) or not e.is_scalar or len(e.args) != 2:
        return None
    left, right = (a.arg if isinstance(a, Transpose) else a for a in e.args)
    for x, f in ((left, right), (right, left)):
        if isinstance(f, Log) and f.shape == x.shape and not x.is_scalar and x.sign != 2 and _vanishes_with(f.arg, x):
            return Total(XLogY(x, f.arg), None)
    return None


def _vanishes_with(e: Expr, x: Expr) -> bool:
    """Whether ``e`` is ``x``, or ``x`` times or over something."""
    _, body = coefficient(e)
    if body is x:
        return True
    if isinstance(body, Quotient):
        return _vanishes_with(body.above, x)
    return isinstance(body, Hadamard) and x in body.args


def _root(e: Expr) -> Expr | None:
    if not isinstance(e, Sqrt):
        return None
    c, body = coefficient(e.arg)
    if isinstance(body, Total) and isinstance(body.arg, Power) and rational(body.arg.exponent) == 2 and body.axis is None:
        base = body.arg.base
        norm: Expr | None = Norm2(base) if base.ndim == 1 and base.axes is None and base.shape[-1:] == base.shape else None
    else:
        norm = norm_of(body)
    return hadamard(Sqrt(Number(c)), norm) if norm is not None and c > 0 and c != 1 else norm if c == 1 else None


def _shorter(change: Change) -> Change:
    """A change that must make the expression shorter."""

    def checked(e: Expr) -> Expr | None:
        new = change(e)
        return new if new is not None and new.cost < e.cost else None

    return checked


def _exponential(e: Expr) -> Expr | None:
    return normalised_exponential(e.arg) if isinstance(e, Exp) else None


SUMS = (Add, BroadcastAdd)
PRODUCTS = (Hadamard, Quotient, Power)
TABLE = (
    StableForm("log-sum-exp", (Log,), _log_of_total, "log(sum(exp(x)))", "logsumexp(x)"),
    StableForm("log-softmax", (Log,), _log_of_softmax, "log(softmax(x))", "x .- logsumexp(x)"),
    StableForm(
        "softplus", (Log,), _of_log(softplus_of), "log(1 .+ exp(x)), log(1 .- sigmoid(x)), log(sigmoid(x))",
        "softplus(x), -softplus(x), -softplus(-x)",
    ),
    StableForm("log1p", (Log,), _log_of_one_more, "log(1 .+ x)", "log1p(x)"),
    StableForm("expm1", SUMS, _with_number(_expm1_of), "exp(x) .- 1", "expm1(x)"),
    StableForm("complement", SUMS, _with_number(_complement), "1 .- sigmoid(x)", "sigmoid(-x)"),
    StableForm("entropy", (Hadamard,), _entropy, "x.*log(x), x.*log(x./y)", "the same, and 0 where x is 0"),
    StableForm("entropy-total", (Product,), _entropy_total, "x'*log(x)", "the same, with 0 where x is 0"),
    StableForm("norm", (Sqrt,), _root, "sqrt(x'*x), sqrt(sum(x.^2))", "norm2(x), scaled where squares overflow"),
    StableForm("norm-power", PRODUCTS, _shorter(norm_powers), "(x'*x)^(1/2)", "norm2(x)"),
    StableForm("logistic", PRODUCTS, _shorter(logistic), "exp(x)./(1 .+ exp(x))", "sigmoid(x)"),
    StableForm("softmax", PRODUCTS, _shorter(normalised), "exp(x)/sum(exp(x))", "softmax(x)"),
    StableForm("exponential", (Exp,), _exponential, "exp(x .- logsumexp(x))", "softmax(x)"),
)  # fmt: skip
