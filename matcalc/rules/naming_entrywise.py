"""Entrywise products and quotients that have a name: ``sigmoid``, ``tanh``, ``softmax``, ``sign``, powers of norms."""

from __future__ import annotations

import sympy as sp

from matcalc.dims import same_dim
from matcalc.expr import (
    Add,
    Expr,
    Hadamard,
    Number,
    Product,
    Quotient,
    Transpose,
    add,
    hadamard,
    negate,
    quotient,
)
from matcalc.ops.elementwise import Abs, Cosh, Exp, Sigmoid, Sign, Sinh, Tanh
from matcalc.ops.linalg import Det
from matcalc.ops.reductions import Softmax, Total
from matcalc.ops.structure import Diag
from matcalc.rules.chain import entrywise_powers, product_of
from matcalc.rules.naming_parts import (
    exponents,
    factors,
    half,
    joined,
    minus,
    norm_of,
    pop_power,
    row_sums,
    unspread,
)

DEEPEST = 8  # levels of products of products that a factor is looked for in


def logistic(e: Expr) -> Expr | None:
    """``sigmoid(u)`` for ``exp(u)./(1 + exp(u))``, and ``tanh(u)`` for quotients of sums of two exponentials."""
    powers = entrywise_powers([e])
    for base, p in powers.items():
        pair = exponents(base) if p.is_Integer and p < 0 else None
        if pair is None:
            continue
        rest = {b: q for b, q in powers.items() if b is not base}
        u, v = pair
        above, below = pop_power(rest, u), pop_power(rest, v)
        k = -p
        if u is None and v is not None:  # 1 + exp(v)
            first = min(max(below, sp.Integer(0)), k)
            found = {Sigmoid(v): first, Sigmoid(negate(v)): k - first, Exp(v): below - first}
        elif above + below >= k and above >= 0 and below >= 0:
            assert u is not None
            assert v is not None
            first = min(above, k)
            w = minus(u, v)
            found = {
                Sigmoid(w): first, Sigmoid(negate(w)): k - first, Exp(u): above - first, Exp(v): below - (k - first),
            }  # fmt: skip
        else:
            continue
        return joined({**rest, **{b: rest.get(b, 0) + q for b, q in found.items()}}, e)
    return None


def hyperbolic(e: Expr) -> Expr | None:
    """``tanh(u)`` for ``sinh(u)./cosh(u)``, and ``tanh((u - v)/2)`` for ``(exp(u) - exp(v))./(exp(u) + exp(v))``."""
    powers = entrywise_powers([e])
    for base, p in powers.items():
        if not (p.is_Integer and p < 0):
            continue
        for other, q in powers.items():
            name = tanh_of(other, base) if q.is_Integer and q > 0 else None
            if name is not None:
                k = min(q, -p)
                rest = {**powers, base: p + k, other: q - k}
                rest[name] = rest.get(name, sp.Integer(0)) + k
                return joined(rest, e)
    return None


def tanh_of(above: Expr, below: Expr) -> Expr | None:
    """The hyperbolic tangent that a quotient is."""
    if isinstance(below, Cosh) and isinstance(above, Sinh) and below.arg is above.arg:
        return Tanh(below.arg)
    total, difference = exponents(below), exponents(above, -1)
    if total is None or difference is None or difference not in (total, total[::-1]):
        return None
    return Tanh(half(minus(*difference)))


def signs(e: Expr) -> Expr | None:
    """``sign(x)`` for ``x./abs(x)``, and ``x.^2`` for ``abs(x).^2``."""
    powers = entrywise_powers([e])
    for base, p in powers.items():
        if not isinstance(base, Abs) or base.arg.is_complex or not p.is_Integer:
            continue
        x = base.arg
        q = powers.get(x, sp.Integer(0))
        rest = {b: r for b, r in powers.items() if b is not base and b is not x}
        if p % 2 == 0:
            return joined({**rest, x: q + p}, e)
        if q.is_Integer and q % 2:
            return joined({**rest, x: q + p, Sign(x): rest.get(Sign(x), sp.Integer(0)) + 1}, e)
    return None


def norm_powers(e: Expr) -> Expr | None:
    """``norm2(x)^3`` for ``(x'*x)^(3/2)``, and the like of matrices."""
    if not e.is_scalar:
        return None
    powers = entrywise_powers([e])
    new = dict(powers)
    for base, p in powers.items():
        norm = norm_of(base)
        if norm is not None:
            del new[base]
            new[norm] = new.get(norm, sp.Integer(0)) + 2 * p
    return joined(new, e)


def exponentials(e: Expr) -> Expr | None:
    """``exp(x + y)`` for ``exp(x).*exp(y)``."""
    powers = entrywise_powers([e])
    found = [b for b, p in powers.items() if isinstance(b, Exp) and p.is_Integer]
    if len(found) < 2 or any(b.shape != found[0].shape for b in found):
        return None
    total = add(*(hadamard(Number(powers[b]), b.arg) for b in found if isinstance(b, Exp)))
    rest = {b: p for b, p in powers.items() if b not in set(found)}
    new = Exp(total)
    return joined({**rest, new: rest.get(new, sp.Integer(0)) + 1}, e)


def determinants(e: Expr) -> Expr | None:
    """``det(A*B)`` for ``det(A)*det(B)``."""
    if not e.is_scalar:
        return None
    powers = entrywise_powers([e])
    dets = [b for b in powers if isinstance(b, Det)]
    for k, a in enumerate(dets):
        for b in dets[k + 1 :]:
            if powers[a] == powers[b] and same_dim(a.arg.rows, b.arg.rows):
                new = Det(product_of([*factors(a.arg), *factors(b.arg)]))
                rest = {base: p for base, p in powers.items() if base is not a and base is not b}
                return joined({**rest, new: powers[a]}, e)
    return None


def normalised(e: Expr) -> Expr | None:
    """``softmax(x)`` for ``exp(x)/sum(exp(x))``, wherever in a product the exponential stands."""
    powers = entrywise_powers([e])
    for base, p in powers.items():
        total = row_sums(unspread(base))
        if p.is_Integer and p < 0 and isinstance(total, Total) and isinstance(total.arg, Exp):
            rest = joined({b: q for b, q in powers.items() if b is not base}, e)
            for _ in range(int(-p)):
                new = with_factor(rest, total.arg, Softmax(total.arg.arg, total.axis), entrywise=not base.is_scalar)
                if new is None:
                    break
                rest, p = new, p + 1
            if p != powers[base]:
                return rest if p == 0 else joined({rest: sp.Integer(1), base: p}, e)
    return None


def with_factor(e: Expr, old: Expr, new: Expr, depth: int = DEEPEST, *, entrywise: bool = False) -> Expr | None:
    """``e`` with one factor ``old`` replaced, where ``e`` is a multiple of it.

    A scalar multiple of ``old`` may be transposed, on a diagonal or in a product of matrices; what differs from entry
    to entry (``entrywise``) only multiplies ``old`` where that stands entry by entry.
    """
    if e is old:
        return new
    if not depth or (entrywise and isinstance(e, (Transpose, Diag, Product))):
        return None

    def inside_of(a: Expr) -> Expr | None:
        return with_factor(a, old, new, depth - 1, entrywise=entrywise)

    match e:
        case Transpose(arg) | Diag(arg):
            inside = inside_of(arg)
            return None if inside is None else e.rebuild([inside])
        case Product(args) | Hadamard(args):
            for k, a in enumerate(args):
                inside = inside_of(a)
                if inside is not None:
                    return e.rebuild([*args[:k], inside, *args[k + 1 :]])
        case Add(args):
            every = [inside_of(a) for a in args]
            return None if None in every else add(*(a for a in every if a is not None))
        case Quotient(above, below):
            inside = inside_of(above)
            return None if inside is None else quotient(inside, below)
    return None


ENTRYWISE = (logistic, hyperbolic, normalised, signs, norm_powers, exponentials, determinants)
