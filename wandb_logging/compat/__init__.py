"""A front with the official SDK's names: `import wandb_logging.compat as wandb`, and a script runs on this package.

What is here takes the official SDK's arguments and does what it does there. What is not says so by its name: an
attribute in the error, an argument of `init` or a setting in one warning. Five things differ on purpose:

- Without an API key `init` writes the run to disk, for `wandb-logging sync`, instead of asking or failing.
- `init` does not wait for the server, unless a run is to go on with what was before. What only the server knows
  (`run.url`, `run.name` if none was given, `run.entity`) is waited for when it is asked for, once, and at most
  `init_timeout` seconds.
- A row with a step lower than the current one is not dropped: see the setting `late_steps`.
- System metrics are measured if the extra `wandb-logging[system]` is installed.
- A value that cannot be sent is set aside with a warning, and the rest of its row goes.
"""

from __future__ import annotations

import _thread
import functools
import importlib.util
import logging
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from wandb_logging._artifacts.artifact import Artifact, StrPath
from wandb_logging._artifacts.download import UsedArtifact
from wandb_logging._errors import LogError, SettingsError, WandbLoggingError
from wandb_logging._events.alerts import WAIT, AlertLevel
from wandb_logging._events.metrics import Metric
from wandb_logging._keys import login as _login
from wandb_logging._media.audio import Audio
from wandb_logging._media.histogram import Histogram
from wandb_logging._media.html import Html
from wandb_logging._media.image import Image
from wandb_logging._media.molecule import Molecule
from wandb_logging._media.object3d import Object3D
from wandb_logging._media.plotly import Plotly
from wandb_logging._media.table import Table
from wandb_logging._media.video import Video
from wandb_logging._process import notices
from wandb_logging._reading.summary import Summary
from wandb_logging._run.run import Run as _Run
from wandb_logging._run.save import matches
from wandb_logging._run.start import new_id
from wandb_logging._settings.settings import STANDARD_FILES, Settings as _Settings
from wandb_logging._values.plain import mapping_of, plain
from wandb_logging._version import __version__

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Concatenate, ParamSpec

    _Arguments = ParamSpec("_Arguments")

_Result = TypeVar("_Result")

__all__ = [
    "AlertLevel",
    "Artifact",
    "Audio",
    "CommError",
    "Config",
    "Error",
    "Histogram",
    "Html",
    "Image",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Table",
    "UsageError",
    "Video",
    "__version__",
    "alert",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "mark_preempting",
    "run",
    "save",
    "summary",
    "use_artifact",
    "use_model",
    "util",
]

Error = WandbLoggingError
CommError = UsageError = Error
util = SimpleNamespace(generate_id=new_id)

_PATIENCE = 7 * 24 * 3600.0  # seconds that the end waits for the server; the official SDK gives up no earlier
_DEFAULTS = "config-defaults.yaml"
_INIT_TIMEOUT = 10.0  # seconds; see the setting init_timeout

# Settings of the official SDK that one of ours stands for.
_OURS = {
    "api_key": "api_key",
    "app_url_override": "app_url",
    "base_url": "host",
    "entity": "entity",
    "finish_timeout": "close_timeout",
    "fork_from": "fork_from",
    "heartbeat_seconds": "heartbeat_interval",
    "ignore_globs": "ignore_globs",
    "mode": "mode",
    "project": "project",
    "resume_from": "resume_from",
    "run_group": "group",
    "run_id": "run_id",
    "run_job_type": "job_type",
    "run_name": "name",
    "run_notes": "notes",
    "run_tags": "tags",
    "silent": "quiet",
    "x_file_stream_transmit_interval": "flush_interval",
    "x_graphql_timeout_seconds": "request_timeout",
    "x_stats_sampling_interval": "system_interval",
}
# Those that `init` sees to itself.
_OF_INIT = {
    "allow_val_change",
    "console",
    "init_timeout",
    "reinit",
    "resume",
    "root_dir",
    "stop_fn",
    "x_disable_meta",
    "x_disable_stats",
    "x_file_stream_no_gzip",
    "x_save_requirements",
}
# Those without a meaning here: what the official SDK prints, and how it talks to its own second process.
_MEANINGLESS = {
    "anonymous",
    "disable_job_creation",
    "force",
    "label_disable",
    "login_timeout",
    "max_end_of_run_history_metrics",
    "max_end_of_run_summary_metrics",
    "quiet",
    "show_colors",
    "show_emoji",
    "show_errors",
    "show_info",
    "show_warnings",
    "start_method",
    "summary_timeout",
    "x_disable_viewer",
    "x_service_wait",
}
_OLD_MODES = {"dryrun": "offline", "run": "online"}  # the official SDK's older words (protocol 2.6)
_REINIT = {True: "finish_previous", False: "return_previous", "default": "return_previous"}

_active: list[Run] = []  # runs that are not finished, in the order of their beginning
_current: Run | None = None  # the one that `log` and the others mean
_said: set[str] = set()


class NotCovered(WandbLoggingError, AttributeError):
    """The official SDK has this, `wandb_logging.compat` has not."""


def _not_covered(name: str, covered: Iterable[str]) -> NotCovered:
    return NotCovered(f"{name} is not covered by wandb_logging.compat; covered are: {', '.join(sorted(covered))}")


def _say_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        notices.say(logging.WARNING, text)


class Settings(SimpleNamespace):
    """Settings under the official SDK's names. Which have a meaning here is told when a run begins.

    Args:
        **values: base_url, api_key, project, entity, root_dir, mode, run_id, run_name, run_notes, run_tags, run_group,
            run_job_type, resume, reinit, allow_val_change, silent, heartbeat_seconds, init_timeout, finish_timeout,
            stop_fn have a meaning here.
    """

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class Config(Mapping[str, Any]):
    """The config of a run: items, attributes, `update`. A value that is set stays, unless it is allowed to change."""

    def __init__(self, run: _Run, *, allow_val_change: bool) -> None:
        vars(self).update(_run=run, _allow=allow_val_change)

    def __getitem__(self, key: str) -> Any:
        return vars(self)["_run"].config[key]

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self)["_run"].config)

    def __len__(self) -> int:
        return len(vars(self)["_run"].config)

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"the run's config has no {key!r}") from None

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __repr__(self) -> str:
        return repr(dict(self))

    def as_dict(self) -> dict[str, Any]:
        """A copy."""
        return dict(self)

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:  # noqa: FBT001  the official SDK's signature
        """Set several values.

        Args:
            d: a mapping, an `argparse.Namespace`, a dataclass, or another object with attributes.
            allow_val_change: whether one that is set may change.

        Raises:
            LogError: one would change that may not, or the run is finished.
        """
        given = _config_values(d)
        if not (vars(self)["_allow"] if allow_val_change is None else allow_val_change):
            for key, value in plain(given, aside={}, of_config=True).items():
                if key in self and self[key] != value:
                    raise LogError(
                        f'Attempted to change value of key "{key}" from {self[key]} to {value}\n'
                        "If you really want to do this, pass allow_val_change=True to config.update()"
                    )
        vars(self)["_run"].update_config(given)

    def setdefaults(self, d: Any) -> None:
        """Set those of several values that are not set yet."""
        self.update({key: value for key, value in _config_values(d).items() if key not in self})


def _config_values(given: Any) -> dict[str, Any]:
    """What may be given for a config, as a mapping; keys are without the dashes of a command line."""
    values = mapping_of(given)
    if not isinstance(values, Mapping):
        values = getattr(values, "__dict__", None)
    if not isinstance(values, Mapping):
        raise LogError(f"config: expected a mapping or an object with attributes, got {given!r}")
    return {key.strip("-") if isinstance(key, str) else key: values[key] for key in values}


def _config_file(name: str) -> dict[str, Any]:
    """The config that a file of the official SDK's form holds: `key: {value: ...}` for each."""
    try:
        import yaml  # noqa: PLC0415  an extra
    except ImportError:
        raise SettingsError(f"{name}: reading it needs PyYAML: pip install 'wandb-logging[compat]'") from None
    try:
        tree = yaml.safe_load(Path(name).read_text(encoding="utf-8")) or {}
        version = tree.pop("wandb_version", 1)
        values = {str(key): item["value"] for key, item in tree.items()}
    except OSError as exc:
        raise SettingsError(f"config={name!r}: {exc.strerror or exc}") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as exc:
        raise SettingsError(f"config={name!r}: expected `key: {{value: ...}}` for each key, in YAML ({exc})") from None
    if version != 1:
        raise SettingsError(f"config={name!r}: expected wandb_version 1, got {version!r}")
    return values


class Run:
    """A run under the official SDK's names, as `init` gives it.

    As a context manager it is finished at the end of the block: with exit code 1 if an exception leaves it.

    Args:
        run: the run itself.
        settings: what it was made from.
    """

    def __init__(self, run: _Run, settings: Settings) -> None:
        self.settings = settings
        self._run = run
        self._asked = False
        self.config = Config(run, allow_val_change=bool(getattr(settings, "allow_val_change", False)))
        # The first event: with it the run is made on the server, even if nothing is logged.
        run.summary.update({})
        if _goes_on(run.settings):
            self._wait_for_the_past()

    def __getattr__(self, name: str) -> Any:
        raise _not_covered(f"wandb.Run.{name}", (name for name in dir(type(self)) if not name.startswith("_")))

    def __repr__(self) -> str:
        return repr(self._run)

    # --- what it is ---

    @property
    def id(self) -> str:
        """Id of the run in its project."""
        return self._run.id

    @property
    def name(self) -> str:
        """Name people see. Can be set."""
        return self._run.name if self._run.settings.name else self._known().name

    @name.setter
    def name(self, name: str) -> None:
        self._run.name = name

    @property
    def project(self) -> str:
        """Project of the run."""
        return self._run.project

    @property
    def entity(self) -> str:
        """Team or user; empty while nobody has said."""
        return self._run.settings.entity or self._known().entity or ""

    @property
    def url(self) -> str | None:
        """Address of the run's page; None while the server does not know the run."""
        return self._known().url

    @property
    def project_url(self) -> str | None:
        """Address of the project's page; None while the server does not know the run."""
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
        """Longer description. Can be set."""
        return self._run.notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._run.notes = notes

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of the run. Can be set, and added to: `run.tags += ("v2",)`."""
        return self._run.tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._run.tags = tuple(tags)

    @property
    def group(self) -> str:
        """Group of runs this one belongs to."""
        return self._run.group or ""

    @property
    def job_type(self) -> str:
        """Kind of job."""
        return self._run.job_type or ""

    @property
    def step(self) -> int:
        """Step of the next row."""
        return self._run.step

    @property
    def summary(self) -> Summary:
        """The summary: last values and aggregates of the metrics, and what is set by hand."""
        return self._run.summary

    @property
    def offline(self) -> bool:
        """Whether nothing is sent."""
        return self._run.mode == "offline"

    @property
    def disabled(self) -> bool:
        """Whether nothing is done at all."""
        return self._run.mode == "disabled"

    @property
    def resumed(self) -> bool:
        """Whether it goes on with a run that was there."""
        return self._known().resumed if _goes_on(self._run.settings) else False

    @property
    def dir(self) -> str:
        """A folder of the run's own, for files to `save`."""
        if self._run.dir is None:
            return tempfile.gettempdir()
        folder = self._run.dir / "saved" / "files"  # which, as in the official SDK, is part of what `save` calls a file
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def _wait_for_the_past(self) -> None:
        """Have the server say how the run was before, if it has to."""
        run = self._known()
        if run.mode == "online" and run.url is None and run.settings.resume in {"must", "never"}:
            error = run.finish(1, timeout=0).error
            raise LogError(error or f"the server did not say in time whether there is a run {run.id}")

    def _known(self) -> _Run:
        """The run; the first time only when the server knows it, or has had time to."""
        if self._run.mode == "online" and self._run.url is None and not self._asked:
            self._asked = True
            self._run.flush(float(getattr(self.settings, "init_timeout", _INIT_TIMEOUT)))
        return self._run

    # --- what goes into it ---

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:  # noqa: FBT001  the official SDK's signature
        """Log a row, or part of one.

        Args:
            data: name -> value.
            step: step of the row; rows of one step merge. Default: the current one.
            commit: whether the row is complete. Default: it is, unless a step is given.

        Raises:
            LogError: `data` is no mapping, or the run is finished.
        """
        self._run.log(data, step, commit=commit)

    def define_metric(  # noqa: PLR0917  the official SDK's signature
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,  # noqa: FBT001
        hidden: bool | None = None,  # noqa: FBT001
        summary: str | None = None,
        overwrite: bool | None = None,  # noqa: FBT001
    ) -> Metric:
        """Say what charts and summary make of a metric, as `wandb_logging.Run.define_metric`."""
        return self._run.define_metric(name, step_metric, step_sync, hidden, summary, overwrite)

    def save(self, glob_str: StrPath, base_path: StrPath | None = None, policy: str = "live") -> list[str]:
        """Add the files that a glob finds now, as `wandb_logging.Run.save`; it also looks in `dir`."""
        written = Path(self.dir, glob_str)  # an absolute path stays what it is
        if base_path is None and not matches(glob_str, None) and matches(written, self.dir):
            return self._run.save(written, self.dir, policy)
        return self._run.save(glob_str, base_path, policy)

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Tell people, as `wandb_logging.Run.alert`."""
        self._run.alert(title, text, level or AlertLevel.INFO, wait_duration or WAIT)

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,  # noqa: A002  the official SDK's name
        aliases: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
    ) -> Artifact:
        """Log an artifact, as `wandb_logging.Run.log_artifact`."""
        return self._run.log_artifact(artifact_or_path, name, type, aliases, tags)

    def use_artifact(
        self,
        artifact_or_name: str | UsedArtifact,
        type: str | None = None,  # noqa: A002  the official SDK's name
        aliases: str | Iterable[str] | None = None,
        use_as: str | None = None,
    ) -> UsedArtifact:
        """Find an artifact on the server, as `wandb_logging.Run.use_artifact`.

        Args:
            artifact_or_name: its name, or one that was found.
            type: what it must be.
            aliases, use_as: have no meaning for an artifact that is there.
        """
        del aliases, use_as
        if isinstance(artifact_or_name, Artifact):
            raise WandbLoggingError(
                "use_artifact of an Artifact that was made here is not covered by wandb_logging.compat: "
                "log_artifact it, wait for it, and use it by its name"
            )
        used = artifact_or_name
        name = used if isinstance(used, str) else f"{used.entity}/{used.project}/{used.name}"
        return self._run.use_artifact(name, type)

    def log_model(self, path: StrPath, name: str | None = None, aliases: str | Iterable[str] | None = None) -> None:
        """Log a file or folder as an artifact of type model."""
        self._run.log_artifact(path, name, "model", aliases)

    def use_model(self, name: str) -> str:
        """Fetch an artifact of type model; the path of its only file, or of the folder.

        Raises:
            LogError: it is no model; or as `wandb_logging.Run.use_artifact`.
        """
        used = self._run.use_artifact(name)
        if "model" not in used.type.lower():
            raise LogError(f"artifact {name} is of type {used.type}, which has no 'model' in it")
        folder = used.download()
        files = used.files()
        return str(Path(folder, files[0].path)) if len(files) == 1 else folder

    def mark_preempting(self) -> None:
        """Tell the server that the machine may vanish now."""
        self._run.mark_preempting()

    # --- its end ---

    def finish(self, exit_code: int | None = None) -> None:
        """End the run, when everything is sent."""
        global _current  # noqa: PLW0603  the official SDK's run of the module
        if self in _active:
            _active.remove(self)
        if _current is self:
            _current = None
        self._run.finish(exit_code or 0)

    def __enter__(self) -> Run:  # noqa: PYI034  typing.Self needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            traceback.print_exception(kind, error, trace)  # for the Logs tab, which is closed when Python prints it
        self.finish(0 if kind is None else 1)


# --- the functions and objects of the module ----------------------------------------------------------

run: Run | None
config: Config
summary: Summary


def __getattr__(name: str) -> Any:
    if name == "run":
        return _current
    if name in {"config", "summary"}:
        return _Early(f"wandb.{name}") if _current is None else getattr(_current, name)
    raise _not_covered(f"wandb.{name}", __all__)


def __dir__() -> list[str]:
    return sorted(__all__)


def init(  # noqa: PLR0917  the official SDK's signature
    entity: str | None = None,
    project: str | None = None,
    dir: StrPath | None = None,  # noqa: A002  the official SDK's name, as the next
    id: str | None = None,  # noqa: A002
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,  # noqa: FBT001
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    *,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    **others: Any,
) -> Run:
    """Begin a run, to which `log` and the other functions then refer.

    Args:
        entity: team or user.
        project: project the run belongs to.
        dir: folder in which wandb_cache is made.
        id: id of the run in its project.
        name: name people see.
        notes: longer description.
        tags: tags of the run.
        config: values of the config: a mapping, an `argparse.Namespace`, a dataclass; or the path of a YAML file of
            `key: {value: ...}`. What a file config-defaults.yaml in the working directory says counts where it is
            silent. Both need PyYAML.
        config_exclude_keys: keys that are left out of it.
        config_include_keys: keys that are not; default: all.
        allow_val_change: whether values of the config may change once they are set.
        group: group of runs this one belongs to.
        job_type: kind of job, such as train.
        mode: online, offline or disabled. Default: online if there is an API key, else offline.
        reinit: what to do if a run is active: return_previous (default), finish_previous or create_new.
        resume: allow, must, never or auto. Then the server is waited for, at most `init_timeout` seconds.
        resume_from: `id?_step=n`: go on with that run from that step.
        fork_from: `id?_step=n`: begin a new run from that step of that run.
        settings: the same and more, under the names of `Settings`.
        **others: arguments of the official SDK that have no meaning here: they are named in a warning.

    Raises:
        SettingsError: a value of the wrong type or outside its range.
        LogError: resume is must and there is no such run, or never and there is one; or nobody could tell.
    """
    global _current  # noqa: PLW0603  the official SDK's run of the module
    values = dict(settings) if isinstance(settings, Mapping) else dict(vars(settings or Settings()))
    given = {
        "entity": entity,
        "project": project,
        "root_dir": dir,
        "run_id": id,
        "run_name": name,
        "run_notes": notes,
        "run_tags": tags,
        "allow_val_change": allow_val_change,
        "run_group": group,
        "run_job_type": job_type,
        "mode": mode,
        "reinit": reinit,
        "resume": resume,
        "resume_from": resume_from,
        "fork_from": fork_from,
    }
    values.update({key: value for key, value in given.items() if value is not None})
    reinit = values.get("reinit") or "default"
    reinit = _REINIT.get(reinit, reinit)
    if _active and reinit == "return_previous":
        _say_once("wandb.init() called while a run is active: it is the one returned (see reinit)")
        return _active[-1]
    if reinit == "finish_previous":
        while _active:
            _active[-1].finish()
    start = _config_file(config) if isinstance(config, str) else _config_values({} if config is None else config)
    start = {
        key: value
        for key, value in start.items()
        if key not in (config_exclude_keys or ()) and (not config_include_keys or key in config_include_keys)
    }
    if Path(_DEFAULTS).is_file():
        start = {**_config_file(_DEFAULTS), **start}
    begun = Run(_Run(_Settings.of({**_our_settings({**others, **values}), "config": start})), Settings(**values))
    _active.append(begun)
    if reinit != "create_new":
        _current = begun
    return begun


def _our_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """What `Settings` means here: our own settings. Names what means nothing."""
    given = {key: value for key, value in values.items() if value is not None and value is not False}
    for key in sorted(given.keys() - _OURS.keys() - _OF_INIT - _MEANINGLESS):
        _say_once(f"wandb.init(): {key} is not covered by wandb_logging.compat and has no effect")
    ours = {_OURS[key]: given[key] for key in _OURS.keys() & given}
    ours.setdefault("close_timeout", _PATIENCE)
    ours["system_metrics"] = "x_disable_stats" not in given and importlib.util.find_spec("psutil") is not None
    ours["capture_output"] = given.get("console") != "off"
    unwanted = {"wandb-metadata.json"} if "x_disable_meta" in given else set()
    if values.get("x_save_requirements") is False:
        unwanted.add("requirements.txt")
    ours["standard_files"] = [name for name in STANDARD_FILES if name not in unwanted]
    # The server's wish to stop interrupts the main thread, as in the official SDK, unless there is a function for it.
    stop = given.get("stop_fn", _thread.interrupt_main)
    ours["on_stop"] = lambda _run: stop()
    if "mode" in ours:
        ours["mode"] = _OLD_MODES.get(ours["mode"], ours["mode"])
    if "root_dir" in given:
        ours["cache_dir"] = Path(given["root_dir"]) / "wandb_cache"
    if "x_file_stream_no_gzip" in given:
        ours["gzip"] = False
    if "resume" in given:
        ours["resume"] = "auto" if given["resume"] is True else given["resume"]
    return {key: value for key, value in ours.items() if value is not None}


def _goes_on(settings: _Settings) -> bool:
    """Whether a run goes on with what was before, or must not."""
    return any(way is not None for way in (settings.resume, settings.resume_from, settings.fork_from))


class _Early:
    """Stands for an object of the current run while there is none."""

    def __init__(self, name: str) -> None:
        vars(self)["_name"] = name

    def _fail(self, *_: object) -> NoReturn:
        raise _no_run(vars(self)["_name"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # whoever looks what kind of object this is
            raise AttributeError(name)
        raise _no_run(f"{vars(self)['_name']}.{name}")

    __getitem__ = __setitem__ = __setattr__ = __iter__ = _fail


def _no_run(what: str) -> WandbLoggingError:
    return WandbLoggingError(f"You must call wandb.init() before {what}")


def _of_current(method: Callable[Concatenate[Run, _Arguments], _Result]) -> Callable[_Arguments, _Result]:
    """The function of the module that does this to the current run."""

    @functools.wraps(method)
    def function(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        if _current is None:
            raise _no_run(f"wandb.{method.__name__}()")
        return method(_current, *args, **kwargs)

    return function


log = _of_current(Run.log)
define_metric = _of_current(Run.define_metric)
save = _of_current(Run.save)
alert = _of_current(Run.alert)
log_artifact = _of_current(Run.log_artifact)
use_artifact = _of_current(Run.use_artifact)
log_model = _of_current(Run.log_model)
use_model = _of_current(Run.use_model)
mark_preempting = _of_current(Run.mark_preempting)


def finish(exit_code: int | None = None) -> None:
    """End the current run, if there is one, when everything is sent."""
    if _current is not None:
        _current.finish(exit_code)


def login(
    key: str | None = None,
    relogin: bool | None = None,  # noqa: FBT001  the official SDK's signature
    host: str | None = None,
    *,
    verify: bool = True,
    **others: Any,
) -> bool:
    """Find an API key, or ask the person at the terminal for it, as `wandb_logging.login`.

    Args:
        key: the key, if it is at hand.
        relogin: ask even though a key is found.
        host: address of the W&B API.
        verify: ask the server whether it accepts the key.
        **others: arguments of the official SDK that have no meaning here: they are named in a warning.

    Raises:
        SettingsError: the key has not the form of an API key, or there is none and no terminal to ask at.
        AuthError: the server does not accept the key.
        TransportError, HTTPStatusError, GraphQLError: the server could not be asked.
    """
    for name in sorted(name for name, value in others.items() if value and name not in _MEANINGLESS):
        _say_once(f"wandb.login(): {name} is not covered by wandb_logging.compat and has no effect")
    _login.login(host, key, relogin=bool(relogin), verify=verify)
    return True
