"""Names of segments, such as others may have put into a run directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import add, make_run, row
from wandb_logging._journal.seal import seal
from wandb_logging._journal.segments import MOST, segments
from wandb_logging._journal.verify import verify

LINE = seal(b'{"metrics":{"n":1},"t":1700000000.0}')


@pytest.mark.parametrize(
    "name",
    [
        "journal-9999999999-9999999999.jsonl",
        f"journal-{'9' * 100}-0001.jsonl",
        "journal-00001-0001.jsonl",  # would be the same as 0001
        "journal-\u0661\u0661\u0661\u0661-0001.jsonl",  # digits, but no names of ours
        "journal-0001-0001.jsonl\n",
    ],
)
def test_what_is_no_segment_of_ours(name: str, tmp_path: Path) -> None:
    """Each segment has one name, with numbers that are no larger than ours can be."""
    run_dir = make_run(tmp_path, [row(0)])
    (run_dir.path / name).write_bytes(LINE)
    assert segments(run_dir.path) == [(1, 1)]


def test_a_gap_of_a_billion_segments(tmp_path: Path) -> None:
    """Costs no time: it is passed, and told of in one line."""
    run_dir = make_run(tmp_path, [row(0)])
    (run_dir.path / f"journal-0001-{MOST}.jsonl").write_bytes(LINE)
    (run_dir.path / f"journal-{MOST}-{MOST}.jsonl").write_bytes(LINE)
    reader = run_dir.reader(None, record_order=False)
    assert len([body for _ in range(3) for body in reader.read().bodies]) == 3
    reader.close()
    said = verify(run_dir).problems
    assert f"journal-0001-0002.jsonl to journal-0001-{MOST - 1}.jsonl are missing" in said


def test_a_writer_beside_the_largest_number(tmp_path: Path) -> None:
    """Gets one that is free, in whose name nobody has written."""
    run_dir = make_run(tmp_path, [row(0)])
    (run_dir.path / f"journal-{MOST}-0001.jsonl").write_bytes(LINE)
    (run_dir.path / "journal-0002-0001.jsonl").write_bytes(LINE)
    writer = run_dir.writer()
    add(writer, [row(1)])
    writer.close()
    assert writer.number == 3
    assert (3, 1) in segments(run_dir.path)
