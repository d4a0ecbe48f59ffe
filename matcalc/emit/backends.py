"""The array libraries that code is written for; NumPy is the reference, others say what they call differently."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

from matcalc.errors import MatcalcError

BUILTINS = frozenset(("float", "len", "max", "range"))  # what templates call besides the library and the helpers
SHARED_RUNTIME = "matcalc.emit.runtime.shared"


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
    names, methods : tuple
        Pairs: a function (a method) in templates, and the function here; a method that stays one has a dot.
    also : tuple
        Pairs: further modules that the code imports, and their names in it.
    shared : frozenset
        The names of the helper functions that take the library as their first argument.
    like : str
        The keywords that give a new array the type and the device of another one.
    zero : str
        An array without axes, to make others like it where no argument is one.
    first : str
        The helper function that finds the library of the arguments, on the first line.
    numbers_are_arrays : bool
        Whether the library's functions take Python's numbers.
    scalars_are_numbers : bool
        Whether scalar arguments may be Python's numbers.
    symmetric_products : bool
        Whether products that are symmetric by their form, such as ``X' diag(w) X``, are left to a helper function.
    vectors_first : bool
        Whether ``X' v`` is written ``v @ X``, which XLA runs five times as fast on CPUs.
    prepares : bool
        Whether calls go through ``prepare`` of the runtime module, and arguments are looked at inside: once for every set
        of shapes where that compiles.
    factors : bool
        Whether the helpers have factorisations that solves, inverses and determinants share (``cho_factor``, ...).
    blas : bool
        Whether products are left to a BLAS as NumPy leaves them: ``Z.T @ Z`` at half the work of another product.
    in_place : bool
        Whether arrays are written to: operations over their operands with ``out=``, helpers that fill a new array part by part.
    expands : bool
        Whether other forms are looked for: sums multiplied out, factors taken out, halves of products that are their
        own transpose.
    many_axes : bool
        Whether a matrix with stacked axes is made as an array with all of them, and not by a Kronecker product.
    """

    name: str
    module: str
    alias: str
    runtime: str
    helpers: frozenset[str]
    words: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    methods: tuple[tuple[str, str], ...] = ()
    also: tuple[tuple[str, str], ...] = ()
    shared: frozenset[str] = frozenset()
    like: str = ""
    zero: str = ""
    first: str = ""
    numbers_are_arrays: bool = True
    scalars_are_numbers: bool = False
    symmetric_products: bool = False
    vectors_first: bool = False
    prepares: bool = False
    factors: bool = False
    blas: bool = False
    in_place: bool = False
    expands: bool = False
    many_axes: bool = False

    @property
    def known_names(self) -> frozenset[str]:
        """Names in templates that are not helpers."""
        return BUILTINS | {self.alias, *(alias for _, alias in self.also)}

    @property
    def all_helpers(self) -> frozenset[str]:
        """Every helper function that code may call."""
        return self.helpers | self.shared

    @cached_property
    def _words(self) -> dict[str, str]:
        return dict(self.words)

    @cached_property
    def _names(self) -> dict[str, str]:
        return dict(self.names)

    def word(self, code: str) -> str | None:
        """A template in this library's words, where the table has it."""
        return self._words.get(code)

    def name_of(self, function: str) -> str:
        """What a function in templates is called here."""
        return self._names.get(function, function)

    def method(self, name: str) -> str:
        """What a method in templates is here: a method, with a dot, or a function."""
        return dict(self.methods).get(name, f".{name}")

    def module_of(self, helper: str) -> str:
        """The module that a helper function is imported from."""
        return self.runtime if helper in self.helpers else SHARED_RUNTIME

    @property
    def runtime_module(self) -> ModuleType:
        """How arguments are taken, and helper functions; imported now."""
        try:
            return import_module(self.runtime)
        except ImportError as missing:
            extra = self.name.replace("_", "-")
            message = f"the {self.name} back end needs {missing.name}: pip install matcalculus[{extra}]"
            raise MatcalcError(message) from None

    def solve_function(self) -> Callable[..., Any]:
        """``solve`` of the library, which takes stacks of matrices."""
        return import_module(self.module).linalg.solve  # type: ignore[no-any-return]

    def namespace(self, helpers: Iterable[str]) -> dict[str, object]:
        """What the code finds by name, the library imported now."""
        assert self.runtime_module
        modules = {alias: import_module(module) for module, alias in ((self.module, self.alias), *self.also)}
        return {**modules, **{h: getattr(import_module(self.module_of(h)), h) for h in helpers}}


FACTORS = frozenset((
    "cho_factor", "cho_solve", "cho_inverse", "cho_trace_inverse", "factor_logdet",
    "lu_factor", "lu_solve", "lu_inverse", "lu_det", "solve_triangular",
))  # fmt: skip
OWN = frozenset((  # what code for NumPy alone calls
    "add_diagonal", "add_on_diagonal", "grams", "on_diagonal", "outer", "symmetric_grams", "xlogy",
))  # fmt: skip

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
        "softplus", "norm",
    )) | FACTORS | OWN,
    words=(
        ("np.logaddexp(0, #1)", "softplus(#1)"),
        ("np.linalg.norm(#1)", "norm(#1)"),
        ("np.where(#1 == 0, 0.0, #1 * np.log(np.where(#1 == 0, 1.0, #2)))", "xlogy(#1, #2)"),
        # functions that NumPy writes in Python, in what they come down to: a microsecond less each
        ("np.sum(#1)", "#1.sum()"),
        ("np.prod(#1)", "#1.prod()"),
        ("np.trace(#1)", "#1.trace()"),
        ("np.outer(#1, #2)", "#1[:, None] * #2"),
        ("np.sum(np.abs(#1))", "np.abs(#1).sum()"),
        ("np.max(np.abs(#1))", "np.abs(#1).max()"),
    ),
    factors=True, blas=True, in_place=True, expands=True, many_axes=True,
)  # fmt: skip

# for functions that are judged by differences: away from a structured point a structure may not be made use of
PLAIN_NUMPY = replace(NUMPY, factors=False, blas=False, in_place=False, expands=False)
