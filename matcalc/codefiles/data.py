"""Random data and directions that honour the attributes of symbols, as lines of a language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matcalc.codefiles.contents import Contents
from matcalc.dims import Dim, is_unit
from matcalc.expr import Symbol

STEPS = (
    "toeplitz", "orthogonal", "psd", "hermitian", "symmetric", "skew", "lower_triangular", "diagonal", "zero_diagonal",
    "invertible",
)  # fmt: skip
LINEAR = ("hermitian", "symmetric", "skew", "lower_triangular", "diagonal", "zero_diagonal")


@dataclass(frozen=True)
class DataWords:
    """How a language draws numbers and bends them to attributes.

    In the templates ``{x}`` is the variable, ``{n}`` its rows, ``{shape}`` its shape, ``{scale}`` a factor with its sign of
    multiplication; ``{at}`` is the point that a direction starts at, ``{T}`` the sign of transposing.
    """

    normal: str
    normal_scalar: str
    uniform: str
    uniform_scalar: str
    integer: str
    imaginary: str
    turned: str
    value: Mapping[str, str]  # by attribute, after the draw
    direction: Mapping[str, str]  # by attribute, after the draw of a direction
    move: Mapping[str, Sequence[str]]  # for attributes that no straight line keeps
    straight: str
    choice: Callable[[int, Sequence[str]], Sequence[str]]
    shape: Callable[[Sequence[str], int], str]


def facts_of(s: Symbol) -> set[str]:
    """The attributes, those that others imply with them."""
    return {f for f in (*STEPS, "unit", "simplex", "positive", "complex", "integer") if s.has(f)} | set(s.facts)


class Draws:
    """Lines that draw values of symbols, and directions to move them in."""

    def __init__(self, contents: Contents, words: DataWords, dim: Callable[[Dim], str]) -> None:
        self.recipe, self.words, self.dim = contents.recipe, words, dim

    def value(self, s: Symbol, x: str) -> list[str]:
        """The lines that draw a value of a symbol under the name ``x``."""
        w, facts = self.words, set(s.facts)
        shape, n = self._shape(s)
        if "integer" in facts:
            return [w.integer.format(x=x)]
        positive = self.recipe.positive or bool(facts & {"positive", "simplex"}) or (s.is_scalar and "psd" in facts)
        scale = "" if self.recipe.scale == 1 else f"{self.recipe.scale} * "
        plain = (w.uniform if positive else w.normal) if shape else (w.uniform_scalar if positive else w.normal_scalar)
        lines = [plain.format(x=x, shape=shape, scale=scale)]
        normal = (w.normal if shape else w.normal_scalar).format(x="", shape=shape, scale=scale).removeprefix(" = ").rstrip(";")
        if s.is_complex:
            lines.append((w.turned if self.recipe.positive else w.imaginary).format(x=x, normal=normal))
        if "simplex" in facts:
            lines.append(w.value["simplex rows" if s.ndim == 2 else "simplex"].format(x=x))
        if self._is_square(s):
            lines += [w.value[f].format(x=x, n=n) for f in self._steps(s, facts)]
        if "unit" in facts:
            lines.append(w.value["unit"].format(x=x))
        return lines

    def direction(self, s: Symbol, x: str, at: str) -> list[str]:
        """The lines that bend a random direction to the attributes of a symbol."""
        w, facts = self.words, set(s.facts)
        lines: list[str] = []
        if "simplex" in facts:
            lines.append(w.direction["simplex rows" if s.ndim == 2 else "simplex"].format(x=x))
        if self._is_square(s):
            n = self._shape(s)[1]
            if "toeplitz" in facts:
                lines.append(w.direction["toeplitz"].format(x=x, n=n))
            lines += [w.value[f].format(x=x, n=n) for f in self._steps(s, facts) if f in LINEAR]
            if "psd" in facts and not s.is_hermitian and "symmetric" not in facts:
                lines.append(w.value["symmetric"].format(x=x))
            if "orthogonal" in facts:
                lines.append(w.direction["orthogonal"].format(x=x, at=at))
        if "unit" in facts:
            lines.append(w.direction["unit"].format(x=x, at=at))
        return lines

    def curved(self, wrt: Sequence[tuple[int, Symbol]]) -> list[str]:
        """The body of the function that moves argument ``k``."""
        lines: list[str] = []
        for k, s in wrt:
            for fact in ("orthogonal", "unit"):
                if fact in s.facts and (fact == "unit" or self._is_square(s)):
                    lines += self.words.choice(k, self.words.move[fact])
        return [*lines, self.words.straight]

    def _steps(self, s: Symbol, facts: set[str]) -> list[str]:
        """The attributes that bend a square matrix, in order."""
        found = [f for f in STEPS if f in facts or (f == "hermitian" and s.is_hermitian)]
        if facts & {"psd", "orthogonal", "skew", "zero_diagonal"}:
            found = [f for f in found if f != "invertible"]
        return found

    def _is_square(self, s: Symbol) -> bool:
        return s.axes is None and s.ndim == 2 and not is_unit(s.cols) and not is_unit(s.rows)

    def _shape(self, s: Symbol) -> tuple[str, str]:
        """The shape as the language writes it, empty for a scalar, and the number of rows."""
        dims = list(s.axes) if s.axes is not None else [d for d in (s.rows, s.cols) if not is_unit(d)]
        row = s.axes is None and is_unit(s.rows)
        written = [self.dim(d) for d in dims]
        return (self.words.shape(written, 1 if row else 0) if written else ""), (written[0] if written else "1")


def _python_shape(dims: Sequence[str], row: int) -> str:
    return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"


def _python_choice(k: int, lines: Sequence[str]) -> list[str]:
    return [f"if k == {k}:", *(f"    {line}" for line in lines)]


PYTHON_DATA = DataWords(
    normal="{x} = {scale}rng.standard_normal({shape})",
    normal_scalar="{x} = {scale}rng.standard_normal()",
    uniform="{x} = {scale}rng.uniform(0.3, 1.4, {shape})",
    uniform_scalar="{x} = {scale}rng.uniform(0.3, 1.4)",
    integer="{x} = int(rng.integers(2, 5))",
    imaginary="{x} = {x} + 1j * {normal}",
    turned="{x} = {x} * np.exp(0.4j * {normal})",
    value={
        "simplex": "{x} = {x} / np.sum({x})",
        "simplex rows": "{x} = {x} / np.sum({x}, axis=1, keepdims=True)",
        "toeplitz": "{x} = rng.standard_normal(2 * {n} - 1)[np.arange({n})[None, :] - np.arange({n})[:, None] + {n} - 1]",
        "orthogonal": "{x} = np.linalg.qr({x})[0]",
        "psd": "{x} = {x} @ np.conj({x}).T / {n} + 0.5 * np.eye({n})",
        "hermitian": "{x} = ({x} + np.conj({x}).T) / 2",
        "symmetric": "{x} = ({x} + {x}.T) / 2",
        "skew": "{x} = ({x} - {x}.T) / 2",
        "lower_triangular": "{x} = np.tril({x})",
        "diagonal": "{x} = np.diag(np.diag({x}))",
        "zero_diagonal": "{x} = {x} - np.diag(np.diag({x}))",
        "invertible": "{x} = {x} + {n} * np.eye({n})",
        "unit": "{x} = {x} / np.linalg.norm(np.ravel({x}))",
    },
    direction={
        "simplex": "{x} = {x} - np.mean({x})",
        "simplex rows": "{x} = {x} - np.mean({x}, axis=1, keepdims=True)",
        "toeplitz": (
            "{x} = rng.standard_normal(2 * len({x}) - 1)"
            "[np.arange(len({x}))[None, :] - np.arange(len({x}))[:, None] + len({x}) - 1]"
        ),
        "orthogonal": "{x} = {at} @ ({x} - {x}.T)",
        "unit": "{x} = {x} - {at} * np.vdot({at}, {x}).real",
    },
    move={
        "orthogonal": [
            "turn = t / 2 * (x.T @ along)  # skew, so that the Cayley transform below is orthogonal",
            "return x @ np.linalg.solve(np.eye(len(x)) - turn, np.eye(len(x)) + turn)",
        ],
        "unit": ["return (x + t * along) / np.linalg.norm(np.ravel(x + t * along))"],
    },
    straight="return x + t * along",
    choice=_python_choice,
    shape=_python_shape,
)  # fmt: skip
