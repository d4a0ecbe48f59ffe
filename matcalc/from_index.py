"""From index notation to matrix notation: what each index means, networks for the terms, and their matrix forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import sympy as sp

from matcalc.declare import at_place
from matcalc.derivations.index_form import copied
from matcalc.dims import Dim, as_dim, is_name, is_unit
from matcalc.errors import LimitError, MatcalcError, OperandError, UnsupportedError
from matcalc.expr import (
    ONE,
    Expr,
    Number,
    add,
    hadamard,
    power,
    quotient,
    rational,
)
from matcalc.functions import FUNCTIONS, Function
from matcalc.index import At, Delta, Index, flat
from matcalc.index_meaning import Meaning, Range, Reading
from matcalc.index_syntax import read_index
from matcalc.network import Contracted, Lowering, Network, contract, contract_all
from matcalc.ops.tensors import with_axes
from matcalc.parse import MAX_BITS, read_declarations
from matcalc.readable import simplify
from matcalc.rules.closed_form import NoMatrixForm, closed_form, reduced
from matcalc.rules.einsum_form import einsum_form
from matcalc.scalar import Scalars
from matcalc.to_index import IndexNotation

MAX_TERMS = 5_000
MAX_EXPANDED = 6  # the largest power of a sum over three indices or more that is multiplied out


def from_index(text: object, free: object = (), vars: object = None) -> Expr:
    """The matrix form of a formula in index notation.

    Parameters
    ----------
    text : str or IndexNotation
        Such as ``"Sum(W[i,k]*X[k,j], k) + b[i]"``: sums ``Sum(body, k, l)``, also with ranges as in
        ``Sum(body, (k, 1, n))``, products, quotients, powers, entrywise functions by their names,
        ``delta[i,j]`` or ``KroneckerDelta(i,j)``, places counted from 1 as in ``A[1,j]``, and entries of
        matrix expressions as in ``inv(X)[i,j]``. What ``to_index`` returns is read without further arguments.
    free : str, iterable of str, or mapping from names to dimensions
        The free indices: none for a scalar, ``"i"`` for a column, ``"i j"`` for rows and columns, ``"1 j"`` for a row.
    vars : str, mapping or iterable, optional
        The declarations, as ``parse`` takes them. Every name must be declared.

    Returns
    -------
    Expr
        Simplified. A term without one of the free indices is the same along it. What has no matrix form is an ``einsum``,
        and ``why_not_matrix`` says why.

    Raises
    ------
    ParseError
        If the text cannot be read, a name is not declared, or an index is neither free nor summed over.
    ShapeError
        If an index runs over two different dimensions, or over none that the text shows.
    UnsupportedError
        If a function is applied to what depends on three indices or more.

    Examples
    --------
    >>> import matcalc as mc
    >>> mc.from_index("Sum(W[i,k]*X[k,j], k) + b[i]", free="i j", vars="W[m,n] X[n,p] b[m]")
    W*X .+ b
    >>> mc.from_index("Sum(A[i,j]*x[j]*delta[i,k], i, j)", free="k", vars="A[m,n] x[n]")
    A*x
    >>> mc.from_index("X[i,j] / Sum(X[i,k], k)", free="i j", vars="X[m,n]")
    diag(1./(X*ones(n)))*X
    """
    if isinstance(text, IndexNotation):
        free = free if free else text.shape_by_name
        vars = text.variables if vars is None else vars
        text = str(text)
    known, dims = read_declarations(None if isinstance(vars, str) and not vars.strip() else vars)
    checked, parts = read_index(text)
    reading = Reading(checked, parts, known, dims, free_names(free))
    reading.run()
    return simplify(Builder().run(reading))


def free_names(free: object) -> dict[str, Dim | None]:
    """The free indices in order, each with its dimension if one is given."""
    sizes: Mapping[object, object] = free if isinstance(free, Mapping) else {}
    if isinstance(free, str):
        names: list[object] = list(free.replace(",", " ").split())
    elif isinstance(free, Iterable):
        names = list(free)
    else:
        raise OperandError(f"free is text such as 'i j', or a list of names, not {type(free).__name__}")
    found: dict[str, Dim | None] = {}
    for name in names:
        if name == "1":
            name = f"1 ({len(found) + 1})"  # an axis of length one has no index, and a name that no text can write
        elif not isinstance(name, str) or not is_name(name):
            raise OperandError(f"{name!r} is not a name for an index: use letters, digits and _, a letter first")
        if name in found:
            raise OperandError(f"the free index {name} is given twice")
        found[name] = 1 if name[0] == "1" else as_dim(sizes[name], name) if name in sizes else None
    return found


# ------------------------------------------------------------------ building
Value = list[Network]  # a sum of them


class Builder:
    """Networks for the parts, operands first; what lies over at most two indices can become a matrix expression."""

    def __init__(self) -> None:
        self.scalars = Scalars()
        self.lowering = Lowering(self.scalars)

    def run(self, reading: Reading) -> Expr:
        """The matrix expression of the whole formula."""
        built: dict[int, Value] = {}
        for k, part in enumerate(reading.parts):
            if k not in reading.meaning:
                continue
            operands = [built.pop(a) for a in part.args if a in built]
            try:
                built[k] = self.build(reading.meaning[k], operands)
            except MatcalcError as error:
                raise at_place(error, reading.text, part.at) from None
        (value,) = built.values()
        free = [r.index for r in reading.free.values()]
        if len(free) > 2:
            return add(*(self.without_form(net, free) for net in value))
        row, col = [*free, None, None][:2]
        return self.closed(value, row, col)

    def without_form(self, net: Network, free: Sequence[Index | None]) -> Expr:
        """A term that has no matrix notation."""
        done, ends = contract_all(self.lowered(net), free, self.lowering)
        return without_matrix_form(done, ends, self.scalars)

    def build(self, meaning: Meaning, operands: list[Value]) -> Value:
        """The value of one part."""
        match meaning.kind:
            case "scalar":
                return [self.scalar(meaning.array)]
            case "entry":
                ends = [self.at(p, d) for p, d in zip(meaning.places, (meaning.array.rows, meaning.array.cols), strict=True)]
                return [Network(factors=[(meaning.array, ends[0], ends[1])])]
            case "delta":
                return [self.delta(meaning.places)]
            case "sum":
                return self.summed(operands[0], [r.index for r in meaning.over if r.index is not None])
            case "function":
                assert meaning.function is not None
                return [self.mapped(meaning.function, operands)]
            case "+" | "-" if len(operands) == 1:
                return operands[0] if meaning.kind == "+" else self.negated(operands[0])
            case "+" | "-":
                left, right = operands
                left.extend(right if meaning.kind == "+" else self.negated(right))
                return self.bounded(left)
            case "*":
                return self.times(*operands)
            case "/":
                return self.times(operands[0], [self.inverted(operands[1])])
            case "^":
                return self.raised(*operands)
        raise AssertionError(meaning.kind)

    def at(self, place: Range | int, dim: Dim) -> At:
        """Where an entry stands along one axis; a unit axis carries no index."""
        if is_unit(dim):
            return None
        return place.index if isinstance(place, Range) else place

    def scalar(self, e: Expr) -> Network:
        """A number or a scalar expression."""
        value = rational(e)
        return Network(value) if value is not None else Network(factors=[(e, None, None)])

    def delta(self, places: tuple[Range | int, ...]) -> Network:
        """Kronecker's delta; along a unit axis it is 1."""
        ends = [p.index if isinstance(p, Range) else p for p in places]
        if any(isinstance(p, Range) and p.index is None for p in places):
            return Network()
        return Network(deltas=[Delta(ends[0], ends[1])])

    def negated(self, value: Value) -> Value:
        """The value with the other sign."""
        for net in value:
            net.coefficient = -net.coefficient
        return value

    def bounded(self, value: Value) -> Value:
        """The value, unless it has too many terms."""
        if len(value) > MAX_TERMS:
            raise LimitError(f"the formula has more than {MAX_TERMS} terms")
        return value

    def open(self, value: Value) -> list[Index]:
        """The indices that a value depends on, in the order of a factor that has two of them."""
        found: dict[Index, None] = {}
        for net in value:
            ends = [at for f in net.factors for at in f[1:]] + [at for d in net.deltas for at in (d.left, d.right)]
            found.update(dict.fromkeys(i for at in ends for i in flat(at) if i not in net.bound))
        pair = list(found)
        if len(pair) == 2 and any(f[1:] == (pair[1], pair[0]) for f in value[0].factors):
            pair.reverse()
        return pair

    def closed(self, value: Value, row: Index | None, col: Index | None) -> Expr:
        """The matrix expression of a value over at most two indices."""
        rows, cols = (1 if i is None else i.dim for i in (row, col))
        terms: list[Expr] = []
        for net in value:
            try:
                coefficient, body = closed_form(contract(self.lowered(net), row, col, self.lowering), rows, cols, self.scalars)
            except NoMatrixForm:
                terms.append(self.without_form(net, [row, col]))
                continue
            scalar = self.scalars.back(coefficient)
            if body is None:
                body = ONE if rows == cols == 1 else FUNCTIONS["zeros"](rows, cols)
            terms.append(hadamard(scalar, body))
        return add(*terms)

    def lowered(self, net: Network) -> Network:
        """The network with every factor taken apart as far as indices do it, which the rows of ``closed_form`` count on."""
        out = Network(net.coefficient, [], list(net.deltas), list(net.bound))
        for atom, i, j in net.factors:
            self.lowering.lower(atom, i, j, out)
        return out

    def condensed(self, value: Value, what: str) -> Network:
        """A value over at most two indices as a network of one factor."""
        if len(value) == 1 and not value[0].deltas and not value[0].bound and len(value[0].factors) == 1:
            return value[0]
        found = self.open(value)
        if len(found) > 2:
            raise UnsupportedError(f"{what} depends on {len(found)} indices, where a matrix has two")
        row, col = [*found, None, None][:2]
        e = self.closed(value, row, col)
        return self.scalar(e) if row is None else Network(factors=[(e, row, col)])

    def summed(self, value: Value, over: list[Index]) -> Value:
        """The sum over indices: of a sum of like terms as one, else term by term."""
        if len(value) > 1:
            sets = {frozenset(self.open([net])) for net in value}
            if len(sets) == 1 and len(next(iter(sets))) <= 2:
                value = [self.condensed(value, "a sum")]
        for net in value:
            net.bound.extend(over)
        return value

    def times(self, left: Value, right: Value) -> Value:
        """The product: sums over at most two indices stay together, others are multiplied out."""
        sides = [[self.condensed(v, "a sum")] if len(v) > 1 and len(self.open(v)) <= 2 else v for v in (left, right)]
        if len(sides[0]) == len(sides[1]) == 1:
            (a,), (b,) = sides
            a.coefficient = self.small(a.coefficient * b.coefficient)
            a.factors.extend(b.factors)
            a.deltas.extend(b.deltas)
            a.bound.extend(b.bound)
            return [a]
        if len(sides[0]) * len(sides[1]) > MAX_TERMS:
            raise LimitError(f"multiplying out gives more than {MAX_TERMS} terms")
        return [
            Network(a.coefficient * b.coefficient, a.factors + b.factors, a.deltas + b.deltas, a.bound + b.bound)
            for a in sides[0]
            for b in sides[1]
        ]

    def entrywise(self, value: Value, change: Callable[[Expr], Expr], what: str) -> Network:
        """A multiplicative function of a value: of each factor, or of the value as a whole."""
        if len(value) == 1 and not value[0].deltas and not value[0].bound and len(value[0].factors) > 0:
            (net,) = value
        else:
            net = self.condensed(value, what)
        if not net.factors:
            net = Network(factors=[(Number(net.coefficient), None, None)])
        factors = [(change(f[0]), f[1], f[2]) for f in net.factors]
        if net.coefficient != 1:
            factors.insert(0, (change(Number(net.coefficient)), None, None))
        return self.plain(Network(factors=factors))

    def plain(self, net: Network) -> Network:
        """Rational factors in the coefficient."""
        values = [rational(f[0]) for f in net.factors]
        for v in values:
            net.coefficient = self.small(net.coefficient * (1 if v is None else v))
        net.factors = [f for f, v in zip(net.factors, values, strict=True) if v is None]
        return net

    def small(self, value: sp.Expr) -> sp.Expr:
        """The number, unless it has too many digits."""
        if isinstance(value, sp.Rational) and int(value.p).bit_length() + int(value.q).bit_length() > MAX_BITS:
            raise LimitError("a number in the text works out to too many digits")
        return value

    def inverted(self, value: Value) -> Network:
        """One over a value."""
        return self.entrywise(value, lambda e: quotient(ONE, e), "the divisor")

    def raised(self, base: Value, exponent: Value) -> Value:
        """A power; an integer one of a product is the product of the powers."""
        if self.open(exponent):
            return [self.mapped(FUNCTIONS["power"], [base, exponent])]
        p = self.closed(exponent, None, None)
        value = rational(p)
        if value is None or not value.is_Integer:
            return [self.mapped(FUNCTIONS["power"], [base, exponent])]
        if 1 < value <= MAX_EXPANDED and len(base) > 1 and len(self.open(base)) > 2:
            result = base
            for _ in range(int(value) - 1):
                result = self.times([copied(net) for net in result], [renewed(net) for net in base])
            return result
        return [self.entrywise(base, lambda e: power(e, p), "the base of a power")]

    def mapped(self, function: Function, args: list[Value]) -> Network:
        """A function of entries, applied to whole arrays over the indices that its arguments have between them."""
        found = list(dict.fromkeys(i for a in args for i in self.open(a)))
        if len(found) > 2:
            raise UnsupportedError(f"{function.name} depends on {len(found)} indices, where a matrix has two")
        row, col = [*found, None, None][:2]
        operands = [self.closed(a, row, col) if self.open(a) else self.closed(a, None, None) for a in args]
        return Network(factors=[(function(*operands), row, col)])


def renewed(net: Network) -> Network:
    """The same network under other bound indices."""
    new: dict[At, At] = {i: Index.fresh(i.dim) for i in net.bound}

    def at(i: At) -> At:
        return new.get(i, i)

    factors = [(atom, at(i), at(j)) for atom, i, j in net.factors]
    return Network(net.coefficient, factors, [Delta(at(d.left), at(d.right)) for d in net.deltas], [new[i] for i in net.bound])  # type: ignore[misc]


def without_matrix_form(net: Contracted, free: Sequence[Index | None], scalars: Scalars) -> Expr:
    """A term that matrix notation cannot write, as an einsum with an axis for each free index."""
    try:
        g = reduced(net, [v for v in free if v is not None], scalars)
    except NoMatrixForm as reason:
        g = reason.rest
    scale = scalars.back(g.coefficient)
    if len(free) <= 2:
        return hadamard(scale, einsum_form(g, free[:1], free[1:]))
    axes = [v for v in free if v is not None]
    half = (len(axes) + 1) // 2
    first, second = axes[:half], axes[half:]
    body = einsum_form(g, first[::-1], second[::-1])
    if len(axes) <= 2:
        return hadamard(scale, body)
    return with_axes(hadamard(scale, body), tuple(v.dim for v in first), tuple(v.dim for v in second))
