"""Emitted code against plain NumPy on two-dimensional arrays, written out for every operator."""

from importlib import import_module

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats
import sympy as sp

from matcalc.dims import dims
from matcalc.emit import compile as compile_expr
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Hadamard,
    Item,
    Number,
    Ones,
    Operator,
    Power,
    Product,
    Quotient,
    Transpose,
    symbol,
)  # fmt: skip
from matcalc.ops import OPERATORS

m, n, p, q = dims("m n p q")
SIZES = {m: 3, n: 4, p: 2, q: 5}
O = OPERATORS  # noqa: E741
RNG = np.random.default_rng(7)


def size(d):
    return d if isinstance(d, int) else SIZES[d]


A, B, C = symbol("A", (m, n)), symbol("B", (n, p)), symbol("C", (m, n))
S, P = symbol("S", (n, n)), symbol("P", (n, n), ["psd"])
x, y, b = symbol("x", (n,)), symbol("y", (n,)), symbol("b", (m,))
b2, Q = symbol("b2", (3,)), symbol("Q", (3, 3))
r, c, k = symbol("r", (1, n)), symbol("c", ()), symbol("k", (), ["integer"])
ALL = (A, B, C, S, P, x, y, b, r, c, b2, Q)
V = {e.name: RNG.uniform(0.2, 0.9, (size(e.rows), size(e.cols))) for e in ALL}
V["P"] = V["P"] @ V["P"].T + np.eye(4)
V["S"] = V["S"] + 2 * np.eye(4)
V["k"] = 3
GIVEN = {e.name: V[e.name].reshape([size(d) for d in e.shape]) for e in ALL} | {"k": 3}
half = Number(sp.Rational(1, 2))


def on_axis(f, axis):
    return lambda a: f(a, axis=axis, keepdims=True)


def on_axis_alone(f, axis):
    return lambda a: f(a, axis=axis)


def softmax(a, axis=None, keepdims=True):
    return np.exp(a) / np.exp(a).sum(axis=axis, keepdims=True)


def logsumexp(a, axis=None, keepdims=True):
    return np.log(np.exp(a).sum(axis=axis, keepdims=True))


def cofactors(a):
    count = len(a)
    out = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            out[j, i] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1))
    return out


def largest(a):
    out = np.zeros_like(a)
    out[np.unravel_index(np.argmax(a), a.shape)] = 1
    return out


def scalar(value):
    return np.array([[value]])


def unary(name, f, *operands):
    return [(O[name](e), f, (e,)) for e in operands or (A, x, r, c)]


def symmetric(a):
    return (a + a.T) / 2


# (expression, plain function of the operands' 2-D arrays, operands)
def along(reduce):
    """Each entry replaced by what its diagonal reduces to."""
    return lambda a: np.array([[reduce(np.diag(a, j - i)) for j in range(len(a))] for i in range(len(a))])


def duplication(size):
    """Column k of the duplication matrix is vec of the symmetric matrix with one free entry set."""
    out = []
    for j in range(size):
        for i in range(j, size):
            e = np.zeros((size, size))
            e[i, j] = e[j, i] = 1.0
            out.append(e.ravel(order="F"))
    return np.array(out).T


CASES = [
    *((e(A, C), f, (A, C)) for e, f in [
        (lambda a, b: Add((a, b)), np.add), (lambda a, b: Hadamard((a, b)), np.multiply),
        (Quotient, np.divide), (Power, np.power),
        (O["Maximum"], np.maximum), (O["Minimum"], np.minimum),
    ]),
    *((O["BroadcastAdd"](a, e), np.add, (a, e)) for a, e in [(A, b), (A, r), (A, c), (x, c), (r, c), (b, A), (c, r), (r, A)]),
    (Hadamard((c, A)), np.multiply, (c, A)), (Hadamard((c, r)), np.multiply, (c, r)),
    (Quotient(A, c), np.divide, (A, c)), (Quotient(c, r), np.divide, (c, r)), (Quotient(c, c), np.divide, (c, c)),
    (Power(A, c), np.power, (A, c)), (Power(c, x), np.power, (c, x)), (Power(x, k), lambda a: a**3, (x,)),
    *((Power(e, Number(sp.Rational(*f))), lambda a, f=f: a ** (f[0] / f[1]), (e,))
      for e in (A, x, c) for f in [(2, 1), (3, 1), (4, 1), (-1, 1), (-3, 1), (1, 2), (-1, 2), (3, 2), (1, 3), (-5, 2), (9, 1)]),
    *((Product(f), lambda *a: np.linalg.multi_dot(a) if len(a) > 1 else a[0], f)
      for f in [(A, B), (A, x), (r, B), (r, x), (x, r), (A, S, B), (A, x, r, B), (r, S, S, x), (b, r)]),
    *((Transpose(e), np.transpose, (e,)) for e in (A, x, r, S, P)),
    (Item(A, 1, 2), lambda a: a[:1, 1:2], (A,)), (Item(A, 2, 0), lambda a: a[1:2], (A,)),
    (Item(A, 0, 3), lambda a: a[:, 2:3], (A,)),
    (Item(x, 2, 0), lambda a: a[1:2], (x,)), (Item(r, 0, 2), lambda a: a[:, 1:2], (r,)),
    (Ones((m, n)), lambda: np.ones((3, 4)), ()), (Ones((m, 1)), lambda: np.ones((3, 1)), ()),
    (Ones((1, m)), lambda: np.ones((1, 3)), ()),
    (O["Zeros"]((m, n)), lambda: np.zeros((3, 4)), ()), (O["Zeros"]((m, 1)), lambda: np.zeros((3, 1)), ()),
    (O["Eye"](n), lambda: np.eye(4), ()), (O["UnitVector"](2, n), lambda: np.eye(4)[:, 1:2], ()),
    *unary("Exp", np.exp), *unary("Log", np.log), *unary("Sqrt", np.sqrt), *unary("Abs", np.abs), *unary("Sign", np.sign),
    *unary("Sin", np.sin), *unary("Cos", np.cos), *unary("Tan", np.tan), *unary("Asin", np.arcsin), *unary("Acos", np.arccos),
    *unary("Atan", np.arctan), *unary("Conj", np.conj), *unary("Real", np.real), *unary("Imag", np.imag),
    *unary("Sinh", np.sinh), *unary("Cosh", np.cosh), *unary("Tanh", np.tanh),
    *unary("Step", lambda a: (a > 0) * 1.0), *unary("Relu", lambda a: np.where(a > 0, a, 0)),
    *unary("Sigmoid", lambda a: 1 / (1 + np.exp(-a))), *unary("Softplus", lambda a: np.log(1 + np.exp(a))),
    *unary("Erf", scipy.special.erf), *unary("Gamma", scipy.special.gamma), *unary("LogGamma", scipy.special.gammaln),
    *unary("Digamma", scipy.special.psi), *unary("Trigamma", lambda a: scipy.special.polygamma(1, a)),
    (O["Where"](O["Step"](Add((A, Hadamard((Number(sp.Integer(-1)), C))))), A, C), lambda a, c: np.where(a > c, a, c), (A, C)),
    (O["Where"](c, A, c), lambda a: a, (A,)),
    *((O["Total"](A, axis), on_axis(np.sum, axis), (A,)) for axis in (None, 0, 1)),
    *((O["Total"](e, axis), on_axis(np.sum, axis), (e,)) for e in (x, r) for axis in (None, 0, 1)),
    *((O["LogSumExp"](e, axis), on_axis(logsumexp, axis), (e,)) for e in (A, x, r, c) for axis in (None, 0, 1)),
    *((O["Softmax"](e, axis), on_axis(softmax, axis), (e,)) for e in (A, x, r, c) for axis in (None, 0, 1)),
    *unary("Norm1", lambda a: scalar(np.abs(a).sum())), (O["Norm2"](x), lambda a: scalar(np.sqrt((a * a).sum())), (x,)),
    *unary("NormF", lambda a: scalar(np.sqrt((a * a).sum()))), *unary("NormInf", lambda a: scalar(np.abs(a).max())),
    *unary("IsLargest", largest), (O["Trace"](S), lambda a: scalar(sum(a[i, i] for i in range(4))), (S,)),
    (O["Diag"](x), lambda a: np.diag(a[:, 0]), (x,)),
    (O["Diagonal"](S), lambda a: np.array([[a[i, i]] for i in range(4)]), (S,)),
    *((O["Vec"](e), lambda a: a.reshape(-1, 1, order="F"), (e,)) for e in (A, r, x)),
    *((O["Kron"](a, e), np.kron, (a, e)) for a in (A, x, r) for e in (B, y, r)),
    (O["Reshape"](S, (n * n, 1)), lambda a: a.reshape((16, 1), order="F"), (S,)),
    (O["Reshape"](A, (n, m)), lambda a: a.reshape((4, 3), order="F"), (A,)),
    (O["Reshape"](O["Vec"](A), (n, m)), lambda a: a.reshape((4, 3), order="F"), (A,)),
    (O["Reshape"](O["Vec"](A), (1, m * n)), lambda a: a.reshape((1, 12), order="F"), (A,)),
    (O["Commutation"]((m, n)), lambda: np.eye(12)[np.arange(12).reshape(4, 3).T.ravel()], ()),
    (O["Duplication"](n), lambda: duplication(4), ()),
    (O["Vech"](S), lambda a: np.array([[a[i, j]] for j in range(4) for i in range(j, 4)]), (S,)),
    *unary("Tril", np.tril, S), *unary("DiagonalSums", along(np.sum), S), *unary("DiagonalMeans", along(np.mean), S),
    (
        O["Unstacked"](O["Kron"](S, A), (m, n), (n, n)),
        lambda a, b: np.einsum("jl,ik->ijkl", a, b),
        (S, A),
    ),
    (
        O["Einsum"]((("i", "k"), ("j", "k"), ("k", "")), ("ji", ""), (A, S, x)),
        lambda a, b, c: np.einsum("ik,jk,kl->jil", a, b, c).reshape(12, 1),
        (A, S, x),
    ),
    (
        O["Einsum"]((("ki", ""), ("k", "")), ("i", ""), (O["Vec"](S), x)),
        lambda a, b: a @ b,
        (S, x),
    ),
    *unary("Triu", np.triu, S), (O["LowerOnes"](n), lambda: np.tri(4), ()),
    (O["ToeplitzBasis"](n), lambda: np.stack([np.eye(4, k=k).ravel(order="F") for k in range(-3, 4)], 1), ()),
    (O["Elimination"](n), lambda: np.eye(16)[[4 * j + i for j in range(4) for i in range(j, 4)]], ()),
    (O["Selector"](n, 2, 2), lambda: np.eye(4)[:, 1:3], ()), (O["Selector"](m + n, m + 1, n), lambda: np.eye(7)[:, 3:], ()),
    (O["Slice"](A, (2, 2), None), lambda a: a[1:3], (A,)), (O["Slice"](A, (1, 2), (2, 3)), lambda a: a[:2, 1:4], (A,)),
    (O["Slice"](x, (2, 2), None), lambda a: a[1:3], (x,)), (O["Slice"](r, None, (2, 2)), lambda a: a[:, 1:3], (r,)),
    (O["Slice"](A, None, (n - 1, 2)), lambda a: a[:, 2:], (A,)),
    (O["HStack"]((A, C)), lambda a, c: np.hstack([a, c]), (A, C)), (O["HStack"]((A, b)), lambda a, c: np.hstack([a, c]), (A, b)),  # noqa: E501
    (O["VStack"]((A, r)), lambda a, c: np.vstack([a, c]), (A, r)), (O["VStack"]((x, c)), lambda a, c: np.vstack([a, c]), (x, c)),  # noqa: E501
    (O["HStack"]((r, c)), lambda a, c: np.hstack([a, c]), (r, c)), (O["VStack"]((r, r)), lambda a: np.vstack([a, a]), (r,)),
    *((O[name](e, axis), on_axis_alone(f, axis), (e,)) for e in (A, x, r) for axis in (0, 1)
      for name, f in [("Cumsum", np.cumsum), ("RevCumsum", lambda a, axis: np.flip(np.cumsum(np.flip(a, axis), axis), axis))]),
    (O["KhatriRao"](A, C), scipy.linalg.khatri_rao, (A, C)),
    (O["Cross"](b2, O["Exp"](b2)), lambda a: np.cross(a[:, 0], np.exp(a[:, 0]))[:, None], (b2,)),
    (O["CrossMatrix"](b2), lambda a: np.array([[0, -a[2, 0], a[1, 0]], [a[2, 0], 0, -a[0, 0]], [-a[1, 0], a[0, 0], 0]]), (b2,)),
    (O["Axial"](Q), lambda a: np.array([[a[2, 1] - a[1, 2]], [a[0, 2] - a[2, 0]], [a[1, 0] - a[0, 1]]]), (Q,)),
    *unary("Silu", lambda a: a / (1 + np.exp(-a))), *unary("Gelu", lambda a: a * scipy.stats.norm.cdf(a)),
    *unary("Softsign", lambda a: a / (1 + np.abs(a))), *unary("Log1p", np.log1p), *unary("Expm1", np.expm1),
    (O["Elu"](Add((A, Hadamard((Number(sp.Integer(-1)), C)))), c), lambda a, d, k: np.where(a > d, a - d, k * np.expm1(a - d)),
     (A, C, c)),
    (O["LeakyRelu"](Add((A, Hadamard((Number(sp.Integer(-1)), C)))), c), lambda a, d, k: np.where(a > d, a - d, k * (a - d)),
     (A, C, c)),
    *((O["Polygamma"](k, e), lambda a, k=k: scipy.special.polygamma(k, a), (e,)) for k in (2, 3) for e in (A, x, c)),
    *((O["Prod"](e, axis), on_axis(np.prod, axis), (e,)) for e in (A, x, r, c) for axis in (None, 0, 1)),
    *((O["ProdOthers"](e, axis), lambda a, axis=axis: a.prod(axis=axis, keepdims=True) / a, (e,))
      for e in (A, x, r, c) for axis in (None, 0, 1)),
    *unary("Inverse", np.linalg.inv, S), *unary("Det", lambda a: scalar(np.linalg.det(a)), S, P),
    *unary("LogDet", lambda a: scalar(np.log(np.abs(np.linalg.det(a)))), S, P), *unary("Pinv", scipy.linalg.pinv, A, B, x, r),
    *unary("Adjugate", cofactors, S, P),
    (O["MatrixPower"](S, Number(sp.Integer(3))), lambda a: a @ a @ a, (S,)),
    (O["MatrixPower"](S, k), lambda a: a @ a @ a, (S,)),
    (O["MatrixPower"](S, Number(sp.Integer(-2))), lambda a: np.linalg.inv(a @ a), (S,)),
    *unary("Nuclear", lambda a: scalar(scipy.linalg.svdvals(a).sum()), A, x, r),
    *unary("SvdVals", lambda a: scipy.linalg.svdvals(a)[:, None], S, P, Q),
    *unary("Spectral", lambda a: scalar(scipy.linalg.svdvals(a).max()), A, x, r),
    *unary("Polar", lambda a: scipy.linalg.polar(a)[0], A, B, x, r, S),
    *unary("EigMax", lambda a: scalar(np.linalg.eigvals(symmetric(a)).max()), S, P),
    *unary("EigMin", lambda a: scalar(np.linalg.eigvals(symmetric(a)).min()), S, P),
    *unary("Expm", scipy.linalg.expm, S), *unary("Logm", lambda a: np.real(scipy.linalg.logm(a)), P),
    *unary("Sqrtm", lambda a: np.real(scipy.linalg.sqrtm(a)), P),
    *unary("Cholesky", np.linalg.cholesky, P), *unary("HalfTril", lambda a: np.tril(a) - np.diag(np.diag(a)) / 2, S),
    *unary("Eig", lambda a: np.linalg.eigvalsh(a)[:, None], P),
    *unary("EigGaps", lambda a: np.array([[0 if s == t else 1 / (t - s) for t in a[:, 0]] for s in a[:, 0]]), x),
    (O["Sylvester"](S, P, S), scipy.linalg.solve_sylvester, (S, P, S)),
    (O["Frechet"]("expm", S, (P,)), lambda a, e: scipy.linalg.expm_frechet(a, e)[1], (S, P)),
    (O["Frechet"]("expm", S, (P, S)),
     lambda a, e, _: (scipy.linalg.expm_frechet(a + 1e-5 * a, e)[1] - scipy.linalg.expm_frechet(a - 1e-5 * a, e)[1]) / 2e-5,
     (S, P, S)),
    *unary("Sinm", scipy.linalg.sinm, S), *unary("Cosm", scipy.linalg.cosm, S),
]  # fmt: skip
ELSEWHERE = {
    "EigVecs",
    "SvdU",
    "SvdV",
    "EigVecMax",
    "EigVecMin",
    "Unspecified",
    "UnspecifiedGradient",
    "UserElementwise",
}  # in the tests below


def value_of(e):
    call = compile_expr(e)
    sizes = {d.name: s for d, s in SIZES.items()}
    out = call(**{name: v for name, v in {**GIVEN, **sizes}.items() if name in call.names})
    expected = tuple(int(d) if isinstance(d, int) else int(d.subs(SIZES)) for d in e.shape)
    assert np.shape(out) == expected, call.source
    return np.reshape(out, (*expected, 1, 1)[:2] if e.ndim < 2 else expected), call.source


@pytest.mark.parametrize(("e", "plain", "operands"), CASES, ids=[str(case[0]) for case in CASES])
def test_value(e, plain, operands):
    got, source = value_of(e)
    want = plain(*(V[s.name] for s in operands))
    tight = 1e-7 if isinstance(e, O["Frechet"]) and len(e.directions) > 1 else 1e-9  # second one against differences
    np.testing.assert_allclose(got, np.reshape(want, got.shape), rtol=tight, atol=tight, err_msg=source)


def test_every_operator_is_here():
    assert {type(e).__name__ for e, _, _ in CASES} | ELSEWHERE >= set(OPERATORS)
    assert all(isinstance(e, Operator) for e, _, _ in CASES)
    assert BroadcastAdd.__name__ in OPERATORS


@pytest.mark.parametrize(("name", "top"), [("EigVecMax", -1), ("EigVecMin", 0)])
def test_eigenvectors(name, top):
    got, _ = value_of(O[name](S))
    values = np.linalg.eigvalsh(symmetric(V["S"]))
    np.testing.assert_allclose(symmetric(V["S"]) @ got, values[top] * got, atol=1e-9)
    assert np.linalg.norm(got) == pytest.approx(1)


def test_all_eigenvectors():
    got, _ = value_of(O["EigVecs"](P))
    np.testing.assert_allclose(V["P"] @ got, got * np.linalg.eigvalsh(V["P"]), atol=1e-9)
    np.testing.assert_allclose(got.T @ got, np.eye(4), atol=1e-9)


@pytest.mark.parametrize("e", [S, symbol("W", (3, 2)), symbol("W", (2, 3)), x, r, c], ids=str)
def test_singular_vectors(e):
    given = RNG.normal(size=[size(d) for d in e.shape])
    call = compile_expr([O["SvdU"](e), O["SvdV"](e)])
    u, v = (np.reshape(part, (size(d), -1)) for part, d in zip(call(given), (e.rows, e.cols), strict=True))
    assert call.source.count("np.linalg.svd") == 1
    full = given.reshape(size(e.rows), size(e.cols))
    np.testing.assert_allclose(u * scipy.linalg.svdvals(full) @ v.T, full, atol=1e-12)


@pytest.mark.parametrize("e", [A, x, r, c], ids=str)
def test_unspecified_functions_take_the_array_of_the_declared_shape(e):
    seen = []

    def loss(a):
        seen.append(np.shape(a))
        return float(np.sum(np.sin(a)))

    call = compile_expr([O["Unspecified"]("L", e), O["UnspecifiedGradient"]("L", e)])
    assert call.names == (e.name, "L", "dL")
    value, gradient = call(GIVEN[e.name], L=loss, dL=np.cos)
    assert seen == [GIVEN[e.name].shape]
    assert value == pytest.approx(np.sin(V[e.name]).sum())
    np.testing.assert_allclose(gradient, np.cos(GIVEN[e.name]))


def test_a_definition_is_emitted():
    import matcalc as mc

    t = sp.Symbol("t")
    wave = mc.elementwise("wave_for_emit", t * sp.sin(t) + 1)
    got, _ = value_of(wave(A))
    np.testing.assert_allclose(got, V["A"] * np.sin(V["A"]) + 1)


@pytest.mark.parametrize("e", [
    O["Sigmoid"](x), O["Softplus"](x), O["Softmax"](x, None), O["LogSumExp"](x, None), O["Log"](O["Sigmoid"](x)),
], ids=str)  # fmt: skip
def test_large_inputs_do_not_overflow(e):
    with np.errstate(all="raise", under="ignore"):
        out = compile_expr(e)(x=[1e4, -1e4, 0.0, 800.0])
    assert np.all(np.isfinite(out))


def test_adjugate_of_singular_matrices():
    call = compile_expr(O["Adjugate"](S))
    for rank in range(4):
        a = RNG.normal(size=(4, rank)) @ RNG.normal(size=(rank, 4))
        np.testing.assert_allclose(call(a), cofactors(a), atol=1e-9)


def test_scipy_missing(monkeypatch):
    import matcalc as mc

    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(import_module("matcalc.emit.runtime.plain"), "import_module", refuse)
    with pytest.raises(mc.MatcalcError, match=r"pip install matcalculus\[scipy\]"):
        compile_expr(O["Erf"](x))(np.ones(4))
