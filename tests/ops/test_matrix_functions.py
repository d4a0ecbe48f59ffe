"""Functions of a matrix: Frechet derivatives, Sylvester equations, Cholesky factors, to second order."""

import numpy as np
import pytest
import sympy as sp
from differences import require_two_orders, run
from numpy.testing import assert_allclose

import matcalc as mc

N = mc.dims("n")
RNG = np.random.default_rng(3)


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


# ------------------------------------------------------------------ functions by a formula
t = sp.Symbol("t")
FORMULAS = [sp.tanh(t), sp.atan(t) + 2**t, t**2 * sp.exp(-t), sp.sqrt(t**2 + 2), sp.sinh(t), 1 / (1 + t**2)]


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_a_formula_to_two_orders(formula, n):
    g = mc.matrix_function("g", formula)
    require_two_orders(mc.tr(A @ g(X) @ B) ** 2, "X", given_for(n), n)
    require_two_orders(mc.tr(A @ mc.matrix_function(X, formula) @ B), "X", given_for(n), n)


@pytest.mark.parametrize("matrix", [
    np.eye(3), np.zeros((3, 3)), np.diag([1.0, 1.0, 2.0]), np.diag([1.0, 1 + 1e-7, 2.0]), np.diag([1.0, 1 + 2e-5, 1 + 5e-4]),
    np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 0.3]]),
], ids=["equal", "zero", "two-equal", "close", "closer", "complex"])  # fmt: skip
def test_derivatives_of_a_formula_at_equal_and_at_complex_eigenvalues(matrix):
    """The formula is the exponential's, whose derivatives do not need the eigenvalues."""
    g, given = mc.matrix_function("g", sp.exp(t)), {**given_for(3), "X": matrix}
    for make in (
        lambda f: f(X), lambda f: mc.grad(mc.tr(A @ f(X)), X), lambda f: mc.hvp(mc.tr(A @ f(X)), X, D),
    ):  # fmt: skip
        assert_allclose(run(make(g), given, 3), run(make(mc.expm), given, 3), rtol=1e-6, atol=1e-6)


def test_formulas_of_real_eigenvalues_alone():
    s, given = mc.matrix("S", N, N, symmetric=True), given_for(3)
    given["S"] = given["X"] + given["X"].T
    f = mc.matrix_function(s, sp.Abs)
    values, vectors = np.linalg.eigh(given["S"])
    assert_allclose(run(f, given, 3), (vectors * abs(values)) @ vectors.T, atol=1e-12)
    assert str(mc.grad(mc.tr(f), s)) == "signm(S)"
    assert mc.check(mc.tr(A @ f), s).passed
    given["X"] = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 0.3]])
    assert np.all(np.isnan(run(mc.matrix_function(X, sp.Abs), given, 3)))
    with pytest.raises(mc.UnsupportedError, match="derivative of the formula"):
        mc.hvp(mc.tr(A @ f), s, D)
    with pytest.raises(mc.UnsupportedError, match="real matrices, but Z is complex"):
        mc.matrix_function(mc.matrix("Z", 3, 3, complex=True), sp.Abs)


def test_a_matrix_with_too_few_eigenvectors_has_no_value():
    got = mc.compile(mc.matrix_function(X, sp.tanh))(np.array([[1.0, 1], [0, 1]]))
    assert np.all(np.isnan(got))


def test_formulas_print_short():
    assert str(mc.matrix_function(X, sp.exp)) == "expm(X)"
    assert str(mc.matrix_function(X, t**2)) == "X^2"
    assert str(mc.grad(mc.tr(mc.matrix_function(X, sp.tanh)), X)) == "(eye(n) - tanhm(X)^2)'"
    assert str(mc.grad(mc.tr(A @ mc.matrix_function(X, sp.tanh, name="g")), X)) == "dg(X',A')"
    assert mc.matrix_function(X, sp.tanh).conditions == ("X diagonalizable",)
    assert mc.latex(mc.matrix_function(X, sp.tanh, name="g")) == "g(X)"


def test_text_of_formulas_reads_back_where_they_are_declared():
    g = mc.matrix_function("g", 2**t)
    d = mc.grad(mc.tr(A @ g(X)), X)
    assert mc.parse("tr(A*g(X))", {"A": A, "X": X, "g": g}) is mc.tr(A @ g(X))
    assert mc.parse(str(d), {"A": A, "X": X, "dg": d.as_function()}) is d
    assert mc.to_index(mc.tr(A @ g(X))).variables["g"].name == "g"


@pytest.mark.parametrize(
    ("formula", "name", "error"),
    [(sp.Symbol("a") * t, "g", "exactly one symbol"), (t**2, "tr", "function already"), (sp.I * t, "g", "real coefficients"),
     (sp.zeta(t), "g", "no counterpart"), (t, "a b", "not a name")],
)  # fmt: skip
def test_formulas_that_are_refused(formula, name, error):
    with pytest.raises(mc.MatcalcError, match=error):
        mc.matrix_function(X, formula, name=name)
    with pytest.raises(mc.ShapeError, match="square"):
        mc.matrix_function(mc.matrix("W", 2, 3), t**2)


def test_derivations_of_formulas_hold():
    d = mc.derive(mc.tr(A @ mc.matrix_function(X, sp.tanh)), X)
    assert d.result is mc.grad(mc.tr(A @ mc.matrix_function(X, sp.tanh)), X)
    assert d.check().passed


def test_third_derivatives_of_formulas():
    f = mc.tr(A @ mc.matrix_function(X, 2**t, name="g"))
    with pytest.raises(mc.UnsupportedError, match="up to order 2"):
        mc.grad(mc.tr(B @ mc.hvp(f, X, D)), X)
    short = mc.tr(mc.matrix_function(X, 2**t, name="g"))
    assert str(mc.grad(short, X)) == "g_1(X)'"


def test_hermitian_matrices_take_formulas():
    h = mc.matrix("H", 3, 3, hermitian=True)
    value = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))
    value = value + value.conj().T
    values, vectors = np.linalg.eigh(value)
    assert_allclose(mc.compile(mc.matrix_function(h, sp.tanh))(value), (vectors * np.tanh(values)) @ vectors.conj().T)
