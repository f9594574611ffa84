"""What W&B takes of one project from all of a user's processes together, shared through a file.

W&B takes 500 requests and 120 MB a second of a project. Each process that sends takes its part from a bucket before it
does. The buckets are moments in a file, so nobody has to live for others to know: on the disk that the jobs of a
scheduler share, elsewhere in /tmp. Where there can be no such file, as on Windows, each process has what a whole
project has.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from wandb_logging._values.bucket import Bucket

if sys.platform != "win32":
    import fcntl

# Within no second are there more than `burst` and `rate` together. A little less than W&B takes: on the way they draw
# together.
REQUESTS = Bucket(rate=430.0, burst=50.0)
BYTES = Bucket(rate=100e6, burst=16e6)

_SLOTS = 256  # projects that share one are slower than they might be, which is all
_SLOT = struct.Struct("<dd")  # when the bucket of requests is full again, and that of bytes: seconds since 1970
_PATIENCE = 0.2  # seconds that the file is waited for
_LOOK = 0.001


class Allowance:
    """What one project may have.

    Args:
        project: names it, with its server.
        folder: where the file is; it is made. Default: one of the user's own in /tmp.
        now: the clock that all have who use the file.
    """

    def __init__(self, project: str, folder: Path | None = None, now: Callable[[], float] = time.time) -> None:
        digest = hashlib.sha256(project.encode("utf-8", "surrogatepass")).digest()
        self._at = digest[0] % _SLOTS * _SLOT.size
        self._folder = folder or _own_folder()
        self._now = now

    def take(self, size: int = 0) -> float:
        """Take a request of so many bytes; seconds to wait until it may go. Never raises."""
        try:
            return 0.0 if sys.platform == "win32" else self._take(size)
        except OSError:  # it cannot be shared here
            return 0.0

    def _take(self, size: int) -> float:
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
            os.close(fd)  # and with it the lock


def _own_folder() -> Path:
    """Not below TMPDIR, which schedulers set for each job; and one for each user: nobody else may slow us."""
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
