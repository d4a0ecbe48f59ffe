"""A sweep of random questions about first and second derivatives over every operator, judged by JAX."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import contextmanager

import generate
import numpy as np
import pytest

import matcalc as mc

CI, MANY, CHUNKS = 1_000, 20_000, 4
SECONDS = 20
POINTS = 4


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
    if mc.count_ops(found) > 60 * mc.count_ops(q.f) + 100:
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
        _, outcome, fault = ask(seed)
        counts[outcome] += 1
        if fault:
            faults.append(f"{outcome}: {fault}")
    assert not faults, "\n\n".join(faults)
    return counts
