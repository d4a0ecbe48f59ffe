"""Chains that read the same from both ends: the value for every sign of the weights, and one half in the code."""

from itertools import pairwise

import numpy as np
import pytest

import matcalc as mc
from matcalc.emit.chain import factor_of
from matcalc.emit.contractions.halves import flipped, half_length
from matcalc.expr import product

m, n, p = mc.dims("m n p")
X, A, S = mc.matrix("X", m, n), mc.matrix("A", n, p), mc.matrix("S", n, n, symmetric=True)
w, v, u = mc.vector("w", m), mc.vector("v", n), mc.vector("u", p)


def chain_of(e):
    return [factor_of(a) for a in e.args]


def code(e):
    return [line.strip() for line in mc.compile(e).source.split('"""\n')[1].splitlines()]


@pytest.mark.parametrize(
    ("e", "length"),
    [
        (X.T @ X, 1),
        (X.T @ mc.diag(w) @ X, 1),
        (A.T @ X.T @ mc.diag(w) @ X @ A, 2),
        (A.T @ S @ A, 1),
        (mc.diag(u) @ A.T @ mc.diag(v) @ S @ mc.diag(v) @ A @ mc.diag(u), 3),
        (X.T @ X @ A, 0),
        (X @ A @ A.T, 0),
    ],
    ids=str,
)
def test_half_length(e, length):
    assert half_length(chain_of(e)) == length
    assert all(flipped(flipped(f)) == f for f in chain_of(e))


WRITTEN = [
    (X.T @ X, ["return X.T @ X"]),
    (X @ X.T, ["return X @ X.T"]),
    (X.T @ mc.diag(w) @ X, ["return X.T @ (w[:, None] * X)"]),
    (X.T @ mc.diag(mc.exp(w)) @ X, ["t0 = np.sqrt(np.exp(w))[:, None] * X", "return t0.T @ t0"]),
    (X @ mc.diag(mc.softmax(v)) @ X.T, ["t0 = X * np.sqrt(softmax(v))", "return t0 @ t0.T"]),
    (X.T @ mc.diag(mc.power(w, 2)) @ X, ["t0 = w[:, None] * X", "return t0.T @ t0"]),
    (2 * X.T @ X, ["return 2 * (X.T @ X)"]),
    (2 * X.T @ mc.diag(mc.exp(w)) @ X, ["t0 = np.sqrt(2 * np.exp(w))[:, None] * X", "return t0.T @ t0"]),
    (X.T @ mc.diag(mc.exp(w)) @ X / m, ["m = X.shape[0]", "t0 = np.sqrt(np.exp(w) / m)[:, None] * X", "return t0.T @ t0"]),
    (-X.T @ mc.diag(mc.exp(w)) @ X, ["t0 = np.sqrt(np.exp(w))[:, None] * X", "return -(t0.T @ t0)"]),
    (-2 * X.T @ mc.diag(mc.exp(w)) @ X, ["t0 = np.sqrt(np.exp(w))[:, None] * X", "return -2 * (t0.T @ t0)"]),
    (A.T @ X.T @ X @ A, ["t0 = X @ A", "return t0.T @ t0"]),
    (
        X.T @ mc.diag(mc.power(w, 2)) @ mc.diag(mc.exp(w)) @ X,
        ["t0 = np.sqrt(w * w * np.exp(w))[:, None] * X", "return t0.T @ t0"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("e", "lines"), WRITTEN, ids=[str(e) for e, _ in WRITTEN])
def test_reads_as_a_person_would_write_it(e, lines):
    assert code(e) == lines


def test_a_long_inner_dimension_is_squared_first():
    A, B = mc.symbols("A[3,5] B[5,4000]")
    assert code(A @ B @ B.T @ A.T) == ["return A @ (B @ B.T) @ A.T"]
    C = mc.matrix("C", 5, 3)
    assert code(C @ A @ B @ B.T @ A.T @ C.T)[-1] == "return t0 @ (B @ B.T) @ t0.T"


WEIGHTS = [lambda t: t, mc.exp, lambda t: mc.power(t, 2), mc.relu, mc.softmax, lambda t: -mc.exp(t)]


def random_half(rng):
    """One to four factors, some transposed, some with a diagonal after them."""
    sizes = [int(rng.integers(1, 6)) for _ in range(rng.integers(2, 6))]
    for k, (rows, cols) in enumerate(pairwise(sizes)):
        yield mc.matrix(f"M{k}", rows, cols) if rng.random() < 0.5 else mc.matrix(f"M{k}", cols, rows).T
        if rng.random() < 0.4:
            yield mc.diag(mc.vector(f"d{k}", cols))


@pytest.mark.parametrize("seed", range(80))
def test_values(seed):
    rng = np.random.default_rng(seed)
    half = list(random_half(rng))
    middle = [mc.diag(WEIGHTS[seed % len(WEIGHTS)](mc.vector("t", half[-1].cols)))] if rng.random() < 0.8 else []
    factor = [1, 2, -3][seed % 7 % 3]
    e = factor * product(*half, *middle, *(f.T for f in reversed(half)))
    values = {s.name: rng.standard_normal(s.shape) * (rng.random(s.shape) < 0.8) for s in e.symbols}
    np.testing.assert_allclose(mc.compile(e)(**values), factor * plain(half, middle, values), atol=1e-10, err_msg=str(e))


def plain(half, middle, values):
    """The product from left to right, each factor with two axes."""

    def array(f):
        a = np.asarray(mc.compile(f)(**{s.name: values[s.name] for s in f.symbols}))
        return a.reshape(f.rows, f.cols)

    H = np.linalg.multi_dot([np.eye(half[0].rows), *map(array, half)])
    out = H @ (array(middle[0]) if middle else np.eye(half[-1].cols)) @ H.T
    return out.reshape(out.shape if out.shape != (1, 1) else ())


def test_complex_halves_are_not_conjugated():
    Z = mc.matrix("Z", m, n, complex=True)
    z = mc.vector("z", m, complex=True)
    rng = np.random.default_rng(0)
    a, c = rng.standard_normal((4, 3)) + 1j, rng.standard_normal(4) + 2j
    np.testing.assert_allclose(mc.compile(Z.T @ Z)(Z=a), a.T @ a)
    np.testing.assert_allclose(mc.compile(Z.T @ mc.diag(z) @ Z)(Z=a, z=c), a.T @ np.diag(c) @ a)
