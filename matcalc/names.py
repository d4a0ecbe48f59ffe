"""Names for the shared parts of long answers: ``2*W2'*R*X'`` where ``R = ...``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from matcalc.dims import is_name
from matcalc.errors import OperandError
from matcalc.expr import Expr, Let, Number, Symbol, Transpose, as_expr, brief
from matcalc.letters import custom, pool, taken_names
from matcalc.node import postorder
from matcalc.ops.complex import Conj
from matcalc.ops.linalg import Inverse
from matcalc.parse import parse
from matcalc.printing.latex import LATEX, latex
from matcalc.printing.pretty import pretty
from matcalc.printing.text import text

LONG = 25  # what is longer, by count_ops, is shown with its shared parts named
LEAST = 3  # parts that are shorter keep no name of their own
Outputs: TypeAlias = Expr | Sequence[Expr] | Mapping[Any, Expr]
Names: TypeAlias = str | bool | Mapping[str, Any] | Sequence[str] | None


@dataclass(frozen=True)
class Named:
    """Expressions whose shared parts have names; the same values.

    Attributes
    ----------
    body : Expr, or a list, tuple or dict of them
        What was given, in the names of its parts.
    parts : dict of str to Expr
        What the names stand for, in the order in which they can be computed: later ones may use earlier ones.
    whole : Expr, or a list, tuple or dict of them
        What was given.
    """

    body: Any
    parts: dict[str, Expr]
    whole: Any

    @property
    def conditions(self) -> tuple[str, ...]:
        """Everything that is assumed, as ``Expr.conditions`` says it of the whole."""
        return tuple(dict.fromkeys(c for e in _list_of(self.whole) for c in e.conditions))

    def to_text(self) -> str:
        """The body as text, then a line ``where H = ...`` for each part; each side parses back."""
        return self._lines(text, str)

    def to_pretty(self) -> str:
        """The same in Unicode."""
        return self._lines(pretty, str)

    def to_latex(self) -> str:
        """The same in LaTeX, as one ``aligned`` block; the formula alone where nothing has a name."""
        keys, bodies = _keys_of(self.body), _list_of(self.body)
        heads = [f"{_key_latex(k)} :\\; " if keys else "" for k in keys or [None] * len(bodies)]
        rows = [f"&{head}{latex(e)}" for head, e in zip(heads, bodies, strict=True)]
        leads = [r"\text{where } ", *[r"\phantom{\text{where }} "] * len(self.parts)]
        rows.extend(f"&{lead}{part}" for lead, part in zip(leads, self.definitions(latex), strict=False))
        if len(rows) == 1:
            return rows[0][1:]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def where_lines(self, write: Callable[[Expr], str] = text) -> list[str]:
        """``where H = ...`` and the lines below it; none where nothing has a name."""
        return [("      " if k else "where ") + w for k, w in enumerate(self.definitions(write))]

    def definitions(self, write: Callable[[Expr], str] = text) -> list[str]:
        """``H = ...`` for each part."""
        return [f"{write(Let(name, e))} = {write(e)}" for name, e in self.parts.items()]

    def _lines(self, write: Callable[[Expr], str], key: Callable[[Any], str]) -> str:
        keys, bodies = _keys_of(self.body), list(map(write, _list_of(self.body)))
        rows = [f"{key(k)}: {b}" for k, b in zip(keys, bodies, strict=True)] if keys else bodies
        return "\n".join((*rows, *self.where_lines(write)))

    def __str__(self) -> str:
        return self.to_text()

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to_latex()}$"


# ------------------------------------------------------------------ the public functions
def named(e: Outputs | Named, names: Names = "auto") -> Named:
    """Expressions with names for the parts that they share.

    Parameters
    ----------
    e : Expr, or a list, tuple or dict of them
        Parts are shared among all of them.
    names : "auto", None, a dict, or a list of str
        ``"auto"`` names each part that occurs twice or more, where the whole, by ``count_ops``, gets shorter. A dict
        gives the names and what they stand for, expressions or text. A list has names to use, and there are
        as many parts at most, those that save most. With None only what has a name by ``mc.let`` has one.

    Returns
    -------
    Named
        ``.body`` and ``.parts``; ``latex``, ``pprint``, ``compile`` and ``count_ops`` take it as it is.

    Raises
    ------
    OperandError
        If a name is not one or is in use, or what it is for does not occur.

    Examples
    --------
    >>> import matcalc as mc
    >>> W, V, x, y = mc.symbols("W[k,n] V[m,k] x[n] y[m]")
    >>> g = mc.grad(mc.norm2(V @ mc.tanh(W @ x) - y) ** 2, W)
    >>> g
    2*((1 .- tanh(W*x).^2).*(V'*(V*tanh(W*x) - y)))*x'
    >>> print(mc.named(g))
    2*((1 .- h.^2).*(V'*(V*h - y)))*x'
    where h = tanh(W*x)
    """
    whole = e.body if isinstance(e, Named) else e
    roots = [as_expr(x) for x in _list_of(whole)]
    if names is None or names is False:
        chosen: dict[Expr, str] = {}
    elif names is True or names == "auto":
        chosen = _with_letters(_worthwhile(roots), roots)
    elif isinstance(names, Mapping):
        chosen = _as_given(names, roots)
    elif isinstance(names, (list, tuple)):
        chosen = _from_list(names, roots)
    else:
        raise OperandError(f'names is "auto", None, a dict or a list of names, not {names!r}')
    bodies = _rebuilt(roots, chosen)
    parts = {n.name: n.arg for n in postorder(bodies, lambda x: x.operands) if isinstance(n, Let)}
    return Named(_like(whole, bodies), parts, e.whole if isinstance(e, Named) else _like(whole, roots))


def count_ops(e: object) -> int:
    """What a reader sees: a name 1, an n-ary product or sum n - 1, a function 1, a minus sign 0; a named part counts once.

    Examples
    --------
    >>> import matcalc as mc
    >>> A, x = mc.symbols("A[m,n] x[n]")
    >>> mc.count_ops(2 * A.T @ (A @ x))
    8
    >>> r = mc.let("r", A @ x)
    >>> mc.count_ops(r.T @ r), mc.count_ops(x.T @ A.T @ A @ x)
    (7, 9)
    """
    roots = [as_expr(x) for x in _list_of(e.body if isinstance(e, Named) else e)]
    lets = (n.arg.cost for n in postorder(roots, lambda x: x.operands) if isinstance(n, Let))
    return sum(r.cost for r in roots) + sum(lets)


def shown(e: Outputs) -> Named:
    """Expressions as they are shown to a reader: with their shared parts named where they are long."""
    return named(e, "auto" if count_ops(e) > LONG else None)


# ------------------------------------------------------------------ which parts
def _worthwhile(roots: Sequence[Expr]) -> dict[Expr, int]:
    """The parts worth a name, in the order in which they can be computed, with what naming each saves.

    One pass down counts how often each part is written: once for each use by a part that has a name of its own
    (if in the end one has none, the part is written more often still, and naming it saves more). One pass up decides.
    """
    order = list(postorder(roots, lambda x: x.operands))
    written = Counter(roots)
    for node in reversed(order):
        copies = 1 if is_nameable(node) else written[node]
        for c in node.operands:
            written[c] += copies
    cost: dict[Expr, int] = {}
    found: dict[Expr, int] = {}
    for node in order:
        if isinstance(node, Let):
            cost[node] = 1
            continue
        here = node.own_cost() + sum(cost[c] for c in node.operands)
        saved = (written[node] - 1) * here - written[node]
        if saved > 0 and here >= LEAST and is_nameable(node):
            found[node] = saved
            here = 1
        cost[node] = here
    return found


def is_nameable(e: Expr) -> bool:
    """Whether a part may have a name: not a symbol or a number, nor what is written as a mark on its operand."""
    return not isinstance(e, (Symbol, Number, Transpose, Conj, Inverse)) and bool(e.operands)


def _with_letters(parts: Mapping[Expr, int], roots: Sequence[Expr]) -> dict[Expr, str]:
    """Names for parts by their kind; several with the same letter by custom are numbered."""
    taken = taken_names(roots)
    wished = {e: next((x for x in custom(e) if x not in taken), "") for e in parts}
    count = Counter(w for w in wished.values() if w)
    taken.update(count)
    last: Counter[str] = Counter()
    out: dict[Expr, str] = {}
    for e, wish in wished.items():
        if wish and count[wish] == 1:
            name = wish
        elif wish:
            name = ""
            while not name or name in taken:
                last[wish] += 1
                name = f"{wish}{last[wish]}"
        else:
            name = next(x for x in pool(e) if x not in taken)
        taken.add(name)
        out[e] = name
    return out


def _from_list(names: Sequence[object], roots: Sequence[Expr]) -> dict[Expr, str]:
    """The given names for as many parts, those that save most, in the order in which they can be computed."""
    given = [_require_new(n, roots) for n in names]
    if len(set(given)) < len(given):
        raise OperandError(f"a name is given twice among {', '.join(given)}")
    parts = _worthwhile(roots)
    best = set(sorted(parts, key=lambda e: -parts[e])[: len(given)])  # a stable sort: the first of equals
    return dict(zip((e for e in parts if e in best), given, strict=False))


def _as_given(names: Mapping[str, object], roots: Sequence[Expr]) -> dict[Expr, str]:
    """The parts that a dict names."""
    order = dict.fromkeys(postorder(roots, lambda x: x.operands))
    known = {s.name: s for s in order if isinstance(s, (Symbol, Let))}
    out: dict[Expr, str] = {}
    for name, given in names.items():
        part = parse(given, known) if isinstance(given, str) else as_expr(given)
        if part not in order:
            raise OperandError(f"nothing to call {name}: {brief(part)} does not occur, as it is written, in {brief(roots[0])}")
        if isinstance(part, (Symbol, Number, Let)):
            raise OperandError(f"{brief(part)} has a name already; {name} would be another")
        if part in out:
            raise OperandError(f"{brief(part)} cannot be called both {out[part]} and {name}")
        out[part] = _require_new(name, roots)
    return out


def _require_new(name: object, roots: Sequence[Expr]) -> str:
    """A name that nothing in the expressions has.

    Raises
    ------
    OperandError
        If it is not a name, or is in use.
    """
    if not isinstance(name, str) or not is_name(name):
        raise OperandError(f"{name!r} is not a name: use letters, digits and _, a letter first")
    if name in taken_names(roots):
        raise OperandError(f"{name} is in use in {brief(roots[0])}: choose another name")
    return name


def _rebuilt(roots: Sequence[Expr], chosen: Mapping[Expr, str]) -> list[Expr]:
    """The expressions with the chosen parts under their names, and nothing else changed."""
    done: dict[Expr, Expr] = {}

    def part(p: Any) -> Any:
        if isinstance(p, tuple):
            return tuple(part(x) for x in p)
        return done.get(p, p) if isinstance(p, Expr) else p

    for node in postorder(roots, lambda x: x.operands):
        moved = any(done[c] is not c for c in node.operands)
        new = type(node)(*map(part, node.parts)) if moved else node  # not rebuild, which would open nested products
        done[node] = Let(chosen[node], new) if node in chosen else new
    return [done[r] for r in roots]


# ------------------------------------------------------------------ one, several, or several by name
def _list_of(e: Any) -> list[Any]:
    if isinstance(e, Mapping):
        return list(e.values())
    return list(e) if isinstance(e, (list, tuple)) else [e]


def _keys_of(e: Any) -> list[Any]:
    return list(e) if isinstance(e, Mapping) else []


def _like(e: Any, found: list[Expr]) -> Any:
    """What was found, in the structure of ``e``."""
    if isinstance(e, Mapping):
        return dict(zip(e, found, strict=True))
    return type(e)(found) if type(e) in (list, tuple) else tuple(found) if isinstance(e, tuple) else found[0]


def _key_latex(key: object) -> str:
    return LATEX.name(key) if isinstance(key, str) and is_name(key) else rf"\text{{{key}}}"


Expr.hooks.update(named=named, display=lambda e: shown(e).to_latex())
