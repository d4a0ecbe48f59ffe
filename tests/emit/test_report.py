"""The printed plan, against operations counted by hand."""

import numpy as np
import pytest
import sympy as sp

import matcalc as mc
from matcalc.dims import DimSymbol
from matcalc.emit.costs import cost_of
from matcalc.emit.shapes import shape_of
from matcalc.emit.values import Builder
from matcalc.errors import OperandError

COUNTED = [
    ("A*x", "A[m,n] x[n]", "2*m*n", "8*(m*n + n + m)", "0"),
    ("x'*A'*y", "A[m,n] x[n] y[m]", "2*m*n + 2*n", "8*(m*n + m + n + 2*n)", "8*n"),
    ("A'*(A*x - b)", "A[m,n] x[n] b[m]", "4*m*n + m", "8*(m*n + n + m + 3*m + m*n + m + n)", "16*m"),
    ("A*B", "A[m,n] B[n,p]", "2*m*n*p", "8*(m*n + n*p + m*p)", "0"),
    ("A*B*x", "A[m,n] B[n,p] x[p]", "2*n*p + 2*m*n", "8*(n*p + p + n + m*n + n + m)", "8*n"),
    ("A'*A", "A[m,n]", "m*n*(n + 1)", "8*(2*m*n + n**2)", "0"),
    ("diag(w)*A", "A[m,n] w[m]", "m*n", "8*(m + 2*m*n)", "0"),
    ("exp(x).*y", "x[n] y[n]", "2*n", "8*(2*n + 3*n)", "8*n"),
    ("tr(A'*B)", "A[m,n] B[m,n]", "2*m*n", "8*2*m*n", "0"),
    ("sum(x)", "x[n]", "n", "8*n", "0"),
    ("x*y'", "x[m] y[n]", "m*n", "8*(m + n + m*n)", "0"),
    ("x'*y", "x[n] y[n]", "2*n", "16*n", "0"),
    ("softmax(x)", "x[n]", "4*n", "16*n", "0"),
    ("A", "A[m,n]", "0", "16*m*n", "0"),
    ("c*x + y", "x[n] y[n] c", "2*n", "8*(2*n + 3*n)", "8*n"),
]


def formula(text):
    """A polynomial in dimensions, as SymPy has it."""
    names = {name: DimSymbol(name) for name in "mnp"}
    return sp.sympify(text, locals=names)


@pytest.mark.parametrize(("text", "declared", "flops", "moved", "peak"), COUNTED, ids=[c[0] for c in COUNTED])
def test_operations_and_bytes_are_those_counted_by_hand(text, declared, flops, moved, peak):
    plan = mc.compile(mc.parse(text, declared)).plan
    for found, wanted in ((plan.flops, flops), (plan.bytes, moved), (plan.peak, peak)):
        assert sp.expand(found - formula(wanted)) == 0, (str(plan), found, wanted)


def test_linear_algebra_costs_what_textbooks_say():
    n, k = DimSymbol("n"), DimSymbol("k")
    b = Builder()
    a, y, column = (b.leaf("symbol", name) for name in ("a", "y", "x"))
    a.shape, y.shape, column.shape = (n, n), (n, k), (n,)
    for code, args, wanted in (
        ("np.linalg.solve(#1, #2)", (a, y), 2 * n**3 / 3 + 2 * n**2 * k),
        ("np.linalg.solve(#1, #2)", (a, column), 2 * n**3 / 3 + 2 * n**2),
        ("np.linalg.inv(#1)", (a,), 2 * n**3),
        ("np.linalg.slogdet(#1)[1]", (a,), 2 * n**3 / 3),
        ("cho_factor(#1)", (a,), n**3 / 3),
        ("np.kron(#1, #2)", (a, y), n**3 * k),
        ("np.einsum('ij,jk->ik', #1, #2, optimize=True)", (a, y), 2 * n**2 * k),
        ("np.eye(#1)", (b.dim(n),), 0),
        ("#1.T", (a,), 0),
        ("#1 * #2 + #1", (a, a), 2 * n**2),
        ("np.maximum(#1, 0)", (y,), n * k),
    ):
        v = b.make(code, *args)
        shape_of(v)
        assert sp.expand(cost_of(v)[0] - wanted) == 0, code


def test_steps_are_the_lines_of_the_source():
    f = mc.parse("sum(softplus(-y.*(X*w)))", "w[n] X[m,n] y[m]")
    w = mc.symbols("w[n]")
    for outputs in (mc.grad(f, w), [f, mc.grad(f, w), mc.hessian(f, w)]):
        call = mc.compile(outputs)
        source = [line.strip() for line in call.source.splitlines()]
        for step in call.plan.steps:
            assert step.code in source or step.code.startswith("return ")
        assert sum(s.flops for s in call.plan.steps) == call.plan.flops
        assert "symmetric" in str(call.plan) or "matrix" in str(call.plan)


def test_numbers_for_dimensions():
    plan = mc.compile(mc.parse("A'*(A*x - b)", "A[m,n] x[n] b[m]")).plan
    there = plan.at(m=1000, n=200)
    assert there.flops == 4 * 1000 * 200 + 1000
    assert there.peak == 16000
    assert str(there.steps[-1].flops) == "801000"
    assert plan.at(m=1000).flops == 4000 * DimSymbol("n") + 1000
    with pytest.raises(OperandError, match="k is no dimension of this plan; m, n occur"):
        plan.at(k=3)
    for wrong in (0, 2.5, True):
        with pytest.raises(OperandError, match="m is a dimension, a positive int"):
            plan.at(m=wrong)
    fixed = mc.compile(mc.parse("A*x", "A[10,20] x[20]")).plan
    assert fixed.flops == 400
    assert fixed.bytes == 8 * 230
    assert fixed.depends_on == ()


def test_the_peak_of_temporaries_may_be_one_of_several():
    plan = mc.compile(mc.parse("sum(exp(A)*x) + sum(exp(B)*y)", "A[m,n] x[n] B[p,q] y[q]")).plan
    at = plan.at(m=10, n=20, p=3, q=4)
    assert at.peak >= 8 * 10 * 20
    assert plan.at(m=1, n=1, p=30, q=40).peak >= 8 * 30 * 40


def test_complex_numbers_count_twice():
    assert mc.compile(mc.parse("A*x", "A[m,n](complex) x[n]")).plan.at(m=2, n=3).bytes == 16 * (6 + 3 + 2)


@pytest.mark.parametrize("backend", ["jax", "torch", "array_api"])
def test_other_libraries_have_plans(backend):
    pytest.importorskip({"array_api": "array_api_compat"}.get(backend, backend))
    x = mc.symbols("x[n]")
    call = mc.compile(mc.eye(x.rows) + x @ x.T, backend=backend)
    assert call.plan.at(n=5).flops >= 25
    assert isinstance(str(call.plan), str)
    np.testing.assert_allclose(np.asarray(call(np.ones(2))), np.eye(2) + 1)
