"""From text to an expression: read the tree, find out what it means, build it. Nothing is ever evaluated as code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress

import sympy as sp

from matcalc.declare import at_place, read_shape, read_symbols
from matcalc.dims import Dim, DimSymbol, is_name, same_dim
from matcalc.errors import LimitError, MatcalcError, OperandError, ParseError, ShapeError
from matcalc.expr import (
    DECLARED,
    IMAGINARY_UNIT,
    MINUS_ONE,
    Expr,
    Hadamard,
    Let,
    Number,
    Symbol,
    add,
    as_expr,
    broadcast_add,
    divide_by_scalar,
    entry_at,
    hadamard,
    named_shape,
    negate,
    ones,
    power,
    power_of,
    product,
    quotient,
    rational,
    symbol,
    transpose,
)
from matcalc.functions import FUNCTIONS, Function
from matcalc.infer import Entries, Fill, Gradient, Inference, Kind, Known, Place, Span, convention, positions
from matcalc.lex import Part, number, read, require_text
from matcalc.node import postorder
from matcalc.ops import unspecified
from matcalc.ops.blocks import slice_of

MAX_GUESSES = 8
MAX_BITS = 13_000  # of a number that the text works out, about 3900 digits


def parse(text: str, declarations: object = None) -> Expr:
    """Read an expression in the text syntax, which is also what ``str`` of an expression prints.

    Parameters
    ----------
    text : str
        Such as ``"norm2(A*x - b)^2"``. ``*`` is the product, ``'`` the transpose, ``.* ./ .^`` work
        entry by entry, ``.+ .-`` broadcast; places count from 1, as in ``A(1,:)``.
    declarations : str, mapping or iterable, optional
        Symbols as ``symbols`` reads them, ``"A[m,n] x[n] b[m]"``; or a mapping from names to
        symbols, expressions, functions, dimensions or texts such as ``"[m,n](symmetric)"`` and
        ``"matrix"``; or the symbols themselves. A name that is not declared is a matrix if it starts
        with A-Z, a vector with h-z, else a scalar, as on matrixcalculus.org, and its dimensions are
        inferred.

    Raises
    ------
    ParseError
        If the text cannot be read; it has the ``line`` and the ``column``.
    ShapeError
        If shapes do not fit; the message names both uses.
    OperandError
        If the text is not a string, or an operator has an operand of the wrong kind.
    UnsupportedError
        If the text uses what matcalc does not support.
    LimitError
        If the text is too long, nested too deeply, or works out a number that is too large.

    Examples
    --------
    >>> import matcalc as mc
    >>> f = mc.parse("norm2(A*x - b)^2", "A[m,n] x[n] b[m]")
    >>> f
    norm2(A*x - b)^2
    >>> mc.parse("A*x + y").symbols[0].shape
    (m, n)
    >>> mc.parse("norm2(A*x - b)^2").symbols[1].shape
    (m,)
    """
    names, dims = read_declarations(declarations)
    parts = read(require_text(text, "an expression"))
    inference = inferred(text, parts, names, dims)
    return remembered(Builder(inference).run(), names)


def remembered(result: Expr, names: Mapping[str, Known]) -> Expr:
    """The expression, which from now on knows what was declared beside it."""
    unused = {n: v for n, v in names.items() if isinstance(v, Symbol) and v not in result.symbols}
    if unused:
        DECLARED[result] = unused
    else:
        DECLARED.pop(result, None)
    return result


def inferred(text: str, parts: list[Part], names: dict[str, Known], dims: set[str]) -> Inference:
    """What the text means; where an undeclared ``a`` to ``g`` does not fit as a scalar, it may be a vector."""
    first = Inference(text, parts, names, dims)
    try:
        first.run()
        return first
    except ShapeError:
        taken = {*names, *dims, "pi"}
        found = dict.fromkeys(
            p.head for p in parts if p.kind == "name" and p.head not in taken and convention(p.head) == "scalar"
        )
        guesses = [[name] for name in found] + [list(found)] if len(found) > 1 else [list(found)] if found else []
        for guess in guesses[:MAX_GUESSES]:
            other = Inference(text, parts, names | {name: Kind("vector") for name in guess}, dims)
            with suppress(MatcalcError):
                other.run()
                return other
        raise


# ------------------------------------------------------------------ declarations
def read_declarations(declarations: object) -> tuple[dict[str, Known], set[str]]:
    """What is known of each name, and the names of the declared dimensions."""
    names: dict[str, Known] = {}
    dims: set[str] = set()
    for name, value in _declared(declarations):
        if isinstance(value, DimSymbol):
            dims.add(value.name)
            continue
        known = _known(name, value)
        if names.setdefault(name, known) is not known:
            raise ShapeError(f"{name} is declared twice, as {_described(names[name])} and as {_described(known)}")
        if isinstance(known, Expr):
            dims.update(_dims_of(known))
    return names, dims


def _declared(declarations: object) -> Iterable[tuple[str, object]]:
    if declarations is None:
        return []
    if isinstance(declarations, str):
        text = declarations
        return [(s.name, s) for s in read_symbols(require_text(text, "a declaration"))] if text.strip() else []
    if isinstance(declarations, Mapping):
        for name in declarations:
            if not isinstance(name, str) or not is_name(name):
                raise OperandError(f"{name!r} is not a name that can be declared: use letters, digits and _, a letter first")
        return list(declarations.items())
    named = (Symbol, Let, DimSymbol, Function, unspecified.Function)
    if isinstance(declarations, named):
        return [(declarations.name, declarations)]
    if isinstance(declarations, Iterable) and not isinstance(declarations, (Expr, bytes)):
        found = list(declarations)
        for value in found:
            if not isinstance(value, named):
                raise OperandError(f"{value!r} has no name to declare: give symbols, or a dict from names to expressions")
        return [(value.name, value) for value in found]
    raise OperandError(f"declarations are text, a dict or symbols, not {type(declarations).__name__}")


def _known(name: str, value: object) -> Known:
    """What is known of a declared name."""
    if isinstance(value, (Expr, Function, unspecified.Function, Kind)):
        return value
    if isinstance(value, str):
        return _from_text(name, value)
    if isinstance(value, (tuple, list)):
        return symbol(name, value)
    return as_expr(value)


def _from_text(name: str, text: str) -> Known:
    """A symbol from ``[m,n](symmetric)``, or a kind such as ``matrix(symmetric)`` whose size is inferred."""
    m = re.fullmatch(r"\s*(scalar|vector|matrix|\[[^\[\]]*\]|)\s*(?:\(([^()]*)\))?\s*", text)
    if m is None:
        raise ParseError(f"{name} is declared by a shape such as [m,n], or as scalar, vector or matrix", text, 0)
    facts = tuple(f for f in re.split(r"[\s,]+", m.group(2) or "") if f)
    word = m.group(1)
    if word in ("vector", "matrix"):
        return Kind(word, facts)
    shape = read_shape(text, m.start(1) + 1, m.end(1) - 1) if word.startswith("[") else ()
    return symbol(name, shape, facts)


def _described(known: Known) -> str:
    return named_shape(known) if isinstance(known, Expr) else f"a {getattr(known, 'word', 'function')}"


def _dims_of(e: Expr) -> set[str]:
    """The names of the dimensions of an expression and of what it is made of."""
    nodes = [e] if isinstance(e, Symbol) else list(postorder([e], lambda x: x.operands))
    sizes = [d for node in nodes for d in (node.rows, node.cols) if not isinstance(d, int)]
    return {s.name for d in sizes for s in d.free_symbols if isinstance(s, DimSymbol)}


# ------------------------------------------------------------------ building
class Builder:
    """The expressions of the parts, operands first; a chain of sums or products is built in one go."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.text = inference.text
        self.parts = inference.parts
        self.built: list[Expr | None] = [None] * len(self.parts)
        self.chain = [self.chain_of(k, p) for k, p in enumerate(self.parts)]
        self.inner = [False] * len(self.parts)  # part of a longer chain
        for k, part in enumerate(self.parts):
            for position, a in enumerate(part.args):
                if self.chain[k] and self.absorbs(k, part, position, a):
                    self.inner[a] = True

    def run(self) -> Expr:
        """The expression of the whole text."""
        for k, part in enumerate(self.parts):
            if self.inference.role[k] != "expr" or self.inner[k]:
                continue
            try:
                e = self.build(k, part)
                self.require_size(e)
            except MatcalcError as error:
                raise at_place(error, self.text, part.at) from None
            self.built[k] = e
        return self.of(len(self.parts) - 1)

    def of(self, k: int) -> Expr:
        """The expression of a part that is built."""
        e = self.built[k]
        assert e is not None
        return e

    def chain_of(self, k: int, part: Part) -> str:
        """Which associative operation a part is: sum, scale (entrywise), multiple (of an array by a scalar), product."""
        if part.kind != "binary" or self.inference.role[k] != "expr":
            return ""
        if part.head in ("+", "-"):
            return "sum"
        if part.head == ".*":
            return "scale"
        if part.head == "*":
            scalars = sum(self.inference.is_scalar(x) for x in part.args)
            return ("product", "multiple", "scale")[scalars]
        if part.head not in (".+", ".-"):
            return ""
        (a, b), (c, d) = (self.inference.shape(x) for x in part.args)
        return "sum" if same_dim(a, c) and same_dim(b, d) else ""

    def absorbs(self, k: int, part: Part, position: int, a: int) -> bool:
        """Whether the chain of a part goes on into its operand ``a``."""
        inside = "minus" if self.parts[a].kind == "prefix" else self.chain[a]
        match self.chain[k]:
            case "sum":
                return inside == "sum" and (position == 0 or part.head in ("+", ".+"))
            case "scale":
                return inside in ("scale", "multiple", "minus")
            case "multiple":  # keeps one array
                return inside in ("multiple", "minus") or (inside == "scale" and self.inference.is_scalar(a))
        return inside in ("product", "multiple", "minus") and position == 0

    def leaves(self, k: int) -> list[Expr]:
        """The operands of a whole chain, with their signs."""
        found: list[Expr] = []
        stack = [k]
        while stack:
            at = stack.pop()
            if at < 0:
                found.append(negate(self.of(-at)))
            elif self.inner[at] and self.parts[at].kind == "prefix":
                found.extend([MINUS_ONE] if self.parts[at].head == "-" else [])
                found.append(self.of(self.parts[at].args[0]))
            elif at == k or self.inner[at]:
                left, right = self.parts[at].args
                stack.append(-right if self.parts[at].head in ("-", ".-") else right)
                stack.append(left)
            else:
                found.append(self.of(at))
        return found

    def build(self, k: int, part: Part) -> Expr:
        """The expression of one part."""
        match self.chain[k]:
            case "sum":
                terms = self.leaves(k)
                self.require_sum(terms)
                return add(*terms)
            case "scale" | "multiple" | "product" as kind:
                factors = self.leaves(k)
                self.require_product(factors)
                return product(*factors) if kind == "product" else hadamard(*factors)
        match part.kind:
            case "number" if part.head.endswith("i"):
                return hadamard(Number(number(part.head[:-1])), IMAGINARY_UNIT)
            case "number":
                return Number(number(part.head))
            case "name":
                return self.build_name(part.head)
            case "transpose":
                return transpose(self.of(part.args[0]))
            case "prefix":
                e = self.of(part.args[0])
                return negate(e) if part.head == "-" else e
            case "binary" if k in self.inference.hermitian:
                return self.of(part.args[0]).H
            case "binary":
                return self.build_binary(part.head, self.of(part.args[0]), self.of(part.args[1]))
        return self.build_application(k, part)

    def build_name(self, name: str) -> Expr:
        known = self.inference.names.get(name)
        if isinstance(known, Expr):
            return known
        if name in self.inference.symbols:
            return self.inference.symbols[name]
        return Number(DimSymbol(name) if name in self.inference.dims else sp.pi)

    def build_binary(self, op: str, a: Expr, b: Expr) -> Expr:
        match op:
            case "/":
                return divide_by_scalar(a, b)
            case "./":
                return quotient(a, b)
            case "^":
                return power_of(a, b)
            case ".^":
                return power(a, b)
            case ".+":
                return broadcast_add(a, b)
        return broadcast_add(a, negate(b))

    def build_application(self, k: int, part: Part) -> Expr:
        """An entry or a call."""
        meaning = self.inference.meaning[k]
        args = part.args[1:]
        match meaning:
            case Entries(places):
                return self.build_entry(self.of(part.args[0]), places)
            case Fill(_, value):
                rows, cols = self.inference.shape(k)
                return ones(rows, cols) if value else FUNCTIONS["zeros"](rows, cols)
            case Gradient(function):
                return function.gradient(self.of(args[0]))
            case unspecified.Function():
                return meaning(self.of(args[0]))
        given: list[Expr | Dim | str] = []
        for letter, a in zip(meaning.letters, args, strict=False):
            if letter == "x":
                given.append(self.of(a))
            elif letter == "d":
                given.append(self.inference.dim[a])
            elif letter == "s":
                given.append(self.parts[a].head.strip('"'))
            else:
                given.append(int(self.parts[a].head) - (letter == "a"))
        return meaning.build(*given)

    def build_entry(self, e: Expr, places: tuple[Place, ...]) -> Expr:
        at = positions(places, e.rows, e.cols)
        assert at is not None
        for place, dim, word in zip(at, (e.rows, e.cols), ("row", "column"), strict=True):
            if isinstance(place, int) and isinstance(dim, int) and place > dim:
                raise ShapeError(f"{named_shape(e)} has no {word} {place}")
        sizes = self.inference.dim
        spans = [(sizes[p.first], self.inference.count_of(p)) if isinstance(p, Span) else None for p in at]
        return slice_of(entry_at(e, *(p if isinstance(p, int) else 0 for p in at)), *spans)

    # ---------------------------------------------------------------- limits
    def require_size(self, e: Expr) -> None:
        """Refuse a number with too many digits."""
        value = rational(e.args[0] if isinstance(e, Hadamard) else e)
        if value is not None and _bits(value) > MAX_BITS:
            raise LimitError("a number in the text works out to too many digits")

    def require_sum(self, terms: list[Expr]) -> None:
        """Refuse a sum of numbers that grows too long on the way."""
        total: sp.Rational = sp.Integer(0)
        for value in map(rational, terms):
            if value is not None:
                total = total + value
                self.require_size(Number(total))

    def require_product(self, factors: list[Expr]) -> None:
        """Refuse a product of numbers that grows too long."""
        values = (rational(f.args[0] if isinstance(f, Hadamard) else f) for f in factors)
        if sum(_bits(v) - 2 for v in values if v is not None) > MAX_BITS:
            raise LimitError("a product of numbers in the text works out to too many digits")


def _bits(value: sp.Rational) -> int:
    return int(value.p).bit_length() + int(value.q).bit_length()
