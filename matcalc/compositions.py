"""Functions that are short for a formula: normalization, attention, convolution. Their derivatives are the formula's."""

from __future__ import annotations

from matcalc.dims import is_unit
from matcalc.errors import OperandError, ShapeError, UnsupportedError
from matcalc.expr import (
    Expr,
    add,
    as_expr,
    broadcast_add,
    dim_number,
    hadamard,
    matmul,
    named_shape,
    negate,
    power,
    quotient,
    transpose,
)
from matcalc.ops.blocks import slice_of, vstack
from matcalc.ops.elementwise import Sqrt
from matcalc.ops.reductions import softmax, total
from matcalc.ops.structure import Diag, zeros


def attention(q: Expr, k: Expr, v: Expr) -> Expr:
    """``attention(Q, K, V)``: ``softmax(Q*K'/sqrt(d), 2)*V``, where ``d`` is the number of columns of ``Q``."""
    scores = quotient(matmul(q, transpose(k)), Sqrt(dim_number(q.cols)) if not is_unit(q.cols) else as_expr(1))
    return matmul(softmax(scores, 1), v)


def layer_norm(x: Expr, gamma: Expr | None = None, beta: Expr | None = None, eps: Expr | None = None) -> Expr:
    """``layer_norm(X, gamma, beta, eps)``: each row less its mean, over its standard deviation, times ``gamma``, plus ``beta``.

    A row is a sample, as in PyTorch; a vector is one sample. ``gamma`` and ``beta`` are vectors with an entry for each
    feature, by default ones and zeros; ``eps``, by default 1e-5, is added to the variance.
    """
    epsilon = as_expr(1e-5) if eps is None else eps
    if is_unit(x.cols):
        centred = broadcast_add(x, negate(quotient(total(x), dim_number(x.rows))))
        variance = quotient(total(power(centred, as_expr(2))), dim_number(x.rows))
        out = quotient(centred, Sqrt(add(variance, epsilon)))
        out = out if gamma is None else hadamard(gamma, out)
        return out if beta is None else add(out, beta)
    centred = broadcast_add(x, negate(quotient(total(x, 1), dim_number(x.cols))))
    variance = quotient(total(power(centred, as_expr(2)), 1), dim_number(x.cols))
    spread = Sqrt(broadcast_add(variance, epsilon))
    return _scaled(matmul(Diag(quotient(as_expr(1), spread)), centred), gamma, beta)


def batch_norm(x: Expr, gamma: Expr | None = None, beta: Expr | None = None, eps: Expr | None = None) -> Expr:
    """``batch_norm(X, gamma, beta, eps)``: each column less its mean, over its standard deviation, times and plus.

    A row is a sample, a column a feature; ``gamma`` and ``beta`` have an entry for each feature.
    """
    if is_unit(x.cols):
        raise ShapeError(f"batch_norm needs a matrix with a sample in each row, but {named_shape(x)} is a vector")
    epsilon = as_expr(1e-5) if eps is None else eps
    centred = broadcast_add(x, negate(quotient(total(x, 0), dim_number(x.rows))))
    variance = transpose(quotient(total(power(centred, as_expr(2)), 0), dim_number(x.rows)))
    spread = Sqrt(broadcast_add(variance, epsilon))
    return _scaled(matmul(centred, Diag(quotient(as_expr(1), spread))), gamma, beta)


def _scaled(out: Expr, gamma: Expr | None, beta: Expr | None) -> Expr:
    """Columns times the entries of one vector, plus those of another."""
    out = out if gamma is None else matmul(out, Diag(gamma))
    return out if beta is None else broadcast_add(out, transpose(beta))


def convolve(x: Expr, w: Expr, mode: str = "full") -> Expr:
    """``convolve(x, w, mode)``: the convolution of a vector with a kernel of numeric length, as NumPy has it.

    ``mode`` is ``"full"``, of length ``n + k - 1``, or ``"valid"``, of length ``n - k + 1``, where the kernel lies inside.

    Examples
    --------
    >>> import matcalc as mc
    >>> x, w = mc.symbols("x[n] w[2]")
    >>> mc.convolve(x, w, "valid")
    w(1)*x(2:n) + w(2)*x(1:n-1)
    """
    if not is_unit(x.cols) or not is_unit(w.cols):
        raise ShapeError(f"convolve needs two vectors, not {named_shape(x)} and {named_shape(w)}")
    if not isinstance(w.rows, int):
        raise UnsupportedError(f"convolve needs a kernel of numeric length, but {named_shape(w)} has a symbolic one")
    if mode not in ("full", "valid"):
        raise OperandError(f"convolve: mode is 'full' or 'valid', not {mode!r}")
    n, k = x.rows, w.rows
    if isinstance(n, int) and n < k:
        raise ShapeError(f"convolve: the kernel {named_shape(w)} is longer than {named_shape(x)}")
    terms = []
    for j in range(k):
        entry = w if k == 1 else w[j]
        if mode == "valid":
            part = slice_of(x, (k - j, n - (k - 1)), None)
        else:
            parts = [*([zeros(j)] if j else []), x, *([zeros(k - 1 - j)] if j < k - 1 else [])]
            part = vstack(*parts)
        terms.append(hadamard(entry, part))
    return add(*terms)
