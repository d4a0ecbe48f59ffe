"""matcalc: derivatives of matrix expressions, in closed matrix form, derived line by line and checked."""

from matcalc.calculus import count_ops, grad, simplify, vjp
from matcalc.check import CheckReport, check
from matcalc.compositions import convolve
from matcalc.declare import let, matrix, scalar, symbols, tensor, vector
from matcalc.derivation import Derivation
from matcalc.derive import derive
from matcalc.dims import dims
from matcalc.emit import compile
from matcalc.errors import (
    CheckError,
    LimitError,
    MatcalcError,
    NotDifferentiableError,
    OperandError,
    ParseError,
    ShapeError,
    UnsupportedError,
)
from matcalc.expand import expand
from matcalc.expr import Expr, Symbol, broadcast_add
from matcalc.from_index import from_index
from matcalc.from_latex import parse_latex
from matcalc.functions import FUNCTIONS
from matcalc.grouping import collect
from matcalc.jacobian import differential, hessian, hvp, jacobian, jvp
from matcalc.matrix_formulas import matrix_function
from matcalc.ops.blocks import block
from matcalc.ops.unspecified import function
from matcalc.parse import parse
from matcalc.printing import latex, pprint, pretty
from matcalc.scalar import from_sympy
from matcalc.series import taylor
from matcalc.substitution import atoms, replace, substitute
from matcalc.substitution import placeholder as wild
from matcalc.to_index import IndexNotation, to_index
from matcalc.userdefined import elementwise
from matcalc.wirtinger import wirtinger

# mc.tr, mc.sum, mc.exp, ...: every function that text knows by name; mc.tensor declares, in text it unstacks a matrix
globals().update({name: f.public() for name, f in FUNCTIONS.items() if name != "tensor"})

__version__ = "0.1.0"
__all__ = [
    "CheckError", "CheckReport", "Derivation", "Expr", "IndexNotation", "LimitError", "MatcalcError", "NotDifferentiableError",
    "OperandError", "ParseError", "ShapeError", "Symbol", "UnsupportedError", "block", "broadcast_add", "check", "compile",
    "convolve", "count_ops", "derive", "differential", "dims",
    "elementwise", "expand", "from_index", "from_sympy", "function", "grad", "hessian", "hvp", "jacobian",
    "jvp", "latex", "let", "matrix", "matrix_function",
    "parse", "parse_latex", "replace", "substitute", "wild", "atoms", "collect", "taylor",
    "pprint", "pretty", "scalar", "simplify", "symbols", "tensor", "to_index", "vector", "vjp", "wirtinger",
    *(name for name in FUNCTIONS if name != "tensor"),
]  # fmt: skip
