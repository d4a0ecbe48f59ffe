"""Sums of products of arrays over indices, in steps of two arrays each."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.emit.contractions.labelled import Labels
from matcalc.emit.contractions.mirrored import KnownHalf, contract_mirrored
from matcalc.emit.grams import weights_of
from matcalc.emit.networks.arrays import Letters, Made
from matcalc.emit.planner import Planner
from matcalc.index import Index


def contracted(planner: Planner, arrays: Sequence[Made], own: Sequence[Index]) -> Made:
    """The product of all arrays, summed over every index that is not in ``own``."""
    names = Letters(own)
    dims = {names.of([i]): i.dim for a in arrays for i in a.axes}
    labels = Labels(planner.f, dims, copies=planner.backend.blas, real=planner.f.bounds.real)
    factors = [
        labels.make(names.of(a.axes), a.value, nonnegative=planner.f.bounds.sign(a.value) > 0) for a in arrays
    ]  # fmt: skip
    output = names.of(own)
    half = len(own) // 2
    found = contract_mirrored(
        labels, factors, output[: len(own) - half], output[len(own) - half :],
        lambda v, known: weights_of(planner.f, v, nonnegative=known).root,
        lambda product, value: planner.halves.append(KnownHalf(tuple(product), value)),
    )  # fmt: skip
    return Made(labels.arrange(found, output), tuple(own))
