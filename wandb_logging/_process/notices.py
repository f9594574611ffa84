"""Messages to the person at the keyboard: lines on the `wandb_logging` logger, each kind at most once a minute.

Three traps shape this module. A logging call must not log, so it leaves its message with `Notices.add`; another thread
says the message later, or it is said at the end. `dictConfig` and `logging.shutdown` wait for us while they hold
logging's own locks, so nothing here takes one of them. And if our handler is the only one, nobody would read the
lines: then, and only then, they go to stderr.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

from wandb_logging._values.reentrant import is_native, new_lock, of_child
from wandb_logging._values.terminal_text import lines_of

INTERVAL = 60.0  # seconds between two lines of one kind
_MOST_KINDS = 1000  # kinds that are counted
_MOST_WAITING = 100  # lines; older ones give way
_PATIENCE = 1.0  # seconds to wait for the lock of another handler

logger = logging.getLogger("wandb_logging")
# Independent of the root's level. To hide these lines, set a level on this logger, or use `quiet`.
logger.setLevel(logging.INFO)


class _Screen(logging.Handler):
    """Writes lines to stderr that no other handler would take."""

    shows_wandb_logging = True  # seen by another copy of this module, for which this class is a stranger's

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(record, "quiet", False) and not _taken(record)

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):  # a closed or broken stderr must not stop anything
            _write(f"wandb_logging: {record.getMessage()}\n")


def _write(text: str) -> None:
    """Write to stderr. What a full disk behind it refuses is not kept: else Python's exit code would become 120."""
    stream, real = sys.stderr, sys.__stderr__
    if stream is None:
        return
    if os.name == "posix" and real is not None and stream is real:
        real.flush()
        os.write(real.fileno(), text.encode(real.encoding, "backslashreplace"))
    else:
        stream.write(text)
        stream.flush()


_screen = _Screen()
# A program may import this package anew, as test runners and notebooks do. With two screens each would leave the lines
# to the other. The last one shows those of all copies.
for _handler in list(logger.handlers):
    if hasattr(_handler, "shows_wandb_logging"):
        logger.removeHandler(_handler)
logger.addHandler(_screen)


def _taken(record: logging.LogRecord) -> bool:
    """Whether one of the user's handlers takes this record."""
    for handler in _handlers():
        unread = handler is _screen or isinstance(handler, logging.NullHandler)
        if not unread and record.levelno >= handler.level:
            return True
    return False


def _handlers() -> Iterator[logging.Handler]:
    """The handlers that our lines reach, including those of parent loggers.

    Our WandbHandler, which `wandb_logging` marks, is left out: it ignores our records, and its lock is held while it is
    being closed and waits for us.
    """
    place: logging.Logger | None = logger
    while place is not None:
        yield from (handler for handler in list(place.handlers) if not hasattr(handler, "wandb_logging"))
        place = place.parent if place.propagate else None


def say(level: int, text: str, *, quiet: bool = False) -> None:
    """Log a line now; `quiet` keeps the line off stderr. Must not be called inside a logging call."""
    if level < logger.getEffectiveLevel():
        return
    # `logger.log` would take logging's module lock, which a second `dictConfig` holds while it waits for us.
    # `logger.disabled` is not checked either: by default dictConfig sets it on every logger it does not name.
    record = logger.makeRecord(
        logger.name, level, "(wandb_logging)", 0, lines_of(text), (), None, extra={"quiet": quiet}
    )
    for handler in _handlers():
        if record.levelno >= handler.level:
            with contextlib.suppress(Exception):
                _give(record, handler)


def _give(record: logging.LogRecord, handler: logging.Handler) -> None:
    """Give a record to a handler, unless the handler stays locked for long.

    The holder of the handler's lock may be waiting for us, because a signal's handler can interrupt any logging call.
    """
    if handler.lock is None:
        handler.handle(record)
    elif handler.lock.acquire(timeout=_PATIENCE):
        try:
            handler.handle(record)
        finally:
            handler.lock.release()


class Outcry:
    """Says a line on stderr at once, and only once. May be called inside a logging call: no logger is used.

    For processes without a thread that could say it later, which may also end in a way that calls nobody.

    Args:
        text: makes the line, or "" while there is nothing to say.
        quiet: says nothing.
    """

    def __init__(self, text: Callable[[], str], *, quiet: bool) -> None:
        self._text = text
        self._over = quiet

    def __call__(self) -> None:
        """Say the line, unless it was said."""
        if self._over or not (text := self._text()):
            return
        self._over = True
        with contextlib.suppress(Exception):  # as in `_Screen`
            _write(f"wandb_logging: {lines_of(text)}\n")


class Notice(NamedTuple):
    """A line for the person at the keyboard.

    Attributes:
        kind: lines of one kind are said once a minute; further ones are counted.
        text: the line.
        level: a level of `logging`.
    """

    kind: str
    text: str
    level: int = logging.WARNING


class Notices:
    """The lines of one run that wait to be said.

    Args:
        quiet: keeps the lines off stderr.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._native = is_native()
        self._waiting: deque[Notice] = deque(maxlen=_MOST_WAITING)
        self._last: dict[str, tuple[float, int]] = {}
        self._numbers: dict[str, Iterator[int]] = {}  # by kind; `next` is atomic for all threads
        self._lock = new_lock()

    def after_fork_in_child(self) -> None:
        """Forget the parent's lines, which it says itself, and free the lock that its thread may have held."""
        if self._waiting or self._last or self._numbers:
            self._parents = self._waiting, self._last, self._numbers  # not freed, as in `Writer`
            self._waiting, self._last, self._numbers = deque(maxlen=_MOST_WAITING), {}, {}
        self._lock = of_child(self._lock)

    def add(self, kind: str, text: str, level: int = logging.WARNING) -> None:
        """Leave a line to be said later; the arguments are the parts of a `Notice`. Safe inside a logging call."""
        self._waiting.append(Notice(kind, text, level))
        if len(self._numbers) < _MOST_KINDS:
            next(self._numbers.setdefault(kind, count(1)))

    @property
    def threads_replaced(self) -> bool:
        """Whether gevent or eventlet has replaced Python's threads since the run began."""
        return self._native and not is_native()

    def numbers(self) -> dict[str, int]:
        """How many lines of each kind there have been, whether they were said or not."""
        # A counter's repr shows its value; `next` would advance it.
        return {kind: int(repr(number)[len("count(") : -1]) - 1 for kind, number in list(self._numbers.items())}

    def say_all(self) -> None:
        """Say the waiting lines. Must not be called inside a logging call."""
        if not self._waiting:
            return
        with self._lock:
            while self._waiting:
                kind, text, level = self._waiting.popleft()
                said, more = self._last.get(kind, (-INTERVAL, 0))
                now = time.monotonic()
                if now - said < INTERVAL:
                    self._last[kind] = (said, more + 1)
                    continue
                self._last[kind] = (now, 0)
                text = f"{text} ({more} more like this since then)" if more else text
                say(level, text, quiet=self._quiet)
