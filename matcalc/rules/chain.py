"""Chains of matrices and entrywise products in normal form: what cancels next to what.

Everything here works on operands that are already simplified, without scalar factors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy as sp

from matcalc.dims import is_unit
from matcalc.expr import (
    ONE,
    Add,
    Expr,
    Hadamard,
    Ones,
    Power,
    Product,
    Quotient,
    ScalarAtom,
    Symbol,
    Transpose,
    add,
    are_transposes,
    dim_number,
    hadamard,
    negate,
    product,
    quotient,
    rational,
    sort_key,
    transpose,
)
from matcalc.ops.elementwise import Sqrt, Unary
from matcalc.ops.linalg import Inverse, MatrixPower, Pinv, matrix_power
from matcalc.ops.matrix_functions import Expm, Sqrtm
from matcalc.ops.reductions import Total, Trace
from matcalc.ops.spectral import EigVecs
from matcalc.ops.stacking import Commutation, Duplication, Elimination
from matcalc.ops.structure import Diag, Diagonal, Eye, Kron, Vec
from matcalc.ops.triangles import LowerOnes
from matcalc.rules.blocks import join_blocks
from matcalc.scalar import Scalars, quotient_of_powers, raise_scalar, root

WINDOW = 12  # how far back a cancellation looks
LONGEST_RUN = 8  # a power up to this is written out while factors are looked for


# ------------------------------------------------------------------ transposes
def turn(e: Expr, depth: int = 3) -> Expr:
    """The transpose, with the sign moved inside where that is no longer, down to ``depth`` levels."""
    if e.symmetric or (isinstance(e, Product) and len(e.args) == 2 and is_projection(*e.args) and not e.is_complex):
        return e
    if isinstance(e, Transpose):
        return e.arg
    if not depth:
        return transpose(e)

    def inside(a: Expr) -> Expr:
        return a if a.is_scalar else turn(a, depth - 1)

    match e:
        case Product(args):
            return Product(tuple(inside(a) for a in reversed(args)))
        case Hadamard(args):
            return Hadamard(tuple(inside(a) for a in args))
        case Quotient() | Power():
            return type(e)(*(inside(a) for a in e.operands))
        case Ones(dims) if not is_unit(dims[0]) and not is_unit(dims[1]):
            return Ones((dims[1], dims[0]))
        case Kron(left, right):
            return Kron(inside(left), inside(right))
        case Commutation(dims):
            return Commutation(dims[::-1])
        case Unary() if isinstance(e.arg, Transpose):
            return e.rebuild([e.arg.arg])
        case Add(args) if len(args) < 16:
            turned = add(*(inside(a) for a in args))
            return turned if turned.cost <= e.cost else Transpose(e)
        case _:
            return transpose(e)


# ------------------------------------------------------------------ chains
Run = tuple[Expr, sp.Expr]


def split_power(e: Expr) -> Run:
    """A factor as a base and an exponent: ``inv(A)`` is ``A`` to the -1."""
    match e:
        case Inverse(arg):
            base, p = split_power(arg)
            return base, -p
        case MatrixPower(base, exponent):
            return base, as_sympy(exponent)
        case Transpose(arg):
            base, p = split_power(arg)
            return turn(base), p
        case _:
            return e, sp.Integer(1)


def as_sympy(exponent: Expr) -> sp.Expr:
    """A scalar exponent in SymPy's hands."""
    return Scalars().lower(exponent, ScalarAtom)


def join_power(base: Expr, p: sp.Expr) -> list[Expr]:
    """The factors of a base to an exponent."""
    if p == 1:
        return [base]
    if p.is_Integer and abs(p) <= LONGEST_RUN:
        if p > 0:
            return [base] * int(p)
        once = Transpose(Inverse(base.arg)) if isinstance(base, Transpose) else Inverse(base)
        return [once] * int(-p)
    return [matrix_power(base, raise_scalar(p, {}))]


def chain(parts: Sequence[Expr]) -> list[Expr]:
    """The factors of a product in normal form: flat, with everything cancelled that cancels.

    A list with one identity stands for the empty product.
    """
    out: list[Expr] = []
    for part in parts:
        factors = list(part.args) if isinstance(part, Product) else [part]
        since = 0  # factors since the last cancellation: a product is in normal form inside
        for k, factor in enumerate(factors):
            if k and since > WINDOW:
                out.extend(factors[k:])
                break
            since += 1
            if not isinstance(factor, Eye):
                out.append(factor)
                while _cancel_end(out):
                    since = 0
    first = parts[0].args[0] if isinstance(parts[0], Product) else parts[0]
    return out if out else [Eye(first.rows)]


def _cancel_end(out: list[Expr]) -> bool:
    """Cancel what the last factors of a chain allow; whether anything was done."""
    if len(out) < 2:
        return False
    a, b = out[-2], out[-1]
    if isinstance(a, Diag) and isinstance(b, Diag):
        out[-2:] = [Diag(entrywise([a.arg, b.arg]))]
        return True
    if _orthogonal_pair(a, b) or (isinstance(a, Commutation) and isinstance(b, Commutation) and a.dims == b.dims[::-1]):
        del out[-2:]
        return True
    joined = join_blocks(a, b)
    if joined is None:
        joined = _functions_joined(a, b)
    if joined is not None:
        out[-2:] = [] if isinstance(joined, Eye) else [joined]
        return True
    if isinstance(a, Pinv) and a.arg is b and isinstance(b, Duplication):  # Dup has full column rank
        del out[-2:]
        return True
    if isinstance(a, Elimination) and isinstance(b, Duplication):  # the free entries of what Dup makes
        del out[-2:]
        return True
    if isinstance(a, Commutation) and isinstance(b, Duplication):  # what Dup makes is symmetric
        out[-2:] = [b]
        return True
    if isinstance(b, Commutation) and isinstance(a, Transpose) and isinstance(a.arg, Duplication):
        out[-2:] = [a]
        return True
    if isinstance(a, Commutation) and isinstance(b, Vec) and a.dims == (b.arg.rows, b.arg.cols):
        out[-2:] = [Vec(turn(b.arg))]
        return True
    if isinstance(b, Commutation) and len(out) > 2 and isinstance(out[-3], Commutation) and isinstance(a, Kron):
        other = commuted(out[-3], a)
        if other is not None and other[1].dims == b.dims[::-1]:
            out[-3:] = [other[0]]
            return True
    if isinstance(a, (Inverse, MatrixPower, Transpose)) or isinstance(b, (Inverse, MatrixPower, Transpose)):
        (x, p), (y, q) = split_power(a), split_power(b)
        if x is y and (p != 1 or q != 1) and (p + q == 0 or p.is_Integer is not True or q.is_Integer is not True or p * q < 0):
            out[-2:] = join_power(x, p + q) if p + q != 0 else []
            return True
    return _cancel_compound(out) or _cancel_part(out) or _cancel_pinv(out)


def commuted(k: Commutation, kron: Kron) -> tuple[Kron, Commutation] | None:
    """``K(p,m)*kron(A,B)`` as ``kron(B,A)*K(q,n)``, for ``A`` m x n and ``B`` p x q [Magnus and Neudecker, 1979, th. 3.1]."""
    a, b = kron.left, kron.right
    return (Kron(b, a), Commutation((b.cols, a.cols))) if k.dims == (b.rows, a.rows) else None


def _functions_joined(a: Expr, b: Expr) -> Expr | None:
    """``expm(A)*expm(-A)`` and ``sqrtm(A)*sqrtm(A)`` as one matrix."""
    if isinstance(a, Expm) and isinstance(b, Expm) and b.arg is negate(a.arg):
        return Eye(a.rows)
    return a.arg if isinstance(a, Sqrtm) and a is b else None


def _orthogonal_pair(a: Expr, b: Expr) -> bool:
    base = a.arg if isinstance(a, Transpose) else a
    return is_orthogonal(base) and a is not b and are_transposes(a, b)


def is_orthogonal(e: Expr) -> bool:
    """Whether a matrix is declared orthogonal, or holds the eigenvectors of a symmetric one."""
    return (isinstance(e, Symbol) and e.has("orthogonal")) or (isinstance(e, EigVecs) and e.arg.symmetric)


def _cancel_compound(out: list[Expr]) -> bool:
    """``inv(A*B)`` next to ``A*B`` written out."""
    last, p = split_power(out[-1])
    if isinstance(last, Product) and p == -1 and tuple(out[-1 - len(last.args) : -1]) == last.args:
        del out[-1 - len(last.args) :]
        return True
    for k in range(len(out) - 2, max(-1, len(out) - WINDOW), -1):
        base, p = split_power(out[k])
        if isinstance(base, Product) and p == -1 and len(base.args) == len(out) - 1 - k and tuple(out[k + 1 :]) == base.args:
            del out[k:]
            return True
    return False


def _cancel_part(out: list[Expr]) -> bool:
    """``A*inv(B*A) = inv(B)`` and ``inv(A*B)*A = inv(B)`` for square factors."""
    a, b = out[-2], out[-1]
    for inverse, other, end in ((b, a, -1), (a, b, 0)):
        base, p = split_power(inverse)
        if not isinstance(base, Product) or p != -1 or not all(f.is_square for f in base.args):
            continue
        if base.args[end] is other:
            rest = product_of(base.args[:-1] if end else base.args[1:])
            out[-2:] = [turned_inverse(rest)]
            return True
    return False


def turned_inverse(e: Expr) -> Expr:
    """The inverse, with a transpose outside; that of a diagonal matrix entry by entry."""
    if isinstance(e, Diag):
        return Diag(quotient(ONE, e.arg))
    base, p = split_power(e)
    return join_power(base, -p)[0] if p.is_Integer and abs(p) == 1 else Inverse(e)


def _cancel_pinv(out: list[Expr]) -> bool:
    """``A*pinv(A)*A = A``, ``pinv(A)*A*pinv(A) = pinv(A)``, and both products are symmetric."""
    x, y = out[-2:]
    if isinstance(x, Transpose) and isinstance(y, Transpose) and is_projection(y.arg, x.arg) and not x.is_complex:
        out[-2:] = [y.arg, x.arg]
        return True
    if len(out) < 3:
        return False
    a, b, c = out[-3:]
    if a is c and is_projection(a, b):
        del out[-2:]
        return True
    return False


def is_projection(a: Expr, b: Expr) -> bool:
    """Whether one is the other's pseudoinverse, so that their product is an orthogonal projection."""
    return (isinstance(b, Pinv) and b.arg is a) or (isinstance(a, Pinv) and a.arg is b)


def product_of(factors: Sequence[Expr]) -> Expr:
    """A chain as an expression."""
    if len(factors) == 1:
        return factors[0]
    return product(*factors) if is_unit(factors[0].rows) else Product(tuple(factors))


# ------------------------------------------------------------------ entrywise products
def entrywise_powers(parts: Iterable[Expr]) -> dict[Expr, sp.Expr]:
    """The factors of an entrywise product, each base with its exponent; ones are left out."""
    powers: dict[Expr, sp.Expr] = {}
    stack: list[tuple[Expr, sp.Expr]] = [(p, sp.Integer(1)) for p in reversed(list(parts))]
    while stack:
        e, p = stack.pop()
        match e:
            case Ones():
                continue
            case Hadamard(args) if p.is_Integer:
                stack.extend((a, p) for a in reversed(args))
            case Quotient(above, below) if p.is_Integer:
                stack.extend([(below, -p), (above, p)])
            case Power(base, exponent) if p.is_Integer and rational(exponent) is not None:
                stack.append((base, p * rational(exponent)))
            case Sqrt(arg) if p.is_Integer:
                stack.append((arg, p / 2))
            case _ if e is not ONE:
                powers[e] = powers.get(e, sp.Integer(0)) + p
    return {e: sp.Integer(1) if p > 1 and _is_mask(e) else p for e, p in powers.items() if p != 0}


def _is_mask(e: Expr) -> bool:
    """Whether every entry is 0 or 1, which is its own square."""
    return isinstance(e.arg if isinstance(e, Transpose) else e, LowerOnes)


def entrywise(parts: Sequence[Expr]) -> Expr:
    """An entrywise product in normal form, powers of equal factors merged."""
    if len(parts) == 1:
        return parts[0]
    return join_entrywise(entrywise_powers(parts), parts[0])


def join_entrywise(powers: dict[Expr, sp.Expr], like: Expr) -> Expr:
    """The entrywise product of bases with exponents, in the shape of ``like``."""
    return quotient_of_powers(list(powers.items())) if powers else Ones((like.rows, like.cols))


# ------------------------------------------------------------------ closed networks
def inner(weights: Sequence[Expr]) -> Expr:
    """The sum over one index of the product of vectors, in its shortest form."""
    powers = entrywise_powers(weights)
    if not powers:
        return dim_number(weights[0].rows)
    if len(powers) == 1:
        ((base, p),) = powers.items()
        if p == 2:
            return product_of(chain([turn(base), base]))
        return total_of(root(base, p)) if p > 0 else total_of(quotient(ONE, root(base, -p)))
    options: list[Expr] = []
    for base, p in powers.items():
        if p == 1:
            rest = join_entrywise({e: q for e, q in powers.items() if e is not base}, weights[0])
            options.extend(_both_ways(chain([turn(base), rest])))
    named = total_of(join_entrywise(powers, weights[0]))
    best = min(options, key=sort_key, default=named)  # the cost comes first in a sort key
    return best if best.cost <= named.cost else named


def _both_ways(factors: list[Expr]) -> list[Expr]:
    """A scalar chain read from either end, and as a sum where it begins or ends in ones."""
    out = []
    for c in (factors, [turn(f) for f in reversed(factors)]):
        if len(c) == 1 and c[0].is_scalar:
            out.append(c[0])
        if len(c) > 1:
            if isinstance(c[0], Transpose) and isinstance(c[0].arg, Ones):
                out.append(total_of(product_of(c[1:])))
            out.append(product_of(c))
    return out


def total_of(e: Expr) -> Expr:
    """``sum(e)`` in its shortest form: ``sum(A)`` for ``sum(A*ones)``, ``tr(A)`` for ``sum(diag(A))``."""
    if e.is_scalar:
        return e
    if isinstance(e, Ones):
        return hadamard(dim_number(e.dims[0]), dim_number(e.dims[1]))
    if isinstance(e, Diagonal):
        return Trace(e.arg)
    if isinstance(e, Diag):
        return total_of(e.arg)
    if isinstance(e, Transpose):
        return total_of(e.arg)
    if isinstance(e, Product):
        args = list(e.args)
        if isinstance(args[-1], Ones) and is_unit(args[-1].cols):
            return total_of(product_of(args[:-1]))
        options: list[Expr] = [Total(e, None), Total(turn(e), None)]
        if len(args) == 2 and is_unit(args[0].cols):
            return hadamard(total_of(args[0]), total_of(turn(args[1])))
        return shortest(options)
    return Total(e, None)


def closed_chain(parallel: Sequence[Expr], left: Expr | None, right: Expr | None) -> Expr:
    """The sum over two indices of parallel matrices between them, with weights on either side."""
    together = entrywise(parallel)
    if left is None and right is None:
        options = [total_of(together)]
        if isinstance(together, Ones):
            return options[0]
    else:
        ends = [turn(left)] if left is not None else [Transpose(Ones((together.rows, 1)))]
        ends += [together, right if right is not None else Ones((together.cols, 1))]
        options = _both_ways(chain(ends))
    if len(parallel) == 2 and not any(isinstance(p, Ones) or p.axes is not None for p in parallel):
        parts = [parallel[0], *([Diag(right)] if right is not None else [])]
        parts += [turn(parallel[1]), *([Diag(left)] if left is not None else [])]
        options.insert(0, trace_of(chain(parts)))
    elif left is None and right is None:  # what is stored the other way round, as one side of a trace
        flipped = [p for p in parallel if isinstance(p, Transpose)]
        straight = [p for p in parallel if not isinstance(p, Transpose)]
        if flipped and straight:
            options.append(trace_of(chain([entrywise(straight), turn(entrywise(flipped))])))
    return shortest(options)


def trace_of(factors: list[Expr]) -> Expr:
    """The trace of a chain, the same for every rotation and for the transpose."""
    ring = list(factors)
    while len(ring) > 1:
        ends = chain([ring[-1], ring[0]])
        if len(ends) == 2:
            break
        ring = chain([*ring[1:-1], *ends]) if len(ring) > 2 else ends
    if len(ring) == 1:
        only = ring[0]
        if isinstance(only, Eye):
            return dim_number(only.dim)
        return shortest([Trace(only), Trace(turn(only))]) if not isinstance(only, Diag) else total_of(only.arg)
    options = []
    for cycle in (ring, [turn(f) for f in reversed(ring)]):
        keys = [sort_key(f) for f in cycle]
        least = min(keys)
        starts = [k for k, key in enumerate(keys) if key == least]
        best = min(starts[:8], key=lambda k: keys[k:] + keys[:k])
        options.append(Trace(product_of(cycle[best:] + cycle[:best])))
    return min(options, key=sort_key)


def shortest(options: Sequence[Expr]) -> Expr:
    """The option that a reader sees least of; the first of equals."""
    return min(options, key=lambda e: e.cost)
