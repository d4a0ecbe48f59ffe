"""Programs as text of a language that is not Python: the templates of values, translated piece by piece through a table.

A template such as ``0.5 * #1 * (1 + erf(#1 / np.sqrt(2)))`` is taken apart into pieces (``#1 * #2``, ``erf(#1)``, ...), and a
table says how a language writes each piece for operands of given ranks. The walker alone sets brackets.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from matcalc.dims import DimSymbol
from matcalc.emit.texts.pieces import ATOM, SIGN, SUM, TERM, Language, Piece, Row, binds_of, ranks_of, words_in
from matcalc.emit.values import Value
from matcalc.emit.writing.arrange import NameMaker, arrange
from matcalc.errors import UnsupportedError

INFIX = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**", ast.FloorDiv: "//"}
COMPARISONS = {ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!="}
WHOLE = frozenset((  # templates that are one piece: a matrix times a vector for every place of the first axis
    "(#1 @ #2[:, :, None])[:, :, 0]", "(#2[:, None, :] @ #1)[:, 0, :]",
))  # fmt: skip


@dataclass
class Program:
    """The lines of a program, its results, and the helpers that it calls."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    results: list[Piece] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    dims: list[DimSymbol] = field(default_factory=list)  # the dimensions that it uses, as they are met


@lru_cache(maxsize=2048)
def tree_of(code: str) -> ast.expr:
    """The syntax tree of a template."""
    return ast.parse(code.replace("#", "_arg"), mode="eval").body


@lru_cache(maxsize=2048)
def indexed(code: str) -> tuple[int, ...]:
    """The operands of a template that it takes entries of."""
    found = []
    for node in ast.walk(tree_of(code)):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id.startswith("_arg"):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if not any(isinstance(p, ast.Constant) and p.value is None for p in parts):
                found.append(int(node.value.id[4:]) - 1)
    return tuple(found)


class TextWriter:
    """Writes values as pieces of a language.

    Parameters
    ----------
    language : Language
    leaves : mapping
        From ``(kind, of)`` to the piece that a symbol, a dimension or a function is.
    is_complex : bool
        Whether a transpose must not conjugate.
    """

    def __init__(self, language: Language, leaves: Mapping[object, Piece], *, is_complex: bool = False) -> None:
        self.language, self.leaves, self.is_complex = language, leaves, is_complex
        self.pieces: dict[Value, Piece] = {}
        self.helpers: set[str] = set()

    def program(self, outputs: Sequence[Value], names: NameMaker) -> Program:
        """The lines that compute values."""
        out = Program()
        must = indexed if self.language.index_needs_name else None
        arranged = arrange(outputs, names, len, self._width, must_have_names=must)
        out.dims = [v.of for v in arranged.leaves if isinstance(v.of, DimSymbol)]
        for v, name in arranged.lines:
            piece = self.write(v)
            out.lines.append((name, piece.text))
            self.pieces[v] = Piece(name, rank=piece.rank, row=piece.row)
        out.results = [self.write(v) for v in outputs]
        out.helpers = self.helpers
        return out

    def _width(self, v: Value) -> int:
        return len(str(v.of)) if v.code == "const" else len(self.leaves[v.code, v.of].text)

    def write(self, v: Value) -> Piece:
        """The piece that a value is."""
        found = self.pieces.get(v)
        if found is None:
            if v.code == "const":
                assert isinstance(v.of, (int, float, complex))
                found = self.language.number(v.of)
            elif v.is_leaf:
                found = self.leaves[v.code, v.of]
            else:
                args = [self.write(a) for a in v.args]
                whole = self.language.rows.get((v.code, ranks_of(args)))
                found = (
                    self.fill(whole, args) if whole is not None and v.code in WHOLE else self.translate(tree_of(v.code), args)
                )
            self.pieces[v] = found
        return found

    # ------------------------------------------------------------------ templates
    def translate(self, node: ast.expr, args: Sequence[Piece]) -> Piece:
        """A template, its operands in place."""
        match node:
            case ast.Name(id=name) if name.startswith("_arg"):
                return args[int(name[4:]) - 1]
            case ast.Constant(value=int() | float() as number):
                return self.language.number(number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return self.language.number(-number)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                a = self.translate(inner, args)
                return self.fill(Row("-@1", SIGN, a.rank, entrywise=True), [a])
            case ast.BinOp(left=left, op=op, right=right):
                key = f"#1 {INFIX[type(op)]} #2"
                return self.infix(key, self.translate(left, args), self.translate(right, args))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                a, b = self.translate(left, args), self.translate(right, args)
                return self.language.binary(self, COMPARISONS[type(op)], a, b)
            case ast.Subscript():
                return self.subscript(node, args)
            case ast.Attribute(value=inner, attr="T"):
                return self.transposed(self.translate(inner, args))
            case ast.Attribute():
                return self.look_up(ast.unparse(node), [])
            case ast.Call():
                return self.call(node, args)
            case _:
                return self.refuse(ast.unparse(node).replace("_arg", "#"), ())

    def infix(self, key: str, a: Piece, b: Piece) -> Piece:
        """An operator between two operands."""
        if key == "#1 @ #2":
            return self.look_up(key, [a, b])
        if key == "#1 - #2" and b.number == 1:
            return replace(self.language.binary(self, "-", a, b), before=a)
        return self.language.binary(self, key.split()[1], a, b)

    def transposed(self, a: Piece) -> Piece:
        """The transpose of a matrix."""
        if a.turned is not None and a.rank == 2:
            return a.turned
        if isinstance(a.rank, int) and a.rank > 2:  # all axes the other way round
            return self.permute(a, range(a.rank, 0, -1))
        made = self.look_up("#1.T", [a])
        return Piece(made.text, made.binds, made.rank, turned=a, row=a.row) if a.rank == 2 else made

    def permute(self, a: Piece, order: Sequence[int]) -> Piece:
        """An array with more than two axes, its axes in another order, counted from 1; two changes of order are one."""
        places, thin = tuple(order), a.row
        if a.permuted is not None:
            a, before = a.permuted
            before = (*before, *range(len(before) + 1, len(places) + 1))  # further axes have length 1
            places = tuple(before[k - 1] for k in places)
        if places == tuple(range(1, len(places) + 1)):
            return a if a.rank == len(places) else Piece(a.text, a.binds, len(places), row=thin)
        written = self.language.permuted.format(", ".join(map(str, places)))
        made = self.fill(Row(written, rank=len(places)), [a])
        return replace(made, permuted=(a, places), row=thin)

    def call(self, node: ast.Call, args: Sequence[Piece]) -> Piece:
        """A function or a method."""
        if isinstance(node.func, ast.Name) and node.func.id.startswith("_arg"):
            return self.look_up("#1(#2)", [self.translate(a, args) for a in (node.func, *node.args)])
        operands: list[Piece] = []

        def written(part: ast.expr, literal: bool = False) -> str:
            match part:
                case ast.Constant(value=str() | None | bool()):
                    return ast.unparse(part)
                case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
                    return "-1"
                case ast.Tuple(elts=parts):
                    return f"({', '.join(map(written, parts))}{',' if len(parts) == 1 else ''})"
                case _:
                    piece = self.translate(part, args)
                    if literal and piece.number is not None:
                        return str(piece.number)
                    operands.append(piece)
                    return f"#{len(operands)}"

        match node.func:
            case ast.Attribute(value=owner, attr=method) if not self._is_library(node.func):
                operands.append(self.translate(owner, args))
                head, name = f"#1.{method}", f".{method}"
            case function:
                head = name = ast.unparse(function)
        inside = [written(a) for a in node.args] + [f"{k.arg}={written(k.value, literal=True)}" for k in node.keywords]
        key = f"{head}({', '.join(inside)})"
        special = self.language.specials.get(name)
        if special is not None:
            made = special(self, operands, key)
            if made is not None:
                return made
        return self.look_up(key, operands)

    def _is_library(self, function: ast.Attribute) -> bool:
        base: ast.expr = function
        while isinstance(base, ast.Attribute):
            base = base.value
        return isinstance(base, ast.Name) and base.id == "np"

    def subscript(self, node: ast.Subscript, args: Sequence[Piece]) -> Piece:
        """An entry, a part, or one of several results; or an axis more."""
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        operands: list[Piece] = []

        def place(p: ast.expr | None) -> str:
            if p is None:
                return ""
            match p:
                case ast.Slice(lower=lower, upper=upper, step=None):
                    return f"{place(lower)}:{place(upper)}"
                case ast.Slice(lower=None, upper=None):
                    return "::-1"
                case ast.Constant(value=None):
                    return "None"
                case _:
                    operands.append(self.translate(p, args))
                    return f"#{len(operands) + 1}"

        written = ", ".join(map(place, parts))
        if isinstance(node.value, ast.Call):  # such as np.eye(#1)[:, #2], in one piece
            whole = self.whole_call(node, args)
            if whole is not None:
                return whole
        base = self.translate(node.value, args)
        if isinstance(base.rank, int) and len(parts) > 2 and set(written.split(", ")) == {":", "None"}:
            return self.with_axes(base, [part != "None" for part in written.split(", ")])
        if base.rank == 1 and written == "None, :" and base.turned is not None:
            return base.turned
        if base.rank == 1 and written in (":, None", "None, :"):
            made = self.look_up(f"#1[{written}]", [base])
            return Piece(made.text, made.binds, 2, spread=base if written == ":, None" else None, row=True)
        if isinstance(base.rank, str) and len(operands) == 1 and operands[0].number is not None:
            return self.look_up(f"#1[{operands[0].number}]", [base])
        return self.look_up(f"#1[{written}]", [base, *operands])

    def with_axes(self, a: Piece, own: Sequence[bool]) -> Piece:
        """An array with axes of length 1 among its own; ``own`` says which are."""
        return replace(self.language.with_axes(self, a, own), row=True)

    def whole_call(self, node: ast.Subscript, args: Sequence[Piece]) -> Piece | None:
        """A part of what a function gives, where the table knows it as one piece."""
        call = node.value
        assert isinstance(call, ast.Call)
        if call.keywords:
            return None
        operands = [self.translate(a, args) for a in call.args]
        head = f"{ast.unparse(call.func)}({', '.join(f'#{k + 1}' for k in range(len(operands)))})"
        inside = []
        for p in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
            if isinstance(p, ast.Slice):
                ends = [e for e in (p.lower, p.upper) if e is not None]
                operands += [self.translate(e, args) for e in ends]
                inside.append(":".join(f"#{len(operands) - len(ends) + 1 + k}" for k in range(len(ends))) or ":")
            elif isinstance(p, ast.Constant):
                inside.append(str(p.value))
            else:
                operands.append(self.translate(p, args))
                inside.append(f"#{len(operands)}")
        row = self.language.rows.get((f"{head}[{', '.join(inside)}]", ranks_of(operands)))
        return self.fill(row, operands) if row is not None else None

    # ------------------------------------------------------------------ the table
    def look_up(self, key: str, operands: Sequence[Piece]) -> Piece:
        """A piece by the table, for operands of these ranks."""
        row = self.language.rows.get((key, ranks_of(operands)))
        turned = [o.turned for o in operands]
        if key == "#1 @ #2" and row is not None and row.rank == 0 and turned[0] is not None:  # a row that is one already
            return self.fill(Row("@1 * !2", TERM), [turned[0], operands[1]])
        if key == "np.outer(#1, #2)" and row is not None and turned[1] is not None:
            return self.fill(Row("@1 * !2", TERM, 2), [operands[0], turned[1]])
        if row is not None:
            made = self.fill(row, operands)
            if key == "np.linalg.solve(#1, #2)" and all(o.turned is not None and o.rank == 2 for o in operands):
                right = self.fill(Row("@1 / !2", TERM, 2), [o.turned for o in reversed(operands) if o.turned is not None])
                return replace(made, turned=right)  # (X' \ A')' is A / X
            return made
        both = self.language.entrywise.get(key)
        if both is not None:
            axes = [o.rank for o in operands if isinstance(o.rank, int)]
            rank = max(axes, default=0)
            if len(axes) == len(operands):
                stretched = [self.stretched(o, rank) for o in operands]
                return self.fill(Row(both[rank > 0], binds_of(both[rank > 0]), rank, entrywise=True), stretched)
        return self.refuse(key, operands)

    def stretched(self, a: Piece, rank: int) -> Piece:
        """An operand as it stands beside an array of that rank: its axes are the last, as NumPy has it; a vector is a row."""
        if a.rank == 1 and rank == 2:
            if a.turned is not None:
                return a.turned
            return replace(self.look_up("#1[None, :]", [a]), row=True)
        if isinstance(a.rank, int) and 0 < a.rank < rank:
            return self.with_axes(a, [False] * (rank - a.rank) + [True] * a.rank)
        return a

    def refuse(self, key: str, operands: Sequence[Piece]) -> Piece:
        """Say that the language has no words for a piece."""
        axes = f" of {', '.join(str(o.rank) for o in operands)} axes" if operands else ""
        raise UnsupportedError(f"{key}{axes} is not available in {self.language.name}")

    def fill(self, row: Row, operands: Sequence[Piece]) -> Piece:
        """A row of the table with its operands in place, in brackets where they bind too loosely."""
        out = []
        text = row.text
        k = 0
        while k < len(text):
            c = text[k]
            if c in "#@!$+" and k + 1 < len(text) and text[k + 1].isdigit():
                a = operands[int(text[k + 1]) - 1]
                if c == "+":
                    out.append(self.next_place(a))
                else:
                    least = {"#": 0, "@": row.binds, "!": row.binds + 1, "$": ATOM}[c]
                    out.append(a.text if a.binds >= least else f"({a.text})")
                k += 2
            else:
                out.append(c)
                k += 1
        self._note(row.text)
        thin = [a.row for a in operands if a.rank not in (0, 1)] if row.entrywise else []
        return Piece("".join(out), row.binds, row.rank, row=bool(thin) and all(thin))

    def next_place(self, a: Piece) -> str:
        """A place counted from 1, of one counted from 0."""
        if isinstance(a.number, int):
            return str(a.number + 1)
        if a.before is not None:
            return a.before.text
        return f"{a.text} + 1" if a.binds >= SUM else f"({a.text}) + 1"

    def _note(self, text: str) -> None:
        self.helpers.update(h for h in words_in(text) if h in self.language.helpers)
