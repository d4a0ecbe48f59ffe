"""Derivations of every kind: the last line is the answer, in every layout, and every line holds."""

import random

import pytest
from katex_check import rejected
from strategies import random_expr

import matcalc as mc
from matcalc.derivations.steps import Arranged, Partial
from matcalc.index import Entry

JACOBIANS = [
    ("A*x", "A[m,n] x[n]", "x"),
    ("A*X*B", "A[m,n] X[n,p] B[p,q]", "X"),
    ("X'*X", "X[m,n]", "X"),
    ("inv(X)", "X[n,n]", "X"),
    ("softmax(x)", "x[n]", "x"),
    ("diag(x)*A", "x[n] A[n,m]", "x"),
    ("tanh(W*x + b)", "W[m,n] x[n] b[m]", "x"),
    ("tanh(W*x + b)", "W[m,n] x[n] b[m]", "W"),
    ("V*tanh(W*x + b)", "V[k,m] W[m,n] x[n] b[m]", "W"),
    ("x*exp(x'*A*x)", "A[n,n] x[n]", "x"),
    ("x*norm2(x)", "x[n]", "x"),
    ("W*X .+ b", "W[m,n] X[n,p] b[m]", "b"),
    ("exp(t)*A", "t A[m,n]", "t"),
    ("inv(A + t*B)*x", "A[n,n] B[n,n] x[n] t", "t"),
    ("t*exp(t^2)", "t", "t"),
    ("det(X)", "X[n,n]", "X"),
    ("x'*A*x", "A[n,n] x[n]", "x"),
    ("A*x", "A[1,n] x[n]", "x"),
    ("A*X", "A[1,1] X[1,1]", "X"),
    ("x*x'", "x[n]", "x"),
    ("A*y", "A[m,n] y[n] x[k]", "x"),
]
HESSIANS = [
    ("x'*A*x", "A[n,n] x[n]", "x", None),
    ("norm2(A*x - b)^2", "A[m,n] x[n] b[m]", "x", None),
    ("sum(softplus(-y.*(X*w)))", "X[m,n] w[n] y[m]", "w", None),
    ("logsumexp(A*x)", "A[m,n] x[n]", "x", None),
    ("normf(U*V' - M)^2", "U[m,k] V[n,k] M[m,n]", "U", "V"),
    ("tr(inv(X))", "X[n,n]", "X", None),
    ("det(X)", "X[n,n]", "X", None),
    ("logdet(S)", "S[n,n](psd)", "S", None),
    ("sum(exp(t*x))", "t x[n]", "t", None),
    ("sum(exp(t*x))", "t x[n]", "x", "t"),
    ("exp(t^2)", "t", "t", None),
    ("c'*x", "c[n] x[n]", "x", None),
]
LAYOUTS = ("numerator", "denominator", "vec", "tensor")


def last(d):
    side = d.steps[-1].after
    if isinstance(side, Entry):  # a number's derivative, which needs no other form
        return side.array
    return side.form if isinstance(side, Arranged) else side


def holds(d, answer):
    assert d.result is answer
    assert last(d) is answer
    report = d.check(trials=1)
    assert report.passed, report.message


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("text", "declared", "wrt"), JACOBIANS)
def test_jacobian(text, declared, wrt, layout):
    e, w = mc.parse(text, declared), {s.name: s for s in mc.symbols(f"{declared} unused")}[wrt]
    holds(mc.derive(e, w, kind="jacobian", layout=layout), mc.jacobian(e, w, layout=layout))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("text", "declared", "wrt", "wrt2"), HESSIANS)
def test_hessian(text, declared, wrt, wrt2, layout):
    e = mc.parse(text, declared)
    holds(mc.derive(e, wrt, kind="hessian", wrt2=wrt2, layout=layout), mc.hessian(e, wrt, wrt2, layout=layout))


@pytest.mark.parametrize("text", ["S*S", "A*S*A'", "tr(A*S)", "inv(S)"])
def test_free_entries(text):
    e = mc.parse(text, "S[n,n](symmetric) A[n,n]")
    holds(mc.derive(e, "S", kind="jacobian", layout="vech"), mc.jacobian(e, "S", layout="vech"))


def test_hessian_by_free_entries():
    e = mc.parse("logdet(S)", "S[n,n](symmetric)")
    holds(mc.derive(e, "S", kind="hessian", layout="vech"), mc.hessian(e, "S", layout="vech"))


@pytest.mark.parametrize(
    ("text", "declared", "wrt"),
    [("A*inv(X)*B", "A[m,n] X[n,n] B[n,q]", "X"), ("tanh(W*x + b)", "W[m,n] x[n] b[m]", "x"),
     ("tr(A*X*X)", "A[n,n] X[n,n]", "X"), ("x*exp(x'*x)", "x[n]", "x"), ("A*y", "A[m,n] y[n]", "A")],
)  # fmt: skip
def test_differential(text, declared, wrt):
    e = mc.parse(text, declared)
    holds(mc.derive(e, wrt, kind="differential"), mc.differential(e, wrt))
    holds(mc.derive(e, wrt, kind="jvp", tangent="D"), mc.jvp(e, wrt, "D"))


@pytest.mark.parametrize(("text", "declared", "wrt", "wrt2"), [h for h in HESSIANS if h[3] is None])
def test_hvp(text, declared, wrt, wrt2):
    e = mc.parse(text, declared)
    holds(mc.derive(e, wrt, kind="hvp", direction="D"), mc.hvp(e, wrt, "D"))


@pytest.mark.parametrize("structure", ["ambient", "projected", "independent"])
@pytest.mark.parametrize("fact", ["symmetric", "skew", "diagonal", "lower_triangular", "zero_diagonal", "toeplitz"])
def test_structured_gradient(fact, structure):
    e = mc.parse("tr(B*S*C*S)", f"S[n,n]({fact}) B[n,n] C[n,n]")
    holds(mc.derive(e, "S", structure=structure), mc.grad(e, "S", structure=structure))


@pytest.mark.parametrize("structure", ["projected", "independent"])
@pytest.mark.parametrize("fact", ["symmetric", "skew", "diagonal", "lower_triangular"])
def test_structured_jacobian_and_hessian(fact, structure):
    declared = f"S[n,n]({fact}) B[n,n] C[m,n]"
    for text, layout in (("C*S*B", "vec"), ("C*S*B", "numerator"), ("tr(B*S)", "numerator"), ("tr(B*S)", "vec")):
        e = mc.parse(text, declared)
        options = {"structure": structure, "layout": layout}
        holds(mc.derive(e, "S", kind="jacobian", **options), mc.jacobian(e, "S", **options))
    e = mc.parse("tr(B*S*S)", declared)
    for layout in ("vec", "numerator"):
        options = {"structure": structure, "layout": layout}
        holds(mc.derive(e, "S", kind="hessian", **options), mc.hessian(e, "S", **options))


def test_the_matrix_of_a_structure_is_said():
    d = mc.derive(mc.parse("C*S", "S[n,n](symmetric) C[m,n]"), "S", kind="jacobian", layout="vec", structure="projected")
    assert "vec((G + G')/2) = (eye(n^2) + K(n,n))*vec(G)/2" in str(d)
    assert rejected([d.to_latex()]) == []


EINSUMS = [("ij,jk,ki->", "A[m,n] B[n,p] C[p,m]"), ("ijk,i,j,k->", "T[m,n,p] x[m] y[n] z[p]"), ("ijk,ijk->", "T[m,n,p]")]


@pytest.mark.parametrize(("signature", "declared"), EINSUMS)
def test_einsum(signature, declared):
    operands = list(mc.symbols(declared)) if " " in declared else [mc.symbols(declared)] * 2
    e = mc.einsum(signature, *operands)
    for w in dict.fromkeys(operands):
        holds(mc.derive(e, w), mc.grad(e, w))


@pytest.mark.parametrize("seed", range(40))
def test_whatever_has_a_jacobian_has_its_derivation(seed):
    e = random_expr(random.Random(seed))
    for w in e.symbols[:1]:
        try:
            answer = mc.jacobian(e, w, layout="vec")
        except mc.MatcalcError:
            continue
        d = mc.derive(e, w, kind="jacobian", layout="vec")
        assert last(d) is answer
        report = d.check(trials=1)
        assert report.passed or not report.trials, report.message


def test_a_wrong_line_is_found():
    A, x = mc.symbols("A[m,n] x[n]")
    d = mc.derive(A @ x, x, kind="jacobian")
    B = mc.matrix("A", *A.shape) * 2
    step = d.steps[-1]
    d.steps[-1] = type(step)(
        step.rule, step.why, step.before, Arranged(B, "stacked"), step.label, step.plain, step.free, step.names
    )
    assert not d.check().passed


def test_the_order_of_vec_is_said():
    assert "i runs fastest" in str(mc.derive(mc.parse("A*X", "A[m,n] X[n,p]"), "X", kind="jacobian"))


def test_norms_written_out_are_shown():
    d = mc.derive(mc.parse("norm2(A*x - b)^2", "A[m,n] x[n] b[m]"), "x")
    assert "norm2(A*x - b)^2 = r'*r" in d.to_text()
    assert r"\left\|A x - b\right\|_2^{2} = r^{\top} r" in d.to_latex()


def test_conditions_in_latex():
    d = mc.derive(mc.parse("logdet(X)", "X[n,n]"), "X")
    assert r"\text{assuming X invertible}" in d.to_latex()
    assert rejected([d.to_latex()]) == []


def test_a_long_gradient_is_one_line_of_a_hessian():
    e = mc.parse("sum(tanh(A*tanh(B*tanh(C*x))))", "A[m,k] B[k,p] C[p,n] x[n]")
    d = mc.derive(e, "x", kind="hessian")
    assert isinstance(d.steps[0].before, Partial)
    assert d.steps[0].rule == "gradient"
    holds(d, mc.hessian(e, "x"))


@pytest.mark.parametrize(
    "options",
    [{"kind": "grad", "layout": "vec"}, {"kind": "jacobian", "upstream": "G"}, {"kind": "grad", "wrt2": "x"}, {"kind": "slope"},
     {"kind": "hessian", "layout": "rows"}, {"kind": "vjp", "structure": "projected"}, {"kind": "hvp", "tangent": "v"}],
)  # fmt: skip
def test_arguments_of_another_kind_are_refused(options):
    with pytest.raises(mc.MatcalcError):
        mc.derive(mc.parse("x'*x", "x[n]"), "x", **options)


def test_ambient_derivations_by_structured_symbols_that_have_no_other():
    p, W = mc.symbols("p[n](simplex) W[n,n]")
    d = mc.derive(p.T @ W @ p, p)
    assert str(d.result) == "(W + W')*p"
    assert d.check().passed


@pytest.mark.parametrize("style", ["index", "differential"])
@pytest.mark.parametrize("wrt", ["A", "B", "C", "Y"])
def test_a_product_with_an_axis_stacked_from_several(wrt, style):
    e = mc.parse("sum(Y.*(khatrirao(A,B)*C))", "A[m,n] B[p,n] C[n,q] Y[m*p,q]")
    d = mc.derive(e, wrt, style=style)
    assert d.result is mc.grad(e, wrt)
    assert d.check(detail="full").passed


def test_a_slope_that_is_zero_has_the_shape_of_the_variable():
    for text in ("sin(eigmax(islargest(A*B)))", "log(sum(exp(step(A*B))))"):
        e = mc.parse(text, "A[n,n] B[n,n]")
        d = mc.derive(e, "A")
        assert d.result is mc.zeros(*d.wrt.shape)
        assert d.check().passed
