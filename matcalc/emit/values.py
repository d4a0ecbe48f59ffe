"""Values of a straight-line program: a graph of small pieces of code, equal pieces made once.

A column, a row and a plain vector are all one-dimensional arrays here.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import sympy as sp

from matcalc.dims import Dim, DimSymbol, is_unit
from matcalc.errors import LimitError

EXACT = 2**53  # integers beyond it are written as floats


class Value:
    """A piece of code: a template with ``#1``, ``#2``, ... for its operands, or a leaf.

    Attributes
    ----------
    code : str
        The template; of a leaf its kind: ``const``, ``symbol``, ``dim`` or ``function``.
    of : object
        What a leaf stands for: a number, a Symbol, a DimSymbol, a name.
    name : str
        The name that a ``let`` asks for.
    integer : bool
        Whether the value is a Python int.
    is_vector : bool
        Whether it is known to have one axis.
    """

    __slots__ = ("args", "code", "integer", "is_vector", "name", "of")

    def __init__(self, code: str, args: tuple[Value, ...] = (), of: object = None, *, integer: bool = False) -> None:
        self.code, self.args, self.of, self.integer = code, args, of, integer
        self.name = ""
        self.is_vector = False

    @property
    def is_leaf(self) -> bool:
        """Whether it needs no computation."""
        return self.code in LEAVES

    def is_const(self, number: float) -> bool:
        """Whether it is this number."""
        return self.code == "const" and self.of == number


LEAVES = frozenset(("const", "symbol", "dim", "function"))
KEEP_INTEGER = frozenset(("#1 + #2", "#1 - #2", "#1 * #2", "-#1", "#1 // #2"))


class Builder:
    """Makes values, and hands out the one that exists already."""

    def __init__(self) -> None:
        self.known: dict[tuple[object, ...], Value] = {}
        self.dims: dict[Dim, Value] = {}

    def make(self, code: str, *args: Value) -> Value:
        """The value of a template on operands."""
        key = (code, *map(id, args))
        found = self.known.get(key)
        if found is None:
            found = Value(code, args, integer=code in KEEP_INTEGER and all(a.integer for a in args))
            self.known[key] = found
        return found

    def leaf(self, kind: str, of: object, *, integer: bool = False) -> Value:
        """A leaf; see ``Value``."""
        key = (kind, type(of), of)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = Value(kind, of=of, integer=integer)
        return found

    # numbers and dimensions
    def const(self, number: complex) -> Value:
        """A number."""
        if isinstance(number, int) and abs(number) > EXACT:
            number = self._quotient(number, 1)
        return self.leaf("const", number, integer=isinstance(number, int))

    def rational(self, r: sp.Rational | Fraction) -> Value:
        """A rational number as a scalar."""
        top, bottom = int(r.numerator), int(r.denominator)
        if bottom == 1:
            return self.const(top)
        if bottom & (bottom - 1) == 0 or max(abs(top), bottom) > EXACT:
            return self.const(self._quotient(top, bottom))
        return self.make("#1 / #2", self.const(top), self.const(bottom))

    def _quotient(self, top: int, bottom: int) -> float:
        try:
            return top / bottom
        except OverflowError:
            raise LimitError(
                f"a number of {int((top // bottom).bit_length() * 0.30103) + 1} digits is too large for a float"
            ) from None

    def number(self, value: sp.Expr) -> Value:
        """A constant scalar of the matrix language."""
        if isinstance(value, sp.Rational):
            return self.rational(value)
        if value is sp.pi:
            return self.make("np.pi")
        if value is sp.E:
            return self.make("np.e")
        if value is sp.I:
            return self.const(1j)
        if value.is_number:
            return self.const(float(value))
        return self.dim(value)

    def dim(self, d: Dim) -> Value:
        """A dimension as an int."""
        found = self.dims.get(d)
        if found is None:
            found = self.dims[d] = self._dim(d)
        return found

    def _dim(self, d: Dim) -> Value:
        if isinstance(d, (int, sp.Integer)):
            return self.const(int(d))
        if isinstance(d, DimSymbol):
            return self.leaf("dim", d, integer=True)
        top, bottom = sp.fraction(sp.together(d))
        if bottom != 1:
            return self.make("#1 // #2", self.dim(top), self.dim(bottom))
        if isinstance(d, sp.Pow):
            return self.make("#1 ** #2", *(self.dim(a) for a in d.args))
        parts = d.as_ordered_factors() if isinstance(d, sp.Mul) else d.as_ordered_terms()
        combine = self.mul if isinstance(d, sp.Mul) else self.add
        out = self.dim(parts[0])
        for p in parts[1:]:
            negative = isinstance(d, sp.Add) and p.could_extract_minus_sign()
            out = self.sub(out, self.dim(-p)) if negative else combine(out, self.dim(p))
        return out

    # arithmetic, with ones, zeros and signs tidied
    def neg(self, a: Value) -> Value:
        """``-a``."""
        if a.code == "-#1":
            return a.args[0]
        if a.code == "const":
            return self.const(-a.of)  # type: ignore[operator]
        return self.make("#1 - #2", a.args[1], a.args[0]) if a.code == "#1 - #2" else self.make("-#1", a)

    def add(self, a: Value, b: Value) -> Value:
        """``a + b``."""
        if b.code == "-#1":
            return self.sub(a, b.args[0])
        if a.code == "-#1":
            return self.sub(b, a.args[0])
        if b.code == "const" and isinstance(b.of, (int, float)) and b.of < 0:
            return self.make("#1 - #2", a, self.const(-b.of))
        return self.make("#1 + #2", a, b)

    def sub(self, a: Value, b: Value) -> Value:
        """``a - b``."""
        return self.add(a, b.args[0]) if b.code == "-#1" else self.make("#1 - #2", a, b)

    def mul(self, a: Value, b: Value) -> Value:
        """``a * b``, entry by entry."""
        if a.is_const(1):
            return b
        if b.is_const(1):
            return a
        if a.is_const(-1):
            return self.neg(b)
        if b.is_const(-1):
            return self.neg(a)
        if a.code == "-#1" or b.code == "-#1":
            plain = self.mul(*(v.args[0] if v.code == "-#1" else v for v in (a, b)))
            return plain if a.code == b.code else self.neg(plain)
        if b.code == "const":
            a, b = b, a
        if a.code == "#1 / #2" and a.args[0].is_const(1):
            return self.div(b, a.args[1])
        if b.code == "#1 / #2" and b.args[0].is_const(1):
            return self.div(a, b.args[1])
        return self.known.get(("#1 * #2", id(b), id(a))) or self.make("#1 * #2", a, b)

    def div(self, a: Value, b: Value) -> Value:
        """``a / b``, entry by entry."""
        if b.is_const(1):
            return a
        if a.code == "-#1":
            return self.neg(self.div(a.args[0], b))
        return self.make("#1 / #2", a, b)

    def power(self, a: Value, p: Value, exponent: sp.Rational | None) -> Value:
        """``a ** p``; small integer powers and square roots are spelled out, which NumPy runs faster."""
        if exponent is None or abs(exponent) > 8 or exponent.q > 2:
            return self.make("#1 ** #2", a, p)
        if exponent < 0:
            return self.div(self.const(1), self.power(a, p, -exponent))
        if exponent.q == 2:
            root = self.make("np.sqrt(#1)", a)
            return root if exponent.p == 1 else self.mul(self._integer_power(a, exponent.p // 2), root)
        return self._integer_power(a, exponent.p)

    def _integer_power(self, a: Value, n: int) -> Value:
        if n == 0:
            return self.make("#1 ** 0", a)
        if n == 1:
            return a
        half = self._integer_power(a, n // 2)
        square = self.make("#1 * #1", half) if half.is_leaf else self.make("np.square(#1)", half)
        return self.mul(square, a) if n % 2 else square

    def transpose(self, a: Value) -> Value:
        """``a.T`` of a matrix."""
        return a.args[0] if a.code == "#1.T" else self.make("#1.T", a)

    def fold(self, combine: Callable[[Value, Value], Value], parts: list[Value]) -> Value:
        """``parts`` combined from the left."""
        out = parts[0]
        for p in parts[1:]:
            out = combine(out, p)
        return out

    def size(self, rows: Dim, cols: Dim) -> list[Value]:
        """The axes of the array of this shape."""
        return [self.dim(d) for d in (rows, cols) if not is_unit(d)]
