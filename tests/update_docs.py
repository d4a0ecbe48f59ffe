"""The examples of README.md and docs/: where they are, and a rewrite of what they print.

``python tests/update_docs.py`` fills in every output anew; read the difference before you commit it.
"""

import contextlib
import doctest
import io
import re
import shlex
import traceback
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def console_examples(page: Path) -> list[tuple[str, str]]:
    """The commands of the console blocks, each with what it is said to print."""
    found = []
    for language, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "console":
            for piece in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, output = piece.partition("\n")
                found.append((command, output))
    return found


def run_command(command: str) -> str:
    """What a ``matcalc`` command prints, messages included."""
    from matcalc.cli import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        name, *arguments = shlex.split(command)
        assert name == "matcalc"
        with contextlib.suppress(SystemExit):
            main(arguments)
    return out.getvalue()


def run_python(body: str, namespace: dict[str, object]) -> str:
    """A block of Python with its outputs filled in."""
    if ">>>" not in body:
        exec(body, namespace)
        return body
    out = []
    for piece in doctest.DocTestParser().parse(body):
        if isinstance(piece, str):
            out.append(piece if piece.strip() else "")
            continue
        lines = piece.source.rstrip("\n").split("\n")
        out.append("\n".join((">>> " if k == 0 else "... ") + line for k, line in enumerate(lines)).replace("... \n", "...\n"))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            try:
                exec(compile(piece.source, "<docs>", "single"), namespace)
            except Exception as error:
                print("Traceback (most recent call last):\n    ...")
                print("".join(traceback.format_exception_only(error)).rstrip())
        printed = re.sub(r"^$", "<BLANKLINE>", said.getvalue().rstrip("\n"), flags=re.MULTILINE)
        out.append(f"\n{printed}\n" if said.getvalue() else "\n")
    return "".join(out)


def updated(page: Path) -> str:
    """The page with all outputs filled in anew."""
    namespace: dict[str, object] = {"__name__": "docs"}

    def fill(m: re.Match[str]) -> str:
        language, body = m.groups()
        if language == "python":
            body = run_python(body, namespace)
        elif language == "console":
            body = "".join(f"$ {command}\n{run_command(command)}" for command in re.findall(r"^\$ (.*)$", body, re.MULTILINE))
        return f"```{language}\n{body}```"

    return BLOCK.sub(fill, page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(updated(page), encoding="utf-8")
