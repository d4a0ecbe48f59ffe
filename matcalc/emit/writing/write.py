"""A program as a Python function, every line as a syntax tree."""

from __future__ import annotations

import ast
import keyword
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from matcalc.emit.backends import Backend
from matcalc.emit.passes.blocks import Block
from matcalc.emit.passes.memory import facts_of
from matcalc.emit.plan import Plan
from matcalc.emit.shapes import shape_of
from matcalc.emit.values import Value
from matcalc.emit.writing.arrange import arrange
from matcalc.emit.writing.dialect import parse
from matcalc.emit.writing.inplace import lines_in_place, worth_a_line
from matcalc.emit.writing.loops import entrywise_statement, loop_statements
from matcalc.emit.writing.templates import fill, parse_template


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


def write_function(
    outputs: Sequence[Value],
    parameters: Sequence[str],
    leaves: Mapping[object, ast.expr],
    sources: Mapping[object, ast.expr],
    names: Names,
    backend: Backend,
    docstring: str,
    single: bool,
    plan: Plan | None = None,
    given: Given = Given(),
) -> Written:
    """The function that computes the outputs.

    ``leaves`` says how a symbol, dimension or function is written, by ``(kind, of)``; a dimension
    that is in ``sources`` is first assigned from there. With a plan, lines may write over arrays that are needed no more.
    """

    def width_of_leaf(v: Value) -> int:
        return len(str(v.of)) if v.code == "const" else len(getattr(leaves[v.code, v.of], "id", ""))

    def width(code: str) -> int:
        return 0 if code in ("block", "part") else parse_template(code, backend).width

    over: dict[Value, int] = {}
    arranged = arrange(outputs, Names(names.taken), width, width_of_leaf)
    if plan is not None and backend.in_place:
        facts = facts_of(outputs, plan.symbols)
        apart = worth_a_line(outputs, arranged, facts, plan.sizes)
        if apart:
            arranged = arrange(outputs, Names(names.taken), width, width_of_leaf, apart)
        over = lines_in_place(outputs, arranged, facts, plan.sizes)
    body: list[ast.stmt] = [ast.Expr(ast.Constant(docstring))]
    for v in arranged.leaves:
        if v.code == "dim" and v.of in sources:  # once for each dimension, as equal values are one
            body.append(_assign(leaves["dim", v.of], sources[v.of]))
    if backend.first:
        found = ast.Call(ast.Name(backend.first, ast.Load()), [ast.Name(a, ast.Load()) for a in given.arrays], [])
        body.append(_assign(ast.Name(backend.alias, ast.Load()), found))
    writer = _Writer(leaves, names, backend, body, given)
    for v, _ in arranged.lines:
        if v.code == "block":
            body += writer.write_block(v, [p for p, _ in arranged.lines if p.args == (v,)])
        elif v.code == "part":
            continue
        elif v in over:
            body.append(writer.write_over(v, over[v]))
        else:
            target = ast.Name(names.new(v.name or f"t{writer.unnamed}"), ast.Load())
            writer.unnamed += not v.name
            body.append(_assign(target, writer.write(v)))
            writer.tree[v] = target
    results = [writer.array(v) for v in outputs]
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
        self.unnamed = 0
        self.of_loops: dict[str, str] = {}
        self.tree: dict[Value, ast.expr] = {}
        self.helpers: set[str] = set()

    def write(self, v: Value) -> ast.expr:
        """The tree of a value; no line is deeper than ``arrange`` allows."""
        found = self.tree.get(v)
        if found is not None:
            return found
        wraps = not self.backend.numbers_are_arrays
        if wraps and (v.code in ("const", "dim") or v.integer or (v.code == "symbol" and v.of in self.given.numbers)):
            self.numbers.add(v)
        if v.code == "const":
            found = number(v.of)
        elif v.is_leaf:
            found = self.leaves[v.code, v.of]
        else:
            template, args = parse_template(v.code, self.backend), v.args
            if (
                self.backend.vectors_first
                and v.code == "#1 @ #2"
                and args[0].code == "#1.T"
                and len(shape_of(args[1]) or ()) == 1
            ):
                args = (args[1], args[0].args[0])
            self.helpers.update(template.helpers)
            trees = [self.write(a) for a in args]
            if wraps and template.is_number and all(a in self.numbers for a in args):
                self.numbers.add(v)
            trees = [self.array(a) if k in template.arrays else t for k, (a, t) in enumerate(zip(args, trees, strict=True), 1)]
            filled = fill(template.tree, trees, self._like() if template.uses_like else None)
            assert isinstance(filled, ast.expr)
            found = filled
        self.tree[v] = found
        return found

    def array(self, v: Value) -> ast.expr:
        """The tree of a value, as an array where it is a number."""
        tree = self.write(v)
        if v not in self.numbers:
            return tree
        self.helpers.add("scalar")
        return ast.Call(ast.Name("scalar", ast.Load()), [ast.Name(self.backend.alias, ast.Load()), tree, self._like()], [])

    def _like(self) -> ast.expr:
        """An array that others take their type from: the first argument that is one, else one made for that."""
        if self.like is None:
            if self.given.like:
                self.like = ast.Name(self.given.like, ast.Load())
            else:
                self.like = ast.Name(self.names.new("like"), ast.Load())
                self.body.append(_assign(self.like, parse(self.backend.zero)))
        return self.like

    def write_over(self, v: Value, place: int) -> ast.stmt:
        """The statement that computes an entrywise value in the array of one of its operands."""
        args = [self.write(a) for a in v.args]
        target = self.tree[v] = args[place]
        assert isinstance(target, ast.Name)
        return entrywise_statement(v, args, target.id, self.parsed)

    def write_block(self, v: Value, parts: Sequence[Value]) -> list[ast.stmt]:
        """The loop of a block, whose results get names."""
        b = v.of
        assert isinstance(b, Block)
        results: dict[Value, str] = {}
        inputs = {a: self.write(new) for a, new in zip(b.inputs, v.args, strict=True)}
        for p in parts:
            assert isinstance(p.of, Value)
            held = inputs.get(b.over.get(p.of, p.of))
            results[p.of] = held.id if isinstance(held, ast.Name) else self.names.new(f"t{self.unnamed}")
            self.unnamed += not isinstance(held, ast.Name)
            self.tree[p] = ast.Name(results[p.of], ast.Load())
        return loop_statements(b, inputs, results, self.local, self.parsed)

    def local(self, wanted: str) -> str:
        """A name that loops use, each for itself."""
        if wanted not in self.of_loops:
            self.of_loops[wanted] = self.names.new(wanted)
        return self.of_loops[wanted]

    def parsed(self, code: str) -> ast.expr:
        """The tree of a template, whose helpers the function needs."""
        template = parse_template(code, self.backend)
        self.helpers.update(template.helpers)
        return template.tree


def number(value: object) -> ast.expr:
    """A number as it is written."""
    assert isinstance(value, (int, float, complex))
    if isinstance(value, complex):
        return ast.Constant(value)
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
