"""Random points: sizes of the symbolic dimensions, values of the symbols, and functions for the unspecified ones.

A point is usable for a function if the function and its differences are finite and steady there;
points outside a domain, at a kink, or where a matrix is singular are drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import sympy as sp

from matcalc.dims import Dim, DimSymbol, is_unit, plus_dim
from matcalc.emit import compile_plainly
from matcalc.errors import MatcalcError, OperandError
from matcalc.expr import Expr, Item, Symbol
from matcalc.node import postorder
from matcalc.ops.blocks import Selector, Slice
from matcalc.ops.linalg import Inverse, LogDet
from matcalc.ops.structure import UnitVector
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SIZES = (3, 4, 2, 5, 6, 7)  # distinct, so that a missing transpose cannot hide
SMALL_SIZES = (2, 3, 4)  # for explicit loops
SCALES = (1.0, 0.5, 0.2)  # of the values, in turn, where a point is drawn again
ATTEMPTS = 24
INVERTING = (Inverse, LogDet)
CONDITION = 1e8  # the largest condition number of a matrix that is inverted
LEVEL = 1e4  # how much larger a function may be than its gradient
STEADY = 1e-6  # how well differences with two steps must agree


@dataclass(frozen=True)
class Point:
    """Sizes, values of the symbols by name, and the unspecified functions, all made from one seed."""

    sizes: dict[DimSymbol, int]
    values: dict[str, Any]
    functions: dict[str, Any]
    seed: int

    @property
    def size_names(self) -> dict[str, int]:
        """The sizes by the dimensions' names."""
        return {d.name: n for d, n in self.sizes.items()}

    @property
    def given(self) -> dict[str, Any]:
        """Everything a compiled expression may ask for, by name."""
        return {**self.size_names, **self.values, **self.functions}


def usable_points(
    f: Expr, w: Symbol, roots: Sequence[Expr], trials: int, seed: int, sizes: Sequence[int] = SIZES
) -> Iterator[tuple[Point, Array]]:
    """Points at which the scalar ``f`` has a gradient by ``w``, with that gradient by differences: one a trial."""
    require_seed(seed)
    for k in range(trials):
        yield from islice(candidates(f, w, roots, seed + k, sizes), 1)


def require_seed(seed: object) -> None:
    """Refuse what is not a seed."""
    if not isinstance(seed, int) or seed < 0:
        raise OperandError(f"a seed is an int from 0 up, not {seed!r}")


def candidates(
    f: Expr, w: Symbol, roots: Sequence[Expr], seed: int, sizes: Sequence[int] = SIZES
) -> Iterator[tuple[Point, Array]]:
    """All usable points that one seed makes."""
    call = compile_plainly(f)
    inverted = [n.operands[0] for n in postorder([f, *roots], lambda e: e.operands) if isinstance(n, INVERTING)]
    inverses = compile_plainly(inverted)
    for attempt in range(ATTEMPTS):
        point = draw_point([f, w, *roots], seed, attempt, sizes)
        if not is_regular(inverses, point):
            continue
        slope = steady_gradient(call, w, point)
        if slope is not None:
            yield point, slope


def is_regular(inverses: Any, point: Point) -> bool:
    """Whether every matrix that is inverted is far from singular at a point."""
    import numpy as np

    with np.errstate(all="ignore"):
        try:
            found = inverses(**{k: v for k, v in point.given.items() if k in inverses.names})
            return all(np.linalg.cond(np.atleast_2d(a)) < CONDITION for a in found)
        except np.linalg.LinAlgError:
            return False


def steady_gradient(call: Any, w: Symbol, point: Point) -> Array | None:
    """The gradient by differences, or None where two step lengths do not agree."""
    import numpy as np

    given = {k: v for k, v in point.given.items() if k in call.names}
    x = np.asarray(point.values[w.name], dtype=complex if w.is_complex else float)
    if w.name not in call.names:
        return np.zeros(x.shape)

    def value(p: Any) -> float:
        return float(np.real(call(**(given | {w.name: p}))))

    with np.errstate(all="ignore"):
        try:
            level = abs(value(x))
            coarse, fine = (gradient_by_differences(value, x, h) for h in (1e-3, 5e-4))
        except (np.linalg.LinAlgError, ValueError) as error:
            if isinstance(error, MatcalcError):
                raise
            return None
    small = level <= LEVEL * max(float(np.max(np.abs(fine), initial=0.0)), 0.1)  # else rounding drowns the differences
    return fine if np.isfinite(level) and small and is_steady(coarse, fine, 1e-6 * level) else None


def is_steady(coarse: Array, fine: Array, least: float) -> bool:
    """Whether differences with two step lengths agree, relative to the largest of them or to ``least``."""
    import numpy as np

    if not (np.all(np.isfinite(coarse)) and np.all(np.isfinite(fine))):
        return False
    scale = max(float(np.max(np.abs(fine), initial=0.0)), least, 1e-9)
    return float(np.max(np.abs(coarse - fine), initial=0.0)) <= STEADY * scale


def gradient_by_differences(f: Callable[[Any], float], x: Array, step: float) -> Array:
    """The direction of steepest ascent; of a complex array with the slopes along both parts, ``d/dRe + i d/dIm``."""
    import numpy as np

    if not np.iscomplexobj(x):
        return differences(f, x, step)
    along = differences(lambda p: f(p + 1j * x.imag), x.real.copy(), step)
    return np.asarray(along + 1j * differences(lambda p: f(x.real + 1j * p), x.imag.copy(), step))


def differences(f: Callable[[Any], float], x: Array, step: float) -> Array:
    """Gradient of a scalar function of an array by five-point central differences."""
    import numpy as np

    out = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        h = step * max(1.0, abs(float(x[place])))
        total = 0.0
        for shift, weight in STENCIL:
            moved = x.copy()
            moved[place] += shift * h
            total += weight * f(moved)
        out[place] = total / h
    return out


STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))


def draw_point(roots: Sequence[Expr], seed: int, attempt: int = 0, sizes: Sequence[int] = SIZES) -> Point:
    """A random point for everything that the expressions hold; later attempts draw smaller, then positive values."""
    import numpy as np

    rng = np.random.default_rng([seed, attempt])
    dims = draw_sizes(roots, rng, sizes)
    scale = SCALES[attempt % len(SCALES)]
    positive = attempt // len(SCALES) % 2 == 1
    symbols = {s.name: s for r in roots for s in r.symbols}
    values = {
        name: draw_symbol(symbols[name], [size_of(d, dims) for d in symbols[name].shape], rng, scale, positive)
        for name in sorted(symbols)
    }
    return Point(dims, values, unspecified_functions(roots, seed), seed)


def draw_sizes(roots: Sequence[Expr], rng: np.random.Generator, sizes: Sequence[int] = SIZES) -> dict[DimSymbol, int]:
    """A size for every symbolic dimension, large enough for the entries that the expressions name."""
    found = least_sizes(roots)
    order = rng.permutation(max(len(sizes), len(found)))
    return {d: max(least, sizes[k % len(sizes)]) for (d, least), k in zip(found.items(), order, strict=False)}


def least_sizes(roots: Sequence[Expr]) -> dict[DimSymbol, int]:
    """Every symbolic dimension with the least size that the entries and parts which the expressions name allow."""
    found: dict[DimSymbol, int] = {}
    for node in postorder(roots, lambda e: e.operands):
        for d in (node.rows, node.cols, getattr(node, "value", 1)):
            if isinstance(d, sp.Basic):
                for s in sorted((s for s in d.free_symbols if isinstance(s, DimSymbol)), key=str):
                    found.setdefault(s, 1)
        for d, least in _least_sizes(node):
            if isinstance(d, DimSymbol):
                found[d] = max(found.get(d, 1), least)
    return found


def _least_sizes(e: Expr) -> list[tuple[Dim, int]]:
    match e:
        case Item(arg, row, col):
            return [(arg.rows, row), (arg.cols, col)]
        case Slice(arg, rows, cols):
            return [x for r, d in ((rows, arg.rows), (cols, arg.cols)) if r for x in _within(d, *r)]
        case Selector(total, start, count):
            return _within(total, start, count)
        case UnitVector(position, dim):
            return [(dim, position)]
        case _:
            return []


def _within(total: Dim, start: Dim, count: Dim) -> list[tuple[Dim, int]]:
    """What makes a range of positions lie inside: its last one is there, and it has one."""
    found: list[tuple[Dim, int]] = []
    last = plus_dim(start, count, -1)
    if isinstance(last, int):
        found.append((total, last))
    for d in (start, count):
        if not isinstance(d, int) and len(d.free_symbols) == 1:  # such as n - 2
            (s,) = d.free_symbols
            rest = plus_dim(d, -s)  # type: ignore[operator]
            if isinstance(rest, int):
                found.append((s, 1 - rest))  # type: ignore[arg-type]
    return found


def size_of(d: Dim, sizes: Mapping[DimSymbol, int]) -> int:
    """The number that a dimension is."""
    return d if isinstance(d, int) else int(d.subs(list(sizes.items())))


def draw_symbol(s: Symbol, shape: Sequence[int], rng: np.random.Generator, scale: float = 1.0, positive: bool = False) -> Any:
    """A random value of one symbol, honouring its declared facts."""
    import numpy as np

    facts = set(s.facts)
    if "integer" in facts:
        return int(rng.integers(2, 5))
    if positive or facts & {"positive", "simplex"} or (s.is_scalar and "psd" in facts):
        x = rng.uniform(0.3, 1.4, tuple(shape))
    else:
        x = rng.normal(size=tuple(shape))
    x = scale * x
    if s.is_complex and not positive:
        x = x + 1j * scale * rng.normal(size=tuple(shape))
    elif s.is_complex:
        x = x * np.exp(0.4j * rng.normal(size=tuple(shape)))
    if "simplex" in facts:
        x = x / x.sum(axis=-1, keepdims=True)
    if len(shape) != 2 or shape[0] != shape[1] or is_unit(s.cols):
        return x / np.linalg.norm(x) if "unit" in facts else x
    return _with_structure(x, facts, rng, s.is_hermitian)


def _with_structure(x: Array, facts: set[str], rng: np.random.Generator, hermitian: bool = False) -> Array:
    """A square matrix bent to its facts."""
    import numpy as np

    n = len(x)
    if "toeplitz" in facts:
        c = rng.normal(size=2 * n - 1)
        c = (c + c[::-1]) / 2 if "symmetric" in facts else c
        x = np.array([[c[j - i + n - 1] for j in range(n)] for i in range(n)])
    if "orthogonal" in facts:
        x = np.linalg.qr(x)[0]
    if "psd" in facts:
        x = x @ x.conj().T / n + 0.5 * np.eye(n)
    if hermitian:
        x = (x + x.conj().T) / 2
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
    if "invertible" in facts and not facts & {"psd", "orthogonal", "skew", "zero_diagonal"}:
        x = x + n * np.eye(n)
    return x


def unspecified_functions(roots: Sequence[Expr], seed: int) -> dict[str, Any]:
    """A smooth function, with its gradient, for every unspecified one."""
    kinds = (Unspecified, UnspecifiedGradient)
    names = {node.function for node in postorder(roots, lambda e: e.operands) if isinstance(node, kinds)}
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
