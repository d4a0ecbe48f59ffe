"""The few functions that emitted NumPy code calls by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from matcalc.errors import MatcalcError, OperandError

Array = np.ndarray[Any, Any]
ARRAY, FLOAT = np.ndarray, np.dtype(np.float64)  # an argument that is this needs no conversion


def as_array(name: str, value: Any) -> Array:
    """An argument as an array of floats; single precision is kept."""
    try:
        a = np.asarray(value)
        if a.dtype in (np.float64, np.float32):
            return a
        if a.dtype.kind not in "biufO":
            raise TypeError
        return a.astype(np.float64)
    except (TypeError, ValueError):
        raise OperandError(f"{name} must be an array of real numbers, not {_described(value)}") from None


def _described(value: Any) -> str:
    kind = getattr(value, "dtype", None)
    return f"an array of {kind}" if kind is not None else f"a {type(value).__name__} that has no such form"


def _scipy(module: str, name: str) -> Any:
    """A function of SciPy, which is needed for a few functions only."""
    try:
        return getattr(import_module(f"scipy.{module}"), name)
    except ImportError:
        raise MatcalcError(f"{name} needs SciPy: pip install matcalculus[scipy]") from None


def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``, without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, 1 / (1 + small), small / (1 + small))[()]


def logsumexp(x: Any, axis: int | None = None) -> Any:
    """``log(sum(exp(x)))`` over an axis, without overflow."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return np.squeeze(out, axis=axis)[()]


def softmax(x: Any, axis: int | None = None) -> Any:
    """``exp(x) / sum(exp(x))`` over an axis, without overflow."""
    out = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return out / np.sum(out, axis=axis, keepdims=True)


def is_largest(x: Any) -> Any:
    """1 at the first largest entry, counted row by row, else 0."""
    out = np.zeros(np.shape(x))
    out.flat[np.argmax(x)] = 1.0
    return out[()]


def unit_vector(position: int, n: int) -> Array:
    """The vector of ``n`` zeros with 1 at ``position``, counted from 0."""
    out = np.zeros(n)
    out[position] = 1.0
    return out


def diagonal_sums(a: Array) -> Array:
    """Each entry replaced by the sum along its diagonal."""
    return _along_diagonals(a, np.ones_like)


def diagonal_means(a: Array) -> Array:
    """Each entry replaced by the mean along its diagonal."""
    return _along_diagonals(a, lambda counts: counts)


def _along_diagonals(a: Array, divisor: Callable[[Array], Array]) -> Array:
    n = len(a)
    offset = np.arange(n)[None, :] - np.arange(n)[:, None] + n - 1
    sums = np.bincount(offset.ravel(), weights=a.ravel())
    counts = np.bincount(offset.ravel()).astype(float)
    return np.asarray((sums / divisor(counts))[offset])


def commutation(m: int, n: int) -> Array:
    """The matrix ``K`` with ``K vec(A) = vec(A')`` for an m x n matrix ``A``."""
    out = np.zeros((m * n, m * n))
    i, j = np.divmod(np.arange(m * n), n)
    out[np.arange(m * n), j * m + i] = 1.0
    return out


def duplication(n: int) -> Array:
    """The matrix ``D`` with ``D vech(S) = vec(S)`` for a symmetric n x n matrix ``S``."""
    cols, rows = np.triu_indices(n)
    out = np.zeros((n * n, len(rows)))
    place = np.arange(len(rows))
    out[cols * n + rows, place] = 1.0
    out[rows * n + cols, place] = 1.0
    return out


def vech(a: Array) -> Array:
    """The entries on and below the diagonal, column by column."""
    cols, rows = np.triu_indices(len(a))
    return np.asarray(a[rows, cols])


def adjugate(a: Array) -> Array:
    """The adjugate by the singular values, right for singular matrices too: adj(U S V') = det(U V') V adj(S) U'."""
    u, s, vt = np.linalg.svd(a)
    others = np.array([np.prod(np.delete(s, k)) for k in range(len(s))])
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    return np.asarray(sign * (vt.T * others) @ u.T)


def polar(a: Array) -> Array:
    """``U V'`` of the thin singular value decomposition."""
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return np.asarray(u @ vt)


def eigmax(a: Array) -> Any:
    """The largest eigenvalue of the symmetric part."""
    return np.linalg.eigvalsh((a + a.T) / 2)[-1]


def eigmin(a: Array) -> Any:
    """The smallest eigenvalue of the symmetric part."""
    return np.linalg.eigvalsh((a + a.T) / 2)[0]


def eigvecmax(a: Array) -> Array:
    """A unit eigenvector of the largest eigenvalue of the symmetric part."""
    return np.asarray(np.linalg.eigh((a + a.T) / 2)[1][:, -1])


def eigvecmin(a: Array) -> Array:
    """A unit eigenvector of the smallest eigenvalue of the symmetric part."""
    return np.asarray(np.linalg.eigh((a + a.T) / 2)[1][:, 0])


def erf(x: Any) -> Any:
    """Error function."""
    return _scipy("special", "erf")(x)


def gamma(x: Any) -> Any:
    """Gamma function."""
    return _scipy("special", "gamma")(x)


def lgamma(x: Any) -> Any:
    """Logarithm of the absolute value of the gamma function."""
    return _scipy("special", "gammaln")(x)


def digamma(x: Any) -> Any:
    """Derivative of ``lgamma``."""
    return _scipy("special", "digamma")(x)


def trigamma(x: Any) -> Any:
    """Second derivative of ``lgamma``."""
    return _scipy("special", "polygamma")(1, x)


def khatrirao(a: Array, b: Array) -> Array:
    """The Kronecker products of columns, side by side."""
    return (a[:, None, :] * b[None, :, :]).reshape(-1, a.shape[1])


def polygamma(order: int, x: Any) -> Any:
    """Derivative of ``digamma`` of that order."""
    return _scipy("special", "polygamma")(order, x)


def elimination(n: int) -> Array:
    """The matrix ``E`` with ``E vec(A) = vech(A)`` for an n x n matrix ``A``."""
    cols, rows = np.triu_indices(n)
    out = np.zeros((len(rows), n * n))
    out[np.arange(len(rows)), cols * n + rows] = 1.0
    return out


def cross_matrix(x: Array) -> Array:
    """The matrix ``C`` with ``C y`` the cross product of ``x`` and ``y``."""
    a, b, c = np.reshape(x, 3)
    return np.array([[0 * a, -c, b], [c, 0 * a, -a], [-b, a, 0 * a]])


def axial(a: Array) -> Array:
    """The vector ``v`` with ``sum(a * cross_matrix(y)) = sum(v * y)`` for every ``y``."""
    return np.array([a[2, 1] - a[1, 2], a[0, 2] - a[2, 0], a[1, 0] - a[0, 1]])


def _quietly(name: str, a: Array) -> Array:
    """SciPy's matrix function without its warnings on accuracy: what is not finite says enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _real(_scipy("linalg", name)(a))


def expm(a: Array) -> Array:
    """Matrix exponential."""
    return _real(_scipy("linalg", "expm")(a))


def logm(a: Array) -> Array:
    """Principal matrix logarithm."""
    return _quietly("logm", a)


def sqrtm(a: Array) -> Array:
    """Principal matrix square root."""
    return _quietly("sqrtm", a)


def sinm(a: Array) -> Array:
    """Matrix sine."""
    return _real(_scipy("linalg", "sinm")(a))


def cosm(a: Array) -> Array:
    """Matrix cosine."""
    return _real(_scipy("linalg", "cosm")(a))


def _real(a: Array) -> Array:
    """The matrix without imaginary parts that are rounding errors; NaN where there is no real one."""
    if not np.iscomplexobj(a):
        return a
    scale = np.max(np.abs(a), initial=1.0)
    return a.real if np.max(np.abs(a.imag), initial=0.0) <= 1e-8 * scale else np.full(a.shape, np.nan)
