from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import sympy as sp
from katex_check import rejected
from strategies import random_expr, random_with

from matcalc.dims import dims
from matcalc.expr import Expr, Let, Product, Symbol, Transpose, as_expr, symbol
from matcalc.functions import FUNCTIONS
from matcalc.ops import OPERATORS
from matcalc.ops.unspecified import function
from matcalc.printing import latex

m, n, p = dims("m n p")
A, B, W = (symbol(name, (m, n)) for name in "ABW")
X, Y, W1 = symbol("X", (n, p)), symbol("Y", (n, n)), symbol("W1", (m, n))
x, y, b, r = symbol("x", (n,)), symbol("y", (n,)), symbol("b", (m,)), symbol("r", (1, n))
c, s = symbol("c", ()), symbol("s", ())
L = function("L")
f = Let("f", W @ X + b)
F = FUNCTIONS
half = sp.Rational(1, 2)

GOLDEN = [
    # products, sums, signs
    (2 * A.T @ (A @ x - b), r"2 A^{\top} (A x - b)"),
    (-(A + B), r"-(A + B)"),
    (A - (B + A), r"A - (B + A)"),
    (A - 2 * B, r"A - 2 B"),
    (-A @ x - b, r"-A x - b"),
    (sp.Rational(2, 3) * A, r"\frac{2}{3} A"),
    (2 * c * (x + y), r"2 c (x + y)"),
    (c * 2**s, r"c \cdot 2^{s}"),
    (2 * (c * (x.T @ y) * x), r"2 c (x^{\top} y) x"),
    ((x.T @ y) * (y.T @ x), r"(x^{\top} y) y^{\top} x"),
    (as_expr(sp.pi) * n * c, r"\pi n c"),
    (Product((A, Product((Y, x)))), r"A Y x"),
    # quotients and powers
    (x / c, r"\frac{x}{c}"),
    (-x / c, r"-\frac{x}{c}"),
    (-(c / s), r"-\frac{c}{s}"),
    (1 - c / s, r"1 - \frac{c}{s}"),
    ((c / s) ** 2, r"\left(\frac{c}{s}\right)^{2}"),
    (A @ x / F["norm2"](x), r"\frac{A x}{\left\|x\right\|_2}"),
    (F["mean"](A), r"\frac{\operatorname{sum}(A)}{m n}"),
    (F["divide"](A, B), r"A \oslash B"),
    (F["divide"](1, x), r"1 \oslash x"),
    (F["multiply"](F["divide"](A, B), B), r"(A \oslash B) \odot B"),
    (Y @ F["multiply"](Y, Y.T), r"Y (Y \odot Y^{\top})"),
    (F["multiply"](A, B).T, r"(A \odot B)^{\top}"),
    (F["multiply"](-A, B), r"-A \odot B"),
    (F["multiply"](A, B) @ x, r"(A \odot B) x"),
    (F["multiply"](2 * A, W @ X @ X.T), r"2 A \odot (W X X^{\top})"),
    (F["power"](x, 2), r"x^{\odot 2}"),
    (F["power"](x, c + 1), r"x^{\odot (c + 1)}"),
    (c**half, r"c^{1/2}"),
    ((c + s) ** -1, r"(c + s)^{-1}"),
    (x[0] ** 2, r"x_{1}^{2}"),
    (F["logdet"](Y) ** 2, r"\left(\log\det(Y)\right)^{2}"),
    (F["norm2"](A @ x - b) ** 2 / 2, r"\frac{1}{2} \left\|A x - b\right\|_2^{2}"),
    # transposes and inverses
    ((A @ x).T, r"(A x)^{\top}"),
    (Transpose(Transpose(A)), r"(A^{\top})^{\top}"),
    (F["inv"](Y).T, r"Y^{-\top}"),
    (F["inv"](Y @ Y.T).T, r"(Y Y^{\top})^{-\top}"),
    (F["inv"](Y.T), r"(Y^{\top})^{-1}"),
    (F["inv"](F["inv"](Y)), r"(Y^{-1})^{-1}"),
    ((Y**3).T, r"(Y^{3})^{\top}"),
    (F["pinv"](A).T, r"(A^{+})^{\top}"),
    (F["inv"](Y) @ x, r"Y^{-1} x"),
    (F["inv"](Y / c), r"\left(\frac{Y}{c}\right)^{-1}"),
    # broadcast sums
    (W @ X + b, r"W X + b \mathbf{1}^{\top}"),
    (A + r, r"A + \mathbf{1} r"),
    (x + s, r"x + s \mathbf{1}"),
    (r - c, r"r - c \mathbf{1}^{\top}"),
    (A + c, r"A + c \mathbf{1} \mathbf{1}^{\top}"),
    (1 - A, r"\mathbf{1} \mathbf{1}^{\top} - A"),
    (x - 2, r"x - 2 \mathbf{1}"),
    (A - (b + A @ x), r"A - (b + A x) \mathbf{1}^{\top}"),
    (A + x.T @ y, r"A + (x^{\top} y) \mathbf{1} \mathbf{1}^{\top}"),
    (A - 2 * b, r"A - 2 b \mathbf{1}^{\top}"),
    # constants, entries, reductions
    (F["ones"](m, n) @ x, r"\mathbf{1} \mathbf{1}^{\top} x"),
    (F["ones"](m).T @ A, r"\mathbf{1}^{\top} A"),
    (F["eye"](n) - Y, r"I - Y"),
    (F["zeros"](n), r"\mathbf{0}"),
    (F["e"](3, n), r"e_{3}"),
    (A[0, 1], r"A_{1 2}"),
    (A[0, :], r"A_{1 :}"),
    (A[11, 3], r"A_{12,4}"),
    ((A @ X)[0, 1], r"(A X)_{1 2}"),
    (W1[0, 0], r"(W_{1})_{1 1}"),
    (F["sum"](A), r"\operatorname{sum}(A)"),
    (F["sum"](A @ X, 1), r"A X \mathbf{1}"),
    (F["sum"](A + B, 0), r"\mathbf{1}^{\top} (A + B)"),
    (F["softmax"](A, 1), r"\operatorname{softmax}_{\text{rows}}(A)"),
    (F["logsumexp"](A, 0), r"\operatorname{logsumexp}_{\text{columns}}(A)"),
    # functions
    (F["tr"](A.T @ B), r"\operatorname{tr}(A^{\top} B)"),
    (F["tr"](A.T @ (B - A)), r"\operatorname{tr}\left(A^{\top} (B - A)\right)"),
    (F["exp"](x / c), r"\exp\left(\frac{x}{c}\right)"),
    (F["log"](F["det"](Y)), r"\log\left(\det(Y)\right)"),
    (F["tr"](F["expm"](-Y / 2)), r"\operatorname{tr}\left(e^{-\frac{1}{2} Y}\right)"),
    (F["sqrtm"](Y) @ x, r"Y^{1/2} x"),
    (F["sqrt"](x.T @ x + 1), r"\sqrt{x^{\top} x + 1}"),
    (F["kron"](F["kron"](A, X), A + B), r"(A \otimes X) \otimes (A + B)"),
    (F["reshape"](F["vec"](A), n, m), r"\operatorname{reshape}_{n \times m}\left(\operatorname{vec}(A)\right)"),
    (F["eigmax"](Y) * x, r"\lambda_{\max}(Y) x"),
    # unspecified functions and names
    (L(f), r"L(f)"),
    (L.gradient(f) @ X.T, r"\frac{\partial L}{\partial f} X^{\top}"),
    (L.gradient(f).T, r"\left(\frac{\partial L}{\partial f}\right)^{\top}"),
    (L.gradient(W @ X + b), r"\nabla L(W X + b \mathbf{1}^{\top})"),
    (symbol("lam", ()) * symbol("Sigma", (n, n)), r"\lambda \Sigma"),
    (symbol("x_hat_2", (n,)).T @ symbol("x_max", (n,)), r"\hat{x}_{2}^{\top} x_{\mathrm{max}}"),
]


@pytest.mark.parametrize(("e", "expected"), GOLDEN, ids=[str(e) for e, _ in GOLDEN])
def test_golden(e: Expr, expected: str) -> None:
    assert latex(e) == expected
    assert sp.latex(e) == expected
    assert expected in e._repr_latex_()


NAMES = [
    "A", "W1", "lam", "lambda", "mu_0", "Sigma", "Alpha", "x_hat_2", "foo", "foo_bar_baz", "α", "Ω", "ϑ", "ς", "Σx", "αβ",
    "größe", "变量", "Жук", "א", "Ł", "ß", "ア", "한글", "ǹ", "ﬁ", "Ạ", "x²", "𝐀",
]  # fmt: skip


def test_katex_accepts_goldens_and_names() -> None:
    formulas = [latex(e) for e, _ in GOLDEN] + [latex(symbol(name, (m, n)).T) for name in NAMES]
    assert rejected(formulas) == []


def test_katex_accepts_every_operator() -> None:
    formulas = [latex(random_with(random.Random(seed), operator)) for operator in OPERATORS for seed in range(4)]
    assert rejected(formulas) == []


def renamed(seed: int) -> Callable[[str], str]:
    """Another name for each, from the list above."""
    pool = random.Random(seed).sample(NAMES, 8)
    return lambda name: f"{pool[sum(map(ord, name)) % len(pool)]}_{name}"


def test_katex_accepts_random_expressions() -> None:
    formulas = [latex(random_expr(random.Random(seed), 4)) for seed in range(300)]
    formulas += [latex(random_expr(random.Random(seed), 3, name=renamed(seed))) for seed in range(300)]
    assert rejected(formulas) == []


def test_a_name_cannot_hold_a_macro() -> None:
    written = latex(Symbol(r"x\frac{1}$%^&~", (1, 1), ()))
    assert not set(written.removeprefix(r"\mathrm{").removesuffix("}")) & set(r"\{}$%^&~")
    assert rejected([written]) == []


def test_deep_expression_needs_no_recursion() -> None:
    e: Expr = x
    for _ in range(5000):
        e = Y @ (e + x)
    assert latex(e).count("Y") == 5000


def test_inside_sympy() -> None:
    assert sp.latex(sp.log(F["det"](Y))) == r"\log{\left(\det(Y) \right)}"
    assert sp.latex(2 * sp.sympify(c + s)) == r"2 \left(c + s\right)"
    assert sp.latex(sp.sympify(c * s) ** 2) == r"\left(c s\right)^{2}"
    assert sp.latex(sp.sympify(F["logdet"](Y)) ** 2) == r"\left(\log\det(Y)\right)^{2}"
    assert sp.latex(sp.exp(-sp.sympify(c / s))) == r"e^{- \frac{c}{s}}"
    assert str(2 * sp.sympify(c + s)) == "2*(c + s)"
