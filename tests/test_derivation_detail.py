"""How much a derivation shows: brief, normal, full; shapes, numbers, and references to earlier lines."""

import random
import re

import pytest
from katex_check import rejected
from strategies import random_expr
from test_golden import ALL, derivation

import matcalc as mc
from matcalc.derivations.derivation_detail import spelt_out
from matcalc.derivations.derivation_lines import DETAILS
from matcalc.derivations.simplify_steps import simplification
from matcalc.derivations.steps import is_term
from matcalc.index import Delta, Entry, Map, Plus, Sum, Times
from matcalc.simplify import simplify_all


def deltas(term):
    """The number of deltas in a term."""
    match term:
        case Delta():
            return 1
        case Sum(_, body):
            return deltas(body)
        case Times(parts) | Plus(parts) | Map(_, parts):
            return sum(map(deltas, parts))
        case Entry() | _:
            return 0


@pytest.mark.parametrize("name", ALL)
def test_every_line_of_the_full_derivation_holds(name):
    d = derivation(name)
    report = d.check(trials=1, detail="full")
    assert report.passed, report.message
    assert len(d.all_steps()) >= len(d.steps)
    last = d.all_steps()[-1].after
    assert getattr(last, "form", last) is d.result


@pytest.mark.parametrize("seed", range(30))
def test_random_derivations_in_full(seed):
    e = mc.sum(random_expr(random.Random(seed)))
    for w in e.symbols[:1]:
        try:
            d = mc.derive(e, w)
        except mc.MatcalcError:
            continue
        report = d.check(trials=1, detail="full")
        assert report.passed or not report.trials, report.message


@pytest.mark.parametrize("name", ALL)
def test_a_full_derivation_sums_one_delta_away_at_a_time(name):
    for s in derivation(name).all_steps():
        if s.rule == "contract" and is_term(s.before):
            assert deltas(s.before) - deltas(s.after) in (0, 1)  # 0 where nothing but a remainder is left to do


@pytest.mark.parametrize("seed", range(60))
def test_the_moves_of_a_simplification_end_in_the_simplified_form(seed):
    e = random_expr(random.Random(seed))
    found = simplification(e)
    (target,) = simplify_all([e])
    assert (found[-1][2] if found else e) is target
    for _, why, after in found:
        assert why
        assert after.shape == e.shape


def test_a_move_has_the_name_of_its_rule():
    moves = simplification(mc.parse("inv(inv(X))*x", "X[n,n] x[n]"))
    assert "inverse-twice" in [rule for rule, _, _ in moves], moves


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("name", ALL)
def test_references_name_earlier_lines(name, detail):
    d = derivation(name)
    numbers = []
    for line in d.to_text(detail=detail).splitlines():
        number = re.match(r"\((\d+)\) ", line)
        if number:
            numbers.append(int(number[1]))
            continue
        reason = re.match(r"      [a-z-]+((?:,? (?:by|of|into|and|[\w']+,?)|,? \(\d+\),?)*): ", line)
        if reason:
            assert all(int(k) < numbers[-1] for k in re.findall(r"\((\d+)\)", reason[1])), line
    assert numbers == list(range(1, len(numbers) + 1))
    assert (
        len(numbers) == d.to_latex(detail=detail).count("&& (") == len(re.findall(r"(?m)^\d+\. ", d.to_markdown(detail=detail)))
    )


def test_brief_has_the_first_and_the_last_form():
    assert derivation("least-squares").to_text(detail="brief").splitlines()[2::2] == [
        "(1) df/dr = 2*r",
        "(2) df/dx = A'*(df/dr) = 2*A'*(A*x - b)",
        "gradient, in the shape of x: (n)",
    ]


@pytest.mark.parametrize("name", ALL)
def test_each_detail_has_at_least_what_the_one_before_has(name):
    brief, normal, full = (derivation(name).to_text(detail=d).count("=") for d in DETAILS)
    assert brief <= normal <= full


@pytest.mark.parametrize("detail", DETAILS)
def test_katex_accepts_every_detail_with_shapes(detail):
    assert rejected([derivation(name).to_latex(detail=detail, shapes=True) for name in ALL]) == []


def test_shapes():
    d = derivation("least-squares")
    assert "shapes: df/dx (n), A (m, n), df/dr (m), x (n), b (m)" in d.to_text(shapes=True)
    assert r"A \in \mathbb{R}^{m \times n}" in d.to_latex(shapes=True)
    assert r"A \in \mathbb{R}^{m \times n}" in d.to_markdown(shapes=True)
    assert "shapes" not in d.to_text()
    assert r"\bar{x} \in \mathbb{C}^{n}" in derivation("complex-least-squares").to_latex(shapes=True)
    assert "A (2, 3)" in mc.derive(mc.parse("sum(A*x)", "A[2,3] x[3]"), "x").to_text(shapes=True)


def test_the_defaults_are_those_of_derive():
    x = mc.symbols("x[n]")
    d = mc.derive(mc.norm2(x) ** 2, x, detail="full", shapes=True)
    assert str(d) == d.to_text(detail="full", shapes=True) != d.to_text(detail="normal")
    assert d._repr_latex_() == f"$\\displaystyle {d.to_latex(detail='full', shapes=True)}$"


@pytest.mark.parametrize("detail", ["long", None, 3, ["full"]])
def test_other_details_are_refused(detail):
    x = mc.symbols("x[n]")
    with pytest.raises(mc.OperandError, match="detail is one of brief, normal, full"):
        mc.derive(x.T @ x, x, detail=detail)
    if detail is not None:
        with pytest.raises(mc.OperandError, match="detail"):
            mc.derive(x.T @ x, x).to_text(detail=detail)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "gradient, in the shape of X: (m, n)"),
        ({"kind": "vjp"}, "gradient of the loss, in the shape of X: (m, n)"),
        ({"kind": "jacobian"}, "Jacobian, in the shape of X: (m, n)"),
        ({"kind": "jacobian", "layout": "vec"}, "Jacobian, vec layout, rows by vec(f) and columns by vec(X): (1, m*n)"),
        ({"kind": "hessian"}, "Hessian, numerator layout, the axes of X first, then those of X: (m, n, m, n)"),
        ({"kind": "hvp"}, "change of the gradient, in the shape of X: (m, n)"),
        ({"kind": "differential"}, "change of the function, in its shape: scalar"),
    ],
)
def test_the_layout_is_said(options, said):
    d = mc.derive(mc.parse("sum(X.^3)", "X[m,n]"), "X", **options)
    assert d.answer == said
    assert said in d.to_text()
    words = said.rpartition(": ")[0]
    assert f"{words[1:]}: $" in d.to_markdown()
    assert rf"\text{{{words}: }}" in d.to_latex()


def test_rows_and_columns_of_a_matrix_are_said():
    f = mc.parse("A*x", "A[m,n] x[n]")
    assert mc.derive(f, "x", kind="jacobian").answer == "Jacobian, numerator layout, rows by f and columns by x: (m, n)"
    d = mc.derive(f, "x", kind="jacobian", layout="denominator")
    assert d.answer == "Jacobian, denominator layout, rows by x and columns by f: (n, m)"


def test_the_answer_in_short():
    f = mc.parse("normf(V*tanh(W*X .+ b) - Y)^2", "W[k,n] X[n,p] b[k] V[m,k] Y[m,p]")
    d = mc.derive(f, "W")
    assert "in short: 2*((1 .- H.^2).*(V'*R))*X'\nwhere " in d.to_text(names="auto")
    assert {"H", "R"} <= {v.name for v in d.variables}
    assert r"\text{in short} &= 2 " in d.to_latex(names="auto")
    assert "In short: $2 " in d.to_markdown(names="auto")
    assert "short" not in d.to_text()
    assert d.to_text(names={"Q": "tanh(W*X .+ b)"}).count("where Q = tanh(W*X .+ b)\n") == 1
    assert rejected([d.to_latex(names="auto")]) == []


@pytest.mark.parametrize("name", ALL)
def test_short_answers_are_the_same_function(name):
    d = derivation(name)
    short = d.in_short()
    written, whole = spelt_out(short.body, d.result)
    assert written is whole or mc.simplify(written - whole).cost == 1
    assert rejected([d.to_latex(names="auto")]) == []
