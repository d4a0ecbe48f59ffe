"""Printing: text that parses back, LaTeX, and Unicode."""

from matcalc.expr import Expr
from matcalc.printing.text import text

Expr.printers["text"] = text

__all__ = ["text"]
