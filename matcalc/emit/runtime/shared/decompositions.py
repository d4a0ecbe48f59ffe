"""Eigenvalues, singular values and what is made of them; Cholesky factors; Sylvester's equation."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from matcalc.emit.runtime.shared.basics import dagger, imag, library_of, real, rows_of_eye
from matcalc.emit.runtime.shared.entrywise import prod_others
from matcalc.emit.runtime.shared.products import kron

Array = Any


def adjugate(xp: Any, a: Array) -> Array:
    """The adjugate by the singular values, right for singular matrices too: adj(U S V') = det(U V') V adj(S) U'."""
    u, s, vt = xp.linalg.svd(a, full_matrices=False)
    sign = xp.linalg.det(u @ vt)
    return sign * (dagger(xp, vt) * prod_others(xp, s)[None, :]) @ dagger(xp, u)


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
    eye = rows_of_eye(xp, np.arange(x.shape[0]), x.shape[0], x)
    return 1 / (x[None, :] - x[:, None] + eye) - eye


def cholesky(xp: Any, a: Array) -> Array:
    """The lower Cholesky factor of the symmetric part."""
    return xp.linalg.cholesky((a + a.T) / 2)


def solve_sylvester(xp: Any, a: Array, b: Array, c: Array) -> Array:
    """The solution of ``a x + x b = c``, as one linear system."""
    if library_of(xp) == "jax" and hasattr(import_module("jax.scipy.linalg"), "solve_sylvester"):
        return import_module("jax.scipy.linalg").solve_sylvester(a, b, c)
    m, n = c.shape
    eyes = [rows_of_eye(xp, np.arange(k), k, c) for k in (m, n)]
    system = kron(xp, a, eyes[1]) + kron(xp, eyes[0], b.T)
    return xp.reshape(xp.linalg.solve(system, xp.reshape(c, (-1, 1))), c.shape)
