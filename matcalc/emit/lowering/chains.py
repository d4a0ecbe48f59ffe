"""The factors of chains of products."""

from __future__ import annotations

from collections.abc import Callable

from matcalc.dims import is_unit
from matcalc.emit.chain import Factor, entries, factor_of, multiply_chain, split_chain
from matcalc.emit.contractions.halves import Scale, multiply_halves
from matcalc.emit.forms import Form
from matcalc.emit.planner import Planner
from matcalc.emit.values import Value
from matcalc.expr import Expr, Hadamard, Product, Transpose


def chain_factors(planner: Planner, e: Expr) -> tuple[list[Form], list[Factor]]:
    """The factors of a chain, and the expressions they come from; repeated columns and rows are taken apart."""
    found: list[Form] = []
    origin: list[Factor] = []
    stack: list[tuple[Expr, bool]] = [(e, False)]
    while stack:
        x, flip = stack.pop()
        if isinstance(x, Transpose) and planner.uses[x] <= 1 and isinstance(x.arg, (Product, Transpose)):
            stack.append((x.arg, not flip))
        elif isinstance(x, Product) and (x is e or planner.uses[x] <= 1):
            stack.extend((a, flip) for a in (x.args if flip else reversed(x.args)))
        else:
            f = planner.f.transpose(planner.form[x]) if flip else planner.form[x]
            pieces = _apart(planner, f)
            found += pieces
            origin += [factor_of(x, flip)] if len(pieces) == 1 else [None] * len(pieces)
    return found, origin


def _apart(planner: Planner, f: Form) -> list[Form]:
    one = planner.b.const(1)
    if f.is_scalar or f.is_vector:
        return [f]
    match f.kind:
        case "col":
            return [Form("full", f.value, f.rows, 1), Form("all", one, 1, f.cols)]
        case "row":
            return [Form("all", one, f.rows, 1), Form("full", f.value, 1, f.cols)]
        case "all":
            return [Form("all", f.value, f.rows, 1), Form("all", one, 1, f.cols)]
        case _:
            return [f]


def scaled_product(planner: Planner, s: Value, combine: Callable[[Value, Value], Value], e: Expr) -> Form:
    """A scalar combined with a product, at the factor with the fewest entries if that has fewer than the result."""
    f = planner.form[e]
    if isinstance(e, Product) and f.kind == "full" and planner.uses[e] == 1 and not s.is_const(1):
        factors, origin = chain_factors(planner, e)
        if (square := multiply_halves(planner, factors, origin, Scale(s, combine))) is not None:
            return square
        options = [k for k, g in enumerate(factors) if g.kind not in ("inverse", "eye", "unit")]
        k = min(options, key=lambda k: entries(factors[k], planner.sizes), default=None)
        size = planner.sizes.of(e.rows) * planner.sizes.of(e.cols)
        if k is not None and entries(factors[k], planner.sizes) < size:
            factors[k] = planner.f.scale(s, factors[k], combine)
            origin[k] = None
            return multiply_chain(planner.f, factors, origin, planner.segments)
        if len(factors) > 2:
            sides = list(split_chain(planner.f, factors, origin, planner.segments))
            k = min((0, 1), key=lambda k: entries(sides[k], planner.sizes))
            if sides[k].kind == "full" and entries(sides[k], planner.sizes) < size:
                sides[k] = planner.f.scale(s, sides[k], combine)
                return planner.f.multiply(*sides)
    return planner.f.scale(s, f, combine)


def only_product(planner: Planner, e: Expr) -> bool:
    """Whether ``e`` is a product of matrices that nothing else needs as a whole."""
    return isinstance(e, Product) and planner.uses[e] <= 1 and not (is_unit(e.rows) or is_unit(e.cols))


def loose_scalars(planner: Planner, e: Expr) -> tuple[list[Value], Expr]:
    """The scalar factors of a multiple of one matrix, and that matrix."""
    if isinstance(e, Hadamard) and planner.uses[e] <= 1:
        arrays = [a for a in e.args if not a.is_scalar]
        if len(arrays) == 1:
            return [planner.value(s) for s in e.args if s.is_scalar], arrays[0]
    return [], e
