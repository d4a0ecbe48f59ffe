"""``compile``: expressions to a function of arrays that checks its arguments."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any, NoReturn

from matcalc.dims import Dim, DimSymbol, is_unit
from matcalc.emit.backends import NUMPY, Backend
from matcalc.emit.libraries import backend_of
from matcalc.emit.plan import Plan, make_plan
from matcalc.emit.values import Builder
from matcalc.emit.write import Given, Names, Written, write_function
from matcalc.errors import OperandError, ShapeError
from matcalc.expr import Expr, Symbol, as_expr
from matcalc.names import Named
from matcalc.node import postorder

Unpack = Callable[[Any], Any]
Outputs = Expr | Sequence[Expr] | Mapping[str, Expr] | Named


def compile(outputs: Outputs, args: Sequence[Symbol | str] | None = None, *, backend: str = "numpy") -> Compiled:
    """A function of arrays that computes expressions.

    Parameters
    ----------
    outputs : Expr, or a list, tuple or dict of them, or Named
        What to compute; the call returns the same structure. Parts that have names keep them in the code.
    args : sequence of symbols or names, optional
        The order of the parameters. Default: the symbols by name, sorted; then the dimensions that
        no argument shows, then the unspecified functions.
    backend : str
        The array library: ``"numpy"``, ``"jax"``, ``"torch"`` or ``"array_api"``, the last for arrays of any library.

    Returns
    -------
    Compiled
        The callable; ``.source`` is the code it runs, ``.names`` lists its parameters.

    Raises
    ------
    UnsupportedError
        If there is no such backend, or it lacks a function.
    MatcalcError
        If the library is not installed.
    OperandError
        If ``args`` leaves out a symbol, or names one that does not occur.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> gradient = mc.compile(A.T @ (A @ x - b), [x, A, b])
    >>> gradient.source.splitlines()[-1].strip()
    'return A.T @ (A @ x - b)'
    >>> gradient([1.0, 1.0], A=[[1.0, 0.0], [0.0, 2.0]], b=[1.0, 1.0])
    array([0., 2.])
    """
    library = backend_of(backend)
    unpack, exprs = _structure(outputs)
    symbols = symbols_by_name(exprs, [a for a in args or () if isinstance(a, Symbol)])
    plan = make_plan(exprs, symbols, library)
    return Compiled(plan, exprs, parameters_of(plan, args), library, unpack)


@dataclass(frozen=True)
class Parameters:
    """What a function takes, in order: its symbols, dimensions and unspecified functions."""

    names: tuple[str, ...]
    symbols: dict[str, Symbol]
    sizes: dict[str, DimSymbol]  # the dimensions that are parameters
    functions: frozenset[str]
    shown: dict[DimSymbol, tuple[str, int]]  # the argument and the axis that a dimension is read off
    composite: tuple[Dim, ...]  # dimensions such as n + 1 that an argument has
    integers: frozenset[str]  # symbols that stay Python ints


@dataclass(frozen=True)
class Check:
    """How one argument is taken: the axes of its array, their dimensions, and what makes the array."""

    name: str
    ndim: int
    axes: tuple[tuple[int, Dim], ...]
    convert: Callable[[Any], Any]
    is_complex: bool = False


class Compiled:
    """A function of arrays made by ``compile``.

    Attributes
    ----------
    names : tuple of str
        The parameters, in order.
    function : callable
        The bare function, which takes float arrays (complex ones for complex symbols) in that order and checks nothing;
        ``jax.jit``, ``jax.grad``, ``jax.vmap`` and ``torch.compile`` take it.
    """

    def __init__(
        self, plan: Plan, exprs: Sequence[Expr], parameters: Parameters, backend: Backend, unpack: Unpack | None
    ) -> None:
        self.names = parameters.names
        self._parameters, self._backend, self._unpack = parameters, backend, unpack
        runtime = backend.runtime_module
        self._written = write_program(plan, exprs, parameters, backend, single=unpack is None)
        self.function: Callable[..., Any] = _make_function(self._written.definition, backend.namespace(self._written.helpers))
        not_arrays = {*parameters.sizes, *parameters.functions, *plan.integers}
        self._call = runtime.prepare(self.function, [k for k, name in enumerate(self.names) if name in not_arrays])
        self._array = runtime.ARRAY
        self._checks = [self._check_of(name, plan, runtime) for name in self.names]
        self._fast = [(c.ndim, c.axes, runtime.COMPLEX if c.is_complex else runtime.FLOAT, c.convert) for c in self._checks]
        self._known: dict[Dim, int] = {d: d for c in self._checks for _, d in c.axes if isinstance(d, int)}
        self._size_at = [(self.names.index(name), d) for name, d in parameters.sizes.items()]
        self._composite = [(d, _dim_function(d)) for d in parameters.composite]

    @cached_property
    def source(self) -> str:
        """The code of ``function``, with the imports that it needs."""
        b = self._backend
        modules = [] if b.first else [*b.also, (b.module, b.alias)]
        text = "".join(f"import {m}{f' as {alias}' if alias != m else ''}\n" for m, alias in modules)
        for module in sorted({b.module_of(h) for h in self._written.helpers}):
            text += f"\nfrom {module} import {', '.join(h for h in self._written.helpers if b.module_of(h) == module)}\n"
        return text + "\n\n" + ast.unparse(self._written.definition) + "\n"

    def __repr__(self) -> str:
        return f"<function of {', '.join(self.names) or 'nothing'} for {self._backend.name}; .source shows its code>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        extra: dict[DimSymbol, int] = {}
        given = list(args)
        if kwargs or len(args) != len(self._fast):
            given, extra = self._bind(args, kwargs)
        known = self._known.copy()
        array = self._array
        for k, (ndim, axes, dtype, convert) in enumerate(self._fast):
            value = given[k]
            if type(value) is not array or value.ndim != ndim or value.dtype is not dtype:
                value = given[k] = convert(value)
            for axis, dim in axes:
                if known.setdefault(dim, value.shape[axis]) != value.shape[axis]:
                    self._misfit(given)
        if extra or self._size_at or self._composite:
            self._check_sizes(given, known, extra)
        result = self._call(*given)
        return result if self._unpack is None else self._unpack(result)

    # ---------------------------------------------------------------- taking arguments
    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[DimSymbol, int]]:
        """The arguments in order, and dimensions that were given although an argument shows them."""
        names = self.names
        if len(args) > len(names):
            raise OperandError(f"{len(args)} arguments given, but there are {len(names)} parameters: {self._listed()}")
        values = dict(zip(names, args, strict=False))
        extra: dict[DimSymbol, int] = {}
        shown = {d.name: d for d in self._parameters.shown}
        for name, value in kwargs.items():
            if name in values:
                raise OperandError(f"{name} is given twice, by position and by name")
            if name in names:
                values[name] = value
            elif name in shown:
                extra[shown[name]] = _as_size(name, value)
            else:
                raise OperandError(f"there is no parameter {name}; the parameters are {self._listed()}")
        missing = [n for n in names if n not in values]
        if missing:
            raise OperandError(f"missing: {', '.join(missing)}; the parameters are {self._listed()}")
        return [values[n] for n in names], extra

    def _listed(self) -> str:
        return ", ".join(self.names) or "none"

    def _check_of(self, name: str, plan: Plan, runtime: Any) -> Check:
        p = self._parameters
        if name in p.sizes:
            return Check(name, -1, (), lambda value: _as_size(name, value))
        if name in p.functions:
            return Check(name, -1, (), lambda value: _as_function(name, value))
        s = p.symbols[name]
        if name in plan.integers:
            return Check(name, -1, (), lambda value: _as_integer(name, value))
        axes = axes_of(s)
        as_array = runtime.as_complex_array if s.is_complex else runtime.as_array
        wanted = _shape_text(s)

        def convert(value: Any) -> Any:
            if not axes and type(value) is float:
                return runtime.as_scalar(complex(value) if s.is_complex else value)
            a = as_array(name, value)
            shape = tuple(a.shape)
            if not axes and len(shape) <= 2 and all(n == 1 for n in shape):
                return runtime.as_scalar(a.reshape(()) if shape else a)
            if len(axes) == len(shape):
                return a
            unit = 1 if is_unit(s.cols) else 0
            if len(axes) == 1 and len(shape) == 2 and shape[unit] == 1:
                return a.reshape(-1)
            raise ShapeError(f"{name} is {wanted}, but the array given has shape {shape}")

        return Check(name, len(axes), tuple(axes), convert, s.is_complex)

    # ---------------------------------------------------------------- checking sizes
    def _misfit(self, given: Sequence[Any]) -> NoReturn:
        """Say which argument does not fit, and which one fixed the dimension before."""
        fixed: dict[Dim, tuple[str, int]] = {}
        for check, value in zip(self._checks, given, strict=True):
            shape = tuple(getattr(value, "shape", ()))
            wanted = _shape_text(self._parameters.symbols[check.name]) if check.axes else ""
            for axis, dim in check.axes:
                size = shape[axis]
                if isinstance(dim, int):
                    if size != dim:
                        raise ShapeError(f"{check.name} is {wanted}, but the array given has shape {shape}")
                    continue
                other, before = fixed.setdefault(dim, (check.name, size))
                if size != before:
                    where = f"{other} has {dim} = {before}"
                    raise ShapeError(f"{check.name} is {wanted}, but the array given has shape {shape}, while {where}")
        raise AssertionError("the sizes fit")

    def _check_sizes(self, given: Sequence[Any], known: dict[Dim, int], extra: Mapping[DimSymbol, int]) -> None:
        """Dimensions given as numbers, and dimensions such as ``m*n`` that follow from others."""
        p = self._parameters
        for dim, size in extra.items():
            if known[dim] != size:
                name, axis = p.shown[dim]
                shape = tuple(given[self.names.index(name)].shape)
                raise ShapeError(f"{dim} = {size} is given, but {name} has shape {shape}, so that {dim} = {shape[axis]}")
        for k, dim in self._size_at:
            known[dim] = given[k]
        for expr, function in self._composite:
            sizes = {d: known[d] for d in dimensions_in(expr)}
            expected = function(*sizes.values())
            if known[expr] != expected:
                name, axis = next((c.name, a) for c in self._checks for a, d in c.axes if d == expr)
                from_what = " and ".join(f"{d} = {n}" for d, n in sizes.items())
                raise ShapeError(
                    f"{name} is {_shape_text(p.symbols[name])}, but the array given has shape "
                    f"{tuple(given[self.names.index(name)].shape)}, while {expr} is {expected} with {from_what}"
                )


# -------------------------------------------------------------------- parameters
def _structure(outputs: Outputs) -> tuple[Unpack | None, list[Expr]]:
    """How the results are handed back, and the expressions in order."""
    if isinstance(outputs, Named):
        outputs = outputs.body
    if isinstance(outputs, Mapping):
        keys = list(outputs)
        return (lambda results: dict(zip(keys, results, strict=True))), [as_expr(e) for e in outputs.values()]
    if isinstance(outputs, list):
        return list, [as_expr(e) for e in outputs]
    if isinstance(outputs, tuple):
        return tuple, [as_expr(e) for e in outputs]
    return None, [as_expr(outputs)]


def symbols_by_name(exprs: Sequence[Expr], extra: Iterable[Symbol] = ()) -> dict[str, Symbol]:
    """The symbols by name, sorted."""
    found: dict[str, Symbol] = {}
    for e in postorder([*exprs, *extra], lambda e: e.operands):
        if isinstance(e, Symbol) and found.setdefault(e.name, e) is not e:
            other = found[e.name]
            raise OperandError(
                f"two different symbols are named {e.name}: {_shape_text(other)} {' '.join(other.facts)} and "
                f"{_shape_text(e)} {' '.join(e.facts)}".replace("  ", " ")
            )
    return dict(sorted(found.items()))


def parameters_of(plan: Plan, args: Sequence[Symbol | str] | None) -> Parameters:
    """The parameters in order: those asked for, then what is needed besides."""
    symbols = plan.symbols
    shown: dict[DimSymbol, tuple[str, int]] = {}
    composite: list[Dim] = []
    asked = [a.name if isinstance(a, Symbol) else str(a) for a in args] if args is not None else list(symbols)
    for name in asked:
        for axis, d in axes_of(symbols[name]) if name in symbols else ():
            if isinstance(d, DimSymbol):
                shown.setdefault(d, (name, axis))
            elif not isinstance(d, int) and d not in composite:
                composite.append(d)
    needed: set[DimSymbol] = {v.of for v in postorder(plan.outputs, lambda v: v.args) if isinstance(v.of, DimSymbol)}
    needed.update(d for e in composite for d in dimensions_in(e))
    sizes = {d.name: d for d in sorted(needed - shown.keys(), key=str)}
    functions = sorted(plan.functions)
    for name in [*sizes, *functions]:
        if name in symbols:
            raise OperandError(f"{name} is the name of a symbol and of a dimension or function: rename one of them")
    known = [*symbols, *sizes, *functions]
    for k, name in enumerate(asked):
        if name not in known:
            raise OperandError(f"args names {name}, which does not occur; {', '.join(known) or 'nothing'} does")
        if name in asked[:k]:
            raise OperandError(f"args names {name} twice")
    missing = [name for name in symbols if name not in asked]
    if missing:
        raise OperandError(f"args leaves out {', '.join(missing)}, which the expression uses")
    names = (*asked, *(n for n in [*sizes, *functions] if n not in asked))
    return Parameters(names, symbols, sizes, frozenset(functions), shown, tuple(composite), frozenset(plan.integers))


def axes_of(s: Symbol) -> list[tuple[int, Dim]]:
    """The axes of a symbol's array, where columns and rows have one."""
    return list(enumerate(s.axes if s.axes is not None else [d for d in (s.rows, s.cols) if not is_unit(d)]))


def _shape_text(e: Expr) -> str:
    """A shape as NumPy writes it, with names: ``(m, n)``."""
    return f"({', '.join(map(str, e.shape))}{',' if e.ndim == 1 else ''})"


def _as_size(name: str, value: Any) -> int:
    """A dimension given as a number."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
        raise OperandError(f"{name} is a dimension, a positive int, not {value!r}")
    return int(value.__index__())


def _as_integer(name: str, value: Any) -> int:
    """An integer scalar, as a Python int."""
    plain = value.item() if hasattr(value, "item") and getattr(value, "size", 0) == 1 else value
    if isinstance(plain, (int, float)) and plain == int(plain):
        return int(plain)
    raise OperandError(f"{name} is an integer exponent, not {value!r}")


def _as_function(name: str, value: Any) -> Any:
    if callable(value):
        return value
    raise OperandError(f"{name} is a function of an array, not {value!r}")


def dimensions_in(d: Dim) -> list[DimSymbol]:
    """The symbols in a dimension, sorted by name."""
    return [] if isinstance(d, int) else sorted((s for s in d.free_symbols if isinstance(s, DimSymbol)), key=lambda s: s.name)


# -------------------------------------------------------------------- code
def write_program(plan: Plan, exprs: Sequence[Expr], p: Parameters, backend: Backend, *, single: bool) -> Written:
    """The function definition, its parameters and dimensions under Python names."""
    names = Names({*backend.known_names, *backend.all_helpers})
    python = {name: names.new(name) for name in p.names}
    leaves: dict[object, ast.expr] = {}
    sources: dict[object, ast.expr] = {}
    for name in p.names:
        kind = "symbol" if name in p.symbols else "function"
        leaves[kind, name] = ast.Name(python[name], ast.Load())
    for name, d in p.sizes.items():
        leaves["dim", d] = ast.Name(python[name], ast.Load())
    for d, (name, axis) in p.shown.items():
        leaves["dim", d] = ast.Name(names.new(d.name), ast.Load())
        shape = ast.Attribute(ast.Name(python[name], ast.Load()), "shape", ast.Load())
        sources[d] = ast.Subscript(shape, ast.Constant(axis), ast.Load())
    lines = [f"{python[n]} : {_described(n, p)}" for n in p.names]
    returned = "Returns " + ", ".join("a scalar" if e.is_scalar else _shape_text(e) for e in exprs) + "."
    arrays = [n for n in p.names if n in p.symbols and n not in p.integers]
    arrays.sort(key=lambda n: (p.symbols[n].is_scalar, p.symbols[n].is_complex))  # numbers take the type of the first
    numbers = [n for n in arrays if p.symbols[n].is_scalar] if backend.scalars_are_numbers else []
    like = next((python[n] for n in arrays if n not in numbers), "")
    given = Given(tuple(python[n] for n in arrays), frozenset(numbers), like)
    docstring = "\n    ".join([*lines, "", returned, ""] if lines else [returned]).replace("    \n", "\n")
    return write_function(plan.outputs, [python[n] for n in p.names], leaves, sources, names, backend, docstring, single, given)


def _described(name: str, p: Parameters) -> str:
    if name in p.sizes:
        return "int, a dimension"
    if name in p.functions:
        return "function of an array"
    s = p.symbols[name]
    if is_unit(s.rows) and not is_unit(s.cols):
        return f"({s.cols},), a row"
    return "scalar" if s.is_scalar else _shape_text(s)


def _make_function(definition: ast.FunctionDef, namespace: dict[str, object]) -> Callable[..., Any]:
    """The function of a syntax tree, without running any code."""
    module = ast.fix_missing_locations(ast.Module([definition], []))
    code = builtins.compile(module, f"<matcalc {definition.name}>", "exec")
    body = next(c for c in code.co_consts if isinstance(c, CodeType))
    return FunctionType(body, {"__builtins__": builtins, **namespace}, definition.name)


def _dim_function(d: Dim) -> Callable[..., int]:
    """A composite dimension as a function of its symbols, sorted by name."""
    builder = Builder()
    symbols = dimensions_in(d)
    names = Names(())
    python = [names.new(s.name) for s in symbols]
    leaves: dict[object, ast.expr] = {("dim", s): ast.Name(n, ast.Load()) for s, n in zip(symbols, python, strict=True)}
    written = write_function([builder.dim(d)], python, leaves, {}, names, NUMPY, f"{d}", single=True)
    return _make_function(written.definition, {})
