"""Promises about who wrote in a run directory, and how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.runs import make_run, row
from wandb_logging._journal.members import exit_codes, lock_name
from wandb_logging._journal.segments import segment_path

if TYPE_CHECKING:
    from pathlib import Path


def test_a_writer_that_has_just_made_its_file_has_not_failed(tmp_path: Path) -> None:
    """It may be a child or a rank's messenger that comes while the run ends; who has written is gone without a word."""
    path = make_run(tmp_path, [row(0)]).path
    (path / lock_name(2)).touch()
    assert exit_codes(path, 1, but=1) == []
    segment_path(path, 2, 1).touch()
    assert exit_codes(path, 1, but=1) == [1]
