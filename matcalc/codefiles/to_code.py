"""``to_code``: a function and its derivatives as a file that checks itself."""

from __future__ import annotations

from matcalc.codefiles.contents import contents_of
from matcalc.codefiles.julia_file import julia_file
from matcalc.codefiles.matlab_file import matlab_file
from matcalc.codefiles.python_file import LIBRARIES, python_file
from matcalc.emit.backends import BACKENDS, Backend
from matcalc.errors import OperandError, UnsupportedError

TEXTS = {"julia": julia_file, "matlab": matlab_file}
PLAIN = Backend("text", "", "np", "", frozenset())  # no code that is for one library alone


def to_code(e: object, backend: str = "numpy", name: str = "f", wrt: object = None, *, hessian: bool = False) -> str:
    """TODO"""
    if not isinstance(name, str):
        raise OperandError(f"name is a text, not {name!r}")
    if backend in LIBRARIES and backend in BACKENDS:
        return python_file(contents_of(e, name, wrt, hessian=hessian), BACKENDS[backend])
    if backend in TEXTS:
        return TEXTS[backend](contents_of(e, name, wrt, hessian=hessian), PLAIN)
    raise UnsupportedError(f"unknown backend {backend!r}; the known ones are {', '.join(BACKENDS)}")
