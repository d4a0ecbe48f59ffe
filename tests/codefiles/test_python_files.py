"""Self-checking files in Python: run where there is no matcalc, right ones pass and spoiled ones fail."""

import ast
import re
import subprocess
import sys

import numpy as np
import pytest
from code_cases import CASES, built, parsed

import matcalc as mc

ALONE = (
    "import runpy, sys\n"
    "class Refuse:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.split('.')[0] == 'matcalc':\n"
    "            raise ImportError('there is no matcalc here')\n"
    "sys.meta_path.insert(0, Refuse())\n"
    "runpy.run_path(sys.argv[1], run_name='__main__')\n"
)
BUILT = tuple(built())


def run(text, folder):
    path = folder / "file.py"
    path.write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(path)], capture_output=True, text=True, cwd=folder, timeout=300
    )


def spoiled(text, factor="1.001"):
    """The file with its first derivative a little wrong."""
    suffix = re.search(r"_and_(gradient|vjp)", text).group()
    wrong = (
        f"def f{suffix}(*data):\n    value, first, *others = f_right(*data)\n"
        f"    return (value, first * {factor}, *others)\n\n\ndef random_data("
    )
    return text.replace(f"def f{suffix}(", "def f_right(").replace("def random_data(", wrong)


@pytest.mark.parametrize("name", CASES)
def test_a_file_checks_itself(name, tmp_path):
    done = run(mc.to_code(parsed(name), "numpy"), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"worst relative error \d\.\de-\d\d at 5 random points: ok", done.stdout)


@pytest.mark.parametrize("name", BUILT)
def test_a_file_of_what_is_not_text(name, tmp_path):
    done = run(mc.to_code(built()[name], "numpy"), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "at 5 random points: ok" in done.stdout


@pytest.mark.parametrize("name", ["least-squares", "logdet", "unspecified", "vector", "complex", "orthogonal", "constants"])
@pytest.mark.parametrize("factor", ["1.001", "0", "-1", "float('nan')"])
def test_a_wrong_derivative_fails(name, factor, tmp_path):
    text = spoiled(mc.to_code(parsed(name), "numpy"), factor)
    done = run(text, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED" in done.stdout


def test_a_wrong_value_fails(tmp_path):
    text = mc.to_code(parsed("least-squares"), "numpy")
    done = run(
        text.replace("def f(A, b, x):", "def f(A, b, x):\n    return right(A, b, x) + 1\n\n\ndef right(A, b, x):"), tmp_path
    )
    assert done.returncode == 1


@pytest.mark.parametrize("name", ["least-squares", "logdet", "net", "cross-entropy", "logistic", "row"])
def test_hessians_check_themselves(name, tmp_path):
    text = mc.to_code(parsed(name), "numpy", hessian=True)
    done = run(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = "def f_hessian(*data):\n    found = right(*data)\n    return tuple(1.001 * h for h in found)\n\n\ndef random_data("
    done = run(text.replace("def f_hessian(", "def right(").replace("def random_data(", wrong), tmp_path)
    assert done.returncode == 1
    assert "f_and_gradient and f_hessian" in done.stdout


LIBRARIES = [
    pytest.param(backend, name, marks=[pytest.mark.slow] if backend != "array_api" and name != "least-squares" else [])
    for backend in ("jax", "torch", "array_api")  # the first two start slowly
    for name in ("least-squares", "logdet", "softmax-rows", "unspecified", "gamma", "integer-power", "constants")
]


@pytest.mark.parametrize(("backend", "name"), LIBRARIES)
def test_files_for_other_libraries(backend, name, tmp_path):
    pytest.importorskip({"array_api": "array_api_compat"}.get(backend, backend))
    text = mc.to_code(parsed(name), backend)
    done = run(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    if name == "least-squares":
        assert run(spoiled(text), tmp_path).returncode == 1


def test_the_functions_are_those_of_compile():
    e = parsed("net")
    rng = np.random.default_rng(0)
    call = mc.compile([e, *mc.grad(e, [s.name for s in sorted(e.symbols, key=lambda s: s.name)])])
    sizes = {"k": 4, "m": 3, "n": 2}
    known = {s.name: s for s in e.symbols}
    data = [rng.normal(size=[sizes[str(d)] for d in known[n].shape]) for n in call.names]
    space = {}
    exec(compile(mc.to_code(e, "numpy", "loss"), "file", "exec"), space)
    for ours, theirs in zip(space["loss_and_gradient"](*data), call(*data), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_header_says_what_the_formula_needs():
    S, x, k = mc.symbols("S[n,n](psd) x[n](positive) k(integer)")
    text = ast.get_docstring(ast.parse(mc.to_code(mc.logdet(S) + mc.sum(mc.power(x, k)), "numpy", name="loss")))
    assert text.startswith("loss(S, k, x) = logdet(S) + sum(x.^k)")
    for line in ("S  (n, n)  psd", "k  scalar  integer", "x  (n,)  positive", "S invertible", "dloss/dS = inv(S)"):
        assert line in text
    assert "dloss/dk" not in text


def test_only_what_is_asked_for_is_differentiated():
    A, x = mc.symbols("A[m,n] x[n]")
    text = mc.to_code(mc.norm2(A @ x) ** 2, "numpy", wrt=x)
    assert "df/dx" in text
    assert "df/dA" not in text
    assert "WRT = (1,)" in text


def test_what_has_no_derivative_is_left_out_and_said(tmp_path):
    with pytest.raises(mc.MatcalcError):
        mc.to_code(mc.eye(3), "numpy", wrt="x")
    text = mc.to_code(mc.eye(3), "numpy")
    assert "no derivative: there is no variable to take one by" in text
    done = run(text, tmp_path)
    assert done.returncode == 0
    assert "no derivative to check" in done.stdout


def test_bad_questions():
    A, x = mc.symbols("A[m,n] x[n]")
    with pytest.raises(
        mc.UnsupportedError, match="unknown backend 'fortran'; the known ones are numpy, jax, torch, array_api, julia"
    ):
        mc.to_code(A @ x, "fortran")
    with pytest.raises(mc.UnsupportedError):
        mc.to_code(A @ x, None)
    with pytest.raises(mc.OperandError, match="Hessian is of a real scalar function"):
        mc.to_code(A @ x, "numpy", hessian=True)
    with pytest.raises(mc.OperandError):
        mc.to_code(A @ x, "numpy", name=3)
    with pytest.raises(mc.OperandError):
        mc.to_code(A @ x, "numpy", wrt="nothing")


def test_helpers_come_with_all_that_they_call_and_nothing_else():
    text = mc.to_code(parsed("softmax-rows"), "numpy")
    assert text.count("def softmax(") == 1
    assert "matcalc" not in text
    assert "_scipy" not in mc.to_code(parsed("gamma"), "numpy")
    assert "import scipy.special" in mc.to_code(parsed("gamma"), "numpy")


def test_the_upstream_gradient_has_a_name_of_its_own():
    G, G1, x = mc.symbols("G[m,n] G1[n,n] x[n]")
    assert "def f_and_vjp(G, G1, x, G2):" in mc.to_code(G @ G1 @ x, "numpy")
