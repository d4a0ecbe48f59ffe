"""Factorisations that emitted PyTorch code shares between solves, inverses and determinants.

A factor is a tuple: whether it is Cholesky's, the packed triangles, the row exchanges. Whether a matrix is positive
definite is found by looking at the numbers; where a tracer forbids that, LU serves.
"""

from __future__ import annotations

from typing import Any

import torch

Array = Any
Factor = tuple[bool, Array, Any]


def cho_factor(a: Array) -> Factor:
    """The Cholesky factor of a symmetric matrix, or its LU factors where it is not positive definite."""
    if torch.compiler.is_compiling():
        return lu_factor(a)
    c, failed = torch.linalg.cholesky_ex(a)
    try:
        definite = not failed
    except RuntimeError:  # under torch.func.vmap
        definite = False
    return (True, c, None) if definite else lu_factor(a)


def cho_solve(factor: Factor, b: Array) -> Array:
    """The solution ``x`` of ``a x = b`` for the matrix of the factor."""
    definite, c, _ = factor
    if not definite:
        return lu_solve(factor, b)
    return torch.cholesky_solve(b, c) if b.ndim > 1 else torch.cholesky_solve(b[:, None], c)[:, 0]


def cho_inverse(factor: Factor) -> Array:
    """The inverse of the matrix of the factor."""
    return torch.cholesky_inverse(factor[1]) if factor[0] else lu_inverse(factor)


def cho_trace_inverse(factor: Factor) -> Array:
    """The trace of the inverse: of ``L L'`` the sum of the squares of ``inv(L)``."""
    definite, c, _ = factor
    if not definite:
        return torch.trace(lu_inverse(factor))
    return torch.square(torch.linalg.solve_triangular(c, _eye(c), upper=False)).sum()


def lu_factor(a: Array) -> Factor:
    """The LU factors, with row exchanges."""
    packed, exchanges, _ = torch.linalg.lu_factor_ex(a)
    return False, packed, exchanges


def lu_solve(factor: Factor, b: Array, trans: int = 0) -> Array:
    """The solution ``x`` of ``a x = b``, or of ``a' x = b``; not finite where the matrix is singular."""
    _, packed, exchanges = factor
    wide = b if b.ndim > 1 else b[:, None]
    if trans:
        lower, upper = torch.tril(packed, -1) + _eye(packed), torch.triu(packed)
        x = torch.linalg.solve_triangular(upper.mT, wide, upper=False)
        x = torch.linalg.solve_triangular(lower.mT, x, upper=True, unitriangular=True)
        x = torch.lu_unpack(packed, exchanges, unpack_data=False)[0] @ x
    else:
        x = torch.linalg.lu_solve(packed, exchanges, wide)
    return x if b.ndim > 1 else x[:, 0]


def lu_inverse(factor: Factor) -> Array:
    """The inverse of the matrix of the factor."""
    return lu_solve(factor, _eye(factor[1]))


def factor_logdet(factor: Factor) -> Array:
    """The logarithm of the absolute value of the determinant; minus infinity of a singular matrix."""
    definite, packed, _ = factor
    return (2 if definite else 1) * torch.diagonal(packed).abs().log().sum()


def lu_det(factor: Factor) -> Array:
    """The determinant, by the LU factors."""
    _, packed, exchanges = factor
    odd = (exchanges != torch.arange(1, len(packed) + 1, device=packed.device)).sum() % 2
    return (1 - 2 * odd) * torch.diagonal(packed).prod()


def solve_triangular(a: Array, b: Array, lower: bool = False) -> Array:
    """The solution ``x`` of ``a x = b`` by one triangle of ``a``; the other one is taken to be zero."""
    wide = b if b.ndim > 1 else b[:, None]
    x = torch.linalg.solve_triangular(a, wide, upper=not lower)
    return x if b.ndim > 1 else x[:, 0]


def _eye(like: Array) -> Array:
    return torch.eye(len(like), dtype=like.dtype, device=like.device)
