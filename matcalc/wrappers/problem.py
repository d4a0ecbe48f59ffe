"""``scipy_problem``: a scalar function as ``scipy.optimize`` wants it, with derived gradients and Hessians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

from matcalc.calculus import grad, scalar_function, targets_of
from matcalc.conjugates import has_complex, is_real
from matcalc.dims import Dim, DimSymbol
from matcalc.emit import Compiled
from matcalc.emit import compile as compile_expr
from matcalc.errors import OperandError, ShapeError, UnsupportedError
from matcalc.expr import Expr, Symbol, brief, substitute, symbol
from matcalc.jacobian import hessian, hvp
from matcalc.node import postorder
from matcalc.structure import require_structure
from matcalc.wrappers.fitting import Extents, axes_of, by_name, fitted, read_sizes, shape_of, size_of, unknown_in
from matcalc.wrappers.ravelling import Layout, curvature_of, structure_of, vector_of


def scipy_problem(f: object, wrt: object, data: Mapping[Any, Any] | None = None, *, structure: str = "projected") -> Problem:
    """A function to minimise, its gradient, Hessian and Hessian-vector product, of one vector of numbers.

    Parameters
    ----------
    f : Expr, scalar
        What is minimised; it must be real.
    wrt : Symbol, str, or a list or dict of them
        The variables. The vector holds their arrays one after another, each in C order.
    data : mapping of names or symbols to arrays, optional
        Every other symbol of ``f``; an unspecified function and its derivatives by name; a dimension by name where no
        array shows it.
    structure : {"projected", "independent", "ambient"}
        For a variable declared symmetric, diagonal, skew, lower triangular or Toeplitz. ``"projected"``: the vector holds
        all entries, and the function is that of the nearest array with the structure; gradient and Hessian are
        projected likewise. ``"independent"``: the vector holds the free entries only, each where the last of the
        entries tied to it stands (of a symmetric matrix those on and below the diagonal, row after row).
        ``"ambient"``: every entry is free, as if nothing were declared. A variable declared orthogonal, unit or simplex
        is always taken as ambient: the optimiser has to be told of such a constraint.

    Returns
    -------
    Problem
        With ``.fun .jac .hess .hessp .fun_and_jac .ravel .unravel .bounds``; each is derived and compiled when it is
        first used.

    Raises
    ------
    ShapeError
        If ``f`` is not scalar, or the arrays do not fit.
    OperandError
        If data is missing, or names what does not occur.
    UnsupportedError
        If ``f`` or a variable is complex, or a structure has no independent entries.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> data = {"A": [[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]], "b": [1.0, 1.0, 1.0]}
    >>> problem = mc.scipy_problem(mc.norm2(A @ x - b) ** 2, x, data)
    >>> problem.jac([0.0, 0.0])
    array([-2., -4.])
    >>> problem.hess([0.0, 0.0])
    array([[2., 0.],
           [0., 8.]])
    """
    return Problem(f, wrt, {} if data is None else data, structure)


class Problem:
    """A function of one vector, made by ``scipy_problem``.

    Attributes
    ----------
    names : tuple of str
        The variables, in the order of their stretches of the vector.
    data : dict
        The arrays of the other symbols, by name.
    """

    def __init__(self, f: object, wrt: object, data: Mapping[Any, Any], structure: str) -> None:
        require_structure(structure)
        e = scalar_function(f, "scipy_problem")
        if not isinstance(data, Mapping):
            raise OperandError(f"data is a dict from names to arrays, not a {type(data).__name__}")
        declared = targets_of(e, wrt)
        self.names = tuple(s.name for s in declared)
        if len(set(self.names)) < len(self.names):
            raise OperandError(f"wrt names a variable twice: {', '.join(self.names)}")
        _require_real(e, declared)
        self._wrt, self._structure = wrt, structure
        released = {s: _released(s, structure) for s in declared}
        self._variables = list(released.values())
        self.f: Expr = substitute(e, {s: r for s, r in released.items() if s is not r})
        self._symbols = sorted({*self.f.symbols, *self._variables}, key=lambda s: s.name)
        self._dims = {
            d.name: d for x in postorder([self.f, *self._symbols], lambda x: x.operands) for d in _dims_in((x.rows, x.cols))
        }
        self._take_data(by_name("data", data), {s.name: s for s in e.symbols})
        self._layouts: dict[int, Layout] = {}

    def __repr__(self) -> str:
        return f"<problem: {brief(self.f)} by {', '.join(map(_named, self._variables))}, for scipy.optimize>"

    # ---------------------------------------------------------------- for the optimiser
    def fun(self, x: Any) -> float:
        """The value; infinite outside its domain.

        That is where a variable declared positive has an entry that is not, where one declared psd is not positive definite
        (with ``structure="independent"``), and where linear algebra fails, as for the inverse of a singular matrix.
        """
        value = self._at(self._value, x)
        return float("inf") if value is None else _as_float(value)

    def jac(self, x: Any) -> Any:
        """The gradient by the vector; not a number where the value is infinite."""
        layout, parts = self._derived(self._gradient, x)
        return layout.join(parts)

    def fun_and_jac(self, x: Any) -> tuple[float, Any]:
        """The value and the gradient, which share what they have in common: for ``jac=True``."""
        layout, parts = self._derived(self._value_and_gradient, x, 1)
        return _as_float(parts[0]), layout.join(parts[1:])

    def hess(self, x: Any) -> Any:
        """The Hessian by the vector, with the mixed derivatives of several variables."""
        layout, v = self._point(x)
        pairs, call = self._hessian
        return layout.join_blocks(dict(zip(pairs, self._call(call, layout.spread(v)), strict=True)))

    def hessp(self, x: Any, p: Any) -> Any:
        """The Hessian times ``p``, without the Hessian."""
        layout, v = self._point(x)
        return layout.join(self._call(self._product, layout.spread(v), layout.spread(vector_of(p, layout))))

    # ---------------------------------------------------------------- vectors and arrays
    def ravel(self, *values: Any, **named: Any) -> Any:
        """The vector of the variables' arrays.

        Parameters
        ----------
        *values, **named
            One array for each variable, in order or by name; or one argument in the structure of ``wrt``, or a dict by
            name. A number fills every entry.

        Raises
        ------
        OperandError
            If a variable is missing, or an array is not as structured as its variable with ``"independent"``.
        ShapeError
            If an array does not fit.
        """
        arrays = self._arrays(values, named)
        as_array = _runtime().as_array
        found = {name: as_array(name, value) for name, value in arrays.items()}
        shapes: dict[Symbol, Extents] = {}
        for s in self._variables:
            if found[s.name].ndim or not axes_of(s):
                shapes[s] = fitted(s, tuple(found[s.name].shape))
        return self._layout(read_sizes(shapes, self._sizes)).collect(found)

    def unravel(self, x: Any) -> Any:
        """The arrays of a vector, in the structure of ``wrt``; a scalar is a float."""
        layout, v = self._point(x)
        arrays = [p if isinstance(p, float) else p.copy() for p in layout.spread(v)]
        if isinstance(self._wrt, Mapping):
            return dict(zip(self._wrt, arrays, strict=True))
        return type(self._wrt)(arrays) if isinstance(self._wrt, (list, tuple)) else arrays[0]

    @property
    def shapes(self) -> dict[str, Extents]:
        """The shape of every variable's array."""
        return {s.name: c.shape for s, c in zip(self._variables, self._layout(self._sizes).parts, strict=True)}

    @property
    def size(self) -> int:
        """How many numbers the vector has."""
        return self._layout(self._sizes).size

    @property
    def bounds(self) -> list[tuple[float | None, float | None]] | None:
        """For ``bounds=``: 2.2e-16, one rounding unit, is the least of variables declared positive; None without such."""
        import numpy as np

        if not any(s.has("positive") for s in self._variables):
            return None
        least = float(np.finfo(float).eps)
        layout = self._layout(self._sizes)
        return [
            (least if s.has("positive") else None, None)
            for s, c in zip(layout.variables, layout.parts, strict=True)
            for _ in range(c.stop - c.start)
        ]

    # ---------------------------------------------------------------- what is derived, when it is first used
    @cached_property
    def gradient(self) -> list[Expr]:
        """The gradients by the variables, in order, every entry taken as free."""
        return grad(self.f, self._variables)

    @cached_property
    def _value(self) -> Compiled:
        return compile_expr(self.f, self._symbols)

    @cached_property
    def _gradient(self) -> Compiled:
        return compile_expr(self.gradient, self._symbols)

    @cached_property
    def _value_and_gradient(self) -> Compiled:
        return compile_expr([self.f, *self.gradient], self._symbols)

    @cached_property
    def _hessian(self) -> tuple[list[tuple[int, int]], Compiled]:
        """The blocks on and above the diagonal, and what computes them together."""
        pairs = [(i, j) for i in range(len(self._variables)) for j in range(i, len(self._variables))]
        blocks = [hessian(self.f, self._variables[i], self._variables[j], layout="tensor") for i, j in pairs]
        return pairs, compile_expr([b for b in blocks if isinstance(b, Expr)], self._symbols)

    @cached_property
    def _product(self) -> Compiled:
        taken = {s.name for s in self._symbols} | set(self._dims)
        directions = [_like(s, _new_name(f"d{s.name}", taken)) for s in self._variables]
        return compile_expr(hvp(self.f, self._variables, directions), [*self._symbols, *directions])

    # ---------------------------------------------------------------- points
    def _point(self, x: Any) -> tuple[Layout, Any]:
        """A vector, and where the variables stand in it."""
        unknown = self._unknown_sizes()
        layout = self._layout(self._sizes) if not unknown else self._layout_of(x, unknown)
        return layout, vector_of(x, layout)

    def _at(self, call: Compiled, x: Any) -> Any:
        """The result at a point; None outside the domain."""
        import numpy as np

        layout, v = self._point(x)
        arrays = layout.spread(v)
        try:
            for k, definite in self._limited:
                if definite:
                    np.linalg.cholesky(arrays[k])
                elif not np.all(arrays[k] > 0):
                    return None
            return self._call(call, arrays)
        except np.linalg.LinAlgError:
            return None

    def _derived(self, call: Compiled, x: Any, values: int = 0) -> tuple[Layout, Sequence[Any]]:
        """Results that are scalars first, ``values`` of them, then gradients."""
        import numpy as np

        layout, _ = self._point(x)
        parts = self._at(call, x)
        if parts is None:
            parts = [float("inf")] * values + [np.full(c.shape, np.nan) for c in layout.parts]
        return layout, parts

    def _call(self, call: Compiled, arrays: Sequence[Any], directions: Sequence[Any] = ()) -> Any:
        """The function of all symbols at the variables' arrays."""
        k = len(self._symbols)
        given: list[Any] = [self.data.get(s.name) for s in self._symbols]
        for at, value in zip(self._places, arrays, strict=True):
            given[at] = value
        given.extend(directions)
        for name in call.names[k + len(directions) :]:  # dimensions that no array shows, unspecified functions
            if name not in self.data:
                raise OperandError(f"data lacks {name}, which {brief(self.f)} or its derivative needs")
            given.append(self.data[name])
        return call(*given)

    @cached_property
    def _limited(self) -> list[tuple[int, bool]]:
        """The variables that must be positive, or (where True) positive definite."""
        facts = [(k, s.has("psd"), s.has("positive")) for k, s in enumerate(self._variables)]
        return [(k, definite) for k, definite, positive in facts if definite or positive]

    @cached_property
    def _places(self) -> list[int]:
        return [self._symbols.index(s) for s in self._variables]

    # ---------------------------------------------------------------- sizes
    def _take_data(self, data: dict[str, Any], symbols: Mapping[str, Symbol]) -> None:
        """Check the data and read the sizes off it."""
        variables = [n for n in data if n in self.names]
        if variables:
            raise OperandError(f"{variables[0]} is a variable, and data gives it a value: give its start to ravel")
        needed = {s.name: s for s in self._symbols if s.name not in self.names}
        missing = [s for n, s in needed.items() if n not in data]
        strange = [n for n in data if n not in needed and n not in symbols and n not in self._dims and not callable(data[n])]
        if missing or strange:
            parts = [f"data lacks {', '.join(map(_named, missing))}"] if missing else []
            parts += [f"data gives {', '.join(strange)}, which does not occur"] if strange else []
            raise OperandError(f"{'; '.join(parts)}; the variables are {', '.join(map(_named, self._variables))}")
        runtime = _runtime()
        self.data: dict[str, Any] = {}
        self._sizes: dict[DimSymbol, int] = {}
        shapes: dict[Symbol, Extents] = {}
        for name, value in data.items():
            if name not in needed:
                self.data[name] = value
                if name in self._dims:
                    self._sizes[self._dims[name]] = _as_size(name, value)
            elif needed[name].has("integer"):
                self.data[name] = value
            else:
                s = needed[name]
                a = (runtime.as_complex_array if s.is_complex else runtime.as_array)(name, value)
                shapes[s] = fitted(s, tuple(a.shape))
                self.data[name] = a.reshape(shapes[s])
        self._sizes = read_sizes(shapes, self._sizes)

    def _unknown_sizes(self) -> list[DimSymbol]:
        return unknown_in([d for s in self._variables for d in axes_of(s)], self._sizes)

    def _layout(self, sizes: Mapping[DimSymbol, int]) -> Layout:
        """Where the variables stand, for known sizes."""
        found = self._layouts.get(0) if sizes is self._sizes else None
        if found is None:
            unknown = unknown_in([d for s in self._variables for d in axes_of(s)], sizes)
            if unknown:
                raise OperandError(f"{_sizes_text(unknown)}: add {', '.join(f'{d.name!r}: ...' for d in unknown)} to data")
            shapes = [tuple(size_of(d, sizes) or 0 for d in axes_of(s)) for s in self._variables]
            found = Layout(self._variables, shapes, self._structure)
            if sizes is self._sizes:
                self._layouts[0] = found
        return found

    def _layout_of(self, x: Any, unknown: list[DimSymbol]) -> Layout:
        """The layout of a vector whose length shows the one dimension that the data does not."""
        import numpy as np

        length = int(np.size(x))
        found = self._layouts.get(length)
        if found is None:
            if len(unknown) > 1:
                return self._layout(self._sizes)  # which says so
            low, high = 0, length + 1  # the size grows with the dimension
            while high - low > 1:
                middle = (low + high) // 2
                size = self._layout({**self._sizes, unknown[0]: middle}).size
                if size == length:
                    found = self._layouts[length] = self._layout({**self._sizes, unknown[0]: middle})
                    break
                low, high = (middle, high) if size < length else (low, middle)
            if found is None:
                shapes = ", ".join(f"{s.name} {shape_of(s)}" for s in self._variables)
                raise ShapeError(f"x has {length} entries, but no size {unknown[0]} makes that of {shapes}")
        return found

    def _arrays(self, values: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """What is given for every variable, by name."""
        if len(values) == 1 and isinstance(values[0], Mapping) and not named:
            given = values[0]
            if isinstance(self._wrt, Mapping) and given.keys() == self._wrt.keys():
                return dict(zip(self.names, (given[k] for k in self._wrt), strict=True))
            named, values = by_name("ravel", given), ()
        elif len(values) == 1 and isinstance(self._wrt, (list, tuple)) and isinstance(values[0], (list, tuple)):
            values = tuple(values[0])
        if len(values) > len(self.names):
            raise OperandError(f"{len(values)} arrays given for {len(self.names)} variables: {', '.join(self.names)}")
        found = dict(zip(self.names, values, strict=False))
        for name, value in named.items():
            if name not in self.names or name in found:
                what = "is given twice" if name in found else "is not a variable"
                raise OperandError(f"{name} {what}; the variables are {', '.join(self.names)}")
            found[name] = value
        missing = [n for n in self.names if n not in found]
        if missing:
            raise OperandError(f"missing: {', '.join(missing)}; the variables are {', '.join(self.names)}")
        return found


def _require_real(e: Expr, variables: Sequence[Symbol]) -> None:
    """Refuse what an optimiser of real functions of real numbers cannot take."""
    for s in variables:
        if s.is_complex:
            raise UnsupportedError(f"{s.name} is complex, and scipy.optimize has real variables: write it as X + i*Y with two")
        if s.has("integer"):
            raise UnsupportedError(f"{s.name} is an integer, and scipy.optimize has real variables")
    if has_complex(e) and not is_real(e):
        raise OperandError(f"{brief(e)} is not known to be real: take real(f) or abs(f)^2")


def _released(s: Symbol, structure: str) -> Symbol:
    """The variable without the facts that an optimiser's steps do not keep."""
    curved = curvature_of(s)
    if curved and structure == "independent":
        raise UnsupportedError(
            f"{s.name} is {' and '.join(sorted(curved))}, and no list of its entries is independent: "
            "give that as a constraint, with structure='projected'"
        )
    if not curved and (structure != "ambient" or not structure_of(s)):
        return s
    return Symbol(s.name, s.dims, tuple(f for f in s.facts if f in ("positive", "invertible")))


def _like(s: Symbol, name: str) -> Symbol:
    """A symbol with the shape of another."""
    return symbol(name, s.axes) if s.axes is not None else Symbol(name, s.dims, ())


def _new_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _dims_in(dims: Sequence[Dim]) -> list[DimSymbol]:
    return [s for d in dims if not isinstance(d, int) for s in d.free_symbols if isinstance(s, DimSymbol)]


def _named(s: Symbol) -> str:
    return f"{s.name} {shape_of(s)}" if axes_of(s) else s.name


def _sizes_text(unknown: Sequence[DimSymbol]) -> str:
    names = " and ".join(d.name for d in unknown)
    return f"the data does not show the size{'s' if len(unknown) > 1 else ''} {names}"


def _as_size(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
        raise OperandError(f"{name} is a dimension, a positive int, not {value!r}")
    return int(value.__index__())


def _as_float(value: Any) -> float:
    return float(value.real if isinstance(value, complex) or hasattr(value, "imag") else value)


def _runtime() -> Any:
    """NumPy's helpers, imported when arrays come."""
    return import_module("matcalc.emit.runtime")


__all__ = ["Problem", "scipy_problem"]
