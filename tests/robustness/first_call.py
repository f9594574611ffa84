"""First call: an exception at each instruction of the first logging call, by tracing, as Ctrl-C or an alarm bring one.

The call may fail. What comes after it is as if it had never been made: one run, whose end is the program's.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb_logging
from tests.robustness.ground import Outcome
from tests.robustness.planted import environment
from wandb_logging import WandbHandler, read_run
from wandb_logging._journal.rundir import RunDir
from wandb_logging._run.run import going_on
from wandb_logging._sending.recover import is_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PACKAGE = str(Path(wandb_logging.__file__).parent)
SAMPLE = 60  # instants that are tried if not all


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


def study(place: Path, *, full: bool, part: tuple[int, int] = (0, 1)) -> Outcome:
    """One directory with a run in it, all rows of the calls that came after, exit code 0; a sample if not `full`."""
    outcome = Outcome()
    with environment(), _without_tracebacks():
        call(new_handler(place / "warm"), 0)  # imports are made once
        count = counted(lambda: new_handler(place / "counting"))
        first, step = part if full else (0, max(1, count // SAMPLE))
        for at in range(1 + first, count, step):
            kind, run_id = KINDS[at % len(KINDS)], ("abc", None)[at // len(KINDS) % 2]
            what = f"{kind.__name__} at instruction {at} of {count}, {'with' if run_id else 'without'} an id"
            outcome.check(what, problems(place / str(at), at, kind, run_id))
            shutil.rmtree(place / str(at), ignore_errors=True)
            for run in going_on():  # of calls that were broken off: no thread of one is left
                run.finish(timeout=0)
    return outcome


@contextlib.contextmanager
def _without_tracebacks() -> Iterator[None]:
    """Logging prints one of each call that fails."""
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    finally:
        logging.raiseExceptions = before


def problems(cache: Path, at: int, kind: type[BaseException], run_id: str | None) -> Iterator[str]:
    """What is wrong after a first call that an exception of a kind came to."""
    handler = new_handler(cache, run_id)
    Interrupt(at, kind).during(lambda: call(handler, 0))
    for number in range(1, 4):
        call(handler, number)
    handler.close()
    runs = [path.parent for path in cache.glob("p/*/run.json")]
    if len(runs) != 1:
        yield f"there are {len(runs)} runs"
        return
    data = read_run(runs[0])
    rows = [row["x"] for row in data.rows]
    if rows not in ([1, 2, 3], [0, 1, 2, 3]):
        yield f"its rows are {rows}"
    if (data.exit_code, data.alive) != (0, False):
        yield f"its exit code is {data.exit_code}, alive: {data.alive}"
    if not run_id and is_left(RunDir(runs[0]), RunDir(runs[0]).info.but(mode="online")):
        yield "it passes for a run that a dead process left"


def counted(make: Callable[[], WandbHandler], rooms: tuple[str, ...] = ("",)) -> int:
    """How many instructions a handler's first call makes."""
    handler, counter = make(), Interrupt(None, rooms=rooms)
    interrupted = counter.during(lambda: call(handler, 0))
    handler.close()
    assert not interrupted
    return counter.count


def new_handler(cache: Path, run_id: str | None = None, mode: str = "offline", **more: Any) -> WandbHandler:
    """A handler that has no run yet."""
    return WandbHandler(project="p", mode=mode, run_id=run_id, cache_dir=cache, quiet=True, **more)  # type: ignore[arg-type]


def call(handler: WandbHandler, number: int) -> None:
    """A logging call."""
    record = logging.LogRecord("t", logging.INFO, "", 0, "", (), None)
    record.metrics = {"x": number}
    handler.handle(record)
