"""Files that are forced to the disk, many at once."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from tests.patience import PATIENCE
from wandb_logging._journal.fsyncs import force_all
from wandb_logging._journal.members import HELPER
from wandb_logging._journal.reader import Reader
from wandb_logging._journal.segments import segment_path
from wandb_logging._journal.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    force_all(tmp_path / "f", [*names, "removed"])
    assert sorted(forced) == sorted(path.stat().st_ino for path in (tmp_path / "f").iterdir())


def test_many_go_on_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four wait for each other, and all of them come."""
    together = threading.Barrier(4)
    monkeypatch.setattr(os, "fsync", lambda _fd: together.wait(PATIENCE))
    force_all(tmp_path / "f", files(tmp_path / "f", 40))
    assert not together.broken


def test_where_no_thread_can_be_started(tmp_path: Path, forced: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of the interpreter one thread does it alone."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    force_all(tmp_path / "f", files(tmp_path / "f", 40))
    assert len(set(forced)) == 40


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list[Writer]]:
    """Twenty that have written a line each into one directory."""
    found = [Writer(tmp_path, HELPER) for _ in range(20)]
    for writer in found:
        writer.append(b'{"n":1}')
    yield found
    for writer in found:
        writer.close()


def lines(reader: Reader) -> int:
    """How many lines can be read."""
    count = 0
    while chunk := reader.read().bodies:
        count += len(chunk)
    return count


def segments_in(path: Path) -> set[int]:
    """The segments of a directory, by their numbers on the disk."""
    return {segment.stat().st_ino for segment in path.glob("journal-*.jsonl")}


def test_the_disk_works_while_lines_are_read(
    tmp_path: Path, writers: list[Writer], forced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has read waits for the disk to have all of it, and not before."""
    may_end, note = threading.Event(), os.fsync

    def fsync(fd: int) -> None:
        if os.fstat(fd).st_ino in segments_in(tmp_path):
            assert may_end.wait(PATIENCE)
        note(fd)

    reader = Reader(tmp_path)
    monkeypatch.setattr(os, "fsync", fsync)
    reader.sync_ahead(reader.ends())
    assert lines(reader) == len(writers)
    assert not segments_in(tmp_path) & set(forced)
    may_end.set()
    reader.sync()
    assert segments_in(tmp_path) <= set(forced)
    reader.close()


def test_what_came_meanwhile_is_forced_once_more(tmp_path: Path, writers: list[Writer], forced: list[int]) -> None:
    """A line that was written after the disk was told, and is read with the others, is not on it yet."""
    reader = Reader(tmp_path)
    reader.sync_ahead(reader.ends())
    for writer in writers[::2]:
        writer.append(b'{"n":2}')
    assert lines(reader) == len(writers) * 3 // 2
    reader.sync()
    for helper in reader._forcing._helpers:  # one may have begun with a file that nobody waits for any more
        helper.join()
    times = {writer.number: forced.count(segment_path(tmp_path, writer.number, 1).stat().st_ino) for writer in writers}
    assert times == {writer.number: 2 - place % 2 for place, writer in enumerate(writers)}
    reader.close()


def test_what_a_writer_has_forced_its_reader_need_not(tmp_path: Path, forced: list[int]) -> None:
    """A round forces the journal before it reads it, the end of a run does once more: a disk may take 50 ms each."""
    writer = Writer(tmp_path)
    reader = Reader(tmp_path, writer_here=lambda number: writer if number == writer.number else None)
    file = segment_path(tmp_path, writer.number, 1).stat().st_ino
    writer.append(b'{"n":1}')
    writer.sync()
    assert lines(reader) == 1
    reader.sync()
    assert forced.count(file) == 1
    writer.append(b'{"n":2}')
    assert lines(reader) == 1
    reader.sync()
    assert forced.count(file) == 2
    writer.sync()
    writer.close()
    assert forced.count(file) == 3
    reader.close()


@given(st.lists(st.sampled_from(["append", "sync", "read"]), max_size=25), st.booleans())
def test_all_that_was_read_is_on_the_disk(steps: list[str], close: bool) -> None:
    """Whoever has forced it, and however small the segments are; and in the end all that was written is."""
    sizes: dict[int, int] = {}

    def fsync(fd: int) -> None:
        sizes[os.fstat(fd).st_ino] = os.fstat(fd).st_size

    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        writer = Writer(Path(name), segment_bytes=100)
        reader = Reader(Path(name), writer_here=lambda _number: None if writer.closed else writer)
        for step in steps:
            if step == "append":
                writer.append(b'{"n":1}')
            elif step == "sync":
                writer.sync()
            else:
                count = lines(reader)
                reader.sync()
                assert not count or all(file_is_in(sizes, file) for file in Path(name).glob("journal-*.jsonl"))
        if close:
            writer.close()
            assert all(file_is_in(sizes, file) for file in Path(name).glob("journal-*.jsonl"))
        reader.close()
        writer.close()


def file_is_in(sizes: dict[int, int], file: Path) -> bool:
    """Whether all of a file was forced to the disk; an empty one need not be."""
    found = file.stat()
    return sizes.get(found.st_ino, 0) == found.st_size


def test_a_reader_that_is_closed_has_nothing_forced_ahead(
    tmp_path: Path, writers: list[Writer], forced: list[int]
) -> None:
    """It may go on: then what it reads is forced as if it had only begun."""
    reader = Reader(tmp_path)
    reader.sync_ahead(reader.ends())
    reader.close()
    forced.clear()
    assert lines(reader) == len(writers)
    reader.sync()
    assert segments_in(tmp_path) <= set(forced)
    reader.close()
