"""Text to expression: meanings, the round trip through ``str``, inferred shapes, errors and limits."""

import json
import random
import time
from pathlib import Path

import pytest
import sympy as sp

import matcalc as mc
from matcalc.infer import NOT_YET

DECLARED = "A[m,n] B[m,n] x[n] y[m] z[n] c a S[n,n](symmetric) T[n,n] r[1,n] M[2,3] k(integer)"
CORPORA = sorted(Path(__file__).parent.glob("corpora/*.jsonl"))
FACTS = {
    "symmetric", "psd", "diagonal", "orthogonal", "invertible", "lower_triangular", "skew", "positive", "unit",
    "simplex", "integer", "toeplitz", "zero_diagonal",
}  # fmt: skip


A, B, x, y, z, c, a, S, T, r, M, k = mc.symbols(DECLARED)
m, n = mc.dims("m n")


# ------------------------------------------------------------------ meanings
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A*x + y", A @ x + y),
        ("A*x - y", A @ x - y),
        ("A'*y", A.T @ y),
        ("x'*z", x.T @ z),
        ("-x", -x),
        ("--x", -1 * -x),
        ("+x", x),
        ("-x'*z", -(x.T @ z)),
        ("2*x/3", 2 * x / 3),
        ("c/a/2", c / a / 2),
        ("x.*z./x", mc.divide(mc.multiply(x, z), x)),
        ("x.^2.*z", mc.multiply(mc.power(x, 2), z)),
        ("c^2", c**2),
        ("-c^2", -(c**2)),
        ("c^-1", c**-1),
        ("c^-2*a", c**-2 * a),
        ("c^a^2", (c**a) ** 2),
        ("c^-a^2", (c ** (-a)) ** 2),
        ("c^(a^2)", c ** (a**2)),
        ("T^2", T**2),
        ("T^-1", mc.inv(T)),
        ("T'^2", T.T**2),
        ("T^2'", T**2),
        ("(T^2)'", (T**2).T),
        ("c*-a", c * (-a)),
        ("a - -c", a - (-c)),
        ("A .+ y", mc.broadcast_add(A, y)),
        ("A .- y", mc.broadcast_add(A, -y)),
        ("A .+ r", mc.broadcast_add(A, r)),
        ("1 .+ x", 1 + x),
        ("x .+ z", x + z),
        ("2.*x", 2 * x),
        ("2. *x", 2 * x),
        ("2.5.*x", sp.Rational(5, 2) * x),
        ("x./2", x / 2),
        ("tr(T)*pi", mc.tr(T) * sp.pi),
        ("c*n", c * n),
        ("sum(x)/n", mc.sum(x) / n),
        ("sum(A,1)", mc.sum(A, axis=0)),
        ("sum(A,2)", mc.sum(A, axis=1)),
        ("softmax(A,2)", mc.softmax(A, 1)),
        ("max(x,c)", mc.maximum(x, c)),
        ("A(1,2)", A[0, 1]),
        ("A(:,2)", A[:, 1]),
        ("A(1,:)", A[0, :]),
        ("A(:,:)", A),
        ("x(3)", x[2]),
        ("x(3,1)", x[2]),
        ("r(2)", r[0, 1]),
        ("r(1,2)", r[0, 1]),
        ("(A*x)(2)", (A @ x)[1]),
        ("inv(T)(1,2)", mc.inv(T)[0, 1]),
        ("A'(1,2)", A.T[0, 1]),
        ("A (1,2)", A[0, 1]),
        ("c*(2)", 2 * c),
        ("eye(n^2+1)", mc.eye(n**2 + 1)),
        ("eye(3)", mc.eye(3)),
        ("ones(m)*ones(n)'", mc.ones(m) @ mc.ones(n).T),
        ("zeros(m,2*n)", mc.zeros(m, 2 * n)),
        ("ones(n*(n+1)/2)", mc.ones(n * (n + 1) / 2)),
        ("e(2,n)", mc.e(2, n)),
        ("reshape(A,n,m)", mc.reshape(A, n, m)),
        ("vector(1)'*x", mc.ones(n).T @ x),
        ("A*vector(1)", A @ mc.ones(n)),
        ("A + matrix(1)", A + mc.ones(m, n)),
        ("x + vector(0)", x + mc.zeros(n)),
        ("L(A*x)", mc.function("L")(A @ x)),
        ("dL(A*x)", mc.function("L").gradient(A @ x)),
        ("A*x\n  + y", A @ x + y),
    ],
)
def test_meaning(text, expected):
    assert mc.parse(text, DECLARED) is expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000),
        (".5", sp.Rational(1, 2)),
        ("2.", 2),
        ("0.1", sp.Rational(1, 10)),
        ("1.25e-2", sp.Rational(1, 80)),
        ("2E2", 200),
        ("1e100", 10**100),
        ("3-5", -2),
        ("2^10", 1024),
        ("-2^2", -4),
        ("1/3+1/6", sp.Rational(1, 2)),
    ],
)
def test_numbers_are_exact(text, value):
    assert mc.parse(text).value == value


def test_declared_names_before_functions():
    sum_matrix = mc.matrix("sum", 2, 2)
    assert mc.parse("sum(1,2)", [sum_matrix]) is sum_matrix[0, 1]
    assert mc.parse("e*e(1,n)", "e x[n]") is mc.scalar("e") * mc.e(1, n)
    assert mc.parse("pi", "pi") is mc.scalar("pi")
    assert mc.parse("L(1,2)", "L[n,n]") is mc.matrix("L", n, n)[0, 1]


def test_unspecified_and_new_functions_are_declared_in_a_dict():
    f = mc.function("f")
    assert mc.parse("f(A*x)", {"f": f, "A": A, "x": x}) is f(A @ x)
    assert mc.parse("df(x)", {"f": f, "x": x}) is f.gradient(x)
    cube = mc.elementwise("cube", sp.Symbol("u") ** 3)
    assert mc.parse("cube(x)", [cube, x]) is cube(x)


@pytest.mark.parametrize(
    "declarations",
    [
        "A[m,n] x[n]",
        {"A": A, "x": x},
        {"A": "[m,n]", "x": "[n]"},
        {"A": (m, n), "x": [n]},
        [A, x],
        (A, x),
        iter([A, x]),
        {"A": "matrix", "x": "vector", "m": m},
        {"A": "matrix", "x": x},
        None,
        "",
    ],
)
def test_declarations_come_in_many_forms(declarations):
    found = mc.parse("A*x", declarations)
    assert str(found) == "A*x"
    assert [len(s.shape) for s in found.symbols] == [2, 1]


def test_declared_expressions_and_facts():
    f = mc.let("f", A @ x)
    assert mc.parse("f'*y", {"f": f, "y": y}) is f.T @ y
    assert mc.parse("f'*y", [f, y]) is f.T @ y
    assert mc.parse("w*y", {"w": 3, "y": y}) is 3 * y
    assert mc.parse("Q*x", {"Q": "matrix(symmetric)", "x": x}).symbols[0] is mc.matrix("Q", n, n, symmetric=True)
    assert mc.parse("q", {"q": "(positive)"}) is mc.scalar("q", positive=True)


# ------------------------------------------------------------------ the round trip
TEXTS = [
    "ones(1,n)", "zeros(1,n)", "-(ones(1,m)/c)*A", "0*(r./r)*x", "-(c/a)*A", "2*(x./z).*z", "-(x./z).*z", "3*(c/a)*A*x/2",
    "A*x - y", "(A*x - y)'*(A*x - y)", "norm2(A*x - y)^2", "-x'*S*x/2", "3*x'*z/4", "x/3", "-x/2", "1/2", "-1/2", "c^(-1/2)",
    "c^(1/2)", "(-c)^2", "-(c + a)", "a - (c - a)", "x - (z - x)", "2*(x + z)", "(x + z)/2", "x.*z", "2*x.*z", "c*a*x.*z",
    "(A*x).*y", "c*(A*x).*y", "x.*(A'*y)", "x./z", "1./x", "c./x", "(x + z)./(x .+ c)", "x.^2", "(-x).^2", "x.^z", "2.^x",
    "x.^(-1)", "x.^(1/2)", "(x.^2).^3", "S^2", "S^k", "(S*T)^2", "(S^2)'", "S'^2", "inv(S)^2", "A'", "A''", "(A*B')'",
    "(x.*z)'", "(A .+ y)*x", "A .+ y", "A .+ y .- r", "A .- (y .+ y(1))", "x .+ 1", "1 .- x", "A .- x'", "-(A .+ y)",
    "2*(A .+ y)", "(A .+ y) + B", "B + (A .+ y)", "log(1 .+ exp(-(A*x).*y))", "sum(A)", "sum(A,1)", "sum(A,2)", "mean(A,2)",
    "softmax(A,1)", "logsumexp(A,2)", "diag(x)", "diag(S)", "diag(diag(x)*S)", "vec(A)", "kron(A,B)", "kron(T,T)*vec(T)",
    "eye(n)", "eye(n^2)", "ones(m,n)", "ones(n)", "ones(n)'", "zeros(n^2 + n,3)", "e(2,n)", "e(2,n)'*S", "reshape(A,n,m)",
    "x(1)", "A(1,2)", "A(:,2)", "A(1,:)", "r(1,2)", "(A*x)(2)", "(A')(1,2)", "x(1)^2", "x(1)*A(1,2)", "-x(1)", "L(A*x)",
    "dL(A)*x", "n", "n*m*c", "c/n", "x/n", "sum(x)/(m*n)", "n^2", "c^n", "pi*c", "2*pi", "(x'*z)*(y'*y)", "x*x'*z",
    "x*(x'*z)", "x'*z*x", "c*x'*z*a*x", "x*z'", "tr(S*T)", "det(S)/2", "logdet(S) - tr(S)", "inv(S)", "inv(A*A')", "pinv(A)",
    "adj(S)", "expm(S)", "logm(S)", "sqrtm(S)", "nuclear(A)", "spectral(A)", "normf(A)", "norm1(x)", "norminf(x)",
    "eigmax(S)", "eigvecmin(S)", "maximum(x,z)", "minimum(x,c)", "where(x,z,c)", "abs(x)", "relu(x)", "erf(x)", "gamma(x)",
    "lgamma(x)", "digamma(x)", "(c + a)/(c - a)", "c/(a*k)", "c/a/k", "c*(a/k)", "1/(c/a)", "exp(c)^2", "(c/a)^2", "c^2^2",
    "0*x", "x - 0*x", "0.25*x", "1000000*x", "c - 3/4", "a + c*3/4",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_printed_text_reads_back_as_the_same_node(text):
    e = mc.parse(text, DECLARED)
    assert mc.parse(str(e), DECLARED) is e


class Grower:
    """Random expressions over a few symbols, made with the functions that users call."""

    SHAPES = {"scalar": (1, 1), "x": (n, 1), "y": (m, 1), "r": (1, n), "A": (m, n), "S": (n, n), "B": (n, m)}

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def grow(self, shape, depth):
        rows, cols = shape
        if depth <= 0 or self.rng.random() < 0.1:
            return self.leaf(shape)
        ways = [self.add, self.scale, self.hadamard, self.divide, self.product, self.transpose, self.apply]
        if shape == (1, 1):
            ways += [self.reduce, self.power, self.entry]
        elif rows == cols:
            ways += [self.square]
        return self.rng.choice(ways)(shape, depth - 1)

    def leaf(self, shape):
        rng = self.rng
        if shape == (1, 1):
            return rng.choice(
                [c, a, k, c, mc.parse("n", [n]), *map(number, (0, 1, 2, -1, -3, sp.Rational(2, 3), sp.Rational(-1, 2)))]
            )
        named = [s for s in (A, B, x, y, z, S, T, r) if (s.rows, s.cols) == shape]
        return rng.choice([*named, *named, mc.ones(*shape)]) if named else mc.ones(*shape)

    def add(self, shape, depth):
        left = self.grow(shape, depth)
        parts = {(1, 1), shape, (shape[0], 1), (1, shape[1])}
        right = self.grow(self.rng.choice(sorted(parts, key=str)), depth)
        if self.rng.random() < 0.4:
            right = -right
        return left + right if self.rng.random() < 0.7 else right + left

    def scale(self, shape, depth):
        return self.grow((1, 1), depth) * self.grow(shape, depth)

    def hadamard(self, shape, depth):
        return mc.multiply(self.grow(shape, depth), self.grow(self.rng.choice([shape, (1, 1)]), depth))

    def divide(self, shape, depth):
        below = self.grow(self.rng.choice([shape, (1, 1)]), depth)
        try:
            return mc.divide(self.grow(shape, depth), below)
        except mc.MatcalcError:  # by the number 0
            return self.leaf(shape)

    def product(self, shape, depth):
        inner = self.rng.choice([1, m, n])
        return self.grow((shape[0], inner), depth) @ self.grow((inner, shape[1]), depth)

    def transpose(self, shape, depth):
        return self.grow(shape[::-1], depth).T

    def apply(self, shape, depth):
        f = self.rng.choice(
            [mc.exp, mc.log, mc.tanh, mc.abs, mc.sqrt, lambda e: mc.power(e, 2), lambda e: mc.power(e, c), mc.softmax]
        )
        return f(self.grow(shape, depth))

    def reduce(self, shape, depth):
        inner = self.rng.choice([(n, 1), (m, n), (n, n)])
        return self.rng.choice([mc.sum, mc.normf, mc.norm1, mc.function("L")])(self.grow(inner, depth))

    def power(self, shape, depth):
        try:
            return self.grow(shape, depth) ** self.grow(shape, depth)
        except mc.MatcalcError:
            return c

    def entry(self, shape, depth):
        return self.grow((m, n), depth)[self.rng.randrange(3), self.rng.randrange(3)]

    def square(self, shape, depth):
        f = self.rng.choice([mc.inv, mc.expm, lambda e: e**2, lambda e: e**k, lambda e: mc.diag(mc.diag(e))])
        return f(self.grow(shape, depth))


def number(value):
    return mc.parse(str(value))


@pytest.mark.parametrize("seed", range(300))
def test_random_expressions_read_back(seed):
    grower = Grower(seed)
    shape = grower.rng.choice(list(Grower.SHAPES.values()))
    e = grower.grow(shape, grower.rng.randrange(1, 6))
    assert mc.parse(str(e), DECLARED) is e, str(e)


def case_texts():
    for path in CORPORA:
        for line in path.read_text().splitlines():
            case = json.loads(line)
            if case.get("kind") not in ("gradient", "vjp"):
                continue
            attrs = {f for spec in case["vars"].values() for f in spec.get("attrs", [])}
            for field in ("expr", "answer"):
                text = case.get(field)
                missing = [f for f in NOT_YET if text and f"{f}(" in text and f not in mc.FUNCTIONS]
                if text and not attrs & {"complex", "hermitian"} and not missing:
                    yield pytest.param(text, declarations(case), id=f"{case['id']}-{field}")


def declarations(case):
    out = []
    for name, spec in case["vars"].items():
        facts = sorted(set(spec.get("attrs", [])) & FACTS)
        shape = "[" + ",".join(map(str, spec["shape"])) + "]" if spec["shape"] else ""
        out.append(name + shape + (f"({','.join(facts)})" if facts else ""))
    return " ".join(out)


@pytest.mark.parametrize(("text", "declared"), list(case_texts()))
def test_published_formulas_parse_and_read_back(text, declared):
    e = mc.parse(text, declared)
    assert mc.parse(str(e), declared) is e


# ------------------------------------------------------------------ inference
@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("A*x + y", {"A": "(m, n)", "x": "(n,)", "y": "(m,)"}),
        ("x'*A*y", {"x": "(m,)", "A": "(m, n)", "y": "(n,)"}),
        ("tr(A*B)", {"A": "(m, n)", "B": "(n, m)"}),
        ("x'*A*x + c*sin(y)'*x", {"x": "(m,)", "A": "(m, m)", "y": "(m,)", "c": "()"}),
        ("A + eye(3)", {"A": "(3, 3)"}),
        ("A*eye(n) - B", {"A": "(m, n)", "B": "(m, n)"}),
        ("A*eye(q)*m", {"A": "(n, q)", "m": "(q,)"}),
        ("det(X)", {"X": "(m, m)"}),
        ("kron(A,B)*vec(X)", {"A": "(m, n)", "B": "(p, q)", "X": "(q, n)"}),
        ("vec(A) - x", {"A": "(m, n)", "x": "(m*n,)"}),
        ("X .+ x", {"X": "(m, n)", "x": "(m,)"}),
        ("X .+ x'", {"X": "(m, n)", "x": "(n,)"}),
        ("X .* Y", {"X": "(m, n)", "Y": "(m, n)"}),
        ("diag(x)*A", {"x": "(m,)", "A": "(m, n)"}),
        ("α*x", {"α": "()", "x": "(m,)"}),
        ("A(1,2)*x(3)", {"A": "(m, n)", "x": "(p,)"}),
        ("A*vector(1) - x", {"A": "(m, n)", "x": "(m,)"}),
        ("softmax(W*x + h)", {"W": "(m, n)", "x": "(n,)", "h": "(m,)"}),
        ("dot(x,y)", {"x": "(m,)", "y": "(m,)"}),
        ("norm2(vec(A*B))", {"A": "(m, n)", "B": "(n, p)"}),
    ],
)
def test_undeclared_shapes_are_inferred(text, shapes):
    found = {s.name: str(s.shape) for s in mc.parse(text).symbols}
    assert found == shapes


def test_new_dimension_names_avoid_names_in_use():
    e = mc.parse("A*B*m", "B[k,k]")
    assert {s.name: str(s.shape) for s in e.symbols} == {"A": "(n, k)", "B": "(k, k)", "m": "(k,)"}


def test_declared_sizes_flow_to_the_rest():
    e = mc.parse("A*x + y", {"y": "[3]", "x": "[n]"})
    assert e.symbols[0] is mc.matrix("A", 3, n)
    e = mc.parse("kron(A,x)*vec(Y)", {"A": "[2,3]", "Y": "[1,3]"})
    assert [str(s.shape) for s in e.symbols] == ["(2, 3)", "(1, 3)", "(m,)"]
    with pytest.raises(mc.ShapeError, match="declare the names"):
        mc.parse("vec(A) + x", "x[6]")


def test_a_product_of_known_size_settles_its_factors():
    e = mc.parse("tr(A*ones(3)*ones(2)') + sum(vec(A) - ones(6))")
    assert e.symbols[0].shape == (2, 3)
    e = mc.parse("sum(vec(A) - ones(m*n)) + sum(A*ones(n))")
    assert str(e.symbols[0].shape) == "(m, n)"
    with pytest.raises(mc.ShapeError, match="not known to agree"):
        mc.parse("sum(vec(A) - ones(7)) + sum(A*ones(2))")


# ------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A*y", "cannot multiply A (m x n) by y (m x 1): the columns of A (n) and the rows of y (m) differ; A'*y would fit"),
        ("A*B", "A'*B would fit"),
        ("A + x", "cannot add A (m x n) and x (n x 1)"),
        ("A + y", "+ needs equal shapes; .+ is what broadcasts"),
        ("A - c", "- needs equal shapes; .- is what broadcasts"),
        ("x + 1", "+ needs equal shapes"),
        ("A + A'", "transpose one of them"),
        ("A .+ x", "cannot add A (m x n) and x (n x 1) with .+"),
        ("y .+ r", "no outer sum"),
        ("A .* T", "the rows of A (m) and of T (n) differ"),
        ("x^2", "entrywise write .^"),
        ("A^2", "square matrix"),
        ("tr(A)", "tr needs a square matrix, but A (m x n) is not square"),
        ("inv(x)", "square"),
        ("norm2(A)", "norm2 needs a vector"),
        ("max(x,y)", "the rows of x (n) and of y (m) differ"),
        ("diag(A)", "diag"),
        ("M(3,1)", "M (2 x 3) has no row 3"),
        ("M(1,4)", "has no column 4"),
        ("M(0,1)", "counted from 1"),
        ("M(1)", "an entry is M(1,2)"),
        ("x(1)(1)", "is a scalar"),
        ("reshape(A,n,n)", "numbers of entries differ"),
        ("e(4,3)", "from 1 to 3"),
    ],
)
def test_shapes_that_do_not_fit(text, says):
    with pytest.raises(mc.ShapeError) as caught:
        mc.parse(text, DECLARED)
    assert says in str(caught.value)
    assert "^ line 1, column" in str(caught.value)


def test_a_clash_names_both_uses():
    with pytest.raises(mc.ShapeError) as caught:
        mc.parse("A*X + A*Y", {"X": "[3,2]", "Y": "[4,2]"})
    message = str(caught.value)
    assert "the columns of A (3) and the rows of Y (4) differ; 3 comes from A*X" in message
    assert "A is not declared, so it is taken for a matrix" in message


def test_what_was_assumed_of_a_name_is_said():
    with pytest.raises(mc.ShapeError, match="b is not declared, so it is taken for a scalar"):
        mc.parse("A - b")


def test_an_undeclared_letter_is_a_vector_where_it_does_not_fit_as_a_scalar():
    f = mc.parse("norm2(A*x - b)^2 + c*norm2(x)")
    assert {s.name: str(s.shape) for s in f.symbols} == {"A": "(m, n)", "b": "(m,)", "c": "()", "x": "(n,)"}


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "empty"),
        (" \n ", 1, "empty"),
        (")", 1, "closes no bracket"),
        ("(x", 1, "not closed"),
        ("(", 2, "ends where an operand is missing"),
        ("x)", 2, "closes no bracket"),
        ("tr(S", 3, "not closed"),
        ("x +", 4, "ends where an operand is missing after '+'"),
        ("x + * z", 5, "missing between '+' and '*'"),
        ("*x", 1, "missing before"),
        ("2 x", 3, "for the product write 2*x"),
        ("x z", 3, "for the product write x*z"),
        ("2x", 2, "for the product write 2*x"),
        ("1.5.2", 4, "operator is missing"),
        ("(x)z", 4, "for the product write (x)*z"),
        ("2(x)", 2, "for the product write 2*(...)"),
        ("c(x)", 1, "for a product write c*(...)"),
        ("(c + a)(a)", 9, "a place is a number"),
        ("x(c)", 3, "a place is a number"),
        ("x(-1)", 3, "a place is a number"),
        ("x(1.5)", 3, "a place is a number"),
        ("A(1,2,3)", 1, "one or two places"),
        ("A()", 1, "one or two places"),
        ("x(1:2:3)", 6, "steps are not supported"),
        (":", 1, "missing before"),
        ("sin(:)", 5, "whole axis"),
        ("(x,z)", 3, "comma"),
        ("x,z", 2, "comma"),
        ("max(x,)", 7, "missing before"),
        ("x**2", 2, "a power is written ^"),
        ("x @ z", 3, "a product is written *"),
        ("x = z", 3, "an expression has no ="),
        ("A[1,2]", 2, "entries are written A(1,2)"),
        ("x²", 1, "not a name"),
        ("x’", 2, "plain quote"),
        ("x.z", 2, "cannot read '.'"),
        ("x\x00", 2, "cannot read '\\x00'"),
        ("__import__('os')", 1, "a name starts with a letter"),
        ("os.system('ls')", 3, "cannot read '.'"),
        ("lambda: 0", 7, "colon"),
        ("x;z", 2, "cannot read ';'"),
        ("'x'", 1, "missing before"),
        ("x\n + z z", 6, "for the product write z*z"),
        ("sin", 1, "write sin(...)"),
        ("foo(x)", 1, "unknown function foo"),
        ("trase(S)", 1, "did you mean"),
        ("trace(S)", 1, "did you mean tr"),
        ("softmx(x)", 1, "did you mean softmax"),
        ("EXP(x)", 1, "did you mean exp"),
        ("sum(A,3)", 7, "the axis is 1"),
        ("sum(A,c)", 7, "the axis is 1"),
        ("e(n,n)", 3, "the position is a number"),
        ("eye(x)", 5, "x is a variable, not a dimension"),
        ("eye(0)", 5, "at least 1"),
        ("eye(n-n)", 5, "at least 1"),
        ("eye(1.5)", 5, "polynomial"),
        ("eye(sin(n))", 5, "polynomial"),
        ("eye(:)", 5, "polynomial"),
        ("vector(2)", 1, "vector(1)"),
        ("matrix(1,1)", 1, "matrix(1)"),
        ("L(A,x)", 1, "L takes 1 argument, not 2"),
    ],
)
def test_text_that_cannot_be_read_says_where(text, column, says):
    with pytest.raises(mc.ParseError) as caught:
        mc.parse(text, DECLARED)
    assert says in str(caught.value)
    assert caught.value.column == column
    assert caught.value.line == (2 if text.strip() and "\n" in text else 1)
    assert not text.strip() or f"^ line {caught.value.line}, column {column}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("A/x", mc.OperandError, "entrywise write ./"),
        ("T^x", mc.OperandError, "the exponent x"),
        ("tr(S,S)", mc.OperandError, "tr takes 1 argument, not 2"),
        ("tr()", mc.OperandError, "tr takes 1 argument, not 0"),
        ("c/0", mc.MatcalcError, "divided by zero"),
        ("S^(1/2)", mc.UnsupportedError, "sqrtm"),
        (None, mc.OperandError, "not NoneType"),
        (3, mc.OperandError, "not int"),
        (b"x", mc.OperandError, "not bytes"),
    ],
)
def test_other_errors(text, error, says):
    with pytest.raises(error) as caught:
        mc.parse(text, DECLARED)
    assert says in str(caught.value)


@pytest.mark.parametrize("name", [f for f in NOT_YET if f not in mc.FUNCTIONS])
def test_functions_to_come_are_named(name):
    with pytest.raises(mc.UnsupportedError, match=rf"the function {name} is not supported"):
        mc.parse(f"{name}(S)", DECLARED)


@pytest.mark.parametrize(
    "declarations",
    [3, x + z, [3], ["x"], {"x y": x}, {3: x}, {"x": "[n"}, {"x": "[n](nice)"}, {"x": object()}, {"x": (0,)}, b"x[n]",
     "x[n] x[m]", [mc.vector("x", 2), mc.vector("x", 3)]],
)  # fmt: skip
def test_bad_declarations(declarations):
    with pytest.raises(mc.MatcalcError):
        mc.parse("x", declarations)


# ------------------------------------------------------------------ limits
DEEP = {
    "brackets": "(" * 2000 + "x" + ")" * 2000,
    "minus": "-" * 2000 + "x",
    "calls": "sin(" * 2000 + "x" + ")" * 2000,
    "powers": "c" + "^a" * 2000,
    "powers to the right": "c^(" * 2000 + "a" + ")" * 2000,
    "transposes": "A" + "'" * 2000,
    "sums to the right": "x+(" * 2000 + "x" + ")" * 2000,
    "differences": "x-(" * 2000 + "z" + ")" * 2000,
    "products to the right": "T*(" * 2000 + "T" + ")" * 2000,
    "quotients": "c" + "/a" * 2000,
    "broadcasts": "A" + ".+y" * 2000,
    "dimensions": "eye(" + "(" * 2000 + "n" + ")" * 2000 + ")",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_deep_nesting_is_fine(text):
    e = mc.parse(text, DECLARED)
    assert mc.parse(str(e), DECLARED) is e


@pytest.mark.parametrize(
    "text",
    [
        "x" * 200_000,
        "(" * 6000 + "x" + ")" * 6000,
        "sin(" * 6000 + "x" + ")" * 6000,
        "-" * 6000 + "x",
        "x" + "'" * 6000,
        "c" + "^c" * 6000,
        "1e999999",
        "1e-999999",
        "1e" + "9" * 5000,
        "9" * 5000,
        "9^64^64^64^64",
        "*".join(["1e999"] * 2000),
        "*".join(["c", *["1e999"] * 20]),
        "+".join(f"1/{p}" for p in range(2, 9000)),
        "eye(" + "n+" * 20_000 + "n)",
        "eye((m+n)^8^8)",
        "eye(9^8^8)",
        "+".join(f"norm2(x{i} + kron(x{i + 1},x{i + 1}))" for i in range(1000)),
    ],
)
def test_limits(text):
    start = time.perf_counter()
    with pytest.raises(mc.LimitError):
        mc.parse(text, "x[n] c" if "x0" not in text else None)
    assert time.perf_counter() - start < 5


def test_random_text_raises_nothing_else():
    rng = random.Random(7)
    pieces = [
        *"AxycST123().,:'+-*/^ \n",
        ".*",
        "./",
        ".^",
        ".+",
        ".-",
        "sum(",
        "tr(",
        "eye(",
        "n",
        "max(",
        "L(",
        "1e9",
        "[",
        "\x00",
        "é",
        "vector(1)",
    ]
    for _ in range(3000):
        text = "".join(rng.choice(pieces) for _ in range(rng.randrange(1, 14)))
        for declared in (DECLARED, None):
            try:
                e = mc.parse(text, declared)
            except mc.MatcalcError:
                continue
            assert isinstance(e, mc.Expr)


def test_speed():
    long = "+".join(["A*x"] * 2000)
    start = time.perf_counter()
    mc.parse(long, DECLARED)
    assert time.perf_counter() - start < 1
    texts = [p.values for p in case_texts()]
    for text, declared in texts:
        mc.parse(text, declared)
    start = time.perf_counter()
    for text, declared in texts:
        mc.parse(text, declared)
    assert (time.perf_counter() - start) / len(texts) < 0.002
