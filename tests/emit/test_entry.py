"""The function that takes usual calls: it answers as the careful reading does, and says the same when it cannot."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.dims import dims
from matcalc.emit import compile as compile_expr
from matcalc.emit.compiled import OFTEN, Compiled
from matcalc.errors import OperandError, ShapeError
from matcalc.expr import Ones, symbol

RNG = np.random.default_rng(0)
A, X, x, b = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=3)


def entered(e, given, **options):
    """A compiled function that has been called often."""
    call = compile_expr(e, **options)
    for _ in range(OFTEN + 1):
        call(**given)
    assert type(call) is not Compiled
    return call


@pytest.fixture
def careful(monkeypatch):
    """How often the arguments of a call were read with care."""
    count = [0]
    plain = Compiled.with_care

    def counted(self, args, values, others):
        count[0] += 1
        return plain(self, args, values, others)

    monkeypatch.setattr(Compiled, "with_care", counted)
    return count


def residual():
    return mc.parse("A*x - b", "A[m,n] x[n] b[m]")


def test_usual_calls_are_not_read_with_care(careful):
    call = entered(residual(), {"A": A, "x": x, "b": b})
    wanted = A @ x - b
    for _ in range(3):
        np.testing.assert_array_equal(call(A=A, x=x, b=b), wanted)
        np.testing.assert_array_equal(call(b=b, x=x, A=A), wanted)
        np.testing.assert_array_equal(call(A, b, x), wanted)
        np.testing.assert_allclose(call(np.asfortranarray(A), np.repeat(b, 2)[::2], x), wanted)
    assert careful[0] == 0
    wide = RNG.normal(size=(2, 9))
    for _ in range(3):  # other sizes may want another plan: they are looked at once
        np.testing.assert_array_equal(call(A=wide, x=np.ones(9), b=np.ones(2)), wide @ np.ones(9) - 1)
        assert careful[0] <= 1
    careful[0] = 0
    single = call(*(a.astype(np.float32) for a in (A, b, x)))
    assert single.dtype == np.float32
    assert careful[0] == 0


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_other_calls_are_converted_as_before(careful):
    call = entered(residual(), {"A": A, "x": x, "b": b})
    wanted = A @ x - b
    for given in (
        ((A,), {"x": x, "b": b}),
        ((A.tolist(), b, x), {}),
        ((), {"A": A, "x": x[:, None], "b": b.tolist()}),
        ((np.matrix(A), b, x), {}),
        ((A, b, x), {"n": 4}),
        ((), {"A": A, "x": x, "b": b, "m": 3}),
    ):
        before = careful[0]
        got = call(*given[0], **given[1])
        assert type(got) is np.ndarray
        np.testing.assert_allclose(got, wanted)
        assert careful[0] == before + 1
    np.testing.assert_array_equal(call(np.ones((3, 4), int), b, x), np.ones((3, 4)) @ x - b)
    np.testing.assert_allclose(call(A.astype(np.float32), b, x), wanted, rtol=1e-6)


@pytest.mark.parametrize("sizes", [("m", "n"), (3, 4), ("m", 4)])
def test_errors_are_those_of_a_first_call(sizes):
    m, n = (dims(s) if isinstance(s, str) else s for s in sizes)
    e = symbol("A", (m, n)) @ symbol("x", (n,)) - symbol("b", (m,))
    often, once = entered(e, {"A": A, "x": x, "b": b}), compile_expr(e)
    for args, kwargs in (
        ((A, b, np.ones(5)), {}),
        ((A, x, b), {}),
        ((A,), {}),
        ((), {"A": A, "x": x}),
        ((A, b, x, x), {}),
        ((A, b, x), {"A": A}),
        ((A,), {"A": A, "x": x, "b": b}),
        ((), {"A": A, "x": x, "b": b, "z": 1}),
        ((), {"A": A, "x": "text", "b": b}),
        ((), {"A": A, "x": x * 1j, "b": b}),
        ((), {"A": A[None], "x": x, "b": b}),
        ((), {"A": x, "x": x, "b": b}),
        ((A, b, x), {"n": 7}),
        ((), {}),
    ):
        messages = []
        for call in (often, once):
            with pytest.raises((OperandError, ShapeError)) as caught:
                call(*args, **kwargs)
            messages.append((type(caught.value), str(caught.value)))
        assert messages[0] == messages[1]
    np.testing.assert_array_equal(often(A, b, x), once(A, b, x))


def test_a_shape_that_changes_in_place_is_seen():
    call = entered(mc.parse("A*x", "A[m,n] x[n]"), {"A": A, "x": x})
    a = A.copy()
    call(a, x)
    a.shape = (4, 3)
    with pytest.raises(ShapeError, match=r"x is \(n,\), but the array given has shape \(4,\), while A has n = 3"):
        call(a, x)


def test_scalars(careful):
    e = mc.parse("c^(1/3)*x/d + k*x", "x[n] c d k")
    call = entered(e, {"x": x, "c": 8.0, "d": 2.0, "k": 1.0})
    for kind in (float, np.float64, np.array):
        np.testing.assert_allclose(call(x=x, c=kind(8.0), d=kind(4.0), k=kind(3.0)), 3.5 * x)
        with np.errstate(all="ignore"):
            assert np.isnan(call(x=x, c=kind(-8.0), d=kind(4.0), k=kind(3.0))).all()
            assert np.isinf(call(x=x, c=kind(8.0), d=kind(0.0), k=kind(3.0))).all()
    assert careful[0] == 0
    for given in (8, np.float32(8), [8.0], [[8.0]], np.array([[8.0]])):
        np.testing.assert_allclose(call(x=x, c=given, d=4.0, k=3.0), 3.5 * x, rtol=1e-6)
    with pytest.raises(ShapeError, match=r"c is \(\), but the array given has shape \(4,\)"):
        call(x=x, c=x, d=4.0, k=3.0)


@pytest.mark.parametrize("value", [-8.0, 0.0])
def test_scalars_compute_as_arrays_do(value):
    with np.errstate(all="ignore"):
        for text in ("c^(1/3)", "1/c", "c^400", "c^(-1/2)", "(2*c)^(1/5) + 1/(3*c)"):
            call = compile_expr(mc.parse(text, "c"))
            np.testing.assert_array_equal(call(c=value), call(c=np.array(value)))
            assert not np.iscomplexobj(call(c=value))
    single = compile_expr(mc.parse("c*x", "x[n] c"))(x=x.astype(np.float32), c=2.0)
    assert single.dtype == np.float32


def test_structures_of_outputs(careful):
    e = residual()
    given = {"A": A, "x": x, "b": b}
    assert isinstance(entered([e, e.T], given)(**given), list)
    assert isinstance(entered((e, e.T), given)(**given), tuple)
    assert list(entered({"one": e, "two": e.T}, given)(**given)) == ["one", "two"]
    assert careful[0] == 0


def test_dimensions_integers_and_functions(careful):
    n = dims("n")
    call = entered(Ones((n, 1)), {"n": 4})
    assert call(n=3).shape == call(3).shape == (3,)
    assert careful[0] <= 1
    with pytest.raises(OperandError, match="n is a dimension, a positive int, not 0"):
        call(n=0)
    with pytest.raises(OperandError, match="n is a dimension, a positive int, not True"):
        call(n=True)
    power = entered(mc.parse("x.^k", "x[n] k(integer)"), {"x": x, "k": 2})
    before = careful[0]
    np.testing.assert_allclose(power(x=x, k=3), x**3)
    assert careful[0] == before
    with pytest.raises(OperandError, match=r"k is an integer exponent, not 1\.5"):
        power(x=x, k=1.5)
    L = mc.function("L")
    loss = entered(L(symbol("x", (n,))), {"x": x, "L": np.sum})
    assert loss(x=x, L=np.max) == x.max()
    with pytest.raises(OperandError, match="L is a function of an array, not 1"):
        loss(x=x, L=1)


def test_composite_dimensions(careful):
    m, n = dims("m n")
    call = entered(mc.vec(symbol("A", (m, n))) + symbol("v", (n * m,)), {"A": A, "v": np.ones(12)})
    for _ in range(3):
        assert call(np.ones((2, 5)), np.ones(10)).shape == (10,)
    assert careful[0] <= 1
    with pytest.raises(ShapeError, match=r"v is \(m\*n,\), but .* shape \(5,\), while m\*n is 6 with m = 2 and n = 3"):
        call(np.ones((2, 3)), np.ones(5))
    square = entered(mc.parse("tr(A)", "A[n,n]"), {"A": np.eye(3)})
    assert square(np.eye(5)) == 5
    with pytest.raises(ShapeError, match=r"A is \(n, n\), but the array given has shape \(3, 4\), while A has n = 3"):
        square(A)


@pytest.mark.parametrize(
    "name", ["self", "args", "type", "len", "array", "absent", "lambda", "function", "None", "ﬁx", "kind", "n"]
)
def test_any_name_works(name):
    call = compile_expr(3 * symbol(name, (dims("p"),)))
    for _ in range(OFTEN + 2):
        np.testing.assert_array_equal(call(**{name: x}), 3 * x)
        np.testing.assert_array_equal(call(x), 3 * x)


def test_complex_arrays(careful):
    call = entered(mc.parse("A*x + c*x", "A[n,n](complex) x[n] c(complex)"), {"A": np.eye(4) * 1j, "x": x, "c": 1j})
    np.testing.assert_allclose(call(A=np.eye(4) * 1j, x=x, c=2j), 3j * x)
    assert careful[0] == 0
    np.testing.assert_allclose(call(A=np.eye(4), x=x, c=2.0), 3 * x)


@pytest.mark.parametrize("backend", ["jax", "torch", "array_api"])
def test_other_libraries(backend, careful):
    if backend == "array_api":
        pytest.importorskip("array_api_compat")
        made = np.asarray
    else:
        library = pytest.importorskip({"jax": "jax.numpy"}.get(backend, backend))
        made = library.asarray
    e = mc.parse("c*A*x - b", "A[m,n] x[n] b[m] c")
    given = {"A": made(A), "x": made(x), "b": made(b), "c": made(2.0)}
    call = entered(e, given, backend=backend)
    for c in (given["c"], 2.0, 2):
        np.testing.assert_allclose(np.asarray(call(**{**given, "c": c})), 2 * A @ x - b, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(call(A, b.tolist(), 2.0, x[:, None])), 2 * A @ x - b, rtol=1e-5)
    for wrong in ({"x": made(np.ones(5))}, {"A": made(x)}, {"c": made(x)}):
        with pytest.raises(ShapeError) as caught:
            call(**{**given, **wrong})
        with pytest.raises(ShapeError) as once:
            compile_expr(e, backend=backend)(**{**given, **wrong})
        assert str(caught.value) == str(once.value)
    with pytest.raises(OperandError, match="missing: x; the parameters are A, b, c, x"):
        call(A=given["A"], b=given["b"], c=2.0)
    np.testing.assert_allclose(np.asarray(call(**given)), 2 * A @ x - b, rtol=1e-5)


def test_masked_entries_are_refused():
    masked = np.ma.masked_array(x, mask=[True, False, False, False])
    with pytest.raises(OperandError, match="x has masked entries"):
        compile_expr(mc.parse("2*x", "x[n]"))(x=masked)
