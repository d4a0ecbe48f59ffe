"""The text syntax: what ``str(e)`` prints and ``parse`` reads back as the same node."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from matcalc.dims import dim_text, plus_dim
from matcalc.expr import (
    Add,
    BroadcastAdd,
    DifferentialSymbol,
    Expr,
    GradientSymbol,
    Hadamard,
    Item,
    JacobianSymbol,
    Let,
    Number,
    Operator,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    coefficient,
    is_negative,
    negate,
)
from matcalc.node import postorder
from matcalc.ops.blocks import Range, Selector, Slice
from matcalc.ops.complex import Conj
from matcalc.ops.linalg import MatrixPower
from matcalc.ops.tensors import TensorSymbol
from matcalc.ops.triangles import LowerOnes
from matcalc.printing.brackets import ATOM, POSTFIX, PREFIX, SUM, TERM, binds

Written = dict[Expr, str]


def text(e: Expr) -> str:
    """The expression in the text syntax."""
    done: Written = {}
    nodes = list(postorder([e], _children))
    marks = not any(isinstance(n, Symbol) and "H" in {n.name, *map(str, n.dims)} for n in nodes)  # ^H is free
    for node in nodes:
        if marks and isinstance(node, Transpose) and isinstance(node.arg, Conj):
            done[node] = _within(node.arg.arg, POSTFIX, done) + "^H"
        else:
            done[node] = _write(node, done)
    return done[e]


def _children(e: Expr) -> tuple[Expr, ...]:
    """What is written inside ``e``; a sum writes its negative terms without their sign."""
    if isinstance(e, Let):
        return ()
    if isinstance(e, Transpose) and isinstance(e.arg, Conj):
        return (e.arg, e.arg.arg)
    if isinstance(e, (Add, BroadcastAdd)):
        first, *rest = e.operands
        return (first, *(negate(t) if is_negative(t) else t for t in rest))
    return e.operands


def _write(e: Expr, done: Written) -> str:
    writer = _WRITERS.get(type(e))
    if writer is not None:
        return writer(e, done)
    assert isinstance(e, Operator)
    name, args = e.call()
    return f"{name}({','.join(a.replace('**', '^') if isinstance(a, str) else done[a] for a in args)})"


def _within(e: Expr, least: int, done: Written) -> str:
    return done[e] if binds(e) >= least else f"({done[e]})"


def _symbol(e: Expr, done: Written) -> str:
    assert isinstance(e, (Symbol, Let))
    return e.name


def _number(e: Expr, done: Written) -> str:
    assert isinstance(e, Number)
    return "1i" if e.value is sp.I else str(e.value)


def _sum(e: Expr, done: Written) -> str:
    plus, minus = (" + ", " - ") if isinstance(e, Add) else (" .+ ", " .- ")
    first, *rest = e.operands
    out = [_within(first, SUM, done)]
    for t in rest:
        negative = is_negative(t)
        out.append(minus if negative else plus)
        out.append(_within(negate(t) if negative else t, TERM, done))
    return "".join(out)


def _hadamard(e: Expr, done: Written) -> str:
    c, rest = coefficient(e)
    factors = rest.args if isinstance(rest, Hadamard) else (rest,)
    out = "-" if c < 0 else ""
    top = abs(c).p
    parts = [str(top)] if top != 1 else []
    for k, f in enumerate(factors):
        first = not out and not parts and k == 0
        loose = isinstance(f, Product) and not (k and not f.is_scalar and not factors[k - 1].is_scalar)
        written = done[f] if loose or (first and binds(f) >= TERM) else _within(f, PREFIX, done)
        joint = ".*" if k and not factors[k - 1].is_scalar else "*"
        parts.append((joint if parts else "") + written)
    out += parts[0] + "".join(p if p[0] in ".*" and k else "*" + p for k, p in enumerate(parts[1:], 1))
    return out + (f"/{c.q}" if c.q != 1 else "")


def _product(e: Expr, done: Written) -> str:
    return "*".join(_within(f, PREFIX, done) for f in e.operands)


def _quotient(e: Expr, done: Written) -> str:
    assert isinstance(e, Quotient)
    sign = "/" if e.below.is_scalar else "./"
    above = _within(e.above, TERM, done)
    return above + sign + _within(e.below, PREFIX, done)


def _power(e: Expr, done: Written) -> str:
    assert isinstance(e, (Power, MatrixPower))
    scalar = e.is_scalar or isinstance(e, MatrixPower)
    return _within(e.base, POSTFIX, done) + ("^" if scalar else ".^") + _within(e.exponent, ATOM, done)


def _transpose(e: Expr, done: Written) -> str:
    assert isinstance(e, Transpose)
    return _within(e.arg, POSTFIX, done) + "'"


def _item(e: Expr, done: Written) -> str:
    assert isinstance(e, Item)
    inside = done[e.arg] if isinstance(e.arg, (Symbol, Let)) else f"({done[e.arg]})"
    places = [str(p) if p else ":" for p in (e.row, e.col)]
    if e.arg.ndim == 1:
        return f"{inside}({places[0]})"
    return f"{inside}({places[0] if e.arg.rows != 1 else '1'},{places[1]})"


def _slice(e: Expr, done: Written) -> str:
    """``A(:,1:2)``; of one row or column that was cut out, ``A(3,1:2)``."""
    assert isinstance(e, Slice)
    arg: Expr = e.arg
    places = [_ends(r) for r in (e.rows_taken, e.cols_taken)]
    if isinstance(arg, Item) and arg.arg.ndim == 2 and 1 not in (arg.arg.rows, arg.arg.cols):
        places = [str(k) if k else p for k, p in zip((arg.row, arg.col), places, strict=True)]
        arg = arg.arg
    inside = done[arg] if isinstance(arg, (Symbol, Let)) else f"({done[arg]})"
    if arg.ndim == 1:
        return f"{inside}({places[0]})"
    return f"{inside}({places[0] if arg.rows != 1 else '1'},{places[1]})"


def _ends(taken: Range | None) -> str:
    if taken is None:
        return ":"
    return f"{dim_text(taken[0])}:{dim_text(plus_dim(*taken, -1))}"


def _selector(e: Expr, done: Written) -> str:
    assert isinstance(e, Selector)
    return f"eye({dim_text(e.total)})(:,{_ends((e.start, e.count))})"


def _lower_ones(e: Expr, done: Written) -> str:
    assert isinstance(e, LowerOnes)
    return f"tril(ones({dim_text(e.dim)},{dim_text(e.dim)}))"


_WRITERS: dict[type[Expr], Callable[[Expr, Written], str]] = {
    Symbol: _symbol,
    TensorSymbol: _symbol,
    GradientSymbol: _symbol,
    JacobianSymbol: _symbol,
    DifferentialSymbol: _symbol,
    Let: _symbol,
    Number: _number,
    Add: _sum,
    BroadcastAdd: _sum,
    Hadamard: _hadamard,
    Product: _product,
    Quotient: _quotient,
    Power: _power,
    MatrixPower: _power,
    Transpose: _transpose,
    Item: _item,
    Slice: _slice,
    LowerOnes: _lower_ones,
    Selector: _selector,
}
