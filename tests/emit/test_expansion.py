"""Sums multiplied out where that costs less: the value stays, the large temporaries go."""

import jax
import numpy as np
import pytest

import matcalc as mc
from matcalc.dims import DimSymbol
from matcalc.emit.backends import NUMPY
from matcalc.emit.passes.expansion import cheapest
from matcalc.emit.sizes import Sizes
from matcalc.node import postorder
from matcalc.ops.structure import Diag

jax.config.update("jax_enable_x64", True)


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


CASES = (  # text, declarations, the same in plain NumPy
    ("A'*(diag(softmax(A*x)) - softmax(A*x)*softmax(A*x)')*A", "A[m,n] x[n]",
     lambda A, x: A.T @ (np.diag(softmax(A @ x)) - np.outer(softmax(A @ x), softmax(A @ x))) @ A),
    ("2*(U*V' - Y)*V", "U[m,k] V[n,k] Y[m,n]", lambda U, V, Y: 2 * (U @ V.T - Y) @ V),
    ("U'*(U*V' - Y)", "U[m,k] V[n,k] Y[m,n]", lambda U, V, Y: U.T @ (U @ V.T - Y)),
    ("(A + A')*x", "A[n,n] x[n]", lambda A, x: (A + A.T) @ x),
    ("(X .+ u)*ones(n)", "X[m,n] u[m]", lambda X, u: (X + u[:, None]).sum(1)),
    ("ones(m)'*(X .- u)", "X[m,n] u[m]", lambda X, u: (X - u[:, None]).sum(0)[None, :]),
    ("(X .+ r)*y", "X[m,n] r[1,n] y[n]", lambda X, r, y: (X + r) @ y),
    ("(X .+ c)*y", "X[m,n] c y[n]", lambda X, c, y: (X + c) @ y),
    ("sum(X .+ u)", "X[m,n] u[m]", lambda X, u: (X + u[:, None]).sum()),
    ("sum(X .- u, 1)", "X[m,n] u[m]", lambda X, u: (X - u[:, None]).sum(0)[None, :]),
    ("sum(X .+ c, 2)", "X[m,n] c", lambda X, c: (X + c).sum(1)),
    ("tr(A*(x*y' + B))", "A[n,n] B[n,n] x[n] y[n]", lambda A, B, x, y: np.trace(A @ (np.outer(x, y) + B))),
    ("tr(3*(x*y' + diag(x))*B)/c", "B[n,n] x[n] y[n] c",
     lambda B, x, y, c: 3 * np.trace((np.outer(x, y) + np.diag(x)) @ B) / c),
    ("diag((x*y' + A)*B)", "A[n,n] B[n,n] x[n] y[n]", lambda A, B, x, y: np.diag((np.outer(x, y) + A) @ B)),
    ("(eye(n) - x*y')*B", "B[n,m] x[n] y[n]", lambda B, x, y: (np.eye(len(x)) - np.outer(x, y)) @ B),
    ("(4*eye(n) - inv(S)*C)*inv(S)", "S[n,n](psd) C[n,n](symmetric)",
     lambda S, C: (4 * np.eye(len(S)) - np.linalg.inv(S) @ C) @ np.linalg.inv(S)),
    ("-inv(S)*(X' .- u)*ones(m)", "S[n,n](psd) X[m,n] u[n]", lambda S, X, u: -np.linalg.inv(S) @ (X.T - u[:, None]).sum(1)),
    ("tr(C*inv(S)*(eye(n) - y*y'*inv(S)))", "S[n,n](psd) C[n,n] y[n]",
     lambda S, C, y: np.trace(C @ np.linalg.inv(S) @ (np.eye(len(S)) - np.outer(y, y) @ np.linalg.inv(S)))),
    ("A*x - A*y", "A[m,n] x[n] y[n]", lambda A, x, y: A @ x - A @ y),
    ("A*B + 2*C*B", "A[m,n] C[m,n] B[n,k]", lambda A, B, C: A @ B + 2 * C @ B),
    ("((A + B)*x)'*((A + B)*y)", "A[m,n] B[m,n] x[n] y[n]", lambda A, B, x, y: ((A + B) @ x) @ ((A + B) @ y)),
)  # fmt: skip
SIZES = (
    {"m": 1, "n": 1, "k": 1},
    {"m": 5, "n": 4, "k": 2},
    {"m": 3, "n": 6, "k": 1},
    {"m": 1, "n": 5, "k": 3},
    {"m": 4, "n": 1, "k": 2},
)
PLANNED = (None, {"m": 3000, "n": 2000, "k": 10}, {"m": 10, "n": 4000, "k": 2000}, {"m": 2, "n": 3, "k": 5})


def declared(declarations):
    found = mc.symbols(declarations)
    return found if isinstance(found, (list, tuple)) else [found]


def drawn(declarations, sizes, seed):
    rng = np.random.default_rng(seed)
    out = {}
    for s in declared(declarations):
        a = rng.standard_normal(tuple(d if isinstance(d, int) else sizes[str(d)] for d in s.shape))
        if s.has("psd"):
            a = a @ a.T + np.eye(len(a))
        elif s.symmetric and a.ndim:
            a = a + a.T
        out[s.name] = a
    return out


@pytest.mark.parametrize("planned", PLANNED, ids=["nominal", "thin", "wide", "tiny"])
@pytest.mark.parametrize(("text", "declarations", "plain"), CASES, ids=[c[0] for c in CASES])
def test_the_value_stays_whatever_sizes_the_plan_is_for(text, declarations, plain, planned):
    e = mc.parse(text, declarations)
    known = {DimSymbol(k): v for k, v in planned.items()} if planned else None
    (other,) = cheapest([e], NUMPY, Sizes(known))
    assert other.shape == e.shape
    call = mc.compile(other, declared(declarations))
    for seed, sizes in enumerate(SIZES):
        given = drawn(declarations, sizes, seed)
        np.testing.assert_allclose(call(**given), plain(**given), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("backend", ["jax", "torch", "array_api"])
@pytest.mark.parametrize(("text", "declarations", "plain"), CASES, ids=[c[0] for c in CASES])
def test_other_back_ends(text, declarations, plain, backend):
    call = mc.compile(mc.parse(text, declarations), declared(declarations), backend=backend)
    given = drawn(declarations, {"m": 5, "n": 4, "k": 2}, 3)
    np.testing.assert_allclose(np.asarray(call(**given)), plain(**given), rtol=1e-8, atol=1e-8)


LINES = (  # text with numbers for dimensions, declarations, a part of the code
    ("2*(U*V' - Y)*V", "U[2000,20] V[2000,20] Y[2000,2000]", "U @ (V.T @ V) - (V.T @ Y.T).T"),
    ("2*(U*V' - Y)*V", "U[20,20] V[20,20] Y[20,20]", "(U @ V.T - Y) @ V"),
    ("-inv(S)*(X' .- u)*ones(4000)", "S[60,60](psd) X[4000,60] u[60]", "cho_solve(cho_factor(S), X.sum(axis=0) - 4000 * u)"),
    ("(A + A')*x", "A[1500,1500] x[1500]", "A @ x + A.T @ x"),
    ("sum(X .+ u)", "X[400,300] u[400]", "X.sum() + "),
    ("A*x - A*y", "A[400,300] x[300] y[300]", "A @ (x - y)"),
    ("(A + B)*C", "A[300,300] B[300,300] C[300,300]", "(A + B) @ C"),
)


@pytest.mark.parametrize(("text", "declarations", "line"), LINES, ids=[f"{t[0]}, {t[1]}" for t in LINES])
def test_what_is_written(text, declarations, line):
    assert line in mc.compile(mc.parse(text, declarations)).source


def test_no_square_matrix_of_samples_is_made():
    """The middle of a Hessian of log-sum-exp would be 4000 x 4000."""
    e = mc.hessian(mc.parse("logsumexp(A*x)", "A[4000,50] x[50]"), "x")
    source = mc.compile(e).source
    assert "sqrt" in source
    assert "np.diag(" not in source
    assert "add_diagonal" not in source


def test_a_sum_that_is_needed_anyway_is_not_multiplied_out():
    r = mc.parse("U*V' - Y", "U[2000,20] V[2000,20] Y[2000,2000]")
    v = mc.parse("V", "V[2000,20]")
    source = mc.compile([r, r @ v]).source
    assert source.count("@") == 2  # the residual, and its product with V
    assert "V.T @ V" not in source


def test_sums_inside_functions_are_left_alone():
    e = mc.parse("A*tanh(B*x + c*y)", "A[m,n] B[n,m] x[m] y[n] c")
    assert cheapest([e], NUMPY, Sizes()) == [e]


def test_long_sums_and_long_programs_end_soon():
    """Only so many sums are looked at, and a chain of layers has none to multiply out."""
    h = mc.parse("x", "x[n]")
    for k in range(40):
        h = mc.parse(f"W{k}", f"W{k}[n,n]") @ h + mc.parse(f"b{k}", f"b{k}[n]")
    outputs = cheapest([h], NUMPY, Sizes())
    assert len(list(postorder(outputs, lambda e: e.operands))) < 400


GRAMS = (
    ("X'*diag(y.^2.*sigmoid(X*w).*(1 .- sigmoid(X*w)))*X", "X[m,n] y[m] w[n]", True),
    ("-X'*diag(exp(w))*X", "X[m,n] w[m]", True),
    ("X'*diag(-exp(w))*X", "X[m,n] w[m]", True),
    ("X'*diag(1 .- tanh(w).^2)*X/2", "X[m,n] w[m]", True),
    ("X'*diag(p)*X", "X[m,n] p[m](positive)", True),
    ("X'*diag(p)*X", "X[m,n] p[m](simplex)", True),
    ("X'*diag(p)*X", "X[m,n] p[m]", False),
    ("X'*diag(cos(p))*X", "X[m,n] p[m]", False),
    ("X'*diag(sigmoid(p) .- 0.5)*X", "X[m,n] p[m]", False),
    ("X*diag(exp(w))*X'", "X[n,m] w[m]", True),
)


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
@pytest.mark.parametrize(("text", "declarations", "known"), GRAMS, ids=[g[0] + g[1] for g in GRAMS])
def test_weights_of_known_sign_enter_by_their_roots(text, declarations, known, backend):
    e = mc.parse(text, declarations)
    call = mc.compile(e, declared(declarations), backend=backend)
    assert ("sqrt" in call.source) == (known and backend == "numpy")
    for seed, sizes in enumerate(SIZES):
        given = drawn(declarations, {**sizes, "p": 1}, seed)
        given = {k: np.abs(v) + 0.1 if "p[m](" in declarations and k == "p" else v for k, v in given.items()}
        w = mc.compile(weights_of(e), declared(declarations))(**given)
        x = given["X"] if given["X"].shape[0] == w.shape[0] else given["X"].T
        sign = -1 if text.startswith("-") else 0.5 if text.endswith("/2") else 1
        want = sign * np.einsum("ki,k,kj->ij", x, np.atleast_1d(w), x)
        np.testing.assert_allclose(np.asarray(call(**given)).reshape(want.shape), want, rtol=1e-9, atol=1e-12)


def weights_of(e):
    """The expression inside of diag()."""
    return next(c.arg for c in postorder([e], lambda c: c.operands) if isinstance(c, Diag))


def test_weights_of_complex_arrays_have_no_sign():
    call = mc.compile(mc.parse("X'*diag(w.^2)*X", "X[m,n] w[m](complex)"))
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((5, 3)), rng.standard_normal(5) + 1j * rng.standard_normal(5)
    np.testing.assert_allclose(call(X=x, w=w), x.T @ np.diag(w**2) @ x)
    trace = mc.compile(mc.parse("tr(A'*B)", "A[m,n](complex) B[m,n]"))
    a, b = rng.standard_normal((4, 3)) + 1j * rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    np.testing.assert_allclose(trace(A=a, B=b), np.trace(a.T @ b))


def test_thin_products_are_exact():
    rng = np.random.default_rng(0)
    y, v = rng.standard_normal((400, 300)), rng.standard_normal((300, 5))
    call = mc.compile(mc.parse("Y*V", "Y[400,300] V[300,5]"))
    assert "(V.T @ Y.T).T" in call.source
    np.testing.assert_allclose(call(Y=y, V=v), y @ v)
    other = mc.compile(mc.parse("Y*V", "Y[400,300] V[300,5]"), backend="jax")
    assert "(V.T @ Y.T).T" not in other.source
