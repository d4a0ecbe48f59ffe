"""Sums over named indices against NumPy's own einsum, and the code that they become."""

import string

import numpy as np
import pytest

import matcalc as mc
from matcalc.ops.structure import Diag, Eye


def code(e):
    return [line.strip() for line in mc.compile(e).source.split('"""\n')[1].splitlines()]


m, n, p, q = mc.dims("m n p q")
A, B, C, W = mc.matrix("A", m, n), mc.matrix("B", m, p), mc.matrix("C", n, p), mc.matrix("W", p, q)
T, U = mc.tensor("T", m, n, p), mc.tensor("U", m, p, q)
x, y, z = mc.vector("x", m), mc.vector("y", n), mc.vector("z", p)

WRITTEN = [
    (("ij,jk->ik", A, C), ["return A @ C"]),
    (("ij,ik->jk", A, B), ["return A.T @ B"]),
    (("ij,ik->kj", A, B), ["return B.T @ A"]),
    (("ij,j->i", A, y), ["return A @ y"]),
    (("i,ij->j", x, A), ["return A.T @ x"]),
    (("ij,ik,jk->ij", A, B, C), ["return A * (B @ C.T)"]),
    (("i,j->ij", x, y), ["return x[:, None] * y"]),
    (("i,j->ji", x, y), ["return y[:, None] * x"]),
    (("ij->ji", A), ["return A.T.copy()"]),
    (("ij->i", A), ["return A.sum(axis=1)"]),
    (("ij->", A), ["return A.sum()"]),
    (("ij,ij->", A, A), ["return np.vdot(A, A)"]),
    (("ijk,kl->ijl", T, W), ["return (T.reshape(-1, p) @ W).reshape(m, n, q)"]),
    (("ijk,ijl->kl", T, mc.tensor("V", m, n, q)), ["return T.reshape(-1, p).T @ V.reshape(-1, q)"]),
    (("ijk,ikl->ijl", T, U), ["return T @ U"]),
    (("ijk,ik->ij", T, B), ["return (T @ B[:, :, None])[:, :, 0]"]),
    (("ijk,ij->ik", T, A), ["return (A[:, None, :] @ T)[:, 0, :]"]),
    (("ijk,jk->i", T, C), ["return T.reshape(m, -1) @ C.reshape(-1)"]),
    (("ijk,ij,jk,i->", T, A, C, x), None),
    (("ij,ik,i->jk", A, B, mc.exp(x)), ["return (A * np.exp(x)[:, None]).T @ B"]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "lines"), WRITTEN, ids=[w[0][0] for w in WRITTEN])
def test_reads_as_a_person_would_write_it(given, lines):
    e = mc.einsum(*given)
    if lines is not None:
        assert [line for line in code(e) if " = " not in line or ".shape" not in line] == lines
    sizes = {"m": 4, "n": 3, "p": 5, "q": 2}
    rng = np.random.default_rng(0)
    values = {s.name: rng.standard_normal([sizes[str(d)] for d in s.shape]) for s in e.symbols}
    operands = [mc.compile(a)(**{s.name: values[s.name] for s in a.symbols}) for a in given[1:]]
    np.testing.assert_allclose(mc.compile(e)(**values), np.einsum(given[0], *operands), rtol=1e-10)


# ------------------------------------------------------------------ random sums
def random_sum(rng, most):
    """Operands of 0 to 4 axes with random letters, some equal, some symmetric, constant or diagonal."""
    letters = string.ascii_lowercase[: rng.integers(1, 8)]
    size = {c: int(rng.integers(1 if rng.random() < 0.15 else 2, 5)) for c in letters}
    specs, operands = [], []
    for k in range(rng.integers(1, most)):
        own = "".join(rng.choice(list(letters), rng.choice([0, 1, 2, 2, 2, 2, 3, 4])))
        if len(own) > 2:
            own = "".join(c for c in own if size[c] > 1)
        if rng.random() < 0.7:
            own = "".join(dict.fromkeys(own))
        shape = [size[c] for c in own]
        name = f"R{'_'.join(map(str, shape))}" if shape and rng.random() < 0.5 else f"M{k}"
        kind = rng.random()
        if len(own) > 2:
            e = mc.tensor(name, *shape)
        elif len(own) == 2 and 1 not in shape and kind < 0.1 and shape[0] == shape[1]:
            e = Eye(shape[0])
        elif len(own) == 2 and 1 not in shape and kind < 0.2 and shape[0] == shape[1]:
            e = Diag(mc.vector(f"d{shape[0]}", shape[0]))
        elif len(own) == 2 and kind < 0.3:
            e = mc.vector(f"c{shape[0]}", shape[0]) @ mc.ones(shape[1]).T
        elif len(own) == 2 and kind < 0.35:
            e = mc.ones(*shape)
        elif len(own) == 2 and kind < 0.5 and shape[0] == shape[1]:
            e = mc.matrix(f"S{shape[0]}", shape[0], shape[0], symmetric=True)
        elif len(own) == 2:
            e = mc.matrix(name, *shape) if kind < 0.7 else mc.matrix(f"{name}_t", *shape[::-1]).T
        else:
            e = mc.vector(name, *shape) if own else mc.scalar(name)
        specs.append("".join(c for c in own if size[c] > 1) if e.axes is None else own)
        operands.append(e)
    used = sorted(set("".join(specs)))
    output = "".join(rng.permutation(used)[: rng.integers(0, 5)])
    return ",".join(specs) + "->" + output, operands


def value_at(e, rng, known):
    """An operand as an array without its axes of length 1; symbols take and keep random values."""
    for s in e.symbols:
        if s.name not in known:
            a = rng.standard_normal(s.shape)
            known[s.name] = a + a.T if s.symmetric and s.ndim == 2 else a
    return np.squeeze(np.asarray(mc.compile(e)(**{s.name: known[s.name] for s in e.symbols})))


@pytest.mark.parametrize("block", range(20))
def test_random_sums(block):
    rng = np.random.default_rng(block)
    for _ in range(15):
        spec, operands = random_sum(rng, 7 if block % 2 else 14)
        check_sum(spec, operands, rng)


def check_sum(spec, operands, rng):
    e = mc.einsum(spec, *operands)
    known = {}
    arrays = [value_at(x, rng, known) for x in operands]
    expected = np.einsum(spec, *arrays, optimize=True)
    found = mc.compile(e)(**{s.name: known[s.name] for s in e.symbols})
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * max(1, np.abs(expected).max(initial=0)), err_msg=spec)


def test_results_do_not_alias_arguments():
    for e, a in ((mc.einsum("ij->ji", A), A), (mc.einsum("ij->(ij)", A), A), (mc.einsum("ijk->kji", T), T)):
        given = np.ones([4, 3, 5][: a.ndim])
        result = mc.compile(e)(given)
        assert not np.shares_memory(result, given), e
