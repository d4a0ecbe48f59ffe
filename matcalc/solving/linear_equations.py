"""Linear equations for a scalar, a vector or a matrix: the coefficient read off, and inverted.

An expression is affine in ``X`` where its differential does not depend on ``X``. The differential's
terms then say what kind of equation it is: ``P X Q`` on one side or both, ``A X + X B`` (Sylvester),
entrywise, or the general one, which stacked columns turn into ``M vec(X) = vec(C)``.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.dims import is_unit, same_dim, shape_text
from matcalc.errors import UnsupportedError
from matcalc.expr import (
    ONE,
    Expr,
    Number,
    Symbol,
    add,
    brief,
    hadamard,
    ones,
    product,
    quotient,
    substitute,
    transpose,
)
from matcalc.jacobian import stacked_jacobian
from matcalc.ops.linalg import sylvester
from matcalc.ops.reductions import total
from matcalc.ops.structure import Eye, Zeros, eye, reshape, vec, zeros
from matcalc.solving.equations import Equation, NotLinear, Unsolved, Working, apart, minus, over, simplified
from matcalc.solving.left_division import divided, product_with_inverse, stacked_outer
from matcalc.solving.linear_terms import Affine, EntryByEntry, OtherTerm, Term, Transposed, TwoSided
from matcalc.solving.regularity import diagonal_of, require_regular, require_somewhere

WHY_COLLECT = "terms with the unknown on the left, the others on the right"


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
