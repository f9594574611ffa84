"""Makes the messages of the records in a `.wandb` file (protocol 9). Pure.

`wandb_records` reads the same messages. Members that a reader does not need are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from wandb_logging._formats import wandb_environment
from wandb_logging._formats.protobuf import put
from wandb_logging._formats.wandb_records import AGGREGATES, ALERT, KINDS, RESUMES, RUN
from wandb_logging._values.nested import paths
from wandb_logging._values.plain import dumps

_NUMBERS = {kind: number for number, kind in KINDS.items()}
_GOES_ON = ("allow", "must")
_GIT = {1: "remote", 2: "commit"}
_AT_END = 1  # the policy of a file that is uploaded once, when the run ends
_MEDIA = 2  # the type of a media file


def record(kind: str, message: bytes) -> bytes:
    """A record of one of the kinds in `wandb_records.KINDS`."""
    return put(_NUMBERS[kind], message)


def header(producer: str) -> bytes:
    """The record that says which program wrote the file."""
    return record("header", put(1, put(1, producer)))


def run(info: Mapping[str, Any], config: Mapping[str, Any], git: Mapping[str, str] = {}) -> bytes:
    """The identity of the run, whose members have the names that run.json uses; with its commit and remote."""
    parts = [put(number, info[name]) for number, name in RUN.items() if info.get(name)]
    parts += [put(10, tag) for tag in info.get("tags") or ()]
    parts += [put(4, changes(config)), put(17, timestamp(info["start"]))]
    parts += [put(RESUMES, 1)] if info.get("resume") in _GOES_ON else []
    if git:
        parts.append(put(21, b"".join([put(number, git[name]) for number, name in _GIT.items() if name in git])))
    return record("run", b"".join(parts))


def changes(values: Mapping[str, Any]) -> bytes:
    """A change that sets keys of the config or the summary."""
    return b"".join([put(1, _item((key,), dumps(value))) for key, value in values.items()])


def history(row: Mapping[str, Any]) -> bytes:
    """A row. Nested values are named by their paths, as the official SDK does. A media value counts as one value."""
    return record("history", b"".join([put(1, _item(path, dumps(value))) for path, value in paths(row)]))


def stats(values: Mapping[str, Any], time: float) -> bytes:
    """A sample of system metrics, whose names have no prefix here."""
    items = [put(3, _item((key,), dumps(value))) for key, value in values.items()]
    return record("stats", b"".join([put(2, timestamp(time)), *items]))


def output(text: str, time: float, *, error: bool) -> bytes:
    """A line of text, which ends in a newline."""
    return record("output_raw", b"".join([put(1, not error), put(2, timestamp(time)), put(3, text)]))


def metric(name: str, definition: Mapping[str, Any]) -> bytes:
    """A metric definition, as the fold keeps it under a name or glob."""
    glob = name.endswith("*")
    options = put(1, definition["step_sync"]) + put(2, definition["hidden"]) + put(3, not glob)
    wanted = b"".join([put(number, 1) for number, each in AGGREGATES.items() if each in definition["summary"]])
    step = put(4, definition["step_metric"]) if definition["step_metric"] else b""
    return record("metric", b"".join([put(2 if glob else 1, name), step, put(6, options), put(7, wanted)]))


def file(name: str, *, media: bool) -> bytes:
    """A file of the run, which is in the folder beside the log."""
    kind = put(3, _MEDIA) if media else b""
    return record("files", put(1, put(1, name) + put(2, _AT_END) + kind))


def alert(what: Mapping[str, Any]) -> bytes:
    """An alert, as the journal has it."""
    texts = b"".join([put(number, str(what[name])) for number, name in ALERT.items() if name in what])
    return record("alert", texts + put(4, int(1000 * float(what.get("wait", 0)))))


def summary(values: Mapping[str, Any]) -> bytes:
    """The whole summary."""
    return record("summary", changes(values))


def environment(about: Mapping[str, Any], start: float) -> bytes:
    """The machine of the run, as `wandb-metadata.json` has it."""
    return record("environment", put(3, timestamp(start)) + wandb_environment.written(about))


def ended(code: int, runtime: float) -> bytes:
    """The exit code, and how many seconds the run took."""
    return record("exit", put(1, code) + put(2, int(runtime)))


def timestamp(time: float) -> bytes:
    """A protobuf `Timestamp` of seconds since 1970, to the microsecond to which `datetime` rounds them."""
    seconds = math.floor(time)
    over, micros = divmod(round((time - seconds) * 1e6), 1_000_000)  # `time * 1e6` would itself be rounded before
    return put(1, seconds + over) + put(2, 1000 * micros)


def _item(path: Sequence[str], raw: bytes) -> bytes:
    return _name(tuple(path)) + put(16, raw)


@lru_cache(maxsize=10_000)
def _name(path: tuple[str, ...]) -> bytes:
    """The field `key` for a path of one part, else the repeated field `nested_key`."""
    return put(1, path[0]) if len(path) == 1 else b"".join([put(2, each) for each in path])
