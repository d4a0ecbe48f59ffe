"""What an answer of the wrong shape may be: the right one before it is summed, stacked, put on a diagonal, ..."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from matcalc.dims import is_unit
from matcalc.errors import MatcalcError
from matcalc.expr import Expr, hadamard, ones, product, transpose
from matcalc.judging.case import Case, Proposal, shapes_of
from matcalc.judging.edits import edits
from matcalc.judging.hypotheses import times_words
from matcalc.judging.question import Question
from matcalc.ops.reductions import Total, Trace
from matcalc.ops.structure import Diag, Diagonal, reshape, vec


def other_shapes(case: Case) -> Iterator[Proposal]:
    """An answer of the wrong shape that becomes right when it is summed, stacked, put on a diagonal, ..."""
    c, q = case.claim, case.q
    if c.axes is not None:
        return
    for exact in (True, False):
        for make, words in REPAIRS:
            with suppress(MatcalcError):
                for mended in make(c, q):
                    if not q.fits(mended):
                        continue
                    if exact:
                        yield Proposal(
                            "wrong shape",
                            f"{shapes_of(case)}; {words}",
                            lambda mended=mended: case.matches(mended, case.want),  # type: ignore[misc]
                        )
                    else:
                        values = case.values(mended)
                        factor = case.factor(values, case.want) if values is not None else None
                        if factor is not None:
                            text = f"{shapes_of(case)}; {words}, and it is {times_words(factor)}"
                            yield Proposal("wrong shape", text, lambda: True)


Repair = Callable[[Expr, Question], Iterator[Expr]]


def _summed(axis: int) -> Repair:
    def repair(c: Expr, q: Question) -> Iterator[Expr]:
        summed = Total(c, axis)
        yield summed
        yield transpose(summed)

    return repair


def _stretched(c: Expr, q: Question) -> Iterator[Expr]:
    shape = (q.w.rows, q.w.cols)
    if c.is_scalar:
        yield hadamard(c, ones(*shape))
    elif is_unit(c.cols):
        yield product(c, transpose(ones(shape[1])))
        yield product(ones(shape[0]), transpose(c))


REPAIRS: tuple[tuple[Repair, str], ...] = (
    (lambda c, q: iter([vec(c), transpose(vec(c))]), "its columns stacked, as vec does, are the right answer"),
    (lambda c, q: iter([reshape(c, q.w.rows, q.w.cols)]), "it is the right answer with its columns stacked, as vec does"),
    (
        lambda c, q: iter([transpose(reshape(c, q.w.cols, q.w.rows))]),
        "it is the right answer with its rows stacked",
    ),
    (_summed(1), "summed over its columns, as sum(..., 2) does, it would be right"),
    (_summed(0), "summed over its rows, as sum(..., 1) does, it would be right"),
    (lambda c, q: iter([Total(c, None)]), "the sum of its entries is the right answer"),
    (lambda c, q: iter([Trace(c)]), "its trace is the right answer"),
    (lambda c, q: iter([Diagonal(c)]), "its diagonal is the right answer"),
    (lambda c, q: iter([Diag(c), Diag(transpose(c))]), "as the diagonal of a matrix, as diag makes it, it would be right"),
    (_stretched, "repeated along the other axis, as an outer product with ones does, it would be right"),
    (lambda c, q: iter([product(c, transpose(c))]), "its outer product with itself is the right answer"),
)


def mended_shapes(case: Case) -> Iterator[Proposal]:
    """One slip that gives the wrong shape, such as ``x'*x`` for ``x*x'``."""
    for edit, mended in edits(case.claim):
        if case.q.fits(mended):
            text = partial(_with_shapes, case, edit.mends[1])
            yield Proposal("wrong shape", text, lambda mended=mended: case.matches(mended, case.want))  # type: ignore[misc]


def _with_shapes(case: Case, words: Callable[[], str]) -> str:
    return f"{shapes_of(case)}; {words()}"
