"""Parts of matrices, and the matrices that permute their entries."""

from __future__ import annotations

from typing import Any

import numpy as np

from matcalc.emit.runtime.shared.basics import eye_like, integers, kind_of, rows_of_eye

Array = Any


def unit_vector(xp: Any, position: int, n: int, like: Array) -> Array:
    """The vector of ``n`` zeros with 1 at ``position``, counted from 0."""
    return rows_of_eye(xp, np.arange(position, position + 1), n, like)[0, :]


def tri(xp: Any, n: int, like: Array) -> Array:
    """Ones on and below the diagonal."""
    return xp.tril(xp.ones((n, n), **kind_of(like)))


def commutation(xp: Any, m: int, n: int, like: Array) -> Array:
    """The matrix ``K`` with ``K vec(A) = vec(A')`` for an m x n matrix ``A``."""
    return rows_of_eye(xp, np.arange(m * n).reshape(n, m).T.reshape(-1), m * n, like)


def _places(n: int) -> tuple[Any, Any]:
    """The rows and columns of the entries of ``vech``."""
    pairs = [(i, j) for j in range(n) for i in range(j, n)]  # torch.compile traces this, but not np.triu_indices
    return np.array([i for i, _ in pairs]), np.array([j for _, j in pairs])


def duplication(xp: Any, n: int, like: Array) -> Array:
    """The matrix ``D`` with ``D vech(S) = vec(S)`` for a symmetric n x n matrix ``S``."""
    rows, cols = _places(n)
    where = np.zeros((n, n), dtype=int)
    where[rows, cols] = where[cols, rows] = np.arange(len(rows))
    return rows_of_eye(xp, where.reshape(-1), len(rows), like)


def elimination(xp: Any, n: int, like: Array) -> Array:
    """The matrix ``E`` with ``E vec(A) = vech(A)`` for an n x n matrix ``A``."""
    rows, cols = _places(n)
    return rows_of_eye(xp, cols * n + rows, n * n, like)


def toeplitz_basis(xp: Any, n: int, like: Array) -> Array:
    """The matrix ``B`` with ``B t = vec(T)`` for the Toeplitz matrix with the diagonals ``t``, the lowest first."""
    rows, cols = np.indices((n, n))
    return rows_of_eye(xp, (cols - rows + n - 1).T.reshape(-1), 2 * n - 1, like)


def vech(xp: Any, a: Array) -> Array:
    """The entries on and below the diagonal, column by column."""
    rows, cols = _places(a.shape[0])
    return xp.reshape(a, (-1,))[integers(xp, rows * a.shape[0] + cols, a)]


def diagonal_sums(xp: Any, a: Array) -> Array:
    """Each entry replaced by the sum along its diagonal."""
    basis = toeplitz_basis(xp, a.shape[0], a)
    return xp.reshape(basis @ (basis.T @ xp.reshape(a.T, (-1,))), a.shape).T


def diagonal_means(xp: Any, a: Array) -> Array:
    """Each entry replaced by the mean along its diagonal."""
    return diagonal_sums(xp, a) / diagonal_sums(xp, xp.ones_like(a))


def half_tril(xp: Any, a: Array) -> Array:
    """The lower triangle, its diagonal halved."""
    return xp.tril(a) * (1 - eye_like(xp, a) / 2)


def diag(xp: Any, a: Array) -> Array:
    """The diagonal of a matrix, or the matrix with a diagonal."""
    n = min(a.shape)
    eye = rows_of_eye(xp, np.arange(n), n, a)
    if a.ndim == 1:
        return xp.where(eye != 0, a[None, :], 0 * eye)
    return xp.sum(xp.where(eye != 0, a[:n, :n], 0 * eye), axis=1)


def cross_matrix(xp: Any, x: Array) -> Array:
    """The matrix ``C`` with ``C y`` the cross product of ``x`` and ``y``."""
    a, b, c = (xp.reshape(x, (3,))[k] for k in range(3))
    return xp.reshape(xp.stack((0 * a, -c, b, c, 0 * a, -a, -b, a, 0 * a)), (3, 3))


def axial(xp: Any, a: Array) -> Array:
    """The vector ``v`` with ``sum(a * cross_matrix(y)) = sum(v * y)`` for every ``y``."""
    return xp.stack((a[2, 1] - a[1, 2], a[0, 2] - a[2, 0], a[1, 0] - a[0, 1]))
