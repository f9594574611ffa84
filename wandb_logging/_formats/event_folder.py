"""Reads rows from a folder of TensorBoard event files, also while writers still add to them.

Rows are made as the official SDK makes them: consecutive values of one file with the same step are one row, which has
the step as `global_step`. The path of the file's folder below the root is put before the names of the values.
"""

from __future__ import annotations

import contextlib
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._formats import event_file
from wandb_logging._formats.event_file import DamagedFile, Event
from wandb_logging._formats.event_paths import event_files, files_in, name_below
from wandb_logging._formats.protobuf import BrokenMessage

STEP = "global_step"
_OURS = (STEP, "_timestamp")  # what a row says of its step and time is not replaced by a value of that name
# Looks in a row that find the same damage: a page of a network's disk may come later than those behind it.
_MOST_DOUBTS = 3
_READ_BYTES = 2**18  # of one file at once, at most
_READ_BYTES_OF_ALL = 2**26  # of all files at once, where they are read side by side


@dataclass
class Row:
    """Values that were written for one step.

    Attributes:
        metrics: name -> a number, a text, an `event_file.Histogram`, an `event_file.Curve` or a list of
            `event_file.Picture`; also holds `global_step`.
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
        root: the folder. The names of folders below it are put before the names of values. None: only folders that
            `add` names.
        read: file -> byte up to which it was read before, as rows name them.
        since: seconds since 1970. Of files that are there already and that nobody has written or moved since then, only
            what is added is read.

    Attributes:
        root: the folder.
        damaged: file -> why it could be read no further.
    """

    def __init__(self, root: Path | None, read: Mapping[str, int] | None = None, since: float = 0.0) -> None:
        self.damaged: dict[Path, str] = {}
        self.root = root
        self._read = dict(read or {})
        self._alone: dict[Path, tuple[str, Mapping[str, int]]] = {}
        self._files: dict[Path, _EventFile] = {}
        self._doubts: Counter[Path] = Counter()
        if root is not None and since:  # now: a disk elsewhere may have another clock, and what comes later is not old
            for path in event_files(root):
                self._read.setdefault(name_below(root, path), _size_if_older(path, since))

    @property
    def read(self) -> dict[str, int]:
        """File, relative to the root -> byte up to which it was read."""
        return {file.name: file.at for file in self._files.values()}

    def add(self, folder: Path, prefix: str, read: Mapping[str, int]) -> None:
        """Read the event files in one more folder, and not those below it.

        Args:
            folder: the folder.
            prefix: what is put before the names of values: empty, or ending in a slash.
            read: name of a file in it -> byte from which on it is read.
        """
        self._alone[folder] = (prefix, read)

    def look(self, *, last: bool = False) -> Iterator[Row]:
        """The new rows that are complete: a row is when the next one begins. The last time also those still open."""
        self._find()
        for path, file in self._files.items():
            yield from self._rows_of(path, file, last=last)

    def in_order(self) -> Iterator[Row]:
        """All rows of all files, ordered by the time of writing as far as that is known."""
        self._find()
        for file in self._files.values():
            file.at_once = min(_READ_BYTES, _READ_BYTES_OF_ALL // len(self._files) + 1)
        each = [self._rows_of(path, file, last=True) for path, file in self._files.items()]
        return heapq.merge(*each, key=lambda row: row.wall_time)

    def _find(self) -> None:
        if self.root is not None:
            self._find_below(self.root)
        for folder, (prefix, known) in self._alone.items():
            for path in files_in(folder):
                if path not in self._files:
                    self._files[path] = _EventFile(path, prefix + path.name, known.get(path.name, 0))

    def _find_below(self, root: Path) -> None:
        for path in event_files(root):
            if path not in self._files:
                name = name_below(root, path)
                self._files[path] = _EventFile(path, name, self._read.get(name, 0))

    def _rows_of(self, path: Path, file: _EventFile, *, last: bool) -> Iterator[Row]:
        if path not in self.damaged:
            try:
                yield from file.read()
                del self._doubts[path]
            except (DamagedFile, BrokenMessage, OSError) as exc:
                self._doubts[path] += 1
                if last or self._doubts[path] >= _MOST_DOUBTS:
                    self.damaged[path] = str(exc)
        if last or path in self.damaged:
            yield from file.rest()


def _size_if_older(path: Path, since: float) -> int:
    """The size of a file that nobody has written or moved since then; 0 for all others."""
    with contextlib.suppress(OSError):
        stat = path.stat()
        return stat.st_size if stat.st_ctime < since else 0
    return 0


class _Plugins(dict[str, str]):
    """The plugin of each tag of a file.

    Where a file is read from its middle on, what stands before is looked through when a tag is first asked for.
    """

    def __init__(self, path: Path, before: int) -> None:
        super().__init__()
        self._path = path
        self._before = before

    def __missing__(self, tag: str) -> str:
        before, self._before = self._before, 0
        if before:
            said: defaultdict[str, str] = defaultdict(str)
            with contextlib.suppress(DamagedFile, BrokenMessage, OSError):
                for message, _ in _records(self._path, 0, before):
                    event_file.event(message, said)
            self.update({**said, **self})
        return dict.get(self, tag, "")


class _EventFile:
    """One event file, and how far it was read.

    Attributes:
        name: the file's name, behind that of its folder relative to what is read.
        at: the byte up to which it was read.
        at_once: how many bytes are read at once, if no record is longer.
    """

    def __init__(self, path: Path, name: str, at: int = 0) -> None:
        self.name = name
        self.at = at
        self.at_once = _READ_BYTES
        self._path = path
        self._prefix = name[: name.rfind("/") + 1]
        self._plugins = _Plugins(path, at)
        self._open: Row | None = None
        self._step: int | None = None

    def read(self) -> Iterator[Row]:
        """Read what was added. Gives the rows that are complete now."""
        if self._path.stat().st_size < self.at:  # another file has taken its place
            self.at, self._plugins = 0, _Plugins(self._path, 0)
        for message, through in _records(self._path, self.at, at_once=self.at_once):
            self.at = through
            yield from self._take(event_file.event(message, self._plugins))

    def rest(self) -> Iterator[Row]:
        """The row that is still open, if there is one."""
        row, self._open, self._step = self._open, None, None
        if row is not None:
            yield row

    def _take(self, event: Event) -> Iterator[Row]:
        if not (event.values or event.hparams):
            return
        named = ((self._prefix + tag, value) for tag, value in event.values.items())
        metrics = {name: value for name, value in named if name not in _OURS}
        if self._open is not None and self._step == event.step:
            self._open.metrics.update(metrics)
            self._open.hparams.update(event.hparams)
            self._open.through = self.at
            return
        yield from self.rest()
        self._step = event.step
        self._open = Row({**metrics, STEP: event.step}, event.wall_time, dict(event.hparams), self.name, self.at)


def _records(path: Path, at: int, until: float = math.inf, at_once: int = _READ_BYTES) -> Iterator[tuple[bytes, int]]:
    """The message of each whole record of a file from one byte to another, and where the next record begins."""
    wanted = at_once
    while at < until:
        with path.open("rb") as file:
            file.seek(at)
            data = file.read(wanted)
        begin = at
        for message, through in event_file.records(data):
            at = begin + through
            yield message, at
            if at >= until:
                return
        if len(data) < wanted:
            return
        wanted = at_once if at > begin else 2 * wanted  # for a record longer than `wanted`
