"""The plan of a compiled function as a person reads it: every line with its work, in formulas of the dimensions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from matcalc.dims import DimSymbol
from matcalc.emit.assemble import named_leaves
from matcalc.emit.backends import Backend
from matcalc.emit.costs import UNKNOWN, cost_of, is_view
from matcalc.emit.parameters import Parameters
from matcalc.emit.plan import Plan
from matcalc.emit.shapes import entries_in, shape_of
from matcalc.emit.values import Value
from matcalc.emit.writing.arrange import arrange
from matcalc.emit.writing.templates import fill, parse_template
from matcalc.emit.writing.write import number
from matcalc.errors import OperandError
from matcalc.node import postorder

ITEM = 8  # bytes of a float; a complex number has two
WIDE = 60  # characters of a line that are shown


@dataclass(frozen=True)
class PlanStep:
    """A line of the program.

    Attributes
    ----------
    code : str
        The line.
    what : str
        The kind of work that is most of it, such as ``"matrix product"``, ``"solve"`` or ``"entry by entry"``.
    flops, bytes : SymPy expressions
        Arithmetic operations, and what is read and written.
    """

    code: str
    what: str
    flops: sp.Expr
    bytes: sp.Expr


@dataclass(frozen=True)
class PlanReport:
    """What a compiled function does, line by line; ``print`` shows it as a table.

    Attributes
    ----------
    steps : tuple of PlanStep
        The lines.
    flops, bytes : SymPy expressions
        The sums over all lines.
    peak : SymPy expression
        The most bytes that temporary arrays hold at one time, arguments and results not counted.
    depends_on : tuple of DimSymbol
        The dimensions whose sizes decide between plans: another size may have another plan.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> plan = mc.compile(A.T @ (A @ x - b)).plan
    >>> plan.flops
    4*m*n + m
    >>> plan.at(m=1000, n=200).flops
    801000
    >>> print(plan)
    code                     what                 flops      bytes
    return A.T @ (A @ x - b) matrix times vector  4*m*n + m  16*m*n + 40*m + 16*n
    all                                           4*m*n + m  16*m*n + 40*m + 16*n
    temporary arrays: at most 16*m bytes
    the sizes of m, n may decide for another plan
    """

    steps: tuple[PlanStep, ...]
    peak: sp.Expr
    depends_on: tuple[DimSymbol, ...] = ()

    @property
    def flops(self) -> sp.Expr:
        """Arithmetic operations of all steps."""
        return sum((s.flops for s in self.steps), sp.Integer(0))

    @property
    def bytes(self) -> sp.Expr:
        """Bytes that all steps read and write."""
        return sum((s.bytes for s in self.steps), sp.Integer(0))

    def at(self, **sizes: int) -> PlanReport:
        """The same plan with numbers for dimensions.

        Raises
        ------
        OperandError
            If a name is not that of a dimension of the plan, or a size is not a positive int.
        """
        known = {d.name: d for d in sorted(self._dimensions(), key=str)}
        for name, size in sizes.items():
            if name not in known:
                raise OperandError(f"{name} is no dimension of this plan; {', '.join(known) or 'none'} occur")
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise OperandError(f"{name} is a dimension, a positive int, not {size!r}")
        table = {known[name]: sp.Integer(size) for name, size in sizes.items()}
        steps = (replace(s, flops=s.flops.xreplace(table), bytes=s.bytes.xreplace(table)) for s in self.steps)
        return replace(self, steps=tuple(steps), peak=self.peak.xreplace(table))

    def _dimensions(self) -> set[DimSymbol]:
        formulas = [self.peak, *(s.flops for s in self.steps), *(s.bytes for s in self.steps)]
        return {d for f in formulas for d in f.free_symbols if isinstance(d, DimSymbol)}

    def __str__(self) -> str:
        rows = [("code", "what", "flops", "bytes")]
        rows += [(_short(s.code), s.what, str(s.flops), str(s.bytes)) for s in self.steps]
        rows.append(("all", "", str(self.flops), str(self.bytes)))
        widths = [max(len(r[k]) for r in rows) + (k > 0) for k in range(3)]
        lines = [" ".join([*(c.ljust(w) for c, w in zip(r[:3], widths, strict=True)), r[3]]) for r in rows]
        lines.append(f"temporary arrays: at most {self.peak} bytes")
        if self.depends_on:
            lines.append(f"the sizes of {', '.join(map(str, self.depends_on))} may decide for another plan")
        return "\n".join(lines)


def _short(line: str) -> str:
    return line if len(line) <= WIDE else line[: WIDE - 3] + "..."


def report_of(plan: Plan, p: Parameters, backend: Backend) -> PlanReport:
    """The report of a plan."""
    outputs = plan.straight or plan.outputs
    names, _, leaves, _ = named_leaves(p, backend)
    arranged = arrange(
        outputs, names, lambda code: parse_template(code, backend).width, lambda v: len(ast.unparse(_leaf(v, leaves)))
    )
    item = ITEM * (2 if any(s.is_complex for s in p.symbols.values()) else 1)
    trees: dict[Value, ast.expr] = {}
    steps: list[PlanStep] = []
    order: list[Value] = []
    for v, name in arranged.lines:
        made = _new_values([v], trees)
        order += made
        steps.append(_step(f"{name} = {ast.unparse(_write(v, trees, leaves, backend))}", made, item))
        trees[v] = ast.Name(name, ast.Load())
    made = _new_values(outputs, trees)
    order += made
    results = ", ".join(ast.unparse(_write(v, trees, leaves, backend)) for v in outputs)
    steps.append(_step(f"return {results}", made, item))
    return PlanReport(tuple(steps), _most(item * f for f in _live(order, outputs)), plan.choices)


def _leaf(v: Value, leaves: dict[object, ast.expr]) -> ast.expr:
    return number(v.of) if v.code == "const" else leaves.get((v.code, v.of), ast.Name(str(v.of), ast.Load()))


def _new_values(roots: Sequence[Value], done: dict[Value, ast.expr]) -> list[Value]:
    """The values that a line computes, operands first."""
    return [v for v in postorder(list(roots), lambda v: () if v in done else v.args) if v not in done and not v.is_leaf]


def _write(root: Value, done: dict[Value, ast.expr], leaves: dict[object, ast.expr], backend: Backend) -> ast.expr:
    """The tree of a value inside its line."""
    here: dict[Value, ast.expr] = {}
    for v in postorder([root], lambda v: () if v in done else v.args):
        if v in done:
            here[v] = done[v]
        elif v.is_leaf:
            here[v] = _leaf(v, leaves)
        else:
            filled = fill(parse_template(v.code, backend).tree, [here[a] for a in v.args], ast.Name("like", ast.Load()))
            assert isinstance(filled, ast.expr)
            here[v] = filled
    return here[root]


def _step(code: str, made: Sequence[Value], item: int) -> PlanStep:
    flops, moved = sp.Integer(0), sp.Integer(0)
    kinds: list[tuple[float, str]] = []
    for v in made:
        for a in (v, *v.args):
            shape_of(a)
        cost, what = cost_of(v)
        flops = flops + cost
        if what not in ("view", "size"):
            moved = moved + sum((_entries(a) for a in (v, *dict.fromkeys(v.args))), sp.Integer(0))
            kinds.append((_at_large(cost) if what != UNKNOWN else float("inf"), what))
    what = max(kinds, key=lambda k: k[0])[1] if kinds else "nothing new"
    return PlanStep(code, what, flops, item * moved)


def _entries(v: Value) -> sp.Expr:
    """The entries of an array; a scalar moves nothing worth counting."""
    shape = shape_of(v)
    return entries_in(shape) if shape else sp.Integer(0)


def _at_large(formula: sp.Expr) -> float:
    return float(formula.xreplace(dict.fromkeys(formula.free_symbols, sp.Integer(1000))))


# -------------------------------------------------------------------- memory
def _live(order: Sequence[Value], outputs: Sequence[Value]) -> Iterator[sp.Expr]:
    """The entries of the temporary arrays that exist while each value is made."""
    base: dict[Value, Value] = {}
    for v in order:
        base[v] = base.get(v.args[0], v.args[0]) if is_view(v) else v
    results = {base.get(v, v) for v in outputs}
    last: dict[Value, int] = {}
    for k, v in enumerate(order):
        for a in v.args:
            last[base.get(a, a)] = k
    now: sp.Expr = sp.Integer(0)
    for k, v in enumerate(order):
        kept = base[v] is v and v not in results
        if kept:
            now = now + _entries(v)
        yield now
        for a in {base.get(a, a) for a in v.args}:
            if last[a] == k and a in base and a not in results and base[a] is a:
                now = now - _entries(a)
        if kept and v not in last:
            now = now - _entries(v)


def _most(formulas: Iterator[sp.Expr]) -> sp.Expr:
    """The largest of formulas whose dimensions are positive: those that are smaller term by term are left out."""
    found: list[sp.Expr] = []
    for f in formulas:
        if not any(_at_most(f, g) for g in found):
            found = [*(g for g in found if not _at_most(g, f)), f]
    return found[0] if len(found) == 1 else sp.Max(*found, evaluate=False) if found else sp.Integer(0)


def _at_most(f: sp.Expr, g: sp.Expr) -> bool:
    """Whether ``g - f`` is a sum of positive terms."""
    return all(c >= 0 for c in (g - f).as_coefficients_dict().values())
