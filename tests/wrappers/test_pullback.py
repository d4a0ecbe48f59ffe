"""Pullbacks: what is kept of the forward pass gives the gradients that the arguments give, on random expressions."""

import random

import numpy as np
import pytest
from derived_functions import cases
from numpy.testing import assert_allclose
from strategies import random_expr

import matcalc as mc
from matcalc.dims import DimSymbol
from matcalc.errors import UnsupportedError
from matcalc.node import postorder
from matcalc.sampling import draw_point
from matcalc.wrappers.pullback import Pullback

CASES = list(cases())


def agrees(f, symbols, given, rng):
    """Value and gradients, from kept parts and without them, against ``compile`` of ``vjp``."""
    p = Pullback(f, symbols, None, "numpy")
    value, *kept = p.forward.call(*given)
    plain = np.asarray(mc.compile(f, symbols)(*given))
    scale = np.max(np.abs(plain)) if plain.size else 1
    assert_allclose(value, plain, rtol=1e-9, atol=1e-11 * scale)
    upstream = rng.standard_normal(np.shape(plain))
    (g,) = p.upstreams
    targets = [s for s, d in zip(symbols, p.differentiable, strict=True) if d]
    want = mc.compile(mc.vjp(f, targets, g), [*symbols, g])(*given, upstream)
    for from_kept in (True, False):
        b = p.backward(p.differentiable, from_kept=from_kept)
        got = b.call(*(given[k] for k in b.used), *(kept[k] for k in b.kept), upstream)
        for x, y in zip(got, want, strict=True):
            assert_allclose(x, y, rtol=1e-8, atol=1e-10 * (1 + np.max(np.abs(y))))
    for k, needed in enumerate(p.differentiable):  # one gradient at a time
        if needed:
            b = p.backward(tuple(j == k for j in range(len(symbols))))
            (got,) = b.call(*(given[j] for j in b.used), *(kept[j] for j in b.kept), upstream)
            y = want[targets.index(symbols[k])]
            assert_allclose(got, y, rtol=1e-8, atol=1e-10 * (1 + np.max(np.abs(y))))
    return len(kept)


@pytest.mark.parametrize("seed", range(60))
def test_random_expressions(seed):
    rng = random.Random(f"pullback {seed}")
    f = random_expr(rng, depth=rng.choice([1, 2, 2, 3]))
    symbols = list(f.symbols)
    if not symbols or any(s.is_complex for s in symbols):
        pytest.skip("nothing real to differentiate by")
    shown = {d for s in symbols for d in s.shape if isinstance(d, DimSymbol)}
    used = {d for e in postorder([f], lambda e: e.operands) for d in (e.rows, e.cols) if isinstance(d, DimSymbol)}
    if not used <= shown:
        with pytest.raises(UnsupportedError, match="no argument shows the size"):
            Pullback(f, None, None, "numpy")
        return
    point = draw_point([f], seed)
    given = [point.values[s.name] for s in symbols]
    try:
        mc.vjp(f, symbols, Pullback(f, symbols, None, "numpy").upstreams[0])
    except UnsupportedError:
        pytest.skip("an operator without a derivative")
    agrees(f, symbols, given, np.random.default_rng(seed))


def test_something_is_kept_where_it_pays():
    kept = {name: len(Pullback(f, symbols, None, "numpy").kept) for name, f, symbols in CASES}
    assert kept["bilinear"] == kept["product of matrices"] == 0
    assert kept["one layer"] == kept["softmax regression"] == 1
    assert kept["two layers"] >= 1
