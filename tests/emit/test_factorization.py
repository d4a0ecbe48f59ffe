"""Shared factorisations: the helpers of every back end, and programs that use them, against plain NumPy."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from shares import compiled_ones_apart

import matcalc as mc
from matcalc.emit.runtime import factorization

jax.config.update("jax_enable_x64", True)

LIBRARIES = {
    "numpy": ("matcalc.emit.runtime.factorization", np.array),
    "jax": ("matcalc.emit.runtime.factorization_jax", jnp.asarray),
    "torch": ("matcalc.emit.runtime.factorization_torch", lambda a: torch.as_tensor(np.array(a))),
}


@pytest.fixture(params=[*LIBRARIES, "numpy without SciPy"])
def library(request, monkeypatch):
    """The helpers of a library, and what makes its arrays."""
    if request.param == "numpy without SciPy":
        monkeypatch.setattr(factorization, "lapack", lambda kind: None)
    module, make = LIBRARIES[request.param.split()[0]]
    return importlib.import_module(module), make


def matrices(n, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((n, n)), rng.standard_normal((n, n + 3))
    return {"definite": b @ b.T, "indefinite": a + a.T, "negative": -b @ b.T, "general": a + n * np.eye(n)}


@pytest.mark.parametrize("kind", ["definite", "indefinite", "negative", "general"])
@pytest.mark.parametrize("n", [1, 7, pytest.param(2, marks=pytest.mark.slow), pytest.param(200, marks=pytest.mark.slow)])
def test_helpers(library, n, kind):
    h, make = library
    a = matrices(n)[kind]
    rng = np.random.default_rng(1)
    symmetric = kind != "general"
    factor = (h.cho_factor if symmetric else h.lu_factor)(make(a))
    for b in (rng.standard_normal(n), rng.standard_normal((n, 3)), np.asfortranarray(rng.standard_normal((n, 2)))):
        x = np.asarray((h.cho_solve if symmetric else h.lu_solve)(factor, make(b)))
        np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-6, atol=1e-8)
        turned = np.asarray(h.lu_solve(h.lu_factor(make(a)), make(b), trans=1))
        np.testing.assert_allclose(turned, np.linalg.solve(a.T, b), rtol=1e-6, atol=1e-8)
    inverse = np.asarray((h.cho_inverse if symmetric else h.lu_inverse)(factor))
    np.testing.assert_allclose(inverse, np.linalg.inv(a), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(np.asarray(h.cho_trace_inverse(factor)), np.trace(np.linalg.inv(a)), rtol=1e-6)
    np.testing.assert_allclose(np.asarray(h.factor_logdet(factor)), np.linalg.slogdet(a)[1], rtol=1e-9, atol=1e-9)
    if n < 200:  # else beyond the largest number
        np.testing.assert_allclose(np.asarray(h.lu_det(h.lu_factor(make(a)))), np.linalg.det(a), rtol=1e-9)


@pytest.mark.parametrize("n", [1, 5])
def test_triangles(library, n):
    h, make = library
    rng = np.random.default_rng(0)
    low = np.tril(rng.standard_normal((n, n))) + 2 * np.eye(n)
    for b in (rng.standard_normal(n), rng.standard_normal((n, 3))):
        for a, lower in ((low, True), (low.T, False), (np.asfortranarray(low), True)):
            x = np.asarray(h.solve_triangular(make(a), make(b), lower=lower))
            np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-9)


def test_single_precision_is_kept():
    a = matrices(6)["definite"].astype(np.float32)
    for m in (a, -a):
        factor = factorization.cho_factor(m)
        assert factorization.cho_solve(factor, a[0]).dtype == np.float32
        assert factorization.cho_inverse(factor).dtype == np.float32


def test_an_inverse_of_a_symmetric_matrix_is_symmetric_to_the_last_digit():
    for kind in ("definite", "indefinite"):
        inverse = factorization.cho_inverse(factorization.cho_factor(matrices(9)[kind]))
        assert np.array_equal(inverse, inverse.T)


def hilbert(n):
    return 1 / (1 + np.arange(n)[:, None] + np.arange(n)[None, :])


def test_ill_conditioned_systems_are_solved_as_well_as_numpy_does():
    """By the residual, which a stable method keeps small however badly the matrix is conditioned."""
    h = hilbert(12)
    solve = mc.compile(mc.parse("inv(H)*b", "H[n,n](psd) b[n]"))
    for seed in range(5):
        b = np.random.default_rng(seed).standard_normal(12)
        ours, theirs = solve(H=h, b=b), np.linalg.solve(h, b)
        scale = np.linalg.norm(h, 2)
        assert np.linalg.norm(h @ ours - b) / (scale * np.linalg.norm(ours)) < 1e-14
        assert np.linalg.norm(h @ ours - b) / np.linalg.norm(ours) <= 10 * np.linalg.norm(h @ theirs - b) / np.linalg.norm(
            theirs
        )


def inv(a):
    return np.linalg.inv(a)


def logdet(a):
    return np.linalg.slogdet(a)[1]


PROGRAMS = (  # text, declarations, the same in NumPy, and what the code is expected to call
    ("inv(S)*b", "S[n,n](symmetric) b[n]", lambda S, b: inv(S) @ b, "cho_solve"),
    ("b'*inv(S)*b", "S[n,n](symmetric) b[n]", lambda S, b: b @ inv(S) @ b, "cho_solve"),
    ("B'*inv(S)*B", "S[n,n](psd) B[n,m]", lambda S, B: B.T @ inv(S) @ B, "cho_solve"),
    ("B'*inv(S)", "S[n,n](psd) B[n,m]", lambda S, B: B.T @ inv(S), "cho_solve"),
    (
        "logdet(S) + b'*inv(S)*b",
        "S[n,n](symmetric) b[n]",
        lambda S, b: np.linalg.slogdet(S)[1] + b @ inv(S) @ b,
        "factor_logdet",
    ),
    ("tr(inv(S))", "S[n,n](symmetric)", lambda S: np.trace(inv(S)), "cho_trace_inverse"),
    ("tr(inv(S)*B)", "S[n,n](symmetric) B[n,n]", lambda S, B: np.trace(inv(S) @ B), "cho_inverse"),
    ("tr(B'*inv(S))", "S[n,n](symmetric) B[n,n]", lambda S, B: np.trace(B.T @ inv(S)), "cho_inverse"),
    ("tr(B*inv(A))", "A[n,n] B[n,n]", lambda A, B: np.trace(B @ inv(A)), "np.linalg.solve"),
    ("inv(S) - inv(S)*B*inv(S)", "S[n,n](psd) B[n,n]", lambda S, B: inv(S) - inv(S) @ B @ inv(S), "cho_inverse"),
    (
        "(3*eye(n) - inv(S)*B)*inv(S)",
        "S[n,n](symmetric) B[n,n]",
        lambda S, B: (3 * np.eye(len(S)) - inv(S) @ B) @ inv(S),
        "cho_",
    ),
    ("inv(X'*S*X)*b", "X[n,m] S[n,n](psd) b[m]", lambda X, S, b: inv(X.T @ S @ X) @ b, "cho_solve"),
    ("inv(A)*b + inv(A)'*b", "A[n,n] b[n]", lambda A, b: inv(A) @ b + inv(A).T @ b, "lu_solve"),
    ("logdet(A) + b'*inv(A)*b", "A[n,n] b[n]", lambda A, b: logdet(A) + b @ inv(A) @ b, "lu_factor"),
    ("det(A)*inv(A)'", "A[n,n]", lambda A: np.linalg.det(A) * inv(A).T, "lu_det"),
    ("inv(L)*b", "L[n,n](lower_triangular) b[n]", lambda L, b: inv(L) @ b, "solve_triangular"),
    ("inv(L)'*inv(L)*B", "L[n,n](lower_triangular) B[n,m]", lambda L, B: inv(L).T @ inv(L) @ B, "solve_triangular"),
    ("inv(cholesky(S))*b", "S[n,n](psd) b[n]", lambda S, b: inv(np.linalg.cholesky(S)) @ b, "solve_triangular"),
    ("logdet(L) + tr(inv(L))", "L[n,n](lower_triangular)", lambda L: logdet(L) + np.trace(inv(L)), "slogdet"),
)


BY_TEXT = {text: rest for text, *rest in PROGRAMS}


def drawn(declarations, sizes, rng, definite=True):
    """Numbers for symbols; a matrix that is declared symmetric alone may well be indefinite."""
    out = {}
    for s in mc.symbols(declarations) if " " in declarations else [mc.symbols(declarations)]:
        shape = tuple(sizes[str(d)] for d in s.shape)
        a = rng.standard_normal(shape)
        if s.has("lower_triangular"):
            a = np.tril(a) + 2 * np.eye(len(a))
        elif s.has("psd"):
            a = a @ a.T + np.eye(len(a))
        elif s.has("symmetric"):
            a = a + a.T
        out[s.name] = a
    return out


@pytest.mark.parametrize(("text", "backend"), compiled_ones_apart(BY_TEXT, ["numpy", "jax", "torch", "array_api"], 6))
def test_programs(text, backend):
    declarations, plain, called = BY_TEXT[text]
    call = mc.compile(mc.parse(text, declarations), backend=backend)
    if backend in ("numpy", "jax", "torch"):
        assert called.replace("np.", {"jax": "jnp.", "torch": "torch."}.get(backend, "np.")) in call.source
    for seed, sizes in enumerate(({"n": 1, "m": 1}, {"n": 4, "m": 3}, {"n": 6, "m": 1}, {"n": 5, "m": 5})):
        given = drawn(declarations, sizes, np.random.default_rng(seed))
        np.testing.assert_allclose(np.asarray(call(**given)), plain(**given), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("text", "declarations", "plain", "called"), PROGRAMS, ids=[p[0] for p in PROGRAMS])
def test_programs_without_scipy(text, declarations, plain, called, monkeypatch):
    monkeypatch.setattr(factorization, "lapack", lambda kind: None)
    call = mc.compile(mc.parse(text, declarations))
    given = drawn(declarations, {"n": 4, "m": 3}, np.random.default_rng(7))
    np.testing.assert_allclose(call(**given), plain(**given), rtol=1e-7, atol=1e-9)


def test_one_factor_serves_all():
    value = mc.parse("logdet(S) + b'*inv(S)*b + tr(inv(S)*C)", "S[n,n](psd) b[n] C[n,n]")
    call = mc.compile([value, mc.grad(value, "b"), mc.grad(value, "S")])
    assert call.source.count("cho_factor(") == 1
    assert "inv(" not in call.source.replace("cho_inverse(", "")


def test_a_factor_with_one_use_is_left_to_numpy():
    assert mc.compile(mc.parse("inv(A)'*b", "A[n,n] b[n]")).source.splitlines()[-1].strip() == "return np.linalg.solve(A.T, b)"


def test_singular_matrices_raise_as_numpy_does():
    for text, facts in (("inv(S)*b", "(symmetric)"), ("inv(S)*b", "(psd)"), ("inv(S)*b", ""), ("inv(S)*b + inv(S)'*b", "")):
        call = mc.compile(mc.parse(text, f"S[n,n]{facts} b[n]"))
        with pytest.raises(np.linalg.LinAlgError):
            call(S=np.zeros((3, 3)), b=np.ones(3))
    for facts in ("", "(symmetric)"):
        logdet = mc.compile(mc.parse("logdet(S)", f"S[n,n]{facts}"))
        assert logdet(S=np.zeros((3, 3))) == -np.inf


def test_logdet_does_not_overflow():
    call = mc.compile(mc.parse("logdet(S) + b'*inv(S)*b", "S[n,n](psd) b[n]"))
    np.testing.assert_allclose(call(S=1e3 * np.eye(400), b=np.zeros(400)), 400 * np.log(1e3))


def test_complex_symmetric_matrices_are_not_given_to_cholesky():
    call = mc.compile(mc.parse("inv(S)*b + inv(S)*c", "S[n,n](complex,symmetric) b[n](complex) c[n](complex)"))
    rng = np.random.default_rng(0)
    a = rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4))
    s, b, c = a + a.T, a[0], a[1]
    assert "cho_" not in call.source
    np.testing.assert_allclose(call(S=s, b=b, c=c), np.linalg.solve(s, b + c))
