"""Jacobians, Hessians and directional derivatives, read off pulled-back gradients.

The vjp of ``F`` with a placeholder ``U`` upstream is linear in ``U``. Taking ``U`` out of it leaves
the Jacobian; pairing it with a tangent, by the same transposition that makes pullbacks, leaves the jvp.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.calculus import over_structure, scalar_function, target, targets_of, upstream_of
from matcalc.conjugates import by_conjugates, independent
from matcalc.differentiate import addends, push, reverse_sweep
from matcalc.dims import Dim, is_unit, same_dim, times_dim
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import (
    ONE,
    Expr,
    Hadamard,
    Symbol,
    add,
    as_expr,
    brief,
    hadamard,
    named_shape,
    substitute,
    transpose,
)
from matcalc.index import Index, axis
from matcalc.network import Lowering, Network, contract_all
from matcalc.ops.linalg import pinv
from matcalc.ops.stacking import Duplication, Unstacked
from matcalc.ops.structure import Reshape, Vec, reshape, vec, zeros
from matcalc.rules.closed_form import NoMatrixForm, reduced
from matcalc.rules.kronecker import read_off
from matcalc.scalar import Scalars
from matcalc.simplify import simplify_all

LAYOUTS = ("numerator", "denominator", "vec", "vech", "tensor")
UPSTREAM = "upstream gradient"  # no user's symbol has a name with a blank


def jacobian(f: object, wrt: object, *, layout: str = "numerator") -> object:
    """Jacobian of an expression of any shape.

    Parameters
    ----------
    f : Expr, any shape
    wrt : Symbol, str, or a list or dict of them
    layout : {"numerator", "denominator", "vec", "vech", "tensor"}
        ``"numerator"``: of a vector by a vector the matrix ``d f_i / d x_j``; with more than two axes
        an array with the axes of ``f``, then those of ``wrt``. ``"denominator"`` is its transpose.
        ``"vec"``: the matrix ``d vec(F) / d vec(X)'``, columns stacked. ``"vech"``: by the entries on
        and below the diagonal of a symmetric ``wrt``; the rows are those entries of ``f`` too, where it is
        known to be symmetric. ``"tensor"``: always the axes of ``f``, then of ``wrt``.

    Raises
    ------
    UnsupportedError
        If it has no form in matrix notation; the message says why.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, X, B = mc.symbols("A[m,n] x[n] X[n,p] B[p,q]")
    >>> mc.jacobian(A @ x, x)
    A
    >>> mc.jacobian(A @ X @ B, X, layout="vec")
    kron(B',A)
    """
    e = as_expr(f)
    _require_layout(layout)

    def jacobians(targets: list[Symbol]) -> list[Expr]:
        return [in_layout(_holomorphic(e, w), e, w, layout) for w in targets]

    return over_structure(e, wrt, jacobians)


def _holomorphic(e: Expr, w: Symbol) -> Expr:
    """The Jacobian in vec form; by a complex symbol, of what is holomorphic in it."""
    parts = independent(e, [w])
    parts.require_holomorphic(e)
    if not parts.meaning:
        return stacked_jacobian(e, w)
    (result,) = simplify_all(parts.back([stacked_jacobian(parts.body, *parts.free)]))
    return result


def hessian(f: object, wrt: object, wrt2: object = None, *, layout: str = "numerator") -> object:
    """Hessian of a scalar function: the Jacobian of its gradient.

    Parameters
    ----------
    f : Expr, scalar
    wrt : Symbol, str, or a list or dict of them
    wrt2 : Symbol or str, optional
        For mixed second derivatives: rows by ``wrt``, columns by ``wrt2``.
    layout : str
        As for ``jacobian``.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, V = mc.symbols("A[n,n] x[n] V[m,n]")
    >>> mc.hessian(x.T @ A @ x, x)
    A + A'
    >>> mc.hessian(mc.normf(V) ** 2, V, layout="vec")
    2*eye(m*n)
    """
    e = scalar_function(f, "hessian")
    _require_layout(layout)

    def second(targets: list[Symbol]) -> list[Expr]:
        return [_hessian(e, w, w if wrt2 is None else target(e, wrt2), layout) for w in targets]

    return over_structure(e, wrt, second)


def _hessian(e: Expr, w: Symbol, w2: Symbol, layout: str) -> Expr:
    free = {s: s.free for s in (w, w2)}  # facts are of the point, not of the directions
    body = _plain(substitute(e, dict(free.items())), list(free.values()))
    (gradient,) = simplify_all(reverse_sweep(body, ONE, [free[w]]))
    stacked = stacked_jacobian(by_conjugates(gradient), free[w2])
    (result,) = simplify_all([substitute(stacked, {bare: s for s, bare in free.items()})])
    return in_layout(result, gradient, w2, layout, first=w)


def jvp(f: object, wrt: object, tangent: object) -> Expr:
    """Change of ``f`` to first order when ``wrt`` changes by ``tangent`` (a Jacobian-vector product).

    Examples
    --------
    >>> import matcalc as mc
    >>> A, X, D = mc.symbols("A[n,n] X[n,n] D[n,n]")
    >>> mc.jvp(mc.inv(X), X, D)
    -inv(X)*D*inv(X)
    """
    e = as_expr(f)
    w = target(e, wrt)
    d = upstream_of(w, tangent, "tangent")
    (result,) = simplify_all([push(_plain(e, [w]), {w: d})])
    return result


def _plain(e: Expr, targets: Sequence[Symbol]) -> Expr:
    """The function as the engine differentiates it; refused where it depends on the conjugate of a target."""
    parts = independent(e, targets)
    parts.require_holomorphic(e)
    return parts.back([parts.body])[0]


def differential(f: object, wrt: object = None) -> Expr:
    """The differential of an expression, linear in ``dX`` for each ``X`` it is taken by.

    Parameters
    ----------
    f : Expr, any shape
    wrt : Symbol, str, or a list of them, optional
        By default every symbol of ``f``.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, X, B = mc.symbols("A[m,n] X[n,n] B[n,m]")
    >>> mc.differential(A @ mc.inv(X) @ B, X)
    -A*inv(X)*dX*inv(X)*B
    """
    e = as_expr(f)
    targets = list(e.symbols) if wrt is None else targets_of(e, wrt)
    taken = {s.name for s in e.symbols}
    names = {w: f"d{w.name}" for w in targets}
    clash = [n for n in names.values() if n in taken]
    if clash:
        raise OperandError(f"{clash[0]} is a symbol of {brief(e)} already, and cannot stand for a differential")
    changes: dict[Symbol, Expr] = {w: Symbol(n, w.dims, w.free.facts) for w, n in names.items()}
    (result,) = simplify_all([push(_plain(e, targets), changes)])
    return result


def hvp(f: object, wrt: object, direction: object) -> Expr:
    """Hessian of a scalar function times a direction, in the shape of ``wrt``; the Hessian is not formed.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, v = mc.symbols("A[m,n] x[n] v[n]")
    >>> mc.hvp(mc.norm2(A @ x) ** 2, x, v)
    2*A'*A*v
    """
    e = scalar_function(f, "hvp")
    w = target(e, wrt)
    d = upstream_of(w, direction, "direction")
    free = w.free
    (gradient,) = simplify_all(reverse_sweep(_plain(substitute(e, {w: free}), [free]), ONE, [free]))
    (product,) = reverse_sweep(by_conjugates(gradient), substitute(d, {w: free}), [free])
    (result,) = simplify_all([substitute(product, {free: w})])
    return result


def _require_layout(layout: str) -> None:
    if layout not in LAYOUTS:
        raise OperandError(f"layout is one of {', '.join(LAYOUTS)}, not {layout!r}")


# ------------------------------------------------------------------ reading off
def stacked_jacobian(e: Expr, w: Symbol) -> Expr:
    """The matrix ``d vec(e) / d vec(w)'``."""
    if w.is_scalar:
        (slope,) = simplify_all([push(e, {w: ONE})])
        return vec(slope)
    while isinstance(e, (Vec, Reshape)):  # the same entries in the same order
        e = e.arg
    up = Symbol(UPSTREAM, (e.rows, e.cols), ())
    (pulled,) = simplify_all(reverse_sweep(e, up, [w]))
    scalars = Scalars()
    lowering = Lowering(scalars, opaque=lambda x: x is up)
    terms = []
    for term in addends(pulled, up):
        term, rows, cols = stacked_term(term, w)
        k, l = axis(rows), axis(cols)  # noqa: E741 - the field's own letter
        i, j = axis(e.rows), axis(e.cols)
        net = lowering.lower(term, k, l, Network())
        if net.coefficient == 0:
            continue
        rest = net.without(up, i, j)
        if rest is None:
            reason = "an operator on the way does not divide into entries"
            raise UnsupportedError(f"the Jacobian of {brief(e)} by {w.name} has no form in matrix notation: {reason}")
        terms.append(_read_off(rest, (i, j, k, l), lowering, scalars, e, w))
    if not terms:
        return zeros(times_dim(e.rows, e.cols), times_dim(w.rows, w.cols))
    (result,) = simplify_all([add(*terms)])
    return result


def stacked_term(term: Expr, w: Symbol) -> tuple[Expr, Dim, Dim]:
    """A term of a gradient by ``w`` with its axes; one that reads a stacked vector back into a matrix as that vector."""
    body, scalars = _apart(term)
    if isinstance(body, Reshape) and is_unit(body.arg.cols):
        stacked = hadamard(*scalars, body.arg)
        return stacked, stacked.rows, stacked.cols
    return term, w.rows, w.cols


def _read_off(net: Network, free: Sequence[Index | None], lowering: Lowering, scalars: Scalars, e: Expr, w: Symbol) -> Expr:
    done, became = contract_all(net, free, lowering)
    try:
        g = reduced(done, list(dict.fromkeys(v for v in became if v is not None)), scalars, leave=1)
        body = read_off(g, tuple(became))
    except NoMatrixForm as reason:
        raise UnsupportedError(f"the Jacobian of {brief(e)} by {w.name} has no form in matrix notation: {reason}") from None
    return hadamard(scalars.back(g.coefficient), body)


def in_layout(stacked: Expr, e: Expr, w: Symbol, layout: str, first: Symbol | None = None) -> Expr:
    """A Jacobian in vec form in the layout asked for; of a Hessian, ``first`` is what the gradient was taken by."""
    if layout == "vec":
        return stacked
    if layout == "vech":
        if not w.is_square or not w.has("symmetric"):
            raise OperandError(f"layout 'vech' needs a symmetric wrt, but {named_shape(w)} is not declared symmetric")
        sides = stacked @ Duplication(w.rows)
        if first is not None and first.is_square and first.has("symmetric"):
            sides = transpose(Duplication(first.rows)) @ sides
        elif first is None and not e.is_scalar and simplify_all([e])[0].symmetric:
            sides = pinv(Duplication(e.rows)) @ sides
        (result,) = simplify_all([sides])
        return result
    axes = len(e.shape) + len(w.shape)
    if axes <= 2:
        return _flat(stacked, e, w, layout)
    if layout == "denominator":
        return Unstacked(transpose(stacked), w.shape, e.shape)
    return Unstacked(stacked, e.shape, w.shape)


def _apart(e: Expr) -> tuple[Expr, list[Expr]]:
    """An array without its scalar factors, and those."""
    if not isinstance(e, Hadamard):
        return e, []
    return hadamard(*(a for a in e.args if not a.is_scalar)), [a for a in e.args if a.is_scalar]


def _flat(stacked: Expr, e: Expr, w: Symbol, layout: str) -> Expr:
    """A Jacobian with at most two axes, from its vec form."""
    if e.is_scalar:
        (column,) = simplify_all([transpose(stacked)])
        body, scalars = _apart(column)
        shaped = body.arg if isinstance(body, Vec) and same_dim(body.arg.rows, w.rows) else reshape(body, w.rows, w.cols)
        (result,) = simplify_all([hadamard(*scalars, shaped)])
        return result
    if w.is_scalar:
        return stacked.arg if isinstance(stacked, Vec) else reshape(stacked, e.rows, e.cols)
    return transpose(stacked) if layout == "denominator" else stacked
