"""Gradients by structured matrices: three answers to one question, each with its name.

``ambient`` takes every entry as free. ``projected`` is the orthogonal projection of that gradient
onto the directions in which the structured matrix can move (Srinivasan and Panda, 2020, for the
symmetric case). ``independent`` is the array of partial derivatives by the free entries, each
written wherever its entry stands: the Matrix Cookbook's convention (2012, section 2.8).
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from matcalc.dims import times_dim
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import Expr, Number, Symbol, add, hadamard, negate, ones, product, transpose
from matcalc.ops.linalg import Pinv
from matcalc.ops.stacking import commutation, toeplitz_basis
from matcalc.ops.structure import Diag, Diagonal, Kron, eye, vec
from matcalc.ops.triangles import DiagonalMeans, DiagonalSums, Tril

STRUCTURES = ("ambient", "projected", "independent")
STRUCTURED = ("diagonal", "toeplitz", "lower_triangular", "skew", "orthogonal", "symmetric", "zero_diagonal", "unit", "simplex")
HALF = Number(sp.Rational(1, 2))
Change = Callable[[Expr, Symbol], Expr]


def restructured(gradient: Expr, w: Symbol, structure: str) -> Expr:
    """An ambient gradient by ``w`` as the projected or the independent one, or as it is.

    Raises
    ------
    UnsupportedError
        If ``w`` has a structure that the question has no answer for here.
    """
    if structure == "ambient":
        return gradient
    facts = {f for f in STRUCTURED if w.has(f)}
    if w.is_hermitian:
        if facts or structure != "projected":
            raise UnsupportedError(f"the {structure} gradient by {w.name}, which is hermitian, is not supported")
        return hadamard(HALF, add(gradient, gradient.H))
    if not facts:
        return gradient
    if facts in ({"diagonal"}, {"diagonal", "symmetric"}, {"diagonal", "lower_triangular"}):
        return on_diagonal(gradient)
    table = PROJECTED if structure == "projected" else INDEPENDENT
    key = "+".join(sorted(facts))
    if key not in table:
        raise UnsupportedError(f"the {structure} gradient by {w.name}, which is {key.replace('+', ' and ')}, is not supported")
    return table[key](gradient, w)


def require_structure(structure: str) -> None:
    """Refuse what is not the name of one of the three answers."""
    if not isinstance(structure, str) or structure not in STRUCTURES:
        raise OperandError(f"structure is one of {', '.join(STRUCTURES)}, not {structure!r}")


def on_diagonal(g: Expr) -> Expr:
    """What is on the diagonal, as a diagonal matrix."""
    return Diag(Diagonal(g))


def symmetric_part(g: Expr, w: Symbol) -> Expr:
    """``(G + G')/2``."""
    return hadamard(HALF, add(g, transpose(g)))


def skew_part(g: Expr, w: Symbol) -> Expr:
    """``(G - G')/2``."""
    return hadamard(HALF, add(g, negate(transpose(g))))


def tangent_part(g: Expr, w: Symbol) -> Expr:
    """``G - Q (Q'G + G'Q)/2``: the directions in which an orthogonal matrix stays orthogonal."""
    inner = add(product(transpose(w), g), product(transpose(g), w))
    return add(g, negate(hadamard(HALF, product(w, inner))))


def off_diagonal(g: Expr, w: Symbol) -> Expr:
    """``G`` without its diagonal."""
    return add(g, negate(on_diagonal(g)))


def both_triangles(g: Expr, w: Symbol) -> Expr:
    """``G + G' - diag(diag(G))``: an entry and its mirror are one variable."""
    return add(g, transpose(g), negate(on_diagonal(g)))


def both_diagonals(g: Expr, w: Symbol) -> Expr:
    """Sums along diagonals, a diagonal and its mirror being one variable."""
    return both_triangles(DiagonalSums(g), w)


# ------------------------------------------------------------------ the same on the columns of a Jacobian in vec form
def structure_matrix(w: Symbol, structure: str) -> Expr | None:
    """The matrix ``M`` with ``vec(restructured(G)) = M vec(G)``; None where the question changes nothing.

    Raises
    ------
    UnsupportedError
        If ``w`` has a structure that the question has no answer for here.
    """
    facts = {f for f in STRUCTURED if w.has(f)}
    if structure == "ambient" or not facts:
        return None
    if "diagonal" in facts and facts <= {"diagonal", "symmetric", "lower_triangular"}:
        return only_diagonal(w)
    table = PROJECTIONS if structure == "projected" else REPEATS
    key = "+".join(sorted(facts))
    if key not in table:
        raise UnsupportedError(f"the {structure} Jacobian by {w.name}, which is {key.replace('+', ' and ')}, is not supported")
    return table[key](w)


def only_diagonal(w: Symbol) -> Expr:
    """Keeps what is on the diagonal."""
    return Diag(vec(eye(w.rows)))


def lower_part(w: Symbol) -> Expr:
    """Keeps what is on and below the diagonal."""
    return Diag(vec(Tril(ones(w.rows, w.rows))))


def not_diagonal(w: Symbol) -> Expr:
    """Keeps what is off the diagonal."""
    return add(eye(times_dim(w.rows, w.rows)), negate(only_diagonal(w)))


def with_transpose(w: Symbol, sign: int = 1) -> Expr:
    """Adds the transpose, or takes it away."""
    turned = commutation(w.rows, w.rows)
    return add(eye(times_dim(w.rows, w.rows)), turned if sign > 0 else negate(turned))


def tangent_matrix(w: Symbol) -> Expr:
    """``G - Q (Q'G + G'Q)/2 = (G - Q G' Q)/2`` for an orthogonal ``Q``."""
    turned = product(Kron(transpose(w), w), commutation(w.rows, w.rows))
    return hadamard(HALF, add(eye(times_dim(w.rows, w.rows)), negate(turned)))


def along_diagonals(w: Symbol, *, mean: bool) -> Expr:
    """The sums, or the means, along diagonals."""
    basis = toeplitz_basis(w.rows)
    return product(basis, Pinv(basis) if mean else transpose(basis))


PROJECTIONS: dict[str, Callable[[Symbol], Expr]] = {
    "symmetric": lambda w: hadamard(HALF, with_transpose(w)),
    "skew": lambda w: hadamard(HALF, with_transpose(w, -1)),
    "lower_triangular": lower_part,
    "zero_diagonal": not_diagonal,
    "orthogonal": tangent_matrix,
    "toeplitz": lambda w: along_diagonals(w, mean=True),
    "symmetric+toeplitz": lambda w: hadamard(HALF, product(with_transpose(w), along_diagonals(w, mean=True))),
}
REPEATS: dict[str, Callable[[Symbol], Expr]] = {
    "symmetric": lambda w: add(with_transpose(w), negate(only_diagonal(w))),
    "skew": lambda w: with_transpose(w, -1),
    "lower_triangular": lower_part,
    "zero_diagonal": not_diagonal,
    "toeplitz": lambda w: along_diagonals(w, mean=False),
    "symmetric+toeplitz": lambda w: product(add(with_transpose(w), negate(only_diagonal(w))), along_diagonals(w, mean=False)),
}
PROJECTED: dict[str, Change] = {
    "symmetric": symmetric_part,
    "skew": skew_part,
    "lower_triangular": lambda g, w: Tril(g),
    "zero_diagonal": off_diagonal,
    "orthogonal": tangent_part,
    "toeplitz": lambda g, w: DiagonalMeans(g),
    "symmetric+toeplitz": lambda g, w: DiagonalMeans(symmetric_part(g, w)),
}
INDEPENDENT: dict[str, Change] = {
    "symmetric": both_triangles,
    "skew": lambda g, w: add(g, negate(transpose(g))),
    "lower_triangular": lambda g, w: Tril(g),
    "zero_diagonal": off_diagonal,
    "toeplitz": lambda g, w: DiagonalSums(g),
    "symmetric+toeplitz": both_diagonals,
}
