"""How the back end for the array API standard takes arguments, and what the standard lacks."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy
import numpy as np
from array_api_compat import array_namespace, is_array_api_obj

from matcalc.emit.runtime import not_an_array, prepare
from matcalc.errors import OperandError

__all__ = ["ARRAY", "COMPLEX", "FLOAT", "as_array", "as_complex_array", "as_scalar", "namespace", "prepare"]

ARRAY, FLOAT, COMPLEX = np.ndarray, np.dtype(np.float64), np.dtype(np.complex128)  # what needs no conversion


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
    return value.item() if isinstance(value, (np.ndarray, np.generic)) else value


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
        return a, xp
    except (TypeError, ValueError):
        raise not_an_array(name, value, wanted) from None
