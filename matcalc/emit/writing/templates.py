"""The pieces of code that values have, as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from matcalc.emit.backends import Backend
from matcalc.emit.writing.dialect import array_places, translated
from matcalc.errors import UnsupportedError


@dataclass(frozen=True)
class Template:
    """A parsed piece of code and the helper functions that it calls."""

    tree: ast.expr
    helpers: tuple[str, ...]
    width: int
    arrays: frozenset[int]  # operands that have to be arrays, counted from 1
    is_number: bool  # of numbers it makes a number
    uses_like: bool


@lru_cache(maxsize=512)
def parse_template(code: str, backend: Backend) -> Template:
    """The tree of a template of ours, in the backend's words."""
    tree = translated(code, backend)
    inside = list(ast.walk(tree))
    names = {n.id for n in inside if isinstance(n, ast.Name)}
    helpers = sorted(n for n in names if not n.startswith("_arg") and n not in backend.known_names)
    if unknown := [h for h in helpers if h not in backend.all_helpers]:
        raise UnsupportedError(f"{', '.join(unknown)} is not available in the {backend.name} backend")
    arrays = frozenset() if backend.numbers_are_arrays else array_places(code)
    is_number = code.startswith("float(") or not any(isinstance(n, (ast.Call, ast.Subscript, ast.Attribute)) for n in inside)
    is_number = is_number or code in ("np.pi", "np.e")
    return Template(tree, tuple(helpers), len(ast.unparse(tree).replace("_arg", "#")), arrays, is_number, "_arglike" in names)


def fill(node: ast.AST, args: Sequence[ast.expr], like: ast.expr | None = None) -> ast.AST:
    """A copy of a template's tree with its operands in place."""
    if isinstance(node, ast.Name):
        if node.id == "_arglike":
            return like or ast.Constant(None)
        return args[int(node.id[4:]) - 1] if node.id.startswith("_arg") else node
    if not node._fields or isinstance(node, (ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop)):
        return node
    parts: dict[str, object] = {}
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            parts[name] = fill(value, args, like)
        elif isinstance(value, list):
            parts[name] = [fill(v, args, like) if isinstance(v, ast.AST) else v for v in value]
        else:
            parts[name] = value
    return type(node)(**parts)
