"""Functions of a square matrix that users define by a formula, ``f(A) = V diag(f(l)) V^-1`` by the eigenvalues of ``A``.

The Frechet derivative in a direction ``E`` is ``V (F .* (V^-1 E V)) V^-1``, where ``F`` holds the divided differences of
``f`` at the eigenvalues [Daleckii and Krein, 1965; Higham, Functions of Matrices, 2008, theorem 3.9].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import sympy as sp

from matcalc.dims import Dim, Shape
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import (
    SLOTS,
    Expr,
    Number,
    Operator,
    Symbol,
    add,
    as_expr,
    brief,
    hadamard,
    match_signature,
    product,
    transpose,
)
from matcalc.functions import Function, require_free_name
from matcalc.node import postorder
from matcalc.ops.linalg import inv, matrix_power
from matcalc.ops.matrix_functions import Cosm, Expm, Logm, MatrixFunction, Sinm, Sqrtm
from matcalc.ops.structure import eye
from matcalc.scalar import HEADS, in_order, raise_scalar

REAL = SLOTS[0]  # the slot of formulas that hold for real eigenvalues alone, such as abs(t)
COMPLEX = sp.Symbol("t")
MOST_DIRECTIONS = 2
NAMED: dict[object, Callable[[Expr], Expr]] = {sp.exp: Expm, sp.log: Logm, sp.sin: Sinm, sp.cos: Cosm}


def slot_of(formula: sp.Expr) -> sp.Symbol:
    """The symbol that stands for the eigenvalues."""
    return REAL if REAL in formula.free_symbols else COMPLEX


def on_eigenvalues(formula: sp.Expr, values: Expr) -> Expr:
    """The formula at a vector of eigenvalues."""
    return raise_scalar(formula, {slot_of(formula): values})


class ByFormula:
    """What a function of a matrix with a formula and its derivatives have in common."""

    function: str
    scalar: sp.Expr
    arg: Expr
    operands: tuple[Expr, ...]

    @property
    def takes_complex(self) -> bool:
        """Whether the formula holds for complex eigenvalues too."""
        return slot_of(self.scalar) is COMPLEX

    def infer_shape(self) -> Shape:
        return _shape_at(self.function, self.scalar, self.operands)

    def conditions_here(self) -> tuple[str, ...]:
        return _conditions(self.function, self.scalar, self.arg)


@dataclass(frozen=True, eq=False, repr=False)
class FormulaMatrixFunction(ByFormula, MatrixFunction):
    """A function of a square matrix with a name and a scalar formula of the user's own."""

    function: str
    scalar: sp.Expr
    arg: Expr
    name = "matrix_function"
    latex = r"#function(#1)"
    code = "by_eigenvalues(#1)"

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return at_matrix(self.function, self.scalar, operands[0])

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.function, (self.arg,)

    def slope(self) -> Expr:
        found = over_matrix(sp.diff(self.scalar, slot_of(self.scalar)), self.arg)
        return found if found is not None else at_matrix(f"{self.function}_1", _slope(self.function, self.scalar), self.arg)

    def derivative(self, at: Expr, direction: Expr, value: Expr) -> Expr:
        return FormulaFrechet(self.function, self.scalar, at, (direction,))

    def as_function(self) -> Function:
        """The function itself, to be declared where its text is read."""
        return formula_function(self.function, self.scalar)


@dataclass(frozen=True, eq=False, repr=False)
class FormulaFrechet(ByFormula, Operator):
    """Frechet derivative, of order 1 or 2, of a function of a matrix that has a formula; its adjoint is itself at ``A'``."""

    function: str
    scalar: sp.Expr
    arg: Expr
    directions: tuple[Expr, ...]
    analytic = True
    name = "matrix_function derivative"
    latex = r"L_{#function}(#1, #directions)"
    code = "by_eigenvalues(#1)"

    def infer_symmetric(self) -> bool:
        return all(e.symmetric for e in self.operands)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return FormulaFrechet(self.function, self.scalar, operands[0], tuple(operands[1:]))

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return f"d{self.function}", self.operands

    def differential(self, k: int, d: Expr) -> Expr:
        if k:
            return self.rebuild([d if i == k else e for i, e in enumerate(self.operands)])
        self._require_order()
        return self.rebuild([*self.operands, d])

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        if k == 0:
            self._require_order()
        turned = [transpose(e) for i, e in enumerate(self.directions, 1) if i != k]
        return self.rebuild([transpose(self.arg), upstream, *turned])

    def _require_order(self) -> None:
        if len(self.directions) == MOST_DIRECTIONS:
            raise UnsupportedError(
                f"derivatives of {self.function}, a function of a matrix by a formula, are supported up to order "
                f"{MOST_DIRECTIONS}; under a trace they go further"
            )
        _slope(self.function, _slope(self.function, self.scalar))

    def as_function(self) -> Function:
        """The derivative as a function, to be declared where its text is read."""
        return Function(
            f"d{self.function}",
            lambda a, *directions: FormulaFrechet(self.function, self.scalar, a, directions),
            lambda shapes, _: "; ".join(["n,n"] * len(shapes)) + " -> n,n",
            "xx?x",
        )


def _shape_at(function: str, formula: sp.Expr, operands: Sequence[Expr]) -> Shape:
    signature = "; ".join(["n,n"] * len(operands)) + " -> n,n"
    if slot_of(formula) is REAL and any(e.is_complex for e in operands):
        raise UnsupportedError(f"{function} is a function of real matrices, but {brief(operands[0])} is complex")
    return match_signature(signature, function, operands)


def _conditions(function: str, formula: sp.Expr, arg: Expr) -> tuple[str, ...]:
    found = [] if arg.symmetric else [f"{brief(arg)} diagonalizable"]
    if slot_of(formula) is REAL and not arg.symmetric:
        found = [f"{brief(arg)} diagonalizable with real eigenvalues"]
    t = Symbol("t", (1, 1), ())
    if on_eigenvalues(formula, t).conditions:
        found.append(f"{function} smooth at the eigenvalues of {brief(arg)}")
    return tuple(found)


def slopes_of(function: str, formula: sp.Expr, count: int) -> list[sp.Expr]:
    """A formula and its derivatives up to order ``count``."""
    found = [formula]
    for _ in range(count):
        found.append(_slope(function, found[-1]))
    return found


def _slope(function: str, formula: sp.Expr) -> sp.Expr:
    """The derivative of a formula, which must be one that can be written."""
    slope = sp.diff(formula, slot_of(formula))
    try:
        on_eigenvalues(slope, as_expr(1))
    except UnsupportedError as reason:
        raise UnsupportedError(f"the derivative of the formula of {function} is not supported: {reason}") from None
    return slope  # type: ignore[no-any-return]


def at_matrix(function: str, formula: sp.Expr, a: Expr) -> Expr:
    """The function at a matrix; at a scalar it is the formula itself."""
    return on_eigenvalues(formula, a) if a.is_scalar else FormulaMatrixFunction(function, formula, a)


def over_matrix(formula: sp.Expr, a: Expr) -> Expr | None:
    """A formula written with powers, products and named functions of a matrix; None where that cannot be done."""
    if a.is_scalar:
        return on_eigenvalues(formula, a)
    done: dict[sp.Basic, Expr | None] = {slot_of(formula): a}
    start: sp.Basic = formula
    for node in postorder([start], lambda e: () if e in done or e.is_Atom else e.args):
        if node not in done:
            done[node] = _over_matrix(node, done, a)
    return done[formula]


def _over_matrix(e: sp.Basic, done: dict[sp.Basic, Expr | None], a: Expr) -> Expr | None:
    assert isinstance(e, sp.Expr)
    if not e.free_symbols:
        return hadamard(raise_scalar(e, {}), eye(a.rows))
    parts = [done[x] for x in e.args]
    if isinstance(e, sp.Pow) and e.exp.is_Rational:
        base = parts[0]
        if base is None or (e.exp.q != 1 and e.exp.q != 2):
            return None
        root = base if e.exp.q == 1 else Sqrtm(base)
        return inv(root) if e.exp.p == -1 else matrix_power(root, Number(sp.Integer(e.exp.p)))
    if isinstance(e, sp.Mul):
        constant, rest = e.as_independent(slot_of(e))
        factors = [done[f] for f in sp.Mul.make_args(rest)] if rest in done or rest.is_Mul else [None]
        if any(f is None for f in factors):
            return None
        return hadamard(raise_scalar(constant, {}), product(*in_order([f for f in factors if f is not None])))
    if any(p is None for p in parts):
        return None
    known = [p for p in parts if p is not None]
    if isinstance(e, sp.Add):
        return add(*in_order(known))
    if e.func in NAMED and len(known) == 1:
        return NAMED[e.func](known[0])
    if e.func in HEADS and len(known) == 1:
        return at_matrix(f"{HEADS[e.func].name}m", e.func(slot_of(e)), known[0])
    return None


@overload
def matrix_function(a: str, f: object) -> Function: ...
@overload
def matrix_function(a: Expr, f: object, name: str | None = None) -> Expr: ...
def matrix_function(a: Expr | str, f: object, name: str | None = None) -> Expr | Function:
    """``f(A)`` for a square matrix and a scalar function, by the eigenvalues of ``A``.

    Parameters
    ----------
    a : Expr, shape (n, n)
        Or a name: then the answer is the function of that name, which expressions and text can use.
    f : sympy.Expr or SymPy function
        An expression in exactly one symbol, or a function such as ``sympy.tanh``.
    name : str, optional
        What the function is called. Without one, the formula is written with powers and functions of ``A``
        where it can be, and else called ``matfun``.

    Raises
    ------
    OperandError
        If the name is taken or the formula does not have exactly one symbol.
    UnsupportedError
        If the formula or its derivative uses a function that matcalc does not know.

    Examples
    --------
    >>> import matcalc as mc, sympy as sp
    >>> t = sp.Symbol("t")
    >>> A = mc.symbols("A[n,n]")
    >>> mc.matrix_function(A, t**2 * sp.exp(t))
    expm(A)*A^2
    >>> g = mc.matrix_function("g", sp.atan(t))
    >>> g(A)
    g(A)
    >>> mc.grad(mc.tr(g(A)), A)
    inv(A^2 + eye(n))'
    """
    if isinstance(a, str):
        return formula_function(a, read_formula(f, a))
    arg = as_expr(a)
    match_signature("n,n -> n,n", name or "matrix_function", [arg])
    formula = read_formula(f, name)
    if name is not None:
        return at_matrix(name, formula, arg)
    if not formula.free_symbols:
        return hadamard(raise_scalar(formula, {}), eye(arg.rows))
    written = over_matrix(formula, arg)
    return written if written is not None else at_matrix("matfun", formula, arg)


def formula_function(name: str, formula: sp.Expr) -> Function:
    """The function of that name with a formula over a slot."""
    return Function(name, lambda a: at_matrix(name, formula, a), "n,n -> n,n")


def read_formula(f: object, name: str | None) -> sp.Expr:
    """The formula over a slot: the complex one where the function and its code take complex numbers, else the real one."""
    if name is not None:
        require_free_name(name)
    root: object = sp.sqrt
    formula = sp.sqrt(COMPLEX) if f is root else f(COMPLEX) if isinstance(f, type) and issubclass(f, sp.Function) else f
    shown = name or "the matrix function"
    if not isinstance(formula, sp.Expr) or len(formula.free_symbols) != 1:
        raise OperandError(
            f"the formula of {shown} must be a SymPy expression in exactly one symbol or a SymPy function, not {f!r}"
        )
    if formula.has(sp.I):
        raise UnsupportedError(f"the formula of {shown} must have real coefficients, but {formula} has an I")
    given = next(iter(formula.free_symbols))
    if given.is_real is None or given.is_real:
        over = formula.xreplace({given: COMPLEX})
        if _takes_complex(over):
            return over  # type: ignore[no-any-return]
    over = formula.xreplace({given: REAL})
    on_eigenvalues(over, as_expr(1))
    _slope(shown, over)
    return over  # type: ignore[no-any-return]


def _takes_complex(formula: sp.Expr) -> bool:
    """Whether a formula and its derivative are analytic, by the functions in it."""
    t = Symbol("t", (1, 1), ("complex",))
    try:
        found = [on_eigenvalues(f, t) for f in (formula, sp.diff(formula, COMPLEX))]
    except UnsupportedError:
        return False
    return all(not isinstance(e, Operator) or e.analytic for e in postorder(found, lambda e: e.operands))
