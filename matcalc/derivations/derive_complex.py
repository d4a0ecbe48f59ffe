"""Derivations of real functions with something complex in them: a variable and its conjugate as two variables.

The gradient is twice the derivative by the conjugate [Kreutz-Delgado, The Complex Gradient Operator, 2009].
"""

from __future__ import annotations

from matcalc.calculus import TWO, pulled_back, steepest
from matcalc.conjugates import independent, is_real
from matcalc.derivations.derivation import Derivation
from matcalc.derivations.derive_gradient import GradientLines
from matcalc.derivations.steps import Step
from matcalc.derivations.variables import free_name
from matcalc.differentiate import reverse_sweep
from matcalc.expr import ONE, Expr, GradientSymbol, Symbol, hadamard, substitute
from matcalc.ops.complex import Conj, Real
from matcalc.printing import latex, text
from matcalc.printing.index_terms import IndexNames
from matcalc.simplify import simplify_all

NOTHING = ((), ()), IndexNames(())


def complex_derivation(e: Expr, w: Symbol) -> Derivation:
    """The derivation of the gradient of a real function, something in which is complex.

    A function that is not real has no gradient: what is derived is its derivative by ``w``, if that is real or the function
    holomorphic in it, or that by ``conj(w)``, if it depends on nothing else.
    """
    if not is_real(e) and not (w.is_complex and is_real(substitute(e, {w: w.free}))):
        return one_sided_derivation(e, w)
    (result,) = steepest(e, [w])
    function = e if is_real(substitute(e, {w: w.free})) else Real(e)  # real for a hermitian variable only
    parts = independent(function, [w])
    (partner,) = parts.partners
    bar = partner if partner is w else Symbol(free_name(e, f"{w.name}_bar", set()), w.dims, ("complex",))
    body = substitute(parts.body, {partner: bar})
    (slope,) = simplify_all(reverse_sweep(body, ONE, [bar]))
    lines = GradientLines(body, bar, ONE, slope)
    steps = lines.run().steps
    told = "absolute values, norms, real and imaginary parts are written by conjugates"
    if bar is not w:
        told += f"; {bar.name} stands for conj({w.name})"
    steps.insert(0, Step("conjugates", told, function, body, latex(e), text(e), *NOTHING))
    known: dict[Expr, Expr] = {} if bar is w else {bar: Conj(w)}
    known.update(lines.gradients)
    top = lines.top.name
    symbol = GradientSymbol(f"d{top}/d{bar.name}", w.dims, ("complex",) if slope.is_complex else (), top, bar.name)
    known[symbol] = slope
    whole, why = hadamard(TWO, symbol), f"a real function rises fastest along twice its derivative by conj({w.name})"
    if bar is w:
        whole, why = Real(symbol), f"{w.name} is real, and so is the gradient of a real function by it"
    if bar is not w or slope.is_complex:
        label = rf"\nabla_{{{latex(w)}}} {latex(lines.top)}", f"grad {top}"
        steps.append(Step("wirtinger", why, whole, whole, *label, *NOTHING))
        steps.append(Step("insert", "put the derivative in, and simplify", whole, result, *label, *NOTHING))
    elif slope is not result:
        steps.append(Step("insert", "simplify", slope, result, *lines.quotient(w), *NOTHING))
    heading = lines.heading()
    if bar is not w:
        heading += f"\n{w.name} and {bar.name} = conj({w.name}) are taken as two independent variables (Wirtinger)"
    conditions = tuple(dict.fromkeys((*e.conditions, *result.conditions)))
    return Derivation(e, w, result, steps, lines.variables, known, heading, None, conditions)


def one_sided_derivation(e: Expr, w: Symbol) -> Derivation:
    """The derivation of the derivative of a complex function by ``w`` or by ``conj(w)``, the one that it depends on."""
    if not w.is_complex:
        (result,) = pulled_back(e, ONE, [w])
        lines = GradientLines(e, w, ONE, result)
        return complex_answer(e, w, result, lines, lines.run().steps, {})
    parts = independent(e, [w])
    (free,), (partner,) = parts.free, parts.partners
    if free in parts.body.symbols:
        parts.require_holomorphic(e)
    by_conjugate = partner in parts.body.symbols
    bar = Symbol(free_name(e, f"{w.name}_bar", set()), w.dims, ("complex",)) if by_conjugate else w
    body = substitute(parts.body, {partner: bar, free: w})
    (slope,) = simplify_all(reverse_sweep(body, ONE, [bar]))
    result = substitute(slope, {bar: Conj(w)}) if by_conjugate else slope
    lines = GradientLines(body, bar, ONE, slope)
    steps = lines.run().steps
    if by_conjugate:
        told = f"{bar.name} stands for conj({w.name}), on which alone the function depends"
        steps.insert(0, Step("conjugates", told, e, body, latex(e), text(e), *NOTHING))
    if slope is not result:
        steps.append(Step("insert", f"{bar.name} is conj({w.name})", slope, result, *lines.quotient(bar), *NOTHING))
    return complex_answer(e, w, result, lines, steps, {bar: Conj(w)} if by_conjugate else {})


def complex_answer(
    e: Expr, w: Symbol, result: Expr, lines: GradientLines, steps: list[Step], known: dict[Expr, Expr]
) -> Derivation:
    """The derivation of a complex derivative, of its steps."""
    known.update(lines.gradients)
    heading = lines.heading() + "\nthe function is not real: this is its complex derivative, not a gradient"
    conditions = tuple(dict.fromkeys((*e.conditions, *result.conditions)))
    return Derivation(e, w, result, steps, lines.variables, known, heading, None, conditions)
