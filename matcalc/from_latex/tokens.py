r"""TeX source as tokens: words of a font, delimiters by their side, and nothing that only changes how a formula looks.

A token's ``text`` is what the reader compares: a letter, a number, a command with its backslash, the letters of a word
in upright type, or one character for a delimiter, however it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from matcalc.errors import ParseError

FONTS = frozenset((
    "mathbf", "boldsymbol", "bm", "mathit", "mathrm", "mathsf", "mathtt", "mathcal", "mathscr", "mathbb", "mathfrak",
    "operatorname", "text", "textrm", "textit", "textbf", "mathop", "vec", "pmb", "symbf", "rm", "bf", "it",
))  # fmt: skip
UPRIGHT = frozenset(("mathrm", "mathsf", "mathtt", "operatorname", "text", "textrm", "textit", "textbf", "mathop", "mathit"))
SPACE = frozenset((
    ",", ";", ":", "!", ">", " ", "quad", "qquad", "enspace", "thinspace", "medspace", "thickspace", "displaystyle",
    "textstyle", "scriptstyle", "limits", "nolimits", "nonumber", "notag", "(", ")", "[", "]", "relax", "noindent",
    "mathstrut", "strut", "left.", "right.",
))  # fmt: skip
SPACE_WITH_ARGUMENT = frozenset(("hspace", "label", "tag", "phantom", "vphantom", "hphantom", "mspace"))
SIZES = frozenset(f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m"))
FRAMES = frozenset((
    "equation", "align", "aligned", "gather", "gathered", "split", "multline", "displaymath", "math", "eqnarray", "flalign",
))  # fmt: skip
MATRICES = frozenset(
    ("matrix", "bmatrix", "pmatrix", "Bmatrix", "smallmatrix", "vmatrix", "array", "bsmallmatrix", "psmallmatrix")
)
DELIMITERS = {
    "(": ("(", "open"), ")": (")", "close"), "[": ("[", "open"), "]": ("]", "close"), "|": ("|", "either"),
    r"\{": ("{", "open"), r"\}": ("}", "close"), r"\lbrace": ("{", "open"), r"\rbrace": ("}", "close"),
    r"\lbrack": ("[", "open"), r"\rbrack": ("]", "close"), r"\lparen": ("(", "open"), r"\rparen": (")", "close"),
    r"\lvert": ("|", "open"), r"\rvert": ("|", "close"), r"\vert": ("|", "either"), r"\|": ("‖", "either"),
    r"\lVert": ("‖", "open"), r"\rVert": ("‖", "close"), r"\Vert": ("‖", "either"), "‖": ("‖", "either"),
    r"\langle": ("⟨", "open"), r"\rangle": ("⟩", "close"), "⟨": ("⟨", "open"), "⟩": ("⟩", "close"),
}  # fmt: skip
PARTNER = {"(": ")", "[": "]", "{": "}", "|": "|", "‖": "‖", "⟨": "⟩"}
SAME = {"−": "-", "·": r"\cdot", "×": r"\times", "⊙": r"\odot", "∘": r"\circ", "⊗": r"\otimes", "⊤": r"\top", "∞": r"\infty",
        "′": "'", "’": "'", "∑": r"\sum", "∂": r"\partial", "∇": r"\nabla"}  # fmt: skip

LEXEME = re.compile(
    r"""(?P<space>  \s+ | ~ | %[^\n]* (?:\n|\Z) | \$+ )
      | (?P<number> [0-9]+ (?: \.[0-9]+ )? | \.[0-9]+ )
      | (?P<command> \\ (?: [A-Za-z]+ \*? | . | \Z ) )
      | (?P<letter> [^\W\d_] )
      | (?P<other>  . )""",
    re.VERBOSE | re.DOTALL,
)
SIMPLE = re.compile(r"\s*(?:([^\W_]+(?:[ -][^\W_]+)*)|\\([A-Za-z]+))\s*")


@dataclass(slots=True, eq=False)
class Token:
    """A piece of the source.

    ``kind`` is number, letter, command, word (letters in upright type), brace, delim, begin or end (of a matrix), other
    or stop; ``side`` is that of a brace or a delimiter; ``font`` the command that set a letter, number or word.
    """

    kind: str
    text: str
    at: int
    end: int
    side: str = ""
    font: str = ""
    partner: Token | None = None  # of a brace
    place: int = 0  # among the tokens

    @property
    def spelled(self) -> str:
        """The text without the backslash of a command."""
        return self.text.removeprefix("\\") if self.kind == "command" else self.text


def tokens(source: str) -> list[Token]:
    """The tokens of the source, the last of kind ``stop``; a subscript always comes before a superscript.

    Raises
    ------
    ParseError
        Where braces or environments do not match.
    """
    found = list(_Scanner(source).run())
    _match_braces(source, found)
    _order_scripts(found)
    for k, t in enumerate(found):
        t.place = k
    return found


class _Scanner:
    """Goes through the source once."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.environments: list[tuple[str, int]] = []

    def run(self) -> Iterator[Token]:
        """The tokens in order."""
        while self.at < len(self.source):
            m = LEXEME.match(self.source, self.at)
            assert m is not None
            start, self.at = self.at, m.end()
            kind, text = m.lastgroup, m.group()
            if kind in ("number", "letter"):
                yield Token(kind, text, start, self.at)
            elif kind == "command":
                yield from self.command(text[1:], start)
            elif kind == "other":
                yield from self.other(text, start)
        if self.environments:
            name, at = self.environments[-1]
            raise self.error(rf"\begin{{{name}}} has no \end{{{name}}}", at)
        yield Token("stop", "", len(self.source), len(self.source))

    def error(self, message: str, at: int) -> ParseError:
        """The error at a place."""
        return ParseError(message, self.source, at)

    def other(self, text: str, start: int) -> Iterator[Token]:
        """A character that is no letter and no digit."""
        if text in "{}":
            yield Token("brace", text, start, self.at, "open" if text == "{" else "close")
        elif text in DELIMITERS:
            char, side = DELIMITERS[text]
            yield Token("delim", char, start, self.at, side)
        elif text == "&" and not self.inside_matrix():
            return
        elif text in SAME:
            same = SAME[text]
            yield Token("command" if same[0] == "\\" else "other", same, start, self.at)
        else:
            yield Token("other", text, start, self.at)

    def inside_matrix(self) -> bool:
        r"""Whether & and \\ separate the entries of a matrix here."""
        return bool(self.environments) and self.environments[-1][0] in MATRICES

    def command(self, name: str, start: int) -> Iterator[Token]:
        """What a command stands for."""
        if not name:
            raise self.error("the text ends after a backslash", start)
        plain = name.rstrip("*")
        if plain in SPACE or (name == "\\" and not self.inside_matrix()):
            if name == "\\":
                self.skip(r"\s*\[[^\]\n]*\]")
            return
        if plain in SPACE_WITH_ARGUMENT:
            self.skip(r"\s*\{[^{}]*\}")
        elif plain in ("left", "right", "middle") or plain in SIZES:
            yield self.delimiter(plain, start)
        elif plain in ("begin", "end"):
            yield from self.environment(plain, start)
        elif plain in FONTS:
            yield from self.font(plain, start)
        elif f"\\{name}" in DELIMITERS:
            char, side = DELIMITERS[f"\\{name}"]
            yield Token("delim", char, start, self.at, side)
        else:
            yield Token("command", f"\\{name if name == '*' else plain}", start, self.at)

    def skip(self, pattern: str) -> str:
        """Pass over what matches here, and give it back."""
        m = re.compile(pattern).match(self.source, self.at)
        if m is None:
            return ""
        self.at = m.end()
        return m.group().strip()

    def delimiter(self, size: str, start: int) -> Token:
        r"""The delimiter after ``\left``, ``\bigl`` and the like."""
        text = self.skip(r"\s*(?:\\[A-Za-z]+|\\.|.)")
        if text not in DELIMITERS:
            raise self.error(rf"\{size} needs a delimiter after it, such as ( [ \{{ | or \|", start)
        char, side = DELIMITERS[text]
        side = {"left": "open", "right": "close"}.get(size) or {"l": "open", "r": "close"}.get(
            size[-1] * (side == "either"), side
        )
        if char not in (PARTNER if side == "open" else PARTNER.values()):
            raise self.error(rf"\{size} {text} faces the wrong way", start)
        return Token("delim", char, start, self.at, side)

    def environment(self, which: str, start: int) -> Iterator[Token]:
        r"""``\begin{...}`` and ``\end{...}``: of a matrix, tokens; of a displayed formula, nothing."""
        m = re.compile(r"\s*\{\s*([A-Za-z]+)\*?\s*\}").match(self.source, self.at)
        if m is None:
            raise self.error(rf"\{which} needs a name in braces, as in \{which}{{bmatrix}}", start)
        self.at = m.end()
        name = m.group(1)
        if name not in MATRICES and name not in FRAMES:
            raise self.error(
                rf"the environment {name} is not known: a matrix of blocks is \begin{{bmatrix}} A & B \\ C & D \end{{bmatrix}}",
                start,
            )
        if which == "begin":
            self.environments.append((name, start))
            if name == "array":
                self.skip(r"\s*\{[^{}]*\}")
        else:
            if not self.environments or self.environments[-1][0] != name:
                raise self.error(rf"\end{{{name}}} has no \begin{{{name}}} before it", start)
            self.environments.pop()
        if name in MATRICES:
            yield Token(which, name, start, self.at)

    def font(self, font: str, start: int) -> Iterator[Token]:
        """A letter, a number or a word set in a font; of more than that the font is left out."""
        m = re.compile(r"\s*(?:\{([^{}\\]*|\s*\\[A-Za-z]+\s*)\}|([0-9]|[^\W_]|\\[A-Za-z]+))").match(self.source, self.at)
        inner = SIMPLE.fullmatch(m.group(1) if m.group(1) is not None else m.group(2)) if m else None
        if m is None or inner is None:
            if font == "vec" and re.compile(r"\s*(?:\(|\\left|\\[bB]ig)").match(self.source, self.at):
                yield Token("command", "\\vec", start, self.at)
            elif font in UPRIGHT and m is not None:
                raise self.error(rf"cannot read the words in \{font}{{...}}: a name there is letters and digits alone", start)
            return
        word, command = inner.groups()
        if command is not None and (command in FONTS or command in SPACE or f"\\{command}" in DELIMITERS):
            return
        self.at = m.end()
        if command is not None:
            yield Token("command", f"\\{command}", start, self.at, font=font)
        elif word.isdigit():
            yield Token("number", word, start, self.at, font=font)
        elif len(word) == 1:
            yield Token("letter", word, start, self.at, font=font)
        elif font in UPRIGHT:
            yield Token("word", re.sub(r"[ -]", "", word), start, self.at, font=font)
        else:
            for c in word:
                if c not in " -":
                    yield Token("number" if c.isdigit() else "letter", c, start, self.at, font=font)


def _match_braces(source: str, found: list[Token]) -> None:
    """Give every brace its partner."""
    stack: list[Token] = []
    for t in found:
        if t.kind != "brace":
            continue
        if t.side == "open":
            stack.append(t)
        elif not stack:
            raise ParseError("this } closes no brace", source, t.at)
        else:
            t.partner = stack.pop()
            t.partner.partner = t
    if stack:
        raise ParseError("this brace is not closed", source, stack[-1].at)


def _order_scripts(found: list[Token]) -> None:
    """Write ``x^a_b``, which is the same, as ``x_b^a``."""
    where = {id(t): k for k, t in enumerate(found)}

    def script_end(k: int) -> int:
        t = found[k + 1]
        return where[id(t.partner)] + 1 if t.kind == "brace" and t.side == "open" else k + 2

    for k in range(len(found) - 3, -1, -1):
        if found[k].text != "^" or found[k].kind != "other":
            continue
        middle = script_end(k)
        if middle < len(found) - 1 and found[middle].text == "_" and found[middle].kind == "other":
            end = script_end(middle)
            found[k:end] = found[middle:end] + found[k:middle]
            for i in range(k, end):
                where[id(found[i])] = i
