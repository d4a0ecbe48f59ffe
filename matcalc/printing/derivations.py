"""Derivations as text, LaTeX and Markdown: numbered lines with their reasons, and the shapes where asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matcalc.derivations.derivation_lines import Line, Reason
from matcalc.derivations.forms import Form, Slope
from matcalc.derivations.steps import Arranged, Chained, Partial, Pushed, Step, form_of
from matcalc.expr import Expr, Let
from matcalc.names import Named
from matcalc.printing.forms import form_latex, form_text
from matcalc.printing.index_terms import term_latex, term_text
from matcalc.printing.latex import latex
from matcalc.printing.shapes import brackets, shape_latex, shape_said, shapes_of, spaces_of
from matcalc.printing.text import text

INDENT = "      "


@dataclass(frozen=True)
class Ending:
    """What stands below the lines: what the result is, and what it assumes."""

    layout: str
    result: Expr
    conditions: Sequence[str]
    short: Named | None = None  # the result once more, in the names of its parts


# ------------------------------------------------------------------ the three formats
def written_text(heading: str, lines: Sequence[Line], end: Ending, shapes: bool) -> str:
    """Plain text: a line for each equality, its reasons below it."""
    out = [heading]
    for line in lines:
        reasons = [f"{INDENT}{_cited(r, lambda v: v.name)}: {r.why}" for r in line.reasons]
        first, *rest = map(side_text, line.sides)
        out.append(f"({line.number}) {line.step.plain} = {first}")
        if line.is_long:
            out.append(reasons[0])
            out.extend(row for side, why in zip(rest, reasons[1:], strict=True) for row in (f"    = {side}", why))
        else:
            out[-1] = " = ".join((out[-1], *rest))
            out.extend(reasons)
        if shapes:
            told = [f"{name} {brackets(shape)}" for name, shape in shapes_of(line, text, line.step.plain)]
            out.append(f"{INDENT}shapes: {', '.join(told)}")
    if end.short is not None:
        out.extend((f"in short: {text(end.short.body)}", *end.short.where_lines()))
    if end.layout:
        out.append(f"{end.layout}: {shape_said(end.result)}")
    if end.conditions:
        out.append(f"assuming {'; '.join(end.conditions)}")
    return "\n".join(out)


def written_latex(notation: Sequence[Sequence[Expr]], lines: Sequence[Line], end: Ending, shapes: bool) -> str:
    r"""One ``aligned`` block: each line with its reasons and, last, its number."""
    rows = [rf"{' &= '.join(_named(sides))} && \text{{notation}}" for sides in notation]
    for line in lines:
        reasons = [_cited_latex(r) for r in line.reasons]
        first, *rest = map(side_latex, line.sides)
        if line.is_long:
            rows.append(f"{line.step.label} &= {first} && {reasons[0]} && ({line.number})")
            rows.extend(f"&= {side} && {why}" for side, why in zip(rest, reasons[1:], strict=True))
        else:
            joined = r" \text{; }".join(reasons).replace(r"} \text{; }\text{", "; ")
            rows.append(f"{line.step.label} &= {' = '.join((first, *rest))} && {joined} && ({line.number})")
        if shapes:
            rows.append(rf"& \scriptstyle {spaces_of(line)}")
    if end.short is not None:
        rows.append(rf"\text{{in short}} &= {latex(end.short.body)}")
        rows.extend(rf"{latex(Let(name, e))} &= {latex(e)} && \text{{notation}}" for name, e in end.short.parts.items())
    if end.layout:
        rows.append(rf"& && \text{{{_in_text(end.layout)}: }} {shape_latex(end.result)}")
    if end.conditions:
        rows.append(rf"& && \text{{assuming {'; '.join(_in_text(c) for c in end.conditions)}}}")
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def written_markdown(notation: Sequence[Sequence[Expr]], lines: Sequence[Line], end: Ending, shapes: bool) -> str:
    """A numbered list with LaTeX formulas, which are the numbers that later lines name."""
    names = ", ".join(f"${' = '.join(_named(sides))}$" for sides in notation)
    out = [f"Let {names}.\n"] if names else []
    for line in lines:
        written = " = ".join(map(side_latex, line.sides))
        out.append(rf"{line.number}. $\displaystyle {line.step.label} = {written}$  ")
        if shapes:
            out.append(f"   ${spaces_of(line)}$  ")
        told = (f"*{_cited(r, lambda v: f'${latex(v)}$')}*: {_markdown(r.why)}" for r in line.reasons)
        out.append(f"   {'; '.join(told)}.")
    if end.short is not None:
        parts = ", ".join(f"${part}$" for part in end.short.definitions(latex))
        out.append(f"\nIn short: ${latex(end.short.body)}${f', where {parts}' if parts else ''}.")
    if end.layout:
        out.append(f"\n{_markdown(end.layout[0].upper() + end.layout[1:])}: ${shape_latex(end.result)}$.")
    if end.conditions:
        out.append(f"\nAssuming {_markdown('; '.join(end.conditions))}.")
    return "\n".join(out)


def _named(sides: Sequence[Expr]) -> list[str]:
    """A variable, and what it equals."""
    first, *rest = map(latex, sides)
    return [first, " = ".join(rest)]


def side_text(step: Step) -> str:
    """What a step arrives at, in text."""
    match step.after:
        case Expr() | Arranged():
            return text(form_of(step.after))
        case Form():
            return form_text(step.after)
        case Partial() | Chained() | Pushed() | Slope():
            raise AssertionError(step)
        case _:
            return term_text(step.after, step.names)


def side_latex(step: Step) -> str:
    """What a step arrives at, in LaTeX."""
    match step.after:
        case Expr() | Arranged():
            return latex(form_of(step.after))
        case Form():
            return form_latex(step.after)
        case Partial() | Chained() | Pushed() | Slope():
            raise AssertionError(step)
        case _:
            return term_latex(step.after, step.names)


# ------------------------------------------------------------------ reasons
def _cited(reason: Reason, name: Callable[[Let], str]) -> str:
    """A rule and what it uses: ``matrix-form, by (6)``, ``insert (3) and r into (5)``."""
    used = [*(f"({n})" for n in reason.numbers), *map(name, reason.variables)]
    return _phrase(reason.rule, used, reason.into)


def _cited_latex(reason: Reason) -> str:
    """The same in LaTeX: words as text, variables as mathematics."""
    used = [*(f"({n})" for n in reason.numbers), *(f"}} {latex(v)} \\text{{" for v in reason.variables)]
    phrase = _phrase(reason.rule.replace("-", " "), used, reason.into)
    return f"\\text{{{phrase}}}".replace(r" \text{}", "")


def _phrase(rule: str, used: Sequence[str], into: int | None) -> str:
    if rule == "insert":
        put = [rule, *([_listed(used)] if used else []), *([f"into ({into})"] if into else [])]
        return " ".join(put)
    if not used:
        return rule
    return f"{rule}, {'of' if rule == 'sum' else 'by'} {_listed(used)}"


def _listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), *words[-1:]])


# ------------------------------------------------------------------ running text
def _in_text(words: str) -> str:
    """Words as LaTeX has them in running text."""
    return "".join({"_": r"\_", "^": r"\^{}", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$"}.get(c, c) for c in words)


def _markdown(words: str) -> str:
    """Words that Markdown takes as they are."""
    return "".join("\\" + c if c in "*_`\\$" else c for c in words)
