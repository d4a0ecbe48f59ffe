r"""Subscripts and superscripts: entries and indices, sizes of constants, transposes, inverses and powers; and ``\sum``."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.expr import Expr
from matcalc.from_latex.heads import MARKS
from matcalc.from_latex.names import Names, simple_name, subscript_at
from matcalc.from_latex.stack import SIGN, Stack
from matcalc.from_latex.tokens import Token
from matcalc.functions import FUNCTIONS
from matcalc.lex import Part
from matcalc.printing.names import key_name

TRANSPOSES = frozenset((r"\top", r"\intercal", "T", r"\prime", r"\tran", r"\transpose", "t"))
HERMITIAN = frozenset(("H", r"\hermitian"))
MARK_OF = {"+": "pinv", r"\dagger": "dagger", "*": "star", r"\ast": "star", r"\star": "star"}
LONGEST_MARK = 8  # tokens
SEPARATORS = frozenset((",", r"\times"))


class Scripts(Stack):
    """What stands below and above the line."""

    def __init__(self, source: str, found: list[Token], names: Names) -> None:
        super().__init__(source, found, names)
        self.square_end: dict[int, int] = {}  # where each square bracket is closed
        open_: list[Token] = []
        for k, t in enumerate(found):
            if t.kind == "delim" and t.text == "[":
                open_.append(t)
            elif t.kind == "delim" and t.text == "]" and open_:
                self.square_end[id(open_.pop())] = k

    # ---------------------------------------------------------------- above the line
    def superscript(self, t: Token) -> bool:
        """Take a ``^``; whether an operand is due, which the exponent is."""
        base = self.operands[-1]
        if self.raised == len(self.parts) and self.raised == base.part + 1:
            raise self.error("two superscripts: set braces around the first power, as in {x^a}^b, or brackets", t.at)
        script, after = subscript_at(self.found, self.i, self.text)
        if not script:
            raise self.error("a superscript is empty", t.at)
        if len(script) <= LONGEST_MARK and self.marked(script, after, t):
            self.raised = len(self.parts)
            return False
        first = script[0]
        op = ".^" if first.text in (r"\odot", r"\circ") and len(script) > 1 else "^"
        braced = self.found[self.i + 1].kind == "brace"
        if braced and op == "^" and first.text == "(" and self.is_one_bracket(script):
            raise self.error(
                r"a superscript in brackets may be an index or a power: write x_{i} with a name that is declared, or x^{k}",
                t.at,
            )
        if braced:
            self.i += 3 if op == ".^" else 2
            self.open("script", "^", t.at, closes="brace", op=op)
            return True
        self.i = after
        if first.kind == "number":
            self.push(Part("number", first.text, (), first.at, first.end, first.at))
        elif (found := simple_name(first)) is not None:
            name = self.names.find(found.key, found.source) or key_name(found.key)
            if name in self.bound:
                raise self.error(f"{name} is an index here: it stands in a subscript, not as a number", found.at)
            if name not in self.names.known:
                self.used.setdefault(name, found)
            self.push(Part("name", name, (), first.at, first.end, first.at))
        else:
            raise self.error(f"the superscript {first.text} is not read; put it in braces", first.at)
        exponent = self.operands.pop()
        base = self.operands.pop()
        self.push(Part("binary", "^", (base.part, exponent.part), base.start, exponent.end, t.at))
        self.raised = len(self.parts)
        return False

    def is_one_bracket(self, script: Sequence[Token]) -> bool:
        """Whether the bracket at the beginning is closed at the end."""
        depth = 0
        for k, s in enumerate(script):
            depth += (s.text == "(") - (s.text == ")")
            if depth == 0:
                return k == len(script) - 1
        return False

    def marked(self, script: Sequence[Token], after: int, t: Token) -> bool:
        """Take a superscript that is a mark: a transpose, a pseudoinverse, an inverse transposed."""
        texts = [s.text for s in script if s.kind != "brace"]
        negative = texts[:1] == ["-"]
        mark = texts[-1] if len(texts) == 1 + negative else ""
        is_name = mark.isalpha() and isinstance(known := self.names.known.get(mark), Expr) and known.is_scalar
        base = self.operands[-1]
        end = self.found[after - 1].end
        if mark in TRANSPOSES and not is_name and (mark != "t" or script[-1].font):
            self.i = after
            self.operands.pop()
            if negative:
                self.apply(MARKS["inverse transpose"], [base.part], base.start, end, t.at)
            else:
                self.push(Part("transpose", "'", (base.part,), base.start, end, t.at))
                if mark == "T" and not script[-1].font:
                    self.marked_by_letter.add(self.latest)
            return True
        if negative or (mark not in MARK_OF and (mark not in HERMITIAN or is_name)):
            return False
        self.i = after
        self.operands.pop()
        self.apply(MARKS[MARK_OF.get(mark, "hermitian")], [base.part], base.start, end, t.at)
        return True

    # ---------------------------------------------------------------- below the line
    def script_here(self) -> tuple[Token, ...]:
        """The tokens of the subscript that comes next."""
        script, self.i = subscript_at(self.found, self.i, self.text)
        return script

    def subscript(self, t: Token) -> bool:
        """Take a subscript behind a bracket: entries of what is in it, or the matrix of a cross product."""
        top = self.operands[-1]
        if self.text[top.start] not in "([\\" or top.part not in self.bracketed:
            raise self.error("a subscript stands on a name, or on an expression in brackets", t.at)
        script = self.script_here()
        if [s.text for s in script] == [r"\times"]:
            self.operands.pop()
            self.apply(FUNCTIONS["crossm"], [top.part], top.start, self.found[self.i - 1].end, top.start)
            return False
        return self.entries(script, None)

    def entries(self, script: Sequence[Token], name: str | None) -> bool:
        """Entries of the operand on top of the stack: with an index among the places in index notation."""
        target = self.operands.pop()
        places = self.places(script, name)
        end = self.found[self.i - 1].end
        indexed = [len(p) == 1 and self.index_of(p[0]) is not None for p in places]
        strange = next(
            (p[0] for p, ok in zip(places, indexed, strict=True) if not ok and len(p) == 1 and simple_name(p[0])), None
        )
        if strange is not None:
            shown = strange.spelled
            raise self.error(
                f"the index {shown} is neither summed over nor free: write \\sum_{{{shown}}}, or declare "
                f"{name or 'the array'}_{shown} as a name", strange.at,
            )  # fmt: skip
        if any(indexed):
            parts = []
            for p, ok in zip(places, indexed, strict=True):
                if not ok and (len(p) != 1 or not p[0].text.isdigit()):
                    raise self.error("beside an index stands another index or a number", p[0].at)
                parts.append(
                    self.plain("index", self.index_of(p[0]) or "", p[0].at) if ok else self.plain("number", p[0].text, p[0].at)
                )
            if name is not None and name not in self.names.known:
                self.note_usage(name, len(places), script[0].at)
            self.push(Part("entry", "[", (target.part, *parts), target.start, end, target.start))
            return False
        parts = [self.range_of(p) for p in places]
        self.push(Part("apply", "(", (target.part, *parts), target.start, end, target.start))
        self.fixed[self.latest] = "entries"
        self.bracketed.add(self.latest)
        return False

    def note_usage(self, name: str, count: int, at: int) -> None:
        """Remember that a name that nobody declared has entries with so many places."""
        if count > 2:
            raise self.error(f"{name} has {count} places: declare it, as in {name}[m,n,p]", at)
        kind = "vector" if count == 1 else "matrix"
        if self.usage.setdefault(name, kind) != kind:
            raise self.error(f"{name} has one place here and two elsewhere: declare it", at)

    def places(self, script: Sequence[Token], name: str | None) -> list[list[Token]]:
        """The places of an entry: separated by commas, else each token one, and each digit of a matrix's."""
        split: list[list[Token]] = [[]]
        for s in script:
            if s.kind == "brace":
                continue
            if s.text == ",":
                split.append([])
            else:
                split[-1].append(s)
        if any(not p for p in split):
            raise self.error("a place is missing", script[0].at if script else self.next().at)
        known = self.names.known.get(name or "")
        wide = isinstance(known, Expr) and known.ndim > 1
        if len(split) == 1 and len(split[0]) == 1 and split[0][0].text.isdigit() and wide:
            (t,) = split[0]
            assert isinstance(known, Expr)
            if len(t.text) == known.ndim:
                return [[Token("number", c, t.at + k, t.at + k + 1)] for k, c in enumerate(t.text)]
        if len(split) == 1:
            texts = {s.text for s in split[0]}
            if not texts & {"+", "-"} and not (":" in texts and len(split[0]) > 2):
                return [[s] for s in split[0]]
        return split

    def index_of(self, t: Token) -> str | None:
        """The index that a token is, by the name that is its alone."""
        found = simple_name(t)
        own = self.bound.get(key_name(found.key)) if found is not None else None
        return own[-1] if own else None

    def range_of(self, place: Sequence[Token]) -> int:
        """A place that is a number, a colon, or a range of them."""
        if len(place) == 1 and place[0].text == ":":
            return self.plain("all", ":", place[0].at)
        if len(place) == 1 and place[0].kind == "number":
            return self.plain("number", place[0].text, place[0].at)
        colon = next((k for k, t in enumerate(place) if t.text == ":"), None)
        if not colon or colon == len(place) - 1:
            raise self.error("a place is a number from 1, a colon, or a range such as 2:5", place[0].at)
        ends = (self.size(place[:colon]), self.size(place[colon + 1 :]))
        self.parts.append(Part("binary", ":", ends, place[0].at, place[-1].end, place[0].at))
        return self.latest

    # ---------------------------------------------------------------- sizes
    def size(self, given: Sequence[Token]) -> int:
        """The part that a dimension makes, read like an expression."""
        if not given:
            raise self.error("a dimension is missing", self.next().at)
        last = given[-1]
        inner = type(self)(self.text, [*given, Token("stop", "", last.end, last.end)], self.names)
        inner.parts = self.parts
        inner.sizes_only = True
        inner.run()
        return inner.operands[-1].part

    sizes_only = False

    def sizes(self, given: Sequence[Token], most: int) -> list[int]:
        r"""The parts of dimensions that commas or ``\times`` separate; letters alone are one each where two are due."""
        split: list[list[Token]] = [[]]
        for t in given:
            if t.text in SEPARATORS:
                split.append([])
            else:
                split[-1].append(t)
        if len(split) == 1 and most == 2 and len(split[0]) == 2 and all(simple_name(t) for t in split[0]):
            split = [[t] for t in split[0]]
        if len(split) > most:
            raise self.error(
                f"there are {len(split)} dimensions here, and at most {most} fit",
                split[0][0].at if split[0] else self.next().at,
            )
        return [self.size(s) for s in split]

    def constant(self, kind: str, t: Token) -> None:
        """Ones, zeros or the identity, with sizes where a subscript gives them."""
        dims: list[int] = []
        if self.next().text == "_" and self.next().kind == "other":
            dims = self.sizes(self.script_here(), 1 if kind == "eye" else 2)
        self.push(Part("constant", kind, tuple(dims), t.at, self.found[self.i - 1].end, t.at))

    def sized(self, name: str, t: Token) -> None:
        """A constant of the ``vec`` calculus, such as ``K^{(m,n)}``."""
        script = self.script_here()
        if script[-1].text != ")":
            raise self.error("the sizes of this constant stand in brackets, as in K^{(m,n)}", t.at)
        dims = self.sizes(script[1:-1], 2 if name == "K" else 1)
        self.apply(FUNCTIONS[name], dims, t.at, self.found[self.i - 1].end, t.at)
        self.raised = len(self.parts)

    # ---------------------------------------------------------------- sums over indices
    def open_sum(self, t: Token) -> None:
        r"""Take ``\sum`` and what is written below and above it."""
        self.i += 1
        if self.next().text != "_":
            raise self.error(r"a sum needs its index, as in \sum_{i} x_i^2; the sum of all entries is \mathbf{1}^\top x", t.at)
        below = [s for s in self.script_here() if s.kind != "brace"]
        texts = [s.text for s in below]
        cut = texts.index("=") if "=" in texts else len(texts)
        if "=" in texts and texts[cut + 1 :] != ["1"]:
            raise self.error("a sum runs over a whole dimension, from 1: write i=1 below it", below[cut].at)
        names: list[str] = []
        for s in below[:cut]:
            found = simple_name(s)
            if found is None and s.text != ",":
                raise self.error(r"below a sum stand its indices, as in \sum_{i,j} or \sum_{i=1}^{n}", s.at)
            if found is not None:
                name = key_name(found.key)
                if name in names or name in self.bound:
                    raise self.error(f"the index {name} is summed over already: give the sum another name", s.at)
                names.append(name)
        if not names:
            raise self.error(r"a sum needs its index, as in \sum_{i} x_i^2", t.at)
        extra: tuple[int, ...] = ()
        if self.next().text == "^":
            extra = (self.size(self.script_here()),)
        indices = tuple(self.fresh_index(name) for name in names)
        self.bind(indices)
        self.open("sum", r"\sum", t.at, SIGN, extra=extra, indices=indices)

    def indices_after(self, t: Token) -> tuple[tuple[str, str], ...]:
        """The free indices behind a square bracket: there are some if what follows it is a subscript of letters."""
        end = self.square_end.get(id(t))
        if end is None or self.found[end + 1].text != "_" or self.found[end + 1].kind != "other":
            return ()
        script, _ = subscript_at(self.found, end + 1, self.text)
        names = [simple_name(s) for s in script if s.text != "," and s.kind != "brace"]
        if not names or any(n is None or n.font or n.key[0].isdigit() for n in names):
            return ()
        found = [key_name(n.key) for n in names if n is not None]
        if any(n in self.bound for n in found) or len(set(found)) < len(found):
            return ()
        return tuple(self.fresh_index(n) for n in found)

    def delta(self, script: Sequence[Token], start: int) -> None:
        """Kronecker's delta of two indices or places."""
        places = [[s] for s in script if s.text != "," and s.kind != "brace"]
        if len(places) != 2:
            raise self.error("a delta has two indices, as in \\delta_{ij}", start)
        parts = []
        for (s,) in places:
            own = self.index_of(s)
            if own is None and not s.text.isdigit():
                raise self.error(f"the index {s.spelled} is neither summed over nor free", s.at)
            parts.append(self.plain("index", own, s.at) if own else self.plain("number", s.text, s.at))
        self.push(Part("entry", "delta", tuple(parts), start, self.found[self.i - 1].end, start))
