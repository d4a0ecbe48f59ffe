"""All derivatives of an array by an array, by differences, and the ways to lay them out.

This shares nothing with ``jacobian``, which it judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matcalc.dims import Dim, is_unit, times_dim
from matcalc.expr import Expr, Symbol
from matcalc.judging.points import value_at
from matcalc.ops.stacking import triangle
from matcalc.sampling import LEVEL, STENCIL, Point, is_steady
from matcalc.simplify import simplify_all

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

STEPS = (1e-3, 5e-4)


def np_array(x: Any) -> Array:
    """A value as a NumPy array."""
    import numpy as np

    return np.asarray(x)


def steady_jacobian(call: Any, w: Symbol, point: Point) -> Array | None:
    """All derivatives at a point, with the axes of the function, then those of ``w``; None where two steps disagree."""
    import numpy as np

    value = value_at(call, point.given)
    if value is None:
        return None
    value, x = np.asarray(value), np.asarray(point.values[w.name], dtype=float)
    if w.name not in call.names:
        return np.zeros((*value.shape, *x.shape))
    coarse, fine = (jacobian_by_differences(call, w.name, x, point, h) for h in STEPS)
    if coarse is None or fine is None or np.iscomplexobj(fine):
        return None
    level = float(np.max(np.abs(value), initial=0.0))
    small = level <= LEVEL * max(float(np.max(np.abs(fine), initial=0.0)), 0.1)  # else rounding drowns the differences
    return fine if small and np.isfinite(level) and is_steady(coarse, fine, 1e-6 * level) else None


def jacobian_by_differences(call: Any, name: str, x: Array, point: Point, step: float) -> Array | None:
    """Five-point central differences of every entry by every entry; None where the function has no value nearby."""
    import numpy as np

    columns = []
    for place in np.ndindex(*x.shape):
        h = step * max(1.0, abs(float(x[place])))
        total: Any = 0.0
        for shift, weight in STENCIL:
            moved = x.copy()
            moved[place] += shift * h
            value = value_at(call, {**point.given, name: moved})
            if value is None:
                return None
            total = total + weight * np.asarray(value)
        columns.append(np.asarray(total / h))
    return (
        np.moveaxis(np.reshape(columns, (*x.shape, *columns[0].shape)), range(x.ndim), range(-x.ndim, 0)) if columns else None
    )


# ------------------------------------------------------------------ layouts
def laid_out(slopes: Array, of: Expr, w: Expr, layout: str, *, twice: bool = False) -> Array:
    """Derivatives with the axes of ``of``, then those of ``w``, in a layout; ``twice`` is a Hessian."""
    import numpy as np

    rows = slopes.ndim - w.ndim
    if layout == "vec":
        return _as_array(stacked(slopes, rows))
    if layout == "vech":
        matrix = stacked(slopes, rows)
        if w.is_square and w.has("symmetric"):  # type: ignore[attr-defined]
            matrix = matrix @ duplication(slopes.shape[-1])
            if twice:
                matrix = duplication(slopes.shape[0]).T @ matrix
        if not twice and has_triangle(of):
            matrix = matrix[lower_places(slopes.shape[0])]
        return _as_array(matrix)
    if layout == "denominator" and rows and w.ndim and not of.is_scalar:
        return np.moveaxis(slopes, range(rows), range(-rows, 0))
    return slopes


def laid_out_shape(of: Expr, w: Symbol, layout: str, *, twice: bool = False) -> tuple[Dim, ...]:
    """The shape of what ``laid_out`` gives."""
    if layout in ("vec", "vech"):
        rows, cols = times_dim(of.rows, of.cols), times_dim(w.rows, w.cols)
        if layout == "vech" and w.is_square and w.has("symmetric"):
            cols = triangle(w.rows)
            rows = cols if twice else rows
        if layout == "vech" and not twice and has_triangle(of):
            rows = triangle(of.rows)
        return (rows, cols) if not is_unit(cols) else () if is_unit(rows) else (rows,)
    return (*w.shape, *of.shape) if layout == "denominator" and not of.is_scalar else (*of.shape, *w.shape)


def has_triangle(of: Expr) -> bool:
    """Whether the rows of a ``vech`` layout are the entries of one triangle: where the function is known to be symmetric."""
    return of.ndim == 2 and simplify_all([of])[0].symmetric


def stacked(slopes: Array, rows: int, orders: str = "FF") -> Array:
    """The matrix ``d vec(F) / d vec(X)'``; the letters say whether columns (F) or rows (C) are stacked, of each side."""
    import numpy as np

    sides = [list(range(rows)), list(range(rows, slopes.ndim))]
    order = [side[::-1] if letter == "F" else side for side, letter in zip(sides, orders, strict=True)]
    height = int(np.prod(slopes.shape[:rows], dtype=int))
    return slopes.transpose([*order[0], *order[1]]).reshape(height, -1)


def lower_places(n: int) -> list[int]:
    """Where the entries on and below the diagonal are among the stacked columns."""
    return [j * n + i for j in range(n) for i in range(j, n)]


def duplication(n: int) -> Array:
    """``D vech(S) = vec(S)`` for a symmetric ``S``."""
    import numpy as np

    out = np.zeros((n * n, n * (n + 1) // 2))
    for k, at in enumerate(lower_places(n)):
        j, i = divmod(at, n)
        out[j * n + i, k] = out[i * n + j, k] = 1.0
    return out


def _as_array(matrix: Array) -> Array:
    """A matrix as arrays have it: a column with one axis, a scalar with none."""
    rows, cols = matrix.shape
    return matrix if cols != 1 else matrix.reshape(()) if rows == 1 else matrix.reshape(rows)
