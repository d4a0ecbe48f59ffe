"""Names for the shared parts of long answers: the same values, shorter, deterministic, and read back."""

import random
import time

import numpy as np
import pytest
from katex_check import rejected
from strategies import random_expr

import matcalc as mc
from matcalc.expr import Expr, Let, substitute
from matcalc.node import postorder

LAYER = ("normf(V*tanh(W*X .+ b) - Y)^2", "W[h,n] X[n,p] b[h] V[m,h] Y[m,p]")
LONG = [
    (*LAYER, "W"),
    ("sum(softmax(A*x).*log(softmax(A*x)))", "A[m,n] x[n]", "x"),
    ("sum((x .- sum(x)/n).^2)/sqrt(sum((x .- sum(x)/n).^2)/n + c)", "x[n] c(positive)", "x"),
    ("logdet(X'*X + eye(n)) + tr(inv(X'*X + eye(n))*B)", "X[m,n] B[n,n]", "X"),
    ("sum(sigmoid(X*w).*(1 .- sigmoid(X*w)).*y)", "X[m,n] w[n] y[m]", "w"),
    ("sum(exp(-norm2(A*x - b)^2*sin(A*x - b)))", "A[m,n] x[n] b[m]", "x"),
]


def opened(e):
    """An expression with its named parts written out, and nothing else changed."""
    done = {}

    def part(p):
        return tuple(map(part, p)) if isinstance(p, tuple) else done.get(p, p) if isinstance(p, Expr) else p

    for n in postorder([e], lambda x: x.operands):
        done[n] = done[n.arg] if isinstance(n, Let) else type(n)(*map(part, n.parts))
    return done[e]


def same(a, b):
    return a is b or mc.simplify(a - b).cost == 1  # written alike, or with the sign or the transpose elsewhere


def read_back(named, declared):
    """The body with its parts put in, from the printed text alone."""
    body, *lines = str(named).split("\n")
    known = {s.name: s for s in mc.symbols(declared)} if " " in declared else {mc.symbols(declared).name: mc.symbols(declared)}
    for line in lines:
        name, _, text = line[6:].partition(" = ")
        known[name] = mc.parse(text, known)
    return mc.parse(body, known)


@pytest.mark.parametrize(("text", "declared", "wrt"), LONG)
def test_names_keep_the_value_and_shorten(text, declared, wrt):
    g = mc.grad(mc.parse(text, declared), wrt)
    named = mc.named(g)
    assert named.parts
    assert mc.count_ops(named) < mc.count_ops(g)
    assert same(opened(named.body), g)
    whole, short = mc.compile(g), mc.compile(named)
    rng = np.random.default_rng(0)
    sizes = {"m": 3, "n": 4, "p": 2, "h": 5}
    args = {s.name: rng.uniform(0.2, 1, [sizes[str(d)] for d in s.shape]) for s in g.symbols}
    np.testing.assert_allclose(short(**args), whole(**args), rtol=1e-12, atol=1e-12)
    assert all(f"{name} = " in short.source for name in named.parts)


@pytest.mark.parametrize(("text", "declared", "wrt"), LONG)
def test_what_is_printed_reads_back(text, declared, wrt):
    g = mc.grad(mc.parse(text, declared), wrt)
    assert same(read_back(mc.named(g), declared), g)


@pytest.mark.parametrize("seed", range(150))
def test_random_expressions(seed):
    e = random_expr(random.Random(seed))
    try:
        g = mc.vjp(e, e.symbols[0], "upstream_") if e.symbols else e
    except mc.MatcalcError:
        g = e
    for whole in (e, g, [e, g]):
        named = mc.named(whole)
        assert mc.count_ops(named) <= mc.count_ops(whole)
        bodies = named.body if isinstance(whole, list) else [named.body]
        wholes = whole if isinstance(whole, list) else [whole]
        assert all(same(opened(b), w) for b, w in zip(bodies, wholes, strict=True))
        known = {s.name for w in wholes for s in w.symbols} | {str(d) for w in wholes for s in w.symbols for d in s.shape}
        assert not known & set(named.parts)
    assert rejected([mc.named(g).to_latex()]) == []


def test_letters_by_custom():
    W, X, b, V, Y = mc.symbols("W[h,n] X[n,p] b[h] V[m,h] Y[m,p]")
    H = mc.tanh(W @ X + b)
    named = mc.named(mc.grad(mc.normf(V @ H - Y) ** 2, [W, V, b]))
    assert named.parts["H"] is H
    assert str(named.parts["R"]) == "V*H - Y"
    assert [str(e) for e in named.body][1] == "2*R*H'"


def test_a_letter_in_use_is_not_used_again():
    H, W, X = mc.symbols("H[m,m] W[m,n] X[n,p]")
    g = mc.grad(mc.sum(mc.multiply(H @ mc.tanh(W @ X), mc.tanh(W @ X))), W)
    parts = mc.named(g).parts
    assert parts
    assert not set(parts) & {"H", "W", "X", "m", "n", "p"}


def test_layers_are_numbered():
    f = mc.parse("sum(tanh(C*tanh(B*tanh(A*X))))", "A[k,n] X[n,p] B[l,k] C[m,l]")
    parts = mc.named(mc.grad(f, ["A", "B", "C"])).parts
    assert [str(parts[name]) for name in ("H1", "H2")] == ["tanh(A*X)", "tanh(B*H1)"]


def test_names_do_not_depend_on_the_names_of_symbols():
    g = mc.grad(mc.parse(*LAYER), "W")
    first = mc.named(g)
    new = {s: mc.matrix(f"{s.name}_new", *s.dims) for s in g.symbols}
    second = mc.named(substitute(g, new))
    assert list(first.parts) == list(second.parts)
    assert [substitute(opened(e), new) for e in first.parts.values()] == [opened(e) for e in second.parts.values()]
    assert str(mc.named(g)) == str(first)


def test_several_outputs_share_their_parts():
    f = mc.parse(*LAYER)
    grads = mc.grad(f, {"W": "W", "V": "V"})
    named = mc.named(grads)
    assert list(named.body) == ["W", "V"]
    assert str(named).splitlines()[1] == "V: 2*R*H'"
    assert mc.count_ops(named) < sum(map(mc.count_ops, grads.values()))
    compiled = mc.compile(named)
    assert compiled.source.count("np.tanh") == 1
    assert mc.named(list(grads.values())).body == list(named.body.values())
    assert isinstance(mc.named(tuple(grads.values())).body, tuple)


@pytest.mark.parametrize("layers", [64])
def test_all_gradients_of_a_deep_net_are_named_quickly(layers):
    weights = [mc.matrix(f"W{k}", 8, 8) for k in range(layers)]
    x = mc.matrix("X", 8, 5)
    for W in weights:
        x = mc.tanh(W @ x)
    grads = mc.grad(mc.sum(x), weights)
    start = time.process_time()
    named = mc.named(grads)
    written = str(named)
    assert time.process_time() - start < 1
    assert mc.count_ops(named) < 40 * layers
    assert len(written) < 200 * layers


def test_given_names():
    f = mc.parse(*LAYER)
    g = mc.grad(f, "W")
    named = mc.named(g, {"layer": "tanh(W*X .+ b)"})
    assert list(named.parts) == ["layer"]
    assert str(named.body) == "2*((1 .- layer.^2).*(V'*(V*layer - Y)))*X'"
    assert list(mc.named(g, ["A", "B", "C", "D"]).parts) == ["A"]
    assert str(mc.named(named, {"r": "V*layer - Y"}).body) == "2*((1 .- layer.^2).*(V'*r))*X'"
    twice = mc.named(named, {"residual": named.body.operands[1].operands[0].operands[1].operands[1]})
    assert list(twice.parts) == ["layer", "residual"]
    assert opened(twice.body) is g
    assert twice.whole is g


def test_no_names():
    g = mc.grad(mc.parse(*LAYER), "W")
    for none in (None, False):
        assert mc.named(g, none).body is g
        assert str(mc.named(g, none)) == str(g)
        assert mc.latex(g, names=none) == mc.latex(g) == mc.named(g, none).to_latex()


def test_names_of_the_user_are_parts():
    W, x = mc.symbols("W[m,n] x[n]")
    f = mc.let("f", W @ x)
    named = mc.named(f.T @ f, None)
    assert named.parts == {"f": W @ x}
    assert str(named) == "f'*f\nwhere f = W*x"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"W": "tanh(W*X .+ b)"}, "W is in use"),
        ({"p": "tanh(W*X .+ b)"}, "p is in use"),
        ({"1": "tanh(W*X .+ b)"}, "is not a name"),
        ({"Z": "tanh(W*X)"}, "does not occur"),
        ({"Z": "W"}, "has a name already"),
        ({"Z": "tanh(W*X .+ b)", "Q": "tanh(W*X .+ b)"}, "both Z and Q"),
        (["Z", "Z"], "twice"),
        (["W"], "in use"),
        ([3], "is not a name"),
        ("all", "names is"),
        (7, "names is"),
    ],
)
def test_wrong_names_are_refused(names, said):
    g = mc.grad(mc.parse(*LAYER), "W")
    with pytest.raises(mc.MatcalcError, match=said):
        mc.named(g, names)


def test_every_way_to_print(capsys):
    g = mc.grad(mc.parse(*LAYER), "W")
    named = mc.named(g)
    assert mc.latex(named) == mc.latex(g, names="auto") == named.to_latex()
    assert r"\text{where } H = \tanh(W X + b \mathbf{1}^{\top})" in named.to_latex()
    assert rejected([named.to_latex(), mc.named({"W": g, "it is": g}).to_latex()]) == []
    mc.pprint(named)
    mc.pprint(g, names="auto")
    one, other = capsys.readouterr().out.split("where H", 1)[0], mc.pretty(named)
    assert other.startswith(one.rstrip("\n"))
    assert named._repr_latex_() == f"$\\displaystyle {named.to_latex()}$"


def test_a_notebook_names_the_parts_of_what_is_long():
    g = mc.grad(mc.parse(*LAYER), "W")
    assert g._repr_latex_() == mc.named(g)._repr_latex_()
    x = mc.symbols("x[n]")
    short = mc.exp(x) + mc.exp(x).T @ x
    assert short._repr_latex_() == f"$\\displaystyle {mc.latex(short)}$"


def test_inverses_are_named_by_what_is_inverted():
    g = mc.grad(mc.parse("logdet(X'*X + eye(n)) + tr(inv(X'*X + eye(n))*B)", "X[m,n] B[n,n]"), "X")
    assert not any(str(e).startswith("inv(") for e in mc.named(g).parts.values())


def test_conditions_are_those_of_the_whole():
    g = mc.grad(mc.parse("logdet(X'*X) + tr(inv(X'*X))", "X[m,n]"), "X")
    assert mc.named(g).conditions == g.conditions != ()


def test_negatives_and_transposes_are_one_part():
    A, x, b, M = mc.symbols("A[m,n] x[n] b[m] M[m,m]")
    r = A @ x - b
    named = mc.named(M @ r + mc.exp(-mc.norm2(r)) * (b - A @ x))
    assert str(named) == "M*r - exp(-norm2(r))*r\nwhere r = A*x - b"
    e = mc.let("e", r)
    assert str(mc.named(M @ e + mc.exp(x.T @ x) * (b - A @ x))) == "M*e - exp(x'*x)*e\nwhere e = A*x - b"
    X, Y = mc.symbols("X[m,n] Y[m,n]")
    named = mc.named(mc.exp(X.T @ Y) + mc.sin(Y.T @ X))
    assert str(named) == "exp(Z) + sin(Z')\nwhere Z = X'*Y"
    assert same(opened(named.body), named.whole)
