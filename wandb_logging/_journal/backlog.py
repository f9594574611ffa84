"""How many lines of a journal come after a position. No byte is counted twice, and counting stops when time is up."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wandb_logging._journal import safe_files
from wandb_logging._journal.position import START, At
from wandb_logging._journal.segments import segment_name, segments

_BLOCK = 2**20


class Lines(NamedTuple):
    """A number of lines; an estimate if there was no time to read all bytes: their size says how many they hold."""

    number: int
    estimated: bool = False


class _Counted(NamedTuple):
    """The lines in a part of one segment."""

    first: int
    end: int
    lines: int


class Backlog:
    """Counts the lines of a run directory, and remembers what it has counted: a journal may have gigabytes.

    Safe from any thread: two that count at once do the work twice.

    Args:
        path: the run directory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[int, int], _Counted] = {}

    def after(self, places: Mapping[int, At], until: float = math.inf) -> Lines:
        """Count the lines that come after a position.

        Args:
            places: where each writer's journal stands there.
            until: monotonic time at which counting stops. One block of each segment is counted in any case.

        Raises:
            OSError: a segment cannot be read.
        """
        found, left = [], 0
        for writer, segment in segments(self._path):
            first, offset = places.get(writer, START)
            if segment < first:
                continue
            try:
                counted, uncounted = self._segment(writer, segment, offset if segment == first else 0, until)
            except FileNotFoundError:  # removed meanwhile: it was acknowledged
                continue
            found.append(counted)
            left += uncounted
        lines, size = sum(part.lines for part in found), sum(part.end - part.first for part in found)
        return Lines(lines + math.ceil(left * lines / size) if lines else min(left, 1), left > 0)

    def _segment(self, writer: int, segment: int, start: int, until: float) -> tuple[_Counted, int]:
        """What is known of a segment from a byte on, and how many bytes of it are not."""
        name = segment_name(writer, segment)
        size = os.stat(f"{self._path}/{name}").st_size  # noqa: PTH116  a Path for each of a thousand takes longer
        known = self._known.get((writer, segment), _Counted(start, start, 0))
        if not known.first <= start <= known.end <= size or start - known.first > known.end - start:
            known = _Counted(start, start, 0)  # it is not in there, or sooner counted than taken off
        if known != (start, size, known.lines):
            with safe_files.open_to_read(self._path, name) as file:
                if start > known.first:
                    done = _count(file, known.first, start, math.inf)
                    known = _Counted(start, known.end, known.lines - done.lines)
                more = _count(file, known.end, size, until)
                known = _Counted(start, more.end, known.lines + more.lines)
            self._known[writer, segment] = known
        return known, max(0, size - known.end)  # of a full disk the server may have more than is in the segment


def _count(file: Any, first: int, end: int, until: float) -> _Counted:
    """The lines between two bytes of a file, or of as much of that as there is time for."""
    file.seek(first)
    at, lines = first, 0
    while at < end:
        block = file.read(min(_BLOCK, end - at))
        if not block:
            break
        at += len(block)
        lines += block.count(b"\n")
        if time.monotonic() >= until:
            break
    return _Counted(first, at, lines)
