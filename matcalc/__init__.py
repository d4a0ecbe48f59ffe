"""matcalc: derivatives of matrix expressions, in closed matrix form, derived line by line and checked."""

from matcalc.calculus import grad, vjp
from matcalc.check import CheckReport, check
from matcalc.codefiles.to_code import to_code
from matcalc.compositions import convolve
from matcalc.curvature.certificate import Convexity
from matcalc.curvature.certify import convexity
from matcalc.curvature.prover import is_psd, sign_of
from matcalc.declare import let, matrix, scalar, symbols, tensor, vector
from matcalc.derivations.derivation import Derivation
from matcalc.derive import derive
from matcalc.dims import dims
from matcalc.emit import compile
from matcalc.equal import Equality, equal
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
from matcalc.interop import from_sympy, takes_sympy, to_sympy
from matcalc.jacobian import differential, hessian, hvp, jacobian, jvp
from matcalc.json_form import from_json, to_json
from matcalc.matrix_formulas import matrix_function
from matcalc.names import Named, count_ops, named
from matcalc.ops.blocks import block
from matcalc.ops.unspecified import function
from matcalc.parse import parse
from matcalc.printing import latex, pprint, pretty
from matcalc.readable import simplify
from matcalc.series import taylor
from matcalc.solving.stationarity import stationary
from matcalc.solving.stationary_point import Stationary
from matcalc.substitution import atoms, replace, substitute
from matcalc.substitution import placeholder as wild
from matcalc.to_index import IndexNotation, to_index
from matcalc.userdefined import elementwise
from matcalc.wirtinger import wirtinger

# mc.tr, mc.sum, mc.exp, ...: every function that text knows by name; mc.tensor declares, in text it unstacks a matrix
globals().update({name: f.public() for name, f in FUNCTIONS.items() if name != "tensor"})
# SymPy objects in, SymPy objects out
VERBS = (
    "check", "collect", "compile", "convexity", "count_ops", "derive", "differential", "equal", "expand", "grad", "hessian",
    "hvp", "jacobian", "jvp", "latex", "named", "pprint", "pretty", "simplify", "stationary", "taylor", "to_code", "to_index",
    "vjp", "wirtinger",
)  # fmt: skip
globals().update({name: takes_sympy(globals()[name]) for name in VERBS})

__version__ = "0.1.0"
__all__ = [
    "atoms", "block", "broadcast_add", "check", "CheckError", "CheckReport", "collect", "compile", "Convexity", "convexity",
    "convolve", "count_ops", "Derivation", "derive", "differential", "dims", "elementwise", "equal", "Equality", "expand",
    "Expr", "from_index", "from_json", "from_sympy", "function", "grad", "hessian", "hvp", "IndexNotation", "is_psd",
    "jacobian", "jvp", "latex", "let", "LimitError", "MatcalcError", "matrix", "matrix_function", "Named", "named",
    "NotDifferentiableError", "OperandError", "parse", "parse_latex", "ParseError", "pprint", "pretty", "replace", "scalar",
    "ShapeError", "sign_of", "simplify", "Stationary", "stationary", "substitute", "Symbol", "symbols", "taylor", "tensor",
    "to_code", "to_index", "to_json", "to_sympy", "UnsupportedError", "vector", "vjp", "wild", "wirtinger",
    *(name for name in FUNCTIONS if name != "tensor"),
]  # fmt: skip
