"""`WandbHandler`: appends log records to a run's journal. A `logging.Handler` with a `QueueHandler` inside.

It *has* a QueueHandler and is not a subclass of it: from Python 3.12 on `dictConfig` treats subclasses of QueueHandler
specially, and they fail (CPython issues 111615, 118868).
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from logging.handlers import QueueHandler
from threading import get_ident
from typing import TYPE_CHECKING, Any

from wandb_logging._errors import LogError, SettingsError
from wandb_logging._launch.here import launch_here, warnings_here
from wandb_logging._process import at_exit, ending, exit_code, forks
from wandb_logging._process.last_words import say_last
from wandb_logging._process.listener import own_threads
from wandb_logging._process.notices import Outcry
from wandb_logging._records.completed import completed
from wandb_logging._records.snapshot import Snapshot, is_row
from wandb_logging._run import messages, spawned
from wandb_logging._run.inlet import flush_aloud, inlet_of, tell_fault
from wandb_logging._run.run import Run, end_of, go_on, going_on, is_finished, is_in_child, orphan_of
from wandb_logging._run.start import anchored, prepare_early, prepare_for
from wandb_logging._run.stats import Stats
from wandb_logging._settings.settings import SETTINGS, Settings
from wandb_logging._values.alive import Alive
from wandb_logging._values.reentrant import LookingLock, is_mine, let_go, of_child

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from wandb_logging._journal.writer import Writer
    from wandb_logging._report import Report
    from wandb_logging._settings.given import GivenSettings

    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


# There is one lock for all handlers, so that a run begins once, whichever thread logs first.
_starting = LookingLock()

_handlers: Alive[WandbHandler] = Alive()

# The run of another process that this process has joined; None if it has joined none. Its handlers log to that run.
_joined_run: Run | None = None


def have_joined(run: Run) -> None:
    """Have handlers of this process log to a run of another process: those that have no run yet, and later ones."""
    global _joined_run  # noqa: PLW0603  there is one such run in a process
    _joined_run = run


def has_joined(run: Run) -> bool:
    """Whether `have_joined` was told this run."""
    return _joined_run is run


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Inside the `with` no other thread starts a run or forks: a child could not use a run that is half made."""
    within, depth = is_mine(_starting), forks.depth()
    try:
        with forks.held_off(), _starting:
            yield
    except BaseException:
        if not within:
            let_go(_starting)
        forks.back_to(depth)
        raise


def _after_fork_in_child() -> None:
    global _starting  # noqa: PLW0603  a thread of the parent may have held it
    _starting = of_child(_starting)
    for handler in _handlers.all():
        handler._after_fork_in_child()  # noqa: SLF001  the same room


def _begin_in_rank() -> None:
    """Start the run of a rank before its first child. Else each data loader that logs first would begin a run."""
    waiting = [handler for handler in _handlers.all() if handler.run_is_awaited]
    if waiting and launch_here().has_ranks:
        for handler in waiting:
            with contextlib.suppress(Exception):  # the first record will report what is wrong
                handler.run  # noqa: B018  asking for it starts it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_begin_in_rank, after_in_child=_after_fork_in_child)


class _JournalHandler(QueueHandler):
    """A QueueHandler whose queue is the run's journal."""

    queue: Writer  # type: ignore[assignment]

    def __init__(self, owner: WandbHandler, run: Run) -> None:
        inlet = inlet_of(run)
        super().__init__(inlet.writer)  # type: ignore[arg-type]  # its queue is the journal
        self._owner = owner
        fail, media, steps = owner.handleError, inlet.media, inlet.steps
        snapshot = Snapshot(owner.settings, inlet.report, fail, media, steps, secrets=inlet.secrets)
        self._usual, self._event, self._offer = snapshot.usual, snapshot.event, inlet.writer.offer

    def emit(self, record: logging.LogRecord) -> bool:  # type: ignore[override]
        """Append the record to the journal as an event. This replaces both `prepare` and `enqueue` of QueueHandler.

        Returns False if the journal is closed. Then nothing was done.
        """
        try:
            formatter = self._owner.formatter
            event = self._usual(record) if formatter is None else None
            if event is not None or (event := self._event_of(record, formatter)) is not None:
                return self._offer(event)
        except Exception:
            self.handleError(record)
        return True

    def _event_of(self, record: logging.LogRecord, formatter: logging.Formatter | None) -> bytes | None:
        """Make the event of a record. A record made by hand may lack attributes: they are added after an exception."""
        try:
            return self._event(record, formatter)
        except Exception:
            return self._event(completed(record), formatter)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Have the user's handler report the error."""
        self._owner.handleError(record)


class _RankHandler(_JournalHandler):
    """The handler of a rank whose rows stay on the disk. It gives warnings and errors to the run of rank 0, too."""

    def __init__(self, owner: WandbHandler, run: Run, tell: Callable[[bytes], object]) -> None:
        super().__init__(owner, run)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> bool:  # type: ignore[override]
        """Append the record to the journal. A warning, or a record with a traceback, is given to rank 0, too."""
        try:
            event = self._event_of(record, self._owner.formatter)
            if event is not None:
                if not self._offer(event):
                    return False
                if record.levelno >= logging.WARNING or getattr(record, "exc_info", None):
                    self._tell(event)
        except Exception:
            self.handleError(record)
        return True


class WandbHandler(logging.Handler):
    """Sends the metrics and the text of log records to a W&B run.

    The run begins with the first record. It ends when the handler is closed, at the latest at interpreter exit. A
    handler that is closed while it is still attached to a logger (`dictConfig` and `fileConfig` close all handlers)
    goes on with its run at the next record, as a FileHandler does with its file.
    Making the handler uses no network, starts no thread and makes no file. Handling a record never raises an exception
    and never waits for the network.

    Args:
        level: records below this level are ignored.
        run: a run made by hand, to which the records go. It is not finished when the handler is closed.
        **settings: the fields of `Settings`.

    Raises:
        SettingsError: a setting is unknown or wrong. `dictConfig` raises a ValueError for every error of a handler, and
            this error is the cause of that one.
    """

    wandb_logging = True  # by this `_process.notices` distinguishes our handlers from the user's

    def __init__(
        self, level: int | str = logging.NOTSET, *, run: Run | None = None, **settings: Unpack[GivenSettings]
    ) -> None:
        if run is not None and settings:
            raise SettingsError(f"run= brings its own settings; {', '.join(settings)} cannot be given beside it")
        # As with a FileHandler, paths are relative to the working directory at the time logging was configured.
        self.settings = _settings_of(settings) if run is None else run.settings
        self._attached = run is not None  # whether the run is not ours to finish
        self._run = run
        self._inner: _JournalHandler | None = None  # None before the first record, and again after `close`
        self._early: deque[logging.LogRecord] | None = None  # records that come while the run is being started
        self._closed = False
        self._is_over = False  # whether it was closed at the program's end: nobody would finish the run again
        self._ending = False  # whether `close` is running
        self._between: deque[logging.LogRecord] = deque()  # records that come while `close` is running
        self._own_end: Report | None = None  # that of the run's ends which `close` was the latest to make
        self._on_its_way: int | None = None  # id of the exception that was being handled when the run was closed
        self._given_up = False  # whether somebody pressed Ctrl-C while rows were sent
        self._late = 0  # number of records that came after the end, at exit
        self._cry = Outcry(lambda: messages.TOO_LATE, quiet=self.settings.quiet)
        self._cry_in_child = Outcry(lambda: messages.LOST_IN_CHILD, quiet=self.settings.quiet)
        self._flush_began: float | None = None  # monotonic time at which a `flush` began that did not send all
        if not self._attached and self.settings.mode != "disabled":
            with contextlib.suppress(ValueError):  # if still wrong when the run begins, it is reported then
                ending.chain(self.settings.signals, warnings_here())
            prepare_early(self.settings)
        # Called last, because logging.shutdown finds the handler afterwards, also one whose settings are wrong.
        super().__init__(level)
        _handlers.add(self)
        if self.settings.mode != "disabled":
            spawned.invite()

    # --- records ---

    def handle(self, record: logging.LogRecord) -> Any:
        """Filter the record and emit it without the handler's own lock. The journal has a lock, held for one write.

        So a thread that logs never waits while another one formats a record, nor for a `logging.shutdown` that itself
        waits for our thread.
        """
        # Our own lines, and those that `requests` logs on our thread, are left out: sending them would log more lines.
        # A row on our thread is the program's, which logs it from a finaliser.
        # The level is checked again: a user's QueueListener in front of this handler does not check it by default.
        try:
            if (
                record.levelno < self.level
                or record.name == "wandb_logging"
                or (get_ident() in own_threads and not is_row(record, self.settings))
            ):
                return False
        except (AttributeError, TypeError):  # a record made by hand, without level or name, which other handlers take
            record = completed(record)
        kept: Any = self.filter(record)
        if kept:
            self.emit(record if kept is True or not isinstance(kept, logging.LogRecord) else kept)
        return kept

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record to the run's journal."""
        inner = self._inner
        if inner is None:
            inner = self._first(record)
        while inner is not None and not inner.emit(record):
            inner = self._after(inner, record)

    def _after(self, inner: _JournalHandler, record: logging.LogRecord) -> _JournalHandler | None:
        """Where a record goes that came when the run had just been closed; None if it is taken care of.

        `close` takes no lock that a thread holds while it starts a run: `dictConfig` calls it with logging's own lock.
        So both may happen at once, and who logs finds a run that is closed.
        """
        if self._inner is inner:
            if not (self._closed or self._ending or self._has_ended()):  # the program has finished the run by hand
                inner.queue.counts.refuse()
                if self._run is not None and is_in_child(self._run):  # nobody will look at the counts here
                    self._cry_in_child()
                return None
            self._inner = None
        return self._inner or self._first(record)

    def _first(self, record: logging.LogRecord) -> _JournalHandler | None:
        """Start the run for its first record. Returns None if the handler is disabled, or Python's end closed it."""
        if self.settings.mode == "disabled":
            return None
        # Another thread is closing it, or this one is, and a signal handler or finaliser logs.
        was_ending = self._ending
        if was_ending:
            self._between.append(record)
            if self._ending:
                return None
            # Not any more: `close` may have looked at these records before.
        elif self._is_over:
            self._late += 1
            if is_row(record, self.settings):
                self._cry()
            return None
        try:
            prepare_for(self.settings)  # before the lock, because modules that this imports may log
            with _alone():
                if self._early is None:
                    inner = self._inner or self._start()
                    self._emit_all(inner, self._between)
                    return None if was_ending else inner
                if not was_ending:
                    self._early.append(record)  # a signal handler logs while this thread is starting the run
                return None
        except Exception:
            self.handleError(record)
            return None

    def _start(self) -> _JournalHandler:
        try:
            self._early = deque()  # inside the `try`, so that it becomes None again after any interruption
            if self._run is None and _joined_run is not None:
                if is_finished(_joined_run):  # a `dictConfig` of this process has closed an earlier handler
                    go_on(_joined_run)
                self._run, self._attached = _joined_run, True
            if self._run is None:
                self._run = orphan_of(self) or Run(self.settings, owner=weakref.ref(self))
            elif self._has_ended():
                go_on(self._run)
            self._reopen()
            tell = inlet_of(self._run).tell
            inner = _JournalHandler(self, self._run) if tell is None else _RankHandler(self, self._run, tell)
            self._emit_all(inner, self._between)
            self._emit_all(inner, self._early)
            self._inner = inner
            for waiting in (self._between, self._early):  # what a signal handler has logged right before that line
                self._emit_all(inner, waiting)
            return inner
        finally:
            self._early = None

    def _has_ended(self) -> bool:
        """Whether the run has ended because this handler was closed. Then it can go on; not if the program ended it.

        The end itself is remembered, and no flag: another thread may close the handler while the run goes on again.
        """
        end = None if self._run is None else end_of(self._run)
        return end is not None and end is self._own_end

    def _emit_all(self, inner: _JournalHandler, waiting: deque[logging.LogRecord]) -> None:
        """Emit the records that wait, unless the run is closed again: the next start takes them then."""
        while waiting:
            record = waiting.popleft()
            if not inner.emit(record):
                self._between.append(record)
                return

    def __copy__(self) -> WandbHandler:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> WandbHandler:
        return self

    def __reduce__(self) -> tuple[Callable[..., WandbHandler], tuple[Any, ...]]:
        """Unpickling gives a handler of the same run, or one with the same settings if no run has begun."""
        if spawned.is_spawning():
            _begin_in_rank()
        going_on = self._run if self._run is not None and not is_finished(self._run) else None
        kept = {"filters": self.filters, "formatter": self.formatter}
        return _handler_of, (self.level, self.settings if going_on is None else None, going_on, kept)

    def _reopen(self) -> None:
        """Take records again after `close`, as a FileHandler does: the handler is still attached to a logger."""
        if not self._closed:
            return
        self._closed = False
        # `dictConfig` has emptied the list of handlers that are closed at exit. We add this one by hand: the function
        # of logging takes a lock for that, which a `dictConfig` on another thread may hold.
        handlers: list[Any] = logging._handlerList  # type: ignore[attr-defined]  # noqa: SLF001
        if not any(reference() is self for reference in handlers):
            handlers.append(weakref.ref(self))

    # --- what a person may call ---

    @property
    def run(self) -> Run:
        """The run that the records go to. If it has not begun, asking for it starts it."""
        prepare_for(self.settings)
        with _alone():
            if self._run is None or (self._inner is None and not self._closed):
                self._start()
        assert self._run is not None
        return self._run

    def goes_to(self, run: Run) -> bool:
        """Whether the records go to the given run."""
        return self._run is run

    @property
    def run_is_awaited(self) -> bool:
        """Whether the next record will begin the run."""
        return self._run is None and not self._closed and self.settings.mode != "disabled"

    def flush(self, timeout: float | None = None) -> None:
        """Send what has been logged (online), or force it to the disk (offline).

        Args:
            timeout: most seconds to wait. None waits for `close_timeout` seconds, because `logging.shutdown` calls this
                method without a timeout when the program ends.
        """
        run = self._run
        if run is None or self._closed:
            return
        began = time.monotonic()
        self._flush_began = began
        try:
            report = flush_aloud(run, self.settings.close_timeout if timeout is None else timeout)
            self._flush_began = None if report.ok else began
        except KeyboardInterrupt:
            self._given_up = True
            if not exit_code.is_exiting():
                raise
        except Exception:  # as in `close`
            tell_fault(run)

    def close(self) -> None:
        """Finish the run, in at most `close_timeout` seconds. Calling it again does nothing."""
        self._is_over = at_exit.is_over()
        if not self._closed:
            self._ending = self._closed = True
            run, self._inner = self._run, None
            try:
                if run is not None:
                    self._end(run)
            finally:
                self._ending = False
            super().close()
            self._take_between()
        elif self._run is not None and self._has_ended() and exit_code.is_what_ended(self._on_its_way):
            self._end_again(self._run)

    def _end_again(self, run: Run) -> None:
        """End the run again with the program's exit code, if a `finally` closed it before that code was known."""
        self._on_its_way = None
        with contextlib.suppress(Exception):  # a fault of ours must not keep `logging.shutdown` from other handlers
            go_on(run)
            self._end(run)

    def _take_between(self) -> None:
        """Emit the records that came while the run ended, unless another thread starts a run, and emits them."""
        if self._is_over:
            self._late += len(self._between)
            self._between.clear()
        elif self._between and _starting.acquire(blocking=False):
            try:
                self._emit_all(self._inner or self._start(), self._between)
            finally:
                _starting.release()

    def _end(self, run: Run) -> None:
        try:
            if self._attached:
                flush_aloud(run, self._time_left())
            else:
                before = end_of(run)
                self._on_its_way = exit_code.on_its_way()
                try:
                    run.finish(ending.exit_code(), self._time_left())
                finally:
                    if (end := end_of(run)) is not before:
                        self._own_end = end
        except KeyboardInterrupt:
            if not exit_code.is_exiting():
                raise
            # Otherwise Python would print a traceback from its exit.
        except Exception:  # a fault of ours must not keep `logging.shutdown` from the other handlers
            tell_fault(run)

    def _time_left(self) -> float:
        # logging.shutdown flushes and then closes: both together may take close_timeout (promise 6).
        timeout = 0.0 if self._given_up else self.settings.close_timeout
        if self._flush_began is None:
            return timeout
        spent = time.monotonic() - self._flush_began
        return max(0.0, timeout - spent) if spent < timeout + 1 else timeout

    def _after_fork_in_child(self) -> None:
        """In a forked child: forget that a thread of the parent was closing the handler, and its waiting records."""
        if self._ending or self._between:
            self._ending = False
            self._between.clear()

    def stats(self) -> dict[str, Any]:
        """The counts of `Run.stats`; all are 0 before the run has begun."""
        stats = Stats() if self._run is None else self._run._background.tally.stats()  # noqa: SLF001  the same room
        return stats.with_dropped("logged after the handler was closed", self._late).to_json()


def _handler_of(level: int, settings: Settings | None, run: Run | None, kept: dict[str, Any]) -> WandbHandler:
    """Unpickle a handler."""
    values = {} if settings is None else {name: getattr(settings, name) for name in SETTINGS}
    handler = WandbHandler(level, run=run, **values)
    vars(handler).update(kept)
    return handler


def _settings_of(given: Mapping[str, Any]) -> Settings:
    try:
        return anchored(Settings.of(given))
    except SettingsError as exc:
        say_last(exc)
        raise


def current_run() -> Run:
    """The run of this process: the latest one that has not ended, else that of the handler that was made last.

    If the handler has logged nothing yet, its run begins now, as with `WandbHandler.run`.

    Raises:
        LogError: there is neither a run nor a handler.
    """
    if runs := going_on():
        return runs[-1]
    # Not `_handlers`: one that a later `dictConfig` has taken out is no longer in logging's own list.
    handlers = [handler for handler in spawned.listed_handlers() if isinstance(handler, WandbHandler)]
    if not handlers:
        raise LogError("there is no run: configure logging with a WandbHandler, or begin one with new_run")
    return handlers[-1].run


class MergingAdapter(_Adapter):
    """A LoggerAdapter that adds its extra to that of each call. Before Python 3.13, LoggerAdapter replaces the latter.

    The call's keys take precedence. Mappings under the same key, such as the metrics, are merged.
    """

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """The message, and the keyword arguments with the adapter's extra merged into them."""
        own: Mapping[str, Any] = self.extra or {}
        given = kwargs.get("extra") or {}
        merged = {**own, **given}
        for key in own.keys() & given.keys():
            if isinstance(own[key], Mapping) and isinstance(given[key], Mapping):
                merged[key] = {**own[key], **given[key]}
        return msg, {**kwargs, "extra": merged}
