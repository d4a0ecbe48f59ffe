"""Linear operators on the triangles and the diagonals of a square matrix; each is its own adjoint."""

from __future__ import annotations

from dataclasses import dataclass

from matcalc.expr import Expr, Operator


class SelfAdjoint(Operator, abstract=True):
    """A linear operator ``S`` with ``sum(G.*S(D)) = sum(S(G).*D)``."""

    arg: Expr

    def differential(self, k: int, d: Expr) -> Expr:
        return self.rebuild([d])

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        return self.rebuild([upstream])


@dataclass(frozen=True, eq=False, repr=False)
class Tril(SelfAdjoint):
    """Lower triangle of a square matrix, zeros above the diagonal."""

    arg: Expr
    name = "tril"
    latex = r"\operatorname{tril}(#1)"
    code = "np.tril(#1)"
    analytic = True
    signature = "n,n -> n,n"


@dataclass(frozen=True, eq=False, repr=False)
class HalfTril(SelfAdjoint):
    """Lower triangle of a square matrix with its diagonal halved, zeros above; derivatives of Cholesky factors hold it."""

    arg: Expr
    name = "halftril"
    latex = r"\operatorname{halftril}(#1)"
    code = "half_tril(#1)"
    signature = "n,n -> n,n"


@dataclass(frozen=True, eq=False, repr=False)
class DiagonalSums(SelfAdjoint):
    """Every entry of a square matrix replaced by the sum along its diagonal: a Toeplitz matrix."""

    arg: Expr
    name = "diagsums"
    latex = r"\operatorname{diagsums}(#1)"
    code = "diagonal_sums(#1)"
    signature = "n,n -> n,n"

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric


@dataclass(frozen=True, eq=False, repr=False)
class DiagonalMeans(SelfAdjoint):
    """Every entry of a square matrix replaced by the mean along its diagonal: the nearest Toeplitz matrix."""

    arg: Expr
    name = "diagmeans"
    latex = r"\operatorname{diagmeans}(#1)"
    code = "diagonal_means(#1)"
    signature = "n,n -> n,n"

    def infer_symmetric(self) -> bool:
        return self.arg.symmetric
