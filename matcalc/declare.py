"""Declaring: symbols in Python, one by one or several in a line of text, and names for expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import sympy as sp

from matcalc.dims import Dim, DimSymbol, is_name, times_dim
from matcalc.errors import LimitError, MatcalcError, OperandError, ParseError, caret
from matcalc.expr import FACTS, Let, Symbol, as_expr, symbol
from matcalc.lex import Part, number, read, require_text

MAX_DIM = 10**9
MAX_DEGREE = 8
MAX_DIM_PARTS = 100

DECLARED = re.compile(r"[\s,]*(?:(?P<name>[^\W\d_]\w*)\s*(?P<shape>\[[^\[\]]*\])?\s*(?P<facts>\([^()]*\))?|(?P<end>\Z))")


def scalar(name: str, **facts: bool) -> Symbol:
    """A scalar variable.

    Parameters
    ----------
    name : str
        A letter, then letters, digits and underscores.
    **facts : bool
        What is known about it, such as ``positive=True`` or ``integer=True``.

    Raises
    ------
    MatcalcError
        If the name is not a name, or a fact is unknown.

    Examples
    --------
    >>> import matcalc as mc
    >>> mc.scalar("c").shape
    ()
    """
    return symbol(name, (), _facts(name, facts))


def vector(name: str, n: object, **facts: bool) -> Symbol:
    """A vector of length ``n``: a column in algebra, an array of shape ``(n,)`` in code.

    Parameters
    ----------
    name : str
        A letter, then letters, digits and underscores.
    n : int or dimension
        The length: a positive int, or made by ``dims``.
    **facts : bool
        What is known about it, such as ``positive=True`` or ``unit=True``.

    Raises
    ------
    MatcalcError
        If the name is not a name, or a fact is unknown.
    ShapeError
        If ``n`` is not a dimension.

    Examples
    --------
    >>> import matcalc as mc
    >>> mc.vector("x", mc.dims("n")).shape
    (n,)
    """
    return symbol(name, (n,), _facts(name, facts))


def matrix(name: str, m: object, n: object, **facts: bool) -> Symbol:
    """A matrix with ``m`` rows and ``n`` columns.

    Parameters
    ----------
    name : str
        A letter, then letters, digits and underscores.
    m, n : int or dimension
        Positive ints, or made by ``dims``.
    **facts : bool
        What is known about it, such as ``symmetric=True`` or ``psd=True``.

    Raises
    ------
    MatcalcError
        If the name is not a name, or a fact is unknown.
    ShapeError
        If a dimension is not one, or a fact such as ``symmetric`` needs a square matrix.

    Examples
    --------
    >>> import matcalc as mc
    >>> S = mc.matrix("S", 3, 3, symmetric=True)
    >>> S.shape, S.has("symmetric")
    ((3, 3), True)
    """
    return symbol(name, (m, n), _facts(name, facts))


def tensor(name: str, *axes: object) -> Symbol:
    """An array with three axes or more, for ``einsum`` and entrywise operations.

    Parameters
    ----------
    name : str
        A letter, then letters, digits and underscores.
    *axes : int or dimension
        The lengths of the axes; one or two make a vector or a matrix.

    Examples
    --------
    >>> import matcalc as mc
    >>> m, n, k = mc.dims("m n k")
    >>> T, A = mc.tensor("T", m, n, k), mc.matrix("A", n, k)
    >>> mc.grad(mc.einsum("ijk,jk->i", T, A).T @ mc.ones(m), A)
    einsum("kij->ij",T)
    """
    return symbol(name, axes)


def _facts(name: object, facts: dict[str, bool]) -> list[str]:
    for fact, value in facts.items():
        if not isinstance(value, bool):
            raise OperandError(f"{name}: {fact} is True or False, not {value!r}")
    return [fact for fact, value in facts.items() if value or fact not in FACTS]


def symbols(text: str) -> tuple[Symbol, ...] | Symbol:
    """Symbols from a line of text, one for each name; a single name gives the symbol itself.

    A name alone is a scalar, ``x[n]`` a vector, ``A[m,n]`` a matrix. Dimensions are numbers, names,
    and polynomials such as ``n+1`` or ``m*n``; what is known follows in round brackets.

    Parameters
    ----------
    text : str
        Declarations separated by blanks or commas.

    Raises
    ------
    ParseError
        If the text is empty or cannot be read, or declares a name twice with different shapes or facts.
    MatcalcError
        If a fact is unknown or does not fit the shape.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, c = mc.symbols("A[m,n] x[n] c")
    >>> A.shape, x.shape, c.shape
    ((m, n), (n,), ())
    >>> S = mc.symbols("S[n,n](symmetric)")
    >>> S.has("symmetric")
    True
    """
    found = read_symbols(require_text(text, "a declaration"))
    return found[0] if len(found) == 1 else found


@lru_cache(maxsize=256)
def read_symbols(text: str) -> tuple[Symbol, ...]:
    """The symbols that the text declares, in order."""
    found: list[Symbol] = []
    known: dict[str, Symbol] = {}
    position = 0
    while True:
        m = DECLARED.match(text, position)
        if m is None:
            at = position + len(text[position:]) - len(text[position:].lstrip(" \t\n\r,"))
            raise ParseError(_misread(text, at), text, at)
        if m.group("name") is None:
            if not found:
                raise ParseError("a declaration needs at least one name", text, 0)
            return tuple(found)
        made = _symbol(text, m)
        if known.setdefault(made.name, made) is not made:
            raise ParseError(f"{made.name} is declared twice, with different shapes or attributes", text, m.start("name"))
        found.append(made)
        position = m.end()


def _misread(text: str, at: int) -> str:
    c = text[at]
    if c in "[]":
        return f"this {c} has no partner: a shape is written A[m,n] or x[n], after a name"
    if c in "()":
        return f"this {c} has no partner: attributes are written S[n,n](symmetric), after the shape"
    return f"cannot read {c!r}: a declaration is a name, then a shape such as [m,n], then attributes such as (symmetric)"


def _symbol(text: str, m: re.Match[str]) -> Symbol:
    """The symbol of one declaration."""
    name, at = m.group("name"), m.start("name")
    stop = m.end()
    if stop < len(text) and text[stop] in "[(":
        raise ParseError(_misread(text, stop), text, stop)
    shape = read_shape(text, m.start("shape") + 1, m.end("shape") - 1) if m.group("shape") else ()
    facts = re.split(r"[\s,]+", m.group("facts")[1:-1].strip()) if m.group("facts") else []
    try:
        return symbol(name, shape, [f for f in facts if f])
    except MatcalcError as error:
        raise at_place(error, text, at) from None


def read_shape(text: str, start: int, end: int) -> tuple[Dim, ...]:
    """The dimensions in ``text[start:end]``, separated by commas."""
    found: list[Dim] = []
    first = start
    for piece in text[start:end].split(","):
        last = first + len(piece)
        if not piece.strip():
            raise ParseError("a dimension is missing: a shape is written [m,n] or [n]", text, first)
        parts = read(text, first, last)
        if len(parts) > MAX_DIM_PARTS:
            raise LimitError(f"a dimension of {len(parts)} parts is too long{caret(text, first)}")
        values: list[Dim] = []
        for part in parts:
            values.append(dim_value(text, part, [values[k] for k in part.args], DimSymbol))
        found.append(require_dim(text, parts[-1], values[-1]))
        first = last + 1
    return tuple(found)


def dim_value(text: str, part: Part, args: list[Dim], named: Callable[[str], Dim]) -> Dim:
    """The value of one part of a dimension such as ``n*(n+1)/2``, given those of its operands."""
    match part.kind, part.head:
        case "number", head if head.isdigit():
            return int(number(head))
        case "name", head:
            return named(head)
        case "prefix", sign:
            return args[0] if sign == "+" else -args[0]
        case "binary", "+":
            return _plain(args[0] + args[1])
        case "binary", "-":
            return _plain(args[0] - args[1])
        case "binary", "*":
            return _bounded(text, part, times_dim(*args))
        case "binary", "/" if isinstance(args[1], int) and args[1]:
            above = args[0]
            return _plain(sp.Rational(above, args[1]) if isinstance(above, int) else above / args[1])
        case "binary", "^" if isinstance(args[1], int) and 0 < args[1] <= MAX_DEGREE:
            return _bounded(text, part, _plain(args[0] ** args[1]))
    raise ParseError("a dimension is a positive integer, a name, or a polynomial in names such as n+1 or m*n", text, part.at)


def _plain(value: Dim) -> Dim:
    return int(value) if isinstance(value, sp.Integer) else value


def _bounded(text: str, part: Part, value: Dim) -> Dim:
    """Refuse numbers and polynomials that would be slow to compare."""
    if (abs(value) if isinstance(value, int) else 0) > MAX_DIM or _degree(value) > MAX_DEGREE:
        raise LimitError(f"this dimension is too large{caret(text, part.at)}")
    return value


def _degree(value: Dim) -> int:
    """An upper bound of the degree as a polynomial."""
    if isinstance(value, int) or value.is_number:
        return 0
    if isinstance(value, sp.Pow):
        return _degree(value.base) * int(value.exp)
    degrees = [_degree(a) for a in value.args if isinstance(a, sp.Expr)]
    return 1 if not degrees else sum(degrees) if value.is_Mul else max(degrees)


def require_dim(text: str, part: Part, value: Dim) -> Dim:
    """Refuse what cannot be a dimension."""
    if isinstance(value, int) and not 1 <= value <= MAX_DIM:
        raise ParseError(f"a dimension is at least 1 and at most {MAX_DIM}, not {value}", text, part.start)
    if not isinstance(value, int) and not value.free_symbols:
        raise ParseError(f"a dimension is a whole number, not {value}", text, part.start)
    return value


def at_place(error: MatcalcError, text: str, position: int) -> MatcalcError:
    """The same error, with the place in the text."""
    if isinstance(error, ParseError):
        return ParseError(error.reason, text, position)
    return type(error)(f"{error}{caret(text, position)}")


def let(name: str, expr: object) -> Let:
    """The expression under a name, which printing and derivations use instead of writing it out.

    Parameters
    ----------
    name : str
        A letter, then letters, digits and underscores.
    expr : Expr
        What the name stands for.

    Raises
    ------
    OperandError
        If the name is not a name, or ``expr`` not an expression.

    Examples
    --------
    >>> import matcalc as mc
    >>> W, x = mc.symbols("W[m,n] x[n]")
    >>> f = mc.let("f", W @ x)
    >>> f, f.shape
    (f, (m,))
    """
    if not isinstance(name, str) or not is_name(name):
        raise OperandError(f"{name!r} is not a name: use letters, digits and _, a letter first")
    return Let(name, as_expr(expr))
