"""Whether a scalar function is convex, concave or affine, with a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from matcalc.bends import AFFINE, CONSTANT, CONVEX, Bend
from matcalc.calculus import scalar_function, targets_of
from matcalc.check import CheckReport, Trial
from matcalc.conjugates import has_complex
from matcalc.curvature import Curvatures
from matcalc.curvature_hessian import SecondOrder, second_order
from matcalc.errors import OperandError, UnsupportedError
from matcalc.expr import Expr, Power, Quotient, Symbol, brief, substitute, symbol
from matcalc.facts import Fact, Step, numbered
from matcalc.node import postorder
from matcalc.ops.elementwise import Sqrt
from matcalc.printing import latex
from matcalc.prover import Prover
from matcalc.segments import TOLERANCE, Segment, breaks, segments
from matcalc.simplify import simplify_all
from matcalc.variables import written_out

UNKNOWN = "unknown"
NOT_CONVEX_SETS = ("orthogonal", "unit", "invertible", "integer")  # facts that segments leave
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
WITNESSES = 24  # segments tried where nothing is proved


@dataclass(frozen=True, repr=False)
class Convexity:
    """Whether a function is convex on its domain, and why.

    Attributes
    ----------
    verdict : {"convex", "concave", "affine", "unknown"}
    strict : bool
        Whether it is proved to be strictly so: no segment on which the function is affine.
    steps : tuple of Step
        The certificate: each step has ``.number``, ``.rule``, ``.why``, ``.fact`` and ``.uses``, the lines it refers to.
    conditions : tuple of str
        The domain: what is declared of the variables, and what the function needs to have a value.
    why : str
        For ``unknown``: what could not be shown.
    function : Expr
    wrt : tuple of Symbol
    witness : tuple of Segment
        For ``unknown``: segments that show that the function is not convex, or not concave, for some values of the others.
    """

    verdict: str
    strict: bool
    steps: tuple[Step, ...]
    conditions: tuple[str, ...]
    why: str
    function: Expr
    wrt: tuple[Symbol, ...]
    witness: tuple[Segment, ...] = field(default=(), compare=False)

    @property
    def headline(self) -> str:
        """The verdict as one line."""
        names = ", ".join(w.name for w in self.wrt)
        if self.verdict == UNKNOWN:
            return f"{self.function}, by {names}: unknown"
        return f"{self.function} is {'strictly ' if self.strict else ''}{self.verdict} in {names}"

    def __str__(self) -> str:
        out = [self.headline, *map(str, self.steps)]
        if self.why:
            out.append(self.why)
        if self.conditions:
            out.append(f"for {'; '.join(self.conditions)}")
        return "\n".join(out)

    __repr__ = __str__

    def to_text(self) -> str:
        """The certificate as plain text."""
        return str(self)

    def to_latex(self) -> str:
        """The certificate as one LaTeX ``aligned`` block, the rule beside each line."""
        names = ", ".join(latex(w) for w in self.wrt)
        verdict = "strictly " * self.strict + self.verdict
        if self.verdict == UNKNOWN:
            return rf"\begin{{aligned}}{chr(10)}&{latex(self.function)} && \text{{not decided}}{chr(10)}\end{{aligned}}"
        rows = [rf"&({s.number})\quad {s.latex} && \text{{{s.rule.replace('-', ' ')}{s.reference}}}" for s in self.steps]
        rows.append(rf"&{latex(self.function)} \quad\text{{is {verdict} in }} {names} &&")
        if self.conditions:
            rows.append(rf"& && \text{{for {'; '.join(map(_in_text, self.conditions))}}}")
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def to_markdown(self) -> str:
        """The certificate as a numbered Markdown list with LaTeX formulas."""
        names = ", ".join(f"${latex(w)}$" for w in self.wrt)
        found = "unknown" if self.verdict == UNKNOWN else f"**{'strictly ' if self.strict else ''}{self.verdict}**"
        out = [f"${latex(self.function)}$ by {names}: {found}.\n"]
        out += [f"{s.number}. ${s.latex}$  \n   *{s.rule}*{s.reference}: {s.why}." for s in self.steps]
        if self.why:
            out.append(f"{self.why}.")
        if self.conditions:
            out.append(f"\nFor {'; '.join(self.conditions)}.")
        return "\n".join(out)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to_latex()}$"

    def check(self, trials: int = 20, seed: int = 0) -> CheckReport:
        """Compare the function with its chords on random segments of the domain, at random sizes.

        Parameters
        ----------
        trials : int
            The number of segments.
        seed : int

        Returns
        -------
        CheckReport
            Its error is the largest distance on the wrong side of a chord, relative to the values; its message names a segment
            that breaks the verdict.

        Raises
        ------
        OperandError
            If there is no verdict to check, or ``trials`` is not a positive int.
        """
        if self.verdict == UNKNOWN:
            raise OperandError("there is no verdict to check: convexity is unknown")
        if not isinstance(trials, int) or trials < 1:
            raise OperandError(f"trials is a positive int, not {trials!r}")
        found, broken = [], ""
        for s in segments(self.function, self.wrt, trials, seed):
            wrong = breaks(s, self.verdict)
            found.append(Trial(s.sizes, s.seed, _error(s, self.verdict)))
            if wrong and not broken:
                broken = f"{self.function} is not {self.verdict} on a segment at {s}"
        if not found:
            return CheckReport(False, float("inf"), [], f"no segment was found on which {brief(self.function)} has values")
        return CheckReport(not broken, max(t.error for t in found), found, broken)


def _error(s: Segment, verdict: str) -> float:
    height = s.height
    if height != height:
        return float("inf")
    return max(0.0, -height if verdict == CONVEX else height) if verdict != AFFINE else abs(height)


def _in_text(condition: str) -> str:
    """A condition as LaTeX has it in running text."""
    return "".join({"_": r"\_", "^": r"\^{}", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$"}.get(c, c) for c in condition)


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
    found, complaint = prove(body, variables)
    if found is not None:
        kind, strict, fact = found
        return Convexity(kind, strict, numbered([fact]), conditions, "", body, variables)
    why, witness = refuted(body, variables, complaint)
    return Convexity(UNKNOWN, False, (), conditions, why, body, variables, witness)


def on_convex_set(w: Symbol) -> Symbol:
    """The variable without the attributes that do not describe a convex set."""
    facts = [f for f in w.facts if f not in NOT_CONVEX_SETS]
    return w if len(facts) == len(w.facts) else symbol(w.name, w.shape, facts)


def prove(e: Expr, variables: Sequence[Symbol]) -> tuple[tuple[str, bool, Fact] | None, str]:
    """The verdict, whether it is strict, and the fact; or what could not be shown."""
    prover = Prover()
    curves = Curvatures(variables, prover)
    forms = list(dict.fromkeys((e, *simplify_all([e, written_out(e)]))))
    best: Bend | None = None
    for form in forms:
        found = curves.of(form)
        if found is not None and found.is_affine:
            return (AFFINE, False, _about(e, form, found, variables)), ""
        if found is not None and (best is None or len(found.pins) > len(best.pins)):
            best = Bend(found.kind, _about(e, form, found, variables), found.pins)
    if best is not None and best.fact is not None and best.pins >= set(variables):
        return (best.kind, True, best.fact), ""
    second: SecondOrder | str = ""
    for form in forms[1:] or forms:
        second = second_order(form, variables, curves)
        if isinstance(second, SecondOrder):
            break
    if isinstance(second, SecondOrder):
        fact = (
            second.fact
            if second.fact.subject is e
            else Fact(e, second.fact.claim, "simplify", "the same function, simplified", (second.fact,))
        )
        if second.kind == AFFINE or best is None or second.strict:
            return (second.kind, second.strict, fact), ""
    if best is not None and best.fact is not None:
        return (best.kind, False, best.fact), ""
    return None, f"no rule of composition says how {curves.obstacle(forms[-1])} bends, and {second}"


def _about(e: Expr, form: Expr, found: Bend, variables: Sequence[Symbol]) -> Fact:
    """The fact about the function itself, where it was shown for a simplified form."""
    names = ", ".join(w.name for w in variables)
    fact = found.fact or Fact(form, AFFINE, CONSTANT, f"it does not depend on {names}")
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
        for c in node.conditions_here() if not _is_settled(node, prover) else ():
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


def refuted(e: Expr, variables: Sequence[Symbol], complaint: str) -> tuple[str, tuple[Segment, ...]]:
    """Why there is no verdict, with segments that show that there can be none."""
    below: Segment | None = None  # a chord below the function: not convex
    above: Segment | None = None
    for s in segments(e, variables, WITNESSES, 0):
        height = s.height
        if height != height:
            continue
        below = below or (s if height < -100 * TOLERANCE else None)
        above = above or (s if height > 100 * TOLERANCE else None)
        if below and above:
            break
    names = ", ".join(w.name for w in variables)
    if below and above:
        why = (
            f"neither convex nor concave in {names} for all values: the chord lies below the function at {below}; "
            f"above it at {above}"
        )
    elif below:
        why = f"not convex in {names}: the chord lies below the function at {below}; not shown to be concave: {complaint}"
    elif above:
        why = f"not concave in {names}: the chord lies above the function at {above}; not shown to be convex: {complaint}"
    else:
        why = complaint
    return why, tuple(s for s in (below, above) if s is not None)
