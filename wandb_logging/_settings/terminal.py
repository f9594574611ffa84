"""Reads from the environment whether a terminal takes colours."""

from __future__ import annotations

import os


def takes_colour() -> bool:
    """Whether to use colours: not with NO_COLOR or TERM=dumb, nor on an old Windows console."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return os.name != "nt" or "WT_SESSION" in os.environ
