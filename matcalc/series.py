"""Taylor expansions of functions of any shape, by derivatives in the direction of the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from math import factorial

import sympy as sp

from matcalc.calculus import assume, same_axes, targets_of
from matcalc.dims import Dim, shape_text
from matcalc.errors import LimitError, MatcalcError, NotDifferentiableError, OperandError, ShapeError
from matcalc.expr import (
    ZERO,
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Hadamard,
    Number,
    Ones,
    Operator,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    add,
    as_expr,
    brief,
    dim_number,
    hadamard,
    named_shape,
    ones,
    product,
    quotient,
    rational,
    spread,
    substitute_all,
    symbol,
)
from matcalc.jacobian import pushed
from matcalc.node import postorder
from matcalc.ops.linalg import Det, Inverse, LogDet
from matcalc.ops.matrix_functions import Cosm, Expm, Frechet, Sinm
from matcalc.ops.reductions import Norm1, Norm2, NormF, NormInf, Softmax, Total, Trace
from matcalc.ops.spectral import Nuclear, Spectral
from matcalc.ops.structure import Diag, Eye, Kron, Zeros, eye, zeros
from matcalc.readable import simplify
from matcalc.scalar import at_numbers

MAX_ORDER = 8
NORMS = (Norm1, Norm2, NormF, NormInf, Nuclear, Spectral)


def taylor(f: object, x: object, at: object = 0, order: int = 2) -> Expr:
    """Taylor polynomial of ``f`` about ``at``, in powers of the change ``x - at``.

    The term of order ``k`` is the ``k``-th derivative in the direction ``x - at`` at ``at``, over ``k!``: for a scalar
    function of a vector these are ``f(a)``, ``g(a)'*(x - a)`` and ``(x - a)'*H(a)*(x - a)/2``; for one of a matrix,
    traces and products with ``X - A``; and ``f`` may be a vector or a matrix itself [Magnus and Neudecker, 2019, chapter 6].

    Parameters
    ----------
    f : Expr, any shape
    x : Symbol, str, or a list or dict of them
        What changes.
    at : Expr, str, 0, or a list or dict of them
        About what: in the shape of ``x``. A name is that of a symbol of ``f``, or makes a new symbol with the shape and
        the attributes of ``x``.
    order : int
        The highest order, from 0 to 8.

    Raises
    ------
    ShapeError
        If ``at`` does not have the shape of ``x``.
    NotDifferentiableError
        If ``f`` or a derivative has no value at 0.
    UnsupportedError
        If a derivative has no form here.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, c, X = mc.symbols("A[n,n] x[n] c X[n,n]")
    >>> mc.taylor(mc.exp(c), c, 0, order=3)
    1 + c + c^2/2 + c^3/6
    >>> mc.taylor(mc.sum(mc.exp(x)), x, "a")
    sum(exp(a)) + (x - a)'*exp(a) + (x - a)'.^2*exp(a)/2
    >>> mc.taylor(mc.logdet(X), X, "B", order=1)
    logdet(B) + tr((X - B)*inv(B))
    >>> mc.taylor(mc.inv(mc.eye(mc.dims("n")) - X), X)
    eye(n) + X + X^2
    """
    e = as_expr(f)
    if isinstance(order, bool) or not isinstance(order, int) or order < 0:
        raise OperandError(f"the order is a number from 0, not {order!r}")
    if order > MAX_ORDER:
        raise LimitError(f"the order {order} is too high; the limit is {MAX_ORDER}")
    targets = targets_of(e, x)
    if len(set(targets)) < len(targets):
        raise OperandError("a symbol is given twice: name each once")
    places = [_place(e, w, a) for w, a in zip(targets, _in_line(at, targets, x), strict=True)]
    names = _free_names(e, places, targets)
    steps = {w: symbol(name, _dims(w), w.free.facts) for w, name in zip(targets, names, strict=True)}
    terms = [e]
    for _ in range(order):
        terms.append(pushed(terms[-1], steps))
    values: dict[Expr, Expr] = dict(zip(targets, places, strict=True))
    values |= {steps[w]: w if _is_zero(a) else w - a for w, a in zip(targets, places, strict=True)}
    try:
        placed = substitute_all(terms, values)
        if any(_is_zero(a) for a in places):
            placed = [simplify(_folded(t)) for t in placed]
    except MatcalcError as error:
        raise NotDifferentiableError(f"{brief(e)} has no Taylor polynomial about this point: {error}") from None
    parts = [hadamard(Number(sp.Rational(1, factorial(k))), t) for k, t in enumerate(placed)]
    kept = [p for k, p in enumerate(parts) if k == 0 or not _is_zero(placed[k])]
    result = add(*(kept[1:] if _is_zero(kept[0]) and len(kept) > 1 else kept))
    assume(result, substitute_all([e], dict(zip(targets, places, strict=True)))[0].conditions)
    return result


def _in_line(at: object, targets: Sequence[Symbol], x: object) -> list[object]:
    """The points in the order of the symbols; one 0 stands for all of them."""
    if isinstance(at, Mapping) and isinstance(x, Mapping):
        if set(at) != set(x):
            raise OperandError(f"the points are given for {', '.join(map(str, at))}, the symbols for {', '.join(map(str, x))}")
        return [at[k] for k in x]
    if isinstance(at, (list, tuple)):
        if len(at) != len(targets):
            raise OperandError(f"there are {len(targets)} symbols, and {len(at)} points")
        return list(at)
    if len(targets) > 1 and not (isinstance(at, int) and at == 0):
        raise OperandError("for several symbols the points are a list of as many, or 0")
    return [at] * len(targets)


def _place(e: Expr, w: Symbol, at: object) -> Expr:
    """The point that a symbol is expanded about."""
    if isinstance(at, str):
        known = {s.name: s for s in e.symbols if s is not w}
        if at == w.name:
            raise OperandError(f"the point needs a name other than {w.name}")
        if at in known:
            place: Expr = known[at]
        else:
            place = symbol(at, _dims(w), w.facts)
    else:
        place = as_expr(at)
    if place is ZERO and not w.is_scalar:
        if w.axes is not None:
            raise OperandError(f"{w.name} has {len(w.axes)} axes: give the point as a tensor")
        return zeros(w.rows, w.cols)
    if not same_axes(place, w):
        shape = shape_text((w.rows, w.cols))
        raise ShapeError(f"the point {named_shape(place)} must have the shape of {w.name}, which is {shape}")
    return place


def _dims(w: Symbol) -> Sequence[Dim]:
    """What a symbol of the same shape is made with."""
    return w.shape if w.axes is not None else w.dims


def _free_names(e: Expr, places: Sequence[Expr], targets: Sequence[Symbol]) -> list[str]:
    """Names for the changes that nothing else has."""
    taken = {s.name for f in (e, *places) for s in f.symbols}
    found = []
    for w in targets:
        name = next(n for k in range(len(taken) + 2) if (n := f"d{w.name}{k or ''}") not in taken)
        taken.add(name)
        found.append(name)
    return found


def _is_zero(e: Expr) -> bool:
    return isinstance(e, Zeros) or rational(e) == 0


def _folded(root: Expr) -> Expr:
    """The expression with functions of arrays that are 0 or 1 all over worked out."""
    done: dict[Expr, Expr] = {}
    for node in postorder([root], lambda x: x.operands):
        made = node.rebuild([done[c] for c in node.operands]) if node.operands else node
        _require_here(made)
        done[node] = _worked_out(made)
    return done[root]


def _worked_out(e: Expr) -> Expr:
    """One node, where its operands are numbers or constant arrays."""
    if isinstance(e, Add):
        kept = [a for a in e.args if not _is_zero(a)]
        return add(*kept) if kept else e.args[0]
    if isinstance(e, (Product, Hadamard, Transpose, Total, Trace, Diag, Kron)) and any(map(_is_zero, e.operands)):
        return ZERO if e.is_scalar else zeros(e.rows, e.cols)
    if isinstance(e, NORMS) and _is_zero(e.arg):
        return ZERO
    if isinstance(e, (Expm, Sinm, Cosm, Frechet)) and _is_zero(e.operands[0]):
        return _of_zero(e)
    if isinstance(e, BroadcastAdd) and any(map(_is_zero, e.operands)):
        other = e.right if _is_zero(e.left) else e.left
        return spread(other, (e.rows, e.cols))
    if isinstance(e, (LogDet, Det, Inverse)) and isinstance(e.arg, Eye):
        return ZERO if isinstance(e, LogDet) else Number(sp.Integer(1)) if isinstance(e, Det) else e.arg
    values = [_constant(c) for c in e.operands]
    if isinstance(e, Softmax) and values[0] is not None and e.axis is None and e.axes is None:
        return quotient(ones(e.rows, e.cols), hadamard(dim_number(e.rows), dim_number(e.cols)))
    if not isinstance(e, Entrywise) or not values or any(v is None for v in values) or e.axes is not None:
        return e
    value = at_numbers(e, [v for v in values if v is not None])
    if value is None:
        return e
    return Number(value) if e.is_scalar else hadamard(Number(value), ones(e.rows, e.cols)) if value else zeros(e.rows, e.cols)


def _constant(e: Expr) -> sp.Rational | None:
    """The number that every entry is, where the expression shows it."""
    if isinstance(e, Hadamard) and len(e.args) == 2 and isinstance(e.args[1], Ones):
        return rational(e.args[0])
    return sp.Integer(0) if _is_zero(e) else sp.Integer(1) if isinstance(e, Ones) else rational(e)


def _of_zero(e: Expr) -> Expr:
    """A matrix function or its derivative at 0, from its power series: ``a_k`` times the products of the directions."""
    assert isinstance(e, Operator)
    name = e.function if isinstance(e, Frechet) else e.name
    directions = e.operands[1:]
    k = len(directions)
    if name not in ("expm", "sinm", "cosm"):
        return e
    sign = 1 if name == "expm" else 0 if k % 2 != (name == "sinm") else (-1) ** (k // 2)
    if sign == 0:
        return zeros(e.rows, e.cols)
    if k == 0:
        return eye(e.rows)
    number = Number(sp.Rational(sign, factorial(k)))
    return hadamard(number, add(*(product(*p) for p in permutations(directions))))


def _require_here(node: Expr) -> None:
    """Refuse a node that divides by zero, or takes a logarithm or an inverse of it."""
    if node.conditions_here():
        operand = node.below if isinstance(node, Quotient) else node.base if isinstance(node, Power) else node.operands[0]
        if _is_zero(operand):
            raise NotDifferentiableError(f"{brief(node)} has no value or no derivative")
