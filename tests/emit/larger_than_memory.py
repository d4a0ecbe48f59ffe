"""A gradient over more rows than the memory that this process may use, run by test_dask.py; prints one line of JSON."""

import json
import resource
import sys

import dask
import dask.array as da
import numpy as np

import matcalc as mc

ROWS, COLUMNS, CHUNK, CAP = 1_500_000, 40, 50_000, 200 * 2**20  # 480 MB of rows; 200 MB to work in

X, w, b, y = mc.symbols("X[n,d] w[d] b y[n]")
f = mc.sum(mc.softplus(-mc.multiply(y, X @ w + b)))
outputs = [f, *mc.grad(f, [w, b]), mc.hessian(f, w)]


def in_use():
    """The private memory of this process, in bytes."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))


def main():
    dask.config.set(scheduler="synchronous")
    lazy = mc.compile(outputs, [X, w, b, y], backend="array_api")
    plain = mc.compile(outputs, [X, w, b, y])
    random = da.random.default_rng(0)
    rows = random.standard_normal((ROWS, COLUMNS), chunks=(CHUNK, COLUMNS))
    labels = da.where(rows[:, 0] + random.standard_normal(ROWS, chunks=CHUNK) > 0, 1.0, -1.0)
    weights = np.linspace(-1, 1, COLUMNS)
    plain(np.ones((2, COLUMNS)), weights, 0.1, np.ones(2))  # what libraries take once
    cap = in_use() + CAP
    resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))
    try:
        np.ones((ROWS, COLUMNS))
        sys.exit("the cap does not hold")
    except MemoryError:
        pass
    results = lazy(rows, da.from_array(weights), 0.1, labels)
    assert all(isinstance(r, da.Array) for r in results)  # nothing is computed yet
    got = dask.compute(*results)
    sums = [0.0, 0.0, 0.0, 0.0]  # the same by NumPy, one block of rows at a time
    for k in range(ROWS // CHUNK):
        block, sign = dask.compute(rows.blocks[k], labels.blocks[k])
        sums = [s + r for s, r in zip(sums, plain(block, weights, 0.1, sign), strict=True)]
    errors = [float(np.max(np.abs(g - s)) / np.max(np.abs(s))) for g, s in zip(got, sums, strict=True)]
    print(json.dumps({"errors": errors, "bytes": rows.nbytes, "cap": CAP}))


if __name__ == "__main__":
    main()
