"""The shape of the package: imports point up one list, nothing evaluates text, and it loads fast."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "matcalc"
LAZY = {"numpy", "scipy", "sympy", "jax", "torch"}  # may be imported where they are used, so that matcalc loads without
FORBIDDEN = {"eval", "exec", "sympify", "parse_expr", "lambdify", "__import__", "compile"}


def modules():
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def name_of(path):
    parts = ("matcalc", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree):
    """The matcalc modules that a module imports when it is loaded; those for the type checker alone are left out."""
    skip = {
        id(n) for b in ast.walk(tree) if isinstance(b, ast.If) and "TYPE_CHECKING" in ast.unparse(b.test) for n in ast.walk(b)
    }
    for node in ast.walk(tree):
        if id(node) in skip:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("matcalc"):
            known = {f"{node.module}.{a.name}" for a in node.names} & set(TREES)
            yield from known or {node.module}
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("matcalc"))


TREES = modules()
GRAPH = {name: sorted(set(imports(tree)) - {name}) for name, tree in TREES.items()}


def levels():
    """The modules in layers, each importing from earlier layers only; a cycle leaves some out."""
    placed, found = set(), []
    while layer := sorted(m for m in GRAPH if m not in placed and set(GRAPH[m]) <= placed):
        found.append(layer)
        placed |= set(layer)
    return found


def test_no_import_cycles():
    placed = {m for layer in levels() for m in layer}
    assert placed == set(GRAPH), f"a cycle runs through {sorted(set(GRAPH) - placed)}"


FOUNDATIONS = (
    "matcalc.errors", "matcalc.dims", "matcalc.index", "matcalc.expr", "matcalc.ops", "matcalc.scalar", "matcalc.network",
    "matcalc.rules.closed_form", "matcalc.simplify", "matcalc.differentiate", "matcalc.calculus", "matcalc.derive", "matcalc",
    "matcalc.cli",
)  # fmt: skip


def reachable(name):
    found, todo = set(), [name]
    while todo:
        for other in GRAPH[todo.pop()]:
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


@pytest.mark.parametrize("place", range(len(FOUNDATIONS)))
def test_imports_point_up_the_list(place):
    """The chain: the errors know nothing, the command line knows everything."""
    below = set(FOUNDATIONS[place + 1 :])
    assert not reachable(FOUNDATIONS[place]) & below


def test_the_index_language_does_not_know_the_matrix_language():
    assert reachable("matcalc.index") == {"matcalc.dims", "matcalc.errors"}
    assert reachable("matcalc.node") == set()


ALLOWED = {  # of a dimension, which is an int or SymPy's own object and never text
    "matcalc.simplify": {"sympify"}, "matcalc.ops.stacking": {"sympify"}, "matcalc.evaluate": {"sympify"},
    "matcalc.printing.index_terms": {"sympify"}, "matcalc.printing.typeset": {"sympify"},
}  # fmt: skip


def test_nothing_evaluates_text():
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in FORBIDDEN:
                used = node.id
            elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN - {"compile"}:
                used = node.attr
            else:
                continue
            assert used in ALLOWED.get(name, ()), f"{name}, line {node.lineno}, uses {used}"


def test_imports_inside_functions_are_of_libraries_only():
    for name, tree in TREES.items():
        for f in ast.walk(tree):
            if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for node in ast.walk(f):
                    if isinstance(node, (ast.Import, ast.ImportFrom)):
                        named = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
                        assert all(n.split(".")[0] in LAZY for n in named), f"{name}: {ast.unparse(node)} in {f.name}"


def test_import_is_light():
    code = "import matcalc, sys; print(*sorted({'numpy', 'scipy', 'jax', 'torch'} & set(sys.modules)))"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    assert time.perf_counter() - start < 4


def test_import_costs_little_beyond_sympy():
    code = "import time, sympy; t = time.perf_counter(); import matcalc; print(time.perf_counter() - t)"
    done = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) for _ in range(2)
    ]
    assert min(done) < 1.5
