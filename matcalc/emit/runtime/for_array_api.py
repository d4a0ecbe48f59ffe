"""How the back end for the array API standard takes arguments, and what the standard lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import array_api_compat.numpy
import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj

from matcalc.emit.runtime import not_an_array
from matcalc.errors import OperandError, ShapeError, UnsupportedError

__all__ = ["ARRAY", "COMPLEX", "FLOAT", "as_array", "as_complex_array", "as_scalar", "device", "namespace", "prepare"]

ARRAY, FLOAT, COMPLEX = np.ndarray, np.dtype(np.float64), np.dtype(np.complex128)  # what needs no conversion
FLOATS, COMPLEXES = (FLOAT, np.dtype(np.float32)), (COMPLEX, np.dtype(np.complex64))
SCALARS, SCALARS_COMPLEX = (float,), (complex,)


def as_array(name: str, value: Any) -> Any:
    """An argument as an array of floats, of its own library; single precision is kept."""
    a, xp = _array(name, value, "real numbers")
    if xp.isdtype(a.dtype, "real floating"):
        return a
    if xp.isdtype(a.dtype, "complex floating"):
        raise not_an_array(name, value, "real numbers")
    return xp.astype(a, xp.float64)


def as_complex_array(name: str, value: Any) -> Any:
    """An argument as an array of complex numbers, of its own library; single precision is kept."""
    a, xp = _array(name, value, "numbers")
    if xp.isdtype(a.dtype, "complex floating"):
        return a
    return xp.astype(a, xp.complex64 if a.dtype == xp.float32 else xp.complex128)


def as_scalar(value: Any) -> Any:
    """A scalar argument; a number of NumPy's becomes Python's, which goes with arrays of every library."""
    return value.item() if isinstance(value, (np.ndarray, np.generic)) and not value.ndim else value


plain = as_scalar  # every scalar is taken like that


def prepare(function: Callable[..., Any], fixed: Sequence[int]) -> Callable[..., Any]:
    """The function, which says what a library lacks."""

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except AttributeError as missing:
            if not isinstance(missing.obj, ModuleType):
                raise
            library = missing.obj.__name__.removeprefix("array_api_compat.")
            raise UnsupportedError(f"{library} has no function {missing.name}, which this expression needs") from None

    return call


def namespace(*arrays: Any) -> Any:
    """The library of the arguments, through array-api-compat; NumPy where they are all numbers."""
    try:
        return array_namespace(*arrays) if any(map(is_array_api_obj, arrays)) else array_api_compat.numpy
    except TypeError:
        kinds = sorted({type(a).__module__.partition(".")[0] for a in arrays if is_array_api_obj(a)})
        raise OperandError(f"the arrays are of different libraries: {', '.join(kinds)}") from None


def _array(name: str, value: Any, wanted: str) -> tuple[Any, Any]:
    """The array and its library; what is no array becomes NumPy's."""
    try:
        a = value
        if not is_array_api_obj(a):
            a = np.asarray(value)
            if a.dtype.kind == "O":
                a = a.astype(np.complex128 if wanted == "numbers" else np.float64)
        xp = array_namespace(a)
        if not xp.isdtype(a.dtype, ("numeric", "bool")):
            raise TypeError
        if any(n is None or n != n for n in a.shape):  # not a number: lazy libraries have such shapes
            raise ShapeError(
                f"{name} has shape {tuple(a.shape)}, a size that is not known yet: compute the sizes first, "
                f"as {name}.compute_chunk_sizes() does for an array of Dask"
            )
        return a, xp
    except ShapeError:
        raise
    except (TypeError, ValueError):
        raise not_an_array(name, value, wanted) from None
