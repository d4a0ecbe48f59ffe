"""From SymPy's sums over entries, and from its tables of entries, to matrix notation.

SymPy counts places from 0 and sums over any range; an entry at ``k + c`` is one of the slice that ``k`` runs over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import ArrayElement
from sympy.tensor.indexed import Indexed

from matcalc.dims import Dim, divide_dim, is_unit, plus_dim, same_dim
from matcalc.errors import OperandError, ShapeError, UnsupportedError
from matcalc.expr import ZERO, Expr, add, broadcast_add, named_shape, ones
from matcalc.from_index import Builder, Value
from matcalc.functions import ENTRYWISE, FUNCTIONS, Function
from matcalc.index import At, Delta, Index
from matcalc.network import Factor, Network
from matcalc.ops.blocks import slice_of
from matcalc.ops.stacking import commutation
from matcalc.ops.structure import reshape, unit_vector, vec
from matcalc.ops.tensors import composite_of, is_tensor, paired
from matcalc.ops.triangles import cumsum, triangle_of_ones
from matcalc.readable import simplify

if TYPE_CHECKING:
    from matcalc.interop.reading import Reader

MOST_PARTS = 20_000
ENTRIES = (MatrixElement, ArrayElement, Indexed)


@dataclass(eq=False)
class Range:
    """An index of SymPy's: the values from ``first``, as many as ``count``; ``index`` is ours, None for one value."""

    name: sp.Symbol
    first: sp.Expr
    count: Dim
    index: Index | None = field(init=False)

    def __post_init__(self) -> None:
        self.index = None if is_unit(self.count) else Index.fresh(self.count)


Scope = dict[sp.Symbol, Range]
Side = tuple[tuple[Dim, Dim] | None, At]


def read_indexed(value: sp.Basic, free: object, reader: Reader) -> Expr:
    """A sum over entries, with free indices for the rows and the columns."""
    scope = _free_ranges(value, free, reader)
    return simplify(_closed(value, scope, reader))


def read_table(e: Any, reader: Reader) -> Expr:
    """SymPy's ``FunctionMatrix``: a matrix by a formula for its entries."""
    shape = tuple(reader.names.dim(d, "FunctionMatrix") for d in e.shape)
    i, j = e.lamda.variables
    known = _reshaped(e.lamda.expr, (i, j), shape, reader)
    if known is not None:
        return known
    return _closed(e.lamda.expr, {v: Range(v, sp.S.Zero, d) for v, d in zip((i, j), shape, strict=True)}, reader)


def read_product(e: Any, reader: Reader) -> Expr:
    """A product over one or two ranges: that of all entries of the table of its factors."""
    if len(e.limits) > 2 or any(len(limit) != 3 for limit in e.limits):
        raise UnsupportedError(f"{e}: a product over one or two ranges with their ends is taken")
    scope: Scope = {}
    for k, first, last in e.limits:
        if uses(first, [i for i, *_ in e.limits]) or uses(last, [i for i, *_ in e.limits]):
            raise UnsupportedError(f"{e}: the range of {k} depends on another index")
        scope[k] = Range(k, first, reader.names.dim(sp.expand(last - first + 1), f"the range of {k}"))
    return FUNCTIONS["prod"](_closed(e.function, scope, reader))


def _closed(value: sp.Basic, scope: Scope, reader: Reader) -> Expr:
    builder = SumBuilder(reader)
    ranges = list(scope.values())
    built = builder.value(value, scope)
    if len(ranges) > 2:
        return add(*(builder.without_form(net, [r.index for r in ranges]) for net in built))
    row, col = [*(r.index for r in ranges), None, None][:2]
    result = builder.closed(built, row, col)
    rows, cols = [*(r.count for r in ranges), 1, 1][:2]
    assert same_dim(result.rows, rows), result
    assert same_dim(result.cols, cols), result
    return result


def _reshaped(body: Any, at: tuple[Any, Any], shape: tuple[Dim, ...], reader: Reader) -> Expr | None:
    """Where the table is ``P[Mod(k, m), floor(k/m)]`` with ``k = i + rows*j``: the entries of ``P`` in another shape."""
    if isinstance(body, sp.KroneckerDelta):
        return _commuting(body, at, shape, reader)
    if not isinstance(body, MatrixElement) or uses(body.args[0], at):
        return None
    arg = reader.walk(body.args[0], reader.done)
    place, m = at[0] + reader.names.sympy_dim(shape[0]) * at[1], reader.names.sympy_dim(arg.rows)
    if is_unit(shape[1]):
        place = at[0]
    if sp.expand(body.args[1] - sp.Mod(place, m)) != 0 or sp.expand(body.args[2] - sp.floor(place / m)) != 0:
        return None
    return vec(arg) if is_unit(shape[1]) else reshape(arg, *shape)


def _commuting(body: Any, at: tuple[Any, Any], shape: tuple[Dim, ...], reader: Reader) -> Expr | None:
    """Where the table is ``KroneckerDelta(j, floor(i/n) + m*Mod(i, n))``: the commutation matrix ``K(m,n)``."""
    for mod in body.atoms(sp.Mod):
        n = mod.args[1]
        size = reader.names.dim(n, "FunctionMatrix")
        m = divide_dim(shape[0], size)
        if mod.args[0] == at[0] and m is not None and same_dim(shape[0], shape[1]):
            place = sp.floor(at[0] / n) + reader.names.sympy_dim(m) * mod
            if body in (sp.KroneckerDelta(at[1], place), sp.KroneckerDelta(place, at[1])):
                return commutation(m, size)
    return None


def _free_ranges(value: sp.Basic, free: object, reader: Reader) -> Scope:
    """The free indices, each over the axis at which it stands alone, or what a mapping says."""
    names: list[Any] = list(free) if isinstance(free, Iterable) else [free]
    if not all(isinstance(v, sp.Symbol) for v in names) or len(set(names)) < len(names):
        raise OperandError(f"free is different SymPy symbols, such as (i, j) for rows and columns, not {free!r}")
    scope: Scope = {}
    for v in names:
        size = free[v] if isinstance(free, Mapping) else _axis_of(v, value)
        if size is None:
            raise ShapeError(f"nothing shows what the index {v} runs over: write free={{{v}: n}}")
        scope[v] = Range(v, sp.S.Zero, reader.names.dim(size, str(v)))
    return scope


def _axis_of(v: sp.Symbol, value: sp.Basic) -> object:
    for e in value.atoms(*ENTRIES):
        for at, size in zip(_places(e), _shape_of(e), strict=True):
            if at == v:
                return size
    return None


def uses(e: sp.Basic, names: Iterable[sp.Symbol]) -> bool:
    """Whether one of the names is free in a SymPy expression."""
    return not e.free_symbols.isdisjoint(names)


def _shape_of(e: Any) -> Sequence[Any]:
    shape = e.base.shape if isinstance(e, Indexed) else e.parent.shape if isinstance(e, MatrixElement) else e.name.shape
    if shape is None:
        raise UnsupportedError(f"{e}: give IndexedBase its shape, as in IndexedBase({e.base.name!r}, shape=(m, n))")
    return tuple(shape)


def _places(e: Any) -> Sequence[Any]:
    return tuple(e.indices) if isinstance(e, (Indexed, ArrayElement)) else tuple(e.args[1:])


@dataclass(eq=False)
class Item:
    """A part of a formula that is to be built: what it is, and the operands."""

    kind: str
    operands: list[Item]
    value: Value = field(default_factory=list)
    over: list[Index] = field(default_factory=list)
    function: Function | None = None


class SumBuilder(Builder):
    """Networks for a formula in SymPy's indices."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def value(self, root: sp.Basic, scope: Scope) -> Value:
        """The value of a formula over the indices in scope."""
        top = Item("", [])
        found: list[Item] = []
        stack: list[tuple[sp.Basic, Scope, Item]] = [(root, scope, top)]
        while stack:  # parents before operands
            e, known, parent = stack.pop()
            item, below = self.item(e, known)
            parent.operands.append(item)
            found.append(item)
            stack.extend((b, inner, item) for b, inner in reversed(below))
            if len(found) > MOST_PARTS:
                raise UnsupportedError(f"a sum with more than {MOST_PARTS} parts is too long")
        for item in reversed(found):
            item.value = self.made(item)
        return top.operands[0].value

    def item(self, e: sp.Basic, scope: Scope) -> tuple[Item, list[tuple[sp.Basic, Scope]]]:
        """What one node is, and the formulas below it."""
        if not uses(e, scope) if scope else not e.has(sp.Sum, *ENTRIES):
            return Item("done", [], [self.scalar(self.number(e))]), []
        match e:
            case sp.Symbol():
                return Item("done", [], [self.counted(scope[e])]), []
            case sp.Sum():
                return self.sum(e, scope)
            case sp.Add():
                return Item("+", []), [(a, scope) for a in e.args]
            case sp.Mul():
                return Item("*", []), [(a, scope) for a in e.args]
            case sp.KroneckerDelta():
                return Item("done", [], [self.tied(e, scope)]), []
            case sp.Pow():
                return Item("^", []), [(a, scope) for a in e.args]
            case sp.Piecewise() if (found := self.triangle(e, scope)) is not None:
                return Item("done", [], [found]), []
        if isinstance(e, ENTRIES):
            return Item("done", [], [self.entry(e, scope)]), []
        if not isinstance(e, (sp.Function, sp.Max, sp.Min, sp.Piecewise)):
            raise UnsupportedError(f"SymPy's {type(e).__name__} over indices has no counterpart in matcalc, in {e}")
        return self.function_of(e, scope)

    def made(self, item: Item) -> Value:
        """The value of an item, given those of its operands."""
        operands = [o.value for o in item.operands]
        match item.kind:
            case "done":
                return item.value
            case "+":
                return self.bounded([net for v in operands for net in v])
            case "*":
                product = operands[0]
                for v in operands[1:]:
                    product = self.times(product, v)
                return product
            case "^":
                return self.raised(*operands)
            case "sum":
                return self.summed(operands[0], item.over)
        assert item.function is not None
        return [self.mapped(item.function, operands)]

    def number(self, e: sp.Basic) -> Expr:
        """A part without indices in it, which is a scalar."""
        found = self.reader.walk(e, self.reader.done)
        if not found.is_scalar:
            raise ShapeError(f"{named_shape(found)} stands among entries: it has no index")
        return found

    def sum(self, e: Any, scope: Scope) -> tuple[Item, list[tuple[sp.Basic, Scope]]]:
        """A sum over one or more ranges."""
        inside = dict(scope)
        over: list[Index] = []
        for limit in reversed(e.limits):  # the last is the outermost
            if len(limit) != 3:
                raise UnsupportedError(f"{e}: a sum needs the ends of its range, as in (k, 0, n - 1)")
            k, first, last = limit
            if uses(first, inside) or uses(last, inside):
                raise UnsupportedError(f"{e}: the range of {k} depends on another index")
            count = self.reader.names.dim(sp.expand(last - first + 1), f"the range of {k}")
            found = inside[k] = Range(k, first, count)
            if found.index is not None:
                over.append(found.index)
        return Item("sum", [], over=over), [(e.function, inside)]

    def counted(self, r: Range) -> Network:
        """An index as a number: the entry of the vector of its values."""
        start = self.number(r.first - 1) if r.index is not None else self.number(r.first)
        if r.index is None:
            return self.scalar(start)
        values = cumsum(ones(r.count))
        return Network(factors=[(values if start is ZERO else broadcast_add(values, start), r.index, None)])

    def shift(self, at: sp.Expr, scope: Scope, e: sp.Basic) -> tuple[Range | None, sp.Expr]:
        """A place as an index in scope and the position, from 0, of its first value; or a fixed position alone."""
        used = [k for k in scope if at.has(k)]
        if not used:
            return None, at
        if len(used) > 1 or (at - used[0]).has(used[0]):
            raise UnsupportedError(f"the place {at} in {e} is not an index, a number, or an index plus a number")
        r = scope[used[0]]
        return r, sp.expand(r.first + at - used[0])

    def entry(self, e: Any, scope: Scope) -> Network:
        """An entry, of the part of the array that its indices run over."""
        array = self.array_of(e, scope)
        sizes = [self.reader.names.dim(d, str(e)) for d in _shape_of(e)]
        sides = [self.side(at, size, scope, e) for at, size in zip(_places(e), sizes, strict=True) if not is_unit(size)]
        if is_tensor(array):
            return self.tensor_entry(array, sides, e)
        if len(sizes) == 2 and is_unit(sizes[0]):
            sides.insert(0, (None, None))
        (rows, row), (cols, col) = [*sides, (None, None), (None, None)][:2]
        return Network(factors=[(slice_of(array, rows, cols), row, col)])

    def side(self, at: sp.Expr, size: Dim, scope: Scope, e: sp.Basic) -> Side:
        """A place along one axis: the part of the axis that its index runs over, None for all, and the place there."""
        r, first = self.shift(at, scope, e)
        if r is None and not first.free_symbols <= self.reader.names.sizes:
            raise UnsupportedError(
                f"the index of {e} is neither summed over nor a number: name it in from_sympy(..., free=...)"
            )
        count = 1 if r is None else r.count
        if first.is_Integer and not (first >= 0 and (not isinstance(size, int) or first < size)):
            raise ShapeError(f"{e}: there is no place {first}, counted from 0, on an axis of length {size}")
        position = plus_dim(int(first), 1) if first.is_Integer else self.reader.names.dim(sp.expand(first + 1), str(e))
        if r is None or r.index is None:
            return (None, position) if isinstance(position, int) else ((position, 1), None)
        return None if same_dim(count, size) and position == 1 else (position, count), r.index

    def tensor_entry(self, array: Expr, sides: Sequence[Side], e: sp.Basic) -> Network:
        """An entry of an array with more than two axes."""
        if any(taken is not None for taken, _ in sides):
            raise UnsupportedError(f"{e}: an index that runs over a part of an axis needs a matrix")
        kept = [at for _, at in sides]
        picked = {k: Index.fresh(d) for k, (at, d) in enumerate(zip(kept, array.shape, strict=True)) if isinstance(at, int)}
        units: list[Factor] = [(unit_vector(kept[k], i.dim), i, None) for k, i in picked.items()]
        places: list[At] = [picked.get(k, at) for k, at in enumerate(kept)]
        first = len(composite_of(array)[0])
        entry = (array, paired(places[:first][::-1]), paired(places[first:][::-1]))
        return Network(factors=[entry, *units], bound=list(picked.values()))

    def array_of(self, e: Any, scope: Scope) -> Expr:
        """The array that an entry is of."""
        if isinstance(e, Indexed):
            return self.reader.names.indexed(e.base, _shape_of(e))
        base = e.args[0]
        if uses(base, scope):
            raise UnsupportedError(f"the array {base} in {e} depends on an index")
        return self.reader.walk(base, self.reader.done)

    def tied(self, e: Any, scope: Scope) -> Network:
        """Kronecker's delta of two places."""
        (r, first), (s, second) = (self.shift(at, scope, e) for at in e.args[:2])
        if r is None:
            r, first, s, second = s, second, r, first
        assert r is not None
        offset = sp.expand(second - first)
        if s is not None and offset == 0 and same_dim(r.count, s.count):
            return Network() if r.index is None or s.index is None else Network(deltas=[Delta(r.index, s.index)])
        if s is None and offset.is_Integer and offset >= 0 and (not isinstance(r.count, int) or offset < r.count):
            return Network() if r.index is None else Network(deltas=[Delta(r.index, int(offset) + 1)])
        raise UnsupportedError(f"{e}: its two places do not run over the same range")

    def triangle(self, e: Any, scope: Scope) -> Network | None:
        """``Piecewise((1, i >= j), (0, True))``: an entry of a triangle of ones."""
        if len(e.args) != 2 or e.args[0][0] != 1 or e.args[1][0] != 0 or not isinstance(e.args[0][1], (sp.Ge, sp.Le)):
            return None
        when = e.args[0][1]
        (r, first), (s, second) = (self.shift(at, scope, e) for at in (when.gts, when.lts))
        if r is None or s is None or sp.expand(first - second) != 0 or not same_dim(r.count, s.count):
            return None
        if r.index is None or s.index is None:
            return Network()
        return Network(factors=[(triangle_of_ones(r.count), r.index, s.index)])

    def function_of(self, e: Any, scope: Scope) -> tuple[Item, list[tuple[sp.Basic, Scope]]]:
        """A function of entries, applied to whole arrays of them."""
        slots = [sp.Dummy(f"a{k}", real=True) for k in range(len(e.args))]
        args = e.args
        if isinstance(e, sp.Piecewise):
            leaves = [a for case in e.args for a in (case.args[0], *case.args[1].args)]
            args = tuple(dict.fromkeys(leaves))
            slots = [sp.Dummy(f"a{k}", real=True) for k in range(len(args))]
            shape = e.xreplace(dict(zip(args, slots, strict=True)))
        else:
            shape = e.func(*slots, evaluate=False)

        def build(*operands: Expr) -> Expr:
            return self.reader.walk(shape, dict(zip(slots, operands, strict=True)), entrywise=True)

        item = Item("function", [], function=Function(type(e).__name__, build, ENTRYWISE, "x" * len(args)))
        return item, [(a, scope) for a in args]
