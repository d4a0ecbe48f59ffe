"""Derivations: steps, each with its rule and a sentence why, that end in the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matcalc.check import CheckReport
from matcalc.derivations.derivation_check import check_steps
from matcalc.derivations.derivation_detail import finer, spelt_out
from matcalc.derivations.derivation_lines import DETAILS, Line, lines_of
from matcalc.derivations.forms import Change
from matcalc.derivations.letters import taken_names
from matcalc.derivations.steps import Step
from matcalc.derivations.variables import written_out
from matcalc.errors import OperandError
from matcalc.expr import Expr, Let, Symbol, hadamard
from matcalc.names import Named, Names, named
from matcalc.node import postorder
from matcalc.ops.reductions import total
from matcalc.ops.unspecified import Unspecified
from matcalc.printing.derivations import Ending, written_latex, written_markdown, written_text
from matcalc.printing.shapes import shape_said
from matcalc.shared_parts import is_nameable


@dataclass
class Derivation:
    """A derivative with its working; the answer is the last line.

    Attributes
    ----------
    result : Expr
    steps : list of Step
    conditions : tuple of str
    layout : str
        What the result is and how it is laid out, in words; ``answer`` says its shape too.
    detail : {"brief", "normal", "full"}
        How much is printed, unless a method is told otherwise.
    shapes : bool
        Whether the shapes are printed too, unless a method is told otherwise.
    """

    function: Expr
    wrt: Symbol
    result: Expr
    steps: list[Step]
    variables: list[Let]
    gradients: dict[Expr, Expr]  # the symbol of each intermediate gradient, with its value
    heading: str
    upstream: Expr | None = None  # the upstream gradient, for a vjp
    conditions: tuple[str, ...] = field(default=())
    besides: tuple[Expr, ...] = ()  # what else the lines are about, such as a tangent
    changes: dict[Expr, Change] = field(default_factory=dict)  # the symbol of each differential, with what it is
    layout: str = ""
    detail: str = "normal"
    shapes: bool = False

    # -------------------------------------------------------------- printing
    def to_text(self, *, detail: str | None = None, shapes: bool | None = None, names: Names = None) -> str:
        """The derivation as plain text, a line for each equality with its reason below it.

        Parameters
        ----------
        detail : {"brief", "normal", "full"}, optional
            One line for each quantity, all lines, or every single contraction and simplification too.
        shapes : bool, optional
            Whether the shapes of what a line is about stand below it.
        names : optional
            As for ``named``: the answer once more below the lines, in the names of its parts.
        """
        return written_text(self.heading, self.lines(detail), self.ending(names), self._shown(shapes))

    def to_latex(self, *, detail: str | None = None, shapes: bool | None = None, names: Names = None) -> str:
        """The derivation as one LaTeX ``aligned`` block: each line with its rule and its number; options as of ``to_text``."""
        return written_latex(self.notation(), self.lines(detail), self.ending(names), self._shown(shapes))

    def to_markdown(self, *, detail: str | None = None, shapes: bool | None = None, names: Names = None) -> str:
        """The derivation as Markdown with LaTeX formulas; options as of ``to_text``."""
        return written_markdown(self.notation(), self.lines(detail), self.ending(names), self._shown(shapes))

    @property
    def answer(self) -> str:
        """What the result is, how it is laid out, and its shape."""
        return f"{self.layout}: {shape_said(self.result)}"

    def ending(self, names: Names = None) -> Ending:
        """What is printed below the lines."""
        short = None if names is None or names is False else self.in_short(names)
        return Ending(self.layout, self.result, self.conditions, short)

    def in_short(self, names: Names = "auto") -> Named:
        """The answer in the variables of the derivation, as far as they stand in it, and other names for shared parts.

        A dict has all the names, and those of the variables are not used.
        """
        if isinstance(names, Mapping):
            return named(self.result, names)
        there = set(postorder([self.result], lambda x: x.operands)) - {self.result}
        taken = taken_names([self.result])
        variables = [v for v in self.variables[:-1] if v.name not in taken]
        meant = dict(zip(spelt_out(*variables), (v.name for v in variables), strict=True))
        mine = named(self.result, {name: e for e, name in meant.items() if e in there and is_nameable(e)})
        return named(mine, names)

    def lines(self, detail: str | None = None) -> list[Line]:
        """The numbered lines, in more or less detail."""
        level = require_detail(self.detail if detail is None else detail)
        steps = self.all_steps() if level == "full" else self.steps
        return lines_of(steps, self.gradients, brief=level == "brief")

    def all_steps(self) -> list[Step]:
        """The steps with every contraction and every simplification by itself."""
        return [s for step in self.steps for s in finer(step, self.gradients)]

    def notation(self) -> list[list[Expr]]:
        """The variables that the lines use, each with what it equals, the function first.

        One that is only ``L(f)`` needs no line; of the function, the form it was given in comes too, where its norms
        are written out.
        """
        found: list[list[Expr]] = []
        for v in reversed(self.variables):
            if not isinstance(v.arg, Unspecified):
                found.append([v, v.arg])
                if v is self.variables[-1] and written_out(self.function) is not self.function:
                    found[-1].insert(1, self.function.arg if isinstance(self.function, Let) else self.function)
        return found

    def _shown(self, shapes: bool | None) -> bool:
        return self.shapes if shapes is None else shapes

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to_latex()}$"

    # -------------------------------------------------------------- the judge
    def check(self, *, trials: int = 2, seed: int = 0, detail: str | None = None) -> CheckReport:
        """Evaluate every line by explicit loops over random numbers and compare it with the line before.

        Parameters
        ----------
        trials, seed : int
        detail : {"brief", "normal", "full"}, optional
            With ``"full"`` the lines that only that detail shows are evaluated too.

        Returns
        -------
        CheckReport
            Its message names the first line that does not hold.
        """
        level = require_detail(self.detail if detail is None else detail)
        steps: Sequence[Step] = self.all_steps() if level == "full" else self.steps
        scalar = self.function if self.upstream is None else hadamard(self.upstream, self.function)
        if not scalar.is_scalar or self.upstream is not None:
            scalar = total(scalar)
        title = f"{self.function} by {self.wrt.name}"
        besides = [self.result, *self.besides]
        return check_steps(steps, scalar, self.wrt, besides, self.gradients, self.changes, title, trials, seed)


def require_detail(detail: object) -> str:
    """How much a derivation prints, as asked for.

    Raises
    ------
    OperandError
        If it is not one of ``"brief"``, ``"normal"`` and ``"full"``.
    """
    if not isinstance(detail, str) or detail not in DETAILS:
        raise OperandError(f"detail is one of {', '.join(DETAILS)}, not {detail!r}")
    return str(detail)
