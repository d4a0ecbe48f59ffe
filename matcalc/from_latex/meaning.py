"""What the parts of a LaTeX formula mean, and the shapes of what nobody declared: ``infer``, with sums and blocks besides."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NoReturn

from matcalc.errors import OperandError
from matcalc.expr import Expr
from matcalc.from_latex.heads import BARS, is_determinant
from matcalc.from_latex.reader import LatexReader
from matcalc.functions import Function
from matcalc.infer import Inference, Known, Meaning
from matcalc.lex import Part
from matcalc.ops.tensors import tensor_letters
from matcalc.sizes import Extent, Size, is_known, is_one, is_scalar, product_of, resolve, size_text

NUMBERS = frozenset(("m", "n"))  # names that are dimensions where nobody declared them
IN_LATEX = (  # what the messages of the text syntax propose, as LaTeX writes it
    ("; entrywise write ./", r"; entrywise write \oslash"), ("; entrywise write .^", r"; entrywise write ^{\odot p}"),
    ("needs equal shapes; .+ is what broadcasts", r"needs equal shapes: a column b is added to each as b \mathbf{1}^\top"),
    ("needs equal shapes; .- is what broadcasts", r"needs equal shapes: a column b is taken from each as b \mathbf{1}^\top"),
)  # fmt: skip


class LatexInference(Inference):
    """The meanings and shapes of the parts that a reader found; ``vectors`` are scalars by convention that are none."""

    def __init__(self, reader: LatexReader, names: Mapping[str, Known], dims: set[str], vectors: Collection[str] = ()) -> None:
        super().__init__(reader.text, reader.parts, names, dims)
        self.reader = reader
        self.vectors = frozenset(vectors)
        self.index_size: dict[str, Size] = {}
        self.inner: set[int] = set()  # products with a dot that are inner products
        self.crossed: set[int] = set()
        self.determinants: set[int] = set()
        self.dims |= {n for n in reader.used if n in NUMBERS and n not in names and n not in reader.usage}
        for own in (o for over in reader.over.values() for o in over):
            self.index_size[own] = self.sizes.unknown()

    def run(self) -> None:
        """Find everything out; bars that were read as absolute values must not turn out to be a determinant."""
        super().run()
        for k in self.reader.bars:
            if self.meaning[k] is BARS and k not in self.determinants and is_determinant(self.shape(self.parts[k].args[1])):
                raise self.error(
                    "these bars may be absolute values or a determinant: write \\operatorname{abs}(...) or \\det(...)", k
                )

    def convention(self, name: str) -> str:
        """What an undeclared name is: by its entries, by its letter."""
        found = self.reader.used.get(name)
        if name in self.reader.usage:
            return self.reader.usage[name]
        if name in self.vectors:
            return "vector"
        letter = found.key[0][0] if found is not None else name[0]
        if letter in "αβγδεζηθικλμνξοπρστυφχψως" or name in ("ell", "hbar"):
            return "scalar"
        return super().convention(name)

    # ---------------------------------------------------------------- meanings
    def assign_roles(self, k: int) -> None:
        part = self.parts[k]
        if self.role[k] == "expr" and part.kind in ("sum", "constant"):
            for a in part.args[part.kind == "sum" :]:
                self.role[a] = "dim" if part.head != "unit" else "skip"
        elif self.role[k] == "expr" and part.kind == "entry":
            for a in part.args[part.head == "[" :]:
                self.role[a] = "skip"
        elif part.kind not in ("head", "index"):
            super().assign_roles(k)

    def find_meaning(self, k: int, part: Part) -> Meaning:
        fixed = self.reader.fixed[k]
        args = part.args[1:]
        if isinstance(fixed, str):
            return self.entries(k, args)
        if isinstance(fixed, Function):
            return self.counted_function(k, fixed, args)
        return self.counted(k, self.parts[part.args[0]].head or "a gradient", fixed, 1, len(args))

    # ---------------------------------------------------------------- shapes
    def infer(self, k: int, part: Part) -> Extent:
        match part.kind:
            case "sum":
                return self.infer_sum(k, part)
            case "array":
                return self.infer_array(k, part)
            case "entry":
                return self.infer_entry(k, part)
            case "constant":
                return self.infer_constant(part)
            case "blocks":
                return self.infer_blocks(k, part)
        if k in self.reader.infix:
            self.refuse_mixed(k, part)
        if part.kind == "transpose":
            self.refuse_transposed_scalar(k, part.args[0])
        found = super().infer(k, part)
        if k in self.reader.bars and self.meaning[k] is BARS and not is_scalar(self.extent[part.args[1]]) and is_scalar(found):
            self.determinants.add(k)
        return found

    def infer_binary(self, k: int, op: str, left: int, right: int) -> Extent:
        a, b = self.extent[left], self.extent[right]
        if op == "*":
            self.refuse_mixed(k, self.parts[k])
            columns = all(is_one(e[1]) and not is_one(e[0]) for e in (a, b))
            if columns and k in self.reader.dotted and self.sizes.unify_both(a, b, k):
                self.inner.add(k)
                return (1, 1)
            if columns and self.reader.infix.get(k) == r"\times":
                if not self.sizes.unify(a[0], 3, k) or not self.sizes.unify(b[0], 3, k):
                    self.clash(
                        k, f"the cross product needs vectors with three entries, not {self.shaped(left)}", (), left, right
                    )
                self.crossed.add(k)
                return a
        if op in ("+", "-") and is_scalar(a) != is_scalar(b):
            full = b if is_scalar(a) else a
            if self.is_literal(left if is_scalar(a) else right):
                if not is_one(full[0]) and not is_one(full[1]) and not self.differ(full):
                    self.clash(
                        k, f"a number and the matrix {self.snippet(right if is_scalar(a) else left)} do not add up: write "
                        r"a multiple of I, or of \mathbf{1} \mathbf{1}^\top", (), left, right,
                    )  # fmt: skip
                return full
        return super().infer_binary(k, op, left, right)

    def refuse_transposed_scalar(self, k: int, arg: int) -> None:
        """Refuse a transpose of what reads as a scalar, but was hardly meant to be one."""
        part = self.parts[arg]
        if part.kind == "entry" and part.head == "[":
            self.clash(
                k, f"{self.snippet(arg)} is an entry here, and has no transpose: where x_i is a row of a matrix X, write the "
                r"product out, as in X w for all x_i^\top w, and X^\top X for the sum of all x_i x_i^\top", (), arg,
            )  # fmt: skip
        if k in self.reader.marked_by_letter and part.kind == "name" and is_scalar(self.extent[arg]):
            self.clash(
                k, f"{self.snippet(arg)} is a scalar: this mark may be a transpose, a power, or part of a name; write \\top "
                "for the transpose, or declare the name", (), arg,
            )  # fmt: skip

    def is_literal(self, k: int) -> bool:
        """Whether a part is a number that is written out."""
        part = self.parts[k]
        while part.kind == "prefix":
            part = self.parts[part.args[0]]
        return part.kind == "number" or (part.kind == "binary" and all(self.parts[a].kind == "number" for a in part.args))

    def differ(self, extent: Extent) -> bool:
        """Whether rows and columns are known to be different."""
        rows, cols = (resolve(s) for s in extent)
        return is_known(rows) and is_known(cols) and rows != cols

    def refuse_mixed(self, k: int, part: Part) -> None:
        """Refuse two kinds of products of arrays side by side without brackets: which comes first is not settled."""
        args = part.args[-2:]
        kind = self.reader.infix.get(k, "*")
        for a, other in (args, args[::-1]):
            inside = self.reader.infix.get(a, "*" if a in self.reader.beside else kind)
            if a in self.reader.bracketed or inside == kind or is_scalar(self.extent[other]):
                continue
            if not any(is_scalar(self.extent[x]) for x in self.parts[a].args[-2:]):
                self.clash(
                    k, f"which product comes first in {self.snippet(k)} is not settled: put brackets around {self.snippet(a)} "
                    "or around the other product", (), a, other,
                )  # fmt: skip

    def infer_sum(self, k: int, part: Part) -> Extent:
        body = part.args[0]
        if not is_scalar(self.extent[body]):
            self.clash(
                k, f"a sum over indices is of scalars such as x_i and A_{{ij}}, but {self.shaped(body)} is an array; a sum of "
                r"outer products x_i x_i^\top of the rows of X is X^\top X", self.extent[body], body,
            )  # fmt: skip
        for a in part.args[1:]:
            for own in self.reader.over[k]:
                if not self.sizes.unify(self.index_size[own], self.dim[a], k):
                    self.clash(
                        k, f"an index of this sum runs to {size_text(self.dim[a])} and to {size_text(self.index_size[own])}", ()
                    )
        return (1, 1)

    def infer_array(self, k: int, part: Part) -> Extent:
        if not is_scalar(self.extent[part.args[0]]):
            self.clash(k, f"{self.shaped(part.args[0])} has no index: entries are scalars", (), part.args[0])
        own = self.reader.over[k]
        sizes = [self.index_size[o] for o in own]
        if len(sizes) <= 2:
            return (sizes[0], sizes[1] if len(sizes) > 1 else 1)
        letters = "abcdefghijklmnopqrstuvwxyz"[: len(sizes)]
        rows, cols = tensor_letters(letters)
        return tuple(product_of([sizes[letters.index(c)] for c in side]) for side in (rows, cols))  # type: ignore[return-value]

    def infer_entry(self, k: int, part: Part) -> Extent:
        if part.head == "delta":
            first, second = (self.index_size.get(self.parts[a].head) for a in part.args)
            if first is not None and second is not None and not self.sizes.unify(first, second, k):
                self.clash(k, "the two indices of this delta run over different dimensions", (first, second))
            return (1, 1)
        target, *places = part.args
        sizes = self.axes(target)
        if len(sizes) != len(places):
            self.clash(k, f"{self.shaped(target)} has {len(sizes)} indices, not {len(places)}", self.extent[target], target)
        for size, a in zip(sizes, places, strict=True):
            index = self.index_size.get(self.parts[a].head)
            if index is not None and not self.sizes.unify(index, size, k):
                self.clash(
                    k, f"an index of {self.snippet(k)} runs over {size_text(index)} elsewhere, but over {size_text(size)} here",
                    (index, size), target,
                )  # fmt: skip
        return (1, 1)

    def axes(self, k: int) -> list[Size]:
        """The sizes of the axes of a part that are not one long."""
        declared = self.names.get(self.parts[k].head) if self.parts[k].kind == "name" else None
        if isinstance(declared, Expr) and declared.axes is not None:
            return list(declared.axes)
        return [s for s in self.extent[k] if not is_one(s)]

    def infer_constant(self, part: Part) -> Extent:
        sizes: Sequence[Size] = [self.dim[a] for a in part.args] if part.head != "unit" else []
        if part.head == "eye":
            n = sizes[0] if sizes else self.sizes.unknown()
            return n, n
        rows = sizes[0] if sizes else self.sizes.unknown(part.head == "zeros")
        cols = sizes[1] if len(sizes) > 1 else 1 if sizes or part.head != "zeros" else self.sizes.unknown(True)
        return rows, cols

    def infer_blocks(self, k: int, part: Part) -> Extent:
        """Blocks in a row have the same rows, blocks in a column the same columns; a bare 0 is a block of zeros."""
        counts = self.reader.rows[k]
        starts = [sum(counts[:r]) for r in range(len(counts))]
        rows = [part.args[s : s + c] for s, c in zip(starts, counts, strict=True)]
        if not all(is_scalar(self.extent[a]) for a in part.args):
            for a in part.args:
                if self.parts[a].kind == "number" and self.parts[a].head == "0":
                    self.extent[a] = (self.sizes.unknown(True), self.sizes.unknown(True))
        for row in rows:
            for a in row[1:]:
                if not self.sizes.unify(self.extent[row[0]][0], self.extent[a][0], k):
                    self.clash(
                        k, f"{self.shaped(row[0])} and {self.shaped(a)} stand in one row: their rows differ", (), row[0], a
                    )
        if len(set(counts)) == 1:
            for column in zip(*rows, strict=True):
                for a in column[1:]:
                    if not self.sizes.unify(self.extent[column[0]][1], self.extent[a][1], k):
                        self.clash(
                            k, f"{self.shaped(column[0])} and {self.shaped(a)} stand in one column: their columns differ", (), a
                        )
        heights = self.added([self.extent[row[0]][0] for row in rows])
        widths = [self.added([self.extent[a][1] for a in row]) for row in rows]
        for row, width in zip(rows[1:], widths[1:], strict=True):
            if not self.sizes.unify(widths[0], width, k):
                self.clash(k, f"the rows of blocks are {size_text(widths[0])} and {size_text(width)} wide", (), row[0])
        return heights, widths[0]

    def added(self, sizes: Sequence[Size]) -> Size:
        """The sum of sizes; what is not known yet gets a name now."""
        if len(sizes) == 1:
            return sizes[0]
        letters = [f"n{i}" for i in range(len(sizes))]
        return self.size_named("+".join(letters), dict(zip(letters, sizes, strict=True)))

    # ---------------------------------------------------------------- messages
    def operand_error(self, message: str, k: int, *named: int) -> OperandError:
        return super().operand_error(_in_latex(message), k, *named)

    def clash(self, k: int, message: str, sizes: Sequence[Size], *named: int) -> NoReturn:
        super().clash(k, _in_latex(message), sizes, *named)


def _in_latex(message: str) -> str:
    for text, latex in IN_LATEX:
        message = message.replace(text, latex)
    return message
