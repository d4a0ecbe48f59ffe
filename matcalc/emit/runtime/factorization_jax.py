"""Factorisations that emitted JAX code shares between solves, inverses and determinants; they can be traced.

A factor is a triple: whether it is Cholesky's, the packed triangles, the row exchanges. XLA's triangular solve for CPUs
does all the work that a right-hand side without zeros would need; triangles are inverted in halves instead.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import linalg

Array = Any
Factor = tuple[Array, Array, Array]
SMALLEST, MOST_CUTS = 80, 3  # a triangle of so few rows is not cut in halves, and none is more often than that


def cho_factor(a: Array) -> Factor:
    """The Cholesky factor of a symmetric matrix, or its LU factors where it is not positive definite."""
    c = jax.lax.linalg.cholesky(a, symmetrize_input=False)
    definite = jnp.isfinite(c[-1, -1])  # of another matrix all entries are NaN
    none = jnp.arange(len(a), dtype=jnp.int32)
    packed, exchanges = jax.lax.cond(definite, lambda: (c, none), lambda: linalg.lu_factor(a))
    return definite, packed, exchanges


def cho_solve(factor: Factor, b: Array) -> Array:
    """The solution ``x`` of ``a x = b`` for the matrix of the factor."""
    definite, packed, exchanges = factor
    return jax.lax.cond(definite, lambda: linalg.cho_solve((packed, True), b), lambda: linalg.lu_solve((packed, exchanges), b))


def cho_inverse(factor: Factor) -> Array:
    """The inverse of the matrix of the factor: of ``L L'`` that is ``inv(L)' inv(L)``."""
    definite, packed, exchanges = factor
    return jax.lax.cond(
        definite,
        lambda: _square(_triangle_inverse(packed)),
        lambda: linalg.lu_solve((packed, exchanges), jnp.eye(len(packed), dtype=packed.dtype)),
    )


def cho_trace_inverse(factor: Factor) -> Array:
    """The trace of the inverse: of ``L L'`` the sum of the squares of ``inv(L)``."""
    definite, packed, exchanges = factor
    return jax.lax.cond(
        definite,
        lambda: jnp.sum(jnp.square(_triangle_inverse(packed))),
        lambda: jnp.trace(linalg.lu_solve((packed, exchanges), jnp.eye(len(packed), dtype=packed.dtype))),
    )


def _triangle_inverse(c: Array, cuts: int = MOST_CUTS) -> Array:
    """The inverse of a lower triangle: of ``[A 0; B D]`` it is ``[inv(A) 0; -inv(D) B inv(A) inv(D)]``."""
    n = len(c)
    if n <= SMALLEST or not cuts:
        return linalg.solve_triangular(c, jnp.eye(n, dtype=c.dtype), lower=True)
    h = n // 2
    a, d = _triangle_inverse(c[:h, :h], cuts - 1), _triangle_inverse(c[h:, h:], cuts - 1)
    return jnp.block([[a, jnp.zeros((h, n - h), c.dtype)], [-d @ (c[h:, :h] @ a), d]])


def _square(r: Array, cuts: int = MOST_CUTS) -> Array:
    """``r' r`` of a lower triangle ``[A 0; B D]``: ``[A'A + B'B B'D; D'B D'D]``."""
    if len(r) <= SMALLEST or not cuts:
        return r.T @ r
    h = len(r) // 2
    turned = jax.lax.optimization_barrier(r[h:, :h].T)  # type: ignore[no-untyped-call]
    corner = turned @ r[h:, h:]
    return jnp.block([[_square(r[:h, :h], cuts - 1) + turned @ r[h:, :h], corner], [corner.T, _square(r[h:, h:], cuts - 1)]])


def lu_factor(a: Array) -> Factor:
    """The LU factors, with row exchanges."""
    return (jnp.asarray(False), *linalg.lu_factor(a))


def lu_solve(factor: Factor, b: Array, trans: int = 0) -> Array:
    """The solution ``x`` of ``a x = b``, or of ``a' x = b``; not finite where the matrix is singular."""
    return linalg.lu_solve(factor[1:], b, trans=trans)


def lu_inverse(factor: Factor) -> Array:
    """The inverse of the matrix of the factor."""
    return lu_solve(factor, jnp.eye(len(factor[1]), dtype=factor[1].dtype))


def factor_logdet(factor: Factor) -> Array:
    """The logarithm of the absolute value of the determinant; minus infinity of a singular matrix."""
    definite, packed, _ = factor
    return jnp.where(definite, 2, 1) * jnp.sum(jnp.log(jnp.abs(jnp.diagonal(packed))))


def lu_det(factor: Factor) -> Array:
    """The determinant, by the LU factors."""
    _, packed, exchanges = factor
    odd = jnp.count_nonzero(exchanges != jnp.arange(len(packed))) % 2
    return jnp.where(odd, -1, 1) * jnp.prod(jnp.diagonal(packed))


def solve_triangular(a: Array, b: Array, lower: bool = False) -> Array:
    """The solution ``x`` of ``a x = b`` by one triangle of ``a``; the other one is taken to be zero."""
    return linalg.solve_triangular(a, b, lower=lower)
