"""Helper functions of the back ends other than NumPy, written once over the library ``xp`` that they are given.

They use the names that NumPy, JAX, PyTorch, CuPy and Dask share, change nothing in place, and decide nothing by
the numbers in an array, so that they can be traced.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np

Array = Any
SPECIAL = {"torch": "torch.special", "jax": "jax.scipy.special", "cupy": "cupyx.scipy.special"}  # others: SciPy
MOST_SKEWED = 1e10  # the condition number of eigenvectors up to which they count as independent
CLOSE, CLOSER = 1e-4, 1e-5  # relative distances up to which a second and a first difference quotient is a derivative
LEAST_STRIP, WORTH_STRIPS = 50, 2**23  # columns of a strip, multiplications of a product from which strips pay
HALVINGS = 40  # square roots and squarings: more than double precision has room for
NODES, WEIGHTS = (part.tolist() for part in np.polynomial.legendre.leggauss(8))
LARGEST_PADE = 5.371920351148152  # norm up to which the approximation of degree 13 is exact to rounding [Higham, 2005]
PADE = (
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
    670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
)  # fmt: skip


def _library(xp: Any) -> str:
    """``torch``, ``jax``, ``numpy``, ... of a namespace, wrapped or not."""
    name: str = xp.__name__
    return name.removeprefix("array_api_compat.").split(".")[0]


def _like(like: Array) -> dict[str, Any]:
    """The type and place of an array, to make others by."""
    return {"dtype": like.dtype} if not hasattr(like, "requires_grad") else {"dtype": like.dtype, "device": like.device}


def scalar(xp: Any, number: Any, like: Array) -> Array:
    """A number as an array without axes."""
    return xp.asarray(number, **_like(like))


# -------------------------------------------------------------------- entrywise
def sigmoid(xp: Any, x: Array) -> Array:
    """``1 / (1 + exp(-x))``, without overflow."""
    if _is_complex(xp, x):
        return 1 / (1 + xp.exp(-x))
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1 / (1 + small), small / (1 + small))


def softplus(xp: Any, x: Array) -> Array:
    """``log(1 + exp(x))``, without overflow."""
    return xp.where(x > 0, x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.abs(x)))


def _special(xp: Any, name: str, *args: Any) -> Array:
    library = _library(xp)
    function = getattr(import_module(SPECIAL.get(library, "scipy.special")), name)
    if library == "dask":
        *rest, x = args
        return x.map_blocks(lambda block: function(*rest, block), dtype=x.dtype)
    return function(*args)


def real(xp: Any, x: Array) -> Array:
    """The real part."""
    return xp.real(x) if _is_complex(xp, x) else x


def imag(xp: Any, x: Array) -> Array:
    """The imaginary part."""
    return xp.imag(x) if _is_complex(xp, x) else 0 * x


def erf(xp: Any, x: Array) -> Array:
    """Error function."""
    return _special(xp, "erf", x)


def gamma(xp: Any, x: Array) -> Array:
    """Gamma function."""
    if _library(xp) != "torch":
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


# -------------------------------------------------------------------- along an axis
def logsumexp(xp: Any, x: Array, axis: int | None = None) -> Array:
    """``log(sum(exp(x)))`` over an axis, without overflow."""
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    top = _largest(xp, x, axis)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return xp.log(xp.sum(xp.exp(x - _spread(xp, top, axis)), axis=axis)) + top


def softmax(xp: Any, x: Array, axis: int | None = None) -> Array:
    """``exp(x) / sum(exp(x))`` over an axis, without overflow."""
    if axis is None:
        return xp.reshape(softmax(xp, xp.reshape(x, (-1,)), 0), x.shape)
    out = xp.exp(x - _spread(xp, _largest(xp, x, axis), axis))
    return out / _spread(xp, xp.sum(out, axis=axis), axis)


def _largest(xp: Any, x: Array, axis: int) -> Array:
    return xp.amax(x, axis) if hasattr(xp, "amax") else xp.max(x, axis=axis)


def _spread(xp: Any, x: Array, axis: int) -> Array:
    """An axis of one put back where it was."""
    return x[None, ...] if axis == 0 else x[..., None]


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
    places = _index(xp, np.arange(flat.shape[0]), x)
    one = xp.ones_like(flat)
    return xp.reshape(xp.where(places == xp.argmax(flat), one, 0 * one), x.shape)


# -------------------------------------------------------------------- parts and constants
def _index(xp: Any, index: Any, like: Array) -> Array:
    """Integers as an array of the library."""
    return xp.asarray(index, device=like.device) if hasattr(like, "requires_grad") else xp.asarray(index)


def _rows_of_eye(xp: Any, index: Any, n: int, like: Array) -> Array:
    """These rows of an identity."""
    one = xp.ones((), **_like(like))
    return xp.where(_index(xp, index, like)[:, None] == _index(xp, np.arange(n), like)[None, :], one, 0 * one)


def unit_vector(xp: Any, position: int, n: int, like: Array) -> Array:
    """The vector of ``n`` zeros with 1 at ``position``, counted from 0."""
    return _rows_of_eye(xp, np.arange(position, position + 1), n, like)[0, :]


def tri(xp: Any, n: int, like: Array) -> Array:
    """Ones on and below the diagonal."""
    return xp.tril(xp.ones((n, n), **_like(like)))


def commutation(xp: Any, m: int, n: int, like: Array) -> Array:
    """The matrix ``K`` with ``K vec(A) = vec(A')`` for an m x n matrix ``A``."""
    return _rows_of_eye(xp, np.arange(m * n).reshape(n, m).T.reshape(-1), m * n, like)


def _places(n: int) -> tuple[Any, Any]:
    """The rows and columns of the entries of ``vech``."""
    pairs = [(i, j) for j in range(n) for i in range(j, n)]  # torch.compile traces this, but not np.triu_indices
    return np.array([i for i, _ in pairs]), np.array([j for _, j in pairs])


def duplication(xp: Any, n: int, like: Array) -> Array:
    """The matrix ``D`` with ``D vech(S) = vec(S)`` for a symmetric n x n matrix ``S``."""
    rows, cols = _places(n)
    where = np.zeros((n, n), dtype=int)
    where[rows, cols] = where[cols, rows] = np.arange(len(rows))
    return _rows_of_eye(xp, where.reshape(-1), len(rows), like)


def elimination(xp: Any, n: int, like: Array) -> Array:
    """The matrix ``E`` with ``E vec(A) = vech(A)`` for an n x n matrix ``A``."""
    rows, cols = _places(n)
    return _rows_of_eye(xp, cols * n + rows, n * n, like)


def toeplitz_basis(xp: Any, n: int, like: Array) -> Array:
    """The matrix ``B`` with ``B t = vec(T)`` for the Toeplitz matrix with the diagonals ``t``, the lowest first."""
    rows, cols = np.indices((n, n))
    return _rows_of_eye(xp, (cols - rows + n - 1).T.reshape(-1), 2 * n - 1, like)


def vech(xp: Any, a: Array) -> Array:
    """The entries on and below the diagonal, column by column."""
    rows, cols = _places(a.shape[0])
    return xp.reshape(a, (-1,))[_index(xp, rows * a.shape[0] + cols, a)]


def diagonal_sums(xp: Any, a: Array) -> Array:
    """Each entry replaced by the sum along its diagonal."""
    basis = toeplitz_basis(xp, a.shape[0], a)
    return xp.reshape(basis @ (basis.T @ xp.reshape(a.T, (-1,))), a.shape).T


def diagonal_means(xp: Any, a: Array) -> Array:
    """Each entry replaced by the mean along its diagonal."""
    return diagonal_sums(xp, a) / diagonal_sums(xp, xp.ones_like(a))


def half_tril(xp: Any, a: Array) -> Array:
    """The lower triangle, its diagonal halved."""
    return xp.tril(a) * (1 - _eye_like(xp, a) / 2)


def khatrirao(xp: Any, a: Array, b: Array) -> Array:
    """The Kronecker products of columns, side by side."""
    return xp.reshape(a[:, None, :] * b[None, :, :], (-1, a.shape[1]))


def kron(xp: Any, a: Array, b: Array) -> Array:
    """The Kronecker product of two vectors or matrices."""
    if a.ndim == 1:
        return xp.reshape(a[:, None] * b[None, :], (-1,))
    return xp.reshape(a[:, None, :, None] * b[None, :, None, :], (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]))


def diag(xp: Any, a: Array) -> Array:
    """The diagonal of a matrix, or the matrix with a diagonal."""
    n = min(a.shape)
    eye = _rows_of_eye(xp, np.arange(n), n, a)
    if a.ndim == 1:
        return xp.where(eye != 0, a[None, :], 0 * eye)
    return xp.sum(xp.where(eye != 0, a[:n, :n], 0 * eye), axis=1)


def einsum(xp: Any, spec: str, *arrays: Array) -> Array:
    """A sum over named axes; where the library has no ``einsum``, two arrays at a time."""
    if hasattr(xp, "einsum"):
        return xp.einsum(spec, *arrays)
    inputs, output = spec.split("->")
    parts = [_once_each(xp, letters, a) for letters, a in zip(inputs.split(","), arrays, strict=True)]
    while len(parts) > 1:
        (left, a), (right, b) = parts.pop(0), parts.pop(0)
        later = {c for letters, _ in parts for c in letters} | set(output)
        kept = "".join(c for c in dict.fromkeys(left + right) if c in later)
        parts.insert(0, (kept, _pair(xp, left, a, right, b, kept)))
    letters, a = parts[0]
    summed = tuple(k for k, c in enumerate(letters) if c not in output)
    a = xp.sum(a, axis=summed) if summed else a
    left_over = [c for c in letters if c in output]
    return xp.permute_dims(a, tuple(left_over.index(c) for c in output)) if len(output) > 1 else a


def _once_each(xp: Any, letters: str, a: Array) -> tuple[str, Array]:
    """An array whose letters differ: of equal ones the diagonal."""
    while (k := next((k for k, c in enumerate(letters) if c in letters[:k]), 0)) > 0:
        first, n = letters.index(letters[k]), a.shape[k]
        order = (*(j for j in range(a.ndim) if j not in (first, k)), first, k)
        a = xp.permute_dims(a, order)
        a = xp.stack([a[..., i, i] for i in range(n)], axis=-1)
        letters = "".join(letters[j] for j in order[:-1])
    return letters, a


def _pair(xp: Any, left: str, a: Array, right: str, b: Array, kept: str) -> Array:
    """The product of two arrays, summed over the letters that are not kept, as one stack of matrix products."""
    stacked = [c for c in left if c in right and c in kept]
    inner = [c for c in left if c in right and c not in kept]
    a, rows = _grouped(xp, left, a, stacked, inner, kept)
    b, cols = _grouped(xp, right, b, stacked, inner, kept)
    both = [c for c, _ in rows[0]] + [c for c, _ in rows[1]] + [c for c, _ in cols[1]]
    sizes = [n for _, n in rows[0]] + [n for _, n in rows[1]] + [n for _, n in cols[1]]
    out = xp.reshape(a @ xp.matrix_transpose(b), tuple(sizes))
    return xp.permute_dims(out, tuple(both.index(c) for c in kept)) if len(kept) > 1 else out


Sized = list[tuple[str, int]]


def _grouped(
    xp: Any, letters: str, a: Array, stacked: list[str], inner: list[str], kept: str
) -> tuple[Array, tuple[Sized, Sized]]:
    """An array as a stack of matrices, own letters times inner ones; own letters that nothing needs are summed."""
    own = [c for c in letters if c not in stacked and c not in inner and c in kept]
    gone = tuple(k for k, c in enumerate(letters) if c not in stacked and c not in inner and c not in own)
    if gone:
        a = xp.sum(a, axis=gone)
        letters = "".join(c for k, c in enumerate(letters) if k not in gone)
    order = [letters.index(c) for c in (*stacked, *own, *inner)]
    a = xp.permute_dims(a, tuple(order)) if len(order) > 1 else a
    size = dict(zip((*stacked, *own, *inner), a.shape, strict=True))
    lengths = [int(np.prod([size[c] for c in group], dtype=int)) for group in (stacked, own, inner)]
    return xp.reshape(a, tuple(lengths)), ([(c, size[c]) for c in stacked], [(c, size[c]) for c in own])


def cross_matrix(xp: Any, x: Array) -> Array:
    """The matrix ``C`` with ``C y`` the cross product of ``x`` and ``y``."""
    a, b, c = (xp.reshape(x, (3,))[k] for k in range(3))
    return xp.reshape(xp.stack((0 * a, -c, b, c, 0 * a, -a, -b, a, 0 * a)), (3, 3))


def axial(xp: Any, a: Array) -> Array:
    """The vector ``v`` with ``sum(a * cross_matrix(y)) = sum(v * y)`` for every ``y``."""
    return xp.stack((a[2, 1] - a[1, 2], a[0, 2] - a[2, 0], a[1, 0] - a[0, 1]))


def symmetric_product(xp: Any, left: Array, right: Array) -> Array:
    """``left @ right``, which is known to be symmetric: its upper half in strips, the lower one copied.

    No library here has such a product of its own; what is left out is work saved on CPUs, in large products.
    """
    n, m = left.shape
    count = 4 if _library(xp) == "torch" else 2
    if n < LEAST_STRIP * count or m * n * n < WORTH_STRIPS or not _on_cpu(xp, left):
        return left @ right
    ends = [n * k // count for k in range(count + 1)]
    columns = left.T  # XLA is faster on strips that are cut from columns
    strips = [columns[:, i:j].T @ right[:, i:] for i, j in pairwise(ends)]
    rows = []
    for k, (i, j) in enumerate(pairwise(ends)):
        mirrored = [strips[above][:, i - ends[above] : j - ends[above]].T for above in range(k)]
        rows.append(xp.concat((*mirrored, strips[k]), axis=1))
    return xp.concat(rows, axis=0)


def _on_cpu(xp: Any, a: Array) -> bool:
    match _library(xp):
        case "torch":
            return bool(a.device.type == "cpu")
        case "jax":
            return bool(import_module("jax").default_backend() == "cpu")
    return False


# -------------------------------------------------------------------- decompositions
def adjugate(xp: Any, a: Array) -> Array:
    """The adjugate by the singular values, right for singular matrices too: adj(U S V') = det(U V') V adj(S) U'."""
    u, s, vt = xp.linalg.svd(a, full_matrices=False)
    sign = xp.linalg.det(u @ vt)
    return sign * (_dagger(xp, vt) * prod_others(xp, s)[None, :]) @ _dagger(xp, u)


def polar(xp: Any, a: Array) -> Array:
    """``U V'`` of the thin singular value decomposition."""
    u, _, vt = xp.linalg.svd(a, full_matrices=False)
    return u @ vt


def _symmetric_eigen(xp: Any, a: Array) -> tuple[Array, Array]:
    values, vectors = xp.linalg.eigh((a + a.T) / 2)
    return values, vectors


def eigmax(xp: Any, a: Array) -> Array:
    """The largest eigenvalue of the symmetric part."""
    return xp.linalg.eigvalsh((a + a.T) / 2)[-1]


def eigmin(xp: Any, a: Array) -> Array:
    """The smallest eigenvalue of the symmetric part."""
    return xp.linalg.eigvalsh((a + a.T) / 2)[0]


def eigvecmax(xp: Any, a: Array) -> Array:
    """A unit eigenvector of the largest eigenvalue of the symmetric part."""
    return _symmetric_eigen(xp, a)[1][:, -1]


def eigvecmin(xp: Any, a: Array) -> Array:
    """A unit eigenvector of the smallest eigenvalue of the symmetric part."""
    return _symmetric_eigen(xp, a)[1][:, 0]


def eig(xp: Any, a: Array) -> Array:
    """Eigenvalues in ascending order; NaN where they are not real."""
    return _eigen(xp, a)[0]


def eigvecs(xp: Any, a: Array) -> Array:
    """Unit eigenvectors as columns, in the order of ``eig``; NaN where they are not real."""
    return _eigen(xp, a)[1]


def _eigen(xp: Any, a: Array) -> tuple[Array, Array]:
    """Both, of the symmetric part where the matrix is symmetric to rounding."""
    scale = xp.max(xp.abs(a))
    is_symmetric = xp.max(xp.abs(a - a.T)) <= 1e-14 * scale
    straight = _symmetric_eigen(xp, a)
    values, vectors = xp.linalg.eig(a)
    values, vectors = values + 0j, vectors + 0j
    is_real = xp.max(xp.abs(imag(xp, values))) == 0
    values, vectors = real(xp, values), real(xp, vectors)
    order = xp.argsort(values)
    values, vectors = values[order], vectors[:, order]
    nothing = xp.nan * scale
    return (
        xp.where(is_symmetric, straight[0], xp.where(is_real, values, nothing)),
        xp.where(is_symmetric, straight[1], xp.where(is_real, vectors, nothing)),
    )


def eiggaps(xp: Any, x: Array) -> Array:
    """``1 / (x_j - x_i)`` at ``(i, j)``, zeros on the diagonal."""
    x = xp.reshape(x, (-1,))
    eye = _rows_of_eye(xp, np.arange(x.shape[0]), x.shape[0], x)
    return 1 / (x[None, :] - x[:, None] + eye) - eye


def cholesky(xp: Any, a: Array) -> Array:
    """The lower Cholesky factor of the symmetric part."""
    return xp.linalg.cholesky((a + a.T) / 2)


def solve_sylvester(xp: Any, a: Array, b: Array, c: Array) -> Array:
    """The solution of ``a x + x b = c``, as one linear system."""
    if _library(xp) == "jax" and hasattr(import_module("jax.scipy.linalg"), "solve_sylvester"):
        return import_module("jax.scipy.linalg").solve_sylvester(a, b, c)
    m, n = c.shape
    eyes = [_rows_of_eye(xp, np.arange(k), k, c) for k in (m, n)]
    system = kron(xp, a, eyes[1]) + kron(xp, eyes[0], b.T)
    return xp.reshape(xp.linalg.solve(system, xp.reshape(c, (-1, 1))), c.shape)


# -------------------------------------------------------------------- functions of matrices
def _is_complex(xp: Any, a: Array) -> bool:
    return "complex" in str(a.dtype)


def _dagger(xp: Any, a: Array) -> Array:
    return xp.conj(a).T


def _eye_like(xp: Any, a: Array) -> Array:
    return _rows_of_eye(xp, np.arange(a.shape[0]), a.shape[0], a)


def expm(xp: Any, a: Array) -> Array:
    """Matrix exponential."""
    match _library(xp):
        case "torch":
            return xp.linalg.matrix_exp(a)
        case "jax":
            return import_module("jax.scipy.linalg").expm(a, max_squarings=HALVINGS)
    norm = float(xp.max(xp.sum(xp.abs(a), axis=0)))
    halvings = max(0, int(np.ceil(np.log2(norm / LARGEST_PADE)))) if 0 < norm < np.inf else 0
    a = a / 2.0**halvings
    eye, square = _eye_like(xp, a), a @ a
    odd, even, power = 0 * a, 0 * a, eye
    for k in range(0, len(PADE), 2):
        even, odd = even + PADE[k] / PADE[0] * power, odd + PADE[k + 1] / PADE[0] * power
        power = power @ square
    odd = a @ odd
    out = xp.linalg.solve(even - odd, even + odd)
    for _ in range(halvings):
        out = out @ out
    return out


def _wave(xp: Any, a: Array) -> Array:
    """Cosine and sine: ``exp [[0, -A], [A, 0]] = [[cos A, -sin A], [sin A, cos A]]``."""
    zero = 0 * a
    return expm(xp, _blocks(xp, zero, -a, a, zero))


def _blocks(xp: Any, a: Array, b: Array, c: Array, d: Array) -> Array:
    return xp.concat((xp.concat((a, b), axis=1), xp.concat((c, d), axis=1)), axis=0)


def sinm(xp: Any, a: Array) -> Array:
    """Matrix sine."""
    n = a.shape[0]
    return _wave(xp, a)[n:, :n]


def cosm(xp: Any, a: Array) -> Array:
    """Matrix cosine."""
    n = a.shape[0]
    return _wave(xp, a)[:n, :n]


def sqrtm(xp: Any, a: Array) -> Array:
    """Principal matrix square root, by the scaled product form of Newton's iteration [Higham, 2008, eq. 6.29]."""
    n, eye = a.shape[0], _eye_like(xp, a)
    product, root = a, a
    for k in range(HALVINGS // 2):
        scale = xp.abs(xp.linalg.det(product)) ** (-1 / (2 * n)) if k < 6 else 1.0
        inverse = xp.linalg.inv(product)
        root = scale * root @ (eye + inverse / scale**2) / 2
        product = (eye + (scale**2 * product + inverse / scale**2) / 2) / 2
    return _where_right(xp, root, root @ root, a)


def _where_right(xp: Any, out: Array, given_back: Array, a: Array) -> Array:
    """The result where it gives the matrix back, else NaN."""
    good = xp.max(xp.abs(given_back - a)) <= 1e-8 * (1 + xp.max(xp.abs(a)))
    return xp.where(good, out, xp.nan * a)


def logm(xp: Any, a: Array) -> Array:
    """Principal matrix logarithm, by square roots and the integral of ``(a - 1)/(1 + t (a - 1))`` [Higham, 2008, ch. 11]."""
    eye = _eye_like(xp, a)
    root, doublings = a, 10
    for _ in range(doublings):
        root = sqrtm(xp, root)
    near = root - eye
    out = 0 * a
    for t, w in zip(NODES, WEIGHTS, strict=True):
        out = out + w / 2 * xp.linalg.solve(eye + (t + 1) / 2 * near, near)
    out = 2.0**doublings * out
    return _where_right(xp, out, expm(xp, out), a)


def _frechet(xp: Any, function: Callable[[Any, Array], Array], a: Array, directions: tuple[Array, ...]) -> Array:
    """A corner of the function of a block triangular matrix [Mathias, 1996]."""
    n = a.shape[0]
    for k, e in enumerate(directions):
        twice = kron(xp, _rows_of_eye(xp, np.arange(2**k), 2**k, a), e)
        a = _blocks(xp, a, twice, 0 * a, a)
    return function(xp, a)[:n, -n:]


def dexpm(xp: Any, a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``expm``."""
    return _frechet(xp, expm, a, directions)


def dlogm(xp: Any, a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``logm``."""
    return _frechet(xp, logm, a, directions)


def dsqrtm(xp: Any, a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``sqrtm``."""
    return _frechet(xp, sqrtm, a, directions)


def dsinm(xp: Any, a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``sinm``."""
    return _frechet(xp, sinm, a, directions)


def dcosm(xp: Any, a: Array, *directions: Array) -> Array:
    """Frechet derivative of ``cosm``."""
    return _frechet(xp, cosm, a, directions)


System = tuple[Array, Array, Array, Array]  # a matrix, its eigenvalues, its eigenvectors and the inverse of these


def eigensystem(xp: Any, a: Array) -> System:
    """A matrix with its eigenvalues, its eigenvectors and their inverse; NaN where there are too few eigenvectors."""
    straight, basis = xp.linalg.eigh((a + _dagger(xp, a)) / 2)
    is_symmetric = xp.max(xp.abs(a - _dagger(xp, a))) == 0
    values, vectors = xp.linalg.eig(a)
    eye = _eye_like(xp, a)
    scales = xp.linalg.svd(vectors, full_matrices=False)[1]
    good = scales[-1] * MOST_SKEWED >= scales[0]
    vectors = xp.where(good, vectors, eye + 0j)
    nothing = xp.where(good, 1.0, xp.nan)
    values = xp.where(is_symmetric, straight + 0j, values)
    inverse = xp.where(is_symmetric, _dagger(xp, basis) + 0j, nothing * xp.linalg.inv(vectors))
    return a, values, xp.where(is_symmetric, basis + 0j, nothing * vectors), inverse


def real_eigensystem(xp: Any, a: Array) -> System:
    """The same, with NaN where the eigenvalues are not real."""
    a, values, vectors, inverse = eigensystem(xp, a)
    is_real = xp.max(xp.abs(imag(xp, values))) == 0
    return (a, *(xp.where(is_real, real(xp, part), xp.nan) for part in (values, vectors, inverse)))


def by_eigenvalues(xp: Any, system: System, at: tuple[Array, ...], *directions: Array) -> Array:
    """The function of a matrix with values ``at[0]`` at its eigenvalues, or its Frechet derivative [Daleckii and Krein, 1965].

    ``at`` holds the function and as many of its derivatives as there are directions.
    """
    a, values, vectors, inverse = system
    inner = [inverse @ (e + 0 * values[0]) @ vectors for e in directions]
    if not directions:
        out = (vectors * at[0][None, :]) @ inverse
    elif len(directions) == 1:
        out = vectors @ (_first_differences(xp, values, at[0], at[1]) * inner[0]) @ inverse
    else:
        table = _second_differences(xp, values, *at)
        pairs = (x[:, :, None] * y[None, :, :] for x, y in (inner, inner[::-1]))
        middle = sum(xp.sum(table * xp.moveaxis(p, 1, 2), axis=2) for p in pairs)
        out = vectors @ middle @ inverse
    return _real(xp, out, sum(directions, a))


def _real(xp: Any, a: Array, of: Array) -> Array:
    """The function of a real matrix without imaginary parts that are rounding errors; NaN where there is no real one."""
    if not _is_complex(xp, a) or _is_complex(xp, of):
        return a
    good = xp.max(xp.abs(imag(xp, a))) <= 1e-8 * (1 + xp.max(xp.abs(a)))
    return xp.where(good, real(xp, a), xp.nan)


def _first_differences(xp: Any, x: Array, f: Array, slope: Array) -> Array:
    """``f[x_i, x_j] = (f_i - f_j)/(x_i - x_j)``; of close values the mean of the derivatives."""
    gap = x[:, None] - x[None, :]
    close = xp.abs(gap) <= CLOSER * (1 + xp.abs(x[:, None]))
    quotient = (f[:, None] - f[None, :]) / xp.where(close, 1 + 0 * gap, gap)
    return xp.where(close, (slope[:, None] + slope[None, :]) / 2, quotient)


def _second_differences(xp: Any, x: Array, f: Array, slope: Array, second: Array) -> Array:
    """``f[x_i, x_j, x_k]``, by the two of the three values that are farthest apart; of close ones half the derivative."""
    first = _first_differences(xp, x, f, slope)
    at: list[Callable[[Array], Array]] = [lambda v: v[:, None, None], lambda v: v[None, :, None], lambda v: v[None, None, :]]
    pairs = {
        (0, 1): first[:, :, None], (0, 2): first[:, None, :], (1, 2): first[None, :, :],
        (1, 0): first.T[:, :, None], (2, 0): first.T[:, None, :], (2, 1): first.T[None, :, :],
    }  # fmt: skip
    out = sum(place(second) for place in at) / 6
    best = 0 * xp.abs(out)
    for i, j, other in ((0, 2, 1), (1, 0, 2), (2, 1, 0)):
        gap = at[i](x) - at[j](x) + 0 * out
        better = (xp.abs(gap) > CLOSE * (1 + xp.abs(at[i](x)))) & (xp.abs(gap) > best)
        value = (pairs[i, other] - pairs[other, j]) / xp.where(gap == 0, 1 + 0 * gap, gap)
        out = xp.where(better, value, out)
        best = xp.where(better, xp.abs(gap), best)
    return out
