"""One equation solved for one unknown, where it is linear or becomes so by undoing functions.

Ways, in turn: linear in the unknown; every entry an equation of its own, which SymPy's algebra turns
into ``u = c`` or ``u^p = c``; linear in one function of the unknown, such as ``inv(S)`` or ``exp(x)``,
after factors that are not zero have been taken away; then that function is undone.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.differentiate import change_of, push
from matcalc.dims import same_dim
from matcalc.equations import (
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
    without_minus,
)
from matcalc.errors import LimitError
from matcalc.expand import terms_of
from matcalc.exponentials import factors_and_divisors, tidied
from matcalc.expr import (
    ONE,
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Ones,
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
    quotient,
    rational,
    spread,
    substitute,
    transpose,
)
from matcalc.inverse_functions import UNDONE, Undo
from matcalc.linear_equations import affine, solve_affine
from matcalc.matrix_roots import factors_of, positive_definite_root
from matcalc.node import postorder
from matcalc.ops.elementwise import Exp, Sqrt
from matcalc.ops.linalg import Inverse
from matcalc.ops.structure import Zeros, eye, zeros
from matcalc.prover import Prover
from matcalc.roots import entry_root, entry_unknowns
from matcalc.simplify import simplify_all

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


# ------------------------------------------------------------------ factors that are not zero
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


# ------------------------------------------------------------------ entry by entry
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


# ------------------------------------------------------------------ one function undone
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


# ------------------------------------------------------------------ why not
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


def eliminated(unknowns: Sequence[Symbol], equations: Sequence[Expr], working: Working) -> dict[Symbol, Expr]:
    """As many equations as unknowns, by elimination: one is solved for one unknown, that put into the others, and so on.

    Raises
    ------
    Unsolved
        If no order of elimination gets through; it says why the first did not.
    """
    if not unknowns:
        return {}
    reason: Unsolved | None = None
    pairs = sorted(((i, j) for i in range(len(unknowns)) for j in range(len(equations))), key=lambda p: p[0] != p[1])
    for i, j in pairs:
        x, g = unknowns[i], equations[j]
        if i != j and not (depends(g, x) and same_dim(g.rows, x.rows) and same_dim(g.cols, x.cols)):
            continue
        try:
            with working.attempt():
                value = tidied(solved(g, x, working))
                working.eliminated.append((x, value, i == j))
                others = [h for k, h in enumerate(equations) if k != j]
                put_in = [tidied(simplified(substitute(h, {x: value}))) for h in others]
                for before, after in zip(others, put_in, strict=True):
                    if depends(before, x):
                        working.step("substitute", f"{x.name} is put in", equals_zero(before), equals_zero(after))
                found = eliminated([y for k, y in enumerate(unknowns) if k != i], put_in, working)
                values: dict[Expr, Expr] = dict(found.items())
                whole = without_minus(tidied(simplified(substitute(value, values))))
                working.step("substitute", "the other solutions are put in", Equation(x, value), Equation(x, whole))
                return {**found, x: whole}
        except Unsolved as caught:
            reason = reason or caught
    raise reason if reason is not None else Unsolved("no equation holds the unknown")
