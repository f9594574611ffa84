"""Writes runs as tables for other programs: CSV, JSON lines, Parquet.

A wide table has a line for each row and a column for each metric. A long one has a line for each value: run, metric,
step, time, value. Several runs go into one table, each line with its run's project and id. A file is written whole or
not at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from wandb_logging._fold.state import CLOCK
from wandb_logging._formats.whole import whole
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading import frames
from wandb_logging._reading.outline import config_of
from wandb_logging._reading.replay import told_of
from wandb_logging._values.plain import dumps

RUN = ("project", "run")
LONG = (*RUN, "metric", "step", "timestamp", "value")


def export(runs: Sequence[RunDir], target: Path | BinaryIO, form: str, *, long: bool = False) -> int:
    """Write runs to a file. Returns the number of lines.

    Args:
        runs: the runs, in the order in which they are written.
        target: a path, whose file is replaced as a whole; or a file open for bytes, which is written piece by piece.
        form: csv, jsonl or parquet.
        long: write a line for each value instead of a line for each row.

    Raises:
        JournalError: a run cannot be read.
        OSError: the file cannot be written.
        ImportError: the form is parquet, and pyarrow is not installed.
    """
    rows = _Rows(runs, long=long)
    if not isinstance(target, Path):
        return _WRITERS[form](rows, target)
    with whole(target) as path, path.open("wb") as file:
        return _WRITERS[form](rows, file)


def export_config(runs: Sequence[RunDir], target: Path) -> None:
    """Write identity and config of the runs, a JSON line for each.

    Raises:
        JournalError, OSError: as `export` raises them.
    """
    keys = ("id", "name", "project", "entity", "group", "job_type", "tags", "notes", "start")
    with whole(target) as path, path.open("wb") as file:
        for run in runs:
            info = run.info
            file.write(dumps({**{key: getattr(info, key) for key in keys}, "config": config_of(run)}) + b"\n")


class _Rows:
    """The lines of a table. Each iteration reads the runs again, so that they need not be held in memory."""

    def __init__(self, runs: Sequence[RunDir], *, long: bool) -> None:
        self._runs = runs
        self._long = long

    def __iter__(self) -> Iterator[frames.Flat]:
        for some in self.pieces():
            yield from map(frames.flat, some)

    def pieces(self) -> Iterator[list[Mapping[str, Any]]]:
        """The lines, some at a time. Values in them may be nested."""
        for run in self._runs:
            info = run.info
            named = {"project": info.project, "run": info.id}
            for told in told_of(run, info, frames.AT_ONCE):
                if self._long:
                    yield [value for row in told.rows for value in _values(named, frames.flat(row))]
                else:
                    yield [{**named, **row} for row in told.rows]

    def names(self) -> list[str]:
        """The names of the columns, in the order in which they first occur."""
        return list(LONG) if self._long else list(dict.fromkeys(name for row in self for name in row))


def _values(named: Mapping[str, Any], row: frames.Flat) -> Iterator[frames.Flat]:
    at = {"step": row.get("_step"), "timestamp": row.get("_timestamp")}
    for metric, value in row.items():
        if metric not in CLOCK:
            yield {**named, "metric": metric, **at, "value": value}


def _csv(rows: _Rows, file: BinaryIO) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.DictWriter(text, rows.names(), lineterminator="\n")
        writer.writeheader()
        count = 0
        for count, row in enumerate(rows, 1):  # noqa: B007  counted
            writer.writerow(row)
    finally:
        text.detach()  # else it would close the file it was given, perhaps stdout
    return count


def _jsonl(rows: _Rows, file: BinaryIO) -> int:
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007  counted
        file.write(dumps(row) + b"\n")
    return count


def _parquet(rows: _Rows, file: BinaryIO) -> int:
    table = frames.table_of(rows.pieces())
    repeating = [field.name for field in table.schema if str(field.type) != "double"]
    frames.needed("pyarrow.parquet").write_table(table, file, use_dictionary=repeating)  # of floats: longer and slower
    count: int = table.num_rows
    return count


_WRITERS: dict[str, Callable[[_Rows, BinaryIO], int]] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
FORMS = tuple(_WRITERS)
