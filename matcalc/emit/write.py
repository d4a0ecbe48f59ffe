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
from matcalc.emit.dialect import array_places, parse, translated
from matcalc.emit.values import Value
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


@dataclass(frozen=True)
class Given:
    """What the code knows of its parameters.

    The arrays by their Python names, the symbols that may be plain numbers, and the array that new ones are like.
    """

    arrays: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()
    like: str = ""


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
    tree = translated(code, backend)
    inside = list(ast.walk(tree))
    names = {n.id for n in inside if isinstance(n, ast.Name)}
    helpers = sorted(n for n in names if not n.startswith("_arg") and n not in backend.known_names)
    if unknown := [h for h in helpers if h not in backend.all_helpers]:
        raise UnsupportedError(f"{', '.join(unknown)} is not available in the {backend.name} backend")
    arrays = frozenset() if backend.numbers_are_arrays else array_places(code)
    is_number = code.startswith("float(") or not any(isinstance(n, (ast.Call, ast.Subscript, ast.Attribute)) for n in inside)
    is_number = is_number or code in ("np.pi", "np.e")
    return Template(tree, tuple(helpers), len(ast.unparse(tree)), arrays, is_number, "_arglike" in names)


def _fill(node: ast.AST, args: Sequence[ast.expr], like: ast.expr) -> ast.AST:
    """A copy of a template's tree with its operands in place."""
    if isinstance(node, ast.Name):
        if node.id == "_arglike":
            return like
        return args[int(node.id[4:]) - 1] if node.id.startswith("_arg") else node
    if not node._fields or isinstance(node, (ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop)):
        return node
    parts: dict[str, object] = {}
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            parts[name] = _fill(value, args, like)
        elif isinstance(value, list):
            parts[name] = [_fill(v, args, like) if isinstance(v, ast.AST) else v for v in value]
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
    given: Given = Given(),
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
    if backend.first:
        found = ast.Call(ast.Name(backend.first, ast.Load()), [ast.Name(a, ast.Load()) for a in given.arrays], [])
        body.append(_assign(ast.Name(backend.alias, ast.Load()), found))
    writer = _Writer(leaves, names, backend, body, given)
    for v, name in arranged.lines:
        target = ast.Name(name, ast.Load())
        body.append(_assign(target, writer.write(v)))
        writer.tree[v] = target
    results = [writer.returned(v) for v in outputs]
    body.append(ast.Return(results[0] if single else ast.Tuple(results, ast.Load())))
    arguments = ast.arguments([], [ast.arg(p) for p in parameters], None, [], [], None, [])
    definition = ast.FunctionDef("function", arguments, body, [], None)
    return Written(definition, sorted(writer.helpers | ({backend.first} if backend.first else set())))


def _assign(target: ast.expr, value: ast.expr) -> ast.stmt:
    assert isinstance(target, ast.Name)
    return ast.Assign([ast.Name(target.id, ast.Store())], value)


class _Writer:
    """Writes values, each inside the next one unless it has a line of its own."""

    def __init__(
        self, leaves: Mapping[object, ast.expr], names: Names, backend: Backend, body: list[ast.stmt], given: Given
    ) -> None:
        self.leaves, self.names, self.backend, self.body, self.given = leaves, names, backend, body, given
        self.numbers: set[Value] = set()  # what is a plain number, where the library's functions do not take these
        self.like: ast.expr | None = None
        self.tree: dict[Value, ast.expr] = {}
        self.helpers: set[str] = set()

    def write(self, v: Value) -> ast.expr:
        """The tree of a value; no line is deeper than ``arrange`` allows."""
        found = self.tree.get(v)
        if found is None:
            found = self.tree[v] = self._written(v)
        return found

    def _written(self, v: Value) -> ast.expr:
        wraps = not self.backend.numbers_are_arrays
        if wraps and (v.code in ("const", "dim") or v.integer or (v.code == "symbol" and v.of in self.given.numbers)):
            self.numbers.add(v)
        if v.code == "const":
            return _number(v.of)
        if v.is_leaf:
            return self.leaves[v.code, v.of]
        code, args = v.code, v.args
        if self.backend.symmetric_products:
            code, args = symmetric_product(v) or (code, args)
        if self.backend.vectors_first and code == "#1 @ #2" and args[0].code == "#1.T" and args[1].is_vector:
            args = (args[1], args[0].args[0])
        template = parse_template(code, self.backend)
        self.helpers.update(template.helpers)
        for a in args:
            self.write(a)
        if wraps and template.is_number and all(a in self.numbers for a in args):
            self.numbers.add(v)
        trees = [self._array(a) if k in template.arrays else self.tree[a] for k, a in enumerate(args, 1)]
        filled = _fill(template.tree, trees, self._like() if template.uses_like else ast.Constant(None))
        assert isinstance(filled, ast.expr)
        return filled

    def returned(self, v: Value) -> ast.expr:
        """The tree of an output."""
        self.write(v)
        return self._array(v)

    def _array(self, v: Value) -> ast.expr:
        """The tree of a value, as an array where it is a number."""
        if v not in self.numbers:
            return self.tree[v]
        self.helpers.add("scalar")
        return ast.Call(
            ast.Name("scalar", ast.Load()), [ast.Name(self.backend.alias, ast.Load()), self.tree[v], self._like()], []
        )

    def _like(self) -> ast.expr:
        """An array that others take their type from: the first argument that is one, else one made for that."""
        if self.like is None:
            if self.given.like:
                self.like = ast.Name(self.given.like, ast.Load())
            else:
                self.like = ast.Name(self.names.new("like"), ast.Load())
                self.body.append(_assign(self.like, parse(self.backend.zero)))
        return self.like


def symmetric_product(v: Value) -> tuple[str, tuple[Value, ...]] | None:
    """A product that is symmetric by its form, ``X' diag(w) X``, as code that knows it; the plain factor comes last."""
    if v.code != "#1 @ #2":
        return None
    left, right = v.args
    if left.code == "#1.T":
        x = left.args[0]
        if x is right or _is_scaled(x, right):
            return "symmetric_product(#1.T, #2)", (x, right)
        return ("symmetric_product(#1.T, #2)", (right, x)) if _is_scaled(right, x) else None
    if left.code == "#1 * #2":
        for x, w in (left.args, left.args[::-1]):
            if x.code == "#1.T" and x.args[0] is right and w.is_vector:
                return "symmetric_product(#1, #2)", (left, right)
    return None


def _is_scaled(y: Value, x: Value) -> bool:
    """Whether ``y`` is ``x`` with scaled rows."""
    return y.code == "#1 * #2" and any(a is x and w.code == "#1[:, None]" for a, w in (y.args, y.args[::-1]))


def _number(value: object) -> ast.expr:
    assert isinstance(value, (int, float, complex))
    if isinstance(value, complex):
        return ast.Constant(value)
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
