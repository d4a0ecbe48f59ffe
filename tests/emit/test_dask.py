"""Dask arrays through the array API: lazy, in chunks, larger than memory, and the same numbers as NumPy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import matcalc as mc
from matcalc.errors import OperandError, ShapeError, UnsupportedError

pytest.importorskip("array_api_compat")
dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

SCRIPT = Path(__file__).with_name("larger_than_memory.py")
SIZES = {"n": 60, "d": 4, "k": 3, "h": 5}
X, w, b, y, c, W, Y, lam, mu, S, W1, b1, W2 = mc.symbols(
    "X[n,d] w[d] b y[n] c[k] W[d,k] Y[n,k] lam mu[d] S[d,d](psd) W1[d,h] b1[h] W2[h,k]"
)
scores, spread = X @ W + c.T, X - mu.T
logistic = mc.sum(mc.softplus(-mc.multiply(y, X @ w + b))) + lam / 2 * mc.norm2(w) ** 2
softmax = mc.sum(mc.logsumexp(scores, 1)) - mc.sum(mc.multiply(Y, scores))
PROBLEMS = {
    "least squares": (f := mc.norm2(X @ w - y) ** 2, mc.grad(f, [w])),
    "logistic": (logistic, [*mc.grad(logistic, [w, b]), mc.hessian(logistic, w), mc.hvp(logistic, w, w)]),
    "softmax": (softmax, mc.grad(softmax, [W, c])),
    "gaussian by its mean": (f := mc.sum(mc.multiply(spread, spread)), mc.grad(f, [mu])),
    "net": (f := mc.normf(mc.tanh(X @ W1 + b1.T) @ W2 - Y) ** 2, mc.grad(f, [W1, b1, W2])),
    "moments": (mc.sum(X), [X.T @ X, mc.sum(X, 0), mc.sum(X, 1), mc.mean(X)]),
}


@pytest.mark.parametrize("rows", [60, 25, 7])
@pytest.mark.parametrize("name", PROBLEMS)
def test_chunks_give_what_numpy_gives(name, rows):
    value, derivatives = PROBLEMS[name]
    outputs = [value, *derivatives]
    symbols = sorted({s for e in outputs for s in e.symbols}, key=lambda s: s.name)
    rng = np.random.default_rng(0)
    given = [rng.standard_normal([SIZES[d.name] for d in s.shape]) for s in symbols]
    chunked = [
        float(v) if v.ndim == 0 else da.from_array(v, chunks=(rows if str(s.shape[0]) == "n" else -1, *[-1] * (v.ndim - 1)))
        for s, v in zip(symbols, given, strict=True)
    ]
    got = mc.compile(outputs, symbols, backend="array_api")(*chunked)
    assert all(isinstance(r, da.Array) for r in got)
    for g, want in zip(dask.compute(*got), mc.compile(outputs, symbols)(*given), strict=True):
        assert_allclose(g, want, rtol=1e-9, atol=1e-12)


def test_nothing_is_computed_by_the_call():
    computed = []

    def block(k):
        computed.append(k)
        return np.ones((5, 4))

    rows = da.concatenate([da.from_delayed(dask.delayed(block)(k), (5, 4), float) for k in range(4)])
    call = mc.compile(mc.grad(mc.norm2(X @ w) ** 2, w), [X, w], backend="array_api")
    result = call(rows, da.ones(4))
    assert computed == []
    assert_allclose(result.compute(scheduler="synchronous"), np.full(4, 2 * 20 * 4.0))
    assert sorted(computed) == [0, 1, 2, 3]  # each block once


def test_sizes_that_are_not_known_yet_are_refused():
    rows = da.from_array(np.arange(40.0).reshape(10, 4), chunks=(5, 4))
    some = rows[rows[:, 0] > 3]
    call = mc.compile(X @ w, [X, w], backend="array_api")
    with pytest.raises(ShapeError, match=r"X has shape \(nan, 4\), a size that is not known yet: .*X.compute_chunk_sizes\(\)"):
        call(some, da.ones(4))
    assert_allclose(call(some.compute_chunk_sizes(), da.ones(4)).compute().shape, (9,))
    with pytest.raises(ShapeError, match=r"w is \(d,\), but the array given has shape \(5,\), while X has d = 4"):
        call(rows, da.ones(5))
    with pytest.raises(OperandError, match="the arrays are of different libraries: dask, numpy"):
        call(rows, np.ones(4))


def test_what_dask_lacks_is_named():
    call = mc.compile(mc.logdet(S), backend="array_api")
    with pytest.raises(UnsupportedError, match=r"dask\.array\.linalg has no function slogdet, which this expression needs"):
        call(da.ones((3, 3)))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the cap needs Linux")
def test_more_rows_than_memory():
    path = os.pathsep.join([str(SCRIPT.parents[2]), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, str(SCRIPT)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["bytes"] > 2 * report["cap"]
    assert max(report["errors"]) < 1e-9
