"""The shapes of what a line of a derivation is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from matcalc.derivations.derivation_lines import Line
from matcalc.derivations.steps import Arranged, arrays_of, form_of
from matcalc.dims import Dim, dim_text
from matcalc.expr import Expr, Let, Symbol
from matcalc.node import postorder
from matcalc.printing.latex import LATEX, latex


def shapes_of(line: Line, name: Callable[[Expr], str], label: str) -> list[tuple[str, tuple[Dim, ...]]]:
    """What a line is about and the symbols in it, each with its shape; scalars are left out, but for the first."""
    found: dict[str, tuple[Dim, ...]] = {}
    last = line.sides[-1].after
    if isinstance(last, (Expr, Arranged)):
        found[label] = form_of(last).shape
    for s in line.sides:
        for e in _symbols(arrays_of(s.after)):
            if not e.is_scalar:
                found.setdefault(name(e), e.shape)
    if not found:
        found[label] = ()
    return list(found.items())


def _symbols(arrays: Iterable[Expr]) -> list[Expr]:
    nodes = postorder(list(arrays), lambda x: () if isinstance(x, Let) else x.operands)
    return [x for x in nodes if isinstance(x, (Let, Symbol))]


def shape_said(e: Expr) -> str:
    """A shape as arrays have it: ``(m, n)``, or ``scalar``."""
    return brackets(e.shape)


def brackets(shape: tuple[Dim, ...]) -> str:
    """Axes in brackets."""
    return f"({', '.join(map(dim_text, shape))})" if shape else "scalar"


def shape_latex(e: Expr) -> str:
    """The same in LaTeX."""
    return f"({', '.join(map(LATEX.dim, e.shape))})" if e.shape else r"\text{scalar}"


def spaces_of(line: Line) -> str:
    r"""The shapes of a line in LaTeX: ``A \in \mathbb{R}^{m \times n}``."""
    complex_ones = {latex(e) for s in line.sides for e in _symbols(arrays_of(s.after)) if e.is_complex}
    last = line.sides[-1].after
    if isinstance(last, (Expr, Arranged)) and form_of(last).is_complex:
        complex_ones.add(line.step.label)
    told = []
    for name, shape in shapes_of(line, latex, line.step.label):
        field = r"\mathbb{C}" if name in complex_ones else r"\mathbb{R}"
        size = r" \times ".join(LATEX.dim(d) for d in shape)
        told.append(rf"{name} \in {field}{f'^{{{size}}}' if size else ''}")
    return r",\; ".join(told)
