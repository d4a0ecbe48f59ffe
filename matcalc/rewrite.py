"""Rules as data: a pattern, what it becomes, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matcalc.dims import Shape
from matcalc.expr import Expr, Symbol, substitute


@dataclass(frozen=True, eq=False, repr=False)
class Wild(Symbol):
    """A placeholder in a pattern: it matches any expression of its kind (scalar, or not)."""


def wild(name: str, shape: Shape) -> Wild:
    """A placeholder of this shape; only whether it is a scalar matters for a match."""
    return Wild(name, shape, ())


@dataclass(frozen=True)
class Rule:
    """``left`` becomes ``right``: a pattern over the same placeholders, or a function that may answer None."""

    name: str
    left: Expr
    right: Expr | Callable[[dict[Expr, Expr]], Expr | None]
    why: str

    def apply(self, e: Expr) -> Expr | None:
        """What ``e`` becomes by this rule, or None where it does not apply."""
        found = match(self.left, e)
        if found is None:
            return None
        return substitute(self.right, found) if isinstance(self.right, Expr) else self.right(found)


def match(pattern: Expr, e: Expr) -> dict[Expr, Expr] | None:
    """What the placeholders stand for where ``e`` has the form of ``pattern``; patterns are shallow."""
    found: dict[Expr, Expr] = {}
    todo = [(pattern, e)]
    while todo:
        p, x = todo.pop()
        if isinstance(p, Wild):
            if p.is_scalar != x.is_scalar or found.setdefault(p, x) is not x:
                return None
        elif p is x:
            continue
        elif type(p) is not type(x) or len(p.operands) != len(x.operands) or not p.operands:
            return None
        else:
            own = [(a, b) for a, b in zip(p.parts, x.parts, strict=True) if not isinstance(a, (Expr, tuple))]
            if any(a != b for a, b in own):
                return None
            todo.extend(zip(p.operands, x.operands, strict=True))
    return found


def first_match(e: Expr, rules: Sequence[Rule]) -> tuple[Rule, Expr] | None:
    """The first rule that applies to ``e``, and what it makes of it."""
    for rule in rules:
        after = rule.apply(e)
        if after is not None and after is not e:
            return rule, after
    return None
