"""Gradients and Hessian products against central differences, at one point given by arrays."""

import numpy as np
from numpy.testing import assert_allclose

import matcalc as mc


def run(e, given, n):
    call = mc.compile(e)
    known = {**given, "n": n}
    return np.asarray(call(**{k: known[k] for k in call.names}))


def gradient_by_differences(f, wrt, given, n, step=1e-5):
    out = np.zeros(given[wrt].shape)
    for place in np.ndindex(*out.shape):
        moved = [np.array(given[wrt]), np.array(given[wrt])]
        moved[0][place] += step
        moved[1][place] -= step
        out[place] = np.subtract(*(float(run(f, {**given, wrt: x}, n)) for x in moved)) / (2 * step)
    return out


def require_two_orders(f, wrt, given, n):
    """The gradient against differences of the value, and the Hessian's product against differences of the gradient."""
    w = next(s for s in f.symbols if s.name == wrt)
    g = mc.grad(f, w)
    want = gradient_by_differences(f, wrt, given, n)
    assert_allclose(run(g, given, n), want, rtol=1e-5, atol=1e-6 * max(1, abs(want).max()))
    h = mc.hvp(f, w, mc.matrix("D", w.rows, w.cols))
    step = 1e-5
    moved = [run(g, {**given, wrt: given[wrt] + s * given["D"]}, n) for s in (step, -step)]
    want = (moved[0] - moved[1]) / (2 * step)
    assert_allclose(run(h, given, n), want, rtol=1e-5, atol=1e-6 * max(1, abs(want).max()))
