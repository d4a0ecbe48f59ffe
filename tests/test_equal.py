"""``mc.equal``: what it proves is true, what it refutes it shows, and it never guesses."""

import random

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose
from strategies import DIMS, SHAPES, Builder

import matcalc as mc
from matcalc.expr import Number
from matcalc.judging.compare import Comparison
from matcalc.judging.points import random_points, small_points

D = "A[m,n] B[n,m] P[n,n] Q[n,n] x[n] y[n] b[m] c d S[n,n](symmetric) W[n,n](psd) p[n](positive) u[n](unit) k(integer)"


def verdict(a, b, declared=D, **how):
    return mc.equal(a, b, declared, **how).verdict


# ------------------------------------------------------------------ identities
PROVED = [
    ("x'*P*y", "y'*P'*x"),
    ("tr(A*B)", "tr(B*A)"),
    ("S*x", "S'*x"),
    ("(A*B)'", "B'*A'"),
    ("(P + Q)*(P - Q)", "P*P - P*Q + Q*P - Q*Q"),
    ("inv(P)*P*x", "x"),
    ("norm2(x)^2", "x'*x"),
    ("tr(P'*Q)", "sum(P.*Q)"),
    ("diag(x)*y", "x.*y"),
    ("sum(A*x)", "ones(m)'*A*x"),
    ("x'*S*y - y'*S*x", "0"),
    ("logdet(inv(W))", "-logdet(W)"),
    ("(c + d)^2", "c^2 + 2*c*d + d^2"),
    ("exp(x + y)", "exp(y + x)"),
    ("P*(x + y)/c", "P*x/c + P*y/c"),
    ("vec(A*P*B)", "kron(B',A)*vec(P)"),
    ("K(m,n)*vec(A)", "vec(A')"),
    ("kron(P,Q)*kron(A',Q)", "kron(P*A',Q*Q)"),
    ("kron(x,y)", "vec(y*x')"),
    ("L(P*x + 0*y)", "L(P*x)"),
]
AGREE = [
    ("inv(P*Q)", "inv(Q)*inv(P)"),
    ("det(P*Q)", "det(P)*det(Q)"),
    ("softmax(x .+ c)", "softmax(x)"),
    ("inv(P + x*y')", "inv(P) - inv(P)*x*y'*inv(P)/(1 + y'*inv(P)*x)"),
    ("log(c^2)", "2*log(c)"),
    ("exp(c)*exp(-c)", "1"),
    ("tr(sqrtm(W)*sqrtm(W))", "tr(W)"),
    ("det(x*x' + y*y')", "det(y*y' + x*x')"),
    ("u'*u*x", "x"),
    ("sign(c)^2", "1"),
    ("exp(300*c)*exp(-300*c)", "1"),
    ("abs(p)", "p"),
    ("normf(A)", "sqrt(tr(A*A'))"),
]
REFUTED = [
    ("A*x", "2*A*x"),
    ("P*x", "P'*x"),
    ("P*Q", "Q*P"),
    ("det(-P)", "det(P)"),
    ("abs(c)", "c"),
    ("max(c,6)", "c"),
    ("relu(c)", "c"),
    ("sqrt(c^2)", "c"),
    ("inv(P + Q)", "inv(P) + inv(Q)"),
    ("tr(P*Q)", "tr(P)*tr(Q)"),
    ("expm(P + Q)", "expm(P)*expm(Q)"),
    ("P^k", "P^2"),
    ("L(P*x)", "L(P'*x)"),
    ("c/1000000", "c/1000001"),
    ("c + 1", "c"),
    ("u", "2*u"),
    ("sum(x)/n", "sum(x)/2"),
    ("x'*x", "(x'*x)^2"),
    ("vstack(10000000000*x, y)", "vstack(10000000000*x, 2*y)"),
]


@pytest.mark.parametrize(("a", "b"), PROVED)
def test_proved(a, b):
    assert verdict(a, b) == "proved"


@pytest.mark.parametrize(("a", "b"), PROVED + AGREE)
def test_equal(a, b):
    found = mc.equal(a, b, D)
    assert found, found
    assert found.witness is None
    assert found.error <= 1e-9
    assert len(found.sizes) == found.trials <= 8


@pytest.mark.parametrize(("a", "b"), REFUTED)
def test_refuted_with_a_witness(a, b):
    """The two values of a witness are those of the formulas at the witness, and differ."""
    found = mc.equal(a, b, D)
    assert not found
    assert found.verdict == "refuted"
    w = found.witness
    assert str(w) in str(found)
    one, other = (mc.parse(t, D) for t in (a, b))
    if "L(" in a:
        return
    for e, value in ((one, w.left), (other, w.right)):
        call = mc.compile(e)
        assert_allclose(call(**{name: {**w.dims, **w.arrays}[name] for name in call.names}), value)
    assert np.max(np.abs(np.asarray(w.left) - w.right)) > 1e-12 * np.max(np.abs(w.left))


def test_witnesses_are_small():
    w = mc.equal("P*x", "P'*x", D).witness
    assert w.dims == {"n": 2}
    assert all(np.array_equal(a, np.round(a)) for a in w.arrays.values())
    assert mc.equal("c^2", "c", D).witness.arrays.keys() == {"c"}
    X, Y = mc.symbols("X[20,20] Y[20,20]")
    assert "entry (" in str(mc.equal(X @ Y, Y @ X))
    assert len(str(mc.equal(X @ Y, Y @ X))) < 200
    assert str(mc.equal("c + 1", "c", D)) == "not the same function: with c = 3 the first is 4 and the second is 3"


# ------------------------------------------------------------------ shapes, declarations, domains
def test_shapes():
    A, x, y = mc.symbols("A[m,n] x[n] y[m]")
    found = mc.equal(A @ x, x.T)
    assert (found.verdict, found.witness) == ("refuted", None)
    assert found.reason == "A*x is m x 1, but x' is 1 x n"
    assert mc.equal(x, y).verdict == "refuted"
    assert mc.equal(mc.tensor("T", 2, 3, 4), mc.tensor("U", 2, 4, 3)).verdict == "refuted"
    assert mc.equal(mc.matrix("Z", 1, 1), mc.matrix("Z", 1, 1)).verdict == "proved"
    assert mc.equal(mc.sum(x), mc.reshape(mc.sum(x), 1, 1)).verdict == "proved"


def test_tensors():
    T = mc.tensor("T", mc.dims("m"), 3, 2)
    assert mc.equal(T + T, 2 * T).verdict == "proved"
    assert mc.equal(T, 2 * T).verdict == "refuted"


def test_numbers_and_names():
    x = mc.vector("x", 3)
    f = mc.let("f", x + x)
    assert mc.equal(f, 2 * x).verdict == "proved"
    assert mc.equal(sp.Rational(1, 2), 0.5).verdict == "proved"
    assert not mc.equal(1, 2)


def test_one_name_is_one_symbol():
    x, other = mc.vector("x", 3), mc.vector("x", 3, unit=True)
    with pytest.raises(mc.OperandError, match=r"x is declared in two ways: x \(3 x 1\) with no attributes, and"):
        mc.equal(x, other)


@pytest.mark.parametrize("how", [{"trials": 0}, {"trials": True}, {"seed": -1}])
def test_bad_counts(how):
    with pytest.raises(mc.OperandError):
        mc.equal("x", "x", **how)


def test_nothing_is_guessed():
    with pytest.raises(mc.UnsupportedError, match="no random point was found at which both have a value"):
        mc.equal("log(-c^2)", "c", D)
    assert verdict("log(-c^2)", "log(-c*c)") == "proved"


def test_attributes_count():
    assert verdict("sqrt(p.^2)", "p") in ("proved", "numerical")
    assert verdict("sqrt(x.^2)", "x") == "refuted"
    assert mc.equal("Q'*Q", "eye(n)", "Q[n,n](orthogonal)")
    assert mc.equal("sum(q)", "1", "q[n](simplex)")
    assert mc.equal("tr(Z^H*Z)", "normf(Z)^2", "Z[m,n](complex)")
    assert not mc.equal("tr(Z'*Z)", "normf(Z)^2", "Z[n,n](complex)")


def test_texts_share_their_names():
    x = mc.vector("x", 4)
    assert mc.equal("x'*x", mc.norm2(x) ** 2).verdict == "proved"
    assert mc.equal("A*x", "x").reason == "A*x is m x 1, but x is n x 1"
    assert mc.equal("x'*y", "y'*x").verdict == "proved"
    assert mc.equal("sum(A*x) + sum(y)", "sum(y) + x'*A'*ones(m)").verdict in ("proved", "numerical")


# ------------------------------------------------------------------ rounding
def test_rounding_is_no_difference():
    assert mc.equal("(c + 100000000*d) - 100000000*d", "c", D)
    hilbert = mc.parse("inv(inv(P*P*P))", D)
    assert mc.equal(hilbert, mc.parse("P*P*P", D))
    assert mc.equal("det(x*x' + y*y')", "0*sum(x)", "x[3] y[3]").verdict == "numerical"


def test_one_entry_is_a_size_too():
    assert mc.equal("det(x*x')", "0*sum(x)", "x[n]").witness.dims == {"n": 1}
    assert mc.equal("det(x*x')", "0*sum(x)", "x[2]").verdict == "numerical"


def test_small_values_count():
    """A difference between tiny values is one; one that cancellation leaves is none."""
    c = mc.scalar("c")
    tiny = Number(sp.Rational(1, 10**15))
    assert not mc.equal(tiny * c, 2 * tiny * c)
    point = next(small_points([c], 0))
    assert Comparison(c * tiny, c * tiny + tiny * c / 10**12).at(point).agree


# ------------------------------------------------------------------ points
def test_points_have_sizes_of_both_parities_and_orders():
    A = mc.symbols("A[m,n]")
    sizes = [next(iter(t)).size_names for t in random_points([A], 6, 0)]
    assert {s["m"] % 2 for s in sizes} == {s["n"] % 2 for s in sizes} == {0, 1}
    assert {np.sign(s["m"] - s["n"]) for s in sizes} == {-1, 1}


STRUCTURES = ("symmetric", "psd", "diagonal", "orthogonal", "skew", "lower_triangular", "toeplitz", "zero_diagonal")


@pytest.mark.parametrize("fact", STRUCTURES)
def test_small_points_have_the_facts(fact):
    S = mc.symbols(f"S[n,n]({fact})")
    for point in small_points([S], 1):
        a = point.values["S"]
        n = len(a)
        holds = {
            "symmetric": np.array_equal(a, a.T),
            "psd": np.array_equal(a, a.T) and np.all(np.linalg.eigvalsh(a) > 0),
            "diagonal": np.array_equal(a, np.diag(np.diag(a))),
            "orthogonal": np.allclose(a @ a.T, np.eye(n)),
            "skew": np.array_equal(a, -a.T),
            "lower_triangular": np.array_equal(a, np.tril(a)),
            "toeplitz": np.array_equal(a[1:, 1:], a[:-1, :-1]),
            "zero_diagonal": not np.any(np.diag(a)),
        }
        assert holds[fact]
        assert np.array_equal(a, np.round(a))


# ------------------------------------------------------------------ random expressions
def changed(e, rng):
    """An expression that is another function: times something, or with something added."""
    return rng.choice([2 * e, -e, e + e / 3])


@pytest.mark.parametrize("seed", range(40))
def test_random_expressions(seed):
    """Simplified or multiplied out they are never refuted; a multiple is never proved, nor taken for the same."""
    rng = random.Random(seed)
    e = Builder(rng, ["Add", "Product", "Transpose", "Hadamard", "Trace", "Total", "Diag", "Tanh", "Exp"]).build(
        3, rng.choice(SHAPES)
    )
    assert mc.equal(e, mc.simplify(e))
    assert mc.equal(e, mc.expand(e))
    assert mc.equal(e, e.T.T if not e.is_scalar else e)
    if not mc.equal(e, 0 * e):
        assert not mc.equal(e, changed(e, rng))
    assert DIMS
