"""Networks with any number of free indices, as one matrix whose rows and columns stack them.

What the free indices are coupled by falls into blocks: a matrix between a row index and a column index, a vector on one
of them, a matrix between two row indices. Their Kronecker product has the row indices in the order of the blocks;
commutation matrices between identities put them in the order asked for [Magnus and Neudecker, 2019, chapter 3, section 7].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from matcalc.dims import times_dim
from matcalc.expr import ONE, Expr, Ones, product, transpose
from matcalc.index import Index
from matcalc.ops.stacking import commutation
from matcalc.ops.structure import Diag, Eye, eye, vec
from matcalc.rules.chain import chain, product_of
from matcalc.rules.closed_form import Graph, NoMatrixForm
from matcalc.rules.kronecker import kron

MOST_BLOCKS = 6  # orders of up to this many blocks are compared


@dataclass(frozen=True)
class Block:
    """A factor of the Kronecker product, with the row indices that it has; of columns, their places."""

    matrix: Expr
    rows: tuple[Index, ...]
    cols: tuple[int, ...]


def permuted_form(g: Graph, rows: Sequence[Index | None], cols: Sequence[Index | None]) -> Expr:
    """A reduced graph as a matrix whose rows stack ``rows``, the last running fastest, and whose columns stack ``cols``.

    Raises
    ------
    NoMatrixForm
        If its free indices are not coupled two by two.
    """
    wanted = [v for v in rows if v is not None]
    across = [v for v in cols if v is not None]
    blocks = blocks_of(g, wanted, across)
    if len(blocks) > MOST_BLOCKS:
        raise NoMatrixForm(f"the free indices fall into {len(blocks)} parts", g)
    orders = [
        order
        for order in permutations(blocks)
        if [c for b in order for c in b.cols] == sorted(c for b in blocks for c in b.cols)
    ]
    if not orders:
        raise NoMatrixForm("the column indices are coupled across one another", g)
    forms = [(swaps(order, wanted), joined(order)) for order in orders]
    moves, body = min(forms, key=lambda form: (len(form[0]), form[1].cost))
    return product(*reversed(moves), body) if moves else body


def joined(order: Sequence[Block]) -> Expr:
    """The Kronecker product of blocks, identities next to each other as one."""
    factors: list[Expr] = []
    for b in order:
        if factors and isinstance(factors[-1], Eye) and isinstance(b.matrix, Eye):
            factors[-1] = kron(factors[-1], b.matrix)
        else:
            factors.append(b.matrix)
    body = factors[0] if factors else ONE
    for f in factors[1:]:
        body = kron(body, f)
    return body


def blocks_of(g: Graph, rows: Sequence[Index], cols: Sequence[Index]) -> list[Block]:
    """The factors of the Kronecker product, in the order of the row indices."""
    if len(set(rows)) < len(rows) or len(set(cols)) < len(cols) or any(v not in {*rows, *cols} for v in g.edges):
        raise NoMatrixForm("two row indices, or two column indices, are tied to each other", g)
    place = {v: k for k, v in enumerate(cols)}
    found: list[Block] = []
    done: set[Index] = set()
    for v in (*rows, *cols):
        if v in done:
            continue
        near = list(g.edges[v])
        done.update([v, *near])
        if len(near) > 1 or any(len(g.edges[u]) > 1 for u in near):
            raise NoMatrixForm("a free index is coupled to two others", g)
        if near and ((v in place and v in rows) or (near[0] in place and near[0] in rows)):
            raise NoMatrixForm("a free index is coupled to two others", g)
        found.append(_block(g, v, near[0] if near else None, rows, place))
    return found


def _block(g: Graph, v: Index, u: Index | None, rows: Sequence[Index], place: dict[Index, int]) -> Block:
    weight = g.weight(v)
    if u is None:
        column = weight if weight is not None else Ones((v.dim, 1))
        if v in place and v in rows:
            return Block(Diag(weight) if weight is not None else eye(v.dim), (v,), (place[v],))
        return Block(column, (v,), ()) if v in rows else Block(transpose(column), (), (place[v],))
    parts = [g.edge(v, u)]
    other = g.weight(u)
    if weight is not None:
        parts.insert(0, Diag(weight))
    if other is not None:
        parts.append(Diag(other))
    m = product_of(chain(parts))
    if v in rows and u in place:
        return Block(m, (v,), (place[u],))
    if v in rows:  # the slower index is the matrix's column
        return Block(vec(transpose(m)), (v, u), ())
    first, second = sorted((place[v], place[u]))
    stacked = vec(transpose(m)) if place[v] < place[u] else vec(m)
    return Block(transpose(stacked), (), (first, second))


def swaps(order: Sequence[Block], wanted: Sequence[Index]) -> list[Expr]:
    """The permutations, first one first, that bring the row indices of the blocks into the order that is wanted."""
    current = [v for b in order for v in b.rows]
    target = {v: k for k, v in enumerate(wanted)}
    moves: list[Expr] = []
    changed = True
    while changed:
        changed = False
        for k in range(len(current) - 1):
            a, b = current[k], current[k + 1]
            if target[a] > target[b]:
                left, right = times_dim(*[v.dim for v in current[:k]]), times_dim(*[v.dim for v in current[k + 2 :]])
                moves.append(kron(kron(eye(left), commutation(b.dim, a.dim)), eye(right)))
                current[k], current[k + 1] = b, a
                changed = True
    return moves
