"""Linear equations for a scalar, a vector or a matrix: the coefficient read off, and inverted.

An expression is affine in ``X`` where its differential does not depend on ``X``. The differential's
terms then say what kind of equation it is: ``P X Q`` on one side or both, ``A X + X B`` (Sylvester),
entrywise, or the general one, which stacked columns turn into ``M vec(X) = vec(C)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from matcalc.differentiate import addends, push
from matcalc.dims import Dim, is_unit, same_dim, shape_text
from matcalc.emit import compile as compile_expr
from matcalc.equations import Equation, NotLinear, Unsolved, Working, apart, minus, over, simplified
from matcalc.errors import NotDifferentiableError, UnsupportedError
from matcalc.expr import (
    ONE,
    Add,
    Entrywise,
    Expr,
    Hadamard,
    Number,
    Product,
    Quotient,
    Symbol,
    Transpose,
    add,
    brief,
    hadamard,
    matmul,
    negate,
    ones,
    product,
    quotient,
    substitute,
    transpose,
)
from matcalc.jacobian import stacked_jacobian
from matcalc.node import postorder
from matcalc.ops.elementwise import Abs, Elu, LeakyRelu, Maximum, Minimum, Relu, Where
from matcalc.ops.linalg import Inverse, inv, sylvester
from matcalc.ops.reductions import total
from matcalc.ops.structure import Diag, Eye, Vec, Zeros, eye, reshape, vec, zeros
from matcalc.sampling import SMALL_SIZES, Point, draw_point, is_regular
from matcalc.simplify import simplify_all

JUMPS = (Where, Maximum, Minimum, Abs, Relu, LeakyRelu, Elu)  # pieces of lines, which differences cannot tell from one
POINTS = 12  # random points at which a matrix is looked for that is far from singular
WHY_COLLECT = "terms with the unknown on the left, the others on the right"


@dataclass(frozen=True)
class TwoSided:
    """The term ``left X right``."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class EntryByEntry:
    """The term ``weights .* X``; the weights may be a scalar."""

    weights: Expr


@dataclass(frozen=True)
class Transposed:
    """The term ``scale * X'`` of a square ``X``."""

    scale: Expr


@dataclass(frozen=True)
class OtherTerm:
    """A linear term of another form."""


Term: TypeAlias = TwoSided | EntryByEntry | Transposed | OtherTerm


@dataclass(frozen=True)
class Affine:
    """``sum of terms = right``, which is linear in the unknown; ``left`` is the sum as it is written."""

    terms: tuple[Term, ...]
    left: Expr
    right: Expr
    divisors: tuple[Expr, ...] = ()  # what both sides have been divided by


def affine(g: Expr, x: Symbol) -> Affine | None:
    """``g = 0`` as a linear equation for ``x``, or None where ``g`` is not affine in it."""
    d = Symbol(f"d {x.name}", x.dims, tuple(f for f in ("skew", "symmetric") if x.has(f)))  # it moves as x may
    try:
        change = simplified(push(g, {x: d}))
    except (UnsupportedError, NotDifferentiableError):
        return None
    if x in change.symbols:
        return None
    if isinstance(change, Zeros) or d not in change.symbols:
        raise Unsolved(f"the derivative of {brief(g)} by {x.name} is zero wherever there is one")
    if not has_no_jumps(g, x):
        return None
    right = simplified(negate(substitute(g, {x: zeros(x.rows, x.cols)})))
    change, right, divisors = without_common_scalar(change, right, d)
    terms = [term_of(t, d) for t in simplify_all(addends(change, d))]
    if x.is_square and not x.is_scalar and all(isinstance(t, (Transposed, OtherTerm)) for t in terms):
        turned = [term_of(t, d) for t in simplify_all(addends(simplified(transpose(change)), d))]
        if not any(isinstance(t, (Transposed, OtherTerm)) for t in turned):
            left = simplified(substitute(transpose(change), {d: x}))
            return Affine(tuple(turned), left, simplified(transpose(right)), divisors)
    return Affine(tuple(terms), substitute(change, {d: x}), right, divisors)


def has_no_jumps(g: Expr, x: Symbol) -> bool:
    """Whether nothing in ``g`` hides the unknown from the derivative, as a sign or a step of it does."""
    d = Symbol("d inside", x.dims, ())
    for node in postorder([g], lambda e: e.operands):
        if not isinstance(node, Entrywise) or node.structural or x not in node.symbols:
            continue
        if isinstance(node, JUMPS) or d not in simplified(push(node, {x: d})).symbols:
            return False
    return True


def without_common_scalar(change: Expr, right: Expr, d: Symbol) -> tuple[Expr, Expr, tuple[Expr, ...]]:
    """Both sides divided by the scalars in front of the left one, and those that it is divided by."""
    above, body, below = apart(change)
    if d not in body.symbols or not (above or below):
        return change, right, ()
    return body, simplified(over(right, below, above)), tuple(above)


def term_of(term: Expr, d: Symbol) -> Term:
    """A term linear in ``d``, by its form."""
    above, body, below = apart(term)
    if isinstance(body, Transpose) and isinstance(body.arg, Product):
        body = product(*(transpose(a) for a in reversed(body.arg.args)))
    if d.has("skew"):
        sign, body, _ = apart(substitute(body, {transpose(d): negate(d)}))
        above = [*above, *sign]
    if body is d:
        return EntryByEntry(over(ONE, above, below))
    if isinstance(body, Transpose) and body.arg is d:
        return Transposed(over(ONE, above, below))
    if isinstance(body, Product) and body.args.count(d) == 1:
        k = body.args.index(d)
        before, after = body.args[:k], body.args[k + 1 :]
        left = product(*before) if before else eye(d.rows)
        return TwoSided(over(left, above, below), product(*after) if after else eye(d.cols))
    if isinstance(body, Hadamard) and body.args.count(d) == 1:
        return EntryByEntry(over(hadamard(*(a for a in body.args if a is not d)), above, below))
    if isinstance(body, Quotient) and d in body.above.symbols:
        weights = term_of(body.above, d)
        if isinstance(weights, EntryByEntry):
            return EntryByEntry(over(quotient(weights.weights, body.below), above, below))
    return OtherTerm()


# ------------------------------------------------------------------ solving
def solve_affine(equation: Affine, g: Expr, x: Symbol, working: Working) -> Expr:
    """The solution of a linear equation; ``g = 0`` is the equation as it was given.

    Raises
    ------
    Unsolved
        If the matrix to be inverted is singular.
    """
    collected = Equation(equation.left, equation.right)
    working.step("collect", WHY_COLLECT, Equation(g, zeros(g.rows, g.cols)), collected)
    working.assume(*(f"{brief(s)} nonzero" for s in equation.divisors if s.sign != 2 and not isinstance(s, Number)))
    if not (same_dim(g.rows, x.rows) and same_dim(g.cols, x.cols)):
        raise NotLinear(f"the equation is {shape_text((g.rows, g.cols))}, but {x.name} is {shape_text((x.rows, x.cols))}")
    if x.is_scalar or is_unit(x.cols) or is_unit(x.rows):
        return _vector(equation, x, working, collected)
    return _matrix(equation, x, working, collected)


def _vector(equation: Affine, x: Symbol, working: Working, collected: Equation) -> Expr:
    """A scalar or a vector, by its matrix of coefficients."""
    if x.is_scalar:
        slope = simplified(substitute(equation.left, {x: ONE}))
        return _divided(equation.right, slope, x, working, collected)
    row = not is_unit(x.cols)
    matrix = coefficient_of(equation.left, x)
    weights = diagonal_of(matrix)
    if weights is not None:
        return _divided(equation.right, transpose(weights) if row else weights, x, working, collected)
    column = transpose(equation.right) if row else equation.right
    found = product_with_inverse(matrix, column, x, working)
    return finished(transpose(found) if row else found, x, working, collected, "the matrix in front is invertible")


def _divided(right: Expr, weights: Expr, x: Symbol, working: Working, before: Equation) -> Expr:
    """The right side divided by a scalar, or entry by entry."""
    if not (weights.is_scalar and weights.sign == 2):
        require_somewhere(weights, f"{brief(weights)} in front of {x.name}", working)
    where = "divided by the number in front" if weights.is_scalar else "divided entry by entry"
    return finished(quotient(right, weights), x, working, before, where, rule="divide")


def finished(value: Expr, x: Symbol, working: Working, before: Equation, why: str, rule: str = "invert") -> Expr:
    """A solution, simplified, and noted."""
    result = simplified(value)
    working.step(rule, why, before, Equation(x, result))
    return result


def _matrix(equation: Affine, x: Symbol, working: Working, before: Equation) -> Expr:
    """A matrix, by the form of the terms."""
    right = equation.right
    weights = entrywise_weights(equation.terms, x)
    if weights is not None:
        return _divided(right, weights, x, working, before)
    sided = merged([_as_sided(t, x) for t in equation.terms if _is_plain(t)]) if all(map(_is_plain, equation.terms)) else []
    if len(sided) == 1:
        (only,) = sided
        for side in (only.left, only.right):
            require_regular(side, x, working)
        found = transpose(divided(simplified(transpose(only.right)), transpose(divided(only.left, right))))
        return finished(found, x, working, before, "what stands beside the unknown is invertible")
    if len(sided) == 2:
        pair = sylvester_pair(*sided)
        if pair is not None:
            found = simplified(sylvester(*pair, right))
            plain = add(product(pair[0], x.free), product(x.free, pair[1]))
            require_regular(stacked_jacobian(plain, x.free), x, working, named=f"{brief(equation.left)} as a map of {x.name}")
            working.assume(*found.conditions_here())
            return finished(found, x, working, before, "this is a Sylvester equation", rule="sylvester")
    mixed = _with_transpose(equation, x, working, before)
    if mixed is not None:
        return mixed
    matrix = coefficient_of(equation.left, x)
    above, body, below = apart(right)
    stacked = Equation(product(matrix, vec(x)), over(vec(body), above, below))
    working.step("stack", "columns stacked: vec(A*X*B) = kron(B',A)*vec(X)", before, stacked)
    weights = diagonal_of(matrix)
    if weights is not None:
        return _divided(right, reshape(weights, x.rows, x.cols), x, working, before)
    if isinstance(right, Zeros):
        require_regular(matrix, x, working)
        return finished(right, x, working, stacked, "the matrix in front is invertible")
    outer = stacked_outer(matrix)
    if outer is not None:
        require_regular(matrix, x, working)
        scale, u, v = outer
        rest = quotient(total(hadamard(v, right)), add(scale, total(hadamard(u, v))))
        found = quotient(minus(right, hadamard(rest, u)), scale)
        return finished(found, x, working, stacked, "the inverse of a number times the identity plus a column times a row")
    solved = product_with_inverse(matrix, vec(body), x, working)
    return finished(
        over(reshape(solved, x.rows, x.cols), above, below), x, working, stacked, "the matrix in front is invertible"
    )


def coefficient_of(left: Expr, x: Symbol) -> Expr:
    """The matrix in front of the stacked unknown."""
    try:
        return stacked_jacobian(left, x)
    except UnsupportedError:
        raise Unsolved(f"the matrix in front of {x.name} in {brief(left)} has no form here") from None


def _with_transpose(equation: Affine, x: Symbol, working: Working, before: Equation) -> Expr | None:
    """``(a*C - b*C')/(a^2 - b^2)`` where the equation is ``a*X + b*X' = C``; None where it is not."""
    same = [t.weights for t in equation.terms if isinstance(t, EntryByEntry) and t.weights.is_scalar]
    turned = [t.scale for t in equation.terms if isinstance(t, Transposed)]
    if not same or not turned or len(same) + len(turned) < len(equation.terms):
        return None
    a, b = simplified(add(*same)), simplified(add(*turned))
    square = simplified(minus(hadamard(a, a), hadamard(b, b)))
    require_somewhere(square, f"{brief(square)}, by which {x.name} is to be divided,", working)
    parts = hadamard(quotient(a, square), equation.right), hadamard(quotient(b, square), transpose(equation.right))
    return finished(minus(*parts), x, working, before, "the equation and its transpose are two for X and X'")


def _is_plain(term: Term) -> bool:
    return isinstance(term, TwoSided) or (isinstance(term, EntryByEntry) and term.weights.is_scalar)


def _as_sided(term: Term, x: Symbol) -> TwoSided:
    if isinstance(term, TwoSided):
        return term
    assert isinstance(term, EntryByEntry)
    return TwoSided(hadamard(term.weights, eye(x.rows)), eye(x.cols))


def merged(terms: Sequence[TwoSided]) -> list[TwoSided]:
    """Terms with an equal side put together, as long as there are any."""
    found = list(terms)
    while True:
        pair = next(((a, b) for k, a in enumerate(found) for b in found[k + 1 :] if have_an_equal_side(a, b)), None)
        if pair is None:
            return found
        a, b = pair
        found = [t for t in found if t is not a and t is not b]
        if a.right is b.right:
            found.append(TwoSided(simplified(add(a.left, b.left)), a.right))
        elif a.left is b.left:
            found.append(TwoSided(a.left, simplified(add(a.right, b.right))))
        else:
            scales = [_number_of_identity(t.left) for t in (a, b)]
            whole = add(*(hadamard(c, t.right) for c, t in zip(scales, (a, b), strict=True) if c is not None))
            found.append(TwoSided(eye(a.left.rows), simplified(whole)))


def have_an_equal_side(a: TwoSided, b: TwoSided) -> bool:
    """Whether two terms have the same left or right side, up to a number times the identity on the left."""
    return a.right is b.right or a.left is b.left or None not in (_number_of_identity(a.left), _number_of_identity(b.left))


def _number_of_identity(e: Expr) -> Expr | None:
    """``c`` where ``e`` is ``c`` times the identity."""
    above, body, below = apart(e)
    return over(ONE, above, below) if isinstance(body, Eye) else None


def sylvester_pair(first: TwoSided, second: TwoSided) -> tuple[Expr, Expr] | None:
    """``A`` and ``B`` where the two terms are ``A X`` and ``X B``."""
    for a, b in ((first, second), (second, first)):
        right, left = _number_of_identity(a.right), _number_of_identity(b.left)
        if right is not None and left is not None:
            return simplified(hadamard(right, a.left)), simplified(hadamard(left, b.right))
    return None


def entrywise_weights(terms: Sequence[Term], x: Symbol) -> Expr | None:
    """``W`` where the terms together are ``W .* X``; None where they are not."""
    parts: list[Expr] = []
    for term in terms:
        match term:
            case EntryByEntry(weights):
                parts.append(weights)
            case TwoSided(left, right):
                rows, cols = diagonal_of(left), diagonal_of(right)
                if rows is None or cols is None:
                    return None
                column = rows if not rows.is_scalar else hadamard(rows, ones(x.rows))
                parts.append(product(column, transpose(cols if not cols.is_scalar else hadamard(cols, ones(x.cols)))))
            case Transposed() | OtherTerm():
                return None
    if len(terms) == 1 and isinstance(terms[0], TwoSided):
        return None
    return simplified(add(*parts))


def diagonal_of(matrix: Expr) -> Expr | None:
    """The diagonal of a matrix that is diagonal by the way it is written: a column, or a scalar for all of it."""
    parts = []
    above, body, below = apart(matrix)
    for term in body.args if isinstance(body, Add) else (body,):
        inside, diagonal, divisors = apart(term)
        if isinstance(diagonal, Eye):
            parts.append(over(ONE, inside, divisors))
        elif isinstance(diagonal, Diag):
            parts.append(over(diagonal.arg, inside, divisors))
        else:
            return None
    return simplified(over(add(*parts), above, below))


def product_with_inverse(matrix: Expr, column: Expr, x: Symbol, working: Working) -> Expr:
    """``inv(matrix) * column``, where the matrix can be inverted."""
    require_regular(matrix, x, working)
    return divided(matrix, column)


def divided(matrix: Expr, right: Expr) -> Expr:
    """``inv(matrix) * right``; where the matrix is a diagonal one and a column times a row, without the inverse if shorter.

    That is the formula of Sherman and Morrison (1950): ``inv(D + u*v') = inv(D) - inv(D)*u*v'*inv(D)/(1 + v'*inv(D)*u)``.
    """
    plain = simplified(matmul(inv(matrix), right))
    parts = diagonal_and_outer(matrix)
    if parts is None:
        return plain
    weights, column, row = parts
    if weights.is_scalar:
        rest = quotient(matmul(row, right), add(weights, matmul(row, column)))
        other = quotient(add(right, negate(matmul(column, rest))), weights)
    else:
        inside = inv(Diag(weights))
        moved = product(inside, right)
        rest = quotient(matmul(row, moved), add(ONE, product(row, inside, column)))
        other = add(moved, negate(matmul(product(inside, column), rest)))
    other = simplified(other)
    return other if other.cost < plain.cost else plain


def stacked_outer(matrix: Expr) -> tuple[Expr, Expr, Expr] | None:
    """``c``, ``U`` and ``V`` where a matrix is ``c*eye + vec(U)*vec(V)'``."""
    parts = diagonal_and_outer(matrix)
    if parts is None or not parts[0].is_scalar:
        return None
    above, column, below = apart(parts[1])
    row = parts[2].arg if isinstance(parts[2], Transpose) else parts[2]
    if not (isinstance(column, Vec) and isinstance(row, Vec)):
        return None
    return parts[0], over(column.arg, above, below), row.arg


def diagonal_and_outer(matrix: Expr) -> tuple[Expr, Expr, Expr] | None:
    """A sum of diagonal terms and one column times a row: the diagonal, the column and the row."""
    above, body, below = apart(matrix)
    if not isinstance(body, Add):
        return None
    outer = [t for t in body.args if diagonal_of(t) is None]
    if len(outer) != 1:
        return None
    inside, chain, divisors = apart(outer[0])
    if not isinstance(chain, Product):
        return None
    k = next((k for k, a in enumerate(chain.args) if is_unit(a.cols) and k + 1 < len(chain.args)), None)
    weights = diagonal_of(add(*(t for t in body.args if t is not outer[0])))
    if k is None or weights is None:
        return None
    column, row = product(*chain.args[: k + 1]), product(*chain.args[k + 1 :])
    return over(weights, above, below), over(column, [*above, *inside], [*below, *divisors]), row


# ------------------------------------------------------------------ what can be inverted
def require_regular(matrix: Expr, x: Symbol, working: Working, named: str = "") -> None:
    """Refuse a matrix that is singular: by the ranks of its parts, or at every random point.

    Raises
    ------
    Unsolved
        If it is.
    """
    _, body, _ = apart(matrix)
    if isinstance(body, Eye):
        return
    if not body.is_square:
        raise NotLinear(f"the matrix {brief(body)}, which has to be inverted, is not square")
    what = named or f"the matrix {brief(body)}, which has to be inverted,"
    if _is_less(rank_bound(body), body.rows):
        raise Unsolved(
            f"{what} has rank {rank_bound(body)} at most and is singular, so the equation does not determine {x.name}"
        )
    if not any(is_regular(compile_expr([body]), point) for point in points(body)):
        raise Unsolved(f"{what} is singular at every random point, so the equation does not determine {x.name}")
    if not named:
        working.assume(*regular(body))


def regular(matrix: Expr) -> tuple[str, ...]:
    """The condition that a matrix is invertible, in words, where it is not known to be."""
    weights = diagonal_of(matrix)
    if weights is not None:
        return () if weights.sign == 2 else (f"{brief(weights)} nonzero in every entry",)
    if isinstance(matrix, Transpose):
        return regular(matrix.arg)
    known = isinstance(matrix, Inverse) or (isinstance(matrix, Symbol) and (matrix.has("invertible")))
    return () if known else (f"{brief(matrix)} invertible",)


def points(e: Expr) -> list[Point]:
    """Random points for what stands in an expression."""
    return [draw_point([e], 0, attempt, SMALL_SIZES) for attempt in range(POINTS)]


def require_somewhere(weights: Expr, what: str, working: Working) -> None:
    """Refuse to divide by what is 0 in some entry at every random point."""
    import numpy as np

    call = compile_expr(weights)
    for point in points(weights):
        with np.errstate(all="ignore"):
            found = np.abs(np.asarray(call(**{k: v for k, v in point.given.items() if k in call.names})))
        if np.all(np.isfinite(found)) and np.min(found, initial=1.0) > 1e-10 * np.max(found, initial=0.0):
            return
    raise Unsolved(f"{what} has an entry 0 at every random point, so the equation does not determine it")


def rank_bound(e: Expr) -> Dim:
    """A dimension that the rank of ``e`` does not exceed, by the way it is written."""
    _, body, _ = apart(e)
    bounds = [body.rows, body.cols]
    if isinstance(body, Product):
        bounds += [d for a in body.args for d in (a.rows, a.cols)]
        bounds += [rank_bound(a) for a in body.args]
    if isinstance(body, Add):
        ranks = [rank_bound(a) for a in body.args]
        if all(isinstance(r, int) for r in ranks):
            bounds.append(sum(ranks))
    least = bounds[0]
    for d in bounds[1:]:
        least = d if _is_less(d, least) else least
    return least


def _is_less(a: Dim, b: Dim) -> bool:
    """Whether ``a`` is less than ``b`` as far as that is known: 1 is less than a symbolic dimension, too."""
    if isinstance(a, int) and isinstance(b, int):
        return a < b
    return isinstance(a, int) and a <= 1 and not same_dim(a, b)
