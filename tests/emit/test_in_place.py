"""Writing over arrays and blocks change no value, no argument, and tie no two results together."""

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest
from strategies import random_expr

import matcalc as mc
from matcalc.dims import DimSymbol
from matcalc.emit import compile as compile_expr
from matcalc.emit import compiled
from matcalc.emit.backends import NUMPY
from matcalc.emit.passes import blocks, tidy
from matcalc.emit.writing import inplace, loops
from matcalc.expr import substitute
from matcalc.node import postorder

SIZES = {"m": 3, "n": 4, "p": 2}  # those of the strategies
SKIP = {"EigVecMax", "EigVecMin", "IsLargest", "Sign", "Step", "UserElementwise"}  # decided by rounding errors
PLAIN = replace(NUMPY, in_place=False)


@pytest.fixture
def everywhere(monkeypatch):
    """Arrays of any size count as large, a block has few entries, and one operation is worth a loop."""
    monkeypatch.setattr(inplace, "LARGE", 1)
    monkeypatch.setattr(tidy, "ROOMY", 1)
    monkeypatch.setattr(blocks, "BIG", 1)
    monkeypatch.setattr(blocks, "FEWEST", 1)
    monkeypatch.setattr(blocks, "is_known", lambda d, sizes: True)
    monkeypatch.setattr(loops, "ENTRIES", 5)


def shape_of(e):
    return tuple(d if isinstance(d, int) else int(d.subs({DimSymbol(k): v for k, v in SIZES.items()})) for d in e.shape)


def call_with(call, values):
    known = {**SIZES, "L": lambda a: np.sum(np.sin(a)), "dL": np.cos, **values}
    with np.errstate(all="ignore"):
        return call(**{name: known[name] for name in call.names})


def plain_compile(outputs, monkeypatch):
    with monkeypatch.context() as m:
        m.setattr(compiled, "backend_of", lambda _: PLAIN)
        return compile_expr(outputs)


def agree(outputs, given, monkeypatch, **tolerances):
    call, plain = compile_expr(outputs), plain_compile(outputs, monkeypatch)
    before = {name: np.array(v) for name, v in given.items()}
    got, want = call_with(call, given), call_with(plain, given)
    for e, x, y in zip(outputs, got, want, strict=True):
        assert np.shape(x) == np.shape(y) == shape_of(e), call.source
        if all(np.asarray(v).dtype == np.float64 for v in given.values()):
            assert np.asarray(x).dtype == np.asarray(y).dtype, call.source
        finite = np.isfinite(y)
        scale = max(1.0, float(np.max(np.abs(y), where=finite, initial=0)))
        np.testing.assert_allclose(
            x / scale, y / scale, **({"rtol": 1e-9, "atol": 1e-12} | tolerances), err_msg=f"{e}\n{call.source}"
        )
    for name, v in given.items():
        np.testing.assert_array_equal(v, before[name], err_msg=call.source)
    arrays = [a for a in [*got, *given.values()] if isinstance(a, np.ndarray) and a.ndim]
    results = [a for a in got if isinstance(a, np.ndarray) and a.ndim]
    for a, b in itertools.combinations(arrays, 2):
        if any(a is r or b is r for r in results):
            assert not np.shares_memory(a, b), f"{outputs}\n{call.source}"
    return call


def values_for(outputs, rng, order="C", dtype=float):
    symbols = {s.name: s for e in outputs for s in e.symbols}
    return {name: np.asarray(rng.uniform(0.3, 0.9, shape_of(s)), dtype, order=order) for name, s in sorted(symbols.items())}


def decided_by_rounding(outputs):
    return any(type(e).__name__ in SKIP for e in postorder(outputs, lambda e: e.operands))


@pytest.mark.parametrize("seed", range(500))
def test_same_values(seed, everywhere, monkeypatch):
    rng = random.Random(seed)
    outputs = [random_expr(rng, depth=rng.choice([2, 3, 4])) for _ in range(rng.choice([1, 2, 3]))]
    if decided_by_rounding(outputs):
        pytest.skip("decided by rounding errors")
    numbers = np.random.default_rng(seed)
    dtype = np.float32 if seed % 7 == 3 else float
    given = values_for(outputs, numbers, rng.choice("CF"), dtype)
    agree(outputs, given, monkeypatch, **({"rtol": 1e-3, "atol": 1e-3} if dtype is not float else {"rtol": 1e-7, "atol": 1e-8}))


FORMULAS = (
    "exp(-x.^2).*sin(x)./(x.^2 .+ 1)",
    "X.*(X .+ y).*exp(X)",
    "(X .- sum(X,1)/3)./(ones(m)*sqrt(sum((X .- sum(X,1)/3).^2,1) .+ 1)) .+ z'",
    "sum(tanh(exp(X).*Z + X), 2) + y",
    "sum(tanh(X.*Z) - X)*exp(X .- y)",
    "sigmoid(X*W)*softmax(Z, 2)' + X*W*Z'",
    "softplus(exp(X') .- z)",
    "exp(X*W) - exp(X*W)./(1 .+ exp(X*W))",
    "relu(X*W).*Z + 3*(2*X - 5*Z)/7",
    "sum((3*X - 2*Z*diag(z))*2 + X.*Z, 1)",
    "(x.^2 .- 1).^2./(x.^2 .+ 1)",
    "sum(X.*Z, 2)*ones(n)' + (sum(X.*X, 2)*ones(n)').*X",
    "sum(exp(X).*Z + X, 2) + y",
)


def declared(text):
    return mc.parse(text, "x[n] X[m,n] Z[m,n] W[n,n] y[m] z[n]")


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("layout", ["C", "F", "strided", "float32", "mixed"])
def test_layouts(text, layout, everywhere, monkeypatch):
    e = declared(text)
    rng = np.random.default_rng(1)
    given = values_for([e], rng, "F" if layout == "F" else "C", np.float32 if layout == "float32" else float)
    if layout == "strided":
        given = {k: np.repeat(v, 2, axis=-1)[..., ::2] for k, v in given.items()}
    if layout == "mixed":
        given["X" if "X" in given else "x"] = next(iter(given.values())).astype(np.float32)
        given = {k: (v.astype(np.float32) if k in ("X", "x") else v) for k, v in values_for([e], rng).items()}
    tolerance = {"rtol": 2e-5, "atol": 1e-5} if layout in ("float32", "mixed") else {}
    agree([e], given, monkeypatch, **tolerance)


@pytest.mark.parametrize("text", FORMULAS)
def test_derivatives(text, everywhere, monkeypatch):
    e = mc.sum(declared(text))
    wrt = [s for s in e.symbols if s.name in "xXZ"]
    outputs = [e, *mc.grad(e, wrt)]
    agree(outputs, values_for(outputs, np.random.default_rng(2)), monkeypatch)


@pytest.mark.parametrize("text", FORMULAS[:5])
def test_true_sizes(text, monkeypatch):
    """With the sizes at which blocks begin, and one row more than blocks have."""
    n, m = DimSymbol("n"), DimSymbol("m")
    sizes = {n: 131073, m: 1} if text.startswith("exp(-x") else {n: 301, m: 601}
    e = declared(text)
    sized = {s: mc.parse(s.name, f"{s.name}[{','.join(str(sizes.get(d, d)) for d in s.shape)}]") for s in e.symbols}
    e = substitute(e, sized) if "ones(m)" not in text else mc.parse(text.replace("(m)", "(601)"), "X[601,301] z[301]")
    rng = np.random.default_rng(3)
    given = {s.name: rng.uniform(0.1, 0.9, s.shape) for s in e.symbols}
    call, plain = compile_expr(e), plain_compile(e, monkeypatch)
    assert "for i in range" in call.source or "ones(m)" in text  # which has too few steps for a loop
    np.testing.assert_allclose(call(**given), plain(**given), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("rows", [4, 7])
def test_batch_normalisation(rows, everywhere, monkeypatch):
    """Vectors are worked on before matrices, and two loops do all of it."""
    monkeypatch.setattr(blocks, "BIG", 12)  # not the vectors
    monkeypatch.setattr(blocks, "FEWEST", 3)
    C = f"X .- sum(X,1)/{rows}"
    text = f"({C}) ./ (ones({rows})*sqrt(sum(({C}).^2,1)/{rows} .+ 0.01)) .* (ones({rows})*g') .+ b'"
    f = mc.parse(text, f"X[{rows},3] g[3] b[3]")
    outputs = mc.vjp(f, ["X", "g", "b"], "G")
    call = agree(outputs, values_for(outputs, np.random.default_rng(4)), monkeypatch)
    assert call.source.count("for i in range") == 2


def test_masks_reuse_the_positive_part(monkeypatch):
    monkeypatch.setattr(tidy, "ROOMY", 1)
    f = mc.parse("sum(relu(W*X).*Y)", "W[m,n] X[n,p] Y[m,p]")
    outputs = mc.grad(f, ["W", "X"])
    call = agree(outputs, values_for(outputs, np.random.default_rng(4)), monkeypatch)
    assert "heaviside" not in call.source
    assert "> 0" in call.source
    kept = mc.compile(mc.parse("sum(step(X)) + sum(step(X) - Y)", "X[m,n] Y[m,n]"))
    assert "heaviside" in kept.source


def test_no_entries(everywhere):
    e = declared("sum(exp(-x.^2).*sin(x))")
    assert compile_expr(e)(np.zeros(0)) == 0
    assert compile_expr(declared("exp(x).*x"))(np.zeros(0)).shape == (0,)


def test_person_style():
    """Products and functions of large arrays are worked on where they are; small ones stay plain expressions."""
    e = mc.parse("X'*(softmax(X*W,2) - Y)", "X[2000,200] W[200,100] Y[2000,100]")
    lines = [line.strip() for line in compile_expr(e).source.splitlines()[-4:]]
    assert lines == ["t0 = X @ W", "softmax(t0, axis=1, out=t0)", "t0 -= Y", "return X.T @ t0"]
    small = mc.parse("X'*(softmax(X*W,2) - Y)", "X[20,20] W[20,10] Y[20,10]")
    assert compile_expr(small).source.splitlines()[-1].strip() == "return X.T @ (softmax(X @ W, axis=1) - Y)"


def test_complex_arrays_are_left_alone(everywhere, monkeypatch):
    Z = mc.matrix("Z", 3, 4, complex=True)
    X = mc.matrix("X", 3, 4)
    outputs = [mc.multiply(mc.exp(X), mc.exp(Z)), mc.exp(X) * 2]
    rng = np.random.default_rng(0)
    given = {"X": rng.normal(size=(3, 4)), "Z": rng.normal(size=(3, 4)) + 1j}
    agree(outputs, given, monkeypatch)
