"""Julia: how every piece of a program is written, with LinearAlgebra, and SpecialFunctions where that is needed.

A vector, be it a column or a row of the formula, is a ``Vector`` there, and a scalar a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from matcalc.emit.texts.pieces import (
    ATOM,
    COMPARE,
    POSTFIX,
    POWER,
    SIGN,
    SUM,
    TERM,
    Language,
    Piece,
    Row,
    axes_in,
    entrywise_names,
    sizes_in,
    words,
)
from matcalc.emit.texts.text import TextWriter

ROWS = (
    # products
    ("#1 @ #2", "22", "@1 * !2", TERM, 2), ("#1 @ #2", "21", "@1 * !2", TERM, 1), ("#1 @ #2", "12", "{T2} * !1", TERM, 1),
    ("#1 @ #2", "11", "{DOT}", 0, 0), ("np.outer(#1, #2)", "11", "@1 * {T2}", TERM, 2),
    ("#1 @ #2", "33", 'einsum("bij,bjk->bik", #1, #2)', 0, 3), ("#1 @ #2", "32", 'einsum("bij,jk->bik", #1, #2)', 0, 3),
    ("#1 @ #2", "23", 'einsum("ij,bjk->bik", #1, #2)', 0, 3), ("#1 @ #2", "31", 'einsum("bij,j->bi", #1, #2)', 0, 2),
    ("#1 @ #2", "13", 'einsum("i,bij->bj", #1, #2)', 0, 2),
    ("(#1 @ #2[:, :, None])[:, :, 0]", "32", 'einsum("bij,bj->bi", #1, #2)', 0, 2),
    ("(#2[:, None, :] @ #1)[:, 0, :]", "32", 'einsum("bij,bi->bj", #1, #2)', 0, 2),
    ("np.kron(#1, #2)", "22", "kron(#1, #2)", 0, 2), ("np.kron(#1, #2)", "11", "kron(#1, #2)", 0, 1),
    ("khatrirao(#1, #2)", "22", "khatrirao(#1, #2)", 0, 2), ("np.cross(#1, #2)", "11", "cross(#1, #2)", 0, 1),
    ("cross_matrix(#1)", "1", "cross_matrix(#1)", 0, 2), ("axial(#1)", "2", "axial(#1)", 0, 1),
    # transposes and axes
    ("#1.T", "2", "{T1}", POSTFIX, 2), ("#1.T", "1", "@1", POSTFIX, 1), ("#1.T", "0", "@1", POSTFIX, 0),
    ("#1[:, None]", "1", "reshape(#1, :, 1)", 0, 2), ("#1[None, :]", "1", "{T1}", POSTFIX, 2),
    ("np.reshape(#1, ())", "0", "@1", POSTFIX, 0), ("np.reshape(#1, ())", "1", "only(#1)", 0, 0),
    ("np.reshape(#1, ())", "2", "only(#1)", 0, 0), ("np.reshape(#1, #2)", "00", "[#1]", 0, 1),
    ("np.reshape(#1, (#2, #3))", "000", "fill(#1, 1, 1)", 0, 2), ("#1.reshape(-1)", "0", "[#1]", 0, 1),
    ("#1.reshape(-1)", "1", "@1", POSTFIX, 1), ("#1.copy()", "1", "copy(#1)", 0, 1), ("#1.copy()", "2", "copy(#1)", 0, 2),
    ("#1.copy()", "0", "@1", POSTFIX, 0), ("float(#1)", "0", "float(#1)", 0, 0),
    # constants
    ("np.eye(#1)", "0", "Matrix(1.0I, #1, #1)", 0, 2), ("np.zeros(#1)", "0", "zeros(#1)", 0, 1),
    ("np.ones(#1)", "0", "ones(#1)", 0, 1), ("np.zeros((#1, #2))", "00", "zeros(#1, #2)", 0, 2),
    ("np.full(#1, #2)", "00", "fill(#2, #1)", 0, 1),
    ("np.ones((#1, #2))", "00", "ones(#1, #2)", 0, 2), ("np.tri(#1)", "0", "tril(ones(#1, #1))", 0, 2),
    ("np.pi", "", "float(pi)", 0, 0), ("np.e", "", "exp(1.0)", 0, 0),
    ("np.tile(#1, (#2, #3))", "200", "repeat(#1, #2, #3)", 0, 2),
    ("np.tile(#1, (#2, #3))", "100", "repeat({T1}, #2, #3)", 0, 2),
    ("unit_vector(#1, #2)", "00", "unit_vector(+1, #2)", 0, 1), ("np.eye(#1)[:, #2]", "00", "unit_vector(+2, #1)", 0, 1),
    ("np.eye(#1)[:, #2:#3]", "000", "Matrix(1.0I, #1, #1)[:, +2:#3]", POSTFIX, 2),
    ("commutation(#1, #2)", "00", "commutation(#1, #2)", 0, 2), ("duplication(#1)", "0", "duplication(#1)", 0, 2),
    ("elimination(#1)", "0", "elimination(#1)", 0, 2), ("toeplitz_basis(#1)", "0", "toeplitz_basis(#1)", 0, 2),
    # parts
    ("#1[#2]", "10", "@1[+2]", POSTFIX, 0), ("#1[#2]", "20", "@1[+2, :]", POSTFIX, 1),
    ("#1[:, #2]", "20", "@1[:, +2]", POSTFIX, 1), ("#1[#2, #3]", "200", "@1[+2, +3]", POSTFIX, 0),
    ("#1[#2:#3]", "100", "@1[+2:#3]", POSTFIX, 1), ("#1[#2:#3]", "200", "@1[+2:#3, :]", POSTFIX, 2),
    ("#1[:, #2:#3]", "200", "@1[:, +2:#3]", POSTFIX, 2), ("#1[#2:#3, #4:#5]", "20000", "@1[+2:#3, +4:#5]", POSTFIX, 2),
    ("#1[::-1]", "1", "reverse(#1)", 0, 1), ("#1[::-1]", "2", "reverse(#1, dims=1)", 0, 2),
    ("#1[:, ::-1]", "2", "reverse(#1, dims=2)", 0, 2), ("np.diag(#1)", "1", "diagm(#1)", 0, 2),
    ("np.diag(#1)", "2", "diag(#1)", 0, 1), ("vech(#1)", "2", "vech(#1)", 0, 1), ("np.tril(#1)", "2", "tril(#1)", 0, 2),
    ("np.triu(#1)", "2", "triu(#1)", 0, 2), ("half_tril(#1)", "2", "half_tril(#1)", 0, 2),
    # sums
    ("np.sum(#1)", "0", "@1", POSTFIX, 0), ("np.sum(#1)", "1", "sum(#1)", 0, 0), ("np.sum(#1)", "2", "sum(#1)", 0, 0),
    ("#1.sum(axis=0)", "2", "vec(sum(#1, dims=1))", 0, 1), ("#1.sum(axis=1)", "2", "vec(sum(#1, dims=2))", 0, 1),
    ("np.prod(#1)", "1", "prod(#1)", 0, 0), ("np.prod(#1)", "2", "prod(#1)", 0, 0),
    ("np.prod(#1, axis=0)", "2", "vec(prod(#1, dims=1))", 0, 1),
    ("np.prod(#1, axis=1)", "2", "vec(prod(#1, dims=2))", 0, 1), ("np.max(#1)", "0", "@1", POSTFIX, 0),
    ("np.max(#1)", "1", "maximum(#1)", 0, 0), ("np.max(#1)", "2", "maximum(#1)", 0, 0),
    ("np.max(#1, axis=0)", "2", "vec(maximum(#1, dims=1))", 0, 1),
    ("np.max(#1, axis=1)", "2", "vec(maximum(#1, dims=2))", 0, 1),
    ("np.cumsum(#1)", "1", "cumsum(#1)", 0, 1), ("np.cumsum(#1, axis=0)", "2", "cumsum(#1, dims=1)", 0, 2),
    ("np.cumsum(#1, axis=1)", "2", "cumsum(#1, dims=2)", 0, 2), ("np.trace(#1)", "2", "tr(#1)", 0, 0),
    ("logsumexp(#1)", "1", "logsumexp(#1)", 0, 0), ("logsumexp(#1)", "2", "logsumexp(#1)", 0, 0),
    ("logsumexp(#1, axis=0)", "2", "vec(logsumexp(#1, 1))", 0, 1),
    ("logsumexp(#1, axis=1)", "2", "vec(logsumexp(#1, 2))", 0, 1), ("softmax(#1)", "1", "softmax(#1)", 0, 1),
    ("softmax(#1)", "2", "softmax(#1)", 0, 2), ("softmax(#1, axis=0)", "2", "softmax(#1, 1)", 0, 2),
    ("softmax(#1, axis=1)", "2", "softmax(#1, 2)", 0, 2), ("prod_others(#1)", "1", "prod_others(#1)", 0, 1),
    ("prod_others(#1)", "2", "prod_others(#1)", 0, 2), ("prod_others(#1, axis=0)", "2", "prod_others(#1, 1)", 0, 2),
    ("prod_others(#1, axis=1)", "2", "prod_others(#1, 2)", 0, 2), ("is_largest(#1)", "0", "one(#1)", 0, 0),
    ("is_largest(#1)", "1", "is_largest(#1)", 0, 1), ("is_largest(#1)", "2", "is_largest(#1)", 0, 2),
    ("diagonal_sums(#1)", "2", "diagonal_sums(#1)", 0, 2), ("diagonal_means(#1)", "2", "diagonal_means(#1)", 0, 2),
    # norms
    ("np.linalg.norm(#1)", "0", "abs(#1)", 0, 0), ("np.linalg.norm(#1)", "1", "norm(#1)", 0, 0),
    ("np.linalg.norm(#1)", "2", "norm(#1)", 0, 0), ("np.linalg.norm(#1, #2)", "20", "opnorm(#1)", 0, 0),
    ("np.linalg.norm(#1, 'nuc')", "2", "sum(svdvals(#1))", 0, 0),
    # linear algebra
    ("np.linalg.inv(#1)", "2", "inv(#1)", 0, 2), ("np.linalg.det(#1)", "2", "det(#1)", 0, 0),
    ("np.linalg.pinv(#1)", "2", "pinv(#1)", 0, 2), ("np.linalg.solve(#1, #2)", "22", "@1 \\ !2", TERM, 2),
    ("np.linalg.solve(#1, #2)", "21", "@1 \\ !2", TERM, 1),
    ("np.linalg.slogdet(#1)[1]", "2", "logabsdet(#1)[1]", POSTFIX, 0),
    ("np.linalg.slogdet(#1)", "2", "logabsdet(#1)", 0, "slogdet"), ("#1[0]", "<slogdet>", "@1[2]", POSTFIX, 0),
    ("#1[1]", "<slogdet>", "@1[1]", POSTFIX, 0),
    ("np.linalg.matrix_power(#1, #2)", "20", "!1 ^ !2", POWER, 2),
    ("np.linalg.svd(#1, compute_uv=False)", "2", "svdvals(#1)", 0, 1),
    ("np.linalg.svd(#1, full_matrices=False)", "2", "svd(#1)", 0, "svd"), ("#1[0]", "<svd>", "@1.U", POSTFIX, 2),
    ("#1[1]", "<svd>", "@1.S", POSTFIX, 1), ("#1[2]", "<svd>", "@1.Vt", POSTFIX, 2),
    ("adjugate(#1)", "2", "adjugate(#1)", 0, 2), ("polar(#1)", "2", "polar_factor(#1)", 0, 2),
    ("cholesky(#1)", "2", "cholesky_factor(#1)", 0, 2), ("eigmax(#1)", "2", "eigmax(Hermitian((#1 + {C1}) / 2))", 0, 0),
    ("eigmin(#1)", "2", "eigmin(Hermitian((#1 + {C1}) / 2))", 0, 0),
    ("eigvecmax(#1)", "2", "eigen(Hermitian((#1 + {C1}) / 2)).vectors[:, end]", POSTFIX, 1),
    ("eigvecmin(#1)", "2", "eigen(Hermitian((#1 + {C1}) / 2)).vectors[:, 1]", POSTFIX, 1),
    ("eig(#1)", "2", "real_eigvals(#1)", 0, 1), ("eigvecs(#1)", "2", "real_eigvecs(#1)", 0, 2),
    ("eiggaps(#1)", "1", "eiggaps(#1)", 0, 2), ("eiggaps(#1)", "2", "eiggaps(vec(#1))", 0, 2),
    ("solve_sylvester(#1, #2, #3)", "222", "sylvester(#1, #2, -!3)", 0, 2), ("expm(#1)", "2", "exp(#1)", 0, 2),
    ("logm(#1)", "2", "log(#1)", 0, 2), ("sqrtm(#1)", "2", "sqrt(#1)", 0, 2), ("sinm(#1)", "2", "sin(#1)", 0, 2),
    ("cosm(#1)", "2", "cos(#1)", 0, 2),
    # functions that the caller gives
    ("#1(#2)", "<function>0", "@1(#2)", POSTFIX, 0), ("#1(#2)", "<function>1", "@1(#2)", POSTFIX, 0),
    ("#1(#2)", "<function>2", "@1(#2)", POSTFIX, 0), ("#1(#2)", "<slope>0", "@1(#2)", POSTFIX, 0),
    ("#1(#2)", "<slope>1", "@1(#2)", POSTFIX, 1), ("#1(#2)", "<slope>2", "@1(#2)", POSTFIX, 2),
)  # fmt: skip
ENTRYWISE = {
    **entrywise_names("exp log sqrt abs sign sin cos tan sinh cosh tanh expm1 log1p conj real imag", "{}(#1)"),
    "np.arcsin(#1)": "asin(#1)", "np.arccos(#1)": "acos(#1)", "np.arctan(#1)": "atan(#1)", "np.square(#1)": "!1 ^ 2",
    "np.maximum(#1, #2)": "max(#1, #2)", "np.minimum(#1, #2)": "min(#1, #2)", "np.heaviside(#1, #2)": "heaviside(#1)",
    "np.logaddexp(#1, #2)": "logaddexp(#1, #2)", "np.where(#1, #2, #3)": "ifelse(#1, #2, #3)", "sigmoid(#1)": "sigmoid(#1)",
    "erf(#1)": "erf(#1)", "gamma(#1)": "gamma(#1)", "lgamma(#1)": "log_abs_gamma(#1)", "digamma(#1)": "digamma(#1)",
    "trigamma(#1)": "trigamma(#1)", "polygamma(#1, #2)": "polygamma(#1, #2)",
}  # fmt: skip
SPECIAL = frozenset(("erf", "gamma", "digamma", "trigamma", "polygamma", "logabsgamma"))  # of SpecialFunctions
FRECHET = {"dexpm": "exp", "dlogm": "log", "dsqrtm": "sqrt", "dsinm": "sin", "dcosm": "cos"}


@lru_cache(maxsize=2)
def julia(*, is_complex: bool) -> Language:
    """The language, with transposes that do not conjugate where something is complex."""
    turns = {
        "{T1}": "transpose(#1)" if is_complex else "$1'", "{T2}": "transpose(#2)" if is_complex else "$2'", "{C1}": "$1'",
        "{DOT}": "sum(#1 .* #2)" if is_complex else "dot(#1, #2)",
    }  # fmt: skip
    rows = {}
    for key, ranks, text, binds, rank in ROWS:
        whole = is_complex and text == "{T1}"
        for mark, word in turns.items():
            text = text.replace(mark, word)
        rows[key, ranks] = Row(text, ATOM if whole else binds or ATOM, rank)
    entrywise = {key: (text, _dotted(text)) for key, text in ENTRYWISE.items()}
    return Language("Julia", rows, entrywise, SPECIALS, binary, number, HELPERS, KEYWORDS, "permutedims(#1, ({}))", _with_axes)


def _dotted(text: str) -> str:
    return text.replace(" ^ ", " .^ ") if " ^ " in text else text.replace("(", ".(", 1)


def binary(w: TextWriter, op: str, a: Piece, b: Piece) -> Piece:
    """An operator between entries, with dots where the shapes differ; NumPy's stretching of a vector to rows is spelled out."""
    assert isinstance(a.rank, int)
    assert isinstance(b.rank, int)
    rank = max(a.rank, b.rank)
    same = a.rank == b.rank and a.spread is None and b.spread is None and not (a.row or b.row)
    a, b = w.stretched(a, rank), w.stretched(b, rank)
    one_column = a.rank == b.rank == 2 and (a.spread is None) != (b.spread is None)
    if one_column:  # a vector beside a matrix is a column here
        a, b = a.spread or a, b.spread or b
    both = a.rank != 0 and b.rank != 0
    match op:
        case "+" | "-":
            return w.fill(Row(f"@1 {op} !2" if same else f"@1 .{op} !2", SUM, rank, entrywise=True), [a, b])
        case "*":
            return w.fill(Row("@1 .* !2" if both else "@1 * !2", TERM, rank, entrywise=True), [a, b])
        case "/":
            return w.fill(Row("@1 ./ !2" if b.rank != 0 else "@1 / !2", TERM, rank, entrywise=True), [a, b])
        case "//":
            return w.fill(Row("div(#1, #2)"), [a, b])
        case "**":
            return w.fill(Row("!1 .^ !2" if rank else "!1 ^ !2", POWER, rank, entrywise=True), [a, b])
        case _:
            return w.fill(Row(f"!1 .{op} !2" if rank else f"!1 {op} !2", COMPARE, rank, entrywise=True), [a, b])


def number(value: complex) -> Piece:
    """A number."""
    if isinstance(value, complex):
        return Piece(f"complex({number(value.real).text}, {number(value.imag).text})", number=value)
    text = {"inf": "Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), repr(value))
    return Piece(text, SIGN if text.startswith("-") else ATOM, number=value)


# -------------------------------------------------------------------- any number of operands
def _row_major(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    """``reshape``, which counts the last axis fastest in NumPy and the first one here."""
    a, *sizes = operands
    if key == "#1.reshape(-1)":
        if a.rank in (0, 1):
            return None
        if a.rank == 2:
            return w.fill(Row("vec(#1)", rank=1), [a.turned if a.turned is not None else w.transposed(a)])
        inner = w.permute(a, range(a.rank, 0, -1)) if isinstance(a.rank, int) else a
        return w.fill(Row("vec(#1)", rank=1), [inner])
    if not isinstance(a.rank, int):
        return None
    places = sizes_in(key, ":")
    count = len(places)
    if count == 1:
        return w.fill(Row("reshape(#1, #2)", rank=1), [a if a.rank == 1 else _row_major(w, [a], "#1.reshape(-1)") or a, *sizes])
    start = a if a.rank == 1 else w.transposed(a) if a.rank == 2 else w.permute(a, range(a.rank, 0, -1))
    if a.rank == 0:
        start = w.fill(Row("[#1]", rank=1), [a])
    flat = w.fill(Row(f"reshape(#1, {', '.join(reversed(places))})", rank=count), [start, *sizes])
    if count == 2:
        return replace(w.look_up("#1.T", [flat]), turned=flat)
    return w.permute(flat, range(count, 0, -1))


def _transpose(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    a, *order = operands
    places = [int(o.number.real) + 1 for o in order if o.number is not None]
    if not places or len(places) < len(order):
        return None
    if len(places) == 2:
        return a if places == [1, 2] else w.transposed(a)
    return w.permute(a, places)


def _with_axes(w: TextWriter, a: Piece, own: Sequence[bool]) -> Piece:
    if a.spread is not None:  # a column is its vector, with one axis more
        last = max(k for k, is_own in enumerate(own) if is_own)
        return _with_axes(w, a.spread, [is_own and k < last for k, is_own in enumerate(own)])
    if sum(own) > 1 and not a.text.isidentifier():
        inside = ", ".join(":" if is_own else "[CartesianIndex()]" for is_own in own)
        return w.fill(Row(f"@1[{inside}]", POSTFIX, len(own)), [a])
    lengths = [f"size(#1, {k})" for k in range(1, sum(own))] + [":"]
    lengths.reverse()
    return w.fill(Row(f"reshape(#1, {', '.join(lengths.pop() if is_own else '1' for is_own in own)})", rank=len(own)), [a])


def _sum_over(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    """``sum`` over axes, which are no more."""
    a = operands[0]
    if not isinstance(a.rank, int) or a.rank < 3 or "axis=" not in key:
        return None
    gone = axes_in(key, operands)
    if len(gone) == a.rank:
        return w.fill(Row("sum(#1)"), [a])
    over = ", ".join(map(str, gone))
    dims = over if len(gone) == 1 else f"({over})"
    return w.fill(Row(f"dropdims(sum(#1, dims={dims}), dims={dims})", rank=a.rank - len(gone)), [a])


def _concatenate(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    inside = ", ".join(o.text for o in operands)
    return Piece(f"{'hcat' if 'axis=1' in key else 'vcat'}({inside})", rank=operands[0].rank)


def _einsum(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    spec = key.split("'")[1]
    w.helpers.add("einsum")
    inside = ", ".join(o.text for o in operands)
    axes = len(spec.split("->")[1])
    call = f'einsum("{spec}", {inside})'
    return Piece(call if axes else f"only({call})", rank=axes)


def _frechet(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    w.helpers.add("frechet")
    return Piece(f"frechet({FRECHET[key.split('(')[0]]}, {', '.join(o.text for o in operands)})", rank=2)


def _total(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    (a, *_) = operands
    return w.fill(Row("sum(#1)"), [a]) if key == "np.sum(#1)" and isinstance(a.rank, int) and a.rank > 2 else None


SPECIALS = {
    ".reshape": _row_major, ".sum": _sum_over, ".transpose": _transpose, "np.concatenate": _concatenate, "np.einsum": _einsum,
    "np.sum": _total,
    **dict.fromkeys(FRECHET, _frechet),
}  # fmt: skip
HELPERS = frozenset((
    "khatrirao", "cross_matrix", "axial", "unit_vector", "commutation", "duplication", "elimination", "toeplitz_basis",
    "vech", "half_tril", "logsumexp", "softmax", "prod_others", "is_largest", "diagonal_sums", "diagonal_means",
    "adjugate", "polar_factor", "cholesky_factor", "real_eigvals", "real_eigvecs", "eiggaps", "logaddexp", "heaviside",
    "sigmoid", "log_abs_gamma", "einsum", "frechet", *SPECIAL,
))  # fmt: skip
KEYWORDS = words(
    "baremodule begin break catch const continue do else elseif end export false finally for function global if "
    "import let local macro module quote return struct true try using while abstract mutable primitive type where in "
    "isa outer public ccall"
)
