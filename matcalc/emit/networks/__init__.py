"""Matrices whose rows and columns stack several axes, held as sums over indices and never formed."""

from matcalc.emit.networks.read import Piece, Term, read_terms, splits

__all__ = ["Piece", "Term", "read_terms", "splits"]
