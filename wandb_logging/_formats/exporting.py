"""Runs written as tables for other programs: CSV, JSON lines, Parquet.

Wide has a line a row and a column a metric; long has a line a value: run, metric, step, time, value. Several runs go
into one table, each line with its run's project and id. A file is there whole or not at all.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading import frames
from wandb_logging._reading.read import config_of
from wandb_logging._reading.replay import rows_of
from wandb_logging._values.plain import dumps

RUN = ("project", "run")
LONG = (*RUN, "metric", "step", "timestamp", "value")
_CLOCK = frozenset({"_step", "_timestamp", "_runtime"})


def export(runs: Sequence[RunDir], target: Path, form: str, *, long: bool = False) -> int:
    """Write runs to a file; how many lines it has.

    Args:
        runs: in the order in which they come.
        target: the file, replaced if it is there.
        form: csv, jsonl or parquet.
        long: a line a value instead of a line a row.

    Raises:
        JournalError: of a run that cannot be read.
        OSError: the file cannot be written.
        ImportError: Parquet, without pyarrow.
    """
    rows = _Rows(runs, long=long)
    with _whole(target) as path:
        return _WRITERS[form](rows, path)


def export_config(runs: Sequence[RunDir], target: Path) -> None:
    """Write who the runs are and what they were set to: a JSON line each.

    Raises:
        JournalError, OSError: as `export`.
    """
    keys = ("id", "name", "project", "entity", "group", "job_type", "tags", "notes", "start")
    with _whole(target) as path, path.open("wb") as file:
        for run in runs:
            info = run.info
            file.write(dumps({**{key: info.get(key) for key in keys}, "config": config_of(run)}) + b"\n")


class _Rows:
    """The lines of a table; each look reads the runs again, so that memory does not hold them."""

    def __init__(self, runs: Sequence[RunDir], *, long: bool) -> None:
        self._runs = runs
        self._long = long

    def __iter__(self) -> Iterator[frames.Flat]:
        for run in self._runs:
            info = run.info
            named = {"project": info["project"], "run": info["id"]}
            rows = map(frames.flat, rows_of(run))
            if self._long:
                for row in rows:
                    yield from _values(named, row)
            else:
                yield from ({**named, **row} for row in rows)

    def names(self) -> list[str]:
        """The columns, in the order in which they came."""
        return list(LONG) if self._long else list(dict.fromkeys(name for row in self for name in row))


def _values(named: Mapping[str, Any], row: frames.Flat) -> Iterator[frames.Flat]:
    at = {"step": row.get("_step"), "timestamp": row.get("_timestamp")}
    for metric, value in row.items():
        if metric not in _CLOCK:
            yield {**named, "metric": metric, **at, "value": value}


def _csv(rows: _Rows, path: Path) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        return _into_csv(rows, file)


def _into_csv(rows: _Rows, file: TextIO) -> int:
    writer = csv.DictWriter(file, rows.names(), lineterminator="\n")
    writer.writeheader()
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007  counted
        writer.writerow(row)
    return count


def _jsonl(rows: _Rows, path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        for count, row in enumerate(rows, 1):  # noqa: B007  counted
            file.write(dumps(row) + b"\n")
    return count


def _parquet(rows: _Rows, path: Path) -> int:
    table = frames.table_of(rows)
    frames.needed("pyarrow.parquet").write_table(table, path)
    count: int = table.num_rows
    return count


_WRITERS: dict[str, Callable[[_Rows, Path], int]] = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
FORMS = tuple(_WRITERS)


class _whole:  # noqa: N801  used as a function
    """A path beside the target, which takes the target's place if all went well."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> Path:
        handle, name = tempfile.mkstemp(prefix=f".{self._target.name}.", dir=self._target.parent)
        os.close(handle)
        self._path = Path(name)
        return self._path

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            umask = os.umask(0)
            os.umask(umask)
            self._path.chmod(0o666 & ~umask)  # as a file that is opened has it, not as a secret
            self._path.replace(self._target)
        else:
            self._path.unlink(missing_ok=True)
