"""Points for comparing values: sizes of both parities and in both orders, values of several scales and signs.

``sampling`` makes points at which a function has a steady derivative; here nothing is differentiated. A point
honours the declared facts of every symbol, and ``facts`` may add to them: that is how "right only where A is
symmetric" is tried out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matcalc.dims import DimSymbol, is_unit
from matcalc.emit import compile_plainly
from matcalc.errors import MatcalcError
from matcalc.expr import Expr, Symbol
from matcalc.node import postorder
from matcalc.sampling import INVERTING, Point, draw_sizes, draw_symbol, is_regular, size_of, unspecified_functions

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SCALES = (1.0, 1.0, 3.0, 0.4, 1.0, 10.0, 0.1)  # of the values, a trial each
SMALLEST = (2, 3, 4)  # sizes go up from here
SHRINK = (1.0, 1.0, 0.3, 0.1)  # for further attempts at the same trial
ATTEMPTS = 16
ONE_SIGN = {"positive", "simplex", "psd", "integer"}  # what does not stay true of a symbol with its sign turned
INTEGERS = (1, 2, -1, 3, -2, 0)
MANY_SIZES = 27  # ways to give small sizes to the dimensions


def random_points(
    roots: Sequence[Expr], trials: int, seed: int, facts: Mapping[str, tuple[str, ...]] | None = None,
    among: Mapping[str, Sequence[str]] | None = None, scales: Sequence[float] = SCALES,
    smallest: Sequence[int] = SMALLEST,
) -> Iterator[Iterator[Point]]:  # fmt: skip
    """For each trial, points to be tried until one is usable.

    ``facts`` adds facts to symbols by name; ``among`` says which dimensions are of one size: a name for each of them.
    ``scales`` and ``smallest`` are the scale of the values and the smallest size, a trial each.
    """
    for k in range(trials):
        scale, first = scales[k % len(scales)], smallest[k % len(smallest)]
        yield (random_point(roots, seed, k, attempt, scale, first, facts or {}, among or {}) for attempt in range(ATTEMPTS))


def random_point(
    roots: Sequence[Expr], seed: int, trial: int, attempt: int, scale: float, first: int,
    facts: Mapping[str, tuple[str, ...]], among: Mapping[str, Sequence[str]],
) -> Point:  # fmt: skip
    """One point; later attempts have other sizes, smaller values, then positive ones."""
    import numpy as np

    rng = np.random.default_rng([seed, trial, attempt])
    least = draw_sizes(roots, rng, (1,))
    names = list(least)
    if (trial + attempt) % 2:
        names.reverse()
    if trial > 1:
        names = [names[i] for i in rng.permutation(len(names))]
    first += attempt // 2 % 3
    sizes = {d: max(least[d], first + k) for k, d in enumerate(names)}
    for d in names:
        if d.name in among:
            sizes[d] = max(sizes[other] for other in names if other.name in among[d.name])
    scale *= SHRINK[attempt % len(SHRINK)]
    positive = attempt // len(SHRINK) % 2 == 1
    values = {}
    for s in symbols_of(roots):
        known = Symbol(s.name, s.dims, tuple(sorted({*s.facts, *facts[s.name]}))) if s.name in facts else s
        x = draw_symbol(known, [size_of(d, sizes) for d in s.shape], rng, scale, positive)
        values[s.name] = -x if trial % 2 and not positive and not ONE_SIGN & set(known.facts) else x
    return Point(sizes, values, unspecified_functions(roots, seed + trial), seed)


def symbols_of(roots: Sequence[Expr]) -> list[Symbol]:
    """The symbols of several expressions, by name."""
    found = {s.name: s for r in roots for s in r.symbols}
    return [found[name] for name in sorted(found)]


class Evaluator:
    """Several expressions as one function of a point; None where one of them has no value."""

    def __init__(self, exprs: Sequence[Expr]) -> None:
        self.real = [not e.is_complex for e in exprs]
        self.call = compile_plainly(list(exprs))
        nodes = postorder(exprs, lambda e: e.operands)
        self.inverses = compile_plainly([n.operands[0] for n in nodes if isinstance(n, INVERTING)])

    def __call__(self, point: Point) -> list[Array] | None:
        """The values, if all are finite, real where they should be, and no inverse is close to singular."""
        import numpy as np

        if self.inverses.names and not is_regular(self.inverses, point):
            return None
        found = arrays_at(self.call, point.given)
        if found is None:
            return None
        for a, real in zip(found, self.real, strict=True):
            if not np.all(np.isfinite(a)) or (real and np.iscomplexobj(a)):
                return None
        return found


def value_at(call: Any, given: Mapping[str, Any]) -> Any:
    """What a compiled function gives for values by name; None where an algorithm fails."""
    import numpy as np

    with np.errstate(all="ignore"):
        try:
            return call(**{k: v for k, v in given.items() if k in call.names})
        except (np.linalg.LinAlgError, ArithmeticError, ValueError) as error:
            if isinstance(error, MatcalcError):
                raise
            return None


def arrays_at(call: Any, given: Mapping[str, Any]) -> list[Array] | None:
    """What a compiled list of expressions gives, as arrays."""
    import numpy as np

    found = value_at(call, given)
    return None if found is None else [np.asarray(a) for a in found]


# ------------------------------------------------------------------ points that a person can check
def small_points(roots: Sequence[Expr], seed: int) -> Iterator[Point]:
    """Points with small sizes and small integers, the smallest first."""
    import numpy as np

    rng = np.random.default_rng([seed, 1])
    least = draw_sizes(roots, rng, (1,))
    functions = unspecified_functions(roots, seed)
    for sizes in small_sizes(least):
        for _ in range(6):
            values = {s.name: small_value(s, [size_of(d, sizes) for d in s.shape], rng) for s in symbols_of(roots)}
            yield Point(sizes, values, functions, seed)


def small_sizes(least: Mapping[DimSymbol, int]) -> Iterator[dict[DimSymbol, int]]:
    """Sizes for the dimensions, by their sum."""
    found = [dict.fromkeys(least, 1)]
    for d in list(least)[:3]:
        found = [{**sizes, d: n} for sizes in found for n in (1, 2, 3)]
    found.sort(key=lambda sizes: (sum(sizes.values()), max(sizes.values(), default=1)))
    for sizes in found[:MANY_SIZES]:
        yield {d: max(n, least[d]) for d, n in sizes.items()}


def small_value(s: Symbol, shape: Sequence[int], rng: np.random.Generator) -> Any:
    """Small integers with the declared facts of a symbol, where there are such; else whatever has them."""
    import numpy as np

    facts = set(s.facts)
    if "integer" in facts:
        return int(rng.integers(2, 4))
    x = np.asarray(rng.choice(INTEGERS, tuple(shape)), dtype=float)
    if "simplex" in facts:
        return draw_symbol(s, shape, rng)
    if facts & {"positive"}:
        x = np.asarray(rng.integers(1, 4, tuple(shape)), dtype=float)
    if "unit" in facts:
        flat = np.zeros(x.size)
        flat[rng.integers(x.size)] = 1.0
        x = flat.reshape(x.shape)
    if s.is_complex:
        x = x + 1j * rng.choice(INTEGERS, tuple(shape))
    if len(shape) != 2 or shape[0] != shape[1] or is_unit(s.cols):
        return x
    n = shape[0]
    if "toeplitz" in facts:
        c = rng.choice(INTEGERS, 2 * n - 1)
        c = c + c[::-1] if "symmetric" in facts else c
        x = np.array([[float(c[j - i + n - 1]) for j in range(n)] for i in range(n)])
    if "orthogonal" in facts:
        x = np.eye(n)[rng.permutation(n)] * rng.choice([-1.0, 1.0], n)
    if "diagonal" in facts:
        x = np.diag(np.diag(x))
    if "psd" in facts:
        x = x @ x.conj().T + np.eye(n)
    elif s.is_hermitian:
        x = x + x.conj().T
    elif "symmetric" in facts:
        x = np.triu(x) + np.triu(x, 1).T
    if "skew" in facts:
        x = np.triu(x, 1) - np.triu(x, 1).T
    if "lower_triangular" in facts:
        x = np.tril(x)
    if "zero_diagonal" in facts:
        x = x - np.diag(np.diag(x))
    return x
