"""MATLAB and Octave: how every piece of a program is written.

Arrays have two axes or more there: a vector is a column, and so is what the program holds as a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from matcalc.emit.texts.pieces import (
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
    ("#1 @ #2", "22", "@1 * !2", TERM, 2), ("#1 @ #2", "21", "@1 * !2", TERM, 1), ("#1 @ #2", "12", "$2^T * !1", TERM, 1),
    ("#1 @ #2", "11", "$1^T * !2", TERM, 0), ("np.outer(#1, #2)", "11", "@1 * $2^T", TERM, 2),
    ("#1 @ #2", "33", "einsum('bij,bjk->bik', #1, #2)", 0, 3), ("#1 @ #2", "32", "einsum('bij,jk->bik', #1, #2)", 0, 3),
    ("#1 @ #2", "23", "einsum('ij,bjk->bik', #1, #2)", 0, 3), ("#1 @ #2", "31", "einsum('bij,j->bi', #1, #2)", 0, 2),
    ("#1 @ #2", "13", "einsum('i,bij->bj', #1, #2)", 0, 2),
    ("(#1 @ #2[:, :, None])[:, :, 0]", "32", "einsum('bij,bj->bi', #1, #2)", 0, 2),
    ("(#2[:, None, :] @ #1)[:, 0, :]", "32", "einsum('bij,bi->bj', #1, #2)", 0, 2),
    ("np.kron(#1, #2)", "22", "kron(#1, #2)", 0, 2), ("np.kron(#1, #2)", "11", "kron(#1, #2)", 0, 1),
    ("khatrirao(#1, #2)", "22", "khatrirao(#1, #2)", 0, 2), ("np.cross(#1, #2)", "11", "cross(#1, #2)", 0, 1),
    ("cross_matrix(#1)", "1", "cross_matrix(#1)", 0, 2), ("axial(#1)", "2", "axial(#1)", 0, 1),
    # transposes and axes
    ("#1.T", "2", "!1^T", POSTFIX, 2), ("#1.T", "1", "@1", POSTFIX, 1), ("#1.T", "0", "@1", POSTFIX, 0),
    ("#1[:, None]", "1", "@1", POSTFIX, 2), ("#1[None, :]", "1", "!1^T", POSTFIX, 2),
    ("np.reshape(#1, ())", "0", "@1", POSTFIX, 0), ("np.reshape(#1, ())", "1", "@1", POSTFIX, 0),
    ("np.reshape(#1, ())", "2", "@1", POSTFIX, 0), ("np.reshape(#1, #2)", "00", "@1", POSTFIX, 1),
    ("np.reshape(#1, (#2, #3))", "000", "@1", POSTFIX, 2), ("#1.reshape(-1)", "0", "@1", POSTFIX, 1),
    ("#1.reshape(-1)", "1", "@1", POSTFIX, 1), ("#1.copy()", "1", "@1", POSTFIX, 1), ("#1.copy()", "2", "@1", POSTFIX, 2),
    ("#1.copy()", "0", "@1", POSTFIX, 0), ("float(#1)", "0", "@1", POSTFIX, 0),
    # constants
    ("np.eye(#1)", "0", "eye(#1)", 0, 2), ("np.zeros(#1)", "0", "zeros(#1, 1)", 0, 1),
    ("np.ones(#1)", "0", "ones(#1, 1)", 0, 1), ("np.zeros((#1, #2))", "00", "zeros(#1, #2)", 0, 2),
    ("np.full(#1, #2)", "00", "repmat(#2, #1, 1)", 0, 1),
    ("np.ones((#1, #2))", "00", "ones(#1, #2)", 0, 2), ("np.tri(#1)", "0", "tril(ones(#1))", 0, 2),
    ("np.pi", "", "pi", 0, 0), ("np.e", "", "exp(1)", 0, 0),
    ("np.tile(#1, (#2, #3))", "200", "repmat(#1, #2, #3)", 0, 2),
    ("np.tile(#1, (#2, #3))", "100", "repmat($1^T, #2, #3)", 0, 2),
    ("unit_vector(#1, #2)", "00", "unit_vector(+1, #2)", 0, 1), ("np.eye(#1)[:, #2]", "00", "unit_vector(+2, #1)", 0, 1),
    ("np.eye(#1)[:, #2:#3]", "000", "unit_columns(#1, +2:#3)", 0, 2),
    ("commutation(#1, #2)", "00", "commutation(#1, #2)", 0, 2), ("duplication(#1)", "0", "duplication(#1)", 0, 2),
    ("elimination(#1)", "0", "elimination(#1)", 0, 2), ("toeplitz_basis(#1)", "0", "toeplitz_basis(#1)", 0, 2),
    # parts
    ("#1[#2]", "10", "@1(+2)", POSTFIX, 0), ("#1[#2]", "20", "@1(+2, :)^T", POSTFIX, 1),
    ("#1[:, #2]", "20", "@1(:, +2)", POSTFIX, 1), ("#1[#2, #3]", "200", "@1(+2, +3)", POSTFIX, 0),
    ("#1[#2:#3]", "100", "@1(+2:#3)", POSTFIX, 1), ("#1[#2:#3]", "200", "@1(+2:#3, :)", POSTFIX, 2),
    ("#1[:, #2:#3]", "200", "@1(:, +2:#3)", POSTFIX, 2), ("#1[#2:#3, #4:#5]", "20000", "@1(+2:#3, +4:#5)", POSTFIX, 2),
    ("#1[::-1]", "1", "flip(#1, 1)", 0, 1), ("#1[::-1]", "2", "flip(#1, 1)", 0, 2),
    ("#1[:, ::-1]", "2", "flip(#1, 2)", 0, 2), ("np.diag(#1)", "1", "diag(#1)", 0, 2),
    ("np.diag(#1)", "2", "diag(#1)", 0, 1), ("vech(#1)", "2", "vech(#1)", 0, 1), ("np.tril(#1)", "2", "tril(#1)", 0, 2),
    ("np.triu(#1)", "2", "triu(#1)", 0, 2), ("half_tril(#1)", "2", "half_tril(#1)", 0, 2),
    # sums
    ("np.sum(#1)", "0", "@1", POSTFIX, 0), ("np.sum(#1)", "1", "sum(#1)", 0, 0),
    ("np.sum(#1)", "2", "sum(sum(#1))", 0, 0), ("#1.sum(axis=0)", "2", "sum(#1, 1)^T", POSTFIX, 1),
    ("#1.sum(axis=1)", "2", "sum(#1, 2)", 0, 1), ("np.prod(#1)", "1", "prod(#1)", 0, 0),
    ("np.prod(#1)", "2", "prod(prod(#1))", 0, 0), ("np.prod(#1, axis=0)", "2", "prod(#1, 1)^T", POSTFIX, 1),
    ("np.prod(#1, axis=1)", "2", "prod(#1, 2)", 0, 1), ("np.max(#1)", "0", "@1", POSTFIX, 0),
    ("np.max(#1)", "1", "max(#1)", 0, 0), ("np.max(#1)", "2", "max(max(#1))", 0, 0),
    ("np.max(#1, axis=0)", "2", "max(#1, [], 1)^T", POSTFIX, 1), ("np.max(#1, axis=1)", "2", "max(#1, [], 2)", 0, 1),
    ("np.cumsum(#1)", "1", "cumsum(#1)", 0, 1), ("np.cumsum(#1, axis=0)", "2", "cumsum(#1, 1)", 0, 2),
    ("np.cumsum(#1, axis=1)", "2", "cumsum(#1, 2)", 0, 2), ("np.trace(#1)", "2", "trace(#1)", 0, 0),
    ("logsumexp(#1)", "1", "logsumexp(#1, 1)", 0, 0), ("logsumexp(#1)", "2", "logsumexp(reshape(#1, [], 1), 1)", 0, 0),
    ("logsumexp(#1, axis=0)", "2", "logsumexp(#1, 1)^T", POSTFIX, 1),
    ("logsumexp(#1, axis=1)", "2", "logsumexp(#1, 2)", 0, 1), ("softmax(#1)", "1", "softmax(#1, 1)", 0, 1),
    ("softmax(#1)", "2", "softmax_all(#1)", 0, 2), ("softmax(#1, axis=0)", "2", "softmax(#1, 1)", 0, 2),
    ("softmax(#1, axis=1)", "2", "softmax(#1, 2)", 0, 2), ("prod_others(#1)", "1", "prod_others(#1, 1)", 0, 1),
    ("prod_others(#1)", "2", "prod_others_all(#1)", 0, 2), ("prod_others(#1, axis=0)", "2", "prod_others(#1, 1)", 0, 2),
    ("prod_others(#1, axis=1)", "2", "prod_others(#1, 2)", 0, 2), ("is_largest(#1)", "1", "is_largest(#1)", 0, 1),
    ("is_largest(#1)", "2", "is_largest(#1)", 0, 2), ("is_largest(#1)", "0", "is_largest(#1)", 0, 0),
    ("diagonal_sums(#1)", "2", "diagonal_sums(#1)", 0, 2), ("diagonal_means(#1)", "2", "diagonal_means(#1)", 0, 2),
    # norms
    ("np.linalg.norm(#1)", "0", "abs(#1)", 0, 0), ("np.linalg.norm(#1)", "1", "norm(#1)", 0, 0),
    ("np.linalg.norm(#1)", "2", "norm(#1, 'fro')", 0, 0), ("np.linalg.norm(#1, #2)", "20", "norm(#1)", 0, 0),
    ("np.linalg.norm(#1, 'nuc')", "2", "sum(svd(#1))", 0, 0),
    # linear algebra
    ("np.linalg.inv(#1)", "2", "inv(#1)", 0, 2), ("np.linalg.det(#1)", "2", "det(#1)", 0, 0),
    ("np.linalg.pinv(#1)", "2", "pinv(#1)", 0, 2), ("np.linalg.solve(#1, #2)", "22", "@1 \\ !2", TERM, 2),
    ("np.linalg.solve(#1, #2)", "21", "@1 \\ !2", TERM, 1), ("np.linalg.slogdet(#1)[1]", "2", "logabsdet(#1)", 0, 0),
    ("np.linalg.slogdet(#1)", "2", "sign_and_logabsdet(#1)", 0, "slogdet"), ("#1[0]", "<slogdet>", "@1(1)", POSTFIX, 0),
    ("#1[1]", "<slogdet>", "@1(2)", POSTFIX, 0),
    ("np.linalg.matrix_power(#1, #2)", "20", "!1 ^ !2", POWER, 2),
    ("np.linalg.svd(#1, compute_uv=False)", "2", "svd(#1)", 0, 1),
    ("np.linalg.svd(#1, full_matrices=False)", "2", "svd_parts(#1)", 0, "svd"), ("#1[0]", "<svd>", "@1{1}", POSTFIX, 2),
    ("#1[1]", "<svd>", "@1{2}", POSTFIX, 1), ("#1[2]", "<svd>", "@1{3}", POSTFIX, 2),
    ("adjugate(#1)", "2", "adjugate(#1)", 0, 2), ("polar(#1)", "2", "polar_factor(#1)", 0, 2),
    ("cholesky(#1)", "2", "cholesky(#1)", 0, 2), ("eigmax(#1)", "2", "eigmax(#1)", 0, 0),
    ("eigmin(#1)", "2", "eigmin(#1)", 0, 0), ("eigvecmax(#1)", "2", "eigvecmax(#1)", 0, 1),
    ("eigvecmin(#1)", "2", "eigvecmin(#1)", 0, 1), ("eig(#1)", "2", "real_eig(#1)", 0, 1),
    ("eigvecs(#1)", "2", "real_eigvecs(#1)", 0, 2), ("eiggaps(#1)", "1", "eiggaps(#1)", 0, 2),
    ("eiggaps(#1)", "2", "eiggaps(#1)", 0, 2), ("solve_sylvester(#1, #2, #3)", "222", "sylvester(#1, #2, #3)", 0, 2),
    ("expm(#1)", "2", "expm(#1)", 0, 2), ("logm(#1)", "2", "logm(#1)", 0, 2), ("sqrtm(#1)", "2", "sqrtm(#1)", 0, 2),
    ("sinm(#1)", "2", "sinm(#1)", 0, 2), ("cosm(#1)", "2", "cosm(#1)", 0, 2),
    # functions that the caller gives
    ("#1(#2)", "<function>0", "@1(#2)", POSTFIX, 0), ("#1(#2)", "<function>1", "@1(#2)", POSTFIX, 0),
    ("#1(#2)", "<function>2", "@1(#2)", POSTFIX, 0), ("#1(#2)", "<slope>0", "@1(#2)", POSTFIX, 0),
    ("#1(#2)", "<slope>1", "@1(#2)", POSTFIX, 1), ("#1(#2)", "<slope>2", "@1(#2)", POSTFIX, 2),
)  # fmt: skip
ENTRYWISE = {
    **entrywise_names("exp log sqrt abs sign sin cos tan sinh cosh tanh expm1 log1p conj real imag", "{}(#1)"),
    "np.arcsin(#1)": "asin(#1)", "np.arccos(#1)": "acos(#1)", "np.arctan(#1)": "atan(#1)", "np.square(#1)": "!1 .^ 2",
    "np.maximum(#1, #2)": "max(#1, #2)", "np.minimum(#1, #2)": "min(#1, #2)", "np.heaviside(#1, #2)": "double(#1 > 0)",
    "np.logaddexp(#1, #2)": "logaddexp(#1, #2)", "np.where(#1, #2, #3)": "pick(#1, #2, #3)", "sigmoid(#1)": "sigmoid(#1)",
    "erf(#1)": "erf(#1)", "gamma(#1)": "gamma(#1)", "lgamma(#1)": "lgamma(#1)", "digamma(#1)": "psi(#1)",
    "trigamma(#1)": "psi(1, #1)", "polygamma(#1, #2)": "psi(#1, #2)",
}  # fmt: skip


@lru_cache(maxsize=2)
def matlab(*, is_complex: bool) -> Language:
    """The language, with transposes that do not conjugate where something is complex."""
    turn = ".'" if is_complex else "'"
    rows = {(key, ranks): Row(text.replace("^T", turn), binds or 70, rank) for key, ranks, text, binds, rank in ROWS}
    entrywise = {key: (text.replace(" .^ ", " ^ "), text) for key, text in ENTRYWISE.items()}
    return Language(
        "MATLAB",
        rows,
        entrywise,
        SPECIALS,
        binary,
        number,
        HELPERS,
        KEYWORDS,
        "permute(#1, [{}])",
        _with_axes,
        index_needs_name=True,
    )


def binary(w: TextWriter, op: str, a: Piece, b: Piece) -> Piece:
    """An operator between entries; NumPy's own stretching of a vector beside a matrix is spelled out."""
    assert isinstance(a.rank, int)
    assert isinstance(b.rank, int)
    rank = max(a.rank, b.rank)
    a, b = w.stretched(a, rank), w.stretched(b, rank)
    both = a.rank != 0 and b.rank != 0
    match op:
        case "+" | "-":
            return w.fill(Row(f"@1 {op} !2", SUM, rank, entrywise=True), [a, b])
        case "*":
            return w.fill(Row("@1 .* !2" if both else "@1 * !2", TERM, rank, entrywise=True), [a, b])
        case "/" | "//":
            return w.fill(Row("@1 ./ !2" if b.rank != 0 else "@1 / !2", TERM, rank, entrywise=True), [a, b])
        case "**":
            return w.fill(Row("!1 .^ !2" if rank else "!1 ^ !2", POWER, rank, entrywise=True), [a, b])
        case _:
            return w.fill(Row(f"!1 {op.replace('!', '~')} !2", COMPARE, rank, entrywise=True), [a, b])


def number(value: complex) -> Piece:
    """A number."""
    if isinstance(value, complex):
        return Piece(f"complex({number(value.real).text}, {number(value.imag).text})", number=value)
    text = {"inf": "Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), repr(value))
    return Piece(text, SIGN if text.startswith("-") else 70, number=value)


# -------------------------------------------------------------------- any number of operands
def _row_major(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    """``reshape``, which counts the last axis fastest in NumPy and the first one here."""
    a, *sizes = operands
    if key == "#1.reshape(-1)":
        if a.rank in (0, 1):
            return None
        if a.rank == 2:
            inner = a.turned
            return w.fill(Row("reshape(#1, [], 1)", rank=1), [inner if inner is not None else w.transposed(a)])
        inner = w.permute(a, range(a.rank, 0, -1)) if isinstance(a.rank, int) else a
        return w.fill(Row("reshape(#1, [], 1)", rank=1), [inner])
    if not isinstance(a.rank, int):
        return None
    places = sizes_in(key, "[]")
    count = len(places)
    start = a if a.rank < 2 else w.transposed(a) if a.rank == 2 else w.permute(a, range(a.rank, 0, -1))
    if count == 1:
        return w.fill(Row("reshape(#1, #2, 1)", rank=1), [start, *sizes])
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
    count = sum(own)
    mine, further = iter(range(1, count + 1)), iter(range(count + 1, len(own) + 1))
    places = [next(mine if is_own else further) for is_own in own]
    if a.rank == 2 and a.turned is not None and a.turned.rank == 2:  # one change of order is enough
        a = replace(a, permuted=(a.turned, (2, 1)))
    return w.permute(a, places)


def _sum_over(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    """``sum`` over axes, which go last and are no more."""
    a = operands[0]
    if not isinstance(a.rank, int) or a.rank < 3 or "axis=" not in key:
        return None
    gone = axes_in(key, operands)
    kept = [k for k in range(1, a.rank + 1) if k not in gone]
    text = "#1"
    for k in sorted(gone, reverse=True):
        text = f"sum({text}, {k})"
    total = w.fill(Row(text, rank=a.rank), [a])
    return replace(w.permute(total, [*kept, *sorted(gone)]), rank=len(kept), permuted=None)


def _concatenate(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    inside = (", " if "axis=1" in key else "; ").join(f"#{k + 1}" for k in range(len(operands)))
    if len(operands) > 9:
        joined = (", " if "axis=1" in key else "; ").join(o.text for o in operands)
        return Piece(f"[{joined}]", rank=operands[0].rank)
    return w.fill(Row(f"[{inside}]", rank=operands[0].rank), operands)


def _einsum(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    spec = key.split("'")[1]
    w.helpers.add("einsum")
    inside = ", ".join(o.text for o in operands)
    return Piece(f"einsum('{spec}', {inside})", rank=len(spec.split("->")[1]))


def _frechet(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    name = key.split("(")[0]
    w.helpers.add("frechet")
    w.helpers.update(h for h in (name[1:],) if h in HELPERS)
    return Piece(f"frechet(@{name[1:]}, {', '.join(o.text for o in operands)})", rank=2)


def _total(w: TextWriter, operands: Sequence[Piece], key: str) -> Piece | None:
    (a, *_) = operands
    if key == "np.sum(#1)" and isinstance(a.rank, int) and a.rank > 2:
        return w.fill(Row("sum(reshape(#1, [], 1))"), [a])
    return None


SPECIALS = {
    ".reshape": _row_major, ".sum": _sum_over, ".transpose": _transpose, "np.concatenate": _concatenate, "np.einsum": _einsum,
    "np.sum": _total,
    **dict.fromkeys(("dexpm", "dlogm", "dsqrtm", "dsinm", "dcosm"), _frechet),
}  # fmt: skip

HELPERS = frozenset((
    "khatrirao", "cross_matrix", "axial", "unit_vector", "unit_columns", "commutation", "duplication", "elimination",
    "toeplitz_basis", "vech", "half_tril", "logsumexp", "softmax", "softmax_all", "prod_others", "prod_others_all",
    "is_largest", "diagonal_sums", "diagonal_means", "logabsdet",
    "sign_and_logabsdet", "svd_parts", "adjugate", "polar_factor", "cholesky",
    "eigmax", "eigmin", "eigvecmax", "eigvecmin", "real_eig", "real_eigvecs", "eiggaps", "sinm", "cosm", "logaddexp",
    "pick", "sigmoid", "lgamma", "einsum", "frechet",
))  # fmt: skip
KEYWORDS = words(
    "break case catch classdef continue do else elseif end end_try_catch end_unwind_protect endclassdef "
    "endenumeration endevents endfor endfunction endif endmethods endparfor endproperties endswitch endwhile "
    "enumeration events for function global if methods otherwise parfor persistent properties return spmd switch try "
    "until unwind_protect unwind_protect_cleanup while __FILE__ __LINE__ arguments import"
)
