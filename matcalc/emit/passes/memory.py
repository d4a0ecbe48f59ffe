"""What is known of the memory of a program's arrays: which are new, which share it, and what kind of numbers they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from matcalc.emit.shapes import Axes, shape_of
from matcalc.emit.sizes import Sizes
from matcalc.emit.values import Builder, Value
from matcalc.expr import Symbol
from matcalc.node import postorder

OPERATORS = {"#1 + #2": "add", "#1 - #2": "subtract", "#1 * #2": "multiply", "#1 / #2": "divide"}
UFUNCS = frozenset((
    "abs", "arccos", "arcsin", "arctan", "cos", "cosh", "exp", "expm1", "heaviside", "hypot", "log", "log1p", "maximum",
    "minimum", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh",
))  # fmt: skip
FILLING = frozenset(("sigmoid", "softplus"))  # helpers that work entry by entry and take ``out=``
SOFTMAX = frozenset(("softmax(#1)", "softmax(#1, axis=#2)"))  # takes ``out=`` as well
VIEWS = frozenset(("#1.T", "#1[:, None]", "#1[None, :]", "#1"))
NEW = SOFTMAX | {
    "#1 @ #2", "np.outer(#1, #2)", "np.linalg.solve(#1, #2)", "np.linalg.inv(#1)", "np.sum(#1)", "#1.sum(axis=0)",
    "#1.sum(axis=1)", "np.max(#1)", "np.max(#1, axis=#2)", "np.trace(#1)", "np.linalg.norm(#1)", "np.linalg.det(#1)",
    "np.linalg.slogdet(#1)[1]", "np.eye(#1)", "np.ones(#1)", "np.zeros(#1)", "np.ones((#1, #2))", "np.zeros((#1, #2))",
    "logsumexp(#1)", "logsumexp(#1, axis=#2)", "float(#1)", "np.einsum('ij,ij->i', #1, #2)",
    "np.einsum('ij,ij->j', #1, #2)", "np.vdot(#1, #2)",
}  # fmt: skip
VIEW = re.compile(
    r"#1|#1\.T|#1\[[^\]]*\]|#1\.reshape\(.*\)|np\.reshape\(#1, .*\)|(#1\.reshape\(.*\)|#1)\.transpose\(.*\)|np\.diag\(#1\)"
)
CALL = re.compile(r"(?:np\.)?(\w+)\(#1(, #2)?((?:, -?[0-9.]+)*)\)")


@dataclass(frozen=True)
class Facts:
    """What is known of a value.

    Attributes
    ----------
    shape : tuple of Dim, or None
        The axes; None if they are not known.
    real : bool
        Whether its entries are known to be real floats (of a scalar also ints).
    fresh : bool
        Whether it is a new array, which nothing but this value holds.
    roots : frozenset of Value
        The new arrays, and leaves, whose memory it may share.
    """

    shape: Axes | None
    real: bool
    fresh: bool
    roots: frozenset[Value]

    @property
    def is_array(self) -> bool:
        """Whether it is known to be a real array with at least one axis."""
        return self.real and bool(self.shape)


@lru_cache(maxsize=512)
def function_of(code: str) -> tuple[str, tuple[str, ...]] | None:
    """The function that a template applies to every entry, and its operands as templates; None for other templates."""
    if code in OPERATORS:
        return f"np.{OPERATORS[code]}", ("#1", "#2")
    if code == "-#1":
        return "np.negative", ("#1",)
    if code == "#1 * #1":
        return "np.square", ("#1",)
    if code == "np.logaddexp(0, #1)":
        return "softplus", ("#1",)
    found = CALL.fullmatch(code)
    if found is None or found[1] not in (UFUNCS if code.startswith("np.") else FILLING):
        return None
    return code[: code.index("(")], ("#1", *(["#2"] if found[2] else []), *(c for c in found[3].split(", ") if c))


def facts_of(outputs: Sequence[Value], symbols: Mapping[str, Symbol]) -> dict[Value, Facts]:
    """The facts of every value of a program."""
    facts: dict[Value, Facts] = {}
    for v in postorder(outputs, lambda v: v.args):
        facts[v] = _facts(v, [facts[a] for a in v.args], symbols)
    return facts


def _facts(v: Value, args: Sequence[Facts], symbols: Mapping[str, Symbol]) -> Facts:
    own = frozenset((v,))
    if v.code == "symbol":
        return Facts(shape_of(v), not symbols[str(v.of)].is_complex, False, own)
    if v.is_leaf:
        return Facts((), v.code != "function" and not isinstance(v.of, complex), False, own)
    if v.code in ("np.pi", "np.e"):
        return Facts((), True, False, own)
    shape, real = shape_of(v), all(a.real for a in args)
    if v.code == "part":  # of the results of a loop over blocks
        return Facts(shape, True, True, own)
    if v.code == "#1 > 0":  # holds no floats: nothing is written over it
        return Facts(shape, True, False, own)
    if v.code in VIEWS:
        return Facts(shape, real, False, args[0].roots)
    if function_of(v.code) is not None or v.code in NEW:
        return Facts(shape, real, True, own)
    return Facts(shape, False, False, own.union(*(a.roots for a in args)))


def own_memory(outputs: Sequence[Value], builder: Builder) -> list[Value]:
    """The outputs, copied where one would share its memory with an argument or with another output."""
    found: list[Value] = []
    seen: set[Value] = set()
    for v in outputs:
        base = v
        while _shares(base):
            base = base.args[0]
        if shape_of(v) and ((base is not v and base.code == "symbol") or base in seen):
            copied = builder.make("#1.flatten()", *v.args) if v.code == "#1.reshape(-1)" else builder.make("#1.copy()", v)
            copied.shape = shape_of(v)
            v = copied
        seen.add(base)
        found.append(v)
    return found


def _shares(v: Value) -> bool:
    """Whether it shares its operand's memory; an entry is a number of its own, and a diagonal matrix is new."""
    if not v.args or not v.args[0].shape or not VIEW.fullmatch(v.code):
        return False
    if v.code.startswith("#1["):
        return shape_of(v) != ()
    return v.code != "np.diag(#1)" or len(v.args[0].shape) == 2


def entries_of(shape: Axes, sizes: Sizes) -> float:
    """How many entries an array has."""
    out = 1.0
    for d in shape:
        out *= sizes.of(d)
    return out
