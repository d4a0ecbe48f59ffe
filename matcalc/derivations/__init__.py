"""Derivations: a derivative with its working, line by line, in index notation or by differentials."""
