"""What is wrong with an answer, in the words of the person who gave it.

A table of hypotheses, the cheap and the plain ones first. Each proposes what the answer may be instead, and a
proposal counts where it has the same value at random points of several sizes. The first that fits is the diagnosis;
where none fits, the diagnosis says where the answer differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matcalc.expr import Expr
from matcalc.judging.case import Case, Proposal, shapes_of
from matcalc.judging.hypotheses import (
    conjugated,
    edits_of_the_answer,
    edits_of_the_truth,
    multiples,
    special_cases,
    structured,
    transposed,
    transposed_multiples,
    unnamed_multiples,
)
from matcalc.judging.hypotheses_layout import layouts
from matcalc.judging.hypotheses_shape import mended_shapes, other_shapes
from matcalc.judging.hypotheses_terms import one_term, other_multiples, whole_terms
from matcalc.judging.question import Question
from matcalc.judging.words import array_text
from matcalc.sampling import Point

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What is wrong with an answer.

    Attributes
    ----------
    kind : str
        In a word or two: ``"right"``, ``"transposed"``, ``"sign"``, ``"constant factor"``, ``"only for symmetric"``, ...
    text : str
        In a sentence.
    correct : Expr or None
        The right answer, where there is a formula for it.
    """

    kind: str
    text: str
    correct: Expr | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


Hypothesis = Callable[[Case], Iterator[Proposal]]
FOR_THE_SHAPE: Sequence[Hypothesis] = (
    layouts, transposed, multiples, transposed_multiples, conjugated, structured, whole_terms, edits_of_the_answer,
    special_cases, edits_of_the_truth, one_term, other_multiples, unnamed_multiples,
)  # fmt: skip
FOR_ANOTHER_SHAPE: Sequence[Hypothesis] = (layouts, transposed, transposed_multiples, structured, other_shapes, mended_shapes)


def diagnose(q: Question, claim: Expr, measured: Sequence[tuple[Point, Array]], seed: int = 0) -> Diagnosis:
    """What is wrong with an answer that is known to be wrong, given the truth at some points."""
    case = Case(q, claim, measured, seed)
    fits = q.fits(claim)
    if case.points:
        for hypothesis in FOR_THE_SHAPE if fits else FOR_ANOTHER_SHAPE:
            for proposal in hypothesis(case):
                if proposal.holds():
                    text = proposal.text if isinstance(proposal.text, str) else proposal.text()
                    return Diagnosis(proposal.kind, text, case.truth)
    if not fits:
        return Diagnosis("wrong shape", f"{shapes_of(case)}", case.truth)
    return Diagnosis("differs", _where(case), case.truth)


# ------------------------------------------------------------------ where nothing fits
def _where(case: Case) -> str:
    """Where an answer differs, at the first point."""
    import numpy as np

    if not case.points:
        return "it has no value at the points tried"
    point, have, want = case.points[0], case.have[0], case.want[0]
    if have.shape != want.shape:
        return "it differs from the right answer"
    bad = [np.abs(a - b) > case.tolerance * s for a, b, s in zip(case.have, case.want, case.scales, strict=True)]
    if all(b.ndim == 2 and b.shape[0] == b.shape[1] for b in bad):
        if all(not np.any(b & ~np.eye(len(b), dtype=bool)) for b in bad):
            return "it is right off the diagonal, and wrong on the diagonal"
        if all(not np.any(np.diag(b)) for b in bad):
            return "it is right on the diagonal, and wrong off the diagonal"
    at = np.unravel_index(int(np.argmax(np.abs(have - want))), have.shape)
    sizes = ", ".join(f"{d} = {n}" for d, n in point.size_names.items())
    entry = f" entry ({','.join(str(int(i) + 1) for i in at)})" if at else ""
    given, right = (array_text(x[at] if at else x) for x in (have, want))
    return f"it differs{f': with {sizes},' if sizes else ':'}{entry} is {given} and should be {right} at a random point"
