"""What a self-checking file holds, before it is written in any language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, islice, permutations
from typing import Any

from matcalc.calculus import grad, targets_of, vjp
from matcalc.conjugates import is_real
from matcalc.dims import DimSymbol
from matcalc.emit import compile as compile_expr
from matcalc.errors import MatcalcError, OperandError
from matcalc.expr import Expr, Symbol, as_expr, brief, symbol
from matcalc.functions import FUNCTIONS
from matcalc.jacobian import hessian as hessian_of
from matcalc.names import Named
from matcalc.node import postorder
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient
from matcalc.sampling import (
    INVERTING,
    SCALES,
    Point,
    draw_symbol,
    is_regular,
    least_sizes,
    size_of,
    unspecified_functions,
)

SIZES = (4, 3, 5, 2)  # of the random data, distinct, so that a missing transpose cannot hide; then 6, 7, ...
ORDERS = 12  # of the sizes
ZERO = 1e-8  # what is smaller is taken for rounding
DRAWS = 3  # points at which a way to draw data is tried


@dataclass(frozen=True)
class Recipe:
    """How the numbers of the random data are drawn: of both signs, or all positive; and how large they are."""

    scale: float = 1.0
    positive: bool = False


RECIPES = tuple(Recipe(scale, positive) for positive in (False, True) for scale in SCALES)


@dataclass(frozen=True)
class Function:
    """A function of the file: what its name ends in, what it returns, under which names, and what that is in words."""

    suffix: str
    outputs: tuple[Expr, ...]
    results: tuple[str, ...]
    summary: str

    @property
    def single(self) -> bool:
        """Whether it returns one thing, and no tuple."""
        return len(self.outputs) == 1


@dataclass
class Contents:
    """A function with its derivatives, and what it takes to check them.

    Attributes
    ----------
    name : str
        What the user calls the function.
    f : Expr
    wrt : list of Symbol
        What the derivatives are by.
    derivatives : list of Expr
        Gradients of a real scalar; else of ``sum(G .* f)``, where ``G`` is ``upstream``.
    hessians : list of Expr
        By each of ``wrt`` twice, if they were asked for.
    left_out : list of str
        Why there is no derivative by other symbols.
    sizes : dict of DimSymbol to int
    recipe : Recipe
    """

    name: str
    f: Expr
    wrt: list[Symbol]
    upstream: Symbol | None = None
    derivatives: list[Expr] = field(default_factory=list)
    hessians: list[Expr] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    sizes: dict[DimSymbol, int] = field(default_factory=dict)
    recipe: Recipe = Recipe()

    @property
    def outputs(self) -> list[Expr]:
        """Everything that the file computes."""
        return [self.f, *self.derivatives, *self.hessians]

    @property
    def functions(self) -> list[Function]:
        """The functions of the file, the value first."""
        names = ", ".join(w.name for w in self.wrt)
        slopes = ("value", *(f"d{w.name}" for w in self.wrt))
        found = [Function("", (self.f,), ("value",), f"The value of {self.name}.")]
        if self.derivatives and self.upstream is None:
            summary = f"The value of {self.name} and its gradient by {names}."
            found.append(Function("_and_gradient", (self.f, *self.derivatives), slopes, summary))
        elif self.derivatives:
            summary = f"The value of {self.name}, and the gradient of {self.paired} by {names}."
            found.append(Function("_and_vjp", (self.f, *self.derivatives), slopes, summary))
        if self.hessians:
            what = "Hessian" if len(self.wrt) == 1 else "Hessians"
            summary = f"The {what} of {self.name} by {'' if len(self.wrt) == 1 else 'each of '}{names}."
            found.append(Function("_hessian", tuple(self.hessians), tuple(f"H_{w.name}" for w in self.wrt), summary))
        return found

    @cached_property
    def unspecified(self) -> dict[str, tuple[str, bool]]:
        """The unspecified functions that the code calls: whose each is, and whether it is its gradient."""
        found: dict[str, tuple[str, bool]] = {}
        for e in postorder(self.outputs, lambda e: e.operands):
            if isinstance(e, (Unspecified, UnspecifiedGradient)):
                slope = isinstance(e, UnspecifiedGradient)
                called = f"d{e.function}" if slope else e.function
                if found.setdefault(called, (e.function, slope)) != (e.function, slope):
                    raise OperandError(f"{called} is a function and the gradient of {called[1:]}: rename one of them")
        return dict(sorted(found.items()))

    def shift(self, name: str) -> float:
        """A number that tells an unspecified function from others, the same for its gradient."""
        return round(0.1 * (1 + sorted({base for base, _ in self.unspecified.values()}).index(self.unspecified[name][0])), 1)

    @property
    def paired(self) -> str:
        """What a vector-Jacobian product is the gradient of."""
        g = self.upstream.name if self.upstream is not None else ""
        return f"sum({g} .* {self.name})" if self.is_real else f"real(sum(conj({g}) .* {self.name}))"

    @property
    def is_real(self) -> bool:
        """Whether the upstream gradient is that of a real function."""
        return self.upstream is None or not self.upstream.is_complex

    @property
    def is_complex(self) -> bool:
        """Whether a symbol is complex, or a result."""
        return any(s.is_complex for e in self.outputs for s in e.symbols) or any(e.is_complex for e in self.outputs)


def contents_of(e: object, name: str, wrt: object, *, hessian: bool) -> Contents:
    """What the file for an expression holds; see ``to_code``."""
    f = as_expr(e.body if isinstance(e, Named) and isinstance(e.body, Expr) else e)
    real = is_real(f)
    if hessian and not (f.is_scalar and real):
        kind = "not known to be real" if f.is_scalar else "no scalar"
        raise OperandError(f"a Hessian is of a real scalar function, and {brief(f)} is {kind}")
    asked = None if wrt is None else targets_of(f, wrt)
    candidates = asked if asked is not None else sorted((s for s in f.symbols if not s.has("integer")), key=lambda s: s.name)
    out = Contents(name, f, [])
    if not (f.is_scalar and real):
        taken = {s.name for s in f.symbols}
        free = next(n for n in (f"G{k or ''}" for k in count()) if n not in taken)
        out.upstream = symbol(free, () if f.is_scalar else f.shape, () if real else ("complex",))
    for w in candidates:
        try:
            slope = derivative(f, w, out.upstream, real=real)
            second = [hessian_of(f, w)] if hessian else []
        except MatcalcError as error:
            if asked is not None:
                raise
            out.left_out.append(f"no derivative by {w.name}: {str(error).splitlines()[0]}")
            continue
        out.wrt.append(w)
        out.derivatives.append(slope)
        out.hessians += second  # type: ignore[arg-type]
    if not out.wrt:
        out.upstream = None
        out.left_out.extend([] if out.left_out else ["no derivative: there is no variable to take one by"])
    out.sizes, out.recipe = usable_data(out)
    return out


def derivative(f: Expr, w: Symbol, upstream: Symbol | None, *, real: bool) -> Expr:
    """The gradient of a real scalar; else of ``sum(G .* f)``, or of ``real(sum(conj(G) .* f))`` where ``f`` is complex."""
    found: Any
    if upstream is None:
        found = grad(f, w)
    elif real and not w.is_complex:
        found = vjp(f, w, upstream)
    else:
        conj, product, total, part = (FUNCTIONS[n].public() for n in ("conj", "multiply", "sum", "real"))
        found = grad(part(total(product(conj(upstream), f))), w)
    assert isinstance(found, Expr)
    return found


def usable_data(contents: Contents) -> tuple[dict[DimSymbol, int], Recipe]:
    """The first sizes and the first way to draw data at which everything is finite, as often as any."""
    outputs = contents.outputs
    call = compile_expr(outputs)
    inverses = compile_expr([e.operands[0] for e in postorder(outputs, lambda e: e.operands) if isinstance(e, INVERTING)])
    best, most = (next(sizes_to_try(contents)), RECIPES[0]), 0
    for sizes in sizes_to_try(contents):
        for recipe in RECIPES:
            good = sum(quality(call, inverses, random_point(contents, sizes, recipe, seed)) for seed in range(DRAWS))
            if good > most:
                best, most = (sizes, recipe), good
            if good == 2 * DRAWS:
                return best
    return best


def sizes_to_try(contents: Contents) -> Iterator[dict[DimSymbol, int]]:
    """Small sizes for the symbolic dimensions, all of them different where the expression allows it; then other orders."""
    least = least_sizes([*contents.outputs, *contents.wrt])
    dims = sorted(least, key=str)
    numbers = [*SIZES, *range(6, 2 + len(dims))][: len(dims)]
    for order in islice(permutations(numbers), ORDERS):
        yield {d: max(least[d], n) for d, n in zip(dims, order, strict=True)}


def random_point(contents: Contents, sizes: dict[DimSymbol, int], recipe: Recipe, seed: int) -> Point:
    """A value for everything that the outputs hold."""
    import numpy as np

    rng = np.random.default_rng(seed)
    symbols = {s.name: s for e in contents.outputs for s in e.symbols}
    values = {
        name: draw_symbol(s, [size_of(d, sizes) for d in s.shape], rng, recipe.scale, recipe.positive)
        for name, s in sorted(symbols.items())
    }
    return Point(sizes, values, unspecified_functions(contents.outputs, seed), seed)


def quality(call: Any, inverses: Any, point: Point) -> int:
    """Whether everything is a number at a point, and far from where it is not: 0 or 1; 2 if a derivative is not zero."""
    import numpy as np

    if not is_regular(inverses, point):
        return 0
    with np.errstate(all="ignore"):
        try:
            value, *derivatives = call(**{n: v for n, v in point.given.items() if n in call.names})
        except (ArithmeticError, ValueError):  # such as a matrix that has no factors
            return 0
    if not all(bool(np.all(np.isfinite(r))) for r in (value, *derivatives)):
        return 0
    return 1 + any(float(np.max(np.abs(d), initial=0.0)) > ZERO for d in derivatives)
