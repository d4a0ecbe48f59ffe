"""Values by Octave beside those by NumPy: arrays with more than two axes, and dimensions that are 1."""

import shutil
import subprocess

import numpy as np
import pytest

import matcalc as mc
from matcalc.codefiles.contents import Contents
from matcalc.codefiles.to_code import PLAIN, TEXTS
from matcalc.sampling import least_sizes

OCTAVE = shutil.which("octave-cli") or shutil.which("octave")
SIZES = ({"m": 2, "n": 3, "p": 4, "q": 5}, {"m": 1, "n": 1, "p": 3, "q": 1}, {"m": 3, "n": 2, "p": 1, "q": 2})
MORE = (
    "log(det(C'*C + eye(q))) * C", "diag(2*eye(n)) + x", "exp(A) ./ (exp(A)*ones(n)*ones(n)')",
    "exp(A) ./ (ones(m)*(ones(m)'*exp(A)))",
)  # fmt: skip
DECLARED = "T[m,n,p] U[m,n,p] x[n] y[p] v[m] r[1,m] A[m,n] B[p,n] C[p,q]"
SPECS = (
    "T ijk -> kij", "T ijk -> j", "T ijk -> ki", "Tx ijk,j -> ki", "Txy ijk,j,k -> i", "TUx ijk,ijk,j ->", "TU ijk,ijl -> kl",
    "TU ijk,ijk -> j", "TU ijk,ijk -> ik", "TU ijk,ijk -> kji", "TU ijk,ijl -> kil", "TU ijk,ilk -> jl", "TU ijk,ijl -> lki",
    "TC ijk,kl -> ijl", "TB ijk,lj -> ilk", "TA ijk,ij -> kj", "TA ijk,ij -> ik", "Tv ijk,i -> ijk", "vxy i,j,k -> jki",
    "AB ij,kj -> jik", "ABC ij,kj,kl -> lijk",
)  # fmt: skip


def expressions():
    """Sums over indices, matrices with stacked axes, and their derivatives, by name."""
    known = {s.name: s for s in mc.symbols(DECLARED)}
    A, B, r, v = (known[n] for n in "ABrv")
    found = {"kron": mc.kron(A, B) + mc.kron(A, B), "kron-row": mc.kron(r, B), "rows": mc.norm2(r.T) ** 2 * mc.outer(v, r.T)}
    found |= {text: mc.parse(text, DECLARED) for text in MORE}
    for spec in SPECS:
        names, formula = spec.split(" ", 1)
        found[spec] = mc.einsum(formula.replace(" ", ""), *(known[n] for n in names))
    for name, e in [(name, e) for name, e in found.items() if name not in MORE]:
        for s in sorted(e.symbols, key=lambda s: s.name):
            for layout in ("tensor", "numerator"):
                try:
                    made = mc.jacobian(e, s, layout=layout)
                except mc.MatcalcError:
                    continue  # a layout is of matrices alone
                if isinstance(made, mc.Expr):
                    found[f"{name} by {s.name}, {layout}"] = made
    return found


def drawn(s, sizes, rng):
    """A random array for a symbol: a row has one axis."""
    dims = s.axes if s.axes is not None else [d for d in (s.rows, s.cols) if d != 1]
    return rng.normal(size=[sizes[str(d)] for d in dims])


def written(a, *, as_row=False):
    """An array in Octave's words, where a vector is a column."""
    a = np.asarray(a, dtype=float)
    shape = (1, a.size) if as_row else a.shape if a.ndim > 1 else (a.size, 1)
    return f"reshape([{' '.join(map(repr, a.reshape(-1, order='F').tolist()))}], {list(map(int, shape))})"


@pytest.mark.skipif(OCTAVE is None, reason="there is no Octave")
def test_octave_gives_the_values_of_numpy(tmp_path):
    lines, wanted = [], 0
    for k, (name, e) in enumerate(expressions().items()):
        contents = Contents("f", e, [], sizes=least_sizes([e]))
        file = TEXTS["matlab"](contents, PLAIN)
        function = contents.functions[0]
        folder, shown = tmp_path / f"f{k}", name.replace("'", "''")
        folder.mkdir()
        (folder / "f.m").write_text(file.listed(function), encoding="utf-8")
        symbols, call = {s.name: s for s in e.symbols}, mc.compile([e])
        for sizes in SIZES:
            rng = np.random.default_rng(k)
            values = {n: drawn(symbols[n], sizes, rng) if n in symbols else sizes[n] for n in file.parameters(function)}
            (want,) = call(**{n: values[n] for n in call.names})
            data = ", ".join(written(a, as_row=n == "r") for n, a in values.items())
            lines += [
                f"addpath('{folder}'); clear f; got = f({data}); want = {written(want)}; rmpath('{folder}');",
                "if ~isequal(size(got), size(want)) || any(abs(got(:) - want(:)) > 1e-10 * (1 + abs(want(:))))",
                f"  printf('wrong: {shown} at m = {sizes['m']}, %s, not %s\\n', mat2str(size(got)), mat2str(size(want)));",
                "else", "  printf('right\\n');", "end",
            ]  # fmt: skip
            wanted += 1
    script = tmp_path / "script.m"
    script.write_text("\n".join(["1;", *lines]), encoding="utf-8")
    done = subprocess.run([OCTAVE, "--norc", "--quiet", str(script)], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    found = done.stdout.splitlines()
    assert [line for line in found if line != "right"] == [], done.stderr
    assert len(found) == wanted > 300, done.stderr
