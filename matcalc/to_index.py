"""From matrix notation to index notation: every operator by its own definition, down to the symbols."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from matcalc.dims import Dim, DimSymbol, is_unit
from matcalc.errors import LimitError, OperandError, UnsupportedError
from matcalc.expr import Entrywise, Expr, Let, Number, Operator, Symbol, as_expr, brief, substitute
from matcalc.index import At, Entry, Index, Map, Num, Pair, Plus, Sum, Term, Times, axis, indices_of
from matcalc.matrix_formulas import FormulaFrechet, FormulaMatrixFunction
from matcalc.node import postorder
from matcalc.ops.unspecified import Function, Unspecified, UnspecifiedGradient
from matcalc.printing.index_terms import IndexNames, index_names, term_formula, term_latex
from matcalc.userdefined import UserElementwise

BY_FORMULA = (UserElementwise, FormulaMatrixFunction, FormulaFrechet)

MAX_TERMS = 20_000


@dataclass(frozen=True, eq=False)
class IndexNotation:
    """An expression in index notation: ``str`` is text that ``from_index`` reads, a notebook shows the LaTeX.

    Attributes
    ----------
    term : Term
        The formula.
    free : tuple of str
    bounds : dict
        The dimension that each index runs over.
    variables : dict
        What the names in the formula stand for, as ``from_index`` takes them.
    """

    term: Term
    indices: tuple[Index, ...]
    rows: Dim
    cols: Dim
    variables: dict[str, object]

    @cached_property
    def names(self) -> IndexNames:
        """The letter of every index."""
        return index_names([self.term], self.indices)

    @property
    def free(self) -> tuple[str, ...]:
        """The names of the free indices: of the row, then of the column; ``"1"`` stands for the one row of a row vector."""
        names = tuple(self.names[i] for i in self.indices)
        return ("1", *names) if is_unit(self.rows) and not is_unit(self.cols) else names

    @property
    def shape_by_name(self) -> dict[str, Dim]:
        """The free indices, each with its dimension."""
        return {name: self.bounds.get(name, 1) for name in self.free}

    @property
    def bounds(self) -> dict[str, Dim]:
        """The dimension that each index runs over, from 1."""
        return {self.names[i]: i.dim for i in (*self.indices, *(j for j in indices_of(self.term) if j not in self.indices))}

    def __str__(self) -> str:
        return term_formula(self.term, self.names, "KroneckerDelta" if "delta" in self.variables else "delta")

    __repr__ = __str__

    def to_latex(self) -> str:
        """The formula in LaTeX."""
        return term_latex(self.term, self.names)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to_latex()}$"


def to_index(e: object) -> IndexNotation:
    r"""An expression in index notation, every operator opened down to symbols where it has a definition by entries.

    Operators without one, such as an inverse or a determinant, stay whole: ``inv(X)[i,j]``.

    Parameters
    ----------
    e : Expr

    Raises
    ------
    LimitError
        If the formula comes out too long.

    Examples
    --------
    >>> import matcalc as mc
    >>> W, X, b = mc.symbols("W[m,n] X[n,p] b[m]")
    >>> f = mc.to_index(W @ X + b)
    >>> f
    Sum(W[i,k]*X[k,j], k) + b[i]
    >>> f.free, f.bounds
    (('i', 'j'), {'i': m, 'j': p, 'k': n})
    >>> f.to_latex()
    '\\sum_{k} W_{ik} X_{kj} + b_{i}'
    >>> mc.to_index(mc.tr(mc.inv(mc.matrix("S", 3, 3))))
    Sum(inv(S)[i,i], i)
    """
    root = as_expr(e)
    if any(x.axes is not None for x in postorder([root], lambda x: x.operands)):
        raise UnsupportedError(f"to_index writes scalars, vectors and matrices; {brief(root)} holds an array with more axes")
    opened = without_names(root)
    row, col = axis(opened.rows), axis(opened.cols)
    term = opened_term(opened, row, col)
    return IndexNotation(term, tuple(i for i in (row, col) if i is not None), root.rows, root.cols, variables_of(opened))


def variables_of(e: Expr) -> dict[str, object]:
    """The symbols, functions and dimensions of an expression by name."""
    dims: dict[str, object] = {}
    found: dict[str, object] = {}
    for node in postorder([e], lambda x: x.operands):
        for d in (node.rows, node.cols, *([node.value] if isinstance(node, Number) else [])):
            dims.update({s.name: s for s in getattr(d, "free_symbols", ()) if isinstance(s, DimSymbol)})
        if isinstance(node, Symbol):
            known: object = node
            name = node.name
        elif isinstance(node, (Unspecified, UnspecifiedGradient)):
            name, known = node.function, Function(node.function)
        elif isinstance(node, BY_FORMULA):
            name, known = node.call()[0], node.as_function()
        else:
            continue
        if found.setdefault(name, known) != known and not isinstance(node, BY_FORMULA):
            raise OperandError(f"{name} names two different symbols, which index notation cannot tell apart")
    return {**dims, **found}


def without_names(e: Expr) -> Expr:
    """The expression with every named part written out."""
    while named := [n for n in postorder([e], lambda x: x.operands) if isinstance(n, Let)]:
        e = substitute(e, {named[0]: named[0].arg})
    return e


def opened_term(e: Expr, row: At, col: At) -> Term:
    """An entry of ``e``, by definitions down to what has none."""
    order: list[Term] = [Entry(e, row, col)]
    after: list[Term] = []  # each term as it is after one step
    inside: list[range] = []  # where its operands stand
    for t in order:
        if len(order) > MAX_TERMS:
            raise LimitError(f"the formula in index notation has more than {MAX_TERMS} parts")
        new = definition(t) if isinstance(t, Entry) else t
        operands = () if new is t and isinstance(t, Entry) else (new,) if isinstance(new, Entry) else operands_of(new)
        after.append(new)
        inside.append(range(len(order), len(order) + len(operands)))
        order.extend(operands)
    done: list[Term] = list(after)
    for k in reversed(range(len(order))):
        if inside[k]:
            done[k] = rebuilt(after[k], [done[j] for j in inside[k]])
    return done[0]


def definition(entry: Entry) -> Term:
    """What an entry is by the definition of its operator; itself where there is none."""
    e = entry.array
    if isinstance(e, Number):
        return Num(e.value)
    if not isinstance(e, Operator) or type(e).entry is Operator.entry or e.name in ("vec", "kron"):
        return entry
    if isinstance(e, Entrywise) and any(isinstance(a, str) for a in e.call()[1]):  # polygamma(k,A): written whole
        return entry
    term = e.entry(entry.row, entry.col)
    stack = [term]
    while stack:
        t = stack.pop()
        if isinstance(t, Entry) and any(isinstance(at, Pair) for at in (t.row, t.col)):
            return entry
        stack.extend(operands_of(t))
    return term


def operands_of(term: Term) -> tuple[Term, ...]:
    """The terms inside a term; an entry is the operand of its own definition."""
    match term:
        case Sum(_, body):
            return (body,)
        case Times(parts) | Plus(parts) | Map(_, parts):
            return parts
        case _:
            return ()


def rebuilt(term: Term, operands: list[Term]) -> Term:
    """The same term on other operands; sums over one another are joined."""
    match term:
        case Sum(index, _):
            return joined(index, operands[0])
        case Times():
            return Times(tuple(operands))
        case Plus():
            return Plus(tuple(operands))
        case Map(operator, _):
            return Map(operator, tuple(operands))
        case _:
            return operands[0]


def joined(index: Index, body: Term) -> Term:
    """A sum; the sums among the factors of its body that depend on the index come out in front."""
    if not isinstance(body, Times):
        return Sum(index, body)
    found: list[Index] = []
    factors: list[Term] = []
    for f in body.factors:
        inner: list[Index] = []
        rest = f
        while isinstance(rest, Sum):
            inner.append(rest.index)
            rest = rest.body
        if inner and index in indices_of(rest):
            found.extend(inner)
            factors.append(rest)
        else:
            factors.append(f)
    result: Term = Times(tuple(factors)) if found else body
    for i in reversed([index, *found]):
        result = Sum(i, result)
    return result
