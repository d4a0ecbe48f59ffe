"""Stationary points in closed form: the gradient set to zero and solved, with multipliers for affine constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from matcalc.calculus import scalar_function, steepest, targets_of
from matcalc.conjugates import is_real
from matcalc.curvature.prover import is_psd
from matcalc.derivations.variables import free_name
from matcalc.dims import same_dim, shape_text
from matcalc.errors import OperandError, ShapeError, UnsupportedError
from matcalc.expr import (
    Expr,
    GradientSymbol,
    Let,
    Symbol,
    add,
    as_expr,
    brief,
    hadamard,
    named_shape,
    rational,
    substitute,
    symbol,
)
from matcalc.node import postorder
from matcalc.ops.reductions import total
from matcalc.ops.structure import Diag, Zeros
from matcalc.sampling import SMALL_SIZES
from matcalc.simplify import simplify_all
from matcalc.solving.elimination import eliminated
from matcalc.solving.equations import Equation, NotLinear, Unsolved, Working, apart, equals_zero, minus, simplified
from matcalc.solving.linear_terms import affine
from matcalc.solving.solution_conditions import conditions_at, positive, weakest
from matcalc.solving.solve_equation import obstacle
from matcalc.solving.stationary_point import Stationary
from matcalc.solving.verdicts import Question, verdict
from matcalc.structure import restructured

REFUSED = ("integer", "orthogonal", "unit", "simplex", "toeplitz", "lower_triangular", "zero_diagonal")
HINTS = {"simplex": ": declare it positive, and give sum(x) - 1 to subject_to"}
PROBED = 1e-5  # how small slopes must be there, relative to those nearby
ENOUGH = 2  # random points at which a solution is tried
PROBES = 4  # seeds that such points are looked for with


def stationary(f: object, x: object, *, subject_to: object = None) -> Stationary:
    """Where the gradient of a scalar function is zero, in closed form.

    The equation is solved where it is linear in the unknown, or becomes so by undoing functions of it: normal equations,
    Sylvester equations, covariances of Gaussian likelihoods, distributions of largest entropy.

    Parameters
    ----------
    f : Expr, scalar
    x : Symbol, str, or a list or dict of them
        The unknowns. One that is declared symmetric, skew, diagonal or psd stays so.
    subject_to : Expr, pair of Expr, or a list of them, optional
        Constraints that are affine in the unknowns: each expression is zero, or the two of a pair are equal.

    Returns
    -------
    Stationary
        With ``.solution``, ``.multipliers``, ``.conditions``, ``.verdict``, ``.why``, ``.equation``, ``.steps`` and
        ``.check()``.

    Raises
    ------
    UnsupportedError
        If there is no closed form here, or the equation does not determine the unknown; the message says why.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b, c = mc.symbols("A[m,n] x[n] b[m] c(positive)")
    >>> found = mc.stationary(mc.norm2(A @ x - b) ** 2 + c * mc.norm2(x) ** 2, x)
    >>> found.solution, found.verdict
    (inv(A'*A + c*eye(n))*A'*b, 'minimum')
    >>> mc.stationary(mc.norm2(x) ** 2, x, subject_to=A @ x - b).solution
    pinv(A)*b
    """
    e = scalar_function(f, "stationary")
    unknowns = targets_of(e, x)
    if len(set(unknowns)) < len(unknowns):
        raise OperandError(f"an unknown is given twice among {', '.join(w.name for w in unknowns)}")
    constraints = read_constraints(subject_to)
    function, *conditions = without_names([e, *constraints])
    if not is_real(function):
        raise OperandError(f"stationary needs a real function, but {brief(e)} is not known to be real: take real(f)")
    for w in unknowns:
        require_supported(w)
    problem = Problem(function, unknowns, conditions)
    found = problem.solve()
    several = isinstance(x, (list, tuple, Mapping))
    keys = list(x) if isinstance(x, Mapping) else [w.name for w in unknowns]
    values = {w: found[w] for w in unknowns}
    return problem.result(e, values, found, dict(zip(keys, values.values(), strict=True)) if several else values[unknowns[0]])


def read_constraints(subject_to: object) -> list[Expr]:
    """Constraints as expressions that are zero."""
    if subject_to is None:
        return []
    items = list(subject_to) if isinstance(subject_to, list) else [subject_to]
    return [_constraint(c) for c in items]


def _constraint(c: object) -> Expr:
    if not isinstance(c, tuple):
        return as_expr(c)
    if len(c) != 2:
        raise OperandError(f"a constraint is an expression or a pair of them, not {len(c)} of them")
    left, right = as_expr(c[0]), as_expr(c[1])
    if not (same_dim(left.rows, right.rows) and same_dim(left.cols, right.cols)) and not right.is_scalar:
        raise ShapeError(f"the sides of a constraint differ in shape: {named_shape(left)} and {named_shape(right)}")
    return minus(left, right)


def without_names(roots: Sequence[Expr]) -> list[Expr]:
    """Expressions with what ``let`` named written out."""
    done: dict[Expr, Expr] = {}
    for node in postorder(roots, lambda e: e.operands):
        if isinstance(node, Let):
            done[node] = done[node.arg]
        else:
            done[node] = node.rebuild([done[c] for c in node.operands]) if node.operands else node
    return [done[r] for r in roots]


def require_supported(w: Symbol) -> None:
    """Refuse an unknown with a structure that the projected gradient does not stay in, or that is curved."""
    refused = [fact for fact in REFUSED if fact in w.facts]
    if refused:
        raise UnsupportedError(
            f"the unknown {w.name} is declared {refused[0]}, which is not supported here{HINTS.get(refused[0], '')}"
        )
    if len(w.shape) > 2:
        raise UnsupportedError(f"the unknown {w.name} has {len(w.shape)} axes; scalars, vectors and matrices are supported")


class Problem:
    """A function, its unknowns and constraints; a diagonal unknown is ``diag(s)`` for a vector ``s`` of its own."""

    def __init__(self, function: Expr, unknowns: Sequence[Symbol], constraints: Sequence[Expr]) -> None:
        self.function = function
        self.unknowns = list(unknowns)
        self.constraints = list(constraints)
        taken = {s.name for e in (function, *constraints, *unknowns) for s in e.symbols}
        for c in constraints:
            if not any(w in c.symbols for w in unknowns):
                raise OperandError(f"the constraint {brief(c)} = 0 does not hold {' or '.join(w.name for w in unknowns)}")
        self.multipliers = [self._multiplier(c, k, taken) for k, c in enumerate(constraints, 1)]
        terms = [total(hadamard(s, c)) for s, c in zip(self.multipliers, constraints, strict=True)]
        self.lagrangian = add(function, *terms)
        self.meaning: dict[Expr, Expr] = {}
        self.free: list[Symbol] = []
        for w in unknowns:
            if w.has("diagonal") and not w.is_scalar:
                facts = ["positive"] if w.has("psd") or w.has("positive") else []
                s = symbol(free_name(self.lagrangian, f"{w.name.lower()}", taken), (w.rows,), facts)
                taken.add(s.name)
                self.meaning[w] = Diag(s)
                self.free.append(s)
            else:
                self.free.append(w)
        self.working = Working()
        self.require_affine()

    def _multiplier(self, c: Expr, k: int, taken: set[str]) -> Symbol:
        name = free_name(c, "lambda" if len(self.constraints) == 1 else f"lambda{k}", taken)
        taken.add(name)
        return symbol(name, (c.rows, c.cols))

    def require_affine(self) -> None:
        """Refuse constraints that are not affine in the unknowns together."""
        for c in self.constraints:
            for w, s in zip(self.unknowns, self.free, strict=True):
                here = substitute(c, self.meaning)
                if s not in here.symbols:
                    continue
                try:
                    found = affine(here, s)
                except Unsolved:
                    continue
                if found is None or any(other is not s and other in found.left.symbols for other in self.free):
                    raise UnsupportedError(f"the constraint {brief(c)} = 0 is not affine in {w.name}: {obstacle(here, s)}")

    # -------------------------------------------------------------- solving
    def solve(self) -> dict[Symbol, Expr]:
        """The values of unknowns and multipliers.

        Raises
        ------
        UnsupportedError
            If there is no way here.
        """
        whole = substitute(self.lagrangian, self.meaning)
        gradients = steepest(whole, self.free)
        self.gradients = simplify_all([restructured(g, s, "projected") for g, s in zip(gradients, self.free, strict=True)])
        self.equations = {w: equals_zero(g) for w, g in zip(self.unknowns, self.gradients, strict=True)}
        constraints = [substitute(c, self.meaning) for c in self.constraints]
        name = "f" if not self.constraints else "L"
        why = (
            "the derivative is zero"
            if not self.constraints
            else "the derivative of f plus multipliers times constraints is zero"
        )
        for s, g in zip(self.free, self.gradients, strict=True):
            slope = GradientSymbol(f"d{name}/d{s.name}", (g.rows, g.cols), (), name, s.name)
            self.working.step("gradient", why, equals_zero(slope), equals_zero(g))
        try:
            self._require_dependence()
            found = eliminated(
                [*by_size(self.free), *self.multipliers],
                [*(self.gradients[self.free.index(s)] for s in by_size(self.free)), *constraints],
                self.working,
            )
        except Unsolved as reason:
            raise UnsupportedError(f"no stationary point of {brief(self.function)} is found: {self._told(reason)}") from None
        for w, s in zip(self.unknowns, self.free, strict=True):
            if w in self.meaning:
                diagonal = simplified(substitute(self.meaning[w], {s: found[s]}))
                self.working.step("diagonal", "the vector is the diagonal", Equation(s, found[s]), Equation(w, diagonal))
                found[w] = diagonal
        return found

    def _require_dependence(self) -> None:
        free = set(self.free)
        for s, g in zip(self.free, self.gradients, strict=True):
            if isinstance(g, Zeros) or rational(g) == 0:
                raise Unsolved(f"the gradient by {s.name} is zero everywhere, so every {s.name} is stationary")
            if not free & set(g.symbols):
                raise Unsolved(f"the gradient by {s.name} is {brief(g)}, which does not depend on {s.name}")

    def _told(self, reason: Unsolved) -> str:
        """A reason in terms of what was asked."""
        if isinstance(reason, NotLinear) and len(self.free) == 1:
            (s,), (g,) = self.free, self.gradients
            if affine_or_none(g, s) is None:
                return f"the gradient is not linear in {s.name}: {obstacle(g, s)}"
        return str(reason)

    # -------------------------------------------------------------- the answer
    def result(
        self, given: Expr, values: dict[Symbol, Expr], found: dict[Symbol, Expr], solution: Expr | dict[str, Expr]
    ) -> Stationary:
        """The stationary point with its conditions and its verdict, judged by numbers first."""
        put_in: dict[Expr, Expr] = dict(found.items())
        for w, value in values.items():
            self.require_structure(w, value)
        needed = [simplified(substitute(c, put_in)) for c in self.working.not_negative]
        signs = [c.removesuffix(" positive") for e in needed for c in positive(e)]
        conditions = [*self.working.conditions, *(f"{c} not negative" for c in signs)]
        conditions += conditions_at([self.function, *self.gradients], put_in)
        for value in values.values():
            conditions += conditions_at([value], {})
        question = Question(
            simplified(substitute(self.function, self.meaning)),
            tuple(self.free),
            {s: found[s] for s in self.free},
            tuple(self.working.eliminated),
            bool(self.constraints),
        )
        kind, why = verdict(question)
        answer = Stationary(
            function=given,
            constraints=tuple(self.constraints),
            lagrangian=self.lagrangian,
            values=values,
            multiplier_values={s: found[s] for s in self.multipliers},
            equations=self.equations,
            solution=solution,
            conditions=weakest(conditions),
            verdict=kind,
            why=why,
            steps=tuple(self.working.steps),
            not_negative=tuple(needed),
        )
        self.require_numbers(answer)
        return answer

    def require_structure(self, w: Symbol, value: Expr) -> None:
        """Refuse a value that has not the shape of its unknown, and note what must hold for its structure."""
        if not (same_dim(value.rows, w.rows) and same_dim(value.cols, w.cols)):
            raise AssertionError(f"{w.name} came out {shape_text((value.rows, value.cols))}")
        if w.has("positive"):
            self.working.assume(*positive(value))
        if w.has("psd"):
            body = apart(value)[1] if all(a.sign == 2 for side in apart(value)[::2] for a in side) else value
            proof = is_psd(body)
            if proof is None or proof.claim != "pd":
                self.working.assume(f"{brief(body)} positive definite")

    def require_numbers(self, answer: Stationary) -> None:
        """Refuse a solution that stands at no random point where the function is smooth, or does not make it stationary."""
        found = (t for seed in range(PROBES) if (t := answer.trial(seed, SMALL_SIZES)) is not None)
        trials = list(islice(found, ENOUGH))
        if trials and all(t.error <= PROBED for t in trials):
            return
        candidates = ", ".join(f"{w.name} = {brief(value)}" for w, value in answer.values.items())
        trouble = (
            "is outside the domain, or where the function is not smooth, at every random point"
            if not trials
            else "has not the structure that is declared, or does not make the gradient zero"
        )
        raise UnsupportedError(f"no stationary point of {brief(self.function)} is found: the candidate {candidates} {trouble}")


def affine_or_none(g: Expr, s: Symbol) -> object:
    """The linear equation, if it is one; something else than None where it does not determine the unknown."""
    try:
        return affine(g, s)
    except Unsolved:
        return True


def by_size(unknowns: Sequence[Symbol]) -> list[Symbol]:
    """Scalars first, then vectors, then matrices: what is eliminated first is written out least."""
    return sorted(unknowns, key=lambda s: len(s.shape))
