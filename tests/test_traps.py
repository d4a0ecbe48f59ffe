"""Traps that earlier engines fell into, and questions that other tools get silently wrong."""

import judge
import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose

import matcalc as mc
from matcalc.expr import Symbol, substitute
from matcalc.ops import OPERATORS

A, B, C, S, Q, X = mc.symbols("A[m,n] B[n,p] C[n,n] S[n,n](symmetric) Q[n,n](psd) X[n,n]")
x, y, a, b, w, q = mc.symbols("x[n] y[n] a[n] b[n] w[n] q[n](positive)")
c, k, p = mc.symbols("c k(integer) p(positive)")


def right(f, *wrt):
    """The gradients by these symbols, all in one sweep, each compared with JAX's, every entry free."""
    found = mc.grad(f, list(wrt))
    given = judge.draw(f)
    wanted = judge.gradients(f, given, [s.name for s in wrt])
    for s, g in zip(wrt, found, strict=True):
        scale = max(1.0, np.max(np.abs(wanted[s.name])))
        assert_allclose(judge.run(mc.compile(g), given, g), wanted[s.name], rtol=1e-7, atol=1e-8 * scale, err_msg=str(g))
    return found[0] if len(found) == 1 else found


# ------------------------------------------------------------------ equality and factors
def test_networks_that_colour_refinement_cannot_tell_apart_stay_apart():
    f = mc.tr(C @ C @ C @ C @ C @ C) + mc.tr(C @ C @ C) ** 2
    short = mc.simplify(f)
    given = judge.draw(f)
    assert_allclose(judge.value(short, given), judge.value(f, given), rtol=1e-10)
    g = right(f, C)
    assert "tr(C^3)" in str(g)


def test_equal_factors_are_removed_by_position():
    assert right(mc.tr(X @ X), X) is mc.parse("2*X'", {"X": X})
    right(mc.tr(X @ X @ X @ C @ X), X)
    right(mc.sum(mc.multiply(X, mc.multiply(X, X @ X))), X)
    right(x.T @ x * (x.T @ x), x)


def test_facts_of_wrt_are_not_used_too_early():
    """The gradient by a symmetric S, all entries free, of a'*S'*b is b*a', not a*b'."""
    assert str(right(a.T @ S.T @ b, S)) == "b*a'"
    assert str(right(a.T @ S @ b, S)) == "a*b'"
    right(mc.tr(S @ C @ S.T), S)
    right(a.T @ mc.inv(Q).T @ b, Q)
    D = Symbol("D", C.dims, ("diagonal",))
    O = Symbol("O", C.dims, ("orthogonal",))  # noqa: E741
    right(a.T @ D.T @ b, D)
    right(mc.tr(O.T @ C @ O), O)
    u = Symbol("u", x.dims, ("unit",))
    right(mc.norm2(u) ** 2 + mc.norm2(u), u)
    s = Symbol("s", x.dims, ("positive", "simplex"))
    right(mc.sum(s) * (s.T @ x), s)


def text_wrt(text):
    return "X" if "X" in text else "x"


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("logdet(X)", {"X invertible"}),
        ("tr(inv(X)*C)", {"X invertible"}),
        ("norm2(C*x)", {"norm2(C*x) nonzero"}),
        ("normf(X)", {"normf(X) nonzero"}),
        ("sum(1./x)", {"x nonzero"}),
        ("sum(x.^c)", {"x positive"}),
        ("sum(log(x))", {"x positive"}),
        ("tr(X^k)", {"X invertible"}),
    ],
)
def test_conditions_are_stated(text, conditions):
    f = mc.parse(text, {s.name: s for s in (X, C, x, c, k)})
    stated = f.conditions + mc.grad(f, text_wrt(text)).conditions
    for condition in conditions:
        assert any(condition in s for s in stated), stated


# ------------------------------------------------------------------ size
LONG = 2000


def test_a_long_product():
    f = x.T @ mc.parse("*".join(["C"] * LONG), {"C": C}) @ y
    g = mc.grad(f, x)
    assert str(g) == f"C^{LONG}*y"


def test_a_long_product_of_different_matrices():
    parts = [Symbol(f"M{i}", C.dims, ()) for i in range(LONG)]
    f = x.T @ parts[0]
    for part in parts[1:]:
        f = f @ part
    assert mc.count_ops(mc.grad(f @ y, y)) == 2 * LONG + 3


def test_a_long_sum():
    parts = [Symbol(f"v{i}", x.dims, ()) for i in range(LONG)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    assert mc.count_ops(mc.grad(mc.norm2(total) ** 2, parts[7])) == 2 + 2 * LONG - 1


def test_deep_nesting():
    """The default recursion limit of Python is 1000."""
    f = x
    for _ in range(LONG):
        f = mc.tanh(f)
    g = mc.grad(mc.sum(f), x)
    assert g.node_count() > LONG
    call = mc.compile(g)
    assert call(x=np.array([0.1, 0.2])).shape == (2,)


def test_deep_text():
    with pytest.raises(mc.MatcalcError):
        mc.parse("(" * 100_000 + "x" + ")" * 100_000)


def test_a_long_sum_of_different_terms_in_time():
    f = mc.parse(" + ".join(f"sum(sin({i}*x))" for i in range(1, 200)), {"x": x})
    assert mc.grad(f, x).rows is x.rows


# ------------------------------------------------------------------ writing
def test_several_variables_in_one_sweep():
    W, V, h = mc.symbols("W[m,n] V[p,m] h[m]")
    right(mc.sum(mc.tanh(V @ mc.tanh(W @ x + h))), W, V, h, x)
    found = mc.grad(mc.sum(W @ x), {"weights": W, "input": "x"})
    assert list(found) == ["weights", "input"]


def test_sigmoid_keeps_its_name():
    g = right(mc.sum(mc.sigmoid(C @ x)), x)
    assert "sigmoid(C*x)" in str(g)
    assert "exp" not in str(g)
    assert "exp" not in str(right(mc.sum(mc.softplus(C @ x)), x))


def test_no_double_superscripts():
    for f in (
        mc.tr(C.T @ C.T @ B @ B.T),
        mc.tr(mc.inv(C.T) @ S),
        mc.tr((C.T) ** 3),
        mc.tr(mc.inv(C) ** 2),
        mc.sum(mc.power(C.T, 2)),
    ):
        for e in (f, mc.grad(f, f.symbols[0]), f.T, mc.inv(C).T, (C.T) ** 2, mc.pinv(A).T):
            tex = mc.latex(e)
            assert "}^" not in tex.replace(r"\right}^", "").replace(r"\left\{", ""), tex


def test_an_unspecified_loss():
    L = mc.function("L")
    W, Z, h = mc.symbols("W[m,n] Z[n,p] h[m]")
    f = mc.let("f", W @ Z + h)
    by_h, by_w, by_z = mc.grad(L(f), [h, W, Z])
    assert (str(by_h), str(by_w), str(by_z)) == ("dL(f)*ones(p)", "dL(f)*Z'", "W'*dL(f)")
    right(L(W @ Z + h), h, W, Z)
    right(L(W @ Z) ** 2 + L(mc.tanh(W)), W)


def test_a_variable_that_does_not_occur():
    assert str(mc.grad(mc.sum(x), A)) == "zeros(m,n)"


# ------------------------------------------------------------------ what others get silently wrong
@pytest.mark.parametrize(
    ("text", "wrt", "answer"),
    [
        ("log(det(Q))", "Q", "inv(Q)"),
        ("exp(tr(C*X))", "X", "exp(tr(C*X))*C'"),
        ("tr(X)^2 + 1", "X", "2*tr(X)*eye(n)"),
        ("tr(C.*X)", "X", "diag(diag(C))"),
        ("tr(X.^2)", "X", "2*diag(diag(X))"),
        ("tr((X + C)^2)", "X", "2*(C + X)'"),
        ("tr(X^k)", "X", "k*(X^(k - 1))'"),
        ("exp(-x'*C*x)", "x", None),
        ("a'*(x/norm2(x))", "x", None),
        ("log(sum(exp(C*x)))", "x", None),
        ("sum(q.*log(q))", "q", None),
        ("det(X)^3", "X", None),
        ("det(X'*C*X)", "X", None),
        ("tr(X'*X*X'*X)", "X", None),
        ("norm2(x)*norm2(y)/(x'*y)", "x", None),
        ("(x'*y)^2/(x'*x)", "x", None),
        ("sum((x*y').^2)", "x", None),
        ("sum(X,1)*sum(X,2)", "X", None),
        ("sum(diag(x)*C*diag(x))", "x", "(C + C')*x"),
        ("tr(diag(x)*C)", "x", "diag(C)"),
        ("sum(relu(C*x) - abs(x))", "x", None),
        ("norm1(C*x)", "x", None),
        ("c^c*sum(x)", "c", None),
        ("p^(x'*y)", "p", None),
        ("sum(x.^3)^(1/3)", "x", None),
        ("max(c, 2*c)", "c", None),
    ],
)
def test_known_stumbling_blocks(text, wrt, answer):
    known = {s.name: s for s in (A, B, C, S, Q, X, x, y, a, b, w, q, c, k, p)}
    if text.startswith(("c^c", "sum(x.^3)")):
        known |= {"c": mc.symbols("c(positive)"), "x": mc.symbols("x[n](positive)")}
    f = mc.parse(text, known)
    g = right(f, known[wrt])
    if answer is not None:
        assert mc.count_ops(g) <= mc.count_ops(mc.parse(answer, known)), str(g)


def test_an_entry_of_a_product():
    M, N = mc.symbols("M[3,4] N[4,2]")
    f = (M @ N)[0, 1]
    assert mc.grad(f, M).rows == 3
    right(f, M, N)


def test_sympy_functions_of_matrix_scalars():
    f = sp.log(mc.det(Q))
    assert str(mc.grad(f, Q)) == "inv(Q)"
    g = mc.grad(sp.exp(mc.tr(C @ X)) * sp.sin(c), [X, c])
    assert len(g) == 2


# ------------------------------------------------------------------ names that the engine could have used itself
def test_a_symbol_may_be_named_like_a_differential():
    """The engine's own placeholders have names that no symbol can have."""
    x, dx = mc.symbols("x[n] dx[n]")
    d = mc.derive(x.T @ dx, x)
    assert d.result is dx
    assert d.check().passed
    X, dA = mc.symbols("X[m,m] dA[m,m]")
    f = mc.tr(mc.kron(X, dA))
    assert str(mc.grad(f, X)) == "tr(dA)*eye(m)"
    assert mc.check(f, X).passed


# ------------------------------------------------------------------ found by the sweep of random questions
def test_a_diagonal_of_one_entry():
    """Where a dimension is set to 1, the delta of ``diag`` stands between two unit axes."""
    e = mc.sum(mc.sin(mc.diag(x)))
    one = substitute(e, {}, lambda d: 1)
    (s,) = one.symbols
    assert str(mc.simplify(mc.grad(one, s))) == "cos(x)"
    assert str(mc.hessian(one, s)) == "-sin(x)"


def test_a_second_derivative_by_a_scalar_stays_factored():
    f = mc.parse("exp(cos(b*(p/(p^2 + 1))^3 - p)/4)", "b p(positive)")
    v = mc.scalar("v")
    found = mc.hvp(f, "p", v)
    assert mc.count_ops(found) < 3 * mc.count_ops(mc.hessian(f, "p")) / 2


@pytest.mark.parametrize("text", ["norminf(reshape(vec(X),n,n))", "sum(B.*relu(reshape(vec(X),n,n)))"])
def test_a_second_derivative_that_vanishes_before_it_reaches_the_variable(text):
    """A gradient without the upstream factor in it was taken for one that is not linear."""
    h = mc.hessian(mc.parse(text, "X[n,n] B[n,n]"), "X", layout="tensor")
    assert str(h) == "tensor(zeros(n^2,n^2),n,n,n,n)"


def test_a_stacked_matrix_by_a_scalar_stays_stacked():
    """The derivative of a stacked matrix by a number was answered as that matrix."""
    f = mc.parse("u'*vec(A*sin(a))", "u[m*n] A[m,n] a")
    assert str(mc.hessian(f, "u", "a")) == "vec(cos(a)*A)"
    assert str(mc.jacobian(mc.parse("reshape(A*a,n,m)", "A[m,n] a"), "a")) == "reshape(A,n,m)"


def test_an_einsum_without_the_letters_of_unit_axes():
    """Where a dimension is set to 1, its letter is left out."""
    e = mc.parse('einsum("ik,jk,k->ij",A,B,x)', "A[m,n] B[p,n] x[n]")
    one = substitute(e, {}, lambda d: 1 if str(d) == "p" else d)
    assert (str(one.rows), one.cols) == ("m", 1)
    given = judge.draw(one)
    assert_allclose(judge.run(mc.compile(one), given, one), judge.value(one, given))


def test_kronecker_products_whose_parts_differ():
    """A trace of one whose rows and columns divide differently is refused; an entrywise product of two is an einsum."""
    B, A = mc.symbols("B[m,p] A[p,m]")
    with pytest.raises(mc.UnsupportedError, match="does not divide into entries"):
        mc.grad(mc.tr(mc.kron(B, A)), B)
    B, y, A, C = mc.symbols("B[n,m] y[m] A[n,m] C[p,n]")
    left, right = mc.kron(mc.khatrirao(B, y.T), C), mc.kron(A, C)
    assert mc.hessian(mc.sum(mc.exp(mc.multiply(left, right))), y).shape == y.shape * 2


@pytest.mark.parametrize("shift", ["", " .+ a"])
@pytest.mark.parametrize("n", [1, 4])
def test_eigenvector_derivatives_keep_rounding_out(n, shift):
    """The matrix that is inverted is singular but for rounding: no noise of it may be inverted, however it is written."""
    f = mc.parse(f"sum(w.*eigvecmax(10000*eye(n) + A{shift}))", "A[n,n](symmetric) w[n] a")
    rng = np.random.default_rng(5)
    a = rng.normal(size=(n, n))
    call = mc.compile(mc.grad(f, "A"))
    given = {"A": a + a.T, "w": rng.normal(size=n), "a": 0.5, "n": n}
    got = call(**{k: v for k, v in given.items() if k in call.names})
    assert np.max(np.abs(got)) < 10


def test_inverses_of_what_becomes_a_scalar():
    """A dimension that is set to 1 makes scalars of matrices: an inverse is a reciprocal then, in formulas and in code."""
    B, y = mc.symbols("B[n,n] y[n]")
    f = mc.inv(B @ B + mc.eye(B.rows)) @ y
    one = substitute(f, {}, lambda d: 1)
    assert str(one) == "1/(B*B + 1)*y"
    raw = OPERATORS["Inverse"](mc.scalar("c"))
    assert mc.compile(raw)(c=4.0) == 0.25


def test_entrywise_quotients_of_high_degree_end_soon():
    """Cancelling them multiplied out would take minutes."""
    x, y, z = mc.symbols("x[n] y[n] z[n]")
    below = mc.power(mc.power(mc.multiply(x, y), 3) - mc.power(mc.power(y, 2) + z, 3) + x, 4) + 1
    g = mc.grad(mc.sum(mc.divide(z, below)), y)
    assert mc.count_ops(g) < 200


def test_common_factors_cancel_and_are_not_divided_by():
    """A number times a sum is one sum to SymPy: divided by it, what does not cancel is 0/0 where the sum is 0."""
    y, c = mc.symbols("y[p] c")
    f = mc.minimum(c, y.T @ y) ** 2
    assert str(mc.jacobian(mc.grad(f, y), y)) == str(mc.hessian(f, y))
    assert np.all(mc.compile(mc.jacobian(mc.grad(f, y), y))(y=np.ones(2), c=0.5) == 0)
