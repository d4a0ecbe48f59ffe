"""Several arrays as one vector: every variable in C order, one after another; of structured ones the free entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matcalc.errors import OperandError, ShapeError
from matcalc.expr import Symbol
from matcalc.wrappers.fitting import Extents

TIES = ("diagonal", "lower_triangular", "skew", "symmetric", "toeplitz", "zero_diagonal")  # linear, entry by entry
CURVED = ("orthogonal", "unit", "simplex")


@dataclass(frozen=True)
class Coordinates:
    """How the array of one variable is made of a stretch of the vector.

    Attributes
    ----------
    shape : tuple of int
    start, stop : int
        The stretch.
    index, sign : arrays, or None where the stretch is the array itself
        Entry ``i`` of the raveled array is ``sign[i]`` times the free entry of number ``index[i]``.
    weight : array, or None where the stretch holds the free entries
        Else it holds all entries, and each free one is the mean of those tied to it: one over how many there are.
    """

    shape: Extents
    start: int
    stop: int
    index: Any = None
    sign: Any = None
    weight: Any = None

    def spread(self, x: Any) -> Any:
        """The array, from the whole vector: a view where it can be one, a float for a scalar."""
        if not self.shape:
            return float(x[self.start])
        part = x[self.start : self.stop]
        if self.index is None:
            return part.reshape(self.shape)
        if self.weight is None and self.start == self.stop:
            return 0 * self.sign.reshape(self.shape)
        return self._unfold(part if self.weight is None else self._means(part)).reshape(self.shape)

    def gather(self, gradient: Any) -> Any:
        """The transpose of ``spread``, on the first axis, which is a raveled array."""
        if self.index is None:
            return gradient
        if self.weight is None:
            return self._fold(gradient)[: self.stop - self.start]
        return self._unfold(self._means(gradient))

    def collect(self, array: Any) -> Any:
        """The stretch that ``spread`` makes the array of, provided that the array has the structure."""
        flat = array.reshape(-1)
        if self.index is None or self.weight is not None:
            return flat
        members = self._fold(self.sign)[: self.stop - self.start]
        return self._fold(flat)[: members.size] / members

    def _fold(self, entries: Any) -> Any:
        import numpy as np

        result = np.zeros((int(self.index.max()) + 1, *entries.shape[1:]))
        np.add.at(result, self.index, _along_first(self.sign, entries) * entries)
        return result

    def _means(self, entries: Any) -> Any:
        sums = self._fold(entries)
        return _along_first(self.weight, sums) * sums

    def _unfold(self, free: Any) -> Any:
        return _along_first(self.sign, free) * free[self.index]


def _along_first(factors: Any, entries: Any) -> Any:
    """Factors for the first axis, shaped to multiply all others."""
    return factors.reshape(-1, *[1] * (entries.ndim - 1))


def coordinates(s: Symbol, shape: Extents, start: int, structure: str) -> Coordinates:
    """The coordinates of a variable whose stretch begins at ``start``."""
    import numpy as np

    size = int(np.prod(shape, dtype=int))
    facts = structure_of(s)
    if structure == "ambient" or not facts or not shape:
        return Coordinates(shape, start, start + size)
    places = [_free_entry(i, j, shape[0], facts) for i in range(shape[0]) for j in range(shape[1])]
    number = {place: k for k, place in enumerate(sorted({(row, col) for row, col, sign in places if sign}))}
    index = np.array([number.get((row, col), 0) for row, col, _ in places])
    sign = np.array([float(sign) for _, _, sign in places])
    if structure == "independent":
        return Coordinates(shape, start, start + len(number), index, sign)
    members = np.bincount(index, np.abs(sign))
    return Coordinates(shape, start, start + size, index, sign, 1 / np.maximum(members, 1))


def structure_of(s: Symbol) -> set[str]:
    """What ties the entries of a variable to one another, or makes them zero."""
    return {f for f in TIES if s.has(f)}


def curvature_of(s: Symbol) -> set[str]:
    """What keeps a variable to a set that is not flat."""
    return {f for f in CURVED if s.has(f)}


def _free_entry(i: int, j: int, n: int, facts: set[str]) -> tuple[int, int, int]:
    """The last of the entries that are tied to entry ``i, j``, and their sign (0 where both are zero)."""
    sign = 1
    if "toeplitz" in facts:
        i, j = (n - 1, n - 1 - (i - j)) if i >= j else (n - 1 - (j - i), n - 1)
    mirrored = bool(facts & {"symmetric", "skew"})
    if mirrored and j > i:
        i, j, sign = j, i, -1 if "skew" in facts else 1
    no_diagonal = bool(facts & {"skew", "zero_diagonal"})
    no_upper = bool(facts & {"diagonal", "lower_triangular"})
    no_lower = "diagonal" in facts or (no_upper and mirrored)
    if facts >= {"symmetric", "skew"} or (i == j and no_diagonal) or (j > i and no_upper) or (i > j and no_lower):
        return i, j, 0
    return i, j, sign


class Layout:
    """Where every variable stands in the vector.

    Parameters
    ----------
    variables : sequence of Symbol
    shapes : sequence of tuple
    structure : {"projected", "independent", "ambient"}
    """

    def __init__(self, variables: Sequence[Symbol], shapes: Sequence[Extents], structure: str) -> None:
        self.variables = tuple(variables)
        self.parts: list[Coordinates] = []
        start = 0
        for s, shape in zip(variables, shapes, strict=True):
            self.parts.append(coordinates(s, shape, start, structure))
            start = self.parts[-1].stop
        self.size = start

    def spread(self, x: Any) -> list[Any]:
        """The arrays of a vector, as views where they can be."""
        return [c.spread(x) for c in self.parts]

    def join(self, gradients: Sequence[Any]) -> Any:
        """Arrays in the shapes of the variables, as derivatives by the vector."""
        import numpy as np

        result = np.empty(self.size)
        for c, g in zip(self.parts, gradients, strict=True):
            result[c.start : c.stop] = c.gather(np.reshape(g, -1))
        return result

    def join_blocks(self, blocks: Mapping[tuple[int, int], Any]) -> Any:
        """The blocks on and above the diagonal of a symmetric matrix, each an array with the axes of both variables."""
        import numpy as np

        result = np.empty((self.size, self.size))
        for (i, j), block in blocks.items():
            a, b = self.parts[i], self.parts[j]
            flat = np.reshape(block, (int(np.prod(a.shape, dtype=int)), int(np.prod(b.shape, dtype=int))))
            part = b.gather(a.gather(flat).T).T
            result[a.start : a.stop, b.start : b.stop] = part
            if i != j:
                result[b.start : b.stop, a.start : a.stop] = part.T
        return result

    def described(self) -> str:
        """The variables and how many numbers each takes: ``W (6), b (2)``."""
        return ", ".join(f"{s.name} ({c.stop - c.start})" for s, c in zip(self.variables, self.parts, strict=True))

    def collect(self, values: Mapping[str, Any]) -> Any:
        """The vector of arrays given by name."""
        import numpy as np

        result = np.empty(self.size)
        for s, c in zip(self.variables, self.parts, strict=True):
            value = np.asarray(values[s.name], float)
            full = np.full(c.shape, value) if value.ndim == 0 else value.reshape(c.shape)
            result[c.start : c.stop] = c.collect(full)
            if c.index is not None and not np.allclose(c.spread(result), full, rtol=1e-9, atol=1e-12 * np.abs(full).max()):
                raise OperandError(f"the array given for {s.name} is not {' and '.join(sorted(structure_of(s)))}")
        return result


def vector_of(x: Any, layout: Layout) -> Any:
    """What an optimiser passes, as a vector of floats of the right length."""
    import numpy as np

    try:
        v = np.asarray(x, float)
    except (TypeError, ValueError):
        raise OperandError(f"x must be a vector of real numbers, not a {type(x).__name__}") from None
    if v.shape != (layout.size,):
        raise ShapeError(f"x has shape {v.shape}, but the variables take {layout.size} numbers: {layout.described()}")
    return v
