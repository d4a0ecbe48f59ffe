"""Printing: text that parses back, LaTeX, and Unicode."""

from matcalc.expr import Expr
from matcalc.printing.index_terms import IndexNames, term_latex, term_text
from matcalc.printing.latex import latex
from matcalc.printing.pretty import pprint, pretty, pretty_form, sympy_precedence
from matcalc.printing.text import text

Expr.hooks.update(text=text, latex=latex, pretty_form=pretty_form, precedence=sympy_precedence)

__all__ = ["IndexNames", "latex", "pprint", "pretty", "term_latex", "term_text", "text"]
