"""Slices, stacks and what is cut out of them, against JAX."""

import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose

import matcalc as mc

m, n, p, q = mc.dims("m n p q")
A, B, C, D, x, c = mc.symbols("A[m,n] B[m,p] C[q,n] D[q,p] x[n] c")
M = mc.block([[A, B], [C, D]])
SIZES = [judge.SIZES, {**judge.SIZES, "m": 1}, {**judge.SIZES, "p": 1, "q": 1}]
FUNCTIONS = [
    mc.sum(mc.exp(A[:, 0:2])),
    mc.normf(A[:, 1:3]) ** 3,
    mc.sum(mc.sin(A[:, : n - 1] @ x[1:])),
    mc.tr(M @ M.T @ M @ M.T),
    mc.norm2(M @ mc.vstack(x, mc.ones(p))) ** 2,
    mc.logsumexp(mc.vstack(x, c)),
    mc.sum(mc.exp(mc.hstack(A, B) @ mc.vstack(C.T, D.T))),
]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("f", FUNCTIONS, ids=str)
def test_gradients(f, sizes):
    given = judge.draw(f, 1, sizes)
    for s in f.symbols:
        g = mc.grad(f, s)
        got = judge.run(mc.compile(g), given, g, sizes)
        assert_allclose(got, judge.gradient(f, given, s.name, sizes), rtol=1e-7, atol=1e-8, err_msg=f"{s}: {g}")


@pytest.mark.parametrize("f", FUNCTIONS[:4], ids=str)
def test_derivations_hold(f):
    assert mc.derive(f, A).check().passed


def test_printed_forms():
    assert str(mc.grad(mc.sum(mc.power(A[:, 0:2], 2)), A)) == "2*A(:,1:2)*eye(n)(:,1:2)'"
    assert str(mc.vjp(M, B, "G")) == "G(1:m,n+1:n+p)"
    assert str(mc.jacobian(mc.hstack(A, B), B, layout="vec")) == "kron(eye(n+p)(:,n+1:n+p),eye(m))"
    assert str(mc.jacobian(x[2:5], x)) == "eye(n)(:,3:5)'"
    assert str(mc.hessian(mc.sum(mc.exp(x[1:3])), x)) == "eye(n)(:,2:3)*diag(exp(x(2:3)))*eye(n)(:,2:3)'"
    assert str(mc.grad(mc.sum(mc.sin(M)), C)) == "cos(C)"
    assert mc.simplify(mc.hstack(A, B)[:, n:]) is B
    assert mc.latex(M) == r"\begin{bmatrix} A & B \\ C & D \end{bmatrix}"


@pytest.mark.parametrize("e", [A[:, 1:3], A[1, 1:3], A[1:3, 0], x[2:5], A.T[0:2, :], M, x[2:], A[:, : n - 1]], ids=str)
def test_text_round_trip(e):
    dims = {d: mc.dims(d) for d in "mnpq"}
    assert mc.parse(str(e), {**{s.name: s for s in e.symbols}, **dims}) is e


def test_numeric_slices_are_those_of_numpy():
    X = mc.matrix("X", 4, 5)
    given = np.arange(20.0).reshape(4, 5)
    for key in [np.s_[:, 1:3], np.s_[1:3, -3:-1], np.s_[1:, 2], np.s_[:2]]:
        assert_allclose(mc.compile(X[key])(given), given[key])


def test_errors_name_what_is_wrong():
    with pytest.raises(mc.ShapeError, match=r"hstack needs blocks .* rows: A \(m x n\) and C \(q x n\) differ"):
        mc.hstack(A, C)
    with pytest.raises(mc.ShapeError, match="no columns 3 to 9"):
        mc.matrix("X", 4, 5)[:, 2:9]
    with pytest.raises(mc.UnsupportedError, match="step"):
        x[::2]
    with pytest.raises(mc.ParseError, match="steps are not supported"):
        mc.parse("x(1:2:5)", "x[n]")
