"""From text to a syntax tree: tokens, and an operator-precedence parser that keeps its own stack.

The tree is a list of parts in which operands come before what uses them, so everything that walks
it is a plain loop, however deep the text is nested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import sympy as sp

from matcalc.errors import LimitError, OperandError, ParseError, caret

MAX_LENGTH = 100_000
MAX_DEPTH = 5_000
MAX_DIGITS = 1_000

TOKEN = re.compile(
    r"""\s*(?:
      (?P<number> (?: [0-9]+ (?: \.(?![*/^+-])[0-9]* )? | \.[0-9]+ ) (?:[eE][+-]?[0-9]+)? (?:i(?!\w))? )
    | (?P<name>   [^\W\d_]\w* )
    | (?P<text>   "[^"\n]*" )
    | (?P<op>     \.[*/^+-] | \*\* | [-+*/^'(),:] )
    | (?P<end>    \Z )
    | (?P<bad>    . ) )""",
    re.VERBOSE | re.DOTALL,
)
HINTS = {
    "@": "a product is written *",
    "[": "entries are written A(1,2), counted from 1, and dimensions are declared apart from the text",
    "=": "an expression has no =",
    "’": "a transpose is written with the plain quote '",
    "′": "a transpose is written with the plain quote '",
    "ᵀ": "a transpose is written with the plain quote '",
    "−": "a minus sign is written -",
    "·": "a product is written *",
    "×": "a product is written *",
    "⊙": "an entrywise product is written .*",
    "∘": "an entrywise product is written .*",
    "_": "a name starts with a letter",
    "|": "a norm is written norm1, norm2 or normf, an absolute value abs",
}
RANGE, SUM, TERM, PREFIX, POWER, EXPONENT = 1, 2, 3, 4, 5, 6  # how tightly an operator binds
BINARY = {"+": SUM, "-": SUM, ".+": SUM, ".-": SUM, "*": TERM, "/": TERM, ".*": TERM, "./": TERM, "^": POWER, ".^": POWER}
CHAINS = frozenset(["+", "-", ".+", ".-", "*", ".*"])  # long ones are flat, not deep


@dataclass(slots=True)
class Part:
    """A node of the tree.

    ``kind`` is number, name, text (in quotes), apply (of ``args[0]`` to the rest: a call, or entries), all (a lone
    colon), prefix, binary or transpose; ``head`` the text of the number, name or operator.
    """

    kind: str
    head: str
    args: tuple[int, ...]
    start: int
    end: int
    at: int  # where a message points
    depth: int = 0


@dataclass(slots=True)
class Frame:
    """What is open on the stack: an operator that waits for its right side, or a bracket."""

    kind: str  # prefix, binary, group or apply
    head: str
    binds: int
    at: int
    args: list[Operand] = field(default_factory=list)


@dataclass(slots=True)
class Operand:
    """A part, and where it stands in the text, brackets included."""

    part: int
    start: int
    end: int


def require_text(text: object, what: str) -> str:
    """The text, if it is text of a bearable length that says anything."""
    if not isinstance(text, str):
        raise OperandError(f"{what} is text, not {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise LimitError(f"{what} has {len(text)} characters; the limit is {MAX_LENGTH}")
    if not text.strip():
        raise ParseError(f"the text is empty where {what} is expected")
    return text


def number(text: str) -> sp.Rational:
    """The exact value of a decimal number."""
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or len(exponent) > 5 or abs(int(exponent or 0)) > MAX_DIGITS:
        shown = text if len(text) <= 20 else text[:16] + " ..."
        raise LimitError(f"the number {shown} has more than {MAX_DIGITS} digits")
    value = Fraction(text)
    exact: sp.Rational = sp.Rational(value.numerator, value.denominator)
    return exact


def read(text: str, start: int = 0, end: int | None = None) -> list[Part]:
    """The parts of the expression in ``text[start:end]``; the whole is the last one.

    Raises
    ------
    ParseError
        At the first place that does not fit.
    LimitError
        If brackets or operators are nested too deeply.
    """
    return Reader(text, start, len(text) if end is None else end).run()


class Reader:
    """The parser: ``operands`` are finished, ``frames`` are open."""

    pattern = TOKEN

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.first = start
        self.last = end
        self.parts: list[Part] = []
        self.operands: list[Operand] = []
        self.frames: list[Frame] = []

    def run(self) -> list[Part]:
        """Read everything: an operand is due at first, then after each operator and opening bracket."""
        due = True
        for kind, value, at in self.tokens():
            due = self.operand(kind, value, at) if due else self.operator(kind, value, at)
            if len(self.frames) > MAX_DEPTH:
                raise self.too_deep(at)
        return self.parts

    def tokens(self) -> Iterator[tuple[str, str, int]]:
        """Kind, text and place of each token."""
        for m in self.pattern.finditer(self.text, self.first, self.last):
            kind = m.lastgroup or "end"
            value, at = m.group(kind), m.start(kind)
            if kind == "bad":
                hint = HINTS.get(value)
                raise self.error(f"cannot read {value!r}" + (f": {hint}" if hint else ""), at)
            if value == "**":
                raise self.error("a power is written ^, and an entrywise one .^", at)
            yield kind, value, at
            if kind == "end":
                return

    def error(self, message: str, at: int) -> ParseError:
        """The error at a place."""
        return ParseError(message, self.text, at)

    def too_deep(self, at: int) -> LimitError:
        """The error for a text that is nested too deeply."""
        return LimitError(f"the text is nested more than {MAX_DEPTH} deep{caret(self.text, at)}")

    # ---------------------------------------------------------------- where an operand is due
    def operand(self, kind: str, value: str, at: int) -> bool:
        """Take the token; whether an operand is still due."""
        if kind in ("number", "name", "text"):
            self.push(Part(kind, value, (), at, at + len(value), at))
            return False
        if value == "(":
            self.frames.append(Frame("group", "(", 0, at))
            return True
        if value in ("+", "-"):
            above = self.frames[-1] if self.frames else None
            in_exponent = above is not None and above.binds >= POWER
            self.frames.append(Frame("prefix", value, EXPONENT if in_exponent else PREFIX, at))
            return True
        if value == ":" and self.frames and self.frames[-1].kind == "apply":
            self.push(Part("all", ":", (), at, at + 1, at))
            return False
        if value == ")" and self.frames and self.frames[-1].kind == "apply" and len(self.frames[-1].args) == 1:
            self.close(at, empty=True)
            return False
        raise self.error(self.missing(kind, value), at)

    def missing(self, kind: str, value: str) -> str:
        """What to say where an operand is missing."""
        if kind == "end":
            inside = next((f for f in reversed(self.frames) if f.kind in ("group", "apply")), None)
            after = f" after {self.frames[-1].head!r}" if self.frames else ""
            return f"the text ends where an operand is missing{after}" + (", and a bracket is still open" if inside else "")
        if value == ")" and not any(f.kind in ("group", "apply") for f in self.frames):
            return "this ) closes no bracket"
        if self.frames and self.frames[-1].kind in ("prefix", "binary"):
            return f"an operand is missing between {self.frames[-1].head!r} and {value!r}"
        return f"an operand is missing before {value!r}"

    # ---------------------------------------------------------------- where an operator is due
    def operator(self, kind: str, value: str, at: int) -> bool:
        """Take the token; whether an operand is due after it."""
        if kind in ("number", "name", "text"):
            before, after = self.around(value)
            raise self.error(f"an operator is missing: for the product write {before}*{after}", at)
        if value == "'":
            top = self.operands.pop()
            self.push(Part("transpose", "'", (top.part,), top.start, at + 1, at))
            return False
        if value == "(":
            top = self.operands.pop()
            if self.parts[top.part].kind == "number":
                raise self.error(f"an operator is missing: for the product write {self.parts[top.part].head}*(...)", at)
            self.frames.append(Frame("apply", "(", 0, at, [top]))
            return True
        if value in BINARY:
            binds = BINARY[value]
            self.reduce(binds)
            self.frames.append(Frame("binary", value, binds, at))
            return True
        self.reduce(RANGE)
        top_frame = self.frames[-1] if self.frames else None
        if kind == "end":
            if top_frame is not None:
                raise self.error("this bracket is not closed", top_frame.at)
            return False
        if value == ")":
            if top_frame is None:
                raise self.error("this ) closes no bracket", at)
            self.close(at)
            return False
        if value == "," and top_frame is not None and top_frame.kind == "apply":
            top_frame.args.append(self.operands.pop())
            return True
        if value == ",":
            raise self.error("a comma stands only between the arguments of a function or the places of an entry", at)
        if top_frame is None or top_frame.kind != "apply":
            raise self.error("a colon stands only in the places of an entry, as in A(:,1) or x(2:3)", at)
        if self.parts[self.operands[-1].part].head == ":":
            raise self.error("a range is first:last, as in x(2:5); steps are not supported", at)
        self.frames.append(Frame("binary", ":", RANGE, at))
        return True

    def around(self, value: str) -> tuple[str, str]:
        """The operand before, shortened, and the token after, for a hint."""
        if not self.operands:
            return "...", value
        top = self.operands[-1]
        before = self.text[top.start : top.end]
        return (before if len(before) <= 20 else "..."), value

    def push(self, part: Part) -> None:
        """Add a part that is complete, and make it an operand."""
        depths = [self.parts[k].depth + 1 for k in part.args]
        if depths and part.kind == "binary" and part.head in CHAINS:
            depths[0] -= 1
        part.depth = max(depths, default=0)
        if part.depth > MAX_DEPTH:
            raise self.too_deep(part.at)
        self.parts.append(part)
        self.operands.append(Operand(len(self.parts) - 1, part.start, part.end))

    def reduce(self, binds: int) -> None:
        """Finish the operators on top of the stack that bind at least as tightly."""
        while self.frames and self.frames[-1].binds >= binds:
            frame = self.frames.pop()
            right = self.operands.pop()
            if frame.kind == "prefix":
                self.push(Part("prefix", frame.head, (right.part,), frame.at, right.end, frame.at))
            else:
                left = self.operands.pop()
                self.push(Part("binary", frame.head, (left.part, right.part), left.start, right.end, frame.at))

    def close(self, at: int, empty: bool = False) -> None:
        """Finish the bracket on top of the stack."""
        frame = self.frames.pop()
        if frame.kind == "group":
            inner = self.operands.pop()
            self.operands.append(Operand(inner.part, frame.at, at + 1))
            return
        if not empty:
            frame.args.append(self.operands.pop())
        target = frame.args[0]
        self.push(Part("apply", frame.head, tuple(a.part for a in frame.args), target.start, at + 1, target.start))
