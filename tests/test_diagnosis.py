"""Wrong answers, made from right ones in known ways, and what ``mc.check`` says of them.

The spoilers below share nothing with the package's own search: each takes the answer of a source and makes one
slip that people make. One that leaves the value unchanged is dropped. A wrong answer may be right in two ways of
speaking: the transpose of a right answer is also right only where it is symmetric, a dropped term may leave a
multiple of what is right. So a diagnosis counts where its kind is the spoiler's own (``OWN``), or where it is another
kind whose claim ``confirmed`` finds to be true, in numbers that are made here.
"""

import json
import zlib
from collections import Counter
from functools import cache

import numpy as np
import pytest
from test_corpora import FACTS, FOLDER, declarations, draw, extra, numbers, sizes

import matcalc as mc
from matcalc.expr import Add, Hadamard, Product, Transpose, add, hadamard, negate, product, substitute
from matcalc.node import postorder

SLOW_FUNCTIONS = ("logm", "sqrtm", "sinm", "cosm")  # whose values are slow to find, and differences need thousands
KIND = {"gradient": "grad", "vjp": "vjp", "jacobian": "jacobian", "hessian": "hessian"}


def load():
    cases = [json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return {c["id"]: c for c in cases if wanted(c)}


def wanted(c):
    """Whether a case has an answer in text, for every entry of one real variable, and facts that the package knows."""
    facts = {f for v in c["vars"].values() for f in v.get("attrs", [])}
    return (
        c.get("kind") in KIND
        and bool(c.get("answer"))
        and not c.get("convention")
        and isinstance(c["wrt"], str)
        and facts <= FACTS
        and not (c["kind"] == "gradient" and c.get("answer_form"))
        and not any(name in c["expr"] for name in SLOW_FUNCTIONS)
        and "skip" not in c["tags"]
    )


CASES = load()


@cache
def question(key):
    """The function, the right answer, and how they are checked."""
    c = CASES[key]
    declared = declarations(c) + (extra(c) if c["kind"] == "vjp" else "")
    f = mc.parse(c["expr"], declared)
    how = {"kind": KIND[c["kind"]]}
    if c["kind"] in ("jacobian", "hessian"):
        how["layout"] = c.get("answer_form") or "numerator"
    if c["kind"] == "vjp":
        how["upstream"] = c["upstream"]
    return f, c["wrt"], mc.parse(c["answer"], declared), how


# ------------------------------------------------------------------ right answers
def in_share(key, one_in):
    return zlib.crc32(key.encode()) % one_in == 0


@pytest.mark.parametrize("key", [k if in_share(k, 3) else pytest.param(k, marks=pytest.mark.slow) for k in CASES])
def test_the_answers_of_the_sources_are_right(key):
    f, wrt, _, how = question(key)
    report = mc.check(f, wrt, CASES[key]["answer"], trials=3, **how)
    assert report.passed, report
    assert report.diagnosis.kind == "right"


# ------------------------------------------------------------------ spoilers
def transposed(a, f):
    if not a.is_scalar and a.axes is None:
        yield a.T


def doubled(a, f):
    yield 2 * a


def halved(a, f):
    yield a / 2


def over_a_dimension(a, f):
    dims = sorted({d for s in f.symbols for d in s.shape if not isinstance(d, int) and d.is_Symbol}, key=str)
    yield from (a / d for d in dims[:1])


def times_a_scalar(a, f):
    yield from [hadamard(s, a) for s in f.symbols if s.is_scalar][:1]


def opposite(a, f):
    yield -a


def as_if_symmetric(a, f):
    """No transposes on the symbols that are square, as if they were symmetric."""
    turned = [n for n in postorder([a], lambda e: e.operands) if isinstance(n, Transpose) and n.is_square]
    named = {n: n.arg for n in turned if n.arg in a.symbols and not n.arg.symmetric}
    if named:
        yield substitute(a, named)


def term_dropped(a, f):
    if isinstance(a, Add):
        yield from (add(*a.args[:k], *a.args[k + 1 :]) for k in range(len(a.args)))


def term_added(a, f):
    if a.axes is None:
        yield from [add(a, s) for s in f.symbols if s.shape == a.shape and s is not a][:1]


def sign_flipped(a, f):
    if isinstance(a, Add):
        yield from (add(*a.args[:k], negate(t), *a.args[k + 1 :]) for k, t in enumerate(a.args))


def entrywise(a, f):
    """The first matrix product of two arrays of one shape made entrywise."""
    for node in postorder([a], lambda e: e.operands):
        if isinstance(node, Product) and len(node.args) == 2 and node.args[0].shape == node.args[1].shape:
            yield substitute(a, {node: hadamard(*node.args)})
            return


def matrix_product(a, f):
    """The first entrywise product of two square matrices made a matrix product."""
    for node in postorder([a], lambda e: e.operands):
        if isinstance(node, Hadamard) and len(node.args) == 2 and all(x.is_square and not x.is_scalar for x in node.args):
            yield substitute(a, {node: product(*node.args)})
            return


def one_transpose_less(a, f):
    """One transpose taken away where the shapes still fit."""
    for node in postorder([a], lambda e: e.operands):
        if isinstance(node, Transpose) and node.is_square and not node.symmetric:
            yield substitute(a, {node: node.arg})
            return


def turned_round(a, f):
    """The first two square factors of a product in the other order."""
    for node in postorder([a], lambda e: e.operands):
        if isinstance(node, Product):
            for k, (x, y) in enumerate(zip(node.args, node.args[1:], strict=False)):
                if x.is_square and y.is_square and x.shape == y.shape and len(x.shape) == 2:
                    yield substitute(a, {node: product(*node.args[:k], y, x, *node.args[k + 2 :])})
                    return


def factor_dropped(a, f):
    """The first factor of an entrywise product left out."""
    if isinstance(a, Hadamard):
        arrays = [x for x in a.args if not x.is_scalar]
        if len(arrays) > 1:
            yield hadamard(*(x for x in a.args if x is not arrays[0]))


def summed(a, f):
    if not a.is_scalar and a.axes is None:
        yield mc.sum(a)


def stacked(a, f):
    if len(a.shape) == 2 and a.axes is None:
        yield mc.vec(a)


def gram(a, f):
    """An outer product of a vector with itself the other way round."""
    for node in postorder([a], lambda e: e.operands):
        if isinstance(node, Product) and len(node.args) == 2 and node.args[1] is node.args[0].T and len(node.shape) == 2:
            if node is a:
                yield product(node.args[1], node.args[0])
            return


def rows_stacked(a, f, wrt, how):
    """A Jacobian in vec form with rows stacked in place of columns."""
    if how.get("layout") == "vec" and a.axes is None and len(a.shape) == 2:
        w = next(s for s in f.symbols if s.name == wrt)
        of = w if how["kind"] == "hessian" else f
        if len(of.shape) == 2 and len(w.shape) == 2:
            yield mc.K(of.rows, of.cols) @ a @ mc.K(w.cols, w.rows)


SPOILERS = {
    transposed: ("transposed", "layout"),
    doubled: ("constant factor",),
    halved: ("constant factor",),
    over_a_dimension: ("constant factor",),
    times_a_scalar: ("constant factor",),
    opposite: ("sign",),
    as_if_symmetric: ("only for symmetric", "missing transpose inside"),
    term_dropped: ("missing term",),
    term_added: ("extra term",),
    sign_flipped: ("sign of one term",),
    entrywise: ("Hadamard for product",),
    matrix_product: ("product for Hadamard",),
    one_transpose_less: ("missing transpose inside", "only for symmetric"),
    turned_round: ("commuting",),
    factor_dropped: ("missing factor",),
    summed: ("wrong shape",),
    stacked: ("wrong shape",),
    gram: ("wrong shape", "commuting"),
    rows_stacked: ("layout",),
}


@cache
def spoiled(key):
    """Every spoiled answer of a case, with the spoiler, where the value is another one; by numbers made here."""
    f, wrt, right, how = question(key)
    found = []
    for spoiler in SPOILERS:
        extra_arguments = (wrt, how) if spoiler is rows_stacked else ()
        for wrong in spoiler(right, f, *extra_arguments):
            if any(differ(x, y) for x, y in pairs(key, right, wrong)):
                found.append((spoiler, wrong))
    return found


def pairs(key, *exprs, bend=lambda name, a: a):
    """The values of expressions at a few points, made by the referee, as NumPy arrays."""
    c = CASES[key]
    for seed in range(3):
        values = {name: bend(name, np.array(v)) for name, v in draw(c, sizes(c), seed).items()}
        with np.errstate(all="ignore"):
            yield [numbers(e, {**upstream_value(key, seed), **values}, sizes(c)) for e in exprs]


def upstream_value(key, seed):
    """A value of the upstream gradient, where the variables of the case do not have it."""
    f, how = question(key)[0], question(key)[3]
    if "upstream" not in how:
        return {}
    shape = [sizes(CASES[key])[str(d)] if not isinstance(d, int) else d for d in f.shape]
    return {how["upstream"]: np.random.default_rng(seed).normal(size=shape)}


def differ(x, y):
    """Whether two arrays differ by more than rounding."""
    return x.shape != y.shape or not np.allclose(x, y, rtol=1e-7, atol=1e-9 * np.max(np.abs(x), initial=0.0))


def proportional(x, y):
    """Whether one array is a multiple of another of its shape."""
    return x.shape == y.shape and not differ(x * np.vdot(y, y), y * np.vdot(y, x))


def symmetric(name, a):
    return (a + a.T) / 2 if a.ndim == 2 and a.shape[0] == a.shape[1] else a


def confirmed(key, kind, right, wrong):
    """Whether a diagnosis of another kind than the spoiler's own is true all the same."""
    values = list(pairs(key, right, wrong))
    match kind:
        case "transposed":
            return all(x.ndim < 3 and proportional(x.T, y) for x, y in values)
        case "constant factor" | "sign":
            return all(proportional(x, y) for x, y in values)
        case "wrong shape":
            return all(x.shape != y.shape for x, y in values)
        case "layout":
            return all(not differ(np.sort(x, axis=None), np.sort(y, axis=None)) for x, y in values)
        case "only for symmetric":
            return all(not differ(x, y) for x, y in pairs(key, right, wrong, bend=symmetric))
    return False


def judged(keys):
    """What is said of every spoiled answer: own, confirmed or another kind; and those that were called right."""
    counts, misses, called_right = Counter(), [], []
    for key in keys:
        f, wrt, right, how = question(key)
        for spoiler, wrong in spoiled(key):
            report = mc.check(f, wrt, wrong, trials=3, **how)
            kind = report.diagnosis.kind if report.diagnosis else "none"
            said = f"{spoiler.__name__} of {key}: {wrong} is said to be {report.diagnosis}"
            if report.passed or kind == "right":
                called_right.append(said)
            elif kind in SPOILERS[spoiler] or confirmed(key, kind, right, wrong):
                counts["good"] += 1
            else:
                counts["other"] += 1
                misses.append(said)
    return counts, misses, called_right


SHARE = [k for k in CASES if in_share(k, 14)]


def test_spoiled_answers():
    counts, misses, called_right = judged(SHARE)
    assert not called_right
    assert sum(counts.values()) >= 200
    assert counts["good"] >= 0.93 * sum(counts.values()), misses


@pytest.mark.slow
@pytest.mark.parametrize("part", range(9))
def test_all_spoiled_answers(part):
    counts, misses, called_right = judged([k for k in CASES if zlib.crc32(k.encode()) % 9 == part])
    assert not called_right
    assert counts["good"] >= 0.9 * sum(counts.values()), misses


def test_every_spoiler_is_at_work():
    used = {spoiler for k in SHARE for spoiler, _ in spoiled(k)}
    rest = [k for k in CASES if k not in SHARE]
    while used != set(SPOILERS):
        assert rest, sorted(s.__name__ for s in set(SPOILERS) - used)
        used |= {spoiler for spoiler, _ in spoiled(rest.pop())}
