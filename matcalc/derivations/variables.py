"""Cutting a function into named variables, where regions that dissolve into indices meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy as sp

from matcalc.derivations.letters import letters, taken_names
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Hadamard,
    Let,
    Number,
    Power,
    Product,
    Symbol,
    Transpose,
    hadamard,
    product,
    transpose,
)
from matcalc.node import postorder
from matcalc.ops.elementwise import Sqrt
from matcalc.ops.linalg import MatrixPower
from matcalc.ops.reductions import Norm2, NormF, total
from matcalc.ops.unspecified import Unspecified
from matcalc.simplify import DISSOLVING

MOST_WRITTEN = 4  # matrix powers up to this are written out as products
TWO = Number(sp.Integer(2))


class Variables:
    """The variables that a function is made of, each a ``Let`` over symbols and variables before it.

    ``top`` is the function itself, the last of ``all``; ``taken`` holds the names given on the way, and those to ``avoid``.
    """

    def __init__(self, e: Expr, w: Symbol, earlier: Sequence[Let] = (), avoid: Iterable[str] = ()) -> None:
        self.w = w
        self.earlier = {v.arg: v.name for v in earlier}  # the same part keeps the name that it has
        self.taken: set[str] = {*(v.name for v in earlier), *avoid}
        self.all: list[Let] = []
        self.reserved: set[str] = set()  # the names that the function uses
        self.top = self.named(e)

    def named(self, e: Expr) -> Let:
        """The function as a variable, its parts cut out as variables before it."""
        e = written_out(e)
        self.reserved = taken_names([e]) | {"f", "L"}
        order = list(postorder([e], lambda x: x.operands))
        uses: dict[Expr, list[Expr]] = {n: [] for n in order}
        depends: set[Expr] = set()
        pointwise: set[Expr] = set()
        for node in order:
            if node is self.w or any(c in depends for c in node.operands):
                depends.add(node)
                if is_pointwise(node, [c for c in node.operands if c in depends], pointwise):
                    pointwise.add(node)
            for c in node.operands:
                uses[c].append(node)
        made: dict[Expr, Expr] = {}
        for node in order:
            new = node.rebuild([made[c] for c in node.operands]) if node.operands else node
            named = isinstance(node, Let)
            if not named and node is not e and node in depends and node.operands and is_cut(node, uses, pointwise):
                loss = any(isinstance(p, Unspecified) for p in uses[node])
                new, named = Let(self.earlier.get(new) or self.fresh(node, e, "f" if loss else ""), new), True
            if named and node in depends:
                assert isinstance(new, Let)
                self.all.append(new)
            made[node] = new
        last = made[e]
        if not isinstance(last, Let):
            wish = e.function if isinstance(e, Unspecified) else "f"
            last = Let(free_name(e, wish, self.taken), last)
            self.all.append(last)
        return last

    def fresh(self, node: Expr, whole: Expr, wish: str = "") -> str:
        """A name for a variable: a letter that nothing else has, ``wish`` if that is free."""
        if wish and wish == free_name(whole, wish, self.taken):
            self.taken.add(wish)
            return wish
        name = next(x for x in letters(node) if x not in self.taken and x not in self.reserved)
        self.taken.add(name)
        return name


def dim_names(e: Expr) -> set[str]:
    """The names of the dimensions of an expression's symbols."""
    return {str(d) for s in e.symbols for d in s.dims}


def written_out(e: Expr) -> Expr:
    """The function with norms as a lecturer writes them: ``r'*r`` for a squared norm, a root for a norm."""
    done: dict[Expr, Expr] = {}
    for node in postorder([e], lambda x: x.operands):
        new = node.rebuild([done[c] for c in node.operands]) if node.operands else node
        match new:
            case Norm2(arg):
                new = Sqrt(product(transpose(arg), arg))
            case NormF(arg):
                new = Sqrt(total(hadamard(arg, arg)))
            case Power(Sqrt(arg), exponent) if exponent is TWO:
                new = arg
            case MatrixPower(base, Number(k)) if k.is_Integer and 2 <= k <= MOST_WRITTEN:
                new = product(*([base] * int(k)))
        done[node] = new
    return done[e]


def is_pointwise(node: Expr, active: list[Expr], pointwise: set[Expr]) -> bool:
    """Whether each entry of a node depends on the entries at the same place alone, through a function."""
    if isinstance(node, Entrywise) and not node.structural:
        return True
    if isinstance(node, (Add, BroadcastAdd, Hadamard)):
        plain = all(c in pointwise or isinstance(c, Symbol) for c in active)
        return plain and any(c in pointwise for c in active)
    return False


def is_cut(node: Expr, uses: dict[Expr, list[Expr]], pointwise: set[Expr]) -> bool:
    """Whether a node becomes a variable: where regions meet, and where a large node is used twice, transposed or not."""
    parents = uses[node]
    if any(isinstance(p, Let) for p in parents):
        return False
    written = sum((len(uses[p]) or 1) if isinstance(p, Transpose) else 1 for p in parents)
    if written > 1 and not isinstance(node, Transpose) and not _is_small(node):
        return True
    if node in pointwise:
        return any(isinstance(p, Product) or not (is_region(p) or p in pointwise) for p in parents)
    if is_region(node):
        return any(not is_region(p) or p in pointwise for p in parents)
    return True


def is_region(e: Expr) -> bool:
    """Whether a node's entries are sums of products of its operands' entries."""
    return isinstance(e, (*DISSOLVING, Add, BroadcastAdd, Symbol)) or not e.operands


def _is_small(e: Expr) -> bool:
    return e.cost <= 2


def free_name(e: Expr, wish: str, taken: set[str]) -> str:
    """``wish``, with a number behind it if something in ``e`` has that name already."""
    used = taken | {s.name for s in e.symbols} | {str(d) for s in e.symbols for d in s.shape}
    used |= {n.name for n in postorder([e], lambda x: x.operands) if isinstance(n, Let)}
    k = 0
    name = wish
    while name in used:
        k += 1
        name = f"{wish}{k}"
    return name
