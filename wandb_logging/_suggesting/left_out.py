"""The lines of a log that hold no metrics because of the lines around them."""

from __future__ import annotations

from collections.abc import Sequence

from wandb_logging._suggesting.chosen import chosen, listed
from wandb_logging._suggesting.code_lines import of_tests, quoted
from wandb_logging._suggesting.profiles import profiles


def left_out(texts: Sequence[tuple[int, str]]) -> set[int]:
    """The numbers of the lines of settings, of source code in tracebacks, of tests and of profiles."""
    return set().union(*(find(texts) for find in (chosen, listed, quoted, of_tests, profiles)))
