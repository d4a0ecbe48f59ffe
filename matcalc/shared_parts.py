"""Which shared parts of expressions get a name, and which name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matcalc.derivations.letters import custom, pool, taken_names
from matcalc.dims import is_name
from matcalc.errors import OperandError
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Expr,
    Let,
    Number,
    Symbol,
    Transpose,
    as_expr,
    brief,
    negate,
    substitute_all,
    transpose,
)
from matcalc.node import postorder
from matcalc.ops.complex import Conj
from matcalc.ops.linalg import Inverse
from matcalc.parse import parse
from matcalc.rules.chain import turn

LEAST = 3  # parts that are shorter keep no name of their own


def worthwhile(roots: Sequence[Expr]) -> dict[Expr, int]:
    """The parts worth a name, in the order in which they can be computed, with what naming each saves.

    One pass down counts how often each part is written: once for each use by a part that has a name of its own
    (if in the end one has none, the part is written more often still, and naming it saves more). One pass up decides.
    """
    order = list(postorder(roots, lambda x: x.operands))
    written = Counter(roots)
    for node in reversed(order):
        copies = 1 if is_nameable(node) else written[node]
        for c in node.operands:
            written[c] += copies
    cost: dict[Expr, int] = {}
    found: dict[Expr, int] = {}
    for node in order:
        if isinstance(node, Let):
            cost[node] = 1
            continue
        here = node.own_cost() + sum(cost[c] for c in node.operands)
        saved = (written[node] - 1) * here - written[node]
        if saved > 0 and here >= LEAST and is_nameable(node):
            found[node] = saved
            here = 1
        cost[node] = here
    return found


def aligned(roots: Sequence[Expr]) -> list[Expr]:
    """Expressions where the negative or the transpose of another part is written by that part.

    So ``b - A*x`` is ``-(A*x - b)`` where that occurs too, and one part with one name is enough.
    """
    order = list(postorder(roots, lambda x: () if isinstance(x, Let) else x.operands))
    sums: dict[object, Expr] = {}
    known: dict[Expr, Expr] = {}
    for let in (e for e in order if isinstance(e, Let)):
        known[let.arg] = let
        if isinstance(let.arg, (Add, BroadcastAdd)):
            sums[_terms(let.arg.operands)] = let
    swaps: dict[Expr, Expr] = {}
    for node in order:
        if node.cost < LEAST or not is_nameable(node) or isinstance(node, Let):
            continue
        is_sum = isinstance(node, (Add, BroadcastAdd))
        mirror = sums.get(_terms(map(negate, node.operands))) if is_sum else None
        turned = None if node.is_scalar or node.axes is not None else known.get(_turned(node))
        if node in known:
            swaps[node] = known[node]
        elif mirror is not None:
            swaps[node] = negate(mirror)
        elif turned is not None:
            swaps[node] = transpose(turned)
        else:
            known[node] = node
            if is_sum:
                sums[_terms(node.operands)] = node
    return substitute_all(roots, swaps) if swaps else list(roots)


def _turned(e: Expr) -> Expr:
    """The transpose, moved inside."""
    if isinstance(e, Add):
        return Add(tuple(map(turn, e.args)))
    return BroadcastAdd(turn(e.left), turn(e.right)) if isinstance(e, BroadcastAdd) else turn(e)


def _terms(terms: Iterable[Expr]) -> object:
    """What makes two sums the same, in whatever order they are written."""
    return frozenset(Counter(terms).items())


def is_nameable(e: Expr) -> bool:
    """Whether a part may have a name: not a symbol or a number, nor what is written as a mark on its operand."""
    return not isinstance(e, (Symbol, Number, Transpose, Conj, Inverse)) and bool(e.operands)


def with_letters(parts: Mapping[Expr, int], roots: Sequence[Expr]) -> dict[Expr, str]:
    """Names for parts by their kind; several with the same letter by custom are numbered."""
    taken = taken_names(roots)
    wished = {e: next((x for x in custom(e) if x not in taken), "") for e in parts}
    count = Counter(w for w in wished.values() if w)
    taken.update(count)
    last: Counter[str] = Counter()
    out: dict[Expr, str] = {}
    for e, wish in wished.items():
        if wish and count[wish] == 1:
            name = wish
        elif wish:
            name = ""
            while not name or name in taken:
                last[wish] += 1
                name = f"{wish}{last[wish]}"
        else:
            name = next(x for x in pool(e) if x not in taken)
        taken.add(name)
        out[e] = name
    return out


def from_list(names: Sequence[object], roots: Sequence[Expr]) -> dict[Expr, str]:
    """The given names for as many parts, those that save most, in the order in which they can be computed."""
    given = [_require_new(n, roots) for n in names]
    if len(set(given)) < len(given):
        raise OperandError(f"a name is given twice among {', '.join(given)}")
    parts = worthwhile(roots)
    best = set(sorted(parts, key=lambda e: -parts[e])[: len(given)])  # a stable sort: the first of equals
    return dict(zip((e for e in parts if e in best), given, strict=False))


def as_given(names: Mapping[str, object], roots: Sequence[Expr]) -> dict[Expr, str]:
    """The parts that a dict names."""
    order = dict.fromkeys(postorder(roots, lambda x: x.operands))
    known = {s.name: s for s in order if isinstance(s, (Symbol, Let))}
    out: dict[Expr, str] = {}
    for name, given in names.items():
        part = parse(given, known) if isinstance(given, str) else as_expr(given)
        if part not in order:
            raise OperandError(f"nothing to call {name}: {brief(part)} does not occur, as it is written, in {brief(roots[0])}")
        if isinstance(part, (Symbol, Number, Let)):
            raise OperandError(f"{brief(part)} has a name already; {name} would be another")
        if part in out:
            raise OperandError(f"{brief(part)} cannot be called both {out[part]} and {name}")
        out[part] = _require_new(name, roots)
    return out


def _require_new(name: object, roots: Sequence[Expr]) -> str:
    """A name that nothing in the expressions has.

    Raises
    ------
    OperandError
        If it is not a name, or is in use.
    """
    if not isinstance(name, str) or not is_name(name):
        raise OperandError(f"{name!r} is not a name: use letters, digits and _, a letter first")
    if name in taken_names(roots):
        raise OperandError(f"{name} is in use in {brief(roots[0])}: choose another name")
    return name


def rebuilt(roots: Sequence[Expr], chosen: Mapping[Expr, str]) -> list[Expr]:
    """The expressions with the chosen parts under their names, and nothing else changed."""
    done: dict[Expr, Expr] = {}

    def part(p: Any) -> Any:
        if isinstance(p, tuple):
            return tuple(part(x) for x in p)
        return done.get(p, p) if isinstance(p, Expr) else p

    for node in postorder(roots, lambda x: x.operands):
        moved = any(done[c] is not c for c in node.operands)
        new = type(node)(*map(part, node.parts)) if moved else node  # not rebuild, which would open nested products
        done[node] = Let(chosen[node], new) if node in chosen else new
    return [done[r] for r in roots]
