"""scipy_problem: values, gradients and Hessians of one vector, and optimisers that find known solutions with them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, stats

import matcalc as mc
from matcalc.errors import OperandError, ShapeError, UnsupportedError

RNG = np.random.default_rng()
GRADIENT = ["BFGS", "L-BFGS-B", "CG"]
HESSIAN = ["Newton-CG", "trust-ncg", "trust-exact", "trust-krylov", "trust-constr", "dogleg"]
PRODUCT = ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"]


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order():
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def minimum(problem, x0, method, product=False):
    """What a method finds with the derivatives that it asks for."""
    options = {"xtol": 1e-12} if method == "Newton-CG" else {"gtol": 1e-9}
    options |= {"ftol": 1e-15} if method == "L-BFGS-B" else {}
    kwargs = {"hessp": problem.hessp} if product else {"hess": problem.hess} if method in HESSIAN else {}
    return optimize.minimize(problem.fun, x0, jac=problem.jac, method=method, options=options, **kwargs)


def agrees_with_differences(problem, x, rtol=2e-5):
    """The gradient, Hessian and products against differences of the function that scipy is given."""
    g, H = problem.jac(x), problem.hess(x)
    assert g.shape == (problem.size,)
    assert H.shape == (problem.size, problem.size)
    scale = 1 + np.abs(g).max()
    assert optimize.check_grad(problem.fun, problem.jac, x) <= rtol * scale * np.sqrt(x.size)
    step = 1e-6
    columns = [(problem.jac(x + step * e) - problem.jac(x - step * e)) / (2 * step) for e in np.eye(x.size)]
    assert_allclose(H, np.array(columns).T, atol=1e-6 * (1 + np.abs(H).max()))
    assert_allclose(H, H.T, atol=1e-10 * (1 + np.abs(H).max()))
    for p in RNG.standard_normal((2, x.size)):
        assert_allclose(problem.hessp(x, p), H @ p, rtol=1e-9, atol=1e-9 * (1 + np.abs(H).max()))
    value, gradient = problem.fun_and_jac(x)
    assert isinstance(value, float)
    assert value == pytest.approx(problem.fun(x), rel=1e-12)
    assert_allclose(gradient, g, rtol=1e-10, atol=1e-12 * scale)


# -------------------------------------------------------------------- problems
def least_squares():
    A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    a, t = RNG.standard_normal((9, 4)), RNG.standard_normal(9)
    return mc.scipy_problem(mc.norm2(A @ x - b) ** 2, x, {"A": a, "b": t}), np.linalg.lstsq(a, t)[0]


def logistic():
    X, w, y, c, lam = mc.symbols("X[n,d] w[d] y[n] c lam")
    f = mc.sum(mc.softplus(-mc.multiply(y, X @ w + c))) + lam / 2 * mc.norm2(w) ** 2
    data = RNG.standard_normal((40, 3))
    labels = np.where(data @ [1.0, -2.0, 0.5] + 0.3 + RNG.standard_normal(40) > 0, 1.0, -1.0)
    return mc.scipy_problem(f, [w, c], {"X": data, "y": labels, "lam": 0.5}), data, labels


def test_least_squares_in_every_method():
    problem, solution = least_squares()
    agrees_with_differences(problem, RNG.standard_normal(4))
    for method in GRADIENT + HESSIAN:
        assert_allclose(minimum(problem, np.zeros(4), method).x, solution, atol=1e-5, err_msg=method)


@pytest.mark.parametrize("method", GRADIENT + HESSIAN)
def test_logistic_regression(method):
    problem, data, labels = logistic()
    found = minimum(problem, np.zeros(4), method).x
    w, c = problem.unravel(found)
    p = 1 / (1 + np.exp(labels * (data @ w + c)))
    assert_allclose(data.T @ (labels * p), 0.5 * w, atol=1e-5)  # where the gradient is zero
    assert_allclose(labels @ p, 0, atol=1e-5)
    if method in PRODUCT:
        assert_allclose(minimum(problem, np.zeros(4), method, product=True).x, found, atol=1e-5)


def test_logistic_derivatives():
    problem = logistic()[0]
    assert (problem.names, problem.shapes, problem.size) == (("w", "c"), {"w": (3,), "c": ()}, 4)
    agrees_with_differences(problem, RNG.standard_normal(4))
    both = optimize.minimize(problem.fun_and_jac, np.zeros(4), jac=True, method="BFGS", options={"gtol": 1e-9})
    assert_allclose(both.x, minimum(problem, np.zeros(4), "trust-exact").x, atol=1e-6)


def softmax_regression():
    X, W, c, Y, lam = mc.symbols("X[n,d] W[d,k] c[k] Y[n,k] lam")
    scores = X @ W + c.T
    f = mc.sum(mc.logsumexp(scores, 1)) - mc.sum(mc.multiply(Y, scores)) + lam / 2 * (mc.normf(W) ** 2 + mc.norm2(c) ** 2)
    data = RNG.standard_normal((30, 2))
    classes = np.argmax(data @ RNG.standard_normal((2, 3)) + 0.3 * RNG.standard_normal((30, 3)), axis=1)
    return (
        mc.scipy_problem(f, {"weights": W, "bias": c}, {"X": data, "Y": np.eye(3)[classes], "lam": 0.1}),
        data,
        np.eye(3)[classes],
    )


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "Newton-CG", "trust-ncg", "trust-exact", "trust-constr"])
def test_softmax_regression(method):
    problem, data, onehot = softmax_regression()
    agrees_with_differences(problem, RNG.standard_normal(9))
    found = problem.unravel(minimum(problem, np.zeros(9), method).x)
    assert list(found) == ["weights", "bias"]
    scores = data @ found["weights"] + found["bias"]
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    assert_allclose(data.T @ (onehot - p), 0.1 * found["weights"], atol=1e-4)
    assert_allclose((onehot - p).sum(0), 0.1 * found["bias"], atol=1e-4)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "Newton-CG", "trust-ncg", "trust-exact", "trust-constr"])
def test_matrix_factorisation_finds_the_truncated_svd(method):
    U, V, Y = mc.symbols("U[m,k] V[n,k] Y[m,n]")
    y = RNG.standard_normal((6, 5))
    problem = mc.scipy_problem(mc.normf(U @ V.T - Y) ** 2 / 2, [U, V], {"Y": y, "k": 2})
    agrees_with_differences(problem, RNG.standard_normal(22))
    left, s, right = np.linalg.svd(y)
    best = left[:, :2] * s[:2] @ right[:2]
    start = problem.ravel(left[:, :2] + 0.1, right[:2].T)
    found = minimum(problem, start, method)
    assert found.fun == pytest.approx((s[2:] ** 2).sum() / 2, rel=1e-6)
    u, v = problem.unravel(found.x)
    assert_allclose(u @ v.T, best, atol=1e-3)


def test_the_size_that_the_data_does_not_show_is_read_off_the_vector():
    U, V, Y = mc.symbols("U[m,k] V[n,k] Y[m,n]")
    problem = mc.scipy_problem(mc.normf(U @ V.T - Y) ** 2, [U, V], {"Y": np.ones((4, 3))})
    u, v = problem.unravel(np.arange(14.0))
    assert_allclose(u, np.arange(8.0).reshape(4, 2))
    assert_allclose(v, np.arange(8.0, 14.0).reshape(3, 2))
    assert problem.unravel(np.zeros(21))[0].shape == (4, 3)
    with pytest.raises(ShapeError, match=r"x has 15 entries, but no size k makes that of U \(m, k\), V \(n, k\)"):
        problem.fun(np.zeros(15))
    with pytest.raises(OperandError, match=r"the data does not show the size k: add 'k': \.\.\. to data"):
        _ = problem.size
    n = mc.dims("n")
    x = mc.vector("x", n)
    rosenbrock = 100 * mc.norm2(x[1:] - mc.power(x[: n - 1], 2)) ** 2 + mc.norm2(1 - x[: n - 1]) ** 2
    p = mc.scipy_problem(rosenbrock, x)
    for size in (2, 7):
        point = RNG.standard_normal(size)
        assert p.fun(point) == pytest.approx(optimize.rosen(point))
        assert_allclose(p.jac(point), optimize.rosen_der(point))
        assert_allclose(p.hess(point), optimize.rosen_hess(point), atol=1e-9)
        assert_allclose(p.hessp(point, point), optimize.rosen_hess_prod(point, point), atol=1e-9)
        assert_allclose(minimum(p, np.zeros(size), "Newton-CG").x, np.ones(size), atol=1e-5)


def test_gaussian_likelihood_by_mean_and_precision():
    X, mu, P = mc.symbols("X[n,d] mu[d] P[d,d](psd)")
    n = mc.dims("n")
    R = X - mu.T
    f = mc.tr(R @ P @ R.T) / n - mc.logdet(P)
    data = RNG.multivariate_normal([1.0, -1.0, 0.0], [[2.0, 0.5, 0], [0.5, 1.0, 0.2], [0, 0.2, 0.7]], 200)
    mean, covariance = data.mean(0), np.cov(data.T, bias=True)
    for structure, size in (("projected", 12), ("independent", 9)):
        problem = mc.scipy_problem(f, [mu, P], {X: data}, structure=structure)
        assert problem.size == size
        start = problem.ravel(mu=0.0, P=np.eye(3))
        agrees_with_differences(problem, start + 0.05 * RNG.standard_normal(size))
        for method in ("BFGS", "trust-exact", "L-BFGS-B", "Newton-CG"):
            m, p = problem.unravel(minimum(problem, start, method).x)
            assert_allclose(m, mean, atol=1e-4)
            assert_allclose(np.linalg.inv(p), covariance, atol=1e-3)
    loglik = stats.multivariate_normal(mean, covariance).logpdf(data).mean()
    assert problem.fun(problem.ravel([mean, np.linalg.inv(covariance)])) == pytest.approx(-2 * loglik - 3 * np.log(2 * np.pi))


def test_gaussian_process_hyperparameters():
    K, D, y = mc.symbols("K[n,n] D[n,n](symmetric) y[n]")
    scale, length, noise = (mc.scalar(s, positive=True) for s in ("s", "l", "t"))
    K = scale * mc.exp(-D / (2 * length**2)) + noise * mc.eye(mc.dims("n"))
    f = (y.T @ mc.inv(K) @ y + mc.logdet(K)) / 2
    t = np.linspace(0, 4, 25)
    squared = (t[:, None] - t) ** 2
    true = 2.0 * np.exp(-squared / (2 * 0.7**2)) + 0.1 * np.eye(25)
    sample = np.linalg.cholesky(true) @ RNG.standard_normal(25)
    problem = mc.scipy_problem(f, [scale, length, noise], {"D": squared, "y": sample})
    agrees_with_differences(problem, np.array([1.5, 0.8, 0.3]))

    def by_hand(v):
        k = v[0] * np.exp(-squared / (2 * v[1] ** 2)) + v[2] * np.eye(25)
        return -stats.multivariate_normal(np.zeros(25), k).logpdf(sample) - 12.5 * np.log(2 * np.pi)

    assert problem.fun([1.5, 0.8, 0.3]) == pytest.approx(by_hand([1.5, 0.8, 0.3]))
    assert problem.bounds == [(np.finfo(float).eps, None)] * 3
    assert problem.fun([1.0, -1.0, 1.0]) == np.inf
    found = optimize.minimize(problem.fun_and_jac, [1.0, 1.0, 0.5], jac=True, method="L-BFGS-B", bounds=[(1e-3, None)] * 3)
    reference = optimize.minimize(by_hand, [1.0, 1.0, 0.5], method="Nelder-Mead", bounds=[(1e-3, None)] * 3)
    assert found.fun == pytest.approx(reference.fun, abs=1e-4)
    assert_allclose(found.x, reference.x, rtol=1e-2)


# -------------------------------------------------------------------- ravelling
def test_ravelling_is_in_c_order_and_back():
    U, r, c, T = mc.matrix("U", 2, 3), mc.matrix("r", 1, 4), mc.scalar("c"), mc.tensor("T", 2, 2, 2)
    f = mc.normf(U) ** 2 + mc.sum(mc.exp(r)) + c**3 + mc.sum(T) ** 2
    arrays = [np.arange(6.0).reshape(2, 3), np.arange(4.0).reshape(1, 4), 9.0, np.arange(8.0).reshape(2, 2, 2)]
    problem = mc.scipy_problem(f, [U, r, "c", T])
    x = np.concatenate([np.ravel(a) for a in arrays])
    for given in (
        problem.ravel(*arrays),
        problem.ravel(arrays),
        problem.ravel(dict(zip("UrcT", arrays, strict=True))),
        problem.ravel({U: arrays[0], r: arrays[1], c: 9, T: arrays[3].tolist()}),
        problem.ravel(arrays[0], arrays[1][0], T=arrays[3], c=[9]),
    ):
        assert_allclose(given, x)
    back = problem.unravel(x)
    assert isinstance(back, list)
    assert isinstance(back[2], float)
    for a, b in zip(arrays, back, strict=True):
        assert_allclose(a, b)
        assert np.shape(a) == np.shape(b)
    assert_allclose(problem.jac(x), np.concatenate([2 * x[:6], np.exp(x[6:10]), [243], np.full(8, 56.0)]))
    agrees_with_differences(problem, 0.3 * x)
    one = mc.scipy_problem(f, U, {"r": arrays[1], "c": 1, "T": arrays[3]})
    assert one.unravel(x[:6]).shape == (2, 3)
    assert_allclose(one.ravel(arrays[0]), x[:6])
    assert_allclose(one.ravel(2), np.full(6, 2.0))
    back = one.unravel(x[:6])
    back[0, 0] = 100
    assert x[0] == 0
    assert isinstance(mc.scipy_problem(f, (U, c), {"r": arrays[1], "T": arrays[3]}).unravel(np.ones(7)), tuple)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_one_entry_wide(size):
    X, w, y = mc.symbols("X[n,d] w[d] y[n]")
    f = mc.sum(mc.exp(X @ w)) + mc.norm2(X @ w - y) ** 2
    problem = mc.scipy_problem(f, [w], {"X": RNG.standard_normal((size, 1)), "y": RNG.standard_normal(size)})
    agrees_with_differences(problem, np.array([0.3]))


STRUCTURED = {
    "symmetric": 6, "skew": 3, "diagonal": 3, "lower_triangular": 6, "toeplitz": 5, "zero_diagonal": 6, "psd": 6,
    "symmetric toeplitz": 3, "symmetric zero_diagonal": 3,
}  # fmt: skip


@pytest.mark.parametrize("facts", STRUCTURED)
def test_structured_variables(facts):
    """Free entries alone vary, or all entries do; both derivatives are those of the function that is given."""
    n = 3
    S = mc.matrix("S", n, n, **dict.fromkeys(facts.split(), True))
    B, x = mc.symbols("B[3,3] x[3]")
    f = mc.tr(B @ S @ B @ S) + mc.sum(mc.exp(S @ x)) + mc.tr(B @ S)
    data = {"B": RNG.standard_normal((n, n)), "x": RNG.standard_normal(n)}
    free = mc.scipy_problem(f, [S, x], {"B": data["B"]}, structure="independent")
    assert free.size == STRUCTURED[facts] + n
    v = RNG.standard_normal(free.size)
    if facts == "psd":
        v[:6] = [2, 0.1, 3, 0.2, -0.3, 1.5]
    agrees_with_differences(free, v)
    array, rest = free.unravel(v)
    assert_allclose(free.ravel(array, v[-n:]), v)
    for fact, same in (("symmetric", array.T), ("psd", array.T), ("skew", -array.T), ("lower_triangular", np.tril(array))):
        if fact in facts.split():
            assert_allclose(array, same)
    if facts == "symmetric":
        assert_allclose(array[np.tril_indices(n)], v[:6])
    with pytest.raises(OperandError, match="the array given for S is not"):
        free.ravel(np.arange(9.0).reshape(3, 3) + 1 + np.eye(3) * [1, 5, 2], np.zeros(3))
    every = mc.scipy_problem(f, [S, x], {"B": data["B"]})
    assert every.size == 12
    full = every.ravel(array, rest)
    assert_allclose(full, np.r_[array.ravel(), rest])
    agrees_with_differences(every, full + np.r_[0.1 * RNG.standard_normal(9), np.zeros(n)])
    assert every.fun(full) == pytest.approx(free.fun(v))
    projected, _ = every.unravel(every.jac(full))
    assert_allclose(every.jac(full)[:9], projected.ravel())  # the gradient has the structure
    step = RNG.standard_normal(free.size)
    directions = every.ravel(*free.unravel(step))
    assert every.jac(full) @ directions == pytest.approx(free.jac(v) @ step)  # and the same slopes
    ambient = mc.scipy_problem(f, [S, x], {"B": data["B"]}, structure="ambient")
    agrees_with_differences(ambient, 0.5 * RNG.standard_normal(12))


def test_structures_of_one_entry():
    S = mc.matrix("S", mc.dims("n"), mc.dims("n"), skew=True)
    problem = mc.scipy_problem(mc.tr(S) + mc.scalar("c") ** 2, [S, "c"], {"n": 1}, structure="independent")
    assert problem.size == 1
    assert_allclose(problem.jac([3.0]), [6.0])
    assert_allclose(problem.hess([3.0]), [[2.0]])
    assert_allclose(problem.unravel([3.0])[0], [[0.0]])
    assert_allclose(problem.ravel([[0.0]], 3.0), [3.0])


def test_a_symmetric_minimum_is_found_among_symmetric_matrices():
    S = mc.matrix("S", 4, 4, symmetric=True)
    target = RNG.standard_normal((4, 4))
    f = mc.normf(S - mc.symbols("T[4,4]")) ** 2
    problem = mc.scipy_problem(f, S, {"T": target}, structure="independent")
    assert_allclose(problem.unravel(minimum(problem, np.zeros(10), "BFGS").x), (target + target.T) / 2, atol=1e-6)
    every = mc.scipy_problem(f, S, {"T": target})
    assert_allclose(every.unravel(minimum(every, np.zeros(16), "BFGS").x), (target + target.T) / 2, atol=1e-6)
    free = mc.scipy_problem(f, S, {"T": target}, structure="ambient")
    assert_allclose(free.unravel(minimum(free, np.zeros(16), "BFGS").x), target, atol=1e-6)


def test_outside_the_domain_the_value_is_infinite():
    P, C = mc.symbols("P[n,n](psd) C[n,n]")
    problem = mc.scipy_problem(mc.tr(mc.inv(P) @ C), P, {"C": np.eye(2)})
    singular = np.ones(4)
    assert problem.fun(singular) == np.inf
    assert np.isnan(problem.jac(singular)).all()
    assert problem.fun_and_jac(singular)[0] == np.inf


def test_unspecified_functions_are_data():
    L, (X, w) = mc.function("L"), mc.symbols("X[n,d] w[d]")
    x = RNG.standard_normal((5, 2))
    problem = mc.scipy_problem(L(X @ w), w, {"X": x, "L": lambda r: np.sum(r**4), "dL": lambda r: 4 * r**3})
    v = RNG.standard_normal(2)
    assert problem.fun(v) == pytest.approx(np.sum((x @ v) ** 4))
    assert optimize.check_grad(problem.fun, problem.jac, v) < 1e-4
    with pytest.raises(OperandError, match=r"data lacks dL, which .* or its derivative needs"):
        mc.scipy_problem(L(X @ w), w, {"X": x, "L": np.sum}).jac(v)


def test_complex_data_and_a_real_function():
    A, x = mc.symbols("A[m,n](complex) x[n]")
    f = mc.real(x.T @ A.H @ A @ x)
    a = RNG.standard_normal((3, 2)) + 1j * RNG.standard_normal((3, 2))
    problem = mc.scipy_problem(f, x, {"A": a})
    agrees_with_differences(problem, RNG.standard_normal(2))


# -------------------------------------------------------------------- refusals
def test_errors_say_what_is_wrong():
    A, x, b, z = mc.symbols("A[m,n] x[n] b[m] z[n](complex)")
    f = mc.norm2(A @ x - b) ** 2
    full = {"A": np.ones((3, 2)), "b": np.ones(3)}
    part = {"A": full["A"]}
    lacks = r"data lacks b \(m,\); the variables are x \(n,\)"
    names = "structure is one of ambient, projected, independent"
    refused = [
        (OperandError, lacks, lambda: mc.scipy_problem(f, x, part)),
        (OperandError, r"lacks b .*; data gives B, which does not occur", lambda: mc.scipy_problem(f, x, {"A": 1, "B": 1})),
        (OperandError, "x is a variable, and data gives it", lambda: mc.scipy_problem(f, x, {**full, "x": [1, 1]})),
        (OperandError, "data is a dict from names to arrays, not a list", lambda: mc.scipy_problem(f, x, [1])),
        (OperandError, "wrt names a variable twice: x, x", lambda: mc.scipy_problem(f, [x, "x"], full)),
        (OperandError, "'q' is not a symbol of", lambda: mc.scipy_problem(f, "q", full)),
        (OperandError, "b must be an array of real numbers", lambda: mc.scipy_problem(f, x, {**full, "b": "abc"})),
        (OperandError, names, lambda: mc.scipy_problem(f, x, full, structure="free")),
        (ShapeError, "scipy_problem needs a scalar function", lambda: mc.scipy_problem(A @ x, x, full)),
        (
            ShapeError,
            r"b is \(m,\), but the array given has shape \(4,\), while A has m = 3",
            lambda: mc.scipy_problem(f, x, {**full, "b": np.ones(4)}),
        ),
        (
            ShapeError,
            r"A is \(m, n\), but the array given has shape \(3,\)",
            lambda: mc.scipy_problem(f, x, {**full, "A": np.ones(3)}),
        ),
        (
            ShapeError,
            r"x has shape \(3,\), but the variables take 2 numbers: x \(2\)",
            lambda: mc.scipy_problem(f, x, full).fun(np.ones(3)),
        ),
        (ShapeError, r"x has shape \(2, 1\)", lambda: mc.scipy_problem(f, x, full).jac(np.ones((2, 1)))),
        (OperandError, "x must be a vector of real numbers", lambda: mc.scipy_problem(f, x, full).fun("ab")),
        (
            ShapeError,
            r"x is \(n,\), but the array given has shape \(3,\), while A has n = 2|n = 2 is given",
            lambda: mc.scipy_problem(f, x, full).ravel(np.ones(3)),
        ),
        (OperandError, "missing: x; the variables are x", lambda: mc.scipy_problem(f, x, full).ravel()),
        (OperandError, "y is not a variable; the variables are x", lambda: mc.scipy_problem(f, x, full).ravel(y=1)),
        (OperandError, "2 arrays given for 1 variables", lambda: mc.scipy_problem(f, x, full).ravel([1, 1], [1, 1])),
        (UnsupportedError, "z is complex, and scipy.optimize has real variables", lambda: mc.scipy_problem(mc.norm2(z), z)),
        (OperandError, "is not known to be real: take real", lambda: mc.scipy_problem(x.T @ z, x, {"z": [1, 1]})),
        (OperandError, "n is a dimension, a positive int, not 0", lambda: mc.scipy_problem(f, x, {**full, "n": 0})),
        (ShapeError, "while n = 5 is given", lambda: mc.scipy_problem(f, x, {**full, "n": 5})),
    ]
    for error, message, call in refused:
        with pytest.raises(error, match=message):
            call()
    Q = mc.matrix("Q", 2, 2, orthogonal=True)
    with pytest.raises(UnsupportedError, match="Q is orthogonal, and no list of its entries is independent"):
        mc.scipy_problem(mc.tr(Q), Q, structure="independent")
    assert_allclose(mc.scipy_problem(mc.tr(Q), Q).jac(np.ones(4)), [1, 0, 0, 1])


def test_nothing_is_derived_before_it_is_used(monkeypatch):
    from matcalc.wrappers import problem as module

    asked = []
    for name in ("grad", "hessian", "hvp", "compile_expr"):
        verb = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, verb=verb, name=name, **k: asked.append(name) or verb(*a, **k))
    p, solution = least_squares()
    assert asked == []
    p.fun(solution)
    p.fun(solution)
    assert asked == ["compile_expr"]
    p.hessp(solution, solution)
    assert "hessian" not in asked
    assert "hvp" in asked


def test_columns_lists_and_integers_are_data():
    A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    problem = mc.scipy_problem(mc.norm2(A @ x - b) ** 2, x, {"A": [[1, 2], [3, 4]], "b": np.array([[1], [1]])})
    assert_allclose(problem.jac([0, 0]), [-8.0, -12.0])
    assert repr(problem) == "<problem: norm2(A*x - b)^2 by x (n,), for scipy.optimize>"
