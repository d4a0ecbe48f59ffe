"""Names that a reader knows, wherever they make an expression shorter.

Each function in the tables looks at one node of an expression as it is shown, its operands being done, and answers
the node under a name, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Let,
    Power,
    Product,
    Quotient,
)
from matcalc.node import postorder
from matcalc.rewrite import first_match
from matcalc.rules.naming_entrywise import ENTRYWISE
from matcalc.rules.naming_functions import NAMES
from matcalc.rules.naming_products import PRODUCTS
from matcalc.rules.naming_sums import SUMS


def recognised(roots: Sequence[Expr]) -> list[Expr]:
    """Expressions with what has a name called by it, where that is shorter; over their shared graph."""
    done: dict[Expr, Expr] = {}
    for node in postorder(roots, lambda e: () if isinstance(e, Let) else e.operands):
        done[node] = node if isinstance(node, Let) else with_name(node.rebuild([done[k] for k in node.operands]))
    return [done[r] for r in roots]


def with_name(e: Expr) -> Expr:
    """One node under its shortest name."""
    while not e.is_complex:
        options = [new for new in candidates(e) if new.cost < e.cost and (new.rows, new.cols) == (e.rows, e.cols)]
        if not options:
            break
        e = min(options, key=lambda x: x.cost)
    return e


def candidates(e: Expr) -> Iterable[Expr]:
    """What a node may be called."""
    match e:
        case Quotient() | Hadamard() | Power():
            ways: Sequence[Callable[[Expr], Expr | None]] = ENTRYWISE
        case Product():
            ways = PRODUCTS
        case Add() | BroadcastAdd():
            ways = SUMS
        case _:
            hit = first_match(e, NAMES)
            return [] if hit is None else [hit[1]]
    return [new for new in (way(e) for way in ways) if new is not None]
