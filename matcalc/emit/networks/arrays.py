"""Arrays with named axes in the program, and their products over any axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from string import ascii_uppercase

from matcalc.emit.contractions.labelled import Labelled, Labels
from matcalc.emit.contractions.steps import each_once
from matcalc.emit.networks.read import Piece
from matcalc.emit.planner import Planner
from matcalc.emit.values import Value
from matcalc.expr import Expr
from matcalc.index import Index, flat
from matcalc.node import postorder

Axes = tuple[Index, ...]
MAKING = (
    "outer(", "np.outer(", "np.einsum(", "on_diagonal(", "add_on_diagonal(", "grams(", "symmetric_grams(", "np.add(",
    "#1 * #2", "#1 + #2", "#1 - #2", "-#1",
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A value in the program with an index for each of its axes; a scalar has none."""

    value: Value
    axes: Axes


class Letters:
    """Letters for indices: those of the result first, from ``i`` on, those that are summed over from ``p`` on."""

    def __init__(self, free: Sequence[Index]) -> None:
        self.names = dict(zip(dict.fromkeys(free), "ijklmnoabcdefgh", strict=False))
        self._summed = iter("pqrstuvwxyz" + ascii_uppercase)

    def of(self, axes: Sequence[Index]) -> str:
        """The letters of axes."""
        for i in axes:
            if i not in self.names:
                self.names[i] = next(self._summed)
        return "".join(self.names[i] for i in axes)


def lowered(planner: Planner, e: Expr) -> Value:
    """The array of an expression that may be new to the planner."""
    for node in postorder([e], lambda x: () if x in planner.form else x.operands):
        if node not in planner.form:
            planner.form[node] = planner.lower(node)
    return planner.f.full(planner.form[e])


def made(planner: Planner, p: Piece) -> Made:
    """The array of a piece, its stacked axes taken apart."""
    v = lowered(planner, p.array)
    if p.is_wide and p.array.axes is not None:  # a tensor by itself has an axis each, the fastest of each stack first
        return _diagonal(planner, Made(v, (*reversed(flat(p.row)), *reversed(flat(p.col)))))
    if p.is_wide:
        v = reshaped(planner, v, p.letters)
    return _diagonal(planner, Made(v, p.letters))


def _diagonal(planner: Planner, a: Made) -> Made:
    """The entries of an array where its axes with one index agree."""
    own = tuple(dict.fromkeys(a.axes))
    if len(own) == len(a.axes):
        return a
    names = Letters(own)
    labels = Labels(planner.f, {names.of([i]): i.dim for i in own}, copies=planner.backend.blas, real=planner.f.bounds.real)
    found = each_once(labels, Labelled(names.of(a.axes), a.value))
    return Made(labels.arrange(found, names.of(own)), own)


def reshaped(planner: Planner, v: Value, axes: Sequence[Index]) -> Value:
    """The same entries with these axes."""
    places = ", ".join(f"#{k}" for k in range(2, 2 + len(axes)))
    return planner.b.make(f"#1.reshape({places})", v, *(planner.b.dim(i.dim) for i in axes))


def size(planner: Planner, axes: Sequence[Index]) -> float:
    """How many entries an array with these axes has."""
    return prod(planner.sizes.of(i.dim) for i in axes)


def turned(planner: Planner, a: Made, axes: Sequence[Index]) -> Made:
    """The array with its axes in the order in which they occur in ``axes``."""
    order = [i for i in axes if i in a.axes]
    if order == list(a.axes):
        return a
    if len(order) == 2:
        return Made(planner.b.transpose(a.value), tuple(order))
    places = ", ".join(str(a.axes.index(i)) for i in order)
    return Made(planner.b.make(f"#1.transpose({places})", a.value), tuple(order))


def multiplied(planner: Planner, arrays: Sequence[Made], axes: Sequence[Index]) -> Made:
    """The product of arrays, entry by entry, with the axes of ``axes`` that they have, in that order."""
    if len(arrays) == 1:
        return turned(planner, arrays[0], axes)
    first, second = min(_halves(arrays), key=lambda pair: sum(_stretched(planner, side, axes) for side in pair))
    x, y = multiplied(planner, first, axes), multiplied(planner, second, axes)
    if size(planner, x.axes) > size(planner, y.axes) and set(y.axes) < set(x.axes):
        x, y = y, x
    out = [i for i in axes if i in x.axes or i in y.axes]
    if len(x.axes) == len(y.axes) == 1 and x.axes != y.axes:
        x, y = (x, y) if x.axes[0] is out[0] else (y, x)
        return Made(planner.b.make("np.outer(#1, #2)", x.value, y.value), tuple(out))
    if len(out) > 2 and planner.backend.in_place:
        names = Letters(out)
        spec = f"{names.of(x.axes)},{names.of(y.axes)}->{names.of(out)}"
        return Made(planner.b.make(f"outer('{spec}', #1, #2)", x.value, y.value), tuple(out))
    return Made(planner.b.mul(spread(planner, x, out), spread(planner, y, out)), tuple(out))


def _halves(arrays: Sequence[Made]) -> list[tuple[list[Made], list[Made]]]:
    """The ways to part arrays in two, the first in the first part."""
    head, rest = arrays[0], list(arrays[1:])
    return [
        ([head, *(rest[k] for k in chosen)], [a for k, a in enumerate(rest) if k not in chosen])
        for count in range(len(rest))
        for chosen in combinations(range(len(rest)), count)
    ]


def _stretched(planner: Planner, arrays: Sequence[Made], axes: Sequence[Index]) -> float:
    """The entries of a product of arrays; those with one of the last two axes are stretched over both."""
    own = {i for a in arrays for i in a.axes}
    last = set(axes[-2:])
    return size(planner, [i for i in axes if i in own or (i in last and own & last)])


def spread(planner: Planner, a: Made, axes: Sequence[Index]) -> Value:
    """The array with an axis of length one for each that it lacks, as broadcasting takes it."""
    slots = [":" if i in a.axes else "None" for i in axes]
    while slots and slots[0] == "None":
        slots.pop(0)
    if "None" not in slots:
        return a.value
    return planner.b.make(f"#1[{', '.join(slots)}]", a.value)


# ------------------------------------------------------------------ arrays that may be written to
def fresh(code: str, *args: Value) -> Value:
    """A value of its own: the program has no other that is it, so that it may be written to."""
    return Value(code, args)


def owned(v: Value) -> Value:
    """The same array as a value of its own: made once more where others have it, copied where it may be a view."""
    if v.code.startswith(".reshape", 2) and v.args[0].code == "#1 @ #2":
        return fresh(v.code, fresh("#1 @ #2", *v.args[0].args), *v.args[1:])
    return fresh(v.code, *v.args) if v.code.startswith(MAKING) else fresh("np.copy(#1)", v)
