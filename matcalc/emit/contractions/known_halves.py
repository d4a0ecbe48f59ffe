"""Halves that were computed for a square, found again inside other products.

The bias Hessian of a net is ``G' diag(p) G - g g'`` with ``g = G' p``, where ``g`` is printed as a chain of its own. The
chain's factors hold those of ``G``, so that it is one product with an array that is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.dims import Dim, is_unit
from matcalc.emit.contractions.labelled import Labelled, Labels, letter_of
from matcalc.emit.contractions.mirrored import KnownHalf
from matcalc.emit.contractions.steps import contract, letters_of, order_of
from matcalc.emit.forms import Form
from matcalc.emit.planner import Planner
from matcalc.expr import Expr, Hadamard, Product, Transpose
from matcalc.ops.structure import Diag

FLAT = (Product, Hadamard, Transpose)


def by_known_half(planner: Planner, e: Expr) -> Form | None:
    """A product or an entrywise product through a half that is known, if it holds its factors and is cheaper so."""
    if not planner.halves or e.is_scalar or e.axes is not None or not isinstance(e, (Product, Hadamard)):
        return None
    flat = _Flat(planner, e)
    if not flat.complete:
        return None
    labels = Labels(planner.f, flat.dims, copies=planner.backend.blas, real=not e.is_complex)
    for known in planner.halves:
        if len(known.factors) > len(flat.factors):
            continue
        image = embedding(known, flat.factors, flat.output)
        if image is None:
            continue
        letters, used = image
        product = Labelled("".join(letters[c] for c in known.product.letters), known.product.value)
        rest = [product, *(x for k, x in enumerate(flat.factors) if k not in used)]
        if _cost(labels, rest, flat.output) < _cost(labels, flat.factors, flat.output):
            found = contract(labels, rest, flat.output, wanted=flat.output)
            return Form("full", labels.arrange(found, flat.output), e.rows, e.cols)
    return None


def _cost(labels: Labels, factors: Sequence[Labelled], output: str) -> float:
    return order_of(labels, [x for x in factors if x.letters], output, rough=True).cost


# ------------------------------------------------------------------ a product as factors with letters
class _Flat:
    """The factors of nested products and entrywise products that nothing else uses, with letters for their axes."""

    def __init__(self, planner: Planner, e: Expr) -> None:
        self.planner, self.root = planner, e
        self.dims: dict[str, Dim] = {}
        self.factors: list[Labelled] = []
        self.complete = True
        rows, cols = self._letter(e.rows), self._letter(e.cols)
        self.output = rows + cols
        todo = [(e, rows, cols)]
        while todo and self.complete:
            x, r, c = todo.pop()
            if isinstance(x, FLAT) and (x is e or planner.uses[x] <= 1):
                todo.extend(reversed(self._operands(x, r, c)))
            else:
                self._leaf(x, r, c)
        held = letters_of(self.factors)
        self.complete = self.complete and all(c in held for c in self.output)

    def _letter(self, d: Dim) -> str:
        if is_unit(d):
            return ""
        letter = letter_of(len(self.dims))
        self.dims[letter] = d
        return letter

    def _operands(self, x: Expr, r: str, c: str) -> list[tuple[Expr, str, str]]:
        if isinstance(x, Transpose):
            return [(x.arg, c, r)]
        if isinstance(x, Hadamard):
            return [(a, "", "") if a.is_scalar else (a, r, c) for a in x.args]
        assert isinstance(x, Product)
        full = [k for k, a in enumerate(x.args) if not isinstance(a, Diag)]
        if not full:
            self.complete = False
            return []
        found, here = [], r
        for k, a in enumerate(x.args):
            if isinstance(a, Diag):
                found.append((a.arg, here, ""))
            else:
                there = c if k == full[-1] else self._letter(a.cols)
                found.append((a, here, there))
                here = there
        return found

    def _leaf(self, x: Expr, r: str, c: str) -> None:
        f = self.planner.form[x]
        if f.kind == "full":
            self.factors.append(Labelled.read(f, r, c))
        elif f.kind in ("col", "row", "all"):
            self.factors.append(Labelled({"col": r, "row": c, "all": ""}[f.kind], f.value))
        else:
            self.complete = False


# ------------------------------------------------------------------ one network inside another
def embedding(known: KnownHalf, factors: Sequence[Labelled], output: str) -> tuple[dict[str, str], set[int]] | None:
    """The letters of a half's factors among those of other factors, and which of these they are; None if they are not there."""
    letters: dict[str, str] = {}
    used: set[int] = set()
    todo = list(known.factors)
    while todo:
        fits = [[k for k, y in enumerate(factors) if k not in used and _agrees(x, y, letters)] for x in todo]
        at = min(range(len(todo)), key=lambda k: (len(fits[k]), k))
        if not fits[at]:
            return None
        k = fits[at][0]
        letters.update(zip(todo.pop(at).letters, factors[k].letters, strict=True))
        used.add(k)
    gone = {letters[c] for c in letters if c not in known.product.letters}
    outside = set(output).union(*(x.letters for k, x in enumerate(factors) if k not in used))
    return None if gone & outside else (letters, used)


def _agrees(x: Labelled, y: Labelled, letters: dict[str, str]) -> bool:
    if x.value is not y.value or len(set(y.letters)) < len(y.letters):
        return False
    taken = set(letters.values())
    return all(letters[a] == b if a in letters else b not in taken for a, b in zip(x.letters, y.letters, strict=True))
