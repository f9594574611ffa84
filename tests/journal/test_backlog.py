"""Lines that wait are counted once, and only as long as there is time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.examples import at_most
from tests.runs import add, make_run, row
from wandb_logging._journal import backlog, safe_files
from wandb_logging._journal.backlog import Backlog
from wandb_logging._journal.position import places

NEVER = 0.0  # a time that is over


class BytesRead:
    """Counts the bytes that are read of a run directory's files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        opened = safe_files.open_to_read

        def counting(*args: Any) -> Any:
            file = opened(*args)
            return _Counted(file, self) if str(args[1]).endswith(".jsonl") else file

        monkeypatch.setattr(safe_files, "open_to_read", counting)


class _Counted:
    def __init__(self, file: Any, to: BytesRead) -> None:
        self._file, self._to = file, to

    def __enter__(self) -> _Counted:  # noqa: PYI034  typing.Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def seek(self, at: int) -> None:
        self._file.seek(at)

    def read(self, most: int) -> bytes:
        data: bytes = self._file.read(most)
        self._to.count += len(data)
        return data


def size_of(path: Path) -> int:
    return sum(file.stat().st_size for file in path.glob("journal-*.jsonl"))


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=12),
    st.integers(200, 5000),
    st.integers(1, 300),
)
@settings(max_examples=at_most(60))
def test_it_is_what_a_reader_comes_to(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, int, bool]], segment_bytes: int, block: int
) -> None:
    """Whatever was written, acknowledged and counted in between, in whatever pieces."""
    run_dir = make_run(tmp_path_factory.mktemp("run"))
    writer = run_dir.writer(segment_bytes=segment_bytes)
    reader = run_dir.reader(None, record_order=False)
    counted = Backlog(run_dir.path)
    left = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backlog, "_BLOCK", block)
        for written, read, in_time in turns:
            add(writer, [row(i) for i in range(written)])
            left += written - len(reader.read(read).bodies if read else [])
            found = counted.after(places(reader.position), float("inf") if in_time else NEVER)
            assert found.estimated or found.number == left
            assert (found.number > 0) == (left > 0)
        assert counted.after(places(reader.position)) == (left, False)
        assert counted.after({}) == (sum(turn[0] for turn in turns), False)
    reader.close()
    writer.close()


def test_each_byte_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To count again costs what came since; and what went since once more, or what is left if that is less."""
    run_dir = make_run(tmp_path, [row(i) for i in range(1000)])
    counted, read = Backlog(run_dir.path), BytesRead(monkeypatch)
    size = size_of(run_dir.path)
    assert [counted.after({}).number for _ in range(50)] == [1000] * 50
    assert read.count == size
    writer = run_dir.writer()
    add(writer, [row(i) for i in range(10)])
    assert counted.after({}).number == 1010
    assert read.count == size_of(run_dir.path)
    read.count = 0
    assert counted.after({1: (1, size)}).number == 10
    assert read.count == 0
    writer.close()


def test_where_there_is_no_time_it_is_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block tells how many lines there are about; each further look counts one more, until all are counted."""
    monkeypatch.setattr(backlog, "_BLOCK", 10_000)
    run_dir = make_run(tmp_path, [row(i + 10_000) for i in range(5000)])
    counted, read = Backlog(run_dir.path), BytesRead(monkeypatch)
    first = counted.after({}, NEVER)
    assert first.estimated
    assert first.number == pytest.approx(5000, rel=0.03)
    assert read.count == 10_000
    looks = 1
    while counted.after({}, NEVER).estimated:
        looks += 1
    assert looks + 1 == -(-size_of(run_dir.path) // 10_000)
    assert counted.after({}, NEVER) == (5000, False)
    assert read.count == size_of(run_dir.path)


def test_a_directory_that_begins_anew(tmp_path: Path) -> None:
    """A segment that is smaller than it was is another one."""
    run_dir = make_run(tmp_path, [row(i) for i in range(100)])
    counted = Backlog(run_dir.path)
    assert counted.after({}).number == 100
    segment = next(run_dir.path.glob("journal-*.jsonl"))
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:7]))
    assert counted.after({}).number == 7


def test_time_that_is_left_is_used(tmp_path: Path) -> None:
    """With time enough nothing is estimated."""
    run_dir = make_run(tmp_path, [row(i) for i in range(100)])
    assert Backlog(run_dir.path).after({}, time.monotonic() + 300) == (100, False)
