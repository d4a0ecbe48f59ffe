"""Stationary points: the textbook's answers, judged by JAX; verdicts judged by random steps; and what is refused."""

import zlib

import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose
from stationary_problems import PROBLEMS

import matcalc as mc
from matcalc.solving.verdicts import on_own_transposes

SIZES = (
    {"m": 6, "n": 4, "p": 3, "q": 5, "k": 7},
    {"m": 5, "n": 3, "p": 2, "q": 4, "k": 6},
    {"m": 3, "n": 1, "p": 1, "q": 2, "k": 4},
)
LONGEST = 1.1  # how long an answer may be, compared with the book's


@pytest.fixture(scope="module")
def answers():
    """Each problem's answer, found once."""
    found = {}

    def of(p):
        if p.name not in found:
            known = symbols_of(p)
            f = mc.parse(p.f, known)
            unknowns = [known[name] for name in p.unknowns.split()]
            constraints = [mc.parse(c, known) for c in p.subject_to]
            found[p.name] = mc.stationary(f, unknowns if len(unknowns) > 1 else unknowns[0], subject_to=constraints or None)
        return found[p.name]

    return of


def symbols_of(p):
    declared = mc.symbols(p.declared)
    return {s.name: s for s in (declared if isinstance(declared, (list, tuple)) else [declared])}


def solutions(found):
    return list(found.solution.values()) if isinstance(found.solution, dict) else [found.solution]


def sizes_of(p):
    return [s for s in SIZES if s["n"] >= p.least]


CALLS = {}


def value(e, given, sizes):
    """The value of an expression, with two axes, by the code that is made for it."""
    if e not in CALLS:
        CALLS[e] = mc.compile(e)
    return judge.run(CALLS[e], given, e, sizes)


def point(p, found, sizes, seed=0):
    """Random values of the symbols, the unknowns and multipliers at their solutions."""
    given = dict(judge.draw(found.lagrangian, seed, sizes, extra=[*found.values, *solutions(found)]))
    for name, text in p.given:
        given[name] = value(mc.parse(text, symbols_of(p)), given, sizes)
    at = {x.name: value(e, given, sizes) for x, e in {**found.values, **found.multiplier_values}.items()}
    return {**given, **at}


def inside(g, x):
    """The part of a gradient, or of a step, along which the unknown moves."""
    g = np.asarray(g)
    if x.has("diagonal"):
        return np.diag(np.diag(g))
    if x.has("symmetric") and not x.is_scalar:
        return (g + g.T) / 2
    return (g - g.T) / 2 if x.has("skew") else g


@pytest.mark.parametrize("p", PROBLEMS, ids=lambda p: p.name)
def test_answer(p, answers):
    """As it is printed, in the structure of the unknowns, and no longer than in books."""
    found = answers(p)
    ours = "; ".join(map(str, solutions(found)))
    assert not p.ours or ours == p.ours
    assert found.verdict == p.verdict, found.why
    known = symbols_of(p)
    book = [mc.parse(text, known) for text in p.book.split(";")]
    assert sum(map(mc.count_ops, solutions(found))) <= LONGEST * sum(map(mc.count_ops, book)), ours
    for sizes in sizes_of(p):
        given = point(p, found, sizes)
        for e, b in zip(solutions(found), book, strict=True):
            assert_allclose(value(e, given, sizes), value(b, given, sizes), rtol=1e-6, atol=1e-8)


def slopes(found, given, x, sizes):
    """The gradient of the function with its multipliers, by differences."""

    def f(a):
        return value(found.lagrangian, {**given, x.name: a}, sizes)[0, 0]

    return judge.differences(f, given[x.name])


@pytest.mark.parametrize("p", PROBLEMS, ids=lambda p: p.name)
def test_the_gradient_vanishes(p, answers):
    """By JAX, and by differences at other sizes, 1 x 1 among them; and the constraints hold."""
    found = answers(p)
    for k, sizes in enumerate(sizes_of(p)):
        given = point(p, found, sizes)
        for x in found.values:
            near = {**given, x.name: given[x.name] * 1.1 + 0.01 * inside(np.ones_like(given[x.name]), x)}
            scale = max(1, np.abs(slopes(found, near, x, sizes)).max())
            if k == 0:
                ready = {name: np.asarray(a) for name, a in given.items()}
                assert_allclose(inside(judge.gradient(found.lagrangian, ready, x.name, sizes), x), 0, atol=1e-8 * scale)
            else:
                assert_allclose(inside(slopes(found, given, x, sizes), x), 0, atol=1e-6 * scale)
        for c in found.constraints:
            assert_allclose(value(c, given, sizes), 0, atol=1e-8)


def steps(found, given, sizes, rng):
    """A random step of the unknowns that keeps their structure and the constraints."""
    moves = {x.name: inside(rng.normal(size=given[x.name].shape), x) for x in found.values}
    if not found.constraints:
        return moves
    (x,) = found.values
    shape = given[x.name].shape
    basis = [inside(e.reshape(shape), x) for e in np.eye(int(np.prod(shape)))]

    def residual(at):
        return np.concatenate([np.ravel(value(c, {**given, x.name: at}, sizes)) for c in found.constraints])

    base = residual(given[x.name])
    slopes = np.array([residual(given[x.name] + b) - base for b in basis]).T
    free = rng.normal(size=len(basis))
    free = free - np.linalg.pinv(slopes) @ (slopes @ free)
    return {x.name: np.sum([c * b for c, b in zip(free, basis, strict=True)], axis=0)}


@pytest.mark.parametrize("p", [p for p in PROBLEMS if p.verdict != "unknown"], ids=lambda p: p.name)
def test_the_verdict_holds_for_random_steps(p, answers):
    """Small ones for every verdict, large ones for one that is global."""
    found = answers(p)
    rng = np.random.default_rng(zlib.crc32(p.name.encode()))
    for sizes in SIZES[:2]:
        given = point(p, found, sizes, seed=1)
        here = float(value(found.function, given, sizes)[0, 0])
        rises = []
        for k in range(40):
            moves = steps(found, given, sizes, rng)
            reach = 10.0 ** -(k % 4) if "global" in found.why else 1e-2
            there = {**given, **{x: given[x] + reach * d for x, d in moves.items()}}
            if outside(found, there):
                continue
            rise = (float(value(found.function, there, sizes)[0, 0]) - here) / (1 + abs(here))
            if np.isfinite(rise):
                rises.append(rise)
        assert len(rises) > 5
        if p.verdict == "minimum":
            assert min(rises) > -1e-9
            assert max(rises) > 0
        elif p.verdict == "maximum":
            assert max(rises) < 1e-9
            assert min(rises) < 0
        else:
            assert min(rises) < 0 < max(rises)


def outside(found, given):
    """Whether an unknown has left the set that it is declared to be in."""
    for x in found.values:
        a = np.asarray(given[x.name])
        if x.has("positive") and a.min() <= 0:
            return True
        if x.has("psd") and np.linalg.eigvalsh((a + a.T) / 2).min() <= 0:
            return True
    return False


@pytest.mark.parametrize("p", PROBLEMS, ids=lambda p: p.name)
def test_its_own_check(p, answers):
    report = answers(p).check(trials=2)
    assert report.passed, report
    assert len(report.trials) == 2


def test_check_finds_a_wrong_answer():
    A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    found = mc.stationary(mc.norm2(A @ x - b) ** 2, x)
    wrong = type(found)(**{**vars(found), "values": {x: A.T @ b}, "solution": A.T @ b})
    report = wrong.check()
    assert not report.passed
    assert "the gradient is not zero" in report.message


@pytest.mark.parametrize("p", PROBLEMS, ids=lambda p: p.name)
def test_every_step_follows(p, answers):
    """Each equation of the working holds at the solution, after what was put in before."""
    found = answers(p)
    sizes = SIZES[1]
    given = point(p, found, sizes, seed=2)
    for x in found.values:
        if x.has("diagonal"):
            given[x.name.lower()] = np.diag(np.asarray(given[x.name]))[:, None]
    for step in found.steps:
        assert step.rule
        assert step.why
        left, right = (value(side, given, sizes) for side in (step.after.left, step.after.right))
        assert_allclose(left, right + 0 * left, rtol=1e-6, atol=1e-7)


# ------------------------------------------------------------------ what is refused, and why
REFUSED = [
    ("sum(softplus(X*w)) - y'*(X*w)", "w", "X[m,n] w[n] y[m]", "the gradient is not linear in w: w stands inside sigmoid(X*w)"),
    ("sum(exp(A*x)) - c'*x", "x", "A[m,n] x[n] c[n]", "the gradient is not linear in x: x stands inside exp(A*x)"),
    ("logsumexp(x) - y'*x", "x", "x[n] y[n]", "x stands inside softmax(x)"),
    ("norm2(x)^4 - c'*x", "x", "x[n] c[n]", "x stands inside norm2(x)^2"),
    ("sin(a)", "a", "a", "a stands inside cos(a)"),
    ("det(X) - tr(X*A)", "X", "X[n,n] A[n,n]", "X stands inside det(X)"),
    ("x'*A*x/(x'*x)", "x", "x[n] A[n,n](symmetric)", "the gradient is not linear in x"),
    ("exp(a) + a^2", "a", "a", "a stands inside exp(a)"),
    ("sum(X*w)", "w", "X[m,n] w[n]", "the gradient by w is sum(X,1)', which does not depend on w"),
    ("tr(X)", "Y", "X[n,n] Y[n,n]", "zero everywhere, so every Y is stationary"),
    ("(a'*x - c)^2", "x", "a[n] x[n] c", "the matrix a*a', which has to be inverted, has rank 1 at most"),
    ("norm2(A*x - b)^2", "x", "A[2,3] x[3] b[2]", "has rank 2 at most and is singular"),
    ("norm2(x - mean(x)*ones(n))^2", "x", "x[n]", "is singular at every random point"),
    ("norm2(X*s - y)^2", "X", "X[m,n] s[n] y[m]", "the matrix s*s', which has to be inverted, has rank 1 at most"),
    ("norm2(x - b)", "x", "x[n] b[n]", "the function is not smooth, at every random point"),
    ("norm2(A*x)", "x", "A[m,n] x[n]", "the function is not smooth"),
    ("norm1(x - b)", "x", "x[n] b[n]", "the derivative of sign(x - b) by x is zero wherever there is one"),
    ("norm2(x - b)^2 + norm1(x)", "x", "x[n] b[n]", "x stands inside sign(x)"),
    ("max(a,c) + a^2", "a", "a c", "a stands inside sign(a - c)"),
    ("sum(relu(x)) - b'*x", "x", "x[n] b[n]", "the derivative of step(x) - b by x is zero"),
    ("a^3/3 - c*a", "a", "a c", "a^2 = c has two roots: declare what stands in the power positive"),
    ("a^3/3 + a", "a", "a", "a^2 = -1 has no solution"),
    ("a^4 - a^2", "a", "a", "a = 0 is one of several solutions"),
    ("(a - b)^2/2 - c*log(a)", "a", "a b c", "a quadratic equation for a may have two roots"),
    ("tr(C*Q)", "Q", "C[n,n] Q[n,n](orthogonal)", "the unknown Q is declared orthogonal"),
    ("c'*x", "x", "c[n] x[n](simplex)", "declare it positive, and give sum(x) - 1 to subject_to"),
    ("normf(X*Y - B)^2", "X Y", "X[m,k] Y[k,n] B[m,n]", "not linear in Y"),
    ("L(x)", "x", "x[n]", "x stands inside dL(x)"),
]


@pytest.mark.parametrize(("f", "unknowns", "declared", "reason"), REFUSED)
def test_what_is_refused_says_why(f, unknowns, declared, reason):
    known = mc.symbols(declared)
    known = {s.name: s for s in (known if isinstance(known, (list, tuple)) else [known])}
    targets = [known[name] for name in unknowns.split()]
    with pytest.raises(mc.UnsupportedError) as caught:
        mc.stationary(mc.parse(f, known), targets if len(targets) > 1 else targets[0])
    assert reason in str(caught.value)


def test_constraints_that_are_refused():
    x, y, A, b, c = mc.symbols("x[n] y[n] A[m,n] b[m] c[n]")
    f = mc.norm2(x) ** 2
    with pytest.raises(mc.UnsupportedError, match=r"not affine in x: x stands in 2 factors of x'\*x"):
        mc.stationary(f, x, subject_to=x.T @ x - 1)
    with pytest.raises(mc.OperandError, match=r"the constraint sum\(y\) - 1 = 0 does not hold x"):
        mc.stationary(f + mc.sum(y), x, subject_to=mc.sum(y) - 1)
    with pytest.raises(mc.UnsupportedError, match=r"A'\*lambda \+ c, which does not depend on x"):
        mc.stationary(c.T @ x, x, subject_to=A @ x - b)
    with pytest.raises(mc.ShapeError, match="the sides of a constraint differ in shape"):
        mc.stationary(f, x, subject_to=(A @ x, c))
    with pytest.raises(mc.OperandError, match="a pair of them, not 3"):
        mc.stationary(f, x, subject_to=(A @ x, b, b))


def test_what_is_no_scalar_function():
    x, A = mc.symbols("x[n] A[m,n]")
    with pytest.raises(mc.ShapeError, match="stationary needs a scalar function"):
        mc.stationary(A @ x, x)


# ------------------------------------------------------------------ the result
def least_squares(**options):
    A, x, b, C, d = mc.symbols("A[m,n] x[n] b[m] C[p,n] d[p]")
    return mc.stationary(mc.norm2(A @ x - b) ** 2, x, **{k: [(C @ x, d)] for k in options})


def test_working_as_text():
    assert str(least_squares()) == (
        "f = norm2(A*x - b)^2, stationary in x\n"
        "(1) 2*A'*(A*x - b) = 0\n"
        "      gradient: the derivative is zero\n"
        "(2) A'*A*x = A'*b\n"
        "      collect: terms with the unknown on the left, the others on the right\n"
        "(3) x = pinv(A)*b\n"
        "      invert: the matrix in front is invertible\n"
        "minimum: f is convex in x, so it is global\n"
        "assuming A'*A invertible"
    )


def test_working_as_latex_and_markdown():
    found = least_squares(subject_to=True)
    latex = found.to_latex()
    assert latex.startswith("\\begin{aligned}\nf &= ")
    assert latex.count("\\\\") == len(found.steps) + 1
    assert found._repr_latex_().startswith("$\\displaystyle \\begin{aligned}")
    markdown = found.to_markdown()
    assert "subject to $C x - d = 0$" in markdown
    assert "Minimum: f is convex in x" in markdown
    assert str(found.equation) == "2*A'*(A*x - b) + C'*lambda = 0"
    assert found.equation.to_latex() == "2 A^{\\top} (A x - b) + C^{\\top} \\lambda = 0"
    assert list(found.multipliers) == ["lambda"]


def test_several_unknowns_have_a_dict():
    x, y, A, b = mc.symbols("x[n] y[n] A[n,n](invertible) b[n]")
    found = mc.stationary(x.T @ A @ y - b.T @ x, [x, "y"])
    assert {name: str(e) for name, e in found.solution.items()} == {"x": "zeros(n)", "y": "inv(A)*b"}
    assert list(found.equation) == ["x", "y"]
    named = mc.stationary(x.T @ A @ y - b.T @ x, {"first": x, "second": y})
    assert list(named.solution) == ["first", "second"]


def test_names_of_multipliers_are_new():
    x, C, d, scale, e = mc.symbols("x[n] C[p,n] d[p] lambda(positive) e[n]")
    found = mc.stationary(scale * mc.norm2(x) ** 2, x, subject_to=C @ x - d)
    assert list(found.multipliers) == ["lambda1"]
    both = mc.stationary(scale * mc.norm2(x) ** 2, x, subject_to=[C @ x - d, e.T @ x])
    assert list(both.multipliers) == ["lambda1", "lambda2"]
    assert both.check().passed


def test_complex_least_squares():
    A, z, b = mc.symbols("A[m,n](complex) z[n](complex) b[m](complex)")
    found = mc.stationary(mc.real((A @ z - b).H @ (A @ z - b)), z)
    assert str(found.solution) == "inv(A^H*A)*A^H*b"
    assert found.verdict == "unknown"
    assert found.check().passed


def test_conditions_say_what_is_not_declared():
    X, c, Q = mc.symbols("X[n,n](psd) c Q[n,n](symmetric)")
    found = mc.stationary(c * mc.logdet(X) + mc.tr(mc.inv(X) @ Q), X)
    assert found.conditions == ("Q invertible", "Q/c positive definite", "c nonzero")


@pytest.mark.parametrize("n", [1, 2, 5])
def test_numeric_sizes(n):
    A, x, b = mc.matrix("A", n + 1, n), mc.vector("x", n), mc.vector("b", n + 1)
    found = mc.stationary(mc.norm2(A @ x - b) ** 2 + mc.norm2(x) ** 2, x)
    rng = np.random.default_rng(n)
    a, y = rng.normal(size=(n + 1, n)), rng.normal(size=n + 1)
    want = np.linalg.solve(a.T @ a + np.eye(n), a.T @ y)
    assert_allclose(np.reshape(mc.compile(found.solution)(a, y), n), want)
    assert found.verdict == "minimum"


def test_the_hessian_by_a_symmetric_matrix_keeps_what_stands_inside():
    """A commutation matrix between two factors does not act on the direction itself."""
    X = mc.symbols("X[n,n](symmetric)")
    h = mc.parse("kron(A,B)*K(n,n) + K(n,n)*kron(B,A) + kron(A,B)*K(n,n)*kron(B,A)", "A[n,n] B[n,n]")
    assert str(on_own_transposes(h, X)) == str(
        mc.simplify(mc.parse("kron(A,B) + kron(B,A) + kron(A,B)*K(n,n)*kron(B,A)", "A[n,n] B[n,n]"))
    )


def test_a_verdict_in_another_variable_says_which():
    S, Q = mc.symbols("S[n,n](psd) Q[n,n](psd)")
    assert mc.stationary(mc.logdet(S) + mc.tr(mc.inv(S) @ Q), S).why == "f is convex in inv(S), so it is global"
