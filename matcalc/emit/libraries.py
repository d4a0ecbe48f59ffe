"""The back ends besides NumPy: tables of what each library calls differently."""

from __future__ import annotations

from matcalc.emit.backends import FACTORS, NUMPY, OWN, Backend
from matcalc.errors import UnsupportedError

ELU = "np.where(#1 > 0, #1, #2 * np.expm1(np.minimum(#1, 0)))"
GAMMAS = {"erf", "lgamma", "digamma", "trigamma", "polygamma"}
SHARED = (NUMPY.helpers - FACTORS - OWN) | {
    "scalar", "softplus", "tri", "diag", "kron", "imag", "real", "symmetric_product", "einsum",
}  # fmt: skip

JAX = Backend(
    "jax", "jax.numpy", "jnp", "matcalc.emit.runtime.for_jax",
    helpers=FACTORS,
    factors=True,
    also=(("jax", "jax"),),
    shared=SHARED - GAMMAS - {"gamma", "sigmoid", "softmax", "logsumexp"},
    many_axes=True,
    expands=True,
    like="dtype=#like.dtype",
    zero="jnp.zeros(())",
    prepares=True,
    symmetric_products=True,
    vectors_first=True,
    names=(
        ("sigmoid", "jax.nn.sigmoid"), ("softmax", "jax.nn.softmax"), ("logsumexp", "jax.nn.logsumexp"),
        ("erf", "jax.scipy.special.erf"), ("gamma", "jax.scipy.special.gamma"), ("lgamma", "jax.scipy.special.gammaln"),
        ("digamma", "jax.scipy.special.digamma"), ("polygamma", "jax.scipy.special.polygamma"),
    ),
    words=(
        ("np.linalg.norm(#1)", "norm(jnp, #1)"),
        ("#1.copy()", "jnp.copy(#1)"),
        ("trigamma(#1)", "jax.scipy.special.polygamma(1, #1)"),
        ("softmax(#1)", "jax.nn.softmax(#1, axis=None)"),
        ("np.linalg.svd(#1, compute_uv=False)", "jnp.linalg.svdvals(#1)"),
        ("np.logaddexp(0, #1)", "jax.nn.softplus(#1)"),
    ),
)  # fmt: skip

TORCH = Backend(
    "torch", "torch", "torch", "matcalc.emit.runtime.for_torch",
    helpers=FACTORS,
    factors=True,
    shared=SHARED - GAMMAS - {"sigmoid"},
    many_axes=True,
    expands=True,
    like="dtype=#like.dtype, device=#like.device",
    zero="torch.zeros((), dtype=torch.float64)",
    numbers_are_arrays=False,
    symmetric_products=True,
    names=(
        ("sigmoid", "torch.sigmoid"), ("erf", "torch.special.erf"), ("lgamma", "torch.lgamma"), ("digamma", "torch.digamma"),
        ("polygamma", "torch.polygamma"), ("np.concatenate", "torch.cat"), ("np.tri", "tri"),
        ("np.conj", "torch.conj_physical"), ("np.cross", "torch.linalg.cross"), ("np.imag", "imag"), ("np.kron", "kron"),
    ),
    methods=(("transpose", ".permute"),),
    words=(
        ("np.linalg.norm(#1)", "norm(torch, #1)"),
        ("#1.copy()", "#1.clone()"),
        ("np.linalg.svd(#1, compute_uv=False)", "torch.linalg.svdvals(#1)"),
        ("np.logaddexp(0, #1)", "-torch.nn.functional.logsigmoid(-#1)"),
        ("np.heaviside(#1, 0.0)", "torch.heaviside(#1, torch.zeros_like(#1))"),
        ("np.maximum(#1, 0)", "torch.clamp(#1, min=0)"),
        (ELU, "torch.where(#1 > 0, #1, #2 * torch.expm1(torch.clamp(#1, max=0)))"),
        ("0.5 * #1 * (1 + erf(#1 / np.sqrt(2)))", "torch.nn.functional.gelu(#1)"),
        ("trigamma(#1)", "torch.polygamma(1, #1)"),
        ("#1 * sigmoid(#1)", "torch.nn.functional.silu(#1)"),
        ("softmax(#1, axis=#2)", "torch.softmax(#1, #2)"),
        ("logsumexp(#1, axis=#2)", "torch.logsumexp(#1, #2)"),
        ("np.prod(#1, axis=#2)", "torch.prod(#1, #2)"),
        ("np.max(#1, axis=#2)", "torch.amax(#1, #2)"),
        ("np.cumsum(#1)", "torch.cumsum(#1, 0)"),
        ("np.cumsum(#1[::-1])[::-1]", "torch.cumsum(#1.flip(0), 0).flip(0)"),
        ("np.cumsum(#1[::-1], axis=0)[::-1]", "torch.cumsum(#1.flip(0), 0).flip(0)"),
        ("np.cumsum(#1[:, ::-1], axis=1)[:, ::-1]", "torch.cumsum(#1.flip(1), 1).flip(1)"),
    ),
)  # fmt: skip

ARRAY_API = Backend(
    "array_api", "array_api_compat", "xp", "matcalc.emit.runtime.for_array_api",
    helpers=frozenset(("device", "namespace")),
    shared=SHARED,
    many_axes=True,
    expands=True,
    like="dtype=#like.dtype, device=device(#like)",
    numbers_are_arrays=False,
    scalars_are_numbers=True,
    zero="xp.zeros((), dtype=xp.float64)",
    first="namespace",
    prepares=True,
    names=(
        ("np.concatenate", "xp.concat"), ("np.arctan", "xp.atan"), ("np.trace", "xp.linalg.trace"), ("np.diag", "diag"),
        ("np.kron", "kron"), ("np.tri", "tri"), ("np.cross", "xp.linalg.cross"), ("np.cumsum", "xp.cumulative_sum"),
        ("np.outer", "xp.linalg.outer"), ("np.imag", "imag"), ("np.real", "real"),
        ("np.einsum", "einsum"),
    ),
    methods=(("transpose", "xp.permute_dims"), ("reshape", "xp.reshape"), ("sum", "xp.sum")),
    words=(
        ("np.linalg.norm(#1)", "norm(xp, #1)"),
        ("#1.copy()", "xp.asarray(#1, copy=True)"),
        ("np.linalg.svd(#1, compute_uv=False)", "xp.linalg.svdvals(#1)"),
        ("np.linalg.norm(#1, 'nuc')", "xp.sum(xp.linalg.svdvals(#1))"),
        ("np.linalg.norm(#1, 2)", "xp.linalg.svdvals(#1)[0]"),
        ("np.logaddexp(0, #1)", "softplus(xp, #1)"),
        ("np.heaviside(#1, 0.0)", "xp.astype(#1 > 0, #1.dtype)"),
        ("np.maximum(#1, 0)", "xp.clip(#1, min=0)"),
        (ELU, "xp.where(#1 > 0, #1, #2 * xp.expm1(xp.clip(#1, max=0)))"),
        ("0.5 * #1 * (1 + erf(#1 / np.sqrt(2)))", "0.5 * #1 * (1 + erf(xp, #1 / 2**0.5))"),
        ("np.cumsum(#1[::-1])[::-1]", "xp.flip(xp.cumulative_sum(xp.flip(#1)))"),
        ("np.cumsum(#1[::-1], axis=0)[::-1]", "xp.flip(xp.cumulative_sum(xp.flip(#1, axis=0), axis=0), axis=0)"),
        ("np.cumsum(#1[:, ::-1], axis=1)[:, ::-1]", "xp.flip(xp.cumulative_sum(xp.flip(#1, axis=1), axis=1), axis=1)"),
    ),
)  # fmt: skip

BACKENDS: dict[str, Backend] = {b.name: b for b in (NUMPY, JAX, TORCH, ARRAY_API)}


def backend_of(name: object) -> Backend:
    """The backend of this name."""
    if isinstance(name, str) and name in BACKENDS:
        return BACKENDS[name]
    raise UnsupportedError(f"unknown backend {name!r}; the known ones are {', '.join(BACKENDS)}")
