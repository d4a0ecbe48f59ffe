"""A program as a Python function, every line as a syntax tree."""

from __future__ import annotations

import ast
import keyword
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from matcalc.emit.arrange import arrange
from matcalc.emit.backends import Backend
from matcalc.emit.values import Value
from matcalc.errors import UnsupportedError

@dataclass(frozen=True)
class Template:
    """A parsed piece of code and the helper functions that it calls."""

    tree: ast.expr
    helpers: tuple[str, ...]
    width: int


@dataclass
class Written:
    """A function definition with what its namespace needs."""

    definition: ast.FunctionDef
    helpers: list[str] = field(default_factory=list)


class Names:
    """Python names for a user's names; none of them hides what the code itself uses."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)

    def new(self, wanted: str) -> str:
        """The name itself where it is free and Python takes it, else one like it."""
        name = unicodedata.normalize("NFKC", wanted)
        if not name.isidentifier():
            name = "v" + "".join(c if c.isalnum() and c.isascii() else "_" for c in wanted)
        if name.startswith("__"):
            name = "v" + name
        base, k = name, 1
        while name in self.taken or keyword.iskeyword(name):
            name = f"{base}_" if k == 1 else f"{base}_{k}"
            k += 1
        self.taken.add(name)
        return name


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


def _fill(node: ast.AST, args: Sequence[ast.expr]) -> ast.AST:
    """A copy of a template's tree with its operands in place."""
    if isinstance(node, ast.Name):
        return args[int(node.id[4:]) - 1] if node.id.startswith("_arg") else node
    if not node._fields or isinstance(node, (ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop)):
        return node
    parts: dict[str, object] = {}
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            parts[name] = _fill(value, args)
        elif isinstance(value, list):
            parts[name] = [_fill(v, args) if isinstance(v, ast.AST) else v for v in value]
        else:
            parts[name] = value
    return type(node)(**parts)


def write_function(
    outputs: Sequence[Value],
    parameters: Sequence[str],
    leaves: Mapping[object, ast.expr],
    sources: Mapping[object, ast.expr],
    names: Names,
    backend: Backend,
    docstring: str,
    single: bool,
) -> Written:
    """The function that computes the outputs.

    ``leaves`` says how a symbol, dimension or function is written, by ``(kind, of)``; a dimension
    that is in ``sources`` is first assigned from there.
    """
    def width_of_leaf(v: Value) -> int:
        return len(str(v.of)) if v.code == "const" else len(getattr(leaves[v.code, v.of], "id", ""))

    arranged = arrange(outputs, names, lambda code: parse_template(code, backend).width, width_of_leaf)
    body: list[ast.stmt] = [ast.Expr(ast.Constant(docstring))]
    for v in arranged.leaves:
        if v.code == "dim" and v.of in sources:  # once for each dimension, as equal values are one
            body.append(_assign(leaves["dim", v.of], sources[v.of]))
    writer = _Writer(leaves, backend)
    for v, name in arranged.lines:
        target = ast.Name(name, ast.Load())
        body.append(_assign(target, writer.write(v)))
        writer.tree[v] = target
    results = [writer.write(v) for v in outputs]
    body.append(ast.Return(results[0] if single else ast.Tuple(results, ast.Load())))
    arguments = ast.arguments([], [ast.arg(p) for p in parameters], None, [], [], None, [])
    definition = ast.FunctionDef("function", arguments, body, [], None)
    return Written(definition, sorted(writer.helpers))


def _assign(target: ast.expr, value: ast.expr) -> ast.stmt:
    assert isinstance(target, ast.Name)
    return ast.Assign([ast.Name(target.id, ast.Store())], value)


class _Writer:
    """Writes values, each inside the next one unless it has a line of its own."""

    def __init__(self, leaves: Mapping[object, ast.expr], backend: Backend) -> None:
        self.leaves, self.backend = leaves, backend
        self.tree: dict[Value, ast.expr] = {}
        self.helpers: set[str] = set()

    def write(self, v: Value) -> ast.expr:
        """The tree of a value; no line is deeper than ``arrange`` allows."""
        found = self.tree.get(v)
        if found is None:
            if v.code == "const":
                found = _number(v.of)
            elif v.is_leaf:
                found = self.leaves[v.code, v.of]
            else:
                template = parse_template(v.code, self.backend)
                self.helpers.update(template.helpers)
                filled = _fill(template.tree, [self.write(a) for a in v.args])
                assert isinstance(filled, ast.expr)
                found = filled
            self.tree[v] = found
        return found


def _number(value: object) -> ast.expr:
    assert isinstance(value, (int, float, complex))
    if isinstance(value, complex):
        return ast.Constant(value)
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
