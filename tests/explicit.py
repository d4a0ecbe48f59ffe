"""Values of SymPy expressions by SymPy's own classes at numbers: matrices written out, operators applied, nothing of ours."""

from __future__ import annotations

import itertools

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.companion import CompanionMatrix
from sympy.tensor.array.expressions import (
    ArrayAdd,
    ArrayContraction,
    ArrayDiagonal,
    ArrayElementwiseApplyFunc,
    ArraySymbol,
    ArrayTensorProduct,
    PermuteDims,
    Reshape,
)  # fmt: skip

ARRAY = (ArrayAdd, ArrayContraction, ArrayDiagonal, ArrayElementwiseApplyFunc, ArrayTensorProduct, PermuteDims, Reshape)


def value(e, given, sizes):
    """The value of a SymPy expression as an array, from those of its symbols and dimensions by name."""
    return np.asarray(Evaluator({**given, **{name: n for name, n in sizes.items() if name not in given}})(e))


class Evaluator:
    """Evaluates nodes by NumPy, by what SymPy's documentation says that they are."""

    def __init__(self, given, bound=None):
        self.given, self.bound, self.known = given, bound or {}, {}

    def __call__(self, e):
        e = sp.ImmutableMatrix(e) if isinstance(e, sp.MatrixBase) else e
        if e not in self.known:
            self.known[e] = self.node(e)
        return self.known[e]

    def matrix(self, e):
        return np.atleast_2d(self(e))

    def shape(self, e):
        return [int(self(sp.S(d))) for d in e.shape]

    def under(self, bound):
        return Evaluator(self.given, {**self.bound, **bound})

    def node(self, e):
        name = type(e).__name__
        rows = getattr(self, f"_{name}", None)
        if rows is not None:
            return rows(e)
        if isinstance(e, sp.NDimArray):
            return np.reshape([self(v) for v in sp.flatten(e.tolist())], self.shape(e))
        if isinstance(e, CompanionMatrix):
            return self(e.as_explicit())
        if isinstance(e, sp.MatrixBase):
            return np.array([[self(e[i, j]) for j in range(e.cols)] for i in range(e.rows)])
        if isinstance(e, sp.Symbol):
            return self.bound[e] if e in self.bound else np.reshape(self.given[e.name], ())[()]
        if e.is_number and not e.args:
            return complex(e) if e.has(sp.I) else float(e)
        if isinstance(e, ArraySymbol):
            return self.given[str(e.name)]
        args = [self(a) for a in e.args]
        if isinstance(e, AppliedUndef):
            return self.given[name](*args)
        args = [np.reshape(a, ())[()] for a in args]
        if isinstance(e, sp.Add):
            return sum(args)
        if isinstance(e, sp.Mul):
            return np.prod(args)
        if isinstance(e, sp.Pow):
            return np.asarray(args[0], dtype=complex if np.iscomplexobj(args[0]) else float) ** args[1]
        found = e.func(*(sp.sympify(complex(a) if np.iscomplexobj(a) else float(a)) for a in args)).evalf()
        return complex(found) if found.has(sp.I) else float(found)

    # ---------------------------------------------------------------- matrices
    def _MatrixSymbol(self, e):
        return np.reshape(self.given[e.name], self.shape(e))

    def _MatAdd(self, e):
        return sum(self.matrix(a) for a in e.args)

    def _MatMul(self, e):
        out = None
        scale = 1.0
        for a in e.args:
            if getattr(a, "is_Matrix", False):
                out = self.matrix(a) if out is None else out @ self.matrix(a)
            else:
                scale = scale * self(a)
        return scale * out

    def _MatPow(self, e):
        if e.args[1] == sp.S.Half:
            import scipy.linalg

            return scipy.linalg.sqrtm(self.matrix(e.args[0]))
        return np.linalg.matrix_power(self.matrix(e.args[0]), round(float(self(e.args[1]))))

    def _Inverse(self, e):
        return np.linalg.inv(self.matrix(e.args[0]))

    def _Transpose(self, e):
        return self.matrix(e.args[0]).T

    def _Adjoint(self, e):
        return self.matrix(e.args[0]).conj().T

    def _Trace(self, e):
        return np.trace(self.matrix(e.args[0]))

    def _Determinant(self, e):
        return np.linalg.det(self.matrix(e.args[0]))

    def _HadamardProduct(self, e):
        return np.prod([self.matrix(a) for a in e.args], axis=0)

    def _HadamardPower(self, e):
        base, power = (self(a) for a in e.args)
        return np.asarray(base, dtype=complex if np.iscomplexobj(base) else float) ** power

    def _KroneckerProduct(self, e):
        out = np.eye(1)
        for a in e.args:
            out = np.kron(out, self.matrix(a))
        return out

    def _BlockMatrix(self, e):
        b = e.blocks
        return np.block([[self.matrix(b[i, j]) for j in range(b.shape[1])] for i in range(b.shape[0])])

    def _BlockDiagMatrix(self, e):
        import scipy.linalg

        return scipy.linalg.block_diag(*(self.matrix(a) for a in e.args))

    def _MatrixSlice(self, e):
        (a, b, c), (d, f, g) = ([int(self(v)) for v in ends] for ends in e.args[1:])
        return self.matrix(e.args[0])[a:b:c, d:f:g]

    def _MatrixElement(self, e):
        return self.matrix(e.args[0])[tuple(round(float(self(v))) for v in e.args[1:])]

    def _Identity(self, e):
        return np.eye(self.shape(e)[0])

    def _OneMatrix(self, e):
        return np.ones(self.shape(e))

    def _ZeroMatrix(self, e):
        return np.zeros(self.shape(e))

    def _DiagMatrix(self, e):
        return np.diag(self.matrix(e.args[0]).ravel())

    def _DiagonalOf(self, e):
        return np.diag(self.matrix(e.args[0]))[:, None]

    def _DiagonalMatrix(self, e):
        a = self.matrix(e.args[0])
        return a * np.eye(*a.shape)

    def _DotProduct(self, e):
        return float(np.dot(*(self.matrix(a).ravel() for a in e.args)))

    def _PermutationMatrix(self, e):
        p = e.args[0].array_form
        return np.eye(len(p))[p]

    def _MatrixPermute(self, e):
        a, p = self.matrix(e.args[0]), e.args[1]
        at = [int(p.apply(i)) for i in range(a.shape[int(e.args[2])])]
        return a[at] if e.args[2] == 0 else a[:, at]

    def _ElementwiseApplyFunction(self, e):
        a = self.matrix(e.expr)
        return np.array([[self.called(e.function, v) for v in row] for row in a])

    def called(self, function, *values):
        return self.under(dict(zip(function.variables, values, strict=True)))(function.expr)

    def _FunctionMatrix(self, e):
        rows, cols = self.shape(e)
        return np.array([[self.called(e.lamda, i, j) for j in range(cols)] for i in range(rows)])

    # ---------------------------------------------------------------- sums and cases
    def _ranges(self, e):
        names = [limit[0] for limit in e.limits]
        for places in itertools.product(*(range(int(self(a)), int(self(b)) + 1) for _, a, b in e.limits)):
            yield dict(zip(names, places, strict=True))

    def _Sum(self, e):
        return sum(self.under(at)(e.function) for at in self._ranges(e))

    def _Product(self, e):
        return np.prod([self.under(at)(e.function) for at in self._ranges(e)])

    def _Piecewise(self, e):
        for found, when in e.args:
            if when == True or bool(when.func(*(sp.sympify(float(self(a))) for a in when.args))):  # noqa: E712
                return self(found)
        raise AssertionError(e)

    def _Mod(self, e):
        return np.mod(*(self(a) for a in e.args))

    def _floor(self, e):
        return np.floor(self(e.args[0]))

    def _KroneckerDelta(self, e):
        return float(self(e.args[0]) == self(e.args[1]))

    # ---------------------------------------------------------------- arrays
    def _ArrayElement(self, e):
        return self(e.name)[tuple(round(float(self(v))) for v in e.indices)]

    def _ArrayTensorProduct(self, e):
        out = np.ones(())
        for a in e.args:
            out = np.multiply.outer(out, self(a))
        return out

    def _ArrayContraction(self, e):
        a = self(e.args[0])
        letters = list(range(a.ndim))
        for group in e.contraction_indices:
            for k in group:
                letters[int(k)] = int(group[0])
        gone = {int(k) for group in e.contraction_indices for k in group}
        return np.einsum(a, letters, [letters[k] for k in range(a.ndim) if k not in gone])

    def _ArrayDiagonal(self, e):
        a = self(e.args[0])
        letters = list(range(a.ndim))
        for group in e.diagonal_indices:
            for k in group:
                letters[int(k)] = int(group[0])
        gone = {int(k) for group in e.diagonal_indices for k in group}
        return np.einsum(a, letters, [k for k in range(a.ndim) if k not in gone] + [int(g[0]) for g in e.diagonal_indices])

    def _ArrayAdd(self, e):
        return sum(self(a) for a in e.args)

    def _PermuteDims(self, e):
        return np.transpose(self(e.args[0]), e.permutation.array_form)

    def _ArrayElementwiseApplyFunc(self, e):
        return np.vectorize(lambda v: self.called(e.args[0], v))(self(e.args[1]))

    def _Reshape(self, e):
        return np.reshape(self(e.args[0]), [int(self(d)) for d in e.args[1]])

    def _OneArray(self, e):
        return np.ones(self.shape(e))

    def _ZeroArray(self, e):
        return np.zeros(self.shape(e))
