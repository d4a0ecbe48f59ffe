"""Sums of Frobenius products in text and in LaTeX, with a colon between the two sides."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from matcalc.derivations.forms import Form, scaled
from matcalc.expr import Expr, Hadamard, Number, Quotient, coefficient, is_negative, negate
from matcalc.printing.brackets import TERM, binds
from matcalc.printing.latex import LATEX
from matcalc.printing.text import text
from matcalc.printing.typeset import Piece


def form_text(form: Form) -> str:
    """A form in text: ``2*r : dr + g*ds``."""
    return _joined(form, text, _text_within, " : ")


def form_latex(form: Form) -> str:
    """A form in LaTeX."""
    return _joined(form, lambda e: LATEX.piece(e).text, _latex_within, r" \mathbin{:} ")


def _joined(form: Form, write: Callable[[Expr], str], within: Callable[[Expr], str], colon: str) -> str:
    out = ""
    for p in form.pairs:
        single = p.right.is_scalar
        body = scaled(p.left, p.right) if single else p.left
        negative = bool(out) and is_negative(body)
        body = negate(body) if negative else body
        written = write(body) if single else within(body) + colon + within(p.right)
        out += (" - " if negative else " + ") + written if out else written
    return out or "0"


def _text_within(e: Expr) -> str:
    number, body = coefficient(e)
    if _is_entrywise(body):
        return _text_number(number) + f"({text(body)})"
    return f"({text(e)})" if binds(e) < TERM else text(e)


def _text_number(number: sp.Rational) -> str:
    return "" if number == 1 else "-" if number == -1 else f"{text(Number(number))}*"


def _latex_within(e: Expr) -> str:
    number, body = coefficient(e)
    if _is_entrywise(body) and not (isinstance(body, Quotient) and body.below.is_scalar):  # a fraction brackets itself
        sign = "" if number == 1 else "-" if number == -1 else f"{LATEX.piece(Number(number)).text} "
        return sign + LATEX.bracket(LATEX.piece(body).text)
    piece: Piece = LATEX.piece(e)
    return LATEX.bracket(piece.text) if piece.level < TERM else piece.text


def _is_entrywise(e: Expr) -> bool:
    """Whether it is written with an entrywise product or quotient, which reads better in brackets beside a colon."""
    if isinstance(e, Quotient):
        return not e.below.is_scalar or _is_entrywise(e.above)
    return isinstance(e, Hadamard) and sum(not a.is_scalar for a in e.args) > 1
