"""What a wrong answer of the right shape may be: transposed, a multiple, a slip, right in a special case only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from typing import TYPE_CHECKING, Any

from matcalc.errors import MatcalcError
from matcalc.expand import terms_of
from matcalc.expr import ONE, Expr, Quotient, Symbol, hadamard, rational, transpose
from matcalc.judging.case import CLOSE, Case, Proposal, all_close, close, common_values, largest, shapes_of
from matcalc.judging.edits import edits
from matcalc.judging.factors import constant, ratio
from matcalc.judging.points import symbols_of
from matcalc.judging.question import STRUCTURED_KINDS
from matcalc.ops.stacking import Vech
from matcalc.sampling import Point
from matcalc.structure import HALF, both_triangles

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FACTS = ("symmetric", "diagonal", "orthogonal", "skew", "lower_triangular", "unit")
MANY_TERMS = 24


def transposed(case: Case) -> Iterator[Proposal]:
    """The transpose of the right answer, or a multiple of it."""
    if case.claim.axes is not None or case.claim.is_scalar:
        return
    turned = case.values(transpose(case.claim))
    if turned is None:
        return
    shapes = "" if case.q.fits(case.claim) else f": {shapes_of(case)}"
    yield Proposal("transposed", f"it is the transpose of the right answer{shapes}", lambda: case_equal(case, turned))


def transposed_multiples(case: Case) -> Iterator[Proposal]:
    """A number times the transpose of the right answer."""
    if case.claim.axes is not None or case.claim.is_scalar:
        return
    turned = case.values(transpose(case.claim))
    found = case.factor(turned, case.want) if turned is not None else None
    if found is not None:
        text = f"it is the transpose of the right answer: {shapes_of(case)}; and it is {times_words(found)}"
        yield Proposal("transposed", text, lambda: True)


def case_equal(case: Case, values: Sequence[Array]) -> bool:
    """Whether values are those of the right answer."""
    return all_close(values, case.want, case.tolerance)


def multiples(case: Case) -> Iterator[Proposal]:
    """A number times the right answer."""
    found = case.factor(case.have, case.want)
    if found is not None:
        kind = "sign" if rational(found) == -1 else "constant factor"
        yield Proposal(kind, f"it is {times_words(found)}", lambda: True)


def times_words(factor: Expr) -> str:
    """How an answer with a factor is put right."""
    value = rational(factor)
    if value == -1:
        return "the right answer with the other sign"
    if value is not None and abs(value) < 1:
        return f"the right answer times {factor}: multiply it by {1 / value}"
    if isinstance(factor, Quotient) and factor.above is ONE:
        return f"the right answer times {factor}: multiply it by {factor.below}"
    return f"the right answer times {factor}: divide it by {factor}"


def structured(case: Case) -> Iterator[Proposal]:
    """A gradient in another sense by a variable that is declared symmetric, diagonal, ..., or that would be."""
    q = case.q
    if q.kind not in STRUCTURED_KINDS or case.truth is None:
        return
    facts = " and ".join(q.w.facts)
    for structure in ("projected", "independent") if facts else ():
        with suppress(MatcalcError):
            other = q.truth(structure)
            text = (
                f"it is the {structure} {q.noun} by {q.w.name}, which is {facts}; judged was the ambient one, for which every "
                f"entry counts as free (structure={structure!r} asks for yours)"
            )
            if other is not case.truth:
                yield _same_as(case, other, "structured", text)
            if q.kind == "grad" and q.w.is_square and structure == "independent":
                text = f"it holds the entries on and below the diagonal of the independent gradient by {q.w.name}"
                yield _same_as(case, Vech(other), "structured", text)
    if q.kind == "grad" and q.w.is_square and not q.w.is_scalar and not q.w.has("symmetric"):
        free = case.truth
        for other, which in ((both_triangles(free, q.w), "independent"), (_middle(free), "projected")):
            text = (
                f"it is the {which} gradient by a symmetric {q.w.name}, but {q.w.name} is not declared symmetric; judged was "
                "the one for which every entry counts as free"
            )
            yield _where_facts(case, {q.w.name: ("symmetric",)}, other, "structured", text)


def _middle(g: Expr) -> Expr:
    return hadamard(HALF, g + transpose(g))


def _same_as(case: Case, e: Expr, kind: str, text: str) -> Proposal:
    return Proposal(kind, text, lambda: case.matches(e, case.have))


def edits_of_the_answer(case: Case) -> Iterator[Proposal]:
    """One slip in the answer, that an edit mends."""
    for edit, mended in edits(case.claim):
        if len(mended.shape) == len(case.q.shape) or len(case.q.shape) > 2:
            yield Proposal(*edit.mends, lambda mended=mended: case.matches(mended, case.want))  # type: ignore[misc]


def edits_of_the_truth(case: Case) -> Iterator[Proposal]:
    """One slip on the way to the right answer, that leads to this one."""
    for truth in [] if case.truth is None else _forms(case.truth):
        for edit, spoiled in edits(truth):
            yield Proposal(*edit.slips, lambda spoiled=spoiled: case.matches(spoiled, case.have))  # type: ignore[misc]


def _forms(truth: Expr) -> list[Expr]:
    """The right answer as it is, and multiplied out."""
    forms = [truth]
    with suppress(MatcalcError):
        terms = terms_of(truth, MANY_TERMS, inside=False)
        if len(terms) > 1:
            total = terms[0]
            for t in terms[1:]:
                total = total + t
            forms.append(total)
    return list(dict.fromkeys(forms))


def special_cases(case: Case) -> Iterator[Proposal]:
    """Right where a matrix has an attribute, where two commute, or where two dimensions are equal."""
    if case.truth is None:
        return
    symbols = symbols_of([case.truth, case.claim])
    square = [s for s in symbols if s.is_square and not s.is_scalar and s.axes is None]
    for s in symbols:
        for fact in FACTS if s in square else ("unit",) if s.ndim == 1 else ():
            if s.has(fact) or (s.is_complex and fact in ("orthogonal", "symmetric")):
                continue
            name = fact.replace("_", " ")
            text = f"it is right only where {s.name} {'has norm one' if fact == 'unit' else f'is {name}'}"
            yield _where_facts(case, {s.name: (fact,)}, case.truth, f"only for {name}", text)
    general = [s for s in square if not s.has("symmetric")]
    if len(general) > 1:
        *first, last = (s.name for s in general)
        names = f"{', '.join(first)} and {last}"
        facts = {s.name: ("symmetric",) for s in general}
        yield _where_facts(case, facts, case.truth, "only for symmetric", f"it is right only where {names} are symmetric")
    for a, b in combinations(square, 2):
        if str(a.rows) == str(b.rows):
            yield Proposal(
                "commuting", f"it is right only where {a.name} and {b.name} commute: the order of the factors matters",
                _holds_commuting(case, a, b),
            )  # fmt: skip
    dims = sorted({d.name for p in case.points for d in p.sizes})
    for one, other in combinations(dims, 2):
        yield Proposal(
            "only for equal sizes", f"it is right only where {one} = {other}",
            _holds_where(case, case.truth, among={one: (one, other), other: (one, other)}),
        )  # fmt: skip


def _where_facts(case: Case, facts: Mapping[str, tuple[str, ...]], other: Expr, kind: str, text: str) -> Proposal:
    """The proposal that the answer is ``other`` wherever symbols have these facts."""
    return Proposal(kind, text, _holds_where(case, other, facts=facts))


def _holds_where(case: Case, other: Expr, **how: Any) -> Callable[[], bool]:
    def holds() -> bool:
        roots = [*case.q.roots, other, case.claim]
        _, (want, have) = common_values(case.beside(other), roots, case.seed + 1, 4, **how)
        return len(want) > 2 and all_close(have, want, CLOSE) and any(largest(a) > 0 for a in want)

    return holds


def _holds_commuting(case: Case, a: Symbol, b: Symbol) -> Callable[[], bool]:
    """The test that the answer is right where two matrices commute: both polynomials in a third."""

    def holds() -> bool:
        assert case.truth is not None
        evaluate = case.beside(case.truth)
        checked = 0
        for point in case.points:
            m = point.values[a.name]
            turned = Point(point.sizes, {**point.values, b.name: m @ m / 2 - m}, point.functions, point.seed)
            found = evaluate(turned)
            if found is not None:
                checked += 1
                if not close(found[1], found[0], CLOSE):
                    return False
        return checked > 2

    return holds


def unnamed_multiples(case: Case) -> Iterator[Proposal]:
    """A number times the right answer that has no short name."""
    numbers = ratio(case.have, case.want, case.tolerance)
    if numbers is not None:
        c = constant(numbers)
        words = f"{c:.6g}" if c is not None else f"a number that varies ({', '.join(f'{r:.4g}' for r in numbers[:3])}, ...)"
        yield Proposal("constant factor", f"it is the right answer times {words}", lambda: True)


def conjugated(case: Case) -> Iterator[Proposal]:
    """The complex conjugate of the right answer."""
    if case.claim.is_complex:
        values = [a.conj() for a in case.have]
        yield Proposal("conjugated", "it is the complex conjugate of the right answer", lambda: case_equal(case, values))
