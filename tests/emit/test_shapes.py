"""The axes that a program says its values have, against those of the arrays."""

import random

import judge
import numpy as np
import pytest
from generate import answer, question
from strategies import random_expr

from matcalc.dims import DimSymbol
from matcalc.emit.backends import NUMPY
from matcalc.emit.compiled import Compiled
from matcalc.emit.parameters import parameters_of, symbols_by_name
from matcalc.emit.plan import Plan, make_plan
from matcalc.emit.shapes import shape_of
from matcalc.errors import UnsupportedError
from matcalc.expr import Symbol
from matcalc.node import postorder


def program_of_all_values(exprs):
    """A function that returns every value of the program of expressions, and these values."""
    symbols = symbols_by_name(exprs)
    plan = make_plan(exprs, symbols, NUMPY)
    values = list(postorder(plan.straight, lambda v: v.args))
    values = [v for v in values if v.code != "function"]
    whole = Plan(values, symbols, plan.functions, plan.integers)
    return Compiled(whole, exprs, parameters_of(whole, None), NUMPY, tuple), values


def require_true_shapes(exprs, sizes, given):
    call, values = program_of_all_values(exprs)
    known = {**sizes, **judge.FUNCTIONS, **given}
    with np.errstate(all="ignore"):
        arrays = call(**{name: known[name] for name in call.names})
    for v, array in zip(values, arrays, strict=True):
        shape = shape_of(v)
        if isinstance(array, tuple):  # a decomposition, which counts as the matrix if it has a shape
            continue
        if v.code == "#1(#2)":  # a user's function
            continue
        assert shape is not None, v.code
        found = numbers(shape, sizes)
        assert found == np.shape(array), (v.code, shape, [a.code for a in v.args], [shape_of(a) for a in v.args])


@pytest.mark.parametrize("seed", range(60))
def test_shapes_of_random_programs(seed):
    rng = random.Random(seed)
    exprs = [random_expr(rng, depth=rng.choice([2, 3, 4])) for _ in range(2)]
    sizes = {"m": 3, "n": 4, "p": 2}
    require_true_shapes(exprs, sizes, points(exprs, sizes, seed))


def numbers(shape, sizes):
    return tuple(d if isinstance(d, int) else int(d.subs({DimSymbol(k): n for k, n in sizes.items()})) for d in shape)


def points(exprs, sizes, seed):
    rng = np.random.default_rng(seed)
    out = dict(sizes)
    for s in sorted({s for e in exprs for s in e.symbols if isinstance(s, Symbol)}, key=str):
        shape = tuple(
            int(d) if isinstance(d, int) else int(d.subs({DimSymbol(k): n for k, n in sizes.items()})) for d in s.shape
        )
        out[s.name] = 2 if s.has("integer") else rng.uniform(0.5, 1.5, shape)
    return out


@pytest.mark.parametrize("seed", range(0, 2000, 39))
def test_shapes_in_programs_of_derivatives(seed):
    q = question(seed)
    try:
        e = answer(q)
    except UnsupportedError:
        pytest.skip("no answer")
    require_true_shapes([e], q.sizes, {**q.sizes, **points([e], q.sizes, seed)})
