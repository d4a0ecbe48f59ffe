"""Substituting, replacing, finding parts, collecting: the value follows, and what does not fit is refused."""

import random

import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose
from strategies import DIMS, random_expr

import matcalc as mc
from matcalc.dims import same_dim
from matcalc.expr import Symbol
from matcalc.knowledge import KNOWN, has_fact
from matcalc.node import postorder
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient

A, B, C, D, S, P, x, y, z, c, a, X = mc.symbols(
    "A[m,n] B[n,p] C[n,n] D[n,n] S[n,n](symmetric) P[n,n](psd) x[n] y[m] z[p] c a X[n,n]"
)
m, n, p = mc.dims("m n p")
L = mc.function("L")


# ------------------------------------------------------------------ substituting
@pytest.mark.parametrize(
    ("e", "old", "new", "expected"),
    [
        (mc.norm2(A @ x) ** 2, x, B @ z, mc.norm2(A @ B @ z) ** 2),
        (mc.norm2(A @ x) ** 2, "x", B @ z, mc.norm2(A @ B @ z) ** 2),
        (c * x + a * x, c, a, a * x + a * x),
        (c * x, c, 3, 3 * x),
        (mc.exp(c), c, mc.norm2(x), mc.exp(mc.norm2(x))),
        (A @ x - y, A @ x, y, y - y),
        (B.T @ C @ x, C @ x, x, B.T @ x),
        (x + C @ x + mc.ones(n), x + mc.ones(n), C @ x, C @ x + C @ x),
        (mc.inv(C) @ x + mc.inv(C).T @ x, mc.inv(C), D, D @ x + D.T @ x),
        (x.T @ S @ x, S, C + C.T, x.T @ (C + C.T) @ x),
        (x.T @ S @ x, S, C @ C.T, x.T @ C @ C.T @ x),
        (mc.logdet(P), P, C @ C.T + mc.eye(n), mc.logdet(C @ C.T + mc.eye(n))),
        (L(A @ x), L, lambda r: r.T @ r, (A @ x).T @ (A @ x)),
        (L(A @ x), "L", (y, mc.sum(mc.exp(y))), mc.sum(mc.exp(A @ x))),
        (L(A @ x), L, mc.function("M"), mc.function("M")(A @ x)),
    ],
)
def test_substitute(e, old, new, expected):
    assert mc.substitute(e, old, new) is expected
    assert mc.substitute(e, {old: new}) is expected
    assert e.subs(old, new) is e.subs({old: new}) is expected


def test_a_named_part():
    r = mc.let("r", A @ x)
    assert mc.norm2(r).subs("r", y) is mc.norm2(y)
    assert mc.norm2(r).subs(x, B @ z) is mc.norm2(mc.let("r", A @ B @ z))


def test_all_at_the_same_time():
    assert (c * x.T @ C @ x + a).subs({c: a, a: c}) == a * x.T @ C @ x + c
    assert (C @ D).subs({C: D, D: C}) is D @ C


def test_the_gradient_of_a_function_follows():
    f = L(A @ x)
    g = mc.grad(f, x)
    for loss in (lambda r: mc.norm2(r) ** 2, lambda r: mc.sum(mc.exp(r)), lambda r: mc.logsumexp(r)):
        left, right = g.subs(L, loss), mc.grad(f.subs(L, loss), x)
        given = judge.draw(right, 2)
        assert_allclose(judge.value(left, given), judge.value(right, given), rtol=1e-10)


def test_dimensions():
    assert (A @ x).subs("n", 3).symbols == (mc.matrix("A", m, 3), mc.vector("x", 3))
    assert (A @ x).subs({"m": 2, n: 3}).shape == (2,)
    assert (mc.sum(x) / n).subs(n, 4) == mc.sum(mc.vector("x", 4)) / 4
    assert (mc.ones(m, n)).subs({m: n, n: m}) is mc.ones(n, m)
    assert mc.eye(n * (n + 1) / 2).subs(n, 3) is mc.eye(6)
    assert (A @ x + y).subs({x: mc.vector("u", 3), n: 3}).symbols[1].shape == (3,)
    assert mc.block([[C, x], [x.T, c]]).subs(n, 2).shape == (3, 3)
    assert mc.K(m, n).subs({m: 2, n: 3}) is mc.K(2, 3)
    assert (A @ x).subs(n, 1).shape == (m,)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda: (A @ x).subs(x, z), mc.ShapeError, r"cannot put z (p x 1) in the place of x (n x 1)"),
        (lambda: (A @ x).subs(x, 0), mc.ShapeError, "cannot put 0 (scalar) in the place of x (n x 1)"),
        (lambda: (A @ x).subs({x: mc.vector("u", n), "n": 3}), mc.ShapeError, "after the dimensions were replaced"),
        (lambda: (x.T @ S @ x).subs(S, C), mc.OperandError, "declared symmetric, which C is not known to be"),
        (lambda: mc.logdet(P).subs(P, S), mc.OperandError, "declared psd"),
        (lambda: (A @ x).subs(x, mc.vector("w", n, complex=True)), mc.OperandError, "x (n x 1) is real, which w is not"),
        (lambda: (A @ x).subs("q", 3), mc.OperandError, "'q' is not in A*x; its names: A, x, m, n"),
        (lambda: (A @ x).subs(3, 4), mc.OperandError, "3 cannot be replaced"),
        (lambda: (A @ x).subs(x), mc.OperandError, "what is replaced and what replaces it"),
        (lambda: (A @ x).subs(n, 0), mc.ShapeError, "at least 1"),
        (lambda: x[4].subs(n, 3), mc.ShapeError, "no row 5"),
        (lambda: L(x).subs(L, lambda r: r), mc.ShapeError, "L is a scalar-valued function"),
        (lambda: L(x).subs(L, (y, mc.sum(y))), mc.ShapeError, "L is given as a function of y (m x 1)"),
        (lambda: L(x).subs(L, 3), mc.OperandError, "a callable"),
        (lambda: (x + mc.vector("x", n, positive=True)).subs("x", x), mc.OperandError, "names 2 things"),
    ],
)
def test_what_cannot_be_substituted(change, error, message):
    with pytest.raises(error) as caught:
        change()
    assert message in str(caught.value)


def test_attributes_may_be_taken_for_granted():
    assert (x.T @ S @ x).subs(S, C, trust=True) is x.T @ C @ x
    assert mc.substitute(mc.logdet(P), {P: C}, trust=True) is mc.logdet(C)


@pytest.mark.parametrize("seed", range(40))
def test_substituting_commutes_with_evaluating(seed):
    rng = random.Random(f"substitute {seed}")
    e = random_expr(rng, 3)
    if not e.symbols or any(isinstance(f, (Unspecified, UnspecifiedGradient)) for f in postorder([e], lambda f: f.operands)):
        return
    s = rng.choice(e.symbols)
    new = mc.exp(Symbol("N", s.dims, ())) if s.facts else mc.sin(Symbol("N", s.dims, ())) + s
    got = e.subs(s, new)
    given = judge.draw(got, seed)
    want = dict(given)
    want.setdefault(s.name, 0)
    want[s.name] = np.asarray(judge.value(new, {**given, s.name: given.get(s.name)}))
    assert_allclose(judge.value(got, given), judge.value(e, want), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_a_dimension_may_be_any_number(seed):
    rng = random.Random(f"dimension {seed}")
    e = random_expr(rng, 3)
    got = e.subs({d.name: k for d, k in zip(DIMS, (3, 4, 2), strict=True) if d.name in _dims(e)})
    assert not _dims(got)
    if not any(isinstance(f, (Unspecified, UnspecifiedGradient)) for f in postorder([e], lambda f: f.operands)):
        given = judge.draw(e, seed)
        assert_allclose(judge.value(got, given), judge.value(e, given), rtol=1e-9, atol=1e-9)


def _dims(e):
    sizes = [d for f in postorder([e], lambda f: f.operands) for d in (f.rows, f.cols) if not isinstance(d, int)]
    sizes += [f.value for f in postorder([e], lambda f: f.operands) if hasattr(f, "value")]
    return {s.name for d in sizes for s in d.free_symbols if s in DIMS}


def test_deep_expressions():
    e = x
    for _ in range(3000):
        e = C @ (e + x)
    assert e.subs(C, D).node_count() == e.node_count()
    assert e.replace(C, D) is e.subs(C, D)


FACTS = {
    "symmetric": [C + C.T, C @ C.T, S, mc.eye(n), mc.diag(x), P],
    "psd": [
        mc.eye(n),
        P,
        2 * P,
        P + C @ C.T,
        mc.inv(P),
        P / (1 + c**2),
        mc.diag(mc.exp(x)),
        C.T @ P @ C + mc.eye(n),
        mc.kron(P, P),
    ],
    "invertible": [P, mc.inv(P), P @ P, P.T],
    "diagonal": [mc.eye(n), mc.diag(x), mc.diag(x) @ mc.diag(x), mc.multiply(C, mc.eye(n))],
    "lower_triangular": [mc.tril(C), mc.tril(C) @ mc.tril(D), mc.diag(x)],
    "skew": [C - C.T],
    "positive": [mc.exp(x), 1 + mc.power(x, 2), mc.softmax(x)],
    "unit": [x / mc.norm2(x), mc.e(2, n)],
    "simplex": [mc.softmax(x), mc.softmax(C, 1)],
    "orthogonal": [mc.eye(n), mc.matrix("Q", n, n, orthogonal=True).T],
    "zero_diagonal": [C - C.T, mc.zeros(n, n)],
}
TESTS = {
    "symmetric": lambda v: np.allclose(v, v.T),
    "psd": lambda v: np.allclose(v, v.T) and np.linalg.eigvalsh(v).min() > 0,
    "invertible": lambda v: abs(np.linalg.det(v)) > 1e-12,
    "diagonal": lambda v: np.allclose(v, np.diag(np.diag(v))),
    "lower_triangular": lambda v: np.allclose(v, np.tril(v)),
    "skew": lambda v: np.allclose(v, -v.T),
    "positive": lambda v: bool((v > 0).all()),
    "unit": lambda v: np.isclose(np.sum(v**2), 1),
    "simplex": lambda v: np.allclose(v.sum(axis=None if 1 in v.shape else 1), 1) and bool((v >= 0).all()),
    "orthogonal": lambda v: np.allclose(v @ v.T, np.eye(len(v))),
    "zero_diagonal": lambda v: np.allclose(np.diag(v), 0),
}


@pytest.mark.parametrize("fact", sorted(FACTS))
def test_what_is_known_is_true(fact):
    for e in FACTS[fact]:
        assert has_fact(e, fact), e
        assert TESTS[fact](np.asarray(judge.value(e, judge.draw(e, 4)))), e


@pytest.mark.parametrize("seed", range(60))
def test_what_is_known_of_random_expressions_is_true(seed):
    e = random_expr(random.Random(f"facts {seed}"), 2)
    value = np.asarray(judge.value(e, judge.draw(e, seed)))
    for fact in TESTS:
        square = same_dim(e.rows, e.cols)
        if has_fact(e, fact) and (square or fact in ("positive", "unit", "simplex")) and np.all(np.isfinite(value)):
            assert TESTS[fact](value), (fact, e)
    assert set(TESTS) <= set(KNOWN)


# ------------------------------------------------------------------ replacing, finding
def test_replace():
    V, W = mc.wild("V", "n", "n"), mc.wild("W", "n", "n")
    assert mc.replace(mc.inv(C @ D) @ x, mc.inv(V @ W), mc.inv(W) @ mc.inv(V)) is mc.inv(D) @ mc.inv(C) @ x
    assert mc.tr(C).replace(mc.tr(V), lambda found: mc.sum(mc.diag(found[V]))) is mc.sum(mc.diag(C))
    assert (mc.exp(C @ x) + x).replace(lambda e: mc.sin(e.arg) if type(e).__name__ == "Exp" else None) is mc.sin(C @ x) + x
    assert (C @ x).replace(x, C @ x) is C @ C @ x
    with pytest.raises(mc.ShapeError, match="cannot put y"):
        (C @ x).replace(x, y)
    with pytest.raises(mc.OperandError, match="a pattern and what it becomes"):
        (C @ x).replace(x)


def test_atoms():
    e = mc.inv(C) @ mc.exp(x) + 2 * x
    assert e.atoms() == {C, x}
    assert e.atoms("inv") == {mc.inv(C)}
    assert e.atoms(Symbol, "exp") == {C, x, mc.exp(x)}
    assert (A @ x).atoms("inv") == set()
    with pytest.raises(mc.OperandError, match="neither a class nor the name of an operator"):
        e.atoms("foo")


# ------------------------------------------------------------------ collecting
@pytest.mark.parametrize(
    ("e", "by", "text"),
    [
        (C @ x + D @ x, x, "(C + D)*x"),
        (C @ x - D @ x + mc.ones(n), "x", "(C - D)*x + ones(n)"),
        (C @ x + x, x, "(C + eye(n))*x"),
        (c * x + a * x, x, "(c + a)*x"),
        (c * C @ x + 2 * D @ x, x, "(c*C + 2*D)*x"),
        (C @ X @ D + S @ X @ D, X, "(C + S)*X*D"),
        (C @ X @ D + C @ X @ S, X, "C*X*(D + S)"),
        (C @ X + D @ X + X @ S, X, "(C + D)*X + X*S"),
        (X.T @ C @ X + X.T @ D @ X, X, "X'*(C + D)*X"),
        (x.T @ C @ x + x.T @ D @ x, x, "x'*(C + D)*x"),
        (mc.tr(C @ X) + mc.tr(X @ D), X, "tr((C + D)*X)"),
        (mc.tr(C @ X.T) + mc.tr(D @ X), X, "tr((C' + D)*X)"),
        (mc.tr(C @ X @ D @ X) + mc.tr(S @ X @ D @ X), X, "tr((C + S)*X*D*X)"),
        (x.T @ mc.ones(n) + mc.ones(n).T @ C @ x, x, "(ones(n)' + ones(n)'*C)*x"),
        (mc.multiply(C, X) + mc.multiply(D, X), X, "(C + D).*X"),
        (C @ mc.exp(x) + D @ mc.exp(x), x, "(C + D)*exp(x)"),
        ((C + D) @ x + S @ x, x, "(C + D + S)*x"),
        (C @ mc.inv(S) + D @ mc.inv(S), mc.inv(S), "(C + D)*inv(S)"),
        (c**2 * a + c * a + 3 * c**2 + 1, c, "c^2*(a + 3) + a*c + 1"),
        (c**2 * C + c * D + c**2 * D, c, "c^2*(C + D) + c*D"),
        (C @ x, "x", "C*x"),
    ],
)
def test_collect(e, by, text):
    got = mc.collect(e, by)
    assert mc.simplify(got) is mc.simplify(mc.parse(text, e.symbols)) or str(got) == text, got
    given = judge.draw(e, 1)
    assert_allclose(judge.value(got, given), judge.value(e, given), rtol=1e-10, atol=1e-10)
    assert got.cost <= e.cost + 2


@pytest.mark.parametrize("seed", range(60))
def test_collecting_keeps_the_value(seed):
    rng = random.Random(f"collect {seed}")
    e = random_expr(
        rng, 3, operators=["Add", "Product", "Hadamard", "Transpose", "Trace", "Exp", "Quotient", "Power", "Inverse", "Diag"]
    )
    for s in e.symbols:
        got = mc.collect(e, s)
        given = judge.draw(e, seed)
        assert_allclose(judge.value(got, given), judge.value(e, given), rtol=1e-8, atol=1e-8, err_msg=f"{e} by {s}: {got}")


def test_collect_refuses():
    with pytest.raises(mc.OperandError, match="is not a symbol of"):
        mc.collect(C @ x, "q")
    many = x
    for _ in range(16):
        many = (C + D) @ many
    with pytest.raises(mc.LimitError):
        mc.collect(many, x)
