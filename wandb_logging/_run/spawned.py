"""Processes that `multiprocessing` or loky spawns: what they log goes where that of a forked child would.

A spawned process knows nothing of its parent's handlers: what it logs without a configuration of its own would be
nowhere, without a word. So the parent sends its handlers along with each process that it starts, as bytes that are only
looked at when that process logs: a record that no handler there would take goes to the parent's run, or, where none has
begun, to one of its own. Where the process configures a handler of ours by itself, that one takes all.
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

# What is unpickled before the process's work: another interpreter (`multiprocessing.set_executable`) may lack us.
_ARRIVAL = (
    "__import__('wandb_logging._run.spawned', fromlist=['arrive']).arrive(baggage)"
    " if __import__('importlib.util').util.find_spec('wandb_logging') else None"
)
_MARK = "wandb_logging"  # an attribute of our handlers; and our name in what is handed down

HandlerPlace = tuple[str, int, int]  # name of a logger, its level, the level of the handler there
Baggage = tuple[bytes, str, Sequence[HandlerPlace]]  # the handlers, why there are none, where they are


class Invitation:
    """Goes with each process that is spawned, in what `multiprocessing` hands down to it.

    Args:
        baggage: what it brings; None: this process's handlers as they are when a process is started.
    """

    def __init__(self, baggage: Baggage | None = None) -> None:
        self._baggage = baggage

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if get_spawning_popen() is None:  # pickled for somebody else: settings may hold a key
            return Invitation, ()
        return eval, (_ARRIVAL, {"baggage": self._baggage or _packed()})


def invite() -> None:
    """Have the processes that this one spawns from now on get its handlers."""
    leave()
    config = getattr(multiprocessing.process.current_process(), "_config", None)
    if isinstance(config, dict):
        config[_MARK] = Invitation()


def our_handlers() -> Iterator[tuple[logging.Logger, logging.Handler]]:
    """The loggers that have a handler of ours, and that."""
    loggers: list[Any] = [logging.root, *logging.root.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if hasattr(handler, _MARK) and not isinstance(handler, _Late):
                yield logger, handler


def name_of(logger: logging.Logger) -> str:
    """The name that `getLogger` finds it by."""
    return "" if logger is logging.root else logger.name


def _packed() -> Baggage:
    try:  # no process may fail for us
        found = list(our_handlers()) or [(logging.root, handler) for handler in _handlers()]
        where = [(name_of(logger), logger.level, handler.level) for logger, handler in found]
    except Exception:
        return b"", "", ()
    try:
        return pickle.dumps([handler for _, handler in found]), "", where
    except Exception as exc:  # a formatter, a filter or `on_stop` that cannot be pickled
        return b"", f"{type(exc).__name__}: {exc}", where


def _handlers() -> list[logging.Handler]:
    references: list[Any] = list(logging._handlerList)  # type: ignore[attr-defined]  # noqa: SLF001  no public way
    found = [reference() for reference in references]
    return [handler for handler in found if hasattr(handler, _MARK) and not isinstance(handler, _Late)]


# --- in the process that was spawned ---

_lates: list[tuple[logging.Logger | None, logging.Handler | None, logging.Handler]] = []  # as `leave` needs them
_making = False


def arrive(baggage: Baggage) -> Invitation:
    """What a process does that was spawned: nothing yet but to see where records would go to."""
    with contextlib.suppress(Exception):
        if not _handlers():  # else it has configured one by now
            for number, (name, level, handler_level) in enumerate(baggage[2]):
                _take(logging.getLogger(name), level, _Late(baggage, number, name, handler_level))
    return Invitation(baggage)  # its own children are told, too


def leave() -> None:
    """This process has handlers of its own now, or has joined: the parent's take nothing more."""
    while _lates and not _making:
        logger, before, late = _lates.pop()
        if logger is not None:
            logger.removeHandler(late)
        elif logging.lastResort is late:
            logging.lastResort = before


def _take(logger: logging.Logger, level: int, late: _Late) -> None:
    if logger.hasHandlers():  # of others, who print: ours is one more
        logger.addHandler(late)
        _lates.append((logger, None, late))
    else:  # `basicConfig` and `dictConfig` find a process without handlers, as they should
        before = logging.lastResort
        logging.lastResort = _Nobodys(before, late)
        _lates.append((None, before, logging.lastResort))
    if level and not logger.isEnabledFor(level):
        logger.setLevel(level)


class _Late(logging.Handler):
    """A handler of the parent, made with the first record."""

    wandb_logging = True  # how `_process.notices` tells our handlers from the user's

    def __init__(self, baggage: Baggage, number: int, name: str, level: int) -> None:
        super().__init__(level)
        self._baggage = baggage
        self._number = number
        self._place = name
        self._made: logging.Handler | None = None
        self._failed = False

    def handle(self, record: logging.LogRecord) -> Any:
        """As the parent's handler would."""
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
    """Not by `_process.notices`: that takes a moment to import, in a process that may do nothing with us."""
    with contextlib.suppress(Exception):  # there may be no stderr
        sys.stderr.write(f"wandb_logging: {text}\n")


class _Nobodys(logging.Handler):
    """What takes records that no handler takes: what did before, and the parent's handler."""

    def __init__(self, before: logging.Handler | None, late: _Late) -> None:
        super().__init__()
        self._before = before
        self._late = late

    def handle(self, record: logging.LogRecord) -> Any:
        """Give it to both."""
        if self._before is not None and record.levelno >= self._before.level:
            self._before.handle(record)
        return self._late.handle(record)
