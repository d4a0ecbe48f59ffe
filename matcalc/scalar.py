"""Scalar algebra, done by SymPy: expressions in, expressions out.

``Scalars`` stands symbols in for scalar expressions that SymPy must not look into; ``raise_scalar``
turns SymPy's answer back into our operators. The derivative of an entrywise function is taken over
fixed slots, once for each operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from math import prod
from typing import Any

import sympy as sp
from sympy.core.relational import Relational

from matcalc.dims import DimSymbol
from matcalc.errors import UnsupportedError
from matcalc.expr import (
    MINUS_ONE,
    ONE,
    SLOTS,
    ZERO,
    Add,
    Entrywise,
    Expr,
    Hadamard,
    Number,
    Power,
    Quotient,
    ScalarAtom,
    Symbol,
    add,
    apply,
    brief,
    hadamard,
    power,
    quotient,
    sort_key,
)
from matcalc.node import postorder
from matcalc.ops import OPERATORS
from matcalc.ops.elementwise import Sqrt

MOST_BITS = 4096  # of a number that SymPy works out
DEEPEST = 24  # levels of arithmetic that SymPy, which recurses, is given at once
Sub = Mapping[sp.Basic, Expr]


# ------------------------------------------------------------------ derivatives of entrywise functions
def partial(op: Entrywise, k: int) -> Expr:
    """The derivative of an entrywise function by operand ``k``, at its operands."""
    slope = _slope(type(op), k) if op.own_formula is None else sp.diff(op.own_formula, SLOTS[k])
    try:
        return raise_scalar(slope, dict(zip(SLOTS, op.operands, strict=False)))
    except UnsupportedError as reason:
        raise UnsupportedError(f"the derivative of {op.name}, in {brief(op)}, is not supported: {reason}") from None


def at_numbers(op: Entrywise, values: Sequence[sp.Expr]) -> sp.Rational | None:
    """The value of an entrywise function at numbers, where it is rational; None where it is not, or has none."""
    formula = type(op).formula if op.own_formula is None else op.own_formula
    if len(values) > 2 and isinstance(op, Hadamard):
        return None
    value = formula.subs(dict(zip(SLOTS, values, strict=False)), simultaneous=True)
    return value if isinstance(value, sp.Rational) else None


@cache
def _slope(cls: type[Entrywise], k: int) -> sp.Expr:
    return cls.slopes[k] if cls.slopes is not None else sp.diff(cls.formula, SLOTS[k])


# ------------------------------------------------------------------ SymPy to expressions
def _heads() -> dict[Any, type[Entrywise]]:
    found: dict[Any, type[Entrywise]] = {}
    for cls in OPERATORS.values():
        if issubclass(cls, Entrywise) and cls.head is not None:
            found[cls.head] = cls
    return found


HEADS = _heads()
_t = SLOTS[0]
SHORT = {  # SymPy's functions that are short for a formula
    sp.cot: 1 / sp.tan(_t), sp.sec: 1 / sp.cos(_t), sp.csc: 1 / sp.sin(_t), sp.erfc: 1 - sp.erf(_t),
    sp.coth: 1 / sp.tanh(_t), sp.sech: 1 / sp.cosh(_t), sp.csch: 1 / sp.sinh(_t), sp.factorial: sp.gamma(_t + 1),
}  # fmt: skip


def raise_scalar(value: sp.Expr, slots: Sub) -> Expr:
    """A SymPy expression as an expression over ``slots``; numbers are stretched where an array needs them.

    Raises
    ------
    UnsupportedError
        For a SymPy function that has no counterpart here.
    """
    done: dict[sp.Basic, Expr] = dict(slots)
    start: sp.Basic = value
    for node in postorder([start], lambda e: () if e in slots else arguments_of(e)):
        if node not in done:
            done[node] = raise_node(node, done)
    return done[value]


def arguments_of(e: sp.Basic) -> Sequence[sp.Basic]:
    """The parts of a SymPy scalar that are raised before it."""
    if isinstance(e, sp.Pow) and e.exp.is_Rational:
        return (e.base,)
    if isinstance(e, sp.Heaviside):
        return e.args[:1]
    if isinstance(e, sp.Piecewise):
        return [part for case in e.args for part in (case.args[0], *_compared(case.args[1]))]
    return () if e.is_Atom else e.args


def _compared(when: sp.Basic) -> Sequence[sp.Basic]:
    return when.args if isinstance(when, Relational) else ()


def raise_node(e: sp.Basic, done: Sub) -> Expr:
    """One SymPy node, given what became of its parts."""
    if isinstance(e, ScalarAtom):
        return e.expr
    if isinstance(e, (sp.Rational, DimSymbol)) or e is sp.pi or e is sp.I:
        return Number(e)
    if e is sp.E:
        return apply("Exp", ONE)
    if isinstance(e, sp.Float):
        return Number(sp.Rational(str(e)))
    if isinstance(e, sp.Symbol):
        return Symbol(e.name, (1, 1), ("positive",) if e.is_positive else ())
    if isinstance(e, sp.Add):
        return add(*in_order([done[a] for a in e.args]))
    if isinstance(e, sp.Mul):
        return _raise_product(e, done)
    if isinstance(e, sp.Pow):
        return _raise_power(e.base, e.exp, done)
    if isinstance(e, sp.polygamma) and e.args[0] in (0, 1):
        return apply("Digamma" if e.args[0] == 0 else "Trigamma", done[e.args[1]])
    if isinstance(e, sp.polygamma) and isinstance(e.args[0], sp.Integer) and e.args[0] > 1:
        return apply("Polygamma", int(e.args[0]), done[e.args[1]])
    if isinstance(e, (sp.Max, sp.Min)):
        return _raise_extreme(e, done)
    if isinstance(e, sp.Heaviside) and e.args[1] in (0, sp.S.Half, 1):
        return _raise_step(done[e.args[0]], {0: 0, sp.S.Half: 1, 1: 2}[e.args[1]])
    if isinstance(e, sp.Piecewise):
        return _raise_cases(e, done)
    if e.func in SHORT:
        return raise_scalar(SHORT[e.func], {SLOTS[0]: done[e.args[0]]})
    cls = HEADS.get(e.func)
    if cls is None and not isinstance(e, sp.Function):
        raise UnsupportedError(f"{e} is not a scalar expression that matcalc knows ({type(e).__name__})")
    if cls is None:
        raise UnsupportedError(f"SymPy's function {e.func} has no counterpart in matcalc")
    return cls(*(done[a] for a in e.args))


def _raise_extreme(e: sp.Expr, done: Sub) -> Expr:
    """``Max`` and ``Min`` of two or more; ``Max(x, 0)`` is ``relu``."""
    parts = in_order([done[a] for a in e.args])
    if isinstance(e, sp.Max) and len(parts) == 2 and ZERO in parts:
        return apply("Relu", parts[1] if parts[0] is ZERO else parts[0])
    name = "Maximum" if isinstance(e, sp.Max) else "Minimum"
    return reduce(lambda a, b: apply(name, a, b), parts)


def _raise_step(x: Expr, twice_at_zero: object) -> Expr:
    """The unit step; twice its value at 0."""
    if twice_at_zero == 0:
        return apply("Step", x)
    if twice_at_zero == 2:
        return add(ONE, hadamard(MINUS_ONE, apply("Step", hadamard(MINUS_ONE, x))))
    return quotient(add(apply("Sign", x), ONE), Number(sp.Integer(2)))


def _raise_cases(e: sp.Piecewise, done: Sub) -> Expr:
    """A function by cases, each an equation or an inequality, the last case for all else."""
    cases = [(case.args[0], case.args[1]) for case in e.args]
    if cases[-1][1] != sp.true:
        raise UnsupportedError(f"{e} has no value where none of its cases holds: give it a last case (value, True)")
    result = done[cases[-1][0]]
    for value, when in reversed(cases[:-1]):
        result = apply("Where", _indicator(when, done), done[value], result)
    return result


def _indicator(when: sp.Basic, done: Sub) -> Expr:
    """An expression that is 0 where a condition fails, and not 0 where it holds."""
    if not isinstance(when, (sp.Ne, sp.Eq, sp.Gt, sp.Lt, sp.Ge, sp.Le)):
        raise UnsupportedError(f"the case {when} is not an equation or an inequality of two numbers")
    gap = add(done[when.lhs], hadamard(MINUS_ONE, done[when.rhs]))
    match when:
        case sp.Ne():
            return gap
        case sp.Eq():
            return add(ONE, hadamard(MINUS_ONE, apply("Abs", apply("Sign", gap))))
        case sp.Gt():
            return apply("Step", gap)
        case sp.Lt():
            return apply("Step", hadamard(MINUS_ONE, gap))
        case sp.Ge():
            return _raise_step(gap, 2)
    return _raise_step(hadamard(MINUS_ONE, gap), 2)


def _raise_power(base: sp.Expr, p: sp.Expr, done: Sub) -> Expr:
    b = done[base]
    if p.is_Rational and p < 0:
        return quotient(ONE, root(b, -p))
    return root(b, p) if p.is_Rational else power(b, done[p])


def root(b: Expr, p: sp.Expr) -> Expr:
    """``b .^ p`` for a positive exponent, as a person writes it."""
    if p == 1:
        return b
    return Sqrt(b) if p == sp.Rational(1, 2) else power(b, Number(p))


def _raise_product(e: sp.Mul, done: Sub) -> Expr:
    """A product of powers as a quotient."""
    number: sp.Rational = sp.Integer(1)
    powers: list[tuple[Expr, sp.Expr]] = []
    for f in e.args:
        if isinstance(f, sp.Rational):
            number = number * f
        elif isinstance(f, sp.Pow) and f.exp.is_Rational:
            powers.append((done[f.base], f.exp))
        else:
            powers.append((done[f], sp.Integer(1)))
    return quotient_of_powers(powers, number)


def quotient_of_powers(powers: Sequence[tuple[Expr, sp.Expr]], number: sp.Rational = sp.S.One) -> Expr:
    """Bases to rational exponents and a number as a quotient, equal powers written once, as ``(x.*y).^2``."""
    sides: list[dict[sp.Expr, list[Expr]]] = [{}, {}]
    for base, p in powers:
        sides[1 if p.is_negative else 0].setdefault(abs(p), []).append(base)
    above, below = sides
    if number == 1 and len(above) == len(below) == 1 and above.keys() == below.keys() and 1 not in above:
        (p,) = above
        if p.is_Integer:
            return power(quotient(hadamard(*in_order(above[p])), hadamard(*in_order(below[p]))), Number(p))
    top = hadamard(Number(sp.Integer(number.p)), *_in_powers(above))
    bottom = _in_powers(below)
    if not bottom:
        return hadamard(Number(sp.Rational(1, number.q)), top)
    return quotient(top, hadamard(Number(sp.Integer(number.q)), *bottom))


def _in_powers(side: dict[sp.Expr, list[Expr]]) -> list[Expr]:
    """The factors of one side, in the order in which they are written."""
    factors: list[Expr] = []
    for p, bases in side.items():
        if p.is_Integer and p != 1:
            factors.append(power(hadamard(*in_order(bases)), Number(p)))
        else:
            factors.extend(root(b, p) for b in bases)
    return in_order(factors)


def in_order(parts: list[Expr]) -> list[Expr]:
    """Factors or terms in the order in which they are written."""
    return sorted(parts, key=sort_key)


# ------------------------------------------------------------------ expressions to SymPy
class Scalars:
    """A dictionary between scalar expressions and the SymPy symbols that stand for them."""

    def __init__(self) -> None:
        self.symbol_of: dict[Expr, sp.Symbol] = {}
        self.expr_of: dict[sp.Basic, Expr] = {}

    def symbol(self, e: Expr) -> sp.Symbol:
        """The symbol for a scalar that SymPy does not look into."""
        found = self.symbol_of.get(e)
        if found is None:
            found = sp.Symbol(
                f"s{len(self.symbol_of):05d}",
                real=None if e.is_complex else True,
                positive=True if e.sign == 2 else None,
                nonnegative=True if e.sign else None,
            )
            self.symbol_of[e] = found
            self.expr_of[found] = e
        return found

    def lower(self, e: Expr, atom: Callable[[Expr], sp.Expr]) -> sp.Expr:
        """``e`` as a SymPy expression; ``atom`` says what becomes of what is not arithmetic."""
        done: dict[Expr, sp.Expr] = {}
        depth: dict[Expr, int] = {}
        for node in postorder([e], lambda x: x.operands if is_arithmetic(x) else ()):
            depth[node] = 1 + max((depth[c] for c in node.operands), default=0) if is_arithmetic(node) else 0
            parts = [done[c] for c in node.operands] if is_arithmetic(node) else []
            match node:
                case Number(value):
                    done[node] = value
                case Add():
                    done[node] = sp.Add(*parts)
                case Hadamard():
                    done[node] = sp.Mul(*parts)
                case Quotient():
                    if parts[1] == 0:
                        raise UnsupportedError(f"a denominator is zero in {node}")
                    done[node] = parts[0] / parts[1]
                case Power() if _is_huge(*parts):
                    done[node] = self.symbol(node)
                case Power():
                    done[node] = parts[0] ** parts[1] if not (parts[0] == 0 and not parts[1].is_positive) else self.symbol(node)
                case Sqrt():
                    done[node] = sp.sqrt(parts[0])
                case _:
                    done[node] = atom(node)
            if depth[node] > DEEPEST:
                done[node] = self.symbol(self.back(done[node]))
                depth[node] = 0
        return done[e]

    def back(self, value: sp.Expr) -> Expr:
        """The expression that a SymPy expression over these symbols stands for."""
        return raise_scalar(value, self.expr_of)


def is_arithmetic(e: Expr) -> bool:
    """Whether SymPy computes with this scalar node itself."""
    return e.is_scalar and isinstance(e, (Number, Add, Hadamard, Quotient, Power, Sqrt))


def _is_huge(base: sp.Expr, exponent: sp.Expr) -> bool:
    """Whether a power of numbers has too many digits to be worked out."""
    if not (isinstance(base, sp.Rational) and isinstance(exponent, sp.Rational)):
        return False
    bits = max(abs(base.p).bit_length(), base.q.bit_length())
    return bool(bits * abs(exponent) > MOST_BITS or max(abs(exponent.p), exponent.q) > MOST_BITS)


def spread_out(value: sp.Expr) -> int:
    """A bound on the number of terms of a scalar multiplied out, which is what factoring costs."""
    if isinstance(value, sp.Add):
        return sum((spread_out(a) for a in sp.Add.make_args(value)), 0)
    if isinstance(value, sp.Mul):
        return prod((spread_out(a) for a in sp.Mul.make_args(value)), start=1)
    if isinstance(value, sp.Pow) and value.exp.is_Integer:
        inside = spread_out(value.base)
        return min(inside ** abs(int(value.exp)), 10**9) if inside > 1 else 1
    return 1
