"""Functions that are compositions, and what moves entries, against JAX."""

import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose

import matcalc as mc

Q, K, V, X, A, x, g, b, w, u, v, c = mc.symbols("Q[m,p] K[n,p] V[n,q] X[m,n] A[n,n] x[n] g[n] b[n] w[3] u[3] v[3] c")
FUNCTIONS = [
    mc.sum(mc.exp(mc.attention(Q, K, V))),
    mc.normf(mc.layer_norm(X, g, b, c**2)) ** 2,
    mc.sum(mc.exp(mc.layer_norm(x, g, b))),
    mc.normf(mc.batch_norm(X, g, b)) ** 3,
    mc.norm2(mc.convolve(x, w, "valid")) ** 2,
    mc.norm2(mc.convolve(x, w)) ** 2,
    mc.norm2(mc.cross(u, mc.exp(v))) ** 2,
    mc.sum(mc.sin(mc.crossm(u))),
    mc.norm2(mc.cumsum(x)) ** 3,
    mc.normf(mc.cumsum(X, 1)) ** 3,
    mc.normf(mc.khatrirao(X, A)) ** 2,
    mc.sum(mc.exp(mc.khatrirao(X, A))),
    mc.norm2(mc.vech(A)) ** 3,
    mc.sum(mc.exp(mc.triu(A) @ mc.tril(A))),
    mc.sum(mc.gelu(X) + mc.silu(X) + mc.elu(X, c) + mc.leaky_relu(X) + mc.softsign(X)),
]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: str(f)[:40])
def test_gradients(f):
    given = judge.draw(f, 1)
    for s in f.symbols:
        e = mc.grad(f, s)
        got = judge.run(mc.compile(e), given, e)
        assert_allclose(got, judge.gradient(f, given, s.name), rtol=1e-6, atol=1e-8, err_msg=f"{s}: {e}")


def test_printed_forms():
    assert str(mc.jacobian(mc.cross(u, v), v)) == "crossm(u)"
    assert str(mc.jacobian(mc.cross(u, v), u)) == "-crossm(v)"
    assert str(mc.grad(mc.norm2(mc.cumsum(x)) ** 2, x)) == "2*revcumsum(cumsum(x))"
    assert str(mc.jacobian(mc.tril(A), A, layout="vec")) == "diag(vec(tril(ones(n,n))))"
    assert str(mc.jacobian(mc.vech(A), A, layout="vec")) == "Elim(n)"
    assert str(mc.hessian(mc.sum(mc.trigamma(x)), x)) == "diag(polygamma(3,x))"
    assert str(mc.grad(mc.normf(mc.khatrirao(X, A)) ** 2, X)) == "2*X*diag(diag(A'*A))"


@pytest.mark.parametrize("mode", ["full", "valid"])
def test_convolve_is_that_of_numpy(mode):
    xs, ws = np.arange(6.0) + 0.3, np.array([1.0, -2.0, 0.5])
    call = mc.compile(mc.convolve(x, w, mode))
    assert_allclose(call(x=xs, w=ws), np.convolve(xs, ws, mode))


def test_errors():
    with pytest.raises(mc.ShapeError, match="3 entries"):
        mc.cross(x, u)
    with pytest.raises(mc.UnsupportedError, match="numeric length"):
        mc.convolve(x, g)


# ------------------------------------------------------------------ products
@pytest.mark.parametrize(("text", "wanted"), [
    ("prod(x)", "prodothers(x)"), ("log(prod(x))", "1./x"), ("prod(x)^2", "2*prod(x)*prodothers(x)"),
    ("sum(log(prod(X,2)))", "1./X"), ("sum(exp(prod(X,1)))", "prodothers(X,1)*diag(exp(prod(X,1))')"),
    ("prod(x')", "prodothers(x')'"), ("prod(p)", "prod(p)*(1./p)"),
])  # fmt: skip
def test_gradients_of_products(text, wanted):
    names = {e.name: e for e in mc.symbols("x[n] p[n](positive) X[m,n]")}
    f = mc.parse(text, names)
    (w,) = f.symbols
    g = mc.grad(f, w)
    assert str(g) == wanted
    assert mc.parse(wanted, names) is g
    assert mc.check(f, w).passed
    assert mc.derive(f, w).check().passed


def test_gradients_of_products_at_zeros():
    w = mc.matrix("X", 2, 3)
    g = mc.compile(mc.grad(mc.sum(mc.prod(w, axis=1)), w))
    np.testing.assert_array_equal(g([[0.0, 2, 3], [0, 4, 0]]), [[6, 0, 0], [0, 0, 0]])
    g = mc.compile(mc.grad(mc.prod(w), w))
    np.testing.assert_array_equal(g([[0.0, 2, 3], [1, 4, 1]]), [[24, 0, 0], [0, 0, 0]])


def test_second_derivatives_of_products():
    x = mc.symbols("x[n]")
    h = mc.hessian(mc.prod(x), x)
    assert "x nonzero in every entry" in h.conditions
    np.testing.assert_allclose(mc.compile(h)(np.array([2.0, 3, 5])), [[0, 5, 3], [5, 0, 2], [3, 2, 0]], atol=1e-12)
