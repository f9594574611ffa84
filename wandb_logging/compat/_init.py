"""`wandb.init` and `wandb.login`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wandb_logging._artifacts.artifact import StrPath
from wandb_logging._errors import SettingsError
from wandb_logging._keys import login as _login
from wandb_logging._run.run import Run as _Run
from wandb_logging._settings.settings import Settings as _Settings
from wandb_logging.compat._active import active, begin, take_config
from wandb_logging.compat._config import DEFAULTS, config_file, config_values, may_have_artifact
from wandb_logging.compat._loggers import capture, captured
from wandb_logging.compat._refused import say_once
from wandb_logging.compat._run import Run
from wandb_logging.compat._settings import MEANINGLESS, PATIENCE, STALL, Settings, in_notebook, our_settings
from wandb_logging.compat._tensorboard import sync, wanted

_REINIT = {"return_previous", "finish_previous", "create_new"}
_NOT_GIVEN: tuple[Any, ...] = (None, "", (), [])  # empty values from environment variables and command lines


def init(
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
    allow_val_change: bool | None = None,
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
        config: values of the config: a mapping, an `argparse.Namespace`, a dataclass, or the path of a YAML file with
            `key: {value: ...}`. A file config-defaults.yaml in the working directory adds values for missing keys. Both
            files need PyYAML.
        config_exclude_keys: keys to leave out of the config.
        config_include_keys: the only keys to keep in the config; default: all.
        allow_val_change: whether values of the config may change once they are set.
        group: group of runs this one belongs to.
        job_type: kind of job, such as train.
        mode: online, offline or disabled. Default: online if there is an API key, else offline.
        reinit: what to do if a run is active: return_previous (default), finish_previous or create_new.
        resume: allow, must, never or auto. If given, `init` waits for the server, at most `init_timeout` seconds.
        resume_from: `id?_step=n`: continue that run from that step.
        fork_from: `id?_step=n`: begin a new run from that step of that run.
        settings: the same values and more, under the names of `Settings`.
        **others: arguments of the official SDK without a meaning here. A warning names them.

    Raises:
        SettingsError: a value has the wrong type or is outside its range, or keys are both included and excluded.
        LogError: resume is must and there is no such run, or never and there is one; or this could not be found out.
    """
    if config_include_keys and config_exclude_keys:
        raise SettingsError("wandb.init(): give one of config_include_keys and config_exclude_keys")
    values = dict(vars(Settings(**settings) if isinstance(settings, Mapping) else settings or Settings()))
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
    values = {key: value for key, value in values.items() if value not in _NOT_GIVEN}
    if isinstance(values.get("run_tags"), str):
        values["run_tags"] = (values["run_tags"],)
    reinit = _reinit_of(values.get("reinit"))
    mine = [run for run in active if run.pid == os.getpid()]  # runs in a forked child belong to its parent
    if mine and reinit == "return_previous":
        say_once("wandb.init() called while a run is active: it is the one returned (see reinit)")
        return mine[-1]
    if reinit == "finish_previous":
        for run in reversed(mine):
            run.finish()
    loggers = captured(values.get("capture_loggers"))
    start = _config_of(config, config_include_keys, config_exclude_keys)
    later = {key: start.pop(key) for key in [key for key, value in start.items() if may_have_artifact(value)]}
    ours = _Settings.of({**our_settings({**others, **values}), "config": start})
    if ours.console is False:  # WANDB_CONSOLE=off
        ours = ours.but(capture_output=False)
    # As in the official SDK, the end waits while rows go out. If no server answers, they stay on disk, with a notice.
    begun = Run(_Run(ours, stall=STALL if ours.close_timeout == PATIENCE else None), Settings(**values))
    begin(begun, make_current=reinit != "create_new")
    if later:
        begun.config.update(later)
    begun._at_end = capture(begun, loggers)  # noqa: SLF001  the same concern
    if others.get("monitor_gym") and not begun.disabled:
        from wandb_logging.compat._gym import monitor  # noqa: PLC0415  few programs have environments

        monitor()
    if others.get("sync_tensorboard") or others.get("tensorboard") or values.get("sync_tensorboard") or wanted():
        sync(begun)
    return begun


def _reinit_of(given: Any) -> str:
    """What to do if a run is active."""
    # In a notebook a cell may be run again, with changed arguments.
    usual = "finish_previous" if in_notebook() else "return_previous"
    words = {None: usual, "default": usual, True: "finish_previous", False: "return_previous"}
    reinit = words.get(given, given)
    if reinit not in _REINIT:
        raise SettingsError(f"reinit={given!r}: expected True, False, default, {', '.join(sorted(_REINIT))}")
    return str(reinit)


def _config_of(config: Any, include: Sequence[str] | None, exclude: Sequence[str] | None) -> dict[str, Any]:
    """The first values of a run's config."""
    if config is None or (isinstance(config, str) and not config):  # not given
        config = {}
    start = config_file(config) if isinstance(config, str) else config_values(config)
    start = {**config_values(take_config() or {}), **start}
    start = {
        key: value for key, value in start.items() if key not in (exclude or ()) and (not include or key in include)
    }
    return {**config_file(DEFAULTS), **start} if Path(DEFAULTS).is_file() else start


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    *,
    verify: bool = True,
    **others: Any,
) -> bool:
    """Find an API key, or ask the person at the terminal for it, as `wandb_logging.login`.

    Args:
        key: the key, if the caller has it.
        relogin: ask even though a key is found.
        host: address of the W&B API.
        verify: ask the server whether it accepts the key.
        **others: arguments of the official SDK without a meaning here. A warning names them.

    Raises:
        SettingsError: the key does not have the form of an API key; or there is no key, and no terminal to ask at.
        AuthError: the server does not accept the key.
        TransportError, HTTPStatusError, GraphQLError: the server could not be asked.
    """
    for name in sorted(name for name, value in others.items() if value and name not in MEANINGLESS):
        say_once(f"wandb.login(): {name} is not covered by wandb_logging.compat and has no effect")
    _login.login(host, key, relogin=bool(relogin), verify=verify)
    return True
