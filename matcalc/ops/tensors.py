"""Arrays with more than two axes, and sums over indices that matrix notation cannot write.

The engine holds every array as a matrix. A tensor's first axes are stacked in the rows of that matrix, the others in
its columns, column by column. ``Einsum`` names the index of every axis; the letters of a stacked axis stand together,
the last one running fastest, as in ``einsum("ik,jk,lk->(ji)l",A,B,C)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from string import ascii_letters

from matcalc.dims import Dim, Shape, as_dim, divide_dim, is_name, is_unit, same_dim, times_dim
from matcalc.errors import OperandError, ShapeError, UnsupportedError
from matcalc.expr import Add, Expr, Operator, Symbol, as_expr, brief, coefficient, named_shape
from matcalc.index import At, Entry, Index, Pair, Sum, Term, Times
from matcalc.ops.structure import reshape

Letters = tuple[str, str]  # the letters of the rows and of the columns, the last of each running fastest
SPEC = re.compile(r"\s*(?P<inputs>[^>]*?)\s*->\s*(?P<output>[A-Za-z()\s]*)\s*")
GROUPED = re.compile(r"\(([A-Za-z]+)\)|([A-Za-z])")


# ------------------------------------------------------------------ symbols
@dataclass(frozen=True, eq=False, repr=False)
class TensorSymbol(Symbol):
    """A named array with more than two axes, held as the matrix that ``stacked_shape`` says."""

    axes: tuple[Dim, ...]

    def infer_axes(self) -> tuple[Dim, ...] | None:
        return self.axes

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return type(self)(self.name, (dim(self.dims[0]), dim(self.dims[1])), self.facts, tuple(dim(d) for d in self.axes))

    @property
    def free(self) -> Symbol:
        """The symbol itself: a tensor has no facts."""
        return self

    def composite_axes(self) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
        """The dimensions that the rows and the columns are made of, the last running fastest."""
        return stacks_of(self.axes, self.rows)


def split_axes(axes: tuple[Dim, ...]) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
    """The axes that go in the rows, and those that go in the columns."""
    half = (len(axes) + 1) // 2
    return axes[:half], axes[half:]


def stacked_shape(axes: tuple[Dim, ...]) -> Shape:
    """The shape of the matrix that holds a tensor."""
    first, second = split_axes(axes)
    return times_dim(*first), times_dim(*second)


def tensor_symbol(name: str, axes: Sequence[object], facts: tuple[str, ...] = ()) -> Symbol:
    """A symbol with three axes or more."""
    if facts:
        raise UnsupportedError(f"{name} has {len(axes)} axes: attributes such as {facts[0]} are for matrices")
    if not isinstance(name, str) or not is_name(name):
        raise OperandError(f"{name!r} is not a name: use letters, digits and _, a letter first")
    dims = tuple(as_dim(d, name) for d in axes)
    if any(is_unit(d) for d in dims):
        raise UnsupportedError(f"{name}: an axis of length 1 of an array with {len(dims)} axes is left out")
    return TensorSymbol(name, stacked_shape(dims), (), dims)


Expr.hooks["tensor_symbol"] = tensor_symbol


def is_tensor(e: Expr) -> bool:
    """Whether an expression has more than two axes."""
    return e.axes is not None


# ------------------------------------------------------------------ matrices seen as tensors, and back
@dataclass(frozen=True, eq=False, repr=False)
class Unstacked(Operator):
    """An array with three or four axes, held as the matrix of its vec form.

    ``rows_as`` are the axes that its rows stack column by column, ``cols_as`` those that its columns stack.
    """

    arg: Expr
    rows_as: tuple[Dim, ...]
    cols_as: tuple[Dim, ...]
    analytic = True
    name = "tensor"
    latex = r"\operatorname{tensor}#shape(#1)"
    code = "unstacked(#1)"

    def infer_shape(self) -> Shape:
        for dims, size, what in ((self.rows_as, self.arg.rows, "rows"), (self.cols_as, self.arg.cols, "columns")):
            if not same_dim(times_dim(*dims), size):
                raise ShapeError(f"cannot unstack {named_shape(self.arg)}: its {what} are not {' x '.join(map(str, dims))}")
        return (self.arg.rows, self.arg.cols)

    def own_cost(self) -> int:
        return 0

    def infer_axes(self) -> tuple[Dim, ...] | None:
        return (*self.rows_as, *self.cols_as)

    @property
    def letters(self) -> str | None:
        """The letters of the axes, where the entries are an einsum with an index for each."""
        if not isinstance(self.arg, Einsum) or [len(s) for s in self.arg.output] != [len(self.rows_as), len(self.cols_as)]:
            return None
        return "".join(side[::-1] for side in self.arg.output)

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        letters = self.letters
        if letters is not None and isinstance(self.arg, Einsum) and split_axes(self.shape) == (self.rows_as, self.cols_as):
            return self.arg.name, (f'"{self.arg.spec(letters)}"', *self.arg.args)
        return self.name, (self.arg, *(str(d) for d in self.shape))

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return Unstacked(operands[0], tuple(dim(d) for d in self.rows_as), tuple(dim(d) for d in self.cols_as))

    def differential(self, k: int, d: Expr) -> Expr:
        return Unstacked(d, self.rows_as, self.cols_as)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return stacked(upstream, (self.rows, self.cols))


def unstacked(matrix: Expr, *dims: object) -> Expr:
    """``tensor(V, m, n, p, q)``: the array whose first axes are stacked in the rows of ``V`` and the others in its columns."""
    sizes = tuple(as_dim(d, "tensor") for d in dims)
    if len(sizes) < 3:
        raise OperandError(f"tensor takes a matrix and three dimensions or more, not {len(sizes)}")
    for k in range(len(sizes) + 1):
        if same_dim(times_dim(*sizes[:k]), matrix.rows) and same_dim(times_dim(*sizes[k:]), matrix.cols):
            return Unstacked(matrix, sizes[:k], sizes[k:])
    raise ShapeError(f"tensor: {named_shape(matrix)} does not unstack to {' x '.join(map(str, sizes))}")


def with_axes_of(e: Expr, like: Expr) -> Expr:
    """The matrix that a tensor is held as, with that tensor's axes."""
    if like.axes is None or isinstance(e, (TensorSymbol, Unstacked)):
        return e
    first, second = stacks_of(like.axes, e.rows)
    return with_axes(e, first[::-1], second[::-1])


def with_axes(e: Expr, rows_as: tuple[Dim, ...], cols_as: tuple[Dim, ...]) -> Expr:
    """A matrix as the tensor whose first axes its rows stack; what is a tensor or an einsum by itself stands by itself."""
    if isinstance(e, (TensorSymbol, Unstacked)):
        return e
    if isinstance(e, Einsum) and [len(side) for side in e.output] == [len(rows_as), len(cols_as)]:
        letters = "".join(side[::-1] for side in e.output)
        return tensor_of(Einsum(e.inputs, tensor_letters(letters), e.args), letters)
    if e.keeps_axes and (e.axes is not None or all(isinstance(coefficient(t)[1], Einsum) for t in terms_in(e))):
        return e.rebuild([a if a.is_scalar else with_axes(a, rows_as, cols_as) for a in e.operands])
    return Unstacked(e, rows_as, cols_as)


def terms_in(e: Expr) -> tuple[Expr, ...]:
    """The terms of a sum, or the one that there is."""
    return e.args if isinstance(e, Add) else (e,)


def stacked(e: Expr, shape: Shape) -> Expr:
    """The matrix of this shape that holds a tensor; a matrix as it is."""
    if isinstance(e, Unstacked) and same_dim(e.arg.rows, shape[0]):
        return e.arg
    return reshape(e, *shape) if is_tensor(e) else e


# ------------------------------------------------------------------ sums over named indices
@dataclass(frozen=True, eq=False, repr=False)
class Einsum(Operator):
    """Sum of products of entries over named indices, where matrix notation has no name for it."""

    inputs: tuple[Letters, ...]
    output: Letters
    args: tuple[Expr, ...]
    takes_tensors = True
    pulled_in_place = True
    analytic = True
    name = "einsum"
    latex = r"\operatorname{einsum}(#1)"
    code = "np.einsum(#1)"
    structural = True

    def own_cost(self) -> int:
        return len(self.args) + len(self.summed)

    def infer_shape(self) -> Shape:
        sizes = self.sizes
        first, second = (times_dim(*[sizes[c] for c in side]) for side in self.output)
        return first, second

    def infer_sign(self) -> int:
        return min(e.sign for e in self.args)

    @property
    def sizes(self) -> dict[str, Dim]:
        """The dimension that each letter runs over."""
        return letter_sizes(self.inputs, self.args)

    @property
    def summed(self) -> list[str]:
        """The letters that are summed over, in reading order."""
        return [c for c in self.sizes if c not in self.output[0] + self.output[1]]

    @property
    def is_plain(self) -> bool:
        """Whether no axis of the result is a stacked one, so that indices take it apart."""
        return max(map(len, self.output)) <= 1

    def composite_axes(self) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
        """The dimensions that the rows and the columns are made of, the last running fastest."""
        rows, cols = (tuple(self.sizes[c] for c in side) for side in self.output)
        return rows, cols

    def obstacle(self) -> str | None:
        uses = {c: [e for pair, e in zip(self.inputs, self.args, strict=True) if c in pair[0] + pair[1]] for c in self.sizes}
        output = self.output[0] + self.output[1]
        held = [c for c in self.summed if len(uses[c]) > 2]
        wide = [e for pair, e in zip(self.inputs, self.args, strict=True) if max(map(len, pair)) > 1]
        if wide:
            return f"{brief(wide[0])} is summed over indices of its own axes apart, which no matrix product can write"
        if held:
            names = ", ".join(map(brief, uses[held[0]]))
            more = f" (and so {'is' if len(held) == 2 else 'are'} {', '.join(held[1:])})" if len(held) > 1 else ""
            return (
                f"the summed index {held[0]} is shared by {len(uses[held[0]])} factors, {names}{more}, "
                "while a matrix product sums over an index that two factors share"
            )
        if len(output) > 2:
            coupled = "are not coupled two by two, as a Kronecker product has them"
            return f"the {len(output)} indices {', '.join(output)} of the result {coupled}"
        return f"the indices {', '.join(self.sizes)} couple more factors at once than a product, a trace or .* can write"

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (f'"{self.spec()}"', *self.args)

    @property
    def written_output(self) -> str:
        """The letters of the rows and of the columns, those of a stacked axis in brackets."""
        return _grouped(self.output)

    def shown_letters(self, pair: Letters, operand: Expr) -> str:
        """The letters of an operand's own axes, in their order."""
        return pair[0][::-1] + pair[1][::-1] if is_tensor(operand) else pair[0] + pair[1]

    def spec(self, output: str | None = None) -> str:
        """The subscripts as text; ``output`` instead of the stacked ones, if given."""
        inputs = ",".join(
            self.shown_letters(pair, e) if is_tensor(e) else _grouped(pair)
            for pair, e in zip(self.inputs, self.args, strict=True)
        )
        return f"{inputs}->{_grouped(self.output) if output is None else output}"

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        gone = [c for c, d in self.sizes.items() if is_unit(dim(d))]  # a unit axis has no index
        inputs = tuple((_without(rows, gone), _without(cols, gone)) for rows, cols in self.inputs)
        return Einsum(inputs, (_without(self.output[0], gone), _without(self.output[1], gone)), tuple(operands))

    def entry(self, row: At, col: At) -> Term:
        index: dict[str, Index] = {}
        given: dict[str, At] = {}
        for side, at in zip(self.output, (row, col), strict=True):
            given.update(zip(side, unpaired(at, len(side)), strict=True))
        sizes = self.sizes
        over = []
        for c in self.summed:
            index[c] = Index.fresh(sizes[c])
            over.append(index[c])
        places: dict[str, At] = {**index, **given}
        body: Term = Times(
            tuple(
                Entry(e, *(paired([places[c] for c in side]) for side in pair))
                for pair, e in zip(self.inputs, self.args, strict=True)
            )
        )
        for i in reversed(over):
            body = Sum(i, body)
        return body


def _without(letters: str, gone: Sequence[str]) -> str:
    return "".join(c for c in letters if c not in gone)


def paired(places: Sequence[At]) -> At:
    """Positions along the parts of an axis as one, the last running fastest; None for no part."""
    if not places:
        return None
    at = places[-1]
    for p in reversed(places[:-1]):
        at = Pair(p, at)
    return at


def unpaired(at: At, count: int) -> list[At]:
    """The positions along ``count`` parts of an axis."""
    found: list[At] = []
    while count > 1:
        assert isinstance(at, Pair), "a stacked axis takes a pair of indices"
        found.append(at.left)
        at, count = at.right, count - 1
    return [*found, at] if count else []


def letter_sizes(inputs: Sequence[Letters], args: Sequence[Expr]) -> dict[str, Dim]:
    """The dimension of each letter, in reading order; shapes that do not fit are refused.

    Raises
    ------
    ShapeError
        If an operand has another number of axes than letters, or a letter two dimensions.
    """
    known: dict[str, Dim] = {}
    seen: dict[str, Expr] = {}
    later: list[tuple[str, Dim, Expr]] = []
    for pair, e in zip(inputs, args, strict=True):
        parts = composite_of(e)
        for side, size, known_parts in zip(pair, (e.rows, e.cols), parts, strict=True):
            if len(side) > 1 and len(known_parts) != len(side):
                later.append((side, size, e))
                continue
            dims = known_parts if len(side) > 1 else [] if is_unit(size) else [size]
            if len(dims) != len(side):
                raise ShapeError(f"einsum: {named_shape(e)} does not have the axes {pair[0] + pair[1]}")
            for c, d in zip(side, dims, strict=True):
                if not same_dim(known.setdefault(c, d), d):
                    raise ShapeError(
                        f"einsum: {c} runs over {known[c]} in {named_shape(seen[c])} and over {d} in {named_shape(e)}"
                    )
                seen.setdefault(c, e)
    while later:  # axes stacked from parts whose sizes other operands say
        ready = [item for item in later if sum(c not in known for c in item[0]) <= 1]
        side, size, e = ready[0] if ready else later[0]
        later.remove((side, size, e))
        part = divide_dim(size, times_dim(*[known[c] for c in side if c in known])) if ready else None
        open_letters = [c for c in side if c not in known]
        if part is None or (not open_letters and not same_dim(part, 1)):
            raise ShapeError(
                f"einsum: the axis ({side}) of {named_shape(e)} does not divide into {len(side)} axes of known sizes"
            )
        known.update(dict.fromkeys(open_letters, part))
    return known


def composite_of(e: Expr) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
    """The dimensions that the rows and the columns of an array are made of, where they are known to be stacked."""
    if isinstance(e, Einsum):
        return e.composite_axes()
    if isinstance(e, Unstacked):
        return e.rows_as[::-1], e.cols_as[::-1]
    return ((), ()) if e.axes is None else stacks_of(e.axes, e.rows)


def stacks_of(axes: tuple[Dim, ...], rows: Dim) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
    """The axes that rows of this number stack and those of the columns, each with the fastest last."""
    k = next(k for k in range(len(axes)) if same_dim(times_dim(*axes[:k]), rows))
    return axes[:k][::-1], axes[k:][::-1]


def _grouped(pair: Letters) -> str:
    return "".join(f"({side})" if len(side) > 1 else side for side in pair)


def einsum(spec: object, *operands: object) -> Expr:
    """``einsum("ij,jk->ik", A, B)``: the sum of products of entries over the indices that are not in the output.

    Letters name the axes, as in NumPy; the output is written out. Arrays of any number of axes are taken and made.

    Raises
    ------
    OperandError
        If the subscripts cannot be read, or their number is not that of the operands.
    ShapeError
        If an operand has another number of axes than letters, or a letter two dimensions.
    """
    if not isinstance(spec, str):
        raise OperandError(f"einsum takes its subscripts first, as in einsum('ij,jk->ik', A, B), not {spec!r}")
    written, out = read_spec(spec)
    args = tuple(as_expr(x) for x in operands)
    if len(written) != len(args):
        raise OperandError(f"einsum: {spec!r} has subscripts for {len(written)} operands, and {len(args)} are given")
    inputs = tuple(_letters_of(w, e, spec) for w, e in zip(written, args, strict=True))
    sizes = letter_sizes(inputs, args)
    flat = "".join(out)
    if len(set(flat)) != len(flat):
        raise OperandError(f"einsum: {spec!r} repeats a letter in its output; write a diagonal with a factor eye(n)")
    if unknown := [c for c in flat if c not in sizes]:
        raise OperandError(f"einsum: {unknown[0]} in the output of {spec!r} names no axis of an operand")
    if len(out) <= 2:
        pair = (out[0] if out else "", out[1] if len(out) > 1 else "")
        return Einsum(inputs, pair, args)
    if any(len(group) > 1 for group in out):
        raise OperandError(f"einsum: {spec!r} stacks axes of a result that has more than two")
    return tensor_of(Einsum(inputs, tensor_letters(flat), args), flat)


def tensor_letters(letters: str) -> Letters:
    """The letters of a tensor's axes as those of the matrix that holds it."""
    half = (len(letters) + 1) // 2
    return letters[:half][::-1], letters[half:][::-1]


def tensor_of(e: Einsum, letters: str) -> Expr:
    """The tensor with these axes that an einsum in ``tensor_letters`` holds."""
    first, second = split_axes(tuple(e.sizes[c] for c in letters))
    return Unstacked(e, first, second)


def read_spec(spec: str) -> tuple[list[list[str]], list[str]]:
    """The letters of the operands and of the output, a group for each axis."""
    m = SPEC.fullmatch(spec)
    if m is None:
        raise OperandError(f"einsum: cannot read {spec!r}: subscripts are letters, as in 'ij,jk->ik'")
    return [_axes_letters(w, spec) for w in m.group("inputs").split(",")], _axes_letters(m.group("output"), spec)


def _axes_letters(text: str, spec: str) -> list[str]:
    """The groups of letters of one array, one group an axis."""
    compact = text.replace(" ", "")
    groups = [a or b for a, b in GROUPED.findall(compact)]
    if "".join(f"({g})" if len(g) > 1 else g for g in groups) != compact:
        raise OperandError(f"einsum: cannot read {text!r} in {spec!r}: letters, or letters in brackets for a stacked axis")
    return groups


def _letters_of(groups: list[str], e: Expr, spec: str) -> Letters:
    text = "".join(groups)
    if len(groups) != len(e.shape) and not (len(groups) == 1 and is_unit(e.rows) and not is_unit(e.cols)):
        raise ShapeError(f"einsum: {text!r} has {len(groups)} letters, but {named_shape(e)} has {len(e.shape)} axes")
    if is_tensor(e):
        first, second = (len(part) for part in composite_of(e))
        flat = "".join(groups)
        if len(flat) != first + second:
            raise ShapeError(f"einsum: {text!r} has {len(flat)} letters, but {named_shape(e)} has {len(e.shape)} axes")
        return flat[:first][::-1], flat[first:][::-1]
    if is_unit(e.rows):
        groups = ["", *groups]
    return groups[0] if groups else "", groups[1] if len(groups) > 1 else ""


def fresh_letters(taken: str = "") -> Iterator[str]:
    """Letters for indices, ``i j k l`` first."""
    return (c for c in dict.fromkeys("ijklpqrstuvwabcdefgh" + ascii_letters) if c not in taken)
