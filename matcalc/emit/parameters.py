"""The parameters of a compiled function: symbols, dimensions that no argument shows, and unspecified functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matcalc.dims import Dim, DimSymbol, is_unit
from matcalc.emit.plan import Plan
from matcalc.errors import OperandError
from matcalc.expr import Expr, Symbol, as_expr
from matcalc.names import Named
from matcalc.node import postorder

Unpack = Callable[[Any], Any]
Outputs = Expr | Sequence[Expr] | Mapping[str, Expr] | Named


@dataclass(frozen=True)
class Parameters:
    """What a function takes, in order: its symbols, dimensions and unspecified functions."""

    names: tuple[str, ...]
    symbols: dict[str, Symbol]
    sizes: dict[str, DimSymbol]  # the dimensions that are parameters
    functions: frozenset[str]
    shown: dict[DimSymbol, tuple[str, int]]  # the argument and the axis that a dimension is read off
    composite: tuple[Dim, ...]  # dimensions such as n + 1 that an argument has
    integers: frozenset[str] = frozenset()  # symbols that stay Python ints


def structure_of(outputs: Outputs) -> tuple[Unpack | None, list[Expr]]:
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
                f"two different symbols are named {e.name}: {shape_text(other)} {' '.join(other.facts)} and "
                f"{shape_text(e)} {' '.join(e.facts)}".replace("  ", " ")
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
    needed = plan.dimensions
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


def shape_text(e: Expr) -> str:
    """A shape as NumPy writes it, with names: ``(m, n)``."""
    return f"({', '.join(map(str, e.shape))}{',' if e.ndim == 1 else ''})"


def dimensions_in(d: Dim) -> list[DimSymbol]:
    """The symbols in a dimension, sorted by name."""
    return [] if isinstance(d, int) else sorted((s for s in d.free_symbols if isinstance(s, DimSymbol)), key=lambda s: s.name)


def bound(
    names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any], shown: Collection[str] = ()
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments in order, and those by name that are ``shown``: dimensions that an argument shows too."""
    listed = ", ".join(names) or "none"
    if len(args) > len(names):
        raise OperandError(f"{len(args)} arguments given, but there are {len(names)} parameters: {listed}")
    values = dict(zip(names, args, strict=False))
    extra: dict[str, Any] = {}
    for name, value in kwargs.items():
        if name in values:
            raise OperandError(f"{name} is given twice, by position and by name")
        if name in names:
            values[name] = value
        elif name in shown:
            extra[name] = value
        else:
            raise OperandError(f"there is no parameter {name}; the parameters are {listed}")
    missing = [n for n in names if n not in values]
    if missing:
        raise OperandError(f"missing: {', '.join(missing)}; the parameters are {listed}")
    return [values[n] for n in names], extra
