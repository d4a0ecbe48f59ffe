"""The JAX code with samples sharded over eight devices: the same results, and the samples are never gathered."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("sharded_gradients.py")
NAMES = [
    "least squares", "logistic", "logistic hessian", "logistic hvp", "softmax", "softmax by jax.grad", "gaussian mean", "net",
    "moments",
]  # fmt: skip


@pytest.fixture(scope="module")
def reports():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu"}
    root = str(SCRIPT.parents[2])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, **flags, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, str(SCRIPT)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {r["name"]: r for r in found}


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_stay_where_they_are(reports, name):
    r = reports[name]
    assert r["devices"] == 8
    assert r["error"] < 1e-12
    assert r["collectives"] == ["all-reduce"]  # sums over the samples, and nothing else
    assert not r["gathered"]  # no array of the program is as long as all samples
    assert r["replicated"]


def test_the_check_sees_a_gather(reports):
    r = reports["needs all samples"]
    assert r["error"] < 1e-12
    assert r["gathered"]
    assert "all-gather" in r["collectives"]
