"""The judge of derivations: every line evaluated by explicit loops over random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, assert_never

from matcalc.check import CheckReport, Trial, relative_error, report
from matcalc.conjugates import has_complex
from matcalc.derivations.form_values import Unsteady, draw_changes, form_value, slope_value
from matcalc.derivations.forms import Change, Form, Slope
from matcalc.derivations.steps import Arranged, Chained, Partial, Pushed, Side, Step, is_term
from matcalc.evaluate import Values
from matcalc.expr import Expr, Let, Symbol
from matcalc.index import Term, indices_of
from matcalc.sampling import SMALL_SIZES, STENCIL, Point, candidates, is_steady, require_seed

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TOLERANCE = 1e-6
MOST_LOOPS = 3**8  # lines that loop over more positions, at size 3, are checked at the smallest sizes


def check_steps(
    steps: Sequence[Step], scalar: Expr, wrt: Symbol, besides: Sequence[Expr], gradients: dict[Expr, Expr],
    changes: dict[Expr, Change], title: str, trials: int, seed: int,
) -> CheckReport:  # fmt: skip
    """Whether both sides of every step agree, at points where ``scalar`` and ``besides`` have values."""
    found: list[Trial] = []
    message = ""
    require_seed(seed)
    work = max((_loop_length(t) for s in steps for t in (s.before, s.after) if is_term(t)), default=0)
    sizes = SMALL_SIZES if work <= MOST_LOOPS else (2, 2)
    for k in range(trials):
        for point, _ in candidates(scalar, wrt, besides, seed + k, sizes):
            errors = errors_at(point, steps, [scalar, wrt, *besides], gradients, changes)
            if errors is None:
                continue
            for number, (step, error) in enumerate(zip(steps, errors, strict=True), 1):
                if error > TOLERANCE:
                    message = message or f"step {number} ({step.rule}) does not hold: {step.plain}"
            found.append(Trial(point.size_names, point.seed, max(errors, default=0.0)))
            break
    return report(found, message, title)


def errors_at(
    point: Point, steps: Sequence[Step], about: Sequence[Expr], gradients: dict[Expr, Expr], changes: dict[Expr, Change]
) -> list[float] | None:  # fmt: skip
    """The relative error of every step at one point; None where some difference is not steady there."""
    import numpy as np

    kind: type[float] | type[complex] = complex if any(map(has_complex, about)) else float
    values = Values({}, point.sizes, point.functions, kind)
    for s in dict.fromkeys(s for e in about for s in e.symbols):
        shape = values.size(s.rows), values.size(s.cols)
        values.known[s] = np.asarray(point.values[s.name], dtype=kind).reshape(shape, order="F")
        values.known[s.free] = values.known[s]  # as a free symbol too, without its facts
    with np.errstate(all="ignore"):
        try:
            draw_changes(changes, values, point.seed)
            for symbol, value in gradients.items():
                values.known[symbol] = values.array(value)
            errors = [relative_error(value_of(step.before, step, values), value_of(step.after, step, values)) for step in steps]
            return errors if np.all(np.isfinite(errors)) else None
        except (Unsteady, np.linalg.LinAlgError):
            return None


def value_of(side: Side, step: Step, values: Values) -> Array:
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


def _loop_length(term: Term) -> int:
    """The number of positions that explicit loops over a term visit, with every dimension 3."""
    return prod(
        d if isinstance(d, int) else int(d.subs([(x, 3) for x in d.free_symbols])) for d in (i.dim for i in indices_of(term))
    )
