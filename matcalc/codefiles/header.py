"""The words at the head of a file: the formula, the declarations, the conditions, the layout."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matcalc.codefiles.contents import Contents
from matcalc.dims import is_unit
from matcalc.emit.compiled import Parameters
from matcalc.expr import Expr
from matcalc.names import shown

WIDTH = 100
LAYOUT = {
    "python": "a vector has one axis and a scalar none; a derivative has the shape of the variable it is by",
    "julia": "a vector is a Vector and a scalar a number; a derivative has the shape of the variable it is by",
    "matlab": "a vector is a column and a scalar 1 x 1; a derivative has the shape of the variable it is by",
}
HESSIAN = "the axes of a Hessian are those of the variable, then those of the variable again"


def header(contents: Contents, p: Parameters, written: dict[str, str], layout: str) -> list[str]:
    """The lines; ``written`` has the parameters as the code writes them."""
    name = contents.name
    call = f"{name}({', '.join(n for n in p.names if contents.upstream is None or n != contents.upstream.name)})"
    lines = formula(f"{call} = ", contents.f)
    if contents.derivatives:
        of = name if contents.upstream is None else contents.paired
        lines += ["", f"The gradient of {of} by" if contents.upstream is not None else "Derivatives"]
        for w, slope in zip(contents.wrt, contents.derivatives, strict=True):
            lines += formula(f"    {w.name}: " if contents.upstream is not None else f"    d{name}/d{w.name} = ", slope)
    for w, second in zip(contents.wrt, contents.hessians, strict=False):
        lines += formula(f"    d2{name}/d{w.name}2 = ", second)
    lines += ["", "Declarations"]
    rows = [(n, written[n]) for n in p.names]
    width = max((len(w) for _, w in rows), default=0)
    for n, code in rows:
        renamed = f"; {n} in the formula" if code != n else ""
        lines.append(f"    {code.ljust(width)}  {described(n, p, contents)}{renamed}")
    conditions = list(dict.fromkeys(c for e in contents.outputs for c in e.conditions))
    if conditions:
        lines += ["", "Conditions", *(f"    {c}" for c in conditions)]
    lines += ["", "Layout", f"    {LAYOUT[layout]}", *([f"    {HESSIAN}"] if contents.hessians else [])]
    if contents.left_out:
        lines += ["", "Left out", *(f"    {c}" for c in contents.left_out)]
    return [part for line in map(one_line, lines) for part in wrapped(line)]


def formula(lead: str, e: Expr) -> list[str]:
    """An equation in the text syntax, with names for what a long one repeats."""
    first, *rest = str(shown(e)).splitlines()
    indent = " " * (len(lead) - len(lead.lstrip()) + 4)
    return [lead + first, *(indent + line for line in rest)]


def described(name: str, p: Parameters, contents: Contents) -> str:
    """A parameter in words: its shape and its attributes."""
    if name in p.sizes:
        return "a dimension"
    if name in p.functions:
        base, slope = contents.unspecified[name]
        if slope:
            return f"a function: the gradient of {base}, in the shape of its argument"
        return "a function of an array"
    s = p.symbols[name]
    shape = "scalar" if s.is_scalar else f"({', '.join(map(str, s.shape))}{',' if s.ndim == 1 else ''})"
    if is_unit(s.rows) and not is_unit(s.cols) and s.axes is None:
        shape = f"({s.cols},), a row"
    facts = ", ".join(s.facts)
    if contents.upstream is not None and name == contents.upstream.name:
        facts = ", ".join(filter(None, (facts, "the gradient of a loss by the value")))
    return f"{shape}  {facts}".rstrip()


def one_line(text: str) -> str:
    """A line without anything that could end it, or that cannot be seen."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def wrapped(line: str) -> Sequence[str]:
    """A line in lines of a bearable length."""
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False)
