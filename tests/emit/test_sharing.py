"""A value and its derivatives in one program repeat no work; the program is the same in every process."""

import os
import subprocess
import sys
from collections import Counter

import pytest

import matcalc as mc
from matcalc.emit.backends import NUMPY
from matcalc.emit.parameters import symbols_by_name
from matcalc.emit.plan import make_plan
from matcalc.node import postorder

K = "(exp(-D/(2*l^2)) + s*eye(n))"
MODELS = {  # the work of the three; 1 - sigmoid(z) is the second sigmoid, of -z, which does not cancel
    "logistic regression": ("sum(softplus(-y.*(X*w)))", "w[n] X[m,n] y[m]", "w", {"@": 3, "sigmoid": 2}),
    "Gaussian process": (
        f"logdet({K})/2 + y'*inv({K})*y/2",
        "D[n,n](symmetric) y[n] l(positive) s(positive)",
        "s",
        {"factor": 1, "np.exp": 1},
    ),
    "net": (
        "sum(logsumexp(W2*tanh(W1*X .+ b1),1)) - sum(Y.*(W2*tanh(W1*X .+ b1)))",
        "W1[h,n] W2[c,h] X[n,N] Y[c,N] b1[h]",
        "b1",
        {"np.tanh": 1, "softmax": 1, "logsumexp": 1},
    ),
}


def together(name):
    """The value, the gradient and the Hessian, with the work that they should take."""
    text, declared, by, work = MODELS[name]
    f = mc.parse(text, declared)
    w = next(s for s in f.symbols if s.name == by)
    return [f, mc.grad(f, w), mc.hessian(f, w)], work


@pytest.mark.parametrize("name", MODELS)
def test_no_work_is_repeated(name):
    exprs, work = together(name)
    plan = make_plan(exprs, symbols_by_name(exprs), NUMPY)
    values = list(postorder(plan.straight, lambda v: v.args))
    codes = Counter(v.code.replace("cho_factor", "factor").replace("lu_factor", "factor").split("(")[0] for v in values)
    for kind, times in work.items():
        found = codes["#1 @ #2"] if kind == "@" else codes[kind]
        assert found == times, (kind, found, mc.compile(exprs).source)
    assert len({(v.code, v.args, v.of) for v in values}) == len(values)


@pytest.mark.parametrize("name", MODELS)
def test_one_program_costs_less_than_three(name):
    exprs, _ = together(name)
    sizes = {"m": 400, "n": 50, "N": 300, "h": 20, "c": 5}

    def flops(outputs):
        plan = mc.compile(outputs).plan
        return float(plan.at(**{k: v for k, v in sizes.items() if any(d.name == k for d in plan.flops.free_symbols)}).flops)

    assert flops(exprs) < 0.95 * sum(flops(e) for e in exprs)


def test_the_program_is_the_same_in_every_process():
    code = (
        "import matcalc as mc; f = mc.parse('logdet(A*B*A + c*C) + tr(A*B*C*A) + sum(softmax(A*x).*(B*A*x))',"
        " 'A[n,n](psd) B[n,n](psd) C[n,n](psd) x[n] c(positive)');"
        " print(mc.compile([f, mc.grad(f, f.symbols[0]), mc.grad(f, f.symbols[-1])]).source)"
    )
    sources = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1")
    ]
    assert sources[0] == sources[1]
    assert "def function(" in sources[0]
