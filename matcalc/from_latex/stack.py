"""The stack of the LaTeX parser: what is open, how it is finished, and what the parts are besides their kind."""

from __future__ import annotations

from dataclasses import dataclass, field

from matcalc.from_latex.heads import BARS, INNER, NORMS
from matcalc.from_latex.names import Names, ReadName, subscript_at
from matcalc.from_latex.tokens import Token
from matcalc.functions import FUNCTIONS
from matcalc.infer import Meaning
from matcalc.lex import Frame, Part, Reader

SUM, SIGN, PAIR, TERM, APPLY, INSIDE, PREFIX = 2, 3, 4, 5, 6, 7, 8  # how tightly an operator binds
INFIX = {r"\otimes": FUNCTIONS["kron"], ":": INNER, "khatrirao": FUNCTIONS["khatrirao"]}


@dataclass(slots=True)
class Open(Frame):
    """What is open: ``closes`` what ends a bracket, ``inside`` a function's argument without brackets."""

    closes: str = ""
    inside: bool = False
    rows: list[int] = field(default_factory=list)  # of a matrix: the number of blocks in each row that is finished
    function: Meaning | None = None
    power: str = ""  # of a function, as in \sin^2 x; of a root, which one
    extra: tuple[int, ...] = ()  # further arguments, or the bounds of a sum
    indices: tuple[tuple[str, str], ...] = ()  # of a sum or an array: names, and names that are theirs alone
    op: str = ""


class Stack(Reader):
    """What is finished and what is open; ``i`` is the token that comes next."""

    def __init__(self, source: str, found: list[Token], names: Names) -> None:
        super().__init__(source, 0, len(source))
        self.found = found
        self.names = names
        self.i = 0
        self.raised = -1  # the operand that has a superscript already
        self.fixed: dict[int, Meaning | str] = {}  # the functions of applications, or "entries"
        self.bracketed: set[int] = set()
        self.beside: set[int] = set()  # matrix products
        self.dotted: set[int] = set()  # products with a dot, which between vectors is the inner product
        self.infix: dict[int, str] = {}  # other products between two sides
        self.rows: dict[int, list[int]] = {}  # of matrices of blocks
        self.over: dict[int, tuple[str, ...]] = {}  # the indices of sums and arrays
        self.bars: set[int] = set()
        self.marked_by_letter: set[int] = set()  # transposes written with a prime or the letter T
        self.bound: dict[str, list[str]] = {}
        self.index_count = 0
        self.used: dict[str, ReadName] = {}  # the names that nobody declared, as they stand first
        self.usage: dict[str, str] = {}  # what entries show of them: vector, matrix

    def next(self, ahead: int = 0) -> Token:
        """A token further on."""
        return self.found[min(self.i + ahead, len(self.found) - 1)]

    @property
    def top(self) -> Open | None:
        """What was opened last."""
        frame = self.frames[-1] if self.frames else None
        assert frame is None or isinstance(frame, Open)
        return frame

    def open(self, kind: str, head: str, at: int, binds: int = 0, closes: str = "", **more: object) -> Open:
        """Put a frame on the stack."""
        above = self.top
        inside = kind == "function" or (binds > SIGN and above is not None and above.inside)
        made = Open(kind, head, binds, at, closes=closes, inside=inside, **more)  # type: ignore[arg-type]
        self.frames.append(made)
        return made

    def plain(self, kind: str, head: str, at: int) -> int:
        """A part that is no operand by itself."""
        self.parts.append(Part(kind, head, (), at, at + len(head), at))
        return len(self.parts) - 1

    @property
    def latest(self) -> int:
        """The part that was made last."""
        return len(self.parts) - 1

    def apply(self, function: Meaning | None, args: list[int], start: int, end: int, at: int) -> None:
        """An operand that is a function of parts."""
        assert function is not None
        target = self.plain("head", getattr(function, "name", ""), at)
        self.push(Part("apply", "(", (target, *args), start, end, at))
        self.fixed[self.latest] = function
        self.bracketed.add(self.latest)

    def reduce(self, binds: int) -> None:
        """Finish what is on top of the stack and binds at least as tightly."""
        while (frame := self.top) is not None and frame.binds >= binds:
            self.frames.pop()
            right = self.operands.pop()
            if frame.kind == "prefix":
                self.push(Part("prefix", frame.head, (right.part,), frame.at, right.end, frame.at))
            elif frame.kind == "function":
                self.apply(frame.function, [right.part, *frame.extra], frame.at, right.end, frame.at)
                self.raise_to(frame.power, frame.at)
            elif frame.kind == "sum":
                self.push(Part("sum", "", (right.part, *frame.extra), frame.at, right.end, frame.at))
                self.over[self.latest] = tuple(own for _, own in frame.indices)
                self.unbind(frame.indices)
            else:
                left = self.operands.pop()
                self.binary(frame.op, left.part, right.part, left.start, right.end, frame.at)

    def binary(self, op: str, left: int, right: int, start: int, end: int, at: int) -> None:
        """An operand with two sides."""
        if op in INFIX:
            self.apply(INFIX[op], [left, right], start, end, at)
            self.bracketed.discard(self.latest)
            self.infix[self.latest] = op
            return
        plain = "*" if op in (r"\cdot", r"\times", "*") else op
        self.push(Part("binary", plain, (left, right), start, end, at))
        if plain == "*":
            self.beside.add(self.latest)
        if op == r"\cdot":
            self.dotted.add(self.latest)
        elif op in (r"\times", ".*", "./"):
            self.infix[self.latest] = op

    def raise_to(self, power: str, at: int) -> None:
        r"""The power that stands on a function's name, as in ``\sin^2 x``."""
        if power:
            base = self.operands.pop()
            exponent = self.plain("number", power, at)
            self.push(Part("binary", "^", (base.part, exponent), base.start, base.end, at))

    def bind(self, indices: tuple[tuple[str, str], ...]) -> None:
        """Let names be indices."""
        for name, own in indices:
            self.bound.setdefault(name, []).append(own)

    def unbind(self, indices: tuple[tuple[str, str], ...]) -> None:
        """Let them be indices no more."""
        for name, _ in indices:
            self.bound[name].pop()
            if not self.bound[name]:
                del self.bound[name]

    def fresh_index(self, name: str) -> tuple[str, str]:
        """An index, and a name that no other index has."""
        self.index_count += 1
        return name, f"k{self.index_count}"

    def closed(self, what: str, t: Token) -> None:
        """Finish the bracket on top of the stack."""
        self.reduce(1)
        frame = self.top
        shown = "}" if what == "brace" else t.text
        if frame is None:
            raise self.error(f"this {shown} closes no bracket", t.at)
        if frame.closes != what:
            raise self.error(f"this {frame.head or 'bracket'} is not closed before the {shown} in column {t.at + 1}", frame.at)
        self.frames.pop()
        end = t.end
        self.raised = -1
        inner = self.operands[-1]
        match frame.kind:
            case "group" if frame.head == "{" and what == "brace":
                if self.parts[inner.part].kind in ("binary", "prefix") and inner.part not in self.bracketed:
                    raise self.error("braces do not show in print: write round brackets around this", frame.at)
            case "group":
                inner.start, inner.end = frame.at, end
                self.bracketed.add(inner.part)
                self.array(frame, end)
            case "bars" | "norm":
                self.operands.pop()
                function = BARS if frame.kind == "bars" else self.norm()
                self.apply(function, [inner.part], frame.at, self.found[self.i - 1].end, frame.at)
                self.bars.add(self.latest)
            case "inner" | "call":
                frame.args.append(self.operands.pop())
                if frame.kind == "inner" and len(frame.args) != 2:
                    raise self.error(r"an inner product has two sides, as in \langle A, B \rangle", frame.at)
                called = INNER if frame.kind == "inner" else frame.function
                self.apply(called, [*(a.part for a in frame.args), *frame.extra], frame.at, end, frame.at)
                self.raise_to(frame.power, frame.at)
            case "script":
                exponent = self.operands.pop()
                base = self.operands.pop()
                self.push(Part("binary", frame.op, (base.part, exponent.part), base.start, end, frame.at))
                self.raised = len(self.parts)

    def array(self, frame: Open, end: int) -> None:
        """Square brackets with free indices behind them are an array of these entries."""
        if frame.indices:
            self.unbind(frame.indices)
            _, self.i = subscript_at(self.found, self.i, self.text)
            inner = self.operands.pop()
            self.push(Part("array", "", (inner.part,), frame.at, end, frame.at))
            self.over[self.latest] = tuple(own for _, own in frame.indices)
            self.bracketed.add(self.latest)

    def norm(self) -> Meaning:
        """The norm that the subscript after it names."""
        if self.next().text != "_":
            return NORMS[""]
        at = self.next().at
        script, self.i = subscript_at(self.found, self.i, self.text)
        name = "".join(t.spelled if t.kind != "command" else t.text for t in script if t.text != "_" and t.kind != "brace")
        if name.replace(r"\ell", r"\ell,") in NORMS:
            name = name.replace(r"\ell", r"\ell,")
        if name not in NORMS:
            raise self.error(
                rf"the norm \|...\|_{{{name}}} is not known: the subscripts are 1, 2, \infty, F and *; "
                r"a norm by a matrix is x^\top A x", at,
            )  # fmt: skip
        return NORMS[name]
