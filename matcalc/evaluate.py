"""Values by the book: every operator by its own definition, with explicit loops over the indices.

Slow on purpose, and independent of simplification, index contraction and emitted code. It judges
the lines of derivations at small random sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product as positions
from typing import TYPE_CHECKING, Any

import sympy as sp

from matcalc.dims import Dim, DimSymbol
from matcalc.emit import compile_plainly
from matcalc.expr import SLOTS, Entrywise, Expr, Let, Number, Operator, Product, Symbol
from matcalc.index import At, Delta, Entry, Index, Map, Num, Pair, Plus, Sum, Term, Times
from matcalc.network import composite_parts
from matcalc.node import postorder
from matcalc.ops.tensors import Unstacked

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

PARTS = (sp.conjugate, sp.re, sp.im)


class Values:
    """Values of expressions and index terms, given those of the symbols and the sizes of the dimensions.

    Every value is a two-dimensional array: a column is n x 1, a scalar 1 x 1.
    """

    def __init__(
        self,
        known: Mapping[Expr, Array],
        sizes: Mapping[DimSymbol, int],
        functions: Mapping[str, Any] | None = None,
        kind: type[float] | type[complex] = float,
    ) -> None:
        self.kind = kind
        self.known: dict[Expr, Array] = dict(known)
        self.sizes = dict(sizes)
        self.functions = dict(functions or {})

    def size(self, d: Dim) -> int:
        """The number that a dimension is."""
        return d if isinstance(d, int) else int(d.subs(list(self.sizes.items())))

    def array(self, e: Expr) -> Array:
        """The value of an expression."""
        for node in postorder([e], lambda x: () if x in self.known else x.operands):
            if node not in self.known:
                self.known[node] = self._node(node)
        return self.known[e]

    def _node(self, e: Expr) -> Array:
        import numpy as np

        if isinstance(e, (Let, Unstacked)):  # an array with more axes is held as the matrix of its vec form
            return self.known[e.arg]
        if isinstance(e, Number):
            return np.array([[self.kind(e.value.subs(list(self.sizes.items())))]])
        assert isinstance(e, Operator)
        if (
            type(e).entry is Operator.entry
            or (isinstance(e, Entrywise) and not e.structural)
            or e.name in ("vec", "kron", "khatrirao")
            or composite_parts(e) is not None
        ):
            return self._by_code(e)
        if isinstance(e, Product):
            return _chain([self.known[a] for a in e.args], self.kind)
        row, col = (None if self.size(d) == 1 and d == 1 else Index.fresh(d) for d in (e.rows, e.cols))
        return self.table(e.entry(row, col), (row, col), (e.rows, e.cols))

    def _by_code(self, e: Operator) -> Array:
        """One operator by NumPy, where it has no definition by entries."""
        import numpy as np

        holders = [
            c if isinstance(c, Number) else Symbol(f"operand{k}", (c.rows, c.cols), facts)
            for k, c in enumerate(e.operands)
            for facts in [("complex",) if c.is_complex else ()]
        ]
        call = compile_plainly(e.rebuild(holders))
        given: dict[str, Any] = {d.name: n for d, n in self.sizes.items()} | self.functions
        for k, c in enumerate(e.operands):
            value = self.known[c] if c.is_complex else np.real(self.known[c])
            given[f"operand{k}"] = (
                value.reshape([self.size(d) for d in c.shape]) if not _is_whole(value, e, k) else int(value[0, 0])
            )
        out = np.asarray(call(**{k: v for k, v in given.items() if k in call.names}))
        return out.reshape(self.size(e.rows), self.size(e.cols))

    def table(self, term: Term, free: tuple[At, ...], dims: tuple[Dim, ...]) -> Array:
        """A term at every position of its free indices; a free index may be None on a unit axis."""
        import numpy as np

        shape = [self.size(d) for d in dims]
        out = np.zeros(shape, dtype=self.kind)
        for place in positions(*(range(n) for n in shape)):
            at = {i: p for i, p in zip(free, place, strict=True) if isinstance(i, Index)}
            out[place] = self.term(term, at)
        return out

    def term(self, term: Term, at: dict[Index, int]) -> Any:
        """A term at one position; positions count from 0 here."""
        match term:
            case Num(value):
                return self.kind(sp.sympify(value).subs(list(self.sizes.items())))
            case Delta(left, right):
                return float(self._place(left, at) == self._place(right, at))
            case Entry(array, row, col):
                return self.kind(self.array(array)[self._place(row, at), self._place(col, at)])
            case Sum(index, body):
                return sum((self.term(body, {**at, index: p}) for p in range(self.size(index.dim))), 0.0)
            case Times(factors):
                found: Any = 1.0
                for f in factors:
                    found *= self.term(f, at)
                    if found == 0.0:
                        return 0.0
                return found
            case Plus(terms):
                return sum((self.term(t, at) for t in terms), 0.0)
            case Map(op, args):
                values = [self.term(a, at) for a in args]
                if op.head in PARTS:  # whose formula is that of a real slot
                    return self.kind(op.head(*values))
                formula = op.own_formula if op.own_formula is not None else op.formula
                image = complex(formula.subs(list(zip(SLOTS, values, strict=False))).evalf())
                if self.kind is complex:
                    return image
                return image.real if image.imag == 0.0 else float("nan")

    def _place(self, at: At, values: Mapping[Index, int]) -> int:
        match at:
            case None:
                return 0
            case int():
                return at - 1
            case Index():
                return values[at]
            case Pair(left, Index() as right):
                return self._place(left, values) * self.size(right.dim) + values[right]
            case _:
                raise AssertionError(at)


def _chain(factors: list[Array], kind: type[float] | type[complex]) -> Array:
    """A product, two factors at a time: loops over the indices of a long chain at once would take exponential time."""
    import numpy as np

    out = factors[0]
    for b in factors[1:]:
        m, n, p = len(out), len(b), b.shape[1]
        rows = [[sum((out[i, k] * b[k, j] for k in range(n)), kind(0)) for j in range(p)] for i in range(m)]
        out = np.array(rows, dtype=kind).reshape(m, p)
    return out


def _is_whole(value: Array, e: Operator, k: int) -> bool:
    """Whether an operand is the symbolic integer exponent of a matrix power."""
    return e.name == "^" and k == 1
