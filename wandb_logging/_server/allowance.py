"""Shares W&B's rate limit of a project among all processes that send to it, through a file.

W&B takes 500 requests and 120 MB a second from a project. Before a process sends a request it takes a unit, and the
request's bytes, from two buckets. Their states are numbers in a file, so no process has to serve them. The file is on
the disk that the jobs of a scheduler share, else in /tmp. Where there can be no such file, as on Windows, a process
does not wait for others.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

from wandb_logging._server.bucket import Bucket
from wandb_logging._values.reentrant import new_lock, of_child
from wandb_logging._values.text_hash import hash_of

if sys.platform != "win32":
    import fcntl

# No second has more than `burst` plus `rate`. That is a little less than W&B takes, for requests may bunch up on the
# way.
REQUESTS = Bucket(rate=430.0, burst=50.0)
BYTES = Bucket(rate=100e6, burst=16e6)

_SLOTS = 256  # places in the file; two projects that share one are slower than they might be
_SLOT = struct.Struct("<dd")  # times at which the bucket of requests and that of bytes are full: seconds since 1970
_PATIENCE = 0.2  # most seconds to wait for the file's lock
_LOOK = 0.001  # seconds between two tries to lock it
_turns = new_lock()  # the threads of a process wait for this: who polls for the file's lock wakes up in vain


class Allowance:
    """The rate limit of one project.

    Args:
        project: a text that names the project and its server.
        folder: folder of the file, which is made. Default: a folder of this user in /tmp.
        now: a clock that all processes that use the file have in common.
    """

    def __init__(self, project: str, folder: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._at = int(hash_of(project)[:2], 16) % _SLOTS * _SLOT.size
        self._folder = folder or _own_folder()
        self._now = now

    def take(self, size: int = 0) -> float:
        """Take a request of so many bytes. Returns the seconds to wait before it may be sent. Never raises."""
        try:
            return 0.0 if sys.platform == "win32" else self._take(size)
        except OSError:  # there can be no file
            return 0.0

    def _take(self, size: int) -> float:
        if not _turns.acquire(timeout=_PATIENCE):
            raise BlockingIOError
        try:
            return self._take_alone(size)
        finally:
            _turns.release()

    def _take_alone(self, size: int) -> float:
        fd = _opened(self._folder)
        try:
            _lock(fd)
            found = os.pread(fd, _SLOT.size, self._at)
            full = _SLOT.unpack(found) if len(found) == _SLOT.size else (0.0, 0.0)
            now = self._now()
            requests, wait = REQUESTS.take(full[0], now, 1)
            sizes, wait_for_size = BYTES.take(full[1], now, size)
            os.pwrite(fd, _SLOT.pack(requests, sizes), self._at)
            return max(wait, wait_for_size)
        finally:
            os.close(fd)  # this unlocks it, too


def _own_folder() -> Path:
    """A folder of this user alone, so that no other user slows us; not in TMPDIR, which schedulers set for each job."""
    import tempfile  # noqa: PLC0415  `requests` has it, and offline nobody needs it

    root = Path("/tmp")  # noqa: S108  the folder's owner is looked at
    user = os.getuid() if hasattr(os, "getuid") else 0
    return (root if root.is_dir() else Path(tempfile.gettempdir())) / f"wandb-logging-{user}"


def _opened(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        if status.st_uid != os.getuid() or folder.is_symlink():
            raise PermissionError(f"{folder} is somebody else's") from None
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    return os.open(folder / "allowance", flags, 0o600)


def _lock(fd: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOK)
        else:
            return


def _after_fork_in_child() -> None:
    global _turns  # noqa: PLW0603
    _turns = of_child(_turns)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
