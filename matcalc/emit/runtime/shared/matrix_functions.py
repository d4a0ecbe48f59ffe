"""Exponential, logarithm, square root, sine and cosine of a matrix, and their Frechet derivatives."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from matcalc.emit.runtime.shared.basics import blocks, eye_like, library_of, rows_of_eye
from matcalc.emit.runtime.shared.products import kron

Array = Any
HALVINGS = 40  # square roots and squarings: more than double precision has room for
NODES, WEIGHTS = (part.tolist() for part in np.polynomial.legendre.leggauss(8))
LARGEST_PADE = 5.371920351148152  # norm up to which the approximation of degree 13 is exact to rounding [Higham, 2005]
PADE = (
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
    670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
)  # fmt: skip


def expm(xp: Any, a: Array) -> Array:
    """Matrix exponential."""
    match library_of(xp):
        case "torch":
            return xp.linalg.matrix_exp(a)
        case "jax":
            return import_module("jax.scipy.linalg").expm(a, max_squarings=HALVINGS)
    norm = float(xp.max(xp.sum(xp.abs(a), axis=0)))
    halvings = max(0, int(np.ceil(np.log2(norm / LARGEST_PADE)))) if 0 < norm < np.inf else 0
    a = a / 2.0**halvings
    eye, square = eye_like(xp, a), a @ a
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
    return expm(xp, blocks(xp, zero, -a, a, zero))


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
    n, eye = a.shape[0], eye_like(xp, a)
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
    eye = eye_like(xp, a)
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
        twice = kron(xp, rows_of_eye(xp, np.arange(2**k), 2**k, a), e)
        a = blocks(xp, a, twice, 0 * a, a)
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
