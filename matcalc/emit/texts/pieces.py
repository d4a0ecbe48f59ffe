"""Pieces of code in a language that is not Python, and the table that says how it writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matcalc.emit.texts.text import TextWriter

COMPARE, SUM, TERM, SIGN, POWER, POSTFIX, ATOM = range(10, 80, 10)  # how tightly a piece binds
Rank = int | str  # the number of axes; or what else it is: several results at once, or a function


@dataclass(frozen=True)
class Piece:
    """A piece of code.

    Attributes
    ----------
    text : str
    binds : int
        How tightly.
    rank : int or str
    number : int, float, complex or None
        The number that it is, if it is one.
    turned : Piece or None
        What it is the transpose of.
    spread : Piece or None
        The vector that it is a column of, with two axes.
    before : Piece or None
        Of ``n - 1``, the ``n``.
    permuted : pair or None
        What it is with other axes, and their order, from 1.
    row : bool
        Whether it has axes of length 1, to be stretched: one row or one column, beside a matrix.
    """

    text: str
    binds: int = ATOM
    rank: Rank = 0
    number: complex | None = None
    turned: Piece | None = None
    spread: Piece | None = None
    before: Piece | None = None
    permuted: tuple[Piece, tuple[int, ...]] | None = None
    row: bool = False


@dataclass(frozen=True)
class Row:
    """How a piece is written.

    ``#1`` is an operand as it is, ``@1`` one that must bind as the whole does, ``!1`` tighter, ``$1`` as a name does; ``+1``
    is a place, which counts from 1. ``entrywise`` says that what is one row stays one.
    """

    text: str
    binds: int = ATOM
    rank: Rank = 0
    entrywise: bool = False


Special = Callable[["TextWriter", Sequence[Piece], str], Piece | None]


@dataclass(frozen=True)
class Language:
    """A table of pieces.

    Attributes
    ----------
    name : str
    rows : mapping
        From a piece in NumPy's words and the ranks of its operands, such as ``("#1 @ #2", "21")``, to how it is written.
    entrywise : mapping
        Functions of every entry: how they are written for scalars and for arrays.
    specials : mapping
        Functions that write a piece that takes any number of operands.
    binary : function
        How an operator between entries is written.
    number : function
        How a number is written.
    helpers, keywords : frozenset of str
        The helper functions that there are, and the words that cannot be names.
    permuted : str
        How an array with its axes in another order is written.
    with_axes : function
        How an array with axes of length 1 among its own is written.
    index_needs_name : bool
        Whether only what has a name has entries.
    """

    name: str
    rows: Mapping[tuple[str, str], Row]
    entrywise: Mapping[str, tuple[str, str]]
    specials: Mapping[str, Special]
    binary: Callable[[TextWriter, str, Piece, Piece], Piece]
    number: Callable[[complex], Piece]
    helpers: frozenset[str]
    keywords: frozenset[str]
    permuted: str
    with_axes: Callable[[TextWriter, Piece, Sequence[bool]], Piece]
    index_needs_name: bool = False


@lru_cache(maxsize=4096)
def words_in(text: str) -> frozenset[str]:
    """The identifiers in a template."""
    return frozenset("".join(c if c.isalnum() or c == "_" else " " for c in text).split())


def sizes_in(key: str, unknown: str) -> list[str]:
    """The sizes that ``#1.reshape(...)`` is given; ``unknown`` is how the language says that one follows from the others."""
    return [unknown if size == "-1" else size for size in key[len("#1.reshape(") : -1].rstrip(",").split(", ")]


def axes_in(key: str, operands: Sequence[Piece]) -> list[int]:
    """The axes of ``#1.sum(axis=...)``, counted from 1."""
    written = key[len("#1.sum(axis=") : -1].strip("()").rstrip(",").split(", ")
    found = [operands[int(a[1:]) - 1].number if a.startswith("#") else int(a) for a in written]
    return [int(a.real) + 1 for a in found if a is not None]


def ranks_of(operands: Sequence[Piece]) -> str:
    """The ranks of operands, as the table has them."""
    return "".join(str(o.rank) if isinstance(o.rank, int) else f"<{o.rank}>" for o in operands)


def binds_of(text: str) -> int:
    """How tightly a function of entries binds, by how it is written."""
    if " ^ " in text or " .^ " in text:
        return POWER
    return TERM if " / " in text or " ./ " in text or " * " in text or " .* " in text else ATOM


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def entrywise_names(names: str, template: str) -> dict[str, str]:
    """Rows for functions of entries that are named as NumPy names them."""
    return {f"np.{n}(#1)": template.format(n) for n in names.split()}
