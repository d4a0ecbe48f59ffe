"""From a plan to a function: its parameters and dimensions under Python names, and no text that is run."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

from matcalc.dims import Dim, DimSymbol, is_unit
from matcalc.emit.backends import NUMPY, Backend
from matcalc.emit.parameters import Parameters, dimensions_in, shape_text
from matcalc.emit.plan import Plan
from matcalc.emit.values import Builder
from matcalc.emit.writing.write import Given, Names, Written, write_function
from matcalc.expr import Expr


def write_program(plan: Plan, exprs: Sequence[Expr], p: Parameters, backend: Backend, *, single: bool) -> Written:
    """The function definition, its parameters and dimensions under Python names."""
    names, python, leaves, sources = named_leaves(p, backend)
    lines = [f"{python[n]} : {_described(n, p)}" for n in p.names]
    returned = "Returns " + ", ".join("a scalar" if e.is_scalar else shape_text(e) for e in exprs) + "."
    arrays = [n for n in p.names if n in p.symbols and n not in p.integers]
    arrays.sort(key=lambda n: (p.symbols[n].is_scalar, p.symbols[n].is_complex))  # numbers take the type of the first
    numbers = [n for n in arrays if p.symbols[n].is_scalar] if backend.scalars_are_numbers else []
    like = next((python[n] for n in arrays if n not in numbers), "")
    given = Given(tuple(python[n] for n in arrays), frozenset(numbers), like)
    docstring = "\n    ".join([*lines, "", returned, ""] if lines else [returned]).replace("    \n", "\n")
    return write_function(
        plan.outputs, [python[n] for n in p.names], leaves, sources, names, backend, docstring, single, plan, given
    )


Leaves = dict[object, ast.expr]


def named_leaves(p: Parameters, backend: Backend) -> tuple[Names, dict[str, str], Leaves, Leaves]:
    """The names in use, those of the parameters, what stands for each leaf, and where dimensions are read off."""
    names = Names({*backend.known_names, *backend.all_helpers})
    python = {name: names.new(name) for name in p.names}
    leaves: Leaves = {}
    sources: Leaves = {}
    for name in p.names:
        kind = "symbol" if name in p.symbols else "function"
        leaves[kind, name] = ast.Name(python[name], ast.Load())
    for name, d in p.sizes.items():
        leaves["dim", d] = ast.Name(python[name], ast.Load())
    for d, (name, axis) in p.shown.items():
        leaves["dim", d] = ast.Name(names.new(d.name), ast.Load())
        shape = ast.Attribute(ast.Name(python[name], ast.Load()), "shape", ast.Load())
        sources[d] = ast.Subscript(shape, ast.Constant(axis), ast.Load())
    return names, python, leaves, sources


def _described(name: str, p: Parameters) -> str:
    if name in p.sizes:
        return "int, a dimension"
    if name in p.functions:
        return "function of an array"
    s = p.symbols[name]
    if is_unit(s.rows) and not is_unit(s.cols):
        return f"({s.cols},), a row"
    return "scalar" if s.is_scalar else shape_text(s)


def make_function(definition: ast.FunctionDef, namespace: dict[str, object]) -> Callable[..., Any]:
    """The function of a syntax tree, without running any code."""
    module = ast.fix_missing_locations(ast.Module([definition], []))
    code = builtins.compile(module, f"<matcalc {definition.name}>", "exec")
    body = next(c for c in code.co_consts if isinstance(c, CodeType))
    return FunctionType(body, {"__builtins__": builtins, **namespace}, definition.name)


def dim_function(d: Dim) -> Callable[..., int]:
    """A composite dimension as a function of its symbols, sorted by name."""
    builder = Builder()
    symbols = dimensions_in(d)
    names = Names(())
    python = [names.new(s.name) for s in symbols]
    leaves: dict[object, ast.expr] = {("dim", s): ast.Name(n, ast.Load()) for s, n in zip(symbols, python, strict=True)}
    written = write_function([builder.dim(d)], python, leaves, {}, names, NUMPY, f"{d}", single=True)
    return make_function(written.definition, {})


def size_of(d: Dim, known: Mapping[DimSymbol, int]) -> int:
    """A composite dimension, from the sizes of its symbols."""
    return dim_function(d)(*(known[s] for s in dimensions_in(d)))
