"""The axes of every value: as the form that holds it says, or else by what its template does to those of its operands."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import lru_cache

import sympy as sp

from matcalc.dims import Dim, is_unit
from matcalc.emit.values import Value
from matcalc.emit.writing.dialect import parse
from matcalc.node import postorder

Axes = tuple[Dim, ...]  # () for a scalar; a column, a row and a plain vector have one axis

ELEMENTWISE = frozenset((
    "abs", "add", "arctan", "conj", "cos", "cosh", "divide", "exp", "expm1", "heaviside", "imag", "log", "log1p", "logaddexp",
    "maximum", "minimum", "multiply", "negative", "power", "real", "reciprocal", "sign", "sin", "sinh", "sqrt", "square",
    "subtract", "tan", "tanh", "where",
    "digamma", "erf", "gamma", "lgamma", "polygamma", "sigmoid", "trigamma", "float",
))  # fmt: skip
AS_THE_FIRST = frozenset((
    "inv", "matrix_power", "cumsum", "tril", "triu", "adjugate", "cholesky", "cosm", "dcosm", "dexpm", "diagonal_means",
    "diagonal_sums", "dlogm", "dsinm", "dsqrtm", "eigvecs", "expm", "half_tril", "is_largest", "logm", "polar", "prod_others",
    "sinm", "softmax", "sqrtm",
    "add_diagonal", "cho_factor", "cho_inverse", "lu_factor", "lu_inverse",
))  # fmt: skip
SCALAR = frozenset(("trace", "det", "norm", "eigmax", "eigmin", "cho_trace_inverse", "factor_logdet", "lu_det"))
OVER_AXIS = frozenset(("sum", "max", "min", "prod", "logsumexp"))


def shape_of(value: Value) -> Axes | None:
    """The dimensions of the axes of a value's array, None where nothing says."""
    for v in postorder([value], lambda v: v.args if v.shape is None else ()):
        if v.shape is None:
            v.shape = Walk(v.args).shape(_tree(v.code)) if not v.is_leaf else _leaf(v)
    return value.shape


@lru_cache(maxsize=512)
def _tree(code: str) -> ast.expr:
    return parse(code)


def dim_of(value: Value) -> Dim | None:
    """The dimension that an integer value is."""
    return value.of if isinstance(value.of, (int, sp.Expr)) else None


def broadcast(shapes: Sequence[Axes | None]) -> Axes | None:
    """The axes of arrays that are combined entry by entry."""
    out: list[Dim] = []
    for shape in shapes:
        if shape is None:
            return None
        out = [*(1 for _ in range(len(shape) - len(out))), *out]
        for k, d in enumerate(reversed(shape), start=1):
            if is_unit(out[-k]):
                out[-k] = d
    return tuple(out)


def _leaf(v: Value) -> Axes | None:
    return () if v.code in ("const", "dim") else None


class Walk:
    """The axes of a template's parts, given those of its operands."""

    def __init__(self, operands: Sequence[Value]) -> None:
        self.operands = operands

    def shape(self, node: ast.AST) -> Axes | None:
        """The axes of the array of a part."""
        match node:
            case ast.Name(id=name) if name.startswith("_arg"):
                return self.operands[int(name[4:]) - 1].shape
            case ast.Constant() | ast.Attribute(value=ast.Name(id="np")):
                return ()
            case ast.UnaryOp(operand=inner):
                return self.shape(inner)
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return _product(self.shape(left), self.shape(right))
            case ast.BinOp(left=left, right=right):
                return broadcast([self.shape(left), self.shape(right)])
            case ast.Compare(left=left, comparators=others):
                return broadcast([self.shape(x) for x in (left, *others)])
            case ast.Attribute(value=inner, attr="T"):
                found = self.shape(inner)
                return None if found is None else found[::-1]
            case ast.Subscript(value=inner, slice=places):
                return self.part(self.shape(inner), places.elts if isinstance(places, ast.Tuple) else [places])
            case ast.Call(func=function, args=args, keywords=keywords):
                return self.call(function, args, {k.arg: k.value for k in keywords})
            case _:
                return None

    def dim(self, node: ast.AST | None) -> Dim | None:
        """A part that is a number of entries."""
        match node:
            case ast.Constant(value=int(number)):
                return number
            case ast.Name(id=name) if name.startswith("_arg"):
                return dim_of(self.operands[int(name[4:]) - 1])
            case _:
                return None

    def dims(self, nodes: Sequence[ast.AST]) -> Axes | None:
        """Parts that are the numbers of entries along the axes of an array."""
        if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple):
            nodes = nodes[0].elts
        found = [self.dim(n) for n in nodes]
        return None if any(d is None for d in found) else tuple(d for d in found if d is not None)

    def part(self, shape: Axes | None, places: Sequence[ast.AST]) -> Axes | None:
        """What indices leave of the axes."""
        if shape is None:
            return None
        out: list[Dim] = []
        rest = list(shape)
        for place in places:
            match place:
                case ast.Constant(value=None):
                    out.append(1)
                case _ if not rest:
                    return None
                case ast.Slice(lower=None, upper=None):
                    out.append(rest.pop(0))
                case ast.Slice(lower=lower, upper=upper):
                    first, last = self.dim(lower), self.dim(upper)
                    if first is None or last is None:
                        return None
                    rest.pop(0)
                    out.append(last - first)
                case _:
                    if self.dim(place) is None:
                        return None
                    rest.pop(0)
        return (*out, *rest)

    def call(self, function: ast.expr, args: Sequence[ast.expr], keywords: dict[str | None, ast.expr]) -> Axes | None:
        """The axes of the result of a function or a method."""
        name, args = self.name_and_arguments(function, args)
        if name in ELEMENTWISE:
            return broadcast([self.shape(a) for a in args])
        if name in SCALAR:
            return ()
        if name in OVER_AXIS:
            return self.reduced(args, keywords)
        if name in AS_THE_FIRST:
            return self.shape(args[0])
        rule = CALLS.get(name or "")
        return None if rule is None else rule(self, args, keywords)

    def name_and_arguments(self, function: ast.expr, args: Sequence[ast.expr]) -> tuple[str | None, Sequence[ast.expr]]:
        """The last name of a function or a method, and its arguments, of which the owner of a method is the first."""
        if isinstance(function, ast.Name):
            return function.id, args
        if not isinstance(function, ast.Attribute):
            return None, args
        owner = function.value
        if isinstance(owner, (ast.Name, ast.Attribute)) and ast.unparse(owner).split(".")[0] == "np":
            return function.attr, args
        return function.attr, [owner, *args]

    def reduced(self, args: Sequence[ast.expr], keywords: dict[str | None, ast.expr]) -> Axes | None:
        """The axes that a sum over one or all of them leaves."""
        axis = keywords.get("axis", args[1] if len(args) > 1 else None)
        kept = isinstance(keywords.get("keepdims"), ast.Constant)
        shape = self.shape(args[0])
        if axis is None:
            return () if not kept else None if shape is None else (1,) * len(shape)
        k = self.dim(axis)
        if shape is None or not isinstance(k, int) or not k < len(shape):
            return None
        return (*shape[:k], *((1,) if kept else ()), *shape[k + 1 :])


def _product(x: Axes | None, y: Axes | None) -> Axes | None:
    if x is None or y is None or not x or not y:
        return None
    return (*x[:-1], *y[:-2], *y[-1:]) if len(y) > 1 else x[:-1]


Rule = Callable[[Walk, Sequence[ast.expr], dict[str | None, ast.expr]], "Axes | None"]


def _diag(walk: Walk, args: Sequence[ast.expr], _: object) -> Axes | None:
    shape = walk.shape(args[0])
    return None if shape is None else shape * 2 if len(shape) == 1 else shape[:1]


def _einsum(walk: Walk, args: Sequence[ast.expr], _: object) -> Axes | None:
    spec, *arrays = args
    if not isinstance(spec, ast.Constant) or not isinstance(spec.value, str):
        return None
    inputs, output = spec.value.split("->")
    size: dict[str, Dim] = {}
    for letters, a in zip(inputs.split(","), arrays, strict=True):
        size.update(zip(letters, walk.shape(a) or (), strict=False))
    return tuple(size[c] for c in output) if all(c in size for c in output) else None


def _reshape(walk: Walk, args: Sequence[ast.expr], _: object) -> Axes | None:
    array, *places = args
    if [ast.unparse(p) for p in places] in (["-1"], ["(-1,)"]):
        shape = walk.shape(array)
        return None if shape is None else (_count(shape),)
    return walk.dims(places)


def _transpose(walk: Walk, args: Sequence[ast.expr], _: object) -> Axes | None:
    shape, order = walk.shape(args[0]), walk.dims(args[1:])
    return None if shape is None or order is None else tuple(shape[k] for k in order if isinstance(k, int))


def _kron(walk: Walk, args: Sequence[ast.expr], _: object) -> Axes | None:
    x, y = (walk.shape(a) for a in args)
    return None if x is None or y is None or len(x) != len(y) else tuple(p * q for p, q in zip(x, y, strict=True))


def _outer(walk: Walk, args: Sequence[ast.expr], keywords: dict[str | None, ast.expr]) -> Axes | None:
    if isinstance(args[0], ast.Constant):
        return _einsum(walk, args, keywords)
    x, y = (walk.shape(a) for a in args)
    return None if x is None or y is None else (_count(x), _count(y))


def _tile(walk: Walk, args: Sequence[ast.expr], _: object) -> Axes | None:
    shape, times = walk.shape(args[0]), walk.dims(args[1:])
    if shape is None or times is None:
        return None
    shape = (1,) * (len(times) - len(shape)) + shape
    return tuple(d * k for d, k in zip(shape, times, strict=True))


def _khatrirao(walk: Walk, args: Sequence[ast.expr], _: object) -> Axes | None:
    x, y = (walk.shape(a) for a in args)
    return None if x is None or y is None else (x[0] * y[0], x[1])


def _turned(walk: Walk, args: Sequence[ast.expr], _: object) -> Axes | None:
    shape = walk.shape(args[0])
    return None if shape is None else shape[::-1]


def _concatenate(walk: Walk, args: Sequence[ast.expr], keywords: dict[str | None, ast.expr]) -> Axes | None:
    parts = args[0].elts if isinstance(args[0], ast.Tuple) else []
    shapes = [walk.shape(p) for p in parts]
    axis = walk.dim(keywords["axis"]) if "axis" in keywords else 0
    out: list[Dim] = []
    for s in shapes:
        if s is None or not isinstance(axis, int):
            return None
        if not out:
            out = list(s)
        else:
            out[axis] = out[axis] + s[axis]
    return tuple(out)


def _count(shape: Axes) -> Dim:
    total: Dim = 1
    for d in shape:
        total = total * d
    return total


def entries_in(shape: Axes) -> sp.Expr:
    """How many entries an array with these axes has, as a formula."""
    total: sp.Expr = sp.Integer(1)
    for d in shape:
        total = total * d
    return total


def _square(walk: Walk, args: Sequence[ast.expr], _: object) -> Axes | None:
    shape = walk.dims(args[:1])
    return None if shape is None else shape * 2


CALLS: dict[str, Rule] = {
    "copy": lambda walk, args, _: walk.shape(args[0]),
    "solve": lambda walk, args, _: walk.shape(args[1]),
    "symmetric_product": lambda walk, args, _: _product(*(walk.shape(a) for a in args)),
    "cho_solve": lambda walk, args, _: walk.shape(args[1]),
    "lu_solve": lambda walk, args, _: walk.shape(args[1]),
    "solve_triangular": lambda walk, args, _: walk.shape(args[1]),
    "on_diagonal": lambda walk, args, _: walk.dims(args[2:]),
    "add_on_diagonal": lambda walk, args, _: walk.shape(args[2]),
    "solve_sylvester": lambda walk, args, _: walk.shape(args[2]),
    "zeros": lambda walk, args, _: walk.dims(args),
    "ones": lambda walk, args, _: walk.dims(args),
    "eye": _square,
    "eiggaps": lambda walk, args, _: None if (found := walk.shape(args[0])) is None else (_count(found),) * 2,
    "tile": _tile,
    "khatrirao": _khatrirao,
    "pinv": _turned,
    "tri": _square,
    "unit_vector": lambda walk, args, _: walk.dims(args[1:]),
    "diag": _diag,
    "einsum": _einsum,
    **dict.fromkeys(("grams", "symmetric_grams"), lambda walk, args, _: _einsum(walk, [*args[:2], *args[1:]], _)),
    "reshape": _reshape,
    "transpose": _transpose,
    "kron": _kron,
    "outer": _outer,
    "concatenate": _concatenate,
}
