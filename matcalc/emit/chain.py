"""The order in which a chain of factors is multiplied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from matcalc.dims import is_unit
from matcalc.emit.forms import Form, Forms
from matcalc.emit.grams import are_transposed, gram, weights_of
from matcalc.emit.sizes import Sizes
from matcalc.expr import Expr, Transpose

LONG_SEGMENT = 6  # the longest run of factors that is looked for in other chains
LONGEST = 60  # chains longer than this are ordered in linear time

Factor = tuple[Expr, bool] | None  # where a factor comes from, and whether it is transposed; None if from nowhere else
Segments = Mapping[tuple[Factor, ...], int]  # how often a run of factors occurs, if more than once


def entries(f: Form, sizes: Sizes) -> float:
    """How many numbers the form holds."""
    full = sizes.of(f.rows) * sizes.of(f.cols)
    match f.kind:
        case "full" | "inverse":
            return full
        case "eye" | "unit" | "all":
            return 1
        case "diag" | "col":
            return sizes.of(f.rows)
        case "row":
            return sizes.of(f.cols)


def run_key(run: Sequence[Factor]) -> tuple[Factor, ...]:
    """A key that a run of factors shares with its transpose."""
    flipped = tuple(None if f is None else (f[0], not f[1] and not f[0].symmetric) for f in reversed(run))
    straight = tuple(run)
    return min(straight, flipped, key=lambda fs: [(id(f[0]), f[1]) if f is not None else (0, False) for f in fs])


def multiply_chain(forms: Forms, factors: Sequence[Form], origin: Sequence[Factor], segments: Segments) -> Form:
    """The product of all factors; ``origin`` tells which runs are shared with other chains."""
    if len(factors) > LONGEST:
        return _greedy(forms, factors)
    _, splits = best_splits(forms.sizes, factors, origin, segments)
    return multiply_splits(forms, factors, splits, 0, len(factors) - 1)


def split_chain(forms: Forms, factors: Sequence[Form], origin: Sequence[Factor], segments: Segments) -> tuple[Form, Form]:
    """The two sides of the last multiplication."""
    if len(factors) > LONGEST:
        return _greedy(forms, factors[:-1]), factors[-1]
    _, splits = best_splits(forms.sizes, factors, origin, segments)
    last = len(factors) - 1
    k = splits[0, last]
    return multiply_splits(forms, factors, splits, 0, k), multiply_splits(forms, factors, splits, k + 1, last)


def multiply_splits(forms: Forms, factors: Sequence[Form], splits: dict[tuple[int, int], int], i: int, j: int) -> Form:
    """The product of the factors ``i`` to ``j``, in the order of ``best_splits``."""
    if i == j:
        return factors[i]
    if j == i + 2 and factors[i + 1].kind == "diag" and are_transposed(forms, factors[i], factors[j]):
        return gram(forms, factors[i], weights_of(forms, factors[i + 1].value))
    k = splits[i, j]
    left = multiply_splits(forms, factors, splits, i, k)
    return forms.multiply(left, multiply_splits(forms, factors, splits, k + 1, j))


def best_splits(
    sizes: Sizes, factors: Sequence[Form], origin: Sequence[Factor], segments: Segments
) -> tuple[dict[tuple[int, int], tuple[float, str]], dict[tuple[int, int], int]]:
    """The cost of every run and where to split it, by dynamic programming.

    Of equal splits the one that puts columns first, else the left. The cost comes with the form of the product.
    """
    n = len(factors)
    ends = [sizes.of(f.rows) for f in factors] + [sizes.of(factors[-1].cols)]
    best: dict[tuple[int, int], tuple[float, str]] = {(i, i): (0.0, f.kind) for i, f in enumerate(factors)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            found: tuple[float, str] | None = None
            ks = range(i, j) if ends[j + 1] == 1 else range(j - 1, i - 1, -1)
            for k in ks:
                (left, x), (right, y) = best[i, k], best[k + 1, j]
                work, kind = _work(x, y, ends[i], ends[k + 1], ends[j + 1])
                cost = left + right + work
                if found is None or cost < found[0]:
                    found = (cost, kind)
                    splits[i, j] = k
            assert found is not None
            times = segments.get(run_key(origin[i : j + 1]), 1) if segments else 1
            best[i, j] = (found[0] / times, found[1])
    return best, splits


def _work(x: str, y: str, p: float, q: float, r: float) -> tuple[float, str]:
    """The multiplications of ``x y`` (p by q, q by r), and the form of the result."""
    if x == "eye" or y == "eye":
        return 0, y if x == "eye" else x
    if x == "diag" and y == "diag":
        return p, "diag"
    if x == "diag" and y not in ("inverse", "unit"):
        return q * r, "full"
    if y == "diag" and x not in ("inverse", "unit"):
        return p * q, "full"
    if x in ("all", "col", "row") or y in ("all", "col", "row"):
        if q == 1:
            return 0, "col" if y in ("all", "col", "row") else "row"
        return (q * r if x in ("all", "col", "row") else p * q), "full"
    if x == "inverse":
        return q**3 / 3 + q * q * r + (2 * q**3 / 3 if y == "inverse" else 0), "full"
    if y == "inverse":
        return q**3 / 3 + p * q * q, "full"
    if x == "unit" or y == "unit":
        return p * r, "full"
    return p * q * r, "full"


def _greedy(forms: Forms, factors: Sequence[Form]) -> Form:
    """Runs that a unit dimension ends are folded from the vector, the others from the left."""
    runs: list[list[Form]] = [[]]
    for f in factors:
        runs[-1].append(f)
        if is_unit(f.cols):
            runs.append([])
    done: list[Form] = []
    for run in runs:
        if not run:
            continue
        if is_unit(run[-1].cols):
            run.reverse()
        out = run[0]
        for f in run[1:]:
            out = forms.multiply(f, out) if is_unit(run[0].cols) else forms.multiply(out, f)
        done.append(out)
    out = done[0]
    for f in done[1:]:
        out = forms.multiply(out, f)
    return out


def factor_of(e: Expr, flip: bool = False) -> Factor:
    """Where a factor comes from; vectors and symmetric matrices stand for their transposes too."""
    while isinstance(e, Transpose):
        e, flip = e.arg, not flip
    return e, flip and not e.symmetric


def runs_of(row: list[Factor]) -> Iterator[tuple[Factor, ...]]:
    """The runs of factors in a chain, those that overlap an equal one left out."""
    n = len(row)
    longest = LONG_SEGMENT if n <= 2 * LONG_SEGMENT else 2
    last: dict[tuple[Factor, ...], int] = {}
    for i in range(n):
        for j in range(i + 2, min(n, i + longest) + 1):
            key = run_key(row[i:j])
            if last.get(key, 0) <= i:
                last[key] = j
                yield key
