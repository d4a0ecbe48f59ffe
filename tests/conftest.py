"""Options of the test suite; the examples of README.md and docs/ as tests: every Python block, and what it says it prints."""

import doctest
from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden/*.tex; review the diff")


class Examples:
    """A plugin, since the documents stand outside this folder."""

    pytest_collect_file = staticmethod(
        Sybil(
            parsers=[PythonCodeBlockParser(doctest_optionflags=doctest.NORMALIZE_WHITESPACE)],
            path=str(Path(__file__).resolve().parents[1]),
            patterns=["README.md", "docs/*.md"],
        ).pytest()
    )


def pytest_configure(config):
    config.pluginmanager.register(Examples(), "examples")
