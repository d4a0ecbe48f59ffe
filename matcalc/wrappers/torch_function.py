"""``torch_function``: an expression as a function of PyTorch tensors whose backward pass is the derived one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from matcalc.expr import Expr, Symbol
from matcalc.wrappers.arguments import Arguments
from matcalc.wrappers.pullback import Needed, Pullback


def torch_function(
    outputs: Expr | Sequence[Expr],
    args: Sequence[Symbol | str] | None = None,
    *,
    wrt: Sequence[Symbol | str] | None = None,
) -> TorchFunction:
    """A function of PyTorch tensors that autograd differentiates by the derived vector-Jacobian product.

    Parameters
    ----------
    outputs : Expr, or a list or tuple of them
        What it computes, of any shape.
    args : sequence of symbols or names, optional
        The order of the parameters. Default: the symbols by name, sorted.
    wrt : sequence of symbols or names, optional
        The parameters that have gradients; the others count as constants. Default: all but integers.

    Returns
    -------
    TorchFunction
        A callable. Its gradients can be differentiated again, to any order: what computes them is such a function too.

    Raises
    ------
    OperandError
        If ``args`` leaves out a symbol, or a name does not occur.
    UnsupportedError
        If a symbol is complex, a function is unspecified, or no argument shows a size. When the backward pass first
        runs: if an operator on the way has no derivative here.

    Notes
    -----
    Parts of the value that the gradients need are kept from the forward pass. Attributes such as ``symmetric`` are taken
    for granted of what is passed, and gradients are ambient, as those of ``grad``.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> loss = mc.torch_function(mc.norm2(A @ x - b) ** 2, [x, A, b])
    >>> loss
    <function of x, A, b for torch, with a derived backward pass>
    """
    return TorchFunction(Pullback(outputs, args, wrt, "torch"))


class TorchFunction:
    """A function of PyTorch tensors, made by ``torch_function``.

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
        return f"<function of {', '.join(self.names)} for torch, with a derived backward pass>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        import torch

        given = self._arguments.bind(args, kwargs)
        first = next((v for v in given if isinstance(v, torch.Tensor)), None)
        kinds = [v.dtype for v in given if isinstance(v, torch.Tensor) and v.is_floating_point()]
        dtype = kinds[0] if kinds else torch.get_default_dtype()
        for k in kinds:
            dtype = torch.promote_types(dtype, k)
        device = None if first is None else first.device

        def as_tensor(value: Any) -> Any:
            return torch.as_tensor(value, dtype=dtype, device=device)

        arrays = self._arguments.fit(given, as_tensor)
        if torch.is_grad_enabled():
            results = self._function.apply(*arrays)[: len(self._pullback.outputs)]
        else:
            results = self._pullback.value.call(*arrays)
        return results[0] if self._pullback.single else list(results)

    @property
    def source(self) -> str:
        """The code of the forward pass; what it gives after the value is kept."""
        return self._pullback.forward.source

    @property
    def backward_source(self) -> str:
        """The code of the backward pass, for gradients by everything."""
        return self._pullback.backward(self._pullback.differentiable).source

    @cached_property
    def _function(self) -> Any:
        return make_function(self._pullback)


def gradient_function(p: Pullback, needed: Needed) -> TorchFunction:
    """The backward pass as a function of PyTorch tensors, from the arguments alone."""
    by = [s for s, d in zip(p.symbols, p.differentiable, strict=True) if d]
    return TorchFunction(Pullback(p.gradients(needed), [*p.symbols, *p.upstreams], [*by, *p.upstreams], p.backend))


def make_function(p: Pullback) -> Any:
    """The ``torch.autograd.Function``; it gives the outputs, then the kept parts."""
    import torch

    again: dict[Needed, TorchFunction] = {}
    count, outputs = len(p.symbols), len(p.outputs)

    class Derived(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*arrays: Any) -> Any:
            return tuple(_owned(r, arrays) for r in p.forward.call(*arrays))

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            kept = output[outputs:]
            ctx.mark_non_differentiable(*kept)
            ctx.integers = [v if s.has("integer") else None for s, v in zip(p.symbols, inputs, strict=True)]
            ctx.save_for_backward(*(None if s.has("integer") else v for s, v in zip(p.symbols, inputs, strict=True)), *kept)

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            needed = tuple(a and b for a, b in zip(p.differentiable, ctx.needs_input_grad, strict=True))
            if not any(needed):
                return (None,) * count
            saved = ctx.saved_tensors
            arrays = [v if i is None else i for v, i in zip(saved[:count], ctx.integers, strict=True)]
            if torch.is_grad_enabled():  # to be differentiated again
                if needed not in again:
                    again[needed] = gradient_function(p, needed)
                found = iter(again[needed](*arrays, *upstream[:outputs]))
            else:
                b = p.backward(needed)
                read = [arrays[k] for k in b.used] + [saved[count + k] for k in b.kept]
                found = iter(b.call(*read, *upstream[:outputs]))
            return tuple(next(found) if n else None for n in needed)

    return Derived


def _owned(result: Any, arrays: Sequence[Any]) -> Any:
    """A result that is none of the arguments: autograd asks for that."""
    return result.clone() if any(result is a for a in arrays) else result
