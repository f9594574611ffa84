"""The names of the official SDK's modules that have no home here. They are in a file, read when one is asked for.

Whoever imports such a name gets a placeholder, and who uses that is told what is not covered, by its name.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).with_name("names.txt")


@functools.cache
def refused_in() -> Mapping[str, frozenset[str]]:
    """Module -> the names in it. `python -m tests.contract.names --write` makes the file from the installed SDK."""
    lines = (line.partition(":") for line in FILE.read_text(encoding="utf-8").splitlines())
    return {module: frozenset(names.split()) for module, _, names in lines}
