"""The array of a sum of terms: blocks on diagonals, outer products and Gram blocks written to where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matcalc.emit.networks.arrays import (
    Axes,
    Letters,
    Made,
    fresh,
    lowered,
    made,
    multiplied,
    owned,
    reshaped,
    size,
    spread,
    turned,
)
from matcalc.emit.networks.contracted import contracted
from matcalc.emit.networks.grams import Gram, alone, grams_in, scaled
from matcalc.emit.networks.read import Piece, Term
from matcalc.emit.planner import Planner
from matcalc.emit.values import Value
from matcalc.expr import Ones
from matcalc.index import Index


@dataclass(frozen=True)
class Part:
    """A term whose sums are done: an array over some of the places."""

    array: Made
    places: Axes

    @property
    def is_dense(self) -> bool:
        """Whether no two axes are tied."""
        return len(set(self.places)) == len(self.places)


def assembled(planner: Planner, terms: Sequence[Term]) -> Made:
    """The array with an axis for each place of the terms."""
    grams, rest = grams_in(terms, lambda i: size(planner, [i]))
    parts: list[Part] = []
    for g in grams:
        if planner.backend.in_place and _worth_it(planner, g):
            parts.append(Part(gram_blocks(planner, g), g.places))
        else:
            rest.extend(alone(g))
    parts.extend(part_of(planner, t) for t in rest)
    axes = tuple(Index.fresh(i.dim) for i in terms[0].places)
    return Made(added_up(planner, parts, axes), axes)


def _worth_it(planner: Planner, g: Gram) -> bool:
    """Whether the weights of all blocks take less room than the blocks."""
    return len(g.others) < 2 or size(planner, [g.over]) <= size(planner, [g.first, g.second])


# ------------------------------------------------------------------ one term
def part_of(planner: Planner, t: Term) -> Part:
    """The product of a term's pieces, with sums that no matrix product writes done first."""
    square = halves(planner, t)
    if square is not None:
        return Part(Made(planner.b.mul(lowered(planner, t.factor), square.value), square.axes), t.places)
    order = t.free
    told = {i for p in t.pieces for i in p.letters}
    dense = len(order) == len(t.places)
    pieces = [*t.pieces, *(Piece(Ones((i.dim, 1)), i, None) for i in order if dense and i not in told)]
    whole = scaled(t.factor, pieces, [size(planner, p.letters) for p in pieces])
    groups = components(whole, t.free)
    arrays = [made(planner, g[0]) if len(g) == 1 and not _summed(g, t.free) else summed(planner, g, t.free) for g in groups]
    if not arrays:
        return Part(Made(lowered(planner, t.factor), ()), t.places)
    return Part(multiplied(planner, arrays, order), t.places)


def _summed(pieces: Sequence[Piece], free: Sequence[Index]) -> list[Index]:
    return list(dict.fromkeys(i for p in pieces for i in p.letters if i not in free))


def components(pieces: Sequence[Piece], free: Sequence[Index]) -> list[list[Piece]]:
    """The pieces in groups that share an index which is summed over."""
    groups: list[tuple[set[Index], list[Piece]]] = []
    for p in pieces:
        over = {i for i in p.letters if i not in free}
        joined = [g for g in groups if g[0] & over]
        merged = (over.union(*(g[0] for g in joined)), [*(q for g in joined for q in g[1]), p])
        groups = [g for g in groups if not any(g is h for h in joined)] + [merged]
    return [g for _, g in groups]


def summed(planner: Planner, pieces: Sequence[Piece], free: Sequence[Index]) -> Made:
    """A sum of products over indices, in steps of two arrays."""
    own = [i for i in free if any(i in p.letters for p in pieces)]
    return contracted(planner, [made(planner, p) for p in pieces], own)


def halves(planner: Planner, t: Term) -> Made | None:
    """A term whose arrays stand twice, as ``Z' Z``: ``sum_p (X[p,i]*P[p,j])*(X[p,k]*P[p,l])``; its factor left out."""
    own = t.free
    if len(own) != 4 or len(t.pieces) != 4 or len(t.summed) != 1:
        return None
    (over,) = t.summed
    at: dict[Index, Made] = {}
    for p in t.pieces:
        ends = [i for i in p.letters if i is not over]
        if p.is_wide or len(p.letters) != 2 or len(ends) != 1:
            return None
        at[ends[0]] = turned(planner, made(planner, p), [over, ends[0]])
    first, second = [[at[i].value for i in side] for side in (own[:2], own[2:])] if len(at) == 4 else ([], [None])
    if first != second:
        return None
    b = planner.b
    wide = multiplied(planner, [at[i] for i in own[:2]], [over, *own[:2]])
    z = b.make("#1.reshape(#2, -1)", wide.value, b.dim(over.dim))
    return Made(reshaped(planner, b.make("#1 @ #2", b.transpose(z), z), own), own)


def gram_blocks(planner: Planner, g: Gram) -> Made:
    """The blocks of a Gram as one array, those of equal weights made once."""
    x = Made(lowered(planner, g.matrix), (g.over, g.first))
    w = assembled(planner, g.weights)
    others = g.others
    out = tuple(dict.fromkeys(g.places))
    if len(set(g.places)) < len(g.places):  # blocks on a diagonal are put there afterwards
        out = (*others, g.first, g.second)
    names = Letters(out)
    left, right = names.of((g.over, g.first)), names.of((g.over, g.second))
    helper = "symmetric_grams" if g.is_symmetric else "grams"
    weights = _native(w.value, (g.over, *others))
    spec = f"{left},{right},{names.of(weights.axes)}->{names.of(out)}"
    return Made(fresh(f"{helper}('{spec}', #1, #2)", x.value, weights.value), out)


def _native(v: Value, axes: Axes) -> Made:
    """The array before its two axes were turned."""
    return Made(v.args[0], axes[::-1]) if v.code == "#1.T" and len(axes) == 2 else Made(v, axes)


# ------------------------------------------------------------------ all terms
def added_up(planner: Planner, parts: Sequence[Part], axes: Axes) -> Value:
    """The parts in one array: dense ones added, the others on the diagonals of places that are tied."""
    dense = [p for p in parts if p.is_dense]
    tied: dict[tuple[int, ...], list[Part]] = {}
    for p in parts:
        if not p.is_dense:
            tied.setdefault(tuple(p.places.index(i) for i in p.places), []).append(p)
    in_place = planner.backend.in_place
    out: Value | None = None
    for p in dense:
        value = turned(planner, p.array, p.places).value
        if out is None:
            out = value
        elif in_place and len(axes) > 2:
            out = owned(out)
            out = fresh("np.add(#1, #2, out=#3)", out, value, out)
        else:
            out = planner.b.add(out, value)
    for group in tied.values():
        blocks = _blocks(planner, group)
        out = _placed(planner, out, blocks, group[0].places, axes)
    assert out is not None
    return out


def _blocks(planner: Planner, group: Sequence[Part]) -> Made:
    """The sum of parts that are tied alike, over the places of the first."""
    first = group[0]
    axes = tuple(dict.fromkeys(first.places))
    arrays = []
    for p in group:
        moved = dict(zip(p.places, first.places, strict=True))
        arrays.append(Made(p.array.value, tuple(moved[i] for i in p.array.axes)))
    if len(arrays) == 1:
        return arrays[0]
    own = [i for i in axes if any(i in a.axes for a in arrays)]
    return Made(planner.b.fold(planner.b.add, [spread(planner, turned(planner, a, own), own) for a in arrays]), tuple(own))


def _placed(planner: Planner, out: Value | None, blocks: Made, places: Axes, axes: Axes) -> Value:
    """The blocks on the diagonals of an array, which is zero elsewhere or has entries of its own."""
    b = planner.b
    names = Letters(places)
    whole = names.of(places)
    if planner.backend.in_place:
        inside = names.of(blocks.axes)
        if out is None:
            shape = ", ".join(f"#{k}" for k in range(2, 2 + len(axes)))
            return fresh(f"on_diagonal('{inside}->{whole}', #1, ({shape}))", blocks.value, *(b.dim(i.dim) for i in axes))
        return fresh(f"add_on_diagonal('{inside}->{whole}', #1, #2)", blocks.value, owned(out))
    zeros_elsewhere = _masked(planner, blocks, places, axes)
    return zeros_elsewhere if out is None else b.add(out, zeros_elsewhere)


def _masked(planner: Planner, blocks: Made, places: Axes, axes: Axes) -> Value:
    """The blocks spread over all axes, and zeros where two tied places differ."""
    b = planner.b
    first = [axes[places.index(i)] for i in blocks.axes]
    value = spread(planner, turned(planner, Made(blocks.value, tuple(first)), axes), axes)
    for k, i in enumerate(places):
        if places.index(i) == k:
            continue
        tie = Made(b.make("np.eye(#1)", b.dim(i.dim)), (axes[places.index(i)], axes[k]))
        value = b.make("np.where(#1 > 0, #2, 0.0)", spread(planner, tie, axes), value)
    lacking = [k for k, i in enumerate(places) if places.count(i) == 1 and i not in blocks.axes]
    for k in lacking:
        ones = Made(lowered(planner, Ones((axes[k].dim, 1))), (axes[k],))
        value = b.mul(value, spread(planner, ones, axes))
    return value
