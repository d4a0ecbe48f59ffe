"""Derivations of Jacobians and Hessians as a whole: which lines, in which order, up to the layout asked for."""

from __future__ import annotations

from typing import Any

from matcalc.derivations.derivation import Derivation
from matcalc.derivations.derive_jacobian import NOTHING, laid_out
from matcalc.derivations.derive_lines import Style, fraction
from matcalc.derivations.derive_structure import add_structure, structured_label, structured_steps
from matcalc.derivations.steps import Arranged, Partial, Step
from matcalc.derivations.variables import free_name
from matcalc.differentiate import reverse_sweep
from matcalc.expr import ONE, Expr, Let, Symbol, substitute
from matcalc.jacobian import jacobian, sides_of_vech, stacked_jacobian, structured_columns, structured_sides
from matcalc.printing import latex, text
from matcalc.simplify import simplify_all


def jacobian_derivation(e: Expr, w: Symbol, layout: str, structure: str, style: Style) -> Derivation:
    """The derivation of what ``jacobian`` answers."""
    result = jacobian(e, w, layout=layout, structure=structure)
    assert isinstance(result, Expr)
    if e.is_scalar and layout not in ("vec", "vech"):
        return _as_gradient(e, w, result, structure, style)
    stacked = stacked_jacobian(e, w)
    lines: Any = style.jacobian(e, w, stacked)
    steps = lines.run()
    top = lines.top
    label = fraction(latex(top), latex(w)), f"d{top.name}/d{w.name}"
    structured = structured_columns(stacked, w, structure)
    dims = (e.rows, e.cols, w.rows, w.cols)
    found = structured_steps(lines, lines.symbol, (stacked, structured), (None, w), dims, label, structure)
    if found:
        steps.extend(found)
        stacked, label = structured, structured_label(label, structure)
    if layout == "vech":
        steps.extend(_free_entries(stacked, result, e, w, None, label))
    else:
        steps.extend(laid_out(stacked, result, e, w, layout, label))
    conditions = dict.fromkeys((*e.conditions, *result.conditions))
    return Derivation(
        e, w, result, steps, lines.variables, lines.gradients, lines.heading(), None, tuple(conditions),
        changes=lines.changes,
    )  # fmt: skip


def _as_gradient(e: Expr, w: Symbol, result: Expr, structure: str, style: Style) -> Derivation:
    """The Jacobian of a scalar function, in the shape of ``wrt``: its gradient."""
    (gradient,) = simplify_all(reverse_sweep(e, ONE, [w]))
    lines = style.gradient(e, w, ONE, gradient)
    d: Derivation = lines.run()
    add_structure(d, structure)
    if result is not d.result:
        why = "the same numbers, as jacobian writes them"
        label: tuple[str, str] = lines.quotient(w) if structure == "ambient" else structured_label(lines.quotient(w), structure)
        d.steps.append(Step("insert", why, d.result, result, *label, ((), ()), NOTHING))
        d.result = result
    return d


def hessian_derivation(
    e: Expr, w: Symbol, w2: Symbol, layout: str, result: Expr, structure: str, style: Style
) -> Derivation:  # fmt: skip
    """The derivation of a Hessian: the gradient by ``w``, then its Jacobian by ``w2``, then the layout."""
    dims = (w.rows, w.cols, w2.rows, w2.cols)
    free = {s: s.free for s in (w, w2)}  # facts are of the point, not of the directions
    bare = substitute(e, dict(free.items()))
    (gradient,) = simplify_all(reverse_sweep(bare, ONE, [free[w]]))
    first = style.gradient(bare, free[w], ONE, gradient)
    d = first.run()
    shown = len(d.steps) <= style.most_steps
    steps = d.steps if shown else [_gradient_at_once(first, free[w], gradient)]
    stacked = stacked_jacobian(gradient, free[w2])
    top = Let(free_name(bare, "g", {v.name for v in first.variables}), gradient)
    second = style.jacobian(top, free[w2], stacked, first if shown else None)
    lines = second.run()
    steps.extend(second.notation_lines("the gradient, to be differentiated again", first))
    steps.extend(lines)
    (pointed,) = simplify_all([substitute(stacked, {s: f for f, s in free.items()})])
    if pointed is not stacked and text(pointed) != text(stacked):
        why = "put in what is known of the symbols" if _has_facts(w, w2) else "simplify"
        before, after = Arranged(stacked, "stacked"), Arranged(pointed, "stacked")
        label: tuple[str, str] = second.label(second.symbol)
        steps.append(Step("insert", why, before, after, *label, ((None,) * 4, dims), NOTHING))
    name = _second_label(first.top, w, w2)
    back: dict[Expr, Expr] = {f: s for s, f in free.items()}
    (structured,) = simplify_all([substitute(structured_sides(stacked, w, w2, structure), back)])
    moved = structured_steps(second, second.symbol, (pointed, structured), (w, w2), dims, name, structure)
    if moved:
        steps.extend(moved)
        pointed, name = structured, structured_label(name, structure)
    if layout == "vech":
        steps.extend(_free_entries(pointed, result, gradient, w2, w, name))
    else:
        found = laid_out(pointed, result, gradient, w2, layout, name)
        if not found and not moved:
            before, after = Arranged(pointed, "stacked"), Arranged(result, "stacked")
            why = "the Jacobian of the gradient is the Hessian"
            found = [Step("hessian", why, before, after, *name, ((None,) * 4, dims), NOTHING)]
        steps.extend(found)
    conditions = dict.fromkeys((*e.conditions, *result.conditions))
    twice = f" and {w2.name}" if w2 is not w else " twice"
    heading = first.heading().replace(f", by {w.name}", f", by {w.name}{twice}", 1)
    return Derivation(
        e, w, result, steps, first.variables, {**first.gradients, **second.gradients}, heading, None,
        tuple(conditions), (w2,), {**first.changes, **second.changes},
    )  # fmt: skip


def _has_facts(*symbols: Symbol) -> bool:
    return any(s.facts for s in symbols)


def _gradient_at_once(lines: Any, w: Symbol, gradient: Expr) -> Step:
    """One line for a gradient whose own derivation is long."""
    top = Let(lines.top.name, lines.opened(lines.top.arg))
    free = ((None,) * 4, (1, 1, w.rows, w.cols))
    why = "the gradient; derive it by itself to see its lines"
    label: tuple[str, str] = lines.quotient(w)
    return Step("gradient", why, Partial(top, w), Arranged(gradient, "plain"), *label, free, NOTHING)


def _second_label(top: Let, w: Symbol, w2: Symbol) -> tuple[str, str]:
    """``d2 f / dx dx'`` in LaTeX and in text."""

    def part(s: Symbol, turned: bool) -> tuple[str, str]:
        stacked = s.ndim == 2
        written = rf"\operatorname{{vec}}({latex(s)})" if stacked else latex(s)
        told = f"vec({s.name})" if stacked else s.name
        turned = turned and s.ndim > 0
        return written + (r"^{\top}" if turned else ""), told + ("'" if turned else "")

    (a, p), (b, q) = part(w, turned=False), part(w2, turned=True)
    if w is w2 and not w.ndim:
        return rf"\frac{{\partial^{{2}} {latex(top)}}}{{\partial {a}^{{2}}}}", f"d2{top.name}/d{p}^2"
    return rf"\frac{{\partial^{{2}} {latex(top)}}}{{\partial {a} \, \partial {b}}}", f"d2{top.name}/d{p} d{q}"


def _free_entries(stacked: Expr, result: Expr, e: Expr, w: Symbol, first: Symbol | None, label: tuple[str, str]) -> list[Step]:
    """The line from all entries to those on and below the diagonal."""
    sides = sides_of_vech(stacked, e, w, first)
    marked = rf"\left.{label[0]}\right|_{{\operatorname{{vech}}}}", f"{label[1]}|vech"
    why = f"vec({w.name}) = Dup*vech({w.name}): an entry above the diagonal moves with the one below"
    return [Step("free-entries", why, sides, result, *marked, ((), ()), NOTHING)]
