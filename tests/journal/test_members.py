"""Promises about who wrote in a run directory, and how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.runs import make_run, row
from wandb_logging._journal.members import Members, Standing, lock_name
from wandb_logging._journal.segments import segment_path
from wandb_logging._journal.writer_lock import WriterLock

if TYPE_CHECKING:
    from pathlib import Path


def test_a_writer_that_has_just_made_its_file_has_not_failed(tmp_path: Path) -> None:
    """It may be a child or a rank's messenger that comes while the run ends; who has written is gone without a word."""
    path = make_run(tmp_path, [row(0)]).path
    (path / lock_name(2)).touch()
    assert Members(path, 1).exit_codes(1) == []
    segment_path(path, 2, 1).touch()
    assert Members(path, 1).exit_codes(1) == [1]


def test_ranks_of_one_launch_are_a_group_whenever_they_come(tmp_path: Path) -> None:
    """Until one of them comes again, all having ended: then the launch was started anew, and only that counts."""

    def come_and_go(rank: str, code: int) -> int:
        claim = WriterLock.take(tmp_path, 1, Standing(rank=rank))
        claim.leave(code)
        claim.release()
        return claim.since

    assert [come_and_go(f"a-{rank}", code) for rank, code in ((1, 3), (2, 5), (0, 0))] == [1, 1, 1]
    assert Members(tmp_path, 3).exit_codes(1) == [3, 5]
    assert [come_and_go(f"a-{rank}", 0) for rank in (2, 1)] == [4, 4]
    assert Members(tmp_path, 5).exit_codes(4) == [0]
    assert come_and_go("b-0", 0) == 6  # another launch
    assert come_and_go("", 0) == 7
