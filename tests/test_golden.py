"""Derivations as a person reads them; ``--update-golden`` rewrites them, and the diff is reviewed."""

import json
from pathlib import Path

import pytest
from katex_check import rejected
from test_corpora import declarations

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
ASKED = (  # questions of the corpora, derived by differentials as the answers there are
    "mse-3764596", "mse-2152983", "mse-590678-2", "mse-2357091", "mse-351701-b", "mse-tr-A-expm",
    "mse-1863544", "mse-4533169", "mse-1405922-A", "mse-648535", "mse-4130045", "mse-4797858-grad",
    "mse-1303146", "mse-3559400", "mse-4477452", "mse-diagX-logdet", "cv-423407-w", "mse-549161", "cv-278477-C",
    "mse-2444284", "mse-2828501", "mse-2245801-B", "mse-4722035", "mse-1441769", "mse-3749958", "aise-25055-Q",
    "mse-1147607", "mse-4398000", "mse-2394806", "mo-167719", "mse-4263309", "ds-bias-column", "aise-27335",
    "mse-2969617", "cv-hessian-logistic", "arq-hessian-norm-Ax", "mse-2450629", "mse-3005374-free",
)  # fmt: skip
BOTH = ("mse-3764596", "mse-2828501", "mse-1441769", "mse-4797858-grad", "ds-bias-column")  # in style "index" too
BESIDES = {"mse-3005374-free": {"structure": "projected"}}
CASES = {c["id"]: c for c in map(json.loads, (Path(__file__).parent / "corpora" / "mse.jsonl").read_text().splitlines())}
ALL = [*QUESTIONS, *OTHERS, *ASKED, *(f"{name}-index" for name in BOTH)]


def asked(name, style):
    """The derivation of a question of the corpora, in the form that its answer has."""
    case = CASES[name]
    e = mc.parse(case["expr"], declarations(case))
    kind = {"gradient": "grad"}.get(case["kind"], case["kind"])
    options = BESIDES.get(name, {}) | ({"layout": "vec"} if case.get("answer_form") == "vec" else {})
    if kind == "vjp":
        options["upstream"] = {s.name: s for s in e.symbols}.get(case["upstream"], case["upstream"])
    return mc.derive(e, case["wrt"], kind=kind, style=style, **options)


def derivation(name):
    if name in ASKED:
        return asked(name, "differential")
    if name.removesuffix("-index") in ASKED:
        return asked(name.removesuffix("-index"), "index")
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
