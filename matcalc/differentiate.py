"""Derivatives: pullbacks found from the operators' own definitions, and the reverse sweep.

Each operator states one linear thing, its differential; index networks transpose it. The pullback
of an operator is derived once, on placeholders, kept as a rule, and filled in by substitution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import Dim, DimSymbol, Shape, is_unit, same_dim, shape_text
from matcalc.errors import NotDifferentiableError, UnsupportedError
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Hadamard,
    Let,
    Number,
    Operator,
    Product,
    Symbol,
    add,
    brief,
    hadamard,
    spread,
    substitute,
)
from matcalc.index import At, axis, flat
from matcalc.network import Lowering, Network, contract_all, split_composites, tie
from matcalc.node import postorder
from matcalc.ops.structure import zeros
from matcalc.ops.tensors import TensorSymbol
from matcalc.rules.closed_form import NoMatrixForm, read_off, reduced
from matcalc.rules.einsum_form import einsum_form
from matcalc.scalar import Scalars, partial
from matcalc.simplify import simplify_all


# ------------------------------------------------------------------ one operator
def differential(op: Operator, k: int, d: Expr) -> Expr:
    """What ``op`` changes by, to first order, when operand ``k`` changes by ``d``."""
    require_analytic(op, k)
    if isinstance(op, Entrywise) and type(op).differential is Operator.differential:
        slope = partial(op, k)
        shape = (op.rows, op.cols)
        slope = slope if slope.is_scalar else spread(slope, shape)
        return hadamard(slope, spread(d, shape) if d.is_scalar else d)
    return op.differential(k, d)


def require_analytic(op: Operator, k: int) -> None:
    """Refuse to differentiate by something complex what has no complex derivative."""
    if op.operands[k].is_complex and not op.analytic:
        raise NotDifferentiableError(f"{op.name} of something complex, in {brief(op)}, has no complex derivative here")


def placeholder(e: Expr, name: str) -> Symbol:
    """A symbol in the shape of ``e``; a name with a blank is none that a user's symbol has."""
    shape = (e.rows, e.cols)
    return Symbol(name, shape, ()) if e.axes is None else TensorSymbol(name, shape, (), e.axes)


def change_of(e: Expr, name: str) -> Symbol:
    """The placeholder for a change of ``e``."""
    return placeholder(e, f"d {name}")


def addends(linear: Expr, d: Expr) -> list[Expr]:
    """The terms of an expression linear in ``d``, with the sums that contain ``d`` multiplied out."""
    holds: dict[Expr, bool] = {}
    for node in postorder([linear], lambda e: e.operands):
        holds[node] = node is d or any(holds[c] for c in node.operands)
    if not holds[linear]:
        return []
    terms: dict[Expr, list[Expr]] = {}
    for node in postorder([linear], lambda e: [c for c in e.operands if holds[c]]):
        if node is d or not node.operands:
            terms[node] = [node]
        elif isinstance(node, Add):
            terms[node] = [t for c in node.args if holds[c] for t in terms[c]]
        elif isinstance(node, BroadcastAdd):
            terms[node] = [spread(t, (node.rows, node.cols)) for c in node.operands if holds[c] for t in terms[c]]
        else:
            inside = [c for c in node.operands if holds[c]]
            assert len(inside) == 1, f"{node} is not linear in {d}"
            terms[node] = [node.rebuild([t if c is inside[0] else c for c in node.operands]) for t in terms[inside[0]]]
    return terms[linear]


def adjoint_networks(linear: Expr, d: Expr, upstream: Expr, lowering: Lowering) -> list[tuple[Network, At, At]]:
    """``sum_ij upstream_ij linear_ij`` as networks with the factor ``d`` taken out, each with its free indices."""
    found = []
    for term in addends(linear, d):
        i, j = axis(linear.rows), axis(linear.cols)
        net = Network(bound=[x for x in (i, j) if x is not None])
        lowering.lower(upstream, i, j, net)
        lowering.lower(term, i, j, net)
        rest = taken_out(net, d, lowering)
        if net.coefficient == 0:
            continue
        if rest is None:
            raise NoMatrixForm(f"an operator in {brief(term)} does not divide into entries")
        found.append(rest)
    return found


def taken_out(net: Network, d: Expr, lowering: Lowering) -> tuple[Network, At, At] | None:
    """A closed network without its factor ``d``, the axes of Kronecker products taken apart as far as that needs."""
    rest = net.freed(d)
    for force in (False, True):
        rest = rest or split_composites(tie(net, [])[0], [], lowering, force).freed(d)
    return rest


def adjoint(linear: Expr, d: Symbol, upstream: Expr, *, always: bool = False) -> Expr:
    """The ``answer`` with ``sum_ij upstream_ij linear_ij = sum_kl answer_kl d_kl``, in matrix form.

    A term that has none is an einsum if ``always``.

    Raises
    ------
    NoMatrixForm
        If a term of it has none.
    """
    if _goes_through(linear, d):
        return reverse_sweep(linear, upstream, [d])[0]
    scalars = Scalars()
    lowering = Lowering(scalars, opaque=lambda e: e is d)
    terms = []
    for net, row, col in adjoint_networks(linear, d, upstream, lowering):
        value, body = read_back(net, row, col, lowering, always=always)
        scale = scalars.back(value)
        terms.append(scale if body is None else hadamard(scale, body))
    return add(*terms) if terms else zeros(d.rows, d.cols)


def read_back(net: Network, row: At, col: At, lowering: Lowering, *, always: bool) -> tuple[sp.Expr, Expr | None]:
    """A network with these free indices as a coefficient and an array (None for a scalar).

    Raises
    ------
    NoMatrixForm
        If it has no matrix form, and ``always`` does not ask for an einsum then.
    """
    rows, cols = flat(row), flat(col)
    done, became = contract_all(net, [*rows, *cols], lowering)
    try:
        g = reduced(done, [v for v in became if v is not None], lowering.scalars)
        if len(rows) <= 1 and len(cols) <= 1:
            first = became[0] if rows else None
            return g.coefficient, read_off(g, first, became[-1] if cols else None)
    except NoMatrixForm as reason:
        if not always or reason.graph is None:
            raise
        g = reason.graph
    return g.coefficient, einsum_form(g, became[: len(rows)], became[len(rows) :])


def _goes_through(linear: Expr, d: Expr) -> bool:
    """Whether ``d`` sits in a linear operator that does not dissolve into indices, and knows its adjoint."""
    holders: set[Expr] = {d}
    for node in postorder([linear], lambda e: e.operands):
        if any(c in holders for c in node.operands):
            holders.add(node)
            if isinstance(node, Operator) and not node.structural and type(node).pullback is not Operator.pullback:
                return True
    return False


# ------------------------------------------------------------------ pullbacks, derived once
@dataclass(frozen=True)
class Pullback:
    """A pullback rule: the gradient by one operand, over placeholders."""

    operator: Operator  # the operator on placeholders
    operand: int
    upstream: Symbol
    value: Symbol  # stands for the operator's own result
    gradient: Expr
    dims: dict[Dim, Dim]


_RULES: dict[tuple[object, ...], Pullback | None] = {}
NAMES = "ABCDEFGH"


def regroup(op: Operator, k: int) -> tuple[Operator, int]:
    """An n-ary operator as one of at most three operands around operand ``k``, the others grouped."""
    if isinstance(op, Product) and len(op.args) > 2:
        before, after = op.args[:k], op.args[k + 1 :]
        parts = [_grouped(p) for p in (before, (op.args[k],), after) if p]
        return Product(tuple(parts)), int(bool(before))
    if isinstance(op, Hadamard) and len(op.args) > 2:
        others = [e for i, e in enumerate(op.args) if i != k]
        rest = hadamard(*others)
        pair = (rest, op.args[k])
        if op.args[k].is_scalar and not rest.is_scalar:
            pair = (op.args[k], rest)
        return Hadamard(pair), pair.index(op.args[k]) if pair[0] is not pair[1] else 1
    return op, k


def _grouped(args: tuple[Expr, ...]) -> Expr:
    return args[0] if len(args) == 1 else Product(args)


def pull(op: Operator, k: int, upstream: Expr) -> Expr:
    """The gradient by operand ``k`` of ``op``, given the gradient ``upstream`` by its value.

    Raises
    ------
    UnsupportedError
        If it has no form in matrix notation.
    """
    if isinstance(op, Add):
        return upstream
    require_analytic(op, k)
    special = op.pullback(k, upstream)
    if special is not None:
        return special
    op, k = regroup(op, k)
    rule = None if op.pulled_in_place else rule_for(op, k)
    if rule is None:
        return _pull_here(op, k, upstream)
    values: dict[Expr, Expr] = {rule.upstream: upstream, rule.value: op}
    values.update(zip(rule.operator.operands, op.operands, strict=True))
    back = {v: d for d, v in rule.dims.items()}
    return substitute(rule.gradient, values, lambda d: back.get(d, d))


def _pull_here(op: Operator, k: int, upstream: Expr) -> Expr:
    """The pullback at this place, where no rule holds for every upstream gradient."""
    operand = op.operands[k]
    (upstream,) = simplify_all([upstream])
    d = change_of(operand, NAMES[k])
    linear = differential(op, k, d)
    parts = upstream.args if isinstance(upstream, Add) else (upstream,)
    try:
        return add(*(adjoint(linear, d, part, always=True) for part in parts))
    except NoMatrixForm as reason:
        raise UnsupportedError(
            f"the gradient of {op.name}, in {brief(op)}, by {brief(operand)} has no form in matrix notation: {reason}"
        ) from None


def rule_for(op: Operator, k: int) -> Pullback | None:
    """The pullback rule for an operator on operands of these shapes; None where there is none for all of them."""
    dims: dict[Dim, Dim] = {}
    shapes = [_abstract(e, dims) for e in op.operands]
    own = tuple(p for p in op.parts if isinstance(p, Number) or not isinstance(p, (Expr, tuple)))
    own += tuple(e for e in op.operands if isinstance(e, Number))
    key = (type(op), k, tuple(shapes), own)
    if key not in _RULES:
        _RULES[key] = _derive_rule(op, k, shapes, dims)
    rule = _RULES[key]
    return rule if rule is None else Pullback(rule.operator, rule.operand, rule.upstream, rule.value, rule.gradient, dims)


def _abstract(e: Expr, dims: dict[Dim, Dim]) -> Shape:
    """The shape of an operand with every dimension but 1 replaced by a placeholder."""
    pair: list[Dim] = []
    for d in (e.rows, e.cols):
        if not is_unit(d) and d not in dims:
            known = next((v for x, v in dims.items() if same_dim(x, d)), None)
            dims[d] = known if known is not None else DimSymbol(f"d{len(dims)}")
        pair.append(1 if is_unit(d) else dims[d])
    return pair[0], pair[1]


def _derive_rule(op: Operator, k: int, shapes: Sequence[Shape], dims: dict[Dim, Dim]) -> Pullback | None:
    holders = [
        e if isinstance(e, Number) else Symbol(NAMES[i], shape, ())
        for i, (e, shape) in enumerate(zip(op.operands, shapes, strict=True))
    ]
    ready = type(op)(tuple(holders)) if isinstance(op, (Product, Hadamard)) else op.rebuild(holders, lambda d: dims.get(d, d))
    if not isinstance(ready, Operator) or type(ready) is not type(op):
        return None
    upstream = Symbol("G", (ready.rows, ready.cols), ())
    value = Symbol("Y", (ready.rows, ready.cols), ())
    d = change_of(holders[k], NAMES[k])
    try:
        linear = substitute(differential(ready, k, d), {ready: value})
        gradient = adjoint(linear, d, upstream)
    except (NoMatrixForm, UnsupportedError):  # asked again at the place itself, which has the user's names
        return None
    return Pullback(ready, k, upstream, value, gradient, {})


# ------------------------------------------------------------------ the reverse sweep
def reverse_sweep(f: Expr, upstream: Expr, wrt: Sequence[Symbol]) -> list[Expr]:
    """Gradients of ``sum(upstream .* f)`` by every symbol of ``wrt``, in one sweep over the shared graph."""
    targets = set(wrt)
    order = list(postorder([f], lambda e: e.operands))
    active: set[Expr] = set()
    for node in order:
        if node in targets or any(c in active for c in node.operands):
            active.add(node)
    gathered: dict[Expr, list[Expr]] = {f: [upstream]}
    for node in reversed(order):
        if node not in active or node not in gathered or node in targets:
            continue
        gradient = add(*gathered.pop(node))
        for k, operand in enumerate(node.operands):
            if operand in active:
                contribution = gradient if isinstance(node, Let) else pull(node, k, gradient)  # type: ignore[arg-type]
                if not (same_dim(contribution.rows, operand.rows) and same_dim(contribution.cols, operand.cols)):
                    raise AssertionError(
                        f"the gradient by {brief(operand)} came out {shape_text((contribution.rows, contribution.cols))}"
                    )
                gathered.setdefault(operand, []).append(contribution)
    return [add(*gathered[w]) if w in gathered else zeros(w.rows, w.cols) for w in wrt]


# ------------------------------------------------------------------ the forward push
def push(f: Expr, tangents: Mapping[Symbol, Expr]) -> Expr:
    """What ``f`` changes by, to first order, when each symbol changes by its tangent."""
    changes: dict[Expr, Expr] = {}
    for node in postorder([f], lambda e: e.operands):
        if isinstance(node, Symbol) and node in tangents:
            changes[node] = tangents[node]
            continue
        parts = [(k, changes[c]) for k, c in enumerate(node.operands) if c in changes]
        if parts:
            found = [d if isinstance(node, Let) else differential(node, k, d) for k, d in parts]  # type: ignore[arg-type]
            changes[node] = add(*found)
    return changes.get(f, zeros(f.rows, f.cols))
