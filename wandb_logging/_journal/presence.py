"""Who holds a lock file, and whether that process lives: the one place that is asked, on whatever disk.

A lock holds on one host, and on many disks that several hosts share not beyond it. So each holder also says in the file
who it is, and has the disk note the time on it again and again (`lease`).
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wandb_logging._journal import door
from wandb_logging._journal.lease import Life, Sign, judge
from wandb_logging._journal.locks import lock_is_taken
from wandb_logging._values.plain import loads

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_AGAIN = (0.0, 0.0, 0.001, 0.001)  # seconds until a note that makes no sense is read again
_SAME_CLOCK = 10.0  # seconds for which a look at the disk's clock tells the time there
_clocks: dict[int, tuple[float, float]] = {}  # by device: what time it was there, and when (monotonic)


@dataclass(frozen=True)
class Holder:
    """Who holds a lock file, as it says there.

    Attributes:
        pid, host: of the process; 0 and "" where it does not say.
        boot: of that host; "" where the system does not tell.
        device: the mount on which it sees the file; None of a version before.
        lease: seconds for which each renewal holds; None if it does not renew.
        ended: whether it holds the file no more.
    """

    pid: int = 0
    host: str = ""
    boot: str = ""
    device: int | None = None
    lease: float | None = None
    ended: bool = False

    @classmethod
    def here(cls, root: Path, lease: float | None = None) -> Holder:
        """This process, as one that holds a file in a folder."""
        return cls(os.getpid(), socket.gethostname(), boot_id(), _device(root), lease)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Holder:
        """What is said, as far as it is of the right form."""
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
        """As it stands in the file."""
        said = {"pid": self.pid, "host": self.host, "boot": self.boot, "device": self.device, "lease": self.lease}
        return {name: value for name, value in said.items() if value is not None} | (
            {"ended": True} if self.ended else {}
        )

    def is_same(self, other: Holder) -> bool:
        """Whether both are one process."""
        return (self.pid, self.host, self.boot) == (other.pid, other.host, other.boot)

    def is_near(self, root: Path) -> bool:
        """Whether a lock of that process would be seen here. Of one that says nothing, nothing else is known."""
        if not self.host:
            return True
        if self.device is None:
            return self.host == socket.gethostname()
        return (self.host, self.boot, self.device) == (socket.gethostname(), boot_id(), _device(root))


NOBODY = Holder()


@functools.cache
def boot_id() -> str:
    """What tells this start of this machine from all others; "" where the system does not say."""
    with contextlib.suppress(OSError):
        return _BOOT.read_text(encoding="ascii").strip()
    return ""


def life_of(root: Path, name: str, holder: Callable[[], Holder], traces: Callable[[], list[str]]) -> Life:
    """What is known of the process that holds a lock file. A missing file is nobody's.

    Args:
        root: the folder.
        name: of the lock file there.
        holder: gives what that says, if it is not locked.
        traces: gives other files on which the disk may have noted the time for it.
    """
    locked = lock_is_taken(root / name)
    if locked:
        return Life.LIVES
    said = holder()
    sign = Sign(locked, said.is_near(root), said.ended, said.lease)
    found = judge(sign)
    if found is Life.UNKNOWN:
        found = judge(replace(sign, age=_age(root, [name])))
    if found is Life.GONE and not sign.ended and not (sign.near and locked is False):
        found = judge(replace(sign, age=_age(root, [name, *traces()])))
    return found


def renew(root: Path, name: str) -> None:
    """Have the disk note the time on a file.

    Raises:
        OSError: it cannot.
    """
    began = time.monotonic()
    found = door.touch(root, name)
    _clocks[found.st_dev] = (found.st_mtime, began)


def said_in(root: Path, name: str) -> dict[str, Any]:
    """The JSON object that a lock file holds; none where it holds none.

    Raises:
        OSError: it cannot be read.
    """
    for wait in _AGAIN:
        text = door.read(root, name, door.MOST_NOTE)
        try:
            said = loads(text)
        except ValueError:
            if not text:
                break
            time.sleep(wait)  # half of it is there: it is written anew just now, or it is none
        else:
            return said if isinstance(said, dict) else {}
    return {}


def age_of(root: Path, name: str) -> float | None:
    """Seconds since the disk noted something of a file, by its own clock; None where that cannot be asked."""
    return _age(root, [name])


def _age(root: Path, names: list[str]) -> float | None:
    noted = [at for name in names if (at := _noted(root, name)) is not None]
    now = _now(root)
    return None if now is None or not noted else now - max(noted)


def _noted(root: Path, name: str) -> float | None:
    """What time the disk noted. Opened, as a file server is then asked for what others wrote."""
    with contextlib.suppress(OSError), door.open_to_read(root, name) as file:
        return os.fstat(file.fileno()).st_mtime
    return None


def _now(root: Path) -> float | None:
    """What time it is by the disk's clock: a file that is made for that tells, unless one has a moment ago."""
    device = _device(root)
    if device in _clocks:
        noted, at = _clocks[device]
        if time.monotonic() - at < _SAME_CLOCK:
            return noted + (time.monotonic() - at)
    name = f"clock-{os.getpid()}.tmp"
    with contextlib.suppress(OSError):
        door.replace(root, name, b"", durable=False)
        try:
            renew(root, name)
        finally:
            door.remove(root, name)
        return _clocks[device][0] if device in _clocks else None
    return None


def _device(root: Path) -> int:
    try:
        return root.stat().st_dev
    except OSError:
        return -1


def _whole(value: object) -> int | None:
    return value if type(value) is int else None
