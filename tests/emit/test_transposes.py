"""Transposes that were pushed inwards are found again: one of the two is computed, and every value stays."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.emit.passes.transposes import share_transposes
from matcalc.expr import Add, Hadamard, Product, Transpose

m, n = 4, 3
A, B, S = mc.matrix("A", m, n), mc.matrix("B", m, n), mc.matrix("S", n, n, symmetric=True)
x, y, c = mc.vector("x", n), mc.vector("y", m), mc.scalar("c")
GIVEN = {s.name: np.random.default_rng(3).standard_normal(s.shape) for s in (A, B, x, y, c)}
GIVEN["S"] = np.diag([2.0, 3.0, 5.0]) + np.ones((n, n))


def code(e):
    return [line.strip() for line in mc.compile(e).source.split('"""\n')[1].splitlines()]


PAIRS = [
    (Hadamard((A, B)), Hadamard((B.T, A.T))),
    (Add((A, Hadamard((c, B)))), Add((Hadamard((c, B.T)), A.T))),
    (Product((A, S)), Product((S, A.T))),
    (Product((A, S, B.T)), Product((B, S, A.T))),
    (mc.exp(Hadamard((A, Product((A, S))))), mc.exp(Hadamard((Product((S, A.T)), A.T)))),
    (mc.divide(A, B), mc.divide(A.T, B.T)),
    (mc.broadcast_add(A, y), mc.broadcast_add(A.T, y.T)),
    (Product((A, x)), Product((x.T, A.T))),
    (Hadamard((y, Product((A, x)))), Hadamard((y.T, Product((x.T, A.T))))),
    (mc.diag(y) @ A @ S, S @ A.T @ mc.diag(y)),
    (mc.sin(S @ A.T), mc.sin(A @ S)),
]


@pytest.mark.parametrize(("e", "turned"), PAIRS, ids=[str(e) for e, _ in PAIRS])
def test_pairs(e, turned):
    """The second is written as the transpose of the first, in either order, and both have their values."""
    for one, other in ((e, turned), (turned, e)):
        first, second = share_transposes([one, other])
        assert first is one
        assert second is Transpose(one)
    arguments = {s.name: GIVEN[s.name] for s in e.symbols}
    both = mc.compile([e, turned])(**arguments)
    for found, alone in zip(both, (e, turned), strict=True):
        np.testing.assert_allclose(found, mc.compile(alone)(**arguments))
    np.testing.assert_allclose(np.reshape(both[0], (e.rows, e.cols)).T, np.reshape(both[1], (e.cols, e.rows)))


def test_what_only_looks_like_one():
    """Other orders of a product, quotients turned over and powers are other values."""
    M, N = mc.matrix("M", n, n), mc.matrix("N", n, n)
    for one, other in (
        (Product((M, N)), Product((M.T, N.T))),
        (Product((M, N)), Product((N, M))),
        (mc.divide(M, N), mc.divide(N.T, M.T)),
        (mc.sin(M), mc.cos(M.T)),
        (mc.softmax(M, 0), mc.softmax(M.T, 0)),
        (mc.broadcast_add(M, x), mc.broadcast_add(M.T, x)),
    ):
        assert share_transposes([one, other]) == [one, other]


def test_the_product_of_two_that_are_equal():
    e = Product((Hadamard((A, Product((A, S)))), Hadamard((A.T, Product((S, A.T))))))
    assert code(e) == ["t0 = A * (A @ S)", "return t0 @ t0.T"]
    r = Product((Hadamard((A.T, Product((S, A.T)))), Hadamard((A, Product((A, S)))), x))
    assert code(r)[-1] == "return t0 @ (t0.T @ x)"


def test_symmetric_values_are_not_turned():
    assert share_transposes([mc.sin(S), mc.sin(S.T)]) == [mc.sin(S), mc.sin(S)]


def test_linear_in_the_shared_graph():
    e = A.T @ A
    for _ in range(3000):
        e = Hadamard((e, Product((e, e.T))))
    assert len(share_transposes([e, e.T])) == 2
