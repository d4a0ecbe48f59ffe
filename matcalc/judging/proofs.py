"""Proofs that two formulas are the same function: one normal form for both, or one linear map."""

from __future__ import annotations

from contextlib import suppress

from matcalc.derivations.variables import written_out
from matcalc.errors import MatcalcError
from matcalc.expand import terms_of
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Item,
    Product,
    Quotient,
    Symbol,
    Transpose,
    add,
    brief,
    negate,
    rational,
    substitute,
)
from matcalc.jacobian import stacked_jacobian
from matcalc.node import postorder
from matcalc.ops.reductions import Total, Trace
from matcalc.ops.stacking import Vech
from matcalc.ops.structure import Diag, Diagonal, KhatriRao, Kron, Reshape, Vec, Zeros, zeros
from matcalc.ops.tensors import with_axes_of
from matcalc.ops.triangles import Cumsum, RevCumsum, Tril, Triu
from matcalc.simplify import simplify_all

MOST_TRIED = 4  # symbols by which formulas are tried as linear
SHORT = 60  # formulas of up to this many symbols together
EXPANDED = 200  # two formulas are compared multiplied out up to this many terms
FACTORS = (Product, Hadamard, Kron, KhatriRao)  # zero where one operand is
LINEAR = (Transpose, Trace, Total, Diag, Diagonal, Vec, Vech, Reshape, Tril, Triu, Cumsum, RevCumsum, Item)


def proof_of(a: Expr, b: Expr) -> str:
    """Why two formulas are the same, by normal forms; empty where none shows it."""
    with suppress(MatcalcError):
        one, other, rest = simplify_all([a, b, add(a, negate(b))])
        if one is other:
            return f"both simplify to {brief(one)}"
        if is_zero(rest):
            return "their difference simplifies to zero"
    with suppress(MatcalcError):
        (rest,) = simplify_all([add(*_terms(a), *map(negate, _terms(b)))])
        if is_zero(rest):
            return "their difference, multiplied out, simplifies to zero"
    if not a.is_complex and not b.is_complex:
        with suppress(MatcalcError):
            (rest,) = simplify_all([add(*_terms(written_out(a)), *map(negate, _terms(written_out(b))))])
            if is_zero(rest):
                return "their difference, norms written out, simplifies to zero"
        shared = [s for s in a.symbols if s in b.symbols and not s.has("integer")]
        for s in shared[:MOST_TRIED] if a.leaves + b.leaves <= SHORT else ():
            with suppress(MatcalcError):
                if same_linear_map(a, b, s):
                    return f"both are linear in {s.name}, with the same Jacobian, and are the same where {s.name} is zero"
    return ""


def same_linear_map(a: Expr, b: Expr, s: Symbol) -> bool:
    """Whether the Jacobians of two formulas by a symbol are one, which the symbol is not in; and the formulas agree at zero."""
    one, other = (stacked_jacobian(e, s) for e in (a, b))
    if one is not other or s in one.symbols:
        return False
    if vanishes(a, s) and vanishes(b, s):
        return True
    (rest,) = simplify_all([substitute(add(a, negate(b)), {s: with_axes_of(zeros(s.rows, s.cols), s)})])
    return is_zero(rest)


def vanishes(e: Expr, s: Symbol) -> bool:
    """Whether an expression is plainly zero where a symbol is: every term has it as a factor, inside linear operators alone."""
    zero: dict[Expr, bool] = {}
    for node in postorder([e], lambda x: x.operands):
        parts = [zero[c] for c in node.operands]
        if isinstance(node, FACTORS):
            zero[node] = any(parts)
        elif isinstance(node, (Add, BroadcastAdd, *LINEAR)):
            zero[node] = all(parts)
        elif isinstance(node, Quotient):
            zero[node] = parts[0] and not parts[1]
        else:
            zero[node] = node is s or is_zero(node)
    return zero[e]


def _terms(e: Expr) -> list[Expr]:
    return terms_of(e, EXPANDED, inside=True)


def is_zero(e: Expr) -> bool:
    """Whether an expression is written as zero."""
    return isinstance(e, Zeros) or rational(e) == 0
