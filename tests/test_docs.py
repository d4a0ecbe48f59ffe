"""README.md and docs/: the commands they show, the functions they list, the links; conftest.py runs their Python."""

import inspect
import re

import pytest
from update_docs import BLOCK, PAGES, ROOT, console_examples, run_command

from matcalc.errors import MatcalcError, UnsupportedError
from matcalc.functions import FUNCTIONS
from matcalc.infer import NOT_YET
from matcalc.parse import parse

COMMANDS = [(page.name, *example) for page in PAGES for example in console_examples(page)]
SYNTAX = (ROOT / "docs" / "text-syntax.md").read_text(encoding="utf-8")
DECLARED = "A[n,n](psd) B[n,n] x[n](positive) y[n] c"


def settled(output: str) -> str:
    """An output without the digits that depend on the machine's arithmetic."""
    return re.sub(r"\d\.\de[-+]\d\d", "#", output)


def test_there_are_commands():
    assert len(COMMANDS) >= 5
    assert {page.name for page in PAGES} >= {"README.md", "index.md", "tutorial.md", "conventions.md", "engine.md"}


@pytest.mark.parametrize(("page", "command", "output"), COMMANDS)
def test_command_prints_what_is_shown(page, command, output):
    assert settled(run_command(command)) == settled(output), page


def listed_calls():
    """Every call in the first column of the table of functions."""
    table = SYNTAX.split("## Functions")[1].split("## Errors")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return [call for row in rows for call in re.findall(r"`([^`]+)`", row)]


def test_every_function_is_listed():
    names = {call.split("(")[0] for call in listed_calls()}
    assert set(FUNCTIONS) <= names
    assert names - set(FUNCTIONS) == {"L", "dL", "vector", "matrix"}


@pytest.mark.parametrize("call", listed_calls())
def test_listed_call_is_read(call):
    name, arguments = re.fullmatch(r"(\w+)\((.*)\)", call).groups()
    vector = {"e": "x", "f": "y"}
    ready = ",".join(vector.get(a, a) for a in arguments.split(","))
    text = {
        "cross": "cross(h,l)", "crossm": "crossm(h)", "axial": "axial(M)", "polygamma": "polygamma(2,x)",
        "batch_norm": "batch_norm(A,x,y,c)", "e": "e(1,n)",
        "power": "power(A,2)", "where": "where(x,x,y)", "vector": f"A*{call}", "matrix": f"A*{call}",
        "reshape": "reshape(A,n*n,1)",
        "tensor": "tensor(kron(A,B),n,n,n,n)" if call.endswith("q)") else "tensor(kron(x,A),n,n,n)",
    }.get(name, f"{name}({ready})")  # fmt: skip
    e = parse(text, DECLARED + " p[n] h[3] l[3] M[3,3]")
    assert parse(str(e), e.symbols) == e


@pytest.mark.parametrize("name", NOT_YET)
def test_what_is_not_supported_is_not_listed(name):
    assert f"`{name}(" not in SYNTAX
    with pytest.raises((UnsupportedError, MatcalcError)):
        parse(f"{name}(A)", DECLARED)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"`[^`\n]*`", "", BLOCK.sub("", page.read_text(encoding="utf-8")))
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_blocks_are_of_a_kind_that_is_run(page):
    for language, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        assert language in ("python", "console", "sh")
        if language == "sh":
            assert page.name == "README.md"
            assert body.startswith("python3 -m venv ")
            assert body.count("\n") == 1
        elif language == "python":
            assert ">>>" in body


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in PAGES:
        if page.name not in ("README.md", "index.md"):
            assert f"({page.name})" in index


def test_readme_commands_are_the_ones_that_are_run():
    lines = re.findall(r"^(python3 -m venv .*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [line.split("&& ")[-1] for line in lines] == [".venv/bin/matcalc demo", ".venv/bin/python -m pytest"]


def test_public_things_have_a_docstring():
    import matcalc as mc

    for name in set(mc.__all__) - set(FUNCTIONS):
        thing = getattr(mc, name)
        assert inspect.getdoc(thing), name
