"""Putting expressions in the place of symbols, dimensions, functions and parts; finding what an expression is made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import sympy as sp

from matcalc.calculus import grad, same_axes
from matcalc.dims import Dim, DimSymbol, as_dim, shape_text
from matcalc.errors import OperandError, ShapeError
from matcalc.expr import (
    Add,
    Expr,
    Hadamard,
    Item,
    Let,
    Number,
    Operator,
    Product,
    Symbol,
    as_expr,
    brief,
    named_shape,
    substitute_all,
    symbol,
)
from matcalc.knowledge import unknown_facts
from matcalc.node import postorder
from matcalc.ops import unspecified
from matcalc.ops.unspecified import Unspecified, UnspecifiedGradient
from matcalc.rewrite import Wild, match, wild

Change = Callable[[Expr], Expr | None]
ANY = object()


def substitute(e: object, old: object, new: object = ANY, *, trust: bool = False) -> Expr:
    """The expression with symbols, dimensions, unspecified functions or whole parts replaced, all at the same time.

    Parameters
    ----------
    e : Expr
    old : mapping, Symbol, Expr, dimension, function or str
        What is replaced, with ``new`` in its place; or a mapping from such to such. A name is that of a symbol, of a
        dimension or of an unspecified function of ``e``. What stands for a dimension is a number or a dimension. What
        stands for an unspecified function ``L`` is a callable, or a pair of a symbol and an expression in it; ``dL``
        becomes its gradient. An expression is replaced where it stands as it is written, also as a run of factors of a
        product and as some of the terms of a sum.
    new : Expr, number, dimension or function, optional
    trust : bool
        Whether to take the attributes of a symbol for granted of what replaces it.

    Raises
    ------
    ShapeError
        If what is put in has another shape than what it replaces.
    OperandError
        If a name is unknown, or what is put in is not known to have the attributes of the symbol.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x, B, z = mc.symbols("A[m,n] x[n] B[n,p] z[p]")
    >>> mc.substitute(mc.norm2(A @ x) ** 2, {x: B @ z})
    norm2(A*B*z)^2
    >>> (A @ x).subs("n", 3).shape, (A @ x).subs({"m": 2, "n": 3}).symbols[0].shape
    ((m,), (2, 3))
    >>> L = mc.function("L")
    >>> L(A @ x).subs(L, lambda r: r.T @ r)
    (A*x)'*A*x
    """
    root = as_expr(e)
    if new is ANY and not isinstance(old, Mapping):
        raise OperandError("substitute takes what is replaced and what replaces it, or a mapping from one to the other")
    if new is not ANY and not isinstance(old, Hashable):
        raise OperandError(
            f"{type(old).__name__} is not something to replace: give one symbol, dimension, unspecified function, expression "
            "or name, or a mapping from what is replaced to what replaces it"
        )
    pairs = dict(old) if isinstance(old, Mapping) and new is ANY else {old: new}
    return _Substitution(root, pairs, trust).run()


class _Substitution:
    """The replacements for one expression, by their kinds."""

    def __init__(self, root: Expr, pairs: Mapping[object, object], trust: bool) -> None:
        self.root = root
        self.trust = trust
        self.nodes = list(postorder([root], lambda e: e.operands))
        self.dims: dict[sp.Symbol, Dim] = {}
        self.functions: dict[str, object] = {}
        self.parts: dict[Expr, Expr] = {}
        given: list[tuple[Expr, Expr]] = []
        for old, new in pairs.items():
            key = self.named(old) if isinstance(old, str) else old
            if isinstance(key, DimSymbol):
                self.dims[key] = as_dim(new, str(key))
            elif isinstance(key, unspecified.Function):
                self.functions[key.name] = new
            elif isinstance(key, Expr):
                given.append((key, as_expr(new)))
            else:
                raise OperandError(
                    f"{old!r} cannot be replaced: give a symbol, a dimension, an unspecified function, an expression, or a name"
                )
        for key, value in given:
            self.require_fit(key, value)
            self.parts[key] = value

    def named(self, name: str) -> object:
        """What a name stands for in the expression."""
        found: list[object] = [s for s in self.root.symbols if s.name == name]
        found += [e for e in self.nodes if isinstance(e, Let) and e.name == name]
        found += [d for d in self.dimensions() if d.name == name]
        if any(isinstance(e, (Unspecified, UnspecifiedGradient)) and e.function == name for e in self.nodes):
            found.append(unspecified.Function(name))
        if len(found) == 1:
            return found[0]
        if found:
            raise OperandError(
                f"{name} names {len(found)} things in {brief(self.root)}: pass the symbol or the dimension itself"
            )
        known = [s.name for s in self.root.symbols] + sorted(d.name for d in self.dimensions())
        raise OperandError(f"{name!r} is not in {brief(self.root)}; its names: {', '.join(known) or 'none'}")

    def dimensions(self) -> set[DimSymbol]:
        """The dimensions of the expression and of what it is made of."""
        sizes = [d for e in self.nodes for d in (*e.shape, e.rows, e.cols) if not isinstance(d, int)]
        sizes += [e.value for e in self.nodes if isinstance(e, Number)]
        return {s for d in sizes for s in d.free_symbols if isinstance(s, DimSymbol)}

    def require_fit(self, old: Expr, new: Expr) -> None:
        """Refuse what has another shape, or is not known to have the attributes of what it replaces."""
        wanted = substitute_all([old], {}, self.dim)[0] if self.dims else old
        if not same_axes(new, wanted):
            shapes = [shape_text((s.rows, s.cols)) if s.axes is None else " x ".join(map(str, s.axes)) for s in (new, wanted)]
            also = " (after the dimensions were replaced)" if self.dims and same_axes(new, old) else ""
            raise ShapeError(
                f"cannot put {brief(new)} ({shapes[0]}) in the place of {brief(old)} ({shapes[1]}){also}: the shapes differ"
            )
        if isinstance(old, Symbol) and not self.trust and new.is_complex and not old.is_complex:
            raise OperandError(
                f"{named_shape(old)} is real, which {brief(new)} is not known to be: the expression may be simplified for "
                f"a real {old.name}; declare {old.name} complex, or pass trust=True"
            )
        if isinstance(old, Symbol) and not self.trust and (missing := unknown_facts(new, old)):
            word = " and ".join(missing)
            example = (
                f"{new.name} with {missing[0]}=True" if isinstance(new, Symbol) else f"its symbols so that {missing[0]} follows"
            )
            raise OperandError(
                f"{named_shape(old)} is declared {word}, which {brief(new)} is not known to be: declare {example}, "
                "or pass trust=True if you know that it is"
            )

    def dim(self, d: Dim) -> Dim:
        """A dimension with its parts replaced."""
        if isinstance(d, int) or d.free_symbols.isdisjoint(self.dims):
            return d
        value = sp.expand(d.xreplace({k: _number(v) for k, v in self.dims.items()}))
        return as_dim(int(value) if value.is_Integer else value, str(d))

    def run(self) -> Expr:
        """The new expression, over the shared graph."""
        done: dict[Expr, Expr] = {}
        wide: list[Expr] = [k for k in self.parts if isinstance(k, (Add, Product, Hadamard))]
        for node in postorder([self.root], lambda e: () if e in self.parts else e.operands):
            done[node] = self.parts[node] if node in self.parts else self.rebuilt(node, done, wide)
        return done[self.root]

    def rebuilt(self, node: Expr, done: Mapping[Expr, Expr], wide: list[Expr]) -> Expr:
        """A node that is not replaced as a whole, given what became of its operands."""
        for key in wide:
            if type(key) is type(node) and (left := _taken_out(node, key)) is not None:
                operands = [self.parts[key] if part is key else done[part] for part in left]
                return node.rebuild(operands, self.dim)
        if isinstance(node, Unspecified) and node.function in self.functions:
            return self.called(node.function, done[node.arg])
        if isinstance(node, UnspecifiedGradient) and node.function in self.functions:
            at = done[node.arg]
            taken = {s.name for s in (*at.symbols, *self.root.symbols)}
            name = next(n for k in range(len(taken) + 1) if (n := f"x{k or ''}") not in taken)
            x = symbol(name, at.shape if at.axes is not None else (at.rows, at.cols))
            return substitute_all([grad(self.called(node.function, x), x)], {x: at})[0]
        if self.dims and isinstance(node, Number) and not node.value.free_symbols.isdisjoint(self.dims):
            return as_expr(node.value.xreplace({k: _number(v) for k, v in self.dims.items()}))
        made = node.rebuild([done[c] for c in node.operands], self.dim)
        if isinstance(made, Item):
            for place, size, word in ((made.row, made.arg.rows, "row"), (made.col, made.arg.cols, "column")):
                if isinstance(size, int) and place > size:
                    raise ShapeError(f"{brief(node)} becomes {brief(made)}, and {named_shape(made.arg)} has no {word} {place}")
        return made

    def called(self, name: str, arg: Expr) -> Expr:
        """The value of what replaces an unspecified function."""
        given = self.functions[name]
        if isinstance(given, unspecified.Function):
            return given(arg)
        if isinstance(given, (tuple, list)) and len(given) == 2 and isinstance(given[0], Symbol):
            x, body = given[0], as_expr(given[1])
            if not same_axes(x, arg):
                raise ShapeError(f"{name} is given as a function of {named_shape(x)}, but stands before {named_shape(arg)}")
            value = substitute_all([body], {x: arg})[0]
        elif callable(given):
            value = as_expr(given(arg))
        else:
            raise OperandError(f"{name} is replaced by a callable, or by a pair of a symbol and an expression in it")
        if not value.is_scalar:
            raise ShapeError(
                f"{name} is a scalar-valued function, but {named_shape(value)} is what it would be at {brief(arg)}"
            )
        return value


def _number(d: Dim) -> sp.Expr:
    return sp.Integer(d) if isinstance(d, int) else d


def _taken_out(node: Expr, key: Expr) -> list[Expr] | None:
    """The operands of a sum or product with those of ``key`` gone and itself in their place; None where they are not there."""
    have, want = list(node.operands), list(key.operands)
    if len(want) >= len(have):
        return None
    if isinstance(node, Product):
        for k in range(len(have) - len(want) + 1):
            if have[k : k + len(want)] == want:
                return [*have[:k], key, *have[k + len(want) :]]
        return None
    first = None
    for part in want:
        if part not in have:
            return None
        at = have.index(part)
        first = at if first is None else min(first, at)
        have.pop(at)
    assert first is not None
    return [*have[:first], key, *have[first:]]


# ------------------------------------------------------------------ parts
def replace(e: object, old: object, new: object = ANY) -> Expr:
    """The expression with parts replaced by their form, from the operands up.

    Parameters
    ----------
    e : Expr
    old : Expr or callable
        A pattern, whose placeholders ``mc.wild`` makes; or a function that is given every part and answers what it
        becomes, or None to leave it.
    new : Expr or callable, optional
        What the pattern becomes: an expression in its placeholders, or a function that is given a dict from
        placeholders to what they stand for.

    Raises
    ------
    ShapeError
        If a part would change its shape.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, B, x = mc.symbols("A[n,n] B[n,n] x[n]")
    >>> W = mc.wild("W", "n", "n")
    >>> mc.replace(mc.tr(A) + mc.tr(B @ A), mc.tr(W), mc.det(W))
    det(A) + det(B*A)
    >>> mc.replace(mc.exp(A @ x), lambda part: B if part == A else None)
    exp(B*x)
    """
    root = as_expr(e)
    change = _change(old, new)
    done: dict[Expr, Expr] = {}
    for node in postorder([root], lambda x: x.operands):
        made = node.rebuild([done[c] for c in node.operands]) if any(done[c] is not c for c in node.operands) else node
        after = change(made)
        if after is not None and not same_axes(after, made):
            raise ShapeError(f"cannot put {named_shape(after)} in the place of {named_shape(made)}: the shapes differ")
        done[node] = made if after is None else after
    return done[root]


def _change(old: object, new: object) -> Change:
    if isinstance(old, Expr) and new is not ANY:
        placeholders = any(isinstance(s, Wild) for s in old.symbols)
        if not placeholders:
            value = as_expr(new)
            return lambda part: value if part is old else None
        if callable(new) and not isinstance(new, Expr):
            return lambda part: _answer(new(found)) if (found := match(old, part)) is not None else None
        template = as_expr(new)
        return lambda part: substitute_all([template], found)[0] if (found := match(old, part)) is not None else None
    if callable(old) and new is ANY:
        return lambda part: _answer(old(part))
    raise OperandError("replace takes a pattern and what it becomes, or one function of a part")


def _answer(value: object) -> Expr | None:
    return None if value is None else as_expr(value)


def placeholder(name: str, *shape: object) -> Wild:
    """A placeholder in a pattern for ``replace``: it stands for any scalar, or for anything that is none.

    Parameters
    ----------
    name : str
    *shape : int or dimension
        One that lets the pattern be written; what the placeholder matches may have another.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, B = mc.symbols("A[n,n] B[n,n]")
    >>> V, W = mc.wild("V", "n", "n"), mc.wild("W", "n", "n")
    >>> mc.replace(mc.inv(A @ B), mc.inv(V @ W), mc.inv(W) @ mc.inv(V))
    inv(B)*inv(A)
    """
    made = symbol(name, [DimSymbol(d) if isinstance(d, str) else d for d in shape])
    return wild(made.name, (made.rows, made.cols))


def atoms(e: object, *kinds: object) -> set[Expr]:
    """The symbols of an expression; or all parts of the kinds that are asked for.

    Parameters
    ----------
    e : Expr
    *kinds : class or str
        Classes such as ``mc.Symbol``, or operators by their name in the text syntax, such as ``"inv"``.

    Raises
    ------
    OperandError
        If no operator has that name.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x = mc.symbols("A[n,n] x[n]")
    >>> e = mc.inv(A) @ mc.exp(x)
    >>> sorted(map(str, mc.atoms(e))), sorted(map(str, e.atoms("inv", "exp")))
    (['A', 'x'], ['exp(x)', 'inv(A)'])
    """
    classes: list[type] = [] if kinds else [Symbol]
    for kind in kinds:
        named = [c for c in Operator.registered.values() if isinstance(kind, str) and c.name == kind]
        found = [kind] if isinstance(kind, type) else named
        if not found:
            raise OperandError(f"{kind!r} is neither a class nor the name of an operator")
        classes += found
    return {node for node in postorder([as_expr(e)], lambda x: x.operands) if isinstance(node, tuple(classes))}


Expr.hooks.update(subs=substitute, replace=replace, atoms=atoms)
