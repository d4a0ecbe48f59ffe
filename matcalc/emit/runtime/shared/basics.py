"""What the helper functions of a library share: its name, the type of its arrays, identities."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

Array = Any


def library_of(xp: Any) -> str:
    """``torch``, ``jax``, ``numpy``, ... of a namespace, wrapped or not."""
    name: str = xp.__name__
    return name.removeprefix("array_api_compat.").split(".")[0]


def kind_of(like: Array) -> dict[str, Any]:
    """The type and place of an array, to make others by."""
    return {"dtype": like.dtype} if not hasattr(like, "requires_grad") else {"dtype": like.dtype, "device": like.device}


def scalar(xp: Any, number: Any, like: Array) -> Array:
    """A number as an array without axes."""
    return xp.asarray(number, **kind_of(like))


def is_complex(xp: Any, a: Array) -> bool:
    """Whether an array is of complex numbers."""
    return "complex" in str(a.dtype)


def dagger(xp: Any, a: Array) -> Array:
    """The conjugate transpose."""
    return xp.conj(a).T


def integers(xp: Any, index: Any, like: Array) -> Array:
    """Integers as an array of the library."""
    return xp.asarray(index, device=like.device) if hasattr(like, "requires_grad") else xp.asarray(index)


def rows_of_eye(xp: Any, index: Any, n: int, like: Array) -> Array:
    """These rows of an identity."""
    one = xp.ones((), **kind_of(like))
    return xp.where(integers(xp, index, like)[:, None] == integers(xp, np.arange(n), like)[None, :], one, 0 * one)


def eye_like(xp: Any, a: Array) -> Array:
    """The identity of the size of a square matrix."""
    return rows_of_eye(xp, np.arange(a.shape[0]), a.shape[0], a)


def on_cpu(xp: Any, a: Array) -> bool:
    """Whether products run on a CPU."""
    match library_of(xp):
        case "torch":
            return bool(a.device.type == "cpu")
        case "jax":
            return bool(import_module("jax").default_backend() == "cpu")
    return False


def spread(xp: Any, x: Array, axis: int) -> Array:
    """An axis of one put back where it was."""
    return x[None, ...] if axis == 0 else x[..., None]


def blocks(xp: Any, a: Array, b: Array, c: Array, d: Array) -> Array:
    """``[[a, b], [c, d]]``."""
    return xp.concat((xp.concat((a, b), axis=1), xp.concat((c, d), axis=1)), axis=0)


def real(xp: Any, x: Array) -> Array:
    """The real part."""
    return xp.real(x) if is_complex(xp, x) else x


def imag(xp: Any, x: Array) -> Array:
    """The imaginary part."""
    return xp.imag(x) if is_complex(xp, x) else 0 * x
