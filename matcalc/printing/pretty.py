"""One line of Unicode, and the same inside SymPy's two-dimensional printer."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import sympy as sp

from matcalc.expr import Expr, Operator, as_expr
from matcalc.printing.brackets import ATOM, POWER, PREFIX, SUM, TERM, binds
from matcalc.printing.latex import LATEX
from matcalc.printing.names import GREEK, SUBSCRIPTS, name_unicode
from matcalc.printing.typeset import Piece, Typesetter, number_level

_SUPERSCRIPTS = dict(zip("0123456789+-ᵀnik", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀⁿⁱᵏ", strict=True))
_VULGAR = {sp.Rational(p, q): glyph for p, q, glyph in [(1, 2, "½"), (1, 3, "⅓"), (2, 3, "⅔"), (1, 4, "¼"), (3, 4, "¾")]}
_MACROS = {
    "otimes": "⊗", "infty": "∞", "mathbf{1}": "𝟏", "mathbf{0}": "𝟎", "left": "", "right": "", "|": "‖", "sqrt": "√",
    "odot": "⊙",
}  # fmt: skip


class Pretty(Typesetter):
    """Unicode on one line."""

    ones = "𝟏"
    top = "ᵀ"
    odot = "⊙"
    oslash = "⊘"
    partial = "∂"
    nabla = "∇"
    axes = ("_columns", "_rows")

    def name(self, name: str) -> str:
        return name_unicode(name)

    def bracket(self, text: str) -> str:
        return f"({text})"

    def number(self, value: sp.Expr) -> Piece:
        negative = not isinstance(value, sp.Add) and value.could_extract_minus_sign()
        value = -value if negative else value
        if value in _VULGAR:
            return Piece(_VULGAR[value], PREFIX, negative)
        if isinstance(value, sp.Rational) and value.q != 1:
            return Piece(f"{value.p}/{value.q}", TERM, negative)
        text = re.sub(r"[^\W\d_]\w*", lambda m: name_unicode(m.group()), str(value))
        return Piece(text.replace("**", "^").replace("*", " "), number_level(value), negative)

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return Piece(f"{self.within(above, TERM)}/{self.within(below, POWER)}", TERM)

    def raised(self, base: Piece, exponent: str) -> Piece:
        inside = self.within(base, ATOM)
        if all(c in _SUPERSCRIPTS for c in exponent):
            return Piece(inside + "".join(_SUPERSCRIPTS[c] for c in exponent), POWER)
        if exponent.startswith(self.odot):
            plain = exponent.removeprefix(self.odot + " ")
            closed = plain.removeprefix("-").isalnum() or plain.startswith("(")
            return Piece(f"{inside}^{self.odot}{plain if closed else self.bracket(plain)}", POWER)
        closed = exponent.isalnum() or bool(re.fullmatch(r"\([^()]*\)", exponent))
        return Piece(f"{inside}^{exponent if closed else self.bracket(exponent)}", POWER)

    def subscripted(self, base: str, places: Sequence[str]) -> str:
        return f"{base}{','.join(places).translate(SUBSCRIPTS)}" if base == "e" else f"{base}[{','.join(places)}]"

    def sum_sign(self, places: Sequence[str]) -> str:
        return f"∑[{','.join(places)}]"

    def template(self, op: Operator) -> str:
        """The LaTeX template with its macros written in Unicode."""
        text = re.sub(r"\\(?:operatorname|text|mathrm)\{(\w+)\}", r"\1", op.latex)
        text = text.replace(r"^{\top}", self.top)
        text = re.sub(r"(\\[a-z]+)(?=\\[A-Za-z])", r"\1 ", text) if "(" in text else text
        text = re.sub(r"\\sqrt\{(.*)\}", r"√(\1)", text)
        text = re.sub(r"\\overline\{(.*)\}", r"conj(\1)", text)
        text = re.sub(r"\\(mathbf\{[01]\}|[A-Za-z]+|\|)", lambda m: _MACROS.get(m[1], GREEK.get(m[1], m[1])), text)
        text = re.sub(r"_(\d)", lambda m: m[1].translate(SUBSCRIPTS), text)
        return re.sub(r"_\{(#?\w+)\}", r"_\1", text)

    def join(self, factors: Sequence[str]) -> str:
        out = factors[0]
        for f in factors[1:]:
            glued = out in _VULGAR.values() and not f[0].isalnum() and f[0] != "("
            out += f if glued else f"·{f}" if f[0] in "0123456789" else f" {f}"
        return out


PRETTY = Pretty()


def pretty(e: object, *, names: object = None) -> str:
    """The expression in one line of Unicode; with ``names``, as for ``named``, a line for each shared part below it.

    Parameters
    ----------
    e : Expr, or a list or dict of them with ``names``, or Named
    names : optional
        Names for shared parts, as for ``named``.

    Raises
    ------
    OperandError
        If ``e`` is no expression.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> print(mc.pretty(mc.norm2(A @ x - b) ** 2 / 2))
    ½‖A x - b‖₂²
    """
    if names is not None and names is not False:
        e = Expr.hooks["named"](e, names)
    own = None if isinstance(e, Expr) else getattr(e, "to_pretty", None)
    return PRETTY.piece(as_expr(e)).text if own is None else str(own())


def pprint(e: object, *, names: object = None) -> None:
    """Print the expression in Unicode, or as text where the terminal has none; ``names`` is as for ``named``."""
    if names is not None and names is not False:
        e = Expr.hooks["named"](e, names)
    written = pretty(e)
    try:
        written.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        written = str(e if hasattr(e, "to_pretty") else as_expr(e))
    print(written)


def pretty_form(e: Expr, printer: Any = None) -> Any:
    """The same for SymPy's two-dimensional printer."""
    from sympy.printing.pretty.stringpict import prettyForm  # slow to import, and used only inside SymPy's printer

    if printer is not None and not printer._use_unicode:
        return prettyForm(str(e), binding=_binding(prettyForm, binds(e), str(e).startswith("-")))
    piece = PRETTY.piece(e)
    return prettyForm(piece.text, binding=_binding(prettyForm, piece.level, piece.negative))


def _binding(form: Any, level: int, negative: bool) -> int:
    if negative:
        return form.NEG  # type: ignore[no-any-return]
    table = {SUM: form.ADD, TERM: form.MUL, PREFIX: form.FUNC, POWER: form.POW}
    return table.get(level, form.ATOM)  # type: ignore[no-any-return]


def sympy_precedence(e: Expr) -> int:
    """How tightly a scalar binds on SymPy's scale, so that SymPy brackets it in its own expressions."""
    piece = LATEX.piece(e)
    level = min(binds(e), piece.level, TERM if piece.negative else ATOM)
    return {SUM: 40, TERM: 50, PREFIX: 50, POWER: 60}.get(level, 1000)
