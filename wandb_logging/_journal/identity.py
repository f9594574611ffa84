"""What run.json says of a run, checked before anybody relies on it. Pure.

Who wrote it may have been another version, or a person with an editor. Members that are not named here are left alone:
new ones may come within one format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from wandb_logging._events.metrics import is_definition
from wandb_logging._journal import send_options

FORMAT = 1
_YEAR_10000 = 253_402_300_800  # seconds since 1970; from there on a time has no date


class _Kind(NamedTuple):
    """A kind of value: how it is called, and whether one is of it."""

    name: str
    fits: Callable[[Any], bool]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value  # no lone surrogates


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


_NAME = _Kind("a text that is not empty", lambda value: value != "" and _is_text(value))
_TEXT = _Kind("a text", _is_text)
_TEXTS = _Kind("a list of texts", _is_texts)
_FLAG = _Kind("true or false", lambda value: isinstance(value, bool))
_OBJECT = _Kind("an object", lambda value: isinstance(value, dict))
_TIME = _Kind("seconds since 1970", lambda value: _is_number(value) and 0 <= value < _YEAR_10000)
_SECONDS = _Kind("a number of seconds", lambda value: _is_number(value) and abs(value) < _YEAR_10000)
_COUNT = _Kind("a whole number from 0 on", lambda value: _is_number(value) and value >= 0 and isinstance(value, int))
_POLICY = _Kind("shift, error or drop", lambda value: value in ("shift", "error", "drop"))
_DEFINITIONS = _Kind("a list of definitions", lambda value: isinstance(value, list) and all(map(is_definition, value)))

_NEEDED = {"id": _NAME, "project": _NAME, "start": _TIME}
_MAY_BE_NULL = {
    **dict.fromkeys(("entity", "name", "notes", "group", "job_type", "resume", "host", "app_url"), _TEXT),
    **dict.fromkeys(("mode", "writer_id", "host_name", "program"), _TEXT),
    "tags": _TEXTS,
    "config": _OBJECT,
    "define_metrics": _DEFINITIONS,
    "server": _OBJECT,
    "send": _OBJECT,
    "text_metrics": _OBJECT,
}
_MAY_BE_LEFT_OUT = {"late_steps": _POLICY, "late_step_metric": _TEXT}
_NEEDED_OF_SERVER = dict.fromkeys(("storage_id", "entity", "project", "name", "display_name"), _TEXT)
_OF_SERVER = {
    "host": _TEXT,
    **dict.fromkeys(("history", "events", "output", "step"), _COUNT),
    "runtime": _SECONDS,
    **dict.fromkeys(("config", "summary", "instead"), _OBJECT),
    **dict.fromkeys(("structured", "gzip", "artifact_tags"), _FLAG),
}


def problem(info: Mapping[str, Any]) -> str | None:
    """What is wrong with the content of a run.json, in words for a person; None if it can be relied on."""
    if info.get("format") != FORMAT:
        return f"has format {_shown(info.get('format'))}; this version reads {FORMAT}"
    present = {key: value for key, value in info.items() if value is not None}
    server = present.get("server") or {}
    return (
        _wrong(info, _NEEDED, missing=True)
        or _wrong(present, _MAY_BE_NULL)
        or _wrong(info, _MAY_BE_LEFT_OUT)
        or _wrong(server, _NEEDED_OF_SERVER, "server.", missing=bool(server))
        or _wrong(server, _OF_SERVER, "server.")
        or _wrong_options(present.get("send"))
    )


def _wrong_options(kept: Mapping[str, Any] | None) -> str | None:
    """Versions before did not keep them: then they are those of who sends the run."""
    wrong = send_options.problem(kept) if kept is not None else None
    if kept is None or wrong is None:
        return None
    name, expected = wrong
    return f"has send.{name} {_shown(kept.get(name))}, expected {expected}"


def _wrong(
    values: Mapping[str, Any], kinds: Mapping[str, _Kind], prefix: str = "", *, missing: bool = False
) -> str | None:
    for name, kind in kinds.items():
        if name not in values:
            if missing:
                return f"has no {prefix}{name}"
        elif not kind.fits(values[name]):
            return f"has {prefix}{name} {_shown(values[name])}, expected {kind.name}"
    return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
