"""Sums, entrywise products, quotients and powers; symbols and names."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.dims import Dim, is_unit
from matcalc.emit.contractions.known_halves import by_known_half
from matcalc.emit.forms import REPEATED, Form, Kind
from matcalc.emit.lowering.chains import scaled_product
from matcalc.emit.planner import Planner, lowers
from matcalc.emit.values import Value
from matcalc.expr import Add, BroadcastAdd, Expr, Hadamard, Let, Number, Power, Quotient, Symbol, coefficient, rational
from matcalc.ops.elementwise import Exp, Log, Sigmoid, Softplus
from matcalc.ops.linalg import Det
from matcalc.ops.reductions import Norm2, NormF
from matcalc.ops.tensors import TensorSymbol


@lowers(Symbol, TensorSymbol)
def lower_symbol(planner: Planner, e: Symbol | TensorSymbol) -> Form:
    return planner.shaped(planner.b.leaf("symbol", e.name, integer=e.name in planner.integers), e)


@lowers(Let)
def lower_let(planner: Planner, e: Let) -> Form:
    inner = planner.value(e.arg)
    v = planner.b.leaf("let", e)
    v.code, v.args, v.name = "#1", (inner,), e.name
    return planner.shaped(v, e)


@lowers(Add, BroadcastAdd)
def lower_add(planner: Planner, e: Add | BroadcastAdd) -> Form:
    """A sum; the terms with a minus sign are subtracted, a positive one comes first."""
    order: list[tuple[bool, Form]] = []
    shape = (e.rows, e.cols)
    flat = is_unit(e.rows) or is_unit(e.cols)
    for t in e.operands:
        c, _ = coefficient(t)
        negative = c < 0 and isinstance(t, Hadamard) and t not in planner.given
        f = times(planner, -c, t.operands[1:], t) if negative else planner.form[t]
        if f.is_vector and not flat:
            kind: Kind = "all" if f.kind == "all" else "col" if is_unit(f.cols) else "row"
            f = Form(kind, f.value if kind == "all" else planner.f.full(f), *shape)
        order.append((negative, f))
    lead = next((k for k, (negative, _) in enumerate(order) if not negative), 0)
    order.insert(0, order.pop(lead))
    first = order[0][0]
    if all(f.kind == "diag" for _, f in order):
        return Form("diag", _sum(planner, [(s, f.value) for s, f in order], first), *shape)
    if planner.backend.blas and any(f.kind == "full" and not f.is_scalar for _, f in order) and not flat:
        return _with_diagonal(planner, order, *shape)
    return planner.f.entrywise(
        lambda vs: _sum(planner, [(s, v) for (s, _), v in zip(order, vs, strict=True)], first), [f for _, f in order], *shape
    )


def _with_diagonal(planner: Planner, order: list[tuple[bool, Form]], rows: Dim, cols: Dim) -> Form:
    """A sum of matrices of which some are diagonal: those are added to the diagonal alone."""
    diagonal = [(minus, f) for minus, f in order if f.kind in ("diag", "eye")]
    rest = [(minus, f) for minus, f in order if f.kind not in ("diag", "eye")]
    total = planner.f.entrywise(
        lambda vs: _sum(planner, [(s, v) for (s, _), v in zip(rest, vs, strict=True)], rest[0][0]),
        [f for _, f in rest], rows, cols,
    )  # fmt: skip
    if not diagonal:
        return total
    entries = [(minus, _on_diagonal(planner, f)) for minus, f in diagonal]
    value = planner.b.make("add_diagonal(#1, #2)", total.value, _sum(planner, entries, entries[0][0]))
    planner.f.ledger.note(value, passed=planner.f.entries(total))
    return Form("full", value, rows, cols)


def _on_diagonal(planner: Planner, f: Form) -> Value:
    if f.kind == "eye":
        return planner.b.const(1)
    return f.value.args[1] if f.value.code == REPEATED else f.value


def _sum(planner: Planner, terms: Sequence[tuple[bool, Value]], negative: bool) -> Value:
    out = planner.b.neg(terms[0][1]) if negative else terms[0][1]
    for minus, v in terms[1:]:
        out = planner.b.sub(out, v) if minus else planner.b.add(out, v)
    return out


@lowers(Hadamard)
def lower_hadamard(planner: Planner, e: Hadamard) -> Form:
    if (known := by_known_half(planner, e)) is not None:
        return known
    c, _ = coefficient(e)
    return times(planner, c, e.operands if rational(e.operands[0]) is None else e.operands[1:], e)


def times(planner: Planner, c: object, factors: Sequence[Expr], e: Expr) -> Form:
    """A rational number times factors, entry by entry; scalars meet the smallest array."""
    b = planner.b
    scalars = [planner.value(s) for s in factors if s.is_scalar]
    arrays = [a for a in factors if not a.is_scalar]
    number = b.rational(c)  # type: ignore[arg-type]
    s = b.fold(b.mul, [number, *scalars])
    if not arrays:
        return planner.shaped(s, e)
    if len(arrays) == 1:
        return scaled_product(planner, s, b.mul, arrays[0])
    body = planner.f.entrywise(lambda vs: b.fold(b.mul, vs), [planner.form[a] for a in arrays], e.rows, e.cols)
    return planner.f.scale(s, body)


@lowers(Quotient)
def lower_quotient(planner: Planner, e: Quotient) -> Form:
    if e.below.is_scalar and not e.above.is_scalar:
        return scaled_product(planner, planner.value(e.below), lambda s, v: planner.b.div(v, s), e.above)
    return planner.f.entrywise(lambda vs: planner.b.div(*vs), [planner.form[e.above], planner.form[e.below]], e.rows, e.cols)


@lowers(Power)
def lower_power(planner: Planner, e: Power) -> Form:
    exponent = rational(e.exponent)
    if isinstance(e.base, (Norm2, NormF)) and exponent == 2 and planner.uses[e.base] <= 1 and not e.base.arg.is_complex:
        v = planner.value(e.base.arg)  # a square needs no root
        is_line = v.shape is not None and len(v.shape) == 1
        if is_line:
            return planner.shaped(planner.b.make("#1 @ #2", v, v), e)
        return planner.shaped(planner.b.make("np.sum(#1)", planner.b.make("np.square(#1)", v)), e)
    return planner.f.entrywise(
        lambda vs: planner.b.power(vs[0], vs[1], exponent), [planner.form[e.base], planner.form[e.exponent]], e.rows, e.cols
    )


@lowers(Exp)
def lower_exp(planner: Planner, e: Exp) -> Form:
    """An exponential; where it is only used over its sums, with the largest exponent taken out."""
    if e not in planner.shifted:
        return planner.entrywise(e)
    b, arg, axis = planner.b, planner.f.dense(planner.form[e.arg]), planner.shifted[e]
    if axis is None or arg.is_vector:
        top = b.make("np.max(#1)", arg.value)
    else:
        largest = b.make("np.max(#1, axis=#2)", arg.value, b.const(axis))
        top = b.make("#1[:, None]" if axis == 1 else "#1[None, :]", largest)
    return planner.shaped(b.make("np.exp(#1)", b.sub(arg.value, top)), e)


@lowers(Log)
def lower_log(planner: Planner, e: Log) -> Form:
    """A logarithm; of a determinant that is known to be positive without the determinant, which may overflow."""
    arg = e.arg
    if isinstance(arg, Det) and isinstance(arg.arg, Symbol) and arg.arg.has("psd"):
        return planner.shaped(planner.f.solver.logdet(planner.square(arg.arg), planner.sizes.of(arg.arg.rows)), e)
    if isinstance(arg, Det) and not arg.is_complex and not arg.arg.is_scalar:
        parts = planner.b.make("np.linalg.slogdet(#1)", planner.f.plane(planner.form[arg.arg]))
        sign, size = (planner.b.make(f"#1[{k}]", parts) for k in (0, 1))
        return planner.shaped(planner.b.add(size, planner.b.make("np.log(#1)", sign)), e)  # not a number where negative
    if isinstance(arg, Sigmoid) and not arg.is_complex:
        b = planner.b
        return planner.f.entrywise(
            lambda vs: b.neg(b.make(Softplus.code, b.neg(vs[0]))), [planner.form[arg.arg]], e.rows, e.cols
        )
    return planner.entrywise(e)


@lowers(Number)
def lower_number(planner: Planner, e: Number) -> Form:
    return planner.shaped(planner.b.number(e.value), e)
