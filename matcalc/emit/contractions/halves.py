"""Chains of factors that read the same from both ends, ``H M H'``: one half is computed, and once.

``H H'`` of one array and its own transpose is what BLAS calls syrk, half the work of a product. Weights between the
halves that are nowhere negative enter as their square root on one copy, ``(H sqrt(w)) (H sqrt(w))'``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matcalc.dims import is_unit
from matcalc.emit.chain import LONGEST, Factor, best_splits, multiply_splits
from matcalc.emit.contractions.labelled import Labelled, letter_of
from matcalc.emit.contractions.mirrored import KnownHalf
from matcalc.emit.forms import Form, Forms
from matcalc.emit.grams import Weights, gram, weights_of
from matcalc.emit.planner import Planner
from matcalc.emit.values import Value
from matcalc.expr import Expr

IN_HALVES = ("full", "diag", "inverse")  # how the factors of a half may be held


@dataclass(frozen=True)
class Scale:
    """A scalar that meets a product, and how: ``combine(number, entries)``."""

    number: Value
    combine: Callable[[Value, Value], Value]


def flipped(f: Factor) -> Factor:
    """The key of a factor's transpose, as ``factor_of`` makes it."""
    if f is None:
        return None
    e, flip = f
    assert isinstance(e, Expr)
    return e, not (flip or e.symmetric)


def half_length(origin: Sequence[Factor]) -> int:
    """How many factors at the end of a chain are those at its start, transposed, in reverse.

    ``X' D X`` and ``X' A D A' X`` give 1 and 2; the factors between the halves are ``origin[k : n - k]``.
    """
    k, n = 0, len(origin)
    while k < n // 2 and origin[k] is not None and origin[n - 1 - k] == flipped(origin[k]):
        k += 1
    return k


def middle_weights(planner: Planner, factors: Sequence[Form], scale: Scale | None) -> Weights:
    """Diagonal factors as one vector, times a positive number."""
    value = planner.b.fold(planner.b.mul, [f.value for f in factors])
    return weights_of(planner.f, scale.combine(scale.number, value) if scale else value)


def is_positive(v: Value) -> bool:
    """Whether a scalar is a positive number, or made of them and of dimensions."""
    if v.code == "const":
        return isinstance(v.of, (int, float)) and v.of > 0
    return v.code == "dim" or (v.code in ("#1 / #2", "#1 * #2") and all(map(is_positive, v.args)))


def multiply_halves(
    planner: Planner, factors: Sequence[Form], origin: Sequence[Factor], scale: Scale | None = None
) -> Form | None:
    """The product of a chain ``H M H'`` with nothing or a diagonal ``M``, from one half; None for another chain.

    A scalar meets the weights if it keeps their sign, else the result. Where the inner dimension is large, only the inner
    part of the chain is taken as a half, and the outer factors are multiplied to the small square matrix that it gives.
    """
    if not planner.backend.expands:
        return None
    n, k, forms = len(factors), half_length(origin), planner.f
    if k == 0 or k > LONGEST or any(f.kind not in IN_HALVES for f in factors[:k]) or is_unit(factors[0].rows):
        return None
    if any(f.kind != "diag" for f in factors[k : n - k]):
        return None
    best, splits = best_splits(forms.sizes, factors[:k], [None] * k, {})
    start = _start_of_half(forms, factors[:k], best)
    if all(f.kind == "diag" for f in factors[start:k]):
        return None
    half = _half(planner, factors[start:k], origin[start:k])
    if half.kind != "full":
        return None
    remember(planner, factors[start:k], half)
    weights, inside = None, False
    if n > 2 * k:
        inside = scale is not None and is_positive(scale.number)
        weights = middle_weights(planner, factors[k : n - k], scale if inside else None)
    square = gram(forms, half, weights)
    if start > 0:
        outer = multiply_splits(forms, factors, splits, 0, start - 1)
        square = forms.multiply(forms.multiply(outer, square), forms.transpose(outer))
    return square if scale is None or inside else forms.scale(scale.number, square, scale.combine)


def _half(planner: Planner, factors: Sequence[Form], origin: Sequence[Factor]) -> Form:
    """The product of half a chain, written from its end if that needs fewer transposes."""
    forms = planner.f
    turned = [f.kind == "full" and not f.is_vector and f.value.code == "#1.T" for f in factors]
    if 2 * sum(turned) > len([f for f in factors if f.kind == "full" and not f.is_vector]):
        factors, origin = [forms.transpose(f) for f in reversed(factors)], [flipped(f) for f in reversed(origin)]
        return forms.transpose(_half(planner, factors, origin))
    _, splits = best_splits(forms.sizes, factors, origin, planner.segments)
    return multiply_splits(forms, factors, splits, 0, len(factors) - 1)


def remember(planner: Planner, factors: Sequence[Form], half: Form) -> None:
    """Keep half a chain for other products that hold its factors."""
    if len(factors) < 2 or any(f.kind == "inverse" for f in factors):
        return
    arrays: list[Labelled] = []
    at = 0  # the place along the chain; a diagonal factor does not move it
    for f in factors:
        if f.kind == "diag":
            arrays.append(Labelled(letter_of(at), f.value))
        else:
            arrays.append(
                Labelled.read(f, "" if is_unit(f.rows) else letter_of(at), "" if is_unit(f.cols) else letter_of(at + 1))
            )
            at += 1
    ends = [letter_of(k) if not is_unit(d) else "" for k, d in ((0, half.rows), (at, half.cols))]
    planner.halves.append(KnownHalf(tuple(arrays), Labelled.read(half, *ends)))


def _start_of_half(forms: Forms, half: Sequence[Form], best: dict[tuple[int, int], tuple[float, str]]) -> int:
    """The place from which on the factors of a half are squared; those before are multiplied to the square."""
    last, rows, inner = len(half) - 1, forms.sizes.of(half[0].rows), forms.sizes.of(half[-1].cols)
    found, least = 0, best[0, last][0] + rows * rows * inner / 2
    for j in range(1, last + 1):
        d = forms.sizes.of(half[j].rows)
        outer = best[0, j - 1][0] + rows * d * d + rows * rows * d
        cost = best[j, last][0] + d * d * inner / 2 + outer
        if cost < least:
            found, least = j, cost
    return found
