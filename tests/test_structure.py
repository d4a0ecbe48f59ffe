"""Gradients by structured matrices: the three answers, each against its definition by JAX."""

import jax
import jax.numpy as jnp
import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose

import matcalc as mc

N = 4
SIZES = {"n": N, "m": 3}
FUNCTIONS = [
    "x'*X*y",
    "tr(B*X*C*X')",
    "sum(sin(X).*B)",
    "tr(inv(X + 9*eye(n))*B)*det(X*B + 9*eye(n))/n^4",
    "normf(A*X)^2*tr(X)",
]


# ------------------------------------------------------------------ by parameters and by spaces
def lower(strict=False):
    return [(i, j) for j in range(N) for i in range(j + strict, N)]


def unit(*places):
    """A matrix with these entries at these places, zeros elsewhere."""
    out = np.zeros((N, N))
    for i, j, value in places:
        out[i, j] = value
    return out


def along(k):
    return [(i, i + k, 1.0) for i in range(N) if 0 <= i + k < N]


BASES = {  # a basis of every linear structure: one matrix for each free entry, with all its places
    "symmetric": [unit((i, j, 1), (j, i, 1)) for i, j in lower()],
    "psd": [unit((i, j, 1), (j, i, 1)) for i, j in lower()],
    "diagonal": [unit((i, i, 1)) for i in range(N)],
    "skew": [unit((i, j, 1), (j, i, -1)) for i, j in lower(strict=True)],
    "lower_triangular": [unit((i, j, 1)) for i, j in lower()],
    "toeplitz": [unit(*along(k)) for k in range(1 - N, N)],
    "symmetric,toeplitz": [unit(*along(k), *along(-k)) for k in range(N)],
}
UNSTRUCTURED = ["invertible", "invertible,positive"]


def tangents(facts, at):
    """A basis of the directions in which the matrix stays in its structure."""
    if facts == "orthogonal":
        return [np.asarray(at) @ s for s in BASES["skew"]]
    return BASES[facts]


def problem(text, facts):
    """The function, its structured symbol, values, and the ambient gradient by JAX."""
    f = mc.parse(text, f"A[m,n] B[n,n] C[n,n] x[n] y[n] X[n,n]({facts})")
    (w,) = (s for s in f.symbols if s.name == "X")
    given = judge.draw(f, 5, SIZES)
    if facts == "symmetric,toeplitz":
        a = np.asarray(given["X"])
        given["X"] = jnp.asarray(sum(a[k, 0] * b for k, b in enumerate(BASES[facts])))
    return f, w, given, np.asarray(judge.gradient(f, given, "X", SIZES))


def answer(f, w, given, structure):
    g = mc.grad(f, w, structure=structure)
    return judge.run(mc.compile(g), given, g, SIZES), f"{structure} of {f}: {g}"


def compare(got, want, what):
    assert got.shape == want.shape, what
    assert_allclose(got, want, rtol=1e-6, atol=1e-8 * max(1.0, float(np.max(np.abs(want)))), err_msg=what)


# ------------------------------------------------------------------ the three answers
@pytest.mark.parametrize("text", FUNCTIONS)
@pytest.mark.parametrize("facts", [*BASES, "orthogonal"])
def test_ambient_takes_every_entry_as_free(facts, text):
    f, w, given, ambient = problem(text, facts)
    got, what = answer(f, w, given, "ambient")
    compare(got, ambient, what)
    assert mc.grad(f, w) == mc.grad(f, w, structure="ambient")


@pytest.mark.parametrize("text", FUNCTIONS)
@pytest.mark.parametrize("facts", [*BASES, "orthogonal"])
def test_projected_is_the_orthogonal_projection(facts, text):
    """The nearest matrix, in the Frobenius norm, among the directions of the structure."""
    f, w, given, ambient = problem(text, facts)
    basis = np.stack([t.ravel() for t in tangents(facts, given["X"])], axis=1)
    nearest = basis @ np.linalg.lstsq(basis, ambient.ravel(), rcond=None)[0]
    got, what = answer(f, w, given, "projected")
    compare(got, nearest.reshape(N, N), what)


@pytest.mark.parametrize("text", FUNCTIONS)
@pytest.mark.parametrize("facts", BASES)
def test_independent_is_the_derivative_by_the_free_entries(facts, text):
    """JAX differentiates by the free entries themselves; each derivative is written wherever its entry stands."""
    f, w, given, _ = problem(text, facts)
    basis = jnp.asarray(np.stack(BASES[facts]))
    places = jnp.argmax(jnp.abs(basis.reshape(len(basis), -1)), axis=1)
    theta = given["X"].ravel()[places] / basis.reshape(len(basis), -1)[jnp.arange(len(basis)), places]

    def whole(t):
        return jnp.tensordot(t, basis, 1)

    assert_allclose(whole(theta), given["X"], atol=1e-12)
    slopes = jax.grad(lambda t: judge.value(f, {**given, "X": whole(t)}, SIZES)[0, 0])(theta)
    got, what = answer(f, w, given, "independent")
    compare(got, np.asarray(whole(slopes)), what)


@pytest.mark.parametrize("facts", BASES)
def test_both_predict_the_change_inside_the_structure(facts):
    """``<projected, D>`` is the change along every D of the structure; the independent partials give it by free entries."""
    f, w, given, ambient = problem(FUNCTIONS[1], facts)
    projected, what = answer(f, w, given, "projected")
    independent, _ = answer(f, w, given, "independent")
    for d in BASES[facts]:
        change = np.sum(ambient * d)
        assert_allclose(np.sum(projected * d), change, atol=1e-9, err_msg=what)
        i, j = np.argwhere(d)[0]
        assert_allclose(independent[i, j] * d[i, j], change, atol=1e-9, err_msg=what)


def test_the_projected_gradient_by_an_orthogonal_matrix_keeps_it_orthogonal():
    f, w, given, _ = problem("logdet(B*X*C*X'*B' + 9*eye(n))", "orthogonal")
    g, what = answer(f, w, given, "projected")
    q = np.asarray(given["X"])
    assert_allclose(q.T @ g + g.T @ q, 0, atol=1e-9, err_msg=what)


@pytest.mark.parametrize("structure", ["ambient", "projected", "independent"])
@pytest.mark.parametrize("facts", UNSTRUCTURED)
def test_facts_that_bind_no_entries_change_nothing(facts, structure):
    f, w, given, ambient = problem(FUNCTIONS[0], facts)
    got, what = answer(f, w, given, structure)
    compare(got, ambient, what)


def test_rectangular_and_vector_symbols_have_one_answer():
    f = mc.parse("norm2(A*x)^2", "A[m,n] x[n]")
    for name in ("A", "x"):
        assert len({mc.grad(f, name, structure=s) for s in ("ambient", "projected", "independent")}) == 1


def test_several_symbols_each_have_their_own_structure():
    f = mc.parse("tr(B*S) + tr(B*D) + tr(B*C)", "B[n,n] C[n,n] S[n,n](symmetric) D[n,n](diagonal)")
    found = mc.grad(f, {"S": "S", "D": "D", "C": "C"}, structure="independent")
    assert {k: str(v) for k, v in found.items()} == {"S": "B + B' - diag(diag(B))", "D": "diag(diag(B))", "C": "B'"}


# ------------------------------------------------------------------ as text
TEXTS = [
    ("symmetric", "B'", "(B + B')/2", "B + B' - diag(diag(B))"),
    ("psd", "B'", "(B + B')/2", "B + B' - diag(diag(B))"),
    ("diagonal", "B'", "diag(diag(B))", "diag(diag(B))"),
    ("skew", "B'", "(B' - B)/2", "B' - B"),
    ("lower_triangular", "B'", "tril(B')", "tril(B')"),
    ("toeplitz", "B'", "diagmeans(B')", "diagsums(B')"),
    ("symmetric,toeplitz", "B'", "diagmeans((B + B')/2)", None),
    ("orthogonal", "B'", "(B' - X*B*X)/2", None),
]


@pytest.mark.parametrize(("facts", *"api"), TEXTS)
def test_answers_as_text(facts, a, p, i):
    f = mc.parse("tr(B*X)", f"B[n,n] X[n,n]({facts})")
    for structure, printed in (("ambient", a), ("projected", p), ("independent", i)):
        if printed is not None:
            assert str(mc.grad(f, "X", structure=structure)) == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("x'*X*y", "x*y' + y*x' - diag(x.*y)"),  # Matrix Cookbook (2012), eq. 138
        ("tr(B*X)", "B + B' - diag(diag(B))"),  # eq. 139
        ("logdet(X)", "2*inv(X) - diag(diag(inv(X)))"),  # eq. 141
    ],
)
def test_independent_is_the_matrix_cookbook(text, printed):
    f = mc.parse(text, "B[n,n] x[n] y[n] X[n,n](psd)")
    got = mc.grad(f, "X", structure="independent")
    want = mc.parse(printed, "B[n,n] x[n] y[n] X[n,n](psd)")
    given = judge.draw(f, 0, SIZES)
    compare(np.asarray(judge.value(got, given, SIZES)), np.asarray(judge.value(want, given, SIZES)), str(got))
    assert mc.count_ops(got) <= mc.count_ops(want)


# ------------------------------------------------------------------ refusals
@pytest.mark.parametrize("structure", ["symmetric", "diagonal", "", "Ambient", None, 1])
def test_wrong_names_are_refused(structure):
    with pytest.raises(mc.OperandError, match="structure is one of ambient, projected, independent"):
        mc.grad(mc.parse("tr(X)", "X[n,n](symmetric)"), "X", structure=structure)


@pytest.mark.parametrize(
    ("facts", "structure"),
    [
        ("orthogonal", "independent"),
        ("lower_triangular,toeplitz", "projected"),
        ("lower_triangular,toeplitz", "independent"),
        ("skew,toeplitz", "projected"),
        ("orthogonal,symmetric", "projected"),
    ],
)
def test_structures_without_an_answer_are_refused(facts, structure):
    f = mc.parse("tr(B*X)", f"B[n,n] X[n,n]({facts})")
    with pytest.raises(mc.UnsupportedError, match=f"{structure} gradient by X"):
        mc.grad(f, "X", structure=structure)


HOLLOW = [unit((i, j, 1)) for i in range(N) for j in range(N) if i != j]


@pytest.mark.parametrize("structure", ["projected", "independent"])
def test_zero_diagonal(structure):
    f, w, given, ambient = problem(FUNCTIONS[1], "zero_diagonal")
    got, what = answer(f, w, given, structure)
    compare(got, ambient * sum(HOLLOW), what)


@pytest.mark.parametrize("facts", ["diagonal,toeplitz", "diagonal,orthogonal"])
def test_diagonal_with_another_structure(facts):
    """A diagonal Toeplitz matrix is ``c I``; an orthogonal diagonal one cannot move. An answer or a refusal."""
    f = mc.parse("tr(B*X)", f"B[n,n] X[n,n]({facts})")
    b = judge.draw(f, 0, SIZES)["B"]
    try:
        g = mc.grad(f, "X", structure="projected")
    except mc.UnsupportedError:
        return
    want = np.trace(b) / N * np.eye(N) if "toeplitz" in facts else np.zeros((N, N))
    compare(judge.run(mc.compile(g), judge.draw(f, 0, SIZES), g, SIZES), want, str(g))


@pytest.mark.parametrize("fact", ["unit", "simplex"])
@pytest.mark.parametrize("structure", ["projected", "independent"])
def test_constrained_vectors_are_refused(fact, structure):
    f = mc.parse("x'*y", f"x[n]({fact}) y[n]")
    with pytest.raises(mc.UnsupportedError, match=f"{structure} gradient by x, which is {fact}"):
        mc.grad(f, "x", structure=structure)


@pytest.mark.parametrize(
    "facts", ["symmetric", "skew", "diagonal", "lower_triangular", "zero_diagonal", "toeplitz", "toeplitz,symmetric"]
)
@pytest.mark.parametrize("structure", ["projected", "independent"])
def test_rows_of_structured_jacobians_are_structured_gradients(facts, structure):
    """Row ``k`` of the Jacobian of a vector is the structured gradient of its entry ``k``; a Hessian's likewise."""
    W, a, b = mc.symbols(f"W[n,n]({facts}) a[n] b[n]")
    f = mc.sin(W @ a) + W.T @ b
    jacobian = mc.jacobian(f, W, layout="tensor", structure=structure)
    rng = np.random.default_rng(3)
    point = {name: rng.normal(size=4) for name in "ab"} | {"W": rng.normal(size=(4, 4))}

    def run(e):
        call = mc.compile(e)
        return np.asarray(call(**{k: v for k, v in {**point, "n": 4}.items() if k in call.names}))

    for k in range(4):
        gradient = mc.grad(f[k], W, structure=structure)
        assert_allclose(run(jacobian)[k], run(gradient), atol=1e-12)
    g = mc.sum(mc.exp(W @ a))
    ambient = run(mc.hessian(g, W, layout="vec"))
    sides = run(mc.jacobian(mc.vec(W), W, layout="vec", structure=structure))
    assert_allclose(run(mc.hessian(g, W, layout="vec", structure=structure)), sides.T @ ambient @ sides, atol=1e-9)
