"""What a piece of a program costs: arithmetic operations, and what kind of work they are, from the axes of its arrays.

Operations are counted as textbooks count them [Golub and Van Loan, 2013]: a product of an m x k by a k x n matrix is
``2*m*k*n``, an LU factorisation ``2*n^3/3``, a Cholesky factorisation half of that. A function of an entry counts as one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import lru_cache

import sympy as sp

from matcalc.dims import Dim
from matcalc.emit.shapes import ELEMENTWISE, Axes, Walk, entries_in
from matcalc.emit.values import Value
from matcalc.emit.writing.dialect import parse

Cost = tuple[sp.Expr, str]  # operations, and the kind of work
Shapes = Sequence[Axes | None]

THIRD, NOTHING = sp.Rational(1, 3), sp.Integer(0)
UNKNOWN = "not counted"


def cost_of(v: Value) -> Cost:
    """The operations of a value's template on operands whose axes are known; the kind is that of most of them."""
    if v.is_leaf or (all(a.integer for a in v.args) and v.integer):
        return NOTHING, "size"
    if is_gram(v):
        m, n = v.args[1].shape or (1, 1)
        return sp.Integer(1) * m * n**2 + sp.Integer(1) * m * n, "symmetric product"
    found = _Counter(v.args).costs(_tree(v.code))
    if not found:
        return NOTHING, "view" if is_view(v) else "new array"
    if any(kind == UNKNOWN for _, kind in found):
        return sum((c for c, _ in found), NOTHING), UNKNOWN
    total = sum((c for c, _ in found), NOTHING)
    return total, max(found, key=lambda c: _degree(c[0]))[1]


def is_view(v: Value) -> bool:
    """Whether it is another look at its operand's entries, without work."""
    return bool(v.args) and (v.code in ("#1", "#1.T") or v.code.startswith(("#1[", "#1.reshape(")))


def is_gram(v: Value) -> bool:
    """Whether it is a matrix times its own transpose, which NumPy multiplies at half the work."""
    if v.code != "#1 @ #2" or len(v.shape or ()) != 2:
        return False
    x, y = v.args
    return (x.code == "#1.T" and x.args[0] is y) or (y.code == "#1.T" and y.args[0] is x)


@lru_cache(maxsize=512)
def _tree(code: str) -> ast.expr:
    return parse(code)


def _degree(cost: sp.Expr) -> float:
    """A size to compare costs by, where every dimension is the same large number."""
    return float(cost.xreplace(dict.fromkeys(cost.free_symbols, sp.Integer(1000))))


class _Counter(Walk):
    """Counts the operations of the parts of a template."""

    def costs(self, tree: ast.expr) -> list[Cost]:
        """The costs of all parts that compute."""
        found: list[Cost] = []
        for node in ast.walk(tree):
            match node:
                case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                    found.append(_product(self.shape(left), self.shape(right)))
                case ast.BinOp() | ast.UnaryOp() | ast.Compare():
                    found.append((self._count(node), "entry by entry"))
                case ast.Call(func=function, args=args):
                    cost = self._call(node, function, args)
                    if cost is not None:
                        found.append(cost)
                case _:
                    pass
        return found

    def _count(self, node: ast.AST) -> sp.Expr:
        return entries_in(self.shape(node) or ())

    def _call(self, node: ast.Call, function: ast.expr, args: Sequence[ast.expr]) -> Cost | None:
        name, args = self.name_and_arguments(function, args)
        if name in FREE or name is None:
            return None
        if name in ELEMENTWISE:
            return self._count(node), "entry by entry"
        if name in PER_ENTRY:
            return PER_ENTRY[name] * entries_in(self.shape(args[0]) or ()), "function of rows or columns"
        if name in REDUCTIONS:
            return entries_in(self.shape(args[0]) or ()), "sum"
        if name in ("einsum", "grams", "symmetric_grams", "outer") and isinstance(args[0], ast.Constant):
            return self._einsum(name, args)
        rule = LINEAR_ALGEBRA.get(name)
        if rule is None:
            return NOTHING, UNKNOWN
        kind, operations = rule
        shapes = [self.shape(a) for a in args]
        known = [tuple(sp.Integer(1) * d for d in s) for s in shapes if s is not None]
        return (operations(*known), kind) if len(known) == len(shapes) else (NOTHING, UNKNOWN)

    def _einsum(self, name: str, args: Sequence[ast.expr]) -> Cost:
        spec, *arrays = args
        assert isinstance(spec, ast.Constant)
        if name != "einsum" and len(arrays) == 2 and name != "outer":
            arrays = [arrays[0], *arrays]
        inputs, output = str(spec.value).split("->")
        size: dict[str, Dim] = {}
        for letters, a in zip(inputs.split(","), arrays, strict=True):
            size.update(zip(letters, self.shape(a) or (), strict=False))
        every = entries_in(tuple(size.values()))
        if set(size) == set(output):
            return (len(arrays) - 1) * every, "outer product"
        return len(arrays) * every / (2 if name == "symmetric_grams" else 1), "sum over indices"


def _product(x: Axes | None, y: Axes | None) -> Cost:
    if not x or not y:
        return NOTHING, UNKNOWN
    kind = {2: "inner product", 3: "matrix times vector"}.get(len(x) + len(y), "matrix product")
    inner = x[-1]
    return 2 * entries_in((*x[:-1], inner, *(y[1:] if len(y) > 1 else ()))), kind


def _columns(b: Sequence[sp.Expr]) -> sp.Expr:
    return b[1] if len(b) > 1 else sp.Integer(1)


Operations = Callable[..., sp.Expr]
LINEAR_ALGEBRA: dict[str, tuple[str, Operations]] = {
    "solve": ("solve", lambda a, b: 2 * THIRD * a[0] ** 3 + 2 * a[0] ** 2 * _columns(b)),
    "inv": ("inverse", lambda a: 2 * a[0] ** 3),
    "det": ("determinant", lambda a: 2 * THIRD * a[0] ** 3),
    "slogdet": ("determinant", lambda a: 2 * THIRD * a[0] ** 3),
    "cholesky": ("factorisation", lambda a: THIRD * a[0] ** 3),
    "cho_factor": ("factorisation", lambda a: THIRD * a[0] ** 3),
    "lu_factor": ("factorisation", lambda a: 2 * THIRD * a[0] ** 3),
    "cho_solve": ("solve", lambda f, b: 2 * b[0] ** 2 * _columns(b)),
    "lu_solve": ("solve", lambda f, b, *_: 2 * b[0] ** 2 * _columns(b)),
    "solve_triangular": ("solve", lambda f, b, *_: b[0] ** 2 * _columns(b)),
    "cho_inverse": ("inverse", lambda f: 2 * THIRD * f[0] ** 3),
    "lu_inverse": ("inverse", lambda f: 4 * THIRD * f[0] ** 3),
    "cho_trace_inverse": ("inverse", lambda f: THIRD * f[0] ** 3),
    "factor_logdet": ("sum", lambda f: 2 * f[0]),
    "lu_det": ("sum", lambda f: f[0]),
    "trace": ("sum", lambda a: a[0]),
    "vdot": ("inner product", lambda a, b: 2 * entries_in(a)),
    "norm": ("sum", lambda a: 2 * entries_in(a)),
    "outer": ("outer product", lambda a, b: entries_in(a) * entries_in(b)),
    "kron": ("outer product", lambda a, b: entries_in(a) * entries_in(b)),
    "khatrirao": ("outer product", lambda a, b: a[0] * entries_in(b)),
    "add_diagonal": ("entry by entry", lambda a, *_: a[0]),
    "cumsum": ("sum", lambda a, *_: entries_in(a)),
    "matmul": ("matrix product", lambda a, b: 2 * entries_in(a) * _columns(b)),
}
PER_ENTRY = {"softmax": 4, "logsumexp": 4, "prod_others": 3}
REDUCTIONS = frozenset(("sum", "max", "min", "prod"))
FREE = frozenset((
    "zeros", "ones", "eye", "tri", "diag", "diagonal", "tile", "reshape", "transpose", "concatenate", "copy", "unit_vector",
    "commutation", "duplication", "elimination", "toeplitz_basis", "on_diagonal", "vech", "tril", "triu", "broadcast_to",
))  # fmt: skip
