"""A folder that one process at a time has, on whatever host: where a run is looked for, made, and left.

On one host the folder's lock decides. Between hosts, which may not see each other's locks, it is a file that only one
of them can make, on any file system. If its maker is gone it is removed: at once if that was a process of this host,
else when it is older than any such visit takes, by the disk's own clock.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wandb_logging._journal import door
from wandb_logging._journal.locks import folder_lock
from wandb_logging._journal.presence import Holder, age_of, said_in
from wandb_logging._values.ids import new_id
from wandb_logging._values.plain import dumps

NAME = ".gate"
_LONGEST = 10.0  # seconds that a visit takes at most: some files are made
_PROBE = 0.02  # seconds between two looks whether the other host is through
_LOOK = 1.0  # seconds between two looks whether it is gone


@contextlib.contextmanager
def alone_in(folder: Path, patience: float = 10.0) -> Iterator[None]:
    """Have a folder alone; not where that cannot be, or another one has it for longer than `patience` seconds."""
    until = time.monotonic() + patience
    with folder_lock(folder, patience):
        mine = _enter(folder, until)
        try:
            yield
        finally:
            if mine is not None:
                _go(folder, mine)


def _enter(folder: Path, until: float) -> str | None:
    """Make the file, waiting for it; what tells it from others. None where it cannot be had."""
    mine, next_look = new_id(), 0.0
    note = dumps({**Holder.here(folder).to_json(), "visit": mine})
    with contextlib.suppress(OSError):
        while not _made(folder, note):
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + _LOOK
                left = _left(folder)
                if left is not None:
                    _go(folder, left)
                    continue
            if time.monotonic() >= until:
                return None
            time.sleep(_PROBE)
        return mine
    return None


def _made(folder: Path, note: bytes) -> bool:
    try:
        fd = door.create(folder, NAME)
    except FileExistsError:
        return False
    try:
        os.write(fd, note)
    finally:
        os.close(fd)
    return True


def _left(folder: Path) -> str | None:
    """What tells the visit of one who is gone from others; None if who made the file may still be there."""
    try:
        said = said_in(folder, NAME)
    except FileNotFoundError:
        return None
    holder = Holder.from_json(said)
    is_left = bool(holder.host) and holder.is_near(folder) and not _is_running(holder.pid)
    if not is_left:
        age = age_of(folder, NAME)
        is_left = age is not None and age > _LONGEST
    return _visit(said) if is_left else None


def _visit(said: Mapping[str, Any]) -> str:
    """What tells a visit from others; "" of one that was gone before it had said so."""
    return str(said.get("visit", ""))


def _is_running(pid: int) -> bool:
    """Whether a process of this host runs, or nobody can tell."""
    if sys.platform == "win32":  # to ask would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _go(folder: Path, visit: str) -> None:
    """Remove the file, if it is still that visit's: meanwhile another host may have made its own."""
    with contextlib.suppress(OSError):
        if _visit(said_in(folder, NAME)) == visit:
            door.remove(folder, NAME)
