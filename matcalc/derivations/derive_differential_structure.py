"""The last line of a derivation by differentials for a structured matrix: what ``dX`` cannot reach is left out."""

from __future__ import annotations

from matcalc.derivations.derivation import Derivation
from matcalc.derivations.forms import Change, Form, Pairing
from matcalc.derivations.steps import Step
from matcalc.expr import DifferentialSymbol, GradientSymbol
from matcalc.printing import latex, text
from matcalc.printing.index_terms import IndexNames
from matcalc.simplify import simplify_all
from matcalc.structure import STRUCTURED, restructured

WHY = {  # for the structures whose matrices form a linear space, in which dX lies
    "symmetric": "d{0} is symmetric, so that G : d{0} = G' : d{0}",
    "skew": "d{0} is skew, so that G : d{0} = -G' : d{0}",
    "diagonal": "d{0} is diagonal, and meets the diagonal of G alone",
    "lower_triangular": "d{0} is lower triangular, and meets that part of G alone",
    "zero_diagonal": "the diagonal of d{0} is zero, and that of G meets nothing",
    "toeplitz": "d{0} is constant along each diagonal, and meets only the means of G along these",
}


def add_projection(d: Derivation) -> bool:
    """Go on from ``df = G : dX`` to the part of ``G`` inside a linear structure of ``wrt``; False where it has none."""
    w = d.wrt
    facts = tuple(f for f in STRUCTURED if w.has(f))
    reached = next((s for s in reversed(d.steps) if isinstance(s.after, Form)), None)
    if reached is None or not facts or not set(facts) <= set(WHY) or w.is_scalar:
        return False
    assert isinstance(reached.after, Form)
    (pair,) = reached.after.pairs
    assert isinstance(pair.right, DifferentialSymbol)
    change = DifferentialSymbol(pair.right.name, w.dims, facts, pair.right.variable, w.name)
    d.changes[change] = Change(w, w, change)
    top = d.variables[-1].name
    g = GradientSymbol(f"d{top}/d{w.name}", w.dims, (), top, w.name)
    d.gradients[g] = d.result
    named = restructured(g, w, "projected")
    (result,) = simplify_all([restructured(d.result, w, "projected")])
    why = "; ".join(WHY[f].format(w.name) for f in facts)
    before, after = Form((Pairing(g, change),)), Form((Pairing(named, change),))
    free, none = ((), ()), IndexNames(())
    d.steps.append(Step("structure", why, before, after, reached.label, reached.plain, free, none))
    label = rf"\left.{latex(g)}\right|_{{\text{{projected}}}}", f"{text(g)}|projected"
    d.steps.append(Step("read-off", f"what is left lies in the same space as {text(change)}", named, named, *label, free, none))
    if named is not result:
        why = "put the gradient by every entry in, and simplify"
        d.steps.append(Step("insert", why, named, result, *label, free, none))
    d.result = result
    return True
