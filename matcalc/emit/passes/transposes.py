"""Transposes pushed into products and entrywise operations, found again: ``A'.*(x'*B)`` is ``(A.*(B'*x))'``.

A derivative is printed with its transposes at the symbols. A program should rather compute one of the two and turn it.
"""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.expr import Add, BroadcastAdd, Entrywise, Expr, Hadamard, Product, Transpose
from matcalc.node import postorder

Key = tuple[object, ...]
Place = tuple[int, bool]  # the number of a value, and whether this is its transpose


def share_transposes(outputs: Sequence[Expr]) -> list[Expr]:
    """The same expressions, with every value that is the transpose of an earlier one written as that.

    Two orders of the factors of an entrywise product, or of the terms of a sum, are one value too.
    """
    place: dict[Expr, Place] = {}
    first: list[Expr] = []  # by number
    known: dict[Key, Place] = {}
    written: dict[Expr, Expr] = {}
    for e in postorder(outputs, lambda x: x.operands):
        changed = any(written[c] is not c for c in e.operands)
        if isinstance(e, Transpose):
            number, flip = place[e.arg]
            place[e] = (number, not flip and not e.symmetric)
            written[e] = written[e.arg].arg if isinstance(written[e.arg], Transpose) else e  # type: ignore[attr-defined]
            if changed and written[e] is e:
                written[e] = Transpose(written[e.arg])
            continue
        keys = _keys(e, place)
        found = known.get(keys[0]) if keys else None
        if found is None:
            place[e] = (len(first), False)
            written[e] = _made_of(e, [written[c] for c in e.operands]) if changed else e
            first.append(written[e])
            for key, flip in zip(keys, (False, not e.symmetric), strict=False):
                known.setdefault(key, (place[e][0], flip))
        else:
            place[e] = found
            written[e] = Transpose(first[found[0]]) if found[1] else first[found[0]]
    return [written[e] for e in outputs]


def _keys(e: Expr, place: dict[Expr, Place]) -> tuple[Key, ...]:
    """What an expression is made of, and what its transpose is made of; nothing for other operators."""
    if e.axes is not None or not isinstance(e, (Product, Entrywise, Add, BroadcastAdd)):
        return ()
    straight = [place[c] for c in e.operands]
    turned = [(number, not flip and not c.symmetric) for c, (number, flip) in zip(e.operands, straight, strict=True)]
    if isinstance(e, Product):
        turned.reverse()
    elif isinstance(e, (Hadamard, Add)):
        straight.sort()
        turned.sort()
    own = tuple(p for p in e.parts if not isinstance(p, (Expr, tuple)))
    return (type(e), own, *straight), (type(e), own, *turned)


def _made_of(e: Expr, operands: Sequence[Expr]) -> Expr:
    """The same operator on other operands of the same shapes, nothing flattened or simplified."""
    rest = iter(operands)

    def replaced(p: object) -> object:
        return next(rest) if isinstance(p, Expr) else tuple(map(replaced, p)) if isinstance(p, tuple) else p

    return type(e)(*map(replaced, e.parts))
