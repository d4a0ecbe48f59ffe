"""Convexity: how expressions bend, what is positive semidefinite, and what shows it."""
