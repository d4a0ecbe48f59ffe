"""Gradients with the samples spread over eight virtual devices, run by test_sharded.py; one line of JSON each."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import matcalc as mc

SIZES = {"n": 8 * 37, "d": 5, "k": 3, "h": 4}  # no other size and no block of samples is 296
COLLECTIVES = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter"
X, w, b, y, c, W, Y, lam, mu, S, W1, b1, W2, b2, P = mc.symbols(
    "X[n,d] w[d] b y[n] c[k] W[d,k] Y[n,k] lam mu[d] S[d,d](psd) W1[d,h] b1[h] W2[h,k] b2[k] P[n,n]"
)
scores, spread = X @ W + c.T, X - mu.T
net = mc.tanh(X @ W1 + b1.T) @ W2 + b2.T
logistic = mc.sum(mc.softplus(-mc.multiply(y, X @ w + b))) + lam / 2 * mc.norm2(w) ** 2
softmax = mc.sum(mc.logsumexp(scores, 1)) - mc.sum(mc.multiply(Y, scores))
PROBLEMS = {
    "least squares": (f := mc.norm2(X @ w - y) ** 2, mc.grad(f, [w])),
    "logistic": (logistic, mc.grad(logistic, [w, b])),
    "logistic hessian": (logistic, [mc.hessian(logistic, w)]),
    "logistic hvp": (logistic, [mc.hvp(logistic, w, w)]),
    "softmax": (softmax, mc.grad(softmax, [W, c])),
    "gaussian mean": (None, [mc.grad(mc.tr(spread @ mc.inv(S) @ spread.T) / 2, mu)]),
    "net": (f := mc.normf(net - Y) ** 2, mc.grad(f, [W1, b1, W2, b2])),
    "moments": (mc.sum(X), [X.T @ X, mc.sum(X, 0)]),
}


def array(s, rng):
    a = rng.standard_normal([SIZES[d.name] for d in s.shape])
    return a @ a.T + np.eye(len(a)) if s.has("psd") else a


def report(name, function, values, placed):
    """The error against one device, and which collective operations the compiled program has."""
    run = jax.jit(function)
    got, want = run(*placed), function(*values)
    text = run.lower(*placed).compile().as_text()
    used = re.findall(rf"\b({COLLECTIVES})(?:-start)?\(", text)
    error = max(float(jnp.max(jnp.abs(g - v)) / jnp.max(jnp.abs(v))) for g, v in zip(got, want, strict=True))
    print(json.dumps({
        "name": name, "devices": jax.device_count(), "error": error, "collectives": sorted(set(used)),
        "gathered": bool(re.search(rf"[\[,]{SIZES['n']}[\],]", text)),
        "replicated": all(g.sharding.is_fully_replicated for g in got),
    }))  # fmt: skip


def main():
    mesh = Mesh(np.array(jax.devices()), ("samples",))
    rng = np.random.default_rng(0)
    for name, (value, derivatives) in PROBLEMS.items():
        outputs = derivatives if value is None else [value, *derivatives]
        symbols = sorted({s for e in outputs for s in e.symbols}, key=lambda s: s.name)
        values = [array(s, rng) for s in symbols]
        rows = [PartitionSpec("samples") if s.shape[:1] and str(s.shape[0]) == "n" else PartitionSpec() for s in symbols]
        placed = [jax.device_put(v, NamedSharding(mesh, spec)) for v, spec in zip(values, rows, strict=True)]
        call = mc.compile(outputs, symbols, backend="jax")
        report(name, call.function, values, placed)
        direct = call(*placed)  # as it is called, without a jit of one's own
        assert all(g.sharding.is_fully_replicated for g in direct)
        if name == "softmax":
            loss = mc.jax_function(value, symbols)
            at = [call.names.index(n) for n in ("W", "c")]
            report("softmax by jax.grad", jax.grad(loss, argnums=at), values, placed)
    # the check can fail: a product over the samples needs all of them
    values = [rng.standard_normal((SIZES["n"], SIZES["n"])), rng.standard_normal((SIZES["n"], SIZES["d"]))]
    placed = [jax.device_put(v, NamedSharding(mesh, PartitionSpec("samples"))) for v in values]
    report("needs all samples", mc.compile([mc.sum(mc.exp(P @ X))], [P, X], backend="jax").function, values, placed)


if __name__ == "__main__":
    main()
