"""Matrices with stacked axes are never formed, and have the entries that forming them gives."""

import os
from functools import cache

import judge
import numpy as np
import pytest
from stacked import DIMS, HESSIANS, PLAIN, SIZES, Maker, values_of

import matcalc as mc
from matcalc.emit.libraries import BACKENDS
from matcalc.expr import Symbol
from matcalc.node import postorder
from matcalc.ops.structure import Kron
from matcalc.ops.tensors import unstacked


@pytest.fixture(params=["numpy", "plain"])
def backend(request, monkeypatch):
    """NumPy, and a library whose arrays nothing is written to."""
    monkeypatch.setitem(BACKENDS, "plain", PLAIN)
    return request.param


def by_the_judge(e, values, sizes):
    two = {}
    for s in postorder([e], lambda x: x.operands):
        if isinstance(s, Symbol):
            two[s.name] = np.reshape(values[s.name], (judge.size(s.rows, sizes), judge.size(s.cols, sizes)))
    return np.asarray(judge.value(e, two, sizes))


def run(e, values, sizes, backend):
    call = mc.compile(e, backend=backend)
    return call(**{n: values[n] if n in values else sizes[n] for n in call.names}), call


def agrees(e, seed, sizes, backend):
    values = values_of(e, sizes, seed)
    expected = by_the_judge(e.arg if e.axes is not None else e, values, sizes)
    found, call = run(e, values, sizes, backend)
    if e.axes is not None:
        assert found.shape == tuple(judge.size(d, sizes) for d in e.shape), call.source
        split = [[judge.size(d, sizes) for d in side] for side in (e.rows_as, e.cols_as)]
        found = found.transpose([1, 0, 3, 2]).reshape(np.prod(split[0]), np.prod(split[1]))
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, rtol=1e-9, atol=1e-9, err_msg=f"{e}\n{call.source}")
    return call


@pytest.mark.parametrize("seed", range(int(os.environ.get("MATCALC_SEEDS", "40"))))
def test_random_matrices_with_stacked_axes(seed, backend):
    """As a matrix, times a vector, and as an array with four axes."""
    maker = Maker(seed)
    rng = maker.rng
    rows = "".join(rng.choice("mnp") for _ in range(2))
    cols = rng.choice([rows, rows[::-1], "".join(rng.choice("mnp") for _ in range(2))])
    e = maker.stacked(rows, cols)
    x = mc.vec(mc.matrix("X", DIMS[cols[1]], DIMS[cols[0]]))
    sizes = SIZES[seed % len(SIZES)]
    agrees(e, seed, sizes, backend)
    agrees(e @ x, seed, sizes, backend)
    agrees(unstacked(e, *(DIMS[c] for c in (rows[1], rows[0], cols[1], cols[0]))), seed, sizes, backend)


@cache
def hessian_by_jax(text, variables, wrt, seed, sizes):
    f, sizes = mc.parse(text, variables), dict(sizes)
    values = values_of(f, sizes, seed)

    def function(x):
        given = {**values, wrt: x}
        two = {k: judge.jnp.reshape(v, (v.shape[0], -1)) if judge.jnp.ndim(v) == 1 else v for k, v in given.items()}
        return judge.value(f, two, sizes).reshape(())

    return np.asarray(judge.jax.hessian(function)(values[wrt]))


@pytest.mark.parametrize("layout", ["tensor", "vec"])
@pytest.mark.parametrize(("text", "variables", "wrt"), HESSIANS)
def test_hessians_agree_with_jax(text, variables, wrt, layout, backend):
    """Every Hessian is that of the function, at two sets of sizes."""
    f = mc.parse(text, variables)
    h = mc.hessian(f, wrt, layout=layout)
    for seed, sizes in enumerate(({"m": 6, "n": 4, "k": 3, "p": 2}, {"m": 9, "n": 2, "k": 2, "p": 1})):
        values = values_of(f, sizes, seed)
        found, call = run(h, {k: v for k, v in values.items() if k in mc.compile(h).names}, sizes, backend)
        expected = hessian_by_jax(text, variables, wrt, seed, tuple(sizes.items()))
        if layout == "vec":
            expected = expected.transpose(1, 0, 3, 2).reshape(values[wrt].size, values[wrt].size)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9, err_msg=call.source)


def source(e, backend="numpy"):
    return mc.compile(e, backend=backend).source


def test_no_kronecker_product_is_formed():
    """Blocks are written where they belong."""
    f = mc.parse("normf(U*V'-Y)^2", "U[m,k] V[n,k] Y[m,n]")
    text = source(mc.hessian(f, "U", layout="tensor"))
    assert "kron" not in text
    assert "on_diagonal('jk->ijik', 2 * (V.T @ V), (m, k, m, k))" in text
    masked = mc.parse("normf(T.*(U*V'-Y))^2", "U[m,k] V[n,k] Y[m,n] T[m,n]")
    assert "grams('pj,pk,ip->ijk', V, 2 * (T * T))" in source(mc.hessian(masked, "U", layout="tensor")).replace(
        "t0", "2 * (T * T)"
    )


def test_terms_that_share_a_matrix_are_one_gram():
    """The weights of a softmax are added up before the blocks are made."""
    f = mc.parse("sum(log(sum(exp(X*W),2)))", "X[30,20] W[20,3]")
    text = source(mc.hessian(f, "W", layout="tensor"))
    assert text.count("symmetric_grams(") == 1
    assert "einsum" not in text


def test_a_kronecker_product_times_a_vec_is_a_product_of_matrices():
    """``kron(B',A)*vec(X)`` is ``vec(A*X*B)``."""
    A, B, X = mc.symbols("A[m,n] B[p,q] X[n,p]")
    assert "kron" not in source(mc.kron(B.T, A) @ mc.vec(X))
    assert "@" in source(mc.kron(B.T, A) @ mc.vec(X))


def test_solving_with_a_kronecker_product_solves_with_its_factors():
    """``inv(kron(A, eye))*vec(G)`` solves with ``A``."""
    A, G = mc.symbols("A[n,n] G[m,n]")
    e = mc.solve(2 * mc.kron(A, mc.eye(G.rows)), mc.vec(G))
    text = source(e)
    assert "kron" not in text
    assert "solve(" in text
    rng = np.random.default_rng(0)
    a, g = rng.standard_normal((3, 3)) + 3 * np.eye(3), rng.standard_normal((4, 3))
    expected = np.linalg.solve(2 * np.kron(a, np.eye(4)), g.T.ravel())
    np.testing.assert_allclose(mc.compile(e)(A=a, G=g), expected, rtol=1e-10)


@pytest.mark.parametrize("signs", [(0, 1), (-1, 0), (-1, 1)])
def test_weighted_grams_have_any_signs(signs):
    """Weights of one sign take half the work, others give the same."""
    X, P = mc.symbols("X[m,n] P[m,k]")
    e = unstacked(
        mc.kron(mc.eye(P.cols), X.T) @ mc.diag(mc.vec(P)) @ mc.kron(mc.eye(P.cols), X), X.cols, P.cols, X.cols, P.cols
    )
    rng = np.random.default_rng(1)
    x, p = rng.standard_normal((50, 30)), rng.uniform(*signs, (50, 2))
    expected = np.einsum("pi,pk,pj,jl->ijkl", x, x, p, np.eye(2))
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-4)):
        found = mc.compile(e)(X=x.astype(dtype), P=p.astype(dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_outputs_share_nothing_that_is_written_to():
    """Two results with a part in common are each right, and so is a second call."""
    f = mc.parse("sum(log(sum(exp(X*W),2))) + normf(X*W)^2", "X[m,n] W[n,k]")
    h = mc.hessian(f, "W", layout="tensor")
    g = mc.parse("sum(log(sum(exp(X*W),2)))", "X[m,n] W[n,k]")
    both = mc.compile([h, mc.hessian(g, "W", layout="tensor"), h])
    rng = np.random.default_rng(2)
    values = {"X": rng.standard_normal((6, 4)), "W": rng.standard_normal((4, 3))}
    first = both(**values)
    alone = [mc.compile(e)(**values) for e in (h, mc.hessian(g, "W", layout="tensor"))]
    for found in (first, both(**values)):
        np.testing.assert_allclose(found[0], alone[0])
        np.testing.assert_allclose(found[1], alone[1])
        np.testing.assert_allclose(found[2], alone[0])


def test_arrays_without_any_factor(backend):
    """Ones and identities alone have a size all the same."""
    X = mc.symbols("X[m,n]")
    m, n = X.shape
    ones = mc.vec(mc.ones(m, n))
    sizes = {"m": 3, "n": 2}
    for matrix, expected in (
        (2 * ones @ ones.T, np.full((3, 2, 3, 2), 2.0)),
        (3 * Kron(mc.eye(n), mc.eye(m)), 3 * np.einsum("ik,jl->ijkl", np.eye(3), np.eye(2))),
        (mc.kron(mc.eye(n), mc.ones(m, m)), np.einsum("ik,jl->ijkl", np.ones((3, 3)), np.eye(2))),
    ):
        found, call = run(unstacked(matrix, m, n, m, n), {}, sizes, backend)
        np.testing.assert_array_equal(found, expected, err_msg=call.source)
