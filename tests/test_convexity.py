"""Convexity: known answers, each with a certificate, judged on random segments by the tests' own referee."""

from dataclasses import replace
from fractions import Fraction
from functools import cache

import judge
import numpy as np
import pytest
import sympy as sp

import matcalc as mc
from matcalc.curvature.bend_logs import LOG_RULES
from matcalc.curvature.bend_logs import RULES as AFTER_LOGS
from matcalc.curvature.bend_matrices import FORM_RULES
from matcalc.curvature.compositions import RULES
from matcalc.curvature.graphs import GRAPHS, power_graph
from matcalc.ops import OPERATORS

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
    ("-sum(log((ones(n) + erf(y.*(X*w)/sqrt(2)))/2))", "X[n,m] w[m] y[n]", "w", "convex"),
    ("logdet(A*diag(x))", "A[n,n](psd) x[n](positive)", "x", "strictly concave"),
    ("tr(A*inv(B)) - logdet(A*inv(B)) - n", "A[n,n](psd) B[n,n](psd)", "A", "strictly convex"),
    ("tr((X'*X)^2)", "X[m,n]", "X", "strictly convex"),
    ("tr(X'*X*X'*X)", "X[m,n]", "X", "strictly convex"),
    ("tr(expm(A*A'))", "A[m,n]", "A", "strictly convex"),
    ("exp(mean(log(x)))", "x[n]", "x", "concave"),
    ("exp(sum(log(x))/(2*n))", "x[n](positive)", "x", "strictly concave"),
    ("exp(w'*log(x))", "w[n](simplex) x[n]", "x", "concave"),
    ("sum(abs(A*x-b).^3)^(1/3)", "A[m,n] x[n] b[m]", "x", "convex"),
    ("sum(x.^4)^(1/4)", "x[n]", "x", "convex"),
    ("sum(x.^1.5)^(2/3)", "x[n](positive)", "x", "convex"),
    ("tr(X^4)", "X[n,n](symmetric)", "X", "strictly convex"),
    ("tr(X*X*X)", "X[n,n](psd)", "X", "strictly convex"),
    ("logdet(X'*X)", "X[n,n]", "X", "unknown"),
    ("sum(log(1 .- erf(x)))", "x[n]", "x", "strictly concave"),
    ("tr(X*logm(X)) - tr(X)", "X[n,n](psd)", "X", "strictly convex"),
    ("tr(inv(X)*inv(X))", "X[n,n](psd)", "X", "strictly convex"),
    ("tr(X^-2)", "X[n,n](psd)", "X", "strictly convex"),
    ("sum(where(step(abs(x) .- 1), abs(x) .- 1/2, x.^2/2))", "x[n]", "x", "convex"),
    ("sum(where(step(abs(A*x-b) .- 1), 2*abs(A*x-b) .- 1, (A*x-b).^2))", "x[n] A[m,n] b[m]", "x", "convex"),
    ("sum(where(step(abs(x) .- 1), abs(x), x.^2/2))", "x[n]", "x", "unknown"),
    ("sum(maximum(1 .- y.*(A*x), 0).^2)", "A[m,n] x[n] y[m]", "x", "convex"),
    ("sum(maximum(0.9*x, -0.1*x))", "x[n]", "x", "convex"),
    ("sum(x.*sign(x))", "x[n]", "x", "convex"),
    ("sum(sign(x))", "x[n]", "x", "unknown"),
    ("sum(abs(x) + x)", "x[n](positive)", "x", "affine"),
    ("sum(abs(x) - x)", "x[n](positive)", "x", "affine"),
    ("sum(abs(x) - x)", "x[n]", "x", "convex"),
    ("sum(x.*abs(x))", "x[n]", "x", "unknown"),
    ("sum(minimum(abs(x), 1))", "x[n]", "x", "unknown"),
    ("sum(relu(x) - relu(-x))", "x[n]", "x", "affine"),
    ("sum(relu(x) - x)", "x[n]", "x", "convex"),
    ("sum(abs(abs(x) .- 1))", "x[n]", "x", "unknown"),
    ("sum(relu(abs(x) .- 1))", "x[n]", "x", "convex"),
    ("sum(abs(x.^2 .- 1))", "x[n]", "x", "unknown"),
    ("sum(abs(x).^3)", "x[n]", "x", "strictly convex"),
    ("sum(where(step(x), x.^2, 2*x.^2))", "x[n]", "x", "strictly convex"),
    ("sum(where(step(x), x.^2, x))", "x[n]", "x", "unknown"),
    ("sum(leaky_relu(x,2))", "x[n]", "x", "concave"),
    ("sum(step(x))", "x[n](positive)", "x", "affine"),
    ("sum(x.*abs(x))", "x[n](positive)", "x", "strictly convex"),
    ("y'*(2*inv(X) + inv(X)')*y", "X[n,n](psd) y[n]", "X", "convex"),
    ("tr(A*(inv(X)/2 + eye(n)))", "X[n,n](psd) A[n,n](psd)", "X", "strictly convex"),
    ("eigmax(diag(x.^2) + B)", "x[n] B[n,n](symmetric)", "x", "convex"),
    ("sum(diag(inv(X)))", "X[n,n](psd)", "X", "strictly convex"),
    ("sum(inv(X))", "X[n,n](psd)", "X", "convex"),
    ("log(c'*exp(x))", "c[n](positive) x[n]", "x", "convex"),
    ("log(c*exp(-c))", "c(positive)", "c", "strictly concave"),
    ("sum(where(m, x.^2, exp(x)))", "m[n] x[n]", "x", "convex"),
    ("log(exp(c)/(1+exp(c)))", "c", "c", "strictly concave"),
    ("log(sum(exp(x)'))", "x[n]", "x", "convex"),
    ("log(prod(x))", "x[n](positive)", "x", "strictly concave"),
    ("exp(c)*exp(d^2)", "c d", "c,d", "strictly convex"),
    ("sum(exp(kron(p, x.^2)))", "p[m](positive) x[n]", "x", "convex"),
    ("log(sum(exp(x).^2))", "x[n]", "x", "convex"),
    ("log(det(X))", "X[n,n](psd)", "X", "strictly concave"),
    ("sum(log1p(exp(x)))", "x[n]", "x", "strictly convex"),
    ("log(gamma(c))", "c(positive)", "c", "strictly convex"),
    ("log(maximum(exp(c), exp(2*c)))", "c", "c", "convex"),
    ("sum(log(1 .+ sqrt(x)))", "x[n](positive)", "x", "strictly concave"),
    ("x'*y + 3", "x[n] y[n]", "x", "affine"),
    ("prod(x)^c", "x[n](positive) c(positive)", "x", "unknown"),
    ("exp(c*sum(log(x)))", "x[n] c(positive)", "x,c", "unknown"),
    ("logsumexp(x)", "x[1]", "x", "affine"),
    ("norm2(x)", "x[1]", "x", "convex"),
    ("x'*A*x", "x[1] A[1,1](psd)", "x", "strictly convex"),
    ("normf(X)^2 + tr(X)", "X[n,n](skew)", "X", "strictly convex"),
    ("tr(X'*X)", "X[n,n](diagonal)", "X", "strictly convex"),
    ("tr(X*A)", "X[n,n](toeplitz) A[n,n]", "X", "affine"),
    ("sum(x.^2) - 1/n", "x[n](simplex)", "x", "strictly convex"),
    ("-sum(x.*log(x))", "x[n](simplex)", "x", "strictly concave"),
    ("logdet(diag(x)+A*A')", "x[n](positive) A[n,m]", "x", "strictly concave"),
    ("tr(A*X*B*X')", "X[n,m] A[n,n](psd) B[m,m](psd)", "X", "strictly convex"),
    ("0*sum(x)", "x[n]", "x", "affine"),
    ("log(c^2)", "c(positive)", "c", "strictly concave"),
    ("log(c^2)", "c", "c", "unknown"),
    ("abs(c)^3", "c", "c", "strictly convex"),
    ("c^2/d", "c d(positive)", "c,d", "convex"),
    ("1/(c*d)", "c(positive) d(positive)", "c,d", "strictly convex"),
    ("-c*log(c) - (1-c)*log(1-c)", "c", "c", "strictly concave"),
    ("eigmax(X) - eigmin(X)", "X[n,n](symmetric)", "X", "convex"),
    ("eigmax(X'*X)", "X[m,n]", "X", "convex"),
    ("spectral(X)^2", "X[m,n]", "X", "convex"),
    ("nuclear(X) + normf(X)^2", "X[m,n]", "X", "strictly convex"),
    ("sum(cumsum(x).^2)", "x[n]", "x", "convex"),
    ("softmax(x)(1)", "x[n]", "x", "unknown"),
    ("nuclear(X)", "X[n,n](psd)", "X", "affine"),
    ("nuclear(X'*X)", "X[m,n]", "X", "strictly convex"),
    ("spectral(X*S*X')^2", "X[m,n] S[n,n](psd)", "X", "convex"),
    ("normf(X'*X)", "X[m,n]", "X", "convex"),
    ("normf(inv(X))^2", "X[n,n](psd)", "X", "strictly convex"),
    ("norm2(vech(X))", "X[n,n]", "X", "convex"),
    ("sum(vech(X))", "X[n,n](symmetric)", "X", "affine"),
    ("norm2(cross(a,x))", "a[3] x[3]", "x", "convex"),
)
SIZES = (
    {"m": 3, "n": 4, "p": 2, "q": 5, "k": 2},
    {"m": 1, "n": 1, "p": 1, "q": 1, "k": 1},
    {"m": 2, "n": 5, "p": 3, "q": 1, "k": 3},
)


@cache
def decided(text, declarations, by):
    return mc.convexity(mc.parse(text, declarations), by.split(","))


def heights(f, variables, seed, sizes, scale=1.0):
    """How far chords lie above a function, by the referee's own values at points of its own; None outside of its domain."""
    for turn in (
        lambda a: a,
        np.abs,
        lambda a: 1 + np.abs(a) / 10,
        lambda a: 0.4 + np.tanh(a) / 4,
    ):  # where the function may have values
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


def judged(f, variables, verdict, seed=0):
    """The number of segments on which a verdict held; it held on all."""
    count = 0
    for sizes, scale in zip(SIZES, (1.0, 3.0, 0.5), strict=True):
        found = heights(f, variables, seed, sizes, scale)
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


# ------------------------------------------------------------------ the tables
def rules_of(proof):
    return {s.rule for s in proof.steps}


def test_every_rule_is_used():
    """A rule that no problem needs is not tested here, and may not be needed."""
    used = {"definition", "linear-operator"}  # the first is below; what is affine is a line of its own, whichever rule says so
    for text, declarations, by, _ in PROBLEMS:
        used |= rules_of(decided(text, declarations, by))
    x = mc.symbols("x[n]")
    used |= rules_of(mc.convexity(mc.eigval_max(mc.let("D", mc.diag(mc.exp(x)))), x))
    missing = {rule.name for rule in (*RULES, *LOG_RULES, *FORM_RULES, *AFTER_LOGS)} - used
    assert not missing


def test_functions_of_the_users_own():
    t = sp.Symbol("t")
    x, A = mc.symbols("x[n] A[m,n]")
    square = mc.elementwise("half_square", t**2 / 2)
    found = mc.convexity(mc.sum(square(x)), x)
    assert (found.verdict, found.strict) == ("convex", True)
    assert "definition" in rules_of(found)
    assert found.check(20)
    bell = mc.elementwise("bell", sp.exp(-(t**2)))
    assert mc.convexity(mc.sum(bell(x)), x).verdict == "unknown"
    assert mc.convexity(mc.sum(square(mc.abs(A @ x))), x).verdict == "convex"


# ------------------------------------------------------------------ the graphs of entrywise functions
@pytest.mark.parametrize("name", GRAPHS)
def test_graph(name):
    """Pieces, values and landmarks of the table against the function itself."""
    graph = GRAPHS[name]
    x = mc.symbols("x[m]")
    f = OPERATORS[name](x)
    low, high = max(float(graph.domain.low), -6.0), min(float(graph.domain.high), 6.0)
    grid = np.linspace(low + 1e-3, high - 1e-3, 481)
    values = np.asarray(judge.value(f, {"x": grid.reshape(-1, 1)}, {"m": len(grid)})).reshape(-1)
    inside = graph.image(graph.domain)
    assert np.all(values >= float(inside.low) - 1e-12)
    assert np.all(values <= float(inside.high) + 1e-12)
    for t, v in graph.landmarks:
        if abs(t) < 5 and abs(v) < 5 and graph.landmarks[0][0] < t < graph.landmarks[-1][0]:
            np.testing.assert_allclose(np.interp(float(t), grid, values), float(v), atol=1e-3)
    for piece in graph.pieces:
        on = (grid >= float(piece.where.low)) & (grid <= float(piece.where.high))
        part = values[on]
        first, second = np.diff(part), np.diff(part, 2)
        assert np.all(piece.trend * first >= -1e-12) or not piece.trend
        assert np.all(piece.bend * second >= -1e-9) if piece.bend else np.all(np.abs(second) <= 1e-9)
        if not piece.trend:  # then it does both
            assert np.min(first) < 0 < np.max(first)


@pytest.mark.parametrize("p", ["-3", "-2", "-1", "-1/2", "1/3", "1/2", "1", "3/2", "2", "3", "4", "5/2"])
def test_power_graph(p):
    p = Fraction(p)
    for piece in power_graph(p).pieces:
        grid = np.linspace(max(float(piece.where.low), -4) + 1e-3, min(float(piece.where.high), 4) - 1e-3, 201)
        values = np.sign(grid) ** (int(p) if p.denominator == 1 else 1) * np.abs(grid) ** float(p)
        assert np.all(piece.trend * np.diff(values) >= 0)
        second = np.diff(values, 2)
        assert np.all(piece.bend * second >= -1e-9) if piece.bend else np.all(np.abs(second) < 1e-9)


# ------------------------------------------------------------------ the result
def test_result_fields():
    x, y = mc.symbols("x[n] y(positive)")
    found = mc.convexity(x.T @ x / y, [x, "y"])
    assert found.wrt == (x, y)
    assert found.conditions == ("y > 0",)
    assert found.why == ""
    assert str(found).splitlines()[0] == "x'*x/y is convex in x, y"
    assert str(found).splitlines()[-1] == "for y > 0"
    assert found.to_latex().startswith("\\begin{aligned}")
    assert found._repr_latex_().startswith("$\\displaystyle \\begin{aligned}")
    assert "1. $x \\quad\\text{is affine}$" in found.to_markdown()
    with pytest.raises(AttributeError):
        found.verdict = "concave"


def test_unknown_says_why():
    x, A = mc.symbols("x[n] A[n,n]")
    found = mc.convexity(x.T @ A @ x, x)
    assert str(found).startswith("x'*A*x, by x: unknown\nneither convex nor concave in x for all values: ")
    assert found.why.endswith("; where A is declared psd, it is strictly convex")
    assert "not decided" in found.to_latex()
    with pytest.raises(mc.OperandError, match="no verdict to check"):
        found.check()


def test_a_wrong_verdict_is_found():
    """The judge is not one that always agrees."""
    x = mc.symbols("x[n]")
    found = mc.convexity(x.T @ x, x)
    for verdict in ("concave", "affine"):
        report = replace(found, verdict=verdict).check()
        assert not report.passed
        assert f"x'*x is not {verdict} on a segment at" in report.message


def test_domains():
    A, x, b, X, S = mc.symbols("A[m,n] x[n] b[m] X[n,n](psd) S[n,n](symmetric)")
    assert mc.convexity(-mc.sum(mc.log(b - A @ x)), x).conditions == ("b - A*x > 0",)
    assert mc.convexity(-mc.logdet(X), X).conditions == ("X psd",)
    assert mc.convexity(mc.tr(S @ S), S).conditions == ("S symmetric",)
    q, Q = mc.symbols("q[n](simplex) Q[n,n](orthogonal)")
    assert mc.convexity(mc.sum(mc.multiply(q, mc.log(q))), q).conditions == ("q in the simplex",)
    assert mc.convexity(mc.tr(Q), Q).conditions == ("any Q, as the declared set is not convex",)


def test_several_declarations_of_one_function():
    """The same text has the verdict that its declarations allow."""
    for declared, verdict in (("c", "unknown"), ("c(positive)", "convex")):
        assert decided("1/c", declared, "c").verdict == verdict
    for declared, verdict in (("X[n,n]", "unknown"), ("X[n,n](symmetric)", "unknown"), ("X[n,n](psd)", "convex")):
        assert decided("tr(inv(X))", declared, "X").verdict == verdict


def test_refusals():
    A, x, z = mc.symbols("A[m,n] x[n] z[n](complex)")
    with pytest.raises(mc.ShapeError, match=r"convexity needs a scalar function, but A\*x \(m x 1\)"):
        mc.convexity(A @ x, x)
    with pytest.raises(mc.UnsupportedError, match="needs a real function of real variables"):
        mc.convexity(mc.sum(mc.abs(z)), z)
    with pytest.raises(mc.OperandError, match="'y' is not a symbol"):
        mc.convexity(x.T @ x, "y")
    with pytest.raises(mc.OperandError, match="trials is a positive int"):
        mc.convexity(x.T @ x, x).check(trials=0)
    assert mc.convexity(mc.function("L")(x), x).verdict == "unknown"


def test_more_than_two_axes():
    T = mc.symbols("T[m,n,k]")
    found = mc.convexity(mc.normf(T) ** 2, T)
    assert (found.verdict, found.strict) == ("convex", True)
    assert found.check()


def test_long_sums_are_no_matter():
    x = mc.symbols("x[n]")
    f = mc.exp(mc.norm2(x))
    for k in range(300):
        f = mc.log(1 + mc.exp(f)) if k % 2 else f + x.T @ x
    found = mc.convexity(f, x)
    assert (found.verdict, found.strict) == ("convex", True)
