"""What selectors and stacks do to each other in a product."""

from __future__ import annotations

from matcalc.dims import plus_dim, same_dim
from matcalc.expr import Expr, Transpose, transpose
from matcalc.ops.blocks import HStack, Selector, Stack, VStack, selector
from matcalc.ops.elementwise import Unary
from matcalc.ops.structure import eye


def join_blocks(a: Expr, b: Expr) -> Expr | None:
    """The product of two neighbours, where a selector meets another or a stack whose blocks it picks out."""
    left = a.arg if isinstance(a, Transpose) else a
    right = b.arg if isinstance(b, Transpose) else b
    if isinstance(right, Selector) and right is b:
        if isinstance(left, Selector):
            if left is b:  # the transpose of one times itself
                return eye(b.cols)
            return None if left is not a else selector(left.total, plus_dim(left.start, right.start, -1), right.count)
        return _picked(left, right, flipped=left is not a, along=HStack if left is a else VStack)
    if isinstance(left, Selector) and left is not a:
        if isinstance(right, Selector):
            start = plus_dim(left.start, right.start, -1)
            return transpose(selector(right.total, start, left.count))
        return _picked(right, left, flipped=right is not b, along=VStack if right is b else HStack)
    return None


def _picked(stack: Expr, by: Selector, flipped: bool, along: type[Stack]) -> Expr | None:
    """The blocks that a selector picks out of a stack."""
    if isinstance(stack, Unary) and isinstance(stack.arg, Stack):  # a function of every entry acts on each block alone
        part = _picked(stack.arg, by, False, along)
        return None if part is None else transpose(stack.rebuild([part])) if flipped else stack.rebuild([part])
    if not isinstance(stack, along) or not same_dim(by.total, stack.cols if along is HStack else stack.rows):
        return None
    part = stack.part(by.start, by.count)
    return transpose(part) if part is not None and flipped else part
