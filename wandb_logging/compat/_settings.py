"""The official SDK's settings, and the settings of this package that they stand for."""

from __future__ import annotations

import _thread
import importlib.util
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from wandb_logging._errors import SettingsError
from wandb_logging._events.file_names import METADATA, REQUIREMENTS, STANDARD_FILES
from wandb_logging._process.repository import state
from wandb_logging._settings.kinds import Flag, Seconds
from wandb_logging._settings.settings import SETTINGS, from_environment
from wandb_logging._values.ids import new_id
from wandb_logging.compat._official_settings import DEFAULTS, UNSET
from wandb_logging.compat._refused import not_covered, say_once

if TYPE_CHECKING:
    from wandb_logging.compat._run import Run

STALL = 10.0  # seconds to wait at the end for a server that does not answer
PATIENCE = 7 * 24 * 3600.0  # seconds to wait at the end for the server; the official SDK gives up no earlier
INIT_TIMEOUT = 10.0  # seconds; see the setting init_timeout

# Official settings with a counterpart here.
_OURS = {
    "api_key": "api_key",
    "app_url_override": "app_url",
    "base_url": "host",
    "disable_git": "disable_git",
    "entity": "entity",
    "finish_timeout": "close_timeout",
    "fork_from": "fork_from",
    "git_commit": "git_commit",
    "git_remote": "git_remote",
    "git_remote_url": "git_remote_url",
    "git_root": "git_root",
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
    "x_label": "label",
    "x_stats_sampling_interval": "system_interval",
}
# Settings that `init` handles itself.
_OF_INIT = {
    "allow_val_change",
    "capture_loggers",
    "console",
    "init_timeout",
    "monitor_gym",
    "reinit",
    "resume",
    "root_dir",
    "stop_fn",
    "sync_tensorboard",
    "tensorboard",
    "x_disable_meta",
    "x_disable_stats",
    "x_primary",
    "x_file_stream_no_gzip",
    "x_save_requirements",
}
# Settings without a meaning here: what the official SDK prints, and how it talks to its own second process.
MEANINGLESS = {
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
_OLD_MODES = {"dryrun": "offline", "run": "online"}  # the official SDK's older names (protocol 2.6)


class Settings(SimpleNamespace):
    """Settings under the official SDK's names. When a run begins, a warning names those without a meaning here.

    A setting that was not given has the official SDK's default, or in the settings of a run the run's value.

    Args:
        **values: base_url, api_key, project, entity, root_dir, mode, run_id, run_name, run_notes, run_tags, run_group,
            run_job_type, resume, reinit, allow_val_change, silent, heartbeat_seconds, init_timeout, finish_timeout,
            stop_fn have a meaning here.

    A text stands for the number or the yes or no that it says, as from a command line.

    Raises:
        SettingsError: a text says no such thing.
        NotCovered: there is no setting of the requested name.
    """

    def __init__(self, **values: Any) -> None:
        super().__init__(**{name: _typed(name, value) for name, value in values.items()})

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _typed(name, value))

    def __getattr__(self, name: str) -> Any:
        if name in DEFAULTS:
            return DEFAULTS[name]
        if name in UNSET:
            return None
        if name.startswith("__"):
            raise AttributeError(name)
        raise not_covered(f"wandb.Settings.{name}", {*_OURS, *_OF_INIT})


def _typed(name: str, value: Any) -> Any:
    """A value of a setting. A text is read as the environment's texts are, where the setting is no text."""
    if not isinstance(value, str) or not value:
        return value
    default, kind = DEFAULTS.get(name), SETTINGS[_OURS[name]].kind if name in _OURS else None
    if isinstance(default, (bool, int, float)):
        kind = Flag() if isinstance(default, bool) else Seconds()
    if not isinstance(kind, (Flag, Seconds)):
        return value
    try:
        return kind.parse(value)
    except ValueError as exc:
        raise SettingsError(f"{name}={value!r}: expected {exc}") from None


class RunSettings(Settings):
    """The settings of a run, with the values that the run really has."""

    def __init__(self, run: Run, values: Mapping[str, Any]) -> None:
        super().__init__(**{key: value for key, value in values.items() if key not in _OF_RUN})
        vars(self)["_run"] = run

    def __getattr__(self, name: str) -> Any:
        if name in _OF_RUN:
            return _OF_RUN[name](vars(self)["_run"])
        return super().__getattr__(name)

    def __repr__(self) -> str:
        return repr(Settings(**{key: value for key, value in vars(self).items() if key != "_run"}))


_OF_RUN: dict[str, Any] = {
    "_jupyter": lambda _run: in_notebook(),
    "_noop": lambda run: run.disabled,
    "_offline": lambda run: run.offline,
    "base_url": lambda run: run._run.settings.host,  # noqa: SLF001  the run beneath
    "entity": lambda run: run.entity or None,
    "files_dir": lambda run: run.dir,
    "git_commit": lambda run: state(run._run.settings).get("commit"),  # noqa: SLF001
    "git_remote_url": lambda run: state(run._run.settings).get("remote"),  # noqa: SLF001
    "is_local": lambda run: "api.wandb.ai" not in run._run.settings.host,  # noqa: SLF001
    "mode": lambda run: run._run.mode,  # noqa: SLF001
    "project": lambda run: run.project,
    "project_url": lambda run: run.project_url,
    "resumed": lambda run: run.resumed,
    "root_dir": lambda run: str(Path(run._run.settings.cache_dir).parent),  # noqa: SLF001
    "run_group": lambda run: run.group or None,
    "run_id": lambda run: run.id,
    "run_job_type": lambda run: run.job_type or None,
    "run_mode": lambda run: "offline-run" if run.offline else "run",
    "run_name": lambda run: run.name,
    "run_notes": lambda run: run.notes,
    "run_tags": lambda run: run.tags,
    "run_url": lambda run: run.url,
    "sync_dir": lambda run: run.sync_dir,
    "wandb_dir": lambda run: str(run._run.settings.cache_dir),  # noqa: SLF001
    "x_start_time": lambda run: run.start_time,
}


def in_notebook() -> bool:
    """Whether this code runs in a cell of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return shell is not None and hasattr(shell, "kernel")


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are set or on."""
    given = {key: value for key, value in values.items() if value is not None and value is not False}
    if given.pop("x_disable_machine_info", False):
        given.update(dict.fromkeys(("disable_git", "x_disable_meta", "x_disable_stats"), True))
    return given


def _decide_measuring(ours: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Have the machine measured unless that was switched off, or cannot be done here."""
    ours["system_metrics"] = "x_disable_stats" not in given and importlib.util.find_spec("psutil") is not None
    if not ours["system_metrics"]:
        ours.pop("system_interval", None)  # as in the official SDK, nothing is said of an interval then


def our_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Translate the official SDK's settings to ours. Those without a meaning here are named in a warning.

    Raises:
        NotCovered: a setting is not covered that the program relies on.
    """
    given = _given(values)
    ends = values.get("x_update_finish_state")
    if ends is True:  # the primary process does so
        del given["x_update_finish_state"]
    elif ends is False and values.get("x_primary") is not False:
        say_once("wandb.init(): x_update_finish_state=False has no effect without x_primary=False")
    for key in sorted(given.keys() - _OURS.keys() - _OF_INIT - MEANINGLESS):
        say_once(f"wandb.init(): {key} is not covered by wandb_logging.compat and has no effect")
    ours = {_OURS[key]: given[key] for key in _OURS.keys() & given}
    ours.setdefault("close_timeout", PATIENCE)
    _decide_measuring(ours, given)
    ours["capture_output"] = given.get("console") != "off"
    unwanted = {METADATA} if "x_disable_meta" in given else set()
    if values.get("x_save_requirements") is False:
        unwanted.add(REQUIREMENTS)
    ours["standard_files"] = [name for name in STANDARD_FILES if name not in unwanted]
    # If the server asks to stop, the main thread is interrupted, as in the official SDK, unless a function is set.
    stop = given.get("stop_fn", _thread.interrupt_main)
    ours["on_stop"] = lambda _run: stop()
    if "mode" in ours:
        ours["mode"] = _OLD_MODES.get(ours["mode"], ours["mode"])
    if values.get("x_primary") is not False:  # the primary process keeps the names of its metrics
        ours.pop("label", None)
    else:  # a missing label is made as in the official SDK
        ours.setdefault("label", from_environment("label") or f"{socket.gethostname()[:40]}-{new_id()}")
    if "root_dir" in given:
        ours["cache_dir"] = Path(given["root_dir"]) / "wandb_cache"
    if "x_file_stream_no_gzip" in given:
        ours["gzip"] = False
    if "resume" in given:
        ours["resume"] = "auto" if given["resume"] is True else given["resume"]
    return {key: value for key, value in ours.items() if value is not None}
