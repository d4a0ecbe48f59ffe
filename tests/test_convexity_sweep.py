"""Convexity of random functions and of the corpora: whatever verdict is given holds on random segments."""

import random
from collections import Counter

import generate
import pytest
import test_corpora
from test_sweep import time_limit

import matcalc as mc

CI, MANY, CHUNK = 240, 6_000, 120
SECONDS = 60  # matrix logarithms of many points are slow where threads compete
SEGMENTS = 12


def question(seed):
    """A random scalar function and a variable of it."""
    q = generate.question(seed)
    return (q.f if q.f.is_scalar else generate.scalar(random.Random(seed), q.f)), q.w


def judged(f, wrt, seed=0):
    """The verdict, after random segments were looked at; ``refused`` where there is none by design."""
    try:
        with time_limit(SECONDS):
            found = mc.convexity(f, wrt)
    except mc.UnsupportedError:
        return "refused"
    if found.verdict == "unknown":
        assert found.why
        return "unknown"
    report = found.check(SEGMENTS, seed)
    assert report.passed or not report.trials, f"seed {seed}: {report.message}\n{found}"
    return found.verdict


def sweep(seeds):
    """How often each verdict was given; each held."""
    return Counter(judged(*question(seed), seed) for seed in seeds)


@pytest.mark.parametrize("start", range(0, CI, CHUNK))
def test_random_functions(start):
    counts = sweep(range(start, start + CHUNK))
    assert counts["affine"] >= 10
    assert counts["convex"] + counts["concave"] >= 3


@pytest.mark.slow
@pytest.mark.parametrize("start", range(CI, CI + MANY, CHUNK))
def test_many_random_functions(start):
    sweep(range(start, start + CHUNK))


SCALARS = [key for key, case in test_corpora.CASES.items() if case["kind"] == "gradient"]


def corpus(keys):
    found = Counter()
    for key in keys:
        case = test_corpora.CASES[key]
        f = mc.parse(case["expr"], test_corpora.declarations(case))
        if f.is_scalar:
            found[judged(f, case["wrt"])] += 1
    return found


def test_known_questions():
    """Of the known questions with a scalar function, a share; about 4 in 10 have a verdict."""
    counts = corpus(SCALARS[::4])
    assert sum(counts.values()) - counts["unknown"] - counts["refused"] >= 20


@pytest.mark.slow
def test_all_known_questions():
    counts = corpus(SCALARS)
    assert sum(counts.values()) - counts["unknown"] - counts["refused"] >= 100
