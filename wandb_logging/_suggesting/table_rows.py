"""The rows of a table in a log: those that its rule would take, and what tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from wandb_logging._mining.tables import Table
from wandb_logging._mining.template import Found
from wandb_logging._mining.vocabulary import is_metric
from wandb_logging._suggesting.findings import Text
from wandb_logging._suggesting.header_lines import can_begin, header_of
from wandb_logging._suggesting.row_labels import RowLabels


class Rows(NamedTuple):
    """The rows of a table.

    Attributes:
        rows: each with the number of its line.
        lines: numbers of the table's lines.
        labels: the column whose texts tell the rows apart; None if there is none.
        tells: whether several of these texts are names of results.
    """

    rows: list[tuple[int, Found]]
    lines: set[int]
    labels: str | None
    tells: bool


def rows_of(table: Table, texts: Sequence[Text], taken: set[int]) -> Rows:
    state: dict[str, Any] = {}
    rows: list[tuple[int, Found]] = []
    lines: set[int] = set()
    labels = RowLabels()
    for i, (number, text) in enumerate(texts):
        if number in taken:
            continue
        found = table.find(text, state)
        if found is None:
            if "kinds" in state and text.strip() and len((header_of(text) or "").split()) > 1 and can_begin(texts, i):
                state.clear()
            continue
        lines.add(number)
        if found:
            rows.append((number, found))
            labels.note(text, state)
    label = labels.column()
    tells = label is not None and sum("/" not in text and is_metric(text) for text in labels.texts(label)) > 1
    return Rows(rows, lines, label, tells)
