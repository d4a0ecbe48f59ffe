"""Functions on which derived backward passes are tried: name, expression, parameters; and arrays that fit them."""

import numpy as np

import matcalc as mc

SIZES = {"m": 3, "n": 4, "p": 2}
DECLARED = "A[m,n] B[n,p] C[n,n] K[n,n](psd) X[m,p] W[m,n] x[n] y[m] u[n](positive) r[1,n] c T[2,m,p]"
FUNCTIONS = {
    "least squares": "norm2(A*x - y)^2",
    "bilinear": "y'*A*x",
    "one layer": "tanh(A*x .+ y)",
    "two layers": "sum(log(cosh(A*B .+ y).^2 .+ 1))",
    "product of matrices": "A*C*B",
    "row": "r*C",
    "scalar times matrix": "c*A + sin(c)*W",
    "softmax of rows": "softmax(A*C, 2)",
    "logistic": "sum(softplus(-y.*(A*x .+ c)))",
    "softmax regression": "sum(logsumexp(A*B, 2)) - sum(X.*(A*B))",
    "gaussian": "x'*inv(K)*x + logdet(K)",
    "inverse": "inv(C*C' + eye(n))",
    "matrix factorisation": "normf(A*B - X)^2 + c*normf(A)^2",
    "positive": "sum(log(u).*u) + sum(sqrt(u))",
    "sums": "sum(A,1)*sum(C,2)",
    "kron": "tr(kron(A'*W, X'*X)*kron(C, X'*A*B))",
    "a size as a number": "m*tr(C)^2 + n*sum(A)/p*sum(B)",
    "diagonal": "diag(x)*C*diag(exp(x))",
    "attention": "softmax(A*C*A', 2)*A",
    "unused argument": "x",
    "spread": "c^2*ones(m,n) + A",
    "array": "einsum(\"ijk,j->ik\", T, y)",
}  # fmt: skip


def cases():
    """Every function: its name, its expression and its symbols, with one more that it does not use."""
    for name, text in FUNCTIONS.items():
        f = mc.parse(text, DECLARED)
        extra = [s for s in mc.symbols("y[m] z[n]") if name == "unused argument"]
        yield name, f, [*f.symbols, *extra]


def arrays(symbols, seed=0, sizes=SIZES):
    """An array for every symbol that fits what is known of it."""
    rng = np.random.default_rng(seed)
    found = []
    for s in symbols:
        shape = tuple(d if isinstance(d, int) else sizes[d.name] for d in s.shape)
        a = rng.standard_normal(shape) * 0.7
        if s.has("psd"):
            a = a @ a.T + 2 * np.eye(len(a))
        found.append(np.abs(a) + 0.3 if s.has("positive") else a)
    return found
