"""Time the derivatives of every problem, and write docs/benchmarks.md with its table and plot.

    python tests/benchmarks/run.py [--keep FILE] [pytest's own options, such as -k logistic]

One thread on one core, all columns in one process; the clock is the CPU time of the process. Needs the ``test`` extra and
matplotlib.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", help="where to keep the times as JSON")
    parser.add_argument("--from", dest="known", help="write the page from times that were kept")
    options, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        times = Path(options.known or options.keep or Path(folder, "times.json"))
        if not options.known:
            measure(times, rest)
        from report import write_page

        write_page(json.loads(times.read_text())["benchmarks"], HERE.parents[1] / "docs")


def measure(times, rest):
    """Run the benchmarks on one core; pytest-benchmark writes the times."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-m", "slow or not slow", str(HERE / "test_speed.py")]
    command += ["--benchmark-json", str(times), "--benchmark-timer=time.process_time", "--benchmark-max-time=0.2"]
    command += ["--benchmark-min-rounds=3", "--benchmark-warmup=on", "--benchmark-warmup-iterations=1"]
    command += ["--benchmark-disable-gc", "--benchmark-columns=median,iqr,rounds", *rest]
    subprocess.run(command, check=True, cwd=HERE.parents[1], env={**os.environ, **ONE_THREAD})


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
