"""How many examples of a rule a test tries."""

from __future__ import annotations

import hypothesis


def at_most(number: int) -> int:
    """So many, or fewer where fewer of each rule were asked for: `--hypothesis-profile=quick`."""
    return min(number, hypothesis.settings().max_examples)
