"""The order in which the factors of a sum over named indices are multiplied, two at a time.

Exact for few factors, by dynamic programming over the sets of factors that share indices; else the best of some greedy
orders. Sets of indices are bits of an int.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

MOST_EXACT = 10  # factors that an exact order is looked for
MOST_SPLITS = 4000  # and the most splits of sets that are looked at for it
CALL = 2e4  # a call, an entry read or written by a product, and one of an entrywise product, in multiplications of a product
TOUCH = 8.0
ENTRY = 16.0

Step = tuple[int, int]  # two factors by number; the result takes the next number


@dataclass(frozen=True)
class Order:
    """Steps and what they cost."""

    steps: tuple[Step, ...]
    cost: float


class Costs:
    """The work of a step, by the sizes of the indices."""

    def __init__(self, sizes: Sequence[float]) -> None:
        self.sizes = sizes
        self._known: dict[int, float] = {0: 1.0}

    def size(self, letters: int) -> float:
        """The number of entries of an array with these indices."""
        found = self._known.get(letters)
        if found is None:
            lowest = letters & -letters
            found = self._known[letters] = self.size(letters ^ lowest) * self.sizes[lowest.bit_length() - 1]
        return found

    def step(self, a: int, b: int, summed: int) -> float:
        """Multiply two arrays, and sum over some of the indices that they share."""
        every = self.size(a | b)
        if not summed:
            return CALL + ENTRY * every
        if a & ~b and b & ~a:
            return CALL + every + TOUCH * (self.size(a) + self.size(b) + self.size((a | b) & ~summed))
        return CALL + (2 * ENTRY if a & b & ~summed else TOUCH) * every


def contraction_order(factors: Sequence[int], output: int, costs: Costs, *, rough: bool = False) -> Order:
    """The steps that leave one array with the indices ``output``; of equal orders, the first that is found.

    ``rough`` asks for an estimate of the cost, from one greedy order where there are many factors.
    """
    if len(factors) < 2:
        return Order((), 0.0)
    rules = RULES[:1] if rough and len(factors) > MOST_EXACT else RULES
    best = min((_greedy(factors, output, costs, rule) for rule in rules), key=lambda found: found.cost)
    return _exact(factors, output, costs, best) if 2 < len(factors) <= MOST_EXACT else best


# ------------------------------------------------------------------ greedy
Rule = Callable[[Costs, int, int, int], float]


def _growth(costs: Costs, a: int, b: int, summed: int) -> float:
    return costs.size((a | b) & ~summed) - costs.size(a) - costs.size(b)


def _work(costs: Costs, a: int, b: int, summed: int) -> float:
    return costs.step(a, b, summed)


def _kept(costs: Costs, a: int, b: int, summed: int) -> float:
    return costs.size((a | b) & ~summed)


RULES: tuple[Rule, ...] = (_growth, _work, _kept)


def _greedy(factors: Sequence[int], output: int, costs: Costs, rule: Rule) -> Order:
    """Always the pair that the rule likes best, the cheaper of equals; pairs without a common index last."""
    live = dict(enumerate(factors))
    users: dict[int, set[int]] = {}
    for k, letters in live.items():
        for bit in _bits(letters):
            users.setdefault(bit, set()).add(k)
    twice = sum(bit for bit, around in users.items() if len(around) == 2 and not bit & output)
    pairs: dict[Step, tuple[float, float, int, int]] = {}
    met: dict[int, list[int]] = {k: [] for k in live}  # with whom a factor is in a pair

    def rate(i: int, j: int) -> None:
        a, b = live[i], live[j]
        summed = a & b & twice
        pairs[i, j] = (rule(costs, a, b, summed), costs.step(a, b, summed), i, j)
        met[i].append(j)
        met[j].append(i)

    for pair in sorted({(i, j) for around in users.values() for i in around for j in around if i < j}):
        rate(*pair)
    steps: list[Step] = []
    total, next_number = 0.0, len(factors)
    while len(live) > 1:
        if not pairs:  # factors that share nothing
            i, j = sorted(sorted(live, key=lambda k: (costs.size(live[k]), k))[:2])
            rate(i, j)
        i, j = min(pairs, key=pairs.__getitem__)
        total += pairs[i, j][1]
        a, b = live.pop(i), live.pop(j)
        summed = a & b & twice
        steps.append((i, j))
        for k in (i, j):
            for other in met.pop(k):
                pairs.pop((k, other) if k < other else (other, k), None)
        live[next_number] = (a | b) & ~summed
        met[next_number] = []
        near: set[int] = set()
        for bit in _bits(a | b):
            users[bit] -= {i, j}
            near |= users[bit]
            if not bit & summed:
                users[bit].add(next_number)
                if len(users[bit]) == 2 and not bit & output:
                    twice |= bit
        for k in sorted(near - {next_number}):
            rate(k, next_number)
        next_number += 1
    return Order(tuple(steps), total)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest
        mask ^= lowest


# ------------------------------------------------------------------ exact
def _exact(factors: Sequence[int], output: int, costs: Costs, known: Order) -> Order:
    """The cheapest order without products of factors that share nothing; the known one if none is cheaper."""
    n = len(factors)
    everything = (1 << n) - 1
    holds = [0] * (1 << n)  # the indices of a set of factors
    for s in range(1, 1 << n):
        low = s & -s
        holds[s] = holds[s ^ low] | factors[low.bit_length() - 1]
    best: dict[int, tuple[float, int, int]] = {1 << k: (0.0, 0, 0) for k in range(n)}
    layers: list[list[int]] = [[], [1 << k for k in range(n)]]
    budget = MOST_SPLITS
    for count in range(2, n + 1):
        layer: list[int] = []
        for k in range(1, count // 2 + 1):
            for s in layers[k]:
                for t in layers[count - k]:
                    if s & t or (2 * k == count and s > t):
                        continue
                    budget -= 1
                    a, b = (holds[x] & (output | holds[everything ^ x]) for x in (s, t))
                    if not a & b:
                        continue
                    union = s | t
                    summed = (a | b) & ~(output | holds[everything ^ union])
                    cost = best[s][0] + best[t][0] + costs.step(a, b, summed)
                    if cost > known.cost:
                        continue
                    if union not in best:
                        layer.append(union)
                    elif best[union][0] <= cost:
                        continue
                    best[union] = (cost, s, t)
            if budget < 0:
                return known
        layers.append(layer)
    if everything not in best or best[everything][0] >= known.cost:
        return known
    return Order(tuple(_steps_of(best, everything, n)), best[everything][0])


def _steps_of(best: dict[int, tuple[float, int, int]], everything: int, n: int) -> Iterator[Step]:
    """The steps of a tree of sets, operands first."""
    tree, stack = [], [everything]
    while stack:
        s = stack.pop()
        if s & (s - 1):
            tree.append(s)
            stack += best[s][1:]
    number = {1 << k: k for k in range(n)}
    for s in reversed(tree):
        _, left, right = best[s]
        i, j = sorted((number[left], number[right]))
        yield i, j
        number[s] = len(number)
