"""The errors of matcalc: one tree, so that ``except MatcalcError`` catches all that bad input can raise."""

from __future__ import annotations


class MatcalcError(Exception):
    """Base of every error that matcalc raises on purpose."""


class ShapeError(MatcalcError, ValueError):
    """Shapes that do not fit; the message names the operands, their shapes and what would help."""


class ParseError(MatcalcError, ValueError):
    """Text that cannot be read.

    Attributes
    ----------
    line, column : int
        Where, counted from 1.
    """

    def __init__(self, message: str, text: str = "", position: int = 0) -> None:
        self.line, self.column = place(text, position)
        self.reason = message
        super().__init__(message + caret(text, position) if text else message)


def place(text: str, position: int) -> tuple[int, int]:
    """Line and column of a position, counted from 1."""
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def caret(text: str, position: int, width: int = 72) -> str:
    """Two lines: the place in the text, cut to ``width``, and a caret below it."""
    line, column = place(text, position)
    row = text.split("\n")[line - 1]
    start = max(0, column - 1 - width // 2)
    shown = "".join(c if c.isprintable() else "?" for c in row[start : start + width])
    return f"\n  {shown}\n  {' ' * (column - 1 - start)}^ line {line}, column {column}"


class UnsupportedError(MatcalcError, NotImplementedError):
    """A question that is well posed, but that matcalc has no answer to; the message names the operator."""


class NotDifferentiableError(MatcalcError, ValueError):
    """A function that has no derivative in the argument asked for."""


class LimitError(MatcalcError):
    """Input longer, deeper or larger than matcalc takes on."""


class CheckError(MatcalcError, AssertionError):
    """A numeric check that found a difference."""


class OperandError(MatcalcError, TypeError):
    """An operand of the wrong kind: an array where an expression belongs, or ``*`` between matrices."""
