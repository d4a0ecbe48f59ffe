"""What a text in index notation means: the kind of each part, and the one dimension of each index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp

from matcalc.declare import at_place, read_shape
from matcalc.dims import Dim, DimSymbol, is_name, is_unit, same_dim
from matcalc.errors import LimitError, OperandError, ParseError, ShapeError, caret
from matcalc.expr import (
    ONE,
    Expr,
    Number,
    named_shape,
)
from matcalc.functions import ENTRYWISE, FUNCTIONS, Function
from matcalc.index import Index
from matcalc.infer import Kind
from matcalc.lex import Part, number
from matcalc.parse import parse

MAX_INDICES = 100
DELTAS = ("delta", "KroneckerDelta")


@dataclass(eq=False)
class Range:
    """An index of the text: its uses, each a dimension with what shows it and where."""

    name: str
    at: int
    uses: list[tuple[Dim, str, int]] = field(default_factory=list)
    index: Index | None = None


@dataclass
class Meaning:
    """What a part is: an entry, a delta, a sum, a function, or a scalar; places are indices or fixed."""

    kind: str
    array: Expr = ONE
    places: tuple[Range | int, ...] = ()
    over: tuple[Range, ...] = ()
    function: Function | None = None


class Reading:
    """Finds what the parts and the indices mean, from the whole down to the operands."""

    def __init__(
        self, text: str, parts: list[Part], names: Mapping[str, object], dims: set[str], free: Mapping[str, Dim | None]
    ) -> None:
        self.text = text
        self.parts = parts
        self.names = names
        self.dims = dims
        self.free = {name: Range(name, 0) for name in free}
        for name, dim in free.items():
            if dim is not None:
                self.free[name].uses.append((dim, f"free={name}", 0))
        self.meaning: dict[int, Meaning] = {}
        self.ranges: list[Range] = list(self.free.values())
        self.ties: list[tuple[Range, Range, int]] = []

    def run(self) -> None:
        """Give every part of the formula its meaning, and every index its dimension."""
        stack: list[tuple[int, dict[str, Range]]] = [(len(self.parts) - 1, self.free)]
        while stack:
            k, scope = stack.pop()
            stack.extend(reversed(self.enter(k, self.parts[k], scope)))
        self.settle()

    def error(self, message: str, at: int) -> ParseError:
        """The error at a place."""
        return ParseError(message, self.text, at)

    def enter(self, k: int, part: Part, scope: dict[str, Range]) -> list[tuple[int, dict[str, Range]]]:
        """Find what one part means; the operands that are formulas in index notation too."""
        match part.kind:
            case "number":
                self.meaning[k] = Meaning("scalar", Number(number(part.head)))
                return []
            case "name":
                self.meaning[k] = Meaning("scalar", self.scalar_name(part, scope))
                return []
            case "prefix":
                self.meaning[k] = Meaning(part.head)
                return [(part.args[0], scope)]
            case "binary" if part.head in ("+", "-", "*", "/", "^"):
                self.meaning[k] = Meaning(part.head)
                return [(a, scope) for a in part.args]
            case "binary":
                raise self.error(f"entries are scalars, and {part.head} is between arrays: write {part.head[1:]}", part.at)
            case "transpose":
                raise self.error("an entry has no transpose: exchange its indices", part.end - 1)
            case "apply":
                return self.enter_application(k, part, scope)
        raise self.error("the range of an index stands only in Sum(body, (k, 1, n))", part.at)

    def scalar_name(self, part: Part, scope: dict[str, Range]) -> Expr:
        """A name that stands alone: a scalar, a dimension or pi."""
        known = self.names.get(part.head)
        if isinstance(known, Expr):
            if not known.is_scalar:
                raise self.error(f"{named_shape(known)} is an array: its entries are written {self.example(known)}", part.at)
            return known
        if part.head in self.dims:
            return Number(DimSymbol(part.head))
        if part.head in scope:
            raise self.error(f"{part.head} is an index here: it stands in square brackets, not as a number", part.at)
        if part.head == "pi":
            return Number(sp.pi)
        raise self.undeclared(part)

    def undeclared(self, part: Part) -> ParseError:
        """The error for a name that nobody declared."""
        known = ", ".join(self.names) or "none"
        return self.error(f"{part.head} is not declared; the declared names: {known}", part.at)

    def example(self, e: Expr) -> str:
        """How the entries of an expression are written."""
        written = self.written(e)
        return f"{written}[i,j]" if len(e.shape) == 2 else f"{written}[i]"

    def written(self, e: Expr) -> str:
        """A name, or brackets."""
        text = str(e)
        return text if is_name(text) else f"({text})"

    def enter_application(self, k: int, part: Part, scope: dict[str, Range]) -> list[tuple[int, dict[str, Range]]]:
        """A sum, a delta, a function of entries, an entry, or a function of whole arrays."""
        target = self.parts[part.args[0]]
        args = part.args[1:]
        name = target.head if target.kind == "name" else ""
        if name == "Sum" and part.head == "(":
            return self.enter_sum(k, part, scope)
        if name in DELTAS and name not in self.names:
            self.enter_delta(k, part, scope)
            return []
        if part.head == "[":
            array = self.matrix(part.args[0])
            self.meaning[k] = Meaning("entry", array, self.entry_places(array, part, scope))
            return []
        known = self.names.get(name, FUNCTIONS.get(name))
        if isinstance(known, Function) and known.signature == ENTRYWISE and set(known.letters) == {"x"}:
            try:
                known.require_count(len(args))
            except OperandError as error:
                raise at_place(error, self.text, part.at) from None
            self.meaning[k] = Meaning("function", function=known)
            return [(a, scope) for a in args]
        e = self.matrix(k)
        if not e.is_scalar:
            raise self.error(f"{named_shape(e)} is an array: its entries are written {self.example(e)}", part.at)
        self.meaning[k] = Meaning("scalar", e)
        return []

    def matrix(self, k: int) -> Expr:
        """The matrix expression that a part writes in the text syntax."""
        part = self.parts[k]
        if part.kind == "name":
            known = self.names.get(part.head)
            if isinstance(known, Expr):
                return known
            if isinstance(known, Kind):
                raise self.error(f"{part.head} is declared without its dimensions: write them, as in {part.head}[m,n]", part.at)
            raise self.undeclared(part)
        stack = [k]
        while stack:
            inner = self.parts[stack.pop()]
            if inner.kind == "name" and inner.head not in self.names and inner.head not in self.dims and inner.head != "pi":
                raise self.undeclared(inner)
            if inner.head == "[" or inner.kind == "range":
                raise self.error("an index stands only after the whole of a matrix expression, as in inv(X)[i,j]", inner.at)
            called = inner.kind == "apply" and self.parts[inner.args[0]].kind == "name"
            stack.extend(inner.args[1:] if called else inner.args)
        declared = {**{d: DimSymbol(d) for d in self.dims}, **self.names}
        written = self.text[part.start : part.end]
        try:
            e = parse(written, declared)
        except ParseError as error:
            lines = written.split("\n")[: error.line - 1]
            raise self.error(error.reason, part.start + sum(len(line) + 1 for line in lines) + error.column - 1) from None
        declared_symbols = {s for known in self.names.values() if isinstance(known, Expr) for s in known.symbols}
        strange = [s.name for s in e.symbols if s not in declared_symbols]
        if strange:
            raise self.error(f"{strange[0]} is not declared with its dimensions, as in {strange[0]}[m,n]", part.at)
        return e

    # ---------------------------------------------------------------- indices
    def enter_sum(self, k: int, part: Part, scope: dict[str, Range]) -> list[tuple[int, dict[str, Range]]]:
        """A sum: its indices are new names inside it."""
        if len(part.args) < 3:
            raise self.error("a sum names what it runs over, as in Sum(A[i,k]*x[k], k)", part.at)
        inside = dict(scope)
        over: list[Range] = []
        for a in part.args[2:]:
            given = self.parts[a]
            name = self.parts[given.args[0]] if given.kind == "range" else given
            if name.kind != "name":
                raise self.error("a sum runs over names, as in Sum(A[i,k]*x[k], k)", given.at)
            if name.head in inside:
                what = "is a free index" if name.head in self.free else "is summed over already"
                raise self.error(f"the index {name.head} {what}: give the sum another name", name.at)
            found = Range(name.head, name.at)
            if given.kind == "range":
                found.uses.append((self.range_dim(given), f"the range of {name.head}", given.at))
            inside[name.head] = found
            over.append(found)
        if len(inside) > MAX_INDICES:
            raise LimitError(f"more than {MAX_INDICES} indices are in use at once{caret(self.text, part.at)}")
        self.ranges.extend(over)
        self.meaning[k] = Meaning("sum", over=tuple(over))
        return [(part.args[1], inside)]

    def range_dim(self, given: Part) -> Dim:
        """The dimension of ``(k, n)`` or ``(k, 1, n)``."""
        first = self.parts[given.args[1]]
        if len(given.args) > 3 or (len(given.args) == 3 and (first.kind, first.head) != ("number", "1")):
            raise self.error("a range is written (k, n) or (k, 1, n): a sum runs over a whole dimension, from 1", given.at)
        last = self.parts[given.args[-1]]
        (dim,) = read_shape(self.text, last.start, last.end)
        return dim

    def enter_delta(self, k: int, part: Part, scope: dict[str, Range]) -> None:
        """Kronecker's delta: both indices run over the same dimension."""
        if len(part.args) != 3:
            raise self.error("a delta has two indices, as in delta[i,j]", part.at)
        places = tuple(self.place(a, scope) for a in part.args[1:])
        match places:
            case (Range() as a, Range() as b):
                self.ties.append((a, b, part.at))
        self.meaning[k] = Meaning("delta", places=places)

    def place(self, k: int, scope: dict[str, Range]) -> Range | int:
        """An index in scope, or a fixed position."""
        part = self.parts[k]
        if part.kind == "number" and part.head.isdigit():
            value = int(number(part.head))
            if value < 1:
                raise self.error("places are counted from 1", part.at)
            return value
        if part.kind != "name":
            raise self.error("an index is a name or a place counted from 1", part.at)
        if part.head not in scope:
            raise self.error(
                f"the index {part.head} is neither free nor summed over: name it in free, or write Sum(..., {part.head})",
                part.at,
            )
        return scope[part.head]

    def entry_places(self, array: Expr, part: Part, scope: dict[str, Range]) -> tuple[Range | int, ...]:
        """The row and the column of an entry, with the dimensions that they show."""
        places = [self.place(a, scope) for a in part.args[1:]]
        axes = [d for d in (array.rows, array.cols) if not is_unit(d)]
        if len(places) == 1 and len(axes) == 1:
            places.insert(1 if is_unit(array.cols) else 0, 1)
        if array.is_scalar:
            raise self.error(f"{array} is a scalar and has no indices", part.at)
        if len(places) != 2:
            count = f"{len(array.shape)} {'index' if len(array.shape) == 1 else 'indices'}"
            raise self.error(f"{named_shape(array)} has {count}, not {len(part.args) - 1}", part.at)
        written = self.text[part.start : part.end]
        for place, dim, word in zip(places, (array.rows, array.cols), ("row", "column"), strict=True):
            if isinstance(place, Range):
                place.uses.append((dim, written if len(written) <= 40 else written[:36] + " ...", part.at))
            elif isinstance(dim, int) and place > dim:
                raise self.error(f"{named_shape(array)} has no {word} {place}", part.at)
        return tuple(places)

    def settle(self) -> None:
        """Give every index its one dimension."""
        leader = {r: r for r in self.ranges}

        def lead(r: Range) -> Range:
            while leader[r] is not r:
                leader[r] = leader[leader[r]]
                r = leader[r]
            return r

        for a, b, _ in self.ties:
            leader[lead(a)] = lead(b)
        groups: dict[Range, list[Range]] = {}
        for r in self.ranges:
            groups.setdefault(lead(r), []).append(r)
        for group in groups.values():
            uses = [(r.name, *use) for r in group for use in r.uses]
            if not uses:
                r = group[0]
                hint = f"free={{{r.name!r}: n}}" if r.name in self.free else f"Sum(..., ({r.name}, 1, n))"
                raise at_place(ShapeError(f"nothing shows what the index {r.name} runs over: write {hint}"), self.text, r.at)
            name, dim, what, _ = uses[0]
            for other, d, where, at in uses[1:]:
                if not same_dim(d, dim):
                    tied = "" if other == name else f", which a delta ties to {other},"
                    message = f"the index {name}{tied} runs over {dim} in {what}, but over {d} in {where}"
                    raise at_place(ShapeError(message), self.text, at)
            for r in group:
                r.index = None if is_unit(dim) else Index.fresh(dim)
