"""Sums over named indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matcalc.emit.contractions.labelled import Labelled, Labels
from matcalc.emit.contractions.mirrored import KnownHalf, contract_mirrored
from matcalc.emit.contractions.steps import each_once, letters_of
from matcalc.emit.forms import Form
from matcalc.emit.grams import weights_of
from matcalc.emit.lowering.stacked import tensor_of_factors
from matcalc.emit.planner import Planner, lowers
from matcalc.emit.values import Value
from matcalc.expr import Expr
from matcalc.ops.tensors import Einsum, Letters, Unstacked, is_tensor


@lowers(Einsum)
def lower_einsum(planner: Planner, e: Einsum) -> Form:
    """A sum over named indices, whose stacked axes are taken apart before and put together after."""
    labels, result = einsum_result(planner, e, *e.output)
    if e.is_plain:
        return planner.shaped(labels.arrange(result, "".join(e.output)), e)
    groups = [side for side in e.output if side]
    return planner.shaped(labels.grouped(result, *groups), e)


def reshaped(planner: Planner, v: Value, shape: Sequence[Value]) -> Value:
    """The entries in another shape."""
    if v.code.startswith("#1.reshape(") and "." not in v.code[3:]:  # which only gives another shape
        v = v.args[0]
    places = ", ".join(f"#{k}" for k in range(2, 2 + len(shape)))
    return planner.b.make(f"#1.reshape({places})", v, *shape)


def einsum_result(planner: Planner, e: Einsum, rows: str, cols: str) -> tuple[Labels, Labelled]:
    """The array with an axis for each letter of the output, in some order."""
    factors = Factors(planner, e, rows + cols)

    def root(weights: Value, known: bool) -> Value | None:
        return weights_of(planner.f, weights, nonnegative=known).root

    def keep(half: Sequence[Labelled], product: Labelled) -> None:
        planner.halves.append(KnownHalf(tuple(half), product))

    return factors.labels, contract_mirrored(factors.labels, factors.arrays, rows, cols, root, keep)


class Factors:
    """The factors of an einsum as arrays with letters; identities only rename them, constants only scale."""

    def __init__(self, planner: Planner, e: Einsum, output: str) -> None:
        self.planner, self.output, self.dims = planner, output, e.sizes
        self.labels = Labels(planner.f, self.dims, copies=planner.backend.blas, real=not e.is_complex)
        self.arrays: list[Labelled] = []
        self.same: dict[str, str] = {}  # letters that an identity makes another
        for pair, arg in zip(e.inputs, e.args, strict=True):
            self._take(pair, arg)
        self.arrays = [self._renamed(x) for x in self.arrays]
        self._constant_axes(e)

    def _take(self, pair: Letters, arg: Expr) -> None:
        b, f, (rows, cols) = self.planner.b, self.planner.form[arg], pair
        sure = f.kind != "inverse" and self.planner.f.bounds.sign(f.value) > 0
        if is_tensor(arg):
            self.arrays.append(self.labels.make(arg_letters(pair, arg), self.planner.f.full(f), nonnegative=sure))
        elif max(len(rows), len(cols)) > 1:
            shape = [b.dim(self.dims[c]) for c in rows + cols]
            value = reshaped(self.planner, self.planner.f.full(f), shape)
            self.arrays.append(self.labels.make(rows + cols, value, nonnegative=sure))
        elif f.kind in ("diag", "eye") and rows and cols:
            if f.kind == "diag":
                self.arrays.append(Labelled(rows, f.value, nonnegative=sure))
            self._equate(rows, cols)
        elif f.kind in ("col", "row", "all") and not f.is_scalar:
            letters = {"col": rows, "row": cols, "all": ""}[f.kind]
            self.arrays.append(Labelled(letters, f.value, nonnegative=sure))
        else:
            value = self.planner.f.full(f)
            self.arrays.append(self.labels.make(rows + cols, value, nonnegative=sure, symmetric=arg.symmetric))

    def _equate(self, a: str, b: str) -> None:
        """Two letters are one, unless the result has both."""
        a, b = self._final(a), self._final(b)
        if a == b:
            return
        if a in self.output and b in self.output:
            self.arrays.append(Labelled(a + b, self._eye(a), nonnegative=True, symmetric=True))
        elif b in self.output:
            self.same[a] = b
        else:
            self.same[b] = a

    def _eye(self, letter: str) -> Value:
        return self.planner.b.make("np.eye(#1)", self.planner.b.dim(self.dims[letter]))

    def _final(self, letter: str) -> str:
        while letter in self.same:
            letter = self.same[letter]
        return letter

    def _renamed(self, x: Labelled) -> Labelled:
        """The array under the letters that stay; of two equal ones, the diagonal."""
        return each_once(self.labels, replace(x, letters="".join(map(self._final, x.letters))))

    def _constant_axes(self, e: Einsum) -> None:
        """Letters along which nothing changes: the result is repeated, or multiplied by how many there are."""
        b = self.planner.b
        held = letters_of(self.arrays)
        for c in dict.fromkeys(self._final(c) for c in e.sizes):
            if c in held:
                continue
            n = b.dim(self.dims[c])
            if c in self.output:
                self.arrays.append(Labelled(c, b.make("np.ones(#1)", n), nonnegative=True))
            else:
                self.arrays.append(Labelled("", n, nonnegative=True))


def arg_letters(pair: Letters, arg: Expr) -> str:
    """The letters of a tensor's own axes, in their order."""
    return pair[0][::-1] + pair[1][::-1]


@lowers(Unstacked)
def lower_unstacked(planner: Planner, e: Unstacked) -> Form:
    """An array by its axes: made of its factors where there are any, else a matrix whose axes are taken apart."""
    apart = tensor_of_factors(planner, e)
    if apart is not None:
        return apart
    letters = e.letters
    if letters is not None and isinstance(e.arg, Einsum):
        labels, result = einsum_result(planner, e.arg, *(side[::-1] for side in e.arg.output))
        return planner.shaped(labels.arrange(result, letters), e)
    stacked = [*reversed(e.rows_as), *reversed(e.cols_as)]
    split = len(e.rows_as)
    order = [*reversed(range(split)), *reversed(range(split, len(stacked)))]
    places = ", ".join(f"#{k}" for k in range(2, 2 + len(stacked)))
    code = f"#1.reshape({places}).transpose({', '.join(map(str, order))})"
    return planner.shaped(planner.b.make(code, planner.f.plane(planner.form[e.arg]), *(planner.b.dim(d) for d in stacked)), e)
