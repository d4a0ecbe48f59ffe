"""Index notation: texts against explicit loops, round trips, and what is refused."""

import ast
import json
import operator
import random
from itertools import product
from pathlib import Path

import judge
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from strategies import random_expr
from test_properties import compare, point, steady

import matcalc as mc

LINES = (Path(__file__).parent / "corpora" / "sympy_index_recovery.jsonl").read_text().splitlines()
CASES = {c["id"]: c for c in map(json.loads, LINES)}
SIZES = dict(zip("mnpqr", (3, 4, 2, 5, 6), strict=True))


OPERATIONS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
}  # fmt: skip


# ------------------------------------------------------------------ the referee: loops over the indices
class Loops:
    """The value of a text in index notation at each place, from its own syntax tree and NumPy arrays."""

    def __init__(self, text, arrays, sizes=SIZES):
        self.tree = ast.parse(text.replace("^", "**"), mode="eval").body
        self.arrays = arrays
        self.sizes = sizes

    def table(self, free):
        sizes = [self.extent(i, self.tree) for i in free]
        out = np.empty(sizes)
        for place in product(*map(range, sizes)):
            out[place] = self.value(self.tree, dict(zip(free, place, strict=True)))
        return out

    def extent(self, name, tree):
        """How far an index runs, from the arrays that it stands on; a delta ties it to another."""
        ties = {name}
        for _ in range(5):
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and node.func.id == "delta" and any(a.id in ties for a in node.args):
                    ties |= {a.id for a in node.args}
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript):
                for axis, i in enumerate(self.places(node)):
                    if isinstance(i, ast.Name) and i.id in ties:
                        return self.arrays[node.value.id].shape[axis]
        raise AssertionError(name)

    def places(self, node):
        return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]

    def value(self, node, at):
        match node:
            case ast.Constant(v):
                return v
            case ast.Name(v):
                return float(self.arrays[v])
            case ast.UnaryOp(ast.USub(), a):
                return -self.value(a, at)
            case ast.BinOp(a, op, b):
                return OPERATIONS[type(op)](self.value(a, at), self.value(b, at))
            case ast.Subscript(ast.Name(v)):
                places = [at[i.id] if isinstance(i, ast.Name) else i.value - 1 for i in self.places(node)]
                return self.arrays[v][tuple(places)]
            case ast.Call(ast.Name("Sum"), [body, *over]):
                names = [i.id if isinstance(i, ast.Name) else i.elts[0].id for i in over]
                sizes = [self.extent(i.id, body) if isinstance(i, ast.Name) else self.sizes[i.elts[-1].id] for i in over]
                return sum(self.value(body, at | dict(zip(names, p, strict=True))) for p in product(*map(range, sizes)))
            case ast.Call(ast.Name("delta"), [a, b]):
                return float(at[a.id] == at[b.id])
            case ast.Call(ast.Name(f), [a]):
                return getattr(np, f)(self.value(a, at))
        raise AssertionError(ast.dump(node))


def declared(case):
    return " ".join(n + (f"[{','.join(s['shape'])}]" if s["shape"] else "") for n, s in case["vars"].items())


def draw(case, seed=0):
    rng = np.random.default_rng(seed)
    return {n: rng.uniform(0.5, 1.5, [SIZES[d] for d in s["shape"]]) for n, s in case["vars"].items()}


def numbers(e, arrays):
    call = mc.compile(e)
    known = {**SIZES, **arrays}
    return np.asarray(call(**{n: known[n] for n in call.names}))


@pytest.mark.parametrize("key", CASES)
def test_known_sums(key):
    case = CASES[key]
    text, free, names = case["sum"], case["free"], declared(case)
    e = mc.from_index(text, free, names)
    arrays = draw(case)
    assert_allclose(numbers(e, arrays), Loops(text, arrays).table(free), rtol=1e-9)
    assert (e.why_not_matrix is None) == (case["answer"] is not None)
    if case["answer"] is None:
        return
    answer = mc.parse(case["answer"], names)
    assert mc.count_ops(e) <= mc.count_ops(answer)
    again = mc.to_index(e)
    assert_allclose(numbers(mc.from_index(str(again), again.free, names), arrays), numbers(e, arrays), rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "free", "names", "answer"),
    [
        ("Sum(W[i,k]*X[k,j], k) + b[i]", "i j", "W[m,n] X[n,p] b[m]", "W*X .+ b"),
        ("Sum(A[i,k]*x[k], (k, 1, n))", "i", "A[m,n] x[n]", "A*x"),
        ("Sum(A[i,k]*x[k], (k, n))", ["i"], "A[m,n] x[n]", "A*x"),
        ("Sum(KroneckerDelta(i,k)*x[k], k)", ("i",), "x[n]", "x"),
        ("delta[i,j]", {"i": 3, "j": 3}, "", "eye(3)"),
        ("Sum(x[i], (k, 1, m), i)", "", "x[n]", "m*sum(x)"),
        ("A[1,j]", "1 j", "A[m,n]", "A(1,:)"),
        ("A[1,j]", "j", "A[m,n]", "A(1,:)'"),
        ("A[1,2]*x[i]", "i", "A[m,n] x[p]", "A(1,2)*x"),
        ("x[i]*delta[i,2]", "i", "x[4]", "e(2,4).*x"),
        ("inv(X)[i,j]*x[j]", "i j", "X[n,n] x[n]", "inv(X)*diag(x)"),
        ("Sum((X'*X)[i,j]*x[j], j)", "i", "X[m,n] x[n]", "X'*X*x"),
        ("det(X)*logdet(X)*X[j,i]", "i j", "X[n,n]", "logdet(X)*det(X)*X'"),
        ("X[i,j]/Y[i,j]", "i j", "X[m,n] Y[m,n]", "X./Y"),
        ("-x[i]^2/n + pi", "i", "x[n]", "pi .- x.^2/n"),
        ("exp(-A[i,j])", "j i", "A[m,n]", "exp(-A)'"),
        ("maximum(A[i,j], 0)", "i j", "A[m,n]", "relu(A)"),
        ("x[i]^c", "i", "x[n] c", "x.^c"),
        ("r[1,j]*x[i]", "i j", "r[1,n] x[m]", "x*r"),
        ("r[j]*x[i,1]", "i j", "r[1,n] x[m]", "x*r"),
        ("Sum(delta[i,j]*delta[j,k]*x[k], k)", "i j", {"x": "[n]"}, "diag(x)"),
        ("A[i,j] + 1", "i j", "A[m,n]", "A .+ 1"),
        ("Sum(Sum(delta[r,r], (l, 1, m))^2, (r, 1, n))", "", "", "n*m^2"),
        ("x[i] - x[j]", "i j", "x[n]", "x*ones(n)' - ones(n)*x'"),
    ],
)
def test_texts(text, free, names, answer):
    assert str(mc.from_index(text, free, names)) == answer


def test_to_index_is_what_a_person_writes():
    W, X, b, A, x = mc.symbols("W[m,n] X[n,p] b[m] A[m,m] x[m]")
    f = mc.to_index(W @ X + b)
    assert str(f) == "Sum(W[i,k]*X[k,j], k) + b[i]"
    assert f.free == ("i", "j")
    assert {name: str(d) for name, d in f.bounds.items()} == {"i": "m", "j": "p", "k": "n"}
    assert f.to_latex() == r"\sum_{k} W_{ik} X_{kj} + b_{i}"
    assert f._repr_latex_() == r"$\displaystyle \sum_{k} W_{ik} X_{kj} + b_{i}$"
    assert str(mc.to_index(mc.inv(A) @ x)) == "Sum(inv(A)[i,j]*x[j], j)"
    assert str(mc.to_index(mc.tr(A))) == "Sum(A[i,i], i)"
    assert str(mc.to_index(mc.exp(A.T))) == "exp(A[j,i])"
    assert str(mc.to_index(x.T @ A @ x)) == "Sum(x[i]*A[i,j]*x[j], i, j)"
    assert mc.to_index(x.T).free == ("1", "i")
    delta = mc.symbols("delta[m]")
    assert str(mc.to_index(mc.diag(delta))) == "KroneckerDelta[i,j]*delta[i]"


def test_names_and_functions_of_the_user_are_read_back():
    x, X = mc.symbols("x[n] X[n,n]")
    t = sp.Symbol("t")
    cube, L = mc.elementwise("cube", t**3), mc.function("L")
    e = L(X @ x) * cube(mc.let("y", X @ x))
    f = mc.to_index(e)
    assert str(f) == "L(X*x)*cube(Sum(X[i,j]*x[j], j))"
    assert mc.from_index(f).symbols == e.symbols
    assert str(mc.from_index(str(f), "i", {"x": x, "X": X, "cube": cube, "L": L})) == "L(X*x)*cube(X*x)"


# ------------------------------------------------------------------ round trips
def check_round_trip(seed):
    rng = random.Random(f"index {seed}")
    e = random_expr(rng, depth=rng.choice([1, 2, 3]))
    notation = mc.to_index(e)
    try:
        back = mc.from_index(notation)
    except mc.UnsupportedError:
        return False
    assert (back.rows, back.cols) == (e.rows, e.cols), f"{e}  ->  {notation}"
    values = point(e, seed) if steady(e, back) else None
    if values is None:
        return False
    compare(judge.value(back, values), judge.value(e, values), f"{e}  ->  {notation}  ->  {back}")
    return True


def test_powers_of_sums_over_three_indices():
    for text in ("Sum((X[i,k] - X[j,k])^2, k)", "Sum((X[i,k] + X[j,k]*Sum(X[i,l], l))^3, k)"):
        e = mc.from_index(text, "i j", "X[m,n]")
        arrays = {"X": np.random.default_rng(0).uniform(0.5, 1.5, (3, 4))}
        assert_allclose(numbers(e, arrays), Loops(text, arrays).table("ij"), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("batch", range(10))
def test_round_trips(batch):
    assert sum(check_round_trip(20 * batch + k) for k in range(20)) > 8


@st.composite
def sums(draw):
    """A random sum of products: its text, free indices and declarations."""
    letters = draw(st.lists(st.sampled_from("mnp"), min_size=2, max_size=4))
    indices = dict(zip("ijkl", letters, strict=False))
    free = list(indices)[: draw(st.integers(0, 2))]
    names, factors = {}, []
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.lists(st.sampled_from(list(indices)), min_size=1, max_size=2))
        name = ("x" if len(at) == 1 else "A") + "".join(indices[i] for i in at) + draw(st.sampled_from(["", "2"]))
        names[name] = f"{name}[{','.join(indices[i] for i in at)}]"
        entry = f"{name}[{','.join(at)}]"
        form = draw(st.sampled_from(["{}", "{}", "{}", "exp({})", "{}^2", "(1 + {})", "(-{})", "2*{}", "1/{}"]))
        factors.append(form.format(entry))
    body = "*".join(factors)
    text = f"Sum({body}, {', '.join(f'({i}, 1, {indices[i]})' for i in indices if i not in free)})"
    return text if len(free) < len(indices) else body, free, indices, " ".join(names.values())


@settings(max_examples=150, deadline=None)
@given(sums(), st.integers(0, 99))
def test_random_sums_agree_with_loops(case, seed):
    text, free, indices, names = case
    e = mc.from_index(text, {i: mc.dims(indices[i]) for i in free}, names)
    rng = np.random.default_rng(seed)
    made = mc.symbols(names)
    made = made if isinstance(made, tuple) else (made,)
    arrays = {s.name: rng.uniform(0.5, 1.5, [SIZES[str(d)] for d in s.shape]) for s in made}
    loops = Loops(text, arrays)
    shape = [SIZES[indices[i]] for i in free]
    want = np.empty(shape)
    for place in product(*map(range, shape)):
        want[place] = loops.value(loops.tree, dict(zip(free, place, strict=True)))
    assert_allclose(numbers(e, arrays), want, rtol=1e-8)


# ------------------------------------------------------------------ what is refused
@pytest.mark.parametrize(
    ("text", "free", "names", "kind", "message"),
    [
        ("", "", "", mc.ParseError, "the text is empty"),
        ("A[i,j]*x[j]", "i", "A[m,n] x[n]", mc.ParseError, "the index j is neither free nor summed over"),
        ("Sum(A[i,k]*y[k], k)", "i", "A[m,n]", mc.ParseError, "y is not declared; the declared names: A"),
        ("A[i]", "i", "A[m,n]", mc.ParseError, r"A \(m x n\) has 2 indices, not 1"),
        ("x[i,j,i]", "i j", "x[n]", mc.ParseError, r"x \(n x 1\) has 1 index, not 3"),
        ("A[i,j]", "i j", "A", mc.ParseError, "A is a scalar and has no indices"),
        ("A*x[i]", "i", "A[m,n] x[m]", mc.ParseError, r"its entries are written A\[i,j\]"),
        ("Sum(A[i,k]*x[k], k)", "i", "A[m,n] x[m]", mc.ShapeError, r"index k runs over n in A\[i,k\], but over m in x\[k\]"),
        ("delta[i,j]*x[i]*y[j]", "i j", "x[m] y[n]", mc.ShapeError, "which a delta ties to j, runs over"),
        ("Sum(x[k], (k, 1, m))", "", "x[n]", mc.ShapeError, "the index k runs over m in the range of k, but over n in"),
        ("Sum(x[k], (k, 2, n))", "", "x[n]", mc.ParseError, "from 1"),
        ("Sum(1, k)", "", "", mc.ShapeError, "nothing shows what the index k runs over"),
        ("x[i]", "i j", "x[n]", mc.ShapeError, "nothing shows what the index j runs over"),
        ("Sum(Sum(A[k,k], k), k)", "", "A[n,n]", mc.ParseError, "the index k is summed over already"),
        ("Sum(A[i,i], i)", "i", "A[n,n]", mc.ParseError, "the index i is a free index"),
        ("x[i]", "i i", "x[n]", mc.OperandError, "the free index i is given twice"),
        ("i*x[i]", "i", "x[n]", mc.ParseError, "i is an index here"),
        ("A[i,j]'", "i j", "A[m,n]", mc.ParseError, "exchange its indices"),
        ("A[i,j].*A[i,j]", "i j", "A[m,n]", mc.ParseError, r"write \*"),
        ("A[i,j", "i j", "A[m,n]", mc.ParseError, "this bracket is not closed"),
        ("A[i,j)", "i j", "A[m,n]", mc.ParseError, "this bracket is not closed by ]"),
        ("(A[i,j]]", "i j", "A[m,n]", mc.ParseError, r"this bracket is not closed by \)"),
        ("A[i,j]]", "i j", "A[m,n]", mc.ParseError, "this ] closes no bracket"),
        ("A[]", "", "A[m,n]", mc.ParseError, "an index is missing"),
        ("[i]", "i", "", mc.ParseError, "after the name of an array"),
        ("A[0,j]", "j", "A[m,n]", mc.ParseError, "counted from 1"),
        ("A[5,j]", "j", "A[4,n]", mc.ParseError, "has no row 5"),
        ("A[i+1,j]", "i j", "A[m,n]", mc.ParseError, "an index is a name or a place"),
        ("exp(x[i], x[i])", "i", "x[n]", mc.OperandError, "exp takes 1 argument"),
        ("exp(A[i,k]*x[j])", "i j k", "A[m,n] x[p]", mc.UnsupportedError, "depends on 3 indices"),
        ("det(X[i,j])", "i j", "X[n,n]", mc.ParseError, "stands only after the whole"),
        ("inv(Y)[i,j]", "i j", "X[n,n]", mc.ParseError, "Y is not declared"),
        ("__import__('os').system('x')", "", "", mc.ParseError, "cannot read"),
        ("exec(x[i])", "i", "x[n]", mc.MatcalcError, "exec"),
        ("((9^64)^64)^64", "", "", mc.LimitError, "too many digits"),
        ("(k, 1, n)", "", "", mc.ParseError, "a comma stands only"),
        ("Sum(x[k])", "", "x[n]", mc.ParseError, "names what it runs over"),
        ("x[i]/0", "i", "x[n]", mc.MatcalcError, "divided by zero"),
    ],
)  # fmt: skip
def test_refusals(text, free, names, kind, message):
    with pytest.raises(kind, match=message):
        mc.from_index(text, free, names)


def test_errors_point_at_the_place():
    with pytest.raises(mc.ParseError) as caught:
        mc.from_index("Sum(A[i,k]*y[k], k)", "i", "A[m,n]")
    assert (caught.value.line, caught.value.column) == (1, 12)
    with pytest.raises(mc.ParseError) as caught:
        mc.from_index("x[i] +\ninv(A*)[i,j]", "i j", "A[m,n] x[m]")
    assert caught.value.line == 2


@pytest.mark.parametrize("value", [None, 3, b"x[i]", ["x[i]"]])
def test_only_text_is_read(value):
    with pytest.raises(mc.OperandError, match="is text, not"):
        mc.from_index(value)


def test_deep_and_long_texts():
    brackets = "(" * 2000 + "x[i]" + ")" * 2000
    assert str(mc.from_index(brackets, "i", "x[n]")) == "x"
    minus = "-" * 2000 + "x[i]"
    assert str(mc.from_index(minus, "i", "x[n]")) == "x"
    long = " + ".join(["x[i]"] * 3000)
    assert str(mc.from_index(long, "i", "x[n]")) == "3000*x"
    many = "*".join(["x[i]"] * 2000)
    assert str(mc.from_index(many, "i", "x[n]")) == "x.^2000"
    nested = "tanh(" * 1000 + "x[i]" + ")" * 1000
    assert mc.count_ops(mc.from_index(nested, "i", "x[n]")) == 1001
    e = x = mc.vector("x", 3)
    for _ in range(1500):
        e = mc.tanh(e)
    assert str(mc.to_index(e)).count("tanh") == 1500
    assert mc.to_index(e).to_latex().count("tanh") == 1500
    for _ in range(20):
        x = x + mc.sin(x)
        x = x * mc.sum(x)
    with pytest.raises(mc.LimitError, match="more than"):
        mc.to_index(x)
    product_of_sums = "*".join(["(A[i,k] + B[k,j])"] * 20)
    with pytest.raises(mc.LimitError, match="more than"):
        mc.from_index(f"Sum({product_of_sums}, k)", "i j", "A[n,n] B[n,n]")
