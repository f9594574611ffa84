"""Finds out about the disk that a folder is on: whether it belongs to this host alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

# File systems on the disks or in the memory of one host. Several hosts may see any other file system.
_OF_ONE_HOST = frozenset(
    ("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "tmpfs", "ramfs", "overlay")
)
_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = r"\\([0-7]{3})"


def is_of_this_host(folder: Path) -> bool:
    """Whether a folder is certainly on a disk of this host alone. The folder need not exist yet. Never raises."""
    try:
        text = _MOUNTS.read_text("utf-8", "surrogateescape")
        return system_of(folder.expanduser().resolve(), text.splitlines()) in _OF_ONE_HOST
    except (OSError, RuntimeError, ValueError):  # not Linux, no home, or unexpected text from the kernel
        return False


def system_of(folder: Path, mounts: Iterable[str]) -> str | None:
    """The kind of file system that a folder is on; None if that is unknown.

    Args:
        folder: an absolute path without links.
        mounts: the lines of /proc/PID/mountinfo.
    """
    found: tuple[int, str | None] = 0, None
    for line in mounts:
        mount, _, kind = line.partition(" - ")
        point = Path(re.sub(_OCTAL, lambda code: chr(int(code[1], 8)), mount.split(" ")[4]))
        if point == folder or point in folder.parents:  # a later mount at the same place covers the earlier one
            deeper = len(point.parts), kind.split(" ")[0]
            found = deeper if deeper[0] >= found[0] else found
    return found[1]
