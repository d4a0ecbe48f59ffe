"""Sums over named indices."""

from __future__ import annotations

from matcalc.emit.forms import Form
from matcalc.emit.lowering.stacked import tensor_of_factors
from matcalc.emit.planner import Planner, lowers
from matcalc.emit.values import Value
from matcalc.ops.tensors import Einsum, Unstacked, is_tensor


@lowers(Einsum)
def lower_einsum(planner: Planner, e: Einsum) -> Form:
    """A sum over named indices, whose stacked axes are taken apart before and put together after."""
    v = einsum_value(planner, e, "".join(e.output))
    if e.is_plain:
        return planner.shaped(v, e)
    shape = planner.b.size(e.rows, e.cols)
    places = ", ".join(f"#{k}" for k in range(2, 2 + len(shape)))
    return planner.shaped(planner.b.make(f"#1.reshape({places})", v, *shape), e)


def einsum_value(planner: Planner, e: Einsum, output: str) -> Value:
    """The array with an axis for each letter of the output."""
    sizes = e.sizes
    operands = []
    for pair, arg in zip(e.inputs, e.args, strict=True):
        v = planner.value(arg)
        if not is_tensor(arg) and max(map(len, pair)) > 1:
            parts = [planner.b.dim(sizes[c]) for c in pair[0] + pair[1]]
            v = planner.b.make(f"#1.reshape({', '.join(f'#{k}' for k in range(2, 2 + len(parts)))})", v, *parts)
        operands.append(v)
    spec = ",".join(e.shown_letters(pair, arg) for pair, arg in zip(e.inputs, e.args, strict=True))
    places = ", ".join(f"#{k}" for k in range(1, 1 + len(operands)))
    return planner.b.make(f"np.einsum('{spec}->{output}', {places}, optimize=True)", *operands)


@lowers(Unstacked)
def lower_unstacked(planner: Planner, e: Unstacked) -> Form:
    """An array by its axes: made of its factors where there are any, else a matrix whose axes are taken apart."""
    apart = tensor_of_factors(planner, e)
    if apart is not None:
        return apart
    letters = e.letters
    if letters is not None and isinstance(e.arg, Einsum):
        return planner.shaped(einsum_value(planner, e.arg, letters), e)
    stacked = [*reversed(e.rows_as), *reversed(e.cols_as)]
    split = len(e.rows_as)
    order = [*reversed(range(split)), *reversed(range(split, len(stacked)))]
    places = ", ".join(f"#{k}" for k in range(2, 2 + len(stacked)))
    code = f"#1.reshape({places}).transpose({', '.join(map(str, order))})"
    return planner.shaped(planner.b.make(code, planner.f.plane(planner.form[e.arg]), *(planner.b.dim(d) for d in stacked)), e)
