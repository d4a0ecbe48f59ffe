r"""Reading LaTeX: ``parse_latex(r"\|A x - b\|_2^2")``, on the same parser and the same inference of shapes as ``parse``."""

from __future__ import annotations

from contextlib import suppress

from matcalc.errors import MatcalcError, ShapeError
from matcalc.expr import Expr
from matcalc.from_latex.build import LatexBuilder
from matcalc.from_latex.meaning import LatexInference
from matcalc.from_latex.names import Names
from matcalc.from_latex.reader import LatexReader
from matcalc.from_latex.tokens import tokens
from matcalc.lex import require_text
from matcalc.parse import MAX_GUESSES, read_declarations, remembered

__all__ = ["parse_latex"]


def parse_latex(text: str, declarations: object = None) -> Expr:
    r"""Read an expression in LaTeX; what ``latex`` of an expression prints is read back.

    Parameters
    ----------
    text : str
        Such as ``r"\|X w - y\|_2^2 + \lambda w^\top w"``. Side by side is a product, and letters are names of one letter
        each unless a longer name is declared.
    declarations : str, mapping or iterable, optional
        As in ``parse``. A name that is not declared is a matrix if it is a capital letter, a vector if it is one of ``h`` to
        ``z``, a scalar if it is one of ``a`` to ``g`` or a small Greek letter; ``m`` and ``n`` are dimensions. Its own
        dimensions are inferred.

    Raises
    ------
    ParseError
        If the text cannot be read, or has more than one customary meaning; it has the ``line`` and the ``column``.
    ShapeError
        If shapes do not fit; the message names both uses.
    OperandError, UnsupportedError, LimitError
        As in ``parse``.

    Examples
    --------
    >>> import matcalc as mc
    >>> f = mc.parse_latex(r"\|X w - y\|_2^2 + \lambda w^\top w", "X[m,n] w[n] y[m] lam")
    >>> f
    norm2(X*w - y)^2 + lam*w'*w
    >>> mc.grad(f, "w")
    2*(X'*(X*w - y) + lam*w)
    >>> mc.parse_latex(r"\sum_{i,j} A_{ij} x_i x_j")
    x'*A*x
    >>> mc.parse_latex(mc.latex(f), f.symbols) == f
    True
    """
    names, dims = read_declarations(declarations)
    source = require_text(text, "a formula in LaTeX")
    reader = LatexReader(source, tokens(source), Names(names, dims))
    reader.run()
    inference = LatexInference(reader, names, dims)
    try:
        inference.run()
    except ShapeError:
        inference = _with_vectors(reader, inference)
    return remembered(LatexBuilder(inference).run(), names)


def _with_vectors(reader: LatexReader, first: LatexInference) -> LatexInference:
    """What the formula means if letters that are scalars by convention are vectors; the error again if it does not fit."""
    taken = {*first.names, *first.dims}
    found = [n for n in reader.used if n not in taken and n not in reader.usage and first.convention(n) == "scalar"]
    for guess in ([[n] for n in found] + ([found] if len(found) > 1 else []))[:MAX_GUESSES]:
        other = LatexInference(reader, first.names, first.declared_dims, guess)
        with suppress(MatcalcError):
            other.run()
            return other
    LatexInference(reader, first.names, first.declared_dims).run()
    raise AssertionError("the same inference failed before")
