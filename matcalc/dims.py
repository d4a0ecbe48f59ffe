"""Dimensions: positive integers, or symbols and expressions that stand for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

import sympy as sp

from matcalc.errors import OperandError, ShapeError

Dim: TypeAlias = int | sp.Expr
Shape: TypeAlias = tuple[Dim, Dim]  # rows and columns: a column is (n, 1), a scalar (1, 1)


class DimSymbol(sp.Symbol):
    """A symbolic dimension, told apart from scalar variables by its class."""

    __slots__ = ()

    def __new__(cls, name: str) -> DimSymbol:
        return super().__new__(cls, name, integer=True, positive=True)  # type: ignore[no-any-return, no-untyped-call]

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        return (self.name,), {}


def dims(names: str) -> tuple[DimSymbol, ...] | DimSymbol:
    """Symbolic dimensions, one for each name; a single name gives the dimension itself.

    Parameters
    ----------
    names : str
        Names separated by blanks or commas.

    Raises
    ------
    ShapeError
        If there is no name, or one is not an identifier.

    Examples
    --------
    >>> m, n = dims("m n")
    >>> m * n
    m*n
    """
    if not isinstance(names, str):
        raise OperandError(f"dims takes a string of names such as 'm n', not {type(names).__name__}")
    found = [n for n in re.split(r"[\s,]+", names.strip()) if n]
    if not found:
        raise ShapeError("dims needs at least one name, as in dims('m n')")
    for name in found:
        if not is_name(name):
            raise ShapeError(f"{name!r} is not a name for a dimension: use letters, digits and _, a letter first")
    made = tuple(DimSymbol(n) for n in found)
    return made[0] if len(made) == 1 else made


def is_name(text: str) -> bool:
    """Whether ``text`` can name a symbol: a letter, then letters, digits and underscores."""
    return re.fullmatch(r"[^\W\d_]\w*", text) is not None


def as_dim(value: object, what: str) -> Dim:
    """A dimension from what a user gives: an int, a symbol, or a polynomial in symbols."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        if isinstance(value, sp.Expr) and value.free_symbols and all(isinstance(s, DimSymbol) for s in value.free_symbols):
            return value
        if isinstance(value, sp.Integer):
            value = int(value)
        else:
            raise ShapeError(f"{what}: a dimension is a positive int or comes from dims(...), not {value!r}")
    size = int(value.__index__())
    if size < 1:
        raise ShapeError(f"{what}: a dimension must be at least 1, not {size}")
    return size


def is_unit(dim: Dim) -> bool:
    """Whether the dimension is the number 1."""
    return isinstance(dim, int) and dim == 1


def same_dim(a: Dim, b: Dim) -> bool:
    """Whether two dimensions are equal as polynomials."""
    if a is b:
        return True
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    if isinstance(a, sp.Symbol) and isinstance(b, sp.Symbol):
        return bool(a == b)
    return bool(a == b or sp.expand(a - b) == 0)


def times_dim(*dims: Dim) -> Dim:
    """The product of dimensions."""
    product: Dim = 1
    for d in dims:
        product = product * d
    return int(product) if isinstance(product, sp.Integer) else product


def divide_dim(a: Dim, b: Dim) -> Dim | None:
    """``a / b``, if it comes out even."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b if a % b == 0 else None
    result = sp.cancel(a / b)
    if sp.fraction(result)[1] != 1:
        return None
    return int(result) if isinstance(result, sp.Integer) else result


def plus_dim(*dims: Dim) -> Dim:
    """The sum of dimensions; a number below 1 may stand among them."""
    total = sp.expand(sp.Add(*dims))
    return int(total) if isinstance(total, sp.Integer) else total


def map_dim(d: Dim, dim: Callable[[Dim], Dim]) -> Dim:
    """``dim`` applied to a dimension, or, where it does not know that one, to the names in it."""
    after = dim(d)
    if after is not d or isinstance(d, int):
        return after
    return plus_dim(d.subs({s: dim(s) for s in d.free_symbols}, simultaneous=True))  # type: ignore[misc, arg-type]


def dim_text(d: Dim) -> str:
    """A dimension in the text syntax, without blanks: ``n+1``."""
    return str(d).replace("**", "^").replace(" ", "")


def shape_text(shape: Shape) -> str:
    """A shape as messages print it: ``m x n``, or ``scalar``."""
    if is_unit(shape[0]) and is_unit(shape[1]):
        return "scalar"
    return f"{shape[0]} x {shape[1]}"
