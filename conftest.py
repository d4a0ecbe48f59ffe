"""The examples of README.md and docs/ run as tests: every Python block, and what it says it prints."""

import doctest

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=doctest.NORMALIZE_WHITESPACE)],
    patterns=["README.md", "docs/*.md"],
).pytest()
