"""Emitting: expressions as functions of arrays, in code that reads as a person would write it."""

from matcalc.emit.compiled import Compiled, compile
from matcalc.emit.operators import LinearMap

__all__ = ["Compiled", "LinearMap", "compile"]
