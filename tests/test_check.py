"""``mc.check`` of every kind of derivative: against differences, which are compared with JAX here and there."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import matcalc as mc
from matcalc.jacobian import LAYOUTS
from matcalc.judging.question import Question
from matcalc.judging.slopes import laid_out, laid_out_shape

FUNCTIONS = {
    "A*x": "A[m,n] x[n]",
    "tanh(A*x)": "A[m,n] x[n]",
    "x'*A": "A[n,m] x[n]",
    "A*X*B": "A[m,n] X[n,p] B[p,q]",
    "X*x": "X[m,n] x[n]",
    "inv(X)": "X[n,n](invertible)",
    "X.*X": "X[m,n]",
    "c*A": "A[m,n] c",
    "norm2(A*x)^2": "A[m,n] x[n]",
    "X'*X": "X[m,n]",
    "sum(X,1)": "X[m,n]",
    "diag(x)*A": "A[n,m] x[n]",
    "x*x'": "x[n]",
    "exp(c)*x": "x[n] c",
}


def pairs():
    return [(f, s.name) for f, d in FUNCTIONS.items() for s in mc.parse(f, d).symbols]


@pytest.mark.parametrize(("f", "wrt"), pairs())
@pytest.mark.parametrize("layout", [x for x in LAYOUTS if x != "vech"])
def test_jacobians(f, wrt, layout):
    e = mc.parse(f, FUNCTIONS[f])
    right = mc.jacobian(e, wrt, layout=layout)
    assert mc.check(e, wrt, kind="jacobian", layout=layout, trials=2).passed
    assert mc.check(e, wrt, right, kind="jacobian", layout=layout, trials=2).passed
    report = mc.check(e, wrt, 2 * right, kind="jacobian", layout=layout, trials=2)
    assert not report.passed
    assert report.diagnosis.kind == "constant factor"


@pytest.mark.parametrize("f", ["x'*A*x", "sum(exp(A*x))", "norm2(A*x)", "logdet(X)", "tr(X'*X*X)", "normf(X)^2*c"])
def test_hessians_and_their_products(f):
    e = mc.parse(f, "A[n,n] x[n] X[n,n](invertible) c")
    for s in e.symbols:
        for layout in ("numerator", "vec", "tensor"):
            assert mc.check(e, s, kind="hessian", layout=layout, trials=2).passed
            third = mc.hessian(e, s, layout=layout) / 3
            zero = mc.equal(third, 0 * third)
            assert mc.check(e, s, third, kind="hessian", layout=layout, trials=2).passed == bool(zero)
        assert mc.check(e, s, kind="hvp", trials=2).passed
        assert mc.check(e, s, mc.hvp(e, s, "D"), kind="hvp", direction="D", trials=2).passed


@pytest.mark.parametrize(("f", "wrt"), pairs())
def test_products_with_jacobians(f, wrt):
    e = mc.parse(f, FUNCTIONS[f])
    assert mc.check(e, wrt, mc.vjp(e, wrt, "U"), kind="vjp", upstream="U", trials=2).passed
    assert mc.check(e, wrt, mc.jvp(e, wrt, "T"), kind="jvp", tangent="T", trials=2).passed
    assert not mc.check(e, wrt, -mc.vjp(e, wrt, "U"), kind="vjp", upstream="U", trials=2).passed
    assert mc.check(e, wrt, mc.jvp(e, wrt, "T") / 2, kind="jvp", tangent="T", trials=2).diagnosis.kind == "constant factor"


def test_vech():
    S, A = mc.symbols("S[n,n](symmetric) A[n,n]")
    assert mc.check(mc.inv(S), S, kind="jacobian", layout="vech").passed
    assert mc.check(mc.logdet(S), S, kind="hessian", layout="vech").passed
    report = mc.check(mc.inv(S), S, mc.jacobian(mc.inv(S), S, layout="vec"), kind="jacobian", layout="vech")
    assert report.diagnosis.kind == "layout"
    assert "vec layout" in report.diagnosis.text
    report = mc.check(A @ S, S, mc.jacobian(A @ S, S, layout="vech"), kind="jacobian", layout="vec")
    assert report.diagnosis.kind == "layout"


def test_layouts_of_arrays():
    """``laid_out`` by its definition, entry by entry."""
    F, X = mc.symbols("F[m,n] X[p,q]")
    slopes = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    assert laid_out(slopes, F, X, "tensor") is slopes
    vec, other = laid_out(slopes, F, X, "vec"), laid_out(slopes, F, X, "denominator")
    for i, j, k, l in np.ndindex(2, 3, 4, 5):  # noqa: E741
        assert vec[j * 2 + i, l * 4 + k] == slopes[i, j, k, l] == other[k, l, i, j]
    sizes = {"m": 2, "n": 3, "p": 4, "q": 5}
    for layout in ("vec", "denominator", "numerator"):
        shape = [int(d.subs({s: sizes[s.name] for s in d.free_symbols})) for d in laid_out_shape(F, X, layout)]
        assert list(laid_out(slopes, F, X, layout).shape) == shape


def test_differences_share_nothing_with_the_answer():
    """The measured Jacobian of a known function is the known one."""
    A, x = mc.symbols("A[m,n] x[n]")
    q = Question("jacobian", mc.tanh(A @ x), x)
    for point, measured in q.measured([], 3, 0):
        a, v = point.values["A"], point.values["x"]
        assert_allclose(measured, (1 - np.tanh(a @ v) ** 2)[:, None] * a, rtol=1e-7, atol=1e-9)


# ------------------------------------------------------------------ answers
def test_texts_are_read_with_the_symbols_of_the_function():
    f = mc.parse("norm2(A*x - b)^2", "A[m,n] x[n] b[m]")
    assert mc.check(f, "x", "2*A'*(A*x - b)").passed
    assert mc.check(f, "x", "2*A'*A*x - 2*A'*b").passed
    assert mc.check(mc.parse("L(A*x)", "A[m,n] x[n]"), "x", "A'*dL(A*x)").passed
    r = mc.let("r", f.symbols[0] @ f.symbols[2] - f.symbols[1])
    assert mc.check(mc.norm2(r) ** 2, "x", "2*A'*r").passed


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("unheard*x", "the answer uses unheard, which is not a symbol of x'*A*x; its symbols: A, x"),
        ("unheard*unseen*x", "the answer uses unheard, unseen, which are not symbols of x'*A*x; its symbols: A, x"),
        ("ones(k)", "the answer uses k, which is not a symbol of x'*A*x"),
        (mc.vector("unheard", 3), "the answer uses unheard, which is not a symbol"),
        (mc.ones(mc.dims("k")), "the answer uses k, which is not a dimension of x'*A*x"),
        (mc.matrix("A", 2, 2) @ mc.vector("z", 2), "the answer uses z"),
        (
            2 * mc.symbols("A[n,n](symmetric)"),
            "A is A (n x n) with no attributes in the function, and A (n x n) with",
        ),
    ],
)
def test_unknown_symbols_are_named(answer, said):
    A, x = mc.symbols("A[n,n] x[n]")
    with pytest.raises(mc.OperandError) as caught:
        mc.check(x.T @ A @ x, x, answer)
    assert said in str(caught.value)


def test_shapes_are_named():
    A, x = mc.symbols("A[m,n] x[n]")
    report = mc.check(mc.norm2(A @ x) ** 2, x, A)
    assert "the answer A (m x n) does not have the shape of x, n x 1" in report.message
    assert report.diagnosis.kind == "wrong shape"
    report = mc.check(A @ x, A, A, kind="jacobian", layout="vec")
    assert "does not have the shape of the Jacobian, m x m*n" in report.message


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"kind": "grad", "layout": "vec"}, "layout is for a Jacobian or a Hessian"),
        ({"kind": "jacobian", "layout": "rows"}, "layout is one of"),
        ({"kind": "vjp", "tangent": "T"}, "tangent is for kind='jvp', not for kind='vjp'"),
        ({"kind": "grad", "upstream": "T"}, "upstream is for kind='vjp'"),
        ({"kind": "vjp"}, "G is a symbol of the function: name the upstream of the vjp"),
        ({"kind": "hvp", "direction": "A"}, "must have the shape of x"),
    ],
)
def test_questions_without_a_meaning(how, said):
    A, x, G = mc.symbols("A[n,n] x[n] G[n,n]")
    with pytest.raises(mc.MatcalcError) as caught:
        mc.check(x.T @ A @ G @ x, x, **how)
    assert said in str(caught.value)


def test_complex_functions_are_for_gradients_only():
    z = mc.symbols("z[n](complex)")
    f = z.H @ z
    assert mc.check(f, z, 2 * z).passed
    assert mc.check(f, z, z).diagnosis.kind == "constant factor"
    assert mc.check(f, z, 2 * mc.conj(z)).diagnosis.kind == "conjugated"
    with pytest.raises(mc.UnsupportedError, match="takes complex ones"):
        mc.check(f, z, kind="hessian")


# ------------------------------------------------------------------ diagnoses by hand
DIAGNOSES = [
    ("x'*A*x", "x", "2*A*x", "only for symmetric"),
    ("x'*A*x", "x", "x'*(A + A')", "transposed"),
    ("x'*A*x", "x", "(A + A')*x/n", "constant factor"),
    ("x'*A*x", "x", "A*x", "missing term"),
    ("lam*norm2(x)^2", "x", "2*x", "constant factor"),
    ("lam*norm2(x)^2 + sum(x)", "x", "2*lam*x", "missing term"),
    ("sum(x)/n", "x", "ones(n)", "constant factor"),
    ("norm2(x)", "x", "x", "constant factor"),
    ("logdet(X)", "X", "inv(X)", "transposed"),
    ("logdet(X)", "X", "2*inv(X) - diag(diag(inv(X)))", "structured"),
    ("logdet(X)", "X", "X'", "inverse"),
    ("tr(A*X*B)", "X", "A'*B'", "right"),
    ("tr(A*X*B)", "X", "B'*A'", "commuting"),
    ("tr(A*X*B)", "X", "A'.*B'", "Hadamard for product"),
    ("sum(A.*X.*B)", "X", "A*B", "product for Hadamard"),
    ("x'*S*x", "S", "2*x*x' - diag(x.*x)", "structured"),
    ("x'*S*x", "S", "x'*x", "wrong shape"),
    ("sum(exp(A*x))", "x", "exp(A*x)", "missing factor"),
    ("sum(x.^3)", "x", "3*x", "power"),
    ("sum(sin(x))", "x", "sin(x)", "other function"),
    ("sum(A*x) + sum(x)", "x", "A'*ones(n) - ones(n)", "sign of one term"),
    ("norm2(A*x)^2", "x", "2*A*A*x", "missing transpose inside"),
    ("norm2(A*x)^2 + x'*B*x", "x", "2*A'*A*x + B*x - A*x", "one term"),
    ("norm2(A*x)^2 + x'*B*x", "x", "3*A'*A*x + 5*B*x", "several terms"),
    ("norm2(A*x)^2 + x'*B*x", "x", "x.*x", "differs"),
]


@pytest.mark.parametrize(("f", "wrt", "answer", "kind"), DIAGNOSES)
def test_diagnoses(f, wrt, answer, kind):
    e = mc.parse(f, "A[n,n] B[n,n] X[n,n](invertible) S[n,n](symmetric) x[n] lam")
    report = mc.check(e, wrt, answer)
    assert report.diagnosis.kind == kind, report
    assert report.passed == (kind == "right")
    assert mc.equal(report.diagnosis.correct, mc.grad(e, wrt))
    assert report.diagnosis.text in str(report) or report.passed


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("A'*(A*x - b)", "it is the right answer times 1/2: multiply it by 2"),
        ("2*A'*(A*x - b)/m", "it is the right answer times 1/m: multiply it by m"),
        ("2*lam*A'*(A*x - b)", "it is the right answer times lam: divide it by lam"),
        ("A'*(A*x - b)/norm2(A*x - b)", "it is the right answer times 1/(2*norm2(A*x - b)): multiply it by 2*norm2(A*x - b)"),
        ("A'*(b - A*x)*n^2", "it is the right answer times -n^2/2: divide it by -n^2/2"),
    ],
)
def test_factors_are_named(answer, text):
    f = mc.parse("norm2(A*x - b)^2 + 0*lam", "A[m,n] x[n] b[m] lam")
    assert mc.check(f, "x", answer).diagnosis.text == text


def test_a_bias_that_was_not_summed():
    W, X, b = mc.symbols("W[m,n] X[n,p] b[m]")
    report = mc.check(W @ X + b, b, "G", kind="vjp")
    assert report.diagnosis.kind == "wrong shape"
    assert "summed over its columns" in report.diagnosis.text


def test_a_report_without_points_has_no_diagnosis():
    x = mc.symbols("x[n]")
    report = mc.check(mc.sum(mc.log(-x * mc.norm2(x)) + mc.log(x)), x, x)
    assert not report.passed
    assert report.diagnosis is None
    assert "no random point" in report.message


def test_a_wrong_formula_of_matcalc_is_not_called_right(monkeypatch):
    """Where the right answer does not stand up to differences, nothing is derived from it."""
    A, x = mc.symbols("A[n,n] x[n]")
    monkeypatch.setattr(Question, "truth", lambda self, *_, **__: A @ x)
    report = mc.check(x.T @ A @ x, x, A @ x)
    assert not report.passed
    assert report.diagnosis.correct is None
    assert report.diagnosis.kind in ("differs", "only for symmetric")
    assert mc.check(x.T @ A @ x, x, 2 * (A + A.T) @ x).diagnosis.kind == "constant factor"


def test_a_term_too_small_for_differences_is_found():
    X, A = mc.symbols("X[n,n](invertible) A[n,n](psd)")
    f = mc.det(X.T @ A @ X)
    right = "2*det(X'*A*X)*inv(X)'"
    assert mc.check(f, X, right).passed
    for seed in range(3):
        report = mc.check(f, X, f"{right} + A", seed=seed)
        assert not report.passed
        assert report.diagnosis.kind == "extra term"
