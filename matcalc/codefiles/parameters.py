"""The parameters of the functions of a file."""

from __future__ import annotations

from dataclasses import replace

from matcalc.codefiles.contents import Contents, Function
from matcalc.emit.backends import Backend
from matcalc.emit.compiled import Parameters, parameters_of, symbols_by_name
from matcalc.emit.plan import make_plan


def parameters_for(contents: Contents, backend: Backend) -> Parameters:
    """The parameters that all functions have, so that one list of arguments does for all of them; an upstream gradient is last.

    A dimension that only the upstream gradient shows is a parameter, as the value is computed without that.
    """
    symbols = symbols_by_name(contents.outputs, contents.wrt)
    g = contents.upstream
    plan = make_plan(contents.outputs, symbols, backend)
    if g is None:
        return parameters_of(plan, None)
    p = parameters_of(replace(plan, symbols={n: s for n, s in symbols.items() if n != g.name}), None)
    return replace(p, names=(*p.names, g.name), symbols={**p.symbols, g.name: g})


def parameters_in(f: Function, p: Parameters, contents: Contents) -> Parameters:
    """Those of one function: the value is computed without the upstream gradient."""
    g = contents.upstream
    if g is None or f.suffix:
        return p
    return replace(p, names=p.names[:-1], symbols={n: s for n, s in p.symbols.items() if n != g.name})
