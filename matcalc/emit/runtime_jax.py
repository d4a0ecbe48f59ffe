"""How the JAX back end takes arguments and runs its functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from matcalc.emit.runtime import as_scalar, not_an_array

__all__ = ["ARRAY", "COMPLEX", "FLOAT", "as_array", "as_complex_array", "as_scalar", "prepare", "transposed"]

SMALL = 4096  # entries up to which a transpose is not worth a copy
_one = jnp.ones(())
ARRAY, FLOAT, COMPLEX = type(_one), _one.dtype, (_one + 0j).dtype  # what needs no conversion


def as_array(name: str, value: Any) -> Any:
    """An argument as an array of floats; single precision is kept."""
    return _as_array(name, value, "real numbers", "biuf", float)


def as_complex_array(name: str, value: Any) -> Any:
    """An argument as an array of complex numbers; single precision is kept."""
    return _as_array(name, value, "numbers", "biufc", complex)


def _as_array(name: str, value: Any, wanted: str, kinds: str, kind: type) -> Any:
    try:
        if not isinstance(value, jax.Array):
            value = np.asarray(value)
            value = jnp.asarray(value.astype(kind) if value.dtype.kind == "O" else value)
        if value.dtype.kind not in kinds + "V":  # V: bfloat16 and the like
            raise TypeError
        return (
            value if jnp.issubdtype(value.dtype, jnp.inexact) and kind is float else value.astype(jnp.result_type(value, kind))
        )
    except (TypeError, ValueError):
        raise not_an_array(name, value, wanted) from None


def prepare(function: Callable[..., Any], fixed: Sequence[int]) -> Callable[..., Any]:
    """The function compiled by XLA; the arguments at the places ``fixed`` are dimensions, exponents and functions."""
    return jax.jit(function, static_argnums=tuple(fixed))


def transposed(a: Any) -> Any:
    """The transpose as an array of its own, where that pays: XLA's products for CPUs are slow on a transposed left factor."""
    return a.T if a.size <= SMALL else jax.lax.optimization_barrier(a.T)  # type: ignore[no-untyped-call]
