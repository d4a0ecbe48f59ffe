"""An unspecified scalar function of an array, such as a loss ``L(f)``, and its gradient ``dL(f)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matcalc.dims import Dim, Shape, is_name
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import Expr, Operator, as_expr, hadamard
from matcalc.ops.reductions import total


@dataclass(frozen=True, eq=False, repr=False)
class Unspecified(Operator):
    """Value ``L(f)`` of an unspecified, differentiable scalar function."""

    function: str
    arg: Expr
    name = "L"
    latex = "#function(#1)"
    code = "#function(#1)"
    signature = "m,n -> 1,1"

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.function, (self.arg,)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return Unspecified(self.function, operands[0])

    def differential(self, k: int, d: Expr) -> Expr:
        return total(hadamard(UnspecifiedGradient(self.function, self.arg), d))


@dataclass(frozen=True, eq=False, repr=False)
class UnspecifiedGradient(Operator):
    """Gradient ``dL(f)`` of an unspecified function at ``f``, in the shape of ``f``."""

    function: str
    arg: Expr
    name = "dL"
    latex = r"\frac{\partial #function}{\partial #1}"
    code = "#function(#1)"

    def infer_shape(self) -> Shape:
        return (self.arg.rows, self.arg.cols)

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return f"d{self.function}", (self.arg,)

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return UnspecifiedGradient(self.function, operands[0])

    def differential(self, k: int, d: Expr) -> Expr:
        raise UnsupportedError(f"second derivatives of the unspecified function {self.function} are not supported")


@dataclass(frozen=True)
class Function:
    """An unspecified scalar-valued function: calling it on an expression gives a scalar expression."""

    name: str

    def __call__(self, arg: object) -> Expr:
        return Unspecified(self.name, as_expr(arg))

    def gradient(self, arg: object) -> Expr:
        """The gradient at ``arg``, written ``dL(arg)``."""
        return UnspecifiedGradient(self.name, as_expr(arg))


def function(name: str) -> Function:
    """An unspecified scalar-valued function, such as a loss.

    Parameters
    ----------
    name : str
        Its gradient is called ``d`` and this name.

    Raises
    ------
    OperandError
        If the name is not one.

    Examples
    --------
    >>> import matcalc as mc
    >>> W, X, b = mc.symbols("W[m,n] X[n,p] b[m]")
    >>> L = mc.function("L")
    >>> mc.grad(L(W @ X + b), b)
    dL(W*X .+ b)*ones(p)
    """
    if not isinstance(name, str) or not is_name(name):
        raise OperandError(f"{name!r} is not a name for a function: use letters, digits and _, a letter first")
    return Function(name)
