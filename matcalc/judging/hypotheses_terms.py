"""What a wrong sum may be: one with a term missing, a term too many, or a term with another sign or factor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from typing import TYPE_CHECKING, Any

from matcalc.errors import MatcalcError
from matcalc.expand import terms_of
from matcalc.expr import ZERO, Add, Expr, brief, negate, rational, transpose
from matcalc.judging.case import CLOSE, Case, Proposal, all_close
from matcalc.judging.factors import plain
from matcalc.judging.hypotheses import MANY_TERMS

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_PAIRED = 8  # terms of either answer that are tried in each other's place


def whole_terms(case: Case) -> Iterator[Proposal]:
    """A term missing, too many, or with another factor, in the sum as it stands or multiplied out."""
    gap = case.difference
    if gap is None:
        return
    seen: set[Expr] = set()
    for forms in (_written, _multiplied_out):
        ours, theirs = (
            [t for t in forms(e) if t not in seen] for e in (case.claim if case.truth is None else case.truth, case.claim)
        )
        seen |= {*ours, *theirs}
        if case.truth is not None:
            yield from terms_of_the_truth(case, gap, ours)
        yield from terms_of_the_answer(case, gap, theirs)
    if case.truth is not None:
        yield from several_terms(case, gap, list(dict.fromkeys([*_written(case.truth), *_multiplied_out(case.truth)])))


def terms_of_the_truth(case: Case, gap: Sequence[Array], terms: Sequence[Expr]) -> Iterator[Proposal]:
    """A term of the right answer that is missing, or there with another factor."""
    for t in terms:
        r, values = _part(case, gap, t)
        if r is None or values is None:
            continue
        value = rational(r)
        if value == -1:
            yield Proposal("missing term", f"the term {brief(t)} is missing", lambda: True)
        elif value == -2:
            yield Proposal("sign of one term", f"the sign of the term {brief(t)} is wrong", lambda: True)
        else:
            c = case.factor([a + b for a, b in zip(gap, values, strict=True)], values)
            words = f": it has {c} times that" if c is not None else ""
            yield Proposal("factor of one term", f"the term {brief(t)} has the wrong factor{words}", lambda: True)


def terms_of_the_answer(case: Case, gap: Sequence[Array], terms: Sequence[Expr]) -> Iterator[Proposal]:
    """A term of the answer that should not be there, or has another factor."""
    for t in terms:
        r, _ = _part(case, gap, t)
        value = None if r is None else rational(r)
        if value == 1:
            yield Proposal("extra term", f"the term {brief(t)} should not be there", lambda: True)
        elif value == 2:
            yield Proposal("sign of one term", f"the sign of the term {brief(t)} is wrong", lambda: True)
        elif value is not None:
            text = f"the term {brief(t)} has the wrong factor: multiply it by {1 - value}"
            yield Proposal("factor of one term", text, lambda: True)


def several_terms(case: Case, gap: Sequence[Array], ours: Sequence[Expr]) -> Iterator[Proposal]:
    """A term transposed, or two or three missing."""
    for t in ours:
        if t.is_square and not t.is_scalar:
            text = f"the term {brief(t)} is transposed"
            yield Proposal("missing transpose inside", text, _is_gap(case, gap, [transpose(t), negate(t)]))
    for several in (c for n in (2, 3) for c in combinations(ours[:8], n)):
        words = " and ".join(brief(t) for t in several)
        yield Proposal("missing term", f"the terms {words} are missing", _is_gap(case, gap, [negate(t) for t in several]))


def one_term(case: Case) -> Iterator[Proposal]:
    """One term of the answer where another one belongs."""
    gap = case.difference
    if gap is None or case.truth is None:
        return
    for forms in (_written, _multiplied_out):
        ours, theirs = forms(case.truth)[:MOST_PAIRED], forms(case.claim)[:MOST_PAIRED]
        if len(ours) > 1 and len(theirs) > 1:
            for t in theirs:
                for right in ours:
                    text = f"the term {brief(t)} should be {brief(right)}"
                    yield Proposal("one term", text, _is_gap(case, gap, [t, negate(right)]))


def other_multiples(case: Case) -> Iterator[Proposal]:
    """The terms of the right answer, multiplied out, each with another number in front."""
    terms = [] if case.truth is None else _multiplied_out(case.truth)[:MOST_PAIRED]
    found = [case.values(t) for t in terms]
    if len(terms) < 2 or case.difference is None or any(f is None for f in found):
        return
    numbers = _mixture([f for f in found if f is not None], case.have)
    named = [plain(c) if c else ZERO for c in numbers]
    if not numbers or any(c is None for c in named):
        return
    wrong = [(t, c) for t, c in zip(terms, named, strict=True) if c is not None and rational(c) != 1]
    words = ", and ".join(f"{c} times {brief(t)}" for t, c in wrong)
    yield Proposal("several terms", f"it has {words}, where the right answer has each once", lambda: bool(wrong))


def _mixture(terms: Sequence[Sequence[Array]], whole: Sequence[Array]) -> list[float]:
    """The numbers by which terms add up to a whole at all points alike; none where they do not, or other ones would too."""
    import numpy as np

    if any(a.shape != b.shape for t in terms for a, b in zip(t, whole, strict=True)):
        return []
    matrix = np.stack([np.concatenate([a.ravel() for a in t]) for t in terms], axis=1)
    goal = np.concatenate([a.ravel() for a in whole])
    numbers, _, rank, _ = np.linalg.lstsq(matrix, goal, rcond=1e-9)
    exact = np.max(np.abs(matrix @ numbers - goal)) <= CLOSE * np.max(np.abs(goal))
    if rank < len(terms) or not exact or np.iscomplexobj(numbers):
        return []
    return [float(c) if abs(c) > CLOSE else 0.0 for c in numbers]


def _part(case: Case, gap: Sequence[Array], t: Expr) -> tuple[Expr | None, list[Array] | None]:
    """The difference as a multiple of a term, and the values of the term."""
    values = case.values(t)
    return (None, None) if values is None else (case.factor(gap, values), values)


def _is_gap(case: Case, gap: Sequence[Array], parts: Sequence[Expr]) -> Callable[[], bool]:
    """The test that the difference is a sum of these."""

    def holds() -> bool:
        found = [case.values(p) for p in parts]
        if any(f is None for f in found):
            return False
        total = [sum(arrays) for arrays in zip(*(f for f in found if f is not None), strict=True)]
        return all_close([a for a in total if hasattr(a, "shape")], gap, case.tolerance)

    return holds


def _written(e: Expr) -> list[Expr]:
    """The terms of a sum, also of one with a scalar in front."""
    inner = next((c for c in e.operands if isinstance(c, Add)), None)
    if isinstance(e, Add):
        return list(e.args)
    if inner is not None:
        k = e.operands.index(inner)
        return [e.rebuild([t if j == k else c for j, c in enumerate(e.operands)]) for t in inner.args]
    return [e]


def _multiplied_out(e: Expr) -> list[Expr]:
    """The terms of an expression multiplied out, unless they are many."""
    with suppress(MatcalcError):
        return terms_of(e, MANY_TERMS, inside=False)
    return []
