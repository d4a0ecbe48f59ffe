"""Expressions as JSON: every node of the shared graph once, by its class and its parts, operands before what uses them.

A part is written by the type of its field, a row of ``KINDS`` for each; so a new operator needs no line here. Reading
checks every part by the same row, and builds nodes and SymPy formulas from closed lists of classes. No text is evaluated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair

from matcalc.dims import Dim, DimSymbol, as_dim, is_name
from matcalc.errors import LimitError, MatcalcError, OperandError, ParseError, UnsupportedError
from matcalc.expr import (
    SLOTS,
    Expr,
    GradientSymbol,
    Item,
    JacobianSymbol,
    Let,
    Number,
    Operator,
    Symbol,
    as_expr,
    named_shape,
    symbol,
)
from matcalc.matrix_formulas import COMPLEX, FormulaMatrixFunction
from matcalc.node import postorder
from matcalc.ops.structure import UnitVector, unit_vector
from matcalc.ops.tensors import TensorSymbol
from matcalc.scalar import HEADS, SHORT
from matcalc.userdefined import UserElementwise

FORMAT, VERSION = "matcalc", 1
MOST_TEXT = 100_000_000
DEEPEST = 100  # levels of a SymPy formula
MOST_DIGITS = 10_000

CONSTANTS = {"pi": sp.pi, "E": sp.E, "I": sp.I, "EulerGamma": sp.EulerGamma, "GoldenRatio": sp.GoldenRatio, "true": sp.true}
FORMULA = {  # what a formula may be made of, by its name
    cls.__name__: cls
    for cls in (
        sp.Add, sp.Mul, sp.Pow, sp.Max, sp.Min, sp.Piecewise, ExprCondPair, sp.Eq, sp.Ne, sp.Gt, sp.Ge, sp.Lt, sp.Le,
        sp.Heaviside, sp.polygamma, *HEADS, *SHORT,
    )
}  # fmt: skip


def to_json(e: object, *, indent: int | None = None) -> str:
    """An expression as JSON, from which ``from_json`` gives back the same object.

    The text is one object: ``format`` and ``version``, ``nodes``, a list in which each node stands once, after its
    operands, and ``root``, the place of the whole. A node has its class under ``op`` and its parts by their names: operands
    are places in the list, rational numbers are texts such as ``"1/3"``, dimensions are whole numbers or formulas, a formula
    is a list of a function's name and its arguments, with ``{"dim": "n"}`` and ``{"slot": 0}`` for its symbols.

    Parameters
    ----------
    e : Expr
    indent : int, optional
        As that of ``json.dumps``.

    Raises
    ------
    UnsupportedError
        If a formula of the user's own holds a SymPy function that has no name here.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x = mc.symbols("A[m,n] x[n]")
    >>> text = mc.to_json(A @ x)
    >>> text[:60]
    '{"format": "matcalc", "version": 1, "root": 2, "nodes": [{"o'
    >>> mc.from_json(text) is A @ x
    True
    """
    return json.dumps(graph(as_expr(e)), indent=indent)


def graph(root: Expr) -> dict[str, Any]:
    """The object that ``to_json`` writes."""
    place: dict[Expr, int] = {}
    nodes: list[dict[str, Any]] = []
    for node in postorder([root], lambda e: e.operands):
        written: dict[str, Any] = {"op": type(node).__name__}
        for name, kind in _fields(type(node)):
            written[name] = kind.write(getattr(node, name), place)
        place[node] = len(nodes)
        nodes.append(written)
    return {"format": FORMAT, "version": VERSION, "root": place[root], "nodes": nodes}


def from_json(text: object) -> Expr:
    """The expression that ``to_json`` wrote: the same object.

    Parameters
    ----------
    text : str

    Raises
    ------
    ParseError
        If the text is not JSON, or says something else than an expression; the message names the node.
    ShapeError
        If operands do not fit.
    LimitError
        If the text is too long.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x = mc.symbols("A[m,n] x[n]")
    >>> mc.from_json(mc.to_json(A @ x)) is A @ x
    True
    """
    if not isinstance(text, (str, bytes, bytearray)):
        raise OperandError(f"from_json takes text, not {type(text).__name__}")
    if len(text) > MOST_TEXT:
        raise LimitError(f"a JSON text of {len(text)} characters is too long")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as reason:
        raise ParseError(f"the text is not JSON: {reason}") from None
    return from_graph(found)


def from_graph(found: object) -> Expr:
    """The expression of the object that ``graph`` makes."""
    _require(isinstance(found, dict) and found.get("format") == FORMAT, 'the object has no "format": "matcalc"')
    assert isinstance(found, dict)
    _require(found.get("version") == VERSION, f"version {found.get('version')!r} is not known here; {VERSION} is")
    _require(set(found) == {"format", "version", "root", "nodes"}, "the object has format, version, root and nodes")
    _require(isinstance(found["nodes"], list) and bool(found["nodes"]), "nodes is a list of at least one node")
    built: list[Expr] = []
    for k, written in enumerate(found["nodes"]):
        try:
            built.append(_node(written, built))
        except MatcalcError as reason:
            raise type(reason)(f"node {k}: {reason}") from None
        except (TypeError, ValueError, ArithmeticError, LookupError, AssertionError, AttributeError, RecursionError) as reason:
            raise ParseError(f"node {k}: {type(reason).__name__}: {reason}") from None
    return built[_place(found["root"], built)]


def _node(written: object, built: list[Expr]) -> Expr:
    """One node, its parts checked by their types."""
    _require(isinstance(written, dict) and isinstance(written.get("op"), str), 'a node is an object with "op"')
    assert isinstance(written, dict)
    cls = _classes().get(written["op"])
    _require(cls is not None, f"there is no operator {written['op']!r}")
    assert cls is not None
    rows = list(_fields(cls))
    _require(set(written) == {"op", *(name for name, _ in rows)}, f"{cls.__name__} has {', '.join(name for name, _ in rows)}")
    parts = {}
    for name, kind in rows:
        try:
            parts[name] = kind.read(written[name], built)
        except MatcalcError as reason:
            raise type(reason)(f"{cls.__name__}.{name}: {reason}") from None
    e: Expr = cls(*parts.values())
    _sound(e)
    return e


def _classes() -> dict[str, Any]:
    """Every class of nodes, by its name."""
    own = (Symbol, TensorSymbol, GradientSymbol, JacobianSymbol, Number, Let, UserElementwise, FormulaMatrixFunction)
    return {**Operator.registered, **{cls.__name__: cls for cls in own}}


def _sound(e: Expr) -> None:
    """What the constructors leave to the functions that call them."""
    match e:
        case GradientSymbol():
            symbol(e.name, (), ())
        case TensorSymbol(name, _, facts, axes):
            _require(e is symbol(name, axes, facts), f"{name} is not as mc.tensor makes it")
        case Symbol(name, dims, facts):
            _require(e is symbol(name, dims, facts), f"{name} is not as it would be declared")
        case Item(arg, row, col):
            for at, size in ((row, arg.rows), (col, arg.cols)):
                _require(at >= 0 and (not isinstance(size, int) or at <= size), f"{named_shape(arg)} has no place {at}")
        case UnitVector(position, dim):
            unit_vector(position, dim)
        case Operator() if isinstance(getattr(e, "axis", None), int):
            _require(getattr(e, "axis", 0) in (0, 1), "an axis is 0 or 1")
    e.rebuild(list(e.operands))  # refuses what its function refuses


# ------------------------------------------------------------------ the kinds of parts
@dataclass(frozen=True)
class Kind:
    """How a part of one type is written, and read with every check that it needs."""

    write: Callable[[Any, Mapping[Expr, int]], Any]
    read: Callable[[Any, list[Expr]], Any]


def _fields(cls: type[Expr]) -> Iterator[tuple[str, Kind]]:
    for f in fields(cls):  # type: ignore[arg-type]
        yield f.name, KINDS[str(f.type)]


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ParseError(message)


def _place(value: object, built: list[Expr]) -> int:
    _require(type(value) is int and 0 <= value < len(built), f"{value!r} is not the place of a node before this one")
    assert isinstance(value, int)
    return value


def _whole(value: object) -> int:
    _require(type(value) is int, f"{value!r} is not a whole number")
    assert isinstance(value, int)
    return value


def _several(read: Callable[[Any, list[Expr]], Any], count: int | None = None) -> Callable[[Any, list[Expr]], tuple[Any, ...]]:
    def read_all(value: object, built: list[Expr]) -> tuple[Any, ...]:
        _require(isinstance(value, list) and count in (None, len(value)), f"{value!r} is not a list of {count or 'them'}")
        assert isinstance(value, list)
        return tuple(read(v, built) for v in value)

    return read_all


def _name(value: object, built: list[Expr]) -> str:
    _require(isinstance(value, str) and is_name(value), f"{value!r} is not a name")
    return str(value)


def _letters(value: object, built: list[Expr]) -> str:
    _require(isinstance(value, str) and re.fullmatch(r"[A-Za-z]*", value) is not None, f"{value!r} are not letters")
    return str(value)


def _write_dim(d: Dim, place: object = None) -> Any:
    return d if isinstance(d, int) else _write_formula(d)


def _read_dim(value: object, built: list[Expr]) -> Dim:
    return as_dim(value if type(value) is int else _read_formula(value), "a dimension")


def _write_formula(value: Any, place: object = None) -> Any:
    """A SymPy formula as nested lists."""
    if isinstance(value, sp.Rational):
        return str(value)
    if isinstance(value, DimSymbol):
        return {"dim": value.name}
    if value == COMPLEX:
        return {"slot": "t"}
    if value in SLOTS:
        return {"slot": SLOTS.index(value)}
    for name, constant in CONSTANTS.items():
        if value == constant:
            return name
    if value.args and FORMULA.get(type(value).__name__) in (value.func, type(value)):
        return [type(value).__name__, *(_write_formula(a) for a in value.args)]
    raise UnsupportedError(f"SymPy's {type(value).__name__} in {value} has no form in JSON")


def _read_formula(value: object, built: object = None, depth: int = 0) -> Any:
    _require(depth < DEEPEST, "a formula is nested too deeply")
    match value:
        case str() if value in CONSTANTS:
            return CONSTANTS[value]
        case str() if re.fullmatch(r"-?[0-9]+(/[0-9]+)?", value, re.ASCII) and len(value) <= MOST_DIGITS:
            above, _, below = value.partition("/")
            _require(not below or int(below) > 0, f"{value!r} divides by zero")
            return sp.Rational(int(above), int(below or 1))
        case {"dim": str() as name, **more} if not more and is_name(name):
            return DimSymbol(name)
        case {"slot": "t", **more} if not more:
            return COMPLEX
        case {"slot": int() as k, **more} if not more and type(k) is int and 0 <= k < len(SLOTS):
            return SLOTS[k]
        case [str() as name, *args] if name in FORMULA:
            parts = [_read_formula(a, built, depth + 1) for a in args]
            if name == "Pow":
                _require(len(parts) == 2 and not _is_huge(*parts), "a power of numbers has too many digits")
            return FORMULA[name](*parts)
    raise ParseError(f"{str(value)[:60]!r} is not a formula")


def _is_huge(base: Any, exponent: Any) -> bool:
    """Whether SymPy would work out a number with very many digits."""
    return base.is_number and not (exponent.is_Rational and abs(exponent.p) <= MOST_DIGITS and exponent.q <= MOST_DIGITS)


def _read_scalar(value: object, built: list[Expr]) -> sp.Expr:
    found = _read_formula(value)
    _require(isinstance(found, sp.Expr) and not found.has(sp.nan, sp.zoo, sp.oo), f"{str(value)[:60]!r} is not a number")
    return found  # type: ignore[no-any-return]


def _write_range(value: Any, place: object) -> Any:
    return None if value is None else [_write_dim(d) for d in value]


PAIR = _several(_read_dim, 2)
LETTERS = _several(_letters, 2)
KINDS = {  # by the type of a field
    "Expr": Kind(lambda e, place: place[e], lambda v, built: built[_place(v, built)]),
    "tuple[Expr, ...]": Kind(lambda es, place: [place[e] for e in es], _several(lambda v, built: built[_place(v, built)])),
    "str": Kind(lambda s, _: s, _name),
    "tuple[str, ...]": Kind(lambda s, _: list(s), _several(_name)),
    "int": Kind(lambda k, _: k, lambda v, _: _whole(v)),
    "int | None": Kind(lambda k, _: k, lambda v, _: None if v is None else _whole(v)),
    "tuple[int, int]": Kind(lambda s, _: list(s), _several(lambda v, _: _whole(v), 2)),
    "Dim": Kind(_write_dim, _read_dim),
    "Shape": Kind(lambda s, _: [_write_dim(d) for d in s], PAIR),
    "tuple[Dim, ...]": Kind(lambda s, _: [_write_dim(d) for d in s], _several(_read_dim)),
    "Range | None": Kind(_write_range, lambda v, built: None if v is None else PAIR(v, built)),
    "Letters": Kind(lambda s, _: list(s), LETTERS),
    "tuple[Letters, ...]": Kind(lambda s, _: [list(pair) for pair in s], _several(LETTERS)),
    "sp.Expr": Kind(_write_formula, _read_scalar),
}
