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
from matcalc.emit.parameters import Parameters, dimensions_in
from matcalc.emit.writing.templates import fill
from matcalc.emit.writing.write import Names

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
    given = {name: _name(name) for name in p.names}
    arrays = [c for c in arguments.checks if c.axes or (_is_scalar(c.name, p) and not runtime.SCALARS)]
    body = _by_place(e, args, given)
    tests = [_e("not #1", _name(args)), _e("not #1", _name(others))]
    for check in arguments.checks:
        if check not in arrays:
            lines, test = _other(e, check.name, p, strict, runtime)
            body += lines
            tests.append(test)
    if traced is not None:
        if arrays:
            tests.append(_same_type(e, [given[c.name] for c in arrays], runtime))
        body.append(ast.If(_all(tests), [_answer(e, e.constant("function", traced), given, unpack)], []))
        return _method(e, me, args, others, given, body)
    for kinds, is_complex in ((runtime.FLOATS, False), (runtime.COMPLEXES, True)):
        members = [given[c.name] for c in arrays if p.symbols[c.name].is_complex == is_complex]
        if members:
            tests += [_same_type(e, members, runtime), *_same_kind(e, members, kinds)]
    unpacked, fits = _sizes(e, arguments, {c.name: c.axes for c in arrays}, given)
    tests += [_e("#1.ndim == #2", given[name], ast.Constant(len(sizes))) for name, sizes in unpacked.items()]
    inner = [_assign(sizes, _e("#1.shape", given[name])) for name, sizes in unpacked.items()]
    body.append(ast.If(_all(tests), inner + _run(e, given, functions, choices, unpack, fits), []))
    return _method(e, me, args, others, given, body)


def _is_scalar(name: str, p: Parameters) -> bool:
    return name in p.symbols and name not in p.integers and p.symbols[name].is_scalar


def _by_place(e: _Entry, args: str, given: Mapping[str, ast.expr]) -> list[ast.stmt]:
    """Lines that take arguments by position, where all are given like that."""
    absent = e.constant("absent", ABSENT)
    if not given:
        return []
    whole = [_name(args), _e("#1(#2) == #3", e.constant("len", len), _name(args), ast.Constant(len(given)))]
    unnamed = [_e("#1 is #2", g, absent) for g in given.values()]
    return [ast.If(_all(whole + unnamed), [_assign(list(given), _name(args)), _assign(args, ast.Tuple([], ast.Load()))], [])]


def _other(
    e: _Entry, name: str, p: Parameters, strict: Collection[str], runtime: ModuleType
) -> tuple[list[ast.stmt], ast.expr]:
    """Lines that convert a parameter that is no array, and what must hold then."""
    here = _name(name)
    if name in p.functions:
        return [], _e("#1(#2)", e.constant("callable", callable), here)
    if name in p.sizes:
        e.size[p.sizes[name]] = name
        return [], _e("#1(#2) is #3 and #2 > 0", e.type, here, e.int)
    if name in p.integers:
        return [], _e("#1(#2) is #3", e.type, here, e.int)
    kinds = runtime.SCALARS_COMPLEX if p.symbols[name].is_complex else runtime.SCALARS
    allowed = [e.constant(k.__name__, k) for k in (kinds[:1] if name in strict else kinds)]
    convert = e.constant("plain", runtime.as_scalar if name in strict else runtime.plain)
    unusual = _e("#1(#2) is not #3", e.type, here, allowed[-1])
    lines: list[ast.stmt] = [ast.If(unusual, [_assign(name, _e("#1(#2)", convert, here))], [])]
    return lines, _any([_e("#1(#2) is #3", e.type, here, k) for k in allowed])


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


def _same_type(e: _Entry, members: list[ast.expr], runtime: ModuleType) -> ast.expr:
    """That all of these are the library's own arrays."""
    first, *others = (_e("#1(#2)", e.type, m) for m in members)
    return ast.Compare(first, [ast.Is() for _ in members], [*others, e.constant("array", runtime.ARRAY)])


def _same_kind(e: _Entry, members: list[ast.expr], kinds: Sequence[object]) -> list[ast.expr]:
    """That the numbers of all these arrays are of one of the kinds that need no conversion."""
    kind = e.names.new("kind")
    first = ast.NamedExpr(ast.Name(kind, ast.Store()), _e("#1.dtype", members[0]))
    others = [_e("#1.dtype", m) for m in members[1:]]
    same = ast.Compare(first, [ast.Is() for _ in others], others) if others else first
    return [same, _any([_e("#1 is #2", _name(kind), e.constant(f"kind{k}", d)) for k, d in enumerate(kinds)])]


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


def _assign(names: str | list[str], value: ast.expr) -> ast.stmt:
    if isinstance(names, str):
        return ast.Assign([ast.Name(names, ast.Store())], value)
    return ast.Assign([ast.Tuple([ast.Name(n, ast.Store()) for n in names], ast.Store())], value)


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
