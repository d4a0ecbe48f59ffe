"""What emitted NumPy code calls for arrays with several axes: products that fill them, blocks on their diagonals."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LONG_LOOP = 64  # an innermost loop shorter than this is merged with the next one, at the cost of stretched operands
SMALL = 4096  # entries of a result for which that is not worth while


def outer(spec: str, x: Array, y: Array) -> Array:
    """``einsum(spec, x, y)`` for a spec that sums over nothing, such as ``'ik,jl->ijkl'``, in long contiguous loops.

    The letters of each operand are in the order of the output's. Where the last axis is short, the operands are stretched
    over the last two, so that one loop runs over both.
    """
    first, second, shape, loops, stretched = _loops(spec, x.shape, y.shape)
    x, y = x.reshape(first), y.reshape(second)
    if stretched is None:
        return np.asarray(x * y)
    out = np.empty(shape, np.result_type(x, y))
    np.multiply(_stretched(x, stretched[0], loops), _stretched(y, stretched[1], loops), out=out.reshape(*shape[:-2], -1))
    return out


Shape = tuple[int, ...]
Loops = tuple[Shape, Shape, Shape, int, tuple[Shape | None, Shape | None] | None]


@lru_cache(maxsize=1024)
def _loops(spec: str, x: Shape, y: Shape) -> Loops:
    """The operands' shapes with an axis for each letter, that of the result, and what they are stretched to, if at all."""
    (first, second), output = _letters(spec)
    sizes = dict(zip(first + second, x + y, strict=True))
    shape = tuple(sizes[c] for c in output)
    axes = [tuple(sizes[c] if c in own else 1 for c in output) for own in (first, second)]
    lead, last, width = output[:-2], set(output[-2:]), shape[-2] * shape[-1]
    if (
        shape[-1] >= LONG_LOOP
        or prod(shape) < SMALL
        or not all(_stays_small(set(own), set(lead), last) for own in (first, second))
    ):
        return axes[0], axes[1], shape, width, None
    to = [(*a[:-2], *shape[-2:]) if last & set(own) else None for a, own in zip(axes, (first, second), strict=True)]
    return axes[0], axes[1], shape, width, (to[0], to[1])


def _stays_small(own: set[str], lead: set[str], last: set[str]) -> bool:
    """Whether an operand stretched over the last two axes still lacks another, or needs no stretching."""
    return not own & last or last <= own or not lead <= own


def _stretched(a: Array, shape: Shape | None, width: int) -> Array:
    """The operand with one axis for the last two."""
    if shape is None:
        return a.reshape(a.shape[:-1])
    full = a
    if a.shape != shape:
        full = np.empty(shape, a.dtype)
        full[...] = a
    return full.reshape(*shape[:-2], width)


@lru_cache(maxsize=256)
def _letters(spec: str) -> tuple[list[str], str]:
    inputs, output = spec.split("->")
    return inputs.split(","), output


def on_diagonal(spec: str, blocks: Array, shape: tuple[int, ...]) -> Array:
    """Zeros with blocks where letters agree: ``on_diagonal('ab->iaib', B, (m, k, m, k))`` puts ``B`` at ``[i, :, i, :]``."""
    blocks = np.asarray(blocks)
    out = np.zeros(shape, blocks.dtype if blocks.dtype.kind in "fc" else float)
    np.einsum(_view(spec), out)[...] = blocks
    return out


def add_on_diagonal(spec: str, blocks: Array, out: Array) -> Array:
    """``out`` with blocks added where letters agree; ``out`` itself is changed."""
    view = np.einsum(_view(spec), out)
    view += blocks
    return out


@lru_cache(maxsize=256)
def _view(spec: str) -> str:
    """The letters of the diagonals of an array, those that the blocks lack first."""
    inside, whole = spec.split("->")
    return f"{whole}->{''.join(c for c in dict.fromkeys(whole) if c not in inside)}{inside}"


def grams(spec: str, x: Array, weights: Array) -> Array:
    """``einsum('pi,pk,pjl->ijkl', x, x, weights)``: the block ``[:, j, :, l]`` is ``x.T @ diag(weights[:, j, l]) @ x``."""
    return _grams(spec, x, weights, symmetric=False)


def symmetric_grams(spec: str, x: Array, weights: Array) -> Array:
    """``grams`` for weights that are the same with their last two letters swapped."""
    return _grams(spec, x, weights, symmetric=True)


def _grams(spec: str, x: Array, weights: Array, *, symmetric: bool) -> Array:
    (first, second, third), output = _letters(spec)
    over, a, b = first[0], first[1], second[1]
    others = "".join(c for c in output if c not in (a, b))
    w = np.transpose(weights, [third.index(c) for c in others + over])
    n, width = x.shape
    sizes = dict(zip(others, w.shape, strict=False)) | {a: width, b: width}
    out = np.empty([sizes[c] for c in output], np.result_type(x, weights))
    blocks = out.transpose([output.index(c) for c in others + a + b])
    rows, cols = _triangle(width)
    count = prod(w.shape[:-1])
    if len(rows) <= 4 * max(count, 16):  # all blocks in one product with the few pairs of columns
        half = (w.reshape(count, n) @ (x[:, rows] * x[:, cols])).reshape(*w.shape[:-1], len(rows))
        blocks[..., rows, cols] = half
        blocks[..., cols, rows] = half
        return out
    for place in product(*map(range, w.shape[:-1])):
        if not symmetric or place[0] >= place[1]:
            block = weighted_gram(x, w[place])
            blocks[place] = block
            if symmetric and place[0] != place[1]:
                blocks[place[::-1]] = block
    return out


@lru_cache(maxsize=32)
def _triangle(n: int) -> tuple[Array, Array]:
    rows, cols = np.triu_indices(n)
    return rows, cols


def weighted_gram(x: Array, weights: Array) -> Array:
    """``x.T @ diag(weights) @ x``; of weights with one sign by a product of a matrix with itself, which takes half the work."""
    if np.iscomplexobj(x) or np.iscomplexobj(weights):
        return np.asarray(x.T @ (weights[:, None] * x))
    if weights.min(initial=0.0) >= 0:
        z = np.sqrt(weights)[:, None] * x
        return np.asarray(z.T @ z)
    if weights.max(initial=0.0) <= 0:
        z = np.sqrt(-weights)[:, None] * x
        block = z.T @ z
        block *= -1
        return np.asarray(block)
    return np.asarray(x.T @ (weights[:, None] * x))
