"""The two derivatives of Wirtinger calculus."""

from __future__ import annotations

from matcalc.calculus import assume, target
from matcalc.conjugates import independent
from matcalc.differentiate import reverse_sweep
from matcalc.errors import OperandError
from matcalc.expr import ONE, Expr, as_expr, named_shape
from matcalc.jacobian import in_layout, stacked_jacobian
from matcalc.simplify import simplify_all


def wirtinger(f: object, z: object) -> tuple[Expr, Expr]:
    """Derivatives of an expression by a complex variable and by its conjugate, each as if the other were constant.

    With ``z = x + i y`` they are ``(d/dx - i d/dy)/2`` and ``(d/dx + i d/dy)/2``.

    Parameters
    ----------
    f : Expr, any shape
        Holomorphic functions, and conjugates, real and imaginary parts, absolute values and norms of them.
    z : Symbol or str
        A complex symbol.

    Returns
    -------
    tuple of two Expr
        ``df/dz`` and ``df/dconj(z)``: of a scalar in the shape of ``z``, else with the axes of ``f``, then those of ``z``.

    Raises
    ------
    OperandError
        If ``z`` is not complex.
    NotDifferentiableError
        If an operator on the way is not of these kinds; the message names it.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x = mc.symbols("A[n,n](complex) x[n](complex)")
    >>> mc.wirtinger(x.H @ A @ x, x)
    (A'*conj(x), A*x)
    >>> mc.wirtinger(mc.conj(A @ x), x)
    (zeros(n,n), conj(A))
    """
    e = as_expr(f)
    w = target(e, z)
    if not w.is_complex:
        raise OperandError(f"wirtinger differentiates by a complex symbol, but {named_shape(w)} is real: take grad or jacobian")
    parts = independent(e, [w])
    both = [*parts.free, *parts.partners]
    if e.is_scalar:
        results = simplify_all(parts.back(reverse_sweep(parts.body, ONE, both)))
    else:
        stacked = simplify_all(parts.back([stacked_jacobian(parts.body, v) for v in both]))
        results = [in_layout(s, e, w, "tensor") for s in stacked]
    for r in results:
        assume(r, e.needed())
    return results[0], results[1]
