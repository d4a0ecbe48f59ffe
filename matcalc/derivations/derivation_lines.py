"""The lines of a derivation: steps that go on from each other share one, and later lines name earlier ones by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from matcalc.derivations.forms import Form
from matcalc.derivations.steps import Arranged, Chained, Partial, Pushed, Side, Step, arrays_of, is_term
from matcalc.expr import DifferentialSymbol, Expr, Let, Symbol
from matcalc.node import postorder
from matcalc.printing.forms import form_text

DETAILS = ("brief", "normal", "full")
MINOR = ("contract", "matrix-form", "insert", "merge")  # rules that a brief line does not name if it has another


@dataclass
class Reason:
    """Why a line holds: a rule with its sentence, and what it uses, the numbers of earlier lines and variables."""

    rule: str
    why: str
    numbers: list[int] = field(default_factory=list)
    variables: list[Let] = field(default_factory=list)
    into: int | None = None  # the line that the others are put into


@dataclass
class Line:
    """One line: what it is about, the sides that it equals in turn, and the reasons."""

    number: int
    step: Step  # the one with the label
    sides: list[Step]  # the steps whose results are written
    reasons: list[Reason]

    @property
    def is_long(self) -> bool:
        """Whether each side stands on a row of its own, with its own reason."""
        return len(self.sides) > 2 and len(self.sides) == len(self.reasons)


def lines_of(steps: Sequence[Step], gradients: Mapping[Expr, Expr], brief: bool = False) -> list[Line]:
    """The numbered lines of a derivation; ``gradients`` has the symbols of intermediate results with their values."""
    groups = brief_groups(steps) if brief else grouped(steps)
    known = References(gradients)
    out: list[Line] = []
    for number, group in enumerate(groups, 1):
        own = main_step(group) if brief else None
        reasons = [known.reason(s, s is group[0]) for s in group if own in (None, s)]
        written = brief_sides(group) if brief else group
        out.append(Line(number, group[-1] if brief else group[0], written, reasons))
        known.enter(number, group)
    return out


# ------------------------------------------------------------------ which steps share a line
def grouped(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps in runs that go on from each other about the same quantity."""
    out: list[list[Step]] = []
    previous: Step | None = None
    for s in steps:
        if previous is not None and s.goes_on(previous) and s.label == previous.label:
            out[-1].append(s)
        else:
            out.append([s])
        previous = s
    return out


def brief_groups(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps in runs that go on from each other, without those that only prepare a later one."""
    runs: list[list[Step]] = [[steps[0]]] if steps else []
    for before, s in pairwise(steps):
        if s.goes_on(before):
            runs[-1].append(s)
        else:
            runs.append([s])
    chained = {(s.before.of, s.before.wrt) for s in steps if isinstance(s.before, Chained)}

    def prepares(run: list[Step]) -> bool:
        first = run[0].before
        used = isinstance(first, Partial) and (first.of, first.wrt) in chained and all(is_term(s.after) for s in run)
        return used or run[0].rule == "definition"

    return [run for run in runs if run is runs[-1] or not prepares(run)]


def main_step(run: Sequence[Step]) -> Step:
    """The step whose rule says what a run does."""
    named = [s for s in run if s.rule not in MINOR]
    return named[0] if named else run[0]


def brief_sides(run: Sequence[Step]) -> list[Step]:
    """The first and the last form of a quantity, in matrix notation where it has one."""
    forms = [s for s in run if not is_term(s.after)] or list(run)
    ends = [forms[0], forms[-1]]
    return ends if ends[0].after is not ends[1].after else ends[:1]


# ------------------------------------------------------------------ which lines a step uses
class References:
    """What earlier lines have said, to name them by number."""

    def __init__(self, gradients: Mapping[Expr, Expr]) -> None:
        self.gradients = gradients
        self.results: dict[object, int] = {}  # the line of each result
        self.labels: dict[str, int] = {}
        self.partials: dict[tuple[Let, Expr], int] = {}
        self.definitions: dict[str, int] = {}

    def enter(self, number: int, steps: Sequence[Step]) -> None:
        """Note what a line says."""
        for s in steps:
            self.results[_key(s.after)] = number
            self.labels[s.plain] = number
            if isinstance(s.before, Partial):
                self.partials[s.before.of, s.before.wrt] = number
            if s.rule == "definition":
                self.definitions.update((e.name, number) for e in arrays_of(s.before) if isinstance(e, Let))

    def reason(self, s: Step, first: bool) -> Reason:
        """The reason of a step, with the lines that it uses; ``first`` if it begins its line."""
        reason = Reason(s.rule, s.why)
        match s.before:
            case Partial(of, _) if s.rule == "chain-rule":
                reason.numbers = self.of_symbols(s.after)
            case Partial(of, _):
                reason.numbers = [self.definitions[of.name]] if of.name in self.definitions else []
            case Chained(of, upstream, wrt):
                found = self.partials.get((of, wrt))
                reason.numbers = self.of_symbols(upstream) if found is None else [found]
            case Pushed(_, changes):
                reason.numbers = sorted({n for _, change in changes for n in self.of_symbols(change)})
            case side if s.rule == "sum":
                parts = [n for label, n in self.labels.items() if label.startswith(f"{s.plain}|")]
                reason.numbers = sorted(parts)
            case side if s.rule in ("substitute", "gather"):
                reason.numbers = self.put_in(side, s.after)
            case side if s.rule == "insert":
                reason.numbers = self.of_symbols(side)
                reason.variables = [v for v in self.variables_of(side) if v not in _atoms(s.after)]
                reason.into = self.results.get(_key(side)) if first else None
            case side if s.rule == "definition":
                pass
            case side if side is s.after:
                reason.numbers = self.of_symbols(side)
            case side if first and _key(side) in self.results:
                reason.numbers = [self.results[_key(side)]]
        return reason

    def put_in(self, side: Side, after: Side) -> list[int]:
        """The lines whose results took the place of what stands in ``side`` and not in ``after``."""
        kept = after.pairs if isinstance(after, Form) else ()
        gone = [p for p in side.pairs if p not in kept] if isinstance(side, Form) else []
        told = {p: self.labels.get(form_text(Form((p,)))) for p in gone}  # worked on in a line of its own, or not
        rest = [e for p in gone if told[p] is None for e in (p.left, p.right)] if gone else arrays_of(side)
        atoms = [a for e in rest for a in _leaves(e) if isinstance(a, DifferentialSymbol) and a not in _atoms(after)]
        numbers = [*told.values(), *(self.labels.get(a.name) for a in atoms)]
        return sorted({n for n in numbers if n is not None})

    def of_symbols(self, side: Side) -> list[int]:
        """The lines that gave the symbols of intermediate results in a side their values."""
        found = [self.labels.get(s.name) for s in _atoms(side) if s in self.gradients and isinstance(s, Symbol)]
        return sorted({n for n in found if n is not None})

    def variables_of(self, side: Side) -> list[Let]:
        """The variables that a side is written in, once the symbols in it have their values."""
        found: dict[Let, None] = {}
        todo = arrays_of(side)
        seen: set[Expr] = set()
        while todo:
            for s in _leaves(todo.pop()):
                if isinstance(s, Let):
                    found[s] = None
                elif s in self.gradients and s not in seen:
                    seen.add(s)
                    todo.append(self.gradients[s])
        return list(found)


def _key(side: Side) -> object:
    """What makes two sides the same: the formula in matrix notation, or the very term."""
    return side.form if isinstance(side, Arranged) else side if isinstance(side, Expr) else id(side)


def _atoms(side: Side) -> list[Expr]:
    return [a for e in arrays_of(side) for a in _leaves(e)]


def _leaves(e: Expr) -> list[Expr]:
    """The symbols and variables of an expression, in reading order, each once."""
    nodes = postorder([e], lambda x: () if isinstance(x, Let) else x.operands)
    return [x for x in nodes if isinstance(x, (Let, Symbol))]
