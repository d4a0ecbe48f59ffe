"""Whether a scalar function is convex, concave or affine: composition first, then the Hessian's normal form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matcalc.calculus import scalar_function, targets_of
from matcalc.conjugates import has_complex
from matcalc.curvature.bends import AFFINE, CONCAVE, CONSTANT, CONVEX
from matcalc.curvature.certificate import UNKNOWN, Convexity
from matcalc.curvature.compositions import Curvatures
from matcalc.curvature.facts import Fact, numbered
from matcalc.curvature.hessians import SecondOrder, second_order
from matcalc.curvature.prover import Prover
from matcalc.curvature.segments import Evidence, evidence
from matcalc.derivations.variables import written_out
from matcalc.errors import LimitError, UnsupportedError
from matcalc.expand import terms_of
from matcalc.expr import Expr, Power, Quotient, Symbol, add, brief, substitute, symbol
from matcalc.node import postorder
from matcalc.ops.elementwise import Sqrt, Unary
from matcalc.simplify import simplify_all

NOT_CONVEX_SETS = ("orthogonal", "unit", "invertible", "integer")  # facts that segments leave
MOST_TERMS = 24  # of a sum that is taken apart
MOST_ADVICE = 8  # symbols for which a declaration is tried
SETS = {
    "positive": "{} > 0",
    "simplex": "{} in the simplex",
    "psd": "{} psd",
    "diagonal": "{} diagonal",
    "symmetric": "{} symmetric",
    "skew": "{} skew",
    "lower_triangular": "{} lower triangular",
    "toeplitz": "{} Toeplitz",
    "zero_diagonal": "{} with zero diagonal",
}


def convexity(f: object, wrt: object) -> Convexity:
    """Whether a scalar function is convex, concave or affine in a variable, with a proof.

    First by rules of composition, then by the normal form of the Hessian. A verdict is a proof: it holds for all sizes and for
    all values of the other symbols that have their declared attributes. ``unknown`` says what could not be shown.

    Parameters
    ----------
    f : Expr, scalar
    wrt : Symbol, str, or a list of them
        Several are taken together: convex in all jointly.

    Returns
    -------
    Convexity

    Raises
    ------
    ShapeError
        If ``f`` is not a scalar.
    UnsupportedError
        If ``f`` or ``wrt`` is complex.

    Notes
    -----
    The domain is what is declared of the variables (``positive``, ``psd``, ``simplex``, ``symmetric``, ...) and where the
    function has a value. Attributes that do not describe a convex set (``orthogonal``, ``unit``, ``invertible``, ``integer``)
    are left out: the verdict is for the whole space. The rules are those of [Boyd and Vandenberghe, 2004, chapter 3] and
    [Grant, Boyd and Ye, 2006].

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, M = mc.symbols("A[m,n] x[n] M[n,n]")
    >>> mc.convexity(mc.logsumexp(A @ x), x)
    logsumexp(A*x) is convex in x
    (1) A*x is affine
          affine: linear in x with constant coefficients, plus constants
    (2) logsumexp(A*x) is convex
          log-sum-exp by (1): log-sum-exp is convex and rises with every entry
    >>> mc.convexity(x.T @ M @ x, x).verdict
    'unknown'
    """
    e = scalar_function(f, "convexity")
    named = targets_of(e, wrt)
    if has_complex(e) or any(w.is_complex for w in named):
        raise UnsupportedError(f"convexity needs a real function of real variables, but {brief(e)} is not")
    plain = {w: on_convex_set(w) for w in dict.fromkeys(named)}
    body = substitute(e, dict(plain.items()))
    variables = tuple(plain.values())
    conditions = domain(body, variables)
    left_out = [w.name for w, p in plain.items() if set(w.facts) - set(p.facts)]
    if left_out:
        conditions += (f"any {', '.join(left_out)}, as the declared set is not convex",)
    found = prove(body, variables)
    if isinstance(found, Proof):
        return Convexity(found.kind, found.strict, numbered([found.fact]), conditions, "", body, variables)
    witness = tuple(s for s in (found.seen.below, found.seen.above) if s is not None)
    why = found.sentence(", ".join(w.name for w in variables)) + advice(body, variables)
    return Convexity(UNKNOWN, False, (), conditions, why, body, variables, witness)


@dataclass(frozen=True)
class Proof:
    """A verdict and the fact that shows it."""

    kind: str
    strict: bool
    fact: Fact


@dataclass(frozen=True)
class Failure:
    """What could not be shown, and what numbers say."""

    complaint: str
    seen: Evidence

    def sentence(self, names: str) -> str:
        """Why there is no verdict."""
        below, above = self.seen.below, self.seen.above
        if below and above:
            return (
                f"neither convex nor concave in {names} for all values: the chord lies below the function at {below}; "
                f"above it at {above}"
            )
        if below:
            return (
                f"not convex in {names}: a chord lies below the function at {below}; not shown to be concave: {self.complaint}"
            )
        if above:
            return (
                f"not concave in {names}: a chord lies above the function at {above}; not shown to be convex: {self.complaint}"
            )
        return self.complaint


def on_convex_set(w: Symbol) -> Symbol:
    """The variable without the attributes that do not describe a convex set."""
    facts = [f for f in w.facts if f not in NOT_CONVEX_SETS]
    return w if len(facts) == len(w.facts) else symbol(w.name, w.shape, facts)


def prove(e: Expr, variables: Sequence[Symbol]) -> Proof | Failure:
    """A proof by composition, or else by the second derivative."""
    curves = Curvatures(variables)
    short = simplify_all([e, written_out(e)])
    forms = list(dict.fromkeys((e, *short, *(in_terms(s) for s in short))))
    best: Proof | None = None
    for form in forms:
        found = curves.of(form)
        if found is None:
            continue
        proof = Proof(
            AFFINE if found.is_affine else found.kind, found.pins >= curves.variables, _about(e, form, found.fact, variables)
        )
        if found.is_affine:
            return Proof(AFFINE, False, proof.fact)
        if best is None or (proof.strict and not best.strict):
            best = proof
    if best is not None and best.strict:
        return best
    seen = evidence(e, variables)
    possible = [kind for kind in (CONVEX, CONCAVE) if not seen.against(kind)]  # what is left to be tried
    if best is None and not possible:
        return Failure("", seen)
    why = ""
    for form in (*forms[1:], e):
        second = second_order(form, variables, curves, possible)
        if isinstance(second, SecondOrder):
            if second.kind == AFFINE or second.strict or best is None:
                return Proof(second.kind, second.strict, _about(e, form, second.fact, variables))
            break
        why = second
    return best or Failure(f"no rule of composition says how {curves.obstacle(forms[-1])} bends, and {why}", seen)


def in_terms(e: Expr) -> Expr:
    """A sum multiplied out, its traces and sums of sums taken apart; as it is where that would be long."""
    try:
        return add(*terms_of(e, MOST_TERMS, inside=False))
    except LimitError:
        return e


def advice(e: Expr, variables: Sequence[Symbol]) -> str:
    """A declaration that would give a verdict, as a clause; empty where no single one does."""
    for s in e.symbols[:MOST_ADVICE]:
        if s.facts or s.axes is not None:
            continue
        fact = "psd" if s.is_square and not s.is_scalar else "positive"
        known = symbol(s.name, (s.rows, s.cols), (fact,))
        curves = Curvatures([known if w is s else w for w in variables])
        found = curves.of(substitute(e, {s: known}))
        if found is not None and not found.is_affine:
            return f"; where {s.name} is declared {fact}, it is {'strictly ' * (found.pins >= curves.variables)}{found.kind}"
    return ""


def _about(e: Expr, form: Expr, found: Fact | None, variables: Sequence[Symbol]) -> Fact:
    """The fact about the function itself, where it was shown for a simplified form."""
    names = ", ".join(w.name for w in variables)
    fact = found or Fact(form, AFFINE, CONSTANT, f"it does not depend on {names}")
    return fact if form is e else Fact(e, fact.claim, "simplify", "the same function, simplified", (fact,))


def domain(e: Expr, variables: Sequence[Symbol]) -> tuple[str, ...]:
    """What is declared of the variables, and what the function needs."""
    found = []
    for w in variables:
        facts = [f for f in w.facts if not (f in ("symmetric", "positive") and set(w.facts) & {"psd", "simplex"})]
        found += [SETS[f].format(w.name) for f in facts if f in SETS]
    prover = Prover()
    needs: list[str] = []
    for node in postorder([e], lambda x: x.operands):
        kink = isinstance(node, Unary) and bool(node.kink)  # a value it has all the same
        for c in node.conditions_here() if not kink and not _is_settled(node, prover) else ():
            needs.append(f"{c.removesuffix(' positive')} > 0" if c.endswith(" positive") else c)
    return tuple(dict.fromkeys((*found, *needs)))


def _is_settled(node: Expr, prover: Prover) -> bool:
    """Whether what a node needs of its operand is known."""
    if not node.operands:
        return True
    x = node.below if isinstance(node, Quotient) else node.operands[0]
    bound, proof = prover.range(x).interval, prover.definite(x)
    if bound.is_nonnegative and (
        isinstance(node, Sqrt) or (isinstance(node, Power) and prover.range(node.exponent).interval.is_positive)
    ):
        return True  # the root of 0 is 0
    return (
        bound.is_positive or (bound.is_negative and isinstance(node, Quotient)) or (proof is not None and proof.claim == "pd")
    )
