"""The files of a journal, its segments: their names, and the list of those in a run directory."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

MOST = 10**9 - 1  # largest number of a writer or segment; a file with a larger one is not ours
_SEGMENT = re.compile(r"journal-([0-9]{4,9})-([0-9]{4,9})\.jsonl")


def segments(path: Path) -> list[tuple[int, int]]:
    """All (writer, segment) of a run directory, in order."""
    return among(os.listdir(path))  # noqa: PTH208  a Path for each


def among(names: Iterable[str]) -> list[tuple[int, int]]:
    """All (writer, segment) whose files have one of these names, in order."""
    return sorted(place for place in map(_place, names) if place is not None)


def by_writer(path: Path) -> dict[int, list[int]]:
    """The numbers of the segments of each writer of a run directory, in order."""
    found: dict[int, list[int]] = {}
    for writer, segment in segments(path):
        found.setdefault(writer, []).append(segment)
    return found


@lru_cache(maxsize=8192)  # a reader of a run with a thousand writers asks a thousand times
def _place(name: str) -> tuple[int, int] | None:
    match = _SEGMENT.fullmatch(name)
    if match is None:
        return None
    writer, segment = int(match[1]), int(match[2])
    # There is one spelling for each number, so that no two files are the same segment.
    return (writer, segment) if segment_name(writer, segment) == name else None


def segment_name(writer: int, segment: int) -> str:
    """Name of the file of one segment."""
    return f"journal-{writer:04d}-{segment:04d}.jsonl"


def segment_path(path: Path, writer: int, segment: int) -> Path:
    """The file of one segment."""
    return path / segment_name(writer, segment)


def sync_directory(path: Path) -> None:
    """Force the names in a directory to the disk (where the system can: not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def make_durably(path: Path) -> None:
    """Make a folder with its parents, and force their names to the disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_directory(folder.parent)
