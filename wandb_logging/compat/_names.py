"""The names of the official SDK's modules that are not covered here. Their file is read on first use.

Importing such a name gives a placeholder. Using the placeholder raises an error that names what is not covered.
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
