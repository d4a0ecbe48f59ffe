r"""LaTeX to expression: meanings, what is refused, errors with their place, and the way back from what is printed."""

import random
import time
from contextlib import suppress

import judge
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from strategies import random_expr, random_with

import matcalc as mc
from matcalc.expr import SLOTS, Expr
from matcalc.node import postorder
from matcalc.ops import OPERATORS

DECLARED = (
    "A[m,n] B[m,n] X[m,n] x[n] z[n] w[n] y[m] b[m] c lam S[n,n](symmetric) T[n,n] Z[n,n](complex) u[3] v[3] "
    "x_hat[n] W1[m,n] loss k(integer) P[n,n](psd)"
)
A, B, X, x, z, w, y, b, c, lam, S, T, Z, u, v, x_hat, W1, loss, k, P = mc.symbols(DECLARED)
m, n = mc.dims("m n")
one = mc.ones(n)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # products, names, fonts
        (r"X w", X @ w),
        (r"Xw - y", X @ w - y),
        (r"\mathbf{X} \boldsymbol{w}", X @ w),
        (r"\vec{x}^\top \vec z", x.T @ z),
        (r"2 c x", 2 * c * x),
        (r"2c \cdot x", 2 * c * x),
        (r"c \times x", c * x),
        (r"A \times T", A @ T),
        (r"u \times v", mc.cross(u, v)),
        (r"x \cdot z", x.T @ z),
        (r"\lambda x", lam * x),
        (r"\hat{x} + x", x_hat + x),
        (r"\hat x", x_hat),
        (r"W_1 x", W1 @ x),
        (r"\mathbf{W}_{1} x", W1 @ x),
        (r"\mathrm{loss} x", loss * x),
        (r"loss", loss),
        (r"-x", -x),
        (r"- 2 x^\top z", -2 * (x.T @ z)),
        (r"\pi c", mc.parse("pi*c", [c])),
        # transposes, inverses, powers
        (r"A^T y", A.T @ y),
        (r"A^{\top} y", A.T @ y),
        (r"A^\intercal y", A.T @ y),
        (r"A^{\mathsf{T}} y", A.T @ y),
        (r"A' y", A.T @ y),
        (r"S^{-1} x", mc.inv(S) @ x),
        (r"T^{-\top}", mc.inv(T).T),
        (r"T^{-T}", mc.inv(T).T),
        (r"A^+", mc.pinv(A)),
        (r"A^\dagger", mc.pinv(A)),
        (r"Z^H", Z.H),
        (r"Z^{\mathsf{H}}", Z.H),
        (r"Z^*", Z.H),
        (r"\overline{Z}", mc.conj(Z)),
        (r"\bar{Z}", mc.conj(Z)),
        (r"\bar{x}^\top x", mc.vector("x_bar", n).T @ x),
        (r"T^2", T**2),
        (r"T^{k}", T**k),
        (r"P^{1/2}", mc.sqrtm(P)),
        (r"P^{-1/2}", mc.sqrtm(mc.inv(P))),
        (r"c^2", c**2),
        (r"c^{-2}", c**-2),
        (r"c^{(1 + k)(2 + k)}", c ** ((1 + k) * (2 + k))),
        (r"c^{a}", mc.parse("c^a", DECLARED)),
        (r"x^{\odot 2}", mc.power(x, 2)),
        (r"x^{\circ 2}", mc.power(x, 2)),
        (r"{T^\top}^{-1}", mc.inv(T.T)),
        (r"(A x)^\top y", (A @ x).T @ y),
        # fractions and roots
        (r"\frac{x}{c}", x / c),
        (r"\dfrac{1}{2} x", x / 2),
        (r"\tfrac12 x", x / 2),
        (r"\frac1n \sum_{i} x_i", mc.sum(x) / n),
        (r"1/2 x", x / 2),
        (r"x/c", x / c),
        (r"x / (2 c)", x / (2 * c)),
        (r"\lambda / (2 c) x", lam / (2 * c) * x),
        (r"\sqrt{c}", mc.sqrt(c)),
        (r"\sqrt[3]{c}", mc.parse("c^(1/3)", [c])),
        (r"\frac{\|x\|^2}{n}", mc.norm2(x) ** 2 / n),
        # norms, bars, determinants, traces
        (r"\|x\|", mc.norm2(x)),
        (r"\|x\|_2^2", mc.norm2(x) ** 2),
        (r"\|x\|^2_2", mc.norm2(x) ** 2),
        (r"\left\lVert A x - y \right\rVert_{2}", mc.norm2(A @ x - y)),
        (r"\lVert x \rVert_1", mc.norm1(x)),
        (r"\|x\|_\infty", mc.norminf(x)),
        (r"\|A\|_F", mc.normf(A)),
        (r"\|A\|_{\mathrm F}^2", mc.normf(A) ** 2),
        (r"\|A\|_*", mc.nuclear(A)),
        (r"\|A\|_2", mc.spectral(A)),
        (r"\bigl\| x \bigr\|", mc.norm2(x)),
        (r"|c|", abs(c)),
        (r"\left|x\right|", abs(x)),
        (r"|S|", mc.det(S)),
        (r"\lvert S \rvert^{-1}", mc.det(S) ** -1),
        (r"||x||_2^2", mc.norm2(x) ** 2),
        (r"\left|\left| x \right|\right|", mc.norm2(x)),
        (r"|c||k|", abs(c) * abs(k)),
        (r"|c|x", abs(c) * x),
        (r"\|x\| |c|", mc.norm2(x) * abs(c)),
        (r"\operatorname{abs}(S)", abs(S)),
        (r"\det S", mc.det(S)),
        (r"\det(S)^2", mc.det(S) ** 2),
        (r"\log\det S", mc.logdet(S)),
        (r"\log \det (S + T)", mc.logdet(S + T)),
        (r"\ln \lvert S\rvert", mc.log(mc.det(S))),
        (r"\det S \det T", mc.det(S) * mc.det(T)),
        (r"\operatorname{tr}(A^\top B)", mc.tr(A.T @ B)),
        (r"\mathrm{tr}\left(S\right)", mc.tr(S)),
        (r"\text{Tr}[S]", mc.tr(S)),
        (r"\tr S T", mc.tr(S @ T)),
        (r"tr(ST)", mc.tr(S @ T)),
        (r"\Tr\{S\}", mc.tr(S)),
        (r"\operatorname{tr}(S) T", mc.tr(S) * T),
        # functions
        (r"\log c", mc.log(c)),
        (r"\ln(1 + c)", mc.log(1 + c)),
        (r"\sin 2 c", mc.sin(2 * c)),
        (r"\sin^2 c + \cos^{2} c", mc.sin(c) ** 2 + mc.cos(c) ** 2),
        (r"\sin c \cos c", mc.sin(c) * mc.cos(c)),
        (r"\log x^2", None),
        (r"\exp(-x)", mc.exp(-x)),
        (r"\exp\left\{-c\right\}", mc.exp(-c)),
        (r"e^{-c}", mc.exp(-c)),
        (r"e^c", mc.exp(c)),
        (r"e^{T}", mc.expm(T)),
        (r"\sigma(X w)", mc.sigmoid(X @ w)),
        (r"\tanh x", mc.tanh(x)),
        (r"\max(0, x)", mc.maximum(0, x)),
        (r"\min\{x, c\}", mc.minimum(x, c)),
        (r"\operatorname{softmax}(A x)", mc.softmax(A @ x)),
        (r"\operatorname{softmax}_{\text{rows}}(A)", mc.softmax(A, 1)),
        (r"\operatorname{softmax}_{\text{all}}(A)", mc.softmax(A)),
        (r"\operatorname{ReLU}(x)", mc.relu(x)),
        (r"\dot{x} + x", mc.vector("x_dot", n) + x),
        (r"\operatorname{diag}(x) S", mc.diag(x) @ S),
        (r"\operatorname{vec}(A)", mc.vec(A)),
        (r"\operatorname{vech}(S)", mc.vech(S)),
        (r"\psi_{3}(c)", mc.polygamma(3, c)),
        (r"\lambda_{\max}(S)", mc.eigmax(S)),
        # other products
        (r"A \odot B", mc.multiply(A, B)),
        (r"A \circ B", mc.multiply(A, B)),
        (r"A \oslash B", mc.divide(A, B)),
        (r"A \otimes B", mc.kron(A, B)),
        (r"\langle A, B \rangle", mc.tr(A.T @ B)),
        (r"\left\langle x, z \right\rangle", x.T @ z),
        (r"A : B", mc.tr(A.T @ B)),
        (r"A : B + c", mc.tr(A.T @ B) + c),
        (r"(A x) \odot y", mc.multiply(A @ x, y)),
        # constants, entries, blocks
        (r"\mathbf{1}^\top x", one.T @ x),
        (r"x^\top \mathbf 1_n", x.T @ one),
        (r"1_n", one),
        (r"\mathbf{1}_{m \times n}", mc.ones(m, n)),
        (r"0_{n}", mc.zeros(n)),
        (r"I x", mc.eye(n) @ x),
        (r"S + \lambda I", S + lam * mc.eye(n)),
        (r"\mathbf{I}_n", mc.eye(n)),
        (r"I_{n+1}", mc.eye(n + 1)),
        (r"\mathbf{0} + x", mc.zeros(n) + x),
        (r"e_2^\top x", mc.e(2, n).T @ x),
        (r"1 - x", 1 - x),
        (r"K^{(m,n)}", mc.K(m, n)),
        (r"A_{12}", A[0, 1]),
        (r"A_{1,2}", A[0, 1]),
        (r"A_{1:}", A[0, :]),
        (r"A_{:,2}", A[:, 1]),
        (r"x_3", x[2]),
        (r"(A x)_{2}", (A @ x)[1]),
        (r"x_{2:5}", x[1:5]),
        (r"[u]_\times v", mc.crossm(u) @ v),
        (r"\begin{bmatrix} A & B \\ X & W_1 \end{bmatrix}", mc.block([[A, B], [X, W1]])),
        (r"\begin{pmatrix} S & 0 \\ 0 & I_m \end{pmatrix}", mc.block([[S, mc.zeros(n, m)], [mc.zeros(m, n), mc.eye(m)]])),
        (r"\begin{bmatrix} S & x \\ x^\top & 1 \end{bmatrix}", mc.block([[S, x], [x.T, 1]])),
        (r"\begin{matrix} 1 & 2 \\ 3 & 4 \\ \end{matrix}", mc.block([[1, 2], [3, 4]])),
        # unspecified functions
        (r"\mathcal{L}(A x)", mc.function("L")(A @ x)),
        (r"L(A x)", mc.function("L")(A @ x)),
        (r"\nabla L(A x)", mc.function("L").gradient(A @ x)),
        (r"\frac{\partial L}{\partial A} x", mc.function("L").gradient(A) @ x),
        # sums over indices
        (r"\sum_{i=1}^{n} x_i^2", x.T @ x),
        (r"\sum_{i,j} S_{ij} x_i x_j", x.T @ S @ x),
        (r"\sum_{ij} A_{ij}", mc.sum(A)),
        (r"\sum_i S_{ii}", mc.tr(S)),
        (r"\sum_{i=1}^{m}\left(y_i - \sum_{j=1}^{n} X_{ij} w_j\right)^2", (y - X @ w).T @ (y - X @ w)),
        (r"\sum_i \log x_i", mc.sum(mc.log(x))),
        (r"\sum_{i} x_i \sum_j y_j", mc.sum(x) * mc.sum(y)),
        (r"\sum_{i=1}^n x_i + c", mc.sum(x) + c),
        (r"c \sum_i x_i \|w\|^2", c * (mc.norm2(w) ** 2 * mc.sum(x))),
        (r"\sum_{i,j} \delta_{ij} T_{ij}", mc.tr(T)),
        (r"\left[\sum_k S_{ik} T_{kj}\right]_{ij}", S @ T),
        (r"\sum_i (S x)_i", mc.sum(S @ x)),
        (r"\sum_{i=1}^{n} c", c * n),
        # what only changes the look
        (r"$$ x^\top \, z. $$", x.T @ z),
        (r"\[ x^\top z \]", x.T @ z),
        ("x^\\top z % a comment + c", x.T @ z),
        (r"\begin{aligned} & x^\top z \\ & {} + c \end{aligned}", None),
        (r"\begin{align*} & x^\top z \\ & + c \end{align*}", x.T @ z + c),
        (r"\left.x\right.", None),
        (r"\bigl( x + z \bigr)", x + z),
        (r"\displaystyle c~x \quad", c * x),
    ],
)
def test_meaning(source, expected):
    if expected is None:
        with pytest.raises(mc.MatcalcError):
            mc.parse_latex(source, DECLARED)
        return
    got = mc.parse_latex(source, DECLARED)
    assert got is expected or mc.simplify(got) is mc.simplify(expected), (got, expected)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\|Xw - y\|_2^2 + \lambda w^\top w", "norm2(X*w - y)^2 + lambda*w'*w"),
        (r"\|y - X\beta\|_2^2", "norm2(y - X*beta)^2"),
        (r"Ax - b", "A*x - b"),
        (r"W_2 \sigma(W_1 x)", "W2*sigmoid(W1*x)"),
        (r"\hat{y}^\top \log y", "y_hat'*log(y)"),
        (r"-\sum_i [y_i \log p_i + (1 - y_i) \log(1 - p_i)]", "-sum(y.*log(p) + (1 .- y).*log(1 .- p))"),
        (r"\frac{1}{n} \|w\|^2", "1/n*norm2(w)^2"),
        (r"\log|\Sigma| + x^\top \Sigma^{-1} x", "log(det(Sigma)) + x'*inv(Sigma)*x"),
        (r"\sum_{t=1}^{T} a_t x_t", "a'*x"),
        (r"λ x", "lambda*x"),
        (r"(\sigma) x + \frac{x}{\sigma}", "sigma*x + x/sigma"),
        (r"\sigma^2 x + \psi x", "sigma^2*x + psi*x"),
    ],
)
def test_names_that_nobody_declared(source, text):
    assert str(mc.parse_latex(source)) == text


def loops(sizes, term):
    """A sum over indices, one term at a time."""
    return sum(term(*at) for at in np.ndindex(*sizes))


@pytest.mark.parametrize(
    ("source", "by_hand"),
    [
        (r"\sum_{i,j} S_{ij} x_i z_j", lambda v: loops((4, 4), lambda i, j: v["S"][i, j] * v["x"][i] * v["z"][j])),
        (r"\sum_{i} \sum_{j} (x_i - z_j)^2", lambda v: loops((4, 4), lambda i, j: (v["x"][i] - v["z"][j]) ** 2)),
        (r"\sum_{i,j,k} T_{ij} T_{jk} T_{ki}", lambda v: np.trace(v["T"] @ v["T"] @ v["T"])),
        (r"\sum_i x_i \sum_j A_{ji} y_j", lambda v: loops((4, 3), lambda i, j: v["x"][i] * v["A"][j, i] * v["y"][j])),
        (r"\frac{\sum_i x_i z_i}{\sqrt{\sum_i x_i^2}}", lambda v: v["x"] @ v["z"] / np.sqrt(v["x"] @ v["x"])),
        (r"\sum_{i,j} \exp(-A_{ij}^2) y_i", lambda v: loops((3, 4), lambda i, j: np.exp(-(v["A"][i, j] ** 2)) * v["y"][i])),
        (r"\sum_{i} (A x)_i^2 + \sum_i T_{ii} x_i", lambda v: np.sum((v["A"] @ v["x"]) ** 2) + np.diag(v["T"]) @ v["x"]),
        (r"\sum_i T_{i2} x_i - \sum_j T_{1j}", lambda v: v["T"][:, 1] @ v["x"] - v["T"][0].sum()),
        (r"\sum_{i=1}^{n} c x_i / \|z\|_2", lambda v: v["c"] * v["x"].sum() / np.linalg.norm(v["z"])),
        (r"\sum_{i,j} |x_i - z_j|", lambda v: loops((4, 4), lambda i, j: abs(v["x"][i] - v["z"][j]))),
        (r"\sum_{i,j} \max(x_i, z_j)", lambda v: loops((4, 4), lambda i, j: max(v["x"][i], v["z"][j]))),
        (r"\sum_{i,j} \delta_{ij} x_i z_j", lambda v: v["x"] @ v["z"]),
        (r"\log \sum_i e^{x_i}", lambda v: np.log(np.exp(v["x"]).sum())),
    ],
)
def test_sums_against_loops(source, by_hand):
    e = mc.parse_latex(source, DECLARED)
    drawn = judge.draw(e, 7)
    plain = {name: np.squeeze(np.asarray(value)) for name, value in drawn.items()}
    assert_allclose(np.asarray(judge.value(e, drawn)).item(), by_hand(plain), rtol=1e-10)


def test_shapes_are_inferred_and_declared_in_every_way():
    e = mc.parse_latex(r"\|X w - y\|^2")
    assert {s.name: len(s.shape) for s in e.symbols} == {"X": 2, "w": 1, "y": 1}
    for declared in (DECLARED, {"A": A, "x": x}, [A, x], {"A": "[m,n]", "x": "[n]"}):
        assert mc.parse_latex("A x", declared) is A @ x
    assert mc.parse_latex(r"\Sigma x", {"Sigma": S, "x": x}) is S @ x
    assert mc.parse_latex(r"\sigma x", {"sigma": c, "x": x}) is c * x
    f = mc.function("f")
    assert mc.parse_latex(r"f(A x)", {"f": f, "A": A, "x": x}) is f(A @ x)
    bump = mc.elementwise("bump_in_latex", 1 / (1 + SLOTS[0] ** 2))
    assert mc.parse_latex(mc.latex(bump(x)), [bump, x]) is bump(x)


# ------------------------------------------------------------------ what is refused, and what is wrong
@pytest.mark.parametrize(
    ("source", "message", "column"),
    [
        (r"x +", "the text ends where an operand is missing", 4),
        (r"\lamda x", r"unknown command \lamda; did you mean \lambda", 1),
        (r"\operatorname{sofmax}(x)", "unknown function sofmax; did you mean softmax", 1),
        (r"f(x)", "f(...) may be a function or a product", 1),
        (r"x = y", "an expression has no =", 3),
        (r"(x + z", "this bracket is not closed", 1),
        (r"x + z)", "this ) closes no bracket", 6),
        (r"\left( x \right]", "this ( is not closed before the ]", 1),
        (r"\frac{x}{c", "this brace is not closed", 9),
        (r"\frac{x}", r"\frac needs its argument in braces", 9),
        (r"x^10", "TeX takes one digit only here", 3),
        (r"x^{(i)}", "may be an index or a power", 2),
        (r"c^2^3", "two superscripts", 4),
        (r"c/2x", "what is divided by is not clear", 4),
        (r"\log c (1 - c)", "how far the function reaches is not clear", 8),
        (r"\log c / 2", "how far the function reaches is not clear before /", 8),
        (r"\log_2 c", r"\log takes no subscript", 5),
        (r"\sin^{-1} c", "a power, as in", 5),
        (r"\sum x", "a sum needs its index", 1),
        (r"\sum_{i=0}^n x_i", "from 1", 8),
        (r"\sum_{i} A_{ij} x_i", "the index j is neither summed over nor free", 14),
        (r"\sum_i i x_i", "i is an index here", 8),
        (r"\prod_i x_i", "products over an index are not read", 1),
        (r"\frac{d}{dx} x", "a derivative is not part of an expression", 1),
        (r"\int x", "integrals are not read", 1),
        (r"e + c", "e is Euler's number only as", 1),
        (r"\|x\|_p", "is not known", 6),
        (r"c / \|x\| \|w\|", "what is divided by is not clear", 11),
        (r"\mathbb{E}[x]", "is not read", 1),
        (r"\epsilon + \varepsilon", "another font", 12),
        (r"x 2", "a number stands before a factor", 3),
        (r"\begin{bmatrix} x", "has no", 1),
        (r"\begin{foo} x", "the environment foo is not known", 1),
        (r"{A + B} x", "braces do not show", 1),
        (r"A & B \\ \foo", "unknown command", 10),
        ("x\n+ \\foo", "unknown command", 3),
    ],
)
def test_parse_errors_show_the_place(source, message, column):
    with pytest.raises(mc.ParseError) as caught:
        mc.parse_latex(source, DECLARED)
    assert message in str(caught.value)
    assert caught.value.column == column
    assert "^ line" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (r"A z y", mc.ShapeError, "cannot multiply A z (m x 1) by y (m x 1)"),
        (r"A + c", mc.ShapeError, r"b \mathbf{1}^\top"),
        (r"S + 1", mc.ShapeError, "a multiple of I, or of"),
        (r"x^2", mc.ShapeError, r"entrywise write ^{\odot p}"),
        (r"x / z", mc.OperandError, r"entrywise write \oslash"),
        (r"S \odot T x", mc.ShapeError, "which product comes first"),
        (r"S T \odot S", mc.ShapeError, "which product comes first"),
        (r"\|A\|", mc.UnsupportedError, r"\|X\|_F is the Frobenius norm"),
        (r"\operatorname{softmax}(A)", mc.UnsupportedError, r"write \operatorname{softmax}_{\text{rows}}"),
        (r"e^{x}", mc.UnsupportedError, r"entrywise write \exp(x)"),
        (r"x^*", mc.UnsupportedError, "a star on something real"),
        (r"Z^\dagger", mc.UnsupportedError, "Hermitian transpose"),
        (r"\langle Z, Z \rangle", mc.UnsupportedError, "may conjugate either side"),
        (r"c'", mc.ShapeError, "c is a scalar: this mark may be"),
        (r"\sum_i x_i x_i^\top", mc.ShapeError, "is an entry here, and has no transpose"),
        (r"\sum_{i} x_i y_i", mc.ShapeError, "an index of y_i runs over n elsewhere, but over m here"),
        (r"\sum_{i=1}^{m} x_i", mc.ShapeError, "an index of this sum runs to m and to n"),
        (r"\sum_i x_i A", mc.ShapeError, "a sum over indices is of scalars"),
        (r"\begin{bmatrix} A & S \end{bmatrix}", mc.ShapeError, "stand in one row"),
        (r"\max(c)", mc.MatcalcError, "takes 2 arguments, not 1"),
    ],
)
def test_what_does_not_fit(source, error, message):
    with pytest.raises(error) as caught:
        mc.parse_latex(source, DECLARED)
    assert message in str(caught.value)


def test_one_name_in_two_fonts_is_refused():
    with pytest.raises(mc.ParseError, match="another font"):
        mc.parse_latex(r"x^\top \mathbf{x}")


def test_bars_around_what_turns_out_square():
    with pytest.raises(mc.MatcalcError):
        mc.parse_latex(r"\operatorname{sum}(|A^\top B|)", "A[m,n] B[p,q]")


# ------------------------------------------------------------------ the way back
def declared_for(e: Expr) -> dict[str, object]:
    return {s.name: s for s in e.symbols} | {d: mc.dims(d) for d in "mnp"} | {"L": mc.function("L")}


def dimensions(e: Expr) -> set[str]:
    sizes = [d for node in postorder([e], lambda x: x.operands) for d in (node.rows, node.cols) if not isinstance(d, int)]
    return {s.name for d in sizes for s in d.free_symbols}


SIZELESS = ("Eye", "Ones", "Zeros", "UnitVector", "Selector", "Total", "LowerOnes")  # printed without their sizes


def require_same(e: Expr, got: Expr, seed: int) -> bool:
    """Whether the two were compared: a size that only a constant shows is not in the LaTeX."""
    if got is e:
        return True
    if not dimensions(got) <= dimensions(e):
        assert any(type(node).__name__ in SIZELESS for node in postorder([e], lambda x: x.operands)), str(e)
        return False
    given_values = judge.draw(e, seed)
    a, b = (np.asarray(judge.value(f, given_values)) for f in (e, got))
    if np.all(np.isfinite(a)):
        assert_allclose(b, a, rtol=1e-7, atol=1e-7 * max(1.0, float(np.max(np.abs(a), initial=0.0))), err_msg=f"{e}: {got}")
    return True


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_every_operator_is_read_back(name):
    compared = 0
    for number in range(6):
        e = random_with(random.Random(f"latex {name} {number}"), name, depth=1 + number % 2)
        compared += require_same(e, mc.parse_latex(mc.latex(e), declared_for(e)), number)
    assert compared or name in SIZELESS


@pytest.mark.parametrize("part", range(6))
def test_random_expressions_are_read_back(part):
    for seed in range(15):
        e = random_expr(random.Random(f"back {part} {seed}"), 3)
        require_same(e, mc.parse_latex(mc.latex(e), declared_for(e)), seed)


NAMES = [
    "W1",
    "lam",
    "lambda",
    "mu_0",
    "Sigma",
    "Alpha",
    "x_hat_2",
    "foo",
    "foo_bar_baz",
    "Ω",
    "ϑ",
    "Σx",
    "αβ",
    "größe",
    "א",
    "x²",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_read_back(name):
    s = mc.matrix(name, n, n)
    for e in (s, s.T @ x, mc.tr(s) * s, s[0, 1] * x, mc.exp(s)):
        assert mc.parse_latex(mc.latex(e), e.symbols) is e


def test_gradients_are_read_back():
    for f, by in (
        (mc.norm2(A @ x - y) ** 2, "x"),
        (mc.logdet(S) + mc.tr(mc.inv(S) @ T), "T"),
        (mc.sum(mc.log(1 + mc.exp(-(A @ x)))), "x"),
        (x.T @ S @ x / (x.T @ x), "x"),
        (mc.function("L")(A @ x), "x"),
    ):
        g = mc.grad(f, by)
        got = mc.parse_latex(mc.latex(g), f.symbols)
        assert got is g or mc.simplify(got - g) == mc.zeros(*g.shape) or mc.simplify(got) is mc.simplify(g)


# ------------------------------------------------------------------ any text, and long ones
PIECES = [
    r"\frac", "{", "}", "(", ")", r"\left(", r"\right)", "[", "]", "|", r"\|", "x", "A", "i", "1", "23", "^", "_",
    r"\top", "'", r"\sum_i", r"\sum_{i=1}^{n}", "x_i", "A_{ij}", r"\log", r"\det", r"\operatorname{tr}", r"\mathbf{1}",
    "I", "I_n", "e^", "T", r"\lambda", r"\sigma", r"\hat", r"\cdot", r"\odot", r"\otimes", r"\times", "/", "+", "-",
    ":", ",", "&", r"\\", r"\begin{bmatrix}", r"\end{bmatrix}", r"\sqrt", r"\nabla", r"\frac{\partial L}{\partial", "L",
    "K^{(m,n)}", r"\langle", r"\rangle", r"\max", r"\psi_", "=", "%", "$", r"\text{rows}", "_{:,1}", r"\overline",
    r"\foo", "\\", "é", r"\delta_{ij}", "!", r"\left", "^{-1}", "]_{ij}", "n",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join), st.text(max_size=30)), st.booleans())
def test_any_text_gives_an_expression_or_an_error_of_ours(source, declared):
    with suppress(mc.MatcalcError):
        assert isinstance(mc.parse_latex(source, DECLARED if declared else None), Expr)


@pytest.mark.parametrize(
    "source",
    [
        " + ".join(["S x"] * 2000),
        " ".join(["S"] * 2000) + " x",
        "{" * 2000 + "x" + "}" * 2000,
        "(" * 2000 + "x" + ")" * 2000,
        r"\frac{1}{" * 2000 + "c" + "}" * 2000,
        "c^{" * 2000 + "2" + "}" * 2000,
        r"\sqrt{" * 2000 + "c" + "}" * 2000,
        r"\log " * 2000 + "c",
        "c" * 20_000,
        "|" * 2000 + "c" + "|" * 2000,
        r"\hat{" * 500 + "x" + "}" * 500,
        r"\sum_i (" + " + ".join(["x_i^2"] * 500) + ")",
    ],
    ids=lambda s: s[:12],
)
def test_long_texts_need_no_recursion_and_little_time(source):
    start = time.perf_counter()
    assert isinstance(mc.parse_latex(source, DECLARED), Expr)
    assert time.perf_counter() - start < 20


def test_limits():
    with pytest.raises(mc.LimitError):
        mc.parse_latex("(" * 6000 + "x" + ")" * 6000)
    with pytest.raises(mc.LimitError):
        mc.parse_latex("x + " * 40_000 + "x")
    with pytest.raises(mc.OperandError):
        mc.parse_latex(3)
    with pytest.raises(mc.ParseError):
        mc.parse_latex("  ")
