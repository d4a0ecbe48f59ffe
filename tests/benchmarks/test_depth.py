"""Gradients of all weights of a deep network: the time grows with the number of layers, not faster."""

import math
import time

import pytest

import matcalc as mc

DEPTHS = (1, 2, 4, 8, 16, 32, 64, 128)


def seconds(depth):
    """The time of the gradients by all weights and biases of a tanh network, the best of three."""
    h, y = mc.symbols("x[n0] y[m]")
    weights = []
    for layer in range(depth):
        W, b = mc.symbols(f"W{layer}[n{layer + 1},n{layer}] b{layer}[n{layer + 1}]")
        weights += [W, b]
        h = mc.tanh(W @ h + b)
    f = mc.norm2(mc.matrix("V", y.rows, h.rows) @ h - y) ** 2
    best = math.inf
    for _ in range(3):
        start = time.perf_counter()
        found = mc.grad(f, weights)
        best = min(best, time.perf_counter() - start)
    assert len(found) == 2 * depth
    return best


@pytest.mark.slow
def test_time_grows_with_the_depth(capsys):
    times = {depth: seconds(depth) for depth in DEPTHS}
    slope = math.log(times[128] / times[16]) / math.log(128 / 16)
    with capsys.disabled():
        print("\n" + "\n".join(f"{depth:4} layers {t * 1000:8.1f} ms" for depth, t in times.items()))
        print(f"time ~ depth^{slope:.2f} from 16 to 128 layers")
    assert times[64] < 1.5
    assert slope < 1.4
