"""Every operator without Python syntax, a small file a family; importing this registers them all."""

from matcalc.expr import Operator
from matcalc.ops import (
    blocks,
    cross,
    elementwise,
    linalg,
    matrix_functions,
    reductions,
    stacking,
    structure,
    triangles,
    unspecified,
)

FAMILIES = (elementwise, structure, blocks, cross, stacking, triangles, reductions, linalg, matrix_functions, unspecified)
OPERATORS = dict(Operator.registered)

__all__ = ["FAMILIES", "OPERATORS"]
