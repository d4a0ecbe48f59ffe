"""The time of derivatives: matcalc's code, automatic differentiation and closed forms by hand, side by side.

In the ordinary test run every column runs once at the small size, to be right. The times are taken on request:
``python tests/benchmarks/run.py`` runs both sizes and writes docs/benchmarks.md.
"""

import numpy as np
import pytest
from benchmarks.columns import COLUMNS, derivative, jax_autodiff
from benchmarks.problems import PROBLEMS

jax = pytest.importorskip("jax")
REFERENCE = {}
NEEDS = {"torch": "torch", "matcalc-torch": "torch"}
SIZES = ["small", pytest.param("large", marks=pytest.mark.slow)]


def arrays_of(result):
    parts = result if isinstance(result, (list, tuple)) else [result]
    return [np.asarray(p.detach() if hasattr(p, "detach") else p) for p in parts]


def reference(problem, which):
    """The derivative by JAX, computed once."""
    key = problem.name, which
    if key not in REFERENCE:
        REFERENCE.clear()
        REFERENCE[key] = arrays_of(jax_autodiff(problem, which)())
    return REFERENCE[key]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("which", SIZES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_run_time(benchmark, name, which, column):
    if column in NEEDS:
        pytest.importorskip(NEEDS[column])
    problem = PROBLEMS[name]
    benchmark.group = f"{name} {which}"
    benchmark.extra_info.update(problem=name, kind=problem.kind, size=which, column=column)
    with jax.enable_x64(True):
        call = COLUMNS[column](problem, which)
        for found, expected in zip(arrays_of(call()), reference(problem, which), strict=True):
            assert found.shape == expected.shape
            assert np.abs(found - expected).max() <= 1e-7 * np.abs(expected).max()
        benchmark(call)


@pytest.mark.parametrize("name", PROBLEMS)
def test_derivation_time(benchmark, name):
    problem = PROBLEMS[name]
    benchmark.group = "derivation"
    benchmark.extra_info.update(problem=name, kind=problem.kind, size="large", column="derivation")
    assert benchmark(lambda: derivative(problem, "large")) is not None
