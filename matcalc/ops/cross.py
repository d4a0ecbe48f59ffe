"""The cross product of vectors with three entries, and the skew matrix that it is a product with."""

from __future__ import annotations

from dataclasses import dataclass

from matcalc.dims import Shape
from matcalc.errors import ShapeError
from matcalc.expr import Expr, Operator, named_shape, negate, product, transpose


def require_three(name: str, *args: Expr) -> None:
    """Refuse what is not a vector with three entries."""
    for e in args:
        if (e.rows, e.cols) != (3, 1):
            raise ShapeError(f"{name} needs vectors with 3 entries, but {named_shape(e)} is not one")


@dataclass(frozen=True, eq=False, repr=False)
class CrossMatrix(Operator):
    """Skew matrix of a vector with three entries: ``crossm(x)*y = cross(x,y)``."""

    arg: Expr
    analytic = True
    name = "crossm"
    latex = r"[#1]_{\times}"
    code = "cross_matrix(#1)"
    signature = "n,1 -> n,n"

    def infer_shape(self) -> Shape:
        require_three(self.name, self.arg)
        return (3, 3)

    def differential(self, k: int, d: Expr) -> Expr:
        return CrossMatrix(d)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return Axial(upstream)


@dataclass(frozen=True, eq=False, repr=False)
class Axial(Operator):
    """The vector ``v`` with ``tr(A'*crossm(y)) = v'*y`` for every ``y``; the adjoint of ``crossm``."""

    arg: Expr
    analytic = True
    name = "axial"
    latex = r"\operatorname{axial}(#1)"
    code = "axial(#1)"
    signature = "n,n -> n,1"

    def infer_shape(self) -> Shape:
        if (self.arg.rows, self.arg.cols) != (3, 3):
            raise ShapeError(f"axial needs a 3 x 3 matrix, but {named_shape(self.arg)} is not one")
        return (3, 1)

    def differential(self, k: int, d: Expr) -> Expr:
        return Axial(d)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return CrossMatrix(upstream)


@dataclass(frozen=True, eq=False, repr=False)
class Cross(Operator):
    """Cross product of two vectors with three entries."""

    left: Expr
    right: Expr
    analytic = True
    name = "cross"
    latex = r"@1 \times @2"
    code = "np.cross(#1, #2)"
    signature = "n,1; n,1 -> n,1"

    def infer_shape(self) -> Shape:
        require_three(self.name, self.left, self.right)
        return (3, 1)

    def differential(self, k: int, d: Expr) -> Expr:
        return negate(product(CrossMatrix(self.right), d)) if k == 0 else product(CrossMatrix(self.left), d)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        turned = product(transpose(CrossMatrix(self.operands[1 - k])), upstream)
        return negate(turned) if k == 0 else turned
