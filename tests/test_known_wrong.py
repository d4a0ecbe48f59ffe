"""Questions that other tools get silently wrong: the gradient as text, gradient and Hessian against JAX."""

import jax
import judge
import numpy as np
import pytest
from generate import numbers
from numpy.testing import assert_allclose

import matcalc as mc

SIZES = {"m": 3, "n": 4}
DECLARED = "A[n,n] B[n,n] X[n,n] M[m,n] x[n] q[n](positive) k(integer)"
CASES = [
    ("log(det(X))", "X", "inv(X)'"),
    ("exp(tr(A*X))", "X", "exp(tr(A*X))*A'"),
    ("tr(X)^2 + 1", "X", "2*tr(X)*eye(n)"),
    ("(A*X)(1,2)", "X", "A'*e(1,n)*e(2,n)'"),
    ("log(sum(exp(M*x)))", "x", "M'*softmax(M*x)"),
    ("exp(-x'*A*x)", "x", "-exp(-x'*A*x)*(A + A')*x"),
    ("sum(q.*log(q))", "q", "log(q) .+ 1"),
    ("tr(A.*X)", "X", "diag(diag(A))"),
    ("tr(X.^2)", "X", "2*diag(diag(X))"),
    ("tr((X + B)^2)", "X", "2*(B + X)'"),
    ("tr(A*X) + tr(X*B)", "X", "(A + B)'"),
    ("tr(X^k)", "X", "k*(X^(-1 + k))'"),
]


def values(f, seed=0):
    """Values of the symbols; a square X has a positive determinant."""
    given = judge.draw(f, seed, SIZES)
    if "X" in given:
        given["X"] = given["X"] / 2 + 2 * np.eye(SIZES["n"])
    return given


def close(got, want, what):
    assert_allclose(got, np.reshape(want, got.shape), rtol=1e-8, atol=1e-8 * max(1.0, np.max(np.abs(want))), err_msg=what)


@pytest.mark.parametrize(("text", "name", "printed"), CASES)
def test_gradient(text, name, printed):
    f = mc.parse(text, DECLARED)
    g = mc.grad(f, name)
    assert str(g) == printed
    for seed in range(2):
        given = values(f, seed)
        close(numbers(g, given, SIZES), judge.gradient(f, given, name, SIZES), text)


@pytest.mark.parametrize(("text", "name", "printed"), CASES)
def test_hessian(text, name, printed):
    f = mc.parse(text, DECLARED)
    if text == "tr(X^k)":
        with pytest.raises(mc.UnsupportedError, match="power"):  # a sum of k - 1 products has no form for a symbolic k
            mc.hessian(f, name)
        f = mc.parse("tr(X^3)", DECLARED)
    h = mc.hessian(f, name)
    given = values(f)
    slope = jax.jacobian(lambda w: judge.gradient(f, {**given, name: w}, name, SIZES))
    close(numbers(h, given, SIZES), np.asarray(slope(given[name])), text)


def test_jacobian_of_a_direction():
    f = mc.parse("x/norm2(x)", DECLARED)
    j = mc.jacobian(f, "x")
    assert str(j) == "(eye(n) - x*x'/norm2(x)^2)/norm2(x)"
    given = values(f)
    want = jax.jacobian(lambda x: judge.value(f, {"x": x}, SIZES))(given["x"])
    close(numbers(j, given, SIZES), np.asarray(want), str(j))
    norm = mc.parse("sum(x/norm2(x))", DECLARED)
    h = mc.hessian(norm, "x")
    slope = jax.jacobian(lambda x: judge.gradient(norm, {"x": x}, "x", SIZES))
    close(numbers(h, given, SIZES), np.asarray(slope(given["x"])), str(h))


@pytest.mark.parametrize(
    "text",
    [
        "sum(log(cosh(x).^2 .+ 1))",
        "sum(cosh(x).*sinh(x)./(cosh(x).^2 .+ 1))",
        "sum(sin(x).^2.*cos(x).^2 + sin(x).^2)",
        "sum(cosh(x).^2.*sinh(x).^2 - sinh(x).^2)",
    ],
)
def test_a_square_times_its_partner_is_not_taken_for_the_square(text):
    """``cos(x)^2*sin(x)^2 + sin(x)^2`` is not ``sin(x)^2``: only with the same rest do the two add up."""
    f = mc.parse(text, "x[n]")
    assert mc.check(f, "x").passed
    assert mc.check(f, "x", kind="hessian").passed
    assert mc.equal(f, mc.simplify(f))
