"""Which matrices can be inverted: by the ranks of their parts, and at random points."""

from __future__ import annotations

from matcalc.dims import Dim, same_dim
from matcalc.emit import compile_plainly
from matcalc.expr import (
    ONE,
    Add,
    Expr,
    Product,
    Symbol,
    Transpose,
    add,
    brief,
)
from matcalc.ops.linalg import Inverse
from matcalc.ops.structure import Diag, Eye
from matcalc.sampling import SMALL_SIZES, Point, draw_point, is_regular
from matcalc.solving.equations import NotLinear, Unsolved, Working, apart, over, simplified

POINTS = 12  # random points at which a matrix is looked for that is far from singular


def require_regular(matrix: Expr, x: Symbol, working: Working, named: str = "") -> None:
    """Refuse a matrix that is singular: by the ranks of its parts, or at every random point.

    Raises
    ------
    Unsolved
        If it is.
    """
    _, body, _ = apart(matrix)
    if isinstance(body, Eye):
        return
    if not body.is_square:
        raise NotLinear(f"the matrix {brief(body)}, which has to be inverted, is not square")
    what = named or f"the matrix {brief(body)}, which has to be inverted,"
    if _is_less(rank_bound(body), body.rows):
        raise Unsolved(
            f"{what} has rank {rank_bound(body)} at most and is singular, so the equation does not determine {x.name}"
        )
    if not any(is_regular(compile_plainly([body]), point) for point in points(body)):
        raise Unsolved(f"{what} is singular at every random point, so the equation does not determine {x.name}")
    if not named:
        working.assume(*regular(body))


def regular(matrix: Expr) -> tuple[str, ...]:
    """The condition that a matrix is invertible, in words, where it is not known to be."""
    weights = diagonal_of(matrix)
    if weights is not None:
        return () if weights.sign == 2 else (f"{brief(weights)} nonzero in every entry",)
    if isinstance(matrix, Transpose):
        return regular(matrix.arg)
    known = isinstance(matrix, Inverse) or (isinstance(matrix, Symbol) and (matrix.has("invertible")))
    return () if known else (f"{brief(matrix)} invertible",)


def points(e: Expr) -> list[Point]:
    """Random points for what stands in an expression."""
    return [draw_point([e], 0, attempt, SMALL_SIZES) for attempt in range(POINTS)]


def require_somewhere(weights: Expr, what: str, working: Working) -> None:
    """Refuse to divide by what is 0 in some entry at every random point."""
    import numpy as np

    call = compile_plainly(weights)
    for point in points(weights):
        with np.errstate(all="ignore"):
            found = np.abs(np.asarray(call(**{k: v for k, v in point.given.items() if k in call.names})))
        if np.all(np.isfinite(found)) and np.min(found, initial=1.0) > 1e-10 * np.max(found, initial=0.0):
            return
    raise Unsolved(f"{what} has an entry 0 at every random point, so the equation does not determine it")


def rank_bound(e: Expr) -> Dim:
    """A dimension that the rank of ``e`` does not exceed, by the way it is written."""
    _, body, _ = apart(e)
    bounds = [body.rows, body.cols]
    if isinstance(body, Product):
        bounds += [d for a in body.args for d in (a.rows, a.cols)]
        bounds += [rank_bound(a) for a in body.args]
    if isinstance(body, Add):
        ranks = [rank_bound(a) for a in body.args]
        if all(isinstance(r, int) for r in ranks):
            bounds.append(sum(ranks))
    least = bounds[0]
    for d in bounds[1:]:
        least = d if _is_less(d, least) else least
    return least


def _is_less(a: Dim, b: Dim) -> bool:
    """Whether ``a`` is less than ``b`` as far as that is known: 1 is less than a symbolic dimension, too."""
    if isinstance(a, int) and isinstance(b, int):
        return a < b
    return isinstance(a, int) and a <= 1 and not same_dim(a, b)


def diagonal_of(matrix: Expr) -> Expr | None:
    """The diagonal of a matrix that is diagonal by the way it is written: a column, or a scalar for all of it."""
    parts = []
    above, body, below = apart(matrix)
    for term in body.args if isinstance(body, Add) else (body,):
        inside, diagonal, divisors = apart(term)
        if isinstance(diagonal, Eye):
            parts.append(over(ONE, inside, divisors))
        elif isinstance(diagonal, Diag):
            parts.append(over(diagonal.arg, inside, divisors))
        else:
            return None
    return simplified(over(add(*parts), above, below))
