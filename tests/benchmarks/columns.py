"""What is timed for every problem: automatic differentiation, the closed form by hand, and matcalc's code."""

from benchmarks.libraries import jax_words, torch_words
from benchmarks.problems import Arrays

import matcalc as mc


def derivative(problem, which):
    """matcalc's expression of the derivative, or several."""
    e = mc.parse(problem.written(which), problem.declarations(which))
    wrt = list(problem.wrt) if isinstance(problem.wrt, tuple) else problem.wrt
    match problem.kind:
        case "grad":
            return mc.grad(e, wrt)
        case "hessian":
            return mc.hessian(e, wrt, layout="tensor")
        case "jacobian":
            return mc.jacobian(e, wrt, layout="tensor")
        case "vjp":
            return mc.vjp(e, wrt, problem.given)
        case "hvp":
            return mc.hvp(e, wrt, problem.given)


def by_hand(problem, which):
    arrays = problem.arrays(which)
    return lambda: problem.by_hand(arrays)


def matcalc_on(backend):
    def build(problem, which):
        function = mc.compile(derivative(problem, which), backend=backend)
        arrays = {name: CONVERT[backend](a) for name, a in problem.arrays(which).items() if name in function.names}
        return finished(lambda: function(**arrays), backend)

    return build


def finished(call, backend):
    """The call until its results are there: JAX returns before they are."""
    if backend != "jax":
        return call
    import jax

    return lambda: jax.block_until_ready(call())


def _jax_array(a):
    import jax.numpy as jnp

    return jnp.asarray(a)


def _torch_array(a):
    import torch

    return torch.from_numpy(a.copy())


CONVERT = {"numpy": lambda a: a, "jax": _jax_array, "torch": _torch_array}


def split(problem, values):
    """The variables of the derivative, and a function of them that puts them among the others."""
    names = problem.wrt if isinstance(problem.wrt, tuple) else (problem.wrt,)

    def at(f, words):
        return lambda *given: f(words, Arrays({**values, **dict(zip(names, given, strict=True))}))

    return [values[name] for name in names], at


def jax_autodiff(problem, which):
    """Jitted ``jax.grad``, ``jax.hessian``, ``jax.jacrev``, ``jax.vjp``, or ``jax.jvp`` of the gradient."""
    import jax

    values = {name: _jax_array(a) for name, a in problem.arrays(which).items()}
    names = problem.wrt if isinstance(problem.wrt, tuple) else (problem.wrt,)

    def result(values):
        given, at = split(problem, values)
        f = at(problem.f, jax_words())
        every = tuple(range(len(given)))
        match problem.kind:
            case "grad":
                out = jax.grad(f, every)(*given)
            case "vjp":
                out = jax.vjp(f, *given)[1](values[problem.given])
            case "hessian":
                out = (jax.hessian(f)(*given),)
            case "jacobian":
                out = (jax.jacrev(f)(*given),)
            case "hvp":
                out = (jax.jvp(jax.grad(f), given, [values[problem.given]])[1],)
        return out if len(names) > 1 else out[0]

    jitted = jax.jit(result)
    return lambda: jax.block_until_ready(jitted(values))


def torch_autodiff(problem, which):
    """``torch.autograd.grad`` for gradients, ``torch.func`` for the others."""
    import torch

    values = {name: _torch_array(a) for name, a in problem.arrays(which).items()}
    given, at = split(problem, values)
    f = at(problem.f, torch_words())
    match problem.kind:
        case "grad" | "vjp":
            for leaf in given:
                leaf.requires_grad_()
            upstream = values.get(problem.given)
            single = not isinstance(problem.wrt, tuple)

            def call():
                found = torch.autograd.grad(f(*given), given, grad_outputs=upstream)
                return found[0] if single else found

            return call
        case "hessian":
            return lambda: torch.func.hessian(f)(*given)
        case "jacobian":
            return lambda: torch.func.jacrev(f)(*given)
        case "hvp":
            return lambda: torch.func.jvp(torch.func.grad(f), tuple(given), (values[problem.given],))[1]


COLUMNS = {
    "jax": jax_autodiff,
    "torch": torch_autodiff,
    "hand": by_hand,
    "matcalc-numpy": matcalc_on("numpy"),
    "matcalc-jax": matcalc_on("jax"),
    "matcalc-torch": matcalc_on("torch"),
}
