"""Random matrices whose rows and columns stack two axes each, and the problems whose Hessians are such."""

import random
from dataclasses import replace

import judge
import numpy as np

import matcalc as mc
from matcalc.emit.backends import NUMPY
from matcalc.expr import Symbol, transpose
from matcalc.node import postorder
from matcalc.ops.stacking import commutation
from matcalc.ops.structure import Kron

DIMS = dict(zip("mnpq", mc.dims("m n p q"), strict=True))
SIZES = (
    {"m": 3, "n": 4, "p": 2, "q": 5},
    {"m": 1, "n": 3, "p": 1, "q": 2},
    {"m": 1, "n": 1, "p": 1, "q": 1},
    {"m": 2, "n": 2, "p": 2, "q": 2},
)
PLAIN = replace(
    NUMPY,
    name="plain",
    in_place=False,
    helpers=NUMPY.helpers - {"outer", "on_diagonal", "add_on_diagonal", "grams", "symmetric_grams"},
)


class Maker:
    """Random matrices with rows that stack two axes and columns that stack two."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.count = 0

    def symbol(self, rows, cols, facts=()):
        name = self.rng.choice([f"A{rows}{cols}", f"B{rows}{cols}"])  # few names, so that arrays occur twice
        return mc.matrix(name, DIMS[rows], DIMS[cols])

    def plain(self, rows, cols, depth=1):
        """A matrix with these axes."""
        kind = self.rng.randrange(8 if depth else 2)
        if rows == cols and self.rng.random() < 0.4:
            return self.rng.choice([mc.eye(DIMS[rows]), mc.diag(mc.vector(f"w{rows}", DIMS[rows])), mc.eye(DIMS[rows])])
        if kind == 2:
            return mc.vector(f"x{rows}", DIMS[rows]) @ mc.vector(f"x{cols}", DIMS[cols]).T
        if kind == 3:
            inner = self.rng.choice("mnpq")
            return self.plain(rows, inner, 0) @ self.plain(inner, cols, 0)
        if kind == 4:
            return self.plain(rows, cols, 0) + self.plain(rows, cols, 0)
        if kind == 5:
            return mc.exp(self.symbol(rows, cols))
        if kind == 6:
            return transpose(self.symbol(cols, rows))
        if kind == 7:
            return mc.ones(DIMS[rows], DIMS[cols])
        return self.symbol(rows, cols)

    def stacked(self, rows, cols, depth=2):
        """A matrix with rows ``(rows[0], rows[1])``, the second running fastest, and such columns."""
        (a, b), (c, d) = rows, cols
        kinds = ["kron", "kron", "outer", "sum", "scaled", "product", "transposed", "entrywise", "weighted", "whole"]
        kind = self.rng.choice(kinds if depth else ["kron", "kron", "outer"])
        if rows == cols and self.rng.random() < 0.2:
            return mc.diag(mc.vec(self.plain(b, a)))
        if rows == cols[::-1] and self.rng.random() < 0.3:
            return commutation(DIMS[c], DIMS[d])
        if kind == "outer":
            return mc.vec(self.plain(b, a)) @ mc.vec(self.plain(d, c)).T
        if kind == "sum":
            return self.stacked(rows, cols, depth - 1) - self.stacked(rows, cols, depth - 1)
        if kind == "scaled":
            return self.rng.choice([2, -1, mc.scalar("s")]) * self.stacked(rows, cols, depth - 1)
        if kind == "product":
            inner = "".join(self.rng.choice("mnpq") for _ in range(2))
            return self.stacked(rows, inner, depth - 1) @ self.stacked(inner, cols, depth - 1)
        if kind == "transposed":
            return transpose(self.stacked(cols, rows, depth - 1))
        if kind == "entrywise":
            return mc.multiply(self.stacked(rows, cols, depth - 1), self.stacked(rows, cols, depth - 1))
        if kind == "whole":
            return mc.matrix(f"F{a}{b}{c}{d}", DIMS[a] * DIMS[b], DIMS[c] * DIMS[d])
        if kind == "weighted" and a == c and b == d:
            x, p = self.symbol("q", b), self.symbol("q", a)
            left = Kron(mc.eye(DIMS[a]), x)
            return left.T @ mc.diag(mc.vec(mc.exp(p))) @ left
        return mc.kron(self.plain(a, c), self.plain(b, d))


def values_of(e, sizes, seed):
    rng = np.random.default_rng(seed)
    symbols = {s.name: s for s in postorder([e], lambda x: x.operands) if isinstance(s, Symbol)}
    return {
        name: rng.standard_normal(tuple(judge.size(d, sizes) for d in s.shape)) * (0.5 if s.ndim else 1)
        for name, s in sorted(symbols.items())
    }


HESSIANS = (
    ("normf(U*V'-Y)^2", "U[m,k] V[n,k] Y[m,n]", "U"),
    ("normf(U*V'-Y)^2", "U[m,k] V[n,k] Y[m,n]", "V"),
    ("normf(T.*(U*V'-Y))^2", "U[m,k] V[n,k] Y[m,n] T[m,n]", "U"),
    ("normf(T.*(U*V'-Y))^2", "U[m,k] V[n,k] Y[m,n] T[m,n]", "V"),
    ("sum(log(sum(exp(X*W),2))) - tr(Y'*X*W)", "X[m,n] W[n,k] Y[m,k]", "W"),
    ("sum(log(sum(exp(X*W),2)) .* c)", "X[m,n] W[n,k] c[m]", "W"),
    ("tr(X'*A*X*B)", "X[n,k] A[n,n] B[k,k]", "X"),
    ("sum(exp(X*W))", "X[m,n] W[n,k]", "W"),
    ("logdet(X)", "X[n,n]", "X"),
    ("normf(X'*X - A)^2", "X[n,k] A[k,k]", "X"),
    ("sum(softplus(A*X*B))", "X[n,k] A[m,n] B[k,p]", "X"),
    ("logsumexp(W2*tanh(W1*x))", "W1[k,n] W2[m,k] x[n]", "W1"),
    ("sum(tanh(W*X))^2", "W[k,n] X[n,m]", "W"),
)
