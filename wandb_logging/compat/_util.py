"""Small parts of the official SDK that frameworks import: messages, ids, JSON, and names that only have to exist."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

from wandb_logging._errors import WandbLoggingError
from wandb_logging._process import notices
from wandb_logging._values.ids import new_id as generate_id
from wandb_logging._values.plain import plain
from wandb_logging.compat._refused import say_once

__all__ = ["generate_id"]


class RunDisabled:
    """The type of a disabled run in older versions of the official SDK. It has no instances."""


class SummaryDisabled(dict[str, Any]):
    """The type of the summary of a disabled run. It has no instances."""


def termlog(string: str = "", newline: bool = True, repeat: bool = True, **_: Any) -> None:  # noqa: ARG001
    """Show a message to the person at the terminal."""
    _say(logging.INFO, string, repeat=repeat)


def termwarn(string: str, newline: bool = True, repeat: bool = True, **_: Any) -> None:  # noqa: ARG001
    """Show a warning to the person at the terminal."""
    _say(logging.WARNING, string, repeat=repeat)


def termerror(string: str, newline: bool = True, repeat: bool = True, **_: Any) -> None:  # noqa: ARG001
    """Show an error to the person at the terminal."""
    _say(logging.ERROR, string, repeat=repeat)


def _say(level: int, text: str, *, repeat: bool) -> None:
    if repeat:
        notices.say(level, text)
    else:
        say_once(text)


def termsetup(*_: Any, **__: Any) -> None:
    """Do nothing, because messages are log records here."""


def require(*_: Any, **__: Any) -> None:
    """Do nothing: any requirement is either always met here or not covered."""


def setup(settings: Any = None, **_: Any) -> SimpleNamespace:
    """Start nothing, because there is no second process. The result has `settings`."""
    from wandb_logging.compat._settings import Settings  # noqa: PLC0415  not for a message

    given = settings if isinstance(settings, Mapping) else vars(settings or Settings())
    return SimpleNamespace(settings=Settings(**given))


def teardown(exit_code: int | None = None) -> None:
    """End the runs that are going on.

    Args:
        exit_code: 0 for finished, anything else for failed.
    """
    from wandb_logging.compat import _active  # noqa: PLC0415  not for a message

    for run in reversed(_active.active[:]):
        run.finish(exit_code)


def ensure_configured() -> None:
    """Do nothing, because settings are read when a run begins."""


class _Anything:
    def __getattr__(self, name: str) -> _Anything:
        return self

    def __setattr__(self, name: str, value: object) -> None:
        """Accept and ignore any value."""


@contextlib.contextmanager
def telemetry_context(*_: Any, **__: Any) -> Iterator[Any]:
    """Accept what frameworks tell W&B's statistics about themselves. None of it is sent."""
    yield _Anything()


def get_module(name: str, required: str | bool | None = None, lazy: bool = True) -> ModuleType | None:
    """Import a module; None if it is not installed.

    Args:
        name: name of the module.
        required: the message if the module is missing.
        lazy: has no meaning here.

    Raises:
        WandbLoggingError: the module is required and missing.
    """
    del lazy
    try:
        return importlib.import_module(name)
    except ImportError:
        if required:
            raise WandbLoggingError(str(required)) from None
        return None


def json_dumps_safer(obj: Any, **kwargs: Any) -> str:
    """Encode anything as JSON. A value without a JSON form becomes text."""
    return json.dumps(plain({"value": obj}, aside={}, of_config=True).get("value"), **kwargs)


def make_artifact_name_safe(name: str) -> str:
    """Turn a name into a valid artifact name."""
    safe = re.sub(r"[^a-zA-Z0-9_\-.]", "_", name)
    return safe if len(safe) <= 128 else f"{safe[:63]}..{safe[-63:]}"
