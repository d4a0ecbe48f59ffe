"""A multiplier taken out of functions of arrays, so that the sum over them can be solved for it."""

from __future__ import annotations

from matcalc.differentiate import change_of, push
from matcalc.expr import (
    ONE,
    Expr,
    Ones,
    Operator,
    Power,
    Product,
    Symbol,
    Transpose,
    hadamard,
    quotient,
    spread,
    substitute,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Exp, Sqrt
from matcalc.ops.structure import zeros
from matcalc.simplify import simplify_all
from matcalc.solving.equations import (
    apart,
    depends,
    over,
    simplified,
)
from matcalc.solving.exponentials import factors_and_divisors


def pulled_out(g: Expr, x: Symbol) -> Expr:
    """``g`` with the unknown taken out of functions of arrays: ``exp(c*x)*exp(a)`` for ``exp(a .+ c*x)``, and out of roots."""
    changes: dict[Expr, Expr] = {}
    for node in postorder([g], lambda e: e.operands):
        if not depends(node, x):
            continue
        if isinstance(node, Exp):
            apart_from_x = _out_of_exponent(node, x)
        elif isinstance(node, (Sqrt, Power)) and x.is_scalar and not node.is_scalar:
            apart_from_x = _out_of_root(node, x)
        else:
            continue
        if apart_from_x is not None:
            changes[node] = apart_from_x
    return simplify_all([substitute(g, changes)])[0] if changes else g


def _out_of_exponent(node: Exp, x: Symbol) -> Expr | None:
    """``exp(c*x)*exp(a)`` for ``exp(a .+ c*x)`` with a scalar ``x``, or a column that is stretched."""
    d = change_of(x, x.name)
    stretched = simplified(push(node.arg, {x: d}))
    above, body, below = apart(stretched)
    if depends(stretched, x):
        return None
    if x.is_scalar and isinstance(body, Ones) and d in above:
        power: Expr = Exp(substitute(over(ONE, above, below), {d: x}))
    elif isinstance(body, Product) and len(body.args) == 2 and body.args[0] is d and is_ones_row(body.args[1]):
        power = spread(Exp(over(x, above, below)), (node.rows, node.cols))
    else:
        return None
    return hadamard(power, Exp(simplified(substitute(node.arg, {x: zeros(x.rows, x.cols)}))))


def _out_of_root(node: Operator, x: Symbol) -> Expr | None:
    """``(s*a).^p`` as ``s^p*a.^p`` for a scalar ``s`` that holds ``x`` and a positive ``a``, so that ``s`` is positive too."""
    above, below = factors_and_divisors(node.operands[0])
    scale = over(ONE, [a for a in above if a.is_scalar], [b for b in below if b.is_scalar])
    body = hadamard(*(a for a in above if not a.is_scalar))
    divisor = hadamard(*(b for b in below if not b.is_scalar))
    body = body if divisor is ONE else quotient(body, divisor)
    if body.is_scalar or body.sign != 2 or depends(body, x) or any(depends(e, x) for e in node.operands[1:]):
        return None
    rest = body if isinstance(body, Ones) else node.rebuild([body, *node.operands[1:]])
    return hadamard(node.rebuild([scale, *node.operands[1:]]), rest)


def is_ones_row(e: Expr) -> bool:
    """Whether ``e`` is ``ones(n)'``."""
    return isinstance(e, Transpose) and isinstance(e.arg, Ones)
