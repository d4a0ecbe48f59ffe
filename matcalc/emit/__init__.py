"""Emitting: expressions as functions of arrays, in code that reads as a person would write it."""

from matcalc.emit.compiled import Compiled, compile, compile_plainly
from matcalc.emit.operators import LinearMap

__all__ = ["Compiled", "LinearMap", "compile", "compile_plainly"]
