"""Deltas summed away one at a time, for derivations in full."""

from __future__ import annotations

from dataclasses import replace

from matcalc.derivations.steps import Step, is_term
from matcalc.index import At, Delta, Entry, Index, Map, Num, Pair, Plus, Sum, Term, Times
from matcalc.printing.index_terms import IndexNames


def contractions(step: Step) -> list[Step]:
    """One step for each delta that a sum runs into."""
    assert is_term(step.before)
    assert is_term(step.after)
    out: list[Step] = []
    names = step.names
    term: Term = step.before
    while True:
        spread = _spread(term)
        if spread is not None:
            out.append(
                replace(step, rule="distribute", why="a product with a sum is a sum of products", before=term, after=spread)
            )
            term = spread
        found = _contracted(term)
        if found is None:
            break
        after, gone, kept, delta = found
        why = f"{_delta(delta, names)} leaves of the sum over {names[gone]} the term with {names[gone]} = {_at(kept, names)}"
        out.append(replace(step, why=why, before=term, after=after))
        term = after
    if not out:
        return [step]
    if _addends(term) == _addends(step.after):  # the same, or with factors in another order
        out[-1] = replace(out[-1], after=step.after)
    else:
        out.append(replace(step, rule="merge", why="equal terms are added up", before=term))
    return out


def _addends(term: Term) -> int:
    return len(term.terms) if isinstance(term, Plus) else 1


def _contracted(term: Term) -> tuple[Term, Index, At, Delta] | None:
    """A term with one delta summed away, the index that went, what stands in its place, and the delta."""
    match term:
        case Sum(i, body):
            for delta in _deltas(body):
                kept = delta.right if delta.left is i else delta.left
                if i in (delta.left, delta.right) and kept is not i:
                    return _put(_without(body, delta), i, kept), i, kept, delta
            found = _contracted(body)
            return None if found is None else (Sum(i, found[0]), *found[1:])
        case Times(parts) | Plus(parts):
            for k, p in enumerate(parts):
                found = _contracted(p)
                if found is not None:
                    return type(term)((*parts[:k], found[0], *parts[k + 1 :])), *found[1:]
            return None
        case _:
            return None


def _deltas(term: Term) -> list[Delta]:
    """The deltas that a term is multiplied by, under its sums."""
    match term:
        case Delta():
            return [term]
        case Sum(_, body):
            return _deltas(body)
        case Times(parts):
            return [d for p in parts for d in _deltas(p)]
        case _:
            return []


def _without(term: Term, delta: Delta) -> Term:
    """A term with the first factor ``delta`` taken out."""
    match term:
        case Sum(i, body):
            return Sum(i, _without(body, delta))
        case Times(parts):
            for k, p in enumerate(parts):
                if p is delta:
                    rest = (*parts[:k], *parts[k + 1 :])
                    return rest[0] if len(rest) == 1 else Times(rest)
                if any(d is delta for d in _deltas(p)):
                    return Times((*parts[:k], _without(p, delta), *parts[k + 1 :]))
            raise AssertionError(delta)
        case _:
            return _ONE


_ONE = Times(())


def _put(term: Term, old: Index, new: At) -> Term:
    """A term with ``new`` in every place of an index."""

    def at(place: At) -> At:
        if isinstance(place, Pair):
            return Pair(at(place.left), at(place.right))
        return new if place is old else place

    match term:
        case Entry(array, row, col):
            return Entry(array, at(row), at(col))
        case Delta(left, right):
            return Delta(at(left), at(right))
        case Sum(i, body):
            return Sum(i, _put(body, old, new))
        case Times(parts):
            return Times(tuple(_put(p, old, new) for p in parts))
        case Plus(parts):
            return Plus(tuple(_put(p, old, new) for p in parts))
        case Map(operator, args):
            return Map(operator, tuple(_put(a, old, new) for a in args))
        case Num():
            return term


def _spread(term: Term) -> Term | None:
    """A term with a product multiplied out where a delta stands inside a sum in it, sums outside its addends."""
    match term:
        case Sum(i, body):
            inner = _spread(body)
            if inner is None:
                return None
            return Plus(tuple(Sum(i, t) for t in inner.terms)) if isinstance(inner, Plus) else Sum(i, inner)
        case Times(parts):
            for k, p in enumerate(parts):
                if isinstance(p, Plus) and any(_deltas(t) for t in p.terms):
                    return Plus(tuple(_joined((*parts[:k], t, *parts[k + 1 :])) for t in p.terms))
            return None
        case Plus(parts):
            spread = [_spread(p) for p in parts]
            if all(s is None for s in spread):
                return None
            return Plus(tuple(p if s is None else s for p, s in zip(parts, spread, strict=True)))
        case _:
            return None


def _joined(parts: tuple[Term, ...]) -> Term:
    """A product, products in it opened, numbers first."""
    factors = [f for p in parts for f in (p.factors if isinstance(p, Times) else (p,))]
    return Times(tuple(sorted(factors, key=lambda f: not isinstance(f, Num))))


def _delta(delta: Delta, names: IndexNames) -> str:
    return f"delta[{_at(delta.left, names)},{_at(delta.right, names)}]"


def _at(at: At, names: IndexNames) -> str:
    return names[at] if isinstance(at, Index) else "1" if at is None else str(at)
