"""Sums over a long index of outer products of one matrix with itself, weighted by what depends on the other axes.

``sum_p X[p,i]*X[p,k]*W[p,j,l]`` has the blocks ``X' diag(W[:,j,l]) X``. Terms that have the matrix and its places in common
are one, with their weights added up: a softmax has the weights ``P[p,j]*(delta[j,l] - P[p,l])``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from matcalc.emit.networks.read import Piece, Term
from matcalc.expr import ONE, Expr, hadamard, transpose
from matcalc.index import Index


@dataclass(frozen=True)
class Gram:
    """The blocks ``X' diag(w) X`` for weights that are a sum of terms.

    ``places`` are the indices of the result; ``first`` and ``second`` those of the two copies of ``matrix``, ``over``
    is summed. The places of a weight are ``over``, then those of the others.
    """

    matrix: Expr
    over: Index
    first: Index
    second: Index
    weights: tuple[Term, ...]
    places: tuple[Index, ...]

    @property
    def others(self) -> tuple[Index, ...]:
        """The indices that tell the blocks."""
        return tuple(dict.fromkeys(i for i in self.places if i not in (self.first, self.second)))

    @property
    def is_symmetric(self) -> bool:
        """Whether the weights of block ``(j, l)`` are those of block ``(l, j)``."""
        if len(self.others) != 2:
            return False
        j, l = self.others  # noqa: E741 - the field's own letter
        return all(i.dim == j.dim for i in (j, l)) and _keys(self.weights, {}) == _keys(self.weights, {j: l, l: j})


def _keys(terms: Sequence[Term], swap: dict[Index, Index]) -> Counter[object]:
    """What terms are, whatever the order of their pieces, with indices swapped; a repeated place stands for either."""
    found: Counter[object] = Counter()
    for t in terms:
        tied = {i for i in t.places if t.places.count(i) > 1}
        place = {i: (0 if i in tied else swap.get(i, i).serial) for i in (*t.places, *t.summed)}
        pieces = Counter((p.array, tuple(place[i] for i in p.letters)) for p in t.pieces)
        found[t.factor, frozenset(pieces.items()), len(tied)] += 1
    return found


@dataclass(frozen=True)
class Pairing:
    """A term seen as a Gram: the matrix, the places of its two copies, their indices, and the other pieces."""

    term: Term
    matrix: Expr
    at: tuple[int, int]
    over: Index
    ends: tuple[Index, Index]
    rest: tuple[Piece, ...]

    @property
    def key(self) -> tuple[Expr, tuple[int, int]]:
        """What terms that make one Gram have in common."""
        return self.matrix, self.at


def pairings(term: Term) -> list[Pairing]:
    """The ways to see a term as a Gram: a matrix that occurs twice on the one index that is summed over."""
    if len(term.summed) != 1 or any(p.is_wide for p in term.pieces):
        return []
    (over,) = term.summed
    ends_here = [p for p in term.pieces if over in p.letters and len(p.letters) == 2]
    found = []
    for first, second in combinations(ends_here, 2):
        a, b = (Piece(transpose(p.array), p.col, p.row) if p.col is over else p for p in (first, second))
        if a.array is not b.array:
            continue
        assert isinstance(a.col, Index)
        assert isinstance(b.col, Index)
        rest = tuple(p for p in term.pieces if p is not first and p is not second)
        if len({*term.places}) < 3 or any(
            term.places.count(i) != 1 or any(i in p.letters for p in rest) for i in (a.col, b.col)
        ):
            continue
        ends = sorted((a.col, b.col), key=term.places.index)
        at = (term.places.index(ends[0]), term.places.index(ends[1]))
        found.append(Pairing(term, a.array, at, over, (ends[0], ends[1]), rest))
    return found


def grams_in(terms: Sequence[Term], size: Callable[[Index], float]) -> tuple[list[Gram], list[Term]]:
    """The Gram blocks among terms, those with a matrix in common as one, and the other terms."""
    options = [pairings(t) for t in terms]
    count = Counter(key for found in options for key in {p.key for p in found})
    groups: dict[tuple[Expr, tuple[int, int]], list[Pairing]] = {}
    for found in options:
        if found:
            best = max(found, key=lambda p: (count[p.key], size(p.ends[0])))
            groups.setdefault(best.key, []).append(best)
    return [_together(g) for g in groups.values()], [t for t, found in zip(terms, options, strict=True) if not found]


def _together(group: Sequence[Pairing]) -> Gram:
    """One Gram of several: its places are as distinct as those of all terms allow."""
    head = group[0]
    count = len(head.term.places)
    rest = [q for q in range(count) if q not in head.at]
    like = {q: min(s for s in rest if all(g.term.places[s] is g.term.places[q] for g in group)) for q in rest}
    fresh = {q: Index.fresh(head.term.places[q].dim) for q in set(like.values())}
    own = {q: fresh[like[q]] for q in rest}
    weights = []
    for g in group:
        moved = {g.over: head.over}
        for q in rest:
            moved.setdefault(g.term.places[q], own[q])
        tied = {own[q]: moved[g.term.places[q]] for q in rest}
        at = [Piece(x.array, *(moved[i] if isinstance(i, Index) else i for i in (x.row, x.col))) for x in g.rest]
        weights.append(Term(g.term.factor, tuple(at), (head.over, *tied.values())))
    ends = dict(zip(head.at, head.ends, strict=True))
    return Gram(head.matrix, head.over, *head.ends, tuple(weights), tuple(ends.get(q) or own[q] for q in range(count)))


def alone(g: Gram) -> list[Term]:
    """The terms of a Gram apart."""
    pair = (Piece(g.matrix, g.over, g.first), Piece(g.matrix, g.over, g.second))
    out = []
    for w in g.weights:
        place = dict(zip((g.over, *g.others), w.places, strict=True))
        out.append(Term(w.factor, (*pair, *w.pieces), tuple(place.get(i, i) for i in g.places)))
    return out


def scaled(factor: Expr, pieces: Sequence[Piece], size: Sequence[float]) -> tuple[Piece, ...]:
    """The pieces with a scalar in the smallest of them; rather not in one of two that are the same array."""
    if factor is ONE or not pieces:
        return tuple(pieces)
    count = Counter(p.array for p in pieces)
    k = min(range(len(pieces)), key=lambda k: (count[pieces[k].array] > 1, size[k]))
    p = pieces[k]
    return (*pieces[:k], Piece(hadamard(factor, p.array), p.row, p.col), *pieces[k + 1 :])
