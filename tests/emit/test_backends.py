"""Every back end against NumPy's, over random expressions, the registry, the templates and the corpora."""

import random
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from shares import compiled_ones_apart
from strategies import random_expr, random_with
from test_corpora import CASES, EXCLUDED, answer, draw, sizes

import matcalc as mc
from matcalc.dims import DimSymbol
from matcalc.emit.libraries import BACKENDS
from matcalc.node import postorder
from matcalc.ops import OPERATORS

jax.config.update("jax_enable_x64", True)

SIZES = {"m": 3, "n": 4, "p": 2}  # those of the strategies
BY_ROUNDING = {"EigVecMax", "EigVecMin", "EigVecs", "IsLargest", "Sign", "Step", "SvdU", "SvdV", "UserElementwise"}
LIBRARIES = {
    "jax": ("jax", np.asarray, {"L": lambda a: jnp.sum(jnp.sin(a)), "dL": jnp.cos}),
    "torch": ("torch", torch.as_tensor, {"L": lambda a: torch.sum(torch.sin(a)), "dL": torch.cos}),
    "array_api of NumPy": ("array_api", np.asarray, {"L": lambda a: np.sum(np.sin(a)), "dL": np.cos}),
    "array_api of torch": ("array_api", torch.as_tensor, {"L": lambda a: torch.sum(torch.sin(a)), "dL": torch.cos}),
    "array_api of JAX": ("array_api", jnp.asarray, {"L": lambda a: jnp.sum(jnp.sin(a)), "dL": jnp.cos}),
}
USUAL = [pytest.param(x, marks=pytest.mark.slow) if x == "array_api of JAX" else x for x in LIBRARIES]  # that one is slow
KINDS = {"jax": jax.Array, "torch": torch.Tensor, "array_api of torch": torch.Tensor, "array_api of JAX": jax.Array}
OTHERS = [name for name in BACKENDS if name != "numpy"]


def shape_of(e):
    return tuple(d if isinstance(d, int) else int(d.subs({DimSymbol(k): v for k, v in SIZES.items()})) for d in e.shape)


def called(call, values, functions, convert=np.asarray):
    known = {**SIZES, **functions, **{k: v if isinstance(v, int) else convert(v) for k, v in values.items()}}
    with np.errstate(all="ignore"):
        return call(**{name: known[name] for name in call.names})


def decided_by_rounding(roots):
    return any(type(e).__name__ in BY_ROUNDING for e in postorder(roots, lambda e: e.operands))


def agree(outputs, given, library, rtol=1e-9):
    """A back end gives what NumPy gives, where that is a number of a usual size."""
    backend, convert, functions = LIBRARIES[library]
    want = called(mc.compile(outputs), given, LIBRARIES["array_api of NumPy"][2])
    call = mc.compile(outputs, backend=backend)
    got = called(call, given, functions, convert)
    compared = 0
    for e, x, y in zip(outputs, want, got, strict=True):
        if call.names and not set(call.names) <= set(SIZES):  # from sizes alone the array API makes NumPy's arrays
            assert isinstance(y, KINDS.get(library, (np.ndarray, np.generic))), (library, type(y), call.source)
        assert tuple(y.shape) == np.shape(x), call.source
        assert np.shape(x) == shape_of(e)
        if np.all(np.isfinite(x)) and np.max(np.abs(x), initial=0) < 1e8:
            scale = max(1.0, float(np.max(np.abs(x), initial=0)))
            np.testing.assert_allclose(np.asarray(y) / scale, x / scale, rtol=rtol, atol=rtol, err_msg=f"{e}\n{call.source}")
            compared += 1
    return compared


def drawn(roots, seed):
    numbers = np.random.default_rng(seed)
    out = {}
    for name, s in sorted({s.name: s for e in roots for s in e.symbols}.items()):
        out[name] = 2 if s.has("integer") else numbers.uniform(0.3, 0.9, shape_of(s))
    return out


@cache
def random_outputs(seed):
    rng = random.Random(f"back ends {seed}")
    outputs = []
    while len(outputs) < 2:
        e = random_expr(rng, depth=rng.choice([1, 2, 3, 4]))
        if not decided_by_rounding([e]):
            outputs.append(e)
    return outputs, drawn(outputs, seed)


@pytest.mark.parametrize(("seed", "library"), compiled_ones_apart(range(12), USUAL, 4))
def test_random_expressions(seed, library):
    agree(*random_outputs(seed), library)


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("seed", range(12, 250))
def test_many_random_expressions(seed, library):
    agree(*random_outputs(seed), library)


@cache
def with_operator(name):
    rng = random.Random(f"operator {name}")
    for _ in range(100):
        e = random_with(rng, name, 1)
        if name in BY_ROUNDING or not decided_by_rounding([e]):
            return e
    raise AssertionError(name)


@pytest.mark.parametrize(("name", "library"), compiled_ones_apart(sorted(OPERATORS), USUAL, 6))
def test_every_operator(name, library):
    e = with_operator(name)
    for seed in range(5):
        if agree([e], drawn([e], seed), library):
            return
    raise AssertionError(f"no finite value of {e}")


# ------------------------------------------------------------------ the corpora
def case_agrees(key, library):
    """The derivative of a known case, with the values that the case asks for."""
    result = answer(key)
    if isinstance(result, str) or key in EXCLUDED:
        pytest.skip("no answer")
    found = sizes(CASES[key])
    values = {k: v if isinstance(v, int) else np.asarray(v) for k, v in draw(CASES[key], found, 0).items()}
    backend, convert, functions = LIBRARIES[library]
    outcome = []
    for name, of, calls in (("numpy", np.asarray, LIBRARIES["array_api of NumPy"][2]), (backend, convert, functions)):
        call = mc.compile(result, backend=name)
        known = {**found, **calls, **{k: v if isinstance(v, int) else of(v) for k, v in values.items()}}
        with np.errstate(all="ignore"):
            outcome.append(np.asarray(call(**{n: known[n] for n in call.names})))
    want, got = outcome
    assert got.shape == want.shape
    if np.all(np.isfinite(want)):
        scale = max(1.0, float(np.max(np.abs(want), initial=0)))
        np.testing.assert_allclose(got / scale, want / scale, rtol=1e-9, atol=1e-9, err_msg=f"{key}: {result}")


@pytest.mark.parametrize(("key", "library"), compiled_ones_apart(sorted(CASES)[::40], USUAL, 4))
def test_corpora(key, library):
    case_agrees(key, library)


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("key", sorted(CASES))
def test_all_of_the_corpora(key, library):
    case_agrees(key, library)


# ------------------------------------------------------------------ what each library is used for
A, x, b, w = mc.symbols("A[m,n] x[n] b[m] w[m]")
LOSS = mc.sum(mc.softplus(A @ x - b))
GIVEN = {name: np.random.default_rng(k).normal(size=s) for k, (name, s) in enumerate({"A": (6, 3), "x": 3, "b": 6}.items())}


def test_jax_differentiates_and_maps_the_function():
    value = mc.compile(LOSS, [x, A, b], backend="jax")
    gradient = mc.compile(mc.grad(LOSS, x), [x, A, b], backend="jax")
    hessian = mc.compile(mc.hessian(LOSS, x), [x, A, b], backend="jax")
    point, *others = (jnp.asarray(GIVEN[n]) for n in value.names)
    np.testing.assert_allclose(gradient(point, *others), jax.grad(value.function)(point, *others), rtol=1e-12)
    np.testing.assert_allclose(hessian(point, *others), jax.jacfwd(gradient.function)(point, *others), rtol=1e-12, atol=1e-14)
    points = jnp.stack([point, 2 * point])
    several = jax.jit(jax.vmap(gradient.function, (0, None, None)))(points, *others)
    np.testing.assert_allclose(several[1], gradient(2 * point, *others), rtol=1e-12)
    inside = jax.jit(lambda p: gradient(p, *others))(point)  # the checked call under another jit
    np.testing.assert_allclose(inside, gradient(point, *others), rtol=1e-12)


def test_jax_multiplies_vectors_first():
    call = mc.compile(A.T @ (A @ x - b), backend="jax")
    assert call.source.splitlines()[-1].strip() == "return (A @ x - b) @ A"
    np.testing.assert_allclose(call(**GIVEN), GIVEN["A"].T @ (GIVEN["A"] @ GIVEN["x"] - GIVEN["b"]), rtol=1e-12)
    X, U = mc.symbols("X[m,n] U[m,p]")
    assert "X.T @ U" in mc.compile(X.T @ U, backend="jax").source


def test_jax_keeps_results_apart_from_arguments():
    given = np.ones(3)
    out = mc.compile(x, backend="jax")(given)
    given[0] = 7.0
    np.testing.assert_array_equal(out, np.ones(3))


def test_jax_compiles_once_a_shape():
    runs = []

    def loss(f):
        runs.append(f.shape)
        return jnp.sum(f)

    call = mc.compile(mc.function("L")(A @ x), backend="jax")
    for k in range(4):
        call(A=GIVEN["A"], x=GIVEN["x"] * k, L=loss)
    assert runs == [(6,)]
    call(A=GIVEN["A"][:4], x=GIVEN["x"], L=loss)
    assert runs == [(6,), (4,)]


def test_jax_takes_integer_exponents_and_sizes():
    call = mc.compile([mc.parse(text, "k(integer) S[n,n]") for text in ("S^k", "k*S")], backend="jax")
    for exponent in (2, 5):
        got = call(S=GIVEN["A"][:3], k=exponent)
        np.testing.assert_allclose(got[0], np.linalg.matrix_power(GIVEN["A"][:3], exponent), rtol=1e-12)
        np.testing.assert_allclose(got[1], exponent * GIVEN["A"][:3], rtol=1e-14)


def test_torch_makes_a_graph_only_where_an_input_asks():
    value = mc.compile(LOSS, [x, A, b], backend="torch")
    gradient = mc.compile(mc.grad(LOSS, x), [x, A, b], backend="torch")
    point, *others = (torch.as_tensor(GIVEN[n]) for n in value.names)
    assert not gradient(point, *others).requires_grad
    assert gradient(point, *others).grad_fn is None
    point.requires_grad_()
    value(point, *others).backward()
    np.testing.assert_allclose(point.grad, gradient(point, *others).detach(), rtol=1e-12)
    again = torch.func.vmap(gradient.function, (0, None, None))(torch.stack([point, 2 * point]), *others)
    np.testing.assert_allclose(again[1].detach(), gradient(2 * point, *others).detach(), rtol=1e-12)


def test_torch_compiles_the_whole_function():
    S = mc.symbols("S[n,n]")
    outputs = [mc.hessian(LOSS, x), mc.softmax(x), mc.kron(S, mc.eye(2)), OPERATORS["Commutation"]((2, 3)), 2**0.5 * x]
    call = mc.compile(outputs, backend="torch")
    given = [torch.as_tensor({**GIVEN, "S": GIVEN["A"][:3]}[n]) for n in call.names]
    run = torch.compile(call.function, fullgraph=True, backend="eager")  # "eager" traces all and needs no C++ compiler
    for got, want in zip(run(*given), call(*given), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def traced_whole(name):
    e = with_operator(name)
    call = mc.compile(e, backend="torch")
    given = {k: v if isinstance(v, int) else torch.as_tensor(v) for k, v in drawn([e], 0).items()}
    known = {**SIZES, **LIBRARIES["torch"][2], **given}
    arguments = [known[n] for n in call.names]
    torch._dynamo.reset()
    got = torch.compile(call.function, fullgraph=True, backend="eager")(*arguments)
    np.testing.assert_allclose(np.asarray(got), np.asarray(call(*arguments)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", sorted(OPERATORS)[::12])
def test_torch_compiles_operators(name):
    traced_whole(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_torch_compiles_every_operator(name):
    traced_whole(name)


def test_the_array_api_refuses_a_mixture():
    call = mc.compile(A @ x, backend="array_api")
    with pytest.raises(mc.OperandError, match="the arrays are of different libraries: numpy, torch"):
        call(A=torch.as_tensor(GIVEN["A"]), x=GIVEN["x"])


def test_dask_stays_lazy():
    da = pytest.importorskip("dask.array")
    call = mc.compile(mc.grad(LOSS, x), [x, A, b], backend="array_api")
    made = call(da.asarray(GIVEN["x"]), da.from_array(GIVEN["A"], chunks=(2, 3)), da.from_array(GIVEN["b"], chunks=2))
    assert isinstance(made, da.Array)
    np.testing.assert_allclose(made.compute(), mc.compile(mc.grad(LOSS, x))(**GIVEN), rtol=1e-12)


@pytest.mark.parametrize("library", ["jax", "torch"])
@pytest.mark.parametrize("shape", [(40, 7), (300, 260), (90, 401), (1, 300), (300, 1)])
@pytest.mark.parametrize("text", ["A'*A", "A'*diag(w)*A", "A*A'", "A'*(A.*(w*ones(n)'))", "A'*diag(w.*w)*A + eye(n)"])
def test_symmetric_products(library, shape, text):
    rng = np.random.default_rng(1)
    given = {"A": rng.normal(size=shape), "w": rng.normal(size=shape[0])}
    backend, convert, _ = LIBRARIES[library]
    call = mc.compile(mc.parse(text, "A[m,n] w[m]"), backend=backend)
    got = np.asarray(call(**{n: convert(given[n]) for n in call.names}))
    want = mc.compile(mc.parse(text, "A[m,n] w[m]"))(**{n: given[n] for n in call.names})
    np.testing.assert_allclose(got, want, atol=1e-11)


def test_only_symmetric_products_are_halved():
    call = mc.compile(mc.parse("(A'.*M)*A", "A[m,n] M[n,m]"), backend="torch")
    assert "symmetric_product" not in call.source
    given = {"A": np.random.default_rng(0).normal(size=(200, 400)), "M": np.random.default_rng(1).normal(size=(400, 200))}
    np.testing.assert_allclose(call(**given), (given["A"].T * given["M"]) @ given["A"], atol=1e-10)
