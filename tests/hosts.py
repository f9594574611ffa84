"""Processes of several hosts that share a disk, on one machine.

A host is made of a name, a start of its own and, if that is wanted, a wrong clock. Its locks hold among its own
processes only, as on many NFS and Lustre mounts: in place of `flock`, whose locks all processes of this machine see,
each host locks a byte of its own in the same file, by a lock that belongs to the open file as that of `flock` does. So
two hosts never see each other's. Folders cannot be locked so, as on NFS. All of it is done in the programs that a test
starts; nothing in the package knows of it. `tests.robustness.hosts` also does it with mounts.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="locks of open files")

# What a program runs before it imports the package, or right after.
PRELUDE = """
import fcntl, os, socket, struct, time
from wandb_logging._journal import locks as _locks, presence as _presence
_host, _hours, _apart = os.environ["HOST_NAME"], float(os.environ["HOST_HOURS"]), os.environ["HOST_LOCKS"] == "own"
socket.gethostname = lambda: _host
_presence.boot_id = lambda: "a start of " + _host
if _hours:
    _right = time.time
    time.time = lambda: _right() + 3600 * _hours
if _apart:
    def _set(fd, kind):
        start = 2**40 + int.from_bytes(_host.encode()[-4:], "big")
        fcntl.fcntl(fd, getattr(fcntl, "F_OFD_SETLK", 37), struct.pack("hhqqi", kind, os.SEEK_SET, start, 1, 0))
    _locks._lock = lambda fd: _set(fd, fcntl.F_WRLCK)
    _locks._unlock = lambda fd: _set(fd, fcntl.F_UNLCK)
"""


def environment(host: str, *, crossing: bool = False, hours: float = 0.0) -> dict[str, str]:
    """What a process on a host has in its environment, for `PRELUDE`.

    Args:
        host: its name; two that differ in the last four characters have locks of their own.
        crossing: whether locks are seen on all hosts.
        hours: by which its clock is wrong.
    """
    return {"HOST_NAME": host, "HOST_LOCKS": "all" if crossing else "own", "HOST_HOURS": str(hours)}


def start(program: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a program on a host; a line on its standard input is a command."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PRELUDE + program, *arguments]
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
