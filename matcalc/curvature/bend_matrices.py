"""Convexity of matrices in the sense of ``v'*F*v`` for every ``v``, and of functions of spectra.

The order is Loewner's, and the rules are those of [Boyd and Vandenberghe, 2004, sections 3.1 and 3.6]; for traces of
functions see [Carlen, 2010, section 2].
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from matcalc.curvature.bends import (
    AFFINE,
    CONCAVE,
    CONSTANT,
    CONVEX,
    NONE,
    OPPOSITE,
    Bend,
    BendRule,
    Curves,
    Found,
    composed,
    scaled,
    summed,
)
from matcalc.curvature.definite_sums import is_invertible
from matcalc.curvature.graphs import GRAPHS, power_graph
from matcalc.curvature.interval import EVERYTHING, NONNEGATIVE, POSITIVE, between
from matcalc.curvature.words import letters_of, mirrored, scalars_out
from matcalc.expr import (
    Add,
    Expr,
    Hadamard,
    Let,
    Power,
    Product,
    Quotient,
    Transpose,
    dim_number,
    hadamard,
    negate,
    product,
    rational,
)
from matcalc.ops.linalg import Det, Inverse, LogDet, MatrixPower, logdet
from matcalc.ops.matrix_functions import Expm, Logm, Sqrtm
from matcalc.ops.reductions import NormF, Total, Trace
from matcalc.ops.spectral import EigMax, EigMin, Nuclear, Spectral
from matcalc.ops.structure import Diag, Diagonal
from matcalc.simplify import simplify_all


# ------------------------------------------------------------------ v'*F*v
def _affine_form(e: Expr, curves: Curves) -> Found | None:
    inner = curves.of(e)
    return Found(AFFINE, inner.pins, (inner.fact,)) if inner is not None and inner.kind == AFFINE else None


def _sum_of_forms(e: Expr, curves: Curves) -> Found | None:
    return summed([curves.form(a) for a in e.operands])


def _scaled_form(e: Expr, curves: Curves) -> Found | None:
    scalar, body = scalars_out(e)
    inner = curves.form(body) if not curves.depends(scalar) and not body.is_scalar and body is not e else None
    bound = curves.prover.range(scalar)
    return None if inner is None else scaled(inner, bound.interval, bound.fact)


def congruent_form(e: Expr, curves: Curves) -> Found | None:
    """``A'*F*A`` with a constant ``A``."""
    letters = letters_of(e)
    for half in range(1, (len(letters) + 1) // 2):
        ends = [*letters[:half], *letters[len(letters) - half :]]
        if not mirrored(ends, 0) or any(curves.depends(a) for a in ends):
            return None
        inner = curves.form(product(*letters[half : len(letters) - half]))
        if inner is not None and inner.kind != CONSTANT:
            regular = all(a.is_square and is_invertible(a, curves.prover) for a in ends)
            return Found(inner.kind, inner.pins if regular else NONE, (inner.fact,))
    return None


def square_form(e: Expr, curves: Curves) -> Found | None:
    """``G'*P*G`` with ``G`` affine and a constant psd ``P``, or ``inv(H)`` with an affine psd ``H`` in its place."""
    letters = letters_of(e)
    n = len(letters)
    for half in range(1, n // 2 + 1):
        if not mirrored([*letters[:half], *letters[n - half :]], 0):
            return None
        at = curves.of(product(*letters[n - half :]))
        if at is None or not at.is_affine:
            return None
        middle = letters[half : n - half]
        if not middle:
            return Found(CONVEX, at.pins, (at.fact,)) if at.kind == AFFINE else None
        proof = curves.prover.definite(product(*middle))
        if proof is None:
            continue
        if not any(curves.depends(a) for a in middle):
            return Found(CONVEX, at.pins if proof.claim == "pd" else NONE, (proof, at.fact)) if at.kind == AFFINE else None
        if len(middle) == 1 and isinstance(middle[0], Inverse) and (below := concave_form(middle[0].arg, curves)) is not None:
            return Found(CONVEX, NONE, (proof, at.fact, below.fact))
    return None


def concave_form(e: Expr, curves: Curves) -> Bend | None:
    """The form of a matrix, if it is concave or affine."""
    form = curves.form(e)
    return form if form is not None and form.is_concave else None


def inverse_form(e: Expr, curves: Curves) -> Found | None:
    """The inverse of an affine or concave psd matrix: a pd one, where it has an inverse."""
    inner, proof = concave_form(e.operands[0], curves), curves.prover.definite(e.operands[0])
    if inner is None or proof is None:
        return None
    return Found(CONVEX, inner.pins, (proof, inner.fact))


def root_form(e: Expr, curves: Curves) -> Found | None:
    """The square root and the logarithm."""
    inner, proof = concave_form(e.operands[0], curves), curves.prover.definite(e.operands[0])
    if inner is None or proof is None or proof.claim != "pd":
        return None
    return Found(CONCAVE, inner.pins, (proof, inner.fact))


def _diagonal_form(e: Expr, curves: Curves) -> Found | None:
    inner = curves.of(e.operands[0])
    return None if inner is None else Found(inner.kind, inner.pins, (inner.fact,))


def _same_form(e: Expr, curves: Curves) -> Found | None:
    inner = curves.form(e.operands[0])
    return None if inner is None else Found(inner.kind, inner.pins, (inner.fact,))


FORM_RULES: tuple[BendRule, ...] = (
    BendRule("affine-matrix", (Expr,), _affine_form, "v'*F*v is affine where F is"),
    BendRule("sum-of-forms", (Add,), _sum_of_forms, "quadratic forms add up"),
    BendRule("scaled-form", (Hadamard, Quotient), _scaled_form, "a constant factor of known sign"),
    BendRule("congruence", (Product,), congruent_form, "v'*A'*F*A*v = (A*v)'*F*(A*v)"),
    BendRule(
        "matrix-square", (Product, MatrixPower), square_form, "v'*G'*P*G*v is a squared norm; G'*inv(H)*G is its perspective"
    ),
    BendRule("inverse-of-pd", (Inverse,), inverse_form, "v'*inv(H)*v is convex in H, and falls as H rises"),
    BendRule("matrix-root", (Sqrtm, Logm), root_form, "the square root and the logarithm are operator concave and monotone"),
    BendRule("diagonal-matrix", (Diag,), _diagonal_form, "v'*diag(g)*v = sum(v.^2.*g)"),
    BendRule("same-form", (Transpose, Let), _same_form, "it has the same quadratic form"),
)


# ------------------------------------------------------------------ scalars made of them
def form_value(e: Expr, curves: Curves) -> Found | None:
    """``v'*F*v`` with a constant ``v``, and the matrix fraction ``g'*inv(H)*g``."""
    assert isinstance(e, Product)
    if not e.is_scalar:
        return None
    fraction = square_form(e, curves)
    if fraction is not None:
        return fraction
    n = len(e.args)
    for half in range(1, (n + 1) // 2):
        ends = [*e.args[:half], *e.args[n - half :]]
        if not mirrored(ends, 0) or any(curves.depends(a) for a in ends):
            return None
        inner = curves.form(product(*e.args[half : n - half]))
        if inner is not None and inner.kind != CONSTANT:
            return Found(inner.kind, NONE, (inner.fact,))
    return None


def traced(e: Expr, curves: Curves) -> Found | None:
    """``tr(P*F)`` with a constant psd ``P``: the letters that vary stand together."""
    assert isinstance(e, Trace)
    inner = curves.form(e.arg)
    if inner is not None:
        return Found(inner.kind, NONE if inner.is_affine else inner.pins, (inner.fact,))
    word = letters_of(e.arg)
    n = len(word)
    moving = [k for k in range(n) if curves.depends(word[k])]
    if not moving or n > 32:
        return None
    for start in moving:
        around = word[start:] + word[:start]
        length = max(k for k in range(n) if curves.depends(around[k])) + 1
        part, rest = product(*around[:length]), around[length:]
        inner = curves.form(part) if part.is_square else None
        if inner is None or not rest:
            continue
        for sign, p in ((1, product(*rest)), (-1, negate(product(*rest)))):
            proof = curves.prover.definite(p)
            if proof is not None:
                found = Found(
                    inner.kind, inner.pins if proof.claim == "pd" and not inner.is_affine else NONE, (proof, inner.fact)
                )
                return found.turned(sign)
    return None


def trace_of_function(e: Expr, curves: Curves) -> Found | None:
    """``tr(f(G))`` of a symmetric ``G``, convex where ``f`` is on an interval that holds the eigenvalues."""
    assert isinstance(e, Trace)
    for name, g, p in functions_of(e.arg):
        inner = curves.form(g) if g.is_square and g.symmetric else None
        if inner is None or inner.kind == CONSTANT:
            continue
        proof = curves.prover.definite(g)
        if name == "t*log(t)":
            if inner.is_affine and proof is not None and proof.claim == "pd":
                return Found(CONVEX, inner.pins, (proof, inner.fact))
            continue
        eigenvalues = EVERYTHING if proof is None else POSITIVE if proof.claim == "pd" or (p or 1) < 0 else NONNEGATIVE
        graph = GRAPHS["Exp"] if p is None else power_graph(Fraction(p))
        found = composed(name, graph, inner, eigenvalues, proof)
        if found is not None:
            return Found(found.kind, found.pins, found.used)
    return None


def functions_of(e: Expr) -> Iterator[tuple[str, Expr, int | None]]:
    """The ways to read a matrix as a function of another: its name, the other, and the exponent of a power."""
    if isinstance(e, Expm):
        yield "exp", e.operands[0], None
    p = rational(e.exponent) if isinstance(e, MatrixPower) else None
    if isinstance(e, MatrixPower) and p is not None and p != 0:
        yield f"t^{p}", e.base, int(p)
    word = letters_of(e)
    n = len(word)
    for count in range(2, min(n, 16) + 1):
        size = n // count
        if n % count == 0 and all(word[k] is word[k % size] for k in range(n)):
            yield f"t^{count}", product(*word[:size]), count
    if n == 2 and any(isinstance(a, Logm) and a.operands[0] is b for a, b in (word, word[::-1])):
        yield "t*log(t)", next(b for a, b in (word, word[::-1]) if isinstance(a, Logm)), None


def log_determinant(e: Expr, curves: Curves) -> Found | None:
    """``logdet(G)`` of an affine or concave psd ``G``, which is pd where the logarithm is finite."""
    inner, proof = concave_form(e.operands[0], curves), curves.prover.definite(e.operands[0])
    if inner is None or inner.kind == CONSTANT or proof is None:
        return None
    return Found(CONCAVE, inner.pins, (proof, inner.fact))


def log_determinant_parts(e: Expr, curves: Curves) -> Found | None:
    """``logdet(A*B) = logdet(A) + logdet(B)``, and ``logdet(inv(A)) = -logdet(A)``."""
    g = e.operands[0]
    if isinstance(g, Inverse):
        inner = curves.of(logdet(g.arg))
        return None if inner is None else Found(OPPOSITE[inner.kind], inner.pins, (inner.fact,))
    if not isinstance(g, Product) or not all(a.is_square for a in g.args):
        return None
    return summed([curves.of(logdet(a)) for a in g.args])


def determinant_root(e: Expr, curves: Curves) -> Found | None:
    """``det(G)^p`` with ``p`` at most one over the size."""
    assert isinstance(e, Power)
    if not isinstance(e.base, Det):
        return None
    g = e.base.arg
    inner, proof = concave_form(g, curves), curves.prover.definite(g)
    (weight,) = simplify_all([hadamard(dim_number(g.rows), e.exponent)])
    if inner is None or proof is None or not curves.prover.range(weight).interval.within(between(0, 1)):
        return None
    return Found(CONCAVE, NONE, (proof, inner.fact))


def _extreme_eigenvalue(e: Expr, curves: Curves) -> Found | None:
    inner = curves.form(e.operands[0])
    largest = isinstance(e, EigMax)
    if inner is None or inner.kind == CONSTANT or not (inner.is_convex if largest else inner.is_concave):
        return None
    return Found(CONVEX if largest else CONCAVE, NONE, (inner.fact,))


def _singular_values(e: Expr, curves: Curves) -> Found | None:
    inner = curves.of(e.operands[0])
    return Found(CONVEX, NONE, (inner.fact,)) if inner is not None and inner.kind == AFFINE else None


def norm_of_psd(e: Expr, curves: Curves) -> Found | None:
    """Norms of a psd matrix rise with it; the nuclear norm is its trace."""
    form, proof = curves.form(e.operands[0]), curves.prover.definite(e.operands[0])
    if form is None or proof is None or form.kind == CONSTANT:
        return None
    if isinstance(e, Nuclear):
        return Found(form.kind, NONE if form.is_affine else form.pins, (proof, form.fact))
    return Found(CONVEX, NONE, (proof, form.fact)) if form.is_convex else None


def _diagonal_entries(e: Expr, curves: Curves) -> Found | None:
    inner = (
        curves.form(e.operands[0]) if e.operands[0].is_square and not (isinstance(e, Total) and e.axis is not None) else None
    )
    if inner is None:
        return None
    return Found(inner.kind, inner.pins if isinstance(e, Diagonal) else NONE, (inner.fact,))


RULES: tuple[BendRule, ...] = (
    BendRule(
        "form-value", (Product,), form_value, "v'*F*v for a convex F, or the matrix fraction g'*inv(H)*g of affine g and H"
    ),
    BendRule("trace-of-form", (Trace,), traced, "tr(P*F) is a sum of v'*F*v for a psd P"),
    BendRule(
        "trace-of-function",
        (Trace,),
        trace_of_function,
        "tr(f(G)) is convex in a symmetric G where f is convex on its eigenvalues (Klein)",
    ),
    BendRule("log-determinant", (LogDet,), log_determinant, "logdet is concave on the pd matrices, and rises with them"),
    BendRule("log-determinant-of-product", (LogDet,), log_determinant_parts, "the determinant of a product is a product"),
    BendRule("determinant-root", (Power,), determinant_root, "det(G)^(1/n) is concave on the pd matrices (Minkowski)"),
    BendRule(
        "extreme-eigenvalue",
        (EigMax, EigMin),
        _extreme_eigenvalue,
        "eigmax is the largest v'*F*v of unit vectors, eigmin the smallest",
    ),
    BendRule(
        "norm-of-psd", (Nuclear, Spectral, NormF), norm_of_psd, "norms rise with a psd matrix; the nuclear one is its trace"
    ),
    BendRule("singular-values", (Nuclear, Spectral), _singular_values, "a norm of what is affine"),
    BendRule(
        "diagonal-of-form",
        (Diagonal, Total),
        _diagonal_entries,
        "entries on the diagonal, and the sum of all, are values of v'*F*v",
    ),
)
