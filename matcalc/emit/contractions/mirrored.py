"""Sums over named indices that stay the same when the row's and the column's indices change places.

The factors of such a sum fall into two halves, one the image of the other, and some between them: it is ``G' diag(w) G``
with one ``G``, an array of the indices that the halves share and of the row's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from matcalc.emit.contractions.labelled import Labelled, Labels
from matcalc.emit.contractions.order import CALL, ENTRY, TOUCH
from matcalc.emit.contractions.steps import contract, letters_of, order_of, reduced
from matcalc.emit.values import Value

Keep = Callable[[Sequence[Labelled], Labelled], None]  # remembers the product of factors
Root = Callable[[Value, bool], Value | None]  # of weights that are, or are not, known to be >= 0: what they are the square of


@dataclass(frozen=True)
class Mirrored:
    """One half of the factors, those between the halves, and the image of every letter of the half."""

    half: tuple[Labelled, ...]
    middle: tuple[Labelled, ...]
    image: Mapping[str, str]
    own: str  # the letters of the result that the half has

    @property
    def shared(self) -> str:
        """The letters that both halves have."""
        return "".join(c for c in letters_of(self.half) if self.image[c] == c)


@dataclass(frozen=True)
class KnownHalf:
    """Factors, and the array that is their product, summed over the letters that it does not have."""

    factors: tuple[Labelled, ...]
    product: Labelled


def contract_mirrored(labels: Labels, factors: Sequence[Labelled], rows: str, cols: str, root: Root, keep: Keep) -> Labelled:
    """The sum with the letters ``rows`` and ``cols``, from one half if it has two and that is cheaper."""
    output = rows + cols
    scalars, arrays = reduced(labels, factors, output)
    found = mirrored(arrays, rows, cols) if len(arrays) > 1 else None
    if found is None or not _is_cheaper(labels, found, arrays, output):
        return contract(labels, factors, output, wanted=output)
    return contract(labels, [*scalars, *_squared(labels, found, root, keep)], output)


def _squared(labels: Labels, found: Mirrored, root: Root, keep: Keep) -> list[Labelled]:
    """The sum of a half times its image, and a scalar that the factors in between may leave."""
    shared, own = found.shared, found.own
    rooted, unrooted, scalars = None, None, []
    if found.middle:
        weights = contract(labels, found.middle, letters_of(found.middle, shared))
        known = weights.nonnegative or all(x.nonnegative for x in found.middle)
        if not weights.letters:
            scalars.append(weights)
        elif (r := root(weights.value, known)) is not None:
            rooted = replace(weights, value=r)
        else:
            unrooted = weights
    wanted = shared + own if len(own) > 1 else ""
    if rooted is not None and _is_cheaper_inside(labels, found, rooted):
        left = contract(labels, [*found.half, rooted], shared + own, shared, wanted)
    else:
        left = contract(labels, found.half, shared + own, shared, wanted)
        keep(found.half, left)
        left = left if rooted is None else labels.times(left, rooted, left.letters)
    right = replace(left, letters="".join(found.image[c] for c in left.letters))
    if unrooted is not None:
        right = labels.times(right, unrooted, right.letters)
    square = labels.multiply(left, right, shared, wanted=own + "".join(found.image[c] for c in own))
    if square.letters[0] not in own:  # it is its own image
        square = replace(square, letters="".join(found.image[c] for c in square.letters))
    return [square, *scalars]


def _is_cheaper_inside(labels: Labels, found: Mirrored, rooted: Labelled) -> bool:
    """Whether weights should meet a factor of the half, and not the half as a whole."""
    output = found.shared + found.own
    inside = order_of(labels, [*found.half, rooted], output, rough=True).cost
    return inside < order_of(labels, found.half, output).cost + CALL / 2 + ENTRY / 2 * labels.size(output)


def _is_cheaper(labels: Labels, found: Mirrored, arrays: Sequence[Labelled], output: str) -> bool:
    """Whether the half, its weights and its square cost less than the factors in the best order."""
    shared, own = found.shared, found.own
    half = order_of(labels, found.half, shared + own).cost
    weighing = labels.size(shared + own) * ENTRY if found.middle else 0.0
    square = CALL + labels.size(shared) * labels.size(own) ** 2 / 2 + TOUCH * labels.size(shared + own)
    return half + weighing + square < order_of(labels, arrays, output, rough=True).cost


# ------------------------------------------------------------------ finding the halves
def mirrored(arrays: Sequence[Labelled], rows: str, cols: str) -> Mirrored | None:
    """The halves of a sum whose letters ``rows`` and ``cols`` may change places; None if it has none."""
    if len(rows) != len(cols) or not rows:
        return None
    image = swap_of(arrays, rows, cols)
    if image is None:
        return None
    side: dict[int, int] = {}  # the component of a factor
    count = 0
    at: dict[str, list[int]] = {}
    for k, x in enumerate(arrays):
        for c in x.letters:
            if image[c] != c:
                at.setdefault(c, []).append(k)
    for k, x in enumerate(arrays):
        if k in side or all(image[c] == c for c in x.letters):
            continue
        todo = [k]
        side[k] = count
        while todo:
            for c in arrays[todo.pop()].letters:
                for other in at.get(c, ()):
                    if other not in side:
                        side[other] = count
                        todo.append(other)
        count += 1
    partner: dict[int, int] = {}
    for c, members in at.items():
        if image[c] not in at:
            return None
        partner[side[members[0]]] = side[at[image[c]][0]]
    if any(p == k for k, p in partner.items()):  # the halves touch
        return None
    if any(c not in at for c in (*rows, *cols)):  # the result repeats itself along an axis
        return None
    chosen: set[int] = set()
    for c in (*rows, *at):
        k = side[at[c][0]]
        if partner[k] not in chosen:
            chosen.add(k)
    half = tuple(x for k, x in enumerate(arrays) if side.get(k) in chosen)
    held = letters_of(half)
    own = "".join(r if r in held else c for r, c in zip(rows, cols, strict=True))
    return Mirrored(half, tuple(x for k, x in enumerate(arrays) if k not in side), image, own)


def swap_of(arrays: Sequence[Labelled], rows: str, cols: str) -> dict[str, str] | None:
    """The letters' images under the exchange of ``rows`` and ``cols`` that maps the factors onto themselves."""
    image = {**dict(zip(rows, cols, strict=True)), **dict(zip(cols, rows, strict=True))}
    alike: dict[Value, list[int]] = {}
    holders: dict[str, list[int]] = {}
    for k, x in enumerate(arrays):
        alike.setdefault(x.value, []).append(k)
        for c in x.letters:
            holders.setdefault(c, []).append(k)
    free = set(range(len(arrays)))
    queue = deque(dict.fromkeys(k for c in image for k in holders.get(c, ())))
    waited = 0
    while queue:
        k = queue.popleft()
        if k not in free:
            continue
        options = [(j, letters) for j in alike[arrays[k].value] if j in free for letters in _fits(arrays[k], arrays[j], image)]
        if not options:
            return None
        if len(options) > 1 and waited <= len(queue):  # others may decide
            queue.append(k)
            waited += 1
            continue
        waited = 0
        j, letters = options[0]
        free -= {k, j}
        for a, b in zip(arrays[k].letters, letters, strict=True):
            for c, d in ((a, b), (b, a)):
                if c not in image:
                    image[c] = d
                    queue.extend(holders[c])
    for k in free:
        for c in arrays[k].letters:
            image.setdefault(c, c)
    return image


def _fits(x: Labelled, y: Labelled, image: Mapping[str, str]) -> Iterator[str]:
    """The orders of the letters of ``y`` in which they may be the images of those of ``x``."""
    orders = [y.letters, y.letters[::-1]] if y.symmetric and len(y.letters) == 2 else [y.letters]
    for letters in orders:
        pairs = list(zip(x.letters, letters, strict=True))
        if all(image.get(a, b) == b and image.get(b, a) == a for a, b in pairs) and _is_involution(pairs):
            yield letters


def _is_involution(pairs: Sequence[tuple[str, str]]) -> bool:
    known = dict(pairs)
    return all(known.get(b, a) == a for a, b in pairs)
