"""A folder of TensorBoard event files as rows, read again and again while writers go on.

Rows are made as the official SDK makes them: values of one file that follow each other with the same step are one row,
with the step as `global_step`, and the file's folder below the root goes before their names.
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

STEP = "global_step"
_MARK = ".tfevents."
_MOST_FILES = 10_000
_READ_BYTES = 2**18
_HEAD_BYTES = 2**12
# What a folder is called that holds a part of a run, not a run: `logs/train`, `logs/validation`, `eval_0`.
_PART = re.compile(
    r"(?:train|training|val|valid|validation|dev|test|testing|eval|evaluation)(?:[_.-].*)?", re.IGNORECASE
)


@dataclass
class Row:
    """Values that were written for one step.

    Attributes:
        metrics: by name: numbers, texts, `event_file.Histogram`, lists of `event_file.Picture`; and `global_step`.
        wall_time: seconds since 1970, of the first of them.
        hparams: hyperparameters that stood there.
        file: where, relative to the folder that is read.
        through: up to which byte of it.
    """

    metrics: dict[str, Any]
    wall_time: float
    hparams: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    through: int = 0


class EventFolder:
    """Event files at or below a folder, which need not be there yet; or one event file.

    Args:
        root: the folder. The names of folders below it go before the names of values.
        read: bytes that were taken before of files in it, by their names relative to it, as rows have them.

    Attributes:
        damaged: of each file that could be read no further, why.
    """

    def __init__(self, root: Path, read: Mapping[str, int] | None = None) -> None:
        self.root = root
        self.damaged: dict[Path, str] = {}
        self._read = read or {}
        self._files: dict[Path, _EventFile] = {}

    def look(self, *, last: bool = False) -> Iterator[Row]:
        """The rows that are complete by now: a step is when another begins. The last time, all of them."""
        self._find()
        for path, file in self._files.items():
            yield from self._rows_of(path, file, last=last)

    def in_order(self) -> Iterator[Row]:
        """All rows, in the order in which they were written, as far as that is known."""
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
    """The folders at or below one that are a run each; an event file is one by itself.

    A folder with event files in it is a run, and what is below it belongs to it. So is one that holds nothing but
    parts of a run, such as `train` and `validation`.
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
    """The size of all event files at or below a folder: it is another one when something was written."""
    total = 0
    for path in _event_files(root):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def beginning(root: Path) -> bytes:
    """What tells the event files of a program from those of any other: how the first of them begins, with its time."""
    found = [(*_head(path), path.name) for path in _event_files(root)]
    _, head, name = min(found, default=(0.0, b"", ""))
    return name.encode("utf-8", "surrogateescape") + head


def _head(path: Path) -> tuple[float, bytes]:
    """When the first record of a file was written, and the record; infinity if there is none."""
    with contextlib.suppress(OSError, DamagedFile, BrokenMessage), path.open("rb") as file:
        for message, _ in event_file.records(file.read(_HEAD_BYTES)):
            return event_file.event(message).wall_time, message
    return math.inf, b""


def _event_files(root: Path) -> Iterator[Path]:
    """The event files below a folder, each folder's in their order, which is that of their time. No links."""
    if is_event_file(root) and root.is_file():
        yield root
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

    def __init__(self, path: Path, name: str, at: int = 0) -> None:
        self._path = path
        self._name = name
        self._prefix = name[: name.rfind("/") + 1]
        self._at = at
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
            self._open.through = self._at
            return
        yield from self.rest()
        self._step = event.step
        self._open = Row({**metrics, STEP: event.step}, event.wall_time, dict(event.hparams), self._name, self._at)
