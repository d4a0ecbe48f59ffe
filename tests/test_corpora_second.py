"""Known Jacobians, Hessians and structured gradients, from the files of ``test_corpora.py``.

Every case is compared with the source's own answer, in plain NumPy; a share, and under ``slow`` all of them, with JAX.
"""

import json
import statistics
import zlib
from functools import cache

import jax
import jax.numpy as jnp
import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose
from test_corpora import FOLDER, declarations, draw, numbers, reference, sizes

import matcalc as mc

STRUCTURE = {
    "symmetric-entries": "independent",
    "diagonal-entries": "independent",
    "toeplitz-entries": "independent",
    "symmetric-toeplitz-entries": "independent",
    "symmetric-projected": "projected",
}
SHARE = 12  # one case in so many is compared with JAX by default


def load():
    cases = [json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [c for c in cases if wanted(c)]


def wanted(c):
    """Whether a case is of these kinds, real, and has an answer in the public surface."""
    if any({"complex", "hermitian"} & set(v.get("attrs", [])) for v in c["vars"].values()) or "skip" in c["tags"]:
        return False
    convention = c.get("convention")
    if c.get("kind") == "gradient":
        return convention in STRUCTURE and c.get("answer_form") != "vech"
    return c.get("kind") in ("jacobian", "hessian") and (convention is None or convention in STRUCTURE)


CASES = {c["id"]: c for c in load()}


# ------------------------------------------------------------------ what matcalc answers
def question(case, layout):
    """The derivative that a case asks for, in its own layout or else in this one."""
    f, wrt, convention = mc.parse(case["expr"], declarations(case)), case["wrt"], case.get("convention")
    layout = case.get("answer_form") or layout
    if case["kind"] == "gradient":
        return mc.grad(f, wrt, structure=STRUCTURE[convention])
    if case["kind"] == "jacobian":
        return mc.jacobian(f, wrt, layout=layout)
    return mc.hessian(f, *(wrt if isinstance(wrt, list) else [wrt]), layout=layout)


@cache
def answer(key, layout="tensor"):
    """The result, or why there is none."""
    try:
        return question(CASES[key], layout)
    except mc.UnsupportedError as error:
        return str(error)


# ------------------------------------------------------------------ what it should be
def vec(a):
    return np.asarray(a).T.reshape(-1)


def vech(a):
    return jnp.concatenate([a[j:, j] for j in range(len(a))])


def symmetric(theta, n):
    """The symmetric matrix with these entries on and below its diagonal."""
    place = np.zeros((n, n), int)
    pairs = [(i, j) for j in range(n) for i in range(j, n)]
    for k, (i, j) in enumerate(pairs):
        place[i, j] = place[j, i] = k
    return theta[place]


def of_the_source(case, values):
    """The source's own answer, in NumPy; its text comes from this project's own files, reviewed like code."""
    names = {"np": np, "jax": jax, "scipy": jax.scipy, "vec": vec, "vech": vech, "L": judge.loss, "dL": jax.grad(judge.loss)}
    names |= {"K": judge.commutation, "Dup": judge.duplication, "adj": judge.adjugate}
    names |= {"sqrtm": judge.sqrtm, "logm": judge.logm, "expm": judge.expm}
    names |= {"cosm": lambda a: judge.cosine_and_sine(a)[0], "sinm": lambda a: judge.cosine_and_sine(a)[1]}
    f = eval(case["answer_ref"], names)
    known = {**names, **{k: v if isinstance(v, int) else np.asarray(v) for k, v in values.items()}}
    return np.asarray(f(**{name: known[name] for name in f.__code__.co_varnames[: f.__code__.co_argcount]}))


def by_jax(case, values):
    """The derivative of the case's own function, in the case's layout."""
    names = case["wrt"] if isinstance(case["wrt"], list) else [case["wrt"]]
    own, form, convention = reference(case), case.get("answer_form"), case.get("convention")
    f = lambda *args: jnp.asarray(own({**values, **dict(zip(names, args, strict=True))}))  # noqa: E731
    at = [values[name] for name in names]
    if case["kind"] == "gradient":
        return entries(f, at[0], convention)
    if form == "vech":
        g = lambda t: by_triangle(f(symmetric(t, len(at[0]))))  # noqa: E731
        return np.asarray((jax.jacobian if case["kind"] == "jacobian" else jax.hessian)(g)(vech(at[0])))
    if case["kind"] == "jacobian":
        out, axes = jax.jacobian(f)(at[0]), (f(at[0]).ndim, at[0].ndim)
    elif len(names) == 1:
        out, axes = jax.hessian(f)(at[0]), (at[0].ndim, at[0].ndim)
    else:
        out, axes = jax.jacfwd(jax.grad(f, argnums=0), argnums=1)(*at), (at[0].ndim, at[1].ndim)
    out = np.asarray(out)
    if form == "vec":
        rows = int(np.prod(out.shape[: axes[0]], dtype=int))
        order = [*reversed(range(axes[0])), *reversed(range(axes[0], sum(axes)))]
        return out.transpose(order).reshape(rows, -1)
    return out


def by_triangle(a):
    return vech(a) if a.ndim == 2 and a.shape[0] == a.shape[1] else a


def entries(f, x, convention):
    """The gradient under a convention for structured matrices: by free entries, or for the projected one by all."""
    n = len(x)
    offset = np.array([[j - i + n - 1 for j in range(n)] for i in range(n)])
    if convention == "symmetric-entries":
        return np.asarray(symmetric(jax.grad(lambda t: f(symmetric(t, n)))(vech(x)), n))
    if convention == "diagonal-entries":
        return np.diag(jax.grad(lambda t: f(jnp.diag(t)))(jnp.diag(x)))
    if convention == "toeplitz-entries":
        return np.asarray(jax.grad(lambda t: f(t[offset]))(jnp.concatenate([x[::-1, 0], x[0, 1:]])))[offset]
    if convention == "symmetric-toeplitz-entries":
        offset = np.abs(offset - (n - 1))
        return np.asarray(jax.grad(lambda t: f(t[offset]))(x[0]))[offset]
    return np.asarray(jax.grad(f)(x))


def settled(case, a):
    """What the convention defines: of a projected answer only the action on symmetric changes."""
    if case.get("convention") != "symmetric-projected":
        return a
    found = next(iter(sizes(case).values()))
    if case.get("answer_form") != "vec":
        return (a + np.swapaxes(a, -1, -2)) / 2
    half = (np.eye(found**2) + np.asarray(judge.commutation(found, found))) / 2
    a = a @ half
    return half @ a if case["kind"] == "hessian" else a


# ------------------------------------------------------------------ comparing
def compare(key, want_of):
    """The compiled result against an answer, at the first random point where that is finite."""
    case, result = CASES[key], answer(key)
    found = sizes(case)
    for seed in range(3):
        values = draw(case, found, seed)
        want = want_of(case, values)
        if np.all(np.isfinite(want)):
            break
    got = numbers(result, values, found)
    assert got.size == want.size, f"{got.shape} against {want.shape}"
    got, want = settled(case, got.reshape(want.shape)), settled(case, want)
    scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
    message = f"{case['kind']} of {case['expr']} by {case['wrt']}: {result}"
    assert_allclose(got, want, rtol=1e-6, atol=1e-7 * scale, err_msg=message)


SUPPORTED = list(CASES)
OF_JAX = {k: zlib.crc32(k.encode()) % SHARE == 0 or CASES[k]["kind"] == "gradient" for k in SUPPORTED}


@pytest.mark.parametrize("key", [k for k in SUPPORTED if CASES[k]["answer_ref"]])
def test_the_source_has_the_same_answer(key):
    compare(key, of_the_source)


@pytest.mark.parametrize("key", [k if OF_JAX[k] else pytest.param(k, marks=pytest.mark.slow) for k in SUPPORTED])
def test_jax_has_the_same_answer(key):
    compare(key, by_jax)


def test_answers_are_in_matrix_notation_and_as_short_as_the_sources():
    ratios = {}
    for key in SUPPORTED:
        result = answer(key, "numerator")
        assert "einsum(" not in str(result)
        if CASES[key]["answer"]:
            ratios[key] = mc.count_ops(result) / max(1, mc.count_ops(mc.parse(CASES[key]["answer"], declarations(CASES[key]))))
    longer = sorted(((r, key) for key, r in ratios.items() if r > 1.25), reverse=True)
    assert statistics.median(ratios.values()) <= 1
    assert len(longer) <= 0.1 * len(ratios), longer
