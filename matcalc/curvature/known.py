"""What a proof of a sign or of definiteness is made of: bounds, and rules as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from matcalc.curvature.facts import Fact, premises
from matcalc.curvature.interval import Interval
from matcalc.expr import Expr

PSD, PD = "psd", "pd"
Shown = tuple[str, Sequence[Fact | None]]  # one of the two, and what was used


@dataclass(frozen=True)
class Bound:
    """An interval that holds every entry, and the fact that says so; None where nothing is known."""

    interval: Interval
    fact: Fact | None


class Knows(Protocol):
    """What rules ask about other expressions."""

    def range(self, e: Expr) -> Bound: ...

    def definite(self, e: Expr) -> Fact | None: ...


Ranged = tuple[Interval, Sequence[Fact | None]]


@dataclass(frozen=True)
class RangeRule:
    """A rule for operators of these classes (empty for all)."""

    name: str
    classes: tuple[type[Expr], ...]
    find: Callable[[Expr, Knows], Ranged | None]
    why: str

    def apply(self, e: Expr, known: Knows) -> Bound | None:
        """The bound by this rule, if it says anything."""
        if self.classes and not isinstance(e, self.classes):
            return None
        found = self.find(e, known)
        if found is None or found[0].is_everything:
            return None
        return Bound(found[0], Fact(e, str(found[0]), self.name, self.why, premises(found[1])))


@dataclass(frozen=True)
class DefiniteRule:
    """A rule for operators of these classes."""

    name: str
    classes: tuple[type[Expr], ...]
    find: Callable[[Expr, Knows], Shown | None]
    why: str

    def apply(self, e: Expr, known: Knows) -> Fact | None:
        """The fact by this rule, if it applies."""
        if not isinstance(e, self.classes):
            return None
        found = self.find(e, known)
        return None if found is None else Fact(e, found[0], self.name, self.why, premises(found[1]))
