"""An order of symbols and operands that depends neither on names nor on how an expression was written.

Symbols are told apart by where they stand: colours are refined from the symbols up and from the root
down until no more are told apart [Weisfeiler and Leman, 1968]. Only symbols that nothing tells apart,
as in ``A + B``, are ordered by their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from matcalc.expr import Add, BroadcastAdd, Expr, Hadamard, Let, Symbol, is_negative, sort_key, substitute
from matcalc.node import postorder

ROUNDS = 8  # of refinement
COMMUTING = (Add, Hadamard, BroadcastAdd)
RESERVED = "\N{SECTION SIGN}"  # begins the names of ranked symbols; no symbol can have it


def ranked(e: Expr) -> tuple[Expr, dict[Expr, Expr]]:
    """An expression with its symbols named by rank, and the way back to their names."""
    e = arranged(e)
    colour = colours(e)
    order = sorted(colour, key=lambda s: (colour[s], s.name))
    there: dict[Expr, Expr] = {s: type(s)(f"{RESERVED}{k:05d}", *s.parts[1:]) for k, s in enumerate(order)}
    return arranged(substitute(e, there)), {new: old for old, new in there.items()}


def arranged(e: Expr) -> Expr:
    """The operands of sums and entrywise products in the order of ``sort_key``, in all of an expression."""
    done: dict[Expr, Expr] = {}
    for node in postorder([e], lambda x: x.operands):
        parts = [done[c] for c in node.operands]
        if isinstance(node, Add):
            parts.sort(key=sort_key if node.is_scalar else _term_key)
        elif isinstance(node, Hadamard):
            parts.sort(key=lambda f: (not f.is_scalar, sort_key(f)))
        done[node] = node.rebuild(parts)
    return done[e]


def _term_key(term: Expr) -> tuple[bool, int, tuple[int, str, str]]:
    return is_negative(term), -term.leaves, sort_key(term)


def colours(e: Expr) -> dict[Symbol, tuple[int, str, str]]:
    """A colour for each symbol: how often it occurs, the most first, then its shape, then a digest of where it stands."""
    order = list(postorder([e], lambda x: x.operands))
    symbols = [s for s in order if isinstance(s, Symbol)]
    colour = {s: _digest(type(s).__name__, *map(str, s.parts[1:])) for s in symbols}
    uses = dict.fromkeys(symbols, 0)
    for node in order:
        for child in node.operands:
            if isinstance(child, Symbol):
                uses[child] += 1
    for _ in range(ROUNDS):
        above = _contexts(order, _below(order, colour))
        new = {s: _digest(colour[s], *sorted(above[s])) for s in symbols}
        settled = len(set(new.values())) == len(set(colour.values()))
        colour = new
        if settled:
            break
    return {s: (-uses[s], ",".join(map(str, s.shape)), colour[s]) for s in symbols}


def _below(order: Sequence[Expr], colour: dict[Symbol, str]) -> dict[Expr, str]:
    """A digest of each node by what stands below it."""
    found: dict[Expr, str] = {}
    for node in order:
        if isinstance(node, Symbol):
            found[node] = colour[node]
            continue
        parts = [found[c] for c in node.operands]
        name = node.name if isinstance(node, Let) else ""
        own = [
            str(p)
            for p in node.parts
            if not isinstance(p, Expr) and not (isinstance(p, tuple) and p and isinstance(p[0], Expr))
        ]
        found[node] = _digest(type(node).__name__, name, *own, *(sorted(parts) if isinstance(node, COMMUTING) else parts))
    return found


def _contexts(order: Sequence[Expr], below: dict[Expr, str]) -> dict[Expr, list[str]]:
    """For each node a digest of every place where it stands."""
    places: dict[Expr, list[str]] = {node: [] for node in order}
    for node in reversed(order):
        context = _digest(below[node], *sorted(places[node]))
        for k, child in enumerate(node.operands):
            places[child].append(_digest(context, "" if isinstance(node, COMMUTING) else str(k)))
    return places


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
