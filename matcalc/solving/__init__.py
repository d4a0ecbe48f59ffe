"""Stationary points: a gradient set to zero, solved in closed form, and what kind of point it is."""
