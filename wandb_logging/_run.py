"""`Run`: what a user holds. It owns the run's journal, its listener and its uploader, and says what they do.

The journal is the queue. Online is a listener that sends, offline one that only syncs the disk; turning either into
the other changes one flag, and there is no second way for a row to go.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import socket
import string
import sys
import threading
import time
import traceback
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from logging import ERROR, INFO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_logging import _alerts, _exit, _fold, _standard_files
from wandb_logging._artifact_download import UsedArtifact, find_artifact
from wandb_logging._artifacts import ARTIFACTS, Artifact, StrPath, artifact_of, describe, finalize, keep
from wandb_logging._auth import Session, find_key, find_keys, key_problem
from wandb_logging._capture import Capture
from wandb_logging._errors import AuthError, JournalError, JournalLocked, LogError, RunNotFound, WandbLoggingError
from wandb_logging._files import ignored
from wandb_logging._journal import Writer
from wandb_logging._link import Link, Pace, explain
from wandb_logging._listener import Listener, as_own_thread
from wandb_logging._media._placing import Placing
from wandb_logging._memory import MemoryRunDir
from wandb_logging._metrics import Metric
from wandb_logging._notices import Notices
from wandb_logging._read import config_of
from wandb_logging._records import Steps, change_event, now, output_event, row_event, text_event
from wandb_logging._report import Report
from wandb_logging._rundir import RunDir, safe_name
from wandb_logging._save import POLICIES, SavedFiles, matches
from wandb_logging._settings import Settings, moment
from wandb_logging._summary import Follower, Summary
from wandb_logging._system import Sampler
from wandb_logging._uploader import Uploader
from wandb_logging._values import Aside, dumps, mapping_of, plain

if TYPE_CHECKING:
    from types import TracebackType

    from wandb_logging._client import Client

_MOST_OUTPUT = 2**20  # characters of output in one event
_BREATH = 0.0002  # seconds the program gets between two pieces of the uploader's work
_ID_ALPHABET = string.ascii_lowercase + string.digits

_live: weakref.WeakSet[Run] = weakref.WeakSet()


def new_run(project: str, entity: str | None = None, session: Session | None = None, **settings: Any) -> Run:
    """Start a run by hand, without a log handler.

    Args:
        project: project the run belongs to.
        entity: team or user; default: the key's own.
        session: key and host, as `login` gives them; default: found as `mode` says.
        **settings: any other field of `Settings`.

    Raises:
        SettingsError: a setting is wrong.
    """
    values = {"project": project, "entity": entity, **settings}
    if session is not None:
        values["api_key"] = session.api_key
        if session.host is not None:
            values["host"] = session.host
    return Run(Settings.of({key: value for key, value in values.items() if value is not None}))


class Run:
    """A W&B run. Made by `new_run`, or by the first record of a `WandbHandler`.

    As a context manager it is finished at the end of the block: with exit code 1 if an exception leaves it.
    All methods may be called from any thread. In a forked child the run takes rows, which the parent sends.

    Args:
        settings: everything about it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopped = False
        self._notices = Notices(quiet=settings.quiet)
        self._aside = 0
        self._config: dict[str, Any] = {}
        self._take_config(settings.config)
        self._changed: dict[str, Any] = {}  # name, notes and so on, set while it runs
        # Kept up with what is logged only where `log` has to know.
        self.steps = Steps(self._notices.add) if settings.late_steps == "error" else None
        self._own_summary: dict[str, Any] = {}
        self._refused: set[str] = set()
        self._halted = False
        self._send = False
        self._send_once = False
        self._interval = settings.flush_interval
        self._error: str | None = None
        self._said_url = False
        self._in_child = False
        self._continued = False  # in the directory that the run has here from before
        self._joined = False  # and another process writes there, too: the run ends with that one
        self._preempting = False  # a signal's handler waits until this is False again
        self._ended: Report | None = None
        self._capture: Capture | None = None
        self._sampler = Sampler(settings.system_interval) if settings.system_metrics else None
        self._round_due = 0.0
        self.owner: Callable[[], object | None] | None = None  # weak reference to the handler that made it
        self._ending = threading.RLock()
        self.mode = self._choose_mode()
        self._info = self._identity()
        self._dir, self._writer = self._open_directory()
        self._captured = False  # what the process runs on (`_standard_files`)
        self._saved = SavedFiles(self._keep, self.report)
        self.media = Placing(self._dir.keep_media)  # of log records
        self._media_by_hand = Placing(self._dir.keep_media, strict=True)
        self._listener = Listener(self._work, self._next_round, self._release)
        pace = Pace(self._listener.sleep, self._listener.out_of_time, _BREATH)
        self._uploader = Uploader(
            self._dir,
            Link(self._connect, pace),
            batch_size=settings.batch_size,
            batch_bytes=settings.batch_bytes,
            gzip=settings.gzip,
            heartbeat=settings.heartbeat_interval,
            say=self._notices.add,
        )
        self._summary = Summary(self._read_summary, self._set_summary)
        self._follower = Follower(self._dir)
        if self.mode != "disabled":
            self._watch_the_end()
        _live.add(self)
        if self.mode == "online":
            self._go_online()
        if self.mode != "disabled":
            self._listener.start()
            if settings.capture_output:
                self._start_capture()

    # --- what it is ---

    @property
    def id(self) -> str:
        """Id of the run in its project."""
        return str(self._info["id"])

    @property
    def name(self) -> str:
        """Name people see: the server's once it is known, else the setting, else the id. Can be set."""
        remote = self._uploader.remote
        return self._changed.get("name") or (remote.display_name if remote else None) or self.settings.name or self.id

    @name.setter
    def name(self, name: str) -> None:
        self._change("name", name)

    @property
    def notes(self) -> str | None:
        """Longer description. Can be set."""
        notes: str | None = self._changed.get("notes", self.settings.notes)
        return notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._change("notes", notes)

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of the run. Can be set, and added to: `run.tags += ("v2",)`."""
        tags: tuple[str, ...] = self._changed.get("tags", self.settings.tags)
        return tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._change("tags", tags if isinstance(tags, str) else tuple(tags))

    @property
    def group(self) -> str | None:
        """Group of runs this one belongs to. Can be set."""
        group: str | None = self._changed.get("group", self.settings.group)
        return group

    @group.setter
    def group(self, group: str) -> None:
        self._change("group", group)

    @property
    def job_type(self) -> str | None:
        """Kind of job, such as train or eval. Can be set."""
        job_type: str | None = self._changed.get("job_type", self.settings.job_type)
        return job_type

    @job_type.setter
    def job_type(self, job_type: str) -> None:
        self._change("job_type", job_type)

    def _change(self, key: str, value: object) -> None:
        value = getattr(self.settings.but(**{key: value}), key)  # raises a SettingsError that says what is right
        self._append(change_event("run", {key: value}, now(), self.report))
        self._changed[key] = value

    @property
    def project(self) -> str:
        """Project of the run."""
        remote = self._uploader.remote
        return remote.project if remote else self.settings.project

    @property
    def entity(self) -> str | None:
        """Team or user; None while neither settings nor server have said."""
        remote = self._uploader.remote
        return remote.entity if remote else self.settings.entity

    @property
    def url(self) -> str | None:
        """Address of the run's page; None while the server does not know the run."""
        return self._uploader.url

    @property
    def dir(self) -> Path | None:
        """The run directory; None if there is none (disabled, or nothing can be written)."""
        return None if self.mode == "disabled" or isinstance(self._dir, MemoryRunDir) else self._dir.path

    @property
    def config(self) -> dict[str, Any]:
        """A copy of the config as it stands; of a resumed run with what the server has, once it has been asked."""
        remote = self._uploader.remote
        before = {key: value for key, value in remote.config.items() if key != "_wandb"} if remote else {}
        return {**before, **self._config}

    @property
    def resumed(self) -> bool:
        """Whether it goes on with a run that was there; False while nobody knows."""
        remote = self._uploader.remote
        return self._continued or bool(remote and remote.config)

    @property
    def summary(self) -> Summary:
        """The summary as it stands, with what was just logged; setting a key of it sets it in the run."""
        return self._summary

    @property
    def step(self) -> int:
        """Step of the next row; while one of an explicit step is open, that step."""
        return self._uploader.state.step if self.dir is None else self._follower.step()

    @property
    def queue_length(self) -> int:
        """Journal lines the server has not acknowledged."""
        if self._continued:  # what others have written there counts as well
            return self._dir.lines_after(self._uploader.position)
        return max(0, self._writer.counts.journalled - self._uploader.acknowledged)

    def __repr__(self) -> str:
        return f"<Run {self.project}/{self.id} {self.mode}>"

    # --- what goes into it ---

    def log(self, metrics: Mapping[str, Any], step: int | None = None, *, commit: bool | None = None) -> None:
        """Log a row. When this returns it is in the journal.

        Args:
            metrics: name -> value, nested mappings allowed: numbers, text, arrays, and media such as `Image`. A
                value that cannot be sent is set aside with a warning; the rest goes.
            step: step of the row; rows of one step merge. Default: the next step.
            commit: whether the row is complete; if not, the next call adds to it. Default: it is, unless a step is
                given.

        Raises:
            LogError: `metrics` is no mapping, `step` no whole number, or lower than the current one and late_steps is
                error; media are not what they should be; or the run is finished.
        """
        if not isinstance(metrics, Mapping):
            raise LogError(f"metrics: expected a mapping, got {type(metrics).__name__}")
        if step is not None and (isinstance(step, bool) or not hasattr(step, "__index__")):
            raise LogError(f"step: expected a whole number, got {step!r}")
        late = None if self.steps is None else self.steps.check(step, commit=commit)
        if late is not None:
            raise LogError(late)
        if self.mode == "disabled":
            self._append(b"")
        else:
            self._append(row_event(metrics, step, now(), self.report, self._media_by_hand, commit=commit))

    def update_config(self, mapping: Any = None, **values: Any) -> None:
        """Set keys of the config; other keys stay.

        Args:
            mapping: key -> value, nested mappings allowed; or a namespace, a dataclass, a pydantic or attrs model.
                A value that cannot be sent is set aside with a warning; the rest goes.

        Raises:
            LogError: `mapping` is none of these, or the run is finished.
        """
        opened = {} if mapping is None else mapping_of(mapping)
        if not isinstance(opened, Mapping):
            raise LogError(f"config: expected a mapping, namespace, dataclass or model, got {type(mapping).__name__}")
        for given in (opened, values):
            if given:
                self._append(change_event("config", self._take_config(given), now(), self.report))

    def _take_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Add to the config what can be sent of it; report the rest."""
        aside: Aside = {}
        taken: dict[str, Any] = plain(given, aside=aside)
        for name, why in aside.items():
            self.report(f"config.{name}", why)
        self._config.update(taken)
        return taken

    def define_metric(  # noqa: PLR0917  the official SDK's signature
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,  # noqa: FBT001
        hidden: bool | None = None,  # noqa: FBT001
        summary: str | Iterable[str] | None = None,
        overwrite: bool | None = None,  # noqa: FBT001
    ) -> Metric:
        """Say what charts and summary make of a metric. Best done before it is logged.

        Args:
            name: of the metric; `val.acc` is acc in val. With a `*` at its end: of all that begin so, do not begin
                with `_` and have no definition of their own.
            step_metric: metric that is its x axis, in place of the step.
            step_sync: whether a row without the step metric gets that one's last value, or 0. Default: True if a
                step metric is given.
            hidden: leave it out of automatic charts.
            summary: what of it the summary shows, separated by commas: min, max, mean, first, last; or none. Default:
                its last value alone.
            overwrite: replace an earlier definition of that name. Default: add to it.

        Returns:
            The definition; `define_metric(..., step_metric=)` takes it.

        Raises:
            LogError: the name has a `*` before its end, or an argument is wrong; or the run is finished.
        """
        summary = summary if summary is None or isinstance(summary, str) else list(summary)
        try:
            metric = Metric.of(
                name, step_metric, step_sync=step_sync, hidden=hidden, summary=summary, overwrite=overwrite
            )
        except ValueError as exc:
            raise LogError(f"define_metric: expected {exc}") from None
        self._append(change_event("define", metric.event(), now(), self.report))
        return metric

    def _read_summary(self) -> dict[str, Any]:
        if self.dir is None:  # what is only in memory can be read once, by the uploader
            return {**_fold.summary(self._uploader.state), **self._own_summary}
        return self._follower.summary()

    def _set_summary(self, values: dict[str, Any]) -> None:
        self._append(change_event("summary", values, now(), self.report))
        if self.dir is None:
            own = {**self._own_summary, **values}
            self._own_summary = {key: value for key, value in own.items() if value is not None}

    def upload_file(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """Add a file to the run. It is copied into the run directory before this returns, and sent from there.

        Args:
            path: the file.
            name: its name in the run, a relative path with forward slashes. Default: the path as given if it is
                relative and stays below the working directory, else its last part.

        Raises:
            LogError: there is no such file, or `name` would leave the run.
            OSError: it cannot be copied.
        """
        source = Path(path)
        if not source.is_file():
            raise LogError(f"{source} is no file")
        self._save(source, safe_name(name if name is not None else _default_name(source)), "now")

    def upload_files(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Add several files to the run, each as `upload_file` does.

        Raises:
            LogError, OSError: as `upload_file`; files before the faulty one are added.
        """
        for path in paths:
            self.upload_file(path)

    def save(
        self,
        glob_str: str | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
    ) -> list[str]:
        """Add the files that a glob finds now to the run.

        They are copied into the run directory before this returns (with `end`: when the run ends) and sent from
        there. The same bytes are not sent twice.

        Args:
            glob_str: a path or glob, as the module `glob` takes it.
            base_path: folder below which the names in the run begin. Default: the working directory; for an
                absolute path the folder above that of the file.
            policy: now: as it is now. live: now, again whenever it has changed, and at the end. end: as it is when
                the run ends. Changes are noticed every `flush_interval`, by size and time of modification.

        Returns:
            The names in the run; none, with a warning, if the glob finds no file.

        Raises:
            LogError: the path is not below `base_path` or has a `..`, there is no such policy, or the run is finished.
            OSError: a file cannot be copied.
        """
        if policy not in POLICIES:
            raise LogError(f"policy={policy!r}: expected {' or '.join(POLICIES)}")
        found = matches(glob_str, base_path)
        if not found:
            self._notices.add(f"save {glob_str}", f"save: there is no file {os.fspath(glob_str)}")
        for source, name in found:
            self._save(source, name, policy)
        return [name for _, name in found]

    def _save(self, source: Path, name: str, policy: str) -> None:
        if self._ended is not None:
            raise LogError(f"run {self.id} is finished")
        if self.mode == "disabled" or ignored(name, self.settings.ignore_globs):
            return
        # A forked child has no listener that could look after a file.
        self._saved.save(source.absolute(), name, "now" if self._in_child else policy)

    def _keep(self, source: Path, name: str) -> None:
        kept = self._dir.keep_file(source, name)
        self._append(change_event("file", {"name": name, "path": kept}, now(), self.report))

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,  # noqa: A002  the official SDK's name
        aliases: str | Iterable[str] | None = None,
    ) -> Artifact:
        """Log an artifact. Its files are in the run directory before this returns, and sent from there.

        Args:
            artifact_or_path: an `Artifact`; or a file, a folder or an address such as s3://bucket/key to make one of.
            name: of one made here; default: `run-<run id>-<last part of the path>`.
            type: of one made here; default: unspecified.
            aliases: names of this version beside latest; another version that has one loses it.

        Returns:
            The artifact, to which nothing can be added any more. Its `wait` waits until it is sent.

        Raises:
            LogError: there is no such file, a name, alias or metadata are wrong, or the run is finished.
            JournalError: the run has no directory.
            OSError: a file cannot be copied.
        """
        folder = self._artifact_folder()
        artifact = artifact_of(artifact_or_path, name, type, self.id, folder)
        event = describe(artifact, aliases)
        if folder is not None:
            event["folder"] = keep(artifact, folder)
        self._append(change_event("artifact", event, now(), self.report))
        finalize(artifact, self.flush)
        return artifact

    def use_artifact(self, name: str, type: str | None = None) -> UsedArtifact:  # noqa: A002  the official SDK's name
        """Find an artifact on the server, and record that this run uses it.

        Args:
            name: `name:alias` or `entity/project/name:alias`; the alias is a version such as v3, or a name such as
                best. Default: latest. Without entity and project: those of the run.
            type: what it must be, such as dataset; default: anything.

        Raises:
            LogError: there is no such artifact, or it is of another type; or the run is offline or finished.
            TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
        """
        if self.mode != "online":
            raise LogError(f"run {self.id} is {self.mode}: an artifact to use is on the server")
        found = find_artifact(self._reach, name, self.entity, self.project)
        if type is not None and type != found.type:
            raise LogError(f"artifact {name} is of type {found.type}, not {type}")
        self._append(change_event("use_artifact", {"id": found.id, "name": found.name}, now(), self.report))
        return found

    def alert(
        self, title: str, text: str = "", level: str = "INFO", wait_duration: float | timedelta = _alerts.WAIT
    ) -> None:
        """Tell people, by the mail or the Slack channel they have chosen on their W&B page.

        Args:
            title: what it is about; less than 64 characters.
            text: what happened.
            level: INFO, WARN or ERROR, or an `AlertLevel`.
            wait_duration: least seconds, or a timedelta, until another alert of this title: what comes meanwhile
                does not go.

        Raises:
            LogError: one of them is not what it should be, or the run is finished.
        """
        alert = _alerts.alert(title, text, level, wait_duration)
        self._append(change_event("alert", alert, now(), self.report))

    def _append(self, body: bytes) -> None:
        if self._ended is not None:
            raise LogError(f"run {self.id} is finished")
        if self.mode != "disabled":
            self._writer.append(body)

    def report(self, name: str, reason: str) -> None:
        """Take note of a value that cannot be sent. Safe inside a logging call."""
        self._aside += 1
        self._notices.add(f"aside {name}", f"{name} is set aside: {reason}")

    # --- where it goes ---

    def flush(self, timeout: float | None = None) -> Report:
        """Send what has been logged (online), or force it to the disk (offline).

        A row of an explicit step stays open for more of that step until a later step, or the end.

        Args:
            timeout: most seconds to wait; None waits for as long as it takes.
        """
        if self._ended is None and not self._in_child and self.mode != "disabled":
            self._ask(timeout)
        else:
            self._writer.sync()
        return self._report()

    def finish(self, exit_code: int = 0, timeout: float | None = None) -> Report:
        """End the run: send everything and tell the server, or leave it for `sync`. Calling it again does nothing.

        Args:
            exit_code: 0 for finished, anything else for failed.
            timeout: most seconds to wait; default: the setting close_timeout.
        """
        with self._ending:
            if self._ended is not None:
                return self._ended
            timeout = self.settings.close_timeout if timeout is None else timeout
            deadline = time.monotonic() + timeout
            if self._capture is not None:
                self._capture.stop()
            self._sampler = None
            if not self._in_child and self.mode != "disabled":
                if not self._joined:
                    self._saved.look(last=True)
                self._append(change_event("exit", exit_code, now(), self.report))
                self._listener.ask(deadline)
                self._listener.finish(deadline)
            self._writer.close()
            self._ended = self._report()
            if not self._in_child and self.mode != "disabled":
                self._say_goodbye(self._ended)
            return self._ended

    def enable_offline_mode(self, flush_interval: float | None = None) -> None:
        """Stop sending as rows come.

        Args:
            flush_interval: None only writes the journal; a number of seconds sends it in the background that often.

        Raises:
            SettingsError: the interval is no positive number.
        """
        if flush_interval is not None:
            self._interval = self.settings.but(flush_interval=flush_interval).flush_interval
        self._send = flush_interval is not None and self._lock_upload()
        self.mode = "offline"

    def disable_offline_mode(self) -> None:
        """Send in the background from now on, beginning with everything that waits."""
        self._interval = self.settings.flush_interval
        self.mode = "online"
        self._go_online()
        self._listener.wake()

    def upload_cached_logs(self, timeout: float | None = None) -> Report:
        """Send everything that waits, now, whatever the mode.

        Args:
            timeout: most seconds to wait; None waits for as long as it takes.
        """
        if self._lock_upload():
            self._halted = False
            self._send_once = True
            self._ask(timeout)
        return self._report()

    def stats(self) -> dict[str, Any]:
        """Counts of events so far, and `lag`, the age in seconds of the oldest the server has not acknowledged.

        accepted = journalled + waiting for the disk + dropped; `dropped` maps reasons to counts.
        """
        counts, state = self._writer.counts, self._uploader.state
        waiting = self._writer.waiting
        return {
            "accepted": counts.journalled + waiting + sum(counts.dropped.values()),
            "journalled": counts.journalled,
            "sent": self._uploader.sent,
            "acknowledged": self._uploader.acknowledged,
            "set_aside": self._aside + state.set_aside - state.told,
            "late": state.late,
            "dropped": dict(counts.dropped),
            "lag": self._lag(),
        }

    def __enter__(self) -> Run:  # noqa: PYI034  typing.Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(0 if kind is None else 1)

    # --- what the program prints (`_capture`) ---

    def _start_capture(self) -> None:
        self._capture = Capture(self._take_output)
        try:
            self._capture.start()
        except ValueError as exc:
            self._notices.add("capture", f"capture_output: {exc}")

    def _take_output(self, text: str, error: bool) -> None:  # noqa: FBT001  the signature of Take
        for start in range(0, len(text), _MOST_OUTPUT):
            self._append(output_event(text[start : start + _MOST_OUTPUT], now(), error=error))

    # --- how the program ends (`_exit`) ---

    def _unhandled(self, kind: type[BaseException], text: str) -> None:
        """Take an exception that nobody handled into the Logs tab, and into an alert if records make such."""
        if self._ended is not None:
            return
        if self.settings.console is not False and self._capture is None:  # which hears Python print it
            self._append(text_event(text, "ERROR", now()))
        if self.settings.alert_level is not None and issubclass(kind, Exception):  # not for Ctrl-C
            title, text = _alerts.cut(f"unhandled {kind.__name__}", text)
            self.alert(title, text, "ERROR", self.settings.alert_wait_duration)

    def _preempt(self, code: int, last: bool) -> Callable[[], bool]:  # noqa: FBT001  the signature of Witness
        """Have everything sent at once, in a signal's handler; the result says when not to wait any longer."""
        if self._ended is not None or self._in_child:
            return lambda: True
        self._uploader.preempting = True  # before the exit event, which a round that is under way may find
        if last:
            self._append(change_event("exit", code, now(), self.report))
        deadline = time.monotonic() + self.settings.close_timeout
        self._preempting = True
        self._listener.hurry(deadline)

        def over() -> bool:
            # Without its thread the listener's work may be what was interrupted: the rows are in the journal.
            if self._preempting and self._listener.running and time.monotonic() < deadline:
                return False
            self._listener.calm(deadline)
            return True

        return over

    def _watch_the_end(self) -> None:
        self._witness = _exit.Witness(self._unhandled, self._preempt)
        if self.settings.exit_hooks:
            _exit.watch_exceptions(self._witness)
        if self.settings.signals:
            try:
                _exit.watch_signals(self._witness, self.settings.signals)
            except ValueError as exc:
                self._notices.add("signals", f"signals: {', '.join(self.settings.signals)} are not watched: {exc}")

    # --- starting ---

    def _choose_mode(self) -> str:
        mode = self.settings.mode
        if mode != "auto":
            return mode
        return "online" if find_key(self.settings.host, self.settings.api_key) else "offline"

    def _identity(self) -> dict[str, Any]:
        settings = self.settings
        back, branch = moment(settings.resume_from), moment(settings.fork_from)
        come_from = back or branch
        return {
            "id": settings.run_id or (back and back[0]) or "".join(secrets.choice(_ID_ALPHABET) for _ in range(8)),
            "project": settings.project,
            "entity": settings.entity,
            "name": settings.name,
            "notes": settings.notes,
            "tags": list(settings.tags),
            "group": settings.group,
            "job_type": settings.job_type,
            "config": self._config,
            "resume": settings.resume,
            "rewind": back is not None,
            "branch_point": {"run_id": come_from[0], "step": come_from[1]} if come_from else None,
            "host": settings.host,
            "app_url": settings.app_url,
            "mode": self.mode,
            "start": now(),
            "writer_id": str(uuid.uuid4()),
            "host_name": socket.gethostname(),
            "program": sys.argv[0] if sys.argv else "",
            "late_steps": settings.late_steps,
            "late_step_metric": settings.late_step_metric,
            "standard_files": list(settings.standard_files),
            "ignore_globs": list(settings.ignore_globs),
            "define_metrics": [metric.event() for metric in settings.define_metrics],
        }

    def _open_directory(self) -> tuple[RunDir, Writer]:
        settings = self.settings
        if self.mode != "disabled":
            try:
                cache_dir = settings.cache_dir.absolute()
                here = RunDir.find(cache_dir, self._info) if settings.resume in {"allow", "must"} else None
                self._joined = here is not None and here.alive()
                run_dir = here or RunDir.create(cache_dir, self._info)
                writer = run_dir.writer(
                    segment_bytes=settings.segment_bytes,
                    memory_bytes=settings.memory_bytes,
                    durable=settings.fsync == "always",
                )
            except OSError as exc:
                place = f"{settings.cache_dir} cannot be written ({exc.strerror or exc})"
                kept = "are sent from memory" if self.mode == "online" else "stay in memory and are lost at exit"
                self._notices.add("memory", f"{place}: rows {kept}. Set cache_dir to a folder that can be written.")
            else:
                if here is not None:
                    self._continue(here, writer)
                return run_dir, writer
        memory = MemoryRunDir(self._info, settings.memory_bytes)
        return memory, memory.writer()

    def _continue(self, run_dir: RunDir, writer: Writer) -> None:
        """Go on in the run's own directory: what is set now is a change to what it was."""
        keys = ("name", "notes", "tags", "group", "job_type")
        changes = {key: self._info[key] for key in keys if self._info[key]}
        event = {"config": self._config, "run": changes, "t": now()}
        writer.append(dumps(event if self._joined else {"resume": True, **event}))
        self._config = {**config_of(run_dir), **self._config}
        self._info = run_dir.info
        self._continued = True

    def _go_online(self) -> None:
        self._send = self._lock_upload()
        self._halted = False

    def _lock_upload(self) -> bool:
        try:
            self._dir.lock_upload()
        except JournalLocked as exc:
            self._notices.add("locked", f"{exc}: rows are kept for it to send")
            return False
        return True

    def _connect(self) -> Client:
        from wandb_logging._client import Client  # noqa: PLC0415  requests: most of the import time

        host, settings = self.settings.host, self.settings
        wrong = "no API key was found"
        for key in find_keys(host, settings.api_key, on_problem=partial(self._notices.add, "netrc")):
            problem = key_problem(key.key)
            if problem:
                wrong = f"the key from {key.source} is malformed: {problem}"
                break  # a typing mistake is told, not covered by another key
            if key.key not in self._refused:
                self._key = key.key
                return Client(host, key.key, timeout=settings.request_timeout)
            wrong = f"the key from {key.source} was refused, and there is no other"
        raise AuthError(wrong, 401)

    _key: str | None = None

    @contextlib.contextmanager
    def _reach(self) -> Iterator[Link]:
        """A way to the server of the caller's own, beside the uploader's."""
        link = Link(self._connect, Pace())
        with as_own_thread():
            try:
                yield link
            finally:
                link.close()

    def _artifact_folder(self) -> Path | None:
        """Where artifacts are kept; None if nothing is, because the run is disabled."""
        if self.mode == "disabled":
            return None
        if self.dir is None:
            raise JournalError(f"run {self.id} has no directory to keep an artifact in; set cache_dir to a folder")
        folder = self.dir / ARTIFACTS
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    # --- the listener's rounds ---

    def _next_round(self) -> float | None:
        """Seconds to the listener's next round."""
        sampler = self._sampler
        return self._pace if sampler is None else max(0.0, min(self._round_due, sampler.due) - time.monotonic())

    @property
    def _pace(self) -> float:
        return min(self._interval, self.settings.heartbeat_interval) if self._send else self._interval

    def _work(self) -> None:
        """One round: disk, server, notices. Never raises."""
        preempting = self._preempting
        try:
            self._work_unguarded()
        except Exception:
            self._error = "internal error"
            self._notices.add("internal", "internal error; rows are kept on disk\n" + traceback.format_exc(), ERROR)
        if preempting:
            self._preempting = False  # before anything is said: a signal may have interrupted who holds stderr's lock
        self._notices.say_all()

    def _sample(self) -> bool:
        """Take a sample of the system metrics if one is due; whether it was."""
        metrics, sampler = None, self._sampler
        if sampler is not None:
            try:
                metrics = sampler.sample()
            except ImportError:
                self._sampler = None
                install = "pip install 'wandb-logging[system]'"
                self._notices.add("system", f"system_metrics needs psutil, which is not installed: {install}")
        if metrics:
            self._append(change_event("system", metrics, now(), self.report))
        return metrics is not None

    def _work_unguarded(self) -> None:
        if self._sample() and not self._listener.asked and time.monotonic() < self._round_due:
            return  # it was time for that only
        self._round_due = time.monotonic() + self._pace
        if self.settings.fsync != "never":
            self._writer.sync()
        else:
            self._writer.retry()
        if self._writer.trouble:
            self._notices.add("disk", f"{self._dir.path}: {self._writer.trouble}")
        if self._ended is None:
            self._saved.look()
        if not self._captured:
            self._captured = True  # once, whatever comes of it
            with contextlib.suppress(OSError):  # no run directory, or a full disk, which is told anyway
                _standard_files.capture(self._dir, self._info)
        if (self._send or self._send_once) and not self._halted:
            self._send_once = False
            self._drain()
        elif self.mode == "offline" and not self._said_url:
            self._say_offline()

    def _drain(self) -> None:
        try:
            self._uploader.drain(live=True)
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
        self._error = explain(error, self.settings.host)
        self._notices.add(type(error).__name__, self._error)

    def _look_for_stop(self) -> None:
        if not self._uploader.stopped or self.stopped:
            return
        self.stopped = True
        self._notices.add("stopped", f"the server asks run {self.id} to stop")
        if self.settings.on_stop is not None:
            try:
                self.settings.on_stop(self)
            except Exception:
                self._notices.add("on_stop", "on_stop failed\n" + traceback.format_exc(), ERROR)

    def _release(self) -> None:
        """After the last round: let go of server and directory. A thread stuck in a request does so when it is free."""
        self._uploader.close()
        self._dir.unlock_upload()

    def _ask(self, timeout: float | None) -> bool:
        return self._listener.ask(None if timeout is None else time.monotonic() + timeout)

    # --- what it says ---

    def _say_url(self) -> None:
        if not self._said_url and self.url:
            self._said_url = True
            self._notices.add("url", f"run {self.name}: {self.url}", INFO)

    def _say_offline(self) -> None:
        self._said_url = True
        if self.settings.mode == "auto":
            host = self.settings.host
            self._notices.add(
                "offline",
                f"no API key for {host}: run {self.id} is only written to {_shown(self._dir.path)}. "
                f"Send it with `wandb-logging sync {_shown(self._dir.path)}`; `wandb-logging login` sets a key.",
                INFO,
            )

    def _say_goodbye(self, report: Report) -> None:
        path = _shown(self._dir.path)
        dropped = sum(self._writer.counts.dropped.values())
        if dropped:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self._writer.counts.dropped.items())
            self._notices.add("dropped", f"run {self.id}: {dropped} records were lost ({reasons})")
        if report.finished:
            if report.url:
                self._notices.add("finished", f"run {self.name} finished: {report.url}", INFO)
        elif self.dir is not None:
            left = f"{report.remaining} lines are not sent yet" if self._send else f"run {self.id} is saved"
            level = ERROR if self._send else INFO
            self._notices.add("left", f"{left}: {path}. Send with `wandb-logging sync {path}`.", level)
        elif report.remaining:
            self._notices.add("left", f"run {self.id}: {report.remaining} lines could not be sent and are lost", ERROR)
        self._notices.say_all()

    def _report(self) -> Report:
        if self.mode == "disabled":
            return Report(self.id, self.project)
        error = None
        if self.queue_length and self._send:
            trouble = self._uploader.link.trouble  # of a request that is still being tried
            live = not self._writer.closed  # after the end only `sync` tries again
            error = explain(trouble, self.settings.host, live=live) if trouble else self._error
        return self._uploader.report(self.queue_length, error, self.dir)

    def _lag(self) -> float:
        if self.mode == "disabled" or not self.queue_length:
            return 0.0
        return max(0.0, now() - (self._dir.first_time_after(self._uploader.position) or now()))

    # --- fork ---

    def _after_fork_in_child(self) -> None:
        self._in_child = True
        self._send = False
        self._ending = threading.RLock()
        self._notices = Notices(quiet=self.settings.quiet)
        self._saved = SavedFiles(self._keep, self.report)  # what is watched is the parent's
        self._dir.forget_locks()
        self._listener.after_fork_in_child()


def _after_fork_in_child() -> None:
    for run in list(_live):
        run._after_fork_in_child()  # noqa: SLF001  the same room


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


@atexit.register
def _finish_all() -> None:
    """Runs made by hand and not finished end with the program; a handler's run ends when the handler is closed."""
    for run in list(_live):
        if run.owner is None or run.owner() is None:
            run.finish(_exit.exit_code())


def _default_name(source: Path) -> str:
    return source.name if source.is_absolute() or ".." in source.parts else source.as_posix()


def _shown(path: Path) -> str:
    """A path as a person would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
