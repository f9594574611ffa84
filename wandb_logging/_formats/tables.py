"""Writes runs as tables for other programs: CSV, JSON lines, Parquet.

A wide table has a line for each row and a column for each metric. A long one has a line for each value: run, metric,
step, time, value. Several runs go into one table, each line with its run's project and id. A file is written whole or
not at all.
"""

from __future__ import annotations

import contextlib
import csv
import gc
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import BinaryIO, NoReturn

from wandb_logging._errors import JournalError
from wandb_logging._fold.state import CLOCK
from wandb_logging._fold.told import History
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.whole import whole
from wandb_logging._reading import frames
from wandb_logging._reading.outline import config_of
from wandb_logging._reading.replay import told_of
from wandb_logging._values.plain import dumps
from wandb_logging._values.utf8 import with_utf8

RUN = ("project", "run")
LONG = (*RUN, "metric", "step", "timestamp", "value")
_KINDS = {  # of the columns that a table has without a line, too
    **dict.fromkeys((*RUN, "metric"), "string"),
    **dict.fromkeys(("step", "_step"), "int64"),
    **dict.fromkeys(("timestamp", "value", "_timestamp", "_runtime"), "double"),
}
_EMPTY = (*RUN, "_step", "_timestamp", "_runtime")


Unread = Callable[[RunDir, Exception], object]
"""Is told of each run that cannot be read, and why, whenever it is come to; raises if that is an error."""


Damaged = Callable[[RunDir, int], object]
"""Is told of each run some lines of which cannot be read, and how many."""


def _untold(_run_dir: RunDir, _lines: int) -> None:
    pass


def _stop(_run_dir: RunDir, exc: Exception) -> NoReturn:
    raise exc


def export(
    runs: Sequence[RunDir],
    target: Path | BinaryIO,
    form: str,
    *,
    long: bool = False,
    unread: Unread = _stop,
    damaged: Damaged = _untold,
) -> int:
    """Write runs to a file. Returns the number of lines.

    Args:
        runs: the runs, in the order in which they are written.
        target: a path, whose file is replaced as a whole; or a file open for bytes, which is written piece by piece.
        form: csv, jsonl or parquet.
        long: write a line for each value instead of a line for each row.
        unread: is told of a run that cannot be read. What was read of it until then is written, and the others.
        damaged: is told, in the end, of each run of which the rows of some lines are missing.

    Raises:
        JournalError: a run cannot be read, if `unread` raises it; or none of several can be.
        OSError: the file cannot be written.
        ImportError: the form is parquet, and pyarrow is not installed.
    """
    rows = _Rows(runs, unread, long=long)
    with contextlib.ExitStack() as stack:
        if gc.isenabled():  # reading makes no reference cycles, and looking for them would take a tenth of the time
            gc.disable()
            stack.callback(gc.enable)
        if isinstance(target, Path):
            target = stack.enter_context(stack.enter_context(whole(target)).open("wb"))
        count = _WRITERS[form](rows, target)
        if not rows.read:
            raise JournalError("no run there can be read")
        for run in runs:
            if lines := rows.damaged[run.path]:
                damaged(run, lines)
        return count


def export_config(runs: Sequence[RunDir], target: Path, unread: Unread) -> None:
    """Write identity and config of the runs, a JSON line for each.

    Args:
        runs: the runs.
        target: the file, which is replaced as a whole.
        unread: is told of a run that cannot be read. It is left out.

    Raises:
        JournalError, OSError: as `export` raises them.
    """
    keys = ("id", "name", "project", "entity", "group", "job_type", "tags", "notes", "start")
    with whole(target) as path, path.open("wb") as file:
        for run in runs:
            try:
                info, config = run.info, config_of(run)
            except (JournalError, OSError) as exc:
                unread(run, exc)
                continue
            file.write(dumps({**{key: getattr(info, key) for key in keys}, "config": config}) + b"\n")


class _Rows:
    """The lines of a table. Each iteration reads the runs again, so that they need not be held in memory.

    Attributes:
        read: number of runs that the latest iteration has read to their ends.
        damaged: number of lines that it could not read, by run directory.
    """

    def __init__(self, runs: Sequence[RunDir], unread: Unread, *, long: bool) -> None:
        self.read = 0
        self.damaged: Counter[Path] = Counter()
        self._runs = runs
        self._unread = unread
        self._make = _long if long else _wide

    def __iter__(self) -> Iterator[frames.Flat]:
        for named, history in self._pieces():
            if self._make is _wide:
                yield from ({**named, **frames.flat(row)} for row in history.rows)
            else:
                columns = _long(named, history)
                yield from (dict(zip(columns, values)) for values in zip(*columns.values()))

    def columns(self) -> Iterator[frames.Columns]:
        """The lines as columns, some lines at a time."""
        return (self._make(named, history) for named, history in self._pieces())

    def names(self) -> list[str]:
        """The names of the columns, in the order in which they first occur. There are some without a line, too."""
        return list(
            self.least if self._make is _long else dict.fromkeys(chain.from_iterable(self.columns())) or self.least
        )

    @property
    def least(self) -> tuple[str, ...]:
        """The columns of a table without a line, so that readers do not take it for a file that is none."""
        return LONG if self._make is _long else _EMPTY

    def _pieces(self) -> Iterator[tuple[dict[str, str], History]]:
        """The rows, some at a time, with project and id of their run."""
        self.read = 0
        self.damaged.clear()
        for run in self._runs:
            try:
                info = run.info
                named = dict(zip(RUN, map(with_utf8, (info.project, info.id))))
                for told in told_of(run, info, partial(self._count, run)):
                    if told.history.steps:
                        yield named, told.history
                self.read += 1
            except (JournalError, OSError) as exc:
                self._unread(run, exc)

    def _count(self, run: RunDir, lines: int) -> None:
        self.damaged[run.path] += lines


def _wide(named: Mapping[str, str], history: History) -> frames.Columns:
    rows, columns = history.metrics, frames.flat_columns(history.metrics, history.clock)
    first: frames.Columns = {name: [value] * len(rows) for name, value in named.items()}
    for name in first.keys() & columns.keys():  # where a row has a metric of this name, that counts
        first[name] = [row.get(name, named[name]) for row in map(frames.flat, rows)]
    return {**first, **columns, **first}


def _long(named: Mapping[str, str], history: History) -> frames.Columns:
    lines = [
        (*named.values(), metric, step, time, value)
        for row, step, time in zip(map(frames.flat, history.metrics), history.steps, history.times)
        for metric, value in row.items()
        if metric not in CLOCK
    ]
    return dict(zip(LONG, zip(*lines)) if lines else ((name, ()) for name in LONG))


def _csv(rows: _Rows, file: BinaryIO) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        writer, names = csv.writer(text, lineterminator="\n"), rows.names()
        writer.writerow(names)
        count = 0
        for columns in rows.columns():
            lines = [*zip(*(columns.get(name, repeat(None)) for name in names))]
            writer.writerows(lines)
            count += len(lines)
    finally:
        text.detach()  # else it would close the file it was given, perhaps stdout
    return count


def _jsonl(rows: _Rows, file: BinaryIO) -> int:
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007  counted
        file.write(dumps(row) + b"\n")
    return count


def _parquet(rows: _Rows, file: BinaryIO) -> int:
    table = frames.table_of(rows.columns())
    if not table.num_columns:
        pa = frames.needed("pyarrow")
        table = pa.table({name: pa.array([], _KINDS[name]) for name in rows.least})
    repeating = [field.name for field in table.schema if str(field.type) != "double"]
    frames.needed("pyarrow.parquet").write_table(table, file, use_dictionary=repeating)  # of floats: longer and slower
    count: int = table.num_rows
    return count


_WRITERS: dict[str, Callable[[_Rows, BinaryIO], int]] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
FORMS = tuple(_WRITERS)
