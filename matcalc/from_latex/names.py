r"""Names in LaTeX: a letter or an upright word, accents on it, a subscript; and which declared name that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from matcalc.errors import ParseError
from matcalc.from_latex.tokens import Token, tokens
from matcalc.printing.names import GREEK, NameKey, name_key, name_latex, word_key

ACCENTS = {"hat": "hat", "widehat": "hat", "bar": "bar", "tilde": "tilde", "widetilde": "tilde", "dot": "dot"}
LETTERS = {
    **{f"\\{name}": letter for name, letter in GREEK.items()},
    **{f"\\var{name}": GREEK[name] for name in ("epsilon", "theta", "phi", "rho", "kappa", "pi")},
    r"\varsigma": "ς", r"\ell": "ell", r"\imath": "i", r"\jmath": "j", r"\hbar": "hbar",
}  # fmt: skip


@dataclass(frozen=True)
class ReadName:
    """A name as it stands in the source; ``script`` are the tokens of its subscript, ``after`` the token that follows.

    ``bare`` is the same without the subscript.
    """

    key: NameKey
    source: str
    font: str
    at: int
    after: int
    script: tuple[Token, ...] | None
    bare_source: str
    bare_after: int


def simple_name(t: Token) -> ReadName | None:
    """The name that one token is."""
    head = t.text if t.kind in ("letter", "word") else LETTERS.get(t.text) if t.kind == "command" else None
    if head is None:
        return None
    key: NameKey = (word_key(head), (), ())
    font = t.font or ("var" if t.text.startswith(r"\var") else "")  # \varepsilon beside \epsilon is another letter
    return ReadName(key, t.text, font, t.at, 0, None, t.text, 0)


def read_name(found: list[Token], start: int, source: str) -> ReadName | None:
    """The name that begins at a token, with its subscript; None where there is none."""
    i, accents, closers = start, [], []
    while found[i].kind == "command" and found[i].spelled in ACCENTS:
        accents.append(ACCENTS[found[i].spelled])
        i += 1
        while found[i].kind == "brace" and found[i].side == "open":
            closers.append(found[i].partner)
            i += 1
    base = simple_name(found[i])
    if base is None:
        if accents:
            raise ParseError("an accent stands on one letter or word", source, found[start].at)
        return None
    i += 1
    script: tuple[Token, ...] | None = None
    if closers and found[i].text == "_":
        script, i = subscript_at(found, i, source)
    for closer in reversed(closers):
        if found[i] is not closer:
            raise ParseError("an accent stands on one letter or word", source, found[start].at)
        i += 1
    bare_end, bare_after = found[i - 1].end, i
    if script is None and found[i].kind == "other" and found[i].text == "_":
        script, i = subscript_at(found, i, source)
    head = base.key[0]
    key: NameKey = (head, tuple(reversed(accents)), _words(script) if script is not None else ())
    at = found[start].at
    return ReadName(key, source[at : found[i - 1].end], base.font, at, i, script, source[at:bare_end], bare_after)


def subscript_at(found: list[Token], i: int, source: str) -> tuple[tuple[Token, ...], int]:
    """The tokens of the script that begins at ``_`` or ``^``, and where it ends."""
    t = found[i + 1]
    if t.kind == "brace" and t.side == "open":
        assert t.partner is not None
        end = i + 1 + t.partner.place - t.place
        return tuple(found[i + 2 : end]), end + 1
    if t.kind in ("stop", "brace"):
        raise ParseError(f"something is missing after {found[i].text}", source, found[i].at)
    if t.kind == "number" and len(t.text) > 1:
        raise ParseError(f"TeX takes one digit only here: write {found[i].text}{{{t.text}}}", source, t.at)
    return (t,), i + 2


def _words(script: Iterable[Token]) -> tuple[str, ...]:
    """The words of a subscript, separated by commas."""
    words = [""]
    for t in script:
        if t.text == ",":
            words.append("")
        else:
            words[-1] += LETTERS.get(t.text, t.spelled) if t.kind != "brace" else ""
    return tuple(word_key(w) for w in words if w)


class Names:
    """The declared names, and dimensions, by what they look like."""

    def __init__(self, known: Mapping[str, object], dims: Iterable[str]) -> None:
        self.known = known
        self.dims = set(dims)
        self.by_key: dict[NameKey, list[str]] = {}
        self.spellings: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for name in dict.fromkeys((*known, *sorted(self.dims))):
            key = name_key(name)
            self.by_key.setdefault(key, []).append(name)
            written = {tuple(name)} if len(name) > 1 and name.isalpha() else set()
            if any(c in LETTERS.values() for c in key[0]) and len(key[0]) > 1:  # several letters set side by side
                written.add(tuple(t.text for t in tokens(name_latex(name))[:-1]))
            for texts in written:
                self.spellings.setdefault(texts[0], []).append((texts, name))
        for found in self.spellings.values():
            found.sort(key=lambda pair: -len(pair[0]))

    def find(self, key: NameKey, source: str) -> str | None:
        """The declared name with that key; of several the one that is typeset as the source has it."""
        found = self.by_key.get(key, [])
        if len(found) < 2:
            return found[0] if found else None
        plain = "".join(source.split())
        exact = [name for name in found if plain in (name, "".join(name_latex(name).split()))]
        return exact[0] if exact else found[0]

    def spelled_out(self, found: list[Token], i: int) -> tuple[str, int] | None:
        """A declared name of several letters that stands here letter by letter, and how many tokens it takes."""
        for texts, name in self.spellings.get(found[i].text, ()):
            run = found[i : i + len(texts)]
            if tuple(t.text for t in run) == texts and all(a.end == b.at or texts[0][0] == "\\" for a, b in pairwise(run)):
                return name, len(texts)
        return None
