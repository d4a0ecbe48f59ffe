"""Helper functions as text, out of the modules that hold them: each with all that it uses, and nothing else."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from types import ModuleType

from matcalc.errors import MatcalcError


class Sources:
    """The functions that code needs, and the imports that these need, as they are asked for.

    Attributes
    ----------
    imports : set of str
        Import statements.
    statements : dict of str to ast.stmt
        By name, what a name needs before it.
    """

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.statements: dict[str, ast.stmt] = {}

    def add(self, module: ModuleType, names: Iterable[str]) -> None:
        """Take the definitions of names from a module."""
        table = definitions(module.__name__)
        for name in sorted(names):
            if name in self.statements or name not in table:
                continue
            statement = table[name]
            if isinstance(statement, ast.Import):
                self.imports.add(ast.unparse(statement))
            elif isinstance(statement, ast.ImportFrom):
                self._imported(statement)
            else:
                plain = _Plain()
                made = ast.fix_missing_locations(plain.visit(_copy(statement)))
                self.imports |= plain.imports
                self.statements[name] = made  # before what it uses, in case that uses it in turn
                self.add(module, used_in(made))
                self.statements[name] = self.statements.pop(name)

    def _imported(self, statement: ast.ImportFrom) -> None:
        source = statement.module or ""
        if not source.startswith("matcalc"):
            self.imports.add(ast.unparse(statement))
            return
        for alias in statement.names:  # an error is one of Python's own by ``_Plain``
            if alias.asname is None and not is_error(alias.name):
                self.add(import_module(source), [alias.name])

    def text(self) -> str:
        """The definitions, those of constants first."""
        constants = [s for s in self.statements.values() if not isinstance(s, (ast.FunctionDef, ast.ClassDef))]
        functions = [s for s in self.statements.values() if isinstance(s, (ast.FunctionDef, ast.ClassDef))]
        blocks = ["\n".join(dict.fromkeys(map(ast.unparse, constants)))] if constants else []  # one line may define several
        return "\n\n\n".join([*blocks, *map(ast.unparse, functions)])


@lru_cache(maxsize=16)
def definitions(module: str) -> dict[str, ast.stmt]:
    """What a module defines at its top, by name; of an import what one name needs."""
    found: dict[str, ast.stmt] = {}
    for statement in ast.parse(inspect.getsource(import_module(module))).body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] = statement
            case ast.Assign(targets=targets):
                for t in targets:
                    found.update((n.id, statement) for n in ast.walk(t) if isinstance(n, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = statement
            case ast.Import(names=names):
                for a in names:
                    found[a.asname or a.name.split(".")[0]] = ast.Import([a])
            case ast.ImportFrom(module=source, names=names, level=level):
                for a in names:
                    found[a.asname or a.name] = ast.ImportFrom(source, [a], level)
            case ast.Try():
                for inside in ast.walk(statement):
                    if isinstance(inside, (ast.Import, ast.ImportFrom)):
                        found.update((a.asname or a.name.split(".")[0], statement) for a in inside.names)
                    elif isinstance(inside, ast.Name) and isinstance(inside.ctx, ast.Store):
                        found[inside.id] = statement
            case _:
                pass
    return found


def used_in(statement: ast.stmt) -> set[str]:
    """The names that a definition reads from outside."""
    inside: set[str] = set()
    if isinstance(statement, ast.FunctionDef):
        inside = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        inside |= {a.arg for a in ast.walk(statement) if isinstance(a, ast.arg)}
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)} - inside


def is_error(name: str) -> bool:
    """Whether it is the name of an error of ours."""
    return any(c.__name__ == name for c in _errors())


def _errors() -> list[type[MatcalcError]]:
    return [MatcalcError, *_below(MatcalcError)]


def _below(kind: type[MatcalcError]) -> list[type[MatcalcError]]:
    found: list[type[MatcalcError]] = []
    for c in kind.__subclasses__():
        found += [c, *_below(c)]
    return found


def python_error(name: str) -> str:
    """The error of Python's own that an error of ours is."""
    kind = next(c for c in _errors() if c.__name__ == name)
    return next((c.__name__ for c in kind.__mro__ if c.__module__ == "builtins" and c is not Exception), "RuntimeError")


def _copy(statement: ast.stmt) -> ast.stmt:
    return ast.parse(ast.unparse(statement)).body[0]


class _Plain(ast.NodeTransformer):
    """Without annotations, without errors of ours, and with SciPy's functions by their full names."""

    def __init__(self) -> None:
        self.imports: set[str] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        return ast.Assign([node.target], node.value) if node.value is not None else None

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if is_error(node.id) and not hasattr(builtins, node.id):
            return ast.Name(python_error(node.id), node.ctx)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(
                func=ast.Name(id="_scipy"), args=[ast.Constant(value=str() as module), ast.Constant(value=str() as name)]
            ):
                self.imports.add(f"import scipy.{module}")
                scipy = ast.Attribute(ast.Name("scipy", ast.Load()), module, ast.Load())
                return ast.Attribute(scipy, name, ast.Load())
            case ast.Call(func=ast.Name(id="_scipy")):
                self.imports.update(("import scipy.linalg", "import scipy.special"))
        return node
