"""The function that takes a call: it runs the bare function at once where every argument is what that takes.

What a careful reading of the arguments would find is written out for the parameters at hand, as comparisons of types
and sizes; whatever is not as expected is left to that careful reading, with its conversions and errors.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from typing import Any

from matcalc.dims import Dim, DimSymbol
from matcalc.emit.arguments import Arguments
from matcalc.emit.assemble import make_function
from matcalc.emit.parameters import dimensions_in
from matcalc.emit.templates import fill
from matcalc.emit.write import Names

UNWRITABLE = frozenset(("None", "True", "False", "__debug__"))  # names that no parameter can have in Python
ABSENT = object()  # stands for a parameter that was not given by name


@dataclass
class _Entry:
    """The entry function as it is written: ``known`` is what it finds by name besides its arguments."""

    names: Names
    known: dict[str, object] = field(default_factory=dict)
    size: dict[Dim, str] = field(default_factory=dict)  # the variables of dimensions

    def __post_init__(self) -> None:
        self.type, self.int = self.constant("type", type), self.constant("int", int)

    def constant(self, wanted: str, value: object) -> ast.expr:
        """A name for a value that the function needs."""
        name = self.names.new(wanted)
        self.known[name] = value
        return ast.Name(name, ast.Load())


def can_enter(names: Collection[str]) -> bool:
    """Whether Python can write a function with these parameters."""
    return UNWRITABLE.isdisjoint(names)


def make_entry(
    arguments: Arguments,
    strict: Collection[str],
    runtime: ModuleType,
    functions: Mapping[tuple[int, ...], Any],
    choices: Sequence[DimSymbol],
    traced: Any,
    unpack: Any,
) -> Any:
    """A method ``__call__(self, *args, **kwargs)`` for these parameters.

    It looks up the bare function in ``functions`` by the sizes of the dimensions ``choices``, or calls
    ``traced``, which looks at the sizes itself; what it does not take is left to ``self.with_care(args, values, others)``.
    """
    p = arguments.parameters
    e = _Entry(Names(p.names))
    me, args, others = e.names.new("self"), e.names.new("args"), e.names.new("others")
    absent = e.constant("absent", ABSENT)
    given = {name: ast.Name(name, ast.Load()) for name in p.names}
    body: list[ast.stmt] = []
    if given:
        targets = ast.Tuple([ast.Name(name, ast.Store()) for name in p.names], ast.Store())
        by_place = [_e("#1(#2) == #3", e.constant("len", len), _name(args), ast.Constant(len(p.names)))]
        unnamed = [_e("#1 is #2", g, absent) for g in given.values()]
        take = [ast.Assign([targets], _name(args)), ast.Assign([ast.Name(args, ast.Store())], ast.Tuple([], ast.Load()))]
        body.append(ast.If(_all([_name(args), *by_place, *unnamed]), list(take), []))
    tests, arrays = [_e("not #1", _name(args)), _e("not #1", _name(others))], []
    groups: dict[bool, list[ast.expr]] = {}
    for check in arguments.checks:
        here = given[check.name]
        if check.name in p.functions:
            tests.append(_e("#1(#2)", e.constant("callable", callable), here))
        elif check.name in p.sizes:
            tests.append(_e("#1(#2) is #3 and #2 > 0", e.type, here, e.int))
            e.size[p.sizes[check.name]] = check.name
        elif check.name in p.integers:
            tests.append(_e("#1(#2) is #3", e.type, here, e.int))
        elif check.axes or not runtime.SCALARS:
            groups.setdefault(p.symbols[check.name].is_complex, []).append(here)
            arrays.append(check)
        else:
            kinds = runtime.SCALARS_COMPLEX if p.symbols[check.name].is_complex else runtime.SCALARS
            usual = kinds[:1] if check.name in strict else kinds
            convert = e.constant("plain", runtime.as_scalar if check.name in strict else runtime.plain)
            allowed = [e.constant(k.__name__, k) for k in usual]
            unusual = _e("#1(#2) is not #3", e.type, here, allowed[-1])
            body.append(ast.If(unusual, [ast.Assign([ast.Name(check.name, ast.Store())], _e("#1(#2)", convert, here))], []))
            tests.append(_any([_e("#1(#2) is #3", e.type, here, k) for k in allowed]))
    for is_complex, members in groups.items():
        tests += _same_kind(e, members, runtime, runtime.COMPLEXES if is_complex else runtime.FLOATS)
    if traced is not None:
        body.append(ast.If(_all(tests), [_answer(e, e.constant("function", traced), given, unpack)], []))
        return _method(e, me, args, others, given, body)
    unpacked, fits = _sizes(e, arguments, {c.name: c.axes for c in arrays}, given)
    tests += [_e("#1.ndim == #2", given[name], ast.Constant(len(targets))) for name, targets in unpacked.items()]
    inner: list[ast.stmt] = [
        ast.Assign([ast.Tuple([ast.Name(t, ast.Store()) for t in targets], ast.Store())], _e("#1.shape", given[name]))
        for name, targets in unpacked.items()
    ]
    inner += _run(e, given, functions, choices, unpack, fits)
    body.append(ast.If(_all(tests), inner, []))
    return _method(e, me, args, others, given, body)


def _method(e: _Entry, me: str, args: str, others: str, given: Mapping[str, ast.expr], body: list[ast.stmt]) -> Any:
    """The function with these lines, which ends by leaving the call to the careful reading."""
    values = ast.Tuple(list(given.values()), ast.Load())
    last = ast.Return(_e("#1.with_care(#2, #3, #4)", _name(me), _name(args), values, _name(others)))
    keywords = [ast.arg(name) for name in given]
    parameters = ast.arguments([ast.arg(me)], [], ast.arg(args), keywords, [None] * len(keywords), ast.arg(others), [])
    made = make_function(ast.FunctionDef("__call__", parameters, [*body, last], [], None), e.known)
    made.__kwdefaults__ = dict.fromkeys(given, ABSENT)
    return made


def _answer(e: _Entry, function: ast.expr, given: Mapping[str, ast.expr], unpack: Any) -> ast.stmt:
    call: ast.expr = ast.Call(function, list(given.values()), [])
    return ast.Return(call if unpack is None else _e("#1(#2)", e.constant("unpack", unpack), call))


def _same_kind(e: _Entry, members: list[ast.expr], runtime: ModuleType, kinds: Sequence[object]) -> list[ast.expr]:
    """That all of these are the library's own arrays, of one of the kinds of numbers that need no conversion."""
    array = e.constant("array", runtime.ARRAY)
    kind = e.names.new("kind")
    first = ast.NamedExpr(ast.Name(kind, ast.Store()), _e("#1.dtype", members[0]))
    one = (
        ast.Compare(first, [ast.Is() for _ in members[1:]], [_e("#1.dtype", m) for m in members[1:]]) if members[1:] else first
    )
    known = _any([_e("#1 is #2", _name(kind), e.constant(f"kind{k}", d)) for k, d in enumerate(kinds)])
    types = ast.Compare(
        _e("#1(#2)", e.type, members[0]), [ast.Is() for _ in members], [*(_e("#1(#2)", e.type, m) for m in members[1:]), array]
    )
    return [types, one, known]


def _sizes(
    e: _Entry, arguments: Arguments, axes: Mapping[str, Sequence[tuple[int, Dim]]], given: Mapping[str, ast.expr]
) -> tuple[dict[str, list[str]], list[ast.expr]]:
    """The arrays that dimensions are read off, with the variables of their axes; and what must hold then."""
    unpacked: dict[str, list[str]] = {}
    fits: list[ast.expr] = []
    later: list[tuple[ast.expr, Dim]] = []
    composite = {d: e.constant("size", function) for d, function in arguments.composite}
    for name, dims in axes.items():
        if not any(isinstance(d, DimSymbol) and d not in e.size for _, d in dims):
            continue
        unpacked[name] = []
        for _, d in dims:
            variable = e.names.new(str(d) if isinstance(d, DimSymbol) else "k")
            unpacked[name].append(variable)
            if isinstance(d, DimSymbol) and d not in e.size:
                e.size[d] = variable
            else:
                later.append((_name(variable), d))

    def size(d: Dim) -> ast.expr:
        if isinstance(d, int):
            return ast.Constant(d)
        if isinstance(d, DimSymbol):
            return _name(e.size[d])
        return ast.Call(composite[d], [size(s) for s in dimensions_in(d)], [])

    fits += [_e("#1 == #2", variable, size(d)) for variable, d in later]
    for name, dims in axes.items():
        if name not in unpacked:
            fits.append(_e("#1.shape == #2", given[name], ast.Tuple([size(d) for _, d in dims], ast.Load())))
    return unpacked, fits


def _run(
    e: _Entry,
    given: Mapping[str, ast.expr],
    functions: Mapping[tuple[int, ...], Any],
    choices: Sequence[DimSymbol],
    unpack: Any,
    fits: list[ast.expr],
) -> list[ast.stmt]:
    """The call of the bare function where the sizes fit."""
    if choices:
        sizes = ast.Tuple([_name(e.size[d]) for d in choices], ast.Load())
        name = e.names.new("function")
        found = ast.NamedExpr(ast.Name(name, ast.Store()), _e("#1(#2)", e.constant("planned", functions.get), sizes))
        fits = [*fits, _e("#1 is not None", found)]
        function = _name(name)
    else:
        function = e.constant("function", functions[()])
    answer = _answer(e, function, given, unpack)
    return [ast.If(_all(fits), [answer], [])] if fits else [answer]


def _all(parts: list[ast.expr]) -> ast.expr:
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)


def _any(parts: list[ast.expr]) -> ast.expr:
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.Or(), parts)


def _name(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _e(template: str, *operands: ast.expr) -> ast.expr:
    """A piece of our own code with operands in place of ``#1``, ``#2``, ..."""
    out = fill(_parsed(template), operands)
    assert isinstance(out, ast.expr)
    return out


@lru_cache(maxsize=64)
def _parsed(template: str) -> ast.expr:
    return ast.parse(template.replace("#", "_arg"), mode="eval").body
