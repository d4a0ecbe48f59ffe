"""Every back end against NumPy's, over random expressions, the registry, the templates and the corpora."""

import random
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from strategies import random_expr, random_with

import matcalc as mc
from matcalc.dims import DimSymbol
from matcalc.emit.libraries import BACKENDS
from matcalc.node import postorder
from matcalc.ops import OPERATORS

jax.config.update("jax_enable_x64", True)

SIZES = {"m": 3, "n": 4, "p": 2}  # those of the strategies
BY_ROUNDING = {"EigVecMax", "EigVecMin", "EigVecs", "IsLargest", "Sign", "Step", "SvdU", "SvdV", "UserElementwise"}
LIBRARIES = {
    "jax": ("jax", np.asarray, {"L": lambda a: jnp.sum(jnp.sin(a)), "dL": jnp.cos}),
    "torch": ("torch", torch.as_tensor, {"L": lambda a: torch.sum(torch.sin(a)), "dL": torch.cos}),
    "array_api of NumPy": ("array_api", np.asarray, {"L": lambda a: np.sum(np.sin(a)), "dL": np.cos}),
    "array_api of torch": ("array_api", torch.as_tensor, {"L": lambda a: torch.sum(torch.sin(a)), "dL": torch.cos}),
    "array_api of JAX": ("array_api", jnp.asarray, {"L": lambda a: jnp.sum(jnp.sin(a)), "dL": jnp.cos}),
}
KINDS = {"jax": jax.Array, "torch": torch.Tensor, "array_api of torch": torch.Tensor, "array_api of JAX": jax.Array}
OTHERS = [name for name in BACKENDS if name != "numpy"]


def shape_of(e):
    return tuple(d if isinstance(d, int) else int(d.subs({DimSymbol(k): v for k, v in SIZES.items()})) for d in e.shape)


def called(call, values, functions, convert=np.asarray):
    known = {**SIZES, **functions, **{k: v if isinstance(v, int) else convert(v) for k, v in values.items()}}
    with np.errstate(all="ignore"):
        return call(**{name: known[name] for name in call.names})


def decided_by_rounding(roots):
    return any(type(e).__name__ in BY_ROUNDING for e in postorder(roots, lambda e: e.operands))


def agree(outputs, given, library, rtol=1e-9):
    """A back end gives what NumPy gives, where that is a number of a usual size."""
    backend, convert, functions = LIBRARIES[library]
    want = called(mc.compile(outputs), given, LIBRARIES["array_api of NumPy"][2])
    call = mc.compile(outputs, backend=backend)
    got = called(call, given, functions, convert)
    compared = 0
    for e, x, y in zip(outputs, want, got, strict=True):
        if call.names and not set(call.names) <= set(SIZES):  # from sizes alone the array API makes NumPy's arrays
            assert isinstance(y, KINDS.get(library, (np.ndarray, np.generic))), (library, type(y), call.source)
        assert tuple(y.shape) == np.shape(x), call.source
        assert np.shape(x) == shape_of(e)
        if np.all(np.isfinite(x)) and np.max(np.abs(x), initial=0) < 1e8:
            scale = max(1.0, float(np.max(np.abs(x), initial=0)))
            np.testing.assert_allclose(np.asarray(y) / scale, x / scale, rtol=rtol, atol=rtol, err_msg=f"{e}\n{call.source}")
            compared += 1
    return compared


def drawn(roots, seed):
    numbers = np.random.default_rng(seed)
    out = {}
    for name, s in sorted({s.name: s for e in roots for s in e.symbols}.items()):
        out[name] = 2 if s.has("integer") else numbers.uniform(0.3, 0.9, shape_of(s))
    return out


@cache
def random_outputs(seed):
    rng = random.Random(f"back ends {seed}")
    outputs = []
    while len(outputs) < 2:
        e = random_expr(rng, depth=rng.choice([1, 2, 3, 4]))
        if not decided_by_rounding([e]):
            outputs.append(e)
    return outputs, drawn(outputs, seed)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("seed", range(12))
def test_random_expressions(seed, library):
    agree(*random_outputs(seed), library)


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("seed", range(12, 250))
def test_many_random_expressions(seed, library):
    agree(*random_outputs(seed), library)


@cache
def with_operator(name):
    rng = random.Random(f"operator {name}")
    for _ in range(100):
        e = random_with(rng, name, 1)
        if name in BY_ROUNDING or not decided_by_rounding([e]):
            return e
    raise AssertionError(name)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_every_operator(name, library):
    e = with_operator(name)
    for seed in range(5):
        if agree([e], drawn([e], seed), library):
            return
    raise AssertionError(f"no finite value of {e}")
