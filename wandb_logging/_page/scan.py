"""Looks at runs without reading them whole: which there are, the state of each, some rows from all over a long one."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Container, Iterator, Mapping
from dataclasses import field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import JournalError
from wandb_logging._events.event import Event, event_of, exit_code_after, is_time
from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold.state import without_ours
from wandb_logging._journal import safe_files
from wandb_logging._journal.access_errors import words_of
from wandb_logging._journal.cache_folder import walk_folders
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.position import START, Position, places
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.segments import among, segment_name, segment_path, segments
from wandb_logging._reading.replay import beginning
from wandb_logging._values.nested import leaves
from wandb_logging._values.plain import as_float, loads

MOST_RUNS = 5000  # most runs that the page shows
_TAIL = 16_384  # bytes of a journal in which the latest values are looked for
_LOOK = 8192  # bytes read first at each place
_LONGEST = 2**20  # most bytes read at a place: a longer line is left out
_LAST_LOOK = 2**16  # bytes read at the end
_FEW = 16  # number of places that are looked at first
_PATIENCE = 2.0  # most seconds that all places may be expected to take
_CURSORS = frozenset({"cursor.json", "base.json"})
_LATEST = 6  # number of last lines that are looked at whatever they hold
_NUMBERS = frozenset({int, float})
# Whatever is wrong with a run, the others are shown.
_UNREADABLE = (JournalError, OSError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
_TEXTS = ("id", "project", "entity", "name", "group", "job_type", "notes", "program", "host_name", "mode")


@dataclass(frozen=True)
class Card:
    """What the list shows of a run.

    Attributes:
        path: the run directory.
        info: the members of run.json that the page shows; {} if it cannot be read.
        config: the config in run.json.
        alive: whether a process may still add to the run.
        exit_code: how the run ended; None if that is not known.
        last: numbers by metric from the rows at the end of the journal.
        unsent: whether there are lines that the server has not acknowledged.
        error: why the run cannot be shown; empty if it can.
        looked: whether more than run.json was read. If not, only `path`, `info`, `config` and `error` are known.
    """

    path: Path
    info: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    alive: bool = False
    exit_code: int | None = None
    last: dict[str, float] = field(default_factory=dict)
    unsent: bool = True
    error: str = ""
    looked: bool = True

    @property
    def state(self) -> str:
        """State of the run: running, finished or crashed; "unreadable" if that cannot be found out, "unread" before."""
        if self.error:
            return "unreadable"
        if not self.looked:
            return "unread"
        if self.alive and self.exit_code is None:
            return "running"
        return "finished" if self.exit_code == 0 else "crashed"


def run_folders(root: Path, known: Container[str] = ()) -> Iterator[str]:
    """The run directories at or below a path, but not more than the page shows; also those without run.json.

    Args:
        root: where to look.
        known: as in `walk_folders`.
    """
    return islice(walk_folders(root, lost=True, known=known), MOST_RUNS)


def first_card(run_dir: RunDir) -> Card:
    """What run.json alone says of a run: enough for a list of a thousand, a third of the work."""
    try:
        return Card(run_dir.path, **_told(run_dir.info), looked=False)
    except _UNREADABLE as exc:
        return Card(run_dir.path, error=words_of(exc))


def card(run_dir: RunDir) -> Card:
    """What can be said of a run without reading all of it."""
    try:
        info = run_dir.info
        alive = run_dir.alive()
        names = os.listdir(run_dir.path)  # noqa: PTH208  a Path for each
        cursor = run_dir.cursor if _CURSORS.intersection(names) else Cursor()
        newest = dict(among(names))
        saved = cursor.exit
        told, last = _at_the_end(run_dir, newest)
        return Card(
            path=run_dir.path,
            **_told(info),
            alive=alive,
            exit_code=saved if told is None else told,
            last=last,
            unsent=not _all_sent(run_dir, cursor, newest),
        )
    except _UNREADABLE as exc:
        return Card(run_dir.path, error=words_of(exc))


def _told(info: RunInfo) -> dict[str, Any]:
    texts = {name: getattr(info, name) for name in _TEXTS if getattr(info, name)}
    return {"info": {**texts, "tags": info.tags, "start": float(info.start)}, "config": without_ours(info.config)}


def _all_sent(run_dir: RunDir, cursor: Cursor, newest: Mapping[int, int]) -> bool:
    return cursor.complete and all(
        cursor.places.get(writer) == (segment, segment_path(run_dir.path, writer, segment).stat().st_size)
        for writer, segment in newest.items()
    )


def _at_the_end(run_dir: RunDir, newest: Mapping[int, int]) -> tuple[int | None, dict[str, float]]:
    """The exit code, if one of the last events gives it, and the numbers of the last rows."""
    events: list[Event] = []
    for writer, segment in newest.items():
        with safe_files.open_to_read(run_dir.path, segment_name(writer, segment)) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            latest = file.read().rsplit(b"\n", _LATEST)
        before = latest.pop(0) if len(latest) > _LATEST else b""
        telling = before.split(b"\n") if b'"exit":' in before or b'"resume":' in before else []
        bodies = map(unseal, [*telling, *latest])
        events += [event for body in bodies if body and (event := event_of(body))]
    events.sort(key=lambda event: event.t)
    last: dict[str, float] = {}
    for event in events:
        last.update(numbers_of(event.metrics or {}))
    return exit_code_after(None, events), last


def numbers_of(row: Mapping[str, Any]) -> dict[str, float]:
    """The numbers in a row by name. The names of nested values are joined by dots."""
    try:
        return {name: value for name, value in leaves(row) if type(value) in _NUMBERS and math.isfinite(value)}
    except OverflowError:  # a whole number beyond all floats, as an imported run may have it
        numbers = [(name, value) for name, value in leaves(row) if type(value) in _NUMBERS]
        return {name: value for name, value in numbers if math.isfinite(as_float(value))}


@dataclass(frozen=True)
class Sample:
    """Some rows of a run.

    Attributes:
        rows: the rows, in order. A step is a guess if the program gave none.
        size: size of the journal in bytes.
        rows_expected: estimate of how many rows the run has.
    """

    rows: list[dict[str, Any]]
    size: int
    rows_expected: int


@dataclass(frozen=True)
class _Found:
    at: int
    length: int
    event: dict[str, Any]


def size_of(run_dir: RunDir, position: Position | None = None) -> int:
    """Size of a run's journal in bytes, or of what is behind a position."""
    read = places(position)
    found = 0
    for writer, segment, size in _sizes(run_dir):
        first, offset = read.get(writer, START)
        found += size - offset if segment == first else size if segment > first else 0
    return found


def sample(run_dir: RunDir, most: int) -> Sample:
    """About `most` rows of a run, from places spread evenly over its journal, with the first and the last row.

    Raises:
        JournalError: there is no run directory, or its format is a newer one.
        OSError: a segment cannot be read.
    """
    info = run_dir.info
    state, _ = beginning(run_dir, info)
    found = _look(run_dir, most)
    size = size_of(run_dir)
    rows = [item for item in found if isinstance(item.event.get("metrics"), dict)]
    # Jumping finds a long line more often than a short one, so each is weighted by one over its length.
    per_byte = sum(1 / item.length for item in rows) / len(found) if found else 0.0
    expected = max(len(rows), round(size * per_byte))
    start = float(info.start)
    return Sample([_row(item, state.step, per_byte, start) for item in rows], size, expected)


def _row(item: _Found, first: int, per_byte: float, start: float) -> dict[str, Any]:
    event = item.event
    step, moment = event.get("step"), event.get("t")
    moment = float(moment) if isinstance(moment, (int, float)) and is_time(moment) else start
    guess = step if type(step) is int else first + round(item.at * per_byte)
    return {**event["metrics"], "_step": guess, "_timestamp": moment, "_runtime": max(0.0, moment - start)}


def _look(run_dir: RunDir, most: int) -> list[_Found]:
    """Whole events at evenly spaced places, each once: many, or from a slow disk a few."""
    begun = time.monotonic()
    found = list(_events(run_dir, min(most, _FEW)))
    expected = (time.monotonic() - begun) * most / _FEW
    return found if most <= _FEW or expected > _PATIENCE else list(_events(run_dir, most))


def _events(run_dir: RunDir, most: int) -> Iterator[_Found]:
    sizes = _sizes(run_dir)
    total = sum(size for _, _, size in sizes)
    before = 0
    for writer, segment, size in sizes:
        share = max(2, round(most * size / total)) if total else 0
        with safe_files.open_to_read(run_dir.path, segment_name(writer, segment)) as file:
            end = -1
            for place in range(share):
                at = size * place // share
                if at > end and (found := _event_at(file, at, size)):
                    end = found.at + found.length
                    yield _Found(before + found.at, found.length, found.event)
            last = _last_event(file, size)
            if last and last.at > end:
                yield _Found(before + last.at, last.length, last.event)
        before += size


def _sizes(run_dir: RunDir) -> list[tuple[int, int, int]]:
    found = []
    for writer, segment in sorted(segments(run_dir.path)):
        try:
            found.append((writer, segment, segment_path(run_dir.path, writer, segment).stat().st_size))
        except FileNotFoundError:  # it was removed meanwhile to make room
            continue
    return [item for item in found if item[2]]


def _event_at(file: BinaryIO, at: int, size: int) -> _Found | None:
    """The first whole line that begins at byte `at` or later."""
    look = _LOOK
    while True:
        data = _read(file, max(0, at - 1), look)
        begin = 0 if at == 0 else data.find(b"\n") + 1
        end = data.find(b"\n", begin) if begin or at == 0 else -1
        if end >= 0:
            event = _event(data[begin:end])
            return _Found(max(0, at - 1) + begin, end - begin + 1, event) if event else None
        if len(data) < look or look >= _LONGEST or at + look >= size:
            return None
        look *= 8


def _last_event(file: BinaryIO, size: int) -> _Found | None:
    begin = max(0, size - _LAST_LOOK)
    data = _read(file, begin, _LAST_LOOK)
    lines = data.split(b"\n")
    at = begin + len(data)
    for line in reversed(lines):
        at -= len(line)
        event = _event(line) if line else None
        if event and "metrics" in event:
            return _Found(at, len(line) + 1, event)
        at -= 1
    return None


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at, os.SEEK_SET)
    return file.read(size)


def _event(line: bytes) -> dict[str, Any] | None:
    body = unseal(line)
    try:
        event = loads(body) if body else None
    except ValueError:
        event = None
    return event if isinstance(event, dict) else None
