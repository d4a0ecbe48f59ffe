"""Names and constants that try to be code: everything stays a name, a comment or a number, in every language."""

import ast
import keyword
import random
import re
from functools import cache

import numpy as np
import pytest
import sympy as sp

import matcalc as mc
from matcalc.codefiles.to_code import LANGUAGES
from matcalc.dims import DimSymbol
from matcalc.emit import compile as compile_expr
from matcalc.emit.texts.julia import KEYWORDS as JULIA_WORDS
from matcalc.emit.texts.matlab import KEYWORDS as MATLAB_WORDS
from matcalc.expr import Let, Symbol
from matcalc.ops.unspecified import Unspecified

COUNT, BATCH = 10_000, 40
PIECES = (
    '"""', "'''", '"', "'", "\\", "\n", "\r", "\u2028", "\u0085", "\x0b", "\x0c", "\0", "\t", "#",
    "%", "%{", "%}", "#=", "=#", "*/", "/*",
    "//", ";", ":", ",", "(", ")", "[", "]", "{", "}", "{0}", "{name}", "%s", "$", "$(boom())",
    "`boom`", "@boom", "!boom", "boom()",
    "__import__('os').system('boom')", "eval('boom()')", "\nboom()\n", '"""\nboom()\n"""',
    "');boom();('", "end", "end\nboom()\nfunction f",
    "...", "x", "A", "é", "ß", "ſ", "ﬁ", "²", "½", "Ⅷ", "ℌ", "𝐀", "中", "א", "\u202e", "\u200b",
    "\u0301", "_", "__", "0", "7", "9x", "-",
    "__class__", "__builtins__", "return", "#1", "@1", "!1", "$1", "+1", "_arg1", "_arglike", "np", "t0",
)  # fmt: skip
WHOLE = (
    *keyword.kwlist, *keyword.softkwlist, *sorted(JULIA_WORDS), *sorted(MATLAB_WORDS), "print",
    "len", "float", "int", "np", "jnp", "xp",
    "torch", "jax", "sys", "scipy", "rng", "data", "SIZES", "WRT", "main", "check", "f",
    "f_and_gradient", "random_data", "moved", "sum",
    "softmax", "size", "I", "i", "pi", "e", "im", "ans", "value", "dx", "function", "end", "t0",
    "t1", "_arg1", "like", "scalar", "self",
    "a" * 300, "x" * 63, "_", "__", "___", "True", "None", "Inf", "NaN", "exit", "quit", "eval",
    "system", "run", "exp", "dot", "norm",
)  # fmt: skip
SHARES = (0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 5)))  # of the names, for what takes long
COMMENT = {"julia": "#", "matlab": "%"}


def names(seed, count):
    """Hostile names, no two alike."""
    rng = random.Random(seed)
    found = {}
    while len(found) < count:
        made = rng.choice(WHOLE) if rng.random() < 0.2 else "".join(rng.choices(PIECES, k=rng.randint(1, 5)))
        found[made if made not in found else made + str(len(found))] = None
    return list(found)


def sum_over(batch):
    """An expression whose vectors, dimensions, functions and named parts have hostile names, with ten times as few kinds."""
    total = None
    for k, name in enumerate(batch):
        dim = DimSymbol(batch[k - 1])
        if k % 4 == 0:
            term = Unspecified(name + "L" if not name.startswith("d") else f"L{name}", Symbol(name, (dim, 1), ()))
        elif k % 4 == 1:
            x = Symbol(name, (dim, 1), ())
            term = Let(batch[k - 1] + "part", x.T @ x)
        elif k % 4 == 2:
            term = mc.softplus(Symbol(name, (1, 1), ()))
        else:
            x = Symbol(name, (dim, dim), ("psd",))
            term = mc.logdet(x) + mc.sum(mc.exp(x))
        total = term if total is None else total + term
    return total


@cache
def batches():
    found = names(5, COUNT)
    return [found[k : k + BATCH] for k in range(0, COUNT, BATCH)]


def calls(tree):
    return {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def no_text_runs(tree):
    """All that is called by name is ours, or a parameter; and no string or comment became code."""
    known = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)} | set(vars(__import__("builtins")))
    parameters = {a.arg for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) for a in n.args.args}
    imported = {a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    inside = {n.target.id for n in ast.walk(tree) if isinstance(n, ast.NamedExpr)}  # names within our helper functions
    assert not calls(tree) - known - parameters - imported - inside
    assert "boom" not in calls(tree) | {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert not calls(tree) & {"eval", "exec", "__import__", "compile"}


@pytest.mark.parametrize("k", [*range(3), *(pytest.param(k, marks=pytest.mark.slow) for k in range(3, 10))])
def test_compiled_code(k):
    """Ten thousand names: the code parses, its parameters are names, and nothing is called that should not be."""
    for batch in batches()[k::10]:
        e = sum_over(batch)
        call = compile_expr(e)
        tree = ast.parse(call.source)
        no_text_runs(tree)
        (function,) = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
        found = [a.arg for a in function.args.args]
        assert len(found) == len(call.names) == len(set(found))
        assert all(n.isidentifier() and not keyword.iskeyword(n) for n in found)


@pytest.mark.parametrize("k", SHARES)
def test_python_files(k):
    """The same for whole files, which run: nothing in them is code but ours."""
    for batch in batches()[k::50]:
        e = sum_over(batch)
        for backend in ("numpy", "jax", "torch", "array_api"):
            text = mc.to_code(e, backend, batch[0], wrt=sorted(e.symbols, key=lambda s: s.name)[:1])
            tree = ast.parse(text)
            no_text_runs(tree)
            assert ast.get_docstring(tree) is not None
        space = {"__name__": "file", "boom": boom}
        exec(compile(text, "file", "exec"), space)
        assert space["main"]() == 0


def boom(*args):
    raise AssertionError("a name was run")


@pytest.mark.parametrize("backend", ["julia", "matlab"])
@pytest.mark.parametrize("k", SHARES)
def test_text_files(k, backend):
    """Every line of the header is a comment, and outside of comments and strings there are legal names only."""
    mark = COMMENT[backend]
    for batch in batches()[k::25]:
        e = sum_over(batch)
        text = mc.to_code(e, backend, batch[0], wrt=sorted(e.symbols, key=lambda s: s.name)[:1])
        assert len(text.splitlines()) == text.count("\n"), "a separator of lines that only some programs know"
        head = text[: text.index("\n\n")]
        assert all(line.startswith(mark) for line in head.splitlines())
        code = "\n".join(line for line in text[len(head) :].splitlines() if not line.lstrip().startswith(mark))
        code = re.sub(r'^"""\n.*\n"""$', "", code, flags=re.MULTILINE)  # the docstrings of Julia
        assert not re.search(r"\bboom\(", code)
        for name in re.findall(r"^(?:function )?(?:\[?([\w, ]+)\]? = )?(\w+)\(([\w, ]*)\)$", code, re.MULTILINE):
            for n in filter(None, re.split(r"[ ,=]+", " ".join(name))):
                if n.isdigit():
                    continue
                assert re.fullmatch(r"[A-Za-zα-ωΑ-Ω][A-Za-z0-9_α-ωΑ-Ω]*", n), n
                if backend == "matlab":
                    assert n.isascii()
                    assert len(n) <= 63
        outside = re.sub(r'"[^"\n]*"' if backend == "julia" else r"'[^'\n]*'(?=[,)])", "", code)
        assert all(c.isascii() or c in "αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΦΨΩ" for c in outside if not c.isspace())


def test_docstrings_of_julia_do_not_interpolate():
    x = mc.vector("x", 3)
    text = mc.to_code(x.T @ x, "julia", 'f$(boom())"""\n')
    assert '\\$(boom())\\"\\"\\"' in text
    assert "\nboom" not in text


def test_names_are_refused_where_they_are_declared():
    for name in names(11, 400):
        if re.fullmatch(r"[^\W\d_]\w*", name):
            continue
        for declare in (
            lambda n: mc.scalar(n),
            lambda n: mc.vector(n, 3),
            lambda n: mc.function(n),
            lambda n: mc.let(n, mc.eye(2)),
        ):
            with pytest.raises(mc.MatcalcError):
                declare(name)


def constants():
    rng = random.Random(3)
    yield from (10**300, -(10**300), 2**53 + 1, 5e-324, 1.7976931348623157e308, sp.Rational(1, 3), sp.Rational(-7, 2**60), -0.0)
    for _ in range(40):
        yield rng.choice((1, -1)) * rng.random() * 10.0 ** rng.randint(-300, 300)


def test_constants():
    c = mc.scalar("c")
    for value in constants():
        call = compile_expr(mc.sin(c) * value + value)
        with np.errstate(over="ignore"):
            assert call(0.5) == pytest.approx(np.sin(0.5) * float(value) + float(value), rel=1e-14, abs=0)


@pytest.mark.parametrize("k", SHARES)
def test_constants_in_files(k):
    c = mc.scalar("c")
    for value in list(constants())[10:][k - 1 :: 4] if k else list(constants())[:10]:
        e = mc.sin(c) * value + value
        for backend in LANGUAGES:
            text = mc.to_code(e, backend)
            if backend not in COMMENT:
                no_text_runs(ast.parse(text))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), sp.nan, sp.oo, sp.zoo])
def test_what_is_no_number_is_refused(value):
    c = mc.scalar("c")
    with pytest.raises(mc.MatcalcError):
        compile_expr(c * value)


def test_a_number_that_is_too_large():
    with pytest.raises(mc.LimitError):
        mc.to_code(mc.scalar("c") * 10**400, "julia")
