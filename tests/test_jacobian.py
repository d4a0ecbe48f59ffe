"""Jacobians, Hessians and directional derivatives: against JAX in every layout, against each other, and as text."""

import random

import jax
import jax.numpy as jnp
import judge
import numpy as np
import pytest
from numpy.testing import assert_allclose
from strategies import random_expr

import matcalc as mc
from matcalc.dims import is_unit
from matcalc.errors import OperandError, ShapeError
from matcalc.expr import Symbol, hadamard, matmul, substitute, symbol, transpose
from matcalc.node import postorder

UNSTEADY = {"EigVecMax", "EigVecMin", "IsLargest", "Sign", "Step", "Where"}  # rounding decides where entries agree
PLACED = {"Item", "UnitVector"}  # need a second entry
SIZES = (  # few, as JAX compiles for each anew
    {"m": 3, "n": 4, "p": 2, "q": 5},
    {"m": 1, "n": 3, "p": 2, "q": 5},
    {"m": 2, "n": 1, "p": 3, "q": 5},
)
LAYOUTS = ("numerator", "denominator", "vec", "tensor")
DECLARED = (
    "A[m,n] B[p,q] C[n,n] D[m,n] X[n,p] Y[n,n](invertible) x[n] y[n] z[n](positive) b[m] c "
    "S[n,n](symmetric) P[n,n](psd) Q[n,n](psd)"
)


def parsed(text):
    return mc.parse(text, DECLARED)


def kinds_of(*roots):
    return {type(e).__name__ for e in postorder(roots, lambda e: e.operands)}


# ------------------------------------------------------------------ by JAX
def value_of(f, given, name, sizes):
    """An expression as a function of one of its symbols, two axes in and out."""
    return lambda w: judge.value(f, {**given, name: w}, sizes)


def rows_by_jax(f, at):
    """The Jacobian of an array by an array, a row at a time: that needs fewer compilations than ``jax.jacobian``."""
    out, back = jax.vjp(f, at)
    rows = [np.asarray(back(jnp.asarray(row.reshape(out.shape)))[0]) for row in np.eye(out.size)]
    return np.stack(rows).reshape(out.shape + at.shape)


def jacobian_by_jax(f, given, name, sizes):
    """The Jacobian with two axes of ``f``, then two of the symbol."""
    return rows_by_jax(value_of(f, given, name, sizes), given[name])


def hessian_by_jax(f, given, name, name2, sizes):
    """Second derivatives with two axes of the first symbol, then two of the second."""

    def slope(w2):
        g = value_of(f, {**given, name2: w2}, name, sizes)
        return jax.grad(lambda w: g(w)[0, 0])(w2 if name == name2 else given[name])

    return rows_by_jax(slope, given[name2])


def vec_form(t):
    """Four axes as the matrix of the vec form: columns stacked on both sides."""
    return t.transpose(1, 0, 3, 2).reshape(t.shape[0] * t.shape[1], -1)


def laid_out(t, f, w, layout):
    """A Jacobian with four axes in a layout."""
    if layout == "vec":
        matrix = vec_form(t)
        return matrix if w.ndim else matrix.reshape(matrix.shape[:1] if f.ndim else ())  # a column has one axis
    rows, cols = t.shape[: f.ndim], t.shape[2 : 2 + w.ndim]
    t = t.reshape(rows + cols)
    if layout == "denominator" and f.ndim and w.ndim:
        return np.moveaxis(t, range(f.ndim), range(w.ndim, w.ndim + f.ndim))
    return t


def symmetric_by_vech(n):
    """The symmetric matrix with these entries on and below its diagonal, column by column."""
    pairs = [(i, j) for j in range(n) for i in range(j, n)]
    place = np.zeros((n, n), int)
    for k, (i, j) in enumerate(pairs):
        place[i, j] = place[j, i] = k
    return (lambda theta: theta[place]), [i for i, _ in pairs], [j for _, j in pairs]


# ------------------------------------------------------------------ comparing
def numbers(e, given, sizes):
    """What the compiled expression gives, axes as users see them."""
    call = mc.compile(e)
    known = {**sizes, **judge.FUNCTIONS, **judge.as_given(given, e)}
    with np.errstate(all="ignore"):
        return np.asarray(call(**{name: known[name] for name in call.names}))


def compare(got, want, what):
    assert got.shape == want.shape, what
    scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
    assert_allclose(got, want, rtol=1e-6, atol=1e-7 * scale, err_msg=what)


def tame(*arrays):
    return all(np.all(np.isfinite(a)) and np.max(np.abs(a), initial=0.0) < 1e6 for a in arrays)


def sizes_for(rng, *roots):
    """Sizes of the dimensions; none is 1 where a second entry is asked for."""
    sizes = rng.choice((SIZES[0], SIZES[0], SIZES[0], *SIZES))
    return SIZES[0] if PLACED & kinds_of(*roots) else sizes


def compare_jacobian(f, w, sizes, seed=0):
    """The Jacobian in every layout against JAX; answers whether there was something to compare."""
    given = judge.draw(f, seed, sizes, extra=[w])
    want = jacobian_by_jax(f, given, w.name, sizes)
    if not tame(want):
        return False
    for layout in LAYOUTS:
        j = mc.jacobian(f, w, layout=layout)
        compare(numbers(j, given, sizes), laid_out(want, f, w, layout), f"{layout} of {f} by {w}, {sizes}: {j}")
    return True


# ------------------------------------------------------------------ every pair of kinds
PAIRS = {
    "vector by vector": ("A*x; x/norm2(x); sigmoid(A*x); softmax(C*x); inv(Y)*x; x.*x.*y; prod(z)*z; diag(C)*(y'*x)", "x z"),
    "vector by matrix": ("A*x; A*exp(A'*b); diag(C*C); sum(A,2); A(1,:)'; vec(A*X); C*diag(C)", "A C"),
    "row by matrix": ("b'*A; sum(A,1); A(2,:); x'*C.*(y'*C)", "A C"),
    "row by vector": ("x'; x'*C; exp(x')./(y'*y)", "x"),
    "matrix by vector": ("x*x'; diag(x); A*diag(x); x*y' - y*x'; exp(C*x)*x'*C; A .+ x'; C.*(x*ones(n)')", "x"),
    "matrix by row-like": ("A .+ b; diag(b)*A; softmax(A .+ b, 1)", "b"),
    "matrix by matrix": (
        "A; A'; A*X; A'*A; A*A'; A*C*A'; D.*A; sin(A); normf(A)*A; pinv(A); A*A'*A; A .+ A*y; sum(A)*D; A/tr(A'*D); "
        "softmax(A,2)",
        "A",
    ),
    "square by square": (
        "inv(Y); Y*Y; Y^3; Y'*C*Y; det(Y)*Y; Y.*Y'; adj(Y); diag(diag(Y)); tr(Y)*Y; Y*C*Y'*Y; Y^-2; expm(C)*Y", "Y"
    ),
    "scalar by anything": ("c^2*(x'*C*x) + logdet(Y) + tr(C*Y) + sum(A*X) + norm2(b)", "c x C Y A X b"),
    "anything by scalar": ("c; c^3; c*x; x'/c; c*A; exp(c*A); inv(Y + c*eye(n)); x*y' .+ c; (x'*y)*c^2", "c"),
    "nothing changes": ("A*x; A; tr(A'*A); y'; C*C", "b c S"),
}  # fmt: skip


SYMBOLS = {s.name: s for s in mc.symbols(DECLARED)}
EACH = [
    pytest.param(text, name, id=f"{kind}: {text} by {name}")
    for kind, (texts, names) in PAIRS.items()
    for text in texts.split("; ")
    for name in names.split()
    if kind == "nothing changes" or SYMBOLS[name] in mc.parse(text, DECLARED).symbols
]


@pytest.mark.parametrize(("text", "name"), EACH)
def test_every_layout_agrees_with_jax(text, name):
    assert compare_jacobian(parsed(text), SYMBOLS[name], SIZES[0])


@pytest.mark.parametrize("sizes", SIZES[1:], ids=str)
@pytest.mark.parametrize("text", ["A*X", "A*x", "A*C*A'", "A.*D", "A .+ x'", "diag(b)*A*diag(x)", "vec(A)", "softmax(A,1)"])
def test_dimensions_that_are_one(text, sizes):
    assert compare_jacobian(parsed(text), parsed("A").symbols[0], sizes)


def test_dimensions_that_are_numbers():
    A, B, x, u = mc.matrix("A", 2, 3), mc.matrix("B", 1, 3), mc.vector("x", 3), mc.vector("u", 1)
    for f, w in ((A @ x, x), (A @ x, A), (B @ x, x), (B @ x, B), (A.T @ A, A), (u @ x.T, x), (u @ x.T, u), (A @ B.T, B)):
        assert compare_jacobian(f, w, {})


# ------------------------------------------------------------------ random pairs
def random_pair(seed):
    """A random expression and one of its symbols, or None."""
    rng = random.Random(f"jacobian {seed}")
    f = random_expr(rng, depth=rng.choice([1, 1, 2, 2, 3]))
    names = [s for s in f.symbols if not s.has("integer")]
    if not names or UNSTEADY & kinds_of(f):
        return None
    w = rng.choice(names)
    if w.is_square and not w.is_scalar and rng.random() < 0.6:
        symmetric = symbol(w.name, w.shape, ["symmetric"])
        f, w = substitute(f, {w: symmetric}), symmetric
    return f, w, sizes_for(rng, f)


def check_jacobian(seed):
    """One random Jacobian in every layout, its jvp, vjp and differential; "refused", "dull" or "right"."""
    pair = random_pair(seed)
    if pair is None:
        return "dull"
    f, w, sizes = pair
    up, d = Symbol("U", (f.rows, f.cols), ()), Symbol("V", (w.rows, w.cols), ())
    try:
        stacked = mc.jacobian(f, w, layout="vec")
    except mc.UnsupportedError as reason:
        assert len(str(reason)) > 40  # noqa: PT017 - some are refused, with a reason; most are not
        return "refused"
    given = judge.draw(f, seed, sizes, extra=[w, up, d])
    want = jacobian_by_jax(f, given, w.name, sizes)
    if not tame(want):
        return "dull"
    for layout in LAYOUTS:
        j = stacked if layout == "vec" else mc.jacobian(f, w, layout=layout)
        compare(numbers(j, given, sizes), laid_out(want, f, w, layout), f"{layout} of {f} by {w}, {sizes}: {j}")
    forward = mc.jvp(f, w, d)
    moved = judge.run(mc.compile(forward), given, forward, sizes)
    compare(moved, np.einsum("ijkl,kl", want, given["V"]), f"jvp of {f} by {w}: {forward}")
    backward = mc.vjp(f, w, up)
    pulled = judge.run(mc.compile(backward), given, backward, sizes)
    scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
    assert_allclose(
        np.sum(pulled * given["V"]), np.sum(moved * given["U"]), rtol=1e-6, atol=1e-6 * scale, err_msg=f"{f} by {w}"
    )
    change = mc.differential(f, w)
    by_name = {**given, f"d{w.name}": given["V"]}
    compare(judge.run(mc.compile(change), by_name, change, sizes), moved, f"differential of {f} by {w}: {change}")
    if w.has("symmetric"):
        compare_vech(f, w, given, sizes)
    return "right"


def compare_vech(f, w, given, sizes):
    """The Jacobian by vech, against JAX's by the entries on and below the diagonal.

    What is symmetric is stacked by vech itself; see ``test_vech_of_what_is_not_symmetric`` for other square matrices.
    """
    whole, rows, cols = symmetric_by_vech(len(given[w.name]))
    square = f.is_square and not f.is_scalar
    if square and not is_symmetric_in(f, w, given, sizes):
        return
    theta = given[w.name][np.array(rows), np.array(cols)]
    value = value_of(f, given, w.name, sizes)

    def stacked(t):
        a = value(whole(t))
        n = len(a)
        return jnp.concatenate([a[j:, j] for j in range(n)]) if square else a.T.reshape(-1)

    want = rows_by_jax(stacked, theta)
    j = mc.jacobian(f, w, layout="vech")
    compare(numbers(j, given, sizes).reshape(want.shape), want, f"vech of {f} by {w}, {sizes}: {j}")


def is_symmetric_in(f, w, given, sizes):
    """Whether a square function is symmetric wherever ``w`` is."""
    rng = np.random.default_rng(0)
    for _ in range(2):
        a = rng.standard_normal(given[w.name].shape)
        v = np.asarray(judge.value(f, {**given, w.name: jnp.asarray(given[w.name] + 0.1 * (a + a.T))}, sizes))
        if not np.allclose(v, v.T, atol=1e-9 * max(1.0, float(np.max(np.abs(v))))):
            return False
    return True


def scalar(rng, e):
    """A scalar function of an expression in which every entry counts differently."""
    if e.is_scalar:
        return e
    if rng.random() < 0.3:
        return mc.sum(hadamard(e, e))
    tag = "".join(c for c in f"{e.rows}{e.cols}" if c.isalnum())
    if is_unit(e.cols) and rng.random() < 0.5:
        return matmul(transpose(symbol(f"u_{tag}", (e.rows,))), e)
    return mc.sum(hadamard(symbol(f"U_{tag}", (e.rows, e.cols)), e))


def check_hessian(seed):
    """One random Hessian, perhaps mixed; "refused", "dull" or "right"."""
    rng = random.Random(f"hessian {seed}")
    f = scalar(rng, random_expr(rng, depth=rng.choice([1, 1, 2, 2])))
    names = [s for s in f.symbols if not s.has("integer")]
    if not names or UNSTEADY & kinds_of(f):
        return "dull"
    w = w2 = rng.choice(names)
    if rng.random() < 0.3:
        w2 = rng.choice(names)
    elif w.is_square and not w.is_scalar and rng.random() < 0.6:
        declared = symbol(w.name, w.shape, [rng.choice(["symmetric", "psd"])])
        f = substitute(f, {w: declared})
        w = w2 = declared
    sizes = sizes_for(rng, f)
    try:
        stacked = mc.hessian(f, w, w2, layout="vec")
    except mc.UnsupportedError as reason:
        assert len(str(reason)) > 40  # noqa: PT017 - some are refused, with a reason; most are not
        return "refused"
    direction = Symbol("V", (w.rows, w.cols), ())
    given = judge.draw(f, seed, sizes, extra=[w, w2, direction])
    want = hessian_by_jax(f, given, w.name, w2.name, sizes)
    if not tame(want):
        return "dull"
    try:
        got = numbers(stacked, given, sizes)
    except np.linalg.LinAlgError:  # adj of a product that is singular at these sizes
        assert any("invertible" in c for c in stacked.conditions)
        return "dull"
    compare(got, laid_out(want, w, w2, "vec"), f"hessian of {f} by {w}, {w2}, {sizes}: {stacked}")
    whole = mc.hessian(f, w, w2, layout="tensor")
    compare(numbers(whole, given, sizes), laid_out(want, w, w2, "tensor"), f"hessian of {f} by {w}, {w2}: {whole}")
    if w is w2:
        scale = max(1.0, float(np.max(np.abs(got), initial=0.0)))
        assert_allclose(np.atleast_2d(got), np.atleast_2d(got).T, atol=1e-7 * scale)
        product = mc.hvp(f, w, direction)
        got = judge.run(mc.compile(product), given, product, sizes)
        compare(got, np.einsum("ijkl,kl", want, given["V"]), f"hvp of {f} by {w}: {product}")
    return "right"


BATCH = 25


@pytest.mark.parametrize("batch", range(6))
def test_random_jacobians_agree_with_jax(batch):
    found = [check_jacobian(seed) for seed in range(BATCH * batch, BATCH * (batch + 1))]
    assert found.count("right") >= BATCH // 3


@pytest.mark.parametrize("batch", range(3))
def test_random_hessians_agree_with_jax(batch):
    found = [check_hessian(seed) for seed in range(BATCH * batch, BATCH * (batch + 1))]
    assert found.count("right") >= BATCH // 4


@pytest.mark.slow
@pytest.mark.parametrize("check", [check_jacobian, check_hessian])
@pytest.mark.parametrize("fifty", range(10))
def test_many(check, fifty):
    found = [check(seed) for seed in range(10_000 + 50 * fifty, 10_050 + 50 * fifty)]
    assert found.count("right") >= 12


# ------------------------------------------------------------------ Hessians
HESSIANS = [
    ("x'*C*x + exp(b'*A*x)", "x", "x"),
    ("logsumexp(A*x)", "x", "x"),
    ("prod(z)^2", "z", "z"),
    ("tr(X'*C*X*X'*X)", "X", "X"),
    ("det(Y)", "Y", "Y"),
    ("x'*inv(Y)*y", "Y", "Y"),
    ("normf(A*X)", "X", "X"),
    ("c^3*(x'*y)", "c", "c"),
    ("c^3*(x'*x)", "c", "x"),
    ("c^3*(x'*x)", "x", "c"),
    ("x'*C*y", "x", "C"),
    ("x'*C*y", "C", "x"),
    ("norm2(A*x - b)^2", "x", "A"),
    ("norm2(A*x - b)^2", "A", "b"),
    ("sum(sigmoid(A*X).*(D*X))", "A", "X"),
    ("sum(A*X)*c", "A", "X"),
    ("x'*C*x", "y", "y"),
    ("x'*C*x", "x", "b"),
]


@pytest.mark.parametrize(("text", "first", "second"), HESSIANS)
def test_hessians_agree_with_jax(text, first, second):
    f, w, w2, sizes = parsed(text), SYMBOLS[first], SYMBOLS[second], SIZES[0]
    given = judge.draw(f, 1, sizes, extra=[w, w2])
    want = hessian_by_jax(f, given, first, second, sizes)
    for layout in LAYOUTS:
        h = mc.hessian(f, w, None if w is w2 else w2, layout=layout)
        compare(numbers(h, given, sizes), laid_out(want, w, w2, layout), f"{layout} of {text}: {h}")


SYMMETRIC = [
    ("logdet(P)", "P"),
    ("tr(inv(P)*Q)", "P"),
    ("tr(P*C*P)", "P"),
    ("x'*P*P*y", "P"),
    ("tr(P'*P)", "P"),
    ("tr(P*P)", "P"),
    ("det(S + Q)", "S"),
    ("tr(S*S*S)", "S"),
    ("sum(exp(S).*S')", "S"),
    ("tr((S - S')'*(S - S'))", "S"),
]


@pytest.mark.parametrize(("text", "name"), SYMMETRIC)
def test_the_hessian_by_a_declared_symmetric_symbol_is_the_ambient_one(text, name):
    """The fact holds at the point, not of the directions: tr(S*S) and tr(S'*S) have different Hessians."""
    f, w, sizes = parsed(text), SYMBOLS[name], SIZES[0]
    given = judge.draw(f, 2, sizes)
    want = hessian_by_jax(f, given, name, name, sizes)
    h = mc.hessian(f, w, layout="vec")
    compare(numbers(h, given, sizes), vec_form(want), f"{text}: {h}")
    whole, rows, cols = symmetric_by_vech(4)
    theta = given[name][np.array(rows), np.array(cols)]
    wanted = rows_by_jax(jax.grad(lambda t: judge.value(f, {**given, name: whole(t)}, sizes)[0, 0]), theta)
    h = mc.hessian(f, w, layout="vech")
    compare(numbers(h, given, sizes), wanted, f"vech of {text}: {h}")


@pytest.mark.parametrize("text", ["S", "c*S", "S*S", "inv(S + Q)", "S*Q*S", "C*S*C'", "x'*S*x", "S*x", "A*S", "x'*S", "sin(S)"])
def test_vech_agrees_with_jax(text):
    f, w, sizes = parsed(text), SYMBOLS["S"], SIZES[0]
    given = judge.draw(f, 3, sizes)
    compare_vech(f, w, given, sizes)


@pytest.mark.parametrize("text", ["C*S", "S*C", "S*P"])
def test_vech_of_what_is_not_symmetric(text):
    """Either all entries, as vec stacks them, or a refusal."""
    f, w, sizes = parsed(text), SYMBOLS["S"], SIZES[0]
    given = judge.draw(f, 3, sizes)
    try:
        j = mc.jacobian(f, w, layout="vech")
    except mc.MatcalcError:
        return
    whole, rows, cols = symmetric_by_vech(4)
    theta = given["S"][np.array(rows), np.array(cols)]
    want = rows_by_jax(lambda t: judge.value(f, {**given, "S": whole(t)}, sizes).T.reshape(-1), theta)
    compare(numbers(j, given, sizes), want, str(j))


@pytest.mark.parametrize(("text", "first", "count"), [("x'*S*y", "x", 4), ("c*tr(S*S)", "c", 1), ("tr(A*S*A'*T)", "T", 6)])
def test_mixed_hessians_by_vech(text, first, count):
    f = mc.parse(text, DECLARED + " T[m,m](symmetric)")
    h = mc.hessian(f, first, "S", layout="vech")
    assert numbers(h, judge.draw(f, 0, SIZES[0]), SIZES[0]).size == count * 10


# ------------------------------------------------------------------ several symbols
def test_lists_and_dicts_keep_their_form():
    f = parsed("A*x + b")
    A, x, b = (SYMBOLS[n] for n in "Axb")
    assert mc.jacobian(f, [x, "b"]) == [A, mc.eye(b.rows)]
    found = mc.jacobian(f, {"by x": x, "by A": "A"}, layout="vec")
    assert {k: str(v) for k, v in found.items()} == {"by x": "A", "by A": "kron(x',eye(m))"}
    q = parsed("x'*C*x + c*(x'*y)")
    assert [str(h) for h in mc.hessian(q, ["x", "c"])] == ["C + C'", "0"]
    assert {k: str(h) for k, h in mc.hessian(q, {"x": x, "c": "c"}, "y").items()} == {"x": "c*eye(n)", "c": "x"}
    assert str(mc.differential(f, ["x", "b"])) == "A*dx + db"


def test_a_name_may_be_declared_and_not_used():
    e = mc.parse("A*x", "A[m,n] x[n] b[m] X[n,p]")
    assert str(mc.jacobian(e, "b")) == "zeros(m,m)"
    assert mc.jacobian(e, "X").shape[1:] == (*e.symbols[1].shape, SYMBOLS["X"].cols)
    assert str(mc.jvp(e, "b", "h")) == "zeros(m)"


def test_a_named_part_is_differentiated_through():
    A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    r = mc.let("r", A @ x - b)
    assert str(mc.jacobian(r, x)) == "A"
    assert str(mc.hessian(r.T @ r, x)) == "2*A'*A"


# ------------------------------------------------------------------ as text
JACOBIANS = [
    ("A*x", "x", "numerator", "A"),
    ("A*x", "x", "denominator", "A'"),
    ("A*x", "A", "vec", "kron(x',eye(m))"),
    ("x'*C*x", "x", "numerator", "(C + C')*x"),
    ("A*X", "X", "vec", "kron(eye(p),A)"),
    ("A*X", "A", "vec", "kron(X',eye(m))"),
    ("C*Y*Q", "Y", "vec", "kron(Q,C)"),
    ("C*Y*D'", "Y", "vec", "kron(D,C)"),
    ("X'", "X", "vec", "K(n,p)"),
    ("inv(Y)", "Y", "vec", "-kron(inv(Y)',inv(Y))"),
    ("Y*Y", "Y", "vec", "kron(eye(n),Y) + kron(Y',eye(n))"),
    ("X*X'", "X", "vec", "(eye(n^2) + K(n,n))*kron(X,eye(n))"),
    ("A*Y*A'", "Y", "vec", "kron(A,A)"),
    ("softmax(x)", "x", "numerator", "diag(softmax(x)) - softmax(x)*softmax(x)'"),
    ("x/norm2(x)", "x", "numerator", "(eye(n) - x*x'/norm2(x)^2)/norm2(x)"),
    ("sigmoid(A*x + b)", "x", "numerator", "diag(sigmoid(A*x + b).*(1 .- sigmoid(A*x + b)))*A"),
    ("relu(A*x + b)", "x", "numerator", "diag(step(A*x + b))*A"),
    ("x.*y", "x", "numerator", "diag(y)"),
    ("x*x'", "x", "vec", "kron(eye(n),x) + kron(x,eye(n))"),
    ("exp(X)", "X", "vec", "diag(vec(exp(X)))"),
    ("det(Y)*Y", "Y", "vec", "det(Y)*(vec(Y)*vec(inv(Y)')' + eye(n^2))"),
    ("c*X", "c", "numerator", "X"),
    ("c*X", "c", "vec", "vec(X)"),
    ("A .+ b", "b", "vec", "kron(ones(n),eye(m))"),
    ("sum(A,1)", "A", "vec", "kron(eye(n),ones(1,m))"),
    ("S*x", "S", "vech", "kron(x',eye(n))*Dup(n)"),
    ("inv(P)", "P", "vech", "-Elim(n)*kron(inv(P),inv(P))*Dup(n)"),
]
HESSIAN_TEXTS = [
    ("norm2(A*x - b)^2", "x", None, "numerator", "2*A'*A"),
    ("x'*C*x", "x", None, "numerator", "C + C'"),
    ("x'*S*x", "x", None, "numerator", "2*S"),
    ("normf(A*X)^2", "X", None, "vec", "2*kron(eye(p),A'*A)"),
    ("tr(X'*C*X)", "X", None, "vec", "kron(eye(p),C + C')"),
    ("logdet(Y)", "Y", None, "vec", "-kron(inv(Y),inv(Y)')*K(n,n)"),
    ("logdet(P)", "P", None, "vech", "-Dup(n)'*kron(inv(P),inv(P))*Dup(n)"),
    ("logsumexp(x)", "x", None, "numerator", "diag(softmax(x)) - softmax(x)*softmax(x)'"),
    ("sum(softplus(A*x)) - b'*A*x", "x", None, "numerator", "A'*diag(sigmoid(A*x).*(1 .- sigmoid(A*x)))*A"),
    ("-sum(log(b - A*x))", "x", None, "numerator", "A'*diag(1./(b - A*x).^2)*A"),
    ("norm2(x)", "x", None, "numerator", "(eye(n) - x*x'/norm2(x)^2)/norm2(x)"),
    ("x'*C*y", "x", "y", "numerator", "C"),
    ("x'*C*y", "y", "x", "numerator", "C'"),
    ("x'*C*y", "x", "C", "vec", "kron(y',eye(n))"),
    ("c^3", "c", None, "numerator", "6*c"),
    ("sum(A*x)", "x", None, "numerator", "zeros(n,n)"),
]


@pytest.mark.parametrize(("text", "name", "layout", "printed"), JACOBIANS)
def test_jacobians_of_the_textbooks(text, name, layout, printed):
    j = mc.jacobian(mc.parse(text, DECLARED.replace("D[m,n]", "D[n,n]")), name, layout=layout)
    assert str(j) == printed


@pytest.mark.parametrize(("text", "name", "name2", "layout", "printed"), HESSIAN_TEXTS)
def test_hessians_of_the_textbooks(text, name, name2, layout, printed):
    assert str(mc.hessian(parsed(text), name, name2, layout=layout)) == printed


@pytest.mark.parametrize(
    ("text", "name", "printed"),
    [
        ("logdet(Y)", "Y", "inv(Y)'"),
        ("tr(C)", "C", "eye(n)"),
        ("x'*C*y", "C", "x*y'"),
        ("normf(A)^2", "A", "2*A"),
        ("sum(A)", "A", "ones(m,n)"),
    ],
)
def test_the_jacobian_of_a_scalar_is_its_gradient(text, name, printed):
    assert str(mc.jacobian(parsed(text), name)) == printed


@pytest.mark.parametrize(("text", "printed"), [("S", "eye(n*(n + 1)/2)"), ("c*S", "c*eye(n*(n + 1)/2)")])
def test_pinv_of_dup_times_dup_is_the_identity(text, printed):
    assert "Dup" not in str(mc.jacobian(parsed(text), "S", layout="vech"))


DIRECTIONS = [
    (mc.jvp, "inv(Y)", "Y", "C", "-inv(Y)*C*inv(Y)"),
    (mc.jvp, "A*x", "x", "y", "A*y"),
    (mc.jvp, "x'*C*x", "x", "y", "y'*(C + C')*x"),
    (mc.jvp, "logdet(Y)", "Y", "C", "tr(C*inv(Y))"),
    (mc.jvp, "softmax(x)", "x", "y", "softmax(x).*(y .- softmax(x)'*y)"),
    (mc.hvp, "norm2(A*x - b)^2", "x", "y", "2*A'*A*y"),
    (mc.hvp, "x'*C*x", "x", "y", "(C + C')*y"),
    (mc.hvp, "logdet(Y)", "Y", "C", "-(inv(Y)*C*inv(Y))'"),
]


@pytest.mark.parametrize(("verb", "text", "name", "direction", "printed"), DIRECTIONS)
def test_directional_derivatives_of_the_textbooks(verb, text, name, direction, printed):
    f, d = parsed(text), SYMBOLS[direction]
    answer = verb(f, SYMBOLS[name], d)
    sizes = SIZES[0]
    given = judge.draw(f, 0, sizes, extra=[d])
    t = (jacobian_by_jax if verb is mc.jvp else lambda *a: hessian_by_jax(*a[:3], *a[2:]))(f, given, name, sizes)
    want = np.einsum("ijkl,kl", t, given[direction])
    compare(judge.run(mc.compile(answer), given, answer, sizes), want, str(answer))
    if verb is mc.hvp or text != "x'*C*x":
        assert str(answer) == printed


DIFFERENTIALS = [
    ("inv(Y)", "Y", "-inv(Y)*dY*inv(Y)"),
    ("A*X*B", "X", "A*dX*B"),
    ("logdet(Y)", "Y", "tr(dY*inv(Y))"),
    ("det(Y)", "Y", "det(Y)*tr(dY*inv(Y))"),
    ("norm2(A*x - b)^2", "x", "2*(A*x - b)'*A*dx"),
    ("A*x + b", None, "A*dx + dA*x + db"),
    ("kron(A,B)", "A", "kron(dA,B)"),
    ("softmax(x)", "x", "softmax(x).*(dx .- dx'*softmax(x))"),
    ("c*X", "c", "dc*X"),
    ("A*x", "b", "zeros(m)"),
]


@pytest.mark.parametrize(("text", "name", "printed"), DIFFERENTIALS)
def test_differentials_of_the_textbooks(text, name, printed):
    assert str(mc.differential(parsed(text), None if name is None else SYMBOLS[name])) == printed


# ------------------------------------------------------------------ refusals
REFUSALS = [
    ("expm(Y)", "Y", "does not divide into entries"),
    ("logm(P)", "P", "does not divide into entries"),
    ("dL(x)", "x", "second derivatives of the unspecified function L"),
]


@pytest.mark.parametrize(("text", "name", "reason"), REFUSALS)
@pytest.mark.parametrize("layout", ["vec", "tensor"])
def test_refusals_say_why(text, name, reason, layout):
    with pytest.raises(mc.UnsupportedError, match=reason):
        mc.jacobian(parsed(text), name, layout=layout)


def test_the_hessian_of_an_unspecified_function_is_refused():
    with pytest.raises(mc.UnsupportedError, match="second derivatives of the unspecified function L"):
        mc.hessian(parsed("L(A*x)"), "x")


@pytest.mark.parametrize("text", ["vec(A) + vec(D)", "exp(vec(A))", "vec(A)'*vec(D)", "diag(vec(A))", "vec(A)*c"])
def test_functions_of_vec(text):
    assert compare_jacobian(parsed(text), SYMBOLS["A"], SIZES[0])


@pytest.mark.parametrize("text", ["expm(Y)"])
def test_refusals_name_no_placeholder(text):
    with pytest.raises(mc.UnsupportedError) as refused:
        mc.jacobian(parsed(text), "Y")
    assert "upstream" not in str(refused.value)


@pytest.mark.parametrize(
    ("call", "error", "reason"),
    [
        (lambda: mc.jacobian(parsed("A*x"), "x", layout="row"), mc.OperandError, "layout is one of"),
        (lambda: mc.jacobian(parsed("A*X"), "X", layout="vech"), mc.OperandError, "not declared symmetric"),
        (lambda: mc.jacobian(parsed("A*x"), "w"), mc.OperandError, "not a symbol"),
        (lambda: mc.jacobian(parsed("A*x"), []), mc.OperandError, "wrt is empty"),
        (lambda: mc.hessian(parsed("A*x"), "x"), mc.ShapeError, "needs a scalar function"),
        (lambda: mc.hvp(parsed("A*x"), "x", "y"), mc.ShapeError, "needs a scalar function"),
        (lambda: mc.hessian(parsed("x'*x"), "x", layout=2), mc.OperandError, "layout is one of"),
        (lambda: mc.jvp(parsed("A*x"), "x", SYMBOLS["b"]), mc.ShapeError, "must have the shape of x"),
        (lambda: mc.hvp(parsed("x'*x"), "x", SYMBOLS["b"]), mc.ShapeError, "must have the shape of x"),
        (lambda: mc.jvp(parsed("A*x"), ["x"], SYMBOLS["y"]), mc.OperandError, "not several"),
        (lambda: mc.differential(mc.parse("x'*dx", "x[n] dx[n]"), "x"), mc.OperandError, "dx is a symbol"),
    ],
)  # fmt: skip
def test_wrong_questions_are_refused(call, error, reason):
    with pytest.raises(error, match=reason):
        call()


def deep_chain(depth, n=3):
    z = "x"
    for k in range(depth):
        z = f"tanh(W{k}*{z} + b{k})" if k % 2 else f"sigmoid(W{k}*{z})"
    names = " ".join(f"W{k}[{n},{n}] b{k}[{n}]" for k in range(depth))
    return mc.parse(f"sum({z}) + norm2({z})^2", f"x[{n}] {names}")


@pytest.mark.parametrize("depth", [9, 12, 16])
def test_the_hessian_of_a_deep_chain_stays_nested(depth):
    f = deep_chain(depth)
    found = mc.hessian(f, "x")
    assert mc.check(f, "x", found, kind="hessian").passed


def test_hessians_of_chains_grow_with_their_depth():
    counts = [mc.hessian(deep_chain(depth), "x").node_count() for depth in (10, 20, 40)]
    assert counts[2] - counts[1] < 2.2 * (counts[1] - counts[0]) + 10


JOINT = [
    ("norm2(A*x - y)^2 + c*sum(exp(A*x))", "A[3,2] x[2] y[3] c", ["A", "x", "c"]),
    ("logdet(A'*A) + tr(B*A)*c^2", "A[3,2] B[2,3] c", ["c", "A", "B"]),
    ("sum(softmax(r*A).^2) + tr(A'*A)^2", "A[3,2] r[1,3]", ["r", "A"]),
]


@pytest.mark.parametrize(("text", "declared", "wrt"), JOINT)
def test_hvp_by_several_is_that_of_the_joint_hessian(text, declared, wrt):
    f = mc.parse(text, declared)
    variables = [s for name in wrt for s in f.symbols if s.name == name]
    directions = [mc.symbols(f"d{s.name}[{s.rows},{s.cols}]") if not s.is_scalar else mc.scalar("dc") for s in variables]
    rng = np.random.default_rng(0)
    point = {s.name: rng.standard_normal(s.shape) for s in f.symbols}
    steps = [rng.standard_normal(s.shape) for s in variables]
    products = mc.hvp(f, variables, directions)
    call = mc.compile(products, [*f.symbols, *directions])
    got = call(*(point[s.name] for s in f.symbols), *steps)
    gradients = mc.compile(mc.grad(f, variables), list(f.symbols))

    def along(t):
        moved = {s.name: point[s.name] + t * d for s, d in zip(variables, steps, strict=True)}
        return gradients(*(moved.get(s.name, point[s.name]) for s in f.symbols))

    h = 1e-5
    for s, g, up, down in zip(variables, got, along(h), along(-h), strict=True):
        assert np.shape(g) == s.shape
        assert_allclose(g, (up - down) / (2 * h), rtol=1e-6, atol=1e-7)
    keys = dict(zip("pqr", variables, strict=False))
    as_dict = mc.hvp(f, keys, dict(zip(keys, directions, strict=True)))
    assert [as_dict[k] for k in keys] == products
    assert mc.hvp(f, tuple(variables), tuple(directions)) == tuple(products)


def test_hvp_by_several_wants_as_many_directions():
    f = mc.parse("x'*A*y", "A[m,n] x[m] y[n]")
    for wrt, direction, message in (
        (["x", "y"], "v", "wrt lists 2 variables, so direction is a list of as many"),
        (["x", "y"], ["v"], "wrt lists 2 variables, so direction is a list of as many"),
        ({"a": "x"}, ["v"], "wrt is a dict, so direction is one too, with the keys a"),
        ({"a": "x"}, {"b": "v"}, "wrt is a dict, so direction is one too, with the keys a"),
    ):
        with pytest.raises(OperandError, match=message):
            mc.hvp(f, wrt, direction)
    with pytest.raises(ShapeError, match=r"the direction y .* must have the shape of x"):
        mc.hvp(f, ["x", "y"], list(reversed(mc.symbols("x[m] y[n]"))))
