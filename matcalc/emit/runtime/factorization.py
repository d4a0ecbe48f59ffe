"""Factorisations that emitted NumPy code shares between solves, inverses and determinants.

A factor is a tuple: how the matrix was factored, the packed triangles, the row exchanges. LAPACK is SciPy's;
without SciPy a factor is the matrix itself, which NumPy factors anew wherever it is used.
LAPACK stores columns first and NumPy rows: a matrix is factored as its transpose, which needs no rearranging.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Factor = tuple[str, Array, Array | None]
CHOLESKY, LU, PLAIN = "cholesky", "lu", "plain"
ROUTINES = ("potrf", "potrs", "potri", "trtri", "trtrs", "getrf", "getrs", "getri")


@lru_cache(maxsize=8)
def lapack(kind: str) -> SimpleNamespace | None:
    """LAPACK's routines for a type of numbers (``f``, ``d``, ``F``, ``D``); None without SciPy."""
    letter = {"f": "s", "d": "d", "F": "c", "D": "z"}.get(kind)
    try:
        module = import_module("scipy.linalg.lapack")
    except ImportError:
        return None
    return SimpleNamespace(**{r: getattr(module, letter + r) for r in ROUTINES}) if letter else None


# ---------------------------------------------------------------- symmetric matrices
def cho_factor(a: Array) -> Factor:
    """The Cholesky factor of a symmetric matrix, or its LU factors where it is not positive definite."""
    routines = lapack(a.dtype.char)
    if routines is None:
        return PLAIN, a, None
    c, failed = routines.potrf(a if a.flags.f_contiguous else a.T, lower=1, clean=1)
    return lu_factor(a) if failed else (CHOLESKY, c, None)


def cho_solve(factor: Factor, b: Array) -> Array:
    """The solution ``x`` of ``a x = b`` for the matrix of the factor."""
    how, c, _ = factor
    if how is not CHOLESKY:
        return lu_solve(factor, b)
    routines = lapack(c.dtype.char)
    assert routines is not None
    return routines.potrs(c, b, lower=1)[0]  # type: ignore[no-any-return]


def cho_inverse(factor: Factor) -> Array:
    """The inverse of the matrix of the factor, symmetric to the last digit."""
    how, c, _ = factor
    if how is not CHOLESKY:
        out = lu_inverse(factor)
        return (out + out.T) / 2
    routines = lapack(c.dtype.char)
    assert routines is not None
    half = routines.potri(c, lower=1)[0]  # the other triangle is zero
    out = half.T + half
    np.fill_diagonal(out, half.diagonal())
    return out  # type: ignore[no-any-return]


def cho_trace_inverse(factor: Factor) -> Any:
    """The trace of the inverse: of ``L L'`` the sum of the squares of ``inv(L)``."""
    how, c, _ = factor
    if how is not CHOLESKY:
        return np.trace(lu_inverse(factor))
    routines = lapack(c.dtype.char)
    assert routines is not None
    root = routines.trtri(c, lower=1)[0].T
    return np.vdot(root, root)


# ---------------------------------------------------------------- any square matrix
def lu_factor(a: Array) -> Factor:
    """The LU factors, with row exchanges, of the transpose."""
    routines = lapack(a.dtype.char)
    if routines is None:
        return PLAIN, a, None
    packed, pivots, _ = routines.getrf(a.T)
    return LU, packed, pivots


def lu_solve(factor: Factor, b: Array, trans: int = 0) -> Array:
    """The solution ``x`` of ``a x = b``, or of ``a' x = b``, for the matrix of the factor.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is exactly singular, as ``numpy.linalg.solve`` does.
    """
    how, packed, pivots = factor
    if how is PLAIN:
        return np.linalg.solve(packed.T if trans else packed, b)
    routines = lapack(packed.dtype.char)
    assert routines is not None
    _require_regular(packed)
    return routines.getrs(packed, pivots, b, trans=1 - trans)[0]  # type: ignore[no-any-return]


def lu_inverse(factor: Factor) -> Array:
    """The inverse of the matrix of the factor.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is exactly singular, as ``numpy.linalg.inv`` does.
    """
    how, packed, pivots = factor
    if how is PLAIN:
        return np.linalg.inv(packed)
    routines = lapack(packed.dtype.char)
    assert routines is not None
    _require_regular(packed)
    return routines.getri(packed, pivots)[0].T  # type: ignore[no-any-return]


def _require_regular(packed: Array) -> None:
    if not packed.diagonal().all():
        raise np.linalg.LinAlgError("Singular matrix")


def factor_logdet(factor: Factor) -> Any:
    """The logarithm of the absolute value of the determinant; minus infinity of a singular matrix."""
    how, packed, _ = factor
    if how is PLAIN:
        return np.linalg.slogdet(packed)[1]
    with np.errstate(divide="ignore"):
        total = np.log(np.abs(packed.diagonal())).sum()
    return 2 * total if how is CHOLESKY else total


def lu_det(factor: Factor) -> Any:
    """The determinant."""
    how, packed, pivots = factor
    if how is PLAIN:
        return np.linalg.det(packed)
    size = np.prod(packed.diagonal())
    if how is CHOLESKY:
        return np.square(size)
    exchanges = np.count_nonzero(pivots != np.arange(len(packed)))
    return -size if exchanges % 2 else size


# ---------------------------------------------------------------- triangles
def solve_triangular(a: Array, b: Array, lower: bool = False) -> Array:
    """The solution ``x`` of ``a x = b`` by one triangle of ``a``; the other one is taken to be zero.

    Raises
    ------
    numpy.linalg.LinAlgError
        If an entry on the diagonal is zero.
    """
    routines = lapack(np.result_type(a, b).char)
    if routines is None:
        return np.linalg.solve(np.tril(a) if lower else np.triu(a), b)
    if a.flags.f_contiguous:
        x, singular = routines.trtrs(a, b, lower=lower)
    else:
        x, singular = routines.trtrs(a.T, b, lower=not lower, trans=1)
    if singular:
        raise np.linalg.LinAlgError("Singular matrix")
    return x  # type: ignore[no-any-return]


def add_diagonal(a: Array, d: Any) -> Array:
    """The matrix with ``d``, a number or a vector, added on its diagonal."""
    out = np.array(a, dtype=np.result_type(a, d), order="C")
    out.ravel()[:: len(out) + 1] += d
    return out
