"""What differential forms are worth at a point: differences of compiled code, an independent judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matcalc.derivations.forms import Change, Form, Slope
from matcalc.emit import compile_plainly
from matcalc.evaluate import Values
from matcalc.expr import Expr, Symbol
from matcalc.sampling import STENCIL, draw_symbol, is_steady

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Unsteady(Exception):  # noqa: N818 - not an error: the point is passed over
    """Differences that do not settle: a point at a kink or close to a singularity."""


def form_value(form: Form, values: Values) -> Array:
    """The number that a form is."""
    import numpy as np

    return np.array([[sum((np.sum(values.array(p.left) * values.array(p.right)) for p in form.pairs), 0.0)]])


def draw_changes(changes: Mapping[Expr, Change], values: Values, seed: int) -> None:
    """Give every differential its value: that of a variable at random, the others by differences of what they are of."""
    import numpy as np

    rng = np.random.default_rng([seed, 7])
    for symbol, change in changes.items():
        if change.of is change.wrt and change.direction is symbol:
            assert isinstance(symbol, Symbol)
            shape = [values.size(d) for d in symbol.shape]
            drawn = np.asarray(draw_symbol(symbol, shape, rng), dtype=values.kind)
            values.known[symbol] = drawn.reshape(values.size(symbol.rows), values.size(symbol.cols), order="F")
    groups: dict[tuple[Symbol, Expr, int], list[Expr]] = {}
    for symbol, change in changes.items():
        if symbol not in values.known:
            groups.setdefault((change.wrt, change.direction, change.order), []).append(symbol)
    for (wrt, direction, order), symbols in groups.items():
        found = along([changes[s].of for s in symbols], wrt, values.array(direction), values, order)
        for symbol, value in zip(symbols, found, strict=True):
            weight = changes[symbol].weight
            values.known[symbol] = value if weight is None else np.array([[np.sum(values.array(weight) * value)]])


SECOND = ((-2, -1 / 12), (-1, 4 / 3), (0, -5 / 2), (1, 4 / 3), (2, -1 / 12))


def along(roots: Sequence[Expr], wrt: Symbol, direction: Array, values: Values, order: int = 1) -> list[Array]:
    """The derivatives of several expressions over symbols along a direction, by central differences of compiled code."""
    import numpy as np

    call = compile_plainly(list(roots))
    known = {s.name: values.known[s] for e in roots for s in e.symbols}
    shapes = {s.name: [values.size(d) for d in s.shape] for e in roots for s in e.symbols}
    given: dict[str, Any] = {d.name: n for d, n in values.sizes.items()} | values.functions

    def at(step: float) -> list[Array]:
        now = {**known, wrt.name: values.known[wrt] + step * direction}
        arrays = {n: _plain(now[n].reshape(shape, order="F"), n, roots) for n, shape in shapes.items()}
        found = call(**{n: v for n, v in {**given, **arrays}.items() if n in call.names})
        return [
            np.asarray(v, dtype=values.kind).reshape(values.size(e.rows), values.size(e.cols), order="F")
            for v, e in zip(found, roots, strict=True)
        ]

    stencil, lengths = (STENCIL, (1e-3, 5e-4)) if order == 1 else (SECOND, (1e-2, 5e-3))
    scale = max(1.0, float(np.max(np.abs(direction), initial=0.0)))
    tables: list[list[Array]] = []
    for length in lengths:
        h = length / scale
        moved = [[weight / h**order * v for v in at(shift * h)] for shift, weight in stencil]
        tables.append([np.asarray(sum(parts)) for parts in zip(*moved, strict=True)])
    for coarse, fine, here in zip(*tables, at(0.0), strict=True):
        if not is_steady(coarse, fine, 1e-5 * float(np.max(np.abs(here), initial=0.0))):
            raise Unsteady
    return tables[1]


def _plain(value: Array, name: str, roots: Sequence[Expr]) -> Any:
    """A value as compiled code takes it: that of an integer symbol is an int."""
    whole = any(s.name == name and s.has("integer") for e in roots for s in e.symbols)
    return int(value) if whole else value


def slope_value(slope: Slope, values: Values) -> Array:
    """The derivative by every entry: of a scalar, or of a weighted sum, in the shape of ``wrt``; else of every entry."""
    import numpy as np

    base = values.known[slope.wrt]
    size = (values.size(slope.of.rows), values.size(slope.of.cols))
    out = np.zeros((*size, *base.shape), dtype=values.kind)
    for place in np.ndindex(*base.shape):
        step = np.zeros_like(base)
        step[place] = 1.0
        (out[(..., *place)],) = along([slope.of], slope.wrt, step, values)
    return out if slope.weight is None else np.asarray(np.einsum("ij,ijkl->kl", values.array(slope.weight), out))
