"""The second derivative's normal form: convex where it is psd on a convex domain without kinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matcalc.curvature.bends import AFFINE, CONCAVE, CONVEX
from matcalc.curvature.compositions import Curvatures
from matcalc.curvature.facts import Fact, premises
from matcalc.curvature.graphs import GRAPHS
from matcalc.curvature.interval import POSITIVE
from matcalc.errors import MatcalcError
from matcalc.expand import expand
from matcalc.expr import Entrywise, Expr, Operator, Power, Quotient, Symbol, brief, hadamard, negate, rational, symbol
from matcalc.jacobian import hessian, hvp
from matcalc.node import postorder
from matcalc.ops.blocks import block
from matcalc.ops.elementwise import Unary
from matcalc.ops.linalg import Adjugate, Det, Inverse, LogDet, MatrixPower
from matcalc.ops.matrix_functions import Cosm, Expm, Logm, Sinm, Sqrtm
from matcalc.ops.reductions import LogSumExp, Norm2, NormF, Prod, ProdOthers, Softmax, total
from matcalc.ops.triangles import Cumsum, RevCumsum, Tril, Triu
from matcalc.simplify import simplify_all
from matcalc.structure import STRUCTURED

SMOOTH = (Det, Adjugate, Expm, Sinm, Cosm, LogSumExp, Softmax, Prod, ProdOthers, Tril, Triu, Cumsum, RevCumsum)  # everywhere
ON_PD = (Inverse, LogDet, Sqrtm, Logm)
DIRECTION = "D"
MOST_TERMS = 12  # of one that is simplified again
MOST_NODES = 60  # of an expression that is multiplied out


@dataclass(frozen=True)
class SecondOrder:
    """What the second derivative shows."""

    kind: str
    strict: bool
    fact: Fact


def second_order(
    e: Expr, variables: Sequence[Symbol], curves: Curvatures, kinds: Sequence[str] = (CONVEX, CONCAVE)
) -> SecondOrder | str:
    """Convex or concave, whichever of ``kinds``, or affine by the second derivative; or a sentence that says why not."""
    kink = obstacle(e, curves)
    if kink is not None:
        return kink
    try:
        if len(variables) > 1:
            return by_blocks(e, variables, curves, kinds)
        (w,) = variables
        if w.is_scalar or w.ndim == 1:
            name = f"its {'second derivative' if w.is_scalar else 'Hessian'} by {w.name}"
            found = by_matrix(e, hessian(e, w), name, curves, kinds)
            return found if isinstance(found, SecondOrder) or w.is_scalar else by_direction(e, w, curves, found)
        return by_direction(e, w, curves, "")
    except MatcalcError as error:
        return f"its second derivative is not available: {str(error).splitlines()[0]}"


def by_matrix(e: Expr, h: object, name: str, curves: Curvatures, kinds: Sequence[str]) -> SecondOrder | str:
    """By the definiteness of a Hessian."""
    assert isinstance(h, Expr)
    if is_zero(h, curves):
        return SecondOrder(AFFINE, False, Fact(e, AFFINE, "zero-hessian", f"{name} is 0"))
    for kind in kinds:
        which = "" if kind == CONVEX else "the negative of "
        for form in forms_of(h if kind == CONVEX else negate(h)):
            proof = curves.prover.definite(form)
            if proof is None:
                continue
            strict = proof.claim == "pd"
            word = (
                ("positive" if strict else "not negative") if form.is_scalar else f"positive {'' if strict else 'semi'}definite"
            )
            shown = curves.prover.range(form).fact if form.is_scalar else proof
            why = f"{which}{name} is {word} on a convex domain"
            return SecondOrder(kind, strict, Fact(e, "strictly " * strict + kind, "hessian", why, premises([shown])))
    return f"{name}, {brief(h)}, is not known to be semidefinite"


def by_direction(e: Expr, w: Symbol, curves: Curvatures, before: str) -> SecondOrder | str:
    """By the second directional derivative, a quadratic form in the direction."""
    d = direction(e, w)
    form = total(hadamard(d, hvp(e, w, d)))
    (form,) = simplify_all([form])
    if is_zero(form, curves):
        return SecondOrder(AFFINE, False, Fact(e, AFFINE, "zero-hessian", "its second directional derivative is 0"))
    along = Curvatures([d], curves.prover)
    for candidate in forms_of(form):
        found = along.of(candidate)
        if found is not None and found.kind in (CONVEX, CONCAVE):
            which = "not negative" if found.kind == CONVEX else "not positive"
            why = f"its second derivative along {d.name}, {brief(form)}, is {which}, on a convex domain"
            used = () if found.fact is None else (found.fact,)
            strict = d in found.pins
            return SecondOrder(found.kind, strict, Fact(e, "strictly " * strict + found.kind, "second-derivative", why, used))
    return before or f"its second derivative along {d.name}, {brief(form)}, is not known to keep its sign"


def direction(e: Expr, w: Symbol) -> Symbol:
    """A direction in which the variable can move, of its own structure."""
    taken = {s.name for s in e.symbols} | {w.name}
    name = next(f"{DIRECTION}{k or ''}" for k in range(len(taken) + 1) if f"{DIRECTION}{k or ''}" not in taken)
    return symbol(name, (w.rows, w.cols), [f for f in STRUCTURED if w.has(f) and f not in ("orthogonal", "unit", "simplex")])


def by_blocks(e: Expr, variables: Sequence[Symbol], curves: Curvatures, kinds: Sequence[str]) -> SecondOrder | str:
    """By the Hessian in several scalars and vectors, block by block."""
    if any(not (w.is_scalar or w.ndim == 1) for w in variables):
        return "its Hessian by several matrices together has no form that is looked at here"
    rows = []
    for v in variables:
        row = []
        for w in variables:
            part = hessian(e, v, w)
            assert isinstance(part, Expr)
            row.append(part.T if v.is_scalar and not w.is_scalar and part.rows is not v.rows else part)
        rows.append(row)
    return by_matrix(e, block(rows), f"its Hessian by {', '.join(w.name for w in variables)}", curves, kinds)


def forms_of(e: Expr) -> list[Expr]:
    """An expression in the forms that are tried: as it is, simplified, multiplied out."""
    (short,) = simplify_all([e])
    found = [e, short]
    if short.node_count() > MOST_NODES:
        return found
    try:
        wide = expand(short)
        found += [wide, *(simplify_all([wide]) if len(wide.operands) <= MOST_TERMS else [])]
    except MatcalcError:
        return found
    return list(dict.fromkeys(found))


def is_zero(e: Expr, curves: Curvatures) -> bool:
    """Whether all entries are 0."""
    return curves.prover.range(e).interval.is_zero


# ------------------------------------------------------------------ domains without kinks
def obstacle(e: Expr, curves: Curvatures) -> str | None:
    """Why the second derivative does not decide: a kink, or a domain that may not be convex."""
    for node in postorder([e], lambda x: x.operands):
        if curves.depends(node) and isinstance(node, Operator) and not is_smooth(node, curves):
            return f"{brief(node)} may have a kink, or a domain that is not convex"
    return None


def is_smooth(e: Operator, curves: Curvatures) -> bool:
    """Whether an operator has two continuous derivatives wherever it is defined, and that is on a convex set."""
    if e.structural or isinstance(e, SMOOTH) or not any(curves.depends(c) for c in e.operands):
        return True
    if isinstance(e, Quotient):
        return not curves.depends(e.below) or keeps_off_zero(e.below, curves)
    if isinstance(e, Power):
        p = rational(e.exponent)
        if p is not None and p.is_Integer:
            return bool(p >= 0) or keeps_off_zero(e.base, curves)
        return lies_above_zero(e.base, curves)
    if isinstance(e, (*ON_PD, MatrixPower)):
        p = rational(e.operands[1]) if isinstance(e, MatrixPower) else None
        if isinstance(e, MatrixPower) and (p is None or p >= 0):
            return p is not None
        proof, form = curves.prover.definite(e.operands[0]), curves.form(e.operands[0])
        return proof is not None and (proof.claim == "pd" or (form is not None and form.is_concave))
    if isinstance(e, (Norm2, NormF)):
        return curves.prover.range(e).interval.is_positive
    if isinstance(e, Entrywise) and e.definition is not None:
        return obstacle(e.definition, curves) is None
    graph = GRAPHS.get(type(e).__name__)
    if graph is None or not isinstance(e, Unary) or not graph.smooth:
        return False
    if graph.domain.is_everything:
        return True
    if graph.domain.low == 0:
        return lies_above_zero(e.arg, curves)
    bend = curves.of(e.arg)
    return bend is not None and bend.is_affine


def keeps_off_zero(e: Expr, curves: Curvatures) -> bool:
    """Whether no entry is ever 0."""
    interval = curves.prover.range(e).interval
    return interval.is_positive or interval.is_negative


def lies_above_zero(e: Expr, curves: Curvatures) -> bool:
    """Whether all entries are positive, or positive on a convex set, outside of which the function is not defined."""
    if curves.prover.range(e).interval.within(POSITIVE):
        return True
    bend = curves.of(e)
    return bend is not None and bend.is_concave
