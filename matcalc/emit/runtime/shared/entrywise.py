"""Functions of entries and along an axis, without overflow."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from matcalc.emit.runtime.shared.basics import integers, is_complex, library_of, spread

Array = Any
SPECIAL = {"torch": "torch.special", "jax": "jax.scipy.special", "cupy": "cupyx.scipy.special"}  # others: SciPy


def sigmoid(xp: Any, x: Array) -> Array:
    """``1 / (1 + exp(-x))``, without overflow."""
    if is_complex(xp, x):
        return 1 / (1 + xp.exp(-x))
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1 / (1 + small), small / (1 + small))


def softplus(xp: Any, x: Array) -> Array:
    """``log(1 + exp(x))``, without overflow."""
    return xp.where(x > 0, x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.abs(x)))


def norm(xp: Any, x: Array) -> Array:
    """The root of the sum of squares of all entries, of entries scaled so that no square overflows."""
    size = xp.abs(x)
    top = xp.max(size)
    scale = xp.where((top > 0) & xp.isfinite(top), top, 0 * top + 1)
    return scale * xp.sqrt(xp.sum((size / scale) ** 2))


def _special(xp: Any, name: str, *args: Any) -> Array:
    library = library_of(xp)
    function = getattr(import_module(SPECIAL.get(library, "scipy.special")), name)
    if library == "dask":
        *rest, x = args
        return x.map_blocks(lambda block: function(*rest, block), dtype=x.dtype)
    return function(*args)


def erf(xp: Any, x: Array) -> Array:
    """Error function."""
    return _special(xp, "erf", x)


def gamma(xp: Any, x: Array) -> Array:
    """Gamma function."""
    if library_of(xp) != "torch":
        return _special(xp, "gamma", x)
    negative = (x < 0) & (xp.remainder(xp.floor(x), 2) == 1)
    return xp.where(negative, -1.0, 1.0) * xp.exp(xp.lgamma(x))


def lgamma(xp: Any, x: Array) -> Array:
    """Logarithm of the absolute value of the gamma function."""
    return _special(xp, "gammaln", x)


def digamma(xp: Any, x: Array) -> Array:
    """Derivative of ``lgamma``."""
    return _special(xp, "digamma", x)


def trigamma(xp: Any, x: Array) -> Array:
    """Second derivative of ``lgamma``."""
    return _special(xp, "polygamma", 1, x)


def polygamma(xp: Any, order: int, x: Array) -> Array:
    """Derivative of ``digamma`` of that order."""
    return _special(xp, "polygamma", order, x)


def _largest(xp: Any, x: Array, axis: int) -> Array:
    return xp.amax(x, axis) if hasattr(xp, "amax") else xp.max(x, axis=axis)


def logsumexp(xp: Any, x: Array, axis: int | None = None) -> Array:
    """``log(sum(exp(x)))`` over an axis, without overflow."""
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    top = _largest(xp, x, axis)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return xp.log(xp.sum(xp.exp(x - spread(xp, top, axis)), axis=axis)) + top


def softmax(xp: Any, x: Array, axis: int | None = None) -> Array:
    """``exp(x) / sum(exp(x))`` over an axis, without overflow."""
    if axis is None:
        return xp.reshape(softmax(xp, xp.reshape(x, (-1,)), 0), x.shape)
    out = xp.exp(x - spread(xp, _largest(xp, x, axis), axis))
    return out / spread(xp, xp.sum(out, axis=axis), axis)


def prod_others(xp: Any, x: Array, axis: int | None = None) -> Array:
    """The product of all other entries at every entry, without a division: of those before times of those after."""
    rows = xp.reshape(x, (1, -1)) if axis is None else x.T if axis == 0 else x
    one = xp.ones_like(rows[:, :1])
    before = xp.cumprod(xp.concat((one, rows[:, :-1]), axis=1), axis=1)
    after = xp.fliplr(xp.cumprod(xp.concat((one, xp.fliplr(rows[:, 1:])), axis=1), axis=1))
    out = before * after
    return xp.reshape(out, x.shape) if axis is None else out.T if axis == 0 else out


def is_largest(xp: Any, x: Array) -> Array:
    """1 at the first largest entry, counted row by row, else 0."""
    flat = xp.reshape(x, (-1,))
    places = integers(xp, np.arange(flat.shape[0]), x)
    one = xp.ones_like(flat)
    return xp.reshape(xp.where(places == xp.argmax(flat), one, 0 * one), x.shape)
