"""The result of asking whether a function is convex: a verdict with its certificate."""

from __future__ import annotations

from dataclasses import dataclass, field

from matcalc.check import CheckReport, Trial
from matcalc.curvature.bends import AFFINE, CONVEX
from matcalc.curvature.facts import Step
from matcalc.curvature.segments import Segment, breaks, segments
from matcalc.errors import OperandError
from matcalc.expr import Expr, Symbol, brief
from matcalc.printing import latex

UNKNOWN = "unknown"


@dataclass(frozen=True, repr=False)
class Convexity:
    """Whether a function is convex on its domain, and why.

    Attributes
    ----------
    verdict : {"convex", "concave", "affine", "unknown"}
    strict : bool
        Whether it is proved to be strictly so: no segment on which the function is affine.
    steps : tuple of Step
        The certificate: each step has ``.number``, ``.rule``, ``.why``, ``.fact`` and ``.uses``, the lines it refers to.
    conditions : tuple of str
        The domain: what is declared of the variables, and what the function needs to have a value.
    why : str
        For ``unknown``: what could not be shown.
    function : Expr
    wrt : tuple of Symbol
    witness : tuple of Segment
        For ``unknown``: segments that show that the function is not convex, or not concave, for some values of the others.
    """

    verdict: str
    strict: bool
    steps: tuple[Step, ...]
    conditions: tuple[str, ...]
    why: str
    function: Expr
    wrt: tuple[Symbol, ...]
    witness: tuple[Segment, ...] = field(default=(), compare=False)

    @property
    def headline(self) -> str:
        """The verdict as one line."""
        names = ", ".join(w.name for w in self.wrt)
        if self.verdict == UNKNOWN:
            return f"{self.function}, by {names}: unknown"
        return f"{self.function} is {'strictly ' if self.strict else ''}{self.verdict} in {names}"

    def __str__(self) -> str:
        out = [self.headline, *map(str, self.steps)]
        if self.why:
            out.append(self.why)
        if self.conditions:
            out.append(f"for {'; '.join(self.conditions)}")
        return "\n".join(out)

    __repr__ = __str__

    def to_text(self) -> str:
        """The certificate as plain text."""
        return str(self)

    def to_latex(self) -> str:
        """The certificate as one LaTeX ``aligned`` block, the rule beside each line."""
        names = ", ".join(latex(w) for w in self.wrt)
        verdict = "strictly " * self.strict + self.verdict
        if self.verdict == UNKNOWN:
            return rf"\begin{{aligned}}{chr(10)}&{latex(self.function)} && \text{{not decided}}{chr(10)}\end{{aligned}}"
        rows = [rf"&({s.number})\quad {s.latex} && \text{{{s.rule.replace('-', ' ')}{s.reference}}}" for s in self.steps]
        rows.append(rf"&{latex(self.function)} \quad\text{{is {verdict} in }} {names} &&")
        if self.conditions:
            rows.append(rf"& && \text{{for {'; '.join(map(_in_text, self.conditions))}}}")
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def to_markdown(self) -> str:
        """The certificate as a numbered Markdown list with LaTeX formulas."""
        names = ", ".join(f"${latex(w)}$" for w in self.wrt)
        found = "unknown" if self.verdict == UNKNOWN else f"**{'strictly ' if self.strict else ''}{self.verdict}**"
        out = [f"${latex(self.function)}$ by {names}: {found}.\n"]
        out += [f"{s.number}. ${s.latex}$  \n   *{s.rule}*{s.reference}: {s.why}." for s in self.steps]
        if self.why:
            out.append(f"{self.why}.")
        if self.conditions:
            out.append(f"\nFor {'; '.join(self.conditions)}.")
        return "\n".join(out)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to_latex()}$"

    def check(self, trials: int = 20, seed: int = 0) -> CheckReport:
        """Compare the function with its chords on random segments of the domain, at random sizes.

        Parameters
        ----------
        trials : int
            The number of segments.
        seed : int

        Returns
        -------
        CheckReport
            Its error is the largest distance on the wrong side of a chord, relative to the values; its message names a segment
            that breaks the verdict.

        Raises
        ------
        OperandError
            If there is no verdict to check, or ``trials`` is not a positive int.
        """
        if self.verdict == UNKNOWN:
            raise OperandError("there is no verdict to check: convexity is unknown")
        if not isinstance(trials, int) or trials < 1:
            raise OperandError(f"trials is a positive int, not {trials!r}")
        found, broken = [], ""
        for s in segments(self.function, self.wrt, trials, seed):
            wrong = breaks(s, self.verdict)
            found.append(Trial(s.sizes, s.seed, _error(s, self.verdict)))
            if wrong and not broken:
                broken = f"{self.function} is not {self.verdict} on a segment at {s}"
        if not found:
            return CheckReport(False, float("inf"), [], f"no segment was found on which {brief(self.function)} has values")
        return CheckReport(not broken, max(t.error for t in found), found, broken)


def _error(s: Segment, verdict: str) -> float:
    height = s.height
    if height != height:
        return float("inf")
    return max(0.0, -height if verdict == CONVEX else height) if verdict != AFFINE else abs(height)


def _in_text(condition: str) -> str:
    """A condition as LaTeX has it in running text."""
    return "".join({"_": r"\_", "^": r"\^{}", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$"}.get(c, c) for c in condition)
