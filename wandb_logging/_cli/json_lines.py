"""Text lines that are JSON objects, as `text_format: json` and other JSON formatters write them: read and sifted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_LEVELS = ("levelname", "level", "severity")
_TIMES = ("asctime", "timestamp", "time", "ts")
_TRACES = ("exc_info", "exc_text", "stack_info", "exception", "stack")


def fields_of(line: str) -> tuple[str, dict[str, Any]] | None:
    """What is before the object of a line, and the object; None if the line is no such."""
    at = line.find("{")
    if at < 0 or not line.rstrip().endswith("}"):
        return None
    try:
        fields = json.loads(line[at:])
    except (ValueError, RecursionError):
        return None
    return (line[:at], fields) if isinstance(fields, dict) else None


def fits(line: str, wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether a line has all of these fields with these values."""
    if not wanted:
        return True
    found = fields_of(line)
    return found is not None and all(_text(found[1].get(name)) == value for name, value in wanted)


def readable(line: str) -> list[str]:
    """A line as people read it: level, name, message, then the other fields, then what was raised."""
    found = fields_of(line)
    if found is None or "message" not in found[1]:
        return [line]
    before, fields = found
    level = next((_text(fields.pop(name)) for name in _LEVELS if name in fields), None)
    parts = [part for part in (level, fields.pop("name", None)) if part]
    message = _text(fields.pop("message"))
    traces = [_text(fields.pop(name)) for name in _TRACES if fields.get(name)]
    rest = {name: value for name, value in fields.items() if name not in (*_TIMES, *_TRACES)}
    text = ":".join([*map(_text, parts), message]) + _shown(rest)
    return [before + text, *(row for trace in traces for row in trace.splitlines())]


def _shown(fields: Mapping[str, Any]) -> str:
    return "".join(f" {name}={_text(value)}" for name, value in fields.items())


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
