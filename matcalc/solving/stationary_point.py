"""A stationary point with its working: printed line by line, and judged by numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from matcalc.check import CheckReport, Trial, report
from matcalc.emit import compile_plainly
from matcalc.errors import OperandError
from matcalc.expr import Expr, Symbol, add, transpose
from matcalc.node import postorder
from matcalc.ops.linalg import Sylvester
from matcalc.ops.structure import Kron, eye
from matcalc.printing import latex, text
from matcalc.sampling import (
    ATTEMPTS,
    INVERTING,
    SIZES,
    Point,
    draw_point,
    draw_symbol,
    gradient_by_differences,
    is_regular,
    is_steady,
    require_seed,
    size_of,
)
from matcalc.solving.equations import Equation, EquationStep

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

VERDICTS = ("minimum", "maximum", "saddle", "unknown")
STEPS = (1, -1, 0.1, -0.1)  # along a random direction, until one is in the domain
NEARBY = 0.1  # how far from the solution the gradient is looked at, to know how large it is


@dataclass(frozen=True, eq=False)
class Stationary:
    """A stationary point in closed form.

    Attributes
    ----------
    solution : Expr, or dict
        The unknown where the gradient is zero; a dict by name for several unknowns.
    multipliers : dict
        The multiplier of each constraint, by its name: the function plus ``sum(multiplier .* constraint)`` is stationary.
    conditions : tuple of str
        What the solution assumes, such as ``X'*X invertible``.
    verdict : {"minimum", "maximum", "saddle", "unknown"}
    why : str
        The reason for the verdict; it says whether a minimum is global.
    equation : Equation, or dict
        The gradient set to zero; a dict by name for several unknowns.
    steps : tuple of EquationStep
        Each with ``.rule``, ``.why``, ``.before`` and ``.after``.
    """

    function: Expr
    constraints: tuple[Expr, ...]
    lagrangian: Expr
    values: Mapping[Symbol, Expr]  # of each unknown
    multiplier_values: Mapping[Symbol, Expr]
    equations: Mapping[Symbol, Equation]
    solution: Expr | dict[str, Expr]
    conditions: tuple[str, ...]
    verdict: str
    why: str
    steps: tuple[EquationStep, ...]
    not_negative: tuple[Expr, ...] = ()  # what must not be negative for the solution to be one

    @property
    def multipliers(self) -> dict[str, Expr]:
        """The multiplier of each constraint, by its name."""
        return {s.name: e for s, e in self.multiplier_values.items()}

    @property
    def equation(self) -> Equation | dict[str, Equation]:
        """The gradient set to zero."""
        if isinstance(self.solution, dict):
            return {x.name: e for x, e in self.equations.items()}
        return next(iter(self.equations.values()))

    # -------------------------------------------------------------- printing
    @property
    def heading(self) -> str:
        """What was asked."""
        subject = f", subject to {', '.join(f'{text(c)} = 0' for c in self.constraints)}" if self.constraints else ""
        return f"f = {text(self.function)}, stationary in {', '.join(x.name for x in self.values)}{subject}"

    def to_text(self) -> str:
        """The working as plain text: a line for each equation with its reason below it."""
        out = [self.heading]
        for k, step in enumerate(self.steps, 1):
            out += [f"({k}) {step.after}", f"      {step.rule}: {step.why}"]
        out.append(f"{self.verdict}: {self.why}")
        if self.conditions:
            out.append(f"assuming {'; '.join(self.conditions)}")
        return "\n".join(out)

    def to_latex(self) -> str:
        """The working as one LaTeX ``aligned`` block, the rule beside each line."""
        rows = [f"f &= {latex(self.function)} && \\text{{notation}}"]
        rows += [f"{latex(c)} &= 0 && \\text{{constraint}}" for c in self.constraints]
        rows += [f"{s.after.to_latex('&=')} && \\text{{{s.rule.replace('-', ' ')}}}" for s in self.steps]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def to_markdown(self) -> str:
        """The working as Markdown with LaTeX formulas."""
        names = ", ".join(f"${latex(x)}$" for x in self.values)
        subject = f" subject to {', '.join(f'${latex(c)} = 0$' for c in self.constraints)}" if self.constraints else ""
        out = [f"Stationary points of $f = {latex(self.function)}$ in {names}{subject}.\n"]
        for k, s in enumerate(self.steps, 1):
            out += [f"{k}. $\\displaystyle {s.after.to_latex()}$  ", f"   *{s.rule}*: {s.why}."]
        out.append(f"\n{self.verdict.capitalize()}: {self.why}.")
        if self.conditions:
            out.append(f"\nAssuming {'; '.join(self.conditions)}.")
        return "\n".join(out)

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to_latex()}$"

    # -------------------------------------------------------------- the judge
    def check(self, *, trials: int = 3, seed: int = 0) -> CheckReport:
        """Differences of the function (with its multipliers) at the solution, and the constraints there, at random points.

        Returns
        -------
        CheckReport
            With the sizes and the seed of each trial; errors are relative to the gradient nearby.
        """
        if not isinstance(trials, int) or trials < 1:
            raise OperandError(f"trials is a positive int, not {trials!r}")
        require_seed(seed)
        found = [t for t in (self.trial(seed + k) for k in range(trials)) if t is not None]
        names = ", ".join(x.name for x in self.values)
        return report(
            found, f"the gradient is not zero at {self.solution}", f"{text(self.function)}, at the solution for {names},"
        )

    def trial(self, seed: int, sizes: tuple[int, ...] = SIZES) -> Trial | None:
        """One random point at which the solution stands where the function is smooth; None where none is found."""
        import numpy as np

        everything = {**self.values, **self.multiplier_values}
        solve = compile_plainly(list(everything.values()))
        function, residuals = compile_plainly(self.lagrangian), compile_plainly(list(self.constraints))
        allowed = compile_plainly(list(self.not_negative))
        roots = [self.lagrangian, *everything.values(), *everything]
        nodes = postorder([self.lagrangian, *everything.values()], lambda e: e.operands)
        inverses = compile_plainly([m for n in nodes if (m := inverted_in(n)) is not None])
        for attempt in range(ATTEMPTS):
            point = draw_point(roots, seed, attempt, sizes)
            with np.errstate(all="ignore"):
                try:
                    found = solve(**{k: v for k, v in point.given.items() if k in solve.names})
                    here = Point(
                        point.sizes,
                        {**point.values, **{x.name: np.asarray(v) for x, v in zip(everything, found, strict=True)}},
                        point.functions,
                        seed,
                    )
                    signs = allowed(**{k: v for k, v in here.given.items() if k in allowed.names})
                    if any(np.min(a, initial=0.0) < 0 for a in signs) or not is_regular(inverses, here):
                        continue
                    if not all(is_inside(here.values[x.name], x) for x in self.values):
                        continue
                    error = self.error_at(here, function, residuals)
                except np.linalg.LinAlgError:
                    continue
            if error is not None:
                return Trial(point.size_names, seed, error)
        return None

    def error_at(self, here: Point, function: Any, residuals: Any) -> float | None:
        """The largest slope within the structure at a point, relative to the slopes nearby; None where it is not smooth."""
        import numpy as np

        rng = np.random.default_rng([here.seed, 7])
        worst = 0.0
        for x in self.values:
            at = here.values[x.name]
            if not np.all(np.isfinite(at)):
                return None
            if not is_smooth(partial(_value, function, x, here), at, rng):
                return None
            noise = draw_symbol(x, [size_of(d, here.sizes) for d in x.shape], rng) * NEARBY
            coarse, fine = (_slopes(function, x, here, at, h) for h in (1e-3, 5e-4))
            level = abs(_value(function, x, here, at))
            if not np.isfinite(level) or not is_steady(coarse, fine, 1.0 + level):
                return None
            near = next((g for s in STEPS if (g := _size(_slopes(function, x, here, at + s * noise, 5e-4)))), 0.0)
            worst = max(worst, _size(within(fine, x)) / max(near, 1e-3))
            if not structured_alike(at, x):
                return float("inf")
        if self.constraints:
            for c in residuals(**{k: v for k, v in here.given.items() if k in residuals.names}):
                worst = max(worst, _size(c) / (1.0 + max(_size(here.values[x.name]) for x in self.values)))
        return worst if np.isfinite(worst) else float("inf")


def inverted_in(e: Expr) -> Expr | None:
    """The matrix that an operator inverts; of a Sylvester equation that of the stacked one."""
    if isinstance(e, Sylvester):
        return add(Kron(eye(e.cols), e.left), Kron(transpose(e.right), eye(e.rows)))
    return e.operands[0] if isinstance(e, INVERTING) else None


def is_smooth(f: Callable[[Any], float], at: Array, rng: np.random.Generator) -> bool:
    """Whether second differences shrink with the square of the step, as they do where there is no kink."""
    import numpy as np

    direction = rng.normal(size=np.shape(at))
    level = abs(f(at))
    bends = [abs(f(at + h * direction) + f(at - h * direction) - 2 * f(at)) for h in (1e-2, 2.5e-3)]
    return bool(np.isfinite(level) and bends[1] <= bends[0] / 8 + 1e-12 * (1.0 + level))


def _value(function: Any, x: Symbol, here: Point, at: Array) -> float:
    import numpy as np

    return float(np.real(function(**{k: v for k, v in {**here.given, x.name: at}.items() if k in function.names})))


def _slopes(function: Any, x: Symbol, here: Point, at: Array, step: float) -> Array:
    """The gradient at a point by differences."""
    import numpy as np

    start = np.asarray(at, dtype=complex if x.is_complex else float)
    return gradient_by_differences(lambda p: _value(function, x, here, p), start, step)


def _size(a: Any) -> float:
    """The largest entry that is finite."""
    import numpy as np

    found = np.abs(np.asarray(a))
    return float(np.max(found[np.isfinite(found)], initial=0.0))


def within(g: Array, x: Symbol) -> Array:
    """The part of a gradient along which a structured matrix can move."""
    import numpy as np

    if x.has("diagonal"):
        return np.diag(np.diag(g))
    if x.is_hermitian:
        return (g + g.conj().T) / 2
    if x.has("symmetric") and not x.is_scalar:
        return (g + g.T) / 2
    return (g - g.T) / 2 if x.has("skew") else g


def structured_alike(a: Array, x: Symbol) -> bool:
    """Whether a value has the structure that its symbol declares."""
    import numpy as np

    return bool(np.max(np.abs(a - within(a, x)), initial=0.0) <= 1e-8 * max(1.0, _size(a)))


def is_inside(a: Array, x: Symbol) -> bool:
    """Whether a value is inside the open set that its symbol declares: positive entries, a positive definite matrix."""
    import numpy as np

    if not np.all(np.isfinite(a)):
        return False
    if x.has("positive"):
        return bool(np.all(a > 0))
    if x.has("psd") and a.ndim == 2:
        return bool(np.min(np.linalg.eigvalsh((a + a.conj().T) / 2)) > 0)
    return True
