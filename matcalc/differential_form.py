"""Differential forms as derivations write them: sums of Frobenius products ``G : dX``, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp

from matcalc.emit import compile as compile_expr
from matcalc.evaluate import Values
from matcalc.expr import (
    ONE,
    DifferentialSymbol,
    Expr,
    Hadamard,
    Number,
    Quotient,
    Symbol,
    add,
    coefficient,
    hadamard,
    is_negative,
    negate,
    quotient,
)
from matcalc.node import postorder
from matcalc.printing import text
from matcalc.printing.brackets import TERM, binds
from matcalc.printing.latex import LATEX
from matcalc.printing.typeset import Piece
from matcalc.sampling import STENCIL, draw_symbol, is_steady

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Unsteady(Exception):  # noqa: N818 - not an error: the point is passed over
    """Differences that do not settle: a point at a kink or close to a singularity."""


# ------------------------------------------------------------------ forms
@dataclass(frozen=True)
class Pairing:
    """The Frobenius product ``left : right``, the sum of the entrywise product; of scalars, their product."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class Form:
    """A sum of Frobenius products."""

    pairs: tuple[Pairing, ...]


def paired(left: Expr, right: Expr) -> Pairing:
    """``left : right`` with numbers and scalar factors on the left, as far as they hold no differential."""
    while True:
        match right:
            case Hadamard(args) if any(a.is_scalar and not holds_change(a) for a in args):
                outside = [a for a in args if a.is_scalar and not holds_change(a)]
                inside = [a for a in args if not a.is_scalar or holds_change(a)]
                if not inside or (right.is_scalar != hadamard(*inside).is_scalar):
                    break
                left, right = hadamard(*outside, left), hadamard(*inside)
            case Quotient(above, below) if below.is_scalar and not holds_change(below) and above.is_scalar == right.is_scalar:
                left, right = (quotient(left, below) if left is not ONE else quotient(ONE, below)), above
            case _:
                break
    return Pairing(left, right)


def holds_change(e: Expr) -> bool:
    """Whether a differential stands in an expression."""
    return any(is_change(n) for n in postorder([e], lambda x: x.operands))


def is_change(e: Expr) -> bool:
    """Whether an expression is a differential by itself."""
    return isinstance(e, DifferentialSymbol)


def as_expression(form: Form) -> Expr:
    """The sum as a plain expression, of pairings whose left side is a number 1 or scalar."""
    return add(*(hadamard(p.left, p.right) for p in form.pairs))


# ------------------------------------------------------------------ printing
def form_text(form: Form) -> str:
    """A form in text: ``2*r : dr + g*ds``."""
    return _joined(form, text, _text_within, " : ")


def form_latex(form: Form) -> str:
    """A form in LaTeX."""
    return _joined(form, lambda e: LATEX.piece(e).text, _latex_within, r" \mathbin{:} ")


def _joined(form: Form, write: Callable[[Expr], str], within: Callable[[Expr], str], colon: str) -> str:
    out = ""
    for p in form.pairs:
        single = p.right.is_scalar
        body = scaled(p.left, p.right) if single else p.left
        negative = bool(out) and is_negative(body)
        body = negate(body) if negative else body
        written = write(body) if single else within(body) + colon + within(p.right)
        out += (" - " if negative else " + ") + written if out else written
    return out or "0"


def scaled(left: Expr, right: Expr) -> Expr:
    """The product of two scalars, as one fraction where it is one."""
    return quotient(hadamard(left.above, right), left.below) if isinstance(left, Quotient) else hadamard(left, right)


def _text_within(e: Expr) -> str:
    number, body = coefficient(e)
    if _is_entrywise(body):
        return _text_number(number) + f"({text(body)})"
    return f"({text(e)})" if binds(e) < TERM else text(e)


def _text_number(number: sp.Rational) -> str:
    return "" if number == 1 else "-" if number == -1 else f"{text(Number(number))}*"


def _latex_within(e: Expr) -> str:
    number, body = coefficient(e)
    if _is_entrywise(body) and isinstance(body, Hadamard):
        sign = "" if number == 1 else "-" if number == -1 else f"{LATEX.piece(Number(number)).text} "
        return sign + LATEX.bracket(LATEX.piece(body).text)
    piece: Piece = LATEX.piece(e)
    return LATEX.bracket(piece.text) if piece.level < TERM else piece.text


def _is_entrywise(e: Expr) -> bool:
    """Whether it is written with an entrywise product or quotient, which reads better in brackets beside a colon."""
    if isinstance(e, Quotient):
        return not e.below.is_scalar
    return isinstance(e, Hadamard) and sum(not a.is_scalar for a in e.args) > 1


# ------------------------------------------------------------------ values
@dataclass(frozen=True)
class Slope:
    """The derivative by ``wrt`` of an expression over symbols alone; or of what ``weight``, held fixed, and it sum up to."""

    of: Expr
    wrt: Symbol
    weight: Expr | None = None


@dataclass(frozen=True)
class Change:
    """What ``of`` changes by when ``wrt`` changes by ``direction``; weighed by ``weight``, held fixed, and summed up.

    ``order`` 2 is the second derivative along the direction.
    """

    of: Expr  # over symbols alone
    wrt: Symbol
    direction: Expr
    weight: Expr | None = None
    order: int = 1


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

    call = compile_expr(list(roots))
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
