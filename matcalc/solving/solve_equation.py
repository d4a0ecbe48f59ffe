"""One equation solved for one unknown, where it is linear or becomes so by undoing functions.

Ways, in turn: linear in the unknown; every entry an equation of its own, which SymPy's algebra turns
into ``u = c`` or ``u^p = c``; linear in one function of the unknown, such as ``inv(S)`` or ``exp(x)``,
after factors that are not zero have been taken away; then that function is undone.
"""

from __future__ import annotations

from matcalc.curvature.prover import Prover
from matcalc.errors import LimitError
from matcalc.expand import terms_of
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Operator,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    add,
    brief,
    hadamard,
    negate,
    product,
    rational,
    substitute,
    transpose,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Sqrt
from matcalc.ops.linalg import Inverse
from matcalc.ops.structure import Zeros, eye
from matcalc.simplify import simplify_all
from matcalc.solving.equations import (
    Equation,
    NotLinear,
    Unsolved,
    Working,
    apart,
    depends,
    equals_zero,
    minus,
    over,
    simplified,
    stands_inside,
)
from matcalc.solving.inverse_functions import UNDONE, Undo
from matcalc.solving.linear_equations import solve_affine
from matcalc.solving.linear_terms import affine
from matcalc.solving.matrix_roots import factors_of, positive_definite_root
from matcalc.solving.roots import entry_root, entry_unknowns
from matcalc.solving.taken_out import pulled_out

MOST_TERMS = 64  # of an equation that is multiplied out
MOST_UNDONE = 12  # functions undone one after the other


def solved(g: Expr, x: Symbol, working: Working, depth: int = 0) -> Expr:
    """The ``x`` with ``g = 0``, the steps noted in ``working``.

    Raises
    ------
    Unsolved
        If there is no way here, or the solution is not determined; it says why.
    """
    if isinstance(g, Zeros):
        raise Unsolved(f"0 = 0 holds for every {x.name}")
    if not depends(g, x):
        raise Unsolved(f"{brief(g)} = 0 does not hold {x.name} any more, so nothing solves it")
    if depth > MOST_UNDONE:
        raise NotLinear(f"more than {MOST_UNDONE} functions would have to be undone")
    equation = affine(g, x)
    if equation is not None:
        return solve_affine(equation, g, x, working)
    reason: Unsolved | None = None
    for way in (_matrix_root, _without_factors, _entry_by_entry, _by_one_function):
        try:
            with working.attempt():
                found = way(g, x, working, depth)
        except Unsolved as caught:
            reason = caught if reason is None or isinstance(reason, NotLinear) else reason
            continue
        if found is not None:
            return found
    if reason is not None and not isinstance(reason, NotLinear):
        raise reason
    raise NotLinear(f"the equation is not linear in {x.name}: {obstacle(g, x)}")


def _matrix_root(g: Expr, x: Symbol, working: Working, depth: int) -> Expr | None:
    """A quadratic equation for a positive definite matrix."""
    return positive_definite_root(g, x, working)


def _without_factors(g: Expr, x: Symbol, working: Working, depth: int) -> Expr | None:
    """The equation without divisors and without invertible factors that hold the unknown."""
    rest = cleared(g, x)
    if rest is None:
        return None
    working.step(
        "cancel", "a factor that is not 0, or is invertible, and divisors change nothing", equals_zero(g), equals_zero(rest)
    )
    return solved(rest, x, working, depth + 1)


def cleared(g: Expr, x: Symbol) -> Expr | None:
    """``g`` without divisors and invertible factors that hold ``x``; None where there are none."""
    if isinstance(g, Quotient) and depends(g.below, x):
        return g.above
    if isinstance(g, Hadamard):
        kept = [a for a in g.args if not (depends(a, x) and a.sign == 2)]
        if len(kept) < len(g.args) and any(depends(a, x) for a in kept):
            return hadamard(*kept)
    if g.is_scalar or isinstance(apart(g)[1], Hadamard):
        return None
    try:
        terms = [apart(t) for t in simplify_all(terms_of(g, MOST_TERMS, inside=False))]
    except LimitError:
        return None
    chains = [list(_chain(body)) for _, body, _ in terms]
    before = len(chains[0])
    for side in (0, -1):
        while all(chains) and all(c[side] is chains[0][side] for c in chains):
            factor = chains[0][side]
            if not (depends(factor, x) and is_invertible(factor)):
                break
            for c in chains:
                del c[side]
    if len(chains[0]) == before:
        return None
    n = g.rows
    bodies = [product(*c) if c else eye(n) for c in chains]
    return simplified(add(*(over(b, above, below) for b, (above, _, below) in zip(bodies, terms, strict=True))))


def _chain(e: Expr) -> tuple[Expr, ...]:
    if isinstance(e, Transpose) and isinstance(e.arg, Product):
        return tuple(simplify_all([transpose(a) for a in reversed(e.arg.args)]))
    return factors_of(e)


def is_invertible(e: Expr) -> bool:
    """Whether a matrix is known to be invertible."""
    if isinstance(e, Transpose):
        return is_invertible(e.arg)
    return isinstance(e, Inverse) or (isinstance(e, Symbol) and (e.has("invertible") or e.has("orthogonal")))


def _entry_by_entry(g: Expr, x: Symbol, working: Working, depth: int) -> Expr | None:
    """Each entry as an equation of its own, for the one thing in it that holds the unknown."""
    split = pulled_out(g, x)
    unknowns = entry_unknowns(split, x)
    if len(unknowns) != 1:
        return None
    (u,) = unknowns
    if u is split:
        return None
    found = entry_root(split, u, x)
    if found is None:
        return None
    found = Equation(found.left, simplified(found.right))
    working.step("isolate", f"solved for {brief(found.left)}", equals_zero(g), found)
    return undone(found, x, working, depth)


def undone(equation: Equation, x: Symbol, working: Working, depth: int) -> Expr:
    """The unknown from ``f(x) = c``: functions undone from the outside.

    Raises
    ------
    Unsolved
        If a function on the way cannot be undone.
    """
    left, right = equation.left, equation.right
    if left is x:
        return right
    for (kind, place), row in UNDONE.items():
        if type(left) is kind and isinstance(left, Operator) and depends(left.operands[place], x):
            if any(depends(e, x) for k, e in enumerate(left.operands) if k != place):
                break
            inner = left.operands[place]
            after = Equation(inner, simplified(_undo(row, left, right, x, working)))
            needed = row.needs(right, left)
            if needed is not None and needed.sign == 0:
                working.not_negative.append(needed)
            working.step("undo", row.why, equation, after)
            return undone(after, x, working, depth + 1)
    g = simplified(minus(left, right))
    if affine(g, x) is None and (left in entry_unknowns(g, x) or depth > MOST_UNDONE):
        raise NotLinear(f"the equation is not linear in {x.name}: {obstacle(left, x)}")
    return solved(g, x, working, depth + 1)


def _undo(row: Undo, left: Operator, right: Expr, x: Symbol, working: Working) -> Expr:
    """What the argument of ``left`` is; of two square roots the one that leaves what must not be negative so."""
    try:
        return row.undo(right, left)
    except Unsolved:
        if not (isinstance(left, Power) and left.base is x and rational(left.exponent) == 2):
            raise
        root = Sqrt(right)
        signs = [e for e in working.not_negative if depends(e, x)]
        fitting = [r for r in (root, negate(root)) if not any(_is_negative_at(e, x, r) for e in signs)]
        if len(fitting) != 1:
            raise
        return fitting[0]


def _is_negative_at(e: Expr, x: Symbol, value: Expr) -> bool:
    """Whether an expression is known to be negative somewhere, where ``x`` has a value."""
    return Prover().range(simplified(substitute(e, {x: value}))).interval.is_negative


def _by_one_function(g: Expr, x: Symbol, working: Working, depth: int) -> Expr | None:
    """The equation solved for a function of the unknown that can be undone, and then for the unknown."""
    reason: Unsolved | None = None
    for u in candidates(g, x) if x.name.isidentifier() else ():
        place = next(k for k, e in enumerate(u.operands) if depends(e, x))
        stand_in = Symbol(brief(u), (u.rows, u.cols), _facts(u))  # no user's symbol has such a name
        rest = substitute(g, {u: stand_in})
        if depends(rest, x) and u.operands[place] is x:
            rest = _by_the_stand_in(rest, x, UNDONE[type(u), place], stand_in, u)
        if depends(rest, x):
            continue
        try:
            with working.attempt():
                with working.standing_for({stand_in: u}):
                    value = solved(simplified(rest), stand_in, working, depth + 1)
                return undone(Equation(u, value), x, working, depth + 1)
        except Unsolved as caught:
            reason = caught if reason is None or isinstance(reason, NotLinear) else reason
    if reason is not None:
        raise reason
    return None


def _by_the_stand_in(rest: Expr, x: Symbol, row: Undo, stand_in: Symbol, u: Operator) -> Expr:
    """``x`` elsewhere in the equation written by the value of its function, if that has one inverse."""
    try:
        return substitute(rest, {x: row.undo(stand_in, u)})
    except Unsolved:
        return rest


def candidates(g: Expr, x: Symbol) -> list[Operator]:
    """The functions of ``x`` in ``g`` that can be undone, the outermost first."""
    found: list[Operator] = []
    for node in postorder([g], lambda e: e.operands):
        if node is g or not isinstance(node, Operator) or (isinstance(node, Transpose) and node.arg is x):
            continue
        places = [k for k, e in enumerate(node.operands) if depends(e, x)]
        if len(places) == 1 and (type(node), places[0]) in UNDONE:
            found.append(node)
    return found[::-1]


def _facts(u: Operator) -> tuple[str, ...]:
    """What is known of the value of a function."""
    facts = []
    if is_invertible(u):
        facts.append("invertible")
    if u.sign == 2:
        facts.append("positive")
    if not u.is_scalar and u.is_square and u.symmetric:
        facts.append("symmetric")
    return tuple(sorted(facts))


def obstacle(g: Expr, x: Symbol) -> str:
    """Where the unknown stands so that the equation is not linear in it."""
    todo: list[Expr] = [g]
    while todo:
        e = todo.pop(0)
        inside = [c for c in e.operands if depends(c, x)]
        if not inside:
            continue
        if isinstance(e, (Add, BroadcastAdd)) or (isinstance(e, Operator) and e.structural and len(inside) == 1):
            todo.extend(inside)
        elif isinstance(e, (Product, Hadamard)):
            nonlinear = next((c for c in inside if not _is_affine(c, x)), None)
            if nonlinear is None:
                return f"{x.name} stands in {len(inside)} factors of {brief(e)}"
            todo.append(nonlinear)
        elif not _is_affine(e, x):
            return stands_inside(x, e)
    return stands_inside(x, g)


def _is_affine(e: Expr, x: Symbol) -> bool:
    try:
        return affine(e, x) is not None
    except Unsolved:
        return isinstance(e, Operator) and e.structural
