"""Sends one run directory that waits on the disk, as far as it goes."""

from __future__ import annotations

import contextlib
import logging
import shlex
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import field, replace
from http import HTTPStatus
from pathlib import Path

from wandb_logging._dataclass import dataclass
from wandb_logging._errors import (
    AuthError,
    JournalError,
    JournalLocked,
    ServerUnavailable,
    TLSError,
    TransportError,
    WandbLoggingError,
)
from wandb_logging._events.send_options import SendOptions
from wandb_logging._journal.cache_folder import SentBeside
from wandb_logging._journal.members import longest_lease
from wandb_logging._journal.rundir import RunDir
from wandb_logging._keys.keys import KEY_VARIABLE, find_keys
from wandb_logging._process.notices import Notices
from wandb_logging._report import Report
from wandb_logging._sending.clients import Clients
from wandb_logging._sending.target import Target, advice, advice_on_host
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.client import Client
from wandb_logging._server.link import Link, OutOfTime, Pace, explain
from wandb_logging._server.protocol import LINE_COUNT, is_there
from wandb_logging._settings.settings import Settings


@dataclass(frozen=True)
class Plan:
    """What holds for all runs of one `sync`."""

    host: str | None
    key: str | None
    out_of_time: Callable[[], bool]
    on_progress: Callable[[Report], object] | None
    follow: bool
    target: Target
    jobs: int
    ask: bool
    broken: threading.Event  # set when the caller was interrupted
    targets: dict[Path, Target] = field(default_factory=dict)  # by run: changes that its server does not know yet
    features: dict[str, set[str]] = field(default_factory=dict)  # by server: its features, asked once
    clients: Clients = field(default_factory=Clients)
    settings: Settings = field(default_factory=Settings)
    notices: Notices = field(default_factory=Notices)


def _concerns_all(error: WandbLoggingError) -> bool:
    """Whether the next run for that host would fail, too. Not if only the project of this run is closed to us."""
    if isinstance(error, AuthError):
        return error.status != HTTPStatus.FORBIDDEN
    return isinstance(error, TransportError) and not isinstance(error, OutOfTime)


class Sender:
    """Sends one run directory as far as it goes.

    Attributes:
        go_on: whether more is to be expected: the run goes on, or its server may be back soon.
    """

    def __init__(self, run_dir: RunDir, host: str, target: Target, options: SendOptions, plan: Plan) -> None:
        self.go_on = False
        self._run_dir = run_dir
        self._host = host
        self._options = options
        self._plan = plan
        self._notices = Notices()
        self._lines: int | None = None  # lines in the journal when they were counted, sent ones included
        self._link = Link(self._connect, Pace(self._wait, plan.out_of_time))
        self._link.features = plan.features.get(host)
        self._uploader = Uploader(
            run_dir,
            self._link,
            options,
            host=host,
            target=target,
            say=self._notices.add,
            progress=self._progress,
        )

    def _wait(self, seconds: float) -> None:
        """Sleep, and tell other hosts meanwhile that the run is being sent."""
        wait(seconds, self._plan.out_of_time, self._run_dir.renew)

    def send(self, away: dict[str, WandbLoggingError], late: OutOfTime | None) -> Report:
        """Send the run, unless its host is away or it is too late."""
        error = sender = retry_in = None
        try:
            with self._run_dir.uploading():
                # Asked before reading: a process that dies meanwhile is found dead by the next sync.
                # If that cannot be known, as with locks of another user, the run is not ended here.
                ending = 1 if self._run_dir.dead() else None
                failed = late or away.get(self._host)
                was_done = self._is_done()
                if failed is None or was_done:
                    self._uploader.drain(ending=ending)
                    error = self._missing() if was_done and self._plan.ask else None
                else:
                    error = self._explain(failed)
        except JournalLocked as exc:
            sender, retry_in = exc.holder, exc.seconds
            error = None if sender else f"{exc}: {exc.cure}"
        except JournalError as exc:
            error, self.go_on = str(exc), isinstance(exc, SentBeside)
        except OSError as exc:
            error = f"{exc.filename or self._run_dir.path}: {exc.strerror or exc}"
        except WandbLoggingError as exc:
            error = self._explain(exc)
            if _concerns_all(exc):
                away[self._host] = exc
        except Exception as exc:  # whatever is wrong with this run, the others can be sent
            error = f"internal error, please report it: {type(exc).__name__}: {exc}"
            self._notices.add("internal", traceback.format_exc(), logging.ERROR)
        finally:
            self._plan.targets[self._run_dir.path] = self._uploader.target
            if self._link.features is not None:
                self._plan.features[self._host] = self._link.features
            self._uploader.close()
            self._notices.say_all()
        report = replace(self._report(error), sender=sender, retry_in=retry_in)
        if error is None and sender is None and not report.finished:
            report = self._with_writer(report)
        self.go_on = self.go_on or (error is None and not report.finished)
        return report

    def _with_writer(self, report: Report) -> Report:
        """Add to the report of a run that goes on which process may be gone, if none is certain to live."""
        with contextlib.suppress(OSError):
            found = longest_lease(self._run_dir.path)
            if found is not None:
                return replace(report, writer=str(found[0]), retry_in=found[1])
        return report

    def _explain(self, error: WandbLoggingError) -> str:
        self.go_on = isinstance(error, (TransportError, ServerUnavailable)) and not isinstance(error, TLSError)
        text = explain(error, self._host, live=self._plan.follow and self.go_on) + self._advice(error)
        if self._plan.follow and self.go_on:
            self._plan.notices.add(f"away {self._host}", text)
        return text

    def _advice(self, error: WandbLoggingError) -> str:
        path = self._run_dir.path
        return advice(error, path) or advice_on_host(error, path, self._host, self._plan.settings.host)

    def _is_done(self) -> bool:
        cursor = self._run_dir.cursor
        return cursor.complete and not self._run_dir.lines_after(cursor.position)

    def _missing(self) -> str | None:
        """The error for a run that was sent and that the server does not have any more; None if it has it."""
        remote = self._run_dir.info.server
        if self._uploader.remote is None or remote is None:
            return None
        run = {"project": remote.project, "entity": remote.entity, "name": remote.name}
        with contextlib.suppress(WandbLoggingError), self._link.trying_once():
            if not is_there(self._link.graphql(LINE_COUNT, run)):
                return (
                    f"all of it was sent, but {self._host} does not have run {remote.name} any more: it was deleted "
                    f"there. As a new run: `wandb-logging sync --as-new {shlex.quote(str(self._run_dir.path))}`"
                )
        return None

    def _connect(self) -> Client:
        settings = self._plan.settings
        # WANDB_API_KEY is for the host of the settings; a run directory from somebody else may name any.
        trusted = self._plan.host is not None or self._host == settings.host
        other = ""
        for found in find_keys(self._host, self._plan.key):
            if found.source == KEY_VARIABLE and not trusted:
                other = f" ({KEY_VARIABLE} is for {settings.host})"
                continue
            return self._plan.clients.take(self._host, found.checked(), self._options.timeout)
        raise AuthError(f"no API key was found{other}")

    def _progress(self) -> None:
        if self._plan.on_progress is None:
            return
        if self._lines is None:  # counted once: with each batch of a long journal it would take longer than to send it
            self._lines = self._uploader.sent + self._lines_left()
        self._plan.on_progress(self._report(None, max(0, self._lines - self._uploader.sent)))

    def _lines_left(self) -> int:
        return self._run_dir.lines_after(self._uploader.position or self._run_dir.cursor.position)

    def _report(self, error: str | None, left: int | None = None) -> Report:
        try:
            left = self._lines_left() if left is None else left
        except OSError as exc:
            left, error = 0, error or f"{exc.filename or self._run_dir.path}: {exc.strerror or exc}"
        return replace(self._uploader.report(left, error), path=self._run_dir.path)


def wait(seconds: float, out_of_time: Callable[[], bool], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Sleep, but notice within a fifth of a second that there is no time left."""
    until = time.monotonic() + seconds
    while not out_of_time():
        left = until - time.monotonic()
        meanwhile()
        if left <= 0:
            return
        time.sleep(min(left, 0.2))
