"""Arguments of a function with a derived gradient: by position or by name, in the shapes that its symbols say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matcalc.emit.parameters import bound
from matcalc.errors import OperandError
from matcalc.wrappers.fitting import Extents, fitted, read_sizes
from matcalc.wrappers.pullback import Pullback


class Arguments:
    """How a function takes its arguments; the sizes are checked once for every set of shapes."""

    def __init__(self, pullback: Pullback) -> None:
        self.symbols = pullback.symbols
        self.names = pullback.names
        self._integer = [s.has("integer") for s in self.symbols]
        self._known: dict[tuple[Extents | None, ...], list[Extents | None]] = {}

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
        """The arguments in order."""
        if not kwargs and len(args) == len(self.names):
            return list(args)
        return bound(self.names, args, kwargs)[0]

    def fit(self, given: Sequence[Any], as_array: Callable[[Any], Any]) -> list[Any]:
        """The arguments as arrays of the right shapes; integers stay numbers."""
        arrays: list[Any] = []
        for value, integer, s in zip(given, self._integer, self.symbols, strict=True):
            try:
                arrays.append(_as_integer(s.name, value) if integer else as_array(_real(value)))
            except OperandError:
                raise
            except (TypeError, ValueError):
                raise OperandError(f"{s.name} must be an array of real numbers, not {_kind(value)}") from None
        shapes = tuple(None if integer else tuple(a.shape) for a, integer in zip(arrays, self._integer, strict=True))
        wanted = self._known.get(shapes)
        if wanted is None:
            wanted = self._known[shapes] = self._wanted(shapes)
        return [
            a if shape is None or shape == taken else a.reshape(shape)
            for a, shape, taken in zip(arrays, wanted, shapes, strict=True)
        ]

    def _wanted(self, shapes: Sequence[Extents | None]) -> list[Extents | None]:
        found = [None if shape is None else fitted(s, shape) for s, shape in zip(self.symbols, shapes, strict=True)]
        read_sizes({s: shape for s, shape in zip(self.symbols, found, strict=True) if shape is not None})
        return found


def _real(value: Any) -> Any:
    """The value, unless it is complex: libraries drop the imaginary part with no more than a warning."""
    if isinstance(value, complex) or "complex" in str(getattr(value, "dtype", "")):
        raise TypeError
    return value


def _kind(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return f"a {type(value).__name__}" if dtype is None else f"one of {dtype}"


def _as_integer(name: str, value: Any) -> int:
    """An integer exponent as a Python int."""
    try:
        plain = value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
        if isinstance(plain, (int, float)) and plain == int(plain):
            return int(plain)
    except (TypeError, ValueError):  # an array that is being traced has no value yet
        raise OperandError(f"{name} is an integer exponent, and must be static: a number, not traced") from None
    raise OperandError(f"{name} is an integer exponent, not {value!r}")
