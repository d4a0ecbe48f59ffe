"""Eigenvalues, eigenvectors, singular values and the polar factor, to second order."""

import numpy as np
import pytest
from differences import gradient_by_differences, require_two_orders, run
from numpy.testing import assert_allclose

import matcalc as mc

N = mc.dims("n")
RNG = np.random.default_rng(3)


A, D, X, S = mc.symbols("A[n,n] D[n,n] X[n,n] S[n,n](symmetric)")


def given_for(n):
    a = RNG.normal(size=(n, n))
    return {"A": RNG.normal(size=(n, n)), "D": RNG.normal(size=(n, n)), "X": a + a.T, "S": a + a.T}


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("f", [
    mc.sum(mc.exp(mc.eig(X) / 4)), mc.eigmax(X) ** 2, mc.eigmin(X), mc.norm2(A @ mc.eigvecmax(X)) ** 2,
    mc.norm2(A @ mc.eigvecmin(X)) ** 2, mc.normf(mc.eigvecs(X) @ mc.diag(mc.sin(mc.eig(X))) @ mc.inv(mc.eigvecs(X)) - A) ** 2,
], ids=str)  # fmt: skip
def test_two_orders(f, n):
    require_two_orders(f, "X", given_for(n), n)


def test_eigenvalues_of_a_matrix_that_is_not_symmetric():
    given = given_for(3)
    given["X"] = np.diag([1.0, 3.0, 7.0]) + given["A"] / 4
    require_two_orders(mc.sum(mc.sin(mc.eig(X))), "X", given, 3)


def test_sum_and_product_of_eigenvalues():
    assert str(mc.grad(mc.sum(mc.eig(X)), X)) == "eye(n)"
    assert mc.parse("prod(eig(X))", {"X": X}) is mc.det(X)


def test_symmetric_forms():
    assert str(mc.grad(mc.sum(mc.exp(mc.eig(S))), S)) == "eigvecs(S)*diag(exp(eig(S)))*eigvecs(S)'"
    given = given_for(3)
    hessian = run(mc.hessian(mc.eigmax(S), S, layout="vec"), given, 3)
    product = run(mc.hvp(mc.eigmax(S), S, D), given, 3)
    assert_allclose(hessian @ given["D"].ravel(order="F"), product.ravel(order="F"), atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@pytest.mark.parametrize("name", ["nuclear", "spectral"])
def test_norms(name, shape):
    w = mc.matrix("X", *shape)
    given = {"X": RNG.normal(size=shape), "D": RNG.normal(size=shape)}
    require_two_orders(getattr(mc, name)(w) ** 2, "X", given, 0)


def test_second_derivative_of_a_norm_of_unknown_side():
    m, n = mc.dims("m n")
    w = mc.matrix("X", m, n)
    with pytest.raises(mc.UnsupportedError, match="tall"):
        mc.hvp(mc.nuclear(w), w, "D")


@pytest.mark.parametrize("f", [mc.sum(mc.exp(mc.eig(S))), mc.sum(mc.eigvecmax(S)) ** 2], ids=str)
def test_derivations_hold(f):
    assert mc.derive(f, S).check().passed


# ------------------------------------------------------------------ singular values
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (1, 3), (3, 1), (1, 1)])
def test_singular_values(shape):
    w = mc.matrix("X", *shape)
    s = mc.svdvals(w)
    given = {"X": RNG.normal(size=shape)}
    assert_allclose(np.ravel(run(s, given, 0)), np.linalg.svd(given["X"], compute_uv=False))
    f = mc.sum(mc.exp(s / 2))
    assert_allclose(
        run(mc.grad(f, w), given, 0).reshape(shape), gradient_by_differences(f, "X", given, 0), rtol=1e-6, atol=1e-8
    )
    forward = run(mc.jvp(s, w, mc.matrix("D", *shape)), {**given, "D": given["X"]}, 0)
    assert_allclose(forward, run(s, given, 0))  # singular values grow with the matrix


def test_singular_values_of_square_matrices():
    f = mc.sum(mc.exp(mc.svdvals(X)))
    assert str(mc.grad(f, X)) == "svd_u(X)*diag(exp(svdvals(X)))*svd_v(X)'"
    assert mc.derive(f, X).check().passed
    assert mc.parse("sum(svdvals(X))", {"X": X}) is mc.nuclear(X)
    assert mc.latex(mc.svdvals(X)) == r"\operatorname{svdvals}(X)"
    assert mc.parse("svdvals(W)", {"W": mc.matrix("W", 4, 2)}).shape == (2,)
    assert mc.parse("svd_v(W)", {"W": mc.matrix("W", 2, 4)}).shape == (4, 2)
    jacobian = mc.jacobian(mc.svdvals(X), X, layout="vec")
    given = given_for(3)
    change = run(mc.jvp(mc.svdvals(X), X, D), given, 3)
    assert_allclose(run(jacobian, given, 3) @ given["D"].ravel(order="F"), change)


def test_what_singular_values_refuse():
    m, n = mc.dims("m n")
    with pytest.raises(mc.ShapeError, match="the smaller dimension"):
        mc.svdvals(mc.matrix("W", m, n))
    with pytest.raises(mc.ShapeError, match="the smaller dimension"):
        mc.parse("sum(svdvals(W))", {"W": mc.matrix("W", m, n)})
    with pytest.raises(mc.UnsupportedError, match="second derivatives of singular values"):
        mc.hessian(mc.sum(mc.exp(mc.svdvals(X))), X, layout="vec")
    values = mc.svdvals(mc.matrix("Z", 2, 2, complex=True))
    with pytest.raises(mc.UnsupportedError, match="svdvals"):
        mc.compile(values)
