"""The forms in which numbers stand in a log, besides lines with names of their own: what looks for each, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wandb_logging._suggesting.block_search import blocks, boxes
from wandb_logging._suggesting.findings import Finding, Text
from wandb_logging._suggesting.object_search import json_lines, key_values, spread_objects
from wandb_logging._suggesting.report_search import counters, exposition, paths, percentiles
from wandb_logging._suggesting.stacked_search import stacked_tables
from wandb_logging._suggesting.table_search import table_findings
from wandb_logging._suggesting.titled_numbers import titled_numbers
from wandb_logging._suggesting.value_first import value_first

# Ordered from the surest form to the least sure one.
_ALL: tuple[Callable[[Sequence[Text]], list[Finding]], ...] = (
    exposition, paths, counters, boxes, blocks, json_lines, spread_objects, key_values, percentiles, value_first,
    stacked_tables, table_findings, titled_numbers,
)  # fmt: skip


def find_structures(texts: Sequence[Text]) -> list[Finding]:
    """What is found in a log by its form. Each line is one finding's: of the surest form that takes it."""
    found: list[Finding] = []
    taken: set[int] = set()
    for look in _ALL:
        more = look([text for text in texts if text[0] not in taken])
        found += more
        taken.update(*(finding.lines for finding in more))
    return found
