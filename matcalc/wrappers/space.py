"""The vectors that a problem is a function of: variables, the sizes that are known of them, and layouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matcalc.dims import DimSymbol
from matcalc.errors import OperandError, ShapeError
from matcalc.expr import Symbol
from matcalc.wrappers.data import as_array
from matcalc.wrappers.fitting import Extents, axes_of, by_name, described, fitted, read_sizes, size_of, unknown_in
from matcalc.wrappers.ravelling import Layout, vector_of


class Space:
    """The vectors of some variables.

    Parameters
    ----------
    variables : sequence of Symbol
    sizes : mapping of DimSymbol to int
        The sizes that are known. One that is not is read off the length of a vector, where that leaves no choice.
    structure : {"projected", "independent", "ambient"}
    """

    def __init__(self, variables: Sequence[Symbol], sizes: Mapping[DimSymbol, int], structure: str) -> None:
        self.variables = list(variables)
        self.names = tuple(s.name for s in variables)
        self._sizes, self._structure = dict(sizes), structure
        self._dims = [d for s in variables for d in axes_of(s)]
        self._unknown = unknown_in(self._dims, sizes)
        self._fixed = None if self._unknown else self._of(sizes)
        self._by_length: dict[int, Layout] = {}

    @property
    def layout(self) -> Layout:
        """Where the variables stand, if all sizes are known."""
        return self._fixed if self._fixed is not None else self._of(self._sizes)

    def at(self, x: Any) -> tuple[Layout, Any]:
        """A vector as an array, and where the variables stand in it."""
        layout = self._fixed if self._fixed is not None else self._of_length(x)
        return layout, vector_of(x, layout)

    def vector(self, given: Mapping[str, Any]) -> Any:
        """The vector of an array, or a number to fill it with, for each variable."""
        arrays = {s.name: as_array(s, given[s.name]) for s in self.variables}
        shapes = {s: fitted(s, tuple(arrays[s.name].shape)) for s in self.variables if arrays[s.name].ndim or not axes_of(s)}
        sizes = read_sizes(shapes, self._sizes)
        return (self._of(sizes) if self._fixed is None else self._fixed).collect(arrays)

    def named(self, values: tuple[Any, ...], named: Mapping[str, Any], wrt: object) -> dict[str, Any]:
        """What is given for every variable by name: by position, by name, or all in the structure of ``wrt``."""
        if len(values) == 1 and isinstance(values[0], Mapping) and not named:
            given = values[0]
            if isinstance(wrt, Mapping) and given.keys() == wrt.keys():
                return dict(zip(self.names, (given[k] for k in wrt), strict=True))
            named, values = by_name("ravel", given), ()
        elif len(values) == 1 and isinstance(wrt, (list, tuple)) and isinstance(values[0], (list, tuple)):
            values = tuple(values[0])
        listed = ", ".join(self.names)
        if len(values) > len(self.names):
            raise OperandError(f"{len(values)} arrays given for {len(self.names)} variables: {listed}")
        found = dict(zip(self.names, values, strict=False))
        for name, value in named.items():
            if name not in self.names or name in found:
                what = "is given twice" if name in found else "is not a variable"
                raise OperandError(f"{name} {what}; the variables are {listed}")
            found[name] = value
        missing = [n for n in self.names if n not in found]
        if missing:
            raise OperandError(f"missing: {', '.join(missing)}; the variables are {listed}")
        return found

    # ---------------------------------------------------------------- layouts
    def _of(self, sizes: Mapping[DimSymbol, int]) -> Layout:
        unknown = unknown_in(self._dims, sizes)
        if unknown:
            names, entries = " and ".join(d.name for d in unknown), ", ".join(f"{d.name!r}: ..." for d in unknown)
            raise OperandError(
                f"the data does not show the size{'s' if len(unknown) > 1 else ''} {names}: add {entries} to data"
            )
        shapes: list[Extents] = [tuple(size_of(d, sizes) or 0 for d in axes_of(s)) for s in self.variables]
        return Layout(self.variables, shapes, self._structure)

    def _of_length(self, x: Any) -> Layout:
        """The layout of a vector whose length shows the one dimension that is not known."""
        import numpy as np

        length = int(np.size(x))
        if length not in self._by_length:
            if len(self._unknown) > 1:
                return self._of(self._sizes)  # which says so
            found = self._with_size_of(length)
            if found is None:
                shapes = ", ".join(map(described, self.variables))
                raise ShapeError(f"x has {length} entries, but no size {self._unknown[0]} makes that of {shapes}")
            self._by_length[length] = found
        return self._by_length[length]

    def _with_size_of(self, length: int) -> Layout | None:
        """The layout with this many numbers, found by doubling and halving: they grow with the dimension."""
        low, high = 0, 1

        def layout(n: int) -> Layout:
            return self._of({**self._sizes, self._unknown[0]: n})

        while layout(high).size < length:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if layout(middle).size < length else (low, middle)
        found = layout(high)
        return found if found.size == length else None
