from __future__ import annotations

import random

import pytest
import sympy as sp
from strategies import random_with

from matcalc.dims import dims
from matcalc.expr import Expr, Let, symbol
from matcalc.functions import FUNCTIONS as F
from matcalc.ops import OPERATORS
from matcalc.ops.unspecified import function
from matcalc.printing import pprint, pretty

m, n, p = dims("m n p")
A, B, W = (symbol(name, (m, n)) for name in "ABW")
X, Y, W1 = symbol("X", (n, p)), symbol("Y", (n, n)), symbol("W1", (m, n))
x, y, b = symbol("x", (n,)), symbol("y", (n,)), symbol("b", (m,))
c, s = symbol("c", ()), symbol("s", ())
L, f = function("L"), Let("f", W @ X + b)

GOLDEN = [
    (2 * A.T @ (A @ x - b), "2 Aᵀ (A x - b)"),
    (F["norm2"](A @ x - b) ** 2 / 2, "½‖A x - b‖₂²"),
    (W @ X + b, "W X + b 𝟏ᵀ"),
    (F["inv"](Y), "Y⁻¹"),
    (F["inv"](Y).T, "Y⁻ᵀ"),
    (F["inv"](Y @ Y.T), "(Y Yᵀ)⁻¹"),
    (F["pinv"](A), "A⁺"),
    (Y**3, "Y³"),
    (F["power"](x, 2), "x^⊙2"),
    (F["power"](x, c + 1), "x^⊙(c + 1)"),
    (F["power"](x, sp.Rational(3, 2)), "x^⊙(3/2)"),
    (c**-2, "c⁻²"),
    (c ** sp.Rational(3, 2), "c^(3/2)"),
    ((c / s) ** 2, "(c/s)²"),
    (-c / (s + 1), "-c/(s + 1)"),
    (sp.Rational(2, 7) * x, "(2/7) x"),
    (F["multiply"](A, B), "A ⊙ B"),
    (F["divide"](A, B) @ x, "(A ⊘ B) x"),
    (F["kron"](A, X), "A ⊗ X"),
    (L.gradient(f) @ X.T, "(∂L/∂f) Xᵀ"),
    (L.gradient(W @ X), "∇L(W X)"),
    (F["logdet"](Y) ** 2, "(log det(Y))²"),
    (F["sqrt"](c + 1), "√(c + 1)"),
    (F["abs"](x), "|x|"),
    (F["norminf"](A), "‖A‖_∞"),
    (F["sigmoid"](x), "σ(x)"),
    (F["lgamma"](c), "log Γ(c)"),
    (F["eigmax"](Y), "λ_max(Y)"),
    (F["softmax"](A, 1), "softmax_rows(A)"),
    (F["sum"](A, 1), "A 𝟏"),
    (F["e"](12, n), "e₁₂"),
    (A[0, 1], "A[1,2]"),
    (W1 @ symbol("x_hat", (n,)), "W₁ x̂"),
    (symbol("lam", ()) * x, "λ x"),
]


@pytest.mark.parametrize(("e", "expected"), GOLDEN, ids=[str(e) for e, _ in GOLDEN])
def test_golden(e: Expr, expected: str) -> None:
    assert pretty(e) == expected
    assert sp.pretty(e, use_unicode=True) == expected
    assert sp.pretty(e, use_unicode=False) == str(e)


def test_pprint_prints(capsys: pytest.CaptureFixture[str]) -> None:
    pprint(A.T @ b)
    assert capsys.readouterr().out == "Aᵀ b\n"


def test_inside_sympy() -> None:
    assert sp.pretty(2 * sp.sympify(c + s), use_unicode=True) == "2⋅(c + s)"
    assert sp.pretty(sp.log(F["det"](Y)), use_unicode=True) == "log(det(Y))"
    assert "(xᵀ y)" in sp.pretty(sp.sympify(x.T @ y) ** 2, use_unicode=True)


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_is_free_of_macros(operator: str) -> None:
    for seed in range(4):
        written = pretty(random_with(random.Random(seed), operator))
        assert "\\" not in written
        assert "{" not in written
        assert "#" not in written
