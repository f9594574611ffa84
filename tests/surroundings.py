"""The environment of programs that tests start."""

from __future__ import annotations

import os


def without(*prefixes: str) -> dict[str, str]:
    """This process's variables, but those whose names begin so: nothing of this machine's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
