"""What compile accepts, how it complains, and the code that it writes."""

import subprocess
import sys

import numpy as np
import pytest
import sympy as sp

from matcalc.dims import dims
from matcalc.emit import compile as compile_expr
from matcalc.errors import LimitError, OperandError, ShapeError, UnsupportedError
from matcalc.expr import Let, Number, Ones, add, broadcast_add, hadamard, power, product, quotient, symbol
from matcalc.functions import FUNCTIONS as F
from matcalc.ops import OPERATORS as O

m, n, p = dims("m n p")
A, B, C = symbol("A", (m, n)), symbol("B", (n, p)), symbol("C", (m, n))
X, K = symbol("X", (n, n)), symbol("K", (n, n), ["psd"])
x, y, u = symbol("x", (n,)), symbol("y", (m,)), symbol("u", (n,))
r, c = symbol("r", (1, n)), symbol("c", ())
E, EYE, ONES = F["exp"], F["eye"], F["ones"]


def code(e, args=None):
    """The lines after the docstring."""
    return [line.strip() for line in compile_expr(e, args).source.split('"""\n')[1].splitlines()]


WRITTEN = [
    (A.T @ (A @ x - y), "A.T @ (A @ x - y)"),
    (2 * A.T @ (A @ x - y), "2 * (A.T @ (A @ x - y))"),
    (A.T @ A @ x, "A.T @ (A @ x)"),
    (x.T @ u, "x @ u"),
    (c * x @ y.T / 3, "(c / 3 * x)[:, None] * y"),
    (F["diag"](y) @ A, "y[:, None] * A"),
    (A @ F["diag"](x), "A * x"),
    (F["diag"](y) @ A @ x, "y * (A @ x)"),
    (F["diag"](x) @ F["diag"](u) @ X, "(x * u)[:, None] * X"),
    (F["diag"](x), "np.diag(x)"),
    (F["inv"](X) @ x, "np.linalg.solve(X, x)"),
    (B.T @ F["inv"](X), "np.linalg.solve(X.T, B).T"),
    (F["inv"](X).T @ B, "np.linalg.solve(X.T, B)"),
    (F["inv"](K).T @ B, "cho_solve(cho_factor(K), B)"),
    (F["inv"](X), "np.linalg.inv(X)"),
    (F["inv"](F["diag"](x)) @ u, "u / x"),
    (F["log"](F["det"](K)), "factor_logdet(cho_factor(K))"),
    (F["log"](F["det"](X)), "t0[1] + np.log(t0[0])"),
    (F["logdet"](X), "np.linalg.slogdet(X)[1]"),
    (F["tr"](A.T @ C), "np.vdot(A, C)"),
    (F["tr"](X @ x @ u.T), "u @ (X @ x)"),
    (F["diag"](A @ A.T), "(A * A).sum(axis=1)"),
    (F["sum"](hadamard(A, C)), "np.vdot(A, C)"),
    (F["sum"](A @ B), "(A @ B.sum(axis=1)).sum()"),
    (A @ ONES(n), "A.sum(axis=1)"),
    (A.T @ ONES(m), "A.sum(axis=0)"),
    (C + y @ ONES(n).T, "C + y[:, None]"),
    (y @ ONES(n).T, "np.tile(y[:, None], (1, n))"),
    (broadcast_add(A, y), "A + y[:, None]"),
    (broadcast_add(A, r), "A + r[None, :]"),
    (broadcast_add(A, c), "A + c"),
    (X + c * EYE(n), "add_diagonal(X, c)"),
    (power(x, Number(sp.Integer(2))), "x * x"),
    (power(x + u, Number(sp.Integer(2))), "np.square(x + u)"),
    (quotient(Number(sp.Integer(1)), x), "1 / x"),
    (u - x, "u - x"),
    (-x + u, "u - x"),
    (x / 2 + u / 3, "0.5 * x + u / 3"),
    (r, "r.copy()[None, :]"),
    (F["vec"](A), "A.T.reshape(-1)"),
    (A[0, 1], "A[0, 1]"),
    (F["softmax"](A, 1), "softmax(A, axis=1)"),
]


@pytest.mark.parametrize(("e", "line"), WRITTEN, ids=[str(w[0]) for w in WRITTEN])
def test_reads_as_a_person_would_write_it(e, line):
    assert code(e)[-1] == f"return {line}"


def test_shared_parts_are_computed_once():
    w = E(-hadamard(y, A @ x))
    assert code(
        A.T @ quotient(w, add(w, Number(sp.Integer(2))) if w.is_scalar else broadcast_add(w, Number(sp.Integer(2))))
    ) == [
        "t0 = np.exp(-(y * (A @ x)))",
        "return A.T @ (t0 / (t0 + 2))",
    ]
    assert code([C.T @ A @ X, A @ X @ X]) == ["t0 = A @ X", "return (C.T @ t0, t0 @ X)"]
    assert code([A @ B @ B.T, A @ B])[0] == "t0 = A @ B"
    assert code(x.T @ A.T @ A @ x) == ["t0 = A @ x", "return t0 @ t0"]
    assert code((A @ B).T @ (A @ B)) == ["t0 = A @ B", "return t0.T @ t0"]


def test_an_inverse_used_as_a_matrix_is_formed_once():
    assert code([F["inv"](X), F["inv"](X) @ x, F["inv"](X).T @ u]) == [
        "t0 = np.linalg.inv(X)",
        "return (t0, t0 @ x, t0.T @ u)",
    ]


def test_let_names_the_line():
    f = Let("f", A @ B)
    assert code(f + hadamard(f, f)) == ["f = A @ B", "return f + f * f"]
    assert code([Let("np", x + u)]) == ["np_ = x + u", "return (np_,)"]


def test_numeric_sizes_choose_the_order():
    thin, wide, tall = symbol("U", (500, 2)), symbol("V", (2, 500)), symbol("W", (500, 500))
    assert code(thin @ wide @ tall) == ["return U @ (V @ W)"]
    assert code(tall @ thin @ wide) == ["return (U.T @ W.T).T @ V"]  # thin products the way that OpenBLAS is fast


# -------------------------------------------------------------------- arguments
def test_arguments_in_any_mix():
    call = compile_expr(A @ x + y, [x, "A", y])
    assert call.names == ("x", "A", "y")
    a, v, w = np.arange(6.0).reshape(2, 3), np.ones(3), np.ones(2)
    for got in (
        call(v, a, w),
        call(v, a, y=w),
        call(A=a, x=v, y=w),
        call([1, 1, 1], a.tolist(), w[:, None]),
        call(v, a, w, n=3),
    ):
        np.testing.assert_array_equal(got, a @ v + w)
    assert compile_expr(A @ x + y).names == ("A", "x", "y")
    np.testing.assert_array_equal(call.function(v, a, w), a @ v + w)


def test_structures():
    a = compile_expr({"one": x, "two": x.T})(x=[1.0, 2.0])
    assert list(a) == ["one", "two"]
    assert a["two"].shape == (1, 2)
    assert isinstance(compile_expr([x])(x=[1.0]), list)
    assert isinstance(compile_expr((x, u))([1.0], [2.0]), tuple)
    assert compile_expr([])() == []


def test_scalars_rows_and_types():
    call = compile_expr(c * r)
    for given in (2, 2.0, np.array(2), [2], [[2.0]], np.float64(2), np.int64(2), True + 1):
        for row in ([1, 2, 3], [[1, 2, 3]], np.array([[1.0, 2.0, 3.0]])):
            out = call(given, row)
            assert out.shape == (1, 3)
            assert out.dtype == np.float64
    assert call(np.float32(2), np.ones(3, np.float32)).dtype == np.float32
    assert np.shape(compile_expr(F["tr"](EYE(n)))(n=4)) == ()
    whole = symbol("k", (), ["integer"])
    np.testing.assert_array_equal(compile_expr(power(x, whole))(k=np.int64(-1), x=[2.0]), [0.5])
    with pytest.raises(OperandError, match=r"k is an integer exponent, not 1\.5"):
        compile_expr(power(x, whole))(k=1.5, x=[2.0])


def test_numbers():
    assert isinstance(compile_expr(Number(sp.Integer(3)))(), float)
    assert compile_expr(Number(sp.pi))() == np.pi
    assert compile_expr(Number(sp.Integer(10) ** 30))() == 1e30
    with pytest.raises(LimitError, match="a number of 401 digits is too large for a float"):
        compile_expr(Number(sp.Integer(10) ** 400))


def test_dimensions_that_no_argument_shows():
    call = compile_expr(Ones((n, 1)))
    assert call.names == ("n",)
    assert call(n=4).shape == (4,)
    assert call(4).shape == (4,)
    with pytest.raises(OperandError, match="n is a dimension, a positive int, not 0"):
        call(n=0)
    assert compile_expr(F["sum"](x) / F["sum"](ONES(m))).names == ("x", "m")


def test_results_do_not_alias_arguments():
    a = np.ones((2, 2))
    for e in (A, A.T):
        compile_expr(e)(a)[0, 0] = 7
    assert a[0, 0] == 1


def test_shape_errors_say_what_does_not_fit():
    call = compile_expr(A @ x - y)
    with pytest.raises(ShapeError, match=r"x is \(n,\), but the array given has shape \(4,\), while A has n = 3"):
        call(np.ones((2, 3)), np.ones(4), np.ones(2))
    with pytest.raises(ShapeError, match=r"A is \(m, n\), but the array given has shape \(3,\)"):
        call(np.ones(3), np.ones(3), np.ones(2))
    with pytest.raises(ShapeError, match=r"m = 5 is given, but A has shape \(2, 3\), so that m = 2"):
        call(np.ones((2, 3)), np.ones(3), np.ones(2), m=5)
    fixed = compile_expr(symbol("B", (2, n)) @ x)
    with pytest.raises(ShapeError, match=r"B is \(2, n\), but the array given has shape \(3, 4\)"):
        fixed(np.ones((3, 4)), np.ones(4))
    with pytest.raises(ShapeError, match=r"c is \(\), but the array given has shape \(2,\)"):
        compile_expr(c * x)([1, 2], [1.0])


def test_composite_dimensions():
    v = symbol("v", (m * n,))
    call = compile_expr(F["vec"](A) + symbol("v", (n * m,)))
    assert call(np.ones((2, 3)), np.ones(6)).shape == (6,)
    with pytest.raises(ShapeError, match=r"v is \(m\*n,\), but .* shape \(5,\), while m\*n is 6 with m = 2 and n = 3"):
        call(np.ones((2, 3)), np.ones(5))
    alone = compile_expr(2 * symbol("w", (n + 1,)))
    assert alone.names == ("w", "n")
    assert alone(np.ones(4), n=3).shape == (4,)
    with pytest.raises(ShapeError, match=r"while n \+ 1 is 6 with n = 5"):
        alone(np.ones(4), n=5)
    assert compile_expr(v).names == ("v", "m", "n")


def test_argument_errors():
    call = compile_expr(A @ x)
    with pytest.raises(OperandError, match="missing: x; the parameters are A, x"):
        call(np.ones((2, 3)))
    with pytest.raises(OperandError, match="there is no parameter z; the parameters are A, x"):
        call(np.ones((2, 3)), z=1)
    with pytest.raises(OperandError, match="A is given twice"):
        call(np.ones((2, 3)), A=1)
    with pytest.raises(OperandError, match="3 arguments given, but there are 2"):
        call(1, 2, 3)
    with pytest.raises(OperandError, match="x must be an array of real numbers"):
        call(np.ones((2, 3)), "text")
    with pytest.raises(OperandError, match="complex128"):
        call(np.ones((2, 3)), np.ones(3) * 1j)
    with pytest.raises(OperandError, match="args leaves out x"):
        compile_expr(A @ x, ["A"])
    with pytest.raises(OperandError, match="args names z, which does not occur"):
        compile_expr(A @ x, ["A", "x", "z"])
    with pytest.raises(OperandError, match="args names A twice"):
        compile_expr(A @ x, ["A", "x", A])
    with pytest.raises(OperandError, match="two different symbols are named x"):
        compile_expr([x, symbol("x", (m,))])
    with pytest.raises(UnsupportedError, match="unknown backend 'cobol'; the known ones are numpy"):
        compile_expr(x, backend="cobol")
    assert compile_expr(x, ["x", y]).names == ("x", "y")


@pytest.mark.parametrize("name", ["lambda", "np", "sigmoid", "float", "t0", "None", "ﬁx", "é", "n"])
def test_any_name_works(name):
    s = symbol(name, (p,))
    call = compile_expr(F["sigmoid"](s) + hadamard(E(s), E(s)) + F["sum"](s) / F["sum"](ONES(p)) * s)
    assert call.names == (name,)
    v = np.array([0.1, 0.2])
    np.testing.assert_allclose(call(**{name: v}), 1 / (1 + np.exp(-v)) + np.exp(2 * v) + v.sum() / 2 * v)


def test_source_runs_on_its_own():
    call = compile_expr(F["softmax"](A, 1) @ x)
    space = {}
    exec(call.source, space)
    a, v = np.arange(6.0).reshape(2, 3), np.ones(3)
    np.testing.assert_allclose(space["function"](a, v), call(a, v))
    assert "A : (m, n)" in call.source


def test_importing_does_not_import_numpy():
    lines = "import sys, matcalc.emit; assert 'numpy' not in sys.modules and 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", lines], check=True)


# -------------------------------------------------------------------- size
def test_long_and_deep_expressions():
    rng = np.random.default_rng(0)
    mats = {f"M{k}": rng.normal(size=(2, 2)) for k in range(2000)}
    symbols = [symbol(name, (n, n)) for name in mats]
    np.testing.assert_allclose(compile_expr(add(*symbols))(**mats), sum(mats.values()))
    chain = np.eye(2)
    for a in mats.values():
        chain = chain @ a
    np.testing.assert_allclose(compile_expr(product(*symbols))(**mats), chain)
    vector = np.ones(2)
    for a in reversed(list(mats.values())):
        vector = a @ vector
    call = compile_expr(product(*symbols, x))
    assert call.source.count("@") == 2000
    np.testing.assert_allclose(call(x=np.ones(2), **mats), vector)
    deep, value = x, np.full(2, 0.5)
    for _ in range(2000):
        deep, value = F["sin"](deep), np.sin(value)
    np.testing.assert_allclose(compile_expr(deep)([0.5, 0.5]), value)
    assert max(map(len, compile_expr(deep).source.splitlines())) < 200
    assert O["Sin"] is type(deep)


@pytest.mark.parametrize("exponent", [sp.Rational(p, q) for q in (1, 2, 3, 5) for p in range(-7, 8) if p])
def test_powers_of_every_sign(exponent):
    point = np.array([0.3, 1.7, 2.0])
    np.testing.assert_allclose(compile_expr(power(x, Number(exponent)))(point), point ** float(exponent), rtol=1e-13)
