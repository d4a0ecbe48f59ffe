"""Products of matrices that have a name: squared norms, one inverse for two, softmax by rows."""

from __future__ import annotations

from itertools import pairwise

import sympy as sp

from matcalc.expr import (
    Expr,
    Number,
    Product,
    Transpose,
    power,
)
from matcalc.ops.elementwise import Exp
from matcalc.ops.linalg import Inverse
from matcalc.ops.reductions import Softmax, Total
from matcalc.ops.structure import Diag
from matcalc.rules.chain import entrywise_powers, product_of, turn
from matcalc.rules.naming_entrywise import with_factor
from matcalc.rules.naming_parts import (
    factors,
    joined,
    norm_of,
    row_sums,
)


def squared_norm(e: Expr) -> Expr | None:
    """``norm2(A*x)^2`` for ``x'*A'*A*x``."""
    norm = norm_of(e)
    return None if norm is None else power(norm, Number(sp.Integer(2)))


def inverses(e: Expr) -> Expr | None:
    """``inv(B*A)`` for ``inv(A)*inv(B)``."""
    assert isinstance(e, Product)
    args = e.args
    for k, (a, b) in enumerate(pairwise(args)):
        new: Expr | None = None
        match a, b:
            case Inverse(x), Inverse(y):
                new = Inverse(product_of([*factors(y), *factors(x)]))
            case Transpose(Inverse(x)), Transpose(Inverse(y)):
                new = Transpose(Inverse(product_of([*factors(x), *factors(y)])))
        if new is not None:
            return product_of([*args[:k], new, *args[k + 2 :]])
    return None


def row_softmax(e: Expr) -> Expr | None:
    """``softmax(X,2)`` for ``diag(1./sum(exp(X),2))*exp(X)``, and the like of columns."""
    assert isinstance(e, Product)
    args = e.args
    for k, (a, b) in enumerate(pairwise(args)):
        for axis, weights, body in ((1, a, b), (0, b, a)):
            if not isinstance(weights, Diag):
                continue
            powers = entrywise_powers([weights.arg])
            for base, p in powers.items():
                total = row_sums(base) if axis else turn(base)
                if p == -1 and isinstance(total, Total) and total.axis == axis and isinstance(total.arg, Exp):
                    inside = with_factor(body, total.arg, Softmax(total.arg.arg, axis), entrywise=True)
                    if inside is not None:
                        left = joined({q: r for q, r in powers.items() if q is not base}, weights.arg)
                        return product_of(
                            [*args[:k], *((Diag(left), inside) if axis else (inside, Diag(left))), *args[k + 2 :]]
                        )
    return None


PRODUCTS = (squared_norm, inverses, row_softmax)
