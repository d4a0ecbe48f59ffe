"""Matrices and arrays that are written out in SymPy, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product as positions
from typing import TYPE_CHECKING, Any

from matcalc.errors import ShapeError, UnsupportedError
from matcalc.expr import (
    ONE,
    ZERO,
    Expr,
    spread,
)
from matcalc.interop.names import basics
from matcalc.ops.blocks import block
from matcalc.ops.structure import eye, zeros
from matcalc.ops.tensors import Unstacked, split_axes

if TYPE_CHECKING:
    from matcalc.interop.reading import Reader

MOST_ENTRIES = 10_000  # of a matrix that is written out


def read_explicit(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    """A matrix that is written out, entry by entry."""
    rows, cols = e.shape
    wide = next((p for p in parts if not p.is_scalar), None)
    if wide is not None:
        return block([parts[k * cols : (k + 1) * cols] for k in range(rows)])
    return grid(rows, cols, parts)


def grid(rows: int, cols: int, entries: Sequence[Expr]) -> Expr:
    """A matrix of scalars, row by row; those that have a name of their own by that."""
    if not rows or not cols:
        raise ShapeError(f"a SymPy matrix with {rows} rows and {cols} columns has no counterpart: a dimension is at least 1")
    if rows * cols > MOST_ENTRIES:
        raise UnsupportedError(f"a matrix of {rows * cols} entries is too large to write out: declare a symbol for it")
    if all(x is entries[0] for x in entries):
        return zeros(rows, cols) if entries[0] is ZERO else spread(entries[0], (rows, cols))
    if rows == cols and all(x is (ONE if k % (cols + 1) == 0 else ZERO) for k, x in enumerate(entries)):
        return eye(rows)
    return block([entries[k * cols : (k + 1) * cols] for k in range(rows)])


def read_constant(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    """A constant matrix of SymPy's, whose size is a number."""
    if not all(getattr(d, "is_Integer", isinstance(d, int)) for d in e.shape):
        raise UnsupportedError(f"SymPy's {type(e).__name__} has a counterpart only where its size is a number, not in {e}")
    (explicit,) = basics(e.as_explicit())
    return r.walk(explicit, r.done)


def read_explicit_array(r: Reader, e: Any, parts: list[Expr]) -> Expr:
    """An array that is written out; the first axes go down the rows of the matrix that holds it, the first one fastest."""
    dims = tuple(int(d) for d in e.shape)
    axes = tuple(d for d in dims if d != 1)
    if len(axes) <= 2:
        rows, cols = dims if len(dims) == 2 else (*axes, 1, 1)[:2]
        return grid(rows, cols, parts)
    first, second = split_axes(axes)
    value = dict(zip(positions(*(range(d) for d in axes)), parts, strict=True))
    downs, acrosses = (list(positions(*(range(d) for d in side[::-1]))) for side in (axes[: len(first)], axes[len(first) :]))
    entries = [value[*down[::-1], *across[::-1]] for down in downs for across in acrosses]
    return Unstacked(grid(len(downs), len(acrosses), entries), first, second)
