"""`Run`: the run object of users. Its methods put events into the run's journal, or ask `background` to send them."""

from __future__ import annotations

import contextlib
import itertools
import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wandb_logging._errors import JournalError, LogError
from wandb_logging._events import alerts
from wandb_logging._events.metrics import Metric
from wandb_logging._fold import fold
from wandb_logging._journal.names import safe_name
from wandb_logging._keys.keys import Session
from wandb_logging._media.base import nothing_earlier
from wandb_logging._media.placing import Placing
from wandb_logging._process import ending
from wandb_logging._process.at_exit import finish_at_end
from wandb_logging._process.exit_code import code_of
from wandb_logging._process.notices import Notices
from wandb_logging._reading.summary import LONGEST, Follower, Summary
from wandb_logging._records.encoding import now, row_event
from wandb_logging._records.steps import Steps
from wandb_logging._report import Report
from wandb_logging._run import artifacts, autoresume, copying, messages, ranks
from wandb_logging._run.background import Background
from wandb_logging._run.described import Described
from wandb_logging._run.save import POLICIES, default_name, matches
from wandb_logging._run.start import ALONE, Membership, anchored, prepare_for, samplers_of, secrets_of, unused_settings
from wandb_logging._run.stats import OwnStats
from wandb_logging._run.watch import Watch
from wandb_logging._sending.files import ignored
from wandb_logging._settings.settings import Settings
from wandb_logging._settings.variables import is_within
from wandb_logging._values.alive import Alive
from wandb_logging._values.mappings import mapping_of, read_items
from wandb_logging._values.plain import Aside, plain

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Unpack

    from wandb_logging._artifacts.artifact import Artifact, StrPath
    from wandb_logging._artifacts.download import UsedArtifact
    from wandb_logging._formats.event_folder import EventFolder
    from wandb_logging._journal.copies import Kept, Source
    from wandb_logging._launch.launch import Launch
    from wandb_logging._settings.given import OtherSettings

_numbers = itertools.count()
_live: Alive[Run] = Alive()

T = TypeVar("T")


def new_run(
    project: str, entity: str | None = None, session: Session | None = None, **settings: Unpack[OtherSettings]
) -> Run:
    """Start a run by hand, without a log handler.

    Args:
        project: project the run belongs to.
        entity: team or user. Default: the one that the key belongs to.
        session: key and host, as `login` returns them. Default: the key is looked for as `mode` says.
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


class Run(Described):
    """A W&B run. Made by `new_run`, or by the first record of a `WandbHandler`.

    As a context manager, the run is finished at the end of the block. If an exception leaves the block, the exit code
    is 1, and the Logs tab shows the traceback. After a `sys.exit` the exit code is that of the call.
    All methods may be called from any thread. A forked child can log to the run; the parent sends those rows.

    Args:
        settings: the settings.
        owner: weak reference to the object that finishes the run when the program ends, such as a handler. Default: the
            run finishes by itself.
        stall: seconds after which the run's end stops waiting for a server that does not answer, even before
            close_timeout is over. Default: it waits for close_timeout.
        launch: the processes that were started together. Default: as the environment says.
        membership: how this process takes part in the run. Default: what settings and launch say.
        program: number of the process that system metrics are about, together with all that it has started.
            Default: this process alone.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        owner: Callable[[], object | None] | None = None,
        stall: float | None = None,
        launch: Launch | None = None,
        membership: Membership = ALONE,
        program: int | None = None,
    ) -> None:
        with contextlib.ExitStack() as undo:  # an exception, as of Ctrl-C, may come between any two instructions
            placement = ranks.find_placement(anchored(settings), launch)
            membership = replace(membership, helps=membership.helps or is_within(placement.settings.run_id))
            with ranks.taking_part(placement, membership) as membership:
                self._begin(placement, owner, stall, undo, membership, program=program)
            undo.pop_all()

    def _begin(
        self,
        placement: ranks.Placement,
        owner: Callable[[], object | None] | None,
        stall: float | None,
        undo: contextlib.ExitStack,
        membership: Membership,
        *,
        program: int | None,
    ) -> None:
        self._placement = placement
        settings, key = placement.settings, placement.resume_key
        self._auto = not placement.role.shares and autoresume.is_wanted(settings, key)
        if settings.resume == "auto" or (self._auto and placement.role.restarted):
            settings = autoresume.resolved(settings, [run.id for run in going_on()], key)
        self.settings = settings
        notices = Notices(quiet=settings.quiet)
        aside: Aside = {}
        config = plain(settings.config, aside=aside, of_config=True)
        mode = prepare_for(settings)
        self._secrets = secrets = secrets_of(settings, mode, notices)
        samplers = samplers_of(settings, lambda: OwnStats(self._background.tally.stats), program)
        self._background = Background(
            settings, mode, config, notices, secrets, samplers, self._on_stop, undo, stall, membership
        )
        self._journal = journal = self._background.journal
        self._writer_label = membership.label
        if self._auto:
            autoresume.note(settings.cache_dir, self.id, key)
        self._config = dict(config)  # not masked, because the program may read its settings here
        self._report_config(aside)
        self._changed: dict[str, Any] = {}  # name, notes and so on that were set while the run goes on
        self._own_summary: dict[str, Any] = {}
        self._told_page: dict[str, dict[str, Any]] = {}
        self._summary = Summary(self._read_summary, self._set_summary, lambda: self._read_summary(longest=math.inf))
        self._follower = Follower(journal.run_dir)
        # Logging a row checks its step only if a late step is an error.
        self._steps = Steps(notices.add, self._steps_from()) if settings.late_steps == "error" else None
        log_beside = partial(artifacts.log_beside, self._background)
        earlier = self._summary.get if settings.resume else nothing_earlier
        placing = partial(Placing, self._keep_media, log_beside, self._tell_page, run_id=self.id, earlier=earlier)
        self._media_of_records = placing()
        self._media_by_hand = placing(strict=True)
        self._media_of_summary = placing(strict=True, step="summary")
        self._owner = owner
        self._herald = None if placement.role.sends else ranks.Herald(placement)
        self._tell = self._herald.tell if self._herald is not None else None
        self._watch = Watch(settings, self._background, secrets, self._tell)
        undo.callback(self._watch.stop)
        if mode != "disabled":
            self._watch.start()
        self._number = next(_numbers)
        undo.callback(_live.discard, self)
        _live.add(self)
        if mode != "disabled" and self.dir is not None:
            unused = unused_settings(settings) if placement.role.sends and not journal.helps else []
            for notice in (*ranks.introduce(placement, journal.writer, self.dir), *unused):
                notices.add(*notice)
        self._background.start()
        if mode != "disabled":
            self._watch.start_capture()
        if settings.tensorboard is not None:
            self.watch_tensorboard(settings.tensorboard)
        finish_at_end(self, owner, self._background.wake, here=not journal.helps)

    # --- description: see also `Described` ---

    @property
    def summary(self) -> Summary:
        """The present summary, including what was just logged. Setting a key of it sets the key in the run."""
        return self._summary

    @property
    def step(self) -> int:
        """Step of the next row. While a row with an explicit step is open, it is the step of that row.

        If a run goes on with a long journal of unsent rows, this waits at most a second while the journal is read. The
        result then is the step reached so far, and a line on stderr says so; asking again reads on.
        """
        return self._followed(self._follower.step, lambda state: state.step)

    @property
    def queue_length(self) -> int:
        """Number of journal lines the server has not acknowledged; an estimate if counting takes over a second."""
        return self._background.tally.queue_length

    def __repr__(self) -> str:
        return f"<Run {self.project}/{self.id} {self.mode}>"

    def _repr_html_(self) -> str | None:
        """The charts of what was logged so far, for notebooks; None if the run is not on disk."""
        from wandb_logging._page.export import html_of_run  # noqa: PLC0415  only where a notebook asks

        return html_of_run(self.dir) if self.dir is not None else None

    # --- logging ---

    def log(self, metrics: Mapping[str, Any], step: int | None = None, *, commit: bool | None = None) -> None:
        """Log a row. When this method returns, the row is in the journal.

        Args:
            metrics: name -> value; nested mappings are allowed. Values are numbers, text, arrays, and media such as
                `Image`. A value that cannot be sent is set aside with a warning; the others are sent.
            step: step of the row; rows with the same step are merged. Default: the next step.
            commit: whether the row is complete; if not, the next call adds to it. Default: it is complete unless a
                step is given.

        Raises:
            LogError: `metrics` is no mapping; `step` is no whole number, or is lower than the current one while
                late_steps is error; a media value is wrong; or the run is finished.
        """
        if not isinstance(metrics, Mapping):
            raise LogError(f"metrics: expected a mapping, got {type(metrics).__name__}")
        if step is not None and (isinstance(step, bool) or not hasattr(step, "__index__")):
            raise LogError(f"step: expected a whole number, got {step!r}")
        late = None if self._steps is None else self._steps.check(step, commit=commit)
        if late is not None:
            raise LogError(late)
        if self.mode == "disabled":
            self._background.append(b"")
        else:
            report, media = self._background.report_aside, self._media_by_hand
            self._background.append(
                row_event(metrics, step, now(), report, media, commit=commit, secrets=self._secrets)
            )

    def update_config(self, mapping: Any = None, **values: Any) -> None:
        """Set keys of the config; other keys stay.

        Args:
            mapping: key -> value, nested mappings are allowed; or a namespace, a dataclass, a pydantic or attrs model.
                A value that cannot be sent is set aside with a warning; the others are sent.

        Raises:
            LogError: `mapping` is none of these, or the run is finished.
        """
        opened = {} if mapping is None else mapping_of(mapping)
        if not isinstance(opened, Mapping):
            raise LogError(f"config: expected a mapping, namespace, dataclass or model, got {type(mapping).__name__}")
        for given in (read_items(opened), values):
            if given:
                self._background.append_change("config", self._take_config(given))

    def _take_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Add to the config the values that can be sent; report the others."""
        aside: Aside = {}
        taken: dict[str, Any] = plain(given, aside=aside, of_config=True)
        self._report_config(aside)
        self._config.update(taken)
        return taken

    def _report_config(self, aside: Aside) -> None:
        for name, why in aside.items():
            self._background.report_aside(f"config.{name}", why)

    def define_metric(  # noqa: PLR0917  the official SDK's signature
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,  # noqa: FBT001
        hidden: bool | None = None,  # noqa: FBT001
        summary: str | Iterable[str] | None = None,
        overwrite: bool | None = None,  # noqa: FBT001
    ) -> Metric:
        """Define how charts and the summary show a metric. This is best done before the metric is logged.

        Args:
            name: name of the metric; `val.acc` is the metric acc in the mapping val. With a `*` at its end it means all
                metrics that begin so, do not begin with `_`, and have no definition of their own.
            step_metric: the metric that is the x axis of this one, in place of the step.
            step_sync: whether a row without the step metric gets that metric's last value, or 0. Default: True if a
                step metric is given.
            hidden: whether to leave the metric out of automatic charts.
            summary: what the summary shows of the metric, separated by commas: min, max, mean, first, last; or
                none. Default: the last value alone.
            overwrite: whether to replace an earlier definition of that name. Default: add to it.

        Returns:
            The definition. It can be given as `step_metric` of another call.

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
        self._background.append_change("define", metric.event())
        return metric

    def _steps_from(self) -> Callable[[], int]:
        """Make a function that returns the step at which a continued run goes on. The server's answer comes later."""
        here, uploader = self._follower.lowest(self.step if self.dir else 0), self._background.uploader
        return lambda: max(here(), uploader.remote.step if uploader.remote else 0)

    def _followed(self, read: Callable[[], T], known: Callable[[fold.State], T]) -> T:
        """What `read` finds in the journal. Without a directory, or while it is away: what the uploader knows."""
        if self.dir is not None:
            with contextlib.suppress(JournalError, OSError):
                found = read()
                if self._follower.behind:
                    self._background.notices.add(*messages.behind(self.id))
                return found
        return known(self._background.uploader.state)

    def _read_summary(self, longest: float = LONGEST) -> dict[str, Any]:
        found = self._followed(lambda: self._follower.summary(longest), fold.summary)
        return found if self.dir is not None else {**found, **self._own_summary}  # memory can be read only once

    def _set_summary(self, values: Mapping[str, Any]) -> None:
        if self.mode == "disabled":
            self._background.append(b"")
        else:
            values = self._write_summary(values)
        if self.dir is None:
            own = {**self._own_summary, **values}
            self._own_summary = {key: value for key, value in own.items() if value is not None}

    def _write_summary(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put values into the journal. Returns them with JSON in the place of media."""
        aside: Aside = {}
        placed, files = self._media_of_summary(values, aside)
        for name, why in aside.items():
            self._background.report_aside(f"summary.{name}", why)
        for file in files:
            self._background.append_change("file", file)
        self._background.append_change("summary", placed)
        return placed

    def _tell_page(self, kind: str, key: str, what: dict[str, Any]) -> None:
        """Put something into the config that W&B's page needs: names of an image's classes, or how a chart is drawn."""
        told = {key: what}
        if self._told_page.get(kind, {}).get(key) != told[key]:
            self._told_page.setdefault(kind, {}).update(told)
            self._background.append_change("config", {"_wandb": {kind: told}})

    def upload_file(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """Add a file to the run. It is copied into the run directory before this method returns, and sent from there.

        Args:
            path: the file.
            name: name of the file in the run, a relative path with forward slashes. Default: the given path if it is
                relative and stays below the working directory, else its last part.

        Raises:
            LogError: there is no such file, or `name` leads out of the run.
            OSError: the file cannot be copied.
        """
        source = Path(path)
        if not source.is_file():
            raise LogError(f"{source} is no file")
        self._save(source, safe_name(name if name is not None else default_name(source)), "now")

    def upload_files(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Add several files to the run, each as `upload_file` does.

        Raises:
            LogError, OSError: as `upload_file` raises them. The files before the faulty one are added.
        """
        for path in paths:
            self.upload_file(path)

    def log_output(self, text: str, *, error: bool = False, file: str = "") -> None:
        """Add raw terminal output to the Logs tab, for a program whose output is captured by other means.

        The Logs tab gets the lines that a terminal would show. The rules in `text_metrics` look for metrics in them.

        Args:
            text: a piece of output of any length, with its newlines and control characters.
            error: whether it comes from stderr.
            file: the file that it was read from, if it was. The rules look at each file's text by itself.

        Raises:
            LogError: the run is finished.
        """
        self._watch.take_output(text, error, file)

    def watch_tensorboard(self, folder: str | os.PathLike[str], *, earlier: bool = False) -> None:
        """Log what TensorBoard writers put into a folder as rows of this run, until the run ends.

        The files are read every `flush_interval`. The values of one file and step become a row: scalars, histograms,
        texts, images, and precision-recall curves as tables. The row has the writer's step as `global_step`. If the
        file is in a folder below `folder`, that folder's path is put before the names. Hyperparameters go into the
        config. In a forked child this method does nothing.

        Args:
            folder: the folder, which need not exist yet.
            earlier: whether to take also what was there before: files that were last written or moved before this
                process began, and what an earlier run of this process has taken.
        """
        from wandb_logging._run.tensorboard import files_of  # noqa: PLC0415  it takes 5 ms, and most have no use for it

        path = Path(os.path.abspath(folder))  # noqa: PTH100  the folder as it is meant now, links and all
        self._take_events(files_of(path, earlier=earlier))

    def _take_events(self, files: EventFolder) -> None:
        from wandb_logging._run.tensorboard import TensorBoard  # noqa: PLC0415  as above

        taker = TensorBoard(files, self._log_watched, self.update_config, self._background.report_aside)
        self._background.watch(lambda last: taker.look(last=last))

    def _log_watched(self, metrics: dict[str, Any]) -> None:
        report, media = self._background.report_aside, self._media_by_hand
        self._background.append(row_event(metrics, None, now(), report, media, secrets=self._secrets))

    def save(
        self,
        glob_str: str | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
    ) -> list[str]:
        """Add to the run the files that a glob finds now.

        They are copied into the run directory before this method returns, or with the policy `end` when the run ends,
        and sent from there. The same bytes are not sent twice.

        Args:
            glob_str: a path or glob, as the module `glob` takes it.
            base_path: names in the run are relative to this folder. Default: the working directory; for an absolute
                path, the parent of the folder that holds the file.
            policy: "now" adds a file once, as it is now. "live" adds it now, whenever it has changed, and at the end.
                "end" adds it as it is when the run ends. Files are checked for changes every `flush_interval`, by size
                and time of modification.

        Returns:
            The names of the files in the run. If the glob finds no file, the list is empty, and a warning says so.

        Raises:
            LogError: the path is not below `base_path` or has a `..`, there is no such policy, or the run is finished.
            OSError: a file cannot be copied.
        """
        if policy not in POLICIES:
            raise LogError(f"policy={policy!r}: expected {' or '.join(POLICIES)}")
        found = matches(glob_str, base_path)
        if not found:
            self._background.notices.add(*messages.no_file(os.fspath(glob_str)))
        for source, name in found:
            self._save(source, name, policy)
        return [name for _, name in found]

    def _save(self, source: Path, name: str, policy: str) -> None:
        if self._background.ended is not None:
            raise LogError(f"run {self.id} is finished")
        if self.mode == "disabled" or ignored(name, self.settings.ignore_globs):
            return
        self._background.save_file(source.absolute(), name, policy)

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,  # noqa: A002  the official SDK's name
        aliases: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
    ) -> Artifact:
        """Log an artifact. Its files are copied into the run directory before this method returns, and sent from there.

        Args:
            artifact_or_path: an `Artifact`, or a file, a folder or an address such as s3://bucket/key of which one is
                made.
            name: name of an artifact that is made here. Default: `run-<run id>-<last part of the path>`.
            type: type of an artifact that is made here. Default: unspecified.
            aliases: names of this version besides latest. Another version that has one of them loses it.
            tags: tags of this version. They are left out if the server does not support them.

        Returns:
            The artifact. Nothing can be added to it any more. Its method `wait` waits until it is sent.

        Raises:
            LogError: there is no such file; a name, alias, tag or the metadata is wrong; or the run is finished.
            JournalError: the run has no directory.
            OSError: a file cannot be copied.
        """
        return artifacts.log_artifact(self._background, artifact_or_path, name, type, aliases, tags)

    def use_artifact(self, name: str, type: str | None = None) -> UsedArtifact:  # noqa: A002  the official SDK's name
        """Find an artifact on the server, and record that this run uses it.

        Args:
            name: `name:alias` or `entity/project/name:alias`. The alias is a version such as v3 or a name such as best;
                without one it is latest. Without entity and project, those of the run are used.
            type: the type that the artifact must have, such as dataset. Default: any type.

        Raises:
            LogError: there is no such artifact, or it has another type; or the run is offline or finished.
            TransportError, HTTPStatusError, GraphQLError: the server cannot be asked.
        """
        return artifacts.use_artifact(self._background, name, type, self.entity, self.project)

    def alert(
        self, title: str, text: str = "", level: str = "INFO", wait_duration: float | timedelta = alerts.WAIT
    ) -> None:
        """Alert people by mail or Slack, as they have chosen on their W&B page.

        Args:
            title: subject of the alert, less than 64 characters.
            text: says what happened.
            level: INFO, WARN or ERROR, or an `AlertLevel`.
            wait_duration: least time until another alert with this title, in seconds or as a timedelta. Alerts with
                this title that come earlier are not sent.

        Raises:
            LogError: an argument is wrong, or the run is finished.
        """
        alert = alerts.alert(title, text, level, wait_duration)
        self._background.append_change("alert", alert)

    # --- sending ---

    def flush(self, timeout: float | None = None) -> Report:
        """Send what has been logged (online), or force it to the disk (offline).

        A row with an explicit step stays open for more values until a row with a later step comes, or the run ends.

        Args:
            timeout: most seconds to wait; None waits for as long as it takes.

        Returns:
            What the server has then, and what waits.
        """
        return self._background.flush(timeout)

    def finish(self, exit_code: int = 0, timeout: float | None = None) -> Report:
        """End the run: send everything and tell the server, or leave that to `sync`. Calling it again does nothing.

        Args:
            exit_code: 0 for finished, anything else for failed.
            timeout: most seconds to wait. Default: the setting close_timeout.

        Returns:
            How the run ended, and what is left to send.

        Raises:
            LogError: the exit code is no whole number.
        """
        try:
            exit_code = int(operator.index(exit_code))
        except TypeError:
            raise LogError(f"exit_code: expected a whole number, got {exit_code!r}") from None
        self._watch.stop()
        if self._auto and exit_code == 0 and self._background.ended is None and not self._background.in_child:
            autoresume.forget(self.settings.cache_dir, self._placement.resume_key)
        if self._herald is not None and self._background.ended is None:
            self._herald.close()
        return self._background.finish(exit_code, self.settings.close_timeout if timeout is None else timeout)

    def mark_preempting(self) -> None:
        """Tell the server at once that the machine may vanish, so that it will not call the run crashed."""
        self._background.mark_preempting()

    def enable_offline_mode(self, flush_interval: float | None = None) -> None:
        """Stop sending rows as they come.

        Args:
            flush_interval: None only writes the journal; a number of seconds also sends in the background that often.

        Raises:
            SettingsError: the interval is not a positive number.
        """
        if flush_interval is not None:
            flush_interval = self.settings.but(flush_interval=flush_interval).flush_interval
        self._background.go_offline(flush_interval)

    def disable_offline_mode(self) -> None:
        """Send in the background from now on, beginning with everything that is unsent."""
        self._background.go_online()

    def upload_cached_logs(self, timeout: float | None = None) -> Report:
        """Send everything that is unsent now, whatever the mode.

        Args:
            timeout: most seconds to wait; None waits for as long as it takes.

        Returns:
            What the server has then, and what waits.
        """
        return self._background.send_now(timeout)

    def stats(self) -> dict[str, Any]:
        """Counts of events so far, and `lag`, the age in seconds of the oldest event the server has not acknowledged.

        `accepted` is the sum of events that are journalled, that wait for the disk, and that were dropped. `dropped`
        maps reasons to counts. `masked` counts values that look like secrets. What forked children wrote counts, too,
        and what was in the directory of a resumed run; but not what those processes dropped or masked.
        """
        return self._background.tally.stats().to_json()

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        return self  # a copy is the same run, as a copy of a logger is the same logger

    def __reduce__(self) -> tuple[Callable[..., Run], tuple[Any, ...]]:
        return _joined, (copying.ticket_of(self.dir, self._journal.info, self.settings, self.mode, self._writer_label),)

    def __enter__(self) -> Run:  # noqa: PYI034  typing.Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, SystemExit):
            self.finish(code_of(error.code))
            return
        if kind is not None and self._goes_on:
            self._watch.take_leaving(kind, error, trace)
        self.finish(0 if kind is None else 1)

    @property
    def _goes_on(self) -> bool:
        return self.mode != "disabled" and self._background.ended is None

    def _keep_media(self, source: Source, extension: str) -> Kept:
        content = self._secrets.content(source, extension) if isinstance(source, bytes) else source
        return self._journal.copies.media(content, extension)

    def _on_stop(self) -> None:
        if self.settings.on_stop is not None:
            self.settings.on_stop(self)

    def _go_on(self) -> None:
        """Take events again after the end."""
        if self._auto and not self._background.in_child:
            autoresume.note(self.settings.cache_dir, self.id, self._placement.resume_key)
        self._background.go_on()
        self._watch.start_capture()

    def _after_fork_in_child(self) -> None:
        """In a forked child: leave rounds, notices and locks to the parent."""
        self._background.after_fork_in_child()
        self._follower.after_fork_in_child()
        if self._steps is not None:
            self._steps.after_fork_in_child()


def going_on() -> list[Run]:
    """The runs of this process that have not ended, in the order in which they began."""
    return sorted((run for run in _live.all() if not is_finished(run)), key=lambda run: run._number)  # noqa: SLF001


def _joined(ticket: dict[str, Any]) -> Run:
    """Unpickle a run: in the same process the result is the same object, in another one a further writer of the run."""
    path, run_id = ticket["path"], ticket["settings"].run_id
    for run in going_on():
        if run.id == run_id and run.dir == path:
            return run
    copying.check(ticket)
    return Run(ticket["settings"], launch=ranks.NO_LAUNCH, membership=Membership(helps=True, label=ticket.get("label")))


def orphan_of(owner: object) -> Run | None:
    """A run that was begun for this owner, but did not reach it because of an exception; None if there is none."""
    return next((run for run in reversed(going_on()) if run._owner and run._owner() is owner), None)  # noqa: SLF001


def end_of(run: Run) -> Report | None:
    """The report of a run's end, another object for each end; None while it goes on."""
    return run._background.ended  # noqa: SLF001  the same room


def is_finished(run: Run) -> bool:
    """Whether a run has ended and takes no events."""
    return end_of(run) is not None


def is_in_child(run: Run) -> bool:
    """Whether this process was forked while the run was there."""
    return run._background.in_child  # noqa: SLF001  the same room


def is_anothers(run: Run) -> bool:
    """Whether another process began the run, sends it and ends it."""
    return is_in_child(run) or run._journal.helps  # noqa: SLF001  the same room


def go_on(run: Run) -> None:
    """Have a finished run take events again, because `dictConfig` has closed its handler, and records still come."""
    run._go_on()  # noqa: SLF001  the same room


def _after_fork_in_child() -> None:
    is_going_on = False
    for run in _live.all():
        run._after_fork_in_child()  # noqa: SLF001  the same room
        is_going_on |= not is_finished(run)
    if is_going_on:
        ending.leave_signals_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
