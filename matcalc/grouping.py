"""Grouping the terms of a sum by what they have in common around a symbol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.calculus import assume, target
from matcalc.dims import is_unit
from matcalc.errors import OperandError
from matcalc.expand import terms_of
from matcalc.expr import Expr, Hadamard, Product, Quotient, Transpose, add, as_expr, hadamard, product, quotient, transpose
from matcalc.node import postorder
from matcalc.ops.reductions import Trace, trace
from matcalc.ops.structure import eye
from matcalc.scalar import Scalars, is_arithmetic

MAX_TERMS = 10_000


def collect(e: object, x: object) -> Expr:
    """A sum with its terms grouped by ``x``: what multiplies the same occurrence of ``x`` is added up.

    The sum is multiplied out first. By a matrix or vector, terms are grouped that agree in all but one of the factors
    around the occurrences of ``x`` (``x`` itself, its transpose, or functions of it): on its left, on its right, between
    two of them, inside a trace, or in an entrywise product. By a scalar, they are grouped by its powers. Terms without
    ``x`` stay as they are.

    Parameters
    ----------
    e : Expr
    x : Symbol, its name, or any expression that occurs as a factor

    Raises
    ------
    LimitError
        If the sum multiplies out to more than 10,000 terms.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, B, x, y, X, c = mc.symbols("A[n,n] B[n,n] x[n] y[n] X[n,n] c")
    >>> mc.collect(A @ x + B @ x - x + y, x)
    (A + B - eye(n))*x + y
    >>> mc.collect(A @ X @ B + B @ X @ B, X)
    (A + B)*X*B
    >>> mc.collect(mc.tr(A @ X) + mc.tr(X @ B), X)
    tr((A + B)*X)
    >>> mc.collect(c**2 * A + c * B + c**2 * B, c)
    c^2*(A + B) + c*B
    """
    root = as_expr(e)
    by = x if isinstance(x, Expr) and x in set(postorder([root], lambda n: n.operands)) else target(root, x)
    if by.axes is not None or root.axes is not None:
        raise OperandError("collect works on scalars, vectors and matrices; write what has more axes with einsum")
    result = _by_scalar(root, by) if by.is_scalar else _by_array(root, by)
    assume(result, root.conditions)
    return result


# ------------------------------------------------------------------ by powers of a scalar
def _by_scalar(root: Expr, x: Expr) -> Expr:
    """Terms by powers of ``x`` in their scalar factors."""
    scalars = Scalars()
    s = scalars.symbol(x)

    def lowered(f: Expr) -> sp.Expr:
        return scalars.lower(f, scalars.symbol) if f is not x else s

    if root.is_scalar and is_arithmetic(root):
        value = sp.collect(sp.expand(scalars.lower(root, lambda f: s if f is x else scalars.symbol(f))), s)
        return scalars.back(value)
    powers: dict[sp.Expr, list[Expr]] = {}
    for term in terms_of(root, MAX_TERMS, inside=False):
        front, body = _split(term)
        number = sp.expand(sp.Mul(*(lowered(f) for f in front)))
        for part in sp.Add.make_args(number):
            rest, power = part.as_independent(s)
            powers.setdefault(power, []).append(hadamard(scalars.back(rest), *([body] if body is not None else [])))
    ordered = sorted(powers, key=lambda p: -sp.degree(p, s) if p.is_polynomial(s) else 0)
    return add(*(hadamard(scalars.back(p), add(*powers[p])) for p in ordered))


def _split(term: Expr) -> tuple[list[Expr], Expr | None]:
    """A term as scalar factors and an array, if it has one."""
    if term.is_scalar:
        return [term], None
    if isinstance(term, Quotient) and term.below.is_scalar:
        front, body = _split(term.above)
        return [*front, quotient(as_expr(1), term.below)], body
    if isinstance(term, Hadamard):
        return [f for f in term.args if f.is_scalar], hadamard(*(f for f in term.args if not f.is_scalar))
    return [], term


# ------------------------------------------------------------------ by occurrences of an array
@dataclass(frozen=True)
class _Term:
    """A term with ``x`` in it: ``marks`` are the factors that hold it, with ``gaps``, products of others, around them.

    ``kind`` is chain, trace (whose gaps lie between the marks, around the circle) or entrywise (with one gap).
    """

    kind: str
    marks: tuple[Expr, ...]
    gaps: tuple[tuple[Expr, ...], ...]
    front: Expr

    def frame(self, k: int) -> tuple[object, ...]:
        """Everything but gap ``k``."""
        return (self.kind, self.marks, self.gaps[:k], self.gaps[k + 1 :])


def _by_array(root: Expr, x: Expr) -> Expr:
    """Terms that agree in all but one gap, added up in it, as long as there are any."""
    holds: dict[Expr, bool] = {}

    def depends(f: Expr) -> bool:
        for node in postorder([f], lambda n: () if n in holds else n.operands):
            if node not in holds:
                holds[node] = node is x or any(holds[c] for c in node.operands)
        return holds[f]

    others: list[tuple[int, Expr]] = []
    found: list[tuple[int, _Term]] = []
    for place, term in enumerate(terms_of(root, MAX_TERMS, inside=False)):
        taken = _taken_apart(term, depends)
        if taken is None:
            others.append((place, term))
        else:
            found.append((place, taken))
    widest = max((len(t.gaps) for _, t in found), default=0)
    for k in range(widest):
        groups: dict[tuple[object, ...], list[tuple[int, _Term]]] = {}
        for place, t in found:
            groups.setdefault(t.frame(k) if k < len(t.gaps) else (place,), []).append((place, t))
        found = [(group[0][0], _merged([t for _, t in group], k)) for group in groups.values()]
    written = [*others, *((place, _written(t)) for place, t in found)]
    return add(*(term for _, term in sorted(written, key=lambda pair: pair[0])))


def _taken_apart(term: Expr, depends: Callable[[Expr], bool]) -> _Term | None:
    """A term by the factors that hold ``x``; None where a scalar factor holds it too, or nothing does."""
    front: list[Expr] = []
    kind, body = "chain", term
    while True:
        if isinstance(body, Quotient) and body.below.is_scalar and not depends(body.below):
            front.append(quotient(as_expr(1), body.below))
            body = body.above
            continue
        if isinstance(body, Hadamard):
            inside = [f for f in body.args if depends(f) or not f.is_scalar]
            outside = [f for f in body.args if f not in inside]
            if not outside:
                break
            front += outside
            body = hadamard(*inside) if inside else as_expr(1)
            continue
        break
    if not depends(body) or any(depends(f) for f in front):
        return None
    scale = hadamard(*front) if front else as_expr(1)
    if isinstance(body, Hadamard):
        if any(f.is_scalar for f in body.args):
            return None
        marks = tuple(f for f in body.args if depends(f))
        return _Term("entrywise", marks, (tuple(f for f in body.args if not depends(f)),), scale)
    if isinstance(body, Trace):
        kind, body = "trace", body.arg
    factors = _factors(body)
    if kind == "chain" and body.is_scalar and len(factors) > 1:
        first = next(f for f in factors if depends(f))
        if isinstance(first, Transpose) and sum(map(bool, map(depends, factors))) == 1:  # x'*c as c'*x
            factors = [_turned(f) for f in reversed(factors)]
    marks = tuple(f for f in factors if depends(f))
    gaps: list[list[Expr]] = [[]]
    for f in factors:
        if depends(f):
            gaps.append([])
        else:
            gaps[-1].append(f)
    if kind == "trace":
        gaps = [*gaps[1:-1], gaps[-1] + gaps[0]]
        if len(marks) == 1 and isinstance(marks[0], Transpose):  # tr(X'*A) as tr(X*A')
            marks = (marks[0].arg,)
            gaps = [[_turned(f) for f in reversed(gaps[0])]]
    return _Term(kind, marks, tuple(map(tuple, gaps)), scale)


def _factors(e: Expr) -> list[Expr]:
    """The factors of a chain; a transpose of a chain is one of transposes."""
    out: list[Expr] = []
    stack = [e]
    while stack:
        f = stack.pop()
        if isinstance(f, Product):
            stack.extend(reversed(f.args))
        elif isinstance(f, Transpose) and isinstance(f.arg, Product):
            stack.extend(_turned(g) for g in f.arg.args)
        elif isinstance(f, Transpose) and isinstance(f.arg, Transpose):
            stack.append(f.arg.arg)
        else:
            out.append(f)
    return out


def _turned(f: Expr) -> Expr:
    """The transpose of a factor."""
    return f.arg if isinstance(f, Transpose) else transpose(f)


def _merged(terms: Sequence[_Term], k: int) -> _Term:
    """One term for several that differ in gap ``k`` and in the scalars in front."""
    first = terms[0]
    if len(terms) == 1:
        return first
    if len({t.gaps[k] for t in terms}) == 1:  # the scalars alone differ
        return _Term(first.kind, first.marks, first.gaps, add(*(t.front for t in terms)))
    total = add(*(hadamard(t.front, _gap(t, k)) for t in terms))
    return _Term(first.kind, first.marks, (*first.gaps[:k], (total,), *first.gaps[k + 1 :]), as_expr(1))


def _gap(t: _Term, k: int) -> Expr:
    """The product of the factors in a gap; the identity where there are none."""
    if t.gaps[k]:
        return hadamard(*t.gaps[k]) if t.kind == "entrywise" else product(*t.gaps[k])
    if t.kind == "entrywise":
        return as_expr(1)
    n = t.marks[k].cols if t.kind == "trace" else t.marks[k].rows if k < len(t.marks) else t.marks[-1].cols
    return as_expr(1) if is_unit(n) else eye(n)


def _written(t: _Term) -> Expr:
    """The expression that a term stands for."""
    if t.kind == "entrywise":
        return hadamard(t.front, *t.gaps[0], *t.marks)
    if t.kind == "trace":
        around = [f for mark, gap in zip(t.marks, t.gaps, strict=True) for f in (mark, *gap)]
        last = len(t.gaps[-1])
        around = around[len(around) - last :] + around[: len(around) - last]  # the last gap goes in front
        return hadamard(t.front, trace(product(*around)))
    chain = [*t.gaps[0]]
    for mark, gap in zip(t.marks, t.gaps[1:], strict=True):
        chain += [mark, *gap]
    return hadamard(t.front, product(*chain))
