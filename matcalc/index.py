"""The index language: entries, Kronecker deltas, sums and products over indices.

It is closed: a function over it is one ``match`` that ends in ``assert_never``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

import sympy as sp

from matcalc.dims import Dim, is_unit

_FRESH = count()


@dataclass(frozen=True, eq=False)
class Index:
    """A position along one axis, running over ``1..dim``; its identity is its meaning."""

    dim: Dim
    serial: int

    @classmethod
    def fresh(cls, dim: Dim) -> Index:
        """A new index that runs over ``dim``."""
        return cls(dim, next(_FRESH))


@dataclass(frozen=True)
class Pair:
    """An index along a composite axis, as those of ``kron`` and ``vec``: ``right`` runs fastest."""

    left: At
    right: At


At: TypeAlias = Index | Pair | int | None  # an index, a pair, a fixed position from 1, or None on a unit axis


@dataclass(frozen=True)
class Num:
    """A number, or a polynomial in dimensions."""

    value: sp.Expr


@dataclass(frozen=True)
class Delta:
    """Kronecker's delta: 1 where both indices agree, else 0."""

    left: At
    right: At


@dataclass(frozen=True)
class Entry:
    """An entry of an array; a unit axis carries no index."""

    array: Any  # an Expr: the index language is independent of the matrix language above it
    row: At
    col: At


@dataclass(frozen=True)
class Sum:
    """The sum of ``body`` over an index."""

    index: Index
    body: Term


@dataclass(frozen=True)
class Times:
    """A product of terms."""

    factors: tuple[Term, ...]


@dataclass(frozen=True)
class Plus:
    """A sum of terms."""

    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Map:
    """A scalar function of terms; ``operator`` is the matrix operator that applies it to every entry."""

    operator: Any
    args: tuple[Term, ...]


Term: TypeAlias = Num | Delta | Entry | Sum | Times | Plus | Map

ONE = Num(sp.Integer(1))


def axis(dim: Dim) -> Index | None:
    """A fresh index for an axis, or None on a unit axis."""
    return None if is_unit(dim) else Index.fresh(dim)


def flat(at: At) -> list[Index]:
    """The plain indices of a position."""
    match at:
        case Index():
            return [at]
        case Pair(left, right):
            return [*flat(left), *flat(right)]
        case _:
            return []


def indices_of(term: Term) -> list[Index]:
    """The indices that occur in a term, in reading order, each once."""
    found: dict[Index, None] = {}
    stack: list[Term] = [term]
    while stack:
        t = stack.pop()
        match t:
            case Num():
                pass
            case Delta(a, b) | Entry(_, a, b):
                found.update(dict.fromkeys([*flat(a), *flat(b)]))
            case Sum(i, body):
                found[i] = None
                stack.append(body)
            case Times(parts) | Plus(parts) | Map(_, parts):
                stack.extend(reversed(parts))
    return list(found)
