"""Judging formulas: whether two are equal, whether an answer is right, and what is wrong with it."""
