"""The numeric judge: a derivative against differences of the function itself, at random points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from matcalc.calculus import grad, scalar_function, target
from matcalc.conjugates import is_real
from matcalc.dims import same_dim, shape_text
from matcalc.emit import compile as compile_expr
from matcalc.errors import CheckError, OperandError, UnsupportedError
from matcalc.expr import Expr, as_expr, named_shape
from matcalc.sampling import Point, usable_points

if TYPE_CHECKING:
    import numpy as np

KINDS = ("grad",)
TOLERANCE = 1e-6  # of the largest entry; five-point differences leave about 1e-10


@dataclass(frozen=True)
class Trial:
    """One random point: the sizes and the seed that made it, and the error found there."""

    sizes: dict[str, int]
    seed: int
    error: float


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes
    ----------
    passed : bool
    error : float
        The worst difference over all trials, relative to the largest entry.
    trials : list of Trial
    message : str
        What went wrong, in words; empty if nothing did.
    """

    passed: bool
    error: float
    trials: list[Trial] = field(default_factory=list)
    message: str = ""

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        verdict = "checked" if self.passed else "FAILED"
        sizes = "; ".join(", ".join(f"{k}={v}" for k, v in t.sizes.items()) or "fixed sizes" for t in self.trials[:3])
        text = f"{verdict}: {len(self.trials)} random points, worst relative error {self.error:.1e}"
        text += f" ({sizes}{'; ...' if len(self.trials) > 3 else ''})" if sizes else ""
        return text + (f"\n{self.message}" if self.message else "")

    def require(self) -> CheckReport:
        """The report itself if the check passed.

        Raises
        ------
        CheckError
            If it did not.
        """
        if not self.passed:
            raise CheckError(str(self))
        return self


def check(f: object, wrt: object, answer: object = None, *, kind: str = "grad", trials: int = 5, seed: int = 0) -> CheckReport:
    """Compare a gradient with central differences of the function at random points.

    By a complex symbol the differences are taken along its real and its imaginary part.

    Parameters
    ----------
    f : Expr, scalar
    wrt : Symbol or str
    answer : Expr, optional
        The gradient to be judged; by default what ``grad`` gives.
    kind : {"grad"}
    trials : int
        The number of random points, each with its own sizes of the symbolic dimensions.
    seed : int
        Makes the points; the same seed gives the same report.

    Returns
    -------
    CheckReport

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x = mc.symbols("A[n,n] x[n]")
    >>> mc.check(x.T @ A @ x, x).passed
    True
    >>> mc.check(x.T @ A @ x, x, 2 * A @ x).passed
    False
    """
    if kind not in KINDS:
        raise UnsupportedError(f"check of kind {kind!r} is not supported; what is: {', '.join(KINDS)}")
    if not isinstance(trials, int) or trials < 1:
        raise OperandError(f"trials is a positive int, not {trials!r}")
    e = scalar_function(f, "check")
    w = target(e, wrt)
    if not is_real(e):
        raise OperandError(f"check needs a real function, but {e} is not known to be real: take real(f) or abs(f)^2")
    claim = grad(e, w) if answer is None else as_expr(answer)
    if not (same_dim(claim.rows, w.rows) and same_dim(claim.cols, w.cols)):
        message = f"the answer {named_shape(claim)} does not have the shape of {w.name}, {shape_text((w.rows, w.cols))}"
        return CheckReport(False, float("inf"), [], message)
    found = [
        Trial(point.size_names, point.seed, _error(claim, point, slope))
        for point, slope in usable_points(e, w, [claim], trials, seed)
    ]
    return report(found, f"{claim} is not the gradient of {e} by {w.name}", f"{e} by {w.name}")


def report(found: list[Trial], complaint: str, what: str) -> CheckReport:
    """The report on some trials; none at all is a failure too."""
    if not found:
        return CheckReport(False, float("inf"), [], f"no random point was found at which {what} has a derivative")
    worst = max(t.error for t in found)
    return CheckReport(worst <= TOLERANCE, worst, found, "" if worst <= TOLERANCE else complaint)


def _error(claim: Expr, point: Point, slope: np.ndarray[Any, Any]) -> float:
    """The difference between a claimed gradient and finite differences, relative to the largest entry."""
    import numpy as np

    call = compile_expr(claim)
    with np.errstate(all="ignore"):
        try:
            got = np.asarray(call(**{k: v for k, v in point.given.items() if k in call.names}))
        except np.linalg.LinAlgError:
            return float("inf")
    return relative_error(got, slope.reshape(got.shape))


def relative_error(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """The largest difference of two arrays relative to their largest entry; infinite where one is not finite."""
    import numpy as np

    scale = max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)), 1e-3)
    error = float(np.max(np.abs(a - b), initial=0.0)) / scale
    return error if np.isfinite(error) else float("inf")
