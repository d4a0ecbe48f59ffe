"""Convexity: known answers, each with a certificate, judged on random segments by the tests' own referee."""

import judge
import numpy as np
import pytest

import matcalc as mc

# function, declarations, by, verdict
PROBLEMS = (
    ("norm2(A*x-b)^2", "A[m,n] x[n] b[m]", "x", "convex"),
    ("x'*A*x", "A[n,n] x[n]", "x", "unknown"),
    ("x'*S*x", "S[n,n](psd) x[n]", "x", "strictly convex"),
    ("logsumexp(A*x)", "A[m,n] x[n]", "x", "convex"),
    ("sum(log(1 .+ exp(-y.*(A*x))))", "A[m,n] x[n] y[m]", "x", "convex"),
    ("sum(softplus(A*x)) - y'*A*x", "A[m,n] x[n] y[m]", "x", "convex"),
    ("norm2(x)", "x[n]", "x", "convex"),
    ("norm2(A*x-b)", "A[m,n] x[n] b[m]", "x", "convex"),
    ("x'*x/c", "x[n] c(positive)", "x", "strictly convex"),
    ("x'*x/c", "x[n] c(positive)", "x,c", "convex"),
    ("-logdet(X)", "X[n,n](psd)", "X", "strictly convex"),
    ("tr(inv(X))", "X[n,n](psd)", "X", "strictly convex"),
    ("-sum(log(x))", "x[n](positive)", "x", "strictly convex"),
    ("-sum(log(x))", "x[n]", "x", "strictly convex"),
    ("sum(x.*log(x))", "x[n](positive)", "x", "strictly convex"),
    ("x'*log(x)", "x[n]", "x", "strictly convex"),
    ("sqrt(1+x'*x)", "x[n]", "x", "strictly convex"),
    ("(x'*x)^2", "x[n]", "x", "strictly convex"),
    ("exp(x'*x)", "x[n]", "x", "strictly convex"),
    ("normf(A*X-B)^2", "A[m,n] X[n,p] B[m,p]", "X", "convex"),
    ("sum(logsumexp(X*W,2)) - tr(Y'*X*W)", "X[m,n] W[n,k] Y[m,k]", "W", "convex"),
    ("-sum(Y.*log(softmax(X*W,2)))", "X[m,n] W[n,k] Y[m,k](positive)", "W", "convex"),
    ("tr(X'*A*X)", "X[n,p] A[n,n](psd)", "X", "strictly convex"),
    ("log(sum(exp(x)))", "x[n]", "x", "convex"),
    ("sum(sigmoid(x))", "x[n]", "x", "unknown"),
    ("prod(x)^(1/n)", "x[n](positive)", "x", "concave"),
    ("x'*inv(Y)*x", "x[n] Y[n,n](psd)", "Y", "convex"),
    ("x'*inv(Y)*x", "x[n] Y[n,n](psd)", "x,Y", "convex"),
    ("eigmax(X)", "X[n,n](symmetric)", "X", "convex"),
    ("nuclear(A*X)", "A[m,n] X[n,p]", "X", "convex"),
    ("det(X)^(1/n)", "X[n,n](psd)", "X", "concave"),
    ("tr(X*logm(X))", "X[n,n](psd)", "X", "strictly convex"),
    ("tr(expm(X))", "X[n,n](symmetric)", "X", "strictly convex"),
    ("x*y", "x y", "x,y", "unknown"),
    ("sqrt(x*y)", "x(positive) y(positive)", "x,y", "concave"),
    ("x'*log(x./q)", "x[n](positive) q[n](positive)", "x,q", "convex"),
    ("logdet(A*diag(x)*A')", "A[m,n] x[n](positive)", "x", "concave"),
    ("tr(inv(A*diag(x)*A'))", "A[m,n] x[n](positive)", "x", "convex"),
    ("1/x", "x(positive)", "x", "strictly convex"),
    ("sum(maximum(A*x-b,0))", "A[m,n] x[n] b[m]", "x", "convex"),
    ("norm1(x)+c*norm2(x)^2", "x[n] c(positive)", "x", "strictly convex"),
    ("tr(A*inv(X))", "X[n,n](psd) A[n,n](psd)", "X", "strictly convex"),
    ("-tr(sqrtm(X))", "X[n,n](psd)", "X", "strictly convex"),
    ("tr(X*X)", "X[n,n](symmetric)", "X", "strictly convex"),
    ("log(1-sigmoid(a'*x))", "a[n] x[n]", "x", "concave"),
    ("sum(x.^3)", "x[n](positive)", "x", "strictly convex"),
    ("sum(x.^1.5)", "x[n]", "x", "strictly convex"),
    ("(x'*x)^1.5", "x[n]", "x", "strictly convex"),
    ("x'*B*x", "B[n,n](symmetric) x[n]", "x", "unknown"),
    ("det(X)", "X[n,n]", "X", "unknown"),
    ("det(X)", "X[n,n](psd)", "X", "unknown"),
    ("sum(sin(x))", "x[n]", "x", "unknown"),
    ("-x'*x", "x[n]", "x", "strictly concave"),
    ("c'*x + d", "c[n] x[n] d", "x", "affine"),
    ("norm2(x)^2 - x'*x", "x[n]", "x", "affine"),
    ("sum(abs(x))", "x[n]", "x", "convex"),
    ("-sum(abs(x))", "x[n]", "x", "concave"),
    ("-sum(relu(x))", "x[n]", "x", "concave"),
    ("1/x", "x", "x", "unknown"),
    ("x'*x/y", "x[n] y", "x", "unknown"),
    ("x'*x/y", "x[n] y", "x,y", "unknown"),
    ("x*log(x)", "x", "x", "strictly convex"),
    ("log(x)", "x", "x", "strictly concave"),
    ("-log(x'*x)", "x[n]", "x", "unknown"),
    ("logdet(X)", "X[n,n]", "X", "unknown"),
    ("logdet(X)", "X[n,n](symmetric)", "X", "unknown"),
    ("tr(A*X)", "X[n,n](orthogonal) A[n,n]", "X", "affine"),
    ("x'*X*x", "X[n,n] x[n]", "X", "affine"),
    ("spectral(X)", "X[m,n]", "X", "convex"),
    ("eigmin(X)", "X[n,n](symmetric)", "X", "concave"),
    ("tr(X)", "X[n,n](psd)", "X", "affine"),
    ("sum(x)", "x[n](simplex)", "x", "affine"),
    ("sum(exp(x))^2", "x[n]", "x", "strictly convex"),
    ("exp(norm2(x))", "x[n]", "x", "convex"),
    ("norm2(x)^3", "x[n]", "x", "strictly convex"),
    ("norm2(x)^(1/2)", "x[n]", "x", "unknown"),
    ("sqrt(x'*x)", "x[n]", "x", "convex"),
    ("sqrt(x'*S*x)", "x[n] S[n,n](psd)", "x", "convex"),
    ("max(x,y)", "x y", "x,y", "convex"),
    ("min(x,y)", "x y", "x,y", "concave"),
    ("sum(leaky_relu(x,0.1))", "x[n]", "x", "convex"),
    ("sum(elu(x))", "x[n]", "x", "convex"),
    ("sum(silu(x))", "x[n]", "x", "unknown"),
    ("sum(tanh(x))", "x[n](positive)", "x", "strictly concave"),
    ("sum(cosh(A*x))", "x[n] A[m,n]", "x", "convex"),
    ("norminf(A*x-b)", "A[m,n] x[n] b[m]", "x", "convex"),
    ("x'*A'*A*x + 2*b'*x + c", "A[m,n] x[n] b[n] c", "x", "convex"),
    ("(A*x-b)'*S*(A*x-b)", "A[m,n] x[n] b[m] S[m,m](psd)", "x", "convex"),
    ("(A*x-b)'*inv(S)*(A*x-b)", "A[m,n] x[n] b[m] S[m,m](psd)", "x", "convex"),
    ("normf(A*X*B-Y)^2 + c*normf(X)^2", "A[m,n] X[n,p] B[p,q] Y[m,q] c(positive)", "X", "strictly convex"),
    ("sum((X*W).^2)", "X[m,n] W[n,k]", "W", "convex"),
    ("logdet(X)-tr(S*X)", "X[n,n](psd) S[n,n](psd)", "X", "strictly concave"),
    ("tr(X^3)", "X[n,n](psd)", "X", "strictly convex"),
    ("tr(X*A*X*B)", "X[n,n](symmetric) A[n,n](psd) B[n,n](psd)", "X", "strictly convex"),
    ("tr(X*A*X*B)", "X[n,n] A[n,n](psd) B[n,n](psd)", "X", "unknown"),
    ("normf(X*X'-A)", "X[n,p] A[n,n]", "X", "unknown"),
    ("normf(A-U*V')^2", "A[m,n] U[m,k] V[n,k]", "U", "convex"),
    ("normf(A-U*V')^2", "A[m,n] U[m,k] V[n,k]", "U,V", "unknown"),
    ("sum(x)^2", "x[n]", "x", "convex"),
    ("n*x'*x - sum(x)^2", "x[n]", "x", "convex"),
    ("x'*x - (x'*u)^2", "x[n] u[n](unit)", "x", "convex"),
    ("x'*x - x(1)^2", "x[n]", "x", "convex"),
    ("c^3", "c(positive)", "c", "strictly convex"),
    ("c^4-2*c^2", "c", "c", "unknown"),
    ("c^4+2*c^2-c", "c", "c", "strictly convex"),
    ("exp(-c)", "c", "c", "strictly convex"),
    ("c*exp(c)", "c(positive)", "c", "strictly convex"),
    ("c^2/(1+c)", "c(positive)", "c", "strictly convex"),
    ("log(1+exp(c))", "c", "c", "strictly convex"),
    ("log(c)^2", "c(positive)", "c", "unknown"),
    ("-log(c)^2", "c(positive)", "c", "unknown"),
    ("(c-d)^2+(c+d)^2", "c d", "c,d", "strictly convex"),
    ("c^2+d^2-c*d", "c d", "c,d", "strictly convex"),
    ("c^2+d^2-3*c*d", "c d", "c,d", "unknown"),
    ("exp(c+d)", "c d", "c,d", "convex"),
    ("log(exp(c)+exp(d))", "c d", "c,d", "convex"),
    ("y'*log(softmax(W*x))", "y[m](simplex) W[m,n] x[n]", "x", "concave"),
    ("-y'*log(softmax(W*x))", "y[m](simplex) W[m,n] x[n]", "W", "convex"),
    ("sum(gamma(x))", "x[n](positive)", "x", "strictly convex"),
    ("sum(lgamma(x))", "x[n](positive)", "x", "strictly convex"),
    ("sum(x./(1 .+ x))", "x[n](positive)", "x", "strictly concave"),
    ("sum(sqrt(x))", "x[n]", "x", "strictly concave"),
    ("sum(exp(x)./(1 .+ exp(x)))", "x[n]", "x", "unknown"),
    ("x'*diag(d)*x", "x[n] d[n](positive)", "x", "strictly convex"),
    ("tr(X'*L*X)", "X[n,p] L[n,n](psd)", "X", "strictly convex"),
    ("quad(A'*A, x)", "A[m,n] x[n]", "x", "convex"),
    ("sum(x.*y)", "x[n] y[n]", "x", "affine"),
    ("prod(x)", "x[n](positive)", "x", "unknown"),
    ("1/prod(x)", "x[n](positive)", "x", "strictly convex"),
    ("-sum(log(b+A*x))", "A[m,n] x[n] b[m]", "x", "convex"),
    ("-logdet(eye(n)+X)", "X[n,n](psd)", "X", "strictly convex"),
    ("logdet(eye(n)+A*X*A')", "X[m,m](psd) A[n,m]", "X", "concave"),
    ("x'*inv(eye(n)+S)*x", "S[n,n](psd) x[n]", "S", "convex"),
    ("tr(inv(X))^2", "X[n,n](psd)", "X", "strictly convex"),
    ("eigmax(A+B*diag(x)*B')", "A[n,n](symmetric) B[n,m] x[m]", "x", "convex"),
    ("(x'*x)*(y'*y)", "x[n] y[n]", "x", "convex"),
    ("(x'*S*x)^2+exp(c'*x)", "x[n] S[n,n](psd) c[n]", "x", "strictly convex"),
    ("sum(log(sigmoid(A*x)))", "A[m,n] x[n]", "x", "concave"),
    ("-sum(y.*log(sigmoid(A*x)) + (1 .- y).*log(1 .- sigmoid(A*x)))", "A[m,n] x[n] y[m]", "x", "convex"),
    ("mean((y-A*x).^2)+c*norm1(x)", "A[m,n] x[n] y[m] c(positive)", "x", "convex"),
)
SIZES = (
    {"m": 3, "n": 4, "p": 2, "q": 5, "k": 2},
    {"m": 1, "n": 1, "p": 1, "q": 1, "k": 1},
    {"m": 2, "n": 5, "p": 3, "q": 1, "k": 3},
)
LEFT_OUT = ("orthogonal", "unit", "invertible", "integer")


def decided(text, declarations, by):
    return mc.convexity(mc.parse(text, declarations), by.split(","))


def heights(f, variables, seed, sizes, scale=1.0):
    """How far chords lie above a function, by the referee's own values at points of its own; None outside of its domain."""
    for turn in (lambda a: a, np.abs, lambda a: 1 + np.abs(a) / 10):  # where the function may have values
        fixed = {s.name: turned(s, judge.draw_symbol(s, seed, sizes), turn) for s in f.symbols}
        ends = []
        for k in range(2):
            rng = np.random.default_rng([seed, k, 11])
            drawn = {w.name: judge.draw_symbol(w, 97 * seed + k, sizes) * _spread(w, rng, scale) for w in variables}
            ends.append({w.name: turned(w, drawn[w.name], turn) for w in variables})
        shares = (0.0, 0.25, 0.5, 0.9, 1.0)
        at = [{name: (1 - t) * ends[0][name] + t * ends[1][name] for name in ends[0]} for t in shares]
        values = [float(np.asarray(judge.value(f, fixed | a, sizes)).reshape(())) for a in at]
        if np.all(np.isfinite([values[0], values[-1]])):
            break
    else:
        return None
    scale = max(1.0, *(abs(v) for v in values))
    return [((1 - t) * values[0] + t * values[-1] - v) / scale for t, v in zip(shares[1:-1], values[1:-1], strict=True)]


def turned(s, value, turn):
    """A value made positive where no fact of the symbol says more."""
    return value if s.facts else turn(value)


def _spread(w, rng, scale):
    """A factor that keeps the facts of a symbol."""
    return 1.0 if w.has("simplex") else scale * float(rng.uniform(0.2, 2.0))


def agrees(found, height, tolerance=1e-9):
    if found == "affine":
        return abs(height) <= tolerance
    return height >= -tolerance if found == "convex" else height <= tolerance


def judged(f, variables, verdict, seeds=range(2)):
    """The number of segments on which a verdict held; it held on all."""
    count = 0
    for seed in seeds:
        for sizes in SIZES:
            found = heights(f, variables, seed, sizes, (0.5, 1.0, 3.0)[seed % 3])
            if found is None:
                continue
            assert all(agrees(verdict, h) for h in found), (str(f), verdict, seed, sizes, found)
            count += 1
    return count


@pytest.mark.parametrize(("text", "declarations", "by", "verdict"), PROBLEMS)
def test_verdict(text, declarations, by, verdict):
    found = decided(text, declarations, by)
    assert ("strictly " if found.strict else "") + found.verdict == verdict
    if found.verdict == "unknown":
        assert not found.steps
        assert found.why
        return
    assert judged(found.function, found.wrt, found.verdict) >= 2
    assert found.check(10, seed=5)
    assert found.steps


@pytest.mark.parametrize(("text", "declarations", "by", "verdict"), [p for p in PROBLEMS if p[3] != "unknown"])
def test_certificate_is_in_order(text, declarations, by, verdict):
    """Every line refers to earlier ones, is used later, and the last line is the verdict."""
    found = decided(text, declarations, by)
    assert [s.number for s in found.steps] == list(range(1, len(found.steps) + 1))
    for s in found.steps:
        assert all(n < s.number for n in s.uses)
        assert s.rule
        assert s.why
    used = {n for s in found.steps for n in s.uses} | {len(found.steps)}
    assert used == {s.number for s in found.steps}
    assert found.steps[-1].fact == f"{found.function} is {verdict}"


@pytest.mark.parametrize(("text", "declarations", "by"), [p[:3] for p in PROBLEMS if p[3] == "unknown"])
def test_what_is_unknown_is_refuted_by_numbers(text, declarations, by):
    """None of the unknown ones of the table is convex or concave; the witness shows so."""
    found = decided(text, declarations, by)
    assert "neither convex nor concave" in found.why
    below, above = found.witness
    assert below.height < 0 < above.height


@pytest.mark.parametrize("verdict", ["convex", "concave", "affine", "unknown"])
def test_every_verdict_occurs(verdict):
    assert sum(p[3].removeprefix("strictly ") == verdict for p in PROBLEMS) >= 6
