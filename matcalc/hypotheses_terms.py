"""What a wrong sum may be: one with a term missing, a term too many, or a term with another sign or factor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from typing import TYPE_CHECKING, Any

from matcalc.case import Case, Proposal, all_close
from matcalc.errors import LimitError, MatcalcError
from matcalc.expand import terms_of
from matcalc.expr import Add, Expr, brief, negate, rational, transpose
from matcalc.hypotheses import MANY_TERMS

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def whole_terms(case: Case) -> Iterator[Proposal]:
    """A term missing, too many, or with another factor, in the sum as it stands or multiplied out."""
    gap = case.difference
    if gap is None:
        return
    ours = terms_in([case.truth]) if case.truth is not None else []
    for t in ours:
        r, values = _part(case, gap, t)
        if r is None or values is None:
            continue
        value = rational(r)
        if value == -1:
            yield Proposal("missing term", f"the term {brief(t)} is missing", lambda: True)
        elif value == -2:
            yield Proposal("sign of one term", f"the sign of the term {brief(t)} is wrong", lambda: True)
        else:
            c = _plus_one(case, gap, values)
            words = f": it has {c} times that" if c is not None else ""
            yield Proposal("factor of one term", f"the term {brief(t)} has the wrong factor{words}", lambda: True)
    for t in terms_in([case.claim]):
        r, _ = _part(case, gap, t)
        if r is None:
            continue
        value = rational(r)
        if value == 1:
            yield Proposal("extra term", f"the term {brief(t)} should not be there", lambda: True)
        elif value == 2:
            yield Proposal("sign of one term", f"the sign of the term {brief(t)} is wrong", lambda: True)
        elif value is not None:
            text = f"the term {brief(t)} has the wrong factor: multiply it by {1 - value}"
            yield Proposal("factor of one term", text, lambda: True)
    for t in ours:
        if t.is_square and not t.is_scalar:
            text = f"the term {brief(t)} is transposed"
            yield Proposal("missing transpose inside", text, _is_gap(case, gap, [transpose(t), negate(t)]))
    for several in (c for n in (2, 3) for c in combinations(ours[:8], n)):
        words = " and ".join(brief(t) for t in several)
        yield Proposal("missing term", f"the terms {words} are missing", _is_gap(case, gap, [negate(t) for t in several]))


def _part(case: Case, gap: Sequence[Array], t: Expr) -> tuple[Expr | None, list[Array] | None]:
    """The difference as a multiple of a term, and the values of the term."""
    values = case.values(t)
    return (None, None) if values is None else (case.factor(gap, values), values)


def _plus_one(case: Case, gap: Sequence[Array], values: Sequence[Array]) -> Expr | None:
    """What the answer has of a term, as a multiple of it."""
    return case.factor([a + b for a, b in zip(gap, values, strict=True)], values)


def _is_gap(case: Case, gap: Sequence[Array], parts: Sequence[Expr]) -> Callable[[], bool]:
    """The test that the difference is a sum of these."""

    def holds() -> bool:
        found = [case.values(p) for p in parts]
        if any(f is None for f in found):
            return False
        total = [sum(arrays) for arrays in zip(*(f for f in found if f is not None), strict=True)]
        return all_close([a for a in total if hasattr(a, "shape")], gap, case.tolerance)

    return holds


def terms_in(exprs: Sequence[Expr]) -> list[Expr]:
    """The terms of sums: as they are written, and multiplied out."""
    found: dict[Expr, None] = {}
    for e in exprs:
        found.update(dict.fromkeys(_written(e)))
        with suppress(LimitError, MatcalcError):
            found.update(dict.fromkeys(terms_of(e, MANY_TERMS, inside=False)))
    return list(found)[: 2 * MANY_TERMS]


def _written(e: Expr) -> list[Expr]:
    """The terms of a sum, also of one with a scalar in front."""
    inner = next((c for c in e.operands if isinstance(c, Add)), None)
    if isinstance(e, Add):
        return list(e.args)
    if inner is not None:
        k = e.operands.index(inner)
        return [e.rebuild([t if j == k else c for j, c in enumerate(e.operands)]) for t in inner.args]
    return [e]
