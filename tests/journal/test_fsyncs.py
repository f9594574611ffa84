"""Files that are forced to the disk, many at once."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE
from wandb_logging._journal.fsyncs import force_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The files that are forced to the disk, by their numbers there."""
    found: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: found.append(os.fstat(fd).st_ino))
    return found


def files(folder: Path, count: int) -> list[str]:
    """Files in a new folder."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}").write_bytes(b"x")
    return [f"{number}" for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 40])
def test_each_once(tmp_path: Path, forced: list[int], count: int) -> None:
    """However many there are; one that was removed meanwhile is none."""
    names = files(tmp_path / "f", count)
    force_all((tmp_path / "f", name) for name in [*names, "removed"])
    assert sorted(forced) == sorted(path.stat().st_ino for path in (tmp_path / "f").iterdir())


def test_many_go_on_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four wait for each other, and all of them come."""
    together = threading.Barrier(4)
    monkeypatch.setattr(os, "fsync", lambda _fd: together.wait(PATIENCE))
    force_all((tmp_path / "f", name) for name in files(tmp_path / "f", 40))
    assert not together.broken


def test_where_no_thread_can_be_started(tmp_path: Path, forced: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of the interpreter one thread does it alone."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    force_all((tmp_path / "f", name) for name in files(tmp_path / "f", 40))
    assert len(set(forced)) == 40
