"""Complex variables: soundness, Wirtinger derivatives and gradients against JAX, code, text."""

import random

import jax
import jax.numpy as jnp
import judge  # noqa: F401 - sets JAX to double precision
import numpy as np
import pytest
import sympy as sp
from katex_check import rejected
from numpy.testing import assert_allclose

import matcalc as mc

DECLARED = (
    "A[m,n](complex) x[n](complex) y[n](complex) b[m](complex) X[m,n](complex) C[n,n](complex) P[n,n](hermitian) "
    "Q[n,n](psd,complex) S[n,n](complex,symmetric) c(complex) r[n] R[m,n] s"
)
NAMED = {e.name: e for e in mc.symbols(DECLARED)}
A, x, y, b, X, C, P, Q, S, c, r, R, s = NAMED.values()
SIZES = {"m": 3, "n": 4}


def draw(seed, m=3, n=4):
    rng = np.random.default_rng(seed)
    size = {"m": m, "n": n}
    out = {}
    for e in NAMED.values():
        shape = [size[str(d)] for d in e.shape]
        z = rng.normal(size=shape) + (1j * rng.normal(size=shape) if e.is_complex else 0)
        out[e.name] = z
    out["P"] = out["P"] + out["P"].conj().T
    out["Q"] = out["Q"] @ out["Q"].conj().T + np.eye(n)
    out["S"] = out["S"] + out["S"].T
    return out


def run(e, given, m=3, n=4):
    call = mc.compile(e)
    pool = {**given, "m": m, "n": n}
    return np.asarray(call(**{k: pool[k] for k in call.names}))


# ------------------------------------------------------------------ random functions, with the same in JAX
ENTRYWISE = {"exp": jnp.exp, "sin": jnp.sin, "tanh": jnp.tanh, "conj": jnp.conj, "real": jnp.real, "imag": jnp.imag}


def vector(rng, depth):
    """A random complex vector of length n, as an expression and as a function of the values."""
    if depth == 0:
        name = rng.choice(["x", "x", "y", "r"])
        return NAMED[name], lambda v: v[name]
    kind = rng.choice(["C", "hermitian", "gram", "entry", "sum", "times", "scale", "unit", "over"])
    e, f = vector(rng, depth - 1)
    if kind == "C":
        return C @ e, lambda v: v["C"] @ f(v)
    if kind == "hermitian":
        return P @ e, lambda v: v["P"] @ f(v)
    if kind == "gram":
        return A.H @ (A @ e), lambda v: v["A"].conj().T @ (v["A"] @ f(v))
    if kind == "entry":
        name = rng.choice(sorted(ENTRYWISE))
        return getattr(mc, name)(0.2 * e), lambda v: ENTRYWISE[name](0.2 * f(v))
    g, h = vector(rng, depth - 1)
    if kind == "sum":
        return e - g, lambda v: f(v) - h(v)
    if kind == "times":
        return mc.multiply(e, g), lambda v: f(v) * h(v)
    if kind == "scale":
        return c * e, lambda v: v["c"] * f(v)
    if kind == "unit":
        return 1j * e + g, lambda v: 1j * f(v) + h(v)
    return e / (1 + mc.norm2(g) ** 2), lambda v: f(v) / (1 + jnp.sum(jnp.abs(h(v)) ** 2))


def scalar(rng, depth):
    """A random complex scalar."""
    e, f = vector(rng, depth)
    g, h = vector(rng, depth - 1)
    return rng.choice([
        (e.T @ g, lambda v: f(v) @ h(v)),
        (e.H @ g, lambda v: jnp.conj(f(v)) @ h(v)),
        (mc.sum(e), lambda v: jnp.sum(f(v))),
        (mc.tr(mc.outer(e, g) @ C), lambda v: h(v) @ v["C"] @ f(v)),
    ])  # fmt: skip


def real_scalar(rng, depth):
    """A random real function."""
    e, f = vector(rng, depth)
    g, h = scalar(rng, depth)
    return rng.choice([
        (mc.norm2(e), lambda v: jnp.sqrt(jnp.sum(jnp.abs(f(v)) ** 2))),
        (mc.norm2(e) ** 2, lambda v: jnp.sum(jnp.abs(f(v)) ** 2)),
        (mc.norm1(e), lambda v: jnp.sum(jnp.abs(f(v)))),
        (mc.sum(abs(e)), lambda v: jnp.sum(jnp.abs(f(v)))),
        (e.H @ e, lambda v: jnp.real(jnp.vdot(f(v), f(v)))),
        (mc.real(g), lambda v: jnp.real(h(v))),
        (mc.imag(g), lambda v: jnp.imag(h(v))),
        (abs(g) ** 2, lambda v: jnp.abs(h(v)) ** 2),
        (mc.real(g) / (1 + mc.norm2(x) ** 2), lambda v: jnp.real(h(v)) / (1 + jnp.sum(jnp.abs(v["x"]) ** 2))),
        (e.H @ P @ e, lambda v: jnp.real(jnp.vdot(f(v), v["P"] @ f(v)))),
    ])  # fmt: skip


def close(got, want, what):
    scale = max(1.0, float(np.max(np.abs(want))))
    if np.all(np.isfinite(want)) and scale < 1e6:
        assert_allclose(got, want, rtol=1e-6, atol=1e-7 * scale, err_msg=what)


@pytest.mark.parametrize("seed", range(60))
def test_gradients_of_random_real_functions_agree_with_jax(seed):
    rng = random.Random(seed)
    e, f = real_scalar(rng, 1 + seed % 2)
    size = {"m": 1, "n": 1} if seed % 7 == 6 else SIZES
    given = draw(seed, **size)
    for name in ("x", "C", "r", "c"):
        if NAMED[name] in e.symbols:
            want = np.asarray(jax.grad(lambda v, name=name: f({**given, name: v}))(jnp.asarray(given[name])))
            try:
                g = mc.grad(e, name)
            except mc.OperandError:  # not every real function is shown to be real
                g = mc.grad(mc.real(e), name)
            close(run(g, given, **size).reshape(want.shape), want.conj(), f"{e} by {name}: {g}")  # JAX gives the conjugate


@pytest.mark.parametrize("seed", range(40))
def test_wirtinger_derivatives_of_random_functions_agree_with_jax(seed):
    rng = random.Random(f"wirtinger {seed}")
    e, f = scalar(rng, 1 + seed % 2)
    given = draw(seed)
    if x not in e.symbols:
        return
    along = [jax.jacfwd(lambda t, unit=unit: f({**given, "x": given["x"] + unit * t}))(jnp.zeros(4)) for unit in (1, 1j)]
    pair = mc.wirtinger(e, x)
    for got, sign in zip(pair, (-1j, 1j), strict=True):
        close(run(got, given), np.asarray(along[0] + sign * along[1]) / 2, f"{e}: {got}")


def test_wirtinger_of_an_array_has_the_axes_of_both():
    F = mc.multiply(mc.conj(X), A)
    by_z, by_conj = mc.wirtinger(F, X)
    given = draw(3)
    assert not np.any(run(by_z, given))
    want = np.einsum("ij,ik,jl->ijkl", given["A"], np.eye(3), np.eye(4))
    assert_allclose(run(by_conj, given), want)


# ------------------------------------------------------------------ short forms
@pytest.mark.parametrize(
    ("f", "wrt", "gradient"),
    [
        ("norm2(A*x - b)^2", "x", "2*A^H*(A*x - b)"),
        ("norm2(A*x - b)", "x", "A^H*(A*x - b)/norm2(A*x - b)"),
        ("tr(X*X^H)", "X", "2*X"),
        ("normf(X)^2", "X", "2*X"),
        ("x^H*P*x", "x", "2*P*x"),
        ("x^H*Q*x", "x", "2*Q*x"),
        ("x^H*P*x", "P", "x*x^H"),
        ("logdet(P)", "P", "inv(P)"),
        ("logdet(X^H*X)", "X", "2*X*inv(X^H*X)"),
        ("abs(c)", "c", "c/abs(c)"),
        ("real(b^H*A*x)", "A", "b*x^H"),
        ("imag(tr(X^H*A))", "X", "-1i*A"),
        ("norm2(A*r - b)^2", "r", "2*real(A^H*(A*r - b))"),
        ("norm2(x)", "x", "x/norm2(x)"),
    ],
)
def test_gradients_are_as_short_as_a_person_writes(f, wrt, gradient):
    e = mc.parse(f, DECLARED)
    assert str(mc.grad(e, wrt)) == gradient
    assert mc.check(e, wrt)


def test_projected_gradient_by_a_hermitian_matrix():
    assert str(mc.grad(mc.real(mc.tr(C @ P)), P, structure="projected")) == "(C + C^H)/2"
    with pytest.raises(mc.UnsupportedError, match="hermitian"):
        mc.grad(mc.real(mc.tr(C @ P)), P, structure="independent")


@pytest.mark.parametrize(
    ("e", "simple"),
    [
        (mc.conj(R), "R"),
        (mc.real(R), "R"),
        (mc.imag(R), "zeros(m,n)"),
        (mc.conj(mc.conj(A)), "A"),
        (P.H, "P"),
        (Q.H, "Q"),
        (S.T, "S"),
        ((A @ x).H, "(A*x)^H"),
        (mc.conj(mc.exp(mc.conj(x))), "exp(x)"),
        (mc.conj(1j * r), "-1i*r"),
        (mc.real(mc.conj(x)), "real(x)"),
        (mc.imag(mc.conj(x)), "-imag(x)"),
        (abs(mc.conj(x)), "abs(x)"),
        (x + mc.conj(x), "2*real(x)"),
    ],
)
def test_conjugates_simplify(e, simple):
    given = draw(1)
    short = mc.simplify(e)
    assert str(short) == simple
    assert_allclose(run(short, given), run(e, given), atol=1e-12)


# ------------------------------------------------------------------ soundness
@pytest.mark.parametrize(
    "e",
    [
        mc.sqrt(c**2), mc.log(mc.exp(3 * c)), mc.sqrt(x.T @ x), mc.sqrt(mc.tr(X.T @ X)), mc.sqrt(mc.tr(X @ X.T)),
        abs(c**2), mc.sum(mc.sqrt(mc.power(x, 2))), mc.norm1(mc.power(x, 2)), mc.pinv(A) @ A @ x, (A @ mc.pinv(A)).T @ b,
        mc.inv(X.T @ X) @ X.T @ b, mc.sqrt(x.T @ x) ** 2, mc.norm2(c * x), mc.norm2(x) ** 2 + c, x.T @ P @ y, P.T @ x, Q.T @ x,
        mc.normf(X.T), mc.sqrt(c**4), mc.power(c**2, sp.Rational(3, 2)), x.H @ C.T @ y, mc.logdet(1j * Q),
    ],
)  # fmt: skip
def test_simplifying_keeps_the_value(e):
    for seed in range(3):
        given = draw(seed, 4 if "inv(" in str(e) else 3, 3 if "inv(" in str(e) else 4)
        size = {"m": len(given["b"]), "n": len(given["x"])}
        assert_allclose(
            run(mc.simplify(e), given, **size), run(e, given, **size), rtol=1e-9, atol=1e-9, err_msg=str(mc.simplify(e))
        )


def test_signs_are_for_real_numbers():
    assert (x.T @ x).sign == 0
    assert mc.power(x, 2).sign == 0
    assert mc.exp(x).sign == 0
    assert mc.norm2(x).sign == 1
    assert abs(x).sign == 1
    assert not Q.symmetric
    assert S.symmetric


@pytest.mark.parametrize("name", ["relu", "sign", "step", "erf", "gamma", "lgamma"])
def test_what_is_not_holomorphic_is_refused_by_name(name):
    f = mc.sum(getattr(mc, name)(x))
    with pytest.raises(mc.MatcalcError, match=name):
        mc.wirtinger(f, x)
    with pytest.raises(mc.MatcalcError):
        mc.grad(mc.real(f), x)


@pytest.mark.parametrize(
    "f", [mc.nuclear(X), mc.spectral(X), mc.eigmax(P), mc.sum(abs(mc.pinv(A))), mc.norminf(x), mc.function("L")(x)]
)
def test_functions_of_singular_values_are_refused(f):
    for w in f.symbols:
        with pytest.raises(mc.MatcalcError):
            mc.grad(f, w)


def test_a_complex_function_has_no_gradient():
    with pytest.raises(mc.OperandError, match=r"real\(f\)"):
        mc.grad(x.T @ x, x)


@pytest.mark.parametrize("verb", [mc.jacobian, mc.differential, lambda f, w: mc.jvp(f, w, x), lambda f, w: mc.vjp(f, w, "G")])
def test_other_verbs_refuse_what_is_not_holomorphic(verb):
    with pytest.raises(mc.NotDifferentiableError, match=r"mc\.wirtinger"):
        verb(mc.conj(A @ x), x)


def test_holomorphic_jacobians_and_hessians():
    assert str(mc.jacobian(A @ x, x)) == "A"
    assert str(mc.hessian(x.T @ C @ x, x)) == "C + C'"
    assert str(mc.vjp(A @ x, x, b)) == "A'*b"
    assert str(mc.jvp(mc.exp(x), x, y)) == "y.*exp(x)"
    with pytest.raises(mc.NotDifferentiableError, match="wirtinger"):
        mc.hessian(x.H @ P @ x, x)


@pytest.mark.parametrize(
    ("f", "wrt"),
    [("norm2(A*x - b)^2", "x"), ("norm2(A*x - b)^2", "r"), ("norm2(A*r - b)^2", "r"), ("x^H*P*x", "x"), ("tr(X*X^H)", "X"),
     ("abs(y'*x)^2", "x"), ("abs(y^H*x)^2", "x"), ("real(tr(A*X'))", "X"), ("imag(tr(X^H*A))", "X"), ("norm2(x)", "x"),
     ("x^H*P*x", "P"), ("logdet(P)", "P"), ("logdet(X^H*X)", "X"), ("abs(c)", "c"), ("real(sum(exp(C*x)))", "x")],
)  # fmt: skip
def test_derivations(f, wrt):
    e = mc.parse(f, DECLARED)
    d = mc.derive(e, NAMED[wrt])
    assert d.result is mc.grad(e, NAMED[wrt])
    report = d.check(trials=1)
    assert report.passed, f"{report.message}\n{d}"
    assert rejected([d.to_latex()]) == []


@pytest.mark.parametrize("options", [{"kind": "vjp"}, {"kind": "hessian"}, {"structure": "projected"}])
def test_other_derivations_of_complex_functions_are_refused(options):
    with pytest.raises(mc.UnsupportedError, match="complex"):
        mc.derive(mc.norm2(x) ** 2, x, **options)


def test_a_wrong_gradient_is_found_out():
    assert not mc.check(x.H @ P @ x, x, P @ x)
    assert not mc.check(x.H @ P @ x, x, 2 * mc.conj(P @ x))


@pytest.mark.parametrize("facts", ["complex,positive", "hermitian,orthogonal", "complex,simplex"])
def test_facts_for_real_symbols(facts):
    with pytest.raises(mc.UnsupportedError, match="real"):
        mc.symbols(f"Z[n,n]({facts})")


# ------------------------------------------------------------------ text and code
@pytest.mark.parametrize(
    "text", ["A^H*b", "(A^H)'", "A'^H", "(P^H)^2", "1i*x", "conj(A)*x", "2*1i*c", "real(x) - imag(x)", "(A*x)^H"]
)
def test_text_round_trips(text):
    e = mc.parse(text, DECLARED)
    assert str(e) == text
    assert mc.parse(str(e), e.symbols) is e


def test_a_declared_h_is_a_name():
    H = mc.matrix("H", 3, 3)
    Z = mc.symbols("Z[3,3](complex)")
    e = Z.H @ H
    assert str(e) == "conj(Z)'*H"
    assert mc.parse(str(e), e.symbols) is e


def test_latex():
    assert mc.latex(A.H @ mc.conj(b)) == r"A^{\mathsf{H}} \overline{b}"


def test_compiled_functions_take_complex_arrays_where_symbols_are_complex():
    f = mc.compile(A.H @ b, [A, b])
    assert "np.conj(A).T @ b" in f.source
    given = draw(0)
    assert_allclose(f(given["A"], given["b"]), given["A"].conj().T @ given["b"])
    assert f(given["A"].real, given["b"].real).dtype == np.complex128
    assert f(given["A"].astype(np.complex64), given["b"].astype(np.complex64)).dtype == np.complex64
    with pytest.raises(mc.OperandError, match="real"):
        mc.compile(2 * r)(given["x"])
    assert mc.compile(mc.norm2(x))(given["x"]).dtype == np.float64
    assert mc.compile(abs(x))(given["x"]).dtype == np.float64


def test_code_refuses_what_is_for_real_arrays():
    with pytest.raises(mc.UnsupportedError, match="eigmax"):
        mc.compile(mc.eigmax(P))


def test_complex_numbers_mix_in():
    assert str(mc.simplify(1j * 1j * c)) == "-c"
    assert_allclose(run((1 + 2j) * x, draw(0)), (1 + 2j) * draw(0)["x"])


@pytest.mark.parametrize(
    ("text", "side"), [("tr(X*A)", 0), ("sum(exp(A*X))", 0), ("tr(A*conj(X))", 1), ("sum(sin(conj(X)))", 1)]
)
def test_derivations_of_functions_that_are_not_real(text, side):
    """Their derivative by the variable, or by its conjugate, whichever they depend on."""
    f = mc.parse(text, "X[m,n](complex) A[n,m](complex)")
    d = mc.derive(f, "X")
    assert d.result is mc.wirtinger(f, "X")[side]
    assert "not a gradient" in str(d)
    assert d.check().passed
    with pytest.raises(mc.NotDifferentiableError, match="depends on conj"):
        mc.derive(f * mc.conj(f) * f, "X")


# ------------------------------------------------------------------ operators that move entries, and linear ones
I3 = 3 * mc.eye(C.rows)
u, v = mc.symbols("u[3](complex) v[3](complex)")
M = mc.matrix("M", 4, 3, complex=True)


@pytest.mark.parametrize(("e", "w"), [
    (mc.hstack(A, X), A), (mc.vstack(A, X), X), (mc.block([[C, S], [S, C]]), C), (M[1:3, :], M), (u[0:2], u),
    (mc.khatrirao(A, X), A), (mc.tril(C), C), (mc.triu(C), C), (mc.halftril(C), C), (mc.cumsum(x), x),
    (mc.cumsum(A, axis=1), A), (mc.revcumsum(A, axis=0), A), (mc.diagsums(C), C), (mc.diagmeans(C), C),
    (mc.cross(u, v), v), (mc.crossm(u), u), (mc.sylvester(C + I3, C + I3, S), C), (mc.prod(x) * mc.ones(2), x),
    (mc.axial(M[0:3, :]), M),
], ids=str)  # fmt: skip
def test_derivatives_of_linear_operators_of_complex_arrays(e, w):
    """Of a real function that is not holomorphic, along a random direction."""
    f = mc.normf(e) ** 2 + mc.real(mc.sum(mc.multiply(e, e)))
    rng = np.random.default_rng(5)
    given = draw(5) | {a.name: rng.normal(size=a.shape) + 1j * rng.normal(size=a.shape) for a in (u, v, M)}
    d = rng.normal(size=given[w.name].shape) + 1j * rng.normal(size=given[w.name].shape)
    moved = [float(run(f, {**given, w.name: given[w.name] + step * d})) for step in (1e-6, -1e-6)]
    change = (moved[0] - moved[1]) / 2e-6
    tolerance = 1e-6 * max(1, abs(change), abs(moved[0]))
    assert np.sum(run(mc.grad(f, w), given).conj() * d).real == pytest.approx(change, abs=tolerance)
    by_w, by_conj = mc.wirtinger(f, w)
    both = np.sum(run(by_w, given) * d) + np.sum(run(by_conj, given) * d.conj())
    assert both == pytest.approx(change, abs=tolerance)


@pytest.mark.parametrize("text", ["(2+1i)*x'*x", "conj(z)'*x + x'*x", "exp(1i*x'*z)", "1i*x'*A*x"])
def test_the_derivation_of_a_complex_function_of_a_real_variable_holds_line_by_line(text):
    f = mc.parse(text, "x[n] z[n](complex) A[n,n](complex)")
    derivation = mc.derive(f, "x")
    assert derivation.check().passed
    assert derivation.result == mc.grad(f, "x")
    assert "this is its complex derivative, not a gradient" in str(derivation)
