"""Random questions about derivatives, each the same for the same seed: an expression, what to ask, the sizes.

A question starts at one operator, in turn, so that every registered operator is asked about; what stands around
and below it is random. ``answer`` asks the engine, ``judged`` asks JAX along one random direction, which a wrong
derivative meets with certainty and which costs one evaluation.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from unittest import mock

import jax
import jax.numpy as jnp
import judge
import numpy as np
import scipy.special
import sympy as sp
from strategies import DIMS, Builder, kronecker, random_with

import matcalc as mc
from matcalc.dims import is_unit
from matcalc.expr import Expr, Number, Operator, Symbol, hadamard, matmul, substitute, symbol, transpose
from matcalc.node import postorder
from matcalc.ops import OPERATORS

KINDS = ("grad", "hessian", "mixed", "hvp", "vjp", "jvp", "jacobian", "vec")
OF_SCALARS = frozenset(KINDS[:4])
SIZES = (
    {"m": 3, "n": 4, "p": 2},
    {"m": 3, "n": 4, "p": 2},
    {"m": 2, "n": 3, "p": 4},
    {"m": 1, "n": 3, "p": 2},
    {"m": 2, "n": 1, "p": 3},
)
PLACED = frozenset({"Item", "UnitVector", "Slice"})  # need a second entry
UNASKED = frozenset({"Unstacked"})  # more than two axes: a result, not an operand
STACKING = frozenset({"Kron", "KhatriRao", "Vec", "Reshape", "Commutation", "Einsum", "HStack", "VStack"})
NODES = 45
SQUARE_FACTS = ("symmetric", "psd", "diagonal", "lower_triangular", "skew", "orthogonal", "invertible")
COLUMN_FACTS = ("positive", "unit", "simplex")
ASKED = tuple(sorted(name for name, cls in OPERATORS.items() if name not in UNASKED and issubclass(cls, Operator)))


class SweepBuilder(Builder):
    """The builder of well-shaped expressions, with some symbols that have facts."""

    def leaf(self, shape):
        rows, cols = shape
        if self.rng.random() < 0.12 and not is_unit(rows):
            tag = "".join(c for c in f"{rows}{cols}" if c.isalnum())
            if rows == cols:
                fact = self.rng.choice(SQUARE_FACTS)
                return symbol(f"F{SQUARE_FACTS.index(fact)}_{tag}", shape, (fact,))
            if is_unit(cols):
                fact = self.rng.choice(COLUMN_FACTS)
                return symbol(f"f{COLUMN_FACTS.index(fact)}_{tag}", (rows,), (fact,))
        return super().leaf(shape)


@dataclass(frozen=True)
class Question:
    """What is asked: ``kind`` of ``f`` by ``w`` (and ``w2``), at these sizes of the dimensions."""

    seed: int
    operator: str
    kind: str
    f: Expr
    w: Symbol
    w2: Symbol
    sizes: dict[str, int]

    def __str__(self):
        by = f"{self.w}, {self.w2}" if self.kind == "mixed" else str(self.w)
        return f"seed {self.seed}: {self.kind} of {self.f} by {by} at {self.sizes}"


def question(seed: int) -> Question:
    """The question of a seed."""
    rng = random.Random(f"sweep {seed}")
    operator = ASKED[seed % len(ASKED)]
    kind = KINDS[seed // len(ASKED) % len(KINDS)]
    for _ in range(1000):
        depth = rng.choice((1, 1, 2, 2, 2, 3, 3, 4, 5))
        if rng.random() < (0.5 if operator in STACKING else 0.05):
            f = kronecker(SweepBuilder(rng), rng.choice((0, 1, 1)))
        else:
            f = random_with(rng, operator, depth, SweepBuilder)
        if not f.symbols:
            f = hadamard(f, mc.sin(symbol(f"V_{tag(f)}", (f.rows, f.cols))))
        f = scalar(rng, f) if kind in OF_SCALARS else around(rng, f)
        sizes = SIZES[0] if PLACED & kinds_of(f) else rng.choice(SIZES)
        if rng.random() < 0.25:
            f = substitute(f, {}, numbers_for(sizes))
        variables = [s for s in f.symbols if not s.has("integer")]
        if variables and f.node_count() <= NODES:
            return Question(seed, operator, kind, f, rng.choice(variables), rng.choice(variables), sizes)
    raise AssertionError(f"no question of fewer than {NODES} nodes about {operator}")


def numbers_for(sizes):
    """Integer dimensions instead of symbolic ones."""
    table = {d: sizes[d.name] for d in DIMS}

    def number(d):
        return d if isinstance(d, int) else int(sp.sympify(d).subs(table))

    return number


def kinds_of(*roots):
    """The class names of the operators that occur."""
    return {type(e).__name__ for e in postorder(roots, lambda e: e.operands)}


def tag(e):
    """The shape of an expression inside a name."""
    return "".join(c for c in f"{e.rows}{e.cols}" if c.isalnum())


def scalar(rng, e):
    """A scalar function of an expression in which every entry counts differently."""
    if e.is_scalar:
        return rng.choice((e, e, mc.exp(Number(sp.Rational(1, 4)) * e), e * e, mc.sin(e)))
    kind = rng.randrange(6)
    if kind == 0 and e.is_square:
        return mc.tr(e)
    if kind == 1 and is_unit(e.cols):
        return matmul(transpose(symbol(f"u_{tag(e)}", (e.rows,))), e)
    if kind == 2:
        return mc.sum(hadamard(e, e))
    if kind == 3:
        return mc.sum(mc.sin(e))
    if kind == 4:
        return mc.log(mc.sum(mc.exp(e)))
    return mc.sum(hadamard(symbol(f"U_{tag(e)}", (e.rows, e.cols)), e))


def around(rng, e):
    """An expression as it is, or inside one more operator."""
    kind = rng.randrange(8)
    if kind == 0:
        return transpose(e)
    if kind == 1:
        return mc.tanh(e)
    if kind == 2 and not is_unit(e.cols):
        return matmul(e, symbol(f"v_{tag(e)}", (e.cols,)))
    if kind == 3:
        return hadamard(e, e)
    return e


# ------------------------------------------------------------------ the engine's answer
def upstream(q: Question) -> Symbol:
    """The symbol for a gradient by the value."""
    return Symbol("Gup", (q.f.rows, q.f.cols), ())


def direction(q: Question) -> Symbol:
    """The symbol for a change of the variable."""
    return Symbol("Ddir", q.w.dims, ())


def answer(q: Question) -> Expr:
    """What the engine says."""
    match q.kind:
        case "grad":
            return mc.grad(q.f, q.w)
        case "hessian":
            return mc.hessian(q.f, q.w, layout="tensor")
        case "mixed":
            return mc.hessian(q.f, q.w, q.w2, layout="tensor")
        case "hvp":
            return mc.hvp(q.f, q.w, direction(q))
        case "vjp":
            return mc.vjp(q.f, q.w, upstream(q))
        case "jvp":
            return mc.jvp(q.f, q.w, direction(q))
        case "jacobian":
            return mc.jacobian(q.f, q.w, layout="tensor")
        case _:
            return mc.jacobian(q.f, q.w, layout="vec")


def numbers(e, given, sizes):
    """What the compiled expression gives, axes as users see them."""
    call = mc.compile(e)
    known = {**sizes, **judge.FUNCTIONS, **judge.as_given(given, e)}
    with np.errstate(all="ignore"):
        return np.asarray(call(**{name: known[name] for name in call.names}))


def along(q: Question, array, given):
    """The engine's numbers along the direction that ``judged`` looks in."""
    step = np.asarray(given["Ddir2" if q.kind == "mixed" else "Ddir"])
    if q.kind in ("grad", "hvp", "vjp", "jvp"):
        return array.reshape(-1)
    if q.kind == "vec":
        out = array.reshape(-1, step.size) @ step.reshape(-1, order="F")
        shape = (judge.size(q.f.rows, q.sizes), judge.size(q.f.cols, q.sizes))
        return out.reshape(shape, order="F").reshape(-1)
    return array.reshape(-1, step.size) @ step.reshape(-1)


# ------------------------------------------------------------------ JAX's
def draw(q: Question, attempt: int = 0):
    """Values of everything that occurs."""
    w2 = Symbol("Ddir2", q.w2.dims, ())
    return judge.draw(q.f, q.seed % 10007 + 100_003 * attempt, q.sizes, extra=[q.w, q.w2, upstream(q), direction(q), w2])


def judged(q: Question, given):
    """What JAX says, along one direction where the answer is a Jacobian."""

    def value(name, w, g=given):
        return judge.value(q.f, {**g, name: w}, q.sizes)

    w = q.w.name
    match q.kind:
        case "grad":
            out = jax.grad(lambda x: value(w, x)[0, 0])(given[w])
        case "vjp":
            out = jax.grad(lambda x: jnp.sum(given["Gup"] * value(w, x)))(given[w])
        case "jvp" | "jacobian" | "vec":
            out = jax.jvp(lambda x: value(w, x), (given[w],), (given["Ddir"],))[1]
        case "mixed":
            w2 = q.w2.name
            if w == w2:
                return judged(replace(q, kind="hessian"), {**given, "Ddir": given["Ddir2"]})
            slope = lambda y: jax.grad(lambda x: value(w, x, {**given, w2: y})[0, 0])(given[w])  # noqa: E731
            out = jax.jvp(slope, (given[w2],), (given["Ddir2"],))[1]
        case _:
            out = jax.jvp(jax.grad(lambda x: value(w, x)[0, 0]), (given[w],), (given["Ddir"],))[1]
    return np.asarray(out).reshape(-1)


def by_differences(q: Question, given, step=1e-4):
    """The same by central differences, of values or of JAX's gradients, where JAX refuses or is in doubt."""
    name = (q.w2 if q.kind == "mixed" else q.w).name
    way = given["Ddir2" if q.kind == "mixed" else "Ddir"]

    def at(t):
        moved = {**given, name: given[name] + t * way}
        if q.kind in ("hessian", "mixed", "hvp"):
            return np.asarray(judge.gradient(q.f, moved, q.w.name, q.sizes))
        return np.asarray(judge.value(q.f, moved, q.sizes))

    if q.kind in ("grad", "vjp"):
        up = np.asarray(given["Gup"]) if q.kind == "vjp" else 1.0
        value = lambda x: float(np.sum(up * np.asarray(judge.value(q.f, {**given, name: jnp.asarray(x)}, q.sizes))))  # noqa: E731
        return judge.differences(value, np.asarray(given[name]), step).reshape(-1)
    return ((8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)).reshape(-1)


# ------------------------------------------------------------------ differences of NumPy's values
def loss_gradient(f):
    """The gradient of ``judge.loss``, by hand."""
    weights = 1 + np.arange(f.size).reshape(f.shape) / 7
    return weights * np.cos(weights * f) + f / 2


def largest(a):
    out = np.zeros(a.size)
    out[np.argmax(a)] = 1.0
    return out


def slope(f, points, directions):
    """The directional derivative in NumPy, by a step along the imaginary axis; the functions here are analytic."""
    (x,), (d,) = points, directions
    return None, np.imag(f(x + 1e-30j * d)) / 1e-30


def frechet(e, a, *directions):
    """A derivative in one direction by a complex step, further ones by the matrix twice as large [Higham, 2008]."""
    for k, d in enumerate(directions[:-1]):
        a = np.block([[a, d], [np.zeros_like(d), a]])
        directions = [*directions[: k + 1], *(np.kron(np.eye(2), x) for x in directions[k + 1 :])]
    out = judge.frechet(e.function, a, directions[-1])
    for _ in directions[:-1]:
        half = len(out) // 2
        out = out[:half, half:]
    return out


IN_NUMPY = {
    "jnp": np,
    "jsp": scipy,
    "jax": SimpleNamespace(
        nn=SimpleNamespace(
            relu=lambda a: np.maximum(a, 0.0),
            sigmoid=scipy.special.expit,
            softplus=lambda a: np.logaddexp(a, 0.0),
            silu=lambda a: a * scipy.special.expit(a),
            gelu=lambda a, approximate: a * scipy.special.ndtr(a),
            soft_sign=lambda a: a / (1 + np.abs(a)),
        ),
        lax=SimpleNamespace(slice_in_dim=lambda a, start, end, axis: a.take(range(start, end), axis)),
        jvp=slope,
    ),
}
BY_HAND = {"UnspecifiedGradient": lambda e, a: loss_gradient(a), "IsLargest": lambda e, a: largest(a), "Frechet": frechet}


@contextmanager
def in_numpy():
    """The judge's values by NumPy, which compiles nothing, instead of JAX."""
    with mock.patch.multiple(judge, **IN_NUMPY), mock.patch.dict(judge.TABLE, BY_HAND), np.errstate(all="ignore"):
        yield


def four_points(f, h):
    """The derivative at 0 of a function of one number, to fourth order."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def differences(q: Question, given):
    """The answer along directions by differences of values alone, and a function that takes the engine's there.

    A gradient or a product with a Hessian is paired with ``Ddir``, a vjp with it too; a Hessian with two directions.
    """
    way, other = (np.asarray(given[k]) for k in ("Ddir", "Ddir2"))
    w, w2 = q.w.name, q.w2.name

    def at(t, u=0.0, name2=w, way2=way):
        moved = {**given, w: given[w] + t * way}
        return judge.value(q.f, {**moved, name2: moved[name2] + u * way2}, q.sizes)

    given = {name: np.asarray(a) for name, a in given.items()}
    with in_numpy():
        if q.kind in ("jvp", "jacobian", "vec"):
            return four_points(at, 1e-4).reshape(-1), lambda got: got
        if q.kind in ("grad", "vjp"):
            up = np.asarray(given["Gup"]) if q.kind == "vjp" else 1.0
            return four_points(lambda t: np.sum(up * at(t)), 1e-4).reshape(-1), lambda got: [got @ way.reshape(-1)]
        name2, way2 = (w2, other) if q.kind == "mixed" else (w, way)
        second = four_points(lambda u: four_points(lambda t: at(t, u, name2, way2)[0, 0], 2e-3), 2e-3)
        return np.reshape(second, -1), lambda got: [got @ way.reshape(-1)]


# ------------------------------------------------------------------ points where everything is smooth
def smooth_at(f, given, sizes):
    """Whether no operator stands at a kink, a pole, or where eigenvalues meet."""
    given = {name: np.asarray(a) for name, a in given.items()}
    known = {}
    with in_numpy():
        for node in postorder([f], lambda e: e.operands):
            args = [known[c] for c in node.operands]
            test = SMOOTH.get(type(node).__name__)
            try:
                out = np.asarray(judge.evaluate(node, args, given, sizes))
                smooth = test is None or test(*args)
            except np.linalg.LinAlgError:
                return False
            if not smooth or not np.all(np.isfinite(out)) or np.max(np.abs(out), initial=0.0) > 1e4:
                return False
            known[node] = out
    return True


def apart(values, gap=1e-3):
    """Whether no two of these agree."""
    return bool(np.all(np.diff(np.sort(np.ravel(values))) > gap))


def off_zero(a):
    return bool(np.all(np.abs(a) > 1e-4))


def spectrum(a):
    return np.linalg.eigvalsh((a + a.T) / 2)


def singular(a):
    return np.linalg.svd(a, compute_uv=False)


def regular(a):
    return bool(singular(a)[-1] > 1e-2 and singular(a)[0] < 1e3)


def full_rank(a):
    return regular(a) and apart(singular(a))


def right_half(a):
    return bool(np.all(np.linalg.eigvals(a).real > 1e-2)) and regular(a)


SMOOTH = {
    "Abs": off_zero,
    "Sign": off_zero,
    "Step": off_zero,
    "Relu": off_zero,
    "Norm1": off_zero,
    "Where": lambda a, b, c: off_zero(a),
    "Maximum": lambda a, b: off_zero(a - b),
    "Minimum": lambda a, b: off_zero(a - b),
    "Norm2": lambda a: bool(np.linalg.norm(a) > 1e-2),
    "NormF": lambda a: bool(np.linalg.norm(a) > 1e-2),
    "NormInf": lambda a: apart(np.abs(a)) and off_zero(a),
    "IsLargest": apart,
    "Tan": lambda a: bool(np.all(np.abs(np.cos(a)) > 1e-2)),
    "Quotient": lambda a, b: bool(np.all(np.abs(b) > 1e-2)),
    "Prod": off_zero,
    "ProdOthers": off_zero,
    "Nuclear": full_rank,
    "Polar": full_rank,
    "Pinv": full_rank,
    "Spectral": full_rank,
    "EigMax": lambda a: apart(spectrum(a)),
    "EigMin": lambda a: apart(spectrum(a)),
    "EigVecMax": lambda a: apart(spectrum(a)),
    "EigVecMin": lambda a: apart(spectrum(a)),
    "Inverse": regular,
    "Adjugate": regular,
    "Det": regular,
    "LogDet": regular,
    "MatrixPower": lambda a, k: regular(a),
    "Logm": right_half,
    "Sqrtm": right_half,
}
