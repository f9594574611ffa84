"""Which disk a folder is on, by lines as Linux writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from wandb_logging._process.disks import is_of_this_host, system_of

MOUNTS = [
    "22 28 0:21 / /proc rw,nosuid - proc proc rw",
    "28 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro",
    "40 28 0:38 / /data rw,relatime shared:20 - nfs4 files:/data rw,vers=4.2",
    "41 40 8:17 / /data/ada/my\\040disk rw,relatime - xfs /dev/sdb1 rw",
    "42 28 0:50 / /scratch rw - ext4 /dev/sdc1 rw",
    "43 42 0:51 / /scratch rw - lustre mds@tcp:/s rw",
]


@pytest.mark.parametrize(
    ("folder", "system"),
    [
        ("/srv/wandb_cache", "ext4"),
        ("/data/ada", "nfs4"),
        ("/database", "ext4"),
        ("/data/ada/my disk/wandb_cache", "xfs"),
        ("/scratch/x", "lustre"),
    ],
)
def test_the_nearest_mount_counts(folder: str, system: str) -> None:
    """Of several at one place the latest, and names with spaces as they are."""
    assert system_of(Path(folder), MOUNTS) == system


def test_where_nothing_is_said() -> None:
    """No mount is no answer."""
    assert system_of(Path("/srv"), MOUNTS[:1]) is None


def test_what_cannot_be_known_is_no() -> None:
    """A folder that many hosts may see is not for certain one of this."""
    assert is_of_this_host(Path("/proc/self")) is False
    assert is_of_this_host(Path("~nobody-of-that-name/x")) is False
