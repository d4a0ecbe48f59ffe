"""Products that a BLAS has a faster way for: a matrix with its transpose, and thin matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from matcalc.emit.values import Value

if TYPE_CHECKING:
    from matcalc.emit.forms import Form, Forms

THIN = 32  # columns up to which a product with a large matrix is faster the other way round
LARGE = 100_000  # the entries from which a matrix counts as large


@dataclass(frozen=True)
class Weights:
    """The diagonal between two halves: the numbers, and a vector whose square they are, where that is worth it."""

    value: Value
    root: Value | None


def are_transposed(forms: Forms, x: Form, y: Form) -> bool:
    """Whether the arrays ``x`` and ``y`` are matrices, one the transpose of the other."""
    p, q = x.value, y.value
    plain = x.kind == y.kind == "full" and not x.is_vector and not x.is_scalar
    return plain and forms.b.transpose(p) is q


def weights_of(forms: Forms, value: Value, *, nonnegative: bool = False) -> Weights:
    """Weights with their root: what they are the square of, or a square root where the library has use for it."""
    if value.code in ("np.square(#1)", "#1 * #1"):
        return Weights(value, value.args[0])
    rooted = forms.backend.blas and (nonnegative or forms.bounds.sign(value) > 0)
    return Weights(value, forms.b.make("np.sqrt(#1)", value) if rooted else None)


def gram(forms: Forms, half: Form, weights: Weights | None) -> Form:
    """``H diag(w) H'`` for a half that is held as an array; of weights that are nowhere positive minus that of ``-w``."""
    if weights is not None and weights.root is None and forms.backend.blas and forms.bounds.sign(weights.value) < 0:
        opposite = forms.b.neg(weights.value)
        square = gram(forms, half, Weights(opposite, forms.b.make("np.sqrt(#1)", opposite)))
        return forms.scale(forms.b.const(-1), square)
    if weights is not None and (weights.root is None or half.is_vector):
        scaled = forms.transpose(_scaled(forms, half, weights.value))
        if half.is_vector or not forms.backend.symmetric_products:
            return forms.multiply(half, scaled)
        return replace(
            half, value=forms.noted_product(half, scaled, symmetric_product(forms, half.value, scaled.value)), cols=half.rows
        )
    scaled = half if weights is None or weights.root is None else _scaled(forms, half, weights.root)
    return forms.multiply(scaled, forms.transpose(scaled))


def _scaled(forms: Forms, half: Form, w: Value) -> Form:
    """``H diag(w)``, on the array that ``H`` is the transpose of, if it is one."""
    d = replace(half, kind="diag", value=w, rows=half.cols)
    if half.value.code == "#1.T":
        return forms.transpose(forms.multiply(d, forms.transpose(half)))
    return forms.multiply(half, d)


def symmetric_product(forms: Forms, p: Value, q: Value) -> Value:
    """``p q``, known to be symmetric: by a helper that leaves out half of it, where the library has one."""
    return forms.b.make("symmetric_product(#1, #2)" if forms.backend.symmetric_products else "#1 @ #2", p, q)


def thin_product(forms: Forms, x: Form, y: Form) -> Value | None:
    """``x y`` with few columns as ``(y' x')'``, which OpenBLAS multiplies faster; None where it is not known to be so."""
    rows, inner, cols = forms.sizes.of(x.rows), forms.sizes.of(x.cols), forms.sizes.of(y.cols)
    if (
        not forms.backend.blas
        or x.is_vector
        or y.is_vector
        or cols > THIN
        or rows * inner < LARGE
        or min(rows, inner) < 4 * cols
    ):
        return None
    b = forms.b
    return b.transpose(b.make("#1 @ #2", b.transpose(y.value), b.transpose(x.value)))
