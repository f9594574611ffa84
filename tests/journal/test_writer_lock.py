"""A writer's number is taken by one process, which holds its file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wandb_logging._journal import writer_lock
from wandb_logging._journal.members import HELPER, MEMBER, Members, first_of_group, note_of

HOLDS = """
import sys
from pathlib import Path
from wandb_logging._journal.locks import ProcessLock
lock = ProcessLock(Path(sys.argv[1]).parent, Path(sys.argv[1]).name)
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


def test_a_number_whose_file_is_something_else_is_passed_over(tmp_path: Path) -> None:
    """A link that somebody planted there neither is followed nor keeps a process from writing its journal."""
    (tmp_path / "journal-0001.lock").symlink_to(tmp_path / "private")
    taken = writer_lock.WriterLock.take(tmp_path, 1, HELPER)
    assert taken.number == 2
    assert not (tmp_path / "private").exists()
    taken.release()


def test_a_number_whose_file_another_process_holds_is_left_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that looked at the file, and was stopped meanwhile: without its lock this process would pass for dead."""
    others: list[subprocess.Popen[str]] = []

    def while_another_looks(path: Path, number: int, rank: str) -> int:
        if not others:
            command = [sys.executable, "-c", HOLDS, str(path / "journal-0001.lock")]
            others.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            assert others[0].stdout is not None
            assert others[0].stdout.readline() == "True\n"
        return first_of_group(path, number, rank)

    monkeypatch.setattr(writer_lock, "first_of_group", while_another_looks)
    monkeypatch.setattr(writer_lock, "_TRIES", 3)
    try:
        taken = writer_lock.WriterLock.take(tmp_path, 1, MEMBER)
    finally:
        for other in others:
            other.communicate("")
    assert taken.number == 2
    assert note_of(tmp_path, 2).holder.pid
    assert Members(tmp_path, 2).exit_codes(1) == []  # the first number stands for nobody, who could have failed
