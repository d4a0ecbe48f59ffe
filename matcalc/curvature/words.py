"""Products as words of letters: reading them backwards, and taking scalars and outer products out."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.dims import is_unit
from matcalc.expr import (
    ONE,
    Add,
    Entrywise,
    Expr,
    Hadamard,
    Ones,
    Product,
    Quotient,
    Transpose,
    are_transposes,
    hadamard,
    ones,
    product,
    quotient,
    rational,
    transpose,
)
from matcalc.ops.linalg import MatrixPower
from matcalc.ops.structure import eye

MOST_LETTERS = 64


def letters_of(e: Expr) -> list[Expr]:
    """The factors of a product, with small matrix powers written out."""
    out: list[Expr] = []
    for f in e.args if isinstance(e, Product) else (e,):
        p = rational(f.exponent) if isinstance(f, MatrixPower) else None
        if isinstance(f, MatrixPower) and p is not None and 0 < p <= MOST_LETTERS:
            out.extend([f.base] * int(p))
        else:
            out.append(f)
    return out


def mirrored(word: Sequence[Expr], middle: int) -> bool:
    """Whether a word is its own transpose around so many letters in the middle."""
    half = (len(word) - middle) // 2
    return all(transposed(word[k], word[len(word) - 1 - k]) for k in range(half))


def transposed(a: Expr, b: Expr) -> bool:
    """Whether one is the other's transpose."""
    return are_transposes(a, b) or turned(a) is b or turned(b) is a


def turned(e: Expr) -> Expr:
    """The transpose, taken inside one entrywise function or sum, where printouts have it."""
    if isinstance(e, Transpose):
        return e.arg
    if e.is_scalar:
        return e
    if isinstance(e, (Entrywise, Add)):
        return e.rebuild([turned(c) if isinstance(c, Transpose) else transpose(c) for c in e.operands])
    if isinstance(e, Product):
        return product(*(turned(f) if isinstance(f, Transpose) else transpose(f) for f in reversed(e.args)))
    return transpose(e)


def scalars_out(e: Expr) -> tuple[Expr, Expr]:
    """``e`` as a scalar times the rest, with scalar denominators taken out."""
    scalar: Expr = ONE
    while not e.is_scalar:
        if isinstance(e, Hadamard) and e.args[0].is_scalar:
            scalar = hadamard(scalar, *(f for f in e.args if f.is_scalar))
            e = hadamard(*(f for f in e.args if not f.is_scalar))
        elif isinstance(e, Quotient) and e.below.is_scalar:
            scalar = quotient(scalar, e.below)
            e = e.above
        else:
            break
    return (hadamard(scalar, e), ONE) if e.is_scalar else (scalar, e)


def outer_part(e: Expr) -> tuple[Expr, Expr] | None:
    """``(c, v)`` where ``e`` is ``c*v*v'`` for a column ``v``."""
    scalar, body = scalars_out(e)
    if isinstance(body, Ones):
        return (scalar, ones(body.rows)) if body.is_square else None
    if not isinstance(body, Product) or len(body.args) % 2:
        return None
    half = len(body.args) // 2
    if not is_unit(body.args[half - 1].cols):
        return None
    column = product(*body.args[:half])
    own, v = scalars_out(column)
    if mirrored(body.args, 0):
        return hadamard(scalar, own, own), v
    row = product(*body.args[half:])
    other, u = scalars_out(row)
    return (hadamard(scalar, own, other), v) if transposed(u, v) else None


def common_ends(terms: Sequence[Expr]) -> tuple[Expr, list[Expr]] | None:
    """``(A, middles)`` where every term is a scalar times ``A' * middle * A``, written so at both ends."""
    split = [scalars_out(t) for t in terms]
    words = [letters_of(body) for _, body in split]
    if len(words) < 2 or any(len(w) < 2 for w in words):
        return None
    first = words[0][0]
    if any(w[0] is not first or not transposed(w[0], w[-1]) for w in words):
        return None
    middles = []
    for (scalar, _), word in zip(split, words, strict=True):
        inner = word[1:-1]
        middle = product(*inner) if inner else None
        middles.append((scalar, middle))
    found = [hadamard(c, m) if m is not None else hadamard(c, eye(first.cols)) for c, m in middles]
    return words[0][-1], found
