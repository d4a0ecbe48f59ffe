"""What is left of an index network that matrix notation cannot write, as an einsum."""

from __future__ import annotations

from collections.abc import Sequence

from matcalc.dims import Dim
from matcalc.expr import Expr, Hadamard, Ones, Product, Transpose, sort_key
from matcalc.index import At, Index, Pair, flat
from matcalc.ops.structure import Eye
from matcalc.ops.tensors import Einsum, Letters, composite_of, fresh_letters
from matcalc.rules.chain import entrywise, total_of
from matcalc.rules.closed_form import Graph

Operand = tuple[Expr, At, At]


def einsum_form(g: Graph, rows: Sequence[Index | None], cols: Sequence[Index | None]) -> Expr:
    """A reduced graph as an array or an einsum; ``rows`` and ``cols`` are the free indices that its axes stack.

    The last of each runs fastest. An index among them that is tied to an earlier one gets a letter and an identity of its own.
    """
    operands = operands_of(g)
    outputs: list[list[Index]] = []
    seen: set[Index] = set()
    for side in (rows, cols):
        found = []
        for v in side:
            if v is None:
                continue
            if v in seen:
                twin = Index.fresh(v.dim)
                operands.append((Eye(v.dim), v, twin))
                v = twin
            seen.add(v)
            found.append(v)
        outputs.append(found)
    covered = {i for _, a, b in operands for at in (a, b) for i in flat(at)}
    operands.extend((Ones((v.dim, 1)), v, None) for v in g.edges if v in seen and v not in covered)
    operands.extend((Ones((d, 1)), v, None) for v, d in unsized(operands))
    operands = parallel_merged(operands)
    if len(operands) == 1 and not seen and len(set(found := [i for at in operands[0][1:] for i in flat(at)])) == len(found):
        return total_of(operands[0][0])
    order = sorted(operands, key=lambda o: (len(composite_of(o[0])[0]) == 0, sort_key(o[0])))
    letters = fresh_letters()
    names = {v: next(letters) for v in in_reading_order(outputs)}
    for e, a, b in order:
        for at in (a, b):
            for i in reversed(flat(at)) if e.axes is not None else flat(at):
                if i not in names:
                    names[i] = next(letters)

    def written(at: At) -> str:
        return "".join(names[i] for i in flat(at))

    inputs: tuple[Letters, ...] = tuple((written(a), written(b)) for _, a, b in order)
    output = ("".join(names[v] for v in outputs[0]), "".join(names[v] for v in outputs[1]))
    if len(order) == 1 and inputs[0] == output:
        return order[0][0]
    return Einsum(inputs, output, tuple(e for e, _, _ in order))


def parallel_merged(operands: Sequence[Operand]) -> list[Operand]:
    """Arrays at the same places as one entrywise product."""
    groups: dict[tuple[At, At], list[Expr]] = {}
    for e, a, b in operands:
        groups.setdefault((a, b), []).append(e)
    return [(entrywise(es), a, b) for (a, b), es in groups.items()]


def in_reading_order(outputs: Sequence[Sequence[Index]]) -> list[Index]:
    """The free indices as the axes of the array have them: of a stacked axis the fastest first."""
    return [v for side in outputs for v in reversed(side)]


def operands_of(g: Graph) -> list[Operand]:
    """The factors that are left: matrices on edges, vectors on vertices, and arrays at pairs of indices."""
    operands: list[Operand] = list(g.wide)
    done: set[Index] = set()
    for u, near in g.edges.items():
        weight = g.weight(u)
        if weight is not None:
            operands.append((weight, u, None))
        for v in near:
            if v not in done and v is not u:
                m, a, b = g.edge(u, v), u, v
                if isinstance(m, Transpose):
                    m, a, b = m.arg, b, a
                operands.extend(opened(m, a, b))
        done.add(u)
    return [merged for merged in operands if not isinstance(merged[0], Ones) or len(operands) == 1]


def opened(m: Expr, a: Index, b: Index) -> list[Operand]:
    """An entrywise product or an outer product on an edge as its factors; any other matrix as it is."""
    match m:
        case Hadamard(args) if all(not x.is_scalar for x in args):
            return [o for x in args for o in opened(*_upright(x, a, b))]
        case Product((column, Transpose(row))) if column.ndim == 1 and row.ndim == 1:
            return [(column, a, None), (row, b, None)]
    return [(m, a, b)]


def _upright(m: Expr, a: Index, b: Index) -> tuple[Expr, Index, Index]:
    return (m.arg, b, a) if isinstance(m, Transpose) else (m, a, b)


def unsized(operands: Sequence[Operand]) -> list[tuple[Index, Dim]]:
    """Indices whose dimension the operands do not tell: more than one of a stacked axis that occurs nowhere else."""
    told: set[Index] = set()
    open_pairs: list[list[Index]] = []
    for e, a, b in operands:
        for at, known in zip((a, b), composite_of(e), strict=True):
            if isinstance(at, Pair) and not known:
                open_pairs.append(flat(at))
            else:
                told.update(flat(at))
    missing: list[tuple[Index, Dim]] = []
    for pair in open_pairs:
        unknown = [i for i in pair if i not in told]
        missing.extend((i, i.dim) for i in unknown[1:])
        told.update(pair)
    return missing
