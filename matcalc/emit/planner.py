"""Lowering: the form of every node, operands first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from matcalc.dims import is_unit
from matcalc.emit.backends import Backend
from matcalc.emit.bounds import Bounds
from matcalc.emit.chain import Factor, Segments, factor_of, runs_of
from matcalc.emit.contractions.mirrored import KnownHalf
from matcalc.emit.forms import Form, Forms
from matcalc.emit.networks.read import whole_stacks
from matcalc.emit.passes.shifts import shifted_exponentials
from matcalc.emit.sizes import Sizes
from matcalc.emit.values import Builder, Value
from matcalc.errors import UnsupportedError
from matcalc.expr import Entrywise, Expr, Operator, Product, Symbol, Transpose, brief
from matcalc.node import postorder
from matcalc.ops.complex import Conj, Imag, Real
from matcalc.ops.elementwise import Abs, Erf, Softplus
from matcalc.ops.linalg import Cholesky, Det, Inverse, LogDet, MatrixPower, Pinv
from matcalc.ops.reductions import LogSumExp, Norm1, Norm2, NormF, NormInf, Trace
from matcalc.ops.spectral import Nuclear, Spectral
from matcalc.ops.tensors import Einsum
from matcalc.ops.triangles import Tril

COMPLEX_CODE = (Conj, Real, Imag, Abs, Norm1, Norm2, NormF, NormInf, LogDet, Nuclear, Spectral, Pinv)  # besides the analytic
Lowering = Callable[["Planner", Any], Form]
LOWERINGS: dict[type[Expr], Lowering] = {}  # the others are entrywise functions, or have a template for matrices
ASKED_FIRST: list[Callable[[Planner, Expr], Form | None]] = []  # ways to lower some nodes, whatever their kind


def lowers(*kinds: type[Expr]) -> Callable[[Lowering], Lowering]:
    """Say that a function makes the form of expressions of these kinds, given the forms of their operands."""

    def register(function: Lowering) -> Lowering:
        LOWERINGS.update(dict.fromkeys(kinds, function))
        return function

    return register


class Planner:
    """Lowers expressions, operands first; those that are given count as arrays that exist already."""

    def __init__(
        self,
        outputs: Sequence[Expr],
        symbols: dict[str, Symbol],
        backend: Backend,
        sizes: Sizes,
        given: frozenset[Expr] = frozenset(),
    ) -> None:
        self.backend, self.sizes, self.given = backend, sizes, given
        self.b = Builder()
        self.f = Forms(self.b, sizes, backend, Bounds(symbols))
        self.symbols = symbols
        self.functions: list[str] = []
        self.halves: list[KnownHalf] = []
        self.nodes, self.written_out = with_definitions(outputs, given)
        self.f.bounds.real = not any(e.is_complex for e in self.nodes)
        self.uses: Counter[Expr] = Counter(outputs)
        self.uses.update(dict.fromkeys(given, 2))  # nothing looks into them
        self.formed: set[Expr] = {e for e in outputs if isinstance(e, Inverse)}
        self.integers = {e.name for e in symbols.values() if e.has("integer")}
        self.segments: Segments = {}
        self.stacks = whole_stacks(outputs, self.nodes) if backend.many_axes else set()
        self._look_around(outputs)
        self.shifted = shifted_exponentials(outputs)
        self.form: dict[Expr, Form] = {}
        for e in self.nodes:
            if e in given:
                self.form[e] = self.shaped(self.b.leaf("symbol", e), e)
            else:
                self.form[e] = self.form[self.written_out[e]] if e in self.written_out else self.lower(e)
            if backend.factors and e.symmetric and not e.is_scalar and not e.is_complex and self.form[e].kind == "full":
                self.f.solver.symmetric.add(self.form[e].value)

    def _look_around(self, outputs: Sequence[Expr]) -> None:
        """Count uses; find the inverses that are needed as matrices, and the runs of factors that chains share."""
        runs: Counter[tuple[Factor, ...]] = Counter()
        whole = set(outputs)
        for e in reversed(self.nodes):
            for c in [self.written_out[e]] if e in self.written_out else e.operands:
                self.uses[c] += 1
                if not isinstance(e, (Product, Trace, Det, LogDet)) and (not isinstance(e, Transpose) or e in whole):
                    whole.add(c)
                if isinstance(c, Inverse) and c in whole:
                    self.formed.add(c)
            if isinstance(e, MatrixPower):
                self.integers.update(s.name for s in e.exponent.symbols)
            if isinstance(e, Product):
                runs.update(runs_of([factor_of(a) for a in e.args]))
        self.segments = {run: k for run, k in runs.items() if k > 1}

    def output(self, e: Expr) -> Value:
        """The array that is returned."""
        v = self.f.full(self.form[e])
        if e.is_scalar:
            if v.code == "const" and isinstance(v.of, int):
                return self.b.const(float(v.of))
            return self.b.make("float(#1)", v) if v.integer else v
        inner = v.args[0] if v.code.startswith(("#1.T", "#1.reshape(")) else v
        if inner.code == "symbol":
            v = self.b.make("#1.copy()", v)
        return self.b.make("#1[None, :]", v) if is_unit(e.rows) and e.axes is None else v

    def value(self, e: Expr) -> Value:
        """The array of an operand."""
        return self.f.full(self.form[e])

    def shaped(self, v: Value, e: Expr) -> Form:
        """The form of a whole array of the shape of ``e``."""
        if v.shape is None and e.axes is not None:
            v.shape = e.axes
        return Form("full", v, e.rows, e.cols)

    def square(self, e: Expr) -> Value:
        """The array of a matrix that is factored; what is known of it chooses the factorisation."""
        v = self.f.plane(self.form[e])
        if is_lower(e):
            self.f.solver.lower.add(v)
        elif self.backend.factors and e.symmetric and not e.is_complex:  # of whatever form
            self.f.solver.symmetric.add(v)
        return v

    def lower(self, e: Expr) -> Form:
        """The form of a node, given those of its operands."""
        if isinstance(e, Operator) and any(c.is_complex for c in e.operands):
            require_complex_code(e)
        for ask in ASKED_FIRST:
            found = ask(self, e)
            if found is not None:
                return found
        handler = LOWERINGS.get(type(e))
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


def with_definitions(outputs: Sequence[Expr], given: frozenset[Expr] = frozenset()) -> tuple[list[Expr], dict[Expr, Expr]]:
    """All nodes, operands first, and the definitions of those that a user defined by a formula.

    Squares come as early as they can.
    """
    written_out: dict[Expr, Expr] = {}

    def children(e: Expr) -> tuple[Expr, ...]:
        if e in given:
            return ()
        if isinstance(e, Entrywise):
            definition = getattr(e, "definition", None)
            if definition is not None:
                written_out[e] = definition
                return (definition,)
        return e.operands

    nodes = list(postorder(outputs, children))
    first = [e for e in nodes if squares(e)]
    return list(postorder([*first, *outputs], children)) if first else nodes, written_out


def squares(e: Expr) -> bool:
    """Whether ``e`` may be computed from one half, which other expressions can then use."""
    return isinstance(e, Einsum) or (isinstance(e, Product) and len(e.args) > 3 and e.symmetric and not e.is_scalar)


def is_lower(e: Expr) -> bool:
    """Whether a matrix is known to be lower triangular."""
    return isinstance(e, (Cholesky, Tril)) or (isinstance(e, Symbol) and e.has("lower_triangular"))


def require_complex_code(e: Operator) -> None:
    """Refuse an operator whose code is for real arrays alone."""
    if not (e.analytic or isinstance(e, COMPLEX_CODE)) or isinstance(e, (Softplus, Erf, LogSumExp)):
        raise UnsupportedError(f"{e.name} has no code for complex arrays, in {brief(e)}")
