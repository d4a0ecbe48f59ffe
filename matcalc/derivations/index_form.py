"""Networks and definitions as index terms, for the lines of derivations."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from matcalc.expr import Expr, Let, Number, Operator, Symbol
from matcalc.index import At, Delta, Entry, Index, Num, Pair, Plus, Sum, Term, Times
from matcalc.network import Contracted, Network
from matcalc.scalar import Scalars


def define(e: Expr, row: At, col: At) -> Term:
    """An entry of ``e`` in index notation, down to its symbols and variables."""
    if isinstance(e, (Symbol, Let)) or not e.operands or not isinstance(e, Operator):
        return Entry(e, row, col) if not isinstance(e, Number) else Num(e.value)
    if type(e).entry is Operator.entry or is_unsplit(e, row, col):
        return Entry(e, row, col)
    return _defined(e.entry(row, col))


def is_unsplit(e: Operator, row: At, col: At) -> bool:
    """Whether one index runs along an axis that is stacked from several, whose entries take one index for each."""
    return any(len(dims) > 1 and not isinstance(at, Pair) for dims, at in zip(e.composite_axes(), (row, col), strict=True))


def _defined(term: Term) -> Term:
    match term:
        case Entry(array, row, col):
            return define(array, row, col)
        case Sum(index, body):
            return Sum(index, _defined(body))
        case Times(parts):
            return Times(tuple(_defined(p) for p in parts))
        case Plus(parts):
            return Plus(tuple(_defined(p) for p in parts))
        case _:
            return term if isinstance(term, (Num, Delta)) else type(term)(term.operator, tuple(_defined(a) for a in term.args))


def copied(net: Network) -> Network:
    """The same network, for steps that use it up."""
    return Network(net.coefficient, list(net.factors), list(net.deltas), list(net.bound))


def _coefficient_terms(value: sp.Expr, scalars: Scalars) -> list[Term]:
    if value == 1:
        return []
    if value.is_Rational:
        return [Num(value)]
    number, rest = value.as_coeff_Mul()
    parts: list[Term] = [] if number == 1 else [Num(number)]
    return [*parts, Entry(scalars.back(rest), None, None)]


def network_term(net: Network, scalars: Scalars, keep: tuple[Index | None, ...]) -> Term:
    """A network with its deltas, as a term."""
    parts = [*_coefficient_terms(net.coefficient, scalars), *(Entry(*f) for f in net.factors), *net.deltas]
    body: Term = parts[0] if len(parts) == 1 else Times(tuple(parts))
    for index in reversed(net.bound):
        if index not in keep:
            body = Sum(index, body)
    return body


def contracted_term(net: Contracted, scalars: Scalars, k: Index | None, l: Index | None) -> Term:  # noqa: E741
    """A contracted network as a term; a delta stays where two free indices are tied."""
    parts: list[Term] = [*_coefficient_terms(net.coefficient, scalars), *(Entry(*f) for f in net.factors)]
    if k is not None and l is not None and net.row is net.col:
        parts.append(Delta(k, l))
        parts = [_renamed(p, net.row, k) for p in parts]
    body: Term = parts[0] if len(parts) == 1 else Times(tuple(parts))
    for index in reversed(net.bound):
        body = Sum(index, body)
    return body


def contracted_freely(net: Contracted, scalars: Scalars, free: Sequence[Index | None], became: Sequence[Index | None]) -> Term:
    """A contracted network with any number of free indices as a term; free indices that are one vertex are tied by deltas."""
    homes: dict[Index, Index] = {}
    ties: list[Term] = []
    for i, vertex in zip(free, became, strict=True):
        if i is None or vertex is None:
            continue
        if vertex in homes:
            ties.append(Delta(homes[vertex], i))
        else:
            homes[vertex] = i
    factors: list[Term] = [Entry(*f) for f in net.factors]
    for vertex, i in homes.items():
        factors = [_renamed(p, vertex, i) for p in factors]
    parts = [*_coefficient_terms(net.coefficient, scalars), *factors, *ties] or [Num(sp.Integer(1))]
    body: Term = parts[0] if len(parts) == 1 else Times(tuple(parts))
    for index in reversed(net.bound):
        body = Sum(index, body)
    return body


def _renamed(term: Term, old: Index | None, new: Index) -> Term:
    match term:
        case Entry(array, row, col):
            return Entry(array, new if row is old and row is not None else row, new if col is old and col is not None else col)
        case _:
            return term


def plus(terms: list[Term]) -> Term:
    """The sum of terms, or the one that there is."""
    return terms[0] if len(terms) == 1 else Plus(tuple(terms))


def collected(terms: list[Term]) -> list[Term]:
    """Equal terms as one with a number in front."""
    counts: dict[Term, int] = {}
    for t in terms:
        counts[t] = counts.get(t, 0) + 1
    return [t if n == 1 else Times((Num(sp.Integer(n)), t)) for t, n in counts.items()]
