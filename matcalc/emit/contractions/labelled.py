"""Arrays whose axes have letters: their products and sums as a person would type them.

A product sums over letters by ``@`` on arrays with two axes, on a batch of them, or by ``*`` and ``.sum``; groups of axes
that do not matter to it are reshaped into one, as in ``(T.reshape(m * c, n) @ W).reshape(m, c, n)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matcalc.dims import Dim, times_dim
from matcalc.emit.contractions.order import Order
from matcalc.emit.forms import Form, Forms
from matcalc.emit.sizes import Sizes
from matcalc.emit.values import Value

FIRST_LETTER = 0xE000  # of the characters that are left to private use


@dataclass(frozen=True)
class Labelled:
    """An array, a letter for each of its axes in order."""

    letters: str
    value: Value
    nonnegative: bool = False  # known of every entry
    symmetric: bool = False  # known of a matrix

    @staticmethod
    def read(f: Form, rows: str, cols: str) -> Labelled:
        """An array with letters for its rows and columns, read from before its transpose if it is one."""
        if rows and cols and f.value.code == "#1.T":
            return Labelled(cols + rows, f.value.args[0])
        return Labelled(rows + cols, f.value)


class Labels:
    """Arithmetic on arrays with letters, each of which runs over one dimension."""

    def __init__(self, forms: Forms, dims: Mapping[str, Dim], *, copies: bool, real: bool) -> None:
        self.f, self.b, self.note, self.dims = forms, forms.b, forms.ledger.note, dict(dims)
        self.copies = copies  # whether an array is copied where a product cannot read its axes in their order
        self.real = real  # whether squares are not negative
        self.orders: dict[tuple[tuple[str, ...], frozenset[str]], Order] = {}  # those that were looked for
        self._matrix_of: dict[Value, tuple[Value, int]] = {}  # what a result was before its axes were taken apart

    def size(self, letters: str) -> float:
        """The number of entries of an array with these letters."""
        sizes: Sizes = self.f.sizes
        total = 1.0
        for c in letters:
            total *= sizes.of(self.dims[c])
        return total

    # ------------------------------------------------------------------ one array
    def make(self, letters: str, value: Value, *, nonnegative: bool = False, symmetric: bool = False) -> Labelled:
        """An array, read from before its transpose if it is one."""
        if len(letters) == 2 and value.code == "#1.T":
            letters, value = letters[::-1], value.args[0]
        return Labelled(letters, self.told(value, letters), nonnegative, symmetric)

    def told(self, value: Value, groups: Sequence[str]) -> Value:
        """The value, each of whose axes runs over a letter or a group of letters."""
        if value.shape is None:
            value.shape = tuple(times_dim(*[self.dims[c] for c in g]) for g in groups)
        return value

    def arrange(self, x: Labelled, letters: str) -> Value:
        """The array with its axes in this order."""
        if x.letters == letters:
            return x.value
        if len(letters) == 2:
            return self.b.transpose(x.value)
        order = ", ".join(str(x.letters.index(c)) for c in letters)
        return self.told(self.b.make(f"#1.transpose({order})", x.value), letters)

    def sum_over(self, x: Labelled, gone: str) -> Labelled:
        """The sum over some of the letters."""
        gone = "".join(c for c in x.letters if c in gone)
        if not gone:
            return x
        if gone == x.letters:
            return Labelled("", self.note(self.b.make("np.sum(#1)", x.value), read=self.size(x.letters)), x.nonnegative)
        axes = tuple(x.letters.index(c) for c in gone)
        code = f"#1.sum(axis={axes[0] if len(axes) == 1 else axes})"
        total = self.note(self.b.make(code, x.value), read=self.size(x.letters))
        return self.make(without(x.letters, gone), total, nonnegative=x.nonnegative)

    def grouped(self, x: Labelled, *groups: str) -> Value:
        """The array with one axis for each group of letters, which stand in it in this order."""
        matrix, rows = self._matrix_of.get(x.value, (None, 0))
        if matrix is not None and x.letters == "".join(groups) and [len(g) for g in groups] == [rows, len(x.letters) - rows]:
            return matrix
        value = self.arrange(x, "".join(groups))
        if all(len(g) == 1 for g in groups):
            return value
        value = self._reshape(value, [self.b.dim(times_dim(*[self.dims[c] for c in g])) for g in groups], longest=groups)
        return self.told(value, groups)

    def ungrouped(self, matrix: Value, rows: str, cols: str) -> Value:
        """A matrix as the array with an axis for each letter of its rows and of its columns."""
        value = self.told(self._reshape(matrix, [self.b.dim(self.dims[c]) for c in rows + cols]), rows + cols)
        if rows and cols:
            self._matrix_of[value] = (matrix, len(rows))
        return value

    def _reshape(self, value: Value, sizes: Sequence[Value], longest: Sequence[str] = ()) -> Value:
        if value.code.startswith("#1.reshape(") and "." not in value.code[3:]:  # which only gives another shape
            value = value.args[0]
        merged = [k for k, g in enumerate(longest) if len(g) > 1]
        places = [f"#{k}" for k in range(2, 2 + len(sizes))]
        if len(merged) == 1:  # its size follows from the others
            sizes = [s for k, s in enumerate(sizes) if k != merged[0]]
            places = places[: len(sizes)]
            places.insert(merged[0], "-1")
        return self.b.make(f"#1.reshape({', '.join(places)})", value, *sizes)

    def spread(self, x: Labelled, letters: str) -> Value:
        """The array with its axes where an array with these letters has them, and axes of length 1 for the others."""
        if not x.letters:
            return x.value
        value = self.arrange(x, "".join(c for c in letters if c in x.letters))
        first = min(letters.index(c) for c in x.letters)  # axes before the first are added by broadcasting
        if set(letters[first:]) == set(x.letters):
            return value
        return self.b.make(f"#1[{', '.join(':' if c in x.letters else 'None' for c in letters[first:])}]", value)

    # ------------------------------------------------------------------ two arrays
    def times(self, x: Labelled, y: Labelled, letters: str) -> Labelled:
        """The product entry by entry, with the axes in this order."""
        v, w = self.spread(x, letters), self.spread(y, letters)
        if len(x.letters) == len(y.letters) == 1 and x.letters != y.letters:
            value = self.b.make("np.outer(#1, #2)", *((x.value, y.value) if letters[0] == x.letters else (y.value, x.value)))
        else:
            value = self.b.make("np.square(#1)", v) if v is w and not v.is_leaf else self.b.mul(v, w)
        self.note(value, passed=self.size(letters))
        return self.make(letters, value, nonnegative=(v is w and self.real) or (x.nonnegative and y.nonnegative))

    def multiply(self, x: Labelled, y: Labelled, summed: str, later: str = "", wanted: str = "") -> Labelled:
        """The product, summed over letters that both have.

        ``later`` are the letters that the next product sums over, which go to one end; ``wanted`` is the order of the
        letters that the result should have, if one order is as good as another.
        """
        if self.size(x.letters) < self.size(y.letters):
            x, y = y, x
        if not summed:
            return self.times(x, y, self._order(x.letters, y.letters, later, wanted))
        batch = "".join(c for c in x.letters if c in y.letters and c not in summed)
        if batch:
            return self._batched(x, y, batch, summed)
        return self._product(x, y, summed, wanted)

    def _order(self, x: str, y: str, later: str, wanted: str) -> str:
        """The order of the axes of ``x * y``: the last of the larger stays last, those summed over next are at one end."""
        union = x + without(y, x)
        if len(wanted) == len(union):
            return wanted
        ends = "".join(c for c in without(y, x) + x if c in later)
        rest = without(without(y, x) + x, ends)
        if x[-1] in ends:
            return without(x, ends) + without(without(y, x), ends) + ends
        return ends + rest

    def _product(self, x: Labelled, y: Labelled, summed: str, wanted: str) -> Labelled:
        """A product of matrices, or of a matrix and a vector."""
        left, right = without(x.letters, summed), without(y.letters, summed)
        summed = "".join(c for c in x.letters if c in summed)
        if not left and not right and len(summed) > 1:
            return self.sum_over(self.times(x, y, x.letters), x.letters)
        if len(left) > 1 and len(summed) == 1 and len(right) == 1 and x.letters[-2] == summed:
            letters = x.letters.replace(summed, right)  # a matrix times each matrix of a batch
            value = self.b.make("#1 @ #2", self.arrange(y, right + summed), x.value)
            return self.make(letters, self.note(value, flops=2 * self.size(x.letters + right)))
        x_first = not x.letters.startswith(summed)  # whether the larger one goes left, so that its axes stay in order
        if len(left) < 2 and len(right) < 2:
            x_first = self._turned_less(x, y, left, right, wanted)
        p, q = self._matrix(x, left, summed), self._matrix(y, right, summed)
        if not x_first:
            p, q, left, right = q, p, right, left
        value = self.f.multiply(p, self.f.transpose(q)).value
        grouped = len(left) > 1 or len(right) > 1
        return self.make(left + right, self.ungrouped(value, left, right) if grouped else value)

    def _turned_less(self, x: Labelled, y: Labelled, left: str, right: str, wanted: str) -> bool:
        """Whether ``x @ y`` needs fewer transposes than ``y @ x``, or is in the order that is wanted."""
        if not left or not right:
            return True
        if wanted in (left + right, right + left):
            return wanted == left + right
        straight = (x.letters[0] != left) + (y.letters[-1] != right)
        return straight <= 1

    def _matrix(self, x: Labelled, kept: str, summed: str) -> Form:
        """The array as a matrix with a row for every entry of the letters that are kept."""
        rows, cols = (times_dim(*[self.dims[c] for c in g]) for g in (kept, summed))
        if not kept:
            return Form("full", self.grouped(x, summed), 1, cols)
        if x.letters == summed + kept:
            return self.f.transpose(Form("full", self.grouped(x, summed, kept), cols, rows))
        return Form("full", self.grouped(x, kept, summed), rows, cols)

    def _batched(self, x: Labelled, y: Labelled, batch: str, summed: str) -> Labelled:
        """A product for every entry of the letters ``batch``; ``x`` is the larger one."""
        left, right = without(x.letters, batch + summed), without(y.letters, batch + summed)
        if right and not left:
            x, y, left, right = y, x, right, left
        if right and left:
            a, b = self._stack(x, batch, left, summed), self._stack(y, batch, summed, right)
            letters = batch + left + right
            value = self.note(self.b.make("#1 @ #2", a, b), flops=2 * self.size(letters + summed))
            if len(letters) > 3:
                value = self._reshape(value, [self.b.dim(self.dims[c]) for c in letters])
            return self.make(letters, value)
        if len(batch) == len(summed) == len(left) == 1 and x.letters[0] == batch:
            line = self.arrange(y, batch + summed)
            if x.letters[1] == left:
                value = self.b.make("(#1 @ #2[:, :, None])[:, :, 0]", x.value, line)
            else:
                value = self.b.make("(#2[:, None, :] @ #1)[:, 0, :]", x.value, line)
            return self.make(batch + left, self.note(value, read=self.size(x.letters)))
        return self.sum_over(self.times(x, y, x.letters), summed)

    def _stack(self, x: Labelled, batch: str, rows: str, cols: str) -> Value:
        """The array with an axis for the batch, one for the rows and one for the columns."""
        order = batch + rows + cols
        if all(len(g) == 1 for g in (batch, rows, cols)):
            value = self.arrange(x, order)
            if self.copies and x.letters[-1] == batch:
                value = self.told(self.b.make("np.ascontiguousarray(#1)", value), order)
            return value
        return self.grouped(x, batch, rows, cols)


def letter_of(k: int) -> str:
    """A letter that no user writes."""
    return chr(FIRST_LETTER + k)


def without(letters: str, gone: str) -> str:
    """The letters that are not among others."""
    return "".join(c for c in letters if c not in gone)
