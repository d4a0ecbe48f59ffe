"""The numeric judge: a derivative against differences of the function itself, at random points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from matcalc.calculus import scalar_function, target, upstream_of
from matcalc.conjugates import is_real
from matcalc.emit import compile_plainly
from matcalc.errors import CheckError, MatcalcError, OperandError, UnsupportedError
from matcalc.expr import Expr, as_expr, named_shape
from matcalc.jacobian import LAYOUTS
from matcalc.judging.compare import Comparison
from matcalc.judging.diagnosis import Diagnosis, diagnose
from matcalc.judging.question import KINDS, Question
from matcalc.judging.reading import read_answer
from matcalc.judging.words import shape_of
from matcalc.sampling import Point, require_seed

if TYPE_CHECKING:
    import numpy as np

TOLERANCE = 1e-6  # of the largest entry; five-point differences leave about 1e-10


@dataclass(frozen=True)
class Trial:
    """One random point: the sizes and the seed that made it, and the error found there."""

    sizes: dict[str, int]
    seed: int
    error: float


@dataclass(frozen=True, repr=False)
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
    diagnosis : Diagnosis or None
        What is wrong with the answer, and the right one; None where no point was found to judge it.
    """

    passed: bool
    error: float
    trials: list[Trial] = field(default_factory=list)
    message: str = ""
    diagnosis: Diagnosis | None = None

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        verdict = "checked" if self.passed else "FAILED"
        sizes = "; ".join(", ".join(f"{k}={v}" for k, v in t.sizes.items()) or "fixed sizes" for t in self.trials[:3])
        if not self.trials:
            return f"{verdict}: {self.message}"
        text = f"{verdict}: {len(self.trials)} random points, worst relative error {self.error:.1e}"
        text += f" ({sizes}{'; ...' if len(self.trials) > 3 else ''})" if sizes else ""
        return text + (f"\n{self.message}" if self.message else "")

    __repr__ = __str__

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


def check(
    f: object, wrt: object, answer: object = None, *, kind: str = "grad", layout: str = "numerator",
    upstream: object = None, tangent: object = None, direction: object = None, trials: int = 5, seed: int = 0,
) -> CheckReport:  # fmt: skip
    """Compare a derivative with central differences of the function at random points, and say what is wrong with it.

    By a complex symbol the differences are taken along its real and its imaginary part.

    Parameters
    ----------
    f : Expr
        A scalar for a gradient, a Hessian or a Hessian-vector product.
    wrt : Symbol or str
    answer : Expr or str, optional
        The derivative to be judged; by default what matcalc gives. A text is read with the symbols of ``f``.
    kind : {"grad", "jacobian", "hessian", "vjp", "jvp", "hvp"}
    layout : str
        That of a Jacobian or a Hessian, as for ``mc.jacobian``.
    upstream, tangent, direction : Expr or str, optional
        What a vjp, a jvp or an hvp is taken along: an expression, or the name of a new symbol. By default the symbols
        ``G``, ``dX`` (of ``X``) and ``v``.
    trials : int
        The number of random points, each with its own sizes of the symbolic dimensions.
    seed : int
        Makes the points; the same seed gives the same report.

    Returns
    -------
    CheckReport
        Its ``diagnosis`` has a ``kind`` such as ``"transposed"``, a ``text``, and the ``correct`` answer.

    Raises
    ------
    OperandError
        If the answer uses a symbol that the function does not have.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x = mc.symbols("A[n,n] x[n]")
    >>> mc.check(x.T @ A @ x, x).passed
    True
    >>> mc.check(x.T @ A @ x, x, 2 * A @ x).diagnosis
    Diagnosis(kind='only for symmetric', text='it is right only where A is symmetric', correct=(A + A')*x)
    >>> mc.check(A @ x, x, A.T, kind="jacobian").diagnosis.kind
    'layout'
    """
    if not isinstance(kind, str) or kind not in KINDS:
        raise UnsupportedError(f"check of kind {kind!r} is not supported; what is: {', '.join(KINDS)}")
    if not isinstance(trials, int) or trials < 1:
        raise OperandError(f"trials is a positive int, not {trials!r}")
    require_seed(seed)
    for name, given in (("vjp", upstream), ("jvp", tangent), ("hvp", direction)):
        if given is not None and name != kind:
            raise OperandError(f"{ALONG[name][0]} is for kind={name!r}, not for kind={kind!r}")
    q = question(f, wrt, kind, layout, {"vjp": upstream, "jvp": tangent, "hvp": direction})
    claim = q.truth() if answer is None else read_answer(answer, q.f, q.roots)
    fits = q.fits(claim)
    measured = list(q.measured([claim], trials, seed))
    found = [Trial(p.size_names, p.seed, _error(claim, p, slope)) for p, slope in measured] if fits else []
    if fits:
        judged = report(found, f"{claim} is not {q.what}", q.what.removeprefix(f"the {q.noun} of "))
    else:
        shape = f"the shape of {q.w.name}" if kind == "grad" else f"the shape of the {q.noun}"
        message = f"the answer {described_shape(claim)} does not have {shape}, {q.shape_words}"
        judged = CheckReport(False, float("inf"), [], message)
    if judged.passed and answer is not None:
        off = hidden_error(q, claim, measured)
        if off:
            judged = CheckReport(False, max(off, judged.error), found, f"{claim} is not {q.what}")
    if judged.passed:
        return replace(judged, diagnosis=Diagnosis("right", f"it is {q.what}", claim))
    if not measured:
        return judged
    diagnosis = diagnose(q, claim, measured, seed)
    return replace(judged, diagnosis=diagnosis, message=f"{judged.message}: {diagnosis.text}")


def hidden_error(q: Question, claim: Expr, measured: Sequence[tuple[Point, Any]]) -> float:
    """By how much an answer that differences cannot tell from the right one differs from it beyond rounding; 0 if not at all.

    Differences are good to about 1e-10 of the largest entry, and a term may be smaller than that allows.
    """
    try:
        truth = q.truth()
    except MatcalcError:
        return 0.0
    if truth is claim or any(_error(truth, point, slope) > TOLERANCE for point, slope in measured):
        return 0.0
    comparison = Comparison(truth, claim)
    found = [comparison.at(point) for point, _ in measured]
    return max((c.error for c in found if c is not None and not c.agree), default=0.0)


ALONG = {"vjp": ("upstream", "G"), "jvp": ("tangent", "d"), "hvp": ("direction", "v")}


def question(f: object, wrt: object, kind: str, layout: str, along: Mapping[str, object]) -> Question:
    """What is asked, with everything refused that has no meaning."""
    scalar = kind in ("grad", "hessian", "hvp")
    e = scalar_function(f, "check") if scalar else as_expr(f)
    w = target(e, wrt)
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise OperandError(f"layout is one of {', '.join(LAYOUTS)}, not {layout!r}")
    if layout != "numerator" and kind not in ("jacobian", "hessian"):
        raise OperandError(f"layout is for a Jacobian or a Hessian, not for kind={kind!r}")
    if scalar and not is_real(e):
        raise OperandError(f"check needs a real function, but {e} is not known to be real: take real(f) or abs(f)^2")
    if kind != "grad" and (e.is_complex or w.is_complex):
        raise UnsupportedError(
            f"check of kind {kind!r} is for real functions of real variables; kind='grad' takes complex ones"
        )
    if kind not in ALONG:
        return Question(kind, e, w, layout)
    name, default = ALONG[kind]
    given = along[kind]
    known = {s.name: s for s in e.symbols}
    if given is None:
        given = f"d{w.name}" if kind == "jvp" else default
        if given in known:
            raise OperandError(f"{given} is a symbol of the function: name the {name} of the {kind}, as in {name}='G1'")
    like = e if kind == "vjp" else w
    direction = upstream_of(like, known.get(given, given) if isinstance(given, str) else given, f"{name} of a {kind}")
    return Question(kind, e, w, layout, direction)


def described_shape(claim: Expr) -> str:
    """An answer with its shape, and all its axes."""
    return f"{claim} ({shape_of(claim)})" if claim.axes is not None else named_shape(claim)


def report(found: list[Trial], complaint: str, what: str) -> CheckReport:
    """The report on some trials; none at all is a failure too."""
    if not found:
        return CheckReport(False, float("inf"), [], f"no random point was found at which {what} has a derivative")
    worst = max(t.error for t in found)
    return CheckReport(worst <= TOLERANCE, worst, found, "" if worst <= TOLERANCE else complaint)


def _error(claim: Expr, point: Point, slope: np.ndarray[Any, Any]) -> float:
    """The difference between a claimed gradient and finite differences, relative to the largest entry."""
    import numpy as np

    call = compile_plainly(claim)
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
