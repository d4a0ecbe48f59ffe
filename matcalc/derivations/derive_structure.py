"""The last lines of a derivative by a structured matrix: from the one by every entry to the one asked for."""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from matcalc.derivations.derivation import Derivation
from matcalc.derivations.derive_lines import Lines
from matcalc.derivations.index_form import plus
from matcalc.derivations.steps import Arranged, Step
from matcalc.derivations.variables import free_name
from matcalc.dims import Dim, is_unit
from matcalc.expr import Expr, GradientSymbol, JacobianSymbol, Symbol, product, transpose
from matcalc.index import Delta, Entry, Index, Num, Sum, Term, Times
from matcalc.ops.structure import UnitVector, reshape, vec
from matcalc.printing import latex, text
from matcalc.printing.index_terms import IndexNames
from matcalc.simplify import simplify_all
from matcalc.structure import STRUCTURED, restructured, structure_matrix

HALF, ONE, ZERO = sp.Rational(1, 2), sp.Integer(1), sp.Integer(0)


@dataclass(frozen=True)
class Moves:
    """How the entries of a structured matrix move: ``dS_ij`` by a step at ``(k, l)``, as numbers of each kind of delta."""

    why: str
    same: sp.Rational  # delta_ik delta_jl
    mirror: sp.Rational  # delta_il delta_jk
    diagonal: sp.Rational  # delta_ik delta_jl delta_kl


MOVES: dict[tuple[str, str], Moves] = {
    ("symmetric", "projected"): Moves("{0} is symmetric: entry ({l},{k}) moves as much as ({k},{l})", HALF, HALF, ZERO),
    ("symmetric", "independent"): Moves("{0}[{k},{l}] and {0}[{l},{k}] are one, on the diagonal once", ONE, ONE, -ONE),
    ("skew", "projected"): Moves("{0} is skew: entry ({l},{k}) moves against ({k},{l})", HALF, -HALF, ZERO),
    ("skew", "independent"): Moves("{0}[{l},{k}] = -{0}[{k},{l}] are one variable", ONE, -ONE, ZERO),
    ("diagonal", "projected"): Moves("{0} is diagonal: nothing moves off the diagonal", ZERO, ZERO, ONE),
    ("diagonal", "independent"): Moves("{0} is diagonal: nothing moves off the diagonal", ZERO, ZERO, ONE),
    ("zero_diagonal", "projected"): Moves("the diagonal of {0} is zero and does not move", ONE, ZERO, -ONE),
    ("zero_diagonal", "independent"): Moves("the diagonal of {0} is zero and does not move", ONE, ZERO, -ONE),
}  # fmt: skip
WHY = {
    "lower_triangular": "{0} is lower triangular: nothing above the diagonal moves",
    "orthogonal": "{0}'{0} = I: a step D keeps it to first order where {0}'D is skew; G loses the part that is not",
    "toeplitz": "the entries along a diagonal of {0} are one variable",
}


def add_structure(d: Derivation, structure: str) -> None:
    """Go on from the gradient by every entry of ``wrt`` to its structured one."""
    w, ambient = d.wrt, d.result
    facts = sorted(f for f in STRUCTURED if w.has(f))
    (result,) = simplify_all([restructured(ambient, w, structure)])
    if not facts or structure == "ambient":
        return
    top = d.variables[-1].name
    symbol = GradientSymbol(f"d{top}/d{w.name}", (w.rows, w.cols), (), top, w.name)
    d.gradients[symbol] = ambient
    label = rf"\left.{latex(symbol)}\right|_{{\text{{{structure}}}}}", f"d{top}/d{w.name}|{structure}"
    kind = "diagonal" if "diagonal" in facts else "+".join(facts)
    moves = MOVES.get((kind, structure))
    if moves is not None and not w.is_scalar:
        _in_entries(d, w, symbol, moves, label)
    else:
        told = _told(w)
        form = restructured(symbol, w, structure)
        d.steps.append(Step("structure", told, form, form, *label, ((), ()), IndexNames(())))
    last = d.steps[-1].after
    if last is not result:
        why = "put the gradient by every entry in, and simplify"
        d.steps.append(Step("insert", why, last, result, *label, ((), ()), IndexNames(())))
    d.result = result


def _in_entries(d: Derivation, w: Symbol, g: GradientSymbol, moves: Moves, label: tuple[str, str]) -> None:
    """The chain rule over the entries that move together, contracted, and its matrix form."""
    i, j, k, l = (Index.fresh(w.rows) for _ in range(4))  # noqa: E741 - the field's own letter
    names = IndexNames((k, l, i, j), {s.name for s in d.function.symbols})
    table = (
        (moves.same, (Delta(i, k), Delta(j, l)), (Entry(g, k, l),)),
        (moves.mirror, (Delta(i, l), Delta(j, k)), (Entry(g, l, k),)),
        (moves.diagonal, (Delta(i, k), Delta(j, l), Delta(k, l)), (Delta(k, l), Entry(g, k, l))),
    )
    steps = [_scaled(n, deltas) for n, deltas, _ in table if n != 0]
    ties = [_scaled(n, found) for n, _, found in table if n != 0]
    whole: Term = Sum(i, Sum(j, Times((Entry(g, i, j), plus(steps)))))
    short = plus(ties)
    free = (k, l), (w.rows, w.cols)
    place = f"{names[k]}{names[l]}"
    entry = rf"\left({label[0]}\right)_{{{place}}}", f"({label[1]})[{names[k]},{names[l]}]"
    why = moves.why.format(w.name, k=names[k], l=names[l])
    d.steps.append(Step("structure", why, whole, whole, *entry, free, names))
    d.steps.append(Step("contract", "a delta sums to the one index that it ties", whole, short, *entry, free, names))
    matrix = restructured(g, w, label[1].rpartition("|")[2])
    (form,) = simplify_all([matrix])
    why = f"entry ({names[l]},{names[k]}) of a matrix is entry ({names[k]},{names[l]}) of its transpose"
    if moves.diagonal != 0:
        why = f"delta_{names[k]}{names[l]} keeps the diagonal" + (f"; {why}" if moves.mirror != 0 else "")
    d.steps.append(Step("matrix-form", why, short, form, *label, free, names))


def _told(w: Symbol) -> str:
    """What the structure of a symbol means for the entries that move."""
    facts = sorted(f for f in STRUCTURED if w.has(f))
    kind = "diagonal" if "diagonal" in facts else "+".join(facts)
    return " ".join(WHY[f].format(w.name) for f in facts if f in WHY) or f"{w.name} is {kind.replace('+', ' and ')}"


# ------------------------------------------------------------------ Jacobians and Hessians in vec form
def structured_steps(
    lines: Lines, symbol: JacobianSymbol, stacked: tuple[Expr, Expr], by: tuple[Symbol | None, Symbol],
    dims: tuple[Dim, ...], label: tuple[str, str], structure: str,
) -> list[Step]:  # fmt: skip
    """The lines from a Jacobian in vec form, named ``symbol``, to the structured one; ``stacked`` holds both.

    ``by`` is what rows and columns are by; the rows of a Jacobian, with None, are not by a symbol.
    """
    ambient, structured = stacked
    left, right = (None if s is None else structure_matrix(s, structure) for s in by)
    sides: dict[Symbol, tuple[Expr, Expr]] = {}
    for s, matrix, whole in ((by[0], left, ambient), (by[1], right, transpose(ambient))):
        if s is not None and matrix is not None:
            sides.setdefault(s, (simplify_all([matrix])[0], whole))
    if not sides:
        return []
    lines.gradients[symbol] = ambient
    steps = [_matrix_line(lines, s, matrix, whole, structure) for s, (matrix, whole) in sides.items()]
    parts: list[Expr] = [symbol]
    if left is not None and by[0] is not None:
        parts.insert(0, transpose(sides[by[0]][0]))
    if right is not None:
        parts.append(sides[by[1]][0])
    why = "each row is such a gradient" if left is None else "rows and columns are by entries that move so"
    named = Arranged(product(*parts), "stacked")
    free = ((None,) * 4, dims)
    marked = structured_label(label, structure)
    steps.append(Step("structure", why, named, named, *marked, free, IndexNames(())))
    after = Arranged(structured, "stacked")
    steps.append(Step("insert", "put the Jacobian in, and simplify", named, after, *marked, free, IndexNames(())))
    return steps


def structured_label(label: tuple[str, str], structure: str) -> tuple[str, str]:
    """The name of a derivative in the sense of ``structure``, in LaTeX and in text."""
    return rf"\left.{label[0]}\right|_{{\text{{{structure}}}}}", f"{label[1]}|{structure}"


def _matrix_line(lines: Lines, w: Symbol, matrix: Expr, columns: Expr, structure: str) -> Step:
    """``vec`` of a structured gradient as a matrix times ``vec`` of the ambient one, such as the first of ``columns``."""
    first = columns if is_unit(columns.cols) else product(columns, UnitVector(1, columns.cols))
    known = {n.name for n in lines.gradients if isinstance(n, Symbol)} | lines.taken
    g = Symbol(free_name(lines.original, "G", known), w.dims, ())
    lines.gradients[g] = reshape(first, w.rows, w.cols)
    turned, after = vec(restructured(g, w, structure)), product(matrix, vec(g))
    facts = " and ".join(f.replace("_", " ") for f in STRUCTURED if w.has(f))
    why = f"{w.name} is {facts}: a gradient {g.name} by all its entries becomes {text(turned.operands[0])}"
    return Step("structure", why, turned, after, latex(turned), text(turned), ((), ()), IndexNames(()))


def _scaled(number: sp.Rational, parts: tuple[Term, ...]) -> Term:
    found = parts if number == 1 else (Num(number), *parts)
    return found[0] if len(found) == 1 else Times(found)
