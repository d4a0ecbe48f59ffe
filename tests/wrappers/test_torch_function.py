"""torch_function: gradients against torch's own check, second ones too, and everything that a caller can pass."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.errors import OperandError, ShapeError, UnsupportedError

torch = pytest.importorskip("torch")

from derived_functions import arrays, cases  # noqa: E402

CASES = list(cases())
IDS = [c[0] for c in CASES]
A, x, b = mc.symbols("A[m,n] x[n] b[m]")


def tensors(symbols, seed=0, dtype=torch.float64):
    return [torch.tensor(a, dtype=dtype, requires_grad=True) for a in arrays(symbols, seed)]


@pytest.mark.parametrize(("name", "f", "symbols"), CASES, ids=IDS)
def test_gradcheck(name, f, symbols):
    call = mc.torch_function(f, symbols, wrt=[s for s in symbols if not s.has("psd")])
    given = tensors(symbols)
    for s, t in zip(symbols, given, strict=True):
        t.requires_grad_(not s.has("psd"))  # whose entries cannot be changed one by one
    want = mc.compile(f, symbols)(*(t.detach().numpy() for t in given))
    np.testing.assert_allclose(call(*given).detach().numpy(), want, rtol=1e-10, atol=1e-12)
    assert torch.autograd.gradcheck(call, given)
    assert torch.autograd.gradgradcheck(call, given)


def test_the_gradient_by_a_symmetric_matrix_is_ambient():
    K, v = mc.symbols("K[n,n](psd) v[n]")
    call = mc.torch_function(v.T @ mc.inv(K) @ v + mc.logdet(K), [K, v])
    k, u = tensors([K, v])
    call(k, u).backward()
    inverse = torch.linalg.inv(k.detach())
    w = inverse @ u.detach()
    torch.testing.assert_close(k.grad, inverse - torch.outer(w, w))
    torch.testing.assert_close(u.grad, 2 * w)


def test_it_trains_in_a_loop_of_torch():
    X, w, y = mc.symbols("X[n,d] w[d] y[n]")
    loss = mc.torch_function(mc.norm2(X @ w - y) ** 2, [X, w, y])
    torch.manual_seed(0)
    data, labels = torch.randn(30, 3, dtype=torch.float64), torch.randn(30, dtype=torch.float64)
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights], line_search_fn="strong_wolfe", max_iter=50, tolerance_grad=1e-10, tolerance_change=1e-14
    )

    def closure():
        optimiser.zero_grad()
        value = loss(data, weights, labels)
        value.backward()
        return value

    optimiser.step(closure)
    torch.testing.assert_close(weights.detach(), torch.linalg.lstsq(data, labels).solution, rtol=1e-6, atol=1e-8)


def test_it_composes_with_torch():
    f = mc.torch_function(mc.tanh(A @ x), [A, x])
    a, v = tensors([A, x])
    loss = (f(a.exp(), v * 2) ** 3).sum()
    (got,) = torch.autograd.grad(loss, v, retain_graph=True)
    (want,) = torch.autograd.grad((torch.tanh(a.exp() @ (2 * v)) ** 3).sum(), v)
    torch.testing.assert_close(got, want)


def test_hessians_and_maps_of_torch_func():
    f = mc.torch_function(mc.sum(mc.log(1 + mc.exp(A @ x))), [A, x])
    a, v = (t.detach() for t in tensors([A, x]))
    plain = lambda v: torch.log(1 + torch.exp(a @ v)).sum()  # noqa: E731
    torch.testing.assert_close(torch.autograd.functional.hessian(lambda v: f(a, v), v), torch.func.hessian(plain)(v))
    torch.testing.assert_close(torch.func.grad(lambda v: f(a, v))(v), torch.func.grad(plain)(v))
    many = torch.stack([v, 2 * v, -v])
    torch.testing.assert_close(torch.vmap(lambda v: f(a, v))(many), torch.vmap(plain)(many))
    per_sample = torch.vmap(torch.func.grad(lambda v: f(a, v)))(many)
    torch.testing.assert_close(per_sample, torch.vmap(torch.func.grad(plain))(many))


def test_third_derivatives():
    f = mc.torch_function(mc.sum(mc.power(x, 4)), [x])
    (v,) = tensors([x])
    (g,) = torch.autograd.grad(f(v), v, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), v, create_graph=True)
    (t,) = torch.autograd.grad(h.sum(), v)
    torch.testing.assert_close(t, 24 * v.detach())


def test_single_precision_stays_single():
    f = mc.torch_function(mc.norm2(A @ x - b) ** 2, [A, x, b])
    given = tensors([A, x, b], dtype=torch.float32)
    value = f(*given)
    value.backward()
    assert value.dtype == torch.float32
    assert all(t.grad.dtype == torch.float32 for t in given)
    double = tensors([A, x, b])
    f(*double).backward()
    for t, d in zip(given, double, strict=True):
        torch.testing.assert_close(t.grad, d.grad.float(), rtol=1e-4, atol=1e-4)
    mixed = f(given[0], double[1], double[2])
    assert mixed.dtype == torch.float64


def test_integers_lists_and_numpy_arrays_are_data():
    f = mc.torch_function(mc.norm2(A @ x - b) ** 2, [A, x, b])
    a, v, _ = tensors([A, x, b])
    for labels in (torch.tensor([1, 0, 2]), [1, 0, 2], np.array([1, 0, 2]), torch.tensor([[1], [0], [2]])):
        (got,) = torch.autograd.grad(f(a, v, b=labels), v)
        (want,) = torch.autograd.grad(((a @ v - torch.tensor([1.0, 0, 2])) ** 2).sum(), v)
        torch.testing.assert_close(got, want)
    k = mc.scalar("k", integer=True)
    power = mc.torch_function(mc.sum(mc.power(x, k)), [x, k])
    for exponent in (3, torch.tensor(3)):
        (g,) = torch.autograd.grad(power(v, exponent), v)
        torch.testing.assert_close(g, 3 * v.detach() ** 2)
    with pytest.raises(OperandError, match=r"k is an integer exponent, not 1\.5"):
        power(v, 1.5)


def test_only_what_is_wanted_is_computed():
    f = mc.torch_function(mc.norm2(A @ x - b) ** 2, [A, x, b], wrt=["x"])
    given = tensors([A, x, b])
    f(*given).backward()
    assert given[0].grad is None
    assert given[2].grad is None
    assert given[1].grad is not None
    everything = mc.torch_function(mc.logdet(mc.symbols("C[n,n]")))
    with torch.no_grad():
        assert not everything(torch.eye(3)).requires_grad


def test_without_gradients_the_value_alone_is_computed():
    f = mc.torch_function(mc.norm2(mc.tanh(A @ x) - b) ** 2, [A, x, b])
    given = tensors([A, x, b])
    with torch.no_grad():
        value = f(*given)
        assert not value.requires_grad
        gradient = torch.func.grad(lambda v: f(given[0], v, given[2]))(given[1].detach())  # which asks for gradients again
    with_gradient = f(*given)
    torch.testing.assert_close(value, with_gradient.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(with_gradient, given[1])[0])


def test_what_value_and_gradient_share_is_kept():
    f = mc.torch_function(mc.norm2(mc.tanh(A @ x) - b) ** 2, [A, x, b])
    assert f.source.count("tanh") == 1
    assert "tanh" not in f.backward_source
    linear = mc.torch_function(A @ x, [A, x])
    assert linear.source.splitlines()[-1].strip() == "return (A @ x,)"


def test_several_outputs():
    f = mc.torch_function([A @ x, mc.norm2(x)], [A, x])
    a, v = tensors([A, x])
    first, second = f(a, v)
    (got,) = torch.autograd.grad(first.sum() * second, v)
    (want,) = torch.autograd.grad((a @ v).sum() * v.norm(), v)
    torch.testing.assert_close(got, want)
    (got,) = torch.autograd.grad(f(a, v)[0].sum(), v)  # of one of them
    torch.testing.assert_close(got, a.detach().sum(0))
    assert torch.autograd.gradcheck(f, (a, v))


def test_an_argument_handed_on_is_a_result_of_its_own():
    f = mc.torch_function(x, [x])
    (v,) = tensors([x])
    f(v).sum().backward()
    torch.testing.assert_close(v.grad, torch.ones(4, dtype=torch.float64))


def test_errors():
    f = mc.torch_function(A @ x, [A, x])
    a, v = tensors([A, x])
    refused = [
        (ShapeError, r"x is \(n,\), but the array given has shape \(5,\), while A has n = 4", lambda: f(a, torch.ones(5))),
        (ShapeError, r"A is \(m, n\), but the array given has shape \(4,\)", lambda: f(v, v)),
        (OperandError, "missing: x; the parameters are A, x", lambda: f(a)),
        (OperandError, "there is no parameter y", lambda: f(a, y=v)),
        (OperandError, "3 arguments given, but there are 2", lambda: f(a, v, v)),
        (OperandError, "x must be an array of real numbers, not a str", lambda: f(a, "ab")),
        (OperandError, "x must be an array of real numbers, not one of torch.complex128", lambda: f(a, v * 1j)),
        (OperandError, "x must be an array of real numbers, not one of complex128", lambda: f(a, np.ones(4) * 1j)),
        (OperandError, "args leaves out x", lambda: mc.torch_function(A @ x, [A])),
        (OperandError, "wrt names q, which does not occur", lambda: mc.torch_function(A @ x, wrt=["q"])),
        (UnsupportedError, "z is complex", lambda: mc.torch_function(mc.norm2(mc.symbols("z[n](complex)")))),
        (UnsupportedError, "has an unspecified function", lambda: mc.torch_function(mc.function("L")(x))),
        (UnsupportedError, "no argument shows the size n", lambda: mc.torch_function(mc.sum(mc.ones(mc.dims("n"))))),
        (OperandError, "k is an integer: there is no gradient by it",
         lambda: mc.torch_function(mc.power(x, mc.scalar("k", integer=True)), wrt=["k"])),
    ]  # fmt: skip
    for error, message, call in refused:
        with pytest.raises(error, match=message):
            call()
