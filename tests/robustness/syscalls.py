"""Every syscall: the N-th write, fsync, open, rename, unlink ... fails, for every N, in each way, once or for long."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Any

from tests.robustness.calls import KINDS, watched
from tests.robustness.ground import START, MemoryServer, Outcome, drain, event, rows_problems, uploader
from wandb_logging._errors import WandbLoggingError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._journal.quota import forget_acknowledged, strip, unread
from wandb_logging._journal.rundir import RunDir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EINTR)
SHORT = 0  # not an error: the write takes some of the bytes
ROWS = 12

# How long it lasts: one call, until the process closes its journal, or until after that.
ONCE, UNTIL_CLOSE, BEYOND = "once", "until close", "beyond close"


class Faults:
    """Makes calls of the operating system fail from the N-th of a kind on."""

    def __init__(self, kind: str = "", number: int = 0, error: int = SHORT, lasts: str = ONCE) -> None:
        self.counts = dict.fromkeys(KINDS, 0)
        self._kind = kind
        self._number = number
        self._error = error
        self._lasts = lasts
        self.lifted = False

    def call(self, kind: str, real: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Make a call, or let it fail if it is its turn."""
        self.counts[kind] += 1
        number = self.counts[kind]
        due = number == self._number if self._lasts == ONCE else number >= self._number
        if kind != self._kind or not due or self.lifted:
            return real(*args, **options)
        if self._error != SHORT:
            raise OSError(self._error, os.strerror(self._error))
        *before, data = args
        return real(*before, data[: len(data) // 2])


def study(place: Path, *, full: bool) -> Outcome:
    """No logging call raises; what the disk refused is written later, and what could not be is counted."""
    outcome = Outcome()
    clean = Faults()
    outcome.check("no fault", _problems(place / "clean", clean, BEYOND))
    number = 0
    for kind in KINDS:
        errors = [*ERRORS, SHORT] if kind == "write" else list(ERRORS)
        for nth in range(1, clean.counts[kind] + 1, 1 if full else 3):
            for error in errors if full else errors[1:2] + errors[-1:]:
                for lasts in (ONCE, UNTIL_CLOSE, BEYOND):
                    if error in {SHORT, errno.EINTR} and lasts != ONCE:
                        continue  # Python itself repeats these, and would for ever
                    number += 1
                    what = f"{kind} {nth}, {errno.errorcode.get(error, 'short')}, {lasts}"
                    faults = Faults(kind, nth, error, lasts)
                    outcome.check(what, _problems(place / str(number), faults, lasts))
    return outcome


def _problems(place: Path, faults: Faults, lasts: str) -> Iterator[str]:
    server = MemoryServer()
    place.mkdir(parents=True)
    with watched(faults.call):
        try:
            run_dir = create_run(place / "cache", RunInfo("r", "p", start=START))
            writers = [run_dir.writer(segment_bytes=150)]
        except OSError:
            return  # where nothing can be made a run goes on in memory, which is another study
        sender = uploader(run_dir, server)
        dropped = 0  # to make room for others
        for number in range(ROWS):
            if number == 6:
                with contextlib.suppress(OSError):
                    writers.append(run_dir.writer(durable=True))
            writers[number % len(writers)].append(event(number))
            if number % 3 == 2:
                writers[0].sync()
            if number % 4 == 2:
                with contextlib.suppress(OSError):
                    dropped += _make_room(run_dir)
            if number % 4 == 3:
                with contextlib.suppress(WandbLoggingError):
                    sender.drain()
                with contextlib.suppress(OSError):
                    forget_acknowledged(run_dir)
        sender.close()
        faults.lifted = lasts != BEYOND
        for writer in writers:
            writer.close()
        faults.lifted = True
    refused = sum(sum(writer.counts.dropped.values()) for writer in writers)
    if refused and lasts != BEYOND:
        yield f"{refused} rows were dropped although the disk recovered"
    drain(run_dir, server)
    yield from server.broken
    yield from rows_problems(server.numbers, [], range(ROWS))
    if len(server.numbers) + refused + dropped != ROWS:
        yield f"{len(server.numbers)} rows arrived, {refused} and {dropped} are counted as lost, of {ROWS}"


def _make_room(run_dir: RunDir) -> int:
    """Lose the rows of one segment; how many."""
    with run_dir.alone():
        places = unread(run_dir)[:1]
        run_dir.generation += len(places)
        return sum(strip(run_dir.path, *found) for found in places)
