"""JSON: every node reads back as the same object, shared parts are written once, and bad input is refused with its place."""

import json
import random

import pytest
import sympy as sp
from strategies import random_with

import matcalc as mc
from matcalc.ops import OPERATORS

A, X, x, c = mc.symbols("A[m,n] X[n,n](symmetric) x[n] c(positive)")
t = sp.Symbol("t")


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_every_operator_reads_back(name):
    for seed in range(3):
        e = random_with(random.Random(f"{name} {seed}"), name)
        assert mc.from_json(mc.to_json(e)) is e


@pytest.mark.parametrize(
    "e",
    [
        mc.tensor("T", *mc.dims("m n p")),
        mc.let("f", A @ x),
        mc.function("L")(A @ x),
        mc.grad(mc.function("L")(A @ x), x),
        mc.elementwise("cube", t**3 + sp.sin(t))(A),
        mc.elementwise("leak", sp.Piecewise((t, t > 0), (t / 7, True)))(x),
        mc.matrix_function(X, sp.tanh),
        mc.jacobian(A @ x, A),
        x[1:] * c ** sp.Rational(1, 3),
        mc.scalar("z", complex=True) * 1j + sp.pi,
        mc.eye(mc.dims("n") + 1),
        mc.ones(3, 2),
        x.T @ x * mc.dims("n") / 10**30,
        mc.hessian(mc.logdet(X), X),
        mc.derive(x.T @ X @ x, x).result,
    ],
    ids=str,
)
def test_special_nodes_read_back(e):
    assert mc.from_json(mc.to_json(e)) is e
    assert mc.from_json(mc.to_json(e, indent=2).encode()) is e


def test_shared_parts_are_written_once():
    e = x
    for _ in range(200):
        e = mc.tanh(e) + e
    assert len(mc.to_json(e)) < 150_000
    assert mc.from_json(mc.to_json(e)) is e


def test_depth_is_no_matter():
    e = x
    for _ in range(20_000):
        e = mc.sin(e)
    assert mc.from_json(mc.to_json(e)) is e


def test_the_form_is_stable():
    assert json.loads(mc.to_json(A @ x / 3)) == {
        "format": "matcalc",
        "version": 1,
        "root": 4,
        "nodes": [
            {"op": "Number", "value": "1/3"},
            {"op": "Symbol", "name": "A", "dims": [{"dim": "m"}, {"dim": "n"}], "facts": []},
            {"op": "Symbol", "name": "x", "dims": [{"dim": "n"}, 1], "facts": []},
            {"op": "Product", "args": [1, 2]},
            {"op": "Hadamard", "args": [0, 3]},
        ],
    }


def changed(**changes):
    found = json.loads(mc.to_json(A @ x))
    found.update({k: v for k, v in changes.items() if k in found})
    for k, v in changes.items():
        if k not in ("format", "version", "root", "nodes"):
            node, part = k.rsplit("_", 1)
            found["nodes"][int(node[1:])][part] = v
    return json.dumps(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("3", "format"),
        ('{"format": "matcalc"}', "version"),
        (changed(version=2), "version 2"),
        (changed(root=7), "place of a node"),
        (changed(root=True), "place of a node"),
        (changed(nodes=[]), "at least one"),
        (changed(n2_op="Nothing"), "node 2: there is no operator 'Nothing'"),
        (changed(n2_op="Wild"), "no operator"),
        (changed(n2_args=[0, 5]), r"node 2: Product\.args: 5"),
        (changed(n2_args=[0, -1]), "place of a node"),
        (changed(n2_args=3), "not a list"),
        (changed(n2_more=3), "Product has args"),
        (changed(n0_name="__import__('os')"), "not a name"),
        (changed(n0_facts=["tall"]), "unknown attribute"),
        (changed(n0_facts=["symmetric"]), "square"),
        (changed(n0_facts=["positive", "invertible", "positive"]), r"square|declared"),
        (changed(n0_dims=[0, 1]), "at least 1"),
        (changed(n0_dims=["x + 1", 1]), "not a formula"),
        (changed(n0_dims=[["Pow", "10", "1000000000"], 1]), "digits"),
        (changed(n0_dims=[["eval", "1"], 1]), "not a formula"),
        (changed(n0_dims=[{"dim": "1n"}, 1]), "not a formula"),
        (changed(n0_dims=[3, 5]), "inner dimensions"),
        (changed(n0_dims=[3, 5, 1]), "list of 2"),
    ],
)
def test_bad_input_is_refused(text, message):
    with pytest.raises(mc.MatcalcError, match=message):
        mc.from_json(text)


def test_bad_places_are_refused():
    found = json.loads(mc.to_json(mc.ones(3, 2)[1, 0]))
    found["nodes"][-1]["row"] = 4
    with pytest.raises(mc.ParseError, match="no place 4"):
        mc.from_json(json.dumps(found))
    found = json.loads(mc.to_json(mc.sum(A, axis=0)))
    found["nodes"][-1]["axis"] = 2
    with pytest.raises(mc.ParseError, match="axis"):
        mc.from_json(json.dumps(found))


def test_other_things_are_refused():
    with pytest.raises(mc.OperandError, match="takes text"):
        mc.from_json({"format": "matcalc"})
    with pytest.raises(mc.OperandError):
        mc.to_json(object())


def test_random_damage_never_escapes():
    """Any character of a text changed: a matcalc error, or another expression."""
    text = mc.to_json(mc.vstack(A @ x, mc.ones(2)) * c + mc.einsum("ij,ij,ij->i", A, A, A).T @ mc.ones(mc.dims("m")))
    rng = random.Random(0)
    for _ in range(400):
        k = rng.randrange(len(text))
        damaged = text[:k] + rng.choice('0123456789"[]{}:,abAB -nul') + text[k + 1 :]
        try:
            assert isinstance(mc.from_json(damaged), mc.Expr)
        except mc.MatcalcError:
            continue
