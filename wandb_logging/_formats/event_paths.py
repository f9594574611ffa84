"""Finds TensorBoard event files and the folders that are a run each, by their names. Reads no more than a beginning."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

from wandb_logging._formats import event_file
from wandb_logging._formats.event_file import DamagedFile
from wandb_logging._formats.protobuf import BrokenMessage
from wandb_logging._journal.cache_folder import is_run_dir

_MARK = ".tfevents."
_NOT_EVENTS = (".profile-empty", ".sagemaker-uploaded")  # endings of what a profiler and SageMaker put beside them
_HEAD_BYTES = 2**12
# Names of folders that hold a part of a run instead of a run: `logs/train`, `logs/validation`, `eval_0`.
_PART = re.compile(
    r"(?:train|training|val|valid|validation|dev|test|testing|eval|evaluation)(?:[_.-].*)?", re.IGNORECASE
)


def is_event_file(path: Path) -> bool:
    """Whether a path is an event file, by its name."""
    return _is_event_name(path.name) and not path.is_dir()


def _is_event_name(name: str) -> bool:
    return _MARK in name and not name.endswith(_NOT_EVENTS)


def event_files(root: Path) -> Iterator[Path]:
    """The event files at or below a path, without links. In a folder they are ordered by name, which is by time.

    Those in a run directory below it are left out: they are the copies that a run keeps of the files it has read.
    """
    if is_event_file(root) and root.is_file():
        yield root
    for folder, folders, names in os.walk(root):
        folders.sort()
        if Path(folder) != root and is_run_dir(folder):
            folders.clear()
            continue
        for name in sorted(names):
            path = Path(folder, name)
            if _is_event_name(name) and path.is_file() and not path.is_symlink():
                yield path


def name_below(root: Path, path: Path) -> str:
    """The name of an event file relative to a folder; that of the file, if it is the root itself."""
    return path.name if path == root else path.relative_to(root).as_posix()


def files_in(folder: Path) -> list[Path]:
    """The event files in a folder, without links and folders below, ordered by name, which is by time."""
    with contextlib.suppress(OSError):
        return sorted(path for path in folder.iterdir() if is_event_file(path) and not path.is_symlink())
    return []


def has_event_files(folder: Path) -> bool:
    """Whether there is an event file at or below a folder."""
    return next(event_files(folder), None) is not None


def run_folders(root: Path) -> list[Path]:
    """The folders at or below `root` that are a run each. If `root` is an event file, that is the run.

    A folder with event files in it is a run, and everything below it belongs to that run. A folder that holds nothing
    but parts of a run, such as `train` and `validation`, is a run, too.
    """
    if root.is_file():
        return [root] if is_event_file(root) else []
    holding = {path.parent for path in event_files(root)}
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
    for path in event_files(root):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def beginning(root: Path) -> bytes:
    """Bytes that identify the event files of a program: name and first record, with its time, of the earliest file.

    The name begins with the folders below the root: a part of a run, read by itself, names its values differently.
    """
    found = [(*_head(path), name_below(root, path)) for path in event_files(root)]
    _, head, name = min(found, default=(0.0, b"", ""))
    return name.encode("utf-8", "surrogateescape") + head


def _head(path: Path) -> tuple[float, bytes]:
    """The time of the first record of a file, and the record; infinity and no bytes if there is none."""
    with contextlib.suppress(OSError, DamagedFile, BrokenMessage), path.open("rb") as file:
        for message, _ in event_file.records(file.read(_HEAD_BYTES)):
            return event_file.event(message).wall_time, message
    return math.inf, b""
