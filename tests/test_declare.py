"""Declaring symbols, in Python and in a line of text."""

import pytest

import matcalc as mc


def test_symbols_reads_scalars_vectors_and_matrices():
    A, x, c, S, K = mc.symbols("A[m,n] x[n] c S[n,n](symmetric), K [n, n] (psd, toeplitz)")
    m, n = mc.dims("m n")
    assert (A.shape, x.shape, c.shape) == ((m, n), (n,), ())
    assert S.facts == ("symmetric",)
    assert K.facts == ("psd", "toeplitz")
    assert K.has("invertible")


def test_one_symbol_comes_alone():
    assert mc.symbols("x[n]") is mc.vector("x", mc.dims("n"))
    assert mc.symbols(" k(integer) ") is mc.scalar("k", integer=True)


def test_functions_and_text_make_the_same_symbols():
    m, n = mc.dims("m n")
    assert mc.symbols("A[m,n]") is mc.matrix("A", m, n)
    assert mc.symbols("S[n,n](psd)") is mc.matrix("S", n, n, psd=True, diagonal=False)
    assert mc.symbols("x[3]") is mc.vector("x", 3)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x[n+1]", "n + 1"),
        ("x[2*m]", "2*m"),
        ("x[m*n]", "m*n"),
        ("x[n^2]", "n**2"),
        ("x[n*(n+1)/2]", "n*(n + 1)/2"),
        ("x[12]", "12"),
        ("x[(n)]", "n"),
        ("x[2*3]", "6"),
    ],
)
def test_dimensions_are_polynomials(text, rows):
    assert str(mc.symbols(text).rows) == rows


@pytest.mark.parametrize("name", ["α", "Σ", "θ_1", "x1", "lam"])
def test_names_may_be_greek(name):
    assert mc.symbols(f"{name}[n]").name == name
    assert mc.vector(name, 3).name == name


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        (" , ", 1, "at least one name"),
        ("A[m", 2, "partner"),
        ("A[m,n]]", 7, "partner"),
        ("A[m][n]", 5, "partner"),
        ("S[n,n](symmetric", 7, "partner"),
        ("A[m,]", 5, "missing"),
        ("A[]", 3, "missing"),
        ("x[n] x[m]", 6, "declared twice"),
        ("x[n] x[n](unit)", 6, "declared twice"),
        ("x[0]", 3, "at least 1"),
        ("x[-2]", 3, "at least 1"),
        ("x[1.5]", 3, "polynomial"),
        ("x[n", 2, "partner"),
        ("x[sin(n)]", 3, "polynomial"),
        ("x[n+]", 5, "missing"),
        ("x[n m]", 5, "operator is missing"),
        ("x[n^n]", 4, "polynomial"),
        ("x[1/2]", 3, "whole number"),
        ("2x", 1, "cannot read '2'"),
        ("x = 3", 3, "cannot read '='"),
        ("_x", 1, "cannot read '_'"),
        ("x\x00", 2, "cannot read"),
        ("__import__('os')", 1, "cannot read"),
    ],
)
def test_bad_declarations_say_where(text, column, says):
    with pytest.raises(mc.ParseError, match=says) as caught:
        mc.symbols(text)
    assert caught.value.column == column
    assert caught.value.line == 1
    assert not text.strip() or "^ line 1" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("A[m,n](symmetric)", mc.ShapeError, "square"),
        ("x[n](integer)", mc.ShapeError, "scalar"),
        ("S[n,n](nice)", mc.MatcalcError, "unknown attribute 'nice'"),
        ("z[n](complex,positive)", mc.UnsupportedError, "complex"),
        ("T[m,n,k](symmetric)", mc.UnsupportedError, "3 axes"),
        ("x[99999999999]", mc.MatcalcError, "at most"),
        ("x[9^8^8]", mc.LimitError, "too large"),
        ("x[(n+m)^8^8]", mc.LimitError, "too large"),
        ("x[" + "n+" * 500 + "n]", mc.LimitError, "too long"),
        ("x " * 60_000, mc.LimitError, "limit"),
        (7, mc.OperandError, "text"),
        (None, mc.OperandError, "text"),
        (b"x", mc.OperandError, "text"),
    ],
)
def test_other_bad_declarations(text, error, says):
    with pytest.raises(error, match=says) as caught:
        mc.symbols(text)
    assert isinstance(caught.value, mc.MatcalcError)


def test_facts_as_keywords_are_checked():
    with pytest.raises(mc.MatcalcError, match="unknown attribute 'symetric'"):
        mc.matrix("S", 3, 3, symetric=True)
    with pytest.raises(mc.MatcalcError, match="unknown attribute 'symetric'"):
        mc.matrix("S", 3, 3, symetric=False)
    with pytest.raises(mc.OperandError, match="True or False"):
        mc.matrix("S", 3, 3, symmetric="yes")
    with pytest.raises(mc.ShapeError, match="square"):
        mc.matrix("S", 2, 3, symmetric=True)


@pytest.mark.parametrize("name", ["", "2x", "a b", "_x", "x'", None, 3])
def test_bad_names(name):
    with pytest.raises(mc.OperandError, match="not a name"):
        mc.scalar(name)
    with pytest.raises(mc.OperandError, match="not a name"):
        mc.let(name, mc.scalar("c"))


@pytest.mark.parametrize("size", [0, -1, 1.5, "n", None, True])
def test_bad_sizes(size):
    with pytest.raises(mc.ShapeError, match="dimension"):
        mc.vector("x", size)


def test_let_prints_its_name_and_keeps_the_shape():
    W, x = mc.symbols("W[m,n] x[n]")
    f = mc.let("f", W @ x)
    assert str(f) == "f"
    assert f.shape == (W @ x).shape
    assert str(mc.let("two", 2)) == "two"
    with pytest.raises(mc.OperandError):
        mc.let("f", "W*x")
