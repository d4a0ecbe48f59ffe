"""Names of symbols as mathematics writes them: Greek letters, subscripts, accents."""

from __future__ import annotations

import re
import unicodedata

_LETTERS = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
    "nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
]  # fmt: skip
_SMALL, _CAPITAL = "αβγδεζηθικλμνξοπρστυφχψω", "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"
_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEZHIKMNOPTX", strict=True))  # capitals that TeX has no command for
GREEK = {
    **dict(zip(_LETTERS, _SMALL, strict=True)),
    **{name.capitalize(): letter for name, letter in zip(_LETTERS, _CAPITAL, strict=True)},
    "lam": "λ",
    "eps": "ε",
}
_COMMANDS = {
    letter: rf"\mathrm{{{_LATIN[letter]}}}" if letter in _LATIN else f"\\{name}"
    for name, letter in GREEK.items()
    if name not in ("lam", "eps")
} | {"ς": r"\varsigma"}
GREEK_NAMES = {letter: name for name, letter in GREEK.items() if name not in ("lam", "eps")}
_ACCENTS = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304", "dot": "\u0307"}
_TYPESET = "0-9A-Za-zÀ-ÖØ-öø-ɏЀ-ӿ\u3041-\u3096\u30a1-\u30fa一-龯가-힣"  # what TeX's text mode takes as it is
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def name_latex(name: str) -> str:
    r"""A name in LaTeX: ``lam`` is ``\lambda``, ``W1`` is ``W_{1}``, ``x_hat`` is ``\hat{x}``; it never holds a macro."""
    head, accents, below = _take_apart(name)
    out = _word(head)
    for accent in accents:
        out = rf"\{accent}{{{out}}}"
    return f"{out}_{{{','.join(_word(part) for part in below)}}}" if below else out


def name_unicode(name: str) -> str:
    """A name in Unicode: ``lam`` is ``λ``, ``W1`` is ``W₁``."""
    head, accents, below = _take_apart(name)
    out = GREEK.get(head, head)
    if accents and len(out) > 1:
        below, accents = [*accents, *below], []
    out += "".join(_ACCENTS[a] for a in accents)
    for k, part in enumerate(below):
        digits = part.isascii() and part.isdigit()
        out += part.translate(SUBSCRIPTS) if digits and not k else f"_{GREEK.get(part, part)}"
    return out


NameKey = tuple[str, tuple[str, ...], tuple[str, ...]]  # the letter, the accents on it, its subscripts


def name_key(name: str) -> NameKey:
    """What is left of a name when it is typeset: two names with the same key look the same, fonts aside."""
    head, accents, below = _take_apart(name)
    return word_key(head), tuple(accents), tuple(map(word_key, below))


def word_key(word: str) -> str:
    """One word of a key; Greek letters are letters, whether they were spelled out or not."""
    letter = GREEK.get(word, word)
    return _LATIN.get(letter) or re.sub(f"[^{_TYPESET}{''.join(_COMMANDS)}]", lambda c: f"u{ord(c.group()):X}", letter)


def key_name(key: NameKey) -> str:
    """A name with that key: ``W1``, ``x_hat``, ``lambda``."""
    head, accents, below = key
    first = GREEK_NAMES.get(head, head)
    if below and not accents and below[0].isascii() and below[0].isdigit() and not first[-1].isdigit():
        first, below = first + below[0], below[1:]
    return "_".join([first, *accents, *(GREEK_NAMES.get(b, b) for b in below)])


def _take_apart(name: str) -> tuple[str, list[str], list[str]]:
    """The letter, the accents on it, and its subscripts."""
    first, *rest = [p for p in unicodedata.normalize("NFKC", name).split("_") if p] or ["_"]
    split = re.fullmatch(r"(.*[^0-9])([0-9]+)", first, re.DOTALL)
    head, digits = split.groups() if split else (first, "")
    accents = [p for p in rest if p in _ACCENTS]
    return head, accents, [p for p in (digits, *rest) if p and p not in _ACCENTS]


def _word(word: str) -> str:
    """One word: a command, a letter, or upright letters."""
    if word in GREEK:
        return _COMMANDS[GREEK[word]]
    if any(c in _COMMANDS for c in word):
        runs = re.findall(f"[{''.join(_COMMANDS)}]|[^{''.join(_COMMANDS)}]+", word)
        return " ".join(_COMMANDS.get(run) or _word(run) for run in runs)
    safe = re.sub(f"[^{_TYPESET}]", lambda c: f"u{ord(c.group()):X}", word)
    if safe.isascii():
        return safe if len(safe) == 1 or safe.isdigit() else rf"\mathrm{{{safe}}}"
    return rf"\text{{{safe}}}"
