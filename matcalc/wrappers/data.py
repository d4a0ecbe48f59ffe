"""What a problem is given besides its variables: arrays by name, sizes and functions, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from matcalc.dims import DimSymbol
from matcalc.errors import OperandError
from matcalc.expr import Symbol
from matcalc.wrappers.fitting import Extents, described, fitted, read_sizes


def take_data(
    data: Mapping[str, Any],
    needed: Sequence[Symbol],
    variables: Sequence[Symbol],
    dims: Mapping[str, DimSymbol],
    also: Sequence[str],
) -> tuple[dict[str, Any], dict[DimSymbol, int]]:
    """The data as arrays in the shapes of their symbols, and the sizes that they show.

    Parameters
    ----------
    data : mapping of str to array, number or function
    needed : sequence of Symbol
        What must be given.
    variables : sequence of Symbol
        What must not be given.
    dims : mapping of str to DimSymbol
        The dimensions, whose sizes may be given.
    also : sequence of str
        Names that may be given though nothing needs them.

    Raises
    ------
    OperandError
        If something is missing, or names what does not occur, or is no array of numbers.
    ShapeError
        If the arrays do not fit; the message names them.
    """
    variable = {s.name for s in variables}
    for name in data:
        if name in variable:
            raise OperandError(f"{name} is a variable, and data gives it a value: give its start to ravel")
    by_name = {s.name: s for s in needed}
    known = {*by_name, *dims, *also}
    missing = [s for s in needed if s.name not in data]
    strange = [n for n, value in data.items() if n not in known and not callable(value)]
    if missing or strange:
        parts = [f"data lacks {', '.join(map(described, missing))}"] if missing else []
        parts += [f"data gives {', '.join(strange)}, which does not occur"] if strange else []
        raise OperandError(f"{'; '.join(parts)}; the variables are {', '.join(map(described, variables))}")
    taken: dict[str, Any] = {}
    sizes: dict[DimSymbol, int] = {}
    shapes: dict[Symbol, Extents] = {}
    for name, value in data.items():
        s = by_name.get(name)
        if s is None or s.has("integer"):
            taken[name] = value
            if name in dims:
                sizes[dims[name]] = _as_size(name, value)
        else:
            a = as_array(s, value)
            shapes[s] = fitted(s, tuple(a.shape))
            taken[name] = a.reshape(shapes[s])
    return taken, read_sizes(shapes, sizes)


def as_array(s: Symbol, value: Any) -> Any:
    """A value for a symbol as an array of floats, or of complex numbers."""
    runtime = import_module("matcalc.emit.runtime")
    return (runtime.as_complex_array if s.is_complex else runtime.as_array)(s.name, value)


def _as_size(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
        raise OperandError(f"{name} is a dimension, a positive int, not {value!r}")
    return int(value.__index__())
