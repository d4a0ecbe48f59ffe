"""Which of our symbols and dimensions stands for which of SymPy's, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sympy as sp
from sympy.assumptions.assume import AppliedPredicate, global_assumptions
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import GenericIdentity
from sympy.tensor.array.expressions import ArraySymbol, OneArray, Reshape, ZeroArray

from matcalc.dims import Dim, DimSymbol, as_dim, is_name
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import Expr, Number, ScalarAtom, Symbol, named_shape, symbol
from matcalc.node import postorder
from matcalc.ops.tensors import TensorSymbol

MATRIX_FACTS = {  # SymPy's predicates that are attributes here; None where they say nothing that is used
    "symmetric": "symmetric", "positive_definite": "psd", "diagonal": "diagonal", "orthogonal": "orthogonal",
    "invertible": "invertible", "lower_triangular": "lower_triangular", "hermitian": "hermitian",
    "complex_elements": "complex", "real_elements": None, "integer_elements": None, "square": None,
}  # fmt: skip
SCALAR_FACTS = {"positive": "positive", "integer": "integer", "complex": "complex", "real": None, "finite": None}
NAMED = (sp.Symbol, sp.MatrixSymbol, ArraySymbol)


class Names:
    """A dictionary between SymPy's symbols and ours, made while reading and used when writing.

    ``values`` are all SymPy objects that belong together: a symbol that is a dimension in one of them is one in all.
    """

    def __init__(self, values: Iterable[sp.Basic] = (), assumptions: object = None) -> None:
        values = list(values)
        self.sympy_of: dict[str, sp.Basic] = {}
        self.symbol_of: dict[sp.Basic, Symbol] = {}
        self.sizes = {s for v in values for d in _dimensions(v) for s in d.free_symbols if isinstance(s, sp.Symbol)}
        self.facts = _facts(assumptions)
        self.known: dict[str, Symbol] = {}

    # ---------------------------------------------------------------- reading
    def dim(self, value: object, what: str) -> Dim:
        """A dimension by its name."""
        if isinstance(value, sp.Expr) and value.free_symbols:
            free = [s for s in value.free_symbols if isinstance(s, sp.Symbol)]
            if not value.is_polynomial(*free):
                raise UnsupportedError(f"{what}: the dimension {value} is not a polynomial in names")
            value = sp.expand(value.xreplace({s: DimSymbol(self._named(s)) for s in free}))
        return as_dim(value, what)

    def scalar(self, s: sp.Symbol) -> Expr:
        """A scalar symbol, or a dimension used as a number."""
        if isinstance(s, DimSymbol):
            return Number(s)
        if s in self.sizes:
            return Number(DimSymbol(self._named(s)))
        return self._made(s, s.name, (), _own_facts(s))

    def matrix(self, m: sp.MatrixSymbol) -> Expr:
        """A matrix symbol; with one column a vector, with one row a row."""
        return self._made(m, m.name, tuple(self.dim(d, m.name) for d in m.shape), ())

    def array(self, a: ArraySymbol) -> Expr:
        """An array symbol of any number of axes."""
        name = str(a.name)
        return self._made(a, name, tuple(self.dim(d, name) for d in a.shape if d != 1), ())

    def indexed(self, base: sp.IndexedBase, shape: Iterable[object]) -> Expr:
        """The array of SymPy's ``IndexedBase``."""
        name = str(base.label)
        return self._made(base, name, tuple(self.dim(d, name) for d in shape if d != 1), ())

    def _made(self, s: sp.Basic, name: str, shape: tuple[Dim, ...], facts: Iterable[str]) -> Symbol:
        found = self.symbol_of.get(s)
        if found is None:
            self._named(s, name)
            made = symbol(name, shape, {*facts, *self.facts.get(s, ())})
            known = self.known.get(name)
            found = self.symbol_of[s] = known if known is not None and known.shape == made.shape else made
        return found

    def adopt(self, e: Expr) -> None:
        """Take the symbols of one of our expressions, with what is known of them, for SymPy's of the same name and shape."""
        self.known.update({s.name: s for s in e.symbols})

    def _named(self, s: sp.Basic, name: str = "") -> str:
        name = name or str(s)
        if not is_name(name):
            raise OperandError(f"the SymPy symbol {name!r} has no name that text can write: letters, digits and _")
        other = self.sympy_of.setdefault(name, s)
        if other != s:
            raise OperandError(f"two different SymPy symbols are called {name}: {_described(other)} and {_described(s)}")
        return name

    # ---------------------------------------------------------------- writing
    def sympy_dim(self, d: Dim) -> Any:
        """A dimension as SymPy has it, under the symbols that were read, or positive integer symbols."""
        if isinstance(d, int):
            return sp.Integer(d)
        return d.xreplace({s: self._sympy_size(s) for s in d.free_symbols if isinstance(s, DimSymbol)})

    def _sympy_size(self, s: DimSymbol) -> sp.Basic:
        found = self.sympy_of.setdefault(s.name, s)
        if not isinstance(found, sp.Symbol):
            raise OperandError(f"the dimension {s} and the SymPy symbol {_described(found)} have the same name")
        return found

    def sympy_symbol(self, s: Symbol) -> sp.Basic:
        """Our symbol as one of SymPy's: the one that it was read from, else a new one."""
        fresh = self._fresh(s)
        found = self.sympy_of.setdefault(s.name, fresh)
        if found is not fresh and found != fresh and self.symbol_of.get(found) is not s:
            kind = (sp.Symbol if isinstance(fresh, sp.Symbol) else type(fresh)) if not s.is_scalar else NAMED
            if not isinstance(found, kind) or getattr(found, "shape", None) != getattr(fresh, "shape", None):
                raise OperandError(f"{named_shape(s)} and the SymPy symbol {_described(found)} have the same name")
        return found

    def _fresh(self, s: Symbol) -> sp.Basic:
        if isinstance(s, TensorSymbol):
            return ArraySymbol(s.name, tuple(self.sympy_dim(d) for d in s.axes))
        if not s.is_scalar:
            return sp.MatrixSymbol(s.name, self.sympy_dim(s.rows), self.sympy_dim(s.cols))
        if s.is_complex:
            return sp.Symbol(s.name, complex=True)
        known = {fact: True for fact in ("positive", "integer") if s.has(fact)}
        return sp.Symbol(s.name, **(known or {"real": True}))

    def remember(self, value: object) -> None:
        """Take the symbols of a SymPy object as those to write, by name."""
        for basic in basics(value):
            arrays = basic.atoms(ArraySymbol)
            free = basic.free_symbols - {a.name for a in arrays} | arrays | basic.atoms(sp.MatrixSymbol)
            free |= {s for d in _dimensions(basic) for s in d.free_symbols}
            for s in sorted(free, key=str):
                if isinstance(s, NAMED) and not isinstance(s, (ScalarAtom, sp.Dummy)):
                    self._named(s, str(s.name))


def basics(value: object) -> Iterator[sp.Basic]:
    """The SymPy objects in a value: itself, or the items of a list, tuple, set or dict."""
    if isinstance(value, sp.MatrixBase):
        yield sp.ImmutableMatrix(value)
    elif isinstance(value, sp.NDimArray):
        yield sp.ImmutableDenseNDimArray(value)
    elif isinstance(value, sp.Basic):
        yield value
    elif isinstance(value, Mapping):
        yield from (b for v in value.values() for b in basics(v))
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from (b for v in value for b in basics(v))


def _dimensions(value: sp.Basic) -> Iterator[sp.Basic]:
    """The dimensions of the symbols and constants of an expression."""
    for node in postorder([value], lambda b: b.args):
        yield from (d for d in _own_dimensions(node) if isinstance(d, sp.Basic))


def _own_dimensions(e: sp.Basic) -> Iterable[Any]:
    match e:
        case sp.MatrixSymbol() | ArraySymbol() | sp.FunctionMatrix():
            return tuple(e.shape)
        case Reshape():
            return tuple(e.args[1].args)
        case sp.Sum() | sp.Product():
            over = {limit[0] for limit in e.limits}
            return [end for limit in e.limits for end in limit[1:] if end.free_symbols.isdisjoint(over)]
        case MatrixSlice():
            return [end for side in e.args[1:] for end in side.args]
        case GenericIdentity():
            return ()
        case sp.Identity() | sp.ZeroMatrix() | sp.OneMatrix() | ZeroArray() | OneArray():
            return e.args
    return ()


def _own_facts(s: sp.Symbol) -> list[str]:
    """The attributes that a SymPy symbol's own assumptions are."""
    if s.is_real is None and s.is_complex:
        return ["complex"]
    if s.is_real is False:
        raise UnsupportedError(f"the SymPy symbol {s} is declared not to be real, which no attribute says; complex=True does")
    return [fact for fact, known in (("positive", s.is_positive), ("integer", s.is_integer)) if known]


def _facts(assumptions: object) -> dict[sp.Basic, set[str]]:
    """The attributes that ``Q`` predicates give to symbols: those given, and SymPy's global ones."""
    found: dict[sp.Basic, set[str]] = {}
    if not isinstance(assumptions, (sp.Basic, list, tuple, set, frozenset, type(None))):
        raise OperandError(f"assumptions are predicates of SymPy's, such as Q.symmetric(X), not {assumptions!r}")
    for strict, source in ((False, list(global_assumptions)), (True, list(basics(assumptions)))):
        for given in source:
            for part in given.args if isinstance(given, sp.And) else (given,):
                _read_fact(part, strict, found)
    return found


def _read_fact(part: sp.Basic, strict: bool, found: dict[sp.Basic, set[str]]) -> None:
    known = MATRIX_FACTS
    if isinstance(part, AppliedPredicate) and len(part.arguments) == 1 and isinstance(part.arguments[0], NAMED):
        subject = part.arguments[0]
        known = SCALAR_FACTS if isinstance(subject, sp.Symbol) else MATRIX_FACTS
        name = str(part.function.name)
        if name in known:
            fact = known[name]
            found.setdefault(subject, set()).update([fact] if fact else [])
            return
    if strict:
        raise UnsupportedError(
            f"{part} is no assumption that matcalc knows; it knows Q.{', Q.'.join(known)} of a symbol, and several joined by &"
        )


def _described(s: sp.Basic) -> str:
    shape = getattr(s, "shape", None)
    if shape:
        return f"{s} ({' x '.join(map(str, shape))})"
    assumed = ", ".join(k for k, v in s.assumptions0.items() if v and k in SCALAR_FACTS) if isinstance(s, sp.Symbol) else ""
    return f"the {type(s).__name__} {s}" + (f" ({assumed})" if assumed else "")
