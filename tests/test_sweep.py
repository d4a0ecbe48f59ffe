"""A sweep of random questions about first and second derivatives over every operator, judged by JAX."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import contextmanager

import generate
import numpy as np
import pytest

import matcalc as mc
from matcalc.ops import OPERATORS

CI, MANY, CHUNK = 1_000, 20_000, 250
BY_JAX = 20  # every so many questions go to JAX at once; of the others, those that differences do not settle
SECONDS = 20
POINTS = 4
LONGEST = 1000  # times the length of the question: a pseudoinverse twice differentiated has 50 terms of its own
REFUSED = 0.12  # at most, of the questions of a chunk; 0.06 on average


class SlowError(Exception):
    """The engine takes too long."""


@contextmanager
def time_limit(seconds=SECONDS):
    """SlowError after so many seconds, where the system has an alarm."""

    def ring(*_):
        raise SlowError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def ask(seed, quick=False):
    """What became of one question, and a sentence where the engine is at fault.

    ``right``, ``refused``, ``skipped`` (no smooth point, or JAX has no finite answer), or ``wrong``, ``crash``,
    ``slow``, ``long``, ``not finite``.
    """
    q = generate.question(seed)
    try:
        with time_limit():
            found = generate.answer(q)
    except (mc.UnsupportedError, mc.NotDifferentiableError):
        return q, "refused", ""
    except SlowError as error:
        return q, "slow", f"{q}: {error}"
    except Exception as error:  # every other error is a fault to be reported with its question
        return q, "crash", f"{q}: {type(error).__name__}: {error}"
    if mc.count_ops(found) > LONGEST * mc.count_ops(q.f) + 100:
        return q, "long", f"{q}: {mc.count_ops(found)} for {mc.count_ops(q.f)}"
    return q, *compared(q, found, quick)


def compared(q, found, quick):
    """The answer against differences where that is enough (``quick``), else against JAX."""
    given = next((g for g in (generate.draw(q, k) for k in range(POINTS)) if generate.smooth_at(q.f, g, q.sizes)), None)
    if given is None:
        return "skipped", ""
    if quick:
        try:
            want, project = generate.differences(q, given)
            got = generate.along(q, generate.numbers(found, given, q.sizes), given)
            if np.all(np.isfinite(want)) and agree(np.asarray(project(got)), want, 1e-5):
                return "right", ""
        except np.linalg.LinAlgError:
            pass
    try:
        want = generate.judged(q, given)
    except NotImplementedError:
        want = generate.by_differences(q, given)
    if not np.all(np.isfinite(want)) or np.max(np.abs(want), initial=0.0) > 1e6:
        return "skipped", ""
    try:
        got = generate.along(q, generate.numbers(found, given, q.sizes), given)
    except Exception as error:  # an answer that cannot be evaluated is a fault too
        return "crash", f"{q}: {found}: {type(error).__name__}: {error}"
    if agree(got, want):
        return "right", ""
    differences = generate.by_differences(q, given)
    if agree(got, differences, 1e-4) or not agree(want, differences, 1e-3):
        return ("right", "") if agree(got, differences, 1e-4) else ("skipped", "")
    kind = "wrong" if np.all(np.isfinite(got)) else "not finite"
    return kind, f"{q}: {found}: {np.round(got, 5)[:6]} is not {np.round(want, 5)[:6]}"


def agree(got, want, tolerance=1e-6):
    if got.shape != want.shape:
        return False
    scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
    return bool(np.all(np.abs(got - want) <= tolerance * scale))


def sweep(seeds):
    """Ask all these; answers the counts, after every fault was reported."""
    counts, faults = Counter(), []
    for seed in seeds:
        _, outcome, fault = ask(seed, quick=seed % BY_JAX != 0)
        counts[outcome] += 1
        if fault:
            faults.append(f"{outcome}: {fault}")
    assert not faults, "\n\n".join(faults)
    assert counts["refused"] <= REFUSED * len(seeds), counts
    assert counts["skipped"] <= 0.1 * len(seeds), counts


@pytest.mark.parametrize("start", range(0, CI, CHUNK))
def test_derivatives(start):
    sweep(range(start, start + CHUNK))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(CI, CI + MANY, CHUNK))
def test_many_derivatives(start):
    sweep(range(start, start + CHUNK))


def test_every_operator_occurs():
    """A new operator is asked about by being registered; that it occurs shows that something builds it."""
    found = set()
    for seed in range(2 * len(generate.ASKED)):
        found |= generate.kinds_of(generate.question(seed).f)
    wanted = {name for name, cls in OPERATORS.items() if name not in generate.UNASKED}
    assert wanted <= found, wanted - found


# ------------------------------------------------------------------ what derivatives have to do with each other
def asked_at(seed, kind):
    """A question of a kind and a smooth point; None where there is none."""
    kinds, operators = generate.KINDS, len(generate.ASKED)
    q = generate.question(seed % operators + operators * (kinds.index(kind) + len(kinds) * (1 + seed // operators)))
    given = generate.draw(q)
    return (q, given) if generate.smooth_at(q.f, given, q.sizes) else None


def layouts_agree(q, given):
    tensor, numerator, denominator, vec = (
        generate.numbers(mc.jacobian(q.f, q.w, layout=layout), given, q.sizes)
        for layout in ("tensor", "numerator", "denominator", "vec")
    )
    same(numerator, tensor, q)
    first, second = q.f.ndim, q.w.ndim
    turned = np.moveaxis(tensor, range(first), range(second, second + first)) if first and second else tensor
    same(denominator, turned, q)
    shape = [generate.judge.size(d, q.sizes) for e in (q.f, q.w) for d in (e.rows, e.cols)]
    four = tensor.reshape(shape).transpose(1, 0, 3, 2)
    same(vec.reshape(-1), four.reshape(-1), q)


def adjoint(q, given):
    forward = generate.numbers(mc.jvp(q.f, q.w, generate.direction(q)), given, q.sizes)
    back = generate.numbers(mc.vjp(q.f, q.w, generate.upstream(q)), given, q.sizes)
    up, way = np.asarray(given["Gup"]), np.asarray(given["Ddir"])
    same(np.sum(up.reshape(forward.shape) * forward), np.sum(back * way.reshape(back.shape)), q)


def hessians_are_symmetric(q, given):
    one = generate.numbers(mc.hessian(q.f, q.w, q.w2, layout="tensor"), given, q.sizes)
    other = generate.numbers(mc.hessian(q.f, q.w2, q.w, layout="tensor"), given, q.sizes)
    size = np.prod([generate.judge.size(d, q.sizes) for d in (q.w.rows, q.w.cols)], dtype=int)
    same(one.reshape(size, -1), other.reshape(-1, size).T, q)


def jacobian_of_gradient(q, given):
    h = generate.numbers(mc.hessian(q.f, q.w, layout="tensor"), given, q.sizes)
    if not q.w.facts:  # a gradient has used the facts of its point; the Hessian differentiates first
        same(generate.numbers(mc.jacobian(mc.grad(q.f, q.w), q.w, layout="tensor"), given, q.sizes), h, q)
    along = generate.numbers(mc.hvp(q.f, q.w, generate.direction(q)), given, q.sizes)
    way = np.asarray(given["Ddir"]).reshape(-1)
    same(along.reshape(-1), h.reshape(-1, way.size) @ way, q)


def same(got, want, q):
    got, want = np.asarray(got), np.asarray(want)
    if np.all(np.isfinite(want)) and np.max(np.abs(want), initial=0.0) < 1e6:
        assert agree(got, want), f"{q}: {got} is not {want}"


PROPERTIES = (
    (layouts_agree, "jacobian"),
    (adjoint, "vjp"),
    (hessians_are_symmetric, "mixed"),
    (jacobian_of_gradient, "hessian"),
)


def hold(check, kind, seeds):
    """Check a property at these seeds; answers how often there was something to check."""
    count = 0
    for seed in seeds:
        found = asked_at(seed, kind)
        if found is None:
            continue
        try:
            with time_limit():
                check(*found)
        except (mc.UnsupportedError, mc.NotDifferentiableError):
            continue
        count += 1
    return count


@pytest.mark.parametrize(("check", "kind"), PROPERTIES)
def test_property(check, kind):
    assert hold(check, kind, range(100)) > 40


@pytest.mark.slow
@pytest.mark.parametrize(("check", "kind"), PROPERTIES)
def test_property_many(check, kind):
    assert hold(check, kind, range(100, 600)) > 200


@pytest.mark.parametrize("text", ["S*A*S", "A*S*b", "inv(S)", "S.*S", "b*b'*S"])
def test_vech_is_the_vec_form_on_the_triangle(text):
    f = mc.parse(text, "S[n,n](symmetric) A[n,n](symmetric) b[n]")
    sizes = {"n": 3}
    given = generate.judge.draw(f, sizes=sizes)
    twice = np.asarray(generate.judge.duplication(3))
    want = generate.numbers(mc.jacobian(f, "S", layout="vec"), given, sizes) @ twice
    if f.is_square and f.rows == f.cols and mc.simplify(f).symmetric:
        want = np.linalg.pinv(twice) @ want
    got = generate.numbers(mc.jacobian(f, "S", layout="vech"), given, sizes)
    assert agree(got, want)
