"""``compile(H, form="operator")``: a Hessian or a Jacobian as a linear map that holds its factors, not its entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from math import prod
from typing import Any

from matcalc.dims import Dim, DimSymbol, is_unit
from matcalc.emit.assemble import size_of
from matcalc.emit.backends import Backend
from matcalc.emit.compiled import RESULTS, Compiled
from matcalc.emit.compiled import compile as compile_arrays
from matcalc.emit.libraries import backend_of
from matcalc.emit.networks.hold import Blocks, applied, argument, blocks_of, held, matrix_of, solved_by_factors
from matcalc.emit.networks.read import Term, at_split, read_terms, splits, tensor_terms
from matcalc.emit.parameters import Outputs, dimensions_in
from matcalc.emit.sizes import Sizes
from matcalc.errors import MatcalcError, OperandError, ShapeError, UnsupportedError
from matcalc.expr import Expr, Symbol, as_expr
from matcalc.index import flat

ARGUMENT = "x"


def compile_operator(output: Outputs, args: Sequence[Symbol | str] | None = None, *, backend: str = "numpy") -> OperatorMaker:
    """A function of arrays that makes a ``LinearMap``: ``compile(output, args, form="operator")``."""
    if not isinstance(output, Expr) and isinstance(output, (list, tuple, Mapping)):
        raise OperandError('form="operator" takes one expression, a Hessian or a Jacobian; compile each of several by itself')
    return OperatorMaker(as_expr(output), args, backend_of(backend))


RESULTS["operator"] = compile_operator


class OperatorMaker:
    """Computes the factors of a linear map from arrays; made by ``compile(H, form="operator")``.

    Attributes
    ----------
    names : tuple of str
        The parameters, in order.
    rows, cols : Axes
        Those of what the map makes, and of what it takes.
    """

    def __init__(self, e: Expr, args: Sequence[Symbol | str] | None, backend: Backend) -> None:
        self.backend = backend
        self.rows, self.cols, terms = terms_of(e)
        self._held = held(terms, len(self.rows.apart), Sizes())
        self._factors = compile_arrays(self._held.arrays, args, backend=backend.name)
        self.names = self._factors.names
        self._programs: dict[str, Compiled | None] = {}

    @property
    def source(self) -> str:
        """The code that computes the factors."""
        return self._factors.source

    def __repr__(self) -> str:
        made_from = ", ".join(self.names) or "nothing"
        return f"<linear map made from {made_from} for {self.backend.name}; .source shows the code of its factors>"

    def __call__(self, *args: Any, **kwargs: Any) -> LinearMap:
        if not self._sized:  # all sizes are numbers
            return LinearMap(self, self._factors(*args, **kwargs), {})
        sizes = {name: kwargs.pop(name) for name in self._other_sizes if name in kwargs}
        factors = self._factors(*args, **kwargs)
        given = dict(zip(self.names, args, strict=False)) | kwargs | sizes
        return LinearMap(
            self, factors, {name: getattr(given[name], "shape", given[name]) for name in self._sized if name in given}
        )

    @cached_property
    def _sized(self) -> tuple[str, ...]:
        """The arguments that tell the sizes of the map."""
        shown = self._factors.shown
        found = {s for d in (*self.rows.apart, *self.cols.apart) for s in dimensions_in(d)}
        return tuple(sorted({name for s in found for name in (s.name, shown[s][0] if s in shown else s.name)}))

    @cached_property
    def _other_sizes(self) -> set[str]:
        """Dimensions that no factor needs, which may be given to say how large the map is."""
        return {s.name for d in (*self.rows.apart, *self.cols.apart) for s in dimensions_in(d)} - set(self.names)

    # ---------------------------------------------------------------- what the map does, made when it is first asked for
    def program(self, name: str) -> Compiled | None:
        """The code for ``applied``, ``solved``, ``blocks`` or ``dense``, from the factors; None where there is none."""
        if name not in self._programs:
            e = self._expression(name)
            self._programs[name] = None if e is None else compile_arrays(e, backend=self.backend.name)
        return self._programs[name]

    def _expression(self, name: str) -> Expr | None:
        h = self._held.turned if name.endswith("transposed") else self._held
        match name.split()[0]:
            case "applied":
                return applied(h, argument(h, ARGUMENT))
            case "solved":
                return solved_by_factors(h, argument(h.turned, ARGUMENT))
            case "blocks":
                return self.blocks.array
        return matrix_of(h.terms, h.rows)

    @cached_property
    def blocks(self) -> Blocks:
        """The map as blocks on a diagonal."""
        return blocks_of(self._held)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the factors in the programs."""
        return tuple(s.name for s in self._held.symbols)

    def size(self, d: Dim, given: Mapping[str, Any]) -> int:
        """A dimension, from the arguments of the call."""
        shown = self._factors.shown
        known: dict[DimSymbol, int] = {}
        for s in dimensions_in(d):
            if s.name in given:
                known[s] = int(given[s.name])
            elif s in shown and shown[s][0] in given:
                name, axis = shown[s]
                known[s] = _lengths(given[name])[axis]
            else:
                raise OperandError(f"{s.name} is not known: give it, as in {s.name}=4, where the map is made")
        return d if isinstance(d, int) else size_of(d, known)


@dataclass(frozen=True)
class Axes:
    """The axes of what a map makes or takes: its own, and with stacked ones taken apart. Unit axes are left out."""

    own: tuple[Dim, ...]
    apart: tuple[Dim, ...]


def terms_of(e: Expr) -> tuple[Axes, Axes, list[Term]]:
    """The axes of a linear map, of what it makes and what it takes, and its entries as terms with a place for each axis."""
    if e.axes is not None:
        rows, cols, terms = tensor_terms(e)
        if not rows or not cols:
            raise UnsupportedError(f'form="operator" takes a matrix, or the Jacobian of one array by another, not {e}')
        return Axes(rows, rows), Axes(cols, cols), terms
    row, col = (at_split(s, d) for s, d in zip(splits(e), (e.rows, e.cols), strict=True))
    made, taken = (Axes(() if is_unit(d) else (d,), tuple(i.dim for i in flat(at))) for d, at in ((e.rows, row), (e.cols, col)))
    return made, taken, read_terms(e, row, col)


def _lengths(shape: Any) -> Sequence[int]:
    """A shape, or that of a nested list."""
    return tuple(shape) if isinstance(shape, tuple) else tuple(import_module("numpy").shape(shape))


class LinearMap:
    """A Hessian or a Jacobian at a point, held as its factors.

    It is applied by ``matvec`` or ``@`` to an array of the shape of what was differentiated by, or to a flat vector of its
    entries, row by row as NumPy's ``ravel`` has them (a map in ``vec`` layout takes and makes vectors in that layout).

    Attributes
    ----------
    factors : tuple of arrays
    """

    def __init__(
        self, maker: OperatorMaker, factors: Sequence[Any], given: Mapping[str, Any], *, transposed: bool = False
    ) -> None:
        self._maker, self.factors, self._given, self._transposed = maker, tuple(factors), given, transposed

    # ---------------------------------------------------------------- shapes
    @cached_property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of the arrays that the map makes."""
        return self._sizes((self._maker.cols if self._transposed else self._maker.rows).own)

    @cached_property
    def argument_shape(self) -> tuple[int, ...]:
        """The shape of the arrays that the map takes."""
        return self._sizes((self._maker.rows if self._transposed else self._maker.cols).own)

    def _sizes(self, dims: Sequence[Dim]) -> tuple[int, ...]:
        return tuple(self._maker.size(d, self._given) for d in dims)

    @property
    def shape(self) -> tuple[int, int]:
        """The number of entries of results and of arguments, as a matrix has them."""
        return prod(self.result_shape), prod(self.argument_shape)

    @property
    def dtype(self) -> Any:
        """The type of the entries."""
        return getattr(self.factors[0], "dtype", None) if self.factors else None

    @property
    def nbytes(self) -> int:
        """The memory that the factors take, in bytes."""
        return sum(getattr(f, "nbytes", 8) for f in self.factors)

    @property
    def T(self) -> LinearMap:  # noqa: N802 - as arrays have it
        """The transposed map."""
        return LinearMap(self._maker, self.factors, self._given, transposed=not self._transposed)

    def __repr__(self) -> str:
        return f"<linear map with {len(self.factors)} factors, {self.nbytes} bytes>"

    # ---------------------------------------------------------------- what it does
    def matvec(self, x: Any) -> Any:
        """The map applied to an array of the shape ``argument_shape``, or to a flat vector of its entries."""
        return self._mapped("applied", x, self)

    def rmatvec(self, y: Any) -> Any:
        """The transposed map applied."""
        return self.T.matvec(y)

    def __matmul__(self, x: Any) -> Any:
        if not hasattr(x, "shape"):
            return NotImplemented
        return self.matvec(x)

    def dense(self) -> Any:
        """All entries, in an array with the axes of the results, then those of the arguments."""
        ends = (self.argument_shape, self.result_shape) if self._transposed else (self.result_shape, self.argument_shape)
        whole = self._run("dense").reshape(*ends[0], *ends[1])
        count, total = len(ends[0]), len(ends[0]) + len(ends[1])
        return _permuted(whole, [*range(count, total), *range(count)]) if self._transposed else whole

    def solve(self, y: Any) -> Any:
        """The array that the map takes to ``y``.

        The factors of a Kronecker product are solved with one by one, the blocks of a block-diagonal map each by itself;
        any other map is formed, and solved with as a matrix.

        Raises
        ------
        ShapeError
            If the map is not square.
        """
        if self.shape[0] != self.shape[1]:
            raise ShapeError(f"solve takes a square map, and this one makes {self.shape[0]} entries of {self.shape[1]}")
        return self._mapped("solved", y, self.T)

    def as_linear_operator(self) -> Any:
        """The map on flat vectors, as SciPy's iterative solvers take it."""
        try:
            from scipy.sparse.linalg import LinearOperator
        except ImportError:
            raise MatcalcError("as_linear_operator needs SciPy: pip install matcalculus[scipy]") from None

        def flat_of(act: Callable[[Any], Any]) -> Callable[[Any], Any]:
            return lambda x: act(x.reshape(-1)).reshape(-1)

        return LinearOperator(self.shape, matvec=flat_of(self.matvec), rmatvec=flat_of(self.rmatvec), dtype=self.dtype)

    # ---------------------------------------------------------------- inside
    def _mapped(self, name: str, x: Any, like: LinearMap) -> Any:
        """``x``, an argument of the map ``like``, taken to a result of that map: applied, or solved with."""
        m = self._maker
        takes, makes = (m.rows, m.cols) if like._transposed else (m.cols, m.rows)
        x = m.backend.runtime_module.as_array("the array", x)
        whole = x.ndim == len(takes.own) and x.ndim != 1  # its axes are looked at by the program itself
        if not whole or takes.apart != takes.own:
            shape = like.argument_shape
            whole = tuple(x.shape) == shape
            if not whole and (prod(x.shape) != prod(shape) or max(x.shape, default=1) != prod(x.shape)):
                raise ShapeError(
                    f"the map takes an array of shape {shape}, or a flat one of {prod(shape)} entries, "
                    f"not one of shape {tuple(x.shape)}"
                )
            x = x.reshape(self._sizes(takes.apart))
        program = f"{name} transposed" if self._transposed else name
        y = self._run(program, x) if m.program(program) is not None else self._solved(x)
        if not whole:
            return y.reshape(-1)
        return y if makes.apart == makes.own else y.reshape(like.result_shape)

    def _run(self, name: str, x: Any = None) -> Any:
        """A program on the factors and an array."""
        program = self._maker.program(name)
        assert program is not None
        values = dict(zip(self._maker.symbols, self.factors, strict=True))
        values[ARGUMENT] = x
        return program(*(values[n] if n in values else self._maker.size(DimSymbol(n), self._given) for n in program.names))

    def _solved(self, y: Any) -> Any:
        """By blocks on the diagonal, or as one matrix."""
        m = self._maker
        b = m.blocks
        rows, cols = self._sizes(m.rows.apart), self._sizes(m.cols.apart)
        count = prod(rows[r] for r, _ in b.tied)
        blocks = self._run("blocks").reshape(count, prod(rows[r] for r in b.rows), -1)
        ends, sizes = ([*(r for r, _ in b.tied), *b.rows], [*(c for _, c in b.tied), *b.cols]), cols
        if self._transposed:
            blocks, ends, sizes = _permuted(blocks, [0, 2, 1]), ends[::-1], rows
        right = _permuted(y, ends[0]).reshape(count, -1, 1)
        x = m.backend.solve_function()(blocks, right).reshape([sizes[k] for k in ends[1]])
        return _permuted(x, sorted(range(len(sizes)), key=ends[1].__getitem__))


def _permuted(a: Any, order: Sequence[int]) -> Any:
    """The array with its axes in another order, whatever the library calls that."""
    turn = getattr(a, "permute", None)
    return turn(*order) if turn is not None else a.transpose(order)
