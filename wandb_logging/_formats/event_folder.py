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
from collections import Counter, defaultdict
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
_OURS = (STEP, "_timestamp")  # what a row says of its step and time is not replaced by a value of that name
_MARK = ".tfevents."
_NOT_EVENTS = (
    ".profile-empty",
    ".sagemaker-uploaded",
)  # endings of files that a profiler and SageMaker put beside them
_MOST_FILES = 10_000
_MOST_DOUBTS = (
    3  # looks in a row that find the same damage: a page of a network's disk may come later than those behind
)
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
            for path in _event_files(root):
                self._read.setdefault(_name_below(root, path), _size_if_older(path, since))

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
        for path in _event_files(root):
            if path not in self._files:
                name = _name_below(root, path)
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


def is_event_file(path: Path) -> bool:
    """Whether a path is an event file, by its name."""
    return _is_event_name(path.name) and not path.is_dir()


def _is_event_name(name: str) -> bool:
    return _MARK in name and not name.endswith(_NOT_EVENTS)


def _size_if_older(path: Path, since: float) -> int:
    """The size of a file that nobody has written or moved since then; 0 for all others."""
    with contextlib.suppress(OSError):
        stat = path.stat()
        return stat.st_size if stat.st_ctime < since else 0
    return 0


def files_in(folder: Path) -> list[Path]:
    """The event files in a folder, without links and folders below, ordered by name, which is by time."""
    with contextlib.suppress(OSError):
        return sorted(path for path in folder.iterdir() if is_event_file(path) and not path.is_symlink())
    return []


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
    """Bytes that identify the event files of a program: name and first record, with its time, of the earliest file.

    The name begins with the folders below the root: a part of a run, read by itself, names its values differently.
    """
    found = [(*_head(path), _name_below(root, path)) for path in _event_files(root)]
    _, head, name = min(found, default=(0.0, b"", ""))
    return name.encode("utf-8", "surrogateescape") + head


def _name_below(root: Path, path: Path) -> str:
    return path.name if path == root else path.relative_to(root).as_posix()


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
            if _is_event_name(name) and path.is_file() and not path.is_symlink():
                yield path
                found += 1
                if found >= _MOST_FILES:
                    return


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
    """

    def __init__(self, path: Path, name: str, at: int = 0) -> None:
        self.name = name
        self.at = at
        self._path = path
        self._prefix = name[: name.rfind("/") + 1]
        self._plugins = _Plugins(path, at)
        self._open: Row | None = None
        self._step: int | None = None

    def read(self) -> Iterator[Row]:
        """Read what was added. Gives the rows that are complete now."""
        if self._path.stat().st_size < self.at:  # another file has taken its place
            self.at, self._plugins = 0, _Plugins(self._path, 0)
        for message, through in _records(self._path, self.at):
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


def _records(path: Path, at: int, until: float = math.inf) -> Iterator[tuple[bytes, int]]:
    """The message of each whole record of a file from one byte to another, and where the next record begins."""
    wanted = _READ_BYTES
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
        wanted = _READ_BYTES if at > begin else 2 * wanted  # for a record longer than `wanted`
