"""A folder of TensorBoard event files as rows, read again and again while writers go on.

Rows are made as the official SDK makes them: values of one file that follow each other with the same step are one row,
with the step as `global_step`, and the file's folder below the root goes before their names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb_logging._formats import event_file
from wandb_logging._formats.event_file import DamagedFile, Event
from wandb_logging._formats.protobuf import BrokenMessage

STEP = "global_step"
_MARK = ".tfevents."
_MOST_FILES = 10_000
_READ_BYTES = 2**22


@dataclass(frozen=True)
class Row:
    """Values that were written for one step.

    Attributes:
        metrics: by name: numbers, texts, `event_file.Histogram`, lists of `event_file.Picture`; and `global_step`.
        wall_time: seconds since 1970, of the first of them.
        hparams: hyperparameters that stood there.
    """

    metrics: dict[str, Any]
    wall_time: float
    hparams: dict[str, Any] = field(default_factory=dict)


class EventFolder:
    """Event files at or below a folder, which need not be there yet.

    Args:
        root: the folder. The names of folders below it go before the names of values.

    Attributes:
        damaged: of each file that could be read no further, why.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.damaged: dict[Path, str] = {}
        self._files: dict[Path, _EventFile] = {}

    def look(self, *, last: bool = False) -> Iterator[Row]:
        """The rows that are complete by now: a step is when another begins. The last time, all of them."""
        for path in _event_files(self.root):
            if path not in self._files:
                prefix = path.parent.relative_to(self.root).as_posix()
                self._files[path] = _EventFile(path, "" if prefix == "." else prefix + "/")
        for path, file in self._files.items():
            if path not in self.damaged:
                try:
                    yield from file.read()
                except (DamagedFile, BrokenMessage, OSError) as exc:
                    self.damaged[path] = str(exc)
            if last or path in self.damaged:
                yield from file.rest()


def has_event_files(folder: Path) -> bool:
    """Whether there is an event file at or below a folder."""
    return next(_event_files(folder), None) is not None


def _event_files(root: Path) -> Iterator[Path]:
    """The event files below a folder, each folder's in their order, which is that of their time. No links."""
    found = 0
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if _MARK in name and path.is_file() and not path.is_symlink():
                yield path
                found += 1
                if found >= _MOST_FILES:
                    return


class _EventFile:
    """One file, as far as it was read."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._at = 0
        self._open: Row | None = None
        self._step: int | None = None

    def read(self) -> Iterator[Row]:
        """The rows that what was added since completes."""
        wanted = _READ_BYTES
        while True:
            data = self._next(wanted)
            begin = self._at
            for message, through in event_file.records(data):
                self._at = begin + through
                yield from self._take(event_file.event(message))
            if len(data) < wanted:
                return
            wanted = _READ_BYTES if self._at > begin else 2 * wanted  # a record that is longer than that

    def rest(self) -> Iterator[Row]:
        """The row that was still open."""
        row, self._open, self._step = self._open, None, None
        if row is not None:
            yield row

    def _next(self, size: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(self._at)
            return file.read(size)

    def _take(self, event: Event) -> Iterator[Row]:
        if not (event.values or event.hparams):
            return
        metrics = {self._prefix + tag: value for tag, value in event.values.items()}
        if self._open is not None and self._step == event.step:
            self._open.metrics.update(metrics)
            self._open.hparams.update(event.hparams)
            return
        yield from self.rest()
        self._step = event.step
        self._open = Row({**metrics, STEP: event.step}, event.wall_time, dict(event.hparams))
