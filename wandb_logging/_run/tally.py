"""Counts what a run has logged, what the server has of it and what waits, and reports that. Sends nothing."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import replace

from wandb_logging._errors import JournalError
from wandb_logging._journal.backlog import Lines
from wandb_logging._records.encoding import now
from wandb_logging._report import Report
from wandb_logging._run import messages
from wandb_logging._run.delivery import Delivery
from wandb_logging._run.rounds import Rounds
from wandb_logging._run.start import Journal
from wandb_logging._run.stats import Stats
from wandb_logging._server.link import explain
from wandb_logging._settings.settings import Settings
from wandb_logging._values.secrets import Secrets

_COUNTING = 1.0  # most seconds that unsent lines are counted


class Tally:
    """The counts of one run.

    Args:
        settings: settings of the run.
        journal: the run's journal.
        rounds: the rounds, which send it.
        secrets: masks secrets, and counts them.

    Attributes:
        set_aside: number of values that cannot be sent, of which the program was told.
        went_on: whether the run went on in this process after its end.
    """

    def __init__(self, settings: Settings, journal: Journal, rounds: Rounds, secrets: Secrets) -> None:
        self.set_aside = 0
        self.went_on = False
        self._settings = settings
        self._journal = journal
        self._rounds = rounds
        self._secrets = secrets

    @property
    def queue_length(self) -> int:
        """Number of journal lines that the server has not acknowledged; estimated if counting takes too long."""
        return self.left(time.monotonic() + _COUNTING).number

    def left(self, until: float) -> Lines:
        """Number of journal lines that the server has not acknowledged, counted until a monotonic time."""
        writer, uploader, unread = self._journal.writer, self._rounds.uploader, self._unread(until)
        if unread is not None:
            return Lines(unread.number + uploader.state.open_events + writer.unsent, unread.estimated)
        return Lines(max(0, writer.counts.journalled + writer.waiting - uploader.acknowledged))

    def _unread(self, until: float) -> Lines | None:
        """Number of lines after the last acknowledged one; None if this writer is the only one, and counts them itself.

        Lines of other writers count, too: those of forked children, and of processes that wrote before.
        """
        run_dir = self._journal.run_dir
        if self._journal.continued or self.went_on or run_dir.has_several_writers():
            with contextlib.suppress(OSError):  # the directory is away
                return run_dir.lines_after_in_time(self._rounds.uploader.position, until)
        return None

    def _journalled(self, until: float) -> int:
        """Number of events on the disk, of all processes, counted until a monotonic time."""
        own, unread = self._journal.writer.counts.journalled, self._unread(until)
        return own if unread is None else max(own, self._rounds.uploader.state.events + unread.number)

    def stats(self) -> Stats:
        """Counts of the run's events so far."""
        until = time.monotonic() + _COUNTING
        writer, uploader, journalled = self._journal.writer, self._rounds.uploader, self._journalled(until)
        return Stats(
            accepted=journalled + writer.waiting + sum(writer.counts.dropped.values()),
            journalled=journalled,
            sent=uploader.sent,
            acknowledged=uploader.acknowledged,
            set_aside=self.set_aside + uploader.state.set_aside - uploader.state.told,
            late=uploader.state.late,
            masked=self._secrets.count,
            dropped=dict(writer.counts.dropped),
            lag=self._lag(until),
        )

    def _lag(self, until: float) -> float:
        """Age in seconds of the oldest event that the server has not acknowledged."""
        if self._rounds.delivery is Delivery.DISABLED or not self.left(until).number:
            return 0.0
        with contextlib.suppress(OSError, JournalError):  # the directory is away
            oldest = self._journal.run_dir.first_time_after(self._rounds.uploader.position)
            return max(0.0, now() - (oldest or now()))
        return 0.0

    def report(self, until: float = math.inf) -> Report:
        """The state of the run. Lines are counted until a monotonic time."""
        run_dir, info = self._journal.run_dir, self._journal.info
        if self._rounds.delivery is Delivery.DISABLED:
            return Report(info.id, self._settings.project)
        left, estimated = self.left(until)
        path = run_dir.path if run_dir.on_disk else None
        try:
            report = self._rounds.uploader.report(left, self._error(left), path)
        except JournalError as exc:  # the directory is gone, and was never read
            return Report(info.id, self._settings.project, path=path, remaining=left, error=str(exc))
        finished = report.finished and not (left and self._rounds.delivery is Delivery.BY_ANOTHER)
        return replace(report, estimated=estimated, finished=finished)

    def _error(self, left: int) -> str | None:
        """Why lines are left that were meant to be sent, or why some are lost; None if neither is the case."""
        journal, error = self._journal, None
        if left and self._rounds.delivery.is_meant_to_send:
            trouble = self._rounds.uploader.link.trouble  # why the request that is being repeated failed last
            live = not journal.writer.closed  # after the run's end only `sync` tries again
            error = self._rounds.error
            if trouble:
                error = explain(trouble, self._settings.host, live=live, on_disk=journal.are_rows_on_disk)
        return error or messages.lost(journal.writer.counts.lost)
