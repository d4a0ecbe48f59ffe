"""Sums whose factors fall into two equal halves: found, right for weights of every sign, and one half in the code."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import matcalc as mc
from matcalc.emit.contractions.labelled import Labelled
from matcalc.emit.contractions.mirrored import mirrored
from matcalc.emit.values import Builder

m, n, c = mc.dims("m n c")
X, Y, P, W = mc.matrix("X", m, n), mc.matrix("Y", m, c), mc.matrix("P", m, c), mc.matrix("W", c, n)


def code(e):
    return [line.strip() for line in mc.compile(e).source.split('"""\n')[1].splitlines() if ".shape" not in line]


# ------------------------------------------------------------------ finding
def arrays(text):
    """``A:ki A:kj`` as arrays with letters; S is symmetric."""
    b = Builder()
    found = []
    for word in text.split():
        name, letters = word.split(":")
        found.append(Labelled(letters, b.leaf("symbol", name), symmetric=name == "S"))
    return found


@pytest.mark.parametrize(
    ("text", "half", "middle", "shared"),
    [
        ("A:ki A:kj", "A:ki", "", "k"),
        ("A:ki A:kj D:kh B:hi B:hj", "A:ki B:hi", "D:kh", "kh"),
        ("A:ai B:ba A:cj B:bc", "A:ai B:ba", "", "b"),
        ("B:ba A:ai B:bc w:b A:cj w:b", "B:ba A:ai", "w:b w:b", "b"),
        ("S:ai S:aj", "S:ai", "", "a"),
        ("S:ia S:aj", "S:ia", "", "a"),
        ("x:i x:j", "x:i", "", ""),
        ("x:i x:j M:ab", "x:i", "M:ab", ""),
        ("A:ai A:bi A:cj A:dj", "A:ai A:bi", "", ""),
        ("A:ki A:kj M:ku M:kv w:u w:v", "A:ki", "M:ku M:kv w:u w:v", "k"),
    ],
)
def test_halves_are_found(text, half, middle, shared):
    found = mirrored(arrays(text), "i", "j")
    assert [f"{x.value.of}:{x.letters}" for x in found.half] == half.split()
    assert [f"{x.value.of}:{x.letters}" for x in found.middle] == middle.split()
    assert (found.shared, found.own) == (shared, "i")


@pytest.mark.parametrize(
    "text",
    [
        "A:ki B:kj",  # other factors
        "A:ik A:kj",  # transposed
        "S:ij",  # one factor has both
        "A:ai M:ab A:bj",  # the middle is not diagonal
        "A:ai S:ab A:bj",
        "A:ki A:kj C:kij",
        "A:ki A:kj A:kj",
        "A:ai A:bj w:a",
        "A:k A:k",
    ],
)
def test_other_sums_have_no_halves(text):
    assert mirrored(arrays(text), "i", "j") is None


def test_halves_with_two_indices():
    found = mirrored(arrays("X:pi X:pk Q:pj Q:pl"), "ji", "lk")
    assert [x.letters for x in found.half] == ["pi", "pj"]
    assert (found.shared, found.own) == ("p", "ji")
    crossed = mirrored(arrays("X:pi X:pk Q:pj Q:pl"), "jk", "li")
    assert crossed.own in ("jk", "ji")


# ------------------------------------------------------------------ code and values
def weighted(weights):
    return mc.einsum("ki,kj,il,jl,kl->ij", W, W, X.T, X.T, weights)


ROWS = "t0 = (X[:, None, :] * Y[:, :, None]).reshape(m, -1)"
WRITTEN = [
    (mc.einsum("pi,pk,pj,pl->(ji)(lk)", X, X, Y, Y), [ROWS, "return t0.T @ t0"]),
    (mc.einsum("ai,aj,bi,bj->ij", X, X, W, W), ["return X.T @ X * (W.T @ W)"]),
    (mc.einsum("i,j,ki,kj->ij", mc.vector("x", n), mc.vector("x", n), W, W), ["t0 = W * x", "return t0.T @ t0"]),
]  # fmt: skip


@pytest.mark.parametrize(("e", "lines"), WRITTEN, ids=[str(e) for e, _ in WRITTEN])
def test_reads_as_a_person_would_write_it(e, lines):
    assert code(e) == lines


def test_roots_of_weights():
    assert "np.sqrt(" in str(code(weighted(mc.softmax(P, 1).T)))
    assert "np.sqrt" not in str(code(weighted(P.T)))
    squares = code(weighted(mc.power(P, 2).T))
    assert "np.sqrt" not in str(squares)
    assert "@ t" in squares[-1]


WEIGHTS = {
    "unknown": lambda a: a,
    "exp": mc.exp,
    "relu": mc.relu,
    "square": lambda a: mc.power(a, 2),
    "softmax": lambda a: mc.softmax(a, 1),
    "minus": lambda a: -mc.exp(a),
    "zero": lambda a: mc.relu(-mc.exp(a)),
}


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("sizes", [(4, 3, 2), (1, 3, 2), (4, 1, 2), (4, 3, 1), (1, 1, 1), (2, 7, 5)])
def test_values(name, sizes):
    """Weights of each sign at sizes from 1 on, and with numbers for the dimensions."""
    rng = np.random.default_rng(7)
    a, b, k = sizes
    values = {"X": rng.standard_normal((a, b)), "P": rng.standard_normal((a, k)), "W": rng.standard_normal((k, b))}
    weights = mc.compile(WEIGHTS[name](P))(values["P"])
    expected = np.einsum("ki,kj,li,lj,lk->ij", values["W"], values["W"], values["X"], values["X"], weights)
    np.testing.assert_allclose(mc.compile(weighted(WEIGHTS[name](P).T))(**values), expected, rtol=1e-10, atol=1e-12)
    if min(sizes) > 1:  # sizes as numbers
        fixed = {s: mc.matrix(s.name, *values[s.name].shape) for s in (X, P, W)}
        numbered = mc.einsum("ki,kj,il,jl,kl->ij", fixed[W], fixed[W], fixed[X].T, fixed[X].T, WEIGHTS[name](fixed[P]).T)
        np.testing.assert_allclose(mc.compile(numbered)(**values), expected, rtol=1e-10, atol=1e-12)


def test_complex_squares_have_no_sign():
    Z = mc.matrix("Z", m, n, complex=True)
    z = mc.vector("z", m, complex=True)
    e = mc.einsum("ki,kj,k,k->ij", Z, Z, z, z)
    rng = np.random.default_rng(0)
    a, w = rng.standard_normal((4, 3)) + 1j * rng.standard_normal((4, 3)), rng.standard_normal(4) + 1j
    np.testing.assert_allclose(mc.compile(e)(Z=a, z=w), a.T @ np.diag(w * w) @ a)


# ------------------------------------------------------------------ nets
def net_hessian(depth, rows):
    """The Hessian by the first bias of a net with ``depth`` layers for samples in columns, or in rows."""
    layers = range(1, depth + 1)
    sizes = {k: (f"c,{'n' if k > 1 else 'd'}" if k == depth else f"n,{'n' if k > 1 else 'd'}") for k in layers}
    z = "X"
    for k in layers:
        z = f"({z})*W{k}'" if rows else f"W{k}*({z})"
        z = f"{z} .+ b{chr(39) if rows else ''}" if k == 1 else z
        z = f"relu({z})" if k < depth else z
    first = "c" if depth == 1 else "n"
    loss = f"sum(log(sum(exp({z}),{2 if rows else 1}))) - sum(Y.*({z}))"
    declared = f"X[{'m,d' if rows else 'd,m'}] Y[{'m,c' if rows else 'c,m'}] b[{first}] " + " ".join(
        f"W{k}[{sizes[k]}]" for k in layers
    )
    return mc.hessian(mc.parse(loss, declared), "b")


def plain_hessian(values, depth, rows):
    """Sum over samples of J' (diag(p) - p p') J, with the Jacobian of every sample written out."""
    data = values["X"] if rows else values["X"].T
    total = 0
    for x in data:
        z, J = values["W1"] @ x + values["b"], np.eye(len(values["b"]))
        for k in range(2, depth + 1):
            J = values[f"W{k}"] @ np.diag((z > 0) * 1.0) @ J
            z = values[f"W{k}"] @ np.maximum(z, 0)
        p = np.exp(z - z.max())
        p /= p.sum()
        total = total + J.T @ (np.diag(p) - np.outer(p, p)) @ J
    return total


@pytest.mark.parametrize("rows", [False, True], ids=["columns", "rows"])
@pytest.mark.parametrize("depth", [1, 2, 3, 5, 8, 12])
def test_nets(depth, rows):
    e = net_hessian(depth, rows)
    compiled = mc.compile(e)
    assert "einsum" not in compiled.source
    rng = np.random.default_rng(depth)
    for sizes in ({"m": 3, "d": 4, "n": 5, "c": 2}, {"m": 2, "d": 2, "n": 1, "c": 3}, {"m": 1, "d": 3, "n": 4, "c": 2}):
        d, first = sizes["d"], sizes["c"] if depth == 1 else sizes["n"]
        shapes = {"X": (sizes["m"], d) if rows else (d, sizes["m"]), "b": (first,)}
        for k in range(1, depth + 1):
            shapes[f"W{k}"] = (sizes["c"] if k == depth else sizes["n"], sizes["n"] if k > 1 else d)
        values = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        given = {name: a for name, a in values.items() if name in compiled.names}
        np.testing.assert_allclose(compiled(**given), plain_hessian(values, depth, rows), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("depth", [2, 10])
def test_a_net_is_one_half_and_its_square(depth):
    lines = code(net_hessian(depth, rows=False))
    assert lines[-1].startswith("return t")
    assert sum(" @ " in part for line in lines for part in line.split(" = ")[-1:]) <= 3 * depth
    assert sum(f"W{depth} @" in line for line in lines) == 1


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import test_mirrored
print(test_mirrored.mc.compile(test_mirrored.net_hessian(10, rows=False)).source)
print(test_mirrored.mc.compile(test_mirrored.net_hessian(3, rows=True)).source)
"""


def test_the_same_code_in_every_process():
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)]
    texts = []
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(mc.__file__).parents[1])}
        texts.append(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)
    assert len(texts[0]) > 1000
    assert texts[0] == texts[1]


def best_time(function):
    found = []
    for _ in range(5):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return min(found)


def test_planning_is_fast():
    """Ten layers in 10 ms and sixty factors in 50 on an idle machine."""
    e = net_hessian(10, rows=False)
    assert best_time(lambda: mc.compile(e)) < 0.04
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    rng = np.random.default_rng(0)
    pairs = ["".join(rng.choice(list(letters[:40]), 2, replace=False)) for _ in range(60)]
    d = mc.dims("d")
    e = mc.einsum(",".join(pairs) + "->" + pairs[0], *(mc.matrix(f"M{k}", d, d) for k in range(60)))
    assert best_time(lambda: mc.compile(e)) < 0.2


@pytest.mark.parametrize("backend", ["jax", "torch", "array_api"])
@pytest.mark.parametrize("rows", [False, True], ids=["columns", "rows"])
def test_other_libraries(backend, rows):
    """The same steps in every library's words."""
    library = pytest.importorskip({"jax": "jax", "torch": "torch", "array_api": "array_api_compat"}[backend])
    rng = np.random.default_rng(0)
    shapes = {"X": (3, 4) if rows else (4, 3), "b": (5,), "W1": (5, 4), "W2": (5, 5), "W3": (2, 5)}
    values = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    convert = library.tensor if backend == "torch" else library.numpy.asarray if backend == "jax" else np.asarray
    compiled = mc.compile(net_hessian(3, rows), backend=backend)
    found = compiled(**{name: convert(a) for name, a in values.items() if name in compiled.names})
    tolerance = 1e-9 if np.asarray(found).dtype == np.float64 else 1e-4
    np.testing.assert_allclose(np.asarray(found), plain_hessian(values, 3, rows), rtol=tolerance, atol=tolerance)
