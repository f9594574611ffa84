"""`wandb.env`: the names of the environment variables, and the functions that read and set them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, Optional

from wandb_logging._process.command_line import command_line

_OTHERS = {
    "DISABLE_SSL": "WANDB_INSECURE_DISABLE_SSL",
    "IGNORE": "WANDB_IGNORE_GLOBS",
    "USE_V1_ARTIFACTS": "_WANDB_USE_V1_ARTIFACTS",
}
_Env = Optional[MutableMapping[str, str]]


def __getattr__(name: str) -> str:
    if name.startswith("_"):
        raise AttributeError(name)
    return _OTHERS.get(name, f"WANDB_{name}")


def _said(name: str, env: _Env, default: Any = None) -> Any:
    return (os.environ if env is None else env).get(__getattr__(name), default)


def strtobool(val: str) -> bool:
    """A word such as yes or no as a boolean.

    Raises:
        ValueError: it is another word.
    """
    word = val.lower()
    if word in {"y", "yes", "t", "true", "on", "1"}:
        return True
    if word in {"n", "no", "f", "false", "off", "0"}:
        return False
    raise ValueError(f"invalid truth value {word!r}")


def _is_true(text: object) -> bool:
    try:
        return isinstance(text, str) and strtobool(text)
    except ValueError:
        return False


# --- texts ---


def _text(name: str, default: Any = None) -> Callable[..., Any]:
    def get(default: Any = default, env: _Env = None) -> Any:
        return _said(name, env, default)

    return get


get_run = _text("RUN_ID")
get_docker = _text("DOCKER")
get_project = _text("PROJECT")
get_username = _text("USERNAME")
get_user_email = _text("USER_EMAIL")
get_entity = _text("ENTITY")
get_organization = _text("ORGANIZATION")
get_base_url = _text("BASE_URL")
get_app_url = _text("APP_URL")
get_description = _text("DESCRIPTION")
get_dir = _text("DIR")
get_config_paths = _text("CONFIG_PATHS")
get_magic = _text("MAGIC")
get_error_reporting = _text("ERROR_REPORTING", default=True)


def _only_text(name: str) -> Callable[..., str | None]:
    def get(env: _Env = None) -> str | None:
        return _said(name, env)  # type: ignore[no-any-return]

    return get


get_launch_queue_name = _only_text("LAUNCH_QUEUE_NAME")
get_launch_queue_entity = _only_text("LAUNCH_QUEUE_ENTITY")
get_launch_trace_id = _only_text("LAUNCH_TRACE_ID")

# --- lists ---


def get_tags(default: str = "", env: _Env = None) -> list[str]:
    """The tags of the next run."""
    return [tag for tag in _said("TAGS", env, default).split(",") if tag]


def get_ignore(default: list[str] | None = None, env: _Env = None) -> list[str] | None:
    """The globs of files that are not uploaded."""
    said = _said("IGNORE", env)
    return default if said is None else said.split(",")


def get_args(default: list[str] | None = None, env: _Env = None) -> list[str] | None:
    """The arguments of the program: those in WANDB_ARGS, as JSON, else its own."""
    said = _said("ARGS", env)
    if not said:
        return default or command_line()[1:]
    try:
        return json.loads(said)  # type: ignore[no-any-return]
    except ValueError:
        return None


# --- numbers ---


def _number(name: str, *, keeps_default: bool = False) -> Callable[..., Any]:
    def get(default: Any = None, env: _Env = None) -> Any:
        try:
            return int(_said(name, env, default))
        except (TypeError, ValueError):
            return default if keeps_default else None

    return get


get_agent_report_interval = _number("AGENT_REPORT_INTERVAL")
get_agent_kill_delay = _number("AGENT_KILL_DELAY")
get_agent_max_initial_failures = _number("AGENT_MAX_INITIAL_FAILURES", keeps_default=True)
get_crash_nosync_time = _number("CRASH_NOSYNC_TIME")


def get_http_timeout(default: int = 20, env: _Env = None) -> int:
    """Seconds that a request may take."""
    return int(_said("HTTP_TIMEOUT", env, default))


def get_file_pusher_timeout(default: int | None = None, env: _Env = None) -> int | None:
    """Seconds that the end of a run waits for its files; None without a limit."""
    said = _said("FILE_PUSHER_TIMEOUT", env, default)
    return int(said) if said else None


def get_artifact_fetch_file_url_batch_size(env: _Env = None) -> int:
    """Files of an artifact whose addresses are asked for at once."""
    return int(_said("ARTIFACT_FETCH_FILE_URL_BATCH_SIZE", env, 5000))


# --- folders ---


def get_artifact_dir(env: _Env = None) -> str:
    """The folder that artifacts are downloaded to."""
    return os.path.abspath(str(_said("ARTIFACT_DIR", env, "artifacts")))  # noqa: PTH100  as there: no links resolved


def get_credentials_file(default: str, env: _Env = None) -> Path:
    """The file of access tokens."""
    return Path(_said("CREDENTIALS_FILE", env, default))


# --- switches ---


def _switch(name: str, default: str | None = None) -> Callable[[], bool]:
    return lambda: _is_true(_said(name, None, default))


is_quiet = _switch("QUIET")
is_silent = _switch("SILENT")
error_reporting_enabled = _switch("ERROR_REPORTING", "True")
ssl_disabled = _switch("DISABLE_SSL")
dcgm_profiling_enabled = _switch("ENABLE_DCGM_PROFILING")


def is_debug(default: str | None = None, env: _Env = None) -> bool:
    """Whether WANDB_DEBUG is on."""
    return _is_true(_said("DEBUG", env, default))


def core_debug(default: str | None = None) -> bool:
    """Whether WANDB_CORE_DEBUG or WANDB_DEBUG is on."""
    return _is_true(_said("CORE_DEBUG", None, default)) or is_debug()


def is_offline(env: _Env = None) -> bool:
    """Whether WANDB_MODE is offline."""
    return bool(_said("MODE", env) == "offline")


def get_show_run(default: str | None = None, env: _Env = None) -> bool:
    """Whether WANDB_SHOW_RUN is set."""
    return bool(_said("SHOW_RUN", env, default))


def get_use_v1_artifacts(env: _Env = None) -> bool:
    """Whether the variable for the older artifacts is set."""
    return bool(_said("USE_V1_ARTIFACTS", env))


def should_save_code() -> bool:
    """Whether WANDB_SAVE_CODE is on, and WANDB_DISABLE_CODE is not."""
    return _is_true(_said("SAVE_CODE", None)) and not _is_true(_said("DISABLE_CODE", None))


def disable_git(env: _Env = None) -> bool:
    """Whether WANDB_DISABLE_GIT is set to anything but false."""
    return bool(_said("DISABLE_GIT", env, "false").lower() != "false")


# --- to be set ---


def set_entity(value: str, env: _Env = None) -> None:
    """Set the team or user of the next run."""
    (os.environ if env is None else env)["WANDB_ENTITY"] = value


def set_project(value: str, env: _Env = None) -> None:
    """Set the project of the next run."""
    (os.environ if env is None else env)["WANDB_PROJECT"] = value or "uncategorized"
