"""A program as a Python function: which values get a name, and the syntax tree of every line."""

from __future__ import annotations

import ast
import keyword
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from matcalc.emit.backends import Backend
from matcalc.emit.values import Value
from matcalc.errors import UnsupportedError
from matcalc.node import postorder

DEEPEST = 20  # levels of one line; CPython's own compiler recurses over them
WIDEST = 90  # characters of one line, estimated
WORTH_A_NAME = 16
VIEWS = frozenset(("#1.T", "#1[:, None]", "#1[None, :]", "np.pi", "np.e"))  # cost nothing to write twice


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
    order = list(postorder(outputs, lambda v: v.args))
    count = {id(v): 0 for v in order}
    for v in outputs:
        count[id(v)] += 1
    for v in reversed(order):
        for a in v.args:
            count[id(a)] += count[id(v)] if v.code in VIEWS else 1
    body: list[ast.stmt] = [ast.Expr(ast.Constant(docstring))]
    for v in order:
        if v.code == "dim" and v.of in sources:  # once for each dimension, as equal values are one
            body.append(_assign(leaves["dim", v.of], sources[v.of]))
    writer = _Writer(leaves, names, backend, body)
    for v in order:
        writer.write(v, v.name != "" or (count[id(v)] > 1 and v.code not in VIEWS and not v.is_leaf))
    results = [writer.tree[v] for v in outputs]
    body.append(ast.Return(results[0] if single else ast.Tuple(results, ast.Load())))
    arguments = ast.arguments([], [ast.arg(p) for p in parameters], None, [], [], None, [])
    definition = ast.FunctionDef("function", arguments, body, [], None)
    return Written(definition, sorted(writer.helpers))


def _assign(target: ast.expr, value: ast.expr) -> ast.stmt:
    assert isinstance(target, ast.Name)
    return ast.Assign([ast.Name(target.id, ast.Store())], value)


class _Writer:
    """Writes values in order, each inside the next one or on a line of its own."""

    def __init__(self, leaves: Mapping[object, ast.expr], names: Names, backend: Backend, body: list[ast.stmt]) -> None:
        self.leaves, self.names, self.backend, self.body = leaves, names, backend, body
        self.tree: dict[Value, ast.expr] = {}
        self.size: dict[Value, tuple[int, int]] = {}  # depth and width of the tree
        self.helpers: set[str] = set()
        self.count = 0

    def write(self, v: Value, named: bool) -> None:
        """The tree of ``v``, whose operands are written already."""
        if v.code == "const":
            self.tree[v], self.size[v] = _number(v.of), (1, len(str(v.of)))
            return
        if v.is_leaf:
            tree = self.leaves[v.code, v.of]
            self.tree[v], self.size[v] = tree, (1, len(getattr(tree, "id", "")))
            return
        template = parse_template(v.code, self.backend)
        self.helpers.update(template.helpers)
        inner = sorted(dict.fromkeys(v.args), key=lambda a: self.size[a][1])
        width = template.width + sum(self.size[a][1] for a in v.args)
        while inner:
            a = inner.pop()
            if self.size[a][0] >= DEEPEST or (width > WIDEST and self.size[a][1] > WORTH_A_NAME):
                before = self.size[a][1]
                self.assign(a)
                width -= v.args.count(a) * (before - self.size[a][1])
        depth = 1 + max((self.size[a][0] for a in v.args), default=0)
        filled = fill(template.tree, [self.tree[a] for a in v.args])
        assert isinstance(filled, ast.expr)
        self.tree[v], self.size[v] = filled, (depth, width)
        if named:
            self.assign(v)

    def assign(self, v: Value) -> None:
        """Put the value on a line of its own."""
        if v.name:
            name = self.names.new(v.name)
        else:
            name = self.names.new(f"t{self.count}")
            self.count += 1
        self.body.append(_assign(ast.Name(name, ast.Load()), self.tree[v]))
        self.tree[v], self.size[v] = ast.Name(name, ast.Load()), (1, len(name))


def _number(value: object) -> ast.expr:
    assert isinstance(value, (int, float, complex))
    if isinstance(value, complex):
        return ast.Constant(value)
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
