"""Long entrywise computations on large arrays, done block by block so that what lies between stays in the cache."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from matcalc.dims import Dim, is_unit
from matcalc.emit.passes.memory import VIEWS, Facts, entries_of, facts_of, function_of
from matcalc.emit.shapes import Axes
from matcalc.emit.sizes import Sizes
from matcalc.emit.values import Value
from matcalc.expr import Symbol
from matcalc.node import postorder

BIG = 131072  # entries from which on an array and what is made of it do not fit in the cache of a core
FEWEST = 3  # operations that are worth a loop
CHEAP = frozenset(("np.add", "np.subtract", "np.multiply", "np.negative", "np.square"))
CHEAP_AGAIN = 3  # so many cheap operations are rather done again than their result stored
SUMS = {
    "np.sum(#1)": None,
    "#1.sum(axis=0)": 0,
    "#1.sum(axis=1)": 1,
    "np.vdot(#1, #2)": None,
    "np.einsum('ij,ij->j', #1, #2)": 0,
    "np.einsum('ij,ij->i', #1, #2)": 1,
}  # fmt: skip  the axis that is summed over


@dataclass
class Block:
    """What one loop over blocks computes.

    Attributes
    ----------
    shape : tuple of Dim
        Of the arrays that are cut in blocks along their first axis.
    steps : list of Value
        The entrywise operations, in order.
    sums : list of Value
        Sums of steps.
    stored : list of Value
        The steps that are needed as whole arrays.
    inputs : list of Value
        What steps and sums read besides.
    over : dict of Value to Value
        Stored steps that are written over an input, which nothing else needs.
    """

    shape: Axes
    steps: list[Value]
    sums: list[Value] = field(default_factory=list)
    stored: list[Value] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    over: dict[Value, Value] = field(default_factory=dict)

    @property
    def results(self) -> list[Value]:
        """What it hands on."""
        return [*self.stored, *self.sums]


Key = tuple[Axes, int]


def in_blocks(outputs: Sequence[Value], symbols: Mapping[str, Symbol], sizes: Sizes) -> list[Value]:
    """The outputs, with the operations on large arrays gathered in blocks.

    A block is a value ``block`` with what the loop reads as operands; its results are values ``part``.
    """
    facts = facts_of(outputs, symbols)
    order = list(postorder(outputs, lambda v: v.args))
    members = {v for v in order if _is_member(v, facts, sizes)}
    if len(members) < FEWEST:
        return list(outputs)
    level = _levels(order, outputs, members)
    for joining in (True, False):  # joined sums may make two loops wait for each other
        blocks = _gathered(order, outputs, members, level, facts, joining=joining)
        found = _replaced(outputs, blocks) if blocks else list(outputs)
        if found is not None:
            return found
    raise AssertionError("the levels put the loops in order")


def is_known(d: Dim, sizes: Sizes) -> bool:
    """Whether the size of a dimension is known, and not only taken to be something."""
    return isinstance(d, int) or all(s in sizes.known for s in d.free_symbols)


def needs_lines(v: Value) -> list[Value]:
    """The operands of a block that are computed before it."""
    found = []
    for a in v.args:
        while a.code in VIEWS and a.args:
            (a,) = a.args
        if not a.is_leaf:
            found.append(a)
    return found


def _is_member(v: Value, facts: Mapping[Value, Facts], sizes: Sizes) -> bool:
    """Whether a value is an entrywise operation on a large array."""
    fact = facts[v]
    if function_of(v.code) is None or not fact.is_array or fact.shape is None or len(fact.shape) > 2 or v.name:
        return False
    if not all(is_known(d, sizes) for d in fact.shape):
        return False
    return not is_unit(fact.shape[0]) and entries_of(fact.shape, sizes) >= BIG


def _levels(order: Sequence[Value], outputs: Sequence[Value], members: set[Value]) -> dict[Value, int]:
    """How many times a computation has left the large arrays before a value; operations are done as late as that allows.

    Between two members of one level there is no way through anything else, so that one loop can do them all.
    """
    level: dict[Value, int] = {}
    readers: dict[Value, list[Value]] = {v: [] for v in order}
    for v in order:
        level[v] = max((level[a] + (a in members and v not in members) for a in v.args), default=0)
        for a in v.args:
            readers[a].append(v)
    kept = set(outputs)
    for v in reversed(order):
        if v in members and v not in kept and readers[v]:
            level[v] = max(level[v], min(level[c] if c in members else level[c] - 1 for c in readers[v]))
    return level


def _gathered(
    order: Sequence[Value],
    outputs: Sequence[Value],
    members: set[Value],
    level: Mapping[Value, int],
    facts: Mapping[Value, Facts],
    *,
    joining: bool,
) -> list[Block]:
    blocks: dict[Key, Block] = {}
    for v in order:
        shape = facts[v].shape
        if v in members and shape is not None:
            blocks.setdefault((shape, level[v]), Block(shape, [])).steps.append(v)
    sums_at: dict[Value, Key] = {}
    for v in order:
        if v.code in SUMS:
            shape = facts[v.args[0]].shape
            at = max((level[a] for a in v.args if a in members), default=-1)
            if shape is not None and (shape, at) in blocks and all(facts[a].shape == shape and level[a] <= at for a in v.args):
                sums_at[v] = (shape, at)
    readers: dict[Value, list[Value]] = {v: [] for v in order}
    for v in order:
        for a in v.args:
            readers[a].append(v)
    kept = set(outputs)
    loops = {k: b for k, b in blocks.items() if len(b.steps) + sum(key == k for key in sums_at.values()) >= FEWEST}
    for v, key in sums_at.items():
        if key in loops:
            loops[key].sums.append(v)
    if joining:
        _join_sums(order, loops, sums_at, facts)
    inside = {v: k for k, b in loops.items() for v in b.steps}
    for key, planned in {k: list(b.steps) for k, b in loops.items()}.items():
        b, own = loops[key], set(planned)
        for v in planned:
            away = [c for c in readers[v] if c not in own and sums_at.get(c) != key]
            # another loop does a few cheap operations again rather than read their result from memory
            again = {inside.get(c, sums_at.get(c)) for c in away}
            cheap = _again(v, members) if again <= set(loops) else None
            if v in kept or (away and cheap is None):
                b.stored.append(v)
            elif away and cheap is not None:
                for other in again - {key}:
                    assert other is not None
                    loops[other].steps.extend(s for s in cheap if s not in loops[other].steps)
    place = {v: k for k, v in enumerate(order)}
    for b in loops.values():
        b.steps.sort(key=lambda v: place[v])
        _drop_unneeded(b)
        own = set(b.steps)
        reading = [a for v in [*b.steps, *b.sums] for a in v.args if a not in own]
        b.inputs = list(dict.fromkeys(reading))
    _write_over(loops.values(), readers, kept, facts)
    found = [b for b in loops.values() if b.results]
    whole = [any(facts[a].shape == b.shape and (a.code == "symbol" or facts[a].fresh) for a in b.inputs) for b in found]
    return found if all(whole) else []


def _join_sums(
    order: Sequence[Value], loops: Mapping[Key, Block], sums_at: dict[Value, Key], facts: Mapping[Value, Facts]
) -> None:
    """Let the first loop that reads an array sum it as well, where it needs no result of that."""
    for key, b in sorted(loops.items(), key=lambda item: item[0][1]):
        read = {a for v in [*b.steps, *b.sums] for a in v.args}
        before: set[Value] | None = None
        for v in order:
            if v.code in SUMS and v not in sums_at and all(a in read and facts[a].shape == b.shape for a in v.args):
                before = set(postorder([*b.steps, *b.sums], lambda x: x.args)) if before is None else before
                if v not in before:
                    sums_at[v] = key
                    b.sums.append(v)


def _again(v: Value, members: set[Value]) -> list[Value] | None:
    """The operations that compute a value from what is no operation on large arrays, if they are few and cheap."""
    steps = [s for s in postorder([v], lambda s: s.args if s in members else ()) if s in members]
    if len(steps) > CHEAP_AGAIN:
        return None
    for s in steps:
        name = function_of(s.code)
        if name is None or name[0] not in CHEAP:
            return None
    return steps


def _drop_unneeded(b: Block) -> None:
    """Leave out the steps that only other loops use."""
    wanted = set(postorder(b.results, lambda v: v.args))
    b.steps = [v for v in b.steps if v in wanted]


def _write_over(
    blocks: Iterable[Block], readers: Mapping[Value, Sequence[Value]], kept: Collection[Value], facts: Mapping[Value, Facts]
) -> None:
    """Find inputs that results can be written over: new arrays that only steps of this block read, none after that result."""
    blocks = list(blocks)
    for b in blocks:
        elsewhere = {v for other in blocks if other is not b for v in other.steps}
        step = {v: k for k, v in enumerate(b.steps)}
        before = set(postorder(b.inputs, lambda v: v.args)) if b.stored else set()
        for v in b.stored:
            for a in b.inputs:
                if not facts[a].fresh or facts[a].shape != b.shape or a in kept or a.name or a in b.over.values():
                    continue
                if all(
                    (c in step and c not in elsewhere and step[c] <= step[v]) or (c in before and a not in facts[c].roots)
                    for c in readers[a]
                ):
                    b.over[v] = a
                    break


def _replaced(outputs: Sequence[Value], blocks: Sequence[Block]) -> list[Value] | None:
    """The program with the blocks in it, or None if they would wait for each other."""
    of = {v: b for b in blocks for v in b.results}
    new: dict[Value, Value] = {}
    made: dict[int, Value] = {}

    def needs(v: Value) -> tuple[Value, ...]:
        return tuple(of[v].inputs) if v in of else v.args

    for v in postorder(outputs, needs):
        if any(a not in new for a in needs(v)):
            return None
        if v in of:
            b = of[v]
            whole = made.get(id(b))
            if whole is None:
                whole = made[id(b)] = Value("block", tuple(new[a] for a in b.inputs), b)
                whole.shape = ()
            new[v] = Value("part", (whole,), v)
            new[v].shape = v.shape
        elif any(new[a] is not a for a in v.args):
            new[v] = Value(v.code, tuple(new[a] for a in v.args), v.of, integer=v.integer)
            new[v].name, new[v].shape = v.name, v.shape
        else:
            new[v] = v
    return [new[v] for v in outputs]
