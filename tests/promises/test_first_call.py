"""An exception at any instruction of the first logging call: Ctrl-C, an alarm, a stack that is full.

The call may fail. What comes after it is as if it had never been made: one run, whose end is the program's. The study
*first call* of `tests.robustness` tries that offline; here is what else an exception must not leave behind.
"""

from __future__ import annotations

import contextlib
import dis
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import pytest

from tests.patience import PATIENCE
from tests.robustness import first_call
from tests.robustness.first_call import Alarm, Interrupt, new_handler
from wandb_logging import WandbHandler, read_run
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import claim_run, create_run
from wandb_logging._journal.quota import BoundedWriter
from wandb_logging._journal.writer import Writer
from wandb_logging._process import forks
from wandb_logging._run.run import going_on
from wandb_logging._sending.recover import is_left
from wandb_logging._values.reentrant import is_mine
from wandb_logging.testing import LocalServer

# A file that is open already and not yet anybody's when the exception comes is closed by Python, which warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

SHARED = ("_run/handler.py", "_process/forks.py")  # the rooms whose locks all handlers share
QUICKLY: dict[str, Any] = {
    "system_metrics": False,
    "standard_files": False,
}  # which its locks have no part in
# Instants that are tried: a million are all of them, and take hours.
POINTS = int(os.environ.get("FIRST_CALL_INSTANTS", "60"))


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """No thread of a run is left behind."""
    yield
    for run in going_on():
        run.finish(timeout=0)


def counted(mode: Literal["offline", "online"], rooms: tuple[str, ...] = ("",)) -> int:
    """How many instructions a first call makes."""
    count = first_call.counted(lambda: new_handler(Path("counting"), mode=mode), rooms)
    assert count > POINTS
    return count


def instants(mode: Literal["offline", "online"]) -> list[int]:
    """Some of the instants of a first call, evenly."""
    count = counted(mode)
    return list(range(1, count, max(1, count // POINTS)))


def record(number: int) -> logging.LogRecord:
    record = logging.LogRecord("t", logging.INFO, "", 0, "", (), None)
    record.metrics = {"x": number}
    return record


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
        handler, another = (new_handler(Path("c"), **QUICKLY) for _ in range(2))
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


@pytest.mark.slow
def test_rows_go_on_whatever_instruction_of_the_handler_it_was() -> None:
    """Each of them: one that left the handler thinking that its run is just being made would lose all that follows."""
    new_handler(Path("warm")).handle(record(0))
    rooms = SHARED[:1]
    for at in range(1, first_call.counted(lambda: new_handler(Path("counting")), rooms)):
        handler = new_handler(Path(f"c{at}"), **QUICKLY)
        Interrupt(at, rooms=rooms).during(lambda: handler.handle(record(0)))  # noqa: B023
        handler.handle(record(1))
        handler.close()
        (found,) = Path(f"c{at}").glob("p/*/run.json")
        assert [row["x"] for row in read_run(found.parent).rows][-1:] == [1], at


class RealInterrupt(Interrupt):
    """Leaves out instructions that do nothing: only a tracer can raise there."""

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        # NOT_TAKEN (3.14) marks, for sys.monitoring, a branch that was not.
        code = frame.f_code.co_code
        does_nothing = event == "opcode" and dis.opname[code[frame.f_lasti]] in {"NOP", "NOT_TAKEN"}
        return self if does_nothing else super().__call__(frame, event, arg)


@pytest.mark.parametrize("way", ["append", "offer"])
@pytest.mark.parametrize("bounded", [False, True])
def test_a_later_call_leaves_no_lock(way: str, bounded: bool, tmp_path: Path) -> None:
    """An exception at any instruction of it, those between the end of a block and its lock's release, too."""
    if bounded:
        info = RunInfo("abc", "p", host="h", host_name="n", mode="offline", start=1.0)
        run_dir = create_run(tmp_path, info)
        writer: Writer = BoundedWriter(run_dir, most=2**24, policy="drop_newest", patience=0, segment_bytes=4096)
    else:
        writer = Writer(tmp_path, segment_bytes=4096)
    call = getattr(writer, way)
    rooms = ("_journal/writer.py",)
    counter = RealInterrupt(None, rooms=rooms)
    assert not counter.during(lambda: call(b'{"t":1}'))
    for at in range(1, counter.count + 1):
        assert RealInterrupt(at, rooms=rooms).during(lambda: call(b'{"t":1}'))
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
