"""An exception at any instruction of the first logging call: Ctrl-C, an alarm, a stack that is full.

The call may fail. What comes after it is as if it had never been made: one run, whose end is the program's.
"""

from __future__ import annotations

import contextlib
import dis
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import pytest

import wandb_logging
from tests.patience import PATIENCE
from wandb_logging import WandbHandler, read_run
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import claim_run, create_run
from wandb_logging._journal.rundir import RunDir
from wandb_logging._journal.writer import Writer
from wandb_logging._process import forks
from wandb_logging._run.run import going_on
from wandb_logging._sending.recover import is_left
from wandb_logging._values.reentrant import is_mine
from wandb_logging.testing import LocalServer

# A file that is open already and not yet anybody's when the exception comes is closed by Python, which warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

PACKAGE = str(Path(wandb_logging.__file__).parent)
SHARED = ("_run/handler.py", "_process/forks.py")  # the rooms whose locks all handlers share
# Instants that are tried: a million are all of them, and take hours.
POINTS = int(os.environ.get("FIRST_CALL_INSTANTS", "60"))


class Alarm(Exception):
    """What a program's own signal handler raises."""


KINDS: tuple[type[BaseException], ...] = (KeyboardInterrupt, RecursionError, Alarm, MemoryError)


class Interrupt:
    """Counts the instructions that this package, or some of its rooms, make on this thread; raises at one of them."""

    def __init__(
        self, at: int | None, kind: type[BaseException] = KeyboardInterrupt, rooms: tuple[str, ...] = ("",)
    ) -> None:
        self.count = 0
        self._at = at
        self._kind = kind
        self._rooms = rooms

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_code.co_filename.endswith(self._rooms):
            self.count += 1
            if self.count == self._at:
                raise self._kind
        return self

    def during(self, call: Callable[[], object]) -> bool:
        """Make a call; whether it was interrupted."""
        sys._getframe().f_trace_opcodes = True  # Python 3.12 counts instructions only if somebody wanted it before
        sys.settrace(self)
        try:
            call()
        except self._kind:
            return True
        finally:
            sys.settrace(None)
        return False


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """No thread of a run is left behind."""
    yield
    for run in going_on():
        run.finish(timeout=0)


def counted(mode: Literal["offline", "online"], rooms: tuple[str, ...] = ("",)) -> int:
    """How many instructions a first call makes."""
    handler = WandbHandler(project="p", mode=mode, cache_dir="counting", quiet=True, system_metrics=False)
    counter = Interrupt(None, rooms=rooms)
    assert not counter.during(lambda: handler.handle(record(0)))
    handler.close()
    assert counter.count > POINTS
    return counter.count


def instants(mode: Literal["offline", "online"]) -> list[int]:
    """Some of the instants of a first call, evenly."""
    count = counted(mode)
    return list(range(1, count, max(1, count // POINTS)))


def record(number: int) -> logging.LogRecord:
    record = logging.LogRecord("t", logging.INFO, "", 0, "", (), None)
    record.metrics = {"x": number}
    return record


@pytest.mark.parametrize("run_id", ["abc", None])
@pytest.mark.parametrize("kind", KINDS)
def test_offline(kind: type[BaseException], run_id: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One directory with a run in it, all rows of the calls that came after, exit code 0."""
    monkeypatch.setattr(logging, "raiseExceptions", False)  # a traceback of each call that fails
    WandbHandler(project="p", mode="offline", cache_dir="warm", quiet=True).handle(record(0))  # imports are made once
    for at in instants("offline")[KINDS.index(kind) :: len(KINDS)]:
        handler = WandbHandler(project="p", mode="offline", run_id=run_id, cache_dir=f"c{at}", quiet=True)
        Interrupt(at, kind).during(lambda: handler.handle(record(0)))  # noqa: B023
        for number in range(1, 4):
            handler.handle(record(number))
        handler.close()
        runs = [path.parent for path in Path(f"c{at}").glob("p/*/run.json")]
        assert len(runs) == 1, at
        data = read_run(runs[0])
        rows = [row["x"] for row in data.rows]
        assert (rows[-3:], data.exit_code, data.alive) == ([1, 2, 3], 0, False), at
        assert len(rows) <= 4, at
        assert not is_left(RunDir(runs[0]), RunDir(runs[0]).info.but(mode="online")) or run_id, at


def test_online(wandb_server: LocalServer) -> None:
    """The server has one run of that id, with all rows of the calls that came after, and it has finished."""
    WandbHandler(project="p", mode="online", cache_dir="warm", quiet=True).handle(record(0))
    for at in instants("online")[::6]:
        run_id = f"r{at}"
        handler = WandbHandler(project="p", mode="online", run_id=run_id, cache_dir=f"c{at}", quiet=True)
        Interrupt(at).during(lambda: handler.handle(record(0)))  # noqa: B023
        for number in range(1, 4):
            handler.handle(record(number))
        handler.close()
        run = wandb_server.run(run_id)
        assert [row["x"] for row in run.history if "x" in row][-3:] == [1, 2, 3], at
        assert (run.state, run.exit_code) == ("finished", 0), at


def test_no_thread_and_no_lock_is_left() -> None:
    """Of runs that never began."""
    before = threading.active_count()
    for at in instants("offline")[::4]:
        handler = WandbHandler(project="p", mode="offline", cache_dir=f"c{at}", quiet=True)
        if Interrupt(at).during(lambda: handler.handle(record(0))):  # noqa: B023
            handler.close()
    for run in going_on():
        run.finish(timeout=0)
    until = time.monotonic() + PATIENCE  # what was told to end may not have come to it yet
    while threading.active_count() > before + 1 and time.monotonic() < until:
        threading.enumerate()[-1].join(0.1)
    assert threading.active_count() <= before + 1


def test_other_threads_go_on() -> None:
    """Of the locks that all handlers share none stays with the thread that the exception came to."""
    WandbHandler(project="p", mode="offline", cache_dir="warm", quiet=True).handle(record(0))
    for at in range(1, counted("offline", SHARED) + 1):
        handler, another = (
            WandbHandler(project="p", mode="offline", cache_dir="c", quiet=True, system_metrics=False) for _ in range(2)
        )
        assert Interrupt(at, rooms=SHARED).during(lambda: handler.handle(record(0)))  # noqa: B023
        for each in (handler, another):  # the second has no run yet, whatever the first has come to
            other = threading.Thread(target=each.handle, args=[record(1)], daemon=True)
            other.start()
            other.join(PATIENCE)
            assert not other.is_alive(), at
            each.close()
        assert not forks._busy, at


def test_what_was_left_half_made_is_nobodys_run(tmp_path: Path) -> None:
    """Neither a directory without run.json nor one without a line is taken for a dead process's."""
    info = RunInfo("abc", "p", host="h", host_name="n", mode="online", start=1.0)
    claimed = claim_run(tmp_path, info)
    assert not (claimed.path / "run.json").exists()
    made = create_run(tmp_path, info)
    assert made.dead()
    assert not is_left(made, info)


class RealInterrupt(Interrupt):
    """Leaves out instructions that do nothing: only a tracer can raise there."""

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        does_nothing = event == "opcode" and frame.f_code.co_code[frame.f_lasti] == dis.opmap["NOP"]
        return self if does_nothing else super().__call__(frame, event, arg)


def test_a_later_call_leaves_no_lock(tmp_path: Path) -> None:
    """An exception at any instruction of it, those between the end of a block and its lock's release, too."""
    writer = Writer(tmp_path, segment_bytes=4096)
    rooms = ("_journal/writer.py",)
    counter = RealInterrupt(None, rooms=rooms)
    assert not counter.during(lambda: writer.append(b'{"t":1}'))
    for at in range(1, counter.count + 1):
        assert RealInterrupt(at, rooms=rooms).during(lambda: writer.append(b'{"t":1}'))
        assert not is_mine(writer._lock), at
    writer.close()


def test_a_call_within_a_call_leaves_it_the_lock(tmp_path: Path) -> None:
    """A signal's handler logs while this thread does, and an exception leaves it: the call below still has its lock."""
    held: list[bool] = []

    class Within(Writer):
        def _after_write(self, line: bytes, written: int) -> None:
            if not held:
                held.append(True)
                with contextlib.suppress(Alarm):
                    self.append(line)
                held.append(is_mine(self._lock))
            elif len(held) == 1:
                raise Alarm

    writer = Within(tmp_path, durable=True)
    writer.append(b'{"t":1}')
    assert held == [True, True]
    assert not is_mine(writer._lock)
    writer.close()
