"""Quadratic equations for a positive definite matrix that have one positive definite solution.

``X*B*X = A`` is solved by the geometric mean of ``inv(B)`` and ``A`` [Pusz and Woronowicz, 1975; Bhatia, 2007, chapter 4],
``a*X + R + b*inv(X) = 0`` by completing the square, as ``X`` is a function of ``R``.
"""

from __future__ import annotations

import sympy as sp

from matcalc.curvature.prover import Prover
from matcalc.errors import LimitError
from matcalc.expand import terms_of
from matcalc.expr import ONE, Expr, Number, Product, Symbol, add, brief, hadamard, negate, product, quotient, rational
from matcalc.ops.elementwise import Sqrt
from matcalc.ops.linalg import Inverse, MatrixPower
from matcalc.ops.matrix_functions import Sqrtm
from matcalc.ops.structure import Eye, Zeros, eye
from matcalc.simplify import simplify_all
from matcalc.solving.equations import Equation, Working, apart, depends, equals_zero, minus, over, simplified

MOST_TERMS = 32
MOST_FACTORS = 4  # of a power of a matrix that is written out
FOUR, HALF = Number(sp.Integer(4)), Number(sp.Rational(1, 2))
WHY_MEAN = "X*B*X = A has one positive definite solution, the geometric mean of inv(B) and A"
WHY_SQUARE = "times the unknown, which commutes with the rest, this is quadratic, with one positive definite root"


def positive_definite_root(g: Expr, x: Symbol, working: Working) -> Expr | None:
    """The positive definite ``x`` with ``g = 0``, where the equation is of one of the two kinds; None where it is not."""
    if x.is_scalar or not x.has("psd"):
        return None
    try:
        terms = simplify_all(terms_of(g, MOST_TERMS, inside=False))
    except LimitError:
        return None
    mean = _mean(terms, x, working)
    found = mean if mean is not None else _square(terms, x)
    if found is None:
        return None
    result = simplified(found)
    working.step("root", WHY_MEAN if mean is not None else WHY_SQUARE, equals_zero(g), Equation(x, result))
    return result


def _mean(terms: list[Expr], x: Symbol, working: Working) -> Expr | None:
    """``x`` from ``c*x*B*x = A``, or from ``inv(x)*B*inv(x) = A``."""
    rest = [t for t in terms if not depends(t, x)]
    held = [t for t in terms if depends(t, x)]
    if not rest or not held:
        return None
    inside: list[Expr] = []
    ends: set[Expr] = set()
    for term in held:
        above, body, below = apart(term)
        chain = factors_of(body)
        if len(chain) < 2 or chain[0] is not chain[-1] or any(depends(a, x) for a in (*chain[1:-1], *above, *below)):
            return None
        ends.add(chain[0])
        inside.append(over(product(*chain[1:-1]) if len(chain) > 2 else eye(x.rows), above, below))
    if len(ends) != 1:
        return None
    (end,) = ends
    inner, right = simplified(add(*inside)), simplified(negate(add(*rest)))
    if end is x:
        return geometric_mean(inner, right, working)
    if isinstance(end, Inverse) and end.arg is x:
        return geometric_mean(right, inner, working)
    return None


def factors_of(e: Expr) -> tuple[Expr, ...]:
    """The factors of a product, powers of matrices written out."""
    found: list[Expr] = []
    for a in e.args if isinstance(e, Product) else (e,):
        r = rational(a.exponent) if isinstance(a, MatrixPower) else None
        if r is None or not isinstance(a, MatrixPower) or abs(r) > MOST_FACTORS:
            found.append(a)
        else:
            found += [a.base if r > 0 else Inverse(a.base)] * int(abs(r))
    return tuple(found)


def geometric_mean(b: Expr, a: Expr, working: Working) -> Expr | None:
    """The positive definite ``X`` with ``X*b*X = a``."""
    (above, a, below), (under, b, over_) = apart(a), apart(b)
    scale = simplified(quotient(hadamard(*above, *over_), hadamard(*below, *under)))
    prover = Prover()
    for part in (a, b):
        if not part.symmetric:
            return None
        proof = prover.definite(part)
        if proof is None or proof.claim != "pd":
            working.assume(f"{brief(part)} positive definite")
    if isinstance(b, Eye):
        mean: Expr = a if isinstance(a, Eye) else Sqrtm(a)
    else:
        root, inverse = (Inverse(Sqrtm(b.arg)), Sqrtm(b.arg)) if isinstance(b, Inverse) else (Sqrtm(b), Inverse(Sqrtm(b)))
        mean = product(inverse, Sqrtm(product(root, a, root)), inverse)
    return hadamard(Sqrt(scale), mean) if scale is not ONE else mean


def _square(terms: list[Expr], x: Symbol) -> Expr | None:
    """``x`` from ``a*x + R + b*inv(x) = 0`` with numbers ``a`` and ``b`` of opposite signs and a symmetric ``R``."""
    scales: dict[str, list[Expr]] = {"x": [], "inverse": []}
    rest: list[Expr] = []
    for term in terms:
        above, body, below = apart(term)
        if any(depends(s, x) for s in (*above, *below)):
            return None
        if body is x:
            scales["x"].append(over(ONE, above, below))
        elif isinstance(body, Inverse) and body.arg is x:
            scales["inverse"].append(over(ONE, above, below))
        elif depends(term, x):
            return None
        else:
            rest.append(term)
    if not (scales["x"] and scales["inverse"]):
        return None
    a, b = (simplified(add(*scales[key])) for key in ("x", "inverse"))
    ratio = simplified(negate(quotient(b, a)))
    if not Prover().range(ratio).interval.is_positive:
        return None
    if not rest or isinstance(whole := simplified(add(*rest)), Zeros):
        return hadamard(Sqrt(ratio), eye(x.rows))
    if not whole.symmetric:
        return None
    r = simplified(quotient(whole, a))
    inside = simplified(add(product(r, r), hadamard(FOUR, ratio, eye(x.rows))))
    return hadamard(HALF, minus(Sqrtm(inside), r))
