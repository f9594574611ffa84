"""Which process holds a lock file, and whether it lives: the only place that decides this, for local and shared disks.

On many disks that several hosts share, a lock is seen on its own host alone. So each holder also writes into the file
which process it is, and has the disk set the file's time again and again (`lease`).
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._journal import safe_files
from wandb_logging._journal.lease import Life, Sign, judge
from wandb_logging._journal.locks import lock_is_taken
from wandb_logging._values.plain import loads

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MOST_ANCESTORS = 50  # of a process, that are looked at
_AGAIN = (0.0, 0.0, 0.001, 0.001)  # seconds until a file that is no JSON is read again
_SAME_CLOCK = 10.0  # seconds for which the disk's clock is counted on from its last known time
_clocks: dict[int, tuple[float, float]] = {}  # by device: a time of its clock, and the monotonic time of that look


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock file, as the file says.

    Attributes:
        pid, host: of the process; 0 and "" if the file does not say them.
        boot: id of the boot of that host; "" if its system has none.
        device: the device on which the process sees the file; None from an earlier version of this package.
        lease: seconds for which each renewal holds; None if the process does not renew.
        ended: whether the process has let go of the file.
    """

    pid: int = 0
    host: str = ""
    boot: str = ""
    device: int | None = None
    lease: float | None = None
    ended: bool = False

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}" if self.host else "another process"

    @classmethod
    def here(cls, root: Path, lease: float | None = None) -> Holder:
        """This process, as the holder of a file in the folder `root`."""
        return cls(os.getpid(), socket.gethostname(), boot_id(), _device(root), lease)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Holder:
        """From the content of a lock file; members of a wrong form count as missing."""
        lease, host, boot = said.get("lease"), said.get("host"), said.get("boot")
        return cls(
            _whole(said.get("pid")) or 0,
            host if isinstance(host, str) else "",
            boot if isinstance(boot, str) else "",
            _whole(said.get("device")),
            float(lease) if isinstance(lease, (int, float)) and 0 < lease < 1e9 else None,
            said.get("ended") is True,
        )

    def to_json(self) -> dict[str, Any]:
        """The members that the file has."""
        said = {"pid": self.pid, "host": self.host, "boot": self.boot, "device": self.device, "lease": self.lease}
        return {name: value for name, value in said.items() if value is not None} | (
            {"ended": True} if self.ended else {}
        )

    def is_same(self, other: Holder) -> bool:
        """Whether both are one process."""
        return (self.pid, self.host, self.boot) == (other.pid, other.host, other.boot)

    def is_near(self, root: Path) -> bool:
        """Whether a lock of that process can be seen by this one. True for a process that says nothing of itself."""
        if not self.host:
            return True
        if self.device is None:
            return self.host == socket.gethostname()
        return (self.host, self.boot, self.device) == (socket.gethostname(), boot_id(), _device(root))


NOBODY = Holder()


@functools.cache
def boot_id() -> str:
    """The id of this boot of this machine; "" if the system has none."""
    with contextlib.suppress(OSError):
        return _BOOT.read_text(encoding="ascii").strip()
    return ""


def is_running(pid: int) -> bool:
    """Whether a process of this host runs. True where the system does not tell."""
    if sys.platform == "win32":  # os.kill with 0 would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def comes_from_here(pid: int) -> bool:
    """Whether a process of this host is a child of this one, or of its children. False where that is not known."""
    for _ in range(_MOST_ANCESTORS):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
            pid = int(stat.rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):  # only Linux tells
            return False
        if pid == os.getpid():
            return True
    return False


def life_of(root: Path, name: str, holder: Callable[[], Holder], traces: Callable[[], list[str]]) -> Life:
    """Whether the process that holds a lock file lives. That of a missing file is gone.

    Args:
        root: the folder.
        name: name of the lock file in it.
        holder: reads the file; called only if it is not locked.
        traces: gives other files in the folder whose time tells that the process lives.
    """
    locked = lock_is_taken(root / name)
    if locked:
        return Life.LIVES
    said = holder()
    sign = Sign(locked, said.is_near(root), said.ended, said.lease)
    found = judge(sign)
    if found is Life.UNKNOWN:
        found = judge(replace(sign, age=age_of(root, name)))
    if found is Life.GONE and not sign.ended and not (sign.near and locked is False):
        found = judge(replace(sign, age=age_of(root, name, *traces())))
    return found


def renew(root: Path, name: str) -> None:
    """Have the disk set the time of a file.

    Raises:
        OSError: the disk refuses it.
    """
    began = time.monotonic()
    found = safe_files.touch(root, name)
    _clocks[found.st_dev] = (found.st_mtime, began)


def said_in(root: Path, name: str) -> dict[str, Any]:
    """The JSON object in a lock file; {} if it holds none.

    Raises:
        OSError: it cannot be read.
    """
    for wait in _AGAIN:
        text = safe_files.read(root, name, safe_files.MOST_NOTE)
        try:
            said = loads(text)
        except ValueError:
            if not text:
                break
            time.sleep(wait)  # the file may be written just now, and have half of its content
        else:
            return said if isinstance(said, dict) else {}
    return {}


def age_of(root: Path, *names: str) -> float | None:
    """Seconds since the time of one of these files was set, by the disk's own clock; None if nobody can find out."""
    noted = [at for name in names if (at := _noted(root, name)) is not None]
    now = _now(root)
    return None if now is None or not noted else now - max(noted)


def _noted(root: Path, name: str) -> float | None:
    """The time of a file. It is opened for that: then a file server is asked for what other hosts wrote."""
    with contextlib.suppress(OSError), safe_files.open_to_read(root, name) as file:
        return os.fstat(file.fileno()).st_mtime
    return None


def _now(root: Path) -> float | None:
    """The present time by the disk's clock: that of a file made for this, or counted on from a recent look."""
    device = _device(root)
    if device in _clocks:
        noted, at = _clocks[device]
        if time.monotonic() - at < _SAME_CLOCK:
            return noted + (time.monotonic() - at)
    name = f"clock-{os.getpid()}.tmp"
    with contextlib.suppress(OSError):
        safe_files.replace(root, name, b"", durable=False)
        try:
            renew(root, name)
        finally:
            safe_files.remove(root, name)
        return _clocks[device][0] if device in _clocks else None
    return None


def _device(root: Path) -> int:
    try:
        return root.stat().st_dev
    except OSError:
        return -1


def _whole(value: object) -> int | None:
    return value if type(value) is int else None
