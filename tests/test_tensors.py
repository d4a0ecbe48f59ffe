"""Arrays with more than two axes, einsums, and results that matrix notation cannot write."""

import itertools
import random

import jax
import jax.numpy as jnp
import judge  # noqa: F401 - sets JAX to double precision
import numpy as np
import pytest
from numpy.testing import assert_allclose

import matcalc as mc
from matcalc.errors import OperandError, ParseError, ShapeError
from matcalc.simplify import simplify_all

SIZES = {"m": 3, "n": 4, "p": 2, "k": 5}
T, A, B, C, x, y = mc.symbols("T[m,n,k] A[m,n] B[n,p] C[p,m] x[k] y[n]")
DECLARED = "T[m,n,k] A[m,n] B[n,p] C[p,m] x[k] y[n]"


def draw(e, *more, seed=0):
    rng = np.random.default_rng(seed)
    symbols = {s.name: s for s in (*e.symbols, *more)}
    return {name: rng.normal(size=[SIZES[str(d)] for d in symbols[name].shape]) for name in sorted(symbols)}


def run(e, given):
    call = mc.compile(e)
    return call(**{k: v for k, v in {**given, **SIZES}.items() if k in call.names})


def test_declaring():
    assert tuple(map(str, T.shape)) == ("m", "n", "k")
    assert mc.tensor("T", *mc.dims("m n k")) is T
    assert mc.tensor("A", *mc.dims("m n")) is A
    with pytest.raises(mc.UnsupportedError, match="for matrices"):
        mc.symbols("T[m,n,k](symmetric)")
    with pytest.raises(ShapeError, match=r"T has the 3 axes m x n x k: write what is meant with einsum"):
        T.T  # noqa: B018 - raises
    with pytest.raises(ShapeError, match="write what is meant with einsum"):
        A @ T


@pytest.mark.parametrize(
    ("spec", "args", "text"),
    [
        ("ij,jk->ik", (A, B), "A*B"),
        ("ij->ji", (A,), "A'"),
        ("ij,jk,ki->", (A, B, C), "tr(A*B*C)"),
        ("ij,ij->", (A, A), "sum(A.^2)"),
        ("ii->i", (A @ A.T,), "A.^2*ones(n)"),
        ("i,j->ij", (y, x), "y*x'"),
        ("ij,ij->ij", (A, A), "A.^2"),
        ("ij,j->ij", (A, y), "A*diag(y)"),
        ("ij->i", (A,), "A*ones(n)"),
        ("ij,ik,il->jkl", (A, A, A), 'einsum("ij,ik,il->jkl",A,A,A)'),
        ("ijk,k->ij", (T, x), 'einsum("ijk,k->ij",T,x)'),
        ("ijk,ijk->", (T, T), "sum(T.^2)"),
    ],
)
def test_matrix_notation_where_there_is_one(spec, args, text):
    e = mc.einsum(spec, *args)
    form = mc.simplify(e)
    assert str(form) == text or "ijk,ijk" in spec  # a full contraction of one tensor may stay
    assert (form.why_not_matrix is None) == ("einsum" not in str(form))
    given = draw(e)
    want = np.einsum(spec, *(run(a, given) for a in args))
    assert_allclose(run(e, given), want, atol=1e-12)
    assert_allclose(run(form, given), want, atol=1e-12)


def random_einsum(rng):
    """Random subscripts over two to four arrays of one to three axes."""
    letters = rng.sample("abcd", rng.choice([2, 3, 4]))
    dims = dict(zip(letters, rng.sample(mc.dims("m n p k"), len(letters)), strict=True))
    words = ["".join(rng.sample(letters, rng.randint(1, min(3, len(letters))))) for _ in range(rng.randint(2, 4))]
    used = "".join(dict.fromkeys("".join(words)))
    out = "".join(rng.sample(used, rng.randint(0, min(3, len(used)))))
    args = [mc.tensor(f"X{k}", *(dims[c] for c in w)) for k, w in enumerate(words)]
    return f"{','.join(words)}->{out}", args


@pytest.mark.parametrize("seed", range(60))
def test_random_einsums_simplify_print_and_differentiate(seed):
    rng = random.Random(seed)
    spec, args = random_einsum(rng)
    e = mc.einsum(spec, *args)
    given = draw(e, *args, seed=seed)
    arrays = [given[a.name] for a in args]
    want = np.einsum(spec, *arrays)
    assert_allclose(run(e, given), want, atol=1e-10)
    (form,) = simplify_all([e])
    assert form.shape == e.shape
    assert_allclose(run(form, given), want, atol=1e-10, err_msg=str(form))
    declared = {a.name: a for a in args}
    assert mc.parse(str(e), declared) is e
    assert_allclose(run(mc.parse(str(form), declared), given), want, atol=1e-10)
    w = rng.choice(args)
    f = mc.sum(mc.sin(e))
    position = args.index(w)

    def value(a):
        return jnp.sum(jnp.sin(jnp.einsum(spec, *arrays[:position], a, *arrays[position + 1 :])))

    got = mc.grad(f, w)
    assert got.shape == w.shape
    assert_allclose(run(got, given), jax.grad(value)(arrays[position]), atol=1e-8, err_msg=f"{f} by {w}: {got}")
    direction = mc.tensor("V", *w.shape)
    given["V"] = np.random.default_rng(seed).normal(size=arrays[position].shape)
    got = run(mc.hvp(f, w, direction), given)
    assert_allclose(got, jax.jvp(jax.grad(value), (arrays[position],), (given["V"],))[1], atol=1e-7)
    entries = jax.jacobian(lambda a: jnp.einsum(spec, *arrays[:position], a, *arrays[position + 1 :]))(arrays[position])
    jacobian = mc.jacobian(e, w, layout="tensor")
    assert_allclose(run(jacobian, given), entries, atol=1e-9, err_msg=f"{e} by {w}: {jacobian}")


def test_results_without_a_matrix_form_say_why():
    gradient = mc.grad(mc.sum(mc.exp(mc.einsum("ij,jk,ki->ijk", A, B, C))), A)
    assert str(gradient).startswith("einsum(")
    assert "shared by 3 factors" in gradient.why_not_matrix or "couple" in gradient.why_not_matrix
    assert mc.grad(mc.tr(A @ B @ C), A).why_not_matrix is None
    assert "not coupled two by two" in mc.einsum("ij,jk,ki->ijk", A, B, C).why_not_matrix
    assert "axes apart" in mc.vjp(mc.kron(A, B), A, "G").why_not_matrix


def test_pullbacks_of_kronecker_products():
    G = mc.symbols("G[m*n,n*p]")
    given = draw(A, B)
    given["G"] = np.random.default_rng(1).normal(size=(12, 8))
    for w, other in ((A, B), (B, A)):
        want = jax.vjp(
            lambda a, w=w, other=other: jnp.kron(*((a, given[other.name]) if w is A else (given[other.name], a))), given[w.name]
        )[1](given["G"])[0]
        assert_allclose(run(mc.vjp(mc.kron(A, B), w, G), given), want, atol=1e-12)


@pytest.mark.parametrize("names", list(itertools.product(["A", "y", "y'"], ["B", "x", "x'"])))
def test_jacobians_of_kronecker_products(names):
    left, right = (mc.parse(name, DECLARED) for name in names)
    e = mc.kron(left, right)
    given = draw(e)
    for w in e.symbols:

        def value(a, w=w):
            known = {**given, w.name: a}
            pair = [known[n.strip("'")] for n in names]
            shaped = [
                v[None, :] if n.endswith("'") else v[:, None] if v.ndim == 1 else v for v, n in zip(pair, names, strict=True)
            ]
            return jnp.kron(*shaped)

        want = jax.jacobian(value)(given[w.name])
        got = mc.jacobian(e, w, layout="vec")
        assert got.why_not_matrix is None
        rows = int(np.prod(want.shape[:2]))
        columns = want.reshape(rows, -1) if want.ndim == 3 else want.transpose(0, 1, 3, 2).reshape(rows, -1)
        order = np.arange(rows).reshape(want.shape[:2]).T.ravel()
        assert_allclose(np.reshape(run(got, given), (rows, -1)), columns[order], atol=1e-12, err_msg=str(got))


def test_kronecker_products_inside():
    """Where a Kronecker product is multiplied, the Jacobian may be an einsum, and it is right."""
    R = mc.symbols("R[n*p,k]")
    e = mc.kron(A, B) @ R
    given = draw(A, B)
    given["R"] = np.random.default_rng(2).normal(size=(8, 5))
    for w in (A, B):
        want = jax.jacobian(lambda a, w=w: jnp.kron(a if w is A else given["A"], a if w is B else given["B"]) @ given["R"])(
            given[w.name]
        )
        assert_allclose(run(mc.jacobian(e, w, layout="tensor"), given), want, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: mc.einsum(A, B), OperandError, "takes its subscripts first"),
        (lambda: mc.einsum("ij,jk", A, B), OperandError, "cannot read 'ij,jk'"),
        (lambda: mc.einsum("ij->ij", A, B), OperandError, "subscripts for 1 operands, and 2 are given"),
        (lambda: mc.einsum("ij,jk->ik", A, A), ShapeError, r"j runs over n in A \(m x n\) and over m in A \(m x n\)"),
        (lambda: mc.einsum("ijk->i", A), ShapeError, r"'ijk' has 3 letters, but A \(m x n\) has 2 axes"),
        (lambda: mc.einsum("ij->ik", A), OperandError, "k in the output"),
        (lambda: mc.einsum("ij->ii", A), OperandError, "repeats a letter"),
        (lambda: mc.parse('sum("ij")'), ParseError, "subscripts of einsum"),
        (lambda: mc.parse("einsum(A,B)"), ParseError, "in quotes first"),
        (lambda: mc.parse('einsum("ij,jk->ik",A)'), ParseError, "for 2 operands, and 1"),
        (lambda: mc.parse('einsum("i j;->",A)'), mc.MatcalcError, "cannot read"),
    ],
)
def test_messages(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
