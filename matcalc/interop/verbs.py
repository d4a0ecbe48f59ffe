"""SymPy in, SymPy out: the one border at which every public verb takes SymPy's objects and gives them back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

import sympy as sp

from matcalc.dims import DimSymbol
from matcalc.errors import UnsupportedError
from matcalc.expr import Expr, ScalarAtom
from matcalc.interop.names import Names, basics
from matcalc.interop.reading import Reader
from matcalc.interop.writing import write
from matcalc.node import postorder

Verb = TypeVar("Verb", bound=Callable[..., Any])


def takes_sympy(verb: Verb) -> Verb:
    """The verb, which then takes SymPy objects wherever it takes expressions and symbols.

    Where its first argument is SymPy's through and through, so are the expressions in its result; where that holds an
    expression of ours, as ``sympy.log(mc.det(X))`` does, the result is ours.
    """

    @wraps(verb)
    def at_border(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        found = [b for value in given for b in basics(value) if not _is_number(b)]
        if not found:
            return verb(*args, **kwargs)
        names = Names(found)
        for e in [x for value in given for x in _ours(value)]:
            names.adopt(e)
        reader = Reader(names)
        result = verb(*(_taken(a, reader) for a in args), **{k: _taken(a, reader) for k, a in kwargs.items()})
        first = next(iter(given))
        return _given_back(result, names) if _is_sympy(first) and not list(_ours(first)) else result

    return cast("Verb", at_border)


def _is_sympy(value: object) -> bool:
    """Whether a value is SymPy's, or a list or dict of its objects."""
    return any(not _is_number(b) for b in basics(value))


def _is_number(b: sp.Basic) -> bool:
    return isinstance(b, (sp.Number, sp.NumberSymbol, DimSymbol))


def _ours(value: object) -> list[Expr]:
    """The expressions of ours in a value, those inside SymPy's scalars too."""
    if isinstance(value, Expr):
        return [value]
    if isinstance(value, Mapping):
        return [e for v in value.values() for e in _ours(v)]
    if isinstance(value, (list, tuple)):
        return [e for v in value for e in _ours(v)]
    atoms = postorder(basics(value), lambda b: b.args)
    return [b.expr for b in atoms if isinstance(b, ScalarAtom)]


def _taken(value: Any, reader: Reader) -> Any:
    """A value with ours in the place of SymPy's objects."""
    if isinstance(value, (sp.Basic, sp.MatrixBase, sp.NDimArray)):
        (b,) = basics(value)
        return value if _is_number(b) else reader.read(b)
    if isinstance(value, Mapping) and _is_sympy(value):
        return {k: _taken(v, reader) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and _is_sympy(value):
        return type(value)(_taken(v, reader) for v in value)
    return value


def _given_back(value: Any, names: Names) -> Any:
    """A result with SymPy's objects in the place of our expressions."""
    if isinstance(value, Expr):
        try:
            return write(value, names)
        except UnsupportedError as reason:
            raise UnsupportedError(f"{reason}; mc.from_sympy of the function gives the answer in matcalc's own form") from None
    if isinstance(value, Mapping):
        return {k: _given_back(v, names) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_given_back(v, names) for v in value)
    return value
