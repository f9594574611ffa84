"""Has processes that `multiprocessing` or loky spawns log to the run to which a forked child would log.

A spawned process knows nothing of its parent's handlers: unless it configures logging itself, its records would be lost
silently. So the parent gives its handlers to each process that it starts, as bytes that are only unpickled when that
process logs. A record for which that process has no handler goes to the parent's run, or, if the parent has not begun
one, to a run of the process's own. If the process configures a handler of ours by itself, that handler takes all.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing.process
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from multiprocessing.context import get_spawning_popen
from typing import Any

# This is unpickled before the process works. It must not fail if another interpreter
# (`multiprocessing.set_executable`) does not have this package.
_ARRIVAL = (
    "__import__('wandb_logging._run.spawned', fromlist=['arrive']).arrive(baggage)"
    " if __import__('importlib.util').util.find_spec('wandb_logging') else None"
)
_MARK = "wandb_logging"  # an attribute of our handlers, and our key in the data that a parent hands down

HandlerPlace = tuple[str, int, int]  # name of a logger, its level, the level of its handler
Baggage = tuple[bytes, str, Sequence[HandlerPlace]]  # the pickled handlers, why they could not be pickled, their places


class Invitation:
    """Goes to each spawned process, in the data that `multiprocessing` hands down.

    Args:
        baggage: what it brings. None: the handlers that this process has when it starts another one.
    """

    def __init__(self, baggage: Baggage | None = None) -> None:
        self._baggage = baggage

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if not is_spawning():  # settings may hold a key
            return Invitation, ()
        return eval, (_ARRIVAL, {"baggage": self._baggage or _packed()})


def is_spawning() -> bool:
    """Whether this thread pickles something for a process that it spawns."""
    return get_spawning_popen() is not None


def invite() -> None:
    """Give the handlers of this process to all processes that it spawns from now on."""
    leave()
    config = getattr(multiprocessing.process.current_process(), "_config", None)
    if isinstance(config, dict):
        config[_MARK] = Invitation()


def our_handlers() -> Iterator[tuple[logging.Logger, logging.Handler]]:
    """The handlers of ours that are attached to loggers, as pairs of logger and handler."""
    loggers: list[Any] = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if hasattr(handler, _MARK) and not isinstance(handler, _Late):
                yield logger, handler


def listed_handlers() -> list[logging.Handler]:
    """The handlers of ours that `logging` closes at exit, in the order in which they were made."""
    references: list[Any] = list(logging._handlerList)  # type: ignore[attr-defined]  # noqa: SLF001  no public way
    found = [reference() for reference in references]
    return [handler for handler in found if hasattr(handler, _MARK) and not isinstance(handler, _Late)]


def name_of(logger: logging.Logger) -> str:
    """The name by which `getLogger` finds the logger."""
    return "" if logger is logging.root else logger.name


def _packed() -> Baggage:
    try:  # no process may fail because of us
        found = list(our_handlers()) or [(logging.root, handler) for handler in listed_handlers()]
        where = [(name_of(logger), logger.level, handler.level) for logger, handler in found]
    except Exception:
        return b"", "", ()
    try:
        return pickle.dumps([handler for _, handler in found]), "", where
    except Exception as exc:  # a formatter, a filter or `on_stop` that cannot be pickled
        return b"", f"{type(exc).__name__}: {exc}", where


# --- in the process that was spawned ---

_lates: list[tuple[logging.Logger | None, logging.Handler | None, logging.Handler]] = []  # what `leave` has to undo
_making = False


def arrive(baggage: Baggage) -> Invitation:
    """Prepare a spawned process: only find out where its records would go. Handlers are made by the first record."""
    with contextlib.suppress(Exception):
        if not listed_handlers():  # else the process has configured a handler already
            for number, (name, level, handler_level) in enumerate(baggage[2]):
                _take(logging.getLogger(name), level, _Late(baggage, number, name, handler_level))
    return Invitation(baggage)  # it goes on to the process's own children


def leave() -> None:
    """Let the parent's handlers take no more records: this process has handlers of its own now, or has joined."""
    while _lates and not _making:
        logger, before, late = _lates.pop()
        if logger is not None:
            logger.removeHandler(late)
        elif logging.lastResort is late:
            logging.lastResort = before


def _take(logger: logging.Logger, level: int, late: _Late) -> None:
    if logger.hasHandlers():  # others have handlers here, as for printing: add ours
        logger.addHandler(late)
        _lates.append((logger, None, late))
    else:  # `basicConfig` has to find no handlers, so ours takes the place of `lastResort`
        before = logging.lastResort
        logging.lastResort = _Nobodys(before, late)
        _lates.append((None, before, logging.lastResort))
    if level and not logger.isEnabledFor(level):
        logger.setLevel(level)


class _Late(logging.Handler):
    """Stands for a handler of the parent, which is made with the first record."""

    wandb_logging = True  # by this `_process.notices` distinguishes our handlers from the user's

    def __init__(self, baggage: Baggage, number: int, name: str, level: int) -> None:
        super().__init__(level)
        self._baggage = baggage
        self._number = number
        self._place = name
        self._made: logging.Handler | None = None
        self._failed = False

    def handle(self, record: logging.LogRecord) -> Any:
        """Handle a record as the parent's handler would."""
        if record.levelno < self.level or record.name == "wandb_logging" or self._failed or not self._is_for(record):
            return False
        made = self._made or self._make()
        return made.handle(record) if made is not None else False

    def _is_for(self, record: logging.LogRecord) -> bool:
        return not self._place or record.name == self._place or record.name.startswith(f"{self._place}.")

    def _make(self) -> logging.Handler | None:
        global _making  # noqa: PLW0603  one process, one parent
        packed, reason, _ = self._baggage
        assert self.lock is not None
        with self.lock:
            if self._made is None and not self._failed:
                _making = True
                try:
                    self._made = _unpacked(packed)[self._number] if packed else None
                except Exception as exc:
                    reason = str(exc)
                finally:
                    _making = False
                self._failed = self._made is None
                if self._failed:
                    _say(f"what this process logs is in no run: it does not join its parent's: {reason}")
        return self._made


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> list[logging.Handler]:
    handlers: list[logging.Handler] = pickle.loads(packed)  # noqa: S301  from our own parent, by its pipe
    return handlers


def _say(text: str) -> None:
    """Print a line. `_process.notices` is not used: its import takes a moment, and the process may not need it."""
    with contextlib.suppress(Exception):  # there may be no stderr
        sys.stderr.write(f"wandb_logging: {text}\n")


class _Nobodys(logging.Handler):
    """Takes records that have no handler, and gives them to the former `lastResort` and the parent's handler."""

    def __init__(self, before: logging.Handler | None, late: _Late) -> None:
        super().__init__()
        self._before = before
        self._late = late

    def handle(self, record: logging.LogRecord) -> Any:
        """Give the record to both."""
        if self._before is not None and record.levelno >= self._before.level:
            self._before.handle(record)
        return self._late.handle(record)
