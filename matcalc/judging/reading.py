"""Formulas given beside another one: their texts are read with its symbols, and a name means one thing in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import sympy as sp

from matcalc.dims import DimSymbol
from matcalc.errors import MatcalcError, OperandError, ShapeError
from matcalc.expr import DECLARED, Expr, Let, Symbol, as_expr, brief, named_shape
from matcalc.lex import read, require_text
from matcalc.node import postorder
from matcalc.parse import parse, read_declarations


def read_pair(a: object, b: object, declarations: object) -> tuple[Expr, Expr]:
    """Two formulas, each from text or as it is; a text is read with the symbols of the other."""
    if not isinstance(a, str) and not isinstance(b, str):
        return as_expr(a), as_expr(b)
    if not isinstance(b, str):
        right, left = read_pair(b, a, declarations)
        return left, right
    if not isinstance(a, str):
        left = as_expr(a)
        return left, parse(b, known_names(declarations, [left]))
    try:
        left = parse(a, declarations)
        return left, parse(b, known_names(declarations, [left]))
    except ShapeError as first:
        with suppress(MatcalcError):  # the second may say more of the sizes than the first
            right = parse(b, declarations)
            return parse(a, known_names(declarations, [right])), right
        with suppress(MatcalcError):  # or only both together do
            known = known_names(declarations, [parse(f"sum({a})*sum({b})", declarations)])
            return parse(a, known), parse(b, known)
        raise first from None


def known_names(declarations: object, exprs: Sequence[Expr]) -> dict[str, object]:
    """Declarations, and the symbols of expressions beside them."""
    names, dims = read_declarations(declarations)
    known: dict[str, object] = {d: DimSymbol(d) for d in sorted(dims)}
    return known | dict(names.items()) | {s.name: s for e in exprs for s in e.symbols}


def require_one_declaration(exprs: Sequence[Expr]) -> None:
    """Refuse a name that stands for two symbols."""
    known: dict[str, Symbol] = {}
    for s in (s for e in exprs for s in e.symbols):
        other = known.setdefault(s.name, s)
        if other is not s:
            raise OperandError(f"{s.name} is declared in two ways: {described(other)}, and {described(s)}")


def described(s: Symbol) -> str:
    """A symbol with its shape and its attributes."""
    return f"{named_shape(s)} with {', '.join(s.facts) or 'no attributes'}"


def read_answer(answer: object, f: Expr, roots: Sequence[Expr]) -> Expr:
    """An answer about ``f`` as an expression in the symbols of ``f``, of ``roots`` and of what was declared with them.

    Raises
    ------
    OperandError
        If it uses other ones.
    """
    known: dict[str, object] = {s.name: s for s in DECLARED.get(f, {}).values()}
    for root in roots:
        known |= {n.name: n for n in postorder([root], lambda e: e.operands) if isinstance(n, (Symbol, Let))}
    dims = {s.name for e in (*roots, *known.values()) if isinstance(e, Expr) for s in dimensions(e)}
    if isinstance(answer, str):
        taken = {*known, *dims, "pi"}
        parts = read(require_text(answer, "an expression"))
        called = {p.args[0] for p in parts if p.kind == "apply"}
        names = {p.head for k, p in enumerate(parts) if p.kind == "name" and k not in called}
        _require_known(sorted(names - taken), f, known)
        claim = parse(answer, known)
    else:
        claim = as_expr(answer)
    _require_known(sorted({s.name for s in claim.symbols} - set(known)), f, known)
    _require_known(sorted({s.name for s in dimensions(claim)} - dims), f, known, "dimension")
    for s in claim.symbols:
        other = known[s.name]
        if other is not s:
            was = described(other) if isinstance(other, Symbol) else f"a name for {brief(other)}"  # type: ignore[arg-type]
            raise OperandError(f"{s.name} is {was} in the function, and {described(s)} in the answer")
    return claim


def _require_known(unknown: Sequence[str], f: Expr, known: Mapping[str, object], what: str = "symbol") -> None:
    if unknown:
        names, are = ", ".join(unknown), f"is not a {what}" if len(unknown) == 1 else f"are not {what}s"
        there = "" if what == "dimension" else f"; its symbols: {', '.join(sorted({s.name for s in f.symbols})) or 'none'}"
        raise OperandError(f"the answer uses {names}, which {are} of {brief(f)}{there}")


def dimensions(e: Expr) -> set[DimSymbol]:
    """The symbolic dimensions of an expression and of its parts."""
    found: set[DimSymbol] = set()
    for n in postorder([e], lambda x: x.operands):
        for d in (n.rows, n.cols, getattr(n, "value", 1)):
            if isinstance(d, sp.Basic):
                found |= {s for s in d.free_symbols if isinstance(s, DimSymbol)}
    return found
