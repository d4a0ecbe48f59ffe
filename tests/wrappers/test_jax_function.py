"""jax_function: gradients against JAX's own check, under jit, vmap and hessian, in pytrees, in both precisions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from derived_functions import arrays, cases
from jax.test_util import check_grads
from numpy.testing import assert_allclose

import matcalc as mc
from matcalc.errors import OperandError, ShapeError

jax.config.update("jax_enable_x64", True)

CASES = list(cases())
IDS = [c[0] for c in CASES]
A, x, b = mc.symbols("A[m,n] x[n] b[m]")


def points(symbols, seed=0, dtype=None):
    return [jnp.asarray(a, dtype or float) for a in arrays(symbols, seed)]


@pytest.mark.parametrize(("name", "f", "symbols"), CASES, ids=IDS)
def test_check_grads(name, f, symbols):
    free = [s for s in symbols if not s.has("psd")]  # whose entries can be changed one by one
    call = mc.jax_function(f, symbols, wrt=free)
    given = points(symbols)
    assert_allclose(call(*given), mc.compile(f, symbols)(*map(np.asarray, given)), rtol=1e-10, atol=1e-12)
    by_name = {s.name: v for s, v in zip(symbols, given, strict=True)}
    fixed = {s.name: by_name.pop(s.name) for s in symbols if s not in free}
    order = 2 if name in ("one layer", "product of matrices", "row") else 1  # what JAX differentiates is plain code
    check_grads(lambda parameters: call(**parameters, **fixed), (by_name,), order=order, modes=["rev"])


def test_grad_of_a_pytree_under_jit():
    X, W, c, Y = mc.symbols("X[n,d] W[d,k] c[k] Y[n,k]")
    scores = X @ W + c.T
    loss = mc.jax_function(mc.sum(mc.logsumexp(scores, 1)) - mc.sum(mc.multiply(Y, scores)), [X, W, c, Y])
    data, w, bias, labels = (jnp.asarray(a) for a in arrays([X, W, c, Y], sizes={"n": 6, "d": 2, "k": 3}))

    def plain(p):
        s = data @ p["W"] + p["c"]
        return jnp.sum(jax.nn.logsumexp(s, axis=1)) - jnp.sum(labels * s)

    parameters = {"W": w, "c": bias}
    for transform in (lambda f: f, jax.jit):
        value, got = transform(jax.value_and_grad(lambda p: loss(data, p["W"], p["c"], labels)))(parameters)
        assert_allclose(value, plain(parameters), rtol=1e-12)
        for name, g in jax.grad(plain)(parameters).items():
            assert_allclose(got[name], g, rtol=1e-10)
    per_sample = jax.vmap(jax.grad(lambda w, r, y: loss(r[None, :], w, bias, y[None, :])), (None, 0, 0))(w, data, labels)
    assert per_sample.shape == (6, 2, 3)
    assert_allclose(per_sample.sum(0), got["W"], rtol=1e-10)


def test_hessians_are_those_of_jax():
    f = mc.jax_function(mc.sum(mc.softplus(A @ x)) + mc.norm2(x) ** 4, [A, x])
    a, v = points([A, x])
    plain = lambda v: jnp.sum(jax.nn.softplus(a @ v)) + jnp.sum(v * v) ** 2  # noqa: E731
    for transform in (jax.hessian, lambda g: jax.jit(jax.hessian(g)), lambda g: jax.jacrev(jax.grad(g))):
        assert_allclose(transform(lambda v: f(a, v))(v), jax.hessian(plain)(v), rtol=1e-9, atol=1e-12)
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(lambda v: f(a, v), (v,), (v,))


def test_only_what_is_wanted_is_computed():
    f = mc.jax_function(mc.norm2(A @ x - b) ** 2, [A, x, b])
    given = points([A, x, b])
    jaxpr = jax.make_jaxpr(jax.grad(f, argnums=2))(*given)
    shapes = [v.aval.shape for e in jaxpr.jaxpr.eqns for v in e.outvars]
    assert (3, 4) not in shapes  # no gradient by A
    fixed = mc.jax_function(mc.norm2(A @ x - b) ** 2, [A, x, b], wrt=["x"])
    by_a, by_x = jax.grad(fixed, argnums=(0, 1))(*given)
    assert_allclose(by_a, np.zeros((3, 4)))
    assert_allclose(by_x, jax.grad(f, argnums=1)(*given))


def test_value_and_gradient_share_under_jit():
    f = mc.jax_function(mc.sum(mc.log(1 + mc.exp(A @ x))), [A, x])
    a, v = points([A, x])
    text = jax.jit(jax.value_and_grad(lambda v: f(a, v))).lower(v).compile().as_text()
    assert text.count(" dot(") + text.count("custom-call") <= 2  # A x once, and A' times the slopes


def test_single_precision_stays_single():
    f = mc.jax_function(mc.norm2(A @ x - b) ** 2, [A, x, b])
    given = points([A, x, b], dtype=jnp.float32)
    value, gradient = jax.value_and_grad(f, argnums=1)(*given)
    assert value.dtype == gradient.dtype == jnp.float32
    assert_allclose(gradient, jax.grad(f, argnums=1)(*points([A, x, b])), rtol=1e-4)


def test_integers_lists_and_numpy_arrays_are_data():
    f = mc.jax_function(mc.norm2(A @ x - b) ** 2, [A, x, b])
    a, v, _ = points([A, x, b])
    want = 2 * a.T @ (a @ v - jnp.array([1.0, 0, 2]))
    for labels in (jnp.array([1, 0, 2]), [1, 0, 2], np.array([1, 0, 2]), jnp.array([[1], [0], [2]])):
        assert_allclose(jax.grad(lambda v, labels=labels: f(a, v, b=labels))(v), want, rtol=1e-12)
        assert_allclose(jax.jit(jax.grad(f, argnums=1))(a, v, jnp.asarray(labels)), want, rtol=1e-12)
    k = mc.scalar("k", integer=True)
    power = mc.jax_function(mc.sum(mc.power(x, k)), [x, k])
    assert_allclose(jax.grad(power)(v, 3), 3 * v**2)
    assert_allclose(jax.jit(jax.grad(power), static_argnums=1)(v, -2), -2 * v**-3.0)
    with pytest.raises(OperandError, match=r"k is an integer exponent, not 1\.5"):
        power(v, 1.5)
    with pytest.raises(OperandError, match="k is an integer exponent, and must be static"):
        jax.jit(power)(v, 2)


def test_several_outputs():
    f = mc.jax_function([A @ x, mc.norm2(x)], [A, x])
    a, v = points([A, x])
    got = jax.grad(lambda v: f(a, v)[0].sum() * f(a, v)[1])(v)
    assert_allclose(got, jax.grad(lambda v: (a @ v).sum() * jnp.linalg.norm(v))(v), rtol=1e-12)
    assert_allclose(jax.grad(lambda v: f(a, v)[0].sum())(v), a.sum(0))
    jacobian = jax.jacrev(lambda v: f(a, v)[0])(v)
    assert_allclose(jacobian, a)


def test_errors():
    f = mc.jax_function(A @ x, [A, x])
    a, _ = points([A, x])
    with pytest.raises(ShapeError, match=r"x is \(n,\), but the array given has shape \(5,\), while A has n = 4"):
        jax.jit(f)(a, jnp.ones(5))
    with pytest.raises(OperandError, match="missing: x; the parameters are A, x"):
        f(a)
    with pytest.raises(OperandError, match="x must be an array of real numbers, not a str"):
        f(a, "ab")
    with pytest.raises(OperandError, match="x must be an array of real numbers, not one of complex128"):
        f(a, jnp.ones(4) * 1j)
