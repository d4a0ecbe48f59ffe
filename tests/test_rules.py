"""Every rule and every cancellation: both sides have the same value, and no rule loops."""

import random

import judge
import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose

import matcalc as mc
from matcalc.dims import DimSymbol
from matcalc.expr import Number, Symbol, add, hadamard, power, product, quotient, substitute, symbol, transpose
from matcalc.ops.linalg import Inverse, MatrixPower, Pinv
from matcalc.ops.reductions import Total, Trace
from matcalc.ops.structure import Diag, Diagonal, Kron, eye
from matcalc.rewrite import Wild, match
from matcalc.rules.chain import chain, closed_chain, entrywise, inner, product_of, total_of, trace_of, turn
from matcalc.rules.matrix import MATRIX, SHORT
from matcalc.rules.naming_functions import NAMES

RULES = (*MATRIX, *SHORT, *NAMES)
MAY_LENGTHEN = {  # they divide something large into parts, or write what is simpler to go on with
    "inverse-kron", "logdet-kron", "inverse-diagonal", "inverse-scaled", "conj", "conj-scalar",
}  # fmt: skip
m, n, p = (DimSymbol(d) for d in "mnp")
A, B, C = symbol("A", (n, n)), symbol("B", (n, n)), symbol("C", (n, p))
S, D = symbol("S", (n, n), ["symmetric"]), symbol("D", (n, n), ["diagonal"])
Q, P = symbol("Q", (n, n), ["orthogonal"]), symbol("P", (n, n), ["psd"])
K, X = symbol("K", (m, m)), symbol("X", (m, n))
x, y, z = (symbol(s, (n,)) for s in "xyz")
s, u, pos = symbol("s", (n,), ["simplex"]), symbol("u", (n,), ["unit"]), symbol("q", (n,), ["positive"])
c = symbol("c", (), ["positive"])
W, w, o = symbol("W", (n, n), ["complex"]), symbol("w", (n,), ["complex"]), symbol("o", (), ["complex"])
OPERANDS = {
    "A": [A, P, Q, S, hadamard(c, A), quotient(A, c), eye(n), Kron(A, K), A @ B, transpose(W) @ mc.conj(W), mc.zeros(n, p)],
    "B": [K],
    "X": [
        X,
        A,
        X @ A,
        x,
        transpose(x),
        hadamard(w, mc.conj(w)),
        W @ w,
        mc.exp(X) + 1,
        mc.sigmoid(x),
        power(X, Number(sp.Integer(2))),
        x - mc.logsumexp(x),
        hadamard(K @ K.T @ X, X),
        mc.zeros(m, n),
    ],
    "x": [x, s, u, pos, x + y, A @ x],
    "c": [
        c,
        mc.tr(A),
        mc.sum(hadamard(w, mc.conj(w))),
        w.H @ w,
        hadamard(o, mc.conj(o)),
        1 + mc.exp(c),
        mc.sigmoid(c),
        c**2,
        -mc.softplus(c),
        mc.sum(hadamard(X, X)),
    ],
}


def same_value(left, right, what=""):
    given = judge.draw(left, extra=[right])
    want = np.asarray(judge.value(left, given))
    got = np.asarray(judge.value(right, given))
    assert got.shape == want.shape, what
    if not np.all(np.isfinite(want)):  # a logarithm of what is not positive here, say
        return
    assert_allclose(got, want, rtol=1e-9, atol=1e-9 * max(1.0, np.max(np.abs(want))), err_msg=f"{what}: {left} -> {right}")


def instances(rule):
    """The left side on operands of all kinds that fit, with what the rule makes of it."""
    wilds = [w for w in rule.left.symbols if isinstance(w, Wild)]
    for k in range(20):
        values = {w: OPERANDS[w.name][min(k, len(OPERANDS[w.name]) - 1)] for w in wilds}
        try:
            left = substitute(rule.left, values)
        except mc.ShapeError:
            continue
        after = rule.apply(left)
        if after is not None:
            yield left, after


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_both_sides_of_a_rule_are_equal(rule):
    found = list(instances(rule))
    assert found, "give OPERANDS something that this rule applies to"
    for left, after in found:
        same_value(left, after, rule.name)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_no_rule_lengthens(rule):
    for left, after in instances(rule):
        if rule.name not in MAY_LENGTHEN:
            assert after.cost <= left.cost, f"{left} -> {after}"


def test_no_rule_loops():
    """Applying whatever rule fits, again and again, ends."""
    for rule in RULES:
        for left, after in instances(rule):
            seen = {left}
            e = after
            while e not in seen:
                seen.add(e)
                e = next((b for r in RULES if (b := r.apply(e)) is not None and b is not e), None)
                if e is None:
                    break
            assert e is None, f"{left} comes back"


def test_names_and_reasons():
    assert len({r.name for r in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.name == rule.name.lower()
        assert rule.why
        assert not rule.why.endswith(".")
        assert match(rule.left, rule.left) is not None


# ------------------------------------------------------------------ cancellations in chains
MATRICES = [
    A, B, S, P, Q, transpose(A), transpose(Q), Inverse(A), Inverse(transpose(A)), transpose(Inverse(A)),
    Inverse(P), Inverse(A @ B),
    A @ B, B @ A, Inverse(B @ A), MatrixPower(A, Number(sp.Integer(3))), MatrixPower(A,
    Number(sp.Integer(-2))), MatrixPower(A, Number(sp.Integer(20))), eye(n), Diag(x),
    Diag(y), Pinv(A), transpose(Pinv(A)), Inverse(MatrixPower(A, Number(sp.Integer(2)))), C @ transpose(C),
    transpose(A) @ transpose(B), D,
    symbol("J", (n, n), ["skew"]), hadamard(A, B), quotient(A, power(B, Number(sp.Integer(2))) + 1), mc.ones(n, n),
]  # fmt: skip
VECTORS = [
    x,
    y,
    z,
    pos,
    mc.sqrt(pos),
    power(pos, Number(sp.Integer(2))),
    quotient(x, pos),
    quotient(mc.ones(n), pos),
    hadamard(x, y),
    mc.ones(n),
    A @ x,
    x + y,
]


def some(rng, pool, most):
    return [rng.choice(pool) for _ in range(rng.randint(1, most))]


@pytest.mark.parametrize("seed", range(60))
def test_chains(seed):
    rng = random.Random(seed)
    for _ in range(5):
        parts = some(rng, MATRICES, 6)
        rows = rng.random() < 0.3
        if rows:
            parts = [*parts, rng.choice([x, C, mc.ones(n)])]
        same_value(product(*parts) if len(parts) > 1 else parts[0], product_of(chain(parts)), "chain")
        if not rows:
            same_value(Trace(product(*parts)), trace_of(chain(parts)), "trace_of")
            same_value(Total(product(*parts), None), total_of(product_of(chain(parts))), "total_of")


@pytest.mark.parametrize(
    "e", [*MATRICES, *VECTORS, X, X @ A, Kron(X, A), X + 2 * X @ A, mc.tanh(transpose(X)), mc.ones(m, n)], ids=str
)
def test_turn(e):
    same_value(transpose(e), turn(e), "turn")
    same_value(Total(e, None), total_of(e), "total_of")


@pytest.mark.parametrize("seed", range(40))
def test_weights(seed):
    rng = random.Random(seed)
    for _ in range(5):
        weights = some(rng, VECTORS, 4)
        together = hadamard(*weights) if len(weights) > 1 else weights[0]
        same_value(together, entrywise(weights), "entrywise")
        same_value(mc.sum(together), inner(weights), "inner")
        parallel = some(rng, [A, B, S, transpose(A), mc.ones(n, n), power(A, Number(sp.Integer(2)))], 3)
        left, right = (rng.choice([None, *VECTORS[:4]]) for _ in range(2))
        weighted = hadamard(*parallel) if len(parallel) > 1 else parallel[0]
        weighted = weighted if left is None else Diag(left) @ weighted
        weighted = weighted if right is None else weighted @ Diag(right)
        same_value(mc.sum(weighted), closed_chain(parallel, left, right), "closed_chain")


def test_factors_that_are_not_square_are_not_inverted():
    """``kron(X, X')`` is square, though its factors are not."""
    e = Kron(X, transpose(X))
    for rule in RULES:
        if "kron" in rule.name:
            assert all(rule.apply(f) is None for f in (Inverse(e), mc.logdet(e)))


def test_facts_that_are_not_there_cancel_nothing():
    assert chain([A, transpose(A)]) == [A, transpose(A)]
    assert chain([Q, Q]) == [Q, Q]
    assert chain([Inverse(A), B]) == [Inverse(A), B]
    assert chain([Pinv(C), C]) == [Pinv(C), C]
    assert turn(A) is transpose(A)
    assert mc.simplify(mc.diag(Diagonal(A).T.T)) is not A
    assert Symbol("Q", (n, n), ()) is not Q
    assert add(A, transpose(A)).symmetric
    assert not add(A, transpose(B)).symmetric
