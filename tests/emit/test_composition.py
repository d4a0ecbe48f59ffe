"""A whole program has the value of its operators one by one: sharing, order and forms change nothing."""

import random

import numpy as np
import pytest
from strategies import random_expr

from matcalc.dims import DimSymbol
from matcalc.emit import compile as compile_expr
from matcalc.expr import Number, Symbol
from matcalc.node import postorder

SIZES = {"m": 3, "n": 4, "p": 2}  # those of the strategies
SKIP = {
    "EigVecMax",
    "EigVecMin",
    "IsLargest",
    "Sign",
    "Step",
    "UserElementwise",
}  # decided by rounding errors where entries agree


def functions():
    return {"L": lambda a: np.sum(np.sin(a)), "dL": np.cos}


def shape_of(e):
    return tuple(d if isinstance(d, int) else int(d.subs({DimSymbol(k): v for k, v in SIZES.items()})) for d in e.shape)


def call_with(call, values):
    known = {**SIZES, **functions(), **values}
    with np.errstate(all="ignore"):
        return call(**{name: known[name] for name in call.names})


def one_by_one(root, given):
    """The value of every node from those of its operands, by a program for that node alone."""
    values = {}
    for e in postorder([root], lambda e: e.operands):
        if isinstance(e, Symbol):
            values[e] = given[e.name]
            continue
        holders = [c if isinstance(c, Number) else Symbol(f"h{k}", (c.rows, c.cols), ()) for k, c in enumerate(e.operands)]
        alone = e.rebuild(holders) if e.operands else e
        known = {f"h{k}": values[c] for k, c in enumerate(e.operands)}
        values[e] = np.reshape(call_with(compile_expr(alone), known), shape_of(e))
    return values


@pytest.mark.parametrize("seed", range(150))
def test_whole_equals_parts(seed):
    rng = random.Random(seed)
    outputs = [random_expr(rng, depth=rng.choice([2, 3, 4])) for _ in range(2)]
    if any(type(e).__name__ in SKIP for e in postorder(outputs, lambda e: e.operands)):
        pytest.skip("decided by rounding errors")
    numbers = np.random.default_rng(seed)
    symbols = {s.name: s for e in outputs for s in e.symbols}
    given = {name: numbers.uniform(0.3, 0.9, shape_of(s)) for name, s in sorted(symbols.items())}
    call = compile_expr(outputs)
    for e, got in zip(outputs, call_with(call, given), strict=True):
        want = one_by_one(e, given)
        if all(np.all(np.isfinite(v)) and np.max(np.abs(v), initial=0) < 1e6 for v in want.values()):
            assert np.shape(got) == shape_of(e), call.source
            scale = max(1.0, float(np.max(np.abs(want[e]))))
            np.testing.assert_allclose(got / scale, want[e] / scale, rtol=1e-6, atol=1e-6, err_msg=f"{e}\n{call.source}")
