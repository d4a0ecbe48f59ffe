"""What LaTeX and Unicode share: where brackets, signs and juxtaposition go.

A ``Piece`` is something written, with the level at which it binds; ``Typesetter.within`` alone sets brackets.
Subclasses say how a fraction, a superscript, a name looks.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import sympy as sp

from matcalc.dims import Dim, Shape, is_unit, plus_dim, same_dim
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Constant,
    DifferentialSymbol,
    Expr,
    GradientSymbol,
    Hadamard,
    Item,
    JacobianSymbol,
    Let,
    Number,
    Ones,
    Operator,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    rational,
)
from matcalc.node import postorder
from matcalc.ops.blocks import HStack, Range, Selector, Slice, VStack
from matcalc.ops.complex import Conj
from matcalc.ops.linalg import Inverse, MatrixPower
from matcalc.ops.reductions import LogSumExp, Softmax, Total
from matcalc.ops.structure import UnitVector
from matcalc.ops.tensors import Einsum, Unstacked
from matcalc.ops.unspecified import UnspecifiedGradient
from matcalc.printing.brackets import ATOM, POWER, PREFIX, SUM, TERM


class Piece(NamedTuple):
    """Something written: ``body`` without a leading minus sign, which ``negative`` stands for.

    A product by juxtaposition may take another factor on its ``left`` or ``right`` without brackets.
    """

    body: str
    level: int = ATOM
    negative: bool = False
    left: bool = False
    right: bool = False

    @property
    def text(self) -> str:
        """The whole of it, with its sign."""
        return f"-{self.body}" if self.negative else self.body


class Typesetter(ABC):
    """Writes expressions, over their shared graph, operands first."""

    ones: str
    top: str  # the superscript of a transpose
    hermitian: str = "H"  # that of a Hermitian transpose
    odot: str
    oslash: str
    partial: str
    differential: str = "d"
    nabla: str
    whole: str = ""  # what "of all entries" adds to a function's name
    axes: tuple[str, str]  # what "of each column" and "of each row" add to a function's name

    def piece(self, e: Expr) -> Piece:
        """An expression, written."""
        done: dict[Expr, Piece] = {}
        for node in postorder([e], _inside):
            done[node] = self.apply(node, [done[c] for c in _inside(node)])
        return done[e]

    # how this style looks
    @abstractmethod
    def name(self, name: str) -> str:
        """The name of a symbol, a dimension or a function."""

    @abstractmethod
    def bracket(self, text: str) -> str:
        """``text`` in round brackets."""

    @abstractmethod
    def number(self, value: sp.Expr) -> Piece:
        """A number, or a polynomial in dimensions."""

    @abstractmethod
    def fraction(self, above: Piece, below: Piece) -> Piece:
        """A quotient of scalars; the signs are the caller's."""

    @abstractmethod
    def raised(self, base: Piece, exponent: str) -> Piece:
        """A base with a superscript."""

    @abstractmethod
    def subscripted(self, base: str, places: Sequence[str]) -> str:
        """An entry of an array."""

    def blocks(self, rows: Sequence[Sequence[str]]) -> str:
        """A matrix of blocks."""
        return f"[{'; '.join(', '.join(row) for row in rows)}]"

    @abstractmethod
    def sum_sign(self, places: Sequence[str]) -> str:
        """The sign of a sum over indices."""

    def square(self, text: str) -> str:
        """``text`` in square brackets."""
        return f"[{text}]"

    @abstractmethod
    def join(self, factors: Sequence[str]) -> str:
        """Factors side by side."""

    # brackets
    def within(self, piece: Piece, least: int) -> str:
        """The piece, in brackets if it binds looser than ``least``."""
        level = min(piece.level, TERM) if piece.negative else piece.level
        return piece.text if level >= least else self.bracket(piece.text)

    def juxtapose(self, factors: Sequence[Piece]) -> str:
        """A product of factors side by side."""
        last = len(factors) - 1
        out = []
        for k, f in enumerate(factors):
            joins = f.level >= TERM and (k == 0 or f.left) and (k == last or f.right)
            out.append(f.body if joins and not f.negative else self.within(f, PREFIX))
        return self.join(out)

    def total(self, terms: Sequence[Piece]) -> Piece:
        """A sum, with signs between the terms."""
        first, *rest = terms
        out = [self.within(first, SUM)]
        for t in rest:
            out.append(" - " if t.negative else " + ")
            out.append(self.within(t._replace(negative=False), TERM))
        return Piece("".join(out), SUM)

    def stacked(self, e: JacobianSymbol) -> tuple[str, str]:
        """The names of a Jacobian in its vec form: matrices stacked, the one below transposed."""
        above, below = (
            rf"\operatorname{{vec}}({self.name(n)})" if axes == 2 else self.name(n)
            for n, axes in zip((e.function, e.variable), e.orders, strict=True)
        )
        return above, below if e.orders[1] == 0 else self.raised(Piece(below), self.top).body

    # expressions
    def apply(self, e: Expr, parts: list[Piece], scalar: bool = False) -> Piece:
        """A node whose operands are written; ``scalar`` where it is applied to entries."""
        match e:
            case JacobianSymbol():
                return self.fraction(*(Piece(self.partial + n) for n in self.stacked(e)))
            case GradientSymbol():
                return self.fraction(*(Piece(self.partial + self.name(n)) for n in (e.function, e.variable)))
            case DifferentialSymbol():
                return Piece(self.differential + self.name(e.variable))
            case Symbol(name) | Let(name):
                return Piece(self.name(name))
            case Number(value):
                return self.number(value)
            case Add():
                return self.total(parts)
            case BroadcastAdd():
                return self.total([self.stretched(a, p, (e.rows, e.cols)) for a, p in zip(e.operands, parts, strict=True)])
            case Product():
                return Piece(self.juxtapose(parts), TERM, left=True, right=True)
            case Hadamard():
                return self.entrywise_product(e, parts)
            case Quotient(_, below):
                return self.quotient(parts[0], parts[1], scalar or below.is_scalar)
            case Power() | MatrixPower():
                return self.power(e, parts, scalar)
            case Transpose(arg):
                mark = f"-{self.top}" if isinstance(arg, Inverse) else self.hermitian if isinstance(arg, Conj) else self.top
                return self.raised(parts[0], mark)
            case Item():
                return self.item(e, parts[0])
            case Slice():
                unit = (is_unit(e.arg.rows), is_unit(e.arg.cols))
                taken = zip((e.rows_taken, e.cols_taken), unit, strict=True)
                return Piece(self.subscripted(self.base(e.arg, parts[0]), [self.span(r) for r, u in taken if not u]))
            case Selector():
                return Piece(self.subscripted("I", [":", self.span((e.start, e.count))]))
            case HStack():
                return Piece(self.blocks([[p.text for p in parts]]))
            case VStack() if len(parts) > len(e.args):  # rows of blocks
                widths = [len(row.operands) for row in e.args]
                starts = [sum(widths[:k]) for k in range(len(widths))]
                rows = [parts[s : s + w] for s, w in zip(starts, widths, strict=True)]
                return Piece(self.blocks([[p.text for p in row] for row in rows]))
            case VStack():
                return Piece(self.blocks([[p.text] for p in parts]))
            case Ones(dims):
                return self.all_ones(dims)
            case UnitVector(position, _):
                return Piece(self.subscripted("e", [str(position)]))
            case Total(arg, axis) if axis is not None:
                one = self.all_ones((1, arg.rows)) if axis == 0 else self.all_ones((arg.cols, 1))
                return Piece(self.juxtapose([one, parts[0]] if axis == 0 else [parts[0], one]), TERM, left=True, right=True)
            case UnspecifiedGradient(function, arg):
                if isinstance(arg, (Symbol, Let)):
                    return self.fraction(Piece(self.partial + self.name(function)), Piece(self.partial + parts[0].text))
                return Piece(self.nabla + self.name(function) + self.bracket(parts[0].text), PREFIX)
            case Einsum():
                return self.summation(e, parts, e.written_output)
            case Unstacked(Einsum() as inner) if e.letters is not None:
                return self.summation(inner, parts, e.letters)
        assert isinstance(e, Operator)
        return self.fill(e, parts)

    def summation(self, e: Einsum, parts: Sequence[Piece], output: str) -> Piece:
        """A sum over named indices: its entries, and where in the array they stand."""
        entries = []
        for pair, arg, piece in zip(e.inputs, e.args, parts, strict=True):
            letters = list(e.shown_letters(pair, arg))
            entries.append(self.subscripted(self.base(arg, piece), letters) if letters else self.within(piece, PREFIX))
        body = self.join(entries)
        if e.summed:
            body = f"{self.sum_sign(e.summed)} {body}"
        return Piece(body if not output else self.subscripted(self.square(body), list(output)), PREFIX if not output else ATOM)

    def stretched(self, part: Expr, piece: Piece, shape: Shape) -> Piece:
        """An operand of a broadcast sum as a matrix of the full shape."""
        rows, cols = shape
        if same_dim(part.rows, rows) and same_dim(part.cols, cols):
            return piece
        plain = piece._replace(negative=False)
        if part.is_scalar:
            ones = self.all_ones(shape)
            if piece.body == "1":
                return ones._replace(negative=piece.negative)
            factors = [plain._replace(right=plain.right and not plain.left), ones]
        elif is_unit(part.cols):
            factors = [plain, self.all_ones((1, cols))]
        else:
            factors = [self.all_ones((rows, 1)), plain]
        return Piece(self.juxtapose(factors), TERM, piece.negative, left=True, right=True)

    def all_ones(self, shape: Shape) -> Piece:
        """An array of ones, from vectors of ones."""
        one = Piece(self.ones)
        if is_unit(shape[1]):
            return one
        row = self.raised(one, self.top)
        return row if is_unit(shape[0]) else Piece(self.join([one.body, row.body]), TERM, left=True, right=True)

    def entrywise_product(self, e: Hadamard, parts: list[Piece]) -> Piece:
        """A scalar multiple or an entrywise product: number, scalars, arrays."""
        c = rational(e.args[0])
        front = [] if c is None or abs(c) == 1 else [self.number(abs(c))]
        rest = list(zip(e.args, parts, strict=True))[c is not None :]
        front += [p._replace(right=False) for f, p in rest if f.is_scalar]
        arrays = [p for f, p in rest if not f.is_scalar]
        if len(arrays) > 1:
            front.append(Piece(f" {self.odot} ".join(self.within(p, PREFIX) for p in arrays), TERM, left=True))
        else:
            front += arrays
        negative = c is not None and bool(c < 0)
        if len(front) == 1:
            only = front[0]
            loose = only.negative or only.level < TERM
            if loose:
                return Piece(self.bracket(only.text), negative=negative)
            return only._replace(negative=negative, left=only.left and len(arrays) < 2)
        return Piece(self.juxtapose(front), TERM, negative, right=len(arrays) < 2 and front[-1].level > TERM)

    def quotient(self, above: Piece, below: Piece, scalar: bool) -> Piece:
        """A fraction, or an entrywise quotient."""
        negative = above.negative != below.negative
        above, below = above._replace(negative=False), below._replace(negative=False)
        if scalar:
            return self.fraction(above, below)._replace(negative=negative)
        return Piece(f"{self.within(above, PREFIX)} {self.oslash} {self.within(below, PREFIX)}", TERM, negative)

    def power(self, e: Power | MatrixPower, parts: list[Piece], scalar: bool) -> Piece:
        """A power; an entrywise one of an array says so."""
        base, exponent = parts
        p = rational(e.exponent)
        if scalar or e.is_scalar or isinstance(e, MatrixPower):
            return self.raised(base, str(p) if p is not None else exponent.text)
        return self.raised(base, f"{self.odot} {p if p is not None else self.within(exponent, PREFIX)}")

    def item(self, e: Item, arg: Piece) -> Piece:
        """An entry, a row or a column."""
        unit = (is_unit(e.arg.rows), is_unit(e.arg.cols))
        places = [str(k) if k else ":" for k, u in zip((e.row, e.col), unit, strict=True) if not u]
        return Piece(self.subscripted(self.base(e.arg, arg), places))

    def span(self, taken: Range | None) -> str:
        """The places that a slice takes along an axis."""
        return ":" if taken is None else f"{self.dim(taken[0])}:{self.dim(plus_dim(*taken, -1))}"

    def base(self, array: Expr, piece: Piece) -> str:
        """What a subscript is put on: a bare name, else brackets."""
        bare = isinstance(array, (Symbol, Let, Constant)) and not any(c in piece.text for c in "_^ ")
        return piece.text if bare else self.bracket(piece.text)

    # templates
    def template(self, op: Operator) -> str:
        """The operator's template in this style."""
        return op.latex

    def fill(self, op: Operator, parts: Sequence[Piece]) -> Piece:
        """The operator's template with its operands and parameters filled in."""
        template = self.template(op)
        if raised := re.fullmatch(r"(.+)\^\{([^{}]*)\}", template):
            base, exponent = raised.groups()
            return self.raised(parts[int(base[1:]) - 1] if base[0] == "@" else Piece(base), self._filled(op, exponent, parts))
        if infix := re.fullmatch(r"@1 (\S+) @2", template):
            sides = [self.within(p, PREFIX) for p in parts]
            return Piece(f" {infix.group(1)} ".join(sides), TERM)
        head, bracketed, tail = template.partition("(")
        text = self._filled(op, head, parts)
        if bracketed:
            text += self.bracket(self._filled(op, tail.removesuffix(")"), parts))
        return Piece(text, PREFIX if re.fullmatch(r"\\?[a-z]+[\\ ].+", head) and bracketed and "{" not in head else ATOM)

    def _filled(self, op: Operator, text: str, parts: Sequence[Piece]) -> str:
        return re.sub(r"#(\d+|[a-z]+)", lambda m: self._parameter(op, m.group(1), parts), text)

    def _parameter(self, op: Operator, key: str, parts: Sequence[Piece]) -> str:
        if key.isdigit():
            return parts[int(key) - 1].text
        if key == "directions":
            return ", ".join(p.text for p in parts[1:])
        if key == "sizes":
            return ", ".join(map(self.dim, getattr(op, "dims", None) or (getattr(op, "dim", 1),)))
        value = getattr(op, key)
        if isinstance(value, int) and key != "axis":
            return str(value)
        if key == "axis":
            if value is None:  # papers mean the rows of a matrix where they say nothing
                several = isinstance(op, (Softmax, LogSumExp)) and not (is_unit(op.arg.rows) or is_unit(op.arg.cols))
                return self.whole if several else ""
            return self.axes[value]
        return self.shape(value) if key in ("dims", "shape") else self.name(value)

    def shape(self, shape: Sequence[Dim]) -> str:
        """The dimensions of an array, as a subscript."""
        return self.subscripted("", [self.dim(d) for d in shape])

    def dim(self, dim: Dim) -> str:
        """A dimension."""
        return self.number(sp.sympify(dim)).text


def _inside(e: Expr) -> tuple[Expr, ...]:
    """What is written inside ``e``: nothing of what has a name; a transposed inverse is one superscript."""
    match e:
        case Let():
            return ()
        case Transpose(Inverse(arg)) | Transpose(Conj(arg)):
            return (arg,)
        case Unstacked(Einsum(_, _, args)) if e.letters is not None:
            return args
        case VStack(args) if all(isinstance(row, HStack) for row in args):
            return tuple(e for row in args for e in row.operands)
    return e.operands


def number_level(value: sp.Expr) -> int:
    """How tightly SymPy's printout of a number binds."""
    if isinstance(value, sp.Add):
        return SUM
    return TERM if isinstance(value, sp.Mul) else POWER if isinstance(value, sp.Pow) else ATOM
