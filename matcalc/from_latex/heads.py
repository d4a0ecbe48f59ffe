r"""What LaTeX calls the functions: read off the operators' own templates, and the other names that people give them.

A head is the tuple of token texts before the bracket, braces aside, as ``("\log", "\det")``: longer ones are tried first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matcalc.dims import Shape, is_unit, same_dim
from matcalc.errors import UnsupportedError
from matcalc.expr import Expr, apply, matmul, transpose
from matcalc.from_latex.tokens import tokens
from matcalc.functions import ENTRYWISE, FUNCTIONS, Function, norm2
from matcalc.infer import Gradient
from matcalc.ops import OPERATORS, unspecified
from matcalc.ops.linalg import det, inv
from matcalc.ops.reductions import logsumexp, softmax, trace


@dataclass(frozen=True)
class Head:
    """A function as LaTeX writes it; ``script`` is what a subscript on the name says: axis, dims, order, or nothing."""

    function: Function | unspecified.Function | Gradient
    script: str = ""


SAME_AS = {
    "trace": "tr", "Trace": "tr", "Tr": "tr", "sgn": "sign", "ln": "log", "lg": "log", "argsinh": "asinh", "erfc": "erfc",
    "Diag": "diag", "diagm": "diag", "Vec": "vec", "vect": "vec", "determinant": "det", "adjugate": "adj",
    "cholesky": "cholesky", "swish": "silu", "ReLU": "relu", "Re": "real", "Im": "imag", "logit": "logit", "arctg": "atan",
    "tg": "tan", "sh": "sinh", "ch": "cosh", "th": "tanh", "lambdamax": "eigmax", "lambdamin": "eigmin",
}  # fmt: skip
NOT_READ = ("arg", "argmax", "argmin", "inf", "sup", "lim", "rank", "dim", "ker", "Pr", "gcd", "E", "Var", "Cov", "cov", "var")


def _from_templates() -> Iterator[tuple[tuple[str, ...], Head]]:
    """The heads that the operators' templates show."""
    for cls in OPERATORS.values():
        m = re.fullmatch(r"(.+?)(?:_\{#order\}|#(axis|dims|shape))?\(#\d.*\)", cls.latex)
        if m is None or "#" in m.group(1) or cls.name not in FUNCTIONS:
            continue
        script = (m.group(2) or "").replace("shape", "dims") or ("order" if "#order" in cls.latex else "")
        ending = ("_",) if script == "order" else ()
        yield (*spelling(m.group(1)), *ending), Head(FUNCTIONS[cls.name], script)


def spelling(source: str) -> tuple[str, ...]:
    """The texts of the tokens of a source, without braces."""
    return tuple(t.text for t in tokens(source)[:-1] if t.kind != "brace")


HEADS: dict[tuple[str, ...], Head] = dict(_from_templates())
for _name in ("log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "det", "max", "min"):
    HEADS[(f"\\{_name}",)] = Head(FUNCTIONS[_name])
LONGEST = max(map(len, HEADS))


def named_head(word: str) -> Head | None:
    """The function of that name, or of another name that people write for it."""
    name = word if word in FUNCTIONS else SAME_AS.get(word, word.lower())
    function = FUNCTIONS.get(name)
    if function is None or len(name) < 2 or not set(function.letters) <= set("xa"):
        return None
    return Head(function, "axis" if "a" in function.letters else "")


# ------------------------------------------------------------------ functions whose meaning depends on shapes
def _euclidean(x: Expr) -> Expr:
    return norm2(x) if is_unit(x.cols) or is_unit(x.rows) else apply("Spectral", x)


def _unmarked(x: Expr) -> Expr:
    if is_unit(x.cols) or is_unit(x.rows):
        return norm2(x)
    raise UnsupportedError(
        r"a norm of a matrix needs a subscript: \|X\|_F is the Frobenius norm, \|X\|_2 the spectral, \|X\|_* the nuclear norm"
    )


def _absolute(x: Expr) -> Expr:
    square = same_dim(x.rows, x.cols) and not x.is_scalar
    return det(x) if square else apply("Abs", x)


def is_determinant(shape: Shape) -> bool:
    """Whether bars around an array of this shape are its determinant."""
    return same_dim(*shape) and not is_unit(shape[0])


def _bars(shapes: Sequence[Shape], _: Sequence[int]) -> str:
    return "n,n -> 1,1" if is_determinant(shapes[0]) else "m,n -> m,n"


def inner(a: Expr, b: Expr) -> Expr:
    r"""``\langle A, B \rangle``: the sum of the products of entries, as ``x'*y`` or ``tr(A'*B)``."""
    if a.is_complex or b.is_complex:
        raise UnsupportedError("an inner product of complex arrays may conjugate either side: write A^\\mathsf{H} B")
    if a.is_scalar or is_unit(a.cols):
        return matmul(transpose(a), b)
    return matmul(a, transpose(b)) if is_unit(a.rows) else trace(matmul(transpose(a), b))


def _softmax(x: Expr) -> Expr:
    return softmax(_one_axis(x, "softmax"))


def _logsumexp(x: Expr) -> Expr:
    return logsumexp(_one_axis(x, "logsumexp"))


def _one_axis(x: Expr, name: str) -> Expr:
    if not (is_unit(x.cols) or is_unit(x.rows)):
        heads = " or ".join(rf"\operatorname{{{name}}}_{{\text{{{w}}}}}" for w in ("rows", "columns", "all"))
        raise UnsupportedError(f"{name} of a matrix may be of each row, of each column or of all entries: write {heads}")
    return x


def _exponential(x: Expr) -> Expr:
    if x.is_scalar:
        return apply("Exp", x)
    if same_dim(x.rows, x.cols):
        return apply("Expm", x)
    raise UnsupportedError(f"a power of Euler's number needs a scalar or a square matrix: entrywise write \\exp({x})")


def _dagger(a: Expr) -> Expr:
    if a.is_complex:
        raise UnsupportedError(r"\dagger may be the Hermitian transpose A^\mathsf{H} or the pseudoinverse A^+ here: write that")
    return apply("Pinv", a)


def _star(a: Expr) -> Expr:
    if not a.is_complex:
        raise UnsupportedError(r"a star on something real: write A^\top for the transpose, x_{\star} for a name")
    return a.H


NORMS = {
    "": Function("a norm", _unmarked, "m,n -> 1,1"),
    "2": Function("the 2-norm", _euclidean, "m,n -> 1,1"),
    "1": FUNCTIONS["norm1"], "F": FUNCTIONS["normf"], "*": FUNCTIONS["nuclear"], r"\infty": FUNCTIONS["norminf"],
    r"\ast": FUNCTIONS["nuclear"], "Fro": FUNCTIONS["normf"], "fro": FUNCTIONS["normf"], "inf": FUNCTIONS["norminf"],
    r"\ell,1": FUNCTIONS["norm1"], r"\ell,2": Function("the 2-norm", _euclidean, "m,n -> 1,1"),
}  # fmt: skip
EXPONENTIAL = Function("a power of e", _exponential, "m,n -> m,n")
ONE_AXIS = {  # without a subscript these are of vectors
    FUNCTIONS["softmax"]: Function("softmax", _softmax, ENTRYWISE),
    FUNCTIONS["logsumexp"]: Function("logsumexp", _logsumexp, "m,n -> 1,1"),
}
BARS = Function("the bars", _absolute, _bars)
INNER = Function("the inner product", inner, "m,n; m,n -> 1,1", "xx")
MARKS = {
    "inverse transpose": Function("the inverse", lambda a: transpose(inv(a)), "n,n -> n,n"),
    "pinv": FUNCTIONS["pinv"],
    "dagger": Function("the pseudoinverse", _dagger, "m,n -> n,m"),
    "star": Function("the star", _star, "m,n -> n,m"),
    "hermitian": Function("the Hermitian transpose", lambda a: a.H, "m,n -> n,m"),
}
