"""Functions of a matrix by a formula, and their derivatives, from its eigenvalues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matcalc.emit.runtime.shared.basics import dagger, eye_like, imag, is_complex, real

Array = Any
MOST_SKEWED = 1e10  # the condition number of eigenvectors up to which they count as independent
CLOSE, CLOSER = 1e-4, 1e-5  # relative distances up to which a second and a first difference quotient is a derivative
System = tuple[Array, Array, Array, Array]  # a matrix, its eigenvalues, its eigenvectors and the inverse of these


def eigensystem(xp: Any, a: Array) -> System:
    """A matrix with its eigenvalues, its eigenvectors and their inverse; NaN where there are too few eigenvectors."""
    straight, basis = xp.linalg.eigh((a + dagger(xp, a)) / 2)
    is_symmetric = xp.max(xp.abs(a - dagger(xp, a))) == 0
    values, vectors = xp.linalg.eig(a)
    eye = eye_like(xp, a)
    scales = xp.linalg.svd(vectors, full_matrices=False)[1]
    good = scales[-1] * MOST_SKEWED >= scales[0]
    vectors = xp.where(good, vectors, eye + 0j)
    nothing = xp.where(good, 1.0, xp.nan)
    values = xp.where(is_symmetric, straight + 0j, values)
    inverse = xp.where(is_symmetric, dagger(xp, basis) + 0j, nothing * xp.linalg.inv(vectors))
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
    if not is_complex(xp, a) or is_complex(xp, of):
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
