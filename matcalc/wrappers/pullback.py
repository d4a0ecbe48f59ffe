"""A function of arrays together with its vector-Jacobian product, for libraries that differentiate programs.

Of what the two have in common, the forward pass hands on what it has computed anyway: the *kept* parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import compress
from typing import Any

from matcalc.calculus import grad, vjp
from matcalc.dims import DimSymbol, is_unit
from matcalc.emit import Compiled
from matcalc.emit import compile as compile_expr
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import (
    Add,
    BroadcastAdd,
    Entrywise,
    Expr,
    Hadamard,
    Number,
    Product,
    Symbol,
    add,
    as_expr,
    brief,
    hadamard,
    substitute_all,
    symbol,
)
from matcalc.node import postorder
from matcalc.ops.reductions import total
from matcalc.ops.unspecified import Unspecified
from matcalc.simplify import simplify_all
from matcalc.wrappers.fitting import axes_of, unknown_in

COMPUTED = (Add, BroadcastAdd, Entrywise, Hadamard, Product)  # nodes whose value is an array that the forward pass makes
Call = Callable[..., Any]
Needed = tuple[bool, ...]  # for each argument, whether its gradient is wanted


@dataclass(frozen=True)
class Backward:
    """What computes gradients.

    Attributes
    ----------
    call : callable
        Takes the arguments of ``used``, the kept parts, then the upstream gradients; gives the gradients wanted, in order.
    source : str
        Its code.
    used : tuple of int
        The places of the arguments that it reads.
    kept : tuple of int
        The places of the kept parts that it reads.
    """

    call: Call
    source: str
    used: tuple[int, ...]
    kept: tuple[int, ...]


@dataclass(frozen=True)
class Forward:
    """What computes values from all arguments: the function, and its code."""

    call: Call
    source: str


class Pullback:
    """Expressions and their vector-Jacobian product as functions of arrays, each compiled when it is first used.

    Parameters
    ----------
    outputs : Expr, or a list or tuple of them
    args : sequence of symbols or names, optional
        The parameters in order; by default the symbols by name, sorted.
    wrt : sequence of symbols or names, optional
        Those that gradients are wanted for; by default all but integers.
    backend : str
        The array library.
    """

    def __init__(self, outputs: object, args: object, wrt: object, backend: str) -> None:
        self.single = not isinstance(outputs, (list, tuple))
        self.outputs = [as_expr(e) for e in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]
        self.backend = backend
        found: dict[str, Symbol] = {}
        given = [a for a in args if isinstance(a, Symbol)] if isinstance(args, (list, tuple)) else []
        for s in [x for e in (*self.outputs, *given) for x in e.symbols]:
            if found.setdefault(s.name, s) is not s:
                raise OperandError(f"two different symbols are named {s.name}")
        self.symbols = [found[name] for name in _names(args, "args", found)] if args is not None else _sorted(found)
        left_out = found.keys() - {s.name for s in self.symbols}
        if left_out:
            raise OperandError(f"args leaves out {', '.join(sorted(left_out))}, which the expression uses")
        self.names = tuple(s.name for s in self.symbols)
        self._require_supported()
        wanted = _names(wrt, "wrt", found) if wrt is not None else [s.name for s in self.symbols if not s.has("integer")]
        integers = [n for n in wanted if found[n].has("integer")]
        if integers:
            raise OperandError(f"{integers[0]} is an integer: there is no gradient by it")
        self.differentiable: Needed = tuple(n in wanted for n in self.names)

    def _require_supported(self) -> None:
        for s in self.symbols:
            if s.is_complex:
                raise UnsupportedError(f"{s.name} is complex: derived gradients are handed on for real arguments only")
        nodes = list(postorder(self.outputs, lambda e: e.operands))
        for e in nodes:
            if isinstance(e, Unspecified):
                raise UnsupportedError(f"{brief(e)} has an unspecified function: substitute a formula for it")
        shown = dict.fromkeys((d for s in self.symbols for d in axes_of(s) if isinstance(d, DimSymbol)), 1)
        used = [d for e in nodes for d in (e.rows, e.cols, *([e.value] if isinstance(e, Number) else []))]
        missing = unknown_in(used, shown)
        if missing:
            raise UnsupportedError(f"no argument shows the size {missing[0]}: declare it as a number")

    # ---------------------------------------------------------------- expressions
    @cached_property
    def upstreams(self) -> list[Symbol]:
        """A symbol for the gradient by every output."""
        taken = set(self.names)
        found = []
        for e in self.outputs:
            name = "G"
            while name in taken:
                name += "_"
            taken.add(name)
            found.append(symbol(name, e.axes) if e.axes is not None else Symbol(name, (e.rows, e.cols), ()))
        return found

    def gradients(self, needed: Needed) -> list[Expr]:
        """The gradients of a loss by the arguments needed, in order, in the arguments and the upstream gradients."""
        targets = list(compress(self.symbols, needed))
        if self.single:
            found = vjp(self.outputs[0], targets, self.upstreams[0])
            assert isinstance(found, list)
            return found
        inner = [total(hadamard(g, e)) for g, e in zip(self.upstreams, self.outputs, strict=True)]
        return grad(add(*inner), targets)

    # ---------------------------------------------------------------- functions
    @cached_property
    def value(self) -> Forward:
        """The outputs alone."""
        return self._forward(self.outputs)

    def _forward(self, results: Sequence[Expr]) -> Forward:
        compiled = compile_expr(list(results), self.symbols, backend=self.backend)
        return Forward(bare(compiled, self.symbols), compiled.source)

    @cached_property
    def kept(self) -> list[Expr]:
        """The largest parts free of upstream gradients that the simplified outputs and the gradients share."""
        theirs = set(postorder(self._simplified, lambda e: e.operands)) - set(self._simplified)
        depends: set[Expr] = set(self.upstreams)
        roots = self.gradients(self.differentiable)
        for node in postorder(roots, lambda e: e.operands):
            if not depends.isdisjoint(node.operands):
                depends.add(node)

        def is_kept(e: Expr) -> bool:
            return e not in depends and e in theirs and isinstance(e, COMPUTED) and bool(e.symbols)

        reached = postorder(roots, lambda e: () if is_kept(e) else e.operands)
        return [e for e in reached if is_kept(e)]

    @cached_property
    def _simplified(self) -> list[Expr]:
        return simplify_all(self.outputs)

    @cached_property
    def forward(self) -> Forward:
        """The outputs, then the kept parts."""
        outputs = self._simplified if self.kept else self.outputs
        return self._forward([*outputs, *self.kept])

    @lru_cache(maxsize=64)  # noqa: B019  one object a function, and few sets of arguments
    def backward(self, needed: Needed, *, from_kept: bool = True) -> Backward:
        """The gradients by the arguments needed."""
        roots = self.gradients(needed)
        stand_ins: dict[Expr, Symbol] = {}
        if from_kept:
            taken = {*self.names, *(g.name for g in self.upstreams)}
            for e in self.kept:
                name = f"kept{len(stand_ins)}"
                while name in taken:
                    name += "_"
                stand_ins[e] = Symbol(name, (e.rows, e.cols), ()) if e.axes is None else symbol(name, e.axes)
            roots = substitute_all(roots, dict(stand_ins))
        read = {s for e in roots for s in e.symbols}
        while True:
            used = tuple(k for k, s in enumerate(self.symbols) if s in read)
            kept = tuple(k for k, s in enumerate(stand_ins.values()) if s in read)
            parameters = [*(self.symbols[k] for k in used), *(list(stand_ins.values())[k] for k in kept), *self.upstreams]
            call = compile_expr(roots, parameters, backend=self.backend)
            hidden = set(call.names[len(parameters) :])  # sizes that only arguments show which are not read
            if not hidden:
                return Backward(bare(call, parameters), call.source, used, kept)
            read.update(s for s in self.symbols if hidden & {str(d) for d in axes_of(s)})


def bare(compiled: Compiled, parameters: Sequence[Symbol]) -> Call:
    """The function without its checks, of arrays with the axes of their symbols: emitted code takes rows with one axis."""
    rows = [k for k, s in enumerate(parameters) if s.axes is None and is_unit(s.rows) and not s.is_scalar]
    function = compiled.function
    if not rows:
        return function

    def of_rows(*arrays: Any) -> Any:
        given = list(arrays)
        for k in rows:
            given[k] = given[k].reshape(-1)
        return function(*given)

    return of_rows


def _sorted(found: dict[str, Symbol]) -> list[Symbol]:
    return [found[name] for name in sorted(found)]


def _names(given: object, what: str, found: dict[str, Symbol]) -> list[str]:
    """The names of symbols in a list, each of them known and given once."""
    if isinstance(given, (str, Symbol)):
        given = [given]
    if not isinstance(given, (list, tuple)) or not all(isinstance(g, (str, Symbol)) for g in given):
        raise OperandError(f"{what} is a list of symbols or their names")
    names = [g.name if isinstance(g, Symbol) else g for g in given]
    for k, name in enumerate(names):
        if name not in found:
            raise OperandError(f"{what} names {name}, which does not occur; {', '.join(sorted(found)) or 'nothing'} does")
        if name in names[:k]:
            raise OperandError(f"{what} names {name} twice")
    return names
