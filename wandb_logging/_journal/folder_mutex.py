"""A mutex on a folder, for the processes of all hosts: one at a time looks for a run there, makes one, or leaves one.

On one host a lock on the folder decides. Hosts may not see each other's locks, so there is also a file that only one of
them can make, on any file system. The next process removes the file of one that is gone: at once if that was a process
of this host, else when the file is older than a visit takes, by the disk's own clock.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wandb_logging._journal import safe_files
from wandb_logging._journal.locks import folder_lock
from wandb_logging._journal.presence import Holder, age_of, is_running, said_in
from wandb_logging._values.ids import new_id
from wandb_logging._values.plain import dumps

NAME = ".gate"
_LONGEST = 10.0  # seconds that a visit takes at most: it makes some small files
_PROBE = 0.02  # seconds between two tries to make the file
_LOOK = 1.0  # seconds between two looks whether the process that made it is gone


@contextlib.contextmanager
def alone_in(folder: Path, patience: float = 10.0) -> Iterator[None]:
    """Have a folder alone inside the `with`. After `patience` seconds, or where no file can be made, not alone."""
    until = time.monotonic() + patience
    with folder_lock(folder, patience):
        mine = _enter(folder, until)
        try:
            yield
        finally:
            if mine is not None:
                _go(folder, mine)


def _enter(folder: Path, until: float) -> str | None:
    """Make the file, and wait until that is possible. Returns the id of this visit; None if the file cannot be made."""
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
        fd = safe_files.create(folder, NAME)
    except FileExistsError:
        return False
    try:
        os.write(fd, note)
    finally:
        os.close(fd)
    return True


def _left(folder: Path) -> str | None:
    """The id of the visit whose file is there, if the process that made it is gone; None if it may still be there."""
    try:
        said = said_in(folder, NAME)
    except FileNotFoundError:
        return None
    holder = Holder.from_json(said)
    is_left = bool(holder.host) and holder.is_near(folder) and not is_running(holder.pid)
    if not is_left:
        age = age_of(folder, NAME)
        is_left = age is not None and age > _LONGEST
    return _visit(said) if is_left else None


def _visit(said: Mapping[str, Any]) -> str:
    """The id of a visit; "" if its process was gone before it had written one."""
    return str(said.get("visit", ""))


def _go(folder: Path, visit: str) -> None:
    """Remove the file, if it is still that of this visit: another host may have made its own meanwhile."""
    with contextlib.suppress(OSError):
        if _visit(said_in(folder, NAME)) == visit:
            safe_files.remove(folder, NAME)
