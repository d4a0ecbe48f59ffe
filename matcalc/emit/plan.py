"""From expressions to a program: every distinct value once, in the cheapest order and form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import matcalc.emit.lowering  # noqa: F401  it registers how every node is lowered
from matcalc.emit.backends import Backend
from matcalc.emit.blocks import in_blocks
from matcalc.emit.memory import own_memory
from matcalc.emit.planner import Planner
from matcalc.emit.sizes import Sizes
from matcalc.emit.stable import stable_forms
from matcalc.emit.tidy import tidied
from matcalc.emit.values import Value
from matcalc.expr import Expr, Symbol


@dataclass(frozen=True)
class Plan:
    """The values of the outputs, the symbols by name and the functions that the program calls."""

    outputs: list[Value]
    symbols: dict[str, Symbol]
    functions: list[str]
    integers: set[str]  # symbols that stay Python ints
    sizes: Sizes = field(default_factory=Sizes)  # what it is made for


def make_plan(outputs: Sequence[Expr], symbols: dict[str, Symbol], backend: Backend, sizes: Sizes | None = None) -> Plan:
    """The program that computes ``outputs``."""
    outputs = stable_forms(outputs)
    planner = Planner(outputs, symbols, backend, sizes or Sizes())
    values = [planner.output(e) for e in outputs]
    if backend.in_place:
        values = tidied(values, symbols, planner.b, planner.sizes)
        values = own_memory(values, planner.b)
        values = in_blocks(values, symbols, planner.sizes)
    return Plan(values, symbols, planner.functions, planner.integers, planner.sizes)
