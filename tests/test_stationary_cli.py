"""``matcalc stationary``: what it prints in each format, constraints, exit status."""

import pytest

from matcalc.cli import main

LEAST_NORM = ("norm2(x)^2", "--wrt", "x", "--vars", "A[m,n] x[n] b[m]", "--subject-to", "A*x - b")


def run(capsys, *arguments):
    try:
        status = main(("stationary", *arguments))
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    return status, out, err


def test_text(capsys):
    status, out, err = run(capsys, "norm2(A*x - y)^2", "--wrt", "x")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "f = norm2(A*x - y)^2, stationary in x"
    assert "x = pinv(A)*y" in out
    assert out.splitlines()[-1] == "assuming A'*A invertible"


def test_constraints_and_check(capsys):
    status, out, _ = run(capsys, *LEAST_NORM, "--check")
    assert status == 0
    assert "subject to A*x - b = 0" in out
    assert "x = pinv(A)*b" in out
    assert out.splitlines()[-1].startswith("checked: 3 random points")


def test_two_constraints(capsys):
    status, out, _ = run(
        capsys,
        "w'*S*w",
        "--wrt",
        "w",
        "--vars",
        "w[n] S[n,n](psd) u[n] r",
        "--subject-to",
        "sum(w) - 1",
        "--subject-to",
        "u'*w - r",
    )
    assert status == 0
    assert "lambda1" in out
    assert "lambda2" in out


def test_several_unknowns(capsys):
    status, out, _ = run(capsys, "norm2(A*x + c*ones(m) - b)^2", "--wrt", "x,c", "--vars", "A[m,n] x[n] b[m] c")
    assert status == 0
    assert "stationary in x, c" in out


@pytest.mark.parametrize(
    ("to", "start"), [("latex", "\\begin{aligned}"), ("markdown", "Stationary points of $f"), ("text", "f = ")]
)
def test_formats(capsys, to, start):
    status, out, err = run(capsys, *LEAST_NORM, "--to", to)
    assert (status, err) == (0, "")
    assert out.startswith(start)


def test_what_is_refused(capsys):
    status, out, err = run(capsys, "sum(softplus(X*w)) - y'*X*w", "--wrt", "w")
    assert (status, out) == (2, "")
    assert "w stands inside sigmoid(X*w)" in err


def test_a_constraint_that_cannot_be_read(capsys):
    status, _, err = run(capsys, "norm2(x)^2", "--wrt", "x", "--subject-to", "A*(x")
    assert status == 2
    assert "in --subject-to:" in err


def test_an_unknown_that_is_not_there(capsys):
    status, _, err = run(capsys, "norm2(x)^2", "--wrt", "z")
    assert status == 2
    assert "--wrt z: there is no such variable" in err
