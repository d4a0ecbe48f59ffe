"""Which values of a program get a line of their own, and in what order: the same in every language it is written in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from matcalc.emit.values import Value
from matcalc.node import postorder

DEEPEST = 20  # levels of one line; CPython's own compiler recurses over them
WIDEST = 90  # characters of one line, estimated
WORTH_A_NAME = 16
VIEWS = frozenset(("#1.T", "#1[:, None]", "#1[None, :]", "np.pi", "np.e"))  # cost nothing to write twice


class NameMaker(Protocol):
    """What hands out names that are still free."""

    def new(self, wanted: str) -> str:
        """A name like the one that is wanted."""


@dataclass
class Arrangement:
    """A program in lines.

    Attributes
    ----------
    leaves : list of Value
        The leaves, as they are met.
    lines : list of pairs
        The values that get a line of their own with their names, in order; any other stands inside the next one.
    """

    leaves: list[Value] = field(default_factory=list)
    lines: list[tuple[Value, str]] = field(default_factory=list)


def arrange(
    outputs: Sequence[Value],
    names: NameMaker,
    width_of: Callable[[str], int],
    width_of_leaf: Callable[[Value], int],
    apart: Collection[Value] = (),
    must_have_names: Callable[[str], tuple[int, ...]] | None = None,
) -> Arrangement:
    """The lines of a program, given how wide its templates and its leaves are; the values ``apart`` get one each.

    ``must_have_names`` says which operands of a template a language takes by name only.
    """
    order = list(postorder(outputs, lambda v: v.args))
    count = {id(v): 0 for v in order}
    for v in outputs:
        count[id(v)] += 1
    for v in reversed(order):
        for a in v.args:
            count[id(a)] += count[id(v)] if v.code in VIEWS else 1
    out = Arrangement()
    size: dict[Value, tuple[int, int]] = {}  # depth and width of what is written
    unnamed = 0
    done: set[Value] = set()

    def assign(v: Value) -> None:
        nonlocal unnamed
        if v in done:
            return
        done.add(v)
        name = names.new(v.name or f"t{unnamed}")
        unnamed += not v.name
        out.lines.append((v, name))
        size[v] = (1, len(name))

    for v in order:
        if v.is_leaf:
            out.leaves.append(v)
            size[v] = (1, width_of_leaf(v))
            continue
        for k in must_have_names(v.code) if must_have_names is not None else ():
            if not v.args[k].is_leaf:
                assign(v.args[k])
        width = width_of(v.code) + sum(size[a][1] for a in v.args)
        for a in sorted(dict.fromkeys(v.args), key=lambda a: size[a][1], reverse=True):
            depth, before = size[a]
            if not a.is_leaf and (depth >= DEEPEST or (width > WIDEST and before > WORTH_A_NAME)):
                assign(a)
                width -= v.args.count(a) * (before - size[a][1])
        size[v] = (1 + max((size[a][0] for a in v.args), default=0), width)
        if v.name or v in apart or (count[id(v)] > 1 and v.code not in VIEWS):
            assign(v)
    return out
