"""A matrix with stacked axes as a sum of index networks: Kronecker products, commutations and the like dissolve into indices.

``kron(A,B)`` at rows ``(i,j)`` and columns ``(k,l)`` is ``A[i,k]*B[j,l]``; an identity ties two indices. What is left are
ordinary arrays, each with an index for every axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import sympy as sp

from matcalc.dims import Dim, is_unit, same_dim
from matcalc.expr import (
    ONE,
    Add,
    Expr,
    Hadamard,
    Operator,
    Product,
    Quotient,
    Transpose,
    dim_number,
    hadamard,
    quotient,
    rational,
)
from matcalc.index import At, Entry, Index, Pair, Sum, Times, flat
from matcalc.index import Term as IndexTerm
from matcalc.network import Contracted
from matcalc.ops.linalg import Inverse
from matcalc.ops.stacking import Commutation
from matcalc.ops.structure import Diag, Eye, KhatriRao, Kron, Vec
from matcalc.ops.tensors import Einsum, Unstacked, paired, stacks_of
from matcalc.rules.closed_form import Graph, NoMatrixForm, reduced
from matcalc.rules.einsum_form import operands_of
from matcalc.scalar import Scalars

MOST_TERMS = 16  # sums inside products are multiplied out to at most so many terms

Split = object  # of an axis: a dimension, or a pair of splits of which the second runs fastest


@dataclass(frozen=True)
class Piece:
    """An array at indices: a matrix or a vector, or one whose rows or columns stack several axes."""

    array: Expr
    row: At
    col: At

    @property
    def letters(self) -> tuple[Index, ...]:
        """The indices of its axes, in order, stacked ones with the slowest first."""
        return (*flat(self.row), *flat(self.col))

    @property
    def is_wide(self) -> bool:
        """Whether an axis of the matrix stacks several."""
        return isinstance(self.row, Pair) or isinstance(self.col, Pair)


@dataclass(frozen=True)
class Term:
    """``factor`` times the product of the pieces, summed over the indices that are not among ``places``.

    ``places`` are the indices of the axes of the result; an index that occurs twice says that the entries are
    zero where the two axes differ.
    """

    factor: Expr
    pieces: tuple[Piece, ...]
    places: tuple[Index, ...]

    @property
    def free(self) -> tuple[Index, ...]:
        """The indices of the result, each once."""
        return tuple(dict.fromkeys(self.places))

    @property
    def summed(self) -> tuple[Index, ...]:
        """The indices that are summed over."""
        found = dict.fromkeys(i for p in self.pieces for i in p.letters)
        return tuple(i for i in found if i not in self.places)


# ------------------------------------------------------------------ how axes are stacked
@lru_cache(maxsize=4096)
def splits(e: Expr) -> tuple[Split | None, Split | None]:
    """How the rows and the columns of a matrix are stacked from several axes; None where they are not."""
    match e:
        case Kron(left, right):
            (a, b), (c, d) = splits(left), splits(right)
            return _joined(left.rows, a, right.rows, c), _joined(left.cols, b, right.cols, d)
        case Vec(arg):
            return _joined(arg.cols, None, arg.rows, None), None
        case Commutation((m, n)):
            return (m, n), (n, m)
        case KhatriRao(left, right):
            return _joined(left.rows, None, right.rows, None), None
        case Einsum():
            rows, cols = e.composite_axes()
            return _nested(rows), _nested(cols)
        case Unstacked():
            return _nested(e.rows_as[::-1]), _nested(e.cols_as[::-1])
        case Transpose(arg) | Inverse(arg):
            return splits(arg)[::-1]
        case Diag(arg):
            return splits(arg)[0], splits(arg)[0]
        case Product(args):
            return splits(args[0])[0], splits(args[-1])[1]
        case Add() | Hadamard() | Quotient():
            found = [splits(a) for a in e.operands if a.shape == e.shape or not a.is_scalar]
            return next((r for r, _ in found if r), None), next((c for _, c in found if c), None)
    return None, None


def _joined(a: Dim, inside: Split | None, b: Dim, within: Split | None) -> Split | None:
    if is_unit(a) or is_unit(b):
        return within if is_unit(a) else inside
    return (inside or a, within or b)


def _nested(dims: Sequence[Dim]) -> Split | None:
    """A split of several axes, the last running fastest."""
    if len(dims) < 2:
        return None
    out: Split = dims[-1]
    for d in reversed(dims[:-1]):
        out = (d, out)
    return out


def at_split(split: Split | None, dim: Dim) -> At:
    """New indices for an axis that is stacked like this."""
    if isinstance(split, tuple):
        return Pair(at_split(split[0], 1), at_split(split[1], 1))
    if split is not None:
        return Index.fresh(split)  # type: ignore[arg-type]
    return None if is_unit(dim) else Index.fresh(dim)


def _fits(at: At, split: Split | None) -> bool:
    """Whether a position is made of indices in the same way as an axis is stacked."""
    match at, split:
        case Pair(left, right), (a, b):
            return _fits(left, a) and _fits(right, b)
        case Pair(), _:
            return False
        case Index(dim), _:
            return not isinstance(split, tuple) and (split is None or same_dim(dim, split))  # type: ignore[arg-type]
    return split is None


def is_stacked(e: Expr) -> bool:
    """Whether rows or columns of a matrix stack several axes."""
    return any(s is not None for s in splits(e))


@lru_cache(maxsize=4096)
def dissolves(e: Expr) -> bool:
    """Whether a matrix is made of others with stacked axes, so that it need not be formed."""
    match e:
        case Kron() | Vec() | Commutation() | KhatriRao() | Einsum():
            return is_stacked(e)
        case Unstacked():
            return True
        case Product() | Transpose() | Diag() | Hadamard():
            return any(dissolves(a) for a in e.operands)
        case Inverse(arg):
            return inverted(arg) is not e
    return False


def whole_stacks(outputs: Sequence[Expr], nodes: Sequence[Expr]) -> set[Expr]:
    """The matrices made of Kronecker products and the like whose entries are asked for, by the caller or by what forms them."""
    found = {e for e in outputs if holds_factors(e)}
    for e in nodes:
        if not dissolves(e):
            found.update(c for c in e.operands if holds_factors(c))
    return found


@lru_cache(maxsize=4096)
def holds_factors(e: Expr) -> bool:
    """Whether a matrix is made of Kronecker products or commutations, sums included."""
    match e:
        case Kron() | Commutation():
            return is_stacked(e)
        case Add() | Hadamard() if e.axes is not None:
            return True
        case Product() | Transpose() | Diag() | Hadamard() | Add() | Quotient():
            return any(holds_factors(a) for a in e.operands)
        case Inverse():
            return dissolves(e)
    return False


def inverted(e: Expr) -> Expr:
    """``inv(e)``, that of a Kronecker product as one of inverses."""
    match e:
        case Kron(left, right) if left.is_square and right.is_square:
            return Kron(inverted(left), inverted(right))
        case Eye():
            return e
        case Hadamard() if len(rest := [a for a in e.args if not a.is_scalar]) == 1 and isinstance(rest[0], Kron):
            return hadamard(quotient(ONE, hadamard(*(a for a in e.args if a.is_scalar))), inverted(rest[0]))
    return Inverse(e)


def tied_axes(terms: Sequence[Term], rows: int) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """The places of rows and of columns that are tied in all terms, outside of which the entries are zero; then the others."""
    count = len(terms[0].places)
    tied: list[tuple[int, int]] = []
    for r in range(rows):
        for c in range(rows, count):
            if all(t.places[r] is t.places[c] for t in terms) and all(r != s and c != d for s, d in tied):
                tied.append((r, c))
    return (
        tied,
        [r for r in range(rows) if all(r != s for s, _ in tied)],
        [c for c in range(rows, count) if all(c != d for _, d in tied)],
    )


# ------------------------------------------------------------------ reading
def read_terms(e: Expr, row: At, col: At) -> list[Term]:
    """A matrix at stacked positions as terms; the places are the indices of the rows, then of the columns, slowest first."""
    places = [*flat(row), *flat(col)]
    return [_Reader(places).read(factors, body, row, col) for factors, body in addends(e)]


def tensor_terms(e: Expr) -> tuple[tuple[Dim, ...], tuple[Dim, ...], list[Term]]:
    """An array with more than two axes: those that its rows stack, those that its columns stack, unit ones left out, and terms.

    The places of the terms are the axes, in order.
    """
    assert e.axes is not None
    sides = (e.rows_as, e.cols_as) if isinstance(e, Unstacked) else [side[::-1] for side in stacks_of(e.axes, e.rows)]
    rows, cols = ([Index.fresh(d) for d in side if not is_unit(d)] for side in sides)
    terms = read_terms(e, paired(rows[::-1]), paired(cols[::-1]))
    order = [*reversed(range(len(rows))), *(len(rows) + k for k in reversed(range(len(cols))))]
    terms = [Term(t.factor, t.pieces, tuple(t.places[k] for k in order)) for t in terms]
    return tuple(i.dim for i in rows), tuple(i.dim for i in cols), terms


def addends(e: Expr) -> list[tuple[list[Expr], Expr]]:
    """Scalar factors and a matrix for each term of a sum, sums inside of products with stacked axes multiplied out."""
    todo: list[tuple[list[Expr], Expr]] = [([], e)]
    done: list[tuple[list[Expr], Expr]] = []
    while todo:
        factors, x = todo.pop()
        match x:
            case Unstacked(arg):
                todo.append((factors, arg))
                continue
            case Add(args):
                todo.extend((factors, a) for a in reversed(args))
                continue
            case Hadamard(args) if len(rest := [a for a in args if not a.is_scalar]) == 1:
                todo.append(([*factors, *(a for a in args if a.is_scalar)], rest[0]))
                continue
            case Quotient(above, below) if below.is_scalar and not above.is_scalar:
                todo.append(([*factors, quotient(ONE, below)], above))
                continue
            case Transpose(Add(args)):
                todo.extend((factors, a.T) for a in reversed(args))
                continue
            case Transpose(Hadamard(args)) if len(rest := [a for a in args if not a.is_scalar]) == 1:
                todo.append(([*factors, *(a for a in args if a.is_scalar)], rest[0].T))
                continue
            case Product(args):
                k = next((k for k, a in enumerate(args) if _is_open_sum(a)), None)
                if k is not None and (len(done) + len(todo) + len(args[k].operands)) <= MOST_TERMS:
                    parts = addends(args[k])
                    todo.extend(
                        ([*factors, *more], x.rebuild([*args[:k], part, *args[k + 1 :]])) for more, part in reversed(parts)
                    )
                    continue
        done.append((factors, x))
    return done


def _is_open_sum(e: Expr) -> bool:
    while isinstance(e, Transpose):
        e = e.arg
    if isinstance(e, Hadamard):
        return any(_is_open_sum(a) for a in e.args if not a.is_scalar) and sum(not a.is_scalar for a in e.args) == 1
    return isinstance(e, Add) and any(dissolves(addend) for _, addend in addends(e))


@dataclass
class _Reader:
    """Takes one term apart."""

    places: list[Index]
    factors: list[Expr] = field(default_factory=list)
    found: list[Piece] = field(default_factory=list)
    ties: list[tuple[Index, Index]] = field(default_factory=list)
    bound: list[Index] = field(default_factory=list)

    def read(self, factors: Sequence[Expr], e: Expr, row: At, col: At) -> Term:
        self.factors.extend(factors)
        stack: list[tuple[Expr, At, At]] = [(e, row, col)]
        while stack:
            x, i, j = stack.pop()
            stack.extend(reversed(self.opened(x, i, j)))
        return self.term()

    def opened(self, e: Expr, row: At, col: At) -> list[tuple[Expr, At, At]]:
        """What an array at a position is made of; nothing if it is a piece."""
        match e:
            case _ if e.is_scalar and row is None and col is None:
                self.factors.append(e)
                return []
            case Eye() if self.tie(row, col):
                return []
            case Hadamard(args) if rational(args[0]) is not None and len(args) == 2:
                self.factors.append(args[0])
                return [(args[1], row, col)]
            case Transpose(arg):
                return [(arg, col, row)]
            case Inverse(arg) if dissolves(e):
                return [(inverted(arg), row, col)]
            case Unstacked(arg):
                return [(arg, row, col)]
            case Hadamard(args) if any(not a.is_scalar and (dissolves(a)) for a in args):
                if all(a.is_scalar or a.shape == e.shape for a in args):
                    return [(a, None, None) if a.is_scalar else (a, row, col) for a in args]
            case Product(args) if dissolves(e):
                return self.along(args, row, col)
            case Diag(arg) if self.tie(row, col):
                return [(arg, row, None)]
            case Commutation() if _fits(row, splits(e)[0]) and _fits(col, splits(e)[1]):
                assert isinstance(row, Pair)
                assert isinstance(col, Pair)
                if self.tie(row.left, col.right) and self.tie(row.right, col.left):
                    return []
            case Kron() | Vec() | KhatriRao() if dissolves(e) and _fits(row, splits(e)[0]) and _fits(col, splits(e)[1]):
                return self.entered(e, row, col)
            case Einsum() if _fits(row, splits(e)[0]) and _fits(col, splits(e)[1]):
                return self.summed(e, row, col)
        self.found.append(Piece(e, row, col))
        return []

    def along(self, args: Sequence[Expr], row: At, col: At) -> list[tuple[Expr, At, At]]:
        """The factors of a product, with new indices between them that are stacked as the factors are."""
        out: list[tuple[Expr, At, At]] = []
        at = row
        for k, a in enumerate(args):
            if k == len(args) - 1:
                after = col
            else:
                left, right = splits(a)[1], splits(args[k + 1])[0]
                after = at_split(left or right, a.cols)
                self.bound.extend(flat(after))
            out.append((a, at, after))
            at = after
        return out

    def entered(self, e: Operator, row: At, col: At) -> list[tuple[Expr, At, At]]:
        """The factors that the definition of an operator multiplies."""
        out: list[tuple[Expr, At, At]] = []
        stack: list[IndexTerm] = [e.entry(row, col)]
        while stack:
            match stack.pop():
                case Times(parts):
                    stack.extend(reversed(parts))
                case Entry(array, i, j):
                    out.append((array, i, j))
                case Sum(_, body):
                    stack.append(body)
                case other:
                    raise AssertionError(f"{other} is not a product")
        return out

    def summed(self, e: Einsum, row: At, col: At) -> list[tuple[Expr, At, At]]:
        """The operands of an einsum."""
        sizes = e.sizes
        at = {c: Index.fresh(d) for c, d in sizes.items()}
        self.bound.extend(at[c] for c in e.summed)
        for letters, place in zip(e.output, (row, col), strict=True):
            at.update(zip(letters, flat(place), strict=True))

        def position(letters: str) -> At:
            out: At = at[letters[-1]] if letters else None
            for c in reversed(letters[:-1]):
                out = Pair(at[c], out)
            return out

        return [(a, position(rows), position(cols)) for (rows, cols), a in zip(e.inputs, e.args, strict=True)]

    def tie(self, left: At, right: At) -> bool:
        """Tie two positions, if they are made of indices in the same way."""
        a, b = flat(left), flat(right)
        if len(a) != len(b) or not a or not all(same_dim(x.dim, y.dim) for x, y in zip(a, b, strict=True)):
            return False
        self.ties.extend(zip(a, b, strict=True))
        return True

    def term(self) -> Term:
        """The term with the ties made and the sums that are matrix products done."""
        parent: dict[Index, Index] = {}

        def end(i: Index) -> Index:
            while i in parent:
                i = parent[i]
            return i

        def moved(at: At) -> At:
            return Pair(moved(at.left), moved(at.right)) if isinstance(at, Pair) else end(at) if isinstance(at, Index) else at

        for i, j in self.ties:
            a, b = end(i), end(j)
            if a is not b:
                keep, drop = (a, b) if a in self.places else (b, a)
                parent[drop] = keep
        pieces = [Piece(p.array, moved(p.row), moved(p.col)) for p in self.found]
        places = [end(i) for i in self.places]
        kept = {*places, *(i for p in pieces for i in p.letters)}
        self.factors.extend(dim_number(i.dim) for i in dict.fromkeys(map(end, self.bound)) if i not in kept)
        return contracted(self.factors, pieces, places)


def contracted(factors: Sequence[Expr], pieces: Sequence[Piece], places: Sequence[Index]) -> Term:
    """A term with the sums done that matrix products write."""
    free = list(dict.fromkeys(places))
    bound = list(dict.fromkeys(i for p in pieces for i in p.letters if i not in free))
    scalars = Scalars()
    net = Contracted(sp.Integer(1), [(p.array, p.row, p.col) for p in pieces], bound, None, None)
    graph = _reduced(net, free, scalars)
    left = [Piece(e, a, b) for e, a, b in operands_of(graph)]
    return Term(hadamard(*factors, scalars.back(graph.coefficient)), tuple(left), tuple(places))


def _reduced(net: Contracted, free: Sequence[Index], scalars: Scalars) -> Graph:
    try:
        return reduced(net, free, scalars, leave=len(net.bound))
    except NoMatrixForm as unfinished:
        return unfinished.rest
