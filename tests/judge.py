"""The referee: values of expressions by JAX, one operator at a time, and derivatives by JAX or by differences.

It shares nothing with the engine: it reads the classes and the parts of nodes, and no rule, entry, differential or
template. Every array has two axes, as in algebra: a column is n x 1, a scalar 1 x 1.
"""

from __future__ import annotations

import os
import zlib

os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import jax.scipy as jsp  # noqa: E402
import numpy as np  # noqa: E402
import sympy as sp  # noqa: E402

SIZES = {"m": 3, "n": 4, "p": 2, "q": 5, "k": 6}  # by the name of a dimension


# ------------------------------------------------------------------ values
def einsum(e, *args):
    """A sum over named indices; the parts of a stacked axis are taken apart with the last running fastest."""
    lengths = {}
    shapes = []
    for (rows, cols), a in zip(e.inputs, args, strict=True):
        for side, n in ((rows, a.shape[0]), (cols, a.shape[1])):
            if len(side) == 1:
                lengths[side] = n
    for (rows, cols), a in zip(e.inputs, args, strict=True):
        for side, n in ((rows, a.shape[0]), (cols, a.shape[1])):
            unknown = [c for c in side if c not in lengths]
            if unknown:
                lengths[unknown[0]] = n // int(np.prod([lengths[c] for c in side if c in lengths]))
        shapes.append([lengths[c] for c in rows + cols])
    spec = ",".join(rows + cols for rows, cols in e.inputs) + "->" + "".join(e.output)
    out = jnp.einsum(spec, *(a.reshape(s) for a, s in zip(args, shapes, strict=True)))
    return out.reshape([int(np.prod([lengths[c] for c in side])) for side in e.output])


def size(dim, sizes):
    """The number that a dimension is."""
    return dim if isinstance(dim, int) else int(sp.sympify(dim).subs({s: sizes[s.name] for s in dim.free_symbols}))


def value(e, given, sizes=SIZES):
    """The value of an expression, from those of its symbols by name."""
    known = {}
    stack = [e]
    while stack:
        node = stack[-1]
        waiting = [c for c in node.operands if id(c) not in known]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        known[id(node)] = evaluate(node, [known[id(c)] for c in node.operands], given, sizes)
    return known[id(e)]


def evaluate(node, args, given, sizes):
    """The value of one node, from those of its operands."""
    kind = type(node).__name__
    if kind == "Symbol":
        return given[node.name]
    if kind == "Number":
        return jnp.full((1, 1), float(node.value.subs({s: sizes[s.name] for s in node.value.free_symbols})))
    if kind == "Let":
        return args[0]
    shape = (size(node.rows, sizes), size(node.cols, sizes))
    if kind in CONSTANTS:
        return CONSTANTS[kind](node, sizes).reshape(shape)
    out = part(node, *args, sizes) if kind == "Slice" else TABLE[kind](node, *args)
    return out.reshape(shape, order="F") if kind in ("Vec", "Reshape") else out.reshape(shape)


def loss(f):
    """The function that stands for an unspecified ``L``: smooth, and different in every entry."""
    weights = 1 + jnp.arange(f.size).reshape(f.shape) / 7
    return jnp.sum(jnp.sin(weights * f) + f**2 / 4)


FUNCTIONS = {
    "L": lambda f: np.asarray(loss(jnp.asarray(f, dtype=float))),
    "dL": lambda f: np.asarray(jax.grad(loss)(jnp.asarray(f, dtype=float))),
}


def keep(f, e, x):
    """A reduction over the axis of a node, all axes kept."""
    return f(x, axis=e.axis, keepdims=True)


def item(e, x):
    x = x if not e.row else x[[e.row - 1], :]
    return x if not e.col else x[:, [e.col - 1]]


def total(parts):
    return sum(parts[1:], parts[0])


def times(parts, by):
    out = parts[0]
    for p in parts[1:]:
        out = by(out, p)
    return out


def adjugate(a):
    n = a.shape[0]
    if n == 1:
        return jnp.ones((1, 1))
    minor = lambda i, j: jnp.delete(jnp.delete(a, i, 0), j, 1)  # noqa: E731
    return jnp.array([[(-1) ** (i + j) * jnp.linalg.det(minor(j, i)) for j in range(n)] for i in range(n)])


def polar(a):
    u, _, vt = jnp.linalg.svd(a, full_matrices=False)
    return u @ vt


def sqrtm(a):
    """Principal square root by Denman and Beavers' iteration, which JAX differentiates in every entry."""
    y, z = a, jnp.eye(len(a))
    for _ in range(14):
        y, z = (y + jnp.linalg.inv(z)) / 2, (z + jnp.linalg.inv(y)) / 2
    return y


def logm(a):
    """Principal logarithm by inverse scaling and Gauss-Legendre quadrature."""
    for _ in range(5):
        a = sqrtm(a)
    eye = jnp.eye(len(a))
    nodes, weights = np.polynomial.legendre.leggauss(8)
    return 32 * total(
        [w / 2 * jnp.linalg.solve(eye + (t + 1) / 2 * (a - eye), a - eye) for t, w in zip(nodes, weights, strict=True)]
    )


def expm(a):
    """Exponential by its series, scaled and squared (JAX's own takes seconds to compile)."""
    a = a / 2**8
    term = out = jnp.eye(len(a))
    for k in range(1, 13):
        term = term @ a / k
        out = out + term
    for _ in range(8):
        out = out @ out
    return out


def cosine_and_sine(a):
    """Both at once: the exponential of ``[[0, -A], [A, 0]]`` is ``[[cos A, -sin A], [sin A, cos A]]``."""
    n = len(a)
    zero = jnp.zeros((n, n))
    both = expm(jnp.concatenate([jnp.concatenate([zero, -a], 1), jnp.concatenate([a, zero], 1)]))
    return both[:n, :n], both[n:, :n]


def eigen(a):
    return jnp.linalg.eigh((a + a.T) / 2)


def sylvester(a, b, c):
    """``X`` with ``A X + X B = C``, as one linear system."""
    m, n = c.shape
    system = jnp.kron(jnp.eye(n), a) + jnp.kron(b.T, jnp.eye(m))
    return jnp.linalg.solve(system, c.reshape(-1, 1, order="F")).reshape(m, n, order="F")


def frechet(function, a, *directions):
    """The directional derivative of a function of a matrix, by JAX, as often as there are directions."""
    by_name = {"expm": expm, "logm": logm, "sqrtm": sqrtm}
    by_name |= {"sinm": lambda x: cosine_and_sine(x)[1], "cosm": lambda x: cosine_and_sine(x)[0]}
    f = by_name[function]
    for d in directions:
        f = lambda x, f=f, d=d: jax.jvp(f, (x,), (d,))[1]  # noqa: E731
    return f(a)


def eiggaps(x):
    gaps = x.T - x
    own = jnp.eye(len(x))
    return 1 / (gaps + own) - own


def commutation(m, n):
    """``K vec(A) = vec(A')``."""
    places = jnp.arange(m * n).reshape(m, n, order="F").T.reshape(-1, order="F")
    return jnp.eye(m * n)[places]


def duplication(n):
    """``Dup vech(S) = vec(S)`` for a symmetric ``S``."""
    out = np.zeros((n * n, n * (n + 1) // 2))
    pairs = [(i, j) for j in range(n) for i in range(j, n)]
    for k, (i, j) in enumerate(pairs):
        out[j * n + i, k] = out[i * n + j, k] = 1
    return jnp.asarray(out)


def toeplitz_basis(n):
    """A column for each diagonal: its Toeplitz matrix, stacked."""
    return jnp.stack([jnp.eye(n, k=k).T.reshape(-1) for k in range(1 - n, n)], axis=1)


def elimination(n):
    """``Elim vec(A) = vech(A)``."""
    pairs = [(i, j) for j in range(n) for i in range(j, n)]
    return jnp.asarray([[float(k == j * n + i) for k in range(n * n)] for i, j in pairs])


def skew(x):
    a, b, c = x[:, 0]
    return jnp.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])


def axial(a):
    return jnp.array([a[2, 1] - a[1, 2], a[0, 2] - a[2, 0], a[1, 0] - a[0, 1]])


def polygamma(order, a):
    """By its series, with a tail by Euler and Maclaurin: JAX has no derivative of its own by the argument."""
    sign = (-1) ** (order + 1) * float(sp.factorial(order))
    terms = sum(1 / (a + k) ** (order + 1) for k in range(40))
    x = a + 40
    tail = x**-order / order + x ** (-order - 1) / 2 + (order + 1) * x ** (-order - 2) / 12
    return sign * (terms + tail)


def part(e, x, sizes):
    for axis, taken in enumerate((e.rows_taken, e.cols_taken)):
        if taken:
            first, count = (size(d, sizes) for d in taken)
            x = jax.lax.slice_in_dim(x, first - 1, first - 1 + count, axis=axis)
    return x


def along_diagonals(a, reduce):
    n = len(a)
    return jnp.array([[reduce(jnp.diag(a, j - i)) for j in range(n)] for i in range(n)])


CONSTANTS = {
    "Ones": lambda e, sizes: jnp.ones([size(d, sizes) for d in e.dims]),
    "Commutation": lambda e, sizes: commutation(*(size(d, sizes) for d in e.dims)),
    "Duplication": lambda e, sizes: duplication(size(e.dim, sizes)),
    "ToeplitzBasis": lambda e, sizes: toeplitz_basis(size(e.dim, sizes)),
    "Elimination": lambda e, sizes: elimination(size(e.dim, sizes)),
    "Selector": lambda e, sizes: jnp.eye(size(e.total, sizes))[:, size(e.start, sizes) - 1 :][:, : size(e.count, sizes)],
    "LowerOnes": lambda e, sizes: jnp.tril(jnp.ones((size(e.dim, sizes),) * 2)),
    "Zeros": lambda e, sizes: jnp.zeros([size(d, sizes) for d in e.dims]),
    "Eye": lambda e, sizes: jnp.eye(size(e.dim, sizes)),
    "UnitVector": lambda e, sizes: jnp.eye(size(e.dim, sizes))[:, e.position - 1],
}

TABLE = {
    "Einsum": einsum,
    # with Python syntax
    "Add": lambda e, *a: total(a),
    "BroadcastAdd": lambda e, a, b: a + b,
    "Product": lambda e, *a: times(a, jnp.matmul),
    "Hadamard": lambda e, *a: times(a, jnp.multiply),
    "Quotient": lambda e, a, b: a / b,
    "Power": lambda e, a, b: a**b,
    "Transpose": lambda e, a: a.T,
    "Item": item,
    "Slice": part,
    "HStack": lambda e, *a: jnp.hstack(a),
    "VStack": lambda e, *a: jnp.vstack(a),
    # entry by entry
    "Exp": lambda e, a: jnp.exp(a),
    "Log": lambda e, a: jnp.log(a),
    "Sqrt": lambda e, a: jnp.sqrt(a),
    "Abs": lambda e, a: jnp.abs(a),
    "Sign": lambda e, a: jnp.sign(a),
    "Step": lambda e, a: jnp.where(a > 0, 1.0, 0.0),
    "Relu": lambda e, a: jax.nn.relu(a),
    "Sin": lambda e, a: jnp.sin(a),
    "Cos": lambda e, a: jnp.cos(a),
    "Tan": lambda e, a: jnp.tan(a),
    "Asin": lambda e, a: jnp.arcsin(a),
    "Acos": lambda e, a: jnp.arccos(a),
    "Atan": lambda e, a: jnp.arctan(a),
    "Sinh": lambda e, a: jnp.sinh(a),
    "Conj": lambda e, a: jnp.conj(a),
    "Real": lambda e, a: jnp.real(a),
    "Imag": lambda e, a: jnp.imag(a),
    "Cosh": lambda e, a: jnp.cosh(a),
    "Tanh": lambda e, a: jnp.tanh(a),
    "Sigmoid": lambda e, a: jax.nn.sigmoid(a),
    "Softplus": lambda e, a: jax.nn.softplus(a),
    "Silu": lambda e, a: jax.nn.silu(a),
    "Gelu": lambda e, a: jax.nn.gelu(a, approximate=False),
    "Softsign": lambda e, a: jax.nn.soft_sign(a),
    "Log1p": lambda e, a: jnp.log1p(a),
    "Expm1": lambda e, a: jnp.expm1(a),
    "LeakyRelu": lambda e, a, b: jnp.where(a > 0, a, b * a),
    "Elu": lambda e, a, b: jnp.where(a > 0, a, b * jnp.expm1(jnp.where(a > 0, 0.0, a))),
    "Polygamma": lambda e, a: polygamma(e.order, a),
    "Erf": lambda e, a: jsp.special.erf(a),
    "Gamma": lambda e, a: jnp.exp(jsp.special.gammaln(a)),
    "LogGamma": lambda e, a: jsp.special.gammaln(a),
    "Digamma": lambda e, a: jsp.special.digamma(a),
    "Trigamma": lambda e, a: jsp.special.polygamma(1, a),
    "Maximum": lambda e, a, b: jnp.maximum(a, b),
    "Minimum": lambda e, a, b: jnp.minimum(a, b),
    "Where": lambda e, a, b, c: jnp.where(a != 0, b, c),
    # moving entries
    "Diag": lambda e, a: jnp.diag(a[:, 0]),
    "Diagonal": lambda e, a: jnp.diag(a),
    "Vec": lambda e, a: a,  # evaluate reads and writes these two column by column
    "Reshape": lambda e, a: a,
    "Vech": lambda e, a: jnp.concatenate([a[j:, j] for j in range(len(a))]),
    "KhatriRao": lambda e, a, b: jnp.stack([jnp.kron(x, y) for x, y in zip(a.T, b.T, strict=True)], 1),
    "Cross": lambda e, a, b: skew(a) @ b,
    "CrossMatrix": lambda e, a: skew(a),
    "Axial": lambda e, a: axial(a),
    "Triu": lambda e, a: jnp.triu(a),
    "Cumsum": lambda e, a: jnp.cumsum(a, e.axis),
    "RevCumsum": lambda e, a: jnp.flip(jnp.cumsum(jnp.flip(a, e.axis), e.axis), e.axis),
    "Tril": lambda e, a: jnp.tril(a),
    "DiagonalSums": lambda e, a: along_diagonals(a, jnp.sum),
    "DiagonalMeans": lambda e, a: along_diagonals(a, jnp.mean),
    "Kron": lambda e, a, b: jnp.kron(a, b),
    # reductions
    "Trace": lambda e, a: jnp.trace(a),
    "Prod": lambda e, a: keep(jnp.prod, e, a),
    "ProdOthers": lambda e, a: keep(jnp.prod, e, a) / a,
    "Total": lambda e, a: keep(jnp.sum, e, a),
    "Norm1": lambda e, a: jnp.sum(jnp.abs(a)),
    "Norm2": lambda e, a: jnp.sqrt(jnp.sum(jnp.real(a * jnp.conj(a)))),
    "NormF": lambda e, a: jnp.sqrt(jnp.sum(jnp.real(a * jnp.conj(a)))),
    "NormInf": lambda e, a: jnp.max(jnp.abs(a)),
    "IsLargest": lambda e, a: jnp.zeros(a.size).at[jnp.argmax(a)].set(1.0),
    "LogSumExp": lambda e, a: jnp.log(keep(jnp.sum, e, jnp.exp(a))),
    "Softmax": lambda e, a: jnp.exp(a) / keep(jnp.sum, e, jnp.exp(a)),
    # linear algebra
    "Inverse": lambda e, a: jnp.linalg.inv(a),
    "Det": lambda e, a: jnp.linalg.det(a),
    "LogDet": lambda e, a: jnp.linalg.slogdet(a)[1],
    "Pinv": lambda e, a: jnp.linalg.pinv(a),
    "Adjugate": lambda e, a: adjugate(a),
    "MatrixPower": lambda e, a, k: jnp.linalg.matrix_power(a, int(k[0, 0])),
    "Nuclear": lambda e, a: jnp.sum(jnp.linalg.svd(a, compute_uv=False)),
    "Polar": lambda e, a: polar(a),
    "SvdVals": lambda e, a: jnp.linalg.svd(a, compute_uv=False),
    "SvdU": lambda e, a: jnp.linalg.svd(a, full_matrices=False)[0],
    "SvdV": lambda e, a: jnp.linalg.svd(a, full_matrices=False)[2].T,
    "Spectral": lambda e, a: jnp.max(jnp.linalg.svd(a, compute_uv=False)),
    "Sylvester": lambda e, a, b, c: sylvester(a, b, c),
    "Cholesky": lambda e, a: jnp.linalg.cholesky((a + a.T) / 2),
    "HalfTril": lambda e, a: jnp.tril(a) - jnp.diag(jnp.diag(a)) / 2,
    "Frechet": lambda e, a, *d: frechet(e.function, a, *d),
    "Eig": lambda e, a: eigen(a)[0],
    "EigVecs": lambda e, a: eigen(a)[1],
    "EigGaps": lambda e, a: eiggaps(a),
    "EigMax": lambda e, a: eigen(a)[0][-1],
    "EigMin": lambda e, a: eigen(a)[0][0],
    "EigVecMax": lambda e, a: eigen(a)[1][:, -1],
    "EigVecMin": lambda e, a: eigen(a)[1][:, 0],
    "Expm": lambda e, a: expm(a),
    "Logm": lambda e, a: logm(a),
    "Sqrtm": lambda e, a: sqrtm(a),
    "Sinm": lambda e, a: cosine_and_sine(a)[1],
    "Cosm": lambda e, a: cosine_and_sine(a)[0],
    # unspecified
    "Unspecified": lambda e, a: loss(a),
    "UnspecifiedGradient": lambda e, a: jax.grad(loss)(a),
}


# ------------------------------------------------------------------ derivatives
def gradient(f, given, wrt, sizes=SIZES, upstream=1.0):
    """The gradient of ``sum(upstream .* f)`` by the symbol of this name, by JAX."""
    return jax.grad(lambda w: jnp.sum(upstream * value(f, {**given, wrt: w}, sizes)))(given[wrt])


def gradients(f, given, wrt, sizes=SIZES):
    """The gradients of a scalar by several symbols, in one sweep of JAX's."""
    found = jax.grad(lambda w: value(f, {**given, **w}, sizes)[0, 0])({name: given[name] for name in wrt})
    return {name: np.asarray(g) for name, g in found.items()}


def differences(f, x, step=1e-5):
    """The gradient of a scalar function of an array by central differences, where JAX has no derivative."""
    out = np.zeros(x.shape)
    for place in np.ndindex(*x.shape):
        moved = [np.array(x), np.array(x)]
        moved[0][place] += step
        moved[1][place] -= step
        out[place] = (f(moved[0]) - f(moved[1])) / (2 * step)
    return out


# ------------------------------------------------------------------ random values
def draw(e, seed=0, sizes=SIZES, extra=()):
    """A value for every symbol of an expression (and of ``extra``), with the facts that it declares."""
    symbols = {s.name: s for x in (e, *extra) for s in x.symbols}
    return {name: draw_symbol(s, seed, sizes) for name, s in sorted(symbols.items())}


def draw_symbol(s, seed=0, sizes=SIZES):
    """A value of a symbol; it depends on its name, so that other symbols change nothing."""
    rng = np.random.default_rng([seed, zlib.crc32(s.name.encode())])
    m, n = size(s.rows, sizes), size(s.cols, sizes)
    a = rng.uniform(0.2, 1.0, (m, n)) * rng.choice([-1.0, 1.0], (m, n))
    if s.has("complex"):
        a = a + 1j * rng.uniform(0.2, 1.0, (m, n))
    if s.has("integer"):
        return jnp.full((1, 1), float(rng.integers(2, 5)))
    if s.has("positive") or s.has("simplex"):
        a = np.abs(a)
    if s.has("simplex"):
        a = a / a.sum(axis=None if n == 1 else 1, keepdims=True)
    if s.has("unit"):
        a = a / np.linalg.norm(a)
    if s.has("diagonal"):
        a = np.diag(np.diag(a))
    elif s.has("psd"):
        a = a @ a.T + np.eye(m)
    elif s.has("symmetric"):
        a = (a + a.T) / 2
    elif s.has("skew"):
        a = a - a.T
    elif s.has("orthogonal"):
        a = np.linalg.qr(a)[0]
    elif s.has("lower_triangular"):
        a = np.tril(a)
    elif s.has("toeplitz"):
        a = np.array([[a[0, j - i] if j >= i else a[i - j, 0] for j in range(n)] for i in range(m)])
    elif s.has("zero_diagonal"):
        a = a - np.diag(np.diag(a))
    if s.has("invertible") and not (s.has("psd") or s.has("orthogonal")):
        a = a + m * np.eye(m)
    return jnp.asarray(a)


def as_given(given, e):
    """Values with two axes as users pass them: a column is 1-D, a scalar 0-D, an integer an int."""
    out = {}
    for s in e.symbols:
        a = np.asarray(given[s.name])
        out[s.name] = int(a[0, 0]) if s.has("integer") else a.reshape(a.shape[: s.ndim])
    return out


def run(call, given, e, sizes=SIZES):
    """What a compiled expression gives, with two axes."""
    known = {**sizes, **FUNCTIONS, **as_given(given, e)}
    with np.errstate(all="ignore"):
        out = np.asarray(call(**{name: known[name] for name in call.names}))
    return out.reshape(size(e.rows, sizes), size(e.cols, sizes))
