"""Operators about structure, of 1 x 1 operands, give scalars."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.expr import substitute
from matcalc.ops.structure import Diag, Diagonal, Vec

y, Y = mc.symbols("y[n] Y[n,n]")


@pytest.mark.parametrize("e", [mc.diag(y), mc.diag(Y), mc.vec(Y), mc.sin(mc.diag(y)), mc.diag(mc.sin(Y))], ids=str)
def test_symbolic_dimensions_that_become_one(e):
    one = substitute(e, {}, lambda d: 1)
    (s,) = one.symbols
    got = mc.compile(one)(np.full(tuple(map(int, s.dims)), 0.5))
    assert np.shape(got) == ()
    assert got == pytest.approx(np.sin(0.5) if "sin" in str(e) else 0.5)


@pytest.mark.parametrize("operator", [Diag, Diagonal, Vec])
def test_of_a_scalar(operator):
    got = mc.compile(operator(mc.scalar("c")))(2.0)
    assert np.shape(got) == ()
    assert got == 2.0
