"""Forked children take numbers one after another, whoever else comes to the directory, without looking through it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from wandb_logging._journal.family import Family
from wandb_logging._journal.locks import lock_is_taken
from wandb_logging._journal.members import HELPER, Note, note_of, writers_of
from wandb_logging._journal.presence import Holder
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
    family = Family(7, HELPER, Note(0, helps=True))
    monkeypatch.setattr(os, "listdir", None)
    claims = [WriterLock.take_in_family(tmp_path, 1, family) for _ in range(3)]
    assert [claim.number for claim in claims] == [8, 9, 10]
    assert family.latest == 10
    for claim in claims:
        claim.release()


@given(st.integers(1, 2**31 - 1), st.text(max_size=10), st.text("0123456789abcdef", max_size=8))
def test_a_childs_file_says_what_its_note_says(process: int, host: str, carries: str) -> None:
    """Whatever the host is called: the text is put together of parts, and has to be that of the whole note."""
    holder = Holder(0, host, "boot", 26)
    text = Family(1, HELPER, Note(0, helps=True, carries=carries, holder=holder)).text(process)
    assert text == Note(0, helps=True, carries=carries, holder=replace(holder, pid=process)).text


@pytest.mark.not_quick
def test_a_childs_lock_file_is_that_of_its_process(tmp_path: Path) -> None:
    """While it lives others find it held and by whom; when it has closed its journal, that it has ended."""
    writer = Writer(tmp_path)
    (heard, says), (tells, told) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        try:
            writer.append(b'{"metrics": {"a": 1}}')
            os.write(says, b"1")
            os.read(tells, 1)
            writer.close()
        finally:
            os._exit(0)
    os.read(heard, 1)
    living, is_held = note_of(tmp_path, 2), lock_is_taken(tmp_path / "journal-0002.lock")
    os.write(told, b"1")
    os.waitpid(child, 0)
    for fd in (heard, says, tells, told):
        os.close(fd)
    writer.close()
    assert (living.holder.pid, living.helps, living.holder.ended, is_held) == (child, True, False, True)
    ended = note_of(tmp_path, 2)
    assert ended == replace(living, holder=replace(living.holder, ended=True))
