"""The problems of the benchmark: each as text, as a function for automatic differentiation, and as closed form by hand.

``f(w, v)`` is the function in the words ``w`` of a library (``libraries.py``), never its derivative; ``by_hand(v)`` is the
derivative as we would write it in NumPy. Both take the arrays by name as attributes of ``v``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import scipy.linalg
from scipy.special import expit

PROBLEMS = {}


@dataclass(frozen=True)
class Problem:
    """A derivative at two sizes.

    ``kind`` is grad, hessian, jacobian, vjp or hvp; ``wrt`` a name or several; ``given`` the name of the upstream
    gradient or direction. ``shapes`` maps names to shapes in letters, ``sizes`` the letters to numbers.
    """

    name: str
    kind: str
    wrt: str | tuple[str, ...]
    text: str | Callable
    shapes: dict
    small: dict
    large: dict
    f: Callable
    by_hand: Callable
    attributes: dict = field(default_factory=dict)
    adjust: Callable = lambda rng, v: None  # edits standard normal data
    given: str = ""

    def __post_init__(self):
        PROBLEMS[self.name] = self

    def sizes(self, which):
        return getattr(self, which)

    def arrays(self, which):
        """Random data, the same at every call."""
        sizes, rng = self.sizes(which), np.random.default_rng(0)
        values = Arrays({name: rng.standard_normal([sizes[d] for d in dims]) for name, dims in self.shapes.items()})
        self.adjust(rng, values)
        return values

    def declarations(self, which):
        """The variables as ``parse`` reads them, sizes as numbers."""
        sizes = self.sizes(which)
        words = []
        for name, dims in self.shapes.items():
            size = f"[{','.join(str(sizes[d]) for d in dims)}]" if dims else ""
            facts = self.attributes.get(name, "")
            words.append(f"{name}{size}" + (f"({facts})" if facts else ""))
        return " ".join(words)

    def written(self, which):
        return self.text(self.sizes(which)) if callable(self.text) else self.text


class Arrays(dict):
    """Arrays by name, which are attributes too."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


def positive_definite(rng, n):
    b = rng.standard_normal((n, n + 5))
    return b @ b.T / n + np.eye(n) / 2


def one_hot(rng, rows, classes):
    return np.eye(classes)[rng.integers(0, classes, rows)]


def softmax(z, axis):
    e = np.exp(z - z.max(axis, keepdims=True))
    e /= e.sum(axis, keepdims=True)
    return e


def gram(weights, a):
    """``a' diag(weights) a`` for weights >= 0, by one symmetric product."""
    z = np.sqrt(weights)[:, None] * a
    return z.T @ z


def four_axes(a, b):
    """``T[i,j,k,l] = a[i,k] b[j,l]``."""
    return np.ascontiguousarray(a)[:, None, :, None] * np.ascontiguousarray(b)[None, :, None, :]


def blocks_on_diagonal(blocks, m):
    """``T[i,j,k,l] = blocks[i][j,l]`` where ``i = k``, else 0."""
    k = blocks.shape[-1]
    out = np.zeros((m, k, m, k))
    out[np.arange(m), :, np.arange(m), :] = blocks
    return out


# -------------------------------------------------------------------- quadratic forms, least squares
QUADRATIC = dict(text="x'*A*x", shapes=dict(A="nn", x="n"), small=dict(n=10), large=dict(n=1500), wrt="x",
                 f=lambda w, v: v.x @ (v.A @ v.x))  # fmt: skip
Problem("quadratic", kind="grad", by_hand=lambda v: v.A @ v.x + v.x @ v.A, **QUADRATIC)
Problem("quadratic-hessian", kind="hessian", by_hand=lambda v: v.A + v.A.T, **QUADRATIC)

LEAST_SQUARES = dict(text="norm2(A*x-b)^2", shapes=dict(A="mn", x="n", b="m"), wrt="x",
                     small=dict(m=20, n=10), large=dict(m=4000, n=500),
                     f=lambda w, v: w.sum((v.A @ v.x - v.b) ** 2))  # fmt: skip
Problem("least-squares", kind="grad", by_hand=lambda v: 2 * ((v.A @ v.x - v.b) @ v.A), **LEAST_SQUARES)
Problem("least-squares-hessian", kind="hessian", by_hand=lambda v: 2 * (v.A.T @ v.A), **LEAST_SQUARES)


# -------------------------------------------------------------------- logistic and softmax regression
def plus_minus(rng, v):
    v.y = np.sign(v.y)
    v.w /= np.sqrt(len(v.w))


def logistic_weights(v):
    s = expit(v.y * (v.X @ v.w))
    return s * (1 - s)


LOGISTIC = dict(text="sum(softplus(-(y.*(X*w))))", wrt="w", small=dict(m=40, n=10), large=dict(m=4000, n=500),
                adjust=plus_minus, f=lambda w, v: w.sum(w.softplus(-(v.y * (v.X @ v.w)))))  # fmt: skip
DATA = dict(X="mn", y="m", w="n")
Problem("logistic", kind="grad", shapes=DATA, by_hand=lambda v: -((v.y * expit(-v.y * (v.X @ v.w))) @ v.X), **LOGISTIC)
Problem("logistic-hessian", kind="hessian", shapes=DATA, by_hand=lambda v: gram(logistic_weights(v), v.X), **LOGISTIC)
Problem("logistic-hvp", kind="hvp", shapes={**DATA, "p": "n"}, given="p",
        by_hand=lambda v: (logistic_weights(v) * (v.X @ v.p)) @ v.X, **LOGISTIC)  # fmt: skip


def classes(rng, v):
    v.Y = one_hot(rng, *v.Y.shape)
    v.W /= np.sqrt(len(v.W))


def softmax_hessian(v):
    n, k = v.W.shape
    p = softmax(v.X @ v.W, 1)
    out = np.empty((n, k, n, k))
    for a in range(k):
        for b in range(a + 1):
            block = gram(p[:, a] * (1 - p[:, a]) if a == b else p[:, a] * p[:, b], v.X)
            out[:, a, :, b] = out[:, b, :, a] = block if a == b else -block
    return out


SOFTMAX = dict(text="sum(log(sum(exp(X*W),2))) - tr(Y'*X*W)", shapes=dict(X="mn", W="nk", Y="mk"), wrt="W", adjust=classes,
               small=dict(m=40, n=10, k=3), large=dict(m=2000, n=200, k=10),
               f=lambda w, v: w.sum(w.logsumexp(v.X @ v.W, 1)) - w.sum(v.Y * (v.X @ v.W)))  # fmt: skip
Problem("softmax-regression", kind="grad", by_hand=lambda v: v.X.T @ (softmax(v.X @ v.W, 1) - v.Y), **SOFTMAX)
Problem("softmax-regression-hessian", kind="hessian", by_hand=softmax_hessian, **SOFTMAX)


def log_sum_exp_hessian(v):
    p = softmax(v.A @ v.x, 0)
    g = p @ v.A
    return gram(p, v.A) - np.outer(g, g)


Problem("log-sum-exp-hessian", kind="hessian", wrt="x", text="logsumexp(A*x)", shapes=dict(A="mn", x="n"),
        small=dict(m=20, n=10), large=dict(m=4000, n=500), f=lambda w, v: w.logsumexp(v.A @ v.x),
        adjust=lambda rng, v: v.update(x=v.x / np.sqrt(len(v.x))), by_hand=log_sum_exp_hessian)  # fmt: skip

# -------------------------------------------------------------------- matrix factorisation
FACTORS = dict(U="mk", V="nk", Y="mn")
FACTORISATION = dict(text="normf(U*V'-Y)^2", wrt="U", f=lambda w, v: w.sum((v.U @ v.V.T - v.Y) ** 2))
GRADIENT_SIZES = dict(small=dict(m=10, n=8, k=3), large=dict(m=2000, n=2000, k=20))
HESSIAN_SIZES = dict(small=dict(m=10, n=8, k=3), large=dict(m=200, n=200, k=10))
Problem("factorisation", kind="grad", shapes=FACTORS, by_hand=lambda v: 2 * (v.U @ (v.V.T @ v.V) - v.Y @ v.V),
        **FACTORISATION, **GRADIENT_SIZES)  # fmt: skip
Problem("factorisation-hvp", kind="hvp", given="P", shapes={**FACTORS, "P": "mk"},
        by_hand=lambda v: v.P @ (2 * (v.V.T @ v.V)), **FACTORISATION, **GRADIENT_SIZES)  # fmt: skip
Problem("factorisation-hessian", kind="hessian", shapes=FACTORS,
        by_hand=lambda v: blocks_on_diagonal(2 * (v.V.T @ v.V), len(v.U)), **FACTORISATION, **HESSIAN_SIZES)  # fmt: skip


def masked_hessian(v):
    n, k = v.V.shape
    pairs = (v.V[:, :, None] * v.V[:, None, :]).reshape(n, k * k)
    return blocks_on_diagonal(2 * ((v.T * v.T) @ pairs).reshape(-1, k, k), len(v.T))


Problem("masked-factorisation-hessian", kind="hessian", wrt="U", text="normf(T.*(U*V'-Y))^2", shapes={**FACTORS, "T": "mn"},
        f=lambda w, v: w.sum((v["T"] * (v.U @ v.V.T - v.Y)) ** 2), by_hand=masked_hessian,
        adjust=lambda rng, v: v.update(T=(rng.random(v["T"].shape) < 0.5) * 1.0), **HESSIAN_SIZES)  # fmt: skip


# -------------------------------------------------------------------- networks
def network(depth, bias=False):
    """The loss of a network with relu layers and a softmax at the end, as text."""
    z = "X"
    for k in range(1, depth + 1):
        z = f"W{k}*{z}" + (" .+ b" if bias and k == 1 else "")
        z = z if k == depth else f"relu({z})"
    return f"sum(log(sum(exp({z}),1))) - tr(Y'*({z}))"


def layers(v):
    return [v[f"W{k}"] for k in range(1, sum(name.startswith("W") for name in v) + 1)]


def network_loss(w, v):
    first, *rest = layers(v)
    z = first @ v.X
    if "b" in v:
        z = z + v.b[:, None]
    for weight in rest:
        z = weight @ w.relu(z)
    return w.sum(w.logsumexp(z, 0)) - w.sum(v.Y * z)


def network_data(rng, v):
    for k, weight in enumerate(layers(v), 1):
        v[f"W{k}"] = weight * np.sqrt(2 / weight.shape[1])
    v.Y = np.ascontiguousarray(one_hot(rng, v.Y.shape[1], len(v.Y)).T)
    if "b" in v:
        v.b /= 10


def network_gradients(v):
    weights = layers(v)
    hidden = [v.X]
    for weight in weights[:-1]:
        z = weight @ hidden[-1]
        hidden.append(np.maximum(z, 0, out=z))
    delta = softmax(weights[-1] @ hidden[-1], 0)
    delta -= v.Y
    out = []
    for weight, h in zip(reversed(weights), reversed(hidden), strict=True):
        out.append(delta @ h.T)
        if h is not v.X:
            delta = weight.T @ delta
            delta *= h > 0
    return out[::-1]


def network_bias_hessian(v):
    """The rows ``sqrt(p) (J - p'J)`` of every sample, J the Jacobian of its scores, in one symmetric product."""
    first, *rest = layers(v)
    z = first @ v.X + v.b[:, None]
    open_ = []
    for weight in rest:
        open_.append((z > 0).T[:, None, :])
        z = weight @ np.maximum(z, 0, out=z)
    p = softmax(z, 0).T
    m, c = p.shape
    rows = rest[-1] * open_[-1]
    for weight, mask in zip(rest[-2::-1], open_[-2::-1], strict=True):
        rows = (rows.reshape(m * c, -1) @ weight).reshape(m, c, -1)
        rows *= mask
    rows -= p[:, None, :] @ rows
    rows *= np.sqrt(p)[:, :, None]
    rows = rows.reshape(m * c, -1)
    return rows.T @ rows


for depth in (2, 10):
    weight_shapes = {f"W{k}": "cn" if k == depth else "nn" for k in range(1, depth + 1)}
    Problem(f"net-{depth}-layers", kind="grad", wrt=tuple(weight_shapes), text=network(depth), f=network_loss,
            shapes={"X": "nm", "Y": "cm", **weight_shapes}, adjust=network_data, by_hand=network_gradients,
            small=dict(m=8, n=10, c=3), large=dict(m=512, n=512, c=10))  # fmt: skip
    Problem(f"net-{depth}-layers-bias-hessian", kind="hessian", wrt="b", text=network(depth, bias=True), f=network_loss,
            shapes={"X": "nm", "Y": "cm", "b": "n", **weight_shapes}, adjust=network_data, by_hand=network_bias_hessian,
            small=dict(m=8, n=10, c=3), large=dict(m=128, n=192, c=10))  # fmt: skip

Problem("bias-layer-vjp", kind="vjp", wrt=("W", "X", "b"), given="G", text="W*X .+ b",
        shapes=dict(W="nn", X="nm", b="n", G="nm"), small=dict(n=10, m=8), large=dict(n=1024, m=512),
        f=lambda w, v: v.W @ v.X + v.b[:, None],
        by_hand=lambda v: [v.G @ v.X.T, v.W.T @ v.G, v.G.sum(1)])  # fmt: skip


def attention_by_hand(v):
    scale = 1 / np.sqrt(v.Q.shape[1])
    p = softmax(scale * v.Q @ v.K.T, 1)
    d = v.G @ v.V.T
    d -= np.einsum("ij,ij->i", d, p)[:, None]
    d *= p
    d *= scale
    return [d @ v.K, d.T @ v.Q, p.T @ v.G]


Problem("attention-vjp", kind="vjp", wrt=("Q", "K", "V"), given="G", text=lambda s: f"softmax(Q*K'/sqrt({s['k']}),2)*V",
        shapes=dict(Q="nk", K="nk", V="nk", G="nk"), small=dict(n=16, k=8), large=dict(n=1024, k=64),
        f=lambda w, v: w.softmax(v.Q @ v.K.T / v.Q.shape[1] ** 0.5, 1) @ v.V, by_hand=attention_by_hand)  # fmt: skip

EPSILON = 1e-5


def batch_norm(w, v):
    c = v.X - w.sum(v.X, 0) / len(v.X)
    return c / w.sqrt(w.sum(c * c, 0) / len(v.X) + EPSILON) * v.g + v.b


def batch_norm_by_hand(v):
    n = len(v.X)
    c = v.X - v.X.mean(0)
    r = 1 / np.sqrt(np.einsum("ij,ij->j", c, c) / n + EPSILON)
    slope = np.einsum("ij,ij->j", v.G, c) * r
    total = v.G.sum(0)
    a = v.g * r
    c *= -(a * r * slope / n)
    c += v.G * a
    c -= a * total / n
    return [c, slope, total]


Problem("batch-norm-vjp", kind="vjp", wrt=("X", "g", "b"), given="G", shapes=dict(X="mn", g="n", b="n", G="mn"),
        text=lambda s: (lambda c, m: f"({c}) ./ (ones({m})*sqrt(sum(({c}).^2,1)/{m} .+ {EPSILON})) .* (ones({m})*g') .+ b'")(
            f"X .- sum(X,1)/{s['m']}", s["m"]),
        small=dict(m=16, n=8), large=dict(m=4096, n=1024), f=batch_norm, by_hand=batch_norm_by_hand)  # fmt: skip


# -------------------------------------------------------------------- Gaussian likelihoods and processes
def spd_inverse(s):
    return scipy.linalg.cho_solve(scipy.linalg.cho_factor(s, lower=True), np.eye(len(s)))


GAUSSIAN_SIZES = dict(small=dict(n=10), large=dict(n=600))


def covariances(first):
    def adjust(rng, v):
        n = len(v.C)
        v[first], v.C = positive_definite(rng, n), 100 * positive_definite(rng, n)

    return adjust


def by_covariance(v):
    r = spd_inverse(v.S)
    return (100 * r - r @ v.C @ r) / 2


Problem("gaussian-by-covariance", kind="grad", wrt="S", text="100/2*logdet(S) + tr(inv(S)*C)/2", shapes=dict(S="nn", C="nn"),
        attributes=dict(S="psd", C="symmetric"), adjust=covariances("S"), by_hand=by_covariance,
        f=lambda w, v: 50 * w.logdet(v.S) + w.sum(w.solve(v.S, v.C) * w.eye(len(v.S))) / 2, **GAUSSIAN_SIZES)  # fmt: skip
Problem("gaussian-by-precision", kind="grad", wrt="P", text="-100/2*logdet(P) + tr(P*C)/2", shapes=dict(P="nn", C="nn"),
        attributes=dict(P="psd", C="symmetric"), adjust=covariances("P"), by_hand=lambda v: v.C / 2 - 50 * spd_inverse(v.P),
        f=lambda w, v: -50 * w.logdet(v.P) + w.sum(v.P * v.C.T) / 2, **GAUSSIAN_SIZES)  # fmt: skip
Problem("gaussian-by-mean", kind="grad", wrt="u", shapes=dict(X="mn", u="n", S="nn"), attributes=dict(S="psd"),
        text=lambda s: "tr(inv(S)*(X' - u*ones({m})')*(X' - u*ones({m})')')/2".format(**s),
        small=dict(m=40, n=10), large=dict(m=4000, n=600), adjust=lambda rng, v: v.update(S=positive_definite(rng, len(v.u))),
        f=lambda w, v: w.sum((v.X - v.u) * w.solve(v.S, (v.X - v.u).T).T) / 2,
        by_hand=lambda v: scipy.linalg.solve(v.S, len(v.X) * v.u - v.X.sum(0), assume_a="pos"))  # fmt: skip


def distances(rng, v):
    points = rng.random((len(v.y), 3))
    v.D = ((points[:, None] - points[None]) ** 2).sum(2)
    v.l, v.s = np.array(0.7), np.array(0.1)


def kernel_by_hand(v):
    k = np.exp(v.D * (-0.5 / v.l**2))
    slope = k * v.D
    k.ravel()[:: len(k) + 1] += v.s
    factor = scipy.linalg.cho_factor(k, lower=True)
    a = scipy.linalg.cho_solve(factor, v.y)
    r = scipy.linalg.cho_solve(factor, np.eye(len(k)))
    return (np.vdot(r, slope) - a @ slope @ a) / (2 * v.l**3)


Problem("gaussian-process", kind="grad", wrt="l", shapes=dict(D="nn", y="n", l="", s=""), attributes=dict(D="symmetric"),
        text=lambda s: "y'*inv({k})*y/2 + logdet({k})/2".format(k=f"(exp(-D/(2*l^2)) + s*eye({s['n']}))"),
        f=lambda w, v: (lambda k: v.y @ w.solve(k, v.y) / 2 + w.logdet(k) / 2)(
            w.exp(-v.D / (2 * v.l**2)) + v.s * w.eye(len(v.y))),
        adjust=distances, by_hand=kernel_by_hand, **GAUSSIAN_SIZES)  # fmt: skip


def log_determinant_by_hand(v):
    ax = v.A @ v.X
    return 2 * scipy.linalg.cho_solve(scipy.linalg.cho_factor(v.X.T @ ax), ax.T).T


Problem("log-determinant", kind="grad", wrt="X", text="logdet(X'*A*X)", shapes=dict(A="nn", X="nk"), attributes=dict(A="psd"),
        small=dict(n=20, k=5), large=dict(n=1500, k=100), f=lambda w, v: w.logdet(v.X.T @ (v.A @ v.X)),
        adjust=lambda rng, v: v.update(A=positive_definite(rng, len(v.A))), by_hand=log_determinant_by_hand)  # fmt: skip


def metric_by_hand(v):
    return -gram(expit(v.t - np.einsum("ij,ij->i", v.D @ v.M, v.D)), v.D)


Problem("metric-learning", kind="grad", wrt="M", text="sum(softplus(t - sum((D*M).*D,2)))", shapes=dict(D="mn", M="nn", t="m"),
        attributes=dict(M="psd"), small=dict(m=40, n=10), large=dict(m=8000, n=400), by_hand=metric_by_hand,
        adjust=lambda rng, v: v.update(M=positive_definite(rng, len(v.M)), D=v.D / np.sqrt(len(v.M))),
        f=lambda w, v: w.sum(w.softplus(v.t - w.sum((v.D @ v.M) * v.D, 1))))  # fmt: skip

# -------------------------------------------------------------------- entry by entry
LONG = dict(small=dict(n=100), large=dict(n=2_000_000), shapes=dict(x="n"), wrt="x", kind="grad")


def waves_by_hand(v):
    u = v.x * v.x
    r = 1 / (1 + u)
    return np.exp(-u) * r * (np.cos(v.x) - 2 * v.x * np.sin(v.x) * (1 + r))


def rational_by_hand(v):
    u = v.x * v.x
    q = (u - 1) / (u + 1)
    return 2 * v.x * q * (2 - q)


Problem("entrywise-waves", text="sum(exp(-x.^2).*sin(x)./(1 .+ x.^2))", by_hand=waves_by_hand,
        f=lambda w, v: w.sum(w.exp(-v.x * v.x) * w.sin(v.x) / (1 + v.x * v.x)), **LONG)  # fmt: skip
Problem("entrywise-rational", text="sum((x.^2 .- 1).^2./(1 .+ x.^2))", by_hand=rational_by_hand,
        f=lambda w, v: w.sum((v.x * v.x - 1) ** 2 / (1 + v.x * v.x)), **LONG)  # fmt: skip

# -------------------------------------------------------------------- Jacobians
shrink = lambda rng, v: v.update(x=v.x / np.sqrt(len(v.x)))  # noqa: E731
Problem("layer-jacobian", kind="jacobian", wrt="x", text="tanh(W*x + b)", shapes=dict(W="mn", x="n", b="m"), adjust=shrink,
        small=dict(m=10, n=8), large=dict(m=1500, n=1500), f=lambda w, v: w.tanh(v.W @ v.x + v.b),
        by_hand=lambda v: (1 - np.tanh(v.W @ v.x + v.b) ** 2)[:, None] * v.W)  # fmt: skip
Problem("net-jacobian", kind="jacobian", wrt="x", text="V*tanh(W*x)", shapes=dict(V="ph", W="hn", x="n"), adjust=shrink,
        small=dict(p=10, h=12, n=8), large=dict(p=600, h=600, n=600), f=lambda w, v: v.V @ w.tanh(v.W @ v.x),
        by_hand=lambda v: (v.V * (1 - np.tanh(v.W @ v.x) ** 2)) @ v.W)  # fmt: skip


def inverse_by_hand(v):
    r = np.linalg.inv(v.A)
    return four_axes(-r, r.T)


Problem("inverse-jacobian", kind="jacobian", wrt="A", text="inv(A)", shapes=dict(A="nn"), attributes=dict(A="invertible"),
        small=dict(n=5), large=dict(n=50), f=lambda w, v: w.inv(v.A), by_hand=inverse_by_hand,
        adjust=lambda rng, v: v.update(A=v.A / np.sqrt(len(v.A)) + 2 * np.eye(len(v.A))))  # fmt: skip
Problem("product-jacobian", kind="jacobian", wrt="X", text="A*X*B", shapes=dict(A="nn", X="nn", B="nn"),
        small=dict(n=5), large=dict(n=50), f=lambda w, v: v.A @ v.X @ v.B,
        by_hand=lambda v: four_axes(v.A, v.B.T))  # fmt: skip
