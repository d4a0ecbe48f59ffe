"""Arguments of the wrong kind: every verb refuses them with an error of matcalc's own."""

import numpy as np
import pytest
import sympy as sp

import matcalc as mc

A, x, y = mc.symbols("A[k,k] x[k] y[k]")
f = x.T @ A @ x
Q = sp.MatrixSymbol("Q", 3, 3)


class Other:
    """Something of a class that nothing here knows."""

    def __repr__(self):
        return "other"


OTHER = Other()
NOT_EXPRESSIONS = ["x'*A*x", b"x", None, [], {}, {x}, OTHER, np.ones((3, 3)), float("nan"), len, True]
NOT_NAMES = [None, [], {}, {1}, 1.5, OTHER, np.ones((3, 3)), x, "nonsense"]

OF_EXPRESSIONS = [
    lambda e: mc.check(e, x),
    lambda e: mc.check(f, e),
    lambda e: mc.stationary(e, x),
    lambda e: mc.stationary(f, e),
    lambda e: mc.convexity(e, x),
    lambda e: mc.convexity(f, e),
    lambda e: mc.taylor(e, x),
    lambda e: mc.taylor(f, e),
    lambda e: mc.substitute(e, x, y),
    lambda e: mc.substitute(f, e, y),
    lambda e: mc.substitute(f, x, e),
    lambda e: mc.replace(f, x, e),
    lambda e: mc.collect(e, x),
    lambda e: mc.collect(f, e),
    lambda e: mc.derive(e, x),
    lambda e: mc.derive(f, e),
    lambda e: mc.simplify(e),
    lambda e: mc.to_sympy(e),
    lambda e: mc.to_json(e),
    lambda e: mc.from_json(e),
    lambda e: mc.from_sympy(e),
]
OF_NAMES = [
    lambda k: mc.check(f, x, kind=k),
    lambda k: mc.check(f, x, kind="hessian", layout=k),
    lambda k: mc.derive(f, x, kind=k),
    lambda k: mc.derive(f, x, style=k),
    lambda k: mc.derive(f, x, detail=k),
    lambda k: mc.derive(f, x, shapes=k),
    lambda k: mc.derive(f, x, structure=k),
    lambda k: mc.derive(f, x, kind="hessian", layout=k),
    lambda k: mc.hessian(f, x, layout=k),
    lambda k: mc.simplify(f, goal=k),
    lambda k: f.atoms(k),
]


@pytest.mark.parametrize("verb", OF_EXPRESSIONS)
@pytest.mark.parametrize("given", NOT_EXPRESSIONS, ids=repr)
def test_what_is_no_expression_is_refused(verb, given):
    with pytest.raises(mc.MatcalcError):
        verb(given)


@pytest.mark.parametrize("verb", OF_NAMES)
@pytest.mark.parametrize("given", NOT_NAMES, ids=repr)
def test_what_is_no_choice_is_refused(verb, given):
    with pytest.raises(mc.MatcalcError):
        verb(given)


@pytest.mark.parametrize("given", [1.5, OTHER, np.ones((3, 3)), "Q.symmetric(Q)"], ids=repr)
def test_assumptions_and_free_indices_of_another_kind_are_refused(given):
    with pytest.raises(mc.OperandError):
        mc.from_sympy(Q, assumptions=given)
    with pytest.raises(mc.OperandError):
        mc.from_sympy(Q, free=given)


def test_text_in_the_place_of_an_expression_is_told_of_parse():
    with pytest.raises(mc.OperandError, match=r"is text, not an expression: mc\.parse reads it"):
        mc.grad("x'*A*x", "x")


@pytest.mark.parametrize(
    ("given", "field"), [(mc.derive(f, x), "result"), (mc.named(f), "whole"), (mc.stationary(f, x), "solution")], ids=str
)
def test_a_result_that_holds_an_expression_says_where(given, field):
    with pytest.raises(mc.OperandError, match=f"is not an expression: its .{field} is one"):
        mc.simplify(given)


def test_an_unknown_given_twice_is_refused():
    with pytest.raises(mc.OperandError, match="twice among x, x"):
        mc.stationary(f, [x, x])


def test_reports_print_in_words():
    assert repr(mc.check(f, x, 2 * x)).startswith("FAILED: 5 random points")
    assert repr(mc.check(f, x, A)).startswith("FAILED: the answer A (k x k) does not have the shape of x")
    assert repr(mc.equal(A @ x, A.T @ x)).startswith("not the same function")
