"""``compile``: expressions to a function of arrays that checks its arguments."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, Any, Literal, overload

from matcalc.dims import Dim, DimSymbol
from matcalc.emit.arguments import Arguments
from matcalc.emit.assemble import make_function, write_program
from matcalc.emit.backends import PLAIN_NUMPY, Backend
from matcalc.emit.entry import ABSENT, can_enter, make_entry
from matcalc.emit.libraries import backend_of
from matcalc.emit.parameters import Outputs, Parameters, Unpack, parameters_of, structure_of, symbols_by_name
from matcalc.emit.plan import Plan, make_plan, strict_scalars
from matcalc.emit.report import PlanReport, report_of
from matcalc.emit.sizes import Sizes
from matcalc.emit.writing.write import Written
from matcalc.errors import UnsupportedError
from matcalc.expr import Expr, Symbol

if TYPE_CHECKING:
    from matcalc.emit.operators import OperatorMaker

SMALL = 32  # sizes up to which every order of work takes the same time
MOST_PLANS = 64  # plans and sizes that are kept
OFTEN = 10  # calls after which a function written for the parameters at hand is worth its making
RESULTS: dict[str, Callable[..., Any]] = {}  # what may be made besides arrays, by name


@overload
def compile(
    outputs: Outputs, args: Sequence[Symbol | str] | None = None, *, backend: str = "numpy", form: Literal["array"] = "array"
) -> Compiled: ...
@overload
def compile(
    outputs: Outputs, args: Sequence[Symbol | str] | None = None, *, backend: str = "numpy", form: Literal["operator"]
) -> OperatorMaker: ...
def compile(
    outputs: Outputs, args: Sequence[Symbol | str] | None = None, *, backend: str = "numpy", form: str = "array"
) -> Any:
    """A function of arrays that computes expressions.

    Parameters
    ----------
    outputs : Expr, or a list, tuple or dict of them, or Named
        What to compute; the call returns the same structure. Parts that have names keep them in the code.
    args : sequence of symbols or names, optional
        The order of the parameters. Default: the symbols by name, sorted; then the dimensions that
        no argument shows, then the unspecified functions.
    backend : str
        The array library: ``"numpy"``, ``"jax"``, ``"torch"`` or ``"array_api"``, the last for arrays of any library.
    form : {"array", "operator"}
        ``"operator"``: for one Hessian or Jacobian, a function that computes its factors, and returns a ``LinearMap`` with
        ``matvec``, ``rmatvec``, ``solve``, ``T`` and ``dense``; the entries are not formed.

    Returns
    -------
    Compiled, or OperatorMaker
        The callable; ``.source`` is the code it runs, ``.names`` lists its parameters.

    Raises
    ------
    UnsupportedError
        If there is no such backend or form, or the backend lacks a function.
    MatcalcError
        If the library is not installed.
    OperandError
        If ``args`` leaves out a symbol, or names one that does not occur.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, b = mc.symbols("A[m,n] x[n] b[m]")
    >>> gradient = mc.compile(A.T @ (A @ x - b), [x, A, b])
    >>> gradient.source.splitlines()[-1].strip()
    'return A.T @ (A @ x - b)'
    >>> gradient([1.0, 1.0], A=[[1.0, 0.0], [0.0, 2.0]], b=[1.0, 1.0])
    array([0., 2.])
    """
    if form != "array":
        if form not in RESULTS:
            raise UnsupportedError(f"unknown form {form!r}; the known ones are array, {', '.join(RESULTS)}")
        return RESULTS[form](outputs, args, backend=backend)
    return _compiled(outputs, args, backend_of(backend))


def compile_plainly(outputs: Outputs, args: Sequence[Symbol | str] | None = None) -> Compiled:
    """A NumPy function that computes expressions as they are written, and takes no attribute for granted.

    Code that ``compile`` writes may read one triangle of a matrix that is declared positive definite. A function that is
    differentiated by differences is evaluated at points that are not.
    """
    return _compiled(outputs, args, PLAIN_NUMPY)


def _compiled(outputs: Outputs, args: Sequence[Symbol | str] | None, library: Backend) -> Compiled:
    unpack, exprs = structure_of(outputs)
    symbols = symbols_by_name(exprs, [a for a in args or () if isinstance(a, Symbol)])
    plan = make_plan(exprs, symbols, library)
    return Compiled(plan, exprs, parameters_of(plan, args), library, unpack)


@dataclass(frozen=True)
class Program:
    """A plan with the function that carries it out."""

    plan: Plan
    written: Written
    function: Callable[..., Any]


class Compiled:
    """A function of arrays made by ``compile``.

    Attributes
    ----------
    names : tuple of str
        The parameters, in order.
    function : callable
        The bare function, which takes float arrays (complex ones for complex symbols) in that order and checks nothing;
        ``jax.jit``, ``jax.grad``, ``jax.vmap`` and ``torch.compile`` take it.
        Where the best order of work depends on the sizes, it is the one for the sizes last used.
    """

    def __init__(
        self, plan: Plan, exprs: Sequence[Expr], parameters: Parameters, backend: Backend, unpack: Unpack | None
    ) -> None:
        self.names = parameters.names
        self._parameters, self._backend, self._unpack, self._exprs = parameters, backend, unpack, exprs
        runtime = backend.runtime_module
        self._strict = strict_scalars(plan)
        self._arguments = Arguments(parameters, self._strict, runtime)
        self._choices = tuple(d for d in plan.choices if d in parameters.shown or d in parameters.sizes.values())
        self._first = self._program = self._make(plan)
        self._programs: dict[tuple[int, ...], Program] = {}  # by rounded sizes
        self._functions: dict[tuple[int, ...], Callable[..., Any]] = {}  # by sizes
        if not self._choices:
            self._functions[()] = self._first.function
        self._calls = 0
        self._traced: Callable[..., Any] | None = None
        if backend.prepares:
            not_arrays = {*parameters.sizes, *parameters.functions, *parameters.integers}
            self._traced = runtime.prepare(self._once, [k for k, name in enumerate(self.names) if name in not_arrays])

    @property
    def shown(self) -> dict[DimSymbol, tuple[str, int]]:
        """The argument and the axis that each dimension is read off."""
        return self._parameters.shown

    @property
    def function(self) -> Callable[..., Any]:
        """The bare function."""
        return self._program.function

    @property
    def source(self) -> str:
        """The code of ``function``, with the imports that it needs."""
        b, written = self._backend, self._program.written
        modules = [] if b.first else [*b.also, (b.module, b.alias)]
        text = "".join(f"import {m}{f' as {alias}' if alias != m else ''}\n" for m, alias in modules)
        for module in sorted({b.module_of(h) for h in written.helpers}):
            text += f"\nfrom {module} import {', '.join(h for h in written.helpers if b.module_of(h) == module)}\n"
        return text + "\n\n" + ast.unparse(written.definition) + "\n"

    @property
    def plan(self) -> PlanReport:
        """What ``function`` does, line by line, with operations and bytes as formulas in the dimensions."""
        return report_of(self._program.plan, self._parameters, self._backend)

    def __repr__(self) -> str:
        return f"<function of {', '.join(self.names) or 'nothing'} for {self._backend.name}; .source shows its code>"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Take the arguments with care and compute; a later call finds a function written for these parameters."""
        given, sizes = self._arguments.take(args, kwargs)
        result = (self._traced or self._function_for(sizes))(*given)
        self._calls += 1
        if self._calls == OFTEN and can_enter(self.names):
            self._enter()
        return result if self._unpack is None else self._unpack(result)

    def _once(self, /, *given: Any) -> Any:
        """The computation as it is traced, once for every set of shapes, with all that is done once."""
        taken, sizes = self._arguments.take(given, {})
        return self._function_for(sizes)(*taken)

    def with_care(self, args: tuple[Any, ...], values: Sequence[Any], others: Mapping[str, Any]) -> Any:
        """The call with these arguments by position, and those of ``values`` and ``others`` by name."""
        named = {name: v for name, v in zip(self.names, values, strict=True) if v is not ABSENT}
        return Compiled.__call__(self, *args, **named, **others)

    def _enter(self) -> None:
        """Have the class of this object alone call what is written for its parameters: Python looks nowhere else."""
        runtime, functions = self._backend.runtime_module, self._functions
        entry = make_entry(self._arguments, self._strict, runtime, functions, self._choices, self._traced, self._unpack)
        self.__class__ = type("Compiled", (Compiled,), {"__call__": entry, "__module__": __name__, "__doc__": Compiled.__doc__})

    # ---------------------------------------------------------------- plans
    def _make(self, plan: Plan) -> Program:
        written = write_program(plan, self._exprs, self._parameters, self._backend, single=self._unpack is None)
        return Program(plan, written, make_function(written.definition, self._backend.namespace(written.helpers)))

    def _function_for(self, sizes: Mapping[Dim, int]) -> Callable[..., Any]:
        """The bare function for these sizes."""
        if not self._choices:
            return self._first.function
        exact = tuple(sizes[d] for d in self._choices)
        if max(exact) <= SMALL and not self._calls:  # a single call at small sizes is not worth a plan
            return self._first.function
        self._program = program = self._planned(exact)
        if len(self._functions) >= MOST_PLANS:
            self._functions.clear()
        self._functions[exact] = program.function
        return program.function

    def _planned(self, exact: tuple[int, ...]) -> Program:
        """The program for these sizes, or for others that are the same when rounded to powers of two, or also small."""
        rounded = tuple(round(log2(n)) for n in exact) if max(exact) > SMALL else ()
        found = self._programs.get(rounded)
        if found is None:
            known: dict[DimSymbol, int] = dict(zip(self._choices, exact, strict=True))
            plan = make_plan(self._exprs, self._first.plan.symbols, self._backend, Sizes(known))
            p = self._parameters
            fits = strict_scalars(plan) <= self._strict and plan.dimensions <= {*p.shown, *p.sizes.values()}
            found = self._make(plan) if fits else self._first
            if len(self._programs) >= MOST_PLANS:
                self._programs.clear()
            self._programs[rounded] = found
        return found
