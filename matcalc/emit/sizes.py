"""The sizes that plans are made for: known numbers, or a nominal size for every dimension."""

from __future__ import annotations

from collections.abc import Mapping

from matcalc.dims import Dim, DimSymbol

NOMINAL = 1000  # the size that a symbolic dimension is taken to have


class Sizes:
    """Numbers for dimensions.

    Parameters
    ----------
    known : mapping of DimSymbol to int, optional
        The sizes that are known; another symbol counts as ``NOMINAL``.

    Attributes
    ----------
    asked : set of DimSymbol
        The symbols that a choice may have depended on.
    """

    def __init__(self, known: Mapping[DimSymbol, int] | None = None) -> None:
        self.known = dict(known or {})
        self.asked: set[DimSymbol] = set()
        self._found: dict[Dim, float] = {}

    def of(self, d: Dim) -> float:
        """The size of a dimension."""
        if isinstance(d, int):
            return d
        found = self._found.get(d)
        if found is None:
            self.asked.update(s for s in d.free_symbols if isinstance(s, DimSymbol))
            sizes = {s: self.known.get(s, NOMINAL) for s in d.free_symbols if isinstance(s, DimSymbol)}
            found = self._found[d] = float(d.xreplace(sizes))
        return found
