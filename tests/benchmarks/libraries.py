"""The few functions that the benchmark's problems need, in the words of JAX and of PyTorch."""

from types import SimpleNamespace


def jax_words():
    import jax
    import jax.numpy as jnp

    return SimpleNamespace(
        exp=jnp.exp,
        log=jnp.log,
        sin=jnp.sin,
        sqrt=jnp.sqrt,
        tanh=jnp.tanh,
        relu=jax.nn.relu,
        softplus=jax.nn.softplus,
        inv=jnp.linalg.inv,
        solve=jnp.linalg.solve,
        logdet=lambda a: jnp.linalg.slogdet(a)[1],
        sum=lambda a, axis=None: jnp.sum(a, axis=axis),
        logsumexp=lambda a, axis=-1: jax.scipy.special.logsumexp(a, axis=axis),
        softmax=lambda a, axis=-1: jax.nn.softmax(a, axis=axis),
        eye=lambda n: jnp.eye(n),
    )


def torch_words():
    import torch
    from torch.nn import functional

    return SimpleNamespace(
        exp=torch.exp,
        log=torch.log,
        sin=torch.sin,
        sqrt=torch.sqrt,
        tanh=torch.tanh,
        relu=torch.relu,
        softplus=lambda a: functional.softplus(a, threshold=40.0),
        inv=torch.linalg.inv,
        solve=torch.linalg.solve,
        logdet=lambda a: torch.linalg.slogdet(a)[1],
        sum=lambda a, axis=None: torch.sum(a) if axis is None else torch.sum(a, dim=axis),
        logsumexp=lambda a, axis=-1: torch.logsumexp(a, dim=axis),
        softmax=lambda a, axis=-1: torch.softmax(a, dim=axis),
        eye=lambda n: torch.eye(n, dtype=torch.float64),
    )
