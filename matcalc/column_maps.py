"""The matrix of a linear map between columns, read off the shared graph node by node.

Multiplying sums out first gives shorter answers, but a sum inside a chain of L layers has L addends of up to L factors
each; here it stays nested, and the work is linear in the graph.
"""

from __future__ import annotations

from matcalc.dims import is_unit
from matcalc.expr import Add, Expr, Hadamard, Product, Transpose, add, hadamard, product, transpose
from matcalc.node import postorder
from matcalc.ops.structure import diag, eye


def addend_count(linear: Expr, d: Expr) -> int:
    """How many addends an expression that is linear in ``d`` has once its sums are multiplied out."""
    count: dict[Expr, int] = {}
    for node in postorder([linear], lambda e: e.operands):
        count[node] = 1 if node is d else sum(count[c] for c in node.operands)
    return count[linear]


def column_map(linear: Expr, d: Expr) -> Expr | None:
    """The matrix ``J`` with ``linear = J' d``, both columns; None where an operator on the way is not seen through.

    Every node is mapped from its nearest dominator, the last node that all ways from ``d`` to it go through, so what a
    sum's addends have in common stands outside the sum.
    """
    holds: dict[Expr, bool] = {}
    for node in postorder([linear], lambda e: e.operands):
        holds[node] = node is d or any(holds[c] for c in node.operands)
    before, depth, maps = {d: d}, {d: 0}, {d: eye(d.rows)}  # the dominator, how many there are, the map from the dominator
    for node in postorder([linear], lambda e: [c for c in e.operands if holds[c]]):
        if node is d:
            continue
        inside = [c for c in node.operands if holds[c]]
        if isinstance(node, Add):
            start = inside[0]
            for c in inside[1:]:
                start = _common(start, c, before, depth)
            found: Expr | None = add(*(_way(c, start, before, maps) for c in inside))
        else:
            start = inside[0] if inside else node
            found = _local(node, start) if len(inside) == 1 else None
        if found is None:
            return None
        before[node], depth[node], maps[node] = start, depth[start] + 1, found
    return _way(linear, d, before, maps)


def _common(a: Expr, b: Expr, before: dict[Expr, Expr], depth: dict[Expr, int]) -> Expr:
    """The nearest dominator of two nodes."""
    while a is not b:
        if depth[a] < depth[b]:
            a, b = b, a
        a = before[a]
    return a


def _way(node: Expr, start: Expr, before: dict[Expr, Expr], maps: dict[Expr, Expr]) -> Expr:
    """The map of a node from one of its dominators."""
    parts = []
    while node is not start:
        parts.append(maps[node])
        node = before[node]
    return product(*reversed(parts)) if len(parts) > 1 else parts[0] if parts else eye(start.rows)


def _local(node: Expr, c: Expr) -> Expr | None:
    """The map of a node from its operand ``c``, each as a column."""
    column = c if is_unit(c.cols) else transpose(c)
    match node:
        case Transpose() if is_unit(node.rows) or is_unit(node.cols):
            return eye(column.rows)
        case Product():
            if is_unit(node.cols) and node.args[-1] is c and is_unit(c.cols):  # A x
                return transpose(product(*node.args[:-1]))
            if is_unit(node.rows) and node.args[0] is c and is_unit(c.rows):  # x' A
                return product(*node.args[1:])
        case Hadamard():
            others = [a for a in node.args if a is not c]
            scalars, arrays = [a for a in others if a.is_scalar], [a for a in others if not a.is_scalar]
            if len(others) != len(node.args) - 1:
                return None
            rest = hadamard(*arrays) if arrays else None
            if rest is not None and is_unit(rest.cols) == is_unit(rest.rows):
                return None
            if c.is_scalar:
                body = eye(1) if rest is None else rest if is_unit(rest.rows) else transpose(rest)
            elif rest is None:
                body = eye(column.rows)
            elif rest.shape == c.shape:
                body = diag(transpose(rest) if is_unit(rest.rows) else rest)
            else:
                return None
            return hadamard(*scalars, body)
        case _:
            return None
    return None
