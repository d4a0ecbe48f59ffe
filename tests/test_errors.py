"""Wrong texts and wrong calls: each raises a MatcalcError that says what is wrong, and what would help."""

import json

import numpy as np
import pytest

import matcalc as mc

A, B, S, x, y, z, c, r, k = mc.symbols("A[m,n] B[n,p] S[n,n] x[n] y[m] z[n] c r[1,n] k(integer)")
m, n = mc.dims("m n")
call = mc.compile(A @ x)

TEXTS = [
    "", " ", "(", ")", "(x", "x)", "x +", "* x", "x y", "2 x", "x..y", "x @ z", "x = z", "x; z", "x # z",
    '"x"', "x''*", "tr", "tr(", "tr()",
    "tr(A, A)", "tr(x)", "foo(x)", "A*B*A", "A + B", "A*x + x", "x*z", "x + r", "A^2", "S^0.5", "S^x", "x/z",
    "A/x", "x^2", "inv(A)",
    "det(A)", "x(0)", "x(1,1,1)", "x(-1)", "A(1.5,1)", "norm2(A)", "sum(x,3)", "diag(A)", "eye(0)",
    "eye(-1)", "eye(x)", "ones(1.5)", "e(0,n)",
    "reshape(x,m)", "logdet(c*A)", "softmax(x,7)", "1e999999", "9" * 5000, "((((" * 5000, "-" * 50_000 + "x",
    "x × z", "x² + z", "\N{RIGHT-TO-LEFT OVERRIDE}x", "x\0", "x\n+\n*z", "__import__('os')", "x.__class__",
    "lambda: x", "exec('1')",
    "().__class__.__bases__", "{x}", "[x]", "x if x else z", "x or z", "x == z", "import os",
    "os.system('ls')", "`ls`", "$(ls)", "\\input{x}",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=lambda t: repr(t[:30]))
def test_wrong_texts(text):
    with pytest.raises(mc.MatcalcError) as caught:
        mc.parse(text, {s.name: s for s in (A, B, S, x, y, z, c, r)})
    message = str(caught.value)
    assert len(message) > 15
    assert len(message) < 2000
    assert "Traceback" not in message


CALLS = {
    "gradient of a vector": lambda: mc.grad(A @ x, x),
    "gradient of a matrix": lambda: mc.grad(A, A),
    "unknown name": lambda: mc.grad(mc.sum(x), "q"),
    "by an expression": lambda: mc.grad(mc.sum(x), A @ x),
    "by nothing": lambda: mc.grad(mc.sum(x), []),
    "by None": lambda: mc.grad(mc.sum(x), None),
    "by a number": lambda: mc.grad(mc.sum(x), 3),
    "by another x": lambda: mc.grad(mc.sum(x), mc.vector("x", m)),
    "gradient of None": lambda: mc.grad(None, x),
    "gradient of a list": lambda: mc.grad([x], x),
    "gradient of an array": lambda: mc.grad(np.ones(3), x),
    "structure": lambda: mc.grad(mc.sum(x), x, structure="diagonal"),
    "upstream of another shape": lambda: mc.vjp(A @ x, x, x),
    "upstream of a hostile name": lambda: mc.vjp(A @ x, x, "__import__('os')"),
    "upstream None": lambda: mc.vjp(A @ x, x, None),
    "array times expression": lambda: np.ones((3, 3)) @ S,
    "expression times array": lambda: S @ np.ones((3, 3)),
    "array plus expression": lambda: np.ones(3) + x,
    "expression plus array": lambda: x + np.ones(3),
    "function of an array": lambda: mc.exp(np.ones(3)),
    "matrix * matrix": lambda: A * B,
    "vector * vector": lambda: x * z,
    "column + row": lambda: x + r,
    "column + another column": lambda: x + y,
    "matrix of the wrong inner dimension": lambda: A @ y,
    "division by a matrix": lambda: x / S,
    "number divided by a vector": lambda: 1 / x,
    "fractional power": lambda: S**0.5,
    "power by a vector": lambda: c**x,
    "power of a matrix that is not square": lambda: A**2,
    "truth": lambda: bool(x),
    "truth in a condition": lambda: x and z,
    "iteration": lambda: list(x),
    "float": lambda: float(x),
    "array of": lambda: np.asarray(x),
    "index out of range": lambda: mc.vector("v", 3)[3],
    "index of a scalar": lambda: c[0],
    "too many indices": lambda: A[0, 0, 0],
    "index by text": lambda: A["a"],
    "part of a slice": lambda: A[::2],
    "bad dimension 0": lambda: mc.vector("v", 0),
    "bad dimension -1": lambda: mc.matrix("V", -1, 2),
    "bad dimension 1.5": lambda: mc.vector("v", 1.5),
    "bad dimension text": lambda: mc.dims("1n"),
    "no dimension": lambda: mc.dims(""),
    "dims of a number": lambda: mc.dims(3),
    "bad fact": lambda: mc.symbols("A[n,n](round)"),
    "fact that needs a square": lambda: mc.symbols("A[m,n](symmetric)"),
    "fact of a matrix on a vector": lambda: mc.symbols("v[n](psd)"),
    "hostile name": lambda: mc.matrix("__import__('os')", 2, 2),
    "empty name": lambda: mc.vector("", 2),
    "name None": lambda: mc.scalar(None),
    "symbols of nothing": lambda: mc.symbols(""),
    "symbols without a bracket": lambda: mc.symbols("A[m,n"),
    "axis": lambda: mc.sum(A, axis=2),
    "axis of a function without": lambda: mc.exp(A, axis=0),
    "too many arguments": lambda: mc.tr(A, A, A),
    "trace of a vector": lambda: mc.tr(x),
    "solve": lambda: mc.solve(A, x),
    "dot": lambda: mc.dot(A, x),
    "name of a function": lambda: mc.function("1"),
    "let": lambda: mc.let("not a name", x),
    "by a named expression": lambda: mc.grad(mc.sum(mc.let("f", A @ x)), mc.let("f", A @ x)),
    "parse of a number": lambda: mc.parse(3),
    "parse of None": lambda: mc.parse(None),
    "declarations of a number": lambda: mc.parse("x", 3),
    "compile of None": lambda: mc.compile(None),
    "backend": lambda: mc.compile(x, backend="fortran"),
    "missing argument": lambda: call(A=np.ones((2, 3))),
    "unknown argument": lambda: call(A=np.ones((2, 3)), x=np.ones(3), q=1),
    "argument of a wrong shape": lambda: call(A=np.ones((2, 3)), x=np.ones(4)),
    "argument with an axis too many": lambda: call(A=np.ones((2, 3)), x=np.ones((3, 1, 1))),
    "argument of text": lambda: call(A=np.ones((2, 3)), x="abc"),
    "check of a wrong kind": lambda: mc.check(mc.sum(x), x, kind="laplacian"),
    "check of no trials": lambda: mc.check(mc.sum(x), x, trials=0),
    "derive of a vector": lambda: mc.derive(A @ x, x),
    "simplify of None": lambda: mc.simplify(None),
    "count of None": lambda: mc.count_ops(None),
}


@pytest.mark.parametrize("what", CALLS)
def test_wrong_calls(what):
    with pytest.raises(mc.MatcalcError) as caught:
        CALLS[what]()
    assert len(str(caught.value)) > 15
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (
            lambda: A @ y,
            mc.ShapeError,
            "cannot multiply A (m x n) by y (m x 1): the inner dimensions n and m differ; A'*y would fit",
        ),
        (
            lambda: x + r,
            mc.ShapeError,
            "cannot add the column x (n x 1) and the row r (1 x n): for the outer sum write x*ones(n)' .+ r",
        ),
        (
            lambda: A * B,
            mc.OperandError,
            "* between A (m x n) and B (n x p) has two readings: the matrix product is A @ B, "
            "the entrywise product is mc.multiply(A, B)",
        ),
        (
            lambda: mc.grad(A @ x, x),
            mc.ShapeError,
            "grad needs a scalar function, but A*x (m x 1) is not one; reduce it, as in sum(...) or norm2(...)^2, "
            "or give the upstream gradient to vjp",
        ),
        (lambda: mc.grad(mc.sum(x), []), mc.OperandError, "wrt is empty: name at least one symbol"),
        (lambda: mc.grad(mc.sum(x), "q"), mc.OperandError, "'q' is not a symbol of sum(x); its symbols: x"),
        (lambda: bool(x), mc.OperandError, "the truth of x is not known: compare with ==, or ask mc.check"),
        (lambda: mc.tr(x), mc.ShapeError, "tr needs a square matrix, but x is n x 1"),
        (
            lambda: S**0.5,
            mc.UnsupportedError,
            "the matrix power S^(1/2) needs an integer exponent; the square root is sqrtm(S)",
        ),
        (lambda: mc.vector("v", 0), mc.ShapeError, "v: a dimension must be at least 1, not 0"),
        (
            lambda: x / S,
            mc.OperandError,
            "cannot divide x (n x 1) by S (n x n) with /: the entrywise quotient is mc.divide(x, S), "
            "the solution of S X = x is mc.solve(S, x)",
        ),
    ],
)
def test_messages(wrong, kind, message):
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message


def test_a_parse_error_shows_the_place():
    with pytest.raises(mc.ParseError) as caught:
        mc.parse("x +\n  * z")
    assert (caught.value.line, caught.value.column) == (2, 3)
    assert "    * z\n    ^ line 2, column 3" in str(caught.value)


def test_errors_are_what_python_expects():
    assert issubclass(mc.ShapeError, ValueError)
    assert issubclass(mc.ParseError, ValueError)
    assert issubclass(mc.OperandError, TypeError)
    assert issubclass(mc.UnsupportedError, NotImplementedError)
    assert issubclass(mc.CheckError, AssertionError)
    assert json.dumps(str(mc.MatcalcError("x"))) == '"x"'
