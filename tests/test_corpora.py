"""Known questions with known answers, from public sources, through the public surface alone."""

import json
import statistics
import zlib
from functools import cache
from itertools import permutations
from pathlib import Path

import jax
import jax.numpy as jnp
import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose

import matcalc as mc

FOLDER = Path(__file__).parent / "corpora"
FACTS = {
    "symmetric", "psd", "diagonal", "orthogonal", "invertible", "lower_triangular", "skew", "positive", "unit", "simplex",
    "integer", "toeplitz", "zero_diagonal",
}  # fmt: skip
EXCLUDED = {
    "mse-1690926-tril": "the same input as mse-1690926, whose answer has another layout: one of the two must fail",
}
REFUSED: dict[str, set[str]] = {}  # by operator, the cases that raise UnsupportedError


def load():
    cases = [json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [
        c
        for c in cases
        if c.get("kind") in ("gradient", "vjp")
        and not c.get("convention")
        and isinstance(c["wrt"], str)
        and not any({"complex", "hermitian"} & set(v.get("attrs", [])) for v in c["vars"].values())
    ]


CASES = {c["id"]: c for c in load()}


# ------------------------------------------------------------------ one case
def declarations(case):
    """The variables of a case as ``mc.parse`` reads them."""
    out = []
    for name, spec in case["vars"].items():
        facts = [f for f in spec.get("attrs", []) if f in FACTS]
        shape = f"[{','.join(map(str, spec['shape']))}]" if spec["shape"] else ""
        out.append(name + shape + (f"({','.join(facts)})" if facts else ""))
    return " ".join(out)


def reference(case):
    """The case's own function, as a function of JAX arrays.

    The text is evaluated as Python: it comes from this project's own files, which are reviewed like code.
    """
    names = {"np": jnp, "jax": jax, "scipy": jax.scipy, "L": judge.loss, "vec": lambda a: jnp.reshape(a.T, -1)}
    names |= {"adj": judge.adjugate, "sqrtm": judge.sqrtm, "logm": judge.logm, "expm": judge.expm}
    names |= {"cosm": lambda a: judge.cosine_and_sine(a)[0], "sinm": lambda a: judge.cosine_and_sine(a)[1]}
    f = eval(case["ref"], names)
    wanted = f.__code__.co_varnames[: f.__code__.co_argcount]
    return lambda values: f(**{name: {"L": judge.loss, **values}[name] for name in wanted})


def sizes(case):
    """Distinct small sizes that satisfy the case's own conditions; few, as JAX compiles for each anew."""
    for order in permutations((4, 3, 5, 2, 6, 7), len(case["dims"])):
        found = dict(zip(case["dims"], order, strict=True))
        if all(holds(condition, found) for condition in case.get("assume", [])):
            return found
    raise AssertionError(case["assume"])


def holds(condition, found):
    """Whether sizes satisfy a condition such as ``n >= m+1``."""
    for sign, test in ((">=", np.greater_equal), ("<=", np.less_equal), (">", np.greater), ("<", np.less)):
        if sign in condition:
            left, right = (
                sum(found[t] if t in found else int(t) for t in side.replace(" ", "").split("+"))
                for side in condition.split(sign)
            )
            return test(left, right)
    raise AssertionError(condition)


def draw(case, found, seed):
    """Values of the variables with the attributes that they declare."""
    values = {}
    for name, spec in case["vars"].items():
        shape = [d if isinstance(d, int) else int(found[d]) if d.isidentifier() else None for d in spec["shape"]]
        facts = spec.get("attrs", [])
        s = mc.symbols(name + (f"[{','.join(map(str, shape))}]" if shape else ""))
        known = type(s)(name, s.dims, tuple(sorted(f for f in facts if f in FACTS)))
        a = np.array(judge.draw_symbol(known, seed)).reshape(shape)
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        if "probability" in facts:
            a = rng.uniform(0.1, 0.9, shape)
        if "signs" in facts:
            a = rng.choice([-1.0, 1.0], shape)
        if "binary" in facts:
            a = rng.integers(0, 2, shape).astype(float)
        if "onehot" in facts:
            a = np.eye(shape[0])[rng.integers(shape[0])]
        if "onehot_rows" in facts:
            a = np.eye(shape[1])[rng.integers(0, shape[1], shape[0])]
        values[name] = int(a) if "integer" in facts else jnp.asarray(a * case.get("draw_scale", {}).get(name, 1.0))
    return values


def derivative(case):
    """What the public surface answers."""
    f = mc.parse(case["expr"], declarations(case))
    return mc.grad(f, case["wrt"]) if case["kind"] == "gradient" else mc.vjp(f, case["wrt"], case["upstream"])


def by_jax(case, values):
    """The derivative of the case's own function."""
    f, w = reference(case), case["wrt"]
    upstream = values[case["upstream"]] if case["kind"] == "vjp" else 1.0
    return np.asarray(jax.grad(lambda x: jnp.sum(upstream * f({**values, w: x})))(values[w]))


def numbers(result, values, found):
    known = {**found, **judge.FUNCTIONS, **{k: v if isinstance(v, int) else np.asarray(v) for k, v in values.items()}}
    call = mc.compile(result)
    return np.asarray(call(**{name: known[name] for name in call.names}))


@cache
def answer(key):
    """The result and the answer's length, or why there is none."""
    try:
        return derivative(CASES[key])
    except mc.UnsupportedError as error:
        return str(error)


@pytest.mark.parametrize(
    "key", [pytest.param(k, marks=pytest.mark.skip(reason=EXCLUDED[k])) if k in EXCLUDED else k for k in CASES]
)
def test_case(key):
    case, result = CASES[key], answer(key)
    refused = any(key in keys for keys in REFUSED.values())
    assert isinstance(result, str) == refused, result
    if refused:
        return
    for seed in range(3):
        found = sizes(case)
        values = draw(case, found, seed)
        want = by_jax(case, values)
        if np.all(np.isfinite(want)):
            break
    got = numbers(result, values, found)
    assert got.shape == want.shape
    scale = max(1.0, float(np.max(np.abs(want))))
    assert_allclose(got, want, rtol=1e-6, atol=1e-7 * scale, err_msg=f"{case['expr']} by {case['wrt']}: {result}")


def test_answers_are_as_short_as_the_sources():
    ratios = {}
    for key, case in CASES.items():
        result = answer(key)
        if case["answer"] and not isinstance(result, str) and key not in EXCLUDED:
            ratios[key] = mc.count_ops(result) / mc.count_ops(mc.parse(case["answer"], declarations(case) + extra(case)))
    longer = sorted(((r, key) for key, r in ratios.items() if r > 1.15), reverse=True)
    assert statistics.median(ratios.values()) <= 1
    assert len(longer) <= 0.1 * len(ratios), longer


def extra(case):
    """The declaration of the upstream gradient, where the variables do not have it."""
    return f" {case['upstream']}" if case["kind"] == "vjp" and case["upstream"] not in case["vars"] else ""
