"""Kronecker products, symmetric products, sums over named axes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from matcalc.emit.runtime.shared.basics import library_of, on_cpu

Array = Any
LEAST_STRIP, WORTH_STRIPS = 50, 2**23  # columns of a strip, multiplications of a product from which strips pay
Sized = list[tuple[str, int]]


def symmetric_product(xp: Any, left: Array, right: Array) -> Array:
    """``left @ right``, which is known to be symmetric: its upper half in strips, the lower one copied.

    No library here has such a product of its own; what is left out is work saved on CPUs, in large products.
    """
    n, m = left.shape
    count = 4 if library_of(xp) == "torch" else 2
    if n < LEAST_STRIP * count or m * n * n < WORTH_STRIPS or not on_cpu(xp, left):
        return left @ right
    ends = [n * k // count for k in range(count + 1)]
    columns = left.T  # XLA is faster on strips that are cut from columns
    strips = [columns[:, i:j].T @ right[:, i:] for i, j in pairwise(ends)]
    rows = []
    for k, (i, j) in enumerate(pairwise(ends)):
        mirrored = [strips[above][:, i - ends[above] : j - ends[above]].T for above in range(k)]
        rows.append(xp.concat((*mirrored, strips[k]), axis=1))
    return xp.concat(rows, axis=0)


def khatrirao(xp: Any, a: Array, b: Array) -> Array:
    """The Kronecker products of columns, side by side."""
    return xp.reshape(a[:, None, :] * b[None, :, :], (-1, a.shape[1]))


def kron(xp: Any, a: Array, b: Array) -> Array:
    """The Kronecker product of two vectors or matrices."""
    if a.ndim == 1:
        return xp.reshape(a[:, None] * b[None, :], (-1,))
    return xp.reshape(a[:, None, :, None] * b[None, :, None, :], (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]))


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
