"""The numeric judge: a derivative against differences of the function itself, at random points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy as sp

from matcalc.calculus import grad, scalar_function, target
from matcalc.dims import Dim, DimSymbol, same_dim, shape_text
from matcalc.emit import compile as compile_expr
from matcalc.errors import CheckError, OperandError, UnsupportedError
from matcalc.expr import Expr, Symbol, as_expr, named_shape
from matcalc.node import postorder
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient

if TYPE_CHECKING:
    import numpy as np

KINDS = ("grad",)
TOLERANCE = 1e-6  # of the largest entry; five-point differences leave about 1e-10
SIZES = (3, 4, 2, 5, 6, 7)  # distinct, so that a missing transpose cannot hide


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
    claim = grad(e, w) if answer is None else as_expr(answer)
    if not (same_dim(claim.rows, w.rows) and same_dim(claim.cols, w.cols)):
        message = f"the answer {named_shape(claim)} does not have the shape of {w.name}, {shape_text((w.rows, w.cols))}"
        return CheckReport(False, float("inf"), [], message)
    found = [run_trial(e, w, claim, seed + k) for k in range(trials)]
    worst = max(t.error for t in found)
    passed = worst <= TOLERANCE
    message = "" if passed else f"{claim} is not the gradient of {e} by {w.name}"
    return CheckReport(passed, worst, found, message)


def run_trial(e: Expr, w: Symbol, claim: Expr, seed: int) -> Trial:
    """The difference between a claimed gradient and finite differences at one random point."""
    import numpy as np

    sizes = sizes_for([e, claim], seed)
    values = draw([e, claim], sizes, seed)
    given = {**values, **sizes_by_name(sizes), **unspecified_functions([e, claim], seed)}
    value = _bound(e, given)
    derivative = _bound(claim, given)
    x = np.asarray(values[w.name], dtype=float)
    got = np.asarray(derivative({}), dtype=float)
    want = np.reshape(differences(lambda p: value({w.name: p}), x), got.shape)
    scale = max(float(np.max(np.abs(want), initial=0.0)), float(np.max(np.abs(got), initial=0.0)), 1e-3)
    error = float(np.max(np.abs(got - want), initial=0.0)) / scale
    return Trial(sizes_by_name(sizes), seed, error if np.isfinite(error) else float("inf"))


def _bound(e: Expr, given: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Any]:
    """The compiled expression with its arguments filled in, some of them replaceable."""
    call = compile_expr(e)
    return lambda change: call(**{k: v for k, v in {**given, **change}.items() if k in call.names})


def differences(f: Callable[[Any], Any], x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Gradient of a scalar function of an array by five-point central differences."""
    import numpy as np

    out = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        h = 1e-3 * max(1.0, abs(float(x[place])))
        total = 0.0
        for step, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12)):
            moved = x.copy()
            moved[place] += step * h
            total += weight * float(f(moved))
        out[place] = total / h
    return out


# ------------------------------------------------------------------ random points
def sizes_for(roots: list[Expr], seed: int) -> dict[DimSymbol, int]:
    """A size for every symbolic dimension: distinct and small, and now and then 1."""
    import numpy as np

    rng = np.random.default_rng([seed, 1])
    names: dict[DimSymbol, None] = {}
    for node in postorder(roots, lambda e: e.operands):
        for d in (node.rows, node.cols, getattr(node, "value", 1)):
            if isinstance(d, sp.Basic):
                names.update(dict.fromkeys(sorted((s for s in d.free_symbols if isinstance(s, DimSymbol)), key=str)))
    order = rng.permutation(max(len(SIZES), len(names)))
    return {d: (SIZES[k] if k < len(SIZES) else 2 + int(k)) for d, k in zip(names, order, strict=False)}


def sizes_by_name(sizes: Mapping[DimSymbol, int]) -> dict[str, int]:
    """Sizes by the dimensions' names."""
    return {d.name: n for d, n in sizes.items()}


def size_of(d: Dim, sizes: Mapping[DimSymbol, int]) -> int:
    """The number that a dimension is."""
    return d if isinstance(d, int) else int(d.subs(sizes))


def draw(roots: list[Expr], sizes: Mapping[DimSymbol, int], seed: int) -> dict[str, Any]:
    """A random value for every symbol, honouring its declared facts."""
    import numpy as np

    rng = np.random.default_rng([seed, 2])
    symbols = {s.name: s for r in roots for s in r.symbols}
    out: dict[str, Any] = {}
    for name in sorted(symbols):
        s = symbols[name]
        out[name] = draw_symbol(s, tuple(size_of(d, sizes) for d in s.shape), rng)
    return out


def draw_symbol(s: Symbol, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """A random value of one symbol."""
    import numpy as np

    facts = set(s.facts)
    if "integer" in facts:
        return int(rng.integers(2, 5))
    x = rng.uniform(0.3, 1.4, shape) if facts & {"positive", "simplex"} else rng.normal(size=shape)
    if "simplex" in facts:
        x = x / x.sum(axis=-1, keepdims=True)
    if len(shape) != 2 or shape[0] != shape[1]:
        return x / np.linalg.norm(x) if "unit" in facts else x
    n = shape[0]
    if "toeplitz" in facts:
        c = rng.normal(size=2 * n - 1)
        c = (c + c[::-1]) / 2 if "symmetric" in facts else c
        x = np.array([[c[j - i + n - 1] for j in range(n)] for i in range(n)])
    if "orthogonal" in facts:
        x = np.linalg.qr(x)[0]
    if "psd" in facts:
        x = x @ x.T / n + 0.5 * np.eye(n)
    if "symmetric" in facts:
        x = (x + x.T) / 2
    if "skew" in facts:
        x = (x - x.T) / 2
    if "lower_triangular" in facts:
        x = np.tril(x)
    if "diagonal" in facts:
        x = np.diag(np.diag(x))
    if "zero_diagonal" in facts:
        x = x - np.diag(np.diag(x))
    if "invertible" in facts and not facts & {"psd", "orthogonal", "skew"}:
        x = x + n * np.eye(n)
    return x


def unspecified_functions(roots: list[Expr], seed: int) -> dict[str, Any]:
    """A smooth function, with its gradient, for every unspecified one."""
    names = {
        node.function for node in postorder(roots, lambda e: e.operands) if isinstance(node, (Unspecified, UnspecifiedGradient))
    }
    out: dict[str, Any] = {}
    for k, name in enumerate(sorted(names)):
        out[name], out[f"d{name}"] = smooth_function(seed + k)
    return out


def smooth_function(seed: int) -> tuple[Callable[[Any], float], Callable[[Any], Any]]:
    """A smooth scalar function of an array of any shape, and its gradient."""
    import numpy as np

    def weights(x: Any) -> tuple[Any, Any, Any]:
        rng = np.random.default_rng([seed, 3])
        a, b, c = rng.normal(size=(3, *np.shape(x)))
        return a, b, c

    def value(x: Any) -> float:
        a, b, c = weights(x)
        return float(np.sum(np.sin(a * x + b)) + 0.5 * np.sum(c * x) ** 2)

    def gradient(x: Any) -> Any:
        a, b, c = weights(x)
        return a * np.cos(a * x + b) + c * np.sum(c * x)

    return value, gradient
