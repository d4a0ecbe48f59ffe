"""A share of many cases that always runs; the others run with ``-m slow``."""

import zlib

import pytest


def drawn(key, every):
    """Whether a case is the one in so many that always runs, by its name."""
    return zlib.crc32(str(key).encode()) % every == 0


def compiled_ones_apart(keys, libraries, every, compiled=("jax",)):
    """Every key with every library, of which those that compile each program take one key in so many by default."""
    cases = []
    for key in keys:
        for library in libraries:
            plain = library if isinstance(library, str) else library.values[0]
            marks = () if isinstance(library, str) else library.marks
            if plain in compiled and not drawn(key, every):
                marks = pytest.mark.slow
            cases.append(pytest.param(key, plain, marks=marks, id=f"{key}-{plain}"))
    return cases
