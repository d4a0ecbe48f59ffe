"""The pieces of code that values have, as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from matcalc.emit.backends import Backend
from matcalc.errors import UnsupportedError


@dataclass(frozen=True)
class Template:
    """A parsed piece of code and the helper functions that it calls."""

    tree: ast.expr
    helpers: tuple[str, ...]
    width: int


@lru_cache(maxsize=512)
def parse_template(code: str, backend: Backend) -> Template:
    """The tree of a template of ours, in the backend's words."""
    written = backend.translate(code)
    tree = ast.parse(written.replace("#", "_arg"), mode="eval").body
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    helpers = sorted(n for n in names if not n.startswith("_arg") and n not in backend.known_names)
    if unknown := [h for h in helpers if h not in backend.helpers]:
        raise UnsupportedError(f"{', '.join(unknown)} is not available in the {backend.name} backend")
    return Template(tree, tuple(helpers), len(written))


def fill(node: ast.AST, args: Sequence[ast.expr]) -> ast.AST:
    """A copy of a template's tree with its operands in place."""
    if isinstance(node, ast.Name):
        return args[int(node.id[4:]) - 1] if node.id.startswith("_arg") else node
    if not node._fields or isinstance(node, (ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop)):
        return node
    parts: dict[str, object] = {}
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            parts[name] = fill(value, args)
        elif isinstance(value, list):
            parts[name] = [fill(v, args) if isinstance(v, ast.AST) else v for v in value]
        else:
            parts[name] = value
    return type(node)(**parts)
