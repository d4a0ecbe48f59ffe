"""How the JAX back end takes arguments and runs its functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from matcalc.emit.runtime import not_an_array
from matcalc.emit.runtime.factorization_jax import (
    cho_factor,
    cho_inverse,
    cho_solve,
    cho_trace_inverse,
    factor_logdet,
    lu_det,
    lu_factor,
    lu_inverse,
    lu_solve,
    solve_triangular,
)

__all__ = [
    "ARRAY",
    "as_array",
    "as_complex_array",
    "as_scalar",
    "cho_factor",
    "cho_inverse",
    "cho_solve",
    "cho_trace_inverse",
    "factor_logdet",
    "lu_det",
    "lu_factor",
    "lu_inverse",
    "lu_solve",
    "prepare",
    "solve_triangular",
]

ARRAY = type(jnp.ones(()))  # with the two below, what needs no conversion
FLOATS, COMPLEXES = (jnp.dtype("float64"), jnp.dtype("float32")), (jnp.dtype("complex128"), jnp.dtype("complex64"))
SCALARS, SCALARS_COMPLEX = (ARRAY, float), (ARRAY, complex)


def __getattr__(name: str) -> Any:
    """``FLOAT`` and ``COMPLEX``, which follow JAX's switch for double precision."""
    if name in ("FLOAT", "COMPLEX"):
        return jnp.ones((), dtype=float if name == "FLOAT" else complex).dtype
    raise AttributeError(name)


def as_array(name: str, value: Any) -> Any:
    """An argument as an array of floats; single precision is kept."""
    return _as_array(name, value, "real numbers", "biuf", float)


def as_complex_array(name: str, value: Any) -> Any:
    """An argument as an array of complex numbers; single precision is kept."""
    return _as_array(name, value, "numbers", "biufc", complex)


def _as_array(name: str, value: Any, wanted: str, kinds: str, kind: type) -> Any:
    try:
        a = value
        if not isinstance(value, jax.Array):
            plain = np.asarray(value)
            a = jnp.asarray(plain.astype(kind) if plain.dtype.kind == "O" else plain)
        if not (a.dtype.kind in kinds or jnp.issubdtype(a.dtype, jnp.floating)):
            raise TypeError
        exact = jnp.inexact if kind is float else jnp.complexfloating
        return a if jnp.issubdtype(a.dtype, exact) else a.astype(jnp.result_type(a, kind))
    except (TypeError, ValueError):
        raise not_an_array(name, value, wanted) from None


def as_scalar(value: Any) -> Any:
    """A scalar argument as the function takes it: when it is traced it becomes an array."""
    return value


plain = as_scalar


def prepare(function: Callable[..., Any], fixed: Sequence[int]) -> Callable[..., Any]:
    """The function compiled by XLA; the arguments at the places ``fixed`` are dimensions, exponents and functions."""
    return jax.jit(function, static_argnums=tuple(fixed))
