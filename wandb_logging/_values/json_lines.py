"""Reads and filters text lines that are JSON objects, as `text_format: json` and other JSON formatters write them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

_MESSAGES = ("message", "msg", "event")  # of python-json-logger, pino and structlog
_LEVELS = ("levelname", "level", "severity", "log.level")
_NAMES = ("name", "logger", "log.logger")
_TIMES = ("asctime", "timestamp", "@timestamp", "time", "ts")
_TRACES = ("exc_info", "exc_text", "stack_info", "exception", "stack")


def fields_of(line: str) -> tuple[str, dict[str, Any]] | None:
    """The text before the JSON object in a line, and the object; None if the line does not end in one."""
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
    return found is not None and all(_has(found[1], name, value) for name, value in wanted)


def _has(fields: Mapping[str, Any], name: str, wanted: str) -> bool:
    """Whether a field has a value. A name with dots also leads into objects, and numbers may be written differently."""
    if name not in fields:
        outer, dot, inner = name.partition(".")
        within = fields.get(outer)
        return bool(dot) and isinstance(within, dict) and _has(within, inner, wanted)
    value = fields[name]
    if _text(value) == wanted:
        return True
    with contextlib.suppress(ValueError, OverflowError):
        return isinstance(value, (int, float)) and not isinstance(value, bool) and float(value) == float(wanted)
    return False


def asked(words: str) -> list[tuple[str, str]]:
    """The names and values in a search such as `user=bo fold=3`; none if it has another form."""
    parts = [part.partition("=") for part in words.split()]
    return [(name, value) for name, _, value in parts] if all(name and equals for name, equals, _ in parts) else []


def holds(line: str, words: str) -> bool:
    """Whether a line matches a search: it has those words, in any case; or the fields of a search like `user=bo`."""
    wanted = asked(words)
    if wanted and fields_of(line) is not None:
        return fits(line, wanted)
    return words.lower() in line.lower()


def readable(line: str, *, named: bool = True) -> list[str]:
    """A line as people read it: level, name, message, then the other fields, then the traceback.

    Args:
        line: the line. It is given back as it is, if it is no JSON object with a message.
        named: whether to include level and name; False where they are shown beside it.
    """
    found = fields_of(line)
    key = next((key for key in _MESSAGES if found and key in found[1]), None)
    if found is None or key is None:
        return [line]
    before, fields = found
    level = next((_text(fields.pop(name)) for name in _LEVELS if name in fields), None)
    name = next((_text(fields.pop(name)) for name in _NAMES if name in fields), None)
    parts = [part for part in (level, name) if part and named]
    message = _text(fields.pop(key))
    traces = [fields.pop(name) for name in _TRACES if fields.get(name)]
    rest = {name: value for name, value in fields.items() if name not in (*_TIMES, *_TRACES)}
    text = ":".join([*parts, message]) + _shown(rest)
    return [*(before + text).split("\n"), *(row for trace in traces for row in _rows(trace))]


def _rows(trace: object) -> list[str]:
    """The lines of a traceback, which python-json-logger's `exc_info_as_array` writes as a list."""
    parts = trace if isinstance(trace, list) else [trace]
    return [row for part in parts for row in _text(part).splitlines()]


def _shown(fields: Mapping[str, Any]) -> str:
    texts = {name: _text(value) for name, value in fields.items()}
    return "".join(f" {name}={json.dumps(text) if chr(10) in text else text}" for name, text in texts.items())


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
