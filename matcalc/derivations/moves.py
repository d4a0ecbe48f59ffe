"""Moves across a Frobenius product: ``G : L(D)`` is ``L*(G) : D``, with the rule by which a reader knows it.

What stands on the left afterwards is the pullback of ``L``, found from its definition in indices, so that the table
here holds names and reasons alone.
"""

from __future__ import annotations

from typing import NamedTuple

from matcalc.derivations.coefficients import tidied, tidy_pair
from matcalc.derivations.forms import Pairing, holds_change, is_change
from matcalc.derivations.pairings import untransposed
from matcalc.differentiate import pull
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Item,
    Operator,
    Product,
    Quotient,
    Transpose,
    hadamard,
    product,
    spread,
    transpose,
)
from matcalc.ops.blocks import Slice
from matcalc.ops.matrix_functions import Frechet
from matcalc.ops.reductions import Total, Trace
from matcalc.ops.structure import Diag, Diagonal, Reshape, Vec


class Move(NamedTuple):
    """What one Frobenius product becomes, by which rule, and why: a sentence and a formula."""

    pairs: tuple[Pairing, ...]
    rule: str
    why: str
    formula: str = ""


ACROSS = "a factor moves across the Frobenius product transposed"
PLACE = "place", "what was read off goes back to its place, with zeros elsewhere", ""
ENTRYWISE = "entrywise factors may stand on either side"
DISTRIBUTE = "distribute", "the Frobenius product is linear in each side", "A : (B + C) = A : B + A : C"
PRODUCTS = {
    (True, False): ("move-factor", ACROSS, "A : B*C = B'*A : C"),
    (False, True): ("move-factor", ACROSS, "A : B*C = A*C' : B"),
    (True, True): ("move-factor", ACROSS, "A : B*C*D = B'*A*D' : C"),
}
RULES: dict[type[Expr], tuple[str, str, str]] = {
    Transpose: ("transpose", "transposing both sides changes nothing", "A : B' = A' : B"),
    Diag: ("diagonal", "only the diagonal meets diag(x)", "A : diag(x) = diag(A) : x"),
    Diagonal: ("diagonal", "diag(A) reads the diagonal", "x : diag(A) = diag(x) : A"),
    Vec: ("vec", "vec only moves entries", "vec(A) : vec(B) = A : B"),
    Reshape: ("reshape", "reshape moves entries and changes none, on both sides alike", ""),
    Item: PLACE,
    Slice: PLACE,
    Quotient: ("entrywise", ENTRYWISE, "A : B./C = A./C : B"),
    Frechet: ("adjoint", "the adjoint of the Frechet derivative at A is the one at A'", ""),
}
TOTALS = {
    None: ("sum", "a sum of entries is the Frobenius product with ones", "sum(A) = 1 : A"),
    0: ("sum", "column sums", "x' : sum(A,1) = 1*x' : A"),
    1: ("sum", "row sums", "x : sum(A,2) = x*1' : A"),
}
FROBENIUS = "the Frobenius product of two matrices"
INNER = "frobenius", "an inner product is the Frobenius product of vectors", "x'*y = x : y"


def moved(p: Pairing) -> Move:
    """The outermost operator around the differential on the right, moved to the left."""
    node = p.right
    assert isinstance(node, Operator)
    places = [k for k, c in enumerate(node.operands) if holds_change(c)]
    if isinstance(node, (Add, BroadcastAdd)):
        terms = [node.operands[k] for k in places]
        if isinstance(node, BroadcastAdd):
            terms = [spread(t, (node.rows, node.cols)) for t in terms]
        return Move(tuple(tidy_pair(p.left, t) for t in terms), *DISTRIBUTE)
    if isinstance(node, Product) and node.is_scalar and places == [0]:  # x'*A*y, where the row changes
        rest = tidied(hadamard(p.left, product(*node.args[1:])))
        return Move((tidy_pair(rest, untransposed(transpose(node.args[0]))),), *INNER)
    inner = [node.operands[k] for k in places]
    found = [tidied(pull(node, k, p.left)) for k in places]
    rule = rule_of(node, places[0])
    if isinstance(node, (Trace, Total)) and isinstance(inner[0], (Product, Hadamard)) and is_plain_total(node):
        below = inner[0]
        at = next(k for k, c in enumerate(below.operands) if holds_change(c))
        if isinstance(below, Product) or not below.operands[at].is_scalar:
            found, inner = [tidied(pull(below, at, found[0]))], [below.operands[at]]
            rule = "frobenius", FROBENIUS, "tr(A'*B) = A : B" if isinstance(below, Product) else "sum(A.*B) = A : B"
    return Move(tuple(tidy_pair(g, c) for g, c in zip(found, inner, strict=True)), *rule)


def is_plain_total(node: Expr) -> bool:
    """Whether a reduction takes all entries."""
    return isinstance(node, Trace) or (isinstance(node, Total) and node.axis is None)


def rule_of(node: Operator, k: int) -> tuple[str, str, str]:
    """The rule by which operand ``k`` of a linear operator is freed, the sentence why, and the formula."""
    match node:
        case Product(args) if node.is_scalar and len(args) == 2:
            return INNER
        case Product() if node.is_scalar:
            return "frobenius", "a number is its own trace", "tr(A'*B) = A : B"
        case Product(args):
            return PRODUCTS[k > 0, k < len(args) - 1]
        case Hadamard(args) if args[k].is_scalar and not node.is_scalar:
            return "scalar-factor", "one number s changes, at every entry", "A : s*B = s*(A : B)"
        case Hadamard():
            return "entrywise", ENTRYWISE, "A : (B.*C) = (A.*B) : C"
        case Trace():
            return "trace", "a trace is the Frobenius product with the identity", "tr(A) = I : A"
        case Total(_, axis):
            return TOTALS[axis]
    found = RULES.get(type(node))
    if found is not None:
        return found
    return "adjoint", f"{node.name} is linear here, and its adjoint, applied to A, takes its place on the left", ""


def is_settled(p: Pairing) -> bool:
    """Whether nothing but a differential stands on the right."""
    return is_change(p.right)
