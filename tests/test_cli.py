"""The command line: verbs, options, exit status, and what it says to bad input."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import matcalc as mc
from matcalc.cli import FORMATS, main
from matcalc.codefiles.to_code import LANGUAGES

F = "norm2(A*x - y)^2"


def run(capsys, *arguments):
    """Exit status, standard output and standard error of a call."""
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    return status, out, err


def process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "matcalc", *arguments], capture_output=True, text=True, timeout=120, check=False, **options
    )


def function_of(source):
    space = {}
    exec(source, space)
    return space["function"]


# ------------------------------------------------------------------ grad
def test_grad(capsys):
    assert run(capsys, "grad", F, "--wrt", "x") == (0, "2*A'*(A*x - y)\n", "")


def test_grad_with_declarations(capsys):
    status, out, _ = run(capsys, "grad", "norm2(A*x - b)^2", "--wrt", "x", "--vars", "A[m,n] x[n] b[m]")
    assert (status, out) == (0, "2*A'*(A*x - b)\n")


def test_grad_says_what_it_assumes(capsys):
    assert run(capsys, "grad", "logdet(X)", "--wrt", "X")[1] == "inv(X)'\nassuming X invertible\n"


def test_grad_uses_attributes(capsys):
    assert run(capsys, "grad", "x'*S*x", "--wrt", "x", "--vars", "S[n,n](symmetric) x[n]")[1] == "2*S*x\n"


@pytest.mark.parametrize("names", ["A,x", "A x", "A, x", " A ,x, "])
def test_grad_by_several(capsys, names):
    assert run(capsys, "grad", F, "--wrt", names) == (0, "A: 2*(A*x - y)*x'\nx: 2*A'*(A*x - y)\n", "")


def test_grad_by_a_name_given_twice(capsys):
    assert run(capsys, "grad", F, "--wrt", "x,x")[1] == "2*A'*(A*x - y)\n"


def test_grad_by_what_does_not_occur_is_zero(capsys):
    assert run(capsys, "grad", "tr(X)", "--wrt", "Y", "--vars", "X[n,n] Y[n,m]")[:2] == (0, "zeros(n,m)\n")


@pytest.mark.parametrize("f", ["-x'*x", "-(x'*x)", "  -x'*x"])
def test_an_expression_may_start_with_a_minus_sign(capsys, f):
    assert run(capsys, "grad", f, "--wrt", "x")[:2] == (0, "-2*x\n")


def test_expressions_in_latex(capsys):
    f = r"-\|A x - y\|_2^2"
    assert run(capsys, "grad", "--from", "latex", f, "--wrt", "x") == (0, "2*A'*(y - A*x)\n", "")
    assert run(capsys, "simplify", r"(A B)^{-1} A", "--from", "latex", "--vars", "A[n,n] B[n,n]")[1].startswith("inv(B)\n")
    answer = r"(S + S^\top) x"
    assert run(capsys, "check", r"x^\top S x", "--from", "latex", "--wrt", "x", "--answer", answer)[0] == 0
    status, _, err = run(capsys, "grad", "--from", "latex", r"\lamda x", "--wrt", "x")
    assert status == 2
    assert "did you mean \\lambda" in err
    assert "^ line 1, column 1" in err


def test_grad_to_latex(capsys):
    assert run(capsys, "grad", F, "--wrt", "x", "--to", "latex")[1] == "2 A^{\\top} (A x - y)\n"


def test_grad_to_markdown(capsys):
    out = run(capsys, "grad", "logdet(X)", "--wrt", "X", "--to", "markdown")[1]
    assert out == "$$ X^{-\\top} $$\n\nAssuming X invertible.\n"


def test_grad_to_numpy_is_code_that_runs(capsys):
    out = run(capsys, "grad", F, "--wrt", "x", "--to", "numpy", "--check")[1]
    A, x, y = np.ones((3, 2)), np.ones(2), np.zeros(3)
    np.testing.assert_allclose(function_of(out)(A, x, y), [12, 12])
    assert out.splitlines()[-1].startswith("# checked: 5 random points")


def test_grad_by_several_to_numpy(capsys):
    out = run(capsys, "grad", F, "--wrt", "A,x", "--to", "numpy")[1]
    by_matrix, by_vector = function_of(out)(np.ones((3, 2)), np.ones(2), np.zeros(3))
    assert by_matrix.shape == (3, 2)
    assert by_vector.shape == (2,)


def test_grad_to_json(capsys):
    found = json.loads(run(capsys, "grad", "logdet(X)", "--wrt", "X", "--to", "json", "--check")[1])
    assert found["text"] == "inv(X)'"
    assert found["latex"] == "X^{-\\top}"
    assert found["shape"] == ["n", "n"] or len(set(found["shape"])) == 1
    assert found["conditions"] == ["X invertible"]
    assert found["check"]["passed"] is True


def test_json_holds_the_expression_itself(capsys):
    found = json.loads(run(capsys, "grad", "logdet(X)", "--wrt", "X", "--to", "json")[1])
    e = mc.from_json(json.dumps(found["expression"]))
    assert str(e) == found["text"]


def test_grad_by_several_to_json(capsys):
    found = json.loads(run(capsys, "grad", F, "--wrt", "A,x", "--to", "json")[1])
    assert list(found) == ["A", "x"]
    assert found["x"]["text"] == "2*A'*(A*x - y)"


# ------------------------------------------------------------------ steps and checks
def test_steps_end_in_the_gradient(capsys):
    status, out, _ = run(capsys, "grad", "x'*A*x", "--wrt", "x", "--steps", "--check")
    *lines, verdict = out.splitlines()
    assert status == 0
    assert lines[0] == "f = x'*A*x, by x"
    assert "df/dx = (A + A')*x" in out
    assert "delta[" in out
    assert verdict.startswith("checked: ")


def test_steps_by_several(capsys):
    out = run(capsys, "grad", F, "--wrt", "A,x", "--steps")[1]
    first, second = out.split("\n\n")
    assert first.splitlines()[0].endswith("by A")
    assert second.splitlines()[0].endswith("by x")


@pytest.mark.parametrize(
    ("to", "line"),
    [
        ("jax", "    return 2 * ((A @ x - y) @ A)"), ("torch", "    return 2 * (A.T @ (A @ x - y))"),
        ("array_api", "    return 2 * (A.T @ (A @ x - y))"), ("julia", "    return 2 * (A' * (A * x - y))"),
        ("matlab", "  value = 2 * (A' * (A * x - y));"),
    ],
)  # fmt: skip
def test_answers_in_other_languages(capsys, to, line):
    status, out, err = run(capsys, "grad", F, "--wrt", "x", "--to", to)
    assert (status, err) == (0, "")
    assert line in out.splitlines()


@pytest.mark.parametrize("to", LANGUAGES)
def test_code_prints_a_file(capsys, to):
    status, out, err = run(capsys, "code", F, "--wrt", "x", "--to", to, "--name", "loss", "--hessian")
    assert (status, err) == (0, "")
    assert "loss_and_gradient" in out
    assert "loss_hessian" in out
    assert "dloss/dx = 2*A'*(A*x - y)" in out
    assert "dloss/dA" not in out
    assert out == mc.to_code(mc.parse(F), to, "loss", "x", hessian=True)


def test_code_of_what_is_no_scalar(capsys):
    assert "f_and_vjp" in run(capsys, "code", "A*x")[1]
    status, out, err = run(capsys, "code", "A*x", "--hessian")
    assert (status, out) == (2, "")
    assert "a Hessian is of a real scalar function" in err


@pytest.mark.parametrize("verb", [["grad", "x'*A*x", "--wrt", "x", "--steps"], ["demo"]])
@pytest.mark.parametrize("to", FORMATS)
def test_steps_in_every_format(capsys, verb, to):
    status, out, err = run(capsys, *verb, "--to", to)
    assert status == 0
    assert not err
    if to == "latex":
        assert out.startswith("\\begin{aligned}")
        assert all(line.startswith("%") for line in out.split("\\end{aligned}\n")[1].splitlines())
    elif to == "json":
        found = json.loads(out)
        assert found["steps"][0]["rule"] == "definition"
        assert found["text"] in found["derivation"]
    elif to == "numpy":
        assert callable(function_of(out))


def test_grad_checks(capsys):
    status, out, _ = run(capsys, "grad", F, "--wrt", "A,x", "--check")
    assert status == 0
    assert out.count("checked: 5 random points") == 2


def test_a_failed_check_is_status_1(capsys, monkeypatch):
    monkeypatch.setattr(mc, "check", lambda *a, **k: mc.CheckReport(False, 1.0, [], "no"))
    for to in FORMATS:
        status, out, err = run(capsys, "grad", F, "--wrt", "x", "--check", "--to", to)
        assert (status, err) == (1, "")
        assert "no" in out


# ------------------------------------------------------------------ vjp
def test_vjp(capsys):
    status, out, _ = run(capsys, "vjp", "W*X .+ b", "--vars", "W[m,n] X[n,p] b[m]", "--wrt", "b", "--check")
    assert status == 0
    assert out.splitlines()[0] == "G*ones(p)"
    assert out.splitlines()[1].startswith("checked")


def test_vjp_by_several(capsys):
    assert run(capsys, "vjp", "W*X", "--wrt", "W,X")[1] == "W: G*X'\nX: W'*G\n"


def test_vjp_with_a_named_upstream(capsys):
    assert run(capsys, "vjp", "A*x", "--wrt", "A", "--upstream", "g")[1] == "g*x'\n"
    assert run(capsys, "vjp", "A*x", "--wrt", "A", "--upstream", "y", "--vars", "A[m,n] x[n] y[m]")[1] == "y*x'\n"


def test_vjp_refuses_an_upstream_that_does_not_fit(capsys):
    status, out, err = run(capsys, "vjp", "A*x", "--wrt", "A", "--upstream", "x", "--vars", "A[m,n] x[n]")
    assert (status, out) == (2, "")
    assert "must have the shape of A*x" in err
    assert run(capsys, "vjp", "A*x", "--wrt", "A", "--upstream", "1g")[0] == 2


def test_vjp_steps(capsys):
    status, out, _ = run(capsys, "vjp", "A*x", "--wrt", "A", "--steps", "--check")
    assert status == 0
    assert "G*x'" in out


# ------------------------------------------------------------------ jacobian and hessian
def test_jacobian(capsys):
    assert run(capsys, "jacobian", "A*x", "--wrt", "x") == (0, "A\n", "")


def test_jacobian_by_several_in_a_layout(capsys):
    status, out, _ = run(capsys, "jacobian", "A*x", "--wrt", "A,x", "--layout", "vec", "--check")
    assert status == 0
    assert out.splitlines()[:2] == ["A: kron(x',eye(m))", "x: A"]
    assert out.count("checked: 5 random points") == 2


@pytest.mark.parametrize("layout", ["numerator", "denominator", "vec", "tensor"])
@pytest.mark.parametrize("to", FORMATS)
def test_jacobian_in_every_layout_and_format(capsys, layout, to):
    assert run(capsys, "jacobian", "W*X .+ h", "--wrt", "h", "--layout", layout, "--to", to, "--check")[::2] == (0, "")


def test_hessian(capsys):
    status, out, _ = run(capsys, "hessian", F, "--wrt", "x", "--check")
    assert status == 0
    assert out.startswith("2*A'*A\nchecked: 5 random points")


def test_a_wrong_jacobian_fails_its_check():
    A, x = mc.symbols("A[m,n] x[n]")
    assert mc.check(A @ x, x, A, kind="jacobian").passed
    assert not mc.check(A @ x, x, 2 * A, kind="jacobian").passed


def test_derivations_of_jacobians_and_hessians(capsys):
    status, out, _ = run(capsys, "hessian", F, "--wrt", "x", "--steps", "--check")
    assert status == 0
    assert "d2f/dx dx' = 2*A'*A" in out
    status, out, _ = run(capsys, "jacobian", "A*X*B", "--wrt", "X", "--layout", "vec", "--steps", "--check")
    assert status == 0
    assert "= kron(B',A)\n" in out
    assert "tensor" not in out


# ------------------------------------------------------------------ simplify and check
def test_simplify(capsys):
    assert run(capsys, "simplify", "(A*B)'*inv(A)'")[:2] == (0, "B'\nassuming A invertible\n")
    assert run(capsys, "simplify", "S'*x", "--vars", "S[n,n](symmetric) x[n]", "--to", "latex")[1] == "S x\n"


def test_check_of_a_right_answer(capsys):
    status, out, err = run(capsys, "check", "x'*A*x", "--wrt", "x", "--answer", "(A + A')*x")
    assert (status, err) == (0, "")
    assert out.startswith("checked: 5 random points")


def test_check_of_a_wrong_answer(capsys):
    status, out, _ = run(capsys, "check", "x'*A*x", "--wrt", "x", "--answer", "-2*A*x")
    assert status == 1
    assert out.startswith("FAILED")
    assert "-2*A*x is not the gradient of x'*A*x by x" in out


def test_check_of_an_answer_in_another_shape(capsys):
    assert run(capsys, "check", "x'*A*x", "--wrt", "x", "--answer", "x'*A")[0] == 1


def test_check_of_matcalc_itself(capsys):
    assert run(capsys, "check", F, "--wrt", "A", "--trials", "2", "--seed", "7")[1].startswith("checked: 2 random points")


def test_check_is_by_one_name(capsys):
    assert run(capsys, "check", F, "--wrt", "A,x")[0] == 2


@pytest.mark.parametrize(
    ("option", "value"), [("--trials", "0"), ("--trials", "x"), ("--seed", "-1"), ("--seed", "1.5"), ("--seed", "9" * 99)]
)
def test_check_refuses_bad_counts(capsys, option, value):
    status, out, err = run(capsys, "check", F, "--wrt", "A", option, value)
    assert (status, out) == (2, "")
    assert option[2:] in err


# ------------------------------------------------------------------ demo, help, version
def test_demo(capsys):
    status, out, err = run(capsys, "demo")
    assert (status, err) == (0, "")
    assert "(2) df[i,j]/db[k] = delta[i,k]" in out
    assert "dL/db = dL(f)*ones(p)" in out
    assert out.splitlines()[-1].startswith("checked: ")


def test_no_verb_prints_help(capsys):
    status, out, _ = run(capsys)
    assert status == 2
    assert out.startswith("usage: matcalc")
    assert "exit status: 0" in out


@pytest.mark.parametrize("verb", [(), ("grad",), ("vjp",), ("jacobian",), ("hessian",), ("simplify",), ("check",), ("demo",)])
def test_help(capsys, verb):
    status, out, err = run(capsys, *verb, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(" ".join(["usage: matcalc", *verb]))


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"matcalc {mc.__version__}\n", "")


# ------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grad", "x'*(A", "--wrt", "x"], "this bracket is not closed\n  x'*(A\n     ^ line 1, column 4"),
        (["grad", "A*x", "--wrt", "x"], "grad needs a scalar function"),
        (["grad", F, "--wrt", "z"], "--wrt z: there is no such variable; there is A, x, y"),
        (["grad", "tr(X)", "--wrt", "Z", "--vars", "X[n,n] Y[n]"], "there is X, Y"),
        (["grad", "1", "--wrt", "x"], "there is none"),
        (["grad", F, "--wrt", ""], "--wrt is empty"),
        (["grad", F, "--wrt", ","], "--wrt is empty"),
        (["grad", "", "--wrt", "x"], "the text is empty"),
        (["grad", F, "--wrt", "x", "--vars", "A[m,,n]"], "in --vars: a dimension is missing: "),
        (["grad", F, "--wrt", "x", "--vars", "A[m,,n]"], "\n  A[m,,n]\n      ^ line 1, column 5"),
        (["grad", F, "--wrt", "x", "--vars", "A[m,n](nice)"], "unknown attribute 'nice'"),
        (["grad", F, "--wrt", "x", "--vars", "A[m,n] A[n,m]"], "declared twice"),
        (["grad", "tr(A - b)", "--wrt", "A"], 'declare names with --vars, as in --vars "A[m,n] x[n] c"'),
        (["grad", "tr(A*B)", "--wrt", "A", "--vars", "A[2,3] B[2,3]"], "cannot multiply A (2 x 3) by B (2 x 3)"),
        (["grad", "sum(dL(A))", "--wrt", "A"], "second derivatives of the unspecified function L"),
        (["simplify", "perron(A)"], "not supported yet"),
        (["simplify", "__import__('os')"], "^ line 1"),
        (["check", F, "--wrt", "x", "--answer", "A*"], "an operand is missing"),
        (["check", F, "--wrt", "x", "--answer", ""], "the text is empty"),
    ],
)  # fmt: skip
def test_bad_input_is_status_2(capsys, arguments, said):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("matcalc: ")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["grad", F], ["grad"], ["grad", "--wrt", "x"], ["check", F], ["nonsense"], ["grad", F, "--wrt"],
        ["grad", F, "x", "--wrt", "x"], ["grad", F, "--wrt", "x", "--to", "fortran"],
        ["code", F, "--to", "latex"], ["code"], ["grad", F, "--wrt", "x", "--stepss"],
        ["grad", F, "--wrt", "x", "--ste"], ["--nonsense"], ["jacobian", "A*x", "--wrt", "x", "--layout", "x"], ["demo", "x"],
    ],
)  # fmt: skip
def test_wrong_arguments_are_status_2(capsys, arguments):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert "usage: matcalc" in err


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000, "x" * 200_000, "-" * 100_000 + "x", "9" * 50_000, "9^9^9^9", "x'" * 3000, "\x00", "\x1b[31m",
        "\udcff", "x\n*\n", "[[]]", "::", "'", "A(0,1)", "A(99999999999,1)", "eye(1e9)*x", "\u202e", "e(1,n", "𝒙", "--x",
        "ones(n,n,n)", "inv(inv(", "x.^", "a" * 1000 + "(1)", "lambda: 0", "{0}", "%s%n", "$(ls)",
    ],
)  # fmt: skip
def test_hostile_text(capsys, text):
    status, out, err = run(capsys, "grad", text, "--wrt", "x")
    assert (status, out) == (2, "")
    assert err
    assert len(err) < 3000
    assert "\x1b" not in err
    assert "\x00" not in err


def test_hostile_declarations(capsys):
    for text in [
        "x[" * 2000,
        "x[9" * 1000,
        "x[n^9^9^9]",
        "x[n](" + "a" * 10_000 + ")",
        "1",
        "x[-1]",
        "\udcff",
        "x[" + "9" * 999 + "]",
    ]:
        status, out, err = run(capsys, "grad", "tr(A)", "--wrt", "A", "--vars", text)
        assert (status, out) == (2, "")
        assert err.startswith("matcalc: in --vars: ")
        err.encode("utf-8", "backslashreplace")


# ------------------------------------------------------------------ as a process
def test_process_messages_go_to_standard_error():
    done = process("grad", "A*x", "--wrt", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("matcalc: ")
    assert "Traceback" not in done.stderr


def test_process_failed_check():
    assert process("check", "x'*x", "--wrt", "x", "--answer", "x").returncode == 1


def test_process_with_bytes_that_are_no_text():
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"matcalc", b"simplify", b"\xff*x"], capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes and file descriptors as POSIX has them")
@pytest.mark.parametrize("arguments", [["demo"], ["--help"], ["grad", "x'*x", "--wrt", "x"]])
def test_closed_pipe(arguments):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "matcalc", *arguments], stdout=write_end, stderr=subprocess.PIPE, timeout=120, check=False
    )
    os.close(write_end)
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_a_terminal_without_greek():
    done = process("simplify", "α + α", "--vars", "α", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, "2*\\u03b1\n")


def test_detail_and_shapes_of_the_steps(capsys):
    main(["grad", "norm2(A*x-b)^2", "--vars", "A[m,n] x[n] b[m]", "--wrt", "x", "--steps", "--detail", "brief", "--shapes"])
    out = capsys.readouterr().out
    assert "(2) df/dx = A'*(df/dr) = 2*A'*(A*x - b)" in out
    assert "shapes: df/dx (n), A (m, n)" in out
    assert "(3)" not in out


NET = ["normf(V*tanh(W*X .+ b) - Y)^2", "--vars", "W[h,n] X[n,p] b[h] V[m,h] Y[m,p]", "--wrt"]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("text", "where H = tanh(W*X .+ b)\n      R = V*H - Y\n"),
        ("latex", "\\text{where } H = \\tanh("),
        ("markdown", "where $H = "),
        ("numpy", "    H = np.tanh("),
    ],
)
def test_long_answers_name_their_parts(capsys, to, said):
    assert main(["grad", *NET, "W,V", "--to", to]) == 0
    assert said in capsys.readouterr().out
    assert main(["grad", *NET, "W,V", "--to", to, "--names", "none"]) == 0
    assert said not in capsys.readouterr().out
    assert main(["grad", *NET, "Y", "--to", to]) == 0
    assert said not in capsys.readouterr().out


def test_a_long_derivation_ends_in_short(capsys):
    assert main(["grad", *NET, "W", "--steps", "--detail", "brief"]) == 0
    assert "in short: 2*((1 .- H.^2).*(V'*R))*X'\nwhere " in capsys.readouterr().out
    assert main(["grad", *NET, "W", "--steps", "--names", "none"]) == 0
    assert "in short" not in capsys.readouterr().out


# ------------------------------------------------------------------ equal, and checks of other kinds
def test_equal(capsys):
    assert run(capsys, "equal", "x'*A*x", "x'*A'*x")[:2] == (0, "the same function: both simplify to x'*A*x\n")
    status, out, _ = run(capsys, "equal", "-A*B", "-B*A", "--vars", "A[n,n] B[n,n]", "--trials", "3", "--seed", "4")
    assert status == 1
    assert out.startswith("not the same function: with n = 2, A = ")
    assert run(capsys, "equal", "A*x", "x'*A'")[:2] == (1, "not the same function: A*x is m x 1, but x'*A' is 1 x m\n")
    assert run(capsys, "equal", "log(-c^2)", "c")[0] == 2
    assert run(capsys, "equal", "A*", "A")[0] == 2


def test_check_says_what_is_wrong(capsys):
    status, out, _ = run(capsys, "check", "x'*A*x", "--wrt", "x", "--answer", "2*A*x")
    assert status == 1
    assert out.splitlines()[1:] == [
        "2*A*x is not the gradient of x'*A*x by x: it is right only where A is symmetric",
        "the right answer: (A + A')*x",
    ]
    assert run(capsys, "check", "x'*A*x", "--wrt", "x", "--answer", "q*x")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("A*X", "--wrt", "X", "--kind", "jacobian", "--layout", "vec"), "kron(eye(p),A)"),
        (("norm2(A*x)^2", "--wrt", "x", "--kind", "hessian"), "2*A'*A"),
        (("A*X", "--wrt", "X", "--kind", "vjp"), "A'*G"),
        (("A*X", "--wrt", "X", "--kind", "vjp", "--along", "U"), "A'*U"),
        (("A*X", "--wrt", "X", "--kind", "jvp"), "A*dX"),
        (("norm2(A*x)^2", "--wrt", "x", "--kind", "hvp", "--along", "d"), "2*A'*A*d"),
    ],
)
def test_check_of_other_kinds(capsys, arguments, answer):
    assert run(capsys, "check", *arguments, "--answer", answer)[0] == 0
    status, out, _ = run(capsys, "check", *arguments, "--answer", f"3*{answer}")
    assert status == 1
    assert "it is the right answer times 3: divide it by 3" in out
    assert out.splitlines()[-1] == f"the right answer: {answer}"


def test_along_is_for_products(capsys):
    assert run(capsys, "check", "x'*x", "--wrt", "x", "--along", "v")[0] == 2


def test_convexity(capsys):
    status, out, err = run(capsys, "convexity", F, "--vars", "A[m,n] x[n] y[m]", "--wrt", "x", "--check")
    assert (status, err) == (0, "")
    assert out.startswith("norm2(A*x - y)^2 is convex in x\n(1) ")
    assert "checked: 20 random points" in out
    status, out, _ = run(capsys, "convexity", "x*y", "--vars", "x y", "--wrt", "x,y", "--check")
    assert status == 0
    assert "neither convex nor concave in x, y" in out


@pytest.mark.parametrize("target", ["latex", "markdown", "json"])
def test_convexity_in_other_formats(capsys, target):
    status, out, _ = run(capsys, "convexity", "x'*S*x", "--vars", "S[n,n](psd) x[n]", "--wrt", "x", "--to", target)
    assert status == 0
    if target == "json":
        found = json.loads(out)
        assert (found["verdict"], found["strict"], found["wrt"]) == ("convex", True, ["x"])
        assert found["steps"][-1]["uses"] == [1, 2]
    else:
        assert "x^{\\top} S x" in out
        assert "strictly convex" in out


def test_convexity_of_what_is_not_a_scalar(capsys):
    status, out, err = run(capsys, "convexity", "A*x", "--wrt", "x")
    assert (status, out) == (2, "")
    assert "convexity needs a scalar function" in err
