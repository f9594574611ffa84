"""What the environment says of the terminal, apart from settings of a run."""

from __future__ import annotations

import os


def takes_colour() -> bool:
    """Whether a terminal is to be given colours: NO_COLOR and TERM=dumb say no, and so does an old Windows console."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return os.name != "nt" or "WT_SESSION" in os.environ
