"""``jax_function``: an expression as a function of JAX arrays whose vector-Jacobian product is the derived one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import compress
from typing import Any

from matcalc.expr import Expr, Symbol
from matcalc.wrappers.arguments import Arguments
from matcalc.wrappers.pullback import Pullback


def jax_function(
    outputs: Expr | Sequence[Expr],
    args: Sequence[Symbol | str] | None = None,
    *,
    wrt: Sequence[Symbol | str] | None = None,
) -> JaxFunction:
    """A function of JAX arrays, a ``jax.custom_vjp`` that ``jax.grad`` differentiates by the derived product.

    Parameters
    ----------
    outputs : Expr, or a list or tuple of them
        What it computes, of any shape.
    args : sequence of symbols or names, optional
        The order of the parameters. Default: the symbols by name, sorted.
    wrt : sequence of symbols or names, optional
        The parameters that have gradients; the others count as constants, with gradient zero. Default: all but integers.

    Returns
    -------
    JaxFunction
        A callable for ``jax.jit``, ``jax.vmap``, ``jax.grad``, ``jax.vjp``. Second derivatives are JAX's own, of
        the derived product: ``jax.hessian`` works; ``jax.jvp`` of the function itself is refused by JAX.

    Raises
    ------
    OperandError
        If ``args`` leaves out a symbol, or a name does not occur.
    UnsupportedError
        If a symbol is complex, a function is unspecified, or no argument shows a size. When it is first
        differentiated: if an operator on the way has no derivative here.

    Notes
    -----
    The arguments alone are kept for the product. Under one ``jax.jit`` XLA computes what value and product share once, and
    leaves out the gradients that nobody uses. An integer exponent is static: ``jax.jit`` must be told so. Attributes such
    as ``symmetric`` are taken for granted of what is passed, and gradients are ambient, as those of ``grad``.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> mc.jax_function(mc.norm2(A @ x - b) ** 2, [x, A, b])
    <function of x, A, b for jax, with a derived vector-Jacobian product>
    """
    return JaxFunction(Pullback(outputs, args, wrt, "jax"))


class JaxFunction:
    """A function of JAX arrays, made by ``jax_function``.

    Attributes
    ----------
    names : tuple of str
        The parameters, in order.
    """

    def __init__(self, pullback: Pullback) -> None:
        self.names = pullback.names
        self._pullback = pullback
        self._arguments = Arguments(pullback)

    def __repr__(self) -> str:
        return f"<function of {', '.join(self.names)} for jax, with a derived vector-Jacobian product>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        import jax.numpy as jnp

        given = self._arguments.bind(args, kwargs)
        floats = [v.dtype for v in given if hasattr(v, "dtype") and jnp.issubdtype(v.dtype, jnp.floating)]
        dtype = jnp.result_type(*floats or [float])
        results = self._function(*self._arguments.fit(given, lambda value: jnp.asarray(value, dtype)))
        return results[0] if self._pullback.single else list(results)

    @property
    def source(self) -> str:
        """The code of the value."""
        return self._pullback.value.source

    @property
    def backward_source(self) -> str:
        """The code of the vector-Jacobian product, by everything."""
        return self._pullback.backward(self._pullback.differentiable, from_kept=False).source

    @cached_property
    def _function(self) -> Any:
        """The ``jax.custom_vjp``."""
        import jax

        p = self._pullback
        static = tuple(k for k, s in enumerate(p.symbols) if s.has("integer"))
        place = [k for k in range(len(p.symbols)) if k not in static]  # of the arguments that are arrays

        def value(*arrays: Any) -> Any:
            return tuple(p.value.call(*arrays))

        def forward(*marked: Any) -> Any:
            arrays = [m.value if k in place else m for k, m in enumerate(marked)]
            needed = tuple(d and k in place and marked[k].perturbed for k, d in enumerate(p.differentiable))
            used = p.backward(needed, from_kept=False).used if any(needed) else ()
            # needed is static, and so kept in the structure: a dict with nothing in it but keys
            return value(*arrays), (
                {k: arrays[k] for k in used if k in place},
                dict.fromkeys(compress(range(len(needed)), needed)),
            )

        def backward(*given: Any) -> Any:
            *integers, (saved, keys), upstream = given
            needed = tuple(k in keys for k in range(len(p.symbols)))
            if not any(needed):
                return (None,) * len(place)
            b = p.backward(needed, from_kept=False)
            known = {**saved, **dict(zip(static, integers, strict=True))}
            ups = [_materialized(g) for g in upstream]
            found = iter(b.call(*(known[k] for k in b.used), *ups))
            gradients = [next(found) if n else None for n in needed]
            return tuple(gradients[k] for k in place)

        function = jax.custom_vjp(value, nondiff_argnums=static)
        function.defvjp(forward, backward, symbolic_zeros=True)
        return function


def _materialized(g: Any) -> Any:
    """An upstream gradient as an array, where JAX hands on a zero as such."""
    import jax.numpy as jnp
    from jax.custom_derivatives import SymbolicZero

    return jnp.zeros(g.shape, g.dtype) if isinstance(g, SymbolicZero) else g
