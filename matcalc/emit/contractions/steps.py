"""Sums of products over named indices, as steps of two factors each.

What needs no choice comes first: an index that one factor has alone is summed, factors with the same indices are
multiplied entry by entry. The others are multiplied in the order of ``contraction``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from matcalc.emit.contractions.labelled import Labelled, Labels, letter_of
from matcalc.emit.contractions.order import Costs, Order, contraction_order


def contract(labels: Labels, factors: Sequence[Labelled], output: str, later: str = "", wanted: str = "") -> Labelled:
    """The product of all factors, summed over the letters that are not in ``output``.

    ``later`` are letters of the output that whoever takes the result sums over; ``wanted`` is an order of the letters
    that is as good as others. The result has the letters of ``output`` that some factor has.
    """
    scalars, arrays = reduced(labels, factors, output)
    if not arrays:
        return _scaled(labels, scalars, None)
    order = order_of(labels, arrays, output)
    gone = _summed_by_step(arrays, order, output)
    user = {k: len(arrays) + step for step, pair in enumerate(order.steps) for k in pair}
    last = len(gone) - 1
    done = list(arrays)
    for i, j in order.steps:
        here = len(done)
        following = user.get(here)
        while following is not None and not gone[following]:
            following = user.get(following)
        hint = later if following is None else gone[following]
        done.append(labels.multiply(done[i], done[j], gone[here], hint, wanted if here == last else ""))
    return _scaled(labels, scalars, done[-1])


def _summed_by_step(arrays: Sequence[Labelled], order: Order, output: str) -> list[str]:
    """By number, the letters that each step sums over."""
    live = [x.letters for x in arrays]
    uses = Counter(c for letters in live for c in letters)
    gone = [""] * len(arrays)
    for i, j in order.steps:
        both = [c for c in live[i] if c in live[j]]
        uses.subtract(both)
        gone.append("".join(c for c in both if uses[c] == 1 and c not in output))
        live.append("".join(c for c in dict.fromkeys(live[i] + live[j]) if c not in gone[-1]))
    return gone


def order_of(labels: Labels, arrays: Sequence[Labelled], output: str, *, rough: bool = False) -> Order:
    """The order in which arrays are multiplied, and its cost; ``rough`` if the cost alone is wanted, soon."""
    key = (tuple(x.letters for x in arrays), frozenset(output))
    found = labels.orders.get(key)
    if found is not None:
        return found
    letters = sorted({c for x in arrays for c in x.letters})
    bit = {c: 1 << k for k, c in enumerate(letters)}
    costs = Costs([labels.size(c) for c in letters])
    masks = [sum(bit[c] for c in x.letters) for x in arrays]
    found = contraction_order(masks, sum(bit.get(c, 0) for c in output), costs, rough=rough)
    if not rough:
        labels.orders[key] = found
    return found


def reduced(labels: Labels, factors: Sequence[Labelled], output: str) -> tuple[list[Labelled], list[Labelled]]:
    """Scalars and arrays: no letter is one array's alone and summed, no two arrays have the same letters."""
    uses: dict[str, int] = {}
    for x in factors:
        for c in x.letters:
            uses[c] = uses.get(c, 0) + 1
    scalars: list[Labelled] = []
    found: dict[frozenset[str], Labelled] = {}
    todo = list(reversed(factors))
    while todo:
        x = todo.pop()
        alone = "".join(c for c in x.letters if uses[c] == 1 and c not in output)
        if alone:
            x = labels.sum_over(x, alone)
        if not x.letters:
            scalars.append(x)
            continue
        key = frozenset(x.letters)
        other = found.pop(key, None)
        if other is None:
            found[key] = x
            continue
        for c in x.letters:
            uses[c] -= 1
        todo.append(labels.times(other, x, other.letters))
    rest = list(found.values())
    late = [x for x in rest if any(uses[c] == 1 and c not in output for c in x.letters)]
    if late:  # letters that became one array's alone after it was looked at
        return reduced(labels, [*scalars, *rest], output)
    return scalars, rest


def _scaled(labels: Labels, scalars: Sequence[Labelled], x: Labelled | None) -> Labelled:
    """An array times scalars."""
    values = [s.value for s in scalars]
    if x is None:
        return Labelled("", labels.b.fold(labels.b.mul, values or [labels.b.const(1)]))
    if not values:
        return x
    return Labelled(x.letters, labels.b.mul(labels.b.fold(labels.b.mul, values), x.value))


def letters_of(factors: Sequence[Labelled], among: str = "") -> str:
    """The letters of some factors, each once in reading order; those in ``among``, if it is given."""
    found = "".join(dict.fromkeys(c for x in factors for c in x.letters))
    return "".join(c for c in found if c in among) if among else found


def each_once(labels: Labels, x: Labelled) -> Labelled:
    """The array with one axis for each letter: the diagonal of the axes that have the same."""
    letters = "".join(dict.fromkeys(x.letters))
    if len(letters) == len(x.letters):
        return x
    if len(x.letters) == 2:
        return Labelled(letters, labels.b.make("np.diag(#1)", x.value), x.nonnegative)
    inside = Labels(labels.f, dict(labels.dims), copies=labels.copies, real=labels.real)
    own, ties = "", []
    for c in x.letters:
        if c in own:
            other = letter_of(len(inside.dims))
            inside.dims[other] = labels.dims[c]
            ties.append(Labelled(c + other, labels.b.make("np.eye(#1)", labels.b.dim(labels.dims[c]))))
            c = other
        own += c
    found = contract(inside, [Labelled(own, x.value), *ties], letters)
    return Labelled(found.letters, found.value, x.nonnegative)
