"""A linear map as few arrays and terms over them, and what it does to an array as an expression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from matcalc.emit.networks.arrays import Letters
from matcalc.emit.networks.assemble import components
from matcalc.emit.networks.grams import scaled
from matcalc.emit.networks.read import Piece, Term, contracted, tied_axes
from matcalc.emit.sizes import Sizes
from matcalc.expr import ONE, Expr, Ones, Symbol, add, quotient, rational, symbol, transpose
from matcalc.index import At, Index, flat
from matcalc.ops.linalg import inv
from matcalc.ops.structure import Eye
from matcalc.ops.tensors import Einsum, Unstacked, paired, split_axes, tensor_letters, tensor_of


@dataclass(frozen=True)
class Held:
    """A linear map: ``arrays`` are computed once, ``terms`` say what it is in ``symbols`` that stand for them.

    The places of a term are the axes of the results, ``rows`` of them, then those of the arguments.
    """

    arrays: tuple[Expr, ...]
    symbols: tuple[Symbol, ...]
    terms: tuple[Term, ...]
    rows: int

    @property
    def turned(self) -> Held:
        """The transposed map."""
        count = len(self.terms[0].places) - self.rows
        terms = (Term(t.factor, t.pieces, (*t.places[self.rows :], *t.places[: self.rows])) for t in self.terms)
        return Held(self.arrays, self.symbols, tuple(terms), count)


def held(terms: Sequence[Term], rows: int, sizes: Sizes) -> Held:
    """The arrays of terms: each piece, and sums over indices where their result is no larger than what they sum."""
    known: dict[Expr, Symbol] = {}
    done = []
    for t in terms:
        groups = components(t.pieces, t.free)
        factor = t.factor
        if len(groups) == 1:
            smallest = [prod(sizes.of(i.dim) for i in p.letters) for p in groups[0]]
            groups, factor = [list(scaled(factor, groups[0], smallest))], ONE
        pieces: list[Piece] = []
        for g in groups:
            own = tuple(i for i in t.free if any(i in p.letters for p in g))
            cost = sum(prod(sizes.of(i.dim) for i in p.letters) for p in g)
            if len(g) > 1 and prod(sizes.of(i.dim) for i in own) <= cost:
                pieces.append(_holding(array_of(Term(ONE, tuple(g), own)), own, known))
            else:
                pieces.extend(Piece(_symbol_of(p.array, known), p.row, p.col) for p in g)
        if rational(factor) is None:
            factor = _symbol_of(factor, known)
        done.append(Term(factor, tuple(pieces), t.places))
    return Held(tuple(known), tuple(known.values()), tuple(done), rows)


def _symbol_of(e: Expr, known: dict[Expr, Symbol]) -> Symbol:
    found = known.get(e)
    if found is None:
        axes = e.axes if e.axes is not None else (e.rows, e.cols)
        found = known[e] = symbol(
            f"F{len(known)}", axes, ("symmetric",) if e.axes is None and e.symmetric and not e.is_scalar else ()
        )
    return found


def _holding(e: Expr, axes: Sequence[Index], known: dict[Expr, Symbol]) -> Piece:
    return piece_at(_symbol_of(e, known), axes)


def piece_at(array: Expr, axes: Sequence[Index]) -> Piece:
    """An array with an axis for each index."""
    if len(axes) > 2:
        first, second = split_axes(tuple(axes))  # type: ignore[arg-type]
        return Piece(array, paired(first[::-1]), paired(second[::-1]))  # type: ignore[arg-type]
    ends: list[At] = [*axes, None, None]
    return Piece(array, ends[0], ends[1])


# ------------------------------------------------------------------ terms as expressions
def array_of(t: Term) -> Expr:
    """A term as an array whose axes are its places."""
    return _written(t, None)


def matrix_of(terms: Sequence[Term], rows: int) -> Expr:
    """The sum of terms as an array whose first axes are stacked in the rows of one matrix."""
    places = terms[0].places
    if len(places) < 3:
        return add(*(array_of(t) for t in terms))
    dims = tuple(i.dim for i in places)
    return Unstacked(add(*(_written(t, rows) for t in terms)), dims[:rows], dims[rows:])


def _written(t: Term, rows: int | None) -> Expr:
    """A term as an array, or with ``rows`` as the matrix that stacks its first axes in rows and the others in columns."""
    places: list[Index] = []
    pieces = list(t.pieces)
    for i in t.places:
        if i in places:
            twin = Index.fresh(i.dim)
            pieces.append(Piece(Eye(i.dim), i, twin))
            places.append(twin)
        else:
            places.append(i)
    told = {i for p in pieces for i in p.letters}
    pieces.extend(Piece(Ones((i.dim, 1)), i, None) for i in places if i not in told)
    if not pieces:
        return t.factor
    pieces = list(scaled(t.factor, pieces, [len(p.letters) for p in pieces]))
    if len(pieces) == 1 and rows is None and not pieces[0].is_wide:
        p = pieces[0]
        return p.array if len(places) < 2 or p.row is places[0] else transpose(p.array)
    names = Letters(places)
    inputs = tuple((names.of(flat(p.row)), names.of(flat(p.col))) for p in pieces)
    letters = names.of(places)
    arrays = tuple(_apart(p) for p in pieces)
    if rows is not None:
        return Einsum(inputs, (letters[:rows][::-1], letters[rows:][::-1]), arrays)
    if len(letters) > 2:
        return tensor_of(Einsum(inputs, tensor_letters(letters), arrays), letters)
    return Einsum(inputs, (letters[:1], letters[1:]), arrays)


def _apart(p: Piece) -> Expr:
    """The array of a piece, with an axis of its own for each of its indices."""
    if not p.is_wide or p.array.axes is not None:
        return p.array
    return Unstacked(p.array, *(tuple(i.dim for i in reversed(flat(at))) for at in (p.row, p.col)))


# ------------------------------------------------------------------ what a map does
def argument(h: Held, name: str) -> Symbol:
    """The symbol for an argument."""
    return symbol(name, [i.dim for i in h.terms[0].places[h.rows :]])


def applied(h: Held, x: Symbol) -> Expr:
    """What the map makes of ``x``."""
    out = []
    for t in h.terms:
        rows, cols = t.places[: h.rows], t.places[h.rows :]
        factors, more = ([t.factor], [piece_at(x, cols)]) if cols else ([t.factor, x], [])
        out.append(array_of(contracted(factors, [*t.pieces, *more], rows)))
    return add(*out)


def solved_by_factors(h: Held, y: Symbol) -> Expr | None:
    """The argument that the map takes to ``y``, by solving with each factor of a Kronecker product; None where it is none."""
    if len(h.terms) != 1:
        return None
    (t,) = h.terms
    rows, cols = t.places[: h.rows], t.places[h.rows :]
    if len(set(rows)) < len(rows) or len(set(cols)) < len(cols) or t.summed:
        return None
    tied = set(rows) & set(cols)
    seen: set[Index] = set(tied)
    pieces = []
    for p in t.pieces:
        if p.is_wide:
            return None
        if len(p.letters) == 1 and p.letters[0] in tied:
            pieces.append(
                Piece(quotient(ONE, p.array) if p.col is None else quotient(ONE, transpose(p.array)), p.letters[0], None)
            )
        elif len(p.letters) == 2 and {p.row, p.col} & set(rows) and {p.row, p.col} & set(cols) and not {p.row, p.col} & seen:
            if not p.array.is_square:
                return None
            pieces.append(Piece(inv(p.array), p.col, p.row))
            seen.update(p.letters)
        else:
            return None
    if seen != {*rows, *cols}:
        return None
    return array_of(contracted([quotient(ONE, t.factor)], [*pieces, piece_at(y, rows)], cols))


@dataclass(frozen=True)
class Blocks:
    """A map that ties axes of results to axes of arguments: ``array`` has those first, then the others of rows and columns."""

    array: Expr
    tied: tuple[tuple[int, int], ...]  # the axis of the results and that of the arguments
    rows: tuple[int, ...]
    cols: tuple[int, ...]


def blocks_of(h: Held) -> Blocks:
    """The map as blocks on a diagonal; as one block where nothing is tied in all terms."""
    tied, rows, cols = tied_axes(h.terms, h.rows)
    order = [*(r for r, _ in tied), *rows, *cols]
    terms = [Term(t.factor, t.pieces, tuple(t.places[q] for q in order)) for t in h.terms]
    split = len(tied) + len(rows)
    return Blocks(
        matrix_of(terms, split), tuple((r, c - h.rows) for r, c in tied), tuple(rows), tuple(c - h.rows for c in cols)
    )
