"""From expressions to index networks: one addend as a coefficient, factors on vertices, and deltas.

A factor ``(atom, row, col)`` is an edge between two indices, or a weight on one where an axis is a
unit axis. Factors are a multiset: they are removed by position, never by equality.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sympy as sp

from matcalc.dims import Dim, is_unit, same_dim
from matcalc.expr import (
    ONE,
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Number,
    Ones,
    Operator,
    Power,
    Product,
    Quotient,
    Transpose,
    hadamard,
    power,
    product,
    quotient,
    rational,
)
from matcalc.index import At, Delta, Entry, Index, Map, Num, Pair, Plus, Sum, Term, Times, axis, flat
from matcalc.ops.blocks import Selector, disjoint
from matcalc.ops.elementwise import Sqrt
from matcalc.ops.reductions import Total
from matcalc.ops.structure import Reshape, UnitVector
from matcalc.ops.tensors import TensorSymbol, Unstacked, paired
from matcalc.scalar import Scalars, is_arithmetic

Factor = tuple[Expr, At, At]
HALF = sp.Rational(1, 2)


@dataclass
class Network:
    """One addend: ``coefficient`` times the factors, summed over the bound indices."""

    coefficient: sp.Expr = field(default=sp.S.One)
    factors: list[Factor] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    bound: list[Index] = field(default_factory=list)

    def freed(self, atom: Expr) -> tuple[Network, At, At] | None:
        """The network with the factor ``atom`` taken out, and new free indices in its place; stacked axes have a pair."""
        found = next((f for f in self.factors if f[0] is atom), None)
        if found is None:
            return None
        row, col = free_like(found[1], atom.rows), free_like(found[2], atom.cols)
        rest = self.without(atom, row, col)
        assert rest is not None
        return rest, row, col

    def without(self, atom: Expr, row: At, col: At) -> Network | None:
        """The network with the factor ``atom`` taken out, deltas tying its indices to ``row`` and ``col``.

        None if ``atom`` is not among the factors.
        """
        k = next((k for k, f in enumerate(self.factors) if f[0] is atom), None)
        if k is None:
            return None
        _, i, j = self.factors[k]
        rest = self.factors[:k] + self.factors[k + 1 :]
        ties = [Delta(a, b) for a, b in ((i, row), (j, col)) if b is not None]
        return Network(self.coefficient, rest, [*self.deltas, *ties], list(self.bound))


def free_like(at: At, dim: Dim) -> At:
    """A new index for an axis; where ``at`` is a pair, a pair of new ones."""
    return paired([Index.fresh(i.dim) for i in flat(at)]) if isinstance(at, Pair) else axis(dim)


class Lowering:
    """How expressions become networks.

    ``opaque`` says which nodes are atoms even though they are structural; ``known`` gives the
    simplified form of nodes that have one; ``scalars`` holds the symbols for scalar atoms.
    """

    def __init__(
        self,
        scalars: Scalars,
        known: Callable[[Expr], Expr] = lambda e: e,
        opaque: Callable[[Expr], bool] = lambda e: False,
    ) -> None:
        self.scalars = scalars
        self.known = known
        self.opaque = opaque

    def lower(self, e: Expr, row: At, col: At, into: Network | None = None) -> Network:
        """``e`` at ``(row, col)`` as a network: structural nodes dissolve into indices, the rest are factors."""
        net = into if into is not None else Network()
        stack: list[tuple[Expr, At, At, sp.Rational]] = [(e, row, col, sp.Integer(1))]
        while stack:
            node, i, j, p = stack.pop()
            node = self.known(node)
            if self.opaque(node):
                if isinstance(node, Hadamard) and node.args[0].is_scalar:
                    stack.extend((f, None, None, p) for f in node.args if f.is_scalar)
                    node = hadamard(*(f for f in node.args if not f.is_scalar))
                net.factors.append((powered(node, p), i, j))
            elif is_arithmetic(node) and not isinstance(node, (Hadamard, Quotient)):
                net.coefficient *= self.scalar(node) ** p
            elif isinstance(node, Hadamard) and p.is_Integer:
                stack.extend((f, None, None, p) if f.is_scalar else (f, i, j, p) for f in reversed(node.args))
            elif isinstance(node, Quotient) and p.is_Integer:
                for f, q in ((node.below, -p), (node.above, p)):
                    stack.append((f, None, None, q) if f.is_scalar else (f, i, j, q))
            elif isinstance(node, Power) and p.is_Integer and rational(node.exponent) is not None:
                q = rational(node.exponent) * p
                base = node.base
                stack.append((base, None, None, q) if base.is_scalar else (base, i, j, q))
            elif isinstance(node, Sqrt) and p.is_Integer:
                stack.append((node.arg, i, j, HALF * p))
            elif isinstance(node, Ones):
                continue
            elif isinstance(node, Transpose) and p != 1:
                stack.append((node.arg, j, i, p))
            elif isinstance(node, Reshape) and p == 1 and self.opaque(node.arg) and node.arg.ndim == 1:
                stack.append((node.arg, _pair(j, i), None, p))
            elif isinstance(node, Reshape) and p == 1 and self.opaque(node.arg) and is_unit(node.arg.rows):
                stack.append((node.arg, None, _pair(j, i), p))
            elif isinstance(node, Unstacked) or (isinstance(node, Reshape) and self.is_tensor_at(node, i, j)):
                stack.append((node.arg, i, j, p))
            elif p != 1 and isinstance(node, Product) and (sides := self.powered_sides(node, p)) is not None:
                stack.extend([(sides[1], None, j, p), (sides[0], i, None, p)])
            elif isinstance(node, Total) and node.axis is None and node.arg.axes is not None and not _dissolves(node.arg):
                net.coefficient *= self.closed(node) ** p  # the matrix that holds a tensor is not read the other way round
            elif p == 1 and (_dissolves(node) or _at_pairs(node, i, j)):
                self._enter(node.entry(i, j), net, stack)  # type: ignore[attr-defined]
            elif node.is_scalar:
                net.coefficient *= self.closed(node) ** p
            else:
                net.factors.append((powered(node, p), i, j))
        return net

    def is_tensor_at(self, e: Reshape, row: At, col: At) -> bool:
        """Whether a matrix is the one that a tensor is held as, and the tensor itself is what is asked for."""
        if e.arg.axes is None or not (same_dim(e.rows, e.arg.rows) and same_dim(e.cols, e.arg.cols)):
            return False
        return self.opaque(e.arg) or isinstance(row, Pair) or isinstance(col, Pair)

    def powered_sides(self, e: Product, p: sp.Rational) -> tuple[Expr, Expr] | None:
        """A column times a row, where a power of their product is the product of their powers."""
        sides = None if e.is_scalar else outer_parts(e)
        if sides is None or p.is_Integer:
            return sides
        return sides if any(isinstance(s.arg if isinstance(s, Transpose) else s, Ones) for s in sides) else None

    def enter(self, e: Expr, row: At, col: At, into: Network) -> None:
        """The definition of an operator at ``(row, col)``, taken apart into a network."""
        assert isinstance(e, Operator)
        stack: list[tuple[Expr, At, At, sp.Rational]] = []
        self._enter(e.entry(row, col), into, stack)
        for array, i, j, _ in stack:
            self.lower(array, i, j, into)

    def _enter(self, term: Term, net: Network, stack: list[tuple[Expr, At, At, sp.Rational]]) -> None:
        """Take a definition apart: sums become bound indices, entries go on the stack."""
        todo = [term]
        while todo:
            match todo.pop():
                case Sum(index, body):
                    net.bound.append(index)
                    todo.append(body)
                case Times(parts):
                    todo.extend(reversed(parts))
                case Entry(array, i, j):
                    stack.append((array, i, j, sp.Integer(1)))
                case Delta() as delta:
                    net.deltas.append(delta)
                case Num(value):
                    net.coefficient *= value
                case (Plus() | Map()) as other:
                    raise AssertionError(f"{other} is not a product")

    def scalar(self, e: Expr) -> sp.Expr:
        """A scalar expression in SymPy's hands."""
        return self.scalars.lower(e, self.closed)

    def closed(self, e: Expr) -> sp.Expr:
        """A scalar that is not arithmetic: a symbol of its own."""
        known = self.known(e)
        return self.scalar(known) if is_arithmetic(known) else self.scalars.symbol(known)


def _at_pairs(e: Expr, row: At, col: At) -> bool:
    """Whether every stacked axis of an operator is at a pair of indices, so that they take it apart."""
    parts = composite_parts(e)
    if parts is None or not isinstance(e, Operator):
        return False
    return all(
        len(dims) < 2 or (isinstance(at, Pair) and len(flat(at)) == len(dims))
        for dims, at in zip(parts, (row, col), strict=True)
    )


def _pair(left: At, right: At) -> At:
    return right if left is None else left if right is None else Pair(left, right)


def _dissolves(e: Expr) -> bool:
    if type(e).composite_axes is not Expr.composite_axes:
        return composite_parts(e) is None
    return isinstance(e, Operator) and e.structural and not isinstance(e, (Add, BroadcastAdd))


def powered(e: Expr, p: sp.Rational) -> Expr:
    """``e .^ p`` as a person writes it: roots and quotients by name."""
    if p == 1:
        return e
    if p < 0:
        return quotient(ONE, powered(e, -p))
    return Sqrt(e) if p == HALF else power(e, Number(p))


def outer_parts(e: Product) -> tuple[Expr, Expr] | None:
    """A product that is a column times a row, as the two."""
    for k, f in enumerate(e.args[:-1]):
        if is_unit(f.cols):
            return product(*e.args[: k + 1]), product(*e.args[k + 1 :])
    return None


# ------------------------------------------------------------------ contraction of the deltas
@dataclass
class Contracted:
    """A network without deltas; ``row`` and ``col`` are the vertices that its free indices became."""

    coefficient: sp.Expr
    factors: list[Factor]
    bound: list[Index]
    row: Index | None
    col: Index | None


def contract(net: Network, row: Index | None, col: Index | None, lowering: Lowering) -> Contracted:
    """Contract every delta; free indices win, two free ones tied are one vertex."""
    done, (first, second) = contract_all(net, (row, col), lowering)
    return Contracted(done.coefficient, done.factors, done.bound, first, second)


def contract_all(net: Network, free: Sequence[Index | None], lowering: Lowering) -> tuple[Contracted, list[Index | None]]:
    """Contract every delta of a network with any number of free indices; what each of those became is given besides."""
    named = [i for i in free if i is not None]
    tied, ends = tie(net, named)
    net = split_composites(tied, list(ends.values()), lowering)
    if net is not tied:
        net, more = tie(net, list(ends.values()))
        ends = {i: more[e] for i, e in ends.items()}
    became = [ends[i] if i is not None else None for i in free]
    return Contracted(net.coefficient, net.factors, net.bound, None, None), became


def tie(net: Network, free: list[Index]) -> tuple[Network, dict[Index, Index]]:
    """The network without its deltas, by union-find, and what each free index became.

    A fixed position becomes a unit vector on a summed index.
    """
    coefficient = net.coefficient
    bound = dict.fromkeys(net.bound)
    for f in net.factors:
        for at in f[1:]:
            bound.update(dict.fromkeys(i for i in flat(at) if i not in free))
    parent: dict[Index, Index] = {}

    def find(i: Index) -> Index:
        while i in parent:
            i = parent[i]
        return i

    fixed: list[tuple[Index, int]] = []
    deltas = list(net.deltas)
    while deltas:
        d = deltas.pop()
        match d.left, d.right:
            case int(a), int(b):
                coefficient = coefficient * int(a == b)
            case (int(place), Index() as index) | (Index() as index, int(place)):
                fixed.append((index, place))
            case Index() as x, Index() as y:
                a, b = find(x), find(y)
                if a is not b:
                    keep, drop = (a, b) if b in bound else (b, a)
                    parent[drop] = keep
            case Pair(a, b), Pair(c, d2):
                deltas.extend([Delta(a, c), Delta(b, d2)])
            case None, None:  # both on a unit axis, where there is one position
                pass
            case left, right:
                raise AssertionError(f"a delta between {left} and {right}")
    factors: list[Factor] = []
    for atom, i, j in net.factors:
        ends: list[At] = []
        for at, dim in ((i, atom.rows), (j, atom.cols)):
            if isinstance(at, int):
                vertex = Index.fresh(dim)
                fixed.append((vertex, at))
                bound[vertex] = None
                ends.append(vertex)
            else:
                ends.append(_found(at, find))
        factors.append((atom, ends[0], ends[1]))
    factors.extend((UnitVector(place, i.dim), find(i), None) for i, place in fixed)
    if _apart(factors):
        coefficient = sp.Integer(0)
    became = {i: find(i) for i in free}
    vertices = dict.fromkeys(find(i) for i in bound)
    return Network(coefficient, factors, [], [v for v in vertices if v not in became.values()]), became


def _apart(factors: Sequence[Factor]) -> bool:
    """Whether two factors pick out positions on one vertex that have none in common."""
    taken: dict[At, list[tuple[Dim, Dim]]] = {}
    for atom, i, _ in factors:
        if isinstance(atom, (Selector, UnitVector)) and isinstance(i, Index):
            here = (atom.start, atom.count) if isinstance(atom, Selector) else (atom.position, 1)
            if any(disjoint(here, there) for there in taken.setdefault(i, [])):
                return True
            taken[i].append(here)
    return False


def _found(at: At, find: Callable[[Index], Index]) -> At:
    match at:
        case Index():
            return find(at)
        case Pair(left, right):
            return Pair(_found(left, find), _found(right, find))
        case _:
            return at


def split_composites(net: Network, free: list[Index], lowering: Lowering, force: bool = False) -> Network:
    """Write stacked axes by pairs of indices wherever everything that meets on an axis allows it.

    With ``force`` also where an array meets there whose axis is not known to be stacked: its entries are then at a pair.
    """
    while any(composite_parts(f[0]) is not None for f in net.factors):
        pairs = _pairs(net, free, force)
        out = Network(net.coefficient, [], net.deltas, [i for i in net.bound if i not in pairs])
        out.bound.extend(i for pair in pairs.values() for i in flat(pair))
        divided = False
        for atom, i, j in net.factors:
            ends = [e for e in (i, j) if isinstance(e, Index)]
            inside = any(e in pairs for e in ends)
            if inside and composite_parts(atom) is not None and all(e in pairs or _plain_axis(atom, e, i) for e in ends):
                divided = True
                at_row, at_col = _paired(i, pairs), _paired(j, pairs)
                if isinstance(atom, TensorSymbol):
                    out.factors.append((atom, at_row, at_col))
                else:
                    lowering.enter(atom, at_row, at_col, out)
            elif inside and force:
                divided = True
                out.factors.append((atom, _paired(i, pairs), _paired(j, pairs)))
            else:
                out.factors.append((atom, i, j))
        if not divided:
            return net
        net = out
    return net


def composite_parts(atom: Expr) -> tuple[tuple[Dim, ...], tuple[Dim, ...]] | None:
    """The dimensions that rows and columns are made of, of an array that has a stacked axis."""
    rows, cols = atom.composite_axes()
    return (rows, cols) if len(rows) > 1 or len(cols) > 1 else None


def _paired(at: At, pairs: dict[Index, Pair]) -> At:
    return pairs.get(at, at) if isinstance(at, Index) else at


def _pairs(net: Network, free: list[Index], force: bool) -> dict[Index, Pair]:
    """The bound indices on which only composite axes of one kind meet, each with its pair.

    With ``force`` also those on which other axes meet.
    """
    blocked: set[Index] = set(free)
    for d in net.deltas:
        blocked.update(flat(d.left) + flat(d.right))
    sizes: dict[Index, tuple[Dim, ...]] = {}
    for atom, i, j in net.factors:
        axes = _composite_axes(atom, i, j)
        for end, dims in axes:
            if sizes.setdefault(end, dims) != dims:
                blocked.add(end)
        stacked = {end for end, _ in axes}
        blocked.update(end for end in (i, j) if isinstance(end, Index) and end not in stacked and not force)
    changed = not force
    while changed:  # a factor divides on all its axes or on none
        changed = False
        for _, i, j in net.factors:
            ends = [e for e in (i, j) if isinstance(e, Index) and e in sizes]
            if any(e in blocked for e in ends) and not all(e in blocked for e in ends):
                blocked.update(ends)
                changed = True
    return {i: _fresh_pair(dims) for i, dims in sizes.items() if i not in blocked}


def _fresh_pair(dims: tuple[Dim, ...]) -> Pair:
    at = paired([Index.fresh(d) for d in dims])
    assert isinstance(at, Pair)
    return at


def _composite_axes(atom: Expr, i: At, j: At) -> list[tuple[Index, tuple[Dim, ...]]]:
    """The axes of an atom that are made of several, with their dimensions."""
    parts = composite_parts(atom)
    if parts is None:
        return []
    return [(end, dims) for end, dims in zip((i, j), parts, strict=True) if isinstance(end, Index) and len(dims) > 1]


def _plain_axis(atom: Expr, end: Index, row: At) -> bool:
    """Whether this axis of a stacked array comes from one part alone, so that no pair is needed."""
    parts = composite_parts(atom)
    return parts is not None and len(parts[0] if end is row else parts[1]) <= 1
