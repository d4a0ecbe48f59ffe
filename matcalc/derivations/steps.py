"""One equality of a derivation, and what can stand on its two sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeGuard

from matcalc.derivations.forms import Form, Slope
from matcalc.dims import Dim
from matcalc.expr import Expr, Let
from matcalc.index import At, Entry, Map, Plus, Sum, Term, Times
from matcalc.printing.index_terms import IndexNames


@dataclass(frozen=True)
class Partial:
    """The derivative of one entry of ``of`` by one entry of ``wrt``, everything else held fixed."""

    of: Let
    wrt: Expr


@dataclass(frozen=True)
class Chained:
    """``sum_ij (upstream)_ij d of_ij / d wrt_kl``: what ``wrt`` contributes by way of ``of``."""

    of: Let
    upstream: Expr
    wrt: Expr


@dataclass(frozen=True)
class Pushed:
    """What ``of`` changes by, to first order, when each part changes by what stands beside it."""

    of: Let
    changes: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True)
class Arranged:
    """Every entry of one array by every entry of another, arranged as a matrix.

    ``"stacked"`` has ``d vec(F) / d vec(X)'``, columns stacked; ``"transposed"`` its transpose; ``"plain"`` the
    axes of both in turn, where at most two are left.
    """

    form: Expr
    layout: Literal["stacked", "transposed", "plain"]


Side: TypeAlias = Term | Expr | Partial | Chained | Pushed | Arranged | Form | Slope


@dataclass(frozen=True)
class Step:
    """One equality of a derivation.

    Attributes
    ----------
    rule : str
        The name of the rule, in kebab-case.
    why : str
        A sentence that says why the two sides are equal.
    before, after : Side
        The two sides: terms in index notation, or matrix expressions.
    """

    rule: str
    why: str
    before: Side
    after: Side
    label: str  # what the line is about, in LaTeX; a line that goes on with the same quantity has the same label
    plain: str  # the same in text
    free: tuple[tuple[At, ...], tuple[Dim, ...]]  # the free indices of index terms, with their dimensions
    names: IndexNames

    def goes_on(self, previous: Step | None) -> bool:
        """Whether this step goes on from the result of the one before it."""
        return previous is not None and self.before is previous.after


def is_term(side: Side) -> TypeGuard[Term]:
    """Whether a side of a step is in index notation."""
    return not isinstance(side, (Expr, Partial, Chained, Pushed, Arranged, Form, Slope))


def form_of(side: Expr | Arranged) -> Expr:
    """A side in matrix notation, however it is arranged."""
    return side.form if isinstance(side, Arranged) else side


def arrays_of(side: Side) -> list[Expr]:
    """The expressions that a side that can be written is made of, in reading order."""
    match side:
        case Expr() | Arranged():
            return [form_of(side)]
        case Form(pairs):
            return [e for p in pairs for e in (p.left, p.right)]
        case Partial() | Chained() | Pushed() | Slope():
            return []
    found: list[Expr] = []
    stack: list[Term] = [side]
    while stack:
        match stack.pop():
            case Entry(array):
                found.append(array)
            case Sum(_, body):
                stack.append(body)
            case Times(parts) | Plus(parts) | Map(_, parts):
                stack.extend(reversed(parts))
            case _:
                pass
    return found
