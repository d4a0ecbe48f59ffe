"""SymPy's matrix and array expressions in and out, and SymPy objects accepted by every verb."""

from matcalc.interop.reading import from_sympy
from matcalc.interop.verbs import takes_sympy
from matcalc.interop.writing import to_sympy

__all__ = ["from_sympy", "takes_sympy", "to_sympy"]
