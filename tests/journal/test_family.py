"""Forked children take numbers one after another, whoever else comes to the directory, without looking through it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wandb_logging._journal.family import Family
from wandb_logging._journal.members import HELPER, writers_of
from wandb_logging._journal.presence import NOBODY
from wandb_logging._journal.segments import segments
from wandb_logging._journal.writer import Writer
from wandb_logging._journal.writer_lock import WriterLock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")


def forked(writer: Writer, deep: int = 0) -> None:
    """Append in a forked child, and in its own children, and wait for them."""
    child = os.fork()
    if not child:
        try:
            if deep:
                forked(writer, deep - 1)
            writer.append(b'{"metrics": {"a": 1}}')
        finally:
            os._exit(0)
    os.waitpid(child, 0)


@pytest.mark.not_quick
def test_one_after_another(tmp_path: Path) -> None:
    """Whose children they are does not matter, nor that one of them wrote nothing."""
    writer = Writer(tmp_path)
    for deep in (0, 2, 1):
        forked(writer, deep)
    if not (silent := os.fork()):
        os._exit(0)
    os.waitpid(silent, 0)
    forked(writer)
    writer.close()
    assert [number for number, _ in segments(tmp_path)] == list(range(1, 9)) == writers_of(tmp_path)


def test_a_stranger_between_them(tmp_path: Path) -> None:
    """Who is no child and takes the next number keeps it; the children go around it."""
    writer = Writer(tmp_path)
    forked(writer)
    stranger = Writer(tmp_path)
    assert stranger.number == 3
    forked(writer)
    stranger.append(b'{"metrics": {"a": 1}}')
    stranger.close()
    forked(writer)
    writer.close()
    assert [number for number, _ in segments(tmp_path)] == [1, 2, 3, 4, 5]
    assert (tmp_path / "journal-0003-0001.jsonl").stat().st_size


def test_it_is_told_when_many_have_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the next fork, again as long as nobody heeds it, and then not until as many more have come."""
    monkeypatch.setattr("wandb_logging._journal.family._MANY", 2)
    writer, heeded, told = Writer(tmp_path), False, list[int]()
    children = 0

    def hear() -> bool:
        told.append(children)
        return heeded

    writer.many_came = hear
    for children in range(7):
        heeded = children >= 3
        forked(writer)
    writer.close()
    assert told == [2, 3, 5]


def test_the_directory_is_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the thousandth child pays no more than the first."""
    family = Family(7, HELPER, NOBODY)
    monkeypatch.setattr(os, "listdir", None)
    claims = [WriterLock.take(tmp_path, 1, HELPER, family) for _ in range(3)]
    assert [claim.number for claim in claims] == [8, 9, 10]
    assert family.latest == 10
    for claim in claims:
        claim.release()
