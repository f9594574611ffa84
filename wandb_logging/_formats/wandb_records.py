"""Reads the records of a `.wandb` file into Python values (protocol 9). Pure.

Only what a run of ours can hold is read. The kind of a record says what was left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._formats import protobuf, wandb_environment
from wandb_logging._formats.protobuf import BrokenMessage, Value
from wandb_logging._values.plain import dumps

# The kinds of records, by the field's number in the `oneof` of `Record`.
KINDS = {
    2: "history",
    3: "summary",
    4: "output",
    5: "config",
    6: "files",
    7: "stats",
    8: "artifact",
    9: "tbrecord",
    10: "alert",
    11: "telemetry",
    12: "metric",
    13: "output_raw",
    17: "run",
    18: "exit",
    20: "final",
    21: "header",
    22: "footer",
    23: "preempting",
    25: "use_artifact",
    26: "environment",
    27: "output_logger",
}
# Members of the messages that are read and written in the same way, by field number.
RUN = {1: "id", 2: "entity", 3: "project", 6: "group", 7: "job_type", 8: "name", 9: "notes", 13: "host_name"}
RESUMES = 24  # of the message of a run: whether it goes on where one of its id on the server ended
ALERT = {1: "title", 2: "text", 3: "level"}
AGGREGATES = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 7: "copy", 8: "first"}
_ITEM, _KEYS, _JSON = 0x0A, b"\x0a\x12", b"\x82\x01"  # how field 1 begins, and an item's fields 1 or 2, and 16
_MOST_PATHS = 10_000  # most paths that are remembered


Item = tuple[tuple[str, ...], bytes]
"""One value: its path in a row, the config or the summary, and its JSON as it is in the file."""


@dataclass
class Record:
    """One record.

    Attributes:
        kind: one of `KINDS`, or `unknown`.
        items: the values of a row, sample, config or summary change.
        removed: paths that a change removes.
        facts: the other members, under protobuf's names.
        time: seconds since 1970, if the record has a time.
    """

    kind: str
    items: list[Item] = field(default_factory=list)
    removed: list[tuple[str, ...]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    time: float | None = None


def record(message: bytes) -> Record:
    """Read the message of a record.

    Raises:
        BrokenMessage: it is no message.
    """
    for number, value in protobuf.fields(message):
        if number in KINDS:
            kind = KINDS[number]
            read = _READERS.get(kind)
            found = Record(kind)
            if read is not None:
                read(protobuf.raw(value), found)
            return found
    return Record("unknown")


def _history(message: bytes, into: Record) -> None:
    into.items, others = _items(message)
    for number, value in others:
        if number == 2:
            into.facts["step"] = protobuf.signed(dict(protobuf.fields(protobuf.raw(value))).get(1, 0))


def _change(message: bytes, into: Record) -> None:
    into.items, others = _items(message)
    for number, value in others:
        if number == 2:
            into.removed.append(_path(list(protobuf.fields(protobuf.raw(value)))))


def _items(message: bytes) -> tuple[list[Item], list[tuple[int, Value]]]:
    """The items of a message, which are its fields 1, and its other fields.

    There may be millions of items. Nearly all have a short key and short JSON, which is read faster.
    """
    return _short_items(message) or _any_items(message)


def _short_items(message: bytes) -> tuple[list[Item], list[tuple[int, Value]]] | None:
    """The result of `_items` if all items are short and no other field comes between them; else None.

    The bytes of an item are: 10, its size, the field of its key, 130 and 1, the size of its JSON, and the JSON. So the
    bytes before 130 and 1 are a size and a key. There are few different keys, so they are looked up.
    """
    parts = message.split(_JSON)
    before = parts[0]
    found: list[Item] = []
    try:
        for part in parts[1:]:
            size, key = part[0], before[2:]
            path = _PATHS.get(key) or _path_of(key)
            if before[1] != len(before) + size + 1 or before[0] != _ITEM or not size < len(part) or size > 127:
                return None
            found.append((path, part[1 : size + 1]))
            before = part[size + 1 :]
        return found, list(protobuf.fields(before)) if before else []
    except (IndexError, BrokenMessage):
        return None


_PATHS: dict[bytes, tuple[str, ...]] = {}


def _path_of(field: bytes) -> tuple[str, ...]:
    """The path in the field of a key. It is remembered.

    Raises:
        BrokenMessage: the key is not short.
    """
    if field[0] not in _KEYS or not field[1] == len(field) - 2 < 128:
        raise BrokenMessage("not a short key")
    if len(_PATHS) > _MOST_PATHS:
        _PATHS.clear()
    _PATHS[field] = path = (field[2:].decode("utf-8", "replace"),)
    return path


def _any_items(message: bytes) -> tuple[list[Item], list[tuple[int, Value]]]:
    """The result of `_items` for any message, read field by field."""
    found: list[Item] = []
    others: list[tuple[int, Value]] = []
    for number, value in protobuf.fields(message):
        if number == 1:
            found.append(_item(protobuf.raw(value)))
        else:
            others.append((number, value))
    return found, others


def _stats(message: bytes, into: Record) -> None:
    for number, value in protobuf.fields(message):
        if number == 2:
            into.time = _time(protobuf.raw(value))
        elif number == 3:
            into.items.append(_item(protobuf.raw(value)))


def _output(message: bytes, into: Record) -> None:
    parts = dict(protobuf.fields(message))
    into.facts["error"] = not parts.get(1)  # 0 means stderr
    into.facts["line"] = protobuf.text(parts[3]) if 3 in parts else ""
    into.time = _time(protobuf.raw(parts[2])) if 2 in parts else None


def _logger_output(message: bytes, into: Record) -> None:
    into.facts["line"] = _text(message, 1)


def _run(message: bytes, into: Record) -> None:
    tags = []
    for number, value in protobuf.fields(message):
        if number in RUN:
            into.facts[RUN[number]] = protobuf.text(value)
        elif number == 10:
            tags.append(protobuf.text(value))
        elif number == 4:
            _change(protobuf.raw(value), into)
        elif number == 17:
            into.time = _time(protobuf.raw(value))
        elif number == RESUMES and value:
            into.facts["resume"] = "allow"
    into.facts["tags"] = tags


def _metric(message: bytes, into: Record) -> None:
    summary: list[str] = []
    facts: dict[str, Any] = {}
    for number, value in protobuf.fields(message):
        if number in {1, 2}:
            facts["name"] = protobuf.text(value)
        elif number == 4:
            facts["step_metric"] = protobuf.text(value)
        elif number == 6:
            options = dict(protobuf.fields(protobuf.raw(value)))
            facts["step_sync"], facts["hidden"] = bool(options.get(1)), bool(options.get(2))
        elif number == 7:
            chosen = dict(protobuf.fields(protobuf.raw(value)))
            summary += [name for at, name in AGGREGATES.items() if chosen.get(at)]
        elif number == 8:
            facts["goal"] = {1: "minimize", 2: "maximize"}.get(protobuf.signed(value))
        elif number == 9:
            facts["overwrite"] = bool(dict(protobuf.fields(protobuf.raw(value))).get(1))
        elif number == 10:
            facts["expanded"] = bool(value)
    into.facts = {**facts, "summary": summary} if summary else facts


def _files(message: bytes, into: Record) -> None:
    into.facts["paths"] = [_text(protobuf.raw(value), 1) for number, value in protobuf.fields(message) if number == 1]


def _alert(message: bytes, into: Record) -> None:
    parts = dict(protobuf.fields(message))
    into.facts = {name: protobuf.text(parts[at]) for at, name in ALERT.items() if at in parts}
    into.facts["wait"] = max(0, protobuf.signed(parts.get(4, 0))) / 1000


def _environment(message: bytes, into: Record) -> None:
    into.facts = wandb_environment.read(message)


def _exit(message: bytes, into: Record) -> None:
    parts = dict(protobuf.fields(message))
    into.facts = {"exit_code": protobuf.signed(parts.get(1, 0)), "runtime": protobuf.signed(parts.get(2, 0))}


_READERS = {
    "history": _history,
    "summary": _change,
    "config": _change,
    "stats": _stats,
    "output": _output,
    "output_raw": _output,
    "output_logger": _logger_output,
    "run": _run,
    "metric": _metric,
    "files": _files,
    "alert": _alert,
    "environment": _environment,
    "exit": _exit,
}


def _item(message: bytes) -> Item:
    """Read a value with its path. The value is JSON, or typed, as version 0.31.0 of the SDK may write it."""
    parts = list(protobuf.fields(message))
    for number, value in parts:
        if number in {8, 16}:
            return _path(parts), protobuf.raw(value)
        if number in _TYPED:
            return _path(parts), dumps(_TYPED[number](value))
    return _path(parts), b"null"


_TYPED: dict[int, Callable[[Value], Any]] = {
    3: lambda _value: None,
    4: bool,
    5: lambda value: (protobuf.signed(value) >> 1) ^ -(protobuf.signed(value) & 1),
    6: protobuf.double,
    7: protobuf.text,
}


def _path(parts: list[tuple[int, Value]]) -> tuple[str, ...]:
    """The path of an item: the repeated field `nested_key`, or the field `key`, which is not there if it is empty."""
    nested = tuple([protobuf.text(value) for number, value in parts if number == 2])
    return nested or (next((protobuf.text(value) for number, value in parts if number == 1), ""),)


def _time(message: bytes) -> float:
    parts = dict(protobuf.fields(message))
    return protobuf.signed(parts.get(1, 0)) + protobuf.signed(parts.get(2, 0)) / 1e9


def _text(message: bytes, wanted: int) -> str:
    return next((protobuf.text(value) for number, value in protobuf.fields(message) if number == wanted), "")
