"""Differential forms as derivations write them: sums of Frobenius products ``G : dX``."""

from __future__ import annotations

from dataclasses import dataclass

from matcalc.expr import ONE, DifferentialSymbol, Expr, Hadamard, Let, Number, Quotient, Symbol, coefficient, hadamard, quotient
from matcalc.node import postorder


@dataclass(frozen=True)
class Pairing:
    """The Frobenius product ``left : right``, the sum of the entrywise product; of scalars, their product."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class Form:
    """A sum of Frobenius products."""

    pairs: tuple[Pairing, ...]


def paired(left: Expr, right: Expr) -> Pairing:
    """``left : right`` with numbers and scalar factors on the left, as far as they hold no differential."""
    while True:
        number, body = coefficient(right)
        if number != 1:
            left, right = hadamard(Number(number), left), body
        match right:
            case Hadamard(args) if any(a.is_scalar and not holds_change(a) for a in args):
                outside = [a for a in args if a.is_scalar and not holds_change(a)]
                inside = [a for a in args if not a.is_scalar or holds_change(a)]
                if not inside or (right.is_scalar != hadamard(*inside).is_scalar):
                    break
                left, right = hadamard(*outside, left), hadamard(*inside)
            case Quotient(above, below) if below.is_scalar and not holds_change(below) and above.is_scalar == right.is_scalar:
                left, right = (quotient(left, below) if left is not ONE else quotient(ONE, below)), above
            case _:
                break
    return Pairing(left, right)


def scaled(left: Expr, right: Expr) -> Expr:
    """The product of two scalars, as one fraction where it is one."""
    return quotient(hadamard(left.above, right), left.below) if isinstance(left, Quotient) else hadamard(left, right)


def holds_change(e: Expr) -> bool:
    """Whether a differential stands in an expression."""
    return any(is_change(n) for n in postorder([e], lambda x: () if isinstance(x, Let) else x.operands))


def is_change(e: Expr) -> bool:
    """Whether an expression is a differential by itself."""
    return isinstance(e, DifferentialSymbol)


@dataclass(frozen=True)
class Slope:
    """The derivative by ``wrt`` of an expression over symbols alone; or of what ``weight``, held fixed, and it sum up to."""

    of: Expr
    wrt: Symbol
    weight: Expr | None = None


@dataclass(frozen=True)
class Change:
    """What ``of`` changes by when ``wrt`` changes by ``direction``; weighed by ``weight``, held fixed, and summed up.

    ``order`` 2 is the second derivative along the direction.
    """

    of: Expr  # over symbols alone
    wrt: Symbol
    direction: Expr
    weight: Expr | None = None
    order: int = 1
