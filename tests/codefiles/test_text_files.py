"""Self-checking files in Julia and MATLAB: their text, and what Octave makes of them where there is one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from code_cases import CASES, built, parsed

import matcalc as mc
from matcalc.codefiles.contents import Contents
from matcalc.codefiles.helper_files import functions_in, with_needed
from matcalc.codefiles.to_code import PLAIN, TEXTS
from matcalc.emit.texts.julia import HELPERS as JULIA_HELPERS
from matcalc.emit.texts.julia import SPECIAL
from matcalc.emit.texts.matlab import HELPERS as MATLAB_HELPERS
from matcalc.sampling import least_sizes

OCTAVE = shutil.which("octave-cli") or shutil.which("octave")
needs_octave = pytest.mark.skipif(OCTAVE is None, reason="there is no Octave")
GOLDEN = Path(__file__).parents[1] / "golden"
READ = (
    "least-squares", "gaussian", "net", "broadcast-layer", "cross-entropy", "softmax-rows", "kron", "unspecified", "cumulative",
    "parts", "complex", "row", "matrix",
)  # fmt: skip
BUILT = tuple(built())


def octave(text, folder):
    path = folder / "file.m"
    path.write_text(text, encoding="utf-8")
    return subprocess.run([OCTAVE, "--norc", "--quiet", str(path)], capture_output=True, text=True, cwd=folder, timeout=300)


@needs_octave
@pytest.mark.parametrize("name", CASES)
def test_octave_runs_a_file(name, tmp_path):
    done = octave(mc.to_code(parsed(name), "matlab"), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"worst relative error \d\.\de-\d\d at 5 random points", done.stdout)


@needs_octave
@pytest.mark.parametrize("name", BUILT)
def test_octave_runs_a_file_of_what_is_not_text(name, tmp_path):
    done = octave(mc.to_code(built()[name], "matlab"), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_octave
@pytest.mark.parametrize("name", ["least-squares", "logdet", "net", "cross-entropy", "row"])
def test_octave_checks_hessians(name, tmp_path):
    text = mc.to_code(parsed(name), "matlab", hessian=True)
    done = octave(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = octave(re.sub(r"^  (H_\w+) = (.*);$", r"  \1 = 1.001 * (\2);", text, flags=re.MULTILINE), tmp_path)
    assert done.returncode == 1


@needs_octave
@pytest.mark.parametrize("name", ["least-squares", "unspecified", "vector", "complex", "unit"])
def test_octave_finds_a_wrong_derivative(name, tmp_path):
    text = mc.to_code(parsed(name), "matlab")
    body = text[text.index("_and_") :]
    last = re.search(r"^  (d\w+) = (.*);$", body, re.MULTILINE)
    done = octave(text.replace(last.group(), f"  {last[1]} = 1.001 * ({last[2]});"), tmp_path)
    assert done.returncode == 1
    assert "FAILED" in done.stderr


@pytest.mark.parametrize("backend", ["julia", "matlab"])
@pytest.mark.parametrize("name", CASES)
def test_a_file_is_whole(name, backend):
    """Brackets and blocks are balanced, and everything that is called is there."""
    text = mc.to_code(parsed(name), backend)
    mark = {"julia": "#", "matlab": "%"}[backend]
    code = "\n".join(line.split(f"  {mark} ")[0] for line in text.splitlines() if not line.lstrip().startswith(mark))
    code = re.sub(r'"""(.|\n)*?"""|"[^"\n]*"', "", code)
    for left, right in ("()", "[]", "{}"):
        assert code.count(left) == code.count(right)
    lines = [line.strip() for line in code.splitlines()]
    opened = sum(bool(re.match(r"(function|if|for|while|try|switch)\b(?!.*\bend$)|\w+ = try$", line)) for line in lines)
    assert lines.count("end") == opened
    words = re.findall(r"[A-Za-z_]\w*", code)
    helpers = {"julia": JULIA_HELPERS - SPECIAL, "matlab": MATLAB_HELPERS}[backend]
    for helper in helpers & set(words):
        assert re.search(rf"^function [^\n]*\b{helper}\(", text, re.MULTILINE), helper


@pytest.mark.parametrize(("file", "helpers"), [("helpers.jl", JULIA_HELPERS - SPECIAL), ("helpers.m", MATLAB_HELPERS)])
def test_every_helper_is_in_its_file(file, helpers):
    assert helpers <= set(functions_in(file))
    for name in helpers:
        assert with_needed(file, [name])


@pytest.mark.parametrize("backend", ["julia", "matlab"])
def test_every_operator_has_words(backend, operators):
    """All that the NumPy code of an operator is made of can be said."""
    for e in operators:
        contents = Contents("f", e, [], sizes=least_sizes([e]))
        file = TEXTS[backend](contents, PLAIN)
        assert file.function(contents.functions[0])


@pytest.fixture(scope="module")
def operators():
    from emit.test_operators import CASES as ALL

    return [case[0] for case in ALL]


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("backend", ["julia", "matlab"])
def test_text_as_a_person_reads_it(name, backend, request):
    text = mc.to_code(parsed(name), backend)
    path = GOLDEN / f"code-{name}.{ {'julia': 'jl', 'matlab': 'm'}[backend] }"
    start = text.index("function ")
    shown = text[: text.index("random_data(")] if backend == "matlab" else text[: text.index('"""Arguments at random')]
    shown = shown[: shown.rindex("\nend") + 5]
    assert start < len(shown)
    if request.config.getoption("--update-golden"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


def test_julia_loads_special_functions_only_where_they_are_used():
    assert "using SpecialFunctions: digamma, erf, gamma, logabsgamma, trigamma" in mc.to_code(parsed("gamma"), "julia")
    assert "SpecialFunctions" not in mc.to_code(parsed("net"), "julia")


def test_brackets_where_a_transpose_would_bind_tighter():
    x, y = mc.symbols("x[m] y[n]")
    e = mc.outer(x, mc.power(y, 2))
    assert "x * (y .* y)'" in mc.to_code(e, "matlab")
    assert "x * (y .* y)'" in mc.to_code(e, "julia")


def test_complex_transposes_do_not_conjugate():
    A, z = mc.symbols("A[m,n](complex) z[m](complex)")
    assert "A.' * z" in mc.to_code(A.T @ z, "matlab")
    assert "transpose(A) * z" in mc.to_code(A.T @ z, "julia")
    B, w = mc.symbols("B[m,n] w[m]")
    assert "B' * w" in mc.to_code(B.T @ w, "matlab")
    assert "B' * w" in mc.to_code(B.T @ w, "julia")


def test_columns_are_stacked_without_a_detour():
    A = mc.symbols("A[m,n]")
    assert "vec(A)" in mc.to_code(mc.vec(A), "julia")
    assert "reshape(A, [], 1)" in mc.to_code(mc.vec(A), "matlab")


def test_a_matrix_function_by_a_formula_is_refused():
    import sympy as sp

    t = sp.Symbol("t")
    X = mc.symbols("X[n,n]")
    f = mc.matrix_function("cubic", t**3 + t)
    with pytest.raises(mc.UnsupportedError, match="is not available in Julia"):
        mc.to_code(f(X), "julia")
