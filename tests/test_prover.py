"""Signs and definiteness: what is proved holds for numbers, and what does not hold is not proved."""

from fractions import Fraction

import judge
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matcalc as mc
from matcalc.curvature.definite import RULES as DEFINITE
from matcalc.curvature.interval import EVERYTHING, NONNEGATIVE, Interval, between, point, repeated
from matcalc.curvature.polynomials import horner, sign_on
from matcalc.curvature.prover import Prover
from matcalc.curvature.signs import RULES as RANGES

DECLARED = (
    "A[m,n] S[n,n](psd) p[n](positive) x[n] q[n](simplex) B[n,n](symmetric) u[n](unit) c(positive) y[m] M[m,m](psd) "
    "R[n,n](invertible) Q[n,n](orthogonal) D[n,n](diagonal) d T[k,n] N[3,3](psd)"
)
SIZES = ({"m": 3, "n": 4, "k": 6}, {"m": 1, "n": 1, "k": 2}, {"m": 5, "n": 2, "k": 3})
FORMS = (
    ("S", "pd"), ("A'*A", "psd"), ("R'*R", "pd"), ("Q*S*Q'", "pd"), ("A*S*A'", "psd"), ("A'*diag(softmax(A*x))*A", "psd"),
    ("diag(q) - q*q'", "psd"), ("eye(n) - u*u'", "psd"), ("2*eye(n) - u*u'", "pd"), ("eye(n) - x*x'/(x'*x)", "psd"),
    ("A'*(diag(softmax(A*x)) - softmax(A*x)*softmax(A*x)')*A", "psd"), ("S.*S", "pd"), ("S.*(A'*A)", "psd"),
    ("(eye(n) - x*x'/(1 + x'*x))/sqrt(1 + x'*x)", "pd"), ("kron(S,A'*A)", "psd"), ("kron(S,M)", "pd"), ("inv(S) + x*x'", "pd"),
    ("B^2", "psd"), ("B*S*B", "psd"), ("expm(B)", "pd"), ("S^3", "pd"), ("S^-2", "pd"), ("sqrtm(S)", "pd"),
    ("eye(k) - T*inv(T'*T)*T'", "psd"), ("eye(m) - A*pinv(A)", "psd"), ("pinv(A'*A)", "psd"), ("adj(S)", "pd"),
    ("(diag(exp(x)) - exp(x)*exp(x)'/sum(exp(x)))/sum(exp(x))", "psd"), ("diag(1 .- tanh(x).^2)", "pd"), ("diag(x.^2)", "psd"),
    ("-diag(-p)", "pd"), ("n*eye(n) - ones(n,n)", "psd"), ("ones(n,n)", "psd"), ("2*eye(n) - q*q'", "pd"),
    ("diag(diag(A'*A))", "psd"), ("diag(diag(S))", "pd"), ("S(1:1,1:1)", "pd"), ("N(1:2,1:2)", "pd"),
    ("2*A'*A - A'*y*y'*A/(y'*y)", "psd"), ("c*S + A'*A", "pd"), ("S/c", "pd"), ("S'", "pd"), ("A'*y*y'*A + A'*M*A", "psd"),
    ("A'*(2*eye(m) - y*y'/(y'*y))*A", "psd"), ("zeros(n,n)", "psd"), ("d^2*S", "psd"),
    ("vstack(hstack(S,A'),hstack(A,M+A*inv(S)*A'))", "pd"), ("vstack(hstack(S,zeros(n,m)),hstack(zeros(m,n),A*A'))", "psd"),
    ("x'*x", "psd"), ("c", "pd"),
)  # fmt: skip
NOT_FORMS = (
    "B", "A*Q*A'", "S - x*x'", "-A'*A", "B.*B", "B^3", "R", "D", "diag(x)", "d*S", "S - 3*eye(n)", "eye(n) - q*ones(n)'",
    "x*p'", "S - M(1,1)*S", "expm(R)", "eye(n) - 2*u*u'", "diag(q) - 2*q*q'", "kron(S,B)", "A'*A - B*B", "Q", "d", "inv(B)",
    "S*B + B*S",
)  # fmt: skip
SIGNS = (
    ("x'*x", ">= 0"), ("x'*S*x", ">= 0"), ("p'*S*p", "> 0"), ("u'*S*u", "> 0"), ("tr(inv(S)*B*inv(S)*B)", ">= 0"),
    ("tr(inv(S)*B*inv(S)*B*inv(S))", ">= 0"), ("tr(A*S*A'*M)", ">= 0"), ("sigmoid(x)", "in (0, 1)"),
    ("1 .- tanh(x).^2", "in (0, 1]"), ("sigmoid(x) - sigmoid(x).^2", "> 0"), ("x'*x/(1 + x'*x)", ">= 0"),
    ("1 - x'*x/(1 + x'*x)", "> 0"), ("norm2(x)", ">= 0"), ("norm2(p)", "> 0"), ("sum(p)", "> 0"), ("sum(q)", "= 1"),
    ("sum(softmax(x))", "= 1"), ("q'*q", "in (0, 1]"), ("u'*u", "= 1"), ("det(S)", "> 0"), ("tr(S)", "> 0"),
    ("tr(A'*A)", ">= 0"), ("n - 1", ">= 0"), ("softplus(x)", "> 0"), ("log(1 .+ exp(x))", "> 0"), ("c^2 - c + 1", "> 0"),
    ("d^2 - 2*d + 1", ">= 0"), ("-c", "< 0"), ("exp(-c)", "in (0, 1)"), ("relu(x)", ">= 0"), ("abs(x)", ">= 0"),
    ("abs(p)", "> 0"), ("maximum(x,p)", "> 0"), ("minimum(x,-p)", "< 0"), ("cosh(x)", ">= 1"), ("sin(x)", "in [-1, 1]"),
    ("logsumexp(p)", "> 0"), ("diag(S)", "> 0"), ("S(1,1)", "> 0"), ("eigmin(S)", "> 0"), ("eigmax(A'*A)", ">= 0"),
    ("prod(p)", "> 0"), ("c^(1/2)", "> 0"), ("kron(p,p)", "> 0"), ("p*p'", "> 0"), ("where(x,p,q)", "> 0"),
    ("nuclear(A)", ">= 0"), ("vstack(p,q)", "> 0"), ("x.^2", ">= 0"), ("c/(1 + c)", "> 0"), ("log(c + 1)", "> 0"),
    ("sqrt(c)", "> 0"), ("d^4 + d^2 + 1", ">= 1"), ("d^4 - d^2 + 1", "> 0"), ("gamma(c)", "> 0"), ("trigamma(c)", "> 0"),
    ("pi - 3", "in (283/2000, 1417/10000)"), ("e(1,n)", "in [0, 1]"), ("(c + 1)^(-2)", "in (0, 1)"), ("2/3", "= 2/3"),
    ("asin(x)", None), ("erf(p)", "in (0, 1)"), ("leaky_relu(x,0.1)", None), ("d", None), ("x", None), ("logdet(S)", None),
    ("d^2 - 1", ">= -1"), ("d^3", None), ("1/d", None), ("c - 1", "> -1"), ("p - q", "> -1"), ("x'*B*x", None), ("tr(B)", None),
    ("tr(S*B)", None), ("det(B)", None), ("log(c)", None),
)  # fmt: skip


def drawn(e, seed, sizes):
    return np.asarray(judge.value(e, judge.draw(e, seed, sizes), sizes))


@pytest.mark.parametrize(("text", "claim"), FORMS)
def test_definite(text, claim):
    e = mc.parse(text, DECLARED)
    found = mc.is_psd(e)
    assert found is not None
    assert found.claim == claim
    for seed in range(3):
        for sizes in SIZES:
            a = drawn(e, seed, sizes)
            scale = max(1.0, float(np.max(np.abs(a))))
            np.testing.assert_allclose(a, a.T, atol=1e-9 * scale)
            least = float(np.linalg.eigvalsh(a)[0])
            assert least > (0 if claim == "pd" else -1e-9 * scale), (text, seed, sizes, least)


@pytest.mark.parametrize("text", NOT_FORMS)
def test_what_is_not_definite_is_not_proved(text):
    e = mc.parse(text, DECLARED)
    assert mc.is_psd(e) is None
    values = [drawn(e, seed, sizes) for seed in range(12) for sizes in SIZES]
    assert any(not np.allclose(a, a.T) or np.linalg.eigvalsh(a)[0] < -1e-9 for a in values)


@pytest.mark.parametrize(("text", "claim"), SIGNS)
def test_sign(text, claim):
    e = mc.parse(text, DECLARED)
    found = mc.sign_of(e)
    assert (found and found.claim) == claim
    interval = Prover().range(e).interval
    for seed in range(3):
        for sizes in SIZES:
            a = drawn(e, seed, sizes)
            a = a[np.isfinite(a)]
            assert np.all(a >= float(interval.low) - 1e-9)
            assert np.all(a <= float(interval.high) + 1e-9)


def test_every_rule_is_used():
    """A rule that no proof uses is not tested here, and may not be needed."""
    used = set()
    for text, _ in (*FORMS, *SIGNS):
        e = mc.parse(text, DECLARED)
        for proof in (mc.sign_of(e), mc.is_psd(e) if e.is_square else None):
            todo = [proof] if proof else []
            while todo:
                fact = todo.pop()
                used.add(fact.rule)
                todo.extend(fact.premises)
    missing = {rule.name for rule in (*RANGES, *DEFINITE)} - used
    assert not missing


def test_refusals():
    A, z = mc.symbols("A[m,n] z[n](complex)")
    with pytest.raises(mc.ShapeError, match="is_psd needs a square matrix, but A is m x n"):
        mc.is_psd(A)
    assert mc.is_psd(z @ z.T) is None
    assert mc.sign_of(z.T @ z) is None


def test_a_proof_prints():
    A, p = mc.symbols("A[m,n] p[m](positive)")
    proof = mc.is_psd(A.T @ mc.diag(p) @ A)
    assert str(proof) == "A'*diag(p)*A is psd"
    assert proof.to_latex() == r"A^{\top} \operatorname{diag}(p) A \succeq 0"
    assert [s.rule for s in proof.steps] == ["declared", "diagonal", "congruence"]


# ------------------------------------------------------------------ intervals and polynomials
ENDS = st.integers(-4, 4).map(Fraction)


@st.composite
def intervals(draw):
    low, high = sorted((draw(ENDS), draw(ENDS)))
    kind = draw(st.sampled_from(("finite", "below", "above")))
    if kind == "below":
        return Interval(float("-inf"), high, True, draw(st.booleans()))
    if kind == "above":
        return Interval(low, float("inf"), draw(st.booleans()), True)
    return Interval(low, high) if low == high else Interval(low, high, draw(st.booleans()), draw(st.booleans()))


def inside(interval, k):
    """Some number of an interval."""
    low = interval.low if isinstance(interval.low, Fraction) else min(Fraction(-9), Fraction(interval.high) - 5)
    high = interval.high if isinstance(interval.high, Fraction) else max(Fraction(9), Fraction(interval.low) + 5)
    return low + (high - low) * Fraction(2 * k + 1, 16)


def holds(interval, value):
    return point(value).within(interval)


@given(intervals(), intervals(), st.integers(0, 7), st.integers(0, 7))
def test_interval_arithmetic_holds_the_values(a, b, j, k):
    x, y = inside(a, j), inside(b, k)
    assert holds(a, x)
    assert holds(a + b, x + y)
    assert holds(-a, -x)
    assert holds(a * b, x * y)
    assert holds(a.power(Fraction(3)), x**3)
    assert holds(a.power(Fraction(2)), x**2)
    assert holds(a.hull(b), x)
    assert holds(a.largest(b), max(x, y))
    assert holds(repeated(a, 3), 3 * x)
    assert holds(repeated(a, None), 3 * x)
    if x:
        assert holds(a.inverse(), 1 / x)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=6), intervals())
def test_polynomials_keep_their_sign(p, where):
    p = [Fraction(c) for c in p]
    found = sign_on(p, where)
    for k in range(8):
        assert holds(found, horner(tuple(p), inside(where, k)))


def test_polynomials_by_hand():
    f = Fraction
    assert str(sign_on([f(1), f(-2), f(1)], EVERYTHING)) == ">= 0"  # (t - 1)^2
    assert str(sign_on([f(0), f(1), f(-1)], between(0, 1, "()"))) == "> 0"  # t - t^2
    assert str(sign_on([f(0), f(1), f(-1)], between(0, 1))) == ">= 0"
    assert sign_on([f(0), f(1), f(-3), f(2)], between(0, 1)).is_everything  # t (1 - t) (1 - 2t)
    assert str(sign_on([f(0), f(0), f(0), f(1)], NONNEGATIVE)) == ">= 0"
    assert str(sign_on([f(1), f(0), f(-1), f(0), f(1)], EVERYTHING)) == "> 0"
    assert sign_on([], EVERYTHING).is_zero
