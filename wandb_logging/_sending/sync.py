"""Sends runs that wait on the disk: crashed, killed and offline ones. Finds run directories, and drains each."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shlex
import threading
import time
import traceback
from collections.abc import Callable, Iterable
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
from wandb_logging._journal.cache_folder import SentBeside, find_runs
from wandb_logging._journal.members import longest_lease
from wandb_logging._journal.rundir import RunDir
from wandb_logging._keys.keys import KEY_VARIABLE, Session, find_keys
from wandb_logging._process.notices import Notices
from wandb_logging._report import Report
from wandb_logging._sending.options import options_of
from wandb_logging._sending.parallel import side_by_side
from wandb_logging._sending.ranks import split
from wandb_logging._sending.target import Target, advice, advice_on_host, filled, host_of
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.client import Client
from wandb_logging._server.link import Link, OutOfTime, Pace, explain
from wandb_logging._server.protocol import LINE_COUNT, is_there
from wandb_logging._settings.settings import Settings

_LEAST = 0.05  # seconds between two looks, however short is what counts as idle
FOLLOW_INTERVAL = 5.0  # seconds between two looks at runs that go on


def sync(
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = "wandb_cache",
    *,
    host: str | None = None,
    entity: str | None = None,
    project: str | None = None,
    name: str | None = None,
    run_id: str | None = None,
    as_new: bool = False,
    session: Session | None = None,
    timeout: float | None = None,
    follow: bool = False,
    until_idle: float | None = None,
    jobs: int = 1,
    ranks: str = "zero",
    ask: bool = False,
    on_progress: Callable[[Report], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[Report]:
    """Send every run at or below a path. A second call sends nothing twice.

    A run whose process has ended is finished, with exit code 1 if its journal does not say how it ended. Of a run
    that goes on only the rows are sent; with `follow` until it ends. One that another process is sending, such as the
    run's own, is left to it.

    Args:
        path: run directories, or folders that hold some.
        host: API address to send to; default: the one it was sent to before, else the one it was made for.
        entity, project, name, run_id: what the run is to have on the server instead of what it was made with. That is
            remembered: the next `sync` goes on there. A run that was sent elsewhere before begins anew.
        as_new: send all of it as a new run, with an id of its own.
        session: key and host, as `login` gives them; default: found as always.
        timeout: most seconds altogether; None takes as long as it takes.
        follow: keep sending until every run has ended, or `stop()` is true; a server that is away is waited for, and so
            is the first run. Runs that begin meanwhile are sent, too.
        until_idle: with `follow`: go on until for so many seconds every run has ended and none has begun.
        jobs: most runs that are sent at once.
        ranks: what of a launch with several ranks is sent: zero, the run of rank 0, while what the others logged stays
            where it is (unless `path` is the directory of one of them); all, what they logged in that run; group, each
            in a run of one group; each, each in a run.
        ask: ask the server whether it still has a run that was sent before. One that was deleted there is an error;
            where the server cannot be asked, nothing is said.
        on_progress: called with a Report after each acknowledged batch; never twice at once.
        stop: asked between two batches whether to leave the rest for later.

    Returns:
        One Report a run, oldest run first. What went wrong is in its `error`; nothing is raised for it.

    Raises:
        JournalError: there is no file or directory at `path`, and it is not to be waited for.
        ValueError: `name` or `run_id` for several runs, `run_id` with `as_new`, no `jobs`, other `ranks`, or (a
            SettingsError) a value that the setting of that name cannot have.
    """
    if jobs < 1:
        raise ValueError(f"jobs={jobs}: expected 1 or more")
    # An empty text is what a script has of a variable that is not set.
    target = Target(entity or None, project or None, name or None, run_id or None, as_new=as_new)
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    deadline = None if timeout is None else time.monotonic() + timeout

    broken = threading.Event()

    def out_of_time() -> bool:
        return (
            broken.is_set() or (deadline is not None and time.monotonic() >= deadline) or (stop is not None and stop())
        )

    def look() -> tuple[int, list[RunDir]]:
        found = [run_dir for item in paths for run_dir in _found(Path(item), missing_ok=follow)]
        run_dirs, _ = split(found, ranks, [Path(item) for item in paths])
        if len(run_dirs) > 1 and (name or run_id):
            several = f"there are {len(run_dirs)} at {', '.join(map(str, paths))}"
            raise ValueError(f"name and run_id are one run's: {several}")
        return len(found), run_dirs

    count, run_dirs = look()
    plan = _Plan(
        host=host or (session.host if session else None),
        key=session.api_key if session else None,
        out_of_time=out_of_time,
        on_progress=_one_at_a_time(on_progress),
        follow=follow,
        target=target,
        jobs=jobs,
        ask=ask,
        broken=broken,
    )
    idle_since = math.inf  # nothing was idle yet
    while True:
        reports, go_on = _sync_all(run_dirs, plan)
        if not follow or out_of_time():
            return reports
        now, before = time.monotonic(), count
        idle_since = math.inf if go_on else min(idle_since, now)
        waits_for_first = not count and until_idle is None
        if now - idle_since >= (until_idle or 0) and not waits_for_first:
            return reports
        _wait(FOLLOW_INTERVAL if until_idle is None else min(FOLLOW_INTERVAL, max(until_idle, _LEAST)), out_of_time)
        count, run_dirs = look()
        if count > before:
            idle_since = math.inf


def _one_at_a_time(call: Callable[[Report], object] | None) -> Callable[[Report], object] | None:
    lock = threading.Lock()

    def called(report: Report) -> object:
        assert call is not None
        with lock:
            return call(report)

    return called if call is not None else None


def _found(path: Path, *, missing_ok: bool) -> list[RunDir]:
    run_dirs = find_runs(path)
    if not run_dirs and not path.exists() and not missing_ok:
        raise JournalError(f"{path}: no such file or directory")
    return run_dirs


class _Clients:
    """Clients that are kept for the next run: to connect takes longer than to send a small run."""

    def __init__(self) -> None:
        self._free: dict[tuple[str, str, float], list[Client]] = {}

    def take(self, host: str, key: str, timeout: float) -> Client:
        """A client that nobody else uses. Its `close` gives it back."""
        free = self._free.setdefault((host, key, timeout), [])
        try:
            return free.pop()
        except IndexError:
            return _Reused(free, host, key, timeout)

    def close(self) -> None:
        """Close the clients that nobody uses."""
        for free in self._free.values():
            while free:
                Client.close(free.pop())


class _Reused(Client):
    """A client that is kept when it is closed."""

    def __init__(self, free: list[Client], host: str, key: str, timeout: float) -> None:
        super().__init__(host, key, timeout=timeout)
        self._free = free

    def close(self) -> None:
        """Give the client back."""
        self._free.append(self)


@dataclass(frozen=True)
class _Plan:
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
    clients: _Clients = field(default_factory=_Clients)
    settings: Settings = field(default_factory=Settings)
    notices: Notices = field(default_factory=Notices)


def _sync_all(run_dirs: list[RunDir], plan: _Plan) -> tuple[list[Report], bool]:
    """A Report of each run, and whether more is to be expected of one."""
    away: dict[str, WandbLoggingError] = {}  # a host that failed once is not tried for each further run
    done: dict[int, tuple[Report, bool]] = {}

    def send(_: int, numbers: list[int]) -> None:
        for number in numbers:
            done[number] = _sync_one(run_dirs[number], plan, away, first=number == 0)

    together = _by_run(run_dirs) if plan.jobs > 1 else [[number] for number in range(len(run_dirs))]
    side_by_side(send, together, plan.jobs, plan.broken)
    plan.clients.close()
    plan.notices.say_all()
    results = [done[number] for number in range(len(run_dirs))]
    return [report for report, _ in results], any(go_on for _, go_on in results)


def _by_run(run_dirs: list[RunDir]) -> list[list[int]]:
    """The numbers of the directories, those of one run together: they are sent one after the other.

    Each begins on the server behind the lines that it finds there: at the same time they would overwrite each other's.
    Those of W&B's shared mode do not. With `project` runs of two projects may become one, so only the id counts.
    """
    found: dict[object, list[int]] = {}
    for number, run_dir in enumerate(run_dirs):
        run: object = number
        with contextlib.suppress(JournalError, OSError):
            info = run_dir.info
            if info.client_label is None:
                run = info.server.name if info.server else info.id
        found.setdefault(run, []).append(number)
    return list(found.values())


def _sync_one(run_dir: RunDir, plan: _Plan, away: dict[str, WandbLoggingError], *, first: bool) -> tuple[Report, bool]:
    try:
        info = run_dir.info
    except JournalError as exc:
        return Report(run_dir.path.name, run_dir.path.parent.name, path=run_dir.path, error=str(exc)), False
    target = plan.targets.get(run_dir.path) or filled(plan.target, info, plan.settings.entity)
    options = info.send or options_of(plan.settings)
    sender = _Sender(run_dir, plan.host or host_of(info) or plan.settings.host, target, options, plan)
    # Each `sync` gets something done, however little time it is given; the runs behind the first wait.
    late = OutOfTime("out of time; the run waits for the next sync") if not first and plan.out_of_time() else None
    return sender.send(away, late), sender.go_on


def _concerns_all(error: WandbLoggingError) -> bool:
    """Whether the next run for that host would fail, too. Not if only the project of this run is closed to us."""
    if isinstance(error, AuthError):
        return error.status != HTTPStatus.FORBIDDEN
    return isinstance(error, TransportError) and not isinstance(error, OutOfTime)


class _Sender:
    """Sends one run directory as far as it goes.

    Attributes:
        go_on: whether more is to be expected: the run goes on, or its server may be back soon.
    """

    def __init__(self, run_dir: RunDir, host: str, target: Target, options: SendOptions, plan: _Plan) -> None:
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
        _wait(seconds, self._plan.out_of_time, self._run_dir.renew)

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


def _wait(seconds: float, out_of_time: Callable[[], bool], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Sleep, but notice within a fifth of a second that there is no time left."""
    until = time.monotonic() + seconds
    while not out_of_time():
        left = until - time.monotonic()
        meanwhile()
        if left <= 0:
            return
        time.sleep(min(left, 0.2))
