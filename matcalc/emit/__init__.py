"""Emitting: expressions as functions of arrays, in code that reads as a person would write it."""

from matcalc.emit.compiled import Compiled, compile

__all__ = ["Compiled", "compile"]
