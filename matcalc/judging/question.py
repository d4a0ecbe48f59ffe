"""What an answer is an answer to: a derivative of some kind, with its truth in formulas and its truth in differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matcalc.calculus import grad, vjp
from matcalc.dims import Dim, is_unit, same_dim
from matcalc.emit import compile_plainly
from matcalc.expr import Expr, Symbol, substitute
from matcalc.jacobian import hessian, hvp, jacobian, jvp
from matcalc.judging.points import value_at
from matcalc.judging.slopes import laid_out, laid_out_shape, np_array, steady_jacobian
from matcalc.judging.words import dims_text
from matcalc.node import postorder
from matcalc.sampling import (
    ATTEMPTS,
    INVERTING,
    Point,
    draw_point,
    is_regular,
    is_steady,
    require_seed,
    steady_gradient,
    usable_points,
)

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NOUNS = {
    "grad": "gradient", "jacobian": "Jacobian", "hessian": "Hessian", "vjp": "vector-Jacobian product",
    "jvp": "Jacobian-vector product", "hvp": "Hessian-vector product",
}  # fmt: skip
KINDS = tuple(NOUNS)
STRUCTURED_KINDS = ("grad", "jacobian", "hessian")


@dataclass(frozen=True, eq=False)
class Question:
    """The derivative of ``f`` by ``w`` that was asked for; ``along`` is the upstream gradient, tangent or direction."""

    kind: str
    f: Expr
    w: Symbol
    layout: str = "numerator"
    along: Expr | None = None

    @property
    def noun(self) -> str:
        """What the answer is called."""
        return NOUNS[self.kind]

    @property
    def what(self) -> str:
        """The question in words, such as ``the gradient of x'*A*x by x``."""
        along = f" along {self.along}" if self.along is not None else ""
        layout = f" in layout {self.layout!r}" if self.kind in ("jacobian", "hessian") and self.layout != "numerator" else ""
        return f"the {self.noun} of {self.f} by {self.w.name}{along}{layout}"

    @property
    def of(self) -> Expr:
        """What has the shape of the rows of the derivative: ``f``, or of a Hessian the gradient."""
        return self.w if self.kind in ("hessian", "hvp") else self.f

    @property
    def roots(self) -> list[Expr]:
        """What a point must have values for."""
        return [self.f, self.w, *([] if self.along is None else [self.along])]

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The shape of the right answer."""
        if self.kind in ("jacobian", "hessian"):
            return laid_out_shape(self.of, self.w, self.layout, twice=self.kind == "hessian")
        return self.f.shape if self.kind == "jvp" else self.w.shape

    @property
    def shape_words(self) -> str:
        """The shape of the right answer as messages print it."""
        shape = self.shape
        return dims_text((*shape, 1) if len(shape) == 1 else shape) or "a scalar"

    def fits(self, claim: Expr) -> bool:
        """Whether an answer has the right shape; of an array with more than two axes, axes of length 1 may be left out."""
        wanted, given = self.shape, claim.shape
        if len(wanted) > 2:
            wanted, given = (tuple(d for d in s if not is_unit(d)) for s in (wanted, given))
        return len(wanted) == len(given) and all(map(same_dim, wanted, given))

    def truth(self, structure: str = "ambient", layout: str | None = None) -> Expr:
        """The right answer, as matcalc derives it.

        Raises
        ------
        UnsupportedError
            If there is none.
        """
        found: object
        match self.kind:
            case "grad":
                found = grad(self.f, self.w, structure=structure)
            case "jacobian":
                found = jacobian(self.f, self.w, layout=layout or self.layout, structure=structure)
            case "hessian":
                found = hessian(self.f, self.w, layout=layout or self.layout, structure=structure)
            case "vjp":
                found = vjp(self.f, self.w, self.along)
            case "jvp":
                found = jvp(self.f, self.w, self.along)
            case _:
                found = hvp(self.f, self.w, self.along)
        assert isinstance(found, Expr)
        return found

    # -------------------------------------------------------------- by differences
    def measured(self, roots: Sequence[Expr], trials: int, seed: int) -> Iterator[tuple[Point, Array]]:
        """Points, one a trial, with the answer there by differences of the function."""
        if self.kind == "grad":
            yield from usable_points(self.f, self.w, roots, trials, seed)
            return
        require_seed(seed)
        find = self._slopes(roots)
        for k in range(trials):
            for attempt in range(ATTEMPTS):
                point = draw_point([*self.roots, *roots], seed + k, attempt)
                slopes = find(point)
                if slopes is not None:
                    yield point, self._answer(slopes, point)
                    break

    def _slopes(self, roots: Sequence[Expr]) -> Callable[[Point], Array | None]:
        """What gives, at a point, all derivatives of ``of`` by ``w`` by differences; None where they are not steady.

        A Hessian is the differences of a gradient that is itself compared with differences there.
        """
        free = self.w.free
        f = substitute(self.f, {self.w: free})
        call = compile_plainly(f)
        gradient = compile_plainly(grad(f, free)) if self.kind in ("hessian", "hvp") else None
        inverted = [n.operands[0] for n in postorder([self.f, *roots], lambda e: e.operands) if isinstance(n, INVERTING)]
        inverses = compile_plainly(inverted)

        def find(point: Point) -> Array | None:
            if inverted and not is_regular(inverses, point):
                return None
            if gradient is None:
                return steady_jacobian(call, free, point)
            first, known = steady_gradient(call, free, point), value_at(gradient, point.given)
            if first is None or known is None or not is_steady(np_array(known).reshape(first.shape), first, 1e-3):
                return None
            return steady_jacobian(gradient, free, point)

        return find

    def _answer(self, slopes: Array, point: Point) -> Array:
        """The answer, from the array of all derivatives."""
        import numpy as np

        if self.kind in ("jacobian", "hessian"):
            return laid_out(slopes, self.of, self.w, self.layout, twice=self.kind == "hessian")
        assert self.along is not None
        along = np_array(value_at(compile_plainly(self.along), point.given))
        axes = self.of.ndim
        if self.kind == "vjp":
            return np.asarray(np.tensordot(along, slopes, (list(range(axes)), list(range(axes)))))
        return np.asarray(np.tensordot(slopes, along, (list(range(axes, slopes.ndim)), list(range(along.ndim)))))
