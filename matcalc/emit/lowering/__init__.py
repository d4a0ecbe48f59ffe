"""How every kind of expression becomes values, a small file a family; importing this registers them all."""

from matcalc.emit.lowering import functions, products, reductions, structure, sums, tensors

__all__ = ["functions", "products", "reductions", "structure", "sums", "tensors"]
