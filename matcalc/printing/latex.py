r"""LaTeX, as a lecturer writes it.

An operator's ``latex`` is a template: ``#1`` is an operand inside delimiters of the template's own, ``@1`` one that is
written bare (in brackets if it binds too loosely), ``#axis``, ``#dims`` and ``#function`` are parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from matcalc.dims import Dim
from matcalc.expr import Expr, Operator, as_expr
from matcalc.ops.elementwise import Abs
from matcalc.printing.brackets import ATOM, POWER, PREFIX
from matcalc.printing.names import name_latex
from matcalc.printing.typeset import Piece, Typesetter, number_level


class Latex(Typesetter):
    """LaTeX that KaTeX, MathJax and amsmath read."""

    ones = r"\mathbf{1}"
    top = r"\top"
    hermitian = r"\mathsf{H}"
    odot = r"\odot"
    oslash = r"\oslash"
    partial = r"\partial "
    differential = r"\mathrm{d}"
    nabla = r"\nabla "
    whole = r"_{\text{all}}"
    axes = (r"_{\text{columns}}", r"_{\text{rows}}")

    def name(self, name: str) -> str:
        return name_latex(name)

    def bracket(self, text: str) -> str:
        tall = any(mark in text for mark in (r"\frac", r"\sum", r"\left", "("))
        return rf"\left({text}\right)" if tall else f"({text})"

    def number(self, value: sp.Expr) -> Piece:
        negative = not isinstance(value, sp.Add) and value.could_extract_minus_sign()
        value = -value if negative else value
        if isinstance(value, sp.Rational) and value.q != 1:
            return Piece(rf"\frac{{{value.p}}}{{{value.q}}}", PREFIX, negative)
        names = {s: name_latex(str(s)) for s in value.free_symbols}
        return Piece(sp.latex(value, symbol_names=names), number_level(value), negative)

    def fraction(self, above: Piece, below: Piece) -> Piece:
        return Piece(rf"\frac{{{above.text}}}{{{below.text}}}", PREFIX)

    def raised(self, base: Piece, exponent: str) -> Piece:
        return Piece(f"{self.within(base, ATOM)}^{{{exponent}}}", POWER)

    def subscripted(self, base: str, places: Sequence[str]) -> str:
        joint = "," if any(len(p) > 1 for p in places) else "" if all(p.isalpha() for p in places) else " "
        return f"{base}_{{{joint.join(places)}}}"

    def square(self, text: str) -> str:
        return rf"\left[{text}\right]"

    def sum_sign(self, places: Sequence[str]) -> str:
        return self.subscripted(r"\sum", places)

    def shape(self, shape: Sequence[Dim]) -> str:
        sizes = r" \times ".join(map(self.dim, shape))
        return f"_{{{sizes}}}"

    def blocks(self, rows: Sequence[Sequence[str]]) -> str:
        lines = r" \\ ".join(" & ".join(row) for row in rows)
        return rf"\begin{{bmatrix}} {lines} \end{{bmatrix}}"

    def template(self, op: Operator) -> str:
        """Bars around a square matrix would be its determinant."""
        return r"\operatorname{abs}(#1)" if isinstance(op, Abs) and op.is_square and not op.is_scalar else op.latex

    def fill(self, op: Operator, parts: Sequence[Piece]) -> Piece:
        """Bars beside bars would be those of a norm."""
        if isinstance(op, Abs) and (parts[0].text.startswith(r"\left|") or parts[0].text.endswith(r"\right|")):
            parts = [Piece(self.bracket(parts[0].text))]
        return super().fill(op, parts)

    def join(self, factors: Sequence[str]) -> str:
        out = last = factors[0]
        for f in factors[1:]:
            apart = any(x.startswith(self.differential) for x in (f, last))
            out += rf" \cdot {f}" if f[0].isdigit() else rf" \, {f}" if apart else f" {f}"
            last = f
        return out


LATEX = Latex()


def latex(e: object, *, names: object = None) -> str:
    r"""LaTeX of an expression, without dollar signs.

    Parameters
    ----------
    e : Expr, or a list or dict of them with ``names``
        Also what has a LaTeX form of its own: what ``named``, ``derive`` and ``to_index`` answer.
    names : optional
        Names for shared parts, as for ``named``.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> print(mc.latex(2 * A.T @ (A @ x - b)))
    2 A^{\top} (A x - b)
    """
    if names is not None and names is not False:
        return str(Expr.hooks["named"](e, names).to_latex())
    own = None if isinstance(e, Expr) else getattr(e, "to_latex", None)
    return LATEX.piece(as_expr(e)).text if own is None else str(own())
