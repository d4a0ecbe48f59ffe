"""Cheaper arithmetic for large arrays: vectors meet before matrices, sums of products need no product, masks no jumps.

A pass over the values of a finished program; it changes results by rounding errors alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matcalc.emit.passes.memory import Facts, entries_of, facts_of, function_of
from matcalc.emit.shapes import shape_of
from matcalc.emit.sizes import Sizes
from matcalc.emit.values import Builder, Value
from matcalc.expr import Symbol
from matcalc.node import postorder

ROOMY = 512  # entries from which on a pass over an array costs more than the call
MOST_TERMS = 8  # of a combination that is looked at
SUMS = {"np.sum(#1)": None, "#1.sum(axis=0)": 0, "#1.sum(axis=1)": 1}
OF_PRODUCTS = {None: "np.vdot(#1, #2)", 0: "np.einsum('ij,ij->j', #1, #2)", 1: "np.einsum('ij,ij->i', #1, #2)"}
LINEAR = frozenset(("#1 + #2", "#1 - #2", "-#1"))


def tidied(outputs: Sequence[Value], symbols: Mapping[str, Symbol], builder: Builder, sizes: Sizes) -> list[Value]:
    """The outputs with cheaper arithmetic."""
    p = _Program(outputs, symbols, builder, sizes)
    for way in (_masks, _sums, _combinations):
        new = way(p)
        if any(a is not b for a, b in zip(new, p.outputs, strict=True)):
            p = _Program(new, symbols, builder, sizes)
    return list(p.outputs)


class _Program:
    """The values of a program with what is known of them."""

    def __init__(self, outputs: Sequence[Value], symbols: Mapping[str, Symbol], builder: Builder, sizes: Sizes) -> None:
        self.outputs, self.b, self.sizes = outputs, builder, sizes
        self.facts: dict[Value, Facts] = facts_of(outputs, symbols)
        self.order = list(postorder(outputs, lambda v: v.args))
        self.uses = Counter(a for v in self.order for a in v.args)
        self.uses.update(outputs)

    def is_large(self, v: Value) -> bool:
        """Whether a value is a real array that is worth some thought."""
        fact = self.facts[v]
        return fact.is_array and fact.shape is not None and entries_of(fact.shape, self.sizes) >= ROOMY

    def rebuilt(self, changed: Mapping[Value, Value]) -> list[Value]:
        """The outputs with some values replaced by others, which are made of old values."""
        done: dict[Value, Value] = {}

        def needs(v: Value) -> tuple[Value, ...]:
            return (changed[v],) if v in changed else v.args

        for v in postorder(self.outputs, needs):
            if v in changed:
                done[v] = done[changed[v]]
            elif all(done[a] is a for a in v.args):
                done[v] = v
            elif v.name:
                done[v] = Value(v.code, tuple(done[a] for a in v.args), v.of, integer=v.integer)
                done[v].name, done[v].shape = v.name, v.shape
            else:
                done[v] = self.b.make(v.code, *(done[a] for a in v.args))
                done[v].shape = v.shape
        return [done[v] for v in self.outputs]

    def made(self, code: str, *args: Value) -> Value:
        """A new value, whose shape is told by its template."""
        v = self.b.make(code, *args)
        shape_of(v)
        return v


def _masks(p: _Program) -> list[Value]:
    """``h > 0`` for the step function of ``z``, with ``h`` its positive part, where the step only scales other arrays."""
    readers: dict[Value, list[Value]] = {v: [] for v in p.order}
    for v in p.order:
        for a in v.args:
            readers[a].append(v)
    changed: dict[Value, Value] = {}
    steps = [v for v in p.order if v.code == "np.heaviside(#1, 0.0)" and p.is_large(v) and v not in p.outputs]
    for v in steps:
        others = [a for c in readers[v] for a in c.args if a is not v]
        scales = all(c.code == "#1 * #2" and c.args[0] is not c.args[1] for c in readers[v])
        if scales and all(p.facts[a].real and p.facts[a].shape and a not in steps for a in others):
            positive = p.b.known.get(("np.maximum(#1, 0)", id(v.args[0])))
            base = positive if positive in p.facts else v.args[0]
            assert base is not None
            changed[v] = p.made("#1 > 0", base)
    return p.rebuilt(changed) if changed else list(p.outputs)


def _sums(p: _Program) -> list[Value]:
    """Sums of products without the products; sums of multiples of arrays as multiples of sums."""
    changed: dict[Value, Value] = {}
    for v in p.order:
        if v.code in SUMS and p.is_large(v.args[0]) and p.uses[v.args[0]] == 1 and not v.args[0].name:
            new = _sum_of_terms(p, v) or _sum_of_product(p, v)
            if new is not None:
                new.shape = v.shape if new.shape is None else new.shape
                changed[v] = new
    return p.rebuilt(changed) if changed else list(p.outputs)


def _sum_of_product(p: _Program, v: Value) -> Value | None:
    (arg,), axis = v.args, SUMS[v.code]
    if arg.code in ("np.square(#1)", "#1 * #1"):
        x = y = arg.args[0]
    elif arg.code == "#1 * #2":
        x, y = arg.args
    else:
        return None
    if p.facts[x].shape != p.facts[y].shape or not (p.facts[x].real and p.facts[y].real) or "#1 > 0" in (x.code, y.code):
        return None
    if x.code == y.code == "#1.T":
        x, y = x.args[0], y.args[0]
        axis = None if axis is None else 1 - axis
    shape = p.facts[x].shape
    assert shape is not None
    if len(shape) == 1:
        return p.made("#1 @ #2", x, y) if axis is None else None
    return p.made(OF_PRODUCTS[axis], x, y) if len(shape) == 2 else None


@dataclass
class _Term:
    """A multiple of an array: its number, the scalars, and the vectors along the last axis that scale it; and its sign."""

    base: Value
    factors: list[Value]
    minus: bool = False


def _terms(p: _Program, v: Value, *, through_shared: bool) -> list[_Term]:
    """A value as a sum of multiples of arrays of its shape, and of what is stretched to it."""
    shape = p.facts[v].shape
    done: list[_Term] = []
    todo = [_Term(v, [])]
    while todo:
        if len(done) + len(todo) > MOST_TERMS:
            return [_Term(v, [])]
        t = todo.pop()
        e = t.base
        if p.facts[e].shape != shape or e.name or (e is not v and p.uses[e] > 1 and not through_shared):
            done.append(t)
        elif e.code in LINEAR and (e is v or p.uses[e] == 1):  # a shared difference may be what avoids cancellation
            signs = {"#1 + #2": (False, False), "#1 - #2": (False, True), "-#1": (True,)}[e.code]
            todo += [_Term(a, list(t.factors), t.minus != s) for a, s in reversed(list(zip(e.args, signs, strict=True)))]
        elif e.code == "#1 * #2" and (inner := _scaled(p, e)) is not None:
            todo.append(_Term(inner[1], [*t.factors, inner[0]], t.minus))
        elif e.code == "#1 / #2" and p.facts[e.args[1]].shape == () and p.facts[e.args[1]].real:
            todo.append(_Term(e.args[0], [*t.factors, p.made("#1 / #2", p.b.const(1), e.args[1])], t.minus))
        else:
            done.append(t)
    return done


def _scaled(p: _Program, e: Value) -> tuple[Value, Value] | None:
    """``(r, A)`` for ``r * A`` with a scalar, or a vector along the last axis of a matrix."""
    shape = p.facts[e].shape
    assert shape is not None
    for r, a in (e.args, e.args[::-1]):
        s = p.facts[r].shape
        scales = s == () or (len(shape) == 2 and s in (shape[1:], (1, shape[1])))
        if scales and p.facts[a].shape == shape and p.facts[r].real:
            return r, a
    return None


def _factor(p: _Program, factors: Sequence[Value]) -> Value | None:
    """The product of scalars and vectors; numbers are multiplied now."""
    number: float = 1
    rest: list[Value] = []
    for f in factors:
        v = f.args[0] if f.code == "#1[None, :]" else f
        if v.code == "const" and isinstance(v.of, (int, float)):
            number *= v.of
        else:
            rest.append(v)
    rest.sort(key=lambda f: len(p.facts[f].shape or ()) if f in p.facts else 0)  # scalars before vectors
    if number != 1 or not rest:
        rest.insert(0, p.b.const(number))
    out = rest[0]
    for f in rest[1:]:
        out = p.b.mul(out, f)
        shape_of(out)
    return None if out.is_const(1) else out


def _sum_of_terms(p: _Program, v: Value) -> Value | None:
    """The sum of a combination of arrays that are there anyhow, as the combination of their sums."""
    (arg,), axis = v.args, SUMS[v.code]
    if axis == 1 or (arg.code not in LINEAR and arg.code != "#1 * #2"):
        return None
    shape = p.facts[arg].shape
    terms = _terms(p, arg, through_shared=True)
    if shape is None or not any(t.factors for t in terms):
        return None
    if axis is None and any(shape_of(f) != () for t in terms for f in t.factors):
        return None
    if any(p.facts[t.base].shape != shape or not _is_there(p, t.base, arg) for t in terms):
        return None
    parts = []
    for t in terms:
        total = p.made(v.code, t.base)
        factor = _factor(p, t.factors)
        parts.append((t.minus, total if factor is None else p.b.mul(factor, total)))
    return _joined(p, parts)


def _is_there(p: _Program, base: Value, inside: Value) -> bool:
    """Whether an array is computed anyhow: an argument, or used elsewhere, or not entry by entry."""
    return base.is_leaf or function_of(base.code) is None or p.uses[base] > 1


def _joined(p: _Program, parts: Sequence[tuple[bool, Value]]) -> Value:
    """The sum of values with signs, a positive one first."""
    parts = sorted(parts, key=lambda part: part[0])
    out = p.b.neg(parts[0][1]) if parts[0][0] else parts[0][1]
    shape_of(out)
    for minus, v in parts[1:]:
        out = p.b.sub(out, v) if minus else p.b.add(out, v)
        shape_of(out)
    return out


def _combinations(p: _Program) -> list[Value]:
    """Combinations of arrays written with one multiplication a term, where that takes fewer passes over arrays."""
    changed: dict[Value, Value] = {}
    inner: set[Value] = set()
    for v in reversed(p.order):
        if v in inner or not p.is_large(v) or v.name or v.code not in (*LINEAR, "#1 * #2", "#1 / #2"):
            continue
        shape = p.facts[v].shape
        terms = _terms(p, v, through_shared=False)
        before = _passes(p, v, {t.base for t in terms})
        far = _terms(p, v, through_shared=True)
        options = [(terms, before), (far, _passes(p, v, {t.base for t in far}, counted_once=True))]
        for found, old in reversed(options):
            if len(found) < 2 or any(t.base.code == "#1 > 0" for t in found):
                continue
            wide = [t for t in found if p.facts[t.base].shape == shape]
            if not wide or len({t.base for t in found}) < len(found):
                continue
            new, passes = _written(p, found, shape)
            if passes < old and not _reaches(new, v, changed):
                changed[v] = new
                inner.update(s for s in _between(v, {t.base for t in found}) if s is not v)
                break
    return p.rebuilt(changed) if changed else list(p.outputs)


def _reaches(new: Value, v: Value, changed: Mapping[Value, Value]) -> bool:
    """Whether a value is made of ``v``, once the changes are made."""
    return v in postorder([new], lambda s: (changed[s],) if s in changed else s.args)


def _between(v: Value, ends: set[Value]) -> list[Value]:
    """The values that ``v`` is made of, down to the ends, without these."""
    return [s for s in postorder([v], lambda s: s.args if s not in ends else ()) if s not in ends]


def _passes(p: _Program, v: Value, ends: set[Value], *, counted_once: bool = False) -> int:
    """The passes over arrays of the shape of ``v`` between it and the ends; shared ones count only if all uses are inside."""
    shape = p.facts[v].shape
    inside = [s for s in _between(v, ends) if p.facts[s].shape == shape]
    if not counted_once:
        return len(inside)
    counts = Counter(a for s in inside for a in s.args)
    return sum(s is v or p.uses[s] == counts[s] for s in inside)


def _written(p: _Program, terms: Sequence[_Term], shape: object) -> tuple[Value, int]:
    """The combination with Horner's rule for squares, and the passes over arrays that it takes."""
    passes = len(terms) - 1
    rows: list[tuple[bool, Value]] = []
    parts: list[tuple[bool, Value]] = []
    terms = list(terms)
    for t in list(terms):  # u^2 + b*u is (u + b)*u
        if t.base.code not in ("np.square(#1)", "#1 * #1") or t.factors:
            continue
        u = t.base.args[0]
        for other in terms:
            if other.base is u and other.factors and all(p.facts[f].shape == () for f in other.factors if f in p.facts):
                b = _factor(p, other.factors)
                if b is not None and p.uses[t.base] == 1:
                    inner = p.b.sub(u, b) if other.minus != t.minus else p.b.add(u, b)
                    product = p.b.mul(inner, u)
                    for made in (inner, product):
                        shape_of(made)
                    terms = [x for x in terms if x is not t and x is not other]
                    parts.append((t.minus, product))  # an addition more, and no square
                    break
    for t in terms:
        factor = _factor(p, t.factors)
        stretched = p.facts[t.base].shape != shape
        base = t.base
        if stretched and base.code == "#1[None, :]":
            base = base.args[0]
        part = base if factor is None else p.b.mul(factor, base)
        shape_of(part)
        if stretched:
            rows.append((t.minus, part))
        else:
            passes += factor is not None
            parts.append((t.minus, part))
    if rows and all(p.facts[t.base].shape != () for t in terms):
        passes -= len(rows) - 1 if len({shape_of(r) for _, r in rows}) == 1 else 0
        if len({shape_of(r) for _, r in rows}) == 1 and len(rows) > 1:
            rows = [(False, _joined(p, rows))]
    return _joined(p, [*sorted(parts, key=lambda x: x[0]), *rows]), passes
