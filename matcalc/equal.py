"""``equal``: whether two formulas are the same function; proved, refuted by a witness, or found to agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from matcalc.calculus import same_axes
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import (
    Expr,
    Let,
    brief,
    substitute_all,
)
from matcalc.judging.compare import Compared, Comparison
from matcalc.judging.points import random_points, small_points
from matcalc.judging.proofs import proof_of
from matcalc.judging.reading import read_pair, require_one_declaration
from matcalc.judging.words import SHOWN, array_text, shape_of
from matcalc.node import postorder
from matcalc.sampling import Point, require_seed

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SMALLEST = (2, 3, 4, 1)  # the smallest size at each trial: det(x*x') is 0, unless x has one entry


@dataclass(frozen=True, eq=False)
class Witness:
    """A point at which two formulas differ.

    Attributes
    ----------
    dims : dict
        The sizes by the names of the dimensions.
    arrays : dict
        The values of the symbols by name.
    left, right : array
        The two values.
    """

    dims: dict[str, int]
    arrays: dict[str, Any]
    left: Array
    right: Array

    def __str__(self) -> str:
        given = [f"{d} = {n}" for d, n in self.dims.items()] + [f"{s} = {array_text(x)}" for s, x in self.arrays.items()]
        with_ = f"with {', '.join(given)} " if given else ""
        of, at = self.place
        return f"{with_}{of}the first is {array_text(self.left[at])} and {of}the second is {array_text(self.right[at])}"

    @property
    def place(self) -> tuple[str, tuple[int, ...]]:
        """Of large values the entry that differs most, in words and as an index."""
        import numpy as np

        if max(self.left.shape, default=0) <= SHOWN:
            return "", ()
        at = np.unravel_index(int(np.argmax(np.abs(self.left - self.right))), self.left.shape)
        return f"entry ({','.join(str(int(i) + 1) for i in at)}) of ", tuple(int(i) for i in at)


@dataclass(frozen=True, eq=False, repr=False)
class Equality:
    """What ``equal`` found; true unless the formulas were found to differ.

    Attributes
    ----------
    verdict : {"proved", "refuted", "numerical"}
        ``"numerical"``: the two agree at every point tried, and no proof was found.
    reason : str
        How it is proved, or in what the two differ.
    witness : Witness or None
        Where they differ, if they do and their shapes agree.
    trials : int
        The number of random points at which both have a value.
    sizes : list of dict
        The sizes of the dimensions at these points.
    seed : int
    error : float
        The worst difference over these points, relative to the largest entry.
    conditions : tuple of str
        What both formulas assume, such as ``A invertible``.
    """

    verdict: str
    reason: str
    witness: Witness | None = None
    trials: int = 0
    sizes: list[dict[str, int]] = field(default_factory=list)
    seed: int = 0
    error: float = 0.0
    conditions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.verdict != "refuted"

    def __str__(self) -> str:
        words = {"proved": "the same function", "refuted": "not the same function", "numerical": "the same as far as was tried"}
        where = f" (where {', '.join(self.conditions)})" if self.conditions and self else ""
        return f"{words[self.verdict]}{where}: {self.reason}"

    __repr__ = __str__


def equal(a: object, b: object, declarations: object = None, *, trials: int = 8, seed: int = 0) -> Equality:
    """Whether two formulas are the same function of their symbols, wherever both have a value.

    Parameters
    ----------
    a, b : Expr, number or str
        Texts are read with the symbols of the other formula, then as ``parse`` reads them.
    declarations : optional
        What the names in texts are, as for ``parse``.
    trials : int
        The number of random points, each with its own sizes. Points have the declared attributes of every symbol.
    seed : int
        Makes the points; the same seed gives the same answer.

    Returns
    -------
    Equality
        ``"proved"``: both have one normal form (and agree at random points too). ``"refuted"``: they differ in shape, or
        at a point by more than rounding; ``witness`` holds it, with small sizes and integers where those show it.
        ``"numerical"``: no proof, but they agree at all points. ``bool`` of the result is False where refuted.

    Raises
    ------
    OperandError
        If a name is declared in two ways.
    UnsupportedError
        If nothing is proved, and no random point was found at which both have a value.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, y = mc.symbols("A[n,n] x[n] y[n]")
    >>> mc.equal(x.T @ A @ y, y.T @ A.T @ x).verdict
    'proved'
    >>> print(mc.equal(A @ x, A.T @ x))
    not the same function: with n = 2, A = [[2, -2], [2, 1]], x = [1, -2] the first is [6, 0] and the second is [-2, -4]
    >>> mc.equal(mc.det(A @ A), mc.det(A) ** 2).verdict
    'numerical'
    """
    if not isinstance(trials, int) or isinstance(trials, bool) or trials < 1:
        raise OperandError(f"trials is a positive int, not {trials!r}")
    require_seed(seed)
    left, right = read_pair(a, b, declarations)
    require_one_declaration([left, right])
    if not same_axes(left, right):
        return Equality("refuted", f"{brief(left)} is {shape_of(left)}, but {brief(right)} is {shape_of(right)}")
    left, right = opened([left, right])
    conditions = tuple(dict.fromkeys((*left.conditions, *right.conditions)))
    if left is right:
        return Equality("proved", "both are written in the same way", seed=seed, conditions=conditions)
    found = list(agreeing(Comparison(left, right), trials, seed))
    sizes = [point.size_names for point, _ in found]
    if found and not found[-1][1].agree:
        seen = witness(Comparison(left, right), found[-1], seed)
        error = found[-1][1].error
        return Equality("refuted", str(seen), seen, len(found), sizes, seed, error, conditions)
    error = max((c.error for _, c in found), default=0.0)
    proof = proof_of(left, right)
    if proof:
        return Equality("proved", proof, None, len(found), sizes, seed, error, conditions)
    if not found:
        raise UnsupportedError(
            f"whether {brief(left)} and {brief(right)} are the same is not known: there is no proof, and no random point was "
            "found at which both have a value"
        )
    return Equality("numerical", _agreement(sizes, error), None, len(found), sizes, seed, error, conditions)


def agreeing(comparison: Comparison, trials: int, seed: int) -> Iterator[tuple[Point, Compared]]:
    """The points of all trials at which both have a value, up to the first at which they differ."""
    for attempts in random_points(comparison.pair, trials, seed, smallest=SMALLEST):
        for point in attempts:
            result = comparison.at(point)
            if result is not None:
                yield point, result
                if not result.agree:
                    return
                break


def witness(comparison: Comparison, known: tuple[Point, Compared], seed: int) -> Witness:
    """A point at which the two differ: a small one with integers if one shows it, else the one that is known."""
    for point in small_points(comparison.pair, seed):
        result = comparison.at(point)
        if result is not None and not result.agree:
            return Witness(point.size_names, point.values, result.left, result.right)
    point, result = known
    return Witness(point.size_names, point.values, result.left, result.right)


def opened(exprs: Sequence[Expr]) -> list[Expr]:
    """Expressions with the names that ``let`` gave taken away."""
    meaning: dict[Expr, Expr] = {}
    for node in postorder(exprs, lambda e: e.operands):
        if isinstance(node, Let):
            meaning[node] = substitute_all([node.arg], meaning)[0]
    return substitute_all(exprs, meaning) if meaning else list(exprs)


# ------------------------------------------------------------------ words
def _agreement(sizes: Sequence[dict[str, int]], error: float) -> str:
    shown = [", ".join(f"{d} = {n}" for d, n in s.items()) for s in sizes[:3] if s]
    where = f" ({'; '.join(shown)}{'; ...' if len(sizes) > 3 else ''})" if shown else ""
    points = "1 random point" if len(sizes) == 1 else f"{len(sizes)} random points"
    return f"they agree at {points}{where}, worst relative error {error:.1e}; no proof was found"
