"""The statements of a loop over blocks of large arrays."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from matcalc.dims import Dim, is_unit
from matcalc.emit.passes.blocks import SUMS, Block
from matcalc.emit.passes.memory import function_of
from matcalc.emit.shapes import Axes, shape_of
from matcalc.emit.values import Value
from matcalc.emit.writing.templates import fill

ENTRIES = 16384  # of a block: a few arrays of this size stay in the cache of a core
AUGMENTED: dict[str, ast.operator] = {"#1 + #2": ast.Add(), "#1 - #2": ast.Sub(), "#1 * #2": ast.Mult(), "#1 / #2": ast.Div()}
COMMUTATIVE = frozenset(("#1 + #2", "#1 * #2"))
Template = Callable[[str], ast.expr]


def entrywise_statement(v: Value, args: Sequence[ast.expr], out: str, parsed: Template) -> ast.stmt:
    """The statement that computes an entrywise value in the array ``out``, which may be that of an operand."""
    held = [isinstance(a, ast.Name) and a.id == out for a in args]
    if v.code in AUGMENTED and (held[0] or (held[1] and v.code in COMMUTATIVE)):
        return ast.AugAssign(ast.Name(out, ast.Store()), AUGMENTED[v.code], args[1] if held[0] else args[0])
    name, operands = function_of(v.code) or ("softmax", ("#1", "axis=#2")[: len(args)])
    target = len(args) + 1
    call = fill(parsed(f"{name}({', '.join(operands)}, out=#{target})"), [*args, ast.Name(out, ast.Load())])
    assert isinstance(call, ast.expr)
    return ast.Expr(call)


def loop_statements(
    b: Block,
    inputs: Mapping[Value, ast.expr],
    results: Mapping[Value, str],
    local: Callable[[str], str],
    parsed: Template,
) -> list[ast.stmt]:
    """What makes the result arrays, and the loop that fills them.

    ``inputs`` says how the operands of the block are written, ``results`` under which names its results
    are; ``local`` hands out the names of what the loop uses.
    """

    def e(code: str, *args: ast.expr) -> ast.expr:
        made = fill(parsed(code), args)
        assert isinstance(made, ast.expr)
        return made

    model_value = next(a for a in b.inputs if shape_of(a) == b.shape and isinstance(inputs[a], (ast.Name, ast.Attribute)))
    model = inputs[model_value]
    step = _rows(b.shape, model, e)
    i = local("i")
    here = ast.Name(i, ast.Load())
    before: list[ast.stmt] = []
    if not isinstance(step, ast.Constant):
        rows = local("rows")
        before.append(_assign(rows, step))
        step = ast.Name(rows, ast.Load())
    for v in b.stored:
        if v not in b.over:
            before.append(_assign(results[v], e("np.empty_like(#1)", model)))
    for v in b.sums:
        axis = SUMS[v.code]
        if axis is None:
            start: ast.expr = ast.Constant(0.0)
        else:
            make = "np.zeros(#1.shape[1], #1.dtype)" if axis == 0 else "np.empty(len(#1), #1.dtype)"
            start = e(make, model)
        before.append(_assign(results[v], start))

    cut: list[tuple[str, ast.expr]] = []

    def slice_name(base: str) -> str:
        wanted = f"{base}_i"
        while any(name == local(wanted) for name, _ in cut):
            wanted += "i"
        return local(wanted)

    tree: dict[Value, ast.expr] = {}
    for a in b.inputs:
        shape = shape_of(a) or ()
        if len(shape) == len(b.shape) and shape and not is_unit(shape[0]):
            name = slice_name(_base(inputs[a]))
            cut.append((name, e("#1[#2:#2 + #3]", inputs[a], here, step)))
            tree[a] = ast.Name(name, ast.Load())
        else:
            tree[a] = inputs[a]
    out_name: dict[Value, str] = {}
    for v in b.stored:
        if v in b.over:
            held = tree[b.over[v]]
            assert isinstance(held, ast.Name)
            out_name[v] = held.id
            continue
        out_name[v] = slice_name(results[v])
        cut.append((out_name[v], e("#1[#2:#2 + #3]", ast.Name(results[v], ast.Load()), here, step)))
    body: list[ast.stmt] = [_assign(name, value) for name, value in cut]

    registers, code = _steps(b, tree, out_name, local, parsed)
    if registers:
        scratch = local("scratch")
        size: list[ast.expr] = [step] if len(b.shape) == 1 else [step, e("#1.shape[1]", model)]
        views = "#1[:len(#2)]"
        targets: ast.expr = ast.Name(registers[0], ast.Store())
        if len(registers) > 1:
            size.insert(0, ast.Constant(len(registers)))
            views = "#1[:, :len(#2)]"
            targets = ast.Tuple([ast.Name(r, ast.Store()) for r in registers], ast.Store())
        whole = size[0] if len(size) == 1 else ast.Tuple(size, ast.Load())
        before.append(_assign(scratch, e("np.empty(#1, #2.dtype)", whole, model)))
        body.append(ast.Assign([targets], e(views, ast.Name(scratch, ast.Load()), tree[model_value])))
    body += code
    for v in b.sums:
        args = [tree[a] for a in v.args]
        if SUMS[v.code] == 1:
            place = e("#1[#2:#2 + #3]", ast.Name(results[v], ast.Load()), here, step)
            call = "np.sum(#1, axis=1, out=#2)" if len(args) == 1 else "np.einsum('ij,ij->i', #1, #2, out=#3)"
            body.append(ast.Expr(e(call, *args, place)))
        else:
            body.append(ast.AugAssign(ast.Name(results[v], ast.Store()), ast.Add(), e(v.code, *args)))
    loop = ast.For(ast.Name(i, ast.Store()), e("range(0, len(#1), #2)", model, step), body, [], None)
    return [*before, loop]


def _steps(
    b: Block, tree: dict[Value, ast.expr], out_name: Mapping[Value, str], local: Callable[[str], str], parsed: Template
) -> tuple[list[str], list[ast.stmt]]:
    """The statements of the operations, and the buffers that they use; a buffer is used again once its value is not needed."""
    last: dict[Value, int] = {}
    for k, v in enumerate(b.steps):
        for a in v.args:
            last[a] = k
    for v in b.sums:
        last.update(dict.fromkeys(v.args, len(b.steps)))
    held: dict[Value, str] = {}
    free: list[str] = []
    registers: list[str] = []
    code: list[ast.stmt] = []
    for k, v in enumerate(b.steps):
        dying = [a for a in dict.fromkeys(v.args) if a in held and last[a] == k]
        if v in out_name:
            out = out_name[v]
            released = dying
        elif dying:
            out = held[dying[0]]
            released = dying[1:]
        else:
            released = []
            if not free:
                registers.append(local(f"b{len(registers)}"))
                free.append(registers[-1])
            out = free.pop()
        code.append(entrywise_statement(v, [tree[a] for a in v.args], out, parsed))
        tree[v] = ast.Name(out, ast.Load())
        if v not in out_name:
            held[v] = out
        free += [held[a] for a in released]
    return registers, code


def _rows(shape: Axes, model: ast.expr, e: Callable[..., ast.expr]) -> ast.expr:
    """How many rows a block has."""
    if len(shape) == 1:
        return ast.Constant(ENTRIES)
    width: Dim = shape[1]
    if isinstance(width, int):
        return ast.Constant(max(1, ENTRIES // width))
    return e("max(1, #1 // max(1, #2.shape[1]))", ast.Constant(ENTRIES), model)


def _base(tree: ast.expr) -> str:
    """The name in an expression such as ``X.T``."""
    return next((n.id for n in ast.walk(tree) if isinstance(n, ast.Name)), "a")


def _assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)
