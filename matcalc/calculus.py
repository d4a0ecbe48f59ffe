"""The verbs of the calculus: gradients and pulled-back gradients, for a symbol, its name, or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import overload

import sympy as sp

from matcalc.conjugates import has_complex, independent, is_real
from matcalc.differentiate import reverse_sweep
from matcalc.dims import same_dim, shape_text
from matcalc.errors import MatcalcError, OperandError, ShapeError
from matcalc.expr import (
    ASSUMED,
    DECLARED,
    ONE,
    Expr,
    Let,
    Number,
    Symbol,
    as_expr,
    brief,
    hadamard,
    named_shape,
    substitute,
    symbol,
)
from matcalc.ops.complex import Real
from matcalc.ops.tensors import with_axes_of
from matcalc.simplify import simplify_all
from matcalc.structure import require_structure, restructured

Wrt = Symbol | str
TWO = Number(sp.Integer(2))


@overload
def grad(f: object, wrt: Wrt, *, structure: str = "ambient") -> Expr: ...  # type: ignore[overload-overlap]  # str is a Sequence
@overload
def grad(f: object, wrt: Sequence[Wrt], *, structure: str = "ambient") -> list[Expr]: ...
@overload
def grad(f: object, wrt: Mapping[str, Wrt], *, structure: str = "ambient") -> dict[str, Expr]: ...
def grad(f: object, wrt: object, *, structure: str = "ambient") -> object:
    """Gradient of a scalar function, in the shape of ``wrt``.

    Parameters
    ----------
    f : Expr, scalar
        The function; SymPy scalars are accepted too. By a complex ``wrt`` it must be real, and the gradient is
        ``2 df/dconj(z)``, the direction of steepest ascent.
    wrt : Symbol, str, or a list or dict of them
        What to differentiate by; the result has the same structure, from one reverse sweep.
    structure : {"ambient", "projected", "independent"}
        For a ``wrt`` that is declared symmetric, diagonal, skew, lower triangular, Toeplitz or orthogonal:
        ``"ambient"`` takes every entry as free, ``"projected"`` is the part of that gradient inside the
        structure, ``"independent"`` the partial derivatives by the free entries (Matrix Cookbook, 2012, section 2.8).

    Returns
    -------
    Expr, list or dict
        Its ``conditions`` say what it assumes.

    Raises
    ------
    ShapeError
        If ``f`` is not a scalar.
    UnsupportedError
        If an operator on the way has no derivative here; the message names it.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> mc.grad(mc.norm2(A @ x - b) ** 2, x)
    2*A'*(A*x - b)
    >>> mc.grad(mc.logdet(mc.matrix("X", 3, 3)), "X").conditions
    ('X invertible',)
    >>> S, B = mc.symbols("S[n,n](symmetric) B[n,n]")
    >>> mc.grad(mc.tr(B @ S), S, structure="projected")
    (B + B')/2
    """
    e = scalar_function(f, "grad")
    require_structure(structure)

    def gradients(targets: list[Symbol]) -> list[Expr]:
        free = steepest(e, targets) if has_complex(e) else pulled_back(e, ONE, targets)
        if structure == "ambient":
            return free
        return simplify_all([restructured(g, w, structure) for g, w in zip(free, targets, strict=True)])

    return over_structure(e, wrt, gradients)


def vjp(f: object, wrt: object, upstream: object) -> object:
    """Gradient by ``wrt`` of a loss whose gradient by ``f`` is ``upstream`` (a vector-Jacobian product).

    Parameters
    ----------
    f : Expr, any shape
    wrt : Symbol, str, or a list or dict of them
    upstream : Expr or str
        An expression in the shape of ``f``; a name refers to a symbol of ``f``, or makes a new symbol of that shape.

    Raises
    ------
    ShapeError
        If ``upstream`` does not have the shape of ``f``.

    Examples
    --------
    >>> import matcalc as mc
    >>> W, X, b, G = mc.symbols("W[m,n] X[n,p] b[m] G[m,p]")
    >>> mc.vjp(W @ X + b, b, G)
    G*ones(p)
    """
    e = as_expr(f)
    g = upstream_of(e, upstream)
    return over_structure(e, wrt, lambda targets: pulled_back(e, g, targets))


def upstream_of(e: Expr, upstream: object, what: str = "upstream gradient") -> Expr:
    """The upstream gradient for ``e`` (or a tangent: ``what`` it is), from an expression or a name."""
    if isinstance(upstream, str):
        known = {s.name: s for s in e.symbols}
        g: Expr = (
            known[upstream] if upstream in known else symbol(upstream, e.shape if e.axes is not None else (e.rows, e.cols))
        )
    else:
        g = as_expr(upstream)
    if not same_axes(g, e):
        raise ShapeError(
            f"the {what} {named_shape(g)} must have the shape of {brief(e)}, which is {shape_text((e.rows, e.cols))}"
        )
    return g


def scalar_function(f: object, verb: str) -> Expr:
    """``f`` as a scalar expression, or a clear refusal."""
    e = as_expr(f)
    if not e.is_scalar:
        raise ShapeError(
            f"{verb} needs a scalar function, but {named_shape(e)} is not one; reduce it, as in sum(...) or norm2(...)^2, "
            "or give the upstream gradient to vjp"
        )
    return e


def targets_of(e: Expr, wrt: object) -> list[Symbol]:
    """The symbols that ``wrt`` names, each found in ``e`` by name where a name is given."""
    items = list(wrt.values()) if isinstance(wrt, Mapping) else list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    if not items:
        raise OperandError("wrt is empty: name at least one symbol")
    by_name: dict[str, list[Symbol]] = {}
    for s in e.symbols:
        by_name.setdefault(s.name, []).append(s)
    for name, s in DECLARED.get(e, {}).items():  # declared with the text, though the expression does not use it
        by_name.setdefault(name, [s])
    return [_target(e, w, by_name) for w in items]


def target(e: Expr, wrt: object) -> Symbol:
    """The one symbol to differentiate by."""
    if isinstance(wrt, (list, tuple, Mapping)):
        raise OperandError("wrt is one symbol or its name here, not several")
    return targets_of(e, wrt)[0]


def _target(e: Expr, wrt: object, by_name: Mapping[str, list[Symbol]]) -> Symbol:
    if isinstance(wrt, Symbol):
        found = by_name.get(wrt.name, [])
        if found and wrt not in found:
            other = found[0]
            raise OperandError(
                f"{wrt.name} in the function is another symbol than in wrt: {_described(other)} against {_described(wrt)}"
            )
        return wrt
    if isinstance(wrt, str):
        found = by_name.get(wrt, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise OperandError(f"{wrt} names {len(found)} different symbols of {brief(e)}: pass the symbol itself")
        names = ", ".join(s.name for s in e.symbols) or "none"
        raise OperandError(f"{wrt!r} is not a symbol of {brief(e)}; its symbols: {names}")
    if isinstance(wrt, Let):
        raise OperandError(f"cannot differentiate by {wrt.name}, which stands for {brief(wrt.arg)}: declare it as a symbol")
    if isinstance(wrt, Expr):
        raise OperandError(f"cannot differentiate by {brief(wrt)}: wrt is a symbol, its name, or a list or dict of them")
    raise OperandError(f"wrt is a symbol, its name, or a list or dict of them, not {type(wrt).__name__}")


def _described(s: Symbol) -> str:
    return f"{named_shape(s)} with {', '.join(s.facts) or 'no attributes'}"


def over_structure(e: Expr, wrt: object, derive: Callable[[list[Symbol]], list[Expr]]) -> object:
    """Apply ``derive`` to the symbols that ``wrt`` names, and give the results in the structure of ``wrt``."""
    results = derive(targets_of(e, wrt))
    if isinstance(wrt, Mapping):
        return dict(zip(wrt, results, strict=True))
    if isinstance(wrt, (list, tuple)):
        return type(wrt)(results)
    return results[0]


def pulled_back(e: Expr, upstream: Expr, targets: Sequence[Symbol]) -> list[Expr]:
    """Simplified gradients by each target, with their shapes asserted."""
    parts = independent(e, targets)
    parts.require_holomorphic(e)
    return finished(e, targets, parts.back(reverse_sweep(parts.body, upstream, parts.free)))


def steepest(e: Expr, targets: Sequence[Symbol]) -> list[Expr]:
    """Gradients of a real scalar by complex variables, ``2 df/dconj(z)``, and by real ones."""
    function = e
    if not is_real(substitute(e, {w: w.free for w in targets})):  # real for a hermitian variable only
        function = Real(e)
    if not any(w.is_complex for w in targets) and not is_real(e):
        return pulled_back(e, ONE, targets)
    if not is_real(e):
        raise OperandError(
            f"grad by a complex symbol needs a real function, but {brief(e)} is not known to be real: take real(f) or "
            "abs(f)^2, or mc.wirtinger for its two derivatives"
        )
    parts = independent(function, targets)
    found = reverse_sweep(parts.body, ONE, parts.partners)
    twice = [hadamard(TWO, g) if w.is_complex else g for w, g in zip(targets, found, strict=True)]
    results = finished(e, targets, parts.back(twice))
    if not any(g.is_complex and not w.is_complex for w, g in zip(targets, results, strict=True)):
        return results
    return finished(e, targets, [g if w.is_complex else Real(g) for w, g in zip(targets, results, strict=True)])


def finished(e: Expr, targets: Sequence[Symbol], gradients: Sequence[Expr]) -> list[Expr]:
    """Gradients simplified, with their conditions, and their shapes asserted."""
    results = [with_axes_of(g, w) for g, w in zip(simplify_all(gradients), targets, strict=True)]
    assumed = e.needed()
    for g in results:
        assume(g, assumed)
    for w, g in zip(targets, results, strict=True):
        if not (same_dim(g.rows, w.rows) and same_dim(g.cols, w.cols)):
            raise MatcalcError(f"internal error: the gradient by {w.name} came out {shape_text((g.rows, g.cols))}")
    return results


def same_axes(a: Expr, b: Expr) -> bool:
    """Whether two expressions have the same shape; a row and a column differ."""
    if a.axes is None and b.axes is None:
        return same_dim(a.rows, b.rows) and same_dim(a.cols, b.cols)
    return len(a.shape) == len(b.shape) and all(map(same_dim, a.shape, b.shape))


def assume(result: Expr, conditions: tuple[str, ...]) -> None:
    """Let a result carry the conditions of the function that it came from."""
    if conditions:
        ASSUMED[result] = conditions
    else:
        ASSUMED.pop(result, None)
