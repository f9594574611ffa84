"""Random ids of runs."""

from __future__ import annotations

import os
import string

_ALPHABET = string.ascii_lowercase + string.digits
_LENGTH = 8


def new_id() -> str:
    """An id for a run: 8 characters of a-z and 0-9, whatever the program seeds its random numbers with."""
    number = int.from_bytes(os.urandom(16), "big")
    return "".join(_ALPHABET[number // len(_ALPHABET) ** at % len(_ALPHABET)] for at in range(_LENGTH))
