"""``to_code``: a function and its derivatives as a file that checks itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matcalc.codefiles.contents import Contents, Function, contents_of
from matcalc.codefiles.julia_file import JuliaFile
from matcalc.codefiles.matlab_file import MatlabFile
from matcalc.codefiles.python_file import PythonFile
from matcalc.codefiles.text_file import TextFile
from matcalc.emit import compile as compile_expr
from matcalc.emit.backends import Backend
from matcalc.emit.libraries import BACKENDS
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import Expr
from matcalc.sampling import least_sizes

PLAIN = Backend("text", "", "np", "", frozenset(), expands=True)  # no code that is for one library alone
TEXTS: dict[str, Callable[[Contents, Backend], TextFile]] = {"julia": JuliaFile, "matlab": MatlabFile}
LANGUAGES = (*BACKENDS, *TEXTS)


def to_code(e: object, backend: str = "numpy", name: str = "f", wrt: object = None, *, hessian: bool = False) -> str:
    """A function with its derivatives as the text of a file that checks itself, and needs nothing of matcalc.

    The file has a header (the formula, the derivatives, the declarations, the conditions, the layout), the function, the
    function with its derivatives, the helper functions that they call, and a check: random arguments that honour the
    declared attributes, and derivatives along random directions against central differences. Run, it prints the
    worst relative error, and its exit status is 1 if that is too large. The sizes stand at its top.

    Parameters
    ----------
    e : Expr
        Of any shape; also a derivative that matcalc gave. A real scalar comes with its gradient, ``name_and_gradient``,
        anything else with a vector-Jacobian product, ``name_and_vjp``: the gradient of ``sum(G .* f)`` for a further
        argument ``G`` in the shape of the value (of ``real(sum(conj(G) .* f))`` where something is complex). Both return the
        value first, then a derivative for each variable, in the variable's shape, and compute what they share once.
    backend : {"numpy", "jax", "torch", "array_api", "julia", "matlab"}
        ``"matlab"`` is for Octave as well.
    name : str
        What the function is called; where the language does not take that name, one like it.
    wrt : Symbol, str, or a list of them, optional
        What to differentiate by. By default every symbol that is not an integer; what has no derivative is left out then,
        and the header says why.
    hessian : bool
        Whether to add ``name_hessian``: the Hessian by each variable, whose axes are those of the variable, twice.

    Returns
    -------
    str

    Raises
    ------
    UnsupportedError
        If there is no such language, or it has no words for a function that the expression uses.
    OperandError
        If a Hessian is asked for of what is no real scalar.
    NotDifferentiableError, UnsupportedError
        If there is no derivative by what ``wrt`` names.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> text = mc.to_code(mc.norm2(A @ x - b) ** 2, "numpy", name="loss", wrt=x)
    >>> print(text[: text.index("SIZES")])
    \"\"\"loss(A, b, x) = norm2(A*x - b)^2
    <BLANKLINE>
    Derivatives
        dloss/dx = 2*A'*(A*x - b)
    <BLANKLINE>
    Declarations
        A  (m, n)
        b  (m,)
        x  (n,)
    <BLANKLINE>
    Layout
        a vector has one axis and a scalar none; a derivative has the shape of the variable it is by
    <BLANKLINE>
    Run this file to check it: it prints the worst relative error and fails if that is too large.
    \"\"\"
    <BLANKLINE>
    import sys
    <BLANKLINE>
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    >>> mc.to_code(A @ x, "matlab").splitlines()[0]
    '% f(A, x) = A*x'
    """
    if not isinstance(name, str) or not name:
        raise OperandError(f"name is what the function is called, not {name!r}")
    require_language(backend)
    contents = contents_of(e, name, wrt, hessian=hessian)
    if backend in TEXTS:
        return TEXTS[backend](contents, PLAIN).text()
    return PythonFile(contents, BACKENDS[backend]).text()


def require_language(backend: object) -> None:
    """Refuse what is no language of ours."""
    if not isinstance(backend, str) or backend not in LANGUAGES:
        raise UnsupportedError(f"unknown backend {backend!r}; the known ones are {', '.join(LANGUAGES)}")


def listing(results: Mapping[str, Expr], backend: str, name: str = "f") -> str:
    """A function that computes expressions, in any language, with the helper functions that it calls."""
    require_language(backend)
    exprs = list(results.values())
    if backend in BACKENDS:
        return compile_expr(exprs if len(exprs) > 1 else exprs[0], backend=backend).source
    contents = Contents(name, exprs[0], [], derivatives=exprs[1:], sizes=least_sizes(exprs))
    names = tuple(f"d{k}" for k in results) if len(results) > 1 else ("value",)
    function = Function("", tuple(exprs), names, f"Returns {', '.join(map(str, exprs))}.")
    return TEXTS[backend](contents, PLAIN).listed(function)
