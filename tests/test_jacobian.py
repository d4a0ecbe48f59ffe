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
from matcalc.expr import Symbol, hadamard, matmul, substitute, symbol, transpose
from matcalc.node import postorder

UNSTEADY = {"EigVecMax", "EigVecMin", "IsLargest", "Sign", "Step", "Where"}  # rounding decides where entries agree
PLACED = {"Item", "UnitVector"}  # need a second entry
SIZES = ({"m": 3, "n": 4, "p": 2}, {"m": 1, "n": 3, "p": 2}, {"m": 2, "n": 1, "p": 3})
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


def jacobian_by_jax(f, given, name, sizes):
    """The Jacobian with two axes of ``f``, then two of the symbol."""
    return np.asarray(jax.jacfwd(value_of(f, given, name, sizes))(given[name]))


def hessian_by_jax(f, given, name, name2, sizes):
    """Second derivatives with two axes of the first symbol, then two of the second."""

    def slope(w2):
        g = value_of(f, {**given, name2: w2}, name, sizes)
        return jax.grad(lambda w: g(w)[0, 0])(w2 if name == name2 else given[name])

    return np.asarray(jax.jacfwd(slope)(given[name2]))


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
    sizes = rng.choice((SIZES[0], *SIZES))
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
    "vector by matrix": ("A*x; A*exp(A'*b); diag(C*C); sum(A,2); A(1,:)'; vec(A).*vec(D); vec(A*X); C*diag(C)", "A C"),
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
        "inv(Y); Y*Y; Y^3; Y'*C*Y; det(Y)*Y; Y.*Y'; adj(Y); diag(diag(Y)); tr(Y)*Y; Y*C*Y'*Y; Y^-2; tril(Y); expm(C)*Y", "Y"
    ),
    "scalar by anything": ("c^2*(x'*C*x) + logdet(Y) + tr(C*Y) + sum(A*X) + norm2(b)", "c x C Y A X b"),
    "anything by scalar": ("c; c^3; c*x; x'/c; c*A; exp(c*A); inv(Y + c*eye(n)); x*y' .+ c; (x'*y)*c^2", "c"),
    "nothing changes": ("A*x; A; tr(A)^2*0 + 1; y'; C*C", "b X c S"),
}  # fmt: skip


def pairs():
    for kind, (texts, names) in PAIRS.items():
        for text in texts.split("; "):
            for name in names.split():
                yield pytest.param(text.replace("tr(A)^2", "tr(A'*A)"), name, id=f"{kind}: {text} by {name}")


@pytest.mark.parametrize(("text", "name"), pairs())
def test_every_layout_agrees_with_jax(text, name):
    f = parsed(text)
    symbols = {s.name: s for s in mc.symbols(DECLARED)}
    sizes = {"m": 2, "n": 3, "p": 4, "q": 2} if "tr(" not in text else {"m": 3, "n": 3, "p": 2, "q": 2}
    assert compare_jacobian(f, symbols[name], sizes)


@pytest.mark.parametrize("sizes", [{"m": 1, "n": 3, "p": 2}, {"m": 2, "n": 1, "p": 3}, {"m": 3, "n": 2, "p": 1}], ids=str)
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
        assert len(str(reason)) > 40
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
    assert_allclose(np.sum(pulled * given["V"]), np.sum(moved * given["U"]), rtol=1e-6, atol=1e-6 * scale, err_msg=f"{f} by {w}")
    change = mc.differential(f, w)
    by_name = {**given, f"d{w.name}": given["V"]}
    compare(judge.run(mc.compile(change), by_name, change, sizes), moved, f"differential of {f} by {w}: {change}")
    if w.has("symmetric"):
        compare_vech(f, w, given, sizes, want)
    return "right"


def compare_vech(f, w, given, sizes, ambient):
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

    want = np.asarray(jax.jacfwd(stacked)(theta))
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
        assert len(str(reason)) > 40
        return "refused"
    direction = Symbol("V", (w.rows, w.cols), ())
    given = judge.draw(f, seed, sizes, extra=[w, w2, direction])
    want = hessian_by_jax(f, given, w.name, w2.name, sizes)
    if not tame(want):
        return "dull"
    got = numbers(stacked, given, sizes)
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


@pytest.mark.parametrize("batch", range(4))
def test_random_hessians_agree_with_jax(batch):
    found = [check_hessian(seed) for seed in range(BATCH * batch, BATCH * (batch + 1))]
    assert found.count("right") >= BATCH // 4


@pytest.mark.slow
@pytest.mark.parametrize("check", [check_jacobian, check_hessian])
@pytest.mark.parametrize("fifty", range(10))
def test_many(check, fifty):
    found = [check(seed) for seed in range(10_000 + 50 * fifty, 10_050 + 50 * fifty)]
    assert found.count("right") >= 12
