"""Operators that reduce: traces, sums, norms, and the softmax family."""

from __future__ import annotations

from dataclasses import dataclass

from matcalc.dims import Shape, is_unit
from matcalc.errors import ShapeError
from matcalc.expr import (
    ZERO,
    Expr,
    Operator,
    Power,
    Quotient,
    brief,
    hadamard,
    ones,
    product,
    quotient,
    rational,
    transpose,
)
from matcalc.index import At, Entry, Sum, Term, axis
from matcalc.node import postorder
from matcalc.ops.elementwise import Abs, Sign


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Operator):
    """Sum of the diagonal of a square matrix."""

    arg: Expr
    name = "tr"
    latex = r"\operatorname{tr}(#1)"
    code = "np.trace(#1)"
    signature = "n,n -> 1,1"
    structural = True

    def entry(self, row: At, col: At) -> Term:
        i = axis(self.arg.rows)
        return Sum(i, Entry(self.arg, i, i)) if i is not None else Entry(self.arg, None, None)


def trace(x: Expr) -> Expr:
    """``tr(A)``: the trace of a square matrix."""
    return x if x.is_scalar else Trace(x)


class AxisReduction(Operator, abstract=True):
    """A reduction over all entries (``axis`` None), down columns (0, a row) or along rows (1, a column)."""

    arg: Expr
    axis: int | None

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.name, (self.arg,) if self.axis is None else (self.arg, str(self.axis + 1))

    def infer_shape(self) -> Shape:
        if self.arg.axes is not None and self.axis is not None:
            raise ShapeError(f"{self.name} over one axis of {brief(self.arg)}, which has {len(self.arg.shape)}: write einsum")
        return (
            self.arg.rows if self.axis == 1 else 1,
            self.arg.cols if self.axis == 0 else 1,
        )


def has_one_entry(x: Expr, axis: int | None) -> bool:
    """Whether a reduction over ``axis`` takes one entry at a time."""
    return x.is_scalar or (axis == 0 and is_unit(x.rows)) or (axis == 1 and is_unit(x.cols))


def axis_of(x: Expr, axis: int | None) -> int | None:
    """The axis of a reduction; None, for all entries, along the one axis of a column or a row."""
    return None if (is_unit(x.cols) and axis == 0) or (is_unit(x.rows) and axis == 1) else axis


@dataclass(frozen=True, eq=False, repr=False)
class Total(AxisReduction):
    """Sum of all entries, of each column (axis 0) or of each row (axis 1)."""

    arg: Expr
    axis: int | None
    takes_tensors = True
    name = "sum"
    latex = r"\operatorname{sum}(#1)"
    code = "np.sum(#1)"
    structural = True

    def infer_sign(self) -> int:
        return self.arg.sign

    def entry(self, row: At, col: At) -> Term:
        i, j = row, col
        over = []
        if self.axis != 1 and (new := axis(self.arg.rows)) is not None:
            over.append(new)
            i = new
        if self.axis != 0 and (new := axis(self.arg.cols)) is not None:
            over.append(new)
            j = new
        term: Term = Entry(self.arg, i if not is_unit(self.arg.rows) else None, j if not is_unit(self.arg.cols) else None)
        for index in reversed(over):
            term = Sum(index, term)
        return term


def total(x: Expr, axis: int | None = None) -> Expr:
    """``sum(x)``: the sum of all entries; over ``axis`` 0 a row of column sums, over 1 a column of row sums."""
    if has_one_entry(x, axis):
        return x
    return Total(x, axis_of(x, axis))


@dataclass(frozen=True, eq=False, repr=False)
class Prod(AxisReduction):
    """Product of all entries, of each column (axis 0) or of each row (axis 1)."""

    arg: Expr
    axis: int | None
    analytic = True
    name = "prod"
    latex = r"\operatorname{prod}#axis(#1)"
    code = "np.prod(#1)"

    def infer_sign(self) -> int:
        return self.arg.sign

    def differential(self, k: int, d: Expr) -> Expr:
        if self.arg.sign == 2:
            return hadamard(self, total(quotient(d, self.arg), self.axis))
        return total(hadamard(prodothers(self.arg, self.axis), d), self.axis)

    def pullback(self, k: int, upstream: Expr) -> Expr | None:
        """With a quotient where entries are positive, or where zeros are no matter, as in ``log(prod(x))``."""
        if self.arg.sign == 2 or _divides(upstream, self):
            return quotient(stretch(hadamard(upstream, self), self.arg), self.arg)
        return None


def _divides(e: Expr, by: Expr) -> bool:
    """Whether something is divided by an expression that holds ``by``, or is raised to a power that may be negative."""
    below: set[Expr] = set()
    for node in postorder([e], lambda x: x.operands):
        if isinstance(node, Quotient):
            below.add(node.below)
        elif isinstance(node, Power) and ((p := rational(node.exponent)) is None or not (p.is_integer and p > 0)):
            below.add(node.base)
    return by in set(postorder(below, lambda x: x.operands))


def prod(x: Expr, axis: int | None = None) -> Expr:
    """``prod(x)``: the product of all entries; over ``axis`` 0 a row of column products, over 1 a column of row products."""
    if has_one_entry(x, axis):
        return x
    return Prod(x, axis_of(x, axis))


@dataclass(frozen=True, eq=False, repr=False)
class ProdOthers(AxisReduction):
    """Product of all other entries (of all, of the column, of the row) at every entry; its derivative divides by each."""

    arg: Expr
    axis: int | None
    analytic = True
    name = "prodothers"
    latex = r"\operatorname{prodothers}#axis(#1)"
    code = "prod_others(#1)"

    def infer_sign(self) -> int:
        return self.arg.sign

    def infer_shape(self) -> Shape:
        return (self.arg.rows, self.arg.cols)

    def differential(self, k: int, d: Expr) -> Expr:
        relative = quotient(d, self.arg)
        return hadamard(self, stretch(total(relative, self.axis), self.arg)) - hadamard(self, relative)


def prodothers(x: Expr, axis: int | None = None) -> Expr:
    """``prodothers(x)``: the product of all other entries at every entry, the derivative of ``prod(x)``; also over an axis."""
    if has_one_entry(x, axis):
        return ones(x.rows, x.cols)
    return ProdOthers(x, axis_of(x, axis))


@dataclass(frozen=True, eq=False, repr=False)
class Norm1(Operator):
    """Sum of the absolute values of all entries; the derivative at an entry 0 is taken as 0."""

    arg: Expr
    takes_tensors = True
    name = "norm1"
    latex = r"\left\|#1\right\|_1"
    code = "np.sum(np.abs(#1))"
    signature = "m,n -> 1,1"

    def infer_complex(self) -> bool:
        return False

    def infer_sign(self) -> int:
        return max(1, self.arg.sign)

    def differential(self, k: int, d: Expr) -> Expr:
        return total(hadamard(Sign(self.arg), d))


@dataclass(frozen=True, eq=False, repr=False)
class Norm2(Operator):
    """Euclidean norm of a vector."""

    arg: Expr
    name = "norm2"
    latex = r"\left\|#1\right\|_2"
    code = "np.linalg.norm(#1)"
    signature = "n,1 -> 1,1"

    def infer_complex(self) -> bool:
        return False

    def infer_sign(self) -> int:
        return max(1, self.arg.sign)

    def differential(self, k: int, d: Expr) -> Expr:
        return quotient(total(hadamard(self.arg, d)), self)


@dataclass(frozen=True, eq=False, repr=False)
class NormF(Operator):
    """Frobenius norm."""

    arg: Expr
    takes_tensors = True
    name = "normf"
    latex = r"\left\|#1\right\|_F"
    code = "np.linalg.norm(#1)"
    signature = "m,n -> 1,1"

    def infer_complex(self) -> bool:
        return False

    def infer_sign(self) -> int:
        return max(1, self.arg.sign)

    def differential(self, k: int, d: Expr) -> Expr:
        return quotient(total(hadamard(self.arg, d)), self)


@dataclass(frozen=True, eq=False, repr=False)
class NormInf(Operator):
    """Largest absolute value of all entries; where it is reached more than once the derivative takes the first."""

    arg: Expr
    takes_tensors = True
    name = "norminf"
    latex = r"\left\|#1\right\|_\infty"
    code = "np.max(np.abs(#1))"
    signature = "m,n -> 1,1"

    def infer_complex(self) -> bool:
        return False

    def infer_sign(self) -> int:
        return max(1, self.arg.sign)

    def differential(self, k: int, d: Expr) -> Expr:
        return total(hadamard(Sign(self.arg), IsLargest(Abs(self.arg)), d))


@dataclass(frozen=True, eq=False, repr=False)
class IsLargest(Operator):
    """1 at the (first) largest entry, else 0; its derivative is taken as 0."""

    arg: Expr
    name = "islargest"
    latex = r"\operatorname{islargest}(#1)"
    code = "is_largest(#1)"
    signature = "m,n -> m,n"

    def differential(self, k: int, d: Expr) -> Expr:
        return hadamard(ZERO, d)

    def conditions_here(self) -> tuple[str, ...]:
        return (f"{brief(self.arg)} has one largest entry",)


@dataclass(frozen=True, eq=False, repr=False)
class LogSumExp(AxisReduction):
    """``log(sum(exp(x)))`` over all entries, down columns (axis 0) or along rows (axis 1)."""

    arg: Expr
    axis: int | None
    analytic = True
    name = "logsumexp"
    latex = r"\operatorname{logsumexp}#axis(#1)"
    code = "logsumexp(#1)"

    def differential(self, k: int, d: Expr) -> Expr:
        return total(hadamard(softmax(self.arg, self.axis), d), self.axis)


@dataclass(frozen=True, eq=False, repr=False)
class Softmax(AxisReduction):
    """``exp(x)/sum(exp(x))`` over all entries, down columns (axis 0) or along rows (axis 1)."""

    arg: Expr
    axis: int | None
    analytic = True
    name = "softmax"
    latex = r"\operatorname{softmax}#axis(#1)"
    code = "softmax(#1)"

    def infer_sign(self) -> int:
        return 2

    def infer_shape(self) -> Shape:
        return (self.arg.rows, self.arg.cols)

    def differential(self, k: int, d: Expr) -> Expr:
        weighted = hadamard(self, d)
        return weighted - hadamard(self, stretch(total(weighted, self.axis), self.arg))


def stretch(part: Expr, like: Expr) -> Expr:
    """A scalar as it is; a row or a column of sums repeated to the shape of ``like``."""
    if part.is_scalar:
        return part
    return product(ones(like.rows), part) if is_unit(part.rows) else product(part, transpose(ones(like.cols)))


def softmax(x: Expr, axis: int | None = None) -> Expr:
    """``softmax(x)`` over all entries; over ``axis`` 0 of each column, over 1 of each row."""
    return Softmax(x, axis_of(x, axis))


def logsumexp(x: Expr, axis: int | None = None) -> Expr:
    """``logsumexp(x)`` over all entries; over ``axis`` 0 a row, one for each column; over 1 a column."""
    return LogSumExp(x, axis_of(x, axis))
