"""The order of the steps of a sum: against every order for few factors, and what the known nets need."""

from itertools import combinations

import numpy as np
import pytest

from matcalc.emit.contractions.order import MOST_EXACT, Costs, contraction_order


def cheapest(factors, output, costs):
    """The least cost of all orders, by trying every one; products of factors that share nothing come last."""
    if len(factors) == 1:
        return 0.0
    pairs = list(combinations(range(len(factors)), 2))
    sharing = [(i, j) for i, j in pairs if factors[i] & factors[j]] or pairs
    found = []
    for i, j in sharing:
        rest = [f for k, f in enumerate(factors) if k not in (i, j)]
        needed = output
        for f in rest:
            needed |= f
        summed = (factors[i] & factors[j]) & ~needed
        step = costs.step(factors[i], factors[j], summed)
        found.append(step + cheapest([*rest, (factors[i] | factors[j]) & ~summed], output, costs))
    return min(found)


def replay(order, factors, output, costs):
    """The cost of the steps, and the indices that are left; every factor is used once."""
    live, total = list(factors), 0.0
    gone = set()
    for i, j in order.steps:
        assert i < j < len(live)
        assert not {i, j} & gone
        gone |= {i, j}
        needed = output
        for k, f in enumerate(live):
            if k not in gone:
                needed |= f
        summed = live[i] & live[j] & ~needed
        total += costs.step(live[i], live[j], summed)
        live.append((live[i] | live[j]) & ~summed)
    assert len(gone) == max(0, len(live) - 1)
    return total, live[-1]


def network(rng, count, letters, connected):
    """Sets of indices, none of which is in one factor alone and summed."""
    while True:
        factors = [int(sum(1 << int(b) for b in rng.choice(letters, rng.integers(1, 4), replace=False))) for _ in range(count)]
        output = int(sum(1 << int(b) for b in rng.choice(letters, rng.integers(0, 3), replace=False)))
        used = 0
        for f in factors:
            used |= f
        output &= used
        for bit in range(letters):
            if sum(f >> bit & 1 for f in factors) == 1:
                output |= 1 << bit
        if not connected or is_connected(factors):
            return factors, output


def is_connected(factors):
    group, rest = factors[0], list(factors[1:])
    while near := [f for f in rest if f & group]:
        for f in near:
            group |= f
            rest.remove(f)
    return not rest


@pytest.mark.parametrize("seed", range(30))
def test_few_factors_in_the_best_order(seed):
    rng = np.random.default_rng(seed)
    factors, output = network(rng, int(rng.integers(2, 6)), int(rng.integers(3, 6)), connected=True)
    costs = Costs([float(10 ** rng.integers(0, 4)) for _ in range(6)])
    order = contraction_order(factors, output, costs)
    total, left = replay(order, factors, output, costs)
    assert left == output
    assert total == pytest.approx(order.cost)
    assert order.cost <= cheapest(factors, output, costs) * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_many_factors_in_an_order_that_is_valid(seed):
    rng = np.random.default_rng(100 + seed)
    factors, output = network(rng, int(rng.integers(MOST_EXACT + 1, 40)), 12, connected=False)
    costs = Costs([float(rng.integers(2, 100)) for _ in range(12)])
    total, left = replay(order := contraction_order(factors, output, costs), factors, output, costs)
    assert left == output
    assert total == pytest.approx(order.cost)


def test_nothing_to_do():
    assert contraction_order([], 0, Costs([])).steps == ()
    assert contraction_order([1], 1, Costs([3.0])).steps == ()


@pytest.mark.parametrize("depth", [2, 5, 9, 20])
def test_a_net_from_its_small_side(depth):
    """The factors W (c x n), mask (n x m), W (n x n), mask, ...: every product but the first has c m n^2 multiplications."""
    c, m, n = 0, 1, list(range(2, depth + 2))
    factors = [1 << c | 1 << n[0]]
    for k in range(depth):
        factors.append(1 << n[k] | 1 << m)
        if k + 1 < depth:
            factors.append(1 << n[k] | 1 << n[k + 1])
    costs = Costs([10.0, 128.0] + [192.0] * depth)
    order = contraction_order(factors, 1 << c | 1 << m | 1 << n[-1], costs)
    assert order.cost < depth * (10 * 128 * 192**2 + 60 * 10 * 128 * 192 + 1e6)
