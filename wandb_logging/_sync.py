"""Runs that wait on disk, sent: find run directories, drain each. For crashed, killed and offline runs alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from wandb_logging._auth import KEY_VARIABLE, Session, find_keys
from wandb_logging._client import Client
from wandb_logging._errors import AuthError, JournalError, TransportError, WandbLoggingError
from wandb_logging._link import Link, Pace, explain
from wandb_logging._notices import Notices
from wandb_logging._report import Report
from wandb_logging._rundir import RunDir, find_runs
from wandb_logging._settings import Settings
from wandb_logging._uploader import Uploader

FOLLOW_INTERVAL = 5.0  # seconds between two looks at runs that go on


def sync(
    path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = "wandb_cache",
    *,
    host: str | None = None,
    session: Session | None = None,
    timeout: float | None = None,
    follow: bool = False,
    on_progress: Callable[[Report], object] | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[Report]:
    """Send every run at or below a path. A second call sends nothing twice.

    A run whose process has ended is finished, with exit code 1 if its journal does not say how it ended. Of a run
    that goes on only the rows are sent; with `follow` until it ends.

    Args:
        path: run directories, or folders that hold some.
        host: API address to send to; default: the one the run was made for.
        session: key and host, as `login` gives them; default: found as always.
        timeout: most seconds altogether; None takes as long as it takes.
        follow: keep sending until every run has ended, or `stop()` is true.
        on_progress: called with a Report after each acknowledged batch.
        stop: asked between two batches whether to leave the rest for later.

    Returns:
        One Report a run, oldest run first. What went wrong is in its `error`; nothing is raised for it.

    Raises:
        JournalError: there is no run at `path`.
    """
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    deadline = None if timeout is None else time.monotonic() + timeout

    def out_of_time() -> bool:
        return (deadline is not None and time.monotonic() >= deadline) or (stop is not None and stop())

    run_dirs = [run_dir for item in paths for run_dir in _found(Path(item))]
    if session is not None and session.host is not None:
        host = host or session.host
    while True:
        key = session.api_key if session else None
        reports = _sync_all(run_dirs, host, key, out_of_time, on_progress)
        waiting = [report for report in reports if not report.finished and report.error is None]
        if not follow or not waiting or out_of_time():
            return reports
        _wait(FOLLOW_INTERVAL, out_of_time)


def _found(path: Path) -> list[RunDir]:
    run_dirs = find_runs(path)
    if not run_dirs and not path.exists():
        raise JournalError(f"{path}: no such file or directory")
    return run_dirs


def _sync_all(
    run_dirs: list[RunDir],
    host: str | None,
    key: str | None,
    out_of_time: Callable[[], bool],
    on_progress: Callable[[Report], object] | None,
) -> list[Report]:
    reports: list[Report] = []
    unreachable: dict[str, str] = {}  # a host that failed once is not tried for each further run
    for run_dir in run_dirs:
        try:
            info = run_dir.info
        except JournalError as exc:
            reports.append(Report(run_dir.path.name, run_dir.path.parent.name, path=run_dir.path, error=str(exc)))
            continue
        # WANDB_API_KEY is for the host of the settings; a run directory from somebody else may name any.
        target = host or str(info.get("host"))
        trusted = host is not None or target == Settings().host
        sender = _Sender(run_dir, target, key, out_of_time, on_progress, trusted=trusted)
        reports.append(sender.send(unreachable))
    return reports


class _Sender:
    """Sends one run directory as far as it goes."""

    def __init__(
        self,
        run_dir: RunDir,
        host: str,
        key: str | None,
        out_of_time: Callable[[], bool],
        on_progress: Callable[[Report], object] | None,
        *,
        trusted: bool,
    ) -> None:
        self._run_dir = run_dir
        self._host = host
        self._key = key
        self._trusted = trusted
        self._on_progress = on_progress
        self._notices = Notices()
        self._uploader = Uploader(
            run_dir,
            Link(self._connect, Pace(lambda seconds: _wait(seconds, out_of_time), out_of_time)),
            host=host,
            say=self._notices.add,
            progress=self._progress,
        )

    def send(self, unreachable: dict[str, str]) -> Report:
        error = None
        try:
            with self._run_dir.uploading():
                # Asked before reading: a process that dies meanwhile is found dead by the next sync.
                ending = None if self._run_dir.alive() else 1
                if self._host in unreachable and not self._is_done():
                    error = unreachable[self._host]
                else:
                    self._uploader.drain(ending=ending)
        except (JournalError, OSError) as exc:
            error = str(exc)
        except WandbLoggingError as exc:
            error = explain(exc, self._host)
            if isinstance(exc, (AuthError, TransportError)):
                unreachable[self._host] = error
        finally:
            self._uploader.close()
            self._notices.say_all()
        return self._report(error)

    def _is_done(self) -> bool:
        cursor = self._run_dir.cursor
        return bool(cursor.get("complete")) and not self._run_dir.lines_after(cursor.get("position"))

    def _connect(self) -> Client:
        for found in find_keys(self._host, self._key):
            if found.source == KEY_VARIABLE and not self._trusted:
                continue
            if found.problem:
                raise AuthError(f"the key from {found.source} is malformed: {found.problem}", 401)
            return Client(self._host, found.key, timeout=Settings().request_timeout)
        raise AuthError("no API key was found", 401)

    def _progress(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._report(None))

    def _report(self, error: str | None) -> Report:
        left = self._run_dir.lines_after(self._uploader.position or self._run_dir.cursor.get("position"))
        return replace(self._uploader.report(left, error), path=self._run_dir.path)


def _wait(seconds: float, out_of_time: Callable[[], bool]) -> None:
    """Sleep, but notice within a fifth of a second that there is no time left."""
    until = time.monotonic() + seconds
    while not out_of_time():
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, 0.2))
