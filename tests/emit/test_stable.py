"""Formulas at extremes: what is computed neither overflows nor cancels, and is the plain formula elsewhere."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import scipy.special as special

import matcalc as mc
from matcalc.emit import plan as planning
from matcalc.emit import runtime
from matcalc.emit.passes.stable import TABLE

BACKENDS = ("numpy", "jax", "torch", "array_api")
x3 = np.array([1000.0, 999.0, -1000.0])
TAIL = np.array([800.0, 40.0, 0.0, -40.0, -800.0])
TINY = np.array([1e-14, -1e-12, 1e-300, 0.5])
LOGITS = np.array([[1e4, 0.0, -1e4], [1.0, 2.0, 3.0]])
softmax = special.softmax

# text, declarations, arguments, value, gradients by the named arguments
CASES = {
    "logsumexp": ("logsumexp(x)", "x[n]", {"x": x3}, special.logsumexp(x3), {"x": softmax(x3)}),
    "logsumexp-low": ("logsumexp(x)", "x[n]", {"x": -x3}, special.logsumexp(-x3), {"x": softmax(-x3)}),
    "logsumexp-written-out": ("log(sum(exp(x)))", "x[n]", {"x": x3}, special.logsumexp(x3), {"x": softmax(x3)}),
    "logsumexp-all-low": ("log(sum(exp(x)))", "x[n]", {"x": x3 - 3000}, special.logsumexp(x3) - 3000, {"x": softmax(x3)}),
    "softplus": ("sum(softplus(x))", "x[n]", {"x": TAIL}, np.logaddexp(0, TAIL).sum(), {"x": special.expit(TAIL)}),
    "softplus-written-out": (
        "sum(log(1 .+ exp(x)))", "x[n]", {"x": TAIL}, np.logaddexp(0, TAIL).sum(), {"x": special.expit(TAIL)},
    ),
    "softplus-scalar": ("log(1 + exp(a))", "a", {"a": np.array(800.0)}, 800.0, {"a": 1.0}),
    "log-one-minus-sigmoid": ("log(1 - sigmoid(a))", "a", {"a": np.array(40.0)}, -40.0, {"a": -1.0}),
    "log-one-minus-sigmoids": (
        "sum(log(1 .- sigmoid(x)))", "x[n]", {"x": TAIL}, -np.logaddexp(0, TAIL).sum(), {"x": -special.expit(TAIL)},
    ),
    "log-sigmoid": ("log(sigmoid(a))", "a", {"a": np.array(-800.0)}, -800.0, {"a": 1.0}),
    "log-sigmoids": ("sum(log(sigmoid(x)))", "x[n]", {"x": TAIL}, -np.logaddexp(0, -TAIL).sum(), {"x": special.expit(-TAIL)}),
    "sigmoid-tail": (
        "sum(sigmoid(x))", "x[n]", {"x": TAIL}, special.expit(TAIL).sum(), {"x": special.expit(TAIL) * special.expit(-TAIL)},
    ),
    "logistic-written-out": (
        "sum(exp(x)./(1 .+ exp(x)))", "x[n]", {"x": TAIL}, special.expit(TAIL).sum(),
        {"x": special.expit(TAIL) * special.expit(-TAIL)},
    ),
    "expm1": ("sum((exp(x) .- 1).*y)", "x[n] y[n]", {"x": TINY, "y": 1 / TINY}, (np.expm1(TINY) / TINY).sum(), {}),
    "log1p": ("sum(log(1 .+ x).*y)", "x[n] y[n]", {"x": TINY, "y": 1 / TINY}, (np.log1p(TINY) / TINY).sum(), {}),
    "log1p-scalar": ("log(1 + a)", "a", {"a": np.array(1e-14)}, 1e-14, {}),
    "entropy": ("-sum(x.*log(x))", "x[n]", {"x": np.array([0, 0.5, 1])}, 0.5 * np.log(2), {}),
    "entropy-inner": ("-x'*log(x)", "x[n]", {"x": np.array([0, 0.5, 1])}, 0.5 * np.log(2), {}),
    "divergence": ("sum(x.*log(x./y))", "x[n] y[n]", {"x": np.array([0, 0.5]), "y": np.full(2, 0.5)}, 0.0, {"y": [0, -1]}),
    "norm-large": ("norm2(x)", "x[n]", {"x": np.array([3e200, 4e200])}, 5e200, {"x": [0.6, 0.8]}),
    "norm-small": ("norm2(x)", "x[n]", {"x": np.array([3e-200, 4e-200])}, 5e-200, {"x": [0.6, 0.8]}),
    "norm-written-out": ("sqrt(x'*x)", "x[n]", {"x": np.array([3e200, 4e200])}, 5e200, {"x": [0.6, 0.8]}),
    "norm-of-squares": ("sqrt(sum(x.^2))", "x[n]", {"x": np.array([3e-200, 4e-200])}, 5e-200, {"x": [0.6, 0.8]}),
    "norm-of-matrix": ("normf(X)", "X[m,n]", {"X": np.full((2, 2), 1e200)}, 2e200, {"X": np.full((2, 2), 0.5)}),
    "norm-of-zeros": ("norm2(x)", "x[n]", {"x": np.zeros(3)}, 0.0, {}),
    "logdet": ("logdet(A)", "A[n,n]", {"A": 1e3 * np.eye(400)}, 400 * np.log(1e3), {"A": 1e-3 * np.eye(400)}),
    "logdet-written-out": ("log(det(A))", "A[n,n]", {"A": 1e3 * np.eye(400)}, 400 * np.log(1e3), {"A": 1e-3 * np.eye(400)}),
    "softmax-written-out": (
        "sum(exp(X)./(sum(exp(X),2)*ones(3)').*Y)", "X[2,3] Y[2,3]", {"X": LOGITS, "Y": np.eye(3)[:2]},
        (softmax(LOGITS, 1) * np.eye(3)[:2]).sum(), {"Y": softmax(LOGITS, 1)},
    ),
    "softmax-vector": (
        "exp(x)'*y/sum(exp(x))", "x[n] y[n]", {"x": x3, "y": np.arange(3.0)}, softmax(x3)[1], {"y": softmax(x3)},
    ),
    "cross-entropy": (
        "-sum(Y.*log(softmax(X,2)))", "X[2,3] Y[2,3]", {"X": LOGITS, "Y": np.eye(3)[:2]},
        -(special.log_softmax(LOGITS, 1) * np.eye(3)[:2]).sum(), {"X": softmax(LOGITS, 1) - np.eye(3)[:2]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_extremes(case, backend):
    if backend != "numpy":
        pytest.importorskip(backend if backend != "array_api" else "array_api_compat")
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    text, declarations, given, value, gradients = CASES[case]
    f = mc.parse(text, declarations)
    outputs = [f, *mc.grad(f, list(gradients))] if gradients else [f]
    call = mc.compile(outputs, backend=backend)
    if backend == "torch":
        torch = pytest.importorskip("torch")
        given = {k: torch.as_tensor(np.asarray(v, float)) for k, v in given.items()}
    with np.errstate(divide="ignore", over="raise", invalid="raise"):
        got = call(**{k: v for k, v in given.items() if k in call.names})
    np.testing.assert_allclose(np.asarray(got[0]), value, rtol=1e-12, atol=1e-13, err_msg=call.source)
    for (name, want), g in zip(gradients.items(), got[1:], strict=True):
        np.testing.assert_allclose(np.asarray(g), want, rtol=1e-11, atol=1e-300, err_msg=f"{name}\n{call.source}")


def test_log_of_a_negative_determinant_is_no_number():
    A = mc.matrix("A", 2, 2)
    with np.errstate(all="ignore"):
        assert np.isnan(mc.compile(mc.log(mc.det(A)))(np.diag([1.0, -1.0])))
        assert mc.compile(mc.log(mc.det(A)))(np.zeros((2, 2))) == -np.inf


def test_attention_takes_the_maximum_out():
    E = "exp(Q*K')"
    f = mc.parse(f"({E} ./ (sum({E},2)*ones(n)'))*V", "Q[n,k] K[n,k] V[n,k]")
    gradients = mc.vjp(f, ["Q", "K", "V"], "G")
    call = mc.compile(gradients)
    assert "np.max" in call.source
    rng = np.random.default_rng(0)
    small = {name: rng.normal(size=(5, 3)) for name in "GKQV"}
    P = softmax(small["Q"] @ small["K"].T, 1)
    dP = small["G"] @ small["V"].T
    dS = P * (dP - (dP * P).sum(1)[:, None])
    for got, want in zip(call(**small), (dS @ small["K"], dS.T @ small["Q"], P.T @ small["G"]), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)
    large = {**small, "Q": small["Q"] * 1e4}
    assert all(np.all(np.isfinite(g)) for g in call(**large))


@pytest.mark.parametrize(
    "text",
    [
        "sum(exp(x))", "exp(x)'*y", "sum(exp(x).^2)/sum(exp(x))", "sum(exp(x)./(1 .+ exp(x + y)))",
        "exp(x)'*y/(1 + sum(exp(x)))",
        "sum(exp(X)*y)/sum(exp(X))^2", "sum(exp(X)./(ones(m)*sum(exp(X),1) + exp(Y)))",
    ],
)  # fmt: skip
def test_maximum_stays_where_it_does_not_cancel(text):
    f = mc.parse(text, "x[n] y[n] X[m,n] Y[m,n]")
    assert "np.max" not in mc.compile(f).source


@pytest.mark.parametrize("axis", ["1", "2"])
def test_shift_by_row_and_by_column(axis):
    spread = "ones(m)*sum(exp(X),1)" if axis == "1" else "sum(exp(X),2)*ones(n)'"
    f = mc.parse(f"sum((exp(X)./({spread})).^2.*Y)", "X[m,n] Y[m,n]")
    rng = np.random.default_rng(1)
    given = {"X": rng.normal(size=(4, 3)), "Y": rng.normal(size=(4, 3))}
    P = softmax(given["X"], int(axis) - 1)
    np.testing.assert_allclose(mc.compile(f)(**given), (P**2 * given["Y"]).sum(), rtol=1e-12)
    for g in mc.compile(mc.grad(f, ["X", "Y"]))(X=given["X"] + 2000 * rng.normal(size=(4, 1)) ** 2, Y=given["Y"]):
        assert np.all(np.isfinite(g))


def test_hilbert():
    n = 12
    H = 1 / (np.arange(n)[:, None] + np.arange(n) + 1.0)
    A, b = mc.symbols("A[n,n] b[n]")
    x = mc.compile(mc.inv(A) @ b)(A=H, b=np.ones(n))
    assert "solve" in mc.compile(mc.inv(A) @ b).source
    assert np.max(np.abs(H @ x - 1)) <= 1e-12 * np.max(np.abs(H) @ np.abs(x))


@pytest.mark.parametrize("row", TABLE, ids=[r.name for r in TABLE])
def test_every_row_keeps_the_value(row, monkeypatch):
    """Where nothing overflows the program with the table and the one without it agree."""
    rng = np.random.default_rng(7)
    for text in row.written.split(", "):
        e = mc.parse(text.replace("softmax(x)", "softmax(X,2)") if text.startswith("log(softmax") else text, "x[n] y[n] X[m,n]")
        given = {s.name: rng.uniform(0.2, 1.5, tuple(4 + k for k in range(len(s.shape)))) for s in e.symbols}
        stable = mc.compile(e)(**given)
        with monkeypatch.context() as m:
            m.setattr(planning, "stable_forms", list)
            plain = mc.compile(e)
        assert row.change(e) is not None, text
        np.testing.assert_allclose(stable, plain(**given), rtol=1e-12)


def test_table_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "stability.md").read_text()
    for row in TABLE:
        for text in row.written.split(", "):
            assert f"`{text}`" in page, text


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (300, 7), (2, 40), (256, 31), (300, 1)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_helpers_with_and_without_out(shape, order):
    """Of narrow and wide arrays, in either order of memory; the argument stays as it is unless it is ``out``."""
    x = np.asarray(np.random.default_rng(0).normal(size=shape) * 300, order=order)
    for function, want in (
        (lambda a, out=None: runtime.softmax(a, 1, out), softmax(x, 1)),
        (lambda a, out=None: runtime.softmax(a, 0, out), softmax(x, 0)),
        (runtime.sigmoid, special.expit(x)),
        (runtime.softplus, np.logaddexp(0, x)),
    ):
        before = x.copy(order="K")
        np.testing.assert_allclose(function(x), want, rtol=1e-13, atol=1e-300)
        np.testing.assert_array_equal(x, before)
        function(before, out=before)
        np.testing.assert_allclose(before, want, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 750.0, -750.0])
@pytest.mark.parametrize("count", [1, 600])
def test_helpers_at_the_ends(value, count):
    x = np.full(count, value)
    with np.errstate(all="ignore"):
        softplus = np.logaddexp(0, x)
    with np.errstate(all="raise", under="ignore", invalid="ignore" if np.isnan(value) else "raise"):
        np.testing.assert_allclose(runtime.sigmoid(x), special.expit(x), atol=1e-300)
        np.testing.assert_allclose(runtime.softplus(x), softplus, atol=1e-300)
    np.testing.assert_allclose(runtime.norm(x), np.linalg.norm(x))


def test_sigmoid_without_scipy(monkeypatch):
    monkeypatch.setattr(import_module("matcalc.emit.runtime.plain"), "_expit", lambda: None)
    x = np.linspace(-50, 50, 11)
    np.testing.assert_allclose(runtime.sigmoid(x), special.expit(x), rtol=1e-14)
