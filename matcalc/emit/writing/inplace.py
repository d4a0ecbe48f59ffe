"""Entrywise operations that write over an array which the program owns and needs no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from matcalc.emit.passes.blocks import needs_lines
from matcalc.emit.passes.memory import OPERATORS, SOFTMAX, Facts, entries_of, function_of
from matcalc.emit.sizes import Sizes
from matcalc.emit.values import Value
from matcalc.emit.writing.arrange import Arrangement
from matcalc.node import postorder

LARGE = 16384  # entries from which on malloc asks the system for fresh memory: 128 KB


def can_write_over(e: Value, facts: Mapping[Value, Facts], sizes: Sizes) -> list[int]:
    """The places of the operands that ``e`` could write over if nothing else needed them."""
    own = facts[e]
    if not own.is_array or own.shape is None or e.name or entries_of(own.shape, sizes) < LARGE:
        return []
    if function_of(e.code) is None and e.code not in SOFTMAX:
        return []
    return [
        k for k, a in enumerate(e.args) if facts[a].fresh and facts[a].is_array and facts[a].shape == own.shape and not a.name
    ]


def worth_a_line(outputs: Sequence[Value], plain: Arrangement, facts: Mapping[Value, Facts], sizes: Sizes) -> set[Value]:
    """Values that get a line of their own so that they can write over an operand, and those operands.

    A function does that with any operand that only it reads. An operator only with one that has a name anyhow, where it
    comes last: a temporary array inside an expression is used again by NumPy itself.
    """
    order = list(postorder(outputs, lambda v: v.args))
    named = {v for v, _ in plain.lines}
    readers = Counter(a for v in order for a in v.args)
    readers.update(outputs)
    last = {a: v for v in order for a in v.args}
    for v in outputs:
        last.pop(v, None)
    found = {v for v in order if v.code in ("block", "part")}
    for v in list(found):
        found.update(needs_lines(v) if v.code == "block" else ())
    called = {v.args[0] for v in order if v.name and v.code == "#1"}  # a name that the user gave stands for one formula
    for e in order:
        if e in called:
            continue
        is_operator = e.code in OPERATORS or e.code == "-#1"
        for k in can_write_over(e, facts, sizes):
            a = e.args[k]
            is_held = a in named or a in found or (not is_operator and readers[a] == 1)
            if is_held and last.get(a) is e:
                found.update((a, e))
                break
    return found


def lines_in_place(
    outputs: Sequence[Value], arranged: Arrangement, facts: Mapping[Value, Facts], sizes: Sizes
) -> dict[Value, int]:
    """The lines that write over an operand, with its place.

    The operand has a line before, and no later line, nor the result, reads it or anything that may share its memory.
    """
    lines = [v for v, _ in arranged.lines]
    at = {v: k for k, v in enumerate(lines)}
    last: dict[Value, int] = {}  # the last line that needs an array
    for k, top in enumerate([*lines, *outputs]):
        end = k < len(lines)
        for v in _of_one_line(top, at, k if end else None):
            for root in facts[v].roots:
                last[root] = k if end else len(lines)
            if v.code == "#1(#2)":  # a user's function may keep what it is given
                last.update(dict.fromkeys((r for a in v.args for r in facts[a].roots), len(lines)))
    found: dict[Value, int] = {}
    for k, e in enumerate(lines):
        for place in can_write_over(e, facts, sizes):
            a = e.args[place]
            if at.get(a, k) < k and last[a] <= k:
                found[e] = place
                break
    return found


def _of_one_line(top: Value, at: Mapping[Value, int], own: int | None) -> list[Value]:
    """The values whose code stands in a line, and the variables that it reads."""

    def inside(v: Value) -> tuple[Value, ...]:
        return v.args if at.get(v) is None or at[v] == own else ()

    return list(postorder([top], inside))
