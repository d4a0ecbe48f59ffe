"""A half that a square needed, found again inside other products."""

import numpy as np
import pytest

import matcalc as mc
from matcalc.emit.contractions.known_halves import embedding
from matcalc.emit.contractions.labelled import Labelled
from matcalc.emit.contractions.mirrored import KnownHalf
from matcalc.emit.values import Builder

m, n, k, c = mc.dims("m n k c")
A, B, W = mc.matrix("A", m, n), mc.matrix("B", k, m), mc.matrix("W", c, n)
M, P = mc.matrix("M", n, k), mc.matrix("P", c, k)
d, u, v = mc.vector("d", m), mc.vector("u", n), mc.vector("v", k)
SIZES = {"m": 6, "n": 5, "k": 3, "c": 2}


def code(e):
    return [line.strip() for line in mc.compile(e).source.split('"""\n')[1].splitlines() if ".shape" not in line]


def values_of(e, rng):
    return {s.name: rng.standard_normal([SIZES[str(x)] for x in s.shape]) for s in e.symbols}


def arrays(b, text):
    words = [word.split(":") for word in text.split()]
    return tuple(Labelled(letters, b.leaf("symbol", name)) for name, letters in words)


@pytest.mark.parametrize(
    ("half", "product", "factors", "output", "letters"),
    [
        ("A:ki", "ki", "A:xy p:x", "y", {"k": "x", "i": "y"}),
        ("A:ab B:bc", "ac", "p:z B:yz A:xy", "x", {"a": "x", "b": "y", "c": "z"}),
        ("A:ab A:bc", "ac", "A:xy A:yz p:z", "x", {"a": "x", "b": "y", "c": "z"}),
        ("A:ab A:bc w:b", "ac", "A:xy A:yz A:zq w:z p:q", "x", {"a": "y", "b": "z", "c": "q"}),
        ("A:ab B:bc", "ac", "p:z B:yz A:xy w:y", "x", None),  # the inner index has another factor
        ("A:ab B:bc", "ac", "p:z B:yz A:xy", "y", None),  # or is one of the result's
        ("A:ab B:bc", "ac", "p:z B:zy A:xy", "x", None),  # transposed
        ("A:ab A:cb", "ac", "A:xy p:y", "x", None),  # one factor for two
        ("A:ab", "ab", "A:xx p:x", "", None),  # an index for two
    ],
)
def test_embedding(half, product, factors, output, letters):
    b = Builder()
    known = KnownHalf(arrays(b, half), Labelled(product, b.leaf("symbol", "G")))
    found = embedding(known, arrays(b, factors), output)
    assert (found and found[0]) == letters


def long_half():
    """``B diag(d) A`` squared, and its products with a vector in the ways that they are printed."""
    half = B @ mc.diag(d) @ A
    square = A.T @ mc.diag(d) @ B.T @ mc.diag(mc.exp(v)) @ B @ mc.diag(d) @ A
    yield square, A.T @ mc.diag(d) @ B.T @ v
    yield square, A.T @ mc.multiply(d, B.T @ v)
    yield square, v.T @ half
    yield square, mc.multiply(u, A.T @ mc.multiply(d, B.T @ v))
    yield square, A.T @ mc.diag(d) @ B.T @ mc.sin(M).T
    yield square, 3 * A.T @ mc.multiply(d, B.T @ v)
    tensor = mc.einsum("ki,kj,il,jl,kl->ij", W, W, M, M, mc.exp(P))
    yield tensor, mc.multiply(M, W.T @ P)
    yield tensor, mc.multiply(M.T, P.T @ W)
    yield tensor, mc.multiply(M, W.T @ mc.exp(P))


@pytest.mark.parametrize("case", range(9))
def test_values(case):
    """Alone and beside the square, in either order."""
    square, other = list(long_half())[case]
    rng = np.random.default_rng(case)
    values = {**values_of(square, rng), **values_of(other, rng)}
    alone = mc.compile(other)(**{s.name: values[s.name] for s in other.symbols})
    squared = mc.compile(square)(**{s.name: values[s.name] for s in square.symbols})
    first, second = mc.compile([square, other])(**values), mc.compile([other, square])(**values)
    for found, expected in zip([*first, *second], [squared, alone, alone, squared], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", range(4))
def test_the_half_is_used(case):
    square, other = list(long_half())[case]
    lines = code([square, other])
    assert sum("A" in line for line in lines) == 1
    assert code([other, square])[:-1] == lines[:-1]


def test_no_half_where_it_does_not_pay():
    """With few entries on both sides, the chain stays a chain."""
    square, _ = next(long_half())
    a, b = mc.symbols("a[m] b[k]")
    lines = code([square, a.T @ mc.diag(d) @ B.T @ b])
    assert "B.T @ b" in str(lines)
