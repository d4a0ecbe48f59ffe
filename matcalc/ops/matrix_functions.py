"""Functions of a square matrix, such as its exponential.

The Frechet derivative of ``f`` at ``A`` has a closed form where everything commutes: if the
upstream gradient ``G`` is itself a function of ``A'``, then the gradient is ``f'(A)' G``
[Higham, Functions of Matrices, 2008, theorem 3.4 and section 3.2]. That covers every function
under a trace. Elsewhere the derivative is an operator of its own, ``Frechet``; that of the square
root solves a Sylvester equation.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import Dim, Shape
from matcalc.errors import LimitError
from matcalc.expr import (
    Add,
    Expr,
    Hadamard,
    Let,
    Number,
    Operator,
    Product,
    Quotient,
    Transpose,
    apply,
    are_transposes,
    brief,
    hadamard,
    match_signature,
    negate,
    product,
    quotient,
    transpose,
)
from matcalc.ops.structure import Eye


def is_function_of(e: Expr, base: Expr) -> bool:
    """Whether ``e`` is built from ``base``, the identity and scalars alone, so that it commutes with ``base``."""
    stack = [(e, base)]
    while stack:
        node, target = stack.pop()
        if node.is_scalar or isinstance(node, Eye) or _same(node, target):
            continue
        match node:
            case Add(args) | Product(args):
                stack.extend((a, target) for a in args)
            case Hadamard(args) if sum(not a.is_scalar for a in args) == 1:
                stack.extend((a, target) for a in args)
            case Quotient(above, below) if below.is_scalar:
                stack.append((above, target))
            case Let(_, arg):
                stack.append((arg, target))
            case Transpose(arg):
                stack.append((arg, target.arg if isinstance(target, Transpose) else transpose(target)))
            case Operator() if node.is_matrix_function:
                stack.append((node.operands[0], target))
            case _:
                return False
    return True


def commutes(e: Expr, base: Expr) -> bool:
    """Whether both are built from one matrix, the identity and scalars, so that they commute."""
    return any(is_function_of(e, g) and is_function_of(base, g) for g in _generators(base))


def _generators(base: Expr) -> list[Expr]:
    """What a matrix may be a function of: itself, and the matrices in it without their scalar factors."""
    found = [base]
    for part in base.args if isinstance(base, Add) else (base,):
        inner = part.arg if isinstance(part, Transpose) else part
        arrays = [a for a in inner.operands if not a.is_scalar] if isinstance(inner, (Hadamard, Quotient)) else [inner]
        if len(arrays) == 1 and not isinstance(arrays[0], Eye):
            found.append(transpose(arrays[0]) if isinstance(part, Transpose) else arrays[0])
    return found


def _same(a: Expr, b: Expr) -> bool:
    """Whether two matrices are equal by the way they are written, one of them perhaps the transpose of a symmetric one."""
    return a is b or (a.symmetric and are_transposes(a, b))


class MatrixFunction(Operator, abstract=True):
    """A scalar function carried over to square matrices."""

    arg: Expr
    analytic = True
    signature = "n,n -> n,n"
    is_matrix_function = True

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric

    @abstractmethod
    def slope(self) -> Expr:
        """The derivative ``f'`` at the same matrix."""

    def derivative(self, at: Expr, direction: Expr, value: Expr) -> Expr:
        """The Frechet derivative at ``at``, where the function is ``value``, in a direction."""
        return Frechet(self.name, at, (direction,))

    def differential(self, k: int, d: Expr) -> Expr:
        return product(self.slope(), d) if commutes(d, self.arg) else self.derivative(self.arg, d, self)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        if commutes(upstream, self.arg.T):
            return product(transpose(self.slope()), upstream)
        return self.derivative(transpose(self.arg), upstream, transpose(self))


MOST_DIRECTIONS = 4  # the code works on matrices 2^k times as large


@dataclass(frozen=True, eq=False, repr=False)
class Frechet(Operator):
    """Frechet derivative of a function of a matrix, of order ``k`` in ``k`` directions [Higham and Relton, 2014].

    It is linear in each direction and the same in every order of them. Its adjoint is itself at the transpose.
    """

    function: str
    arg: Expr
    directions: tuple[Expr, ...]
    name = "dexpm"
    latex = r"L_{#function}(#1, #directions)"
    code = "frechet(#1, #2)"

    def infer_shape(self) -> Shape:
        for e in self.directions:
            match_signature("n,n; n,n -> n,n", self.label, [self.arg, e])
        return match_signature("n,n -> n,n", self.label, [self.arg])

    @property
    def label(self) -> str:
        """The name in the text syntax."""
        return f"d{self.function}"

    def infer_symmetric(self) -> bool:
        return all(e.symmetric for e in self.operands)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return Frechet(self.function, operands[0], tuple(operands[1:]))

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.label, self.operands

    def differential(self, k: int, d: Expr) -> Expr:
        if k:
            return self.rebuild([d if i == k else e for i, e in enumerate(self.operands)])
        if len(self.directions) == MOST_DIRECTIONS:
            raise LimitError(f"derivatives of {self.function} are supported up to order {MOST_DIRECTIONS}")
        return Frechet(self.function, self.arg, (*self.directions, d))

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        turned = [transpose(e) for i, e in enumerate(self.directions, 1) if i != k]
        if len(turned) == MOST_DIRECTIONS:
            raise LimitError(f"derivatives of {self.function} are supported up to order {MOST_DIRECTIONS}")
        return Frechet(self.function, transpose(self.arg), (upstream, *turned))

    def conditions_here(self) -> tuple[str, ...]:
        return _right_half(self.arg) if self.function == "logm" else ()


def frechet(function: str) -> Callable[..., Expr]:
    """The function that builds ``dexpm(X, E)``, or one like it."""

    def build(x: Expr, *directions: Expr) -> Expr:
        return Frechet(function, x, directions)

    build.__doc__ = f"``d{function}(X, E)``: the Frechet derivative of ``{function}`` at ``X`` in the direction ``E``."
    return build


def _right_half(a: Expr) -> tuple[str, ...]:
    return (f"{brief(a)} without eigenvalues that are 0 or negative",)


@dataclass(frozen=True, eq=False, repr=False)
class Expm(MatrixFunction):
    """Matrix exponential."""

    arg: Expr
    name, latex, code = "expm", r"e^{#1}", "expm(#1)"

    def slope(self) -> Expr:
        return self


@dataclass(frozen=True, eq=False, repr=False)
class Logm(MatrixFunction):
    """Principal matrix logarithm."""

    arg: Expr
    name, latex, code = "logm", r"\operatorname{logm}(#1)", "logm(#1)"

    def slope(self) -> Expr:
        return apply("Inverse", self.arg)

    def conditions_here(self) -> tuple[str, ...]:
        return _right_half(self.arg)


@dataclass(frozen=True, eq=False, repr=False)
class Sqrtm(MatrixFunction):
    """Principal matrix square root."""

    arg: Expr
    name, latex, code = "sqrtm", r"@1^{1/2}", "sqrtm(#1)"

    def slope(self) -> Expr:
        return hadamard(Number(sp.Rational(1, 2)), apply("Inverse", self))

    def derivative(self, at: Expr, direction: Expr, value: Expr) -> Expr:
        if direction.is_scalar:
            return quotient(direction, hadamard(Number(sp.Integer(2)), value))
        return apply("Sylvester", value, value, direction)

    def conditions_here(self) -> tuple[str, ...]:
        return _right_half(self.arg)


@dataclass(frozen=True, eq=False, repr=False)
class Sinm(MatrixFunction):
    """Matrix sine."""

    arg: Expr
    name, latex, code = "sinm", r"\operatorname{sinm}(#1)", "sinm(#1)"

    def slope(self) -> Expr:
        return Cosm(self.arg)


@dataclass(frozen=True, eq=False, repr=False)
class Cosm(MatrixFunction):
    """Matrix cosine."""

    arg: Expr
    name, latex, code = "cosm", r"\operatorname{cosm}(#1)", "cosm(#1)"

    def slope(self) -> Expr:
        return negate(Sinm(self.arg))
