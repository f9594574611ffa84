"""Promises of copies that are kept: room is made before each, where that is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.bounded_copies import BoundedCopies
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._journal.rundir import RunDir


class Space:
    """Has so many bytes left."""

    def __init__(self, left: int, most_output: int | None = 10) -> None:
        self.left = left
        self.most_output = most_output

    def make_way(self, size: int) -> None:
        if size > self.left:
            raise OSError(28, "max_cache_bytes is reached")
        self.left -= size


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    return create_run(tmp_path, RunInfo("r", "p"))


def kept(run_dir: RunDir) -> list[str]:
    """The names of all copies."""
    return sorted(path.name for path in (run_dir.path / "files").rglob("*") if path.is_file())


def test_room_is_made_before(run_dir: RunDir) -> None:
    """What does not fit is not begun; what fits takes its bytes."""
    space = Space(5)
    copies = BoundedCopies(run_dir, space)
    copies.file(b"abc", "a.txt")
    assert space.left == 2
    with pytest.raises(OSError, match="max_cache_bytes"):
        copies.file(b"abc", "b.txt")
    with pytest.raises(OSError, match="max_cache_bytes"):
        copies.media(b"abc", ".png")
    assert kept(run_dir) == ["a.txt"]


def test_media_that_may_have_to_go(run_dir: RunDir) -> None:
    """Bounded, each value has a copy of its own, which can be removed with it; else the same bytes are one."""
    for copies, count in ((BoundedCopies(run_dir), 1), (BoundedCopies(run_dir, Space(99)), 2)):
        assert len({copies.media(b"same", ".png").path for _ in range(2)}) == count


def test_output_that_is_too_large_goes(run_dir: RunDir) -> None:
    """Rather none than a part of it; and nothing comes after it."""
    copies = BoundedCopies(run_dir, Space(99, most_output=10))
    assert copies.append(b"12345678", "output.log", 0) == 8
    for data in (b"90ab", b"c"):
        with pytest.raises(OSError, match="too large"):
            copies.append(data, "output.log", 8)
        assert kept(run_dir) == []


def test_without_a_bound(run_dir: RunDir) -> None:
    """Nobody is asked."""
    copies = BoundedCopies(run_dir, Space(0, most_output=None))
    copies.file(b"abc", "a.txt")
    assert copies.append(b"x" * 100, "output.log", 0) == 100
