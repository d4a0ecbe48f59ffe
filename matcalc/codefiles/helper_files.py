"""Helper functions of languages other than Python: read from a file beside this one, a file gets those that it calls."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=4)
def functions_in(file: str) -> dict[str, str]:
    """The functions of a helper file by name; they start in the first column, and end there."""
    text = resources.files("matcalc.codefiles").joinpath(file).read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for block in re.findall(r"^function .*?^end$", text, re.MULTILINE | re.DOTALL):
        head = block.splitlines()[0]
        name = re.search(r"(\w+)\(", head)
        assert name is not None
        before = found.get(name.group(1))
        found[name.group(1)] = f"{before}\n\n{block}" if before else block
    return found


def with_needed(file: str, names: Iterable[str]) -> list[str]:
    """The text of the named functions and of those that they call, in the order of the file."""
    table = functions_in(file)
    todo, found = list(names), set()
    while todo:
        name = todo.pop()
        if name in table and name not in found:
            found.add(name)
            todo += [w for w in re.findall(r"\w+", table[name]) if w in table]
    return [text for name, text in table.items() if name in found]
