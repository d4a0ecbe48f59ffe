"""From expressions to a program: every distinct value once, in the cheapest order and form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import matcalc.emit.lowering  # noqa: F401  it registers how every node is lowered
from matcalc.dims import DimSymbol
from matcalc.emit.backends import Backend
from matcalc.emit.passes.blocks import in_blocks
from matcalc.emit.passes.expansion import cheapest
from matcalc.emit.passes.memory import own_memory
from matcalc.emit.passes.stable import stable_forms
from matcalc.emit.passes.tidy import tidied
from matcalc.emit.passes.transposes import share_transposes
from matcalc.emit.planner import Planner
from matcalc.emit.shapes import shape_of
from matcalc.emit.sizes import Sizes
from matcalc.emit.values import Value
from matcalc.expr import Expr, Symbol
from matcalc.node import postorder


@dataclass(frozen=True)
class Plan:
    """The values of the outputs, the symbols by name and the functions that the program calls.

    ``integers`` are the symbols that stay Python ints; ``choices`` the dimensions whose sizes the plan may depend on.
    """

    outputs: list[Value]
    symbols: dict[str, Symbol]
    functions: list[str]
    integers: set[str]
    choices: tuple[DimSymbol, ...] = ()
    sizes: Sizes = field(default_factory=Sizes)  # what it is made for
    straight: list[Value] = field(default_factory=list)  # the outputs before operations are gathered in loops over blocks

    @property
    def dimensions(self) -> set[DimSymbol]:
        """The dimensions whose sizes the program uses."""
        return {v.of for v in postorder(self.outputs, lambda v: v.args) if isinstance(v.of, DimSymbol)}


def make_plan(outputs: Sequence[Expr], symbols: dict[str, Symbol], backend: Backend, sizes: Sizes | None = None) -> Plan:
    """The program that computes ``outputs``."""
    sizes = sizes or Sizes()
    outputs = stable_forms(outputs)
    if backend.expands:
        outputs = share_transposes(cheapest(outputs, backend, sizes))
    planner = Planner(outputs, symbols, backend, sizes)
    values = [planner.output(e) for e in outputs]
    planner.f.solver.settle(values)
    if backend.in_place:
        values = own_memory(tidied(values, symbols, planner.b, sizes), planner.b)
    straight = values
    if backend.in_place:
        values = in_blocks(straight, symbols, sizes)
    choices = tuple(sorted(sizes.asked, key=str))
    return Plan(values, symbols, planner.functions, planner.integers, choices, sizes, straight)


SCALAR_LAWS = frozenset(("#1 / #2", "#1 ** #2"))  # what Python's own numbers do in another way than arrays


def strict_scalars(plan: Plan) -> frozenset[str]:
    """The scalar symbols that a quotient or a power of scalars depends on."""
    order = list(postorder(plan.outputs, lambda v: v.args))
    strict: set[Value] = set()
    for v in reversed(order):
        if v in strict or (v.code in SCALAR_LAWS and shape_of(v) == ()):
            strict.update(a for a in v.args if shape_of(a) == ())
    return frozenset(str(v.of) for v in strict if v.code == "symbol" and v.of not in plan.integers)
