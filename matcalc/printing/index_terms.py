"""Index notation in LaTeX and in text: entries, deltas and sums under letters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import assert_never

import sympy as sp

from matcalc.expr import Expr, GradientSymbol, Let, Number, Operator, Symbol, Transpose
from matcalc.index import ONE, At, Delta, Entry, Index, Map, Num, Pair, Plus, Sum, Term, Times, flat, indices_of
from matcalc.node import postorder
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient
from matcalc.printing.brackets import ATOM, POWER, PREFIX, TERM, binds
from matcalc.printing.latex import Latex
from matcalc.printing.text import text
from matcalc.printing.typeset import Piece, Typesetter, number_level

LETTERS = "ijklpqrstuv"


class IndexNames(dict[Index, str]):
    """Letters for indices, given in order of first use: ``i j k l p ... v``, then ``i_1 i_2 ...``; never one of ``taken``.

    The indices in ``first`` have their letters at once.
    """

    def __init__(self, first: Iterable[Index | None] = (), taken: Iterable[str] = ()) -> None:
        super().__init__()
        self._taken = frozenset(taken)
        self._left = _letters(self._taken)
        for i in first:
            if i is not None:
                _ = self[i]

    def __reduce__(self) -> tuple[type[dict[Index, str]], tuple[dict[Index, str]]]:
        return dict, (dict(self),)

    def __missing__(self, i: Index) -> str:
        self[i] = next(self._left)
        return self[i]

    def share(self, addends: Iterable[Term]) -> None:
        """Give the new indices of every addend letters from the same start: each is summed in its own addend alone."""
        free = self._taken | set(self.values())
        for addend in addends:
            here = indices_of(addend)
            letters = _letters(free | {self[i] for i in here if i in self})
            for i in here:
                if i not in self:
                    self[i] = next(letters)


def _letters(taken: frozenset[str]) -> Iterator[str]:
    yield from (c for c in LETTERS if c not in taken)
    yield from (name for k in count(1) if (name := f"i_{k}") not in taken)


def index_names(terms: Sequence[Term], first: Iterable[Index | None] = ()) -> IndexNames:
    """Letters for the indices of a formula, those in ``first`` before the free ones, those before the bound ones."""
    names = IndexNames(first, _names_in(terms))
    bound = {i for t in terms for i in _bound(t)}
    used = [i for t in terms for i in indices_of(t)]
    for i in sorted(used, key=lambda i: i in bound):
        _ = names[i]
    return names


def _subterms(term: Term) -> Iterator[Term]:
    stack = [term]
    while stack:
        t = stack.pop()
        yield t
        match t:
            case Sum(_, body):
                stack.append(body)
            case Times(parts) | Plus(parts) | Map(_, parts):
                stack.extend(parts)


def _bound(term: Term) -> set[Index]:
    return {t.index for t in _subterms(term) if isinstance(t, Sum)}


def _names_in(terms: Sequence[Term]) -> set[str]:
    """The names of the symbols, functions and dimensions that a reader sees."""
    names: set[str] = set()
    arrays: list[Expr] = []
    for t in (s for term in terms for s in _subterms(term)):
        if isinstance(t, Num):
            names.update(str(s) for s in t.value.free_symbols)
        elif isinstance(t, Entry):
            arrays.append(t.array)
    for e in postorder(arrays, lambda e: () if isinstance(e, Let) else e.operands):
        if isinstance(e, (Symbol, Let)):
            names.add(e.name)
        elif isinstance(e, Number):
            names.update(str(s) for s in e.value.free_symbols)
        elif isinstance(e, (Unspecified, UnspecifiedGradient)):
            names.add(e.function)
        for d in (e.rows, e.cols):
            names.update(str(s) for s in sp.sympify(d).free_symbols)
    return names


# ------------------------------------------------------------------ the two styles
class IndexLatex(Latex):
    """Index notation in LaTeX."""

    delta = r"\delta"

    def summed(self, places: Sequence[str], over: Sequence[Index], body: Term, inner: Piece) -> Piece:
        """A sum over the indices ``over``, called ``places``, of ``body``, which is written."""
        return _after_sign(self, places, inner)


class IndexText(Typesetter):
    """Index notation in text, as ``sum_k W[i,k]*X[k,j] + b[i]``."""

    delta = "delta"

    def sum_sign(self, places: Sequence[str]) -> str:
        return "sum_" + (places[0] if len(places) == 1 else f"({','.join(places)})")

    def summed(self, places: Sequence[str], over: Sequence[Index], body: Term, inner: Piece) -> Piece:
        """A sum over the indices ``over``, called ``places``, of ``body``, which is written."""
        return _after_sign(self, places, inner)

    def piece(self, e: Expr) -> Piece:
        written = text(e)
        negative = binds(e) == TERM and written.startswith("-")
        return Piece(written.removeprefix("-") if negative else written, TERM if negative else binds(e), negative)

    def name(self, name: str) -> str:
        return name

    def bracket(self, text: str) -> str:
        return f"({text})"

    def number(self, value: sp.Expr) -> Piece:
        negative = not isinstance(value, sp.Add) and value.could_extract_minus_sign()
        value = -value if negative else value
        level = TERM if isinstance(value, sp.Rational) and value.q != 1 else number_level(value)
        return Piece(str(value).replace("**", "^"), level, negative)

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return Piece(f"{self.within(above, TERM)}/{self.within(below, PREFIX)}", TERM)

    def raised(self, base: Piece, exponent: str) -> Piece:
        return Piece(f"{self.within(base, ATOM)}^{exponent if exponent.isalnum() else self.bracket(exponent)}", POWER)

    def subscripted(self, base: str, places: Sequence[str]) -> str:
        return f"{base}[{','.join(places)}]"

    def join(self, factors: Sequence[str]) -> str:
        return "*".join(factors)

    def fill(self, op: Operator, parts: Sequence[Piece]) -> Piece:
        return Piece(f"{op.call()[0]}({', '.join(p.text for p in parts)})")

    def base(self, array: Expr, piece: Piece) -> str:
        bare = isinstance(array, (Symbol, Let)) and not isinstance(array, GradientSymbol)
        return piece.text if bare else self.bracket(piece.text)


def _after_sign(style: IndexLatex | IndexText, places: Sequence[str], inner: Piece) -> Piece:
    """A sum as its sign in front of its body."""
    written = f"{style.sum_sign(places)} {style.within(inner._replace(negative=False), TERM)}"
    return Piece(written, TERM, inner.negative, left=True)


class IndexFormula(IndexText):
    """Index notation in the text that ``from_index`` reads, as ``Sum(W[i,k]*X[k,j], k) + b[i]``."""

    def __init__(self, delta: str = "delta") -> None:
        self.delta = delta

    def summed(self, places: Sequence[str], over: Sequence[Index], body: Term, inner: Piece) -> Piece:
        shown = {i for t in _subterms(body) if isinstance(t, Entry) for at in (t.row, t.col) for i in flat(at)}
        ranges = [p if i in shown else f"({p}, 1, {self.dim(i.dim)})" for p, i in zip(places, over, strict=True)]
        return Piece(f"Sum({inner.text}, {', '.join(ranges)})")

    def base(self, array: Expr, piece: Piece) -> str:
        return piece.text if binds(array) == ATOM and not isinstance(array, Number) else self.bracket(piece.text)


LATEX, TEXT = IndexLatex(), IndexText()
Style = IndexLatex | IndexText
Names = Mapping[Index, str]


def term_latex(term: Term, names: Names | None = None) -> str:
    r"""An index term in LaTeX, such as ``\sum_{k} W_{ik} X_{kj} + b_{i}``; ``names`` gives the letters."""
    return _write(term, index_names([term]) if names is None else names, LATEX).text


def term_text(term: Term, names: Names | None = None) -> str:
    """An index term in text, such as ``sum_k W[i,k]*X[k,j] + b[i]``."""
    return _write(term, index_names([term]) if names is None else names, TEXT).text


def term_formula(term: Term, names: Names, delta: str) -> str:
    """An index term in the text that ``from_index`` reads; ``delta`` names Kronecker's."""
    return _write(term, names, IndexFormula(delta)).text


def _write(term: Term, names: Names, style: Style) -> Piece:
    """A term, written over its tree, operands first."""
    order = [term]
    for t in order:
        order.extend(_inside(t))
    done: dict[int, Piece] = {}
    for t in reversed(order):
        done[id(t)] = _node(t, [done[id(p)] for p in _inside(t)], names, style)
    return done[id(term)]


def _inside(term: Term) -> Sequence[Term]:
    """What is written inside a term: nested sums are one, and so are nested products."""
    match term:
        case Sum(_, body):
            while isinstance(body, Sum):
                body = body.body
            return (body,)
        case Times():
            return _factors(term)
        case Plus(parts) | Map(_, parts):
            return parts
        case _:
            return ()


def _node(term: Term, parts: list[Piece], names: Names, style: Style) -> Piece:
    """One term whose operands are written."""
    match term:
        case Num(value):
            return style.number(value)
        case Delta(left, right):
            return Piece(style.subscripted(style.delta, [_place(at, names, style) for at in (left, right)]))
        case Entry(array, row, col):
            return _entry(array, row, col, names, style)
        case Sum():
            over = []
            body: Term = term
            while isinstance(body, Sum):
                over.append(body.index)
                body = body.body
            return style.summed([style.name(names[i]) for i in over], over, body, parts[0])
        case Times():
            return _times(parts, style)
        case Plus():
            return style.total(parts)
        case Map(op):
            return style.apply(op, parts, scalar=True)
        case _:
            assert_never(term)


def _entry(array: Expr, row: At, col: At, names: Names, style: Style) -> Piece:
    """An entry; a transpose is written by exchanging the indices."""
    while isinstance(array, Transpose):
        array, row, col = array.arg, col, row
    piece = style.piece(array)
    places = [_place(at, names, style) for at in (row, col) if at is not None]
    return Piece(style.subscripted(style.base(array, piece), places)) if places else piece._replace(right=False)


def _place(at: At, names: Names, style: Style) -> str:
    match at:
        case Index():
            return style.name(names[at])
        case Pair(left, right):
            return f"({_place(left, names, style)},{_place(right, names, style)})"
        case int():
            return str(at)
        case None:
            return "1"
        case _:
            assert_never(at)


def _factors(term: Times) -> list[Term]:
    """The factors of a product, its nested products taken apart."""
    factors: list[Term] = []
    stack: list[Term] = [term]
    while stack:
        t = stack.pop()
        if isinstance(t, Times):
            stack.extend(reversed(t.factors))
        elif not (isinstance(t, Num) and t == ONE):
            factors.append(t)
    return factors


def _times(pieces: list[Piece], style: Style) -> Piece:
    """A product, the signs of its factors in front."""
    if not pieces:
        return style.number(ONE.value)
    negative = sum(p.negative for p in pieces) % 2 == 1
    pieces = [p._replace(negative=False) for p in pieces]
    if pieces[0].body == "1" and len(pieces) > 1:
        del pieces[0]
    if len(pieces) == 1:
        (only,) = pieces
        return (
            Piece(style.bracket(only.body), negative=True)
            if negative and only.level < TERM
            else only._replace(negative=negative)
        )
    return Piece(style.juxtapose(pieces), TERM, negative)
