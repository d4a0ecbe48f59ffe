"""Sums multiplied out, or common factors taken out, where that costs less.

``A'*(diag(p) - p*p')*A`` becomes ``A'*diag(p)*A - (A'*p)*(A'*p)'``, and ``(X .- u)*ones(n)`` becomes row sums of ``X``
less ``n*u``. Both sides are planned, and the one that costs less by the sizes at hand is taken. This is exact algebra;
rounding differs where the terms of a sum cancel, by the size of the terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from matcalc.dims import is_unit
from matcalc.emit.backends import Backend
from matcalc.emit.planner import Planner
from matcalc.emit.sizes import Sizes
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Hadamard,
    Product,
    Quotient,
    Transpose,
    add,
    hadamard,
    ones,
    product,
    substitute_all,
)
from matcalc.node import postorder
from matcalc.ops.linalg import Inverse
from matcalc.ops.reductions import Total, Trace
from matcalc.ops.structure import Diag, Diagonal, Eye

WORTH = 0.9  # another form is taken if it costs at most this part
MOST_TERMS = 4  # of a sum that is multiplied out
LONGEST = 8  # factors of a product in which that happens
MOST_SUMS = 24  # that are looked at in one program
MOST_USES = 4  # of one sum
OPEN = (Add, BroadcastAdd, Product, Transpose, Hadamard, Quotient, Trace, Total, Diagonal, Inverse, Diag, Eye)
REDUCING = (Trace, Total, Diagonal)  # linear, with fewer entries than the operand


def cheapest(outputs: Sequence[Expr], backend: Backend, sizes: Sizes) -> list[Expr]:
    """The outputs with every sum multiplied out, or left, as costs less."""
    program = Program(list(outputs), backend, sizes)
    tried: set[Expr] = set()
    while len(tried) < MOST_SUMS:
        s = next((s for s in program.sums if s not in tried), None)
        if s is None:
            break
        tried.add(s)
        program.improve(s)
    return program.outputs


class Program:
    """Expressions that are computed together, with who uses what."""

    def __init__(self, outputs: list[Expr], backend: Backend, sizes: Sizes) -> None:
        self.backend, self.sizes = backend, sizes
        self.take(outputs)

    def take(self, outputs: list[Expr]) -> None:
        """Take these outputs."""
        self.outputs = outputs
        self.users: dict[Expr, list[Expr]] = {}
        self.sums: list[Expr] = []
        for e in postorder(outputs, lambda e: e.operands):
            for c in dict.fromkeys(e.operands):
                self.users.setdefault(c, []).append(e)
            if isinstance(e, (Add, BroadcastAdd)) and not e.is_scalar and e.axes is None and len(e.operands) <= MOST_TERMS:
                self.sums.append(e)
        self.kept = set(outputs)
        self.costs: dict[tuple[Expr, ...], float] = {}

    def improve(self, s: Expr) -> None:
        """Take another form of what uses the sum, or of the sum itself, if it costs less."""
        if isinstance(s, Add) and (other := common_factor(s)) is not None and self.cost([other]) < WORTH * self.cost([s]):
            self.take(substitute_all(self.outputs, {s: other}))
            return
        paths = [self.path(s, u) for u in self.users.get(s, [])]
        if not paths or len(paths) > MOST_USES:
            return
        best: dict[Expr, Expr] = {}
        for path in paths:
            options = list(expansions(s, path))
            if options:
                best[path[-1]] = min(options, key=lambda e: self.cost([e]))
        if not best:
            return
        rest = [s] if s in self.kept or len(best) < len(paths) else []
        if self.cost([*best.values(), *rest]) < WORTH * self.cost([*best, *rest]):
            self.take(substitute_all(self.outputs, best))

    def path(self, s: Expr, user: Expr) -> list[Expr]:
        """The linear operators from a use of ``s`` upwards, as long as nothing else needs what is between."""
        path: list[Expr] = []
        below = s
        while is_linear(user, below):
            path.append(user)
            users = self.users.get(user, [])
            if user in self.kept or len(users) != 1:
                break
            below, user = user, users[0]
        while path and not isinstance(path[-1], (Product, *REDUCING)):
            path.pop()
        return path

    def cost(self, roots: Sequence[Expr]) -> float:
        """What it costs to compute ``roots`` from the values of functions and from what else exists already."""
        found = self.costs.get(tuple(roots))
        if found is None:
            found = self.costs[tuple(roots)] = self._cost(roots)
        return found

    def _cost(self, roots: Sequence[Expr]) -> float:
        inside = frozenset(postorder(list(roots), lambda e: e.operands if isinstance(e, OPEN) else ()))
        given = [e for e in inside if e.operands and not self.belongs(e, inside, roots)]
        planner = Planner(roots, {}, self.backend, self.sizes, frozenset(given))
        return planner.f.ledger.total([planner.output(e) for e in roots])

    def belongs(self, e: Expr, inside: frozenset[Expr], roots: Sequence[Expr]) -> bool:
        """Whether computing ``e`` is part of the work: it is linear algebra that nothing outside needs."""
        if not isinstance(e, OPEN):
            return False
        if e in roots or isinstance(e, (Inverse, Diag, Transpose)):
            return True
        return e not in self.kept and all(u in inside for u in self.users.get(e, []))


def is_linear(user: Expr, e: Expr) -> bool:
    """Whether ``user`` is linear in its operand ``e``, everything else kept."""
    if isinstance(user, Product):
        return len(user.args) <= LONGEST and user.args.count(e) == 1
    if isinstance(user, Hadamard):
        return user.args.count(e) == 1 and all(a is e or a.is_scalar for a in user.args)
    if isinstance(user, Quotient):
        return user.above is e and user.below.is_scalar
    return isinstance(user, (Transpose, *REDUCING))


def terms_of(s: Expr) -> list[Expr]:
    """The terms of a sum, each of its shape."""
    return [spread_out(t, s) for t in s.operands]


def spread_out(t: Expr, s: Expr) -> Expr:
    """A term of the shape of ``s``: a scalar, a column or a row is repeated by a product with ones."""
    if t.is_scalar:
        return hadamard(t, ones(s.rows, s.cols))
    if is_unit(t.cols) and not is_unit(s.cols):
        return product(t, ones(1, s.cols))
    return product(ones(s.rows, 1), t) if is_unit(t.rows) and not is_unit(s.rows) else t


def expansions(s: Expr, path: Sequence[Expr]) -> Iterator[Expr]:
    """The last expression of the path in other forms: ``s`` multiplied out with some of the factors around it."""
    terms = terms_of(s)
    below = s
    for k, user in enumerate(path):
        if isinstance(user, Product):
            place = user.args.index(below)
            last = len(user.args) - 1
            for a in range(place + 1):
                for b in range(place, last + 1):
                    if a == b or (a, b) == (0, last):
                        continue
                    inner = add(*(between(user.args[a:place], t, user.args[place + 1 : b + 1]) for t in terms))
                    yield lifted(product(*user.args[:a], inner, *user.args[b + 1 :]), path[k:])
        terms = [applied(user, below, t) for t in terms]
        below = user
        ahead = path[k + 1 :]
        if isinstance(user, (Product, *REDUCING)) and not (ahead and isinstance(next_real(ahead), REDUCING)):
            yield lifted(add(*terms), path[k:])


def between(before: Sequence[Expr], t: Expr, after: Sequence[Expr]) -> Expr:
    """The product of ``t`` with what stands around it; an identity needs no place in it."""
    scalars, arrays = taken_apart(t)
    middle = [] if len(arrays) == 1 and isinstance(arrays[0], Eye) else [t]
    out = product(*before, *middle, *after)
    return out if middle else hadamard(*scalars, out)


def taken_apart(t: Expr) -> tuple[list[Expr], list[Expr]]:
    """The scalar factors of a term, and the others."""
    factors = t.args if isinstance(t, Hadamard) else (t,)
    return [a for a in factors if a.is_scalar], [a for a in factors if not a.is_scalar]


def next_real(path: Sequence[Expr]) -> Expr | None:
    """The next operator that is not a scalar's or a transpose."""
    return next((e for e in path if isinstance(e, (Product, *REDUCING))), None)


def lifted(e: Expr, path: Sequence[Expr]) -> Expr:
    """What the end of the path becomes if its start becomes ``e``."""
    for below, user in pairwise(path):
        e = applied(user, below, e)
    return e


def applied(user: Expr, below: Expr, e: Expr) -> Expr:
    """``user`` with ``e`` in the place of its operand ``below``."""
    if isinstance(user, Product):
        place = user.args.index(below)
        return between(user.args[:place], e, user.args[place + 1 :])
    return user.rebuild([e if a is below else a for a in user.operands])


def common_factor(s: Add) -> Expr | None:
    """``A*x - A*y`` as ``A*(x - y)``: the first or the last factor that all terms share, taken out."""
    split = [taken_apart(t) for t in s.args]
    if any(len(arrays) != 1 or not isinstance(arrays[0], Product) for _, arrays in split):
        return None
    chains = [arrays[0].args for _, arrays in split]  # type: ignore[attr-defined]
    for at, rest in ((0, slice(1, None)), (-1, slice(0, -1))):
        if len({c[at] for c in chains}) == 1:
            inner = add(*(hadamard(*scalars, product(*c[rest])) for (scalars, _), c in zip(split, chains, strict=True)))
            return product(chains[0][0], inner) if at == 0 else product(inner, chains[0][-1])
    return None
