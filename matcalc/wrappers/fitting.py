"""Sizes of dimensions, read off the shapes of arrays; what does not fit is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matcalc.dims import Dim, DimSymbol, is_unit
from matcalc.errors import OperandError, ShapeError
from matcalc.expr import Symbol

Extents = tuple[int, ...]


def axes_of(s: Symbol) -> tuple[Dim, ...]:
    """The dimensions of a symbol's array: a column and a row of one entry have none."""
    if s.axes is not None:
        return s.axes
    return () if s.is_scalar else (s.rows,) if is_unit(s.cols) else (s.rows, s.cols)


def shape_of(s: Symbol) -> str:
    """The shape of a symbol's array with names: ``(m, n)``."""
    axes = axes_of(s)
    return f"({', '.join(map(str, axes))}{',' if len(axes) == 1 else ''})"


def fitted(s: Symbol, shape: Extents) -> Extents:
    """The shape under which an array is taken for ``s``: a column may come as ``(n, 1)``, a row as ``(n,)``."""
    axes = axes_of(s)
    if len(shape) == len(axes):
        return shape
    if not axes and len(shape) <= 2 and all(n == 1 for n in shape):
        return ()
    if len(axes) == 1 and len(shape) == 2 and shape[1] == 1:
        return (shape[0],)
    if len(axes) == 2 and is_unit(axes[0]) and len(shape) == 1:
        return (1, shape[0])
    raise ShapeError(f"{s.name} is {shape_of(s)}, but the array given has shape {shape}")


def read_sizes(shapes: Mapping[Symbol, Extents], given: Mapping[DimSymbol, int] | None = None) -> dict[DimSymbol, int]:
    """The size of every dimension that the shapes show.

    Parameters
    ----------
    shapes : mapping of Symbol to tuple
        The shape of the array of each symbol, as ``fitted`` gives it.
    given : mapping of DimSymbol to int, optional
        Sizes that are known already.

    Raises
    ------
    ShapeError
        If two arrays, or an array and a declaration, do not agree; the message names both.
    """
    sizes = dict(given or {})
    origin = {d: f"{d} = {n} is given" for d, n in sizes.items()}
    later: list[tuple[Symbol, Extents, int, Dim]] = []
    for s, shape in shapes.items():
        for axis, dim in enumerate(axes_of(s)):
            if isinstance(dim, DimSymbol):
                if sizes.setdefault(dim, shape[axis]) != shape[axis]:
                    raise ShapeError(f"{_misfit(s, shape)}, while {origin[dim]}")
                origin.setdefault(dim, f"{s.name} has {dim} = {shape[axis]}")
            else:
                later.append((s, shape, axis, dim))
    for s, shape, axis, dim in later:
        expected = size_of(dim, sizes)
        if expected is not None and expected != shape[axis]:
            names = [] if isinstance(dim, int) else sorted(map(str, dim.free_symbols))
            known = {str(d): n for d, n in sizes.items()}
            because = f", while {dim} is {expected} with {' and '.join(f'{n} = {known[n]}' for n in names)}" if names else ""
            raise ShapeError(_misfit(s, shape) + because)
    return sizes


def size_of(dim: Dim, sizes: Mapping[DimSymbol, int]) -> int | None:
    """The size of a dimension, where that of every symbol in it is known."""
    if isinstance(dim, int):
        return dim
    if any(d not in sizes for d in dim.free_symbols):
        return None
    return int(dim.xreplace(dict(sizes)))


def unknown_in(dims: Iterable[Dim], sizes: Mapping[DimSymbol, int]) -> list[DimSymbol]:
    """The symbols in dimensions whose size is not known, sorted by name."""
    found = {d for dim in dims if not isinstance(dim, int) for d in dim.free_symbols if d not in sizes}
    return sorted((d for d in found if isinstance(d, DimSymbol)), key=str)


def by_name(what: str, values: Mapping[object, object]) -> dict[str, object]:
    """Values with the names of symbols as keys."""
    named = {key.name if isinstance(key, Symbol) else str(key): value for key, value in values.items()}
    if len(named) < len(values):
        raise OperandError(f"{what} gives a symbol twice, by itself and by its name")
    return named


def _misfit(s: Symbol, shape: Extents) -> str:
    return f"{s.name} is {shape_of(s)}, but the array given has shape {shape}"
