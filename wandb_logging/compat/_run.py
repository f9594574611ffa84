"""`wandb.Run`: a run under the official SDK's names, as `init` gives it."""

from __future__ import annotations

import importlib
import os
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from glob import escape
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, NoReturn

from wandb_logging._artifacts.artifact import StrPath
from wandb_logging._errors import LogError
from wandb_logging._events.alerts import WAIT, AlertLevel
from wandb_logging._events.metrics import Metric
from wandb_logging._reading.summary import Summary
from wandb_logging._run.run import Run as _Run
from wandb_logging._run.save import matches
from wandb_logging._settings.settings import Settings as _Settings
from wandb_logging.compat._active import active, end
from wandb_logging.compat._artifacts_of_run import ArtifactsOfRun
from wandb_logging.compat._config import Config, ConfigStatic
from wandb_logging.compat._refused import not_covered
from wandb_logging.compat._settings import INIT_TIMEOUT, RunSettings, Settings, in_notebook
from wandb_logging.compat._tensorboard import end as _tensorboard_ends, keeps_count as _tensorboard_keeps_count

if TYPE_CHECKING:
    from types import TracebackType

    from wandb_logging.compat._watch import Watcher


class Run(ArtifactsOfRun):
    """A run under the official SDK's names, as `init` returns it.

    As a context manager it finishes the run at the end of the block, with exit code 1 if an exception leaves the block.

    Args:
        run: the underlying run.
        settings: the settings that the run was made from.
    """

    def __init__(self, run: _Run, settings: Settings) -> None:
        self._run = run
        self._asked = False
        self._patience = float(vars(settings).get("init_timeout", INIT_TIMEOUT))
        may_change = bool(vars(settings).get("allow_val_change", in_notebook()))
        self._config = Config(run, allow_val_change=may_change, artifacts=self._artifacts_among)
        self._settings = RunSettings(self, vars(settings))
        self._watches: Watcher | None = None
        self._at_end: Callable[[], None] = lambda: None
        self.pid = os.getpid()
        # With a first event, the run is made on the server even if nothing is logged.
        run.summary.update({})
        if goes_on(run.settings):
            self._wait_for_the_past()
        self._first_step = run.step

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise not_covered(f"wandb.Run.{name}", (name for name in dir(type(self)) if not name.startswith("_")))

    def __repr__(self) -> str:
        return repr(self._run)

    def __copy__(self) -> Run:
        return self  # a run cannot be copied: a copied trainer logs to the same run

    def __deepcopy__(self, memo: object) -> Run:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"run {self.id} cannot be pickled: it belongs to its process. Give another process the id, and there "
            f'call wandb.init(id={self.id!r}, resume="allow")'
        )

    # --- properties ---

    @property
    def id(self) -> str:
        """The id of the run in its project."""
        return self._run.id

    @property
    def name(self) -> str:
        """The name that people see. Can be set."""
        return self._run.name if self._run.settings.name else self._known().name

    @name.setter
    def name(self, name: str) -> None:
        self._run.name = name

    @property
    def project(self) -> str:
        """The project of the run."""
        return self._run.project

    @property
    def entity(self) -> str:
        """The team or user; empty while unknown."""
        return self._run.settings.entity or self._known().entity or ""

    @property
    def url(self) -> str | None:
        """The address of the run's page; None while the server does not know the run."""
        return self._known().url

    @property
    def project_url(self) -> str | None:
        """The address of the project's page; None while the server does not know the run."""
        url = self.url
        return None if url is None else url.rpartition("/runs/")[0]

    @property
    def start_time(self) -> float:
        """When the run began, seconds since 1970."""
        return self._run.start_time

    @property
    def path(self) -> str:
        """`entity/project/id`."""
        return "/".join(part for part in (self.entity, self.project, self.id) if part)

    @property
    def notes(self) -> str | None:
        """The longer description. Can be set."""
        return self._run.notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._run.notes = notes

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the run. Can be set, and added to: `run.tags += ("v2",)`."""
        return self._run.tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._run.tags = tags  # a text is one tag

    @property
    def group(self) -> str:
        """The group of runs that this one belongs to."""
        return self._run.group or ""

    @property
    def job_type(self) -> str:
        """The kind of job."""
        return self._run.job_type or ""

    @property
    def step(self) -> int:
        """The step of the next row."""
        return self._run.step

    @property
    def settings(self) -> RunSettings:
        """The run's settings, under the official SDK's names."""
        return self._settings

    @property
    def config(self) -> Config:
        """The run's config."""
        return self._config

    @property
    def config_static(self) -> ConfigStatic:
        """A copy of the run's config, with items and attributes."""
        return ConfigStatic(self._config.as_dict())

    def pin_config_keys(self, keys: Iterable[str] = ()) -> None:
        """Show these config keys above the notes on the run's page, in this order. They replace those pinned before."""
        self._run._background.append_change("config", {"_wandb": {"pinned_keys": list(keys)}})  # noqa: SLF001  beneath

    @property
    def summary(self) -> Summary:
        """The summary: last values and aggregates of the metrics, and values that were set by hand."""
        return self._run.summary

    @property
    def starting_step(self) -> int:
        """The step of the run's first row. It is not 0 if the run continues an earlier one."""
        return self._first_step

    @property
    def sweep_id(self) -> None:
        """Sweeps are not covered."""

    @property
    def sweep_url(self) -> None:
        """Sweeps are not covered."""

    @property
    def offline(self) -> bool:
        """Whether the run sends nothing."""
        return self._run.mode == "offline"

    @property
    def disabled(self) -> bool:
        """Whether the run does nothing at all."""
        return self._run.mode == "disabled"

    @property
    def resumed(self) -> bool:
        """Whether the run continues an earlier one."""
        return self._known().resumed if goes_on(self._run.settings) else False

    @property
    def dir(self) -> str:
        """A folder of this run for files to `save`."""
        if self._run.dir is None:
            return tempfile.gettempdir()
        folder = self._run.dir / "saved" / "files"  # as in the official SDK, part of the names that `save` gives files
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    @property
    def sync_dir(self) -> str:
        """The run directory."""
        return str(self._run.dir or tempfile.gettempdir())

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the run's page in a notebook. Returns whether that was possible."""
        if not in_notebook() or self.url is None:
            return False
        page: Any = importlib.import_module("IPython.display")  # notebooks have this package
        page.display(page.HTML(self.to_html(height, hidden)))
        return True

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The run's page as HTML for a frame."""
        style = f"border:none;width:100%;height:{height}px;" + ("display:none;" if hidden else "")
        return f"<iframe src='{self.url or ''}?jupyter=true' style='{style}'></iframe>"

    def status(self) -> SimpleNamespace:
        """How much is still to be sent: `sync_items_total`, `sync_items_pending`, `sync_time`."""
        self._check_going_on("status")
        stats = self._run.stats()
        return SimpleNamespace(
            sync_items_total=stats["journalled"], sync_items_pending=self._run.queue_length, sync_time=None
        )

    def _label(self, *_: Any, **__: Any) -> None:
        """Accept what frameworks tell W&B's statistics about themselves. None of it is sent."""

    def _wait_for_the_past(self) -> None:
        """If the run continues an earlier one, wait until the server has told its state."""
        run = self._known()
        if run.mode == "online" and run.url is None and run.settings.resume in {"must", "never"}:
            error = run.finish(1, timeout=0).error
            raise LogError(error or f"the server did not say in time whether there is a run {run.id}")

    def _known(self) -> _Run:
        """The underlying run. The first access waits until the server knows the run, or time is up."""
        if self._run.mode == "online" and self._run.url is None and not self._asked:
            self._asked = True
            self._run.flush(self._patience)
        return self._run

    # --- logging ---

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Log a row, or part of one.

        Args:
            data: name -> value.
            step: step of the row; rows of one step merge. Default: the current one. Left out, with a warning, where
                `sync_tensorboard` is used.
            commit: whether the row is complete. Default: it is, unless a step is given.

        Raises:
            LogError: `data` is no mapping, or the run is finished.
            TypeError: a name is no text.
        """
        if hasattr(data, "keys") and not all(isinstance(name, str) for name in data):
            raise TypeError("Key values passed to `wandb.log` must be strings.")
        self._config.persist()
        if step is not None and _tensorboard_keeps_count(self):
            step = None
        self._run.log(data, step, commit=commit)
        if self.disabled:  # there is no journal to read it from
            self._run.summary.update(data)

    def _artifacts_among(self, values: dict[str, Any]) -> dict[str, Any]:
        """Find the artifacts among config values, and replace each by what the server is told about it."""
        from wandb_logging.compat import _config_artifacts as within  # noqa: PLC0415  few configs have artifacts

        if any(within.has_within(value) for value in values.values()):
            raise LogError("Instances of wandb.Artifact can only be top level keys in a run's config")
        if self._run.mode != "online":
            return {}
        found = {
            key: within.artifact_of(self, value) for key, value in values.items() if within.stands_for_artifact(value)
        }
        values.update({key: within.told(artifact) for key, artifact in found.items()})
        return found

    def write_logs(self, text: str) -> None:
        """Add a text to the Logs tab, as `wandb_logging.Run.log_output`. Does nothing if the run is finished."""
        if self.going_on:
            self._run.log_output(text if text.endswith("\n") else f"{text}\n")

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Set how charts and summary treat a metric, as `wandb_logging.Run.define_metric`."""
        if isinstance(summary, str):  # copy is an older name for last
            summary = ",".join(part for part in summary.split(",") if part.strip().lower() != "copy") or None
        return self._run.define_metric(name, step_metric, step_sync, hidden, summary, overwrite)

    def save(
        self,
        glob_str: StrPath,
        base_path: StrPath | None = None,
        policy: str = "live",
        glob: bool = True,
    ) -> list[str]:
        """Add the files that match a pattern now, as `wandb_logging.Run.save`. The pattern also applies in `dir`.

        Args:
            glob_str: the pattern of the files.
            base_path: folder that is left out of the files' names.
            policy: live, now or end.
            glob: whether `glob_str` is a pattern; otherwise it is the name of one file.
        """
        glob_str = glob_str if glob else escape(os.fspath(glob_str))
        written = Path(self.dir, glob_str)  # an absolute path is unchanged
        if base_path is None and not matches(glob_str, None) and matches(written, self.dir):
            return self._run.save(written, self.dir, policy)
        return self._run.save(glob_str, base_path, policy)

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> list[Any]:
        """Log gradients and parameters of PyTorch models as histograms, added to rows that the program logs.

        Args:
            models: a `torch.nn.Module`, or several.
            criterion: has no meaning here.
            log: gradients, parameters, all, or None for neither.
            log_freq: log once in this many passes.
            idx: number of the first model. The names contain the model's number, except for number 0. Default: the next
                number.
            log_graph: whether the layers go into the summary once each has been used.

        Returns:
            The graphs of the models.

        Raises:
            TypeError: a model is no PyTorch model.
            ValueError: `log` is none of these values, or a model is already watched.
        """
        if self.disabled:  # accepts anything, as the official SDK does
            return []
        return self._watcher().watch(models, criterion, log, log_freq, idx, log_graph=log_graph)

    def unwatch(self, models: Any = None) -> None:
        """Stop watching models.

        Args:
            models: the models. Default: all.
        """
        self._watcher().unwatch(models)

    def _watcher(self) -> Watcher:
        if self._watches is None:
            from wandb_logging.compat._watch import Watcher  # noqa: PLC0415  few programs watch models

            self._watches = Watcher(self)
        return self._watches

    @property
    def going_on(self) -> bool:
        """Whether the run is not finished."""
        return self in active

    def _check_going_on(self, what: str) -> None:
        if not self.going_on:
            raise LogError(f"run {self.id} is finished: {what} would do nothing")

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Send people a message, as `wandb_logging.Run.alert`."""
        self._run.alert(title, text, level or AlertLevel.INFO, wait_duration or WAIT)

    def restore(
        self, name: str, run_path: str | None = None, replace: bool = False, root: str | None = None
    ) -> IO[str] | None:
        """Fetch a file of a run from the server, unless it is already there. Returns the opened file.

        Args:
            name: name of the file in the run.
            run_path: `entity/project/id` of the run. Default: this run.
            replace: whether to fetch a file again that is already there.
            root: folder for the file. Default: `dir`.

        Returns:
            None if the run has no such file, or if this run is disabled, since a disabled run asks no server.
        """
        from wandb_logging.compat._api import restore  # noqa: PLC0415  few programs read files

        return None if self.disabled else restore(name, run_path or self.path, replace=replace, root=root or self.dir)

    def mark_preempting(self) -> None:
        """Tell the server that the machine may disappear soon."""
        self._check_going_on("mark_preempting")
        self._run.mark_preempting()

    # --- the end ---

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run after everything is sent. The setting `silent` controls what is printed."""
        del quiet
        if self in active:
            self._config.persist()
            self._at_end()
            _tensorboard_ends(self)
        end(self)
        self._run.finish(exit_code or 0)

    def __enter__(self) -> Run:  # noqa: PYI034  typing.Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            traceback.print_exception(kind, error, trace)  # for the Logs tab, which closes before Python prints it
        self.finish(0 if kind is None else 1)


def goes_on(settings: _Settings) -> bool:
    """Whether a run continues an earlier one, or must make sure that there is none."""
    return any(way is not None for way in (settings.resume, settings.resume_from, settings.fork_from))
