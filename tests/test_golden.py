"""Derivations as a person reads them; ``--update-golden`` rewrites them, and the diff is reviewed."""

from pathlib import Path

import pytest
from katex_check import rejected

import matcalc as mc

FOLDER = Path(__file__).parent / "golden"
QUESTIONS = {
    "bias": ("L(W*X .+ b)", "W[m,n] X[n,p] b[m]", "b"),
    "weights": ("L(W*X .+ b)", "W[m,n] X[n,p] b[m]", "W"),
    "inputs": ("L(W*X .+ b)", "W[m,n] X[n,p] b[m]", "X"),
    "row-bias": ("L(X*W .+ c')", "X[p,n] W[n,m] c[m]", "c"),
    "trace-quadratic": ("tr(X'*A*X)", "A[n,n] X[n,p]", "X"),
    "least-squares": ("norm2(A*x - b)^2", "A[m,n] x[n] b[m]", "x"),
    "logdet": ("logdet(X)", "X[n,n]", "X"),
    "logistic-loss": ("sum(softplus(-y.*(X*w)))", "X[m,n] w[n] y[m]", "w"),
    "trace-inverse": ("tr(inv(X)*B)", "X[n,n] B[n,n]", "X"),
    "quadratic-form": ("x'*A*x", "A[n,n] x[n]", "x"),
    "logistic": ("sum(sigmoid(X*w))", "X[m,n] w[n]", "w"),
    "cross-entropy": ("logsumexp(W*x) - y'*W*x", "W[k,n] x[n] y[k]", "W"),
}
OTHERS = {
    "jacobian-sandwich": ("A*X*B", "A[m,n] X[n,p] B[p,q]", "X", {"kind": "jacobian", "layout": "vec"}),
    "jacobian-layer": ("V*tanh(W*x + b)", "V[k,m] W[m,n] x[n] b[m]", "x", {"kind": "jacobian"}),
    "jacobian-softmax": ("softmax(x)", "x[n]", "x", {"kind": "jacobian"}),
    "jacobian-inverse": ("inv(X)", "X[n,n]", "X", {"kind": "jacobian"}),
    "jacobian-two-ways": ("x*exp(x'*A*x)", "A[n,n] x[n]", "x", {"kind": "jacobian"}),
    "hessian-quadratic": ("x'*A*x", "A[n,n] x[n]", "x", {"kind": "hessian"}),
    "hessian-logistic": ("sum(softplus(-y.*(X*w)))", "X[m,n] w[n] y[m]", "w", {"kind": "hessian"}),
    "hessian-mixed": ("normf(U*V' - M)^2", "U[m,k] V[n,k] M[m,n]", "U", {"kind": "hessian", "wrt2": "V"}),
    "differential-inverse": ("A*inv(X)*B", "A[m,n] X[n,n] B[n,q]", "X", {"kind": "differential"}),
    "hvp-logsumexp": ("logsumexp(A*x)", "A[m,n] x[n]", "x", {"kind": "hvp", "direction": "v"}),
    "independent-logdet": ("logdet(S)", "S[n,n](symmetric)", "S", {"structure": "independent"}),
    "jacobian-projected": (
        "C*S",
        "S[n,n](symmetric) C[m,n]",
        "S",
        {"kind": "jacobian", "layout": "vec", "structure": "projected"},
    ),
    "complex-least-squares": ("norm2(A*x - b)^2", "A[m,n](complex) x[n](complex) b[m](complex)", "x", {}),
}
ALL = [*QUESTIONS, *OTHERS]


def derivation(name):
    text, declared, wrt, options = OTHERS[name] if name in OTHERS else (*QUESTIONS[name], {})
    return mc.derive(mc.parse(text, declared), wrt, **options)


@pytest.mark.parametrize("name", ALL)
def test_golden(name, request):
    path, tex = FOLDER / f"{name}.tex", derivation(name).to_latex() + "\n"
    if request.config.getoption("--update-golden"):
        path.write_text(tex, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == tex


@pytest.mark.parametrize("name", ALL)
def test_every_line_holds(name):
    d = derivation(name)
    assert d.check().passed
    assert len(d.steps) >= 2
    last = d.steps[-1].after
    assert getattr(last, "form", last) is d.result


def test_katex_accepts_the_goldens():
    assert rejected([derivation(name).to_latex() for name in ALL]) == []


def test_no_golden_is_left_over():
    assert {p.stem for p in FOLDER.glob("*.tex")} == set(ALL)
