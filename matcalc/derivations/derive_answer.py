"""What a derivative is and how it is laid out, in words."""

from __future__ import annotations

from matcalc.expr import Expr, Symbol


def layout_said(kind: str, f: Expr, name: str, w: Symbol, w2: Symbol, layout: str, structure: str) -> str:
    """What a derivative is and in which layout; ``name`` is that of the function."""
    how = "" if structure == "ambient" else f"{structure} "
    match kind:
        case "grad" if f.is_complex:
            return f"complex derivative, in the shape of {w.name}"
        case "grad":
            return f"{how}gradient, in the shape of {w.name}"
        case "vjp":
            return f"gradient of the loss, in the shape of {w.name}"
        case "jacobian":
            return f"{how}Jacobian{_layout(layout, f, name, w, w)}"
        case "hessian":
            return f"{how}Hessian{_layout(layout, w, w.name, w2, w)}"
        case "hvp":
            return f"change of the gradient, in the shape of {w.name}"
        case _:
            return "change of the function, in its shape"


def _layout(layout: str, above: Expr, name: str, w: Symbol, w1: Symbol) -> str:
    """Which axes of a Jacobian are whose; ``above`` is what is differentiated by ``w``."""
    if layout == "vec":
        return f", vec layout, rows by vec({name}) and columns by vec({w.name})"
    if layout == "vech":
        rows = f"vech({w1.name})" if isinstance(above, Symbol) else f"vec({name})"
        return f", vech layout, rows by {rows} and columns by vech({w.name})"
    if above.is_scalar or w.is_scalar:
        return f", in the shape of {w.name if above.is_scalar else name}"
    first, second = (w.name, name) if layout == "denominator" else (name, w.name)
    if above.ndim == w.ndim == 1:
        return f", {layout} layout, rows by {first} and columns by {second}"
    return f", {layout} layout, the axes of {first} first, then those of {second}"
