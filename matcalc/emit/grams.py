"""Products that a BLAS has a faster way for: a matrix with its transpose, and thin matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matcalc.emit.values import Value

if TYPE_CHECKING:
    from matcalc.emit.forms import Form, Forms

THIN = 32  # columns up to which a product with a large matrix is faster the other way round
LARGE = 100_000  # the entries from which a matrix counts as large


def are_transposed(forms: Forms, x: Form, y: Form) -> bool:
    """Whether the arrays ``x`` and ``y`` are matrices, one the transpose of the other."""
    p, q = x.value, y.value
    plain = x.kind == y.kind == "full" and not x.is_vector and not x.is_scalar
    return plain and forms.b.transpose(p) is q


def scaled_gram(forms: Forms, x: Form, w: Value, y: Form) -> Value:
    """``x diag(w) y`` with ``x = y'``.

    Where the sign of ``w`` is known, half the work: ``sqrt(w)`` scales the rows of one array ``z``, and ``z' z`` is symmetric.
    """
    b, note = forms.b, forms.ledger.note
    scale = b.make("#1[:, None]", w)
    flops, entries = 2 * forms.entries(y) * forms.sizes.of(x.rows), forms.entries(y)
    size = forms.sizes.of(x.rows) ** 2
    sign = forms.bounds.sign(w) if forms.backend.blas else 0
    if not sign:
        scaled = note(b.mul(scale, y.value), passed=entries)
        return note(symmetric_product(forms, x.value, scaled), flops=flops, passed=size)
    root = b.make("#1[:, None]", b.make("np.sqrt(#1)", w if sign > 0 else b.neg(w)))
    z = note(b.mul(root, y.value), passed=entries)
    square = note(b.make("#1 @ #2", b.transpose(z), z), flops=flops / 2, passed=size)
    return square if sign > 0 else b.neg(square)


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
