"""What a wrong Jacobian or Hessian may be: the right one in another layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from matcalc.errors import MatcalcError
from matcalc.judging.case import Case, Proposal, all_close
from matcalc.judging.slopes import laid_out, stacked

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def layouts(case: Case) -> Iterator[Proposal]:
    """The right derivative in another layout, or stacked in another order."""
    q = case.q
    if q.kind not in ("jacobian", "hessian"):
        return
    with suppress(MatcalcError):
        slopes = case.values(q.truth(layout="tensor"))
        if slopes is None:
            return
        twice, rows = q.kind == "hessian", q.of.ndim
        asked = "" if q.layout == "numerator" else f", and layout {q.layout!r} was asked for"
        for layout, words in LAYOUT_WORDS.items():
            if layout != q.layout:
                other = [laid_out(a, q.of, q.w, layout, twice=twice) for a in slopes]
                yield _same(case, other, "layout", f"it is the right {q.noun} in {layout} layout, {words}{asked or DEFAULT}")
        for orders, words in ORDERS.items():
            matrices = [stacked(a, rows, orders) for a in slopes]
            yield _same(case, matrices, "layout", f"it is the right {q.noun} {words}; vec stacks columns")
            turned = [m.T for m in matrices]
            yield _same(case, turned, "layout", f"it is the transpose of the right {q.noun} {words}")


LAYOUT_WORDS = {
    "numerator": "the axes of the function first",
    "denominator": "the axes of the variable first",
    "vec": "columns stacked, a row for each entry of the function",
    "vech": "by the entries on and below the diagonal",
    "tensor": "an array with an axis for each index",
}
DEFAULT = ", and the numerator layout was asked for"
ORDERS = {
    "FF": "with columns stacked",
    "CC": "with rows stacked in place of columns",
    "CF": "with the rows of the function stacked in place of its columns",
    "FC": "with the rows of the variable stacked in place of its columns",
}


def _same(case: Case, other: Sequence[Array], kind: str, text: str) -> Proposal:
    """The proposal that the answer has these values."""

    def holds() -> bool:
        pairs = [(_plain(a), _plain(b)) for a, b in zip(case.have, other, strict=True)]
        return all_close([a for a, _ in pairs], [b for _, b in pairs], case.tolerance)

    return Proposal(kind, text, holds)


def _plain(a: Array) -> Array:
    """A column as an array with one axis."""
    return a[:, 0] if a.ndim == 2 and a.shape[1] == 1 else a
