"""The page of the benchmark: a table of ratios and a plot, made from pytest-benchmark's times."""

import math
import platform
from importlib.metadata import version

COLUMNS = ("hand", "matcalc-numpy", "matcalc-jax", "matcalc-torch", "torch")
COLOURS = {"hand": "0.6", "matcalc-numpy": "C0", "matcalc-jax": "C1", "matcalc-torch": "C3"}
ELEMENTWISE = ("entrywise-waves", "entrywise-rational")

PAGE = """# How fast the code runs

Times of derivatives on one core of one machine ({machine}; {libraries}), made by
`python tests/benchmarks/run.py`, which also writes this page. Every row is checked first: all columns agree with JAX to 1e-7.

Numbers are **how many times faster than jitted JAX** (`jax.grad`, `jax.hessian`, `jax.jacrev`, `jax.vjp`), from the
medians of one run; JAX's own median stands beside them. "hand" is the best closed form that we could write in
NumPy and SciPy, "torch" is PyTorch's automatic differentiation (`torch.autograd.grad`, `torch.func`). The problems are in
`tests/benchmarks/problems.py`; an empty cell was not measured.

![Speed over jitted JAX, by problem](benchmarks.svg)

{summary}

## Large sizes

{large}

## Small sizes

Here the time is that of calls, not of arithmetic.

{small}

## What to make of it

- **Gradients**: reverse-mode differentiation does the same arithmetic as the closed form, so there is little to win, and
  dense networks, attention and plain regressions come out close to 1. What is won comes from symmetric and positive definite
  facts, from sums that are pushed through a solve, and from products that are ordered better.
- **Hessians and Jacobians**: from nothing to hundreds of times, where the closed form shows an identity, a Kronecker factor or
  a symmetric product that differentiation in numbers cannot see. Where the result is a large dense array
  (`product-jacobian`, `inverse-jacobian`) both are bound by writing it; a compiled operator is not.
- **Entry by entry**: NumPy loses to XLA, which fuses loops. Use `backend="jax"` there, or `torch.compile`.
- Compilation is left out of the times: jitting a derivative takes JAX 0.05 to 2 seconds, deriving one takes
  matcalc {derivation} (median over these problems).
"""


def write_page(benchmarks, folder):
    """Write ``benchmarks.md`` and ``benchmarks.svg``."""
    times, derivation = {}, []
    for b in benchmarks:
        info, median = b["extra_info"], b["stats"]["median"]
        if info["column"] == "derivation":
            derivation.append(median)
        else:
            times.setdefault((info["size"], info["problem"]), {"kind": info["kind"]})[info["column"]] = median
    page = PAGE.format(
        machine=f"{platform.system()}, {platform.machine()}",
        libraries=", ".join(f"{p} {version(p)}" for p in ("numpy", "scipy", "jax", "torch")),
        summary=summary(times),
        large=table(times, "large"),
        small=table(times, "small"),
        derivation=seconds(sorted(derivation)[len(derivation) // 2]) if derivation else "some milliseconds",
    )
    (folder / "benchmarks.md").write_text(page, encoding="utf-8")
    plot(times, folder / "benchmarks.svg")


def ratio(row, column):
    return row["jax"] / row[column] if column in row and "jax" in row else None


def table(times, size):
    """One row a problem, by kind."""
    lines = ["| problem | jax | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * (len(COLUMNS) + 1)]
    for (which, problem), row in times.items():
        if which == size:
            cells = [shown(ratio(row, c)) for c in COLUMNS]
            lines.append(f"| {problem} | {seconds(row.get('jax'))} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(times):
    """Geometric means by size and kind."""
    lines = ["| geometric means | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for size in ("large", "small"):
        for title, kinds in (("first order", ("grad", "vjp", "hvp")), ("Hessians, Jacobians", ("hessian", "jacobian"))):
            of_size = [(name, r) for (s, name), r in times.items() if s == size and name not in ELEMENTWISE]
            rows = [r for _, r in of_size if r["kind"] in kinds]
            cells = [shown(geometric_mean([x for r in rows if (x := ratio(r, c)) is not None])) for c in COLUMNS]
            lines.append(f"| {size}, {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def shown(x):
    if x is None:
        return ""
    return f"{x:.2f}" if x < 10 else f"{x:.0f}"


def seconds(t):
    if t is None:
        return ""
    for unit, scale in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if t >= scale:
            return f"{t / scale:.3g} {unit}"
    return f"{t / 1e-9:.3g} ns"


def plot(times, path):
    """A bar for every problem at its large size, on a logarithmic scale: longer is faster."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "matcalc"
    from matplotlib import pyplot

    rows = [(name, row) for (size, name), row in times.items() if size == "large" and "jax" in row]
    figure, axes = pyplot.subplots(figsize=(8, 0.34 * len(rows) + 1))
    for place, (_, row) in enumerate(rows):
        for k, (column, colour) in enumerate(COLOURS.items()):
            if (value := ratio(row, column)) is not None:
                axes.plot(
                    value, place + 0.12 * (k - 1.5), "o", color=colour, markersize=5, label=column if place == 0 else None
                )
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", which="both", alpha=0.3)
    axes.set_xlabel("times faster than jitted JAX")
    axes.legend(loc="lower right")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
