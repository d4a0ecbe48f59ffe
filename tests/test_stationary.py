"""Stationary points: the textbook's answers, judged by JAX; verdicts judged by random steps; and what is refused."""

import zlib

import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose
from stationary_problems import PROBLEMS

import matcalc as mc

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
