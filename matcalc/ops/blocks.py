"""Blocks: parts of a matrix cut out, and matrices put side by side or on top of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import sympy as sp

from matcalc.dims import Dim, Shape, is_unit, map_dim, plus_dim, same_dim, shape_text
from matcalc.errors import OperandError, ShapeError
from matcalc.expr import Constant, Expr, Operator, as_expr, brief, entry_at, named_shape, product, transpose
from matcalc.index import At, Entry, Index, Sum, Term, Times, axis
from matcalc.ops.structure import Eye, eye, unit_vector

Range = tuple[Dim, Dim]  # the first position, from 1, and how many


@dataclass(frozen=True, eq=False, repr=False)
class Selector(Constant):
    """Columns ``start`` to ``start + count - 1`` of an identity matrix: a slice is a product with it."""

    total: Dim
    start: Dim
    count: Dim
    name = "selector"
    latex = "I"
    code = "np.eye"

    def infer_shape(self) -> Shape:
        return (self.total, self.count)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return selector(*(map_dim(d, dim) for d in (self.total, self.start, self.count)))


def selector(total: Dim, start: Dim, count: Dim) -> Expr:
    """Columns of ``eye(total)``, from ``start``."""
    if same_dim(total, count):
        return eye(total)
    if is_unit(count) and isinstance(start, int):
        return unit_vector(start, total)
    return Selector(total, start, count)


@dataclass(frozen=True, eq=False, repr=False)
class Slice(Operator):
    """Consecutive rows and columns of a matrix; None stands for the whole axis."""

    arg: Expr
    rows_taken: Range | None
    cols_taken: Range | None
    name = "(:)"
    latex = "#1_{:}"
    code = "#1[:]"
    structural = True

    def infer_shape(self) -> Shape:
        rows, cols = self.rows_taken, self.cols_taken
        return (rows[1] if rows else self.arg.rows, cols[1] if cols else self.arg.cols)

    def infer_sign(self) -> int:
        return self.arg.sign

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric and self.rows_taken == self.cols_taken

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        rows, cols = (_mapped(r, dim) for r in (self.rows_taken, self.cols_taken))
        return slice_of(operands[0], rows, cols)

    def entry(self, row: At, col: At) -> Term:
        factors: list[Term] = []
        bound: list[Index] = []
        ends: list[At] = []
        for taken, at, whole in ((self.rows_taken, row, self.arg.rows), (self.cols_taken, col, self.arg.cols)):
            i = axis(whole)
            if taken is None or i is None:
                ends.append(at)
                continue
            bound.append(i)
            ends.append(i)
            factors.append(Entry(selector(whole, *taken), i, at))
        term: Term = Times((*factors, Entry(self.arg, *ends)))
        for i in reversed(bound):
            term = Sum(i, term)
        return term

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        out = upstream
        if self.rows_taken:
            out = product(selector(self.arg.rows, *self.rows_taken), out)
        if self.cols_taken:
            out = product(out, transpose(selector(self.arg.cols, *self.cols_taken)))
        return out


def _mapped(taken: Range | None, dim: Callable[[Dim], Dim]) -> Range | None:
    return None if taken is None else (map_dim(taken[0], dim), map_dim(taken[1], dim))


def slice_of(e: Expr, rows: Range | None, cols: Range | None) -> Expr:
    """Rows and columns of ``e``, each by its first position from 1 and the number of them; None for all.

    Raises
    ------
    ShapeError
        If the positions are not among those of ``e``.
    """
    kept: list[Range | None] = []
    single = [0, 0]
    for k, (taken, whole, what) in enumerate(((rows, e.rows, "rows"), (cols, e.cols, "columns"))):
        if taken is not None:
            _require_inside(e, taken, whole, what)
        if taken is None or same_dim(taken[1], whole):
            kept.append(None)
        elif is_unit(taken[1]) and isinstance(taken[0], int):
            kept.append(None)
            single[k] = taken[0]
        else:
            kept.append(taken)
    if any(single):
        e = entry_at(e, *single)
    if kept == [None, None]:
        return e
    if isinstance(e, Slice):
        first, second = (_within(old, new) for old, new in zip((e.rows_taken, e.cols_taken), kept, strict=True))
        return slice_of(e.arg, first, second)
    if isinstance(e, Eye) and kept[0] is None and kept[1] is not None:
        return Selector(e.dim, *kept[1])
    return Slice(e, *kept)


def _within(old: Range | None, new: Range | None) -> Range | None:
    """A range of positions inside a range of positions."""
    if old is None or new is None:
        return old if new is None else new
    return plus_dim(old[0], new[0], -1), new[1]


def _require_inside(e: Expr, taken: Range, whole: Dim, what: str) -> None:
    start, count = taken
    last = plus_dim(start, count, -1)
    if _below(count, 1):
        raise ShapeError(f"{brief(e)}: the {what} {start} to {last}, counted from 1, are none")
    if _below(start, 1) or _below(whole, last):
        raise ShapeError(f"{brief(e)} is {shape_text((e.rows, e.cols))}: it has no {what} {start} to {last}, counted from 1")


def _below(a: Dim, b: Dim) -> bool:
    """Whether ``a`` is known to be less than ``b``, whatever the sizes are."""
    gap = sp.expand(sp.Add(a, -b))
    if not gap.free_symbols:
        return bool(gap < 0)
    return bool(all(c < 0 for c in sp.Poly(gap, *gap.free_symbols).coeffs()))


def disjoint(a: Range, b: Range) -> bool:
    """Whether two ranges of positions are known to have none in common."""
    return _below(plus_dim(a[0], a[1], -1), b[0]) or _below(plus_dim(b[0], b[1], -1), a[0])


Expr.hooks["slice"] = slice_of


# ------------------------------------------------------------------ side by side
class Stack(Operator, abstract=True):
    """Blocks along one axis."""

    args: tuple[Expr, ...]
    analytic = True

    def own_cost(self) -> int:
        return 1

    def infer_sign(self) -> int:
        return min(e.sign for e in self.args)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return type(self)(tuple(operands))  # type: ignore[call-arg]

    def lengths(self) -> list[Dim]:
        """The length of each block along the axis."""
        raise NotImplementedError

    def ranges(self) -> list[Range]:
        """Where each block stands along the axis."""
        lengths = self.lengths()
        return list(zip(accumulate([1, *lengths[:-1]], plus_dim), lengths, strict=True))

    def part(self, start: Dim, count: Dim) -> Expr | None:
        """The blocks that stand at these positions, if the ends are those of blocks."""
        ranges = self.ranges()
        for i, (first, _) in enumerate(ranges):
            if same_dim(first, start):
                width: Dim = 0
                for j in range(i, len(ranges)):
                    width = plus_dim(width, ranges[j][1])
                    if same_dim(width, count):
                        return self.args[i] if i == j else type(self)(self.args[i : j + 1])  # type: ignore[call-arg]
        return None

    def fitted(self, across: str, along: str) -> None:
        """Refuse blocks that differ across the axis."""
        first = self.args[0]
        for e in self.args[1:]:
            if not same_dim(getattr(e, across), getattr(first, across)):
                word = "rows" if across == "rows" else "columns"
                raise ShapeError(
                    f"{self.name} needs blocks with the same number of {word}: {named_shape(first)} and {named_shape(e)} differ"
                )


@dataclass(frozen=True, eq=False, repr=False)
class HStack(Stack):
    """Matrices side by side."""

    args: tuple[Expr, ...]
    name = "hstack"
    latex = "#1"
    code = "np.hstack"

    def infer_shape(self) -> Shape:
        self.fitted("rows", "cols")
        return (self.args[0].rows, plus_dim(*self.lengths()))

    def lengths(self) -> list[Dim]:
        return [e.cols for e in self.args]

    def differential(self, k: int, d: Expr) -> Expr:
        return product(d, transpose(selector(self.cols, *self.ranges()[k])))

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return slice_of(upstream, None, self.ranges()[k])


@dataclass(frozen=True, eq=False, repr=False)
class VStack(Stack):
    """Matrices on top of each other."""

    args: tuple[Expr, ...]
    name = "vstack"
    latex = "#1"
    code = "np.vstack"

    def infer_shape(self) -> Shape:
        self.fitted("cols", "rows")
        return (plus_dim(*self.lengths()), self.args[0].cols)

    def lengths(self) -> list[Dim]:
        return [e.rows for e in self.args]

    def differential(self, k: int, d: Expr) -> Expr:
        return product(selector(self.rows, *self.ranges()[k]), d)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return slice_of(upstream, self.ranges()[k], None)


def hstack(*blocks: object) -> Expr:
    """``hstack(A, B, ...)``: matrices with equally many rows, side by side."""
    return _stacked(HStack, blocks)


def vstack(*blocks: object) -> Expr:
    """``vstack(A, B, ...)``: matrices with equally many columns, on top of each other."""
    return _stacked(VStack, blocks)


def _stacked(cls: type[Stack], blocks: Sequence[object]) -> Expr:
    if len(blocks) == 1 and isinstance(blocks[0], (list, tuple)):
        blocks = tuple(blocks[0])
    if not blocks:
        raise OperandError(f"{cls.name} needs at least one block")
    args = tuple(as_expr(b) for b in blocks)
    return args[0] if len(args) == 1 else cls(args)  # type: ignore[call-arg]


def block(rows: Sequence[object]) -> Expr:
    """A matrix from its blocks, a list for each row of them.

    Parameters
    ----------
    rows : list of lists of Expr

    Raises
    ------
    ShapeError
        If the blocks of a row differ in height, or the rows in width.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, B, C, D = mc.symbols("A[m,n] B[m,p] C[q,n] D[q,p]")
    >>> M = mc.block([[A, B], [C, D]])
    >>> M
    vstack(hstack(A,B),hstack(C,D))
    >>> mc.vjp(M, B, "G")
    G(1:m,n+1:n+p)
    """
    if not isinstance(rows, (list, tuple)) or not rows:
        raise OperandError("block takes a list of rows of blocks, such as [[A, B], [C, D]]")
    return vstack(*(hstack(*r) if isinstance(r, (list, tuple)) else as_expr(r) for r in rows))
