"""Networks with up to four free indices, as the matrix of the vec form.

The free indices are (i, j | k, l): ``d F_ij / d X_kl``, a matrix with rows (j, i) and columns (l, k),
as column-stacking vec orders them. After the summed indices are reduced away, what is left couples
pairs of free indices:

    i-k and j-l   kron(N, M)            i-l and j-k   kron(N, M) K
    i-j and k-l   vec(M) vec(N)'        i-j, or k-l, besides   diag(vec(M)) on the left, or on the right

Where all kinds meet, the factors are stretched to full size and multiplied entry by entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from matcalc.dims import Dim, is_unit, times_dim
from matcalc.expr import ONE, Expr, Ones, hadamard, transpose
from matcalc.index import Index
from matcalc.ops.stacking import Commutation
from matcalc.ops.structure import Diag, Eye, Kron, vec
from matcalc.rules.chain import chain, entrywise, product_of, turn
from matcalc.rules.closed_form import Graph, NoMatrixForm

Pair = tuple[int, int]
CROSS: tuple[Pair, ...] = ((0, 2), (1, 3), (0, 3), (1, 2))  # i-k, j-l, i-l, j-k
ALONG: tuple[Pair, ...] = ((0, 1), (2, 3))  # i-j, k-l


@dataclass
class Couplings:
    """What is left of a network: a matrix for each coupled pair of free places, a weight for each place."""

    dims: tuple[Dim, Dim, Dim, Dim]
    edges: dict[Pair, list[Expr]] = field(default_factory=dict)
    weights: dict[int, list[Expr]] = field(default_factory=dict)

    def couple(self, a: int, b: int, m: Expr) -> None:
        """The matrix ``m`` with rows at place ``a`` and columns at place ``b``."""
        if a > b:
            a, b, m = b, a, turn(m)
        self.edges.setdefault((a, b), []).append(m)

    def matrix(self, pair: Pair, *, weigh: bool) -> Expr:
        """The coupling of a pair as one matrix; ones where there is none; with the places' weights if asked."""
        a, b = pair
        left = self.weight(a) if weigh else None
        right = self.weight(b) if weigh else None
        if pair not in self.edges:
            if left is None and right is None:
                return _ones(self.dims[a], self.dims[b])
            column = left if left is not None else _ones(self.dims[a], 1)
            row = transpose(right) if right is not None else transpose(_ones(self.dims[b], 1))
            return column @ row
        parts = [entrywise(self.edges[pair])]
        if left is not None:
            parts.insert(0, Diag(left))
        if right is not None:
            parts.append(Diag(right))
        return product_of(chain(parts))

    def weight(self, place: int) -> Expr | None:
        """The weights on a place as one vector."""
        found = self.weights.get(place)
        return entrywise(found) if found else None


def _ones(rows: Dim, cols: Dim) -> Expr:
    return ONE if is_unit(rows) and is_unit(cols) else Ones((rows, cols))


def read_off(g: Graph, places: tuple[Index | None, ...]) -> Expr:
    """The vec form of a reduced graph with these free places; one summed index may be left.

    Raises
    ------
    NoMatrixForm
        If a summed index is left that no diagonal matrix between two Kronecker products takes up.
    """
    left = [v for v in g.edges if v not in places]
    return vec_form(couplings(g, places)) if not left else _layered(g, places, left[0])


def _layered(g: Graph, places: tuple[Index | None, ...], v: Index) -> Expr:
    """``kron(N, I) diag(vec(E)) kron(P, I)``: a summed index that meets two places and the one that ties the others."""
    i, j, k, l = places  # noqa: E741 - the field's own letter
    near = list(g.edges[v])
    weight = [] if g.weight(v) is None else [Diag(g.weight(v))]  # type: ignore[arg-type]
    for tied, a, b, inner in ((i is k, j, l, i), (j is l, i, k, j)):
        if not tied or None in (i, j, k, l) or {*near} != {a, b, inner} or a is b:
            continue
        assert a is not None
        assert b is not None
        assert inner is not None
        others = {x for u in (a, b, inner) for x in g.edges[u]} - {v}
        if others or any(g.weights[u] for u in (a, b)):
            continue
        first, last = product_of(chain([g.edge(a, v), *weight])), g.edge(v, b)
        own = g.weight(inner)
        identity = Eye(inner.dim) if own is None else Diag(own)
        if inner is i:
            middle = Diag(vec(g.edge(inner, v)))
            return product_of([kron(first, identity), middle, kron(last, Eye(inner.dim))])
        middle = Diag(vec(g.edge(v, inner)))
        return product_of([kron(identity, first), middle, kron(Eye(inner.dim), last)])
    raise NoMatrixForm(
        "a summed index is shared by three factors that no diagonal matrix between Kronecker products takes up", g
    )


def couplings(g: Graph, places: tuple[Index | None, ...]) -> Couplings:
    """The couplings between free places of a reduced graph; places that are one vertex are tied by an identity."""
    dims = tuple(1 if p is None else p.dim for p in places)
    left = Couplings((dims[0], dims[1], dims[2], dims[3]))
    home: dict[Index, int] = {}
    order = (0, 1, 2, 3)
    for place in order:
        v = places[place]
        if v is None:
            continue
        if v in home:
            partner = _partner(place, [q for q in order if q < place and places[q] is v])
            left.couple(partner, place, Eye(v.dim))
        else:
            home[v] = place
    for v, place in home.items():
        if g.weights[v]:
            left.weights[place] = list(g.weights[v])
        for u, ms in g.edges[v].items():
            if home[u] > place:
                for m, flipped in ms:
                    left.couple(place, home[u], turn(m) if flipped else m)
    return left


def _partner(place: int, earlier: list[int]) -> int:
    """The place that an equal one is tied to: i-k and j-l before i-l and j-k before i-j and k-l."""
    wish = {2: (0, 1), 3: (1, 0, 2), 1: (0,)}[place]
    return next(p for p in wish if p in earlier)


def vec_form(c: Couplings) -> Expr:
    """The couplings as a matrix with rows (j, i) and columns (l, k)."""
    kinds = set(c.edges)
    straight = kinds & {(0, 2), (1, 3)}
    crossed = kinds & {(0, 3), (1, 2)}
    if straight and crossed:
        return _stretched(c)
    if not straight and not crossed:
        rows, cols = c.matrix((0, 1), weigh=True), c.matrix((2, 3), weigh=True)
        return _stack(rows, c.dims[:2]) @ transpose(_stack(cols, c.dims[2:]))
    pairs = ((0, 2), (1, 3)) if straight else ((0, 3), (1, 2))
    m, n = (c.matrix(p, weigh=True) for p in pairs)
    body = kron(n, m)
    if crossed and not is_unit(c.dims[2]) and not is_unit(c.dims[3]):
        body = product_of(chain([body, Commutation((c.dims[2], c.dims[3]))]))
    if (0, 1) in c.edges:
        body = Diag(vec(c.matrix((0, 1), weigh=False))) @ body
    if (2, 3) in c.edges:
        body = body @ Diag(vec(c.matrix((2, 3), weigh=False)))
    return body


def _stack(m: Expr, dims: tuple[Dim, ...]) -> Expr:
    """A coupling of two places as a stacked vector."""
    if is_unit(dims[1]):
        return m
    return turn(m) if is_unit(dims[0]) else vec(m)


def _stretched(c: Couplings) -> Expr:
    """All couplings stretched to full size and multiplied entry by entry."""
    i, j, k, l = c.dims  # noqa: E741 - the field's own letter
    parts: list[Expr] = []
    for pair in (*CROSS, *ALONG):
        if pair not in c.edges:
            continue
        m = c.matrix(pair, weigh=False)
        other = {(0, 2): (j, l), (1, 3): (i, k), (0, 3): (j, k), (1, 2): (i, l)}.get(pair)
        if pair == (0, 2):
            parts.append(kron(_ones(*other), m))  # type: ignore[misc]
        elif pair == (1, 3):
            parts.append(kron(m, _ones(*other)))  # type: ignore[misc]
        elif pair in ((0, 3), (1, 2)):
            body = kron(_ones(j, k), m) if pair == (0, 3) else kron(m, _ones(i, l))
            parts.append(body if is_unit(k) or is_unit(l) else product_of(chain([body, Commutation((k, l))])))
        elif pair == (0, 1):
            parts.append(_stack(m, (i, j)) @ transpose(_ones(times_dim(k, l), 1)))
        else:
            parts.append(_ones(times_dim(i, j), 1) @ transpose(_stack(m, (k, l))))
    body = hadamard(*parts)
    rows = [c.weight(1), c.weight(0)], (j, i)
    cols = [c.weight(3), c.weight(2)], (l, k)
    left, right = (_weights(*side) for side in (rows, cols))
    if left is not None:
        body = Diag(left) @ body
    return body if right is None else body @ Diag(right)


def _weights(found: list[Expr | None], dims: tuple[Dim, Dim]) -> Expr | None:
    """The weights of two stacked places as one vector."""
    if all(w is None for w in found):
        return None
    a, b = (w if w is not None else _ones(d, 1) for w, d in zip(found, dims, strict=True))
    return kron(a, b)


def kron(a: Expr, b: Expr) -> Expr:
    """A Kronecker product; a scalar factor scales, a column times a row is an outer product."""
    if a.is_scalar or b.is_scalar:
        return hadamard(a, b)
    if is_unit(a.cols) and is_unit(b.rows):
        return a @ b
    if is_unit(a.rows) and is_unit(b.cols):
        return b @ a
    if isinstance(a, Eye) and isinstance(b, Eye):
        return Eye(times_dim(a.dim, b.dim))
    return Kron(a, b)
