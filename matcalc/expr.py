"""The matrix language: symbols, numbers, and the operators that have Python syntax.

Constructors check and store. The small functions ``add``, ``product``, ``hadamard``, ... are what
Python's operators and the parser call: they flatten what is associative, move scalars to the
front and fold numbers, so that a printout reads back as the same node.
"""

from __future__ import annotations

import numbers
import operator
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import sympy as sp

from matcalc.dims import Dim, DimSymbol, Shape, as_dim, is_name, is_unit, plus_dim, same_dim, shape_text
from matcalc.errors import MatcalcError, OperandError, ShapeError, UnsupportedError
from matcalc.index import At, Entry, Map, Plus, Sum, Term, Times, axis
from matcalc.node import Node, postorder

NUMPY_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "power": operator.pow,
    "matmul": operator.matmul,
    "negative": operator.neg,
}
FACTS = (
    "symmetric", "psd", "diagonal", "orthogonal", "invertible", "lower_triangular", "skew", "toeplitz",
    "zero_diagonal", "positive", "unit", "simplex", "integer", "complex", "hermitian",
)  # fmt: skip
SQUARE_FACTS = frozenset((*FACTS[:9], "hermitian"))
REAL_FACTS = ("positive", "simplex", "integer", "orthogonal")  # what a complex symbol cannot be declared
IMPLIED = {
    "psd": ("symmetric", "invertible"),
    "diagonal": ("symmetric",),
    "orthogonal": ("invertible",),
    "simplex": ("positive",),
    "hermitian": ("complex",),
}
SLOTS: tuple[sp.Symbol, ...] = sp.symbols("t0:8", real=True)


class Expr(Node):
    """A scalar, vector or matrix expression: immutable, hashable, compared by structure.

    A vector is a column in algebra. ``shape`` is NumPy's: ``()``, ``(n,)`` or ``(m, n)``.
    """

    rows: Dim
    cols: Dim
    operands: tuple[Expr, ...]
    cost: int  # what a reader sees: see own_cost
    leaves: int  # the number of symbols, each counted where it is written
    sign: int  # 2 where every entry is known to be positive, 1 where none is negative, else 0
    symmetric: bool  # known to equal its transpose
    axes: tuple[Dim, ...] | None  # all axes, where there are more than two; rows and columns then stack them
    takes_tensors: ClassVar[bool] = False  # whether operands may have more than two axes
    keeps_axes: ClassVar[bool] = False  # whether the result has those of its operands
    is_complex: bool  # depends on something complex, and is not known to be real all the same
    analytic: ClassVar[bool] = False  # has complex derivatives, conj(f(z)) = f(conj(z)), and code for complex arrays
    joins_transpose: ClassVar[bool] = False  # written with a transpose around it as one mark, as in A^H
    is_matrix_function: ClassVar[bool] = False  # f(A) of one square operand, which commutes with A
    hooks: ClassVar[dict[str, Callable[..., Any]]] = {}  # what modules above this one register: printers, conversions

    def __post_init__(self) -> None:
        found: list[Expr] = []
        for part in self.parts:
            if isinstance(part, Expr):
                found.append(part)
            elif isinstance(part, tuple):
                found.extend(p for p in part if isinstance(p, Expr))
        object.__setattr__(self, "operands", tuple(found))
        if not self.takes_tensors and (wide := next((e for e in found if e.axes is not None), None)) is not None:
            raise ShapeError(
                f"{named_operator(self)} takes a matrix, but {brief(wide)} has the "
                f"{len(wide.shape)} axes {' x '.join(map(str, wide.shape))}: write what is meant with einsum"
            )
        rows, cols = self.infer_shape()
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "cols", cols)
        object.__setattr__(self, "axes", self.infer_axes())
        object.__setattr__(self, "cost", self.own_cost() + sum(e.cost for e in found))
        object.__setattr__(self, "leaves", sum(e.leaves for e in found) if found else int(isinstance(self, Symbol)))
        object.__setattr__(self, "is_complex", self.infer_complex())
        object.__setattr__(self, "sign", 0 if self.is_complex else self.infer_sign())
        object.__setattr__(self, "symmetric", self.is_scalar or self.infer_symmetric())

    def infer_sign(self) -> int:
        """What the operands show of the sign of every entry: 2 positive, 1 not negative, 0 not known."""
        return 0

    def infer_symmetric(self) -> bool:
        """Whether the operands show that the value is a symmetric matrix."""
        return False

    def infer_axes(self) -> tuple[Dim, ...] | None:
        """All axes, where there are more than two; an entrywise operator has those of its operands."""
        return next((e.axes for e in self.operands if e.axes is not None), None) if self.keeps_axes else None

    def infer_complex(self) -> bool:
        """Whether the value may be complex, by its operands."""
        return any(e.is_complex for e in self.operands)

    @abstractmethod
    def infer_shape(self) -> Shape:
        """Rows and columns; raises ShapeError where the operands do not fit."""

    def own_cost(self) -> int:
        """What a reader sees of this node besides its operands: a name 1, an n-ary operation n - 1, a minus sign 0."""
        return 1

    @property
    def shape(self) -> tuple[Dim, ...]:
        """``()`` for a scalar, ``(n,)`` for a column, ``(m, n)`` for a matrix or a row, all axes for a tensor."""
        if self.axes is not None:
            return self.axes
        if is_unit(self.cols):
            return () if is_unit(self.rows) else (self.rows,)
        return (self.rows, self.cols)

    @property
    def ndim(self) -> int:
        """The number of axes of ``shape``."""
        return len(self.shape)

    @property
    def is_scalar(self) -> bool:
        """Whether the expression is 1 x 1."""
        return is_unit(self.rows) and is_unit(self.cols)

    @property
    def is_square(self) -> bool:
        """Whether rows and columns agree."""
        return same_dim(self.rows, self.cols)

    # what an operator tells the engine; Symbol, Number and Operator refine these
    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        """The same operator on other operands, with ``dim`` applied to its own dimensions."""
        return self

    def conditions_here(self) -> tuple[str, ...]:
        """What must hold for this node, given its operands, to have a value and a derivative."""
        return ()

    @property
    def conditions(self) -> tuple[str, ...]:
        """Everything the expression assumes, such as ``X invertible``, in reading order."""
        return self.needed(ASSUMED.get(self, ()))

    def needed(self, besides: tuple[str, ...] = ()) -> tuple[str, ...]:
        """What the nodes assume, and what else is given, without the function that this may be a derivative of."""
        found: dict[str, None] = {}
        for node in postorder([self], lambda e: e.operands):
            found.update(dict.fromkeys(node.conditions_here()))
        found.update(dict.fromkeys(besides))
        positive = {c.removesuffix(" positive") for c in found if c.endswith(" positive")}
        return tuple(c for c in found if c.removesuffix(" in every entry").removesuffix(" nonzero") not in positive)

    def composite_axes(self) -> tuple[tuple[Dim, ...], tuple[Dim, ...]]:
        """The dimensions that the rows and the columns are made of where they are stacked, the last running fastest."""
        return (), ()

    def obstacle(self) -> str | None:
        """Why this node is not written in matrix notation; None where it is."""
        return None

    @property
    def why_not_matrix(self) -> str | None:
        """Why the expression holds an einsum: which indices matrix notation cannot write; None where it holds none."""
        found = dict.fromkeys(o for o in (e.obstacle() for e in postorder([self], lambda e: e.operands)) if o is not None)
        return "; ".join(found) or None

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols the expression depends on, sorted by name."""
        found = [e for e in postorder([self], lambda e: e.operands) if isinstance(e, Symbol)]
        return tuple(sorted(found, key=lambda s: s.name))

    def node_count(self) -> int:
        """The number of distinct nodes of the shared graph."""
        return sum(1 for _ in postorder([self], lambda e: e.operands))

    def subs(self, *replacements: object, trust: bool = False) -> Expr:
        """Symbols, dimensions, functions or parts replaced, as ``mc.substitute`` does."""
        return self.hooks["subs"](self, *replacements, trust=trust)  # type: ignore[no-any-return]

    def replace(self, *change: object) -> Expr:
        """Parts replaced by their form, as ``mc.replace`` does."""
        return self.hooks["replace"](self, *change)  # type: ignore[no-any-return]

    def atoms(self, *kinds: object) -> set[Expr]:
        """The symbols, or the parts of some kinds, as ``mc.atoms`` finds them."""
        return self.hooks["atoms"](self, *kinds)  # type: ignore[no-any-return]

    # Python syntax
    def __add__(self, other: object) -> Expr:
        return add(self, as_expr(other))

    def __radd__(self, other: object) -> Expr:
        if isinstance(other, int) and other == 0:  # where Python's sum() begins
            return self
        return add(as_expr(other), self)

    def __sub__(self, other: object) -> Expr:
        return add(self, negate(as_expr(other)))

    def __rsub__(self, other: object) -> Expr:
        return add(as_expr(other), negate(self))

    def __neg__(self) -> Expr:
        return negate(self)

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return apply("Abs", self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __mul__(self, other: object) -> Expr:
        return scale(self, as_expr(other))

    def __rmul__(self, other: object) -> Expr:
        return scale(as_expr(other), self)

    def __truediv__(self, other: object) -> Expr:
        return divide_by_scalar(self, as_expr(other))

    def __rtruediv__(self, other: object) -> Expr:
        return divide_by_scalar(as_expr(other), self)

    def __matmul__(self, other: object) -> Expr:
        return matmul(self, as_expr(other))

    def __rmatmul__(self, other: object) -> Expr:
        return matmul(as_expr(other), self)

    def __pow__(self, exponent: object) -> Expr:
        return power_of(self, as_expr(exponent))

    def __rpow__(self, base: object) -> Expr:
        return power_of(as_expr(base), self)

    @property
    def T(self) -> Expr:  # noqa: N802 - NumPy's name
        """The transpose, also of a complex matrix."""
        return transpose(self)

    @property
    def H(self) -> Expr:  # noqa: N802 - as in NumPy's matrix class
        """The Hermitian transpose, ``conj(A)'``."""
        return transpose(apply("Conj", self))

    def __getitem__(self, key: object) -> Expr:
        return item(self, key)

    def __bool__(self) -> bool:
        raise OperandError(f"the truth of {self} is not known: compare with ==, or ask mc.check")

    def __float__(self) -> float:
        if isinstance(self, Number) and self.value.is_number:
            return float(self.value)
        raise OperandError(f"{self} is not a number: mc.compile makes a function that gives numbers")

    def __iter__(self) -> Any:
        raise OperandError(f"{self} cannot be iterated over: take entries by index, as in x[0]")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Any:
        """NumPy hands its functions to us: operators on numbers work, the rest is refused with a reason."""
        act = NUMPY_OPERATORS.get(ufunc.__name__)
        arrays = [x for x in inputs if not isinstance(x, Expr) and hasattr(x, "ndim") and x.ndim]
        if act is not None and method == "__call__" and not arrays:
            return act(*(as_expr(x) for x in inputs))
        if arrays:
            as_expr(arrays[0])  # raises, saying what to do with an array
        raise OperandError(f"np.{ufunc.__name__} does not take the expression {brief(self)}; matcalc has functions of its own")

    def __array__(self, *_: object, **__: object) -> Any:
        raise OperandError(f"{self} is an expression, not an array: mc.compile makes a function that gives arrays")

    # printing, by the printers that matcalc.printing registers
    def __str__(self) -> str:
        return self.hooks["text"](self)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.hooks['display'](self)}$"

    def _latex(self, printer: object = None, **_: object) -> str:
        return self.hooks["latex"](self)  # type: ignore[no-any-return]

    def _sympystr(self, printer: object = None, **_: object) -> str:
        return str(self)

    def _pretty(self, printer: object = None, **_: object) -> Any:
        return self.hooks["pretty_form"](self, printer)

    def _sympy_(self) -> sp.Expr:
        if not self.is_scalar:
            raise sp.SympifyError(f"{self} is {shape_text((self.rows, self.cols))}, not a scalar")
        return self.value if isinstance(self, Number) else ScalarAtom(self)


class ScalarAtom(sp.Symbol):
    """A scalar expression inside a SymPy expression, as in ``sympy.log(mc.det(X))``."""

    expr: Expr

    def __new__(cls, expr: Expr) -> ScalarAtom:
        atom = sp.Symbol.__xnew__(cls, str(expr), real=None if expr.is_complex else True)
        atom.expr = expr
        return atom  # type: ignore[no-any-return]

    def _hashable_content(self) -> tuple[object, ...]:
        return (id(self.expr),)

    def __reduce__(self) -> tuple[Any, tuple[Expr]]:
        return ScalarAtom, (self.expr,)

    @property
    def precedence(self) -> int:
        """How tightly it binds, where SymPy prints it inside its own expressions."""
        return Expr.hooks["precedence"](self.expr)  # type: ignore[no-any-return]

    def _latex(self, printer: object = None, **_: object) -> str:
        return self.expr._latex(printer)

    def _pretty(self, printer: object = None, **_: object) -> Any:
        return self.expr._pretty(printer)


def sort_key(e: Expr) -> tuple[int, str, str]:
    """A key for the order in which terms and factors are written: the same whatever made the expression.

    Small before large, then by the first name, then by structure.
    """
    for node in postorder([e], lambda x: () if hasattr(x, "_key") else x.operands):
        if not hasattr(node, "_key"):
            own = [type(node).__name__]
            name = ""
            for part in node.parts:
                if isinstance(part, Expr):
                    own.append(part._key[2])  # type: ignore[attr-defined]
                elif isinstance(part, tuple) and part and isinstance(part[0], Expr):
                    own.extend(p._key[2] for p in part)
                else:
                    own.append(str(part))
            if isinstance(node, (Symbol, Let)):
                name = node.name
            elif node.operands:
                name = next((c._key[1] for c in node.operands if c._key[1]), "")  # type: ignore[attr-defined]
            digest = blake2b("\0".join(own).encode(), digest_size=12).hexdigest()
            object.__setattr__(node, "_key", (node.cost, name, digest))
    return e._key  # type: ignore[attr-defined, no-any-return]


ASSUMED: WeakKeyDictionary[Expr, tuple[str, ...]] = WeakKeyDictionary()  # what the function behind a derivative assumes
DECLARED: WeakKeyDictionary[Expr, dict[str, Symbol]] = WeakKeyDictionary()  # what a text declared beside its expression


# ------------------------------------------------------------------ leaves
@dataclass(frozen=True, eq=False, repr=False)
class Symbol(Expr):
    """A named scalar, vector or matrix, with what is known about it."""

    name: str
    dims: Shape
    facts: tuple[str, ...]

    def infer_shape(self) -> Shape:
        return self.dims

    def infer_sign(self) -> int:
        return 2 if self.has("positive") else 0

    def infer_symmetric(self) -> bool:
        return self.has("symmetric")

    def infer_complex(self) -> bool:
        return self.has("complex")

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return type(self)(self.name, (dim(self.dims[0]), dim(self.dims[1])), *self.parts[2:])

    def has(self, fact: str) -> bool:
        """Whether the fact was declared, or follows from one that was."""
        if fact == "symmetric" and "psd" in self.facts and self.is_hermitian:
            return fact in self.facts
        return fact in self.facts or any(fact in IMPLIED.get(f, ()) for f in self.facts)

    @property
    def is_hermitian(self) -> bool:
        """Whether it is complex and equals its Hermitian transpose: declared so, or complex and psd."""
        return "hermitian" in self.facts or {"complex", "psd"} <= set(self.facts)

    @property
    def free(self) -> Symbol:
        """A symbol of the same name and shape of which nothing is known, but whether it is complex."""
        return Symbol(self.name, self.dims, ("complex",) if self.is_complex else ())


def symbol(name: str, shape: Sequence[object], facts: Iterable[str] = ()) -> Symbol:
    """A symbol, with its name, shape and facts checked."""
    if not isinstance(name, str) or not is_name(name):
        raise OperandError(f"{name!r} is not a name: use letters, digits and _, a letter first")
    dims = tuple(as_dim(d, name) for d in shape)
    if len(dims) > 2:
        return Expr.hooks["tensor_symbol"](name, dims, tuple(facts))  # type: ignore[no-any-return]
    pair: Shape = (dims[0] if dims else 1, dims[1] if len(dims) > 1 else 1)
    known = tuple(sorted(set(facts)))
    for fact in known:
        if fact not in FACTS:
            raise OperandError(f"{name}: unknown attribute {fact!r}; the attributes are {', '.join(FACTS)}")
        if fact in SQUARE_FACTS and not same_dim(*pair):
            raise ShapeError(f"{name} is {shape_text(pair)}, but {fact} needs a square matrix")
        if fact == "integer" and len(dims):
            raise ShapeError(f"{name} is {shape_text(pair)}, but integer needs a scalar")
    real = [f for f in known if f in REAL_FACTS]
    if real and not {"complex", "hermitian"}.isdisjoint(known):
        raise UnsupportedError(f"{name}: a complex symbol cannot be declared {real[0]}; that is for real ones")
    return Symbol(name, pair, known)


@dataclass(frozen=True, eq=False, repr=False)
class Number(Expr):
    """A constant scalar: a rational, pi, e, or a dimension used as a number."""

    value: sp.Expr

    def infer_shape(self) -> Shape:
        return (1, 1)

    def infer_sign(self) -> int:
        return 2 if self.value.is_positive else int(bool(self.value.is_nonnegative))

    def infer_complex(self) -> bool:
        return bool(self.value.has(sp.I))

    def own_cost(self) -> int:
        return 3 if isinstance(self.value, sp.Rational) and self.value.q != 1 else 1

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return dim_number(dim(self.value)) if isinstance(self.value, DimSymbol) else self


@dataclass(frozen=True, eq=False, repr=False)
class Let(Expr):
    """An expression under a name of its own; the same value, printed as the name."""

    name: str
    arg: Expr
    takes_tensors = keeps_axes = True

    def infer_shape(self) -> Shape:
        return (self.arg.rows, self.arg.cols)

    def own_cost(self) -> int:
        return 1 - self.arg.cost

    def infer_sign(self) -> int:
        return self.arg.sign

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return Let(self.name, operands[0])


@dataclass(frozen=True, eq=False, repr=False)
class GradientSymbol(Symbol):
    """The gradient of a named function by a named variable, as a symbol: derivations write it before they know its value."""

    function: str
    variable: str


@dataclass(frozen=True, eq=False, repr=False)
class JacobianSymbol(GradientSymbol):
    """The matrix ``d vec(U) / d vec(X)'`` of two named variables, as a symbol; ``orders`` are the numbers of their axes."""

    orders: tuple[int, int]


@dataclass(frozen=True, eq=False, repr=False)
class DifferentialSymbol(Symbol):
    """The differential of a named variable, as a symbol, such as ``dX``, when the symbol named ``wrt`` changes."""

    variable: str
    wrt: str


ONE, MINUS_ONE, ZERO = Number(sp.Integer(1)), Number(sp.Integer(-1)), Number(sp.Integer(0))
IMAGINARY_UNIT = Number(sp.I)  # 1i in text


def dim_number(dim: Dim) -> Expr:
    """A dimension as a scalar expression, such as ``n`` or ``m*n``."""
    if isinstance(dim, int):
        return Number(sp.Integer(dim))
    if isinstance(dim, sp.Symbol):
        return Number(dim)
    if isinstance(dim, sp.Rational):
        return Number(dim)
    parts = [dim_number(a) for a in dim.args]  # type: ignore[arg-type]  # the parts of a polynomial
    if isinstance(dim, sp.Mul):
        return hadamard(*parts)
    if isinstance(dim, sp.Add):
        return add(*parts)
    return power(*parts)


# ------------------------------------------------------------------ operators
class Operator(Expr):
    """Base of every operator: it **defines itself** by ``entry`` or **differentiates itself**.

    Class attributes: ``name`` in the text syntax, ``latex`` and ``code`` templates with ``#1``,
    ``#2``, ... for the operands, and ``signature``, as in ``"n,n -> 1,1"``.
    """

    name: ClassVar[str] = ""
    latex: ClassVar[str] = ""
    code: ClassVar[str] = ""
    signature: ClassVar[str] = ""
    structural: ClassVar[bool] = False  # its entries are sums of products of its operands' entries
    pulled_in_place: ClassVar[bool] = False  # whether no pullback rule holds for all operands of the same shapes
    registered: ClassVar[dict[str, type[Operator]]] = {}
    abstract: ClassVar[bool] = True

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.abstract = abstract
        if not abstract:
            cls.analytic = cls.analytic or cls.structural
            cls.require_complete()
            Operator.registered[cls.__name__] = cls

    @classmethod
    def require_complete(cls) -> None:
        """Refuse, at import, an operator with a part missing: without a rule it would have no derivative."""
        missing = [part for part in ("name", "latex", "code") if not getattr(cls, part)]
        if not cls.signature and cls.infer_shape is Operator.infer_shape:
            missing.append("signature or infer_shape")
        if cls.entry is Operator.entry and cls.differential is Operator.differential:
            missing.append("entry or differential")
        if not cls.__doc__:
            missing.append("docstring")
        if missing:
            raise TypeError(f"operator {cls.__name__} lacks {', '.join(missing)}")

    def infer_shape(self) -> Shape:
        operands = [p for p in self.parts if isinstance(p, Expr)]
        return match_signature(self.signature, self.name, operands)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        queue = iter(operands)
        parts = [next(queue) if isinstance(p, Expr) else p for p in self.parts]
        return type(self)(*parts)

    def entry(self, row: At, col: At) -> Term:
        """What the operator means: its entry in index notation."""
        raise NotImplementedError

    def differential(self, k: int, d: Expr) -> Expr:
        """What the value changes by when operand ``k`` changes by ``d``, to first order; linear in ``d``."""
        if not self.structural:
            raise NotImplementedError
        operands = list(self.operands)
        operands[k] = d
        return self.rebuild(operands)

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        """How the text syntax writes the operator: a name and its arguments."""
        return self.name, self.operands

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        """The gradient with respect to operand ``k``, where it is known better than by ``differential``."""
        return None

    def stacked(self, k: int) -> Expr | None:
        """The matrix ``M'`` with ``vec(value) = M vec(operand k)``, for an operator that is linear in it and has no entry."""
        return None


def apply(name: str, *parts: object) -> Expr:
    """The operator of that class name on these parts, for modules above the one that defines it."""
    cls: Any = Operator.registered[name]
    return cls(*parts)  # type: ignore[no-any-return]


def match_signature(signature: str, name: str, operands: Sequence[Expr]) -> Shape:
    """The result's shape by a signature such as ``"m,n; n,p -> m,p"``.

    Raises
    ------
    ShapeError
        Where an operand does not fit, naming it.
    """
    left, right = signature.split("->")
    known: dict[str, Dim] = {"1": 1}
    for pattern, e in zip(left.split(";"), operands, strict=True):
        letters = [p.strip() for p in pattern.split(",")]
        for letter, dim in zip(letters, (e.rows, e.cols), strict=True):
            if not same_dim(known.setdefault(letter, dim), dim):
                raise ShapeError(_misfit(letters, name, e, known, letter))
    rows, cols = (p.strip() for p in right.split(","))
    return _dim_of(rows, known), _dim_of(cols, known)


def _misfit(letters: list[str], name: str, e: Expr, known: dict[str, Dim], letter: str) -> str:
    shape = shape_text((e.rows, e.cols))
    if letters[0] == letters[1] != "1":
        return f"{name} needs a square matrix, but {brief(e)} is {shape}"
    if letters == ["1", "1"]:
        return f"{name} needs a scalar, but {brief(e)} is {shape}"
    if letters[1] == "1":
        wanted = known[letters[0]] if letters[0] in known and letter != "1" else None
        need = f"a vector of length {wanted}" if wanted is not None else "a vector (a column)"
        return f"{name} needs {need}, but {brief(e)} is {shape}"
    return f"{name}: {brief(e)} is {shape}, where {' x '.join(str(known.get(p, p)) for p in letters)} is needed"


def _dim_of(pattern: str, known: dict[str, Dim]) -> Dim:
    result: Dim = 1
    for part in pattern.split("*"):
        factor = known[part.strip()]
        result = factor if is_unit(result) else result * factor
    return int(result) if isinstance(result, sp.Integer) else result


def named_operator(e: Expr) -> str:
    """The name of an operator as messages give it."""
    name = str(getattr(e, "name", type(e).__name__))
    return name if name.isidentifier() else f"the operator {name}"


def brief(e: Expr, limit: int = 60) -> str:
    """The text of an expression, shortened for a message."""
    count = e.node_count()
    if count > 200:
        return f"an expression of {count} nodes"
    text = str(e)
    return text if len(text) <= limit else text[: limit - 4] + " ..."


def named_shape(e: Expr) -> str:
    """``A (m x n)``, as messages name an operand."""
    shape = shape_text((e.rows, e.cols)) if e.axes is None else " x ".join(map(str, e.axes))
    return f"{brief(e)} ({shape})"


class Entrywise(Operator, abstract=True):
    """A scalar function of every entry; scalar operands are stretched to the common shape."""

    formula: ClassVar[Any] = None  # over SLOTS; SymPy differentiates it
    slopes: ClassVar[tuple[sp.Expr, ...] | None] = None  # the derivative by each slot, where formula's is not wanted
    definition: ClassVar[Any] = None  # the operand-level formula of an operator that the user defined
    head: ClassVar[Any] = None  # SymPy's function of the same meaning, if formula is not written with it
    takes_tensors = keeps_axes = True

    @classmethod
    def require_complete(cls) -> None:
        """Refuse a function without a formula, from which its derivative follows."""
        super().require_complete()
        if cls.formula is None:
            raise TypeError(f"operator {cls.__name__} lacks formula")

    @property
    def own_formula(self) -> sp.Expr | None:
        """The formula of one node, for an operator whose formula is one of its parts."""
        return None

    def infer_shape(self) -> Shape:
        return stretch_shape(self.name, [p for p in self.parts if isinstance(p, Expr)])

    def infer_symmetric(self) -> bool:
        return all(e.symmetric for e in self.operands)

    def entry(self, row: At, col: At) -> Term:
        return Map(self, tuple(self.operand_entry(k, row, col) for k in range(len(self.operands))))

    def operand_entry(self, k: int, row: At, col: At) -> Term:
        """The entry of operand ``k`` that the entry at ``(row, col)`` uses."""
        e = self.operands[k]
        return Entry(e, None, None) if e.is_scalar else Entry(e, row, col)


def stretch_shape(name: str, operands: Sequence[Expr]) -> Shape:
    """The common shape of operands, scalars aside."""
    full = [e for e in operands if not e.is_scalar]
    if not full:
        return (1, 1)
    first = full[0]
    for e in full[1:]:
        if not (same_dim(e.rows, first.rows) and same_dim(e.cols, first.cols)):
            raise ShapeError(
                f"cannot apply {name} entrywise to {named_shape(first)} and {named_shape(e)}: {_differs(first, e)}"
            )
    return (first.rows, first.cols)


def _differs(a: Expr, b: Expr) -> str:
    if same_dim(a.rows, b.cols) and same_dim(a.cols, b.rows):
        return "transpose one of them"
    axes = []
    if not same_dim(a.rows, b.rows):
        axes.append(f"rows {a.rows} and {b.rows}")
    if not same_dim(a.cols, b.cols):
        axes.append(f"columns {a.cols} and {b.cols}")
    return " and ".join(axes) + " differ"


@dataclass(frozen=True, eq=False, repr=False)
class Add(Operator):
    """Sum of expressions of one shape."""

    args: tuple[Expr, ...]
    takes_tensors = keeps_axes = True
    name = "+"
    latex = "#1 + #2"
    code = "#1 + #2"
    structural = True

    def own_cost(self) -> int:
        return len(self.args) - 1

    def infer_shape(self) -> Shape:
        first = self.args[0]
        for e in self.args[1:]:
            if not (same_dim(e.rows, first.rows) and same_dim(e.cols, first.cols)):
                raise ShapeError(f"cannot add {named_shape(first)} and {named_shape(e)}: {_differs(first, e)}")
        return (first.rows, first.cols)

    def infer_sign(self) -> int:
        return sign_of_sum(self.args)

    def infer_symmetric(self) -> bool:
        pending: list[Expr] = []
        for e in self.args:
            c, body = coefficient(e)
            if body.symmetric:
                continue
            partner = next((p for p in pending if coefficient(p)[0] == c and are_transposes(coefficient(p)[1], body)), None)
            if partner is None:
                if len(pending) > 8:
                    return False
                pending.append(e)
            else:
                pending.remove(partner)
        return not pending

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return add(*operands)

    def entry(self, row: At, col: At) -> Term:
        return Plus(tuple(Entry(e, row, col) for e in self.args))

    def differential(self, k: int, d: Expr) -> Expr:
        return d


@dataclass(frozen=True, eq=False, repr=False)
class BroadcastAdd(Operator):
    """Sum that stretches a scalar to every entry, a column to every column, a row to every row."""

    left: Expr
    right: Expr
    takes_tensors = keeps_axes = True
    name = ".+"
    latex = "#1 + #2"
    code = "#1 + #2"
    structural = True

    def infer_shape(self) -> Shape:
        a, b = self.left, self.right
        if (a.axes is not None or b.axes is not None) and not (a.is_scalar or b.is_scalar):
            raise ShapeError(
                f"cannot add {named_shape(a)} and {named_shape(b)}: only a scalar is stretched to more than two axes"
            )
        for full, part in ((a, b), (b, a)):
            rows_fit = is_unit(part.rows) or same_dim(full.rows, part.rows)
            cols_fit = is_unit(part.cols) or same_dim(full.cols, part.cols)
            if rows_fit and cols_fit:
                return (full.rows, full.cols)
        if (is_unit(a.cols) and is_unit(b.rows)) or (is_unit(a.rows) and is_unit(b.cols)):
            column, row = (a, b) if is_unit(a.cols) else (b, a)
            raise ShapeError(
                f"cannot add the column {named_shape(column)} and the row {named_shape(row)}: "
                f"for the outer sum write {brief(column)}*ones({row.cols})' .+ {brief(row)}"
            )
        raise ShapeError(f"cannot add {named_shape(a)} and {named_shape(b)} with broadcasting: {_differs(a, b)}")

    def infer_sign(self) -> int:
        return sign_of_sum(self.operands)

    def infer_symmetric(self) -> bool:
        return self.left.symmetric and self.right.symmetric

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return broadcast_add(*operands)

    def entry(self, row: At, col: At) -> Term:
        return Plus(tuple(Entry(e, None if is_unit(e.rows) else row, None if is_unit(e.cols) else col) for e in self.operands))

    def differential(self, k: int, d: Expr) -> Expr:
        return spread(d, (self.rows, self.cols))


@dataclass(frozen=True, eq=False, repr=False)
class Product(Operator):
    """Product of a chain of matrices, rows and columns."""

    args: tuple[Expr, ...]
    name = "*"
    latex = "#1 #2"
    code = "#1 @ #2"
    structural = True

    def own_cost(self) -> int:
        return len(self.args) - 1

    def infer_shape(self) -> Shape:
        for a, b in zip(self.args, self.args[1:], strict=False):
            if not same_dim(a.cols, b.rows):
                raise ShapeError(
                    f"cannot multiply {named_shape(a)} by {named_shape(b)}: the inner dimensions {a.cols} and {b.rows} differ"
                    + _product_hint(a, b)
                )
        return (self.args[0].rows, self.args[-1].cols)

    def infer_sign(self) -> int:
        if self.is_scalar and len(self.args) == 2 and are_transposes(*self.args):
            return 1
        if self.is_scalar and len(self.args) == 3 and are_transposes(self.args[0], self.args[2]):
            middle = self.args[1]
            if isinstance(middle, Symbol) and middle.has("psd"):
                return 1
        return min(e.sign for e in self.args)

    def infer_symmetric(self) -> bool:
        n = len(self.args)
        return all(are_transposes(self.args[k], self.args[n - 1 - k]) for k in range((n + 1) // 2))

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return product(*operands)

    def entry(self, row: At, col: At) -> Term:
        inner = [axis(e.cols) for e in self.args[:-1]]
        ends = [row, *inner, col]
        body: Term = Times(tuple(Entry(e, ends[k], ends[k + 1]) for k, e in enumerate(self.args)))
        for i in reversed(inner):
            if i is not None:
                body = Sum(i, body)
        return body


def _product_hint(a: Expr, b: Expr) -> str:
    if same_dim(a.rows, b.rows):
        return f"; {brief(a)}'*{brief(b)} would fit"
    if same_dim(a.cols, b.cols):
        return f"; {brief(a)}*{brief(b)}' would fit"
    return ""


@dataclass(frozen=True, eq=False, repr=False)
class Hadamard(Entrywise):
    """Entrywise product; scalars among the factors, which come first, make it a scalar multiple."""

    args: tuple[Expr, ...]
    name = ".*"
    latex = r"#1 \odot #2"
    code = "#1 * #2"
    structural = True
    formula = SLOTS[0] * SLOTS[1]

    def infer_sign(self) -> int:
        if len(self.args) == 2 and self.args[0] is self.args[1]:
            return max(1, self.args[0].sign)
        return min(e.sign for e in self.args)

    def own_cost(self) -> int:
        c = rational(self.args[0])
        if c is None:
            return len(self.args) - 1
        return len(self.args) - 2 + 2 * ((abs(c.p) != 1) + (c.q != 1)) - self.args[0].cost

    def infer_shape(self) -> Shape:
        return stretch_shape("the product .*", self.args)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return hadamard(*operands)

    def entry(self, row: At, col: At) -> Term:
        return Times(tuple(self.operand_entry(k, row, col) for k in range(len(self.args))))

    def differential(self, k: int, d: Expr) -> Expr:
        others = [e for i, e in enumerate(self.args) if i != k]
        return hadamard(*others, d if any(not e.is_scalar for e in others) else spread(d, (self.rows, self.cols)))


@dataclass(frozen=True, eq=False, repr=False)
class Quotient(Entrywise):
    """Quotient, entry by entry; a scalar on either side is stretched."""

    above: Expr
    below: Expr
    name = "./"
    latex = r"\frac{#1}{#2}"
    code = "#1 / #2"
    formula = SLOTS[0] / SLOTS[1]
    analytic = True

    def infer_sign(self) -> int:
        return min(self.above.sign, self.below.sign)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return quotient(*operands)

    def conditions_here(self) -> tuple[str, ...]:
        if isinstance(self.below, Number) or self.below.sign == 2:
            return ()
        return (f"{brief(self.below)} nonzero" + ("" if self.below.is_scalar else " in every entry"),)


@dataclass(frozen=True, eq=False, repr=False)
class Power(Entrywise):
    """Power of every entry; scalar exponents are stretched."""

    base: Expr
    exponent: Expr
    name = ".^"
    latex = "@1^{#2}"
    code = "#1 ** #2"
    formula = SLOTS[0] ** SLOTS[1]
    analytic = True
    slopes = (SLOTS[1] * SLOTS[0] ** (SLOTS[1] - 1), SLOTS[0] ** SLOTS[1] * sp.log(SLOTS[0]))

    def infer_sign(self) -> int:
        p = rational(self.exponent)
        even = p is not None and p.is_Integer and p % 2 == 0
        return max(self.base.sign, int(even))

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return power(*operands)

    def conditions_here(self) -> tuple[str, ...]:
        p = self.exponent
        if self.base.sign == 2:
            return ()
        if isinstance(p, Number) and p.value.is_Integer:
            return () if p.value > 0 else (f"{brief(self.base)} nonzero",)
        return (f"{brief(self.base)} positive",)


@dataclass(frozen=True, eq=False, repr=False)
class Transpose(Operator):
    """The transpose."""

    arg: Expr
    name = "'"
    latex = r"@1^{\top}"
    code = "#1.T"
    structural = True

    def infer_shape(self) -> Shape:
        return (self.arg.cols, self.arg.rows)

    def own_cost(self) -> int:
        return 0 if self.arg.joins_transpose else 1

    def infer_sign(self) -> int:
        return self.arg.sign

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return transpose(operands[0])

    def entry(self, row: At, col: At) -> Term:
        return Entry(self.arg, col, row)


@dataclass(frozen=True, eq=False, repr=False)
class Item(Operator):
    """An entry, a row or a column; ``row`` and ``col`` count from 1, and 0 stands for the whole axis."""

    arg: Expr
    row: int
    col: int
    name = "()"
    latex = "#1_{:}"
    code = "#1[:]"
    structural = True

    def infer_shape(self) -> Shape:
        return (self.arg.rows if not self.row else 1, self.arg.cols if not self.col else 1)

    def entry(self, row: At, col: At) -> Term:
        at_row: At = None if is_unit(self.arg.rows) else (self.row or row)
        at_col: At = None if is_unit(self.arg.cols) else (self.col or col)
        return Entry(self.arg, at_row, at_col)


# ------------------------------------------------------------------ constants
class Constant(Operator, abstract=True):
    """An operator without operands: its value follows from dimensions alone."""

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        shown = self.dimensions()
        if len(shown) == 2 and is_unit(shown[1]):
            shown = shown[:1]
        return self.name, tuple(str(d) for d in shown)

    def dimensions(self) -> tuple[Dim, ...]:
        """The dimensions that the text syntax writes."""
        return (self.rows, self.cols)

    def differential(self, k: int, d: Expr) -> Expr:
        raise AssertionError("a constant has no operand to differentiate by")


@dataclass(frozen=True, eq=False, repr=False)
class Ones(Constant):
    """Matrix or vector of ones."""

    dims: Shape
    name = "ones"
    latex = r"\mathbf{1}"
    code = "np.ones"
    structural = True

    def infer_shape(self) -> Shape:
        return self.dims

    def infer_sign(self) -> int:
        return 2

    def infer_symmetric(self) -> bool:
        return same_dim(*self.dims)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return ones(dim(self.dims[0]), dim(self.dims[1]))

    def entry(self, row: At, col: At) -> Term:
        return Times(())


def ones(rows: object, cols: object = 1) -> Expr:
    """Vector ``ones(n)`` or matrix ``ones(m, n)`` of ones."""
    shape = (as_dim(rows, "ones"), as_dim(cols, "ones"))
    return ONE if is_unit(shape[0]) and is_unit(shape[1]) else Ones(shape)


def sign_of_sum(args: Sequence[Expr]) -> int:
    """What is known of the sign of a sum: positive where one term is and none is negative."""
    signs = [e.sign for e in args]
    return max(signs) if min(signs) >= 1 else 0


def spread(d: Expr, shape: Shape) -> Expr:
    """``d`` stretched to ``shape``: a scalar to every entry, a column to every column, a row to every row."""
    rows, cols = shape
    if same_dim(d.rows, rows) and same_dim(d.cols, cols):
        return d
    if d.is_scalar:
        return hadamard(d, ones(rows, cols))
    return product(d, transpose(ones(cols))) if is_unit(d.cols) else product(ones(rows), d)


# ------------------------------------------------------------------ the functions behind Python's operators
def as_expr(value: object) -> Expr:
    """An expression from a Python, NumPy or SymPy number, a SymPy scalar, or an expression."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, bool):
        raise OperandError(f"{value} is a truth value, not a number")
    if isinstance(value, (sp.Basic, sp.MatrixBase, sp.NDimArray)):
        if isinstance(value, (sp.Rational, sp.NumberSymbol, DimSymbol)) or value is sp.I:
            return Number(value)
        return Expr.hooks["from_sympy"](value)  # type: ignore[no-any-return]
    if getattr(value, "ndim", 0):
        raise OperandError(
            f"cannot mix an array of shape {tuple(value.shape)} with an expression: "  # type: ignore[attr-defined]
            "declare a symbol for it, and pass the array to the function that mc.compile makes"
        )
    if isinstance(value, numbers.Complex) or (hasattr(value, "dtype") and hasattr(value, "item")):
        plain = value.item() if hasattr(value, "item") else value
        if isinstance(plain, complex):
            return add(Number(exact(plain.real)), hadamard(Number(exact(plain.imag)), IMAGINARY_UNIT))
        return Number(exact(plain))
    if isinstance(value, str):
        raise OperandError(f"{value!r} is text, not an expression: mc.parse reads it, or mc.parse_latex if it is LaTeX")
    for field in ("result", "whole", "solution"):
        if isinstance(getattr(value, field, None), Expr):
            raise OperandError(f"a {type(value).__name__} is not an expression: its .{field} is one")
    raise OperandError(f"{value!r} ({type(value).__name__}) is not an expression or a number")


def exact(value: object) -> sp.Rational:
    """The number a person wrote: 0.1 is a tenth, not the nearest binary fraction."""
    if isinstance(value, numbers.Rational):
        return sp.Rational(int(value.numerator), int(value.denominator))  # type: ignore[no-any-return]
    if isinstance(value, numbers.Real):
        x = float(value)
        if x != x or x in (float("inf"), float("-inf")):
            raise OperandError(f"{x} is not a finite number")
        return sp.Rational(repr(x))  # type: ignore[no-any-return]
    raise OperandError(f"{value!r} is not a number of a kind that is known here")


def rational(e: Expr) -> sp.Rational | None:
    """The value, if the expression is a rational number."""
    return e.value if isinstance(e, Number) and isinstance(e.value, sp.Rational) else None


def coefficient(e: Expr) -> tuple[sp.Rational, Expr]:
    """``e`` as a rational number times the rest."""
    if isinstance(e, Hadamard):
        c = rational(e.args[0])
        if c is not None:
            rest = e.args[1:]
            return c, rest[0] if len(rest) == 1 else Hadamard(rest)
    if isinstance(e, Quotient):
        c, above = coefficient(e.above)
        return (c, e) if c == 1 else (c, Quotient(above, e.below))
    c = rational(e)
    return (sp.Integer(1), e) if c is None else (c, ONE)


def is_negative(e: Expr) -> bool:
    """Whether ``e`` is written with a minus sign in front."""
    return bool(coefficient(e)[0] < 0)


def add(*args: Expr) -> Expr:
    """Sum, flattened, with rational numbers folded; stretches a scalar, a column or a row as Python's ``+`` does."""
    flat: list[Expr] = []
    for e in args:
        flat.extend(e.args if isinstance(e, Add) else (e,))
    shape = next(((e.rows, e.cols) for e in flat if not e.is_scalar), (1, 1))
    if any(not (same_dim(e.rows, shape[0]) and same_dim(e.cols, shape[1])) for e in flat):
        total = args[0]
        for e in args[1:]:
            same = same_dim(total.rows, e.rows) and same_dim(total.cols, e.cols)
            total = add(total, e) if same else broadcast_add(total, e)
        return total
    values = [rational(e) for e in flat]
    if sum(v is not None for v in values) > 1 or (len(flat) > 1 and any(v is not None and v == 0 for v in values)):
        total_value = sum((v for v in values if v is not None), sp.Integer(0))
        first = next(k for k, v in enumerate(values) if v is not None)
        flat = [Number(total_value) if k == first else e for k, e in enumerate(flat) if values[k] is None or k == first]
        if total_value == 0 and len(flat) > 1:
            del flat[next(k for k, e in enumerate(flat) if rational(e) is not None)]
    return flat[0] if len(flat) == 1 else Add(tuple(flat))


def broadcast_add(left: object, right: object) -> Expr:
    """``left .+ right``: a scalar, a column or a row is added to every entry, column or row of the other.

    Raises
    ------
    ShapeError
        If neither operand stretches to the other; a column and a row are refused too (no silent outer sum).

    Examples
    --------
    >>> import matcalc as mc
    >>> M, b = mc.symbols("M[m,n] b[m]")
    >>> mc.broadcast_add(M, b)
    M .+ b
    """
    a, b = as_expr(left), as_expr(right)
    if same_dim(a.rows, b.rows) and same_dim(a.cols, b.cols):
        return add(a, b)
    return BroadcastAdd(a, b)


def negate(e: Expr) -> Expr:
    """``-e``."""
    return hadamard(MINUS_ONE, e)


def hadamard(*args: Expr) -> Expr:
    """Entrywise product, flattened: a folded number first, then scalars, then arrays."""
    number: sp.Rational = sp.Integer(1)
    scalars: list[Expr] = []
    arrays: list[Expr] = []
    for e in args:
        for f in e.args if isinstance(e, Hadamard) else (e,):
            value = rational(f)
            if value is not None:
                number = number * value
            elif f.is_scalar:
                scalars.append(f)
            else:
                arrays.append(f)
    factors = scalars + arrays
    if number != 1 and len(factors) == 1 and isinstance(factors[0], Quotient):
        return Quotient(hadamard(Number(number), factors[0].above), factors[0].below)
    if number != 1 or not factors:
        factors.insert(0, Number(number))
    return factors[0] if len(factors) == 1 else Hadamard(tuple(factors))


def scale(a: Expr, b: Expr) -> Expr:
    """``a * b`` in Python, where one of them is a scalar."""
    if a.is_scalar or b.is_scalar:
        return hadamard(a, b)
    x, y = brief(a), brief(b)
    raise OperandError(
        f"* between {named_shape(a)} and {named_shape(b)} has two readings: the matrix product is {x} @ {y}, "
        f"the entrywise product is mc.multiply({x}, {y})"
    )


def matmul(a: Expr, b: Expr) -> Expr:
    """``a @ b`` in Python and ``a*b`` in text."""
    return hadamard(a, b) if a.is_scalar or b.is_scalar else product(a, b)


def product(*args: Expr) -> Expr:
    """Matrix product of a chain, flattened, scalar factors in front."""
    scalars: list[Expr] = []
    chain: list[Expr] = []
    stack = list(reversed(args))
    while stack:
        e = stack.pop()
        if e.is_scalar:
            scalars.append(e)
        elif isinstance(e, Product):
            chain.extend(e.args)
        elif isinstance(e, Hadamard) and e.args[0].is_scalar:
            scalars.extend(f for f in e.args if f.is_scalar)
            stack.append(hadamard(*(f for f in e.args if not f.is_scalar)))
        else:
            chain.append(e)
    if len(chain) < 2:
        return hadamard(*scalars, *chain)
    body = Product(tuple(chain))
    if is_unit(chain[0].rows):  # a row times columns gives scalars, which come to the front
        cuts = [k + 1 for k, e in enumerate(chain) if is_unit(e.cols) and k + 1 < len(chain)]
        if cuts:
            head, tail = chain[: cuts[0]], chain[cuts[0] :]
            first = Product(tuple(head)) if len(head) > 1 else head[0]
            return hadamard(*scalars, first, product(*tail))
    return hadamard(*scalars, body) if scalars else body


def quotient(a: Expr, b: Expr) -> Expr:
    """``a ./ b``; dividing by a rational number multiplies by its inverse."""
    value = rational(b)
    if value is not None:
        if value == 0:
            raise MatcalcError(f"{brief(a)} is divided by zero")
        return hadamard(Number(1 / value), a)
    return Quotient(a, b)


def divide_by_scalar(a: Expr, b: Expr) -> Expr:
    """``a / b`` in Python and in text, where ``b`` is a scalar."""
    if b.is_scalar:
        return quotient(a, b)
    x, y = brief(a), brief(b)
    raise OperandError(
        f"cannot divide {named_shape(a)} by {named_shape(b)} with /: the entrywise quotient is mc.divide({x}, {y})"
        + (f", the solution of {y} X = {x} is mc.solve({y}, {x})" if b.is_square and not is_unit(b.cols) else "")
    )


def power(base: Expr, exponent: Expr) -> Expr:
    """``base .^ exponent``; powers of rational numbers to small integers are folded."""
    a, p = rational(base), rational(exponent)
    if a is not None and p is not None and p.is_Integer and abs(p) <= 64 and not (a == 0 and p <= 0):
        return Number(a**p)
    return Power(base, exponent)


def power_of(base: Expr, exponent: Expr) -> Expr:
    """``base ** exponent`` in Python and ``base^exponent`` in text: a scalar's power, or a square matrix's."""
    if not exponent.is_scalar:
        raise OperandError(f"the exponent {named_shape(exponent)} is not a scalar; entrywise powers are mc.power")
    if base.is_scalar:
        return power(base, exponent)
    return Expr.hooks["matrix_power"](base, exponent)  # type: ignore[no-any-return]


def transpose(e: Expr) -> Expr:
    """The transpose; a scalar is its own."""
    return e if e.is_scalar else Transpose(e)


def are_transposes(a: Expr, b: Expr) -> bool:
    """Whether one is the other's transpose, by the way they are written."""
    if a is b:
        return a.symmetric
    return (isinstance(a, Transpose) and a.arg is b) or (isinstance(b, Transpose) and b.arg is a)


def item(e: Expr, key: object) -> Expr:
    """``e[i]`` or ``e[a:b]`` of a vector, ``e[i, j]``, ``e[:, j]``, ``e[a:b, c:d]`` of a matrix, from 0 as in Python."""
    keys = key if isinstance(key, tuple) else (key,)
    if e.is_scalar:
        raise OperandError(f"{brief(e)} is a scalar and has no entries to take")
    vector = is_unit(e.cols) or is_unit(e.rows)
    if len(keys) == 1 and vector:
        keys = (keys[0], 0) if is_unit(e.cols) else (0, keys[0])
    elif len(keys) == 1:
        keys = (keys[0], slice(None))
    if len(keys) != 2:
        raise OperandError(f"{named_shape(e)} takes at most 2 indices, not {len(keys)}")
    ranges = [_range(e, k, d, what) for k, d, what in zip(keys, (e.rows, e.cols), ("row", "column"), strict=True)]
    places = [
        0 if r else _position(e, k, d, what)
        for r, k, d, what in zip(ranges, keys, (e.rows, e.cols), ("row", "column"), strict=True)
    ]
    part = entry_at(e, *places)
    return Expr.hooks["slice"](part, *ranges) if any(ranges) else part


def _range(e: Expr, key: object, dim: Dim, what: str) -> tuple[Dim, Dim] | None:
    """The first position from 1 and the number of positions of a slice ``a:b`` counted from 0; None for all or one."""
    if not isinstance(key, slice) or key == slice(None):
        return None
    if key.step not in (None, 1):
        raise UnsupportedError(f"{brief(e)}: a slice with a step is not supported; take entries one by one")
    first = _end(e, 0 if key.start is None else key.start, dim, what)
    last = _end(e, dim if key.stop is None else key.stop, dim, what)
    return plus_dim(first, 1), plus_dim(last, -first)


def _end(e: Expr, end: object, dim: Dim, what: str) -> Dim:
    """An end of a slice, counted from 0; a negative number counts from the end of a numeric dimension."""
    if isinstance(end, sp.Expr) and end.free_symbols and all(isinstance(s, DimSymbol) for s in end.free_symbols):
        return end
    if isinstance(end, bool) or not hasattr(end, "__index__"):
        raise OperandError(f"{brief(e)}: the end of a slice is an int or a dimension, not {end!r}")
    k = int(end.__index__())
    if k >= 0:
        return k
    if not isinstance(dim, int):
        raise ShapeError(f"{brief(e)}: {what} {k} counts from the end, which needs a numeric dimension, not {dim}")
    return k + dim


def _position(e: Expr, key: object, dim: Dim, what: str) -> int:
    if isinstance(key, slice):
        return 0
    if isinstance(key, bool) or not hasattr(key, "__index__"):
        raise OperandError(f"{brief(e)}: an index is an int or ':', not {key!r}")
    k = int(key.__index__())
    if k < 0 and not isinstance(dim, int):
        raise ShapeError(f"{brief(e)}: {what} {k} counts from the end, which needs a numeric dimension, not {dim}")
    if isinstance(dim, int) and not -dim <= k < dim:
        raise ShapeError(f"{brief(e)}: {what} index {k} is out of range for {dim} {what}s, counted from 0")
    return (k + dim if k < 0 else k) + 1


def entry_at(e: Expr, row: int, col: int) -> Expr:
    """The item at a row and a column counted from 1; 0 stands for the whole axis."""
    if (not row or is_unit(e.rows)) and (not col or is_unit(e.cols)):
        return e
    return Item(e, 0 if is_unit(e.rows) else row, 0 if is_unit(e.cols) else col)


def substitute(root: Expr, values: dict[Expr, Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
    """``root`` with nodes replaced, rebuilt over the shared graph; ``dim`` maps dimensions."""
    return substitute_all([root], values, dim)[0]


def substitute_all(roots: Sequence[Expr], values: dict[Expr, Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> list[Expr]:
    """Several expressions with nodes replaced, sharing the work."""
    done: dict[Expr, Expr] = dict(values)
    for node in postorder(roots, lambda e: () if e in values else e.operands):
        if node not in done:
            done[node] = node.rebuild([done[c] for c in node.operands], dim)
    return [done[r] for r in roots]
