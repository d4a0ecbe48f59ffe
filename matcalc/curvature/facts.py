"""Facts about expressions, each with the rule that shows it and the facts that the rule uses: a proof is its last fact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matcalc.expr import Expr
from matcalc.node import postorder
from matcalc.printing import latex

LATEX = {"psd": r"\succeq 0", "pd": r"\succ 0", ">= 0": r"\ge 0", "<= 0": r"\le 0"}  # other claims are typeset as words


TRIVIAL = "number"  # the rule for numbers as they are written


@dataclass(frozen=True, eq=False, repr=False)
class Fact:
    """``subject claim``, such as ``A'*A psd``, by a rule from other facts.

    Attributes
    ----------
    subject : Expr
    claim : str
        ``psd``, ``pd``, ``convex``, ``> 0``, ``in [0, 1)``, ...; of a matrix, signs and intervals are those of every entry.
    rule : str
        The name of the rule, in kebab-case.
    why : str
        A sentence that says why it holds.
    premises : tuple of Fact
        What the rule uses.
    """

    subject: Expr
    claim: str
    rule: str
    why: str
    premises: tuple[Fact, ...] = ()

    def __str__(self) -> str:
        return f"{self.subject} {self.claim}" if self.claim[0] in "<>=" else f"{self.subject} is {self.claim}"

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to_latex()}$"

    def to_latex(self) -> str:
        """The fact as LaTeX."""
        return f"{latex(self.subject)} {claim_latex(self.claim)}"

    @property
    def steps(self) -> tuple[Step, ...]:
        """The whole proof, premises first; the last step is this fact."""
        return numbered([self])


def premises(facts: Iterable[Fact | None]) -> tuple[Fact, ...]:
    """The facts that a proof shows: that a number is itself needs no line."""
    return tuple(f for f in facts if f is not None and f.rule != TRIVIAL)


@dataclass(frozen=True)
class Step:
    """One line of a certificate.

    Attributes
    ----------
    number : int
        From 1; later lines refer to it.
    rule, why : str
        The rule's name in kebab-case, and a sentence.
    fact : str
        What is shown, in matrix notation.
    uses : tuple of int
        The numbers of the lines that the rule uses.
    """

    number: int
    rule: str
    why: str
    fact: str
    uses: tuple[int, ...]
    latex: str

    def __str__(self) -> str:
        return f"({self.number}) {self.fact}\n      {self.rule}{self.reference}: {self.why}"

    @property
    def reference(self) -> str:
        """The lines used, as in `` of (1), (2)``."""
        return f" by {', '.join(f'({n})' for n in self.uses)}" if self.uses else ""


def numbered(goals: Sequence[Fact]) -> tuple[Step, ...]:
    """The proofs of some facts as numbered lines; what is used twice is shown once."""
    places: dict[tuple[Expr, str], int] = {}
    out: list[Step] = []
    for fact in postorder(goals, lambda f: f.premises):
        key = (fact.subject, fact.claim)
        if key in places:
            continue
        uses = tuple(dict.fromkeys(places[p.subject, p.claim] for p in fact.premises))
        places[key] = len(out) + 1
        out.append(Step(len(out) + 1, fact.rule, fact.why, str(fact), uses, fact.to_latex()))
    return tuple(out)


def claim_latex(claim: str) -> str:
    """A claim as LaTeX writes it behind its subject."""
    if claim in LATEX:
        return LATEX[claim]
    if claim[0] in "<>=":
        return claim.replace(">=", r"\ge").replace("<=", r"\le")
    if claim.startswith("in "):
        return r"\in " + claim[3:]
    return rf"\quad\text{{is {claim}}}"
