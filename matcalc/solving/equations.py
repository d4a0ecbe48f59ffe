"""Equations between expressions, the steps by which they are solved, and what stops that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Number,
    Product,
    Quotient,
    Symbol,
    add,
    brief,
    broadcast_add,
    coefficient,
    hadamard,
    is_negative,
    negate,
    quotient,
    substitute,
)
from matcalc.ops.structure import Zeros, zeros
from matcalc.printing import latex, text
from matcalc.simplify import simplify_all


class Unsolved(Exception):  # noqa: N818 - the reason why one way is not open; another may be
    """An equation that is not solved here, with the reason."""


class NotLinear(Unsolved):
    """An equation in which the unknown stands where no way here reaches it."""


@dataclass(frozen=True)
class Equation:
    """``left = right``, two expressions of one shape.

    Attributes
    ----------
    left, right : Expr
    """

    left: Expr
    right: Expr

    def __str__(self) -> str:
        return f"{text(self.left)} = {'0' if isinstance(self.right, Zeros) else text(self.right)}"

    __repr__ = __str__

    def to_latex(self, equals: str = "=") -> str:
        """The equation in LaTeX."""
        return f"{latex(self.left)} {equals} {'0' if isinstance(self.right, Zeros) else latex(self.right)}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to_latex()}$"

    def with_values(self, values: dict[Expr, Expr]) -> Equation:
        """The equation with symbols replaced."""
        return Equation(substitute(self.left, values), substitute(self.right, values))


@dataclass(frozen=True)
class EquationStep:
    """One step from an equation to the next.

    Attributes
    ----------
    rule : str
        The name of the rule, in kebab-case.
    why : str
        A sentence that says why the second equation holds where the first does.
    before, after : Equation
    """

    rule: str
    why: str
    before: Equation
    after: Equation


class Working:
    """The steps taken so far, and the conditions under which they hold; a way that leads nowhere is taken back."""

    def __init__(self) -> None:
        self.steps: list[EquationStep] = []
        self.conditions: list[str] = []
        self.not_negative: list[Expr] = []  # what must not be negative, which no operator of the solution says
        self.eliminated: list[tuple[Symbol, Expr, bool]] = []  # unknowns by those after them; whether by their own equation

    def step(self, rule: str, why: str, before: Equation, after: Equation) -> None:
        """Note a step, if it changes anything."""
        if before != after and not (self.steps and self.steps[-1].after == after):
            self.steps.append(EquationStep(rule, why, before, after))

    def assume(self, *conditions: str) -> None:
        """Note conditions."""
        self.conditions.extend(c for c in conditions if c not in self.conditions)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Forget what was noted inside if it ends in ``Unsolved``."""
        lists: tuple[list[Any], ...] = (self.steps, self.conditions, self.not_negative, self.eliminated)
        lengths = [len(noted) for noted in lists]
        try:
            yield
        except Unsolved:
            for noted, length in zip(lists, lengths, strict=True):
                del noted[length:]
            raise

    @contextmanager
    def standing_for(self, values: dict[Expr, Expr]) -> Iterator[None]:
        """Show placeholders in the steps noted inside as what they stand for."""
        steps = len(self.steps)
        yield
        self.steps[steps:] = [
            EquationStep(s.rule, s.why, s.before.with_values(values), s.after.with_values(values)) for s in self.steps[steps:]
        ]


def simplified(e: Expr) -> Expr:
    """The simplified form of one expression, or the expression where that is shorter."""
    (found,) = simplify_all([e])
    return e if e.cost < found.cost else found


def depends(e: Expr, x: Symbol) -> bool:
    """Whether ``x`` stands in ``e``."""
    return x in e.symbols


def equals_zero(e: Expr) -> Equation:
    """``e = 0``."""
    return Equation(e, zeros(e.rows, e.cols))


def apart(e: Expr) -> tuple[list[Expr], Expr, list[Expr]]:
    """An array as scalar factors, the rest, and scalar divisors; of a scalar the rest is itself."""
    if e.is_scalar:
        return [], e, []
    if isinstance(e, Quotient) and e.below.is_scalar:
        above, body, below = apart(e.above)
        return above, body, [*below, e.below]
    if isinstance(e, Hadamard):
        above = [a for a in e.args if a.is_scalar]
        return above, hadamard(*(a for a in e.args if not a.is_scalar)), []
    return [], e, []


def over(e: Expr, above: Sequence[Expr], below: Sequence[Expr]) -> Expr:
    """``e`` times scalars, divided by scalars."""
    scaled = hadamard(*above, e)
    return quotient(scaled, hadamard(*below)) if below else scaled


def minus(a: Expr, b: Expr) -> Expr:
    """``a - b``."""
    return add(a, negate(b))


def stands_inside(x: Symbol, e: Expr) -> str:
    """The sentence that says where an unknown stands."""
    return f"{x.name} stands inside {brief(e)}"


def without_minus(e: Expr) -> Expr:
    """``(b - a)*x`` for ``-(a - b)*x``."""
    number, body = coefficient(e)
    if number >= 0:
        return e
    turned = _turned(body)
    return e if turned is None else hadamard(Number(-number), turned)


def _turned(e: Expr) -> Expr | None:
    """``-e`` with the minus sign inside a difference; None where there is none."""
    match e:
        case Add(args) if any(map(is_negative, args)):
            return add(*sorted(map(negate, args), key=is_negative))
        case BroadcastAdd(left, right) if is_negative(left) or is_negative(right):
            return broadcast_add(*sorted((negate(left), negate(right)), key=is_negative))
        case Quotient(above, below):
            turned = _turned(above)
            return None if turned is None else quotient(turned, below)
        case Product(args) | Hadamard(args):
            for k, a in enumerate(args):
                turned = _turned(a)
                if turned is not None:
                    return e.rebuild([*args[:k], turned, *args[k + 1 :]])
    return None
