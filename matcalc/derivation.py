"""Derivations: numbered lines, each with its rule and a sentence why, printed and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard, assert_never

from matcalc.check import CheckReport, Trial, relative_error, report
from matcalc.conjugates import has_complex
from matcalc.differential_form import (
    Change,
    Form,
    Slope,
    Unsteady,
    draw_changes,
    form_latex,
    form_text,
    form_value,
    slope_value,
)
from matcalc.dims import Dim
from matcalc.evaluate import Values
from matcalc.expr import Expr, Let, Symbol, hadamard
from matcalc.index import At, Term, indices_of
from matcalc.ops.reductions import total
from matcalc.ops.unspecified import Unspecified
from matcalc.printing import latex, text
from matcalc.printing.index_terms import IndexNames, term_latex, term_text
from matcalc.sampling import SMALL_SIZES, STENCIL, Point, candidates, is_steady, require_seed
from matcalc.variables import written_out

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TOLERANCE = 1e-6
MOST_LOOPS = 3**8  # lines that loop over more positions, at size 3, are checked at the smallest sizes


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


@dataclass
class Derivation:
    """A derivative with its working; the answer is the last line.

    Attributes
    ----------
    result : Expr
    steps : list of Step
    conditions : tuple of str
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

    # -------------------------------------------------------------- printing
    def lines(
        self, write: Callable[[Side, IndexNames], str], label: Callable[[Step], str]
    ) -> list[tuple[str, list[str], list[Step]]]:
        """Each line as what it is about, the sides it equals in turn, and the steps between them."""
        out: list[tuple[str, list[str], list[Step]]] = []
        previous: Step | None = None
        for step in self.steps:
            goes_on = previous is not None and step.before is previous.after and step.label == previous.label
            if goes_on:
                out[-1][1].append(write(step.after, step.names))
                out[-1][2].append(step)
            else:
                out.append((label(step), [write(step.after, step.names)], [step]))
            previous = step
        return out

    def notation(self) -> list[Let]:
        """The variables that the lines use, the function first; one that is only ``L(f)`` needs no line."""
        return [v for v in reversed(self.variables) if not isinstance(v.arg, Unspecified)]

    def stands_for(self, v: Let, write: Callable[[Expr], str]) -> list[str]:
        """A variable and its meaning; of the function, as it was given too, where its norms are written out."""
        sides = [v, v.arg]
        if v is self.variables[-1] and written_out(self.function) is not self.function:
            given = self.function.arg if isinstance(self.function, Let) else self.function
            sides.insert(1, given)
        written = [write(s) for s in sides]
        return [written[0], " = ".join(written[1:])]

    def to_text(self) -> str:
        """The derivation as plain text, a line for each equality with its reason below it."""
        out = [self.heading]
        for k, (what, sides, steps) in enumerate(self.lines(_side_text, lambda s: s.plain), 1):
            out.append(f"({k}) {what} = {' = '.join(sides)}")
            out.extend(f"      {s.rule}: {s.why}" for s in steps)
        if self.conditions:
            out.append(f"assuming {'; '.join(self.conditions)}")
        return "\n".join(out)

    def to_latex(self) -> str:
        """The derivation as one LaTeX ``aligned`` block, the rule beside each line."""
        rows = [f"{' &= '.join(self.stands_for(v, latex))} && \\text{{notation}}" for v in self.notation()]
        for what, sides, steps in self.lines(_side_latex, lambda s: s.label):
            reasons = ", ".join(dict.fromkeys(s.rule.replace("-", " ") for s in steps))
            rows.append(f"{what} &= {' = '.join(sides)} && \\text{{{reasons}}}")
        if self.conditions:
            rows.append(f"& && \\text{{assuming {'; '.join(_in_text(c) for c in self.conditions)}}}")
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def to_markdown(self) -> str:
        """The derivation as Markdown with LaTeX formulas."""
        names = ", ".join(f"${' = '.join(self.stands_for(v, latex))}$" for v in self.notation())
        out = [f"Let {names}.\n"] if names else []
        for k, (what, sides, steps) in enumerate(self.lines(_side_latex, lambda s: s.label), 1):
            out.append(f"{k}. $\\displaystyle {what} = {' = '.join(sides)}$  ")
            out.append("   " + "; ".join(f"*{s.rule}*: {s.why}" for s in steps) + ".")
        if self.conditions:
            out.append(f"\nAssuming {'; '.join(self.conditions)}.")
        return "\n".join(out)

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to_latex()}$"

    # -------------------------------------------------------------- the judge
    def check(self, *, trials: int = 2, seed: int = 0) -> CheckReport:
        """Evaluate every line by explicit loops over random numbers and compare it with the line before.

        Returns
        -------
        CheckReport
            Its message names the first line that does not hold.
        """
        scalar = self.function if self.upstream is None else hadamard(self.upstream, self.function)
        if not scalar.is_scalar or self.upstream is not None:
            scalar = total(scalar)
        found: list[Trial] = []
        message = ""
        require_seed(seed)
        work = max((_loop_length(t) for s in self.steps for t in (s.before, s.after) if is_term(t)), default=0)
        sizes = SMALL_SIZES if work <= MOST_LOOPS else (2, 2)
        for k in range(trials):
            for point, _ in candidates(scalar, self.wrt, [self.result, *self.besides], seed + k, sizes):
                errors = self.errors_at(point, scalar)
                if errors is None:
                    continue
                for number, (step, error) in enumerate(zip(self.steps, errors, strict=True), 1):
                    if error > TOLERANCE:
                        message = message or f"step {number} ({step.rule}) does not hold: {step.plain}"
                found.append(Trial(point.size_names, point.seed, max(errors, default=0.0)))
                break
        return report(found, message, f"{self.function} by {self.wrt.name}")

    def errors_at(self, point: Point, scalar: Expr) -> list[float] | None:
        """The relative error of every step at one point; None where some difference is not steady there."""
        import numpy as np

        complex_there = self.wrt.is_complex or has_complex(scalar) or has_complex(self.result)
        kind: type[float] | type[complex] = complex if complex_there else float
        values = Values({}, point.sizes, point.functions, kind)
        for s in dict.fromkeys(s for e in (scalar, self.result, self.wrt, *self.besides) for s in e.symbols):
            shape = values.size(s.rows), values.size(s.cols)
            values.known[s] = np.asarray(point.values[s.name], dtype=kind).reshape(shape, order="F")
            values.known[s.free] = values.known[s]  # as a free symbol too, without its facts
        with np.errstate(all="ignore"):
            try:
                draw_changes(self.changes, values, point.seed)
                for symbol, value in self.gradients.items():
                    values.known[symbol] = values.array(value)
                errors = [
                    relative_error(self.value(step.before, step, values), self.value(step.after, step, values))
                    for step in self.steps
                ]
                return errors if np.all(np.isfinite(errors)) else None
            except (Unsteady, np.linalg.LinAlgError):
                return None

    def value(self, side: Side, step: Step, values: Values) -> Array:
        """One side of a step as an array over the step's free indices."""
        import numpy as np

        match side:
            case Expr():
                return values.array(side)
            case Partial(of, wrt):
                return slopes(of, wrt, values)
            case Chained(of, upstream, wrt):
                return np.asarray(np.einsum("ij,ijkl->kl", values.array(upstream), slopes(of, wrt, values)))
            case Pushed(of, changes):
                parts = [np.einsum("ijkl,kl->ij", slopes(of, x, values), values.array(dx)) for x, dx in changes]
                return np.asarray(sum(parts))
            case Form():
                return form_value(side, values)
            case Slope():
                return slope_value(side, values)
            case Arranged(form, layout):
                return arranged(values.array(form), layout, [values.size(d) for d in step.free[1]])
            case _:
                free, dims = step.free
                return values.table(side, free, dims)


def arranged(found: Array, layout: Literal["stacked", "transposed", "plain"], sizes: list[int]) -> Array:
    """A Jacobian laid out as a matrix, as an array over the entries of both."""
    match layout:
        case "stacked":
            return found.reshape(sizes, order="F")
        case "transposed":
            return found.T.reshape(sizes, order="F")
        case "plain":
            return found.reshape(sizes)
        case _:
            assert_never(layout)


def slopes(of: Let, wrt: Expr, values: Values) -> Array:
    """Every entry of a variable by every entry of ``wrt``, by central differences of its definition."""
    import numpy as np

    base = values.array(wrt)
    fixed: dict[Expr, Array] = {e: v for e, v in values.known.items() if isinstance(e, (Symbol, Let)) and e is not of}
    here = values.array(of)
    tables: list[Array] = []
    for length in (1e-3, 5e-4):
        out = np.zeros((*here.shape, *base.shape), dtype=values.kind)
        for place in np.ndindex(*base.shape):
            h = length * max(1.0, float(abs(base[place])))
            for shift, weight in STENCIL:
                moved = base.copy()
                moved[place] += shift * h
                there = Values({**fixed, wrt: moved}, values.sizes, values.functions, values.kind)
                out[(..., *place)] += weight * there.array(of.arg) / h
        tables.append(out)
    if not is_steady(tables[0], tables[1], 1e-5 * float(np.max(np.abs(here), initial=0.0))):
        raise Unsteady
    return tables[1]


def _in_text(condition: str) -> str:
    """A condition as LaTeX has it in running text."""
    return "".join({"_": r"\_", "^": r"\^{}", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$"}.get(c, c) for c in condition)


def _loop_length(term: Term) -> int:
    """The number of positions that explicit loops over a term visit, with every dimension 3."""
    return prod(
        d if isinstance(d, int) else int(d.subs([(x, 3) for x in d.free_symbols])) for d in (i.dim for i in indices_of(term))
    )


def is_term(side: Side) -> TypeGuard[Term]:
    """Whether a side of a step is in index notation."""
    return not isinstance(side, (Expr, Partial, Chained, Pushed, Arranged, Form, Slope))


def form_of(side: Expr | Arranged) -> Expr:
    """A side in matrix notation, however it is arranged."""
    return side.form if isinstance(side, Arranged) else side


def _side_text(side: Side, names: IndexNames) -> str:
    match side:
        case Expr() | Arranged():
            return text(form_of(side))
        case Form():
            return form_text(side)
        case Partial() | Chained() | Pushed() | Slope():
            raise AssertionError(side)
        case _:
            return term_text(side, names)


def _side_latex(side: Side, names: IndexNames) -> str:
    match side:
        case Expr() | Arranged():
            return latex(form_of(side))
        case Form():
            return form_latex(side)
        case Partial() | Chained() | Pushed() | Slope():
            raise AssertionError(side)
        case _:
            return term_latex(side, names)
