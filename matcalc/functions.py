"""The functions that users call by name, in Python as ``mc.tr(A)`` and in text as ``tr(A)``.

An operator whose name is its own gets its function here by itself. The rows of ``ROWS`` are the
rest: functions that choose between operators, take an axis or a dimension, or are short for a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matcalc.compositions import attention, batch_norm, layer_norm
from matcalc.dims import Shape, is_name, is_unit
from matcalc.errors import OperandError, ShapeError
from matcalc.expr import (
    Constant,
    Entrywise,
    Expr,
    apply,
    as_expr,
    dim_number,
    hadamard,
    matmul,
    named_shape,
    ones,
    power,
    quotient,
    transpose,
)
from matcalc.ops import OPERATORS
from matcalc.ops.blocks import hstack, vstack
from matcalc.ops.elementwise import Elu, LeakyRelu, polygamma
from matcalc.ops.linalg import det, inv, logdet, matrix_power, solve, sylvester
from matcalc.ops.matrix_functions import MOST_DIRECTIONS, frechet
from matcalc.ops.reductions import Norm2, logsumexp, prod, prodothers, softmax, total, trace
from matcalc.ops.spectral import Eig, Nuclear, SvdU, SvdV, SvdVals, svdvals
from matcalc.ops.stacking import commutation, duplication, elimination, toeplitz_basis, vech
from matcalc.ops.structure import diag, diag_signature, eye, reshape, unit_vector, vec, zeros
from matcalc.ops.tensors import einsum, unstacked
from matcalc.ops.triangles import cumsum, revcumsum, tril

Expr.hooks["matrix_power"] = matrix_power

MOST_ARGUMENTS = 1_000  # of a function that takes any number
ENTRYWISE = "entrywise"  # the signature of functions that work entry by entry
Signature = str | Callable[[Sequence[Shape], Sequence[int]], str]


@dataclass(frozen=True)
class Function:
    """A function by name.

    ``kinds`` has a letter for each argument: ``x`` an expression, ``a`` an axis, ``d`` a dimension,
    ``i`` a position from 1, ``s`` text in quotes; letters after ``?`` may be left out, and a last letter before ``*`` is
    repeated. ``signature`` gives the shapes of
    the ``x`` arguments and of the result (``^n`` is ``n*(n+1)/2``), as a string or from the shapes and the axis (0 for none,
    else from 1 as in text).
    """

    name: str
    build: Callable[..., Expr]
    signature: Signature
    kinds: str = "x"

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.build.__doc__

    @property
    def least(self) -> int:
        """The number of arguments that must be given."""
        return len(self.kinds.split("?")[0].replace("*", ""))

    @property
    def letters(self) -> str:
        """The kinds of all arguments; a letter that may be repeated stands as often as anyone needs."""
        plain = self.kinds.replace("?", "")
        return plain[:-1] + plain[-2] * MOST_ARGUMENTS if plain.endswith("*") else plain

    def require_count(self, count: int) -> None:
        """Refuse a wrong number of arguments."""
        most = len(self.letters)
        if not self.least <= count <= most:
            wanted = str(most) if self.least == most else f"{self.least} to {most}"
            if self.kinds.endswith("*"):
                wanted = f"at least {self.least}" if count < self.least else f"at most {most}"
            raise OperandError(f"{self.name} takes {wanted} argument{'s' if wanted != '1' else ''}, not {count}")

    def public(self) -> Callable[..., Expr]:
        """A plain Python function, with a name and a docstring, for the package's surface."""

        def function(*args: Any, axis: int | None = None) -> Expr:
            return self(*args, axis=axis)

        function.__name__ = function.__qualname__ = self.name
        function.__doc__ = self.build.__doc__
        function.__module__ = "matcalc"
        return function

    def __call__(self, *args: Any, axis: int | None = None) -> Expr:
        given = list(args)
        if self.kinds == "x*" and len(given) == 1 and isinstance(given[0], (list, tuple)):
            given = list(given[0])
        if axis is not None:
            if "a" not in self.letters:
                raise OperandError(f"{self.name} takes no axis")
            given = [*given[: self.letters.index("a")], axis]
        self.require_count(len(given))
        ready = [
            as_expr(g) if k == "x" else _axis(self.name, g) if k == "a" else g
            for g, k in zip(given, self.letters, strict=False)
        ]
        return self.build(*ready)


def _axis(name: str, axis: object) -> int | None:
    if axis is None or (axis in (0, 1) and not isinstance(axis, bool)):
        return axis
    if axis in (-1, -2):
        return int(axis) + 2
    raise OperandError(f"{name}: axis is 0 (down columns), 1 (along rows) or None, not {axis!r}")


def _reduced(shapes: Sequence[Shape], axis: Sequence[int]) -> str:
    return {0: "m,n -> 1,1", 1: "m,n -> 1,n", 2: "m,n -> m,1"}[axis[0] if axis else 0]


def _normed(shapes: Sequence[Shape], _: Sequence[int]) -> str:
    vector = is_unit(shapes[0][1])
    others = ("n,1", "n,1", "1,1") if vector else ("k,1", "k,1", "1,1")
    first = "n,1" if vector else "n,k"
    return f"{'; '.join((first, *others)[: len(shapes)])} -> {first}"


def _side_by_side(shapes: Sequence[Shape], _: Sequence[int]) -> str:
    names = [f"n{k}" for k in range(len(shapes))]
    return f"{'; '.join(f'm,{n}' for n in names)} -> m,{'+'.join(names)}"


def _on_top(shapes: Sequence[Shape], _: Sequence[int]) -> str:
    names = [f"m{k}" for k in range(len(shapes))]
    return f"{'; '.join(f'{m},n' for m in names)} -> {'+'.join(names)},n"


def mean(x: Expr, axis: int | None = None) -> Expr:
    """``mean(x)``: the mean of all entries; over ``axis`` 0 a row of column means, over 1 a column of row means."""
    counts = ([] if axis == 1 else [dim_number(x.rows)]) + ([] if axis == 0 else [dim_number(x.cols)])
    return quotient(total(x, axis), hadamard(*counts))


def dot(x: Expr, y: Expr) -> Expr:
    """``dot(x, y)``: the inner product ``x'*y`` of two vectors."""
    _require_vectors("dot", x, y)
    return matmul(transpose(x), y)


def outer(x: Expr, y: Expr) -> Expr:
    """``outer(x, y)``: the outer product ``x*y'`` of two vectors."""
    _require_vectors("outer", x, y)
    return matmul(x, transpose(y))


def quad(a: Expr, x: Expr) -> Expr:
    """``quad(A, x)``: the quadratic form ``x'*A*x``."""
    _require_vectors("quad", x)
    return matmul(matmul(transpose(x), a), x)


def _require_vectors(name: str, *args: Expr) -> None:
    for x in args:
        if not is_unit(x.cols):
            raise ShapeError(f"{name} needs a vector (a column), but {named_shape(x)} is not one")


def norm2(x: Expr) -> Expr:
    """``norm2(x)``: the Euclidean norm of a vector; a matrix has ``normf`` and ``spectral``."""
    if not is_unit(x.cols) and not is_unit(x.rows):
        raise ShapeError(
            f"norm2 needs a vector, but {named_shape(x)} is a matrix: normf(A) is its Frobenius, spectral(A) its 2-norm"
        )
    return Norm2(x if is_unit(x.cols) else transpose(x))


def multiply(a: Expr, b: Expr) -> Expr:
    """``multiply(A, B)``: the entrywise product ``A .* B``; a scalar is stretched."""
    return hadamard(a, b)


def divide(a: Expr, b: Expr) -> Expr:
    """``divide(A, B)``: the entrywise quotient ``A ./ B``; a scalar is stretched."""
    return quotient(a, b)


def entrywise_power(a: Expr, b: Expr) -> Expr:
    """``power(A, p)``: the entrywise power ``A .^ p``."""
    return power(a, b)


def maximum(a: Expr, b: Expr) -> Expr:
    """``max(A, B)``: the larger of two, entry by entry; the same as ``maximum``."""
    return apply("Maximum", a, b)


def minimum(a: Expr, b: Expr) -> Expr:
    """``min(A, B)``: the smaller of two, entry by entry; the same as ``minimum``."""
    return apply("Minimum", a, b)


def leaky_relu(x: Expr, slope: Expr | None = None) -> Expr:
    """``leaky_relu(x, slope)``: positive entries as they are, the others times the slope, by default 0.01."""
    return LeakyRelu(x, as_expr(0.01) if slope is None else slope)


def elu(x: Expr, alpha: Expr | None = None) -> Expr:
    """``elu(x, alpha)``: positive entries as they are, the others as ``alpha*(exp(x) - 1)``; ``alpha`` is 1 by default."""
    return Elu(x, as_expr(1) if alpha is None else alpha)


def logit(x: Expr) -> Expr:
    """``logit(x)``: ``log(x./(1 - x))``, which undoes ``sigmoid``."""
    return apply("Log", quotient(x, as_expr(1) - x))


def largest_eigenvalue(a: Expr) -> Expr:
    """``eigval_max(A)``: the largest eigenvalue of a symmetric matrix; the same as ``eigmax``."""
    return apply("EigMax", a)


def total_of(x: Expr, axis: int | None = None) -> Expr:
    """``sum(x)``: the sum of all entries; over ``axis`` 0 a row of column sums, over 1 a column of row sums."""
    if isinstance(x, SvdVals) and axis != 1:
        return Nuclear(x.arg)
    return trace(x.arg) if isinstance(x, Eig) and axis != 1 else total(x, axis)  # true for complex eigenvalues too


def prod_of(x: Expr, axis: int | None = None) -> Expr:
    """``prod(x)``: the product of all entries; over ``axis`` 0 a row of column products, over 1 a column of row products."""
    return det(x.arg) if isinstance(x, Eig) and axis != 1 else prod(x, axis)


def _svd(rows: str) -> Callable[[Sequence[Shape], Sequence[int]], str]:
    """The signature of a part of a singular value decomposition, whose other dimension is the smaller one."""

    def signature(shapes: Sequence[Shape], _: Sequence[int]) -> str:
        m, n = shapes[0]
        count = "n" if is_unit(n) or (isinstance(m, int) and isinstance(n, int) and n < m) else "m"
        return f"m,n -> {count},1" if not rows else f"m,n -> {rows},{count}"

    return signature


def _directions(shapes: Sequence[Shape], _: Sequence[int]) -> str:
    return "; ".join(["n,n"] * len(shapes)) + " -> n,n"


FRECHET = tuple(
    Function(f"d{name}", frechet(name), _directions, "xx?" + "x" * (MOST_DIRECTIONS - 1))
    for name in ("expm", "logm", "sqrtm", "sinm", "cosm")
)
ROWS = (
    *FRECHET,
    Function("svdvals", svdvals, _svd("")),
    Function("svd_u", SvdU, _svd("m")),
    Function("svd_v", SvdV, _svd("n")),
    Function("prod", prod_of, _reduced, "x?a"),
    Function("prodothers", prodothers, ENTRYWISE, "x?a"),
    Function("sylvester", sylvester, "m,m; n,n; m,n -> m,n", "xxx"),
    Function("sum", total_of, _reduced, "x?a"),
    Function("mean", mean, _reduced, "x?a"),
    Function("softmax", softmax, ENTRYWISE, "x?a"),
    Function("logsumexp", logsumexp, _reduced, "x?a"),
    Function("diag", diag, lambda shapes, _: diag_signature(shapes)),
    Function("vec", vec, "m,n -> n*m,1"),
    Function("inv", inv, "n,n -> n,n"),
    Function("tr", trace, "n,n -> 1,1"),
    Function("det", det, "n,n -> 1,1"),
    Function("logdet", logdet, "n,n -> 1,1"),
    Function("norm2", norm2, "m,n -> 1,1"),
    Function("solve", solve, "n,n; n,p -> n,p", "xx"),
    Function("dot", dot, "n,1; n,1 -> 1,1", "xx"),
    Function("outer", outer, "m,1; n,1 -> m,n", "xx"),
    Function("quad", quad, "n,n; n,1 -> 1,1", "xx"),
    Function("multiply", multiply, ENTRYWISE, "xx"),
    Function("divide", divide, ENTRYWISE, "xx"),
    Function("power", entrywise_power, ENTRYWISE, "xx"),
    Function("max", maximum, ENTRYWISE, "xx"),
    Function("min", minimum, ENTRYWISE, "xx"),
    Function("eigval_max", largest_eigenvalue, "n,n -> 1,1"),
    Function("attention", attention, "m,d; n,d; n,p -> m,p", "xxx"),
    Function("layer_norm", layer_norm, _normed, "x?xxx"),
    Function("batch_norm", batch_norm, _normed, "x?xxx"),
    Function("tril", tril, "n,n -> n,n"),
    Function("cumsum", cumsum, "m,n -> m,n", "x?a"),
    Function("revcumsum", revcumsum, "m,n -> m,n", "x?a"),
    Function("cross", lambda x, y: apply("Cross", x, y), "3,1; 3,1 -> 3,1", "xx"),
    Function("crossm", lambda x: apply("CrossMatrix", x), "3,1 -> 3,3"),
    Function("axial", lambda x: apply("Axial", x), "3,3 -> 3,1"),
    Function("polygamma", polygamma, ENTRYWISE, "ix"),
    Function("leaky_relu", leaky_relu, ENTRYWISE, "x?x"),
    Function("elu", elu, ENTRYWISE, "x?x"),
    Function("logit", logit, ENTRYWISE),
    Function("Toep", toeplitz_basis, "", "d"),
    Function("Elim", elimination, "-> ^d1,d1*d1", "d"),
    Function("hstack", hstack, _side_by_side, "x*"),
    Function("vstack", vstack, _on_top, "x*"),
    Function("eye", eye, "-> d1,d1", "d"),
    Function("ones", ones, "-> d1,d2", "d?d"),
    Function("zeros", zeros, "-> d1,d2", "d?d"),
    Function("e", unit_vector, "-> d1,1", "id"),
    Function("K", commutation, "-> d1*d2,d1*d2", "dd"),
    Function("Dup", duplication, "-> d1*d1,^d1", "d"),
    Function("vech", vech, "n,n -> ^n,1"),
    Function("tensor", unstacked, "m,n -> m,n", "xddd?d*"),
    Function("einsum", einsum, "", "sx*"),
    Function("reshape", reshape, "m,n -> d1,d2", "xd?d"),
)


def own_functions() -> list[Function]:
    """A function for each operator whose name belongs to it alone."""
    taken = {row.name for row in ROWS} | {"L", "dL"}
    found = []
    for cls in OPERATORS.values():
        if issubclass(cls, Constant) or not cls.name.isidentifier() or cls.name in taken:
            continue
        kinds = "x" * sum(f.type == "Expr" for f in cls.__dataclass_fields__.values())  # type: ignore[attr-defined]
        found.append(Function(cls.name, cls, ENTRYWISE if issubclass(cls, Entrywise) else cls.signature, kinds))
    return found


FUNCTIONS: dict[str, Function] = {f.name: f for f in (*own_functions(), *ROWS)}


def require_free_name(name: object) -> None:
    """Refuse what cannot name a function of the user's own."""
    if not isinstance(name, str) or not is_name(name):
        raise OperandError(f"{name!r} is not a name for a function: use letters, digits and _, a letter first")
    if name in FUNCTIONS:
        raise OperandError(f"{name} is a function already; choose another name")
