"""From index notation in text to a syntax tree: the reader of ``lex``, with square brackets and ranges besides.

An entry ``A[i,j]`` is an ``apply`` part whose head is ``[``; the range ``(k, 1, n)`` of a sum is a part of its own kind.
"""

from __future__ import annotations

import re

from matcalc.lex import SUM, TOKEN, Frame, Part, Reader, require_text

INDEX_TOKEN = re.compile(TOKEN.pattern.replace("'(),:]", r"'(),:\[\]]"), TOKEN.flags)
CLOSES = {"(": ")", "[": "]"}


def read_index(text: object) -> tuple[str, list[Part]]:
    """The text, and its parts, operands first; the whole is the last one.

    Raises
    ------
    ParseError
        At the first place that does not fit.
    LimitError
        If the text is too long or nested too deeply.
    """
    checked = require_text(text, "a formula in index notation")
    return checked, IndexReader(checked, 0, len(checked)).run()


class IndexReader(Reader):
    """The parser of index notation."""

    pattern = INDEX_TOKEN

    def operand(self, kind: str, value: str, at: int) -> bool:
        """Take the token where an operand is due; whether one is still due."""
        if value == "[":
            raise self.error("a [ stands after the name of an array, as in A[i,j]", at)
        if value == "]":
            raise self.error("an index is missing before ']'", at)
        if value == ")" and self.frames and self.frames[-1].head == "[":
            raise self.error("this bracket is not closed by ]", self.frames[-1].at)
        return super().operand(kind, value, at)

    def operator(self, kind: str, value: str, at: int) -> bool:
        """Take the token where an operator is due; whether an operand is due after it."""
        if value == "[":
            top = self.operands.pop()
            if self.parts[top.part].kind == "number":
                raise self.error("a number has no entries", at)
            self.frames.append(Frame("apply", "[", 0, at, [top]))
            return True
        if value in (")", "]", ","):
            self.reduce(SUM)
            frame = self.frames[-1] if self.frames else None
            if value == "," and frame is not None and (frame.kind == "range" or self.opens_range(frame)):
                frame.kind = "range"
                frame.args.append(self.operands.pop())
                return True
            if value != ",":
                if frame is None:
                    raise self.error(f"this {value} closes no bracket", at)
                if CLOSES[frame.head] != value:
                    raise self.error(f"this bracket is not closed by {CLOSES[frame.head]}", frame.at)
                self.close(at)
                return False
        return super().operator(kind, value, at)

    def opens_range(self, frame: Frame) -> bool:
        """Whether a bracket holds the range of an index: it is an argument of ``Sum``, after the first."""
        if frame.kind != "group" or len(self.frames) < 2:
            return False
        outer = self.frames[-2]
        return outer.kind == "apply" and len(outer.args) > 1 and self.parts[outer.args[0].part].head == "Sum"

    def close(self, at: int, empty: bool = False) -> None:
        """Finish the bracket on top of the stack."""
        if self.frames[-1].kind != "range":
            super().close(at, empty)
            return
        frame = self.frames.pop()
        frame.args.append(self.operands.pop())
        self.push(Part("range", "(", tuple(a.part for a in frame.args), frame.at, at + 1, frame.at))
