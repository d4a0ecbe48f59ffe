"""What self-checking files in languages other than Python have in common."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from matcalc.codefiles.contents import Contents, Function
from matcalc.codefiles.data import DataWords, Draws
from matcalc.codefiles.header import one_line
from matcalc.codefiles.parameters import parameters_for, parameters_in
from matcalc.dims import Dim, is_unit
from matcalc.emit.backends import Backend
from matcalc.emit.plan import make_plan
from matcalc.emit.texts.pieces import Language, Piece
from matcalc.emit.texts.text import Program, TextWriter
from matcalc.emit.values import Builder
from matcalc.expr import Symbol

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


@dataclass(frozen=True)
class TextLanguage:
    """A language with what its files need besides the table of pieces."""

    language: Callable[[bool], Language]
    words: DataWords
    reserved: frozenset[str]
    longest: int = 1000
    extra_letters: frozenset[str] = frozenset()


class TextNames:
    """Names of a language for a user's names; none is a word of the language or of the file."""

    def __init__(self, taken: Iterable[str], keywords: frozenset[str], longest: int, letters: frozenset[str]) -> None:
        self.taken, self.keywords, self.longest, self.letters = set(taken), keywords, longest, letters

    def new(self, wanted: str) -> str:
        """The name itself where it is free and the language takes it, else one like it."""
        name = "".join(c if c in PLAIN or c in self.letters else "_" for c in unicodedata.normalize("NFC", wanted))
        if not name or not (name[0].isalpha()):
            name = "v" + name
        base = name = name[: self.longest]
        k = 1
        while name in self.taken or name in self.keywords:
            tail = "_" if k == 1 else f"_{k}"
            name = base[: self.longest - len(tail)] + tail
            k += 1
        self.taken.add(name)
        return name


class TextFile:
    """The parts of a file: parameters, names, programs."""

    def __init__(self, contents: Contents, backend: Backend, kind: TextLanguage) -> None:
        self.contents, self.backend, self.kind = contents, backend, kind
        self.language = kind.language(contents.is_complex)
        self.p = parameters_for(contents, backend)
        reserved = kind.reserved | self.language.helpers
        top = TextNames(reserved, self.language.keywords, kind.longest - 14, kind.extra_letters)
        self.name = top.new(contents.name)
        self.called = {f.suffix: self.name + f.suffix for f in contents.functions}
        self.names = TextNames({*reserved, *self.called.values()}, self.language.keywords, kind.longest, kind.extra_letters)
        self.local = {n: self.names.new(n) for n in self.p.names}
        self.sizes = {d: self.local[d.name] if d.name in self.p.sizes else self.names.new(d.name) for d in contents.sizes}
        self.helpers: set[str] = set()
        self.draws = Draws(contents, kind.words, self.dim)

    def parameters(self, f: Function) -> tuple[str, ...]:
        """The names that a function takes."""
        return parameters_in(f, self.p, self.contents).names

    def leaves(self) -> dict[object, Piece]:
        """How symbols, dimensions and functions are written."""
        found: dict[object, Piece] = {}
        for n in self.p.names:
            if n in self.p.symbols:
                found["symbol", n] = self.symbol(n)
            elif n in self.p.functions:
                slope = self.contents.unspecified[n][1]
                found["function", n] = Piece(self.local[n], rank="slope" if slope else "function")
        for d, name in self.sizes.items():
            found["dim", d] = Piece(name)
        return found

    def symbol(self, name: str) -> Piece:
        """How a symbol is written."""
        return Piece(self.local[name], rank=axes_of(self.p.symbols[name]))

    def text(self) -> str:
        """The file."""
        raise NotImplementedError

    def function(self, f: Function) -> str:
        """A function of the file."""
        raise NotImplementedError

    def listed(self, f: Function) -> str:
        """A function with all that it needs."""
        raise NotImplementedError

    def program(self, f: Function) -> Program:
        """The lines of a function."""
        plan = make_plan(f.outputs, parameters_in(f, self.p, self.contents).symbols, self.backend)
        writer = TextWriter(self.language, self.leaves(), is_complex=self.contents.is_complex)
        names = TextNames(self.names.taken, self.language.keywords, self.kind.longest, self.kind.extra_letters)
        program = writer.program(plan.outputs, names)
        self.helpers |= program.helpers
        return program

    def dim(self, d: Dim) -> str:
        """A dimension, in the names of the file."""
        writer = TextWriter(self.language, {("dim", s): Piece(n) for s, n in self.sizes.items()})
        return writer.write(Builder().dim(d)).text

    def comment(self, lines: Sequence[str], mark: str) -> str:
        """Lines of comment, each of which stays one."""
        return "\n".join(f"{mark} {one_line(line)}".rstrip() for line in lines)


def is_row(s: Symbol) -> bool:
    """Whether a symbol is a row."""
    return s.axes is None and is_unit(s.rows) and not is_unit(s.cols)


def axes_of(s: Symbol) -> int:
    """The axes of the array of a symbol, where a row has one."""
    return len(s.axes) if s.axes is not None else sum(not is_unit(d) for d in (s.rows, s.cols))
