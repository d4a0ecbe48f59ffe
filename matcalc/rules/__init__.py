"""The mathematics, as tables: networks to matrix form, chains, and cancellations of functions."""
