"""The tables of the back ends: every template is known in each, types and devices are kept, errors are NumPy's."""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import matcalc as mc
from matcalc.emit import backends
from matcalc.emit.libraries import BACKENDS
from matcalc.emit.runtime import shared as runtime_shared
from matcalc.emit.writing.write import parse_template
from matcalc.ops import OPERATORS

jax.config.update("jax_enable_x64", True)

OTHERS = [name for name in BACKENDS if name != "numpy"]
NAMESPACES = {"jax": ["jax.numpy"], "torch": ["torch"], "array_api": ["array_api_compat.numpy", "array_api_compat.torch"]}
FOLDER = Path(backends.__file__).parent
ARRAYS = {"jax": jnp.asarray, "torch": torch.as_tensor, "array_api": np.asarray}


def templates():
    """What the lowerings hand to ``make``, and the operators' own templates."""
    found = {cls.code for cls in OPERATORS.values() if "#1" in getattr(cls, "code", "")}
    for path in [FOLDER / "forms.py", FOLDER / "planner.py", FOLDER / "values.py", *sorted((FOLDER / "lowering").glob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("make"):
                found |= {
                    c.value for a in node.args for c in ast.walk(a) if isinstance(c, ast.Constant) and isinstance(c.value, str)
                }
    return sorted(t for t in found if ("#" in t or "np." in t) and t.split("(")[0] not in backends.OWN and is_known_to_numpy(t))


def is_known_to_numpy(template):
    """Not so are the codes of operators that a lowering writes in another way."""
    try:
        parse_template(template, BACKENDS["numpy"])
    except (mc.UnsupportedError, SyntaxError):
        return False
    return True


def dotted(tree, aliases):
    """The names of the library that a tree uses, such as ``linalg.inv``."""
    for node in ast.walk(tree):
        parts, inner = [], node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if parts and isinstance(inner, ast.Name) and inner.id in aliases:
            yield inner.id, parts[::-1]


def test_there_are_templates():
    assert len(templates()) > 80


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("template", templates())
def test_every_template_is_known(template, name):
    backend = BACKENDS[name]
    tree = parse_template(template, backend).tree
    for namespace in NAMESPACES[name]:
        modules = {backend.alias: namespace, **{alias: module for module, alias in backend.also}}
        for alias, parts in dotted(tree, modules):
            owner = import_module(modules[alias])
            for part in parts:
                owner = getattr(owner, part)


@pytest.mark.parametrize("name", OTHERS)
def test_every_helper_is_there(name):
    backend = BACKENDS[name]
    worded = {old.split("(")[0] for old, _ in (*backend.names, *backend.words)}
    unused = backends.OWN | (frozenset() if backend.factors else backends.FACTORS)
    assert backend.all_helpers >= backends.NUMPY.helpers - worded - unused
    for helper in backend.shared:
        assert next(iter(inspect.signature(getattr(runtime_shared, helper)).parameters)) == "xp"


@pytest.mark.parametrize("name", OTHERS)
def test_source_runs_on_its_own(name, tmp_path):
    call = mc.compile(mc.parse("X'*diag(sigmoid(w))*X + eye(n)*sin(2)", "X[m,n] w[m]"), backend=name)
    path = tmp_path / f"made_for_{name}.py"
    path.write_text(call.source)
    names: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    X, w = ARRAYS[name](np.arange(6.0).reshape(2, 3)), ARRAYS[name](np.ones(2))
    np.testing.assert_allclose(np.asarray(names["function"](X, w)), np.asarray(call(X, w)), rtol=1e-14)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("text", [
    "A'*(A*x - b)", "X0 + eye(n)", "inv(A'*A)*x", "softmax(x)", "sqrt(2)*x + c*x", "logdet(A'*A)*x", "diag(x)",
    "sum(A)*ones(n)", "kron(x, b)", "tril(X0)", "vech(X0)", "x./(x + ones(n)/3)",
])  # fmt: skip
def test_single_precision_is_kept(name, text):
    expr = mc.parse(text, "A[m,n] x[n] b[m] c X0[n,n]")
    rng = np.random.default_rng(3)
    given = {"A": rng.normal(size=(5, 3)), "x": rng.normal(size=3), "b": rng.normal(size=5), "c": 1.5, "X0": np.eye(3)}
    call = mc.compile(expr, backend=name)
    single = {k: v if k == "c" else ARRAYS[name](np.float32(v)) for k, v in given.items() if k in call.names}
    out = call(**single)
    assert out.dtype in (np.float32, torch.float32)
    double = mc.compile(expr)(**{k: v for k, v in given.items() if k in call.names})
    np.testing.assert_allclose(np.asarray(out), double, rtol=2e-4, atol=1e-4)


@pytest.mark.parametrize("name", OTHERS)
def test_integers_lists_and_numbers_are_taken(name):
    call = mc.compile(mc.parse("c*A*x", "A[m,n] x[n] c"), backend=name)
    want = [10.0, 22.0]
    for A in ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]]), ARRAYS[name](np.array([[1, 2], [3, 4]]))):
        for c in (2, 2.0, np.float64(2), ARRAYS[name](np.array(2.0)), ARRAYS[name](np.array([[2.0]]))):
            np.testing.assert_allclose(np.asarray(call(A=A, c=c, x=[1, 2])), want)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(("text", "given", "dims"), [
    ("A*x", {"A": np.ones((2, 3)), "x": np.ones(4)}, "A[m,n] x[n]"),
    ("A*x", {"A": np.ones(3), "x": np.ones(3)}, "A[m,n] x[n]"),
    ("A*x", {"A": np.ones((2, 4)), "x": np.ones(4)}, "A[2,3] x[3]"),
    ("x", {"x": np.ones((2, 2))}, "x[n]"),
    ("c*x", {"x": np.ones(2), "c": np.ones(2)}, "x[n] c"),
    ("x", {"x": "text"}, "x[n]"),
    ("x", {"x": np.ones(2) * 1j}, "x[n]"),
    ("x", {}, "x[n]"),
    ("x", {"x": np.ones(2), "y": 1}, "x[n]"),
])  # fmt: skip
def test_errors_are_those_of_numpy(name, text, given, dims):
    messages = []
    for backend in ("numpy", name):
        with pytest.raises(mc.MatcalcError) as error:
            mc.compile(mc.parse(text, dims), backend=backend)(**given)
        messages.append((type(error.value), str(error.value)))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("name", OTHERS)
def test_complex_arguments(name):
    z, H = mc.symbols("z[n](complex) H[n,n](complex)")
    outputs = [H @ z, mc.conj(z) + z, mc.real(z), mc.imag(z), mc.abs(z), mc.inv(H) @ z, z.H @ H @ z]
    rng = np.random.default_rng(5)
    given = {"z": rng.normal(size=3) + 1j * rng.normal(size=3), "H": rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))}
    want = mc.compile(outputs)(**given)
    got = mc.compile(outputs, backend=name)(**{k: ARRAYS[name](v) for k, v in given.items()})
    for x, y in zip(want, got, strict=True):
        np.testing.assert_allclose(np.asarray(y), x, rtol=1e-12)


@pytest.mark.parametrize("name", OTHERS)
def test_a_missing_library_names_its_extra(name, monkeypatch):
    def refuse(module):
        raise ImportError(name="there")

    monkeypatch.setattr(backends, "import_module", refuse)
    with pytest.raises(
        mc.MatcalcError, match=rf"the {name} back end needs there: pip install matcalculus\[{name.replace('_', '-')}\]"
    ):
        mc.compile(mc.symbols("x[n]"), backend=name)


@pytest.mark.parametrize("name", OTHERS)
def test_structures_and_names(name):
    x, c = mc.symbols("x[n] c")
    call = mc.compile({"double": 2 * x, "scaled": c * x}, [c, x], backend=name)
    assert call.names == ("c", "x")
    out = call(3.0, ARRAYS[name](np.ones(2)))
    assert list(out) == ["double", "scaled"]
    assert type(mc.compile([x, c], backend=name)(1.0, np.ones(2))) is list
    assert f"for {name}" in repr(call)


@pytest.mark.parametrize("name", OTHERS)
def test_sizes_alone(name):
    out = mc.compile([mc.eye(3), mc.parse("n*eye(n)", "x[n]"), mc.parse("tr(eye(n))", "x[n]")], backend=name)(n=2)
    for got, want in zip(out, (np.eye(3), 2 * np.eye(2), 2.0), strict=True):
        assert got.shape == np.shape(want)
        np.testing.assert_allclose(np.asarray(got), want)


class WithoutEinsum:
    """A library that keeps to the standard."""

    __name__ = "numpy"
    sum, reshape, stack = np.sum, np.reshape, np.stack
    permute_dims, matrix_transpose = np.transpose, staticmethod(lambda a: np.swapaxes(a, -1, -2))


@pytest.mark.parametrize("spec", [
    "ij,jk->ik", "ij,jk->ki", "ij->ji", "ij->", "ii->i", "ii->", "ij,ij->ij", "ij,ij->i", "ij,kl->ijkl", "i,j,k->kij",
    "ij,jk,kl->il", "pi,pk,pj,pl->jilk", "iij,jk->ik", "iji,j->ij", "i,i->", "ij,k->ik", ",i->i", "ijk,kj,i->",
    "aib,bjc,ckd->aijkd",
])  # fmt: skip
def test_einsum_without_the_library_s_own(spec):
    size = {c: k + 2 for k, c in enumerate(sorted(set(spec) - set(",->")))}
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=[size[c] for c in letters]) for letters in spec.split("->")[0].split(",")]
    got = runtime_shared.einsum(WithoutEinsum, spec, *arrays)
    np.testing.assert_allclose(got, np.einsum(spec, *arrays), atol=1e-12)
