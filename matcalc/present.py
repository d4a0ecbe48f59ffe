"""The last touch for the reader: powers, transposes outside, broadcast sums, names of norms."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from matcalc.dims import is_unit, same_dim
from matcalc.expr import (
    IMAGINARY_UNIT,
    Add,
    Expr,
    Hadamard,
    Let,
    Number,
    Ones,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    add,
    broadcast_add,
    coefficient,
    entry_at,
    hadamard,
    is_negative,
    negate,
    product,
    transpose,
)
from matcalc.node import postorder
from matcalc.ops.blocks import Range, Selector, slice_of
from matcalc.ops.complex import Conj, Imag, Real, are_conjugates, settled
from matcalc.ops.linalg import Inverse, MatrixPower, Pinv
from matcalc.ops.reductions import Total
from matcalc.ops.structure import UnitVector
from matcalc.ops.triangles import Cumsum, LowerOnes, RevCumsum, Tril, Triu
from matcalc.rewrite import first_match
from matcalc.rules.chain import turn
from matcalc.rules.matrix import SHORT

MOST_JOINED = 40  # symbols of an expression for which one conjugate over all of it is tried


def present(roots: Sequence[Expr]) -> list[Expr]:
    """Expressions in the form in which they are shown, over their shared graph."""
    done: dict[Expr, Expr] = {}
    for node in postorder(roots, lambda e: () if isinstance(e, Let) else e.operands):
        ready = node if isinstance(node, Let) else node.rebuild([done[c] for c in node.operands])
        done[node] = joined(shown(ready)) if node.is_complex else shown(ready)
    return [done[r] for r in roots]


def shown(e: Expr) -> Expr:
    """One node, its operands being done."""
    match e:
        case Product():
            return finished(flipped(with_powers(with_sums(with_slices(with_names(e))))))
        case Hadamard():
            return flipped(transposed_outside(with_triangles(e)))
        case Add() if not e.is_scalar:
            return transposed_outside(stretched(e))
        case Quotient() | Power():
            return transposed_outside(e)
        case _:
            hit = first_match(e, SHORT)
            return e if hit is None else hit[1]


def joined(e: Expr) -> Expr:
    """``conj(A)*conj(x)`` as ``conj(A*x)``, where that is shorter."""
    if e.leaves > MOST_JOINED or isinstance(e, (Symbol, Number, Conj)):
        return e
    if isinstance(e, Add):
        e = with_parts(e)
        if not e.is_complex or not isinstance(e, Add):
            return e
    other = settled(Conj(e))
    if 1 + other.cost < e.cost:
        return Conj(other)
    if e.is_scalar or isinstance(e, Transpose):
        return e
    turned = Transpose(Conj(turn(other)))
    return turned if turned.cost < e.cost else e


def with_parts(e: Add) -> Expr:
    """``z + conj(z)`` as ``2*real(z)``, and ``z - conj(z)`` as ``2i*imag(z)``."""
    terms = list(e.args)
    out: list[Expr] = []
    while terms:
        c, a = coefficient(terms.pop(0))
        for k, t in enumerate(terms):
            d, b = coefficient(t)
            if abs(c) == abs(d) and are_conjugates(a, b):
                del terms[k]
                plain = min(a, b, key=lambda x: x.cost)
                if c == d:
                    out.append(hadamard(Number(2 * c), Real(plain)))
                else:
                    out.append(hadamard(Number(2 * (c if plain is a else d)), IMAGINARY_UNIT, Imag(plain)))
                break
        else:
            out.append(hadamard(Number(c), a))
    return add(*out)


def finished(e: Expr) -> Expr:
    """A product with what is left to do: entries, column sums, a transpose outside."""
    if isinstance(e, Product):
        first, last = e.args[0], e.args[-1]
        rest = e.args[1:]
        row = first.arg.position if isinstance(first, Transpose) and isinstance(first.arg, UnitVector) else 0
        col = last.position if isinstance(last, UnitVector) else 0
        middle = e.args[bool(row) : len(e.args) - bool(col)]
        if (row or col) and len(middle) == 1 and isinstance(middle[0], Symbol | Transpose):
            return entry_of(middle[0], row, col)
        if isinstance(first, Transpose) and isinstance(first.arg, Ones) and not e.is_scalar:
            return Total(rest[0] if len(rest) == 1 else Product(rest), 0)
        if isinstance(last, Ones) and is_unit(last.cols):
            above = [turn(f) for f in reversed(e.args[:-1])]
            other = Transpose(Total(above[0] if len(above) == 1 else Product(tuple(above)), 0))
            if other.cost < e.cost:
                return other
    return transposed_outside(e)


def entry_of(e: Expr, row: int, col: int) -> Expr:
    """An entry, a row or a column of a symbol or of its transpose."""
    if isinstance(e, Transpose):
        return transpose(entry_at(e.arg, col, row))
    return entry_at(e, row, col)


def with_names(e: Product) -> Expr:
    """``X*inv(X'*X)`` as ``pinv(X)'``, and the like."""
    return min(_with_pinv(e, 1), _with_pinv(e, -1), key=lambda x: x.cost)


def _with_pinv(e: Product, step: int) -> Expr:
    """Pairs of factors that make a pseudoinverse named, looked for from the left (1) or from the right (-1)."""
    out = list(e.args)
    k = 0 if step > 0 else len(out) - 2
    while 0 <= k < len(out) - 1:
        named = _named_pair(out[k], out[k + 1])
        if named is not None:
            out[k : k + 2] = [named]
        k = min(k, len(out) - 2) if named is not None else k + step
    return e if len(out) == len(e.args) else out[0] if len(out) == 1 else product(*out)


def _named_pair(a: Expr, b: Expr) -> Expr | None:
    """The pseudoinverse that two factors make: ``inv(A'*A)*A'`` or ``A'*inv(A*A')``, or its transpose."""
    if a.is_complex or b.is_complex:  # the pseudoinverse has a Hermitian transpose in it
        return None
    for inverse, other, first in ((a, b, True), (b, a, False)):
        if isinstance(inverse, Inverse) and isinstance(inverse.arg, Product) and len(inverse.arg.args) == 2:
            x, y = inverse.arg.args
            if turn(x) is y and other is (y if first else x):
                continue
            if turn(x) is y and other is (x if first else y) and not other.is_square:
                return Pinv(y) if first else Pinv(x)
    return None


def with_slices(e: Expr) -> Expr:
    """``A*eye(n)(:,1:2)`` as ``A(:,1:2)``, and the like for rows."""
    if not isinstance(e, Product) or not any(isinstance(f.arg if isinstance(f, Transpose) else f, Selector) for f in e.args):
        return e
    out: list[Expr] = []
    rows: Selector | None = None  # of what comes next
    for f in e.args:
        if isinstance(f, Selector) and out and rows is None:
            out[-1] = _part_of(out[-1], None, (f.start, f.count))
        elif isinstance(f, Transpose) and isinstance(f.arg, Selector) and rows is None:
            rows = f.arg
        elif rows is not None:
            out.append(_part_of(f, (rows.start, rows.count), None))
            rows = None
        else:
            out.append(f)
    if rows is not None:
        out.append(transpose(rows))
    return out[0] if len(out) == 1 else product(*out)


def _part_of(e: Expr, rows: Range | None, cols: Range | None) -> Expr:
    """A slice, with a transpose outside."""
    return transpose(slice_of(e.arg, cols, rows)) if isinstance(e, Transpose) else slice_of(e, rows, cols)


def with_triangles(e: Hadamard) -> Expr:
    """``tril(ones(n,n)).*A`` as ``tril(A)``."""
    for k, f in enumerate(e.args):
        flip = isinstance(f, Transpose)
        if isinstance(f.arg if isinstance(f, Transpose) else f, LowerOnes):
            rest = e.args[:k] + e.args[k + 1 :]
            arrays = [a for a in rest if not a.is_scalar]
            scalars = [a for a in rest if a.is_scalar]
            if not arrays:
                return e
            inner = hadamard(*arrays)
            return hadamard(*scalars, Triu(inner) if flip else Tril(inner))
    return e


def with_sums(e: Expr) -> Expr:
    """``tril(ones(n,n))*A`` as ``cumsum(A,1)``, and the like from the right."""
    if not isinstance(e, Product):
        return e
    out = list(e.args)
    for k, f in reversed(list(enumerate(out))):
        flip = isinstance(f, Transpose)
        if isinstance(f.arg if isinstance(f, Transpose) else f, LowerOnes) and len(out) > 1:
            if k + 1 < len(out):
                cls = RevCumsum if flip else Cumsum
                out[k : k + 2] = [cls(out[k + 1], 0)]
            else:
                cls = Cumsum if flip else RevCumsum
                out[k - 1 : k + 1] = [cls(out[k - 1], 1)]
            return with_sums(out[0] if len(out) == 1 else product(*out))
    return e


def with_powers(e: Expr) -> Expr:
    """``X*X`` as ``X^2``."""
    if not isinstance(e, Product):
        return e
    out: list[tuple[Expr, int]] = []
    for f in e.args:
        if out and out[-1][0] is f and f.is_square:
            out[-1] = (f, out[-1][1] + 1)
        else:
            out.append((f, 1))
    if len(out) == len(e.args):
        return e
    parts = [MatrixPower(f, Number(sp.Integer(k))) if k > 1 else f for f, k in out]
    return parts[0] if len(parts) == 1 else product(*parts)


def transposed_outside(e: Expr) -> Expr:
    """``A'*B'`` as ``(B*A)'``, where that is shorter."""
    if e.is_scalar or e.axes is not None:
        return e
    turned = turn(e)
    return Transpose(turned) if turned.cost + 1 < e.cost and not isinstance(turned, Transpose) else e


def flipped(e: Expr) -> Expr:
    """``-2*A*(b - x)`` as ``2*A*(x - b)``."""
    if not isinstance(e, (Product, Hadamard)):
        return e
    number, rest = coefficient(e)
    if number >= 0:
        return e
    factors = rest.args if isinstance(rest, (Product, Hadamard)) else (rest,)
    for k, f in enumerate(factors):
        inner = f.args if isinstance(f, Product) and isinstance(rest, Hadamard) else (f,)
        for i, g in enumerate(inner):
            if isinstance(g, Add) and any(is_negative(t) for t in g.args):
                terms = [negate(t) for t in g.args]
                swapped = add(*sorted(terms, key=is_negative))
                new = swapped if len(inner) == 1 else product(*inner[:i], swapped, *inner[i + 1 :])
                body = (product if isinstance(rest, Product) else hadamard)(*factors[:k], new, *factors[k + 1 :])
                return hadamard(Number(-number), body)
    return e


def stretched(e: Add) -> Expr:
    """Terms that repeat a scalar, a column or a row, written by broadcasting."""
    whole: list[Expr] = []
    parts: list[Expr] = []
    for t in e.args:
        part = _stretches(t)
        if part is None:
            whole.append(t)
        else:
            parts.append(part)
    if not parts or not whole:
        return e
    result = add(*whole)
    first = parts[0]
    start = not is_negative(first) and all(is_negative(t) for t in whole)
    for k, p in enumerate(parts):
        result = broadcast_add(p, result) if k == 0 and start else broadcast_add(result, p)
    return result


def _stretches(t: Expr) -> Expr | None:
    """The scalar, column or row that a term repeats."""
    scale: list[Expr] = []
    body = t
    below: Expr | None = None
    if isinstance(t, Quotient) and t.below.is_scalar:
        body, below = t.above, t.below
    if isinstance(body, Hadamard) and body.args[0].is_scalar:
        scale = [a for a in body.args if a.is_scalar]
        body = hadamard(*(a for a in body.args if not a.is_scalar))
    part: Expr | None = None
    if isinstance(body, Ones) or (isinstance(body, Transpose) and isinstance(body.arg, Ones)):
        part = Number(sp.Integer(1))
    elif isinstance(body, Product):
        first, last = body.args[0], body.args[-1]
        if isinstance(last, Transpose) and isinstance(last.arg, Ones):
            part = body.args[0] if len(body.args) == 2 else Product(body.args[:-1])
        elif isinstance(first, Ones) and is_unit(first.cols):
            part = body.args[1] if len(body.args) == 2 else Product(body.args[1:])
    if isinstance(part, Product):
        part = finished(part)
    if part is None or (same_dim(part.rows, t.rows) and same_dim(part.cols, t.cols)):
        return None
    value = hadamard(*scale, part)
    return value if below is None else Quotient(value, below)
