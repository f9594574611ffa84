"""Random ids of runs."""

from __future__ import annotations

import random
import string

_ALPHABET = string.ascii_lowercase + string.digits


def new_id() -> str:
    """An id for a run: 8 characters of a-z and 0-9, whatever the program seeds its random numbers with."""
    return "".join(random.SystemRandom().choices(_ALPHABET, k=8))
