"""Plans for the sizes at hand."""

from itertools import pairwise

import numpy as np
import pytest

import matcalc as mc
from matcalc.emit import compiled
from matcalc.emit.compiled import OFTEN, SMALL

RNG = np.random.default_rng(0)


@pytest.fixture
def plans(monkeypatch):
    """The sizes that plans were made for."""
    made = []
    plain = compiled.make_plan

    def counted(exprs, symbols, backend, sizes=None):
        made.append(dict(sizes.known) if sizes is not None else {})
        return plain(exprs, symbols, backend, sizes)

    monkeypatch.setattr(compiled, "make_plan", counted)
    return made


def chain():
    return mc.compile(mc.parse("A*B*C", "A[m,n] B[n,p] C[p,q]"))


def arrays(*sizes):
    return [RNG.normal(size=s) for s in pairwise(sizes)]


def last(call):
    return call.source.splitlines()[-1].strip()


def test_the_sizes_choose_the_order():
    call = chain()
    assert last(call) == "return A @ B @ C"
    for sizes, line, flops in (
        ((200, 2, 200, 2), "return A @ (B @ C)", 2 * (2 * 200 * 2 + 200 * 2 * 2)),
        ((2, 200, 2, 200), "return A @ B @ C", 2 * (2 * 200 * 2 + 2 * 2 * 200)),
    ):
        a, b, c = arrays(*sizes)
        np.testing.assert_allclose(call(a, b, c), a @ b @ c)
        assert last(call) == line
        np.testing.assert_allclose(call.function(a, b, c), a @ b @ c)
        assert call.plan.at(**dict(zip("mnpq", sizes, strict=True))).flops == flops


def test_a_plan_serves_all_sizes_that_are_the_same_when_rounded(plans):
    call = chain()
    assert len(plans) == 1
    for m in (200, 210, 250, 300, 340, 205):
        a, b, c = arrays(m, 60, m, 60)
        np.testing.assert_allclose(call(a, b, c), a @ b @ c)
    assert len(plans) == 2
    assert sorted(plans[1].values()) == [60, 60, 200, 200]
    a, b, c = arrays(2000, 60, 10, 60)
    np.testing.assert_allclose(call(a, b, c), a @ b @ c)
    assert len(plans) == 3
    call(*arrays(200, 60, 200, 60))
    assert len(plans) == 3


def test_small_sizes_have_one_plan_and_a_single_call_none(plans):
    call = chain()
    for k in range(1, SMALL, 5):
        a, b, c = arrays(k, 2, SMALL, 1)
        np.testing.assert_allclose(call(a, b, c), a @ b @ c)
        assert len(plans) == (1 if k == 1 else 2)


def test_usual_calls_find_their_plan():
    call = chain()
    large, small = arrays(200, 2, 200, 2), arrays(3, 4, 5, 6)
    for _ in range(OFTEN + 3):
        for given in (large, small, arrays(2, 200, 2, 200)):
            a, b, c = given
            np.testing.assert_allclose(call(a, b, c), a @ b @ c)
            np.testing.assert_allclose(call(A=a, B=b, C=c), a @ b @ c)


def test_many_sizes_do_not_pile_up():
    call = mc.compile(mc.parse("A*B*x", "A[m,n] B[n,m] x[m]"))
    for m in range(40, 40 + 3 * compiled.MOST_PLANS):
        call(np.ones((m, 2)), np.ones((2, m)), np.ones(m))
    assert len(call._functions) <= compiled.MOST_PLANS
    assert len(call._programs) <= compiled.MOST_PLANS


def test_integer_sizes_decide_at_once(plans):
    call = mc.compile(mc.parse("A*B*C", "A[200,2] B[2,200] C[200,2]"))
    assert last(call) == "return A @ (B @ C)"
    for _ in range(3):
        call(*arrays(200, 2, 200, 2))
    assert len(plans) == 1


@pytest.mark.parametrize("backend", ["jax", "torch", "array_api"])
def test_other_libraries_choose_by_size_too(backend):
    pytest.importorskip({"array_api": "array_api_compat"}.get(backend, backend))
    call = mc.compile(mc.parse("A*B*C", "A[m,n] B[n,p] C[p,q]"), backend=backend)
    for sizes, line in (((200, 2, 200, 2), "return A @ (B @ C)"), ((2, 200, 2, 200), "return A @ B @ C")):
        a, b, c = arrays(*sizes)
        np.testing.assert_allclose(np.asarray(call(a, b, c)), a @ b @ c, rtol=1e-3, atol=1e-4)
        assert last(call) == line
