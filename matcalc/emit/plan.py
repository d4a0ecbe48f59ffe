"""From expressions to a program: every distinct value once, in the cheapest order and form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from matcalc.dims import is_unit, plus_dim
from matcalc.emit.chain import Factor, Segments, entries, estimate, multiply_chain, run_key, split_chain
from matcalc.emit.forms import Form, Forms, Kind
from matcalc.emit.values import Builder, Value
from matcalc.errors import UnsupportedError
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Hadamard,
    Item,
    Let,
    Number,
    Ones,
    Operator,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    brief,
    coefficient,
    rational,
)
from matcalc.matrix_formulas import FormulaFrechet, FormulaMatrixFunction, on_eigenvalues, slopes_of
from matcalc.node import postorder
from matcalc.ops.blocks import HStack, Range, Selector, Slice, Stack, VStack
from matcalc.ops.complex import Conj, Imag, Real
from matcalc.ops.cross import Axial, Cross, CrossMatrix
from matcalc.ops.elementwise import Abs, Erf, Log, Polygamma, Sigmoid, Softplus
from matcalc.ops.linalg import Det, Inverse, LogDet, MatrixPower, Pinv
from matcalc.ops.matrix_functions import Frechet
from matcalc.ops.reductions import IsLargest, LogSumExp, Norm1, Norm2, NormF, NormInf, Prod, ProdOthers, Softmax, Total, Trace
from matcalc.ops.spectral import Nuclear, Spectral, SvdU, SvdV, SvdVals
from matcalc.ops.stacking import Commutation, Duplication, Elimination, ToeplitzBasis, Vech
from matcalc.ops.structure import Diag, Diagonal, Eye, Kron, Reshape, UnitVector, Vec, Zeros
from matcalc.ops.tensors import Einsum, TensorSymbol, Unstacked, is_tensor
from matcalc.ops.triangles import Cumsum, LowerOnes, RevCumsum
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient

COMPLEX_CODE = (Conj, Real, Imag, Abs, Norm1, Norm2, NormF, NormInf, LogDet, Nuclear, Spectral, Pinv)  # besides the analytic
LONG_SEGMENT = 6  # the longest run of factors that is looked for in other chains


@dataclass(frozen=True)
class Plan:
    """The values of the outputs, the symbols by name and the functions that the program calls."""

    outputs: list[Value]
    symbols: dict[str, Symbol]
    functions: list[str]
    integers: set[str]  # symbols that stay Python ints


def make_plan(outputs: Sequence[Expr], symbols: dict[str, Symbol]) -> Plan:
    """The program that computes ``outputs``."""
    planner = Planner(outputs, symbols)
    return Plan([planner.output(e) for e in outputs], symbols, planner.functions, planner.integers)


def with_definitions(outputs: Sequence[Expr]) -> tuple[list[Expr], dict[Expr, Expr]]:
    """All nodes, operands first, and the definitions of those that a user defined by a formula."""
    written_out: dict[Expr, Expr] = {}

    def children(e: Expr) -> tuple[Expr, ...]:
        if isinstance(e, Entrywise):
            definition = getattr(e, "definition", None)
            if definition is not None:
                written_out[e] = definition
                return (definition,)
        return e.operands

    return list(postorder(outputs, children)), written_out


class Planner:
    """Lowers expressions, operands first."""

    def __init__(self, outputs: Sequence[Expr], symbols: dict[str, Symbol]) -> None:
        self.b = Builder()
        self.f = Forms(self.b)
        self.symbols = symbols
        self.functions: list[str] = []
        self.nodes, self.written_out = with_definitions(outputs)
        self.uses: Counter[Expr] = Counter(outputs)
        self.formed: set[Expr] = {e for e in outputs if isinstance(e, Inverse)}
        self.integers = {e.name for e in symbols.values() if e.has("integer")}
        self.segments: Segments = {}
        self._look_around(outputs)
        self.form: dict[Expr, Form] = {}
        for e in self.nodes:
            self.form[e] = self.form[self.written_out[e]] if e in self.written_out else self.lower(e)

    def _look_around(self, outputs: Sequence[Expr]) -> None:
        """Count uses; find the inverses that are needed as matrices, and the runs of factors that chains share."""
        runs: Counter[tuple[Factor, ...]] = Counter()
        whole = set(outputs)
        for e in reversed(self.nodes):
            for c in [self.written_out[e]] if e in self.written_out else e.operands:
                self.uses[c] += 1
                if not isinstance(e, Product) and (not isinstance(e, Transpose) or e in whole):
                    whole.add(c)
                if isinstance(c, Inverse) and c in whole:
                    self.formed.add(c)
            if isinstance(e, MatrixPower):
                self.integers.update(s.name for s in e.exponent.symbols)
            if isinstance(e, Product):
                runs.update(_runs([_factor(a) for a in e.args]))
        self.segments = {run: k for run, k in runs.items() if k > 1}

    def output(self, e: Expr) -> Value:
        """The array that is returned."""
        v = self.f.full(self.form[e])
        if e.is_scalar:
            if v.code == "const" and isinstance(v.of, int):
                return self.b.const(float(v.of))
            return self.b.make("float(#1)", v) if v.integer else v
        inner = v.args[0] if v.code == "#1.T" else v
        if inner.code == "symbol":
            v = self.b.make("#1.copy()", v)
        return self.b.make("#1[None, :]", v) if is_unit(e.rows) and e.axes is None else v

    def value(self, e: Expr) -> Value:
        """The array of an operand."""
        return self.f.full(self.form[e])

    def shaped(self, v: Value, e: Expr) -> Form:
        """The form of a whole array of the shape of ``e``."""
        return Form("full", v, e.rows, e.cols)

    # ---------------------------------------------------------------- one node
    def lower(self, e: Expr) -> Form:
        """The form of a node, given those of its operands."""
        if isinstance(e, Operator) and any(c.is_complex for c in e.operands):
            require_complex_code(e)
        handler = HANDLERS.get(type(e))
        if handler is not None:
            return handler(self, e)
        assert isinstance(e, Operator)
        if isinstance(e, Entrywise):
            return self.entrywise(e)
        return self.by_matrices(e)

    def entrywise(self, e: Operator) -> Form:
        """A function of every entry, by its template."""
        return self.f.entrywise(lambda vs: self.b.make(e.code, *vs), [self.form[c] for c in e.operands], e.rows, e.cols)

    def by_matrices(self, e: Operator) -> Form:
        """An operator by its template, on arrays with two axes."""
        if "#" not in e.code:
            raise UnsupportedError(f"{e.name} has no code")
        v = self.b.make(e.code, *(self.f.plane(self.form[c]) for c in e.operands))
        operands = [self.form[c] for c in e.operands]
        if e.is_scalar and all(f.is_scalar for f in operands):
            v = self.b.make("np.reshape(#1, ())", v)
        elif (is_unit(e.rows) or is_unit(e.cols)) and not e.is_scalar and any(f.is_vector or f.is_scalar for f in operands):
            v = self.b.make("#1.reshape(-1)", v)
        return self.shaped(v, e)

    def any_axes(self, e: Expr) -> Form:
        """An operator by its template, which takes arrays of any number of axes."""
        assert isinstance(e, Operator)
        return self.shaped(self.b.make(e.code, *(self.value(c) for c in e.operands)), e)

    def symbol(self, e: Expr) -> Form:
        assert isinstance(e, Symbol)
        return self.shaped(self.b.leaf("symbol", e.name, integer=e.name in self.integers), e)

    def let(self, e: Expr) -> Form:
        assert isinstance(e, Let)
        inner = self.value(e.arg)
        v = self.b.leaf("let", e)
        v.code, v.args, v.name = "#1", (inner,), e.name
        return self.shaped(v, e)

    def add(self, e: Expr) -> Form:
        """A sum; the terms with a minus sign are subtracted, a positive one comes first."""
        order: list[tuple[bool, Form]] = []
        shape = (e.rows, e.cols)
        flat = is_unit(e.rows) or is_unit(e.cols)
        for t in e.operands:
            c, _ = coefficient(t)
            negative = c < 0 and isinstance(t, Hadamard)
            f = self.times(-c, t.operands[1:], t) if negative else self.form[t]
            if f.is_vector and not flat:
                kind: Kind = "all" if f.kind == "all" else "col" if is_unit(f.cols) else "row"
                f = Form(kind, f.value if kind == "all" else self.f.full(f), *shape)
            order.append((negative, f))
        lead = next((k for k, (negative, _) in enumerate(order) if not negative), 0)
        order.insert(0, order.pop(lead))
        first = order[0][0]
        if all(f.kind == "diag" for _, f in order):
            return Form("diag", self._sum([(s, f.value) for s, f in order], first), *shape)
        return self.f.entrywise(
            lambda vs: self._sum([(s, v) for (s, _), v in zip(order, vs, strict=True)], first), [f for _, f in order], *shape
        )

    def _sum(self, terms: Sequence[tuple[bool, Value]], negative: bool) -> Value:
        out = self.b.neg(terms[0][1]) if negative else terms[0][1]
        for minus, v in terms[1:]:
            out = self.b.sub(out, v) if minus else self.b.add(out, v)
        return out

    def hadamard(self, e: Expr) -> Form:
        c, _ = coefficient(e)
        return self.times(c, e.operands if rational(e.operands[0]) is None else e.operands[1:], e)

    def times(self, c: object, factors: Sequence[Expr], e: Expr) -> Form:
        """A rational number times factors, entry by entry; scalars meet the smallest array."""
        b = self.b
        scalars = [self.value(s) for s in factors if s.is_scalar]
        arrays = [a for a in factors if not a.is_scalar]
        number = b.rational(c)  # type: ignore[arg-type]
        s = b.fold(b.mul, [number, *scalars])
        if not arrays:
            return self.shaped(s, e)
        if len(arrays) == 1:
            return self.scaled_product(s, b.mul, arrays[0])
        body = self.f.entrywise(lambda vs: b.fold(b.mul, vs), [self.form[a] for a in arrays], e.rows, e.cols)
        return self.f.scale(s, body)

    def scaled_product(self, s: Value, combine: Callable[[Value, Value], Value], e: Expr) -> Form:
        """A scalar combined with a product, at the factor with the fewest entries if that has fewer than the result."""
        f = self.form[e]
        if isinstance(e, Product) and f.kind == "full" and self.uses[e] == 1 and not s.is_const(1):
            factors, origin = self.factors(e)
            options = [k for k, g in enumerate(factors) if g.kind not in ("inverse", "eye", "unit")]
            k = min(options, key=lambda k: entries(factors[k]), default=None)
            if k is not None and entries(factors[k]) < estimate(e.rows) * estimate(e.cols):
                factors[k] = self.f.scale(s, factors[k], combine)
                origin[k] = None
                return multiply_chain(self.f, factors, origin, self.segments)
        return self.f.scale(s, f, combine)

    def quotient(self, e: Expr) -> Form:
        assert isinstance(e, Quotient)
        if e.below.is_scalar and not e.above.is_scalar:
            return self.scaled_product(self.value(e.below), lambda s, v: self.b.div(v, s), e.above)
        return self.f.entrywise(lambda vs: self.b.div(*vs), [self.form[e.above], self.form[e.below]], e.rows, e.cols)

    def power(self, e: Expr) -> Form:
        assert isinstance(e, Power)
        exponent = rational(e.exponent)
        return self.f.entrywise(
            lambda vs: self.b.power(vs[0], vs[1], exponent), [self.form[e.base], self.form[e.exponent]], e.rows, e.cols
        )

    def log(self, e: Expr) -> Form:
        """A logarithm; of a determinant that is known to be positive without the determinant, which may overflow."""
        assert isinstance(e, Log)
        arg = e.arg
        if isinstance(arg, Det) and isinstance(arg.arg, Symbol) and arg.arg.has("psd"):
            return self.shaped(self.b.make("np.linalg.slogdet(#1)[1]", self.value(arg.arg)), e)
        if isinstance(arg, Sigmoid) and not arg.is_complex:
            b = self.b
            return self.f.entrywise(lambda vs: b.neg(b.make(Softplus.code, b.neg(vs[0]))), [self.form[arg.arg]], e.rows, e.cols)
        return self.entrywise(e)

    # ---------------------------------------------------------------- products
    def factors(self, e: Expr) -> tuple[list[Form], list[Factor]]:
        """The factors of a chain, and the expressions they come from; repeated columns and rows are taken apart."""
        found: list[Form] = []
        origin: list[Factor] = []
        stack: list[tuple[Expr, bool]] = [(e, False)]
        while stack:
            x, flip = stack.pop()
            if isinstance(x, Transpose) and self.uses[x] <= 1 and isinstance(x.arg, (Product, Transpose)):
                stack.append((x.arg, not flip))
            elif isinstance(x, Product) and (x is e or self.uses[x] <= 1):
                stack.extend((a, flip) for a in (x.args if flip else reversed(x.args)))
            else:
                f = self.f.transpose(self.form[x]) if flip else self.form[x]
                pieces = self._apart(f)
                found += pieces
                origin += [_factor(x, flip)] if len(pieces) == 1 else [None] * len(pieces)
        return found, origin

    def _apart(self, f: Form) -> list[Form]:
        one = self.b.const(1)
        if f.is_scalar or f.is_vector:
            return [f]
        match f.kind:
            case "col":
                return [Form("full", f.value, f.rows, 1), Form("all", one, 1, f.cols)]
            case "row":
                return [Form("all", one, f.rows, 1), Form("full", f.value, 1, f.cols)]
            case "all":
                return [Form("all", f.value, f.rows, 1), Form("all", one, 1, f.cols)]
            case _:
                return [f]

    def product(self, e: Expr) -> Form:
        return multiply_chain(self.f, *self.factors(e), self.segments)

    def transpose(self, e: Expr) -> Form:
        assert isinstance(e, Transpose)
        return self.form[e.arg] if e.arg.symmetric else self.f.transpose(self.form[e.arg])

    def inverse(self, e: Expr) -> Form:
        assert isinstance(e, Inverse)
        f = self.form[e.arg]
        if f.kind == "eye":
            return f
        if f.kind == "diag" or e.is_scalar:
            return Form(f.kind, self.b.div(self.b.const(1), f.value), e.rows, e.cols)
        lazy = Form("inverse", self.f.plane(f), e.rows, e.cols)
        return self.f.dense(lazy) if e in self.formed else lazy

    def only_product(self, e: Expr) -> bool:
        """Whether ``e`` is a product of matrices that nothing else needs as a whole."""
        return isinstance(e, Product) and self.uses[e] <= 1 and not (is_unit(e.rows) or is_unit(e.cols))

    def trace(self, e: Expr) -> Form:
        assert isinstance(e, Trace)
        scalars, arg = self.loose_scalars(e.arg)
        if not self.only_product(arg):
            return self.shaped(self.b.fold(self.b.mul, [*scalars, self.f.trace(self.form[arg])]), e)
        factors, origin = self.factors(arg)
        cut = next((k + 1 for k, f in enumerate(factors[:-1]) if is_unit(f.cols)), 0)
        if cut:  # a trace may start anywhere in its chain: here at a row
            turned = multiply_chain(self.f, factors[cut:] + factors[:cut], origin[cut:] + origin[:cut], self.segments)
        else:
            turned = self.f.diagonal_of_product(*split_chain(self.f, factors, origin, self.segments), sum_it=True)
        return self.shaped(self.b.fold(self.b.mul, [*scalars, self.f.full(turned)]), e)

    def loose_scalars(self, e: Expr) -> tuple[list[Value], Expr]:
        """The scalar factors of a multiple of one matrix, and that matrix."""
        if isinstance(e, Hadamard) and self.uses[e] <= 1:
            arrays = [a for a in e.args if not a.is_scalar]
            if len(arrays) == 1:
                return [self.value(s) for s in e.args if s.is_scalar], arrays[0]
        return [], e

    def diagonal(self, e: Expr) -> Form:
        assert isinstance(e, Diagonal)
        if e.arg.is_scalar:
            return self.form[e.arg]
        if not self.only_product(e.arg):
            return self.f.diagonal(self.form[e.arg])
        left, right = split_chain(self.f, *self.factors(e.arg), self.segments)
        return self.f.diagonal_of_product(left, right, sum_it=False)

    def total(self, e: Expr) -> Form:
        assert isinstance(e, Total)
        scalars, arg = self.loose_scalars(e.arg)
        if self.only_product(arg):
            factors, origin = self.factors(arg)
            one = self.b.const(1)
            if e.axis != 1:
                factors, origin = [Form("all", one, 1, arg.rows), *factors], [None, *origin]
            if e.axis != 0:
                factors, origin = [*factors, Form("all", one, arg.cols, 1)], [*origin, None]
            f = multiply_chain(self.f, factors, origin, self.segments)
        elif isinstance(arg, Hadamard) and self.uses[arg] <= 1 and arg.ndim == 1 and e.axis is None:
            *rest, last = arg.args
            f = self.f.multiply(self.f.transpose(self.times(1, rest, arg)), self.form[last])
            if not f.is_scalar:  # rows
                f = self.f.total(self.form[arg], None)
        else:
            f = self.f.total(self.form[arg], e.axis)
        return self.f.scale(self.b.fold(self.b.mul, scalars), f) if scalars else f

    # ---------------------------------------------------------------- structure
    def diag(self, e: Expr) -> Form:
        assert isinstance(e, Diag)
        if e.is_scalar:
            return self.form[e.arg]
        return Form("diag", self.value(e.arg), e.rows, e.cols)

    def constant(self, e: Expr) -> Form:
        """Ones, zeros, the identity."""
        kind: Kind = "eye" if isinstance(e, Eye) else "all"
        return Form(kind, self.b.const(0 if isinstance(e, Zeros) else 1), e.rows, e.cols)

    def unit(self, e: Expr) -> Form:
        assert isinstance(e, UnitVector)
        return Form("unit", self.b.const(e.position - 1), e.rows, e.cols)

    def item(self, e: Expr) -> Form:
        assert isinstance(e, Item)
        f = self.f.dense(self.form[e.arg])
        places = [self.b.const(p - 1) for p in (e.row, e.col) if p]
        if f.is_vector or (e.row and not e.col):
            code = "#1[#2]"
        else:
            code = "#1[#2, #3]" if e.row else "#1[:, #2]"
        if f.is_scalar or (f.is_vector and not (e.row if is_unit(f.cols) else e.col)):
            return Form("full", f.value, e.rows, e.cols)
        if f.is_vector:
            places = [self.b.const((e.row if is_unit(f.cols) else e.col) - 1)]
        return self.shaped(self.b.make(code, f.value, *places), e)

    def slice(self, e: Expr) -> Form:
        assert isinstance(e, Slice)
        f = self.f.dense(self.form[e.arg])
        ends = [self.ends(r) for r in (e.rows_taken, e.cols_taken) if r]
        values = [v for pair in ends for v in pair]
        if len(ends) == 2:
            code = "#1[#2:#3, #4:#5]"
        else:
            code = "#1[#2:#3]" if e.rows_taken or f.is_vector else "#1[:, #2:#3]"
        v = self.b.make(code, self.f.full(f), *values)
        if f.is_vector and e.is_scalar:
            v = self.b.make("#1[0]", v)
        elif not f.is_vector and (is_unit(e.rows) or is_unit(e.cols)):
            v = self.b.make("#1.reshape(-1)", v)
        if not f.is_vector and e.is_scalar:
            v = self.b.make("#1[0]", v)
        return self.shaped(v, e)

    def ends(self, taken: Range) -> tuple[Value, Value]:
        """The ends of a range as a slice counted from 0 has them."""
        return self.b.dim(plus_dim(taken[0], -1)), self.b.dim(plus_dim(*taken, -1))

    def selector(self, e: Expr) -> Form:
        assert isinstance(e, Selector)
        first, last = self.ends((e.start, e.count))
        code = "np.eye(#1)[:, #2]" if is_unit(e.count) else "np.eye(#1)[:, #2:#3]"
        return self.shaped(self.b.make(code, self.b.dim(e.total), first, *([] if is_unit(e.count) else [last])), e)

    def stack(self, e: Expr) -> Form:
        """Blocks along an axis; those of a vector have one axis."""
        assert isinstance(e, Stack)
        flat = is_unit(e.rows) or is_unit(e.cols)
        values = [self.f.plane(self.form[c]) for c in e.args]
        if flat:
            values = [self.b.make("np.reshape(#1, 1)", self.value(c)) if c.is_scalar else self.value(c) for c in e.args]
        axis = "" if flat or isinstance(e, VStack) else ", axis=1"
        code = f"np.concatenate(({', '.join(f'#{k}' for k in range(1, len(values) + 1))}){axis})"
        return self.shaped(self.b.make(code, *values), e)

    def vec(self, e: Expr) -> Form:
        assert isinstance(e, Vec)
        if e.is_scalar:
            return self.form[e.arg]
        return self.shaped(self._columns(self.form[e.arg]), e)

    def _columns(self, f: Form) -> Value:
        """The entries column by column."""
        v = self.f.full(f)
        if f.is_scalar:
            return self.b.make("np.reshape(#1, 1)", v)
        return v if f.is_vector else self.b.make("#1.reshape(-1)", self.b.transpose(v))

    def reshape(self, e: Expr) -> Form:
        assert isinstance(e, Reshape)
        v = self._columns(self.form[e.arg])
        if not (is_unit(e.rows) or is_unit(e.cols)):
            v = self.b.transpose(self.b.make("#1.reshape(#2, #3)", v, self.b.dim(e.cols), self.b.dim(e.rows)))
        return self.shaped(self.b.make("#1[0]", v) if e.is_scalar else v, e)

    def kron(self, e: Expr) -> Form:
        assert isinstance(e, Kron)
        x, y = self.form[e.left], self.form[e.right]
        if x.is_scalar or y.is_scalar:
            return self.f.multiply(x, y)
        if x.is_vector and y.is_vector and is_unit(x.cols) != is_unit(y.cols):
            column, row = (x, y) if is_unit(x.cols) else (y, x)
            return self.f.multiply(column, row)
        if x.is_vector and y.is_vector:
            return self.shaped(self.b.make(Kron.code, self.f.full(x), self.f.full(y)), e)
        return self.shaped(self.b.make(Kron.code, self.f.plane(x), self.f.plane(y)), e)

    def commutation(self, e: Expr) -> Form:
        assert isinstance(e, Commutation)
        return self.shaped(self.b.make("commutation(#1, #2)", *(self.b.dim(d) for d in e.dims)), e)

    def duplication(self, e: Expr) -> Form:
        assert isinstance(e, Duplication)
        return self.shaped(self.b.make("duplication(#1)", self.b.dim(e.dim)), e)

    def elimination(self, e: Expr) -> Form:
        assert isinstance(e, Elimination)
        return self.shaped(self.b.make("elimination(#1)", self.b.dim(e.dim)), e)

    def lower_ones(self, e: Expr) -> Form:
        assert isinstance(e, LowerOnes)
        return self.shaped(self.b.make(e.code, self.b.dim(e.dim)), e)

    def polygamma(self, e: Expr) -> Form:
        assert isinstance(e, Polygamma)
        order = self.b.const(e.order)
        return self.f.entrywise(lambda vs: self.b.make(e.code, *vs, order), [self.form[e.arg]], e.rows, e.cols)

    def cumulative(self, e: Expr) -> Form:
        assert isinstance(e, (Cumsum, RevCumsum))
        f = self.f.dense(self.form[e.arg])
        v = self.f.full(f)
        if f.is_scalar or (f.is_vector and is_unit(f.rows if e.axis == 0 else f.cols)):
            return f
        turned, axis = ("[::-1]", ", axis=0") if e.axis == 0 or f.is_vector else ("[:, ::-1]", ", axis=1")
        code = f"np.cumsum(#1{'' if f.is_vector else axis})"
        if isinstance(e, RevCumsum):
            code = code.replace("#1", f"#1{turned}") + turned
        return self.shaped(self.b.make(code, v), e)

    def toeplitz(self, e: Expr) -> Form:
        assert isinstance(e, ToeplitzBasis)
        return self.shaped(self.b.make("toeplitz_basis(#1)", self.b.dim(e.dim)), e)

    def vech(self, e: Expr) -> Form:
        assert isinstance(e, Vech)
        return self.shaped(self.b.make(e.code, self.f.plane(self.form[e.arg])), e)

    def einsum(self, e: Expr) -> Form:
        """A sum over named indices, whose stacked axes are taken apart before and put together after."""
        assert isinstance(e, Einsum)
        v = self.einsum_value(e, "".join(e.output))
        if e.is_plain:
            return self.shaped(v, e)
        shape = self.b.size(e.rows, e.cols)
        places = ", ".join(f"#{k}" for k in range(2, 2 + len(shape)))
        return self.shaped(self.b.make(f"#1.reshape({places})", v, *shape), e)

    def einsum_value(self, e: Einsum, output: str) -> Value:
        """The array with an axis for each letter of the output."""
        sizes = e.sizes
        operands = []
        for pair, arg in zip(e.inputs, e.args, strict=True):
            v = self.value(arg)
            if not is_tensor(arg) and max(map(len, pair)) > 1:
                parts = [self.b.dim(sizes[c]) for c in pair[0] + pair[1]]
                v = self.b.make(f"#1.reshape({', '.join(f'#{k}' for k in range(2, 2 + len(parts)))})", v, *parts)
            operands.append(v)
        spec = ",".join(e.shown_letters(pair, arg) for pair, arg in zip(e.inputs, e.args, strict=True))
        places = ", ".join(f"#{k}" for k in range(1, 1 + len(operands)))
        return self.b.make(f"np.einsum('{spec}->{output}', {places}, optimize=True)", *operands)

    def unstacked(self, e: Expr) -> Form:
        assert isinstance(e, Unstacked)
        letters = e.letters
        if letters is not None and isinstance(e.arg, Einsum):
            return self.shaped(self.einsum_value(e.arg, letters), e)
        stacked = [*reversed(e.rows_as), *reversed(e.cols_as)]
        split = len(e.rows_as)
        order = [*reversed(range(split)), *reversed(range(split, len(stacked)))]
        places = ", ".join(f"#{k}" for k in range(2, 2 + len(stacked)))
        code = f"#1.reshape({places}).transpose({', '.join(map(str, order))})"
        return self.shaped(self.b.make(code, self.f.plane(self.form[e.arg]), *(self.b.dim(d) for d in stacked)), e)

    def over_axis(self, e: Expr) -> Form:
        """Softmax, logsumexp and products."""
        assert isinstance(e, (Softmax, LogSumExp, Prod, ProdOthers))
        f = self.f.dense(self.form[e.arg])
        if f.is_scalar or (f.is_vector and e.axis is not None and is_unit(f.rows if e.axis == 0 else f.cols)):
            return f if isinstance(e, (LogSumExp, Prod)) else Form("all", self.b.const(1), e.rows, e.cols)
        if f.is_vector or e.axis is None:
            return self.shaped(self.b.make(e.code, f.value), e)
        return self.shaped(self.b.make(e.code.replace(")", ", axis=#2)"), f.value, self.b.const(e.axis)), e)

    def singular(self, e: Expr) -> Form:
        """Singular values, or singular vectors, both of which come from one decomposition."""
        assert isinstance(e, (SvdVals, SvdU, SvdV))
        a = self.f.plane(self.form[e.arg])
        if isinstance(e, SvdVals):
            return self.shaped(self.b.make(e.code, a), e)
        both = self.b.make("np.linalg.svd(#1, full_matrices=False)", a)
        v = self.b.make("#1[0]" if isinstance(e, SvdU) else "#1[2].T", both)
        if e.is_scalar or is_unit(e.rows) or is_unit(e.cols):
            v = self.b.make("np.reshape(#1, ())" if e.is_scalar else "#1.reshape(-1)", v)
        return self.shaped(v, e)

    def matrix_power(self, e: Expr) -> Form:
        assert isinstance(e, MatrixPower)
        exponent = self.value(e.exponent)
        return self.shaped(self.b.make(e.code, self.f.plane(self.form[e.base]), exponent), e)

    def frechet(self, e: Expr) -> Form:
        """A Frechet derivative, of as many directions as there are."""
        assert isinstance(e, Frechet)
        places = ", ".join(f"#{k + 1}" for k in range(len(e.operands)))
        v = self.b.make(f"{e.label}({places})", *(self.f.plane(self.form[c]) for c in e.operands))
        return self.shaped(self.b.make("np.reshape(#1, ())", v) if e.is_scalar else v, e)

    def by_eigenvalues(self, e: Expr) -> Form:
        """A function of a matrix by a formula, or its derivative: the formula and its slopes at the eigenvalues."""
        assert isinstance(e, (FormulaMatrixFunction, FormulaFrechet))
        directions = [self.f.plane(self.form[c]) for c in e.operands[1:]]
        system = self.b.make("eigensystem(#1)" if e.takes_complex else "real_eigensystem(#1)", self.f.plane(self.form[e.arg]))
        values = Symbol(f"eigenvalues {len(self.form)}", (e.rows, 1), ("complex",) if e.takes_complex else ())
        self.form[values] = Form("full", self.b.make("#1[1]", system), e.rows, 1)
        tables = [self.at_eigenvalues(on_eigenvalues(f, values), e) for f in slopes_of(e.function, e.scalar, len(directions))]
        count = len(tables)
        inside = ", ".join(f"#{k + 2}" for k in range(count))
        after = "".join(f", #{k + 2 + count}" for k in range(len(directions)))
        return self.shaped(self.b.make(f"by_eigenvalues(#1, ({inside},){after})", system, *tables, *directions), e)

    def at_eigenvalues(self, formula: Expr, e: Expr) -> Value:
        """A formula on the eigenvalues, as a vector."""
        for node in postorder([formula], lambda x: x.operands):
            if node not in self.form:
                self.form[node] = self.lower(node)
        f = self.form[formula]
        return self.f.full(f if not f.is_scalar else Form("all", f.value, e.rows, 1))

    def unspecified(self, e: Expr) -> Form:
        assert isinstance(e, (Unspecified, UnspecifiedGradient))
        name = e.function if isinstance(e, Unspecified) else f"d{e.function}"
        if name not in self.functions:
            self.functions.append(name)
        f = self.form[e.arg]
        given = self.f.plane(f) if f.is_vector and is_unit(f.rows) else self.f.full(f)
        v = self.b.make("#1(#2)", self.b.leaf("function", name), given)
        if isinstance(e, UnspecifiedGradient) and f.is_vector:
            v = self.b.make("#1.reshape(-1)", v)
        return self.shaped(v, e)


def require_complex_code(e: Operator) -> None:
    """Refuse an operator whose code is for real arrays alone."""
    if not (e.analytic or isinstance(e, COMPLEX_CODE)) or isinstance(e, (Softplus, Erf, LogSumExp)):
        raise UnsupportedError(f"{e.name} has no code for complex arrays, in {brief(e)}")


def _factor(e: Expr, flip: bool = False) -> Factor:
    """Where a factor comes from; vectors and symmetric matrices stand for their transposes too."""
    while isinstance(e, Transpose):
        e, flip = e.arg, not flip
    return e, flip and not e.symmetric


def _runs(row: list[Factor]) -> Iterator[tuple[Factor, ...]]:
    """The runs of factors in a chain, those that overlap an equal one left out."""
    n = len(row)
    longest = LONG_SEGMENT if n <= 2 * LONG_SEGMENT else 2
    last: dict[tuple[Factor, ...], int] = {}
    for i in range(n):
        for j in range(i + 2, min(n, i + longest) + 1):
            key = run_key(row[i:j])
            if last.get(key, 0) <= i:
                last[key] = j
                yield key


HANDLERS: dict[type[Expr], Callable[[Planner, Expr], Form]] = {
    Symbol: Planner.symbol,
    Number: lambda p, e: p.shaped(p.b.number(e.value), e),  # type: ignore[attr-defined]
    Let: Planner.let,
    Add: Planner.add,
    BroadcastAdd: Planner.add,
    Hadamard: Planner.hadamard,
    Quotient: Planner.quotient,
    Power: Planner.power,
    Log: Planner.log,
    Product: Planner.product,
    Transpose: Planner.transpose,
    Inverse: Planner.inverse,
    Trace: Planner.trace,
    Total: Planner.total,
    Diagonal: Planner.diagonal,
    Diag: Planner.diag,
    Ones: Planner.constant,
    Zeros: Planner.constant,
    Eye: Planner.constant,
    UnitVector: Planner.unit,
    Item: Planner.item,
    Slice: Planner.slice,
    Selector: Planner.selector,
    HStack: Planner.stack,
    VStack: Planner.stack,
    Vec: Planner.vec,
    Reshape: Planner.reshape,
    Kron: Planner.kron,
    Commutation: Planner.commutation,
    Duplication: Planner.duplication,
    Vech: Planner.vech,
    ToeplitzBasis: Planner.toeplitz,
    LowerOnes: Planner.lower_ones,
    Elimination: Planner.elimination,
    Polygamma: Planner.polygamma,
    Cumsum: Planner.cumulative,
    RevCumsum: Planner.cumulative,
    Unstacked: Planner.unstacked,
    Einsum: Planner.einsum,
    TensorSymbol: Planner.symbol,
    Softmax: Planner.over_axis,
    LogSumExp: Planner.over_axis,
    Prod: Planner.over_axis,
    ProdOthers: Planner.over_axis,
    SvdVals: Planner.singular,
    SvdU: Planner.singular,
    SvdV: Planner.singular,
    MatrixPower: Planner.matrix_power,
    Frechet: Planner.frechet,
    FormulaMatrixFunction: Planner.by_eigenvalues,
    FormulaFrechet: Planner.by_eigenvalues,
    Norm1: Planner.any_axes,
    Cross: Planner.any_axes,
    CrossMatrix: Planner.any_axes,
    Axial: Planner.any_axes,
    Norm2: Planner.any_axes,
    NormF: Planner.any_axes,
    NormInf: Planner.any_axes,
    IsLargest: Planner.any_axes,
    Unspecified: Planner.unspecified,
    UnspecifiedGradient: Planner.unspecified,
}
