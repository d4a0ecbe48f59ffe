"""Shapes and arrays as sentences have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matcalc.dims import Dim, dim_text
from matcalc.expr import Expr

SHOWN = 6  # an array with more entries a side is not written out


def dims_text(dims: Sequence[Dim]) -> str:
    """Dimensions as messages print them: ``m x n^2``."""
    return " x ".join(map(dim_text, dims))


def shape_of(e: Expr) -> str:
    """The shape of an expression as messages print it, with all its axes: ``m x n``, ``a scalar``."""
    if e.is_scalar:
        return "a scalar"
    return dims_text(e.shape if e.axes is not None else (e.rows, e.cols))


def array_text(x: Any) -> str:
    """An array as a person writes it: whole numbers without a point, others with four digits."""
    import numpy as np

    a = np.asarray(x)
    if a.ndim == 0:
        return _number_text(a.item())
    if max(a.shape) > SHOWN:
        return f"an array of shape {a.shape}"
    return "[" + ", ".join(array_text(row) for row in a) + "]"


def _number_text(x: complex) -> str:
    if isinstance(x, complex):
        return f"{_number_text(x.real)}{'-' if x.imag < 0 else '+'}{_number_text(abs(x.imag))}i"
    whole = abs(x - round(x)) <= 1e-9 * abs(x) and abs(x) < 1e9
    return str(round(x)) if whole else f"{x:.4g}"
