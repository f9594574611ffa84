"""Decides whether another process lives: by its lock where that can be seen from this host, else by its lease. Pure.

A process renews its lease by having the disk set the time of its lock file. That time is compared with the disk's own
present time: the clocks of two hosts are never compared. A process of which nothing is known for certain is never
taken for gone.
"""

from __future__ import annotations

from enum import Enum

from wandb_logging._dataclass import dataclass

SILENT = 86400.0  # seconds after which a process without a lease is gone: another version, a forked child
DEFAULT = 120.0  # seconds for which a renewal holds where no settings say it
_PARTS = 4  # renewals in that time; all but one may fail


class Life(Enum):
    """What is known of a process."""

    LIVES = "it lives, or did a moment ago"
    GONE = "it is gone for certain"
    UNKNOWN = "nobody can tell"


@dataclass(frozen=True)
class Sign:
    """What the lock file of a process tells.

    Attributes:
        locked: whether the file is locked; None where the file system has no locks.
        near: whether a lock of that process could be seen here: it runs on this host, and uses the same mount.
        ended: whether the process has noted that it ended.
        lease: seconds for which its renewals hold; None if it does not renew.
        age: seconds since the file's time was set, by the disk's clock; None if that was not asked or is not known.
    """

    locked: bool | None
    near: bool
    ended: bool = False
    lease: float | None = None
    age: float | None = None


def judge(sign: Sign) -> Life:
    """What is known of a process whose lock file tells so much."""
    if sign.locked:
        return Life.LIVES
    if sign.ended or (sign.near and sign.locked is False):
        return Life.GONE
    return _by_lease(sign)


def _by_lease(sign: Sign) -> Life:
    if sign.age is None or (sign.lease is None and sign.locked is None):
        return Life.UNKNOWN
    if sign.age > (SILENT if sign.lease is None else sign.lease):
        return Life.GONE
    return Life.UNKNOWN if sign.lease is None else Life.LIVES


def length(heartbeat: float, request_timeout: float) -> float:
    """Seconds for which a renewal holds: longer than the thread that renews can be busy with a request, or asleep."""
    return 2 * (heartbeat + request_timeout)


def apart(lease: float) -> float:
    """Seconds between two renewals."""
    return lease / _PARTS
