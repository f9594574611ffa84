"""Whether a process lives whose locks may not be seen from here: its lock where that holds, else its lease. Pure.

A process renews its lease by having the disk note the time on its lock file. Both times that are compared, that one and
now, are the disk's own: no clock of one host is ever compared with another's. What cannot be known is never "gone".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SILENT = 86400.0  # seconds after which one is gone that promised nothing: another version, a child without a thread
DEFAULT = 120.0  # seconds for which a renewal holds where no settings say it
_PARTS = 4  # renewals within that time, of which all but one may fail


class Life(Enum):
    """What is known of a process."""

    LIVES = "it lives, or did a moment ago"
    GONE = "it is gone for certain"
    UNKNOWN = "nobody can tell"


@dataclass(frozen=True)
class Sign:
    """What is seen of a process by its lock file.

    Attributes:
        locked: whether the file is locked; None where that cannot be asked.
        near: whether a lock of that process would be seen here: it is on this host, and wrote on the same mount.
        ended: whether it has said that it ended.
        lease: seconds for which a renewal holds; None if it does not renew.
        age: seconds since the disk noted something of it, by the disk's clock; None where that cannot be asked.
    """

    locked: bool | None
    near: bool
    ended: bool = False
    lease: float | None = None
    age: float | None = None


def judge(sign: Sign) -> Life:
    """What is known of a process of which so much is seen."""
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
    """Seconds for which a renewal holds: longer than the thread that renews may be away, in a request or asleep."""
    return 2 * (heartbeat + request_timeout)


def apart(lease: float) -> float:
    """Seconds between two renewals."""
    return lease / _PARTS
