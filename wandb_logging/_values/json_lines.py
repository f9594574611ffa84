"""Text lines that are JSON objects, as `text_format: json` and other JSON formatters write them: read and sifted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_MESSAGES = ("message", "msg", "event")  # of python-json-logger, pino and structlog
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


def asked(words: str) -> list[tuple[str, str]]:
    """The fields that `user=bo fold=3` asks for; none where it is anything else."""
    parts = [part.partition("=") for part in words.split()]
    return [(name, value) for name, _, value in parts] if all(name and equals for name, equals, _ in parts) else []


def holds(line: str, words: str) -> bool:
    """Whether a line has some words in it, in whatever case; of an object, the fields that `user=bo fold=3` names."""
    wanted = asked(words)
    if wanted and fields_of(line) is not None:
        return fits(line, wanted)
    return words.lower() in line.lower()


def readable(line: str, *, named: bool = True) -> list[str]:
    """A line as people read it: level, name, message, then the other fields, then what was raised.

    Args:
        line: the line; one that is no object with a message stays.
        named: whether level and name are in it; False where they are shown beside it.
    """
    found = fields_of(line)
    key = next((key for key in _MESSAGES if found and key in found[1]), None)
    if found is None or key is None:
        return [line]
    before, fields = found
    level = next((_text(fields.pop(name)) for name in _LEVELS if name in fields), None)
    parts = [part for part in (level, fields.pop("name", None)) if part and named]
    message = _text(fields.pop(key))
    traces = [_text(fields.pop(name)) for name in _TRACES if fields.get(name)]
    rest = {name: value for name, value in fields.items() if name not in (*_TIMES, *_TRACES)}
    text = ":".join([*map(_text, parts), message]) + _shown(rest)
    return [before + text, *(row for trace in traces for row in trace.splitlines())]


def _shown(fields: Mapping[str, Any]) -> str:
    return "".join(f" {name}={_text(value)}" for name, value in fields.items())


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
