"""From an index network back to matrix notation: the rows of ``ROWS``, applied until none fits.

Loops become weights as they are added, parallel edges become entrywise products as they are read.
The network's graph has the indices as vertices and the matrices as edges. With an extra edge
between the free indices, a graph of treewidth at most two is reduced by these rows to nothing but
its free indices; then the matrix form is read off. Otherwise there is none, and ``NoMatrixForm`` says why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import sympy as sp

from matcalc.dims import Dim
from matcalc.expr import Expr, Ones, Transpose, brief, dim_number, sort_key
from matcalc.index import Index, Pair, flat
from matcalc.network import Contracted, Factor
from matcalc.ops.structure import Diag, Diagonal, Eye, Reshape
from matcalc.rules.chain import chain, closed_chain, entrywise, inner, product_of, shortest, turn
from matcalc.scalar import Scalars


class NoMatrixForm(Exception):  # noqa: N818 - an answer, not an error: callers fall back or explain
    """An index network that matrix notation cannot write; the text says which indices are in the way.

    ``graph`` is what is left of it.
    """

    def __init__(self, reason: str, graph: Graph | None = None) -> None:
        super().__init__(reason)
        self.graph = graph

    @property
    def rest(self) -> Graph:
        """What is left of a network that was reduced as far as it goes."""
        assert self.graph is not None
        return self.graph


@dataclass
class Graph:
    """A network while it is reduced: parallel edges between vertices, weights on them, a coefficient."""

    scalars: Scalars
    coefficient: sp.Expr
    edges: dict[Index, dict[Index, list[tuple[Expr, bool]]]] = field(default_factory=dict)
    weights: dict[Index, list[Expr]] = field(default_factory=dict)
    queue: list[Index] = field(default_factory=list)
    free: frozenset[Index] = frozenset()  # what stays: the free indices, and those of ``wide``
    wide: list[Factor] = field(default_factory=list)  # factors with a stacked axis, at a pair of indices

    def add_vertex(self, v: Index) -> None:
        """A vertex without edges or weights."""
        self.edges.setdefault(v, {})
        self.weights.setdefault(v, [])

    def add_edge(self, u: Index, v: Index, m: Expr) -> None:
        """The factor ``m`` with its rows on ``u`` and its columns on ``v``."""
        if u is v:
            self.weights[u].append(diagonal(m))
            return
        self.edges[u].setdefault(v, []).append((m, False))
        self.edges[v].setdefault(u, []).append((m, True))
        self.queue.extend(x for x in (v, u) if x not in self.free)

    def edge(self, u: Index, v: Index) -> Expr:
        """All parallel edges between two vertices as one matrix, rows on ``u``."""
        return entrywise([turn(m) if flipped else m for m, flipped in self.edges[u][v]])

    def stored_from(self, u: Index, v: Index) -> bool:
        """Whether the edge is stored with its rows on ``u``, so that reading it from there is free."""
        return not self.edges[u][v][0][1]

    def weight(self, v: Index) -> Expr | None:
        """All weights on a vertex as one vector."""
        return entrywise(self.weights[v]) if self.weights[v] else None

    def remove(self, v: Index) -> None:
        """Take a vertex out, with its edges."""
        for u in self.edges.pop(v):
            del self.edges[u][v]
            if u not in self.free:
                self.queue.append(u)
        del self.weights[v]

    def scale(self, factor: Expr) -> None:
        """Multiply the coefficient by a scalar."""
        self.coefficient = self.coefficient * self.scalars.lower(factor, self.scalars.symbol)


Row = Callable[[Graph, Index], bool]


def inner_product(g: Graph, v: Index) -> bool:
    """A bound index with weights alone is an inner product, a sum, or a count."""
    if g.edges[v]:
        return False
    if not g.weights[v]:
        g.scale(dim_number(v.dim))
    else:
        g.scale(inner(g.weights[v]))
    g.remove(v)
    return True


def trace(g: Graph, v: Index) -> bool:
    """Two bound indices that only meet each other close a chain: a trace, or a sum of entrywise products."""
    if len(g.edges[v]) != 1:
        return False
    (u,) = g.edges[v]
    if u in g.free or len(g.edges[u]) != 1 or len(g.edges[v][u]) < 2:
        return False
    there = [turn(m) if flipped else m for m, flipped in g.edges[v][u]]
    g.scale(closed_chain(there, g.weight(v), g.weight(u)))
    g.remove(v)
    g.remove(u)
    return True


def matrix_vector(g: Graph, v: Index) -> bool:
    """A bound index with one neighbour is a matrix times a vector."""
    if len(g.edges[v]) != 1:
        return False
    (u,) = g.edges[v]
    w = g.weight(v)
    vector = product_of(chain([g.edge(u, v), w if w is not None else Ones((v.dim, 1))]))
    if len(g.edges[u][v]) == 2:
        there, back = (turn(m) if flipped else m for m, flipped in g.edges[u][v])
        middle = [] if w is None else [Diag(w)]
        vector = shortest([vector, diagonal(product_of(chain([there, *middle, turn(back)])))])
    g.weights[u].append(vector)
    g.remove(v)
    return True


def matrix_product(g: Graph, v: Index) -> bool:
    """A bound index between two neighbours is a matrix product; a whole path of them is one chain."""
    if len(g.edges[v]) != 2:
        return False
    u, w = g.edges[v]
    if not (g.stored_from(u, v) and g.stored_from(v, w)) and (g.stored_from(w, v) or g.stored_from(v, u)):
        u, w = w, u
    path = [u, v, w]
    while (after := next_on_path(g, path)) is not None:
        path.append(after)
    path.reverse()
    while (after := next_on_path(g, path)) is not None:
        path.append(after)
    path.reverse()
    parts: list[Expr] = []
    for a, b in pairwise(path):
        parts.append(g.edge(a, b))
        middle = g.weight(b) if b is not path[-1] else None
        if middle is not None:
            parts.append(Diag(middle))
    product = product_of(chain(parts))
    for x in path[1:-1]:
        g.remove(x)
    if isinstance(product, Eye):
        merge(g, path[0], path[-1])
    else:
        g.add_edge(path[0], path[-1], product)
    return True


def next_on_path(g: Graph, path: list[Index]) -> Index | None:
    """The vertex after the end of a path, if the end is a summed index that only passes on."""
    end = path[-1]
    if end in g.free or len(g.edges[end]) != 2:
        return None
    (after,) = (x for x in g.edges[end] if x is not path[-2])
    return after if after not in path[:1] and len(g.edges[end][after]) == 1 and len(g.edges[end][path[-2]]) == 1 else None


def merge(g: Graph, u: Index, w: Index) -> None:
    """Make one vertex of two that an identity ties together."""
    keep, drop = (u, w) if u in g.free or w not in g.free else (w, u)
    if drop in g.free:
        g.edges[u].setdefault(w, []).append((Eye(u.dim), False))
        g.edges[w].setdefault(u, []).append((Eye(u.dim), True))
        return
    moved = [(x, m, flipped) for x, ms in g.edges[drop].items() for m, flipped in ms]
    g.weights[keep].extend(g.weights[drop])
    g.remove(drop)
    for x, m, flipped in moved:
        if flipped:
            g.add_edge(x, keep, m)
        else:
            g.add_edge(keep, x, m)
    if keep not in g.free:
        g.queue.append(keep)


ROWS: tuple[tuple[str, Row], ...] = (
    ("inner-product", inner_product),
    ("trace", trace),
    ("matrix-vector", matrix_vector),
    ("matrix-product", matrix_product),
)


def closed_form(net: Contracted, rows: Dim, cols: Dim, scalars: Scalars) -> tuple[sp.Expr, Expr | None]:
    """The matrix form of a network: its coefficient, and its body (None for a scalar).

    Raises
    ------
    NoMatrixForm
        If indices remain that no row takes out.
    """
    if net.coefficient == 0:
        return sp.Integer(0), None
    g = reduced(net, [v for v in (net.row, net.col) if v is not None], scalars)
    return g.coefficient, read_off(g, net.row, net.col)


def reduced(net: Contracted, free: Sequence[Index], scalars: Scalars, leave: int = 0) -> Graph:
    """The network's graph with every summed index taken out, but for at most ``leave`` of them.

    Raises
    ------
    NoMatrixForm
        If more indices remain that no row takes out.
    """
    factors = [as_matrix(f) for f in net.factors]
    wide = [f for f in factors if any(isinstance(at, Pair) for at in f[1:])]
    held = [i for _, a, b in wide for at in (a, b) for i in flat(at)]
    g = Graph(scalars, net.coefficient, free=frozenset([*free, *held]), wide=wide)
    for vertex in [*free, *net.bound, *held]:
        g.add_vertex(vertex)
    for atom, i, j in factors:
        assert not isinstance(i, int)
        assert not isinstance(j, int)
        if isinstance(i, Pair) or isinstance(j, Pair):
            continue
        if i is None and j is None:
            g.scale(atom)
        elif i is None or j is None:
            end = i if i is not None else j
            assert end is not None
            g.weights[end].append(atom if j is None else turn(atom))
        else:
            g.add_edge(i, j, atom)
    g.queue = list(reversed(net.bound))
    later: deque[Index] = deque()  # vectors before matrices: an index between two others waits
    while g.queue or later:
        waited = not g.queue
        v = later.popleft() if waited else g.queue.pop()
        if v in g.edges and v not in g.free and not any(row(g, v) for _, row in ROWS[:3]):
            if not waited:
                later.append(v)
            else:
                matrix_product(g, v)
    left = [v for v in g.edges if v not in free]
    if len(left) > leave or g.wide:
        raise NoMatrixForm(reason_for(g, left), g)
    return g


def as_matrix(factor: Factor) -> Factor:
    """A vector at a pair of indices as the matrix that it stacks."""
    atom, i, j = factor
    match i, j:
        case (Pair(Index() as left, Index() as right), None) | (None, Pair(Index() as left, Index() as right)):
            return Reshape(atom, (right.dim, left.dim)), right, left
    return factor


def reason_for(g: Graph, left: Sequence[Index]) -> str:
    """Why a graph with these summed indices left has no matrix form."""
    if g.wide:
        array = g.wide[0][0]
        axes = "more than two axes" if len(array.shape) > 2 else "an axis that is stacked from two"
        return f"{brief(array)} has {axes}, whose indices are summed apart, which no matrix product can write"
    return (
        f"{len(left)} summed {'index is' if len(left) == 1 else 'indices are each'} shared by three or more factors, "
        "which no matrix product, trace or entrywise product can write"
    )


def diagonal(m: Expr) -> Expr:
    """The diagonal of a square matrix as a vector, the same for its transpose."""
    return m.arg if isinstance(m, Diag) else Diagonal(min(m, turn(m), key=sort_key))


def read_off(g: Graph, row: Index | None, col: Index | None) -> Expr | None:
    """The matrix form once only free indices are left; missing weights are ones."""
    if row is None and col is None:
        return None
    if row is None or col is None:
        v = row if row is not None else col
        assert v is not None
        w = g.weight(v)
        vector = w if w is not None else Ones((v.dim, 1))
        return vector if col is None else turn(vector)
    if row is col:
        w = g.weight(row)
        return Eye(row.dim) if w is None else Diag(w)
    left, right = g.weight(row), g.weight(col)
    if col in g.edges[row]:
        parts = [g.edge(row, col)]
        if left is not None:
            parts.insert(0, Diag(left))
        if right is not None:
            parts.append(Diag(right))
    elif left is None and right is None:
        return Ones((row.dim, col.dim))
    else:
        parts = [
            left if left is not None else Ones((row.dim, 1)),
            turn(right) if right is not None else Transpose(Ones((col.dim, 1))),
        ]
    return product_of(chain(parts))
