"""What goes on beside the program: the rounds in which a run's journal reaches disk and server.

Online is a listener whose rounds send, offline one whose rounds only sync the disk; turning either into the other
changes one flag. All that a person should know of it is said here.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from logging import ERROR, INFO
from pathlib import Path
from typing import TYPE_CHECKING

from wandb_logging._errors import AuthError, JournalLocked, LogError, RunNotFound, WandbLoggingError
from wandb_logging._journal.quota import BoundedWriter
from wandb_logging._keys.keys import find_keys, key_problem
from wandb_logging._process.listener import Listener, as_own_thread, on_own_thread
from wandb_logging._process.notices import Notices
from wandb_logging._process.sampling import Sampler
from wandb_logging._records.snapshot import change_event, now
from wandb_logging._report import Report
from wandb_logging._run.save import SavedFiles
from wandb_logging._run.start import Place
from wandb_logging._sending import standard_files
from wandb_logging._sending.recover import Recovery
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server.link import Link, Pace, explain
from wandb_logging._settings.settings import Settings
from wandb_logging._values.secrets import Secrets

if TYPE_CHECKING:
    from wandb_logging._server.client import Client

_COLLECTED = ("config", "define", "run")  # changes that wait for more of them: each is sent whole (protocol 3.1)
_QUIET = 5.0  # seconds without another one after which they are sent
_APART = 0.5  # least seconds between two looks at the journal while a file is sent: W&B's rate, 2 requests a second
_BREATH = 0.0002  # seconds the program gets between two pieces of the uploader's work


class Background:
    """One run's journal, and everything that becomes of it without the program waiting.

    Args:
        settings: of the run.
        mode: online, offline or disabled; disabled has no rounds at all.
        place: the run's directory and journal.
        notices: where to say things.
        secrets: masks what should not be told.
        on_stop: called once, on the listener's thread, when the server asks the run to stop.

    Attributes:
        mode: as given; `go_online` and `go_offline` change it.
        stopped: whether the server asked the run to stop.
        ended: how the run ended; None while it goes on.
        in_child: whether this is a forked child, whose rows the parent sends.
        set_aside: values the program was told cannot be sent.
        samplers: what gives samples of system metrics until the run ends.
    """

    def __init__(  # noqa: PLR0917  each of them belongs to the run that makes it
        self,
        settings: Settings,
        mode: str,
        place: Place,
        notices: Notices,
        secrets: Secrets,
        on_stop: Callable[[], object],
    ) -> None:
        self.mode = mode
        self.place = place
        self.notices = notices
        self.stopped = False
        self.ended: Report | None = None
        self.in_child = False
        self.set_aside = 0
        self.saved = SavedFiles(self.keep_file, self.report_aside)
        self._settings = settings
        self._secrets = secrets
        self._on_stop = on_stop
        self._interval = settings.flush_interval
        self._send = False
        self._send_once = False
        self._halted = False
        self._error: str | None = None
        self._said_where = False
        # The first request needs the first, which is quick; the rest waits until that is through, or the run ends.
        self._to_capture = [standard_files.capture_environment, standard_files.capture_requirements]
        self._preempting = False  # a signal's handler waits until this is False again
        self._key: str | None = None
        self._refused: set[str] = set()
        self._ending = threading.RLock()
        self.samplers = [Sampler(settings.system_interval)] if settings.system_metrics else []
        self._round_due = 0.0
        self._changes_due = math.inf
        self._glanced = 0.0
        self._listener = Listener(self._round, self._next_round, self._release)
        pace = Pace(self._listener.sleep, self._listener.out_of_time, _BREATH)
        self.uploader = Uploader(
            place.run_dir,
            Link(self._connect, pace),
            batch_size=settings.batch_size,
            batch_bytes=settings.batch_bytes,
            gzip=settings.gzip,
            durable=settings.fsync != "never",
            heartbeat=settings.heartbeat_interval,
            say=notices.add,
            before_end=self._capture_rest,
        )
        self.uploader.link.meanwhile = self._meanwhile
        self._recovery = self._new_recovery() if settings.recover and mode != "disabled" else None

    @property
    def active(self) -> bool:
        """Whether there are rounds: not when disabled, nor in a forked child."""
        return self.mode != "disabled" and not self.in_child

    def start(self) -> None:
        """Begin with the rounds."""
        if isinstance(self.place.writer, BoundedWriter):
            self.place.writer.hurry = self._hurry
        if self.place.trouble is not None:
            self.notices.add("memory", self.place.trouble)
        if self.mode == "online":
            self._begin_sending()
        if self.active:
            self._listener.start()

    # --- what goes into the journal ---

    def append(self, body: bytes) -> None:
        """Add an event.

        Raises:
            LogError: the run is finished.
        """
        if self.ended is not None:
            raise LogError(f"run {self.place.info['id']} is finished")
        if self.mode != "disabled":
            self.place.writer.append(body)

    def append_change(self, kind: str, value: object) -> None:
        """Add the event of a change.

        Raises:
            LogError: the run is finished.
        """
        self.append(change_event(kind, value, now(), self.report_aside, self._secrets))
        if kind in _COLLECTED and self._send:
            self._changes_due = time.monotonic() + _QUIET
            self._listener.reconsider()

    def report_aside(self, name: str, reason: str) -> None:
        """Take note of a value that cannot be sent. Safe inside a logging call."""
        self.set_aside += 1
        self.notices.add(f"aside {name}", self._secrets.text(f"{name} is set aside: {reason}"))

    def keep_file(self, source: Path, name: str) -> None:
        """Copy a file into the run directory, and add the event that has it sent.

        Raises:
            LogError: the run is finished.
            OSError: it cannot be copied.
        """
        kept = self.place.run_dir.keep_file(source, name)
        self.append_change("file", {"name": name, "path": kept})

    # --- where it goes ---

    def flush(self, timeout: float | None) -> Report:
        """Have a round made and wait for it, at most so many seconds; where that leaves the run."""
        if self.active and self.ended is None:
            self._ask(timeout)
        else:
            self.place.writer.sync()
        return self.report()

    def go_offline(self, flush_interval: float | None) -> None:
        """Stop sending as rows come; with an interval, send that often."""
        if flush_interval is not None:
            self._interval = flush_interval
        self._send = flush_interval is not None and self._lock_upload()
        self.mode = "offline"

    def go_online(self) -> None:
        """Send from now on, beginning with everything that waits."""
        self._interval = self._settings.flush_interval
        self.mode = "online"
        self._begin_sending()
        self._listener.wake()

    def send_now(self, timeout: float | None) -> Report:
        """Send everything that waits, whatever the mode."""
        if self._lock_upload():
            self._halted = False
            self._send_once = True
            self._ask(timeout)
        return self.report()

    def finish(self, exit_code: int, timeout: float) -> Report:
        """End the run in at most so many seconds. Calling it again does nothing."""
        with self._ending:
            if self.ended is not None:
                return self.ended
            deadline = time.monotonic() + timeout
            self.samplers.clear()
            if self.active:
                if not self.place.joined:
                    self.saved.look(last=True)
                    self.append_change("exit", exit_code)
                self.uploader.link.pace.breath = 0.0  # the program does nothing but wait for this
                self._listener.ask(deadline)
                self._listener.finish(deadline)
            self.place.writer.close()
            self.ended = self.report()
            if self.active:
                self._say_goodbye(self.ended)
            return self.ended

    def mark_preempting(self) -> None:
        """Tell the server with the next request, which is made now, that the machine may vanish."""
        if self.active and self.ended is None:
            self.uploader.preempting = True
            self._listener.wake()

    def preempt(self, exit_code: int | None) -> Callable[[], bool]:
        """Have everything sent at once, in a signal's handler; the result says when not to wait any longer.

        Args:
            exit_code: ends the run; None if it goes on.
        """
        if self.ended is not None or not self.active:
            return lambda: True
        self.uploader.preempting = True  # before the exit event, which a round that is under way may find
        if exit_code is not None:
            self.append_change("exit", exit_code)
        deadline = time.monotonic() + self._settings.close_timeout
        self._preempting = True
        self._listener.hurry(deadline)

        def over() -> bool:
            # Without its thread the listener's work may be what was interrupted: the rows are in the journal.
            if self._preempting and self._listener.running and time.monotonic() < deadline:
                return False
            self._listener.calm(deadline)
            return True

        return over

    @contextlib.contextmanager
    def reach(self) -> Iterator[Link]:
        """A way to the server of the caller's own, beside the uploader's."""
        link = Link(self._connect, Pace())
        with as_own_thread():
            try:
                yield link
            finally:
                link.close()

    @property
    def queue_length(self) -> int:
        """Journal lines the server has not acknowledged."""
        if self.place.continued:  # what others have written there counts as well
            return self.place.run_dir.lines_after(self.uploader.position)
        return max(0, self.place.writer.counts.journalled - self.uploader.acknowledged)

    def lag(self) -> float:
        """Age in seconds of the oldest event the server has not acknowledged."""
        if self.mode == "disabled" or not self.queue_length:
            return 0.0
        return max(0.0, now() - (self.place.run_dir.first_time_after(self.uploader.position) or now()))

    def report(self) -> Report:
        """Where the run stands."""
        if self.mode == "disabled":
            return Report(str(self.place.info["id"]), self._settings.project)
        error, left = None, self.queue_length
        if left and self._send:
            trouble = self.uploader.link.trouble  # of a request that is still being tried
            live = not self.place.writer.closed  # after the end only `sync` tries again
            error = explain(trouble, self._settings.host, live=live) if trouble else self._error
        return self.uploader.report(left, error, self.place.run_dir.path if self.place.run_dir.on_disk else None)

    def after_fork_in_child(self) -> None:
        """Leave everything that is the parent's to the parent."""
        self.in_child = True
        self._send = False
        self._ending = threading.RLock()
        self.notices = Notices(quiet=self._settings.quiet)
        self.saved = SavedFiles(self.keep_file, self.report_aside)  # what is watched is the parent's
        self.place.run_dir.forget_locks()
        if self._recovery is not None:
            self._recovery.after_fork_in_child()
        self._listener.after_fork_in_child()

    # --- the rounds ---

    def _hurry(self) -> bool:
        """Have a round made where rows are sent; whether this thread may wait for what comes of it."""
        if not (self.active and self._send) or self._halted or on_own_thread():
            return False
        self._listener.wake()
        return True

    def _next_round(self) -> float | None:
        """Seconds to the next round."""
        sample_due = min((sampler.due for sampler in self.samplers), default=math.inf)
        return max(0.0, min(self._round_due, self._changes_due, sample_due) - time.monotonic())

    @property
    def _pace(self) -> float:
        return min(self._interval, self._settings.heartbeat_interval) if self._send else self._interval

    def _ask(self, timeout: float | None) -> bool:
        return self._listener.ask(None if timeout is None else time.monotonic() + timeout)

    def _round(self) -> None:
        """One round: disk, server, notices. Never raises."""
        preempting = self._preempting
        try:
            self._round_unguarded()
        except Exception:
            self._error = "internal error"
            self.notices.add("internal", "internal error; rows are kept on disk\n" + traceback.format_exc(), ERROR)
        if preempting:
            self._preempting = False  # before anything is said: a signal may have interrupted who holds stderr's lock
        self.notices.say_all()

    def _round_unguarded(self) -> None:
        if self._sample() and not self._listener.asked and time.monotonic() < min(self._round_due, self._changes_due):
            return  # it was time for that only
        self._begin_round()
        try:
            self._look_after_disk()
            self._send_or_say()
        finally:
            self._round_due = time.monotonic() + self._pace
        if self._recovery is not None and self._send and not (self._halted or self._error):
            self._recovery.step(self._is_own_turn)

    def _is_own_turn(self) -> bool:
        """Whether the run's own rows are due."""
        return self._listener.asked or self._listener.out_of_time() or not self._next_round()

    def _new_recovery(self) -> Recovery:
        def link() -> Link:
            link = Link(self._connect, Pace(self._listener.sleep, self._is_own_turn, _BREATH))
            link.meanwhile = self._meanwhile
            return link

        own, cache_dir = self.place.run_dir.path, self._settings.cache_dir.absolute()
        return Recovery(cache_dir, own, self.place.info, link, self.notices)

    def _send_or_say(self) -> None:
        send, self._send_once = (self._send or self._send_once) and not self._halted, False
        while True:
            self._capture_next()
            if send:
                self._drain()
            elif self.mode == "offline" and not self._said_where:
                self._say_offline()
            if not self._to_capture or (send and self._error):
                break

    def _capture_rest(self) -> None:
        while self._to_capture:
            self._capture_next()

    def _capture_next(self) -> None:
        if self._to_capture:
            with contextlib.suppress(OSError):  # no run directory, or a full disk, which is told anyway
                self._to_capture.pop(0)(self.place.run_dir, self.place.info, self._secrets)

    def _begin_round(self) -> None:
        """Before the journal is read: what comes from here on is the next round's."""
        self._changes_due = math.inf
        self._glanced = time.monotonic()
        self._round_due = self._glanced + self._pace

    def _meanwhile(self) -> None:
        """Between two blocks of a file that is sent: samples, disk and rows do not wait until all of it is there."""
        self._sample()
        due = 0.0 if self._listener.asked else min(self._round_due, self._changes_due)
        if time.monotonic() < max(due, self._glanced + _APART):
            return
        preempting = self._preempting
        self._begin_round()
        self._look_after_disk()
        self.uploader.glance()
        if preempting:
            self._preempting = False

    def _sample(self) -> bool:
        """Take the samples of system metrics that are due; whether one was."""
        taken = [self._sample_one(sampler) for sampler in list(self.samplers)]
        return any(taken)

    def _sample_one(self, sampler: Sampler) -> bool:
        metrics = None
        if sampler in self.samplers:
            try:
                metrics = sampler.sample()
            except ImportError:
                self.samplers.remove(sampler)
                install = "pip install 'wandb-logging[system]'"
                self.notices.add("system", f"system_metrics needs psutil, which is not installed: {install}")
        if metrics:
            self.append_change("system", metrics)
        return metrics is not None

    def _look_after_disk(self) -> None:
        writer = self.place.writer
        if self._settings.fsync != "never":
            writer.sync()
        else:
            writer.retry()
        if writer.trouble:
            self.notices.add("disk", f"{self.place.run_dir.path}: {writer.trouble}")
        if self.ended is None:
            self.saved.look()

    def _drain(self) -> None:
        try:
            self.uploader.drain(live=True)
        except AuthError as exc:
            if self._key is not None:
                self._refused.add(self._key)
            self._fail(exc)
        except RunNotFound as exc:
            self._halted = True  # deleted, or no such entity: asking again does not help
            self._fail(exc)
        except WandbLoggingError as exc:
            self._fail(exc)
        else:
            self._error = None
        self._say_url()
        self._look_for_stop()

    def _fail(self, error: WandbLoggingError) -> None:
        self._error = explain(error, self._settings.host)
        self.notices.add(type(error).__name__, self._error)

    def _look_for_stop(self) -> None:
        if not self.uploader.stopped or self.stopped:
            return
        self.stopped = True
        self.notices.add("stopped", f"the server asks run {self.place.info['id']} to stop")
        try:
            self._on_stop()
        except Exception:  # the user's own code, on our thread
            self.notices.add("on_stop", "on_stop failed\n" + traceback.format_exc(), ERROR)

    def _release(self) -> None:
        """After the last round: let go of server and directory. A thread stuck in a request does so when it is free."""
        self.uploader.close()
        self.place.run_dir.unlock_upload()
        if self._recovery is not None:
            self._recovery.close()

    # --- the server ---

    def _begin_sending(self) -> None:
        self._send = self._lock_upload()
        self._halted = False

    def _lock_upload(self) -> bool:
        try:
            self.place.run_dir.lock_upload()
        except JournalLocked as exc:
            alone = "rows are only written. Set cache_dir to a disk that has locks"
            then = "rows are kept for it to send" if exc.holder else alone
            self.notices.add("locked", f"{exc}: {then}")
            return False
        return True

    def _connect(self) -> Client:
        from wandb_logging._server.client import Client  # noqa: PLC0415  requests: most of the import time

        host, settings = self._settings.host, self._settings
        wrong = "no API key was found"
        for key in find_keys(host, settings.api_key, on_problem=partial(self.notices.add, "netrc")):
            self._secrets.know(key.key)  # it may be new in netrc
            problem = key_problem(key.key)
            if problem:
                wrong = f"the key from {key.source} is malformed: {problem}"
                break  # a typing mistake is told, not covered by another key
            if key.key not in self._refused:
                self._key = key.key
                return Client(host, key.key, timeout=settings.request_timeout)
            wrong = f"the key from {key.source} was refused, and there is no other"
        raise AuthError(wrong, 401)

    # --- what it says ---

    def _say_url(self) -> None:
        if not self._said_where and self.uploader.url and self.uploader.remote:
            self._said_where = True
            self.notices.add("url", f"run {self.uploader.remote.display_name}: {self.uploader.url}", INFO)

    def _say_offline(self) -> None:
        self._said_where = True
        if self._settings.mode == "auto":
            path, run_id = _shown(self.place.run_dir.path), self.place.info["id"]
            self.notices.add(
                "offline",
                f"no API key for {self._settings.host}: run {run_id} is only written to {path}. "
                f"Send it with `wandb-logging sync {path}`; `wandb-logging login` sets a key.",
                INFO,
            )

    def _say_goodbye(self, report: Report) -> None:
        path, counts = _shown(self.place.run_dir.path), self.place.writer.counts
        if counts.dropped:
            reasons = ", ".join(f"{count} {reason}" for reason, count in counts.dropped.items())
            lost = sum(counts.dropped.values())
            self.notices.add("dropped", f"run {report.run_id}: {lost} records were lost ({reasons})")
        if report.finished:
            if report.url and self.uploader.remote:
                self.notices.add("finished", f"run {self.uploader.remote.display_name} finished: {report.url}", INFO)
        elif self.place.run_dir.on_disk:
            left = f"{report.remaining} lines are not sent yet" if self._send else f"run {report.run_id} is saved"
            level = ERROR if self._send else INFO
            self.notices.add("left", f"{left}: {path}. Send with `wandb-logging sync {path}`.", level)
        elif report.remaining:
            lost = report.remaining
            self.notices.add("left", f"run {report.run_id}: {lost} lines could not be sent and are lost", ERROR)
        self.notices.say_all()


def _shown(path: Path) -> str:
    """A path as a person would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
