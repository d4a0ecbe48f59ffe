"""From the parts of a LaTeX formula to the expression: ``parse``'s builder, with sums over indices and blocks besides."""

from __future__ import annotations

import sympy as sp

from matcalc.declare import at_place
from matcalc.dims import dim_text, is_unit
from matcalc.errors import MatcalcError, ParseError, UnsupportedError
from matcalc.expr import Expr, apply, matmul, ones, rational, transpose
from matcalc.from_index import from_index
from matcalc.from_latex.heads import BARS, EXPONENTIAL, INNER
from matcalc.from_latex.meaning import LatexInference
from matcalc.functions import ENTRYWISE, FUNCTIONS, Function
from matcalc.lex import Part
from matcalc.ops.blocks import hstack, vstack
from matcalc.ops.linalg import inv
from matcalc.ops.structure import eye, unit_vector, zeros
from matcalc.ops.tensors import einsum
from matcalc.parse import Builder
from matcalc.sizes import known, resolve

SPECIAL = ("sum", "array", "entry", "constant", "blocks")
OF_ENTRIES = {BARS: "abs", EXPONENTIAL: "exp"}
PLAIN = {".*": "*", "./": "/", ".^": "^"}


class LatexBuilder(Builder):
    """The expressions of the parts, operands first."""

    inference: LatexInference

    def __init__(self, inference: LatexInference) -> None:
        self.reader = inference.reader
        self.formula = self.parts_of_sums(inference)
        for k in self.formula:
            inference.role[k] = "index"
        super().__init__(inference)

    def parts_of_sums(self, inference: LatexInference) -> set[int]:
        """The parts inside sums and arrays that hold an index, which have no value by themselves."""
        parts = inference.parts
        holds = [False] * len(parts)
        inside = [False] * len(parts)
        for k, part in enumerate(parts):
            holds[k] = part.kind == "entry" or (part.kind != "index" and any(holds[a] for a in part.args))
        for k in range(len(parts) - 1, -1, -1):
            if inside[k] or parts[k].kind in ("sum", "array"):
                for a in parts[k].args:
                    inside[a] = inference.role[a] == "expr" and (parts[k].kind != "entry")
        return {k for k in range(len(parts)) if inside[k] and holds[k] and inference.role[k] == "expr"}

    def chain_of(self, k: int, part: Part) -> str:
        if part.kind in SPECIAL or k in self.inference.inner or k in self.inference.crossed:
            return ""
        return super().chain_of(k, part)

    def build(self, k: int, part: Part) -> Expr:
        rows, cols = self.inference.shape(k)
        if k in self.inference.inner:
            return matmul(transpose(self.of(part.args[0])), self.of(part.args[1]))
        if k in self.inference.crossed:
            return apply("Cross", self.of(part.args[0]), self.of(part.args[1]))
        match part.kind, part.head:
            case "constant", "eye":
                return eye(rows)
            case "constant", "ones":
                return ones(rows, cols)
            case "constant", "zeros":
                return zeros(rows, cols)
            case "constant", _:
                return unit_vector(int(self.parts[part.args[0]].head), rows)
            case "blocks", _:
                return self.build_blocks(k, part)
            case "number", "0" if not (is_unit(rows) and is_unit(cols)):  # a block of zeros
                return zeros(rows, cols)
            case ("sum" | "array") as kind, _:
                return self.build_sum(k, kind)
        return super().build(k, part)

    def build_binary(self, op: str, a: Expr, b: Expr) -> Expr:
        half = rational(b) if op == "^" and not a.is_scalar else None
        if half is not None and abs(half) == sp.Rational(1, 2):
            return apply("Sqrtm", a if half > 0 else inv(a))
        return super().build_binary(op, a, b)

    def build_blocks(self, k: int, part: Part) -> Expr:
        """Rows of blocks."""
        counts = self.reader.rows[k]
        starts = [sum(counts[:r]) for r in range(len(counts))]
        return vstack(*(hstack(*(self.of(a) for a in part.args[s : s + c])) for s, c in zip(starts, counts, strict=True)))

    # ---------------------------------------------------------------- sums over indices
    def build_sum(self, k: int, kind: str) -> Expr:
        """A sum over indices, or an array given by its entries, by way of index notation."""
        arrays: dict[str, object] = {}
        free = {o: self.size(o) for o in self.reader.over[k]} if kind == "array" else {}
        try:
            if tensors := self.product_of_tensors(k, kind):
                return tensors
            text = self.index_text(k if kind == "sum" else self.parts[k].args[0], arrays)
            return from_index(text, free=free, vars=arrays)
        except MatcalcError as error:
            reason = error.reason if isinstance(error, ParseError) else str(error).split("\n")[0]
            raise at_place(type(error)(reason), self.text, self.parts[k].at) from None

    def size(self, own: str) -> object:
        """The dimension of an index."""
        return known(resolve(self.inference.index_size[own]))

    def index_text(self, k: int, arrays: dict[str, object]) -> str:
        """The formula as ``from_index`` reads it; what holds no index stands in it by a name."""
        out: list[str] = []
        stack: list[int | str] = [k]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                out.append(item)
            elif item in self.formula or (self.parts[item].kind == "sum" and item == k):
                stack.extend(reversed(self.opened(item, arrays)))
            else:
                arrays[f"v{item}"] = self.of(item)
                out.append(f"v{item}")
        return "".join(out)

    def opened(self, k: int, arrays: dict[str, object]) -> list[int | str]:
        """One part of the formula: texts, and the parts that stand between them."""
        part = self.parts[k]
        match part.kind:
            case "entry":
                places = ",".join(self.parts[a].head for a in part.args[part.head == "[" :])
                if part.head == "delta":
                    return [f"delta[{places}]"]
                target = part.args[0]
                arrays[f"v{target}"] = self.of(target)
                return [f"v{target}[{places}]"]
            case "sum":
                ranges = "".join(f", ({o}, {dim_text(self.size(o))})" for o in self.reader.over[k])  # type: ignore[arg-type]
                return ["Sum(", part.args[0], ranges + ")"]
            case "transpose":
                return [part.args[0]]
            case "prefix":
                return [f"({part.head}", part.args[0], ")"]
            case "binary":
                return ["(", part.args[0], PLAIN.get(part.head, part.head), part.args[1], ")"]
        meaning = self.inference.meaning.get(k)
        args = list(part.args[1:])
        if meaning is INNER:
            return ["(", args[0], "*", args[1], ")"]
        name = OF_ENTRIES.get(meaning) if isinstance(meaning, Function) else None
        if isinstance(meaning, Function) and (name or meaning.signature == ENTRYWISE) and set(meaning.letters) == {"x"}:
            arrays[f"f{k}"] = FUNCTIONS[name] if name else meaning
            between: list[int | str] = [args[0]]
            for a in args[1:]:
                between += [",", a]
            return [f"f{k}(", *between, ")"]
        raise UnsupportedError(f"{getattr(meaning, 'name', 'this function')} of entries is not read inside a sum over indices")

    def product_of_tensors(self, k: int, kind: str) -> Expr | None:
        """A sum of a product of entries where one array has more than two axes: an einsum; None where there is none."""
        over = list(self.reader.over[k]) if kind == "sum" else []
        free = list(self.reader.over[k]) if kind == "array" else []
        entries: list[Part] = []
        rest: list[Expr] = []
        stack = [self.parts[k].args[0]]
        while stack:
            a = stack.pop()
            part = self.parts[a]
            if a not in self.formula:
                rest.append(self.of(a))
            elif part.kind == "sum":
                over += self.reader.over[a]
                stack.append(part.args[0])
            elif part.kind == "entry" and part.head == "[":
                entries.append(part)
            elif part.kind == "binary" and part.head == "*":
                stack.extend(reversed(part.args))
            else:
                return None
        arrays = [self.of(p.args[0]) for p in entries]
        heads = [[self.parts[a].head for a in p.args[1:]] for p in entries]
        if (all(a.axes is None for a in arrays) and len(free) <= 2) or not set(free) | set(over) >= {
            h for hs in heads for h in hs
        }:
            return None
        letter = {own: chr(ord("a") + i) for i, own in enumerate(dict.fromkeys([*free, *over]))}
        if len(letter) > 26:
            return None
        spec = ",".join("".join(letter[h] for h in hs) for hs in heads)
        made = einsum(f"{spec}->{''.join(letter[f] for f in free)}", *arrays)
        for e in rest:
            made = e * made
        return made
