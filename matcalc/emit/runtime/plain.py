"""The few functions that emitted NumPy code calls by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from matcalc.errors import MatcalcError, OperandError

Array = np.ndarray[Any, Any]
ARRAY, FLOAT, COMPLEX = np.ndarray, np.dtype(np.float64), np.dtype(np.complex128)  # what needs no conversion
FLOATS, COMPLEXES = (FLOAT, np.dtype(np.float32)), (COMPLEX, np.dtype(np.complex64))
SCALARS, SCALARS_COMPLEX = (np.float64, float), (np.complex128, complex)  # those that compute as arrays do come first
SMALLEST = 1e-30  # a sum of squares from which on none that matters vanished, in single precision too
LARGEST = {FLOAT: 1e300, np.dtype(np.float32): 1e38, COMPLEX: 1e300, np.dtype(np.complex64): 1e38}
NARROW = 32  # columns below which a long matrix counts as narrow
MANY = 512  # entries from which a few quick passes over an array beat one slow one


def as_array(name: str, value: Any) -> Array:
    """An argument as an array of floats; single precision is kept."""
    _require_whole(name, value)
    try:
        a = np.asarray(value)
        if a.dtype in (np.float64, np.float32):
            return a
        if a.dtype.kind not in "biufO":
            raise TypeError
        return a.astype(np.float64)
    except (TypeError, ValueError):
        raise not_an_array(name, value, "real numbers") from None


def as_complex_array(name: str, value: Any) -> Array:
    """An argument as an array of complex numbers; single precision is kept."""
    _require_whole(name, value)
    try:
        a = np.asarray(value)
        if a.dtype in (np.complex128, np.complex64):
            return a
        if a.dtype.kind not in "biufcO":
            raise TypeError
        return a.astype(np.complex64 if a.dtype == np.float32 else np.complex128)
    except (TypeError, ValueError):
        raise not_an_array(name, value, "numbers") from None


def _require_whole(name: str, value: Any) -> None:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise OperandError(f"{name} has masked entries, which have no value here: fill them first")


def plain(value: Any) -> Any:
    """An array without axes as NumPy's scalar, which is faster; anything else as it is."""
    return value[()] if type(value) is ARRAY and not value.ndim else value


def of_one_precision(arguments: list[Any]) -> list[Any]:
    """Arguments with all arrays in double precision if any of them is, as a mixed expression would come out."""
    kinds = {a.dtype for a in arguments if isinstance(a, np.ndarray)}
    if len({k.itemsize // (2 if k.kind == "c" else 1) for k in kinds}) < 2:
        return arguments
    double = {np.dtype(np.float32): FLOAT, np.dtype(np.complex64): COMPLEX}
    return [a.astype(double[a.dtype]) if isinstance(a, np.ndarray) and a.dtype in double else a for a in arguments]


def as_scalar(value: Any) -> Any:
    """The same, and Python's numbers too, whose quotients and powers differ from those of arrays."""
    if type(value) is float:
        return np.float64(value)
    return np.complex128(value) if type(value) is complex else plain(value)


def not_an_array(name: str, value: Any, wanted: str) -> OperandError:
    """What to raise of an argument that is no array of numbers."""
    kind = getattr(value, "dtype", None)
    found = f"an array of {kind}" if kind is not None else f"a {type(value).__name__} that has no such form"
    return OperandError(f"{name} must be an array of {wanted}, not {found}")


def _scipy(module: str, name: str) -> Any:
    """A function of SciPy, which is needed for a few functions only."""
    try:
        return getattr(import_module(f"scipy.{module}"), name)
    except ImportError:
        raise MatcalcError(f"{name} needs SciPy: pip install matcalculus[scipy]") from None


def sigmoid(x: Any, out: Array | None = None) -> Any:
    """``1 / (1 + exp(-x))``, without overflow; ``out`` may be ``x`` itself."""
    if type(x) is ARRAY and x.dtype is FLOAT and x.size < MANY and (fast := _expit()) is not None:
        return fast(x, out=out)
    if np.iscomplexobj(x):
        return 1 / (1 + np.exp(-x))
    with np.errstate(over="ignore"):  # where exp(-x) is infinite the quotient is 0, which is right
        t = np.exp(np.negative(x, out=out), out=out)
    t += 1
    return np.reciprocal(t, out=out if out is not None or np.ndim(t) == 0 else t)


@cache
def _expit() -> Any:
    """SciPy's sigmoid, the fastest for few entries, where SciPy is there."""
    try:
        return import_module("scipy.special").expit
    except ImportError:
        return None


def softplus(x: Any, out: Array | None = None) -> Any:
    """``log(1 + exp(x))``, without overflow; ``out`` may be ``x`` itself."""
    if np.size(x) < MANY:
        return np.logaddexp(0, x, out=out)
    positive = np.maximum(x, 0)
    t = np.abs(x, out=out)
    np.negative(t, out=t)
    np.exp(t, out=t)
    np.log1p(t, out=t)
    t += positive
    return t


def logsumexp(x: Any, axis: int | None = None) -> Any:
    """``log(sum(exp(x)))`` over an axis, without overflow."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return np.squeeze(out, axis=axis)[()]


def softmax(x: Any, axis: int | None = None, out: Array | None = None) -> Any:
    """``exp(x) / sum(exp(x))`` over an axis, without overflow; ``out`` may be ``x`` itself."""
    if axis == 1 and x.shape[1] < NARROW <= x.shape[0] // 8:  # short rows are slow to sum, columns are not
        turned = np.array(x.T, order="C")
        softmax(turned, 0, turned)
        if out is None:
            return turned.T
        out[...] = turned.T
        return out
    out = np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= np.add.reduce(out, axis=axis, keepdims=True)
    return out


def norm(x: Any) -> Any:
    """The root of the sum of squares of all entries; where squares overflow or vanish, of scaled entries."""
    flat = np.ravel(x, order="K")
    with np.errstate(over="ignore", under="ignore"):
        total = np.vdot(flat, flat).real
    if SMALLEST < total < LARGEST.get(flat.dtype, np.inf):
        return np.sqrt(total)
    top = np.max(np.abs(flat), initial=0.0)
    if not 0 < top < np.inf:
        return top
    flat = flat / top
    return top * np.sqrt(np.vdot(flat, flat).real)


def xlogy(x: Any, y: Any) -> Any:
    """``x*log(y)``, 0 where ``x`` is 0."""
    nothing = np.equal(x, 0)
    return np.where(nothing, 0.0, x * np.log(np.where(nothing, 1.0, y)))[()]


def prod_others(x: Any, axis: int | None = None) -> Any:
    """The product of all other entries at every entry, without a division: of those before times of those after."""
    a = np.asarray(x)
    rows = a.reshape(1, -1) if axis is None else np.moveaxis(a, axis, -1)
    one = np.ones_like(rows[..., :1])
    before = np.cumprod(np.concatenate((one, rows[..., :-1]), -1), -1)
    after = np.cumprod(np.concatenate((one, rows[..., :0:-1]), -1), -1)[..., ::-1]
    out = before * after
    return out.reshape(a.shape) if axis is None else np.moveaxis(out, -1, axis)


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
    sums = np.zeros(2 * n - 1, dtype=np.result_type(a, float))
    np.add.at(sums, offset, a)
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


def toeplitz_basis(n: int) -> Array:
    """The matrix ``B`` with ``B t = vec(T)`` for the Toeplitz matrix with the diagonals ``t``, the lowest first."""
    rows, cols = np.indices((n, n))
    out = np.zeros((n * n, 2 * n - 1))
    out[(cols * n + rows).ravel(), (cols - rows + n - 1).ravel()] = 1.0
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


def eig(a: Array) -> Array:
    """Eigenvalues in ascending order; NaN where they are not real."""
    return _eigen(a)[0]


def eigvecs(a: Array) -> Array:
    """Unit eigenvectors as columns, in the order of ``eig``; NaN where they are not real."""
    return _eigen(a)[1]


def _eigen(a: Array) -> tuple[Array, Array]:
    if np.array_equal(a, a.T) or np.allclose(a, a.T, rtol=0, atol=1e-14 * np.max(np.abs(a), initial=0.0)):
        found = np.linalg.eigh((a + a.T) / 2)
        return found[0], found[1]
    values, vectors = np.linalg.eig(a)
    if np.iscomplexobj(values):
        return np.full(len(a), np.nan), np.full(a.shape, np.nan)
    order = np.argsort(values)
    return values[order], vectors[:, order]


def eiggaps(x: Array) -> Array:
    """``1 / (x_j - x_i)`` at ``(i, j)``, zeros on the diagonal."""
    x = np.ravel(x)
    gaps = x[None, :] - x[:, None] + np.eye(len(x))
    return np.asarray(1 / gaps - np.eye(len(x)))


def cholesky(a: Array) -> Array:
    """The lower Cholesky factor of the symmetric part."""
    return np.asarray(np.linalg.cholesky((a + a.T) / 2))


def half_tril(a: Array) -> Array:
    """The lower triangle, its diagonal halved."""
    return np.asarray(np.tril(a) - np.diag(np.diag(a)) / 2)


def solve_sylvester(a: Array, b: Array, c: Array) -> Array:
    """The solution of ``a x + x b = c``."""
    return np.asarray(_scipy("linalg", "solve_sylvester")(a, b, c))


def _frechet(function: Callable[[Array], Array], a: Array, directions: tuple[Array, ...]) -> Array:
    """A corner of the function of a block triangular matrix [Mathias, 1996]."""
    n = len(a)
    for k, e in enumerate(directions):
        zero = np.zeros_like(a)
        a = np.block([[a, np.kron(np.eye(2**k), e)], [zero, a]])
    return function(a)[:n, -n:]


def dexpm(a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``expm``."""
    return _frechet(expm, a, directions)


def dlogm(a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``logm``."""
    return _frechet(logm, a, directions)


def dsqrtm(a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``sqrtm``."""
    return _frechet(sqrtm, a, directions)


def dsinm(a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``sinm``."""
    return _frechet(sinm, a, directions)


def dcosm(a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``cosm``."""
    return _frechet(cosm, a, directions)


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
        return _real(_scipy("linalg", name)(a), a)


def expm(a: Array) -> Array:
    """Matrix exponential."""
    return _real(_scipy("linalg", "expm")(a), a)


def logm(a: Array) -> Array:
    """Principal matrix logarithm."""
    return _quietly("logm", a)


def sqrtm(a: Array) -> Array:
    """Principal matrix square root."""
    return _quietly("sqrtm", a)


def sinm(a: Array) -> Array:
    """Matrix sine."""
    return _real(_scipy("linalg", "sinm")(a), a)


def cosm(a: Array) -> Array:
    """Matrix cosine."""
    return _real(_scipy("linalg", "cosm")(a), a)


def _real(a: Array, of: Array) -> Array:
    """The function of a real matrix without imaginary parts that are rounding errors; NaN where there is no real one."""
    if not np.iscomplexobj(a) or np.iscomplexobj(of):
        return a
    scale = np.max(np.abs(a), initial=1.0)
    return a.real if np.max(np.abs(a.imag), initial=0.0) <= 1e-8 * scale else np.full(a.shape, np.nan)


MOST_SKEWED = 1e10  # the condition number of eigenvectors up to which they count as independent
CLOSE, CLOSER = 1e-4, 1e-5  # relative distances up to which a second and a first difference quotient is a derivative
System = tuple[Array, Array, Array, Array]  # a matrix, its eigenvalues, its eigenvectors and the inverse of these


def eigensystem(a: Array) -> System:
    """A matrix with its eigenvalues, its eigenvectors and their inverse; NaN where there are too few eigenvectors."""
    if np.array_equal(a, a.conj().T):
        values, vectors = np.linalg.eigh(a)
        return a, values, vectors, vectors.conj().T
    values, vectors = np.linalg.eig(a)
    if not np.linalg.cond(vectors) <= MOST_SKEWED:
        vectors = np.full(a.shape, np.nan)
        return a, values, vectors, vectors
    return a, values, vectors, np.linalg.inv(vectors)


def real_eigensystem(a: Array) -> System:
    """The same, with NaN where the eigenvalues are not real."""
    found = eigensystem(a)
    if np.iscomplexobj(found[1]):
        nothing = np.full(a.shape, np.nan)
        return a, nothing[0], nothing, nothing
    return found


def by_eigenvalues(system: System, at: tuple[Array, ...], *directions: Array) -> Array:
    """The function of a matrix with values ``at[0]`` at its eigenvalues, or its Frechet derivative [Daleckii and Krein, 1965].

    ``at`` holds the function and as many of its derivatives as there are directions.
    """
    a, values, vectors, inverse = system
    inner = [inverse @ e @ vectors for e in directions]
    if not directions:
        out = np.diag(at[0])
    elif len(directions) == 1:
        out = _first_differences(values, at[0], at[1]) * inner[0]
    else:
        table = _second_differences(values, *at)
        out = sum(np.einsum("ikj,ik,kj->ij", table, x, y) for x, y in (inner, inner[::-1]))
    return _real(vectors @ out @ inverse, sum(directions, a))


def _first_differences(x: Array, f: Array, slope: Array) -> Array:
    """``f[x_i, x_j] = (f_i - f_j)/(x_i - x_j)``; of close values the mean of the derivatives."""
    gap = x[:, None] - x[None, :]
    close = np.abs(gap) <= CLOSER * (1 + np.abs(x[:, None]))
    return np.where(close, (slope[:, None] + slope[None, :]) / 2, (f[:, None] - f[None, :]) / np.where(close, 1, gap))


def _second_differences(x: Array, f: Array, slope: Array, second: Array) -> Array:
    """``f[x_i, x_j, x_k]``, by the two of the three values that are farthest apart; of close ones half the derivative."""
    first = _first_differences(x, f, slope)
    places = np.ix_(*[np.arange(len(x))] * 3)
    best = np.zeros([len(x)] * 3)
    out = sum(second[p] for p in places) / 6
    for k in range(3):
        i, j, other = places[k], places[k - 1], places[k - 2]
        gap = x[i] - x[j]
        better = (np.abs(gap) > CLOSE * (1 + np.abs(x[i]))) & (np.abs(gap) > best)
        out = np.where(better, (first[i, other] - first[other, j]) / np.where(gap == 0, 1, gap), out)
        best = np.where(better, np.abs(gap), best)
    return np.asarray(out)
