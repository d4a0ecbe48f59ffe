"""The self-checking file in Python, for NumPy and the libraries that follow it."""

from __future__ import annotations

import ast
import builtins
import keyword
import sys
from dataclasses import dataclass
from importlib import import_module

from matcalc.codefiles.contents import Contents, Function
from matcalc.codefiles.data import PYTHON_DATA, Draws
from matcalc.codefiles.header import header
from matcalc.codefiles.parameters import parameters_for, parameters_in
from matcalc.codefiles.sources import Sources
from matcalc.dims import Dim
from matcalc.emit.assemble import write_program
from matcalc.emit.backends import NUMPY, Backend
from matcalc.emit.plan import make_plan
from matcalc.emit.values import Builder
from matcalc.emit.writing.write import Names, write_function

LINE = 100


@dataclass(frozen=True)
class Library:
    """What a file says besides the names of the array library: lines at its top, and how an array of NumPy becomes its own."""

    setup: str = ""
    array: str = ""


LIBRARIES = {
    "numpy": Library(),
    "jax": Library('jax.config.update("jax_enable_x64", True)', "{alias}.asarray(a)"),
    "torch": Library("", "torch.as_tensor(np.asarray(a))"),
    "array_api": Library(),
}
OWN = (
    "np", "scipy", "sys", "SIZES", "SEED", "TRIALS", "TOLERANCE", "ATTEMPTS", "WRT", "arrays", "random_data",
    "random_direction", "moved", "value_at", "gradient_at", "inner", "slope", "check", "check_hessians", "check_all", "main",
)  # fmt: skip
BUILTINS = frozenset(dir(builtins)) | frozenset(keyword.kwlist)


class PythonFile:
    """Writes the parts of a file, from what it holds."""

    def __init__(self, contents: Contents, backend: Backend) -> None:
        self.contents, self.backend, self.library = contents, backend, LIBRARIES[backend.name]
        self.p = parameters_for(contents, backend)
        top = Names({*OWN, *BUILTINS, *backend.known_names, *backend.all_helpers})
        self.name = top.new(contents.name)
        self.called = {f.suffix: top.new(self.name + f.suffix) if f.suffix else self.name for f in contents.functions}
        parameters = Names({*backend.known_names, *backend.all_helpers})
        self.written = {n: parameters.new(n) for n in self.p.names}
        inside = Names({"np", "rng", "SIZES", "int", *backend.known_names})
        self.local = {n: inside.new(n) for n in self.p.names}
        self.sizes = {d: self.local[d.name] if d.name in self.p.sizes else inside.new(d.name) for d in contents.sizes}
        self.sources = Sources()
        self.draws = Draws(contents, PYTHON_DATA, self.dim)

    # ------------------------------------------------------------------ parts
    def text(self) -> str:
        """The file."""
        functions = [self.function(f) for f in self.contents.functions]
        check = self.check()
        blocks = [
            self.docstring(),
            self.imports(),
            self.settings(),
            *([self.sources.text()] if self.sources.statements else []),
            *functions,
            check,
            'if __name__ == "__main__":\n    sys.exit(main())',
        ]
        gaps = ["\n\n" if k < 2 else "\n\n\n" for k in range(len(blocks))]
        out = "".join(b + g for b, g in zip(blocks, gaps, strict=True)).rstrip() + "\n"
        ast.parse(out)
        return out

    def docstring(self) -> str:
        """The header, as the docstring of the module."""
        lines = header(self.contents, self.p, self.written, "python")
        lines += ["", "Run this file to check it: it prints the worst relative error and fails if that is too large."]
        return quoted(lines, "")

    def imports(self) -> str:
        """The libraries, in order."""
        b = self.backend
        modules = () if b.first else (*b.also, (b.module, b.alias))
        lines = {f"import {m} as {alias}" if alias != m else f"import {m}" for m, alias in modules} | {"import numpy as np"}
        lines |= {i for i in self.sources.imports if not i.startswith("from __future__")}
        standard = {i for i in lines if i.split()[1].split(".")[0] in sys.stdlib_module_names} | {"import sys"}
        parts = ["\n".join(sorted(group, key=lambda i: (i.startswith("from"), i))) for group in (standard, lines - standard)]
        return "\n\n".join([*parts, *([self.library.setup] if self.library.setup else [])])

    def settings(self) -> str:
        """What a reader may change."""
        sizes = ", ".join(f"{literal(d.name)}: {n}" for d, n in self.contents.sizes.items())
        lines = [f"SIZES = {{{sizes}}}  # of the random data"] if sizes else []
        return "\n".join([*lines, "SEED, TRIALS, ATTEMPTS, TOLERANCE = 0, 5, 100, 1e-6"])

    def function(self, f: Function) -> str:
        """A function of the file."""
        p = parameters_in(f, self.p, self.contents)
        plan = make_plan(f.outputs, p.symbols, self.backend)
        written = write_program(plan, f.outputs, p, self.backend, single=f.single)
        for helper in written.helpers:
            self.sources.add(import_module(self.backend.module_of(helper)), [helper])
        definition = written.definition
        definition.name = self.called[f.suffix]
        first = definition.body[0]
        assert isinstance(first, ast.Expr)
        assert isinstance(first.value, ast.Constant)
        assert isinstance(first.value.value, str)
        first.value = ast.Constant(f"{one_comment(f.summary)}\n\n    {first.value.value}")
        ast.fix_missing_locations(definition)
        last = definition.body[-1]
        assert isinstance(last, ast.Return)
        if not isinstance(last.value, ast.Tuple):
            return ast.unparse(definition)
        results = [ast.unparse(v) for v in last.value.elts]
        line = f"    return {', '.join(results)}{',' if len(results) == 1 else ''}"
        if len(line) > LINE:
            line = "\n".join(["    return (", *(f"        {r}," for r in results), "    )"])
        definition.body[-1] = ast.fix_missing_locations(ast.Pass())
        return ast.unparse(definition).removesuffix("    pass") + line

    def dim(self, d: Dim) -> str:
        """A dimension, in the names of the file."""
        builder = Builder()
        leaves: dict[object, ast.expr] = {("dim", s): ast.Name(n, ast.Load()) for s, n in self.sizes.items()}
        written = write_function([builder.dim(d)], [], leaves, {}, Names(()), NUMPY, "", single=True)
        last = written.definition.body[-1]
        assert isinstance(last, ast.Return)
        assert last.value is not None
        return ast.unparse(last.value)

    # ------------------------------------------------------------------ the check
    def unpacked_sizes(self) -> list[str]:
        """The line that makes the sizes local."""
        if not self.sizes:
            return []
        return [f"{', '.join(self.sizes.values())} = {', '.join(f'SIZES[{literal(d.name)}]' for d in self.sizes)}"]

    def data(self) -> str:
        """The function that makes arguments at random."""
        lines = self.unpacked_sizes()
        for n in self.p.names:
            if n in self.p.symbols:
                lines += self.draws.value(self.p.symbols[n], self.local[n])
        values = []
        for n in self.p.names:
            if n in self.p.functions:
                lines += self.smooth(n)
            values.append(self.local[n])
        return block(
            "random_data(rng)",
            "Arguments at random, of the declared shapes and attributes.",
            [*lines, f"return [{', '.join(values)}]"],
        )

    def smooth(self, name: str) -> list[str]:
        """A function with a gradient, for one that the formula leaves open."""
        a = "np" if self.backend.first else self.backend.alias
        x = f"X + {self.contents.shift(name)}"
        is_slope = self.contents.unspecified[name][1]
        body = f"{a}.cos({x}) + {a}.sum(X)" if is_slope else f"{a}.sum({a}.sin({x})) + {a}.sum(X) ** 2 / 2"
        return ["", f"def {self.local[name]}(X):", f"    return {body}", ""]

    def check(self) -> str:
        """The data, the directions, the check and ``main``."""
        c = self.contents
        arrays = self.library.array
        parts = [self.data()]
        given = "*data"
        if arrays:
            made = arrays.format(alias=self.backend.alias)
            body = f"return [a if isinstance(a, int) or callable(a) else {made} for a in data]"
            what = "The arguments as arrays of the library; whole numbers and functions as they are."
            parts.append(block("arrays(data)", what, [body]))
            given = "*arrays(data)"
        own = given if c.upstream is None else given.replace("data", "data[:-1]")
        value = self.name
        if not c.derivatives:
            parts.append(VALUE_ONLY.format(value=value, given=given))
            return "\n\n\n".join(parts)
        g = self.called["_and_gradient" if c.upstream is None else "_and_vjp"]
        places = [self.p.names.index(w.name) for w in c.wrt]
        parts.append(self.directions(places))
        curved = self.draws.curved([(k, w) for k, w in zip(places, c.wrt, strict=True)])
        inside = ", within what its attributes allow" if len(curved) > 1 else ""
        parts.append(block("moved(x, along, t, k)", f"An argument moved along a direction{inside}.", curved))
        names = ", ".join(w.name for w in c.wrt)
        parts.append(
            f"WRT = {tuple(places)!r}  # the places of the arguments that the derivatives are by: {one_comment(names)}"
        )
        upstream = f"inner(data[-1], {value}({own}))" if c.upstream is not None else f"np.real(np.asarray({value}({own})))[()]"
        parts.append(CHECK.format(value_at=upstream, pair=f"{g}({given})", value=f"{value}({own})"))
        second = self.called.get("_hessian")
        if second is not None:
            hessians = f"{second}({given})" if len(c.wrt) > 1 else f"[{second}({given})]"
            parts.append(HESSIAN_CHECK.format(pair=f"{g}({given})", hessians=hessians))
            parts.append(CHECK_ALL)
        checked = f"{g} and {second}" if second is not None else g
        parts.append(MAIN.format(checked=checked, check="check_all" if second is not None else "check"))
        return "\n\n\n".join(parts)

    def directions(self, places: list[int]) -> str:
        """The function that draws a direction for an argument."""
        rows: list[str] = []
        for k, w in zip(places, self.contents.wrt, strict=True):
            steps = self.draws.direction(w, "along", "x")
            if steps:
                rows += [f"if k == {k}:", *(f"    {s}" for s in steps)]
        any_complex = [k for k, w in zip(places, self.contents.wrt, strict=True) if w.is_complex]
        lines = ["along = rng.standard_normal(np.shape(x))"]
        if any_complex:
            lines += [f"if k in {tuple(any_complex)!r}:", "    along = along + 1j * rng.standard_normal(np.shape(x))"]
        what = "A random direction for argument k at x" + (", along which it keeps its attributes." if rows else ".")
        return block("random_direction(x, k, rng)", what, [*lines, *rows, "return along"])


def literal(name: str) -> str:
    """A name as a string of Python."""
    return f'"{name}"' if name.isidentifier() else ast.unparse(ast.Constant(name))


def one_comment(text: str) -> str:
    """A text that may stand behind a ``#``."""
    return "".join(c if c.isprintable() else "?" for c in text)


def quoted(lines: list[str], indent: str) -> str:
    """Lines as a docstring that nothing in them can end."""
    body = "\n".join(lines).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    end = "\n" if len(lines) > 1 else ""
    return f'{indent}"""{body}{end}{indent}"""' if not body.endswith('"') or end else f'{indent}"""{body} """'


def block(head: str, what: str, lines: list[str]) -> str:
    """A function of our own, from its lines."""
    return "\n".join([f"def {head}:", f'    """{what}"""', *(f"    {line}" if line else "" for line in lines)])


CHECK = '''def inner(a, b):
    """The inner product of two arrays, real."""
    return np.vdot(np.asarray(a), np.asarray(b)).real


def value_at(data):
    """What the derivatives are the derivatives of."""
    return {value_at}


def slope(data, k, along, h):
    """The derivative along a direction of argument k, by central differences of fourth order."""

    def at(t):
        return value_at([moved(x, along, t, k) if i == k else x for i, x in enumerate(data)])

    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


def check(rng):
    """The worst relative error at random arguments, along random directions; None where no difference is to be trusted."""
    data = random_data(rng)
    level = abs(value_at(data))
    value, *derivatives = {pair}
    worst = 0.0 if np.allclose(value, {value}, rtol=1e-9) else np.inf
    for k, derivative in zip(WRT, derivatives):
        along = random_direction(data[k], k, rng)
        coarse, fine = slope(data, k, along, 2e-3), slope(data, k, along, 1e-3)
        if not abs(coarse - fine) <= TOLERANCE / 10 * max(abs(fine), 1e-3 * level):
            return None
        size = np.linalg.norm(np.ravel(derivative)) * np.linalg.norm(np.ravel(along))
        error = abs(inner(derivative, along) - fine) / max(size, abs(fine), 1e-5 * level, 1e-12)
        worst = max(worst, error if np.isfinite(error) else np.inf)
    return worst'''

HESSIAN_CHECK = '''def gradient_at(data, k):
    """The gradient by argument k, flat."""
    return np.ravel(np.asarray({pair}[1 + WRT.index(k)]))


def check_hessians(rng):
    """The same for the Hessians, by differences of the gradients."""
    data = random_data(rng)
    worst = 0.0
    for k, second in zip(WRT, {hessians}):
        along = random_direction(data[k], k, rng)

        def at(t):
            return gradient_at([moved(x, along, t, k) if i == k else x for i, x in enumerate(data)], k)

        def change(h):
            return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)

        coarse, fine = change(2e-3), change(1e-3)
        level = np.linalg.norm(at(0.0))
        if not np.linalg.norm(coarse - fine) <= TOLERANCE / 10 * max(np.linalg.norm(fine), 1e-3 * level):
            return None
        found = np.reshape(np.asarray(second), (along.size, along.size) if np.ndim(along) else (1, 1)) @ np.ravel(along)
        error = np.linalg.norm(found - fine) / max(np.linalg.norm(found), np.linalg.norm(fine), 1e-5 * level, 1e-12)
        worst = max(worst, error if np.isfinite(error) else np.inf)
    return worst'''

CHECK_ALL = '''def check_all(rng):
    """The worse of the two errors; None where one of them is not to be trusted."""
    errors = (check(rng), check_hessians(rng))
    return None if None in errors else max(errors)'''

MAIN = '''def main():
    """Check the derivatives; the exit status is 1 if one of them is wrong, or none could be checked."""
    rng = np.random.default_rng(SEED)
    errors, trouble = [], None
    for _ in range(ATTEMPTS):
        if len(errors) < TRIALS:
            try:
                with np.errstate(all="ignore"):
                    error = {check}(rng)
            except (ArithmeticError, np.linalg.LinAlgError) as found:  # a matrix that has no factors: draw again
                error, trouble = None, found
            errors += [] if error is None else [error]
    worst = max(errors, default=np.nan)
    passed = bool(errors) and worst <= TOLERANCE
    print(f"{checked}: worst relative error {{worst:.1e}} at {{len(errors)}} random points: {{'ok' if passed else 'FAILED'}}")
    if trouble is not None and not errors:
        print(trouble)
    return 0 if passed else 1'''

VALUE_ONLY = '''def main():
    """There is no derivative here to check: the value is computed at random arguments."""
    rng = np.random.default_rng(SEED)
    with np.errstate(all="ignore"):
        found = [np.asarray({value}({given})) for data in (random_data(rng) for _ in range(TRIALS))]
    passed = any(np.all(np.isfinite(a)) for a in found)
    print(f"{value}: the value is {{'finite' if passed else 'NOT FINITE'}}; there is no derivative to check")
    return 0 if passed else 1'''
