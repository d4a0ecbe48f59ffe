"""Dimensions that are found out by unification: unknowns, their products, and how two of them are made to agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from matcalc.dims import Dim, DimSymbol, divide_dim, is_unit, same_dim, times_dim
from matcalc.errors import LimitError

MAX_FACTORS = 64
DIM_NAMES = ("m", "n", "p", "q", "r", "k", "l", "s", "t", "u", "v", "w")


class Unknown:
    """A dimension to be found out; ``at`` is the part of the text that settled it, ``may_be_one`` whether 1 can."""

    __slots__ = ("at", "may_be_one", "value")

    def __init__(self, may_be_one: bool = False) -> None:
        self.value: Size | None = None
        self.at = 0
        self.may_be_one = may_be_one


Size: TypeAlias = "Dim | Unknown | tuple[Size, ...]"  # a tuple is a product
Extent: TypeAlias = tuple[Size, Size]  # rows and columns


class Sizes:
    """The unknown dimensions of one text, in order of appearance."""

    def __init__(self) -> None:
        self.unknowns: list[Unknown] = []
        self.deferred: list[tuple[Size, Size, int]] = []

    def unknown(self, may_be_one: bool = False) -> Unknown:
        """A new dimension to be found out."""
        made = Unknown(may_be_one)
        self.unknowns.append(made)
        return made

    def unify_both(self, a: Extent, b: Extent, at: int) -> bool:
        """Make two shapes agree."""
        return self.unify(a[0], b[0], at) and self.unify(a[1], b[1], at)

    def unify(self, a: Size, b: Size, at: int) -> bool:
        """Make two sizes agree, as part ``at`` of the text asks; False where they cannot."""
        a, b = resolve(a), resolve(b)
        if a is b:
            return True
        if is_known(a) and is_known(b):
            return same_dim(known(a), known(b))
        left, right = factors(a), factors(b)
        for u in [f for f in left if isinstance(f, Unknown)]:
            if u in right:
                left.remove(u)
                right.remove(u)
        for one, other in ((left, right), (right, left)):
            if len(one) == 1 and isinstance(one[0], Unknown) and one[0] not in other:
                return bind(one[0], product_of(other), at)
        free = [f for f in (*left, *right) if isinstance(f, Unknown)]
        if len(free) > 1:
            self.deferred.append((product_of(left), product_of(right), at))
            return True
        if not free:
            return same_dim(known(product_of(left)), known(product_of(right)))
        one, other = (left, right) if free[0] in left else (right, left)
        one.remove(free[0])
        quotient = divide_dim(known(product_of(other)), known(product_of(one)))
        return quotient is not None and bind(free[0], quotient, at)

    def settle(self, refuse: Callable[[Size, Size, int], None]) -> None:
        """Solve the products of unknowns that had to wait, last by matching them factor by factor.

        ``refuse`` is called for two sizes that cannot agree, or where nothing decides; it raises.
        """
        while self.deferred:
            waiting, self.deferred = self.deferred, []
            before = sum(u.value is not None for u in self.unknowns)
            for a, b, at in waiting:
                if not self.unify(a, b, at):
                    refuse(a, b, at)
            if self.deferred and sum(u.value is not None for u in self.unknowns) == before:
                a, b, at = self.deferred.pop(0)
                left, right = factors(resolve(a)), factors(resolve(b))
                if len(left) != len(right) or not all(self.unify(x, y, at) for x, y in zip(left, right, strict=True)):
                    refuse(a, b, at)

    def name_rest(self, used: set[str]) -> None:
        """Give the dimensions that are still unknown names of their own, in order of appearance."""
        self.name(self.unknowns, used)

    def name(self, sizes: Sequence[Size], used: set[str]) -> None:
        """Give what is unknown in these sizes names of its own."""
        taken = used | {str(u.value) for u in self.unknowns if u.value is not None}
        free = (n for n in _names() if n not in taken)
        for u in sizes:
            for f in factors(resolve(u)):
                if isinstance(f, Unknown):
                    f.value = DimSymbol(next(free))


def bind(u: Unknown, size: Size, at: int) -> bool:
    """Settle an unknown; a matrix or vector that nobody declared is never taken to be 1 wide."""
    if is_one(size) and not u.may_be_one:
        return False
    if isinstance(size, Unknown):  # what can be 1 must agree with what cannot
        size.may_be_one = size.may_be_one and u.may_be_one
    u.value, u.at = size, at
    return True


def resolve(size: Size) -> Size:
    """A size with everything put in that is known by now."""
    if is_known(size):
        return size
    flat: list[Size] = []
    stack = [size]
    while stack:
        s = stack.pop()
        if isinstance(s, tuple):
            stack.extend(reversed(s))
        elif isinstance(s, Unknown) and s.value is not None:
            stack.append(s.value)
        else:
            flat.append(s)
        if len(stack) + len(flat) > MAX_FACTORS:
            raise LimitError(f"a size in the text is a product of more than {MAX_FACTORS} dimensions")
    return flat[0] if len(flat) == 1 else product_of(flat)


def product_of(sizes: list[Size]) -> Size:
    """The product of sizes: a dimension, if all of them are known."""
    flat = [f for size in sizes for f in factors(size)]
    if not all(map(is_known, flat)):
        return flat[0] if len(flat) == 1 else tuple(flat)
    result: Dim = 1
    for f in flat:
        result = known(f) if is_unit(result) else times_dim(result, known(f))
    return result


def factors(size: Size) -> list[Size]:
    """The factors of a size, those that are 1 left out."""
    if isinstance(size, tuple):
        return list(size)
    return [] if is_one(size) else [size]


def is_known(size: Size) -> bool:
    """Whether a resolved size is a dimension."""
    return not isinstance(size, (Unknown, tuple))


def known(size: Size) -> Dim:
    """A resolved size, as a dimension."""
    assert not isinstance(size, (Unknown, tuple))
    return size


def agree(a: Size, b: Size) -> bool:
    """Whether two sizes are known to be equal."""
    a, b = resolve(a), resolve(b)
    return a is b or (is_known(a) and is_known(b) and same_dim(known(a), known(b)))


def is_one(size: Size) -> bool:
    """Whether a size is known to be 1."""
    return isinstance(size, int) and size == 1


def is_scalar(extent: Extent) -> bool:
    """Whether a shape is known to be that of a scalar."""
    return is_one(extent[0]) and is_one(extent[1])


def size_text(size: Size) -> str:
    """A size as messages print it."""
    found = resolve(size)
    if isinstance(found, tuple):
        return "*".join(map(size_text, found))
    return "?" if isinstance(found, Unknown) else str(found)


def _names() -> Iterator[str]:
    """Names for dimensions."""
    yield from DIM_NAMES
    number = 0
    while True:
        number += 1
        yield f"d{number}"
