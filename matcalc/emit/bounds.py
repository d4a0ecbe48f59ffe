"""What is known of the sign of values: an interval that holds every entry, from the operands' intervals.

The ends are computed by the operations that the code runs. Rounding is monotone, so an interval holds the rounded
entries too: ``1 - softmax(x)`` is never below zero, and has a square root.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isfinite

from matcalc.emit.values import Value
from matcalc.expr import Expr, Symbol
from matcalc.node import postorder

Interval = tuple[float, float]
ANY: Interval = (-inf, inf)
NONNEGATIVE: Interval = (0.0, inf)
UNIT: Interval = (0.0, 1.0)
WIDENED = 1e-5  # by how much an end that is no whole number may be off, single precision included


class Bounds:
    """Intervals of values; only real numbers have any.

    Parameters
    ----------
    symbols : mapping
        The symbols of the program by name.

    Attributes
    ----------
    real : bool
        Whether no value of the program is complex; else no sign is known.
    """

    def __init__(self, symbols: Mapping[str, Symbol]) -> None:
        self.symbols = symbols
        self.real = True
        self.found: dict[Value, Interval] = {}

    def sign(self, v: Value) -> int:
        """1 where no entry is negative, -1 where none is positive, else 0."""
        low, high = self.of(v) if self.real else ANY
        return 1 if low >= 0 else -1 if high <= 0 else 0

    def of(self, v: Value) -> Interval:
        """The interval of a value."""
        for w in postorder([v], lambda w: () if w in self.found or w.code not in RULES else w.args):
            if w not in self.found:
                self.found[w] = self._one(w)
        return self.found[v]

    def _one(self, v: Value) -> Interval:
        if v.code == "const":
            return (float(v.of), float(v.of)) if isinstance(v.of, (int, float)) else ANY
        if v.code == "dim":
            return (1.0, inf)
        if v.code == "symbol":
            s = v.of if isinstance(v.of, Expr) else self.symbols.get(str(v.of))
            return NONNEGATIVE if s is not None and s.sign else ANY
        rule = RULES.get(v.code)
        return rule(*(self.found[a] for a in v.args)) if rule is not None else ANY


def _times(p: float, q: float) -> float:
    return 0.0 if p == 0 or q == 0 else p * q


def _outward(low: float, high: float) -> Interval:
    """The ends, moved out a little where rounding may differ."""
    whole = [not isfinite(x) or x == int(x) for x in (low, high)]
    return (low if whole[0] else low - WIDENED * abs(low), high if whole[1] else high + WIDENED * abs(high))


def _add(x: Interval, y: Interval) -> Interval:
    return _outward(x[0] + y[0], x[1] + y[1])


def _sub(x: Interval, y: Interval) -> Interval:
    return _add(x, (-y[1], -y[0]))


def _mul(x: Interval, y: Interval) -> Interval:
    corners = [_times(p, q) for p in x for q in y]
    return min(corners), max(corners)


def _square(x: Interval) -> Interval:
    top = max(_times(x[0], x[0]), _times(x[1], x[1]))
    return (min(_times(x[0], x[0]), _times(x[1], x[1])) if x[0] >= 0 or x[1] <= 0 else 0.0), top


def _div(x: Interval, y: Interval) -> Interval:
    sign = 1 if y[0] >= 0 else -1 if y[1] <= 0 else 0
    if sign * x[0] >= 0 and sign * x[1] >= 0 and sign:
        return NONNEGATIVE
    return (-inf, 0.0) if sign and sign * x[0] <= 0 and sign * x[1] <= 0 else ANY


def _total(x: Interval) -> Interval:
    return (0.0 if x[0] >= 0 else -inf, 0.0 if x[1] <= 0 else inf)


def _same(x: Interval) -> Interval:
    return x


def _always(interval: Interval) -> Callable[..., Interval]:
    return lambda *operands: interval


RULES: Mapping[str, Callable[..., Interval]] = {
    "#1 + #2": _add,
    "#1 - #2": _sub,
    "-#1": lambda x: (-x[1], -x[0]),
    "#1 * #2": _mul,
    "#1 / #2": _div,
    "#1 * #1": _square,
    "np.square(#1)": _square,
    "#1 ** #2": lambda x, p: NONNEGATIVE if x[0] >= 0 else ANY,
    "np.sqrt(#1)": _always(NONNEGATIVE),
    "np.exp(#1)": _always(NONNEGATIVE),
    "np.cosh(#1)": _always((1.0, inf)),
    "np.abs(#1)": _always(NONNEGATIVE),
    "np.logaddexp(0, #1)": _always(NONNEGATIVE),
    "np.heaviside(#1, 0.0)": _always(UNIT),
    "np.maximum(#1, 0)": _always(NONNEGATIVE),
    "np.maximum(#1, #2)": lambda x, y: (max(x[0], y[0]), max(x[1], y[1])),
    "np.minimum(#1, #2)": lambda x, y: (min(x[0], y[0]), min(x[1], y[1])),
    "np.where(#1 != 0, #2, #3)": lambda c, x, y: (min(x[0], y[0]), max(x[1], y[1])),
    "np.tanh(#1)": _always((-1.0, 1.0)),
    "np.sin(#1)": _always((-1.0, 1.0)),
    "np.cos(#1)": _always((-1.0, 1.0)),
    "np.sign(#1)": _always((-1.0, 1.0)),
    "sigmoid(#1)": _always(UNIT),
    "softmax(#1)": _always(UNIT),
    "softmax(#1, axis=#2)": _always(UNIT),
    "np.linalg.norm(#1)": _always(NONNEGATIVE),
    "#1.T": _same,
    "#1[:, None]": _same,
    "#1[None, :]": _same,
    "#1.T.reshape(-1)": _same,
    "#1.reshape(-1)": _same,
    "np.diag(#1)": lambda x: (min(x[0], 0.0), max(x[1], 0.0)),
    "np.sum(#1)": _total,
    "#1.sum(axis=0)": _total,
    "#1.sum(axis=1)": _total,
}
