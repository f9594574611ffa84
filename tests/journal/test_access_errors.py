"""Run directories that one may not write or read: whose they are, and what helps."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wandb_logging._journal.access_errors import lock_refused, why_unread

if TYPE_CHECKING:
    from wandb_logging import JournalLocked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files have no users of this kind there")


def refused(path: Path, number: int = errno.EACCES, name: str = "upload.lock") -> JournalLocked:
    return lock_refused(path, OSError(number, os.strerror(number), str(path / name)))


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Name of the user whose files are made here. Who asks is another one."""
    import pwd

    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 4711)
    return pwd.getpwuid(owner).pw_name


@pytest.mark.parametrize("name", ["upload.lock", "missing"])
def test_another_users_is_called_by_the_owners_name(user: str, name: str, tmp_path: Path) -> None:
    """That of the file that was refused, or of the folder where it could not be made; and what to do."""
    (tmp_path / "upload.lock").touch()
    error = refused(tmp_path, name=name)
    assert str(error) == f"{tmp_path} belongs to {user}, and you may not write there"
    assert error.cure == f"have {user} send it, or copy it to a folder of yours, and sync the copy"
    assert error.holder is None


def test_an_owner_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a container that has the disk of a cluster."""
    import pwd

    def unknown(_user: int) -> None:
        raise KeyError

    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 4711)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert f"belongs to user {owner}, " in str(refused(tmp_path))


def test_ones_own_needs_another_mode(tmp_path: Path) -> None:
    """No other user is accused."""
    error = refused(tmp_path)
    assert (str(error), error.cure) == (
        f"{tmp_path} is yours, but you may not write there",
        "give yourself the right: `chmod -R u+rwX`",
    )


def test_a_disk_that_is_read_only_and_one_without_locks(tmp_path: Path) -> None:
    """Each is called what it is."""
    assert "read-only" in str(refused(tmp_path, errno.EROFS))
    assert "cannot be locked (No locks available)" in str(refused(tmp_path, errno.ENOLCK))
    assert "that has locks" in str(refused(tmp_path, errno.ENOLCK).cure)


def test_what_cannot_be_read_says_whose_it_is(user: str, tmp_path: Path) -> None:
    """Beside what the system says."""
    assert why_unread(tmp_path, PermissionError(errno.EACCES, "Permission denied")) == (
        f"Permission denied, it belongs to {user}"
    )
    assert why_unread(tmp_path, FileNotFoundError(errno.ENOENT, "No such file")) == "No such file"
