"""Takes a first look at a long run before it is read as a whole: some rows, found by jumping through its journal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from wandb_logging._dataclass import dataclass
from wandb_logging._journal import safe_files
from wandb_logging._journal.position import START, Position, places
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.seal import unseal
from wandb_logging._journal.segments import segment_name, segment_path, segments
from wandb_logging._reading.replay import beginning
from wandb_logging._values.plain import loads

_LOOK = 8192  # bytes read first at each place
_MOST = 2**20  # most bytes read at a place: a longer line is left out
_TAIL = 2**16
_FEW = 16  # number of places that are looked at first
_PATIENCE = 2.0  # most seconds that all places may be expected to take


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
    moment = float(moment) if isinstance(moment, (int, float)) else start
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
        if len(data) < look or look >= _MOST or at + look >= size:
            return None
        look *= 8


def _last_event(file: BinaryIO, size: int) -> _Found | None:
    begin = max(0, size - _TAIL)
    data = _read(file, begin, _TAIL)
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
