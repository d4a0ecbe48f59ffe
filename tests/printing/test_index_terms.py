from __future__ import annotations

import random

import pytest
import sympy as sp
from katex_check import rejected
from strategies import random_with

from matcalc.dims import dims
from matcalc.expr import Let, Operator, symbol
from matcalc.functions import FUNCTIONS as F
from matcalc.index import Delta, Entry, Index, Map, Num, Pair, Plus, Sum, Term, Times, axis
from matcalc.ops import OPERATORS
from matcalc.ops.unspecified import function
from matcalc.printing import IndexNames, term_latex, term_text
from matcalc.printing.index_terms import index_names

m, n, p = dims("m n p")
A, W, W1 = symbol("A", (m, n)), symbol("W", (m, n)), symbol("W1", (m, n))
X, Y = symbol("X", (n, p)), symbol("Y", (n, n))
x, y, b, c = symbol("x", (n,)), symbol("y", (n,)), symbol("b", (m,)), symbol("c", ())
L, f = function("L"), Let("f", W @ X + b)
i, j, k, q = Index.fresh(m), Index.fresh(p), Index.fresh(n), Index.fresh(n)
NAMES = {i: "i", j: "j", k: "k", q: "l"}
a_ik, x_k, y_l, b_i = Entry(A, i, k), Entry(x, k, None), Entry(y, q, None), Entry(b, i, None)


def num(*value: int) -> Num:
    return Num(sp.Rational(*value))


GOLDEN: list[tuple[Term, str, str]] = [
    (
        Plus((Sum(k, Times((Entry(W, i, k), Entry(X, k, j)))), b_i)),
        r"\sum_{k} W_{ik} X_{kj} + b_{i}",
        "sum_k W[i,k]*X[k,j] + b[i]",
    ),
    (Sum(k, Sum(q, Times((x_k, y_l)))), r"\sum_{kl} x_{k} y_{l}", "sum_(k,l) x[k]*y[l]"),
    (Sum(k, Plus((x_k, num(-1)))), r"\sum_{k} (x_{k} - 1)", "sum_k (x[k] - 1)"),
    (Times((Sum(k, x_k), b_i)), r"\left(\sum_{k} x_{k}\right) b_{i}", "(sum_k x[k])*b[i]"),
    (Times((b_i, Sum(k, x_k))), r"b_{i} \sum_{k} x_{k}", "b[i]*sum_k x[k]"),
    (Times((Plus((x_k, y_l)), num(-1, 2))), r"-(x_{k} + y_{l}) \frac{1}{2}", "-(x[k] + y[l])*(1/2)"),
    (Times((num(2), Times((num(3), x_k)))), r"2 \cdot 3 x_{k}", "2*3*x[k]"),
    (Times((num(1), x_k)), r"x_{k}", "x[k]"),
    (Times(()), "1", "1"),
    (Plus((x_k, Times((num(-1), y_l)))), r"x_{k} - y_{l}", "x[k] - y[l]"),
    (Times((Num(m * n + 1), x_k)), r"(m n + 1) x_{k}", "(m*n + 1)*x[k]"),
    (Sum(k, Times((num(-1), x_k))), r"-\sum_{k} x_{k}", "-sum_k x[k]"),
    (Delta(k, q), r"\delta_{kl}", "delta[k,l]"),
    (Delta(k, 3), r"\delta_{k 3}", "delta[k,3]"),
    (Delta(Pair(i, k), Pair(j, q)), r"\delta_{(i,k),(j,l)}", "delta[(i,k),(j,l)]"),
    (Entry(A.T, k, i), r"A_{ik}", "A[i,k]"),
    (Entry(A @ X, i, j), r"(A X)_{ij}", "(A*X)[i,j]"),
    (Entry(W1, i, k), r"(W_{1})_{ik}", "W1[i,k]"),
    (Entry(F["inv"](Y).T, k, q), r"(Y^{-1})_{lk}", "(inv(Y))[l,k]"),
    (Entry(F["eye"](n), k, q), r"I_{kl}", "(eye(n))[k,l]"),
    (Entry(c, None, None), "c", "c"),
    (Entry(f, i, j), r"f_{ij}", "f[i,j]"),
    (Entry(L.gradient(f), i, j), r"\left(\frac{\partial L}{\partial f}\right)_{ij}", "(dL(f))[i,j]"),
    (Entry(L.gradient(W @ X), i, j), r"\left(\nabla L(W X)\right)_{ij}", "(dL(W*X))[i,j]"),
    (Times((Entry(x.T @ y, None, None), x_k)), r"(x^{\top} y) x_{k}", "(x'*y)*x[k]"),
    (Map(F["divide"](x, y), (x_k, Plus((y_l, num(1))))), r"\frac{x_{k}}{y_{l} + 1}", "x[k]/(y[l] + 1)"),
    (Map(F["power"](x, 2), (Times((x_k, y_l)), num(2))), r"(x_{k} y_{l})^{2}", "(x[k]*y[l])^2"),
    (Map(F["exp"](x), (Sum(k, x_k),)), r"\exp\left(\sum_{k} x_{k}\right)", "exp(sum_k x[k])"),
    (Map(F["maximum"](x, y), (x_k, num(0))), r"\max(x_{k}, 0)", "maximum(x[k], 0)"),
]


@pytest.mark.parametrize(("term", "in_latex", "in_text"), GOLDEN, ids=[t for _, _, t in GOLDEN])
def test_golden(term: Term, in_latex: str, in_text: str) -> None:
    assert term_latex(term, NAMES) == in_latex
    assert term_text(term, NAMES) == in_text


def test_katex_accepts_goldens() -> None:
    assert rejected([latex for _, latex, _ in GOLDEN]) == []


def test_letters_come_in_order_and_skip_what_is_taken() -> None:
    many = [Index.fresh(n) for _ in range(12)]
    names = IndexNames(many[:2], {"i", "k", "i_1"})
    assert [names[t] for t in many] == ["j", "l", "p", "q", "r", "s", "t", "u", "v", "i_2", "i_3", "i_4"]
    assert term_latex(Entry(A, many[0], many[9]), names) == r"A_{j,i_{2}}"


def test_free_indices_are_named_first_and_symbols_keep_their_letters() -> None:
    i_, j_ = symbol("i", (m,)), symbol("K", (dims("j"),))
    term = Times((Sum(k, Entry(A, Index.fresh(m), k)), Entry(i_, i, None), Entry(j_, Index.fresh(n), None)))
    names = index_names([term], [i])
    assert names[i] == "k"
    assert names[k] == "q"
    assert "i" not in names.values()
    assert "j" not in names.values()


def test_katex_accepts_the_entry_of_every_operator() -> None:
    formulas = []
    for operator in OPERATORS:
        e = random_with(random.Random(7), operator)
        at = (axis(e.rows), axis(e.cols))
        formulas.append(term_latex(Entry(e, *at)))
        if isinstance(e, Operator) and type(e).entry is not Operator.entry and not isinstance(e.rows, sp.Mul):
            formulas.append(term_latex(e.entry(*at)))
    assert rejected(formulas) == []
    assert len(formulas) > len(OPERATORS)
