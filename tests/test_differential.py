"""Derivations by differentials: every line holds, the last is the answer, and a reader sees what a lecturer writes."""

import random
from dataclasses import replace
from textwrap import dedent

import pytest
from katex_check import rejected
from strategies import random_expr
from test_corpora import CASES, EXCLUDED, declarations
from test_derivations import HESSIANS, JACOBIANS, last

import matcalc as mc
from matcalc.cli import main
from matcalc.derivations.forms import Form, Pairing
from matcalc.expr import DifferentialSymbol, Number

GRADIENTS = [
    ("norm2(X*w - y)^2", "X[m,n] w[n] y[m]", "w"),
    ("norm2(A*x - b)", "A[m,n] x[n] b[m]", "x"),
    ("logdet(X'*X)", "X[m,n]", "X"),
    ("det(A*X*B)", "A[n,n] X[n,n] B[n,n]", "X"),
    ("tr(inv(X)*A)", "X[n,n] A[n,n]", "X"),
    ("tr(X'*A*X)", "A[n,n] X[n,p]", "X"),
    ("tr(A*X*B*X'*C)", "A[n,n] B[p,p] C[n,n] X[n,p]", "X"),
    ("x'*A*x", "A[n,n] x[n]", "x"),
    ("(x'*A*x)/(x'*x)", "A[n,n] x[n]", "x"),
    ("sum(log(softmax(W*x)).*y)", "W[k,n] x[n] y[k]", "W"),
    ("logsumexp(W*x) - y'*W*x", "W[k,n] x[n] y[k]", "W"),
    ("sum(softplus(-y.*(X*w)))", "X[m,n] w[n] y[m]", "w"),
    ("norm2(y - V*tanh(W*x + b))^2", "y[k] V[k,m] W[m,n] x[n] b[m]", "W"),
    ("norm2(y - V*tanh(W*x + b))^2", "y[k] V[k,m] W[m,n] x[n] b[m]", "b"),
    ("L(W*X .+ b)", "W[m,n] X[n,p] b[m]", "b"),
    ("L(X*W .+ c')", "X[p,n] W[n,m] c[m]", "c"),
    ("normf(R - P.*(G*G'))^2", "R[n,n] P[n,n] G[n,r]", "G"),
    ("tr(expm(A*A'))", "A[n,m]", "A"),
    ("tr(A*expm(X))", "A[n,n] X[n,n]", "X"),
    ("tr(X^k)", "X[n,n] k(integer)", "X"),
    ("tr(A*X^3)", "A[n,n] X[n,n]", "X"),
    ("tr(B*pinv(A))", "A[m,n] B[m,n]", "A"),
    ("sum(cholesky(A)*x)", "A[n,n](psd) x[n]", "A"),
    ("logdet(kron(A*A',B))", "A[n,m] B[p,p]", "A"),
    ("sum(kron(A,B).*C)", "A[m,n] B[2,3] C[m*2,n*3]", "A"),
    ("tr(A*diag(x)*B*diag(x))", "A[n,n] B[n,n] x[n]", "x"),
    ("norm2(diag(X'*X))^2", "X[m,n]", "X"),
    ("sum(sum(X,1).^2) + sum(sum(X,2).^3)", "X[m,n]", "X"),
    ("c'*vec(A*X) + x'*reshape(X,m*n,1)", "A[p,m] X[m,n] c[p*n] x[m*n]", "X"),
    ("X(1,2)*sum(X(:,1)) + X(2,1)^2", "X[m,n]", "X"),
    ("sum(maximum(A*x, b)) + norm1(x)", "A[m,n] x[n] b[m]", "x"),
    ("nuclear(B - A.*X)", "A[m,n] B[m,n] X[m,n]", "X"),
    ("sum(exp(t*x)./(1 + t^2))", "t x[n]", "t"),
    ("sqrt(t)*exp(t^2)", "t", "t"),
    ("prod(A*x)", "A[m,n] x[n]", "x"),
    ("c'*y", "c[n] y[n] x[m]", "x"),
    ("sum(sign(A*x))", "A[m,n] x[n]", "x"),
    ("tr(A*X)", "A[1,1] X[1,1]", "X"),
    ("sum(A*X*b)", "A[1,n] X[n,1] b", "X"),
]  # fmt: skip
MATRICES = ["symmetric", "psd", "skew", "diagonal", "lower_triangular", "zero_diagonal", "toeplitz"]
QUICK = 12  # every so many of the questions in the corpora are derived in each run


def holds(d, answer, trials=1):
    assert d.result is answer
    assert last(d) is answer
    report = d.check(trials=trials)
    assert report.passed, report.message
    return d


def parsed(text, declared, wrt):
    return mc.parse(text, declared), {s.name: s for s in mc.symbols(f"{declared} unused")}[wrt]


# ------------------------------------------------------------------ what is derived
@pytest.mark.parametrize(("text", "declared", "wrt"), GRADIENTS)
def test_gradient(text, declared, wrt):
    e, w = parsed(text, declared, wrt)
    holds(mc.derive(e, w, style="differential"), mc.grad(e, w), trials=2)


def test_a_long_chain_takes_linear_time():
    h, weights = mc.symbols("x[n]"), []
    for k in range(60):
        W, b = mc.symbols(f"W{k}[n,n] b{k}[n]")
        weights.append(W)
        h = mc.tanh(W @ h + b)
    d = mc.derive(mc.norm2(h) ** 2, weights[0], style="differential")
    assert len(d.steps) < 8 * 60
    assert len(str(d)) < 1500 * 60


def test_einsum():
    X, A, B = mc.symbols("X[n,n] A[n,n] B[n,n]")
    f = mc.einsum("ij,ij,jk,ik->", X, A, X, B)
    holds(mc.derive(f, X, style="differential"), mc.grad(f, X))


@pytest.mark.parametrize("layout", ["numerator", "denominator", "vec", "tensor"])
@pytest.mark.parametrize(("text", "declared", "wrt"), JACOBIANS)
def test_jacobian(text, declared, wrt, layout):
    e, w = parsed(text, declared, wrt)
    holds(mc.derive(e, w, kind="jacobian", layout=layout, style="differential"), mc.jacobian(e, w, layout=layout))


@pytest.mark.parametrize("layout", ["numerator", "vec"])
@pytest.mark.parametrize(("text", "declared", "wrt", "wrt2"), HESSIANS)
def test_hessian(text, declared, wrt, wrt2, layout):
    e = mc.parse(text, declared)
    d = mc.derive(e, wrt, kind="hessian", wrt2=wrt2, layout=layout, style="differential")
    holds(d, mc.hessian(e, wrt, wrt2, layout=layout))


def test_a_hessian_without_matrices_term_by_term_is_one_line():
    e = mc.parse("exp(tr(logm(A*A' + eye(n))))", "A[n,n]")
    d = mc.derive(e, "A", kind="hessian", style="differential")
    holds(d, mc.hessian(e, "A"))
    assert any(s.rule == "jacobian" for s in d.steps)


def test_mixed_second_derivatives_keep_their_differentials_apart():
    e = mc.parse("tr(M*inv(A + x*B + y*C + x*y*D))", "M[n,n] A[n,n] B[n,n] C[n,n] D[n,n] x y")
    holds(mc.derive(e, "x", kind="hessian", wrt2="y", style="differential"), mc.hessian(e, "x", "y"))


@pytest.mark.parametrize(
    ("text", "declared", "wrt"),
    [("A*inv(X)*B", "A[m,n] X[n,n] B[n,q]", "X"), ("tanh(W*x + b)", "W[m,n] x[n] b[m]", "x"),
     ("tr(A*X*X)", "A[n,n] X[n,n]", "X"), ("x*exp(x'*x)", "x[n]", "x"), ("A*y", "A[m,n] y[n]", "A")],
)  # fmt: skip
def test_directional(text, declared, wrt):
    e = mc.parse(text, declared)
    holds(mc.derive(e, wrt, kind="differential", style="differential"), mc.differential(e, wrt))
    holds(mc.derive(e, wrt, kind="jvp", tangent="D", style="differential"), mc.jvp(e, wrt, "D"))


def test_jvp_along_something_that_depends_on_wrt():
    e, X = parsed("A*inv(X)", "A[m,n] X[n,n]", "X")
    holds(mc.derive(e, X, kind="jvp", tangent=X @ X, style="differential"), mc.jvp(e, X, X @ X))


@pytest.mark.parametrize(("text", "declared", "wrt", "wrt2"), [h for h in HESSIANS if h[3] is None])
def test_hvp(text, declared, wrt, wrt2):
    e = mc.parse(text, declared)
    holds(mc.derive(e, wrt, kind="hvp", direction="D", style="differential"), mc.hvp(e, wrt, "D"))


@pytest.mark.parametrize("upstream", ["G", "Z", "A*B", "W"])
def test_vjp(upstream):
    e = mc.parse("sigmoid(W*X .+ b)", "W[m,n] X[n,p] b[m]")
    g = mc.parse(upstream, "A[m,2] B[2,p] W[m,n]") if "*" in upstream else mc.symbols(f"{upstream}[m,p]")
    if upstream == "W":
        g = mc.parse("W*X", "W[m,n] X[n,p]")  # held fixed, though it depends on W
    d = mc.derive(e, "W", kind="vjp", upstream=g, style="differential")
    holds(d, mc.vjp(e, "W", g))
    assert "L by W" in str(d)


def test_vjp_of_an_unspecified_loss():
    e = mc.parse("W*X .+ b", "W[m,n] X[n,p] b[m]")
    d = mc.derive(e, "b", kind="vjp", style="differential")
    assert str(d.result) == "dL(f)*ones(p)"
    assert d.check().passed


@pytest.mark.parametrize("structure", ["ambient", "projected", "independent"])
@pytest.mark.parametrize("fact", MATRICES)
def test_structured(fact, structure):
    e = mc.parse("tr(B*S*C*S)", f"S[n,n]({fact}) B[n,n] C[n,n]")
    d = mc.derive(e, "S", structure=structure, style="differential")
    holds(d, mc.grad(e, "S", structure=structure))
    if structure == "projected":
        assert any(s.rule == "structure" and isinstance(s.after, Form) for s in d.steps)


@pytest.mark.parametrize("structure", ["projected", "independent"])
@pytest.mark.parametrize("fact", ["symmetric", "skew", "diagonal", "lower_triangular"])
def test_structured_jacobian_and_hessian(fact, structure):
    declared = f"S[n,n]({fact}) B[n,n] C[m,n]"
    for text, kind, find in (("C*S*B", "jacobian", mc.jacobian), ("tr(B*S*C'*C*S)", "hessian", mc.hessian)):
        e = mc.parse(text, declared)
        d = mc.derive(e, "S", kind=kind, layout="vec", structure=structure, style="differential")
        holds(d, find(e, "S", layout="vec", structure=structure))


@pytest.mark.parametrize(("text", "kind"), [("S*S", "jacobian"), ("inv(S)", "jacobian"), ("logdet(S)", "hessian")])
def test_free_entries(text, kind):
    e = mc.parse(text, "S[n,n](symmetric)")
    find = mc.jacobian if kind == "jacobian" else mc.hessian
    holds(mc.derive(e, "S", kind=kind, layout="vech", style="differential"), find(e, "S", layout="vech"))


def test_structured_orthogonal():
    e = mc.parse("tr(B*Q)", "Q[n,n](orthogonal) B[n,n]")
    holds(mc.derive(e, "Q", structure="projected", style="differential"), mc.grad(e, "Q", structure="projected"))


def test_symmetry_of_the_point_is_no_symmetry_of_the_differential():
    e = mc.parse("tr(M^4*X)", "M[n,n](symmetric) X[n,n](symmetric)")
    holds(mc.derive(e, "M", style="differential"), mc.grad(e, "M"), trials=3)


# ------------------------------------------------------------------ what a reader sees
def test_least_squares_as_it_is_read():
    e = mc.parse("norm2(X*w - y)^2", "X[m,n] w[n] y[m]")
    assert str(mc.derive(e, "w", style="differential")) == dedent(
        """\
        f = norm2(X*w - y)^2 = r'*r, by w
        where r = X*w - y
        (1) dr = X*dw
              differential: a linear function changes by the same function of the change; constants do not change
        (2) f = r : r
              frobenius: written as a Frobenius product, A : B = tr(A'*B) = sum(A.*B)
        (3) df = 2*r : dr
              product-rule: the product rule: d(A : A) = 2*A : dA
            = 2*r : X*dw
              substitute, by (1): put in dr
            = 2*X'*r : dw
              move-factor: a factor moves across the Frobenius product transposed: A : B*C = B'*A : C
        (4) df/dw = 2*X'*r = 2*X'*(X*w - y)
              read-off: df = G : dw says that G is the gradient
              insert r: put the variables in, and simplify
        gradient, in the shape of w: (n)"""
    )


@pytest.mark.parametrize(
    ("text", "declared", "wrt", "lines"),
    [
        ("tr(inv(X)*A)", "X[n,n] A[n,n]", "X", ["dZ = -Z*dX*Z", "f = A' : Z", "= -Z'*A'*Z' : dX"]),
        ("logdet(X'*X)", "X[m,n]", "X", ["dZ = dX'*X + X'*dX", "= inv(Z) : dZ", "= 2*X*inv(Z) : dX"]),
        ("sum(sigmoid(X*w))", "X[m,n] w[n]", "w", ["f = ones(m) : sigmoid(z)", "= X'*(sigmoid(z).*(1 .- sigmoid(z))) : dw"]),
        ("L(f)", "f[m]", "f", ["dL = sum(dL(f).*df) = dL(f) : df"]),
        ("normf((A.*M)*B)^2", "A[m,n] M[m,n] B[n,p]", "A", ["= 2*Z*B' : (M.*dA)", "= 2*(M.*(Z*B')) : dA"]),
        ("norm2(A*x)^2*t", "A[m,n] x[n] t", "t", ["df = norm2(A*x)^2*dt"]),
    ],
)
def test_lines_that_a_lecturer_writes(text, declared, wrt, lines):
    written = str(mc.derive(mc.parse(text, declared), wrt, style="differential"))
    for line in lines:
        assert line in written, written


def test_names_that_the_user_gave_are_kept():
    X, w, y = mc.symbols("X[m,n] w[n] y[m]")
    r = mc.let("residual", X @ w - y)
    d = mc.derive(mc.let("loss", r.T @ r), w, style="differential")
    written = str(d)
    assert "dresidual = X*dw" in written
    assert "dloss = 2*residual : dresidual" in written
    assert r"\mathrm{d}\mathrm{residual}" in d.to_latex()


def test_long_coefficients_get_names_that_nothing_else_has():
    e = mc.parse("(exp(Q*K'/s)./(sum(exp(Q*K'/s),2)*ones(n)'))*V", "Q[m,d] K[n,d] V[n,p] s(positive)")
    d = mc.derive(e, "Q", kind="vjp", upstream="G", style="differential")
    named = [s for s in d.steps if s.rule == "notation" and getattr(s.before, "name", "") == "G1"]
    assert len(named) == 1
    assert d.check().passed


def test_a_differential_is_told_from_a_symbol_of_that_name():
    e = mc.parse("norm2(dr + X*w)^2 + dw'*w", "dr[m] X[m,n] w[n] dw[n] df[m] r[k]")
    d = mc.derive(e, "w", style="differential")
    names = {s.name for s in d.changes if isinstance(s, DifferentialSymbol)}
    assert not names & {s.name for s in e.symbols}
    assert d.check().passed


def test_commuting_matrix_functions_are_not_spelt_out():
    written = str(mc.derive(mc.parse("tr(expm(A*A'))", "A[n,m]"), "A", style="differential"))
    assert "= expm(Z) : dZ" in written
    assert "dexpm" not in written


@pytest.mark.parametrize("detail", ["brief", "normal", "full"])
def test_katex_and_every_format(detail):
    found = []
    for text, declared, wrt in GRADIENTS[:20]:
        e, w = parsed(text, declared, wrt)
        d = mc.derive(e, w, style="differential", detail=detail, shapes=True)
        found.append(d.to_latex())
        assert d.to_text()
        assert d.to_markdown()
    d = mc.derive(mc.parse("logsumexp(A*x)", "A[m,n] x[n]"), "x", kind="hessian", style="differential", detail=detail)
    assert r"\mathrm{d}^{2}f" in d.to_latex()
    assert rejected([*found, d.to_latex()]) == []


def test_brief_names_the_ends_of_a_line():
    d = mc.derive(mc.parse("tr(X'*A*X)", "A[n,n] X[n,p]"), "X", style="differential")
    assert "df = X : A*dX + A*X : dX = (A + A')*X : dX\n" in d.to_text(detail="brief")


def test_markdown_shows_products_as_they_are():
    written = mc.derive(mc.parse("tr(X'*A*X)", "A[n,n] X[n,p]"), "X", style="differential").to_markdown()
    assert r"A : B\*C = B'\*A : C" in written
    assert r"\mathbin{:} A \, \mathrm{d}X" in written


# ------------------------------------------------------------------ the judge, refusals, the command line
@pytest.mark.parametrize("rule", ["product-rule", "substitute", "move-factor", "differential", "read-off"])
def test_the_check_finds_a_wrong_line(rule):
    d = mc.derive(mc.parse("norm2(X*w - y)^2", "X[m,n] w[n] y[m]"), "w", style="differential")
    k = next(k for k, s in enumerate(d.steps) if s.rule == rule)
    after = d.steps[k].after
    three = Number(mc.grad(mc.parse("3*t", "t"), "t").value)
    wrong = Form((Pairing(three * after.pairs[0].left, after.pairs[0].right),)) if isinstance(after, Form) else 3 * after
    d.steps[k] = replace(d.steps[k], after=wrong)
    report = d.check()
    assert not report.passed
    assert f"step {k + 1} ({rule}) does not hold" in report.message


@pytest.mark.parametrize(
    ("text", "declared", "wrt", "options", "what"),
    [
        ("norm2(z)^2", "z[n](complex)", "z", {}, "in style 'index'"),
        ("sum(T)", "T[m,n,p]", "T", {}, "has 3 axes, and style 'differential' writes matrices"),
        ("tr(A*X^k)", "A[n,n] X[n,n] k(integer)", "X", {}, "closed form only under a trace"),
        ("tr(B*Q)", "Q[n,n](orthogonal) B[n,n]", "Q", {"structure": "independent"}, "is not supported"),
    ],
)
def test_refused_with_a_reason(text, declared, wrt, options, what):
    with pytest.raises(mc.MatcalcError, match=what):
        mc.derive(mc.parse(text, declared), wrt, style="differential", **options)


def test_unknown_style():
    with pytest.raises(mc.UnsupportedError, match="what is: index, differential"):
        mc.derive(mc.parse("x'*x", "x[n]"), "x", style="components")


def test_command_line(capsys):
    assert main(["grad", "x'*A*x", "--wrt", "x", "--steps", "--style", "differential"]) == 0
    assert "df = x : A*dx + A*x : dx" in capsys.readouterr().out


# ------------------------------------------------------------------ many questions
def question(key):
    case = CASES[key]
    e = mc.parse(case["expr"], declarations(case))
    if case["kind"] == "vjp":
        g = {s.name: s for s in e.symbols}.get(case["upstream"], case["upstream"])
        return e, case["wrt"], {"kind": "vjp", "upstream": g}
    return e, case["wrt"], {}


def outcome(key):
    """Whether a question of the corpora is derived as style "index" does, and every line holds."""
    e, wrt, options = question(key)
    try:
        d = mc.derive(e, wrt, style="differential", **options)
    except mc.MatcalcError:
        return "refused"
    report = d.check(trials=1)
    assert report.passed, f"{key}: {report.message}"
    assert last(d) is d.result is mc.derive(e, wrt, **options).result
    assert all(map(str, (d.to_text(), d.to_latex(), d.to_markdown())))
    return "derived"


KEYS = [k for k in CASES if k not in EXCLUDED]


@pytest.mark.parametrize("key", KEYS[::QUICK])
def test_question(key):
    assert outcome(key) == "derived"


@pytest.mark.slow
def test_all_questions():
    found = [outcome(key) for key in KEYS]
    assert found.count("derived") >= 0.98 * len(KEYS), f"{found.count('refused')} of {len(found)} refused"


@pytest.mark.parametrize("seed", range(12))
def test_random_gradients(seed):
    judged(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12, 400))
def test_many_random_gradients(seed):
    judged(seed)


def judged(seed):
    """A random expression: both styles answer or refuse, and where they answer every line holds."""
    e = random_expr(random.Random(seed))
    f = mc.sum(e) if not e.is_scalar else e
    for w in f.symbols[:2]:
        try:
            d = mc.derive(f, w, style="differential")
        except mc.MatcalcError:
            continue
        assert d.result is mc.grad(f, w)
        report = d.check(trials=1)
        assert report.passed or "no random point" in report.message, f"{f} by {w}: {report.message}"
