"""Small slips, one at a time: an expression with one transpose, one factor, one sign, one order changed.

Each rule takes a node and gives what it might have been. Applied to an answer an edit mends it; applied to the right
answer it makes the same slip: ``mends`` and ``slips`` are what the edit is called, and the sentence, either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import same_dim
from matcalc.errors import MatcalcError
from matcalc.expr import (
    ONE,
    Add,
    Entrywise,
    Expr,
    Hadamard,
    Number,
    Power,
    Product,
    Quotient,
    Symbol,
    Transpose,
    add,
    brief,
    hadamard,
    negate,
    power,
    product,
    quotient,
    rational,
    substitute,
    transpose,
)
from matcalc.functions import FUNCTIONS
from matcalc.node import postorder
from matcalc.ops.linalg import Inverse, MatrixPower, inv

MOST_NODES = 80
MOST_WORK = 20_000  # nodes in all the edited expressions together
LEAST_EDITS = 60
FUNCTIONS_CONFUSED = ("sin", "cos", "exp", "log", "tanh", "sigmoid", "sinh", "cosh", "sign", "relu", "sqrt", "abs")
TWO = Number(sp.Integer(2))


@dataclass(frozen=True, eq=False)
class Edit:
    """One change: the node before and after, and what it is called on an answer and on the right answer."""

    before: Expr
    after: Callable[[], Expr]
    mends: tuple[str, Callable[[], str]]
    slips: tuple[str, Callable[[], str]]


Rule = Callable[[Expr], Iterator[Edit]]


def edits(root: Expr) -> Iterator[tuple[Edit, Expr]]:
    """The edits of an expression, with the edited expression, rule after rule; fewer of a long one."""
    nodes = [n for n in postorder([root], lambda e: e.operands) if n.axes is None]
    left = max(LEAST_EDITS, MOST_WORK // len(nodes))
    for rule in RULES:
        for node in nodes[-MOST_NODES:]:
            for edit in rule(node):
                with suppress(MatcalcError):
                    result = substitute(root, {node: edit.after()})
                    if result is not root:
                        yield edit, result
                        left -= 1
                if left <= 0:
                    return


def _should(old: Expr, new: Expr) -> str:
    return f"in the answer, {brief(old)} should be {brief(new)}"


def _has(old: Expr, new: Expr) -> str:
    return f"the right answer has {brief(old)} where the answer has {brief(new)}"


def _changed(before: Expr, after: Callable[[], Expr], mends: str, slips: str, old: Expr, new: Expr) -> Edit:
    return Edit(before, after, (mends, lambda: _should(old, new)), (slips, lambda: _has(old, new)))


def _with(node: Expr, k: int, new: Expr) -> Callable[[], Expr]:
    return lambda: node.rebuild([new if j == k else c for j, c in enumerate(node.operands)])


# ------------------------------------------------------------------ the rules
def transposes(node: Expr) -> Iterator[Edit]:
    """An operand transposed, or one transpose less."""
    if isinstance(node, Transpose):
        return
    for k, c in enumerate(node.operands):
        if isinstance(c, Transpose):
            yield _changed(node, _with(node, k, c.arg), "extra transpose inside", "missing transpose inside", c, c.arg)
        elif not c.is_scalar and not c.symmetric:
            t = transpose(c)
            yield _changed(node, _with(node, k, t), "missing transpose inside", "extra transpose inside", c, t)


def entrywise_or_matrix(node: Expr) -> Iterator[Edit]:
    """A matrix product that should be entrywise, or the other way round."""
    if isinstance(node, Product):
        for k, (a, b) in enumerate(zip(node.args, node.args[1:], strict=False)):
            for x, y in ((a, b), (_turned(a), b), (a, _turned(b))):
                if x.shape == y.shape:
                    yield _pair(node, k, k + 1, product(a, b), hadamard(x, y), "product for Hadamard", "Hadamard for product")
    if isinstance(node, Hadamard):
        arrays = [k for k, a in enumerate(node.args) if not a.is_scalar]
        for k, i in enumerate(arrays):
            for j in arrays[k + 1 :]:
                a, b = node.args[i], node.args[j]
                for x, y in ((a, b), (b, a), (_turned(a), b), (a, _turned(b)), (_turned(b), a), (b, _turned(a))):
                    if same_dim(x.cols, y.rows):
                        yield _pair(node, i, j, hadamard(a, b), product(x, y), "Hadamard for product", "product for Hadamard")


def _pair(node: Expr, i: int, j: int, old: Expr, new: Expr, mends: str, slips: str) -> Edit:
    """Two factors of a node put together in another way."""
    args = list(node.operands)
    together = [*args[:i], new, *(a for k, a in enumerate(args[i + 1 :], i + 1) if k != j)]
    join = product if isinstance(node, Product) else hadamard
    return _changed(node, lambda: join(*together), mends, slips, old, new)


def _turned(e: Expr) -> Expr:
    return e.arg if isinstance(e, Transpose) else transpose(e)


def orders(node: Expr) -> Iterator[Edit]:
    """Two factors of a product in the other order."""
    if not isinstance(node, Product):
        return
    for i in range(len(node.args)):
        for j in range(i + 1, min(i + 3, len(node.args))):
            args = list(node.args)
            args[i], args[j] = args[j], args[i]
            with suppress(MatcalcError):
                yield _swapped(node, product(*node.args[i : j + 1]), product(*args[i : j + 1]), product(*args))


def _swapped(node: Expr, old: Expr, new: Expr, result: Expr) -> Edit:
    def words(wrong: Expr, right: Expr) -> str:
        return f"the factors are in another order: {brief(wrong)} should be {brief(right)}"

    return Edit(node, lambda: result, ("commuting", lambda: words(old, new)), ("commuting", lambda: words(new, old)))


def terms(node: Expr) -> Iterator[Edit]:
    """A term too many, or with the other sign, inside the expression."""
    if not isinstance(node, Add):
        return
    for k, t in enumerate(node.args):
        rest = [a for j, a in enumerate(node.args) if j != k]
        yield _without_term(node, t, rest)
        yield _turned_term(node, t, _with(node, k, negate(t)))


def _without_term(node: Expr, t: Expr, rest: Sequence[Expr]) -> Edit:
    return Edit(
        node,
        lambda: add(*rest),
        ("extra term", lambda: f"in {brief(node)} the term {brief(t)} should not be there"),
        ("missing term", lambda: f"the term {brief(t)} is missing, from {brief(node)}"),
    )


def _turned_term(node: Expr, t: Expr, after: Callable[[], Expr]) -> Edit:
    def words() -> str:
        return f"in {brief(node)} the sign of the term {brief(t)} is wrong"

    return Edit(node, after, ("sign of one term", words), ("sign of one term", words))


def factors(node: Expr) -> Iterator[Edit]:
    """A factor too many."""
    if isinstance(node, (Product, Hadamard)):
        join = product if isinstance(node, Product) else hadamard
        for k, f in enumerate(node.args):
            rest = [a for j, a in enumerate(node.args) if j != k]
            yield _factor(node, lambda rest=rest, join=join: join(*rest), f)  # type: ignore[misc]
    if isinstance(node, Quotient):
        yield _factor(node, lambda: node.above, quotient(ONE, node.below))


def _factor(node: Expr, after: Callable[[], Expr], f: Expr) -> Edit:
    return Edit(
        node,
        after,
        ("extra factor", lambda: f"in {brief(node)} the factor {brief(f)} should not be there"),
        ("missing factor", lambda: f"the factor {brief(f)} is missing, from {brief(node)}"),
    )


def inverses(node: Expr) -> Iterator[Edit]:
    """An inverse too many or too few."""
    if isinstance(node, Inverse):
        yield _changed(node, lambda: node.arg, "inverse", "inverse", node, node.arg)
    elif node.is_square and not node.is_scalar:
        with suppress(MatcalcError):
            yield _changed(node, lambda: inv(node), "inverse", "inverse", node, inv(node))
    if isinstance(node, Quotient):
        turned = [hadamard(node.above, node.below)]
        if node.above.shape == node.below.shape:
            turned.append(quotient(node.below, node.above))
        for new in turned:
            yield _changed(node, lambda new=new: new, "inverse", "inverse", node, new)  # type: ignore[misc]


def powers(node: Expr) -> Iterator[Edit]:
    """A square too many or too few, an exponent off by one."""
    found: list[Expr] = []
    with suppress(MatcalcError):
        if isinstance(node, Power):
            p = rational(node.exponent)
            around = [p - 1, p + 1, -p, p / 2, 2 * p] if p is not None else []
            found += [node.base, *(power(node.base, Number(q)) for q in around if q not in (0, 1))]
            if p is None:
                found += [power(node.base, add(node.exponent, Number(sp.Integer(k)))) for k in (-1, 1)]
        elif isinstance(node, MatrixPower):
            found.append(node.operands[0])
        elif not isinstance(node, Number):
            found.append(power(node, TWO))
            if node.is_scalar:
                found += [quotient(ONE, node), power(node, Number(sp.Rational(1, 2)))]
            if node.is_square and not node.is_scalar and isinstance(node, (Symbol, Inverse)):
                found.append(product(node, node))
        if isinstance(node, Product) and any(a is b for a, b in zip(node.args, node.args[1:], strict=False)):
            k = next(k for k, (a, b) in enumerate(zip(node.args, node.args[1:], strict=False)) if a is b)
            found.append(product(*node.args[:k], *node.args[k + 1 :]))
    for new in found:
        yield _changed(node, lambda new=new: new, "power", "power", node, new)  # type: ignore[misc]


def signs(node: Expr) -> Iterator[Edit]:
    """An argument with the other sign, a number that is off by a factor."""
    if not isinstance(node, (Add, Hadamard, Product, Transpose, Quotient)):
        for k, c in enumerate(node.operands):
            if not isinstance(c, Number):
                yield _changed(node, _with(node, k, negate(c)), "sign", "sign", c, negate(c))
    value = rational(node)
    if value is not None and value not in (0, -1):
        for factor in (sp.Integer(2), sp.Rational(1, 2), sp.Integer(-1), value):
            number = Number(value / factor)
            yield _changed(node, lambda number=number: number, "constant factor", "constant factor", node, number)  # type: ignore[misc]
    if isinstance(node, Add):
        for k, c in enumerate(node.args):
            for scale in (TWO, Number(sp.Rational(1, 2))):
                new = hadamard(scale, c)
                yield _changed(node, _with(node, k, new), "constant factor", "constant factor", c, new)


def confused(node: Expr) -> Iterator[Edit]:
    """One function of every entry for another."""
    if isinstance(node, Entrywise) and len(node.operands) == 1 and node.name in FUNCTIONS_CONFUSED:
        for name in FUNCTIONS_CONFUSED:
            if name != node.name:
                with suppress(MatcalcError):
                    new = FUNCTIONS[name](node.operands[0])
                    yield _changed(node, lambda new=new: new, "other function", "other function", node, new)  # type: ignore[misc]


RULES: Sequence[Rule] = (
    transposes, entrywise_or_matrix, orders, terms, factors, inverses, powers, signs, confused,
)  # fmt: skip
