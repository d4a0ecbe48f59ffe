"""Entrywise functions that users define by a formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from matcalc.dims import Dim
from matcalc.errors import OperandError
from matcalc.expr import SLOTS, Entrywise, Expr, as_expr
from matcalc.functions import ENTRYWISE, Function, require_free_name
from matcalc.scalar import raise_scalar

t = SLOTS[0]


@dataclass(frozen=True, eq=False, repr=False)
class UserElementwise(Entrywise):
    """An entrywise function with a name and a formula of the user's own."""

    function: str
    scalar: sp.Expr
    arg: Expr
    name = "elementwise"
    latex = r"#function(#1)"
    code = "#1"
    formula = t

    @property
    def own_formula(self) -> sp.Expr:
        """The formula over the slot."""
        return self.scalar

    def rebuild(self, operands: Sequence[Expr], dim: Callable[[Dim], Dim] = lambda d: d) -> Expr:
        return UserElementwise(self.function, self.scalar, operands[0])

    def call(self) -> tuple[str, tuple[Expr | str, ...]]:
        return self.function, (self.arg,)

    def as_function(self) -> Function:
        """The function itself."""
        return user_function(self.function, self.scalar)

    @property
    def definition(self) -> Expr:
        """The formula written out on the operand."""
        return raise_scalar(self.scalar, {t: self.arg})


def elementwise(name: str, formula: sp.Expr) -> Function:
    """A new entrywise function, from a SymPy expression in one symbol.

    Parameters
    ----------
    name : str
        What it is called, in printing and in text that is given this function in its declarations.
    formula : sympy.Expr
        An expression in exactly one symbol, whatever that is called.

    Raises
    ------
    OperandError
        If the name is taken or the formula does not have exactly one symbol.
    UnsupportedError
        If the formula or its derivative uses a function that matcalc does not know.

    Examples
    --------
    >>> import matcalc as mc, sympy as sp
    >>> t = sp.Symbol("t")
    >>> cube = mc.elementwise("cube", t**3)
    >>> x = mc.vector("x", 4)
    >>> mc.grad(mc.sum(cube(x)), x)
    3*x.^2
    """
    require_free_name(name)
    if not isinstance(formula, sp.Expr) or len(formula.free_symbols) != 1:
        raise OperandError(f"the formula of {name} must be a SymPy expression in exactly one symbol, not {formula!r}")
    over_slot = formula.xreplace({next(iter(formula.free_symbols)): t})
    assert isinstance(over_slot, sp.Expr)
    for checked in (over_slot, sp.diff(over_slot, t)):
        raise_scalar(checked, {t: as_expr(1)})
    return user_function(name, over_slot)


def user_function(name: str, over_slot: sp.Expr) -> Function:
    """The function of that name with a formula over the slot."""
    return Function(name, lambda arg: UserElementwise(name, over_slot, arg), ENTRYWISE)
