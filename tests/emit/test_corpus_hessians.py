"""Hessians of the functions in the corpora: as arrays with four axes, in vec layout and as linear maps, all from factors."""

import json
import zlib

import judge
import numpy as np
import pytest
from test_corpora import FOLDER, declarations, draw, sizes

import matcalc as mc

SHARE = 8  # one function in so many is looked at by default


def load():
    """The real scalar functions of a matrix."""
    cases = [json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text().splitlines()]
    for c in cases:
        if c.get("kind") != "gradient" or not isinstance(c.get("wrt"), str) or "skip" in c.get("tags", []):
            continue
        if any({"complex", "hermitian"} & set(v.get("attrs", [])) for v in c["vars"].values()):
            continue
        if len(c["vars"][c["wrt"]]["shape"]) == 2:
            yield c


CASES = {c["id"]: c for c in load()}


def check(case):
    f = mc.parse(case["expr"], declarations(case))
    try:
        tensor, vec = (mc.hessian(f, case["wrt"], layout=layout) for layout in ("tensor", "vec"))
    except mc.MatcalcError:
        pytest.skip("no Hessian here")
    found = sizes(case)
    values = draw(case, found, 0)
    known = {**found, **judge.FUNCTIONS, **{k: v if isinstance(v, int) else np.asarray(v) for k, v in values.items()}}
    two = {
        k: np.reshape(v, (1, 1)) if np.ndim(v) == 0 else v[:, None] if np.ndim(v) == 1 else v
        for k, v in known.items()
        if not callable(v)
    }
    try:
        expected = np.asarray(judge.value(vec, two, found))
    except (KeyError, NotImplementedError, TypeError, AttributeError):
        pytest.skip("the judge does not know an operator of it")
    tolerance = {"rtol": 1e-7, "atol": 1e-8 * max(1.0, np.abs(expected).max())}

    def run(e):
        call = mc.compile(e)
        return np.asarray(call(**{n: known[n] for n in call.names}))

    p, q = np.shape(known[case["wrt"]])
    stacked = run(vec)
    np.testing.assert_allclose(stacked, expected, **tolerance)
    whole = run(tensor).reshape(p, q, p, q)
    np.testing.assert_allclose(whole.transpose(1, 0, 3, 2).reshape(p * q, p * q), expected, **tolerance)
    maker = mc.compile(tensor, form="operator")
    op = maker(**{n: known[n] for n in (*maker.names, *maker._other_sizes)})
    x = np.random.default_rng(0).standard_normal((p, q))
    np.testing.assert_allclose(op @ x, np.einsum("ijkl,kl->ij", whole, x), **tolerance)
    np.testing.assert_allclose(op.T @ x, np.einsum("ijkl,ij->kl", whole, x), **tolerance)
    np.testing.assert_allclose(op.dense(), whole, **tolerance)


@pytest.mark.parametrize("key", [k for k in CASES if zlib.crc32(k.encode()) % SHARE == 0])
def test_some_hessians(key):
    check(CASES[key])


@pytest.mark.slow
@pytest.mark.parametrize("key", [k for k in CASES if zlib.crc32(k.encode()) % SHARE])
def test_other_hessians(key):
    check(CASES[key])
