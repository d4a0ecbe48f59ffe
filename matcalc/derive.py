"""Derivations: in index notation (define, differentiate with deltas, contract, back to matrices), or by differentials.

The function is cut into named variables at the operators that do not dissolve into indices. Each
variable is differentiated by what it is made of, in its own lines; a chain rule puts them together.
The last line is what ``grad``, ``vjp``, ``jacobian``, ``hessian``, ``jvp``, ``hvp`` or
``differential`` answers.
"""

from __future__ import annotations

from matcalc.calculus import pulled_back, scalar_function, target, upstream_of
from matcalc.conjugates import has_complex
from matcalc.derivations.derivation import Derivation, require_detail
from matcalc.derivations.derive_answer import layout_said
from matcalc.derivations.derive_complex import complex_derivation
from matcalc.derivations.derive_differential import DifferentialGradient
from matcalc.derivations.derive_differential_jacobian import DifferentialJacobian, DifferentialPush
from matcalc.derivations.derive_differential_structure import add_projection
from matcalc.derivations.derive_gradient import GradientLines
from matcalc.derivations.derive_hessian import hessian_derivation, jacobian_derivation
from matcalc.derivations.derive_jacobian import JacobianLines
from matcalc.derivations.derive_lines import Style
from matcalc.derivations.derive_push import PushLines, hvp_derivation, push_derivation
from matcalc.derivations.derive_structure import add_structure
from matcalc.derivations.variables import free_name
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import ONE, Expr, Let, Symbol, as_expr, brief
from matcalc.jacobian import LAYOUTS, hessian
from matcalc.ops.unspecified import Unspecified
from matcalc.structure import require_structure

STYLES = {
    "index": Style(GradientLines, JacobianLines, PushLines, 14),
    "differential": Style(DifferentialGradient, DifferentialJacobian, DifferentialPush, 28),
}
KINDS = ("grad", "vjp", "jacobian", "hessian", "jvp", "hvp", "differential")


def derive(
    f: object,
    wrt: object,
    *,
    kind: str = "grad",
    style: str = "index",
    structure: str = "ambient",
    layout: str = "numerator",
    wrt2: object = None,
    upstream: object = None,
    tangent: object = None,
    direction: object = None,
    detail: str = "normal",
    shapes: bool = False,
) -> Derivation:
    """A derivative with its derivation, line by line.

    Parameters
    ----------
    f : Expr
        A scalar for ``"grad"``, ``"hessian"`` and ``"hvp"``, else any shape.
    wrt : Symbol or str
    kind : {"grad", "vjp", "jacobian", "hessian", "jvp", "hvp", "differential"}
        Which derivative; the last line is the answer of the function of that name.
    style : {"index", "differential"}
        ``"index"``: index notation with explicit sums and Kronecker deltas. ``"differential"``: differentials of matrices,
        ``df = G : dX`` with the Frobenius product ``A : B = tr(A'*B)`` [Magnus and Neudecker, 1988]; not for complex symbols.
    structure : {"ambient", "projected", "independent"}
        For ``kind="grad"``, ``"jacobian"`` and ``"hessian"``: as for the functions of those names.
    layout : str
        For ``kind="jacobian"`` and ``"hessian"``: as for ``jacobian``.
    wrt2 : Symbol or str, optional
        For ``kind="hessian"``: the second symbol, of mixed derivatives.
    upstream : Expr or str, optional
        For ``kind="vjp"``: the gradient of the loss by ``f``; by default that of an unspecified loss ``L``.
    tangent, direction : Expr or str, optional
        For ``kind="jvp"`` and ``"hvp"``: the change of ``wrt``, by default a symbol with ``d`` before its name.

    detail : {"brief", "normal", "full"}
        How much ``print`` and a notebook show: one line for each quantity, all lines, or every contraction and every
        move of a simplification as well. ``to_text``, ``to_latex`` and ``to_markdown`` take it too.
    shapes : bool
        Whether the shapes of what a line is about stand below it; likewise.

    Returns
    -------
    Derivation

    Raises
    ------
    OperandError
        If an argument does not belong to this kind.
    UnsupportedError
        If the derivative has no form in matrix notation; the message says why.

    Examples
    --------
    >>> import matcalc as mc
    >>> W, X, b = mc.symbols("W[m,n] X[n,p] b[m]")
    >>> f = mc.let("f", W @ X + b)
    >>> d = mc.derive(mc.function("L")(f), b)
    >>> d.result
    dL(f)*ones(p)
    >>> d.check().passed
    True
    >>> A, B = mc.symbols("A[m,n] B[p,q]")
    >>> mc.derive(A @ X @ B, X, kind="jacobian", layout="vec").result
    kron(B',A)
    >>> x = mc.symbols("x[n]")
    >>> print(mc.derive(A @ x, x, kind="jacobian", style="differential"))
    f = A*x, by x
    (1) df = A*dx
          differential: a linear function changes by the same function of the change; constants do not change
    (2) df/dx' = A
          read-off: the Jacobian is the matrix before dx
    Jacobian, numerator layout, rows by f and columns by x: (m, n)
    """
    if not isinstance(style, str) or style not in STYLES:
        raise UnsupportedError(f"derivations in style {style!r} are not supported; what is: {', '.join(STYLES)}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise UnsupportedError(f"derivations of kind {kind!r} are not supported; what is: {', '.join(KINDS)}")
    if isinstance(wrt, (list, tuple, dict)):
        raise OperandError("derive takes one symbol at a time: call it for each")
    require_structure(structure)
    require_detail(detail)
    if not isinstance(shapes, bool):
        raise OperandError(f"shapes is True or False, not {shapes!r}")
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise OperandError(f"layout is one of {', '.join(LAYOUTS)}, not {layout!r}")
    _require_own(kind, "layout", layout != "numerator", ("jacobian", "hessian"))
    _require_own(kind, "wrt2", wrt2 is not None, ("hessian",))
    _require_own(kind, "upstream", upstream is not None, ("vjp",))
    _require_own(kind, "tangent", tangent is not None, ("jvp",))
    _require_own(kind, "direction", direction is not None, ("hvp",))
    _require_own(kind, "structure", structure != "ambient", ("grad", "jacobian", "hessian"))
    e = scalar_function(f, "derive") if kind in ("grad", "hessian", "hvp") else as_expr(f)
    w = target(e, wrt)
    w2 = w if wrt2 is None else target(e, wrt2)
    d = _derivation(e, w, w2, kind, style, structure, layout, upstream, tangent, direction)
    d.layout = layout_said(kind, e, d.variables[-1].name, w, w2, layout, structure)
    d.detail, d.shapes = detail, shapes
    return d


def _derivation(
    e: Expr, w: Symbol, w2: Symbol, kind: str, style: str, structure: str, layout: str,
    upstream: object, tangent: object, direction: object,
) -> Derivation:  # fmt: skip
    """The derivation of this kind, of arguments that were looked at."""
    if has_complex(e) or w.is_complex:
        if style != "index":
            raise UnsupportedError(
                f"derivations with something complex, here of {brief(e)}, are in style 'index', not {style!r}"
            )
        if kind != "grad" or structure != "ambient":
            raise UnsupportedError(
                f"derivations with something complex, here of {brief(e)}, are of gradients (kind='grad', structure='ambient'), "
                f"not of kind {kind!r} with structure {structure!r}"
            )
        return complex_derivation(e, w)
    match kind:
        case "jacobian":
            return jacobian_derivation(e, w, layout, structure, STYLES[style])
        case "hessian":
            result = hessian(e, w, w2, layout=layout, structure=structure)
            assert isinstance(result, Expr)
            return hessian_derivation(e, w, w2, layout, result, structure, STYLES[style])
        case "jvp" | "differential":
            return push_derivation(e, w, _change(e, w, tangent, "tangent"), STYLES[style])
        case "hvp":
            return hvp_derivation(e, w, _change(e, w, direction, "direction"), STYLES[style])
        case _:
            d = gradient_derivation(e, w, kind, upstream, style)
            if style != "differential" or structure != "projected" or not add_projection(d):
                add_structure(d, structure)
            return d


def gradient_derivation(e: Expr, w: Symbol, kind: str, upstream: object, style: str) -> Derivation:
    """The derivation of what ``grad`` or ``vjp`` answers."""
    if kind == "vjp" and upstream is None:
        named = e if isinstance(e, Let) else Let(free_name(e, "f", set()), e)
        e, kind = Unspecified("L", named), "grad"
    seed = upstream_of(e, upstream) if kind == "vjp" else ONE
    (result,) = pulled_back(e, seed, [w])
    d: Derivation = STYLES[style].gradient(e, w, seed, result).run()
    return d


def _change(e: Expr, w: Symbol, given: object, what: str) -> Expr:
    """The change of ``wrt``: as given, or a symbol of its own."""
    if given is not None:
        return upstream_of(w, given, what)
    return Symbol(free_name(e, f"d{w.name}", set()), w.dims, ())


def _require_own(kind: str, name: str, given: bool, kinds: tuple[str, ...]) -> None:
    if given and kind not in kinds:
        raise OperandError(f"{name} is for derivations of kind {' and '.join(map(repr, kinds))}, not {kind!r}")
