"""The array libraries that code is written for; NumPy is the reference, others say what they call differently."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import ModuleType

from matcalc.errors import UnsupportedError

BUILTINS = frozenset(("float", "len", "max", "range"))  # what templates call besides the library and the helpers


@dataclass(frozen=True)
class Backend:
    """An array library.

    Attributes
    ----------
    name : str
        What users call it.
    module, alias : str
        The module to import, and its name in the code.
    runtime : str
        The module with the helper functions.
    helpers : frozenset
        The names of the functions there that code may call.
    words : tuple
        Pairs: a template for NumPy, and the same for this library.
    in_place : bool
        Whether operations can write over their operands with ``out=``.
    """

    name: str
    module: str
    alias: str
    runtime: str
    helpers: frozenset[str]
    words: tuple[tuple[str, str], ...] = ()
    in_place: bool = False

    @property
    def known_names(self) -> frozenset[str]:
        """Names in templates that are not helpers."""
        return BUILTINS | {self.alias}

    @cached_property
    def _words(self) -> dict[str, str]:
        return dict(self.words)

    def translate(self, code: str) -> str:
        """A template in this library's words."""
        found = self._words.get(code)
        return found if found is not None else code if self.alias == "np" else code.replace("np.", f"{self.alias}.")

    @property
    def runtime_module(self) -> ModuleType:
        """The helper functions, imported now."""
        return import_module(self.runtime)

    def namespace(self) -> dict[str, object]:
        """What the code finds by name, the library imported now."""
        runtime = self.runtime_module
        return {self.alias: import_module(self.module), **{h: getattr(runtime, h) for h in self.helpers}}


NUMPY = Backend(
    "numpy", "numpy", "np", "matcalc.emit.runtime",
    frozenset((
        "adjugate", "cosm", "digamma", "eigmax", "eigmin", "eigvecmax", "eigvecmin", "erf", "expm", "gamma", "is_largest",
        "cholesky", "dcosm", "dexpm", "dlogm", "dsinm", "dsqrtm", "eig", "eiggaps", "eigvecs", "half_tril", "solve_sylvester",
        "commutation", "diagonal_means", "diagonal_sums", "duplication", "vech",
        "lgamma", "logm", "logsumexp", "polar", "prod_others", "sigmoid", "sinm", "softmax", "sqrtm",
        "trigamma", "unit_vector",
        "polygamma", "elimination", "toeplitz_basis", "khatrirao", "cross_matrix", "axial",
        "by_eigenvalues", "eigensystem", "real_eigensystem",
        "softplus",
    )),
    in_place=True,
)  # fmt: skip

BACKENDS: dict[str, Backend] = {b.name: b for b in (NUMPY,)}


def backend_of(name: object) -> Backend:
    """The backend of this name."""
    if isinstance(name, str) and name in BACKENDS:
        return BACKENDS[name]
    raise UnsupportedError(f"unknown backend {name!r}; the known ones are {', '.join(BACKENDS)}")
