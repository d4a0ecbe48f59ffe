"""Forms: how the value of an expression is held before anybody needs all of its entries.

``diag(u)``, ``u*ones(n)'``, an identity or an inverse stay what they are until they meet something
that is cheaper with them than with the matrix they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from matcalc.dims import Dim, is_unit
from matcalc.emit.backends import Backend
from matcalc.emit.bounds import Bounds
from matcalc.emit.grams import are_transposed, symmetric_product, thin_product
from matcalc.emit.sizes import Sizes
from matcalc.emit.solver import Solver
from matcalc.emit.values import Builder, Value
from matcalc.emit.work import Ledger

REPEATED = "np.full(#1, #2)"  # the diagonal of a multiple of the identity
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

    def __post_init__(self) -> None:
        if self.value.shape is None:
            match self.kind:
                case "full" | "inverse":
                    axes = [d for d in (self.rows, self.cols) if not is_unit(d)]
                case "diag" | "col":
                    axes = [] if self.is_scalar else [self.rows]
                case "row":
                    axes = [self.cols]
                case _:
                    axes = []
            self.value.shape = tuple(axes)

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

    def __init__(self, builder: Builder, sizes: Sizes, backend: Backend, bounds: Bounds) -> None:
        self.b, self.sizes, self.backend, self.bounds = builder, sizes, backend, bounds
        self.ledger = Ledger()
        self.solver = Solver(builder, backend, self.ledger)

    def full(self, f: Form) -> Value:
        """The array with all its entries."""
        if f.kind == "full" or (f.kind == "all" and f.is_scalar):
            return f.value
        v = self._filled(f)
        return v if f.kind == "inverse" else self.ledger.note(v, passed=self.entries(f))

    def entries(self, f: Form) -> float:
        """How many entries the array of a form has."""
        return self.sizes.of(f.rows) * self.sizes.of(f.cols)

    def _filled(self, f: Form) -> Value:
        b = self.b
        match f.kind:
            case "full":
                return f.value
            case "diag" if f.value.code == REPEATED:
                return b.mul(f.value.args[1], b.make("np.eye(#1)", f.value.args[0]))
            case "diag":
                return b.make("np.diag(#1)", f.value)
            case "eye":
                return b.make("np.eye(#1)", b.dim(f.rows))
            case "inverse":
                return self.solver.inverse(f.value, self.sizes.of(f.rows))
            case "unit":
                return b.make("unit_vector(#1, #2)", f.value, *b.size(f.rows, f.cols))
            case "col":
                return b.make("np.tile(#1[:, None], (1, #2))", f.value, b.dim(f.cols))
            case "row":
                return b.make("np.tile(#1, (#2, 1))", f.value, b.dim(f.rows))
            case "all":
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
            case "inverse" if f.value in self.solver.symmetric:
                return f
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
            v = self.ledger.note(function(values), passed=self.sizes.of(rows) * self.sizes.of(cols) * max(1, len(values) - 1))
            return Form(kind, v, rows, cols)
        kind = "col" if "col" in kinds else "row" if "row" in kinds else "all"
        return Form(kind, function([f.value for f in ready]), rows, cols)

    def scale(self, s: Value, f: Form, combine: Callable[[Value, Value], Value] | None = None) -> Form:
        """A scalar times a form, or another ``combine(scalar, entries)`` that keeps zeros."""
        if f.kind == "eye" and not f.is_scalar:
            scalar = (combine or self.b.mul)(s, self.b.const(1))
            return Form("diag", self.b.make(REPEATED, self.b.dim(f.rows), scalar), f.rows, f.cols)
        g = f if f.kind in ("full", "diag", "col", "row", "all") else self.dense(f)
        v = (combine or self.b.mul)(s, g.value)
        if v is not g.value:
            self.ledger.note(v, passed=self.entries(g) if g.kind == "full" else 0)
        return Form(g.kind, v, g.rows, g.cols)

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
                    return Form("full", self.ledger.note(b.make("np.sum(#1)", f.value), read=self.entries(f)), 1, 1)
                return self.total(self.total(f, 0), None)
            axis = 1 if is_unit(f.rows) else 0
        if axis == 1:
            return self.transpose(self.total(self.transpose(f), 0))
        cols = f.cols
        match f.kind:  # down the columns
            case "full" if f.is_vector:
                return Form("full", b.make("np.sum(#1)", f.value), 1, 1)
            case "full" if f.value.code == "#1.T":
                return Form("full", self.ledger.note(b.make("#1.sum(axis=1)", f.value.args[0]), read=self.entries(f)), 1, cols)
            case "full":
                return Form("full", self.ledger.note(b.make("#1.sum(axis=0)", f.value), read=self.entries(f)), 1, cols)
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
            return Form("full", self.solver.solve(x.value, self.full(y), self.sizes.of(rows), self.sizes.of(cols)), rows, cols)
        if y.kind == "inverse":
            turned = self.full(x) if is_unit(rows) else b.transpose(self.full(x))
            solved = self.solver.solve(b.transpose(y.value), turned, self.sizes.of(cols), self.sizes.of(rows))
            return Form("full", solved if is_unit(rows) else b.transpose(solved), rows, cols)
        if y.kind == "unit" and is_unit(cols) and x.kind == "full":
            return Form("full", b.make("#1[#2]" if x.is_vector else "#1[:, #2]", x.value, y.value), rows, cols)
        if x.kind == "unit" and is_unit(rows) and y.kind == "full":
            return Form("full", b.make("#1[#2]", y.value, x.value), rows, cols)
        x, y = self.dense(x), self.dense(y)
        return Form("full", self.noted_product(x, y, self._dot(x, y)), rows, cols)

    def noted_product(self, x: Form, y: Form, v: Value) -> Value:
        """The cost of a product of arrays."""
        flops = 2 * self.entries(x) * self.sizes.of(y.cols)
        square = self.backend.blas and are_transposed(self, x, y)
        inner = v.args[0] if v.code == "#1.T" else v
        self.ledger.note(
            inner,
            flops=flops / 2 if square else flops,
            read=self.entries(x) + self.entries(y),
            passed=self.sizes.of(x.rows) * self.sizes.of(y.cols),
        )
        return v

    def _dot(self, x: Form, y: Form) -> Value:
        b, p, q = self.b, x.value, y.value
        if x.is_vector and y.is_vector:
            if is_unit(x.cols):
                return b.make("np.outer(#1, #2)", p, q)
            return b.known.get(("#1 @ #2", id(q), id(p))) or b.make("#1 @ #2", p, q)
        if x.is_vector:  # a row times a matrix, written so that it is shared with the column
            return b.make("#1 @ #2", b.transpose(q), p)
        turned = b.known.get(("#1 @ #2", id(self._turned(q)), id(self._turned(p))))
        if turned is not None and ("#1 @ #2", id(p), id(q)) not in b.known:
            return b.transpose(turned)  # of a product that exists
        if are_transposed(self, x, y):
            return symmetric_product(self, p, q)
        return thin_product(self, x, y) or b.make("#1 @ #2", p, q)

    def _turned(self, v: Value) -> Value:
        """The transpose of a matrix."""
        return v if v in self.solver.symmetric else self.b.transpose(v)

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
        if u.code == REPEATED:
            return self.scale(u.args[1], y)
        if y.kind == "diag":
            return Form("diag", self.b.mul(u, y.value), x.rows, y.cols)
        y = self.dense(y)
        left = u if y.is_vector else self.b.make("#1[:, None]", u)
        return Form("full", self.ledger.note(self.b.mul(left, y.value), passed=self.entries(y)), x.rows, y.cols)

    def _times_diag(self, x: Form, y: Form) -> Form:
        if y.value.code == REPEATED:
            return self.scale(y.value.args[1], x)
        x = self.dense(x)
        return Form("full", self.ledger.note(self.b.mul(x.value, y.value), passed=self.entries(x)), x.rows, y.cols)

    def trace(self, f: Form) -> Value:
        """The sum of the diagonal."""
        if f.is_scalar:
            return self.full(f)
        if f.kind == "eye":
            return self.b.dim(f.rows)
        if f.kind == "inverse" and (found := self.solver.trace_inverse(f.value, self.sizes.of(f.rows))) is not None:
            return found
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
                return Form("full", self.sum_of_products(p, q, self.entries(x)), 1, 1)
            return Form("full", b.make("#1.sum(axis=1)", b.mul(p, b.transpose(q))), n, 1)
        if "diag" in (x.kind, y.kind) and "inverse" not in (x.kind, y.kind):
            u, v = self.diagonal(x), self.diagonal(y)
            if sum_it:
                return self.multiply(self.transpose(u), v)
            return self.entrywise(lambda vs: b.mul(*vs), [u, v], n, 1)
        if x.is_vector and y.is_vector:
            u, v = self.dense(x), self.transpose(self.dense(y))
            return self.multiply(self.transpose(u), v) if sum_it else self.entrywise(lambda vs: b.mul(*vs), [u, v], n, 1)
        if sum_it and (found := self._trace_with_inverse(x, y) or self._trace_with_inverse(y, x)) is not None:
            return Form("full", found, 1, 1)
        f = self.multiply(x, y)
        return Form("full", self.trace(f), 1, 1) if sum_it else self.diagonal(f)

    def _trace_with_inverse(self, x: Form, y: Form) -> Value | None:
        """The trace of ``x inv(S)`` for a symmetric ``S``, whose inverse costs less than solving for a square ``x``."""
        if y.kind != "inverse" or x.kind != "full" or x.is_vector or y.value not in self.solver.symmetric:
            return None
        p = x.value.args[0] if x.value.code == "#1.T" else x.value
        return self.sum_of_products(p, self.full(y), self.entries(y))

    def sum_of_products(self, p: Value, q: Value, entries: float) -> Value:
        """The sum of the products of the entries of two arrays of one shape, in one pass where the library has it."""
        b = self.b
        if not self.backend.blas or not self.bounds.real:
            return b.make("np.sum(#1)", self.ledger.note(b.mul(p, q), passed=entries))
        return b.known.get(("np.vdot(#1, #2)", id(q), id(p))) or self.ledger.note(
            b.make("np.vdot(#1, #2)", p, q), read=2 * entries
        )
