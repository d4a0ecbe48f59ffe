"""Forms: how the value of an expression is held before anybody needs all of its entries.

``diag(u)``, ``u*ones(n)'``, an identity or an inverse stay what they are until they meet something
that is cheaper with them than with the matrix they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from matcalc.dims import Dim, is_unit
from matcalc.emit.sizes import Sizes
from matcalc.emit.values import Builder, Value

Kind = Literal["full", "diag", "eye", "col", "row", "all", "inverse", "unit"]


@dataclass(frozen=True)
class Form:
    """A value with the way it is held.

    ``full``: the array itself. ``diag``: ``value`` on the diagonal. ``eye``: the identity. ``col``:
    the column ``value`` repeated; ``row``: the row repeated; ``all``: one scalar in every entry.
    ``inverse``: the inverse of ``value``. ``unit``: 1 at the position ``value``, from 0, of a vector.
    """

    kind: Kind
    value: Value
    rows: Dim
    cols: Dim

    @property
    def is_scalar(self) -> bool:
        """Whether it is 1 x 1."""
        return is_unit(self.rows) and is_unit(self.cols)

    @property
    def is_vector(self) -> bool:
        """Whether it is a column or a row."""
        return is_unit(self.rows) != is_unit(self.cols)


class Forms:
    """Arithmetic on forms; every result takes the cheapest form that is exact."""

    def __init__(self, builder: Builder, sizes: Sizes) -> None:
        self.b, self.sizes = builder, sizes

    def full(self, f: Form) -> Value:
        """The array with all its entries."""
        b = self.b
        match f.kind:
            case "full":
                return f.value
            case "diag":
                return b.make("np.diag(#1)", f.value)
            case "eye":
                return b.make("np.eye(#1)", b.dim(f.rows))
            case "inverse":
                return b.make("np.linalg.inv(#1)", f.value)
            case "unit":
                return b.make("unit_vector(#1, #2)", f.value, *b.size(f.rows, f.cols))
            case "col":
                return b.make("np.tile(#1[:, None], (1, #2))", f.value, b.dim(f.cols))
            case "row":
                return b.make("np.tile(#1, (#2, 1))", f.value, b.dim(f.rows))
            case "all":
                if f.is_scalar:
                    return f.value
                shape = b.size(f.rows, f.cols)
                if f.value.is_const(0):
                    return b.make("np.zeros(#1)" if len(shape) == 1 else "np.zeros((#1, #2))", *shape)
                ones = b.make("np.ones(#1)" if len(shape) == 1 else "np.ones((#1, #2))", *shape)
                return b.mul(f.value, ones)

    def dense(self, f: Form) -> Form:
        """The same with its entries filled in."""
        return f if f.kind == "full" else Form("full", self.full(f), f.rows, f.cols)

    def plane(self, f: Form) -> Value:
        """The array with two axes, for functions that know matrices only."""
        v = self.full(f)
        if f.is_scalar:
            return self.b.make("np.reshape(#1, (1, 1))", v)
        if f.is_vector:
            return self.b.make("#1[:, None]" if is_unit(f.cols) else "#1[None, :]", v)
        return v

    def transpose(self, f: Form) -> Form:
        """The transpose."""
        match f.kind:
            case "full" if f.is_scalar or f.is_vector:
                return Form("full", f.value, f.cols, f.rows)
            case "full" | "inverse":
                return Form(f.kind, self.b.transpose(f.value), f.cols, f.rows)
            case "col" | "row":
                return Form("row" if f.kind == "col" else "col", f.value, f.cols, f.rows)
            case _:
                return Form(f.kind, f.value, f.cols, f.rows)

    def entrywise(self, function: Callable[[list[Value]], Value], operands: Sequence[Form], rows: Dim, cols: Dim) -> Form:
        """A function of every entry; repeated rows, columns and scalars are left to NumPy's broadcasting."""
        flat = is_unit(rows) or is_unit(cols)
        ready = [f if f.kind in ("full", "all", "col", "row") else self.dense(f) for f in operands]
        kinds = {f.kind for f in ready if not f.is_scalar}
        if flat or "full" in kinds or {"col", "row"} <= kinds:
            spread = {"col": "#1[:, None]", "row": "#1[None, :]"}
            values = [self.b.make(spread[f.kind], f.value) if f.kind in spread and not f.is_scalar else f.value for f in ready]
            kind: Kind = "all" if flat and "full" not in kinds and not (is_unit(rows) and is_unit(cols)) else "full"
            return Form(kind, function(values), rows, cols)
        kind = "col" if "col" in kinds else "row" if "row" in kinds else "all"
        return Form(kind, function([f.value for f in ready]), rows, cols)

    def scale(self, s: Value, f: Form, combine: Callable[[Value, Value], Value] | None = None) -> Form:
        """A scalar times a form, or another ``combine(scalar, entries)`` that keeps zeros."""
        g = f if f.kind in ("full", "diag", "col", "row", "all") else self.dense(f)
        return Form(g.kind, (combine or self.b.mul)(s, g.value), g.rows, g.cols)

    def total(self, f: Form, axis: int | None) -> Form:
        """The sum of all entries, of every column (axis 0, a row) or of every row (axis 1, a column)."""
        b = self.b
        if axis is not None and is_unit(f.rows if axis == 0 else f.cols):
            return f
        if axis is None:
            if f.is_scalar:
                return f
            if not f.is_vector:
                if f.kind == "full":
                    return Form("full", b.make("np.sum(#1)", f.value), 1, 1)
                return self.total(self.total(f, 0), None)
            axis = 1 if is_unit(f.rows) else 0
        if axis == 1:
            return self.transpose(self.total(self.transpose(f), 0))
        cols = f.cols
        match f.kind:  # down the columns
            case "full" if f.is_vector:
                return Form("full", b.make("np.sum(#1)", f.value), 1, 1)
            case "full" if f.value.code == "#1.T":
                return Form("full", b.make("#1.sum(axis=1)", f.value.args[0]), 1, cols)
            case "full":
                return Form("full", b.make("#1.sum(axis=0)", f.value), 1, cols)
            case "diag":
                return Form("full", f.value, 1, cols)
            case "eye" | "unit":
                return Form("all", b.const(1), 1, cols)
            case "all":
                return Form("all", b.mul(b.dim(f.rows), f.value), 1, cols)
            case "col":
                return Form("all", b.make("np.sum(#1)", f.value), 1, cols)
            case "row":
                return Form("full", b.mul(b.dim(f.rows), f.value), 1, cols)
            case "inverse":
                return self.multiply(Form("full", self.full(Form("all", b.const(1), 1, f.rows)), 1, f.rows), f)

    def multiply(self, x: Form, y: Form) -> Form:
        """The matrix product."""
        b, rows, cols = self.b, x.rows, y.cols
        if x.is_scalar or y.is_scalar:
            s, f = (x, y) if x.is_scalar else (y, x)
            return self.scale(self.full(s), f)
        if x.kind == "eye":
            return y
        if y.kind == "eye":
            return x
        if x.kind in ("all", "col", "row"):
            return self._spread_times(x, y)
        if y.kind in ("all", "col", "row"):
            return self.transpose(self._spread_times(self.transpose(y), self.transpose(x)))
        if x.kind == "diag":
            return self._diag_times(x, y)
        if y.kind == "diag":
            return self._times_diag(x, y)
        if x.kind == "inverse":
            return Form("full", b.make("np.linalg.solve(#1, #2)", x.value, self.full(y)), rows, cols)
        if y.kind == "inverse":
            if is_unit(rows):
                solved = b.make("np.linalg.solve(#1, #2)", b.transpose(y.value), self.full(x))
            else:
                solved = b.transpose(b.make("np.linalg.solve(#1, #2)", b.transpose(y.value), b.transpose(self.full(x))))
            return Form("full", solved, rows, cols)
        if y.kind == "unit" and is_unit(cols) and x.kind == "full":
            return Form("full", b.make("#1[#2]" if x.is_vector else "#1[:, #2]", x.value, y.value), rows, cols)
        if x.kind == "unit" and is_unit(rows) and y.kind == "full":
            return Form("full", b.make("#1[#2]", y.value, x.value), rows, cols)
        return Form("full", self._dot(self.dense(x), self.dense(y)), rows, cols)

    def _dot(self, x: Form, y: Form) -> Value:
        b, p, q = self.b, x.value, y.value
        p.is_vector, q.is_vector = x.is_vector, y.is_vector
        if x.is_vector and y.is_vector:
            if is_unit(x.cols):
                return b.make("np.outer(#1, #2)", p, q)
            return b.known.get(("#1 @ #2", id(q), id(p))) or b.make("#1 @ #2", p, q)
        if x.is_vector:  # a row times a matrix, written so that it is shared with the column
            return b.make("#1 @ #2", b.transpose(q), p)
        if p.code == q.code == "#1.T" and ("#1 @ #2", id(q.args[0]), id(p.args[0])) in b.known:
            return b.transpose(b.make("#1 @ #2", q.args[0], p.args[0]))  # the transpose of a product that exists
        return b.make("#1 @ #2", p, q)

    def _spread_times(self, x: Form, y: Form) -> Form:
        """``x`` repeats a scalar, a column or a row."""
        rows, cols = x.rows, y.cols
        if x.kind == "row":
            line = self.multiply(Form("full", x.value, 1, x.cols), y)
            return self._repeat(line, rows, cols)
        line = self.total(y, 0)  # 1 x cols
        if x.kind == "all":
            return self._repeat(self.scale(x.value, line), rows, cols)
        return self.multiply(Form("full", x.value, rows, 1), line)

    def _repeat(self, line: Form, rows: Dim, cols: Dim) -> Form:
        """The row ``line`` (1 x cols) repeated ``rows`` times."""
        if is_unit(rows):
            return line
        if is_unit(cols):
            return Form("all", self.full(line), rows, cols)
        return Form("all", line.value, rows, cols) if line.kind == "all" else Form("row", self.full(line), rows, cols)

    def _diag_times(self, x: Form, y: Form) -> Form:
        u = x.value
        if y.kind == "diag":
            return Form("diag", self.b.mul(u, y.value), x.rows, y.cols)
        y = self.dense(y)
        left = u if y.is_vector else self.b.make("#1[:, None]", u)
        return Form("full", self.b.mul(left, y.value), x.rows, y.cols)

    def _times_diag(self, x: Form, y: Form) -> Form:
        x = self.dense(x)
        y.value.is_vector = True
        return Form("full", self.b.mul(x.value, y.value), x.rows, y.cols)

    def trace(self, f: Form) -> Value:
        """The sum of the diagonal."""
        if f.is_scalar:
            return self.full(f)
        if f.kind == "eye":
            return self.b.dim(f.rows)
        if f.kind in ("full", "inverse", "unit"):
            return self.b.make("np.trace(#1)", self.full(f))
        return self.full(self.total(self.diagonal(f), 0))

    def diagonal(self, f: Form) -> Form:
        """The diagonal as a column."""
        match f.kind:
            case "diag" | "col" | "row":
                return Form("full", f.value, f.rows, 1)
            case "eye":
                return Form("all", self.b.const(1), f.rows, 1)
            case "all":
                return Form("all", f.value, f.rows, 1)
            case _:
                return Form("full", self.b.make("np.diag(#1)", self.full(f)), f.rows, 1)

    def diagonal_of_product(self, x: Form, y: Form, *, sum_it: bool) -> Form:
        """The diagonal of ``x y``, or its sum, without the other entries."""
        b, n = self.b, x.rows
        if {x.kind, y.kind} <= {"full", "unit"} and not is_unit(x.cols):
            p, q = self.full(x), self.full(y)
            if sum_it:
                p, q = (b.transpose(p), q) if p.code == "#1.T" else (p, b.transpose(q))
                return Form("full", b.make("np.sum(#1)", b.mul(p, q)), 1, 1)
            return Form("full", b.make("#1.sum(axis=1)", b.mul(p, b.transpose(q))), n, 1)
        if "diag" in (x.kind, y.kind) and "inverse" not in (x.kind, y.kind):
            u, v = self.diagonal(x), self.diagonal(y)
            if sum_it:
                return self.multiply(self.transpose(u), v)
            return self.entrywise(lambda vs: b.mul(*vs), [u, v], n, 1)
        if x.is_vector and y.is_vector:
            u, v = self.dense(x), self.transpose(self.dense(y))
            return self.multiply(self.transpose(u), v) if sum_it else self.entrywise(lambda vs: b.mul(*vs), [u, v], n, 1)
        f = self.multiply(x, y)
        return Form("full", self.trace(f), 1, 1) if sum_it else self.diagonal(f)
