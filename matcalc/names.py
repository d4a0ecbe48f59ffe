"""Names for the shared parts of long answers: ``2*W2'*R*X'`` where ``R = ...``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from matcalc.dims import is_name
from matcalc.errors import OperandError
from matcalc.expr import Expr, Let, as_expr
from matcalc.node import postorder
from matcalc.printing.latex import LATEX, latex
from matcalc.printing.pretty import pretty
from matcalc.printing.text import text
from matcalc.shared_parts import aligned, as_given, from_list, rebuilt, with_letters, worthwhile

LONG = 25  # what is longer, by count_ops, is shown with its shared parts named
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
        ``"auto"`` names each part that occurs twice or more, where the whole, by ``count_ops``, gets shorter; what is the
        negative or the transpose of another part is written by that. A dict
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
    roots = given = [as_expr(x) for x in _list_of(whole)]
    if names is None or names is False:
        chosen: dict[Expr, str] = {}
    elif names is True or (isinstance(names, str) and names == "auto"):
        roots = aligned(roots)
        chosen = with_letters(worthwhile(roots), roots)
    elif isinstance(names, Mapping):
        chosen = as_given(names, roots)
    elif isinstance(names, (list, tuple)):
        roots = aligned(roots)
        chosen = from_list(names, roots)
    else:
        raise OperandError(f'names is "auto", None, a dict or a list of names, not {names!r}')
    bodies = rebuilt(roots, chosen)
    parts = {n.name: n.arg for n in postorder(bodies, lambda x: x.operands) if isinstance(n, Let)}
    return Named(_like(whole, bodies), parts, e.whole if isinstance(e, Named) else _like(whole, given))


def count_ops(e: object) -> int:
    """What a reader sees: a name 1, an n-ary product or sum n - 1, a function 1, a minus sign 0; a named part counts once.

    Parameters
    ----------
    e : Expr, or a list or dict of them, or Named

    Raises
    ------
    OperandError
        If it is none of these.

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
