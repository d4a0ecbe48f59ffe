"""``simplify``: the shortest form that is found, the same however the expression was written."""

from __future__ import annotations

from matcalc.calculus import assume
from matcalc.canonical import ranked
from matcalc.errors import OperandError
from matcalc.expr import Expr, as_expr, sort_key, substitute
from matcalc.simplify import simplify_all

GOALS = ("readable",)
PASSES = 6


def simplify(e: object, *, goal: str = "readable") -> Expr:
    """A shorter form of the same function.

    The result is never longer than ``e`` by ``count_ops``; simplifying it again changes nothing. Neither the
    order in which operands were written nor the names of symbols change the form.

    Parameters
    ----------
    e : Expr
    goal : {"readable"}
        What is sought: as few symbols and operations as a reader has to take in, with functions called by the
        names that they have (``sigmoid``, ``softmax``, ``logsumexp``, ``pinv``, norms).

    Raises
    ------
    OperandError
        If the goal is not one of these.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, y = mc.symbols("A[n,n] x[n] y[n]")
    >>> mc.simplify(A @ x + A.T @ x)
    (A + A')*x
    >>> mc.simplify(mc.exp(x) / mc.sum(mc.exp(x)))
    softmax(x)
    >>> mc.simplify(x.T @ x - 2 * y.T @ x + y.T @ y)
    norm2(x - y)^2
    """
    if not isinstance(goal, str) or goal not in GOALS:
        raise OperandError(f"the goal of simplify is one of {', '.join(GOALS)}, not {goal!r}")
    given = as_expr(e)
    conditions = given.conditions
    seen: dict[Expr, tuple[int, str, str]] = {}
    form = given
    for _ in range(PASSES):
        if form in seen:
            break
        standard, names = ranked(form)
        seen[form] = sort_key(standard)
        (after,) = simplify_all([standard])
        form = substitute(after if after.cost <= standard.cost else standard, names)
    circle = list(seen)[list(seen).index(form) :] if form in seen else [form]
    result = min(circle, key=lambda f: (f.cost, seen.get(f, ()), sort_key(f)))
    assume(result, conditions)
    return result
