"""Functions of a matrix: Frechet derivatives, Sylvester equations, Cholesky factors, to second order."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import matcalc as mc

N = mc.dims("n")
RNG = np.random.default_rng(3)


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


A, X, B, D = mc.symbols("A[n,n] X[n,n] B[n,n] D[n,n]")


def given_for(n, shift=0):
    out = {name: RNG.normal(size=(n, n)) / n for name in "ABDX"}
    out["X"] = out["X"] / 2 + shift * np.eye(n)
    return out


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("name", ["expm", "logm", "sqrtm", "sinm", "cosm"])
def test_two_orders(name, n):
    f = mc.tr(A @ getattr(mc, name)(X) @ B) ** 2
    require_two_orders(f, "X", given_for(n, 2 if name in ("logm", "sqrtm") else 0), n)


@pytest.mark.parametrize("n", [1, 3])
def test_jvp_and_vjp_agree(n):
    e = mc.logm(X @ X.T + mc.eye(N))
    given = given_for(n)
    forward = np.sum(given["A"] * run(mc.jvp(e, X, D), given, n))
    backward = np.sum(given["D"] * run(mc.vjp(e, X, A), given, n))
    assert forward == pytest.approx(backward)


def test_short_forms_stay_short():
    assert str(mc.grad(mc.tr(mc.expm(X)), X)) == "expm(X)'"
    assert str(mc.grad(mc.tr(A @ mc.expm(X)), X)) == "dexpm(X',A')"
    assert str(mc.jvp(mc.sqrtm(X), X, D)) == "sylvester(sqrtm(X),sqrtm(X),D)"


def test_latex_shows_every_direction():
    assert mc.latex(mc.dexpm(X, A, B)) == r"L_{\mathrm{expm}}(X, A, B)"


def test_jacobian_of_a_square_root():
    s = mc.matrix("S", N, N, psd=True)
    assert str(mc.jacobian(mc.sqrtm(s), s, layout="vec")) == "inv(kron(eye(n),sqrtm(S)) + kron(sqrtm(S),eye(n)))"


def test_a_jacobian_without_a_form_names_what_works():
    with pytest.raises(mc.UnsupportedError, match="jvp, vjp"):
        mc.jacobian(mc.expm(X), X, layout="vec")


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("wrt", ["X", "A", "B"])
def test_sylvester(wrt, n):
    given = given_for(n)
    given |= {"A": given["A"] + 2 * np.eye(n), "B": given["B"] + 2 * np.eye(n)}
    require_two_orders(mc.normf(mc.sylvester(A, B, X)) ** 2, wrt, given, n)


def test_sylvester_jacobian():
    y = mc.sylvester(A, B, D @ X)
    given, n = given_for(3), 3
    given |= {"A": given["A"] + 2 * np.eye(n), "B": given["B"] + 2 * np.eye(n)}
    jacobian = run(mc.jacobian(y, X, layout="vec"), given, n)
    change = run(mc.jvp(y, X, "E"), {**given, "E": given["X"]}, n)
    assert_allclose(jacobian @ given["X"].ravel(order="F"), change.ravel(order="F"))


@pytest.mark.parametrize("n", [1, 3])
def test_cholesky(n):
    given = given_for(n)
    given["X"] = given["X"] @ given["X"].T + np.eye(n)
    require_two_orders(mc.sum(mc.sin(2 * mc.cholesky(X))), "X", given, n)
    g = run(mc.grad(mc.sum(mc.multiply(A, mc.cholesky(X))), X), given, n)
    assert_allclose(g, g.T, atol=1e-12)


@pytest.mark.parametrize("f", [
    mc.tr(A @ mc.expm(X)), mc.tr(A @ mc.sqrtm(X @ X.T + mc.eye(N))), mc.sum(mc.cholesky(X @ X.T + mc.eye(N))),
], ids=str)  # fmt: skip
def test_derivations_hold(f):
    d = mc.derive(f, X)
    assert d.result is mc.grad(f, X)
    assert d.check().passed
