"""Asks KaTeX, in its strict mode, whether it accepts LaTeX; skips the test where Node or KaTeX cannot be had."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "katex"


def rejected(formulas: Sequence[str]) -> list[tuple[str, str]]:
    """The formulas that KaTeX rejects, each with its message."""
    why_not = _install()
    if why_not:
        pytest.skip(why_not)
    done = subprocess.run(
        ["node", "check.mjs"], cwd=FOLDER, input=json.dumps(list(formulas)), capture_output=True, encoding="utf-8", check=True
    )
    return [(r["latex"], r["error"]) for r in json.loads(done.stdout)]


@lru_cache(maxsize=1)
def _install() -> str:
    """Install KaTeX beside the script, once; the answer says why that is not possible, or is empty."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "the KaTeX check needs Node and npm"
    if (FOLDER / "node_modules" / "katex").exists():
        return ""
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "the KaTeX check could not install KaTeX: npm install took more than 120 s"
    return "" if done.returncode == 0 else f"the KaTeX check could not install KaTeX: {done.stderr.strip()[:200]}"
