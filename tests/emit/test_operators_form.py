"""``compile(H, form="operator")``: the map does what the array of its entries does."""

import judge
import numpy as np
import pytest
from stacked import HESSIANS, PLAIN, SIZES, Maker, values_of

import matcalc as mc
from matcalc.emit.libraries import BACKENDS
from matcalc.errors import OperandError, ShapeError, UnsupportedError
from matcalc.ops.tensors import unstacked

MF = "normf(U*V'-Y)^2", "U[m,k] V[n,k] Y[m,n] T[m,n]"
MASKED = "normf(T.*(U*V'-Y))^2", MF[1]


@pytest.fixture(params=["numpy", "plain"])
def backend(request, monkeypatch):
    monkeypatch.setitem(BACKENDS, "plain", PLAIN)
    return request.param


def made(h, values, sizes, backend="numpy"):
    maker = mc.compile(h, form="operator", backend=backend)
    wanted = {n: values[n] if n in values else sizes[n] for n in maker.names}
    return maker(**wanted, **{k: v for k, v in sizes.items() if k in maker._other_sizes and k not in wanted})


def acts_like(op, dense, rng):
    """Applied, transposed, flat, whole."""
    rows, cols = op.result_shape, op.argument_shape
    assert dense.shape == rows + cols
    assert op.shape == (int(np.prod(rows)), int(np.prod(cols)))
    matrix = dense.reshape(op.shape)
    x, y = rng.standard_normal(cols), rng.standard_normal(rows)
    close = {"rtol": 1e-8, "atol": 1e-9}
    np.testing.assert_allclose(op.matvec(x), (matrix @ x.ravel()).reshape(rows), **close)
    np.testing.assert_allclose(op @ x, (matrix @ x.ravel()).reshape(rows), **close)
    np.testing.assert_allclose(op.matvec(x.ravel()).ravel(), matrix @ x.ravel(), **close)
    if len(cols) > 1:
        assert op.matvec(x.ravel()).shape == (op.shape[0],)
    np.testing.assert_allclose(op.rmatvec(y), (matrix.T @ y.ravel()).reshape(cols), **close)
    np.testing.assert_allclose(op.T @ y, (matrix.T @ y.ravel()).reshape(cols), **close)
    np.testing.assert_allclose(op.dense(), dense, **close)
    np.testing.assert_allclose(op.T.dense().reshape(op.shape[::-1]), matrix.T, **close)
    linear = op.as_linear_operator()
    np.testing.assert_allclose(linear @ x.ravel(), matrix @ x.ravel(), **close)
    np.testing.assert_allclose(linear.T @ y.ravel(), matrix.T @ y.ravel(), **close)
    if op.shape[0] == op.shape[1] and np.linalg.cond(matrix) < 1e6:
        np.testing.assert_allclose(matrix @ op.solve(y).ravel(), y.ravel(), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(matrix.T @ op.T.solve(x.ravel()), x.ravel(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("seed", range(40))
def test_random_maps(seed, backend):
    maker = Maker(seed)
    rng = maker.rng
    rows = "".join(rng.choice("mnp") for _ in range(2))
    cols = rng.choice([rows, rows[::-1], "".join(rng.choice("mnp") for _ in range(2))])
    e = maker.stacked(rows, cols)
    dims = dict(zip("mnpq", mc.dims("m n p q"), strict=True))
    sizes = SIZES[seed % len(SIZES)]
    values = values_of(e, sizes, seed)
    for h in (e, unstacked(e, *(dims[c] for c in (rows[1], rows[0], cols[1], cols[0])))):
        call = mc.compile(h)
        dense = call(**{n: values[n] if n in values else sizes[n] for n in call.names})
        acts_like(made(h, values, sizes, backend), dense, np.random.default_rng(seed))


@pytest.mark.parametrize("layout", ["tensor", "vec"])
@pytest.mark.parametrize(("text", "variables", "wrt"), HESSIANS)
def test_hessians(text, variables, wrt, layout):
    f = mc.parse(text, variables)
    h = mc.hessian(f, wrt, layout=layout)
    sizes = {"m": 6, "n": 4, "k": 3, "p": 2}
    values = values_of(f, sizes, 0)
    call = mc.compile(h)
    given = {n: values[n] if n in values else sizes[n] for n in call.names}
    acts_like(made(h, values, sizes), call(**given), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("text", "variables", "wrt"),
    [
        ("A*x", "A[m,n] x[n]", "x"),
        ("tanh(W*x)", "W[m,n] x[n]", "x"),
        ("A*X*B", "A[m,n] X[n,p] B[p,q]", "X"),
        ("inv(A)", "A[n,n]", "A"),
        ("X'", "X[m,n]", "X"),
        ("W*x", "W[m,n] x[n]", "W"),
        ("x*x'", "x[n]", "x"),
        ("sum(X,1)", "X[m,n]", "X"),
    ],
)
@pytest.mark.parametrize("layout", ["tensor", "vec", "numerator"])
def test_jacobians(text, variables, wrt, layout):
    f = mc.parse(text, variables)
    j = mc.jacobian(f, wrt, layout=layout)
    sizes = {"m": 3, "n": 4, "p": 2, "q": 5}
    values = values_of(f, sizes, 0)
    call = mc.compile(j)
    dense = call(**{n: values[n] if n in values else sizes[n] for n in call.names})
    op = made(j, values, sizes)
    acts_like(op, np.reshape(dense, op.result_shape + op.argument_shape), np.random.default_rng(0))


def test_the_factors_of_a_factorisation():
    """Plain: one k x k matrix; masked: a k x k block for each row; both small, and neither forms the Hessian."""
    text, variables = MF[0], "U[200,10] V[200,10] Y[200,200] T[200,200]"
    rng = np.random.default_rng(0)
    v, t = rng.standard_normal((200, 10)), (rng.random((200, 200)) < 0.5).astype(float)
    plain = mc.compile(mc.hessian(mc.parse(text, variables), "U", layout="tensor"), form="operator")
    assert plain.names == ("V",)
    op = plain(v)
    assert op.nbytes == 800
    assert op.shape == (2000, 2000)
    assert "kron" not in plain.source
    np.testing.assert_allclose(op.factors[0], 2 * v.T @ v)
    masked = mc.compile(mc.hessian(mc.parse(MASKED[0], variables), "U", layout="tensor"), form="operator")
    op = masked(V=v, T=t)
    assert op.nbytes < 1e6
    np.testing.assert_allclose(op.factors[0], 2 * np.einsum("in,na,nb->iab", t, v, v))


def test_sizes_that_no_factor_shows():
    """The rows of U are in no factor: an array shows them, or they are given."""
    h = mc.hessian(mc.parse(*MF), "U", layout="tensor")
    maker = mc.compile(h, form="operator")
    v = np.random.default_rng(0).standard_normal((6, 3))
    x = np.ones((5, 3))
    np.testing.assert_allclose(maker(v).matvec(x), x @ (2 * v.T @ v))
    with pytest.raises(OperandError, match="m is not known: give it, as in m=4"):
        maker(v).shape  # noqa: B018
    assert maker(v, m=5).shape == (15, 15)
    np.testing.assert_allclose(maker(v, m=5).matvec(x.ravel()), (x @ (2 * v.T @ v)).ravel())


def test_conjugate_gradients():
    scipy = pytest.importorskip("scipy.sparse.linalg")
    h = mc.hessian(mc.parse(*MASKED), "U", layout="tensor")
    rng = np.random.default_rng(0)
    v, t = rng.standard_normal((8, 3)), rng.uniform(1, 2, (5, 8))
    op = mc.compile(h, form="operator")(V=v, T=t)
    b = rng.standard_normal((5, 3))
    x, status = scipy.cg(op.as_linear_operator(), b.ravel(), rtol=1e-12)
    assert status == 0
    np.testing.assert_allclose(op.matvec(x), b.ravel(), atol=1e-8)
    np.testing.assert_allclose(op.solve(b).ravel(), x, atol=1e-8)


def test_errors_say_what_is_wrong():
    A, B, X = mc.symbols("A[m,n] B[p,q] X[n,p]")
    j = mc.jacobian(A @ X @ B, X, layout="tensor")
    op = mc.compile(j, form="operator")(np.ones((2, 3)), np.ones((4, 5)))
    with pytest.raises(
        ShapeError, match=r"takes an array of shape \(3, 4\), or a flat one of 12 entries, not one of shape \(7,\)"
    ):
        op.matvec(np.ones(7))
    with pytest.raises(ShapeError, match="solve takes a square map, and this one makes 10 entries of 12"):
        op.solve(np.ones((2, 5)))
    with pytest.raises(UnsupportedError, match="unknown form 'sparse'; the known ones are array, operator"):
        mc.compile(j, form="sparse")
    with pytest.raises(OperandError, match="takes one expression"):
        mc.compile([j, j], form="operator")
    with pytest.raises(ShapeError):
        op.matvec(np.ones((4, 3)))


NEWTON = (MF, MASKED, ("sum(log(sum(exp(X*U),2))) + c*normf(U)^2", "X[m,n] U[n,k] c"))


@pytest.mark.parametrize("layout", ["vec", "tensor"])
@pytest.mark.parametrize(("text", "variables"), NEWTON)
def test_newton_steps_use_the_factors(text, variables, layout):
    """``solve(H, g)`` agrees with the solution by all entries."""
    f = mc.parse(text, variables)
    g, h = mc.grad(f, "U"), mc.hessian(f, "U", layout=layout)
    step = mc.solve(h, g if layout == "tensor" else mc.vec(g))
    sizes = {"m": 5, "n": 6, "k": 3}
    rng = np.random.default_rng(0)
    values = values_of(f, sizes, 0) | {"c": 2.0, "T": rng.uniform(1, 2, (5, 6))}

    def run(e):
        call = mc.compile(e)
        return call(**{n: values[n] if n in values else sizes[n] for n in call.names})

    found, gradient = run(step), run(g)
    assert found.shape == (gradient.shape if layout == "tensor" else (gradient.size,))
    matrix = run(mc.hessian(f, "U", layout="vec"))
    expected = np.linalg.solve(matrix, gradient.T.ravel())
    np.testing.assert_allclose(found.T.ravel() if layout == "tensor" else found, expected, rtol=1e-8, atol=1e-10)
    if text in (MF[0], MASKED[0]):
        assert "kron" not in mc.compile(step).source
        assert "on_diagonal" not in mc.compile(step).source


def test_solving_with_an_array_needs_fitting_shapes():
    h = mc.hessian(mc.parse(*MF), "U", layout="tensor")
    with pytest.raises(ShapeError, match="what the array maps to is m x k"):
        mc.solve(h, mc.symbols("G[k,m]"))
    with pytest.raises(ShapeError, match="maps matrices to matrices"):
        mc.solve(mc.tensor("R", 2, 3, 4), mc.symbols("G[2,3]"))


def test_block_solves_take_several_right_hand_sides():
    f = mc.parse(*MASKED)
    h = mc.hessian(f, "U", layout="vec")
    m, k = h.rows.free_symbols and mc.symbols("U[m,k]").shape
    R = mc.matrix("R", m * k, 4)
    e = mc.solve(h, R)
    sizes = {"m": 5, "n": 6, "k": 3}
    rng = np.random.default_rng(0)
    values = {"V": rng.standard_normal((6, 3)), "T": rng.uniform(1, 2, (5, 6)), "R": rng.standard_normal((15, 4))}
    call = mc.compile(e)
    assert "on_diagonal" not in call.source
    found = call(**{n: values[n] if n in values else sizes[n] for n in call.names})
    whole = mc.compile(h)
    matrix = whole(**{n: values[n] if n in values else sizes[n] for n in whole.names})
    np.testing.assert_allclose(found, np.linalg.solve(matrix, values["R"]), rtol=1e-8)


def test_a_map_in_jax_terms():
    """The judge's own derivative, applied."""
    f = mc.parse(*MASKED)
    sizes = {"m": 4, "n": 5, "k": 2}
    values = values_of(f, sizes, 3)
    op = made(mc.hessian(f, "U", layout="tensor"), values, sizes)
    x = np.random.default_rng(1).standard_normal((4, 2))
    function = lambda u: judge.jnp.sum((values["T"] * (u @ values["V"].T - values["Y"])) ** 2)  # noqa: E731
    expected = judge.jax.jvp(judge.jax.grad(function), (values["U"],), (x,))[1]
    np.testing.assert_allclose(op @ x, expected, rtol=1e-9)
