"""Taylor polynomials: what they look like, and that the remainder is of the next order."""

import judge
import numpy as np
import pytest

import matcalc as mc
from matcalc.expr import Symbol

A, B, S, X, x, y, c, b, w = mc.symbols("A[n,n] B[n,n] S[n,n](psd) X[n,n] x[n] y[m] c b[n] W[m,n]")
n, m = mc.dims("n m")
SIZES = {"n": 3, "m": 2}


@pytest.mark.parametrize(
    ("f", "by", "at", "order", "text"),
    [
        (mc.exp(c), c, 0, 4, "1 + c + c^2/2 + c^3/6 + c^4/24"),
        (mc.sin(c), c, 0, 5, "c - c^3/6 + c^5/120"),
        (x.T @ A @ x, x, 0, 2, "x'*A*x"),
        (mc.log(1 + c), c, 0, 3, "c - c^2/2 + c^3/3"),
        (A @ x, x, "a", 3, "A*a + A*(x - a)"),
        (mc.inv(mc.eye(n) - X), X, 0, 3, "eye(n) + X + X^2 + X^3"),
        (mc.logdet(X), X, "B", 1, "logdet(B) + tr(inv(B)*(X - B))"),
        (mc.exp(x), x, 0, 2, "1 .+ x + x.^2/2"),
        (mc.expm(X), X, 0, 1, "eye(n) + X"),
        (x.T @ x, x, "a", 0, "a'*a"),
        (w @ x, w, "v", 3, "v*x + (W - v)*x"),
        (mc.sum(mc.log(1 + x)), x, 0, 2, "sum(x) - x'*x/2"),
        (mc.logdet(mc.eye(n) + X), X, 0, 2, "tr(X) - tr(X^2)/2"),
        (mc.softmax(x), x, 0, 0, "ones(n)/n"),
    ],
)
def test_form(f, by, at, order, text):
    got = mc.taylor(f, by, at, order)
    known = {"a": mc.vector("a", n), "n": n, **{s.name: s for s in got.symbols}}
    assert mc.simplify(got) is mc.simplify(mc.parse(text, known)), got


FUNCTIONS = [
    (mc.sum(mc.exp(A @ x)), "x"),
    (mc.log(1 + x.T @ S @ x), "x"),
    (mc.norm2(A @ x - b) ** 2, "x"),
    (mc.norm2(A @ x - b), "x"),
    (mc.tanh(w @ x), "x"),
    (mc.softmax(A @ x), "x"),
    (mc.exp(x.T @ A @ x) * (w @ x), "x"),
    (mc.logdet(S + X @ X.T), "X"),
    (mc.inv(S + X @ X.T), "X"),
    (mc.tr(mc.expm(X)), "X"),
    (X @ A @ X @ B, "X"),
    (mc.sin(c) * x, "c"),
    (mc.logdet(S), "S"),
    (mc.multiply(X, X.T) / (1 + mc.normf(X) ** 2), "X"),
]


def values_at(e, given):
    return np.asarray(judge.value(e, given, SIZES))


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize(("f", "name"), FUNCTIONS, ids=[str(f) for f, _ in FUNCTIONS])
def test_the_remainder_is_of_the_next_order(f, name, order):
    """Halving the change divides the remainder by two to the order plus one."""
    wrt = next(s for s in f.symbols if s.name == name)
    at = Symbol("P0", wrt.dims, wrt.facts)
    try:
        polynomial = mc.taylor(f, wrt, at, order)
    except mc.UnsupportedError:
        assert order >= 2
        pytest.skip("a higher derivative has no form here")
    assert polynomial.shape == f.shape
    given = judge.draw(f, 3, SIZES)
    given["P0"] = np.asarray(given[name]) * 0.5 if wrt.facts else np.asarray(judge.draw_symbol(at, 5, SIZES)) * 0.5
    direction = np.random.default_rng(1).normal(size=given["P0"].shape) * 0.3
    if wrt.facts:
        direction = direction + direction.T

    def remainder(step):
        given[name] = given["P0"] + step * direction
        return float(np.max(np.abs(values_at(f, given) - values_at(polynomial, given))))

    large, small = remainder(0.02), remainder(0.01)
    assert small < 0.1
    assert large < 1e-11 or small < 1e-12 or np.log2(large / small) > order + 0.5


def test_several_symbols():
    f = x.T @ A @ b + mc.exp(c) * mc.sum(x)
    got = mc.taylor(f, [x, b, c], ["x0", "b0", "c0"], 2)
    assert {s.name for s in got.symbols} == {"A", "x", "b", "c", "x0", "b0", "c0"}
    given = judge.draw(got, 1, SIZES)
    base = {s: np.asarray(given[f"{s}0"]) for s in "xbc"}
    moves = {s: np.asarray(given[s]) - base[s] for s in "xbc"}

    def remainder(step):
        for s in "xbc":
            given[s] = base[s] + step * moves[s]
        return float(abs(values_at(f, given) - values_at(got, given)).max())

    assert np.log2(remainder(0.02) / remainder(0.01)) == pytest.approx(3, abs=0.3)
    assert mc.taylor(f, {"p": x, "q": b}, {"p": 0, "q": 0}, 2) == mc.taylor(f, [x, b], 0, 2)


def test_what_is_refused():
    with pytest.raises(mc.ShapeError, match=r"the point y \(m x 1\) must have the shape of x, which is n x 1"):
        mc.taylor(x.T @ x, x, y)
    with pytest.raises(mc.NotDifferentiableError, match="norm2"):
        mc.taylor(mc.norm2(x), x, 0)
    with pytest.raises(mc.NotDifferentiableError):
        mc.taylor(mc.log(c), c, 0)
    with pytest.raises(mc.NotDifferentiableError):
        mc.taylor(mc.sqrt(c), c, 0, 1)
    with pytest.raises(mc.NotDifferentiableError):
        mc.taylor(mc.inv(X), X, 0)
    for order in (-1, 1.5, True, "2"):
        with pytest.raises(mc.OperandError, match="the order is a number from 0"):
            mc.taylor(x.T @ x, x, 0, order)
    with pytest.raises(mc.LimitError):
        mc.taylor(x.T @ x, x, 0, 99)
    with pytest.raises(mc.OperandError, match="2 symbols, and 1 points"):
        mc.taylor(x.T @ b, [x, b], ["a"])
    with pytest.raises(mc.OperandError, match="a name other than x"):
        mc.taylor(x.T @ x, x, "x")


def test_attributes_of_a_new_point_are_those_of_the_symbol():
    got = mc.taylor(mc.logdet(S), S, "R", 1)
    assert next(s for s in got.symbols if s.name == "R").has("psd")
