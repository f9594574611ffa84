"""Finishes runs that dead processes have left in the cache folder (the setting recover).

Only runs that somebody meant to send: online runs of this machine, for the same server and entity. An offline run waits
for `sync`. The work is done on the listener's thread, after the run's own rows, and stops when new rows are due.
"""

from __future__ import annotations

import contextlib
import logging
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from wandb_logging._errors import JournalError, ServerUnavailable, TransportError, WandbLoggingError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._events.send_options import SendOptions
from wandb_logging._fold import mined
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.quota import usage
from wandb_logging._journal.rundir import RunDir
from wandb_logging._process import forks
from wandb_logging._process.notices import Notices
from wandb_logging._sending.target import host_of
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.link import Link

MOST_BYTES = 2**30  # of one run: more is not sent unasked


class Recovery:
    """Finishes dead runs, one after the other, a piece at each `step`.

    Args:
        cache_dir: the folder in which to look for them, once, at the first step.
        own: directory of this process's run, which is left alone.
        info: identity of this process's run.
        options: send options for a run whose run.json has none.
        link: makes a connection to the server, for a run with these send options.
        notices: for messages to a person.
        meanwhile: called again and again while files are sent.
    """

    def __init__(
        self,
        cache_dir: Path,
        own: Path,
        info: RunInfo,
        *,
        options: SendOptions,
        link: Callable[[SendOptions], Link],
        notices: Notices,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        self._cache_dir = cache_dir
        self._own = own
        self._info = info
        self._options = options
        self._link = link
        self._notices = notices
        self._meanwhile = meanwhile
        self._waiting: list[RunDir] | None = None
        self._uploader: Uploader | None = None

    def step(self, over: Callable[[], bool]) -> None:
        """Send until `over()`, or until nothing is left. Never raises for what a run directory or the server does."""
        while not over() and (uploader := self._uploader or self._next()) is not None:
            try:
                uploader.drain(ending=1)
            except (TransportError, ServerUnavailable):
                return  # it is over, or the server is away: the next step goes on
            except WandbLoggingError as exc:
                self._say(uploader, f"cannot be finished: {exc}", logging.WARNING)
            except Exception as exc:  # whatever is wrong with that directory, the living run is not to suffer from it
                self._say(uploader, f"cannot be finished: {type(exc).__name__}: {exc}", logging.WARNING)
            else:
                part = uploader.run_dir.info.client_label  # whose end is not the run's: another process tells that
                done = f"has all that {part} logged" if part else "is finished"
                self._say(uploader, f"{done}: {uploader.url}", logging.INFO)
            self.close()

    def close(self) -> None:
        """Close the run that is being sent, and unlock it."""
        uploader, self._uploader = self._uploader, None
        if uploader is not None:
            uploader.close()
            uploader.run_dir.unlock_upload()

    def renew(self) -> None:
        """Tell other hosts that this process still sends that run."""
        if self._uploader is not None:
            self._uploader.run_dir.renew()

    def after_fork_in_child(self) -> None:
        """In a forked child: leave the run to the parent."""
        if self._uploader is not None:
            self._uploader.run_dir.forget_locks()

    def _next(self) -> Uploader | None:
        """The next run that nobody else has, locked; None if there is none."""
        if self._waiting is None:
            self._waiting = [run_dir for run_dir in find_runs(self._cache_dir) if run_dir.path != self._own]
        while self._waiting:
            run_dir = self._waiting.pop(0)
            try:
                if is_left(run_dir, self._info) and self._lock(run_dir):
                    if any(rules for _, rules in run_dir.info.text_rules):
                        with forks.held_off():  # such a run is seldom left to a program without rules of its own
                            mined.import_rules()
                    options = run_dir.info.send or self._options
                    self._uploader = Uploader(
                        run_dir, self._link(options), options, say=self._notices.add, meanwhile=self._meanwhile
                    )
                    return self._uploader
            except (JournalError, OSError):
                continue  # `sync`, whom somebody asked, says what is wrong with it
        return None

    def _lock(self, run_dir: RunDir) -> bool:
        """Take a run that is small enough and nobody else's, unless somebody else was faster."""
        info, path = run_dir.info, run_dir.path
        run_id = info.id
        if self._is_in_the_way(info):
            late = info.client_id is not None  # its rows are in nobody's way, but it would end the run
            why = "it would end that" if late else "its rows would get in the way"
            typed = shlex.quote(str(path))
            how = (
                f"`wandb-logging sync {typed}` when that has ended"
                if late
                else f"`wandb-logging sync --as-new {typed}`"
            )
            self._notices.add(
                f"taken {path}",
                f"an earlier attempt at run {run_id} waits in {path}, and another process goes on with a run of that "
                f"id: {why}. Send it with {how}",
            )
            return False
        if usage(run_dir.path) > MOST_BYTES:
            self._notices.add(
                f"large {run_dir.path}",
                f"run {run_id}, whose process died, is too large to be sent unasked. "
                f"Send it with `wandb-logging sync {shlex.quote(str(run_dir.path))}`",
            )
            return False
        run_dir.lock_upload()
        if is_left(run_dir, self._info):
            return True
        run_dir.unlock_upload()
        return False

    def _is_in_the_way(self, info: RunInfo) -> bool:
        """Whether a run goes on here that this one would disturb: not where it is a part that others end."""
        whole = info.but(client_label=None)
        others = ({**other.to_json(), "client_label": None} for other in self._living())
        return not info.is_secondary and any(map(whole.is_same_run, others))

    def _living(self) -> Iterator[RunInfo]:
        """Who the runs are that may still go on here, the own one among them."""
        yield self._info
        for run_dir in find_runs(self._cache_dir):
            with contextlib.suppress(JournalError, OSError):
                if run_dir.path != self._own and not run_dir.dead():
                    yield run_dir.info

    def _say(self, uploader: Uploader, what: str, level: int) -> None:
        run_id = uploader.run_dir.info.id
        self._notices.add(f"recovered {run_id}", f"run {run_id}, whose process died, {what}", level)


def is_left(run_dir: RunDir, info: RunInfo) -> bool:
    """Whether a run was to be sent from here, is not finished, and its process is certainly dead.

    Args:
        run_dir: the run directory.
        info: identity of this process's run.

    Raises:
        JournalError, OSError: it cannot be read.
    """
    known = run_dir.info
    same = (known.host, known.host_name, known.entity) == (info.host, info.host_name, info.entity)
    if known.mode != "online" or not same or not run_dir.dead():
        return False
    if host_of(known) != info.host:
        return False  # a person has sent it elsewhere
    cursor = run_dir.cursor
    if cursor.position is None and not run_dir.lines_after(None):
        return False  # it has never begun: its process was interrupted while it made the directory
    return not cursor.complete or bool(run_dir.lines_after(cursor.position))
