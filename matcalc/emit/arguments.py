"""Taking the arguments of a call with care: in order, converted, of sizes that fit, or an error that says what does not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn

from matcalc.dims import Dim, DimSymbol, is_unit
from matcalc.emit.assemble import dim_function
from matcalc.emit.parameters import Parameters, axes_of, bound, dimensions_in, shape_text
from matcalc.errors import OperandError, ShapeError


@dataclass(frozen=True)
class Check:
    """How one argument is taken: the axes of its array with their dimensions, and what makes the array.

    An array whose numbers are of the type ``kind`` needs no conversion; without axes there is no such.
    """

    name: str
    axes: tuple[tuple[int, Dim], ...]
    convert: Callable[[Any], Any]
    kind: object = None


class Arguments:
    """Takes arguments by position and by name.

    ``strict`` are the scalar symbols whose quotients and powers must be those of arrays: NaN or
    infinite where Python's floats have other answers.
    """

    def __init__(self, p: Parameters, strict: Collection[str], runtime: ModuleType) -> None:
        self.parameters, self._array = p, runtime.ARRAY
        self.checks = [self._check_of(name, strict, runtime) for name in p.names]
        self._known: dict[Dim, int] = {d: d for c in self.checks for _, d in c.axes if isinstance(d, int)}
        self._size_at = [(p.names.index(name), d) for name, d in p.sizes.items()]
        self.composite = [(d, dim_function(d)) for d in p.composite]
        self._of_one_precision = getattr(runtime, "of_one_precision", _as_they_are)  # a library that writes in place has it

    def take(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[Dim, int]]:
        """The arguments in order, and the sizes of their dimensions."""
        extra: dict[DimSymbol, int] = {}
        given = list(args)
        if kwargs or len(args) != len(self.checks):
            given, extra = self._bind(args, kwargs)
        known, array = self._known.copy(), self._array
        for k, check in enumerate(self.checks):
            value = given[k]
            if check.kind is None or type(value) is not array or value.dtype is not check.kind or value.ndim != len(check.axes):
                value = given[k] = check.convert(value)
            for axis, dim in check.axes:
                if known.setdefault(dim, value.shape[axis]) != value.shape[axis]:
                    self._misfit(given)
        if extra or self._size_at or self.composite:
            self._check_sizes(given, known, extra)
        return self._of_one_precision(given), known

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[DimSymbol, int]]:
        """The arguments in order, and dimensions that were given although an argument shows them."""
        shown = {d.name: d for d in self.parameters.shown}
        given, extra = bound(self.parameters.names, args, kwargs, shown)
        return given, {shown[name]: _as_size(name, value) for name, value in extra.items()}

    def _check_of(self, name: str, strict: Collection[str], runtime: ModuleType) -> Check:
        p = self.parameters
        if name in p.sizes:
            return Check(name, (), lambda value: _as_size(name, value))
        if name in p.functions:
            return Check(name, (), lambda value: _as_function(name, value))
        s = p.symbols[name]
        if name in p.integers:
            return Check(name, (), lambda value: _as_integer(name, value))
        axes = axes_of(s)
        as_array = runtime.as_complex_array if s.is_complex else runtime.as_array
        as_scalar = runtime.as_scalar if name in strict else runtime.plain
        wanted = shape_text(s)

        def convert(value: Any) -> Any:
            if not axes and type(value) is float:
                return as_scalar(complex(value) if s.is_complex else value)
            a = as_array(name, value)
            shape = tuple(a.shape)
            if not axes and len(shape) <= 2 and all(n == 1 for n in shape):
                return as_scalar(a.reshape(()) if shape else a)
            if len(axes) == len(shape):
                return a
            unit = 1 if is_unit(s.cols) else 0
            if len(axes) == 1 and len(shape) == 2 and shape[unit] == 1:
                return a.reshape(-1)
            raise ShapeError(f"{name} is {wanted}, but the array given has shape {shape}")

        kind = None if not axes else runtime.COMPLEX if s.is_complex else runtime.FLOAT
        return Check(name, tuple(axes), convert, kind)

    # ---------------------------------------------------------------- checking sizes
    def _misfit(self, given: Sequence[Any]) -> NoReturn:
        """Say which argument does not fit, and which one fixed the dimension before."""
        fixed: dict[Dim, tuple[str, int]] = {}
        for check, value in zip(self.checks, given, strict=True):
            shape = tuple(getattr(value, "shape", ()))
            wanted = shape_text(self.parameters.symbols[check.name]) if check.axes else ""
            for axis, dim in check.axes:
                size = shape[axis]
                if isinstance(dim, int):
                    if size != dim:
                        raise ShapeError(f"{check.name} is {wanted}, but the array given has shape {shape}")
                    continue
                other, before = fixed.setdefault(dim, (check.name, size))
                if size != before:
                    where = f"{other} has {dim} = {before}"
                    raise ShapeError(f"{check.name} is {wanted}, but the array given has shape {shape}, while {where}")
        raise AssertionError("the sizes fit")

    def _check_sizes(self, given: Sequence[Any], known: dict[Dim, int], extra: Mapping[DimSymbol, int]) -> None:
        """Dimensions given as numbers, and dimensions such as ``m*n`` that follow from others."""
        p = self.parameters
        for dim, size in extra.items():
            if known[dim] != size:
                name, axis = p.shown[dim]
                shape = tuple(given[p.names.index(name)].shape)
                raise ShapeError(f"{dim} = {size} is given, but {name} has shape {shape}, so that {dim} = {shape[axis]}")
        for k, dim in self._size_at:
            known[dim] = given[k]
        for expr, function in self.composite:
            sizes = {d: known[d] for d in dimensions_in(expr)}
            expected = function(*sizes.values())
            if known[expr] != expected:
                name, axis = next((c.name, a) for c in self.checks for a, d in c.axes if d == expr)
                from_what = " and ".join(f"{d} = {n}" for d, n in sizes.items())
                raise ShapeError(
                    f"{name} is {shape_text(p.symbols[name])}, but the array given has shape "
                    f"{tuple(given[p.names.index(name)].shape)}, while {expr} is {expected} with {from_what}"
                )


def _as_size(name: str, value: Any) -> int:
    """A dimension given as a number."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
        raise OperandError(f"{name} is a dimension, a positive int, not {value!r}")
    return int(value.__index__())


def _as_integer(name: str, value: Any) -> int:
    """An integer scalar, as a Python int."""
    plain = value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else value
    if isinstance(plain, (int, float)) and plain == int(plain):
        return int(plain)
    raise OperandError(f"{name} is an integer exponent, not {value!r}")


def _as_function(name: str, value: Any) -> Any:
    if callable(value):
        return value
    raise OperandError(f"{name} is a function of an array, not {value!r}")


def _as_they_are(arguments: list[Any]) -> list[Any]:
    return arguments
