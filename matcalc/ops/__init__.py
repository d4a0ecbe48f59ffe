"""Every operator without Python syntax, a small file a family; importing this registers them all."""

from matcalc.expr import Operator
from matcalc.ops import (
    blocks,
    complex,
    cross,
    elementwise,
    linalg,
    matrix_functions,
    reductions,
    spectral,
    stacking,
    structure,
    tensors,
    triangles,
    unspecified,
)

FAMILIES = (
    elementwise,
    structure,
    blocks,
    cross,
    tensors,
    stacking,
    triangles,
    reductions,
    linalg,
    matrix_functions,
    spectral,
    unspecified,
    complex,
)
OPERATORS = dict(Operator.registered)

__all__ = ["FAMILIES", "OPERATORS"]
