"""What each part of a text means, and the shapes of names that nobody declared, by unification."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn, TypeAlias

from matcalc.declare import MAX_DIM_PARTS, at_place, dim_value, require_dim
from matcalc.dims import Dim, DimSymbol, Shape, plus_dim
from matcalc.errors import LimitError, MatcalcError, OperandError, ParseError, ShapeError, UnsupportedError, caret
from matcalc.expr import SQUARE_FACTS, Expr, Symbol, symbol
from matcalc.functions import ENTRYWISE, FUNCTIONS, Function
from matcalc.lex import Part, number
from matcalc.ops import unspecified
from matcalc.ops.stacking import triangle
from matcalc.ops.tensors import read_spec, tensor_letters
from matcalc.sizes import (
    Extent,
    Size,
    Sizes,
    Unknown,
    agree,
    is_known,
    is_one,
    is_scalar,
    known,
    product_of,
    resolve,
    size_text,
)

NOT_YET = (
    "perron",
)  # fmt: skip
LOSS = unspecified.Function("L")


@dataclass(frozen=True)
class Kind:
    """A name of which only this is known: whether it is a scalar, a vector or a matrix."""

    word: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Span:
    """The places ``first:last``, each the part of the text that gives it."""

    first: int
    last: int


Place: TypeAlias = int | Span


@dataclass(frozen=True)
class Entries:
    """Entries, rows and columns: positions from 1, with 0 for a whole axis, or a span of them."""

    places: tuple[Place, ...]


@dataclass(frozen=True)
class Fill:
    """``vector(1)``, ``matrix(0)``: a constant whose size follows from its use."""

    word: str
    value: int


@dataclass(frozen=True)
class Gradient:
    """The gradient ``dL`` of an unspecified function ``L``."""

    function: unspecified.Function


Known: TypeAlias = Expr | Function | unspecified.Function | Kind
Meaning: TypeAlias = Function | unspecified.Function | Gradient | Entries | Fill


class Inference:
    """The meanings and shapes of the parts of a text.

    After ``run``: ``meaning`` of each application, ``shape`` and ``dim`` of each part, and
    ``symbols``, the undeclared names as symbols.
    """

    def __init__(self, text: str, parts: list[Part], names: Mapping[str, Known], dims: set[str]) -> None:
        self.text = text
        self.parts = parts
        self.names = names
        self.declared_dims = dims
        self.dims = set(dims)
        self.role = ["expr"] * len(parts)  # expr, dim, or skip
        self.meaning: dict[int, Meaning] = {}
        self.dim: dict[int, Dim] = {}
        self.extent: list[Extent] = [(1, 1)] * len(parts)
        self.undeclared: dict[str, tuple[Kind, Extent]] = {}
        self.sizes = Sizes()
        self.symbols: dict[str, Symbol] = {}
        self.hermitian: set[int] = set()  # the parts that are a Hermitian transpose, A^H

    def run(self) -> None:
        """Find everything out."""
        for k in range(len(self.parts) - 1, -1, -1):
            self.assign_roles(k)
        for k, part in enumerate(self.parts):
            if self.role[k] == "dim":
                self.dim[k] = dim_value(self.text, part, [self.dim[a] for a in part.args], self.dim_named(part))
            elif self.role[k] == "expr":
                self.extent[k] = self.infer(k, part)
        self.sizes.settle(self.misfit_sizes)
        self.sizes.name_rest({p.head for p in self.parts if p.kind == "name"} | set(self.names) | self.dims)
        for name, (kind, extent) in self.undeclared.items():
            shape = (known(resolve(extent[0])), known(resolve(extent[1])))
            try:
                self.symbols[name] = symbol(name, shape, kind.facts)
            except MatcalcError as error:
                raise at_place(error, self.text, next(p.at for p in self.parts if p.head == name)) from None

    def shape(self, k: int) -> Shape:
        """The shape of a part, when everything is known."""
        rows, cols = self.extent[k]
        return known(resolve(rows)), known(resolve(cols))

    def is_scalar(self, k: int) -> bool:
        """Whether a part is a scalar."""
        return is_scalar(self.extent[k])

    def convention(self, name: str) -> str:
        """What an undeclared name is."""
        return convention(name)

    # ---------------------------------------------------------------- meanings, from the whole to its parts
    def assign_roles(self, k: int) -> None:
        """Say what the operands of a part are: expressions, dimensions, or places and names read here."""
        part = self.parts[k]
        if self.role[k] == "dim":
            if part.kind == "name" and part.head not in self.names:
                self.dims.add(part.head)
            for a in part.args:
                self.role[a] = "dim"
        elif self.role[k] == "expr" and part.kind == "binary" and part.head == "^" and self.is_mark(part.args[1]):
            self.hermitian.add(k)
            self.role[part.args[1]] = "skip"
        elif self.role[k] == "expr" and part.kind == "apply":
            meaning = self.meaning[k] = self.find_meaning(k, part)
            if isinstance(meaning, (Entries, Fill)):
                for a in part.args[1:]:
                    self.role[a] = "skip"
                    for end in self.parts[a].args:
                        self.role[end] = "dim"
            if not isinstance(meaning, Entries):
                self.role[part.args[0]] = "skip"
            if isinstance(meaning, Function):
                for letter, a in zip(meaning.letters, part.args[1:], strict=False):
                    self.role[a] = {"x": "expr", "d": "dim", "a": "skip", "i": "skip", "s": "skip"}[letter]
        elif self.role[k] == "expr" and part.kind == "all":
            raise self.error("a colon stands for a whole axis in A(:,1) or A(1,:)", k)
        elif self.role[k] != "skip" and part.kind == "text":
            raise self.error("text in quotes stands only for the subscripts of einsum", k)
        elif self.role[k] == "expr" and part.head == ":":
            raise self.error("a range stands only in the places of an entry, as in x(2:3)", k)

    def find_meaning(self, k: int, part: Part) -> Meaning:
        """What ``target(...)`` means: an entry, or a function."""
        target, *args = part.args
        if self.parts[target].kind != "name":
            return self.entries(k, args)
        name = self.parts[target].head
        declared = self.names.get(name)
        if (isinstance(declared, Expr) and not declared.is_scalar) or (
            isinstance(declared, Kind) and declared.word != "scalar"
        ):
            return self.entries(k, args)
        if isinstance(declared, unspecified.Function):
            return self.counted(k, name, declared, 1, len(args))
        inner = self.names.get(name[1:]) if name.startswith("d") else None
        if isinstance(inner, unspecified.Function):
            return self.counted(k, name, Gradient(inner), 1, len(args))
        literal = bool(args) and all(self.parts[a].head.isdigit() or self.parts[a].head == ":" for a in args)
        if name in ("L", "dL") and not (literal and len(args) == 2):
            return self.counted(k, name, LOSS if name == "L" else Gradient(LOSS), 1, len(args))
        if name in ("vector", "matrix"):
            if len(args) != 1 or self.parts[args[0]].head not in ("0", "1"):
                raise self.error(f"{name}(1) is a {name} of ones and {name}(0) one of zeros; a size is given as in ones(n)", k)
            return Fill(name, int(self.parts[args[0]].head))
        function = declared if isinstance(declared, Function) else FUNCTIONS.get(name)
        if function is not None:
            return self.counted_function(k, function, args)
        if declared is not None:
            raise self.error(f"{name} is a scalar and has no entries: for a product write {name}*(...)", k)
        if name in NOT_YET:
            raise UnsupportedError(f"the function {name} is not supported yet{caret(self.text, part.at)}")
        if literal and self.convention(name) != "scalar":
            return self.entries(k, args)
        raise self.error(self.unknown_function(name), k)

    def unknown_function(self, name: str) -> str:
        """What to say of a function that nobody knows, with the nearest known names."""
        declared = [n for n, v in self.names.items() if isinstance(v, (Function, unspecified.Function))]
        near = difflib.get_close_matches(name, [*FUNCTIONS, *NOT_YET, *declared], n=3, cutoff=0.55)
        same = [f for f in FUNCTIONS if f.lower() == name.lower()]
        aliases = {"trace": "tr", "transpose": "'", "norm": "norm2", "log2": "log", "ln": "log", "inverse": "inv", "I": "eye"}
        wanted = list(dict.fromkeys([*([aliases[name]] if name in aliases else []), *same, *near]))
        hint = f"; did you mean {' or '.join(wanted)}?" if wanted else f"; for a product write {name}*(...)"
        return f"unknown function {name}{hint}"

    def counted(self, k: int, name: str, meaning: Meaning, wanted: int, count: int) -> Meaning:
        """The meaning, if it is given as many arguments as it takes."""
        if count != wanted:
            raise self.error(f"{name} takes {wanted} argument, not {count}", k)
        return meaning

    def counted_function(self, k: int, function: Function, args: Sequence[int]) -> Function:
        """The function, if the number of its arguments, its axis and its positions fit."""
        try:
            function.require_count(len(args))
        except OperandError as error:
            raise at_place(error, self.text, self.parts[k].at) from None
        for letter, a in zip(function.letters, args, strict=False):
            if letter == "a" and self.parts[a].head not in ("1", "2"):
                raise self.error("the axis is 1 (down the columns) or 2 (along the rows)", a)
            if letter == "i" and not self.is_place(a):
                raise self.error("the position is a number from 1", a)
            if letter == "s" and self.parts[a].kind != "text":
                raise self.error(f'{function.name} takes its subscripts in quotes first, as in einsum("ij,jk->ik",A,B)', a)
            if letter == "d":
                self.refuse_long_dim(a)
        return function

    def entries(self, k: int, args: Sequence[int]) -> Entries:
        """The positions of an entry, a row or a column."""
        if not 1 <= len(args) <= 2:
            raise self.error(f"an entry has one or two places, as in x(1) or A(1,2), not {len(args)}", k)
        for a in args:
            if self.parts[a].head == ":":
                for end in self.parts[a].args:
                    self.refuse_long_dim(end)
                    if self.parts[end].head.isdigit():
                        self.is_place(end)
            elif not self.is_place(a):
                raise self.error("a place is a number from 1, a colon or a range 2:3; for a product write *", a)
        return Entries(tuple(self.place(a) for a in args))

    def place(self, k: int) -> Place:
        """A position, 0 for a whole axis, or a span."""
        part = self.parts[k]
        if part.head != ":":
            return int(part.head)
        return Span(*part.args) if part.args else 0

    def count_of(self, span: Span) -> Dim:
        """How many places a span has."""
        return plus_dim(self.dim[span.last], 1, -self.dim[span.first])

    def is_mark(self, k: int) -> bool:
        """Whether a part is the H of a Hermitian transpose: that name, where nothing is declared under it."""
        part = self.parts[k]
        return part.kind == "name" and part.head == "H" and "H" not in self.names and "H" not in self.dims

    def is_place(self, k: int) -> bool:
        """Whether a part is a position; 0 is refused here, as the error of who counts from 0."""
        part = self.parts[k]
        if part.head.isdigit() and int(number(part.head)) == 0:
            raise ShapeError(f"places are counted from 1, not from 0{caret(self.text, part.at)}")
        return part.head.isdigit() and len(part.head) <= 9

    def dim_named(self, part: Part) -> type[DimSymbol]:
        """How a name inside a dimension is read; refuses what is declared as something else."""
        if part.kind == "name" and part.head not in self.dims:
            raise ParseError(f"{part.head} is a variable, not a dimension", self.text, part.at)
        return DimSymbol

    # ---------------------------------------------------------------- shapes, from the parts to the whole
    def infer(self, k: int, part: Part) -> Extent:
        """The shape of a part from those of its operands."""
        match part.kind:
            case "number":
                return (1, 1)
            case "name":
                return self.infer_name(k, part.head)
            case "transpose":
                rows, cols = self.extent[part.args[0]]
                return cols, rows
            case "prefix":
                return self.extent[part.args[0]]
            case "binary" if k in self.hermitian:
                rows, cols = self.extent[part.args[0]]
                return cols, rows
            case "binary":
                return self.infer_binary(k, part.head, *part.args)
        meaning = self.meaning[k]
        match meaning:
            case Entries(places):
                return self.infer_entries(k, part.args[0], places)
            case Fill("vector", _):
                return self.sizes.unknown(), 1
            case Fill():
                return self.sizes.unknown(), self.sizes.unknown()
            case Gradient():
                return self.extent[part.args[1]]
            case unspecified.Function():
                return (1, 1)
            case Function():
                return self.infer_function(k, meaning, part.args[1:])

    def infer_name(self, k: int, name: str) -> Extent:
        declared = self.names.get(name)
        if isinstance(declared, Expr):
            return declared.rows, declared.cols
        if isinstance(declared, (Function, unspecified.Function)):
            raise self.error(f"{name} is a function: write {name}(...)", k)
        if declared is None and (name in self.dims or name == "pi"):
            return (1, 1)
        if name in self.undeclared:
            return self.undeclared[name][1]
        if declared is None and not name.isidentifier():
            raise self.error(f"{name!r} is not a name; a power is written ^", k)
        if declared is None and len(name) > 1 and name in FUNCTIONS:
            raise self.error(f"{name} is a function: write {name}(...), or declare {name} to use it as a variable", k)
        kind = declared or Kind(self.convention(name))
        extent: Extent = (1, 1)
        if kind.word != "scalar":
            rows = self.sizes.unknown()
            square = not SQUARE_FACTS.isdisjoint(kind.facts)
            extent = (rows, 1 if kind.word == "vector" else rows if square else self.sizes.unknown())
        self.undeclared[name] = (kind, extent)
        return extent

    def infer_binary(self, k: int, op: str, left: int, right: int) -> Extent:
        a, b = self.extent[left], self.extent[right]
        if op == "*":
            if is_scalar(a) or is_scalar(b):
                return a if is_scalar(b) else b
            if not self.sizes.unify(a[1], b[0], k):
                self.misfit_product(k, left, right)
            return a[0], b[1]
        if op == "/":
            if not is_scalar(b):
                raise self.operand_error(
                    f"/ divides by a scalar, but {self.shaped(right)} is no scalar; entrywise write ./", k, right
                )
            return a
        if op == "^":
            if not is_scalar(b):
                raise self.operand_error(f"the exponent {self.shaped(right)} is not a scalar; entrywise write .^", k, right)
            if not self.sizes.unify(a[0], a[1], k):
                self.clash(k, f"^ needs a square matrix or a scalar, not {self.shaped(left)}; entrywise write .^", a, left)
            return a
        if op in (".+", ".-"):
            return self.infer_broadcast(k, op, left, right)
        if op in ("+", "-"):
            if is_scalar(a) != is_scalar(b) or not self.sizes.unify_both(a, b, k):
                self.misfit_sum(k, op, left, right)
            return b if isinstance(a[0], Unknown) else a
        return self.infer_entrywise(k, op, (left, right))

    def infer_broadcast(self, k: int, op: str, left: int, right: int) -> Extent:
        a, b = self.extent[left], self.extent[right]
        if is_scalar(a) or is_scalar(b):
            return a if is_scalar(b) else b
        units = [[is_one(s) for s in e] for e in (a, b)]
        for full, part, has, lacks in ((a, b, units[0], units[1]), (b, a, units[1], units[0])):
            if any(h and not x for h, x in zip(has, lacks, strict=True)):
                continue  # the other one is longer along this axis
            if all(x or self.sizes.unify(s, t, k) for s, t, x in zip(full, part, lacks, strict=True)):
                return full
            break
        verb = "add" if op == ".+" else "subtract"
        pair = f"{self.shaped(left)} and {self.shaped(right)}"
        if units[0] != units[1] and any(units[0]) and any(units[1]):
            self.clash(k, f"cannot {verb} {pair}: a column and a row do not broadcast (no outer sum)", a + b, left, right)
        return self.clash(k, f"cannot {verb} {pair} with {op}: the shapes differ", a + b, left, right)

    def infer_entrywise(self, k: int, name: str, args: Sequence[int]) -> Extent:
        full = [a for a in args if not is_scalar(self.extent[a])]
        for a in full[1:]:
            if not self.sizes.unify_both(self.extent[full[0]], self.extent[a], k):
                both = f"{self.shaped(full[0])} and {self.shaped(a)}"
                sizes = self.extent[full[0]] + self.extent[a]
                self.clash(k, f"cannot apply {name} entrywise to {both}: {self.differing(full[0], a)}", sizes, full[0], a)
        return self.extent[full[0]] if full else (1, 1)

    def infer_entries(self, k: int, target: int, places: tuple[Place, ...]) -> Extent:
        rows, cols = self.extent[target]
        if is_scalar((rows, cols)):
            self.clash(k, f"{self.snippet(target)} is a scalar and has no entries; for a product write *", (), target)
        at = positions(places, rows, cols)
        if at is None:
            x = _bracketed(self.snippet(target))
            self.clash(k, f"{self.shaped(target)} is a matrix: an entry is {x}(1,2), a row {x}(1,:), a column {x}(:,2)", ())
        kept = [
            self.count_of(p) if isinstance(p, Span) else 1 if p else whole for p, whole in zip(at, (rows, cols), strict=True)
        ]
        return kept[0], kept[1]

    def infer_function(self, k: int, function: Function, args: Sequence[int]) -> Extent:
        """The shape of a call, by the function's signature."""
        operands = [a for a, letter in zip(args, function.letters, strict=False) if letter == "x"]
        if function.signature == ENTRYWISE:
            return self.infer_entrywise(k, function.name, operands)
        if function.kinds.startswith("s"):
            return self.infer_einsum(k, args)
        if not function.signature:  # a constant, whose dimensions say its shape
            made = function.build(*(require_dim(self.text, self.parts[a], self.dim[a]) for a in args))
            return made.rows, made.cols
        signature = function.signature
        if callable(signature):
            axes = [int(self.parts[a].head) for a, letter in zip(args, function.letters, strict=False) if letter == "a"]
            signature = signature([_guess(self.extent[a]) for a in operands], axes)
        env: dict[str, Size] = {"1": 1, "3": 3, "d1": 1, "d2": 1}
        sizes = [a for a, letter in zip(args, function.letters, strict=False) if letter == "d"]
        for position, a in enumerate(sizes, 1):
            env[f"d{position}"] = require_dim(self.text, self.parts[a], self.dim[a])
        patterns, result = read_signature(signature)
        for pattern, a in zip(patterns, operands, strict=True):
            for letter, size in zip(pattern, self.extent[a], strict=True):
                if not self.sizes.unify(env.setdefault(letter, size), size, k):
                    self.misfit_argument(k, function.name, pattern, a, env)
        rows, cols = (product_of([self.size_named(f, env) for f in pattern]) for pattern in result)
        return rows, cols

    def infer_einsum(self, k: int, args: Sequence[int]) -> Extent:
        """The shape of a sum over named indices; each letter has one size."""
        try:
            written, output = read_spec(self.parts[args[0]].head.strip('"'))
        except OperandError as error:
            raise at_place(error, self.text, self.parts[args[0]].at) from None
        if len(written) != len(args) - 1:
            raise self.error(f"the subscripts are for {len(written)} operands, and {len(args) - 1} are given", k)
        env: dict[str, Size] = {}
        for groups, a in zip(written, args[1:], strict=True):
            rows, cols = self.extent[a]
            declared = self.names.get(self.parts[a].head) if self.parts[a].kind == "name" else None
            sizes: list[Size] = [s for s in (rows, cols) if not is_one(s)]
            if isinstance(declared, Expr) and declared.axes is not None:
                sizes = list(declared.axes)
            elif len(groups) > 2:
                continue  # a tensor that is worked out: what it is made of says its sizes
            elif len(sizes) > len(groups) and isinstance(sizes[-1], Unknown):
                self.sizes.unify(sizes.pop(), 1, k)
            for group, size in zip(groups, sizes, strict=False):
                if len(group) == 1 and not self.sizes.unify(env.setdefault(group, size), size, k):
                    self.clash(k, f"einsum: {group} runs over {size_text(env[group])} and over {size_text(size)}", (), a)
        if len(output) > 2:
            first, second = tensor_letters("".join(output))
            output = [first, second]
        found = [product_of([env.get(c) or self.sizes.unknown() for c in group]) if group else 1 for group in output]
        return (*found, 1, 1)[:2]  # type: ignore[return-value]

    def size_named(self, letter: str, env: dict[str, Size]) -> Size:
        """What a letter of a signature stands for; ``^n`` is the number of entries on and below a diagonal, ``m+n`` a sum.

        The parts of a sum that are not known yet get names now.
        """
        if "+" in letter:
            parts = [resolve(env[part]) for part in letter.split("+")]
            self.sizes.name(parts, {p.head for p in self.parts if p.kind == "name"} | set(self.names) | self.dims)
            return plus_dim(*(known(resolve(p)) for p in parts))
        if not letter.startswith("^"):
            return env[letter]
        size = resolve(env[letter[1:]])
        return triangle(known(size)) if is_known(size) else self.sizes.unknown()

    def refuse_long_dim(self, k: int) -> None:
        """Refuse a dimension that is written with too many parts."""
        first = k  # the operands of a part stand just before it
        while self.parts[first].args:
            first = self.parts[first].args[0]
        if k - first > MAX_DIM_PARTS:
            raise LimitError(f"a dimension of {k - first} parts is too long{caret(self.text, self.parts[first].at)}")

    # ---------------------------------------------------------------- messages
    def error(self, message: str, k: int) -> ParseError:
        """A parse error at a part."""
        return ParseError(message, self.text, self.parts[k].at)

    def operand_error(self, message: str, k: int, *named: int) -> OperandError:
        """An error about the kind of an operand."""
        return OperandError(message + self.notes(named) + caret(self.text, self.parts[k].at))

    def clash(self, k: int, message: str, sizes: Sequence[Size], *named: int) -> NoReturn:
        """Raise the error of shapes that do not fit, saying where an inferred size came from."""
        reasons = dict.fromkeys(r for s in sizes for r in self.reasons(s))
        because = "; " + " and ".join(list(reasons)[:2]) if reasons else ""
        raise ShapeError(message + because + self.notes(named) + caret(self.text, self.parts[k].at))

    def reasons(self, size: Size) -> Iterator[str]:
        """Where a size came from, if it was inferred."""
        while isinstance(size, Unknown) and size.value is not None:
            if is_known(resolve(size)):
                yield f"{size_text(size)} comes from {self.snippet(size.at)}"
            size = size.value

    def notes(self, named: Sequence[int]) -> str:
        """What was assumed of undeclared names among the operands."""
        heads = dict.fromkeys(self.parts[a].head for a in named if self.parts[a].kind == "name")
        assumed = [h for h in heads if h in self.undeclared and h not in self.names]
        return "".join(
            f"; {h} is not declared, so it is taken for a {self.convention(h)}, by its first letter" for h in assumed
        )

    def snippet(self, k: int, limit: int = 40) -> str:
        """The text of a part, shortened."""
        shown = " ".join(self.text[self.parts[k].start : self.parts[k].end][: limit + 1].split())
        return shown if len(shown) <= limit else shown[: limit - 4] + " ..."

    def shaped(self, k: int) -> str:
        """``A (m x n)``, as messages name an operand."""
        rows, cols = self.extent[k]
        shape = "scalar" if is_scalar((rows, cols)) else f"{size_text(rows)} x {size_text(cols)}"
        return f"{self.snippet(k)} ({shape})"

    def differing(self, a: int, b: int) -> str:
        """Which dimensions of two parts differ."""
        (rows, cols), (others_rows, others_cols) = self.extent[a], self.extent[b]
        if agree(rows, others_cols) and agree(cols, others_rows):
            return "transpose one of them"
        found = []
        for word, s, t in zip(("rows", "columns"), self.extent[a], self.extent[b], strict=True):
            if not agree(s, t):
                x, y = self.snippet(a), self.snippet(b)
                found.append(f"the {word} of {x} ({size_text(s)}) and of {y} ({size_text(t)})")
        return " and ".join(found) + " differ"

    def misfit_product(self, k: int, left: int, right: int) -> NoReturn:
        a, b = self.extent[left], self.extent[right]
        x, y = self.snippet(left), self.snippet(right)
        hint = ""
        if agree(a[0], b[0]):
            hint = f"; {_bracketed(x)}'*{y} would fit"
        elif agree(a[1], b[1]):
            hint = f"; {x}*{_bracketed(y)}' would fit"
        message = (
            f"cannot multiply {self.shaped(left)} by {self.shaped(right)}: the columns of {x} ({size_text(a[1])}) "
            f"and the rows of {y} ({size_text(b[0])}) differ{hint}"
        )
        self.clash(k, message, (a[1], b[0]), left, right)

    def misfit_sum(self, k: int, op: str, left: int, right: int) -> NoReturn:
        a, b = self.extent[left], self.extent[right]
        verb = "add" if op == "+" else "subtract"
        pair = f"{self.shaped(left)} and {self.shaped(right)}"
        if any(all(is_one(s) or agree(s, t) for s, t in zip(p, q, strict=True)) for p, q in ((a, b), (b, a))):
            self.clash(k, f"cannot {verb} {pair}: {op} needs equal shapes; .{op} is what broadcasts", a + b, left, right)
        self.clash(k, f"cannot {verb} {pair}: {self.differing(left, right)}", a + b, left, right)

    def misfit_sizes(self, a: Size, b: Size, k: int) -> None:
        message = (
            f"the sizes {size_text(a)} and {size_text(b)} in {self.snippet(k)} are not known to agree: declare the names in it"
        )
        self.clash(k, message, (a, b))

    def misfit_argument(self, k: int, name: str, pattern: tuple[str, str], a: int, env: Mapping[str, Size]) -> NoReturn:
        shown = self.shaped(a)
        if "3" in pattern:
            message = f"{name}: {shown} does not fit, {' x '.join(pattern)} is needed"
        elif pattern[0] == pattern[1] != "1":
            message = f"{name} needs a square matrix, but {shown} is not square"
        elif pattern == ("1", "1"):
            message = f"{name} needs a scalar, but {shown} is not one"
        elif pattern[1] == "1" and not is_one(self.extent[a][1]):
            message = f"{name} needs a vector (a column), but {shown} is not one"
        else:
            wanted = " x ".join(size_text(env[p]) if p in env else p for p in pattern)
            message = f"{name}: {shown} does not fit, {wanted} is needed"
        self.clash(k, message, (*self.extent[a], *(env[p] for p in pattern if p in env)), a)


def convention(name: str) -> str:
    """What an undeclared name is, by its first letter, as on matrixcalculus.org."""
    first = name[0]
    if "A" <= first <= "Z":
        return "matrix"
    return "vector" if "h" <= first <= "z" else "scalar"


def positions(places: tuple[Place, ...], rows: Size, cols: Size) -> tuple[Place, Place] | None:
    """Row and column of an entry, 0 for a whole axis; one place alone is enough for a column or a row."""
    if len(places) == 2:
        return places[0], places[1]
    if is_one(cols):
        return places[0], 0
    return (0, places[0]) if is_one(rows) else None


def _guess(extent: Extent) -> Shape:
    """A shape to choose a signature by: only what is 1 matters."""
    rows, cols = (resolve(s) for s in extent)
    return (known(rows) if is_known(rows) else DimSymbol("n"), known(cols) if is_known(cols) else DimSymbol("n"))


def _bracketed(text: str) -> str:
    return text if text.isidentifier() else f"({text})"


@lru_cache(maxsize=256)
def read_signature(text: str) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, ...], tuple[str, ...]]]:
    """The patterns of the operands and of the result: rows and columns, the result's as factors."""
    left, right = text.split("->")
    patterns = []
    for pattern in left.split(";"):
        if pattern.strip():
            rows, cols = (p.strip() for p in pattern.split(","))
            patterns.append((rows, cols))
    first, second = (tuple(f.strip() for f in p.split("*")) for p in right.split(","))
    return tuple(patterns), (first, second)
