"""The steps of a derivation in full: each delta by itself, and each move of a simplification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from matcalc.derivations.contractions import contractions
from matcalc.derivations.simplify_steps import simplification
from matcalc.derivations.steps import Arranged, Step, form_of, is_term
from matcalc.expr import Expr, Let
from matcalc.node import postorder


def finer(step: Step, gradients: Mapping[Expr, Expr]) -> list[Step]:
    """A step as smaller ones that lead to the same result, where there are any; ``gradients`` has the values of symbols."""
    if step.rule == "contract" and is_term(step.before) and is_term(step.after):
        return contractions(step)
    if step.rule in ("insert", "sum") and isinstance(step.before, (Expr, Arranged)):
        return insertions(step, gradients)
    return [step]


def insertions(step: Step, gradients: Mapping[Expr, Expr]) -> list[Step]:
    """Values put in first, then each move of the simplification."""
    assert isinstance(step.before, (Expr, Arranged))
    start = form_of(step.before)
    moves: list[tuple[str, str, Expr]] = []
    if step.rule == "insert":
        valued = _with_values(start, gradients)
        if valued is not start:
            moves.append(("insert", "put the intermediate results in", valued))
        (spelt,) = spelt_out(valued)
        if spelt is not valued:
            moves.append(("insert", "put in what the variables stand for", spelt))
        start = spelt
    else:
        moves.append((step.rule, step.why, start))
    moves.extend(simplification(start))
    assert isinstance(step.after, (Expr, Arranged))
    result = form_of(step.after)
    if moves and moves[-1][2] is not result:
        moves.append((step.rule, "the same, as the answer writes it", result))
    if not moves:
        return [step]
    out: list[Step] = []
    before = step.before
    for k, (rule, why, form) in enumerate(moves):
        last = k == len(moves) - 1
        after = step.after if last else form if isinstance(before, Expr) else Arranged(form, before.layout)
        out.append(replace(step, rule=rule, why=why, before=before, after=after))
        assert isinstance(after, (Expr, Arranged))
        before = after
    return out


def _with_values(e: Expr, gradients: Mapping[Expr, Expr]) -> Expr:
    """An expression with the symbols of intermediate results replaced by their values, and those in these."""
    done: dict[Expr, Expr] = {}
    for node in postorder([e], lambda x: (gradients[x],) if x in gradients else () if isinstance(x, Let) else x.operands):
        if node in gradients:
            done[node] = done[gradients[node]]
        elif isinstance(node, Let) or not node.operands:
            done[node] = node
        else:
            done[node] = node.rebuild([done[c] for c in node.operands])
    return done[e]


def spelt_out(*roots: Expr) -> list[Expr]:
    """Expressions with variables replaced by what they stand for."""
    done: dict[Expr, Expr] = {}
    for node in postorder(roots, lambda x: x.operands):
        new = node.rebuild([done[c] for c in node.operands]) if node.operands else node
        done[node] = new.arg if isinstance(new, Let) else new
    return [done[r] for r in roots]
