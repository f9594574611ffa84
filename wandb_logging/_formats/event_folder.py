"""Reads rows from a folder of TensorBoard event files, also while writers still add to them.

Rows are made as the official SDK makes them: consecutive values of one file with the same step are one row, which has
the step as `global_step`. The path of the file's folder below the root is put before the names of the values.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._formats import event_file
from wandb_logging._formats.event_file import DamagedFile, Event
from wandb_logging._formats.protobuf import BrokenMessage
from wandb_logging._journal.cache_folder import is_run_dir

STEP = "global_step"
_MARK = ".tfevents."
_MOST_FILES = 10_000
_READ_BYTES = 2**18
_HEAD_BYTES = 2**12
# Names of folders that hold a part of a run instead of a run: `logs/train`, `logs/validation`, `eval_0`.
_PART = re.compile(
    r"(?:train|training|val|valid|validation|dev|test|testing|eval|evaluation)(?:[_.-].*)?", re.IGNORECASE
)


@dataclass
class Row:
    """Values that were written for one step.

    Attributes:
        metrics: name -> a number, a text, an `event_file.Histogram` or a list of `event_file.Picture`; also holds
            `global_step`.
        wall_time: time of the first value, seconds since 1970.
        hparams: hyperparameters that came with the values.
        file: the file, relative to the folder that is read.
        through: the byte of the file up to which was read.
    """

    metrics: dict[str, Any]
    wall_time: float
    hparams: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    through: int = 0


class EventFolder:
    """The event files at or below a folder, which need not exist yet; or one event file.

    Args:
        root: the folder. The names of folders below it are put before the names of values.
        read: file -> byte up to which it was read before, as rows name them.

    Attributes:
        damaged: file -> why it could be read no further.
    """

    def __init__(self, root: Path, read: Mapping[str, int] | None = None) -> None:
        self.root = root
        self.damaged: dict[Path, str] = {}
        self._read = read or {}
        self._files: dict[Path, _EventFile] = {}

    def look(self, *, last: bool = False) -> Iterator[Row]:
        """The new rows that are complete: a row is when the next one begins. The last time also those still open."""
        self._find()
        for path, file in self._files.items():
            yield from self._rows_of(path, file, last=last)

    def in_order(self) -> Iterator[Row]:
        """All rows of all files, ordered by the time of writing as far as that is known."""
        self._find()
        each = [self._rows_of(path, file, last=True) for path, file in self._files.items()]
        return heapq.merge(*each, key=lambda row: row.wall_time)

    def _find(self) -> None:
        for path in _event_files(self.root):
            if path not in self._files:
                name = path.name if path == self.root else path.relative_to(self.root).as_posix()
                self._files[path] = _EventFile(path, name, self._read.get(name, 0))

    def _rows_of(self, path: Path, file: _EventFile, *, last: bool) -> Iterator[Row]:
        if path not in self.damaged:
            try:
                yield from file.read()
            except (DamagedFile, BrokenMessage, OSError) as exc:
                self.damaged[path] = str(exc)
        if last or path in self.damaged:
            yield from file.rest()


def is_event_file(path: Path) -> bool:
    """Whether a path is an event file, by its name."""
    return _MARK in path.name and not path.is_dir()


def has_event_files(folder: Path) -> bool:
    """Whether there is an event file at or below a folder."""
    return next(_event_files(folder), None) is not None


def run_folders(root: Path) -> list[Path]:
    """The folders at or below `root` that are a run each. If `root` is an event file, that is the run.

    A folder with event files in it is a run, and everything below it belongs to that run. A folder that holds nothing
    but parts of a run, such as `train` and `validation`, is a run, too.
    """
    if root.is_file():
        return [root] if is_event_file(root) else []
    holding = {path.parent for path in _event_files(root)}
    above = {folder for path in holding for folder in (path, *path.parents)}
    return list(_runs_in(root, holding, above))


def _runs_in(folder: Path, holding: set[Path], above: set[Path]) -> Iterator[Path]:
    inner = sorted(path for path in above if path.parent == folder and path != folder)
    if folder in holding or (inner and all(_PART.fullmatch(path.name) for path in inner)):
        yield folder
    else:
        for path in inner:
            yield from _runs_in(path, holding, above)


def event_bytes(root: Path) -> int:
    """The size in bytes of all event files at or below a folder. It changes when something is written."""
    total = 0
    for path in _event_files(root):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def beginning(root: Path) -> bytes:
    """Bytes that identify the event files of a program: name and first record, with its time, of the earliest file."""
    found = [(*_head(path), path.name) for path in _event_files(root)]
    _, head, name = min(found, default=(0.0, b"", ""))
    return name.encode("utf-8", "surrogateescape") + head


def _head(path: Path) -> tuple[float, bytes]:
    """The time of the first record of a file, and the record; infinity and no bytes if there is none."""
    with contextlib.suppress(OSError, DamagedFile, BrokenMessage), path.open("rb") as file:
        for message, _ in event_file.records(file.read(_HEAD_BYTES)):
            return event_file.event(message).wall_time, message
    return math.inf, b""


def _event_files(root: Path) -> Iterator[Path]:
    """The event files at or below a path, without links. In a folder they are ordered by name, which is by time.

    Those in a run directory below it are left out: they are the copies that a run keeps of the files it has read.
    """
    if is_event_file(root) and root.is_file():
        yield root
    found = 0
    for folder, folders, names in os.walk(root):
        folders.sort()
        if Path(folder) != root and is_run_dir(folder):
            folders.clear()
            continue
        for name in sorted(names):
            path = Path(folder, name)
            if _MARK in name and path.is_file() and not path.is_symlink():
                yield path
                found += 1
                if found >= _MOST_FILES:
                    return


class _EventFile:
    """One event file, and how far it was read."""

    def __init__(self, path: Path, name: str, at: int = 0) -> None:
        self._path = path
        self._name = name
        self._prefix = name[: name.rfind("/") + 1]
        self._at = at
        self._open: Row | None = None
        self._step: int | None = None

    def read(self) -> Iterator[Row]:
        """Read what was added. Gives the rows that are complete now."""
        wanted = _READ_BYTES
        while True:
            data = self._next(wanted)
            begin = self._at
            for message, through in event_file.records(data):
                self._at = begin + through
                yield from self._take(event_file.event(message))
            if len(data) < wanted:
                return
            wanted = _READ_BYTES if self._at > begin else 2 * wanted  # for a record longer than `wanted`

    def rest(self) -> Iterator[Row]:
        """The row that is still open, if there is one."""
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
            self._open.through = self._at
            return
        yield from self.rest()
        self._step = event.step
        self._open = Row({**metrics, STEP: event.step}, event.wall_time, dict(event.hparams), self._name, self._at)
