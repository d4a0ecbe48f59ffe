"""A template in another library's words: names, methods, the type of new arrays, where numbers have to be arrays."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from matcalc.emit.backends import Backend

CREATORS = frozenset(("np.eye", "np.zeros", "np.ones", "np.tri"))
HELPERS_THAT_CREATE = frozenset(("unit_vector", "commutation", "duplication", "elimination", "toeplitz_basis"))
ENTRYWISE = frozenset((
    "np.maximum", "np.minimum", "np.logaddexp", "np.where", "np.einsum", "np.outer", "np.kron", "np.cross", "np.hypot",
    "np.arctan2", "np.copysign",
))  # fmt: skip
LATER = {"polygamma": 1}  # functions whose array is not their first argument


def parse(code: str) -> ast.expr:
    """The tree of a template; its operands are names ``_arg1``, ``_arg2``, ..."""
    return ast.parse(code.replace("#", "_arg"), mode="eval").body


def translated(code: str, backend: Backend) -> ast.expr:
    """The tree of a template for NumPy, in the backend's words."""
    known = backend.word(code)
    if backend.alias == "np":
        return parse(code if known is None else known)
    tree = _Dialect(backend).visit(parse(code if known is None else known))
    assert isinstance(tree, ast.expr)
    return tree


def array_places(code: str) -> frozenset[int]:
    """The operands of a template for NumPy that have to be arrays, as functions of libraries take them."""
    return frozenset(k for call in ast.walk(parse(code)) for k in _places_of(call))


def _places_of(node: ast.AST) -> Iterator[int]:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield from _operands(node.value)
    if not isinstance(node, ast.Call):
        return
    name = ast.unparse(node.func)
    of_a_value = isinstance(node.func, ast.Attribute) and not name.startswith("np.")  # a method: sizes
    if of_a_value or name == "float" or name in CREATORS or name in HELPERS_THAT_CREATE:
        return
    first = LATER.get(name, 0)
    for a in node.args if name in ENTRYWISE else node.args[first : first + 1]:
        for inner in ast.walk(a):
            yield from _operands(inner)


def _operands(node: ast.AST) -> Iterator[int]:
    if isinstance(node, ast.Name) and node.id.startswith("_arg") and node.id[4:].isdigit():
        yield int(node.id[4:])


@lru_cache(maxsize=64)
def _extra_keywords(like: str) -> list[ast.keyword]:
    call = parse(f"f({like})")
    assert isinstance(call, ast.Call)
    return call.keywords


class _Dialect(ast.NodeTransformer):
    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.backend.alias, ast.Load()) if node.id == "np" else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        b = self.backend
        name = ast.unparse(node.func)
        if isinstance(node.func, ast.Attribute) and not self._is_module(node.func.value):
            return self._method(node, node.func)
        args = [self.visit(a) for a in node.args]
        keywords = [ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords]
        if name in CREATORS or name in HELPERS_THAT_CREATE:
            keywords += _extra_keywords(b.like if name in CREATORS else "like=#like")
        if name == "np.einsum":
            keywords = []
        if name == "np.reshape" and isinstance(args[1], ast.Constant):
            args[1] = ast.Tuple([args[1]], ast.Load())
        new = b.name_of(name)
        if new in HELPERS_THAT_CREATE or new == "tri":
            keywords = _extra_keywords("like=#like")
        if new in b.shared and not (args and isinstance(args[0], ast.Name) and args[0].id == b.alias):
            args.insert(0, ast.Name(b.alias, ast.Load()))
        func = self.visit(parse(new)) if new is not None else self.visit(node.func)
        return ast.Call(func, args, keywords)

    def _is_module(self, owner: ast.expr) -> bool:
        """Whether it is a library or a part of one, such as ``np.linalg``."""
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        return isinstance(owner, ast.Name) and owner.id in {"np", *self.backend.known_names}

    def _method(self, node: ast.Call, func: ast.Attribute) -> ast.AST:
        owner = self.visit(func.value)
        args = [self.visit(a) for a in node.args]
        new = self.backend.method(func.attr)
        if new.startswith("."):
            return ast.Call(ast.Attribute(owner, new[1:], ast.Load()), args, node.keywords)
        packed = [ast.Tuple(args, ast.Load())] if args else []  # a function takes a shape or an order as one argument
        return ast.Call(parse(new), [owner, *packed], node.keywords)
