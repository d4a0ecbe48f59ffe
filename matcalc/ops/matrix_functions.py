"""Functions of a square matrix, such as its exponential.

The Frechet derivative of ``f`` at ``A`` has a closed form where everything commutes: if the
upstream gradient ``G`` is itself a function of ``A'``, then the gradient is ``f'(A)' G``
[Higham, Functions of Matrices, 2008, theorem 3.4 and section 3.2]. That covers every function
under a trace; elsewhere the derivative is refused.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import sympy as sp

from matcalc.errors import UnsupportedError
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
    negate,
    product,
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

    def differential(self, k: int, d: Expr) -> Expr:
        if commutes(d, self.arg):
            return product(self.slope(), d)
        raise UnsupportedError(
            f"the derivative of {self.name}({brief(self.arg)}) has a closed form only where it commutes with what it is "
            f"multiplied by, as in tr({self.name}(A))"
        )

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return product(transpose(self.slope()), upstream) if commutes(upstream, self.arg.T) else None


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
        return (f"{brief(self.arg)} without eigenvalues that are 0 or negative",)


@dataclass(frozen=True, eq=False, repr=False)
class Sqrtm(MatrixFunction):
    """Principal matrix square root."""

    arg: Expr
    name, latex, code = "sqrtm", r"@1^{1/2}", "sqrtm(#1)"

    def slope(self) -> Expr:
        return hadamard(Number(sp.Rational(1, 2)), apply("Inverse", self))

    def conditions_here(self) -> tuple[str, ...]:
        return (f"{brief(self.arg)} without eigenvalues that are 0 or negative",)


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
