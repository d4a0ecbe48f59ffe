"""Jacobians, Hessians and directional derivatives, read off pulled-back gradients.

The vjp of ``F`` with a placeholder ``U`` upstream is linear in ``U``. Taking ``U`` out of it leaves
the Jacobian; pairing it with a tangent, by the same transposition that makes pullbacks, leaves the jvp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

from matcalc.calculus import over_structure, scalar_function, target, targets_of, upstream_of
from matcalc.column_maps import addend_count, column_map
from matcalc.conjugates import by_conjugates, independent
from matcalc.differentiate import addends, placeholder, push, reverse_sweep
from matcalc.dims import is_unit, same_dim, times_dim
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import (
    ONE,
    Expr,
    Hadamard,
    Operator,
    Symbol,
    add,
    as_expr,
    brief,
    hadamard,
    named_shape,
    substitute,
    symbol,
    transpose,
)
from matcalc.index import At, Index, Pair, axis, flat
from matcalc.network import Lowering, Network, composite_parts, contract_all, split_composites, tie
from matcalc.node import postorder
from matcalc.ops.reductions import total
from matcalc.ops.stacking import Duplication, Elimination
from matcalc.ops.structure import Reshape, Vec, reshape, vec, zeros
from matcalc.ops.tensors import Unstacked, paired, with_axes, with_axes_of
from matcalc.rules.closed_form import NoMatrixForm, reduced
from matcalc.rules.einsum_form import einsum_form
from matcalc.rules.kronecker import read_off
from matcalc.rules.permuted import permuted_form
from matcalc.scalar import Scalars
from matcalc.simplify import simplify_all
from matcalc.structure import require_structure, structure_matrix

MANY_ADDENDS = 8  # a longer sum inside chains is kept nested
LAYOUTS = ("numerator", "denominator", "vec", "vech", "tensor")
UPSTREAM = "upstream gradient"  # no user's symbol has a name with a blank


def jacobian(f: object, wrt: object, *, layout: str = "numerator", structure: str = "ambient") -> object:
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
    structure : {"ambient", "projected", "independent"}
        For a ``wrt`` with a structure, as for ``grad``: each entry's gradient in that sense.

    Returns
    -------
    Expr, list or dict
        An ``einsum`` where matrix notation has no form for it; ``why_not_matrix`` says why.

    Raises
    ------
    UnsupportedError
        If an operator on the way has no derivative here; the message names it.

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
    require_structure(structure)

    def first(targets: list[Symbol]) -> list[Expr]:
        return [in_layout(structured_columns(_holomorphic(e, w), w, structure), e, w, layout) for w in targets]

    return over_structure(e, wrt, first)


def _holomorphic(e: Expr, w: Symbol) -> Expr:
    """The Jacobian in vec form; by a complex symbol, of what is holomorphic in it."""
    parts = independent(e, [w])
    parts.require_holomorphic(e)
    if not parts.meaning:
        return stacked_jacobian(e, w)
    (result,) = simplify_all(parts.back([stacked_jacobian(parts.body, *parts.free)]))
    return result


def structured_columns(stacked: Expr, w: Symbol, structure: str) -> Expr:
    """A Jacobian in vec form with each row, a gradient by ``w``, taken in the sense of ``structure``."""
    matrix = structure_matrix(w, structure)
    if matrix is None:
        return stacked
    (result,) = simplify_all([stacked @ matrix])
    return result


def hessian(f: object, wrt: object, wrt2: object = None, *, layout: str = "numerator", structure: str = "ambient") -> object:
    """Hessian of a scalar function: the Jacobian of its gradient.

    Parameters
    ----------
    f : Expr, scalar
    wrt : Symbol, str, or a list or dict of them
    wrt2 : Symbol or str, optional
        For mixed second derivatives: rows by ``wrt``, columns by ``wrt2``. A list of ``wrt`` alone gives the Hessian by
        each, without the mixed ones.
    layout, structure : str
        As for ``jacobian``; the structure is that of rows and columns. Of a function on orthogonal matrices the projected
        Hessian is refused: it depends on how the manifold curves, not on the Hessian alone.

    Raises
    ------
    ShapeError
        If ``f`` is not scalar.
    OperandError
        If ``wrt`` or ``wrt2`` is not a symbol of ``f``, or a layout or structure is unknown.
    UnsupportedError
        If the Hessian has no form here.

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
    require_structure(structure)

    def second(targets: list[Symbol]) -> list[Expr]:
        return [_hessian(e, w, w if wrt2 is None else target(e, wrt2), layout, structure) for w in targets]

    return over_structure(e, wrt, second)


def _hessian(e: Expr, w: Symbol, w2: Symbol, layout: str, structure: str) -> Expr:
    free = {s: s.free for s in (w, w2)}  # facts are of the point, not of the directions
    body = _plain(substitute(e, dict(free.items())), list(free.values()))
    (gradient,) = simplify_all(reverse_sweep(body, ONE, [free[w]]))
    stacked = stacked_jacobian(by_conjugates(gradient), free[w2])
    if structure != "ambient" and (w.has("orthogonal") or w2.has("orthogonal")):
        raise UnsupportedError(
            f"the {structure} Hessian on orthogonal matrices is not supported: it needs the curvature of the set"
        )
    stacked = structured_sides(stacked, w, w2, structure)
    (result,) = simplify_all([substitute(stacked, {plain: s for s, plain in free.items()})])
    return in_layout(result, gradient, w2, layout, first=w)


def structured_sides(stacked: Expr, w: Symbol, w2: Symbol, structure: str) -> Expr:
    """A Hessian in vec form, rows and columns taken in the sense of ``structure``."""
    left, right = (structure_matrix(s, structure) for s in (w, w2))
    whole = stacked if left is None else transpose(left) @ stacked
    return whole if right is None else whole @ right


def jvp(f: object, wrt: object, tangent: object) -> Expr:
    """Change of ``f`` to first order when ``wrt`` changes by ``tangent`` (a Jacobian-vector product).

    Parameters
    ----------
    f : Expr, any shape
    wrt : Symbol or str
    tangent : Expr or str
        With the shape of ``wrt``; a name makes a new symbol.

    Returns
    -------
    Expr
        In the shape of ``f``.

    Raises
    ------
    ShapeError
        If the tangent does not have the shape of ``wrt``.
    UnsupportedError
        If an operator on the way has no derivative here.

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
    return with_axes_of(result, e)


def pushed(e: Expr, steps: Mapping[Symbol, Expr]) -> Expr:
    """Change of ``e`` to first order when each symbol changes by its step, simplified."""
    (result,) = simplify_all([push(_plain(e, list(steps)), dict(steps))])
    return with_axes_of(result, e)


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

    Raises
    ------
    OperandError
        If ``wrt`` is not a symbol of ``f``.
    UnsupportedError
        If an operator on the way has no derivative here.

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
    changes: dict[Symbol, Expr] = {w: symbol(n, w.shape if w.axes else w.dims, w.free.facts) for w, n in names.items()}
    (result,) = simplify_all([push(_plain(e, targets), changes)])
    return with_axes_of(result, e)


@overload
def hvp(f: object, wrt: Symbol | str, direction: object) -> Expr: ...  # type: ignore[overload-overlap]  # str is a Sequence
@overload
def hvp(f: object, wrt: Sequence[Symbol | str], direction: object) -> list[Expr]: ...
@overload
def hvp(f: object, wrt: Mapping[str, Symbol | str], direction: object) -> dict[str, Expr]: ...
def hvp(f: object, wrt: object, direction: object) -> object:
    """Hessian of a scalar function times a direction, in the shape of ``wrt``; the Hessian is not formed.

    Parameters
    ----------
    f : Expr, scalar
    wrt : Symbol, str, or a list or dict of them
        Of several, the Hessian is the joint one, with the mixed second derivatives.
    direction : Expr or str, or as many in the structure of ``wrt``
        With the shape of ``wrt``; a name makes a new symbol.

    Returns
    -------
    Expr, list or dict
        In the shape and structure of ``wrt``.

    Raises
    ------
    ShapeError
        If ``f`` is not scalar, or a direction does not have the shape of its variable.
    OperandError
        If there are more or fewer directions than variables.
    UnsupportedError
        If an operator on the way has no derivative here.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, y, v, u = mc.symbols("A[m,n] x[n] y[m] v[n] u[m]")
    >>> mc.hvp(mc.norm2(A @ x) ** 2, x, v)
    2*A'*A*v
    >>> mc.hvp(y.T @ A @ x, [x, y], [v, u])
    [A'*u, A*v]
    """
    e = scalar_function(f, "hvp")
    directions = _directions(wrt, direction)

    def product(targets: list[Symbol]) -> list[Expr]:
        return _hessian_times(e, targets, [upstream_of(w, d, "direction") for w, d in zip(targets, directions, strict=True)])

    return over_structure(e, wrt, product)


def _directions(wrt: object, direction: object) -> list[object]:
    """The directions in the order of the variables that ``wrt`` names."""
    if isinstance(wrt, Mapping):
        if not isinstance(direction, Mapping) or direction.keys() != wrt.keys():
            raise OperandError(f"wrt is a dict, so direction is one too, with the keys {', '.join(map(str, wrt))}")
        return [direction[key] for key in wrt]
    if isinstance(wrt, (list, tuple)):
        if not isinstance(direction, (list, tuple)) or len(direction) != len(wrt):
            raise OperandError(f"wrt lists {len(wrt)} variables, so direction is a list of as many, one for each")
        return list(direction)
    return [direction]


def _hessian_times(e: Expr, targets: Sequence[Symbol], directions: Sequence[Expr]) -> list[Expr]:
    """The joint Hessian by ``targets`` times ``directions``, the gradient held as a function of free symbols."""
    free = {w: w.free for w in targets}
    variables = list(free.values())
    gradients = simplify_all(reverse_sweep(_plain(substitute(e, dict(free.items())), variables), ONE, variables))
    gradients = [by_conjugates(g) for g in gradients]
    turned = [substitute(d, dict(free.items())) for d in directions]
    if len(targets) > 1:  # one sweep, of the slope along the directions
        slope = add(*(total(hadamard(g, d)) for g, d in zip(gradients, turned, strict=True)))
        products = reverse_sweep(slope, ONE, variables)
    elif targets[0].is_scalar:  # a gradient by one number: forward it stays factored
        products = [push(gradients[0], {variables[0]: turned[0]})]
    else:
        products = reverse_sweep(gradients[0], turned[0], variables)
    results = simplify_all([substitute(p, {plain: s for s, plain in free.items()}) for p in products])
    return [with_axes_of(r, w) for r, w in zip(results, targets, strict=True)]


def _require_layout(layout: str) -> None:
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise OperandError(f"layout is one of {', '.join(LAYOUTS)}, not {layout!r}")


# ------------------------------------------------------------------ reading off
def stacked_jacobian(e: Expr, w: Symbol) -> Expr:
    """The matrix ``d vec(e) / d vec(w)'``."""
    if w.is_scalar:
        (slope,) = simplify_all([push(e, {w: ONE})])
        return vec(slope)
    while isinstance(e, (Vec, Reshape)):  # the same entries in the same order
        e = e.arg
    up = placeholder(e, UPSTREAM)
    (pulled,) = simplify_all(reverse_sweep(e, up, [w]))
    pulled = pulled.arg if isinstance(pulled, Unstacked) else pulled
    if is_unit(e.cols) and is_unit(w.cols) and addend_count(pulled, up) > MANY_ADDENDS:
        nested = column_map(pulled, up)
        if nested is not None:
            (result,) = simplify_all([nested])
            return result
    terms = [t for t in (_transposed(term, up, e, w) for term in addends(pulled, up)) if t is not None]
    if not terms:
        return zeros(times_dim(e.rows, e.cols), times_dim(w.rows, w.cols))
    (result,) = simplify_all([add(*terms)])
    return result


def _transposed(term: Expr, up: Symbol, e: Expr, w: Symbol) -> Expr | None:
    """The transpose of the matrix by which ``vec(term)`` is linear in ``vec(up)``; None for zero."""
    inner = _stacked_part(term, up)
    if inner is not None:
        node, place, matrix = inner
        middle = placeholder(node, f"{UPSTREAM} of {node.name}")
        outside = _transposed(substitute(term, {node: middle}), middle, e, w)
        inside = [_transposed(t, up, e, w) for t in addends(node.operands[place], up)]
        found = [t for t in inside if t is not None]
        return add(*found) @ matrix @ outside if found and outside is not None else None
    lowering = Lowering(Scalars(), opaque=lambda x: x is up)
    body = stacked_term(term)
    k, l = places_of(body)  # noqa: E741 - the field's own letter
    net = lowering.lower(body, k, l, Network())
    if net.coefficient == 0:
        return None
    rest = freed_upstream(net, up, [*flat(k), *flat(l)], lowering)
    if rest is None:
        raise UnsupportedError(
            f"the Jacobian of {brief(e)} by {w.name} has no form here: an operator on the way does not divide into entries; "
            "jvp, vjp and (of a scalar) hvp give its products with a direction"
        )
    return stacked_form(*rest, k, l, lowering)


def _stacked_part(term: Expr, up: Symbol) -> tuple[Operator, int, Expr] | None:
    """The outermost operator around ``up`` that is a matrix on stacked vectors; its operand; that matrix, transposed."""
    holding: set[Expr] = {up}
    for e in postorder([term], lambda e: e.operands):
        if any(c in holding for c in e.operands):
            holding.add(e)
    node = term
    while node is not up:
        k = next(k for k, c in enumerate(node.operands) if c in holding)
        matrix = node.stacked(k) if isinstance(node, Operator) else None
        if matrix is not None:
            assert isinstance(node, Operator)
            return node, k, matrix
        node = node.operands[k]
    return None


def stacked_term(term: Expr) -> Expr:
    """A term of a gradient as a matrix; one that reads a stacked vector back into a matrix as that vector."""
    body, scalars = _apart(term)
    if isinstance(body, Unstacked):
        body = body.arg
    if isinstance(body, Reshape) and is_unit(body.arg.cols):
        body = body.arg
    return hadamard(*scalars, body)


def places_of(term: Expr) -> tuple[At, At]:
    """New indices for the axes of a term; a stacked axis has a pair."""
    parts = composite_parts(_apart(term)[0])
    if parts is None:
        return axis(term.rows), axis(term.cols)
    first, second = (paired([Index.fresh(d) for d in side]) for side in parts)
    return first, second


def freed_upstream(net: Network, up: Symbol, free: list[Index], lowering: Lowering) -> tuple[Network, At, At] | None:
    """The network without the upstream gradient, stacked axes taken apart as far as that needs."""
    rest = net.freed(up)
    for force in (False, True):
        rest = rest or split_composites(tie(net, free)[0], free, lowering, force).freed(up)
    return rest


def stacked_form(net: Network, i: At, j: At, k: At, l: At, lowering: Lowering) -> Expr:  # noqa: E741
    """A network with these free indices as the matrix with rows (j, i) and columns (l, k); as an einsum if need be."""
    rows, cols = [*flat(j), *flat(i)], [*flat(l), *flat(k)]
    done, became = contract_all(net, [*rows, *cols], lowering)
    known = dict(zip([*rows, *cols], became, strict=True))
    plain = not any(isinstance(at, Pair) for at in (i, j, k, l))
    try:
        g = reduced(done, list(dict.fromkeys(v for v in became if v is not None)), lowering.scalars, leave=int(plain))
        if plain:
            body = read_off(g, tuple(known[at] if isinstance(at, Index) else None for at in (i, j, k, l)))
        else:
            body = permuted_form(g, became[: len(rows)], became[len(rows) :])
    except NoMatrixForm as reason:
        g = reason.rest
        body = einsum_form(g, became[: len(rows)], became[len(rows) :])
    return hadamard(lowering.scalars.back(g.coefficient), body)


def in_layout(stacked: Expr, e: Expr, w: Symbol, layout: str, first: Symbol | None = None) -> Expr:
    """A Jacobian in vec form in the layout asked for; of a Hessian, ``first`` is what the gradient was taken by."""
    if layout == "vec":
        return stacked
    if layout == "vech":
        if not any(s.is_square and s.has("symmetric") for s in (w, first) if s is not None):
            raise OperandError(f"layout 'vech' needs a symmetric wrt, but {named_shape(w)} is not declared symmetric")
        (result,) = simplify_all([sides_of_vech(stacked, e, w, first)])
        return result
    axes = len(e.shape) + len(w.shape)
    if axes <= 2:
        return _flat(stacked, e, w, layout)
    if layout == "denominator":
        return with_axes(transpose(stacked), w.shape, e.shape)
    return with_axes(stacked, e.shape, w.shape)


def sides_of_vech(stacked: Expr, e: Expr, w: Symbol, first: Symbol | None) -> Expr:
    """A Jacobian in vec form by the free entries of a symmetric ``w``; rows too are free entries, where those of ``e`` are."""
    sides = stacked @ Duplication(w.rows) if w.is_square and w.has("symmetric") else stacked
    if first is not None and first.is_square and first.has("symmetric"):
        return transpose(Duplication(first.rows)) @ sides
    if first is None and not e.is_scalar and simplify_all([e])[0].symmetric:
        return Elimination(e.rows) @ sides
    return sides


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
        (result,) = simplify_all([hadamard(*scalars, _unstacked(body, w))])
        return result
    if w.is_scalar:
        return _unstacked(stacked, e)
    return transpose(stacked) if layout == "denominator" else stacked


def _unstacked(column: Expr, like: Expr) -> Expr:
    """The matrix of the shape of ``like`` with these stacked columns; the array itself where that is what is stacked."""
    if isinstance(column, Vec) and same_dim(column.arg.rows, like.rows) and same_dim(column.arg.cols, like.cols):
        return column.arg
    return reshape(column, like.rows, like.cols)
