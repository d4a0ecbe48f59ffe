"""Interned nodes: equal parts give the same object, so that ``is`` is equality and sharing is free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")
_INTERNED: WeakValueDictionary[tuple[object, ...], Any] = WeakValueDictionary()


class Interned(type):
    """Metaclass whose calls return the one object that has these parts."""

    def __call__(cls: type[T], *parts: Any) -> T:
        key = (cls, *parts)
        node = _INTERNED.get(key)
        if node is None:
            node = type.__call__(cls, *parts)
            _INTERNED[key] = node
        return node  # type: ignore[no-any-return]


class Node(metaclass=Interned):
    """A frozen dataclass whose fields are its whole meaning: ``type(e)(*e.parts) is e``."""

    @property
    def parts(self) -> tuple[Any, ...]:
        """The fields, in order."""
        return tuple(getattr(self, f.name) for f in fields(self))  # type: ignore[arg-type]

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self), self.parts

    def __copy__(self: T) -> T:
        return self

    def __deepcopy__(self: T, memo: object) -> T:
        return self


N = TypeVar("N")


def postorder(roots: Iterable[N], children: Callable[[N], Iterable[N]]) -> Iterator[N]:
    """Every node reachable from ``roots`` once, children first; depth is bounded by memory alone."""
    seen: set[int] = set()
    for root in roots:
        stack: list[tuple[N, Iterator[N]]] = []
        if id(root) not in seen:
            seen.add(id(root))
            stack.append((root, iter(children(root))))
        while stack:
            node, rest = stack[-1]
            for child in rest:
                if id(child) not in seen:
                    seen.add(id(child))
                    stack.append((child, iter(children(child))))
                    break
            else:
                stack.pop()
                yield node
