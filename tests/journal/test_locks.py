from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wandb_logging._journal import locks
from wandb_logging._journal.locks import ProcessLock, lock_is_taken, out_of_the_way
from wandb_logging._journal.presence import said_in
from wandb_logging._values.plain import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from wandb_logging._journal.locks import ProcessLock
lock = ProcessLock(Path(sys.argv[1]).parent, Path(sys.argv[1]).name)
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock at `tmp_path/lock`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_one_at_a_time(tmp_path: Path) -> None:
    """Two locks on one file, even of one process, are never held together."""
    first, second = ProcessLock(tmp_path, "lock"), ProcessLock(tmp_path, "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    assert (first.held, second.held) == (False, True)
    second.release()


def test_taking_and_giving_back_twice_is_harmless(tmp_path: Path) -> None:
    """`acquire` and `release` may be called again."""
    lock = ProcessLock(tmp_path, "lock")
    assert lock.acquire()
    assert lock.acquire()
    lock.release()
    lock.release()
    assert not lock_is_taken(tmp_path / "lock")


def test_who_makes_the_file_locks_that_very_file(tmp_path: Path) -> None:
    """Only one can make it; and what it locks is what it has made, whatever lies in that place by then."""
    mine = ProcessLock(tmp_path, "lock")
    mine.make()
    with pytest.raises(FileExistsError):
        ProcessLock(tmp_path, "lock").make()
    (tmp_path / "lock").rename(tmp_path / "elsewhere")
    assert mine.acquire()
    assert lock_is_taken(tmp_path / "elsewhere")
    assert lock_is_taken(tmp_path / "lock") is False
    mine.release()


def test_a_lock_that_does_not_exist_is_free(tmp_path: Path) -> None:
    """A missing file is not locked, and looking does not make it."""
    assert lock_is_taken(tmp_path / "lock") is False
    assert not (tmp_path / "lock").exists()


def test_looking_does_not_take_it(tmp_path: Path) -> None:
    """`lock_is_taken` of a free lock leaves it free."""
    (tmp_path / "lock").touch()
    assert not lock_is_taken(tmp_path / "lock")
    assert ProcessLock(tmp_path, "lock").acquire()


def test_another_process_holds_it(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    """A lock is seen from other processes while its holder lives."""
    assert lock_is_taken(tmp_path / "lock") is True
    assert not ProcessLock(tmp_path, "lock").acquire()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_a_lock_dies_with_its_process(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    """A killed process leaves no stale lock behind."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not lock_is_taken(tmp_path / "lock")
    assert ProcessLock(tmp_path, "lock").acquire()


def test_the_note_says_who(tmp_path: Path) -> None:
    """Who holds the lock can be read by others; a shorter note replaces a longer one."""
    lock = ProcessLock(tmp_path, "lock")
    lock.note("nobody reads what is noted without the lock")
    assert lock.acquire()
    lock.note("a long note")
    lock.note("short")
    assert (tmp_path / "lock").read_text() == "short"
    lock.release()


def test_a_note_is_read_whole_while_it_is_written_anew(tmp_path: Path) -> None:
    """Others read it at any moment: what is half there would look like a member that is gone without a word."""
    lock, notes = ProcessLock(tmp_path, "lock"), ('{"pid": 1, "since": 1}', '{"pid": 1, "since": 1, "left": 0}')
    assert lock.acquire()
    lock.note(notes[0])
    is_over = threading.Event()

    def write() -> None:
        for number in range(2000):
            lock.note(notes[number % 2])
        is_over.set()

    thread = threading.Thread(target=write)
    thread.start()
    found = set()
    while not is_over.is_set():
        found.add(dumps(said_in(tmp_path, "lock")).decode())
    thread.join()
    lock.release()
    assert found <= {dumps(loads(note)).decode() for note in notes}


def test_a_note_is_never_written_into_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread, or a signal's handler, lets go of the lock while the note is written, and opens something."""
    program = tmp_path / "program"
    program.write_text("the program's")
    opened: list[int] = []
    fstat = os.fstat

    def let_go() -> None:
        lock.release()
        opened.extend(out_of_the_way(os.open(program, os.O_RDWR)) for _ in range(5))

    def in_thread() -> None:
        thread = threading.Thread(target=let_go)
        threads.append(thread)
        thread.start()
        thread.join(0.1)  # it waits for the note

    for meanwhile in (let_go, in_thread):
        threads: list[threading.Thread] = []
        lock = ProcessLock(tmp_path, "lock")
        assert lock.acquire()
        held = lock._fd
        todo = [meanwhile]

        def interrupted(fd: int, todo: list[Callable[[], None]] = todo) -> os.stat_result:
            found = fstat(fd)
            if todo:
                todo.pop()()
            return found

        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", interrupted)
            lock.note("pid 1")
        for thread in threads:
            thread.join()
        assert not lock.held
        assert program.read_text() == "the program's"
        assert not lock_is_taken(tmp_path / "lock")
        assert held not in opened or meanwhile is in_thread  # it was closed once, when nobody wrote to it any more
        while opened:
            os.close(opened.pop())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_is_forked_while_a_note_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has nobody who would let go of what that holds, and needs nobody."""
    lock = ProcessLock(tmp_path, "lock")
    assert lock.acquire()
    fstat, inside, through = os.fstat, threading.Event(), threading.Event()

    def held_up(fd: int) -> os.stat_result:
        if threading.current_thread() is writing:
            inside.set()
            through.wait()
        return fstat(fd)

    monkeypatch.setattr(os, "fstat", held_up)
    writing = threading.Thread(target=lock.note, args=("pid 1",))
    writing.start()
    inside.wait()
    child = os.fork()
    if not child:
        lock.abandon()
        lock.note("nobody's")
        lock.release()
        os._exit(0 if lock_is_taken(tmp_path / "lock") else 1)
    code = os.waitpid(child, 0)[1]
    through.set()
    writing.join()
    assert (code, (tmp_path / "lock").read_text()) == (0, "pid 1")
    lock.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_lets_go_without_unlocking(tmp_path: Path) -> None:
    """`abandon` in the child leaves the lock with the parent, also after the child is gone."""
    lock = ProcessLock(tmp_path, "lock")
    assert lock.acquire()
    child = os.fork()
    if not child:
        lock.abandon()
        os._exit(0 if lock_is_taken(tmp_path / "lock") and not lock.held else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert lock.held
    assert lock_is_taken(tmp_path / "lock")
    lock.release()
    assert not lock_is_taken(tmp_path / "lock")


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be locked nothing is locked, nothing is certain, and `acquire` says so."""

    def refuse(fd: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_lock", refuse)
    (tmp_path / "lock").touch()
    with pytest.raises(OSError, match="No locks"):
        ProcessLock(tmp_path, "lock").acquire()
    assert lock_is_taken(tmp_path / "lock") is None
